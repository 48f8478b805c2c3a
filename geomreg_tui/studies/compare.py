"""Running a comparison of arms, in a folder that holds the sweep of each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from geomreg_tui.errors import RunDirectoryError
from geomreg_tui.place import Cluster
from geomreg_tui.rundir.store import write_json
from geomreg_tui.studies.comparison import ComparePlan, Comparison, compare_arms
from geomreg_tui.studies.parts import run_parts
from geomreg_tui.sweeps.run import SweepEngine

__all__ = ["RESULT", "run_comparison"]

RESULT = "compare.json"


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
    engine = SweepEngine(workers, device, arrays, cluster)
    try:
        ran = run_parts(parts, folder, engine, interrupted, progress)
    finally:
        engine.close()
    comparison = compare_arms(ran.points, plan.tail.loss)
    write_json(folder / RESULT, comparison.to_json())
    return comparison, ran.failed
