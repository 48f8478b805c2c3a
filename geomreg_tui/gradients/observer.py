"""An experiment made ready, of whose networks gradients and walks are observed in batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geomreg_tui.errors import ExperimentError, Problem
from geomreg_tui.experiment import Experiment
from geomreg_tui.gradients.cost import network_cost, projects, sizes
from geomreg_tui.gradients.layers import DrawnLayer, Layer, ProjectedLayer
from geomreg_tui.gradients.observables import (
    confusion,
    curvature_root,
    gradient_gram,
    gradient_norm,
    ntk_trace,
    sharpness,
)
from geomreg_tui.gradients.perceptron import DrawLayer, PerceptronPass
from geomreg_tui.gradients.plan import NORMAL_INITS, OBSERVED, Arrangement, GradientPlan, check_plan
from geomreg_tui.gradients.traced import ConvolutionPass, CustomPass, Parameters
from geomreg_tui.gradients.walk import PairedLayers, paired_outputs
from geomreg_tui.inits import RotationInvariant, Stream
from geomreg_tui.losses.slopes import slope_of_loss
from geomreg_tui.memory import available_memory
from geomreg_tui.networks import MLP, CustomNetwork
from geomreg_tui.sampling.sampler import Sampler
from geomreg_tui.shapes import LayerShape
from geomreg_tui.statistics.observable_laws import ObservableLaw, observable_laws

if TYPE_CHECKING:
    from jaxtyping import Float, Float64

__all__ = ["Observed", "Observer", "Pass", "WholePass", "chosen_pairs"]

_MATRICES = 4  # of gradients by gradients that are held at once, in float64
_PAIRS = 0x70616972  # key of the stream that pairs of examples are chosen by


@runtime_checkable
class Pass(Protocol):
    """A forward pass of networks, from which one goes back.

    Attributes:
        outputs: (batch, C, N).
    """

    outputs: Float[Tensor, "batch outputs training"]

    def gram(self, top: Float[Tensor, "batch outputs columns"]) -> Float64[Tensor, "batch columns columns"]:
        """Return the Gram matrix of gradients, as :meth:`PerceptronPass.gram`."""


class WholePass(Pass, Protocol):
    """A forward pass of networks whose gradients are those by all weights."""

    def projections(
        self, top: Float[Tensor, "batch outputs columns"], frame: Float[Tensor, "batch parameters rank"]
    ) -> Float[Tensor, "batch rank columns"]:
        """Return the gradients within a subspace, as :meth:`PerceptronPass.projections`."""


@dataclass(frozen=True)
class Observed:
    """What a batch of networks showed.

    Attributes:
        losses: training losses, (batch,).
        values: each observable, float64 (batch,); NaN where it is undefined or not finite.
        undefined: of an observable that can be 0/0, whether it is, bool (batch,).
        missing: pairs of examples without a cosine, (batch,).
    """

    losses: Float[Tensor, " batch"]
    values: dict[str, Float64[Tensor, " batch"]]
    undefined: dict[str, Tensor]
    missing: Tensor


class Observer:
    """An experiment and a plan, made ready.

    Attributes:
        experiment: the resolved experiment.
        plan: what is observed.
        arrangement: how.
        sampler: the experiment with its data, its network and its law.
        pairs: places of the examples of each pair whose gradients are compared, int64 (2, pairs).
    """

    experiment: Experiment
    plan: GradientPlan
    arrangement: Arrangement

    def __init__(
        self,
        experiment: Experiment,
        plan: GradientPlan,
        device: str = "cpu",
        arrangement: Arrangement | None = None,
        sampler: Sampler | None = None,
    ) -> None:
        """Make ready.

        Args:
            experiment: the experiment.
            plan: what is observed.
            device: where to compute.
            arrangement: how it is to be observed; None for the best.
            sampler: the experiment made ready there; None to do that here.

        Raises:
            ExperimentError: if that cannot be observed of the experiment.
            DataError, CapacityError: as :class:`geomreg_tui.sampling.sampler.Sampler`.
        """
        check_plan(plan, experiment)
        self.sampler = sampler or Sampler(experiment, device)
        self.plan = plan
        self.experiment = self.sampler.facts.experiment
        self._network = self.sampler.network
        self._x = self.sampler.x[: self.sampler.dataset.examples]
        self._dtype = self._x.dtype
        targets = torch.from_numpy(self.sampler.objective.targets.T.copy())
        self._targets = targets.to(self._x.device, self._dtype).unsqueeze(0)
        self._outputs = self.sampler.objective.outputs
        self._ntk = plan.needs_ntk(self._outputs)
        self.pairs = torch.from_numpy(chosen_pairs(len(self._x), plan.pairs, self.experiment.data_seed)).to(
            self._x.device
        )
        self.arrangement = arrangement or self._arranged()

    def laws(self) -> dict[str, ObservableLaw]:
        """Return what theory expects of the observables that it has a law for, by name."""
        examples = len(self._x)
        return observable_laws(
            self.experiment,
            self._x.to("cpu", torch.float64).numpy(),
            self.sampler.objective.targets,
            [name for key in self.plan.observe for name in OBSERVED[key]],
            all_pairs=self.pairs.shape[1] == examples * (examples - 1) // 2,
            walk_step=self.plan.walk_step,
        )

    def observe(self, batch: int, generator: torch.Generator) -> Observed:
        """Draw networks and return what is observed of their gradients."""
        return self.observed(self.draw(batch, self._stream(generator)))

    def observed(self, done: Pass) -> Observed:
        """Return what is observed of the gradients of networks that were run forward."""
        outputs, examples = done.outputs, len(self._x)
        batch = len(outputs)
        names = self.plan.observables
        losses = self._losses(outputs)
        values: dict[str, Tensor] = {}
        flat = self.experiment.loss == "zero_one"
        slopes = None if flat else slope_of_loss(self.experiment.loss, outputs, self._targets)
        ntk = None
        if self._ntk or slopes is None:
            ntk = self.ntk(done)
        else:
            assert slopes.shape[2] == examples
            gram = done.gram(slopes)
        if ntk is not None and slopes is not None:
            gram = gradient_gram(ntk, slopes)
        undefined: dict[str, Tensor] = {}
        missing = torch.zeros(batch, dtype=torch.int64, device=outputs.device)
        if "confusion_min" in names:
            seen = confusion(gram, self.pairs)
            values |= {
                "confusion_min": seen.minimum,
                "confusion_mean": seen.mean,
                "confusion_negative": seen.negative,
            }
            undefined = dict.fromkeys(values, seen.undefined)
            missing = seen.missing
        if ntk is not None and "ntk_trace" in names:
            values["ntk_trace"] = ntk_trace(ntk)
        if "gradient_norm" in names:
            values["gradient_norm"] = gradient_norm(gram)
        if ntk is not None and "sharpness" in names:
            root = curvature_root(self.experiment.loss, outputs, self._targets)
            values["sharpness"] = sharpness(ntk, root)
        return Observed(losses, values, undefined, missing)

    def ntk(self, done: Pass) -> Float64[Tensor, "batch columns columns"]:
        """Return the empirical NTK of networks that were run forward, (batch, N C, N C)."""
        return done.gram(_unit_tops(done.outputs))

    def walk(self, batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return the losses of the two networks of each pair, (batch,) both; a step of a walk apart."""
        layers = PairedLayers(
            cast(RotationInvariant, self.sampler.law),
            batch,
            self._stream(generator),
            self.plan.walk_step,
            self.arrangement.paired,
        )
        first, second = paired_outputs(self._network, self._x, layers)
        return self._losses(first), self._losses(second)

    def draw(self, batch: int, stream: Stream) -> Pass:
        """Draw networks from a stream and run them forward."""
        law = self.sampler.law
        shared = law.begin(batch, stream)
        if isinstance(self._network, MLP):

            def draw(shape: LayerShape, activations: Tensor) -> Layer:
                if self.arrangement.projected[shape.index]:
                    return ProjectedLayer.draw(
                        cast(RotationInvariant, law), shape, activations, batch, stream
                    )
                return DrawnLayer.draw(law, shape, activations, batch, stream, shared)

            return self.run_layers(draw)
        parameters = [law.weights(shape, batch, stream, shared) for shape in self._network.shapes]
        return self.run(parameters, batch)

    def run(self, parameters: Parameters, batch: int) -> WholePass:
        """Run networks forward whose weights and biases are given, of each layer."""
        if isinstance(self._network, CustomNetwork):
            return CustomPass(self._network, self._x, parameters, batch)
        return ConvolutionPass(self._network, self._x, parameters, batch)

    def run_layers(self, draw: DrawLayer) -> PerceptronPass:
        """Run perceptrons forward whose layers come from a function of (shape, activations)."""
        return PerceptronPass(self.experiment, self._network.shapes, self._x, draw)

    @property
    def columns(self) -> int:
        """Gradients of one network whose products are looked at: N C with the NTK, N without."""
        return len(self._x) * (self._outputs if self._ntk else 1)

    def _arranged(self) -> Arrangement:
        method, reason = self._method()
        shapes, columns, dtype = self._network.shapes, self.columns, self.experiment.dtype
        eigenvalues = "sharpness" in self.plan.observe
        cost = network_cost(shapes, len(self._x), columns, dtype, method, eigenvalues)
        self._check_memory(cost.elements)
        one_by_one = isinstance(self._network, CustomNetwork)
        chunk, batch = sizes(cost, columns, one_by_one=one_by_one)
        return Arrangement(
            method,
            reason,
            chunk,
            batch,
            self.pairs.shape[1],
            tuple(method == "projected" and self._projects(shape, len(self._x), columns) for shape in shapes),
            tuple(self._projects(shape, 2 * len(self._x), 0) for shape in shapes),
        )

    def _check_memory(self, elements: int) -> None:
        """Refuse an experiment of which one network does not fit into memory.

        Raises:
            ExperimentError: saying what would fit.
        """
        needed = elements * self._dtype.itemsize + _MATRICES * 8 * self.columns**2
        free = available_memory()
        if self.sampler.device.type == "cpu" and needed > free:
            got = f"{self.columns:,} gradients of one network, which need {needed / 2**30:,.1f} GiB"
            rule = f"{free / 2**30:,.1f} GiB are free: try fewer examples"
            rule += ", or leave out ntk and sharpness" if self._outputs > 1 and self._ntk else ""
            raise ExperimentError([Problem("observe", got, rule)])

    def _projects(self, shape: LayerShape, examples: int, columns: int) -> bool:
        """Return whether a layer with normal weights is projected: where it is cheaper, or was asked for."""
        if self._network.needs_weights or self.plan.method == "direct":
            return False
        asked = self.plan.method == "projected"
        return asked or projects(shape, examples, columns, self.experiment.dtype)

    def _method(self) -> tuple[str, str]:
        """Return how gradients are drawn, and why."""
        objection = ""
        if not isinstance(self._network, MLP):
            objection = "for arch mlp"
        elif self.experiment.init not in NORMAL_INITS:
            objection = f"for independent normal weights, which those of init {self.experiment.init} are not"
        if self.plan.method == "projected" and objection:
            raise ExperimentError([Problem("method", "'projected'", f"that is exact only {objection}")])
        if self.plan.method != "auto":
            return self.plan.method, "asked for"
        if objection:
            return "direct", f"projected gradients are exact only {objection}"
        shapes, examples, columns = self._network.shapes, len(self._x), self.columns
        if not any(self._projects(shape, examples, columns) for shape in shapes):
            return (
                "direct",
                f"for {columns} derivatives, drawing every weight is cheaper than projecting any layer",
            )
        full, few = (
            network_cost(shapes, examples, columns, self.experiment.dtype, method).normals
            for method in ("direct", "projected")
        )
        return (
            "projected",
            f"{self.experiment.init} has independent normal weights: {few:,} random numbers instead of "
            f"{full:,} for a network with its gradients",
        )

    def _losses(self, outputs: Tensor) -> Tensor:
        return self.sampler.objective.per_example(outputs, training=True).mean(dim=1)

    def _stream(self, generator: torch.Generator) -> Stream:
        return Stream(generator, self.sampler.device, self._dtype)


def chosen_pairs(examples: int, count: int | None, seed: int) -> NDArray[np.int64]:
    """Return the places of the examples of each pair, int64 (2, pairs), the first of each the smaller.

    Args:
        examples: N.
        count: pairs; None, or as many as there are, for all.
        seed: of the data, on which alone the choice depends.
    """
    total = examples * (examples - 1) // 2
    if count is None or count >= total:
        chosen = np.arange(total)
    else:
        chosen = np.sort(np.random.default_rng([seed, _PAIRS]).choice(total, count, replace=False))
    first, second = np.triu_indices(examples, 1)
    return np.stack([first[chosen], second[chosen]]).astype(np.int64)


def _unit_tops(outputs: Tensor) -> Tensor:
    """Return the weights of each output on each example, (batch, C, C N)."""
    batch, count, examples = outputs.shape
    identity = torch.eye(count, dtype=outputs.dtype, device=outputs.device)
    return identity.repeat_interleave(examples, 1).expand(batch, count, count * examples)
