"""All parameters of a study: a params file (flat YAML) becomes a validated, frozen `Study`.

This module alone defines each parameter's name, type, range and default. `vocabulary` lists the models, frameworks and
sources. A notebook declares the parameters that it uses. A value that does not fit is refused with one sentence.
"""

import difflib
import re
import stat
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, model_validator)
from pydantic_core import PydanticCustomError

from forefolio.study import rules, vocabulary
from forefolio.study.vocabulary import short

ROOT = Path(__file__).resolve().parents[3]
PATHS = ("prices_path", "benchmark_path", "forecasts_path")
LARGEST = 1_000_000  # bytes of a params file or a sweep file; a larger file is something else
MOST_VALUES, LONGEST_NUMBER = 50_000, 40  # YAML is slow, and Python prints no longer integer
WRITTEN = {"float_type": "without quotes: 0.001 or 1e-3", "int_type": "with digits alone: 1000",
           "bool_type": "as true or false, without quotes", "list_type": "as [first, second]"}


class StudyError(ValueError):
    """A study that cannot run as written. The message is one sentence and says what to change."""


def _iso_date(value: Any) -> Any:
    """Accept 2014-01-01, with or without YAML's quotes, and no other form."""
    with suppress(TypeError, ValueError):  # already a date, or a date that does not exist: the type check reports it
        return date.fromisoformat(value) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", str(value)) else value
    return value


def _one_or_more(value: Any) -> Any:
    """Accept one number for all assets in place of a list of one."""
    return [value] if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _one_of(entries: dict[str, Any]) -> BeforeValidator:
    """Accept the names in one part of the vocabulary. They are looked up each time, because a module may add one."""
    def known(value: Any) -> Any:
        if value not in list(entries):
            names = vocabulary.listed([repr(name) for name in entries], "or")
            raise PydanticCustomError("literal_error", "Input should be {names}", {"names": names})
        return value

    return BeforeValidator(known)


Day = Annotated[date, BeforeValidator(_iso_date), Field(ge=date(1900, 1, 1), le=date(2199, 12, 31))]
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=1)]
Name = Annotated[str, Field(min_length=1), AfterValidator(partial(unicodedata.normalize, "NFC"))]  # as files are read
Source = Annotated[str, _one_of(vocabulary.SOURCES)]
Model = Annotated[str, _one_of(vocabulary.MODELS)]
Framework = Annotated[str, _one_of(vocabulary.FRAMEWORKS)]
Covariance = Annotated[str, _one_of(vocabulary.COVARIANCES)]
Leak = Annotated[str, _one_of(vocabulary.LEAKS)]
Paper = Annotated[str, _one_of(vocabulary.PAPERS)]


class Study(BaseModel):
    """All parameters of one study; the comments in `params/default.yml` give their meaning and unit."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    study: str = "default"
    paper: Paper = "none"
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 7
    seeds: Annotated[int, Field(ge=1, le=1000)] = 1
    leak: Leak = "none"

    source: Source = "sample"
    tickers: list[Name] = []
    allow_missing_tickers: bool = False
    fetch_minutes: Annotated[float, Field(gt=0, le=1440)] = 10.0
    prices_path: str = ""
    benchmark_path: str = ""
    benchmark: Name = "SP500"
    benchmark_tickers: list[Name] = []
    start: Day = date(2014, 1, 1)
    end: Day = date(2022, 12, 31)
    train_end: Day = date(2018, 12, 31)
    validation_end: Day = date(2020, 12, 31)
    max_missing: Share = 0.0
    fill_limit: Annotated[int, Field(ge=0)] = 0
    delisting_return: Annotated[float, Field(gt=-1)] = 0.0
    drop_still_days: bool = False
    stale_days: Count = 10
    jump_threshold: Annotated[float, Field(gt=0)] = 0.5
    drop_jumps: bool = False
    periods_per_year: Annotated[int, Field(ge=1, le=366)] = 252
    risk_free_rate: Annotated[float, Field(gt=-1, lt=1)] = 0.0

    simulated_seed: Annotated[int, Field(ge=0, lt=2**31)] = 7
    simulated_assets: Annotated[int, Field(ge=2, le=1000)] = 20
    simulated_mean: Annotated[float, Field(gt=-1, lt=1)] = 0.0
    simulated_volatility: Annotated[float, Field(ge=0.001, le=2)] = 0.3
    simulated_correlation: Share = 0.3
    simulated_groups: Annotated[int, Field(ge=1, le=1000)] = 4
    simulated_group_correlation: Share = 0.5
    simulated_arch: Share = 0.05
    simulated_garch: Share = 0.9
    simulated_tail: Annotated[float, Field(gt=2)] = 6.0
    simulated_delistings: Annotated[int, Field(ge=0)] = 0
    predictability: Annotated[list[Share], BeforeValidator(_one_or_more), Field(min_length=1)] = [0.0]
    predictability_lag: Count = 1

    correlation_window: Annotated[int, Field(ge=10)] = 63

    covariance_estimator: Covariance = "sample"
    ridge: Annotated[float, Field(ge=0, le=10)] = 0.0

    frontier_sample: Literal["training", "all"] = "training"
    random_portfolios: Annotated[int, Field(ge=1000, le=1_000_000)] = 20_000

    models: Annotated[list[Model], Field(min_length=1)] = ["zero", "mean", "ar", "lstm", "cnn1d"]
    forecasts_path: str = ""
    network_scope: Literal["asset", "joint"] = "asset"
    network_preset: Literal["code", "prose"] = "code"
    network_target: Literal["window", "next_day"] = "window"
    windows: Annotated[list[Annotated[int, Field(ge=2)]], Field(min_length=1)] = [5, 10, 15, 30]
    lookback: Annotated[int, Field(ge=2)] = 30
    refit: Literal["never", "yearly", "quarterly"] = "never"
    ar_lags: Count = 5
    epochs: Count = 50
    patience: Annotated[int, Field(ge=0)] = 10
    batch_size: Count = 64
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.01
    lstm_layers: Count = 4
    lstm_units: Count = 4
    lstm_dropout: Share = 0.3
    lstm_recurrent_dropout: Share = 0.3
    cnn1d_layers: Count = 2
    cnn1d_filters: Count = 32
    cnn1d_kernel_size: Count = 3
    cnn1d_pool_size: Count = 2
    cnn1d_dense_units: Count = 64
    cnn1d_dropout: Share = 0.2

    portfolio_models: Annotated[list[Model], Field(min_length=1)] = ["mean", "lstm", "cnn1d"]
    frameworks: Annotated[list[Framework], Field(min_length=1)] = ["mvf", "rpp", "mdp"]
    estimation_window: Annotated[int, Field(ge=2)] = 250
    risk_aversion: Annotated[float, Field(gt=0)] = 1.0
    min_weight: Share = 0.0
    max_weight: Annotated[float, Field(gt=0, le=1)] = 1.0
    max_turnover: Annotated[float, Field(gt=0, le=1)] = 1.0
    max_gross: Annotated[float, Field(ge=0)] = 0.0
    mu_horizon: Literal["next_day", "month"] = "next_day"
    use_residual: bool = True
    residual_window: Count = 30
    scenarios: Literal["append", "recenter", "forecast_only", "history"] = "append"
    drawdown_path: Literal["constant_weights", "uncompounded", "buy_and_hold"] = "constant_weights"
    drawdown_alpha: Annotated[float, Field(ge=0, le=1)] = 1.0
    cdar_alpha: Annotated[float, Field(ge=0, le=1)] = 0.95
    cost_aware: bool = False

    cost_bps: Annotated[float, Field(ge=0, lt=10_000)] = 0.0
    borrow_rate: Annotated[float, Field(ge=0, lt=10)] = 0.0

    @model_validator(mode="before")
    @classmethod
    def _market_of_its_seed(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Without a `simulated_seed`, `seed` draws the simulated market, as in earlier versions."""
        drawn = values.get("source") == "simulated" and "seed" in values
        return {"simulated_seed": values["seed"], **values} if drawn else values

    @model_validator(mode="after")
    def _fits_together(self, info: ValidationInfo) -> "Study":
        declared = (info.context or {}).get("declared") or set(type(self).model_fields)
        if problem := rules.problem(self, declared):
            raise ValueError(problem)
        return self


def validated(values: dict[str, Any], *, where: str, declared: set[str] | None = None) -> Study:
    """Validate parameters; a StudyError says what is wrong and `where` (in which file or stage).

    With `declared`, only rules between those parameters are checked.
    """
    for name in values:
        if name not in Study.model_fields:
            near = difflib.get_close_matches(short(name), Study.model_fields, n=1, cutoff=0)
            raise StudyError(f"{where}: {short(name)} is not a parameter; did you mean {near[0]}?")
    try:
        return Study.model_validate(values, context={"declared": declared})
    except ValidationError as error:
        raise StudyError(f"{where}: {_sentence(error.errors()[0])}") from None


def _sentence(problem: dict[str, Any]) -> str:
    """Turn a pydantic error into one sentence."""
    if not problem["loc"]:
        return problem["msg"].removeprefix("Value error, ")
    name, value, kind = problem["loc"][0], problem["input"], problem["type"]
    shown = short(repr(value))
    item = f"[{problem['loc'][1]}]" if len(problem["loc"]) > 1 else ""
    if kind == "string_type":
        quoted = '["0050"]' if item else '"0050"'
        return (f"{name}{item}: YAML reads this as {short(value)}, which is not text; write it in quotes, such as "
                f"\"0050\" "
                f"(in a shell: --set '{name}={quoted}')")
    if Study.model_fields[name].annotation is date:
        found = f"{value} is not between 1900 and 2199" if "than" in kind else f"{shown} is not a date"
        return f"{name}: {found}; write it as 2018-12-31"
    if kind in ("too_short", "string_too_short"):
        return f"{name}{item}: is empty; name at least one"
    wanted = problem["msg"].removeprefix("Input should be ").replace("a valid ", "a ").replace("a integer", "a whole "
                                                                                                            "number")
    return f"{name}{item}: {shown} should be {wanted}" + (f"; write it {WRITTEN[kind]}" if kind in WRITTEN else "")


def as_parameters(study: Study, names: set[str] | None = None) -> dict[str, Any]:
    """The study's values as plain YAML and JSON types (dates as ISO text), in the order of the fields."""
    return study.model_dump(mode="json", include=names)


class _Loader(yaml.SafeLoader):
    """YAML 1.2 without Python objects or repeated keys: 010 is ten; `no`, `1:30` and `1_000` are text."""

    yaml_implicit_resolvers: dict = {}
    n_values = 0

    def compose_node(self, parent: Any, index: Any) -> yaml.Node:
        """Refuse aliases, which can expand without limit, and files that take minutes to read."""
        self.n_values, mark = self.n_values + 1, self.peek_event().start_mark
        if self.check_event(yaml.AliasEvent):
            raise yaml.constructor.ConstructorError(None, None, "an alias: write the value itself", mark)
        if self.n_values > MOST_VALUES:
            raise yaml.constructor.ConstructorError(None, None, f"more than {MOST_VALUES:,} names and values", mark)
        return super().compose_node(parent, index)


class _Dumper(yaml.SafeDumper):
    """YAML that versions 1.1 and 1.2 read alike: text that either takes for a number is quoted."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict:
    lines = {}
    for written, _ in node.value:
        key, mark = str(loader.construct_object(written)), written.start_mark
        if key in lines:
            raise yaml.constructor.ConstructorError(None, None, f"{key} is repeated, first in line {lines[key]}", mark)
        lines[key] = mark.line + 1
    return loader.construct_mapping(node)


def _integer(loader: _Loader, node: yaml.ScalarNode) -> int:
    if len(node.value) > LONGEST_NUMBER:
        raise yaml.constructor.ConstructorError(None, None, f"a number of {len(node.value)} digits", node.start_mark)
    return int(node.value, {"0o": 8, "0x": 16}.get(node.value[:2], 10))


for _tag, _text, _first in [  # the core schema of YAML 1.2; a date is text, which `_iso_date` reads
        ("null", r"~|null|Null|NULL|", [*"~nN", ""]), ("bool", r"true|True|TRUE|false|False|FALSE", [*"tTfF"]),
        ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", [*"-+0123456789"]),
        ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
         [*"-+.0123456789"])]:
    for _of in (_Loader, _Dumper):
        _of.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_text})$"), _first)
_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
_Loader.add_constructor("tag:yaml.org,2002:int", _integer)


def _yaml(text: str, *, where: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a date that does not exist, a thousand brackets
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = short(getattr(error, "problem", None) or str(error).splitlines()[0])
        raise StudyError(f"{where}{line}: not plain YAML ({problem}); write one `name: value` per line") from None


def read_mapping(path: str | Path) -> dict[str, Any]:
    """The names and values in a YAML file; a StudyError if it cannot be read or has none."""
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):  # /dev/zero never ends, and a pipe may never begin
            raise OSError(0, "it is not a file")
        with open(path, "rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise OSError(0, "it is larger than 1 MB")
        text = content.decode("utf-8")
    except (OSError, ValueError) as error:  # bytes that are not text, a path with a NUL
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise StudyError(f"{path}: cannot be read ({reason}); name a params file such as params/default.yml") from None
    values = _yaml(text, where=str(path))
    if not isinstance(values, dict | None):
        raise StudyError(f"{path}: holds a {type(values).__name__}, not parameters; write one `name: value` per line")
    return values or {}


def load(path: str | Path, overrides: tuple[str, ...] = ()) -> Study:
    """Read a params file, apply `key=value` overrides, and validate the result.

    Parameters
    ----------
    path : a flat YAML file; parameters that it leaves out have their defaults.
    overrides : `key=value` each, the value in YAML; relative paths in them are relative to the current folder,
        those in the file to the repository root.
    """
    return validated(written(path, overrides), where=f"{path} with --set" if overrides else str(path))


def written(path: str | Path, overrides: tuple[str, ...]) -> dict[str, Any]:
    """The values that a params file and overrides set, before defaults and checks."""
    values = located(read_mapping(path))
    for override in overrides:
        name, equals, text = override.partition("=")
        if not equals:
            raise StudyError(f"--set {short(override)}: has no '='; write --set name=value")
        values |= located({name: _yaml(text, where=f"--set {short(override)}")}, Path.cwd())
    return values


def located(values: dict[str, Any], folder: Path = ROOT) -> dict[str, Any]:
    """The values with absolute paths; a relative path starts at `folder`."""
    return values | {name: str(folder / values[name]) for name in PATHS
                     if isinstance(values.get(name), str) and values[name]}


def as_yaml(study: Study) -> str:
    """The resolved study as a params file."""
    return params_file(as_parameters(study))


def params_file(values: Mapping[str, Any]) -> str:
    """Parameters as a params file."""
    return yaml.dump(dict(values), Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None)
