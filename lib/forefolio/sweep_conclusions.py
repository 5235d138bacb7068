"""A sweep in sentences: is every point there, which is best, where the base's own choice stands, what was tried.

The sentences are built from the numbers alone, so that they hold for any sweep; the notebook displays them as Markdown.
"""

import pandas as pd

from forefolio.conclusions import EQUAL_WEIGHT
from forefolio.metrics import BENCHMARK
from forefolio.trials import LOWER_IS_BETTER, SAME, SEED, Sweep, contenders, point_ranking, ranking


def accounting(points: pd.DataFrame) -> str:
    """
    Every point in one sentence, and each that is not done with its reason.

    Examples
    --------
    >>> accounting(pd.DataFrame({"point": ["a", "b"], "state": ["done", "failed"], "stage": ["", "04_forecasting"],
    ...                          "error": ["", "no memory"]}))
    '**2 points: 1 done, 1 failed.**\\n\\n* `b` failed in 04_forecasting: no memory'
    """
    counts = points["state"].value_counts(sort=False).sort_index(key=lambda states: states != "done", kind="stable")
    told = ", ".join(f"{number} {state}" for state, number in counts.items())
    lost = points[points["state"] != "done"]
    lines = [f"* `{row['point']}` {row['state']}" + (f" in {row['stage']}" if row["stage"] else "")
             + (f": {_short(row['error'])}" if row["error"] else "") for _, row in lost.head(12).iterrows()]
    lines += [f"* and {len(lost) - 12} more, in points.csv"] if len(lost) > 12 else []
    return "\n".join([f"**{len(points)} point{'s' * (len(points) != 1)}: {told}.**", *([""] if lines else []), *lines])


def leader(results: pd.DataFrame, metric: str) -> str:
    """The best row in a sentence, beside equal weight of its own point, and how many rows are ahead of theirs."""
    rows = ranking(contenders(results, metric), metric)
    best, lower = rows.iloc[0], metric in LOWER_IS_BETTER
    tied = int((rows["rank"] == 1).sum()) - 1
    text = (f"By `{metric}` ({'lower' if lower else 'higher'} is better) point `{best['point']}`, strategy "
            f"`{best['strategy']}`, is the best of {len(rows)}: {_number(best[metric])}"
            + (f", with {tied} level with it." if tied else "."))
    rest = results[~results["strategy"].isin([*rows["strategy"], EQUAL_WEIGHT, BENCHMARK])]
    if len(rest := ranking(rest, metric)) and (rest[metric].iloc[0] < best[metric]) == lower:
        ahead = rest.iloc[0]
        text += f" `{ahead['strategy']}`, which no parameter touches, is better with {_number(ahead[metric])}."
    simple = results[results["strategy"] == EQUAL_WEIGHT].set_index("point")[metric].dropna()
    if best["point"] not in simple.index or best["strategy"] == EQUAL_WEIGHT:
        return text
    against = rows[metric] - rows["point"].map(simple)
    ahead = int((against < -SAME).sum() if lower else (against > SAME).sum())
    return (f"{text} Equal weight has {_number(simple[best['point']])} in the same point; {ahead or 'none'} of the "
            f"{len(rows)} {'are' if ahead != 1 else 'is'} ahead of equal weight of the own point.")


def standing(sweep: Sweep, metric: str) -> str:
    """The rank of the base's own choice among the points, each by its best strategy, in a sentence."""
    whose = "The base's own choice" if sweep.paper == "none" else f"The paper's configuration (`{sweep.paper}`)"
    if not sweep.base_point:
        return f"{whose} (`{sweep.base}`) is none of the points of this sweep."
    rows = point_ranking(contenders(sweep.results, metric), metric)
    if sweep.base_point not in set(rows["point"]):
        return f"{whose}, point `{sweep.base_point}`, has no result here, so it has no rank."
    own, best = rows.set_index("point").loc[sweep.base_point], rows.iloc[0]
    tied = int((rows["rank"] == own["rank"]).sum()) - 1
    text = (f"{whose}, point `{sweep.base_point}`, is **rank {own['rank']} of {len(rows)}** by `{metric}`: "
            f"{_number(own[metric])} with `{own['strategy']}`")
    text += f", level with {tied} other{'s' * (tied > 1)}" if tied else ""
    return text + ("." if own["rank"] == 1 else f"; the best point has {_number(best[metric])} with `{best['strategy']}`.")


def repetition(spread: pd.DataFrame, parameters: list[str], metric: str) -> str:
    """
    What another seed changes beside what another setting changes, in a sentence.

    Parameters
    ----------
    spread : DataFrame
        As `sensitivity.by_seed` gives it.
    parameters : list of str
        The varying parameters.
    metric : str
        What the spread is of.
    """
    if SEED not in parameters:
        return (f"The seed is the same in all points of this sweep, so what training by chance does to `{metric}` cannot be "
                "told here; `seed: [7, 8, 9]` in the grid would tell.")
    repeated = spread[spread["n_seeds"] > 1]
    if repeated.empty:
        return f"No setting of this sweep has `{metric}` of two seeds."
    moved = repeated[repeated["highest"] - repeated["lowest"] > SAME]
    if moved.empty:
        return f"Another seed changes `{metric}` of no strategy here."
    strategies, all_of = moved["strategy"].nunique(), spread["strategy"].nunique()
    apart = moved["deviation"]
    text = (f"Another seed changes `{metric}` of {strategies} of {all_of} strategies. Where it does, trainings of one "
            f"setting differ by a deviation of {_number(apart.median())} (median over {len(moved)} settings, at most "
            f"{_number(apart.max())})")
    means = moved.groupby("strategy")["mean"].agg(["size", "std"])
    between = means.loc[means["size"] > 1, "std"].median()
    if pd.isna(between):
        return text + "."
    by_chance = (apart / moved["n_seeds"] ** 0.5).median()  # the deviation of a mean of so many seeds
    side = "no more than" if between <= by_chance else "more than"
    return (f"{text}. The means of the settings have a deviation of {_number(between)} (median over strategies), {side} the "
            f"{_number(by_chance)} that seeds alone would give them.")


def tried_sentence(tried: pd.DataFrame, net_returns: pd.DataFrame, compared: pd.DataFrame) -> str:
    """
    How many trials the tests below count, and on which days.

    Parameters
    ----------
    tried, net_returns, compared : DataFrame
        As `trials.distinct_trials`, a `Sweep` and `trials.comparable` give them.
    """
    def count(frame: pd.DataFrame) -> int:
        return sum(not name.endswith("/benchmark") for name in frame)

    left_out, alike = count(net_returns) - count(compared), count(compared) - tried.shape[1]
    text = (f"**{tried.shape[1]} distinct trial{'s' * (tried.shape[1] != 1)}** on {len(tried)} common days, {_days(tried)}, "
            f"of {count(net_returns)} columns of returns")
    text += f"; {alike} repeat another one day by day" if alike else ""
    return text + (f"; {left_out} cannot be compared: they do not vary, or have too few days in common with the best one."
                   if left_out else ".")


def _days(frame: pd.DataFrame) -> str:
    """First and last day of a frame."""
    return f"{frame.index[0]:%Y-%m-%d} to {frame.index[-1]:%Y-%m-%d}"


def _number(value: float) -> str:
    return f"{value:#.4g}"


def _short(text: str) -> str:
    """An error on one line, without what Markdown would read as markup."""
    flat = " ".join(text.replace("`", "'").replace("*", "\\*").split())
    return flat if len(flat) <= 300 else flat[:297] + "..."
