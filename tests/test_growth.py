"""Growth has one place: a network, a framework and a source from outside the library run through all stages."""

import json
import os
from contextlib import ExitStack
from unittest.mock import patch

import cells
import pandas as pd
import pytest

from forefolio.forecasts import registry as networks
from forefolio.market import sources
from forefolio.portfolios import registry as frameworks
from forefolio.runs.contracts import STAGES
from forefolio.study import vocabulary

NETWORK = '''
from dataclasses import dataclass
from forefolio.forecasts import registry
from forefolio.study import vocabulary

@dataclass(frozen=True)
class Linear:
    """One dense layer over the whole window."""
    name = "toy"
    units: int
    values_a_day = 8

    def hidden(self, windows, seeds):
        from forefolio.forecasts.layers import Dense, ops
        return Dense(self.units, "linear", seed=next(seeds))(ops.transpose(windows, (2, 0, 1)))

    def outline(self, title):
        return [(title, f"{self.units} units")]

vocabulary.MODELS["toy"] = vocabulary.Model("toy network", "#123456", 0.4, "solid", ("asset",))
registry.NETWORKS["toy"] = {"asset": lambda study: Linear(units=study.lstm_units)}
'''
FRAMEWORK = '''
import pandas as pd
from forefolio.portfolios import registry
from forefolio.portfolios.problems import Solution
from forefolio.study import vocabulary

def inverse_volatility(Sigma, terms, limits):
    """Weights in proportion to one over each asset's volatility."""
    inverse = pd.Series(1 / Sigma.to_numpy().diagonal() ** 0.5, Sigma.columns)
    return Solution(inverse / inverse.sum(), "closed form", "optimal")

vocabulary.FRAMEWORKS["ivp"] = vocabulary.Framework("inverse volatility", 60, 0.7, 0.9, "covariance", False, "moderate")
registry.FRAMEWORKS["ivp"] = inverse_volatility
'''
SOURCE = '''
import numpy as np
import pandas as pd
from forefolio.market import sources
from forefolio.study import vocabulary

def walks(study):
    """Random walks, the index among them."""
    days = pd.bdate_range(study.start, study.end, name="date")
    rng = np.random.default_rng(study.seed)
    steps = rng.normal(0.0004, 0.01, (len(days), 5))
    return sources.Closes("walks", pd.DataFrame(100 * np.exp(steps.cumsum(axis=0)), days, ["A", "B", "C", "D", "SP500"]))

vocabulary.SOURCES["toy"] = vocabulary.Source("random walks")
sources.SOURCES["toy"] = walks
'''
STUDY = {"study": "grown", "source": "toy", "start": "2019-01-01", "end": "2020-12-31", "train_end": "2020-01-31",
         "validation_end": "2020-08-31", "models": ["zero", "mean", "toy"], "portfolio_models": ["mean", "toy"],
         "frameworks": ["mvf", "ivp"], "epochs": 2, "lookback": 10, "residual_window": 10, "estimation_window": 60,
         "random_portfolios": 1000, "correlation_window": 20}


@pytest.fixture(scope="module")
def grown(tmp_path_factory, without_pictures):
    """The run folder of a study that is made of nothing but toys, which add themselves and are taken away again."""
    outputs = tmp_path_factory.mktemp("outside")
    with ExitStack() as stack:
        for names in (vocabulary.MODELS, vocabulary.FRAMEWORKS, vocabulary.SOURCES, networks.NETWORKS,
                      frameworks.FRAMEWORKS, sources.SOURCES):
            stack.enter_context(patch.dict(names))
        stack.enter_context(patch.dict(os.environ, FOREFOLIO_OUTPUTS=str(outputs)))
        for text in (NETWORK, FRAMEWORK, SOURCE):
            exec(compile(text, "outside", "exec"), {"__name__": "outside"})
        for stage in STAGES:
            cells.execute(stage, STUDY)
    return outputs / "grown"


@pytest.mark.parametrize("text", [NETWORK, FRAMEWORK, SOURCE], ids=["network", "framework", "source"])
def test_a_toy_takes_less_than_30_lines(text):
    assert len(text.strip().splitlines()) < 30


def test_all_stages_close_with_the_toys(grown):
    assert list(json.loads((grown / "manifest.json").read_text())) == list(STAGES)


def test_the_toy_source_s_prices_reach_stage_01(grown):
    assert list(pd.read_parquet(grown / "artifacts" / "prices.parquet")) == ["A", "B", "C", "D"]


def test_the_toy_network_is_trained_and_judged(grown):
    forecasts = pd.read_parquet(grown / "artifacts" / "forecasts.parquet")
    of_toy = forecasts[forecasts["model"] == "toy"]
    assert set(of_toy["asset"]) == {"A", "B", "C", "D"} and of_toy["forecast"].nunique() > 100
    assert "toy" in pd.read_csv(grown / "tables" / "forecast_accuracy.csv")["model"].tolist()


def test_the_toy_framework_is_decided_and_compared(grown):
    weights = pd.read_parquet(grown / "artifacts" / "weights.parquet")
    of_toy = weights[weights["strategy"] == "mean+ivp"]  # its forecasts are small, so what is appended moves little
    returns = pd.read_parquet(grown / "artifacts" / "returns.parquet")
    first = of_toy["rebalance_date"].min()
    inverse = 1 / returns.loc[:first].tail(STUDY["estimation_window"]).std()
    held = of_toy[of_toy["rebalance_date"] == first].set_index("asset")["weight"]
    assert (held - inverse / inverse.sum()).abs().max() < 0.02
    assert {"toy+ivp", "toy+mvf", "mean+ivp"} <= set(pd.read_csv(grown / "tables" / "performance.csv")["strategy"])


def test_figures_name_and_color_the_toys(grown):
    assert "toy+ivp" in (grown / "figures" / "06_wealth.html").read_text()
