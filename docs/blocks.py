"""The code blocks of a page: run as a reader would run them, one after the other, in an empty folder.

What a block is, is said by its fence:

- ``console``: each line that begins with ``$`` is a command, and what follows it is what it prints;
- ``python``: run by one interpreter for the whole page; a ``text`` block right after it is what it prints;
- anything with ``title="NAME"``: a file of that name, which the blocks after it find in their folder;
- anything else is not run.

``<!-- not run: REASON -->`` before a fence keeps its block from being run.
``<!-- columns: N -->`` says how wide the terminal of a page is.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import TracebackType

__all__ = ["Block", "Reader", "blocks_of", "difference", "reader_of", "run_blocks"]

_FENCE = re.compile(r"(?P<indent> *)```(?P<kind>[\w-]+)(?P<rest>.*)")
_TITLE = re.compile(r'title="([^"]+)"')
_NOT_RUN = re.compile(r"\s*<!-- not run: (\S.*\S) -->\s*")
_COLUMNS = re.compile(r"^<!-- columns: (\d+) -->$", re.MULTILINE)
_DRAWN = re.compile(r"[─-▟⠀-⣿]+")  # frames, bars and lines of a plot
_NUMBER = re.compile(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")
# What differs from one reader to the next: when a run was started, how fast it was, and how much it takes.
_OF_THE_MOMENT = (
    (re.compile(r"\d{8}-\d{6}-"), "TIME-"),
    (re.compile(r"[\d,.]+ networks/s"), "RATE networks/s"),
    (re.compile(r"[\d.]+ [kM]B"), "SIZE"),
)
_RELATIVE = 0.02
_EXACT = 1000  # whole numbers below this are sizes and settings
_INTERPRETER = """
import contextlib, io, json, sys
names = {"__name__": "__main__"}
for line in sys.stdin:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(json.loads(line), "<block>", "exec"), names)
    print(json.dumps(printed.getvalue()), flush=True)
"""


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        kind: the word after the fence, such as ``console``.
        name: the file that it is; empty where it is none.
        lines: its lines, without the indentation of the fence.
        first, stop: numbers of its lines in the page, from 0, the fences excluded.
        indent: the indentation of the fence.
        not_run: why it is not run; empty where it may be.
        printed: the number of the block that says what this one prints; None where it says so itself, or
            prints nothing.
    """

    kind: str
    name: str
    lines: tuple[str, ...]
    first: int
    stop: int
    indent: str
    not_run: str
    printed: int | None = None

    @property
    def runs(self) -> bool:
        """Whether it is run."""
        return self.kind in ("console", "python") and not self.name and not self.not_run

    @property
    def text(self) -> str:
        """Its text."""
        return "".join(f"{line}\n" for line in self.lines)

    def steps(self) -> list[tuple[str, str]]:
        """Return each command of a console block with what it prints.

        Raises:
            ValueError: if something stands before the first command.
        """
        starts = [number for number, line in enumerate(self.lines) if line.startswith("$ ")]
        if not starts or starts[0]:
            raise ValueError(f"line {self.first + 1}: a console block begins with a command, '$ ...'")
        found = []
        for start, stop in pairwise([*starts, len(self.lines)]):
            end = start + 1
            while self.lines[end - 1].endswith("\\") and end < stop:
                end += 1
            command = "\n".join(self.lines[start:end])[2:]
            found.append((command, "".join(f"{line}\n" for line in self.lines[end:stop])))
        return found


def blocks_of(page: str) -> list[Block]:
    """Return the blocks of a page, in order."""
    lines = page.splitlines()
    found: list[Block] = []
    number = 0
    while number < len(lines):
        opened = _FENCE.fullmatch(lines[number])
        if opened is None:
            number += 1
            continue
        first, indent = number + 1, opened["indent"]
        stop = first
        while lines[stop].strip() != "```":
            stop += 1
        before = next((line for line in reversed(lines[: first - 1]) if line.strip()), "")
        reason, title = _NOT_RUN.fullmatch(before), _TITLE.search(opened["rest"])
        block = Block(
            kind=opened["kind"],
            name=title[1] if title else "",
            lines=tuple(line.removeprefix(indent) for line in lines[first:stop]),
            first=first,
            stop=stop,
            indent=indent,
            not_run=reason[1] if reason else "",
        )
        last = found[-1] if found else None
        if (
            last is not None
            and (block.kind, last.kind, last.runs) == ("text", "python", True)
            and not any(line.strip() for line in lines[last.stop + 1 : first - 1])
        ):
            found[-1] = Block(**{**last.__dict__, "printed": len(found)})
        found.append(block)
        number = stop + 1
    return found


class Reader:
    """Somebody who follows a page: an empty folder, no runs yet, and the commands of this installation.

    Args:
        columns: cells of the terminal.
    """

    def __init__(self, columns: int = 80) -> None:
        self._place = tempfile.TemporaryDirectory(prefix="geomreg-page-")
        self.folder = Path(self._place.name)
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "GEOMREG_HOME": str(self.folder / "home"),
            "COLUMNS": str(columns),
            "MPLBACKEND": "agg",
        }
        self._interpreter: subprocess.Popen[str] | None = None

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._interpreter is not None:
            self._interpreter.communicate()
        self._place.cleanup()

    def write(self, name: str, text: str) -> None:
        """Make a file in the folder; one of a home directory is for people alone."""
        if not name.startswith("~"):
            (self.folder / name).write_text(text)

    def command(self, command: str) -> str:
        """Return what a command prints.

        Raises:
            RuntimeError: if it fails.
        """
        answer = subprocess.run(
            ["bash", "-c", command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=self.environment,
            check=False,
        )
        if answer.returncode:
            raise RuntimeError(f"$ {command}\nexit code {answer.returncode}\n{answer.stdout}{answer.stderr}")
        return self._shown(answer.stdout)

    def python(self, code: str) -> str:
        """Return what lines of Python print; names are kept from one call to the next.

        Raises:
            RuntimeError: if they raise an error.
        """
        if self._interpreter is None:
            self._interpreter = subprocess.Popen(
                [sys.executable, "-c", _INTERPRETER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                cwd=self.folder,
                env=self.environment,
            )
        process = self._interpreter
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(code) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{code}\n{process.communicate()[1]}")
        return self._shown(json.loads(answer))

    def _shown(self, printed: str) -> str:
        lines = printed.replace(str(self.folder), "~").splitlines()
        return "".join(f"{line.rstrip()}\n" for line in lines)


def reader_of(page: str) -> Reader:
    """Return a reader whose terminal is as wide as a page says."""
    columns = _COLUMNS.search(page)
    return Reader(int(columns[1])) if columns else Reader()


def run_blocks(page: str, reader: Reader) -> Iterable[tuple[Block, str, list[tuple[str, str, str]]]]:
    """Follow a page; yield each block that was run and, of each of its steps, (code, printed, on the page).

    The second of the three is the new text of the block that shows what was printed.

    Args:
        page: its text.
        reader: who follows it.

    Raises:
        RuntimeError: if a block fails, or prints and no block says what.
    """
    found = blocks_of(page)
    for block in found:
        if block.name:
            reader.write(block.name, block.text)
        if not block.runs:
            continue
        if block.kind == "python":
            printed = reader.python(block.text)
            shown = found[block.printed] if block.printed is not None else None
            if shown is None and printed:
                raise RuntimeError(f"line {block.first}: prints, and no text block says what:\n{printed}")
            if shown is not None:
                yield shown, printed, [(block.text, printed, shown.text)]
            continue
        steps = [(command, reader.command(command), said) for command, said in block.steps()]
        yield block, "".join(f"$ {command}\n{printed}" for command, printed, _ in steps), steps


def difference(printed: str, said: str) -> str:
    """Return what is printed otherwise than a page says, in a line; nothing where they agree.

    All words have to be the same, in the same order, and whole numbers below 1,000. Other numbers may be
    2 % or two units of their last digit away, because another processor rounds otherwise and moves a few of
    the networks to the next bin. The cells of a plot are not compared; the numbers at its axes are.
    """
    words, numbers = _parts(printed)
    wanted, expected = _parts(said)
    for place, (word, other) in enumerate(zip(words, wanted, strict=False)):
        if word != other:
            return f"{_near(words, numbers, place)!r} in place of {_near(wanted, expected, place)!r}"
    if len(words) != len(wanted):
        return f"{len(numbers)} numbers in place of {len(expected)}"
    for place, (number, other) in enumerate(zip(numbers, expected, strict=True)):
        if not _close(number, other):
            return f"{_near(words, numbers, place)!r} in place of {_near(wanted, expected, place)!r}"
    return ""


def _parts(text: str) -> tuple[list[str], list[str]]:
    """Return the words between numbers, and the numbers, of which there is one less."""
    for pattern, name in _OF_THE_MOMENT:
        text = pattern.sub(name, text)
    text = " ".join(_DRAWN.sub(" ", text).split())
    return [part.strip() for part in _NUMBER.split(text)], _NUMBER.findall(text)


def _near(words: list[str], numbers: list[str], place: int) -> str:
    return " ".join([words[place][-60:], *numbers[place : place + 1], *words[place + 1 : place + 2]])[:120]


def _close(number: str, other: str) -> bool:
    one, two = (float(text.replace(",", "")) for text in (number, other))
    if one == two:
        return True
    whole = all(re.fullmatch(r"-?[\d,]+", text) for text in (number, other))
    if whole and min(abs(one), abs(two)) < _EXACT:
        return False
    unit = max(_last_digit(number), _last_digit(other))
    return abs(one - two) <= max(_RELATIVE * max(abs(one), abs(two)), 2.001 * unit)


def _last_digit(text: str) -> float:
    mantissa, _, power = text.replace(",", "").partition("e")
    return float(10.0 ** (int(power or 0) - len(mantissa.partition(".")[2])))
