"""``python -m benchmarks [TABLE ...]``: prints Markdown tables; all of them without a name."""

from __future__ import annotations

import argparse
import platform
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch

from benchmarks import (
    cluster,
    gpu,
    gradients,
    memory,
    others,
    overhead,
    primitives,
    tail,
    terminal,
    throughput,
    training,
)

TABLES: dict[str, Callable[[float], str]] = {
    "throughput": throughput.table,
    "memory": lambda seconds: memory.table(),
    "overhead": lambda seconds: overhead.table(60 * seconds),
    "primitives": primitives.table,
    "tail": lambda seconds: tail.table(),
    "terminal": terminal.table,
    "training": training.table,
    "gradients": gradients.table,
    "subspaces": gradients.subspace_table,
    "cluster": lambda seconds: cluster.table(10 * seconds),
    "others": others.table,
}
# Each at its smallest, to see that it runs. What the terminal's takes is in tests/tui/test_terminal_table.py.
SMOKE: dict[str, Callable[[], str]] = {
    "throughput": lambda: throughput.table(0.01, [throughput.Case(2, 8, 1, 1)], rounds=1),
    "memory": lambda: memory.table((1_000,)),
    "overhead": lambda: overhead.table(1.0, list(overhead.EXPERIMENTS)[:1], pairs=1),
    "primitives": lambda: primitives.table(1e-3),
    "tail": lambda: tail.table(
        [replace(way, population=50, runs=2, seconds=0.1) for way in tail.WAYS[:3]],
        list(tail.KERNEL_CASES)[:1],
        runs=2,
    ),
    "training": lambda: training.table(0.01, training.CASES[:1], rounds=1),
    "gradients": lambda: gradients.table(0.01, [gradients.Case(2, 4, 1)], rounds=1),
    "subspaces": lambda: gradients.subspace_table(0.01, [gradients.SubspaceCase(2, 4, 1, 3, 1)], rounds=1),
    "cluster": lambda: cluster.table(1.0, list(cluster.EXPERIMENTS)[:1], (10,)),
    "others": lambda: others.table(0.05, ["geomreg-tui"]),
    "gpu": lambda: gpu.table(0.01, "cpu", 2000, [gpu.Case(2, 8, 1, 1)]),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables asked for; all by default."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("table", nargs="*", choices=[*TABLES, "gpu", []], default=[])
    parser.add_argument("--device", default="cuda:0", help="of the table gpu, which is made if named")
    parser.add_argument("--seconds", type=float, default=1.0, help="time for each figure")
    parser.add_argument(
        "--smoke", action="store_true", help="at the smallest sizes, to see that they run; without terminal"
    )
    options = parser.parse_args(arguments)
    print(f"torch {torch.__version__}, {platform.machine()} {torch.backends.cpu.get_cpu_capability()}\n")
    wanted = options.table or TABLES
    if options.smoke:
        tables = [SMOKE[name]() for name in wanted if name in SMOKE]
    else:
        tables = [
            gpu.table(options.seconds, options.device) if name == "gpu" else TABLES[name](options.seconds)
            for name in wanted
        ]
    print("\n\n".join(tables))


if __name__ == "__main__":
    main()
