"""A source becomes prices, and prices become a universe, returns, periods, covariance and correlation.

Enters: a `Study`. Leaves: wide frames with a day per row and an asset per column. Open `sources` first.
"""
