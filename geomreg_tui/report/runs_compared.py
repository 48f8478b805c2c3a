"""Two to six runs side by side: each measure with its interval, and its difference from the first run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from geomreg_tui.errors import ExperimentError, Problem, RunDirectoryError, one_line
from geomreg_tui.experiment import Experiment
from geomreg_tui.report.results import Result
from geomreg_tui.rundir import read_labels
from geomreg_tui.statistics import distance
from geomreg_tui.statistics.differences import difference, dominance_difference, quantile_interval
from geomreg_tui.statistics.distribution import Distance
from geomreg_tui.statistics.intervals import UNDEFINED, Interval
from geomreg_tui.training.volume import VolumeOfLoss

__all__ = ["QUANTILES", "ComparedRun", "Measure", "RunsCompared", "compare_results"]

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
FEWEST, MOST = 2, 6  # runs
_SHARP = 0.1  # standard error of log10 V, to which V at equal loss is to be known
_SAME = "their networks are the same ones, and intervals and p are those of independent ones"
# Not what is sampled, but how.
_HOW = {"data_sha256", "sampler", "dtype", "backend", "chunk_size", "batch_size", "bin_bits"}


class Measure(NamedTuple):
    """A quantity of a run.

    Attributes:
        value: with its 95 % interval; undefined where the run has none.
        change: its difference from the first run; undefined for that run, and where one of them has none.
    """

    value: Interval
    change: Interval


@dataclass(frozen=True)
class ComparedRun:
    """A run beside others.

    Attributes:
        letter: A for the first, B, C, ...
        name: what people call it, or the name of its directory.
        result: the run.
        settings: values of the keys in which the runs differ, by key.
        measures: by name: ``d0``, ``at_null_loss``, ``quantile_0.5`` and so on, ``log10_volume``.
        distance: Kolmogorov–Smirnov distance from the first run with its p-value; None for that run.
        tail: log10 L and log10 V with its interval where the deep tail ends; None without one.
        tail_status: why it ended there; empty without a tail.
    """

    letter: str
    name: str
    result: Result
    settings: Mapping[str, Any]
    measures: Mapping[str, Measure]
    distance: Distance | None
    tail: tuple[float, Interval] | None
    tail_status: str

    @property
    def volume_of_loss(self) -> VolumeOfLoss:
        """V of any loss, from its own networks and its own tail."""
        return VolumeOfLoss.of(self.result.volume, self.result.tail)


@dataclass(frozen=True)
class RunsCompared:
    """Runs beside the first of them.

    Attributes:
        runs: in the order in which they were named.
        loss: the loss at which V is compared; NaN where there is none that all have come to.
    """

    runs: tuple[ComparedRun, ...]
    loss: float

    @property
    def warnings(self) -> tuple[str, ...]:
        """What every output must say of the runs."""
        found = [f"{run.letter}: {text}" for run in self.runs for text in run.result.warnings]
        for place, run in enumerate(self.runs):
            digest = run.result.facts.experiment.digest()
            for other in self.runs[:place]:
                if digest == other.result.facts.experiment.digest():
                    found.append(f"{other.letter} and {run.letter} have one experiment and seed: {_SAME}")
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        """Return plain data; None stands for what is undefined."""
        return {
            "warnings": list(self.warnings),
            "loss": self.loss if math.isfinite(self.loss) else None,
            "runs": [_document(run) for run in self.runs],
        }

    def columns(self) -> dict[str, list[Any]]:
        """Return a row for each measure of each run, as columns."""
        columns: dict[str, list[Any]] = {name: [] for name in ("run", "name", "measure", "loss")}
        columns |= {f"{kind}{end}": [] for kind in ("", "difference_") for end in ("estimate", "low", "high")}
        for run in self.runs:
            for name, measure in run.measures.items():
                columns["run"].append(run.letter)
                columns["name"].append(run.name)
                columns["measure"].append(name)
                columns["loss"].append(self.loss if name == "log10_volume" else math.nan)
                for kind, interval in (("", measure.value), ("difference_", measure.change)):
                    for end, number in zip(("estimate", "low", "high"), interval, strict=True):
                        columns[f"{kind}{end}"].append(number)
        return columns


def compare_results(results: Sequence[Result], at_loss: float | None = None) -> RunsCompared:
    """Compare runs with the first of them.

    Args:
        results: two to six, of any experiments.
        at_loss: the loss at which V is compared; None for the smallest at which all know log10 V to a
            standard error of 0.1, or the smallest that all have come to.

    Raises:
        ExperimentError: if there are fewer or more, or one is named twice.
        RunDirectoryError: if nothing of one has been sampled yet.
    """
    if not FEWEST <= len(results) <= MOST:
        rule = f"allowed are {FEWEST} to {MOST} runs"
        raise ExperimentError([Problem("RUN", f"{len(results)} of them", rule)])
    paths = [result.path.resolve() for result in results]
    for result, path in zip(results, paths, strict=True):
        if paths.count(path) > 1:
            rule = "allowed is each run once"
            raise ExperimentError([Problem("RUN", f"{one_line(result.path)} twice", rule)])
        if not result.distribution.finite:
            raise RunDirectoryError(f"{result.path.name}: has no networks yet that could be compared")
    curves = [VolumeOfLoss.of(result.volume, result.tail) for result in results]
    if at_loss is None:
        common = _common_loss(curves)
        loss = 10**common if math.isfinite(common) else math.nan
    else:
        loss = at_loss
    keys = _differing([result.facts.experiment for result in results])
    first: dict[str, Interval] = {}
    runs = []
    for place, (result, curve) in enumerate(zip(results, curves, strict=True)):
        values = _values(result, curve, loss)
        first = first or values
        changes = {
            name: UNDEFINED if place == 0 else difference(value, first[name])
            for name, value in values.items()
        }
        if place:
            changes["d0"] = dominance_difference(result.landmark, results[0].landmark)
        goal = result.tail.goal if result.tail is not None else None
        runs.append(
            ComparedRun(
                "ABCDEF"[place],
                read_labels(result.path).name or one_line(result.path.name),
                result,
                {key: getattr(result.facts.experiment, key) for key in keys},
                {name: Measure(value, changes[name]) for name, value in values.items()},
                distance(result.distribution, results[0].distribution) if place else None,
                (goal[0], Interval(*goal[1:])) if goal is not None else None,
                result.tail.status_text if result.tail is not None else "",
            )
        )
    return RunsCompared(tuple(runs), loss)


def _values(result: Result, curve: VolumeOfLoss, loss: float) -> dict[str, Interval]:
    """Return the measures of a run by name."""
    values = {"d0": result.landmark.landmark, "at_null_loss": result.at_null}
    values |= {f"quantile_{share}": quantile_interval(result.distribution, share) for share in QUANTILES}
    volume = curve.at([loss])[0].tolist() if math.isfinite(loss) else UNDEFINED
    return {**values, "log10_volume": Interval(*volume)}


def _common_loss(curves: Sequence[VolumeOfLoss]) -> float:
    """Return log10 of the smallest loss at which all curves know V well, or know it at all; NaN for none."""
    for most in (_SHARP, math.inf):
        ends = [curve.log10_loss[curve.std <= most] for curve in curves]
        if all(end.size for end in ends):
            return float(max(end.min() for end in ends))
    return math.nan


def _differing(experiments: Sequence[Experiment]) -> list[str]:
    """Return the keys in which experiments differ, apart from how they are computed."""
    return [
        key
        for key in Experiment.model_fields
        if key not in _HOW and any(getattr(e, key) != getattr(experiments[0], key) for e in experiments)
    ]


def _document(run: ComparedRun) -> dict[str, Any]:
    """Return a run as plain data."""
    experiment = run.result.facts.experiment
    place, volume = run.tail or (math.nan, UNDEFINED)
    found = run.distance
    return {
        "run": run.letter,
        "name": run.name,
        "path": str(run.result.path),
        "digest": experiment.digest(),
        "samples": run.result.summary.samples,
        "null_loss": _plain(run.result.facts.null_loss),
        "settings": {key: list(v) if isinstance(v, tuple) else v for key, v in run.settings.items()},
        "measures": {
            name: {"value": measure.value.to_json(), "difference": measure.change.to_json()}
            for name, measure in run.measures.items()
        },
        "ks": None if found is None else {"distance": _plain(found.statistic), "p": _plain(found.p_value)},
        "tail": {
            "log10_loss": _plain(place),
            "log10_volume": volume.to_json(),
            "status": run.tail_status or None,
        },
    }


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
