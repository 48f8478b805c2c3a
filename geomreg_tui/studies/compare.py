"""Running a comparison of arms, in a folder that holds the sweep of each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from geomreg_tui.errors import RunDirectoryError
from geomreg_tui.place import Cluster
from geomreg_tui.rundir import RunEntry
from geomreg_tui.rundir.elsewhere import COMPARISON, remember
from geomreg_tui.rundir.store import write_json
from geomreg_tui.studies.comparison import ARMS, ComparePlan, Comparison, compare_arms
from geomreg_tui.studies.directory import points_of
from geomreg_tui.studies.parts import run_parts
from geomreg_tui.sweeps.directory import SweepDirectory
from geomreg_tui.sweeps.groups import COMPARE_RESULT, members
from geomreg_tui.sweeps.run import SweepEngine

__all__ = ["RESULT", "read_comparison", "run_comparison"]

RESULT = COMPARE_RESULT


def run_comparison(
    plan: ComparePlan,
    folder: Path,
    *,
    workers: int | None = None,
    device: str = "auto",
    cluster: Cluster | None = None,
    arrays: Path | None = None,
    interrupted: Callable[[], bool] = lambda: False,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> tuple[Comparison, tuple[str, ...]]:
    """Run all arms over all training sets, and return what they say, with the points that failed, in words.

    Points that are there are taken as they are: a comparison that was stopped or killed is gone on with by
    asking for it again.

    Args:
        plan: what is to be compared.
        folder: where the sweep of each arm is made, and ``compare.json`` is written.
        workers, device, cluster, arrays, interrupted: as for :func:`run_sweep`.
        progress: called after each point with the arm, the points that are there, and all.

    Raises:
        ClusterError: if the cluster cannot be used.
        ExperimentError: if it cannot be run.
        RunDirectoryError: if a directory cannot be made, holds another experiment, or is in use.
    """
    parts = plan.parts()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunDirectoryError(f"{folder}: cannot be created ({error.strerror})") from error
    remember(folder, COMPARISON)
    engine = SweepEngine(workers, device, arrays, cluster)
    try:
        ran = run_parts(parts, folder, engine, interrupted, progress)
    finally:
        engine.close()
    comparison = compare_arms(ran.points, plan.tail.loss)
    write_json(folder / RESULT, comparison.to_json())
    return comparison, ran.failed


def read_comparison(folder: Path) -> Comparison:
    """Return what the arms of a comparison on disk say, as far as they have come.

    Args:
        folder: that of the comparison.

    Raises:
        RunDirectoryError: if no comparison is there, it has no points yet, or it is damaged.
    """
    arms = members(RunEntry(folder, kind=COMPARISON))
    found = {arm: points_of(arms[arm]) for arm in ARMS if arm in arms}
    if not any(found.values()):
        raise RunDirectoryError(f"{folder}: no arm of a comparison has come to a point yet")
    return compare_arms(found, _loss_of(next(iter(arms[arm] for arm in found))))


def _loss_of(arm: SweepDirectory) -> float:
    """Return the training loss that all networks come to."""
    plan = arm.plan()
    if plan.tail is not None:
        return plan.tail.loss
    return plan.training.to_loss if plan.training is not None else 0.0
