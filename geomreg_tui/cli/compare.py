"""``geomreg-tui compare``: networks of low loss drawn by volume, beside trained ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from geomreg_tui.cli.options import QuietOption, SamplesOption
from geomreg_tui.cli.output import flush_output, output_width
from geomreg_tui.cli.place import (
    DeviceOption,
    ExecutorOption,
    JobsOption,
    MixedWorkersOption,
    SchedulerOption,
    WorkersOption,
    asked_cluster,
)
from geomreg_tui.cli.progress import narrate
from geomreg_tui.cli.run import JsonOption, print_json
from geomreg_tui.cli.signals import Signals
from geomreg_tui.cli.tail import PopulationOption, RepeatsOption
from geomreg_tui.cli.train import BatchOption, RateOption, ShareOption, StepsOption, TrajectoriesOption
from geomreg_tui.errors import ExitCode
from geomreg_tui.experiment import Experiment
from geomreg_tui.place import LOCAL

__all__ = ["compare"]


def compare(
    experiment: Experiment,
    arms: Annotated[
        str,
        typer.Option(
            "--arms", metavar="NAMES", help="two or more of volume, readout, gd and sgd, with commas"
        ),
    ] = "volume,readout,gd",
    training_sets: Annotated[
        str,
        typer.Option(
            "--training-sets",
            metavar="K",
            help="training sets, each with examples and weights of its own; differences are judged over them",
        ),
    ] = "20",
    to_loss: Annotated[
        str,
        typer.Option("--to-loss", metavar="LOSS", help="training loss eps that all networks come to"),
    ] = "0.01",
    population: PopulationOption = None,
    repeats: RepeatsOption = None,
    trajectories: TrajectoriesOption = None,
    steps: StepsOption = None,
    lr: RateOption = None,
    lr_share: ShareOption = None,
    batch: BatchOption = None,
    samples: SamplesOption = "1e4",
    device: DeviceOption = "auto",
    workers: WorkersOption = None,
    executor: ExecutorOption = LOCAL,
    scheduler: SchedulerOption = None,
    jobs: JobsOption = None,
    allow_mixed: MixedWorkersOption = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="directory for the results; a comparison that was stopped there goes on"),
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Compare networks drawn by volume with trained ones, at equal training loss on the same data.

    Every arm has the same init law, training sets, loss to come to and held-out examples. Differences are
    paired over training sets. At infinite width and for linear models they are known exactly.
    """
    from geomreg_tui.report.comparison import comparison_text
    from geomreg_tui.studies.compare import run_comparison
    from geomreg_tui.studies.comparison import parse_compare
    from geomreg_tui.sweeps.directory import new_sweep_path

    cluster = asked_cluster(executor, scheduler, jobs, workers, allow_mixed=allow_mixed)
    tail = {"population": population, "repeats": repeats}
    training = {"trajectories": trajectories, "steps": steps, "lr": lr, "lr_share": lr_share, "batch": batch}
    plan = parse_compare(experiment, arms, training_sets, to_loss, samples, tail, training)
    plan.parts()
    folder = out or new_sweep_path(experiment)
    with Signals() as signals:
        signals.raising = False
        comparison, failed = run_comparison(
            plan,
            folder,
            workers=workers,
            device=device,
            cluster=cluster,
            interrupted=lambda: signals.stops > 0,
            progress=lambda arm, done, total: narrate(f"[{done}/{total}] {arm}", quiet),
        )
    if signals.hang_up:
        raise typer.Exit(ExitCode.HANG_UP)
    try:
        if as_json:
            print_json(comparison.to_json())
        else:
            print(comparison_text(comparison, output_width()))
        flush_output()
    finally:
        narrate(f"Kept in {folder}", quiet)
    for line in failed:
        narrate(f"failed: {line}", quiet)
    if signals.stops:
        narrate(f"Stopped early; the same command with --out {folder} goes on.", quiet)
        raise typer.Exit(ExitCode.INTERRUPTED)
    if failed:
        narrate(f"The same command with --out {folder} tries what failed again.", quiet)
        raise typer.Exit(ExitCode.RUN_FAILED)
