"""The panes of the explorer: what they are called, and where each stands at first.

Knows nothing of Textual, so that the first frame and the state can be read quickly. Another pane needs one
line here, and the widget that :class:`geomreg_tui.tui.screens.layout.Layout` makes for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["KINDS", "ON_LARGE", "ON_WIDE", "PANES", "PaneFacts", "Spot"]

# Kinds of screens that have room for all panes; each has an arrangement of its own.
KINDS = (ON_WIDE, ON_LARGE) = ("wide", "large")


class Spot(NamedTuple):
    """Where a pane stands at first.

    Attributes:
        column: from the left.
        place: from the top of the column.
        share: of the height of the column, beside the shares of the others there.
    """

    column: int
    place: int
    share: int


class PaneFacts(NamedTuple):
    """What is known of a pane before it is made.

    Attributes:
        label: of its tab.
        title: in its frame.
        foot: what stands at its foot at first.
        wide, large: where it stands on a wide and on a large screen.
        always: whether it is there with nothing in it, too.
    """

    label: str
    title: str
    foot: str
    wide: Spot
    large: Spot
    always: bool = True


# In the order of their tabs.
PANES: Mapping[str, PaneFacts] = {
    "setup": PaneFacts("Setup", "Setup", "", Spot(0, 0, 8), Spot(0, 0, 10)),
    "loss": PaneFacts(
        "Loss", "Loss distribution", "density per unit loss, linear axis", Spot(1, 0, 12), Spot(1, 0, 12)
    ),
    "volume": PaneFacts(
        "Volume", "Volume fraction", "V(ε) = share with loss ≤ ε; │ L0", Spot(1, 1, 8), Spot(2, 0, 12)
    ),
    "training": PaneFacts(
        "Training", "Training", "training loss, log axis", Spot(1, 2, 8), Spot(2, 1, 8), always=False
    ),
    "generalisation": PaneFacts(
        "Held out", "Generalisation", "held-out loss, log axis", Spot(2, 2, 8), Spot(1, 1, 8), always=False
    ),
    "modes": PaneFacts("Modes", "Mode dominance", "shares with 95 % intervals", Spot(2, 1, 8), Spot(0, 1, 8)),
    "sphere": PaneFacts(
        "Sphere", "Hypersphere volume", "log10 V_n(r), linear n axis", Spot(2, 0, 8), Spot(0, 2, 7)
    ),
}
