"""The messages by which an engine process is started and asked: JSON, one object a line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from geomreg_tui import errors
from geomreg_tui.errors import ExperimentError, GeomregError, Problem, SamplingError
from geomreg_tui.experiment import Experiment

__all__ = ["PreviewRequest", "RunRequest", "error_line", "raise_error"]


@dataclass(frozen=True)
class RunRequest:
    """The request that starts an engine on a run.

    Attributes:
        directory: the run directory, to be made (with ``experiment``) or gone on with (without); empty for
            a new one in the catalogue.
        plans: what each stage is asked for, by its name; where a run is gone on with, what of its plans is
            to change.
        experiment: keys and values of a new run's experiment.
        workers: worker processes; 0 for as many as there are cores.
        device: which devices are meant: ``auto``, ``cpu``, ``cuda``, ``cuda:i``, or several GPUs.
        module: module factory named by the person (never by a file).
        take_over: whether to take the lease from another engine.
        allow_mixed: whether to go on in another environment than the run was drawn in.
        patience: seconds for which the run directory may be unwritable before the run fails.
        more: whether another request follows when this run is over.
        check: only make sure that the experiment can be run; nothing is written.
        arrays: folder with the arrays that the experiment was given for data; empty for none, and where a run
            is gone on with, which has them in its directory.
        cluster: the cluster whose workers do the work (:class:`~geomreg_tui.place.Cluster`); None for
            this machine.
        labels: what a new run is called, as :func:`~geomreg_tui.rundir.parse_labels` takes it.
    """

    directory: str
    plans: Mapping[str, Mapping[str, Any]]
    experiment: Mapping[str, Any] | None = None
    workers: int = 0
    device: str = "auto"
    module: str | None = None
    take_over: bool = False
    allow_mixed: bool = False
    patience: float = 60.0
    more: bool = False
    check: bool = False
    arrays: str = ""
    cluster: Mapping[str, Any] | None = None
    labels: Mapping[str, Any] | None = None

    def to_line(self) -> str:
        """Return the request as a line."""
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def from_line(cls, line: str) -> RunRequest:
        """Restore a request."""
        return cls(**json.loads(line))


@dataclass(frozen=True)
class PreviewRequest:
    """A request for a preview: ``samples`` networks of an experiment; 0 means stop."""

    number: int
    samples: int
    experiment: Mapping[str, Any]
    device: str = "auto"
    module: str | None = None

    def to_line(self) -> str:
        """Return the request as a line."""
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def from_line(cls, line: str) -> PreviewRequest:
        """Restore a request."""
        return cls(**json.loads(line))

    def parse(self) -> Experiment:
        """Return the experiment asked for."""
        return Experiment.parse(self.experiment)


def error_line(error: GeomregError) -> str:
    """Return an error as a line that :func:`raise_error` turns into the same error."""
    problems = [asdict(problem) for problem in error.problems] if isinstance(error, ExperimentError) else None
    return json.dumps({"error": type(error).__name__, "message": str(error), "problems": problems}) + "\n"


def raise_error(answer: Mapping[str, Any]) -> None:
    """Raise the error that an answer holds, if it holds one."""
    if "error" not in answer:
        return
    if answer["problems"] is not None:
        raise ExperimentError(Problem(**problem) for problem in answer["problems"])
    kind = getattr(errors, str(answer["error"]), SamplingError)
    raise kind(str(answer["message"]))
