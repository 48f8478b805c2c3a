"""The seam between the explorer and whatever draws networks for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from geomreg_tui.errors import ExperimentError, Problem

if TYPE_CHECKING:
    from geomreg_tui.experiment import Experiment
    from geomreg_tui.gradients.plan import GradientPlan
    from geomreg_tui.runner.preview_engine import PreviewEngine
    from geomreg_tui.runner.snapshot import Snapshot
    from geomreg_tui.runner.waiting import WaitingEngine
    from geomreg_tui.splitting.plan import TailPlan
    from geomreg_tui.sweeps.plan import SweepPlan
    from geomreg_tui.training.plan import TrainingPlan

__all__ = ["EngineSource", "Run", "Source", "SweepRun"]


class Run(Protocol):
    """A full run that something is sampling, or has sampled."""

    directory: Path

    def snapshot(self) -> Snapshot | None:
        """Return the newest snapshot, or None before the first."""

    def pause(self) -> None:
        """Ask it to pause."""

    def resume(self) -> None:
        """Ask it to go on."""

    def stop(self) -> None:
        """Ask it to stop and keep everything that is done."""

    def running(self) -> bool:
        """Return whether anything is at work on it."""


class SweepRun(Protocol):
    """A sweep that something is running, or has run."""

    directory: Path

    def plan(self) -> SweepPlan:
        """Return what is asked for."""

    def pause(self) -> None:
        """Ask it to pause."""

    def resume(self) -> None:
        """Ask it to go on."""

    def stop(self) -> None:
        """Ask it to stop and keep everything that is done."""

    def running(self) -> bool:
        """Return whether anything is at work on it."""


class Source(Protocol):
    """What the explorer asks for networks; every method may raise a GeomregError."""

    def open(self) -> None:
        """Get ready for previews; returns at once."""

    def preview(self, experiment: Experiment, samples: int) -> int:
        """Ask for a small sample, superseding the one asked for before; return the request's number."""

    def preview_snapshot(self) -> Snapshot | None:
        """Return the newest snapshot of a preview; its ``request`` says of which."""

    def cancel_preview(self) -> None:
        """Stop sampling the preview asked for last."""

    def expect_run(self, experiment: Experiment) -> None:
        """Get ready for a full run of an experiment, so that it begins at once; returns at once."""

    def start(
        self,
        experiment: Experiment,
        samples: int,
        tail: TailPlan | None = None,
        training: TrainingPlan | None = None,
        observe: GradientPlan | None = None,
    ) -> Run:
        """Start a full run, with more stages perhaps; blocks until it has begun, for seconds perhaps."""

    def extend(self, directory: Path, samples: int) -> Run:
        """Go on with a run that is over, up to ``samples`` networks in all; blocks as :meth:`start`."""

    def attach(self, directory: Path) -> Run:
        """Return a run that is on disk, whoever is sampling it."""

    def start_sweep(self, plan: SweepPlan, directory: Path) -> SweepRun:
        """Start a sweep, or go on with the one that is there; blocks until it has begun."""

    def attach_sweep(self, directory: Path) -> SweepRun:
        """Return a sweep that is on disk, whoever is running it."""

    def close(self) -> None:
        """Close everything but full runs and sweeps."""


class EngineSource:
    """Engines in processes of their own: one warm one for previews, one for each full run, one that waits.

    Args:
        device: which devices they use.
        module: the module factory that the person named; other code is not imported.
    """

    def __init__(self, device: str = "auto", module: str | None = None) -> None:
        self._device = device
        self._module = module
        self._engine: PreviewEngine | None = None
        self._waiting: WaitingEngine | None = None
        self._expected: tuple[Experiment, tuple[str, ...]] | None = None  # and what its workers are to load

    def open(self) -> None:
        """Start the warm engine; it loads what it needs in the background."""
        self._previews().start()

    def preview(self, experiment: Experiment, samples: int) -> int:
        """Ask the warm engine for a small sample."""
        return self._previews().request(experiment, samples)

    def preview_snapshot(self) -> Snapshot | None:
        """Return the warm engine's newest snapshot."""
        return self._engine.snapshot() if self._engine else None

    def cancel_preview(self) -> None:
        """Stop sampling the preview asked for last."""
        if self._engine:
            self._engine.cancel()

    def expect_run(self, experiment: Experiment) -> None:
        """Start an engine that waits for a full run, and has loaded what one of this experiment needs."""
        from geomreg_tui.runner.launch import modules_for
        from geomreg_tui.runner.waiting import WaitingEngine

        if self._waiting is None:
            self._waiting = WaitingEngine()
        if self._expected is None or self._expected[0] is not experiment:  # asked at every look
            self._expected = experiment, modules_for(experiment, self._device)
        self._waiting.start(self._expected[1])

    def start(
        self,
        experiment: Experiment,
        samples: int,
        tail: TailPlan | None = None,
        training: TrainingPlan | None = None,
        observe: GradientPlan | None = None,
    ) -> Run:
        """Start an engine on a new run directory."""
        from geomreg_tui.runner.launch import start_run

        named = experiment.module == self._module
        return start_run(
            experiment,
            samples,
            device=self._device,
            import_module=named,
            tail=tail,
            training=training,
            observe=observe,
            waiting=self._waiting,
        )

    def extend(self, directory: Path, samples: int) -> Run:
        """Start an engine that goes on with a run directory."""
        from geomreg_tui.runner.launch import resume_run

        return resume_run(directory, samples, device=self._device, module=self._module, waiting=self._waiting)

    def attach(self, directory: Path) -> Run:
        """Return a handle on a run directory."""
        from geomreg_tui.runner.handle import RunHandle

        return RunHandle(directory)

    def start_sweep(self, plan: SweepPlan, directory: Path) -> SweepRun:
        """Start a process that runs a sweep; code that only a file names is not imported."""
        from geomreg_tui.sweeps.launch import start_sweep

        for _, experiment in plan.grid():
            if experiment.module not in (None, self._module):
                problem = Problem(
                    "module", repr(experiment.module), "allowed is what --module named at the start"
                )
                raise ExperimentError([problem])
        return start_sweep(plan, directory, device=self._device)

    def attach_sweep(self, directory: Path) -> SweepRun:
        """Return a handle on the directory of a sweep."""
        from geomreg_tui.sweeps.launch import SweepHandle

        return SweepHandle(directory)

    def close(self) -> None:
        """End the warm engine and the one that waits; full runs and sweeps go on."""
        if self._waiting:
            self._waiting.close()
            self._waiting = None
        if self._engine:
            self._engine.close()
            self._engine = None

    def _previews(self) -> PreviewEngine:
        if self._engine is None:
            from geomreg_tui.runner.preview_engine import PreviewEngine

            self._engine = PreviewEngine(self._device, self._module)
        return self._engine
