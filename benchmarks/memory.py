"""Peak memory of a whole run (engine and workers) from 1e5 to 1e8 networks, and the size of its files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

__all__ = ["table"]

OPTIONS = ["--data", "digits", "--examples", "1", "--width", "64", "--depth", "2"]


def table(counts: tuple[int, ...] = (10**5, 10**6, 10**7, 10**8)) -> str:
    """Return a Markdown table of peak memory, run directory size and time against the sample count."""
    lines = [
        "| networks | peak memory, engine and 2 workers (MiB) | run directory (KiB) | files | time (s) |",
        "|---:|---:|---:|---:|---:|",
    ]
    for count in counts:
        peak, size, files, seconds = measure(count)
        lines.append(f"| {count:.0e} | {peak / 2**20:,.0f} | {size / 2**10:,.0f} | {files} | {seconds:.1f} |")
    return "\n".join(lines)


def measure(count: int) -> tuple[int, int, int, float]:
    """Run ``count`` networks; return peak bytes of all processes, bytes and number of files, seconds."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = [sys.executable, "-m", "geomreg_tui", "run", *OPTIONS, "--samples", str(count)]
        process = subprocess.Popen(
            [*command, "--out", str(out), "--quiet", "--workers", "2"], stdout=subprocess.DEVNULL
        )
        peak, over = [0], threading.Event()
        watcher = threading.Thread(target=_watch, args=(out, peak, over))
        watcher.start()
        process.wait()
        over.set()
        watcher.join()
        files = [path for path in out.rglob("*") if path.is_file()]
        elapsed = json.loads((out / "summary.json").read_text())["timing"]["elapsed_s"]
        return peak[0], sum(path.stat().st_size for path in files), len(files), elapsed


def _watch(out: Path, peak: list[int], over: threading.Event) -> None:
    while not over.wait(0.05):
        try:
            pid = int(json.loads((out / "lease.json").read_text())["pid"])
        except (OSError, ValueError, KeyError):
            continue
        peak[0] = max(peak[0], sum(_resident(p) for p in _family(pid)))


def _family(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                parent = int(Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry))
    found = [pid]
    for member in found:
        found += children.get(member, [])
    return found


def _resident(pid: int) -> int:
    """Return the proportional set size: memory that processes share is counted once in all."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        time.sleep(0)
    return 0
