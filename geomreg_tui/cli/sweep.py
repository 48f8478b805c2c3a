"""``geomreg-tui sweep``: an experiment over the values of one or two factors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from geomreg_tui.cli.options import OutOption, QuietOption, SamplesOption
from geomreg_tui.cli.progress import follow, narrate
from geomreg_tui.cli.run import DeviceOption, Interrupt, JsonOption, WorkersOption, print_json
from geomreg_tui.errors import ExitCode, SamplingError
from geomreg_tui.experiment import Experiment, parse_count

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
    device: DeviceOption = "auto",
    workers: WorkersOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run an experiment over the values of one or two factors, and say which way each pushes the balance."""
    from geomreg_tui.engine import RunSeries
    from geomreg_tui.engine.sweep import SweepPoint, grid, parse_factor, verdicts
    from geomreg_tui.export import sweep_document, sweep_text, write_json_file
    from geomreg_tui.runs import RunDirectory, new_run_path

    wanted = parse_count(samples)
    factors = [parse_factor(text) for text in over]
    points = grid(experiment, factors)
    folder = out.absolute() if out else new_run_path(experiment).parent.parent / "sweeps" / _stamp(experiment)
    found: list[SweepPoint] = []
    series = RunSeries(workers, device)
    try:
        with Interrupt() as interrupt:
            for settings, point in points:
                if interrupt.count:
                    break
                name = ", ".join(f"{f.key}={value}" for f, value in zip(factors, settings, strict=True))
                narrate(f"[{len(found) + 1}/{len(points)}] {name}", quiet)
                handle = series.run(point, wanted, folder / _folder_name(name))
                snapshot = follow(handle, interrupt, True)
                state = series.finish()
                if state.value == "failed":
                    raise SamplingError(snapshot.message if snapshot else "the run failed")
                run = RunDirectory.open(handle.directory)
                found.append(SweepPoint.of(settings, run.facts, run.committed()[0].summary))
    finally:
        series.close()
    judged = verdicts(factors, found)
    document = sweep_document(factors, found, judged)
    write_json_file(folder / "sweep.json", document)
    if as_json:
        print_json(document)
    else:
        from rich.console import Console

        Console(highlight=False).print(sweep_text(factors, found, judged))
    narrate(f"Kept in {folder}", quiet)
    if interrupt.count:
        raise typer.Exit(ExitCode.INTERRUPTED)


def _stamp(experiment: Experiment) -> str:
    import time

    return f"{time.strftime('%Y%m%d-%H%M%S')}-{experiment.digest()[:8]}"


def _folder_name(text: str) -> Path:
    kept = "".join(c if c.isalnum() or c in "=.,-_" else "-" for c in text.replace(", ", ","))
    return Path(kept[:120])
