"""Observables down the tail: bits, plans, what is kept of members, and how populations are joined."""

import csv
import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import geomreg_tui as geomreg
from geomreg_tui.errors import ExperimentError
from geomreg_tui.experiment import Experiment
from geomreg_tui.formatting import number_text
from geomreg_tui.gradients.plan import GradientPlan
from geomreg_tui.report.observed_figures import draw_observables
from geomreg_tui.rundir.store import read_arrays
from geomreg_tui.splitting.curve import tail_curve
from geomreg_tui.splitting.members import ObservedMembers, log10_volume_due
from geomreg_tui.splitting.observed_curve import SHARES, observed_curve
from geomreg_tui.splitting.plan import TailPlan, plan_from_values, plan_values
from geomreg_tui.splitting.population import Population, tail_experiment
from geomreg_tui.splitting.result import PopulationResult, Tail, thinned
from geomreg_tui.statistics.clusters import cluster_mean, cluster_quantiles
from tests import seeds
from tests.command import call
from tests.engines import put_engines_here
from tests.rates import fewest

VALUES = {"data": "gaussian", "inputs": 5, "examples": 3, "width": 5, "depth": 1, "held_out": 2}
OBSERVE = ("confusion", "ntk")
GOAL = {"log10_volume": -3.0, "population": 40}
CASES = [
    VALUES,
    {**VALUES, "loss": "mae", "seed": 3},
    pytest.param({**VALUES, "init": "uniform"}, marks=pytest.mark.full),
]


def bits(result):
    values, arrays = result.to_parts()
    return values, {name: array.tobytes() for name, array in arrays.items()}


def gone_down(values, observe=(), stops=False, norms=False):
    """Return a population at its end; ``stops``: begun anew from its checkpoint before every level."""
    experiment = tail_experiment(Experiment.parse(values))
    plan = TailPlan(**GOAL, observe=observe, norms=norms)
    population = Population(experiment, plan, 1)
    while population.advance():
        if stops:
            population = Population(experiment, plan, 1, checkpoint=population.to_parts())
    return population.result


@pytest.mark.parametrize("values", CASES)
def test_bits_depend_on_no_stop_and_observing_changes_no_others(values):
    whole = gone_down(values, OBSERVE)
    assert bits(gone_down(values, OBSERVE, stops=True)) == bits(whole)
    assert len(whole.observed.log_loss) >= 3
    plain = gone_down(values, ())
    assert bits(replace(whole, observed=ObservedMembers.empty())) == bits(plain)
    assert "observed" not in plain.to_parts()[0]


def test_a_checkpoint_with_other_observables_is_refused():
    experiment = tail_experiment(Experiment.parse(VALUES))
    population = Population(experiment, TailPlan(**GOAL, observe=OBSERVE), 0)
    while population.advance() and not population.result.observed.names:
        pass
    for observe in ((), ("ntk",)):
        with pytest.raises(ValueError, match="observables"):
            Population(experiment, TailPlan(**GOAL, observe=observe), 0, checkpoint=population.to_parts())


def test_plans_name_what_is_observed_and_are_as_before_without():
    plain = TailPlan(log10_volume=-5.0)
    assert "observe" not in plan_values(plain)
    assert "pairs" not in plan_values(plain)
    assert plan_from_values(plan_values(plain)) == plain
    asked = GradientPlan(("confusion", "sharpness", "walk"), pairs=3)
    full = plain.observing(asked)
    assert (full.observe, full.pairs) == (("confusion", "sharpness"), 3)
    assert plan_from_values(json.loads(json.dumps(plan_values(full)))) == full
    assert plain.observing(GradientPlan(("walk",), pairs=3)) == plain
    assert full.observing(None) == plain
    for bad in ({"observe": ["walk"]}, {"observe": ["sharpness", "confusion"]}, {"observe": ["x"]}):
        with pytest.raises(ValueError, match="observables"):
            plan_from_values({**plan_values(plain), **bad})
    with pytest.raises(ValueError, match="observables"):
        plan_from_values({**plan_values(full), "pairs": 0})


def test_looks_come_at_each_decade_and_then_further_apart():
    due = [log10_volume_due(looks) for looks in range(50)]
    assert due[:21] == [-float(k) for k in range(1, 21)] + [-22.0]
    assert due[30] == -50
    assert due[49] < -280
    assert all(-b <= -a * 1.1 + 1 for a, b in itertools.pairwise(due))


def members(losses, values, names=("ntk_trace",)):
    return ObservedMembers(names, np.log(losses), np.asarray(values, np.float64).reshape(len(losses), -1, 6))


def test_members_come_back_and_are_thinned_in_order():
    rng = seeds.generator(90)
    seen = ObservedMembers(("ntk_trace", "sharpness"), np.array([1.0, 0.5]), rng.normal(size=(2, 2, 40)))
    values, arrays = seen.to_parts()
    again = ObservedMembers.from_parts(json.loads(json.dumps(values)), arrays)
    assert again.names == seen.names
    assert again.values.tobytes() == seen.values.tobytes()
    few = seen.thinned(8)
    assert few.values.shape == (2, 2, 8)
    assert np.allclose(few.values, np.sort(seen.values)[:, :, 2::5])
    population = replace(PopulationResult.empty(), observed=seen)
    assert thinned(population).observed.values.shape == (2, 2, 32)
    tail = Tail(TailPlan(log10_volume=-1.0, repeats=1, observe=("ntk", "sharpness")), "pcn", "latent", ())
    tail = replace(tail, populations=(population,))
    back = Tail.from_parts(*tail.to_parts())
    assert back.populations[0].observed.values.shape == (2, 2, 32)


@pytest.mark.parametrize(
    "break_",
    [
        lambda v, a: v.update(observed=["mass"]),
        lambda v, a: v.update(observed=[]),
        lambda v, a: v.update(observed=["ntk_trace", "ntk_trace"]),
        lambda v, a: a.update(observed_log_loss=np.array([1.0, 1.0])),
        lambda v, a: a.update(observed_log_loss=np.array([1.0, math.nan])),
        lambda v, a: a.update(observed_log_loss=np.array([1.0])),
        lambda v, a: a.update(observed_values=np.full((2, 1, 3), math.inf)),
        lambda v, a: a.update(observed_values=np.zeros((2, 2, 3))),
        lambda v, a: a.update(observed_values=np.zeros((2, 1, 0))),
        lambda v, a: a.pop("observed_values"),
    ],
)
def test_forged_members_are_refused(break_):
    values, arrays = members([3.0, 2.0], np.arange(12)).to_parts()
    ObservedMembers.from_parts(values, arrays)
    break_(values, arrays)
    with pytest.raises((LookupError, TypeError, ValueError)):
        ObservedMembers.from_parts(values, arrays)


@given(
    st.lists(st.lists(st.integers(-5, 5), min_size=1, max_size=6), min_size=1, max_size=5),
    st.sampled_from(SHARES),
)
def test_quantiles_of_clusters_are_those_of_all_values_repeated(groups, share):
    """With whole weights: the smallest number that the share of all values is at most."""
    values = [np.array(group, np.float64) for group in groups]
    weights = [np.full(len(group), 1.0 + place % 3) for place, group in enumerate(groups)]
    every = np.sort(
        np.concatenate([np.repeat(v, w.astype(int)) for v, w in zip(values, weights, strict=True)])
    )
    (found,) = cluster_quantiles(values, weights, [share])
    assert found.estimate == every[max(0, math.ceil(share * every.size - 1e-9) - 1)]
    assert not found.low > found.estimate
    assert not found.high < found.estimate
    assert math.isclose(cluster_mean(values, weights).estimate, every.mean(), abs_tol=1e-12)


@pytest.mark.parametrize("within", [pytest.param(0.0, marks=pytest.mark.full), 0.5])
def test_intervals_over_clusters_cover(within):
    """Values of a cluster share a part of their variance: intervals that took them for independent would
    miss the true quantile by far more than 5 % of the time."""
    rng, trials, clusters, size = seeds.generator(91, int(within * 10)), 400, 8, 64
    truth = {0.05: -1.6448536269514722, 0.5: 0.0, 0.75: 0.6744897501960817}
    hit, naive = dict.fromkeys(truth, 0), 0
    for _ in range(trials):
        shared = rng.normal(size=(clusters, 1)) * math.sqrt(within)
        values = shared + rng.normal(size=(clusters, size)) * math.sqrt(1 - within)
        weights = [np.full(size, w) for w in rng.uniform(0.7, 1.3, clusters)]
        found = cluster_quantiles(list(values), weights, list(truth))
        for (share, exact), place in zip(truth.items(), found, strict=True):
            hit[share] += not place.low > exact and not place.high < exact
        mean = cluster_mean(list(values), weights)
        hit["mean"] = hit.get("mean", 0) + (mean.low <= 0 <= mean.high)
        naive += abs(values.mean()) < 1.96 * values.std() / math.sqrt(values.size)
    assert min(hit.values()) >= fewest(trials, 0.92, len(hit))
    assert within == 0 or naive < 0.7 * trials


def test_a_single_population_has_no_intervals():
    (found,) = cluster_quantiles([np.arange(9.0)], [np.ones(9)], [0.5])
    assert found.estimate == 4
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert math.isnan(cluster_quantiles([np.empty(0)], [np.empty(0)], [0.5])[0].estimate)


def population_of(log10_volumes, losses, seen):
    logs = np.log(losses)
    result = PopulationResult.empty().extended(
        logs, np.array(log10_volumes) * math.log(10), np.full(len(logs), 0.01), -math.inf, True
    )
    return replace(result, observed=seen, status="volume reached")


def test_what_follows_a_power_of_the_loss_is_joined_without_error():
    """Populations that were looked at other losses agree, where each value is sqrt(L) times a constant."""
    losses, volumes = 10.0 ** -np.arange(7), -np.arange(7.0) / 2
    spread = np.array([1.0, 2, 3, 4, 5, 6])
    found = []
    for places in ([0.1, 0.01, 1e-3, 1e-5], [0.06, 0.004, 2e-4, 3e-6], [0.09, 0.02, 1e-4, 1e-5]):
        places = np.array(places)
        seen = members(places, np.sqrt(places)[:, None] * spread)
        found.append(population_of(volumes, losses, seen))
    rows = observed_curve(found, tail_curve(found))["ntk_trace"]
    assert len(rows) == 4
    assert math.isclose(rows[0].log10_loss, math.log10(0.06))
    assert math.isclose(rows[-1].log10_loss, -5)
    for row in rows:
        assert math.isclose(row.log10_volume, row.log10_loss / 2, abs_tol=1e-6)
        for share, place in zip(SHARES, row.quantiles, strict=True):
            expected = math.sqrt(10**row.log10_loss) * np.quantile(spread, share, method="inverted_cdf")
            assert math.isclose(place.estimate, expected, rel_tol=1e-9)
        assert row.networks == 18
        assert row.undefined == 0


def test_populations_count_by_their_volume_and_what_is_undefined_is_left_out():
    losses, none = np.array([1.0, 0.1]), math.nan
    one = population_of([0, -1], losses, members([0.1], [1, 1, 1, 1, 1, 1]))
    other = population_of([0, -1 + math.log10(3)], losses, members([0.1], [2, 2, 2, none, none, none]))
    (row,) = observed_curve([one, other], tail_curve([one, other]))["ntk_trace"]
    assert math.isclose(row.mean.estimate, (1 * 1 + 3 * 0.5 * 2) / 2.5)
    assert math.isclose(row.undefined, 3 * 0.5 / 4)
    assert observed_curve([one, PopulationResult.empty()], None) == {}
    unseen = population_of([0, -1], losses, ObservedMembers.empty())
    assert observed_curve([one, unseen], tail_curve([one, unseen])) == {}


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A sweep of two points with tails whose networks are observed."""
    path = tmp_path_factory.mktemp("sweep") / "widths"
    with pytest.MonkeyPatch.context() as monkeypatch:
        put_engines_here(monkeypatch)
        goals = {"to_log10_volume": -3, "population": 30, "repeats": 3}
        asked = {"samples": 2000, "observe": "confusion,ntk,walk", "observed": 100, "pairs": 2}
        geomreg.sweep({"width": [3, 5]}, out=path, progress=False, **VALUES, goals=goals, **asked)
    return path


def test_a_run_observes_down_its_tail_and_every_output_says_so(swept, tmp_path):
    result = geomreg.load(swept / "width=5")
    document = json.loads((result.path / "summary.json").read_text())
    assert "at_loss" not in document["observables"]["walk_correlation"]
    table = result.arrays("observables_at_loss")
    call("export", result.path, tmp_path / "run.npz", check=0)
    with np.load(tmp_path / "run.npz") as kept:
        for name, column in table.items():
            np.testing.assert_array_equal(kept[f"observed_at_loss_{name}"], column)
    for name in ("confusion_min", "ntk_trace"):
        rows = document["observables"][name]["at_loss"]
        assert rows == result.observables[name]["at_loss"]
        assert len(rows) >= 2
        assert rows[-1]["log10_volume"] < -2
        assert all(a["log10_loss"] > b["log10_loss"] for a, b in itertools.pairwise(rows))
        own = table["observable"] == name
        assert table["networks"][own].tolist() == [45] * len(rows)
        for place, row in zip(np.flatnonzero(own), rows, strict=True):
            mean, low, high = row["mean"]
            assert low <= mean <= high
            assert row["quantiles"]["0.05"][0] <= row["quantiles"]["0.5"][0]
            assert math.isclose(row["loss"], 10 ** row["log10_loss"])
            assert table["q0.5"][place] == row["quantiles"]["0.5"][0]
            assert table["mean_low"][place] == low
    median = number_text(document["observables"]["ntk_trace"]["at_loss"][-1]["quantiles"]["0.5"][0])
    _, report, _ = call("report", result.path, check=0)
    _, _, part = report.partition("Low loss ")
    assert median in part
    call("export", result.path, tmp_path / "run.html", check=0)
    page = (tmp_path / "run.html").read_text()
    assert "Down the tail: trace of the NTK" in page
    falls = [axes for axes in draw_observables(result).axes if "log_{10} V" in axes.get_xlabel()]
    assert len(falls) == 4
    for axes, name in zip(
        falls, ("confusion_min", "confusion_mean", "confusion_negative", "ntk_trace"), strict=True
    ):
        rows = document["observables"][name]["at_loss"]
        np.testing.assert_array_equal(axes.lines[0].get_xdata(), [row["log10_volume"] for row in rows])
        np.testing.assert_array_equal(axes.lines[0].get_ydata(), [row["quantiles"]["0.5"][0] for row in rows])
    assert median in page


def test_a_sweep_says_what_its_points_say(swept, tmp_path):
    sweep = json.loads((swept / "sweep.json").read_text())
    call("export", swept, tmp_path / "points.csv", check=0)
    rows = list(csv.DictReader((tmp_path / "points.csv").read_text().splitlines()))
    _, report, _ = call("report", swept, check=0)
    _, _, part = report.partition("Observed among the networks of the lowest loss")
    call("export", swept, tmp_path / "sweep.html", check=0)
    page = (tmp_path / "sweep.html").read_text()
    for name, point, row in zip(("width=3", "width=5"), sweep["points"], rows, strict=True):
        alone = json.loads((swept / name / "summary.json").read_text())
        for observable in ("confusion_mean", "ntk_trace"):
            found = point["observables"][observable]["at_loss"]
            assert found == alone["observables"][observable]["at_loss"]
            median = found[-1]["quantiles"]["0.5"]
            assert float(row[f"low_loss_{observable}"]) == median[0]
            assert number_text(median[0]) in part
            assert number_text(median[0]) in page
        assert "low_loss_walk_correlation" not in row


@pytest.mark.full
def test_a_sweep_is_taken_up_with_the_tails_that_it_has(swept, monkeypatch):
    """Points of an earlier version, whose tails observe nothing, are taken as they are."""
    put_engines_here(monkeypatch)
    kept = [path.read_bytes() for path in sorted(swept.glob("*/tail/*.safetensors"))]
    plan = swept / "width=3" / "tail" / "plan.json"
    before = json.loads(plan.read_text())
    assert before["plan"]["observe"] == list(OBSERVE)
    assert before["plan"]["pairs"] == 2
    goals = {"to_log10_volume": -3, "population": 30, "repeats": 3}
    asked = {"samples": 2000, "observe": "confusion,ntk,walk", "observed": 100, "pairs": 2}
    try:
        old = {key: value for key, value in before["plan"].items() if key not in ("observe", "pairs")}
        plan.write_text(json.dumps({**before, "plan": old}))
        result = geomreg.sweep({"width": [3, 5]}, out=swept, progress=False, **VALUES, goals=goals, **asked)
    finally:
        plan.write_text(json.dumps(before))
    assert len(result.points) == 2
    assert [path.read_bytes() for path in sorted(swept.glob("*/tail/*.safetensors"))] == kept


def test_a_resume_asks_nothing_new_of_a_tail_that_observes_nothing(tmp_path, monkeypatch):
    """A run of an earlier version that observes networks and goes down a tail goes on as it began."""
    put_engines_here(monkeypatch)
    goals = {"to_log10_volume": -3, "population": 30, "repeats": 2, "samples": 1000, "progress": False}
    plain = geomreg.tail(out=tmp_path / "plain", **VALUES, **goals)
    run = geomreg.tail(out=tmp_path / "run", observe="ntk", observed=50, **VALUES, **goals)
    plan = run.path / "tail" / "plan.json"
    values = json.loads(plan.read_text())
    del values["plan"]["observe"], values["plan"]["pairs"]
    plan.write_text(json.dumps(values))
    for path in (run.path / "tail").glob("*.safetensors"):
        path.unlink()
    again = run.resume(2000)
    assert "at_loss" not in again.observables["ntk_trace"]
    for index in range(2):
        name = f"tail/population-{index:02d}.safetensors"
        assert read_arrays(again.path / name)[0].keys() == read_arrays(plain.path / name)[0].keys()
    assert again.tail.curve.log10_volume.tolist() == plain.tail.curve.log10_volume.tolist()


def test_a_finished_run_goes_on_to_more_observed_networks(tmp_path, monkeypatch):
    put_engines_here(monkeypatch)
    asked = {"samples": 500, "observe": "ntk,walk", "progress": False, **VALUES}
    few = geomreg.sample(out=tmp_path / "few", observed=60, **asked)
    many = geomreg.sample(out=tmp_path / "many", observed=150, **asked)
    _, _, error = call("run", "--resume", few.path, "--observed", 59, "--quiet", check=2)
    assert "observed" in error
    assert "this run observes 60; allowed is that number or more" in error
    call("run", "--resume", few.path, "--observed", 100, "--quiet", check=0)
    again = geomreg.load(few.path).resume(observed=150)
    assert again.observables == many.observables
    assert again.observed.planned.plan.networks == 150
    call("run", "--resume", few.path, "--observed", 150, "--quiet", check=0)
    with pytest.raises(ExperimentError, match="observes 150"):
        again.resume(observed=100)
    bare = geomreg.sample(out=tmp_path / "bare", samples=500, progress=False, **VALUES)
    with pytest.raises(ExperimentError, match="begin another one with --observe"):
        bare.resume(observed=100)


def test_projected_laws_without_weights_are_refused(tmp_path, monkeypatch):
    put_engines_here(monkeypatch)
    values = {**VALUES, "init": "orthogonal", "progress": False}
    goals = {"to_log10_volume": -1, "population": 20, "repeats": 1, "samples": 100, "observe": "ntk"}
    with pytest.raises(ExperimentError, match="sampler direct"):
        geomreg.tail(out=tmp_path / "run", **values, **goals)
    assert not (tmp_path / "run").exists()
    result = geomreg.tail(out=tmp_path / "run", sampler="direct", **values, **goals)
    assert result.observables["ntk_trace"]["at_loss"]
