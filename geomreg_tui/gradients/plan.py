"""What is to be observed of drawn networks. No torch, and little else: the command line reads it early."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from geomreg_tui.errors import ExperimentError, Problem, nearest_name
from geomreg_tui.experiment import Experiment
from geomreg_tui.options import OptionReader

__all__ = [
    "LABELS",
    "METHODS",
    "NAME",
    "NETWORKS",
    "OBSERVED",
    "WALK",
    "WALK_STEP",
    "Arrangement",
    "GradientPlan",
    "arrangement_from_values",
    "check_plan",
    "parse_plan",
    "plan_from_values",
    "plan_values",
]

NAME = "gradients"
WALK = "walk"
# What can be asked for, and the observables that it gives.
OBSERVED: dict[str, tuple[str, ...]] = {
    "confusion": ("confusion_min", "confusion_mean", "confusion_negative"),
    "ntk": ("ntk_trace",),
    "gradient_norm": ("gradient_norm",),
    "sharpness": ("sharpness",),
    WALK: ("walk_correlation",),
}
# What they are called where people read of them.
LABELS = {
    "confusion_min": "smallest cosine",
    "confusion_mean": "mean cosine",
    "confusion_negative": "share of negative cosines",
    "ntk_trace": "trace of the NTK",
    "gradient_norm": "gradient norm",
    "sharpness": "sharpness",
    "walk_correlation": "walk: correlation of L",
}
METHODS = ("auto", "projected", "direct")
NETWORKS = 10_000  # observed unless a number is asked for: means to 1 % of the standard deviation
WALK_STEP = 0.9
CURVED = ("mse", "huber", "bce", "cross_entropy")  # losses whose second derivative is not 0
NORMAL_INITS = ("normal", "he_normal", "glorot_normal", "lecun_normal")  # with independent normal entries
_MOST_NETWORKS, _MOST_PAIRS = 10**9, 10**9


@dataclass(frozen=True)
class GradientPlan:
    """What is to be observed.

    Attributes:
        observe: names of :data:`OBSERVED`, in its order.
        networks: how many are observed.
        pairs: pairs of examples whose gradients are compared, chosen once for all networks; None for all.
        walk_step: rho of a step theta' = rho theta + sqrt(1 - rho**2) xi.
        method: how gradients are drawn: ``projected``, ``direct``, or ``auto`` for the cheaper of those that
            are exact.
    """

    observe: tuple[str, ...]
    networks: int = NETWORKS
    pairs: int | None = None
    walk_step: float = WALK_STEP
    method: str = "auto"

    @property
    def observables(self) -> tuple[str, ...]:
        """The observables of gradients that are asked for; those of walks are none."""
        return tuple(one for name in self.observe if name != WALK for one in OBSERVED[name])

    @property
    def walks(self) -> bool:
        """Whether walks are asked for."""
        return WALK in self.observe

    def needs_ntk(self, outputs: int) -> bool:
        """Return whether the whole NTK is needed, and not the gradients of the loss alone."""
        return outputs == 1 or "ntk" in self.observe or "sharpness" in self.observe


@dataclass(frozen=True)
class Arrangement:
    """How the networks of an experiment are observed: all that decides bits, and is no matter of the machine.

    Attributes:
        method: ``projected`` or ``direct``.
        reason: why.
        chunk: networks of a chunk.
        batch: networks side by side.
        pairs: pairs of examples whose gradients are compared.
        projected: which layers are projected, for gradients.
        paired: which layers are projected, for steps of walks.
    """

    method: str
    reason: str
    chunk: int
    batch: int
    pairs: int
    projected: tuple[bool, ...]
    paired: tuple[bool, ...]


def arrangement_from_values(values: Mapping[str, Any]) -> Arrangement:
    """Restore an arrangement from ``dataclasses.asdict`` of it.

    Raises:
        LookupError, TypeError, ValueError: if entries are missing or impossible.
    """
    found = Arrangement(
        method=str(values["method"]),
        reason=str(values["reason"]),
        chunk=int(values["chunk"]),
        batch=int(values["batch"]),
        pairs=int(values["pairs"]),
        projected=tuple(bool(one) for one in values["projected"]),
        paired=tuple(bool(one) for one in values["paired"]),
    )
    possible = found.method in METHODS[1:] and 1 <= found.batch <= found.chunk and found.pairs >= 0
    if not possible or len(found.projected) != len(found.paired):
        raise ValueError("an impossible arrangement of gradients")
    return found


def plan_values(plan: GradientPlan) -> dict[str, Any]:
    """Return a plan as plain data."""
    return {**asdict(plan), "observe": list(plan.observe)}


def plan_from_values(values: Mapping[str, Any]) -> GradientPlan:
    """Restore a plan.

    Raises:
        LookupError, TypeError, ValueError: if entries are missing or impossible.
    """
    given = {field.name: values[field.name] for field in fields(GradientPlan)}
    plan = GradientPlan(
        observe=tuple(str(name) for name in given["observe"]),
        networks=int(given["networks"]),
        pairs=None if given["pairs"] is None else int(given["pairs"]),
        walk_step=float(given["walk_step"]),
        method=str(given["method"]),
    )
    possible = (
        plan.observe
        and plan.observe == tuple(name for name in OBSERVED if name in plan.observe)
        and 1 <= plan.networks <= _MOST_NETWORKS
        and (plan.pairs is None or 1 <= plan.pairs <= _MOST_PAIRS)
        and -1 < plan.walk_step < 1
        and plan.method in METHODS
    )
    if not possible:
        raise ValueError("an impossible plan of gradients")
    return plan


def parse_plan(
    observe: str | Sequence[str],
    pairs: str | None = None,
    walk_step: str | None = None,
    observed: str | None = None,
    *,
    samples: int | None = None,
) -> GradientPlan:
    """Return what is to be observed; every argument as the person wrote it, None for the default.

    Args:
        observe: names with commas between them, or a list of names.
        pairs: a number, or ``all``.
        walk_step: a number above -1 and below 1.
        observed: how many networks are observed.
        samples: networks that the run draws, which the default of ``observed`` never exceeds.

    Raises:
        ExperimentError: with one problem for each argument that is no good.
    """
    reader = OptionReader()
    names = [part.strip() for part in observe.split(",")] if isinstance(observe, str) else list(observe)
    for name in names:
        if name not in OBSERVED:
            got = repr(name) if len(names) == 1 else f"{name!r} in {observe!r}"
            allowed = f"allowed are {', '.join(OBSERVED)}, with commas between them"
            reader.problems.append(Problem("observe", got, allowed, nearest_name(name, list(OBSERVED))))
    default = min(NETWORKS, samples or NETWORKS)
    plan = GradientPlan(
        observe=tuple(name for name in OBSERVED if name in names),
        networks=reader.whole("observed", observed, default, 1, _MOST_NETWORKS),
        pairs=None if pairs in (None, "all") else reader.whole("pairs", pairs, 1, 1, _MOST_PAIRS),
        walk_step=reader.number(
            "walk-step",
            walk_step,
            WALK_STEP,
            -1 + 1e-9,
            1 - 1e-9,
            "a number above -1 and below 1, such as 0.9",
        ),
    )
    reader.check()
    return plan


def check_plan(plan: GradientPlan, experiment: Experiment) -> None:
    """Refuse what cannot be observed, as far as that can be told without loading the data.

    Raises:
        ExperimentError: with one problem for each thing that cannot be.
    """
    problems = []
    loss, asked = experiment.loss, ", ".join(name for name in plan.observe if name not in ("ntk", WALK))
    if loss == "zero_one" and asked:
        got = f"{asked} with loss zero_one, whose gradient is 0"
        problems.append(Problem("observe", got, "try loss cross_entropy or hinge, or observe ntk"))
    elif "sharpness" in plan.observe and loss not in CURVED:
        got = f"sharpness with loss {loss}, whose second derivative is 0"
        problems.append(Problem("observe", got, f"allowed are losses {', '.join(CURVED)}"))
    if "confusion" in plan.observe and experiment.examples == 1:
        got = "confusion with one example, which has no pairs"
        problems.append(Problem("observe", got, "try examples 2 or more"))
    if plan.walks and experiment.init not in NORMAL_INITS:
        got = f"walk with init {experiment.init}, which its steps do not leave as it is"
        problems.append(Problem("observe", got, f"allowed are inits {', '.join(NORMAL_INITS)}"))
    if problems:
        raise ExperimentError(problems)
