"""Whatever takes the output of a command: no traceback, the documented exit code, nothing lost."""

import csv
import itertools
import json
import os
import re
import subprocess
import sys

import pytest

from geomreg_tui.errors import ExitCode
from tests.unit.exporting import make_run, make_sweep, two_modes

SMALL = ["--data", "gaussian", "--inputs", "3", "--examples", "2", "--width", "4", "--depth", "1"]
SAMPLED = [*SMALL, "--samples", "500", "--workers", "1"]
# What is printed, and whether that comes from what is stored.
COMMANDS = {
    "report": ["report", "latest"],
    "report-json": ["report", "latest", "--json"],
    "report-sweep": ["report", "swept"],
    "runs": ["runs"],
    "runs-json": ["runs", "--json"],
    "verify": ["runs", "verify", "latest"],
    "sphere": ["sphere", "--dims", "1:10000"],
    "config": ["config"],
    "config-example": ["config", "--example"],
    "version": ["--version"],
    "help": ["--help"],
    "help-run": ["run", "--help"],
    "doctor": ["doctor"],
    "run": ["run", *SAMPLED],
    "tail": ["tail", *SAMPLED, "--to-log10-volume", "-2", "--population", "50", "--repeats", "2"],
    "sweep": ["sweep", "--over", "width=2,4", *SAMPLED],
    "detach": ["run", *SAMPLED, "--detach"],
}
SLOW = {"doctor", "run", "tail", "sweep", "detach"}  # those that load torch
ENVIRONMENTS = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "c-locale": {"LC_ALL": "C"},
    "c-locale-strictly": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
    "columns-20": {"COLUMNS": "20"},
    "columns-40": {"COLUMNS": "40"},
    "columns-80": {"COLUMNS": "80"},
}
# How the shell sets up the streams, and the exit code.
STREAMS = {
    "full": (">/dev/full", {ExitCode.OUTPUT_FAILED}),
    "closed-stdout": (">&-", {ExitCode.OUTPUT_FAILED}),
    "closed-stderr": ("2>&-", {ExitCode.OK}),
    "full-stderr": ("2>/dev/full", {ExitCode.OK}),
    "closed-both": (">&- 2>&-", {ExitCode.OUTPUT_FAILED}),
    "closed-all": (">&- 2>&- <&-", {ExitCode.OUTPUT_FAILED}),
    "nobody-reads": ("| true", {ExitCode.READER_GONE}),
    "one-line-read": ("| head -n 1 >/dev/null", {ExitCode.OK, ExitCode.READER_GONE}),
    "some-lines-read": ("| head -n 9 >/dev/null", {ExitCode.OK, ExitCode.READER_GONE}),
}
CASES = list(itertools.product(COMMANDS, (*ENVIRONMENTS, *STREAMS)))


# All cases are in the default suite, and all commands that are quick, but not all pairs.
SMALL_CASES = {
    "report": {"ascii", "columns-20", "one-line-read"},
    "report-sweep": {"c-locale", "columns-40"},
    "report-json": {"closed-stdout"},
    "runs": {"latin-1", "columns-80", "c-locale-strictly"},
    "runs-json": {"nobody-reads"},
    "verify": {"full-stderr"},
    "sphere": {"closed-both"},
    "config": {"closed-stderr"},
    "config-example": {"closed-all"},
    "version": {"full"},
    "help": {"some-lines-read"},
    "help-run": {"ascii"},
    "run": {"full"},
}


def test_every_case_and_every_quick_command_is_in_the_default_suite():
    assert set().union(*SMALL_CASES.values()) == {*ENVIRONMENTS, *STREAMS}
    assert set(SMALL_CASES) >= set(COMMANDS) - SLOW


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A home with a run and a sweep."""
    home = tmp_path_factory.mktemp("stored")
    make_run(home / "runs" / "20260101-000000-mlp-01234567", two_modes(), held_out=9)
    make_sweep(home / "sweeps" / "swept")
    return home


@pytest.fixture(scope="module")
def in_full(stored):
    """The report of the run in the encoding of this machine."""
    return shell(stored, ["report", "latest"])[1]


def shell(home, words, streams="", **environment):
    """Run a command with its streams as the shell sets them up; return exit code, stdout and stderr."""
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LC_ALL")}
    line = f'"$@" {streams}; echo "exit ${{PIPESTATUS[0]}}" >&9'
    reading, writing = os.pipe()
    answer = subprocess.run(
        ["bash", "-c", f"exec 9>&{writing}; {line}", "bash", sys.executable, "-m", "geomreg_tui", *words],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=300,
        check=False,
        pass_fds=[writing],
        env={**kept, "GEOMREG_HOME": str(home), **environment},
    )
    os.close(writing)
    with os.fdopen(reading) as told:
        code = int(told.read().split()[-1])
    assert b"Traceback" not in answer.stderr, answer.stderr.decode()
    assert b"Exception ignored" not in answer.stderr, answer.stderr.decode()
    return code, answer.stdout, answer.stderr


@pytest.mark.parametrize(
    ("command", "case"),
    [
        pytest.param(
            *pair,
            id="-".join(pair),
            marks=[] if pair[1] in SMALL_CASES.get(pair[0], ()) else [pytest.mark.full],
        )
        for pair in CASES
    ],
)
def test_no_stream_makes_a_traceback(stored, tmp_path, command, case):
    # What the commands here read is in `stored`; what they write has a home of its own.
    home = tmp_path if command in SLOW else stored
    streams, codes = STREAMS.get(case, ("", {ExitCode.OK}))
    code, out, err = shell(home, COMMANDS[command], streams, **ENVIRONMENTS.get(case, {}))
    if command == "sphere" and streams.startswith("| head"):
        codes = {ExitCode.READER_GONE}  # more than a pipe holds
    assert code in codes, err.decode()
    if case == "ascii":
        assert out.isascii()
        assert err.isascii()
        assert command != "report" or b"?" not in out.replace(b"Unimodal?", b"")
    if case.startswith("columns") and command not in ("report-json", "runs-json", "help", "help-run"):
        check_width(out.decode(), int(case.removeprefix("columns-")), command)
    if case == "full":
        said = [line for line in err.decode().splitlines() if line.startswith("Error")]
        assert said == ["Error: standard output cannot be written: No space left on device"]
    if command in ("run", "tail", "sweep", "detach"):
        check_kept(home, command)


def check_width(text, width, command):
    """Check that lines are no longer than they may be, but for a word that is."""
    if command in ("config", "config-example", "doctor", "version", "verify", "detach"):
        return
    for line in text.splitlines():
        longest = max(map(len, line.split()), default=0)
        assert len(line) <= max(width, longest + 2), line


def check_kept(home, command):
    """Check that a run whose output could not be written is there all the same, and prints its report."""
    if command == "sweep":
        (path,) = (home / "sweeps").iterdir()
        code, out, _ = shell(home, ["report", str(path), "--json"])
        assert len(json.loads(out)["points"]) == 2
    else:
        if command == "detach":
            shell(home, ["run", "--resume", "latest", "--quiet"])  # waits for nobody: refused, or complete
        code, out, _ = shell(home, ["report", "latest", "--json"])
        if command != "detach":
            assert json.loads(out)["samples"] == 500
            assert json.loads(out)["complete"]
    assert code == 0


@pytest.mark.parametrize(
    "encoding", ["ascii", "koi8-r", *(pytest.param(e, marks=pytest.mark.full) for e in ("latin-1", "cp437"))]
)
def test_what_an_encoding_lacks_is_written_in_ascii_that_means_the_same(stored, in_full, encoding):
    out = in_full
    _, other, _ = shell(stored, ["report", "latest"], PYTHONIOENCODING=encoding)
    text = other.decode(encoding)
    assert re.findall(r"\d[\d.,e-]*", text.partition("Landmarks")[2]) == re.findall(
        r"\d[\d.,e-]*", out.decode().partition("Landmarks")[2]
    )
    assert "local exponent lambda" in text or "λ" in text
    assert ("mlp 64->256x3->3 | relu" in text) == (encoding == "ascii")


def test_a_full_disk_on_export_says_so_and_leaves_nothing(stored, tmp_path):
    code, _, err = shell(stored, ["export", "latest", "/dev/full/out.csv"])
    assert code == ExitCode.ERROR
    assert err.decode().startswith("Error: ")
    code, _, _ = shell(stored, ["export", "latest", str(tmp_path / "out.csv")], ">/dev/full")
    assert code == ExitCode.OK  # nothing was to be written on stdout
    with (tmp_path / "out.csv").open() as file:
        assert sum(int(row["count"]) for row in csv.DictReader(file)) == 4000


def test_a_closed_stream_never_becomes_a_file_that_is_written(stored, tmp_path):
    path = tmp_path / "out.json"
    shell(stored, ["export", "latest", str(path)], ">&- 2>&- <&-")
    assert json.loads(path.read_text())["samples"] == 4000


def test_exit_codes_are_those_of_the_page(request):
    page = (request.config.rootpath / "docs" / "pages" / "how-to" / "long-runs.md").read_text()
    table = page.partition("| exit code |")[2].partition("\n\n")[0]
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    assert told == {int(code) for code in ExitCode}
