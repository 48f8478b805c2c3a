"""Sweeps: one experiment over the values of one or two factors, and the direction of the balance."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geomreg_tui.analysis import (
    DeepTail,
    Direction,
    LossDistribution,
    ModeAnalysis,
    analyse_modes,
    deep_tail,
    direction,
    volume_curve,
)
from geomreg_tui.engine.handle import RunHandle
from geomreg_tui.engine.launch import RunSeries
from geomreg_tui.errors import ExperimentError, Problem, RunDirectoryError, SamplingError, nearest_name
from geomreg_tui.experiment import Experiment
from geomreg_tui.runs import RunDirectory, RunState, differences
from geomreg_tui.summary import Facts, Summary, TailPlan

__all__ = [
    "Factor",
    "SweepPoint",
    "Verdict",
    "grid",
    "parse_factor",
    "point_name",
    "run_sweep",
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
        tail: the deep tail; None where none was asked for.
    """

    settings: tuple[Any, ...]
    facts: Facts
    summary: Summary
    modes: ModeAnalysis
    tail: DeepTail | None = None

    @classmethod
    def of(cls, settings: tuple[Any, ...], run: RunDirectory) -> SweepPoint:
        """Analyse the result of one experiment."""
        facts, summary = run.facts, run.committed()[0].summary
        distribution = LossDistribution(summary, facts.null_loss)
        tail = run.tail.read()
        deep = None if tail is None else deep_tail(tail, volume_curve(distribution))
        return cls(settings, facts, summary, analyse_modes(distribution), deep)


@dataclass(frozen=True)
class Verdict:
    """The direction in which a factor pushes the balance, the other factor held at a value.

    Attributes:
        factor: the factor.
        held: (key, value) of the other factor, or None.
        direction: Kendall's tau-b between factor and D with its interval, and the verdict in words.
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
    for part in body.split(","):
        values += _range(key, part.strip()) if ":" in part and key != "data" else [_number(part.strip())]
    if len(values) > _LIMIT:
        raise ExperimentError([Problem("over", f"{len(values):,} values", f"allowed are up to {_LIMIT:,}")])
    return Factor(key, tuple(dict.fromkeys(values)))


def grid(base: Experiment, factors: Sequence[Factor]) -> list[tuple[tuple[Any, ...], Experiment]]:
    """Return the settings and the experiment of each point, the last factor varying fastest.

    Raises:
        ExperimentError: if a factor is given twice, or a value is impossible.
    """
    if len({factor.key for factor in factors}) != len(factors) or not 1 <= len(factors) <= 2:
        raise ExperimentError([Problem("over", "these factors", "allowed are one or two different factors")])
    settings: list[tuple[Any, ...]] = [()]
    for factor in factors:
        settings = [(*before, value) for before in settings for value in factor.values]
    keys = [factor.key for factor in factors]
    return [(point, base.replace(**dict(zip(keys, point, strict=True)))) for point in settings]


def run_sweep(
    base: Experiment,
    factors: Sequence[Factor],
    samples: int,
    folder: Path,
    *,
    workers: int | None = None,
    device: str = "auto",
    interrupted: Callable[[], bool] = lambda: False,
    tail: TailPlan | None = None,
) -> Iterator[SweepPoint]:
    """Run the points of a sweep one after the other in one engine, each in a run directory of its own.

    Points that are there already are taken as they are if they are complete, and gone on with if not: a
    sweep that was stopped or killed is taken up by asking for it again.

    Args:
        base: the experiment whose keys the factors replace.
        factors: one or two.
        samples: networks of each point.
        folder: where the run directories are made.
        workers: worker processes; default: one for each core.
        device: ``auto``, ``cpu`` or ``cuda:i``.
        tail: how deep to go at each point after that; None for not at all.
        interrupted: asked several times a second; once true, the point under way is stopped and is the last.

    Raises:
        ExperimentError, DataError, CapacityError: if a point cannot be run.
        RunDirectoryError: if a directory cannot be made, or holds another experiment.
        SamplingError: if a run failed.
    """
    points = grid(base, factors)
    series = RunSeries(workers, device)
    try:
        for settings, experiment in points:
            path = folder / point_name(factors, settings)
            stored = _stored(path, experiment, tail)
            if stored is not None and _complete(stored, samples):
                yield SweepPoint.of(settings, stored)
                continue
            if stored is not None:
                handle = series.resume(path, samples, experiment.module)
            else:
                handle = series.run(experiment, samples, path, tail=tail)

            def watch(handle: RunHandle = handle) -> None:
                if interrupted():
                    handle.stop()

            if series.finish(watch) is RunState.FAILED:
                snapshot = handle.snapshot()
                raise SamplingError(snapshot.message if snapshot else "a run of the sweep failed")
            yield SweepPoint.of(settings, RunDirectory.open(handle.directory))
            if interrupted():
                return
    finally:
        series.close()


def _stored(path: Path, experiment: Experiment, tail: TailPlan | None) -> RunDirectory | None:
    """Return the run of an experiment that is at ``path``, or None where there is none."""
    if not (path / "experiment.json").exists():
        return None
    run = RunDirectory.open(path)
    if run.asked != experiment:
        changed = "; ".join(differences(run.asked, experiment))
        raise RunDirectoryError(f"{path}: holds another experiment ({changed}); choose another --out")
    stored = run.tail.planned()
    if (stored.plan if stored else None) != tail:
        raise RunDirectoryError(f"{path}: holds a run with another deep tail, or none; choose another --out")
    return run


def _complete(run: RunDirectory, samples: int) -> bool:
    status = run.read_status()
    return status.state is RunState.DONE and status.samples >= samples


def point_name(factors: Sequence[Factor], settings: Sequence[Any]) -> str:
    """Return a name for a point that is also good for a folder: ``width=16,depth=2``."""
    text = ",".join(f"{f.key}={value}" for f, value in zip(factors, settings, strict=True))
    return "".join(c if c.isalnum() or c in "=.,-_" else "-" for c in text)[:120]


def verdicts(factors: Sequence[Factor], points: Sequence[SweepPoint]) -> list[Verdict]:
    """Return the direction of each ordered factor, for each value of the other one."""
    found = []
    for place, factor in enumerate(factors):
        if not factor.ordered or len(factor.values) < 2:
            continue
        other = 1 - place if len(factors) == 2 else None
        for held in factors[other].values if other is not None else (None,):
            chosen = [p for p in points if other is None or p.settings[other] == held]
            if len(chosen) < 2:
                continue
            result = direction([float(p.settings[place]) for p in chosen], [p.modes for p in chosen])
            found.append(Verdict(factor, (factors[other].key, held) if other is not None else None, result))
    return found


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
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
