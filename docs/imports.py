"""Which part of the package imports which: read from the code, drawn as SVG. A cycle is an error.

``python -m docs.imports`` prints the parts from top to bottom, each with what it imports.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from xml.sax.saxutils import escape

import grimp

__all__ = ["CycleError", "drawing", "imports_of_parts", "layers", "without_shortcuts"]

PACKAGE = "geomreg_tui"
_WIDTH, _BOX, _ROW, _TOP = 760, 30, 74, 8
Imports = Mapping[str, frozenset[str]]


class CycleError(Exception):
    """Parts that import one another."""


@cache
def imports_of_parts(package: str = PACKAGE) -> Imports:
    """Return what each part of a package imports of the others, at any time; the root itself is left out.

    A part is a module or a package directly below the root. The root only names what lies below it.
    """
    graph = grimp.build_graph(package)
    found: dict[str, set[str]] = {}
    for module in graph.modules - {package}:
        part = module.split(".")[1]
        imported = found.setdefault(part, set())
        imported |= {
            name.split(".")[1] for name in graph.find_modules_directly_imported_by(module) if name != package
        }
        imported.discard(part)
    return {part: frozenset(imported) for part, imported in found.items()}


def layers(imports: Imports) -> list[list[str]]:
    """Return the parts from top to bottom, each in a lower layer than all that import it.

    Raises:
        CycleError: if parts import one another.
    """
    height: dict[str, int] = {}

    def visit(part: str, above: tuple[str, ...]) -> int:
        if part in above:
            raise CycleError(" imports ".join([*above[above.index(part) :], part]))
        if part not in height:
            below = [visit(other, (*above, part)) for other in sorted(imports[part])]
            height[part] = 1 + max(below, default=-1)
        return height[part]

    for part in sorted(imports):
        visit(part, ())
    found: list[list[str]] = [[] for _ in range(max(height.values()) + 1)]
    for part in sorted(height):
        found[-1 - height[part]].append(part)
    return found


def without_shortcuts(imports: Imports) -> dict[str, set[str]]:
    """Return the imports less those that other imports lead to as well."""

    @cache
    def reached(part: str) -> frozenset[str]:
        return imports[part].union(*(reached(other) for other in imports[part]))

    return {
        part: {
            other
            for other in imported
            if not any(other in reached(between) for between in imported - {other})
        }
        for part, imported in imports.items()
    }


def drawing(imports: Imports | None = None) -> str:
    """Return the drawing, as SVG in the colours of the page around it.

    Raises:
        CycleError: if parts import one another.
    """
    imports = imports_of_parts() if imports is None else imports
    rows, lines = layers(imports), without_shortcuts(imports)
    place: dict[str, tuple[float, float]] = {}
    for depth, row in enumerate(rows):
        above = {part: [place[up][0] for up in place if part in lines[up]] for part in row}
        row = sorted(row, key=lambda part: sum(above[part]) / len(above[part]) if above[part] else _WIDTH)
        for number, part in enumerate(row):
            place[part] = (_WIDTH * (number + 0.5) / len(row), _TOP + depth * _ROW)
    arrows = [_arrow(place[part], place[other]) for part in sorted(lines) for other in sorted(lines[part])]
    boxes = [_box(part, *place[part]) for part in sorted(place)]
    height = _TOP + (len(rows) - 1) * _ROW + _BOX + 8
    return "\n".join(
        [
            f'<div class="drawing"><svg class="drawn" viewBox="0 0 {_WIDTH} {height}" role="img" '
            'aria-label="What imports what, from the command line at the top to plain values at the bottom">',
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            'orient="auto"><path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>',
            *arrows,
            *boxes,
            "</svg></div>",
        ]
    )


def _arrow(start: tuple[float, float], end: tuple[float, float]) -> str:
    (x, y), (to_x, to_y) = start, end
    y += _BOX
    bend = (to_y - y) * 0.5
    return (
        f'<path class="arrow" d="M{x:.0f} {y:.0f}C{x:.0f} {y + bend:.0f} {to_x:.0f} {to_y - bend:.0f} '
        f'{to_x:.0f} {to_y - 1:.0f}" marker-end="url(#tip)"/>'
    )


def _box(part: str, x: float, y: float) -> str:
    width = 16 + 8 * len(part)
    return (
        f'<g><rect class="box" x="{x - width / 2:.0f}" y="{y:.0f}" width="{width}" height="{_BOX}" rx="5"/>'
        f'<text x="{x:.0f}" y="{y + 20:.0f}">{escape(part)}</text></g>'
    )


def main() -> None:
    """Print the layers."""
    imports = imports_of_parts()
    for row in layers(imports):
        for part in row:
            print(f"{part:12} {' '.join(sorted(imports[part])) or '-'}")
        print()


if __name__ == "__main__":
    main()
