"""The user's own ``torch.nn.Module``, its parameters replaced by drawn ones through ``torch.func``."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from geomreg_tui.errors import ModuleError
from geomreg_tui.networks.base import LayerSource, Network
from geomreg_tui.networks.factory import call_factory, module_problem, same_generators
from geomreg_tui.shapes import LayerShape

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["CustomNetwork"]

# Rounding that outputs may differ by, relative to the largest, between a batch and one network at a time.
_ROUNDING = {torch.float32: 1e-3, torch.float64: 1e-9}


class CustomNetwork(Network):
    """A module made by the user's factory.

    Parameters of two or more dimensions are drawn from the init law, with fans as ``torch.nn.init``
    counts them. The ``bias`` beside a drawn ``weight`` is drawn with it, or 0 where the experiment has
    no biases. Everything else (norm scales, buffers) stays as the factory made it, for every network anew:
    what a forward pass writes into a buffer, or into its input, is forgotten.

    Attributes:
        one_by_one: whether networks are evaluated one after the other, because vmap cannot take the module;
            set by :meth:`try_out`.
    """

    needs_weights = True

    def __init__(
        self, factory: str, bias: bool, input_shape: Sequence[int], outputs: int, dtype: torch.dtype
    ) -> None:
        """Call the factory and look at its parameters.

        Args:
            factory: ``package.mod:factory``; called without arguments, it returns the module.
            bias: whether biases are drawn.
            input_shape: shape of one example.
            outputs: outputs that the loss needs.
            dtype: number format of everything.

        Raises:
            ExperimentError: if the factory cannot be imported or called, or the module does not map
                (examples, *input_shape) to (examples, outputs).
        """
        self.one_by_one = False
        self._factory = factory
        self._outputs = outputs
        self._module = call_factory(factory).to(dtype).eval().requires_grad_(False)
        self._fixed = {**dict(self._module.named_parameters()), **dict(self._module.named_buffers())}
        self._names: list[tuple[str, str | None]] = []
        shapes: list[LayerShape] = []
        for name, parameter in self._module.named_parameters():
            if parameter.dim() < 2:
                continue
            fan_in, fan_out = nn.init._calculate_fan_in_and_fan_out(parameter)
            beside = name.removesuffix("weight") + "bias" if name.endswith("weight") else None
            has_bias = beside is not None and beside in self._fixed
            if has_bias:
                self._fixed[str(beside)] = torch.zeros_like(self._fixed[str(beside)])
            rows = parameter.shape[0]
            shapes.append(
                LayerShape(len(shapes), rows, parameter.numel() // rows, fan_in, fan_out, bias and has_bias)
            )
            self._names.append((name, beside if bias and has_bias else None))
        self.shapes = tuple(shapes)
        if not shapes:
            raise module_problem("a module without a weight of two or more dimensions")
        self._try_two(input_shape, dtype)

    def try_out(self, x: Float[Tensor, " examples *input_shape"], layers: LayerSource) -> str:
        """Evaluate a few networks, and choose whether all at once or one by one.

        Args:
            x: inputs of the experiment, (examples, *input_shape).
            layers: source of two networks or more.

        Returns:
            What to say of it; empty where nothing is out of the ordinary.

        Raises:
            ExperimentError: if the module fails on these inputs, or its outputs depend on anything but the
                weights and the inputs.
        """
        drawn = self._drawn(layers)
        order = range(layers.batch)
        with torch.no_grad(), same_generators():
            try:
                alone = torch.stack([self._one(x, drawn, k) for k in order])
                before = _states(x.device)
                again = torch.stack([self._one(x, drawn, k) for k in reversed(order)]).flip(0)
                after = _states(x.device)
            except Exception as error:
                _raise_if_memory(error)
                size = tuple(x.shape)
                raise module_problem(
                    f"a module that fails on inputs of shape {size} ({_reason(error)})"
                ) from error
            self._check_outputs(alone[0], len(x))
            if before != after or not torch.equal(alone.nan_to_num(), again.nan_to_num()):
                raise module_problem(
                    "a module whose outputs change from call to call: it draws random numbers in forward, as "
                    "dropout in training mode does, or keeps something from one call to the next"
                )
            try:
                together = self._together(x, drawn)
            except Exception as error:
                _raise_if_memory(error)
                why = f"fails under torch.func.vmap ({_reason(error)})"
            else:
                if _agree(together, alone):
                    return ""
                why = "gives other outputs under torch.func.vmap"
        self.one_by_one = True
        return f"networks are evaluated one by one, which is slower, because {self._factory} {why}"

    def forward(
        self, x: Float[Tensor, " examples *input_shape"], layers: LayerSource
    ) -> Float[Tensor, "{layers.batch} {self._outputs} examples"]:
        """Return outputs (batch, outputs, examples) for x of shape (examples, *input_shape).

        Raises:
            ModuleError: if the module fails.
        """
        drawn = self._drawn(layers)
        with self._own_code(), torch.no_grad():
            if self.one_by_one:
                outputs = torch.stack([self._one(x, drawn, k) for k in range(layers.batch)])
            else:
                outputs = self._together(x, drawn)
        if outputs.shape[1:] != (len(x), self._outputs):
            raise ModuleError(f"module {self._factory} returns outputs of shape {tuple(outputs.shape[1:])}")
        return outputs.transpose(1, 2)

    def differentiable(
        self, x: Float[Tensor, " examples *input_shape"], layers: LayerSource
    ) -> Float[Tensor, "1 {self._outputs} examples"]:
        """Return outputs (1, outputs, examples) of one network that can be differentiated by its parameters.

        Raises:
            ModuleError: if the module fails.
        """
        drawn = self._drawn(layers)
        with self._own_code():
            outputs = self._one(x, drawn, 0)
        return outputs.T.unsqueeze(0)

    @contextmanager
    def _own_code(self) -> Iterator[None]:
        """Say of any error that it is the module's.

        Raises:
            ModuleError: in place of it.
        """
        try:
            yield
        except Exception as error:
            _raise_if_memory(error)
            raise ModuleError(f"module {self._factory} fails ({_reason(error)})") from error

    def _drawn(self, layers: LayerSource) -> dict[str, Float[Tensor, "{layers.batch} ..."]]:
        """Draw the parameters of a batch of networks, each (batch, *shape)."""
        drawn: dict[str, Tensor] = {}
        for shape, (name, beside) in zip(self.shapes, self._names, strict=True):
            weights, biases = layers.weights(shape)
            drawn[name] = weights.view(layers.batch, *self._fixed[name].shape)
            if beside is not None and biases is not None:
                drawn[beside] = biases.view(layers.batch, *self._fixed[beside].shape)
        return drawn

    def _together(self, x: Tensor, drawn: Mapping[str, Tensor]) -> Tensor:
        """Return outputs (batch, examples, outputs), all networks at once."""

        def one_network(parameters: Mapping[str, Tensor]) -> Tensor:
            return self._call(x, parameters)

        outputs: Tensor = vmap(one_network)(drawn)
        return outputs

    def _one(self, x: Tensor, drawn: Mapping[str, Tensor], network: int) -> Tensor:
        """Return outputs (examples, outputs) of one network of a batch."""
        return self._call(x, {name: tensor[network].clone() for name, tensor in drawn.items()})

    def _call(self, x: Tensor, parameters: Mapping[str, Tensor]) -> Tensor:
        fixed = {
            name: tensor.to(x.device, copy=True)
            for name, tensor in self._fixed.items()
            if name not in parameters
        }
        outputs: Tensor = functional_call(self._module, {**fixed, **parameters}, (x.clone(),))
        return outputs

    def _try_two(self, input_shape: Sequence[int], dtype: torch.dtype) -> None:
        """Check the outputs for two examples, all 0, with the weights that the factory made."""
        try:
            with torch.no_grad(), same_generators():
                got = self._call(torch.zeros(2, *input_shape, dtype=dtype), {})
        except Exception as error:
            _raise_if_memory(error)
            size = (2, *input_shape)
            raise module_problem(f"a module that fails on inputs of shape {size}: {error}") from error
        self._check_outputs(got, 2)

    def _check_outputs(self, got: object, examples: int) -> None:
        if not isinstance(got, Tensor) or tuple(got.shape) != (examples, self._outputs):
            shape = tuple(got.shape) if isinstance(got, Tensor) else type(got).__name__
            raise module_problem(
                f"a module that returns {shape} for {examples} examples and {self._outputs} outputs"
            )
        if not got.is_floating_point():
            raise module_problem(f"a module that returns numbers of type {got.dtype}")


def _agree(together: Tensor, alone: Tensor) -> bool:
    """Return whether two ways of evaluating the same networks give the same but for rounding."""
    if together.shape != alone.shape or together.dtype != alone.dtype:
        return False
    finite = alone[alone.isfinite()]
    largest = float(finite.abs().max()) if finite.numel() else 0.0
    rounding = _ROUNDING.get(alone.dtype, 1e-2)
    return bool(torch.allclose(together, alone, rtol=rounding, atol=rounding * largest, equal_nan=True))


def _states(device: torch.device) -> tuple[bytes, ...]:
    """Return the states of the generators that a module may draw from."""
    kept = [torch.get_rng_state().numpy().tobytes()]
    if device.type == "cuda":
        kept.append(torch.cuda.get_rng_state(device).numpy().tobytes())
    numpys: Any = np.random.get_state(legacy=True)  # noqa: NPY002
    kept += [numpys[1].tobytes(), repr((numpys[2:], random.getstate())).encode()]
    return tuple(kept)


def _raise_if_memory(error: Exception) -> None:
    """Raise an error again that says that memory has run out, which is no fault of the module."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "allocate memory" in str(error):
        raise error


def _reason(error: Exception) -> str:
    """Return an error in one line that is not long."""
    text = " ".join(str(error).split())
    first, end, _ = text.partition(". ")
    return f"{type(error).__name__}: {(first + end).rstrip('. ')}"[:200]
