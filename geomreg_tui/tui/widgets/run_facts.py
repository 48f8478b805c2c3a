"""What the list of runs says of the selected one, in three lines."""

from __future__ import annotations

from rich.cells import cell_len

from geomreg_tui.errors import one_line
from geomreg_tui.formatting import decimal_text, size_text
from geomreg_tui.listing import Row
from geomreg_tui.rundir import RunEntry, RunState, runs_root
from geomreg_tui.rundir.elsewhere import RUN
from geomreg_tui.sweeps.directory import sweeps_root
from geomreg_tui.sweeps.groups import studies_root
from geomreg_tui.tui.numbers import count_text, duration_text, interval_text
from geomreg_tui.tui.widgets.rows import Piece
from geomreg_tui.tui.widgets.runs import state_text

__all__ = ["about_lines", "counts_text"]

_ROOMY = 72  # columns from which counts are followed by what is counted


def about_lines(entry: RunEntry | None, known: Row | None, room: int) -> list[Piece]:
    """Return where a run is and what it took, its experiment or why it failed, and what it has found.

    Args:
        entry: the run; None for none.
        known: what has been read of it; None for nothing yet.
        room: cells of a line.
    """
    if entry is None:
        return [Piece("")] * 3
    name = (
        entry.name if entry.path.parent in (runs_root(), sweeps_root(), studies_root()) else str(entry.path)
    )
    if known is None:
        return [Piece(one_line(name), "strong"), Piece(""), Piece("")]
    facts = [one_line(name), *counts_text(known, room)[1:]]
    facts += ["mixed environments"] if known.status.mixed else []
    if known.entry.kind == RUN:
        facts.append(f"sampled for {duration_text(known.status.elapsed_s)}")
    failed = known.status.state is RunState.FAILED
    second = Piece(known.status.message, "warn") if failed else Piece(known.status.about)
    words = [known.labels.name] if known.labels.name else []
    words += [" ".join(f"#{tag}" for tag in known.labels.tags)] if known.labels.tags else []
    words += [known.labels.note] if known.labels.note else []
    return [_joined(facts, room, "strong"), second, _joined([*words, *_findings(known)], room, "dim")]


def counts_text(known: Row, room: int) -> list[str]:
    """Return state, networks and size of a run."""
    status = known.status
    counts = f"{count_text(status.samples)} / {count_text(status.target)}"
    counts += " networks" if room >= _ROOMY else ""
    size = "size not known yet" if known.size is None else size_text(known.size)
    return [state_text(status), counts, size]


def _findings(known: Row) -> list[str]:
    """Return what a run has found, with intervals."""
    found = known.findings
    if found is None:
        return []
    facts = []
    if len(found.d0) == 1:
        facts.append(f"D0 {interval_text(found.d0[0])}")
    elif found.d0:
        ends = [min(value.estimate for value in found.d0), max(value.estimate for value in found.d0)]
        facts.append(f"D0 {decimal_text(ends[0])} to {decimal_text(ends[1])} over {len(found.d0)} points")
    if len(found.log10_volume) == 1:
        facts.append(f"log10 V(L_0/4) {decimal_text(found.log10_volume[0], 2)}")
    facts += [f"tail {found.tail_text}"] if found.tail_text else []
    return [*facts, *([found.training_text] if found.training_text else [])]


def _joined(facts: list[str], room: int, role: str) -> Piece:
    """Return facts on a line, the last ones left out where there is no room: half a fact is none."""
    while len(facts) > 1 and cell_len(" · ".join(facts)) > room:
        facts.pop()
    return Piece(" · ".join(facts), role)
