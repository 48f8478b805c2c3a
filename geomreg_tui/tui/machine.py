"""How busy the machine is: processors, memory and GPUs, looked at in a thread only while that is wanted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["PERIOD", "GpuLoad", "Load", "MachineWatch", "held", "load_text", "read_gpus"]

PERIOD = 2.0  # seconds between looks
_FIRST = 0.5  # seconds that the first figure of the processors is over
_SLACK = 5.0  # percent, and percent of what is shown, that a figure must move by to be another
_GIGABYTE = 1e9


@dataclass(frozen=True)
class GpuLoad:
    """How busy a GPU is; None where it does not say.

    Attributes:
        busy: percent of the time that something was computed.
        free: bytes of its memory.
        power: watts.
    """

    busy: float | None
    free: float | None
    power: float | None


@dataclass(frozen=True)
class Load:
    """How busy the machine is.

    Attributes:
        busy: percent of the time of all processors.
        free: bytes of memory that can still be had, within the limits of a control group too.
        gpus: in the order of NVML.
    """

    busy: float
    free: float
    gpus: tuple[GpuLoad, ...] = ()


def held(load: Load, shown: Load | None) -> Load:
    """Return a load with the figures that are shown where it hardly differs, so that nothing flickers."""
    if shown is None or len(load.gpus) != len(shown.gpus):
        return load
    gpus = zip(load.gpus, shown.gpus, strict=True)
    return Load(
        _near(load.busy, shown.busy, _SLACK),
        _near(load.free, shown.free, _share(shown.free)),
        tuple(
            GpuLoad(
                _near(gpu.busy, before.busy, _SLACK),
                _near(gpu.free, before.free, _share(before.free)),
                _near(gpu.power, before.power, _share(before.power)),
            )
            for gpu, before in gpus
        ),
    )


def load_text(load: Load) -> str:
    """Return a load in words."""
    parts = [f"processors {load.busy:.0f} % busy", f"{_gigabytes(load.free)} of memory free"]
    for number, gpu in enumerate(load.gpus):
        said = [] if gpu.busy is None else [f"{gpu.busy:.0f} % busy"]
        said += [] if gpu.free is None else [f"{_gigabytes(gpu.free)} free"]
        said += [] if gpu.power is None else [f"{gpu.power:.0f} W"]
        name = f"GPU {number}" if len(load.gpus) > 1 else "GPU"
        parts += [f"{name} {', '.join(said)}"] if said else []
    return " · ".join(parts)


def read_gpus(nvml: Any) -> tuple[GpuLoad, ...]:
    """Return how busy the GPUs are.

    Args:
        nvml: the module ``pynvml``, initialised; None where there is none.
    """
    if nvml is None:
        return ()
    try:
        handles = [nvml.nvmlDeviceGetHandleByIndex(number) for number in range(nvml.nvmlDeviceGetCount())]
    except nvml.NVMLError:
        return ()
    return tuple(_read_gpu(nvml, handle) for handle in handles)


def _read_gpu(nvml: Any, handle: Any) -> GpuLoad:
    def ask(question: Callable[[Any], Any]) -> Any:
        try:
            return question(handle)
        except nvml.NVMLError:  # not every GPU tells everything
            return None

    rates, memory = ask(nvml.nvmlDeviceGetUtilizationRates), ask(nvml.nvmlDeviceGetMemoryInfo)
    milliwatts = ask(nvml.nvmlDeviceGetPowerUsage)
    return GpuLoad(
        None if rates is None else float(rates.gpu),
        None if memory is None else float(memory.free),
        None if milliwatts is None else milliwatts / 1e3,
    )


class MachineWatch:
    """Looks at the machine in a daemon thread, which is there only while it is wanted.

    Args:
        deliver: called in that thread with each load.
        period: seconds between looks.
    """

    def __init__(self, deliver: Callable[[Load], object], period: float = PERIOD) -> None:
        self._deliver, self._period = deliver, period
        self._ended: threading.Event | None = None

    @property
    def running(self) -> bool:
        """Whether it looks."""
        return self._ended is not None

    def start(self) -> None:
        """Begin to look."""
        if self._ended is None:
            self._ended = threading.Event()
            threading.Thread(target=self._serve, args=(self._ended,), name="machine", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        if self._ended is not None:
            self._ended.set()
            self._ended = None

    def _serve(self, ended: threading.Event) -> None:
        import psutil  # a start does without it

        from geomreg_tui.memory import available_memory

        nvml = _nvml()
        psutil.cpu_percent()  # the next figure is of the time since then
        wait, shown = min(_FIRST, self._period), None
        while not ended.wait(wait):
            load = Load(psutil.cpu_percent(), available_memory(), read_gpus(nvml))
            shown, wait = held(load, shown), self._period
            self._deliver(shown)


def _nvml() -> Any:
    """Return NVML, initialised; None where it is not installed, or there is no driver."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


def _near(value: Any, shown: Any, slack: float) -> Any:
    """Return what is shown where a value is no further than that from it."""
    return shown if value is not None and shown is not None and abs(value - shown) < slack else value


def _share(shown: float | None) -> float:
    return _SLACK / 100 * (shown or 0.0)


def _gigabytes(size: float) -> str:
    return f"{size / _GIGABYTE:.{1 if size < 10 * _GIGABYTE else 0}f} GB"
