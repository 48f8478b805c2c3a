"""``geomreg-tui runs``: the runs on disk, and commands to their engines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from geomreg_tui.cli.completion import complete_run
from geomreg_tui.cli.help import HelpCommand
from geomreg_tui.cli.output import output_width
from geomreg_tui.cli.progress import narrate
from geomreg_tui.cli.run import JsonOption, print_json
from geomreg_tui.cli.values import CommandGroup
from geomreg_tui.errors import ExitCode, GeomregError, RunDirectoryError, plain_text
from geomreg_tui.experiment import parse_count

__all__ = ["RunArgument", "runs_app"]


RunArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="a run directory, a run's name or part of it, or 'latest'",
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

runs_app = typer.Typer(invoke_without_command=True, cls=CommandGroup)


@runs_app.callback()
def list_all(
    context: typer.Context,
    as_json: JsonOption = False,
    limit: Annotated[int, typer.Option(help="show the newest so many; 0 for all", min=0)] = 20,
) -> None:
    """List the runs on disk, newest first; or check, delete, pause, stop or extend one."""
    if context.invoked_subcommand is not None:
        return
    from geomreg_tui.rundir import list_runs, runs_root

    entries = list_runs()
    shown = entries[:limit] if limit else entries
    rows = [_row(entry.path) for entry in shown]
    if as_json:
        print_json(rows)
    elif not rows:
        narrate(f"No runs in {runs_root()}; 'geomreg-tui run' makes one.")
    else:
        _print_table(rows)
        if len(shown) < len(entries):
            narrate(f"{len(entries) - len(shown):,} older runs; --limit 0 lists all.")


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
    from geomreg_tui.rundir import find_run, list_runs
    from geomreg_tui.runner.verify import verify_run

    paths = (
        [entry.path for entry in list_runs()] if everything else [find_run(n) for n in names or ["latest"]]
    )
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
        list[str], typer.Argument(metavar="RUN", help="runs to delete", autocompletion=complete_run)
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="although an engine seems to be at work on another host")
    ] = False,
) -> None:
    """Delete runs, after asking. Files that no engine wrote are kept."""
    from geomreg_tui.rundir import RunEntry, find_run
    from geomreg_tui.runner.registry import delete_run

    entries = [RunEntry(find_run(name)) for name in names]
    if not yes:
        for entry in entries:
            status = entry.status()
            state = f"{status.state.value}, {status.samples:,} networks, {_size(entry.size())}"
            narrate(f"{entry.path}: {state}  {status.about}")
        if not sys.stdin.isatty():
            raise RunDirectoryError("nobody is there to be asked; pass --yes to delete without asking")
        if not typer.confirm(f"Delete {len(entries)} run(s) for good?", err=True):
            narrate("Nothing was deleted.")
            raise typer.Exit(ExitCode.ERROR)
    for entry in entries:
        kept = delete_run(entry.path, force=force)
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


def _row(path: Path) -> dict[str, str | int | bool]:
    from geomreg_tui.rundir import RunEntry

    entry = RunEntry(path)
    status = entry.status()
    return {
        "name": entry.name,
        "state": status.state.value,
        "samples": status.samples,
        "target": status.target,
        "bytes": entry.size(),
        "mixed": status.mixed,
        "experiment": status.about,
    }


def _print_table(rows: list[dict[str, str | int | bool]]) -> None:
    from geomreg_tui.columns import table_lines

    cells = []
    for row in rows:
        state = f"{row['state']}, mixed" if row["mixed"] else str(row["state"])
        size = _size(int(row["bytes"]))
        about = " ".join(str(row["experiment"]).split())
        cells.append([str(row["name"]), state, f"{row['samples']:,}", size, about])
    headings = ("run", "state", "networks", "size", "experiment")
    lines = table_lines(headings, cells, output_width(), left=(0, 1, 4), wrap_last=True)
    print(plain_text("\n".join(lines)))


def _size(size: int) -> str:
    return f"{size / 2**20:.1f} MB" if size >= 2**20 else f"{size / 2**10:.0f} kB"
