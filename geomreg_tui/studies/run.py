"""Running studies: their sweeps one after the other, in one engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from geomreg_tui.place import Cluster
from geomreg_tui.studies.directory import StudyDirectory, StudyResult
from geomreg_tui.studies.parts import run_parts
from geomreg_tui.studies.study import Study
from geomreg_tui.sweeps.run import SweepEngine

__all__ = ["Progress", "run_studies"]


class Progress(NamedTuple):
    """How far a study is.

    Attributes:
        study: which.
        part: the part under way.
        done, points: points of the study that are there, and all that it needs.
    """

    study: Study
    part: str
    done: int
    points: int


def run_studies(
    studies: Sequence[Study],
    scale: str,
    folder: Path,
    *,
    workers: int | None = None,
    device: str = "auto",
    cluster: Cluster | None = None,
    interrupted: Callable[[], bool] = lambda: False,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Iterator[StudyResult]:
    """Run studies one after the other, and yield what each has found.

    Points that are there are taken as they are: studies that were stopped or killed are gone on with by
    asking for them again. A point that fails is set down, and the others are run.

    Args:
        studies: which.
        scale: one of ``SCALES``.
        folder: where their directories are made.
        workers: worker processes; None for one for each core.
        device: ``auto``, ``cpu`` or ``cuda:i``.
        cluster: whose workers do the work; None for this machine's.
        interrupted: asked several times a second; once true, the point under way is the last, and the study
            under way is not yielded. A viewer who stops the sweep of a part stops the studies as well.
        progress: called after each point.

    Raises:
        ClusterError: if the cluster cannot be used.
        ExperimentError: if the folder holds studies at another scale, or a study cannot be run.
        RunDirectoryError: if a directory cannot be made, holds another experiment, or is in use.
    """
    directory = StudyDirectory(folder)
    directory.begin(scale)
    engine = SweepEngine(workers, device, None, cluster)
    try:
        for study in studies:
            ran = run_parts(
                study.parts(scale),
                folder / study.name,
                engine,
                interrupted,
                _told(study, progress),
            )
            if ran.stopped:
                return
            result = directory.judge(study, scale, ran.points, ran.failed)
            directory.write(result)
            yield result
    finally:
        engine.close()


def _told(study: Study, progress: Callable[[Progress], None]) -> Callable[[str, int, int], None]:
    """Return what tells how far a study is, of a part and the points that are there."""
    return lambda part, done, points: progress(Progress(study, part, done, points))
