"""The export dialog: a run as a file, and the command that gives the same run again."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from geomreg_tui.errors import GeomregError, one_line, plain_text
from geomreg_tui.tui.clipboard import copy
from geomreg_tui.tui.screens.helping import HELP_BINDINGS, ask_help
from geomreg_tui.tui.widgets.fields import PlainInput

__all__ = ["ExportScreen", "SweepExportScreen"]

_FORMATS = (
    (".html", "HTML", "a report as one page, figures included"),
    (".json", "JSON", "statistics, modes, V(ε), experiment"),
    (".csv", "CSV", "histogram, one row for each occupied bin"),
    (".parquet", "Parquet", "histogram, as the CSV"),
    (".npz", "NPZ", "histogram and V(ε), for numpy"),
    (".png", "PNG", "density and V(ε) as a picture"),
    (".svg", "SVG", "the same, to be scaled"),
    (".pdf", "PDF", "the same, for a paper"),
    (".sh", "Command", "the command below, as a script"),
)
_SWEEP_FORMATS = (
    (".html", "HTML", "a report as one page, figures included"),
    (".json", "JSON", "points, modes, directions"),
    (".csv", "CSV", "one row for each point"),
    (".png", "PNG", "D and the densities as a picture"),
    (".svg", "SVG", "the same, to be scaled"),
    (".pdf", "PDF", "the same, for a paper"),
    (".sh", "Command", "the command below, as a script"),
)


class Formats(OptionList):
    """The formats; moving through them, or clicking one, chooses it, and enter writes the file."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "screen.write", "Write", show=False)]

    def action_select(self) -> None:
        """Do no more than highlight: a click must not write a file."""


class ExportScreen(ModalScreen[None]):
    """Writes a run in a chosen format; what takes time is done in threads."""

    FORMATS: ClassVar[Sequence[tuple[str, str, str]]] = _FORMATS
    AGAIN: ClassVar[str] = "The same run again, in a shell:"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", "Copy the command"),
        Binding("escape", "dismiss", "Close"),
        *HELP_BINDINGS,
    ]

    def __init__(self, directory: Path, sampling: bool = False) -> None:
        """Make the dialog.

        Args:
            directory: the run.
            sampling: whether it is still being sampled, so that only what is committed so far is written.
        """
        super().__init__()
        self._ends = tuple(end for end, _, _ in self.FORMATS)
        self._directory = directory
        self._sampling = sampling
        self._command = ""
        self._writing = False
        self._may_replace: Path | None = None  # what the next write may replace
        self._next = ""  # what is to be written when that which is being written is there

    def compose(self) -> ComposeResult:
        """Lay out formats, path, outcome, command and buttons."""
        with VerticalScroll(id="export", classes="dialog", can_focus=False) as dialog:
            dialog.border_title = "Export"
            about = self._directory.name
            if self._sampling:
                about += ": still sampling; what is committed so far is written"
            yield Static(one_line(about), markup=False, id="export-about")
            yield Formats(
                *(Option(f"{name:8} {meaning}", id=end) for end, name, meaning in self.FORMATS),
                id="export-formats",
                markup=False,
                compact=True,
            )
            with Horizontal(id="export-file"):
                yield Static("file", markup=False)
                yield PlainInput(f"{self._directory.name}{self._ends[0]}", id="export-path")
            yield Static(id="export-outcome", markup=False)
            with Vertical(id="export-again"):
                yield Static(self.AGAIN, markup=False)
                yield Static("…", id="export-command", markup=False)
            with Horizontal(id="export-buttons"):
                yield Button("enter Write", compact=True, id="export-write")
                yield Button("y Copy the command", compact=True, id="export-copy")
                yield Button("escape Close", compact=True, id="export-close")

    def on_mount(self) -> None:
        """Read the command; the arrow keys choose a format at once."""
        formats = self.query_one(Formats)
        formats.highlighted = 0
        formats.focus()
        self._in_thread(self.read_command, self._command_read)

    # Formats and path

    @on(OptionList.OptionHighlighted)
    def _format_chosen(self, event: OptionList.OptionHighlighted) -> None:
        """Give the file the end of the format, unless it has it."""
        field, end = self.query_one("#export-path", Input), event.option_id or ""
        head, dot, tail = field.value.rpartition(".")
        known = f".{tail.lower()}" in self._ends and bool(dot)
        if not field.value.lower().endswith(end):
            field.value = (head if known else field.value) + end

    @on(Input.Changed, "#export-path")
    def _path_changed(self, event: Input.Changed) -> None:
        """Choose the format that the path names."""
        self._may_replace = None
        self._say("")
        end = Path(event.value).suffix.lower()
        if end in self._ends:
            formats = self.query_one(Formats)
            with formats.prevent(OptionList.OptionHighlighted):
                formats.highlighted = self._ends.index(end)

    # Writing

    @on(Input.Submitted, "#export-path")
    @on(Button.Pressed, "#export-write")
    def _write_asked(self) -> None:
        self.action_write()

    def action_write(self) -> None:
        """Write the file; one that exists only when asked for again."""
        text = self.query_one("#export-path", Input).value.strip()
        if self._writing:
            self._next = text
            self._say(f"… writing; {text} is next")
        elif not text:
            self._say("! name a file", "-problem")
        else:
            self._say("… writing")
            self._write(text)

    def _write(self, text: str) -> None:
        """Write a file, and then the one that was asked for meanwhile."""
        path = Path(os.path.expanduser(text))
        force = path == self._may_replace
        self._may_replace = None
        self._writing = True

        def write() -> str:
            if path.exists() and not force:
                return "exists"
            self.export(path, force)
            return f"{path.stat().st_size:,} bytes"

        def written(outcome: str, problem: str) -> None:
            self._writing = False
            later, self._next = self._next, ""
            if problem:
                self._tell(f"! {problem}", "-problem")
            elif outcome == "exists":
                self._may_replace = path
                self._tell(f"! {path} exists: enter again replaces it", "-problem")
            else:
                self._tell(f"✓ wrote {path}, {outcome}", "-done")
            if later not in ("", text):
                self._write(later)

        self._in_thread(write, written)

    # What is written

    def export(self, path: Path, force: bool) -> None:
        """Write the run; called in a thread."""
        from geomreg_tui.report import export_result, load_result

        export_result(load_result(self._directory), path, force)

    def read_command(self) -> str:
        """Return the command that gives the run again; called in a thread."""
        from geomreg_tui.report import run_command
        from geomreg_tui.rundir import RunDirectory

        run = RunDirectory.open(self._directory)
        return run_command(run, run.read_status())

    # The command

    def _command_read(self, command: str, problem: str) -> None:
        self._command = command
        if self.is_attached:
            self.query_one("#export-command", Static).update(command or f"! {problem}")

    @on(Button.Pressed, "#export-copy")
    def action_copy(self) -> None:
        """Copy the command."""
        if self._command:
            copy(self.app, self._command)
            self._say("✓ the command was sent to the clipboard; the format Command saves it", "-done")

    def action_help(self) -> None:
        """Tell what the field with the focus is."""
        ask_help(self)

    @on(Button.Pressed, "#export-close")
    def _close_asked(self) -> None:
        self.dismiss()

    # Threads and words

    def _in_thread(self, work: Callable[[], str], done: Callable[[str, str], None]) -> None:
        """Do what may take time beside the event loop, and hand over its outcome or what went wrong."""
        app = self.app

        def run() -> None:
            try:
                outcome, problem = work(), ""
            except (GeomregError, OSError, MemoryError) as error:
                outcome, problem = "", str(error) or type(error).__name__
            app.call_later(done, outcome, problem)

        threading.Thread(target=run, name="export", daemon=True).start()

    def _tell(self, text: str, kind: str) -> None:
        """Say how writing ended, also to a person who has closed the dialog."""
        if self.is_attached:
            self._say(text, kind)
        else:
            failed = kind == "-problem"
            self.app.notify(plain_text(text), severity="error" if failed else "information", markup=False)

    def _say(self, text: str, kind: str = "") -> None:
        outcome = self.query_one("#export-outcome", Static)
        outcome.set_classes(kind)
        outcome.update(one_line(text))


class SweepExportScreen(ExportScreen):
    """Writes a sweep."""

    FORMATS = _SWEEP_FORMATS
    AGAIN = "The same sweep again, in a shell:"

    def export(self, path: Path, force: bool) -> None:
        """Write the sweep; called in a thread."""
        from geomreg_tui.report import export_sweep, load_sweep

        export_sweep(load_sweep(self._directory), path, force)

    def read_command(self) -> str:
        """Return the command that runs the sweep again; called in a thread."""
        from geomreg_tui.report import load_sweep

        return load_sweep(self._directory).command
