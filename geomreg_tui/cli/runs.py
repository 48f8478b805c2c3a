"""``geomreg-tui runs``: the runs and sweeps on disk, and commands to their engines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from geomreg_tui.cli.completion import complete_run
from geomreg_tui.cli.help import HelpCommand
from geomreg_tui.cli.progress import narrate
from geomreg_tui.cli.run import JsonOption, print_json
from geomreg_tui.cli.values import CommandGroup
from geomreg_tui.errors import ExitCode, GeomregError, RunDirectoryError, plain_text
from geomreg_tui.experiment import parse_count
from geomreg_tui.formatting import size_text

__all__ = ["AnyArgument", "RunArgument", "runs_app"]


RunArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="a run directory, a run's name or part of it, or 'latest'",
        autocompletion=complete_run,
    ),
]
AnyArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="a run, a sweep, a comparison or studies: its directory, a name or part of one, or 'latest' for "
        "the newest run",
        autocompletion=complete_run,
    ),
]
_Going = Annotated[
    str,
    typer.Argument(
        metavar="[RUN]",
        help="as for report [default: the newest that is being sampled]",
        autocompletion=complete_run,
    ),
]

runs_app = typer.Typer(invoke_without_command=True, cls=CommandGroup, rich_markup_mode=None)


@runs_app.callback()
def list_all(
    context: typer.Context,
    where: Annotated[
        str | None,
        typer.Option(
            help="only those of which this holds: 'width>64 init:he* state=done -tag:draft', or any words",
            metavar="CONDITION",
        ),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(
            help="by size, d0, v, tail, fitted, samples, name, state or a key of the experiment, smallest "
            "first [default: when, newest first]",
            metavar="KEY",
        ),
    ] = None,
    reverse: Annotated[bool, typer.Option("--reverse", help="the other way around")] = False,
    limit: Annotated[int, typer.Option(help="show the first so many; 0 for all", min=0)] = 20,
    as_json: JsonOption = False,
) -> None:
    """List runs and sweeps, newest first; or name, check, delete, pause, stop or extend one."""
    if context.invoked_subcommand is not None:
        return
    from geomreg_tui.cli.listed import chosen_rows, listed_rows, print_rows
    from geomreg_tui.rundir import runs_root

    rows, total, found = chosen_rows(where, sort, limit, reverse=reverse)
    if as_json:
        print_json(listed_rows(rows))
    elif not total:
        narrate(f"No runs in {runs_root()}; 'geomreg-tui run' makes one.")
    else:
        print_rows(rows)
        if where is not None:
            narrate(f"{found:,} of {total:,}.")
        if len(rows) < found:
            narrate(
                f"{found - len(rows):,} {'others' if sort or reverse else 'older runs'}; --limit 0 lists all."
            )


@runs_app.command(cls=HelpCommand)
def edit(
    run: AnyArgument,
    name: Annotated[
        str | None, typer.Option("--name", help="another name; '-' takes it away", metavar="TEXT")
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", help="a tag more, or several with commas; may be given again", metavar="TEXT"),
    ] = None,
    untag: Annotated[
        list[str] | None, typer.Option("--untag", help="a tag to take away", metavar="TEXT")
    ] = None,
    note: Annotated[
        str | None, typer.Option("--note", help="another note; '-' takes it away", metavar="TEXT")
    ] = None,
) -> None:
    """Change name, tags and note of a run or a sweep, whatever it is doing; without options: show them."""
    from geomreg_tui.listing import find_any
    from geomreg_tui.rundir import change_labels

    entry = find_any(run)
    cleared = ["" if text == "-" else text for text in (name, note)]
    if name or tag or untag or note:
        labels = change_labels(entry.path, cleared[0], tag, cleared[1], without=untag or ())
    else:
        labels = entry.labels()
    print(plain_text(f"run   {entry.path}\nname  {labels.name}\ntags  {', '.join(labels.tags)}"))
    print(f"note  {labels.note}")


@runs_app.command("log", cls=HelpCommand)
def show_log(
    run: AnyArgument = "latest",
    last: Annotated[int, typer.Option(help="show the newest so many lines; 0 for all", min=0)] = 50,
    as_json: JsonOption = False,
) -> None:
    """Print what happened to a run or a sweep: starts, stops, commands, failures, with times."""
    from geomreg_tui.listing import find
    from geomreg_tui.listing.history import read_history

    lines = read_history(find(run))
    shown = lines[-last:] if last else lines
    if as_json:
        print_json([line._asdict() for line in shown])
        return
    for line in shown:
        print(f"{line.time:19}  {'! ' if line.wrong else ''}{line.text}")
    if len(shown) < len(lines):
        narrate(f"{len(lines) - len(shown):,} older lines; --last 0 shows all.")


@runs_app.command(cls=HelpCommand)
def verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN]...", help="runs to check [default: latest]", autocompletion=complete_run
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="check every run of the catalogue")] = False,
) -> None:
    """Check every checksum of runs; exit 1 if anything is wrong. Nothing is written."""
    from geomreg_tui.listing import find_any, run_paths
    from geomreg_tui.rundir import list_runs
    from geomreg_tui.runner.verify import verify_run

    paths = [entry.path for entry in list_runs()] if everything else []
    for entry in [] if everything else map(find_any, names or ["latest"]):
        paths += run_paths(entry)
    wrong = 0
    for path in paths:
        try:
            found = verify_run(path)
        except GeomregError as error:
            wrong += 1
            print(plain_text(f"{path.name}: NOT A READABLE RUN: {error}"))
            continue
        verdict = "ok" if not found.problems else f"{len(found.problems)} PROBLEM(S)"
        files = f"{found.files} file{'s' * (found.files != 1)}"
        print(f"{plain_text(path.name)}: {verdict}, {found.samples:,} networks in {files}")
        for line in (*(f"! {p}" for p in found.problems), *found.notes):
            print(plain_text(f"  {line}"))
        wrong += bool(found.problems)
    if wrong:
        narrate("'geomreg-tui run --resume RUN' sets damaged files aside and draws their chunks again.")
        raise typer.Exit(ExitCode.ERROR)


@runs_app.command("rm", cls=HelpCommand)
def remove(
    names: Annotated[
        list[str],
        typer.Argument(metavar="RUN", help="runs and sweeps to delete", autocompletion=complete_run),
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="although an engine seems to be at work on another host")
    ] = False,
) -> None:
    """Delete runs, and sweeps with their points, after asking once. Files that no engine wrote are kept."""
    from geomreg_tui.listing import delete_entry, find_any, status_of

    entries = list(dict.fromkeys(find_any(name) for name in names))
    if not yes:
        total = 0
        for entry in entries:
            status, size = status_of(entry), entry.size()
            total += size
            state = f"{entry.kind}, {status.state.value}, {status.samples:,} networks, {size_text(size)}"
            narrate(f"{entry.path}: {state}  {status.about}")
        if not sys.stdin.isatty():
            raise RunDirectoryError("nobody is there to be asked; pass --yes to delete without asking")
        if not typer.confirm(f"Delete these {len(entries)}, {size_text(total)}, for good?", err=True):
            narrate("Nothing was deleted.")
            raise typer.Exit(ExitCode.ERROR)
    for entry in entries:
        kept = delete_entry(entry, force=force)
        narrate(f"Deleted {entry.name}" + (f"; kept what is not ours: {', '.join(kept)}" if kept else ""))


@runs_app.command(cls=HelpCommand)
def pause(name: _Going = "going") -> None:
    """Pause a run that is being sampled; its processes stay."""
    from geomreg_tui.runner import RunHandle

    RunHandle(_going(name)).pause()


@runs_app.command(cls=HelpCommand)
def unpause(name: _Going = "going") -> None:
    """Go on with a run that is paused."""
    from geomreg_tui.runner import RunHandle

    RunHandle(_going(name)).resume()


@runs_app.command(cls=HelpCommand)
def stop(
    name: _Going = "going",
    wait: Annotated[float, typer.Option(help="seconds to wait until it has stopped", min=0)] = 60.0,
) -> None:
    """Stop a run that is being sampled; what is done is kept, and run --resume goes on."""
    from geomreg_tui.runner import RunHandle

    handle = RunHandle(_going(name))
    handle.stop()
    if wait and not handle.wait(wait):
        raise RunDirectoryError(f"{handle.directory.name} has not stopped after {wait:g} s")
    narrate(f"{handle.directory.name}: {handle.status().samples:,} networks are kept")


@runs_app.command(cls=HelpCommand)
def extend(
    name: RunArgument,
    samples: Annotated[str, typer.Argument(metavar="COUNT", help="networks in all, such as 1e8")],
) -> None:
    """Ask a run that is being sampled for more networks; one that is over goes on with run --resume."""
    from geomreg_tui.runner import RunHandle

    RunHandle(_going(name)).extend(parse_count(samples))


def _going(name: str) -> Path:
    """Return the directory of a run that an engine is at."""
    from geomreg_tui.rundir import RunDirectory, find_run

    path = find_run(name)
    if RunDirectory.open(path).engine() is None:
        raise RunDirectoryError(
            f"{path.name}: no engine is at work on it; 'geomreg-tui run --resume {path.name}' starts one"
        )
    return path
