"""The sampler: an experiment made ready on a device, from which batches of losses are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import torch
from numpy.typing import NDArray
from torch import Tensor

from geomreg_tui.datasets import Dataset, load
from geomreg_tui.engine.work import Interrupt
from geomreg_tui.experiment import Experiment
from geomreg_tui.inits import InitLaw, RotationInvariant, Stream, build_law
from geomreg_tui.losses import TargetNumbers
from geomreg_tui.losses.objective import Objective
from geomreg_tui.memory import available_memory
from geomreg_tui.networks import Network, build_network
from geomreg_tui.sampling.cost import projects
from geomreg_tui.sampling.dead import DeadRule, DeadWatch, dead_rule
from geomreg_tui.sampling.device import numbers_of, one_thread
from geomreg_tui.sampling.direct import DirectLayers
from geomreg_tui.sampling.drawn import DrawnNumbers, go_on
from geomreg_tui.sampling.projected import ProjectedLayers
from geomreg_tui.sampling.radial import radial_outputs
from geomreg_tui.sampling.resolve import check_memory, choose_sampler, describe, rounded_count
from geomreg_tui.sampling.rng import chunk_generator
from geomreg_tui.sampling.roots import gram_root
from geomreg_tui.sampling.rounding import usual_moved_size
from geomreg_tui.sampling.watched import WatchedLayers
from geomreg_tui.summary import Facts, loss_resolution

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int64, Shaped

__all__ = ["Drawn", "Sampler"]

_TRIED = 3  # networks on which a person's own module is tried out


@dataclass(frozen=True)
class Drawn:
    """Losses of a batch of networks.

    Attributes:
        train: mean loss over the training examples, (batch,).
        held_out: mean loss over the held-out examples, (batch,), or None when there are none.
        correct: correct held-out predictions, (batch,), or None where there are no classes.
        dead: which networks are dead, bool (batch,), or None where that cannot be told.
    """

    train: Float[Tensor, " batch"]
    held_out: Float[Tensor, " batch"] | None
    correct: Int64[Tensor, " batch"] | None
    dead: Bool[Tensor, " batch"] | None


class Sampler:
    """An experiment with its data loaded, its network built and its sizes fixed.

    Attributes:
        facts: what the experiment comes to; ``facts.experiment`` is the resolved one.
        dataset: the examples.
        targets: what outputs are compared with.
        network: the architecture.
        law: the init law.
        objective: targets and loss.
        x: inputs of the N training and M held-out examples, (N + M, *input shape).
        device: where everything is computed.
        dead_rule: how it is known which networks are dead.
        dead_watch: where the pass shows it, what is known before.
    """

    facts: Facts
    dataset: Dataset
    targets: TargetNumbers
    network: Network
    law: InitLaw
    objective: Objective
    x: Float[Tensor, " examples *input_shape"]
    device: torch.device

    def __init__(self, experiment: Experiment, device: str = "cpu") -> None:
        """Make an experiment ready.

        Raises:
            ExperimentError: if keys of the experiment contradict each other or the data.
            DataError: if the data cannot be read or do not fit the loss.
            CapacityError: if a network does not fit into memory.
        """
        self.device = torch.device(device)
        self._dtype = torch.float64 if experiment.dtype == "float64" else torch.float32
        self.dataset = load(experiment)
        self.targets = targets = TargetNumbers.build(
            self.dataset, experiment.loss, experiment.outputs, experiment.dtype
        )
        self.objective = Objective(experiment.loss, targets, self._dtype, self.device)
        self.network = build_network(experiment, self.dataset.x.shape[1:], targets.outputs, self._dtype)
        self.law = build_law(experiment, self.network.shapes)
        examples, own = len(self.dataset.x), self.network.needs_weights
        if experiment.backend == "auto":
            experiment = experiment.replace(backend="torch")
        choice = choose_sampler(experiment, self.law, examples, own)
        experiment = experiment.replace(sampler=choice.sampler)
        free = _free_bytes(self.device)
        check_memory(
            self.network.shapes,
            examples,
            choice.sampler,
            experiment.dtype,
            free,
            str(self.device),
            needs_weights=own,
        )
        self.x = torch.from_numpy(self.dataset.x).to(self.device, self._dtype)
        note = self._try_out()
        facts = describe(
            experiment,
            f"{choice.reason}; {note}" if note else choice.reason,
            self.dataset,
            targets,
            self.law,
            needs_weights=own,
            one_by_one=self.network.one_by_one,
            gpu_bytes=free if self.device.type == "cuda" else 0,
        )
        self.facts = replace(
            facts, null_loss=self.objective.null_loss, constant_loss=self.objective.constant_loss
        )
        self._first_root = self._shared_root()
        self.facts = replace(self.facts, resolution=self._resolution())
        largest = float(self.x[: self.dataset.examples].abs().amax())
        columns = (self.dataset.examples, examples)
        self.dead_rule = dead_rule(self.facts.experiment, self.law, largest)
        self.dead_watch = DeadWatch(self.facts.experiment, self.law, experiment.dtype, columns, largest)

    def draw(self, batch: int, generator: torch.Generator) -> Drawn:
        """Draw ``batch`` networks and return their losses."""
        outputs, dead = self._watched(batch, Stream(generator, self.device, self._dtype))
        losses = self.objective.per_example(outputs)
        examples = self.dataset.examples
        train = losses[:, :examples].mean(dim=1)
        if losses.shape[1] == examples:
            return Drawn(train, None, None, dead)
        return Drawn(train, losses[:, examples:].mean(dim=1), self.objective.correct(outputs), dead)

    def draw_chunk(
        self, chunk: int, size: int, wanted: int, interrupt: Interrupt | None = None
    ) -> DrawnNumbers:
        """Draw the first networks of a chunk, in whole batches; see ``ChunkSampler``.

        Losses leave the device once a chunk: a copy waits for all work before it.
        """
        experiment = self.facts.experiment
        generator = chunk_generator(experiment.seed, chunk, self.device)
        batch = int(experiment.batch_size or 1)
        parts = []
        for _ in range(0, wanted, batch):
            go_on(chunk, interrupt)
            with one_thread(), torch.inference_mode():
                parts.append(self.draw(batch, generator))
        return DrawnNumbers(
            numbers_of([part.train for part in parts], wanted, torch.float64),
            _known([part.held_out for part in parts], wanted, torch.float64),
            _known([part.correct for part in parts], wanted, torch.int64),
            _known([part.dead for part in parts], wanted, torch.bool),
        )

    def outputs(
        self, batch: int, stream: Stream
    ) -> Float[Tensor, "{batch} {self.objective.outputs} {self.x.shape[0]}"]:
        """Return the outputs (batch, C, N + M) of networks drawn from a stream."""
        if self.facts.experiment.sampler == "radial":
            return self._radial(batch, stream)[0]
        return self.network.forward(self.x, self._layers(batch, stream))

    def _watched(
        self, batch: int, stream: Stream
    ) -> tuple[
        Float[Tensor, "{batch} {self.objective.outputs} {self.x.shape[0]}"], Bool[Tensor, " {batch}"] | None
    ]:
        """Return outputs of networks drawn from a stream, and which are dead, or None if that is unknown."""
        experiment = self.facts.experiment
        if experiment.sampler == "radial":
            return self._radial(batch, stream)
        layers = self._layers(batch, stream)
        if self.dead_rule is not DeadRule.WATCHED:
            outputs = self.network.forward(self.x, layers)
            if self.dead_rule is DeadRule.UNKNOWN:
                return outputs, None
            return outputs, torch.full((batch,), self.dead_rule is DeadRule.ALL, device=self.device)
        watched = WatchedLayers(layers, self.dead_watch)
        return self.network.forward(self.x, watched), watched.dead()

    def _radial(
        self, batch: int, stream: Stream
    ) -> tuple[Float[Tensor, "{batch} {self.objective.outputs} 1"], Bool[Tensor, " {batch}"]]:
        """Return outputs of networks on the one example, and which are dead."""
        norm = float(torch.linalg.vector_norm(self.x, dtype=torch.float64))
        return radial_outputs(self.facts.experiment, cast(RotationInvariant, self.law), norm, batch, stream)

    def _layers(self, batch: int, stream: Stream) -> DirectLayers:
        """Return the layers of a batch, drawn as the sampler of the experiment draws them."""
        if self.facts.experiment.sampler == "direct":
            return DirectLayers(self.law, batch, stream)
        return ProjectedLayers(cast(RotationInvariant, self.law), batch, stream, self._first_root)

    def _try_out(self) -> str:
        """Evaluate a few networks of a person's own module; return a note about it."""
        if not self.network.needs_weights:
            return ""
        generator = torch.Generator(self.device).manual_seed(0)
        with torch.inference_mode():
            layers = DirectLayers(self.law, _TRIED, Stream(generator, self.device, self._dtype))
            return self.network.try_out(self.x, layers)

    def _resolution(self) -> float:
        """Return the loss below which only the rounding of outputs and targets shows."""
        examples, experiment = self.dataset.examples, self.facts.experiment
        count = rounded_count(experiment, self.network.shapes, len(self.x))
        count = min(count, int(experiment.batch_size or 1))
        size = usual_moved_size(
            lambda networks, stream: self.outputs(networks, stream)[:, :, :examples],
            count,
            self.device,
            self._dtype,
        )
        return loss_resolution(experiment.loss, experiment.dtype, self.objective.targets, size)

    def _shared_root(self) -> Float[Tensor, "1 columns columns"] | None:
        """Return the root of the first layer of an mlp, computed once and in float64."""
        first = self.network.shapes[0]
        experiment = self.facts.experiment
        if experiment.sampler != "projected" or experiment.arch != "mlp" or not projects(first, len(self.x)):
            return None
        columns = torch.from_numpy(self.dataset.x).flatten(1).T.unsqueeze(0)
        scale, offset = cast(RotationInvariant, self.law).row_scales(first)
        return gram_root(columns, scale, offset).to(self.device, self._dtype)


def _known(
    parts: Sequence[Tensor | None], count: int, dtype: torch.dtype
) -> Shaped[NDArray[Any], " {count}"] | None:
    """Return the first values of batches as an array, (count,); None where those of a batch are unknown."""
    known = [part for part in parts if part is not None]
    return numbers_of(known, count, dtype) if len(known) == len(parts) else None


def _free_bytes(device: torch.device) -> int:
    """Return the bytes that are free on a device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return available_memory()
