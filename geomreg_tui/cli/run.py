"""``geomreg-tui run``: one experiment, start to result."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from geomreg_tui.cli.options import OutOption, QuietOption, SamplesOption
from geomreg_tui.cli.progress import follow, narrate
from geomreg_tui.errors import ExitCode, SamplingError
from geomreg_tui.experiment import Experiment, parse_count

__all__ = ["KeepOption", "WorkersOption", "run"]

DeviceOption = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:i", metavar="NAME")]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", help="worker processes [default: one for each core]", min=1)
]
KeepOption = Annotated[
    str | None, typer.Option("--keep-losses", help="keep the first K losses in losses.npy", metavar="K")
]
JsonOption = Annotated[bool, typer.Option("--json", help="print the result as JSON")]
_KEEP_LIMIT = 10**7


def run(
    experiment: Experiment,
    samples: SamplesOption = "1e6",
    device: DeviceOption = "auto",
    workers: WorkersOption = None,
    out: OutOption = None,
    keep_losses: KeepOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Draw networks, and print what their losses say. Ctrl-C keeps what is done."""
    from geomreg_tui.engine import start_run

    wanted, keep = parse_count(samples), parse_keep(keep_losses)
    handle = start_run(experiment, wanted, directory=out, workers=workers, device=device, keep_losses=keep)
    with Interrupt() as interrupt:
        final = follow(handle, interrupt, quiet)
    if final is None or final.state.value == "failed":
        raise SamplingError(final.message if final else "the engine died; what was committed is kept")
    print_result(handle.directory, as_json)
    narrate(f"Kept in {handle.directory}", quiet)
    if interrupt.count:
        raise typer.Exit(ExitCode.INTERRUPTED)


def print_result(directory: Path, as_json: bool) -> None:
    """Print the result of a run on stdout, as JSON or as a report."""
    from geomreg_tui.export import load_result, report_text

    if as_json:
        sys.stdout.write((directory / "summary.json").read_text())
        return
    width = shutil.get_terminal_size((100, 24)).columns
    print(report_text(load_result(directory), width))


def parse_keep(text: str | None) -> int:
    """Parse how many losses to keep.

    Raises:
        ExperimentError: if it is not a number from 0 to 1e7.
    """
    from geomreg_tui.errors import ExperimentError, Problem

    if text is None or text.strip() == "0":
        return 0
    count = parse_count(text, "keep-losses")
    if count > _KEEP_LIMIT:
        raise ExperimentError([Problem("keep-losses", text, "allowed is up to 1e7 (80 MB)")])
    return count


def print_json(value: Any) -> None:
    """Print plain data as JSON on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, allow_nan=False) + "\n")


class Interrupt:
    """Counts Ctrl-C while in use, instead of raising: the first one drains, the second gives up waiting."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> Interrupt:
        self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
