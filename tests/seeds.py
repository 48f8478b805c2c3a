"""The seeds of all tests that draw random numbers: each comes from one base seed and a key of the test's own.

The base seed is the environment variable ``GEOMREG_TEST_SEED``, 0 where it is not set. A statistical test
holds for every base seed but for the rate of false alarm that its module states.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

BASE = int(os.environ.get("GEOMREG_TEST_SEED") or 0)


def seed(*key: int) -> int:
    """Return the seed, below 2**63, that belongs to a key of non-negative integers."""
    return int(np.random.SeedSequence([BASE, *key]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def generator(*key: int) -> np.random.Generator:
    """Return a generator of numpy for a key of non-negative integers."""
    return np.random.default_rng([BASE, *key])


def torch_generator(*key: int) -> torch.Generator:
    """Return a generator of torch for a key of non-negative integers."""
    import torch

    return torch.Generator().manual_seed(seed(*key))
