"""Devices: those that a text names, and the versions and kinds that bits depend on."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from geomreg_tui.errors import ExperimentError, Problem
from geomreg_tui.fused.library import kernel
from geomreg_tui.lazy import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

__all__ = ["cpu_capability", "environment", "may_have_gpu", "numbers_of", "one_thread", "resolve_devices"]


_GPU_DEVICES = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg", "/dev/kfd")  # NVIDIA, Windows' Linux, AMD
_CAPABILITIES = {"x86-64-v3 (AVX2)": "AVX2", "x86-64-v4 (AVX-512)": "AVX512"}


def resolve_devices(text: str) -> tuple[str, ...]:
    """Return the devices that a text names, ``cpu`` or ``cuda:i`` each.

    Args:
        text: ``auto`` (as ``cuda``, or the CPU where there is no GPU), ``cpu``, ``cuda`` (all GPUs of the
            kind of the first, since the bits of a run depend on the kind), ``cuda:i``, or several GPUs with
            commas between them.

    Raises:
        ExperimentError: if there is no such device here, or they are of different kinds.
    """
    if text == "cpu" or (text == "auto" and not may_have_gpu()):
        return ("cpu",)
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    kinds = {f"cuda:{number}": torch.cuda.get_device_name(number) for number in range(count)}
    if text == "auto" and not kinds:
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


def numbers_of(parts: Sequence[Tensor], count: int, dtype: torch.dtype) -> NDArray[Any]:
    """Return the first ``count`` values of batches on a device as an array, (count,).

    Args:
        parts: of each batch, (batch,).
        count: how many are wanted.
        dtype: of the array.
    """
    return torch.cat(list(parts))[:count].to("cpu", dtype).numpy()


def environment(device: str) -> dict[str, str]:
    """Return the versions and the kind of device that the bits of a result depend on."""
    import geomreg_tui

    kind = (
        torch.cuda.get_device_name(torch.device(device))
        if device.startswith("cuda")
        else f"{platform.machine()} {cpu_capability()}"
    )
    return {
        "geomreg_tui": geomreg_tui.__version__,
        "torch": version("torch"),
        "numpy": version("numpy"),
        "python": platform.python_version(),
        "device": device.partition(":")[0],
        "device_kind": kind,
    }


def cpu_capability() -> str:
    """Return the kind of instructions that torch takes on this CPU, as ``torch.backends.cpu`` calls it.

    Where the fused kernel runs on x86-64, its level and the variable that torch obeys tell; else torch does.
    """
    found = kernel()
    level = _CAPABILITIES.get(found.instructions) if found else None
    asked = os.environ.get("ATEN_CPU_CAPABILITY", "").lower()
    if level is None or asked:
        return str(torch.backends.cpu.get_cpu_capability())
    return level


def may_have_gpu() -> bool:
    """Return whether a GPU may be here, for which torch is then asked: its driver shows as a device."""
    return platform.system() != "Linux" or any(os.path.exists(path) for path in _GPU_DEVICES)


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread within the block, so that bits do not depend on the number of threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
