"""A source becomes prices, and prices become a universe, returns, periods, covariance and correlation.

Enters: a `Study`. Leaves: wide frames with a day per row and an asset per column. Open `sources` first.

Frames
------
prices : DataFrame (n_days, n_tickers)
    Adjusted closes; days ascend without repeats, each ticker has one column, NaN stands where there is no price.
returns : DataFrame (n_days, n_assets)
    Simple daily returns, fractions, without gaps: day t's is earned from the close before to the close of t.
correlation, covariance : DataFrame (n_assets, n_assets)
    Assets on both sides. A covariance is per day: annualize where you show it, not where you compute it.
index, days : DatetimeIndex (n_days,)
    Trading days, ascending.
start, end, train_end, validation_end : date
    First and last day of the prices, last day of training and of validation; they need not be trading days.
periods_per_year : int
    Trading days a year.
study : Study
    All parameters, with their meaning and unit in `params/default.yml`; a docstring names those that it reads.
"""
