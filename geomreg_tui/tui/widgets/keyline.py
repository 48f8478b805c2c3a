"""The line of keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType

from geomreg_tui.tui.bindings import action_of, first_key
from geomreg_tui.tui.widgets.rows import Piece, RowsWidget

__all__ = ["KeyLine"]


class KeyLine(RowsWidget):
    """The keys that can be used now, and what they do; a click on one is a press of it.

    Textual's own footer is made of a widget for each key, all made anew at every change of focus: on a slow
    line that costs more than a frame of all panes.

    Args:
        kept: how many of the last keys are shown however little room there is.
    """

    def __init__(self, kept: int = 0, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._kept = kept
        self._keys: tuple[tuple[str, str, str], ...] = ()
        self._turn: tuple[str, str] | None = None  # the key that shows further keys, as named and as shown
        self._page = 0
        self._spans: list[tuple[int, int, int, str]] = []  # line, first cell, cell after the last, key

    def offer(
        self,
        bindings: Iterable[BindingType],
        check: Callable[[str, tuple[object, ...]], bool | None],
        *more: tuple[str, str, str],
        turn: tuple[str, str] | None = None,
    ) -> None:
        """Draw those of some bindings that are meant to be shown and whose action can be done now.

        Args:
            bindings: where keys and actions are from.
            check: whether an action can be done now.
            more: further keys: as Textual names it, as it is shown, what it does.
            turn: the key that calls :meth:`turn`, as Textual names it and as it is shown; None for none.
        """
        keys = (
            *(
                (first_key(binding), binding.key_display or binding.key, binding.description)
                for binding in bindings
                if isinstance(binding, Binding) and binding.show and check(*action_of(binding))
            ),
            *more,
        )
        self.show(keys, turn)

    def show(self, keys: Iterable[tuple[str, str, str]], turn: tuple[str, str] | None = None) -> None:
        """Draw keys: each as Textual names it, as it is shown, and what it does.

        Args:
            keys: the keys.
            turn: the key that calls :meth:`turn`, as Textual names it and as it is shown; None for none.
        """
        keys = tuple(keys)
        if (keys, turn) != (self._keys, self._turn):
            self._keys, self._turn = keys, turn
            self.redraw()

    def turn(self) -> None:
        """Show the next of the keys for which there was no room; after the last the first."""
        self._page += 1
        self.redraw()

    def paint(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """Draw as many keys as fit whole, on as many lines as there are."""
        pages = self._pages(width, height)
        self._page %= len(pages)
        keys = pages[self._page]
        rows: list[list[Piece]] = []
        self._spans = []
        for line, listed in enumerate(_lines(keys, width)):
            row: list[Piece] = []
            used = 0
            for key, shown, meaning in listed:
                row += [Piece("  " if row else ""), Piece(shown, "key"), Piece(f" {meaning}")]
                size = _size(shown, meaning)
                self._spans.append((line, used, used + size, key))
                used += size + 2
            rows.append(row)
        return rows

    def _pages(self, width: int, height: int) -> list[list[tuple[str, str, str]]]:
        """Return the keys of each page: as many as fit whole, and those that are always kept."""
        keys = list(self._keys)
        if len(keys) <= 1 or len(_lines(keys, width)) <= height:
            return [keys]
        last = len(keys) - self._kept
        left, always = keys[:last], keys[last:]
        if self._turn is not None:
            always = [(*self._turn, "More"), *always]
        pages = []
        while left:
            count = len(left)
            while count > 1 and len(_lines([*left[:count], *always], width)) > height:
                count -= 1
            if len(_lines([*left[:count], *always], width)) > height:
                return [_squeezed(keys, width, height, self._kept)]
            pages.append([*left[:count], *always])
            left = left[count:]
        return pages if self._turn is not None else pages[:1]

    def on_click(self, event: events.Click) -> None:
        """Press the key under the mouse."""
        place = event.x - self.gutter.left
        for line, start, stop, key in self._spans:
            if line == event.y - self.gutter.top and start <= place < stop:
                self.app.simulate_key(key)


def _size(shown: str, meaning: str) -> int:
    """Return the cells of a key and what it does."""
    return cell_len(shown) + 1 + cell_len(meaning)


def _lines(keys: Sequence[tuple[str, str, str]], width: int) -> list[list[tuple[str, str, str]]]:
    """Return keys in lines of at most so many cells, one key at least in each."""
    lines: list[list[tuple[str, str, str]]] = [[]]
    used = 0
    for key in keys:
        size = _size(key[1], key[2])
        if lines[-1] and used + size > width:
            lines.append([])
            used = 0
        lines[-1].append(key)
        used += size + 2
    return lines


def _squeezed(
    keys: list[tuple[str, str, str]], width: int, height: int, kept: int
) -> list[tuple[str, str, str]]:
    """Return what fits of keys where there is no room for those that are always kept: the last at least."""
    keys = list(keys)
    while len(keys) > 1 and len(_lines(keys, width)) > height:
        del keys[max(0, len(keys) - 1 - kept)]
    return keys
