"""The variance of log V within a run, from who descends from whom.

If copies stay alike, the numbers of descendants that particles have scatter more than those of independent
particles (Chan and Lai 2013; Lee and Whiteley 2018). The relative variance of an estimate by n particles is
the scatter of the numbers of descendants over n; with a fixed lag (Olsson and Douc 2019) it is the sum over
levels of what each adds to the scatter ``LAG`` levels on, which works at any depth.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Genealogy"]

LAG = 32


class Genealogy(NamedTuple):
    """Ancestors of a population.

    Attributes:
        lineage: row l holds each particle's ancestor l levels ago, (up to LAG + 1, n).
        settled: what levels beyond the lag have added to the variance.
    """

    lineage: Tensor
    settled: float = 0.0

    @classmethod
    def begin(cls, count: int, device: torch.device) -> Genealogy:
        """Return the genealogy of particles drawn independently."""
        return cls(torch.arange(count, device=device).unsqueeze(0))

    def descend(self, parents: Tensor) -> Genealogy:
        """Return the genealogy of copies of ``parents``, (n,)."""
        count = len(parents)
        own = torch.arange(count, device=parents.device).unsqueeze(0)
        lineage, settled = torch.cat([own, self.lineage[:, parents]]), self.settled
        if len(lineage) > LAG + 1:
            settled += (_scatter(lineage[-1]) - _scatter(lineage[-2])) / count
            lineage = lineage[:-1]
        return Genealogy(lineage, settled)

    @property
    def variance(self) -> float:
        """The variance of log V."""
        return self.settled + _scatter(self.lineage[-1]) / self.lineage.shape[1]


def _scatter(ancestors: Tensor) -> float:
    """Return the variance of the number of descendants, in units of its mean squared."""
    children = torch.bincount(ancestors, minlength=len(ancestors)).double()
    return float(children.square().mean() - 1)
