"""What is sent to the terminal: as little as it takes to put there what Textual itself would put there.

The judge is a terminal emulator, fed with both.
"""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Sequence

import pyte
import pytest
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from geomreg_tui.tui.look import erases_in_colour
from geomreg_tui.tui.painter import Painter

WIDTH, HEIGHT = 24, 6
CONSOLE = Console(color_system="truecolor", force_terminal=True)
Rows = list[dict[int, Strip]]


def any_strip(draw: random.Random, width: int) -> Strip:
    segments, left = [], width
    while left:
        size = min(left, draw.randint(1, 6))
        kinds = ["mixed", "bar", "blank", "blank", "wide"]
        if size < left:
            kinds.append("joined")  # not in the last column: pyte wraps there before it joins
        text = {
            "mixed": "".join(draw.choice("ab─█⣀ ") for _ in range(size)),
            "bar": "█" * size,
            "blank": " " * size,
            "wide": "世" * (size // 2),
            "joined": "e\u0301" * size,
        }[draw.choice(kinds)]
        style = Style(
            color=draw.choice((None, "#ff0000", "#102030", "green")),
            bgcolor=draw.choice((None, "#ff0000", "#102030", "green")),
            bold=draw.choice((None, True)),
            underline=draw.choice((None, None, True)),
            reverse=draw.choice((None, None, True)),
        )
        segment = Segment(text, style)
        segments.append(segment)
        left -= segment.cell_length
    return Strip(segments, width)


def whole(rows: Rows) -> LayoutUpdate:
    return LayoutUpdate([list(row.values()) for row in rows], Region(0, 0, WIDTH, HEIGHT))


def some(rows: Rows, places: Sequence[tuple[int, int]]) -> ChopsUpdate:
    chops = [
        {x: strip if (y, x) in places else None for x, strip in row.items()} for y, row in enumerate(rows)
    ]
    ends = [[*list(row)[1:], WIDTH] for row in rows]
    spans = [(y, x, x + rows[y][x].cell_length) for y, x in places]
    return ChopsUpdate(chops, spans, ends)


class Screens:
    """One screen that Textual draws on, and one that a painter does."""

    def __init__(self, erases: bool = False) -> None:
        self.painter = Painter(erases)
        self.theirs, self.ours = pyte.Screen(WIDTH, HEIGHT), pyte.Screen(WIDTH, HEIGHT)
        self.sent_by_textual = self.sent = 0

    def draw(self, update: CompositorUpdate) -> str:
        plain, least = update.render_segments(CONSOLE), self.painter.sequence(update, CONSOLE)
        pyte.Stream(self.theirs).feed(plain.replace("\n", "\r\n"))
        pyte.Stream(self.ours).feed(least)
        self.sent_by_textual += len(plain)
        self.sent += len(least)
        return least


def visible(screen: pyte.Screen) -> list[tuple[object, ...]]:
    """Every cell as a person sees it: a blank has no colour of its own."""
    cells = (screen.buffer[y][x] for y in range(HEIGHT) for x in range(WIDTH))
    return [
        (cell.data, cell.bg, cell.underscore, cell.reverse)
        + ((cell.fg, cell.bold) if cell.data != " " or cell.underscore or cell.reverse else ())
        for cell in cells
    ]


@pytest.mark.parametrize("erases", [False, True])
def test_the_screen_is_the_one_that_textual_would_draw_for_fewer_bytes(erases: bool) -> None:
    sent_by_textual = sent = 0
    for seed in range(30):
        draw, screens = random.Random(seed), Screens(erases)
        cuts = [sorted({0, *draw.sample(range(1, WIDTH), 2)}) for _ in range(HEIGHT)]
        rows = [
            {x: any_strip(draw, end - x) for x, end in zip(row, [*row[1:], WIDTH], strict=True)}
            for row in cuts
        ]
        screens.draw(whole(rows))
        for _ in range(10):
            places = [(y, draw.choice(cuts[y])) for y in sorted(draw.sample(range(HEIGHT), 3))]
            for y, x in places:
                rows[y][x] = any_strip(draw, rows[y][x].cell_length)
            screens.draw(whole(rows) if draw.random() < 0.5 else some(rows, places))
            assert visible(screens.ours) == visible(screens.theirs), seed
            assert screens.draw(whole(rows)) == ""
        sent_by_textual += screens.sent_by_textual
        sent += screens.sent
    assert 2 * sent < sent_by_textual


def test_one_changed_cell_costs_no_more_than_that_cell() -> None:
    style, screens = Style(color="#ff0000", bgcolor="#102030"), Screens()
    rows = [{0: Strip([Segment("a" * WIDTH, style)], WIDTH)} for _ in range(HEIGHT)]
    screens.draw(whole(rows))
    rows[2] = {0: Strip([Segment("a" * 9 + "b" + "a" * (WIDTH - 10), style)], WIDTH)}
    assert screens.draw(whole(rows)) == "\x1b[38;2;255;0;0;48;2;16;32;48m\x1b[3;10Hb\x1b[39;49m"


def test_what_is_forgotten_is_sent_again() -> None:
    screens = Screens()
    rows = [{0: Strip([Segment("a" * WIDTH)], WIDTH)} for _ in range(HEIGHT)]
    first = screens.draw(whole(rows))
    assert screens.draw(whole(rows)) == ""
    screens.painter.forget()
    assert screens.draw(whole(rows)) == first


ASKS = "import os; from geomreg_tui.tui.look import erases_in_colour; print(erases_in_colour(os.environ))"


@pytest.mark.parametrize("term", ["xterm-256color", "screen-256color", "no-such-terminal"])
def test_only_a_terminal_that_says_so_is_trusted_to_erase_in_colour(term: str) -> None:
    entry = subprocess.run(["infocmp", "-1", term], capture_output=True, text=True).stdout.split()
    environment = {"PATH": "", "TERM": term}
    asked = subprocess.run([sys.executable, "-c", ASKS], env=environment, capture_output=True, text=True)
    assert asked.stdout.strip() == str("bce," in entry)


def test_tmux_erases_in_colour_whatever_its_entry_says() -> None:
    assert erases_in_colour({"TERM": "tmux-256color"})
    assert erases_in_colour({"TERM": "screen", "TMUX": "/tmp/tmux-0/default,1,0"})
