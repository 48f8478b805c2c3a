"""The reference of the command line, written from the commands themselves: no option can be missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from docs.internals import command_line

__all__ = ["command_line_page"]

_HEAD = """# Command line

This page is written from the program itself when the site is built. `geomreg-tui COMMAND --help` prints the
same. Exit codes are those of [long runs](../how-to/long-runs.md#exit-codes).
"""
_OWN = "Options"


def command_line_page() -> str:
    """Return the page: every command, with its arguments and options."""
    root = typer.main.get_command(command_line)
    return "\n".join([_HEAD, *_command(root, "geomreg-tui")])


def _command(command: Any, name: str) -> Iterator[str]:
    """Yield the lines about a command, and after it about the commands in it."""
    inner = getattr(command, "commands", {})
    usage = " ".join(
        [
            name,
            "[OPTIONS]",
            *(_argument(each) for each in _arguments(command)),
            *(["COMMAND ..."] if inner else []),
        ]
    )
    yield f"## {name}\n"
    yield f"{_sentences(command.help)}\n"
    yield f"```text\n{usage}\n```\n"
    yield from _table("Argument", [(_argument(each), each) for each in _arguments(command)])
    panels: dict[str, list[Any]] = {}
    for each in command.params:
        if each.param_type_name == "option" and not each.hidden:
            panels.setdefault(getattr(each, "rich_help_panel", None) or _OWN, []).append(each)
    # What belongs to the command comes before what describes an experiment.
    for panel in sorted(panels, key=lambda panel: panel != _OWN):
        yield from _table(panel, [(_option(each), each) for each in panels[panel]])
    for key in inner:
        yield from _command(inner[key], f"{name} {key}")


def _table(heading: str, rows: list[tuple[str, Any]]) -> Iterator[str]:
    if not rows:
        return
    yield f"| {heading} | |\n|---|---|"
    for spelled, parameter in rows:
        yield f"| `{spelled}` | {_cell(parameter)} |"
    yield ""


def _arguments(command: Any) -> list[Any]:
    return [each for each in command.params if each.param_type_name == "argument"]


def _argument(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _option(option: Any) -> str:
    names = ", ".join(option.opts) + "".join(f" / {name}" for name in option.secondary_opts)
    return names if option.is_flag else f"{names} {option.metavar or option.name.upper()}"


def _cell(parameter: Any) -> str:
    said = _sentences(parameter.help)
    default = parameter.default
    told = "[default:" in said or not getattr(parameter, "show_default", False)
    if not told and default not in (None, False, "", ()):
        said += f" [default: {default}]"
    return said.replace("|", "\\|")


def _sentences(text: str | None) -> str:
    said = " ".join((text or "").split())
    return said.replace("<", "&lt;").replace("[", "\\[")
