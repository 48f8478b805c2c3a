"""Help texts: everyday options first, the others by subject, whole sentences at the terminal's width."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

__all__ = ["HelpCommand", "write_commands", "write_options"]

_EVERYDAY = "Options"


class HelpCommand(TyperCommand):
    """A command whose options are listed by subject."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options."""
        write_options(self, ctx, formatter)


def write_options(command: Any, context: Any, formatter: Any) -> None:
    """Write arguments and options, a section for each subject; those without one come first.

    Args:
        command: the command.
        context: its context.
        formatter: takes the sections.
    """
    sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], _EVERYDAY: []}
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is None:
            continue
        is_argument = parameter.param_type_name == "argument"
        subject = "Arguments" if is_argument else getattr(parameter, "rich_help_panel", None) or _EVERYDAY
        sections.setdefault(subject, []).append(record)
    for subject, records in sections.items():
        if records:
            with formatter.section(subject):
                formatter.write_dl(records)


def write_commands(group: Any, context: Any, formatter: Any) -> None:
    """Write the commands of a group, each with the first paragraph of what it says of itself.

    Args:
        group: the commands.
        context: the context of the group.
        formatter: takes the section.
    """
    records = [(name, group.summary(context, name)) for name in group.list_commands(context)]
    with formatter.section("Commands"):
        formatter.write_dl(records)
