"""What is drawn and said of other forecasts, other calendars and other seeds."""

import pandas as pd
import pytest
from figure_frames import FRAMES, attributed, drawn

from forefolio.report import evidence, sentences


def test_the_sentence_sets_momentum_beside_the_forecasts_and_names_what_is_shown():
    told = sentences.attribution(attributed(), use_residual=True)
    assert "zero forecasts and their residual earns 150.0 %" in told and "`mean` 149.0 % and `lstm` 220.0 %" in told
    assert "Without the residual: `zero` 10.0 %, `mean` 70.0 % and `lstm` 100.0 %." in told and "11900 %" in told
    assert "It is *shown* that the right forecast for each asset mattered: `lstm+mvf` (p = 0.020 from 100 shuffles, 0.040" in told
    assert "**`rpp`**" in told and "The forecasts change its total by less than 1 %" in told.partition("**`rpp`**")[2]
    assert "less than 1 %" not in told.partition("**`rpp`**")[0]


def test_without_the_residual_the_strategies_are_those_without_it():
    told = sentences.attribution(attributed(), use_residual=False)
    assert "`mvf`** with zero forecasts earns 10.0 %" in told and "momentum" not in told


def test_a_run_without_forecasts_and_a_framework_without_a_solution_are_told():
    assert sentences.attribution(attributed()[:1], use_residual=True).startswith("No framework of this run reads")
    table = attributed()[[True] + [False] * 7 + [True] * 4].replace({"framework": {"rpp": "tangency"}})
    table.loc[table["forecast"] == "zero", "total_return"] = 0.45
    assert "With zero forecasts it has no solution, so it holds equal weight" in sentences.attribution(table, use_residual=True)


def test_each_bar_starts_where_the_one_before_ended():
    figure = drawn("attribution")
    bars = [(trace.x[0], round(trace.base[0], 6), round(trace.base[0] + trace.y[0], 6)) for trace in figure.data
            if trace.type == "bar" and trace.xaxis == "x"]
    assert bars == [("equal_weight", 0, 0.45), ("optimizer", 0.45, 0.1), ("momentum", 0.1, 1.5), ("lstm", 1.5, 2.2)]
    grey = [trace for trace in figure.data if trace.type == "scatter" and trace.mode == "lines"]
    assert len(grey) == 1 and list(grey[0].y) == [0.1, 0.9]
    assert figure.layout.title.text.startswith("The forecasts added +70 points to lstm+mvf and +0 points to lstm+rpp")
    assert len(evidence.attribution(attributed(), use_residual=False, sample="2022").data) == 6  # no momentum


def test_the_ring_marks_the_run_s_own_calendar():
    figure, table = drawn("offsets"), FRAMES["offsets"]
    own = table[table["offset"] == 0].set_index("strategy")["total_return"]
    rings = {trace.y[0]: trace.x[0] for trace in figure.data if trace.marker.symbol == "circle-open"}
    assert rings == pytest.approx(own.to_dict(), rel=1e-6)


def moved(**totals):
    rows = [(by, name, total) for name, own in totals.items() for by, total in enumerate(own)]
    return pd.DataFrame(rows, columns=["offset", "strategy", "total_return"])


def test_the_calendar_s_sentence_has_the_widest_ends_and_what_was_left_out():
    told = sentences.calendar(moved(a=[0.5, -0.1, 1.0], equal_weight=[0.3, 0.31, 0.3], b=[0.1, 0.2], c=[0, 0.5], d=[0, 0.4]),
                              ["black_litterman"])
    assert told.startswith("**Calendars.** Over 3 calendars, `a` ends between -10.0 % and 100.0 % (50.0 % on its own calendar); `c` ends")
    assert "`equal_weight`: 30.0 % to 31.0 %" in told and "`b` on 2, `c` on 2 and `d` on 2" in told
    assert told.endswith("Not decided again: `black_litterman`.")
    assert "no other day of the month" in sentences.calendar(moved(a=[0.5], equal_weight=[0.1]), [])


def test_one_training_tells_nothing_of_seeds_and_several_tell_the_range():
    performance = pd.DataFrame({"strategy": ["mean=lstm+rpp", "lstm+mvf"], "total_return": [0.3, 0.2]})
    columns = ["seed", "strategy", "total_return"]
    assert "Set `seeds` to 5" in sentences.trainings(pd.DataFrame(columns=columns), performance)
    told = sentences.trainings(pd.DataFrame([(7, "lstm+mvf", 0.1), (8, "lstm+mvf", 0.5), (7, "lstm+rpp", 0.3),
                                             (8, "lstm+rpp", 0.3)], columns=columns), performance)
    assert told == ("**Seeds.** Over 2 seeds, `lstm+mvf` ends between 10.0 % and 50.0 % (the mean of all forecasts: 20.0 %); `lstm+rpp` ends "
                    "between 30.0 % and 30.0 % (the mean of all forecasts: 30.0 %).")


@pytest.mark.parametrize("claimed, says", [
    ([True, True], "2 hold in every calendar: `a` above `equal_weight` and `b` below `equal_weight`."),
    ([True, False], "1 holds in every calendar: `a` above `equal_weight`."), ([False, False], "none holds in every calendar, so")])
def test_ranks_that_hold_on_every_calendar_are_named(claimed, says):
    table = pd.DataFrame({"strategy": ["a", "b"], "rival": "equal_weight", "difference": [0.1, -0.1], "offset_low": 0.0,
                          "offset_high": 0.0, "claimed": claimed})
    assert says in sentences.ranks(table)
    assert "every calendar and every seed" in sentences.ranks(table.assign(seed_low=0.0))
    assert "no rank is claimed" in sentences.ranks(table.drop(columns=["offset_low", "offset_high"]).assign(claimed=False))
