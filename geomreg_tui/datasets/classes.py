"""Some classes of a set, in place of all."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np

from geomreg_tui.datasets.base import Pool
from geomreg_tui.datasets.targets import Targets
from geomreg_tui.errors import DataError, nearest_name, one_line
from geomreg_tui.experiment import Experiment

__all__ = ["with_classes"]

_NAMES_SHOWN = 20


def with_classes(pool: Pool, experiment: Experiment) -> Pool:
    """Return the examples of the classes that an experiment keeps; all where it names none.

    Classes keep their numbers and their order.

    Raises:
        DataError: if the targets are no classes, fewer than two are named, or one is named that is not there.
    """
    if experiment.classes is None:
        return pool
    got = f"classes: got {one_line(experiment.classes)!r}"
    targets = Targets.of(pool, standardize=False)
    if targets.label_names is None:
        raise DataError(f"{got}, but the targets of data {one_line(experiment.data)} are real: leave it out")
    wanted = [name.strip() for name in next(csv.reader([experiment.classes], skipinitialspace=True))]
    there = targets.label_names
    for name in wanted:
        if name not in there:
            near = nearest_name(name, there)
            shown = ", ".join(there[:_NAMES_SHOWN]) + (", ..." if len(there) > _NAMES_SHOWN else "")
            raise DataError(f"{got}; the classes are {shown}" + (f". Did you mean {near!r}?" if near else ""))
    kept = [place for place, name in enumerate(there) if name in wanted]
    if len(kept) < 2:
        raise DataError(f"{got}; allowed are two classes or more")
    rows = np.isin(targets.y, kept)
    return replace(
        pool,
        x=pool.x[rows],
        y=pool.y[rows],
        label_names=None if pool.label_names is None else tuple(there[place] for place in kept),
        test_rows=int(rows[len(rows) - pool.test_rows :].sum()),
        notes=(*pool.notes, f"{len(kept)} of {len(there)} classes kept: {len(pool.x[rows]):,} examples"),
    )
