"""What the networks that were observed showed, as aggregates that merge exactly. No torch here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geomreg_tui.gradients.walk_sums import WalkSums
from geomreg_tui.summary import LossJoint, Moments, SignedHistogram

__all__ = ["Observations", "ObservedValues"]

Arrays = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True)
class ObservedValues:
    """One observable of all networks. Merging is exact, in any order.

    Attributes:
        histogram: counts of its values.
        moments: extremes and power sums of the finite ones, about 0.
        joint: counts with the loss.
    """

    histogram: SignedHistogram
    moments: Moments
    joint: LossJoint

    @classmethod
    def empty(cls, bits: int) -> ObservedValues:
        """Return those of no networks."""
        return cls(SignedHistogram.empty(bits), Moments(0.0), LossJoint.empty())

    @classmethod
    def from_values(
        cls, losses: ArrayLike, values: ArrayLike, bits: int, undefined: ArrayLike | None = None
    ) -> ObservedValues:
        """Aggregate the networks of a chunk, in the order drawn.

        Args:
            losses: (networks,).
            values: of the observable, (networks,).
            bits: mantissa bits that tell bins apart.
            undefined: whose value is 0 / 0, (networks,); None for none.
        """
        numbers = np.asarray(values, np.float64) + 0.0  # -0 is 0, whichever of them comes first
        if undefined is not None:
            numbers = np.where(undefined, np.nan, numbers)
        return cls(
            SignedHistogram.from_values(numbers, bits, undefined),
            Moments.from_losses(numbers, 0.0),
            LossJoint.from_values(losses, numbers, undefined),
        )

    @classmethod
    def merge(cls, parts: Iterable[ObservedValues]) -> ObservedValues:
        """Return the values of all networks of ``parts`` together.

        Raises:
            ValueError: if there are none, or their resolutions differ.
        """
        listed = list(parts)
        moments = Moments(0.0)
        for part in listed:
            moments = moments + part.moments
        return cls(
            SignedHistogram.merge(part.histogram for part in listed),
            moments,
            LossJoint.merge(part.joint for part in listed),
        )

    def to_arrays(self, prefix: str) -> dict[str, NDArray[np.generic]]:
        """Return named arrays, from which :meth:`from_arrays` restores every bit."""
        return {
            **self.histogram.to_arrays(f"{prefix}.histogram"),
            **self.moments.canonical().to_arrays(f"{prefix}.moments"),
            **self.joint.to_arrays(f"{prefix}.joint"),
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays, prefix: str) -> ObservedValues:
        """Restore values.

        Raises:
            LookupError, TypeError, ValueError: if arrays are missing, or contradict each other.
        """
        values = cls(
            SignedHistogram.from_arrays(arrays, f"{prefix}.histogram"),
            Moments.from_arrays(arrays, f"{prefix}.moments"),
            LossJoint.from_arrays(arrays, f"{prefix}.joint"),
        )
        if values.moments.count != values.histogram.finite:
            raise ValueError(f"{prefix}: moments and histogram are of different numbers of networks")
        if values.joint.total != values.histogram.total:
            raise ValueError(f"{prefix}: joint counts and histogram are of different numbers of networks")
        return values


@dataclass(frozen=True)
class Observations:
    """All that is kept of the networks that were observed. Merging is exact, in any order.

    Attributes:
        samples: networks.
        values: each observable of gradients, by name.
        missing: pairs of examples without a cosine, over all networks.
        walk: pairs of networks that a step of a walk connects; None where walks are not observed.
    """

    samples: int
    values: dict[str, ObservedValues]
    missing: int = 0
    walk: WalkSums | None = None

    @classmethod
    def empty(cls, names: Sequence[str], bits: int, walk_origin: float | None) -> Observations:
        """Return the observations of no networks.

        Args:
            names: observables of gradients.
            bits: mantissa bits that tell bins apart.
            walk_origin: null loss that walks are taken about; None where there are none.
        """
        walk = None if walk_origin is None else WalkSums.from_losses([], [], walk_origin)
        return cls(0, {name: ObservedValues.empty(bits) for name in names}, 0, walk)

    @classmethod
    def merge(cls, parts: Iterable[Observations]) -> Observations:
        """Return the observations of all networks of ``parts`` together.

        Raises:
            ValueError: if there are none, or they are not of one plan.
        """
        listed = list(parts)
        first = listed[0]
        if any(part.values.keys() != first.values.keys() for part in listed):
            raise ValueError("observations of different observables cannot be merged")
        walks = [part.walk for part in listed if part.walk is not None]
        if walks and len(walks) != len(listed):
            raise ValueError("observations with and without walks cannot be merged")
        return cls(
            sum(part.samples for part in listed),
            {name: ObservedValues.merge(part.values[name] for part in listed) for name in first.values},
            sum(part.missing for part in listed),
            WalkSums.merge(walks) if walks else None,
        )

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return named arrays, from which :meth:`from_arrays` restores every bit."""
        arrays: dict[str, NDArray[np.generic]] = {
            "observed.counters": np.array([self.samples, self.missing], np.int64)
        }
        for name, values in self.values.items():
            arrays |= values.to_arrays(f"observed.{name}")
        if self.walk is not None:
            arrays |= self.walk.to_arrays()
        return arrays

    def identity_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return what a chunk is recognised by when it is drawn again."""
        return self.to_arrays()

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Observations:
        """Restore observations.

        Raises:
            LookupError, TypeError, ValueError: if arrays are missing, or contradict each other.
        """
        samples, missing = (int(n) for n in arrays["observed.counters"].astype(np.int64, casting="safe"))
        ending = ".joint.count"
        names = [name[len("observed.") : -len(ending)] for name in arrays if name.endswith(ending)]
        values = {name: ObservedValues.from_arrays(arrays, f"observed.{name}") for name in sorted(names)}
        walk = WalkSums.from_arrays(arrays) if "walk.counters" in arrays else None
        if samples < 0 or missing < 0 or any(one.histogram.total != samples for one in values.values()):
            raise ValueError("observed: impossible counters")
        if walk is not None and walk.pairs != samples:
            raise ValueError("observed: another number of pairs of networks than of networks")
        return cls(samples, values, missing, walk)
