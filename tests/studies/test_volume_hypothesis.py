"""The study of the volume hypothesis: its cells, and what it says of comparisons that are known."""

import math

import numpy as np
import pytest

from geomreg_tui.statistics.evidence import AGAINST, find, verdicts_of
from geomreg_tui.studies import volume_hypothesis
from geomreg_tui.studies.comparison import ArmResult, Comparison
from geomreg_tui.studies.volume_hypothesis import STUDY

SETS = 12


def test_quick_has_a_cell_of_each_data_set_and_standard_others_beside_it():
    quick, standard = STUDY.parts("quick"), STUDY.parts("standard")
    data = ("moons", "digits", "iris", "teacher")
    assert set(quick) == {f"{name}-{arm}" for name in data for arm in ("volume", "readout", "gd")}
    assert quick.keys() < standard.keys()
    experiments = {}
    for part, plan in standard.items():
        cell, _, arm = part.rpartition("-")
        assert experiments.setdefault(cell, plan.experiment) == plan.experiment  # whatever the arm
        assert (plan.tail is not None, plan.training is not None) == (arm == "volume", arm != "volume")
        loss = plan.tail.loss if plan.tail else plan.training.to_loss
        assert (loss, len(plan.grid())) == (0.01, 20)
    for name in data:
        first = experiments[name]
        others = [each for cell, each in experiments.items() if cell.startswith(f"{name}-")]
        assert (16 in {each.examples for each in others}) == (name != "moons")  # which 16 points few fit
        changed = [
            sum(getattr(each, key) != getattr(first, key) for key in ("examples", "width", "depth"))
            for each in others
        ]
        assert changed == [1] * len(others)
        assert len({each.width for each in others}) == len({each.depth for each in others}) == 2
    assert {each.examples for each in experiments.values()} == {2, 6, 16, 32}


def comparison(rng, ratio, readout):
    """Return a comparison in which gd has a held-out loss that is a factor of the volume's in each set."""
    volume = rng.uniform(1, 2, SETS)
    arms = {
        "volume": volume,
        "readout": volume * readout * np.exp(0.001 * rng.normal(size=SETS)),
        "gd": volume * ratio * np.exp(0.001 * rng.normal(size=SETS)),
    }
    none, all_of_them = np.full(SETS, math.nan), np.ones(SETS)
    ranks = tuple(
        find(name, "", "", place + 1e-4 * rng.normal(size=SETS), "above", null=0.5)
        for name, place in (("gd", 0.75), ("gd, norm", 0.25), ("gd, distance", 0.05))
    )
    return Comparison(
        0.01,
        tuple(range(SETS)),
        {
            name: ArmResult(loss, none, 0.5 * all_of_them if name == "gd" else all_of_them)
            for name, loss in arms.items()
        },
        (),
        (),
        ranks,
        ("",) * 3,
        np.full(SETS, -7.25),
        {"volume": 1.5, "gd": 3.0},
    )


@pytest.mark.parametrize("scale", ["quick", "standard"])
def test_ratios_verdicts_and_remarks_are_those_of_the_cells(monkeypatch, scale):
    """The ratio is e^0.3 for gd where N is 16, else 1; 12 sets scattered by 0.001."""
    rng = np.random.default_rng(5)
    parts = {part: (part,) for part in STUDY.parts(scale)}

    def compared(arms, eps):
        return comparison(rng, math.exp(0.3 * ("examples-16" in arms["gd"][0])), 1.0)

    monkeypatch.setattr(volume_hypothesis, "compare_arms", compared)
    outcome = STUDY.judge(parts)
    verdicts = dict(zip([each.name for each in outcome.findings], verdicts_of(outcome.findings), strict=True))
    for finding in outcome.findings:
        expected = 0.3 if "examples-16" in finding.name and finding.name.endswith("-gd") else 0.0
        assert finding.effect.estimate == pytest.approx(expected, abs=0.002)
        assert verdicts[finding.name] == (AGAINST if expected else "supported")
    if scale == "quick":
        assert [len(panel.series) for panel in outcome.panels] == [3]
        assert len(outcome.remarks) == 4
    else:
        by_number = outcome.panels[1]
        assert by_number.title.startswith("digits")
        lines = {series.label: series for series in by_number.series}
        assert lines["all weights"].x.tolist() == [2, 6, 16, 32]
        np.testing.assert_allclose(lines["all weights"].y[:, 0], [0, 0, 0.3, 0], atol=0.002)
        np.testing.assert_allclose(lines["infinitely wide"].y[:, 0], math.log(2))
        assert len(outcome.panels) == 5
        assert "moons with 16 examples, moons with 32" in outcome.remarks[-1]
    assert outcome.remarks[0].startswith("moons, N = 6, width 32, depth 1: held-out loss volume 1.")
    assert "gd 1." in outcome.remarks[0]
    assert "50 % fitted" in outcome.remarks[0]
    assert "log10 V(0.01) -7.25; mean rank of trained networks" in outcome.remarks[0]
    assert "by loss 0.75, norm 0.25, distance 0.05." in outcome.remarks[0]
