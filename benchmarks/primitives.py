"""Rates of what sampling is made of, on one core: the constants of ``geomreg_tui.sampling.cost``."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

__all__ = ["table"]


def table(seconds: float) -> str:
    """Return a Markdown table of seconds for one number, product or root."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _table(seconds)
    finally:
        torch.set_num_threads(threads)


def _table(seconds: float) -> str:
    generator = torch.Generator()
    numbers = torch.empty(2**19)
    wide = torch.full((2**16,), 64.0, dtype=torch.float64)
    half = torch.full_like(wide, 0.5)
    blocks, roots = torch.randn(16, 256, 16), torch.randn(16, 16, 16)
    columns = torch.randn(16, 256, 16, dtype=torch.float64)
    gram = columns.mT @ columns
    rows: list[tuple[str, Callable[[], object], int]] = [
        ("normal number, float32", lambda: numbers.normal_(generator=generator), numbers.numel()),
        ("gamma number", lambda: torch._standard_gamma(wide, generator=generator), wide.numel()),
        ("binomial number", lambda: torch.binomial(wide, half, generator=generator), wide.numel()),
        ("multiplication and addition, float32 product", lambda: blocks @ roots, 16 * 256 * 16 * 16),
        ("the same, float64 Gram matrix", lambda: columns.mT @ columns, 16 * 256 * 16 * 16),
        ("Cholesky root, 16 x 16", lambda: torch.linalg.cholesky_ex(gram, upper=True), 16),
    ]
    lines = ["| operation | ns each |", "|---|---:|"]
    for name, call, count in rows:
        call()
        calls, begun = 0, time.perf_counter()
        while (spent := time.perf_counter() - begun) < seconds:
            call()
            calls += 1
        lines.append(f"| {name} | {spent / calls / count * 1e9:,.3f} |")
    return "\n".join(lines)
