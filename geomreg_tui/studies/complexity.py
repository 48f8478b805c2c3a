"""Does the complexity of the data move the capacity that is needed, and the volume of low loss?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.statistics.evidence import Finding, find
from geomreg_tui.studies.replicates import log10_volume, over, slopes, table_of
from geomreg_tui.studies.study import Outcome, Panel, Points, Rival, Series, Study
from geomreg_tui.sweeps.plan import SweepPlan
from geomreg_tui.sweeps.result import SweepPoint
from geomreg_tui.training.plan import TrainingPlan

__all__ = ["STUDY"]

# Data sets, networks that are trained and their steps, population and repeats.
_SIZES = {
    "quick": (5, 16, 1500, 60, 2),
    "standard": (20, 32, 5000, 300, 4),
    "deep": (40, 64, 20_000, 1000, 8),
}
_WIDTHS = {"quick": (1, 4, 16), "standard": (1, 2, 4, 8, 16), "deep": (1, 2, 4, 8, 16)}
_NOISES = (0.0, 0.25, 0.5, 1.0)
_LOSS = 0.1
_SHARE = (0.0, 1.0)
_DATA = {"data": "moons", "depth": 1, "init": "he_normal", "bias": True}
_DIGITS = {"data": "digits", "classes": "3,8", "examples": 8, "width": 32, "depth": 1, "init": "he_normal"}
_CLEAN, _NOISY = "clean", "noisy"
# Number of classes, and their names; None for all.
_CLASSES = {2: "3,8", 4: "1,3,6,8", 10: None}
_CLASS_WIDTHS = {"quick": (1, 4), "standard": (1, 2, 4, 8), "deep": (1, 2, 4, 8)}
_CLASS_LOSS = 0.5  # cross-entropy at which volumes are compared
_CLASSIFIED = {"data": "digits", "loss": "cross_entropy", "depth": 1, "init": "he_normal"}
_FEW = 6  # examples, of which volumes are measured
FloatArray = NDArray[np.float64]


def _parts(scale: str) -> Mapping[str, SweepPlan]:
    replicates, trajectories, steps, population, repeats = _SIZES[scale]
    training = TrainingPlan(to_loss=_LOSS, steps=steps, trajectories=trajectories, record=2)
    tail = TailPlan(loss=_LOSS, population=population, repeats=repeats)
    fit, widths = {**_DATA, "examples": 24}, _WIDTHS[scale]
    parts = {
        _CLEAN: over("width", widths, replicates, 2e3, fit, training=training),
        _NOISY: over("width", widths, replicates, 2e3, {**fit, "label_noise": 0.5}, training=training),
        "volume": over("label_noise", _NOISES, replicates, 2e4, _DIGITS, tail=tail),
    }
    several, deep = _CLASS_WIDTHS[scale], replace(tail, loss=_CLASS_LOSS)
    for count, names in _CLASSES.items():
        keys = {**_CLASSIFIED, "classes": names} if names else _CLASSIFIED
        few = {**keys, "examples": _FEW}
        parts[_volume_part(count)] = over("width", (32,), replicates, 2e4, few, tail=deep)
        if count in (min(_CLASSES), max(_CLASSES)):
            many = {**keys, "examples": 24, "bias": True}
            parts[_fit_part(count)] = over("width", several, replicates, 2e3, many, training=training)
    return parts


def _volume_part(classes: int) -> str:
    return f"volume-{classes}-classes"


def _fit_part(classes: int) -> str:
    return f"fit-{classes}-classes"


def _fitted(point: SweepPoint) -> float:
    """Return the share of trained networks that have fitted."""
    overview = point.training
    if overview is None or not overview.ended:
        return float("nan")
    return overview.counts["fitted"] / overview.ended


def _judge(points: Points) -> Outcome:
    widths, clean = table_of(points[_CLEAN], _fitted, _WIDTHS["quick"])
    _, noisy = table_of(points[_NOISY], _fitted, _WIDTHS["quick"])
    noises, volume = table_of(points["volume"], log10_volume(_LOSS), _NOISES)
    count = min(len(clean), len(noisy))
    class_findings, class_panels = _of_classes(points)
    findings = (
        find(
            "capacity",
            "labels drawn anew need more units to be fitted",
            "share of networks that fit, clean labels minus half of them drawn anew, mean over widths",
            (clean[:count] - noisy[:count]).mean(axis=1),
            "above",
            margin=0.02,
        ),
        find(
            "volume",
            "the volume of low loss falls with the noise of the labels",
            f"change of log10 V({_LOSS:g}) from no noise to all labels drawn anew, by the slope",
            slopes(noises, volume),
            "below",
            margin=0.2,
        ),
        *class_findings,
    )
    panels = (
        Panel(
            "Networks that gradient descent makes fit 24 examples",
            "width",
            f"share that comes to loss {_LOSS:g}",
            (
                Series.of_replicates("labels as they are", widths, clean, _SHARE),
                Series.of_replicates("half drawn anew", widths, noisy, _SHARE),
            ),
            log_x=True,
        ),
        Panel(
            "Volume of low loss by the noise of the labels",
            "share of labels drawn anew",
            f"log10 V({_LOSS:g}), 8 digits",
            (Series.of_replicates("width 32", _floats(noises), volume),),
        ),
        *class_panels,
    )
    return Outcome(findings, panels)


def _of_classes(points: Points) -> tuple[tuple[Finding, ...], tuple[Panel, ...]]:
    """Return what is found of numbers of classes, and what is to be drawn."""
    fewest, most = min(_CLASSES), max(_CLASSES)
    widths, few = table_of(points[_fit_part(fewest)], _fitted, _CLASS_WIDTHS["quick"])
    _, many = table_of(points[_fit_part(most)], _fitted, _CLASS_WIDTHS["quick"])
    pairs = min(len(few), len(many))
    columns = [
        table_of(points[_volume_part(count)], log10_volume(_CLASS_LOSS), (32,))[1] for count in _CLASSES
    ]
    rows = min(len(column) for column in columns)
    volume = np.concatenate([column[:rows] for column in columns], axis=1)
    doublings = np.log2(list(_CLASSES))
    findings = (
        find(
            "classes-capacity",
            "more classes need more units to be fitted",
            f"share of networks that fit, {fewest} classes minus {most}, mean over widths",
            (few[:pairs] - many[:pairs]).mean(axis=1),
            "above",
            margin=0.02,
        ),
        find(
            "classes-volume",
            "the volume of low loss falls with the number of classes",
            f"change of log10 V({_CLASS_LOSS:g}) per doubling of the number of classes, {_FEW} examples",
            slopes(doublings, volume),
            "below",
            margin=0.2,
        ),
    )
    panels = (
        Panel(
            "Networks that gradient descent makes fit 24 digits",
            "width",
            f"share that comes to cross-entropy {_LOSS:g}",
            (
                Series.of_replicates(f"{fewest} classes", widths, few, _SHARE),
                Series.of_replicates(f"{most} classes", widths, many, _SHARE),
            ),
            log_x=True,
        ),
        Panel(
            "Volume of low loss by the number of classes",
            "classes",
            f"log10 V({_CLASS_LOSS:g}), {_FEW} digits",
            (
                Series.of_replicates("width 32", list(_CLASSES), volume),
                Series.of_law("all labels guessed", list(_CLASSES), -_FEW * np.log10(list(_CLASSES))),
            ),
            log_x=True,
        ),
    )
    return findings, panels


def _floats(values: Sequence[float]) -> FloatArray:
    return np.array(values, np.float64)


STUDY = Study(
    name="complexity",
    question="Does the complexity of the data move the capacity that is needed, and the volume of low loss?",
    claim="The more complex the data, the more parameters it takes until volume contracts towards low loss.",
    source=(
        "arXiv 2202.09276: the later abstract says that 'representational complexity' of the data may move "
        "interpolation thresholds; the first abstract does not"
    ),
    rule=(
        "Complexity is the share of labels drawn anew, or the number of classes. Supported if fewer networks "
        "of a width fit where there is more of it, and V at equal loss falls with it."
    ),
    parts=_parts,
    judge=_judge,
    rivals=(
        Rival(
            "labels to be guessed",
            "A network that knows nothing gets N labels of C classes right with probability C^-N, however "
            "many weights it has: V falls with the number of classes by counting alone.",
        ),
    ),
)
