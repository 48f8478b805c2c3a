"""Driving real engines in tests: starting them, waiting for things, finding their processes."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

import numpy as np

from geomreg_tui.engine.executors import News
from geomreg_tui.engine.loop import Pace
from geomreg_tui.engine.work import Outcome, perform
from geomreg_tui.experiment import Experiment
from geomreg_tui.rundir import RunDirectory, RunState
from geomreg_tui.rundir.lease import holder
from geomreg_tui.runner import RunHandle, resume_run, start_run
from geomreg_tui.runner.preparing import prepare
from geomreg_tui.sampling import work as sampling
from geomreg_tui.sampling.plan import SamplingPlan
from geomreg_tui.sampling.store import committed
from geomreg_tui.summary import ChunkResult, Summary
from tests.making import make_engine, new_run, preparation
from tests.patience import PATIENCE

CHUNK, SAMPLES = 500, 20_250
VALUES = {
    "data": "gaussian",
    "inputs": 20,
    "examples": 8,
    "width": 64,
    "depth": 2,
    "chunk_size": CHUNK,
    "batch_size": 50,
}
EXPERIMENT = Experiment.parse(VALUES)
OPTIONS = [word for key, value in VALUES.items() for word in (f"--{key.replace('_', '-')}", str(value))]


def fold(samples: int, keep: int = 0) -> tuple[Summary, np.ndarray]:
    """Return what the chunks give when drawn here, one after the other."""
    parts = [_drawn(chunk, CHUNK) for chunk in range(samples // CHUNK)]
    if rest := samples % CHUNK:
        parts.append(_drawn(samples // CHUNK, rest))
    losses = [part.losses for part in parts if part.losses is not None]
    return Summary.merge(part.summary for part in parts), np.concatenate(losses)[:keep]


@cache
def _drawn(chunk: int, count: int) -> ChunkResult:
    return sampling.run_chunk(_resolved(), chunk, count, keep=CHUNK)


@cache
def _resolved() -> Experiment:
    return sampling.prepare(EXPERIMENT).facts.experiment


def wait_for(condition, seconds=PATIENCE):
    """Return the first value of ``condition()`` that is neither None nor False."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (found := condition()) is not None and found is not False:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def stands_still(value, seconds=1.0):
    """Return the value of ``value()`` if it is the same after some time, else None."""
    before = value()
    time.sleep(seconds)
    return before if value() == before else None


class Runs:
    """Starts engines, and sees to it that none is left when the test is over."""

    def __init__(self):
        self._handles: list[RunHandle] = []

    def start(self, *arguments, **options) -> RunHandle:
        return self._kept(start_run(*arguments, **options))

    def resume(self, *arguments, **options) -> RunHandle:
        return self._kept(resume_run(*arguments, **options))

    def close(self) -> None:
        for handle in self._handles:
            handle.kill()
            handle.wait(PATIENCE)

    def _kept(self, handle: RunHandle) -> RunHandle:
        self._handles.append(handle)
        return handle


def outcome(handle: RunHandle, seconds: float = PATIENCE):
    """Wait until a run is over; return its status and its networks."""
    assert handle.wait(seconds)
    run = RunDirectory.open(handle.directory)
    return run.read_status(), committed(run).summary


def samples_of(handle: RunHandle) -> int:
    snapshot = handle.snapshot()
    return snapshot.samples if snapshot else 0


def state_of(handle: RunHandle) -> RunState | None:
    snapshot = handle.snapshot()
    return snapshot.state if snapshot else None


def engine_of(path: Path) -> int | None:
    """Return the process id of the engine of a run, or None where none is at work."""
    engine = holder(path / "lease.json")
    return engine.pid if engine else None


def engine_pid(path: Path) -> int:
    """Return the process id of the engine of a run as soon as there is one."""
    return wait_for(lambda: engine_of(path))


def family(pid: int) -> list[int]:
    """Return all processes that descend from one."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
                if int(fields[1]) == pid:
                    found += [int(entry), *family(int(entry))]
    return found


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def kill_engine(path: Path) -> bool:
    """Kill the engine of a run, if one is at work, and wait until its workers are gone too."""
    pid = engine_of(path)
    if pid is None:
        return False
    members = family(pid)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not any(alive(member) for member in (pid, *members)))
    return True


def kill_engines(*folders: Path) -> None:
    """Kill every engine that is at work below folders, as a test that failed leaves them."""
    for lease in [lease for folder in folders for lease in folder.rglob("lease.json")]:
        pid = engine_of(lease.parent)
        if pid not in (None, os.getpid()) and b"geomreg_tui" in Path(f"/proc/{pid}/cmdline").read_bytes():
            kill_engine(lease.parent)


def geomreg(*arguments, **options) -> subprocess.Popen[str]:
    """Start the command line in a process of its own, in a session of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "geomreg_tui", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )


def finish(process: subprocess.Popen[str], seconds: float = PATIENCE) -> tuple[int, str, str]:
    """Wait for a process; return its exit code, stdout and stderr, in which there must be no traceback."""
    out, err = process.communicate(timeout=seconds)
    assert "Traceback" not in err, err
    return process.returncode, out, err


def fill(folder: Path) -> None:
    """Fill a disk to the last byte, with what writers at work free meanwhile."""
    with open(folder / "filler", "ab", buffering=0) as file:
        refused = 0
        while refused < 5:
            try:
                file.write(bytes(4096))
                refused = 0
            except OSError:
                refused += 1
                time.sleep(0.1)


class Shuffled:
    """An executor in this process that finishes its work in a random order.

    A chunk in ``deadly`` can never be drawn.
    """

    def __init__(self, seed: int = 0, workers: int = 4, deadly: tuple[int, ...] = ()):
        self.workers, self.place = workers, ""
        self.order: list[int] = []
        self._generator = np.random.default_rng(seed)
        self._queue = []
        self._deadly = deadly

    def submit(self, work):
        self._queue.append(work)

    def outcomes(self, timeout):
        if not self._queue:
            return []
        work = self._queue.pop(int(self._generator.integers(len(self._queue))))
        self.order.append(work.chunk)
        if work.chunk in self._deadly:
            return [Outcome(work, None, error="it is deadly")]
        return [Outcome(work, perform(work, "cpu"))]

    def news(self):
        return News()

    def abandon(self):
        self._queue.clear()


@cache
def _kept(samples: int) -> Path:
    """Return a finished run of so many networks, which tests copy."""
    folder = Path(tempfile.mkdtemp(prefix="geomreg-drawn-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return sample_here(folder / "run", samples, Shuffled()).path


def drawn_run(path: Path, samples: int = SAMPLES) -> RunDirectory:
    """Return a run with so many networks, drawn in this process once for all tests, with small packs."""
    shutil.copytree(_kept(samples), path)
    return RunDirectory.open(path)


def sample_here(
    path: Path, samples: int = SAMPLES, executor=None, keep: int = 0, deep: bool = False
) -> RunDirectory:
    """Sample a run in this process, with a commit after every chunk."""
    if (path / "experiment.json").exists():
        run = RunDirectory.open(path)
    else:
        prepared = prepare(preparation(EXPERIMENT, deep=deep))
        run = new_run(path, prepared.facts, prepared.environment, samples, keep, EXPERIMENT)
    lease = run.lease()
    SamplingPlan(samples, keep).write(run.path)
    try:
        make_engine(run, executor or Shuffled(), lease, Pace(commit=0.0)).run()
    finally:
        lease.release()
    return run
