"""``geomreg-tui train``: what training finds, and how rare in weight space that is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from geomreg_tui.cli.completion import complete_run
from geomreg_tui.cli.options import (
    NameOption,
    NoteOption,
    OutOption,
    QuietOption,
    TagOption,
    described,
    given_labels,
    refuse,
)
from geomreg_tui.cli.place import (
    DeviceOption,
    ExecutorOption,
    JobsOption,
    SchedulerOption,
    WorkersOption,
    asked_cluster,
)
from geomreg_tui.cli.run import (
    AllowMixedOption,
    DetachOption,
    JsonOption,
    ObservedOption,
    ObserveOption,
    PairsOption,
    ResumeOption,
    Resumption,
    TakeOverOption,
    WalkStepOption,
    attend,
    find_stored,
    go_on,
    observe_plan,
    show_complete,
)
from geomreg_tui.cli.signals import Signals
from geomreg_tui.cli.tail import MoveOption, PopulationOption, RepeatsOption, SecondsOption, VolumeOption
from geomreg_tui.errors import ExperimentError, Problem
from geomreg_tui.experiment import Experiment, parse_count
from geomreg_tui.place import LOCAL, Cluster
from geomreg_tui.splitting.plan import parse_plan as parse_tail
from geomreg_tui.training.option_texts import TAIL_TOO, TRAINING_TEXTS
from geomreg_tui.training.plan import check_plan, parse_plan

if TYPE_CHECKING:
    from geomreg_tui.gradients.plan import GradientPlan
    from geomreg_tui.rundir import Labels, RunDirectory
    from geomreg_tui.runner import RunHandle
    from geomreg_tui.splitting.plan import TailPlan
    from geomreg_tui.training.plan import TrainingPlan

__all__ = [
    "BatchOption",
    "MomentumOption",
    "OptimizerOption",
    "RateOption",
    "RecordOption",
    "ShareOption",
    "SketchOption",
    "StepsOption",
    "SubspaceOption",
    "TrainOption",
    "TrajectoriesOption",
    "tail_plan",
    "train",
    "training_plan",
]

_SAMPLES = "1e5"
_DEEP = "Volume of what training finds"

OptimizerOption = Annotated[str | None, described(TRAINING_TEXTS["optimizer"])]
RateOption = Annotated[str | None, described(TRAINING_TEXTS["lr"])]
ShareOption = Annotated[str | None, described(TRAINING_TEXTS["lr-share"])]
MomentumOption = Annotated[str | None, described(TRAINING_TEXTS["momentum"])]
BatchOption = Annotated[str | None, described(TRAINING_TEXTS["batch"])]
StepsOption = Annotated[str | None, described(TRAINING_TEXTS["steps"])]
ToLossOption = Annotated[str | None, described(TRAINING_TEXTS["to-loss"])]
TrainOption = Annotated[str | None, described(TRAINING_TEXTS["train"])]
TrajectoriesOption = Annotated[str | None, described(TRAINING_TEXTS["trajectories"])]
RecordOption = Annotated[str | None, described(TRAINING_TEXTS["record"])]
SketchOption = Annotated[str | None, described(TRAINING_TEXTS["sketch"])]
SubspaceOption = Annotated[str | None, described(TRAINING_TEXTS["subspace"])]


def train(
    experiment: Experiment,
    optimizer: OptimizerOption = None,
    lr: RateOption = None,
    lr_share: ShareOption = None,
    momentum: MomentumOption = None,
    batch: BatchOption = None,
    steps: StepsOption = None,
    to_loss: ToLossOption = None,
    train: TrainOption = None,
    trajectories: TrajectoriesOption = None,
    record: RecordOption = None,
    sketch: SketchOption = None,
    subspace: SubspaceOption = None,
    samples: Annotated[
        str | None,
        typer.Option(
            "--samples",
            help=f"networks to draw, for V of the losses that training comes to [default: {_SAMPLES}]",
            metavar="COUNT",
        ),
    ] = None,
    tail: Annotated[
        bool,
        typer.Option(
            TAIL_TOO.option,
            help=TAIL_TOO.help,
            rich_help_panel=_DEEP,
        ),
    ] = False,
    volume_from: Annotated[
        str | None,
        typer.Option(
            "--volume-from",
            help="take V from a run of the same experiment that is there already, its deep tail included",
            metavar="RUN",
            autocompletion=complete_run,
            rich_help_panel=_DEEP,
        ),
    ] = None,
    to_log10_volume: VolumeOption = None,
    population: PopulationOption = None,
    repeats: RepeatsOption = None,
    max_seconds: SecondsOption = None,
    move: MoveOption = None,
    observe: ObserveOption = None,
    observed: ObservedOption = None,
    pairs: PairsOption = None,
    walk_step: WalkStepOption = None,
    device: DeviceOption = "auto",
    workers: WorkersOption = None,
    executor: ExecutorOption = LOCAL,
    scheduler: SchedulerOption = None,
    jobs: JobsOption = None,
    out: OutOption = None,
    name: NameOption = None,
    tag: TagOption = None,
    note: NoteOption = None,
    resume: ResumeOption = None,
    detach: DetachOption = False,
    take_over: TakeOverOption = False,
    allow_mixed: AllowMixedOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Train networks drawn from the init law, and say how rare what they find is.

    First networks are drawn plainly, for V(loss). Then an ensemble is trained, many networks at once, each
    from a draw of its own.
    """
    options = {
        "optimizer": optimizer,
        "lr": lr,
        "lr-share": lr_share,
        "momentum": momentum,
        "batch": batch,
        "steps": steps,
        "to-loss": to_loss,
        "train": train,
        "trajectories": trajectories,
        "record": record,
        "sketch": sketch,
        "subspace": subspace,
    }
    goals = {
        "to-log10-volume": to_log10_volume,
        "population": population,
        "repeats": repeats,
        "move": move,
        "max-seconds": max_seconds,
    }
    cluster = asked_cluster(
        executor, scheduler, jobs, workers, allow_mixed=allow_mixed, resumed=resume is not None
    )
    labels = given_labels(name, tag, note, resumed=resume is not None)
    with Signals() as signals:
        if resume is None:
            refuse(take_over, "take-over", "only with --resume")
            plan = training_plan(options, experiment)
            deep = tail_plan(goals, plan, None, asked=tail)
            refuse(tail and volume_from is not None, "volume-from", "only without --tail")
            drawn = _SAMPLES if samples is None else samples
            seen = observe_plan(drawn, observe, observed, pairs, walk_step)
            handle = _begin(
                experiment, plan, deep, volume_from, drawn, seen, device, workers, cluster, out, labels
            )
        else:
            refuse(out is not None, "out", "only without --resume: a run stays where it is")
            refuse(tail, "tail", "only when a training begins")
            refuse(volume_from is not None, "volume-from", "only when a training begins")
            looks = {"observe": observe, "observed": observed, "pairs": pairs, "walk-step": walk_step}
            for name, given in {**options, **goals, **looks}.items():
                refuse(given is not None, name, "only when a training begins: its plan never changes")
            stored = find_stored(resume, experiment)
            how = Resumption(device, workers, take_over, allow_mixed, cluster, quiet)
            again = _go_on(stored, experiment, samples, how)
            if again is None:
                show_complete(stored.path, "--samples", detach=detach, as_json=as_json, quiet=quiet)
                return
            handle = again
        attend(handle, signals, "train", detach=detach, as_json=as_json, quiet=quiet)


def training_plan(options: Mapping[str, str | None], experiment: Experiment) -> TrainingPlan:
    """Return how networks of an experiment are trained; options by their names, as the person wrote them.

    Raises:
        ExperimentError: with one problem for each option that is no good, or what cannot be trained.
    """
    plan = parse_plan(**{name.replace("-", "_"): text for name, text in options.items()})
    check_plan(plan, experiment)
    return plan


def tail_plan(
    goals: Mapping[str, str | None], trained: TrainingPlan | None, to_loss: str | None, *, asked: bool
) -> TailPlan | None:
    """Return how deep a tail goes: with a training, below the loss that networks are trained to.

    Args:
        goals: all but the loss, by the names of the options, as the person wrote them.
        trained: how networks are trained; None for not at all.
        to_loss: the loss that the tail goes to where nothing is trained.
        asked: whether there is to be a tail.

    Raises:
        ExperimentError: with one problem for each goal that is no good, or is named without a tail.
    """
    for name, given in goals.items():
        refuse(given is not None and not asked, name, "only with --tail")
    if not asked:
        return None
    if trained is not None:
        to_loss = str(trained.tail_loss) if trained.tail_loss else None
    return parse_tail(to_loss, **{name.replace("-", "_"): text for name, text in goals.items()})


def _begin(
    experiment: Experiment,
    plan: TrainingPlan,
    tail: TailPlan | None,
    volume_from: str | None,
    samples: str,
    observe: GradientPlan | None,
    device: str,
    workers: int | None,
    cluster: Cluster | None,
    out: Path | None,
    labels: Labels | None,
) -> RunHandle:
    from geomreg_tui import report
    from geomreg_tui.runner import start_run

    wanted = parse_count(samples)
    volume = None if volume_from is None else report.volume_from(volume_from, experiment)
    return start_run(
        experiment,
        wanted,
        directory=out,
        workers=workers,
        device=device,
        cluster=cluster,
        tail=tail,
        training=plan,
        volume=volume,
        observe=observe,
        labels=labels,
    )


def _go_on(stored: RunDirectory, given: Experiment, samples: str | None, how: Resumption) -> RunHandle | None:
    """Return the run going on, or None when it has nothing left to do."""
    from geomreg_tui.training.store import TrainingFolder

    if TrainingFolder(stored).planned() is None:
        rule = (
            "allowed is a run that 'geomreg-tui train' began; 'geomreg-tui run --resume' goes on with others"
        )
        raise ExperimentError([Problem("resume", repr(stored.path.name), rule)])
    return go_on(stored, given, samples, how)
