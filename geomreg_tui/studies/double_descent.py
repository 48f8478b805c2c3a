"""Is the second descent of double descent explained by low-loss volume that contracts?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.statistics.epochs import ScaledModel, prominence
from geomreg_tui.statistics.evidence import Finding, find
from geomreg_tui.statistics.nngp import nngp_kernel
from geomreg_tui.statistics.quadratic_form import squared_error_law
from geomreg_tui.statistics.theory import gaussian_layers, layer_variances
from geomreg_tui.statistics.trends import tau_b
from geomreg_tui.studies.examples import numbers_of
from geomreg_tui.studies.replicates import log10_volume, over, slopes, table_of
from geomreg_tui.studies.study import Outcome, Panel, Points, Rival, Series, Study
from geomreg_tui.sweeps.plan import SweepPlan
from geomreg_tui.sweeps.result import SweepPoint
from geomreg_tui.training.plan import TrainingPlan

__all__ = ["STUDY"]

# Data sets, those of what is cheap, networks of each, and steps of training; population and repeats.
_SIZES = {
    "quick": (6, 12, 4, 1000, 40, 2),
    "standard": (20, 20, 16, 10_000, 200, 4),
    "deep": (200, 200, 16, 50_000, 500, 8),
}
_EXAMPLES = 16  # of the linear model: its threshold
_INPUTS = {
    "quick": (4, 16, 24, 48, 128),
    "standard": (4, 8, 12, 14, 16, 18, 20, 24, 32, 64, 128),
    "deep": (4, 8, 12, 14, 16, 18, 20, 24, 32, 64, 128),
}
_GAIN = 0.5
_LOSS = 1e-2  # at which volumes are compared
_LINEAR = {"data": "gaussian", "examples": _EXAMPLES, "held_out": 400, "depth": 0, "init": "he_normal"}
_THRESHOLD = 24  # units of the network, as many as its examples
_WIDTHS = {
    "quick": (6, 24, 128),
    "standard": (4, 8, 12, 16, 20, 24, 28, 36, 64, 128, 512),
    "deep": (4, 8, 12, 16, 20, 24, 28, 36, 64, 128, 512, 2048),
}
_NETWORK = {
    "data": "digits",
    "classes": "3,8",
    "examples": _THRESHOLD,
    "held_out": 250,
    "label_noise": 0.2,
    "depth": 1,
}
_EPOCHS_WIDTH = 128  # of the network whose path is followed
_NETWORK_LOSS = 0.3  # at which volumes of networks are compared
_RATIOS = {"quick": (0.25, 1, 4), "standard": (0.25, 0.5, 0.75, 1, 1.5, 2, 4)}  # of examples to weights
_TIMES = np.logspace(-2, 6, 161)  # of gradient flow
_REDRAWN = (
    'python -c "import numpy as np; from geomreg_tui.statistics.epochs import ScaledModel; '
    'print(*np.log10(ScaledModel().risk(0, np.logspace(-2, 6, 161), one_rate=False)))"'
)
_MARGIN = 0.05  # of log10 of a risk
FloatArray = NDArray[np.float64]


def _parts(scale: str) -> Mapping[str, SweepPlan]:
    replicates, more, trajectories, steps, population, repeats = _SIZES[scale]
    linear = TrainingPlan(to_loss=1e-6, steps=steps, trajectories=trajectories, record=2)
    readout = TrainingPlan(to_loss=1e-4, steps=steps, trajectories=trajectories, record=2, train="readout")
    whole = TrainingPlan(to_loss=1e-4, steps=steps, trajectories=trajectories)
    tail = TailPlan(loss=_NETWORK_LOSS, population=population, repeats=repeats)
    model = {**_LINEAR, "gain": _GAIN}
    units, few = {**_NETWORK, "width": _THRESHOLD}, {**model, "inputs": _EXAMPLES}
    return {
        "linear": over("inputs", _INPUTS[scale], more, 2e3, model, training=linear),
        "readout": over("width", _WIDTHS[scale], replicates, 2e3, _NETWORK, tail=tail, training=readout),
        "linear-samples": over("examples", _counts(scale, _EXAMPLES), replicates, 2e3, few, training=linear),
        "readout-samples": over(
            "examples", _counts(scale, _THRESHOLD), replicates, 2e3, units, training=readout
        ),
        "epochs": over("width", (_EPOCHS_WIDTH,), more, 2e3, _NETWORK, training=whole),
    }


def _counts(scale: str, weights: int) -> tuple[int, ...]:
    """Return numbers of examples on both sides of a number of weights."""
    return tuple(round(ratio * weights) for ratio in _RATIOS.get(scale, _RATIOS["standard"]))


def _risk(point: SweepPoint) -> float:
    """Return log10 of the mean held-out loss where training ended, fitted or at the limit of steps."""
    if point.training is None:
        return math.nan
    losses = point.training.ends.final("held_out_loss")
    known = losses[np.isfinite(losses)]
    return math.log10(float(known.mean())) if known.size else math.nan


def _volume(point: SweepPoint) -> float:
    """Return log10 V of the linear model at the loss at which volumes are compared: exact."""
    experiment = point.facts.experiment
    x, y = numbers_of(experiment)
    x, y = x[: experiment.examples], y[: experiment.examples]
    layers = gaussian_layers(experiment, x, y)
    if layers is None:
        return math.nan
    law = squared_error_law(nngp_kernel(x, experiment.activation, layer_variances(experiment, layers)), y)
    log = float(law.log_cdf(_LOSS)) / math.log(10)
    return log if math.isfinite(log) else math.nan


def _expected_risk(inputs: ArrayLike, examples: ArrayLike) -> FloatArray:
    """Return the risk of the linear model on pure noise of variance 1, NaN next to the threshold.

    Belkin, Hsu & Xu (2020), with what the initial weights leave where no example looks: (1 - n/p) times their
    squared norm, 2 gain^2.
    """
    p, n = np.broadcast_arrays(np.asarray(inputs, np.float64), np.asarray(examples, np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):
        under = 1 + p / (n - p - 1)
        beyond = 1 + n / (p - n - 1) + 2 * _GAIN**2 * (1 - n / p)
    return np.where(p <= n - 2, under, np.where(p >= n + 2, beyond, np.nan))


def _path(point: SweepPoint) -> tuple[FloatArray, FloatArray]:
    """Return the recorded steps from the first on, and log10 of the median held-out loss at each."""
    if point.training is None:
        return np.empty(0), np.empty(0)
    band = point.training.bands["held_out_loss"]
    return np.asarray(band.step[1:], np.float64), np.log10(band.median[1:, 0])


def _judge(points: Points) -> Outcome:
    inputs, linear = table_of(points["linear"], _risk)
    _, volume = table_of(points["linear"], _volume)
    widths, readout = table_of(points["readout"], _risk)
    _, network_volume = table_of(points["readout"], log10_volume(_NETWORK_LOSS))
    wider = [place for place, width in enumerate(widths) if width >= _THRESHOLD]
    findings = (
        find(
            "linear-peak",
            "the linear model's risk falls beyond the threshold",
            "log10 risk at p = n minus that at the largest p",
            _fall(inputs, linear, _EXAMPLES),
            "above",
            margin=_MARGIN,
        ),
        find(
            "network-peak",
            "the held-out loss of trained readouts falls beyond the threshold",
            "log10 held-out loss at width N minus that at the largest width",
            _fall(widths, readout, _THRESHOLD),
            "above",
            margin=_MARGIN,
        ),
        find(
            "volume",
            "low-loss volume contracts from the threshold on, where the risk descends again",
            "Kendall's tau of log10 V(0.01) and p from the threshold on, linear model, exact",
            _order(inputs, volume),
            "below",
            margin=0.1,
        ),
        find(
            "network-volume",
            "low-loss volume of networks contracts from the threshold on, where their loss descends again",
            f"change of log10 V({_NETWORK_LOSS:g}) per doubling of the width from the threshold on",
            slopes(np.log2([widths[place] for place in wider]), network_volume[:, wider]),
            "below",
            margin=0.1,
        ),
        *_samples_findings(points),
        *_epochs_findings(points["epochs"]),
    )
    sizes = np.array(inputs, np.float64)
    panels = (
        Panel(
            "Risk of the linear model, 16 examples of pure noise",
            "inputs p",
            "held-out loss",
            (
                _powers(Series.of_replicates("gradient descent", sizes, linear)),
                Series.of_law("Belkin, Hsu & Xu (2020), mean", sizes, _expected_risk(sizes, _EXAMPLES)),
            ),
            log_x=True,
            log_y=True,
        ),
        Panel(
            "Volume of the same model",
            "inputs p",
            "decades of V(0.01) below 1, exact",
            (_powers(Series.of_replicates("geometric mean over data sets", sizes, np.log10(-volume))),),
            log_x=True,
            log_y=True,
        ),
        Panel(
            f"Networks on {_THRESHOLD} digits, 20 % of the labels drawn anew",
            "width",
            "log10",
            (
                Series.of_replicates("held-out loss, trained readouts", widths, readout),
                Series.of_replicates(
                    f"V({_NETWORK_LOSS:g}), per example", widths, network_volume / _THRESHOLD
                ),
            ),
            log_x=True,
        ),
        _samples_panel(points),
        *_epochs_panels(points["epochs"]),
    )
    return Outcome(
        findings,
        panels,
        (
            "Where examples outnumber inputs no weights of the linear model come to the loss, and V is 0. "
            "There its risk descends again along the number of examples.",
            "Along the path V of the training loss falls whenever the loss does. With steps of one rate the "
            "model, its weights' law and so V are the same, and only the order of learning is another.",
            "Curves of the model of two scales are exact and in no sweep: the last command prints log10 of "
            "the risk of data set 0, and with one_rate=True that of one rate.",
        ),
    )


def _order(inputs: Sequence[int], volume: FloatArray) -> FloatArray:
    """Return Kendall's tau of the volume with the number of inputs from the threshold on, (replicates,)."""
    beyond = [place for place, p in enumerate(inputs) if p >= _EXAMPLES]
    if not len(volume) or len(beyond) < 2:
        return np.empty(0)
    return tau_b(np.array(inputs, np.float64)[beyond], volume[:, beyond])


def _samples_findings(points: Points) -> list[Finding]:
    """Return whether the risk falls beyond the threshold along the number of examples."""
    found = []
    for part, threshold, of in (
        ("linear-samples", _EXAMPLES, "the linear model's risk"),
        ("readout-samples", _THRESHOLD, "the held-out loss of trained readouts"),
    ):
        counts, table = table_of(points[part], _risk)
        found.append(
            find(
                part,
                f"{of} falls beyond the threshold along the number of examples",
                f"log10 held-out loss at N = {threshold} weights minus that at the largest N",
                _fall(counts, table, threshold),
                "above",
                margin=_MARGIN,
            )
        )
    return found


def _samples_panel(points: Points) -> Panel:
    counts, linear = table_of(points["linear-samples"], _risk)
    more, readout = table_of(points["readout-samples"], _risk)
    places = np.array(counts, np.float64) / _EXAMPLES
    ratios = np.array([0.25, 0.5, 0.75, 1, 1.25, 2, 4])  # the law is not known next to 1
    return Panel(
        f"By the number of examples: {_EXAMPLES} inputs, and width {_THRESHOLD}",
        "examples / weights that are trained",
        "held-out loss",
        (
            _powers(Series.of_replicates("linear", places, linear)),
            Series.of_law("Belkin, Hsu & Xu (2020)", ratios, _expected_risk(_EXAMPLES, ratios * _EXAMPLES)),
            _powers(Series.of_replicates("readouts", np.array(more) / _THRESHOLD, readout)),
        ),
        log_x=True,
        log_y=True,
    )


def _scaled_risks(part: Sequence[SweepPoint], one_rate: bool) -> FloatArray:
    """Return log10 of the risk of the model of two scales along its path, a row a data set."""
    model, numbers = ScaledModel(), sorted({int(point.settings[-1]) for point in part})
    rows = [model.risk(number, _TIMES, one_rate=one_rate) for number in numbers]
    return np.log10(np.array(rows, np.float64).reshape(-1, _TIMES.size))


def _epochs_findings(part: Sequence[SweepPoint]) -> list[Finding]:
    """Return whether the risk descends a second time along the path of training."""
    measure = "log10 of the largest rise between two descents of the"
    return [
        find(
            "epochs-linear",
            "along its path the risk of a linear model with features of two scales descends twice",
            f"{measure} risk, gradient flow, exact",
            [prominence(row) for row in _scaled_risks(part, False)],
            "above",
            margin=_MARGIN,
        ),
        find(
            "epochs-rates",
            "it descends once where all features are learnt at one rate, though volume is the same",
            f"{measure} risk, gradient flow of one rate, exact",
            [prominence(row) for row in _scaled_risks(part, True)],
            "equal",
            margin=_MARGIN,
            rival="superposed trade-offs",
        ),
        find(
            "epochs-network",
            f"along its path the held-out loss of a network of width {_EPOCHS_WIDTH} descends twice",
            f"{measure} median held-out loss, all weights trained",
            [prominence(_path(point)[1]) for point in part],
            "above",
            margin=_MARGIN,
        ),
    ]


def _epochs_panels(part: Sequence[SweepPoint]) -> tuple[Panel, Panel]:
    x = np.log10(_TIMES)
    some = slice(None, None, 5)
    paths = [_path(point) for point in part]
    steps = max((path[0] for path in paths), key=len, default=np.empty(0))
    table = np.full((len(paths), len(steps)), np.nan)
    for row, (_, values) in zip(table, paths, strict=True):
        row[:] = np.pad(values, (0, len(steps) - len(values)), "edge") if len(values) else np.nan
    return (
        Panel(
            "Risk along the path, linear model of two scales of features",
            "log10 time of gradient flow",
            "log10 risk",
            (
                Series.of_replicates("gradient flow, exact", x[some], _scaled_risks(part, False)[:, some]),
                Series.of_replicates("all learnt at one rate", x[some], _scaled_risks(part, True)[:, some]),
            ),
        ),
        Panel(
            f"Along the path, width {_EPOCHS_WIDTH}, all weights trained",
            "log10 step",
            "log10 median held-out loss",
            (Series.of_replicates("gradient descent", np.log10(steps), table),),
        ),
    )


def _fall(values: list[int], table: FloatArray, threshold: int) -> FloatArray:
    """Return the value at the threshold minus that at the largest place, (replicates,)."""
    if threshold not in values:
        return np.empty(0)
    return np.asarray(table[:, values.index(threshold)] - table[:, values.index(max(values))])


def _powers(series: Series) -> Series:
    """Return a series of log10 values as values."""
    return Series(series.label, series.x, 10.0**series.y, series.law)


STUDY = Study(
    name="double-descent",
    question="Is the second descent of double descent explained by low-loss volume that contracts?",
    claim="Volume that contracts with the number of parameters regularises, and explains double descent.",
    source=(
        "arXiv 2202.09276: the first abstract explains double descent by volume that contracts at low loss; "
        "the later abstract explains it by updates whose dimension shrinks"
    ),
    rule=(
        "The descent is there if the risk falls from the threshold to the largest model, or number of "
        "examples. The explanation is supported if V at equal loss falls there too, against if it rises: of "
        "the linear model by the order of V, since log V has heavy tails next to the threshold. "
        "Along the path of training it is there if the risk rises between two descents; scales of features "
        "explain it, and volume does not, if it goes with their rates made equal, at the same V."
    ),
    parts=_parts,
    judge=_judge,
    redrawn=(_REDRAWN,),
    rivals=(
        Rival(
            "variance at the threshold",
            "Belkin, Hsu & Xu (2020): the inverse of a nearly singular matrix of examples blows up at "
            "p = n. It divides by the determinant that V is made of: V is smallest where risk is largest, "
            "and expands beyond.",
        ),
        Rival(
            "superposed trade-offs",
            "Heckel & Yilmaz (2021): double descent along the path is two bias-variance trade-offs, of "
            "features learnt at different times, and no change of phase. Steps that make their rates equal "
            "undo it, and leave the volume as it is.",
        ),
    ),
)
