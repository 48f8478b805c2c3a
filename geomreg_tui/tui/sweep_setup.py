"""What is asked of a sweep: the factors there are, values that suit them, and what is wrong with others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from geomreg_tui.datasets import BUILT_IN
from geomreg_tui.errors import ExperimentError, Problem
from geomreg_tui.experiment import Experiment, choices, parse_count
from geomreg_tui.formatting import exact_text
from geomreg_tui.sweeps.plan import REPLICATE, Factor, SweepPlan, experiment_at, parse_factor
from geomreg_tui.tui.numbers import count_spelling

__all__ = ["FACTORS", "SweepSetup", "plan_of", "setup_of", "usual_values", "value_text", "values_text"]

_FIRST = ("width", "depth", "gain", "init", "examples", "activation")
_MACHINE = ("data_sha256",)  # filled in when a run starts
FACTORS = tuple(
    dict.fromkeys((*_FIRST, REPLICATE, *(key for key in Experiment.model_fields if key not in _MACHINE)))
)
_LAWS = ("he_normal", "glorot_normal", "lecun_normal", "he_uniform", "orthogonal", "sphere")
_COUNTS = ("width", "channels", "inputs", "outputs", "examples", "held_out", "chunk_size", "batch_size")
_POINTS = 5


@dataclass(frozen=True)
class SweepSetup:
    """What the controls of a sweep show, as text.

    Attributes:
        key: the factor.
        values: its values, as ``sweep --over KEY=VALUES`` takes them.
        samples: networks of each point.
    """

    key: str
    values: str
    samples: str


def plan_of(experiment: Experiment, setup: SweepSetup) -> SweepPlan:
    """Return what a setup asks for.

    Raises:
        ExperimentError: with a problem for each control, ``values`` and ``samples``, that shows what is
            impossible; the first impossible value stands for all.
    """
    problems: list[Problem] = []
    samples, factor = 0, Factor(setup.key, ())
    try:
        samples = parse_count(setup.samples)
    except ExperimentError as error:
        problems += error.problems
    try:
        factor = _factor(experiment, setup)
    except ExperimentError as error:
        problems += [replace(error.problems[0], key="values")]
    if problems:
        raise ExperimentError(problems)
    return SweepPlan(experiment, (factor,), samples)


def _factor(experiment: Experiment, setup: SweepSetup) -> Factor:
    """Return the factor with the values that were typed.

    Raises:
        ExperimentError: if they are none, or not values of that key.
    """
    text = setup.values.strip().rstrip(",")
    if not text:
        example = usual_values(experiment, setup.key)
        allowed = f"allowed are values such as {example}" if example else "allowed are values of that key"
        raise ExperimentError([Problem("values", "nothing", allowed)])
    factor = parse_factor(f"{setup.key}={text}")
    for value in factor.values:
        if value == "":
            raise ExperimentError([Problem("values", repr(text), "allowed is one value between two commas")])
        try:
            experiment_at(experiment, (factor,), (value,))
        except ExperimentError as error:
            problem = next((p for p in error.problems if p.key == setup.key), error.problems[0])
            raise ExperimentError([replace(problem, got=repr(value))]) from None
    return factor


def setup_of(plan: SweepPlan) -> SweepSetup:
    """Return the setup that asks for a plan; of two factors the first is shown."""
    factor = plan.factors[0]
    return SweepSetup(factor.key, values_text(factor.values), count_spelling(plan.samples))


def usual_values(experiment: Experiment, key: str) -> str:
    """Return some values of a factor about the one that an experiment has."""
    now = 0 if key == REPLICATE else getattr(experiment, key)
    wanted = list(_about(key, now))
    fits = [value for value in wanted if _fits(experiment, key, value)]
    return values_text(fits or wanted)


def values_text(values: Iterable[Any]) -> str:
    """Return values as they are typed."""
    return ", ".join(value_text(value) for value in values)


def value_text(value: Any) -> str:
    """Return one value of a factor in few characters."""
    return exact_text(value)


def _about(key: str, now: Any) -> Iterable[Any]:
    """Return values about the present one of a key."""
    if names := () if key == REPLICATE else choices(key):
        main = _LAWS if key == "init" else names
        return main if now in main else (now, *main[:_POINTS])
    if isinstance(now, bool):
        return "false", "true"
    if key == "data":
        return dict.fromkeys((now, *BUILT_IN))
    if key == "depth":
        return range(max(1, now - 2), max(1, now - 2) + _POINTS)
    if key in ("seed", "data_seed", REPLICATE):
        return range(now, now + _POINTS)
    if key == "kernel":
        return 1, 3, 5, 7
    if key == "bin_bits":
        return 8, 10, 12, 14
    if key == "sparsity":
        return 0.1, 0.3, 0.5, 0.7, 0.9
    if key in _COUNTS:
        middle = max(now) if isinstance(now, tuple) else now or 16
        return dict.fromkeys(max(1, int(middle * 2.0**power)) for power in range(-2, 3))
    if isinstance(now, float):
        return [float(f"{(now or 1.0) * times:.6g}") for times in (0.5, 0.75, 1.0, 1.5, 2.0)]
    return () if now is None else (now,)


def _fits(experiment: Experiment, key: str, value: Any) -> bool:
    """Return whether the experiment can have a value."""
    try:
        experiment_at(experiment, (Factor(key, (value,)),), (value,))
    except ExperimentError:
        return False
    return True
