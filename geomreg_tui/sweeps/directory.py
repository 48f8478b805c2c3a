"""One sweep on disk: how viewers follow it, whoever runs it.

=====================  =====================================================================
``plan.json``          experiment, factors and networks of each point, as they were asked for last
``KEY=VALUE/``         the run directory of each point that has begun
``status.json``        what the sweep is doing, as of the last point
``control/``           commands of viewers (see :mod:`geomreg_tui.rundir.control`)
``lease.json``         who goes from point to point (see :mod:`geomreg_tui.rundir.lease`)
``engine.log``         what native code of the engine wrote to stderr, where a viewer started it
``sweep.json``         the result, written anew after every point
=====================  =====================================================================
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from geomreg_tui.errors import RunDirectoryError, plain_text
from geomreg_tui.experiment import Experiment
from geomreg_tui.gradients.store import Planned
from geomreg_tui.rundir import Holder, Lease, RunDirectory, RunState, Status, read_status, runs_root
from geomreg_tui.rundir.control import Control
from geomreg_tui.rundir.lease import check_free, holder
from geomreg_tui.rundir.status import write_status
from geomreg_tui.rundir.store import parsing, read_bytes, read_json, sweep_temporaries, write_json
from geomreg_tui.sampling.plan import read_plan
from geomreg_tui.splitting.checkpoints import TailFolder
from geomreg_tui.sweeps.document import sweep_document
from geomreg_tui.sweeps.plan import Factor, SweepPlan, factor_of, point_name
from geomreg_tui.sweeps.result import FailedPoint, SweepPoint
from geomreg_tui.sweeps.verdicts import grid_verdicts, verdicts
from geomreg_tui.training.store import TrainingFolder

__all__ = ["RESULT", "SweepDirectory", "list_sweeps", "new_sweep_path", "sweeps_root"]

RESULT = "sweep.json"
_PLAN = "plan.json"
_RESULT_CAP = 2**25  # bytes; a thousand points take a few million
_MOST_POINTS = 10**6


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

    def begin(self, plan: SweepPlan) -> Lease:
        """Take the lease of the sweep, and write its plan.

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

    def engine(self) -> Holder | None:
        """Return who runs the sweep now, or None."""
        return holder(self.path / "lease.json")

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


def list_sweeps() -> list[Path]:
    """Return the directories of all sweeps that are kept in the usual place, newest first.

    Raises:
        RunDirectoryError: if that cannot be read.
    """
    root = sweeps_root()
    try:
        names = sorted((entry.name for entry in root.iterdir()), reverse=True)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunDirectoryError(f"{root}: cannot be read ({error.strerror})") from error
    paths = (root / name for name in names)
    return [path for path in paths if (path / _PLAN).is_file() or (path / RESULT).is_file()]


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
