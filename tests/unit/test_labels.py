"""Names, tags and notes, and runs that are kept elsewhere: bounded, plain, found, and in no digest."""

import json
import multiprocessing
import os
import threading
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomreg_tui.errors import ExperimentError, RunDirectoryError
from geomreg_tui.listing import delete_entry, find, list_all
from geomreg_tui.rundir import (
    Labels,
    RunDirectory,
    change_labels,
    find_run,
    list_runs,
    parse_labels,
    read_labels,
    runs_root,
    write_labels,
)
from geomreg_tui.rundir import catalogue as catalogue_module
from geomreg_tui.rundir.elsewhere import RUN, SWEEP, forget, remember, remembered
from geomreg_tui.rundir.labels import LONGEST_NAME, LONGEST_NOTE, LONGEST_TAG, MOST_TAGS
from geomreg_tui.runner import begin as begin_module
from geomreg_tui.runner.protocol import RunRequest
from geomreg_tui.sweeps.directory import sweeps_root
from tests.making import begin_run

from .exporting import make_run, make_sweep, two_modes

NAME = "20260101-00000{}-mlp-0123456{}"


def put(number, name="", **labels):
    """Make a run in the catalogue, and return its directory."""
    path = runs_root() / NAME.format(number, number)
    make_run(path, two_modes(10))
    write_labels(path, Labels(name, **labels))
    return path


def _spaced(tag):
    return any(len(part.split()) > 1 for part in tag.split(","))


@given(st.text(), st.lists(st.text(), max_size=4), st.text())
def test_labels_are_lines_of_plain_text_and_come_back(tmp_path, name, tags, note):
    try:
        labels = parse_labels(name, tags, note)
    except ExperimentError:
        assert max(map(len, (name, note, *tags))) > LONGEST_TAG or "/" in name or any(map(_spaced, tags))
        return
    texts = [labels.name, *labels.tags, labels.note]
    assert not [c for text in texts for c in text if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")]
    write_labels(tmp_path, labels)
    assert read_labels(tmp_path) == labels
    assert (tmp_path / "labels.json").exists() is not labels.empty


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=8))
def test_whatever_a_file_of_labels_holds_is_made_plain_and_short(tmp_path, value):
    text = json.dumps({"name": value, "tags": [value, value], "note": value})
    for content in (text, json.dumps({"tags": value}), text[:-3], json.dumps(value)):
        (tmp_path / "labels.json").write_text(content)
        found = read_labels(tmp_path)
        assert len(found.name) <= LONGEST_NAME
        assert len(found.note) <= LONGEST_NOTE
        assert len(found.tags) <= MOST_TAGS
        assert all(tag and len(tag) <= LONGEST_TAG and len(tag.split()) == 1 for tag in found.tags)
        assert not any(c in "\x1b\x9b\u202e\n" for c in found.name + found.note + "".join(found.tags))


@pytest.mark.parametrize(
    ("given_labels", "key"),
    [
        ({"name": "x" * (LONGEST_NAME + 1)}, "name"),
        ({"name": "a/b"}, "name"),
        ({"name": "latest"}, "name"),
        ({"tags": ["two words"]}, "tag"),
        ({"tags": ["x" * (LONGEST_TAG + 1)]}, "tag"),
        ({"tags": [f"t{number}" for number in range(MOST_TAGS + 1)]}, "tag"),
        ({"note": "x" * (LONGEST_NOTE + 1)}, "note"),
    ],
)
def test_labels_that_could_not_be_shown_or_found_are_refused(given_labels, key):
    with pytest.raises(ExperimentError) as caught:
        parse_labels(**given_labels)
    assert [problem.key for problem in caught.value.problems] == [key]


def test_labels_are_changed_one_by_one(tmp_path):
    change_labels(tmp_path, "one", ["a,b", "a"], "first")
    assert read_labels(tmp_path) == Labels("one", ("a", "b"), "first")
    change_labels(tmp_path, tags=["c"], without=["a"])
    assert read_labels(tmp_path) == Labels("one", ("b", "c"), "first")
    change_labels(tmp_path, name="", note="")
    assert read_labels(tmp_path) == Labels("", ("b", "c"))
    with pytest.raises(ExperimentError, match="tag"):
        change_labels(tmp_path, tags=[f"t{number}" for number in range(MOST_TAGS)])
    change_labels(tmp_path, without=["b", "c"])
    assert list(tmp_path.iterdir()) == []


def test_labels_are_beside_the_experiment_and_no_digest_knows_them(tmp_path):
    plain = make_run(tmp_path / "plain", two_modes(10))
    run, lease = begin_run(
        tmp_path / "called", plain.facts, plain.environments[0], 10, labels=Labels("mine", ("a",), "why")
    )
    lease.release()
    assert read_labels(run.path) == Labels("mine", ("a",), "why")
    assert RunDirectory.open(run.path).facts.experiment.digest() == plain.facts.experiment.digest()
    stored = [json.loads((path / "experiment.json").read_text()) for path in (plain.path, run.path)]
    assert stored[0]["digest"] == stored[1]["digest"]
    assert "mine" not in (run.path / "experiment.json").read_text()


def test_a_run_is_found_by_its_name_and_an_ambiguous_one_is_refused_with_the_list():
    first, second, third = put(1, "Deep tail"), put(2, "deep end"), put(3, "twin")
    fourth = put(4, "twin")
    assert find_run("Deep tail") == find_run("deep t") == first
    assert find_run("end") == second
    assert find_run(third.name) == third
    for text, those in (("twin", (third, fourth)), ("deep", (first, second)), ("2026", (first, fourth))):
        with pytest.raises(RunDirectoryError, match=f"'{text}' matches [24] of them") as caught:
            find_run(text)
        assert all(path.name in str(caught.value) for path in those)
    # A whole name comes before a part of one, and the name of a directory may be part of another's.
    write_labels(second, Labels("twins"))
    assert find_run("twins") == second
    with pytest.raises(RunDirectoryError, match="no run 'triplet'"):
        find_run("triplet")


def test_a_sweep_is_found_by_name_and_one_that_shares_it_with_a_run_is_refused():
    run = put(1, "both")
    sweep = make_sweep(sweeps_root() / "20260102-000000-01234567", widths=(2,))
    write_labels(sweep, Labels("sweep of mine"))
    assert (find("mine").path, find("mine").kind) == (sweep, SWEEP)
    assert find("both").path == run
    assert find(sweep.name).path == find(str(sweep)).path == sweep
    write_labels(sweep, Labels("both"))
    with pytest.raises(RunDirectoryError, match="'both' matches 2"):
        find("both")
    assert [(entry.kind, entry.path) for entry in list_all()] == [("sweep", sweep), ("run", run)]


def test_what_is_kept_elsewhere_is_listed_while_it_is_there(tmp_path):
    old = put(1)
    elsewhere = tmp_path / "else where"
    make_run(elsewhere, two_modes(10))
    sweep = make_sweep(tmp_path / "sweep", widths=(2,))
    remember(elsewhere, RUN)
    remember(old, RUN)
    remember(sweep, SWEEP)
    assert [entry.path for entry in list_runs()] == [elsewhere, old]
    assert {entry.path for entry in list_all()} == {elsewhere, old, sweep}
    assert find_run("latest") == find_run("else where") == elsewhere
    # Moved away it is not listed, and put back it is; what is deleted is forgotten.
    elsewhere.rename(tmp_path / "away")
    assert [entry.path for entry in list_runs()] == [old]
    (tmp_path / "away").rename(elsewhere)
    assert len(list_runs()) == 2
    for entry in list_all():
        assert delete_entry(entry) == ()
    assert not elsewhere.exists()
    assert not sweep.exists()
    assert remembered(RUN) == remembered(SWEEP) == []


def test_files_of_the_index_that_are_broken_count_for_nothing(home, tmp_path):
    make_run(tmp_path / "run", two_modes(10))
    remember(tmp_path / "run", RUN)
    folder = home / "elsewhere"
    texts = ["{", "[]", "{}", '{"path": 3, "kind": "run"}', '{"path": "not/whole", "kind": "run"}']
    texts += ['{"path": "/nul\\u0000", "kind": "run"}', '{"path": "/proc/self", "kind": "run", "begun": []}']
    for number, text in enumerate(texts):
        (folder / f"{number}.json").write_text(text)
    (folder / "link.json").symlink_to("/dev/zero")
    (folder / "folder.json").mkdir()
    assert [entry.path for entry in list_runs()] == [tmp_path / "run"]
    forget(tmp_path / "run")
    assert list_runs() == []


def test_an_index_that_cannot_be_written_is_no_error(home, tmp_path):
    (home / "elsewhere").write_text("a file")
    remember(tmp_path / "run", RUN)
    assert remembered(RUN) == []


def _remember_many(folder, number, barrier):
    barrier.wait()
    for place in range(20):
        remember(folder / f"{number}-{place}", RUN)
        remember(folder / f"shared-{place}", RUN)


def test_many_processes_remember_at_once_and_nothing_is_lost(tmp_path):
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(8)
    processes = [
        context.Process(target=_remember_many, args=(tmp_path, number, barrier)) for number in range(8)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    names = {f"{number}-{place}" for number in range(8) for place in range(20)}
    names |= {f"shared-{place}" for place in range(20)}
    assert sorted(found.path.name for found in remembered(RUN)) == sorted(names)


def test_fifty_runs_of_one_experiment_that_begin_in_the_same_second_all_get_a_name(tmp_path, monkeypatch):
    """As the tasks of an array do: the file system decides whose a directory is."""
    plain = make_run(tmp_path / "plain", two_modes(10))
    monkeypatch.setattr(catalogue_module.time, "strftime", lambda *_: "20260101-000000")
    request = RunRequest("", {"sampling": {"samples": 10, "keep_losses": 0}}, {})

    class Prepared:
        facts, environment, place = plain.facts, {"torch": "x"}, ""

    class Pool:
        arrays, workers = None, 1

        def prepare(self, _):
            barrier.wait()  # all have chosen the same name by then
            return Prepared()

    barrier = threading.Barrier(50)
    begun, errors = [], []

    def make():
        try:
            run, lease, _ = begin_module._make(request, Pool(), True)
            begun.append((run.path, lease))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=make) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len({path for path, _ in begun}) == len(list_runs()) == 50
    assert all(path.parent == runs_root() for path, _ in begun)
    for _, lease in begun:
        lease.release()


def test_deleting_a_sweep_keeps_what_nobody_here_wrote(tmp_path):
    sweep = make_sweep(tmp_path / "sweep", widths=(2, 4))
    (sweep / "mine.txt").write_text("kept")
    (sweep / "width=4" / "notes.md").write_text("kept")
    (sweep / "other=1").mkdir()
    os.symlink(tmp_path, sweep / "width=8")
    remember(sweep, SWEEP)
    assert set(delete_entry(find(str(sweep)))) == {"mine.txt", "width=4/notes.md", "other=1", "width=8"}
    assert sorted(entry.name for entry in sweep.iterdir()) == ["mine.txt", "other=1", "width=4", "width=8"]
    assert (sweep / "width=4" / "notes.md").read_text() == "kept"
    assert list_all() == []
    with pytest.raises(RunDirectoryError, match="no run"):
        find(str(sweep))
