"""Commands on what is there already: ``report``, ``export`` and ``doctor``."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from geomreg_tui.cli.progress import narrate
from geomreg_tui.cli.run import JsonOption, print_result
from geomreg_tui.cli.runs import RunArgument
from geomreg_tui.cli.sweep import print_sweep
from geomreg_tui.errors import ExitCode, plain_text

__all__ = ["doctor", "export", "report"]

_TORCH_CHECK = """
import torch
count = torch.cuda.device_count()
print(count, *(torch.cuda.get_device_name(number) for number in range(count)))
"""


def report(run: RunArgument = "latest", as_json: JsonOption = False) -> None:
    """Print what the losses of a run or a sweep say; of one that is still sampling, what they say so far."""
    from geomreg_tui.export import find_sweep, load_sweep
    from geomreg_tui.runs import find_run

    path = find_sweep(run)
    if path is None:
        print_result(find_run(run), as_json)
        return
    sweep = load_sweep(path)
    for warning in sweep.warnings:
        narrate(plain_text(f"!!! {warning}"))
    print_sweep(sweep.factors, sweep.points, sweep.judged, as_json)


def export(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="a run directory, a run's name or part of it, 'latest', or the directory or name of a sweep",
        ),
    ],
    out: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="what to write: data (.json .csv .parquet .npz), a figure (.png .svg .pdf), "
            "a report (.html), or the command that gives the same run again (.sh)",
        ),
    ],
    force: Annotated[bool, typer.Option("--force", help="replace an existing file")] = False,
) -> None:
    """Write the histogram, V(eps) and statistics of a run in the format that the file name asks for.

    Of a sweep: its points, figures and directions, in any of those formats but .parquet and .npz.
    """
    from geomreg_tui.export import export_result, export_sweep, find_sweep, load_result, load_sweep
    from geomreg_tui.runs import find_run

    sweep = find_sweep(run)
    if sweep is not None:
        export_sweep(load_sweep(sweep), out, force)
    else:
        export_result(load_result(find_run(run)), out, force)
    narrate(f"Wrote {out}")


def doctor() -> None:
    """Check what this machine has: versions, cores, memory, devices, where runs are kept, the terminal."""
    import importlib.metadata as metadata
    import platform
    import shutil
    import subprocess

    from geomreg_tui.runs import runs_root

    root = runs_root()
    place = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    pages = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    rows = [("python", platform.python_version()), ("platform", platform.platform())]
    for name in ("geomreg-tui", "torch", "numpy", "textual", "plotext"):
        rows.append((name, metadata.version(name)))
    for name, extra in (("matplotlib", "figures"), ("pyarrow", "parquet"), ("textual-serve", "serve")):
        try:
            rows.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            rows.append((name, f"not installed; pip install 'geomreg-tui[{extra}]'"))
    rows += [
        ("cores", str(len(os.sched_getaffinity(0)))),
        ("memory free", f"{pages / 2**30:.1f} GiB"),
        ("runs kept in", f"{root} ({free / 2**30:.1f} GiB free)"),
        ("writable", "yes" if os.access(place, os.W_OK) else "NO: set GEOMREG_HOME to a folder that is"),
        ("terminal", f"{os.environ.get('TERM', 'none')}, {shutil.get_terminal_size().columns} columns"),
        ("colours", os.environ.get("COLORTERM", "256 or fewer (COLORTERM is unset)")),
    ]
    began = time.monotonic()
    answer = subprocess.run([sys.executable, "-c", _TORCH_CHECK], capture_output=True, text=True, check=False)
    took = time.monotonic() - began
    if answer.returncode:
        rows.append(("torch works", "NO: " + answer.stderr.strip().rpartition("\n")[2]))
    else:
        rows += [("torch works", f"yes, loads in {took:.1f} s"), ("CUDA devices", answer.stdout.strip())]
    for name, value in rows:
        print(plain_text(f"{name:14} {value}"))
    if answer.returncode or not os.access(place, os.W_OK):
        raise typer.Exit(ExitCode.ERROR)
