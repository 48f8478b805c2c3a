"""The directions in which the factors of a sweep push the balance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from geomreg_tui.statistics import Direction, direction
from geomreg_tui.statistics.interactions import GridDirection, grid_direction
from geomreg_tui.sweeps.plan import Factor
from geomreg_tui.sweeps.result import SweepPoint

__all__ = ["GridVerdict", "Line", "Verdict", "grid_verdicts", "lines_of", "verdicts"]


@dataclass(frozen=True)
class Verdict:
    """The direction in which a factor pushes the balance, the other factor held at a value.

    Attributes:
        factor: the factor.
        held: (key, value) of the other factor, or None.
        direction: steps, Kendall's tau-b and the verdict in words, for D_0 or Lambda.
    """

    factor: Factor
    held: tuple[str, Any] | None
    direction: Direction

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "factor": self.factor.key,
            "held": dict([self.held]) if self.held else {},
            **self.direction.to_json(),
        }


def verdicts(factors: Sequence[Factor], points: Sequence[SweepPoint]) -> list[Verdict]:
    """Return the direction of each ordered factor, for each value of the other one."""
    return [
        Verdict(line.factor, line.held, direction(line.x, [points[k].landmark for k in line.points]))
        for line in lines_of(factors, points)
    ]


@dataclass(frozen=True)
class GridVerdict:
    """The direction of a factor over the whole grid of a sweep over two factors.

    Attributes:
        factor: the factor.
        across: the other one.
        values: its values, one for each line.
        direction: of all lines together, with the effect on each and whether they differ.
    """

    factor: Factor
    across: Factor
    values: tuple[Any, ...]
    direction: GridDirection

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "factor": self.factor.key,
            "across": {self.across.key: list(self.values)},
            **self.direction.to_json(),
        }


def grid_verdicts(factors: Sequence[Factor], points: Sequence[SweepPoint]) -> list[GridVerdict]:
    """Return the direction of each ordered factor over the lines of a grid together; none for one factor."""
    found: list[GridVerdict] = []
    if len(factors) != 2:
        return found
    for place, factor in enumerate(factors):
        lines = [line for line in lines_of(factors, points) if line.factor is factor]
        if len(lines) < 2:
            continue
        direction = grid_direction([(line.x, [points[k].landmark for k in line.points]) for line in lines])
        if direction is not None:
            values = tuple(line.held[1] for line in lines if line.held)
            found.append(GridVerdict(factor, factors[1 - place], values, direction))
    return found


class Line(NamedTuple):
    """Points of a sweep along one factor, the other factor held at a value.

    Attributes:
        factor: the factor, which has an order.
        held: (key, value) of the other factor, or None.
        x: values of the factor.
        points: indices of the points, at least two.
    """

    factor: Factor
    held: tuple[str, Any] | None
    x: list[float]
    points: list[int]


def lines_of(factors: Sequence[Factor], points: Sequence[SweepPoint]) -> Iterator[Line]:
    """Yield the lines along which a direction can be told: one for each value of the other factor."""
    for place, factor in enumerate(factors):
        if not factor.ordered or len(factor.values) < 2:
            continue
        other = 1 - place if len(factors) == 2 else None
        for value in factors[other].values if other is not None else (None,):
            chosen = [k for k, p in enumerate(points) if other is None or p.settings[other] == value]
            if len(chosen) >= 2:
                held = None if other is None else (factors[other].key, value)
                yield Line(factor, held, [float(points[k].settings[place]) for k in chosen], chosen)
