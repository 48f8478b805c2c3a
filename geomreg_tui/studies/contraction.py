"""With several examples, does density fall from the central mode down to zero loss, and how steeply?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.statistics.evidence import find
from geomreg_tui.studies.replicates import over, slopes, table_of
from geomreg_tui.studies.study import Outcome, Panel, Points, Rival, Series, Study
from geomreg_tui.sweeps.plan import SweepPlan
from geomreg_tui.sweeps.result import SweepPoint

__all__ = ["STUDY"]

_SIZES = {"quick": (4, 100, 2), "standard": (20, 300, 4), "deep": (40, 1000, 8)}  # data sets, population
_EXAMPLES = (1, 2, 4, 8)
_HIGH, _LOW = 1e-1, 1e-2  # losses between which the exponent is taken
_DATA = {"data": "gaussian", "inputs": 16, "depth": 1, "width": 32, "init": "he_normal"}


def _parts(scale: str) -> Mapping[str, SweepPlan]:
    replicates, population, repeats = _SIZES[scale]
    tail = TailPlan(loss=_LOW, population=population, repeats=repeats)
    return {"examples": over("examples", _EXAMPLES, replicates, 2e4, _DATA, tail=tail)}


def _exponent(point: SweepPoint) -> float:
    """Return the mean of lambda = d log V / d log eps between the two losses."""
    high, low = point.volume_of_loss.at([_HIGH, _LOW])[:, 0]
    return float((high - low) / np.log10(_HIGH / _LOW))


def _judge(points: Points) -> Outcome:
    examples, table = table_of(points["examples"], _exponent, _EXAMPLES)
    findings = (
        find(
            "one-example",
            "with one example density does not fall towards zero loss: the exponent is at most 1",
            "lambda between losses 0.1 and 0.01, N = 1",
            table[:, 0],
            "below",
            null=1.0,
        ),
        find(
            "several-examples",
            "with several examples density falls towards zero loss: the exponent is above 1",
            "lambda between losses 0.1 and 0.01, N = 8",
            table[:, -1],
            "above",
            null=1.0,
        ),
        find(
            "slope",
            "the exponent is that of a ball of N dimensions: each example adds one half",
            "change of lambda per example",
            slopes(examples, table),
            "equal",
            null=0.5,
            margin=0.05,
            rival="ball of N dimensions",
        ),
    )
    panel = Panel(
        "How fast volume contracts, by the number of examples",
        "training examples N",
        "lambda = d log V / d log loss",
        (
            Series.of_replicates("measured, losses 0.1 to 0.01", examples, table),
            Series.of_law("ball of N dimensions, N/2", examples, np.array(examples) / 2),
        ),
    )
    remark = "A density p(L) ~ L^(lambda - 1) falls towards zero loss if and only if lambda is above 1."
    return Outcome(findings, (panel,), (remark,))


STUDY = Study(
    name="contraction",
    question="With several examples, does density fall from the central mode down to zero loss?",
    claim="With loss averaged over several examples density falls steadily down to zero loss.",
    source=(
        "arXiv 2202.09276: the first version says so of its histograms; the later abstract keeps "
        "'contracting volume', and gives it to the number of dimensions alone"
    ),
    rule="Supported if lambda is above 1 at N = 8, over data sets; its slope against N is compared with 1/2.",
    parts=_parts,
    judge=_judge,
    rivals=(
        Rival(
            "ball of N dimensions",
            "For squared error and more parameters than examples {L <= eps} is a ball in the space of the N "
            "outputs: V ~ eps^(N/2), whatever the number of parameters.",
        ),
    ),
)
