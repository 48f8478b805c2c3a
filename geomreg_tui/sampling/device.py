"""Devices: which are meant, and what of them the bits depend on."""

from __future__ import annotations

import platform

import numpy as np
import torch

from geomreg_tui.errors import ExperimentError, Problem

__all__ = ["environment", "resolve_devices"]


def resolve_devices(text: str) -> tuple[str, ...]:
    """Return the devices that are meant, ``cpu`` or ``cuda:i`` each.

    Args:
        text: ``auto`` (all GPUs, or the CPU where there are none), ``cpu``, ``cuda`` (all GPUs), ``cuda:i``,
            or several such GPUs with commas between them.

    Raises:
        ExperimentError: if there is no such device here.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    gpus = tuple(f"cuda:{number}" for number in range(count))
    if text == "auto":
        return gpus or ("cpu",)
    if text == "cpu":
        return ("cpu",)
    named = gpus if text == "cuda" else tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    if not named or any(part not in gpus for part in named):
        there = ", ".join(["auto", "cpu", *(["cuda"] if gpus else []), *gpus])
        raise ExperimentError([Problem("device", repr(text), f"here there are {there}")])
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
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "device": device.partition(":")[0],
        "device_kind": kind,
    }
