"""Distributions kept for comparison: up to six, each with a place of its own, which decides its mark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from geomreg_tui.experiment import Experiment
from geomreg_tui.splitting.joined import DeepTail
from geomreg_tui.statistics import LandmarkDominance, LossDistribution, VolumeCurve
from geomreg_tui.statistics.heldout import HeldOutBins

__all__ = ["MARKS", "MOST", "PIN_ROLES", "Pin", "Pins"]

# What a pin is drawn with, by its place: marks differ in ASCII too.
MARKS = "•×▲◆+▼"
PIN_ROLES = ("pinned", "pin2", "pin3", "pin4", "pin5", "pin6")
MOST = len(MARKS)


@dataclass(frozen=True)
class Pin:
    """A distribution kept for comparison.

    Attributes:
        experiment: what it was drawn from.
        distribution, landmark, volume: what is compared.
        tail: its deep tail; None without.
        path: its run directory; None where it is of a preview, which is kept nowhere.
        held_out: its held-out performance by training loss; None where nothing is held out.
    """

    experiment: Experiment
    distribution: LossDistribution
    landmark: LandmarkDominance
    volume: VolumeCurve
    tail: DeepTail | None = None
    path: Path | None = None
    held_out: HeldOutBins | None = None


@dataclass(frozen=True)
class Pins:
    """The pins, by place; None where a place is free. A pin keeps its place when others go."""

    places: tuple[Pin | None, ...] = (None,) * MOST

    def __iter__(self) -> Iterator[tuple[int, Pin]]:
        """Yield the place of each pin, and the pin."""
        return ((place, pin) for place, pin in enumerate(self.places) if pin is not None)

    def __len__(self) -> int:
        """Return how many there are."""
        return sum(pin is not None for pin in self.places)

    @property
    def full(self) -> bool:
        """Whether there is no place left."""
        return len(self) == MOST

    def place_of(self, experiment: Experiment) -> int | None:
        """Return the place of the pin of an experiment; None without one."""
        return next((place for place, pin in self if pin.experiment == experiment), None)

    def with_pin(self, pin: Pin) -> Pins:
        """Return these and another, in place of the one of the same experiment, or in the first free place.

        Raises:
            ValueError: if there is no place left.
        """
        place = self.place_of(pin.experiment)
        if place is None:
            if self.full:
                raise ValueError(f"{MOST} are pinned already")
            place = self.places.index(None)
        return Pins((*self.places[:place], pin, *self.places[place + 1 :]))

    def placed(self, place: int, pin: Pin) -> Pins:
        """Return these and another at a place, where that is free and its experiment has none."""
        if self.places[place] is not None or self.place_of(pin.experiment) is not None:
            return self
        return Pins((*self.places[:place], pin, *self.places[place + 1 :]))

    @property
    def paths(self) -> tuple[Path | None, ...]:
        """The run directories, by place."""
        return tuple(None if pin is None else pin.path for pin in self.places)

    def without(self, place: int) -> Pins:
        """Return these but for the one at a place."""
        return Pins((*self.places[:place], None, *self.places[place + 1 :]))
