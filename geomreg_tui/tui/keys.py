"""The keys: which actions have one, by which names keys go, and which may be given to an action.

Knows nothing of Textual, so that the command line can judge a configuration quickly; the tests hold it
against Textual's own names and against the bindings of the explorer.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from geomreg_tui.errors import Problem, nearest_name, shortened

__all__ = [
    "ACTIONS",
    "NUMBER_CHARACTERS",
    "TAKEN",
    "Action",
    "Keys",
    "default_keys",
    "key_name",
    "parse_keys",
    "spelling",
]

Keys = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Action:
    """Something that a key does.

    Attributes:
        key: its key where nobody says otherwise.
        meaning: what it does, in a few words.
        anywhere: whether it works in dialogs and before any field sees the key.
    """

    key: str
    meaning: str
    anywhere: bool = False


ACTIONS: Mapping[str, Action] = {
    "sample": Action("space", "start the full run, pause it, go on with it"),
    "stop": Action("s", "stop the full run and keep what is done"),
    "tail": Action("t", "go down the deep tail of these settings"),
    "train": Action("g", "train networks of these settings"),
    "training_view": Action("G", "training by loss, log10 V, distance, or held-out loss"),
    "held_out_view": Action("d", "held-out loss or accuracy, by training loss"),
    "pin": Action("p", "pin this distribution for comparison, up to six; again to let it go"),
    "unpin": Action("P", "let go of all that is pinned"),
    "axis": Action("l", "linear or log axes"),
    "measure": Action("v", "density, histogram or cumulative share"),
    "observable": Action("o", "loss, gradient confusion, gradient norm or sharpness"),
    "read": Action("c", "crosshair: read values off a plot; again for the next plot"),
    "move_left": Action("left", "move the crosshair to the left"),
    "move_right": Action("right", "move the crosshair to the right"),
    "leap_left": Action("shift+left", "move the crosshair far to the left"),
    "leap_right": Action("shift+right", "move the crosshair far to the right"),
    "copy_reading": Action("y", "copy the values at the crosshair"),
    "closer": Action("i", "zoom in about the crosshair"),
    "farther": Action("u", "zoom out about the crosshair"),
    "pan_left": Action("<", "show what is to the left"),
    "pan_right": Action(">", "show what is to the right"),
    "range": Action("R", "type the range of losses on view"),
    "whole": Action("a", "show all again"),
    "wider_bins": Action("b", "wider bars"),
    "finer_bins": Action("B", "finer bars"),
    "heights": Action("L", "linear or log heights of the bars"),
    "zoom_in": Action("z", "show only the lowest tenth of the losses on view"),
    "zoom_out": Action("Z", "zoom out again"),
    "sweep": Action("x", "sweep a factor: width, depth, gain, init law, examples, ..."),
    "studies": Action("S", "the paper's claims, each put to a test, with verdicts"),
    "browse": Action("f", "your own data: browse to a file, look at its columns, choose the target"),
    "runs": Action("r", "list every run on disk"),
    "export": Action("e", "write the run as data, figure or report"),
    "maximise": Action("m", "let the current pane fill the screen; again to show all"),
    "previous_tab": Action("[", "previous tab; where all panes are shown, mark the one before"),
    "next_tab": Action("]", "next tab; where all panes are shown, mark the next one"),
    "taller": Action("}", "make the current pane taller"),
    "lower": Action("{", "make the current pane lower"),
    "broader": Action(")", "make the column of the current pane broader"),
    "narrower": Action("(", "make the column of the current pane narrower"),
    "exchange_next": Action(";", "let the current pane and the next change places"),
    "exchange_previous": Action(":", "let the current pane and the one before change places"),
    "hide": Action("n", "hide the current pane"),
    "unhide": Action("N", "show the panes that are hidden"),
    "arrange_anew": Action("=", "put all panes where they stand at first"),
    "machine": Action("M", "tell how busy the machine is, or no more"),
    "more_keys": Action("\\", "further keys in the line of keys (small terminals)"),
    "help": Action("?", "help: on the field with the focus, or on all keys and terms"),
    "help_in_text": Action("f1", "the same, in fields that take ? as text too"),
    "quit": Action("q", "leave"),
    "leave_field": Action("escape", "leave a field"),
    "palette": Action("ctrl+p", "command palette", anywhere=True),
    "redraw": Action("ctrl+l", "draw the whole screen anew", anywhere=True),
    "suspend": Action("ctrl+z", "suspend to the shell"),
    "quit_anywhere": Action("ctrl+q", "leave, from dialogs too", anywhere=True),
}

NUMBER_CHARACTERS = frozenset("0123456789.,_+-\N{MINUS SIGN}eEkKmMgG")  # what a number field takes as text
# Keys that fields, lists and scrolling use, so that an action would not get them everywhere; and those that
# terminals send for others: ctrl+i is tab, ctrl+m enter, ctrl+h backspace.
TAKEN = frozenset({
    "tab", "shift+tab", "enter", "up", "down", "left", "right", "home", "end", "pageup", "pagedown",
    "ctrl+pageup", "ctrl+pagedown", "backspace", "delete", "ctrl+a", "ctrl+c", "ctrl+d", "ctrl+e",
    "ctrl+h", "ctrl+i", "ctrl+k", "ctrl+m", "ctrl+u", "ctrl+v", "ctrl+w", "ctrl+x", "ctrl+left",
    "ctrl+right", "shift+left", "shift+right", "ctrl+shift+left", "ctrl+shift+right", "shift+home",
    "shift+end", "ctrl+shift+a", "ctrl+backspace", "alt+backspace", "super+backspace", "super+c",
})  # fmt: skip

_MODIFIERS = ("alt", "ctrl", "hyper", "meta", "shift", "super")
_NAMED = ("space", "escape", "insert", *(f"f{number}" for number in range(1, 25)))
_SHORT = {
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
}


def _character_name(character: str) -> str:
    """Return Textual's name of the key of a character."""
    if character.isalnum():
        return character
    name = unicodedata.name(character, "").lower().replace("-", "_").replace(" ", "_")
    return _SHORT.get(name, name)


_CHARACTERS = {_character_name(character): character for character in string.punctuation}
_NAMES = (*_NAMED, *_CHARACTERS, *(key for key in TAKEN if "+" not in key))
_ALLOWED_KEYS = "allowed is a character, or a name such as space, escape, f5, ctrl+t, alt+x"


def default_keys() -> dict[str, tuple[str, ...]]:
    """Return the keys of every action where nobody says otherwise."""
    return {name: (key_name(action.key),) for name, action in ACTIONS.items()}


def key_name(text: str) -> str:
    """Return the one name of a key that may be spelled in several ways: ``?`` is ``question_mark``.

    Raises:
        ValueError: if there is no such key.
    """
    *modifiers, base = text.split("+") if len(text) > 1 else [text]
    if len(base) == 1 and base.isprintable() and not base.isspace():
        base = _character_name(base)
    elif base.lower() in _NAMES:
        base = base.lower()
    else:
        raise ValueError(text)
    kinds = {modifier.lower() for modifier in modifiers}
    if not kinds <= set(_MODIFIERS):
        raise ValueError(text)
    if len(base) == 1:
        if kinds == {"shift"}:  # what a terminal sends then is the capital letter
            kinds, base = set(), base.upper()
        elif "ctrl" in kinds:
            base = base.lower()
    return "+".join([*sorted(kinds), base])


def spelling(key: str) -> str:
    """Return a key as people write it: the character where it is one."""
    *modifiers, base = key.split("+")
    return "+".join([*modifiers, _CHARACTERS.get(base, base)])


def parse_keys(values: Mapping[str, object], prefix: str = "") -> tuple[Keys, list[Problem]]:
    """Return the keys of every action, and what is wrong with those that were asked for.

    Args:
        values: a key or a list of keys for some actions; the others keep theirs.
        prefix: where the values come from, for the problems.
    """
    keys = default_keys()
    problems: list[Problem] = []
    given: list[str] = []
    for name, value in values.items():
        place = f"{prefix}keys.{name}"
        if name not in ACTIONS:
            allowed = "allowed are " + ", ".join(ACTIONS)
            problems.append(Problem(place, "an unknown action", allowed, nearest_name(name, ACTIONS)))
            continue
        listed = value if isinstance(value, list) else [value]
        spelled = [part for part in listed if isinstance(part, str)]
        if not spelled or len(spelled) < len(listed):
            problems.append(
                Problem(place, shortened(repr(value)), "allowed is a key such as 'x', or a list of keys")
            )
            continue
        wrong = [problem for part in spelled if (problem := _problem(place, name, part))]
        problems += wrong
        if not wrong:
            keys[name] = tuple(dict.fromkeys(key_name(part) for part in spelled))
            given.append(name)
    return keys, problems + _clashes(keys, given, prefix)


def _problem(place: str, name: str, text: str) -> Problem | None:
    """Return why a name is no key that can be bound; None where it is one."""
    got = shortened(repr(text))
    try:
        key = key_name(text)
    except ValueError:
        head, plus, base = text.rpartition("+")
        near = nearest_name(base, _NAMES) if len(base) > 1 else None
        if head and not {part.lower() for part in head.split("+")} <= set(_MODIFIERS):
            near = nearest_name(head, _MODIFIERS)
            near = f"{near}+{base}" if near else None
        elif near:
            near = head + plus + near
        return Problem(place, got, _ALLOWED_KEYS, near)
    action = ACTIONS[name]
    if key == key_name(action.key):
        return None
    if key in TAKEN or _CHARACTERS.get(key, key) in NUMBER_CHARACTERS:
        numbers = "digits, . , _ + - and the letters e, k, m, g"
        return Problem(place, got, f"allowed is a key that no field or list uses; numbers use {numbers}")
    if action.anywhere and (key in ("space", *_CHARACTERS) or len(key) == 1):
        return Problem(place, got, "allowed is a key that no field takes as text, such as ctrl+t or f10")
    return None


def _clashes(keys: Keys, given: Iterable[str], prefix: str) -> list[Problem]:
    """Return a problem for each key that two actions would have."""
    problems = []
    told: set[frozenset[str]] = set()
    for name in given:
        for other, theirs in keys.items():
            pair = frozenset((name, other))
            shared = [key for key in keys[name] if key in theirs]
            if other != name and shared and pair not in told:
                told.add(pair)
                got = f"{shared[0]!r}, which {other!r} has too"
                problems.append(Problem(f"{prefix}keys.{name}", got, "allowed is a key of one action only"))
    return problems
