"""The deep tail of a run on disk: ``tail/plan.json`` and ``tail/population-NN.safetensors``.

A checkpoint holds all that a population needs to go on from its last level. One that does not verify, or is
of another experiment or plan, is set aside, and its population is begun anew.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.errors import RunDirectoryError
from geomreg_tui.rundir import Layout, RunDirectory
from geomreg_tui.rundir.checkpoints import CheckpointFolder
from geomreg_tui.rundir.store import arrays_digest, parsing, read_json, write_json
from geomreg_tui.splitting.plan import TailPlan, plan_from_values, plan_values
from geomreg_tui.splitting.result import FAILED, MOVES, PopulationResult, Tail, checked

__all__ = ["FOLDER", "LAYOUT", "Checkpoint", "TailFolder"]

FOLDER = "tail"
_PLAN = "plan.json"
LAYOUT = Layout(
    begun=(f"{FOLDER}/{_PLAN}",),
    owned={FOLDER: re.compile(r"plan\.json|population-\d\d\.safetensors(\.damaged)?|\..+\.tmp")},
)
_LONGEST = 1e12  # seconds


@dataclass(frozen=True)
class Checkpoint:
    """A population at a level.

    Attributes:
        values, arrays: from which a population goes on to the same bits.
        seconds: time spent on it.
        ended: why it goes no further though it could, such as a time limit; empty while it goes on.
    """

    values: Mapping[str, Any]
    arrays: Mapping[str, NDArray[np.generic]]
    seconds: float = 0.0
    ended: str = ""

    @property
    def result(self) -> PopulationResult:
        """What the population has shown.

        Raises:
            LookupError, TypeError, ValueError: if the checkpoint does not hold that.
        """
        result = checked(PopulationResult.from_parts(self.values, self.arrays))
        return replace(result, status=result.status or self.ended or None)

    @property
    def of_these_moves(self) -> bool:
        """Whether the population was moved as this version moves populations."""
        return bool(self.values.get("moves", 1) == MOVES.get(self.values["kernel"], 1))


class TailFolder:
    """The folder of a run's tail.

    Args:
        path: the folder; made when a plan is written.
        digest: digest of the run's experiment.
    """

    def __init__(self, path: Path, digest: str) -> None:
        self.path = path
        self._digest = digest
        self._files = CheckpointFolder(path, "population", 2)

    @classmethod
    def of(cls, run: RunDirectory) -> TailFolder:
        """Return the folder of a run's tail."""
        return cls(run.path / FOLDER, run.facts.experiment.digest())

    def write_plan(self, tail: Tail) -> None:
        """Set how deep to go, by which kernel and in which space.

        Raises:
            RunDirectoryError: if it cannot be written.
        """
        self._files.make()
        write_json(self.path / _PLAN, tail.head())

    def planned(self) -> Tail | None:
        """Return how deep to go and with what, none of it begun; None where no tail was asked for.

        Raises:
            RunDirectoryError: if that is damaged.
        """
        path = self.path / _PLAN
        if not os.path.lexists(path):
            return None
        self._files.check()
        values = read_json(path)
        with parsing(path):
            return Tail.planned(values)

    def read(self) -> Tail | None:
        """Return all populations as they are on disk; one that is damaged has failed, with the reason.

        Raises:
            RunDirectoryError: if the plan is damaged.
        """
        tail = self.planned()
        if tail is None:
            return None
        populations = list(tail.populations)
        for index in range(len(populations)):
            try:
                found = self.checkpoint(index, tail.in_use)
            except RunDirectoryError as error:
                populations[index] = replace(populations[index], status=FAILED, reason=str(error))
                continue
            populations[index] = found.result if found else populations[index]
        return replace(tail, populations=tuple(populations))

    def checkpoint(self, index: int, plan: TailPlan) -> Checkpoint | None:
        """Return where a population stands; None where it has not begun.

        Args:
            index: which population.
            plan: how deep it goes, with the kernel in use.

        Raises:
            RunDirectoryError: if its file is damaged, or of another experiment or plan.
        """
        with parsing(self._files.file(index)):
            stored = self._files.read(index, self._mark(index, plan))
            if stored is None:
                return None
            seconds, ended = float(stored.header["seconds"]), str(stored.header["ended"])
            found = Checkpoint(stored.values, stored.arrays, seconds, ended)
            if not 0 <= found.seconds < _LONGEST:
                raise ValueError("an impossible time")
            found.result  # noqa: B018  raises where it is none
            return found

    def write(self, index: int, plan: TailPlan, checkpoint: Checkpoint) -> None:
        """Keep where a population stands, in place of where it stood.

        Raises:
            RunDirectoryError: if it cannot be written.
        """
        self._files.write(
            index,
            self._mark(index, plan),
            checkpoint.values,
            checkpoint.arrays,
            seconds=checkpoint.seconds,
            ended=checkpoint.ended,
        )

    def set_aside(self, index: int) -> Path:
        """Rename the damaged file of a population, and return its new path.

        Raises:
            RunDirectoryError: if it cannot be renamed.
        """
        return self._files.set_aside(index)

    def tidy(self) -> None:
        """Delete what killed workers left half-written."""
        self._files.tidy()

    def _mark(self, index: int, plan: TailPlan) -> str:
        """Return what a checkpoint is of: time and number of populations do not change its bits."""
        plan = plan_from_values(plan_values(plan))  # where -50 is -50.0
        values = plan_values(replace(plan, seconds=math.inf, repeats=1))
        return arrays_digest({}, json.dumps([self._digest, index, values], sort_keys=True))
