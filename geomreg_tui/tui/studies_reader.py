"""What the studies of a folder have come to, read anew only where something has changed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from geomreg_tui.studies.directory import StudyDirectory, StudyResult
from geomreg_tui.studies.registry import STUDIES
from geomreg_tui.studies.study import Study

__all__ = ["StudiesReader", "StudyEntry"]

_SCALE = "quick"  # at which studies are begun where none are there


@dataclass(frozen=True)
class StudyEntry:
    """A study as it stands.

    Attributes:
        study: which.
        result: what it has found so far; None before it has begun.
        done, points: points that are there, and all that it needs.
        running: whether it is being run.
    """

    study: Study
    result: StudyResult | None
    done: int
    points: int
    running: bool


class StudiesReader:
    """Reads a folder of studies.

    Attributes:
        path: the folder; None while there is none.
        scale: of its studies, or the one at which they will be begun.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.scale = _SCALE
        self._known: dict[str, tuple[tuple[int, ...], StudyResult]] = {}

    def read(self) -> list[StudyEntry]:
        """Return every study as it stands.

        Raises:
            RunDirectoryError: if the folder, or the run of a point in it, is damaged.
        """
        directory = None if self.path is None else StudyDirectory(self.path)
        if directory is not None:
            self.scale = directory.scale or self.scale
        return [self._entry(study, directory) for study in STUDIES]

    def _entry(self, study: Study, directory: StudyDirectory | None) -> StudyEntry:
        parts = study.parts(self.scale)
        total = sum(len(plan.grid()) for plan in parts.values())
        if directory is None or study not in directory.studies():
            return StudyEntry(study, None, 0, total, False)
        sweeps = [directory.sweep(study, part) for part in parts]
        stamps = tuple(sweep.result_stamp() for sweep in sweeps)
        before = self._known.get(study.name)
        if before is None or before[0] != stamps:
            before = stamps, directory.read(study, self.scale)
            self._known[study.name] = before
        result = before[1]
        running = any(sweep.engine() is not None for sweep in sweeps)
        return StudyEntry(study, result, sum(map(len, result.points.values())), total, running)
