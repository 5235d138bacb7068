"""Rules between parameters: which values do not fit together, and how to fix it."""

import re
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from forefolio.study.vocabulary import COVARIANCES, FRAMEWORKS, LEAKS, MODELS, SOURCES, short

NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]*"  # of a study or a sweep, which is a folder's
DAYS = ("start", "train_end", "validation_end", "end")


class Rule(NamedTuple):
    """One rule: values that do not fit together."""

    fields: tuple[str, ...]  # the parameters that it reads
    broken: Callable[[Any], Any]  # what is wrong in a study; empty or False if nothing is
    message: str  # a parameter in braces stands for its value, {found} for what the check found


def problem(study: Any, declared: set[str]) -> str:
    """The message of the first broken rule between declared parameters; '' when none is broken."""
    for rule in RULES:
        found = set(rule.fields) <= declared and rule.broken(study)
        if found:
            values = {"found": found, **dict(study)}
            return rule.message.format(**{name: short(value) if isinstance(value, str | list) else value
                                          for name, value in values.items()})
    return ""


def _repeated(field: str) -> Rule:
    """A rule against a list with a repeated value."""
    return Rule((field,), lambda s: next((of for of, count in Counter(getattr(s, field)).items() if count > 1), None),
                f"{field}: {{found}} is named twice; name it once")


def _disordered(earlier: str, later: str) -> Rule:
    """A rule against dates in the wrong order."""
    return Rule((earlier, later), lambda s: getattr(s, earlier) >= getattr(s, later),
                f"{later}: {{{later}}} is not after {earlier} ({{{earlier}}}); the order is {' < '.join(DAYS)}")


RULES = (  # the first broken one is reported
    Rule(("study",), lambda s: not re.fullmatch(NAME, s.study),
         "study: {study!r} is not a plain name; use letters, digits, '-', '_' and '.'"),
    Rule(("models", "network_scope"),
         lambda s: next((of for of in s.models if MODELS[of].scopes and s.network_scope not in MODELS[of].scopes), None),
         "models: {found} does not exist for network_scope {network_scope}; leave it out, or change network_scope"),
    Rule(("seeds", "network_scope"), lambda s: s.network_scope == "joint" and s.seeds > 1,
         "seeds: only per-asset networks can have {seeds} trainings; set seeds to 1, or network_scope to asset"),
    Rule(("network_scope", "windows", "lookback"), lambda s: s.network_scope == "joint" and s.lookback not in s.windows,
         "windows: {windows} lacks lookback ({lookback}), whose network the portfolios use; add it"),
    Rule(("network_preset", "network_target", "network_scope"),
         lambda s: s.network_scope == "joint" and s.network_preset == "prose" and s.network_target != "next_day",
         "network_target: the prose preset has one output, the next day; set next_day"),
    Rule(("refit", "network_scope"), lambda s: s.network_scope == "joint" and s.refit != "never",
         "refit: only per-asset networks can be refitted {refit}; set refit to never, or network_scope to asset"),
    Rule(("leak", "network_scope"), lambda s: s.leak == "scaler_sees_test" and s.network_scope == "joint",
         "leak: scaler_sees_test needs per-asset networks, because joint ones read unscaled returns; set "
         "network_scope to asset, or another leak"),
    Rule(("leak", "models"), lambda s: LEAKS[s.leak].trains and not any(MODELS[of].scopes for of in s.models),
         "leak: {leak} needs a network, and models has none; add lstm, or set another leak"),
    Rule(("leak", "models"), lambda s: s.leak == "full_sample_mean" and not {"mean", "mean_frozen"} & {*s.models},
         "leak: full_sample_mean needs mean or mean_frozen, and models has neither; add one, or set another leak"),
    Rule(("drawdown_alpha", "drawdown_path"), lambda s: s.drawdown_alpha != 1 and s.drawdown_path != "uncompounded",
         "drawdown_alpha: {drawdown_alpha} needs drawdown_path uncompounded, because the mean of compounded "
         "drawdowns is not convex; set drawdown_path to uncompounded, or drawdown_alpha to 1"),
    Rule(("covariance_estimator", "scenarios", "frameworks"),
         lambda s: COVARIANCES[s.covariance_estimator].ordered and s.scenarios == "append"
         and next((name for name in s.frameworks if FRAMEWORKS[name].sees == "covariance"), None),
         "scenarios: append puts forecasts after the days that {found} sees, where covariance_estimator "
         "{covariance_estimator} looks for the newest returns; set history or recenter, or leave {found} out"),
    Rule(("min_weight", "max_weight"), lambda s: s.min_weight > s.max_weight,
         "min_weight: {min_weight} is above max_weight ({max_weight}); lower it"),
    Rule(("max_gross",), lambda s: 0 < s.max_gross < 1,
         "max_gross: {max_gross} is below 1, and fully invested weights always have a gross exposure of at least 1; "
         "set 1 or more, or 0 for no limit"),
    *map(_disordered, DAYS, DAYS[1:]),
    Rule(("models", "portfolio_models"), lambda s: next((of for of in s.portfolio_models if of not in s.models), None),
         "portfolio_models: {found} is not in models, which makes the forecasts; add it there or leave it out here"),
    Rule(("models",), lambda s: "zero" not in s.models,
         "models: zero is missing, and every other model is compared with it; add it"),
    *map(_repeated, ("tickers", "benchmark_tickers", "models", "portfolio_models", "frameworks", "windows")),
    Rule(("tickers", "benchmark"), lambda s: s.benchmark in s.tickers,
         "tickers: {benchmark} is the benchmark, which no strategy can hold; remove it"),
    Rule(("lookback", "models", "cnn1d_layers", "cnn1d_kernel_size", "cnn1d_pool_size"),
         lambda s: "cnn1d" in s.models and s.lookback - s.cnn1d_layers * (s.cnn1d_kernel_size - 1) < s.cnn1d_pool_size,
         "cnn1d_kernel_size: {cnn1d_layers} convolutions of {cnn1d_kernel_size} and a pool of {cnn1d_pool_size} need "
         "more days than the lookback of {lookback}; lengthen lookback"),
    Rule(("source", "tickers", "prices_path"),
         lambda s: SOURCES[s.source].needs and not getattr(s, SOURCES[s.source].needs) and SOURCES[s.source],
         "{found.needs}: source {source} needs {found.finds}; set {found.needs}"),
    Rule(("source", "periods_per_year"), lambda s: s.source == "simulated" and s.periods_per_year not in (252, 365),
         "periods_per_year: source simulated has no calendar with {periods_per_year} days per year; set 252 or 365"),
    Rule(("source", "simulated_assets", "predictability"),
         lambda s: (s.source == "simulated" and len(s.predictability) not in (1, s.simulated_assets)
                    and len(s.predictability)),
         "predictability: has {found} values for {simulated_assets} assets; give one for all, or one per asset"),
    Rule(("simulated_correlation", "simulated_group_correlation"),
         lambda s: s.simulated_correlation > s.simulated_group_correlation,
         "simulated_group_correlation: {simulated_group_correlation} is below simulated_correlation "
         "({simulated_correlation}); assets in one group are at least as correlated as assets in different groups"),
    Rule(("simulated_arch", "simulated_garch"), lambda s: s.simulated_arch + s.simulated_garch >= 1,
         "simulated_garch: simulated_arch + simulated_garch must stay below 1, or the variance has no finite mean; "
         "lower one of them"),
    Rule(("source", "simulated_assets", "simulated_delistings"),
         lambda s: s.source == "simulated" and s.simulated_delistings > s.simulated_assets - 2,
         "simulated_delistings: {simulated_delistings} of {simulated_assets} assets leave fewer than two; lower it"),
)
