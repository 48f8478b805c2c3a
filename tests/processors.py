"""Sets of instructions, for processes that must round as those of another machine do.

Torch, MKL, oneDNN and numpy choose instructions by what the processor has, and round differently with others.
What chooses is a variable of the environment, read when a process starts.
"""

from __future__ import annotations

import platform
from pathlib import Path

__all__ = ["CAPABILITIES", "PORTABLE", "is_common", "processor"]

# With one version of torch, numpy and glibc these give the same bits on every processor that `is_common`.
# What is left to choose is glibc's, which takes FMA where it can. Without, drawing takes six times as long.
PORTABLE = {
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_CBWR": "COMPATIBLE",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 X86_V3 AVX512_ICL AVX512_SPR",
}
# By torch's name for them. With all but the first, the libraries beside torch go by the processor.
CAPABILITIES: dict[str, dict[str, str]] = {
    "default": PORTABLE,
    "avx2": {"ATEN_CPU_CAPABILITY": "avx2"},
    "native": {},
}


def processor() -> dict[str, str]:
    """Return what the kernel says of the first processor; nothing where it does not say."""
    try:
        first = Path("/proc/cpuinfo").read_text().partition("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def is_common() -> bool:
    """Return whether this is an x86-64 processor with AVX2 and FMA, as they are since 2013."""
    return platform.machine() == "x86_64" and {"avx2", "fma"} <= set(processor().get("flags", "").split())
