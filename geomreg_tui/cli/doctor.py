"""The command ``doctor``: what this machine has."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from importlib import metadata
from typing import Any

import typer

from geomreg_tui.cli.run import JsonOption, print_json
from geomreg_tui.errors import ExitCode, plain_text
from geomreg_tui.safe_path import python_command, python_environment

__all__ = ["doctor"]

_PACKAGES = ("geomreg-tui", "torch", "numpy", "textual", "plotext")
_EXTRAS = {
    "distributed": "cluster",
    "matplotlib": "figures",
    "pandas": "notebook",
    "pyarrow": "parquet",
    "textual-serve": "serve",
}
_TORCH_CHECK = """
import torch
for number in range(torch.cuda.device_count()):
    print(torch.cuda.get_device_name(number))
"""


def doctor(as_json: JsonOption = False) -> None:
    """Check what this machine has: versions, cores, memory, devices, where runs are kept, the terminal.

    Ends with 1 if nothing can be sampled here, or runs cannot be kept.
    """
    found = _examined()
    if as_json:
        print_json(found)
    else:
        for name, value in _rows(found):
            print(plain_text(f"{name:14} {value}"))
    if not (found["torch"]["works"] and found["runs"]["writable"]):
        raise typer.Exit(ExitCode.ERROR)


def _examined() -> dict[str, Any]:
    """Return what this machine has, as plain data; sizes are in bytes."""
    import platform

    from geomreg_tui.memory import available_memory
    from geomreg_tui.rundir import runs_root

    root = runs_root()
    place = next(folder for folder in (root, *root.parents) if folder.exists())
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in (*_PACKAGES, *_EXTRAS)},
        "cores": len(os.sched_getaffinity(0)),
        "memory_available": available_memory(),
        "runs": {
            "path": str(root),
            "free": shutil.disk_usage(place).free,
            "writable": os.access(place, os.W_OK),
        },
        "terminal": {
            "term": os.environ.get("TERM"),
            "columns": shutil.get_terminal_size().columns,
            "colorterm": os.environ.get("COLORTERM"),
        },
        "fused": _fused(),
        "torch": _torch(),
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _fused() -> dict[str, Any]:
    """Return whether there is a fused kernel here, for which instructions, or why there is none."""
    from geomreg_tui.fused.library import kernel, why_missing

    found = kernel()
    return {
        "works": found is not None,
        "instructions": found.instructions if found else None,
        "error": why_missing() or None,
    }


def _torch() -> dict[str, Any]:
    """Return whether torch can be imported, in a process of its own, and which GPUs it finds."""
    began = time.monotonic()
    answer = subprocess.run(
        python_command("-c", _TORCH_CHECK),
        capture_output=True,
        text=True,
        check=False,
        env=python_environment(),
    )
    works = answer.returncode == 0
    return {
        "works": works,
        "seconds": round(time.monotonic() - began, 2),
        "cuda_devices": answer.stdout.splitlines() if works else [],
        "error": None if works else answer.stderr.strip().rpartition("\n")[2],
    }


def _rows(found: dict[str, Any]) -> list[tuple[str, str]]:
    packages, runs, terminal, torch = (found[key] for key in ("packages", "runs", "terminal", "torch"))
    missing = {name: f"not installed; pip install 'geomreg-tui[{extra}]'" for name, extra in _EXTRAS.items()}
    devices = torch["cuda_devices"]
    rows = [
        ("python", found["python"]),
        ("platform", found["platform"]),
        *((name, version or missing.get(name, "NOT INSTALLED")) for name, version in packages.items()),
        ("cores", str(found["cores"])),
        ("memory free", f"{found['memory_available'] / 2**30:.1f} GiB"),
        ("runs kept in", f"{runs['path']} ({runs['free'] / 2**30:.1f} GiB free)"),
        ("writable", "yes" if runs["writable"] else "NO: set GEOMREG_HOME to a folder that is"),
        ("terminal", f"{terminal['term'] or 'none'}, {terminal['columns']} columns"),
        ("colours", terminal["colorterm"] or "256 or fewer (COLORTERM is unset)"),
    ]
    fused = found["fused"]
    said = f"yes, {fused['instructions']}" if fused["works"] else f"no, torch draws all: {fused['error']}"
    rows.append(("fused kernel", said))
    if not torch["works"]:
        return [*rows, ("torch works", f"NO: {torch['error']}")]
    rows.append(("torch works", f"yes, loads in {torch['seconds']:.1f} s"))
    return [*rows, ("CUDA devices", " ".join([str(len(devices)), *devices]))]
