"""What is said of the options of a deep tail: on the command line, and beside the fields of the explorer."""

from __future__ import annotations

from geomreg_tui.options import OptionText
from geomreg_tui.splitting.plan import DEPTH, KERNEL_NAMES, POPULATION, REPEATS

__all__ = ["TAIL_TEXTS"]

TAIL_TEXTS = {
    text.name: text
    for text in (
        OptionText("to-loss", "training loss to go down to, such as 1e-6", "LOSS", unit="that of the loss"),
        OptionText(
            "to-log10-volume",
            "log10 of the volume fraction V to go down to",
            "DECADES",
            DEPTH,
            "without --to-loss",
            "decades",
        ),
        OptionText("population", "particles in a population", "N", POPULATION, unit="networks"),
        OptionText("repeats", "independent populations, from whose scatter the error is taken", "N", REPEATS),
        OptionText(
            "max-seconds", "time for the tail; with --resume: the new limit", "S", "none", unit="seconds"
        ),
        OptionText(
            "move",
            f"how particles are moved, one of {', '.join(KERNEL_NAMES)}",
            "NAME",
            "auto",
            names=KERNEL_NAMES,
        ),
    )
}
