"""The training of a run on disk: ``training/plan.json`` and ``training/group-NNNN.safetensors``."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from geomreg_tui.errors import RunDirectoryError
from geomreg_tui.rundir import Layout, RunDirectory
from geomreg_tui.rundir.checkpoints import CheckpointFolder
from geomreg_tui.rundir.store import arrays_digest, parsing, read_json, write_json
from geomreg_tui.training.overview import TrainingOverview
from geomreg_tui.training.plan import TrainingPlan, plan_from_values, plan_values
from geomreg_tui.training.result import TrainingResult
from geomreg_tui.training.state import GroupState, check_range
from geomreg_tui.training.volume import VolumeOfLoss

__all__ = [
    "LAYOUT",
    "PlannedTraining",
    "TrainingFolder",
    "read_overview",
    "read_trajectories",
]

_FOLDER, _PLAN = "training", "plan.json"
LAYOUT = Layout(
    begun=(f"{_FOLDER}/{_PLAN}",),
    owned={_FOLDER: re.compile(r"plan\.json|group-\d{4,}\.safetensors(\.damaged)?|\..+\.tmp")},
)
_MOST_GROUPS = 1000


@dataclass(frozen=True)
class PlannedTraining:
    """An ensemble that is to be trained, in groups that workers train one at a time.

    Attributes:
        plan: how networks are trained.
        layers: of a network.
        size: trajectories in a group; the last group may have fewer.
        volume: V of losses from another run of the same experiment; None where this run's own is used.
        volume_run: path of that run; empty for none.
    """

    plan: TrainingPlan
    layers: int
    size: int
    volume: VolumeOfLoss | None = None
    volume_run: str = ""

    @classmethod
    def divided(cls, plan: TrainingPlan, layers: int, block: int, workers: int) -> PlannedTraining:
        """Return an ensemble in groups so small that every worker has some, and so large that files are few.

        Args:
            plan: how networks are trained.
            layers: of a network.
            block: networks that are best trained side by side.
            workers: how many there are.
        """
        share = -(-plan.trajectories // max(workers, 1))
        least = -(-plan.trajectories // _MOST_GROUPS)
        return cls(plan, layers, max(min(block, share), least))

    def with_volume(self, values: Mapping[str, Any] | None) -> PlannedTraining:
        """Return the same with V from another run, as :meth:`to_json` has it; None for no other run.

        Raises:
            LookupError, TypeError, ValueError: if it is no curve.
        """
        if values is None:
            return self
        return replace(self, volume=VolumeOfLoss.from_json(values), volume_run=str(values["run"]))

    @property
    def nothing(self) -> TrainingResult:
        """The result of no trajectories of it."""
        return TrainingResult.empty(self.layers, self.plan.observed)

    @property
    def groups(self) -> int:
        """How many groups there are."""
        return -(-self.plan.trajectories // self.size)

    def span(self, group: int) -> tuple[int, int]:
        """Return the first trajectory of a group, and the one after its last."""
        return group * self.size, min((group + 1) * self.size, self.plan.trajectories)

    def write(self, folder: Path) -> None:
        """Write it into the folder of a run."""
        files = CheckpointFolder(folder / _FOLDER, "group", 4)
        files.make()
        write_json(files.path / _PLAN, self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        volume = {} if self.volume is None else {"run": self.volume_run, **self.volume.to_json()}
        return {
            "plan": plan_values(self.plan),
            "layers": self.layers,
            "group": self.size,
            **({"volume": volume} if volume else {}),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> PlannedTraining:
        """Restore it.

        Raises:
            LookupError, TypeError, ValueError: if entries are missing or impossible.
        """
        planned = cls(plan_from_values(values["plan"]), int(values["layers"]), int(values["group"]))
        planned = planned.with_volume(values.get("volume"))
        if planned.layers < 1 or not 1 <= planned.size <= planned.plan.trajectories:
            raise ValueError("an impossible division into groups")
        return planned


class TrainingFolder:
    """The folder of a run's training.

    Args:
        run: the run directory.
    """

    def __init__(self, run: RunDirectory) -> None:
        self._files = CheckpointFolder(run.path / _FOLDER, "group", 4)
        self._digest = run.facts.experiment.digest()

    def planned(self) -> PlannedTraining | None:
        """Return what is to be trained; None where nothing is.

        Raises:
            RunDirectoryError: if that is damaged.
        """
        path = self._files.path / _PLAN
        if not os.path.lexists(path):
            return None
        self._files.check()
        values = read_json(path)
        with parsing(path):
            return PlannedTraining.from_json(values)

    def state(self, planned: PlannedTraining, group: int) -> GroupState | None:
        """Return where a group stands; None where it has not begun.

        Raises:
            RunDirectoryError: if its file is damaged, or of another experiment or plan.
        """
        stored = self._files.read(group, self._mark(planned, group))
        if stored is None:
            return None
        state = GroupState(stored.values, stored.arrays)
        with parsing(self._files.file(group)):
            check_range(state.result, *planned.span(group))
            if state.result.layer_distance.shape[1] != planned.layers:
                raise ValueError("networks of another depth")
            if tuple(state.result.observed) != planned.plan.observed:
                raise ValueError("something else is observed of their gradients")
        return state

    def results(self, planned: PlannedTraining) -> Iterator[TrainingResult | RunDirectoryError]:
        """Yield what each group has shown, or what is wrong with its file."""
        for group in range(planned.groups):
            try:
                state = self.state(planned, group)
            except RunDirectoryError as error:
                yield error
                continue
            yield planned.nothing if state is None else state.result

    def write(self, planned: PlannedTraining, group: int, state: GroupState) -> None:
        """Keep where a group stands, in place of where it stood.

        Raises:
            RunDirectoryError: if it cannot be written.
        """
        self._files.write(group, self._mark(planned, group), state.values, state.arrays)

    def set_aside(self, group: int) -> Path:
        """Rename the damaged file of a group, and return its new path.

        Raises:
            RunDirectoryError: if it cannot be renamed.
        """
        return self._files.set_aside(group)

    def tidy(self) -> None:
        """Delete what writers that were killed left half-written."""
        self._files.tidy()

    def _mark(self, planned: PlannedTraining, group: int) -> str:
        """Return what a file is of: how many trajectories there are in all does not change its bits."""
        values = plan_values(planned.plan)
        del values["trajectories"]
        mark = [self._digest, *planned.span(group), values]
        return arrays_digest({}, json.dumps(mark, sort_keys=True))


def read_overview(run: RunDirectory) -> TrainingOverview | None:
    """Return the overview of all trajectories of a run on disk; None where nothing is trained.

    Those whose file is damaged have failed, with the reason.

    Raises:
        RunDirectoryError: if the plan is damaged.
    """
    planned = TrainingFolder(run).planned()
    if planned is None:
        return None
    whole, reasons, failed = _read(run, planned)
    reasons = list(dict.fromkeys(reasons))
    return TrainingOverview.of(planned.plan, whole, tuple(reasons), failed, planned.volume)


def read_trajectories(run: RunDirectory) -> TrainingResult | None:
    """Return all trajectories of a run that can be read, whole; None where nothing is trained.

    Raises:
        RunDirectoryError: if the plan is damaged.
    """
    planned = TrainingFolder(run).planned()
    return None if planned is None else _read(run, planned)[0]


def _read(run: RunDirectory, planned: PlannedTraining) -> tuple[TrainingResult, list[str], int]:
    """Return the trajectories that can be read, why others cannot, and how many these are."""
    results, reasons, failed = [planned.nothing], [], 0
    for group, result in enumerate(TrainingFolder(run).results(planned)):
        if isinstance(result, TrainingResult):
            results.append(result)
            continue
        first, stop = planned.span(group)
        failed += stop - first
        reasons.append(str(result))
    return TrainingResult.merge(results), reasons, failed
