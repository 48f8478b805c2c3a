"""One run on disk.

====================  =====================================================================
``experiment.json``   the resolved experiment and its digest; written once
``facts.json``        what the experiment comes to; written once
``environment.json``  versions and device that the bits depend on; written once
``plan.json``         networks and kept losses asked for
``chunks/``           committed chunks (see :mod:`geomreg_tui.runs.packs`)
``live.safetensors``  the newest snapshot, replaced several times a second
``status.json``       state and counts, small, replaced at every commit
``control.json``      the newest command of a viewer to the engine
``lease.json``        who is writing
``log.jsonl``         what happened, one event a line
``summary.json``      the result
``losses.npy``        the first K losses, if asked for
====================  =====================================================================
"""

from __future__ import annotations

import io
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.errors import ExperimentError, RunDirectoryError, plain_text
from geomreg_tui.experiment import Experiment
from geomreg_tui.runs.lease import Lease, check_free, holder
from geomreg_tui.runs.packs import Pack, PackFile, PackFolder
from geomreg_tui.runs.snapshot import RunState, Snapshot, read_snapshot, write_snapshot
from geomreg_tui.runs.store import read_json, sync_folder, write_bytes, write_json
from geomreg_tui.summary import Facts, Summary

__all__ = ["Command", "RunDirectory", "Status"]

SCHEMA = 1


@dataclass(frozen=True)
class Command:
    """What a viewer wants of the engine: ``pause``, ``resume``, ``stop`` or ``extend``."""

    action: str
    samples: int = 0


@dataclass(frozen=True)
class Status:
    """State and counts of a run, as of its last commit; ``elapsed_s`` is over all sittings."""

    state: RunState
    samples: int
    target: int
    elapsed_s: float = 0.0


class RunDirectory:
    """A run on disk; open one with :meth:`open` or :meth:`create`.

    Attributes:
        path: the directory.
        facts: what the experiment comes to.
        environment: versions and device that the bits depend on.
        packs: the committed chunks.
    """

    def __init__(self, path: Path, facts: Facts, environment: dict[str, Any]) -> None:
        self.path = path
        self.facts = facts
        self.environment = environment
        self.packs = PackFolder(
            path / "chunks", facts.experiment.digest(), int(facts.experiment.chunk_size or 1)
        )
        self._command_seen = self._command_stamp()

    @classmethod
    def create(
        cls, path: Path, facts: Facts, environment: dict[str, Any], samples: int, keep_losses: int
    ) -> RunDirectory:
        """Make a run directory.

        Raises:
            RunDirectoryError: if the directory exists and is not empty, or cannot be written.
        """
        cls.check_new(path)
        try:
            (path / "chunks").mkdir(parents=True)
        except OSError as error:
            raise RunDirectoryError(f"{path}: cannot be created ({error.strerror})") from error
        experiment = facts.experiment
        write_json(path / "facts.json", facts.to_json())
        write_json(path / "environment.json", environment)
        write_json(
            path / "experiment.json",
            {
                "schema": SCHEMA,
                "digest": experiment.digest(),
                "experiment": experiment.model_dump(mode="json"),
            },
        )
        run = cls(path, facts, environment)
        run.write_plan(samples, keep_losses)
        return run

    @staticmethod
    def check_new(path: Path) -> None:
        """Check that a run directory can be made at ``path``.

        Raises:
            RunDirectoryError: if something is there.
        """
        try:
            taken = path.exists() and (not path.is_dir() or any(path.iterdir()))
        except OSError as error:
            raise RunDirectoryError(f"{path}: cannot be read ({error.strerror})") from error
        if taken:
            raise RunDirectoryError(f"{path}: exists and is not an empty folder; choose another --out")

    @classmethod
    def open(cls, path: Path) -> RunDirectory:
        """Open a run directory for reading or for going on.

        Raises:
            RunDirectoryError: if it is not one, is of a newer version, or its experiment is damaged.
        """
        if not (path / "experiment.json").exists():
            raise RunDirectoryError(f"{path}: is not a run directory; list the runs with 'geomreg-tui runs'")
        stored = read_json(path / "experiment.json")
        if stored.get("schema") != SCHEMA:
            raise RunDirectoryError(
                f"{path}: has schema {str(stored.get('schema'))[:20]!r}, this version reads {SCHEMA}; "
                "use the version of geomreg-tui that wrote it"
            )
        try:
            experiment = Experiment.parse(stored["experiment"])
            facts = Facts.from_json(read_json(path / "facts.json"))
            environment = read_json(path / "environment.json")
        except (ExperimentError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise RunDirectoryError(f"{path}: the experiment cannot be read ({error})") from error
        if experiment.digest() != stored.get("digest") or facts.experiment != experiment:
            raise RunDirectoryError(f"{path}: the experiment was changed after the run started")
        return cls(path, facts, environment)

    def check_free(self, *, take_over: bool = False) -> None:
        """Check that no engine is at work.

        Raises:
            RunDirectoryError: if one is, and ``take_over`` is not given.
        """
        check_free(self.path / "lease.json", take_over=take_over)

    def lease(self, *, take_over: bool = False) -> Lease:
        """Take the right to write."""
        return Lease(self.path / "lease.json", take_over=take_over)

    def engine(self) -> dict[str, Any] | None:
        """Return host, pid and since of the engine at work, or None."""
        return holder(self.path / "lease.json")

    def plan(self) -> tuple[int, int]:
        """Return (networks asked for, losses to keep)."""
        values = read_json(self.path / "plan.json")
        try:
            return int(values["samples"]), int(values["keep_losses"])
        except (KeyError, TypeError, ValueError) as error:
            raise RunDirectoryError(f"{self.path / 'plan.json'}: is damaged") from error

    def write_plan(self, samples: int, keep_losses: int) -> None:
        """Set how many networks are asked for and how many losses are kept."""
        write_json(self.path / "plan.json", {"samples": samples, "keep_losses": keep_losses})

    def committed(self) -> tuple[Pack, list[PackFile]]:
        """Return the networks of the committed prefix of chunks, and the packs it is made of.

        A damaged pack ends the prefix.
        """
        files: list[PackFile] = []
        packs = [self.empty()]
        waiting = self.packs.scan()
        reached = 0
        while waiting and waiting[0].first == reached:
            file = waiting.pop(0)
            try:
                packs.append(self.packs.read(file))
            except RunDirectoryError:
                if file.path.exists():
                    break
                # The engine merged it into a larger pack meanwhile: begin again with that.
                files, packs, reached, waiting = [], [self.empty()], 0, self.packs.scan()
                continue
            files.append(file)
            reached = file.stop
        tail = self.packs.read_tail(reached)
        return Pack.merge([*packs, *([tail] if tail else [])]), files

    def empty(self) -> Pack:
        """Return the pack of no networks."""
        experiment = self.facts.experiment
        summary = Summary.empty(experiment.bin_bits, self.facts.null_loss, experiment.held_out)
        return Pack(summary, np.empty(0))

    def write_live(self, snapshot: Snapshot) -> None:
        """Publish a snapshot."""
        write_snapshot(self.path / "live.safetensors", snapshot)

    def read_live(self) -> Snapshot | None:
        """Return the newest snapshot, or None before the first."""
        return read_snapshot(self.path / "live.safetensors")

    def write_status(self, status: Status) -> None:
        """Publish state and counts."""
        values = {**status.__dict__, "state": status.state.value}
        write_json(self.path / "status.json", values, durable=False)

    def read_status(self) -> Status:
        """Return state and counts; a run whose engine has died is ``stopped``."""
        try:
            values = read_json(self.path / "status.json")
            status = Status(
                RunState(values["state"]),
                int(values["samples"]),
                int(values["target"]),
                float(values["elapsed_s"]),
            )
        except (RunDirectoryError, KeyError, TypeError, ValueError):
            return Status(RunState.STARTING if self.engine() else RunState.STOPPED, 0, 0)
        if not status.state.over and not self.engine():
            return Status(RunState.STOPPED, status.samples, status.target, status.elapsed_s)
        return status

    def send(self, command: Command) -> None:
        """Leave a command for the engine."""
        write_json(self.path / "control.json", command.__dict__, durable=False)

    def poll(self) -> Command | None:
        """Return the command that came since the last call, if any."""
        stamp = self._command_stamp()
        if stamp == self._command_seen:
            return None
        self._command_seen = stamp
        try:
            values = read_json(self.path / "control.json")
            return Command(str(values["action"]), int(values["samples"]))
        except (RunDirectoryError, KeyError, TypeError, ValueError):
            return None

    def log(self, event: str, **details: Any) -> None:
        """Append an event to the log; failing to is not an error of the run."""
        line = json.dumps({"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "event": event, **details})
        try:
            handle = os.open(
                self.path / "log.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o644
            )
            with open(handle, "ab") as file:
                file.write(plain_text(line).encode() + b"\n")
        except OSError:
            return

    def write_summary(self, document: dict[str, Any]) -> None:
        """Write the result."""
        write_json(self.path / "summary.json", document)

    def write_losses(self, losses: NDArray[np.float64]) -> None:
        """Write the kept losses as ``losses.npy``."""
        buffer = io.BytesIO()
        np.save(buffer, losses, allow_pickle=False)
        write_bytes(self.path / "losses.npy", buffer.getvalue())
        sync_folder(self.path)

    def _command_stamp(self) -> tuple[int, int]:
        try:
            status = os.stat(self.path / "control.json", follow_symlinks=False)
        except OSError:
            return 0, 0
        return status.st_ino, status.st_mtime_ns
