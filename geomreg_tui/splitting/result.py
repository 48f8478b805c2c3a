"""What the populations of a run have shown. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.errors import one_line
from geomreg_tui.splitting.descent import Descent
from geomreg_tui.splitting.plan import TailPlan, plan_from_values, plan_values

__all__ = ["Tail", "checked", "thinned"]

_POINTS, _LEAST_POINTS, _ALL_POINTS = 512, 64, 8192
_STATUS_LENGTH = 200


@dataclass(frozen=True)
class Tail:
    """The populations of a run.

    Attributes:
        plan: how deep to go, as the person asked.
        kernel: name of the kernel in use.
        space: name of the space it moves in.
        descents: what each population has shown; an empty one for those that have not begun.
    """

    plan: TailPlan
    kernel: str
    space: str
    descents: tuple[Descent, ...]

    @classmethod
    def planned(cls, values: Mapping[str, Any]) -> Tail:
        """Return a tail of which nothing has begun, from what :meth:`head` returned.

        Raises:
            LookupError, TypeError, ValueError: if entries are missing or impossible.
        """
        plan = plan_from_values(values["plan"])
        return cls(plan, _name(values["kernel"]), _name(values["space"]), (Descent.empty(),) * plan.repeats)

    def head(self) -> dict[str, Any]:
        """Return as plain data how deep to go, and with what."""
        return {"plan": plan_values(self.plan), "kernel": self.kernel, "space": self.space}

    @property
    def in_use(self) -> TailPlan:
        """The plan with the kernel in use."""
        return replace(self.plan, kernel=self.kernel)

    def to_parts(self) -> tuple[dict[str, Any], dict[str, NDArray[np.float64]]]:
        """Return plain data and named arrays from which :meth:`from_parts` restores it, thinned."""
        rows: list[dict[str, Any]] = []
        arrays: dict[str, NDArray[np.float64]] = {}
        points = max(_LEAST_POINTS, min(_POINTS, _ALL_POINTS // max(len(self.descents), 1)))
        for index, descent in enumerate(self.descents):
            values, parts = thinned(descent, points).to_parts()
            rows.append(values)
            arrays |= {f"tail.{index}.{name}": array for name, array in parts.items()}
        return {**self.head(), "descents": rows}, arrays

    @classmethod
    def from_parts(cls, values: Mapping[str, Any], arrays: Mapping[str, NDArray[np.generic]]) -> Tail:
        """Restore it.

        Raises:
            LookupError, TypeError, ValueError: if entries are missing or impossible.
        """
        planned = cls.planned(values)
        if len(values["descents"]) != planned.plan.repeats:
            raise ValueError("not as many descents as populations")
        descents = []
        for index, row in enumerate(values["descents"]):
            head = f"tail.{index}."
            own = {name.removeprefix(head): a for name, a in arrays.items() if name.startswith(head)}
            descents.append(checked(Descent.from_parts(row, own)))
        return replace(planned, descents=tuple(descents))


def checked(descent: Descent) -> Descent:
    """Return a descent that came from outside, with its status and reason as plain text.

    Raises:
        ValueError: if it breaks the contract of descents.
    """
    descent.check()
    status = None if descent.status is None else _name(descent.status)
    return replace(descent, status=status, reason=_name(descent.reason))


def thinned(descent: Descent, points: int = _POINTS) -> Descent:
    """Return a descent with at most ``points`` points of its curve, the first and the last among them."""
    size = descent.log_loss.size
    if size <= points:
        return descent
    kept = np.unique(np.linspace(0, size - 1, points).round().astype(np.int64))
    curve = ("log_loss", "log_volume", "variance", "log_excess")
    return replace(descent, **{name: getattr(descent, name)[kept] for name in curve})


def _name(value: object) -> str:
    return one_line(value)[:_STATUS_LENGTH]
