"""``geomreg-tui tail``: the volume of low loss, far below what plain sampling sees."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
from geomreg_tui.errors import ExperimentError, Problem
from geomreg_tui.experiment import Experiment, parse_count
from geomreg_tui.gradients.plan import check_plan
from geomreg_tui.place import LOCAL, Cluster
from geomreg_tui.splitting.option_texts import TAIL_TEXTS
from geomreg_tui.splitting.plan import parse_plan, parse_seconds

if TYPE_CHECKING:
    from geomreg_tui.gradients.plan import GradientPlan
    from geomreg_tui.rundir import Labels, RunDirectory
    from geomreg_tui.runner import RunHandle
    from geomreg_tui.splitting.plan import TailPlan

__all__ = ["tail"]

_SAMPLES = "1e5"


LossOption = Annotated[str | None, described(TAIL_TEXTS["to-loss"])]
VolumeOption = Annotated[str | None, described(TAIL_TEXTS["to-log10-volume"])]
PopulationOption = Annotated[str | None, described(TAIL_TEXTS["population"])]
RepeatsOption = Annotated[str | None, described(TAIL_TEXTS["repeats"])]
SecondsOption = Annotated[str | None, described(TAIL_TEXTS["max-seconds"])]
MoveOption = Annotated[str | None, described(TAIL_TEXTS["move"])]


def tail(
    experiment: Experiment,
    to_loss: LossOption = None,
    to_log10_volume: VolumeOption = None,
    population: PopulationOption = None,
    repeats: RepeatsOption = None,
    max_seconds: SecondsOption = None,
    move: MoveOption = None,
    samples: Annotated[
        str | None,
        typer.Option(
            "--samples",
            help=f"networks to draw plainly, for the upper part of the curve [default: {_SAMPLES}]",
            metavar="COUNT",
        ),
    ] = None,
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
    """Measure the volume of low loss down to 1e-300, by multilevel splitting.

    First networks are drawn plainly, then populations of networks go down level by level: the better ones
    are copied and moved about, and each level multiplies V by a share that is measured.
    """
    goals = (to_loss, to_log10_volume, population, repeats, move)
    cluster = asked_cluster(
        executor, scheduler, jobs, workers, allow_mixed=allow_mixed, resumed=resume is not None
    )
    labels = given_labels(name, tag, note, resumed=resume is not None)
    with Signals() as signals:
        if resume is None:
            refuse(take_over, "take-over", "only with --resume")
            plan = parse_plan(*goals, max_seconds)
            drawn = _SAMPLES if samples is None else samples
            seen = observe_plan(drawn, observe, observed, pairs, walk_step)
            handle = _begin(experiment, plan, drawn, device, workers, cluster, out, seen, labels)
        else:
            refuse(out is not None, "out", "only without --resume: a run stays where it is")
            names = ("to-loss", "to-log10-volume", "population", "repeats", "move")
            for name, given in zip(names, goals, strict=True):
                refuse(given is not None, name, "only when a tail begins: its goals never change")
            for name, given in {"observe": observe, "pairs": pairs, "walk-step": walk_step}.items():
                refuse(given is not None, name, "only when a run begins")
            stored = find_stored(resume, experiment)
            how = Resumption(device, workers, take_over, allow_mixed, cluster, quiet)
            again = _go_on(stored, experiment, samples, max_seconds, observed, how)
            if again is None:
                more = "--max-seconds or --samples"
                show_complete(stored.path, more, detach=detach, as_json=as_json, quiet=quiet)
                return
            handle = again
        attend(handle, signals, "tail", detach=detach, as_json=as_json, quiet=quiet)


def _begin(
    experiment: Experiment,
    plan: TailPlan,
    samples: str,
    device: str,
    workers: int | None,
    cluster: Cluster | None,
    out: Path | None,
    observe: GradientPlan | None,
    labels: Labels | None,
) -> RunHandle:
    from geomreg_tui.runner import start_run

    wanted = parse_count(samples)
    if observe is not None:
        check_plan(observe, experiment)
    return start_run(
        experiment,
        wanted,
        directory=out,
        workers=workers,
        device=device,
        cluster=cluster,
        tail=plan,
        observe=observe,
        labels=labels,
    )


def _go_on(
    stored: RunDirectory,
    given: Experiment,
    samples: str | None,
    max_seconds: str | None,
    observed: str | None,
    how: Resumption,
) -> RunHandle | None:
    """Return the run going on, or None when it has nothing left to do."""
    from geomreg_tui.splitting.checkpoints import TailFolder

    asked = TailFolder.of(stored).planned()
    if asked is None:
        rule = (
            "allowed is a run that 'geomreg-tui tail' began; 'geomreg-tui run --resume' goes on with others"
        )
        raise ExperimentError([Problem("resume", repr(stored.path.name), rule)])
    problems: list[Problem] = []
    seconds = parse_seconds(max_seconds, problems)
    if problems:
        raise ExperimentError(problems)
    if max_seconds is None:
        return go_on(stored, given, samples, how, observed=observed)
    more = seconds > asked.plan.seconds
    return go_on(stored, given, samples, how, tail_seconds=seconds, more=more, observed=observed)
