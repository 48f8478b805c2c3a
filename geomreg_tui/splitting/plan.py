"""How deep the tail is to go. No torch here, and little else: the command line reads it when it starts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from geomreg_tui.errors import Problem
from geomreg_tui.experiment import read_number
from geomreg_tui.gradients.plan import OBSERVED, WALK, GradientPlan
from geomreg_tui.options import OptionReader

__all__ = [
    "DEPTH",
    "KERNEL_NAMES",
    "NAME",
    "POPULATION",
    "REPEATS",
    "TIME_LIMIT",
    "TailPlan",
    "parse_plan",
    "parse_seconds",
    "plan_from_values",
    "plan_values",
]

NAME = "splitting"
KERNEL_NAMES = ("auto", "pcn", "slice", "reflect", "tempered")
TIME_LIMIT = "time limit"  # the status of a population that could go on, had it more time
DEPTH = "-50"
POPULATION, REPEATS = "1000", "8"
_MOST_REPEATS = 99
_POPULATIONS = (20, 10**6)
_DEEPEST = -1e6  # log10 V
# Of plans, what those of earlier versions do not have.
_OPTIONAL: dict[str, Any] = {"held_out_curve": True, "norms": False, "observe": (), "pairs": None}


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
        held_out_curve: whether held-out examples are looked at on the way down as well as at the goal.
        norms: whether, where held-out examples are looked at, the norms of all weights are too.
        observe: what is observed of networks on the way down: names of gradients' ``OBSERVED``, in its order.
        pairs: pairs of examples whose gradients are compared; None for all.
    """

    loss: float = 0.0
    log10_volume: float = -math.inf
    population: int = 1000
    repeats: int = 8
    seconds: float = math.inf
    kernel: str = "auto"
    held_out_curve: bool = True
    norms: bool = False
    observe: tuple[str, ...] = ()
    pairs: int | None = None

    def observing(self, asked: GradientPlan | None) -> TailPlan:
        """Return the plan with what is observed of networks that are drawn observed on the way down too.

        Steps of walks have no meaning there: they leave the init law as it is, not that of low loss.
        """
        names = () if asked is None else tuple(name for name in asked.observe if name != WALK)
        return replace(self, observe=names, pairs=asked.pairs if asked is not None and names else None)


def plan_values(plan: TailPlan) -> dict[str, Any]:
    """Return a plan as plain data; None stands for no limit.

    What version 0.1.0 did not have is left out where it has its default.
    """
    values = {
        key: None if isinstance(value, float) and math.isinf(value) else value
        for key, value in asdict(plan).items()
        if key not in _OPTIONAL
    }
    if not plan.held_out_curve:
        values["held_out_curve"] = False
    if plan.norms:
        values["norms"] = True
    return {**values, "observe": list(plan.observe), "pairs": plan.pairs} if plan.observe else values


def plan_from_values(values: Mapping[str, Any]) -> TailPlan:
    """Restore a plan.

    Raises:
        LookupError, TypeError, ValueError: if entries are missing or impossible.
    """
    given = {field.name: values[field.name] for field in fields(TailPlan) if field.name not in _OPTIONAL}
    given |= {name: values.get(name, default) for name, default in _OPTIONAL.items()}
    plan = TailPlan(
        loss=float(given["loss"]),
        log10_volume=-math.inf if given["log10_volume"] is None else float(given["log10_volume"]),
        population=int(given["population"]),
        repeats=int(given["repeats"]),
        seconds=math.inf if given["seconds"] is None else float(given["seconds"]),
        kernel=str(given["kernel"]),
        held_out_curve=bool(given["held_out_curve"]),
        norms=bool(given["norms"]),
        observe=tuple(str(name) for name in given["observe"]),
        pairs=None if given["pairs"] is None else int(given["pairs"]),
    )
    known = tuple(name for name in OBSERVED if name != WALK and name in plan.observe)
    if plan.observe != known or not (plan.pairs is None or (plan.observe and plan.pairs >= 1)):
        raise ValueError("impossible observables")
    if not (0 <= plan.loss < math.inf and (plan.loss or plan.log10_volume > -math.inf)):
        raise ValueError("no goal")
    if not (plan.log10_volume < 0 and plan.seconds > 0 and plan.kernel in KERNEL_NAMES):
        raise ValueError("an impossible goal, time or kernel")
    if not (_POPULATIONS[0] <= plan.population <= _POPULATIONS[1] and 1 <= plan.repeats <= _MOST_REPEATS):
        raise ValueError("an impossible number of particles or populations")
    return plan


def parse_plan(
    to_loss: str | None = None,
    to_log10_volume: str | None = None,
    population: str | None = None,
    repeats: str | None = None,
    move: str | None = None,
    max_seconds: str | None = None,
) -> TailPlan:
    """Return how deep to go; every argument as the person wrote it, None for the default.

    Raises:
        ExperimentError: with one problem for each argument that is no good.
    """
    reader, default = OptionReader(), TailPlan()
    if to_loss is None and to_log10_volume is None:
        to_log10_volume = DEPTH
    plan = TailPlan(
        loss=reader.number("to-loss", to_loss, 0.0, 5e-324, 1e300, "a loss above 0, such as 1e-6"),
        log10_volume=reader.number(
            "to-log10-volume", to_log10_volume, -math.inf, _DEEPEST, -1e-9, "a negative number, such as -50"
        ),
        population=reader.whole("population", population or POPULATION, default.population, *_POPULATIONS),
        repeats=reader.whole("repeats", repeats or REPEATS, default.repeats, 1, _MOST_REPEATS),
        seconds=parse_seconds(max_seconds, reader.problems),
        kernel=move or "auto",
    )
    if plan.kernel not in KERNEL_NAMES:
        allowed = f"allowed is one of {', '.join(KERNEL_NAMES)}"
        reader.problems.append(Problem("move", repr(plan.kernel), allowed))
    reader.check()
    return plan


def parse_seconds(text: str | None, problems: list[Problem]) -> float:
    """Return a time limit, infinite for None; what is wrong with it joins the problems."""
    if text is None:
        return math.inf
    try:
        seconds = read_number(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        problems.append(Problem("max-seconds", repr(text), "allowed is a number of seconds above 0"))
    return seconds
