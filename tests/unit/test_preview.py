"""What a preview says at its end, and how soon it gives way to the next."""

import queue
import subprocess
import sys

import pytest

from geomreg_tui.engine.executors import InProcess
from geomreg_tui.experiment import Experiment
from geomreg_tui.rundir import RunState
from geomreg_tui.rundir.snapshot import read_snapshot
from geomreg_tui.runner import preview
from geomreg_tui.runner.protocol import PreviewRequest
from geomreg_tui.runner.snapshot import decoded
from geomreg_tui.sampling.pieces import ChunkWork
from geomreg_tui.sampling.sampler import Sampler
from geomreg_tui.sampling.work import run_chunk
from tests.making import preparation

SETTINGS = {"data": "sine", "examples": 4, "width": 4, "chunk_size": 256, "batch_size": 256}
TORCH = SETTINGS | {"backend": "torch"}


@pytest.mark.parametrize(("limit", "short"), [(0.0, True), (1e9, False)])
def test_a_preview_that_met_its_time_limit_says_so(tmp_path, monkeypatch, limit, short):
    monkeypatch.setattr(preview, "_LONGEST", limit)
    request = PreviewRequest(1, 2048, SETTINGS, device="cpu")
    preview._answer(request, tmp_path / "live", queue.Queue())
    found = decoded(tmp_path, read_snapshot(tmp_path / "live"))
    assert found is not None
    assert found.state is RunState.DONE
    assert (found.samples < 2048) == short
    assert ("ended at its time limit" in found.message) == short


@pytest.mark.parametrize("batches", [0, 1, 3])
def test_a_chunk_is_given_up_within_a_batch_and_is_drawn_the_same_later(monkeypatch, batches):
    drawn: list[int] = []
    given_up = True

    def draw(sampler: Sampler, count: int, generator: object) -> object:
        drawn.append(count)
        return whole(sampler, count, generator)

    whole = Sampler.draw
    monkeypatch.setattr(Sampler, "draw", draw)
    executor = InProcess(lambda: given_up and len(drawn) == batches)
    settings = TORCH | {"chunk_size": 256, "batch_size": 64}
    experiment = executor.prepare(preparation(Experiment.parse(settings))).facts.experiment
    work = ChunkWork(experiment, 0)
    executor.submit(work)
    assert executor.outcomes(0) == []
    assert drawn == [64] * batches
    given_up = False
    executor.submit(work)
    (outcome,) = executor.outcomes(0)
    assert drawn[batches:] == [64] * 4
    assert outcome.answer.summary.histogram.digest() == run_chunk(experiment, 0).summary.histogram.digest()


def test_a_newer_request_ends_a_preview_in_the_middle_of_a_chunk(tmp_path, monkeypatch):
    requests: queue.Queue[PreviewRequest | None] = queue.Queue()
    drawn: list[int] = []

    def draw(sampler: Sampler, count: int, generator: object) -> object:
        drawn.append(count)
        if len(drawn) == 3:  # the first batch is shown by itself; this is the second of the whole chunk
            requests.put(PreviewRequest(2, 0, {}))
        return whole(sampler, count, generator)

    whole = Sampler.draw
    monkeypatch.setattr(Sampler, "draw", draw)
    settings = TORCH | {"chunk_size": 6400, "batch_size": 64}
    preview._answer(PreviewRequest(1, 6400, settings, device="cpu"), tmp_path / "live", requests)
    assert len(drawn) == 3
    found = decoded(tmp_path, read_snapshot(tmp_path / "live"))
    assert found is not None
    assert (found.state, found.samples) == (RunState.SAMPLING, 64)


def test_a_preview_without_torch_says_so(tmp_path):
    script = (
        "import queue, sys; from pathlib import Path; sys.modules['torch'] = None\n"
        "from geomreg_tui.runner import preview; from geomreg_tui.runner.protocol import PreviewRequest\n"
        "request = PreviewRequest(1, 8, {'backend': 'torch'}, device='cpu')\n"
        "preview._answer(request, Path(sys.argv[1]), queue.Queue())\n"
    )
    subprocess.run([sys.executable, "-c", script, tmp_path / "live"], check=True)
    found = decoded(tmp_path, read_snapshot(tmp_path / "live"))
    assert found is not None
    assert found.state is RunState.FAILED
    assert "import of torch halted" in found.message
