"""The user's own ``torch.nn.Module``, its parameters replaced by drawn ones through ``torch.func``."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from geomreg_tui.errors import ExperimentError, Problem
from geomreg_tui.networks.base import LayerSource, Network
from geomreg_tui.shapes import LayerShape

__all__ = ["CustomNetwork"]


class CustomNetwork(Network):
    """A module made by the user's factory.

    Parameters of two or more dimensions are drawn from the init law, with fans as ``torch.nn.init``
    counts them. The ``bias`` beside a drawn ``weight`` is drawn with it, or 0 where the experiment has
    no biases. Everything else (norm scales, buffers) stays as the factory made it.
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
        self._module = _call_factory(factory).to(dtype).eval().requires_grad_(False)
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
            raise _problem("a module without a weight of two or more dimensions")
        self._check_outputs(input_shape, outputs, dtype)

    def forward(self, x: Tensor, layers: LayerSource) -> Tensor:
        """Return outputs (batch, outputs, examples) for x of shape (examples, *input_shape)."""
        drawn: dict[str, Tensor] = {}
        for shape, (name, beside) in zip(self.shapes, self._names, strict=True):
            weights, biases = layers.weights(shape)
            drawn[name] = weights.view(layers.batch, *self._fixed[name].shape)
            if beside is not None and biases is not None:
                drawn[beside] = biases.view(layers.batch, *self._fixed[beside].shape)
        fixed = {name: tensor.to(x.device) for name, tensor in self._fixed.items() if name not in drawn}

        def one_network(parameters: dict[str, Tensor]) -> Tensor:
            outputs: Tensor = functional_call(self._module, {**fixed, **parameters}, (x,))
            return outputs

        with torch.no_grad():
            outputs: Tensor = vmap(one_network)(drawn)
        return outputs.transpose(1, 2)

    def _check_outputs(self, input_shape: Sequence[int], outputs: int, dtype: torch.dtype) -> None:
        try:
            with torch.no_grad():
                got = self._module(torch.zeros(2, *input_shape, dtype=dtype))
        except Exception as error:
            size = (2, *input_shape)
            raise _problem(f"a module that fails on inputs of shape {size}: {error}") from error
        if not isinstance(got, Tensor) or tuple(got.shape) != (2, outputs):
            shape = tuple(got.shape) if isinstance(got, Tensor) else type(got).__name__
            raise _problem(f"a module that returns {shape} for 2 examples and {outputs} outputs")


def _call_factory(factory: str) -> nn.Module:
    package, _, name = factory.partition(":")
    try:
        module = getattr(importlib.import_module(package), name)()
    except Exception as error:
        raise _problem(f"{factory!r}, which failed ({type(error).__name__}: {error})") from error
    if not isinstance(module, nn.Module):
        raise _problem(f"{factory!r}, which returned {type(module).__name__}")
    return module


def _problem(got: str) -> ExperimentError:
    allowed = (
        "allowed is a factory without arguments that returns an nn.Module from (examples, *input shape) "
        "to (examples, outputs)"
    )
    return ExperimentError([Problem("module", got, allowed)])
