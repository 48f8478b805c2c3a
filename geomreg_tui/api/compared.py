"""Runs side by side, from Python. Nothing here imports torch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from geomreg_tui.api import tables
from geomreg_tui.errors import ExperimentError, Problem
from geomreg_tui.report import (
    Result,
    RunsCompared,
    compare_results,
    compared_text,
    draw_compared,
    export_compared,
    load_result,
)
from geomreg_tui.rundir import RunEntry, find_run

__all__ = ["RunComparison", "compare_runs"]

AnyPath = str | os.PathLike[str]


class RunComparison(RunsCompared):
    """Runs beside the first of them: :attr:`runs` have ``measures`` with values and changes.

    ``print`` shows the tables of the command line.

    Attributes:
        runs: each with ``letter``, ``name``, ``result``, ``settings``, ``measures``, ``distance``, ``tail``.
        loss: the loss at which V is compared; NaN where there is none that all have come to.

    Example:
        >>> wide, narrow = (geomreg.sample(data="digits", examples=2, width=width, depth=1, samples=1e4)
        ...                 for width in (64, 8))
        >>> compared = geomreg.compare_runs(wide, narrow)
        >>> compared.runs[1].settings
        {'width': 8}
        >>> compared.runs[1].measures["d0"].change.low < 0 < compared.runs[1].distance.statistic
        True
    """

    def __str__(self) -> str:
        return compared_text(self)

    def arrays(self) -> dict[str, Any]:
        """Return a row for each measure of each run: (rows,) each column, NaN where it is undefined."""
        return {name: np.array(column) for name, column in self.columns().items()}

    def to_frame(self) -> Any:
        """Return the columns of :meth:`arrays` as a ``pandas.DataFrame``.

        Raises:
            ExperimentError: if pandas is not installed.
        """
        return tables.data_frame(self.arrays())

    def plot(self) -> Any:
        """Return a figure of matplotlib: distributions, V of low loss, D_0.

        Raises:
            ExperimentError: if matplotlib is not installed.
        """
        return draw_compared(self)

    def save(self, path: AnyPath, force: bool = False) -> Path:
        """Write a file, ``.json``, ``.csv``, ``.png``, ``.svg`` or ``.pdf``, and return its path.

        Args:
            path: the file.
            force: replace a file that is there.

        Raises:
            ExperimentError: if the format is unknown, or the file is there and ``force`` is not given.
            RunDirectoryError: if it cannot be written.
        """
        written = Path(path)
        export_compared(self, written, force, option="force=True")
        return written


def compare_runs(*runs: Result | RunEntry | AnyPath, at_loss: float | None = None) -> RunComparison:
    """Compare two to six runs with the first: D_0, mass at L_0, quantiles, V at equal loss, and tails.

    Every difference has a 95 % interval, and beside it is the Kolmogorov-Smirnov distance.

    Args:
        runs: results, entries of :func:`runs`, names or paths.
        at_loss: the loss at which V is compared; None for the smallest at which all know log10 V to a
            standard error of 0.1, or the smallest that all have come to.

    Raises:
        ExperimentError: if there are fewer than two or more than six, one is named twice, or ``at_loss`` is
            no positive number.
        RunDirectoryError: if there is no such run, or nothing of one has been sampled yet.

    Example:
        >>> one, other = (geomreg.sample(data="digits", examples=2, width=8, depth=1, samples=1e4, seed=seed)
        ...               for seed in (0, 1))
        >>> compared = geomreg.compare_runs(one, other, at_loss=0.1)
        >>> change = compared.runs[1].measures["log10_volume"].change
        >>> change.low < change.estimate < change.high
        True
        >>> sorted(compared.arrays())[:4]
        ['difference_estimate', 'difference_high', 'difference_low', 'estimate']
    """
    if at_loss is not None and not 0 < at_loss < float("inf"):
        raise ExperimentError([Problem("at_loss", repr(at_loss), "allowed is a positive number")])
    found = compare_results([_result(run) for run in runs], at_loss)
    return RunComparison(found.runs, found.loss)


def _result(run: Result | RunEntry | AnyPath) -> Result:
    if isinstance(run, Result):
        return run
    return load_result(run.path if isinstance(run, RunEntry) else find_run(os.fspath(run)))
