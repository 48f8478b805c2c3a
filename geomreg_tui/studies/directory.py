"""Studies on disk.

====================  =====================================================================
``studies.json``      at which scale the studies of this folder are run
``NAME/PART/``        the sweep of a part of a study, a directory as any other sweep's
``NAME/study.json``   what the study has found, written when all its parts are there
``report.html``       the report of all of them, and ``report.md``
====================  =====================================================================
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from geomreg_tui.errors import ExperimentError, Problem, RunDirectoryError
from geomreg_tui.rundir import RunDirectory, RunState
from geomreg_tui.rundir.elsewhere import STUDIES as STUDIES_KIND
from geomreg_tui.rundir.elsewhere import remember
from geomreg_tui.rundir.store import parsing, read_json, write_json
from geomreg_tui.statistics.evidence import verdicts_of
from geomreg_tui.studies.parts import failure_line
from geomreg_tui.studies.registry import STUDIES
from geomreg_tui.studies.study import SCALES, Outcome, Points, Study
from geomreg_tui.sweeps.directory import RESULT, SweepDirectory
from geomreg_tui.sweeps.groups import STUDIES_SCALE, STUDY_RESULT, studies_root
from geomreg_tui.sweeps.result import SweepPoint

__all__ = ["StudyDirectory", "StudyResult", "latest_studies", "new_studies_path", "points_of"]

_SCALE, _STUDY = STUDIES_SCALE, STUDY_RESULT
_SCHEMA = 1


@dataclass(frozen=True)
class StudyResult:
    """What a study has found so far.

    Attributes:
        study: which.
        path: its directory.
        scale: at which it is run.
        points: of each part, by name.
        outcome: what they say.
        verdicts: one for each finding, all accounted for together.
        failed: points that failed, in words.
        complete: whether all points are there with all their networks.
    """

    study: Study
    path: Path
    scale: str
    points: Points
    outcome: Outcome
    verdicts: tuple[str, ...]
    failed: tuple[str, ...]
    complete: bool

    @cached_property
    def digest(self) -> str:
        """A SHA-256 of the losses of all points, in order: the same bits give the same digest."""
        digest = hashlib.sha256()
        for part, points in self.points.items():
            for point in points:
                digest.update(f"{part} {point.settings} {point.summary.histogram.digest()}\n".encode())
        return digest.hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Return plain data, which ``study.json`` holds and ``study --json`` prints."""
        found = zip(self.outcome.findings, self.verdicts, strict=True)
        return {
            "schema": _SCHEMA,
            "name": self.study.name,
            "question": self.study.question,
            "claim": self.study.claim,
            "source": self.study.source,
            "rule": self.study.rule,
            "scale": self.scale,
            "complete": self.complete,
            "findings": [finding.to_json(verdict) for finding, verdict in found],
            "remarks": list(self.outcome.remarks),
            "rivals": [{"source": rival.source, "says": rival.says} for rival in self.study.rivals],
            "failed": list(self.failed),
            "panels": [panel.to_json() for panel in self.outcome.panels],
            "points": {part: len(points) for part, points in self.points.items()},
            "digest": self.digest,
        }


class StudyDirectory:
    """The folder that studies are run in.

    Attributes:
        path: the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def scale(self) -> str | None:
        """The scale at which the studies here are run; None where none has begun.

        Raises:
            RunDirectoryError: if the file that says so is damaged.
        """
        stored_at = self.path / _SCALE
        if not stored_at.exists():
            return None
        values = read_json(stored_at)
        with parsing(stored_at):
            scale = values["scale"]
            if values["schema"] != _SCHEMA or scale not in SCALES:
                raise ValueError("not the scale of studies")
        return str(scale)

    def begin(self, scale: str) -> None:
        """Make the folder, and set down the scale.

        Raises:
            ExperimentError: if studies of another scale are here.
            RunDirectoryError: if it cannot be made, or is damaged.
        """
        there = self.scale
        if there not in (None, scale):
            got = f"{scale!r}, but {self.path} holds studies at scale {there}"
            raise ExperimentError([Problem("scale", got, "choose another --out")])
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunDirectoryError(f"{self.path}: cannot be created ({error.strerror})") from error
        write_json(self.path / _SCALE, {"schema": _SCHEMA, "scale": scale})
        remember(self.path, STUDIES_KIND)

    def part_path(self, study: Study, part: str) -> Path:
        """Return where the sweep of a part of a study is, or will be."""
        return self.path / study.name / part

    def sweep(self, study: Study, part: str) -> SweepDirectory:
        """Return the sweep of a part of a study, whether it has begun or not."""
        return SweepDirectory(self.part_path(study, part))

    def studies(self) -> tuple[Study, ...]:
        """Return the studies that have begun here."""
        return tuple(study for study in STUDIES if (self.path / study.name).is_dir())

    def read(self, study: Study, scale: str) -> StudyResult:
        """Judge a study by what is there of it.

        Raises:
            RunDirectoryError: if the run of a point is damaged.
        """
        points, failed = {}, list[str]()
        for part, plan in study.parts(scale).items():
            directory = self.sweep(study, part)
            points[part] = points_of(directory)
            gone = directory.failed() if (directory.path / RESULT).exists() else ()
            failed += [failure_line(part, plan, point) for point in gone]
        return self.judge(study, scale, points, tuple(failed))

    def judge(self, study: Study, scale: str, points: Points, failed: tuple[str, ...]) -> StudyResult:
        """Judge a study by points.

        Args:
            study, scale: which, and at which scale it is run.
            points: of each part, by name.
            failed: points that failed, in words.
        """
        states = [self.sweep(study, part).status().state for part in study.parts(scale)]
        outcome = study.judge(points)
        verdicts = tuple(verdicts_of(outcome.findings))
        complete = all(state is RunState.DONE for state in states)
        return StudyResult(study, self.path / study.name, scale, points, outcome, verdicts, failed, complete)

    def write(self, result: StudyResult) -> None:
        """Write what a study has found.

        Raises:
            RunDirectoryError: if it cannot be written.
        """
        write_json(result.path / _STUDY, result.to_json())


def new_studies_path(scale: str) -> Path:
    """Return the folder for studies that are given no other: one for each scale."""
    return studies_root() / f"{time.strftime('%Y%m%d-%H%M%S')}-{scale}"


def latest_studies() -> Path | None:
    """Return the newest folder of studies in the usual place; None where there is none."""
    try:
        names = sorted((entry.name for entry in studies_root().iterdir()), reverse=True)
    except OSError:
        return None
    paths = (studies_root() / name for name in names)
    return next((path for path in paths if (path / _SCALE).is_file()), None)


def points_of(directory: SweepDirectory) -> tuple[SweepPoint, ...]:
    """Return the points of a sweep that are there; none where it has not come to any."""
    if not (directory.path / RESULT).exists():
        return ()
    try:
        factors, settings = directory.result()
    except RunDirectoryError:
        return ()
    paths = [directory.point_path(factors, setting) for setting in settings]
    return tuple(SweepPoint.of(s, RunDirectory.open(path)) for s, path in zip(settings, paths, strict=True))
