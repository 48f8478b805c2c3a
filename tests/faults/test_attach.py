"""The explorer on runs of real engines, in real terminals that go away."""

import json
import os
import re
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

from geomreg_tui.rundir import RunDirectory, RunState
from geomreg_tui.runner import RunHandle
from geomreg_tui.sampling.plan import SamplingPlan
from geomreg_tui.sampling.store import committed
from tests.command import call
from tests.patience import PATIENCE

from ..tui.terminal import LEAVES_ALTERNATE_SCREEN, check_leaves_at_once, in_terminal
from .driving import (
    EXPERIMENT,
    OPTIONS,
    SAMPLES,
    alive,
    drawn_run,
    engine_of,
    fold,
    samples_of,
    state_of,
    wait_for,
)

ATTACH = [sys.executable, "-m", "geomreg_tui", "attach"]
HOSTILE = "x\x1b]52;c;cm0gLXJm\x07\x1b[2J\u202e[red]\x9b31m[/"


def only_run(home):
    (path,) = (home / "runs").iterdir()
    return RunHandle(path)


def test_several_terminals_show_a_run_leave_it_alone_and_miss_an_engine_that_dies(tmp_path, runs, at_leisure):
    handle = runs.start(EXPERIMENT, 10**9, directory=tmp_path / "run", workers=1)
    command = [*ATTACH, str(handle.directory)]
    with in_terminal(command) as first, in_terminal(command, 80, 24) as second:
        for terminal in (first, second):
            assert terminal.shows("run sampling")
            assert terminal.shows("Loss distribution")
            assert terminal.shows("gaussian N=8")
        assert "/torch/" not in Path(f"/proc/{first.process.pid}/maps").read_text()
        first.press(b"q")
        first.read(PATIENCE, until=LEAVES_ALTERNATE_SCREEN)
        assert first.process.wait(PATIENCE) == 0
        first.read(PATIENCE, until=b"goes on in the background")
        assert b"goes on in the background" in first.seen
        # What another terminal does is shown: pause, and the end.
        handle.pause()
        assert second.shows("run paused")
        handle.resume()
        assert second.shows("run sampling")
        pid = engine_of(handle.directory)
        handle.kill()
        assert handle.wait(PATIENCE)
        assert second.shows("its engine is gone")
        assert not alive(pid)
    summary = committed(RunDirectory.open(handle.directory)).summary
    assert summary.histogram.digest() == fold(summary.samples)[0].histogram.digest()


def test_looking_at_a_run_writes_nothing(tmp_path):
    run = drawn_run(tmp_path / "run")
    before = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in run.path.rglob("*")}
    with in_terminal([*ATTACH, str(run.path)]) as terminal:
        assert terminal.shows("run done")
        assert terminal.shows("20.2 k / 20.2 k")
        terminal.press(b"l")
        terminal.press(b"p")
        terminal.press(b"q")
        assert terminal.process.wait(PATIENCE) == 0
    assert {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in run.path.rglob("*")} == before


def test_a_stopped_run_goes_on_from_the_explorer_and_other_viewers_see_it(tmp_path, expected):
    run = drawn_run(tmp_path / "run", SAMPLES // 2)
    SamplingPlan(SAMPLES).write(run.path)
    command = [*ATTACH, str(run.path)]
    with in_terminal(command) as viewer, in_terminal(command) as actor:
        assert viewer.shows("10.1 k")
        assert actor.shows("10.1 k")
        actor.press(b" ")
        assert actor.shows("20.2 k / 20.2 k")
        assert viewer.shows("20.2 k / 20.2 k")
    wait_for(lambda: engine_of(run.path) is None)
    assert committed(RunDirectory.open(run.path)).summary.histogram.digest() == expected


@contextmanager
def sampling(home):
    """An explorer that has started a full run, and a handle on that."""
    command = [sys.executable, "-m", "geomreg_tui", "explore", *OPTIONS, "--samples", "1e9"]
    with in_terminal(command) as terminal:
        assert terminal.shows("preview done")
        terminal.press(b"\x1b ")
        assert terminal.shows("run sampling")
        yield terminal, only_run(home)


def goes_on(handle):
    there = samples_of(handle)
    return wait_for(lambda: samples_of(handle) > there)


def test_a_viewer_that_is_suspended_killed_or_loses_its_terminal_is_not_noticed(
    home, tmp_path, monkeypatch, at_leisure
):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with sampling(home) as (terminal, handle):
        for number in (signal.SIGSTOP, signal.SIGKILL):
            os.kill(terminal.process.pid, number)
            assert goes_on(handle)
        wait_for(lambda: not [*tmp_path.glob("geomreg-preview-*")])
    with in_terminal(ATTACH) as terminal:  # without a name: the run that is being sampled
        assert terminal.shows("run sampling")
        check_leaves_at_once(terminal)
    assert goes_on(handle)
    with in_terminal(ATTACH) as terminal:
        assert terminal.shows("run sampling")
        terminal.press(b"s")
        assert terminal.shows("run stopped")
    assert handle.wait(PATIENCE)
    assert state_of(handle) is RunState.STOPPED


def test_attach_without_a_terminal_says_what_to_use(tmp_path):
    run = drawn_run(tmp_path / "run", 1000)
    code, out, err = call("attach", run.path)
    assert (code, out) == (2, "")
    assert f"geomreg-tui report {run.path}" in err


def hostile(path):
    """Make a run of which every text that comes from outside tries to steer the terminal."""
    run = drawn_run(path, 1000)
    stored = json.loads((path / "experiment.json").read_text())
    for key in ("experiment", "asked"):
        stored[key]["data"] = HOSTILE
    from dataclasses import replace

    from geomreg_tui.experiment import Experiment
    from geomreg_tui.rundir.store import write_arrays, write_json

    experiment = Experiment.parse(stored["experiment"])
    facts = replace(run.facts, experiment=experiment, sampler_reason=HOSTILE, data_notes=(HOSTILE,))
    values, arrays = facts.to_parts()
    write_arrays(path / "facts.safetensors", values, arrays)
    write_json(path / "experiment.json", {**stored, "digest": experiment.digest(), "started_in": HOSTILE})
    write_json(path / "environment.json", {"environments": [{"torch": HOSTILE, "from_chunk": 0}] * 2})
    status = {**json.loads((path / "status.json").read_text()), "message": HOSTILE, "about": HOSTILE}
    write_json(path / "status.json", status)
    snapshot = replace(run.read_live(), facts=facts, message=HOSTILE, device=HOSTILE)
    run.write_live(snapshot)


def test_what_a_run_says_never_steers_the_terminal(engines_here, home):
    path = home / "runs" / "20260101-000000-mlp-01234567"
    path.parent.mkdir()
    hostile(path)
    steering = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")
    commands = (["runs"], ["report", "latest"], ["runs", "verify"], ["run", "--resume", "latest"])
    for command in commands:
        _, out, err = call(*command)
        assert not steering.search(out + err), command
    with in_terminal([*ATTACH, "latest"]) as terminal:
        assert terminal.shows("run done"), terminal.text()
        assert terminal.shows("[red]31m[/")  # as it stands, not as markup
        terminal.press(b"q")
        assert terminal.process.wait(PATIENCE) == 0
    assert b"\x1b]52" not in terminal.seen
    assert b"Traceback" not in terminal.seen
    assert "\u202e".encode() not in terminal.seen
