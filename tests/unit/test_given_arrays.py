"""Arrays given for data: the file that holds them, which may come from anyone, and the run that keeps it."""

import hashlib
import io
import os
import zipfile

import numpy as np
import pytest

from geomreg_tui.datasets import ARRAYS, arrays_in, arrays_path, load, pack_arrays, read_packed
from geomreg_tui.datasets.given import unpack_arrays
from geomreg_tui.errors import DataError, RunDirectoryError
from geomreg_tui.experiment import Experiment
from geomreg_tui.runner.registry import delete_run
from geomreg_tui.runner.verify import verify_run
from geomreg_tui.sampling.work import prepare
from tests.making import begin_run

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(12, 3)), RNG.integers(0, 3, 12)


def kept(folder, content):
    """Put a file where it is looked for; return an experiment on it."""
    folder.mkdir(exist_ok=True)
    digest = hashlib.sha256(content).hexdigest()
    arrays_path(folder, digest).write_bytes(content)
    return Experiment.parse({"data": ARRAYS, "data_sha256": digest, "examples": 4, "width": 4, "depth": 1})


def archive(kind=zipfile.ZIP_STORED, **members):
    """Return an NPZ archive of members, each the content of a file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as made:
        for name, content in members.items():
            made.writestr(f"{name}.npy", content)
    return buffer.getvalue()


def member(array, **saving):
    buffer = io.BytesIO()
    np.save(buffer, array, **saving)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (X, Y),
        (X.astype(np.float32), Y.astype(float)),
        (np.asfortranarray(X), Y),
        (X[::2], Y[::2]),
        (X.astype(">f8"), Y.astype(">i4")),
        (RNG.integers(0, 256, (5, 4, 4), dtype=np.uint8), np.array(["a", "bb", "a", "bb", "a"])),
        (X > 0, RNG.normal(size=(12, 2))),
    ],
)
def test_numpy_reads_back_what_was_packed(x, y):
    _, content = pack_arrays(x, y)
    with np.load(io.BytesIO(content), allow_pickle=False) as loaded:
        np.testing.assert_array_equal(loaded["x"], x)
        np.testing.assert_array_equal(loaded["y"], y)
        assert loaded["x"].dtype == x.dtype.newbyteorder("<")
    for ours, given in zip(unpack_arrays(content), (x, y), strict=True):
        np.testing.assert_array_equal(ours, given)


def test_equal_arrays_have_equal_files_however_they_lie_in_memory():
    wide = np.repeat(X, 2, axis=0)
    others = [np.asfortranarray(X), X.astype(">f8"), wide[::2]]
    assert {pack_arrays(x, Y)[0] for x in (X, *others)} == {pack_arrays(X, Y)[0]}
    assert pack_arrays(X + 1e-9, Y)[0] != pack_arrays(X, Y)[0]


@pytest.mark.parametrize(
    ("x", "y", "why"),
    [
        (X, Y[:-1], "12 examples in x, 11 in y"),
        (np.where(X > 1, np.nan, X), Y, "NaN or infinite"),
        (X.astype(object), Y, "not numbers"),
        (X + 1j, Y, "not numbers"),
        (X[:, :0], Y, "no numbers"),
    ],
)
def test_what_cannot_be_inputs_and_targets_is_refused(x, y, why):
    with pytest.raises(DataError, match=why):
        pack_arrays(x, y)


HOSTILE = {
    "not an archive": b"PK\x03\x04 and then nothing",
    "empty": b"",
    "another member": archive(x=member(X), y=member(Y), z=member(X)),
    "no targets": archive(x=member(X)),
    "twice": archive(x=member(X), y=member(Y))[:-4],
    "compressed": archive(zipfile.ZIP_DEFLATED, x=member(np.zeros((1000, 1000))), y=member(Y)),
    "pickled": archive(x=member(np.array([{}], dtype=object), allow_pickle=True), y=member(Y)),
    "shorter than it says": archive(x=member(X)[:-8], y=member(Y)),
    "longer than it says": archive(x=member(X) + bytes(8), y=member(Y)),
    "a petabyte": archive(x=member(X).replace(b"(12, 3), }     ", b"(99999999999,)}"), y=member(Y)),
    "negative": archive(x=member(X).replace(b"(12, 3), } ", b"(-12, -3) }"), y=member(Y)),
    "a long header": archive(x=member(X).replace(b"\x76\x00", b"\xff\xff", 1), y=member(Y)),
    "code in the header": archive(x=member(X).replace(b"(12, 3)", b"exit(3)"), y=member(Y)),
    "no size": archive(x=member(np.empty(12, "V0")), y=member(Y)),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_with_the_right_digest_is_refused(tmp_path, content):
    experiment = kept(tmp_path / "data", content)
    with arrays_in(tmp_path / "data"), pytest.raises(DataError, match="damaged"):
        load(experiment)


def test_links_and_changed_files_are_refused(tmp_path):
    digest, content = pack_arrays(X, Y)
    folder = tmp_path / "data"
    experiment = kept(folder, content)
    path = arrays_path(folder, digest)
    assert read_packed(folder, digest) == content
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(DataError, match="link"):
        read_packed(tmp_path / "link", digest)
    path.rename(tmp_path / "elsewhere.npz")
    path.symlink_to(tmp_path / "elsewhere.npz")
    with pytest.raises(DataError, match="not there"):
        read_packed(folder, digest)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(DataError, match="not a regular file"):
        read_packed(folder, digest)
    path.unlink()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with arrays_in(folder), pytest.raises(DataError, match="is damaged: its SHA-256"):
        load(experiment)


def test_the_examples_are_those_of_the_same_arrays_in_a_file(tmp_path):
    np.savez(tmp_path / "same.npz", x=X, y=Y)
    _, content = pack_arrays(X, Y)
    experiment = kept(tmp_path / "data", content)
    with arrays_in(tmp_path / "data"):
        given = load(experiment)
    from_file = load(experiment.replace(data=str(tmp_path / "same.npz"), data_sha256=None))
    np.testing.assert_array_equal(given.x, from_file.x)
    np.testing.assert_array_equal(given.y, from_file.y)
    assert given.sha256 == experiment.data_sha256


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"data_sha256": None}, "give the path of a file"),
        ({}, "folder data of the run"),
    ],
)
def test_arrays_that_cannot_be_found_say_where_they_are(changes, why):
    digest, _ = pack_arrays(X, Y)
    experiment = Experiment.parse({"data": ARRAYS, "data_sha256": digest, **changes})
    with pytest.raises(DataError, match=why):
        load(experiment)


@pytest.fixture
def run(tmp_path):
    _, content = pack_arrays(X, Y)
    experiment = kept(tmp_path / "given", content)
    with arrays_in(tmp_path / "given"):
        facts = prepare(experiment).facts
    begun, lease = begin_run(
        tmp_path / "run", facts, {"torch": "0"}, 10, 0, experiment, arrays=tmp_path / "given"
    )
    lease.release()
    return begun


def test_a_run_keeps_its_arrays_and_verifying_covers_them(run):
    path = run.arrays_file()
    assert path is not None
    assert path.parent == run.path / "data"
    assert verify_run(run.path).problems == ()
    path.write_bytes(path.read_bytes() + b"\0")
    assert "SHA-256" in verify_run(run.path).problems[0]
    path.unlink()
    assert "not there" in verify_run(run.path).problems[0]


def test_deleting_a_run_deletes_its_arrays(run):
    assert delete_run(run.path) == ()
    assert not run.path.exists()


def test_a_run_begins_neither_without_its_arrays_nor_over_files_of_that_name(run, tmp_path):
    def begin(name, given):
        return begin_run(tmp_path / name, run.facts, {}, 10, 0, run.asked, arrays=given)

    with pytest.raises(DataError, match="not there"):
        begin("new", tmp_path / "nowhere")
    assert not (tmp_path / "new").exists()
    (tmp_path / "mine" / "data").mkdir(parents=True)
    (tmp_path / "mine" / "data" / "measured.npz").touch()
    with pytest.raises(RunDirectoryError, match="not an empty folder"):
        begin("mine", tmp_path / "given")
