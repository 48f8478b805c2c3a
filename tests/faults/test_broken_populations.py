"""Populations whose numbers cannot be: said everywhere, with exit code 3, and never a silent nothing."""

import json

import numpy as np
import pytest

from geomreg_tui.rundir import RunDirectory
from geomreg_tui.rundir.store import read_arrays, write_arrays
from geomreg_tui.runner.verify import verify_run
from geomreg_tui.splitting.checkpoints import TailFolder
from geomreg_tui.splitting.result import FAILED
from tests.command import call

from .driving import finish, geomreg

COMMAND = [
    "tail", "--data", "gaussian", "--inputs", 6, "--examples", 4, "--width", 12, "--depth", 1,
    "--samples", 2000, "--to-log10-volume", -6, "--population", 100, "--repeats", 3, "--move", "pcn",
]  # fmt: skip

# Levels of some populations whose V rises a hundredfold.
BROKEN_LEVELS = """
import sys
if "multiprocessing.forkserver" in " ".join(sys.orig_argv):
    from dataclasses import replace
    from geomreg_tui.splitting import multilevel
    step_down = multilevel.step
    def step(space, population, goal, seed, kernel):
        below, record = step_down(space, population, goal, seed, kernel)
        if population.index in BROKEN and population.level == 5:
            record = replace(record, log_volume=record.log_volume + 300.0)
        return below, record
    multilevel.step = step
"""


@pytest.mark.parametrize("broken", [(0, 1, 2), pytest.param((1,), marks=pytest.mark.full)])
def test_a_population_whose_volume_rises_has_failed(tmp_path, every_process, broken):
    every_process(BROKEN_LEVELS.replace("BROKEN", repr(broken)))
    path = tmp_path / "run"
    code, _, err = finish(geomreg(*COMMAND, "--out", path, "--quiet"))
    assert code == 3
    assert "V rises on the way down or above 1" in err
    assert "--resume tries again" not in err  # it would not help
    stored = json.loads((path / "summary.json").read_text())["tail"]
    assert [status == FAILED for status in stored["statuses"]] == [index in broken for index in range(3)]
    assert len(stored["failures"]) == len(broken) or "V rises" in stored["failures"][0]
    assert stored["populations"] == 3 - len(broken)
    assert all(volume <= 0 for volume in stored["log10_volume"])
    code, report, _ = call("report", path)
    assert code == 0
    assert f"{len(broken)} of 3 populations, left out: V rises" in report
    assert verify_run(path).problems == ()
    code, _, err = call("tail", "--resume", path, "--quiet")
    assert code == 3
    assert "V rises" in err


def test_numbers_of_old_that_cannot_be_are_said_and_not_shown(engines_here, tmp_path):
    """Version 0.1.0 could write log volumes of 1e292."""
    path = tmp_path / "run"
    call(*COMMAND, "--out", path, "--quiet", check=0)
    file = path / "tail" / "population-01.safetensors"
    header, arrays = read_arrays(file)
    write_arrays(file, header, {**arrays, "log_volume": np.full_like(arrays["log_volume"], 1e292)})
    (path / "live.safetensors").unlink()
    code, report, _ = call("report", path)
    assert code == 0
    assert "1 of 3 populations, left out" in report
    assert "a log V is not a number" in report
    assert "population 1" in verify_run(path).problems[0]
    assert TailFolder.of(RunDirectory.open(path)).read().populations[1].status == FAILED


def test_a_time_limit_holds_where_the_loss_has_a_floor(engines_here, tmp_path):
    path = tmp_path / "run"
    command = [
        "tail", "--data", "sine", "--examples", 8, "--width", 2, "--depth", 1, "--samples", 2000,
        "--population", 50, "--repeats", 2, "--to-loss", 1e-3, "--max-seconds", 25, "--out", path, "--json",
    ]  # fmt: skip
    code, out, err = call(*command)
    assert code == 0, err
    found = json.loads(out)["tail"]
    assert found["status"] == "floor"
    assert found["floor"]["kind"] == "found"
    assert max(found["log10_volume"]) <= 0
    assert verify_run(path).problems == ()
