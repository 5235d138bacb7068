"""Forecasts and risk become weights.

Enters: returns and forecasts known at a decision date. Leaves: weights that sum to one, and a log of the solvers.
Open `decisions` first.

Frames
------
Assets are joined by name. A missing value, a problem without a solution, and a solver that does not reach the optimum
raise `OptimizationError`.

returns, scenarios : DataFrame (n_days, n_assets)
    Simple daily returns, as fractions, in ascending order and without gaps. Only drawdowns depend on the order of
    scenarios.
traded : DataFrame of bool (n_days, n_assets)
    Whether an asset has a price of its own that day. If not, it can be neither bought nor sold: a holding keeps its
    drifted weight, or has become cash if the asset's prices have ended.
forecasts : DataFrame
    Columns decision_date, target_date, horizon, asset, model, seed, forecast. `of_model` is one model's part of it,
    averaged over seeds.
mu, covariance : Series (n_assets,), DataFrame (n_assets, n_assets)
    Expected return and covariance, per day. `risk_free` is the risk-free return per day.
rebalance_dates : sequence of dates
    Days of `returns` at which weights are decided, ascending; `date` is one of them.
weights : DataFrame
    Columns rebalance_date, strategy, asset, weight, as `decisions.decide` returns them; for one portfolio a Series by
    asset. They sum to one on each date.
limits : Limits
    Bounds on weights and turnover; the papers have none. If the turnover cannot stay within its limit, it is the
    smallest possible, and the note says so.
terms : Terms
    The parameters of a study that concern portfolios.
"""
