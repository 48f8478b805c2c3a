"""One study: its claim, what was found, and its pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.columns import wrapped_lines
from geomreg_tui.report.studies import effect_text
from geomreg_tui.statistics.evidence import AGAINST, NOT_SUPPORTED, SUPPORTED
from geomreg_tui.studies.study import Panel
from geomreg_tui.tui.axes import Scale
from geomreg_tui.tui.numbers import number_text
from geomreg_tui.tui.studies_reader import StudyEntry
from geomreg_tui.tui.widgets.canvas import Canvas
from geomreg_tui.tui.widgets.messages import message_rows
from geomreg_tui.tui.widgets.rows import Piece, RowsWidget, flow

__all__ = ["VERDICT_ROLES", "StudyPane"]

VERDICT_ROLES = {SUPPORTED: "bar", AGAINST: "pinned", NOT_SUPPORTED: "landmark"}
_LINES = ("bar", "pinned", "landmark", "theory")  # roles of the lines of a panel
_GLYPHS = "●▲■◆"
_MARGIN = 0.05  # of an axis, on either side of what is drawn
FloatArray = NDArray[np.float64]


class StudyPane(RowsWidget):
    """Draws a study page by page: its text, as many pages as that takes, and then its pictures.

    Attributes:
        page: which is drawn, from 0 on.
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._entry: StudyEntry | None = None
        self.page = 0

    def show(self, entry: StudyEntry | None) -> None:
        """Draw a study; nothing where there is none."""
        if entry is None or self._entry is None or entry.study is not self._entry.study:
            self.page = 0
        self._entry = entry
        self._name_page()
        self.redraw()

    def turn(self, step: int) -> None:
        """Draw the next page, or the one before."""
        self.page = (self.page + step) % self._pages
        self._name_page()
        self.redraw()

    @property
    def _panels(self) -> Sequence[Panel]:
        entry = self._entry
        return () if entry is None or entry.result is None else entry.result.outcome.panels

    @property
    def _texts(self) -> int:
        """How many pages the text takes."""
        width, height = self.content_size
        if self._entry is None or not width or not height:
            return 1
        return max(1, -(-len(_text_rows(self._entry, width)) // height))

    @property
    def _pages(self) -> int:
        return self._texts + len(self._panels)

    def _name_page(self) -> None:
        entry, pages = self._entry, self._pages
        self.page = min(self.page, pages - 1)
        said = f"page {self.page + 1} of {pages}: left, right" if pages > 1 else ""
        self.entitle(entry.study.name if entry else "", said)

    def paint(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """Draw the page."""
        if self._entry is None:
            return message_rows("… reading the studies", width, height)
        texts = self._texts
        if texts <= self.page < texts + len(self._panels):
            return _panel_rows(self._panels[self.page - texts], width, height)
        return _text_rows(self._entry, width)[self.page * height :]


def _text_rows(entry: StudyEntry, width: int) -> list[list[Piece]]:
    study, result = entry.study, entry.result
    rows = [[Piece(line, "strong")] for line in wrapped_lines(study.question, width)]
    rows += [[Piece(line)] for line in wrapped_lines(f"claim: {study.claim}", width, 2)]
    for finding, verdict in zip(
        result.outcome.findings if result else (), result.verdicts if result else (), strict=True
    ):
        role = VERDICT_ROLES.get(verdict, "dim")
        whose = f" ({finding.rival})" if finding.rival else ""
        said = f"{verdict}: {finding.claim}{whose}"
        rows += [[Piece(line, role)] for line in wrapped_lines(said, width, 2)]
        effect = f"  {finding.measure}: {effect_text(finding)}"
        rows += [[Piece(line, "dim")] for line in wrapped_lines(effect, width, 4)]
    for remark in result.outcome.remarks if result else ():
        rows += [[Piece(line, "dim")] for line in wrapped_lines(remark, width, 2)]
    rows += [[Piece(line)] for line in wrapped_lines(f"rule: {study.rule}", width, 2)]
    rows += [[Piece(line)] for line in wrapped_lines(f"source: {study.source}", width, 2)]
    for rival in study.rivals:
        said = f"another explanation, {rival.source}: {rival.says}"
        rows += [[Piece(line)] for line in wrapped_lines(said, width, 2)]
    return rows


def _panel_rows(panel: Panel, width: int, height: int) -> Sequence[Sequence[Piece]]:
    head = flow([[Piece(panel.title, "strong")], [Piece(f"↑ {panel.y_label}", "dim")]], width)
    names = [
        [Piece(_GLYPHS[place % 4] + " ", _LINES[place % 4]), Piece(series.label)]
        for place, series in enumerate(panel.series)
    ]
    legend = flow(names, width)
    lines = height - len(head) - len(legend)
    lower = [_logs(series.y, panel.log_y) for series in panel.series]
    drawn = np.concatenate([each.ravel() for each in lower]) if lower else np.empty(0)
    drawn = drawn[np.isfinite(drawn)]
    if not drawn.size or lines < 5:
        word = "numbers come with the first points" if not drawn.size else "make the terminal larger"
        return [*head, *message_rows(word, width, max(1, lines))]
    low, high = _ends(drawn)
    wanted = max(2, lines // 3)
    y = Scale.decades(low, high, wanted) if panel.log_y else Scale.linear(low, high, wanted)
    places = [np.log2(series.x) if panel.log_x else series.x for series in panel.series]
    canvas = Canvas(width, lines, _x_axis(panel, places), y, panel.x_label)
    for place, (series, x, values) in enumerate(zip(panel.series, places, lower, strict=True)):
        role = _LINES[place % 4]
        canvas.line(x, values[:, 0], role, dashed=series.law)
        for at, (estimate, below, above) in zip(x, values, strict=True):
            if series.law or not math.isfinite(estimate):
                continue
            if math.isfinite(below) and math.isfinite(above):
                canvas.interval(float(at), max(below, y.low), min(above, y.high), role)
            canvas.mark(float(at), float(estimate), _GLYPHS[place % 4], role)
    return [*head, *legend, *canvas.rows()]


def _logs(values: FloatArray, log: bool) -> FloatArray:
    if not log:
        return values
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log10(values)


def _ends(values: FloatArray) -> tuple[float, float]:
    """Return the ends of an axis on which values have room."""
    low, high = float(values.min()), float(values.max())
    room = _MARGIN * (high - low) or 0.5
    return low - room, high + room


def _x_axis(panel: Panel, places: Sequence[FloatArray]) -> Scale:
    """Return the axis of a panel, with a tick at each place that a line has where they are few."""
    known = np.unique(np.concatenate(places))
    low, high = _ends(known)
    if not panel.log_x:
        return Scale.linear(low, high, 6)
    labels = tuple(number_text(2.0**place, 4) for place in known)
    return Scale(low, high, tuple(map(float, known)), labels)
