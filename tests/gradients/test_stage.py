"""Observing networks as a stage of a run: the same numbers however divided, stopped, killed or damaged."""

import json
from dataclasses import replace

import numpy as np
import pytest

import geomreg_tui as geomreg
from geomreg_tui.engine import InProcess, Pace
from geomreg_tui.engine.work import Outcome
from geomreg_tui.errors import ExperimentError, RunDirectoryError
from geomreg_tui.gradients.describe import describe
from geomreg_tui.gradients.pieces import ArrangeWork, ObserveWork
from geomreg_tui.gradients.plan import (
    OBSERVED,
    arrangement_from_values,
    check_plan,
    parse_plan,
    plan_from_values,
    plan_values,
)
from geomreg_tui.gradients.result import Observations
from geomreg_tui.gradients.stage import GRADIENTS
from geomreg_tui.gradients.store import Observed, Planned, packs_of, read_observed
from geomreg_tui.gradients.work import arrange, observe_chunk
from geomreg_tui.rundir import RunDirectory, RunState
from geomreg_tui.runner.preparing import prepare
from geomreg_tui.runner.snapshot import read_live
from geomreg_tui.runner.verify import verify_run
from tests import seeds
from tests.command import call
from tests.making import begin_run, make_engine, preparation
from tests.training.test_stage import DeadlyExecutor, Killed

from .making import experiment

NETWORKS = 150
VALUES = {"examples": 5, "width": 8, "dtype": "float32", "chunk_size": 500}
PLAN = parse_plan(",".join(OBSERVED), observed=str(NETWORKS))


def bits(observations):
    return {name: array.tobytes() for name, array in observations.to_arrays().items()}


@pytest.fixture(scope="module")
def ready():
    """A prepared experiment, and its plan with chunks of 8 networks."""
    prepared = prepare(preparation(experiment(**VALUES)))
    found = arrange(ArrangeWork(prepared.facts.experiment, PLAN), "cpu").arrangement
    return prepared, Planned(PLAN, replace(found, chunk=8, batch=4))


@pytest.fixture(scope="module")
def expected(ready):
    """All chunks, observed here one after the other."""
    prepared, planned = ready
    resolved = prepared.facts.experiment
    works = [ObserveWork(resolved, PLAN, planned.arrangement, chunk) for chunk in range(18)]
    works.append(ObserveWork(resolved, PLAN, planned.arrangement, 18, 6))
    return Observations.merge([observe_chunk(work, "cpu") for work in works])


def begun(path, ready):
    prepared, planned = ready
    run, lease = begin_run(path, prepared.facts, prepared.environment, 1000, more=[planned])
    lease.release()
    return run


def gone_on_with(run, executor=None):
    """Take a run to its end in this process, and return how it ended."""
    return make_engine(run, executor or InProcess(), pace=Pace(commit=0.0, obey=0.0, publish=0.0)).run()


def test_a_run_observes_what_its_chunks_give(tmp_path, ready, expected):
    run = begun(tmp_path / "run", ready)
    assert gone_on_with(run) is RunState.DONE
    assert bits(read_observed(run).observations) == bits(expected)
    live = read_live(run).observed
    assert bits(live.observations) == bits(expected)
    assert live.planned == ready[1]
    verification = verify_run(run.path)
    assert verification.problems == ()
    document = json.loads((run.path / "summary.json").read_text())
    assert document["observables"] == json.loads(
        json.dumps(describe(Observed(ready[1], expected))["observables"])
    )
    assert document["observed"]["networks"] == NETWORKS


class AnyOrder(InProcess):
    """Does the work that is waiting in an order of its own, and cannot observe some chunks.

    Args:
        broken: the chunks that cannot be observed.
        key: of the order.
    """

    def __init__(self, broken=(), key=0):
        super().__init__()
        self._rng = seeds.generator(70, key)
        self._broken = broken

    def outcomes(self, timeout):
        if self._queue:
            self._queue.rotate(int(self._rng.integers(len(self._queue))))
            if getattr(self._queue[0], "chunk", None) in self._broken and self._queue[0].stage == "gradients":
                return [Outcome(self._queue.popleft(), None, "SamplingError: no luck")]
        return super().outcomes(timeout)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_the_order_in_which_chunks_are_done_changes_nothing(tmp_path, ready, expected, workers):
    run = begun(tmp_path / "run", ready)
    pace = Pace(commit=0.0, obey=0.0, publish=0.0)
    assert make_engine(run, AnyOrder(key=workers), pace=pace, workers=workers).run() is RunState.DONE
    assert bits(read_observed(run).observations) == bits(expected)


def test_chunks_that_cannot_be_observed_are_passed_over_and_named(tmp_path, ready, expected):
    run = begun(tmp_path / "run", ready)
    assert gone_on_with(run, AnyOrder(broken=(3, 4))) is RunState.FAILED
    assert "chunks 3, 4 cannot be observed" in run.read_status().message
    seen = read_observed(run).observations
    assert seen.samples == NETWORKS - 16
    assert bits(read_live(run).observed.observations) == bits(seen)
    assert any("3, 4" in note for note in verify_run(run.path).notes)
    assert gone_on_with(run) is RunState.DONE
    assert bits(read_observed(run).observations) == bits(expected)


def test_ten_kills_change_nothing(tmp_path, ready, expected):
    run = begun(tmp_path / "run", ready)
    kills = 0
    for outcomes in (3, 2, 1, 2, 1, 2, 1, 2, 2, 1):
        with pytest.raises(Killed):
            gone_on_with(run, DeadlyExecutor(outcomes))
        kills += 1
    assert kills == 10
    there = read_observed(run).observations.samples
    assert 0 < there < NETWORKS
    assert gone_on_with(run) is RunState.DONE
    assert bits(read_observed(run).observations) == bits(expected)


def test_a_damaged_pack_is_set_aside_and_observed_anew(tmp_path, ready, expected):
    run = begun(tmp_path / "run", ready)
    gone_on_with(run)
    file = packs_of(run, ready[1]).scan()[0].path
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    assert any("observed networks" in problem for problem in verify_run(run.path).problems)
    assert read_observed(run).observations.samples == 0
    assert gone_on_with(run) is RunState.DONE
    assert file.with_name(file.name + ".damaged").exists()
    assert bits(read_observed(run).observations) == bits(expected)


def test_packs_of_another_plan_are_refused(tmp_path, ready):
    run = begun(tmp_path / "run", ready)
    gone_on_with(run)
    other = Planned(replace(PLAN, walk_step=0.5), ready[1].arrangement)
    other.write(run.path)
    assert read_observed(run).observations.samples == 0
    replace(ready[1], plan=replace(PLAN, networks=400)).write(run.path)
    assert read_observed(run).observations.samples == NETWORKS


def test_more_networks_go_on_from_those_that_are_there(tmp_path, ready):
    run = begun(tmp_path / "run", ready)
    gone_on_with(run)
    GRADIENTS.write_changes(run, {"networks": 190})
    assert gone_on_with(run) is RunState.DONE
    resolved = ready[0].facts.experiment
    works = [ObserveWork(resolved, PLAN, ready[1].arrangement, chunk) for chunk in range(23)]
    works.append(ObserveWork(resolved, PLAN, ready[1].arrangement, 23, 6))
    whole = Observations.merge([observe_chunk(work, "cpu") for work in works])
    assert bits(read_observed(run).observations) == bits(whole)


@pytest.mark.parametrize("text", ["{}", '{"plan": {}, "arrangement": {}}', "[]", "{", '{"plan": 1}'])
def test_a_damaged_plan_is_one_clear_error(tmp_path, ready, text):
    run = begun(tmp_path / "run", ready)
    (run.path / "gradients" / "plan.json").write_text(text)
    with pytest.raises(RunDirectoryError, match=r"plan\.json"):
        Planned.read(run)
    assert verify_run(run.path).problems


def test_the_number_of_networks_is_no_matter_of_a_chunk(ready):
    resolved, arrangement = ready[0].facts.experiment, ready[1].arrangement
    more = ObserveWork(resolved, replace(PLAN, networks=10**6), arrangement, 3)
    assert bits(observe_chunk(more, "cpu")) == bits(
        observe_chunk(ObserveWork(resolved, PLAN, arrangement, 3), "cpu")
    )
    first = observe_chunk(ObserveWork(resolved, PLAN, arrangement, 3, 7), "cpu")
    assert first.samples == 7


def test_what_is_observed_does_not_depend_on_what_else_is(ready):
    """Adding walks or confusion changes no bit of the gradient norm: each has streams of its own."""
    resolved, arrangement = ready[0].facts.experiment, ready[1].arrangement
    alone = observe_chunk(ObserveWork(resolved, parse_plan("gradient_norm"), arrangement, 0), "cpu")
    both = observe_chunk(ObserveWork(resolved, parse_plan("gradient_norm,walk"), arrangement, 0), "cpu")
    assert alone.values["gradient_norm"].histogram.positive.digest() == (
        both.values["gradient_norm"].histogram.positive.digest()
    )


@pytest.mark.parametrize(
    ("observe", "values", "message"),
    [
        ("confusoin", {}, "Did you mean 'confusion'"),
        ("confusion", {"loss": "zero_one", "data": "moons"}, "whose gradient is 0"),
        ("sharpness", {"loss": "hinge", "data": "moons"}, "whose second derivative is 0"),
        ("sharpness", {"loss": "mae"}, "whose second derivative is 0"),
        ("confusion", {"examples": 1}, "which has no pairs"),
        ("walk", {"init": "orthogonal"}, "allowed are inits normal"),
        ("walk", {"init": "uniform"}, "allowed are inits normal"),
        ("", {}, "allowed are confusion"),
    ],
)
def test_what_cannot_be_observed_is_refused_in_one_line(observe, values, message):
    with pytest.raises(ExperimentError, match=message) as error:
        check_plan(parse_plan(observe), experiment(**values))
    assert "\n" not in str(error.value)


def test_every_bad_option_is_named_at_once():
    with pytest.raises(ExperimentError) as error:
        parse_plan("ntk,nothing", "x", "1", "0")
    assert {problem.key for problem in error.value.problems} == {"observe", "pairs", "walk-step", "observed"}


def flat_module():
    """Return a module whose outputs do not depend on its weights in a way that torch can differentiate."""
    import torch

    class Rounded(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(4, 3)

        def forward(self, x):
            return self.layer(x).detach()

    return Rounded()


def test_a_module_without_gradients_is_refused():
    name = "tests.gradients.test_stage:flat_module"
    asked = experiment(arch="custom", module=name, loss="cross_entropy")
    resolved = prepare(preparation(asked, module=name)).facts.experiment
    found = arrange(ArrangeWork(resolved, parse_plan("confusion")), "cpu")
    assert found.arrangement is None
    assert "torch does not differentiate" in str(found.problems[0].got)


def test_what_does_not_fit_into_memory_is_refused(monkeypatch):
    from geomreg_tui.gradients import observer

    resolved = prepare(preparation(experiment(outputs=3))).facts.experiment
    monkeypatch.setattr(observer, "available_memory", lambda: 2000)
    found = arrange(ArrangeWork(resolved, parse_plan("ntk")), "cpu")
    assert found.arrangement is None
    assert "18 gradients of one network" in str(found.problems[0])
    assert "leave out ntk and sharpness" in str(found.problems[0])


def test_plans_come_back_from_plain_data(ready):
    assert plan_from_values(json.loads(json.dumps(plan_values(PLAN)))) == PLAN
    assert Planned.from_json(json.loads(json.dumps(ready[1].to_json()))) == ready[1]
    for values in ({"networks": 0}, {"pairs": 0}, {"walk_step": 1.0}, {"observe": []}, {"method": "auto!"}):
        with pytest.raises(ValueError, match="impossible"):
            plan_from_values({**plan_values(PLAN), **values})
    with pytest.raises(ValueError, match="impossible"):
        arrangement_from_values({**ready[1].to_json()["arrangement"], "batch": 0})


def test_from_python_and_from_the_command_line(tmp_path, engines_here):
    keys = {"data": "iris", "examples": 4, "width": 6, "seed": 3}
    result = geomreg.sample(
        out=tmp_path / "a",
        samples=2000,
        observe=["walk", "confusion"],
        pairs=3,
        observed=300,
        progress=False,
        **keys,
    )
    assert set(result.observables) == {
        "confusion_min",
        "confusion_mean",
        "confusion_negative",
        "walk_correlation",
    }
    for found in result.observables.values():
        assert {"mean", "std", "min", "max", "quantiles"} <= set(found)
        assert found["min"] <= found["quantiles"]["0.5"] <= found["max"]
    assert result.observed.observations.samples == 300
    assert "smallest cosine" in str(result)
    columns = result.arrays("observables")
    assert columns["observable"].tolist() == list(result.observables)
    options = [word for key, value in keys.items() for word in (f"--{key}", str(value))]
    given = ["--observe", "confusion,walk", "--pairs", "3", "--observed", "300", "--samples", "2000"]
    shown = call("run", *options, *given, "--out", tmp_path / "b", "--json", check=0)
    assert json.loads(shown.stdout)["observables"] == json.loads(json.dumps(result.observables))
    assert "--observe confusion,walk --observed 300 --pairs 3" in result.command
    assert np.isfinite(geomreg.load(tmp_path / "b").observables["walk_correlation"]["mean"])
    with pytest.raises(ExperimentError, match="only with observe"):
        geomreg.sample(samples=10, pairs=3, **keys)
    refused = call("run", "--resume", tmp_path / "b", "--observe", "ntk", check=2)
    assert "only when a run begins" in refused.stderr
    assert RunDirectory.open(tmp_path / "b").facts.experiment.width == 6
