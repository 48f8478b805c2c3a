"""The least that a Textual program with a header and a footer does, to compare the explorer with."""

from __future__ import annotations

from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.widgets import Footer, Header


class BareApp(App[None]):
    """Changes its title when asked to."""

    TITLE = "even"
    BINDINGS: ClassVar[list[BindingType]] = [("l", "change", "Change"), ("q", "quit", "Quit")]

    def compose(self) -> ComposeResult:
        """Lay out a header and a footer."""
        yield Header()
        yield Footer()

    def action_change(self) -> None:
        """Change the title in the header."""
        self.title = "odd" if self.title == "even" else "even"


if __name__ == "__main__":
    BareApp().run()
