"""What a shell offers when a person presses Tab."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["complete_run", "completed_by"]


def completed_by(names: tuple[str, ...]) -> Callable[[str], list[str]]:
    """Return the function that gives those of some names that begin as a person has begun."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in names if name.startswith(incomplete)]

    return complete


def complete_run(incomplete: str) -> list[str]:
    """Return ``latest`` and the names of runs and sweeps, newest first, that begin as a person has begun."""
    from geomreg_tui.errors import GeomregError
    from geomreg_tui.listing import list_all

    try:
        entries = list_all()
    except GeomregError:  # the command itself says what is wrong
        entries = []
    names = (name for entry in entries for name in (entry.labels().name, entry.name) if name)
    return completed_by(("latest", *dict.fromkeys(names)))(incomplete)
