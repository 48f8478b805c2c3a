"""What a population of multilevel splitting has shown on its way down. No torch here."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["HELD_OUT_SHARES", "Descent", "TailPlan", "joint_status"]

FloatArray = NDArray[np.float64]

HELD_OUT_SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
_MOST_POINTS = 10**6


@dataclass(frozen=True)
class Descent:
    """The descent of one population.

    Attributes:
        log_loss: natural logarithms of losses, not increasing, shape (points,).
        log_volume: natural logarithm of V at each, decreasing, shape (points,).
        variance: variance of each log V, from within the run, shape (points,).
        held_log_loss: natural logarithms of the losses below which held-out examples were looked at, (rows,).
        held_loss: mean held-out loss of the population there, (rows,).
        held_loss_quantiles: its quantiles at ``HELD_OUT_SHARES``, (rows, 5).
        held_accuracy: mean held-out accuracy, (rows,); NaN where there are no classes.
        held_accuracy_quantiles: its quantiles, (rows, 5).
        levels: levels walked.
        evaluations: losses computed.
        status: why it ended; None while it goes on.
    """

    log_loss: FloatArray
    log_volume: FloatArray
    variance: FloatArray
    held_log_loss: FloatArray
    held_loss: FloatArray
    held_loss_quantiles: FloatArray
    held_accuracy: FloatArray
    held_accuracy_quantiles: FloatArray
    levels: int = 0
    evaluations: int = 0
    status: str | None = None

    @classmethod
    def empty(cls) -> Descent:
        """Return a descent that has not begun."""
        none, rows = np.empty(0), np.empty((0, len(HELD_OUT_SHARES)))
        return cls(none, none, none, none, none, rows, none, rows)

    def to_parts(self) -> tuple[dict[str, Any], dict[str, FloatArray]]:
        """Return plain data and named arrays from which :meth:`from_parts` restores the descent."""
        values = {"levels": self.levels, "evaluations": self.evaluations, "status": self.status}
        return values, {name: getattr(self, name) for name in _ARRAYS}

    @classmethod
    def from_parts(cls, values: Mapping[str, Any], arrays: Mapping[str, NDArray[np.generic]]) -> Descent:
        """Restore a descent.

        Raises:
            LookupError, TypeError, ValueError: if entries are missing or of the wrong kind.
        """
        restored = {name: np.asarray(arrays[name], np.float64) for name in _ARRAYS}
        points, rows = restored["log_loss"].shape, restored["held_log_loss"].shape
        for name, array in restored.items():
            shape = rows if name.startswith("held") else points
            expected = (*shape, len(HELD_OUT_SHARES)) if name.endswith("quantiles") else shape
            if array.shape != expected or array.size > _MOST_POINTS:
                raise ValueError(f"{name}: shape {array.shape} is not {expected}")
        status = values["status"]
        return cls(
            **restored,
            levels=int(values["levels"]),
            evaluations=int(values["evaluations"]),
            status=None if status is None else str(status),
        )


def joint_status(descents: Sequence[Descent]) -> str:
    """Return why descents ended: in one word where all agree, else each reason with its count."""
    statuses = Counter(descent.status or "going" for descent in descents)
    if len(statuses) == 1:
        return next(iter(statuses))
    return ", ".join(f"{status} ({count} of {len(descents)})" for status, count in statuses.most_common())


_ARRAYS = tuple(name for name, kind in Descent.__annotations__.items() if kind == "FloatArray")


@dataclass(frozen=True)
class TailPlan:
    """How deep to go, and with what.

    Attributes:
        loss: training loss to reach, 0 for none.
        log10_volume: log10 of the volume fraction to reach.
        population: particles of each population.
        repeats: independent populations.
        seconds: time for all of it; infinite for no limit.
        kernel: name of the kernel; ``auto`` for the one that measures best.
    """

    loss: float = 0.0
    log10_volume: float = -math.inf
    population: int = 1000
    repeats: int = 8
    seconds: float = math.inf
    kernel: str = "auto"
