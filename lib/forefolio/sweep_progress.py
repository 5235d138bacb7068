"""How far a sweep is: a bar where somebody looks, a line a stage where it is a log."""

import sys
from collections import Counter
from typing import Any

from tqdm import tqdm

from forefolio.sweep_plan import Plan, Task


class Progress:
    """Counts stages and points as they end, and guesses the time left from stages of the same name.

    Parameters
    ----------
    plan : Plan
    slots : int
        Tasks that run at once.
    known : list of dict
        Lines of the ledger from earlier calls, whose times are a first guess.
    """

    def __init__(self, plan: Plan, slots: int, known: list[dict[str, Any]]):
        self._left = Counter(task.stage for key, task in plan.tasks.items() if key not in plan.up_to_date)
        self._slots, self._n_stages, self._n_points = slots, sum(self._left.values()), len(plan.stages)
        self._seconds: dict[str, list[float]] = {}
        for line in known:
            if line["state"] == "done" and isinstance(line["seconds"], (int, float)):
                self._seconds.setdefault(line["stage"], []).append(line["seconds"])
        self._points = sum(all(key in plan.up_to_date for key in keys.values()) for keys in plan.stages.values())
        self._failed = 0
        self._bar = tqdm(total=self._n_stages, unit="stage", desc=plan.grid.name, disable=not sys.stderr.isatty(),
                         bar_format="{desc}: {n_fmt} of {total_fmt} stages |{bar}| {postfix}")

    def ended(self, task: Task, state: str, seconds: float | None, points: int) -> None:
        """Take note of a task that ended, and of so many points that it completed."""
        self._left[task.stage] -= 1
        self._points += points
        self._failed += state in ("failed", "timed out", "killed")
        if seconds:
            self._seconds.setdefault(task.stage, []).append(seconds)
        said = f"{self._points} of {self._n_points} points, {self._failed} stages failed, {self._time_left()}"
        whose = task.points[0] if len(task.points) == 1 else f"{len(task.points)} points"
        text = f"{task.stage} of {whose}: {state}" + (f" in {seconds:.0f} s" if seconds else "")
        if self._bar.disable:
            ended = self._n_stages - sum(self._left.values())
            print(f"[{ended} of {self._n_stages} stages, {said}] {text}", flush=True)
        else:
            self._bar.set_postfix_str(said, refresh=False)
            self._bar.update()
            if state not in ("done", "up to date"):
                self._bar.write(text, file=sys.stderr)

    def _time_left(self) -> str:
        """The work left over the workers there are, from the mean time of each stage, and not less than one."""
        if not sum(self._left.values()):
            return "nothing left"
        if not self._seconds:
            return "time left unknown"
        means = {stage: sum(seconds) / len(seconds) for stage, seconds in self._seconds.items()}
        usual = sum(means.values()) / len(means)
        left = {stage: n * means.get(stage, usual) for stage, n in self._left.items() if n}
        left = max(sum(left.values()) / self._slots, *(means.get(stage, usual) for stage in left))
        return f"about {left:.0f} s left" if left < 120 else f"about {left / 60:.0f} min left"

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._bar.close()
