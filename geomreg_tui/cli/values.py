"""Values that are empty or no numbers: refused for every option, before anything else looks at them.

What an empty text stands for differs from option to option (a path that is the working directory, a count
that is the default), and none of it is what a script with a variable that is not set means.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from typer.core import TyperGroup

from geomreg_tui.cli.help import write_commands, write_options
from geomreg_tui.errors import ExperimentError, Problem

__all__ = ["CommandGroup"]


class CommandGroup(TyperGroup):
    """Commands whose options and arguments have values that are not empty, and numbers where they must."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options by subject, and the commands."""
        write_options(self, ctx, formatter)
        write_commands(self, ctx, formatter)

    def summary(self, context: Any, name: str) -> str:
        """Return the first paragraph of what a command says of itself."""
        command = self.get_command(context, name)
        return " ".join((command.help or "").split("\n\n")[0].split()) if command else ""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that the arguments name, and the arguments that are left for it.

        Raises:
            ExperimentError: with one problem for each value that is no good.
        """
        found = super().resolve_command(ctx, args)
        _, command, rest = found
        if command is not None:
            problems = list(_problems(command, ctx, list(rest)))
            if problems:
                raise ExperimentError(problems)
        return found


def _problems(command: Any, parent: Any, arguments: list[str]) -> Iterable[Problem]:
    context = command.context_class(
        command, parent=parent, info_name=command.name, **command.context_settings
    )
    context.resilient_parsing = True  # what else is wrong is said when the command itself is called
    try:
        given, _, order = command.make_parser(context).parse_args(arguments)
    except Exception as error:
        if getattr(error, "show", None) is None:
            raise
        return
    for parameter in dict.fromkeys(order):
        values = given.get(parameter.name)
        for value in values if isinstance(values, (list, tuple)) else [values]:
            if isinstance(value, str):
                allowed = "a value that is not empty" if not value.strip() else _number(parameter, value)
                if allowed:
                    about = (getattr(parameter, "help", None) or "text").partition(" [default")[0]
                    yield Problem(_name(parameter), repr(value), f"allowed is {allowed}: {about}")


def _number(parameter: Any, value: str) -> str:
    """Return in words which numbers a parameter takes, or nothing where it takes this one, or text."""
    kind = str(getattr(parameter, "type", None) or parameter.type_descriptor.annotation).lower()
    whole = "int" in kind
    if not whole and "float" not in kind:
        return ""
    low = getattr(parameter, "min", getattr(getattr(parameter, "type", None), "min", None))
    try:
        number = int(value) if whole else float(value)
        if math.isfinite(number) and (low is None or number >= low):
            return ""
    except ValueError:
        pass
    return ("a whole number" if whole else "a number") + (f" of at least {low:g}" if low is not None else "")


def _name(parameter: Any) -> str:
    """Return the name of a parameter as a person knows it, without dashes."""
    options = [name for name in parameter.opts if name.startswith("--")]
    metavar = getattr(parameter, "metavar", None) or parameter.name.upper()
    return options[0].removeprefix("--") if options else str(metavar).strip("[].")
