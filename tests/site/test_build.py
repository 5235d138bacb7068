"""Sites of small hand-made runs and sweeps: what they consist of, what is refused, and how odd names are shown."""

import errno
import os
import re
import shutil
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from command import forefolio
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from reading import LOOK, at, draw

from forefolio.files import StageError, locked
from forefolio.runs import contracts
from forefolio.site import build, front, place
from forefolio.study.parameters import ROOT

NAMES = ["<b>x</b>", "$x$", "a|b", "A&B", "</script>"]  # of assets, as a csv file may have them


def made_run(folder: Path, *stages: str) -> Path:
    """A run whose notebooks are the committed ones, and which has nothing else."""
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}\n")
    for stage in stages:
        shutil.copy(contracts.NOTEBOOKS / f"{stage}.ipynb", folder)
    return folder


@pytest.fixture
def run(tmp_path) -> Path:
    """A run of one stage."""
    return made_run(tmp_path / "run", "02_correlation")


@pytest.fixture
def small(tmp_path, monkeypatch) -> Path:
    """A run of one stage whose notebook has a title only, and a site without guides: for what happens around pages."""
    monkeypatch.setattr(build, "_always", lambda: [])
    folder = made_run(tmp_path / "run")
    nbformat.write(new_notebook(cells=[new_markdown_cell("# A stage")]), folder / "02_correlation.ipynb")
    return folder


@pytest.fixture
def small_sweep(small) -> Path:
    """A sweep of two such runs as points; a third failed."""
    folder = small.with_name("sweep")
    for name in ("x-1", "x-2"):
        shutil.copytree(small, folder / name)
    (folder / "sweep.json").write_text("{}\n")
    points(folder, x_1="done", x_2="done", x_3="failed")
    shutil.copy(small / "02_correlation.ipynb", folder / "sweep.ipynb")
    return folder


@pytest.fixture
def sweep(tmp_path) -> Path:
    """A sweep of three points, of which one failed."""
    folder = tmp_path / "sweep"
    for name in ("x-1", "x-2"):
        made_run(folder / name, "02_correlation", "05_portfolios")
    (folder / "sweep.json").write_text("{}\n")
    points(folder, x_1="done", x_2="done", x_3="failed")
    shutil.copy(contracts.NOTEBOOKS / "sweep.ipynb", folder)
    return folder


def points(folder: Path, **states: str) -> None:
    """Write the table of a sweep's points, with an underscore for the dash in their names."""
    pd.DataFrame({"point": [name.replace("_", "-") for name in states], "state": list(states.values()), "stage": "",
                  "error": "", "x": range(len(states))}).to_csv(folder / "points.csv", index=False)


def marks(file: Path) -> BeautifulSoup:
    """A page as its marks."""
    return BeautifulSoup(file.read_text(), "html.parser")


def names(folder: Path) -> set[str]:
    """All files of a folder by their path in it."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


# ------------------------------------------------------------------------------------------------- runs
def test_the_site_of_a_run_lies_in_it_and_is_no_result_of_it(run):
    before = names(run)
    site = build.build(run)
    assert site == run / "site"
    assert {name for name in names(run) - before if not name.startswith("site/")} <= {".lock"}
    assert contracts.strangers(run) == []
    assert {"index.html", "index.md", "02_correlation.html", "02_correlation.md", "llms.txt", "search.js",
            "files/manifest.json", "assets/plotly.min.js", "assets/site.js", "assets/site.css"} <= names(site)


def test_the_command_says_where_the_site_is(run, tmp_path):
    done = forefolio("site", str(run), "--output", str(tmp_path / "other"))
    assert (done.returncode, done.stdout.strip()) == (0, f"site: {tmp_path / 'other' / 'index.html'}"), done.stderr
    refused = forefolio("site", str(run), "--point", "x-1")
    assert refused.returncode != 0 and "which has no points" in refused.stderr and "Traceback" not in refused.stderr


def test_what_a_run_does_not_have_is_left_out_of_its_first_page(run):
    page = marks(build.build(run) / "index.html").main
    heads = [head.get_text() for head in page.find_all("h2")]
    assert "The stages" in heads and "The answer" not in heads and "What each strategy earned" not in heads
    assert [card["href"] for card in page.select(".card")] == ["02_correlation.html"]
    assert not any("ledger.jsonl" in link["href"] for link in page.find_all("a"))


def test_a_new_site_takes_the_place_of_an_old_one_and_nothing_else(small, tmp_path):
    site = build.build(small)
    (site / "old.html").write_text("of a stage that is gone")
    with (site / place.OWN).open("a") as own:
        own.write("old.html\n")
    build.build(small)
    assert "old.html" not in names(site)
    (other := tmp_path / "letters").mkdir()
    (other / "index.html").write_text("not a site of ours")
    with pytest.raises(StageError, match="holds something that is not a site; name another folder"):
        build.build(small, other)
    assert names(other) == {"index.html"}


def test_what_a_killed_build_has_left_beside_the_site_goes(small):
    left = build.build(small).with_name(f".site.{'0f' * 16}")
    (left / "assets").mkdir(parents=True)
    build.build(small)
    assert not left.exists()


@pytest.mark.parametrize("source", ["not a notebook", None])
def test_a_site_that_cannot_be_built_leaves_the_old_one_and_nothing_beside_it(small, source):
    site = build.build(small)
    before = {name: (site / name).read_bytes() for name in names(site)}
    notebook = small / "02_correlation.ipynb"
    if source:
        notebook.write_text(source)
    else:
        nbformat.write(new_notebook(cells=[new_markdown_cell(r"# Title with $\whatever$")]), notebook)
    with pytest.raises(StageError, match=r"02_correlation\.ipynb"):
        build.build(small)
    assert {name: (site / name).read_bytes() for name in names(site)} == before
    assert not [path for path in small.iterdir() if path.name.startswith(".site")]


@pytest.mark.parametrize("output, why", [
    ("/", "holds the results of which"), (".", "holds the results of which"), ("..", "holds the results of which"),
    ("tables/site", "lies among the results"), ("artifacts", "lies among the results"), ("a/b", "lies among the results"),
    ("letter.txt", "is a file"), ("circle", "is a link that leads to itself")])
def test_a_place_where_no_site_can_be_is_refused_and_nothing_is_written(small, output, why):
    (small / "letter.txt").write_text("of the user")
    (small / "circle").symlink_to(small / "circle")
    before = names(small)
    with pytest.raises(StageError, match=f"{why}.*; name another folder with --output"):
        build.build(small, small / output)
    assert names(small) - before <= {".lock"} and (small / "letter.txt").read_text() == "of the user"


def test_what_others_put_into_a_site_comes_along(small):
    site = build.build(small)
    (site / ".git" / "refs").mkdir(parents=True)
    (site / ".git" / "HEAD").write_text("ref: refs/heads/main")
    (site / "CNAME").write_text("example.org")
    (site / "latest").symlink_to("index.html")
    for _ in range(2):
        build.build(small)
        assert (site / ".git" / "HEAD").read_text() == "ref: refs/heads/main" and (site / ".git" / "refs").is_dir()
        assert (site / "CNAME").read_text() == "example.org" and (site / "latest").readlink() == Path("index.html")


def test_a_file_of_others_that_a_new_site_would_replace_is_named_and_stays(small):
    site = build.build(small)
    (site / "05_portfolios.html").write_text("of the user")
    shutil.copy(contracts.NOTEBOOKS / "05_portfolios.ipynb", small)
    own = site / place.OWN
    own.write_text(own.read_text().replace("05_portfolios.html\n", ""))
    with pytest.raises(StageError, match=r"05_portfolios\.html was not made by a site.*; move it elsewhere"):
        build.build(small)
    assert (site / "05_portfolios.html").read_text() == "of the user"


def test_a_site_behind_a_link_is_renewed_and_the_link_stays(small, tmp_path):
    (small / "site").symlink_to(tmp_path / "elsewhere" / "public")  # not there yet
    for _ in range(2):
        assert build.build(small) == small / "site"
        assert (small / "site").is_symlink() and (tmp_path / "elsewhere" / "public" / "index.html").is_file()
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["public"]


def test_the_name_of_a_site_s_folder_is_no_pattern(small, tmp_path):
    other = tmp_path / f".s1.{'0f' * 16}"
    other.mkdir()
    build.build(small, tmp_path / "s[1]*")
    assert other.exists()
    left = tmp_path / f".s[1]*.{'0f' * 16}"
    left.mkdir()
    build.build(small, tmp_path / "s[1]*")
    assert not left.exists() and other.exists()


def test_a_site_that_was_moved_away_when_its_build_was_killed_comes_back(small):
    site = build.build(small)
    (site / "CNAME").write_text("example.org")
    site.rename(site.with_name(f".site.{'0f' * 16}.old"))
    (small / "02_correlation.ipynb").write_text("not a notebook")
    with pytest.raises(StageError):
        build.build(small)
    assert (site / "index.html").is_file() and (site / "CNAME").is_file()


def test_two_builds_do_not_disturb_each_other_in_one_place(small, tmp_path, monkeypatch):
    other, output = made_run(tmp_path / "other", "02_correlation"), tmp_path / "public"

    def meanwhile(*_) -> None:
        with pytest.raises(StageError, match="another `forefolio site` writes .*public; wait until that ends, or name another"):
            build.build(other, output)

    bring = place._bring_along
    monkeypatch.setattr(place, "_bring_along", lambda *folders: (meanwhile(), bring(*folders)))
    build.build(small, output)
    assert (output / "index.html").is_file() and {path.name for path in tmp_path.iterdir()} == {"run", "other", "public"}


def test_a_full_disk_is_said_with_the_site_s_folder_and_leaves_the_old_site(small, monkeypatch):
    site = build.build(small)
    before = names(small)
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.name == "search.js":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left on device") as error:
        build.build(small)
    assert error.value.filename == str(site) and names(small) == before


def test_a_run_that_may_only_be_read_has_its_site_elsewhere(small, tmp_path, monkeypatch):
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != small and allowed(path, mode))
    before = names(small)
    with pytest.raises(StageError, match="run is not writable; name another folder with --output"):
        build.build(small)
    assert (build.build(small, tmp_path / "site") / "index.html").is_file() and names(small) == before


def test_a_folder_that_a_disk_is_mounted_at_is_refused(small, tmp_path, monkeypatch):
    monkeypatch.setattr(os.path, "ismount", lambda path: Path(path) == tmp_path / "disk")
    with pytest.raises(StageError, match="disk cannot be replaced .*: it is a mounted disk; name another folder"):
        build.build(small, tmp_path / "disk")
    assert (build.build(small, tmp_path / "disk" / "site") / "index.html").is_file()


def test_columns_of_a_formula_do_not_touch_and_those_that_are_aligned_do(small, reader):
    texts = (r"\begin{cases}1 & x\end{cases}", r"\begin{pmatrix}1 & x\end{pmatrix}", r"\begin{array}{lr}1 & x\end{array}",
             r"\begin{align}1 & x\end{align}")
    nbformat.write(new_notebook(cells=[new_markdown_cell("# A\n\n" + "\n\n".join(f"$${text}$$" for text in texts))]),
                   small / "02_correlation.ipynb")
    reader.goto((build.build(small) / "02_correlation.html").as_uri())
    gaps = reader.locator("mtr").evaluate_all("""rows => rows.map(row => row.lastElementChild.lastElementChild.getBoundingClientRect().left
        - row.firstElementChild.lastElementChild.getBoundingClientRect().right)""")
    assert min(gaps[:3]) > 5 > gaps[3] + 1


ODD = "it's \"a\" & b#c%20d?e <i> $x$ `q`"


def test_a_run_of_any_name_in_any_folder_has_pages_whose_links_work(tmp_path, reader):
    site = build.build(made_run(tmp_path / "a #1" / ODD, "02_correlation"))
    assert ODD in marks(site / "index.html").main.get_text()
    reader.goto((site / "index.html").as_uri())
    reader.locator(".card").first.click()
    reader.wait_for_url("**/02_correlation.html")
    reader.get_by_role("navigation", name="Pages").get_by_role("link", name="Overview").click()
    reader.wait_for_url("**/index.html")


def test_a_folder_without_results_or_in_use_is_refused(tmp_path, run):
    (tmp_path / "empty").mkdir()
    with pytest.raises(StageError, match="it is not a run or sweep folder"):
        build.build(tmp_path / "empty")
    with pytest.raises(StageError, match="no executed notebook yet"):
        build.build(made_run(tmp_path / "new"))
    with locked(run, "a test"), pytest.raises(StageError, match=r"in use by a test \(.*\); wait until that ends, and make the site"):
        build.build(run)


def test_a_stage_that_ran_by_hand_is_named_and_shown_as_committed(run, monkeypatch):
    by_hand = {"07_evidence": {"parameters": {}, "notebook": "", "files": {}}}
    monkeypatch.setattr(front.contracts, "read_manifest", lambda folder: by_hand)
    monkeypatch.setattr(front.pipeline, "verify", lambda folder: [])
    site = build.build(run)
    assert "07_evidence ran by hand" in (site / "index.md").read_text()
    assert "shown as it is committed" in (site / "07_evidence.html").read_text()


def test_links_lead_to_pages_to_copied_files_and_elsewhere(run):
    site = build.Site({})
    source = ROOT / "docs" / "data.md"
    assert site.link(source, "https://example.org/a#b", ".html") == "https://example.org/a#b"
    assert site.link(source, "#below", ".html") == "#below"
    assert site.link(source, "evidence.md#luck", ".html") == "docs-evidence.html#luck"
    assert site.link(source, "../notebooks/01_data.ipynb", ".md") == "01_data.md"
    assert site.link(source, "../params/default.yml", ".html") == "files/params/default.yml"
    assert site.copied == {"files/params/default.yml": ROOT / "params" / "default.yml"}
    for absent in ("no-such.md", "../../elsewhere.md", "../lib"):
        assert site.link(source, absent, ".html") == ""


@pytest.mark.parametrize("target", [
    "a%00b", "x" * 300, "%2e%2e/%2e%2e/etc/passwd", "/etc/passwd", "~/letter.md", "file:///etc/passwd", "javascript:alert(1)",
    "JAVASCRIPT:alert(1)", "vbscript:x", "data:text/html,x", "//example.org/a", "../.gitignore", "../outputs/.gitignore", "%",
    "http", "C:/letter.md", "data.md?raw=1"])
def test_a_target_that_is_no_page_and_no_file_for_readers_is_no_link(target):
    site = build.Site({})
    assert site.link(ROOT / "docs" / "data.md", target, ".html") == "" and not site.copied


def test_results_are_not_copied_into_a_site_even_if_a_text_names_them(monkeypatch):
    monkeypatch.setenv("FOREFOLIO_OUTPUTS", str(ROOT / "params"))  # as if a params file were a result
    assert build.Site({}).link(ROOT / "docs" / "data.md", "../params/default.yml", ".html") == ""


@pytest.mark.parametrize("target", ["HTTPS://example.org", "http://[half", "mailto:a@example.org", "data:image/png;base64,"])
def test_a_target_elsewhere_stays_as_it_is(target):
    assert build.Site({}).link(ROOT / "docs" / "data.md", target, ".html") == target


def test_each_file_has_a_page_of_its_own_whatever_its_name_is(monkeypatch, tmp_path):
    monkeypatch.setattr(build, "ROOT", tmp_path)
    odd = ["index.md", "a-b.md", "a/b.md", "A/B.md", "50 % & more?#.md", "日本.md", "..md", f"{'x' * 200}.md"]
    site = build.Site({})
    for name in odd:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("words")
    site.fill([tmp_path / name for name in odd])
    found = [page.name for page in site.pages.values()]
    assert len({name.lower() for name in found}) == len(odd) and "index" not in found
    assert not [name for name in found if not re.fullmatch(r"[\w.-]{1,110}", name)]
    (tmp_path / "a b#.csv").touch()
    assert site.link(tmp_path / "index.md", "a%20b%23.csv", ".html") == "files/a%20b%23.csv"
    assert site.copied == {"files/a b#.csv": tmp_path / "a b#.csv"}


def test_names_that_look_like_marks_are_text_for_a_reader_and_in_the_search(run, reader):
    text = pd.DataFrame({"weight": 1}, NAMES).to_html()
    nbformat.write(new_notebook(cells=[
        new_markdown_cell("# Names of <b>x</b>\n\n## Part </script> of \\$x\\$\n\nWords of `a|b`."),
        new_code_cell("1", outputs=[new_output("display_data", {"text/html": text, "text/plain": ""})])]),
        run / "02_correlation.ipynb")
    site = build.build(run)
    reader.goto((site / "02_correlation.html").as_uri())
    assert reader.locator("h1").inner_text() == "Names of <b>x</b>"
    assert reader.locator("tbody th").all_inner_texts() == NAMES
    assert not reader.locator("main b, main math").count()
    reader.get_by_role("searchbox").press_sequentially("part words a|b")
    reader.locator("#Found a").first.wait_for()
    (found,) = reader.locator("#Found a").all_text_contents()
    assert found.startswith("Names of <b>x</b>") and found.endswith("Part </script> of $x$")
    assert not reader.locator("#Found b").count()


def test_a_stage_without_results_is_named_and_shown_as_far_as_it_came(small):
    failed = new_output("error", ename="ValueError", evalue="no", traceback=["ValueError: no"])
    nbformat.write(new_notebook(cells=[new_markdown_cell("# Failed"), new_code_cell("x", outputs=[failed])]),
                   small / "02_correlation.ipynb")
    site = build.build(small)
    assert "has no results of 02_correlation: a page shows how far" in (site / "index.md").read_text()
    assert "ValueError: no" in (site / "02_correlation.html").read_text()


ANSWER = "question,answer,of,number\nskill,not shown,mean,0.1\n"


@pytest.mark.parametrize("table, content", [
    *((table, content) for table in ("answer", "performance", "periods") for content in (b"", b"a,b\n1,2\n", b'\xff\x00,\n"1')),
    ("performance", b"strategy,total_return\nequal_weight,much\n"), ("answer", ANSWER.replace("not shown", "maybe").encode()),
    ("periods", b"period,first,last\ntest,once,later\n"), ("answer", ANSWER.splitlines()[0].encode())])
def test_a_damaged_table_is_said_with_what_hashes_say_and_where(small, table, content):
    (small / "tables").mkdir()
    kept = {"answer": ANSWER, "performance": "strategy,total_return\nequal_weight,0.5\n",
            "periods": "period,first,last\ntest,2020-01-01,2020-12-31\n"}
    for name, text in kept.items():
        (small / "tables" / f"{name}.csv").write_bytes(content if name == table else text.encode())
    with pytest.raises(StageError, match="run: this code cannot read these results .*, and hashes say why: .*run` again"):
        build.build(small)


@pytest.mark.parametrize("content", [b"", b"no figure", b"Plotly.newPlot( {bad", b"\xff\xfe"])
def test_a_damaged_figure_is_said_with_what_hashes_say(small, content):
    (small / "tables").mkdir()
    (small / "figures").mkdir()
    (small / "tables" / "performance.csv").write_text("strategy,total_return\nequal_weight,0.5\n")
    (small / front.MAIN_FIGURE).write_bytes(content)
    with pytest.raises(StageError, match="cannot read these results .*, and hashes say why"):
        build.build(small)


def test_a_fault_of_this_code_is_not_blamed_on_results_that_hashes_confirm(small, monkeypatch):
    monkeypatch.setattr(front.pipeline, "verify", lambda folder: [])
    monkeypatch.setattr(front, "_strategies", lambda *_: {}["a fault"])
    with pytest.raises(KeyError, match="a fault"):
        build.build(small)


@pytest.mark.parametrize("line", [b"\xff\xfe", b'{"stage": ["x"], "state": "done", "seconds": null, "error": "", "started": ""}',
                                  b'{"stage": "02_correlation", "state": "done", "seconds": null, "error": "", "started": ""}'])
def test_a_damaged_line_of_the_ledger_does_not_matter(small, line):
    (small / "ledger.jsonl").write_bytes(line + b"\n")
    assert (build.build(small) / "files" / "ledger.jsonl").read_bytes() == line + b"\n"


def test_the_first_page_does_not_say_where_on_this_machine_a_run_lies(small):
    (small / "notes.ipynb").write_text("of the user")
    for suffix in ("html", "md"):
        text = (build.build(small) / f"index.{suffix}").read_text()
        assert "were not made by the code" in text and str(small.parent) not in text


# ------------------------------------------------------------------------------------------------- what the first page says
EARNED = pd.DataFrame({"strategy": ["mean+mvf", "lstm+mvf", "mean+rpp", "lstm+rpp", "equal_weight", "benchmark"],
                       "total_return": [0.3, 0.2, 0.4, 0.4, 0.5, 0.1], "sharpe": [0.5, 0.4, 0.6, 0.6, 0.7, None]})
WEIGHTS = pd.DataFrame([(name, asset, weight, day) for day in pd.to_datetime(["2024-01-31", "2024-02-29"])
                        for name, first in (("mean+mvf", 0.1), ("lstm+mvf", 0.9), ("mean+rpp", 0.5), ("lstm+rpp", 0.501),
                                            ("equal_weight", 0.4)) for asset, weight in (("A", first), ("B", 1 - first))],
                       columns=["strategy", "asset", "weight", "rebalance_date"])


@pytest.fixture
def judged(run) -> Path:
    """A run with weights, and with what they earned and whether that is shown."""
    for folder in ("tables", "artifacts"):
        (run / folder).mkdir()
    EARNED.to_csv(run / "tables" / "performance.csv", index=False)
    WEIGHTS.to_parquet(run / "artifacts" / "weights.parquet")
    decide(run, ("not shown", "lstm"), ("not shown", "lstm+mvf"), ("not shown", "mean+mvf"))
    return run


def decide(run: Path, *answers: tuple[str, str]) -> None:
    """Write the answers to skill, cost and luck, and of what each is."""
    pd.DataFrame([(question, answer, of, "number", 0.5, 0.2) for question, (answer, of) in zip(
        ("skill", "cost", "luck"), answers)], columns=["question", "answer", "of", "number", "value", "p"]).to_csv(
        run / "tables" / "answer.csv", index=False)


def headline(run: Path) -> str:
    """The answer on the first page, as text."""
    return marks(build.build(run) / "index.html").find("h2", id="the-answer").find_next("p").get_text()


def test_the_answer_counts_only_portfolios_that_a_network_s_forecasts_changed_and_names_the_twin(judged):
    assert headline(judged) == (
        "These data do not show that they were. Over the test period, equal weight earned 50.0\xa0%. The best portfolio that "
        "depends on a network's forecasts, mean-variance (LSTM), earned 20.0\xa0%, and 30.0\xa0% with the historical mean in "
        "their place. No model is shown to forecast returns.")


@pytest.mark.parametrize(("answers", "said", "skill"), [
    ([("shown", "lstm"), ("shown", "lstm+mvf"), ("shown", "lstm+mvf")], "Yes, by all three tests.", "lstm is shown to forecast returns."),
    ([("shown", "lstm"), ("shown", "mean+mvf"), ("shown", "mean+mvf")], "These data do not show that they were.",
     "lstm is shown to forecast returns."),
    ([("shown to be absent", "mean"), ("not shown", "lstm+mvf"), ("not shown", "lstm+mvf")], "No.",
     "It is shown that no model forecasts returns."),
    ([("not shown", ""), ("not shown", ""), ("not shown", "")], "These data do not show that they were.", "in their place.")])
def test_the_answer_is_yes_only_if_all_three_tests_show_it_of_networks(judged, answers, said, skill):
    decide(judged, *answers)
    text = headline(judged)
    assert text.startswith(said) and text.endswith(skill)


def test_without_the_stage_of_evidence_the_answer_says_what_was_earned_and_what_is_missing(judged):
    (judged / "tables" / "answer.csv").unlink()
    text = headline(judged)
    assert text.startswith("Over the test period, equal weight earned 50.0") and "Stage 7" in text and "is not part of this run" in text


def test_the_table_has_each_portfolio_once_in_words_best_first_and_units_in_its_titles_alone(judged):
    table = marks(build.build(judged) / "index.html").find("h2", id="what-each-strategy-earned").find_next("table")
    rows = [[cell.get_text() for cell in row.find_all(["th", "td"])] for row in table.find_all("tr")]
    assert rows == [["portfolio", "total return, compounded (%)", "Sharpe ratio (annual)", "name in the notebooks"],
                    ["equal weight", "50.0", "0.70", "equal_weight"],
                    ["risk parity (both forecasts)", "40.0", "0.60", "mean=lstm+rpp"],
                    ["mean-variance (historical mean)", "30.0", "0.50", "mean+mvf"],
                    ["mean-variance (LSTM)", "20.0", "0.40", "lstm+mvf"], ["the index", "10.0", "", "benchmark"]]


@pytest.mark.parametrize("own", [True, False])
def test_claims_say_whose_numbers_stand_beside_the_paper_s_and_how_many_agree(tmp_path, own):
    run = made_run(tmp_path / "run", "02_correlation")
    if own:
        shutil.copy(contracts.NOTEBOOKS / "papers" / "nguyen2025.ipynb", run)
    page = marks(build.build(run) / "index.html")
    head = next(head for head in page.find_all("h2") if head.get_text().startswith("Claims: Nguyen"))
    text, rows = head.find_next("p").get_text(), head.find_next("table").tbody.find_all("tr")
    statuses = [row.find_all("td")[-1].get_text() for row in rows]
    assert ("beside what this run finds" in text) == own != ("the run that was committed" in text)
    assert f"of {len(rows)} rows" in text
    assert all(f"{statuses.count(status)} {status}" in text for status in set(statuses))


# ------------------------------------------------------------------------------------------------- sweeps
@pytest.mark.parametrize("content", [None, b"", b"a,b\n1,2\n", b'\xff\x00,\n"1'])
def test_a_sweep_without_its_table_of_points_is_refused_in_a_sentence(small_sweep, content):
    (small_sweep / "points.csv").unlink() if content is None else (small_sweep / "points.csv").write_bytes(content)
    with pytest.raises(StageError, match=r"points\.csv is not the table of a sweep's points .*; give its `forefolio sweep` again"):
        build.build(small_sweep)


def test_a_point_whose_folder_is_gone_is_refused_and_no_longer_kept(small_sweep):
    site = build.build(small_sweep, points=["x-1", "x-2", "x-2"])
    shutil.rmtree(small_sweep / "x-2")
    build.build(small_sweep)
    assert [path.name for path in (site / "points").iterdir()] == ["x-1"]
    with pytest.raises(StageError, match="--point x-2: .*x-2 has no executed notebook; give its `forefolio sweep` again"):
        build.build(small_sweep, points=["x-2"])


@pytest.mark.parametrize("name", ["../x-1", "..", ".", "/etc", "x-1/..", ""])
def test_a_point_whose_name_leads_elsewhere_has_no_pages(small_sweep, name):
    points(small_sweep, **{name: "done", "x_1": "done"})
    with pytest.raises(StageError, match="--point .*: .* (has no executed notebook|has no such point)"):
        build.build(small_sweep, points=[name])


def test_a_point_of_any_name_has_pages_whose_links_work(small_sweep, reader):
    odd = "a=50%,b=#1?&c d"
    (small_sweep / "x-1").rename(small_sweep / odd)
    points(small_sweep, **{odd: "done"})
    site = build.build(small_sweep, points=[odd])
    reader.goto((site / "index.html").as_uri())
    reader.get_by_role("main").get_by_role("link", name=odd, exact=True).click()
    reader.wait_for_url("**/points/*/index.html")
    assert reader.locator(".card").count() == 1
    reader.get_by_role("navigation", name="Pages").get_by_role("link", name="The sweep").click()
    reader.wait_for_url("**/site/index.html")


def test_of_very_many_points_an_error_names_a_few(small_sweep):
    points(small_sweep, **{f"x_{i}": "done" for i in range(1000)})
    with pytest.raises(StageError, match="its points are x-0, x-1, .*, and 992 more$"):
        build.build(small_sweep, points=["y"])


def test_the_index_of_a_sweep_is_its_notebook_with_all_points(sweep):
    site = build.build(sweep)
    page = marks(site / "index.html").main
    committed = nbformat.read(contracts.NOTEBOOKS / "sweep.ipynb", as_version=4)
    assert page.h1.get_text() == committed.cells[0].source.splitlines()[0].removeprefix("# ")
    assert page.find("p").get_text().startswith("This is the sweep sweep, with 3 points over x.")
    table = page.find("h2", id="points").find_all_next("table")[-1]
    assert [row.find(["th", "td"]).get_text() for row in table.tbody.find_all("tr")] == ["x-1", "x-2", "x-3"]
    assert not (site / "points").exists()


def test_a_point_gets_pages_on_demand_that_share_what_the_sweep_has(sweep, reader):
    site = build.build(sweep, points=["x-2"])
    own = names(site / "points" / "x-2")
    assert {"index.html", "02_correlation.html", "05_portfolios.html", "05_portfolios.md", "search.js"} <= own
    assert not [name for name in own if name.startswith(("assets/", "docs-", "glossary"))]
    for file in (site / "points" / "x-2").glob("*.html"):
        for link in marks(file).find_all(["a", "img", "script", "link"]):
            target = (link.get("href") or link.get("src") or "#").partition("#")[0]
            assert not target or ":" in target or (file.parent / target).resolve().is_file(), f"{file.name}: {target}"
    reader.goto((site / "index.html").as_uri())
    reader.get_by_role("main").get_by_role("link", name="x-2", exact=True).click()
    for width, theme in ((1280, "light"), (390, "dark")):
        at(reader, width, theme)
        assert not any(wrong := reader.evaluate(LOOK).values()), wrong
    reader.locator(".card").nth(1).click()
    reader.wait_for_url("**/05_portfolios.html")
    assert draw(reader) > 3
    assert not any(wrong := reader.evaluate(LOOK).values()), wrong
    at(reader, 1280, "light")
    reader.get_by_role("navigation", name="Pages").get_by_role("link", name="The sweep").click()
    reader.wait_for_url(f"**/{site.name}/index.html")


def test_a_sweep_keeps_the_pages_of_its_points_until_these_are_not_done(small_sweep):
    build.build(small_sweep, points=["x-2"])
    site = build.build(small_sweep, points=["x-1"])
    assert {path.name for path in (site / "points").iterdir()} == {"x-1", "x-2"}
    points(small_sweep, x_1="done", x_2="failed")
    build.build(small_sweep)
    assert {path.name for path in (site / "points").iterdir()} == {"x-1"}


def test_a_point_that_is_not_there_or_not_done_is_refused(small_sweep):
    with pytest.raises(StageError, match="--point x-9: the sweep has no such point; its points are x-1, x-2, x-3"):
        build.build(small_sweep, points=["x-9"])
    with pytest.raises(StageError, match="--point x-3: this point is failed, not done"):
        build.build(small_sweep, points=["x-3"])
    (small_sweep / "sweep.ipynb").unlink()
    with pytest.raises(StageError, match=r"no executed sweep\.ipynb yet; give its `forefolio sweep` first"):
        build.build(small_sweep)
    points(small_sweep, x_1="failed", x_2="failed")
    with pytest.raises(StageError, match=r"no point that is done, and its points\.csv says why; give its `forefolio sweep` again"):
        build.build(small_sweep)
