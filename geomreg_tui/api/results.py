"""What the functions of the public API return: a run and a sweep, read from disk and analysed."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.api import display, tables
from geomreg_tui.api.arguments import count_of, module_name
from geomreg_tui.api.following import follow
from geomreg_tui.errors import ExperimentError, Problem, nearest_name
from geomreg_tui.experiment import Experiment
from geomreg_tui.gradients.store import asks_for_more
from geomreg_tui.place import Cluster
from geomreg_tui.report import (
    Result,
    Sweep,
    export_result,
    export_sweep,
    load_result,
    load_sweep,
    report_text,
    sweep_text,
)
from geomreg_tui.report.drawing import style
from geomreg_tui.report.figures import PANELS, draw_figure, draw_panel
from geomreg_tui.report.observed_figures import draw_observables, observables_drawn
from geomreg_tui.report.sweep_figures import draw_sweep
from geomreg_tui.rundir import RunState
from geomreg_tui.runner import RunHandle, resume_run
from geomreg_tui.runner.snapshot import Snapshot
from geomreg_tui.runner.verify import Verification, verify_run
from geomreg_tui.sampling.store import committed
from geomreg_tui.statistics import Interval
from geomreg_tui.sweeps.plan import point_name

__all__ = ["Dominance", "RunResult", "SweepResult"]

_WIDTH = 100  # cells of a printed report


@dataclass(frozen=True)
class Dominance:
    """Whether losses are near 0 or near the null loss L_0: -1 is the centre only, +1 near 0 only.

    Each is an estimate with the ends of its 95 % interval.

    Attributes:
        landmark: D_0, losses up to L_0 / 4 against those within L_0 / 8 of L_0. The number to compare.
        excess: D_E, of the masses above the density at the valley between the modes.
        log10_ratio: log10 of the ratio of the two shares that D_0 compares; NaN with a bound for one end
            where one of them is not known.
        zero_side: where the share near 0 in it comes from: ``sampled``, ``tail``, or ``bound``.
        basin: D, of the masses of the two modes' basins. It describes one picture: it leaps where a mode
            comes or goes.

    Example:
        >>> estimate, low, high = geomreg.load("latest").dominance.landmark
        >>> -1 <= low <= estimate <= high <= 1
        True
    """

    landmark: Interval
    excess: Interval
    log10_ratio: Interval
    zero_side: str
    basin: Interval


@dataclass(frozen=True, repr=False, eq=False)
class RunResult(Result):
    """A run as it stands: its networks, and what their losses say.

    Attributes:
        run: its directory.
        summary: the networks drawn: histogram, moments and counts.
        status: state and counts.
        facts: what the experiment comes to: sizes, null loss, constant loss, theory.
        distribution: the distribution of its losses.
        modes: the modes, their masses and what is known of each.
        volume: the volume fraction V(L), arrays of shape (points,).
        tail: the deep tail; None where none was asked for.
        training: the trained ensemble: ``counts``, ``ends``, ``shown``, ``bands``; None where nothing is
            trained.
        trajectories: all its trajectories, whole.
        observables: what was observed of networks besides their loss, by name; empty where nothing was.
        held_out: held-out performance given the training loss; None where nothing is held out.
        complete: whether all that was asked for is there.
        warnings: what must be said of it, such as parts from different environments.

    ``print(result)`` prints the report that the command line prints, and a notebook shows a figure with the
    numbers.

    Example:
        >>> result = geomreg.load("latest")
        >>> result.dominance.landmark.low <= result.dominance.landmark.estimate
        True
        >>> columns = result.arrays("volume")
        >>> float(columns["volume"][-1])  # all networks have at most the largest loss
        1.0
        >>> int(result.arrays()["count"].sum()) == result.summary.samples
        True
    """

    def __repr__(self) -> str:
        return f"<RunResult {self.path.name}: {display.run_line(self)}>"

    def __str__(self) -> str:
        return report_text(self, _WIDTH)

    def _repr_html_(self) -> str:
        return display.run_page(self, lambda: self.plot("density" if self.tail is None else "volume"))

    @property
    def experiment(self) -> Experiment:
        """The experiment, with all that the run fixed: sampler and sizes."""
        return self.facts.experiment

    @property
    def dominance(self) -> Dominance:
        """Whether losses are near 0 or near the null loss, with intervals."""
        found = self.landmark
        return Dominance(
            found.landmark, self.modes.excess, found.log10_ratio, found.zero_side, self.modes.dominance
        )

    @property
    def losses(self) -> NDArray[np.float64]:
        """The first losses, in the order of the networks, (kept,); ``keep_losses`` says how many are kept."""
        return committed(self.run).losses

    @property
    def histogram_digest(self) -> str:
        """SHA-256 of the counts, in hexadecimal; the same for the same experiment and number of networks."""
        return self.summary.histogram.digest()

    def arrays(self, table: str = "bins") -> dict[str, NDArray[Any]]:
        """Return a table as arrays of numpy, (rows,) each.

        Args:
            table: ``bins``, one row for each occupied bin of the base histogram, as an exported CSV file has
                them; ``volume``, V(L) with intervals; ``modes``; ``held_out``; ``tail``, one curve of V
                from 1 down to the end of the deep tail; ``observables``, a row for each;
                ``observables_at_loss``, a row for each at each depth of the tail; ``path``, quantiles over
                the trajectories of an ensemble at each recorded step; or ``trajectories``, all of them.

        Raises:
            ExperimentError: if there is no such table, or the run has nothing for it.
        """
        return tables.run_table(self, table)

    def to_frame(self, table: str = "bins") -> Any:
        """Return a table as a ``pandas.DataFrame``; as :meth:`arrays`.

        Raises:
            ExperimentError: as :meth:`arrays`, and if pandas is not installed.
        """
        return tables.data_frame(self.arrays(table))

    def plot(self, panel: str | None = None, ax: Any = None) -> Any:
        """Return a figure of matplotlib, or draw on axes that are given.

        Args:
            panel: ``density``, ``volume``, ``training``, ``training_gradients`` or ``held_out``;
                ``observables`` for a figure of what was observed; None for all that there is.
            ax: axes to draw one panel on, which ``observables`` is not; they are returned.

        Raises:
            ExperimentError: if there is no such panel, or matplotlib is not installed.
        """
        if panel == "observables" and ax is None and observables_drawn(self):
            return display.shown(draw_observables(self))
        if panel is not None and panel not in PANELS:
            rule = f"allowed are {', '.join(PANELS)}"
            raise ExperimentError([Problem("panel", repr(panel), rule, nearest_name(str(panel), PANELS))])
        if ax is not None:
            with style():
                PANELS[panel or "density"](ax, self)
            return ax
        return display.shown(draw_figure(self) if panel is None else draw_panel(self, panel))

    def save(self, path: str | os.PathLike[str], force: bool = False) -> Path:
        """Write it to a file and return its path; the end of the name says in which format.

        Args:
            path: ends in ``.json``, ``.csv``, ``.parquet``, ``.npz``, ``.html`` (a page), ``.sh`` (the
                command that draws it again), ``.png``, ``.svg`` or ``.pdf``.
            force: replace a file that is there.

        Raises:
            ExperimentError: if the format is unknown or needs a package that is missing, or the file exists.
            RunDirectoryError: if it cannot be written.
        """
        written = Path(path)
        export_result(self, written, force, option="force=True")
        return written

    def resume(
        self,
        samples: float | str | None = None,
        *,
        max_seconds: float | None = None,
        observed: float | str | None = None,
        workers: int | None = None,
        device: str = "auto",
        cluster: Cluster | None = None,
        module: Any = None,
        allow_mixed: bool = False,
        progress: bool = True,
        on_snapshot: Callable[[Snapshot], object] | None = None,
    ) -> RunResult:
        """Go on with the run, and return it as it stands then; to the same bits as if it had never stopped.

        Args:
            samples: networks in all; None for as many as were asked for.
            max_seconds: new time limit of its deep tail, in seconds; None for the one that it has.
            observed: networks that are observed in all; None for as many as were asked for.
            workers: worker processes; None for one for each core.
            device: ``auto``, ``cpu``, ``cuda``, ``cuda:i``, or several GPUs.
            cluster: whose workers do the work; None for this machine's.
            module: the custom architecture, as it was handed over; code that only a run names is not run.
            allow_mixed: go on where versions, device or bits differ; every output then says so.
            progress: show how far it is.
            on_snapshot: called with each new snapshot.

        Raises:
            RunDirectoryError: if it is in use, or would not go on with the same bits.
            ExperimentError, DataError, CapacityError: if it cannot be run here.
            SamplingError: if it failed.
        """
        wanted = 0 if samples is None else count_of(samples)
        seen = 0 if observed is None else count_of(observed, "observed")
        more = max_seconds is not None or (observed is not None and asks_for_more(self.run, seen))
        done = self.run.read_status()
        if done.state is RunState.DONE and wanted <= done.samples and not more:
            return read_run(self.path)
        handle = resume_run(
            self.path,
            wanted,
            workers=workers,
            device=device,
            cluster=cluster,
            module=None if module is None else module_name(module),
            allow_mixed=allow_mixed,
            tail_seconds=max_seconds or 0.0,
            observed=seen,
        )
        return finished(handle, progress, on_snapshot)

    def verify(self) -> Verification:
        """Read everything that the run keeps, its data included, and compare checksums; nothing is written.

        Raises:
            RunDirectoryError: if it cannot be opened as a run at all.
        """
        return verify_run(self.path)


@dataclass(frozen=True, repr=False, eq=False)
class SweepResult(Sweep):
    """A sweep as it stands: one run for each combination of values, and the directions of the factors.

    Attributes:
        path: its directory.
        factors: what was varied.
        points: what came of each, in the order in which they were run.
        results: the run of each, a :class:`RunResult`.
        judged: the direction in which each factor with numbers for values pushes the balance.
        judged_grid: that of each factor over all values of the other together; empty for one factor.
        failed: the points that failed.
        tails: the deep tails at equal loss; None where none were asked for.
        observed: ``means`` of observables at each point; None where nothing was observed.
        training: how the trained ensembles ended; None where nothing was trained.

    ``print(result)`` prints the table that the command line prints.
    ``result["width=16"]`` is the run of a point.

    Example:
        >>> result = geomreg.sweep({"width": [2, 8]}, data="gaussian", inputs=4, examples=1, depth=1,
        ...                        samples=2e4)
        >>> [verdict.factor.key for verdict in result.judged]
        ['width']
        >>> result["width=8"].summary.samples
        20000
        >>> result.arrays()["width"].tolist()
        [2, 8]
    """

    def __repr__(self) -> str:
        return f"<SweepResult {self.path.name}: {display.sweep_line(self)}>"

    def __str__(self) -> str:
        return sweep_text(self.factors, self.points, self.judged, self.judged_grid, _WIDTH, self.failed)

    def _repr_html_(self) -> str:
        columns = self.arrays()
        rows = zip(*(column.tolist() for column in columns.values()), strict=True)
        return display.sweep_page(self, self.plot, list(columns), rows)

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, name: str | int) -> Result:
        """Return the run of a point: by number, or by name such as ``width=16,depth=2``."""
        if isinstance(name, int):
            return self.results[name]
        names = [point_name(self.factors, point.settings) for point in self.points]
        if name not in names:
            raise KeyError(f"{name!r}; the points are {', '.join(names)}")
        return self.results[names.index(name)]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return one row for each point, as an exported CSV file has them, (points,) each."""
        return tables.exported_columns(lambda path: export_sweep(self, path))

    def to_frame(self) -> Any:
        """Return one row for each point as a ``pandas.DataFrame``; as :meth:`arrays`.

        Raises:
            ExperimentError: if pandas is not installed.
        """
        return tables.data_frame(self.arrays())

    def plot(self) -> Any:
        """Return a figure of matplotlib: dominance against each factor, tails, and densities.

        Raises:
            ExperimentError: if matplotlib is not installed.
        """
        return display.shown(draw_sweep(self))

    def save(self, path: str | os.PathLike[str], force: bool = False) -> Path:
        """Write it to a file and return its path; the end of the name says in which format.

        Args:
            path: ends in ``.json``, ``.csv``, ``.html``, ``.sh``, ``.png``, ``.svg`` or ``.pdf``.
            force: replace a file that is there.

        Raises:
            ExperimentError: if the format is unknown or needs a package that is missing, or the file exists.
            RunDirectoryError: if it cannot be written.
        """
        written = Path(path)
        export_sweep(self, written, force, option="force=True")
        return written


def read_run(path: Path) -> RunResult:
    """Return what is committed of a run.

    Raises:
        RunDirectoryError: if it is not a run directory, or is damaged.
    """
    read = load_result(path)
    return RunResult(read.run, read.summary, read.status)


def read_sweep(path: Path) -> SweepResult:
    """Return a sweep.

    Raises:
        RunDirectoryError: if it, or the run of a point in it, is missing or damaged.
    """
    read = load_sweep(path)
    runs = tuple(RunResult(result.run, result.summary, result.status) for result in read.results)
    values = {field.name: getattr(read, field.name) for field in fields(read)}
    return SweepResult(**{**values, "results": runs})


def finished(
    handle: RunHandle, progress: bool, on_snapshot: Callable[[Snapshot], object] | None
) -> RunResult:
    """Wait until a run is over, or is interrupted, and return it.

    Raises:
        SamplingError: if it failed.
    """
    follow(handle, progress, on_snapshot)
    result = read_run(handle.directory)
    for warning in result.warnings:
        warnings.warn(f"{result.path.name}: {warning}", RuntimeWarning, stacklevel=3)
    return result
