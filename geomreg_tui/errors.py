"""Everything that can go wrong, and the exit codes.

The exception tree; each message says what was wrong, what was got, and what to try::

    GeomregError                 exit 1
    ├── ExperimentError          exit 2   keys or values of an experiment are wrong (all of them, at once)
    ├── DataError                exit 2   a data set cannot be read or does not fit the experiment
    ├── CapacityError            exit 2   the experiment cannot fit in memory; says what it would need
    ├── ClusterError             exit 1   a cluster cannot be reached, or its workers cannot be used together
    ├── RunDirectoryError        exit 1   a run directory is missing, damaged, foreign or in use
    │   └── TakenOverError       exit 1   another engine has taken the run directory over
    └── SamplingError            exit 3   a run that had started could not go on
        └── ModuleError          exit 3   a person's own module failed; it would again
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

__all__ = [
    "CapacityError",
    "ClusterError",
    "DataError",
    "ExitCode",
    "ExperimentError",
    "GeomregError",
    "GivenUpError",
    "ModuleError",
    "Problem",
    "RunDirectoryError",
    "SamplingError",
    "TakenOverError",
    "nearest_name",
    "one_line",
    "plain_text",
    "shortened",
]


class ExitCode(IntEnum):
    """The exit codes of every command."""

    OK = 0
    ERROR = 1
    USAGE = 2
    RUN_FAILED = 3
    OUTPUT_FAILED = 4
    HANG_UP = 129
    INTERRUPTED = 130
    READER_GONE = 141


class GeomregError(Exception):
    """Base of all errors that a user can cause or must be told of.

    Example:
        >>> try:
        ...     geomreg.load("no run of that name")
        ... except geomreg.GeomregError as error:
        ...     print(type(error).__name__)
        RunDirectoryError
    """

    exit_code: ExitCode = ExitCode.ERROR


@dataclass(frozen=True)
class Problem:
    """One thing wrong with an experiment.

    Attributes:
        key: the experiment key at fault, as spelled in TOML.
        got: what was given, shortened.
        allowed: what would have been accepted.
        nearest: the closest valid name, when one is close.
    """

    key: str
    got: str
    allowed: str
    nearest: str | None = None

    def __str__(self) -> str:
        hint = f" Did you mean {self.nearest!r}?" if self.nearest else ""
        return plain_text(f"{self.key}: got {self.got}; {self.allowed}.{hint}")


class ExperimentError(GeomregError):
    """Some keys of an experiment are wrong; ``problems`` holds every one of them.

    Example:
        >>> try:
        ...     geomreg.Experiment.parse({"widht": 64, "depth": -1})
        ... except geomreg.ExperimentError as error:
        ...     print(sorted(problem.key for problem in error.problems))
        ['depth', 'widht']
    """

    exit_code = ExitCode.USAGE

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type[ExperimentError], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)


class DataError(GeomregError):
    """A data set cannot be read, or does not fit the experiment."""

    exit_code = ExitCode.USAGE


class CapacityError(GeomregError):
    """The experiment needs more memory than there is."""

    exit_code = ExitCode.USAGE


class ClusterError(GeomregError):
    """A cluster cannot be reached, or its workers cannot be used together."""


class RunDirectoryError(GeomregError):
    """A run directory is missing, damaged, of another version, or in use."""


class TakenOverError(RunDirectoryError):
    """Another engine has taken the run directory over, as a person told it to."""


class SamplingError(GeomregError):
    """A run that had started could not go on."""

    exit_code = ExitCode.RUN_FAILED


class GivenUpError(SamplingError):
    """A chunk that nobody waits for any more was left off."""


class ModuleError(SamplingError):
    """A person's own module failed on the networks of a run; it would fail again on the same ones."""


def nearest_name(name: str, names: Iterable[str]) -> str | None:
    """Return the entry of ``names`` closest in spelling to ``name``, or None when none is close.

    Of names that ``name`` begins, the shortest is taken.
    """
    listed, wanted = list(names), name.lower()
    matches = difflib.get_close_matches(wanted, listed, n=1, cutoff=0.6)
    if matches:
        return matches[0]
    begun = [entry for entry in listed if wanted and entry.startswith(wanted)]
    return min(begun, key=len, default=None)


def shortened(text: str, most: int = 60) -> str:
    """Return a text for an error message: what is longer than ``most`` characters ends in three dots."""
    return text if len(text) <= most else text[: most - 3] + "..."


# Control, formatting (bidirectional and zero-width too) and surrogate characters, line and paragraph ends.
_STEERING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def plain_text(text: str) -> str:
    """Return ``text`` without the characters by which a name could steer a terminal; newlines stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c for c in text if c == "\n" or unicodedata.category(c) not in _STEERING)


def one_line(text: object) -> str:
    """Return the text of anything on one line, without what could steer a terminal."""
    return plain_text(str(text)).replace("\n", " ")
