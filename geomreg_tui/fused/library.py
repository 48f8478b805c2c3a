"""The compiled kernel, ``kernel.cpp``: where it is, whether this processor can run it, and how it is called.

Nothing here needs torch. Where there is no kernel, all is drawn by torch instead.
"""

from __future__ import annotations

import ctypes
import functools
from ctypes import POINTER, c_double, c_int64, c_uint64, c_void_p
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Kernel", "LayerFields", "PlanFields", "kernel", "why_missing"]

_PATH = Path(__file__).with_name("libkernel.so")
_INTERFACE = 1  # of kernel.h; a library that was built from another one is not used
_LEVELS = {3: "v3", 4: "v4", 8: "a64"}
_RUNNABLE = {3: (3,), 4: (3, 4), 8: (8,)}  # levels by that of the processor
_NAMES = {3: "x86-64-v3 (AVX2)", 4: "x86-64-v4 (AVX-512)", 8: "aarch64 (NEON)"}


class LayerFields(ctypes.Structure):
    """``geomreg_layer`` of kernel.h."""

    _fields_ = (
        ("outputs", c_int64),
        ("inputs", c_int64),
        ("parameters", c_int64),
        ("undrawn", c_int64),
        ("projected", c_int64),
        ("scale", c_double),
        ("offset", c_double),
        ("least", c_double),
    )


class PlanFields(ctypes.Structure):
    """``geomreg_plan`` of kernel.h."""

    _fields_ = (
        ("seed", c_uint64),
        ("depth", c_int64),
        ("layers", POINTER(LayerFields)),
        ("columns", c_int64),
        ("stride", c_int64),
        ("training", c_int64),
        ("outputs", c_int64),
        ("activation", c_int64),
        ("law", c_int64),
        ("loss", c_int64),
        ("first", c_void_p),
        ("first_rows", c_int64),
        ("first_triangular", c_int64),
        ("radial", c_int64),
        ("single", c_int64),
        ("watched", c_int64),
        ("negative", c_double),
        ("norm", c_double),
        ("radius", c_double),
        ("ball", c_double),
        ("targets", c_void_p),
        ("labels", c_void_p),
        ("low", c_void_p),
        ("high", c_void_p),
    )


_PLAN = POINTER(PlanFields)
_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "scratch": (c_int64, (_PLAN,)),
    "losses": (None, (_PLAN, c_uint64, c_int64, c_void_p, c_void_p, c_void_p, c_void_p, c_void_p)),
    "outputs": (None, (_PLAN, c_uint64, c_int64, c_void_p, c_void_p)),
    "root": (
        c_int64,
        (c_void_p, c_int64, c_int64, c_int64, c_double, c_double, c_void_p, c_void_p, c_void_p),
    ),
    "numbers": (None, (c_uint64, c_uint64, c_int64, c_int64, c_void_p)),
    "chi_squares": (None, (c_uint64, c_uint64, c_int64, c_int64, c_void_p)),
    "activate": (None, (c_int64, c_int64, c_void_p)),
}


@dataclass(frozen=True)
class Kernel:
    """The functions of kernel.cpp for one instruction set, by their names there without prefix and level.

    Attributes:
        instructions: the instruction set, for people.
    """

    instructions: str
    scratch: Any
    losses: Any
    outputs: Any
    root: Any
    numbers: Any
    chi_squares: Any
    activate: Any


@functools.cache
def kernel(level: int = 0) -> Kernel | None:
    """Return the kernel for this processor, or None where there is none.

    Args:
        level: an instruction set by its number (3, 4, 8), which the processor must have; 0 for the best.
    """
    library = _library()
    if isinstance(library, str):
        return None
    best = int(library.geomreg_level())
    level = level or best
    if level not in _RUNNABLE.get(best, ()):
        return None
    functions = {}
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, f"geomreg_{name}_{_LEVELS[level]}")
        function.restype, function.argtypes = result, arguments
        functions[name] = function
    return Kernel(_NAMES[level], **functions)


def why_missing() -> str:
    """Return in words why there is no kernel here; empty where there is one."""
    library = _library()
    if isinstance(library, str):
        return library
    return "" if kernel() else "this processor lacks the instructions of x86-64-v3 (AVX2 and FMA)"


@functools.cache
def _library() -> ctypes.CDLL | str:
    """Return the loaded library, or in words why there is none."""
    if not _PATH.exists():
        return "this installation was built without it (no compiler was at hand)"
    try:
        library = ctypes.CDLL(str(_PATH))
        library.geomreg_level.restype = c_int64
        library.geomreg_interface.restype = c_int64
        if (found := int(library.geomreg_interface())) != _INTERFACE:
            return f"{_PATH} was built for another version ({found}, not {_INTERFACE}): build it anew"
    except (OSError, AttributeError) as error:
        return f"{_PATH} cannot be loaded ({error})"
    return library
