"""Observables of members of a population at some losses on its way down. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.gradients.plan import OBSERVED

__all__ = ["ObservedMembers", "log10_volume_due"]

FloatArray = NDArray[np.float64]
_FINE = 10  # decades of V: below 10 times that they are further apart
_MOST_NUMBERS = 10**8
_KNOWN = frozenset(name for names in OBSERVED.values() for name in names)
_LOSS, _VALUES = "observed_log_loss", "observed_values"


def log10_volume_due(looks: int) -> float:
    """Return log10 V at which members are observed, when they have been ``looks`` times.

    -1, -2, and so on to -20; then in steps of a tenth of the depth: 31 looks to -50, 50 to -284.
    """
    depth = 0
    for _ in range(looks + 1):
        depth += max(1, depth // _FINE)
    return -float(depth)


@dataclass(frozen=True)
class ObservedMembers:
    """Observables of some members of a population.

    Attributes:
        names: the observables.
        log_loss: natural logarithms of the losses that members had at most, decreasing, (rows,).
        values: each observable of each member, (rows, names, members); NaN where it has none.
    """

    names: tuple[str, ...]
    log_loss: FloatArray
    values: FloatArray

    @classmethod
    def empty(cls) -> ObservedMembers:
        """Return those of a population of which nothing is observed."""
        return cls((), np.empty(0), np.empty((0, 0, 0)))

    def extended(self, names: tuple[str, ...], log_loss: float, values: FloatArray) -> ObservedMembers:
        """Return these with a further row.

        Args:
            names: the observables.
            log_loss: natural logarithm of the loss that members have at most.
            values: (names, members).
        """
        row = values[None]
        return ObservedMembers(
            names,
            np.append(self.log_loss, log_loss),
            np.concatenate([self.values, row]) if self.names else row,
        )

    def thinned(self, members: int) -> ObservedMembers:
        """Return rows of at most ``members`` members, values of each observable evenly from its order."""
        count = self.values.shape[2]
        if count <= members:
            return self
        places = ((np.arange(members) + 0.5) * count / members).astype(np.int64)
        return ObservedMembers(self.names, self.log_loss, np.sort(self.values, axis=2)[:, :, places])

    def to_parts(self) -> tuple[dict[str, Any], dict[str, FloatArray]]:
        """Return plain data and named arrays; none where nothing is observed."""
        if not self.names:
            return {}, {}
        return {"observed": list(self.names)}, {_LOSS: self.log_loss, _VALUES: self.values}

    @classmethod
    def from_parts(
        cls, values: Mapping[str, Any], arrays: Mapping[str, NDArray[np.generic]]
    ) -> ObservedMembers:
        """Restore observations; none where nothing was observed.

        Raises:
            LookupError, TypeError, ValueError: if entries are missing or impossible.
        """
        if "observed" not in values:
            return cls.empty()
        names = tuple(str(name) for name in values["observed"])
        log_loss, seen = (np.asarray(arrays[name], np.float64) for name in (_LOSS, _VALUES))
        if not names or not _KNOWN.issuperset(names) or len(set(names)) != len(names):
            raise ValueError("observed: impossible names")
        if seen.ndim != 3 or seen.shape[:2] != (log_loss.size, len(names)) or log_loss.ndim != 1:
            raise ValueError("observed: values and losses do not fit together")
        if not seen.shape[2] or seen.size > _MOST_NUMBERS or np.isinf(seen).any():
            raise ValueError("observed: impossible values")
        if not np.isfinite(log_loss).all() or (np.diff(log_loss) >= 0).any():
            raise ValueError("observed: losses that do not fall")
        return cls(names, log_loss, seen)
