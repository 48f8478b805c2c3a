"""The studies: the paper's claims with verdicts, run here and read as they fill."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.reactive import Reactive
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from geomreg_tui.errors import one_line
from geomreg_tui.studies.directory import StudyDirectory, latest_studies, new_studies_path
from geomreg_tui.studies.launch import StudiesHandle, start_studies, stop_studies
from geomreg_tui.studies.registry import STUDIES
from geomreg_tui.studies.study import Study
from geomreg_tui.tui.studies_reader import StudiesReader, StudyEntry
from geomreg_tui.tui.threads import in_thread
from geomreg_tui.tui.widgets.keyline import KeyLine
from geomreg_tui.tui.widgets.rows import Piece, Roles, follow_theme
from geomreg_tui.tui.widgets.runs import NotesWidget, cut, cut_before
from geomreg_tui.tui.widgets.study import StudyPane

__all__ = ["StudiesScreen"]

_STOPPING = "stopping, after the point that is under way"
_SECONDS = 1.0  # between looks
_SHORT = {"supported": "supported", "not supported": "not", "against": "against"}


class StudiesScreen(ModalScreen[Path | None]):
    """Lists the studies. Ends with the sweep of a part to open, or with None; studies go on meanwhile."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "begin(False)", "Run", key_display="space"),
        Binding("a", "begin(True)", "Run all"),
        Binding("s", "stop", "Stop"),
        Binding("enter", "open", "Sweep"),
        Binding("left", "turn(-1)", "Page back", show=False),
        Binding("right", "turn(1)", "Page", key_display="→"),
        Binding("escape", "dismiss(None)", "Close"),
        Binding("q,S", "dismiss(None)", "Close", show=False),
    ]

    # Textual paints the whole screen anew when the focus moves; the two widgets concerned are enough.
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

    @dataclass
    class Read(Message):
        """The studies were read, or could not be."""

        found: list[StudyEntry] | None
        problem: str

    @dataclass
    class Begun(Message):
        """Studies were begun, or could not be."""

        handle: StudiesHandle | None
        problem: str

    def __init__(self, path: Path | None = None) -> None:
        """Make the list: of a folder of studies, or of the newest in the usual place."""
        super().__init__()
        self._reader = StudiesReader(path or latest_studies())
        self._entries: list[StudyEntry] = []
        self._reading = self._starting = False
        self._notice = ""
        self._handle: StudiesHandle | None = None

    def compose(self) -> ComposeResult:
        """The list, the study that is chosen, a line of notes, and the keys."""
        yield Roles()
        with Vertical(id="studies", classes="dialog") as dialog:
            dialog.border_title = "Studies of arXiv 2202.09276"
            dialog.border_subtitle = "escape closes"
            yield OptionList(id="studies-list", markup=False)
            yield StudyPane(id="study", classes="pane")
            yield NotesWidget(id="studies-about")
            yield KeyLine(id="studies-keys")

    def on_mount(self) -> None:
        """Have the folder read, now and again and again."""
        follow_theme(self)
        self.query_one(KeyLine).offer(self.BINDINGS, self.check_action)
        listed = self.query_one(OptionList)
        listed.add_options(Option(Text(study.name), id=study.name) for study in STUDIES)
        listed.highlighted = 0
        listed.focus()
        self._look()
        self.set_interval(_SECONDS, self._look)

    # Reading and drawing

    def _look(self) -> None:
        if not self._reading:
            self._reading = True
            in_thread(
                "studies",
                self._reader.read,
                lambda found, problem: self.post_message(self.Read(found, problem)),
            )

    @on(Read)
    def _told(self, event: Read) -> None:
        self._reading = False
        if event.found is None:
            self._note_end("! ", event.problem)  # what is wrong with a folder is said after its path
            return
        self._entries = event.found
        if self._notice == _STOPPING and not self._under_way:
            self._notice = ""
        listed = self.query_one(OptionList)
        for place, entry in enumerate(event.found):
            listed.replace_option_prompt_at_index(place, Text(_line(entry, self._room)))
        self._draw()

    def _draw(self) -> None:
        self.query_one(StudyPane).show(self._chosen)
        self.query_one(KeyLine).offer(self.BINDINGS, self.check_action)
        if self._starting:
            self._note("… starting the engine")
        elif self._notice:
            self._note(self._notice)
        elif self._reader.path is None:
            self._note("space runs a study at scale quick: half a minute to a few minutes each")
        else:
            self._note_end(f"scale {self._reader.scale}, kept in ", self._reader.path)

    @property
    def _room(self) -> int:
        """Cells of a line."""
        return self.app.size.width - 8

    def _note_end(self, said: str, text: object) -> None:
        """Note a text of which the end tells most, after some words."""
        self._note(said + cut_before(one_line(text), self._room - len(said)))

    def _note(self, text: str) -> None:
        self.query_one("#studies-about", NotesWidget).show(Piece(one_line(text), "dim"))

    @property
    def _chosen(self) -> StudyEntry | None:
        place = self.query_one(OptionList).highlighted
        return self._entries[place] if self._entries and place is not None else None

    @property
    def _under_way(self) -> bool:
        begun = self._handle is not None and self._handle.running()  # perhaps not at a part yet
        return begun or any(entry.running for entry in self._entries)

    def on_resize(self) -> None:
        """Draw for the new size."""
        self.call_after_refresh(self._draw)

    @on(OptionList.OptionHighlighted)
    def _moved(self) -> None:
        self._draw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what can be done now."""
        entry = self._chosen
        if action == "stop":
            return self._under_way
        if action == "begin":
            return not self._under_way and not self._starting
        if action == "open":
            return entry is not None and entry.done > 0
        return True

    # Keys

    def action_begin(self, everything: bool) -> None:
        """Run the chosen study, or go on with it; or all of them."""
        entry = self._chosen
        if entry is None:
            return
        chosen = STUDIES if everything else (entry.study,)
        if all(each.result is not None and each.result.complete for each in self._of(chosen)):
            self._notice = "these are done: geomreg-tui study with --scale standard draws more"
            self._draw()
            return
        scale = self._reader.scale
        path = self._reader.path or new_studies_path(scale)
        self._starting, self._notice = True, ""
        self._draw()
        in_thread(
            "studies-start",
            lambda: start_studies(chosen, scale, path),
            lambda handle, problem: self.post_message(self.Begun(handle, problem)),
        )

    def _of(self, studies: tuple[Study, ...]) -> list[StudyEntry]:
        return [entry for entry in self._entries if entry.study in studies]

    @on(Begun)
    def _begun(self, event: Begun) -> None:
        self._starting = False
        self._notice = f"! {event.problem}" if event.problem else ""
        if event.handle is not None:
            self._handle, self._reader.path = event.handle, event.handle.directory
        self._draw()

    def action_stop(self) -> None:
        """Stop what is under way; what is done is kept."""
        if self._reader.path is not None:
            stop_studies(StudyDirectory(self._reader.path), self._reader.scale)
            self._notice = _STOPPING
            self._draw()

    def action_turn(self, step: int) -> None:
        """Show another page of the chosen study."""
        self.query_one(StudyPane).turn(step)

    @on(OptionList.OptionSelected)
    def _opened(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        """Close the screen with the newest part of the chosen study, to be shown as a sweep."""
        entry = self._chosen
        if entry is None or entry.result is None:
            return
        begun = [part for part, points in entry.result.points.items() if points]
        if begun:
            self.dismiss(entry.result.path / begun[-1])


def _line(entry: StudyEntry, width: int) -> str:
    """Return a study in one line: its name, how far it is, and its verdicts."""
    if entry.result is None:
        state = "not run"
    elif entry.result.complete:
        counts = Counter(_SHORT.get(verdict, "undecided") for verdict in entry.result.verdicts)
        state = ", ".join(f"{count} {word}" for word, count in counts.most_common())
    else:
        state = f"{entry.done}/{entry.points}" + (" running" if entry.running else " stopped")
    return cut(f"{entry.study.name:18} {state:34} {entry.study.question}", width)
