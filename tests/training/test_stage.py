"""An ensemble as a stage of a run: the same trajectories however divided, stopped, killed or damaged."""

import json
import math
import shlex
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import geomreg_tui as geomreg
from geomreg_tui.engine import InProcess
from geomreg_tui.errors import ExperimentError, RunDirectoryError
from geomreg_tui.report import load_result
from geomreg_tui.rundir import RunDirectory, RunState
from geomreg_tui.rundir.store import read_arrays, write_arrays
from geomreg_tui.runner.preparing import prepare
from geomreg_tui.runner.snapshot import read_live
from geomreg_tui.runner.verify import verify_run
from geomreg_tui.training import stage
from geomreg_tui.training.ensemble import Ensemble
from geomreg_tui.training.overview import TrainingOverview
from geomreg_tui.training.pieces import GroupWork
from geomreg_tui.training.plan import TrainingPlan
from geomreg_tui.training.store import PlannedTraining, TrainingFolder, read_overview, read_trajectories
from geomreg_tui.training.trajectories import Block
from geomreg_tui.training.volume import VolumeOfLoss
from geomreg_tui.training.work import train
from tests.command import call
from tests.making import preparation
from tests.training.making import PLAN, VALUES, begun, experiment, gone_on_with


class Killed(Exception):
    """An engine that is gone in the middle of its work."""


class DeadlyExecutor(InProcess):
    """Works like another, but dies when it has given out so many outcomes."""

    def __init__(self, outcomes):
        super().__init__()
        self._left = outcomes

    def outcomes(self, timeout):
        if not self._left:
            raise Killed
        self._left -= 1
        return super().outcomes(timeout)


def bits(result):
    values, arrays = result.to_parts()
    return json.dumps(values), {name: array.tobytes() for name, array in arrays.items()}


@pytest.fixture(scope="module")
def expected():
    """All trajectories as one block, trained here."""
    block = Block(Ensemble(prepare(preparation(experiment(**VALUES))).facts.experiment, PLAN), range(11))
    block.advance()
    return block.result()


@pytest.mark.parametrize("size", [1, 4, 11])
def test_the_division_into_groups_does_not_matter(tmp_path, expected, size):
    run = begun(tmp_path / "run", size=size)
    assert gone_on_with(run) is RunState.DONE
    assert bits(read_trajectories(run)) == bits(expected)
    assert verify_run(run.path).problems == ()


def test_ten_kills_change_nothing(tmp_path, expected, monkeypatch):
    """Each piece of work is a single step, so that engines die between any two."""
    monkeypatch.setattr(stage, "_STRETCH", 0.0)
    run = begun(tmp_path / "run")
    kills = 0
    for outcomes in (1, 3, 2, 9, 14, 5, 8, 13, 7, 20):
        with pytest.raises(Killed):
            gone_on_with(run, DeadlyExecutor(outcomes))
        kills += 1
    begun_in = read_trajectories(run)
    assert kills == 10
    assert len(begun_in.trajectory) > 0
    assert (begun_in.going, len(begun_in.trajectory)) != (0, 11)  # there is something left to do
    monkeypatch.undo()
    assert gone_on_with(run) is RunState.DONE
    assert bits(read_trajectories(run)) == bits(expected)


def test_what_a_worker_has_in_memory_is_never_taken_for_another_state(tmp_path, expected):
    """A worker that trained on a group goes back to the state that comes with the work."""
    resolved = prepare(preparation(experiment(**VALUES))).facts.experiment
    first = train(GroupWork(resolved, PLAN, 0, 4, None, 0, 0.0), "cpu")
    train(GroupWork(resolved, PLAN, 0, 4, first.state, 1, 0.0), "cpu")
    state, turn = first.state, 1
    while True:
        trained = train(GroupWork(resolved, PLAN, 0, 4, state, turn, 0.0), "cpu")
        state, turn = trained.state, turn + 1
        train(GroupWork(resolved, PLAN, 4, 8, None, 0, 0.0), "cpu")  # another group, in between
        if trained.finished:
            break
    assert bits(state.result) == bits(expected.of(expected.trajectory < 4))


def test_a_damaged_file_is_set_aside_and_its_trajectories_are_trained_anew(tmp_path, expected):
    run = begun(tmp_path / "run")
    gone_on_with(run)
    path = run.path / "training" / "group-0001.safetensors"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    (problem,) = verify_run(run.path).problems
    assert "group-0001.safetensors: is damaged" in problem
    overview = read_overview(run)
    assert (overview.failed, overview.ended) == (4, 7)
    assert "is damaged" in overview.failures[0]
    assert gone_on_with(run) is RunState.DONE
    assert path.with_name(path.name + ".damaged").exists()
    assert bits(read_trajectories(run)) == bits(expected)


@pytest.mark.parametrize(
    "forge",
    [
        lambda values, arrays: arrays.pop("block.parameters.0"),
        lambda values, arrays: arrays.update({"block.parameters.0": np.zeros((1, 1, 1))}),
        lambda values, arrays: arrays.update({"block.going": arrays["block.going"] + 1}),
        lambda values, arrays: values["block"].update(step=-1),
    ],
)
def test_a_state_that_is_whole_but_cannot_be_is_begun_anew(tmp_path, expected, monkeypatch, forge):
    monkeypatch.setattr(stage, "_STRETCH", 0.0)
    run = begun(tmp_path / "run")
    with pytest.raises(Killed):
        gone_on_with(run, DeadlyExecutor(9))
    path = run.path / "training" / "group-0000.safetensors"
    header, arrays = read_arrays(path)
    values = json.loads(header["values"])
    assert values["block"] is not None
    forge(values, arrays)
    write_arrays(path, {**header, "values": json.dumps(values)}, arrays)
    monkeypatch.undo()
    assert gone_on_with(run) is RunState.DONE
    assert bits(read_trajectories(run)) == bits(expected)


def test_a_file_of_another_plan_is_not_taken(tmp_path):
    one, other = begun(tmp_path / "one"), begun(tmp_path / "other", replace(PLAN, lr=0.01))
    gone_on_with(one)
    name = "training/group-0000.safetensors"
    (other.path / name).write_bytes((one.path / name).read_bytes())
    planned = TrainingFolder(other).planned()
    with pytest.raises(RunDirectoryError, match="another experiment, plan or group"):
        TrainingFolder(other).state(planned, 0)


def test_a_snapshot_holds_what_the_files_hold(tmp_path):
    run = begun(tmp_path / "run")
    gone_on_with(run)
    shown, read = read_live(run).training, read_overview(run)
    assert bits(shown.ends) == bits(read.ends)
    assert bits(shown.shown) == bits(read.shown)
    for measure, band in read.bands.items():
        np.testing.assert_array_equal(shown.bands[measure].quantiles, band.quantiles)
        np.testing.assert_array_equal(shown.bands[measure].median, band.median)
    assert shown.plan == read.plan
    assert shown.over


def test_an_overview_is_what_numpy_and_scipy_say_of_the_trajectories(expected):
    overview = TrainingOverview.of(PLAN, expected)
    losses = []
    for first, last in zip(expected.first_row, expected.first_row[1:], strict=False):
        steps, values = expected.step[first:last], expected.loss[first:last]
        losses.append([values[steps <= step][-1] for step in overview.step])
    band = overview.bands["loss"]
    np.testing.assert_array_equal(band.median[:, 0], np.median(losses, axis=0))
    np.testing.assert_allclose(band.quantiles, np.quantile(losses, band.shares, axis=0).T, rtol=1e-15)
    # 95 % of the median of 11: the second and the tenth of them in order (David and Nagaraja 2003, 7.1).
    assert stats.binom.cdf(1, 11, 0.5) < 0.025 < stats.binom.cdf(2, 11, 0.5)
    ordered = np.sort(losses, axis=0)
    np.testing.assert_array_equal(band.median[:, 1:], np.stack([ordered[1], ordered[9]], axis=1))


def test_a_trajectory_that_goes_on_counts_up_to_where_it_stands():
    block = Block(Ensemble(prepare(preparation(experiment(**VALUES))).facts.experiment, PLAN), range(11))
    block.advance(20)
    other = Block(block.ensemble, range(11, 20))
    other.advance(3)
    result = type(block.result()).merge([block.result(), other.result()])
    band = result.path("loss", (0, 1, 2, 3, 5, 10, 18))
    assert band.trajectories[0] == 20
    assert band.trajectories[-1] == 11
    assert np.isfinite(band.median[:, 0]).all()


def test_the_document_says_what_the_trajectories_are(engines_here, tmp_path):
    path = tmp_path / "run"
    arguments = ["--data", "iris", "--examples", 12, "--held-out", 8, "--width", 4, "--depth", 1]
    call("train", *arguments, "--optimizer", "momentum", "--lr", 0.02, "--to-loss", 0.2, "--steps", 60,
         "--trajectories", 11, "--samples", 3000, "--out", path, "--quiet", check=0)  # fmt: skip
    stored = json.loads((path / "summary.json").read_text())["training"]
    result = read_trajectories(RunDirectory.open(path))
    assert (stored["optimizer"], stored["trajectories"]) == ("momentum", 11)
    fitted = result.status == 0
    assert stored["counts"] == {"fitted": fitted.sum(), "limit": 11 - fitted.sum(), "diverged": 0, "dead": 0}
    assert 0 < fitted.sum() < 11
    for name in ("loss", "distance", "relative_distance", "held_out_loss", "held_out_accuracy"):
        assert stored["final"][name][0] == np.median(result.final(name)[fitted])
    assert stored["final"]["steps"][0] == np.median(result.final("step")[fitted])
    assert stored["path"]["step"][0] == 0
    assert len(stored["path"]["loss"]) == len(stored["path"]["step"]) == len(stored["path"]["log10_volume"])
    sampled = json.loads((path / "summary.json").read_text())["volume"]
    at = np.interp(
        np.log10(stored["path"]["loss"]), sampled["log10_loss"], sampled["log10_volume"], left=np.nan
    )
    expected = [None if math.isnan(value) else pytest.approx(value) for value in at]
    assert stored["path"]["log10_volume"] == expected


def test_the_dimension_of_updates_is_in_all_outputs_and_in_the_command(engines_here, tmp_path):
    words = ["train", "--data", "iris", "--examples", 12, "--width", 4, "--depth", 1, "--samples", 400,
             "--trajectories", 5, "--steps", 60, "--to-loss", 0, "--sketch", 999, "--quiet"]  # fmt: skip
    text = call(*words, "--out", tmp_path / "first", check=0).stdout
    run = geomreg.load(tmp_path / "first")
    assert "--sketch 999" in run.command
    columns = run.arrays("trajectories")
    first = np.flatnonzero(np.diff(columns["trajectory"], prepend=-1))
    stored = json.loads((tmp_path / "first" / "summary.json").read_text())["training"]
    assert stored["sketch"] == 999
    assert "Updates       median dimension" in text
    for name in ("early", "middle", "late"):
        each = columns[f"update_dimension_{name}"][first]
        assert ((each >= 1 - 1e-12) & (each <= columns["update_moves"][first])).all()
        assert stored["update_dimension"][name][0] == pytest.approx(np.median(each))
    call(*words[:-3], "--quiet", "--out", tmp_path / "none", check=0)
    none = json.loads((tmp_path / "none" / "summary.json").read_text())["training"]
    assert not {"sketch", "update_dimension"} & set(none)
    for key in ("final", "path", "counts"):
        assert none[key] == stored[key]


def test_gradients_along_trajectories_are_in_all_outputs_and_in_the_command(engines_here, tmp_path):
    words = ["train", "--data", "iris", "--examples", 12, "--width", 4, "--depth", 1, "--samples", 400,
             "--trajectories", 5, "--steps", 60, "--to-loss", 0.3]  # fmt: skip
    seen = ["--observe", "confusion,gradient_norm,ntk", "--observed", 50, "--pairs", 20]
    text = call(*words, *seen, "--quiet", "--out", tmp_path / "first", check=0).stdout
    run = geomreg.load(tmp_path / "first")
    assert "--observe confusion,ntk,gradient_norm --observed 50 --pairs 20" in run.command
    result = read_trajectories(RunDirectory.open(tmp_path / "first"))
    fitted, rows = result.status == 0, run.arrays("trajectories")
    assert fitted.sum() > 1
    stored = json.loads((tmp_path / "first" / "summary.json").read_text())["training"]
    assert (stored["observe"], stored["pairs"]) == (["confusion", "ntk"], 20)
    path = run.arrays("path")
    for name, label in (
        ("confusion_min", "smallest cosine"),
        ("confusion_mean", "mean cosine"),
        ("ntk_change", "change of the NTK"),
    ):
        np.testing.assert_array_equal(rows[name], result.observed[name])
        assert stored["final"][name][0] == np.median(result.final(name)[fitted])
        starts = result.observed[name][result.first_row[:-1]]
        assert stored["path"][name][0] == path[name][0] == pytest.approx(np.median(starts), abs=1e-15)
        assert text.count(label) >= 2
    assert run.to_frame("path")["ntk_change"][0] == 0
    page, packed = (tmp_path / f"run.{end}" for end in ("html", "npz"))
    for written in (page, packed):
        call("export", tmp_path / "first", written, check=0)
    assert "Gradients of the trained networks by step" in page.read_text()
    np.testing.assert_array_equal(np.load(packed)["path_ntk_change"], path["ntk_change"])
    assert len(run.plot("training_gradients").axes) == 2
    call(*words, "--quiet", "--out", tmp_path / "none", check=0)
    none = json.loads((tmp_path / "none" / "summary.json").read_text())["training"]
    assert not {"observe", "pairs"} & set(none)
    for key in ("final", "path"):
        assert {**stored[key], **none[key]} == stored[key]
        assert set(stored[key]) - set(none[key]) == {"confusion_min", "confusion_mean", "ntk_change"}
    call("export", tmp_path / "none", tmp_path / "none.html", check=0)
    assert "Gradients of the trained networks" not in (tmp_path / "none.html").read_text()


def test_a_tail_gives_v_of_all_that_training_finds(engines_here, tmp_path):
    """One example, a linear model: V(L <= eps) = P(|N(0, s^2) - y| <= sqrt(eps)), exactly."""
    path = tmp_path / "run"
    call("train", "--data", "gaussian", "--inputs", 3, "--examples", 1, "--depth", 0, "--to-loss", 1e-6,
         "--lr-share", 0.05, "--trajectories", 20, "--samples", 2e4, "--tail", "--population", 300,
         "--repeats", 4, "--out", path, "--quiet", check=0)  # fmt: skip
    run = RunDirectory.open(path)
    ensemble = Ensemble(run.facts.experiment, TrainingPlan())
    examples = ensemble.start([0]).training
    x, y = examples.inputs.numpy()[0], examples.targets.item()
    scale = math.sqrt(2 / 3) * np.linalg.norm(x)
    stored = json.loads((path / "summary.json").read_text())["training"]
    loss, log10_volume = np.array(stored["path"]["loss"]), np.array(stored["path"]["log10_volume"], float)
    assert loss[-1] <= 1e-6
    ends = (y + np.sqrt(loss)) / scale, (y - np.sqrt(loss)) / scale
    exact = np.log10(stats.norm.cdf(ends[0]) - stats.norm.cdf(ends[1]))
    assert np.isfinite(log10_volume).all()
    # Four populations of 300: a standard error of 0.05 at the end, and five of them.
    np.testing.assert_allclose(log10_volume, exact, atol=0.25)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--loss", "zero_one"], "loss: got 'zero_one', whose gradient is 0"),
        (["--depth", 0, "--train", "readout"], "train: got 'readout' with depth 0"),
        (["--loss", "mae"], "lr: got auto with loss mae"),
        (["--optimizer", "newton"], "optimizer: got 'newton'"),
        (["--batch", 4], "batch: got '4'; gd takes all examples"),
        (["--to-loss", -1], "to-loss: got '-1'"),
        (["--population", 100], "population: got --population; allowed only with --tail"),
        (["--label-noise", 2], "label_noise: got '2'"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_a_line(engines_here, tmp_path, arguments, text):
    path = tmp_path / "run"
    code, out, err = call("train", "--data", "iris", "--width", 4, "--depth", 1, *arguments, "--out", path)
    assert code == 2
    assert text in err
    assert not out
    assert not path.exists()


def test_losses_that_cannot_be_reached_and_steps_that_diverge_are_statuses(engines_here, tmp_path):
    common = [
        "--data",
        "iris",
        "--examples",
        20,
        "--width",
        4,
        "--depth",
        1,
        "--samples",
        1000,
        "--steps",
        30,
    ]
    one, other = tmp_path / "one", tmp_path / "other"
    call("train", *common, "--to-loss", 1e-9, "--out", one, "--quiet", check=0)
    assert json.loads((one / "summary.json").read_text())["training"]["counts"]["limit"] == 64
    code, report, _ = call("train", *common, "--lr", 1e6, "--out", other, "--quiet")
    assert code == 0
    assert json.loads((other / "summary.json").read_text())["training"]["counts"]["diverged"] >= 60
    assert "diverged" in report


def test_a_module_that_fails_on_some_networks_loses_only_their_group(tmp_path, monkeypatch):
    run = begun(tmp_path / "run", size=4)
    step = Block._make_step

    def failing(block, done):
        if 5 in block.going:
            raise RuntimeError("the module fails on network 5")
        return step(block, done)

    monkeypatch.setattr(Block, "_make_step", failing)
    assert gone_on_with(run) is RunState.FAILED
    overview = read_live(run).training
    assert (overview.failed, overview.ended) == (4, 7)
    assert (
        "trajectories 4 to 7 cannot be trained: RuntimeError: the module fails" in run.read_status().message
    )


def test_a_run_is_not_begun_with_what_cannot_be_trained(tmp_path):
    with pytest.raises(ExperimentError, match="whose gradient is 0"):
        stage.TRAINING.check_plan(
            {**PlannedTraining(PLAN, 2, 4).to_json()["plan"]}, experiment(loss="zero_one"), InProcess()
        )


def test_v_of_another_run_is_the_one_that_is_shown(engines_here, tmp_path):
    common = ["--data", "iris", "--examples", 6, "--width", 4, "--depth", 1]
    measured, trained = tmp_path / "measured", tmp_path / "trained"
    call("tail", *common, "--seed", 3, "--to-loss", 0.2, "--samples", 2000, "--population", 30,
         "--repeats", 2, "--out", measured, "--quiet", check=0)  # fmt: skip
    call("train", *common, "--to-loss", 0.3, "--samples", 500, "--trajectories", 3,
         "--steps", 300, "--volume-from", measured, "--out", trained, "--quiet", check=0)  # fmt: skip
    stored = json.loads((trained / "summary.json").read_text())["training"]
    curve = load_result(measured).volume_of_loss
    path = np.array(stored["path"]["loss"])
    np.testing.assert_allclose(
        np.array(stored["path"]["log10_volume"], float), curve.at(path)[:, 0], rtol=1e-12
    )
    assert np.isfinite(curve.at(path)[:, 0]).all()
    assert load_result(trained).volume_of_loss.at(path)[:, 0].tolist() == curve.at(path)[:, 0].tolist()
    assert read_live(RunDirectory.open(trained)).training.volume is not None
    assert f"--volume-from {measured}" in load_result(trained).command


@pytest.mark.parametrize(
    ("more", "text"),
    [
        (["--width", 5], "this one has another (width: 4 was sampled, 5 is given)"),
        (["--data-seed", 1], "this one has another (data_seed"),
        (["--tail"], "volume-from: got --volume-from; allowed only without --tail"),
    ],
)
def test_v_of_another_experiment_is_refused(engines_here, tmp_path, more, text):
    common = ["--data", "iris", "--examples", 6, "--width", 4, "--depth", 1]
    call("run", *common, "--samples", 500, "--out", tmp_path / "other", "--quiet", check=0)
    code, _, err = call(
        "train", *common, *more, "--volume-from", tmp_path / "other", "--out", tmp_path / "run"
    )
    assert code == 2
    assert text in " ".join(err.split())
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "change", [{"std": [-1.0, 0.1]}, {"log10_volume": [0.5, 0.0]}, {"log10_loss": [1.0, 1.0]}, {"std": [0.1]}]
)
def test_a_curve_that_cannot_be_is_none(change):
    values = {"log10_loss": [-1.0, 0.0], "log10_volume": [-2.0, 0.0], "std": [0.1, 0.0]}
    assert VolumeOfLoss.from_json(values).to_json() == values
    with pytest.raises(ValueError, match="curve"):
        VolumeOfLoss.from_json({**values, **change})


def test_a_training_that_observes_is_repeated_by_its_command(engines_here, tmp_path):
    """Every stage at once: what the command of a run says gives that run again."""
    words = [
        "train", "--data", "iris", "--examples", 4, "--width", 4, "--depth", 1, "--samples", 400,
        "--trajectories", 3, "--to-loss", 0.3, "--observe", "gradient_norm,walk", "--observed", 60,
        "--tail", "--population", 30, "--repeats", 2, "--quiet",
    ]  # fmt: skip
    call(*words, "--out", tmp_path / "first", check=0)
    first = load_result(tmp_path / "first")
    repeated = shlex.split(first.command)[1:]
    call(*repeated, "--out", tmp_path / "second", "--quiet", check=0)
    documents = [json.loads((tmp_path / name / "summary.json").read_text()) for name in ("first", "second")]
    for key in ("training", "observables", "tail"):
        assert documents[0][key] == documents[1][key], key
    again = geomreg.train(
        data="iris", examples=4, width=4, depth=1, samples=400, trajectories=3, to_loss=0.3,
        observe="gradient_norm,walk", observed=60, tail={"population": 30, "repeats": 2},
        out=tmp_path / "third", progress=False,
    )  # fmt: skip
    assert again.observables["gradient_norm"]["mean"] == documents[0]["observables"]["gradient_norm"]["mean"]
    refused = call("train", "--resume", tmp_path / "first", "--observe", "ntk")
    assert refused.returncode == 2
    assert "observe" in refused.stderr
