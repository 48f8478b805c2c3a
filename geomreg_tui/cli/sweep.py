"""``geomreg-tui sweep``: an experiment over the values of one or two factors."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from geomreg_tui.cli.options import QuietOption, SamplesOption
from geomreg_tui.cli.progress import narrate
from geomreg_tui.cli.run import DeviceOption, JsonOption, WorkersOption, print_json, refuse
from geomreg_tui.cli.signals import Signals
from geomreg_tui.cli.tail import (
    LossOption,
    MoveOption,
    PopulationOption,
    RepeatsOption,
    SecondsOption,
    VolumeOption,
)
from geomreg_tui.errors import ExitCode
from geomreg_tui.experiment import Experiment, parse_count
from geomreg_tui.summary.goals import parse_plan

__all__ = ["sweep"]


def sweep(
    experiment: Experiment,
    over: Annotated[
        list[str],
        typer.Option(
            metavar="KEY=VALUES",
            help="a factor and its values: width=16,64,256 or depth=1:8 or width=16:1024:x2; once or twice",
        ),
    ],
    samples: SamplesOption = "1e5",
    tail: Annotated[
        bool,
        typer.Option("--tail", help="go down the deep tail of each, and compare V at equal loss"),
    ] = False,
    to_loss: LossOption = None,
    to_log10_volume: VolumeOption = None,
    population: PopulationOption = None,
    repeats: RepeatsOption = None,
    max_seconds: SecondsOption = None,
    move: MoveOption = None,
    device: DeviceOption = "auto",
    workers: WorkersOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="directory for the results; a sweep that was stopped there goes on"),
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run an experiment over the values of one or two factors, and say which way each pushes the balance."""
    from geomreg_tui.engine.sweep import grid, parse_factor, point_name, run_sweep, verdicts
    from geomreg_tui.export import sweep_document, sweep_text, write_json_file
    from geomreg_tui.runs import runs_root

    wanted = parse_count(samples)
    goals = (to_loss, to_log10_volume, population, repeats, move, max_seconds)
    names = ("to-loss", "to-log10-volume", "population", "repeats", "move", "max-seconds")
    for name, given in zip(names, goals, strict=True):
        refuse(given is not None and not tail, name, "only with --tail")
    plan = parse_plan(*goals) if tail else None
    factors = [parse_factor(text) for text in over]
    total = len(grid(experiment, factors))
    folder = out or runs_root().with_name("sweeps") / _stamp(experiment)
    found = []
    with Signals() as signals:
        signals.raising = False
        for point in run_sweep(
            experiment,
            factors,
            wanted,
            folder,
            workers=workers,
            device=device,
            interrupted=lambda: signals.stops > 0,
            tail=plan,
        ):
            found.append(point)
            narrate(f"[{len(found)}/{total}] {point_name(factors, point.settings)}", quiet)
    judged = verdicts(factors, found)
    document = sweep_document(factors, found, judged)
    write_json_file(folder / "sweep.json", document)
    if signals.hang_up:
        raise typer.Exit(ExitCode.HANG_UP)
    if as_json:
        print_json(document)
    else:
        from rich.console import Console

        Console(highlight=False).print(sweep_text(factors, found, judged))
    narrate(f"Kept in {folder}", quiet)
    if signals.stops:
        narrate(f"Stopped early; the same command with --out {folder} goes on.", quiet)
        raise typer.Exit(ExitCode.INTERRUPTED)


def _stamp(experiment: Experiment) -> str:
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{experiment.digest()[:8]}"
