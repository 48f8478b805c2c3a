"""A source without processes: snapshots made from losses that numpy draws."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.errors import GeomregError
from geomreg_tui.experiment import Experiment
from geomreg_tui.gradients.plan import Arrangement, GradientPlan
from geomreg_tui.gradients.result import Observations, ObservedValues
from geomreg_tui.gradients.store import Observed, Planned
from geomreg_tui.rundir import RunDirectory, RunState, Status
from geomreg_tui.runner.handle import RunHandle
from geomreg_tui.runner.snapshot import Snapshot, to_stored
from geomreg_tui.splitting.members import ObservedMembers
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.splitting.result import PopulationResult, Tail
from geomreg_tui.statistics.observable_laws import ObservableLaw
from geomreg_tui.summary import Facts, JointHistogram, LossHistogram, Moments, Overlay, Summary
from geomreg_tui.sweeps.directory import SweepDirectory
from geomreg_tui.sweeps.launch import SweepHandle
from geomreg_tui.sweeps.plan import SweepPlan
from geomreg_tui.training.overview import TrainingOverview
from geomreg_tui.training.plan import TrainingPlan
from tests.making import new_run

NULL_LOSS = 1.0
DEEPEST, SLOPE = -30.0, 2.0  # of tails: log10 V where they end, and d log V / d log loss


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


def held_out_of(losses: NDArray[np.float64], examples: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Held-out losses about 1 above the training loss, and predictions right the less often; seeded."""
    generator = np.random.default_rng(23)
    held_out = (1.0 + losses) * np.exp(0.1 * generator.standard_normal(losses.size))
    return held_out, generator.binomial(examples, 1 / (1 + held_out))


@lru_cache(8)
def _summary(experiment: Experiment, samples: int, atoms: int) -> Summary:
    losses = losses_of(experiment, samples)
    summary = summary_of(losses, atoms)
    if not experiment.held_out:
        return summary
    losses = np.concatenate([losses, np.full(atoms, NULL_LOSS)])
    held_out, correct = held_out_of(losses, experiment.held_out)
    joint = JointHistogram.from_losses(losses, held_out, correct, experiment.held_out)
    return replace(summary, joint=joint)


def summary_of(losses: NDArray[np.float64], atoms: int = 0) -> Summary:
    losses = np.concatenate([losses, np.full(atoms, NULL_LOSS)])
    histogram = LossHistogram.from_losses(losses, 12, NULL_LOSS, 1e-9)
    return Summary(histogram, Moments.from_losses(losses, NULL_LOSS), dead=atoms)


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
    results = {"sampling": _summary(experiment, samples, atoms)} if samples else {}
    return Snapshot(
        state,
        target or samples + atoms,
        time.time(),
        facts,
        250_000.0,
        1.0,
        message,
        request,
        results=results,
    )


def descent(
    shift: float, status: str | None = "volume reached", deepest: float = DEEPEST
) -> PopulationResult:
    """A straight line of slope 2 from V = 1 at loss 1 down to V = 1e-30, shifted by natural units of V."""
    log_volume = np.linspace(0, deepest * np.log(10), 2000)
    log_loss = (log_volume - shift) / SLOPE
    none, rows = np.empty(0), np.empty((0, 5))
    variance = np.full(2000, 0.01)
    return PopulationResult(
        log_loss, log_volume, variance, log_loss, none, none, rows, none, rows, 50, 5000, status, -np.inf
    )


def members(shift: float = 0.0) -> ObservedMembers:
    """Return members that were observed at two losses: the lower the loss, the smaller their cosines."""
    generator = np.random.default_rng([19, round(1000 * shift)])
    names = ("confusion_min", "gradient_norm", "sharpness")
    shape = (2, 3, 64)
    middles = np.array([[-0.6, 8.0, 100.0], [-0.8, 2.0, 90.0]])[:, :, None]
    values = middles * (1 + 0.05 * generator.standard_normal(shape) + shift)
    return ObservedMembers(names, np.array([-2.0, -20.0]), values)


def tail(*descents: PopulationResult) -> Tail:
    return Tail(TailPlan(log10_volume=DEEPEST, repeats=len(descents)), "pcn", "latent", descents)


def observed(samples: int = 4_000) -> Observed:
    """Return cosines between -0.95 and 0, and sizes about 20 and 100; seeded."""
    generator = np.random.default_rng(17)
    losses = generator.gamma(1.5, size=samples)
    values = {
        "confusion_min": -0.95 * generator.beta(4, 3, samples),
        "gradient_norm": 20 * np.exp(0.4 * generator.standard_normal(samples)),
        "sharpness": 100 * np.exp(0.2 * generator.standard_normal(samples)),
    }
    plan = GradientPlan(("confusion", "gradient_norm", "sharpness"), samples)
    planned = Planned(
        plan,
        Arrangement("direct", "a test", 64, 64, 120, (False,), (False,)),
        {"confusion_min": ObservableLaw("infinite width", -0.5, 0.001)},
    )
    parts = {name: ObservedValues.from_values(losses, each, 8) for name, each in values.items()}
    return Observed(planned, Observations(samples, parts))


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
    training: TrainingOverview | None = None
    observed: Observed | None = None
    finishes: bool = True  # at once when it is told to stop

    def snapshot(self) -> Snapshot | None:
        if self.state is RunState.SAMPLING and self.moved:
            self.samples = min(self.target, self.samples + int(self.moved))
            if self.samples >= self.target:
                self.state = RunState.DONE
        made = snapshot_of(self.experiment, self.samples, self.state, target=self.target)
        more = {"splitting": self.tail, "training": self.training, "gradients": self.observed}
        results = {**made.results, **{name: part for name, part in more.items() if part is not None}}
        return replace(made, written_at=self.born + 1e-6 * self.samples, results=results)

    def pause(self) -> None:
        self.calls.append("pause")
        self.state = RunState.PAUSED

    def resume(self) -> None:
        self.calls.append("resume")
        self.state = RunState.SAMPLING

    def stop(self) -> None:
        self.calls.append("stop")
        if self.finishes:
            self.state = RunState.STOPPED

    def running(self) -> bool:
        return self.alive and not self.state.over


class FakeSweep:
    """A sweep directory that a test fills point by point."""

    def __init__(self, plan: SweepPlan, directory: Path) -> None:
        self.directory = directory
        self.asked = plan
        self.calls: list[str] = []
        self._sweep = SweepDirectory(directory)
        self._lease = self._sweep.begin(plan)
        self.tell(RunState.SAMPLING)

    def plan(self) -> SweepPlan:
        return self.asked

    def tell(self, state: RunState, message: str = "") -> None:
        """Publish a state of the whole; one that is over ends the sweep."""
        self._sweep.write_status(self.asked, state, 0, message)
        if state.over:
            self._lease.release()

    def fill(
        self,
        place: int,
        samples: int,
        state: RunState = RunState.SAMPLING,
        message: str = "",
        mixed: bool = False,
        deep: Tail | None = None,
        training: TrainingOverview | None = None,
    ) -> Path:
        """Give a point so many networks, a deep tail, and trained networks."""
        settings, asked = self.asked.grid()[place]
        path = self._sweep.point_path(self.asked.factors, settings)
        values = {
            "sampler": "direct",
            "chunk_size": 1000,
            "batch_size": 10,
            **asked.model_dump(exclude_unset=True),
        }
        experiment = Experiment.parse({**values, "sampler": "direct"})
        if path.exists():
            run = RunDirectory.open(path)
        else:
            environment = {"torch": "x", "device": "cpu"}
            run = new_run(path, facts_of(experiment), environment, self.asked.samples, 0, asked)
        made = snapshot_of(experiment, samples, state, target=self.asked.samples, message=message, atoms=0)
        results = {**made.results, **({} if deep is None else {"splitting": deep})}
        results |= {} if training is None else {"training": training}
        run.write_live(to_stored(replace(made, mixed=mixed, results=results)))
        run.write_status(Status(state, samples, self.asked.samples, message=message, mixed=mixed))
        return path

    def complete(self) -> None:
        """Give all points all of their networks."""
        for place in range(len(self.asked.grid())):
            self.fill(place, self.asked.samples, RunState.DONE)
        self.tell(RunState.DONE)

    def pause(self) -> None:
        self.calls.append("pause")
        self.tell(RunState.PAUSED)

    def resume(self) -> None:
        self.calls.append("resume")
        self.tell(RunState.SAMPLING)

    def stop(self) -> None:
        self.calls.append("stop")
        self.tell(RunState.STOPPED)

    def running(self) -> bool:
        return self._sweep.engine() is not None


class FakeSource:
    """Answers previews at once; remembers everything that was asked."""

    def __init__(self, *, atoms: int = 200, silent: bool = False) -> None:
        self.previews: list[tuple[Experiment, int]] = []
        self.runs: list[FakeRun] = []
        self.tails: list[TailPlan | None] = []
        self.trainings: list[TrainingPlan | None] = []
        self.observed: list[GradientPlan | None] = []
        self.sweeps: list[FakeSweep] = []
        self.extended: list[tuple[Path, int]] = []
        self.calls: list[str] = []
        self.expected: Experiment | None = None
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

    def expect_run(self, experiment: Experiment) -> None:
        self.expected = experiment

    def start(
        self,
        experiment: Experiment,
        samples: int,
        tail: TailPlan | None = None,
        training: TrainingPlan | None = None,
        observe: GradientPlan | None = None,
    ) -> FakeRun:
        if self.start_failure:
            raise self.start_failure
        self.observed.append(observe)
        self.tails.append(tail)
        self.trainings.append(training)
        self.runs.append(FakeRun(experiment, samples, moved=self.speed))
        return self.runs[-1]

    def extend(self, directory: Path, samples: int) -> FakeRun:
        self.extended.append((directory, samples))
        if not self.runs:
            self.runs.append(FakeRun(RunDirectory.open(directory).asked, samples))
            return self.runs[-1]
        old = self.runs[-1]
        self.runs.append(FakeRun(old.experiment, samples, samples=old.samples))
        return self.runs[-1]

    def attach(self, directory: Path) -> RunHandle:
        return RunHandle(directory)

    def start_sweep(self, plan: SweepPlan, directory: Path) -> FakeSweep:
        if self.start_failure:
            raise self.start_failure
        self.sweeps.append(FakeSweep(plan, directory))
        return self.sweeps[-1]

    def attach_sweep(self, directory: Path) -> SweepHandle:
        return SweepHandle(directory)

    def close(self) -> None:
        self.calls.append("close")
