"""The list of sweeps on disk, to open one again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from geomreg_tui.errors import one_line
from geomreg_tui.listing.row import when_text
from geomreg_tui.rundir import Status
from geomreg_tui.sweeps.directory import list_sweeps
from geomreg_tui.tui.numbers import count_text
from geomreg_tui.tui.threads import in_thread
from geomreg_tui.tui.widgets.runs import cut, state_text

__all__ = ["SweepsScreen"]

_MOST = 500  # of the newest


class SweepsScreen(ModalScreen[Path | None]):
    """Lists the sweeps of the usual place, newest first. Ends with the directory of one, or with None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,o", "dismiss", "Close")]

    @dataclass
    class Read(Message):
        """The sweeps were read, or could not be."""

        found: list[tuple[Path, Status]] | None
        problem: str

    def compose(self) -> ComposeResult:
        """A line, and the list."""
        with Vertical(id="sweeps", classes="dialog") as dialog:
            dialog.border_title = "Sweeps"
            dialog.border_subtitle = "enter opens, escape closes"
            yield Static("… reading the folder of sweeps", id="sweeps-about", markup=False)
            yield OptionList(id="sweeps-list", markup=False)

    def on_mount(self) -> None:
        """Have the folder read."""
        self.query_one(OptionList).display = False
        in_thread("sweeps", _read, lambda found, problem: self.post_message(self.Read(found, problem)))

    @on(Read)
    def _told(self, event: Read) -> None:
        found, listed = event.found or [], self.query_one(OptionList)
        about = f"{len(found)} sweep{'s' * (len(found) != 1)}"
        if event.problem:
            about = one_line(f"! {event.problem}")
        elif not found:
            about = "There are no sweeps yet: close this list and press space."
        self.query_one("#sweeps-about", Static).update(about)
        width = self.app.size.width - 8
        listed.add_options(Option(Text(_line(*known, width)), id=str(known[0])) for known in found)
        listed.display = bool(found)
        if found:
            listed.highlighted = 0
            listed.focus()

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        if event.option_id is not None:
            self.dismiss(Path(event.option_id))


def _read() -> list[tuple[Path, Status]]:
    return [(entry.path, entry.status()) for entry in list_sweeps()[:_MOST]]


def _line(path: Path, status: Status, width: int) -> str:
    known = status.target > 0
    state = state_text(status) if known else ""
    counts = f"{count_text(status.samples)} / {count_text(status.target)}" if known else ""
    name = one_line(path.name)
    when = when_text(name)[5:] if name[:8].isdigit() else cut(name, 11)
    about = status.about.replace("\n", " ") or name
    return cut(f"{when:11}  {state:10}  {counts:>15}  {about}", width)
