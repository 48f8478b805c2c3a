"""How the text of a file is encoded: UTF-8, or what a byte order mark at its start says."""

from __future__ import annotations

import codecs
from collections.abc import Iterable

__all__ = ["decode_utf8", "encoding_of", "first_bad_line"]

# Those of four bytes first: the mark of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)


def encoding_of(head: bytes) -> str:
    """Return the codec of a file that begins with ``head``, which also removes a byte order mark.

    Raises:
        ValueError: if it looks like UTF-16 or UTF-32 and has no mark, so that its byte order is unknown.
    """
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if len(head) > 1 and (head[0] == 0) != (head[1] == 0):
        raise ValueError("looks like UTF-16 without a byte order mark")
    return "utf-8"


def decode_utf8(data: bytes) -> str:
    """Return the text of a whole file that must be UTF-8, as TOML must; a byte order mark is left out.

    Raises:
        ValueError: in words what is wrong with the encoding, and in which line.
    """
    encoding = encoding_of(data)
    if not encoding.startswith("utf-8"):
        raise ValueError(f"is {encoding.upper()}, not UTF-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        line = first_bad_line(data.splitlines(keepends=True))
        raise ValueError(f"has a byte in line {line} that is not UTF-8") from None


def first_bad_line(lines: Iterable[bytes]) -> int:
    """Return the number of the first line, from 1, that is not UTF-8; 0 if all are."""
    for number, line in enumerate(lines, 1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            return number
    return 0
