"""Up to six pinned distributions: each keeps its mark, is drawn, read and compared, and can be let go."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pytest

from geomreg_tui.ascii import ascii_text
from geomreg_tui.experiment import Experiment
from geomreg_tui.tui.pins import MARKS, MOST, PIN_ROLES, Pin, Pins
from geomreg_tui.tui.widgets.rows import ROLES
from tests.unit.reading import NUMBER

from .driving import Driver, opened
from .fakes import FakeSource, losses_of

WIDTHS = (512, 256, 128, 64, 32, 16)


def pin_of(width: int) -> Pin:
    experiment = Experiment.parse({"data": "digits", "width": width})
    return Pin(experiment, *(SimpleNamespace(),) * 3)


def test_a_pin_keeps_its_place_when_others_go() -> None:
    pins = Pins()
    for width in WIDTHS:
        pins = pins.with_pin(pin_of(width))
    assert [place for place, _ in pins] == list(range(MOST))
    assert pins.full
    with pytest.raises(ValueError, match="6 are pinned"):
        pins.with_pin(pin_of(8))
    place = pins.place_of(pin_of(128).experiment)
    fewer = pins.without(place)
    assert [at for at, _ in fewer] == [0, 1, 3, 4, 5]
    again = fewer.with_pin(pin_of(8))
    assert again.place_of(pin_of(8).experiment) == place
    # The same experiment takes the place that it has.
    assert len(again.with_pin(pin_of(8))) == MOST
    assert len(pins) == MOST


def test_every_mark_and_role_is_another_even_in_ascii() -> None:
    assert len({ascii_text(mark) for mark in MARKS}) == MOST
    assert len(set(PIN_ROLES)) == MOST
    assert set(PIN_ROLES) <= set(ROLES)


async def pin_all(driver: Driver) -> None:
    for width in WIDTHS:
        await driver.set("width", str(width))
        await driver.settled()
        await driver.pilot.press("escape", "p")
        await driver.settled()


async def test_six_are_drawn_named_compared_and_read() -> None:
    async with opened(FakeSource(atoms=0), size=(200, 60)) as driver:
        await pin_all(driver)
        await driver.set("width", "1024")
        await driver.settled()
        await driver.pilot.press("escape", "p")  # a seventh
        assert any("6 are pinned" in note.message for note in driver.app._notifications)
        loss, volume = driver.text("#loss"), driver.text("#volume")
        for mark, width in zip(MARKS, WIDTHS, strict=True):
            assert f"{mark} width {width}" in " ".join(loss.split())
            assert f"{mark} width {width}" in " ".join(volume.split())
            assert volume.count(mark) > 2
        assert len(driver.explorer.view.comparisons) == MOST
        await driver.pilot.press("c", "shift+left", "shift+left")
        await driver.pilot.pause()
        at = driver.explorer._panes.loss.at
        lines = driver.text("#reading").split("\n")
        for mark, width in zip(MARKS, WIDTHS, strict=True):
            (line,) = [line for line in lines if f"{mark} width {width} " in line]
            losses = losses_of(driver.session.experiment.replace(width=width), 20_000)
            shown = float(re.search(rf"log10 V ({NUMBER})", line)[1])
            assert shown == pytest.approx(np.log10(np.mean(losses <= at)), abs=0.02)
        # One is let go where it is on view again, all with one key; the others keep their marks.
        await driver.set("width", "128")
        await driver.settled()
        await driver.pilot.press("escape", "escape", "p")
        await driver.settled()
        assert [each.place for each in driver.explorer.view.comparisons] == [0, 1, 3, 4, 5]
        assert f"{MARKS[3]} width 64" in " ".join(driver.text("#loss").split())
        await driver.pilot.press("P")
        await driver.settled()
        assert driver.explorer.view.comparisons == ()


async def test_every_pin_has_its_differences() -> None:
    async with opened(FakeSource(atoms=0), size=(120, 60)) as driver:
        for width in (256, 64):
            await driver.set("width", str(width))
            await driver.settled()
            await driver.pilot.press("escape", "p")
        await driver.set("width", "512")
        await driver.settled()
        text = driver.text("#modes")
        gaps = [float(found) for found in re.findall(rf"D0 minus its ({NUMBER})", text)]
        assert len(gaps) == 2
        assert 0 < gaps[0] < gaps[1]
        assert text.index("width 256") < text.index("width 64")
