"""What the sweep screen says in one line: state and progress, warnings, what space would do."""

from __future__ import annotations

from pathlib import Path

from geomreg_tui.errors import one_line, plain_text
from geomreg_tui.rundir import RunState
from geomreg_tui.sweeps.plan import SweepPlan
from geomreg_tui.tui.numbers import count_text, duration_text
from geomreg_tui.tui.sweep_setup import value_text
from geomreg_tui.tui.sweep_view import SweepView
from geomreg_tui.tui.widgets.lines import GLYPHS, progress_bar
from geomreg_tui.tui.widgets.rows import Piece

__all__ = ["invitation_text", "progress_pieces", "warning_text"]

_NAMED = 12  # values that are listed before a sweep starts


def warning_text(message: str, path: Path) -> str:
    """Return a message in one line, names in it without the folder that all sweeps are in."""
    return one_line(f"! {message}".replace(f"{path.parent}/", ""))


def invitation_text(plan: SweepPlan | None) -> str:
    """Return what is shown before a sweep starts."""
    if plan is None:
        return "correct what is marked above"
    factor = plan.factors[0]
    shown = [value_text(value) for value in factor.values]
    if len(shown) > _NAMED:
        shown = [*shown[: _NAMED - 1], "…", shown[-1]]
    return f"space draws one histogram for each {factor.key.replace('_', ' ')}:\n{', '.join(shown)}"


def progress_pieces(view: SweepView, *, bar: bool) -> list[Piece]:
    """Return state, progress, counts and time left, with a progress bar if wanted."""
    state = view.state
    pieces = [
        Piece(f"{GLYPHS[state]} sweep {state.value}  ", "warn" if state is RunState.FAILED else "strong")
    ]
    if state is RunState.FAILED:
        return [*pieces, Piece(plain_text(view.message).replace("\n", "; "), "warn")]
    done = sum(point.done for point in view.points)
    pieces += progress_bar(view.samples / max(1, view.target)) if bar else []
    pieces.append(Piece(f"  {done} / {len(view.points)} points"))
    pieces.append(Piece(f"  {count_text(view.samples)} / {count_text(view.target)}"))
    under_way = view.under_way
    if state is RunState.SAMPLING and under_way is not None and under_way.rate > 0:
        pieces.append(Piece(f"  ETA {duration_text((view.target - view.samples) / under_way.rate)}"))
    return pieces
