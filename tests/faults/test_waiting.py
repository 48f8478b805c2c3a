"""An engine that waits for a run: the run is the same, and nobody is left over when it is not needed."""

import subprocess
import sys

import pytest

import geomreg_tui as geomreg
from geomreg_tui.experiment import Experiment
from geomreg_tui.runner import start_run
from geomreg_tui.runner.launch import modules_for
from geomreg_tui.runner.waiting import WaitingEngine
from tests.faults.driving import alive, engine_of, wait_for
from tests.patience import PATIENCE

EXPERIMENT = Experiment.parse({"data": "gaussian", "width": 8, "depth": 1, "chunk_size": 500})
SAMPLES = 2000


@pytest.fixture
def waiting():
    engine = WaitingEngine()
    yield engine
    engine.close()


def begun(waiting):
    """Have an engine wait, and return its process."""
    waiting.start(modules_for(EXPERIMENT, "cpu"))
    return waiting._process


def test_a_run_of_an_engine_that_waited_is_the_same(waiting, tmp_path):
    process = begun(waiting)
    first = start_run(EXPERIMENT, SAMPLES, directory=tmp_path / "waited", device="cpu", waiting=waiting)
    assert engine_of(tmp_path / "waited") == process.pid
    assert first.wait(PATIENCE)
    assert waiting.take(modules_for(EXPERIMENT, "cpu")) is None
    other = start_run(EXPERIMENT, SAMPLES, directory=tmp_path / "started", device="cpu", waiting=waiting)
    assert other.wait(PATIENCE)
    results = [geomreg.load(handle.directory) for handle in (first, other)]
    assert results[0].summary.samples == SAMPLES
    assert results[0].histogram_digest == results[1].histogram_digest


def test_one_waits_at_most_and_another_takes_the_place_of_one_that_died_or_has_loaded_something_else(waiting):
    process = begun(waiting)
    assert begun(waiting) is process
    process.kill()
    process.wait()
    assert waiting.take(modules_for(EXPERIMENT, "cpu")) is None
    other = begun(waiting)
    assert other is not process
    torch = modules_for(EXPERIMENT.replace(backend="torch"), "cpu")
    assert torch != modules_for(EXPERIMENT, "cpu")
    assert waiting.take(torch) is None
    waiting.start(torch)
    assert other.poll() is not None, "the one that will not do has ended"
    with waiting.take(torch) as taken:
        assert waiting.take(torch) is None
        taken.kill()


def test_it_ends_with_its_starter_whatever_became_of_that():
    source = (
        "import sys; from geomreg_tui.runner.waiting import WaitingEngine\n"
        "engine = WaitingEngine(); engine.start(('geomreg_tui.runner.preload',))\n"
        "print(engine._process.pid, flush=True); sys.stdin.read()"
    )
    starter = subprocess.Popen(
        [sys.executable, "-P", "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    engine = int(starter.stdout.readline())
    starter.kill()
    starter.communicate()
    wait_for(lambda: not alive(engine))
