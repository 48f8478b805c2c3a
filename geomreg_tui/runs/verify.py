"""Checking a run on disk: every checksum, every gap. Nothing is written and nothing is drawn again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from geomreg_tui.datasets import read_packed
from geomreg_tui.errors import DataError, RunDirectoryError
from geomreg_tui.runs.directory import RunDirectory
from geomreg_tui.runs.log import read_events
from geomreg_tui.runs.store import parsing, read_json

__all__ = ["Verification", "verify_run"]

_GAP_SHOWN = 1000  # chunks of a gap that are looked at one by one


@dataclass(frozen=True)
class Verification:
    """The findings of a check of a run.

    Attributes:
        samples: networks of the committed prefix, the last incomplete chunk included.
        files: packs that verify.
        problems: in words, what is wrong; empty when all is well.
        notes: in words, what is not wrong but worth knowing.
    """

    samples: int
    files: int
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()


def verify_run(path: Path) -> Verification:
    """Read everything that a run keeps, and compare checksums.

    Raises:
        RunDirectoryError: if it cannot be opened as a run at all.
    """
    run = RunDirectory.open(path)
    status = run.read_status()
    problems, notes = [], []
    files, reached = 0, 0
    given_up = set(status.given_up)
    for file, pack in run.packs.read_all():
        if isinstance(pack, RunDirectoryError):
            problems.append(f"chunks {file.first:,} to {file.stop - 1:,}: {pack}")
            continue
        gap = range(reached, min(file.first, reached + _GAP_SHOWN))
        if missing := [chunk for chunk in gap if chunk not in given_up]:
            notes.append(f"chunks {missing[0]:,} to {file.first - 1:,} are missing; resuming draws them")
        files, reached = files + 1, file.stop
    if given_up:
        notes.append(f"chunks that could not be drawn: {', '.join(map(str, sorted(given_up)))}")
    if run.mixed:
        notes.append("mixed: parts were drawn in different environments")
    committed = run.committed()[0].summary
    problems += [*_tail_problems(run), *_data_problems(run)]
    try:
        run.plan()
        run.read_live()
        _, broken = read_events(path / "log.jsonl")
        if broken:
            notes.append(f"log.jsonl: {broken} line(s) cannot be read")
        if status.state.over and (path / "summary.json").exists():
            stored = read_json(path / "summary.json")
            with parsing(path / "summary.json"):
                if str(stored["histogram_digest"]) != committed.histogram.digest():
                    problems.append("summary.json is not of the networks that are kept")
    except RunDirectoryError as error:
        problems.append(str(error))
    return Verification(committed.samples, files, tuple(problems), tuple(notes))


def _data_problems(run: RunDirectory) -> list[str]:
    path = run.arrays_file()
    if path is None:
        return []
    try:
        read_packed(run.arrays, path.stem)
    except DataError as error:
        return [str(error)]
    return []


def _tail_problems(run: RunDirectory) -> list[str]:
    problems = []
    try:
        tail = run.tail.planned()
    except RunDirectoryError as error:
        return [str(error)]
    if tail is None:
        return []
    for index in range(tail.plan.repeats):
        try:
            run.tail.checkpoint(index, tail.in_use)
        except RunDirectoryError as error:
            problems.append(f"population {index}: {error}")
    return problems
