"""Networks times steps a second of trained ensembles beside the two loops that a user would write.

Gradient descent on all examples of the digits, N = 64, one step size for all; one process, one thread. Rates
are of processor time: the best of three rounds, the three ways of a row one after the other in each. Rates
are of this machine; the ratios carry over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import functional_call, grad, vmap

import geomreg_tui as geomreg
from benchmarks.internals import trained_block
from benchmarks.peers import Case

__all__ = ["CASES", "Way", "table"]

ROUNDS = 3
_LR = 1e-4
_STEPS = 5  # between looks at the clock
CASES = [Case(64, width, depth, 64) for depth in (1, 2, 3) for width in (16, 64, 128, 256, 512)]


@dataclass(frozen=True)
class Way:
    """A way to train.

    Attributes:
        advance: makes some steps of some networks.
        steps: networks times steps of a call.
    """

    advance: Callable[[], object]
    steps: int


def ours(case: Case) -> tuple[Way, int]:
    """Return a block of trajectories that never ends, and the networks in it."""
    experiment = geomreg.Experiment.parse(
        {"data": "digits", "examples": case.examples, "width": case.width, "depth": case.depth}
    )
    block = trained_block(experiment, _LR)
    networks = len(block.going)
    return Way(lambda: block.advance(_STEPS), _STEPS * networks), networks


def module_loop(case: Case) -> Way:
    """Return one module with one optimiser, as a loop over networks trains them one by one."""
    module, (x, y) = case.module(), case.data()
    optimizer = torch.optim.SGD(module.parameters(), lr=_LR)

    def advance() -> None:
        for _ in range(_STEPS):
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(module(x), y).backward()  # type: ignore[no-untyped-call]
            optimizer.step()

    return Way(advance, _STEPS)


def vmap_ensemble(case: Case, networks: int) -> Way:
    """Return stacked weights, with gradients by ``torch.func.vmap``."""
    module, (x, y) = case.module(), case.data()
    stacked = {
        name: weight.detach().expand(networks, *weight.shape).clone()
        for name, weight in module.named_parameters()
    }

    def loss(parameters: dict[str, Tensor]) -> Tensor:
        return torch.nn.functional.mse_loss(functional_call(module, parameters, (x,)), y)

    gradients = vmap(grad(loss))

    def advance() -> None:
        for _ in range(_STEPS):
            found = gradients(stacked)
            for name, weight in stacked.items():
                weight.sub_(found[name], alpha=_LR)

    return Way(advance, _STEPS * networks)


def rate(way: Way, seconds: float) -> float:
    """Return networks times steps a second of processor time, over at least ``seconds``."""
    made, begun = 0, time.process_time()
    while (spent := time.process_time() - begun) < seconds:
        way.advance()
        made += way.steps
    return made / spent


def table(seconds: float, cases: Sequence[Case] = CASES, rounds: int = ROUNDS) -> str:
    """Return a Markdown table.

    Args:
        seconds: time for each rate.
        cases: what is trained.
        rounds: of which the best counts.
    """
    torch.set_num_threads(1)
    lines = [
        "| hidden layers | width | networks at once | module loop /s | vmap(grad) /s | geomreg-tui /s "
        "| × loop | × vmap |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for case in cases:
        own, networks = ours(case)
        ways = [own, module_loop(case), vmap_ensemble(case, networks)]
        for way in ways:
            way.advance()
        found = [[rate(way, seconds) for way in ways] for _ in range(rounds)]
        best = [max(column) for column in zip(*found, strict=True)]
        cells = [f"{value:,.0f}" for value in (*best[1:], best[0])]
        ratios = [f"{best[0] / other:.1f}" for other in best[1:]]
        row = [str(case.depth), str(case.width), str(networks), *cells, *ratios]
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines)
