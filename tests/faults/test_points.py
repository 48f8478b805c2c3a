"""Points of sweeps stay as they are: a copy goes on, to the same bits as if it had been alone."""

import json

import pytest

import geomreg_tui as geomreg
from geomreg_tui.errors import RunDirectoryError
from geomreg_tui.rundir import RunDirectory, read_labels, runs_root
from geomreg_tui.rundir.catalogue import sweep_of
from geomreg_tui.rundir.copying import copy_run
from geomreg_tui.rundir.log import read_events
from geomreg_tui.runner import RunHandle
from geomreg_tui.runner.registry import layout
from geomreg_tui.runner.verify import verify_run
from tests.command import call

VALUES = {"data": "gaussian", "inputs": 3, "examples": 2, "depth": 1, "chunk_size": 500, "batch_size": 100}


@pytest.fixture
def sweep(engines_here, tmp_path):
    """A sweep of two points, whose first has an incomplete chunk."""
    return geomreg.sweep({"width": [2, 4]}, samples=1300, out=tmp_path / "sweep", progress=False, **VALUES)


def content(path):
    """Return the bytes of all files, by name."""
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def test_a_point_that_goes_on_leaves_the_sweep_as_it_is(sweep):
    point = sweep.path / "width=2"
    before = content(sweep.path)
    answer = call("run", "--resume", point, "--samples", 3000, "--json", check=0)
    assert "stays as it is; a copy goes on" in answer.stderr
    document = json.loads(answer.stdout)
    assert document["samples"] == 3000
    assert content(sweep.path) == before
    # The copy is a run of the catalogue, with the bits of one that was never part of a sweep.
    (entry,) = [entry for entry in geomreg.runs() if entry.path.parent == runs_root()]
    alone = geomreg.sample(samples=3000, progress=False, **{**VALUES, "width": 2})
    assert document["histogram_digest"] == alone.histogram_digest
    assert verify_run(entry.path).problems == ()
    assert read_labels(entry.path).note == "goes on from width=2 of the sweep sweep"
    events, broken = read_events(entry.path / "log.jsonl")
    assert broken == 0
    assert [event["event"] for event in events].count("copied") == 1
    assert geomreg.load(sweep.path)["width=2"].summary.samples == 1300


def test_a_point_has_as_many_networks_as_the_sweep_asks_for(sweep):
    point = sweep.path / "width=4"
    with pytest.raises(RunDirectoryError, match="is a point of the sweep sweep"):
        RunHandle(point).extend(10_000)
    again = geomreg.load(point).resume(2000, progress=False)
    assert again.path.parent == runs_root()
    assert again.path != point
    assert RunDirectory.open(point).read_status().samples == 1300


def test_what_is_a_point_of_a_sweep(sweep, tmp_path):
    assert sweep_of(sweep.path / "width=2") == sweep.path
    assert sweep_of(sweep.path) is None
    alone = geomreg.sample(samples=1000, out=tmp_path / "key=value", progress=False, **VALUES)
    assert sweep_of(alone.path) is None


def test_a_copy_that_fails_leaves_nothing(sweep, monkeypatch):
    def fails(*_):
        raise OSError("no room")

    monkeypatch.setattr("geomreg_tui.rundir.copying.shutil.copyfile", fails)
    with pytest.raises(RunDirectoryError, match=r"cannot be copied.*no room"):
        copy_run(sweep.path / "width=2", layout(), "")
    assert not list(runs_root().iterdir())
    lease = RunDirectory.open(sweep.path / "width=2").lease()
    try:
        with pytest.raises(RunDirectoryError, match="in use"):
            copy_run(sweep.path / "width=2", layout(), "")
    finally:
        lease.release()


def test_a_sweep_that_was_stopped_goes_on_to_all_its_points(engines_here, tmp_path):
    """As the explorer's list does it: by the plan that is in the directory."""
    from geomreg_tui.sweeps.directory import SweepDirectory
    from geomreg_tui.sweeps.run import run_sweep

    folder = tmp_path / "sweep"
    asked = geomreg.sweep({"width": [2, 3, 4]}, samples=600, out=tmp_path / "whole", progress=False, **VALUES)
    plan = SweepDirectory(asked.path).plan()
    over = []
    for point in run_sweep(plan.experiment, plan.factors, 600, folder, interrupted=lambda: bool(over)):
        over.append(point)
    assert len(over) < 3
    left = SweepDirectory(folder)
    assert left.status().state.value == "stopped"
    plan = left.plan()
    points = list(run_sweep(plan.experiment, plan.factors, plan.samples, folder))
    assert [point.summary.histogram.digest() for point in points] == [
        point.summary.histogram.digest() for point in asked.points
    ]
    events, _ = read_events(folder / "log.jsonl")
    assert [event["event"] for event in events].count("start") == 2
    assert events[-1]["state"] == "done"
