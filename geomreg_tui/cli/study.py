"""``geomreg-tui study``: the paper's claims, each put to a test, with verdicts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from geomreg_tui.cli.options import QuietOption
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
from geomreg_tui.columns import table_lines
from geomreg_tui.errors import ExitCode
from geomreg_tui.place import LOCAL

__all__ = ["study"]


def study(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", help="studies to run, all, or list to see which there are"),
    ] = None,
    scale: Annotated[
        str,
        typer.Option(
            "--scale",
            metavar="NAME",
            help="how much is drawn: quick (minutes), standard (an hour or two), deep (a day)",
        ),
    ] = "quick",
    out: Annotated[
        Path | None,
        typer.Option("--out", help="directory for the results; studies that were stopped there go on"),
    ] = None,
    device: DeviceOption = "auto",
    workers: WorkersOption = None,
    executor: ExecutorOption = LOCAL,
    scheduler: SchedulerOption = None,
    jobs: JobsOption = None,
    allow_mixed: MixedWorkersOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Put the claims of the paper to the test, and write a report with verdicts.

    Each study has a question, sweeps over data sets, a statistic with an interval, and a verdict that can
    come out against the paper. Without a name, the studies that there are are listed.
    """
    from geomreg_tui.report.studies import study_text, write_studies
    from geomreg_tui.studies.directory import new_studies_path
    from geomreg_tui.studies.registry import check_scale, studies_named
    from geomreg_tui.studies.run import Progress, run_studies

    cluster = asked_cluster(executor, scheduler, jobs, workers, allow_mixed=allow_mixed)
    check_scale(scale)
    if not names or names == ["list"]:
        _list(as_json)
        return
    chosen = studies_named(names)
    folder = out or new_studies_path(scale)

    def told(now: Progress) -> None:
        narrate(f"[{now.done}/{now.points}] {now.study.name}: {now.part}", quiet)

    results = []
    with Signals() as signals:
        signals.raising = False
        for result in run_studies(
            chosen,
            scale,
            folder,
            workers=workers,
            device=device,
            cluster=cluster,
            interrupted=lambda: signals.stops > 0,
            progress=told,
        ):
            results.append(result)
            if not as_json:
                print(study_text(result, output_width()), end="\n\n")
                flush_output()
    if signals.hang_up:
        raise typer.Exit(ExitCode.HANG_UP)
    if as_json:
        print_json({"schema": 1, "scale": scale, "studies": [result.to_json() for result in results]})
        flush_output()
    if results:
        narrate(f"Report: {write_studies(results, folder)[0]}", quiet)
    if signals.stops:
        narrate(f"Stopped early; the same command with --out {folder} goes on.", quiet)
        raise typer.Exit(ExitCode.INTERRUPTED)
    if any(result.failed for result in results):
        narrate(f"Points failed; the same command with --out {folder} tries them again.", quiet)
        raise typer.Exit(ExitCode.RUN_FAILED)


def _list(as_json: bool) -> None:
    """Print the studies that there are."""
    from geomreg_tui.studies.registry import STUDIES

    if as_json:
        print_json(
            {
                "schema": 1,
                "studies": [
                    {
                        "name": each.name,
                        "question": each.question,
                        "claim": each.claim,
                        "source": each.source,
                        "rule": each.rule,
                    }
                    for each in STUDIES
                ],
            }
        )
        return
    rows = [(each.name, each.question) for each in STUDIES]
    print("\n".join(table_lines(["study", "question"], rows, output_width(), left=(0, 1), wrap_last=True)))
