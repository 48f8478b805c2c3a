"""Going on with a run: only with the same experiment, in the same environment, to the same bits."""

import csv
import json

import numpy as np
import pytest

from geomreg_tui.errors import RunDirectoryError
from geomreg_tui.report import load_result
from geomreg_tui.report.figures import draw_figure
from geomreg_tui.rundir import RunState
from geomreg_tui.rundir.store import read_arrays, write_arrays
from geomreg_tui.runner import RunHandle
from geomreg_tui.sampling.plan import SamplingPlan, read_plan
from geomreg_tui.sampling.store import packs_of
from tests.command import call
from tests.making import new_run, preparation

from .driving import CHUNK, OPTIONS, SAMPLES, drawn_run, finish, fold, geomreg, outcome, sample_here


@pytest.fixture
def half(tmp_path):
    """A run that was stopped half-way."""
    run = drawn_run(tmp_path / "run", SAMPLES // 2)
    SamplingPlan(SAMPLES).write(run.path)
    return run


def rename_environment(run, **changes):
    path = run.path / "environment.json"
    stored = json.loads(path.read_text())
    stored["environments"][-1].update(changes)
    path.write_text(json.dumps(stored))


def test_a_run_goes_on_to_the_same_bits(half, expected):
    code, out, err = finish(geomreg("run", "--resume", half.path, "--samples", SAMPLES, "--json"))
    assert code == 0, err
    document = json.loads(out)
    assert document["histogram_digest"] == expected
    assert (document["complete"], document["mixed"], document["given_up"]) == (True, False, [])
    assert len(document["environments"]) == 1
    before = {path: path.read_bytes() for path in half.path.rglob("*") if path.is_file()}
    code, out, err = call("run", "--resume", half.path, "--json")
    assert code == 0
    assert "complete" in err
    assert json.loads(out)["histogram_digest"] == expected
    assert {path: path.read_bytes() for path in half.path.rglob("*") if path.is_file()} == before


def test_a_run_of_another_host_is_taken_only_when_a_person_says_so(engines_here, half, expected):
    path = half.path / "lease.json"
    lease = half.lease()
    text = json.dumps({**json.loads(path.read_text()), "host": "node17"})
    path.write_text(text)
    command = ["run", "--resume", half.path, "--samples", SAMPLES]
    code, out, err = call(*command)
    assert (code, out) == (1, "")
    assert "on node17" in err
    assert "--take-over" in err
    assert path.read_text() == text
    code, _, err = call("runs", "rm", half.path, "--yes")
    assert code == 1
    assert "on node17" in err
    code, out, err = call(*command, "--take-over", "--json")
    assert code == 0, err
    assert json.loads(out)["histogram_digest"] == expected
    assert not path.exists()
    assert not lease.held()
    # A lease that another host left behind is no reason to wait for a run that is complete.
    path.write_text(text)
    code, out, err = call("run", "--resume", half.path, "--json")
    assert (code, json.loads(out)["histogram_digest"]) == (0, expected)
    assert "complete" in err


def test_a_plan_that_was_not_fulfilled_is_taken_up(engines_here, half, runs, expected):
    half.write_status(half.read_status().__class__(RunState.STOPPED, SAMPLES // 2, SAMPLES))
    status, summary = outcome(runs.resume(half.path, workers=2))
    assert (status.state, summary.histogram.digest()) == (RunState.DONE, expected)


def test_options_that_agree_are_welcome_and_others_are_refused_with_the_difference(
    engines_here, half, tmp_path
):
    spec = tmp_path / "spec.toml"
    spec.write_text('width = 128\nactivation = "tanh"\n')
    code, out, err = call("run", spec, *OPTIONS[:4], "--resume", half.path)
    assert (code, out) == (2, "")
    assert "width: got 128; this run has 64" in err
    assert "activation: got tanh; this run has relu" in err
    assert "inputs" not in err
    for option, value in (("--out", tmp_path / "x"), ("--keep-losses", 5)):
        code, _, err = call("run", "--resume", half.path, option, value)
        assert code == 2
        assert option in err
    for option in ("--take-over", "--allow-mixed"):
        code, _, err = call("run", *OPTIONS, option)
        assert code == 2
        assert "--resume" in err
    code, _, err = call("run", *OPTIONS, "--sampler", "auto", "--resume", half.path, "--samples", SAMPLES)
    assert code == 0, err


def test_an_experiment_that_was_changed_on_disk_is_refused_with_the_difference(engines_here, half):
    path = half.path / "experiment.json"
    stored = json.loads(path.read_text())
    stored["experiment"]["activation"] = "tanh"
    path.write_text(json.dumps(stored))
    code, _, err = call("run", "--resume", half.path)
    assert code == 1
    assert "activation: relu was sampled, tanh is given" in err


def test_data_that_were_changed_are_refused(engines_here, tmp_path, monkeypatch):
    data = tmp_path / "data.csv"
    table = np.random.default_rng(0).normal(size=(50, 4))
    np.savetxt(data, table, delimiter=",", header="a,b,c,y", comments="")
    monkeypatch.chdir(tmp_path)
    options = ["--data", "data.csv", "--target", "y", "--examples", 4, "--width", 8, "--workers", 1]
    code, _, err = call("run", *options, "--samples", 1000, "--out", "run")
    assert code == 0, err
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    code, _, err = finish(geomreg("run", "--resume", tmp_path / "run", "--samples", 2000, cwd=elsewhere))
    assert code == 2
    assert "cannot read data.csv" in err
    assert f"was started in {tmp_path}" in err
    np.savetxt(data, table + 1, delimiter=",", header="a,b,c,y", comments="")
    code, _, err = finish(geomreg("run", "--resume", "run", "--samples", 2000))
    assert code == 2
    assert "has changed" in err


def test_another_environment_is_refused_or_labelled_in_every_output(engines_here, half, tmp_path):
    rename_environment(half, torch="1.0.0", python="2.7")
    code, _, err = call("run", "--resume", half.path, "--samples", SAMPLES)
    assert code == 1
    assert "torch was 1.0.0 and is" in err
    assert "python" not in err  # the bits do not depend on that
    assert "--allow-mixed" in err
    command = ["run", "--resume", half.path, "--samples", SAMPLES, "--allow-mixed"]
    code, out, err = call(*command)
    assert code == 0, err
    assert "!!! mixed" in out
    document = json.loads((half.path / "summary.json").read_text())
    assert document["mixed"] is True
    assert document["environments"][0]["torch"] == "1.0.0"
    assert [e["from_chunk"] for e in document["environments"]] == [0, SAMPLES // 2 // CHUNK]
    assert RunHandle(half.path).snapshot().mixed
    assert "!!! mixed" in call("report", half.path)[1]
    assert json.loads(call("report", half.path, "--json")[1])["mixed"] is True
    assert "mixed" in call("runs", "verify", half.path)[1]
    for kind in ("json", "csv", "npz", "parquet"):
        call("export", half.path, tmp_path / f"out.{kind}")
    assert json.loads((tmp_path / "out.json").read_text())["mixed"] is True
    with (tmp_path / "out.csv").open() as file:
        assert all("mixed" in row["warning"] for row in csv.DictReader(file))
    assert "mixed" in str(np.load(tmp_path / "out.npz", allow_pickle=False)["warning"][0])
    from pyarrow import parquet

    assert "mixed" in parquet.read_table(tmp_path / "out.parquet")["warning"][0].as_py()
    assert "mixed" in draw_figure(load_result(half.path)).get_suptitle()


def test_a_mixed_run_is_marked_in_the_list(engines_here, half, home):
    rename_environment(half, torch="1.0.0")
    (home / "runs").mkdir()
    half.path.rename(home / "runs" / "20260101-000000-mlp-01234567")
    code, _, err = call("run", "--resume", "latest", "--samples", SAMPLES, "--allow-mixed", "--quiet")
    assert code == 0, err
    assert "done, mixed" in call("runs")[1]
    assert json.loads(call("runs", "--json")[1])[0]["mixed"] is True


def test_a_stored_chunk_that_cannot_be_drawn_again_is_noticed(engines_here, half, runs):
    """The versions are the same, but the machine computes other bits."""
    last = packs_of(half).scan()[-1]
    header, arrays = read_arrays(last.path)
    write_arrays(last.path, {**header, "check": "0" * 64}, arrays)
    with pytest.raises(RunDirectoryError, match=r"chunk 19, drawn again, is not what is stored .* hardware"):
        runs.resume(half.path, SAMPLES, workers=1)
    assert not half.engine()
    assert read_plan(half) == SamplingPlan(SAMPLES)
    status, _ = outcome(runs.resume(half.path, SAMPLES, workers=1, allow_mixed=True))
    assert (status.state, status.mixed) == (RunState.DONE, True)


def test_a_run_without_a_committed_chunk_begins_anew(engines_here, tmp_path, runs, expected):
    from geomreg_tui.runner.preparing import prepare

    from .driving import EXPERIMENT

    prepared = prepare(preparation(EXPERIMENT))
    run = new_run(tmp_path / "run", prepared.facts, prepared.environment, SAMPLES, 0, EXPERIMENT)
    status, summary = outcome(runs.resume(run.path, workers=2))
    assert (status.state, summary.histogram.digest()) == (RunState.DONE, expected)


def test_more_samples_of_a_finished_run(engines_here, tmp_path, runs):
    run = sample_here(tmp_path / "run", 3300, keep=1000)
    kept = np.load(run.path / "losses.npy")
    status, summary = outcome(runs.resume(run.path, 5000, workers=2))
    assert (status.state, summary.samples) == (RunState.DONE, 5000)
    assert summary.histogram.digest() == fold(5000)[0].histogram.digest()
    np.testing.assert_array_equal(np.load(run.path / "losses.npy"), kept)
