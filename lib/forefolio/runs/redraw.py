"""Draws missing pictures of recorded figures from the interactive ones, without running a stage.

A separate process draws them. Like a kernel it ignores the settings of the user's account, and it ends with its
browser.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from forefolio.files import file_hash, write_whole
from forefolio.runs import contracts, kernels, pictures


def completed(entries: list[tuple[Path, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Manifest entries, each with the missing pictures that could be drawn now.

    Parameters
    ----------
    entries : folder and entry; the entry's files must exist and match their hashes.
    """
    wanted = [folder / path for folder, entry in entries for path in contracts.lacking(entry)]
    for path in wanted:
        path.unlink(missing_ok=True)  # an existing picture belongs to another run
    with (kernels.place({}) as (environment, _), subprocess.Popen(
            kernels.guarded(sys.executable, "-m", __name__), env=environment, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as drawing):
        try:
            drawing.communicate(json.dumps([str(path) for path in wanted]))
        finally:
            drawing.terminate()  # its guard ends the browser too
    return [entry | {"files": entry["files"] | {path: file_hash(folder / path) for path in contracts.lacking(entry)
                                                if (folder / path).exists()}} for folder, entry in entries]


def figure_of(page: str) -> dict[str, Any]:
    """The figure in a page that plotly wrote."""
    place, parts = page.index("Plotly.newPlot(") + len("Plotly.newPlot("), []
    while len(parts) < 3:  # the name of the place in the page, data, layout
        place += len(page[place:]) - len(page[place:].lstrip(" \n,"))
        part, place = json.JSONDecoder().raw_decode(page, place)
        parts.append(part)
    return {"data": parts[1], "layout": parts[2]}


def main() -> None:
    """Draw the requested pictures one after another, until the browser fails."""
    for path in map(Path, json.load(sys.stdin)):
        picture = pictures.png(figure_of(path.with_suffix(".html").read_text(encoding="utf-8")))
        write_whole(path, lambda aside, picture=picture: aside.write_bytes(picture))


if __name__ == "__main__":
    main()
