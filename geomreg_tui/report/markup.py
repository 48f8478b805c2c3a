"""HTML: escaped text, tables, and the page around them."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from geomreg_tui.errors import plain_text

__all__ = ["definitions", "escaped", "figure", "page", "section", "table", "warning_list"]

# No page may load or run anything, whatever names from outside it holds.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_CSS = """
:root { color-scheme: light dark; --paper: #ffffff; --text: #1b1b1b; --dim: #555d66; --line: #d5d9de;
  --tint: #f3f5f7; --alert: #a33b00; --alert-tint: #fff1e6; --blue: #0072b2; --orange: #c77f00;
  --green: #00805c; --vermilion: #d55e00; --sky: #3a9ad6; --purple: #b2598a; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171a; --text: #e6e8ea; --dim: #a3abb3;
  --line: #3a4148; --tint: #1f2429; --alert: #ffb27a; --alert-tint: #3a2312; --blue: #56b4e9;
  --orange: #e69f00; --green: #2cc295; --vermilion: #ff8a3c; --sky: #8fd0f5; --purple: #dd9cc0; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1.5rem 1rem 3rem; background: var(--paper);
  color: var(--text); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.4rem; line-height: 1.3; margin: 0 0 .3rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .6rem; border-bottom: 1px solid var(--line); padding-bottom: .2rem; }
p { margin: .5rem 0; }
.dim, caption, figcaption { color: var(--dim); }
.warnings { margin: 1rem 0; padding: .6rem 1rem; border: 2px solid var(--alert);
  background: var(--alert-tint); color: var(--alert); font-weight: 600; }
.warnings p { margin: 0; }
.warnings ul { margin: .2rem 0 0; padding-left: 1.2rem; }
pre { background: var(--tint); border: 1px solid var(--line); border-radius: 4px; padding: .7rem .9rem;
  white-space: pre-wrap; overflow-wrap: anywhere; font: .9rem/1.45 ui-monospace, monospace; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; margin: .6rem 0; }
caption { text-align: left; padding: .2rem 0 .4rem; }
th, td { text-align: left; vertical-align: top; padding: .25rem 1.1rem .25rem 0;
  border-bottom: 1px solid var(--line); }
thead th { border-bottom: 2px solid var(--line); vertical-align: bottom; }
tbody th { font-weight: 600; }
td.number, th.number { text-align: right; }
td { overflow-wrap: anywhere; }
td.number { overflow-wrap: normal; word-break: keep-all; hyphens: manual; }
figure { margin: 1rem 0; }
figure svg { display: block; width: 100%; height: auto; color: var(--text); }
svg * { stroke-linejoin: round; stroke-linecap: butt; }
figcaption { font-size: .92rem; margin-top: .3rem; }
dt { font-weight: 600; margin-top: .5rem; }
dd { margin: 0 0 0 1.2rem; }
@media print { :root { --paper: #ffffff; --text: #000000; --dim: #444444; --line: #bbbbbb; --tint: #ffffff;
  --alert: #a33b00; --alert-tint: #ffffff; --blue: #0072b2; --orange: #c77f00; --green: #00805c;
  --vermilion: #d55e00; --sky: #3a9ad6; --purple: #b2598a; }
  body { max-width: none; padding: 0; font-size: 10pt; } .wide { overflow: visible; }
  figure, tr, pre, .warnings { break-inside: avoid; } h2 { break-after: avoid; } }
"""


def escaped(text: object) -> str:
    """Return text from outside for an element or an attribute: plain, and with nothing that is markup."""
    return html.escape(plain_text(str(text)), quote=True)


def table(
    caption: str, headings: Sequence[str], rows: Iterable[Sequence[object]], numbers: Sequence[int] = ()
) -> str:
    """Return a table whose first column heads its rows; everything in it is escaped.

    Args:
        caption: what the table says.
        headings: one for each column.
        rows: cells, as many as headings.
        numbers: places of the columns that are set to the right.
    """

    def cell(tag: str, place: int, value: object, scope: str = "") -> str:
        attributes = f' scope="{scope}"' if scope else ""
        attributes += ' class="number"' if place in numbers else ""
        return f"<{tag}{attributes}>{escaped(value)}</{tag}>"

    head = "".join(cell("th", place, name, "col") for place, name in enumerate(headings))
    lines = [
        "<tr>"
        + "".join(
            cell("td", place, value) if place else cell("th", place, value, "row")
            for place, value in enumerate(row)
        )
        + "</tr>"
        for row in rows
    ]
    body = "\n".join(lines)
    return (
        f'<div class="wide"><table>\n<caption>{escaped(caption)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>"
    )


def figure(svg: str, caption: str) -> str:
    """Return a figure with its caption; ``svg`` is markup, the caption is escaped."""
    return f"<figure>\n{svg}\n<figcaption>{escaped(caption)}</figcaption>\n</figure>"


def section(name: str, heading: str, parts: Iterable[str]) -> str:
    """Return a section with a heading; ``parts`` are markup."""
    body = "\n".join(part for part in parts if part)
    return f'<section aria-labelledby="{name}">\n<h2 id="{name}">{escaped(heading)}</h2>\n{body}\n</section>'


def warning_list(warnings: Sequence[str]) -> str:
    """Return warnings as a box that cannot be missed, or nothing where there are none."""
    if not warnings:
        return ""
    items = "".join(f"<li>{escaped(warning)}</li>" for warning in warnings)
    return f'<div class="warnings" role="note">\n<p>Warning</p>\n<ul>{items}</ul>\n</div>'


def definitions(terms: Iterable[tuple[str, str]]) -> str:
    """Return terms and what they mean."""
    body = "\n".join(f"<dt>{escaped(term)}</dt><dd>{escaped(meaning)}</dd>" for term, meaning in terms)
    return f"<dl>\n{body}\n</dl>"


def page(title: str, subtitle: str, parts: Iterable[str], about: str) -> str:
    """Return a whole page that needs nothing from outside itself.

    Args:
        title: also the heading.
        subtitle: one line below it.
        parts: markup.
        about: what made the page, for its end.
    """
    body = "\n".join(part for part in parts if part)
    return f"""<!DOCTYPE html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{escaped(title)}</title>
<style>{_CSS}</style>
</head>
<body>
<header>
<h1>{escaped(title)}</h1>
<p class="dim">{escaped(subtitle)}</p>
</header>
<main>
{body}
</main>
<footer>
<p class="dim">{escaped(about)}</p>
</footer>
</body>
</html>
"""
