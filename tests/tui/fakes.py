"""A source without processes: snapshots made from losses that numpy draws."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.engine.handle import RunHandle
from geomreg_tui.errors import GeomregError
from geomreg_tui.experiment import Experiment
from geomreg_tui.runs import RunState, Snapshot
from geomreg_tui.summary import Facts, LossHistogram, Moments, Overlay, Summary, Tail, TailPlan

NULL_LOSS = 1.0


@lru_cache(8)
def losses_of(experiment: Experiment, samples: int) -> NDArray[np.float64]:
    """Two modes, one at 0 that grows with width, one near the null loss; seeded."""
    generator = np.random.default_rng([experiment.seed, 7])
    width = experiment.widths[0] if experiment.widths else 1
    share = width / (width + 256)
    near_zero = generator.random(samples) < share
    return np.where(
        near_zero,
        0.1 * generator.standard_normal(samples) ** 2,
        np.abs(1.0 + 0.15 * generator.standard_normal(samples)),
    )


def facts_of(experiment: Experiment) -> Facts:
    grid = np.linspace(0, 3, 301)
    return Facts(
        experiment=experiment,
        input_size=64,
        output_size=10,
        parameters=150_016,
        init_radius=22.6,
        null_loss=NULL_LOSS,
        constant_loss=0.9,
        sampler_reason="a test",
        overlays=(Overlay("a uniform law", grid, grid / 3),),
    )


@lru_cache(8)
def _summary(experiment: Experiment, samples: int, atoms: int) -> Summary:
    return summary_of(losses_of(experiment, samples), atoms)


def summary_of(losses: NDArray[np.float64], atoms: int = 0) -> Summary:
    losses = np.concatenate([losses, np.full(atoms, NULL_LOSS)])
    return Summary(
        LossHistogram.from_losses(losses, 12, NULL_LOSS, 1e-9), Moments.from_losses(losses, NULL_LOSS)
    )


def snapshot_of(
    experiment: Experiment,
    samples: int,
    state: RunState = RunState.DONE,
    *,
    target: int | None = None,
    request: int = 0,
    message: str = "",
    atoms: int = 200,
) -> Snapshot:
    facts = facts_of(experiment)
    summary = _summary(experiment, samples, atoms) if samples else None
    return Snapshot(
        state, target or samples + atoms, time.time(), facts, summary, 250_000.0, 1.0, message, request
    )


@dataclass
class FakeRun:
    """A run whose state the test, or the explorer, sets."""

    experiment: Experiment
    target: int
    directory: Path = Path("/runs/fake-run")
    state: RunState = RunState.SAMPLING
    samples: int = 5_000
    calls: list[str] = field(default_factory=list)
    alive: bool = True
    moved: float = 0.0
    born: float = field(default_factory=time.time)
    tail: Tail | None = None

    def snapshot(self) -> Snapshot | None:
        if self.state is RunState.SAMPLING and self.moved:
            self.samples = min(self.target, self.samples + int(self.moved))
            if self.samples >= self.target:
                self.state = RunState.DONE
        made = snapshot_of(self.experiment, self.samples, self.state, target=self.target)
        return Snapshot(**{**made.__dict__, "written_at": self.born + 1e-6 * self.samples, "tail": self.tail})

    def pause(self) -> None:
        self.calls.append("pause")
        self.state = RunState.PAUSED

    def resume(self) -> None:
        self.calls.append("resume")
        self.state = RunState.SAMPLING

    def stop(self) -> None:
        self.calls.append("stop")
        self.state = RunState.STOPPED

    def running(self) -> bool:
        return self.alive and not self.state.over


class FakeSource:
    """Answers previews at once; remembers everything that was asked."""

    def __init__(self, *, atoms: int = 200, silent: bool = False) -> None:
        self.previews: list[tuple[Experiment, int]] = []
        self.runs: list[FakeRun] = []
        self.tails: list[TailPlan | None] = []
        self.extended: list[tuple[Path, int]] = []
        self.calls: list[str] = []
        self.failure: str = ""
        self.start_failure: GeomregError | None = None
        self.read_failure: GeomregError | None = None
        self.silent = silent
        self.atoms = atoms
        self.speed = 0.0
        self._answer: Snapshot | None = None

    def open(self) -> None:
        self.calls.append("open")

    def preview(self, experiment: Experiment, samples: int) -> int:
        self.previews.append((experiment, samples))
        number = len(self.previews)
        if self.failure:
            self._answer = Snapshot(
                RunState.FAILED, samples, time.time(), message=self.failure, request=number
            )
        elif not self.silent:
            self._answer = snapshot_of(experiment, 20_000, request=number, atoms=self.atoms)
        return number

    def preview_snapshot(self) -> Snapshot | None:
        if self.read_failure:
            raise self.read_failure
        return self._answer

    def cancel_preview(self) -> None:
        self.calls.append("cancel")

    def start(self, experiment: Experiment, samples: int, tail: TailPlan | None = None) -> FakeRun:
        if self.start_failure:
            raise self.start_failure
        self.tails.append(tail)
        self.runs.append(FakeRun(experiment, samples, moved=self.speed))
        return self.runs[-1]

    def extend(self, directory: Path, samples: int) -> FakeRun:
        self.extended.append((directory, samples))
        old = self.runs[-1]
        self.runs.append(FakeRun(old.experiment, samples, samples=old.samples))
        return self.runs[-1]

    def attach(self, directory: Path) -> RunHandle:
        return RunHandle(directory)

    def close(self) -> None:
        self.calls.append("close")
