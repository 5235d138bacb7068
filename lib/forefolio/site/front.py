"""What the first page of a site says: the question, the answer, the main table and figure, the stages, and the records.

Every number is read from the results of the run; a result that is not there leaves its part out.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd
from markupsafe import escape

from forefolio import files
from forefolio.files import LEDGER, MARKS, StageError, read_frame
from forefolio.market.returns import iso_day
from forefolio.report import sentences, style
from forefolio.runs import contracts, pictures, pipeline
from forefolio.site import pages
from forefolio.study.parameters import params_file
from forefolio.study.vocabulary import (ABSENT, BENCHMARK, EQUAL_WEIGHT, FRAMEWORKS, METRICS, MODELS, NOT_SHOWN, PERCENT,
                                        SHOWN, SOURCES, listed, literal, parts, percent)
from forefolio.sweeps import verification

QUESTION = "Were deep-learning forecasts worth it?"
MAIN_FIGURE = "figures/06_readme.html"
CLAIM = ("claim", "unit", "reading", "published", "ours", "status")  # header of tables that compare a paper with a run


def of_run(folder: Path, site: Mapping[str, pages.Page]) -> pages.Page:
    """The first page of a run's site; `site` has the other pages by name."""
    page = pages.Page("index", lambda url, suffix: f"{url}{suffix}" if url in site else url)
    own = [stage for stage in contracts.CONTRACTS if (folder / f"{stage}.ipynb").exists()]
    given = _parameters(folder)
    prices = f" Its source of prices: {SOURCES[given['source']].title}." if "source" in given else ""
    page.add_text(f"# {QUESTION}\n\nThis study, `{folder.name}`, forecasts tomorrow's returns with neural networks and with "
                  f"simple models, turns the forecasts into portfolios, and asks whether that was worth it.{prices} Each stage "
                  "below is a notebook with its code, numbers and figures, as it was executed.")
    _answer(page, folder)
    _strategies(page, folder)
    page.add_text("## The stages")
    if elsewhere := [stage for stage in contracts.read_manifest(folder) if stage not in own]:
        page.add_text(f"{listed(elsewhere)} ran by hand, outside of this folder, so what this site has is the committed "
                      "notebook. `forefolio run --force` executes stages here.")
    shown = [site[contracts.path_of(stage).removesuffix(".ipynb").replace("/", "-")] for stage in own]
    page.add(f'<div class="cards">{"".join(map(_card, shown))}</div>',
             "\n".join(f"* [{stage.title}]({stage.name}.md)" for stage in shown))
    _claims(page, site.values())
    _records(page, folder, own)
    return page


def _answer(page: pages.Page, folder: Path) -> None:
    """The answer in one sentence, and skill, cost and luck with the numbers that decide."""
    tables = {name: read_frame(path) for name in ("answer", "performance", "periods")
              if (path := folder / "tables" / f"{name}.csv").exists()}
    if tables.keys() >= {"answer", "performance"}:
        page.add_text(f"## The answer\n\n{_headline(**tables)}")
        page.add_text("Three tests stand behind this. *Not shown* means that these data cannot tell, and *shown to be "
                      f"absent* that they rule it out.\n\n{sentences.answered(tables['answer'])}")


def _headline(answer: pd.DataFrame, performance: pd.DataFrame, periods: pd.DataFrame | None = None) -> str:
    """
    The answer of a run in one sentence: equal weight, the best strategy of a network, and whether a model can forecast.

    >>> answer = pd.DataFrame({"question": ["skill"], "answer": ["not shown"], "of": ["lstm"]})
    >>> earned = pd.DataFrame({"strategy": ["mean+mvf", "lstm+mvf", "equal_weight"], "total_return": [0.6, 0.2, 0.5]})
    >>> print(_headline(answer, earned))
    Over the test period, **equal weight earned 50.0 %, the best portfolio with a network's forecasts (`lstm+mvf`) earned
    20.0 %, and no model is shown to forecast returns.**
    """
    totals = performance.set_index("strategy")["total_return"].dropna()
    networks = totals[[any(model in MODELS and MODELS[model].scopes for model in parts(name)[0]) for name in totals.index]]
    told = [f"equal weight earned {percent(totals[EQUAL_WEIGHT])}"] * (EQUAL_WEIGHT in totals)
    if len(networks):
        told += [f"the best portfolio with a network's forecasts (`{networks.idxmax()}`) earned {percent(networks.max())}"]
    skill = answer[answer["question"] == "skill"].iloc[0]
    told += [{SHOWN: f"`{skill['of']}` is shown to forecast returns", NOT_SHOWN: "no model is shown to forecast returns",
              ABSENT: "it is shown that no model forecasts returns"}[skill["answer"]]] * (skill["of"] != "")
    days = [] if periods is None else periods.set_index("period").loc["test", ["first", "last"]]
    listing = f"{', '.join(told[:-1])}, and {told[-1]}" if len(told) > 2 else listed(told)
    return f"Over the test period{', ' * (len(days) > 0)}{' to '.join(map(iso_day, days))}, **{listing}.**"


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
    path = folder / "tables" / "performance.csv"
    if path.exists():
        found = read_frame(path)
        metrics = [name for name in (*pipeline.FRACTIONS, *pipeline.RATIOS) if name in found]
        texts = {name: percent if METRICS[name].number == PERCENT else "{:.2f}".format for name in metrics}
        page.add_text(f"## What each strategy earned\n\n{_named(found['strategy'])}")
        _main_figure(page, folder)
        page.add_text("All numbers are those of the test period, after the costs of trading that the study sets (`cost_bps`). "
                      "Stage 6 explains them and has more.")
        page.add_table([["strategy", *(style.label(name)[0] for name in metrics)],
                        *([row["strategy"], *("" if pd.isna(row[name]) else texts[name](row[name]) for name in metrics)]
                          for _, row in found.iterrows())], n_names=1)


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


def _claims(page: pages.Page, shown: Iterable[pages.Page]) -> None:
    """What each paper prints beside a run, from the tables of its page."""
    for paper in shown:
        rows = [[place, *row] for place, table in paper.tables if tuple(table[0]) == CLAIM for row in table[1:]]
        if rows:
            page.add_text(f"## Claims: {paper.title}\n\nEach row is a number or a statement that the paper prints, beside "
                          f"what a run finds. [The page of the paper]({paper.name}) says what each reading means.")
            page.add_table([["section", *CLAIM], *rows], choices="status")


def _records(page: pages.Page, folder: Path, own: list[str]) -> None:
    """Where the results come from: the stages with their hashes, and the files that say everything."""
    kept = records(folder)
    told = {"params.yml": "the parameters", "manifest.json": "hashes and versions", LEDGER: "all executions of stages"}
    there = [f"* [{name}](files/{name}): {what}" for name, what in told.items() if f"files/{name}" in kept]
    page.add_text("\n".join([f"## Records\n\n{_checked(pipeline.verify(folder))}\n", *there]))
    ran = {entry["stage"]: entry for entry in files.read_ledger(folder) if entry["state"] == "done"}
    manifest = contracts.read_manifest(folder)
    rows = [["stage", "executed (UTC)", "seconds", "hash of the notebook", "hash of the results"],
            *([stage, ran[stage]["started"] if stage in ran else "", f"{ran[stage]['seconds']:.0f}" if stage in ran else "",
               manifest[stage]["notebook"][:12], contracts.combined(manifest[stage]["files"])[:12]]
              for stage in own if stage in manifest)]
    page.add_table(rows if ran else [[row[0], *row[3:]] for row in rows], n_names=1)


def _checked(wrong: list[str]) -> str:
    """What the hashes say, from the sentences of `forefolio verify`."""
    if not wrong:
        return "When this site was built, hashes showed that this code and these parameters made every file."
    more = f"; and {len(wrong) - 3} more" if len(wrong) > 3 else ""
    return ("When this site was built, some results were not made by the code and the parameters as they are now: "
            f"{literal('; '.join(wrong[:3]))}{more}.")


def records(folder: Path) -> dict[str, str]:
    """The files that say where results come from, by their path in the site."""
    kept = {f"files/{name}": (folder / name).read_text(encoding="utf-8")
            for name in (*MARKS.values(), LEDGER) if (folder / name).exists()}
    parameters = _parameters(folder) if (folder / MARKS["run"]).exists() else {}
    return kept | ({"files/params.yml": params_file(parameters)} if parameters else {})


def _parameters(folder: Path) -> dict[str, object]:
    """All parameters that the stages of a run got."""
    return {name: value for entry in contracts.read_manifest(folder).values() for name, value in entry["parameters"].items()}


def states(folder: Path) -> dict[str, str]:
    """The state of each point of a sweep."""
    points = read_frame(folder / "points.csv", text=("stage", "error"))
    return dict(zip(points["point"], points["state"]))


def with_points(page: pages.Page, folder: Path, shown: Iterable[str]) -> pages.Page:
    """The page of a sweep's notebook, with its points: those that are `shown` have pages of their own.

    Raises
    ------
    StageError
        If a point is not one of the sweep's, or is not done.
    """
    points, state = read_frame(folder / "points.csv", text=("stage", "error")), states(folder)
    for name in shown:
        if state.get(name) != "done":
            raise StageError(f"--point {name}: " + (f"this point is {state[name]}, not done" if name in state else
                                                    f"the sweep has no such point; its points are {', '.join(state)}"))
    page.add_text(f"## Points\n\n{_checked(verification.verify(folder))} [sweep.json](files/sweep.json) has the parameters "
                  f"and hashes, and [ledger.jsonl](files/{LEDGER}) every execution of a stage. A point gets pages of its own "
                  f"on demand: `forefolio site {folder.name} --point NAME`, where NAME is its name below.")
    links = "".join(f'<li><a href="points/{escape(name)}/index.html">{escape(name)}</a></li>' for name in shown)
    page.add(f"<ul>{links}</ul>" if links else "", "\n".join(f"* [{name}](points/{name}/index.md)" for name in shown))
    page.add_table([list(points.columns), *([("" if pd.isna(value) else str(value)) for value in row]
                                            for row in points.itertuples(index=False))], n_names=1, choices="state")
    return page
