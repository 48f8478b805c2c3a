"""Files that a command writes on a disk that is full: one clear line, and nothing half written."""

import contextlib
import errno
import subprocess
import sys

import pytest

from geomreg_tui.errors import ExitCode, RunDirectoryError
from geomreg_tui.report import (
    RUN_FORMATS,
    SWEEP_FORMATS,
    export_result,
    export_sweep,
    load_result,
    load_sweep,
)
from tests.unit.exporting import make_run, make_sweep, two_modes


def fill(folder):
    """Write a file until its disk has no room."""
    with contextlib.suppress(OSError), (folder / "filler").open("wb", buffering=0) as file:
        for size in (2**16, 2**10, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"0" * size)


# By default half of the formats are written, over a file or not: all go through one function.
@pytest.mark.parametrize("step", [4, pytest.param(1, marks=pytest.mark.full)])
@pytest.mark.parametrize("force", [False, True])
def test_exports_to_a_full_disk_say_so_and_leave_nothing_behind(small_disk, tmp_path, force, step):
    result = load_result(make_run(tmp_path / "run", two_modes()).path)
    sweep = load_sweep(make_sweep(tmp_path / "sweep", widths=(2, 4)))
    if force:  # what is there already stays as it is
        for kind in (*RUN_FORMATS, *SWEEP_FORMATS):
            (small_disk / f"out{kind}").write_bytes(b"before")
    fill(small_disk)
    before = {path.name: path.stat().st_size for path in small_disk.iterdir()}
    for kind in list(RUN_FORMATS)[force % step :: step]:
        with pytest.raises(RunDirectoryError, match="No space left"):
            export_result(result, small_disk / f"out{kind}", force)
    for kind in list(SWEEP_FORMATS)[force % step :: step]:
        with pytest.raises(RunDirectoryError, match="No space left"):
            export_sweep(sweep, small_disk / f"out{kind}", force)
    assert {path.name: path.stat().st_size for path in small_disk.iterdir()} == before


@pytest.mark.parametrize(
    "command",
    [
        ["run", "--samples", "500"],
        pytest.param(["sweep", "--over", "width=2,4", "--samples", "500"], marks=pytest.mark.full),
        pytest.param(["tail", "--samples", "500", "--to-log10-volume", "-2"], marks=pytest.mark.full),
    ],
    ids=lambda command: command[0],
)
def test_a_command_that_begins_on_a_full_disk_is_one_line(small_disk, command):
    fill(small_disk)
    data = ["--data", "gaussian", "--inputs", "3", "--examples", "2", "--width", "4", "--depth", "1"]
    answer = subprocess.run(
        [sys.executable, "-m", "geomreg_tui", *command, *data, "--out", str(small_disk / "out"), "--quiet"],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=300,
        check=False,
    )
    assert answer.returncode in (ExitCode.ERROR, ExitCode.RUN_FAILED)
    assert "Traceback" not in answer.stderr
    assert "No space left" in answer.stderr, errno.errorcode[errno.ENOSPC]
    assert len(answer.stderr.strip().splitlines()) == 1
