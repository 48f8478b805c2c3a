"""Plain samples drawn by the fused kernel. No torch here."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from geomreg_tui.activations import HOMOGENEOUS
from geomreg_tui.datasets import Dataset, load
from geomreg_tui.engine.work import Interrupt
from geomreg_tui.errors import ExperimentError, Problem
from geomreg_tui.experiment import Experiment
from geomreg_tui.fused.library import Kernel, kernel, why_missing
from geomreg_tui.fused.network import DEAD, UNCERTAIN, FusedNetworks, LayerNumbers, LossNumbers
from geomreg_tui.fused.plan import against_fused
from geomreg_tui.inits import InitLaw, RotationInvariant, build_law
from geomreg_tui.inits.independent import Independent
from geomreg_tui.losses import TargetNumbers
from geomreg_tui.losses.constant import told_loss
from geomreg_tui.memory import available_memory
from geomreg_tui.sampling.dead import DeadRule, DeadWatch, dead_rule
from geomreg_tui.sampling.drawn import DrawnNumbers, go_on
from geomreg_tui.sampling.fused_rounding import radial_moved_size, usual_moved_size
from geomreg_tui.sampling.resolve import check_memory, choose_sampler, describe, rounded_count
from geomreg_tui.shapes import LayerShape, layer_shapes
from geomreg_tui.summary import Facts, loss_resolution

__all__ = ["FusedSampler"]

_PIECE = 1024  # networks that are drawn at least, before a worker is asked whether to go on


class FusedSampler:
    """An experiment made ready for the fused kernel, which draws networks by their numbers.

    Attributes:
        facts: what the experiment comes to; ``facts.experiment`` is the resolved one.
        dataset: the examples.
        targets: what outputs are compared with.
        networks: as the kernel draws them.
    """

    facts: Facts
    dataset: Dataset
    targets: TargetNumbers
    networks: FusedNetworks

    def __init__(
        self,
        found: Kernel,
        experiment: Experiment,
        reason: str,
        dataset: Dataset,
        targets: TargetNumbers,
        law: InitLaw,
    ) -> None:
        """Make an experiment ready; use :meth:`build`.

        Args:
            found: the compiled kernel.
            experiment: the experiment, its backend and its sampler chosen.
            reason: why this sampler.
            dataset: the examples.
            targets: what outputs are compared with.
            law: the init law.
        """
        self.dataset, self.targets = dataset, targets
        numbers = LossNumbers(targets.numbers, targets.labels, targets.bounds)
        facts = describe(experiment, reason, dataset, targets, law)
        experiment = facts.experiment
        x = dataset.x.reshape(len(dataset.x), -1).astype(np.float64)
        training = x[: dataset.examples]
        largest = float(np.abs(training.astype(np.float32)).max())
        watch = DeadWatch(experiment, law, experiment.dtype, (dataset.examples, len(x)), largest)
        self._rule = dead_rule(experiment, law, largest)
        self._relu = watch.relu
        self.networks = FusedNetworks(
            found,
            experiment,
            law.shapes,
            [_layer_numbers(law, shape) for shape in law.shapes],
            x,
            numbers,
            slope=HOMOGENEOUS.get(experiment.activation, 0.0),
            watched=self._rule is DeadRule.WATCHED,
            least=watch.least,
        )
        count = rounded_count(experiment, law.shapes, len(x))
        if experiment.sampler == "radial":
            size = radial_moved_size(self.networks.outputs(0, count), len(law.shapes) - 1)
        else:
            projected = experiment.sampler == "projected"
            activation = experiment.activation
            size = usual_moved_size(found, activation, law, training, count, projected=projected)
        self.facts = replace(
            facts,
            null_loss=_null_loss(found, facts, numbers),
            resolution=loss_resolution(experiment.loss, experiment.dtype, targets.training, size),
        )

    @classmethod
    def build(cls, experiment: Experiment, device: str = "cpu") -> FusedSampler | None:
        """Make an experiment ready, if the kernel is to draw it; return None where torch is.

        Raises:
            ExperimentError: if keys of the experiment contradict each other or the data, or if the kernel
                is asked for and does not draw it, or is not to be had here.
            DataError: if the data cannot be read or do not fit the loss.
            CapacityError: if a network does not fit into memory.
        """
        if experiment.backend == "torch":
            return None
        found = kernel() if device == "cpu" else None
        asked = experiment.backend == "fused"
        columns = experiment.examples + experiment.held_out
        against = against_fused(experiment, columns, experiment.outputs or 1, radial=True)
        if not asked and (against or found is None):
            return None
        if against:
            raise _refusal(f"it draws {against}: try torch")
        if found is None:
            raise _refusal(f"there is none here: {why_missing() or f'it runs on the CPU, not on {device}'}")
        dataset = load(experiment)
        targets = TargetNumbers.build(dataset, experiment.loss, experiment.outputs, experiment.dtype)
        law, columns = _law(experiment, dataset, targets), len(dataset.x)
        experiment = experiment.replace(backend="fused")
        choice = choose_sampler(experiment, law, columns, needs_weights=False)
        experiment = experiment.replace(sampler=choice.sampler)
        radial = choice.sampler == "radial"
        if against := against_fused(experiment, columns, targets.outputs, radial=radial):
            if asked:
                raise _refusal(f"it draws {against}: try torch")
            return None
        check_memory(law.shapes, columns, choice.sampler, experiment.dtype, available_memory(), device)
        return cls(found, experiment, choice.reason, dataset, targets, law)

    def draw(self, first: int, count: int) -> DrawnNumbers:
        """Draw the networks ``first`` to ``first + count - 1``; return their losses."""
        train, held_out, right, states = self.networks.losses(first, count)
        dead = None
        if self._rule in (DeadRule.NONE, DeadRule.ALL):
            dead = np.full(count, self._rule is DeadRule.ALL)
        elif self._rule is DeadRule.WATCHED and not (self._relu and (states == UNCERTAIN).any()):
            dead = states == DEAD
        return DrawnNumbers(train, held_out, right, dead)

    def draw_chunk(
        self, chunk: int, size: int, wanted: int, interrupt: Interrupt | None = None
    ) -> DrawnNumbers:
        """Draw the first networks of a chunk; see ``ChunkSampler``."""
        piece = max(_PIECE, size // 8 // _PIECE * _PIECE)
        parts = []
        for begun in range(0, wanted, piece):
            go_on(chunk, interrupt)
            parts.append(self.draw(chunk * size + begun, min(piece, wanted - begun)))
        return DrawnNumbers.joined(parts)


def _null_loss(found: Kernel, facts: Facts, numbers: LossNumbers) -> float:
    """Return the loss by which networks whose outputs are all 0 can be told."""
    silent = facts.experiment.replace(depth=0, width=1, gain=0.0, bias=False, init="normal", sampler="direct")
    x = np.zeros((len(numbers.targets), 1))
    shapes = layer_shapes(silent, (1,), facts.output_size)
    networks = FusedNetworks(found, silent, shapes, [LayerNumbers(0.0, 0.0)], x, numbers)
    return told_loss(float(networks.losses(0, 1)[0][0]), facts.null_loss, float(np.finfo(np.float32).eps))


def _refusal(allowed: str) -> ExperimentError:
    """Return the error that says why the kernel does not draw an experiment."""
    return ExperimentError([Problem("backend", "'fused'", allowed)])


def _law(experiment: Experiment, dataset: Dataset, targets: TargetNumbers) -> InitLaw:
    """Return the init law of an experiment for its layers."""
    return build_law(experiment, layer_shapes(experiment, dataset.x.shape[1:], targets.outputs))


def _layer_numbers(law: InitLaw, shape: LayerShape) -> LayerNumbers:
    """Return the numbers of a layer that the kernel needs of a law."""
    if isinstance(law, RotationInvariant):
        scale, offset = law.row_scales(shape)
        return LayerNumbers(scale, offset, law.undrawn(shape))
    assert isinstance(law, Independent)
    return LayerNumbers(law.scale(shape), law.offset_scale(shape) if shape.bias else 0.0)
