"""How long tests wait, and how busy the machine is.

A test waits for an event, never for a moment, and gives up after ``PATIENCE``. Only a test marked ``alone``
holds a time to a limit, and it allows for what else the machine does. Others hold processor time to that of a
fixed amount of work, which a slow or busy machine changes alike.
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


def work_seconds() -> float:
    """Return the processor time that a fixed amount of Python takes here and now, some 0.03 s."""
    used = time.process_time()
    sum(number * number for number in range(10**6))
    return time.process_time() - used
