"""Gradients of drawn networks: the ways of this program beside ``torch.func.vmap`` of ``grad``.

Each figure is processor time of one thread, the least of a few rounds in which the ways take turns, so that
all see the same machine. All compute the Gram matrix of the gradients of the outputs on N digits, of ReLU
networks with He's law in float32. *Projected* has every layer projected, *direct* none, *auto* those for
which it is cheaper. ``vmap(grad)`` draws weights by the same law, and forms the Gram matrix by one product.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import grad, vmap

import geomreg_tui as geomreg
from benchmarks.internals import gradient_ways

__all__ = ["Case", "table"]

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


def _chosen(case: Case) -> str:
    """Return the way that ``auto`` takes."""
    return gradient_ways(_experiment(case))["auto"][0]


def _times(case: Case, seconds: float, rounds: int) -> dict[str, float]:
    """Return processor seconds a network of each way."""
    ways: dict[str, tuple[int, Callable[[], object]]] = {}
    for name, (_, batch, draw) in gradient_ways(_experiment(case)).items():
        ways[name] = batch, draw
    ways["vmap"] = _vmapped(case)
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
