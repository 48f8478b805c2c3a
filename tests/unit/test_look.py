"""A first look at data files: pandas judges what columns hold, and the kernel how much was read."""

from __future__ import annotations

import os
import pickle
import stat
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris

from geomreg_tui.datasets.files import file_pool
from geomreg_tui.datasets.look import LARGEST, look_at, refusal
from geomreg_tui.errors import DataError
from geomreg_tui.experiment import Experiment
from tests.seeds import generator

pd = pytest.importorskip("pandas")


def flowers():
    """Iris as a table, in which some measures are missing."""
    iris = load_iris(as_frame=True).frame
    iris["species"] = [("setosa", "versicolor", "virginica")[kind] for kind in iris.pop("target")]
    iris.loc[[3, 70], "petal width (cm)"] = np.nan
    return iris


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
def test_columns_hold_what_pandas_says_they_do(tmp_path, suffix):
    table, path = flowers(), tmp_path / f"flowers{suffix}"
    if suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, sep="\t" if suffix == ".tsv" else ",", index=False)
    look = look_at(path)
    assert [column.name for column in look.columns] == list(table.columns)
    assert (look.rows, look.total, look.size) == (150, 150, path.stat().st_size)
    for column in look.columns:
        assert column.distinct == table[column.name].nunique()
        assert column.missing == table[column.name].isna().sum()
        assert column.kind == ("text" if column.name == "species" else "number")
        assert set(column.values) <= set(map(str, table[column.name]))
        assert column.target == column.name
    assert look.columns[look.guess].name == "species"


@pytest.mark.parametrize(
    ("columns", "target"),
    [
        ({"Label": [0.5, 0.25, 0.125, 0.1], "b": list("aabb"), "c": [1, 2, 3, 4]}, "Label"),
        ({"y": [1, 2, 3, 4], "target": [5, 6, 7, 8], "c": [1, 1, 2, 2]}, "target"),
        ({"a": [1, 2, 3, 4], "b": [0.1, 0.2, 0.3, 0.4], "c": [1, 1, 2, 2]}, "c"),
        ({"a": [1, 2, 3, 4], "b": list("aabb"), "c": [0.1, 0.2, 0.3, 0.4]}, "b"),
        ({"a": [1, 2, 3, 4], "b": [0.1, 0.2, 0.3, 0.4], "c": [0.5, 0.6, 0.7, 0.8]}, "c"),
        ({"a": [1, 1, 2, 2], "b": ["x"] * 4, "c": [0.5, 0.6, 0.7, 0.8]}, "a"),
    ],
)
def test_the_target_is_guessed_by_its_name_or_by_few_values(tmp_path, columns, target):
    path = tmp_path / "t.csv"
    pd.DataFrame(columns).to_csv(path, index=False)
    look = look_at(path)
    assert look.columns[look.guess].name == target


def test_of_a_large_file_about_a_megabyte_is_read_and_that_says_what_its_columns_are(tmp_path):
    path = tmp_path / "large.csv"
    values = generator(5).standard_normal((200_000, 4)).round(6)
    pd.DataFrame(values, columns=list("abcd")).assign(e="A").to_csv(path, index=False)
    assert path.stat().st_size > 6 * 2**20
    before = _bytes_read()
    look = look_at(path)
    if before is not None:
        assert _bytes_read() - before < 1.2 * 2**20
    assert look.total is None
    assert 15_000 < look.rows < 100_000
    for place, column in enumerate(look.columns[:4]):
        assert column.distinct == len(np.unique(values[: look.rows, place]))
    assert look.columns[4].values == ("A",)


def _bytes_read():
    """Bytes that this process has read, as the kernel counts them; None where it does not."""
    try:
        about = Path("/proc/self/io").read_text(encoding="ascii")
    except OSError:
        return None
    return int(about.split("rchar: ")[1].split()[0])


def test_a_quoted_field_that_is_cut_does_not_spoil_what_comes_before_it(tmp_path):
    path = tmp_path / "cut.csv"
    path.write_text("a,y\n1,x\n2,z\n" * 1 + '3,"' + "long\n" * 400_000 + '"\n')
    look = look_at(path)
    assert look.rows == 2
    assert [column.distinct for column in look.columns] == [2, 2]


def test_arrays_are_told_by_their_headers(tmp_path):
    x, y = np.zeros((30, 8, 8), np.uint8), np.arange(30) % 3
    np.savez_compressed(tmp_path / "images.npz", x=x, y=y)
    look = look_at(tmp_path / "images.npz")
    assert {(column.name, column.kind) for column in look.columns} == {
        ("x", "uint8 30x8x8"),
        ("y", "int64 30"),
    }
    assert look.total == 30
    chosen = look.columns[look.guess]
    assert (chosen.name, chosen.target) == ("y", None)
    assert look.columns[0].target == "x"
    np.savez(tmp_path / "named.npz", images=x, labels=y)
    named = look_at(tmp_path / "named.npz")
    assert {column.target for column in named.columns} == {"images", "labels"}


def test_the_targets_of_an_npy_file_lie_beside_it_and_have_as_many_examples(tmp_path):
    for name, shape in {
        "x.npy": (20, 3),
        "y_labels.npy": (20,),
        "other.npy": (20, 3),
        "short.npy": (7,),
    }.items():
        np.save(tmp_path / name, np.ones(shape))
    look = look_at(tmp_path / "x.npy")
    assert {column.name for column in look.columns} == {"y_labels.npy", "other.npy"}
    chosen = look.columns[look.guess]
    assert chosen.target == str(tmp_path / "y_labels.npy")
    experiment = Experiment.parse({"data": str(tmp_path / "x.npy"), "target": chosen.target})
    assert file_pool(experiment).x.shape == (20, 3)


class _Trap:
    """Makes a file where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_nothing_is_unpickled(tmp_path):
    trap = np.array([_Trap(tmp_path / "sprung")], object)
    np.savez(tmp_path / "trap.npz", x=trap, y=np.zeros(1))
    np.save(tmp_path / "trap.npy", trap)
    (tmp_path / "raw.npy").write_bytes(pickle.dumps(_Trap(tmp_path / "sprung")))
    for name in ("trap.npz", "trap.npy", "raw.npy"):
        with pytest.raises(DataError, match=name):
            look_at(tmp_path / name)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no such files")
def test_what_is_no_file_of_data_is_refused_with_a_reason_of_its_own(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    (tmp_path / "empty.csv").touch()
    (tmp_path / "notes.txt").write_text("a")
    with (tmp_path / "huge.csv").open("wb") as file:
        file.truncate(LARGEST + 1)
    reasons = {
        "pipe.csv": "is a pipe",
        "folder.csv": "is a folder",
        "zero.csv": "is a device",
        "empty.csv": "is empty",
        "notes.txt": "is of type .txt",
        "huge.csv": "has 1.0 GB",
        "gone.csv": "is not there",
        "odd\x1b.csv": "has a name that cannot be shown",
    }
    for name, reason in reasons.items():
        assert refusal(str(tmp_path / name)).startswith(reason)
        with pytest.raises(DataError, match=reason):
            look_at(tmp_path / name)
    assert refusal("/dev/zero") == "is a device, not a file"
    assert len(set(reasons.values())) == len(reasons)
    assert stat.S_ISFIFO(os.stat(tmp_path / "pipe.csv").st_mode)


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes")
def test_a_pipe_is_refused_by_a_run_too_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(DataError, match="not a regular file"):
        file_pool(Experiment.parse({"data": str(tmp_path / "pipe.csv"), "target": "y"}))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"1,2\n3,4\n", "numbers in its first line"),
        (b"only\n1\n", "single column"),
        (b"a,b\n\xff\xfe\x00,1\n", "UTF-8"),
    ],
)
def test_what_is_no_table_is_said(tmp_path, text, words):
    (tmp_path / "bad.csv").write_bytes(text)
    with pytest.raises(DataError, match=words):
        look_at(tmp_path / "bad.csv")
