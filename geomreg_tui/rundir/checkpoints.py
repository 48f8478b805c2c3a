"""Checkpoints: where the numbered members of a stage stand, one file each: ``STEM-NN.safetensors``.

A file holds all that its member needs to go on to the same bits. One that does not verify, or is of another
experiment or plan, is set aside, and its member is begun anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.errors import RunDirectoryError
from geomreg_tui.rundir.store import parsing, read_arrays, sweep_temporaries, sync_folder, write_arrays

__all__ = ["CheckpointFolder", "StoredState"]

Arrays = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True)
class StoredState:
    """A member as its checkpoint has it.

    Attributes:
        values, arrays: from which it goes on.
        header: what else is known of it, by name.
    """

    values: Mapping[str, Any]
    arrays: Arrays
    header: Mapping[str, Any]


class CheckpointFolder:
    """A folder of checkpoints.

    Args:
        path: the folder.
        stem: of file names.
        digits: of the number in a name, at least.
    """

    def __init__(self, path: Path, stem: str, digits: int) -> None:
        self.path = path
        self._stem, self._digits = stem, digits

    def make(self) -> None:
        """Make the folder.

        Raises:
            RunDirectoryError: if it cannot be made.
        """
        try:
            self.path.mkdir(exist_ok=True)
        except OSError as error:
            raise RunDirectoryError(f"{self.path}: cannot be created ({error.strerror})") from error

    def file(self, index: int) -> Path:
        """Return the path of a member's file."""
        return self.path / f"{self._stem}-{index:0{self._digits}d}.safetensors"

    def check(self) -> None:
        """Check that the folder is one of the run's own.

        Raises:
            RunDirectoryError: if it is a link.
        """
        if self.path.is_symlink():
            raise RunDirectoryError(f"{self.path}: is a link, which is never followed")

    def read(self, index: int, of: str) -> StoredState | None:
        """Return where a member stands; None where it has not begun.

        Args:
            index: number of the member.
            of: digest of what it must be of.

        Raises:
            RunDirectoryError: if the file is damaged, or of something else.
        """
        path = self.file(index)
        if not os.path.lexists(path):
            return None
        self.check()
        header, arrays = read_arrays(path)
        with parsing(path):
            if header["of"] != of:
                raise ValueError(f"it is of another experiment, plan or {self._stem}")
            return StoredState(json.loads(header["values"]), arrays, header)

    def write(
        self, index: int, of: str, values: Mapping[str, Any], arrays: Arrays, **header: float | str
    ) -> None:
        """Keep where a member stands, in place of where it stood.

        Raises:
            RunDirectoryError: if it cannot be written.
        """
        # Values are kept as text: among them may be NaN.
        write_arrays(self.file(index), {"of": of, "values": json.dumps(values), **header}, arrays)

    def set_aside(self, index: int) -> Path:
        """Rename the damaged file of a member, and return its new path.

        Raises:
            RunDirectoryError: if it cannot be renamed.
        """
        path = self.file(index)
        aside = path.with_name(path.name + ".damaged")
        try:
            os.replace(path, aside)
            sync_folder(self.path)
        except OSError as error:
            raise RunDirectoryError(f"{path}: cannot be set aside ({error.strerror})") from error
        return aside

    def tidy(self) -> None:
        """Delete what writers that were killed left half-written."""
        if not self.path.is_symlink():
            sweep_temporaries(self.path)
