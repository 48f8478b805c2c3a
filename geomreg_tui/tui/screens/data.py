"""The browser of data files: a folder, the columns of the file that is selected, and what comes of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.reactive import Reactive
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from geomreg_tui.columns import wrapped_lines
from geomreg_tui.datasets.look import FileLook, look_at
from geomreg_tui.errors import ExperimentError, one_line
from geomreg_tui.experiment import Experiment
from geomreg_tui.formatting import size_text
from geomreg_tui.tui.own_data import WHOLE, Entry, list_folder, outcome_text
from geomreg_tui.tui.threads import in_thread
from geomreg_tui.tui.widgets.columns import column_lines, heading_line
from geomreg_tui.tui.widgets.keyline import KeyLine
from geomreg_tui.tui.widgets.rows import Piece, Roles, follow_theme
from geomreg_tui.tui.widgets.runs import NotesWidget, cut

__all__ = ["Chosen", "DataScreen"]

_BROAD = 100  # columns from which files and columns stand side by side
_SIZE = 8  # cells of the size of a file


class Chosen(NamedTuple):
    """A data file.

    Attributes:
        path: of the file.
        target: the column of its targets; None where it needs none.
    """

    path: str
    target: str | None


class DataScreen(ModalScreen[Chosen | None]):
    """Lists a folder. Ends with a file and its target, or with None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Open, take", key_display="enter"),
        Binding("backspace", "above", "Folder above", key_display="backspace"),
        Binding("tab", "other", "Columns", key_display="tab"),
        Binding("left", "above", "Above", show=False),
        Binding("right", "choose", "Open", show=False),
        Binding("escape", "back", "Close"),
    ]

    # Textual paints the whole screen anew when the focus moves; the two widgets concerned are enough.
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

    @dataclass
    class Listed(Message):
        """A folder was read, or could not be."""

        folder: Path
        select: str
        entries: list[Entry] | None
        problem: str

    @dataclass
    class Looked(Message):
        """A file was looked at, or could not be."""

        path: Path
        look: FileLook | None
        problem: str

    @dataclass
    class Told(Message):
        """It is known what comes of a choice, or why nothing does."""

        wish: tuple[Path, int]
        text: str | None
        problem: str

    def __init__(self, start: str, experiment_of: Callable[[str, str | None], Experiment]) -> None:
        """Make the screen.

        Args:
            start: a file or a folder that it begins at; where there is none such, the current folder.
            experiment_of: returns the experiment on the knobs with the data of a path and a target.
        """
        super().__init__()
        path = Path(os.path.expanduser(start)).absolute() if start else Path.cwd()
        self._folder, self._select = (path, "") if path.is_dir() else (path.parent, path.name)
        if not self._folder.is_dir():
            self._folder, self._select = Path.cwd(), ""
        self._experiment_of = experiment_of
        self._entries: list[Entry] = []
        self._look: FileLook | None = None
        self._looking: Path | None = None  # the file that a thread is at
        self._wanted: Path | None = None  # the file that is selected
        self._telling: tuple[Path, int] | None = None  # the choice that a thread is at

    def compose(self) -> ComposeResult:
        """The folder, beside it the columns of the selected file, below both what comes of it."""
        yield Roles()
        with Vertical(id="data", classes="dialog") as dialog:
            dialog.border_title = "Own data"
            dialog.border_subtitle = "escape closes"
            yield NotesWidget(id="data-folder")
            with Horizontal(id="data-body"):
                yield OptionList(id="data-files", markup=False)
                with Vertical(id="data-right"):
                    yield Static(id="data-heading", markup=False)
                    yield OptionList(id="data-columns", markup=False)
            yield NotesWidget(id="data-about")
            yield KeyLine(1, id="data-keys")

    def on_mount(self) -> None:
        """Have the folder read."""
        follow_theme(self)
        self.query_one(KeyLine).offer(self.BINDINGS, lambda *_: True)
        self._files.focus()
        self._list(self._folder, self._select)

    @property
    def _files(self) -> OptionList:
        return self.query_one("#data-files", OptionList)

    @property
    def _columns(self) -> OptionList:
        return self.query_one("#data-columns", OptionList)

    def _say(self, first: str, second: str = "", *, wrong: bool = False) -> None:
        """Say something in a line, and more of it in as many as that takes."""
        notes = self.query_one("#data-about", NotesWidget)
        lines = wrapped_lines(one_line(second), max(20, notes.size.width - 2)) if second else []
        notes.show(*(Piece(line, "warn" if wrong else "dim") for line in (first, *lines)))

    # The folder

    def _list(self, folder: Path, select: str = "") -> None:
        in_thread(
            "folder",
            lambda: list_folder(folder),
            lambda entries, problem: self.post_message(self.Listed(folder, select, entries, problem)),
        )

    @on(Listed)
    def _listed(self, event: Listed) -> None:
        if event.entries is None:
            self._say(f"! {event.folder}: {event.problem}", wrong=True)
            return
        self._folder, self._entries = event.folder, event.entries
        self.query_one("#data-folder", NotesWidget).show(Piece(one_line(event.folder), "dim"))
        files, width = self._files, max(20, self._files.size.width - 4)
        files.clear_options()
        files.add_options(Option(Text(_entry_line(entry, width))) for entry in event.entries)
        names = [entry.name for entry in event.entries]
        if names:
            files.highlighted = names.index(event.select) if event.select in names else min(1, len(names) - 1)
        self._say_of_folder()

    @property
    def _selected(self) -> Entry | None:
        place = self._files.highlighted
        return self._entries[place] if place is not None and place < len(self._entries) else None

    @on(OptionList.OptionHighlighted, "#data-files")
    def _file_highlighted(self) -> None:
        entry = self._selected
        self._look = None
        self._columns.clear_options()
        self.query_one("#data-heading", Static).update("")
        self._wanted = None if entry is None or entry.folder else self._folder / entry.name
        if self._wanted is None:
            self._say_of_folder()
        else:
            self._say("… looking at its columns")
        self._look_at_wanted()

    def _say_of_folder(self) -> None:
        """Say which files can be read, where none of them is in the folder."""
        if all(entry.folder for entry in self._entries):
            self._say("no data files here", "CSV, TSV, Parquet, NPZ and NPY files are listed, and folders")
        else:
            self._say("")

    def _look_at_wanted(self) -> None:
        """Look at the selected file in a thread, one at a time."""
        path = self._wanted
        if path is None or self._looking is not None or (self._look is not None and self._look.path == path):
            return
        self._looking = path
        in_thread(
            "look",
            lambda: look_at(path),
            lambda look, problem: self.post_message(self.Looked(path, look, problem)),
        )

    @on(Looked)
    def _looked(self, event: Looked) -> None:
        self._looking = None
        if event.path != self._wanted:
            self._look_at_wanted()
            return
        self._look = event.look
        if event.look is None:
            self._say(f"! {event.problem}", wrong=True)
            return
        columns, width = self._columns, max(20, self._columns.size.width - 4)
        self.query_one("#data-heading", Static).update(Text(heading_line(event.look, width), "dim"))
        columns.clear_options()
        columns.add_options(Option(Text(line)) for line in column_lines(event.look, width))
        if event.look.columns:
            columns.highlighted = event.look.guess or 0
        else:
            self._draw_choice()

    def on_resize(self, event: events.Resize) -> None:
        """Draw the lists for the new size, one above the other where there is little room."""
        self.set_class(event.size.width < _BROAD, "-narrow")
        if self._entries:
            entry = self._selected
            self.call_after_refresh(self._list, self._folder, entry.name if entry else "")

    # The columns

    @on(OptionList.OptionHighlighted, "#data-columns")
    def _draw_choice(self) -> None:
        """Say what the choice is, and find out what comes of it."""
        look, place = self._look, self._columns.highlighted
        if look is None:
            return
        if place is None:
            problem = "NPY: put the array of the targets beside it, with as many examples"
            self._say(f"{look.path.name} has no target", problem, wrong=True)
            return
        if look.size > WHOLE:
            self._say(self._choice, f"{size_text(look.size)}: N and L0 are told once it is read in full")
            return
        try:
            experiment = self._experiment_of(str(look.path), look.columns[place].target)
        except ExperimentError as error:
            self._say(self._choice, f"! {error.problems[0]}", wrong=True)
            return
        self._say(self._choice, "… reading what comes of it")
        wish = look.path, place
        if self._telling is None:
            self._telling = wish
            in_thread(
                "outcome",
                lambda: outcome_text(experiment, look.total),
                lambda text, problem: self.post_message(self.Told(wish, text, problem)),
            )

    @property
    def _choice(self) -> str:
        """What is selected, in words."""
        look, place = self._look, self._columns.highlighted
        if look is None or place is None:
            return ""
        rows = "" if look.rows is None or look.total is not None else f", by its first {look.rows:,} examples"
        return f"{look.path.name}: target {look.columns[place].name}{rows}"

    @on(Told)
    def _told(self, event: Told) -> None:
        self._telling = None
        look = self._look
        if look is None or event.wish != (look.path, self._columns.highlighted):
            self._draw_choice()  # another is selected by now
            return
        # Which file it is stands before it.
        problem = event.problem.replace(str(look.path), look.path.name)
        self._say(self._choice, event.text or f"! {problem}", wrong=event.text is None)

    @property
    def _target(self) -> str | None:
        place = self._columns.highlighted
        return self._look.columns[place].target if self._look is not None and place is not None else None

    # Keys

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.action_choose()

    def action_choose(self) -> None:
        """Open the folder, go on to the columns of the file, or take it with the target that is selected."""
        entry = self._selected
        if self.focused is self._columns:
            if self._look is not None and self._columns.highlighted is not None:
                self.dismiss(Chosen(str(self._look.path), self._target))
        elif entry is not None and entry.name == "..":
            self.action_above()
        elif entry is not None and entry.folder:
            self._list(self._folder / entry.name)
        elif self._look is not None and self._look.columns:
            self._columns.focus()

    def action_above(self) -> None:
        """Go to the folder above; from the columns, back to the files."""
        if self.focused is self._columns:
            self._files.focus()
        elif self._folder.parent != self._folder:
            self._list(self._folder.parent, self._folder.name)

    def action_other(self) -> None:
        """Go from the files to the columns, or back."""
        if self.focused is self._columns:
            self._files.focus()
        elif self._look is not None and self._look.columns:
            self._columns.focus()

    def action_back(self) -> None:
        """Go back from the columns to the files; from there, close."""
        if self.focused is self._columns:
            self._files.focus()
        else:
            self.dismiss(None)

    def on_key(self, event: events.Key) -> None:
        """Select the next name that begins with a letter."""
        letter = (event.character or "").casefold()
        if self.focused is not self._files or not letter.strip() or not event.is_printable:
            return
        begin = (self._files.highlighted or 0) + 1
        places = [*range(begin, len(self._entries)), *range(begin)]
        for place in places:
            if self._entries[place % len(self._entries)].name.casefold().startswith(letter):
                self._files.highlighted = place % len(self._entries)
                break


def _entry_line(entry: Entry, width: int) -> str:
    """Return a folder with a slash, or a file with its size at the right."""
    if entry.folder:
        return cut(one_line(entry.name) + "/", width)
    name = cut(one_line(entry.name), width - _SIZE - 1)
    return f"{name:{width - _SIZE - 1}} {size_text(entry.size):>{_SIZE}}"
