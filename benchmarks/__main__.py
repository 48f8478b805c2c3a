"""``python -m benchmarks [throughput|memory|overhead|primitives|tail|terminal]``: prints Markdown tables."""

from __future__ import annotations

import argparse
import platform

import torch

from benchmarks import memory, overhead, primitives, tail, terminal, throughput


def main() -> None:
    """Print the tables asked for; all by default."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    tables = ["throughput", "memory", "overhead", "primitives", "tail", "terminal"]
    parser.add_argument("table", nargs="*", choices=[*tables, []], default=[])
    parser.add_argument("--seconds", type=float, default=1.0, help="time for each figure")
    options = parser.parse_args()
    wanted = options.table or tables
    print(f"torch {torch.__version__}, {platform.machine()} {torch.backends.cpu.get_cpu_capability()}\n")
    if "throughput" in wanted:
        print(throughput.table(options.seconds), end="\n\n")
    if "memory" in wanted:
        print(memory.table(), end="\n\n")
    if "overhead" in wanted:
        print(overhead.table(60 * options.seconds), end="\n\n")
    if "primitives" in wanted:
        print(primitives.table(options.seconds), end="\n\n")
    if "tail" in wanted:
        print(tail.table(), end="\n\n")
    if "terminal" in wanted:
        print(terminal.table(options.seconds))


if __name__ == "__main__":
    main()
