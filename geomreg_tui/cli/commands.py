"""The commands there are. Each is imported when it is asked for: help, and any one of them, is quick."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any, cast

import typer

from geomreg_tui.cli.help import HelpCommand
from geomreg_tui.cli.values import CommandGroup

__all__ = ["COMMANDS", "Entry", "FreshOption", "RootGroup"]

FreshOption = Annotated[bool, typer.Option("--fresh", help="open nothing of the last session again")]


@dataclass(frozen=True)
class Entry:
    """Where a command is, and what the list of commands says of it.

    Attributes:
        place: module below ``geomreg_tui.cli`` and name of the function, or of the commands below it.
        summary: first paragraph of its help.
        of_experiment: whether its first parameter is an experiment, which options describe.
    """

    place: str
    summary: str
    of_experiment: bool = False

    def load(self, name: str) -> Any:
        """Import the command, and return it as the parser of options takes it."""
        module, _, attribute = self.place.partition(":")
        found = getattr(import_module(f"geomreg_tui.cli.{module}"), attribute)
        if isinstance(found, typer.Typer):
            group = typer.main.get_group(found)
            group.name = name
            return group
        if self.of_experiment:
            from geomreg_tui.cli.options import experiment_options

            found = experiment_options(found)
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(name, cls=HelpCommand)(found)
        return typer.main.get_command(alone)


COMMANDS = {
    "run": Entry(
        "run:run",
        "Draw networks, and print what their losses say. Ctrl-C keeps what is done; --resume goes on.",
        of_experiment=True,
    ),
    "tail": Entry(
        "tail:tail",
        "Measure the volume of low loss down to 1e-300, by multilevel splitting.",
        of_experiment=True,
    ),
    "train": Entry(
        "train:train",
        "Train networks drawn from the init law, and say how rare what they find is.",
        of_experiment=True,
    ),
    "sweep": Entry(
        "sweep:sweep",
        "Run an experiment over the values of one or two factors, and say which way each pushes the balance.",
        of_experiment=True,
    ),
    "compare": Entry(
        "compare:compare",
        "Compare networks drawn by volume with trained ones, at equal training loss on the same data.",
        of_experiment=True,
    ),
    "compare-runs": Entry(
        "compare_runs:compare_runs",
        "Compare two to six runs: D_0, mass at L_0, quantiles, V at equal loss and tails, with differences.",
    ),
    "study": Entry(
        "study:study",
        "Put the claims of the paper to the test, and write a report with verdicts.",
    ),
    "explore": Entry(
        "explore:explore",
        "Open the explorer: on an experiment, or without one where the last session ended.",
        of_experiment=True,
    ),
    "attach": Entry(
        "explore:attach",
        "Open the explorer on a run that is being sampled or done; looking at it writes nothing.",
    ),
    "serve": Entry(
        "serve:serve",
        "Open the explorer in a browser: prints an address that opens once. Needs geomreg-tui[serve].",
        of_experiment=True,
    ),
    "sphere": Entry(
        "sphere:sphere",
        "Tabulate and plot log V_n(r) and log S_{n-1}(r), with their peaks.",
    ),
    "report": Entry(
        "inspect:report",
        "Print what the losses of a run or a sweep say; of one that is still sampling, what they say so far.",
    ),
    "export": Entry(
        "inspect:export",
        "Write the histogram, V(eps) and statistics of a run in the format that the file name asks for.",
    ),
    "doctor": Entry(
        "doctor:doctor",
        "Check what this machine has: versions, cores, memory, devices, where runs are kept, the terminal.",
    ),
    "config": Entry(
        "config:config_app",
        "Show the explorer's settings and keys, where each comes from, and which file they can be set in.",
    ),
    "runs": Entry(
        "runs:runs_app",
        "List runs and sweeps, newest first; or name, check, delete, pause, stop or extend one.",
    ),
}


class _Commands(Mapping[str, Any]):
    """Commands by name, in the order of the help; one is imported when it is first looked up."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = COMMANDS[name].load(name)
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in COMMANDS

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class RootGroup(CommandGroup):
    """All commands."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = cast(Any, _Commands())  # only looked up in, never changed

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names in the order of the help."""
        return list(COMMANDS)

    def summary(self, context: Any, name: str) -> str:
        """Return what the list of commands says of one, which is not imported for that."""
        return COMMANDS[name].summary
