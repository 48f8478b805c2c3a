"""What the sweep screen says in one line: state and progress, warnings, what space would do."""

from __future__ import annotations

import math
from pathlib import Path

from geomreg_tui.errors import one_line, plain_text
from geomreg_tui.rundir import RunState
from geomreg_tui.sweeps.plan import SweepPlan
from geomreg_tui.tui.eta import TimeLeft, time_text
from geomreg_tui.tui.numbers import count_text
from geomreg_tui.tui.sweep_setup import value_text
from geomreg_tui.tui.sweep_view import SweepView
from geomreg_tui.tui.widgets.lines import GLYPHS, progress_bar
from geomreg_tui.tui.widgets.rows import Piece

__all__ = ["invitation_text", "progress_pieces", "time_left", "warning_text"]

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


def time_left(view: SweepView, left: TimeLeft, now: float) -> float:
    """Return the seconds that are left of a sweep; NaN where nobody can tell.

    Of networks alone by their rate, else by points: a point takes what those before it took, about.

    Args:
        view: the sweep.
        left: what was seen of it before.
        now: in seconds on any clock.
    """
    under_way = view.under_way
    if view.staged:
        return left.of_work(view.path, view.work, len(view.points) - view.work, now)
    if under_way is None or not under_way.rate > 0:
        return math.nan
    return left.seconds(view.path, view.target - view.samples, under_way.rate, now)


def progress_pieces(view: SweepView, seconds: float, *, bar: bool) -> list[Piece]:
    """Return state, progress, counts and the seconds that are left, with a progress bar if wanted."""
    state = view.state
    pieces = [
        Piece(f"{GLYPHS[state]} sweep {state.value}  ", "warn" if state is RunState.FAILED else "strong")
    ]
    if state is RunState.FAILED:
        return [*pieces, Piece(plain_text(view.message).replace("\n", "; "), "warn")]
    done = sum(point.done for point in view.points)
    share = view.work / max(1, len(view.points)) if view.staged else view.samples / max(1, view.target)
    pieces += progress_bar(share) if bar else []
    pieces.append(Piece(f"  {done} / {len(view.points)} points"))
    pieces.append(Piece(f"  {count_text(view.samples)} / {count_text(view.target)}"))
    if state is RunState.SAMPLING and view.under_way is not None:
        pieces.append(Piece(f"  {time_text(seconds)}"))
    return pieces
