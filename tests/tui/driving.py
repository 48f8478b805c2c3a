"""Opening the explorer in a test, waiting for it, and reading its screen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any
from unittest.mock import patch

from textual.pilot import Pilot

from geomreg_tui.experiment import Experiment
from geomreg_tui.tui.app import ExplorerApp
from geomreg_tui.tui.compat import CompositorUpdate
from geomreg_tui.tui.keys import Keys
from geomreg_tui.tui.screens.explorer import ExplorerScreen
from geomreg_tui.tui.screens.opening import OpeningScreen
from geomreg_tui.tui.session import Session
from geomreg_tui.tui.state import State
from geomreg_tui.tui.widgets.knobs import Knobs
from geomreg_tui.tui.widgets.rows import RowsWidget
from tests.patience import PATIENCE

from .fakes import FakeSource

DEBOUNCE = 0.25  # longer than the explorer's, so that nothing more is to come


@dataclass
class Driver:
    app: ExplorerApp
    pilot: Pilot[None]
    source: FakeSource

    @property
    def explorer(self) -> ExplorerScreen:
        assert self.app.explorer is not None
        return self.app.explorer

    @property
    def session(self) -> Session:
        return self.explorer.session

    def screen(self) -> str:
        """The text on the screen, as the terminal would show it."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip) for strip in strips)

    def text(self, selector: str) -> str:
        """The text of one widget, without its border."""
        region = self.app.screen.query_one(selector).content_region
        rows = self.screen().split("\n")[region.y : region.bottom]
        return "\n".join(row[region.x : region.right] for row in rows)

    def words(self, selector: str) -> str:
        """The words of one widget on one line: where lines end depends on how long the path in them is."""
        return " ".join(self.text(selector).split())

    async def pages(self, selector: str) -> str:
        """All the text of rows with the focus that scroll by pages, as painted, not as drawn."""
        rows = self.app.screen.query_one(selector, RowsWidget)
        await self.pilot.press("home")
        seen: list[str] = []
        while (page := "\n".join(strip.text for strip in rows._strips)) not in seen:
            seen.append(page)
            await self.pilot.press("pagedown")
        return "\n".join(seen)

    async def until(self, condition: Callable[[], object], what: str = "") -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            await self.pilot.pause(0.02)
            if condition():
                return
        raise AssertionError(f"never came true: {what or condition}\n{self.screen()}")

    async def passes(self, check: Callable[[], None]) -> None:
        """Wait until a check no longer fails: what is asked for may be drawn a moment later."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return check()
            except AssertionError:
                if time.monotonic() > end:
                    raise
            await self.pilot.pause(0.02)

    async def settled(self) -> None:
        """Wait until what is on view answers the newest settings, and is analysed to the end."""
        await self.until(self._is_settled, "settled")

    def _is_settled(self) -> bool:
        view, knobs = self.explorer.view, self.app.screen.query_one(Knobs)
        return (
            knobs._last == (self.session.experiment, self.session.samples)
            and view is not None
            and view.generation == self.session.generation
            and view.complete
        )

    async def quiet(self) -> None:
        """Wait longer than the explorer waits before it starts a preview."""
        await asyncio.sleep(DEBOUNCE)
        await self.pilot.pause()

    @contextmanager
    def watched(self) -> Iterator[list[CompositorUpdate]]:
        """Give the list of what is drawn while this is in use."""
        drawn: list[CompositorUpdate] = []
        reduced = ExplorerApp.reduced

        def noted(app: ExplorerApp, update: CompositorUpdate) -> CompositorUpdate:
            drawn.append(update)
            return reduced(app, update)

        with patch.object(ExplorerApp, "reduced", noted):
            yield drawn

    async def drawn_within(self, seconds: float) -> int:
        """Return how often the screen is drawn within a time."""
        with self.watched() as drawn:
            await self.pilot.pause(seconds)
        return len(drawn)

    async def still(self) -> None:
        """Wait until nothing is drawn for half a second."""
        end = time.monotonic() + PATIENCE
        while await self.drawn_within(0.5):
            assert time.monotonic() < end, "it never stops drawing"

    def control(self, field: str) -> Any:
        """Return the control of a knob, or of the sphere's radius."""
        return self.app.screen.query_one("#radius" if field == "radius" else f"#field-{field}")

    async def set(self, field: str, value: str) -> None:
        """Put a value on a control, as typing or choosing it does."""
        self.control(field).value = value
        await self.pilot.pause()


@contextmanager
def nothing_first() -> Iterator[None]:
    """Leave the first frame empty: tests in a terminal look at it, and it is a sixth of a start."""

    def prepare(screen: OpeningScreen) -> None:
        screen.call_after_refresh(Thread(target=screen._work, daemon=True).start)

    empty = {"compose": lambda screen: iter(()), "on_mount": prepare, "on_resize": lambda screen, event: None}
    with patch.multiple(OpeningScreen, **empty):
        yield


@asynccontextmanager
async def opened(
    source: FakeSource | None = None,
    size: tuple[int, int] = (120, 40),
    samples: int = 1_000_000,
    *,
    wait: bool = True,
    ascii_only: bool = False,
    attached: Path | None = None,
    keys: Keys | None = None,
    restored: State | None = None,
    notice: str = "",
    keep_in: Path | None = None,
    notifications: bool = False,
    **settings: object,
) -> AsyncIterator[Driver]:
    source = source or FakeSource()
    experiment = Experiment.parse({"data": "digits", **settings})
    app = ExplorerApp(
        experiment,
        samples,
        source,
        fps=20,
        ascii_only=ascii_only,
        attached=attached,
        keys=keys,
        restored=restored,
        notice=notice,
        keep_in=keep_in,
    )
    with nothing_first():
        async with app.run_test(size=size, notifications=notifications) as pilot:
            driver = Driver(app, pilot, source)
            await driver.until(lambda: app.explorer is not None, "opened")
            if wait:
                await driver.settled()
            yield driver
