"""A sweep as the sweep screen draws it: one frozen object, made from its directory off the event loop."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from geomreg_tui.errors import RunDirectoryError
from geomreg_tui.rundir import RunDirectory, RunState, Status
from geomreg_tui.runner.handle import RunHandle
from geomreg_tui.runner.progress import stage_progress, stage_work
from geomreg_tui.runner.snapshot import Snapshot
from geomreg_tui.sampling.store import committed
from geomreg_tui.splitting.checkpoints import TailFolder
from geomreg_tui.splitting.joined import deep_tail
from geomreg_tui.splitting.result import Tail
from geomreg_tui.statistics import (
    LandmarkDominance,
    LossDistribution,
    ModeAnalysis,
    analyse_modes,
    landmark_dominance,
    run_volume,
)
from geomreg_tui.statistics.intervals import Interval
from geomreg_tui.summary import Facts, Summary
from geomreg_tui.sweeps.directory import SweepDirectory
from geomreg_tui.sweeps.plan import SweepPlan
from geomreg_tui.sweeps.result import SweepPoint
from geomreg_tui.sweeps.trained import compare_training
from geomreg_tui.sweeps.verdicts import GridVerdict, Verdict, grid_verdicts, verdicts
from geomreg_tui.sweeps.volumes import TailComparison, compare_tails
from geomreg_tui.training.overview import TrainingOverview
from geomreg_tui.training.store import read_overview
from geomreg_tui.tui.sweep_setup import value_text

__all__ = ["TRAINED", "PointView", "SweepReader", "SweepView"]

# Measures of trained networks that are shown, and V at the loss that they are trained to.
TRAINED = ("held_out_loss", "distance", "fitted", "log10_volume")

_PATIENCE = 0.5  # seconds
# Of the stages after the networks, by the names under which their progress is told: those of their results.
_STAGES = {"gradients": "gradients", "deep tail": "splitting", "training": "training"}
_LIVELY = 24  # points up to which the direction is worked out anew whenever one of them grows


@dataclass(frozen=True, eq=False)
class PointView:
    """One point of a sweep at one moment; the same object for as long as nothing of it changes.

    Attributes:
        settings: value of each factor.
        path: its run directory, which may not be there yet.
        target: networks asked for.
        state: what it is doing; None before it has begun.
        samples: networks drawn so far.
        rate: networks a second, lately.
        device: what it is sampled on.
        share: share of its work that is done, from 0 to 1, of one that is under way.
        message: why it failed.
        mixed: whether parts of it were drawn in different environments.
        result: what has come out so far; None before the first networks.
        distribution: of the losses; None before the first networks.
    """

    settings: tuple[Any, ...]
    path: Path
    target: int
    state: RunState | None = None
    samples: int = 0
    rate: float = 0.0
    device: str = ""
    share: float = 0.0
    message: str = ""
    mixed: bool = False
    result: SweepPoint | None = None
    distribution: LossDistribution | None = None

    @property
    def value(self) -> str:
        """The settings in few characters."""
        return ", ".join(value_text(value) for value in self.settings)

    @property
    def modes(self) -> ModeAnalysis | None:
        """The mode analysis, as soon as there is one."""
        return self.result.modes if self.result else None

    @property
    def landmark(self) -> LandmarkDominance | None:
        """The landmark dominance, as soon as there is one."""
        return self.result.landmark if self.result else None

    @property
    def done(self) -> bool:
        """Whether nothing more is to come."""
        return self.state is RunState.DONE and self.samples >= self.target


@dataclass(frozen=True, eq=False)
class SweepView:
    """A sweep at one moment.

    Attributes:
        path: its directory.
        plan: what is asked for.
        state, message: what it is doing, and why it failed.
        points: all of them, in order.
        judged: the direction in which each factor pushes the balance.
        grid: the same over the whole grid of two factors; none for one.
        trained: of trained networks, by measure and by the settings of the points that have it, with 95 %
            intervals; empty where nothing is trained.
        tails: the deep tails at the smallest loss that all have come to; None where there are none.
        volumes: log10 V there with its 95 % interval, by the settings of the points that have one.
    """

    path: Path
    plan: SweepPlan
    state: RunState
    message: str
    points: tuple[PointView, ...]
    judged: tuple[Verdict, ...]
    tails: TailComparison | None = None
    volumes: Mapping[tuple[Any, ...], Interval] = field(default_factory=dict)
    grid: tuple[GridVerdict, ...] = ()
    trained: Mapping[str, Mapping[tuple[Any, ...], Interval]] = field(default_factory=dict)

    @property
    def samples(self) -> int:
        """Networks drawn so far, of those asked for."""
        return sum(min(point.samples, point.target) for point in self.points)

    @property
    def target(self) -> int:
        """Networks asked for, in all."""
        return self.plan.target

    @property
    def work(self) -> float:
        """Points that are over, and the share that is done of the one under way."""
        under_way = self.under_way
        over = sum(point.done or point.state is RunState.FAILED for point in self.points)
        return over + (under_way.share if under_way is not None else 0.0)

    @property
    def staged(self) -> bool:
        """Whether its points have more to do than to draw networks."""
        return any(part is not None for part in (self.plan.tail, self.plan.training, self.plan.observed))

    @property
    def under_way(self) -> PointView | None:
        """The point that is being sampled."""
        return next((point for point in self.points if point.state and not point.state.over), None)


class SweepReader:
    """Reads a sweep again and again, each time only what may have changed.

    Args:
        path: directory of the sweep.
    """

    def __init__(self, path: Path) -> None:
        self._directory = SweepDirectory(path)
        self._runs: dict[Path, RunHandle] = {}
        self._seen: dict[Path, object] = {}  # what each point was made from
        self._plan: SweepPlan | None = None
        self._stamp: int | None = None
        self._view: SweepView | None = None
        self._points: tuple[PointView, ...] = ()
        self._failed: Mapping[tuple[Any, ...], str] = {}  # reasons, by settings
        self._failed_at = 0
        self._more = False  # whether the last call left points for the next one

    @property
    def over(self) -> bool:
        """Whether nobody was at work on it at the last call of :meth:`read`, which read all of it."""
        return self._view is not None and self._view.state.over and not self._more

    def read(self) -> SweepView | None:
        """Return the sweep as it stands, or None where it is as it was at the last call.

        Does not take long: where there is much to read, the rest is left to the next call.

        Raises:
            RunDirectoryError: if it is not the directory of a sweep, or damaged.
        """
        status = self._directory.status()
        plan, before = self._newest_plan(), self._points
        self._read_failures()
        failed = status.state is RunState.FAILED and not self._failed
        points: list[PointView] = []
        enough, self._more = time.monotonic() + _PATIENCE, False
        for point in before:
            self._more = time.monotonic() > enough
            if self._more:
                points += before[len(points) :]
                break
            first = failed and all(earlier.done for earlier in points)
            points.append(point if point.done else self._look(point, status, first))
        self._points = tuple(points)
        state = status.state
        if state is RunState.STOPPED and all(point.done for point in points):
            state = RunState.DONE
        old = self._view if self._view and self._view.plan is plan else None
        if old and old.points == self._points and (old.state, old.message) == (state, status.message):
            return None
        if old and len(points) > _LIVELY and sum(p.done for p in old.points) == sum(p.done for p in points):
            found = old.judged, old.tails, old.volumes, old.grid, old.trained
        else:
            found = _judge(plan, points)
        self._view = SweepView(self._directory.path, plan, state, status.message, self._points, *found)
        return self._view

    def _read_failures(self) -> None:
        """Read which points failed, if that has changed."""
        stamp = self._directory.result_stamp()
        if not stamp or stamp == self._failed_at:
            return
        with contextlib.suppress(RunDirectoryError):  # what there is of the points can be seen without it
            failed = {point.settings: point.reason for point in self._directory.failed()}
            if failed != self._failed:
                self._seen.clear()
            self._failed, self._failed_at = failed, stamp

    def _newest_plan(self) -> SweepPlan:
        """Return the plan; when it has changed, all points are read anew."""
        stamp = self._directory.plan_stamp()
        if self._plan is None or stamp != self._stamp:
            self._plan, self._stamp = self._directory.plan(), stamp
            self._seen.clear()
            self._points = tuple(
                PointView(
                    settings, self._directory.point_path(self._plan.factors, settings), self._plan.samples
                )
                for settings, _ in self._plan.grid()
            )
        return self._plan

    def _look(self, point: PointView, sweep: Status, first: bool) -> PointView:
        """Return a point as it is now, the same object where nothing of it has changed.

        Args:
            point: as it was.
            sweep: the state of the whole.
            first: whether the sweep failed at it, unless it turns out to be done.
        """
        try:
            run = self._runs.get(point.path)
            if run is None and os.path.exists(point.path / "experiment.json"):
                run = self._runs[point.path] = RunHandle(point.path)
            if run is None:
                reason = self._failed.get(point.settings, sweep.message if first else "")
                state, message = (RunState.FAILED, reason) if reason else (None, "")
                if (point.state, point.message) == (state, message):
                    return point
                return replace(point, state=state, message=message)
            return self._read(point, run, sweep, first)
        except RunDirectoryError as error:
            if point.message == str(error):
                return point
            return replace(point, state=RunState.FAILED, message=str(error))

    def _read(self, point: PointView, run: RunHandle, sweep: Status, first: bool) -> PointView:
        """Return a point as its run is now."""
        snapshot = run.snapshot()
        status = run.status() if snapshot is None else None
        stamp = snapshot.written_at if snapshot else (status.state, status.samples) if status else None
        seen = (stamp, sweep.state.over, first)
        if self._seen.get(point.path) == seen:
            return point
        self._seen[point.path] = seen
        if snapshot is not None:
            facts, summary, tail = snapshot.facts, snapshot.summary, snapshot.tail
            training = snapshot.training
            state, message = snapshot.state, snapshot.message
            point = replace(point, rate=snapshot.rate, device=snapshot.device, mixed=snapshot.mixed)
            point = replace(point, share=_share(snapshot))
        else:  # a full disk, perhaps: what is committed has to do
            stored, status = RunDirectory.open(point.path), run.status()
            facts, summary, tail = stored.facts, committed(stored).summary, TailFolder.of(stored).read()
            training = read_overview(stored)
            state, message = status.state, status.message
            point = replace(point, mixed=status.mixed)
        reason = self._failed.get(point.settings)
        if reason is not None and sweep.state.over:
            state, message = RunState.FAILED, reason
        elif first and not (state is RunState.DONE and summary and summary.samples >= point.target):
            state, message = RunState.FAILED, message or sweep.message
        elif sweep.state.over and not state.over:
            state = RunState.STOPPED  # its engine is gone
        return _with_networks(replace(point, state=state, message=message), facts, summary, tail, training)


def _share(snapshot: Snapshot) -> float:
    """Return the share that is done of what a point has to do after its networks, each stage as much.

    Its networks count for nothing: they take the least time by far.
    """
    stages = [name for name in _STAGES if snapshot.results.get(_STAGES[name]) is not None]
    at, work = stage_progress(snapshot).name, stage_work(snapshot)
    if at not in stages:
        return 0.0
    return (stages.index(at) + (0.0 if work is None else work.share)) / len(stages)


def _with_networks(
    point: PointView,
    facts: Facts | None,
    summary: Summary | None,
    tail: Tail | None,
    training: TrainingOverview | None,
) -> PointView:
    """Return a point with the analysis of its networks."""
    if facts is None or summary is None or not summary.samples:
        return point
    distribution = LossDistribution(summary, facts.null_loss)
    modes = analyse_modes(distribution, dip_samples=0)
    deep = None if tail is None else deep_tail(tail, run_volume(distribution, facts))
    landmark = landmark_dominance(distribution, deep)
    result = SweepPoint(point.settings, facts, summary, modes, landmark, deep, point.mixed, training)
    return replace(point, samples=summary.samples, result=result, distribution=distribution)


def _judge(
    plan: SweepPlan, points: Sequence[PointView]
) -> tuple[
    tuple[Verdict, ...],
    TailComparison | None,
    Mapping[tuple[Any, ...], Interval],
    tuple[GridVerdict, ...],
    Mapping[str, Mapping[tuple[Any, ...], Interval]],
]:
    """Return the direction of each factor, the tails at equal loss, their volumes by settings, the grid's,
    and what training has come to.
    """
    known = [point.result for point in points if point.result]
    judged, tails = tuple(verdicts(plan.factors, known)), compare_tails(plan.factors, known)
    found = zip(known, tails.volumes, strict=True) if tails is not None else ()
    volumes = {point.settings: volume for point, volume in found if math.isfinite(volume.estimate)}
    return judged, tails, volumes, tuple(grid_verdicts(plan.factors, known)), _trained(known)


def _trained(points: Sequence[SweepPoint]) -> Mapping[str, Mapping[tuple[Any, ...], Interval]]:
    """Return measures of trained networks by the settings of the points that have them."""
    compared = compare_training(points)
    if compared is None:
        return {}
    found = {}
    for name in TRAINED:
        rows = zip(points, compared.measures[name].tolist(), strict=True)
        known = {point.settings: Interval(*row) for point, row in rows if math.isfinite(row[0])}
        if known:
            found[name] = known
    return found
