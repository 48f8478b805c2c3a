"""Starting engines and talking to them. Never imports torch."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from geomreg_tui.engine.protocol import PreviewRequest, RunRequest, raise_error
from geomreg_tui.errors import SamplingError
from geomreg_tui.experiment import Experiment
from geomreg_tui.runs import RunDirectory, RunState, Snapshot, new_run_path, read_snapshot
from geomreg_tui.runs.directory import Command

__all__ = ["PreviewEngine", "RunHandle", "RunSeries", "resume_run", "start_run"]

_POLL = 0.05  # seconds


class RunHandle:
    """A run that an engine is sampling, or has sampled.

    Attributes:
        directory: the run directory.
    """

    def __init__(self, directory: Path, process: subprocess.Popen[bytes] | None = None) -> None:
        self.directory = directory
        self._run = RunDirectory.open(directory)
        self._process = process

    def snapshot(self) -> Snapshot | None:
        """Return the newest snapshot, or None before the first.

        Raises:
            RunDirectoryError: if it is damaged.
        """
        return self._run.read_live()

    def pause(self) -> None:
        """Ask the engine to pause."""
        self._run.send(Command("pause"))

    def resume(self) -> None:
        """Ask the engine to go on."""
        self._run.send(Command("resume"))

    def stop(self) -> None:
        """Ask the engine to stop and keep everything that is done."""
        self._run.send(Command("stop"))

    def extend(self, samples: int) -> None:
        """Ask the engine to sample up to ``samples`` networks in all."""
        self._run.send(Command("extend", samples))

    def running(self) -> bool:
        """Return whether an engine is at work."""
        if self._process is not None and self._process.poll() is None:
            return True
        return self._run.engine() is not None

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the run is over; return whether it is."""
        end = None if timeout is None else time.monotonic() + timeout
        while self.running():
            if end is not None and time.monotonic() >= end:
                return False
            time.sleep(_POLL)
        return True


def start_run(
    experiment: Experiment,
    samples: int,
    *,
    directory: Path | None = None,
    workers: int | None = None,
    device: str = "auto",
    keep_losses: int = 0,
) -> RunHandle:
    """Start an engine on a new run, and return when it has begun.

    Args:
        experiment: what to sample.
        samples: how many networks.
        directory: the run directory to make; default: a new one in the catalogue.
        workers: worker processes; default: one for each core.
        device: ``auto``, ``cpu`` or ``cuda:i``.
        keep_losses: how many of the first losses to keep.

    Raises:
        ExperimentError, DataError, CapacityError: if the experiment cannot be run; nothing is written.
        RunDirectoryError: if the directory cannot be made.
        SamplingError: if the engine died.
    """
    path = (directory or new_run_path(experiment)).absolute()
    values = experiment.model_dump(mode="json", exclude_unset=True)
    return _launch(
        RunRequest(str(path), samples, values, keep_losses, workers or 0, device, module=experiment.module)
    )


def resume_run(
    directory: Path,
    samples: int = 0,
    *,
    workers: int | None = None,
    device: str = "auto",
    module: str | None = None,
    take_over: bool = False,
) -> RunHandle:
    """Start an engine that goes on with a run, up to ``samples`` networks in all (0: as planned).

    Raises:
        RunDirectoryError: if it is not a run directory, or in use.
        ExperimentError, DataError, CapacityError: if the experiment cannot be run here.
        SamplingError: if the engine died.
    """
    path = directory.absolute()
    return _launch(
        RunRequest(str(path), samples, None, 0, workers or 0, device, module=module, take_over=take_over)
    )


def _launch(request: RunRequest) -> RunHandle:
    process = _spawn("run")
    try:
        _ask(process, request)
    except BaseException:
        process.kill()
        process.wait()
        raise
    finally:
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
    return RunHandle(Path(request.directory), process)


def _ask(process: subprocess.Popen[bytes], request: RunRequest) -> None:
    """Send a request and wait until the engine is ready; raise what it answers otherwise."""
    if process.stdin is None or process.stdout is None:
        raise AssertionError("the engine was started without pipes")
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(request.to_line().encode())
        process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        said = process.stderr.read().decode(errors="replace").strip() if process.stderr else ""
        reason = said.rpartition("\n")[2] or "no reason was given"
        raise SamplingError(f"the engine died before it began: {reason}")
    raise_error(json.loads(line))


class RunSeries:
    """One engine process that carries out runs one after the other, without loading torch for each."""

    def __init__(self, workers: int | None = None, device: str = "auto") -> None:
        self._workers = workers or 0
        self._device = device
        self._process = _spawn("run", inherit_stderr=True)

    def run(self, experiment: Experiment, samples: int, directory: Path, keep_losses: int = 0) -> RunHandle:
        """Start the next run, after the one before is over; as :func:`start_run`."""
        values = experiment.model_dump(mode="json", exclude_unset=True)
        path = directory.absolute()
        _ask(
            self._process,
            RunRequest(
                str(path),
                samples,
                values,
                keep_losses,
                self._workers,
                self._device,
                module=experiment.module,
                more=True,
            ),
        )
        return RunHandle(path)

    def finish(self, watch: Callable[[], None] = lambda: None) -> RunState:
        """Wait until the run that was started last is over, and return how it ended.

        Args:
            watch: called several times a second meanwhile.

        Raises:
            SamplingError: if the engine died.
        """
        if self._process.stdout is None:
            raise AssertionError("the engine was started without pipes")
        while not select.select([self._process.stdout], [], [], _POLL)[0]:
            watch()
        line = self._process.stdout.readline()
        if not line:
            raise SamplingError("the engine died during the run; what was committed is kept")
        return RunState(json.loads(line)["over"])

    def close(self) -> None:
        """End the engine after the run that it is at."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        self._process.wait()


class PreviewEngine:
    """One warm engine process that draws small samples; the newest request wins."""

    def __init__(self, device: str = "auto") -> None:
        self._device = device
        self._folder = Path(tempfile.mkdtemp(prefix="geomreg-preview-"))
        self._path = self._folder / "live.safetensors"
        self._process: subprocess.Popen[bytes] | None = None
        self._number = 0

    def start(self) -> None:
        """Start the process; it loads torch in the background."""
        if self._process is not None and self._process.poll() is not None:
            self._end()
        if self._process is None:
            self._process = _spawn("preview", str(self._path), quiet=True)

    def request(self, experiment: Experiment, samples: int) -> int:
        """Ask for ``samples`` networks, superseding what was asked before; return the request's number."""
        self.start()
        self._number += 1
        values = experiment.model_dump(mode="json", exclude_unset=True)
        self._send(PreviewRequest(self._number, samples, values, self._device, experiment.module))
        return self._number

    def cancel(self) -> None:
        """Stop sampling what was asked for last."""
        if self._process is not None:
            self._send(PreviewRequest(self._number, 0, {}))

    def snapshot(self) -> Snapshot | None:
        """Return the newest snapshot; its ``request`` tells which request it answers.

        Raises:
            SamplingError: if the process died.
        """
        if self._process is not None and self._process.poll() is not None:
            raise SamplingError("the preview engine died; the next change starts another")
        return read_snapshot(self._path)

    def close(self) -> None:
        """End the process and delete its files."""
        self._end()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _end(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        if self._process.stdin:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        self._process = None

    def _send(self, request: PreviewRequest) -> None:
        if self._process is None or self._process.stdin is None:
            return
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(request.to_line().encode())
            self._process.stdin.flush()


def _spawn(*arguments: str, quiet: bool = False, inherit_stderr: bool = False) -> subprocess.Popen[bytes]:
    """Start an engine in a session of its own, so that a dropped terminal does not end it."""
    output = subprocess.DEVNULL if quiet else subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-m", "geomreg_tui.engine", *arguments],
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=None if inherit_stderr else output,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
