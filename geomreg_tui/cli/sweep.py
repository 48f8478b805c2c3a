"""``geomreg-tui sweep``: an experiment over the values of one or two factors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from geomreg_tui.cli.options import (
    NameOption,
    NoteOption,
    QuietOption,
    SamplesOption,
    TagOption,
    given_labels,
    refuse,
)
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
from geomreg_tui.cli.run import (
    JsonOption,
    ObservedOption,
    ObserveOption,
    PairsOption,
    WalkStepOption,
    observe_plan,
    print_json,
)
from geomreg_tui.cli.signals import Signals
from geomreg_tui.cli.tail import (
    LossOption,
    MoveOption,
    PopulationOption,
    RepeatsOption,
    SecondsOption,
    VolumeOption,
)
from geomreg_tui.cli.train import (
    BatchOption,
    MomentumOption,
    OptimizerOption,
    RateOption,
    RecordOption,
    ShareOption,
    SketchOption,
    StepsOption,
    SubspaceOption,
    TrainOption,
    TrajectoriesOption,
    tail_plan,
    training_plan,
)
from geomreg_tui.errors import ExitCode
from geomreg_tui.experiment import Experiment, parse_count
from geomreg_tui.place import LOCAL

if TYPE_CHECKING:
    from geomreg_tui.sweeps.plan import Factor
    from geomreg_tui.sweeps.result import FailedPoint, SweepPoint
    from geomreg_tui.sweeps.verdicts import GridVerdict, Verdict

__all__ = ["print_sweep", "sweep"]


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
    training: Annotated[
        bool,
        typer.Option(
            "--training",
            help="train networks at each point, to --to-loss, and compare what they find",
        ),
    ] = False,
    optimizer: OptimizerOption = None,
    lr: RateOption = None,
    lr_share: ShareOption = None,
    momentum: MomentumOption = None,
    batch: BatchOption = None,
    steps: StepsOption = None,
    train: TrainOption = None,
    trajectories: TrajectoriesOption = None,
    record: RecordOption = None,
    sketch: SketchOption = None,
    subspace: SubspaceOption = None,
    observe: ObserveOption = None,
    observed: ObservedOption = None,
    pairs: PairsOption = None,
    walk_step: WalkStepOption = None,
    device: DeviceOption = "auto",
    workers: WorkersOption = None,
    executor: ExecutorOption = LOCAL,
    scheduler: SchedulerOption = None,
    jobs: JobsOption = None,
    allow_mixed: MixedWorkersOption = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="directory for the results; a sweep that was stopped there goes on"),
    ] = None,
    name: NameOption = None,
    tag: TagOption = None,
    note: NoteOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run an experiment over the values of one or two factors, and say which way each pushes the balance."""
    from geomreg_tui.rundir.elsewhere import SWEEP, remember
    from geomreg_tui.sweeps.directory import new_sweep_path
    from geomreg_tui.sweeps.plan import grid, parse_factor, point_name
    from geomreg_tui.sweeps.result import SweepError
    from geomreg_tui.sweeps.run import run_sweep
    from geomreg_tui.sweeps.verdicts import grid_verdicts, verdicts

    cluster = asked_cluster(executor, scheduler, jobs, workers, allow_mixed=allow_mixed)
    labels = given_labels(name, tag, note)
    wanted = parse_count(samples)
    goals = {
        "to-log10-volume": to_log10_volume,
        "population": population,
        "repeats": repeats,
        "move": move,
        "max-seconds": max_seconds,
    }
    options = {
        "optimizer": optimizer,
        "lr": lr,
        "lr-share": lr_share,
        "momentum": momentum,
        "batch": batch,
        "steps": steps,
        "train": train,
        "trajectories": trajectories,
        "record": record,
        "sketch": sketch,
        "subspace": subspace,
    }
    refuse(to_loss is not None and not (tail or training), "to-loss", "only with --tail or --training")
    for option, given in options.items():
        refuse(given is not None and not training, option, "only with --training")
    trained = training_plan({**options, "to-loss": to_loss}, experiment) if training else None
    plan = tail_plan(goals, trained, to_loss, asked=tail)
    seen = observe_plan(samples, observe, observed, pairs, walk_step)
    factors = [parse_factor(text) for text in over]
    total = len(grid(experiment, factors))
    folder = out or new_sweep_path(experiment)
    found = []
    failure: SweepError | None = None
    with Signals() as signals:
        signals.raising = False
        points = run_sweep(
            experiment,
            factors,
            wanted,
            folder,
            workers=workers,
            device=device,
            cluster=cluster,
            interrupted=lambda: signals.stops > 0,
            tail=plan,
            training=trained,
            observed=seen,
            labels=labels,
            begun=lambda: remember(folder, SWEEP),
        )
        try:
            for point in points:
                found.append(point)
                narrate(f"[{len(found)}/{total}] {point_name(factors, point.settings)}", quiet)
        except SweepError as error:
            failure = error
    judged, judged_grid = verdicts(factors, found), grid_verdicts(factors, found)
    if signals.hang_up:
        raise typer.Exit(ExitCode.HANG_UP)
    try:
        print_sweep(factors, found, judged, judged_grid, as_json, failure.failed if failure else ())
        flush_output()
    finally:
        narrate(f"Kept in {folder}", quiet)
    if failure is not None:
        narrate(f"The same command with --out {folder} tries what failed again.", quiet)
        raise failure
    if signals.stops:
        narrate(f"Stopped early; the same command with --out {folder} goes on.", quiet)
        raise typer.Exit(ExitCode.INTERRUPTED)


def print_sweep(
    factors: Sequence[Factor],
    points: Sequence[SweepPoint],
    judged: Sequence[Verdict],
    judged_grid: Sequence[GridVerdict],
    as_json: bool,
    failed: Sequence[FailedPoint] = (),
) -> None:
    """Print a sweep as a table with its directions, or as JSON."""
    if as_json:
        from geomreg_tui.sweeps.document import sweep_document

        print_json(sweep_document(factors, points, judged, judged_grid, failed))
        return
    from geomreg_tui.report import sweep_text

    print(sweep_text(factors, points, judged, judged_grid, output_width(), failed))
