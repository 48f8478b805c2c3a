"""``geomreg-tui runs``: names, conditions and orders, and ``edit``, ``rm``, ``verify`` on what it lists."""

import json
import re

import pytest

from geomreg_tui.report import load_result, result_document
from geomreg_tui.rundir import Labels, RunDirectory, read_labels, runs_root, write_labels
from geomreg_tui.rundir.elsewhere import RUN, remember
from geomreg_tui.rundir.store import write_json
from geomreg_tui.sweeps.directory import sweeps_root
from tests.command import call
from tests.unit.exporting import make_run, make_sweep, two_modes

NAMES = ["20260101-000000-mlp-0000000a", "20260102-000000-mlp-0000000b"]


@pytest.fixture
def listed(tmp_path):
    """Two runs, one elsewhere with D_0 below theirs, and a sweep."""
    for name, share, width in zip(NAMES, (0.5, 0.4), (8, 16), strict=True):
        make_run(runs_root() / name, two_modes(share=share), width=width)
    path = make_run(tmp_path / "elsewhere", two_modes(share=0.1), width=64, init="uniform").path
    write_labels(path, Labels("flat law", ("draft", "uniform"), "a note"))
    remember(path, RUN)
    make_sweep(sweeps_root() / "20260103-000000-0000000c")
    for run in (*(runs_root() / name for name in NAMES), path):
        write_json(run / "summary.json", result_document(load_result(run)))
    return path


def names(*options):
    return [row["name"] for row in json.loads(call("runs", "--json", *options, check=0).stdout)]


def test_runs_and_sweeps_are_one_list_filtered_and_sorted(listed):
    sweep = "20260103-000000-0000000c"
    assert names() == ["elsewhere", sweep, NAMES[1], NAMES[0]]
    assert names("--reverse") == [NAMES[0], NAMES[1], sweep, "elsewhere"]
    assert names("--limit", 1) == ["elsewhere"]
    assert names("--where", "width>8 -kind:sweep") == ["elsewhere", NAMES[1]]
    assert names("--where", "width=8") == [sweep, NAMES[0]]  # 8 is one of the values of the sweep
    assert names("--where", "tag:dr* d0<0") == ["elsewhere"]
    assert names("--where", "flat", "--sort", "size") == ["elsewhere"]
    assert names("--where", "-kind:sweep", "--sort", "d0") == ["elsewhere", NAMES[1], NAMES[0]]
    assert names("--sort", "d0", "--reverse", "--where", "-kind:sweep", "--limit", 1) == [NAMES[0]]
    assert names("--sort", "width")[-1] == "elsewhere"
    assert names("--where", "nothing-like-it") == []


def test_the_table_says_what_json_says(listed, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    (row,) = json.loads(call("runs", "--json", "--where", "kind=run flat", check=0).stdout)
    assert row["called"] == "flat law"
    assert row["tags"] == ["draft", "uniform"]
    assert row["note"] == "a note"
    assert row["path"] == str(listed)
    assert row["d0"] == [json.loads((listed / "summary.json").read_text())["dominance"]["landmark"]]
    answer = call("runs", "--sort", "d0", "--limit", 3, check=0)
    head, *lines = answer.stdout.splitlines()
    for word in ("run", "state", "networks", "size", "name", "D_0", "log10", "tags", "experiment"):
        assert word in head.split()
    (line,) = (line for line in lines if "elsewhere" in line)
    assert line.index("flat law") == head.index("name")
    assert line.index("draft uniform") == head.index("tags")
    assert f"{row['d0'][0][0]:.3f}" in line
    assert "1 others" in answer.stderr
    assert "3 of 4" in call("runs", "--where", "-kind:sweep", check=0).stderr
    assert "width>'" in call("runs", "--where", "width>", check=2).stderr


def test_labels_are_shown_and_changed_and_found_by(listed):
    answer = call("runs", "edit", "flat law", check=0).stdout
    assert answer.splitlines()[1:] == ["name  flat law", "tags  draft, uniform", "note  a note"]
    call(
        "runs", "edit", "flat law", "--name", "\x1b[31mred", "--tag", "x,y", "--untag", "draft", "--note", "-"
    )
    assert read_labels(listed) == Labels("[31mred", ("uniform", "x", "y"))
    call("runs", "edit", "0000000c", "--name", "mine", check=0)
    assert "width" in call("report", "mine", check=0).stdout
    answer = call("report", "0000000", check=1).stderr
    assert "matches 3" in answer
    assert all(name in answer for name in NAMES)
    assert "name: got" in call("runs", "edit", "mine", "--name", "a/b", check=2).stderr


def test_several_are_deleted_after_one_question_with_their_size(listed):
    refused = call("runs", "rm", "flat law", NAMES[0], NAMES[0], "0000000c", check=1).stderr
    assert refused.count("4,000 networks") == 2
    assert "sweep" in refused
    assert "pass --yes" in refused
    call("runs", "verify", "flat law", "0000000c", check=0)
    call("runs", "rm", "flat law", NAMES[0], "0000000c", "--yes", check=0)
    assert names() == [NAMES[1]]
    assert not listed.exists()


@pytest.mark.parametrize("command", ["run", "tail", "train"])
def test_labels_of_a_run_that_is_there_are_changed_by_edit(command, listed):
    for option in ("--name", "--tag", "--note"):
        answer = call(command, "--resume", NAMES[0], option, "x", check=2)
        assert f"{option[2:]}: got" in answer.stderr
        assert "runs edit" in answer.stderr
    assert "name: got" in call(command, "--name", "latest", check=2).stderr
    assert "tag: got" in call(command, "--tag", "two words", check=2).stderr


def test_the_log_is_printed_with_times_and_what_went_wrong(listed):
    run = RunDirectory.open(listed)
    assert call("runs", "log", "flat law", check=0).stdout == ""
    run.log("start", samples=4000, chunk=0)
    run.log("command", action="extend", samples=9000)
    run.log("population given up", population=2, reason="it \x1b[2J hung")
    run.log("start", samples=9000, chunk=7, cluster="dask tcp://x")
    run.log("end", state="failed", samples=5000, message="no room")
    with open(listed / "log.jsonl", "a") as file:
        file.write('{"half": ')
    lines = call("runs", "log", "flat law", check=0).stdout.splitlines()
    assert [line[21:] for line in lines] == [
        "started, for 4,000 networks",
        "was told to extend to 9,000 networks",
        "! population given up: population 2, reason it [2J hung",
        "went on from chunk 7, for 9,000 networks, on dask tcp://x",
        "! failed, 5,000 networks: no room",
        "! 1 line of the log cannot be read",
    ]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", line[:19]) for line in lines[:-1])
    answer = call("runs", "log", "flat law", "--last", 1, "--json", check=0)
    assert json.loads(answer.stdout) == [{"time": "", "text": lines[-1][23:], "wrong": True}]
