"""Where Python looks for code: never in the folder that a command happens to be started in.

``python -m`` and ``python -c`` put the working directory first on the path, so that a file ``torch.py``
lying there would be run in place of torch. Every Python that is started here is started with ``-P``, which
does not, and which :mod:`multiprocessing` hands on to what it starts. ``PYTHONPATH`` is a person's own choice
and stays, but for entries that mean the working directory, whichever that is: empty ones, which are left
behind by ``PYTHONPATH=$PYTHONPATH:/my/code``, and ``.``.
"""

from __future__ import annotations

import os
import sys

__all__ = ["leave_working_directory", "python_command", "python_environment"]


def python_command(*arguments: str) -> list[str]:
    """Return the command line of a Python that imports nothing from the folder it is started in.

    Args:
        arguments: such as ``-m`` and the name of a module. Start it with :func:`python_environment`.
    """
    return [sys.executable, "-P", *arguments]


def python_environment(**changes: str) -> dict[str, str]:
    """Return the variables of this process, with changes, for a Python that :func:`python_command` names."""
    environment = {**os.environ, **changes}
    if "PYTHONPATH" in environment:
        kept = [entry for entry in environment.pop("PYTHONPATH").split(os.pathsep) if not _is_here(entry)]
        if kept:
            environment["PYTHONPATH"] = os.pathsep.join(kept)
    return environment


def leave_working_directory(*, first: bool = False) -> None:
    """Take the working directory off this process's own path; what is imported already stays.

    Args:
        first: whether the first entry of the path is the working directory, as after ``python -m``.
    """
    if first and not sys.flags.safe_path:
        del sys.path[0]
    entries = os.environ.get("PYTHONPATH", "").split(os.pathsep) if "PYTHONPATH" in os.environ else []
    if sys.flags.ignore_environment or not any(map(_is_here, entries)):
        return
    try:
        here = os.getcwd()
    except OSError:  # the folder is gone
        return
    if here in sys.path and here not in entries:
        sys.path.remove(here)


def _is_here(entry: str) -> bool:
    """Return whether an entry of a path means the working directory, whichever that is."""
    return os.path.normpath(entry) == os.curdir
