"""Tables in text: CSV and its relatives, as spreadsheets, R, numpy and pandas write them."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from geomreg_tui.datasets.base import FloatArray
from geomreg_tui.datasets.cells import Column, Kind, cell_of, fault
from geomreg_tui.datasets.tables import Table, choose_columns, counting_note
from geomreg_tui.encoding import encoding_of, first_bad_line
from geomreg_tui.errors import DataError

__all__ = ["read_csv", "sample_csv"]

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_SEPARATOR_LINE = re.compile(
    r'"?sep=([^\w"\r\n])"?\s*', re.IGNORECASE
)  # the first line of what spreadsheets write
_TINY = re.compile(r"[eE]-0*[1-9]\d\d")
_ZEROS = "0" * 300
_NAME_SHOWN = 60
_HEADER_LINES = 100  # lines that a header with line breaks in its names may have


def read_csv(path: Path, target: str | None, features: str | None) -> Table:
    """Read a table in text: a header line, then an example a line.

    The encoding is UTF-8 or what a byte order mark says. Fields are parted by commas, semicolons, tabs or
    bars, whichever the header tells, or by what a first line ``sep=`` says. Lines without any value, and
    those that begin with ``#``, are no examples; the header may be the last of these before the numbers, as
    ``numpy.savetxt`` writes it. Inputs must be numbers, or true and false.

    Raises:
        DataError: naming the line and column at fault.
    """
    try:
        with path.open("rb") as file:
            encoding = encoding_of(file.read(4))
        with path.open(encoding=encoding, newline="") as text:
            return _read_table(path, text, target, features)
    except UnicodeDecodeError as error:
        if encoding.startswith("utf-8"):
            with path.open("rb") as file:
                where = f"has a byte in line {first_bad_line(file)} that is not UTF-8"
        else:
            where = f"is not the {encoding.upper()} that its first bytes announce"
        raise fault(path, f"{where} ({error.reason})", "save it as UTF-8") from None
    except ValueError as error:
        raise fault(path, str(error), "save it as UTF-8") from None


def sample_csv(path: Path, most: int) -> tuple[list[str], list[list[str]], bool]:
    """Read the beginning of a table in text, as :func:`read_csv` does.

    Args:
        path: the file.
        most: bytes that are read.

    Returns:
        the names of the columns, the cells of the first examples, and whether these are all there are.

    Raises:
        DataError: naming the line at fault.
    """
    with path.open("rb") as file:
        data = file.read(most)
        whole = not file.read(1)
    try:
        decoder = codecs.getincrementaldecoder(encoding_of(data[:4]))()
        text = decoder.decode(data, final=whole)
    except UnicodeDecodeError as error:
        raise fault(path, f"is not UTF-8 text ({error.reason})", "save it as UTF-8") from None
    except ValueError as error:
        raise fault(path, str(error), "save it as UTF-8") from None
    if not whole:  # its last line is cut
        text = text[: max(text.rfind("\n"), text.rfind("\r")) + 1]
    unread = iter(io.StringIO(text, newline=""))
    header = _read_header(path, unread, None)
    _check_header(path, header, None)
    lines = _Lines(itertools.chain(header.pending, unread), header.passed, True)
    rows: list[list[str]] = []
    try:
        for cells in _records(path, lines, header.delimiter):
            if len(cells) == len(header.names) and any(cell and not cell.isspace() for cell in cells):
                rows.append(cells)
    except DataError:
        if whole or not rows:  # else a field in quotes goes on beyond what was read
            raise
    return header.names, rows, whole


class _Header(NamedTuple):
    """How a table begins.

    Attributes:
        names: names of the columns.
        delimiter: what parts fields.
        pending: lines that were read already and come after it.
        passed: how many lines come before those.
    """

    names: list[str]
    delimiter: str
    pending: list[str]
    passed: int


class _Lines(Iterator[str]):
    """The lines of a file as the csv module takes them, counted, comments left out where a record begins.

    Attributes:
        start: number of the first line of the record that was read last.
        comments: how many lines were left out.
    """

    def __init__(self, lines: Iterator[str], passed: int, has_comments: bool) -> None:
        self.start, self.comments = 0, 0
        self._lines, self._line, self._has_comments = lines, passed, has_comments
        self._within = False

    def end_record(self) -> None:
        """Say that the next line begins a record."""
        self._within = False

    def __next__(self) -> str:
        for text in self._lines:
            self._line += 1
            if not self._within:
                if self._has_comments and text.lstrip().startswith("#"):
                    self.comments += 1
                    continue
                self._within, self.start = True, self._line
            return text
        raise StopIteration


class _Inputs:
    """The input cells of all examples as numbers, without keeping their text."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._plain = bytes(width)  # a line of numbers only: Kind.NUMBER is 0
        self._values, self._kinds = array("d"), bytearray()
        self._first: dict[tuple[int, int], str] = {}  # by column and kind: nothing else is ever shown

    def add(self, cells: Sequence[str]) -> None:
        """Take the cells of one example."""
        count = len(self._values)
        try:
            if _is_doubtful(" ".join(cells)):
                raise ValueError
            self._values.extend(map(float, cells))
            self._kinds += self._plain
        except ValueError:
            del self._values[count:]
            for at, text in enumerate(cells):
                kind, value = cell_of(text)
                self._values.append(value)
                self._kinds.append(kind)
                if kind is not Kind.NUMBER:
                    self._first.setdefault((at, kind), text.strip())

    def columns(self, path: Path, names: Sequence[str], lines: Sequence[int]) -> FloatArray:
        """Return the inputs, (rows, columns).

        Raises:
            DataError: if a column is not all finite numbers.
        """
        values = np.frombuffer(self._values, np.float64).reshape(-1, self._width)
        kinds = np.frombuffer(self._kinds, np.uint8).reshape(-1, self._width)
        for at, name in enumerate(names):
            column, kind = values[:, at], kinds[:, at]

            def text(row: int, at: int = at) -> str:
                return self._first.get((at, int(kinds[row, at])), f"{values[row, at]:g}")

            # What float() reads as NaN is a gap like others.
            judged = np.where(np.isnan(column) & (kind == Kind.NUMBER), np.uint8(Kind.GAP), kind)
            Column(path, name, column, judged, text, lambda row: f"line {lines[row]}").features()
        return values


def _is_doubtful(text: str) -> bool:
    """Whether float() may read a cell of a line otherwise than ``cell_of``, which then looks at each."""
    if not text.isascii() or "_" in text or _ZEROS in text:
        return True
    return ("e-" in text or "E-" in text) and _TINY.search(text) is not None


def _read_table(path: Path, file: Iterable[str], target: str | None, features: str | None) -> Table:
    unread = iter(file)
    header = _read_header(path, unread, target)
    _check_header(path, header, target)
    columns = choose_columns(path, header.names, target, features)
    # A label may begin with #, a number never does.
    lines = _Lines(itertools.chain(header.pending, unread), header.passed, 0 in columns.features)
    names = [header.names[i] for i in columns.features]
    inputs, places, labels, empty = _Inputs(len(names)), array("q"), list[str](), 0
    for cells in _records(path, lines, header.delimiter):
        if not any(cell and not cell.isspace() for cell in cells):
            empty += len(cells) > 1
        elif len(cells) == len(header.names):
            inputs.add([cells[i] for i in columns.features])
            labels.append(cells[columns.target])
            places.append(lines.start)
        elif cells[0].startswith("#"):
            lines.comments += 1
        else:
            wrong = f"line {lines.start}, has {len(cells)} fields where the header has {len(header.names)}"
            raise fault(path, wrong, "make all lines alike, and quote a field that holds what parts them")
    if not labels:
        raise fault(path, "has a header but no examples", "add some lines")
    x = inputs.columns(path, names, places)
    name = header.names[columns.target]
    y = Column.of_text(path, name, labels, lambda row: f"line {places[row]}").target()
    notes = (
        *columns.notes,
        *_reading_notes(header.delimiter, lines.comments, empty),
        *counting_note(names, x),
    )
    return Table(x, y, notes)


def _check_header(path: Path, header: _Header, target: str | None) -> None:
    """Refuse a first line that names no columns, or a single one that is not the target."""
    if header.names and all(cell_of(name)[0] is Kind.NUMBER for name in header.names):
        raise fault(path, "has numbers in its first line", "make the first line name the columns")
    if len(header.names) == 1 and target not in header.names:
        wrong = f"has a single column, {header.names[0][:_NAME_SHOWN]!r}"
        raise fault(
            path, wrong, "part fields by commas, semicolons, tabs or bars, or by what a first line sep= says"
        )


def _records(path: Path, lines: _Lines, delimiter: str) -> Iterator[list[str]]:
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=delimiter != " ", strict=True)
    while True:
        lines.end_record()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _not_csv(path, lines.start, error) from None
        yield cells


def _read_header(path: Path, unread: Iterator[str], target: str | None) -> _Header:
    passed, delimiters, comment, text = 0, list(_DELIMITERS), "", ""
    for line in unread:
        passed += 1
        if passed == 1 and (said := _SEPARATOR_LINE.fullmatch(line.rstrip("\r\n"))):
            delimiters = [said[1]]
        elif line.lstrip().startswith("#"):
            comment = line
        elif line.strip():
            text = line
            break
    lines = [text]
    while "".join(lines).count('"') % 2 and len(lines) < _HEADER_LINES and (text := next(unread, "")):
        lines.append(text)
    try:
        names, delimiter, used = _best_header(lines, delimiters, target)
        if comment and target not in names:
            told, by, _ = _best_header([comment.lstrip("# \t")], delimiters, target)
            if target in told and (not names or len(told) == len(_parted(lines, by)[0])):
                return _Header(told, by, lines, passed - 1)
    except csv.Error as error:
        raise _not_csv(path, passed, error) from None
    return _Header(names, delimiter, lines[used:], passed - 1 + used)


def _best_header(
    lines: list[str], delimiters: Sequence[str], target: str | None
) -> tuple[list[str], str, int]:
    """Return names, delimiter and lines of a header: the one with the target, or with the most names."""
    headers = [(*_parted(lines, delimiter), delimiter) for delimiter in delimiters]
    names, used, delimiter = max(headers, key=lambda header: (target in header[0], len(header[0])))
    return names, delimiter, used


def _parted(lines: list[str], delimiter: str) -> tuple[list[str], int]:
    """Return the fields of the first record, and how many lines it takes."""
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=delimiter != " ")
    names = [name.strip() for name in next(reader, [])]
    return names, reader.line_num


def _not_csv(path: Path, line: int, error: csv.Error) -> DataError:
    wrong = f"line {line}, is not a CSV file from here on ({error})"
    return fault(path, wrong, "save it as plain comma-separated text, each quote closed")


def _reading_notes(delimiter: str, comments: int, empty: int) -> Iterator[str]:
    if delimiter != ",":
        parted = _DELIMITERS.get(delimiter, repr(delimiter))
        yield f"fields are parted by {parted}; a first line sep=, would say otherwise"
    if comments:
        yield f"{comments:,} lines that begin with # left out"
    if empty:
        yield f"{empty:,} lines without any value left out"
