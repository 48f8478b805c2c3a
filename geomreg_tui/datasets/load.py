"""From an experiment to its examples: find the data, pick, scale."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.datasets.base import Dataset, FloatArray, Pool
from geomreg_tui.datasets.classes import with_classes
from geomreg_tui.datasets.files import SUFFIXES, file_pool
from geomreg_tui.datasets.given import ARRAYS, given_pool
from geomreg_tui.datasets.shipped import BUILT_IN, shipped
from geomreg_tui.datasets.standardize import Scaling
from geomreg_tui.datasets.synthetic import SYNTHETIC, synthetic
from geomreg_tui.datasets.targets import Targets
from geomreg_tui.errors import DataError, nearest_name, one_line
from geomreg_tui.experiment import Experiment

__all__ = ["load"]

_PICK_STREAM = 0
_NOISE_STREAM = 0x6E6F6973


def load(experiment: Experiment) -> Dataset:
    """Return the examples of an experiment, float64 and on the CPU.

    Examples are picked by ``data_seed`` alone: from a random order of the whole set, the first N are
    training examples and the last M held out. So N can grow without a change of the held-out ones.
    Standardisation is over the whole set, so that it does not depend on N either.

    Raises:
        DataError: if the data cannot be found, read or used; one line that says what to try.
        CapacityError: if a synthetic set would not fit into memory.
    """
    pool = with_classes(_find(experiment), experiment)
    shape = pool.x.shape[1:]
    size = math.prod(shape)
    if experiment.inputs not in (None, size):
        raise DataError(
            f"inputs: got {experiment.inputs}, but data {_name(experiment)} has {size} inputs: "
            "leave inputs out"
        )
    picked, picked_note = _pick(pool, experiment)
    targets = Targets.of(pool, experiment.standardize)
    x, scale_note = _scaled_inputs(pool.x, picked, experiment.standardize)
    y = targets.y[picked]
    classes = None if targets.label_names is None else len(targets.label_names)
    y, noise_notes = _with_noise(y, classes, experiment)
    lost_notes = [*_lost(x, "inputs", experiment), *_lost(y, "targets", experiment)]
    return Dataset(
        x=x,
        y=y,
        examples=experiment.examples,
        classes=classes,
        notes=(
            one_line(pool.source),
            *map(one_line, pool.notes),
            f"inputs of shape {' x '.join(str(n) for n in shape)}, {scale_note}",
            *targets.notes,
            *lost_notes,
            picked_note,
            *noise_notes,
        ),
        sha256=pool.sha256,
        label_names=targets.label_names,
        label_values=targets.label_values,
        label_mean=targets.label_mean,
        label_std=targets.label_std,
        why_real=targets.why_real,
    )


def _name(experiment: Experiment) -> str:
    return one_line(experiment.data)


def _find(experiment: Experiment) -> Pool:
    name = experiment.data
    names = [*BUILT_IN, *SYNTHETIC]
    for key, value in (("target", experiment.target), ("features", experiment.features)):
        if name in names and value is not None:
            raise DataError(f"{key}: got {one_line(value)!r}, but data {name} has its own: leave {key} out")
    if name in names and experiment.layout != "auto":
        raise DataError(f"layout: got {experiment.layout}, but data {name} has its own: leave layout out")
    if name in BUILT_IN:
        return shipped(name)
    if name in SYNTHETIC:
        wanted = experiment.examples + experiment.held_out
        return synthetic(name, experiment.inputs, wanted, experiment.data_seed)
    if name == ARRAYS:
        return given_pool(experiment)
    if "." in name or "/" in name or "\\" in name:
        return file_pool(experiment)
    near = nearest_name(name, names)
    hint = f". Did you mean {near!r}?" if near else ""
    raise DataError(
        f"data: got {_name(experiment)!r}; allowed are {', '.join(names)}, or the path of a file "
        f"({', '.join(SUFFIXES)}){hint}"
    )


def _pick(pool: Pool, experiment: Experiment) -> tuple[NDArray[np.int64], str]:
    """Return the rows of the pool that are used, N for training and then M held out, and a note on them."""
    rows, tested = len(pool.x), pool.test_rows
    training, held_out = experiment.examples, experiment.held_out
    rng = np.random.default_rng([experiment.data_seed, _PICK_STREAM])
    first = rng.permutation(rows - tested)
    second = rows - tested + rng.permutation(tested) if tested else first[training:]
    if training > len(first):
        raise DataError(
            f"examples: got {training:,}, but data {_name(experiment)} has {len(first):,}: try fewer"
        )
    if held_out > len(second):
        there = f"has a test set of {tested:,}" if tested else f"leaves {len(second):,} of {rows:,}"
        raise DataError(
            f"held_out: got {held_out:,}, but data {_name(experiment)} {there} beside {training:,} training "
            "examples: try fewer"
        )
    note = f"{training:,} of {len(first):,} examples picked at random with data_seed {experiment.data_seed}"
    if held_out:
        note += f", {held_out:,} {'of the test set' if tested else 'others'} held out"
    return np.concatenate([first[:training], second[len(second) - held_out :]]), note


def _with_noise(
    y: NDArray[Any], classes: int | None, experiment: Experiment
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return targets of which a share of the training labels is drawn anew, with what to say of it.

    The stream depends on ``data_seed`` alone. Held-out labels stay as they are.

    Raises:
        DataError: if there are no labels.
    """
    share, training = experiment.label_noise, experiment.examples
    if not share:
        return y, ()
    if classes is None:
        raise DataError(
            f"label_noise: got {share:g}, but the targets of data {_name(experiment)} are real numbers, and "
            "only labels of classes can be drawn anew: leave label_noise out"
        )
    rng = np.random.default_rng([experiment.data_seed, _NOISE_STREAM])
    count = round(share * training)
    places = rng.permutation(training)[:count]
    noisy = y.copy()
    noisy[places] = rng.integers(classes, size=count)
    changed = int((noisy != y).sum())
    return noisy, (f"{count:,} of {training:,} training labels drawn anew, of which {changed:,} changed",)


def _scaled_inputs(x: NDArray[Any], picked: NDArray[np.int64], standardize: bool) -> tuple[FloatArray, str]:
    if not standardize:
        return np.ascontiguousarray(x[picked], dtype=np.float64), "not standardised"
    scaling = Scaling.of(x)
    constant = int(np.count_nonzero(scaling.std == 0))
    note = f"each input scaled to mean 0 and variance 1 over the whole set ({len(x):,} examples)"
    if constant:
        note += f"; {constant:,} that never vary set to 0"
    return np.ascontiguousarray(scaling.apply(x[picked])), note


def _lost(values: NDArray[Any], what: str, experiment: Experiment) -> Iterator[str]:
    """Yield notes on numbers that change in the number format of the run.

    Raises:
        DataError: if their squares overflow in it, or all vanish.
    """
    number = np.finfo(experiment.dtype)
    largest = float(np.abs(values).max())
    wrong = ""
    if largest > math.sqrt(float(number.max)):
        wrong = "overflow"
    elif not experiment.standardize and 0 < largest < math.sqrt(float(number.smallest_normal)):
        wrong = "vanish in"
    if wrong:
        raise DataError(
            f"data: {_name(experiment)} has {what} up to {largest:.3g}, whose squares {wrong} "
            f"{experiment.dtype}: try standardize, or scale them"
        )
    lost = (values != 0) & (values.astype(experiment.dtype) == 0)
    if count := int(np.count_nonzero(lost)):
        yield (
            f"{count:,} {what} of at most {np.abs(values[lost]).max():.3g} are 0 in {experiment.dtype}: "
            "try standardize, or scale them"
        )
