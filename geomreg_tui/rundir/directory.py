"""One run on disk.

=====================  =====================================================================
``experiment.json``    the resolved experiment and its digest, and what was asked for; written once
``facts.safetensors``  what the experiment comes to; written once
``environment.json``   versions and device that the bits depend on; more than one if mixed
``data/``              the arrays that it was given for data, if any (:mod:`geomreg_tui.datasets.given`)
``live.safetensors``   the newest snapshot, replaced several times a second
``status.json``        state and counts, small, replaced at every commit
``control/``           commands of viewers to the engine (see :mod:`geomreg_tui.rundir.control`)
``lease.json``         who is writing (see :mod:`geomreg_tui.rundir.lease`)
``log.jsonl``          what happened, one event a line
``engine.log``         what native code of the engine wrote to stderr
``summary.json``       the result
``labels.json``        what people call it (see :mod:`geomreg_tui.rundir.labels`)
=====================  =====================================================================

Its stages keep files of their own there: a :class:`Layout` names them, and nothing here looks into them.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from geomreg_tui.datasets import ARRAYS, ARRAYS_FILE, arrays_path, read_packed
from geomreg_tui.errors import DataError, RunDirectoryError, plain_text, shortened
from geomreg_tui.experiment import Experiment
from geomreg_tui.rundir.control import Command, Control
from geomreg_tui.rundir.labels import LABELS, Labels, write_labels
from geomreg_tui.rundir.lease import Holder, Lease, check_free, holder
from geomreg_tui.rundir.log import append_event
from geomreg_tui.rundir.snapshot import StoredSnapshot, read_snapshot, write_snapshot
from geomreg_tui.rundir.status import Status, read_status, write_status
from geomreg_tui.rundir.store import (
    discard,
    is_temporary,
    parsing,
    read_arrays,
    read_json,
    sweep_temporaries,
    write_arrays,
    write_bytes,
    write_json,
)
from geomreg_tui.summary import Facts

__all__ = ["Layout", "NameTakenError", "RunDirectory", "StagePlan", "differences"]

SCHEMA = 1
_BEGUN = ("facts.safetensors", "environment.json", LABELS)


@dataclass(frozen=True)
class Layout:
    """The files that stages keep in a run directory.

    Attributes:
        begun: files that are there before there is a run, such as plans; relative to the run directory.
        owned: names of all files, by folder; the folder of the run itself is ``.``.
    """

    begun: tuple[str, ...] = ()
    owned: Mapping[str, re.Pattern[str]] = field(default_factory=dict)

    def joined(self, other: Layout) -> Layout:
        """Return the files of two stages."""
        owned = dict(self.owned)
        for folder, names in other.owned.items():
            both = f"{owned[folder].pattern}|{names.pattern}" if folder in owned else names.pattern
            owned[folder] = re.compile(both)
        return Layout((*self.begun, *other.begun), owned)


class StagePlan(Protocol):
    """The plan of a stage, as a run directory keeps it."""

    def write(self, folder: Path) -> None:
        """Write it into the directory of a run that is being made.

        Raises:
            RunDirectoryError: if that cannot be done.
        """


class NameTakenError(RunDirectoryError):
    """Another run has taken the name of a new run meanwhile."""


class RunDirectory:
    """A run on disk; open one with :meth:`open` or :meth:`begin`.

    Attributes:
        path: the directory.
        facts: what the experiment comes to.
        asked: the experiment as the person gave it.
        started_in: the working directory that relative paths in it are meant from.
        environments: versions and device that the bits depend on, with the first chunk drawn there.
        control: the channel from viewers to the engine.
        arrays: the folder for arrays that the run was given for data.

    Example:
        >>> run = geomreg.RunDirectory.open(geomreg.load("latest").path)
        >>> run.read_status().state.value
        'done'
        >>> run.facts.describe() == geomreg.load("latest").facts.describe()
        True
    """

    def __init__(
        self,
        path: Path,
        facts: Facts,
        environments: tuple[Mapping[str, Any], ...],
        asked: Experiment,
        started_in: str,
    ) -> None:
        self.path = path
        self.facts = facts
        self.environments = environments
        self.asked = asked
        self.started_in = started_in
        self.control = Control(path / "control")
        self.arrays = path / "data"

    @classmethod
    def begin(
        cls,
        path: Path,
        facts: Facts,
        environment: Mapping[str, Any],
        plans: Sequence[StagePlan],
        asked: Experiment | None = None,
        *,
        layout: Layout = Layout(),
        exclusive: bool = False,
        arrays: Path | None = None,
        signalled: bool = True,
        labels: Labels | None = None,
    ) -> tuple[RunDirectory, Lease]:
        """Make a run directory and take the lease; if that fails nothing is left of it.

        Args:
            path: where; nothing, or an empty folder.
            facts: what the experiment comes to.
            environment: versions and device that the bits depend on.
            plans: what each of its stages is asked for.
            asked: the experiment as the person gave it.
            layout: what stages may have left of a run that was never begun.
            exclusive: whether even an empty folder that is there is another's.
            arrays: folder with the arrays that the experiment was given for data, which are copied.
            signalled: whether others may signal this process (see :class:`Lease`).
            labels: what it is called; None for nothing.

        Raises:
            DataError: if those arrays are missing or damaged.
            RunDirectoryError: if the directory exists and is not empty, another engine makes a run there at
                the same time, or it cannot be written; a NameTakenError where that is why and ``exclusive``.
        """
        if exclusive and os.path.lexists(path):
            raise NameTakenError(f"{path}: is another engine's")
        cls.check_new(path, layout)
        run = cls(path, facts, ({**environment, "from_chunk": 0},), asked or facts.experiment, os.getcwd())
        made = _make_folder(path)
        if exclusive and not made:
            raise NameTakenError(f"{path}: is another engine's")
        lease: Lease | None = None
        try:
            # The lease comes first: of two engines one makes the run, and viewers see that it is being made.
            lease = run.lease(signalled=signalled)
            run._write_all(plans, layout, arrays, labels)
        except (DataError, RunDirectoryError):
            if lease is not None:
                if made:
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    lease.release()
            elif made:
                with contextlib.suppress(OSError):
                    path.rmdir()  # not if another engine is making a run there
            raise
        return run, lease

    @staticmethod
    def check_new(path: Path, layout: Layout = Layout()) -> None:
        """Check that a run directory can be made at ``path``.

        Args:
            path: where.
            layout: what stages may have left of a run that was never begun.

        Raises:
            RunDirectoryError: if something is there.
        """
        try:
            if path.is_symlink() and not path.exists():
                raise RunDirectoryError(f"{path}: is a link that leads nowhere; choose another --out")
            taken = path.exists() and (not path.is_dir() or _holds_anything(path, layout))
        except OSError as error:
            raise RunDirectoryError(f"{path}: cannot be read ({error.strerror})") from error
        if taken:
            raise RunDirectoryError(f"{path}: exists and is not an empty folder; choose another --out")

    @classmethod
    def open(cls, path: Path) -> RunDirectory:
        """Open a run directory for reading or for going on; nothing is written.

        Raises:
            RunDirectoryError: if it is not one, is of a newer version, or its experiment is damaged.
        """
        stored_at = path / "experiment.json"
        if not stored_at.exists():
            raise RunDirectoryError(f"{path}: is not a run directory; list the runs with 'geomreg-tui runs'")
        stored = read_json(stored_at)
        if stored.get("schema") != SCHEMA:
            raise RunDirectoryError(
                f"{path}: has schema {str(stored.get('schema'))[:20]!r}, this version reads {SCHEMA}; "
                "use the version of geomreg-tui that wrote it"
            )
        with parsing(stored_at):
            experiment = Experiment.from_stored(stored["experiment"])
            asked = Experiment.from_stored(stored["asked"])
            started_in, digest = plain_text(str(stored["started_in"])), stored["digest"]
        with parsing(path / "facts.safetensors"):
            facts = Facts.from_parts(*read_arrays(path / "facts.safetensors"))
        with parsing(path / "environment.json"):
            environments = tuple(dict(e) for e in read_json(path / "environment.json")["environments"])
            if not environments or any(not 0 <= int(e["from_chunk"]) < 10**15 for e in environments):
                raise ValueError("no environments")
        if experiment.digest() != digest or facts.experiment != experiment:
            changed = "; ".join(differences(facts.experiment, experiment)) or "its digest"
            raise RunDirectoryError(f"{path}: the experiment was changed after the run started ({changed})")
        return cls(path, facts, environments, asked, started_in)

    @property
    def mixed(self) -> bool:
        """Whether parts of the run were drawn in different environments."""
        return len(self.environments) > 1

    def add_environment(self, environment: Mapping[str, Any], from_chunk: int) -> None:
        """Record that chunks from ``from_chunk`` on are drawn in another environment."""
        self.environments = (*self.environments, {**environment, "from_chunk": from_chunk})
        self._write_environments()

    def check_free(self, *, take_over: bool = False) -> None:
        """Check that no engine is at work.

        Raises:
            RunDirectoryError: if one is, and ``take_over`` is not given.
        """
        check_free(self.path / "lease.json", take_over=take_over)

    def lease(self, *, take_over: bool = False, signalled: bool = True) -> Lease:
        """Take the right to write.

        Raises:
            RunDirectoryError: if another engine has it, or the directory cannot be written.
        """
        return Lease(self.path / "lease.json", take_over=take_over, signalled=signalled)

    def engine(self) -> Holder | None:
        """Return the engine at work, or None."""
        return holder(self.path / "lease.json")

    def arrays_file(self) -> Path | None:
        """Return the file with the arrays that the run was given for data; None for other data."""
        experiment = self.facts.experiment
        if experiment.data != ARRAYS or experiment.data_sha256 is None:
            return None
        return arrays_path(self.arrays, experiment.data_sha256)

    def write_live(self, snapshot: StoredSnapshot) -> None:
        """Publish a snapshot."""
        write_snapshot(self.path / "live.safetensors", snapshot)

    def read_live(self) -> StoredSnapshot | None:
        """Return the newest snapshot, or None before the first."""
        return read_snapshot(self.path / "live.safetensors")

    def live_stamp(self) -> tuple[int, int, int]:
        """Return a number that changes whenever a snapshot is published."""
        try:
            status = os.stat(self.path / "live.safetensors", follow_symlinks=False)
        except OSError:
            return 0, 0, 0
        return status.st_ino, status.st_mtime_ns, status.st_size

    def drop_live(self) -> None:
        """Delete the snapshot, so that a full disk has room for the reason of a failure."""
        discard(self.path / "live.safetensors")

    def write_status(self, status: Status) -> None:
        """Publish state and counts."""
        write_status(self.path, status)

    def read_status(self) -> Status:
        """Return state and counts; a run whose engine has died is ``stopped``."""
        return read_status(self.path)

    def send(self, command: Command) -> None:
        """Leave a command for the engine."""
        self.control.send(command)

    def tidy(self) -> None:
        """Delete half-written files of killed engines, and commands to engines that are gone."""
        sweep_temporaries(self.path)
        sweep_temporaries(self.arrays)
        self.control.clear()

    def log(self, event: str, **details: Any) -> None:
        """Append an event to the log; failing to is not an error of the run."""
        append_event(self.path / "log.jsonl", event, **details)

    def write_summary(self, document: dict[str, Any]) -> None:
        """Write the result."""
        write_json(self.path / "summary.json", document)

    def _write_all(
        self, plans: Sequence[StagePlan], layout: Layout, arrays: Path | None, labels: Labels | None
    ) -> None:
        """Write the files that a run begins with."""
        try:
            if arrays is not None:
                self.arrays.mkdir(exist_ok=True)
            for name in (*_BEGUN, *layout.begun):  # of an engine that was killed before there was a run
                (self.path / name).unlink(missing_ok=True)
        except OSError as error:
            raise RunDirectoryError(f"{self.path}: cannot be created ({error.strerror})") from error
        kept = self.arrays_file()
        if arrays is not None and kept is not None:
            write_bytes(kept, read_packed(arrays, kept.stem))
        write_arrays(self.path / "facts.safetensors", *self.facts.to_parts())
        self._write_environments()
        for plan in plans:
            plan.write(self.path)
        write_labels(self.path, labels or Labels())
        # The experiment comes last: a directory that has it is a run, whole from the start.
        experiment = self.facts.experiment
        write_json(
            self.path / "experiment.json",
            {
                "schema": SCHEMA,
                "digest": experiment.digest(),
                "experiment": experiment.to_json(),
                "asked": self.asked.to_stored(),
                "started_in": self.started_in,
            },
        )

    def _write_environments(self) -> None:
        write_json(self.path / "environment.json", {"environments": list(self.environments)})


def differences(stored: Experiment, given: Experiment, keys: Collection[str] | None = None) -> list[str]:
    """Return in words which keys of two experiments differ; of some keys only, if named."""
    return [
        plain_text(
            f"{key}: {shortened(str(getattr(stored, key)))} was sampled, "
            f"{shortened(str(getattr(given, key)))} is given"
        )
        for key in Experiment.model_fields
        if (keys is None or key in keys) and getattr(stored, key) != getattr(given, key)
    ]


def _make_folder(path: Path) -> bool:
    """Make a folder; return whether it was not there.

    Raises:
        RunDirectoryError: if it cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.mkdir()
        except FileExistsError:
            return False
    except OSError as error:
        raise RunDirectoryError(f"{path}: cannot be created ({error.strerror})") from error
    return True


def _holds_anything(path: Path, layout: Layout) -> bool:
    """Return whether a folder holds more than the files that an engine writes before the run exists."""
    folders = {folder for folder in layout.owned if folder != "."}
    begun = {*_BEGUN, *layout.begun, "lease.json", "data", *folders}
    for folder in folders & _whole_files(path):
        if any(f"{folder}/{name}" not in begun for name in _whole_files(path / folder)):
            return True
    names = _whole_files(path)
    if "data" in names and any(ARRAYS_FILE.fullmatch(name) is None for name in _whole_files(path / "data")):
        return True
    return bool(names - begun)


def _whole_files(folder: Path) -> set[str]:
    """Return the names in a folder, those of half-written files left out."""
    return {entry.name for entry in folder.iterdir() if not is_temporary(entry.name)}
