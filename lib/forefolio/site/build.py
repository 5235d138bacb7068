"""Builds the site of a run or of a sweep: pages of its notebooks, and of all documents that these pages link to.

`build` follows links: a page that links to another notebook or document of the project brings that page into the site.
`place` lets a site take its place when it is whole.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import quote, unquote

from jinja2 import Environment, PackageLoader, StrictUndefined

from forefolio import files
from forefolio.files import StageError
from forefolio.runs import contracts, pictures
from forefolio.site import front, pages, place
from forefolio.study.parameters import ROOT

SHARED = (Path(place.MARK).name, "site.css")
ALWAYS = ("docs/*.md", "notebooks/glossary.md", "notebooks/solutions/*.ipynb", "notebooks/papers/*.ipynb")
GROUPS = {"notebooks/papers": "Papers, as committed", "notebooks/solutions": "Exercises, solved",
          "notebooks": "Notebooks, as committed"}  # by folder; all other pages are guides
RESULTS, GUIDES, INDEX = "This run", "Guides", ""


class Site:
    """Pages by the file of the project that each stands for.

    Parameters
    ----------
    results : executed notebooks that stand in place of the project's, by the path of the project's.
    above : the site in whose folder this one lies, and which has the pages that both share; None for most sites.
    way : path from this site's folder to that one's, with a slash at its end.
    """

    def __init__(self, results: dict[Path, Path], above: "Site | None" = None, way: str = ""):
        self.results, self.above, self.way = results, above, way
        self.pages: dict[Path, pages.Page] = {}
        self.copied: dict[str, Path] = {}  # files that pages link to, by their path in the site
        self._names: dict[Path, str] = {}
        self._wanted = list(results)

    def fill(self, more: Iterable[Path] = ()) -> None:
        """Make the pages of all results, of more files, and of what these link to."""
        self._wanted += more
        while self._wanted:
            path = self._wanted.pop(0)
            if path in self.pages:
                continue
            make = pages.of_document if path.suffix == ".md" else pages.of_notebook
            self.pages[path] = make(self.results.get(path, path), self.name(path),
                                    lambda url, suffix, path=path: self.link(path, url, suffix))

    def link(self, source: Path, url: str, suffix: str) -> str:
        """The target of a link in a file of the project, from the page of that file; empty if the site has no such page.

        A page gets the `suffix`; other files of the project are copied.
        """
        if re.match("#|$", url) or re.match("https?:|mailto:|data:image/", url, re.IGNORECASE):
            return url
        name, mark, anchor = url.partition("#")
        target = _project_file(source.parent, unquote(name))
        if target is None:
            return ""
        if target.suffix in (".md", ".ipynb"):
            if self.above and target not in self.results:
                return f"{self.way}{self.above.link(source, url, suffix)}"
            self._wanted.append(target)
            return f"{self.name(target)}{suffix}{mark}{anchor}"
        path = f"files/{target.relative_to(ROOT).as_posix()}"
        self.copied[path] = target
        return f"{self.way}{quote(path)}"

    def name(self, path: Path) -> str:
        """The name of the page of a file of the project: another one for each file, and none that the index has."""
        if path not in self._names:
            taken, wanted = {"index", *self._names.values()}, _name(path)
            self._names[path] = next(name for i in count(1) if (name := f"{wanted}-{i}" if i > 1 else wanted) not in taken)
        return self._names[path]

    def groups(self) -> dict[str, list[pages.Page]]:
        """The pages by group, in the order in which a reader meets them."""
        found: dict[str, list[pages.Page]] = {}
        for path, page in self.pages.items():
            group = RESULTS if path in self.results else GROUPS.get(path.parent.relative_to(ROOT).as_posix(), GUIDES)
            group = GUIDES if path.suffix == ".md" and path not in self.results else group
            found.setdefault(group, []).append(page)
        return {group: found[group] for group in (RESULTS, *dict.fromkeys([*GROUPS.values(), GUIDES])) if group in found}


def build(folder: Path, output: Path | None = None, points: Iterable[str] = ()) -> Path:
    """Build the site of a run folder or of a sweep folder.

    Parameters
    ----------
    folder : the run or the sweep.
    output : folder of the site; by default `site` in `folder`. One that holds something else is refused.
    points : points of a sweep that get pages of their own, besides those that the site in `output` already has.

    Returns
    -------
    Path
        The site's folder; `index.html` is its first page.

    Raises
    ------
    StageError
        If there is nothing to show, if a point is not one of the sweep's or is not done, or if `output` is no place for a site.
    """
    folder, output = folder.absolute(), (output or folder / "site").absolute()
    kind, points = files.kind_of(folder), list(points)
    if kind == "run" and points:
        raise StageError(f"--point {points[0]}: {folder} is a run, which has no points; leave --point out")
    with _held(folder, kind):
        with place.made_aside(folder, output) as aside:
            if kind == "run":
                _write_run(folder, aside)
            else:
                _write_sweep(folder, aside, [*_kept(folder, output), *points])
    return output


@contextmanager
def _held(folder: Path, kind: str) -> Iterator[None]:
    """Hold a run or a sweep, so that no result changes meanwhile; who may only read a folder can make no lock in it."""
    with ExitStack() as stack:
        if os.access(folder, os.W_OK):
            try:
                stack.enter_context(files.locked(folder, "`forefolio site`", kind=kind))
            except StageError as error:
                raise StageError(f"{str(error).partition(';')[0]}; wait until that ends, and make the site then") from None
        yield


def _kept(folder: Path, output: Path) -> list[str]:
    """The points of a sweep that have pages in a site, and still have results that are done."""
    found = front.points(folder)
    done = {name for name, state in zip(found["point"], found["state"]) if state == "done" and front.was_run(folder, name)}
    return [path.parent.name for path in sorted(output.glob("points/*/index.html")) if path.parent.name in done]


def _write_run(folder: Path, output: Path, above: Site | None = None, way: str = "") -> None:
    """Write the site of a run; with a site above it, only the pages of its own notebooks."""
    site = Site({contracts.NOTEBOOKS / contracts.path_of(stage): folder / f"{stage}.ipynb"
                 for stage in contracts.CONTRACTS if (folder / f"{stage}.ipynb").exists()}, above, way)
    if not site.results:
        raise StageError(f"{folder} has no executed notebook yet; give its `forefolio run` first, with --force if its "
                         "stages were run by hand")
    site.fill([] if above else _always())
    index = front.of_run(folder, {page.name: page for page in site.pages.values()})
    _write(site, output, index, front.records(folder))


def _write_sweep(folder: Path, output: Path, points: list[str]) -> None:
    """Write the site of a sweep: its own notebook is the index, and each wanted point has pages in a folder."""
    notebook = folder / "sweep.ipynb"
    if not notebook.exists():
        none = (folder / "points.csv").exists() and not (front.points(folder)["state"] == "done").any()
        why = "no point that is done, and its points.csv says why" if none else "no executed sweep.ipynb yet"
        raise StageError(f"{folder} has {why}; give its `forefolio sweep` {'again' if none else 'first'}")
    site, records = Site({}), front.records(folder)
    site.fill(_always())

    def link(url: str, suffix: str) -> str:
        return url if url in records else site.link(contracts.NOTEBOOKS / "sweep.ipynb", url, suffix)

    index = pages.of_notebook(notebook, "index", link)
    site.fill()
    points = list(dict.fromkeys(points))
    _write(site, output, front.with_points(index, folder, points), records)
    for point in points:
        _write_run(folder / point, output / "points" / point, site, "../../")


def _always() -> list[Path]:
    """The project's documents and committed notebooks that every site has."""
    return [path for pattern in ALWAYS for path in sorted(ROOT.glob(pattern))]


def _name(path: Path) -> str:
    """The name that the page of a file of the project would have, without suffix: its folders and itself, in letters that a
    link may have.

    >>> _name(ROOT / "notebooks" / "01_data.ipynb"), _name(ROOT / "docs" / "50 % & more?.md")
    ('01_data', 'docs-50-more')
    """
    parts = "-".join(path.relative_to(ROOT).with_suffix("").parts).removeprefix("notebooks-").lower()
    return re.sub(r"[^\w.]+", "-", parts).strip("-")[:100]


def _project_file(folder: Path, name: str) -> Path | None:
    """A file that a link in a folder names, if it belongs to the project: no result, and nothing hidden such as `.git`."""
    try:
        target = (folder / name).resolve()
        if not target.is_file():
            return None
    except (OSError, ValueError, RuntimeError):  # a name that no file can have, or links in a circle
        return None
    hidden = target.is_relative_to(ROOT) and any(part.startswith(".") for part in target.relative_to(ROOT).parts)
    return target if target.is_relative_to(ROOT) and not hidden and not target.is_relative_to(files.outputs_folder()) else None


def _write(site: Site, output: Path, index: pages.Page, records: dict[str, bytes]) -> None:
    """Write all files of a site into a new folder."""
    loader = PackageLoader("forefolio.site")
    template = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True,
                           lstrip_blocks=True).get_template("page.html.j2")
    groups = site.groups()
    inside = [index, *(page for group in groups.values() for page in group)]
    entries = [[page.name, page.title, section.anchor, section.title, section.text]
               for page in inside for section in page.sections]
    written: dict[str, str | bytes] = records | {
        "llms.txt": _for_assistants(index, groups),
        "search.js": f"const SEARCH = {json.dumps(entries, ensure_ascii=False, separators=(',', ':'))};\n"}
    for group, members in {INDEX: [index], **groups}.items():
        for before, page, after in zip([None, *members], members, [*members[1:], None]):
            written[f"{page.name}.html"] = template.render(page=page, index=index, before=before, after=after, group=group,
                                                           groups=groups, way=site.way)
            written[f"{page.name}.md"] = "\n\n".join(page.markdown) + "\n"
            written |= page.pictures
    if not site.above:
        written[f"{place.ASSETS}/{Path(contracts.PLOTLY).name}"] = pictures.script()
        written |= {f"{place.ASSETS}/{name}": loader.get_source(Environment(), name)[0] for name in SHARED}
    written |= {name: path.read_bytes() for name, path in site.copied.items()}
    for name, content in written.items():
        path = output / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "replace"))


def _for_assistants(index: pages.Page, groups: dict[str, list[pages.Page]]) -> str:
    """The list of all pages as Markdown, in the form of llms.txt."""
    told = [f"# {index.title}", "> Forefolio: forecasts of returns become portfolios. Begin with [the index](index.md)."]
    for group, members in groups.items():
        told += [f"## {group}", "\n".join(f"- [{page.title}]({page.name}.md)" for page in members)]
    return "\n\n".join(told) + "\n"
