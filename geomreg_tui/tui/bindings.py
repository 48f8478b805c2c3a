"""Bindings as they are in effect: with the keys that the settings give them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from textual.actions import parse
from textual.binding import Binding, BindingType
from textual.keys import format_key

from geomreg_tui.tui.keys import Keys, default_keys

__all__ = ["action_of", "display", "first_key", "in_effect", "keymap"]


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


def display(keys: Sequence[str]) -> str:
    """Return keys as they are shown: ``?`` for ``question_mark``, ``^p`` for ``ctrl+p``."""
    return ", ".join(_display(key) for key in keys)


def keymap(keys: Keys) -> dict[str, str]:
    """Return the keys that are not the usual ones in the form that Textual's ``set_keymap`` takes."""
    usual = default_keys()
    return {name: ",".join(used) for name, used in keys.items() if used != usual.get(name)}


def _display(key: str) -> str:
    *modifiers, base = key.split("+")
    text = base if base == "escape" else format_key(base)
    if "ctrl" in modifiers:
        modifiers.remove("ctrl")
        text = "^" + text
    return "+".join([*modifiers, text])
