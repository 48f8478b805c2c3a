"""Engines in this process, for tests that are about what a run comes to and not about its processes.

Whatever asks for an engine, the command line too, gets one that has done all its work before it answers.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from geomreg_tui.engine.executors import InProcess
from geomreg_tui.runner import launch
from geomreg_tui.runner.begin import begin
from geomreg_tui.runner.begin import check as check_request
from geomreg_tui.runner.handle import RunHandle
from geomreg_tui.runner.protocol import RunRequest
from geomreg_tui.runner.series import RunSeries


def put_engines_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have engines work in this process until the patch is undone."""
    monkeypatch.setattr(launch, "_launch", _launch)
    for name in ("__init__", "_send", "finish", "close"):
        monkeypatch.setattr(RunSeries, name, getattr(_Series, name))


def _launch(request: RunRequest, waiting=None, meanwhile=lambda: None) -> RunHandle:
    meanwhile()
    run, lease, engine = begin(request, InProcess())
    try:
        engine.run()
    finally:
        lease.release()
    return RunHandle(run.path)


class _Series:
    """What of a series is another where its engine is here: :meth:`_send` has the run done."""

    def __init__(self, workers=None, device="auto", arrays: Path | None = None, cluster=None) -> None:
        self._workers, self._device = workers or 0, device
        self._arrays = "" if arrays is None else str(arrays)

    def _send(self, path, plans, module, experiment, *, check=False):
        values = None if experiment is None else experiment.model_dump(mode="json", exclude_unset=True)
        options = {"module": module, "more": True, "check": check, "arrays": self._arrays}
        request = RunRequest(str(path), plans, values, self._workers, self._device, **options)
        if check:
            check_request(request, InProcess())
        else:
            self._state = _launch(request).status().state

    def finish(self, watch=lambda: None):
        return self._state

    def close(self) -> None:
        pass
