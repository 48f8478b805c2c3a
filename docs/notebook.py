"""The notebooks of the pages: executed, checked against what they show, and turned into pages.

``python -m docs.notebook`` executes every notebook in an empty folder, and fails where one shows anything
else than it has stored. ``python -m docs.build notebook`` stores what they show now.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from docs.blocks import Reader, difference

__all__ = ["check_all", "execute_all", "executed", "page", "shown_text"]

PAGES = Path(__file__).parent / "pages"
_TIMEOUT = 600  # seconds for a cell
_STORED = ("text/html", "text/plain", "image/png")


def executed(path: Path) -> dict[str, Any]:
    """Return a notebook as it is after it was run, in an empty folder and without any earlier runs.

    Raises:
        nbclient.exceptions.CellExecutionError: if a cell fails.
    """
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    with Reader() as reader:
        environment = {**reader.environment}
        del environment["MPLBACKEND"]  # a notebook has its own
        client = NotebookClient(
            notebook, timeout=_TIMEOUT, kernel_name="python3", resources={"metadata": {"path": reader.folder}}
        )
        client.execute(env=environment)
        text = json.dumps(notebook).replace(str(reader.folder), "~")
    found: dict[str, Any] = json.loads(text)
    found["metadata"] = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    for cell in found["cells"]:
        cell["metadata"] = {}
        for output in cell.get("outputs", ()):
            if "data" in output:
                output["data"] = {kind: output["data"][kind] for kind in _STORED if kind in output["data"]}
                output["metadata"] = {}
    return found


def shown_text(notebook: dict[str, Any]) -> list[str]:
    """Return the text that each cell of code shows, without figures and markup."""
    return [_text_of(cell) for cell in notebook["cells"] if cell["cell_type"] == "code"]


def check_all() -> int:
    """Execute every notebook, print what is shown otherwise than stored, and return in how many cells."""
    wrong = 0
    for path in sorted(PAGES.rglob("*.ipynb")):
        stored, now = shown_text(json.loads(path.read_text())), shown_text(executed(path))
        for number, (printed, said) in enumerate(zip(now, stored, strict=True), start=1):
            if found := difference(printed, said):
                print(f"{path.name}, cell {number}: {found}", file=sys.stderr)
                wrong += 1
        print(f"{path.name}: {len(now)} cells of code executed")
    return wrong


def execute_all() -> None:
    """Execute every notebook, and store what it shows."""
    import nbformat

    for path in sorted(PAGES.rglob("*.ipynb")):
        nbformat.write(nbformat.from_dict(executed(path)), path)
        print(f"{path.name}: {path.stat().st_size // 1024} kB")


def page(path: Path) -> str:
    """Return a notebook as a page of Markdown, with the notebook itself to download."""
    notebook = json.loads(path.read_text())
    parts = list(_parts(notebook))
    parts.insert(1, f'[Download this notebook]({path.name}){{ download="{path.name}" }}')
    return "\n\n".join(parts) + "\n"


def _parts(notebook: dict[str, Any]) -> Iterator[str]:
    for cell in notebook["cells"]:
        source = "".join(cell["source"]).strip()
        if cell["cell_type"] == "markdown":
            yield source
            continue
        yield f"```python\n{source}\n```"
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if "text/html" in data:
                markup = re.sub(r"\n\s*\n", "\n", "".join(data["text/html"]).strip())
                yield f'<div class="shown">\n{markup}\n</div>'
            elif "image/png" in data:
                code = "".join(data["image/png"]).strip()
                yield f'<img class="shown" alt="" src="data:image/png;base64,{code}">'
            elif text := "".join(output.get("text", data.get("text/plain", ""))).rstrip():
                yield f"```text\n{text}\n```"


def _text_of(cell: dict[str, Any]) -> str:
    words = []
    for output in cell["outputs"]:
        data = output.get("data", {})
        if "text/html" in data:
            reader = _Words()
            reader.feed("".join(data["text/html"]))
            words += reader.words
        else:
            words.append("".join(output.get("text", data.get("text/plain", ""))))
    return "\n".join(words)


class _Words(HTMLParser):
    """Collects the text of markup."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)


if __name__ == "__main__":
    sys.exit(1 if check_all() else 0)
