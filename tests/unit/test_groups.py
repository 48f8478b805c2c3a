"""Folders of sweeps in the list: comparisons and studies, found, counted, and deleted with what is theirs."""

from __future__ import annotations

import json

import pytest

from geomreg_tui.errors import RunDirectoryError
from geomreg_tui.listing import delete_entry, find, find_any, list_all, parse_condition, read_row, run_paths
from geomreg_tui.listing.row import KEYS
from geomreg_tui.rundir import Labels, Lease, RunState, Status, write_labels
from geomreg_tui.rundir.elsewhere import COMPARISON, STUDIES, remember
from geomreg_tui.rundir.status import write_status
from geomreg_tui.rundir.store import write_json
from geomreg_tui.sweeps.directory import sweeps_root
from geomreg_tui.sweeps.groups import group_kind, studies_root

from .exporting import make_sweep


def make_comparison(path, *, done=True):
    for number, arm in enumerate(("volume", "gd")):
        make_sweep(path / arm, widths=(2, 4))
        state = RunState.DONE if done or not number else RunState.STOPPED
        write_status(path / arm, Status(state, 30, 60, about="replicate in mlp"))
    if done:
        write_json(path / "compare.json", {"schema": 1})
    return path


def make_studies(path):
    path.mkdir(parents=True)
    write_json(path / "studies.json", {"schema": 1, "scale": "quick"})
    for study, parts in {"init-law": ("one", "two"), "phase": ("one",)}.items():
        for part in parts:
            make_sweep(path / study / part, widths=(2,))
            write_status(path / study / part, Status(RunState.DONE, 10, 10))
        write_json(path / study / "study.json", {})
    (path / "report.html").write_text("a report")
    return path


def test_all_kinds_are_one_list_each_with_its_state_and_counts():
    compared = make_comparison(sweeps_root() / "20260103-000000-01234567")
    sweep = make_sweep(sweeps_root() / "20260102-000000-01234567", widths=(2,))
    studies = make_studies(studies_root() / "20260104-000000-quick")
    entries = list_all()
    assert [(entry.kind, entry.path) for entry in entries] == [
        ("studies", studies), ("comparison", compared), ("sweep", sweep),
    ]  # fmt: skip
    rows = {entry.kind: read_row(entry) for entry in entries}
    assert rows["comparison"].status.state is rows["studies"].status.state is RunState.DONE
    assert (rows["comparison"].status.samples, rows["comparison"].status.target) == (60, 120)
    assert rows["comparison"].status.about == "volume, gd: replicate in mlp"
    assert rows["studies"].status.about == "2 studies: init-law, phase"
    assert rows["studies"].status.samples == 30
    assert rows["comparison"].values("data") == rows["sweep"].values("data")
    for kind, row in rows.items():
        assert row.kind == kind
        assert parse_condition(f"kind:{kind}", KEYS).holds(row)
        assert row.size == sum(f.stat().st_size for f in row.entry.path.rglob("*") if f.is_file())
    assert len(run_paths(rows["comparison"].entry)) == 4
    assert len(run_paths(rows["studies"].entry)) == 3


def test_one_that_was_stopped_or_goes_on_says_so():
    compared = make_comparison(sweeps_root() / "20260103-000000-01234567", done=False)
    (entry,) = list_all()
    assert read_row(entry).status.state is RunState.STOPPED
    write_status(compared / "gd", Status(RunState.FAILED, 0, 60, message="no memory"))
    failed = read_row(entry).status
    assert (failed.state, failed.message) == (RunState.FAILED, "gd: no memory")
    lease = Lease(compared / "volume" / "lease.json")
    try:
        write_status(compared / "volume", Status(RunState.SAMPLING, 10, 60))
        assert read_row(entry).status.state is RunState.SAMPLING
        with pytest.raises(RunDirectoryError, match="being sampled"):
            delete_entry(entry)
        assert (compared / "gd" / "width=2" / "experiment.json").exists()
    finally:
        lease.release()


def test_a_folder_that_somebody_keeps_sweeps_in_is_neither(tmp_path):
    make_sweep(tmp_path / "mine" / "volume", widths=(2,))
    make_sweep(tmp_path / "mine" / "other", widths=(2,))
    assert group_kind(tmp_path / "mine") is None
    assert group_kind(tmp_path / "mine" / "other") is None
    assert group_kind(tmp_path) is None
    with pytest.raises(RunDirectoryError, match="no run"):
        find_any(str(tmp_path / "mine"))


@pytest.mark.parametrize("make", [make_comparison, make_studies])
def test_deleted_they_are_gone_but_for_what_nobody_here_wrote(make, tmp_path):
    path = make(tmp_path / "kept")
    remember(path, COMPARISON if make is make_comparison else STUDIES)
    write_labels(path, Labels("mine"))
    first = next(part for part in sorted(path.rglob("sweep.json"))).parent
    (first / "notes.md").write_text("kept")
    (path / "paper.tex").write_text("kept")
    entry = find_any("mine")
    assert list_all() == [entry]
    kept = set(delete_entry(entry))
    assert kept == {f"{first.relative_to(path)}/notes.md", "paper.tex"}
    assert {file for file in path.rglob("*") if file.is_file()} == {first / "notes.md", path / "paper.tex"}
    assert list_all() == []
    again = make(tmp_path / "whole")
    assert delete_entry(find_any(str(again))) == ()
    assert not again.exists()


def test_where_losses_are_asked_for_a_folder_of_sweeps_names_its_sweeps():
    path = make_comparison(sweeps_root() / "20260103-000000-01234567")
    with pytest.raises(
        RunDirectoryError, match=r"folder of sweeps \(comparison\): name one of them \(volume, gd\)"
    ):
        find(path.name)
    assert find(str(path / "gd")).kind == "sweep"
    assert json.loads((path / "compare.json").read_text()) == {"schema": 1}
