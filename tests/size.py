"""How large a test is: smaller by default, whole in ``make test-full``."""

from __future__ import annotations

import os

__all__ = ["sized"]


def sized(usual: int, whole: int) -> int:
    """Return how many there are of something, such as particles: the first by default, else the second.

    Args:
        usual: enough to find the fault that the test is for.
        whole: as many as find a smaller one.
    """
    return whole if "GEOMREG_TEST_WHOLE" in os.environ else usual
