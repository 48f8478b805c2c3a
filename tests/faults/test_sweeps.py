"""Sweeps that nobody waits for: their own process, its directory, and the explorer that comes and goes."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from geomreg_tui.errors import ExperimentError, RunDirectoryError
from geomreg_tui.experiment import Experiment
from geomreg_tui.report import load_sweep
from geomreg_tui.report.sweep_html import sweep_page
from geomreg_tui.rundir import RunState, read_snapshot
from geomreg_tui.runner.snapshot import decoded
from geomreg_tui.sweeps.directory import SweepDirectory, list_sweeps
from geomreg_tui.sweeps.launch import SweepHandle, start_sweep
from geomreg_tui.sweeps.plan import SweepPlan, parse_factor
from geomreg_tui.sweeps.result import SweepError
from geomreg_tui.sweeps.run import run_sweep
from geomreg_tui.tui.sweep_view import SweepReader
from tests.command import call
from tests.patience import PATIENCE

from ..tui.terminal import check_leaves_at_once, in_terminal
from .driving import (
    EXPERIMENT,
    OPTIONS,
    SAMPLES,
    alive,
    engine_of,
    family,
    finish,
    geomreg,
    stands_still,
    wait_for,
)


def plan_of(*over, samples=SAMPLES, experiment=EXPERIMENT):
    return SweepPlan(experiment, tuple(parse_factor(text) for text in over), samples)


@pytest.fixture
def sweeps():
    """Start sweeps; whatever is still going when the test is over is killed."""
    handles = []

    def start(plan, path, workers=1):
        handles.append(start_sweep(plan, path, workers=workers))
        return handles[-1]

    yield start
    for handle in handles:
        kill(handle)


def kill(handle):
    """Kill the process of a sweep with all that descend from it."""
    pid = engine_of(handle.directory)
    if pid is not None:
        members = [pid, *family(pid)]
        for member in members:
            try:
                os.kill(member, signal.SIGKILL)
            except ProcessLookupError:
                continue
        wait_for(lambda: not any(alive(member) for member in members))
    wait_for(lambda: not handle.running())


def over(handle):
    return wait_for(lambda: None if handle.running() else handle.status())


def drawn(path):
    snapshot = decoded(path, read_snapshot(path / "live.safetensors"))
    return snapshot.samples if snapshot else 0


def state_of(path):
    snapshot = decoded(path, read_snapshot(path / "live.safetensors"))
    return snapshot.state if snapshot else None


def digests(path):
    return [point["histogram_digest"] for point in json.loads((path / "sweep.json").read_text())["points"]]


def test_a_sweep_that_is_paused_stopped_and_killed_ends_with_the_same_bits(tmp_path, sweeps, expected):
    plan, path = plan_of("width=64,32"), tmp_path / "sweep"
    handle = sweeps(plan, path)
    assert handle.plan() == plan
    handle.pause()
    wait_for(lambda: handle.status().state is RunState.PAUSED)
    first = path / "width=64"
    wait_for(lambda: state_of(first) is RunState.PAUSED)
    assert wait_for(lambda: stands_still(lambda: drawn(first))) < SAMPLES
    assert state_of(first) is RunState.PAUSED
    handle.resume()
    wait_for(lambda: handle.status().state is RunState.SAMPLING)
    handle.stop()
    assert over(handle).state is RunState.STOPPED
    assert len(digests(path)) == 1  # what there is of the first point is in the result
    handle = sweeps(plan, path)
    handle.pause()
    wait_for(lambda: handle.status().state is RunState.PAUSED)
    kill(handle)
    assert handle.status().state is RunState.STOPPED
    assert over(sweeps(plan, path)).state is RunState.DONE
    assert digests(path)[0] == expected
    assert [drawn(path / name) for name in ("width=64", "width=32")] == [SAMPLES, SAMPLES]
    # What is done is taken as it is.
    stamp = (first / "summary.json").stat().st_mtime_ns
    assert over(sweeps(plan, path)).state is RunState.DONE
    assert (first / "summary.json").stat().st_mtime_ns == stamp
    code, out, _ = call("report", path, "--json")
    assert code == 0
    assert json.loads(out) == json.loads((path / "sweep.json").read_text())


def test_a_second_starter_is_refused(tmp_path, sweeps, at_leisure):
    handle = sweeps(plan_of("width=64,32", samples=10**9), tmp_path / "sweep")
    with pytest.raises(RunDirectoryError, match="in use by process"):
        sweeps(plan_of("width=64,32"), tmp_path / "sweep")
    assert handle.plan().samples == 10**9
    assert handle.running()
    code, _, err = call("sweep", "--over", "width=64,32", *OPTIONS, "--out", tmp_path / "sweep")
    assert (code, "in use by process" in err) == (1, True)


def test_a_sweep_in_use_is_refused_before_an_engine_is_started(tmp_path, monkeypatch):
    plan, directory = plan_of("width=8,16"), SweepDirectory(tmp_path / "sweep")
    monkeypatch.setattr("geomreg_tui.sweeps.run.SweepEngine", None)  # what is called is no function
    lease = directory.begin(plan)
    try:
        with pytest.raises(RunDirectoryError, match="in use by process"):
            next(run_sweep(plan.experiment, plan.factors, 1000, directory.path))
    finally:
        lease.release()


def test_a_sweep_on_the_command_line_can_be_watched_and_stopped_by_others(tmp_path, at_leisure):
    path = tmp_path / "sweep"
    process = geomreg("sweep", "--over", "width=8,16", *OPTIONS, "--samples", "1e9", "--out", path)
    wait_for(lambda: (path / "width=8" / "live.safetensors").exists())
    handle = SweepHandle(path)
    assert handle.running()
    assert handle.plan() == plan_of("width=8,16", samples=10**9)
    handle.stop()
    assert finish(process)[0] == 0
    assert handle.status().state is RunState.STOPPED
    assert not (path / "width=16").exists()


def forty_rows(path):
    rows = "".join(f"{k},{k % 7},{k % 3}\n" for k in range(40))
    path.write_text("a,b,y\n" + rows)
    return Experiment.parse({"data": str(path), "target": "y", "width": 8, "depth": 1})


def test_all_points_are_checked_before_the_first_is_drawn(engines_here, tmp_path, sweeps):
    base = forty_rows(tmp_path / "rows.csv")
    plan = plan_of("examples=4,8,50,30,60", samples=1000, experiment=base)
    with pytest.raises(ExperimentError) as caught:
        sweeps(plan, tmp_path / "sweep")
    assert [problem.got for problem in caught.value.problems] == ["examples=50", "examples=60"]
    assert all("40" in str(problem) for problem in caught.value.problems)
    assert not (tmp_path / "sweep").exists()
    over = ["--over", "examples=4,50", "--over", "sampler=radial,direct"]
    options = ["--data", tmp_path / "rows.csv", "--target", "y", "--width", "8", "--samples", "1000"]
    code, out, err = call("sweep", *over, *options)
    assert (code, out) == (2, "")
    for name in ("examples=4,sampler=radial", "examples=50,sampler=radial", "examples=50,sampler=direct"):
        assert name in err
    assert "examples=4,sampler=direct" not in err
    assert not list_sweeps()


def test_every_impossible_value_of_a_grid_is_named():
    with pytest.raises(ExperimentError) as caught:
        plan_of("width=0,4,-1", "depth=1,-5").grid()
    problems = {(problem.key, problem.got) for problem in caught.value.problems}
    assert problems == {("width", "0"), ("width", "-1"), ("depth", "-5")}


def test_a_point_that_fails_while_it_runs_is_marked_and_the_others_are_kept(tmp_path):
    plan, path, killed = plan_of("width=8,16,4", samples=2000), tmp_path / "sweep", []

    def kill_second():
        pid = engine_of(path / "width=16")
        if pid is not None and not killed:
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)
        return False

    points = run_sweep(plan.experiment, plan.factors, 2000, path, workers=1, interrupted=kill_second)
    kept = []
    with pytest.raises(SweepError, match="width=16: the engine died") as caught:
        kept.extend(points)
    assert [point.settings for point in kept if point.summary.samples == 2000] == [(8,), (4,)]
    assert caught.value.exit_code == 3
    assert [point.settings for point in caught.value.failed] == [(16,)]
    stored = json.loads((path / "sweep.json").read_text())
    assert [point["settings"] for point in stored["failed"]] == [{"width": 16}]
    assert "engine died" in stored["failed"][0]["reason"]
    assert SweepDirectory(path).status().state is RunState.FAILED
    sweep = load_sweep(path)
    assert any("width=16 failed" in line and "engine died" in line for line in sweep.warnings)
    page = sweep_page(sweep)
    assert "width=16 failed" in page
    view = SweepReader(path).read()
    assert [point.state for point in view.points] == [RunState.DONE, RunState.FAILED, RunState.DONE]
    assert "engine died" in view.points[1].message
    code, out, _ = call("report", path)
    assert code == 0
    assert "width=16 failed" in out
    # Asked for again, what failed is tried again, and what is there is taken as it is.
    stamp = (path / "width=8" / "summary.json").stat().st_mtime_ns
    again = list(run_sweep(plan.experiment, plan.factors, 2000, path, workers=1))
    assert [point.summary.samples for point in again] == [2000] * 3
    assert (path / "width=8" / "summary.json").stat().st_mtime_ns == stamp
    assert json.loads((path / "sweep.json").read_text())["failed"] == []
    assert SweepDirectory(path).status().state is RunState.DONE


def test_the_command_prints_what_there_is_and_says_that_a_part_failed(tmp_path, at_leisure):
    path = tmp_path / "sweep"
    process = geomreg("sweep", "--over", "width=8,16", *OPTIONS, "--samples", "1e9", "--out", path)
    first = wait_for(lambda: engine_of(path / "width=8"), 120)
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: drawn(path / "width=16"), 120)
    SweepHandle(path).stop()
    code, out, err = finish(process)
    assert code == 3
    assert "width=8 failed" in out
    assert "1 point of the sweep failed, all others are kept" in err
    assert "tries what failed again" in err


def test_what_is_no_plan_is_refused(tmp_path):
    for text in (
        "{}",
        "[]",
        "x",
        '{"schema": 1, "experiment": {}, "factors": [["width", []]], "samples": 1}',
    ):
        (tmp_path / "plan.json").write_text(text)
        with pytest.raises(RunDirectoryError):
            SweepDirectory(tmp_path).plan()


def test_the_terminal_of_an_explorer_that_sweeps_can_go(home, at_leisure):
    command = [sys.executable, "-m", "geomreg_tui", "explore", "--fresh", *OPTIONS]
    with in_terminal(command) as terminal:
        assert terminal.shows("preview done")
        terminal.press(b"x")
        assert terminal.shows("5 points of")
        terminal.press(b"\x1b[Z")  # back to the samples of each point
        terminal.press(b"\x1b[A\x1b[A\x1b[A\x1b[A")
        assert terminal.shows("1e9")
        terminal.press(b"\r ")
        assert terminal.shows("sweep sampling")
        assert terminal.shows("ETA")
        assert "❯ width 16" in terminal.text()
        terminal.read(1)
        assert terminal.read(PATIENCE, until=b"\x1b[")  # what is drawn moves
        assert len(terminal.read(2)) < 2 * 20_000  # bytes: a slow line carries that
        terminal.press(b"\x1b[C")
        assert terminal.shows("❯ width 32")
        assert "/torch/" not in Path(f"/proc/{terminal.process.pid}/maps").read_text()
        check_leaves_at_once(terminal)
    (path,) = (entry.path for entry in list_sweeps())
    handle = SweepHandle(path)
    try:
        there = drawn(path / "width=16")
        wait_for(lambda: drawn(path / "width=16") > there)
        handle.stop()
        assert over(handle).state is RunState.STOPPED
    finally:
        kill(handle)
