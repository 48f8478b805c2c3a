"""Bindings as they are in effect: with the keys that the settings give them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from textual.actions import parse
from textual.binding import Binding, BindingType
from textual.keys import format_key

from geomreg_tui.tui.keys import Keys, default_keys

__all__ = [
    "LINES",
    "action_of",
    "display",
    "explorer_bindings",
    "first_key",
    "in_effect",
    "keymap",
    "turn_key",
]

# Of whatever is gone through line by line: actions with how far, down being positive.
LINES = (
    Binding("up", "move(-1)", "Up", show=False),
    Binding("down", "move(1)", "Down", show=False),
    Binding("pageup", "page(-1)", "Page up", show=False),
    Binding("pagedown", "page(1)", "Page down", show=False),
    Binding("home", "end(-1)", "First", show=False),
    Binding("end", "end(1)", "Last", show=False),
)

# Of every action of the explorer: its id, what Textual calls, its name in the key line and the palette (none
# for an action that shows itself), and what it does. Where there is little room the first are shown.
_EXPLORER = (
    ("sample", "sample", "Start/pause", "Start the full run; pause it; go on with it"),
    ("sweep", "sweep", "Sweep", "Sweep a factor: small multiples, and the direction of D"),
    ("read", "read", "Crosshair", "Read values off a plot; again for the next plot, and at last none"),
    ("next_tab", "tab(1)", "Next", "Next tab; where all panes are shown, mark the next one"),
    ("previous_tab", "tab(-1)", "Back", "Previous tab; where all panes are shown, mark the one before"),
    ("stop", "stop", "Stop", "Stop the full run and keep what is done"),
    ("pin", "pin", "Pin", "Pin this distribution for comparison, up to six; again to let it go"),
    ("axis", "axis", "Lin/log", "Change the loss axis and the n axis: linear or log"),
    ("measure", "measure", "View", "Draw the density, the histogram, or the cumulative share"),
    ("zoom_in", "zoom(1)", "Zoom", "Show only the lowest tenth of the losses on view"),
    ("zoom_out", "zoom(-1)", "Out", "Zoom out again"),
    ("maximise", "maximise", "Maximise", "Let the current pane fill the screen; again to show all"),
    ("move_left", "move(-1)", "Left", "Move the crosshair to the left"),
    ("move_right", "move(1)", "Right", "Move the crosshair to the right"),
    ("leap_left", "move(-10)", "Far left", "Move the crosshair ten columns to the left"),
    ("leap_right", "move(10)", "Far right", "Move the crosshair ten columns to the right"),
    ("closer", "closer(1)", "Closer", "Zoom in about the crosshair, or about the middle without one"),
    ("farther", "closer(-1)", "Farther", "Zoom out about the crosshair"),
    ("pan_left", "pan(-1)", "Pan left", "Show what is to the left"),
    ("pan_right", "pan(1)", "Pan right", "Show what is to the right"),
    ("range", "range", "Window", "Type the range of losses that is on view"),
    ("whole", "whole", "All", "Show all again"),
    ("wider_bins", "bins(1)", "Wider bars", "Draw bars over more columns"),
    ("finer_bins", "bins(-1)", "Finer bars", "Draw bars over fewer columns"),
    ("heights", "heights", "Log heights", "Draw the heights of the bars on a linear or a log axis"),
    ("copy_reading", "copy_reading", "Copy", "Copy the values at the crosshair"),
    ("unpin", "unpin", "Unpin", "Let go of all that is pinned"),
    ("runs", "runs", "Runs", "Every run and sweep on disk: open, name, sort, compare, delete"),
    ("browse", "browse", "File", "Your own data: browse to a file, look at its columns, choose the target"),
    ("export", "export", "Export", "Write the run as data, figure or report"),
    ("tail", "tail", "Tail", "Go down the deep tail: V far below what the full run sees"),
    ("train", "train", "Train", "Train networks of these settings: what training finds, and how rare it is"),
    ("training_view", "training_view", "Path", "Draw the training by loss, log10 V, distance, held-out loss"),
    ("held_out_view", "held_out_view", "Held out", "Draw held-out loss or accuracy by training loss"),
    ("observable", "observable", "Observe", "Draw gradient confusion, gradient norm or sharpness, not loss"),
    ("studies", "studies", "Studies", "The paper's claims, each put to a test: run them, read the verdicts"),
    ("taller", "taller(1)", "Taller", "Make the marked pane, or the one with the focus, taller"),
    ("lower", "taller(-1)", "Lower", "Make it lower"),
    ("broader", "broader(1)", "Broader", "Make its column broader"),
    ("narrower", "broader(-1)", "Narrower", "Make its column narrower"),
    ("exchange_next", "exchange(1)", "Swap", "Let it and the next pane change places"),
    ("exchange_previous", "exchange(-1)", "Swap back", "Let it and the pane before change places"),
    ("hide", "hide", "Hide", "Hide it"),
    ("unhide", "unhide", "Unhide", "Show the panes that are hidden"),
    ("arrange_anew", "arrange_anew", "Usual places", "Put all panes where they stand at first"),
    ("machine", "machine", "Machine", "Tell how busy processors, memory and GPUs are, or no more"),
    ("more_keys", "more_keys", "", "Further keys in the line of keys (small terminals)"),
    ("help", "help", "Help", "This help; in a field, help on that field first"),
    ("help_in_text", "help", "", "The same, in fields that take ? as text too"),
    ("quit", "app.quit", "Quit", "Leave; asks first while a run is sampling"),
    ("leave_field", "leave_field", "", "Leave a field"),
)


def explorer_bindings() -> list[BindingType]:
    """Return the bindings of the explorer, with the keys that they have where nobody says otherwise."""
    usual = default_keys()
    return [
        Binding(
            ",".join(usual[name]),
            action,
            label or tooltip,
            show=bool(label),
            key_display=display(usual[name]),
            tooltip=tooltip,
            id=name,
        )
        for name, action, label, tooltip in _EXPLORER
    ]


def in_effect(bindings: Iterable[BindingType], keys: Keys) -> list[Binding]:
    """Return bindings with their keys in effect, and with the text to show for those as ``key_display``."""
    listed = []
    for binding in bindings:
        if isinstance(binding, Binding):
            used = keys.get(binding.id or "", tuple(binding.key.split(",")))
            listed.append(replace(binding, key=",".join(used), key_display=display(used)))
    return listed


def action_of(binding: Binding) -> tuple[str, tuple[object, ...]]:
    """Return name and parameters of a binding's action, as ``check_action`` takes them."""
    _, name, parameters = parse(binding.action)
    return name, parameters


def first_key(binding: Binding) -> str:
    """Return one key of a binding."""
    return binding.key.partition(",")[0]


def turn_key(keys: Keys) -> tuple[str, str]:
    """Return the key that turns the line of keys, as Textual names it and as it is shown."""
    return keys["more_keys"][0], display(keys["more_keys"])


def display(keys: Sequence[str]) -> str:
    """Return keys as they are shown: ``?`` for ``question_mark``, ``^p`` for ``ctrl+p``."""
    return ", ".join(_display(key) for key in keys)


def keymap(keys: Keys) -> dict[str, str]:
    """Return the keys that are not the usual ones in the form that Textual's ``set_keymap`` takes."""
    usual = default_keys()
    return {name: ",".join(used) for name, used in keys.items() if used != usual.get(name)}


def _display(key: str) -> str:
    """Return one key as it is shown."""
    *modifiers, base = key.split("+")
    text = base if base in ("enter", "escape") else format_key(base)
    if "ctrl" in modifiers:
        modifiers.remove("ctrl")
        text = "^" + text
    return "+".join([*modifiers, text])
