"""Runs that one engine carries out, one after the other. Never imports torch."""

from __future__ import annotations

import contextlib
import json
import select
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from geomreg_tui.errors import SamplingError
from geomreg_tui.experiment import Experiment
from geomreg_tui.gradients.plan import NAME as GRADIENTS
from geomreg_tui.gradients.plan import GradientPlan
from geomreg_tui.place import Cluster
from geomreg_tui.rundir import RunState
from geomreg_tui.runner.handle import RunHandle
from geomreg_tui.runner.launch import ask, plain_cluster, spelled, stage_plans
from geomreg_tui.runner.loading import preloaded
from geomreg_tui.runner.process import RUNNER, spawn
from geomreg_tui.runner.protocol import RunRequest
from geomreg_tui.sampling.plan import NAME as SAMPLING
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.training.plan import TrainingPlan

__all__ = ["RunSeries"]

_POLL = 0.05  # seconds


class RunSeries:
    """One engine process that carries out runs one after the other, without loading its modules for each.

    Args:
        workers: worker processes; default: one for each core.
        device: which devices are meant.
        arrays: folder with the arrays that the experiments were given for data.
        cluster: whose workers do the work; None for this machine's.
    """

    def __init__(
        self,
        workers: int | None = None,
        device: str = "auto",
        arrays: Path | None = None,
        cluster: Cluster | None = None,
    ) -> None:
        self._cluster = plain_cluster(cluster)
        self._workers = workers or 0
        self._arrays = spelled(arrays)
        self._device = device
        self._process: subprocess.Popen[bytes] | None = None

    def run(
        self,
        experiment: Experiment,
        samples: int,
        directory: Path,
        keep_losses: int = 0,
        tail: TailPlan | None = None,
        training: TrainingPlan | None = None,
        observe: GradientPlan | None = None,
    ) -> RunHandle:
        """Start the next run when the last one is over; as :func:`start_run`."""
        plans = stage_plans(samples, keep_losses, tail, training, observe)
        return self._start(directory, plans, experiment.module, experiment)

    def resume(
        self, directory: Path, samples: int, module: str | None = None, observed: int = 0
    ) -> RunHandle:
        """Go on with a run when the last one is over; as :func:`resume_run`.

        Args:
            directory: the run directory.
            samples: networks in all; 0: as planned.
            module: the module factory of a custom architecture.
            observed: networks that are observed in all; 0: as planned.
        """
        plans = {SAMPLING: {"samples": samples}}
        if observed:
            plans[GRADIENTS] = {"networks": observed}
        return self._start(directory, plans, module)

    def check(
        self,
        experiment: Experiment,
        tail: TailPlan | None = None,
        training: TrainingPlan | None = None,
        observe: GradientPlan | None = None,
    ) -> None:
        """Make sure that an experiment can be run, between runs; nothing is written.

        Raises:
            ExperimentError, DataError, CapacityError: if it cannot.
            SamplingError: if the engine died.
        """
        plans = stage_plans(1, 0, tail, training, observe)
        self._send(Path(), plans, experiment.module, experiment, check=True)

    def finish(self, watch: Callable[[], None] = lambda: None) -> RunState:
        """Wait until the run that was started last is over, and return how it ended.

        Args:
            watch: called several times a second meanwhile.

        Raises:
            SamplingError: if the engine died.
        """
        if self._process is None or self._process.stdout is None:
            raise AssertionError("no run was started")
        while not select.select([self._process.stdout], [], [], _POLL)[0]:
            watch()
        line = self._process.stdout.readline()
        if not line:
            raise SamplingError("the engine died during the run; what was committed is kept")
        return RunState(json.loads(line)["over"])

    def _start(
        self,
        directory: Path,
        plans: Mapping[str, Mapping[str, Any]],
        module: str | None,
        experiment: Experiment | None = None,
    ) -> RunHandle:
        """Send a request for a run; return its handle."""
        path = directory.absolute()
        self._send(path, plans, module, experiment)
        return RunHandle(path)

    def _send(
        self,
        path: Path,
        plans: Mapping[str, Mapping[str, Any]],
        module: str | None,
        experiment: Experiment | None,
        *,
        check: bool = False,
    ) -> None:
        """Send a request, and wait until the engine has begun."""
        values = None if experiment is None else experiment.model_dump(mode="json", exclude_unset=True)
        request = RunRequest(
            str(path),
            plans,
            values,
            self._workers,
            self._device,
            module=module,
            more=True,
            check=check,
            arrays=self._arrays,
            cluster=self._cluster,
        )
        if self._process is None:
            self._process = spawn(RUNNER, "run", *preloaded(request), inherit_stderr=True)
        ask(self._process, request)

    def close(self) -> None:
        """End the engine after its present run."""
        if self._process is None:
            return
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        self._process.wait()
