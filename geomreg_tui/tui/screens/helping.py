"""Help on the fields of a dialog."""

from __future__ import annotations

from typing import Any

from textual.binding import Binding
from textual.screen import Screen

from geomreg_tui.tui.screens.messages import HelpAsked

__all__ = ["HELP_BINDINGS", "ask_help"]

# With the keys that the settings give these actions.
HELP_BINDINGS = (
    Binding("question_mark", "help", "Help", id="help"),
    Binding("f1", "help", "Help", show=False, id="help_in_text"),
)


def ask_help(screen: Screen[Any]) -> None:
    """Ask for help on the field with the focus, or without one on the keys of a screen and every term."""
    from geomreg_tui.tui.field_facts import facts_of  # a start does without it

    screen.app.post_message(HelpAsked(screen.BINDINGS, facts_of(screen.focused)))
