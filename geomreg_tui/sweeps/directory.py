"""One sweep on disk: how viewers follow it, whoever runs it.

=====================  =====================================================================
``plan.json``          experiment, factors and networks of each point, as they were asked for last
``KEY=VALUE/``         the run directory of each point that has begun
``status.json``        what the sweep is doing, as of the last point
``control/``           commands of viewers (see :mod:`geomreg_tui.rundir.control`)
``lease.json``         who goes from point to point (see :mod:`geomreg_tui.rundir.lease`)
``log.jsonl``          what happened, one event a line
``engine.log``         what native code of the engine wrote to stderr, where a viewer started it
``sweep.json``         the result, written anew after every point
``labels.json``        what people call it (see :mod:`geomreg_tui.rundir.labels`)
=====================  =====================================================================
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from geomreg_tui.errors import RunDirectoryError, plain_text
from geomreg_tui.experiment import Experiment
from geomreg_tui.gradients.store import Planned
from geomreg_tui.rundir import (
    Holder,
    Labels,
    Layout,
    Lease,
    RunDirectory,
    RunEntry,
    RunState,
    Status,
    read_status,
    runs_root,
    write_labels,
)
from geomreg_tui.rundir.catalogue import SWEEP_PLAN, SWEEP_RESULT, check_deletable, delete_owned, is_sweep
from geomreg_tui.rundir.control import Control
from geomreg_tui.rundir.elsewhere import SWEEP, remembered
from geomreg_tui.rundir.lease import check_free, holder
from geomreg_tui.rundir.log import append_event
from geomreg_tui.rundir.status import write_status
from geomreg_tui.rundir.store import parsing, read_bytes, read_json, sweep_temporaries, write_json
from geomreg_tui.sampling.plan import read_plan
from geomreg_tui.splitting.checkpoints import TailFolder
from geomreg_tui.sweeps.document import sweep_document
from geomreg_tui.sweeps.plan import Factor, SweepPlan, factor_of, point_name
from geomreg_tui.sweeps.result import FailedPoint, SweepPoint
from geomreg_tui.sweeps.verdicts import grid_verdicts, verdicts
from geomreg_tui.training.store import TrainingFolder

__all__ = [
    "RESULT",
    "SweepDirectory",
    "begun_of",
    "delete_sweep",
    "list_sweeps",
    "new_sweep_path",
    "sweeps_root",
]

RESULT, _PLAN = SWEEP_RESULT, SWEEP_PLAN
_RESULT_CAP = 2**25  # bytes; a thousand points take a few million
_MOST_POINTS = 10**6
_STAMPED = re.compile(r"\d{8}-\d{6}(?!\d)")
_OWNED = Layout(
    owned={
        ".": re.compile(
            r"plan\.json|sweep\.json|status\.json|lease\.json|labels\.json|log\.jsonl|engine\.log|\..+\.tmp"
        ),
        "control": re.compile(r"\d{20}-[0-9a-f]{8}\.json|\..+\.tmp"),
    }
)


class SweepDirectory:
    """A sweep on disk.

    Attributes:
        path: the directory.
        control: the channel from viewers to whoever runs it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.control = Control(path / "control")

    def check_free(self) -> None:
        """Check that no process runs the sweep: that takes less than to check its points.

        Raises:
            RunDirectoryError: if one does.
        """
        check_free(self.path / "lease.json")

    def begin(self, plan: SweepPlan, labels: Labels | None = None) -> Lease:
        """Take the lease of the sweep, and write its plan.

        Args:
            plan: what is asked for.
            labels: what it is called; None for what it is called already.

        Raises:
            RunDirectoryError: if another process runs it, or the directory cannot be written.
        """
        if self.path.is_symlink() and not self.path.exists():
            raise RunDirectoryError(f"{self.path}: is a link that leads nowhere; choose another --out")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunDirectoryError(f"{self.path}: cannot be created ({error.strerror})") from error
        lease = Lease(self.path / "lease.json")
        try:
            sweep_temporaries(self.path)
            self.control.clear()
            if labels is not None:
                write_labels(self.path, labels)
            write_json(self.path / _PLAN, plan.to_json())
        except RunDirectoryError:
            lease.release()
            raise
        return lease

    def plan(self) -> SweepPlan:
        """Return the newest plan; of a sweep without one, that which its result and first run imply.

        Raises:
            RunDirectoryError: if it is not the directory of a sweep, or damaged.
        """
        stored_at = self.path / _PLAN
        if stored_at.exists():
            values = read_json(stored_at)
            with parsing(stored_at):
                return SweepPlan.from_json(values)
        factors, settings = self.result()
        run = RunDirectory.open(self.point_path(factors, settings[0]))
        tail, training = TailFolder.of(run).planned(), TrainingFolder(run).planned()
        observed = Planned.read(run)
        return SweepPlan(
            run.asked,
            factors,
            read_plan(run).samples,
            tail.plan if tail else None,
            training.plan if training else None,
            observed.plan if observed else None,
        )

    def plan_stamp(self) -> int:
        """Return a number that changes whenever the plan does."""
        return _stamp(self.path / _PLAN)

    def result(self) -> tuple[tuple[Factor, ...], list[tuple[Any, ...]]]:
        """Return the factors, and the settings of each point that there is a result of, at least one.

        Raises:
            RunDirectoryError: if ``sweep.json`` is missing or damaged, or no point is complete.
        """
        stored_at = self.path / RESULT
        data = read_bytes(stored_at, _RESULT_CAP)
        with parsing(stored_at):
            stored = json.loads(data)
            failed = _failed(stored)
            factors = tuple(factor_of(key, values) for key, values in stored["factors"].items())
            keys = [factor.key for factor in factors]
            settings = [tuple(point["settings"][key] for key in keys) for point in stored["points"]]
            if not 1 <= len(factors) <= 2 or len(settings) > _MOST_POINTS:
                raise ValueError("not the factors and points of a sweep")
        if not settings:
            why = f"; {failed[0].reason}" if failed else ""
            raise RunDirectoryError(f"{self.path}: no point of this sweep is complete{why}")
        return factors, settings

    def failed(self) -> tuple[FailedPoint, ...]:
        """Return the points that failed when the sweep was run last.

        Raises:
            RunDirectoryError: if ``sweep.json`` is missing or damaged.
        """
        stored_at = self.path / RESULT
        data = read_bytes(stored_at, _RESULT_CAP)
        with parsing(stored_at):
            return _failed(json.loads(data))

    def result_stamp(self) -> int:
        """Return a number that changes whenever the result is written."""
        return _stamp(self.path / RESULT)

    def write_result(
        self,
        factors: Sequence[Factor],
        points: Sequence[SweepPoint],
        failed: Sequence[FailedPoint] = (),
    ) -> None:
        """Write the result so far."""
        judged, judged_grid = verdicts(factors, points), grid_verdicts(factors, points)
        write_json(self.path / RESULT, sweep_document(factors, points, judged, judged_grid, failed))

    def point_path(self, factors: Sequence[Factor], settings: Sequence[Any]) -> Path:
        """Return where the run of a point is, or will be."""
        return self.path / point_name(factors, settings)

    def point_paths(self) -> list[Path]:
        """Return the directories of the runs that are here, by name.

        Raises:
            RunDirectoryError: if the folder cannot be read.
        """
        try:
            folders = sorted(entry for entry in self.path.iterdir() if "=" in entry.name)
        except OSError as error:
            raise RunDirectoryError(f"{self.path}: cannot be read ({error.strerror})") from error
        return [f for f in folders if not f.is_symlink() and (f / "experiment.json").is_file()]

    def engine(self) -> Holder | None:
        """Return who runs the sweep now, or None."""
        return holder(self.path / "lease.json")

    def log(self, event: str, **details: Any) -> None:
        """Append an event to the log; failing to is not an error of the sweep."""
        append_event(self.path / "log.jsonl", event, **details)

    def status(self) -> Status:
        """Return the state of the sweep; one whose process has died is ``stopped``."""
        return read_status(self.path)

    def write_status(self, plan: SweepPlan, state: RunState, samples: int, message: str = "") -> None:
        """Publish the state of the sweep.

        Args:
            plan: what is asked for.
            state: what it is doing, or how it ended.
            samples: networks of the points that are over.
            message: why it failed.
        """
        keys = " and ".join(factor.key for factor in plan.factors)
        about = f"{keys} in {plan.experiment.describe()}"
        write_status(self.path, Status(state, samples, plan.target, message=message, about=about))


def sweeps_root() -> Path:
    """Return where sweeps are kept unless somebody says otherwise."""
    return runs_root().with_name("sweeps")


def new_sweep_path(experiment: Experiment) -> Path:
    """Make an empty folder for a new sweep, named by time and experiment, and return where it is.

    Raises:
        RunDirectoryError: if it cannot be made.
    """
    first = sweeps_root() / f"{time.strftime('%Y%m%d-%H%M%S')}-{experiment.digest()[:8]}"
    path, number = first, 1
    try:
        first.parent.mkdir(parents=True, exist_ok=True)
        while True:
            try:
                path.mkdir()
                return path
            except FileExistsError:
                number += 1
                path = first.with_name(f"{first.name}_{number}")
    except OSError as error:
        raise RunDirectoryError(f"{path}: cannot be created ({error.strerror})") from error


def list_sweeps() -> list[RunEntry]:
    """Return the sweeps there are, newest first: those in the usual place, and those kept elsewhere.

    Raises:
        RunDirectoryError: if the usual place cannot be read.
    """
    root = sweeps_root()
    listed = []
    try:
        names = os.listdir(root)
    except FileNotFoundError:
        names = []
    except OSError as error:
        raise RunDirectoryError(f"{root}: cannot be read ({error.strerror})") from error
    for name in names:
        if is_sweep(root / name):
            listed.append(RunEntry(root / name, begun_of(name), SWEEP))
    known = remembered(SWEEP)
    listed += [RunEntry(path, begun, SWEEP) for path, _, begun in known if is_sweep(path)]
    return sorted(listed, key=lambda entry: (entry.begun, entry.name), reverse=True)


def begun_of(name: str) -> str:
    """Return when something was begun, by the name of its directory; empty where that does not say."""
    stamp = _STAMPED.match(name)
    return stamp[0] if stamp else ""


def delete_sweep(
    path: Path, delete_point: Callable[[Path], tuple[str, ...]], *, force: bool = False
) -> tuple[str, ...]:
    """Delete a sweep with the runs of its points; return the names of what is kept, as nobody here wrote it.

    Args:
        path: its directory.
        delete_point: deletes a run, and returns what of it is kept.
        force: delete it although a process seems to be at work.

    Raises:
        RunDirectoryError: if it is no sweep, is a link, is in use, or cannot be deleted.
    """
    if not is_sweep(path):
        raise RunDirectoryError(f"{path}: is not the directory of a sweep")
    check_deletable(path, force=force)
    kept: list[str] = []
    for folder in SweepDirectory(path).point_paths():
        kept += [f"{folder.name}/{name}" for name in delete_point(folder)]
    last = _PLAN if (path / _PLAN).exists() else RESULT
    left = delete_owned(path, _OWNED, last)
    return (*kept, *(name for name in left if not any(k.startswith(f"{name}/") for k in kept)))


def _stamp(path: Path) -> int:
    try:
        return os.stat(path, follow_symlinks=False).st_mtime_ns
    except OSError:
        return 0


def _failed(stored: Mapping[str, Any]) -> tuple[FailedPoint, ...]:
    keys = list(stored["factors"])
    return tuple(
        FailedPoint(
            tuple(point["settings"][key] for key in keys),
            plain_text(str(point["reason"])),
            int(point["samples"]),
        )
        for point in stored.get("failed", ())
    )
