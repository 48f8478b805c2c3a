"""Devices: which one is meant, and what of it the bits depend on."""

from __future__ import annotations

import platform

import numpy as np
import torch

from geomreg_tui.errors import ExperimentError, Problem

__all__ = ["device_count", "environment", "resolve_device"]


def resolve_device(text: str) -> str:
    """Return ``cpu`` or ``cuda:i`` for ``auto``, ``cpu``, ``cuda`` or ``cuda:i``.

    Raises:
        ExperimentError: if there is no such device here.
    """
    if text == "auto":
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    kind, _, number = text.partition(":")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if text == "cpu":
        return "cpu"
    if kind == "cuda" and (number.isdigit() or text == "cuda") and int(number or 0) < count:
        return f"cuda:{int(number or 0)}"
    there = ", ".join(["auto", "cpu", *(f"cuda:{i}" for i in range(count))])
    raise ExperimentError([Problem("device", repr(text), f"here there are {there}")])


def device_count(device: str) -> int:
    """Return how many devices of the kind of ``device`` there are; 1 for the CPU."""
    return torch.cuda.device_count() if device.startswith("cuda") else 1


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
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "device": device.partition(":")[0],
        "device_kind": kind,
    }
