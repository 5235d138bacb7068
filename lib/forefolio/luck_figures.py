"""Pictures of what luck gives: the chosen trial among all trials, and whether a choice outlives the days that made it.

Each function takes results of `luck` and returns a plotly figure.
"""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from forefolio.conclusions import percent
from forefolio.drawing import INK, dress
from forefolio.luck import Overfitting

RED, BLUE, PALE = "#c8371e", "#1f5fa8", "#9db4cc"
DISTINCT = 40  # as many values have a bar each


def best_and_luck(sharpe_ratios: pd.Series, deflated: pd.Series) -> go.Figure:
    """Daily Sharpe ratios of all trials, the chosen one, and the best that so many trials would have by luck.

    Parameters
    ----------
    sharpe_ratios : Series
        As `luck.sharpe_ratios` gives them, one a trial, a day.
    deflated : Series
        As `luck.deflated_sharpe` gives it.
    """
    by_luck, chosen = deflated["expected_best"], deflated["sharpe"]
    low, high = (end([sharpe_ratios.agg(name), by_luck, chosen, 0]) for end, name in ((min, "min"), (max, "max")))
    room = max(0.08 * (high - low), 1e-3)
    step = (high - low + 2 * room) / DISTINCT
    numbers, counts = np.unique(np.floor(sharpe_ratios / step), return_counts=True)
    figure = go.Figure(go.Bar(x=(numbers + 0.5) * step, y=counts, width=step, marker_color=PALE, name="trials",
                              marker_line=dict(color="white", width=1), showlegend=False, hovertemplate="%{x:.3f}: %{y}"))
    marks = sorted([(by_luck, "expected best by luck", INK, "dash"), (chosen, "the chosen trial", RED, "solid")])
    places = _places(*((mark[0] - low) / (high - low) for mark in marks))
    for (value, text, color, dash), (level, anchor) in zip(marks, places):
        figure.add_shape(type="line", x0=value, x1=value, y0=0, y1=level - 0.03, yref="paper",
                         line=dict(color=color, width=2, dash=dash))
        figure.add_annotation(x=value, y=level, yref="paper", text=f"{text}: {value:.3f}", font_color=color, showarrow=False,
                              xanchor=anchor, yanchor="middle")
    figure.update_xaxes(title_text="Sharpe ratio (a day, not annualized)", range=[low - room, high + room])
    figure.update_yaxes(title_text="trials", **_whole(counts))
    return dress(figure, "Is the chosen trial beyond what luck gives?",
                 f"{deflated['n_trials']} trials, {deflated['n_days']} days; chosen: {deflated['trial']}", margin_t=125)


def overfitting_logits(overfitting: Overfitting) -> go.Figure:
    """Logits of the rank out of sample of the trial that is best in sample; red is the worse half of the trials.

    Parameters
    ----------
    overfitting : Overfitting
        As `luck.overfitting` gives it.
    """
    middles, widths, counts = _histogram(overfitting.logits)
    colors = [RED if middle <= 0 else BLUE for middle in middles]
    figure = go.Figure(go.Bar(x=middles, y=counts / counts.sum(), width=widths, marker_color=colors, showlegend=False,
                              hovertemplate="%{x:.2f}: %{y:.1%}"))
    figure.add_vline(x=0, line=dict(color=INK, width=2, dash="dash"))
    reach = [min(-1.0, middles.min() - widths[0]), max(1.0, middles.max() + widths[0])]
    figure.update_xaxes(title_text="logit of the rank out of sample (0: the median trial)", range=reach)
    figure.update_yaxes(title_text="combinations (%)", tickformat=".3~%")
    return dress(figure, "Does the choice outlive the days that made it?",
                 f"{len(overfitting.logits):,} combinations of {overfitting.n_blocks} blocks, {overfitting.n_trials} "
                 f"trials; red, in the worse half: {percent(overfitting.probability)}")


def _histogram(values: pd.Series) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Middle, width and count of bars; few distinct values have a bar each, and else no bar lies on both sides of 0."""
    distinct, counts = np.unique(values.round(9), return_counts=True)
    if len(distinct) <= DISTINCT:
        gap = np.diff(distinct).min() if len(distinct) > 1 else 1.0
        return distinct, np.full(len(distinct), 0.9 * gap), counts
    step = (distinct[-1] - distinct[0]) / DISTINCT
    numbers, counts = np.unique(np.ceil(values / step), return_counts=True)  # (k - 1) step < value <= k step
    return (numbers - 0.5) * step, np.full(len(numbers), step), counts


def _whole(counts: np.ndarray) -> dict:
    """Ticks of a count: whole numbers, however few there are."""
    return dict(dtick=1) if counts.max() <= 8 else dict(tickformat="d")


def _places(left: float, right: float) -> list[tuple[float, str]]:
    """Height and anchor of the names of two lines (0..1 from left to right), so that no name crosses the other line."""
    if right - left > 0.3:
        return [(1.06, "left"), (1.14, "right")]
    if left + right > 1:  # both names go to the left, the right line's above the left line
        return [(1.06, "right"), (1.14, "right")]
    return [(1.14, "left"), (1.06, "left")]
