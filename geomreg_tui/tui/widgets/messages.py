"""A message in place of a plot."""

from __future__ import annotations

from geomreg_tui.errors import plain_text
from geomreg_tui.tui.widgets.rows import Piece

__all__ = ["message_rows"]


def message_rows(text: str, width: int, height: int, role: str = "dim") -> list[list[Piece]]:
    """Return a message broken into lines, in the middle."""
    lines: list[str] = []
    for paragraph in plain_text(text).split("\n"):
        line = ""
        for word in paragraph.split():
            if line and len(line) + 1 + len(word) > width - 2:
                lines.append(line)
                line = word
            else:
                line = f"{line} {word}" if line else word
        lines.append(line)
    lines = lines[:height]
    top = (height - len(lines)) // 2
    return [[] for _ in range(top)] + [
        [Piece(" " * max(0, (width - len(line)) // 2)), Piece(line, role)] for line in lines
    ]
