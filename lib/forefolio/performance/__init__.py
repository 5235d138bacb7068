"""Weights become net returns, metrics and evidence.

Enters: weights and returns. Leaves: daily net returns, a table of metrics, tests of skill and luck.
Open `backtest` first.

These names mean the same in every function of the room. Returns and weights are fractions, and days ascend.

returns : DataFrame (n_days, n_assets) or (n_days, n_strategies)
    Simple daily returns, none missing.
weights : DataFrame
    Columns rebalance_date, strategy, asset, weight, as `decisions.decide` returns them. The weights of a date and
    strategy sum to one; shorts are allowed.
trades : DataFrame
    Columns rebalance_date, strategy, turnover (one-way, half the sum of |target - drifted|), cost (fraction of wealth),
    as `backtest.backtest` finds them.
net_returns : DataFrame (n_days, n_strategies + 1)
    Simple daily returns after costs, the column `benchmark` among them. In a sweep (n_days, n_trials): columns
    `<point>/<strategy>`, missing outside of a point's test period.
monthly_excess : DataFrame (n_months, n_strategies)
    Each strategy's compounded month minus the benchmark's; the index is the first calendar day of the month.
performance, outcomes, promised : DataFrame
    One row per strategy, from `metrics.performance_table`, `investors.outcome` and `investors.promised`.
results : DataFrame
    One row per strategy and finished point of a sweep: point, the varying parameters, strategy, the metrics.
metric : str
    The column of one metric; `parameters` are the names of the varying parameters.
periods_per_year, risk_free_rate, cost_rate : int, float, float
    Trading days per year; fraction per year, of which each day earns 1 / `periods_per_year`; fraction of the amount
    traded, for purchases and sales (10 basis points: 0.001).
"""
