"""Mode dominance in numbers."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

from textual.geometry import Size

from geomreg_tui.errors import plain_text
from geomreg_tui.formatting import probability_text, share_text, upper_text
from geomreg_tui.statistics import Interval, LandmarkDominance, LossDistribution, ModeAnalysis
from geomreg_tui.statistics.landmark import SAMPLED, TAIL
from geomreg_tui.tui.numbers import interval_text, number_text
from geomreg_tui.tui.pins import MARKS, PIN_ROLES
from geomreg_tui.tui.view import Comparison, View
from geomreg_tui.tui.widgets.rows import Piece, RowsWidget

__all__ = ["Directions", "ModesTable"]

Directions = tuple[tuple[str, str], ...]

_NAME = 15  # cells of the first column
_DIP_DECIDES = 0.05
_PRECISIONS = ((6, 3), (5, 3), (4, 3), (3, 3), (3, 2), (3, 1))  # most decimals, least digits
_COLUMNS = (16, 6, 6, 8)  # cells of a mode's entries, at least; one is between them


class ModesTable(RowsWidget):
    """The statistics of the modes, one a row; as tall as it needs, inside something that scrolls."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._view: View | None = None
        self._directions: Directions = ()
        self._lines = 1

    def show(self, view: View | None, directions: Directions = ()) -> None:
        """Draw a view, nothing where there is none; and where factors of a sweep push D_0."""
        self._view, self._directions = view, directions
        lines = len(self._all_rows(self.content_size.width or 40))
        if lines != self._lines:
            self._lines = lines
            self.refresh(layout=True)
        self.redraw()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the number of rows that there are for this width."""
        return len(self._all_rows(width))

    def paint(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """Draw everything; the container scrolls."""
        return self._all_rows(width)

    def _all_rows(self, width: int) -> list[list[Piece]]:
        """Return all rows."""
        view = self._view
        if view is None or view.modes is None or view.distribution is None or view.landmark is None:
            return [[Piece("no networks yet", "dim")]]
        modes = view.modes
        rows = [_row("dominance D0", _interval(view.landmark.landmark, width), "strong")]
        if view.landmark.zero_side != SAMPLED:
            rows.append(_row("log10 ratio", _ratio(view.landmark, width)))
        rows += [
            _row("excess DE", _interval(modes.excess, width)),
            _row("zero mode", _interval(modes.zero_mass, width, "mass ")),
            _row("central mode", _interval(modes.central_mass, width, "mass ")),
            _row("basin D", _interval(modes.dominance, width)),
            _row("at L0", _interval(view.distribution.at_null_share, width)),
            _row("dead", _dead(view.distribution, width)),
            _row("unimodal?", _fitting(width, *_dip_texts(modes))),
            _row("contracting", _fitting(width, *_contracting_texts(modes))),
        ]
        for factor, verdict in self._directions:
            said = textwrap.wrap(f"{verdict}, over {factor.replace('_', ' ')}", max(10, width - _NAME))
            rows += [_row("" if after else "direction", line, "strong") for after, line in enumerate(said)]
        nonfinite = view.distribution.histogram.nonfinite
        if nonfinite:
            told = f"{nonfinite:,} losses are NaN or infinite", f"{nonfinite:,} losses"
            rows.append(_row("not finite", _fitting(width, *told), "warn"))
        for comparison in view.comparisons:
            rows += _comparison_rows(comparison, width)
        rows += _mode_rows(modes, width)
        for note in modes.notes:
            wrapped = textwrap.wrap(plain_text(note), max(20, width - 3))
            rows += [
                [Piece("• " if first == 0 else "  ", "dim"), Piece(line, "dim")]
                for first, line in enumerate(wrapped)
            ]
        return rows


def _row(name: str, value: str, role: str = "text") -> list[Piece]:
    return [Piece(name.ljust(_NAME), "dim"), Piece(value, role)]


def _fitting(width: int, *texts: str) -> str:
    """Return the first of some texts that fits beside the names, or the last."""
    return next((text for text in texts if len(text) <= width - _NAME), texts[-1])


def _interval(interval: Interval, width: int, prefix: str = "") -> str:
    """Return an interval with as many digits as fit."""
    texts = [interval_text(interval, *precision) for precision in _PRECISIONS]
    return _fitting(width, *(prefix + text for text in texts), *texts)


def _ratio(landmark: LandmarkDominance, width: int) -> str:
    """Return Lambda, or its bound, which rounds outwards."""
    found = landmark.log10_ratio
    if math.isfinite(found.estimate):
        text = _interval(found, width)
        return _fitting(width, f"{text} from the tail", text) if landmark.zero_side == TAIL else text
    if math.isfinite(found.high):
        return f"< {upper_text(found.high, 3)}"
    return _interval(found, width)


def _dead(distribution: LossDistribution, width: int) -> str:
    return "not counted" if distribution.summary.dead is None else _interval(distribution.dead, width)


def _dip_texts(modes: ModeAnalysis) -> tuple[str, ...]:
    """Return what the dip test says, in shorter and shorter words."""
    p = modes.dip.p_value
    if math.isnan(p):
        late = ("dip test: when it is done", "when it is done", "later")
        return late if modes.dip.samples == 0 else ("dip test does not apply", "does not apply")
    verdict = "no" if p < _DIP_DECIDES else "not excluded"
    shown = f"dip p {probability_text(p, 0.001, 2)}"
    return f"{verdict}, {shown}", shown


def _contracting_texts(modes: ModeAnalysis) -> tuple[str, ...]:
    """Return whether the density contracts, in shorter and shorter words."""
    if modes.contracting is None:
        return ("no central mode",)
    return ("yes, below the central mode", "yes") if modes.contracting else ("no",)


def _comparison_rows(comparison: Comparison, width: int) -> list[list[Piece]]:
    """Return the rows on a pinned distribution."""
    statistic, p = comparison.distance
    p_text = probability_text(p, 0.001, 2)
    label = textwrap.shorten(comparison.label, max(10, width - _NAME), placeholder="…")
    return [
        _row(f"{MARKS[comparison.place]} pinned", label, PIN_ROLES[comparison.place]),
        _row("  D0 minus its", _interval(comparison.dominance, width), "strong"),
        _row("  KS distance", f"{number_text(statistic)}   p {p_text}"),
    ]


def _mode_rows(modes: ModeAnalysis, width: int) -> list[list[Piece]]:
    """Return the table of the modes."""
    if not modes.modes:
        return [[Piece("no significant mode yet", "dim")]]
    table = [("mode at loss", "L/L0", "mass", "height")]
    for mode in modes.modes:
        unit = mode.loss / modes.null_loss if modes.null_loss > 0 else math.nan
        name = f"{number_text(mode.loss)}{' (zero)' if mode.at_zero else ''}"
        table.append((name, number_text(unit), share_text(mode.mass, 3), f"{mode.persistence:.0f} σ"))
    needed = [max(map(len, column)) for column in zip(*table, strict=True)]
    sizes = [max(sizes) for sizes in zip(needed, _COLUMNS, strict=True)]
    if sum(sizes) + len(sizes) - 1 > width:
        sizes = needed
    rows = []
    for number, (name, *cells) in enumerate(table):
        indent = "  " if number and len(name) + 2 <= sizes[0] else ""
        line = " ".join(cell.rjust(size) for cell, size in zip(cells, sizes[1:], strict=True))
        rows.append([Piece(f"{indent}{name}".ljust(sizes[0] + 1) + line, "text" if number else "dim")])
    return rows
