"""Studies: their form, how they are run, stopped and gone on with, and what leaves them."""

import json
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version
from types import SimpleNamespace

import numpy as np
import pytest

import geomreg_tui as geomreg
from geomreg_tui.errors import ExperimentError, SamplingError
from geomreg_tui.report.studies import draw_study, studies_markdown, studies_page
from geomreg_tui.runner.series import RunSeries
from geomreg_tui.statistics.evidence import find
from geomreg_tui.studies import directory, registry
from geomreg_tui.studies.directory import StudyDirectory, StudyResult
from geomreg_tui.studies.double_descent import _scaled_risks
from geomreg_tui.studies.registry import STUDIES, studies_named
from geomreg_tui.studies.replicates import dominance, over, slopes, table_of
from geomreg_tui.studies.run import run_studies
from geomreg_tui.studies.study import SCALES, Outcome, Panel, Rival, Series, Study
from geomreg_tui.sweeps.plan import Factor
from tests import seeds
from tests.command import call
from tests.engines import put_engines_here

DATA = {"data": "gaussian", "inputs": 3, "examples": 1, "depth": 1}


def parts(scale):
    return {"width": over("width", (2, 8), {"quick": 3}.get(scale, 4), 500, DATA)}


def judge(points):
    widths, table = table_of(points["width"], dominance)
    effect = slopes(np.log2(widths), table)
    panel = Panel("D_0", "width", "D_0", (Series.of_replicates("measured", widths, table),), log_x=True)
    return Outcome((find("width", "it rises", "slope", effect, "above"),), (panel,), ("A remark.",))


TINY = Study(
    "tiny",
    "Does it rise?",
    "It does.",
    "nowhere",
    "By its slope.",
    parts,
    judge,
    (Rival("N. N.", "It falls."),),
    ("echo 'drawn by hand'",),
)


@pytest.fixture(autouse=True)
def _here(monkeypatch):
    put_engines_here(monkeypatch)


@pytest.fixture
def tiny(monkeypatch):
    for module in (registry, directory):
        monkeypatch.setattr(module, "STUDIES", (TINY,))


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
def test_every_study_is_whole(study):
    for scale in SCALES:
        plans = study.parts(scale)
        assert plans
        for plan in plans.values():
            assert len(plan.grid()) >= 4
            assert plan.factors[-1].key == "replicate"
            assert len(plan.factors[-1].values) >= 4
    for said in (study.question, study.claim, study.source, study.rule, *(r.says for r in study.rivals)):
        assert said.strip() == said
        assert said
    assert study.question.endswith("?")
    # The paper has two texts that differ: which says so is said.
    assert study.source.startswith("arXiv 2202.09276: ")
    assert re.search(r"\bfirst\b.*\blater\b|\blater\b.*\bfirst\b", study.source)
    assert not study.source.endswith(".")
    # Before any point is there it has nothing to say, and says so.
    outcome = study.judge(dict.fromkeys(study.parts("quick"), ()))
    assert outcome.findings
    assert all(finding.replicates == 0 for finding in outcome.findings)


def test_names_of_studies_are_names_of_folders_and_each_is_once():
    names = [study.name for study in STUDIES]
    assert len(set(names)) == len(names) >= 12
    assert all(re.fullmatch(r"[a-z][a-z-]*[a-z]", name) for name in names)
    assert studies_named(["all"]) == STUDIES
    some = studies_named(["spheres", "two-modes", "spheres"])
    assert [each.name for each in some] == ["two-modes", "spheres"]
    with pytest.raises(ExperimentError, match="Did you mean 'spheres'"):
        studies_named(["sphere"])


def test_a_study_is_run_judged_and_read_again(tmp_path):
    result = next(iter(run_studies([TINY], "quick", tmp_path)))
    assert (result.complete, result.failed) == (True, ())
    points = result.points["width"]
    found = {point.settings: point.landmark.landmark.estimate for point in points}
    slope = np.array([found[8, replicate] - found[2, replicate] for replicate in range(3)]) / 2
    finding = result.outcome.findings[0]
    assert finding.effect.estimate == pytest.approx(slope.mean())
    document = json.loads((tmp_path / "tiny" / "study.json").read_text())
    assert document["findings"][0]["effect"] == finding.effect.to_json()
    assert document["findings"][0]["verdict"] == result.verdicts[0]
    assert document["panels"][0]["series"][0]["x"] == [2, 8]
    read = StudyDirectory(tmp_path).read(TINY, "quick")
    assert read.to_json() == result.to_json()
    with pytest.raises(ExperimentError, match="holds studies at scale quick"):
        next(iter(run_studies([TINY], "standard", tmp_path)))


def test_a_study_that_was_stopped_goes_on_to_the_same_bits(tmp_path):
    whole = next(iter(run_studies([TINY], "quick", tmp_path / "whole")))
    seen = []
    stopped = run_studies(
        [TINY], "quick", tmp_path / "parts", interrupted=lambda: len(seen) >= 2, progress=seen.append
    )
    assert list(stopped) == []
    assert 2 <= len(seen) < 6
    partial = StudyDirectory(tmp_path / "parts").read(TINY, "quick")
    assert not partial.complete
    assert len(partial.points["width"]) == len(seen)
    result = next(iter(run_studies([TINY], "quick", tmp_path / "parts")))
    digests = [
        [point.summary.histogram.digest() for point in each.points["width"]] for each in (whole, result)
    ]
    assert digests[0] == digests[1]
    assert result.to_json() == whole.to_json()
    assert result.digest == whole.digest != partial.digest


def test_a_point_that_fails_is_said_and_the_others_are_judged(tmp_path, monkeypatch):
    send = RunSeries._send

    def failing(series, path, *rest, **more):
        if path.name == "width=8,replicate=1":
            raise SamplingError("the disk is full")
        send(series, path, *rest, **more)

    monkeypatch.setattr(RunSeries, "_send", failing)
    result = next(iter(run_studies([TINY], "quick", tmp_path)))
    assert result.failed == ("width, width=8,replicate=1: the disk is full",)
    assert not result.complete
    assert result.outcome.findings[0].replicates == 2
    assert result.outcome.findings[0].missing == 1


def test_a_run_that_is_damaged_gives_no_number(tmp_path):
    next(iter(run_studies([TINY], "quick", tmp_path)))
    (tmp_path / "tiny" / "width" / "width=8,replicate=1" / "experiment.json").unlink()
    with pytest.raises(geomreg.RunDirectoryError):
        StudyDirectory(tmp_path).read(TINY, "quick")


def test_the_command_lists_runs_and_reports(tmp_path, tiny):
    assert "Does it rise?" in call("study", check=0).stdout
    listed = json.loads(call("study", "list", "--json", check=0).stdout)
    assert [each["name"] for each in listed["studies"]] == ["tiny"]
    out = tmp_path / "studies"
    text = call("study", "tiny", "--out", out, "--quiet", check=0).stdout
    assert "tiny: Does it rise?" in text
    assert "A remark." in text
    printed = json.loads(call("study", "all", "--out", out, "--json", "--quiet", check=0).stdout)
    assert printed["studies"][0] == json.loads((out / "tiny" / "study.json").read_text())
    page, markdown = (out / "report.html").read_text(), (out / "report.md").read_text()
    for said in (
        "Does it rise?",
        "It falls.",
        "A remark.",
        "geomreg-tui sweep --over width=2,8",
        "drawn by hand",
    ):
        assert said in page
        assert said in markdown
    digest = json.loads((out / "tiny" / "study.json").read_text())["digest"]
    assert digest in page
    assert digest in markdown
    assert f"| {version('torch')} |" in markdown
    # A narrow page can set panels under each other, and cells with their headings.
    assert page.count("<figure>") == 1
    assert page.count('class="stacked"') == 1
    assert 'data-heading="data sets"' in page
    assert (out / "tiny.svg").read_text().startswith("<?xml")
    answer = call("study", "all", "--out", out, "--scale", "deep")
    assert answer.returncode == 2
    assert "holds studies at scale quick" in answer.stderr
    assert call("study", "tiny", "--scale", "huge").returncode == 2
    assert "Did you mean 'tiny'" in call("study", "tinny", "--out", out).stderr


def test_the_overview_tells_the_paper_from_other_explanations(tmp_path):
    def found(claim, rival):
        return find(claim, claim, "a measure", [1.0, 2.0, 3.0], "above", rival=rival)

    findings = (found("a", ""), found("b", "N. N."), found("c", ""), found("d", ""))
    verdicts = ("supported", "against", "undecided", "supported")
    mixed = StudyResult(TINY, tmp_path, "quick", {}, Outcome(findings, ()), verdicts, (), True)
    plain = replace(mixed, outcome=Outcome(findings[:1], ()), verdicts=verdicts[:1])
    lines = studies_markdown([mixed, plain]).splitlines()
    assert "Scale quick; 2 studies; 3 supported" in lines[2]
    assert lines[6] == "| [tiny](#tiny) | Does it rise? | 2 supported, 1 undecided | N. N.: against |"
    assert lines[7] == "| [tiny](#tiny) | Does it rise? | supported | - |"
    assert "Scale quick; 1 study; 1 supported" in studies_markdown([plain])
    assert "N. N.: against" in studies_page([mixed])


def test_the_command_of_a_report_gives_the_bits_of_the_study(tmp_path, tiny):
    out = tmp_path / "studies"
    report = geomreg.study("tiny", out)
    assert report["tiny"] is report[0]
    assert "it rises" in str(report)
    lines = report.save().with_name("report.md").read_text().splitlines()
    words = next(line for line in lines if line.startswith("geomreg-tui")).split()[1:]
    call(*words, "--out", tmp_path / "again", "--quiet", check=0)
    for name in ("width=2,replicate=0", "width=8,replicate=2"):
        first, second = (
            geomreg.load(folder / name).histogram_digest
            for folder in (out / "tiny" / "width", tmp_path / "again")
        )
        assert first == second


def test_what_no_sweep_holds_of_double_descent_is_drawn_again_by_a_command():
    study = studies_named(["double-descent"])[0]
    words = shlex.split(study.redrawn[0])
    assert words[:2] == ["python", "-c"]
    printed = subprocess.run([sys.executable, *words[1:]], capture_output=True, text=True, check=True).stdout
    point = SimpleNamespace(settings=(128, 0))
    np.testing.assert_allclose(np.array(printed.split(), float), _scaled_risks([point], False)[0], rtol=1e-12)


def test_an_axis_of_names_has_them_in_every_form(tmp_path):
    lines = (Series.of_law("a law", [0, 1], [0.5, 0.25]),)
    panel = Panel.of_names("Of two", ["moons, N = 2", "iris"], "D_0", lines, ordered=False)
    assert panel.x_label == "0 moons, N = 2; 1 iris"
    named = replace(TINY, judge=lambda points: replace(judge(points), panels=(panel,)))
    result = next(iter(run_studies([named], "quick", tmp_path)))
    ticks = [label.get_text() for label in draw_study(result).axes[0].get_xticklabels()]
    assert ticks == list(panel.names)
    page = studies_page([result])
    assert '<th scope="row">iris</th>' in page


def test_slopes_are_those_of_numpy_and_leave_out_what_is_not_there():
    rng = seeds.generator(31)
    x, table = rng.normal(size=6), rng.normal(size=(4, 6))
    table[1, 2] = np.nan
    table[2, 1:] = np.nan
    found = slopes(x, table)
    keep = [0, 1, 3, 4, 5]
    assert found[0] == pytest.approx(np.polyfit(x, table[0], 1)[0])
    assert found[1] == pytest.approx(np.polyfit(x[keep], table[1, keep], 1)[0])
    assert np.isnan(found[2])


def shrunk(plan):
    """Return a sweep of a study with two replicates and as few networks as say anything."""
    factors = (*plan.factors[:-1], Factor("replicate", (0, 1)))
    tail = plan.tail and replace(plan.tail, population=20, repeats=2)
    training = plan.training and replace(plan.training, trajectories=2, steps=60)
    observed = plan.observed and replace(plan.observed, networks=60)
    return replace(plan, factors=factors, samples=300, tail=tail, training=training, observed=observed)


@pytest.mark.parametrize(
    "study",
    [pytest.param(study, marks=[] if study.name == "landscape" else [pytest.mark.full]) for study in STUDIES],
    ids=lambda study: study.name,
)
def test_every_study_judges_whatever_points_there_are(study, tmp_path):
    small = replace(study, parts=lambda scale: {k: shrunk(plan) for k, plan in study.parts(scale).items()})
    result = next(iter(run_studies([small], "quick", tmp_path)))
    assert result.complete, result.failed
    assert any(finding.replicates == 2 for finding in result.outcome.findings)
    assert result.outcome.panels
    assert draw_study(result).axes
    assert studies_markdown([result])
    rng = seeds.generator(51)
    for share in (0.9, 0.5, 0.2):
        some = {
            part: tuple(point for point in points if rng.random() < share)
            for part, points in result.points.items()
        }
        outcome = study.judge(some)
        assert len(outcome.findings) == len(result.outcome.findings)
        assert all(finding.replicates <= 2 for finding in outcome.findings)
