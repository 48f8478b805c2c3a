"""How a command ends: its exit code, and one line where it fails."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

from geomreg_tui.cli.output import ReaderGoneError, flush_output, guarded_streams
from geomreg_tui.errors import ExitCode, GeomregError, plain_text

__all__ = ["exit_from"]


def exit_from(command: Callable[[], object]) -> NoReturn:
    """Run a command and exit with the code that it returns, or that belongs to what went wrong."""
    with guarded_streams():
        code = _code_of(command)
        try:
            flush_output()
        except GeomregError as error:
            code = code or _failed(error)
    sys.exit(code)


def _code_of(command: Callable[[], object]) -> int:
    try:
        code = command()
    except GeomregError as error:
        return _failed(error)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except OSError as error:
        about = f"{error.filename}: " if error.filename else ""
        print(plain_text(f"Error: {about}{error.strerror or error}"), file=sys.stderr)
        return ExitCode.ERROR
    except Exception as error:
        show = getattr(error, "show", None)  # typer's way of saying how a command is used
        if show is None:
            raise
        show()
        return ExitCode.USAGE
    return code if isinstance(code, int) else ExitCode.OK


def _failed(error: GeomregError) -> int:
    """Say what went wrong, and return the exit code that belongs to it."""
    if not isinstance(error, ReaderGoneError):
        print(plain_text(f"Error: {error}"), file=sys.stderr)
    return error.exit_code
