"""What a preview says at its end."""

import queue

import pytest

from geomreg_tui.engine import preview
from geomreg_tui.engine.protocol import PreviewRequest
from geomreg_tui.runs import RunState
from geomreg_tui.runs.snapshot import read_snapshot

SETTINGS = {"data": "sine", "examples": 4, "width": 4, "chunk_size": 256, "batch_size": 256}


@pytest.mark.parametrize(("limit", "short"), [(0.0, True), (1e9, False)])
def test_a_preview_that_met_its_time_limit_says_so(tmp_path, monkeypatch, limit, short):
    monkeypatch.setattr(preview, "_LONGEST", limit)
    request = PreviewRequest(1, 2048, SETTINGS, device="cpu")
    preview._answer(request, tmp_path / "live", queue.Queue())
    found = read_snapshot(tmp_path / "live")
    assert found is not None
    assert found.state is RunState.DONE
    assert (found.samples < 2048) == short
    assert ("ended at its time limit" in found.message) == short
