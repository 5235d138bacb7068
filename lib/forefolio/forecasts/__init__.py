"""Returns become forecasts on one schedule, and their accuracy.

Enters: simple daily returns. Leaves: one long frame of forecasts, decided before their target days. Open `registry` first.
"""
