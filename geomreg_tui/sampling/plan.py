"""The plan of plain sampling: a number of networks.

Nothing here imports numpy before a plan is read or written: what asks for an engine does that meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geomreg_tui.errors import RunDirectoryError
from geomreg_tui.experiment import Experiment

if TYPE_CHECKING:
    from geomreg_tui.rundir import RunDirectory

__all__ = ["NAME", "SamplingPlan", "chunk_size", "read_plan"]

NAME = "sampling"
_MOST = 10**15


@dataclass(frozen=True)
class SamplingPlan:
    """How many networks are asked for.

    Attributes:
        samples: networks.
        keep_losses: how many of the first losses are kept.
    """

    samples: int
    keep_losses: int = 0

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> SamplingPlan:
        """Restore a plan.

        Raises:
            LookupError, TypeError, ValueError: if it is not one.
        """
        plan = cls(int(values["samples"]), int(values["keep_losses"]))
        if not (1 <= plan.samples <= _MOST and 0 <= plan.keep_losses <= _MOST):
            raise ValueError("impossible counts")
        return plan

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {"samples": self.samples, "keep_losses": self.keep_losses}

    def write(self, folder: Path) -> None:
        """Write the plan into a run directory, with the folder that chunks go to.

        Raises:
            RunDirectoryError: if that cannot be done.
        """
        from geomreg_tui.rundir.store import write_json

        try:
            (folder / "chunks").mkdir(exist_ok=True)
        except OSError as error:
            raise RunDirectoryError(f"{folder}: cannot be created ({error.strerror})") from error
        write_json(folder / "plan.json", self.to_json())


def read_plan(run: RunDirectory) -> SamplingPlan:
    """Return the sampling plan of a run.

    Raises:
        RunDirectoryError: if its plan cannot be read or is damaged.
    """
    from geomreg_tui.rundir.store import parsing, read_json

    path = run.path / "plan.json"
    values = read_json(path)
    with parsing(path):
        return SamplingPlan.from_json(values)


def chunk_size(experiment: Experiment) -> int:
    """Return the networks in a whole chunk of a resolved experiment."""
    return int(experiment.chunk_size or 1)
