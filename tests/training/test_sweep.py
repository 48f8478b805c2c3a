"""Ensembles at every point of a sweep: what they find against a factor, in every output."""

import csv
import json
import math
import warnings

import numpy as np
import pytest

import geomreg_tui as geomreg
from geomreg_tui.errors import ExperimentError
from geomreg_tui.report.sweep_figures import draw_training
from geomreg_tui.rundir import RunDirectory
from geomreg_tui.sweeps.directory import SweepDirectory
from geomreg_tui.sweeps.plan import Factor, SweepPlan
from geomreg_tui.training.plan import TrainingPlan
from geomreg_tui.training.store import read_trajectories
from tests.command import call
from tests.engines import put_engines_here

COMMAND = [
    "sweep", "--over", "width=2,8", "--data", "iris", "--examples", 10, "--held-out", 20, "--depth", 1,
    "--samples", 2000, "--training", "--to-loss", 0.1, "--trajectories", 12, "--steps", 300,
]  # fmt: skip
PLAN = TrainingPlan(to_loss=0.1, trajectories=12, steps=300)


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    path = tmp_path_factory.mktemp("sweep") / "widths"
    with pytest.MonkeyPatch.context() as monkeypatch:
        put_engines_here(monkeypatch)
        call(*COMMAND, "--out", path, "--quiet", check=0)
    return path


def test_every_output_says_what_the_trajectories_of_each_point_say(swept, tmp_path):
    document = json.loads((swept / "sweep.json").read_text())
    table = tmp_path / "points.csv"
    call("export", swept, table, check=0)
    rows = list(csv.DictReader(table.read_text().splitlines()))
    for name, point, row in zip(("width=2", "width=8"), document["points"], rows, strict=True):
        result = read_trajectories(RunDirectory.open(swept / name))
        fitted = result.status == 0
        training = point["training"]
        assert training["trajectories"] == 12
        assert training["counts"]["fitted"] == fitted.sum()
        assert float(row["trained_fitted"]) == fitted.mean()
        for measure in ("loss", "distance", "held_out_loss"):
            median = np.median(result.final(measure)[fitted]) if fitted.any() else math.nan
            stored = training["final"][measure][0]
            assert (math.nan if stored is None else stored) == pytest.approx(median, nan_ok=True)
            cell = row[f"trained_{measure}"]
            assert (float(cell) if cell else math.nan) == pytest.approx(median, nan_ok=True)
    assert document["points"][1]["training"]["counts"]["fitted"] > 0


def test_the_report_has_a_table_of_them(swept):
    _, report, _ = call("report", swept, check=0)
    assert "Training to a training loss of 0.1: the share that has fitted" in report
    assert "held-out loss" in report


def test_its_page_and_figure_have_them(swept, tmp_path):
    page, figure = tmp_path / "sweep.html", tmp_path / "sweep.svg"
    call("export", swept, page, check=0)
    call("export", swept, figure, check=0)
    assert "Training to a training loss of 0.1" in page.read_text()
    assert "Trained networks against each factor" in page.read_text()
    assert figure.stat().st_size > 10_000


def test_v_has_an_axis_of_its_own_in_the_figure(swept):
    sweep = geomreg.load(swept)
    measures = sweep.training.measures
    measures["log10_volume"][:] = [[-3, -3.1, -2.9], [-2, -2.1, -1.9]]
    left, right = draw_training(sweep).axes
    known = measures["held_out_loss"][:, 0]
    np.testing.assert_array_equal(left.lines[0].get_ydata(), known[np.isfinite(known)])
    np.testing.assert_array_equal(right.lines[0].get_ydata(), [-3, -2])
    assert (left.lines[0].get_linestyle(), right.lines[0].get_linestyle()) == ("-", "--")
    measures["log10_volume"][:] = math.nan
    assert len(draw_training(sweep).axes) == 1


def test_its_command_runs_the_same_again(swept, tmp_path, engines_here):
    script, again = tmp_path / "again.sh", tmp_path / "again"
    call("export", swept, script, check=0)
    words = script.read_text().splitlines()[1].split()
    assert words[:2] == ["geomreg-tui", "sweep"]
    call(*words[1:], "--out", again, "--quiet", check=0)
    one, other = (json.loads((path / "sweep.json").read_text()) for path in (swept, again))
    assert one["points"] == other["points"]


def test_a_sweep_goes_on_with_its_own_training_only(swept, engines_here):
    code, _, err = call(*COMMAND, "--lr", 0.01, "--out", swept, "--quiet")
    assert code == 1
    assert "holds a run with another training, or none" in err
    call(*COMMAND, "--out", swept, "--quiet", check=0)


def test_a_plan_is_restored():
    plan = SweepPlan(
        geomreg.Experiment.parse({"data": "iris"}),
        (Factor("width", (2, 8)),),
        1000,
        training=PLAN,
    )
    assert SweepPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
    without = SweepPlan(plan.experiment, plan.factors, 1000)
    assert "training" not in without.to_json()


def test_a_directory_knows_how_its_points_were_trained(swept):
    assert SweepDirectory(swept).plan().training == PLAN


def test_from_python(engines_here, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first, result = (
            geomreg.sweep(
                {"width": [2, 8]}, data="iris", examples=10, depth=1, samples=500, out=tmp_path / "sweep",
                training={"to_loss": 0.3, "trajectories": 3, "steps": 50}, observe="ntk", observed=20,
                progress=False,
            )
            for _ in range(2)  # the second takes the points that are there
        )  # fmt: skip
    assert result.training.to_loss == 0.3
    assert result.training.measures["fitted"].shape == (2, 3)
    wide = result["width=8"].training
    assert (wide.plan.trajectories, wide.plan.observe) == (3, ("ntk",))
    assert "trained_distance" in result.arrays()
    change = np.median(wide.ends.final("ntk_change")[wide.ends.fitted])
    for each in (first, result):
        assert each.arrays()["trained_ntk_change"][1] == change > 0


def test_an_option_that_is_unknown_is_named_with_the_nearest(tmp_path):
    with pytest.raises(ExperimentError, match="Did you mean 'optimizer'"):
        geomreg.sweep({"width": [2]}, data="iris", training={"optimiser": "gd"}, progress=False)


@pytest.mark.parametrize(
    ("more", "text"),
    [
        (["--optimizer", "gd"], "optimizer: got --optimizer; allowed only with --training"),
        (["--to-loss", 0.1], "to-loss: got --to-loss; allowed only with --tail or --training"),
        (["--population", 50, "--training"], "population: got --population; allowed only with --tail"),
        (["--training", "--loss", "zero_one"], "whose gradient is 0"),
    ],
)
def test_options_without_what_they_are_for_are_refused(tmp_path, more, text):
    code, _, err = call("sweep", "--over", "width=2,8", "--data", "iris", *more, "--out", tmp_path / "sweep")
    assert code == 2
    assert text in err


@pytest.mark.parametrize("goals", [{}, {"population": 50}])
def test_a_tail_beside_a_training_goes_to_its_loss_and_no_volume(monkeypatch, tmp_path, goals):
    asked = {}

    def run_sweep(*arguments, **options):
        asked.update(options)
        raise InterruptedError

    monkeypatch.setattr("geomreg_tui.api.calls.run_sweep", run_sweep)
    with pytest.raises(InterruptedError):
        geomreg.sweep(
            {"width": [2]}, data="iris", goals=goals, training={"to_loss": 0.1}, out=tmp_path, progress=False
        )
    assert (asked["tail"].loss, asked["tail"].log10_volume) == (0.05, -math.inf)
