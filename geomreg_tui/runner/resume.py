"""Checks before an engine goes on with a run: the same environment, and the same bits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from geomreg_tui.errors import RunDirectoryError, plain_text
from geomreg_tui.rundir import RunDirectory

__all__ = ["SAME_BITS", "changes", "check_bits", "check_environment"]

# Versions of this package that draw the same bits from the same experiment, this one included. A release that
# changes no bit joins them; one that does begins the list anew. ``tests/unit/test_bits.py`` knows the bits.
SAME_BITS = frozenset({"0.1.0"})

_WITHOUT_EFFECT = ("python", "from_chunk")  # the bits do not depend on these
_HINT = "pass --allow-mixed to go on all the same; every output will then say that the run is mixed"


def check_environment(run: RunDirectory, here: Mapping[str, Any], allow_mixed: bool) -> bool:
    """Compare this environment with the one that the run was drawn in last; return whether it differs.

    Raises:
        RunDirectoryError: if it differs and ``allow_mixed`` is not given.
    """
    changed = changes(run.environments[-1], here)
    if changed and not allow_mixed:
        raise RunDirectoryError(
            f"{run.path}: was drawn in another environment, where the bits may differ "
            f"({'; '.join(changed)}); {_HINT}"
        )
    return bool(changed)


def check_bits(run: RunDirectory, here: Mapping[str, Any], differing: str, allow_mixed: bool) -> bool:
    """Refuse to go on if work that was repeated has other bits; return whether it has.

    Args:
        run: the run directory.
        here: versions and device here.
        differing: what came out with other bits, in words; empty where nothing did.
        allow_mixed: whether to go on all the same.

    Raises:
        RunDirectoryError: if bits differ and ``allow_mixed`` is not given.
    """
    if differing and not allow_mixed:
        why = "; ".join(changes(run.environments[-1], here)) or (
            "versions and device are the same, so the data, your own code or the hardware differ"
        )
        raise RunDirectoryError(f"{run.path}: {differing} is not what is stored ({why}); {_HINT}")
    return bool(differing)


def changes(before: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """Return in words what differs between two environments and may change bits."""
    keys = [key for key in {**before, **here} if key not in _WITHOUT_EFFECT]
    return [
        plain_text(f"{key} was {str(before.get(key))[:60]} and is {str(here.get(key))[:60]}")
        for key in keys
        if before.get(key) != here.get(key)
        and not (key == "geomreg_tui" and {before.get(key), here.get(key)} <= SAME_BITS)
    ]
