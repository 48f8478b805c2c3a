"""The line on the machine: what it says, what it costs while hidden, and what it sends while all is still."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from geomreg_tui.memory import available_memory
from geomreg_tui.tui.machine import GpuLoad, Load, MachineWatch, _nvml, held, load_text, read_gpus
from geomreg_tui.tui.state import State, read_state
from geomreg_tui.tui.widgets.machine import MachineLine
from tests.patience import PATIENCE

from .driving import Driver, opened


class Failed(Exception):
    pass


def nvml_of(*gpus: tuple[float | None, float | None, float | None]) -> SimpleNamespace:
    """What ``pynvml`` is where there are such GPUs: percent, free bytes, milliwatts; None fails."""

    def told(place: int, wrap: object) -> object:
        def ask(handle: int) -> object:
            value = gpus[handle][place]
            if value is None:
                raise Failed
            return wrap(value)  # type: ignore[operator]

        return ask

    return SimpleNamespace(
        NVMLError=Failed,
        nvmlDeviceGetCount=lambda: len(gpus),
        nvmlDeviceGetHandleByIndex=lambda number: number,
        nvmlDeviceGetUtilizationRates=told(0, lambda value: SimpleNamespace(gpu=value)),
        nvmlDeviceGetMemoryInfo=told(1, lambda value: SimpleNamespace(free=value)),
        nvmlDeviceGetPowerUsage=told(2, lambda value: value),
    )


def test_what_gpus_do_not_say_is_left_out() -> None:
    assert read_gpus(None) == ()
    gpus = read_gpus(nvml_of((98, 117e9, 612_000), (3, None, None), (None, None, None)))
    assert gpus == (GpuLoad(98, 117e9, 612), GpuLoad(3, None, None), GpuLoad(None, None, None))
    text = load_text(Load(50, 3.24e9, gpus))
    assert text == (
        "processors 50 % busy · 3.2 GB of memory free · GPU 0 98 % busy, 117 GB free, 612 W · GPU 1 3 % busy"
    )
    assert load_text(Load(50, 3.24e9, gpus[:1])).endswith("· GPU 98 % busy, 117 GB free, 612 W")


def test_a_driver_that_fails_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise Failed

    broken = SimpleNamespace(NVMLError=Failed, nvmlInit=fail, nvmlDeviceGetCount=fail)
    assert read_gpus(broken) == ()
    monkeypatch.setitem(sys.modules, "pynvml", broken)
    assert _nvml() is None
    monkeypatch.setitem(sys.modules, "pynvml", None)  # as where it is not installed
    assert _nvml() is None


def test_what_hardly_differs_stays_as_it_is_shown() -> None:
    shown = Load(10, 8e9, (GpuLoad(50, 10e9, 300),))
    near, far = Load(13, 8.3e9, (GpuLoad(47, 10.4e9, 310),)), Load(80, 2e9, (GpuLoad(90, 5e9, 600),))
    assert held(near, shown) == shown
    assert held(far, shown) == far
    assert held(near, None) == near
    unknown = Load(10, 8e9, (GpuLoad(None, None, None),))
    assert held(unknown, shown) == unknown
    assert held(shown, unknown) == shown


def looks(watch: MachineWatch) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "machine"]


def test_it_looks_at_this_machine_while_it_is_asked_to() -> None:
    came = threading.Event()
    loads: list[Load] = []

    def deliver(load: Load) -> None:
        loads.append(load)
        if len(loads) == 3:
            came.set()

    watch = MachineWatch(deliver, period=0.05)
    watch.start()
    watch.start()  # once is enough
    (thread,) = looks(watch)
    assert came.wait(PATIENCE)
    watch.stop()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    for load in loads:
        assert 0 <= load.busy <= 100
        assert 0 < load.free <= psutil.virtual_memory().total
    assert loads[-1].free == pytest.approx(available_memory(), rel=0.5)


def line(driver: Driver) -> MachineLine:
    return driver.explorer.query_one(MachineLine)


async def test_the_key_shows_the_line_and_hides_it_and_the_next_start_knows(tmp_path: Path) -> None:
    kept = tmp_path / "explorer.json"
    async with opened(keep_in=kept, size=(80, 24)) as driver:
        assert not line(driver).display
        assert not line(driver)._watch.running
        await driver.pilot.press("escape", "M")
        await driver.until(lambda: "of memory free" in driver.screen())
        await driver.pilot.press("q")
    state, notice = read_state(kept)
    assert (state.machine, state.look.machine, notice) == (True, True, "")
    async with opened(restored=State(machine=True), size=(120, 40)) as driver:
        await driver.until(lambda: "of memory free" in driver.screen())
        await driver.pilot.press("escape", "M")
        await driver.until(lambda: "of memory free" not in driver.screen())
        assert not line(driver)._watch.running


async def test_nothing_is_drawn_while_nothing_changes() -> None:
    async with opened(size=(120, 40)) as driver:
        shown = line(driver)
        await driver.pilot.press("escape", "M")
        await driver.until(lambda: "of memory free" in driver.screen())
        shown._watch.stop()
        await driver.still()
        with driver.watched() as drawn:
            for _ in range(5):
                shown.post_message(MachineLine.Looked(Load(40, 2e9)))
                await driver.pilot.pause()
            await driver.until(lambda: "processors 40 % busy" in driver.screen())
            assert len(drawn) == 1


async def test_behind_a_dialog_nothing_is_drawn() -> None:
    async with opened(size=(120, 40)) as driver:
        await driver.pilot.press("escape", "M")
        shown = line(driver)
        await driver.until(lambda: "of memory free" in driver.screen())
        shown._watch.stop()
        await driver.pilot.press("t")
        await driver.until(lambda: "enter Begin" in driver.screen())
        await driver.still()
        shown.post_message(MachineLine.Looked(Load(41, 2e9)))
        assert await driver.drawn_within(0.3) == 0
        await driver.pilot.press("escape")
        await driver.until(lambda: driver.app.screen is driver.explorer)
        shown.post_message(MachineLine.Looked(Load(41, 2e9)))
        await driver.until(lambda: "processors 41 % busy" in driver.screen())
