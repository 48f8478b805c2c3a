"""HTML from templates, and what the templates take.

Templates hold all markup. Whatever they print is text: characters that could steer a terminal are taken out,
and the rest is escaped. The one exception is what :class:`Shapes` holds, the inside of a figure of our own.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from geomreg_tui.errors import plain_text

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["Drawing", "Figure", "Shapes", "Table", "environment", "render"]


@dataclass(frozen=True)
class Table:
    """A table whose first column heads its rows.

    Attributes:
        caption: what the table says.
        headings: one for each column.
        rows: cells, as many as headings.
        numbers: places of the columns that are set to the right.
        words: places of the columns whose words are never broken.
        stacked: whether cells lie under each other, with their headings, where a page is narrow.
    """

    caption: str
    headings: Sequence[str]
    rows: Sequence[Sequence[object]]
    numbers: Collection[int] = ()
    words: Collection[int] = ()
    stacked: bool = False


@dataclass(frozen=True)
class Shapes:
    """What an ``svg`` element holds: markup that matplotlib wrote. Only this is never escaped."""

    markup: str

    def __html__(self) -> str:
        """Return the markup, as templates ask for it."""
        return self.markup


@dataclass(frozen=True)
class Drawing:
    """A figure as an ``svg`` element.

    Attributes:
        view_box: its place and size, as SVG writes them.
        description: what it shows, for those who cannot see it.
        shapes: what it holds.
    """

    view_box: str
    description: str
    shapes: Shapes


@dataclass(frozen=True)
class Figure:
    """A drawing with its caption."""

    drawing: Drawing
    caption: str


def render(name: str, /, **values: object) -> str:
    """Return a template filled with values.

    Args:
        name: of the template, in the package's folder ``templates``.
        values: by the names that the template has for them.

    Raises:
        jinja2.UndefinedError: if a value that the template asks for is missing.
    """
    return environment().get_template(name).render(values)


@cache
def environment() -> Environment:
    """Return how templates are read and filled.

    They are read from the package alone, never from the working directory. Jinja is imported with the first
    page: a command that makes none does not pay for it.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("geomreg_tui"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printed,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )


def _printed(value: object) -> object:
    """Return what an expression of a template prints, before it is escaped: markup, or plain text."""
    return value if hasattr(value, "__html__") else plain_text(str(value))
