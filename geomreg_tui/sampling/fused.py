"""Plain samples drawn by the fused kernel, for experiments that ask for it (key ``backend``)."""

from __future__ import annotations

import numpy as np
import torch

from geomreg_tui.errors import ExperimentError, Problem
from geomreg_tui.fused.library import kernel, why_missing
from geomreg_tui.fused.network import DEAD, UNCERTAIN, FusedNetworks, LayerNumbers, LossNumbers
from geomreg_tui.fused.plan import against_fused
from geomreg_tui.inits import InitLaw, RotationInvariant
from geomreg_tui.inits.independent import Independent
from geomreg_tui.sampling.dead import DeadRule
from geomreg_tui.sampling.radial import HOMOGENEOUS
from geomreg_tui.sampling.sampler import Drawn, Sampler
from geomreg_tui.shapes import LayerShape

__all__ = ["FusedSampler"]


class FusedSampler:
    """An experiment made ready for the fused kernel, which draws networks by their numbers.

    Attributes:
        networks: as the kernel draws them.
    """

    networks: FusedNetworks

    def __init__(self, sampler: Sampler) -> None:
        """Make an experiment ready.

        Args:
            sampler: the experiment, loaded and with its sizes fixed.

        Raises:
            ExperimentError: if the kernel does not draw it, or is not to be had here.
        """
        experiment, objective = sampler.facts.experiment, sampler.objective
        allowed = against_fused(experiment, len(sampler.x), objective.outputs)
        if allowed:
            raise ExperimentError([Problem("backend", "'fused'", f"it draws {allowed}: try torch")])
        found = kernel()
        if found is None or sampler.device.type != "cpu":
            why = why_missing() or f"it runs on the CPU, not on {sampler.device}"
            raise ExperimentError([Problem("backend", "'fused'", f"there is none here: {why}")])
        self._rule = sampler.dead_rule
        self._relu = sampler.dead_watch.relu
        self.networks = FusedNetworks(
            found,
            experiment,
            sampler.law.shapes,
            [_layer_numbers(sampler.law, shape) for shape in sampler.law.shapes],
            sampler.dataset.x.reshape(len(sampler.dataset.x), -1).astype(np.float64),
            LossNumbers(objective.numbers, objective.labels, objective.bounds),
            slope=HOMOGENEOUS.get(experiment.activation, 0.0),
            watched=self._rule is DeadRule.WATCHED,
            least=sampler.dead_watch.least,
        )

    def draw(self, first: int, count: int) -> Drawn:
        """Draw the networks ``first`` to ``first + count - 1``; return their losses."""
        train, held_out, right, states = self.networks.losses(first, count)
        dead = None
        if self._rule in (DeadRule.NONE, DeadRule.ALL):
            dead = torch.full((count,), self._rule is DeadRule.ALL)
        elif self._rule is DeadRule.WATCHED and not (self._relu and (states == UNCERTAIN).any()):
            dead = torch.from_numpy(states == DEAD)
        return Drawn(
            torch.from_numpy(train),
            None if held_out is None else torch.from_numpy(held_out),
            None if right is None else torch.from_numpy(right),
            dead,
        )


def _layer_numbers(law: InitLaw, shape: LayerShape) -> LayerNumbers:
    """Return the numbers of a layer that the kernel needs of a law."""
    if isinstance(law, RotationInvariant):
        scale, offset = law.row_scales(shape)
        return LayerNumbers(scale, offset, law.undrawn(shape))
    assert isinstance(law, Independent)
    return LayerNumbers(law.scale(shape), law.offset_scale(shape) if shape.bias else 0.0)
