"""Gradients of drawn networks: the ways of this program beside ``torch.func.vmap`` of ``grad``.

Each figure is processor time of one thread, the least of a few rounds in which the ways take turns, so that
all see the same machine. All compute the Gram matrix of the gradients of the outputs on N digits, of ReLU
networks with He's law in float32. *Projected* has every layer projected, *direct* none, *auto* those for
which it is cheaper. ``vmap(grad)`` draws weights by the same law, and forms the Gram matrix by one product.

The second table has networks that are trained in random subspaces of weight space, and gradients by z there,
where weights are theta_0 + R z.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import grad, vmap

import geomreg_tui as geomreg
from benchmarks.internals import gradient_ways, subspace_kernels

__all__ = ["Case", "SubspaceCase", "subspace_table", "table"]

_MOST_GRADIENTS = 2**24  # numbers that vmap holds at once, all gradients of its networks


@dataclass(frozen=True)
class Case:
    """Networks whose gradients are computed.

    Attributes:
        examples: N.
        width, depth: of the hidden layers.
    """

    examples: int
    width: int
    depth: int


CASES = [
    Case(examples, width, depth)
    for examples in (4, 16, 64)
    for width, depth in ((16, 2), (64, 1), (64, 3), (256, 1), (256, 3), (1024, 2))
]


def table(seconds: float, cases: Sequence[Case] = tuple(CASES), rounds: int = 5) -> str:
    """Return a Markdown table of microseconds a network, and of how many times as fast as vmap(grad).

    Args:
        seconds: time for each figure, all rounds together.
        cases: rows.
        rounds: turns that each way takes.
    """
    lines = [
        "| N | hidden layers | auto, µs | projected, µs | direct, µs | vmap(grad), µs | auto is | faster |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for case in cases:
        times = _times(case, seconds / rounds, rounds)
        hidden = "×".join([str(case.width)] * case.depth)
        figures = " | ".join(f"{1e6 * times[name]:,.0f}" for name in ("auto", "projected", "direct", "vmap"))
        faster = f"{_chosen(case)} | ×{times['vmap'] / times['auto']:.1f}"
        lines.append(f"| {case.examples} | {hidden} | {figures} | {faster} |")
    return "\n".join(lines)


@dataclass(frozen=True)
class SubspaceCase(Case):
    """Networks whose gradients within a subspace are computed.

    Attributes:
        dimensions: D.
        outputs: C; those of classes if there are several.
    """

    dimensions: int
    outputs: int


SUBSPACE_CASES = [
    SubspaceCase(examples, width, depth, dimensions, outputs)
    for examples, outputs in ((16, 1), (16, 10), (64, 1))
    for width, depth, dimensions in ((16, 2, 8), (64, 1, 16), (64, 3, 64), (256, 1, 16))
]


def subspace_table(
    seconds: float, cases: Sequence[SubspaceCase] = tuple(SUBSPACE_CASES), rounds: int = 5
) -> str:
    """Return a Markdown table of microseconds a network, and of how many times as fast as vmap(grad).

    Arguments are those of :func:`table`.
    """
    lines = [
        "| N | outputs | hidden layers | dimensions | geomreg-tui, µs | vmap(grad), µs | faster |",
        "|---|---|---|---|---|---|---|",
    ]
    for case in cases:
        times = _least(_subspace_ways(case), seconds / rounds, rounds)
        hidden = "×".join([str(case.width)] * case.depth)
        figures = " | ".join(f"{1e6 * times[name]:,.0f}" for name in ("ours", "vmap"))
        faster = f"×{times['vmap'] / times['ours']:.1f}"
        lines.append(
            f"| {case.examples} | {case.outputs} | {hidden} | {case.dimensions} | {figures} | {faster} |"
        )
    return "\n".join(lines)


def _subspace_ways(case: SubspaceCase) -> dict[str, tuple[int, Callable[[], object]]]:
    """Return how many Gram matrices each way computes at once, and what does."""
    networks = 4
    experiment = _experiment(case).replace(loss="cross_entropy" if case.outputs > 1 else "mse")
    observe, weights, frames = subspace_kernels(experiment, case.dimensions, networks)
    x = torch.from_numpy(geomreg.prepare(experiment).x).flatten(1).float()
    start, unit = torch.zeros(networks, case.dimensions), torch.eye(case.outputs)
    sizes = [part[0].numel() for part in weights]

    def output(
        z: Tensor, frame: Tensor, origin: tuple[Tensor, ...], example: Tensor, which: Tensor
    ) -> Tensor:
        moves = (frame @ z).split(sizes)
        *hidden, last = (part + move.view(part.shape) for part, move in zip(origin, moves, strict=True))
        for matrix in hidden:
            example = torch.relu(matrix @ example)
        return last @ example @ which

    each_output = vmap(grad(output), in_dims=(None, None, None, None, 0))
    each_example = vmap(each_output, in_dims=(None, None, None, 0, None))
    gradients = vmap(each_example, in_dims=(0, 0, 0, None, None))

    def differentiate() -> Tensor:
        found = gradients(start, frames, weights, x, unit).flatten(1, 2)
        return found @ found.mT

    return {"ours": (2 * networks, observe), "vmap": (networks, differentiate)}


def _chosen(case: Case) -> str:
    """Return the way that ``auto`` takes."""
    return gradient_ways(_experiment(case))["auto"][0]


def _times(case: Case, seconds: float, rounds: int) -> dict[str, float]:
    """Return processor seconds a network of each way."""
    ways: dict[str, tuple[int, Callable[[], object]]] = {}
    for name, (_, batch, draw) in gradient_ways(_experiment(case)).items():
        ways[name] = batch, draw
    ways["vmap"] = _vmapped(case)
    return _least(ways, seconds, rounds)


def _least(
    ways: dict[str, tuple[int, Callable[[], object]]], seconds: float, rounds: int
) -> dict[str, float]:
    """Return the least processor seconds of each way, by what each computes at once."""
    best = dict.fromkeys(ways, float("inf"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for _, draw in ways.values():
            draw()
        for _ in range(rounds):
            for name, (batch, draw) in ways.items():
                begun, spent, count = time.thread_time(), 0.0, 0
                while count == 0 or spent < seconds:
                    draw()
                    count += 1
                    spent = time.thread_time() - begun
                best[name] = min(best[name], spent / count / batch)
    finally:
        torch.set_num_threads(threads)
    return best


def _experiment(case: Case) -> geomreg.Experiment:
    return geomreg.Experiment.parse(
        {"data": "digits", "examples": case.examples, "width": case.width, "depth": case.depth}
    )


def _vmapped(case: Case) -> tuple[int, Callable[[], object]]:
    """Return how many networks are drawn at once, and what draws them with their Gram matrices."""
    x = torch.from_numpy(geomreg.prepare(_experiment(case)).x).flatten(1).float()
    sizes = [x.shape[1], *[case.width] * case.depth, 1]
    shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
    parameters = sum(rows * columns for rows, columns in shapes)
    batch = max(1, min(64, _MOST_GRADIENTS // (parameters * case.examples)))

    def output(weights: tuple[Tensor, ...], example: Tensor) -> Tensor:
        for matrix in weights[:-1]:
            example = torch.relu(matrix @ example)
        return (weights[-1] @ example)[0]

    gradients = vmap(vmap(grad(output), in_dims=(None, 0)), in_dims=(0, None))

    def draw() -> Tensor:
        weights = tuple(torch.randn(batch, *shape) * (2 / shape[1]) ** 0.5 for shape in shapes)
        parts = [part.flatten(2) for part in gradients(weights, x)]
        total: Tensor = sum((part @ part.mT for part in parts), torch.zeros(()))
        return total

    return batch, draw
