"""The warm engine that draws previews, as the explorer sees it. Never imports torch."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from geomreg_tui.errors import SamplingError
from geomreg_tui.experiment import Experiment
from geomreg_tui.rundir import read_snapshot
from geomreg_tui.runner.process import spawn
from geomreg_tui.runner.protocol import PreviewRequest
from geomreg_tui.runner.snapshot import Snapshot, decoded

__all__ = ["PreviewEngine"]


class PreviewEngine:
    """One warm engine process that draws small samples; the newest request wins."""

    def __init__(self, device: str = "auto", module: str | None = None) -> None:
        self._device = device
        self._module = module
        self._folder = Path(tempfile.mkdtemp(prefix="geomreg-preview-"))
        self._path = self._folder / "live.safetensors"
        self._process: subprocess.Popen[bytes] | None = None
        self._number = 0

    def start(self) -> None:
        """Start the process; it loads what it needs in the background."""
        if self._process is not None and self._process.poll() is not None:
            self._end()
        if self._process is None:
            self._process = spawn("geomreg_tui.runner", "preview", str(self._path), quiet=True)

    def request(self, experiment: Experiment, samples: int) -> int:
        """Ask for ``samples`` networks, in place of the last request; return the request's number."""
        self.start()
        self._number += 1
        values = experiment.model_dump(mode="json", exclude_unset=True)
        self._send(PreviewRequest(self._number, samples, values, self._device, self._module))
        return self._number

    def cancel(self) -> None:
        """Stop sampling for the last request."""
        if self._process is not None:
            self._send(PreviewRequest(self._number, 0, {}))

    def snapshot(self) -> Snapshot | None:
        """Return the newest snapshot; its ``request`` tells which request it answers.

        Raises:
            SamplingError: if the process died.
        """
        if self._process is not None and self._process.poll() is not None:
            raise SamplingError("the preview engine died; the next change starts another")
        return decoded(self._path, read_snapshot(self._path))

    def close(self) -> None:
        """End the process and delete its files."""
        self._end()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _end(self) -> None:
        """End the process at once."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        if self._process.stdin:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        self._process = None

    def _send(self, request: PreviewRequest) -> None:
        """Send a request, unless the process is gone."""
        if self._process is None or self._process.stdin is None:
            return
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(request.to_line().encode())
            self._process.stdin.flush()
