"""How a command ends: its exit code, and one line where it fails."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

from geomreg_tui.errors import ExitCode, GeomregError, plain_text

__all__ = ["exit_from"]


def exit_from(command: Callable[[], object]) -> NoReturn:
    """Run a command and exit with the code that it returns, or that belongs to what went wrong."""
    try:
        code = command()
    except GeomregError as error:
        print(plain_text(f"Error: {error}"), file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(ExitCode.OK)
    except Exception as error:
        show = getattr(error, "show", None)  # typer's way of saying how a command is used
        if show is None:
            raise
        show()
        sys.exit(ExitCode.USAGE)
    sys.exit(code if isinstance(code, int) else ExitCode.OK)
