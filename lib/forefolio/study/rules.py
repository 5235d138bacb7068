"""Rules between the parameters of a study: which values do not fit together, and what to do about it."""

import re
from typing import Any

NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]*"  # of a study or a sweep, which is a folder's


def conflicts(study: Any) -> list[tuple[tuple[str, ...], str]]:
    """Each rule between parameters: those it reads, and what is wrong ('' when nothing is)."""
    convolved = study.lookback - study.cnn1d_layers * (study.cnn1d_kernel_size - 1)
    rules = [(("study",), "" if re.fullmatch(NAME, study.study) else
              f"study: {study.study!r} is not a plain name; use letters, digits, '-', '_' and '.'")]
    joint = study.network_scope == "joint"
    rules += [
        (("models", "network_scope"), "" if not joint or "cnn1d" not in study.models else
         "models: cnn1d is not there for network_scope joint; leave it out, or set network_scope to asset"),
        (("seeds", "network_scope"), "" if not joint or study.seeds == 1 else
         f"seeds: {study.seeds} trainings are for networks of one asset; set seeds to 1, or network_scope to asset"),
        (("network_scope", "windows", "lookback"), "" if not joint or study.lookback in study.windows else
         f"windows: {study.windows} lacks lookback ({study.lookback}), whose network the portfolios use; add it"),
        (("network_preset", "network_target", "network_scope"),
         "" if not joint or study.network_preset == "code" or study.network_target == "next_day" else
         "network_target: the prose preset has one output, the next day; set next_day"),
        (("refit", "network_scope"), "" if not joint or study.refit == "never" else
         f"refit: {study.refit} is for networks of one asset; set refit to never, or network_scope to asset"),
        (("drawdown_alpha", "drawdown_path"), "" if study.drawdown_alpha == 1 or study.drawdown_path == "uncompounded" else
         f"drawdown_alpha: {study.drawdown_alpha} needs drawdown_path uncompounded, as the mean of compounded drawdowns is "
         "not convex; set it, or drawdown_alpha to 1"),
        (("min_weight", "max_weight"), "" if study.min_weight <= study.max_weight else
         f"min_weight: {study.min_weight} is above max_weight ({study.max_weight}); lower it"),
        (("max_gross",), "" if study.max_gross == 0 or study.max_gross >= 1 else
         f"max_gross: {study.max_gross} is below 1, which fully invested weights cannot meet; set 1 or more, or 0 for none")]
    days = ("start", "train_end", "validation_end", "end")
    for earlier, later in zip(days, days[1:]):
        first, last = getattr(study, earlier), getattr(study, later)
        rules.append(((earlier, later), "" if first < last else
                      f"{later}: {last} is not after {earlier} ({first}); the order is {' < '.join(days)}"))
    unmade = [model for model in study.portfolio_models if model not in study.models]
    rules.append((("models", "portfolio_models"), "" if not unmade else
                  f"portfolio_models: {unmade[0]} is not in models, which makes the forecasts; add it there or leave it "
                  "out here"))
    rules.append((("models",), "" if "zero" in study.models else
                  "models: zero is missing, which every other model is measured against; add it"))
    for field in ("tickers", "benchmark_tickers", "models", "portfolio_models", "frameworks", "windows"):
        values = getattr(study, field)
        repeated = next((value for value in values if values.count(value) > 1), None)
        rules.append(((field,), "" if repeated is None else f"{field}: {repeated} is named twice; name it once"))
    rules.append((("tickers", "benchmark"), "" if study.benchmark not in study.tickers else
                  f"tickers: {study.benchmark} is the benchmark; an index is not invested in, so take it out"))
    rules.append((("lookback", "models", "cnn1d_layers", "cnn1d_kernel_size", "cnn1d_pool_size"),
                  "" if "cnn1d" not in study.models or convolved >= study.cnn1d_pool_size else
                  f"cnn1d_kernel_size: {study.cnn1d_layers} convolutions of {study.cnn1d_kernel_size} and a pool of "
                  f"{study.cnn1d_pool_size} leave nothing of a lookback of {study.lookback}; lengthen lookback"))
    rules.append((("source", "prices_path"), "" if study.source != "csv" or study.prices_path else
                  "prices_path: source csv needs the path of a file of prices; set prices_path"))
    simulated = study.source == "simulated"
    rules += [
        (("source", "tickers"), "" if study.source != "yfinance" or study.tickers else
         "tickers: source yfinance needs names to download; set tickers"),
        (("source", "periods_per_year"), "" if not simulated or study.periods_per_year in (252, 365) else
         f"periods_per_year: {study.periods_per_year} is no calendar of source simulated; set 252 or 365"),
        (("source", "simulated_assets", "predictability"),
         "" if not simulated or len(study.predictability) in (1, study.simulated_assets) else
         f"predictability: has {len(study.predictability)} values for {study.simulated_assets} assets; give one for all, "
         "or one an asset"),
        (("simulated_correlation", "simulated_group_correlation"),
         "" if study.simulated_correlation <= study.simulated_group_correlation else
         f"simulated_group_correlation: {study.simulated_group_correlation} is below simulated_correlation "
         f"({study.simulated_correlation}); assets of one group are at least as alike as others"),
        (("simulated_arch", "simulated_garch"), "" if study.simulated_arch + study.simulated_garch < 1 else
         "simulated_garch: simulated_arch + simulated_garch must stay below 1, or the variance has no mean; lower one"),
        (("source", "simulated_assets", "simulated_delistings"),
         "" if not simulated or study.simulated_delistings <= study.simulated_assets - 2 else
         f"simulated_delistings: {study.simulated_delistings} of {study.simulated_assets} assets leave fewer than two; "
         "lower it")]
    return rules
