"""A market whose truth is known: we choose how well its returns can be forecast, and the rest is noise.

The noise is correlated like stocks, has calm and stormy periods, and has fat tails. If predictability is planted, a
good forecast must find it. If none is, no forecast should look good.
"""

import numpy as np
import pandas as pd
from pandas.tseries.holiday import USFederalHolidayCalendar

from forefolio.market.csv_files import MarketError
from forefolio.market.returns import Date, iso_day
from forefolio.study.parameters import Study

BURN_IN = 500  # first days to discard, so that the start has no influence
SPREAD = 1.5  # ratio of the highest to the median volatility, and of the median to the lowest
MARKET, GROUP, ASSET, DELISTING = range(4)  # each kind of random number has its own streams


def trading_days(start: Date, end: Date, *, periods_per_year: int) -> pd.DatetimeIndex:
    """
    Days on which a simulated market trades.

    With 365 days per year, every day, as for coins. With 252, weekdays that are not a federal holiday of the United
    States, 249 to 253 per year; exchanges have slightly different holidays (Good Friday).

    Examples
    --------
    >>> trading_days("2024-07-03", "2024-07-08", periods_per_year=252).strftime("%a %d").tolist()
    ['Wed 03', 'Fri 05', 'Mon 08']
    """
    days = pd.date_range(start, end, name="date")
    if periods_per_year == 252:
        days = days[(days.day_of_week < 5) & ~days.isin(USFederalHolidayCalendar().holidays(start, end))]
    return days


def factor_market(days: pd.DatetimeIndex, study: Study) -> tuple[pd.DataFrame, pd.DataFrame]:
    """
    Prices of a factor market with volatility clusters, and the truth about them.

    Parameters
    ----------
    study : Study
        Its `simulated_*`, `predictability`, `predictability_lag` and `periods_per_year`. Asset i is in group i mod
        `simulated_groups`. Volatilities ascend evenly on a log scale: `simulated_volatility` / 1.5 for the first asset,
        1.5 times it for the last. Delistings happen on random days of the middle 80 %. The same seed gives exactly the
        same prices.

    Returns
    -------
    prices : DataFrame (n_days, n_assets)
        100 on the first day; columns S01, S02, and so on. Missing after a delisting.
    truth : DataFrame (n_assets, 7)
        Columns asset, lag, coefficient (phi), best_r2 (out-of-sample R2 of the best forecast, relative to the asset's
        true mean), best_r2_over_zero (relative to a forecast of zero), annual_volatility (daily times the root of
        `periods_per_year`, fraction), delisted_on (last day with a price, or missing).

    Raises
    ------
    MarketError
        If there are fewer than two days, or an asset would lose everything in a day.

    Notes
    -----
    Simple returns of asset i in group k, with m the mean per day, phi_i^2 its predictability, sigma_i its volatility,
    rho and rho_g the correlations of shocks of different groups and of one group::

        R_it = m + phi_i (R_i,t-lag - m) + e_it
        e_it = sigma_i sqrt(1 - phi_i^2) (sqrt(rho) f_t + sqrt(rho_g - rho) g_kt + sqrt(1 - rho_g) u_it)

    f, g and u are independent GARCH(1, 1) processes of variance one: x_t = sqrt(h_t) z_t with standardized Student z_t
    and h_t = 1 - arch - garch + arch x_{t-1}^2 + garch h_{t-1} (Bollerslev 1987).

    The past of all assets tells nothing about e_it except its size. Hence m + phi_i (R_i,t-lag - m) is the best
    forecast, its R2 is phi_i^2 relative to the mean and (sigma_i^2 phi_i^2 + m^2) / (sigma_i^2 + m^2) relative to zero,
    and if m and phi_i are zero, nothing beats a forecast of zero. This holds for simple returns. The mean log return is
    lower by about half the day's variance, which can be forecast a little. corr(R_i, R_j) = rho_ij sqrt((1 - phi_i^2)
    (1 - phi_j^2)) / (1 - phi_i phi_j), rho_ij being rho_g within a group and rho otherwise. Every process has its own
    random stream, so a change of predictability, delistings or the number of assets does not change the other shocks,
    and more delistings keep the earlier ones.

    Examples
    --------
    >>> days = trading_days("2020-01-01", "2021-12-31", periods_per_year=252)
    >>> prices, truth = factor_market(days, Study(simulated_assets=3, predictability=[0.04]))
    >>> truth[["asset", "coefficient", "best_r2", "annual_volatility"]].round(2)
      asset  coefficient  best_r2  annual_volatility
    0   S01          0.2     0.04               0.20
    1   S02          0.2     0.04               0.30
    2   S03          0.2     0.04               0.45
    """
    if len(days) < 2:
        raise MarketError(f"source simulated: the market has {len(days)} days and needs two; move start or end")
    n_assets, n_groups, seed = study.simulated_assets, study.simulated_groups, study.simulated_seed
    rho, rho_g, tail = study.simulated_correlation, study.simulated_group_correlation, study.simulated_tail
    best_r2, lag = np.broadcast_to(np.asarray(study.predictability, dtype=float), n_assets), study.predictability_lag
    phi, m = np.sqrt(best_r2), study.simulated_mean / study.periods_per_year  # per day, like sigma
    sigma = study.simulated_volatility / np.sqrt(study.periods_per_year) * SPREAD ** np.linspace(-1, 1, n_assets)

    streams = [(MARKET, 0), *((GROUP, k) for k in range(n_groups)), *((ASSET, i) for i in range(n_assets))]
    z = np.column_stack([_rng(seed, *stream).standard_t(tail, BURN_IN + len(days)) for stream in streams])
    x = _garch(z * np.sqrt(1 - 2 / tail), study.simulated_arch, study.simulated_garch)
    f, g, u = np.split(x, [1, 1 + n_groups], axis=1)
    mixed = np.sqrt(rho) * f + np.sqrt(rho_g - rho) * g[:, np.arange(n_assets) % n_groups] + np.sqrt(1 - rho_g) * u
    excess = sigma * mixed  # R - m; the first days have its variance already
    for t in range(lag, len(excess)):
        excess[t] = phi * excess[t - lag] + np.sqrt(1 - phi**2) * excess[t]

    growth = 1 + m + excess[BURN_IN:]
    growth[0] = 100  # the first day's price, whatever its return
    names = [f"S{i:0{max(2, len(str(n_assets)))}d}" for i in range(1, n_assets + 1)]
    if growth.min() <= 0:
        day, asset = np.argwhere(growth <= 0)[0]
        raise MarketError(f"source simulated: {names[asset]} would lose everything on {iso_day(days[day])}; lower "
                          "simulated_volatility or raise simulated_tail")
    order, end = _rng(seed, DELISTING, 0).random((n_assets, 2)).T  # the order and the days of delistings
    first, last = int(0.1 * len(days)), int(0.9 * len(days))
    goes = order.argsort().argsort() < study.simulated_delistings
    end_day = np.where(goes, first + (end * (last - first)).astype(int), len(days))
    prices = pd.DataFrame(growth.cumprod(axis=0), index=days.rename("date"), columns=names)
    truth = pd.DataFrame({
        "asset": names, "lag": lag, "coefficient": phi, "best_r2": best_r2,
        "best_r2_over_zero": (sigma**2 * best_r2 + m**2) / (sigma**2 + m**2),
        "annual_volatility": sigma * np.sqrt(study.periods_per_year),
        "delisted_on": days.to_series().reset_index(drop=True).reindex(end_day).array})
    return prices.where(np.arange(len(days))[:, None] <= end_day), truth


def _rng(seed: int, kind: int, number: int) -> np.random.Generator:
    """The random stream of one component, independent of the other components."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(kind, number)))


def _garch(z: np.ndarray, arch: float, garch: float) -> np.ndarray:
    """One GARCH(1, 1) process of unconditional variance one in each column, from innovations of variance one."""
    x, h = np.empty_like(z), np.ones(z.shape[1])
    for t in range(len(z)):
        x[t] = np.sqrt(h) * z[t]
        h = (1 - arch - garch) + arch * x[t]**2 + garch * h
    return x
