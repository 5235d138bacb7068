"""The `forefolio` command.

Exit codes: 0, all is done; 1, a stage failed or took too long; 2, the call, the parameters or the data have a problem
that the user can fix (one sentence says how); 128 plus the number of the signal, the command was interrupted: 130 by
Ctrl-C, 143 by a request to end, 129 by a closed terminal.
"""

import errno
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import click

from forefolio import files
from forefolio.files import LIMIT, RunFailed, StageError
from forefolio.runs.contracts import CONTRACTS, OF_A_POINT, STAGES
from forefolio.study import parameters
from forefolio.study.parameters import StudyError
from forefolio.study.vocabulary import short

N_FILES = 256  # files that a process must be able to open; a run opens about 70


class _Commands(click.Group):
    """Commands whose errors are one sentence: exit code 2 if the user can fix them, 1 if something failed."""

    def invoke(self, context: click.Context) -> object:
        came = _polite()
        try:
            _check_user()
            return super().invoke(context)
        except KeyboardInterrupt:
            click.echo("Interrupted: finished stages are kept, and the same command goes on from there", err=True)
            sys.exit(128 + came[0])
        except (StudyError, StageError, RunFailed) as error:
            sentence, code = str(error), 1 if isinstance(error, RunFailed) else 2
        except OSError as error:
            sentence, code = _unusable(error), 2
        _fail(sentence, code)

    def main(self, *arguments: object, **options: object) -> object:
        try:
            return super().main(*arguments, **options)
        except OSError as error:  # of --help
            _fail(_unusable(error), 2)


def _check_user() -> None:
    """Refuse to run without a home folder, or with too few open files allowed: kernels need both."""
    try:
        Path.home()
    except RuntimeError:
        raise StageError("HOME: this user has no home folder; set HOME to a writable folder") from None
    with suppress(ImportError):  # Windows has no such limit
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != resource.RLIM_INFINITY and soft < N_FILES:
            raise StageError(f"this process may open only {soft} files, too few for a kernel; raise the limit "
                             f"(ulimit -n {N_FILES})")


def _unusable(error: OSError) -> str:
    """The sentence for a file, a folder or an output that cannot be used."""
    reason, name = error.strerror or str(error) or type(error).__name__, error.filename
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return f"{reason}: this process, or the machine, has reached its limit of open files; raise it (ulimit -n 1024)"
    if name is None and error.errno in (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF):
        _give_up(1)
        return f"standard output: {reason}; print to a terminal or a file that can be written"
    return f"{name or 'the system answers'}: {reason}; name a file or folder that can be read and written"


def _fail(sentence: str, code: int) -> NoReturn:
    """End with one sentence; control characters are written as escapes."""
    if code == 2:
        sentence = "".join(mark if mark.isprintable() else ascii(mark)[1:-1] for mark in short(sentence, 5000))
    try:
        click.echo(f"Error: {sentence}", err=True)
    except OSError:
        _give_up(2)
    sys.exit(code)


def _give_up(stream: int) -> None:
    """Discard what is still printed to this stream; otherwise Python meets the same error when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream)


def _polite() -> list[int]:
    """Treat a request to end, or a closed terminal, like Ctrl-C; returns the signals received."""
    came: list[int] = []

    def interrupt(number: int, _: object) -> None:
        came.append(number)
        raise KeyboardInterrupt

    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number and signal.getsignal(number) != signal.SIG_IGN:  # under nohup the command goes on
            signal.signal(number, interrupt)
    return came


@click.group(cls=_Commands)
def main() -> None:
    """From forecasts to portfolios in seven notebooks, and one more if the study names a paper."""


def _into(context: click.Context, option: click.Parameter, folder: str | None) -> None:
    """Let results lie in another folder."""
    if folder:
        os.environ["FOREFOLIO_OUTPUTS"] = str(Path(folder).absolute())


_set = click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE",
                    help="Change one parameter; the value is YAML. May be repeated.")
_limit = click.option("--stage-timeout", "minutes", type=click.FloatRange(min=0, min_open=True), metavar="MINUTES",
                      default=LIMIT, show_default=True,
                      help="End a stage that takes longer; the same command with a larger value goes on from there.")
_output = click.option("--output", metavar="FOLDER", callback=_into, expose_value=False,
                       help="Folder for runs and sweeps; with --scheduler, all workers must see it.")


@main.command()
@click.argument("params")
@_set
@click.option("--from", "first", type=click.Choice(list(CONTRACTS)), help="First stage to bring up to date.")
@click.option("--to", "last", type=click.Choice(list(CONTRACTS)), help="Last stage to bring up to date.")
@click.option("--force", is_flag=True, help="Run stages that are up to date as well.")
@_limit
@_output
def run(params: str, overrides: tuple[str, ...], first: str | None, last: str | None, force: bool,
        minutes: float) -> None:
    """Run the stages of the study in PARAMS that are not up to date."""
    from forefolio.runs import pipeline  # pandas takes seconds to import, and `check` does not need it

    folder = pipeline.run(parameters.load(params, overrides), first=first, last=last, force=force, minutes=minutes)
    if last not in OF_A_POINT[:-1]:  # only then is there a table of performance
        click.echo(f"\n{pipeline.strategies_table(folder)}")
    click.echo(f"\nresults: {folder}")


@main.command()
@click.argument("file")
@_set
@click.option("--workers", type=click.IntRange(min=1), help="Processes on this machine; by default one per core.")
@click.option("--scheduler", metavar="ADDRESS", help="Use a Dask scheduler, such as tcp://10.0.0.1:8786, in place of "
                                                     "processes on this machine.")
@_limit
@_output
@click.option("--evidence", is_flag=True, help="Also run stage 07 of every point; without this option points end at "
                                               "06.")
@click.option("--pictures/--no-pictures", default=False, show_default=True,
              help="Also draw the figures of every point as PNG; without it they are interactive pages.")
@click.option("--dry-run", is_flag=True, help="Print what would run, and run nothing.")
def sweep(file: str, overrides: tuple[str, ...], workers: int | None, scheduler: str | None, evidence: bool,
          pictures: bool, dry_run: bool, minutes: float) -> None:
    """Run every point of the grid in FILE; shared stages run once, and finished stages are not run again."""
    from forefolio.sweeps import plan
    from forefolio.sweeps import run as sweeps

    if workers and scheduler is not None:
        raise click.UsageError("--workers and --scheduler exclude each other; give only one")
    wanted = sweeps.prepare(file, overrides, STAGES if evidence else OF_A_POINT, pictures=pictures)
    click.echo(plan.table(wanted.plan))
    if dry_run:
        return
    try:
        sweeps.run(wanted, workers=workers, scheduler=scheduler, minutes=minutes)
    except (RunFailed, KeyboardInterrupt):
        click.echo(f"\n{sweeps.summary(wanted)}")
        raise
    click.echo(f"\n{sweeps.summary(wanted)}")
    if any(state != "done" for state, _ in map(wanted.ended, wanted.plan.stages)):
        sys.exit(1)


@main.command()
@click.argument("params")
@_set
def check(params: str, overrides: tuple[str, ...]) -> None:
    """Validate PARAMS without opening any data, and print the resolved study."""
    click.echo(parameters.as_yaml(parameters.load(params, overrides)), nl=False)


@main.command()
@click.argument("params")
@_set
def fetch(params: str, overrides: tuple[str, ...]) -> None:
    """Only download the prices of PARAMS (source yfinance), and keep them as a snapshot."""
    from forefolio.market import sources

    click.echo(f"snapshot: {sources.fetch(parameters.load(params, overrides))}")


@main.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def verify(folder: Path) -> None:
    """Check by hashes that this code and its parameters made every file in FOLDER (a run or a sweep)."""
    from forefolio.runs import pipeline
    from forefolio.sweeps import verification

    wrong = {"run": pipeline.verify, "sweep": verification.verify}[files.kind_of(folder)](folder.absolute())
    for sentence in wrong:
        click.echo(sentence, err=True)
    if wrong:
        sys.exit(1)
    click.echo(f"{folder}: this code and its parameters made every file")


@main.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
              help="Folder of the site; by default `site` in FOLDER.")
@click.option("--point", "points", multiple=True, metavar="NAME",
              help="Make pages for this point of a sweep. May be repeated.")
def site(folder: Path, output: Path | None, points: tuple[str, ...]) -> None:
    """Make pages of the run or the sweep in FOLDER that a browser reads without a network."""
    from forefolio.site import build

    click.echo(f"site: {build.build(folder, output, points) / 'index.html'}")


if __name__ == "__main__":
    main()
