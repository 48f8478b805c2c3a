"""The user's own data: paths completed, folders listed, and what comes of a file before anything is drawn."""

from __future__ import annotations

import asyncio
import itertools
import math
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from textual.suggester import Suggester

from geomreg_tui.datasets import load
from geomreg_tui.datasets.files import SUFFIXES
from geomreg_tui.errors import plain_text
from geomreg_tui.experiment import Experiment
from geomreg_tui.formatting import number_text
from geomreg_tui.losses import TargetNumbers
from geomreg_tui.losses.constant import loss_of_zeros

__all__ = ["WHOLE", "Entry", "PathSuggester", "completed", "list_folder", "outcome_text"]

WHOLE = 2**25  # bytes up to which a file is read in full to say what comes of it
_MOST = 10_000  # entries of a folder that are looked at
_NAMED = 6  # classes that are named


@dataclass(frozen=True)
class Entry:
    """What a folder holds that may be, or lead to, data.

    Attributes:
        name: as it is in the folder; ``..`` for the folder above.
        folder: whether it is one.
        size: bytes of a file.
    """

    name: str
    folder: bool
    size: int = 0


def list_folder(folder: Path) -> list[Entry]:
    """Return the folder above, then the folders in one, then its data files, by name; none that is hidden.

    Raises:
        OSError: if it cannot be read.
    """
    found = [] if folder.parent == folder else [Entry("..", True)]
    with os.scandir(folder) as entries:
        listed = [entry for entry in itertools.islice(entries, _MOST) if not entry.name.startswith(".")]
    folders = [Entry(entry.name, True) for entry in listed if _is_folder(entry)]
    files = [Entry(entry.name, False, _size(entry)) for entry in listed if _is_data(entry)]
    return [*found, *sorted(folders, key=_order), *sorted(files, key=_order)]


def _order(entry: Entry) -> tuple[str, str]:
    return entry.name.casefold(), entry.name


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_data(entry: os.DirEntry[str]) -> bool:
    """Return whether something is called like a data file; one that is none is refused when it is chosen."""
    return os.path.splitext(entry.name)[1].lower() in SUFFIXES and not _is_folder(entry)


def _size(entry: os.DirEntry[str]) -> int:
    try:
        status = entry.stat()
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def completed(text: str) -> str | None:
    """Return a path that begins as a text does; None without one.

    It is that of a folder, with a slash at its end, or of a data file. The first by name is taken; hidden
    ones are left out, unless the text begins one.
    """
    folder, _, begun = text.rpartition("/")
    above = os.path.expanduser(f"{folder}/" if folder or text.startswith("/") else ".")
    best = None
    try:
        with os.scandir(above) as entries:
            for entry in itertools.islice(entries, _MOST):
                name = entry.name
                if not name.startswith(begun) or (name.startswith(".") and not begun.startswith(".")):
                    continue
                ends = "/" if _is_folder(entry) else "" if _is_data(entry) else None
                if ends is not None and (best is None or name + ends < best):
                    best = name + ends
    except (OSError, ValueError):
        return None
    found = None if best is None or plain_text(best) != best else text[: len(text) - len(begun)] + best
    return None if found == text else found


class PathSuggester(Suggester):
    """Suggests how a path goes on."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """Return the whole path, from a thread: a folder may be far away."""
        return await asyncio.to_thread(completed, value) if value else None


def outcome_text(experiment: Experiment, total: int | None) -> str:
    """Return what comes of the data of an experiment: examples, inputs, classes and the null loss.

    Args:
        experiment: whose data is read in full.
        total: examples that there are; None where that is not known.

    Raises:
        DataError, ExperimentError: if it cannot be used so; one line that says what to try.
    """
    dataset = load(experiment)
    numbers = TargetNumbers.build(dataset, experiment.loss, experiment.outputs, experiment.dtype)
    null = loss_of_zeros(experiment.loss, numbers.training, numbers.bounds[:, : dataset.examples])
    inputs = math.prod(dataset.x.shape[1:])
    of = "" if total is None else f" of {total:,}"
    parts = [f"N = {dataset.examples:,}{of}", f"{inputs:,} input{'s' * (inputs != 1)}"]
    if experiment.held_out:
        parts.insert(1, f"{experiment.held_out:,} held out")
    if dataset.label_names is None:
        parts.append("real targets")
    else:
        named = ", ".join(dataset.label_names[:_NAMED]) + (", …" if len(dataset.label_names) > _NAMED else "")
        parts.append(f"{len(dataset.label_names)} classes: {named}")
    return plain_text(" · ".join([*parts, f"L0 = {number_text(null)} ({experiment.loss})"]))
