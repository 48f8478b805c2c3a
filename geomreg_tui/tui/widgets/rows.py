"""A widget of text rows that sends only the cells that changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from geomreg_tui.tui.look import AsciiFilter

__all__ = ["ROLES", "Piece", "Roles", "RowsWidget", "cut_row", "filled", "flow", "follow_theme", "with_bar"]

ROLES = (
    "text",
    "dim",
    "strong",
    "bar",
    "band",
    "pinned",
    "pin2",
    "pin3",
    "pin4",
    "pin5",
    "pin6",
    "theory",
    "landmark",
    "mark",
    "axis",
    "warn",
    "key",
    "select",
)
_BETWEEN = "   "  # between the items of a legend
_TINT = 0.3  # of a colour behind another
_GAP = 6  # unchanged cells that cost less to send again than to jump over


class Piece(NamedTuple):
    """Text in one role; the role decides the style, :attr:`over` one whose colour is the background.

    Behind what is drawn over bars that is their colour; others are a tint.
    """

    text: str
    role: str = "text"
    over: str = ""


Row = Sequence[Piece]


def flow(items: Iterable[Row], width: int) -> list[list[Piece]]:
    """Return items one after the other, in as many rows as that takes; what is too long is cut."""
    rows: list[list[Piece]] = []
    used = 0
    for item in items:
        size = sum(cell_len(piece.text) for piece in item)
        if rows and used + len(_BETWEEN) + size <= width:
            rows[-1] += [Piece(_BETWEEN), *item]
            used += len(_BETWEEN) + size
            continue
        rows.append(cut_row(item, width) if size > width else list(item))
        used = min(size, width)
    return rows


def cut_row(row: Row, width: int) -> list[Piece]:
    """Return the beginning of a row that is too long, with an ellipsis in its last cell."""
    kept, left = [], width - 1
    for piece in row:
        size = cell_len(piece.text)
        if size > left:
            kept.append(piece._replace(text=set_cell_size(piece.text, left).rstrip() + "…"))
            break
        kept.append(piece)
        left -= size
    return kept


def filled(row: Row, width: int) -> list[Piece]:
    """Return a row that is filled up with blanks."""
    used = sum(cell_len(piece.text) for piece in row)
    return [*row, Piece(" " * max(0, width - used))]


def with_bar(
    rows: list[list[Piece]], width: int, height: int, top: int, shown: int, total: int
) -> list[list[Piece]]:
    """Put a scroll bar at the right, where not everything is on view."""
    if total <= shown:
        return rows
    rows = rows + [[] for _ in range(height - len(rows))]
    size = max(1, round(height * shown / total))
    start = round((height - size) * top / (total - shown))
    return [
        [*filled(row, width - 1), Piece("┃" if start <= line < start + size else "│", "axis")]
        for line, row in enumerate(rows)
    ]


class Roles(Widget):
    """Never shown: holds the styles of the roles, so that they are worked out once for all widgets."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"role--{role}" for role in ROLES}


class RowsWidget(Widget):
    """Draws what :meth:`paint` returns. Subclasses call :meth:`redraw` when that may have changed."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._rows: list[tuple[Piece, ...]] = []
        self._strips: list[Strip] = []
        self._styles_of_roles: dict[tuple[str, str], Style] = {}

    def paint(self, width: int, height: int) -> Sequence[Row]:
        """Return at most ``height`` rows, of any widths: they are cut or filled up to ``width`` cells."""
        raise NotImplementedError

    def entitle(self, title: str, subtitle: str = "") -> None:
        """Put titles into the border, where they differ: setting one paints the whole widget anew."""
        if (title, subtitle) != (self.border_title or "", self.border_subtitle or ""):
            self.border_title, self.border_subtitle = title, subtitle

    def redraw(self) -> None:
        """Paint anew, and refresh the cells that differ from those on the screen."""
        width, height = self.content_size
        if not width or not height:
            return
        rows = [tuple(row) for row in self.paint(width, height)][:height]
        rows += [()] * (height - len(rows))
        blank = self.rich_style  # put together anew by Textual each time that it is asked for
        if len(rows) != len(self._rows):
            self._rows, self._strips = rows, [self._strip(row, width, blank) for row in rows]
            self.refresh()
            return
        for y, (old, new) in enumerate(zip(self._rows, rows, strict=True)):
            if old == new:
                continue
            strip = self._strip(new, width, blank)
            for start, stop in _changed_spans(self._strips[y], strip):
                self.refresh(Region(start, y, stop - start, 1))
            self._rows[y], self._strips[y] = new, strip

    def render_line(self, y: int) -> Strip:
        """Return one row as it was painted last."""
        if y < len(self._strips):
            return self._strips[y]
        return Strip.blank(self.content_size.width, self.rich_style)

    def on_resize(self) -> None:
        """Paint for the new size."""
        self._rows, self._strips = [], []
        self.redraw()

    def restyle(self) -> None:
        """Paint in other colours."""
        self._rows, self._strips, self._styles_of_roles = [], [], {}
        self.redraw()

    def _strip(self, row: Row, width: int, blank: Style) -> Strip:
        segments = [Segment(piece.text, self._style(piece)) for piece in row if piece.text]
        strip = Strip(segments).adjust_cell_length(width, blank).simplify()
        for line_filter in self.get_line_filters():
            if isinstance(line_filter, AsciiFilter):  # it moves text, and what has changed is told by cells
                strip = strip.apply_filter(line_filter, self.background_colors[1]).simplify()
        return strip

    def _style(self, piece: Piece) -> Style:
        key = piece.role, piece.over
        if key not in self._styles_of_roles:
            roles = self.screen.query_one(Roles)
            behind = self.background_colors[1]
            if piece.over:
                colour = roles.get_component_styles(f"role--{piece.over}").color
                behind = _behind(behind, colour, whole=piece.over == "bar")
            styles = roles.get_component_styles(f"role--{piece.role}")
            color = (behind + styles.color).rich_color
            self._styles_of_roles[key] = styles.text_style + Style(color=color, bgcolor=behind.rich_color)
        return self._styles_of_roles[key]


def _behind(ground: Color, colour: Color, *, whole: bool) -> Color:
    """Return what is behind a character that is drawn over something: its colour, or a tint of that."""
    if whole:
        return ground + colour
    return ground if colour.ansi is not None else ground + colour.with_alpha(_TINT)  # none of 16 is a tint


def follow_theme(screen: Screen[Any]) -> None:
    """Have all rows of a screen painted anew when the theme changes."""

    def restyle() -> None:
        for widget in screen.query(RowsWidget):
            widget.restyle()

    screen.app.theme_changed_signal.subscribe(screen, lambda _: screen.call_after_refresh(restyle))


def _changed_spans(old: Strip, new: Strip) -> list[tuple[int, int]]:
    """Return the spans of cells (start, stop) in which two strips differ, near ones joined."""
    before, after = _cells(old), _cells(new)
    if before is None or after is None or len(before) != len(after):
        return [(0, new.cell_length)]
    spans: list[tuple[int, int]] = []
    for place, (left, right) in enumerate(zip(before, after, strict=True)):
        if left != right:
            if spans and place - spans[-1][1] < _GAP:
                spans[-1] = (spans[-1][0], place + 1)
            else:
                spans.append((place, place + 1))
    return spans


def _cells(strip: Strip) -> list[tuple[str, Style | None]] | None:
    """Return (character, style) of each cell; None where a character is not one cell wide."""
    if any(cell_len(segment.text) != len(segment.text) for segment in strip):
        return None
    return [(char, segment.style) for segment in strip for char in segment.text]
