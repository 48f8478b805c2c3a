"""Several sweeps that belong together, run one after the other in one engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from geomreg_tui.rundir import RunState
from geomreg_tui.sweeps.directory import SweepDirectory
from geomreg_tui.sweeps.plan import SweepPlan, point_name
from geomreg_tui.sweeps.result import FailedPoint, SweepError, SweepPoint
from geomreg_tui.sweeps.run import SweepEngine, run_sweep

__all__ = ["Ran", "failure_line", "run_parts"]


@dataclass(frozen=True)
class Ran:
    """What came of some sweeps.

    Attributes:
        points: of each, by its name.
        failed: points that failed, in words.
        stopped: whether they were stopped, by this process or by a viewer, before all had been run.
    """

    points: Mapping[str, tuple[SweepPoint, ...]]
    failed: tuple[str, ...]
    stopped: bool


def run_parts(
    parts: Mapping[str, SweepPlan],
    folder: Path,
    engine: SweepEngine,
    interrupted: Callable[[], bool],
    progress: Callable[[str, int, int], None],
) -> Ran:
    """Run sweeps, each in a directory of its name.

    Points that are there are taken as they are. One that fails is set down, and the others are run.

    Args:
        parts: the sweeps by name.
        folder: where their directories are made.
        engine: what carries them out; it stays open.
        interrupted: asked several times a second; once true, the point under way is the last.
        progress: called after each point with the part, the points that are there, and all.

    Raises:
        ExperimentError, RunDirectoryError: as :func:`run_sweep`.
    """
    found: dict[str, tuple[SweepPoint, ...]] = dict.fromkeys(parts, ())
    failed: list[str] = []
    done, total = 0, sum(len(plan.grid()) for plan in parts.values())
    for part, plan in parts.items():
        points = run_sweep(
            plan.experiment,
            plan.factors,
            plan.samples,
            folder / part,
            interrupted=interrupted,
            tail=plan.tail,
            training=plan.training,
            observed=plan.observed,
            engine=engine,
        )
        try:
            for point in points:
                found[part] += (point,)
                done += 1
                progress(part, done, total)
        except SweepError as error:
            failed += [failure_line(part, plan, point) for point in error.failed]
        if interrupted() or SweepDirectory(folder / part).status().state is RunState.STOPPED:
            return Ran(found, tuple(failed), stopped=True)
    return Ran(found, tuple(failed), stopped=False)


def failure_line(part: str, plan: SweepPlan, point: FailedPoint) -> str:
    """Return in words which point of a part failed, and why."""
    return f"{part}, {point_name(plan.factors, point.settings)}: {point.reason}"
