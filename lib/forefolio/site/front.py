"""What the first page of a site says: the question, the answer, the main table and figure, the stages, and the records.

Every number is read from the results of the run; a result that is not there leaves its part out.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

import pandas as pd
from markupsafe import escape

from forefolio import files
from forefolio.files import LEDGER, MARKS, StageError, read_frame
from forefolio.market.returns import iso_day
from forefolio.portfolios import holdings
from forefolio.report import sentences, style
from forefolio.runs import contracts, pictures, pipeline
from forefolio.site import pages
from forefolio.study.parameters import params_file
from forefolio.study.vocabulary import (ABSENT, BENCHMARK, EQUAL_WEIGHT, FRAMEWORKS, METRICS, MODELS, NOT_SHOWN, PERCENT,
                                        SHOWN, SOURCES, code, counted, in_words, listed, literal, parts, percent)
from forefolio.sweeps import verification

QUESTION = "Were deep-learning forecasts worth it?"
POINT = ("point", "state", "stage", "error")  # columns of `points.csv` that are no parameters
MAIN_FIGURE = "figures/06_readme.html"
COLUMNS = ("total_return", "annual_volatility", "max_drawdown", "turnover", "sharpe")  # as many as have room beside the names
CLAIM = ("claim", "unit", "reading", "published", "ours", "status")  # header of tables that compare a paper with a run


def of_run(folder: Path, site: Mapping[str, pages.Page]) -> pages.Page:
    """
    The first page of a run's site; `site` has the other pages by name.

    Raises
    ------
    StageError
        If a result that it shows was changed, or made by other code, so that it cannot be read.
    """
    try:
        return _of_run(folder, site)
    except (LookupError, TypeError, ValueError, AttributeError) as error:  # what a damaged table or figure raises
        if wrong := _relative(pipeline.verify(folder), folder):
            raise StageError(f"{folder}: this code cannot read these results ({type(error).__name__}), and hashes say why: "
                             f"{_some(wrong)}; give its `forefolio run` again") from None
        raise


def _of_run(folder: Path, site: Mapping[str, pages.Page]) -> pages.Page:
    """The first page of a run's site, if all results can be read."""
    page = pages.Page("index", lambda url, suffix: f"{url}{suffix}" if url in site else url)
    own = [stage for stage in contracts.CONTRACTS if (folder / f"{stage}.ipynb").exists()]
    given = _parameters(folder)
    prices = f" Its source of prices: {SOURCES[given['source']].title}." if given.get("source") in SOURCES else ""
    page.add_text(f"# {QUESTION}\n\nThis study, {code(folder.name)}, forecasts tomorrow's returns with neural networks and with "
                  f"simple models, turns the forecasts into portfolios, and asks whether that was worth it.{prices} Each stage "
                  "below is a notebook with its code, numbers and figures, as it was executed.")
    _answer(page, folder)
    _strategies(page, folder)
    page.add_text("## The stages")
    if elsewhere := [stage for stage in contracts.read_manifest(folder) if stage not in own]:
        page.add_text(f"{listed(elsewhere)} ran by hand, outside of this folder, so what this site has is the committed "
                      "notebook. `forefolio run --force` executes stages here.")
    if unfinished := [stage for stage in own if stage not in contracts.read_manifest(folder)]:
        page.add_text(f"The record of this run has no results of {listed(unfinished)}: a page shows how far the notebook came.")
    shown = [site[contracts.path_of(stage).removesuffix(".ipynb").replace("/", "-")] for stage in own]
    page.add(f'<div class="cards">{"".join(map(_card, shown))}</div>',
             "\n".join(f"* [{stage.title}]({stage.name}.md)" for stage in shown))
    _claims(page, site.values(), {stage.name for stage in shown})
    _records(page, folder, own)
    return page


def _answer(page: pages.Page, folder: Path) -> None:
    """The answer in a few words, and skill, cost and luck with the numbers that decide."""
    found = {name: read_frame(path, text=text) for name, text in (("answer", ("of",)), ("periods", ()))
             if (path := folder / "tables" / f"{name}.csv").exists()}
    performance, _ = _earned(folder)
    if performance is None:
        return
    page.add_text(f"## The answer\n\n{_headline(performance, **found)}")
    if "answer" in found:
        page.add_text("Three tests stand behind this. *Not shown* means that these data cannot tell, and *shown to be "
                      f"absent* that they rule it out.\n\n{sentences.answered(found['answer'])}")


def _earned(folder: Path) -> tuple[pd.DataFrame | None, int]:
    """What each strategy earned, those that hold nearly the same once; and how many models there are."""
    path, weights = folder / "tables" / "performance.csv", folder / "artifacts" / "weights.parquet"
    if not path.exists():
        return None, 0
    found = read_frame(path)
    n_models = len({model for name in found["strategy"] for model in parts(name)[0]})
    return holdings.once(found, holdings.near_copies(holdings.merged(read_frame(weights)))) if weights.exists() else found, n_models


def _headline(performance: pd.DataFrame, answer: pd.DataFrame | None = None, periods: pd.DataFrame | None = None) -> str:
    """
    The answer of a run: in a word, then equal weight, the best strategy of networks, and whether a model can forecast.

    >>> answer = pd.DataFrame({"question": ["skill"], "answer": ["not shown"], "of": ["lstm"]})
    >>> earned = pd.DataFrame({"strategy": ["mean+mvf", "lstm+mvf", "equal_weight"], "total_return": [0.6, 0.2, 0.5]})
    >>> print(_headline(earned, answer))
    **These data do not show that they were.** Over the test period, equal weight earned 50.0 %. The best portfolio that
    depends on a network's forecasts, mean-variance (LSTM), earned 20.0 %, and 60.0 % with the historical mean in their
    place. No model is shown to forecast returns.
    """
    totals = performance.set_index("strategy")["total_return"].dropna()
    days = [] if periods is None else periods.set_index("period").loc["test", ["first", "last"]]
    when = f"Over the test period{', ' * (len(days) > 0)}{' to '.join(map(iso_day, days))}"
    told = [f"{when}, equal weight earned {percent(totals[EQUAL_WEIGHT])}."] * (EQUAL_WEIGHT in totals)
    networks = totals[[name for name in totals.index if _of_networks(name)]]
    if len(networks):
        best = networks.idxmax()
        twin = [percent(totals[name]) for name in totals.index if parts(name)[1] == parts(best)[1] and "mean" in parts(name)[0]]
        told += [f"The best portfolio that depends on a network's forecasts, {in_words(best, 0)}, earned {percent(networks.max())}"
                 + "".join(f", and {earned} with the historical mean in their place" for earned in twin) + "."]
    if answer is None:
        return " ".join([*told, "Stage 7, which tests whether that is skill, is not part of this run."])
    skill = answer[answer["question"] == "skill"].iloc[0]
    if skill["of"]:
        told += [{SHOWN: f"`{skill['of']}` is shown to forecast returns.", NOT_SHOWN: "No model is shown to forecast returns.",
                  ABSENT: "It is shown that no model forecasts returns."}[skill["answer"]]]
    worth = all(row.answer == SHOWN and _of_networks(row.of) for row in answer.itertuples())
    said = "Yes, by all three tests." if worth else "No." if skill["answer"] == ABSENT else (
        "These data do not show that they were.")
    return " ".join([f"**{said}**", *told])


def _of_networks(name: str) -> bool:
    """Whether a model is a network, or a strategy has no model but networks."""
    models, framework = parts(name)
    return all(model in MODELS and MODELS[model].scopes for model in models or [framework])


def _named(names: Iterable[str]) -> str:
    """What the names of strategies mean, as far as a run has them."""
    known = {name: parts(name) for name in names}
    models = {model: MODELS[model].title if model in MODELS else "your own"
              for forecasts, _ in known.values() for model in forecasts}
    frameworks = {name: FRAMEWORKS[name].title for _, name in known.values() if name in FRAMEWORKS}
    told, joint = [], [name for name, (forecasts, _) in known.items() if len(forecasts) > 1]
    if models:
        first = next(name for name, (forecasts, _) in known.items() if forecasts)
        told += [f"A name such as `{first}` is a forecast and, after the plus sign, the framework that makes weights of it."]
    if joint:
        told += [f"Forecasts with the same weights share a name, such as `{joint[0]}`."]
    for kind, titles in (("forecasts", models), ("frameworks", frameworks)):
        told += [f"The {kind} are {listed([f'`{name}` ({title})' for name, title in titles.items()])}."] * bool(titles)
    others = {EQUAL_WEIGHT: "holds every asset in equal parts", BENCHMARK: "is the index"}
    told += [f"`{name}` {what}." for name, what in others.items() if name in known]
    return " ".join(told)


def _strategies(page: pages.Page, folder: Path) -> None:
    """What each strategy earned, as a figure and a table."""
    found, n_models = _earned(folder)
    if found is None:
        return
    metrics = [name for name in COLUMNS if name in found]
    texts = {name: percent if METRICS[name].number == PERCENT else "{:.2f}".format for name in metrics}
    ranked = found.sort_values("total_return", ascending=False).to_dict("records")
    page.add_text("## What each strategy earned")
    _main_figure(page, folder)
    page.add_text("All numbers are those of the test period, after the costs of trading that the study sets (`cost_bps`). "
                  "Stage 6 explains them and has more.")
    page.add_table([["portfolio", *(style.label(name)[0] for name in metrics), "name in the notebooks"],
                    *([in_words(row["strategy"], n_models), *(_bare(texts[name], row[name]) for name in metrics), row["strategy"]]
                      for row in ranked)], n_names=1)
    page.add_text(_named(found["strategy"]))


def _bare(written: Callable[[float], str], value: float) -> str:
    """A number without its unit, which the title of its column has; nothing where there is none."""
    return "" if pd.isna(value) else written(value).removesuffix(" %")


def _main_figure(page: pages.Page, folder: Path) -> None:
    """Wealth over the test period, as in the README."""
    path = folder / MAIN_FIGURE
    if path.exists():
        figure = pictures.figure_of(path.read_text(encoding="utf-8"))
        still = path.with_suffix(".png")
        page.add_figure(figure, still.read_bytes() if still.exists() else None, style.described(figure))


def _card(page: pages.Page) -> str:
    """A stage with its question and its first picture."""
    picture = next(iter(page.pictures), "")
    drawn = f'<img src="{picture}" alt="" loading="lazy">' if picture else ""
    return f'<a class="card" href="{page.name}.html">{drawn}<span>{escape(page.title)}</span></a>'


def _claims(page: pages.Page, shown: Iterable[pages.Page], own: set[str]) -> None:
    """What each paper prints beside a run, from the tables of its page; `own` are the pages of this run."""
    for paper in shown:
        rows = [[place, *row] for place, table in paper.tables if tuple(table[0]) == CLAIM for row in table[1:]]
        if rows:
            whose = "this run" if paper.name in own else "the run that was committed with the paper's notebook"
            counts = listed([f"{number} {status}" for status, number in Counter(row[-1] for row in rows).most_common()])
            page.add_text(f"## Claims: {paper.title}\n\nEach row is a number or a statement that the paper prints, beside "
                          f"what {whose} finds: of {len(rows)} rows, {counts}. [The page of the paper]({paper.name}) says "
                          "what each reading means.")
            page.add_table([["section", *CLAIM], *rows], choices="status")


def _records(page: pages.Page, folder: Path, own: list[str]) -> None:
    """Where the results come from: the stages with their hashes, and the files that say everything."""
    kept = records(folder)
    told = {"params.yml": "the parameters", "manifest.json": "hashes and versions", LEDGER: "all executions of stages"}
    there = [f"* [{name}](files/{name}): {what}" for name, what in told.items() if f"files/{name}" in kept]
    page.add_text("\n".join([f"## Records\n\n{_checked(pipeline.verify(folder), folder)}\n", *there]))
    ran = {entry["stage"]: entry for entry in files.read_ledger(folder)
           if entry["state"] == "done" and entry["stage"] in own and isinstance(entry["seconds"], (int, float))}
    manifest = contracts.read_manifest(folder)
    rows = [["stage", "executed (UTC)", "seconds", "hash of the notebook", "hash of the results"],
            *([stage, ran[stage]["started"] if stage in ran else "", f"{ran[stage]['seconds']:.0f}" if stage in ran else "",
               manifest[stage]["notebook"][:12], contracts.combined(manifest[stage]["files"])[:12]]
              for stage in own if stage in manifest)]
    page.add_table(rows if ran else [[row[0], *row[3:]] for row in rows], n_names=1)


def _checked(wrong: list[str], folder: Path) -> str:
    """What the hashes say, from the sentences of `forefolio verify`."""
    if not wrong:
        return "When this site was built, hashes showed that this code and these parameters made every file."
    return ("When this site was built, some results were not made by the code and the parameters as they are now: "
            f"{literal(_some(_relative(wrong, folder)))}.")


def _relative(wrong: list[str], folder: Path) -> list[str]:
    """Sentences about a folder without its place on this machine."""
    return [sentence.replace(f"{folder}{os.sep}", "").replace(str(folder), folder.name) for sentence in wrong]


def _some(wrong: list[str]) -> str:
    """The first sentences of many."""
    return "; ".join(wrong[:3]) + (f"; and {len(wrong) - 3} more" if len(wrong) > 3 else "")


def records(folder: Path) -> dict[str, bytes]:
    """The files that say where results come from, by their path in the site."""
    kept = {f"files/{name}": (folder / name).read_bytes() for name in (*MARKS.values(), LEDGER) if (folder / name).exists()}
    parameters = _parameters(folder) if (folder / MARKS["run"]).exists() else {}
    return kept | ({"files/params.yml": params_file(parameters).encode("utf-8", "replace")} if parameters else {})


def _parameters(folder: Path) -> dict[str, object]:
    """All parameters that the stages of a run got."""
    return {name: value for entry in contracts.read_manifest(folder).values() for name, value in entry["parameters"].items()}


def points(folder: Path) -> pd.DataFrame:
    """
    The table of a sweep's points.

    Raises
    ------
    StageError
        If it is not there, or is not what a sweep writes.
    """
    path = folder / "points.csv"
    try:
        found = read_frame(path, text=("stage", "error"))
        wrong = "" if {"point", "state"} <= set(found) else "it names no points"
    except FileNotFoundError:
        wrong = "it is not there"
    except ValueError as error:  # what pandas raises for a damaged file
        wrong = type(error).__name__
    if wrong:
        raise StageError(f"{path} is not the table of a sweep's points ({wrong}); give its `forefolio sweep` again")
    return found


def was_run(folder: Path, name: str) -> bool:
    """Whether a sweep's folder has executed notebooks of a point; a name that leads elsewhere does not count."""
    return name not in ("", "..") and name == Path(name).name and any((folder / name).glob("*.ipynb"))


def with_points(page: pages.Page, folder: Path, shown: Iterable[str]) -> pages.Page:
    """The page of a sweep's notebook, with its points: those that are `shown` have pages of their own.

    Raises
    ------
    StageError
        If a point is not one of the sweep's, or is not done.
    """
    found = points(folder)
    state = dict(zip(found["point"], found["state"]))
    for name in shown:
        if name not in state:
            raise StageError(f"--point {name}: the sweep has no such point; its points are {_few(state)}")
        if state[name] != "done":
            raise StageError(f"--point {name}: this point is {state[name]}, not done; give its `forefolio sweep` again")
        if not was_run(folder, name):
            raise StageError(f"--point {name}: {folder / name} has no executed notebook; give its `forefolio sweep` again")
    names = [name for name in found if name not in POINT]
    page.add_below_title(f"This is the sweep {code(folder.name)}, with {counted(len(found), 'point')}"
                         + f" over {listed(list(map(code, names)))}" * bool(names)
                         + ". [The last section](#points) lists them, and has a link to each one with pages of its own.")
    page.add_text(f"## Points\n\n{_checked(verification.verify(folder), folder)} [sweep.json](files/sweep.json) has the "
                  f"parameters and hashes, and [ledger.jsonl](files/{LEDGER}) every execution of a stage. A point gets pages of "
                  f"its own on demand: {code(f'forefolio site {folder.name} --point NAME')}, where NAME is its name below.")
    targets = {name: f"points/{quote(name)}/index" for name in shown}
    links = "".join(f'<li><a href="{target}.html">{escape(name)}</a></li>' for name, target in targets.items())
    page.add(f"<ul>{links}</ul>" if links else "",
             "\n".join(f"* [{literal(name)}]({target}.md)" for name, target in targets.items()))
    page.add_table([list(found.columns), *([("" if pd.isna(value) else str(value)) for value in row]
                                           for row in found.itertuples(index=False))], n_names=1, choices="state")
    return page


def _few(names: Iterable[str]) -> str:
    """Names, of which the first ones stand for many.

    >>> _few("abc"), _few("abcdefghijkl")
    ('a, b, c', 'a, b, c, d, e, f, g, h, and 4 more')
    """
    all_names = list(names)
    return ", ".join(all_names if len(all_names) <= 10 else [*all_names[:8], f"and {len(all_names) - 8} more"])
