"""What a sweep is asked for: an experiment, one or two factors, and the networks of each point."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from geomreg_tui.errors import ExperimentError, GeomregError, Problem, nearest_name
from geomreg_tui.experiment import Experiment, read_number
from geomreg_tui.gradients.plan import GradientPlan
from geomreg_tui.gradients.plan import plan_from_values as observed_from_values
from geomreg_tui.gradients.plan import plan_values as observed_values
from geomreg_tui.splitting.plan import TailPlan, plan_from_values, plan_values
from geomreg_tui.training.plan import TrainingPlan
from geomreg_tui.training.plan import plan_from_values as training_from_values
from geomreg_tui.training.plan import plan_values as training_values

__all__ = [
    "REPLICATE",
    "Factor",
    "SweepPlan",
    "experiment_at",
    "factor_of",
    "grid",
    "impossible",
    "parse_factor",
    "point_name",
]

# No key of an experiment but a number that is added to both of its seeds: a replicate has examples and
# weights of its own, so that replicates are independent.
REPLICATE = "replicate"
_SEEDS = ("seed", "data_seed")

_LIMIT = 1000  # values of a factor
_SCHEMA = 1


@dataclass(frozen=True)
class Factor:
    """A key of the experiment, or :data:`REPLICATE`, and the values it takes."""

    key: str
    values: tuple[Any, ...]

    @property
    def ordered(self) -> bool:
        """Whether the values are numbers that mean more or less of something, with a direction."""
        return self.key != REPLICATE and all(
            isinstance(value, (int, float)) and not isinstance(value, bool) for value in self.values
        )


@dataclass(frozen=True)
class SweepPlan:
    """The plan of a sweep.

    Attributes:
        experiment: whose keys the factors replace.
        factors: one or two.
        samples: networks of each point.
        tail: how deep to go at each point after that; None for not at all.
        training: how to train networks at each point after that; None for not at all.
        observed: what to observe of networks of each point besides their loss; None for nothing.
    """

    experiment: Experiment
    factors: tuple[Factor, ...]
    samples: int
    tail: TailPlan | None = None
    training: TrainingPlan | None = None
    observed: GradientPlan | None = None

    def grid(self) -> list[tuple[tuple[Any, ...], Experiment]]:
        """Return settings and experiment of each point; as :func:`geomreg_tui.sweeps.points.grid`."""
        return grid(self.experiment, self.factors)

    @property
    def target(self) -> int:
        """Networks asked for, of all points."""
        return self.samples * math.prod(len(factor.values) for factor in self.factors)

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "schema": _SCHEMA,
            "experiment": self.experiment.to_stored(),
            "factors": [[factor.key, list(factor.values)] for factor in self.factors],
            "samples": self.samples,
            "tail": None if self.tail is None else plan_values(self.tail),
            **({} if self.training is None else {"training": training_values(self.training)}),
            **({} if self.observed is None else {"observed": observed_values(self.observed)}),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> SweepPlan:
        """Restore a plan.

        Raises:
            ExperimentError: if a point of it is impossible.
            KeyError, TypeError, ValueError: if it is not a plan.
        """
        plan = cls(
            Experiment.from_stored(values["experiment"]),
            tuple(factor_of(key, listed) for key, listed in values["factors"]),
            int(values["samples"]),
            plan_from_values(values["tail"]) if values.get("tail") is not None else None,
            training_from_values(values["training"]) if values.get("training") is not None else None,
            observed_from_values(values["observed"]) if values.get("observed") is not None else None,
        )
        if values["schema"] != _SCHEMA or not 1 <= plan.samples <= 10**15:
            raise ValueError("not the plan of a sweep")
        plan.grid()
        return plan


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
    if not _is_factor(key):
        near = nearest_name(key, [*Experiment.model_fields, REPLICATE])
        rule = f"allowed is a key of an experiment, or {REPLICATE}"
        raise ExperimentError([Problem("over", repr(key), rule, near)])
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
    if key == REPLICATE:
        return False
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
    points: list[tuple[tuple[Any, ...], Experiment]] = []
    problems: dict[Problem, None] = {}  # several points may have the same
    for point in settings:
        try:
            points.append((point, experiment_at(base, factors, point)))
        except ExperimentError as error:
            problems |= dict.fromkeys(error.problems)
    if problems:
        raise ExperimentError(problems)
    return points


def experiment_at(base: Experiment, factors: Sequence[Factor], settings: Sequence[Any]) -> Experiment:
    """Return the experiment of a point.

    Args:
        base: whose keys the factors replace.
        factors: one or two.
        settings: the value of each.

    Raises:
        ExperimentError: if values are impossible.
    """
    changes: dict[str, Any] = {}
    for factor, value in zip(factors, settings, strict=True):
        if factor.key != REPLICATE:
            changes[factor.key] = value
        elif isinstance(value, int) and value >= 0:
            changes |= {key: getattr(base, key) + value for key in _SEEDS}
        else:
            raise ExperimentError([Problem(REPLICATE, repr(value), "allowed are whole numbers from 0 on")])
    return base.replace(**changes)


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


def factor_of(key: object, values: object) -> Factor:
    """Return the factor that plain data hold.

    Raises:
        ValueError: if they hold none.
    """
    if not isinstance(key, str) or not _is_factor(key) or not isinstance(values, list) or not values:
        raise ValueError("not a factor of a sweep")
    if not all(isinstance(value, (int, float, str)) for value in values):
        raise ValueError("not the values of a factor")
    return Factor(key, tuple(values))


def _is_factor(key: str) -> bool:
    return key in Experiment.model_fields or key == REPLICATE


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
