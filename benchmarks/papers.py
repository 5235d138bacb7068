"""What sweeps over the choices that a paper leaves open came to, in small tables beside its notebook.

`python -m benchmarks.papers tables FOLDER` reads the sweeps of `params/sweeps` that `make papers` has run into a folder,
and writes `notebooks/papers/<paper>_<table>.csv`, which the paper's notebook shows. Numbers only, and no prices:
`python -m benchmarks.papers pictures NOTEBOOK` takes out of an executed notebook what could be turned back into them.
"""

import base64
import json
import struct
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
import numpy as np
import pandas as pd

from forefolio.files import read_frame, write_whole
from forefolio.papers import crypto, equity
from forefolio.performance import metrics
from forefolio.runs.contracts import NOTEBOOKS
from forefolio.study.parameters import ROOT
from forefolio.sweeps import results

DIGITS = "%.8g"


def grid(folder: Path, model: str) -> pd.DataFrame:
    """Points of a grid over one network: settings, validation error, and in the test period error and total returns.

    Columns: the swept parameters; validation_mae, of simple returns; mae, of log returns in the test period, as the
    paper's; total_return_mvf, total_return_rpp, total_return_mdp, fractions. All means over assets. In the grid's order.
    """
    sweep, rows = results.load(folder), {}
    for point, own in sweep.results.groupby("point", sort=False):
        earned = equity.by_name(own).set_index("strategy")["total_return"]
        accuracy = {name: read_frame(folder / point / "tables" / f"{name}.csv").set_index("model").at[model, "mae_mean"]
                    for name in ("validation_accuracy", "log_accuracy")}
        rows[point] = {**own[sweep.parameters].iloc[0], "validation_mae": accuracy["validation_accuracy"],
                       "mae": accuracy["log_accuracy"],
                       **{f"total_return_{name}": earned.get(f"{model}+{name}") for name in ("mvf", "rpp", "mdp")}}
    return pd.DataFrame(rows.values())


def choices(folder: Path) -> pd.DataFrame:
    """The paper's six strategies under each choice: what Table 5 prints, in every reading; fractions and ratios.

    Of a strategy that could not be decided on some date all is missing.
    """
    sweep, tables = results.load(folder), []
    for point, own in sweep.results.groupby("point", sort=False):
        daily = sweep.net_returns.filter(regex=f"^{point}/").rename(columns=lambda name: name.removeprefix(f"{point}/"))
        excess = metrics.monthly_excess(daily.dropna())
        made = own.set_index("strategy")
        table = pd.DataFrame({
            **made[["total_return", "information_ratio", "mean_monthly_excess"]], "summed_excess": excess.sum(),
            "summed_excess_but_first": excess.iloc[1:].sum(), "turnover_one_way": made["turnover"],
            "turnover_two_way": 2 * made["turnover"]})
        named = equity.conventions(table.rename_axis("strategy").reset_index(), excess)
        named["annual_volatility"] = equity.by_name(own).set_index("strategy")["annual_volatility"]
        tests = equity.by_name(read_frame(folder / point / "tables" / "evidence.csv")).set_index("strategy")
        named[["shapiro_p", "wilcoxon_p"]] = tests[["shapiro_p", "wilcoxon_p"]]
        log = read_frame(folder / point / "tables" / "solver_log.csv")
        gone = named.index.intersection(log.loc[log["status"] == "failed", "strategy"])  # equal weight was held instead
        named.loc[gone] = np.nan
        tables.append(named.reset_index().assign(**own[sweep.parameters].iloc[0]))
    made = pd.concat(tables, ignore_index=True)
    return made[[*sweep.parameters, *(name for name in made if name not in sweep.parameters)]]


def per_point(folder: Path, noun: str, settings: list[str], model: str | None = None) -> pd.DataFrame:
    """One table of every point, below each other, after the settings that matter for it; each of these once."""
    sweep = results.load(folder)
    own = sweep.results.drop_duplicates("point").set_index("point")
    tables = [read_frame(folder / point / "tables" / f"{noun}.csv").assign(**own.loc[point, settings]) for point in own.index]
    made = pd.concat(tables, ignore_index=True)
    made = made[made["model"] == model] if model else made
    return made[[*settings, *(name for name in made if name not in settings)]].drop_duplicates(ignore_index=True)


def crypto_choices(folder: Path) -> pd.DataFrame:
    """Both networks of the coins' paper with both splits: errors by window, and what `lstm+tangency` came to."""
    settings = ["network_preset", "leak", "network_target"]
    accuracy = per_point(folder, "window_accuracy", settings, "lstm")
    earned = results.load(folder).results.query("strategy == 'lstm+tangency'")
    return accuracy.merge(earned[[*settings, "total_return", "annual_return", "annual_volatility", "sharpe", "max_drawdown"]], on=settings)


def with_palette(picture: bytes, most: int = 256) -> bytes:
    """A PNG picture with few colors: the most frequent and those farthest from them; a pixel takes the nearest.

    It reads what Chrome writes: 8 bits a channel, RGB or opaque RGBA, rows that are whole or differences from the row above.
    Any other picture comes back as it is.
    """
    width, height, depth, kind = struct.unpack(">IIBB", picture[16:26])
    place, data = 8, b""
    while place < len(picture):
        length = struct.unpack(">I", picture[place:place + 4])[0]
        data += picture[place + 8:place + 8 + length] if picture[place + 4:place + 8] == b"IDAT" else b""
        place += length + 12
    channels = {2: 3, 6: 4}.get(kind, 0)
    if depth != 8 or not channels:
        return picture
    rows = np.frombuffer(zlib.decompress(data), np.uint8).reshape(height, 1 + channels * width)
    filters, pixels = rows[:, 0], rows[:, 1:].copy()
    if not np.isin(filters, (0, 2)).all():
        return picture
    for i in range(1, height):
        pixels[i] += pixels[i - 1] * np.uint8(filters[i] == 2)
    pixels = pixels.reshape(-1, channels)
    if channels == 4 and (pixels[:, 3] < 255).any():
        return picture
    colors, which, counts = np.unique(pixels[:, :3].astype(int), axis=0, return_inverse=True, return_counts=True)
    order = list(np.argsort(-counts, kind="stable")[:most // 2])  # the most frequent, then whatever is farthest from these
    nearest, away = np.zeros(len(colors), np.uint8), np.full(len(colors), np.inf)
    for place in range(min(most, len(colors))):
        order += [int(away.argmax())] if place >= len(order) else []
        square = ((colors - colors[order[place]]) ** 2).sum(axis=1)
        nearest, away = np.where(square < away, np.uint8(place), nearest), np.minimum(square, away)
    palette, indices = colors[order[:most]].astype(np.uint8), nearest[which.ravel()].reshape(height, width)
    lines = np.hstack([np.zeros((height, 1), np.uint8), indices])
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)), (b"PLTE", palette.tobytes()),
             (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b"")]
    return picture[:8] + b"".join(struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
                                  for name, body in parts)


TABLES: dict[str, tuple[str, Callable[[Path], pd.DataFrame]]] = {  # of a sweep, by what follows the paper's name in the file
    f"{equity.PAPER}_lstm_grid": ("nguyen_lstm_grid", partial(grid, model="lstm")),
    f"{equity.PAPER}_cnn_grid": ("nguyen_cnn_grid", partial(grid, model="cnn1d")),
    f"{equity.PAPER}_choices": ("nguyen_choices", choices),
    f"{equity.PAPER}_accuracy": ("nguyen_choices", partial(per_point, noun="log_accuracy", settings=["patience"])),
    f"{crypto.PAPER}_choices": ("zouaoui_choices", crypto_choices),
}


@click.group()
def main() -> None:
    """Write what the notebooks of the papers show beside a run, and leave no prices in them."""


@main.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=ROOT / "outputs")
@click.option("--into", type=click.Path(exists=True, file_okay=False, path_type=Path), default=NOTEBOOKS / "papers")
def tables(folder: Path, into: Path) -> None:
    """Write the tables of the sweeps that FOLDER holds; a table whose sweep is not there stays as it is."""
    for name, (sweep, table) in TABLES.items():
        if not (folder / sweep).exists():
            click.echo(f"{name}.csv stays: {folder / sweep} is not there")
            continue
        text = table(folder / sweep).to_csv(index=False, float_format=DIGITS)
        write_whole(into / f"{name}.csv", lambda aside, text=text: aside.write_text(text, encoding="utf-8"))
        click.echo(f"{name}.csv written")


@main.command()
@click.argument("notebooks", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def pictures(notebooks: tuple[Path, ...]) -> None:
    """Keep only the pictures of figures in executed NOTEBOOKS, and make them small.

    An interactive figure holds the series that it draws. The alternative text of each picture stays.
    """
    for path in notebooks:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        for output in (output for cell in notebook["cells"] for output in cell.get("outputs", ())):
            if "image/png" in output.get("data", {}):
                output["data"] = {kind: output["data"][kind] for kind in ("image/png", "text/plain") if kind in output["data"]}
                small = with_palette(base64.b64decode(output["data"]["image/png"]))
                output["data"]["image/png"] = base64.b64encode(small).decode()
        text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
        write_whole(path, lambda aside, text=text: aside.write_text(text, encoding="utf-8"))


if __name__ == "__main__":
    main()
