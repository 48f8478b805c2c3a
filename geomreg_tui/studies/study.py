"""The form that every study has. No torch and no figures here: a study says what is to be drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geomreg_tui.statistics.evidence import Finding, mean_interval
from geomreg_tui.sweeps.plan import SweepPlan
from geomreg_tui.sweeps.result import SweepPoint

__all__ = ["SCALES", "Outcome", "Panel", "Points", "Rival", "Series", "Study"]

SCALES = ("quick", "standard", "deep")
FloatArray = NDArray[np.float64]
Points = Mapping[str, Sequence[SweepPoint]]


@dataclass(frozen=True, eq=False)
class Series:
    """One line of a panel.

    Attributes:
        label: what it is of.
        x: places, (points,).
        y: estimate and the ends of its 95 % interval at each, (points, 3); NaN for none.
        law: whether it is what theory says, and nothing was sampled.
    """

    label: str
    x: FloatArray
    y: FloatArray
    law: bool = False

    @classmethod
    def of_replicates(
        cls, label: str, x: ArrayLike, table: ArrayLike, bounds: tuple[float, float] = (-np.inf, np.inf)
    ) -> Series:
        """Return means over replicates with Student's intervals.

        Args:
            label: what it is of.
            x: places, (points,).
            table: a value for each replicate at each place, (replicates, points); NaN for none.
            bounds: between which the mean must lie, such as those of a share.
        """
        columns = np.asarray(table, np.float64).T
        y = [mean_interval(column[np.isfinite(column)]) for column in columns]
        values = np.clip(np.array(y, np.float64).reshape(-1, 3), *bounds)
        return cls(label, np.asarray(x, np.float64), values)

    @classmethod
    def of_law(cls, label: str, x: ArrayLike, y: ArrayLike) -> Series:
        """Return what theory says; ``x`` and ``y`` are (points,)."""
        values = np.asarray(y, np.float64)
        return cls(label, np.asarray(x, np.float64), np.stack([values] * 3, axis=1), law=True)

    def to_json(self) -> dict[str, Any]:
        """Return plain data; None stands for what is undefined."""
        return {
            "label": self.label,
            "x": _plain(self.x),
            "y": [_plain(row) for row in self.y],
            "law": self.law,
        }


@dataclass(frozen=True)
class Panel:
    """A picture: lines over one axis.

    Attributes:
        title: what is seen.
        x_label, y_label: what the axes are, with units.
        series: the lines.
        log_x, log_y: whether an axis is logarithmic.
        names: what is at 0, 1 and so on, where the axis is one of names; ``x_label`` has them too.
        ordered: whether neighbouring places are joined by lines.
    """

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    log_x: bool = False
    log_y: bool = False
    names: tuple[str, ...] = ()
    ordered: bool = True

    @classmethod
    def of_names(
        cls, title: str, names: Sequence[str], y_label: str, series: tuple[Series, ...], *, ordered: bool
    ) -> Panel:
        """Return a panel with a place for each name, from 0 on."""
        x_label = "; ".join(f"{place} {name}" for place, name in enumerate(names))
        return cls(title, x_label, y_label, series, names=tuple(names), ordered=ordered)

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "title": self.title,
            "x_label": self.x_label,
            "y_label": self.y_label,
            "log_x": self.log_x,
            "log_y": self.log_y,
            "series": [series.to_json() for series in self.series],
        }


@dataclass(frozen=True)
class Outcome:
    """What a study has found.

    Attributes:
        findings: one for each prediction.
        panels: what is to be drawn.
        remarks: what else must be said, a sentence each.
    """

    findings: tuple[Finding, ...]
    panels: tuple[Panel, ...]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rival:
    """Another explanation of what a claim explains.

    Attributes:
        source: who published it, and where.
        says: what it says, and how the two can be told apart.
    """

    source: str
    says: str


@dataclass(frozen=True)
class Study:
    """A claim, and how it is put to the test.

    Attributes:
        name: a short name, as the command line takes it.
        question: what is asked, one sentence.
        claim: what the paper says.
        source: which versions of it say so, a sentence without its full stop.
        rule: how the verdict is come to, fixed before anything is drawn.
        parts: the sweeps that it needs at a scale of :data:`SCALES`, by name. The last factor of each is
            ``replicate``.
        judge: what the points of these sweeps say.
        rivals: other explanations.
        redrawn: shell commands that draw again what no sweep of it holds.
    """

    name: str
    question: str
    claim: str
    source: str
    rule: str
    parts: Callable[[str], Mapping[str, SweepPlan]] = field(repr=False)
    judge: Callable[[Points], Outcome] = field(repr=False)
    rivals: tuple[Rival, ...] = ()
    redrawn: tuple[str, ...] = ()


def _plain(values: FloatArray) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]
