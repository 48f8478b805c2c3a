"""Reading values off the plots: the crosshair by keys and mouse, linked, copied; windows, bars, axes."""

from __future__ import annotations

import math
import re
from itertools import pairwise

import numpy as np
import pytest
from textual.events import MouseScrollDown, MouseScrollUp

from geomreg_tui.rundir import RunState
from geomreg_tui.tui.compat import ChopsUpdate
from geomreg_tui.tui.widgets.canvas import FAINT
from geomreg_tui.tui.widgets.loss import LossPane
from geomreg_tui.tui.widgets.plot import PlotPane
from tests.unit.reading import NUMBER

from .driving import Driver, opened
from .fakes import FakeSource, losses_of, observed, summary_of
from .test_training import ensemble, trained

CURSOR = "╎"


def pane_of(driver: Driver) -> LossPane:
    return driver.explorer.query_one(LossPane)


def said(driver: Driver, name: str) -> float:
    """Return a number of the reading line by what stands before it."""
    found = re.search(rf"(?<!\w){re.escape(name)} (?:= )?({NUMBER})", driver.text("#reading"))
    assert found is not None, (name, driver.text("#reading"))
    return float(found[1])


def columns_with(driver: Driver, selector: str) -> set[int]:
    return {
        column
        for row in driver.text(selector).split("\n")
        for column, char in enumerate(row)
        if char == CURSOR
    }


@pytest.mark.parametrize("size", [(80, 24), pytest.param((120, 40), marks=pytest.mark.full), (200, 60)])
async def test_arrows_read_the_density_and_v_that_the_losses_have(size: tuple[int, int]) -> None:
    async with opened(FakeSource(atoms=0), size=size) as driver:
        losses = losses_of(driver.session.experiment, 20_000)
        await driver.pilot.press("escape", "c")
        await driver.until(lambda: "log10 V" in driver.text("#reading"))
        pane = pane_of(driver)
        for key in ("left", "shift+left", "right", "right"):
            await driver.pilot.press(key)
            await driver.pilot.pause()
            loss = said(driver, "L")
            assert said(driver, "L/L0") == pytest.approx(loss)
            edges = pane.bins.edges
            bar = int(np.searchsorted(edges, loss)) - 1
            count = np.sum((losses >= edges[bar]) & (losses < edges[bar + 1]))
            width = edges[bar + 1] - edges[bar]
            assert said(driver, "density") == pytest.approx(count / losses.size / width, rel=0.03)
            assert said(driver, "log10 V") == pytest.approx(math.log10(np.mean(losses <= loss)), abs=0.01)


async def test_the_crosshair_is_at_one_loss_in_every_plot() -> None:
    async with opened(FakeSource(atoms=0), size=(200, 60)) as driver:
        await driver.pilot.press("escape", "c", "shift+left", "shift+left")
        await driver.pilot.pause()
        loss = said(driver, "L")
        for pane in driver.explorer._panes.plots[:2]:
            (column,) = columns_with(driver, f"#{pane.id}")
            margin = pane.content_size.width - pane._columns
            low, high = pane.axis.low, pane.axis.high
            place = low + (column - margin + 0.5) / pane._columns * (high - low)
            wide = (high - low) / pane._columns
            assert abs(place - pane.place_of(loss)) <= wide / 2 * 1.01
        volume = driver.explorer._panes.volume
        assert "┼" in driver.text("#volume")
        # On the volume pane a step is one of its own columns.
        await driver.pilot.press("c", "left")
        await driver.pilot.pause()
        assert volume.has_class("-reading")
        wide = (volume.axis.high - volume.axis.low) / volume._columns
        assert math.log10(loss / said(driver, "L")) == pytest.approx(wide, abs=0.6 * wide)
        # Once more, and it is gone.
        await driver.pilot.press("c")
        await driver.pilot.pause()
        assert CURSOR not in driver.screen()
        assert not driver.explorer.query_one("#reading").display


async def test_escape_ends_the_reading_and_the_strip_of_keys_says_what_serves() -> None:
    async with opened() as driver:
        assert "Crosshair" in " ".join(b.description for b in driver.explorer.BINDINGS)
        await driver.pilot.press("c")
        await driver.pilot.pause()
        strip = driver.text("#keys")
        strip = " ".join(strip.split())
        assert strip.startswith("arrows Move iu Zoom <> Pan R Range a All bB Bars lL Log")
        assert strip.endswith("y Copy esc End")
        await driver.pilot.press("escape")
        await driver.pilot.pause()
        assert "Start/pause" in driver.text("#keys")
        assert CURSOR not in driver.screen()


async def test_y_copies_the_line() -> None:
    async with opened() as driver:
        copied: list[str] = []
        driver.app.copy_to_clipboard = copied.append  # type: ignore[method-assign]
        await driver.pilot.press("escape", "y")
        assert copied == []
        await driver.pilot.press("c", "y")
        await driver.pilot.pause()
        assert copied == [re.sub(" {2,}", "  ", " ".join(driver.text("#reading").split("\n"))).strip()]
        assert copied[0].startswith("L = 1")


async def test_a_click_puts_the_crosshair_there_and_the_wheel_zooms_about_the_mouse() -> None:
    async with opened(size=(120, 40)) as driver:
        pane = pane_of(driver)
        margin = pane.gutter.left + pane.content_size.width - pane._columns
        await driver.pilot.click("#loss", offset=(margin + 7, 10))
        await driver.pilot.pause()
        assert pane.at == pytest.approx(pane.axis.middle(7, pane._columns))
        assert columns_with(driver, "#loss") == {margin - pane.gutter.left + 7}
        before = pane.ends
        for event, factor in ((MouseScrollUp, 2.0), (MouseScrollDown, 1.0)):
            x, y = margin + 7, 10
            pane.post_message(event(pane, x, y, 0, 1, 0, False, False, False))
            await driver.pilot.pause()
            assert pane.ends.high - pane.ends.low == pytest.approx((before.high - before.low) / factor)
            assert pane.axis.cell(pane.at, pane._columns) == 7
        await driver.pilot.click("#loss", offset=(1, 2))  # in the legend, at the left of the plot
        assert pane.axis.cell(pane.at, pane._columns) == 7


async def test_moving_the_crosshair_sends_few_cells() -> None:
    async with opened(size=(120, 40)) as driver:
        await driver.pilot.press("c")
        await driver.still()
        with driver.watched() as drawn:
            await driver.pilot.press("left")
            await driver.pilot.pause(0.3)
        assert drawn
        assert all(isinstance(update, ChopsUpdate) for update in drawn)
        cells = sum(last - first for update in drawn for _, first, last in update.spans)
        assert cells < 120 * 40 / 10
        with driver.watched() as drawn:
            await driver.pilot.pause(0.3)
        assert drawn == []


@pytest.mark.parametrize("log", [False, True])
async def test_windows_are_zoomed_panned_typed_and_left(log: bool) -> None:
    async with opened(FakeSource(atoms=0)) as driver:
        losses = losses_of(driver.session.experiment, 20_000)
        pane = pane_of(driver)
        await driver.pilot.press("escape", *("l" * log), "c", "left")
        await driver.pilot.pause()
        whole, at = pane.ends, pane.at
        await driver.pilot.press("i")
        await driver.pilot.pause()
        assert pane.ends.high - pane.ends.low == pytest.approx((whole.high - whole.low) / 2)
        assert pane.at == at
        assert pane.axis.low < pane.place < pane.axis.high
        part = float(re.search(rf"Loss distribution, ({NUMBER}) % of it", str(pane.border_title))[1])
        ends = np.array(pane.ends)
        ends = 10.0**ends if log else ends
        assert part == pytest.approx(100 * np.mean((losses > ends[0]) & (losses <= ends[1])), rel=0.1)
        zoomed = pane.ends
        await driver.pilot.press(">")
        assert pane.ends.low == pytest.approx(zoomed.low + (zoomed.high - zoomed.low) / 4)
        await driver.pilot.press("<")
        assert pane.ends == pytest.approx(zoomed)
        await driver.pilot.press("R")
        await driver.until(lambda: driver.app.screen.query("#range-field"))
        field = driver.app.screen.query_one("#range-field")
        assert len(field.value.split()) == 2
        field.value = "2 1"
        await driver.pilot.press("enter")
        await driver.until(lambda: "! the second must be larger" in driver.screen())
        field.value = "0.2 0.8"
        await driver.pilot.press("enter")
        await driver.until(lambda: pane.window is not None and pane.ends != zoomed)
        await driver.pilot.pause()
        assert pane.ends == pytest.approx([math.log10(0.2), math.log10(0.8)] if log else [0.2, 0.8])
        labels = [float(text) for text in re.findall(NUMBER, driver.text("#loss").split("\n")[-2])]
        assert len(labels) >= 2
        assert all(0.2 <= label <= 0.8 for label in labels)
        await driver.pilot.press("a")
        await driver.pilot.pause()
        assert pane.ends == whole
        assert "%" not in str(pane.border_title)


async def test_a_window_goes_with_the_axis_and_is_left_by_z_and_Z() -> None:
    async with opened() as driver:
        pane = pane_of(driver)
        await driver.pilot.press("escape", "i", "l")
        await driver.pilot.pause()
        low, high = pane.ends
        assert pane.axis.log
        await driver.pilot.press("l")
        await driver.pilot.pause()
        assert pane.ends == pytest.approx((10**low, 10**high))
        await driver.pilot.press("Z")
        assert pane.window is None
        await driver.pilot.press("i", "z")
        assert pane.window is None
        assert pane.zoom == 0  # the first press left the window


async def test_bars_are_over_more_columns_or_fewer_and_keep_their_losses() -> None:
    async with opened(FakeSource(atoms=0)) as driver:
        losses = losses_of(driver.session.experiment, 20_000)
        pane = pane_of(driver)
        await driver.pilot.press("escape", "v", "b", "b", "b")  # networks in each bar of four columns
        await driver.pilot.pause()
        assert pane.each == 4
        counts, _ = np.histogram(losses, pane.bins.edges)
        distribution = driver.explorer.view.distribution
        np.testing.assert_allclose(pane.bins.heights(distribution), counts, atol=0.01 * losses.size)
        await driver.pilot.press("B", "B", "B", "B")
        await driver.pilot.pause()
        assert pane.each == 1
        assert any("not finer" in note.message for note in driver.app._notifications)


async def test_log_heights_show_the_rarest_bar_beside_the_tallest() -> None:
    async with opened(FakeSource(atoms=0)) as driver:
        pane = pane_of(driver)
        await driver.pilot.press("escape", "L")
        await driver.pilot.pause()
        assert "log density" in str(pane.border_subtitle)
        heights = pane.bins.heights(driver.explorer.view.distribution)
        rows = [row for row in driver.text("#loss").split("\n") if re.match(r"^\s*\S*[│┤├]", row)]
        margin = pane.content_size.width - pane._columns
        bottom = rows[-1].ljust(pane.content_size.width)[margin:]
        for height, char in zip(heights, bottom, strict=True):
            assert (char in " │") == (height == 0)
            assert char != FAINT
        ticks = [float(text) for text in re.findall(rf"({NUMBER})┤", driver.text("#loss"))]
        assert len(ticks) >= 2
        assert len({round(math.log10(a / b), 6) for a, b in pairwise(ticks)}) == 1
        await driver.pilot.press("L")
        await driver.pilot.pause()
        assert "log density" not in str(pane.border_subtitle)


class Heavy(FakeSource):
    """Losses over many decades, as of networks of a heavy-tailed law."""

    def preview(self, experiment, samples):
        number = super().preview(experiment, samples)
        losses = np.random.default_rng(4).lognormal(0, 5, 20_000)
        answer = self._answer
        self._answer = type(answer)(**{**answer.__dict__, "results": {"sampling": summary_of(losses)}})
        return number


async def test_the_log_axis_is_chosen_where_a_linear_one_squeezes_and_that_is_said() -> None:
    async with opened(Heavy()) as driver:
        pane = pane_of(driver)
        assert pane.log_axis
        assert "log axis: half would be in 2 columns" in " ".join(driver.text("#loss").split())
        assert not driver.explorer.state().log_axis  # nobody asked for it
        await driver.pilot.press("escape", "l")
        await driver.pilot.pause()
        assert not pane.log_axis
        assert "half would" not in driver.text("#loss")
        # Who has chosen is not overruled when the settings change.
        await driver.set("width", "64")
        await driver.settled()
        assert not pane.log_axis
    async with opened() as driver:
        assert not pane_of(driver).log_axis


async def test_another_observable_is_read_too() -> None:
    async with opened(FakeSource(atoms=0), size=(160, 50)) as driver:
        await driver.pilot.press("escape", "o", "o", "space")
        await driver.until(lambda: driver.source.runs)
        run = driver.source.runs[0]
        run.samples, run.state, run.observed = run.target, RunState.DONE, observed()
        await driver.until(lambda: "of 4,000 networks" in driver.text("#loss"))
        await driver.pilot.press("c", "left", "left")
        await driver.pilot.pause()
        value = said(driver, "gradient norm")
        pane = pane_of(driver)
        middles, counts = observed().observations.values["gradient_norm"].histogram.middles()
        edges = np.linspace(pane.axis.low, pane.axis.high, pane._columns + 1)
        bar = int(np.searchsorted(edges, value)) - 1
        wanted = np.histogram(np.repeat(middles, counts), edges)[0][bar] / 4000 / (edges[1] - edges[0])
        assert said(driver, "bar") == pytest.approx(wanted, rel=0.02)
        # On to the volume, where losses are read, and back to the losses in this pane.
        await driver.pilot.press("c", "left")
        await driver.pilot.pause()
        loss = said(driver, "L")
        await driver.pilot.press("o", "o", "left")
        await driver.pilot.pause()
        assert said(driver, "L") < loss
        assert "density" in driver.text("#reading")


async def test_on_the_training_a_step_is_read_and_its_loss_is_marked_elsewhere() -> None:
    async with opened(FakeSource(atoms=0), size=(160, 50)) as driver:
        await trained(driver, ensemble())
        await driver.until(lambda: driver.explorer.query_one("#training").display)
        await driver.until(lambda: driver.explorer._panes.training.axis is not None)
        await driver.pilot.press("escape", "c", "c", "c")
        await driver.pilot.pause()
        assert driver.explorer.reading is driver.explorer._panes.training
        seen = set()
        for _ in range(12):
            await driver.pilot.press("right")
            await driver.pilot.pause()
            loss = driver.explorer._panes.loss.at
            steps = np.array(ensemble().step)
            median = ensemble().bands["loss"].median[:, 0]
            assert np.min(np.abs(median - loss)) < 1e-12
            step = int(re.search(r"at step ([\d,]+)", driver.text("#reading"))[1].replace(",", ""))
            assert median[list(steps).index(step)] <= loss
            seen.add(step)
        assert len(seen) >= 3


async def test_before_the_first_networks_there_is_nothing_to_read() -> None:
    async with opened(FakeSource(silent=True), wait=False) as driver:
        await driver.pilot.press("escape", "c", "i", ">", "R", "a", "left", "y")
        await driver.pilot.pause()
        assert not driver.explorer.query_one("#reading").display
        assert any("no plot" in note.message for note in driver.app._notifications)


async def test_in_ascii_the_crosshair_and_its_values_are_ascii() -> None:
    async with opened(ascii_only=True, size=(80, 24)) as driver:
        await driver.pilot.press("escape", "c")
        await driver.until(lambda: driver.explorer.query_one("#reading").display)
        await driver.pilot.pause()
        assert driver.explorer.active_tab == "loss"
        assert driver.screen().isascii()
        assert "log10 V" in driver.text("#reading")


async def test_the_tab_that_is_shown_is_the_one_that_is_read() -> None:
    async with opened(size=(80, 24)) as driver:
        await driver.pilot.press("escape", "c")
        await driver.until(lambda: driver.explorer.active_tab == "loss")
        await driver.until(lambda: CURSOR in driver.text("#loss"))
        await driver.pilot.press("]")
        await driver.until(lambda: driver.explorer._panes.volume.axis is not None)
        before = said(driver, "L")
        await driver.pilot.press("left")
        await driver.pilot.pause()
        volume: PlotPane = driver.explorer._panes.volume
        wide = (volume.axis.high - volume.axis.low) / volume._columns
        assert math.log10(before / said(driver, "L")) == pytest.approx(wide, abs=0.6 * wide)
