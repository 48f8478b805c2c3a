"""The streams that commands write to: whatever they can take, no command ends in a traceback.

Everything that a command says goes through ``sys.stdout`` and ``sys.stderr``, which :func:`guarded_streams`
replaces. What an encoding does not have is written in ASCII. Where stdout cannot be written (a full disk, a
closed stream) the command ends with :class:`OutputError`; where its reader is gone it ends quietly. What
cannot be written on stderr is lost, and the command goes on.
"""

from __future__ import annotations

import codecs
import contextlib
import errno
import os
import shutil
import sys
from collections.abc import Iterator
from typing import Any, TextIO, cast

from geomreg_tui.ascii import ascii_text
from geomreg_tui.errors import ExitCode, GeomregError

__all__ = ["OutputError", "ReaderGoneError", "flush_output", "guarded_streams", "output_width"]

_ERRORS = "geomreg_tui.ascii"


class OutputError(GeomregError):
    """Standard output cannot be written."""

    exit_code = ExitCode.OUTPUT_FAILED


class ReaderGoneError(GeomregError):
    """What reads standard output has ended, as ``head`` does; no reason to say anything."""

    exit_code = ExitCode.READER_GONE


class _Guarded:
    """A text stream whose failures are one of ours, or of no consequence.

    Args:
        stream: where to write.
        number: its file descriptor.
        lossy: drop what cannot be written.
        closed: the stream was closed before the command began.
    """

    def __init__(self, stream: TextIO, number: int, *, lossy: bool, closed: bool) -> None:
        self._stream, self._number, self._lossy = stream, number, lossy
        self._failure: GeomregError | None = None
        if closed and not lossy:
            self._failure = _failure(OSError(errno.EBADF, "it is closed"))
        self._written = False

    def write(self, text: str) -> int:
        """Write text.

        Raises:
            OutputError: if it cannot be written.
            ReaderGoneError: if the reader is gone.
        """
        self._written = self._written or bool(text)
        if self._failure is not None and self._written:
            raise self._failure
        try:
            return self._stream.write(text)
        except OSError as error:
            self._fail(error)
        return len(text)

    def flush(self) -> None:
        """Hand on what was written; raises as :meth:`write`, again and again where a caller ignores it."""
        if self._failure is not None and self._written:
            raise self._failure
        try:
            self._stream.flush()
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        # What is left in the buffer would fail again at the end, with words of the interpreter's own.
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self._number)
        os.close(null)
        if not self._lossy:
            self._failure = _failure(error)
            raise self._failure

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _failure(error: OSError) -> GeomregError:
    if error.errno == errno.EPIPE:
        return ReaderGoneError()
    return OutputError(f"standard output cannot be written: {error.strerror}")


@contextlib.contextmanager
def guarded_streams() -> Iterator[None]:
    """Put guarded streams in the place of stdout and stderr, and something behind those that are closed.

    A file descriptor below 3 that is closed would become that of the next file that is opened, and take what
    is meant for the stream.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    codecs.register_error(_ERRORS, _in_ascii)
    before = sys.stdout, sys.stderr
    sys.stdout = _guarded(sys.stdout, 1, lossy=False)
    sys.stderr = _guarded(sys.stderr, 2, lossy=True)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def flush_output() -> None:
    """Hand on what was written on stdout.

    Raises:
        OutputError, ReaderGoneError: if it cannot be written.
    """
    sys.stdout.flush()


def output_width() -> int | None:
    """Return the cells of a line of stdout: of ``COLUMNS``, or the terminal; None where it is neither."""
    return shutil.get_terminal_size((0, 0)).columns or None


def _guarded(stream: TextIO | None, number: int, *, lossy: bool) -> TextIO:
    closed = stream is None
    if stream is None:
        stream = os.fdopen(number, "w", encoding="utf-8", closefd=False)
    reconfigure = getattr(stream, "reconfigure", None)  # a stream of a test may have none
    if reconfigure is not None:
        reconfigure(errors=_ERRORS)
    return cast(TextIO, _Guarded(stream, number, lossy=lossy, closed=closed))


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return ascii_text(error.object[error.start : error.end]), error.end
