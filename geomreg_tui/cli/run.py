"""``geomreg-tui run``: one experiment, start to result, without a stop or with several."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from geomreg_tui.cli.completion import complete_run
from geomreg_tui.cli.options import (
    NameOption,
    NoteOption,
    OutOption,
    QuietOption,
    TagOption,
    given_labels,
    refuse,
)
from geomreg_tui.cli.output import flush_output, output_width
from geomreg_tui.cli.place import (
    DeviceOption,
    ExecutorOption,
    JobsOption,
    SchedulerOption,
    WorkersOption,
    asked_cluster,
)
from geomreg_tui.cli.progress import follow, narrate
from geomreg_tui.cli.signals import Signals
from geomreg_tui.errors import ExitCode, ExperimentError, Problem, SamplingError
from geomreg_tui.experiment import Experiment, parse_count
from geomreg_tui.gradients.plan import (
    NETWORKS,
    OBSERVED,
    WALK_STEP,
    GradientPlan,
    check_plan,
    parse_plan,
)
from geomreg_tui.place import LOCAL, Cluster

if TYPE_CHECKING:
    from geomreg_tui.rundir import Labels, RunDirectory
    from geomreg_tui.runner import RunHandle

__all__ = [
    "KeepOption",
    "ObserveOption",
    "ObservedOption",
    "PairsOption",
    "WalkStepOption",
    "attend",
    "observe_plan",
    "run",
    "show_complete",
]

KeepOption = Annotated[
    str | None, typer.Option("--keep-losses", help="keep the first K losses in losses.npy", metavar="K")
]
JsonOption = Annotated[bool, typer.Option("--json", help="print the result as JSON")]
_SITTINGS = "Long runs"
ResumeOption = Annotated[
    str | None,
    typer.Option(
        "--resume",
        help="go on with a run that was stopped, or with a finished one to more --samples or --observed",
        metavar="RUN",
        rich_help_panel=_SITTINGS,
        autocompletion=complete_run,
    ),
]
DetachOption = Annotated[
    bool,
    typer.Option("--detach", help="sample in the background and return", rich_help_panel=_SITTINGS),
]
TakeOverOption = Annotated[
    bool,
    typer.Option(
        "--take-over",
        help="with --resume: although an engine seems to be at work, or was on another host",
        rich_help_panel=_SITTINGS,
    ),
]
AllowMixedOption = Annotated[
    bool,
    typer.Option(
        "--allow-mixed",
        help="with --resume or --executor: although versions or devices differ; every output then says so",
        rich_help_panel=_SITTINGS,
    ),
]
_OBSERVED = "Gradients and walks"
ObserveOption = Annotated[
    str | None,
    typer.Option(
        "--observe",
        help=f"besides the loss, of some networks; of {', '.join(OBSERVED)}, with commas between them",
        metavar="NAMES",
        rich_help_panel=_OBSERVED,
    ),
]
ObservedOption = Annotated[
    str | None,
    typer.Option(
        "--observed",
        help=f"networks that are observed [default: {NETWORKS:,}, or --samples if that is less]",
        metavar="COUNT",
        rich_help_panel=_OBSERVED,
    ),
]
PairsOption = Annotated[
    str | None,
    typer.Option(
        "--pairs",
        help="pairs of examples whose gradients are compared, the same for all networks [default: all]",
        metavar="N",
        rich_help_panel=_OBSERVED,
    ),
]
WalkStepOption = Annotated[
    str | None,
    typer.Option(
        "--walk-step",
        help=f"rho of a step of a walk: theta' = rho theta + sqrt(1 - rho^2) xi [default: {WALK_STEP}]",
        metavar="RHO",
        rich_help_panel=_OBSERVED,
    ),
]
_KEEP_LIMIT = 10**7
_DEFAULT_SAMPLES = "1e6"


def run(
    experiment: Experiment,
    samples: Annotated[
        str | None,
        typer.Option(
            "--samples",
            help="networks to draw in all, such as 1e6 or 10M [default: 1e6; with --resume: as planned]",
            metavar="COUNT",
        ),
    ] = None,
    device: DeviceOption = "auto",
    workers: WorkersOption = None,
    executor: ExecutorOption = LOCAL,
    scheduler: SchedulerOption = None,
    jobs: JobsOption = None,
    out: OutOption = None,
    name: NameOption = None,
    tag: TagOption = None,
    note: NoteOption = None,
    keep_losses: KeepOption = None,
    observe: ObserveOption = None,
    observed: ObservedOption = None,
    pairs: PairsOption = None,
    walk_step: WalkStepOption = None,
    resume: ResumeOption = None,
    detach: DetachOption = False,
    take_over: TakeOverOption = False,
    allow_mixed: AllowMixedOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Draw networks, and print what their losses say. Ctrl-C keeps what is done; --resume goes on."""
    cluster = asked_cluster(
        executor, scheduler, jobs, workers, allow_mixed=allow_mixed, resumed=resume is not None
    )
    labels = given_labels(name, tag, note, resumed=resume is not None)
    with Signals() as signals:
        if resume is None:
            refuse(take_over, "take-over", "only with --resume")
            wanted = _DEFAULT_SAMPLES if samples is None else samples
            plan = observe_plan(wanted, observe, observed, pairs, walk_step)
            handle = _begin(experiment, samples, device, workers, cluster, out, keep_losses, plan, labels)
        else:
            refuse(out is not None, "out", "only without --resume: a run stays where it is")
            begins = {"keep-losses": keep_losses, "observe": observe, "pairs": pairs, "walk-step": walk_step}
            for option, value in begins.items():
                refuse(value is not None, option, "only when a run begins")
            stored = find_stored(resume, experiment)
            how = Resumption(device, workers, take_over, allow_mixed, cluster, quiet)
            again = go_on(stored, experiment, samples, how, observed=observed)
            if again is None:
                show_complete(stored.path, "--samples", detach=detach, as_json=as_json, quiet=quiet)
                return
            handle = again
        attend(handle, signals, "run", detach=detach, as_json=as_json, quiet=quiet)


def attend(
    handle: RunHandle, signals: Signals, command: str, *, detach: bool, as_json: bool, quiet: bool
) -> None:
    """Follow a run to its end and print its result, or leave it in the background.

    Args:
        handle: the run.
        signals: in use.
        command: which command goes on with it.
        detach: leave it at once.
        as_json: print the result as JSON.
        quiet: say nothing on stderr.

    Raises:
        SamplingError: if the run failed.
        typer.Exit: if it was stopped, or the terminal is gone.
    """
    name = handle.directory.name if handle.directory.parent == _root() else str(handle.directory)
    if detach:
        print(handle.directory)
        narrate(
            "Sampling in the background.\n"
            f"  geomreg-tui attach {name}       shows it\n"
            f"  geomreg-tui runs stop {name}    stops it, keeping what is done",
            quiet,
        )
        return
    follow(handle, signals, quiet)
    if signals.hang_up:
        raise typer.Exit(ExitCode.HANG_UP)
    failure = handle.failure()
    try:
        if handle.status().samples or not (failure or handle.killed):
            print_result(handle.directory, as_json)
            flush_output()
    finally:
        # Whatever becomes of the report, the run is there.
        narrate(f"Kept in {handle.directory}", quiet or bool(failure))
    if failure:
        raise SamplingError(failure)
    if signals.stops:
        narrate(f"Stopped early; 'geomreg-tui {command} --resume {name}' goes on.", quiet)
        raise typer.Exit(ExitCode.INTERRUPTED)


def show_complete(directory: Path, more: str, *, detach: bool, as_json: bool, quiet: bool) -> None:
    """Print the result of a run that has nothing left to do, whatever its lease says.

    Args:
        directory: the run.
        more: options with which it would go on.
        detach, as_json, quiet: as for :func:`attend`.
    """
    narrate(f"This run is complete; ask for more {more} to go on.", quiet)
    if detach:
        print(directory)
    else:
        print_result(directory, as_json)


def _begin(
    experiment: Experiment,
    samples: str | None,
    device: str,
    workers: int | None,
    cluster: Cluster | None,
    out: Path | None,
    keep_losses: str | None,
    observe: GradientPlan | None,
    labels: Labels | None,
) -> RunHandle:
    from geomreg_tui.runner import start_run

    wanted, keep = parse_count(_DEFAULT_SAMPLES if samples is None else samples), parse_keep(keep_losses)
    if observe is not None:
        check_plan(observe, experiment)
    return start_run(
        experiment,
        wanted,
        directory=out,
        workers=workers,
        device=device,
        cluster=cluster,
        keep_losses=keep,
        observe=observe,
        meanwhile=_load_report,
        labels=labels,
    )


def _load_report() -> None:
    """Load what a run's end needs."""
    from scipy import special  # noqa: F401

    import geomreg_tui.report
    import geomreg_tui.textplot  # noqa: F401


def observe_plan(
    samples: str, observe: str | None, observed: str | None, pairs: str | None, walk_step: str | None
) -> GradientPlan | None:
    """Return what is to be observed of networks besides their loss; None for nothing.

    Args:
        samples: networks that are drawn, as the person wrote it.
        observe, observed, pairs, walk_step: the options, None where they are not given.

    Raises:
        ExperimentError: with one problem for each option that is no good, or goes without ``--observe``.
    """
    if observe is None:
        for option, value in {"observed": observed, "pairs": pairs, "walk-step": walk_step}.items():
            refuse(value is not None, option, "only with --observe")
        return None
    return parse_plan(observe, pairs, walk_step, observed, samples=parse_count(samples))


class Resumption(NamedTuple):
    """Where and how a run is gone on with, as the options say."""

    device: str
    workers: int | None
    take_over: bool
    allow_mixed: bool
    cluster: Cluster | None = None
    quiet: bool = False


def go_on(
    stored: RunDirectory,
    given: Experiment,
    samples: str | None,
    how: Resumption,
    *,
    tail_seconds: float | None = None,
    more: bool = False,
    observed: str | None = None,
) -> RunHandle | None:
    """Return the run going on, or None when it has nothing left to do.

    Args:
        stored: the run.
        given: the experiment of the options, whose module may be imported.
        samples: networks in all, as the person wrote it; None for as many as were asked for.
        how: where and how.
        tail_seconds: new time limit of its deep tail; None for the one that it has.
        more: whether there is something left to do although it is done.
        observed: networks that are observed in all, as the person wrote it; None for as many as planned.

    Raises:
        ExperimentError: if a number of networks is none, or fewer are to be observed than were planned.
        GeomregError: if it cannot be gone on with.
    """
    from geomreg_tui.gradients.store import asks_for_more
    from geomreg_tui.rundir import RunState
    from geomreg_tui.runner import resume_run

    wanted = parse_count(samples) if samples is not None else 0
    seen = parse_count(observed, "observed") if observed is not None else 0
    more |= bool(seen) and asks_for_more(stored, seen)
    status = stored.read_status()
    if status.state is RunState.DONE and wanted <= status.samples and not more:
        return None
    handle = resume_run(
        stored.path,
        wanted,
        workers=how.workers,
        device=how.device,
        module=given.module,
        take_over=how.take_over,
        allow_mixed=how.allow_mixed,
        cluster=how.cluster,
        tail_seconds=tail_seconds or 0.0,
        observed=seen,
    )
    if handle.directory != stored.path.absolute():
        said = "is a point of a sweep, which stays as it is; a copy goes on:"
        narrate(f"{stored.path.name} {said} {handle.directory.name}", how.quiet)
    return handle


def find_stored(name: str, given: Experiment) -> RunDirectory:
    """Return the run with a name, which must not contradict the options given.

    Raises:
        RunDirectoryError: if there is none.
        ExperimentError: with one problem for each key that differs.
    """
    from geomreg_tui.rundir import RunDirectory, find_run

    stored = RunDirectory.open(find_run(name))
    _refuse_changes(stored, given)
    return stored


def _root() -> Path:
    from geomreg_tui.rundir import runs_root

    return runs_root()


def _refuse_changes(stored: RunDirectory, given: Experiment) -> None:
    """Refuse options that contradict the experiment of a run that is gone on with.

    Raises:
        ExperimentError: with one problem for each key that differs.
    """
    resolved, asked = stored.facts.experiment, stored.asked
    problems = []
    for key in sorted(given.model_fields_set):
        value = getattr(given, key)
        if value not in (getattr(resolved, key), getattr(asked, key)):
            has = f"this run has {getattr(resolved, key)}, and a run's experiment never changes"
            problems.append(Problem(key, str(value), f"{has}: leave it out, or start another run"))
    if problems:
        raise ExperimentError(problems)


def print_result(directory: Path, as_json: bool) -> None:
    """Print the result of a run on stdout, as JSON or as a report."""
    from geomreg_tui.report import load_result, report_text, result_document

    result = load_result(directory)
    if as_json:
        print_json(result_document(result))
    else:
        print(report_text(result, output_width()))


def parse_keep(text: str | None) -> int:
    """Parse how many losses to keep.

    Raises:
        ExperimentError: if it is not a number from 0 to 1e7.
    """
    if text is None or text.strip() == "0":
        return 0
    count = parse_count(text, "keep-losses")
    if count > _KEEP_LIMIT:
        raise ExperimentError([Problem("keep-losses", text, "allowed is up to 1e7 (80 MB)")])
    return count


def print_json(value: Any) -> None:
    """Print plain data as JSON on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, allow_nan=False) + "\n")
