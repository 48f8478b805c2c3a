"""How long tests wait, and how busy the machine is.

A test waits for an event, never for a moment, and gives up after ``PATIENCE``. Only a test marked ``alone``
holds a time to a limit, and it allows for what else the machine does.
"""

from __future__ import annotations

import time

PATIENCE = 120.0  # seconds


def contention() -> float:
    """Return how many times longer than its processor time a tenth of a second of work takes now."""
    begun, used = time.perf_counter(), time.process_time()
    while time.process_time() - used < 0.1:
        pass
    return max(1.0, (time.perf_counter() - begun) / 0.1)
