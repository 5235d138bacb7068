"""The planted truth is compared with 20,000 days of a fixed seed. What a sample may differ by is measured in it: the
means of blocks of 500 days are close to independent (a volatility cluster halves in two weeks), so their spread gives
the standard error of the whole mean. Four of them are allowed, and each error must be small against the effect."""

import numpy as np
import pandas as pd
import pytest

from forefolio.market.simulated import factor_market, trading_days
from forefolio.study.parameters import Study

LONG = pd.date_range("1950-01-01", periods=20_000, name="date")
SHORT = LONG[:1000]
NAMES = {"correlation": "simulated_correlation", "group_correlation": "simulated_group_correlation",  # short for the tests
         "n_assets": "simulated_assets", "mean": "simulated_mean", "volatility": "simulated_volatility",
         "n_groups": "simulated_groups", "arch": "simulated_arch", "garch": "simulated_garch",
         "degrees_of_freedom": "simulated_tail", "n_delisted": "simulated_delistings", "lag": "predictability_lag",
         "seed": "simulated_seed"}
STUDY = Study(source="simulated", simulated_assets=6, simulated_groups=2, periods_per_year=365, simulated_seed=7)


def market(days=SHORT, **changes):
    """A market of `STUDY` after changes, which may lie outside the ranges of a study."""
    return factor_market(days, STUDY.model_copy(update={NAMES.get(name, name): value for name, value in changes.items()}))


def returns_of(prices):
    return prices.pct_change(fill_method=None).iloc[1:].to_numpy()


def simulated(days=LONG, **changes):
    """Simple returns as an array, and the truth."""
    prices, truth = market(days, **changes)
    return returns_of(prices), truth


def standardized(days=SHORT, **changes):
    returns, truth = simulated(days, **changes)
    return returns / (truth["annual_volatility"].to_numpy() / np.sqrt(365))


def mean_and_error(values):
    """Mean over days and its standard error from the means of blocks of 500 days."""
    blocks = np.array([block.mean(axis=0) for block in np.array_split(values, len(values) // 500)])
    return values.mean(axis=0), blocks.std(axis=0, ddof=1) / np.sqrt(len(blocks))


def r2_and_error(returns, forecasts, reference):
    """Pooled 1 - SSE / SSE of the reference, per day first; error by the delta method."""
    sse = ((returns - forecasts) ** 2).sum(axis=1)
    base = ((returns - reference) ** 2).sum(axis=1)
    r2 = 1 - sse.mean() / base.mean()
    return r2, mean_and_error((1 - r2) * base - sse)[1] / base.mean()


def best_forecasts(returns, truth, m):
    """The forecasts of `returns` from the first day that has one."""
    lag = truth["lag"].iloc[0]
    return m + truth["coefficient"].to_numpy() * (returns[:-lag] - m), returns[lag:]


# Calendars

def test_every_day_trades_with_365_days_a_year():
    days = trading_days("2023-12-30", "2024-12-31", periods_per_year=365)
    assert days.equals(pd.date_range("2023-12-30", "2024-12-31")) and days.name == "date"


def test_weekends_and_federal_holidays_do_not_trade_with_252_days_a_year():
    days = trading_days("1990-01-01", "2029-12-31", periods_per_year=252)
    assert days.name == "date" and days.is_monotonic_increasing and days.is_unique
    per_year = days.year.value_counts()
    assert len(per_year) == 40 and per_year.between(248, 253).all()
    assert days.day_of_week.max() == 4
    assert not ((days.month == 7) & (days.day == 4)).any()
    closed = ["2024-01-01", "2024-11-28", "2024-12-25", "2021-07-05", "2021-12-31"]  # the last two observed
    assert not days.isin(pd.to_datetime(closed)).any()
    assert pd.to_datetime(["2024-07-03", "2024-07-05", "2024-03-29"]).isin(days).all()  # Good Friday is not federal


def test_a_holiday_at_either_end_does_not_trade():
    days = trading_days("2021-12-31", "2022-01-17", periods_per_year=252)
    assert (days[0], days[-1]) == (pd.Timestamp("2022-01-03"), pd.Timestamp("2022-01-14"))


def test_a_span_of_no_days_is_empty():
    assert trading_days("2024-01-02", "2024-01-01", periods_per_year=252).empty


# Prices and truth

def test_prices_start_at_100_and_carry_dates_and_names():
    prices, truth = market()
    assert prices.iloc[0].tolist() == [100.0] * 6
    assert prices.index.equals(SHORT) and prices.index.name == "date"
    assert list(prices) == list(truth["asset"]) == ["S01", "S02", "S03", "S04", "S05", "S06"]
    assert prices.notna().all(axis=None) and (prices > 0).all(axis=None)
    assert list(truth) == ["asset", "lag", "coefficient", "best_r2", "best_r2_over_zero", "annual_volatility",
                           "delisted_on"]
    assert truth["delisted_on"].isna().all() and truth["delisted_on"].dtype.kind == "M"
    assert list(market(SHORT[:5], n_assets=100)[0].columns[[0, 99]]) == ["S001", "S100"]


def test_a_price_is_the_one_before_times_one_plus_the_return_of_the_model():
    """The model written out again, one asset and one day at a time."""
    n_days, n_groups, arch, garch, dof = 30, 2, 0.1, 0.8, 5.0
    phi, lag, m = [np.sqrt(0.04), np.sqrt(0.09), 0.0], 2, 0.1 / 365
    prices, _ = market(SHORT[:n_days], n_assets=3, mean=0.1, arch=arch, garch=garch, degrees_of_freedom=dof,
                       predictability=[0.04, 0.09, 0.0], lag=lag)

    def process(kind, number):
        z = np.random.default_rng(np.random.SeedSequence(7, spawn_key=(kind, number))).standard_t(dof, 500 + n_days)
        x, h = [], 1.0
        for innovation in z / np.sqrt(dof / (dof - 2)):
            x.append(np.sqrt(h) * innovation)
            h = 1 - arch - garch + arch * x[-1] ** 2 + garch * h
        return x

    for i, sigma in enumerate([0.3 / 1.5, 0.3, 0.3 * 1.5]):
        f, g, u = process(0, 0), process(1, i % n_groups), process(2, i)
        returns = []
        for t in range(500 + n_days):
            shock = sigma / np.sqrt(365) * (np.sqrt(0.3) * f[t] + np.sqrt(0.2) * g[t] + np.sqrt(0.5) * u[t])
            returns.append(m + shock if t < lag else
                           m + phi[i] * (returns[t - lag] - m) + np.sqrt(1 - phi[i] ** 2) * shock)
        expected = 100.0
        for t in range(1, n_days):
            expected *= 1 + returns[500 + t]
            assert prices.iloc[t, i] == pytest.approx(expected, rel=1e-12)


def test_truth_by_hand():
    truth = market(n_assets=3, mean=0.365, volatility=0.01 * np.sqrt(365), predictability=[0.04, 0.25, 0.0], lag=3)[1]
    assert truth["lag"].tolist() == [3, 3, 3]
    assert truth["coefficient"].tolist() == pytest.approx([0.2, 0.5, 0.0])
    assert truth["best_r2"].tolist() == [0.04, 0.25, 0.0]
    assert truth["annual_volatility"].tolist() == pytest.approx(np.sqrt(365) * np.array([0.01 / 1.5, 0.01, 0.015]))
    # the middle asset: variance 1e-4, squared mean 1e-6, best forecast's error 0.75e-4
    assert truth["best_r2_over_zero"][1] == pytest.approx(1 - 0.75e-4 / 1.01e-4)
    assert truth["best_r2_over_zero"][2] == pytest.approx(1 - 2.25e-4 / 2.26e-4)


def test_middle_asset_has_the_volatility_asked_for_and_neighbors_keep_one_ratio():
    volatilities = market(n_assets=7, volatility=0.4)[1]["annual_volatility"].to_numpy()
    assert volatilities[3] == pytest.approx(0.4) and volatilities[-1] == pytest.approx(0.6)
    assert volatilities[1:] / volatilities[:-1] == pytest.approx(np.full(6, 1.5 ** (1 / 3)))


# Random numbers

def test_same_seed_gives_the_same_prices_bit_for_bit_and_another_seed_does_not():
    first, again, other = market(n_delisted=2), market(n_delisted=2), market(n_delisted=2, seed=8)
    pd.testing.assert_frame_equal(first[0], again[0], check_exact=True)
    pd.testing.assert_frame_equal(first[1], again[1], check_exact=True)
    assert (first[0].iloc[1] != other[0].iloc[1]).all()
    assert not first[1]["delisted_on"].equals(other[1]["delisted_on"])


def test_predictability_of_one_asset_leaves_the_others_prices_bit_identical():
    none = market()[0]
    planted = market(predictability=[0, 0, 0.1, 0, 0, 0])[0]
    assert (planted["S03"].iloc[1:] != none["S03"].iloc[1:]).all()
    pd.testing.assert_frame_equal(planted.drop(columns="S03"), none.drop(columns="S03"), check_exact=True)


def test_more_assets_leave_the_shocks_of_the_first_as_they_were():
    few, many = standardized(n_assets=6), standardized(n_assets=9)
    assert np.abs(few - many[:, :6]).max() < 1e-12
    assert np.abs(few).max() > 1  # and there are shocks to compare
    regrouped = standardized(n_assets=9, n_groups=3)
    assert np.abs(few - regrouped[:, :6])[:, 2].max() > 0.1  # S03 has moved from the first group to the third


def test_longer_days_keep_the_prices_of_the_shorter():
    pd.testing.assert_frame_equal(market(LONG[:1500])[0].iloc[:1000], market()[0], check_exact=True, check_freq=False)


# Delistings

def test_delisted_assets_have_no_price_after_their_end_and_only_then():
    prices, truth = market(n_assets=20, n_delisted=7)
    ends = truth.set_index("asset")["delisted_on"]
    assert ends.notna().sum() == 7 and ends.nunique() == 7
    for asset, end in ends.items():
        expected = prices.index <= end if pd.notna(end) else np.full(len(prices), True)
        assert (prices[asset].notna() == expected).all()
    assert prices.isna().any().sum() == 7


def test_ends_fill_the_middle_80_percent_of_the_days():
    truth = market(n_assets=1000, n_delisted=1000, days=SHORT[:200])[1]
    place = SHORT.get_indexer(truth["delisted_on"])
    assert set(place) == set(range(20, 180))  # a day is missed with probability 0.002
    assert abs(place.mean() - 99.5) < 4 * 160 / np.sqrt(12 * 1000)


def test_more_delistings_keep_the_earlier_ones():
    ends = [market(n_assets=20, n_delisted=n)[1]["delisted_on"] for n in range(21)]
    for n, (fewer, more) in enumerate(zip(ends[:-1], ends[1:], strict=True)):
        assert more.notna().sum() == n + 1
        assert more[fewer.notna()].equals(fewer.dropna())


def test_more_assets_move_no_end_and_delist_none_of_the_first_that_stayed():
    def ends(n_assets, n_delisted):
        return market(n_assets=n_assets, n_delisted=n_delisted)[1]["delisted_on"][:20]

    assert ends(20, 20).equals(ends(50, 50))
    few, many = ends(20, 12), ends(50, 12)
    assert many.dropna().equals(few[many.notna()]) and 0 < many.notna().sum() < 12


def test_delistings_leave_every_other_price_unchanged():
    without, having = market(n_assets=20)[0], market(n_assets=20, n_delisted=7)[0]
    pd.testing.assert_frame_equal(having, without.where(having.notna()), check_exact=True)
    assert having.isna().any(axis=None)


# The planted truth

@pytest.mark.parametrize("lag", [1, 3])
def test_best_forecast_reaches_the_planted_r2(lag):
    returns, truth = simulated(n_assets=20, n_groups=4, predictability=[0.05], lag=lag)
    forecasts, targets = best_forecasts(returns, truth, m=0.0)
    r2, error = r2_and_error(targets, forecasts, reference=0.0)
    assert error < 0.005
    assert abs(r2 - 0.05) < 4 * error
    assert truth["best_r2"].tolist() == [0.05] * 20
    assert truth["best_r2_over_zero"].tolist() == pytest.approx([0.05] * 20)  # the mean is zero


@pytest.mark.parametrize("lag", [1, 3])
def test_yesterday_helps_only_at_the_planted_lag(lag):
    """The autocorrelation at lag k is phi where k is the lag, and zero at every k that is no multiple of it."""
    returns, truth = simulated(n_assets=20, n_groups=4, predictability=[0.05], lag=lag)
    x = returns / truth["annual_volatility"].to_numpy() * np.sqrt(365)
    for k in range(1, 5):
        autocorrelation, error = mean_and_error((x[k:] * x[:-k]).mean(axis=1))
        expected = np.sqrt(0.05) ** (k // lag) if k % lag == 0 else 0.0
        assert error < 0.012 and abs(autocorrelation - expected) < 4 * error


def test_with_a_mean_both_r2_columns_are_what_the_best_forecast_reaches():
    """A mean of 12 a year is absurd, and large enough (about a tenth of the squares) for the columns to differ."""
    returns, truth = simulated(n_assets=20, n_groups=4, mean=12 * 0.2, volatility=0.4, predictability=[0.05])
    m = 12 * 0.2 / 365
    forecasts, targets = best_forecasts(returns, truth, m)
    variance = truth["annual_volatility"] ** 2 / 365
    pooled_over_zero = (truth["best_r2_over_zero"] * (variance + m**2)).sum() / (variance + m**2).sum()
    for reference, expected in ((m, 0.05), (0.0, pooled_over_zero)):
        r2, error = r2_and_error(targets, forecasts, reference)
        assert error < 0.006
        assert abs(r2 - expected) < 4 * error
    assert pooled_over_zero > 0.05 + 0.05  # far beyond four errors: a swap of the columns would fail
    for i in (0, 10, 19):
        r2, error = r2_and_error(targets[:, [i]], forecasts[:, [i]], 0.0)
        assert abs(r2 - truth["best_r2_over_zero"][i]) < 4 * error < 0.08


def test_each_asset_has_its_own_predictability():
    planted = [0.0, 0.02, 0.05, 0.1, 0.2, 0.4]
    returns, truth = simulated(predictability=planted)
    forecasts, targets = best_forecasts(returns, truth, m=0.0)
    for i, expected in enumerate(planted):
        r2, error = r2_and_error(targets[:, [i]], forecasts[:, [i]], 0.0)
        assert error < 0.015
        assert abs(r2 - expected) <= 4 * error


def test_surprises_cannot_be_forecast_from_the_past_of_any_asset():
    returns, truth = simulated(n_assets=6, predictability=[0.0, 0.02, 0.05, 0.1, 0.2, 0.4])
    sigma = truth["annual_volatility"].to_numpy() / np.sqrt(365)
    forecasts, targets = best_forecasts(returns, truth, m=0.0)
    surprises, past = (targets - forecasts) / sigma, returns[:-1] / sigma
    for k in range(3):
        products = surprises[k:, :, None] * past[:len(past) - k, None, :]
        mean, error = mean_and_error(products)
        assert error.max() < 0.02
        assert (np.abs(mean) < 4 * error).all()
    # with a return in place of a surprise the same finds something
    unexplained, error = mean_and_error(returns[1:, 5] / sigma[5] * past[:, 0])
    assert abs(unexplained) > 4 * error


def skill_of_fitted_forecasts(returns):
    """t-statistics against zero on the second half: an autoregression fitted on the first, and the trailing mean."""
    half = len(returns) // 2
    slopes, levels = np.array([np.polyfit(x[:half - 1], x[1:half], 1) for x in returns.T]).T
    autoregression = levels + slopes * returns[half - 1:-1]
    trailing_mean = (returns.cumsum(axis=0) / np.arange(1, len(returns) + 1)[:, None])[half - 1:-1]
    t = {}
    for name, forecasts in (("autoregression", autoregression), ("trailing mean", trailing_mean)):
        gain, error = mean_and_error((returns[half:] ** 2 - (returns[half:] - forecasts) ** 2).sum(axis=1))
        t[name] = gain / error
    return t


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_beats_a_forecast_of_zero_where_nothing_is_planted(seed):
    t = skill_of_fitted_forecasts(simulated(n_assets=20, n_groups=4, seed=seed)[0])
    assert max(t.values()) < 3


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_same_forecasts_beat_zero_where_something_is_planted(seed):
    """Else the test above could not fail: 0.02 for the one, a mean of a fifth of a deviation for the other."""
    planted, _ = simulated(n_assets=20, n_groups=4, seed=seed, predictability=[0.02])
    assert skill_of_fitted_forecasts(planted)["autoregression"] > 6
    drifting, _ = simulated(n_assets=20, n_groups=4, seed=seed, mean=0.2 * 0.3 * np.sqrt(365))
    assert skill_of_fitted_forecasts(drifting)["trailing mean"] > 6


@pytest.mark.parametrize("predictability", [[0.0], [0.0, 0.1, 0.3, 0.5, 0.0, 0.3]])
def test_correlations_within_and_between_groups_match_the_closed_form(predictability):
    returns, truth = simulated(correlation=0.2, group_correlation=0.7, predictability=predictability)
    x = returns / truth["annual_volatility"].to_numpy() * np.sqrt(365)
    phi = truth["coefficient"].to_numpy()
    for i in range(6):
        for j in range(i):
            rho = 0.7 if i % 2 == j % 2 else 0.2
            expected = rho * np.sqrt((1 - phi[i] ** 2) * (1 - phi[j] ** 2)) / (1 - phi[i] * phi[j])
            found, error = mean_and_error(x[:, i] * x[:, j])
            assert error < 0.04 and abs(found - expected) < 4 * error
            found = np.corrcoef(x[:, i], x[:, j])[0, 1]
            assert abs(found - expected) < 0.04


@pytest.mark.parametrize("predictability", [0.0, 0.3])
def test_volatility_and_mean_match(predictability):
    """Also with a carry-over: the shocks are scaled down for it."""
    returns, truth = simulated(mean=0.5, predictability=[predictability], lag=2)
    variances = truth["annual_volatility"].to_numpy() ** 2 / 365
    found, error = mean_and_error((returns - 0.5 / 365) ** 2)
    assert (error / variances).max() < 0.05
    assert (np.abs(found - variances) < 4 * error).all()
    found, error = mean_and_error(returns / np.sqrt(variances))
    assert (np.abs(found - 0.5 / 365 / np.sqrt(variances)) < 4 * error).all() and error.max() < 0.02


def test_first_days_are_as_volatile_as_later_ones_despite_a_long_lag():
    """10 days of 1000 assets without common factors: no warm-up is left over."""
    x = standardized(SHORT[:11], n_assets=1000, correlation=0.0, group_correlation=0.0, predictability=[0.8], lag=400)
    assert abs((x**2).mean() - 1) < 4 * np.sqrt((x**2).mean(axis=0).var() / 1000) < 0.15


def test_volatility_clusters_with_arch_and_not_without():
    def clustering(**changes):
        squares = standardized(LONG, **changes) ** 2
        return np.array([np.corrcoef(x[1:], x[:-1])[0, 1] for x in squares.T])

    # without clusters days are independent and an autocorrelation has the standard error 1 / sqrt(T)
    assert clustering(arch=0.1, garch=0.85).min() > 8 / np.sqrt(len(LONG))
    assert np.abs(clustering(arch=0.0, garch=0.0)).max() < 4 / np.sqrt(len(LONG))


def test_few_degrees_of_freedom_give_fat_tails_and_many_none():
    def excess_kurtosis(degrees_of_freedom):
        x = standardized(LONG, arch=0.0, garch=0.0, degrees_of_freedom=degrees_of_freedom)
        return (x**4).mean(axis=0) / (x**2).mean(axis=0) ** 2 - 3

    # each of three independent parts has 6 / (6 - 4) = 3; their sum keeps 0.09 + 0.04 + 0.25 = 0.38 of it
    assert excess_kurtosis(6.0).min() > 0.6
    assert np.abs(excess_kurtosis(1e6)).max() < 4 * np.sqrt(24 / len(LONG))


# Refusals

@pytest.mark.parametrize("n_days", [0, 1])
def test_fewer_than_two_days_are_refused(n_days):
    with pytest.raises(ValueError, match=f"has {n_days} days and needs two; move start or end"):
        market(SHORT[:n_days])


def test_a_loss_of_everything_is_refused_and_says_whose_and_when():
    with pytest.raises(ValueError, match=r"^source simulated: S0\d would lose everything on 19\d\d-\d\d-\d\d; "
                                         r"lower simulated_volatility or raise simulated_tail$"):
        market(volatility=8.0, degrees_of_freedom=2.5)
    with pytest.raises(ValueError, match="^source simulated: S01 would lose everything on 1950-01-02"):
        market(mean=-2 * 365)
