"""``geomreg-tui runs`` with as many runs as collect in years."""

import json
import math
import os
import resource
import subprocess
import sys

import pytest

from geomreg_tui.experiment import Experiment
from geomreg_tui.rundir import RunState, Status
from geomreg_tui.summary import Facts
from tests.making import new_run
from tests.patience import PATIENCE

MANY = 10_000


def processor_time():
    """Return the seconds that the processes which have ended have computed, busy machine or not."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def geomreg(home, *arguments):
    begun = processor_time()
    answer = subprocess.run(
        [sys.executable, "-m", "geomreg_tui", *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**{k: v for k, v in os.environ.items() if k != "COLUMNS"}, "GEOMREG_HOME": str(home)},
        timeout=PATIENCE,
        check=False,
    )
    assert "Traceback" not in answer.stderr
    return answer, processor_time() - begun


@pytest.fixture(scope="module")
def homes(tmp_path_factory):
    """A home with few runs and one with many; their files are one set of files under many names."""
    original = tmp_path_factory.mktemp("original") / "run"
    experiment = Experiment.parse({"sampler": "direct", "chunk_size": 50, "batch_size": 10})
    facts = Facts(experiment, 64, 1, 100, 1.0, 1.0, 0.9, "asked for")
    run = new_run(original, facts, {"torch": "x"}, 1000, 0)
    run.write_status(Status(RunState.DONE, 1000, 1000, 1.0, about=facts.describe()))
    found = []
    for count in (20, MANY):
        home = tmp_path_factory.mktemp("home")
        for number in range(count):
            path = home / "runs" / f"20260101-{number:06d}-mlp-01234567"
            (path / "chunks").mkdir(parents=True)
            for file in original.iterdir():
                if file.is_file():
                    os.link(file, path / file.name)
        found.append(home)
    return found


@pytest.mark.parametrize(
    "command",
    [
        ["runs"],
        ["report", "000005"],
        pytest.param(["runs", "rm", "latest", "--yes"], marks=pytest.mark.full),
        pytest.param(["runs", "--json"], marks=pytest.mark.full),
        pytest.param(["runs", "verify", "000007"], marks=pytest.mark.full),
    ],
)
def test_ten_thousand_runs_take_no_longer_than_twenty(homes, command):
    few, many = homes
    geomreg(few, "--version")
    ratio = math.inf
    for _ in range(3):
        first, short = geomreg(few, *command)
        second, long = geomreg(many, *command)
        assert first.returncode == second.returncode == 0, second.stderr
        ratio = min(ratio, long / short)
        if ratio < 2:
            break
    assert ratio < 2


def test_the_list_is_of_the_newest_and_all_can_be_had(homes):
    _, many = homes
    answer, _ = geomreg(many, "runs")
    lines = answer.stdout.splitlines()
    assert len(lines) == 21
    assert "mlp 64→256×3→1 · relu · he_normal · digits N=16 · mse · seed 0" in lines[1]
    assert "older runs" in answer.stderr
    rows = json.loads(geomreg(many, "runs", "--json", "--limit", "0")[0].stdout)
    assert len(rows) > MANY - 10
    assert {row["state"] for row in rows} == {"done"}
    assert rows == sorted(rows, key=lambda row: row["name"], reverse=True)


def test_deleting_asks_and_takes_no_for_an_answer(homes):
    few, _ = homes
    answer, _ = geomreg(few, "runs", "rm", "000003")
    assert answer.returncode == 1
    assert "--yes" in answer.stderr
    assert "1,000 networks" in answer.stderr
    assert (few / "runs" / "20260101-000003-mlp-01234567" / "experiment.json").exists()
