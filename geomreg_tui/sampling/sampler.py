"""The sampler: an experiment made ready on a device, from which batches of losses are drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from geomreg_tui.datasets import Dataset, load
from geomreg_tui.errors import CapacityError
from geomreg_tui.experiment import Experiment
from geomreg_tui.inits import InitLaw, RotationInvariant, Stream, build_law
from geomreg_tui.losses import Objective
from geomreg_tui.memory import available_memory
from geomreg_tui.networks import Network, build_network
from geomreg_tui.sampling.cost import network_cost, projects
from geomreg_tui.sampling.dead import DeadRule, DeadWatch, WatchedLayers, dead_rule
from geomreg_tui.sampling.direct import DirectLayers
from geomreg_tui.sampling.projected import ProjectedLayers
from geomreg_tui.sampling.radial import radial_outputs
from geomreg_tui.sampling.resolve import choose_sampler, sizes
from geomreg_tui.sampling.roots import gram_root
from geomreg_tui.sampling.rounding import usual_moved_size
from geomreg_tui.shapes import parameter_count
from geomreg_tui.summary import Facts, loss_resolution, zeros_are_exact

__all__ = ["Drawn", "Sampler"]

_TRIED = 3  # networks on which a person's own module is tried out
_ROUNDED = (4, 16)  # networks, fewest and most, that tell how large rounding is
_ROUNDED_SECONDS = 0.005  # that may go by, roughly, where these are not the fewest


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
        self.objective = Objective.build(
            self.dataset, experiment.loss, experiment.outputs, self._dtype, self.device
        )
        input_shape = self.dataset.x.shape[1:]
        self.network = build_network(experiment, input_shape, self.objective.outputs, self._dtype)
        self.law = build_law(experiment, self.network.shapes)
        examples = len(self.dataset.x)
        choice = choose_sampler(experiment, self.law, examples, self.network.needs_weights)
        self._check_memory(examples, choice.sampler)
        self.x = torch.from_numpy(self.dataset.x).to(self.device, self._dtype)
        note = self._try_out()
        chunk, batch = sizes(
            self.network.shapes,
            examples,
            choice.sampler,
            one_by_one=self.network.one_by_one,
            fused=experiment.backend == "fused",
        )
        batch = experiment.batch_size or batch
        resolved = experiment.replace(
            sampler=choice.sampler,
            batch_size=batch,
            chunk_size=experiment.chunk_size or chunk,
            data_sha256=self.dataset.sha256,
        )
        last = self.network.shapes[-1]
        silent = self.law.weight_moment(last) == 0 and not (last.bias and self.law.bias_moment(last))
        silent &= not self.network.needs_weights
        notes = self.dataset.notes
        if silent:
            notes += ("every weight of the readout is 0, so every network predicts 0",)
        self.facts = Facts(
            experiment=resolved,
            input_size=int(self.dataset.x[0].size),
            output_size=self.objective.outputs,
            parameters=parameter_count(self.network.shapes),
            init_radius=self.law.radius(),
            null_loss=self.objective.null_loss,
            constant_loss=self.objective.constant_loss,
            sampler_reason=f"{choice.reason}; {note}" if note else choice.reason,
            data_notes=notes,
            support=self.law.support(),
            zeros_exact=zeros_are_exact(experiment) or silent,
        )
        self._first_root = self._shared_root()
        self.facts = replace(self.facts, resolution=self._resolution(choice.sampler, batch))
        largest = float(self.x[: self.dataset.examples].abs().amax())
        columns = (self.dataset.examples, examples)
        self.dead_rule = dead_rule(resolved, self.law, largest)
        self.dead_watch = DeadWatch(resolved, self.law, self._dtype, columns, largest)

    def draw(self, batch: int, generator: torch.Generator) -> Drawn:
        """Draw ``batch`` networks and return their losses."""
        outputs, dead = self._watched(batch, Stream(generator, self.device, self._dtype))
        losses = self.objective.per_example(outputs)
        examples = self.dataset.examples
        train = losses[:, :examples].mean(dim=1)
        if losses.shape[1] == examples:
            return Drawn(train, None, None, dead)
        return Drawn(train, losses[:, examples:].mean(dim=1), self.objective.correct(outputs), dead)

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

    def _resolution(self, sampler: str, batch: int) -> float:
        """Return the loss below which only the rounding of outputs and targets shows."""
        examples, experiment = self.dataset.examples, self.facts.experiment
        seconds = network_cost(self.network.shapes, len(self.x), sampler).seconds
        few, many = _ROUNDED
        count = min(max(few, min(many, int(_ROUNDED_SECONDS / seconds))), batch)
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

    def _check_memory(self, examples: int, sampler: str) -> None:
        """Refuse an experiment of which not even one network fits into memory.

        Raises:
            CapacityError: naming what is needed and what is free.
        """
        elements = network_cost(self.network.shapes, examples, sampler).elements
        if self.network.needs_weights:
            elements = max(elements, 2 * parameter_count(self.network.shapes))
        needed = elements * self._dtype.itemsize
        free = _free_bytes(self.device)
        if needed > free:
            raise CapacityError(
                f"one network needs {needed / 2**30:,.1f} GiB with sampler {sampler}, "
                f"but {free / 2**30:,.1f} GiB are free on {self.device}: try a smaller width, "
                "fewer examples, or a rotation-invariant init, which can be projected"
            )


def _free_bytes(device: torch.device) -> int:
    """Return the bytes that are free on a device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return available_memory()
