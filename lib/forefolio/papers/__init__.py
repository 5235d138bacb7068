"""A run becomes a table of claims: each printed number of a paper beside ours.

Enters: tables of a run and the published numbers. Leaves: one row per claim, with a tolerance and a status.
Open `claims` first.

These names mean the same in every function of the room; `returns`, `net_returns` and `monthly_excess` are those of the
room `performance`. Returns and weights are fractions.

paper : str
    Parameter `paper`: whose numbers a run reproduces, "none" for nobody's.
published : dict of DataFrames
    The paper's files, `numbers` and `audit`, as `Stage.published` returns them; `printed` says what their rows hold.
    With them, where they are there, results of sweeps over choices that the paper leaves open, such as `choices`.
place : str
    Where a number stands in the paper, as the files have it: "Table 3", "Results".
rows : DataFrame
    Claims, as `printed.compare` returns them: paper, place, claim, published, ours, tolerance, status, reading.
weights, statistics : DataFrame (n_assets, n_portfolios), (n_statistics, n_portfolios)
    Per portfolio, the columns; in Table 3 minimum_cvar, maximum_sortino, minimum_variance and maximum_sharpe, with the
    statistics of `metrics.portfolio_statistics`.
accuracy : DataFrame
    A row per model with its test errors: in log returns mae_mean, mae_std, mse_mean, ... and hit ratios (Nguyen); in
    simple returns window, mse_validation, mae_test, ... and those of forecasting zero, zero_mse_test (Zouaoui & Naas).
excess, tests, universe : DataFrame
    From `metrics.excess_table`, `evidence.monthly_tests` and `market.universe.Universe.assets`.
periods_per_year : int
    Trading days a year.
"""
