"""Columns of a table as numbers or labels: one rule, and one message, for every kind of file.

A cell is a number, true or false, a gap, or text. What most cells of a column are is what the column is, and
the others are at fault. So a text column of a Parquet file is judged as the same column of a CSV file.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.datasets.base import FloatArray
from geomreg_tui.errors import DataError, one_line

__all__ = ["Column", "Kind", "cell_of", "fault"]

# What pandas reads as a gap (``na_values`` of ``pandas.read_csv``), without spellings that float() takes.
_GAPS = frozenset({
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA", "NULL",
    "None", "n/a", "null",
})  # fmt: skip
_EXACT = 2.0**53  # whole numbers up to here are float64 numbers
_SHOWN = 40


class Kind(IntEnum):
    """The kind of a cell; among equally many cells of two kinds the column is of the first one."""

    NUMBER = 0
    TRUTH = 1
    TEXT = 2
    GAP = 3
    TINY = 4  # a number that is not 0, but is in float64


def cell_of(text: str) -> tuple[Kind, float]:
    """Return the kind of a cell and its value: true is 1, false 0, and NaN stands for no value."""
    text = text.strip()
    if text in _GAPS:
        return Kind.GAP, math.nan
    if text.lower() in ("true", "false"):
        return Kind.TRUTH, float(text.lower() == "true")
    if "_" in text or not text.isascii():  # float() takes these, and no other reader of tables does
        return Kind.TEXT, math.nan
    try:
        value = float(text)
    except ValueError:
        return Kind.TEXT, math.nan
    if math.isnan(value):
        return Kind.GAP, value
    if value == 0 and any(digit in "123456789" for digit in text.lower().partition("e")[0]):
        return Kind.TINY, value
    return Kind.NUMBER, value


@dataclass(frozen=True, eq=False)
class Column:
    """One column of a table.

    Attributes:
        path: the file.
        name: name of the column.
        values: its cells as numbers, NaN where they are none, (rows,).
        kinds: what each cell is, uint8 (rows,).
        text: returns the text of a row.
        place: returns in words where a row is, such as ``line 3``.
        holds: what the file says it holds, such as ``string``.
    """

    path: Path
    name: str
    values: FloatArray
    kinds: NDArray[np.uint8]
    text: Callable[[int], str]
    place: Callable[[int], str]
    holds: str = "text"

    @classmethod
    def of_text(
        cls,
        path: Path,
        name: str,
        cells: Iterable[str | None],
        place: Callable[[int], str],
        holds: str = "text",
    ) -> Column:
        """Judge a column of text; None is a gap."""
        texts = ["" if cell is None else cell.strip() for cell in cells]
        values, kinds = array("d"), bytearray()
        for text in texts:
            kind, value = cell_of(text)
            kinds.append(kind)
            values.append(value)
        numbers = np.frombuffer(values, np.float64) if texts else np.empty(0)
        return cls(path, name, numbers, np.frombuffer(kinds, np.uint8), texts.__getitem__, place, holds)

    @classmethod
    def of_numbers(
        cls,
        path: Path,
        name: str,
        values: FloatArray,
        place: Callable[[int], str],
        holds: str,
        text: Callable[[int], str],
    ) -> Column:
        """Take a column of numbers; NaN is a gap."""
        kinds = np.where(np.isnan(values), np.uint8(Kind.GAP), np.uint8(Kind.NUMBER))
        return cls(path, name, values, kinds, text, place, holds)

    def features(self) -> FloatArray:
        """Return the numbers of an input column, (rows,).

        Raises:
            DataError: if they are not all finite numbers; naming the place at fault.
        """
        if self._main() is Kind.TEXT:
            row = self._first(Kind.TEXT)
            got = f"{_got(self.text(row))} in {self.place(row)}{_hint(self.text(row))}"
            wrong = f"column {self.name!r}, holds {self.holds}, not numbers: {got}"
            raise fault(self.path, wrong, "drop or convert that column, or name the inputs with features")
        return self._numbers()

    def target(self) -> NDArray[Any]:
        """Return the targets, numbers or text, (rows,).

        Raises:
            DataError: if some are missing, or not of the kind that most are.
        """
        if self._main() is not Kind.TEXT:
            values = self._numbers()
            self._check_apart(values)
            return values
        texts = np.flatnonzero(self.kinds == Kind.TEXT).tolist()
        if all(_hint(self.text(row)) for row in texts):  # numbers after all, and no labels
            raise self._not_a_number(texts[0])
        for kind, what in ((Kind.NUMBER, "number"), (Kind.TINY, "number"), (Kind.TRUTH, "truth value")):
            if (row := self._first(kind)) >= 0:
                raise self._odd(row, f"{_got(self.text(row))}, a {what} among text")
        self._check_gaps()
        return np.array([self.text(row) for row in range(len(self.kinds))])

    def _main(self) -> Kind:
        counts = np.bincount(self.kinds, minlength=len(Kind))
        counts[Kind.NUMBER] += counts[Kind.TINY]
        return Kind(int(np.argmax(counts[: Kind.GAP])))

    def _first(self, kind: Kind) -> int:
        places = np.flatnonzero(self.kinds == kind)
        return int(places[0]) if places.size else -1

    def _numbers(self) -> FloatArray:
        if (row := self._first(Kind.TEXT)) >= 0:
            raise self._not_a_number(row)
        if (row := self._first(Kind.TINY)) >= 0:
            raise self._odd(row, f"{_got(self.text(row))}, which float64 cannot tell from 0")
        main = self._main()
        other = Kind.NUMBER if main is Kind.TRUTH else Kind.TRUTH
        if (row := self._first(other)) >= 0:
            among = "numbers" if main is Kind.NUMBER else "truth values"
            raise self._odd(row, f"{_got(self.text(row))} among {among}")
        self._check_gaps()
        return self.values

    def _check_gaps(self) -> None:
        bad = (self.kinds == Kind.GAP) | np.isinf(self.values)
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise fault(
                self.path,
                f"column {self.name!r}, has {np.count_nonzero(bad):,} values that are NaN or infinite, "
                f"the first in {self.place(row)} ({_short(self.text(row)) or 'empty'})",
                "remove those examples or fill the gaps",
            )

    def _check_apart(self, values: FloatArray) -> None:
        """Refuse whole numbers that are different targets in the file and one in float64."""
        rows = np.flatnonzero(np.abs(values) >= _EXACT)
        written: dict[float, str] = {}
        for row in rows:
            text = self.text(int(row))
            if text.lstrip("+-").isdigit() and written.setdefault(float(values[row]), text) != text:
                other = written[float(values[row])]
                raise self._odd(int(row), f"{_got(text)}, which float64 cannot tell from {other}")

    def _not_a_number(self, row: int) -> DataError:
        text = self.text(row)
        return self._odd(row, f"{_got(text)}, which is not a number{_hint(text)}")

    def _odd(self, row: int, got: str) -> DataError:
        wrong = f"{self.place(row)}, column {self.name!r}: got {got}"
        return fault(self.path, wrong, f"mend or remove that {self.place(row).split()[0]}")


def fault(path: Path, wrong: str, remedy: str) -> DataError:
    """Return the error of a file: what is wrong with it, and what to try."""
    comma = "," if wrong.startswith(("line", "row", "index", "column")) else ""
    return DataError(one_line(f"data: {one_line(path)}{comma} {wrong}: {remedy}"))


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _got(text: str) -> str:
    return repr(_short(text))


def _hint(text: str) -> str:
    """Return a word on why a cell that looks like a number is none."""
    if "\u2212" in text:
        return " (its minus is U+2212: write a hyphen)"
    digits = text.replace(",", "").replace(".", "").lstrip("+-")
    return (
        " (write decimals with a point, and no other separators)" if "," in text and digits.isdigit() else ""
    )
