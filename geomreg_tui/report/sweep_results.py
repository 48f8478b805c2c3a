"""A sweep read from disk: ``sweep.json`` and one run directory for each point."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from geomreg_tui.errors import one_line
from geomreg_tui.formatting import exact_text
from geomreg_tui.report.command import sweep_command
from geomreg_tui.report.results import Result, load_result
from geomreg_tui.report.sweeps import failure_line
from geomreg_tui.sweeps.directory import SweepDirectory
from geomreg_tui.sweeps.observed import ObservedComparison, compare_observed
from geomreg_tui.sweeps.plan import Factor, point_name
from geomreg_tui.sweeps.result import FailedPoint, SweepPoint
from geomreg_tui.sweeps.trained import TrainingComparison, compare_training
from geomreg_tui.sweeps.verdicts import GridVerdict, Verdict, grid_verdicts, verdicts
from geomreg_tui.sweeps.volumes import TailComparison, compare_tails

__all__ = ["Sweep", "load_sweep"]


@dataclass(frozen=True)
class Sweep:
    """A sweep as it stands.

    Attributes:
        path: its directory.
        factors: what was varied.
        points: what came out, in the order in which the points were run.
        results: the run of each point.
        judged: the direction in which each factor pushes the balance.
        failed: the points that failed, those with networks among the points as well.
    """

    path: Path
    factors: tuple[Factor, ...]
    points: tuple[SweepPoint, ...]
    results: tuple[Result, ...]
    judged: tuple[Verdict, ...]
    failed: tuple[FailedPoint, ...] = ()

    @cached_property
    def tails(self) -> TailComparison | None:
        """The deep tails of the points at equal loss; None where they have none."""
        return compare_tails(self.factors, self.points)

    @cached_property
    def training(self) -> TrainingComparison | None:
        """How the ensembles of the points ended; None where nothing was trained."""
        return compare_training(self.points)

    @cached_property
    def observed(self) -> ObservedComparison | None:
        """What was observed of networks of the points; None where nothing was."""
        return compare_observed(self.points)

    @cached_property
    def judged_grid(self) -> tuple[GridVerdict, ...]:
        """The direction of each factor over all values of the other together; empty for one factor."""
        return tuple(grid_verdicts(self.factors, self.points))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What every output must say of the sweep: points that are missing, and warnings of its runs."""
        wanted = 1
        for factor in self.factors:
            wanted *= len(factor.values)
        found = []
        if len(self.points) < wanted:
            found.append(f"incomplete: {len(self.points):,} of {wanted:,} points are there")
        found += [failure_line(self.factors, point) for point in self.failed]
        known = {point_name(self.factors, point.settings) for point in self.failed}
        for result in self.results:
            found += [f"{result.path.name}: {warning}" for warning in result.warnings]
            if not result.complete and result.path.name not in known:
                found.append(f"{result.path.name}: {result.status.state.value}, not all networks are there")
        return tuple(found)

    @property
    def command(self) -> str:
        """The shell command that runs the sweep again.

        Raises:
            RunDirectoryError: if the plan of its first run cannot be read.
        """
        return sweep_command(self.results[0].run, self.factors)

    def describe(self) -> str:
        """Return the sweep in one line: the factors and their values, and what they were varied in."""
        factors = " and ".join(_factor_text(factor) for factor in self.factors)
        return one_line(f"{factors} · first point: {self.points[0].facts.describe()}")


def load_sweep(path: Path) -> Sweep:
    """Read a sweep.

    Raises:
        RunDirectoryError: if ``sweep.json`` or the run of a point in it is missing or damaged.
    """
    directory = SweepDirectory(path)
    factors, settings = directory.result()
    results = tuple(load_result(directory.point_path(factors, setting)) for setting in settings)
    points = tuple(
        SweepPoint(
            setting,
            result.facts,
            result.summary,
            result.modes,
            result.landmark,
            result.tail,
            result.run.mixed,
            result.training,
            result.observed,
        )
        for setting, result in zip(settings, results, strict=True)
    )
    judged = tuple(verdicts(factors, points))
    return Sweep(path, factors, points, results, judged, directory.failed())


def _factor_text(factor: Factor) -> str:
    values = [exact_text(value) for value in factor.values]
    if len(values) > 8:
        values = [*values[:3], "…", values[-1]]
    return f"{factor.key} {', '.join(values)}"
