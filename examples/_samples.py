"""How many networks an example draws: its own number, or the one in SAMPLES for a quick look."""

import os


def samples(full: int) -> int:
    """Return the number of networks to draw."""
    return int(float(os.environ.get("SAMPLES", full)))
