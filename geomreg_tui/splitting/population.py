"""A population on its way down, level by level, with all that is needed to go on from any of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geomreg_tui.errors import ExperimentError, Problem
from geomreg_tui.experiment import Experiment
from geomreg_tui.inits import build_law
from geomreg_tui.sampling.device import one_thread
from geomreg_tui.sampling.rng import level_generator
from geomreg_tui.sampling.sampler import Sampler
from geomreg_tui.splitting import multilevel as splitting
from geomreg_tui.splitting import tempering
from geomreg_tui.splitting.goal import Goal, Record
from geomreg_tui.splitting.latent import Latent
from geomreg_tui.splitting.members import ObservedMembers, log10_volume_due
from geomreg_tui.splitting.observing import TailObserver
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.splitting.result import (
    FAILED,
    HELD_OUT_SHARES,
    MOVES,
    BrokenPopulationError,
    PopulationResult,
)
from geomreg_tui.splitting.spaces import ReducedSpace, Space, build_space
from geomreg_tui.splitting.weights import weight_sizes

__all__ = ["Population", "tail_experiment"]

_HELD_OUT_STEP = 0.5 * math.log(10)  # of log V, to the first look at held-out examples
_HELD_OUT_GROWTH = 0.1  # of the step, from one look to the next: 25 looks to 1e-50, 43 to 1e-300
_Checkpoint = tuple[Mapping[str, Any], Mapping[str, NDArray[np.generic]]]


def tail_experiment(experiment: Experiment) -> Experiment:
    """Return an experiment as the tail is computed: in float64, by torch, and with numbers that can be moved.

    Those of projected sampling for laws that are rotation invariant, unless weights are asked for (sampler
    ``direct``). Radial sampling, which ``auto`` may stand for, draws numbers of active units, which have no
    density to move along; projected sampling has the same law.
    """
    # Whether a law is rotation invariant does not depend on the layers.
    projectable = experiment.arch in ("mlp", "conv") and build_law(experiment, ()).rotation_invariant
    sampler = experiment.sampler
    if sampler == "radial" or (sampler == "auto" and projectable):
        sampler = "projected"
    return experiment.replace(
        dtype="float64", backend="torch", sampler=sampler, batch_size=None, chunk_size=None
    )


class Population:
    """One population on its way down. The same arguments give the same bits, interrupted or not.

    Attributes:
        result: what it has shown so far.
        kernel: name of what is used: ``pcn``, ``slice``, ``reflect`` or ``tempered``.
        space: ``reduced`` or ``latent``.
    """

    result: PopulationResult

    def __init__(
        self,
        experiment: Experiment,
        plan: TailPlan,
        index: int,
        device: str = "cpu",
        checkpoint: _Checkpoint | None = None,
    ) -> None:
        """Begin, or go on from a checkpoint.

        Args:
            experiment: an experiment in float64, not radial (see :func:`tail_experiment`).
            plan: how deep to go.
            index: which of the populations.
            device: where to compute.
            checkpoint: what :meth:`to_parts` returned.

        Raises:
            ExperimentError, DataError, CapacityError: as ``Sampler``.
            LookupError, TypeError, ValueError: if the checkpoint is not one of this experiment.
        """
        space = build_space(Sampler(experiment, device))
        self._seed = experiment.seed
        self._goal = Goal(math.log(plan.loss) if plan.loss else -math.inf, plan.log10_volume * math.log(10))
        self._way = _begin(space, plan, self._seed, index, checkpoint)
        self.kernel = self._way.kernel
        self.space = "reduced" if isinstance(space, ReducedSpace) else "latent"
        self._held_out = bool(experiment.held_out)
        self._held_out_curve = plan.held_out_curve
        self._norms = plan.norms
        self._observer = TailObserver(space, plan) if plan.observe else None
        least = -space.signs * math.log(2) if space.discrete else -math.inf
        begun = replace(PopulationResult.empty(), log_least_volume=least)
        self.result = begun if checkpoint is None else PopulationResult.from_parts(*checkpoint)
        seen = self.result.observed
        expected = self._observer and (self._observer.names, self._observer.members)
        if seen.names and (seen.names, seen.values.shape[2]) != expected:
            raise ValueError("a checkpoint with other observables")

    @property
    def log10_volume(self) -> float:
        """log10 V at the lowest loss reached."""
        return self._way.state.log_volume / math.log(10)

    def advance(self) -> bool:
        """Move one level down; return whether there is another.

        A level whose numbers break the contract of populations is not taken: the population has failed.
        """
        with one_thread():
            level = self._way.state.level
            record = self._way.step(self._goal, self._seed)
            rows = self._look(level, record) if self._held_out else {}
            observed = self.result.observed if self._observer is None else self._seen(level, record)
        state = self._way.state
        self.result = replace(
            self.result, levels=state.level, evaluations=state.evaluations, status=state.status
        )
        try:
            self.result = self.result.extended(**vars(record))
        except BrokenPopulationError as error:
            self.result = replace(self.result, status=FAILED, reason=str(error))
            return False
        seen: dict[str, Any] = {
            name: np.concatenate([getattr(self.result, name), row]) for name, row in rows.items()
        }
        self.result = replace(self.result, observed=observed, **seen)
        return state.status is None

    def to_parts(self) -> tuple[dict[str, Any], dict[str, NDArray[np.generic]]]:
        """Return plain data and named arrays from which the population goes on to the same bits."""
        values, arrays = self.result.to_parts()
        numbers, tensors = self._way.state.to_parts()
        named = {f"state.{name}": tensor.cpu().numpy() for name, tensor in tensors.items()}
        kind = {"kernel": self.kernel, "moves": MOVES.get(self.kernel, 1)}
        return {**values, **kind, "state": numbers}, {**arrays, **named}

    def _look(self, level: int, record: Record) -> dict[str, NDArray[np.float64]]:
        """Return rows of held-out performance at losses between a level and the next."""
        state, space = self._way.state, self._way.space
        device = space.sampler.device
        generator = level_generator(self._seed, state.index, level + 1, device, held_out=True)
        of_weights = level_generator(self._seed, state.index, level + 1, device, weights=True)
        rows: list[tuple[float, list[NDArray[np.float64]]]] = []
        held = self.result.held_log_loss
        due = _held_out_due if self._held_out_curve else _never_due
        with torch.inference_mode():
            for log_excess, log_loss in self._due(record, held, due):
                latent = self._way.sample(log_excess, generator)
                if latent is None:
                    continue
                seen = space.held_out(latent, generator)
                loss = seen.loss.cpu().numpy()
                none = np.full(len(loss), np.nan)
                accuracy = none if seen.accuracy is None else seen.accuracy.cpu().numpy()
                row = [loss, accuracy]
                if self._norms:
                    found = weight_sizes(space, latent, of_weights)
                    row += [none, none] if found is None else [size.cpu().numpy() for size in found]
                rows.append((log_loss, row))
        if not rows:
            return {}
        losses, accuracies, *sizes = zip(*(each for _, each in rows), strict=True)
        names = ("held_norm_quantiles", "held_distance_quantiles") if self._norms else ()
        norms = {name: _quantiles(each) for name, each in zip(names, sizes, strict=True)}
        return {
            "held_log_loss": np.array([log_loss for log_loss, _ in rows]),
            "held_loss": np.array([each.mean() for each in losses]),
            "held_loss_quantiles": _quantiles(losses),
            "held_accuracy": np.array([each.mean() for each in accuracies]),
            "held_accuracy_quantiles": _quantiles(accuracies),
            **norms,
        }

    def _seen(self, level: int, record: Record) -> ObservedMembers:
        """Return the observables so far, with those at losses between a level and the next."""
        found, observer = self.result.observed, self._observer
        device = self._way.space.sampler.device
        generator = level_generator(self._seed, self._way.state.index, level + 1, device, observed=True)
        with torch.inference_mode():
            due = self._due(record, found.log_loss, _observed_due)
            for log_excess, log_loss in sorted(due, reverse=True):  # the goal may be among others
                if log_excess < self._goal.log_excess(record.log_floor):
                    break
                if observer is None or not -math.inf < log_loss < found.log_loss.min(initial=math.inf):
                    continue
                latent = self._way.sample(log_excess, generator)
                if latent is None:
                    continue
                values = observer.observe(latent, log_loss, generator)
                found = found.extended(observer.names, log_loss, values)
        return found

    def _due(
        self,
        record: Record,
        seen: NDArray[np.float64],
        due: Callable[[int], float],
    ) -> list[tuple[float, float]]:
        """Return the losses of a step at which networks are to be looked at, decreasing.

        Each as its natural logarithm above the floor and from 0. The goal is among them where it is reached:
        of a volume, the first point at or below it. A tempered population ends at the goal to within the
        last bits, on either side of it; there it is the last point.

        Args:
            record: points of the curve of the step.
            seen: natural logarithms of the losses at which they were looked at before, (rows,).
            due: log V at which they are to be looked at, from the number of looks before.
        """
        looks, found = len(seen), []
        lowest = seen.min(initial=math.inf)
        status = self._way.state.status
        for log_excess, log_volume in zip(
            record.log_excess.tolist(), record.log_volume.tolist(), strict=True
        ):
            if log_volume <= due(looks) and math.isfinite(log_excess):
                found.append(log_excess)
                looks += 1
        if status == "loss reached":
            found.append(self._goal.log_excess(record.log_floor))
        elif status == "volume reached":
            reached = record.log_excess[record.log_volume <= self._goal.log_volume][:1].tolist()
            found += reached or record.log_excess[-1:].tolist()
        pairs = [(each, float(np.logaddexp(each, record.log_floor))) for each in dict.fromkeys(found)]
        return [(log_excess, log_loss) for log_excess, log_loss in pairs if log_loss < lowest]


def _quantiles(rows: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the quantiles of each row at ``HELD_OUT_SHARES``, (rows, 5)."""
    return np.array([np.quantile(each, HELD_OUT_SHARES) for each in rows])


def _held_out_due(looks: int) -> float:
    """Return log V at which held-out examples are looked at, when they have been ``looks`` times."""
    return -_HELD_OUT_STEP * math.expm1((looks + 1) * math.log1p(_HELD_OUT_GROWTH)) / _HELD_OUT_GROWTH


def _never_due(looks: int) -> float:
    """Return log V at which nothing is looked at: networks are at the goal alone."""
    return -math.inf


def _observed_due(looks: int) -> float:
    """Return log V at which members are observed, when they have been ``looks`` times."""
    return log10_volume_due(looks) * math.log(10)


class _Splitting:
    """A population of multilevel splitting, in any space."""

    def __init__(self, space: Space, kernel: str, state: splitting.Population) -> None:
        self.space = space
        self.kernel = kernel
        self.state = self._above = state

    def step(self, goal: Goal, seed: int) -> Record:
        self._above = self.state
        self.state, record = splitting.step(self.space, self.state, goal, seed, self.kernel)
        return record

    def sample(self, log_excess: float, generator: torch.Generator) -> Latent | None:
        """Return networks of at most a loss above the floor that the last step came by."""
        return splitting.sample(self._above, log_excess)


class _Tempering:
    """A tempered population."""

    kernel = "tempered"

    def __init__(self, space: ReducedSpace, state: tempering.Tempered) -> None:
        self.space = space
        self.state = self._above = state

    def step(self, goal: Goal, seed: int) -> Record:
        self._above = self.state
        self.state, record = tempering.step(self.space, self.state, goal, seed)
        return record

    def sample(self, log_excess: float, generator: torch.Generator) -> Latent | None:
        """Return networks of at most a loss above the floor that the last step came by."""
        return tempering.sample(self.space, self._above, log_excess, generator)


def _begin(
    space: Space, plan: TailPlan, seed: int, index: int, checkpoint: _Checkpoint | None
) -> _Splitting | _Tempering:
    """Return a population that moves in the way that measures best (``benchmarks/tail.py``), or is asked for.

    Raises:
        ExperimentError: if that is not exact here.
    """
    kernel = plan.kernel
    if kernel in ("auto", "tempered") and isinstance(space, ReducedSpace) and space.squared:
        if checkpoint is None:
            return _Tempering(space, tempering.init(space, plan.population, seed, index))
        return _Tempering(space, tempering.Tempered.from_parts(*_parts(checkpoint, "tempered", space)))
    if kernel == "tempered":
        rule = "that is exact only for loss mse and Gaussian weights, sampler auto or projected; try auto"
        raise ExperimentError([Problem("move", repr(kernel), rule)])
    if kernel in ("slice", "reflect") and space.signs:
        rule = "binary weights have no ellipses or gradients to move along; allowed is pcn"
        raise ExperimentError([Problem("move", repr(kernel), rule)])
    kernel = "pcn" if kernel == "auto" else kernel
    if checkpoint is None:
        return _Splitting(space, kernel, splitting.init(space, plan.population, seed, index))
    return _Splitting(space, kernel, splitting.Population.from_parts(*_parts(checkpoint, kernel, space)))


def _parts(checkpoint: _Checkpoint, kernel: str, space: Space) -> tuple[Mapping[str, Any], dict[str, Tensor]]:
    """Return the plain data and arrays that a state is restored from."""
    values, arrays = checkpoint
    if values["kernel"] != kernel:
        raise ValueError(f"a checkpoint of kernel {str(values['kernel'])[:20]!r}")
    if values.get("moves", 1) != MOVES.get(kernel, 1):
        raise ValueError("a checkpoint of another version's moves")
    tensors = {
        name.removeprefix("state."): torch.from_numpy(array).to(space.sampler.device)
        for name, array in arrays.items()
        if name.startswith("state.")
    }
    return values["state"], tensors
