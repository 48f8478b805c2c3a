"""Sweeps: one experiment over the values of one or two factors, and the direction of the balance."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from geomreg_tui.analysis import (
    DeepTail,
    Direction,
    LandmarkDominance,
    LossDistribution,
    ModeAnalysis,
    analyse_modes,
    deep_tail,
    direction,
    landmark_dominance,
    run_volume,
)
from geomreg_tui.analysis.interactions import GridDirection, grid_direction
from geomreg_tui.errors import ExperimentError, GeomregError, Problem, SamplingError, nearest_name
from geomreg_tui.experiment import Experiment, read_number
from geomreg_tui.summary import Facts, Summary

if TYPE_CHECKING:
    from geomreg_tui.runs import RunDirectory

__all__ = [
    "Factor",
    "FailedPoint",
    "GridVerdict",
    "SweepError",
    "SweepPoint",
    "Verdict",
    "grid",
    "grid_verdicts",
    "impossible",
    "lines_of",
    "parse_factor",
    "point_name",
    "sweep_document",
    "verdicts",
]

_LIMIT = 1000  # values of a factor


@dataclass(frozen=True)
class Factor:
    """A key of the experiment and the values it takes."""

    key: str
    values: tuple[Any, ...]

    @property
    def ordered(self) -> bool:
        """Whether the values are numbers, so that there is a direction."""
        return all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in self.values)


@dataclass(frozen=True)
class SweepPoint:
    """One experiment of a sweep and what came out.

    Attributes:
        settings: the value of each factor, in the order of the factors.
        facts: what the experiment came to.
        summary: its networks.
        modes: the mode analysis.
        landmark: landmark dominance.
        tail: the deep tail; None where none was asked for.
        mixed: whether parts of it were drawn in different environments, whose bits may differ.
    """

    settings: tuple[Any, ...]
    facts: Facts
    summary: Summary
    modes: ModeAnalysis
    landmark: LandmarkDominance
    tail: DeepTail | None = None
    mixed: bool = False

    @cached_property
    def distribution(self) -> LossDistribution:
        """The losses of its networks."""
        return LossDistribution(self.summary, self.facts.null_loss)

    @classmethod
    def of(cls, settings: tuple[Any, ...], run: RunDirectory) -> SweepPoint:
        """Analyse the result of one experiment."""
        facts, summary = run.facts, run.committed()[0].summary
        distribution = LossDistribution(summary, facts.null_loss)
        tail = run.tail.read()
        deep = None if tail is None else deep_tail(tail, run_volume(distribution, facts))
        landmark = landmark_dominance(distribution, deep)
        return cls(settings, facts, summary, analyse_modes(distribution), landmark, deep, run.mixed)


@dataclass(frozen=True)
class FailedPoint:
    """One experiment of a sweep that failed while it was run.

    Attributes:
        settings: the value of each factor, in the order of the factors.
        reason: why it failed.
        samples: networks of it that are there; where there are any, it is a :class:`SweepPoint` as well.
    """

    settings: tuple[Any, ...]
    reason: str
    samples: int = 0


class SweepError(SamplingError):
    """Points of a sweep failed; all others are kept.

    Attributes:
        failed: which.
    """

    def __init__(self, factors: Sequence[Factor], failed: Sequence[FailedPoint]) -> None:
        self.failed = tuple(failed)
        number = "1 point" if len(failed) == 1 else f"{len(failed):,} points"
        lines = [f"{point_name(factors, point.settings)}: {point.reason}" for point in failed]
        super().__init__("\n".join([f"{number} of the sweep failed, all others are kept", *lines]))


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


def parse_factor(text: str) -> Factor:
    """Parse a factor: ``width=16,64,256``, ``depth=1:8``, ``gain=0.5:2:0.25`` or ``width=16:1024:x2``.

    What is between two commas is a value of its own. Values of keys that take any text, such as ``data``,
    ``target`` and ``features``, are that text, whatever it looks like: there may be a column named ``1:3``.

    Raises:
        ExperimentError: if the key is unknown or the values are not of that form.
    """
    key, equals, body = text.partition("=")
    key = key.strip().replace("-", "_")
    if not equals or not body.strip():
        raise ExperimentError([Problem("over", repr(text), "allowed is KEY=VALUES, such as width=16,64,256")])
    if key not in Experiment.model_fields:
        near = nearest_name(key, Experiment.model_fields)
        raise ExperimentError([Problem("over", repr(key), "allowed is a key of an experiment", near)])
    values: list[Any] = []
    for part in map(str.strip, body.split(",")):
        if _takes_text(key):
            values.append(part)
        else:
            values += _range(key, part) if ":" in part else [_number(part)]
    if len(values) > _LIMIT:
        raise ExperimentError([Problem("over", f"{len(values):,} values", f"allowed are up to {_LIMIT:,}")])
    return Factor(key, tuple(dict.fromkeys(values)))


def _takes_text(key: str) -> bool:
    """Return whether a key of the experiment takes any text, and nothing else."""
    annotation = Experiment.model_fields[key].annotation
    return annotation is str or set(get_args(annotation)) == {str, type(None)}


def grid(base: Experiment, factors: Sequence[Factor]) -> list[tuple[tuple[Any, ...], Experiment]]:
    """Return the settings and the experiment of each point, the last factor varying fastest.

    Raises:
        ExperimentError: if a factor is given twice, or values are impossible; with every problem of all
            points.
    """
    if len({factor.key for factor in factors}) != len(factors) or not 1 <= len(factors) <= 2:
        raise ExperimentError([Problem("over", "these factors", "allowed are one or two different factors")])
    settings: list[tuple[Any, ...]] = [()]
    for factor in factors:
        settings = [(*before, value) for before in settings for value in factor.values]
    keys = [factor.key for factor in factors]
    points: list[tuple[tuple[Any, ...], Experiment]] = []
    problems: dict[Problem, None] = {}  # several points may have the same
    for point in settings:
        try:
            points.append((point, base.replace(**dict(zip(keys, point, strict=True)))))
        except ExperimentError as error:
            problems |= dict.fromkeys(error.problems)
    if problems:
        raise ExperimentError(problems)
    return points


def impossible(
    factors: Sequence[Factor], found: Sequence[tuple[Sequence[Any], GeomregError]]
) -> ExperimentError:
    """Return the error that says of every point that cannot be run why not.

    Args:
        factors: one or two.
        found: settings of such points, and what is wrong with each.
    """
    problems = []
    for settings, error in found:
        reasons = error.problems if isinstance(error, ExperimentError) else [error]
        name = point_name(factors, settings)
        problems += [Problem("over", name, str(reason).rstrip(".")) for reason in reasons]
    return ExperimentError(problems)


def point_name(factors: Sequence[Factor], settings: Sequence[Any]) -> str:
    """Return a name for a point that is also good for a folder: ``width=16,depth=2``."""
    text = ",".join(f"{f.key}={value}" for f, value in zip(factors, settings, strict=True))
    return "".join(c if c.isalnum() or c in "=.,-_" else "-" for c in text)[:120]


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


def sweep_document(
    factors: Sequence[Factor],
    points: Sequence[SweepPoint],
    judged: Sequence[Verdict],
    failed: Sequence[FailedPoint] = (),
) -> dict[str, Any]:
    """Return a sweep as plain data: what ``sweep.json`` holds and ``sweep --json`` prints."""
    from geomreg_tui.engine.sweep_tail import compare_tails

    compared = compare_tails(factors, points)
    document: dict[str, Any] = {
        "schema": 1,
        "factors": {factor.key: list(factor.values) for factor in factors},
        "points": [
            {
                "settings": dict(zip([f.key for f in factors], point.settings, strict=True)),
                "digest": point.facts.experiment.digest(),
                "samples": point.summary.samples,
                "sampler": point.facts.experiment.sampler,
                "parameters": point.facts.parameters,
                "landmarks": {
                    "null_loss": point.facts.null_loss,
                    "constant_loss": point.facts.constant_loss,
                },
                "dead": point.summary.dead,
                "at_null_loss": point.distribution.at_null,
                "exact_zero": point.facts.exact_zeros(point.summary),
                "dominance": point.landmark.to_json(point.modes.excess),
                "modes": point.modes.to_json(),
                "histogram_digest": point.summary.histogram.digest(),
                "mixed": point.mixed,
            }
            for point in points
        ],
        "failed": [
            {
                "settings": dict(zip([f.key for f in factors], point.settings, strict=True)),
                "reason": point.reason,
                "samples": point.samples,
            }
            for point in failed
        ],
        "directions": [verdict.to_json() for verdict in judged],
        "grid": [verdict.to_json() for verdict in grid_verdicts(factors, points)],
    }
    if compared is not None:
        document["tail"] = compared.to_json()
    return document


def _number(text: str) -> Any:
    with contextlib.suppress(ValueError):
        value = read_number(text)
        with contextlib.suppress(ValueError):
            return int(text.replace("\N{MINUS SIGN}", "-"))
        return value
    return text


def _range(key: str, text: str) -> list[Any]:
    problem = ExperimentError(
        [Problem(key, repr(text), "allowed is START:STOP, START:STOP:STEP or START:STOP:xFACTOR")]
    )
    start_text, _, rest = text.partition(":")
    stop_text, _, step_text = rest.partition(":")
    factor = step_text.startswith("x")
    start, stop = _number(start_text), _number(stop_text)
    step = _number(step_text.removeprefix("x")) if step_text else 1
    if any(isinstance(value, str) for value in (start, stop, step)):
        raise problem
    if stop < start or not all(math.isfinite(value) for value in (start, stop, step)):
        raise problem
    if (factor and (step <= 1 or start <= 0)) or step <= 0:
        raise problem
    steps = math.log(stop / start, step) if factor else (stop - start) / step
    if steps > _LIMIT:
        raise ExperimentError([Problem(key, repr(text), f"allowed are up to {_LIMIT:,} values")])
    count = math.floor(steps + 1e-9) + 1
    values = [start * step**i if factor else start + i * step for i in range(count)]
    return [round(value, 12) if isinstance(value, float) else value for value in values]
