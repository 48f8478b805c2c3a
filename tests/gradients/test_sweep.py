"""Observables at every point of a sweep: their means against a factor, in every output."""

import csv
import io
import json
import signal
import sys
import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import geomreg_tui as geomreg
from geomreg_tui.errors import ExperimentError
from geomreg_tui.gradients.plan import parse_plan
from geomreg_tui.gradients.store import Planned, read_observed
from geomreg_tui.report.observed import LABELS
from geomreg_tui.rundir import RunDirectory
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.sweeps import __main__ as background
from geomreg_tui.sweeps.directory import SweepDirectory
from geomreg_tui.sweeps.launch import SweepRequest
from geomreg_tui.sweeps.plan import Factor, SweepPlan
from geomreg_tui.training.plan import TrainingPlan
from geomreg_tui.tui.sweeps import SweepMove, Sweeps
from tests.command import call
from tests.engines import put_engines_here

FEW = ["--data", "iris", "--examples", 6, "--depth", 1, "--samples", 500]
COMMAND = [
    "sweep", "--over", "width=2,8", *FEW,
    "--observe", "confusion,ntk,gradient_norm,sharpness,walk", "--observed", 200,
]  # fmt: skip
PLAN = parse_plan("confusion,ntk,gradient_norm,sharpness,walk", observed="200")


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    path = tmp_path_factory.mktemp("sweep") / "widths"
    with pytest.MonkeyPatch.context() as monkeypatch:
        put_engines_here(monkeypatch)
        call(*COMMAND, "--out", path, "--quiet", check=0)
    return path


def test_every_output_says_what_the_run_of_each_point_says(swept, tmp_path):
    document = json.loads((swept / "sweep.json").read_text())
    table = tmp_path / "points.csv"
    call("export", swept, table, check=0)
    rows = list(csv.DictReader(table.read_text().splitlines()))
    for name, point, row in zip(("width=2", "width=8"), document["points"], rows, strict=True):
        alone = json.loads((swept / name / "summary.json").read_text())
        assert point["observed"] == alone["observed"]
        assert point["observed"]["networks"] == 200
        assert list(point["observables"]) == list(LABELS)
        for observable, found in point["observables"].items():
            expected = alone["observables"][observable]
            expected.pop("given_loss", None)
            assert found == expected
            cells = [float(row[f"observed_{observable}{end}"]) for end in ("", "_low", "_high")]
            np.testing.assert_array_equal(cells, found["mean_interval"])
            assert cells[0] == pytest.approx(found["mean"])


def test_the_means_are_those_of_the_networks(swept):
    """The trace is the sum over networks divided by their number, to the last bits."""
    point = json.loads((swept / "sweep.json").read_text())["points"][1]
    seen = read_observed(RunDirectory.open(swept / "width=8")).observations.values["ntk_trace"]
    middles, counts = seen.histogram.middles()
    assert counts.sum() == 200
    assert point["observables"]["ntk_trace"]["mean"] == pytest.approx(
        float((middles * counts).sum()) / 200, rel=0.02
    )


def test_the_report_has_a_table_of_them(swept):
    _, report, _ = call("report", swept, check=0)
    _, _, part = report.partition("Observed: means over networks [95 %]")
    for label in LABELS.values():
        assert label in part
    assert "pairs of examples" not in part


def test_what_theory_expects_stands_beside_it(swept, tmp_path):
    """The mean trace is exact at any width, the others at infinite width; the gradient norm has no law."""
    _, report, _ = call("report", swept, check=0)
    assert "Means by theory: infinite width: smallest cosine" in report
    assert "exact at this width: trace of the NTK" in " ".join(report.split())
    table, page = tmp_path / "points.csv", tmp_path / "sweep.html"
    for path in (table, page):
        call("export", swept, path, check=0)
    assert "Means by theory: infinite width: smallest cosine" in page.read_text()
    rows = list(csv.DictReader(table.read_text().splitlines()))
    for name, row in zip(("width=2", "width=8"), rows, strict=True):
        laws = Planned.read(RunDirectory.open(swept / name)).laws
        assert {key for key in row if key.startswith("law_") and not key.endswith(("_low", "_high"))} == {
            f"law_{name}" for name in laws
        }
        assert float(row["law_ntk_trace"]) == float(row["law_ntk_trace_low"]) == laws["ntk_trace"].mean
        assert float(row["law_confusion_min_low"]) < laws["confusion_min"].mean
    assert "law_sharpness" in rows[0]
    assert "law_gradient_norm" not in rows[0]


def test_points_with_other_pairs_of_examples_are_told_apart(tmp_path, engines_here):
    words = ["--data", "iris", "--width", 3, "--depth", 1, "--samples", 200, "--observe", "confusion"]
    path = tmp_path / "sweep"
    _, report, _ = call("sweep", "--over", "examples=3,5", *words, "--out", path, "--quiet", check=0)
    assert "The points compare 3 to 10 pairs of examples" in report


def test_its_page_and_figure_have_them(swept, tmp_path):
    page, figure = tmp_path / "sweep.html", tmp_path / "sweep.svg"
    call("export", swept, page, check=0)
    call("export", swept, figure, check=0)
    assert "Observed: means over networks [95 %]" in page.read_text()
    assert "Means of observables over networks against each factor" in page.read_text()
    assert figure.stat().st_size > 10_000


def test_its_command_runs_the_same_again(swept, tmp_path, engines_here):
    script, again = tmp_path / "again.sh", tmp_path / "again"
    call("export", swept, script, check=0)
    words = script.read_text().splitlines()[1].split()
    assert words[:2] == ["geomreg-tui", "sweep"]
    call(*words[1:], "--out", again, "--quiet", check=0)
    one, other = (json.loads((path / "sweep.json").read_text()) for path in (swept, again))
    assert one["points"] == other["points"]


def test_a_sweep_goes_on_with_its_own_observables_only(swept, engines_here):
    for more in (["--walk-step", 0.5], ["--pairs", 3]):
        code, _, err = call(*COMMAND, *more, "--out", swept, "--quiet")
        assert code == 1
        assert "holds a run with another --observe, or none" in err
    code, _, err = call("sweep", "--over", "width=2,8", *FEW, "--out", swept, "--quiet")
    assert code == 1
    assert "holds a run with another --observe, or none" in err
    call(*COMMAND, "--out", swept, "--quiet", check=0)


def test_a_sweep_goes_on_to_more_networks(tmp_path, engines_here):
    """What 150 networks show is the same whether 60 were observed before or not."""
    words = ["sweep", "--over", "width=2,3", *FEW, "--observe", "gradient_norm", "--quiet"]
    for networks in (60, 150):
        call(*words, "--observed", networks, "--out", tmp_path / "grown", check=0)
    call(*words, "--observed", 150, "--out", tmp_path / "whole", check=0)
    grown, whole = (json.loads((tmp_path / name / "sweep.json").read_text()) for name in ("grown", "whole"))
    assert grown["points"] == whole["points"]
    assert [point["observed"]["networks"] for point in grown["points"]] == [150, 150]


def test_a_plan_is_restored():
    plan = SweepPlan(
        geomreg.Experiment.parse({"data": "iris"}), (Factor("width", (2, 8)),), 1000, observed=PLAN
    )
    assert SweepPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
    without = SweepPlan(plan.experiment, plan.factors, 1000)
    assert "observed" not in without.to_json()


def test_a_directory_knows_what_is_observed_of_its_points(swept, tmp_path):
    assert SweepDirectory(swept).plan().observed == PLAN
    stored = swept / "plan.json"
    text = stored.read_text()
    stored.unlink()
    try:
        assert SweepDirectory(swept).plan().observed == PLAN
    finally:
        stored.write_text(text)


def test_from_python(engines_here, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = geomreg.sweep(
            {"width": [2, 8]}, data="iris", examples=6, depth=1, samples=500, out=tmp_path / "sweep",
            observe=["walk", "ntk"], walk_step=0.5, progress=False,
        )  # fmt: skip
    assert list(result.observed.means) == ["ntk_trace", "walk_correlation"]
    assert result.observed.means["ntk_trace"].shape == (2, 3)
    assert result.observed.pairs == ()
    assert result["width=8"].observed.planned.plan.walk_step == 0.5
    assert result["width=8"].observed.planned.plan.networks == 500
    assert "observed_ntk_trace_low" in result.arrays()
    assert "Observed: means over networks" in str(result)


def test_a_name_that_is_unknown_is_refused(tmp_path):
    with pytest.raises(ExperimentError, match="Did you mean 'confusion'"):
        geomreg.sweep({"width": [2]}, data="iris", observe="confusio", progress=False)


@pytest.mark.parametrize(
    ("more", "text"),
    [
        (["--observed", 5], "observed: got --observed; allowed only with --observe"),
        (["--pairs", 5], "pairs: got --pairs; allowed only with --observe"),
        (["--observe", "walk", "--walk-step", 1], "walk-step"),
        (["--observe", "sharpness", "--loss", "hinge"], "whose second derivative is 0"),
    ],
)
def test_options_without_what_they_are_for_are_refused(tmp_path, engines_here, more, text):
    code, _, err = call("sweep", "--over", "width=2,8", "--data", "iris", *more, "--out", tmp_path / "sweep")
    assert code == 2
    assert text in err


def test_what_some_points_cannot_show_is_refused_before_the_first(tmp_path, engines_here):
    folder = tmp_path / "sweep"
    code, _, err = call(
        "sweep", "--over", "loss=mse,zero_one", *FEW, "--observe", "confusion", "--out", folder
    )
    assert code == 2
    assert "loss=zero_one" in err
    assert "whose gradient is 0" in err
    assert not folder.exists()


def test_a_sweep_in_the_background_does_all_that_its_plan_asks_for(tmp_path, engines_here, monkeypatch):
    plan = SweepPlan(
        geomreg.Experiment.parse({"data": "iris", "examples": 4, "width": 3, "depth": 1}),
        (Factor("width", (2,)),),
        200,
        observed=parse_plan("gradient_norm", observed="50"),
        training=TrainingPlan(trajectories=3, steps=5),
    )
    request = SweepRequest(str(tmp_path / "sweep"), plan.to_json(), 1).to_line()
    monkeypatch.setattr(sys, "stdin", io.StringIO(request))
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(background, "detach", lambda _: None)
    monkeypatch.setattr(background, "answer", lambda _: None)
    assert background.main() == 0
    point = json.loads((tmp_path / "sweep" / "sweep.json").read_text())["points"][0]
    assert point["observed"]["networks"] == 50
    assert point["training"]["trajectories"] == 3


def test_the_explorer_goes_on_with_all_that_a_sweep_asks_for(tmp_path):
    whole = SweepPlan(
        geomreg.Experiment.parse({"data": "iris"}),
        (Factor("width", (2, 8)), Factor("depth", (1, 2))),
        1000,
        tail=TailPlan(loss=0.1),
        training=TrainingPlan(),
        observed=PLAN,
    )
    started = []
    source = SimpleNamespace(start_sweep=lambda plan, path: started.append((plan, path)))
    session = Sweeps(source)
    session.view = SimpleNamespace(plan=whole, path=tmp_path)
    session.begin(SweepMove.GO_ON, SweepPlan(whole.experiment, whole.factors[:1], 5000))
    assert started == [(replace(whole, samples=5000), tmp_path)]
