"""How files are read: what is said of the guesses, which line is blamed, what is left out, what is lost."""

from __future__ import annotations

import json
import os
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from geomreg_tui.datasets import Dataset, load
from geomreg_tui.errors import DataError, ExperimentError, plain_text
from geomreg_tui.experiment import Experiment
from geomreg_tui.losses.objective import Objective

RNG = np.random.default_rng(1)
X, Y = RNG.standard_normal((12, 4)), RNG.standard_normal(12)


def get(data: object, **keys: object) -> Dataset:
    return load(Experiment.parse({"data": str(data), "examples": 3, **keys}))


def refusal(data: object, **keys: object) -> str:
    with pytest.raises(DataError) as caught:
        get(data, **keys)
    return str(caught.value)


def table(folder: Path, content: str | bytes) -> Path:
    path = folder / "set.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def npz(folder: Path, **arrays: object) -> Path:
    np.savez(folder / "set.npz", **arrays)
    return folder / "set.npz"


def stored(folder: Path, columns: dict[str, object], index: list[object] | None = None) -> Path:
    made = pa.table(columns)
    if index is not None:
        made = made.replace_schema_metadata({"pandas": json.dumps({"index_columns": index})})
    parquet.write_table(made, folder / "set.parquet")
    return folder / "set.parquet"


def said(dataset: Dataset, words: str) -> bool:
    return any(words in note for note in dataset.notes)


# Which cell is at fault


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        # What most cells are is what the column is.
        (
            "1,2,cat|4,5,nan|7,8,dog",
            "column 'y', has 1 values that are NaN or infinite, the first in line 3 (nan)",
        ),
        ("1,2,cat|4,5,7|7,8,dog", "line 3, column 'y': got '7', a number among text"),
        ("1,2,cat|4,5,true|7,8,dog", "line 3, column 'y': got 'true', a truth value among text"),
        ("1,2,1|4,5,2|7,8,dog", "line 4, column 'y': got 'dog', which is not a number"),
        ("1,2,cat|4,5,2|7,8,3", "line 2, column 'y': got 'cat', which is not a number"),
        ("1,x,1|4,5,2|7,8,3", "line 2, column 'b': got 'x', which is not a number"),
        ("1,x,1|4,5,2|7,z,3", "column 'b', holds text, not numbers: 'x' in line 2"),
        ("1,True,1|4,5,2|7,8,3", "line 2, column 'b': got 'True' among numbers"),
        ("1,True,1|4,False,2|7,8,3", "line 4, column 'b': got '8' among truth values"),
        ("1,1_000,1|4,5,2|7,8,3", "line 2, column 'b': got '1_000', which is not a number"),
        ('1,"1,000",1|4,5,2|7,8,3', "got '1,000', which is not a number (write decimals with a point"),
        ("1,\uff11,1|4,5,2|7,8,3", "line 2, column 'b': got '\uff11', which is not a number"),
        ("1,1e-400,1|4,5,2|7,8,3", "line 2, column 'b': got '1e-400', which float64 cannot tell from 0"),
        (f"1,0.{'0' * 330}1,1|4,5,2|7,8,3", "which float64 cannot tell from 0"),
        ("1,2,9007199254740993|3,4,9007199254740992", "which float64 cannot tell from 9007199254740993"),
        # A field with a line break: the line where its example begins.
        ('1,2,"c\na"|4,x,b|7,8,b', "line 4, column 'b': got 'x'"),
        ("1,2,3|4,5,6,7", "line 3, has 4 fields where the header has 3"),
        ('1,2,3|4,5,"6', "line 3, is not a CSV file from here on (unexpected end of data)"),
    ],
)
def test_the_cell_that_differs_from_most_is_blamed(tmp_path: Path, lines: str, words: str) -> None:
    assert words in refusal(table(tmp_path, "a,b,y\n" + lines.replace("|", "\n") + "\n"), target="y")


GAPS = [
    "",
    " ",
    "NA",
    "N/A",
    "nan",
    "NaN",
    "-nan",
    "null",
    "NULL",
    "None",
    "<NA>",
    "#N/A",
    "inf",
    "-Infinity",
    "1e400",
]


@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize("column", ["b", "y"])
def test_a_gap_has_one_message_whatever_it_is_called(tmp_path: Path, gap: str, column: str) -> None:
    words = f"column '{column}', has 1 values that are NaN or infinite, the first in line 3"
    cells = ["2", gap, "4"]
    rows = [f"1,{cell if column == 'b' else 3},{cell if column == 'y' else 3}" for cell in cells]
    assert words in refusal(table(tmp_path, "\n".join(["a,b,y", *rows])), target="y")


@pytest.mark.parametrize(
    "cells",
    [
        pa.array([1.0, None, 2.0]),
        pa.array([1.0, float("nan"), 2.0]),
        pa.array([1, None, 2]),
        pa.array([True, None, False]),
        pa.array(["1", "NA", "2"]),
        pa.array(["cat", None, "dog"]),
        pa.array(["cat", "nan", "dog"]).dictionary_encode(),
        pa.array(["cat", None, "dog"]).dictionary_encode(),
        pa.array([Decimal("1.5"), None, Decimal("2.5")]),
        pa.nulls(3),
    ],
)
def test_a_gap_of_a_parquet_file_has_that_message_too(tmp_path: Path, cells: pa.Array) -> None:
    path = stored(tmp_path, {"a": [1.0, 2.0, 3.0], "y": cells})
    count, row = (3, 0) if cells.type == pa.null() else (1, 1)
    words = f"column 'y', has {count} values that are NaN or infinite, the first in row {row} (from 0)"
    assert words in refusal(path, target="y")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a,y\n1,2\n3,\xe9\n", "has a byte in line 3 that is not UTF-8"),
        ("a,y\n1,2\n".encode("utf-16-le"), "looks like UTF-16 without a byte order mark"),
        (b"\xff\xfea,y", "is not the UTF-16 that its first bytes announce"),
        (b"sep=;\n", "target: got 'y'"),
        (b"a b y\n1 2 3\n", "has a single column, 'a b y'"),
        (b'sep="\na,y\n1,2\n', "has a single column, 'sep=\"'"),
        (b"# only\n# comments\n", "target: got 'y'"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    assert words in refusal(table(tmp_path, content), target="y")


@pytest.mark.parametrize("delimiter", [" ", "^", ":", "~", "\x1f"])
def test_a_first_line_says_what_parts_fields(tmp_path: Path, delimiter: str) -> None:
    lines = [
        f"sep={delimiter}",
        *(delimiter.join(line.split()) for line in ("a b y", "1 2 3", "4 5 6", "7 8 3")),
    ]
    found = get(table(tmp_path, "\r\n".join(lines)), target="y", standardize=False)
    assert {(*row, found.label_names[i]) for row, i in zip(found.x, found.y, strict=True)} == {
        (1.0, 2.0, "3"), (4.0, 5.0, "6"), (7.0, 8.0, "3"),
    }  # fmt: skip


def test_truth_values_are_1_and_0_in_every_file(tmp_path: Path) -> None:
    flags = [True, False, True]
    for spelling in (str, str.lower, str.upper):
        rows = [f"{spelling(str(flag))},{spelling(str(not flag))}" for flag in flags]
        path = table(tmp_path, "\n".join(["a,y", *rows]))
        same = stored(tmp_path, {"a": flags, "y": [not flag for flag in flags]})
        arrays = npz(tmp_path, x=np.array(flags), y=~np.array(flags))
        for data, keys in ((path, {"target": "y"}), (same, {"target": "y"}), (arrays, {})):
            found = get(data, standardize=False, **keys)
            assert sorted(found.x[:, 0]) == [0, 1, 1]
            assert found.label_names == ("0", "1")
            np.testing.assert_array_equal(found.y, 1 - found.x[:, 0])


def test_labels_that_begin_with_a_comment_sign_are_labels(tmp_path: Path) -> None:
    path = table(tmp_path, "y,a\n#red,1\n#blue,2\n# no example\n#red,3\n")
    found = get(path, target="y")
    assert found.label_names == ("#blue", "#red")
    assert said(found, "1 lines that begin with # left out")


def test_a_comment_sign_within_a_field_begins_no_comment(tmp_path: Path) -> None:
    found = get(table(tmp_path, 'a,y\n1,"c\n# d"\n#,"\n2,"c\n#"\n3,"c\n\n"\n'), target="y", standardize=False)
    order = np.argsort(found.x[:, 0])
    assert found.label_names is not None
    assert [found.label_names[i] for i in found.y[order]] == ["c # d", "c #", "c"]


def test_the_target_tells_what_parts_fields(tmp_path: Path) -> None:
    """A comma in the name of a column: as many commas as semicolons, or more."""
    for header in ("x, in mm;length, in mm;y", "a, b, c, d;e;y", "y;a, b, c, d;e"):
        path = table(tmp_path, header + "\n1;2;3\n4;5;3\n7;8;4\n")
        assert get(path, target="y").x.shape == (3, 2)


def test_bits_do_not_depend_on_how_an_array_lies_in_memory(tmp_path: Path) -> None:
    """Sums do, where rows are many: each order of memory adds them up otherwise."""
    x, y = (
        RNG.standard_normal((3000, 3)) * 10 ** RNG.uniform(-3, 3, (3000, 3)),
        RNG.standard_normal((3000, 2)),
    )
    wanted = get(npz(tmp_path, x=x, y=y))
    for change in (
        np.asfortranarray,
        lambda array: np.asfortranarray(array[::-1])[::-1],
        lambda a: a.astype(">f8"),
    ):
        found = get(npz(tmp_path, x=change(x), y=change(y)))
        assert found.x.tobytes() == wanted.x.tobytes()
        assert found.y.tobytes() == wanted.y.tobytes()
    images = x.reshape(-1, 5, 6, 3)
    first = get(
        npz(tmp_path, x=np.ascontiguousarray(np.moveaxis(images, 3, 1)), y=y[:100]), layout="channels_first"
    )
    last = get(npz(tmp_path, x=images, y=y[:100]))
    assert first.x.tobytes() == last.x.tobytes()


def test_what_was_left_out_or_guessed_in_a_table_is_said(tmp_path: Path) -> None:
    found = get(table(tmp_path, "a;b;y\n1;2;3\n;;\n# x\n4;5;6\n7;8;8\n"), target="y")
    for words in (
        "target y; inputs a, b",
        "fields are parted by semicolons",
        "1 lines without any value left out",
        "1 lines that begin with # left out",
    ):
        assert said(found, words)
    plain = get(table(tmp_path, "a,b,y\n1,2,3\n4,5,6\n7,8,8\n"), target="y")
    assert not said(plain, "left out")
    assert not said(plain, "parted")


# Which columns are inputs


def test_an_index_is_no_input_unless_it_is_named(tmp_path: Path) -> None:
    columns = {"a": X[:, 0], "id": np.arange(12) + 0.5, "y": Y}
    path = stored(tmp_path, columns, ["id"])
    found = get(path, target="y")
    assert found.x.shape == (3, 1)
    assert said(found, "left out as an index of pandas: id; features can name it")
    assert get(path, target="y", features="id,a").x.shape == (3, 2)
    assert get(path, target="id").x.shape == (3, 2)
    for metadata in (
        "no JSON",
        "[1]",
        '{"index_columns": 3}',
        '{"index_columns": [{"kind": "range"}]}',
        "[" * 10**5,
    ):
        made = pa.table(columns).replace_schema_metadata({"pandas": metadata})
        parquet.write_table(made, path)
        assert get(path, target="y").x.shape == (3, 2)


def test_a_column_that_counts_the_examples_is_pointed_out(tmp_path: Path) -> None:
    for start in (0, 1):
        path = stored(tmp_path, {"nr": np.arange(12) + start, "a": X[:, 0], "y": Y})
        assert said(get(path, target="y"), "nr only counts the examples")
        assert not said(get(path, target="y", features="a"), "counts")
    for other in (np.arange(12) * 2, np.arange(12)[::-1], np.arange(12) + 5, np.append(np.arange(11), 12)):
        assert not said(get(stored(tmp_path, {"nr": other, "y": Y}), target="y"), "counts")


def test_inputs_are_those_that_are_named_in_that_order(tmp_path: Path) -> None:
    path = table(tmp_path, 'a,"b,c",text,,a2,a2,y\n1,2,x,3,4,5,6\n7,8,y,9,1,2,3\n2,2,z,2,2,2,2\n')
    found = get(path, target="y", features='"b,c", a', standardize=False)
    assert {tuple(row) for row in found.x} == {(2.0, 1.0), (8.0, 7.0), (2.0, 2.0)}
    for features, words in (
        ("a,d", "features: got 'd'; allowed with"),
        ("a,y", "where 'y' is the target"),
        ("a,a", "where 'a' is named twice"),
        (" ", "allowed are names of columns"),
        ('"a', "allowed are names of columns"),
        ("a2", "has two columns 'a2'"),
        ("text", "column 'text', holds text"),
    ):
        assert words in refusal(path, target="y", features=features)
    assert "features: got 'x', but data digits has its own" in refusal("digits", features="x")


def test_arrays_are_named(tmp_path: Path) -> None:
    objects = np.array([None, {}], dtype=object)
    path = npz(tmp_path, train_images=X, labels=Y, history=objects, x=X[:, :2], X=X[:, :3])
    found = get(path, features="train_images", target="labels")
    assert found.x.shape == (3, 4)
    assert get(path, target="labels").x.shape == (3, 2)
    assert "in its array 'history', it holds Python objects" in refusal(
        path, features="history", target="labels"
    )
    assert "has no array 'train'" in refusal(path, features="train")
    assert "Did you mean features 'train_images'" in refusal(path, features="train_image")
    assert "has no array 'y', but train_images, labels" in refusal(path)
    assert "either of which may be 'xS'" in refusal(npz(tmp_path, xs=X, Xs=X, y=Y), features="xS")
    np.save(tmp_path / "x.npy", X)
    assert "leave features out" in refusal(tmp_path / "x.npy", target=str(tmp_path / "x.npy"), features="x")


@settings(
    max_examples=150 if "FUZZ_EXAMPLES" in os.environ else 60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.text("ab,\"'y \n\0\u202e;", min_size=1, max_size=8))
def test_any_names_of_inputs_are_read_or_refused(tmp_path: Path, features: str) -> None:
    columns = {"a": X[:, 0], "b": X[:, 1], 'a"b': X[:, 2], "y": Y}
    for path, keys in (
        (stored(tmp_path, columns), {"target": "y"}),
        (table(tmp_path, 'a,b,"a""b",y\n1,2,3,4\n5,6,7,8\n9,8,7,6\n'), {"target": "y"}),
        (npz(tmp_path, **columns), {"target": "y"}),
    ):
        try:
            found, message = get(path, features=features, standardize=False, **keys), ""
        except DataError as error:
            found, message = None, str(error)
        assert found is not None or "features" in message or "two columns" in message
        assert plain_text(message).replace("\n", " ") == message


# Layout


@pytest.mark.parametrize(
    ("shape", "guess", "is_sure"),
    [
        ((12, 1, 8, 4), "last", False),
        ((12, 3, 32, 3), "last", False),
        ((12, 2, 8, 8), "first", False),
        ((12, 8, 8, 2), "first", False),
        ((12, 8, 8, 3), "last", True),
        ((12, 3, 8, 8), "first", True),
        ((12, 1, 28, 28), "first", True),
    ],
)
def test_the_layout_of_images_is_said_and_can_be_overruled(
    tmp_path: Path, shape: tuple[int, ...], guess: str, is_sure: bool
) -> None:
    images = RNG.standard_normal(shape)
    path = npz(tmp_path, x=images, y=Y)
    last = get(path, layout="channels_last", standardize=False).x
    first = get(path, layout="channels_first", standardize=False).x
    assert all(any(np.array_equal(one, image) for image in images) for one in first)
    assert all(any(np.array_equal(one, image.transpose(2, 0, 1)) for image in images) for one in last)
    auto = get(path, standardize=False)
    np.testing.assert_array_equal(auto.x, {"last": last, "first": first}[guess])
    other = {"last": "first", "first": "last"}[guess]
    assert said(auto, f"channels {guess} in the file")
    assert said(auto, f"if it is wrong, say layout channels_{other}") is not is_sure
    assert not said(get(path, layout=f"channels_{guess}"), "guess")


def test_a_layout_belongs_to_arrays_of_four_axes(tmp_path: Path) -> None:
    keys = {"layout": "channels_last"}
    assert "allowed with four axes only" in refusal(npz(tmp_path, x=X, y=Y), **keys)
    assert "is a table" in refusal(table(tmp_path, "a,y\n1,2\n"), target="y", **keys)
    assert "data digits has its own" in refusal("digits", **keys)
    assert "data gaussian has its own" in refusal("gaussian", **keys)


# Number formats


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_a_number_format_loses_is_said(tmp_path: Path, dtype: str) -> None:
    """At the ends of the format as numpy has them: half the smallest number is the largest that becomes 0."""
    number = np.finfo(dtype)
    smallest, rows = float(number.smallest_subnormal), 12
    keys = {"examples": rows, "standardize": False, "dtype": dtype}
    x = np.tile([1.0, 2.0], (rows, 1))
    for scale, lost in ((0.5, 3), (1.0, 0)):
        x[:3, 0] = smallest * scale
        found = get(npz(tmp_path, x=x, y=Y), **keys)
        if x[0, 0] > 0:  # float64 has no such number
            assert said(found, f"{lost} inputs of at most") is bool(lost)
            assert bool((found.x[:, 0].astype(dtype) == 0).any()) is bool(lost)
            targets = get(npz(tmp_path, x=X, y=x[:, 0] + np.where(x[:, 0] == 1, 0.5, 0)), **keys)
            assert said(targets, f"{lost} targets of at most") is bool(lost)
    edge = float(np.sqrt(float(number.smallest_normal)))
    assert not said(get(npz(tmp_path, x=X / np.abs(X).max() * edge * 1.01, y=Y), **keys), "are 0")
    vanishing = npz(tmp_path, x=X / np.abs(X).max() * edge * 0.99, y=Y)
    assert f"whose squares vanish in {dtype}" in refusal(vanishing, **keys)
    assert get(vanishing, **{**keys, "standardize": True}).x.std() == pytest.approx(1)


def test_long_doubles_that_are_no_doubles_are_refused(tmp_path: Path) -> None:
    long = X.astype(np.longdouble)
    if np.finfo(np.longdouble).max == np.finfo(np.float64).max:
        pytest.skip("a long double is a double here")
    long[3, 2] = np.longdouble("1e-2000")
    assert "1 values that float64 cannot tell from 0" in refusal(npz(tmp_path, x=long, y=Y))
    long[3, 2] = np.longdouble("1e2000")
    assert "1 values that are NaN or infinite" in refusal(npz(tmp_path, x=long, y=Y))


def test_an_example_at_the_mean_is_read(tmp_path: Path) -> None:
    """Scaled to mean 0 and variance 1 it is almost 0, which is what it is."""
    x = np.array([[-1.0], [1e-25], [1.0]])
    found = [get(npz(tmp_path, x=x, y=Y[:3]), examples=1, data_seed=seed).x[0, 0] for seed in range(20)]
    assert {round(abs(value), 3) for value in found} == {0.0, 1.225}


def test_classes_that_are_one_number_are_refused(tmp_path: Path) -> None:
    def objective(y: np.ndarray, loss: str, dtype: torch.dtype, **keys: object) -> Objective:
        return Objective.build(get(npz(tmp_path, x=X, y=y), **keys), loss, None, dtype, torch.device("cpu"))

    close, large = np.array([2**24, 2**24 + 1] * 6), np.array([0.0, 1.0, 1e25] * 4)
    for y, words in ((close, "cannot tell apart"), (large, "squares overflow float32")):
        with pytest.raises(ExperimentError, match=words):
            objective(y, "mse", torch.float32, standardize=False)
        objective(y, "mse", torch.float64, standardize=False)
        objective(y, "cross_entropy", torch.float32, standardize=False)
    objective(close, "mse", torch.float32)
    wide = np.array([2**60, 2**60 + 1] * 6)
    assert "float64 cannot tell apart" in refusal(npz(tmp_path, x=X, y=wide))
    assert "which float64 cannot tell from" in refusal(
        stored(tmp_path, {"a": X[:, 0], "y": wide}), target="y"
    )


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (np.eye(3)[np.arange(12) % 3], "these are one-hot: write the number of each class instead"),
        (np.eye(3, dtype=bool)[np.arange(12) % 3], "these are one-hot"),
        (RNG.standard_normal((12, 2)), "these are 2 an example"),
        (Y, "these are not all whole numbers"),
        (np.full(12, 4), "these are all 4, and classes are two or more"),
    ],
)
def test_real_targets_where_classes_are_needed_say_why_they_are_real(
    tmp_path: Path, y: np.ndarray, words: str
) -> None:
    with pytest.raises(ExperimentError, match=words):
        Objective.build(
            get(npz(tmp_path, x=X, y=y)), "cross_entropy", None, torch.float32, torch.device("cpu")
        )
    many = get(npz(tmp_path, x=RNG.standard_normal((300, 2)), y=np.arange(300)))
    assert many.why_real == "these are 300 different numbers, and classes are up to 100, or text"
