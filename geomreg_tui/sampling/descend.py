"""A population's descent, level by level, with all that is needed to go on from any of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from geomreg_tui.experiment import Experiment
from geomreg_tui.sampling.kernels import Level, Particles
from geomreg_tui.sampling.rng import level_generator
from geomreg_tui.sampling.sampler import Sampler
from geomreg_tui.sampling.spaces import build_space
from geomreg_tui.sampling.splitting import Goal, Population, Record, choose_kernel, init, step
from geomreg_tui.summary.descent import HELD_OUT_SHARES, Descent, TailPlan

__all__ = ["Descender", "tail_experiment"]

_HELD_OUT_STEP = 0.5 * math.log(10)  # of log V, between looks at held-out examples
_GAUSSIAN = ("normal", "he_normal", "glorot_normal", "lecun_normal")
_PARTICLES = ("normals", "signs", "residuals", "log_loss", "tie")


def tail_experiment(experiment: Experiment) -> Experiment:
    """Return an experiment as the tail is computed: in float64, by a sampler whose numbers can be moved.

    Those are reduced normals for Gaussian weights, unless weights are asked for (sampler ``direct``).
    Radial sampling draws numbers of active units, which have no density to move along; projected sampling
    has the same law.
    """
    gaussian = experiment.init in _GAUSSIAN and experiment.arch in ("mlp", "conv")
    sampler = experiment.sampler
    if sampler == "radial" or (sampler == "auto" and gaussian):
        sampler = "projected"
    return experiment.replace(dtype="float64", sampler=sampler, batch_size=None, chunk_size=None)


class Descender:
    """One population on its way down. The same arguments give the same bits, interrupted or not.

    Attributes:
        descent: what it has shown so far.
    """

    descent: Descent

    def __init__(
        self,
        experiment: Experiment,
        plan: TailPlan,
        index: int,
        device: str = "cpu",
        checkpoint: tuple[Mapping[str, Any], Mapping[str, NDArray[np.generic]]] | None = None,
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
        self._space = build_space(Sampler(experiment, device))
        self._seed = experiment.seed
        self._goal = Goal(math.log(plan.loss) if plan.loss else -math.inf, plan.log10_volume * math.log(10))
        self._kernel = choose_kernel(self._space) if plan.kernel == "auto" else plan.kernel
        if checkpoint is None:
            self._population = init(self._space, plan.population, self._seed, index)
            self.descent = Descent.empty()
        else:
            self._population = _population(*checkpoint)
            self.descent = Descent.from_parts(*checkpoint)

    @property
    def log10_volume(self) -> float:
        """log10 V at the level reached."""
        return self._population.log_volume / math.log(10)

    def advance(self) -> bool:
        """Walk one level down; return whether there is another."""
        before = self._population
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            self._population, record = step(self._space, before, self._goal, self._seed, self._kernel)
            rows = self._look(before)
        finally:
            torch.set_num_threads(threads)
        self.descent = replace(
            self.descent,
            **{
                field.name: np.concatenate([getattr(self.descent, field.name), getattr(record, field.name)])
                for field in fields(Record)
            },
            **{name: np.concatenate([getattr(self.descent, name), row]) for name, row in rows.items()},
            levels=self._population.level,
            evaluations=self._population.evaluations,
            status=self._population.status,
        )
        return self._population.status is None

    def end(self, status: str) -> None:
        """End the descent where it is, for a reason."""
        self._population = replace(self._population, status=status)
        self.descent = replace(self.descent, status=status)

    def to_parts(self) -> tuple[dict[str, Any], dict[str, NDArray[np.generic]]]:
        """Return plain data and named arrays from which the descent goes on to the same bits."""
        values, arrays = self.descent.to_parts()
        population = self._population
        named: dict[str, NDArray[np.generic]] = {
            f"particle.{name}": getattr(population.particles, name).cpu().numpy() for name in _PARTICLES
        }
        named["lineage"] = population.lineage.cpu().numpy()
        numbers = {
            "index": population.index,
            "level": population.level,
            "bound": [str(number) for number in population.bound],
            "log_volume": population.log_volume,
            "settled": population.settled,
            "variance_here": population.variance,
            "scale": population.scale,
            "sweeps": population.sweeps,
            "acceptance": population.acceptance,
            "plateau": population.plateau,
        }
        return {**values, **numbers}, {**arrays, **named}

    def _look(self, population: Population) -> dict[str, NDArray[np.float64]]:
        """Return the next row of held-out performance, or no rows."""
        due = len(self.descent.held_loss) * -_HELD_OUT_STEP
        if not self._space.sampler.facts.experiment.held_out or population.log_volume > due:
            return {}
        device = self._space.sampler.device
        generator = level_generator(self._seed, population.index, population.level, device, held_out=True)
        with torch.inference_mode():
            seen = self._space.held_out(population.particles.latent, generator)
        loss = seen.loss.cpu().numpy()
        accuracy = np.full(len(loss), np.nan) if seen.accuracy is None else seen.accuracy.cpu().numpy()
        return {
            "held_log_loss": np.array([population.bound.log_loss]),
            "held_loss": np.array([loss.mean()]),
            "held_loss_quantiles": np.quantile(loss, HELD_OUT_SHARES)[None],
            "held_accuracy": np.array([accuracy.mean()]),
            "held_accuracy_quantiles": np.quantile(accuracy, HELD_OUT_SHARES)[None],
        }


def _population(values: Mapping[str, Any], arrays: Mapping[str, NDArray[np.generic]]) -> Population:
    particles = Particles(*(torch.from_numpy(arrays[f"particle.{name}"]) for name in _PARTICLES))
    return Population(
        index=int(values["index"]),
        level=int(values["level"]),
        bound=Level(*(float(number) for number in values["bound"])),
        log_volume=float(values["log_volume"]),
        particles=particles,
        lineage=torch.from_numpy(arrays["lineage"]),
        settled=float(values["settled"]),
        variance=float(values["variance_here"]),
        scale={str(name): float(number) for name, number in values["scale"].items()},
        sweeps=int(values["sweeps"]),
        acceptance={str(name): float(number) for name, number in values["acceptance"].items()},
        evaluations=int(values["evaluations"]),
        plateau=int(values["plateau"]),
        status=None if values["status"] is None else str(values["status"]),
    )
