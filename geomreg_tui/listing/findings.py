"""What runs and sweeps have found, in few numbers, from the documents that they have written.

Only a run without such a document, or with one of version 0.1.0, which has no D_0, is read in full. Nothing
is ever written.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from geomreg_tui.errors import GeomregError, plain_text
from geomreg_tui.formatting import decimal_text, number_text
from geomreg_tui.listing.entries import GROUPS
from geomreg_tui.rundir import RunDirectory, RunEntry
from geomreg_tui.rundir.elsewhere import SWEEP
from geomreg_tui.rundir.store import parsing, read_bytes
from geomreg_tui.runner.snapshot import read_live
from geomreg_tui.sampling.store import committed
from geomreg_tui.statistics import LossDistribution, landmark_dominance
from geomreg_tui.statistics.intervals import UNDEFINED, Interval
from geomreg_tui.statistics.landmark import KAPPA
from geomreg_tui.sweeps.directory import RESULT

__all__ = ["Findings", "read_findings"]

_CAP = 2**25  # bytes of a document
_EXPONENTS = 300  # decimal ones that a float has, digits included
_LONGEST = 40  # characters of a word that a document says


@dataclass(frozen=True)
class Findings:
    """What a run or a sweep has found.

    Attributes:
        d0: D_0 with its 95 % interval; of a sweep, of each point.
        log10_volume: log10 V(L_0 / 4), from whichever of sampling and tail is the more certain; of a sweep,
            of each point with a sample that has one.
        tail: log10 V where the deep tail ends, of each repeated point; empty without a tail.
        tail_text: the same in words.
        fitted: shares of trained networks that fit; empty without training.
        training_text: the same in words.
    """

    d0: tuple[Interval, ...] = ()
    log10_volume: tuple[float, ...] = ()
    tail: tuple[float, ...] = ()
    tail_text: str = ""
    fitted: tuple[float, ...] = ()
    training_text: str = ""


def read_findings(entry: RunEntry) -> Findings:
    """Return what a run or a sweep has found so far; nothing where that cannot be read."""
    if entry.kind in GROUPS:
        return Findings()
    if entry.kind == SWEEP:
        with contextlib.suppress(GeomregError):
            document = _read(entry.path / RESULT)
            with parsing(entry.path / RESULT):
                return _of_sweep(document)
        return Findings()
    found = Findings()
    with contextlib.suppress(GeomregError):
        document = _read(entry.path / "summary.json")
        with parsing(entry.path / "summary.json"):
            found = _of_run(document)
            if "dominance" in document:
                return found
    with contextlib.suppress(GeomregError):
        of_networks = _of_networks(entry.path)
        return replace(found, d0=of_networks.d0, log10_volume=of_networks.log10_volume)
    return found


def _read(path: Path) -> Mapping[str, Any]:
    """Return the object in a file."""
    data = read_bytes(path, _CAP)
    with parsing(path):
        document = json.loads(data)
        if not isinstance(document, dict):
            raise TypeError("not an object")
        return document


def _of_run(document: Mapping[str, Any]) -> Findings:
    """Return what a run has written that it has found."""
    d0 = _interval(document["dominance"]["landmark"]) if "dominance" in document else UNDEFINED
    null = document["landmarks"]["null_loss"]
    end = math.log10(KAPPA * null) if null else math.nan
    tail, training = document.get("tail"), document.get("training")
    volumes = [_volume_at(curve, end) for curve in (document.get("volume"), tail) if curve]
    known = [pair for pair in volumes if math.isfinite(pair[0])]
    deep = float(tail["log10_volume"][-1]) if tail and tail["log10_volume"] else math.nan
    return Findings(
        (d0,) if math.isfinite(d0.estimate) else (),
        (min(known, key=lambda pair: pair[1])[0],) if known else (),
        (deep,) if math.isfinite(deep) else (),
        _tail_text(tail, deep),
        *_fitted([training] if training else []),
    )


def _of_sweep(document: Mapping[str, Any]) -> Findings:
    """Return what a sweep has written that its points have found."""
    points = document["points"]
    d0 = [_interval(point["dominance"]["landmark"]) for point in points if "dominance" in point]
    tail = document.get("tail") or {}
    deep = tuple(float(value) for value in tail.get("log10_volume", ()) if value is not None)
    text = f"V at {_loss_text(float(tail['log10_loss']))}" if deep else ""
    return Findings(
        tuple(value for value in d0 if math.isfinite(value.estimate)),
        (),
        deep,
        text,
        *_fitted([point["training"] for point in points if point.get("training")]),
    )


def _of_networks(path: Path) -> Findings:
    """Return what the networks of a run say, that are in its newest snapshot or committed."""
    run = RunDirectory.open(path)
    snapshot = None
    with contextlib.suppress(GeomregError):
        snapshot = read_live(run)
    summary = (snapshot.summary if snapshot else None) or committed(run).summary
    if not summary.samples:
        return Findings()
    found = landmark_dominance(LossDistribution(summary, run.facts.null_loss))
    share = found.zero.estimate / summary.samples
    return Findings(
        (found.landmark,) if math.isfinite(found.landmark.estimate) else (),
        (math.log10(share),) if share > 0 else (),
    )


def _interval(values: Sequence[float | None]) -> Interval:
    return Interval(*(math.nan if value is None else float(value) for value in values))


def _volume_at(curve: Mapping[str, Any], end: float) -> tuple[float, float]:
    """Return log10 V of a stored curve at a log10 loss, and its standard error; NaN where it is not known."""
    loss, volume, std = (_numbers(curve[key]) for key in ("log10_loss", "log10_volume", "std"))
    known = np.isfinite(loss) & np.isfinite(volume) & np.isfinite(std)
    order = np.argsort(loss[known], kind="stable")
    loss, volume, std = (part[known][order] for part in (loss, volume, std))
    if not loss.size or not math.isfinite(end):
        return math.nan, math.nan
    return (
        float(np.interp(end, loss, volume, left=math.nan)),
        float(np.interp(end, loss, std, left=math.nan)),
    )


def _numbers(values: Sequence[float | None]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([math.nan if value is None else value for value in values], np.float64)


def _tail_text(tail: Mapping[str, Any] | None, deep: float) -> str:
    """Return where a tail has come to, in a few words."""
    if not tail:
        return ""
    if not math.isfinite(deep):
        return _word(tail.get("status")) or "not begun"
    return f"{decimal_text(deep, 2)} at {_loss_text(float(tail['log10_loss'][-1]))}"


def _loss_text(log10_loss: float) -> str:
    """Return a loss in few digits, however small it is."""
    if abs(log10_loss) < _EXPONENTS:
        return number_text(10**log10_loss, 2)
    return f"1e{math.floor(log10_loss)}"


def _fitted(trainings: Sequence[Mapping[str, Any]]) -> tuple[tuple[float, ...], str]:
    """Return the share of fitted networks of each training, and all of them in words."""
    shares, fitted, asked = [], 0, 0
    for training in trainings:
        count, total = int(training["counts"]["fitted"]), int(training["trajectories"])
        shares.append(count / max(total, 1))
        fitted, asked = fitted + count, asked + total
    return tuple(shares), f"{fitted:,} of {asked:,} fit" if trainings else ""


def _word(value: object) -> str:
    return plain_text(value)[:_LONGEST] if isinstance(value, str) else ""
