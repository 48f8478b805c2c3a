"""Studies and comparisons from Python. Torch is loaded in the processes that draw networks."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.api import display, tables
from geomreg_tui.api.arguments import asked_for
from geomreg_tui.api.following import Interrupts
from geomreg_tui.experiment import Experiment
from geomreg_tui.place import Cluster
from geomreg_tui.report.comparison import comparison_text
from geomreg_tui.report.studies import draw_study, study_text, write_studies
from geomreg_tui.studies.compare import run_comparison
from geomreg_tui.studies.comparison import Comparison, parse_compare
from geomreg_tui.studies.directory import StudyResult, new_studies_path
from geomreg_tui.studies.registry import check_scale, studies_named
from geomreg_tui.studies.run import run_studies
from geomreg_tui.sweeps.directory import new_sweep_path

__all__ = ["ComparisonResult", "StudyReport", "compare", "study"]

AnyPath = str | os.PathLike[str]
_WIDTH = 100  # cells of a printed report


@dataclass(frozen=True, repr=False, eq=False)
class ComparisonResult(Comparison):
    """Networks of low loss drawn by volume, beside trained ones.

    Attributes:
        path: where the runs are kept; None for none.

    ``print(result)`` prints what the command line prints.

    Example:
        >>> result = geomreg.compare(data="gaussian", inputs=6, examples=3, held_out=20, depth=0,
        ...                          arms="volume,gd", training_sets=2, population=50, repeats=2)
        >>> [difference.name for difference in result.differences]
        ['gd - volume']
    """

    path: Path | None = None

    def __repr__(self) -> str:
        return f"ComparisonResult({', '.join(self.arms)}; {len(self.sets)} training sets)"

    def __str__(self) -> str:
        return comparison_text(self, _WIDTH)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return one row for each arm and training set, (rows,) each."""
        sets = np.array(self.sets, np.int64)
        columns: dict[str, list[NDArray[Any]]] = {name: [] for name in _COLUMNS}
        for name, arm in self.arms.items():
            rows = (np.full(len(sets), name), sets, arm.loss, arm.accuracy, arm.fitted, self.log10_volume)
            for column, values in zip(columns.values(), rows, strict=True):
                column.append(values)
        return {name: np.concatenate(parts) for name, parts in columns.items()}

    def to_frame(self) -> Any:
        """Return :meth:`arrays` as a ``pandas.DataFrame``.

        Raises:
            ExperimentError: if pandas is not installed.
        """
        return tables.data_frame(self.arrays())


_COLUMNS = ("arm", "training_set", "held_out_loss", "held_out_accuracy", "fitted", "log10_volume")


@dataclass(frozen=True, repr=False, eq=False)
class StudyReport(Sequence[StudyResult]):
    """What studies have found; ``report["two-modes"]`` is one of them.

    Attributes:
        results: one for each study, with ``outcome.findings`` and ``verdicts``.
        path: where their sweeps are kept.

    Example:
        >>> report = geomreg.study("landscape", "studies")  # doctest: +SKIP
        >>> report["landscape"].verdicts  # doctest: +SKIP
        ('supported', 'not supported')
    """

    results: tuple[StudyResult, ...]
    path: Path

    def __repr__(self) -> str:
        return f"StudyReport({', '.join(each.study.name for each in self.results)})"

    def __str__(self) -> str:
        return "\n\n".join(study_text(each, _WIDTH) for each in self.results)

    def __len__(self) -> int:
        return len(self.results)

    def __getitem__(self, name: Any) -> Any:
        """Return a study by its place or its name.

        Raises:
            KeyError: if there is none of that name.
        """
        if not isinstance(name, str):
            return self.results[name]
        for each in self.results:
            if each.study.name == name:
                return each
        raise KeyError(f"{name!r}; the studies are {', '.join(each.study.name for each in self.results)}")

    def plot(self, name: str) -> Any:
        """Return the figure of a study.

        Raises:
            ExperimentError: if matplotlib is not installed.
            KeyError: if there is no study of that name.
        """
        return display.shown(draw_study(self[name]))

    def save(self, folder: AnyPath | None = None) -> Path:
        """Write the report, a page and Markdown with figures, and return the page.

        Args:
            folder: where to; None for :attr:`path`.

        Raises:
            ExperimentError: if matplotlib is not installed.
            RunDirectoryError: if a file cannot be written.
        """
        written = self.path if folder is None else Path(folder)
        written.mkdir(parents=True, exist_ok=True)
        return write_studies(self.results, written)[0]


def compare(
    experiment: Experiment | None = None,
    out: AnyPath | None = None,
    *,
    data: Any = None,
    arms: str | Sequence[str] = ("volume", "readout", "gd"),
    training_sets: int = 20,
    to_loss: float = 0.01,
    population: int | None = None,
    repeats: int | None = None,
    trajectories: int | None = None,
    steps: float | None = None,
    lr: float | str | None = None,
    lr_share: float | None = None,
    batch: int | None = None,
    samples: float | str = 1e4,
    workers: int | None = None,
    device: str = "auto",
    cluster: Cluster | None = None,
    **keys: Any,
) -> ComparisonResult:
    """Compare networks drawn by volume with trained ones, at equal training loss on the same data.

    Args:
        experiment: what is compared, with ``held_out`` examples; None for an experiment of the keys alone.
        out: the directory; None for a new one. What was stopped there goes on.
        data: a built-in or synthetic set, or the path of a file.
        arms: two or more of ``volume``, ``readout``, ``gd`` and ``sgd``.
        training_sets: how many, each with examples and weights of its own.
        to_loss: training loss that all networks come to.
        population, repeats: as for :func:`tail`; 200 and 4 unless given.
        trajectories, steps, lr, lr_share, batch: as for :func:`train`.
        samples: networks drawn plainly of each training set.
        workers, device, cluster, keys: as for :func:`sample`.

    Raises:
        ExperimentError, DataError, CapacityError, RunDirectoryError, SamplingError: as :func:`sample`.

    Example:
        >>> result = geomreg.compare(data="gaussian", inputs=6, examples=3, held_out=20, depth=0,
        ...                          arms="volume,gd", training_sets=3, population=50, repeats=2)
        >>> sorted(result.arms)
        ['gd', 'volume']
        >>> result.to_frame().shape
        (6, 6)
    """
    tail = {"population": population, "repeats": repeats}
    training = {"trajectories": trajectories, "steps": steps, "lr": lr, "lr_share": lr_share, "batch": batch}
    with asked_for(experiment, data, None, keys, elsewhere=True) as asked:
        plan = parse_compare(
            asked.experiment,
            arms,
            str(training_sets),
            str(to_loss),
            str(samples),
            _spelled(tail),
            _spelled(training),
        )
        folder = new_sweep_path(plan.experiment) if out is None else Path(out)
        with Interrupts() as interrupts:
            found, _ = run_comparison(
                plan,
                folder,
                workers=workers,
                device=device,
                cluster=cluster,
                arrays=asked.arrays,
                interrupted=lambda: interrupts.count > 0,
            )
    return ComparisonResult(
        **{field.name: getattr(found, field.name) for field in fields(found)}, path=folder
    )


def study(
    names: str | Sequence[str] = "all",
    out: AnyPath | None = None,
    *,
    scale: str = "quick",
    workers: int | None = None,
    device: str = "auto",
    cluster: Cluster | None = None,
) -> StudyReport:
    """Put claims of the paper to the test, and return what was found, with verdicts.

    Args:
        names: of studies, or ``all``.
        out: the directory; None for a new one. What was stopped there goes on.
        scale: ``quick``, ``standard`` or ``deep``.
        workers, device, cluster: as for :func:`sample`.

    Raises:
        ExperimentError: if a name or the scale is unknown, or the directory holds another scale.
        RunDirectoryError, SamplingError: as :func:`sample`.

    Example:
        >>> geomreg.study("spheres", scale="huge")
        Traceback (most recent call last):
        geomreg_tui.errors.ExperimentError: scale: got 'huge'; allowed is one of quick, standard, deep.
    """
    check_scale(scale)
    chosen = studies_named([names] if isinstance(names, str) else names)
    folder = new_studies_path(scale) if out is None else Path(out)
    with Interrupts() as interrupts:
        results = tuple(
            run_studies(
                chosen,
                scale,
                folder,
                workers=workers,
                device=device,
                cluster=cluster,
                interrupted=lambda: interrupts.count > 0,
            )
        )
    return StudyReport(results, folder)


def _spelled(options: Mapping[str, Any]) -> dict[str, str | None]:
    return {name: None if value is None else str(value) for name, value in options.items()}
