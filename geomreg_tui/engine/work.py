"""What an engine gives to its workers, and what comes back. Never imports torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

from geomreg_tui.errors import SamplingError
from geomreg_tui.experiment import Experiment
from geomreg_tui.summary import Facts

__all__ = ["Outcome", "Prepared", "Work", "loading", "perform"]

Interrupt = Callable[[], bool]


class Work:
    """The arguments of a function that a worker calls, as a frozen dataclass that can be pickled.

    Attributes:
        function: the function, as ``package.module:name``. A worker imports it when it is first needed, so
            the process that gives the work out need not load torch. It is called with the work, the device
            and ``interrupt`` (see :func:`perform`).
        stage: name of the stage that it is for; empty for making an experiment ready.
        experiment: that it is of.
    """

    function: ClassVar[str]
    stage: ClassVar[str] = ""

    experiment: Experiment


@dataclass(frozen=True)
class Outcome:
    """The outcome of a piece of work: its answer, or None and the reason.

    Attributes:
        work: the work.
        answer: what it gave; None where it failed.
        error: why it failed.
        lasting: whether it would fail in the same way if it were tried again.
        cause: the error itself, where it is kept.
    """

    work: Work
    answer: Any
    error: str = ""
    lasting: bool = False
    cause: Exception | None = None


@dataclass(frozen=True)
class Prepared:
    """An experiment made ready.

    Attributes:
        facts: what it comes to, overlays included.
        devices: where to draw, ``cpu`` or ``cuda:i`` each; the first has prepared it.
        environment: versions and device that the bits depend on.
    """

    facts: Facts
    devices: tuple[str, ...]
    environment: dict[str, str]

    @property
    def place(self) -> str:
        """The device, for people: ``cpu``, or the name of the GPU."""
        return "cpu" if self.devices[0] == "cpu" else self.environment["device_kind"]


def perform(work: Work, device: str, interrupt: Interrupt | None = None) -> Any:
    """Do a piece of work here, and return its answer.

    Args:
        work: what to do.
        device: where.
        interrupt: whether to give up, asked now and then.

    Raises:
        SamplingError: if torch, or what else it needs, cannot be loaded.
        GivenUpError: if ``interrupt`` said so.
    """
    module, _, name = work.function.partition(":")
    with loading():
        function = getattr(import_module(module), name)
    return function(work, device, interrupt)


@contextmanager
def loading() -> Iterator[None]:
    """Say what is missing where modules that do work cannot be imported within the block.

    Raises:
        SamplingError: if torch, or what else they need, cannot be loaded.
    """
    try:
        yield
    except (ImportError, OSError) as error:  # a library that is broken is an OSError
        raise SamplingError(
            f"no networks can be drawn here: {error}; 'geomreg-tui doctor' says what this machine has"
        ) from None
