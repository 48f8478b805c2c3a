"""What threads tell the explorer when they have done something, and what it tells the application."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from textual.binding import BindingType

    from geomreg_tui.experiment import Experiment
    from geomreg_tui.tui.analyst import Answer
    from geomreg_tui.tui.field_facts import FieldFacts
    from geomreg_tui.tui.pins import Pin
    from geomreg_tui.tui.session import ActiveRun
    from geomreg_tui.tui.source import Run

__all__ = ["Answered", "Begun", "HelpAsked", "Loaded", "Opened", "PinsLoaded"]


@dataclass
class HelpAsked(Message):
    """Help is asked for.

    Attributes:
        bindings: those of the screen that asks.
        about: what is known of the field with the focus; None without one.
    """

    bindings: Iterable[BindingType]
    about: FieldFacts | None = None


class Opened(Message):
    """The explorer is on the screen, and takes keys."""


@dataclass
class Answered(Message):
    """The analyst has something to say."""

    answer: Answer


@dataclass
class Begun(Message):
    """A full run has begun, or could not."""

    run: Run | None
    experiment: Experiment
    target: int
    problem: str = ""


@dataclass
class Loaded(Message):
    """A run chosen from the list has been read, to be shown or compared with, or could not be."""

    wanted: int
    what: ActiveRun | Pin | None
    problem: str = ""


@dataclass
class PinsLoaded(Message):
    """What was pinned in the last session has been read, as far as it is there."""

    pins: list[tuple[int, Pin]]
    problem: str
