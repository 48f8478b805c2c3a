"""The run directory: atomic files, packs, leases, the catalogue."""

import errno
import json
import math
import os
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from geomreg_tui import __version__
from geomreg_tui.errors import RunDirectoryError
from geomreg_tui.experiment import Experiment
from geomreg_tui.rundir import (
    Action,
    Command,
    RunDirectory,
    RunState,
    Status,
    find_run,
    list_runs,
    new_run_path,
)
from geomreg_tui.rundir.lease import Lease, holder
from geomreg_tui.rundir.log import read_events
from geomreg_tui.rundir.status import read_status
from geomreg_tui.rundir.store import read_arrays, read_bytes, read_json, write_arrays, write_bytes, write_json
from geomreg_tui.runner import resume
from geomreg_tui.runner.registry import delete_run
from geomreg_tui.runner.snapshot import Snapshot, read_live, to_stored
from geomreg_tui.runner.verify import verify_run
from geomreg_tui.sampling.packs import Pack, PackFolder
from geomreg_tui.sampling.plan import SamplingPlan, read_plan
from geomreg_tui.sampling.store import committed, committed_packs, packs_of
from geomreg_tui.summary import Facts, LossHistogram, Moments, Overlay, Summary
from tests.making import begin_run, new_run

CHUNK = 50
TAKES_A_LEASE = "from geomreg_tui.rundir.lease import Lease; from pathlib import Path; Lease(Path({!r}))"


def make_facts(**changes):
    experiment = Experiment.parse({"sampler": "direct", "chunk_size": CHUNK, "batch_size": 10, **changes})
    overlay = Overlay("law", np.array([0.5, 1.0]), np.array([0.1, 0.9]))
    return Facts(experiment, 64, 1, 100, math.inf, 1.0, 0.9, "asked for", ("a note",), None, (overlay,))


def pack_of(chunk, count=CHUNK, keep=0):
    losses = np.random.default_rng(chunk).gamma(2, size=CHUNK)[:count]
    histogram = LossHistogram.from_losses(losses, 12)
    return Pack(Summary(histogram, Moments.from_losses(losses, 1.0)), losses[:keep])


@pytest.fixture
def run(tmp_path):
    return new_run(tmp_path / "run", make_facts(), {"torch": "x"}, 1000, 0)


def test_a_write_replaces_the_whole_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "file"
    write_bytes(path, b"one")
    write_bytes(path, b"two", durable=False)
    assert path.read_bytes() == b"two"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    folder = tmp_path / "absent"
    with pytest.raises(RunDirectoryError, match="cannot be written"):
        write_bytes(folder / "file", b"x")
    path = tmp_path / "file"
    write_bytes(path, b"old")
    (tmp_path / "folder").mkdir()
    with pytest.raises(RunDirectoryError):
        write_bytes(tmp_path / "folder", b"x")
    assert path.read_bytes() == b"old"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "folder"]


def test_reading_refuses_links_pipes_and_large_files(tmp_path):
    (tmp_path / "real").write_bytes(b"12345")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    os.mkfifo(tmp_path / "pipe")
    assert read_bytes(tmp_path / "real", 5) == b"12345"
    for name, reason in (("link", "cannot be read"), ("pipe", "not a regular"), ("absent", "No such file")):
        with pytest.raises(RunDirectoryError, match=reason):
            read_bytes(tmp_path / name, 100)
    with pytest.raises(RunDirectoryError, match="more than the 4 allowed"):
        read_bytes(tmp_path / "real", 4)


@pytest.mark.parametrize("text", ["", "[1]", "{", "\xff", "[" * 100_000])
def test_what_is_not_a_json_object_is_refused(tmp_path, text):
    (tmp_path / "x.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(RunDirectoryError, match="JSON"):
        read_json(tmp_path / "x.json")


def test_arrays_round_trip_and_every_flipped_bit_is_noticed(tmp_path):
    path = tmp_path / "a.safetensors"
    arrays = {"x": np.arange(5), "y": np.array([0.5, -1.0])}
    write_arrays(path, {"k": 1}, arrays)
    header, found = read_arrays(path)
    assert header == {"k": 1}
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
    data = path.read_bytes()
    for bit in range(0, 8 * len(data), 7):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            header, found = read_arrays(path)
        except RunDirectoryError:
            continue
        # Only a change that means nothing to the reader may go unnoticed.
        assert header == {"k": 1}
        np.testing.assert_array_equal(found["x"], arrays["x"])
        np.testing.assert_array_equal(found["y"], arrays["y"])
    for length in range(0, len(data), 11):
        path.write_bytes(data[:length])
        with pytest.raises(RunDirectoryError):
            read_arrays(path)


def test_a_directory_opens_to_what_was_created(run):
    opened = RunDirectory.open(run.path)
    assert opened.facts == run.facts
    assert opened.facts.init_radius == math.inf
    assert opened.facts.overlays[0].name == "law"
    assert opened.environments == ({"torch": "x", "from_chunk": 0},)
    assert not opened.mixed
    assert opened.asked == opened.facts.experiment
    assert read_plan(opened) == SamplingPlan(1000)


def test_a_directory_in_use_by_other_files_is_not_taken(tmp_path):
    (tmp_path / "x").write_text("precious")
    with pytest.raises(RunDirectoryError, match="not an empty folder"):
        new_run(tmp_path, make_facts(), {}, 10, 0)
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda stored: stored["experiment"].update(width=7), "width: 256 was sampled, 7 is given"),
        (lambda stored: stored.update(digest="0" * 64), "changed"),
        (lambda stored: stored.update(schema=99), "schema '99'"),
        (lambda stored: stored["experiment"].update(width="x\x1b[2J"), "damaged"),
        (lambda stored: stored.pop("experiment"), "damaged"),
    ],
)
def test_a_changed_experiment_is_refused(run, change, reason):
    path = run.path / "experiment.json"
    stored = json.loads(path.read_text())
    change(stored)
    path.write_text(json.dumps(stored))
    with pytest.raises(RunDirectoryError, match=reason) as caught:
        RunDirectory.open(run.path)
    assert "\x1b" not in str(caught.value)


def test_packs_are_merged_and_hold_every_network(run):
    for chunk in range(100):
        packs_of(run).append(chunk, chunk + 1, pack_of(chunk, keep=2))
    files = packs_of(run).scan()
    assert len(files) <= 7 * 3 + 1
    pack, used = committed_packs(run)
    whole = Pack.merge([pack_of(chunk, keep=2) for chunk in range(100)])
    assert used == files
    assert pack.summary.histogram.digest() == whole.summary.histogram.digest()
    np.testing.assert_array_equal(pack.losses, whole.losses)
    assert len(list((run.path / "chunks").iterdir())) == len(files)


def flip(path, place=-3):
    data = bytearray(path.read_bytes())
    data[place] ^= 4
    path.write_bytes(data)


def test_a_damaged_pack_ends_the_prefix_and_can_be_set_aside(run):
    for chunk in range(5):
        packs_of(run).append(chunk, chunk + 1, pack_of(chunk))
    damaged = packs_of(run).scan()[2]
    flip(damaged.path)
    pack, files = committed_packs(run)
    assert [file.stop for file in files] == [1, 2]
    assert pack.summary.samples == 2 * CHUNK
    found = verify_run(run.path)
    assert (found.samples, found.files, len(found.problems)) == (2 * CHUNK, 4, 1)
    assert "chunks 2 to 2" in found.problems[0]
    aside = packs_of(run).set_aside(damaged)
    assert aside.exists()
    assert [file.first for file in packs_of(run).scan()] == [0, 1, 3, 4]
    assert verify_run(run.path).problems == ()
    assert "missing" in verify_run(run.path).notes[0]


def test_a_check_reads_each_pack_once(run, monkeypatch):
    for chunk in range(5):
        packs_of(run).append(chunk, chunk + 1, pack_of(chunk))
    times = Counter()
    read = PackFolder.read

    def counted(folder, file):
        times[file.path] += 1
        return read(folder, file)

    monkeypatch.setattr(PackFolder, "read", counted)
    assert verify_run(run.path).samples == 5 * CHUNK
    assert times == dict.fromkeys((file.path for file in packs_of(run).scan()), 1)


def test_a_damaged_merged_pack_gives_way_to_those_it_was_made_of(run):
    for chunk in range(7):
        packs_of(run).append(chunk, chunk + 1, pack_of(chunk))
    kept = {file.path: file.path.read_bytes() for file in packs_of(run).scan()}
    packs_of(run).append(7, 8, pack_of(7))
    (merged,) = packs_of(run).scan()
    for path, data in kept.items():  # as after a crash between writing the merged one and deleting them
        path.write_bytes(data)
    assert committed(run).summary.samples == 8 * CHUNK
    flip(merged.path)
    assert committed(run).summary.samples == 7 * CHUNK
    packs_of(run).set_aside(merged)
    run.tidy()
    assert committed(run).summary.samples == 7 * CHUNK


def test_chunks_that_were_given_up_are_passed_over(run):
    for chunk in (1, 3):
        packs_of(run).append(chunk, chunk + 1, pack_of(chunk))
    assert committed(run).summary.samples == 0
    run.write_status(Status(RunState.FAILED, 100, 200, given_up=(0, 2)))
    assert committed(run).summary.samples == 2 * CHUNK


def test_packs_of_another_run_or_place_are_refused(run, tmp_path):
    other = new_run(tmp_path / "other", make_facts(seed=1), {}, 10, 0)
    packs_of(other).append(0, 1, pack_of(0))
    stranger = packs_of(other).scan()[0].path
    (run.path / "chunks" / stranger.name).write_bytes(stranger.read_bytes())
    with pytest.raises(RunDirectoryError, match="another run"):
        packs_of(run).read(packs_of(run).scan()[0])
    assert committed(run).summary.samples == 0


def test_an_incomplete_last_chunk_is_kept_until_it_is_completed(run):
    packs_of(run).append(0, 1, pack_of(0))
    packs_of(run).write_tail(1, pack_of(1, 7))
    assert committed(run).summary.samples == CHUNK + 7
    packs_of(run).append(1, 2, pack_of(1))
    assert committed(run).summary.samples == 2 * CHUNK


def test_snapshots_round_trip(run):
    assert run.read_live() is None
    results = {"sampling": pack_of(0).summary}
    snapshot = Snapshot(RunState.SAMPLING, 1000, 123.5, run.facts, 10.0, 2.5, "hello", 3, results=results)
    run.write_live(to_stored(snapshot))
    found = read_live(run)
    assert found.summary.histogram.digest() == snapshot.summary.histogram.digest()
    np.testing.assert_array_equal(found.facts.overlays[0].cdf, run.facts.overlays[0].cdf)
    assert (found.state, found.target, found.message, found.request) == (RunState.SAMPLING, 1000, "hello", 3)
    (run.path / "live.safetensors").write_bytes(b"\0" * 64)
    with pytest.raises(RunDirectoryError, match="damaged"):
        read_live(run)


def test_commands_of_several_viewers_are_obeyed_once_and_in_order(run):
    viewers = [RunDirectory.open(run.path) for _ in range(3)]
    assert run.control.poll() == []
    sent = [Command(Action.EXTEND, 5000), Command(Action.PAUSE), Command(Action.STOP)]
    for viewer, command in zip(viewers, sent, strict=True):
        viewer.send(command)
    (run.path / "control" / "notes.txt").write_text("not a command")
    assert run.control.poll() == sent
    assert run.control.poll() == []
    assert [entry.name for entry in (run.path / "control").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    "text", ["", "{}", '{"action": "explode"}', '{"action": "extend", "samples": 1e400}', "[" * 10**5]
)
def test_what_is_not_a_command_is_dropped(run, text):
    run.send(Command(Action.PAUSE))
    (path,) = (run.path / "control").iterdir()
    path.write_text(text)
    assert run.control.poll() == []
    assert not path.exists()


def test_commands_to_an_engine_that_is_gone_are_forgotten(run):
    run.send(Command(Action.STOP))
    run.tidy()
    assert run.control.poll() == []


def test_the_log_survives_a_half_written_line(run):
    run.log("one", note="x\x1b[2J")
    with (run.path / "log.jsonl").open("a") as file:
        file.write('{"time": "2026-')
    run.log("two")
    events, broken = read_events(run.path / "log.jsonl")
    assert [event["event"] for event in events] == ["one", "two"]
    assert broken == 1
    assert b"\x1b" not in (run.path / "log.jsonl").read_bytes()


def test_a_run_whose_engine_died_is_stopped(run):
    run.write_status(Status(RunState.SAMPLING, 50, 1000, 1.0))
    assert run.read_status().state is RunState.STOPPED
    lease = run.lease()
    assert run.read_status().state is RunState.SAMPLING
    lease.release()


def test_one_engine_at_a_time(run):
    lease = run.lease()
    with pytest.raises(RunDirectoryError, match="in use by process"):
        run.lease()
    taken = run.lease(take_over=True)
    assert not lease.held()
    assert taken.held()
    lease.release()
    assert run.engine()
    taken.release()
    assert run.engine() is None


def test_a_lease_says_from_its_first_moment_that_nobody_is_to_signal_its_process(tmp_path, monkeypatch):
    seen = []
    link = os.link

    def look(prepared, path):
        link(prepared, path)
        seen.append(holder(path).here)

    monkeypatch.setattr(os, "link", look)
    for name, signalled in (("own", True), ("person", False)):
        (tmp_path / name).mkdir()
        path = tmp_path / name / "lease.json"
        lease = Lease(path, signalled=signalled)
        assert holder(path).here is signalled
        lease.release()
    assert seen == [True, False]


def test_the_lease_of_a_dead_process_is_free_and_of_another_host_is_not(tmp_path):
    path = tmp_path / "lease.json"
    script = (
        f"from geomreg_tui.rundir.lease import Lease; from pathlib import Path; Lease(Path({str(path)!r}))"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    assert holder(path) is None
    stored = json.loads(path.read_text())
    elsewhere = {**stored, "host": socket.gethostname() + "-other"}
    for changes in (elsewhere, {**stored, "pid_space": "pid:[1]"}):
        path.write_text(json.dumps(changes))
        assert not holder(path).here
        with pytest.raises(RunDirectoryError, match="--take-over"):
            Lease(path)
    # A process id that has gone to another process since, and a machine that was started anew.
    for changes in ({"pid": os.getpid()}, {"pid": os.getpid(), "birth": None, "boot": "another"}):
        path.write_text(json.dumps({**stored, **changes}))
        assert holder(path) is None
    assert Lease(path).held()
    assert holder(path).here
    assert [entry.name for entry in tmp_path.iterdir()] == ["lease.json"]


def test_the_lease_of_a_process_that_nobody_has_waited_for_is_free(tmp_path):
    path = tmp_path / "lease.json"
    script = (
        f"from geomreg_tui.rundir.lease import Lease; from pathlib import Path; Lease(Path({str(path)!r}))"
    )
    process = subprocess.Popen([sys.executable, "-c", script])
    while "Z" not in (state := Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2][:3]):
        assert state
    assert holder(path) is None
    process.wait()


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("held", [True, False])
def test_a_lease_that_an_engine_tidies_away_while_it_is_prepared_is_prepared_again(
    tmp_path, monkeypatch, links, held
):
    """An engine that has the lease deletes what it takes for leftovers, at any moment."""
    from geomreg_tui.rundir import lease

    def prepare(file, values):
        prepared.append(file)
        if held and len(prepared) == 2:
            write_json(path, {**values, "token": "of the engine that tidies"})
        if len(prepared) < 3:
            raise RunDirectoryError("swept") from FileNotFoundError()
        write_json(file, values)
        if len(prepared) == 3:
            file.unlink()

    path, prepared = tmp_path / "lease.json", []
    monkeypatch.setattr(lease, "write_json", prepare)
    if not links:
        monkeypatch.setattr(lease.os, "link", refuse_links)
    if held:
        with pytest.raises(RunDirectoryError, match="in use by process"):
            Lease(path)
    else:
        assert Lease(path).held()
    assert [entry.name for entry in tmp_path.iterdir()] == ["lease.json"]


def refuse_links(*_):
    raise OSError("no links here")


RACE = """
import fcntl, os, sys, time
from pathlib import Path
from geomreg_tui.errors import RunDirectoryError
from geomreg_tui.rundir.lease import Lease

def refuse(*_):
    raise OSError("no locks here")

def race(path, start, said, stay):
    if os.fork():
        return
    while time.time() < start:
        pass
    try:
        Lease(path)
        os.write(said, b"g")
    except RunDirectoryError:
        os.write(said, b"r")
    os.read(stay, 1)
    os._exit(0)

folder, abandoned, locks = Path(sys.argv[1]), sys.argv[2] == "abandoned", sys.argv[3] == "locks"
if not locks:
    fcntl.flock = refuse
for turn in range(30):
    path = folder / f"{turn}" / "lease.json"
    path.parent.mkdir()
    if abandoned:
        if not os.fork():
            Lease(path)
            os._exit(0)
        os.wait()
    (hear, say), (stay, leave) = os.pipe(), os.pipe()
    start = time.time() + 0.02
    for _ in range(6):
        race(path, start, say, stay)
    heard = b""
    while len(heard) < 6:
        heard += os.read(hear, 6)
    print(heard.count(b"g"))
    os.write(leave, b"6 byte")
    for _ in range(6):
        os.wait()
    for end in (hear, say, stay, leave):
        os.close(end)
"""


@pytest.mark.parametrize(
    ("before", "locks"),
    [
        ("abandoned", "locks"),
        ("nothing", "no locks"),
        pytest.param("nothing", "locks", marks=pytest.mark.full),
    ],
)
def test_of_engines_that_start_at_the_same_moment_one_gets_the_lease(tmp_path, before, locks):
    command = [sys.executable, "-c", RACE, str(tmp_path), before, locks]
    winners = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert winners == ["1"] * 30


def test_a_file_system_without_hard_links_is_good_enough(tmp_path, monkeypatch):
    def link(*_):
        raise OSError(errno.EOPNOTSUPP, "no links here")

    monkeypatch.setattr(os, "link", link)
    lease = Lease(tmp_path / "lease.json")
    assert lease.held()
    with pytest.raises(RunDirectoryError, match="in use"):
        Lease(tmp_path / "lease.json")


def test_the_catalogue_finds_runs_by_part_of_their_name(home):
    first, second = (new_run_path(Experiment.parse({"seed": seed})) for seed in (1, 2))
    for path, seed in ((first, 1), (second, 2)):
        new_run(path, make_facts(seed=seed), {}, 10, 0)
    assert {entry.path for entry in list_runs()} == {first, second}
    assert find_run(first.name[-8:]) == first
    assert find_run(str(second)) == second
    assert find_run("latest") in (first, second)
    with pytest.raises(RunDirectoryError, match="matches 2"):
        find_run("-mlp-")
    with pytest.raises(RunDirectoryError, match="no run"):
        find_run("nothing")
    assert find_run("going") == find_run("latest")
    older = min(first, second)
    lease = RunDirectory.open(older).lease()
    assert find_run("going") == older
    lease.release()
    assert delete_run(first) == ()
    assert not first.exists()
    with pytest.raises(RunDirectoryError):
        delete_run(home)
    assert home.exists()


def test_the_home_of_nobody_is_a_name_like_any_other(monkeypatch, tmp_path):
    with pytest.raises(RunDirectoryError, match="no run '~nobody-of-that-name/run'"):
        find_run("~nobody-of-that-name/run")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GEOMREG_HOME", "~nobody-of-that-name/x")
    assert list_runs() == []


def test_a_run_in_use_or_a_link_is_not_deleted(run, tmp_path):
    lease = run.lease()
    with pytest.raises(RunDirectoryError, match="stop it first"):
        delete_run(run.path)
    lease.release()
    (tmp_path / "link").symlink_to(run.path)
    with pytest.raises(RunDirectoryError, match="link"):
        delete_run(tmp_path / "link")
    assert run.path.exists()


def test_deleting_a_run_keeps_what_no_engine_wrote(run, tmp_path):
    (tmp_path / "precious.safetensors").write_text("x")
    (run.path / "notes.txt").write_text("mine")
    (run.path / "chunks" / "000000000000-000000000001-0.safetensors").symlink_to(
        tmp_path / "precious.safetensors"
    )
    packs_of(run).append(1, 2, pack_of(1))
    packs_of(run).set_aside(packs_of(run).scan()[-1])
    assert delete_run(run.path) == ("notes.txt",)
    assert [entry.name for entry in run.path.iterdir()] == ["notes.txt"]
    assert (tmp_path / "precious.safetensors").exists()


def test_a_run_that_cannot_be_read_can_be_deleted(home):
    path = new_run_path(Experiment.parse({}))
    new_run(path, make_facts(), {}, 10, 0)
    (path / "experiment.json").unlink()
    (path / "facts.safetensors").write_bytes(b"?")
    assert delete_run(path) == ()
    assert not path.exists()


def test_folders_that_are_links_are_refused_and_left_alone(run, tmp_path):
    packs_of(run).append(0, 1, pack_of(0))
    elsewhere = tmp_path / "elsewhere"
    for name in ("chunks", "control"):
        (run.path / name).rename(elsewhere) if name == "chunks" else elsewhere.mkdir()
        (run.path / name).symlink_to(elsewhere)
        before = sorted(elsewhere.iterdir())
        with pytest.raises(RunDirectoryError, match="is a link"):
            committed_packs(run) if name == "chunks" else run.send(Command(Action.STOP))
        assert run.control.poll() == []
        assert sorted(elsewhere.iterdir()) == before
        (run.path / name).unlink()
        if name == "chunks":
            elsewhere.rename(run.path / name)
    assert committed(run).summary.samples == CHUNK


def test_a_link_in_the_catalogue_is_not_listed(home, run):
    path = new_run_path(Experiment.parse({}))
    path.parent.mkdir()
    path.symlink_to(run.path)
    assert list_runs() == []


@pytest.mark.parametrize("wanted", [0, 1])
def test_a_run_that_cannot_be_made_leaves_nothing(tmp_path, monkeypatch, wanted):
    """The disk fills up after so many files."""
    from geomreg_tui.rundir import directory

    written = []

    def write(*arguments, **options):
        if len(written) == wanted:
            raise RunDirectoryError("the disk is full")
        written.append(arguments)
        write_json(*arguments, **options)

    monkeypatch.setattr(directory, "write_json", write)
    with pytest.raises(RunDirectoryError, match="full"):
        new_run(tmp_path / "deep" / "run", make_facts(), {}, 10, 0)
    assert not (tmp_path / "deep" / "run").exists()


def test_what_a_killed_engine_left_before_there_was_a_run_is_in_nobodys_way(run):
    (run.path / "experiment.json").rename(run.path / ".experiment.json.0123abcd.tmp")
    again = new_run(run.path, make_facts(seed=3), {}, 10, 0)
    assert RunDirectory.open(again.path).facts.experiment.seed == 3
    (run.path / "experiment.json").unlink()
    packs_of(again).append(0, 1, pack_of(0))
    with pytest.raises(RunDirectoryError, match="not an empty folder"):
        new_run(run.path, make_facts(), {}, 10, 0)


def test_a_run_that_is_being_made_is_starting_and_keeps_other_engines_out(tmp_path, monkeypatch):
    """From its first file on; what the other engine wants is another experiment."""
    from geomreg_tui.rundir import directory

    path, seen = tmp_path / "run", []

    def write(*arguments, **options):
        patch.undo()
        with pytest.raises(RunDirectoryError, match="in use by process"):
            begin_run(path, make_facts(seed=3), {}, 10, 0)
        seen.append(read_status(path).state)
        write_arrays(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(directory, "write_arrays", write)
        run, lease = begin_run(path, make_facts(seed=2), {}, 10, 0)
    assert seen == [RunState.STARTING]
    assert RunDirectory.open(path).facts.experiment.seed == 2
    assert run.read_status().state is RunState.STARTING
    lease.release()
    assert run.read_status().state is RunState.STOPPED


@pytest.mark.parametrize("there", [True, False])
def test_a_run_that_cannot_be_made_is_in_nobodys_way(tmp_path, monkeypatch, there):
    from geomreg_tui.rundir import directory

    path = tmp_path / "run"
    if there:
        path.mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(directory, "write_arrays", lambda *_: (_ for _ in ()).throw(RunDirectoryError("full")))
        with pytest.raises(RunDirectoryError, match="full"):
            begin_run(path, make_facts(), {}, 10, 0)
    assert path.exists() == there
    new_run(path, make_facts(), {}, 10, 0)
    assert holder(path / "lease.json") is None


def test_versions_that_draw_the_same_bits_are_one_environment(tmp_path, monkeypatch):
    begun = {"geomreg_tui": "0.1.0", "torch": "x"}
    run = new_run(tmp_path / "run", make_facts(), begun, 1000, 0)
    assert __version__ in resume.SAME_BITS
    assert not resume.check_environment(run, {**begun, "geomreg_tui": __version__}, False)
    later = {**begun, "geomreg_tui": "9.9.9"}
    with pytest.raises(RunDirectoryError, match=r"geomreg_tui was 0\.1\.0 and is 9\.9\.9"):
        resume.check_environment(run, later, False)
    monkeypatch.setattr(resume, "SAME_BITS", {"0.1.0", "9.9.9"})
    assert not resume.check_environment(run, later, False)
    with pytest.raises(RunDirectoryError, match="torch was x and is y"):
        resume.check_environment(run, {**later, "torch": "y"}, False)
