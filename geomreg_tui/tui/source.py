"""The seam between the explorer and whatever draws networks for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from geomreg_tui.engine.preview_engine import PreviewEngine
    from geomreg_tui.experiment import Experiment
    from geomreg_tui.runs import Snapshot

__all__ = ["EngineSource", "Run", "Source"]


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

    def start(self, experiment: Experiment, samples: int) -> Run:
        """Start a full run; blocks until it has begun, for seconds perhaps."""

    def extend(self, directory: Path, samples: int) -> Run:
        """Go on with a run that is over, up to ``samples`` networks in all; blocks as :meth:`start`."""

    def attach(self, directory: Path) -> Run:
        """Return a run that is on disk, whoever is sampling it."""

    def close(self) -> None:
        """Let go of everything but full runs."""


class EngineSource:
    """Engines in processes of their own: one warm one for previews, another for each full run.

    Args:
        device: which devices they use.
        module: the module factory that the person named; other code is not imported.
    """

    def __init__(self, device: str = "auto", module: str | None = None) -> None:
        self._device = device
        self._module = module
        self._engine: PreviewEngine | None = None

    def open(self) -> None:
        """Start the warm engine; it loads torch in the background."""
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

    def start(self, experiment: Experiment, samples: int) -> Run:
        """Start an engine on a new run directory."""
        from geomreg_tui.engine.launch import start_run

        named = experiment.module == self._module
        return start_run(experiment, samples, device=self._device, import_module=named)

    def extend(self, directory: Path, samples: int) -> Run:
        """Start an engine that goes on with a run directory."""
        from geomreg_tui.engine.launch import resume_run

        return resume_run(directory, samples, device=self._device, module=self._module)

    def attach(self, directory: Path) -> Run:
        """Return a handle on a run directory."""
        from geomreg_tui.engine.handle import RunHandle

        return RunHandle(directory)

    def close(self) -> None:
        """End the warm engine; full runs go on."""
        if self._engine:
            self._engine.close()
            self._engine = None

    def _previews(self) -> PreviewEngine:
        if self._engine is None:
            from geomreg_tui.engine.preview_engine import PreviewEngine

            self._engine = PreviewEngine(self._device, self._module)
        return self._engine
