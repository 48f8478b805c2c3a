"""What was chosen in a list of runs, for the explorer to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = ["Action", "RunChoice"]

Action = Literal["open", "compare", "go on"]


@dataclass(frozen=True)
class RunChoice:
    """What is to be done with which run.

    Attributes:
        action: what.
        path: its directory.
        kind: ``run``, ``sweep``, ``comparison`` or ``studies``.
    """

    action: Action
    path: Path
    kind: str = "run"
