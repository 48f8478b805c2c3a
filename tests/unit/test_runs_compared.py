"""Runs side by side: intervals of differences cover, against exact laws, and every output says the same.

Where coverage is counted over replicates, a right program fails a test with probability below ALPHA.
"""

import csv
import io
import json
import math

import numpy as np
import pytest
from scipy import stats

import geomreg_tui as geomreg
from geomreg_tui.errors import ExperimentError, RunDirectoryError
from geomreg_tui.report import compare_results, compared_text, export_compared, load_result
from geomreg_tui.report.runs_compared import QUANTILES
from geomreg_tui.rundir import Labels, runs_root, write_labels
from geomreg_tui.statistics import LossDistribution, landmark_dominance
from geomreg_tui.statistics.differences import difference, dominance_difference, quantile_interval
from geomreg_tui.statistics.intervals import UNDEFINED, Interval, clopper_pearson
from geomreg_tui.summary import LossHistogram, Moments, Summary
from tests import seeds
from tests.command import call
from tests.rates import fewest

from .exporting import make_run, two_modes

LEVEL = 0.95
REPLICATES = 300


def distribution_of(losses, null=1.0):
    histogram = LossHistogram.from_losses(losses, 12, null, 1e-9)
    return LossDistribution(Summary(histogram, Moments.from_losses(losses, null)), null)


def covers(interval, truth):
    return interval.low <= truth <= interval.high


@pytest.mark.parametrize(("n", "m"), [(20, 20), (15, 60)])
def test_differences_of_shares_cover_by_enumeration(n, m):
    """Every pair of counts with its exact probability, over shares from near 0 to near 1."""
    k, j = np.meshgrid(np.arange(n + 1), np.arange(m + 1), indexing="ij")
    first, second = clopper_pearson(np.arange(n + 1), n), clopper_pearson(np.arange(m + 1), m)
    found = [
        [
            difference(
                Interval(a / n, float(first[0][a]), float(first[1][a])),
                Interval(b / m, float(second[0][b]), float(second[1][b])),
            )
            for b in range(m + 1)
        ]
        for a in range(n + 1)
    ]
    low, high = (np.array([[getattr(i, end) for i in row] for row in found]) for end in ("low", "high"))
    for p in (0.02, 0.1, 0.3, 0.5, 0.8):
        for q in (0.02, 0.2, 0.5, 0.9, 0.98):
            weight = stats.binom.pmf(k, n, p) * stats.binom.pmf(j, m, q)
            assert weight[(low <= p - q) & (p - q <= high)].sum() >= LEVEL, (p, q)


def test_a_difference_is_the_root_of_the_sum_of_the_squares_of_errors():
    found = difference(Interval(3.0, 2.0, 7.0), Interval(1.0, 0.5, 4.0))
    assert found == pytest.approx((2.0, 2.0 - math.hypot(1, 3), 2.0 + math.hypot(4, 0.5)))
    assert difference(Interval(3.0, 2.0, 7.0), UNDEFINED) is UNDEFINED
    assert difference(Interval(3.0, -math.inf, 7.0), Interval(1.0, 0.5, 4.0)).low == -math.inf


@pytest.mark.parametrize("share", [0.01, 0.5, 0.95])
def test_quantiles_and_their_differences_cover_those_of_an_exact_law(share):
    generator = seeds.generator(1, int(100 * share))
    truth = stats.expon.ppf(share)
    single = both = 0
    for _ in range(REPLICATES):
        first, second = (
            quantile_interval(distribution_of(generator.exponential(scale, size)), share)
            for scale, size in ((1.0, 400), (2.0, 900))
        )
        single += covers(first, truth)
        both += covers(difference(second, first), truth)
    assert single >= fewest(REPLICATES, LEVEL, 2)
    assert both >= fewest(REPLICATES, LEVEL, 2)


@pytest.mark.parametrize("count", [1, 2, 5, 40])
def test_a_quantile_of_few_losses_covers_exactly(count):
    """The order statistics of the interval, against the exact law of their ranks."""
    losses = np.arange(1, count + 1) * 1.0
    for share in (0.05, 0.5, 0.99):
        found = quantile_interval(distribution_of(losses), share)
        # The interval holds the quantile unless too few losses lie below it, or too many.
        below = np.searchsorted(losses, found.low * (1 + 1e-3)) if found.low > 0 else 0
        upto = np.searchsorted(losses, found.high, side="right")
        missed = stats.binom.cdf(below - 1, count, share) if below else 0.0
        missed += stats.binom.sf(upto - 1, count, share) if upto < count else 0.0
        assert missed <= 1 - LEVEL + 1e-12


@pytest.mark.parametrize(("first", "second"), [((0.3, 0.3), (0.1, 0.5)), ((0.004, 0.3), (0.02, 0.3))])
def test_differences_of_dominance_cover_those_of_an_exact_law(first, second):
    """Losses on three flat pieces, of which the windows hold known shares."""
    generator = seeds.generator(2, int(1000 * first[0]))

    def drawn(zero, central, size=800):
        kind = generator.choice(3, size, p=[zero, central, 1 - zero - central])
        u = generator.random(size)
        losses = np.select([kind == 0, kind == 1], [0.2 * u, 0.95 + 0.1 * u], 2 + u)
        return landmark_dominance(distribution_of(losses))

    truth = (first[0] - first[1]) / sum(first) - (second[0] - second[1]) / sum(second)
    covered = sum(
        covers(dominance_difference(drawn(*first), drawn(*second)), truth) for _ in range(REPLICATES)
    )
    assert covered >= fewest(REPLICATES, LEVEL)


@pytest.mark.parametrize("replicates", [20, pytest.param(200, marks=pytest.mark.full)])
def test_volumes_at_equal_loss_and_their_differences_cover_an_exact_law(replicates, tmp_path):
    """V(L) = L^a of losses U^(1/a): the loss is chosen by the runs themselves."""
    generator = seeds.generator(3)
    covered = 0
    for number in range(replicates):
        runs = [
            make_run(tmp_path / f"{number}-{power}", generator.random(2000) ** (1 / power))
            for power in (1.0, 1.5)
        ]
        compared = compare_results([load_result(run.path) for run in runs])
        change = compared.runs[1].measures["log10_volume"].change
        covered += covers(change, 0.5 * math.log10(compared.loss))
    assert covered >= fewest(replicates, LEVEL)


@pytest.fixture
def results(tmp_path):
    """Three runs: two of other widths, one of the same experiment as the first."""
    made = [
        make_run(runs_root() / "20260101-000000-mlp-0000000a", two_modes(share=0.3), width=8),
        make_run(tmp_path / "second", two_modes(share=0.5, seed=1), width=16, bias=True),
        make_run(tmp_path / "third", two_modes(share=0.3, seed=2), width=8),
    ]
    write_labels(made[1].path, Labels("wider \x1b[2J"))
    return [load_result(run.path) for run in made]


def test_all_outputs_say_what_the_statistics_say(results, tmp_path):
    compared = compare_results(results, at_loss=0.05)
    document = json.loads(json.dumps(compared.to_json(), allow_nan=False))
    a, b, c = document["runs"]
    assert [run["run"] for run in document["runs"]] == ["A", "B", "C"]
    assert (b["name"], b["settings"]) == ("wider [2J", {"width": 16, "bias": True})
    assert document["loss"] == 0.05
    assert any("A and C have one experiment" in text for text in document["warnings"])
    assert a["ks"] is None
    losses = [two_modes(share=0.3), two_modes(share=0.5, seed=1)]
    assert b["ks"]["distance"] == pytest.approx(stats.ks_2samp(*losses).statistic, abs=2e-3)
    for run, result in zip((a, b, c), results, strict=True):
        assert run["measures"]["d0"]["value"] == pytest.approx(list(result.landmark.landmark))
        assert run["measures"]["at_null_loss"]["value"] == pytest.approx(list(result.at_null))
    for share in QUANTILES:
        expected = [np.quantile(each, share, method="inverted_cdf") for each in losses]
        values = [run["measures"][f"quantile_{share}"] for run in (a, b)]
        assert [v["value"][0] for v in values] == pytest.approx(expected, rel=5e-4, abs=1e-12)
        assert values[1]["difference"][0] == pytest.approx(expected[1] - expected[0], abs=1e-3)
    volumes = [run["measures"]["log10_volume"]["value"][0] for run in (a, b)]
    assert volumes == pytest.approx([np.log10(np.mean(each <= 0.05)) for each in losses], abs=5e-3)
    # CSV has the same numbers, and the text too, to its digits.
    export_compared(compared, tmp_path / "out.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text())))
    assert len(rows) == 3 * (3 + len(QUANTILES))
    text = compared_text(compared)
    assert "\x1b" not in text
    for row in rows:
        (run,) = (r for r in document["runs"] if r["run"] == row["run"])
        for kind, name in (("", "value"), ("difference_", "difference")):
            numbers = [row[f"{kind}{end}"] for end in ("estimate", "low", "high")]
            expected = run["measures"][row["measure"]][name]
            assert [float(n) if n else None for n in numbers] == expected
    for figure in ("out.png", "out.svg", "out.json"):
        export_compared(compared, tmp_path / figure)
        assert (tmp_path / figure).stat().st_size > 1000
    with pytest.raises(ExperimentError, match="--force replaces"):
        export_compared(compared, tmp_path / "out.csv")
    with pytest.raises(ExperimentError, match=r"out: got 'out\.xls'"):
        export_compared(compared, tmp_path / "out.xls")


def test_what_cannot_be_compared_is_refused(results, tmp_path):
    for chosen, said in ((results[:1], "1 of them"), (results * 3, "9 of them"), ([results[0]] * 2, "twice")):
        with pytest.raises(ExperimentError, match=said):
            compare_results(chosen)
    empty = make_run(tmp_path / "empty", np.array([math.nan]))
    with pytest.raises(RunDirectoryError, match="no networks yet"):
        compare_results([results[0], load_result(empty.path)])


def test_the_command_and_python_compare_the_same_runs_by_any_name(results, tmp_path, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)  # Python knows of no width
    second = str(results[1].path)
    said = call("compare-runs", "0000000a", second, "--json", "--out", tmp_path / "f.svg", check=0)
    assert "Wrote" in said.stderr
    compared = geomreg.compare_runs(results[0], second)
    assert json.loads(said.stdout) == json.loads(json.dumps(compared.to_json()))
    text = call("compare-runs", "0000000a", second, check=0).stdout
    assert text == f"{compared}\n"
    assert geomreg.compare_runs(*geomreg.runs()[:1], second).runs[0].name == results[0].path.name
    arrays = compared.arrays()
    assert arrays["run"].tolist() == ["A"] * 10 + ["B"] * 10
    assert compared.save(tmp_path / "x.csv").read_text().count("\n") == 21
    assert compared.plot().axes[0].get_xlabel()
    assert "at-loss: got '-1'" in call("compare-runs", "0000000a", second, "--at-loss", "-1", check=2).stderr
    with pytest.raises(ExperimentError, match="at_loss"):
        geomreg.compare_runs(*results, at_loss=0)
    assert "2 to 6 runs" in call("compare-runs", "0000000a", check=2).stderr
    assert "no run 'absent'" in call("compare-runs", "0000000a", "absent", check=1).stderr
