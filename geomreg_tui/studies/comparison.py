"""Sampling against training: networks that fit, drawn by volume or found by an optimiser, side by side.

All arms have the same init law, training sets, loss to come to, and held-out examples. *volume* draws
networks given L <= eps. *readout* trains the readout of drawn networks alone, *gd* all weights by gradient
descent, *sgd* all weights by minibatches; each stops where it first comes to eps. So volume - readout is what
reweighting by evidence does, and gd - readout what learning of features does.

Each trained network is ranked among the volume's, by its held-out loss, its norm and its distance:

- *norm*: ||theta||, all weights and biases counted, trained or not.
- *distance*: ||theta_T - theta_0|| of a trained network, from where it started. One of the volume has not
  started anywhere: its distance is from a theta_0 that is drawn from the init law for it, apart from it.

If training drew from the volume, ranks by loss and norm would be uniform, and by distance too if it forgot
where it started. A linear model, and a readout alone, end at theta_0 + X^+ (y - X theta_0). That is a draw
from the volume, so ranks by loss and norm are uniform there. But it is the fit next to theta_0, and keeps
what the initial weights are where no example looks: its rank by distance is low, however long it is trained.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.errors import ExperimentError, Problem
from geomreg_tui.experiment import Experiment, parse_count
from geomreg_tui.options import OptionReader
from geomreg_tui.shapes import layer_shapes
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.splitting.plan import parse_plan as parse_tail
from geomreg_tui.splitting.result import HELD_OUT_SHARES
from geomreg_tui.statistics.evidence import Finding, find, holm
from geomreg_tui.statistics.gradient_laws import infinite_ntk
from geomreg_tui.statistics.infinite_training import posterior_error, trained_error
from geomreg_tui.statistics.nngp import SLOPES, nngp_kernel
from geomreg_tui.statistics.theory import layer_variances
from geomreg_tui.studies.examples import numbers_of
from geomreg_tui.sweeps.groups import ARMS
from geomreg_tui.sweeps.plan import REPLICATE, Factor, SweepPlan
from geomreg_tui.sweeps.result import SweepPoint
from geomreg_tui.training.plan import SGD_BATCH, TrainingPlan, check_plan
from geomreg_tui.training.plan import parse_plan as parse_training

__all__ = [
    "ARMS",
    "GD",
    "READOUT",
    "SGD",
    "VOLUME",
    "ArmResult",
    "ComparePlan",
    "Comparison",
    "compare_arms",
    "parse_compare",
]

FloatArray = NDArray[np.float64]

VOLUME, READOUT, GD, SGD = ARMS
MARGIN = 0.05  # of the smaller mean, within which two arms are said to be equal
_SETS, _MOST_SETS = 20, 1000
_POPULATION, _REPEATS = "200", "4"
_MOST_EXAMPLES = 1000  # training and held out, for the laws of infinite width
_SAME = 1e-6  # of log10 losses
_RANKED = {
    # What is ranked: of trained networks, of the volume's, and in words.
    "loss": ("held_out_loss", "loss_quantiles", "held-out loss"),
    "norm": ("norm", "norm_quantiles", "norm of the weights"),
    "distance": ("distance", "distance_quantiles", "distance from an initial network"),
}
_MID_RANKS = np.convolve([0, *HELD_OUT_SHARES, 1], [0.5, 0.5], mode="valid")


@dataclass(frozen=True)
class ComparePlan:
    """What is to be compared.

    Attributes:
        experiment: with held-out examples; its seeds are those of the first training set.
        arms: some of :data:`ARMS`, two or more.
        sets: training sets, each with examples and weights of its own.
        tail: how the networks of the volume are found; its loss is eps.
        training: how the others are trained; ``optimizer``, ``train`` and ``to_loss`` are the arms'.
        samples: networks drawn plainly of each training set.
    """

    experiment: Experiment
    arms: tuple[str, ...]
    sets: int
    tail: TailPlan
    training: TrainingPlan
    samples: int = 10_000

    def parts(self) -> dict[str, SweepPlan]:
        """Return the sweep over training sets of each arm.

        Raises:
            ExperimentError: if nothing is held out, arms are too few, or one cannot be trained.
        """
        self._check()
        factors = (Factor(REPLICATE, tuple(range(self.sets))),)
        found = {}
        for arm in self.arms:
            training = self._training(arm)
            if training is not None:
                check_plan(training, self.experiment)
            tail = replace(self.tail, held_out_curve=False, norms=True) if arm == VOLUME else None
            found[arm] = SweepPlan(self.experiment, factors, self.samples, tail, training)
        return found

    def _training(self, arm: str) -> TrainingPlan | None:
        if arm == VOLUME:
            return None
        plan = replace(self.training, to_loss=self.tail.loss, optimizer="gd", batch=None, train="all")
        if arm == READOUT:
            return replace(plan, train="readout")
        if arm == SGD:
            quarter = max(1, self.experiment.examples // 4)  # or a minibatch would be all examples
            return replace(plan, optimizer="sgd", batch=self.training.batch or min(SGD_BATCH, quarter))
        return plan

    def _check(self) -> None:
        problems = []
        if not self.experiment.held_out:
            problems.append(Problem("held_out", "0", "what is compared is held-out loss: try 200"))
        unknown = [arm for arm in self.arms if arm not in ARMS]
        if unknown or len(set(self.arms)) < 2 or len(set(self.arms)) < len(self.arms):
            got, allowed = repr(",".join(self.arms)), f"allowed are two or more of {', '.join(ARMS)}"
            problems.append(Problem("arms", got, allowed))
        if not self.tail.loss > 0:
            problems.append(Problem("to_loss", "none", "allowed is a loss above 0 that all arms come to"))
        if problems:
            raise ExperimentError(problems)


def parse_compare(
    experiment: Experiment,
    arms: str | Sequence[str],
    sets: str,
    to_loss: str,
    samples: str,
    tail: Mapping[str, str | None],
    training: Mapping[str, str | None],
) -> ComparePlan:
    """Return what is to be compared; every value as the person wrote it, None for the default.

    Args:
        experiment: with held-out examples.
        arms: names, listed or with commas between them.
        sets: training sets.
        to_loss: eps.
        samples: networks drawn plainly of each training set.
        tail: ``population`` and ``repeats`` of the volume's networks.
        training: options of training but the loss, the optimiser and what is trained.

    Raises:
        ExperimentError: with one problem for each value that is no good.
    """
    reader = OptionReader()
    names = arms.split(",") if isinstance(arms, str) else arms
    wanted = reader.whole("training-sets", sets, _SETS, 1, _MOST_SETS)
    reader.check()
    trained = parse_training(optimizer="sgd", to_loss=to_loss, **training)
    given = {"population": tail.get("population") or _POPULATION, "repeats": tail.get("repeats") or _REPEATS}
    return ComparePlan(
        experiment,
        tuple(name.strip() for name in names),
        wanted,
        parse_tail(to_loss=to_loss, **given),
        trained if training.get("batch") else replace(trained, batch=None),
        parse_count(samples),
    )


@dataclass(frozen=True, eq=False)
class ArmResult:
    """What the networks of an arm that fit predict; NaN where a training set has none.

    Attributes:
        loss: mean held-out loss for each training set, (sets,).
        accuracy: mean held-out accuracy, (sets,); NaN where there are no classes.
        fitted: share of its networks that have come to eps, (sets,).
    """

    loss: FloatArray
    accuracy: FloatArray
    fitted: FloatArray


@dataclass(frozen=True, eq=False)
class Comparison:
    """Arms side by side, over training sets.

    Attributes:
        eps: the training loss that all come to.
        sets: numbers of the training sets, (sets,).
        arms: by name.
        differences: mean paired differences, of held-out loss and, with classes, of accuracy; named
            ``gd - volume``.
        words: what each comes to, all accounted for together (Holm).
        ranks: mean rank of a trained network among the volume's, by arm: one half where training draws from
            the volume. First by held-out loss, named ``gd``; then by norm and by distance, where they are
            known, named ``gd, norm`` and ``gd, distance``.
        rank_words: what each comes to.
        log10_volume: log10 V(eps) for each training set, (sets,); NaN where unknown.
        limits: held-out loss expected of infinitely wide networks, mean over training sets, by arm; empty
            where there is no law.
    """

    eps: float
    sets: tuple[int, ...]
    arms: Mapping[str, ArmResult]
    differences: tuple[Finding, ...]
    words: tuple[str, ...]
    ranks: tuple[Finding, ...]
    rank_words: tuple[str, ...]
    log10_volume: FloatArray
    limits: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Return plain data; None stands for what is undefined."""
        return {
            "schema": 1,
            "to_loss": self.eps,
            "training_sets": list(self.sets),
            "arms": {
                name: {
                    "held_out_loss": _plain(arm.loss),
                    "held_out_accuracy": _plain(arm.accuracy),
                    "fitted": _plain(arm.fitted),
                    "infinite_width": self.limits.get(name),
                }
                for name, arm in self.arms.items()
            },
            "differences": [
                finding.to_json(word) for finding, word in zip(self.differences, self.words, strict=True)
            ],
            "ranks": [
                finding.to_json(word) for finding, word in zip(self.ranks, self.rank_words, strict=True)
            ],
            "log10_volume": _plain(self.log10_volume),
        }


def compare_arms(points: Mapping[str, Sequence[SweepPoint]], eps: float) -> Comparison:
    """Compare the points of arms.

    Args:
        points: of each arm, one for each training set, named by the last of its settings.
        eps: the training loss that all come to.
    """
    sets = tuple(sorted({int(point.settings[-1]) for some in points.values() for point in some}))
    ordered = {
        arm: [next((p for p in some if p.settings[-1] == number), None) for number in sets]
        for arm, some in points.items()
    }
    arms = {arm: _arm(some, eps) for arm, some in ordered.items()}
    differences = [
        _difference(measure, first, second, arms)
        for measure in ("loss", "accuracy")
        for second, first in itertools.combinations(arms, 2)
        if np.isfinite(getattr(arms[first], measure)).any()
    ]
    ranks = [
        _rank(arm, some, ordered[VOLUME], eps, ranked)
        for ranked in _RANKED
        for arm, some in ordered.items()
        if arm != VOLUME and VOLUME in ordered
    ]
    ranks = [each for each in ranks if each.name in ordered or each.replicates]
    return Comparison(
        eps=eps,
        sets=sets,
        arms=arms,
        differences=tuple(differences),
        words=_words(differences, "below", "above"),
        ranks=tuple(ranks),
        rank_words=_words(ranks, "lower in the volume", "higher in the volume"),
        log10_volume=np.array([_volume(point, eps) for point in ordered.get(VOLUME, [None] * len(sets))]),
        limits=_limits(ordered),
    )


def _arm(points: Sequence[SweepPoint | None], eps: float) -> ArmResult:
    rows = [(math.nan,) * 3 if point is None else _ends(point, eps) for point in points]
    return ArmResult(*np.array(rows, np.float64).reshape(-1, 3).T)


def _ends(point: SweepPoint, eps: float) -> tuple[float, float, float]:
    """Return mean held-out loss and accuracy of the networks that have come to eps, and their share."""
    if point.training is not None:
        ends = point.training.ends
        if not ends.fitted.any():
            return math.nan, math.nan, 0.0
        means = [float(ends.final(f"held_out_{name}")[ends.fitted].mean()) for name in ("loss", "accuracy")]
        return means[0], means[1], float(ends.fitted.sum()) / max(1, point.training.ended)
    row = _volume_row(point, eps)
    if row is None or point.tail is None or point.tail.curve is None or point.tail.curve.held_out is None:
        return math.nan, math.nan, 0.0
    held_out = point.tail.curve.held_out
    accuracy = math.nan if held_out.accuracy is None else float(held_out.accuracy[row])
    return float(held_out.mean_loss[row]), accuracy, 1.0


def _volume_row(point: SweepPoint, eps: float) -> int | None:
    """Return the row of a deep tail's held-out performance that is at eps; None where it has none."""
    curve = None if point.tail is None else point.tail.curve
    if curve is None or curve.held_out is None or not curve.held_out.log10_loss.size:
        return None
    gap = np.abs(curve.held_out.log10_loss - math.log10(eps))
    row = int(np.argmin(gap))
    return row if gap[row] < _SAME else None


def _volume(point: SweepPoint | None, eps: float) -> float:
    return math.nan if point is None else float(point.volume_of_loss.at([eps])[0, 0])


def _difference(measure: str, first: str, second: str, arms: Mapping[str, ArmResult]) -> Finding:
    one, other = (getattr(arms[name], measure) for name in (first, second))
    known = np.isfinite(one) & np.isfinite(other)
    least = min(abs(float(values[known].mean())) for values in (one, other)) if known.any() else 0.0
    what = f"{first} - {second}, held-out {measure}"
    margin = MARGIN * least
    return find(
        f"{first} - {second}", what, f"held-out {measure}", one - other, "above", margin=margin or math.nan
    )


def _rank(
    arm: str,
    points: Sequence[SweepPoint | None],
    volume: Sequence[SweepPoint | None],
    eps: float,
    ranked: str,
) -> Finding:
    """Return the mean rank of trained networks among the volume's, by the cells between its quantiles."""
    means = [
        _mean_rank(point, among, eps, ranked) if point is not None and among is not None else math.nan
        for point, among in zip(points, volume, strict=True)
    ]
    claim = f"networks of {arm} rank among the volume's as one of them would"
    measure = f"mean rank of the {_RANKED[ranked][2]} among the volume's, from 0 to 1"
    name = arm if ranked == "loss" else f"{arm}, {ranked}"
    return find(name, claim, measure, means, "above", null=0.5, margin=0.05)


def _mean_rank(point: SweepPoint, volume: SweepPoint, eps: float, ranked: str) -> float:
    own, among, _ = _RANKED[ranked]
    row = _volume_row(volume, eps)
    if point.training is None or row is None or volume.tail is None or volume.tail.curve is None:
        return math.nan
    held_out, ends = volume.tail.curve.held_out, point.training.ends
    if held_out is None or not ends.fitted.any():
        return math.nan
    values, quantiles = ends.final(own)[ends.fitted], getattr(held_out, among)
    if not quantiles or np.isnan(values).any():
        return math.nan
    places = [quantiles[share][row] for share in HELD_OUT_SHARES]
    return float(_MID_RANKS[np.searchsorted(places, values)].mean())


def _words(findings: Sequence[Finding], lower: str, higher: str) -> tuple[str, ...]:
    p_values = np.array([[each.p_different, each.p_negligible] for each in findings], np.float64)
    rejected = holm(p_values.ravel()).reshape(-1, 2).tolist()
    words = []
    for finding, (different, negligible) in zip(findings, rejected, strict=True):
        if different:
            word = higher if finding.effect.estimate > finding.null else lower
        else:
            word = "equal" if negligible else "no difference seen"
        words.append(word)
    return tuple(words)


def _limits(points: Mapping[str, Sequence[SweepPoint | None]]) -> dict[str, float]:
    """Return the held-out loss of infinitely wide networks, mean over the training sets, by arm."""
    some = next(iter(points.values()), [])
    rows = [_limit(point.facts.experiment) for point in some if point is not None]
    known = [row for row in rows if row]
    if not known or len(known) < len(rows):
        return {}
    return {arm: float(np.mean([row[arm] for row in known])) for arm in points if arm in known[0]}


def _limit(experiment: Experiment) -> dict[str, float]:
    """Return the held-out loss of infinitely wide networks on one training set; nothing where no law is."""
    plain = experiment.arch == "mlp" and not (experiment.residual or experiment.layer_norm or experiment.bias)
    known = experiment.init == "he_normal" and experiment.loss == "mse" and experiment.activation in SLOPES
    if not (plain and known) or experiment.examples + experiment.held_out > _MOST_EXAMPLES:
        return {}
    x, y = numbers_of(experiment)
    if y.shape[1] != 1 or experiment.outputs not in (None, 1):
        return {}
    targets = y[:, 0]
    shapes = layer_shapes(experiment, (x.shape[1],), 1)
    kernel = nngp_kernel(x, experiment.activation, layer_variances(experiment, shapes))
    ntk = infinite_ntk(x, experiment.activation, experiment.widths, experiment.gain)
    fitted = posterior_error(kernel, targets, experiment.examples)
    trained = trained_error(kernel, ntk, targets, experiment.examples)
    return {VOLUME: fitted, READOUT: fitted, GD: trained, SGD: trained}


def _plain(values: FloatArray) -> list[float | None]:
    return [float(value) if math.isfinite(value) else None for value in values]
