"""Makes what the README and the pages show of real runs: pictures, figures, and outputs of commands.

``python -m docs.build [gallery] [outputs] [figures] [notebook] [throughput] [memory] [overhead]
[training] [tail] [terminal] [gradients] [subspaces] [cluster] [others]``; without any, the first two: the
pictures, and the outputs that the README shows.
``python -m docs.build pages [PAGE ...]`` makes the outputs that pages show, or some of them, such as
``quickstart.md``. ``python -m docs.build paper FOLDER`` takes over the report of studies in a folder, where
``geomreg-tui study all --scale standard --out FOLDER`` has run them.

Every block is run that :mod:`docs.blocks` runs, and ``tests/docs`` holds README and pages to what is printed.
What stands between ``<!-- table: NAME -->`` and ``<!-- end -->`` in a page is replaced by the table of
``python -m benchmarks NAME``.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from docs.blocks import Block, Reader, difference, reader_of, run_blocks

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = ROOT / "docs" / "pages"
TABLES = (
    "throughput",
    "memory",
    "overhead",
    "training",
    "tail",
    "terminal",
    "gradients",
    "subspaces",
    "cluster",
    "others",
)


def page_outputs(text: str, reader: Reader) -> str:
    """Return a page with the output of each block as it is now; one that is right is left as it is."""
    changed = [
        (block, new)
        for block, new, steps in run_blocks(text, reader)
        if any(difference(printed, said) for _, printed, said in steps)
    ]
    return replaced(text, changed)


def replaced(text: str, changed: Sequence[tuple[Block, str]]) -> str:
    """Return a page with new text in some of its blocks, which are in order."""
    lines = text.splitlines()
    for block, new in reversed(changed):
        lines[block.first : block.stop] = [
            f"{block.indent}{line}" if line else "" for line in new.splitlines()
        ]
    return "".join(f"{line}\n" for line in lines)


def table(name: str) -> str:
    """Return a benchmark's table as it is now, with the marks around it."""
    answer = subprocess.run(
        [sys.executable, "-m", "benchmarks", name], stdout=subprocess.PIPE, text=True, cwd=ROOT, check=True
    )
    return f"<!-- table: {name} -->\n{answer.stdout.strip()}\n<!-- end -->"


def write_table(name: str, shown: str) -> None:
    """Put a benchmark's table where its marks are in the pages."""
    marked = re.compile(rf"<!-- table: {name} -->.*?<!-- end -->", re.DOTALL)
    for path in PAGES.rglob("*.md"):
        text = path.read_text()
        if marked.search(text):
            path.write_text(marked.sub(lambda _: shown, text))


def write_outputs(paths: Iterable[Path]) -> None:
    """Run the blocks of pages, and write what they print into them."""
    for path in paths:
        before = path.read_text()
        with reader_of(before) as reader:
            after = page_outputs(before, reader)
        if after != before:
            path.write_text(after)
        print(f"{path.relative_to(ROOT)}: {'written' if after != before else 'as it was'}", flush=True)


def take_report(folder: Path) -> None:
    """Put the report of studies, with its figures, where the page on the paper has it."""
    for path in [folder / "report.md", *folder.glob("*.svg")]:
        shutil.copy(path, PAGES / "paper" / path.name)


def main(wanted: Sequence[str]) -> None:
    """Make what was asked for."""
    if wanted[:1] == ["paper"]:
        take_report(Path(wanted[1]))
        return
    if wanted[:1] == ["pages"]:
        write_outputs([PAGES / name for name in wanted[1:]] or sorted(PAGES.rglob("*.md")))
        return
    if "figures" in wanted:
        from docs.figures import draw_all

        draw_all()
    if "notebook" in wanted:
        from docs.notebook import execute_all

        execute_all()
    if not wanted or "gallery" in wanted:
        subprocess.run([sys.executable, "-m", "docs.gallery"], cwd=ROOT, check=True)
    if not wanted or "outputs" in wanted:
        write_outputs([README])
    for name in (name for name in TABLES if name in wanted):
        write_table(name, table(name))


if __name__ == "__main__":
    main(sys.argv[1:])
