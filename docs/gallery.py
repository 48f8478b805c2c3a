"""The pictures of the README and of the gallery: the explorer on real runs by the real engine, as SVG.

``python -m docs.gallery [NAME ...]`` makes those that are named, by default all of :data:`PICTURES`; each
needs a minute at most. Nothing is put in: what they show is on the screen of a person who presses the same
keys, and the runs are drawn anew each time.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from textual.pilot import Pilot

from docs.internals import FIRST, ExplorerApp, open_explorer

FOLDER = Path(__file__).parent / "pages" / "pictures"
PATIENCE = 400.0  # seconds
LOOK = 0.1  # seconds between looks at the screen

ONE_EXAMPLE = {**FIRST, "init": "he_normal"}
DIGITS = {"data": "digits", "examples": 16, "width": 64, "depth": 1}


@dataclass
class Stage:
    """An open explorer."""

    app: ExplorerApp
    pilot: Pilot[None]

    def text(self) -> str:
        """Return what is on the screen."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip) for strip in strips)

    async def until(self, *words: str) -> None:
        """Wait until the screen says all of some words."""
        for _ in range(round(PATIENCE / LOOK)):
            await self.pilot.pause(LOOK)
            if all(word in self.text() for word in words):
                return
        raise SystemExit(f"the explorer never said {words}:\n{self.text()}")

    async def press(self, *keys: str) -> None:
        """Press keys."""
        await self.pilot.press(*keys)

    async def turn(self, knob: str, value: str) -> None:
        """Put a value on a knob."""
        self.app.screen.query_one(f"#{knob}").value = value  # type: ignore[attr-defined]
        await self.pilot.pause(0.5)

    async def done(self) -> None:
        """Start the full run, and wait for its end and its last analysis."""
        await self.until("preview done")
        await self.press("escape", "space")
        await self.until("run done", "dip p")


@asynccontextmanager
async def stage(
    size: tuple[int, int],
    settings: dict[str, object],
    samples: float = 1e6,
    *,
    theme: str = "textual-dark",
    ascii_only: bool = False,
) -> AsyncIterator[Stage]:
    """Open the explorer on an experiment."""
    app = open_explorer(settings, round(samples), ascii_only=ascii_only)
    app.theme = theme
    async with app.run_test(size=size, notifications=True) as pilot:
        yield Stage(app, pilot)


def keep(name: str, shown: Stage) -> None:
    """Write what is on the screen to a file."""
    path = FOLDER / f"{name}.svg"
    drawn = shown.app.export_screenshot(title="geomreg-tui")
    path.write_text("\n".join(line.rstrip() for line in drawn.splitlines()) + "\n")
    print(f"{path.name}: {path.stat().st_size // 1024} kB")


async def explorer() -> None:
    """A finished run of one example, in which the zero and the central mode both show."""
    async with stage((150, 46), ONE_EXAMPLE) as shown:
        await shown.done()
        keep("explorer", shown)


async def live() -> None:
    """A run under way, with another depth pinned."""
    async with stage((120, 40), {**ONE_EXAMPLE, "depth": 1}, 1e8) as shown:
        await shown.until("preview done")
        await shown.press("escape", "p")
        await shown.turn("field-depth", "6")
        await shown.until("preview done", "D0 minus its")
        await shown.press("escape", "space")
        await shown.until("run sampling  ███████")
        keep("live", shown)
        await shown.press("s")
        await shown.until("run stopped")


async def tail() -> None:
    """The deep tail of sixteen digits, at its end."""
    async with stage((150, 46), DIGITS, 1e5) as shown:
        await shown.until("preview done")
        await shown.press("escape", "t")
        await shown.until("log10 V down to")
        await shown.press("enter")
        await shown.until("run done", "deep tail ±", "dip p")
        await shown.press("l")
        keep("tail", shown)


async def sweep() -> None:
    """A finished sweep over the width."""
    async with stage((150, 46), ONE_EXAMPLE) as shown:
        await shown.until("preview done")
        await shown.press("escape", "x")
        await shown.turn("sweep-values", "2, 4, 8, 16, 32, 64")
        await shown.turn("sweep-samples", "1e6")
        await shown.press("space")
        await shown.until("sweep done", "6 / 6 points")
        await shown.press("right")
        keep("sweep", shown)


async def runs() -> None:
    """The list of the runs of the other pictures."""
    async with stage((120, 24), ONE_EXAMPLE) as shown:
        await shown.until("preview done")
        await shown.press("escape", "r")
        await shown.until("✓ done")
        await shown.pilot.pause(1.0)
        keep("runs", shown)


async def export() -> None:
    """The export dialog, a figure just written."""
    async with stage((120, 40), ONE_EXAMPLE, 2e6) as shown:
        await shown.done()
        await shown.press("e")
        await shown.until("geomreg-tui run --")
        await shown.press("down", "down", "down", "down", "down", "enter")
        await shown.until("✓ wrote")
        keep("export", shown)


async def _losses(name: str, *, theme: str = "textual-dark", ascii_only: bool = False) -> None:
    async with stage((80, 24), ONE_EXAMPLE, theme=theme, ascii_only=ascii_only) as shown:
        await shown.until("preview done")
        await shown.press("escape", "]", "space")
        await shown.until("run done")
        await shown.pilot.pause(1.0)
        keep(name, shown)


async def small() -> None:
    """The losses in 80x24 cells, in the light theme."""
    await _losses("small", theme="textual-light")


async def plain() -> None:
    """The same for terminals that have nothing but ASCII."""
    await _losses("plain", ascii_only=True)


PICTURES: dict[str, Callable[[], Awaitable[None]]] = {
    make.__name__: make for make in (explorer, live, tail, sweep, export, small, plain, runs)
}


def main(wanted: list[str]) -> None:
    """Make pictures, in a folder of their own so that only their runs are on the shelf."""
    with tempfile.TemporaryDirectory(prefix="geomreg-") as home:
        os.environ["GEOMREG_HOME"] = home
        os.chdir(home)
        for name in wanted or PICTURES:
            asyncio.run(PICTURES[name]())  # type: ignore[arg-type]


if __name__ == "__main__":
    main(sys.argv[1:])
