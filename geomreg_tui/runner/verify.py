"""Checking a run on disk: every checksum, every gap. Nothing is written and nothing is drawn again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geomreg_tui.datasets import read_packed
from geomreg_tui.errors import DataError, RunDirectoryError
from geomreg_tui.rundir import RunDirectory
from geomreg_tui.rundir.log import read_events
from geomreg_tui.rundir.store import parsing, read_json
from geomreg_tui.runner import registry
from geomreg_tui.runner.snapshot import read_live
from geomreg_tui.sampling.plan import NAME as SAMPLING
from geomreg_tui.summary import Summary

__all__ = ["Verification", "verify_run"]


@dataclass(frozen=True)
class Verification:
    """The findings of a check of a run.

    Attributes:
        samples: networks of the committed prefix, the last incomplete chunk included.
        files: files of stages that verify.
        problems: in words, what is wrong; empty when all is well.
        notes: in words, what is not wrong but worth knowing.
    """

    samples: int
    files: int
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()


def verify_run(path: Path) -> Verification:
    """Read all files of a run, and compare checksums.

    Raises:
        RunDirectoryError: if it cannot be opened as a run at all.
    """
    run = RunDirectory.open(path)
    problems: list[str] = []
    notes: list[str] = []
    files = 0
    results: dict[str, Any] = {}
    for kind in registry.STAGES:
        found = kind.verify(run)
        results[kind.name] = found.result
        problems += found.problems
        notes += found.notes
        files += found.files
    if run.mixed:
        notes.append("mixed: parts were drawn in different environments")
    summary: Summary = results[SAMPLING]
    problems += _data_problems(run)
    try:
        read_live(run)
        _, broken = read_events(path / "log.jsonl")
        if broken:
            notes.append(f"log.jsonl: {broken} line(s) cannot be read")
        if run.read_status().state.over and (path / "summary.json").exists():
            stored = read_json(path / "summary.json")
            with parsing(path / "summary.json"):
                if str(stored["histogram_digest"]) != summary.histogram.digest():
                    problems.append("summary.json is not of the networks that are kept")
    except RunDirectoryError as error:
        problems.append(str(error))
    return Verification(summary.samples, files, tuple(problems), tuple(notes))


def _data_problems(run: RunDirectory) -> list[str]:
    """Return what is wrong with the arrays that a run was given for data."""
    path = run.arrays_file()
    if path is None:
        return []
    try:
        read_packed(run.arrays, path.stem)
    except DataError as error:
        return [str(error)]
    return []
