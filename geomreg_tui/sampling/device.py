"""Devices: those that a text names, and the versions and kinds that bits depend on."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from geomreg_tui.errors import ExperimentError, Problem

__all__ = ["environment", "one_thread", "resolve_devices"]


def resolve_devices(text: str) -> tuple[str, ...]:
    """Return the devices that a text names, ``cpu`` or ``cuda:i`` each.

    Args:
        text: ``auto`` (as ``cuda``, or the CPU where there is no GPU), ``cpu``, ``cuda`` (all GPUs of the
            kind of the first, since the bits of a run depend on the kind), ``cuda:i``, or several GPUs with
            commas between them.

    Raises:
        ExperimentError: if there is no such device here, or they are of different kinds.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    kinds = {f"cuda:{number}": torch.cuda.get_device_name(number) for number in range(count)}
    if text == "cpu" or (text == "auto" and not kinds):
        return ("cpu",)
    if kinds and text in ("auto", "cuda"):
        return tuple(gpu for gpu, kind in kinds.items() if kind == kinds["cuda:0"])
    named = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    if any(gpu not in kinds for gpu in named):
        there = ", ".join(["auto", "cpu", *(["cuda"] if kinds else []), *kinds])
        raise ExperimentError([Problem("device", repr(text), f"here there are {there}")])
    if len({kinds[gpu] for gpu in named}) > 1:
        listed = ", ".join(f"{gpu} ({kinds[gpu]})" for gpu in named)
        raise ExperimentError([Problem("device", listed, "allowed are GPUs of one kind, for equal bits")])
    return named


def environment(device: str) -> dict[str, str]:
    """Return the versions and the kind of device that the bits of a result depend on."""
    import geomreg_tui

    kind = (
        torch.cuda.get_device_name(torch.device(device))
        if device.startswith("cuda")
        else f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"
    )
    return {
        "geomreg_tui": geomreg_tui.__version__,
        "torch": str(torch.__version__),  # plain text: the engine must not import torch to read it
        "numpy": np.__version__,
        "python": platform.python_version(),
        "device": device.partition(":")[0],
        "device_kind": kind,
    }


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread within the block, so that bits do not depend on the number of threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
