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
    """Return ``latest`` and the names of runs, newest first, that begin as a person has begun."""
    from geomreg_tui.errors import GeomregError
    from geomreg_tui.rundir import list_runs

    try:
        names = [entry.name for entry in list_runs()]
    except GeomregError:  # the command itself says what is wrong
        names = []
    return completed_by(("latest", *names))(incomplete)
