"""How often the tests of the evidence reject, in few draws of each case; `benchmarks/evidence.json` has many."""

import json
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from forefolio.study.parameters import ROOT

sys.path.append(str(ROOT))  # benchmarks are beside the library, not in it
from benchmarks import evidence  # noqa: E402

DRAWS = {"months": 60, "skewed": 40, "correlated": 40, "months_good": 20, "no_effect": 150, "effect": 20}  # quick ones
FEW = 5  # of the others: enough to see a test that is far off
KEPT = pd.DataFrame(json.loads(evidence.RATES.read_text())["rates"])


@pytest.mark.parametrize("name", evidence.CASES)
def test_a_case_rejects_as_its_many_draws_did(name):
    """Draws of other seeds than the kept rates are of: each rate is within what chance leaves of the kept one."""
    n = DRAWS.get(name, FEW)
    rows = pd.DataFrame(evidence.rates(name, evidence.repeat(evidence.CASES[name].draw, range(10_000, 10_000 + n))))
    kept = KEPT[KEPT["case"] == name].set_index("test")
    assert list(rows["test"]) == list(kept.index)
    for row in rows.itertuples():
        count, ends = round(row.rejects * row.replications), kept.loc[row.test, ["low", "high"]]
        assert stats.binom.cdf(count, row.replications, ends["high"]) > 1e-4, row.title
        assert stats.binom.sf(count - 1, row.replications, ends["low"]) > 1e-4, row.title


def test_every_test_of_every_case_was_drawn_five_hundred_times():
    assert list(KEPT["case"].unique()) == list(evidence.CASES) and (KEPT["replications"] == 500).all()
    assert set(KEPT["test"]) == set(evidence.TESTS)


def test_a_rate_that_is_not_what_it_should_be_is_explained():
    wrong = KEPT[~KEPT["rejects"].between(KEPT["least"], KEPT["most"])]
    assert (wrong["remark"] != "").all(), wrong.loc[wrong["remark"] == "", ["title", "case", "rejects"]]


def test_the_verdict_is_seldom_wrong_and_finds_what_is_there():
    rates = KEPT.set_index(["test", "case"])["rejects"]
    assert rates["verdict", "luck"] <= 0.05 and rates["verdict", "skill"] >= 0.8 and rates["verdict", "all_good"] >= 0.8
    assert rates["gate", "nothing"] <= 0.075 and rates["gate_absent", "r2_0.5"] <= 0.05


def test_the_page_has_the_rates_as_they_were_measured():
    """`python -m benchmarks.evidence` writes both."""
    written = evidence.PAGE.read_text().partition(evidence.BEGIN)[2].partition(evidence.END_OF_RATES)[0]
    assert written == evidence.told(json.loads(evidence.RATES.read_text())["rates"])


def a_rate(test, rejects, *, null=True, remark="", question="skill"):
    return {"question": question, "test": test, "title": f"the {test}", "says": "all is noise", "null": null, "nominal": 0.05,
            "rejects": rejects, "least": 0.025 if null else 0, "most": 0.075 if null else 1, "remark": remark}


def test_a_row_of_the_page_is_a_test_with_its_lowest_and_highest_rates_and_the_surprising_are_named():
    told = evidence.told([a_rate("b", 0.2, question="luck", remark="It is so."), a_rate("a", 0.05), a_rate("a", 0.06),
                          a_rate("a", 0.9, null=False)]).splitlines()
    assert told[0] == "The size is as it should be in 2 of 3 cases."
    assert told[4] == "| Skill | the a | 5 % | 5.0 % to 6.0 % | 90.0 % |"
    assert told[5] == "| Luck, and sweeps | the b | 5 % | 20.0 % |  |"
    assert [line for line in told if line.startswith("*")] == ["* **the b**: 20.0 % if all is noise. It is so."]


def test_rates_are_counted_by_hand():
    found = pd.DataFrame({"sensitivity": [True, False, np.nan, False, False]}, dtype=float)
    row = evidence.rates("no_effect", found)[0]
    assert row["replications"] == 4 and row["rejects"] == 0.25 and row["low"] < 0.25 < row["high"]
    assert (row["least"], row["most"]) == (0.025, 0.075)


def test_the_simulated_covariance_is_that_of_the_market():
    returns = pd.concat([evidence.market(seed) for seed in range(8)])
    true, found = evidence.covariance(), returns.cov().to_numpy()
    assert np.abs(found / true - 1).max() < 0.35 and found.sum() == pytest.approx(true.sum(), rel=0.1)


def test_trials_without_skill_lead_equal_weight_by_nothing_and_skilled_ones_by_their_ratio():
    leads = []
    for seed in range(12):
        tried, equal, _, _ = evidence.trials(seed, mean=0.1, skilled=20)
        active = tried.sub(equal, axis=0)
        leads.append(active.mean() / active.std() * evidence.MONTH**0.5)
    ratios = np.mean(leads, axis=0)
    assert ratios[:20].mean() == pytest.approx(0.8, abs=0.1) and ratios[20:].mean() == pytest.approx(0, abs=0.1)
