"""What the explorer needs of Textual that Textual does not promise to keep: here, and nowhere else."""

from __future__ import annotations

from typing import Any, TypeVar

from rich.color import ColorSystem
from rich.console import Console
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.app import App
from textual.screen import Screen

__all__ = [
    "ChopsUpdate",
    "CompositorUpdate",
    "LayoutUpdate",
    "OptionalMouse",
    "ReducingApp",
    "colour_system",
]

Answer = TypeVar("Answer")
_ALL_MOTION = "\x1b[?1003h"  # asks for mouse events


class ReducingApp(App[Answer]):
    """An application that may change what is sent to the terminal."""

    def reduced(self, update: CompositorUpdate) -> CompositorUpdate:
        """Return what is sent in the place of an update of the screen."""
        return update

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        """Send an update, or anything else; Textual sends all that it sends from here."""
        if isinstance(renderable, CompositorUpdate):
            renderable = self.reduced(renderable)
        super()._display(screen, renderable)


class OptionalMouse:
    """A driver that asks for no mouse events where none are wanted; mixed into one of Textual's."""

    _mouse: bool

    def write(self, data: str) -> None:
        """Send text, but no request for mouse events where none are wanted."""
        if self._mouse or data != _ALL_MOTION:  # asked for once more outside _enable_mouse_support
            super().write(data)  # type: ignore[misc]

    def _enable_mouse_support(self) -> None:
        if self._mouse:
            super()._enable_mouse_support()  # type: ignore[misc]


def colour_system(console: Console) -> ColorSystem:
    """Return how many colours a console has; the most where it does not say."""
    return console._color_system or ColorSystem.TRUECOLOR
