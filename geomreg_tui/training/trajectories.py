"""A block of trajectories: networks that are trained side by side until each has ended.

A trajectory ends when its training loss is at most the plan's (*fitted*), when it has made all steps
(*limit*), when its loss or its step size is not finite (*diverged*), or at the start if no output changes
with any parameter that is trained (*dead*). Those that have ended leave the block, and the others move up.
The bits of a trajectory do not depend on the block that it is in, nor on where the block was stopped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geomreg_tui.batched import squared_norm, squared_norms
from geomreg_tui.sampling.device import one_thread
from geomreg_tui.training import optimizers
from geomreg_tui.training.ensemble import Ensemble
from geomreg_tui.training.minibatches import Minibatches
from geomreg_tui.training.networks import Networks, Parameters, Pass
from geomreg_tui.training.optimizers import OptimizerState
from geomreg_tui.training.result import DEAD, DIVERGED, FITTED, GOING, LIMIT, MEASURES, TrainingResult
from geomreg_tui.training.step_size import curvature, needs_curvature, step_sizes

__all__ = ["Block"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
_LOWEST_DECADE = -400  # below the smallest float64


class Block:
    """Trajectories that are trained side by side.

    Attributes:
        ensemble: what is trained, and how.
        step: steps made.
        going: indices of the trajectories that have not ended, (networks,).
    """

    _networks: Networks
    _parameters: Parameters
    _initial: Parameters

    def __init__(self, ensemble: Ensemble, trajectories: Sequence[int]) -> None:
        """Begin at the initial networks.

        Args:
            ensemble: what is trained, and how.
            trajectories: their indices, increasing.
        """
        self.ensemble = ensemble
        self.step = 0
        self._all: IntArray = np.asarray(trajectories, np.int64)
        self._status: IntArray = np.full(len(self._all), GOING, np.int64)
        self._rows: list[tuple[IntArray, IntArray, FloatArray, FloatArray, FloatArray]] = []
        with torch.no_grad(), one_thread():
            self._begin(self._all)
            flat = not needs_curvature(ensemble)
            found = curvature(ensemble, self._networks, self._parameters, self._training, flat=flat)
        self._dead: NDArray[np.bool_] = found.dead.cpu().numpy()
        lr = step_sizes(ensemble, found)
        self._lr_of_all: FloatArray = lr.cpu().numpy()
        self._lr = lr.to(ensemble.dtype)

    @property
    def finished(self) -> bool:
        """Whether all trajectories have ended."""
        return not len(self.going)

    def advance(self, steps: int | None = None, interrupt: Callable[[], bool] | None = None) -> None:
        """Train until all have ended.

        Args:
            steps: stop after so many steps; None for no limit.
            interrupt: whether to stop, asked after each step.
        """
        last = math.inf if steps is None else self.step + steps
        with torch.no_grad(), one_thread():
            while not self.finished and self.step < last:
                done = self._look()
                if not self.finished:
                    self._make_step(done)
                if interrupt is not None and interrupt():
                    break

    def result(self) -> TrainingResult:
        """Return what the trajectories have shown so far."""
        none = np.empty(0, np.int64)
        columns = np.empty((0, len(MEASURES) + self.ensemble.layers))
        names = self.ensemble.plan.observed
        sketch, seen = (np.empty((0, count)) for count in (self.ensemble.sketch.size, len(names)))
        rows = [(none, none, columns, sketch, seen), *self._rows]
        of, step, columns, sketch, seen = (np.concatenate(each) for each in zip(*rows, strict=True))
        observed = dict(zip(names, seen.T.copy(), strict=True))
        return TrainingResult.from_rows(
            self._all, self._status, self._lr_of_all, of, step, columns, sketch, observed
        )

    def to_parts(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return plain data and named arrays from which :meth:`from_parts` goes on to the same bits.

        The arrays are int64 or float64, which hold every number of a narrower format.
        """
        values, shown = self.result().to_parts()
        arrays: dict[str, NDArray[Any]] = {f"result.{name}": array for name, array in shown.items()}
        arrays |= {"going": self.going, "decade": self._decade, "dead": self._dead.astype(np.int64)}
        for place, tensor in enumerate(self._parameters):
            arrays[f"parameters.{place}"] = _stored(tensor)
            for kind, moments in enumerate(self._state.moments):
                arrays[f"moments.{kind}.{place}"] = _stored(moments[place])
        return {"step": self.step, "result": values}, arrays

    @classmethod
    def from_parts(
        cls, ensemble: Ensemble, values: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
    ) -> Block:
        """Restore a block; ``ensemble`` is as it was.

        Raises:
            LookupError, TypeError, ValueError: if entries are missing or not of this ensemble.
        """
        shown = {name.removeprefix("result."): a for name, a in arrays.items() if name.startswith("result.")}
        result = TrainingResult.from_parts(values["result"], shown)
        block = cls.__new__(cls)
        block.ensemble = ensemble
        block.step = int(values["step"])
        block._all, block._status, block._lr_of_all = result.trajectory, result.status, result.lr
        if tuple(result.observed) != ensemble.plan.observed:
            raise ValueError("a block of another ensemble")
        seen = np.empty((len(result.step), len(result.observed)))
        for place, column in enumerate(result.observed.values()):
            seen[:, place] = column
        block._rows = [(result.row_trajectory, result.step, result.columns, result.sketch, seen)]
        block._dead = np.asarray(arrays["dead"], np.bool_)
        going = np.asarray(arrays["going"], np.int64)
        places = np.searchsorted(block._all, going)
        if not np.array_equal(block._all[block._status == GOING], going) or block.step < 0:
            raise ValueError("trajectories that go on are not those that have not ended")
        widths = (result.layer_distance.shape[1], result.sketch.shape[1])
        if widths != (ensemble.layers, ensemble.sketch.size) or block._dead.shape != going.shape:
            raise ValueError("a block of another ensemble")
        with torch.no_grad():
            block._begin(going)
            block._decade = np.asarray(arrays["decade"], np.int64)
            block._lr = torch.from_numpy(block._lr_of_all[places]).to(ensemble.device, ensemble.dtype)
            kinds = len(block._state.moments)
            names = [f"parameters.{place}" for place in range(len(block._parameters))]
            block._parameters = _restored(block._parameters, [arrays[name] for name in names])
            moments = tuple(
                _restored(block._parameters, [arrays[f"moments.{kind}.{i}"] for i in range(len(names))])
                for kind in range(kinds)
            )
        block._state = OptimizerState(block.step, moments)
        if block._decade.shape != going.shape:
            raise ValueError("a block of another ensemble")
        return block

    def _begin(self, trajectories: IntArray) -> None:
        """Draw the initial networks of those that go on."""
        ensemble = self.ensemble
        self.going = trajectories
        self._decade: IntArray = np.full(len(trajectories), np.iinfo(np.int64).max)
        self._grid = frozenset(ensemble.plan.recorded_steps())
        self._minibatches = None
        if ensemble.batch < ensemble.examples:
            self._minibatches = Minibatches(
                ensemble.experiment.seed, trajectories.tolist(), ensemble.examples, ensemble.batch
            )
        if not len(trajectories):
            self._networks, self._initial, self._parameters = ensemble.networks, (), ()
            self._state = OptimizerState(0, ())
            return
        start = ensemble.start(trajectories.tolist())
        self._networks = start.networks
        self._initial = start.parameters
        self._parameters = tuple(tensor.clone() for tensor in start.parameters)
        self._training, self._held_out = start.training, start.held_out
        self._squared_size, self._squared_rest = start.squared_size, start.squared_rest
        self._state = optimizers.start(ensemble.plan.optimizer, self._parameters)

    def _look(self) -> Pass | None:
        """Record and end what is to be; return a pass over all training examples where a step needs it.

        With minibatches the loss of all training examples is looked at once an epoch, and where it is
        recorded.
        """
        plan, minibatches = self.ensemble.plan, self._minibatches
        on_grid = self.step in self._grid
        if minibatches is not None and not on_grid and self.step % minibatches.steps:
            return None
        done = self._networks.run(self._parameters, self._training.inputs)
        losses = self.ensemble.losses(done.outputs)
        status = np.full(len(losses), LIMIT if self.step >= plan.steps else GOING)
        if not self.step:
            status[self._dead] = DEAD
        status[losses <= plan.to_loss] = FITTED
        finite = np.isfinite(losses)
        if not self.step:
            finite &= self._lr.isfinite().cpu().numpy() | (status != GOING)
        status[~finite] = DIVERGED
        ended = status != GOING
        with np.errstate(divide="ignore", invalid="ignore"):
            decade = np.where(finite, np.ceil(np.log10(losses)), np.inf)
        decade = np.clip(decade, _LOWEST_DECADE, -_LOWEST_DECADE).astype(np.int64)
        lower = finite & (decade < self._decade)
        self._decade = np.where(lower, decade, self._decade)
        recorded = np.flatnonzero(ended | lower | on_grid)
        if len(recorded):
            self._record(recorded)
        if not ended.any():
            return done
        self._status[np.searchsorted(self._all, self.going[ended])] = status[ended]
        self._keep(np.flatnonzero(~ended))
        if self.finished or minibatches is not None:
            return None
        return self._networks.run(self._parameters, self._training.inputs)

    def _make_step(self, done: Pass | None) -> None:
        """Make a step of every network, on the pass over all training examples or on minibatches."""
        ensemble, examples = self.ensemble, self._training
        if self._minibatches is not None:
            places = torch.from_numpy(self._minibatches.at(self.step)).to(ensemble.device)
            examples = examples.picked(places)
            done = self._networks.run(self._parameters, examples.inputs)
        assert done is not None
        self._parameters, self._state = optimizers.step(
            ensemble.plan,
            self._networks,
            done,
            ensemble.slopes(done.outputs, examples),
            self._state,
            self._lr,
        )
        self.step += 1

    def _record(self, places: IntArray) -> None:
        """Record a row of the networks at some places."""
        ensemble = self.ensemble
        which = torch.from_numpy(places).to(ensemble.device)
        networks = self._networks.of(which)
        parameters = tuple(tensor[which] for tensor in self._parameters)
        start = tuple(tensor[which] for tensor in self._initial)
        examples = self._training.of(which)
        done = networks.run(parameters, examples.inputs)
        slopes = ensemble.slopes(done.outputs, examples)
        steepness = squared_norm(networks.gradients(done, slopes)).sqrt()
        held_out = self._held_out if len(self._held_out) == 1 else self._held_out[which]
        held_loss, held_accuracy = ensemble.held_out_scores(networks, parameters, held_out, done.outputs)
        moves = networks.moves(parameters, start)
        by_layer = torch.zeros(ensemble.layers, len(places), dtype=torch.float64, device=ensemble.device)
        for layer, move in zip(ensemble.trained_layers, moves, strict=True):
            by_layer[layer] += squared_norms(move)
        distance = squared_norm(moves).sqrt()
        size = self._squared_size[which].sqrt()
        norm = (squared_norm(networks.weights(parameters)) + self._squared_rest[which]).sqrt()
        columns = np.column_stack(
            [
                ensemble.losses(done.outputs),
                held_loss,
                held_accuracy,
                distance.cpu().numpy(),
                (distance / size).cpu().numpy(),
                steepness.cpu().numpy(),
                norm.cpu().numpy(),
                by_layer.sqrt().T.cpu().numpy(),
            ]
        )
        steps = np.full(len(places), self.step, np.int64)
        seen = np.empty((len(places), 0))
        if ensemble.observer is not None:
            seen = ensemble.observer.observe(networks, parameters, start, examples.inputs, examples.targets)
        self._rows.append((self.going[places], steps, columns, ensemble.sketch.of(moves), seen))

    def _keep(self, places: IntArray) -> None:
        """Let all networks go but those at some places."""
        which = torch.from_numpy(places).to(self.ensemble.device)
        self.going, self._decade, self._dead = self.going[places], self._decade[places], self._dead[places]
        self._networks = self._networks.of(which)
        self._parameters = tuple(tensor[which] for tensor in self._parameters)
        self._initial = tuple(tensor[which] for tensor in self._initial)
        self._state = self._state.of(which)
        self._training = self._training.of(which)
        if len(self._held_out) > 1:
            self._held_out = self._held_out[which]
        self._squared_size, self._squared_rest = self._squared_size[which], self._squared_rest[which]
        self._lr = self._lr[which]
        if self._minibatches is not None:
            self._minibatches.keep(places)


def _restored(like: Parameters, arrays: Sequence[NDArray[Any]]) -> Parameters:
    """Return arrays as tensors like those given.

    Raises:
        ValueError: if they are of other shapes or formats.
    """
    found: list[Tensor] = []
    for tensor, array in zip(like, arrays, strict=True):
        restored = torch.from_numpy(np.array(array))
        if restored.shape != tensor.shape or restored.dtype != torch.float64:
            raise ValueError(f"parameters of shape {tuple(restored.shape)}, not {tuple(tensor.shape)}")
        found.append(restored.to(tensor.device, tensor.dtype))
    return tuple(found)


def _stored(tensor: Tensor) -> NDArray[np.float64]:
    """Return a tensor of floating point numbers as it is stored."""
    array: NDArray[np.float64] = tensor.to("cpu", torch.float64).numpy().copy()
    return array
