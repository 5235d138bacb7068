"""Measure everything, print it, and keep it in benchmarks/results.json: `python -m benchmarks [--quick] [--only TOPIC]`."""

import json
import warnings
from functools import partial
from pathlib import Path

import click

from benchmarks import backtest, before as other, growth, imports, site, stages, sweeps, training
from benchmarks.timing import machine

FULL = {
    "training": partial(training.compare, n_stocks=59, epochs=50, loop_epochs=4, rounds=3),
    "training_floor_and_peers": partial(training.against_floor_and_peers, n_stocks=59, epochs=2, rounds=3),
    "stages": partial(stages.of_a_run, "params/default.yml", rounds=3),
    "site": partial(site.against_nbconvert, "params/default.yml", rounds=3),
    "sweep": partial(sweeps.against_separate_runs, "params/sweeps/risk_aversion_costs.yml", n_separate=8, rounds=1),
    "before": partial(other.compare, rounds=2),
    "many_points": partial(sweeps.of_many_points, "params/lecture.yml", workers=2, rounds=3,
                           measured={"risk_aversion": [1, 2, 5, 10], "cost_bps": [0, 10]},
                           many={"risk_aversion": [0.1 * number for number in range(1, 11)],
                                 "estimation_window": list(range(100, 200, 10)), "cost_bps": list(range(10))}),
    "imports": partial(imports.of_stages, rounds=3),
    "backtest": partial(backtest.compare, n_rebalances=24, sizes=(20, 55, 200), rounds=3),
    "growth_with_assets": partial(growth.with_assets, sizes=(20, 60, 200, 500), stock_epochs=1500, rounds=3),
    "growth_with_history": partial(growth.with_history, n_assets=60, times=(1, 2, 4), stock_epochs=1500, rounds=3),
    "peak_memory": partial(growth.peak_memory, n_assets=500, rounds=3),
    "growth_of_stages": partial(growth.of_stages, "params/lecture.yml", sizes=(20, 100, 500), times=(1, 2, 4),
                                overrides=("epochs=2",), rounds=1),
}
QUICK = {  # to see that all runs; a minute or two, and no number to quote
    "training": partial(training.compare, n_stocks=4, epochs=3, loop_epochs=2, rounds=1),
    "training_floor_and_peers": partial(training.against_floor_and_peers, n_stocks=4, epochs=2, rounds=1),
    "stages": partial(stages.of_a_run, "params/lecture.yml", rounds=1),
    "site": partial(site.against_nbconvert, "params/lecture.yml", rounds=1),
    "backtest": partial(backtest.compare, n_rebalances=2, sizes=(5, 25), rounds=1),
    "growth_with_assets": partial(growth.with_assets, sizes=(2, 4), stock_epochs=4, rounds=1),
    "growth_with_history": partial(growth.with_history, n_assets=2, times=(1, 2), stock_epochs=2, rounds=1),
    "peak_memory": partial(growth.peak_memory, n_assets=4, rounds=1),
    "growth_of_stages": partial(growth.of_stages, "params/lecture.yml", sizes=(4, 8), times=(1,),
                                overrides=("epochs=1",), rounds=1),
}


@click.command()
@click.option("--quick", is_flag=True, help="Tiny sizes and one round: a smoke test, not a measurement.")
@click.option("--only", multiple=True, type=click.Choice(list(FULL)), help="This topic; may be repeated. All, if not given.")
@click.option("--rounds", type=click.IntRange(min=1), help="How often everything is measured, in turns.")
@click.option("--stocks", type=click.IntRange(min=1), help="Networks of the topic training.")
@click.option("--epochs", type=click.IntRange(min=2), help="Epochs of the topic training.")
@click.option("--assets", multiple=True, type=click.IntRange(min=1), help="A size of growth_with_assets; may be repeated.")
@click.option("--before", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="The checkout of another commit, for the topic before.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Where to keep the results.",
              default=Path(__file__).with_name("results.json"), show_default=True)
def main(quick: bool, only: tuple[str, ...], rounds: int | None, stocks: int | None, epochs: int | None,
         assets: tuple[int, ...], before: Path | None, output: Path) -> None:
    """Measure topic after topic; what was measured is kept after each, beside topics measured before."""
    chosen = {"before": {"before": before}, "training": {"n_stocks": stocks, "epochs": epochs}, "growth_with_assets": {"sizes": assets}}
    for topic, measure in (QUICK if quick else FULL).items():
        if only and topic not in only:
            continue
        options = {name: value for name, value in {"rounds": rounds, **chosen.get(topic, {})}.items() if value}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The .* diverged")
            found = measure(**options)
        keep(output, topic, {"quick": quick, "machine": machine(), "results": found})
        click.echo("\n".join([f"\n{topic}{' (quick: no number to quote)' if quick else ''}", *lines(found)]))
    click.echo(f"\nresults: {output}")


def keep(path: Path, topic: str, measured: dict) -> None:
    """Put one topic's results into the file, each with the machine that it was measured on."""
    topics = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(json.dumps(topics | {topic: measured}, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def lines(found: dict, *, name: str = "") -> list[str]:
    """One line a ratio, with its two medians and its target, and one line a sentence.

    >>> lines({"rpp": {"ratio": 2.5, "of": "theirs / ours", "theirs": 5.0, "ours": 2.0, "rounds": 3}})
    ['  rpp: 2.5 = theirs 5.0 / ours 2.0']
    """
    if "ratio" in found:
        over, under = found["of"].split(" / ")
        target = f" (target: {found['target']})" if "target" in found else ""
        return [f"  {name}: {found['ratio']} = {over} {found[over]} / {under} {found[under]}{target}"]
    made = []
    for key, value in found.items():
        inside = f"{name} {key}".strip()
        made += lines(value, name=inside) if isinstance(value, dict) else [f"  {inside}: {value}"]
    return made


if __name__ == "__main__":
    main()
