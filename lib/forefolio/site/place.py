"""The folder of a site: it is made aside, takes the place of the old site when it is whole, and keeps what others put there.

A site lists its own files. Whatever else lies in it, such as `.git` or `CNAME`, belongs to the user and comes along.
"""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path

from forefolio import files
from forefolio.files import StageError

ASSETS = "assets"  # what all pages of a site share
MARK = f"{ASSETS}/site.js"  # a folder with this file is a site, which a new one may replace
OWN = f"{ASSETS}/files.txt"  # all files that the site itself has written, one per line
RESULTS = ("artifacts", "tables", "figures")  # folders of a run where a site would be taken for a result
ELSEWHERE = "name another folder with --output"


@contextmanager
def made_aside(folder: Path, output: Path) -> Iterator[Path]:
    """Yield the path of a new folder that becomes the site of `folder` in `output`; if that fails, the old site stays.

    Raises
    ------
    StageError
        If `output` is no place for a site, or if another process makes one there.
    """
    output = _place(folder, output)
    aside = output.with_name(f".{output.name}.{uuid.uuid4().hex}")
    old, lock = aside.with_name(f"{aside.name}.old"), output.with_name(f".{output.name}.lock")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with _alone(output, lock):
            _clear(output)
            try:
                yield aside
                _bring_along(output, aside)
                with files.undisturbed():
                    if output.exists():
                        os.replace(output, old)
                    os.replace(aside, output)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
                if output.exists():
                    shutil.rmtree(old, ignore_errors=True)
    except OSError as error:  # a full disk gives no name, and nobody knows the name of a folder aside
        if error.filename is None or str(error.filename).startswith((str(aside), str(lock))):
            raise OSError(error.errno, error.strerror or str(error), str(output)) from None
        raise


def _place(folder: Path, output: Path) -> Path:
    """The folder that `output` names, without links; a StageError if there can be no site of `folder`."""
    try:
        place, folder = output.resolve(), folder.resolve()
    except (OSError, RuntimeError):
        raise StageError(f"{output} is a link that leads to itself; {ELSEWHERE}") from None
    if folder.is_relative_to(place):
        raise StageError(f"{output} holds the results of which the site is made; {ELSEWHERE}")
    if place.is_relative_to(folder) and (place.parent != folder or place.name in RESULTS):
        raise StageError(f"{output} lies among the results of {folder}; {ELSEWHERE}")
    if place.exists() and not place.is_dir():
        raise StageError(f"{output} is a file; {ELSEWHERE}")
    beside = next(path for path in place.parents if path.exists())
    if os.path.ismount(place) or not os.access(beside, os.W_OK):
        raise StageError(f"{output} cannot be replaced by a site that is made beside it: "
                         f"{'it is a mounted disk' if os.path.ismount(place) else f'{beside} is not writable'}; {ELSEWHERE}")
    if place.exists() and any(place.iterdir()) and not (place / MARK).exists():
        raise StageError(f"{output} holds something that is not a site; {ELSEWHERE}")
    return place


@contextmanager
def _alone(output: Path, lock: Path) -> Iterator[None]:
    """Let only one process make a site in a folder."""
    held = files.in_turn(lock)
    try:
        held.acquire(timeout=0)
    except TimeoutError:
        raise StageError(f"another `forefolio site` writes {output}; wait until that ends, or {ELSEWHERE}") from None
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        held.release()


def _clear(output: Path) -> None:
    """Remove what killed builds have left; a site that was moved away when its build was killed comes back."""
    for left in sorted(output.parent.glob(f".{escape(output.name)}.{'[0-9a-f]' * 32}*")):
        if left.name.endswith(".old") and not output.exists():
            os.replace(left, output)
        else:
            shutil.rmtree(left, ignore_errors=True)


def _bring_along(output: Path, aside: Path) -> None:
    """List the files of a new site, and give it what others put into the old one."""
    own = {path.relative_to(aside).as_posix() for path in aside.rglob("*") if path.is_file()} | {OWN}
    (aside / OWN).write_text("".join(f"{name}\n" for name in sorted(own)), encoding="utf-8")
    if not (output / OWN).exists():
        return
    before = set((output / OWN).read_text(encoding="utf-8", errors="replace").splitlines())
    for path in sorted(output.rglob("*")):
        name, new = path.relative_to(output).as_posix(), aside / path.relative_to(output)
        if path.is_dir() and not path.is_symlink():
            empty = not any(path.iterdir())  # git needs some of its empty folders
            new.mkdir(parents=True, exist_ok=True) if empty else None
        elif name not in before and name in own:
            raise StageError(f"{path} was not made by a site, and the new site has a file of this name; move it elsewhere")
        elif name not in before:
            new.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, new, follow_symlinks=False)
