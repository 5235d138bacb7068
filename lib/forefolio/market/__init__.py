"""A source becomes prices, and prices become a universe, returns, periods, covariance and correlation.

Enters: a `Study`. Leaves: wide frames with a day per row and an asset per column. Open `sources` first.

Frames
------
prices : DataFrame (n_days, n_tickers)
    Adjusted closes. Days ascend without repeats, each ticker has one column, and NaN means no price.
returns : DataFrame (n_days, n_assets)
    Simple daily returns, as fractions, without gaps. The return of day t is earned from the close of the day before to
    the close of t.
correlation, covariance : DataFrame (n_assets, n_assets)
    One row and one column per asset. A covariance is per day: annualize it when you show it, not when you compute it.
index, days : DatetimeIndex (n_days,)
    Trading days, ascending.
start, end, train_end, validation_end : date
    First and last day of prices, last day of training and last day of validation; they need not be trading days.
periods_per_year : int
    Trading days per year.
study : Study
    All parameters; `params/default.yml` gives their meanings and units. A docstring names those that it reads.
"""
