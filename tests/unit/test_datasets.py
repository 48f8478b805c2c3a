"""Data sets against scikit-learn, numpy, pandas-like files on disk, and bytes that are no data at all."""

from __future__ import annotations

import hashlib
import io
import os
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from scipy import stats
from sklearn import datasets as sklearn_datasets
from sklearn.preprocessing import StandardScaler

from geomreg_tui.datasets import BUILT_IN, SYNTHETIC, Dataset, load
from geomreg_tui.errors import CapacityError, DataError
from geomreg_tui.experiment import Experiment
from tests import seeds
from tests.rates import ALPHA


def get(data: object, **keys: object) -> Dataset:
    return load(Experiment.parse({"data": str(data), "examples": 3, **keys}))


def is_one_line(message: str) -> bool:
    return not any(unicodedata.category(character) == "Cc" for character in message)


def refusal(data: object, **keys: object) -> str:
    with pytest.raises(DataError) as caught:
        get(data, **keys)
    message = str(caught.value)
    assert is_one_line(message)
    return message


def rows_of(dataset: Dataset) -> list[bytes]:
    return [row.tobytes() for row in dataset.x]


# Built-in sets


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_sets_are_those_of_scikit_learn(name: str) -> None:
    keys = {"scaled": False} if name == "diabetes" else {}
    x, y = getattr(sklearn_datasets, f"load_{name}")(return_X_y=True, **keys)
    count = len(x)
    raw = get(name, examples=count - 20, held_out=20, standardize=False)
    shape = (1, 8, 8) if name == "digits" else x.shape[1:]
    assert raw.x.shape == (count, *shape)
    ours = np.column_stack([raw.x.reshape(count, -1), raw.y])
    theirs = np.column_stack([x, y])
    np.testing.assert_array_equal(ours[np.lexsort(ours.T)], theirs[np.lexsort(theirs.T)])
    assert raw.classes == (None if name == "diabetes" else len(np.unique(y)))


@pytest.mark.parametrize("name", BUILT_IN)
def test_standardisation_is_that_of_scikit_learn_over_the_whole_set(name: str) -> None:
    count = len(getattr(sklearn_datasets, f"load_{name}")().data)
    for keys in ({"examples": count}, {"examples": 7, "held_out": 5}):
        raw, scaled = get(name, standardize=False, **keys), get(name, **keys)
        every = get(name, standardize=False, examples=count)
        scaler = StandardScaler().fit(every.x.reshape(count, -1))
        expected = scaler.transform(raw.x.reshape(len(raw.x), -1))
        np.testing.assert_allclose(scaled.x.reshape(expected.shape), expected, rtol=1e-9, atol=1e-11)
        if raw.classes is None:
            scaler = StandardScaler().fit(every.y[:, np.newaxis])
            np.testing.assert_allclose(scaled.y, scaler.transform(raw.y[:, np.newaxis])[:, 0], atol=1e-12)
            assert (scaled.label_mean[0], scaled.label_std[0]) == pytest.approx(
                (scaler.mean_[0], scaler.scale_[0])
            )
        elif raw.classes > 2:
            scaler = StandardScaler().fit(every.label_values[every.y][:, np.newaxis])
            assert (scaled.label_mean[0], scaled.label_std[0]) == pytest.approx(
                (scaler.mean_[0], scaler.scale_[0])
            )


def test_pixels_that_never_vary_are_0_and_said_so() -> None:
    digits = get("digits", examples=1797)
    always = sklearn_datasets.load_digits().data.std(axis=0) == 0
    assert always.sum() == 3
    assert not digits.x.reshape(1797, 64)[:, always].any()
    assert any("3 that never vary set to 0" in note for note in digits.notes)


@settings(max_examples=60)
@given(st.floats(-1e300, 1e300), st.floats(1e-250, 1e280), st.integers(2, 9), st.integers(0, 99))
def test_standardisation_survives_any_unit(centre: float, spread: float, count: int, seed: int) -> None:
    from geomreg_tui.datasets.standardize import Scaling

    values = centre + spread * np.random.default_rng(seed).standard_normal((count, 1))
    scaled = Scaling.of(values).apply(values)
    assert np.isfinite(scaled).all()
    if np.ptp(values) > 1e-9 * np.abs(values).max():
        assert scaled.mean() == pytest.approx(0, abs=1e-6)
        assert scaled.std() == pytest.approx(1, abs=1e-6)


# Picking


@pytest.mark.parametrize("data", ["digits", "gaussian", "moons"])
def test_more_training_examples_change_neither_the_first_nor_the_held_out(data: str) -> None:
    few, many = get(data, examples=10, held_out=30), get(data, examples=500, held_out=30)
    np.testing.assert_array_equal(few.x[:10], many.x[:10])
    np.testing.assert_array_equal(few.y[:10], many.y[:10])
    np.testing.assert_array_equal(few.x[10:], many.x[500:])
    np.testing.assert_array_equal(few.y[10:], many.y[500:])
    assert not np.array_equal(few.x, get(data, examples=10, held_out=30, data_seed=1).x)


def test_no_example_is_picked_twice() -> None:
    everything = get("breast_cancer", examples=500, held_out=69)
    assert len(set(rows_of(everything))) == 569
    message = refusal("breast_cancer", examples=500, held_out=70)
    assert "held_out: got 70" in message
    assert "leaves 69 of 569" in message
    assert "examples: got 570, but data breast_cancer has 569" in refusal("breast_cancer", examples=570)


def test_picking_is_uniform() -> None:
    """Counts of how often each class of iris is picked first, over 1,000 seeds."""
    first = [get("iris", examples=1, data_seed=seeds.seed(0) + k).y[0] for k in range(1000)]
    assert stats.chisquare(np.bincount(first, minlength=3)).pvalue > ALPHA


def test_the_seed_of_the_data_has_all_64_bits() -> None:
    assert not np.array_equal(get("gaussian").x, get("gaussian", data_seed=2**32).x)
    assert get("gaussian", data_seed=2**64 - 1).x.shape == (3, 2)


# Synthetic sets


def test_gaussian_is_standard_normal_and_independent() -> None:
    """Kolmogorov-Smirnov of each input and the target, and their correlations: false alarm 5e-4 in all."""
    raw = get("gaussian", inputs=3, examples=10_000, standardize=False)
    columns = np.column_stack([raw.x, raw.y])
    for column in columns.T:
        assert stats.kstest(column, "norm").pvalue > 5e-5
    correlations = np.corrcoef(columns.T)[np.triu_indices(4, 1)]
    assert np.abs(correlations).max() < stats.norm.isf(5e-4 / 24) / 100


def test_teacher_is_a_function_of_the_seed_alone() -> None:
    """A rich enough regression on the inputs explains the targets, and not those of another seed."""
    from sklearn.neighbors import KNeighborsRegressor

    one, other = (get("teacher", examples=8000, held_out=2000, data_seed=seed) for seed in (0, 1))
    model = KNeighborsRegressor(5).fit(one.x[:8000], one.y[:8000])
    assert model.score(one.x[8000:], one.y[8000:]) > 0.95
    assert model.score(other.x[8000:], other.y[8000:]) < 0.5


def test_sine_and_xor_are_what_their_names_say() -> None:
    sine = get("sine", examples=500, standardize=False, data_seed=seeds.seed(1))
    assert sine.x.shape == (500, 1)
    np.testing.assert_allclose(sine.y, np.sin(sine.x[:, 0]), rtol=1e-15)
    assert stats.kstest(sine.x[:, 0], "uniform", (-np.pi, 2 * np.pi)).pvalue > ALPHA
    xor = get("xor", inputs=4, examples=500, standardize=False)
    assert xor.x.shape == (500, 4)
    np.testing.assert_array_equal(xor.y == 1, np.logical_xor(xor.x[:, 0] > 0, xor.x[:, 1] > 0))


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("moons", lambda: sklearn_datasets.make_moons(4000, noise=None)),
        ("circles", lambda: sklearn_datasets.make_circles(4000, noise=None, factor=0.5)),
    ],
)
def test_moons_and_circles_lie_on_the_curves_of_scikit_learn(name: str, make: object) -> None:
    """Blur of 0.1 on scikit-learn's noiseless curves: 4.5 standard deviations reach 99.99 % of points."""
    x, y = make()
    ours = get(name, examples=2000, standardize=False)
    for label in (0, 1):
        away = np.linalg.norm(ours.x[ours.y == label][:, np.newaxis] - x[y == label], axis=2).min(axis=1)
        assert np.mean(away > 0.45) < 0.001
        assert 0.05 < away.mean() < 0.1  # |N(0, 0.1)| has mean 0.08


def test_wide_synthetic_sets_stay_small_and_too_wide_ones_are_refused() -> None:
    assert get("gaussian", inputs=100_000, examples=2).x.shape == (2, 100_000)
    with pytest.raises(CapacityError, match="GiB"):
        get("gaussian", inputs=10**9, examples=10**6)


@pytest.mark.parametrize(
    ("data", "inputs", "said"),
    [("digits", 63, "has 64 inputs"), ("moons", 3, "has 2 inputs"), ("xor", 1, "at least 2")],
)
def test_inputs_that_do_not_match_are_refused_with_the_true_size(data: str, inputs: int, said: str) -> None:
    assert said in refusal(data, inputs=inputs)
    assert get("digits", inputs=64).x.shape == (3, 1, 8, 8)


def test_unknown_names_are_answered_with_the_nearest() -> None:
    assert "Did you mean 'digits'?" in refusal("digit")
    message = refusal("gausian")
    assert "Did you mean 'gaussian'?" in message
    assert all(name in message for name in [*BUILT_IN, *SYNTHETIC])
    assert "leave target out" in refusal("iris", target="species")


# Arrays in files


RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((12, 4)), RNG.standard_normal(12)


def npz(folder: Path, **arrays: object) -> Path:
    path = folder / "set.npz"
    np.savez(path, **arrays)
    return path


def test_npz_and_npy_hold_the_same_examples(tmp_path: Path) -> None:
    path = npz(tmp_path, x=X, y=Y)
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", Y)
    keys = {"examples": 7, "held_out": 5, "standardize": False}
    one = get(path, **keys)
    two = get(tmp_path / "x.npy", target=str(tmp_path / "y.npy"), **keys)
    np.testing.assert_array_equal(one.x, two.x)
    np.testing.assert_array_equal(one.y, two.y)
    assert sorted(rows_of(one)) == sorted(row.tobytes() for row in X)
    assert one.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    both = (tmp_path / "x.npy").read_bytes() + (tmp_path / "y.npy").read_bytes()
    assert two.sha256 == hashlib.sha256(both).hexdigest()


def test_held_out_examples_come_from_the_test_set_of_the_file(tmp_path: Path) -> None:
    images = RNG.integers(0, 256, (30, 28, 28), dtype=np.uint8)
    labels = np.arange(30, dtype=np.uint8) % 10
    path = npz(tmp_path, x_train=images[:20], y_train=labels[:20], x_test=images[20:], y_test=labels[20:])
    picked = get(path, examples=20, held_out=10, standardize=False)
    assert picked.x.shape == (30, 1, 28, 28)
    assert picked.classes == 10
    index = [int(np.flatnonzero((images == image[0]).all(axis=(1, 2)))[0]) for image in picked.x]
    assert sorted(index[:20]) == list(range(20))
    assert sorted(index[20:]) == list(range(20, 30))
    np.testing.assert_array_equal(picked.y, labels[index])
    assert "examples: got 21" in refusal(path, examples=21)
    assert "test set of 10" in refusal(path, held_out=11)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((12,), (1,)),
        ((12, 5), (5,)),
        ((12, 6, 7), (1, 6, 7)),
        ((12, 6, 7, 3), (3, 6, 7)),
        ((12, 3, 6, 7), (3, 6, 7)),
    ],
)
def test_layouts(tmp_path: Path, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    x = RNG.standard_normal(shape)
    picked = get(npz(tmp_path, x=x, y=Y), standardize=False)
    assert picked.x.shape == (3, *expected)
    if len(shape) == 4 and shape[-1] == 3:
        assert any(np.array_equal(picked.x[0], np.moveaxis(image, -1, 0)) for image in x)


@pytest.mark.parametrize(
    ("y", "classes", "labels"),
    [
        (np.array(["b", "a", "c", "a"] * 3), 3, ("a", "b", "c")),
        (np.array([b"no", b"yes"] * 6), 2, ("no", "yes")),
        (np.array([7, 3, 3] * 4), 2, ("3", "7")),
        (np.array([True, False] * 6), 2, ("0", "1")),
        (np.array([1.0, 0.0, 2.0] * 4), 3, ("0", "1", "2")),
        (np.arange(12).reshape(12, 1) % 5, 5, ("0", "1", "2", "3", "4")),
        (np.array([1.5, 0.0, 2.0] * 4), None, None),
        (np.full(12, 3), None, None),
        (RNG.standard_normal((12, 2)), None, None),
    ],
)
def test_what_targets_are(
    tmp_path: Path, y: np.ndarray, classes: int | None, labels: tuple[str, ...] | None
) -> None:
    picked = get(npz(tmp_path, x=X, y=y), examples=12, standardize=False)
    assert picked.classes == classes
    assert picked.label_names == labels
    row = [int(np.flatnonzero((row == X).all(axis=1))[0]) for row in picked.x]
    if labels is None:
        np.testing.assert_array_equal(picked.y, y[row])
    elif y.dtype.kind in "US":
        assert [labels[i] for i in picked.y] == [
            text if isinstance(text, str) else text.decode() for text in y[row]
        ]
    else:
        np.testing.assert_array_equal(picked.label_values[picked.y], y[row].ravel())


def test_many_whole_numbers_are_real_targets(tmp_path: Path) -> None:
    x = RNG.standard_normal((300, 2))
    assert get(npz(tmp_path, x=x, y=np.arange(300) % 100)).classes == 100
    assert get(npz(tmp_path, x=x, y=np.arange(300) % 101)).classes is None


def test_two_classes_are_seen_as_minus_one_and_one(tmp_path: Path) -> None:
    picked = get(npz(tmp_path, x=X, y=np.array([4, 4, 4, 8] * 3)))
    np.testing.assert_array_equal((picked.label_values - picked.label_mean) / picked.label_std, [-1, 1])


def test_a_file_that_changed_since_is_refused(tmp_path: Path) -> None:
    path = npz(tmp_path, x=X, y=Y)
    digest = get(path).sha256
    assert get(path, data_sha256=digest).sha256 == digest
    npz(tmp_path, x=X + 1, y=Y)
    assert "has changed" in refusal(path, data_sha256=digest)


def test_faults_of_arrays_are_one_clear_line(tmp_path: Path) -> None:
    def said(**arrays: object) -> str:
        return refusal(npz(tmp_path, **arrays))

    assert "has no array 'y', but x, labels" in said(x=X, labels=Y)
    assert "12 examples in x, 11 in y" in said(x=X, y=Y[:11])
    assert "has shape ()" in said(x=np.float64(1), y=Y)
    assert "has shape (12, 1, 2, 1, 2)" in said(x=X.reshape(12, 1, 2, 1, 2), y=Y)
    assert "no numbers in x, of shape (12, 0)" in said(x=X[:, :0], y=Y)
    assert "no numbers in x, of shape (0, 4)" in said(x=X[:0], y=Y[:0])
    assert "y in" in said(x=X, y=RNG.standard_normal((12, 2, 2)))
    assert "x in" in said(x=X.astype("U5"), y=Y)
    assert "complex128, not numbers" in said(x=X * 1j, y=Y)
    assert "not numbers" in said(x=np.zeros(12, [("a\x1b\n", float)]), y=Y)
    assert "datetime64" in said(x=X, y=np.full(12, "2020-01-01", "datetime64[D]"))
    bad = X.copy()
    bad[2, 1], bad[5, 3] = np.nan, np.inf
    assert "2 values that are NaN or infinite, the first at index (2, 1)" in said(x=bad, y=Y)
    assert "1 values that are NaN or infinite, the first at index (4,)" in said(
        x=X, y=np.where(np.arange(12) == 4, -np.inf, Y)
    )
    assert "Python objects, which are never loaded" in said(x=np.array([None, {}], dtype=object), y=Y)
    assert "do not go together" in said(x_train=X, y_train=Y, x_test=X[:, :3], y_test=Y)
    assert "overflow float32" in refusal(npz(tmp_path, x=X * 1e30, y=Y), standardize=False)
    assert np.isfinite(get(npz(tmp_path, x=X * 1e300, y=Y * 1e300)).x).all()


def test_faults_of_paths_are_one_clear_line(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "none.npz")
    (tmp_path / "folder.npz").mkdir()
    assert "folder.npz" in refusal(tmp_path / "folder.npz")
    (tmp_path / "empty.csv").touch()
    assert "is empty" in refusal(tmp_path / "empty.csv", target="y")
    (tmp_path / "set.xlsx").write_bytes(b"PK")
    assert "of type .xlsx; allowed are .npz" in refusal(tmp_path / "set.xlsx")
    np.save(tmp_path / "x.npy", X)
    assert "name the NPY file of the targets" in refusal(tmp_path / "x.npy")
    assert "No such file" in refusal(tmp_path / "x.npy", target=str(tmp_path / "y.npy"))
    steering = tmp_path / "a\x1b[2Jb\nc.npz"
    assert "\x1b" not in refusal(steering)
    assert "null" in refusal("a\0b.npz")
    (tmp_path / "pickle.npy").write_bytes(b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00]\x94.")
    message = refusal(tmp_path / "pickle.npy", target=str(tmp_path / "x.npy"))
    assert "never loaded" in message


# Tables


def text(folder: Path, content: str, name: str = "set.csv") -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8", newline="")
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_csv_is_read_as_written(tmp_path: Path, delimiter: str, end: str, mark: str) -> None:
    lines = [["a", "kind of thing", "b"], ["1", "x", "2e3"], ["-.5", '"y"', " 4 "], ["6", "x", "7"]]
    path = text(tmp_path, mark + end.join(delimiter.join(line) for line in lines) + end + end)
    picked = get(path, target="kind of thing", standardize=False)
    order = np.argsort(picked.x[:, 0])
    np.testing.assert_array_equal(picked.x[order], [[-0.5, 4], [1, 2000], [6, 7]])
    assert [picked.label_names[i] for i in picked.y[order]] == ["y", "x", "x"]


def test_csv_and_parquet_and_npz_of_a_real_set_agree(tmp_path: Path) -> None:
    frame = sklearn_datasets.load_wine()
    names = [*frame.feature_names, "cultivar"]
    columns = [*frame.data.T, frame.target]
    lines = [",".join(names), *(",".join(repr(float(v)) for v in row) for row in zip(*columns, strict=True))]
    csv_path = text(tmp_path, "\n".join(lines))
    parquet.write_table(pa.table(dict(zip(names, columns, strict=True))), tmp_path / "set.parquet")
    keys = {"examples": 100, "held_out": 78}
    built_in = get("wine", **keys)
    for other in (
        get(csv_path, target="cultivar", **keys),
        get(tmp_path / "set.parquet", target="cultivar", **keys),
        get(npz(tmp_path, x=frame.data, y=frame.target), **keys),
    ):
        np.testing.assert_array_equal(other.x, built_in.x)
        np.testing.assert_array_equal(other.y, built_in.y)
        assert other.classes == 3


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a,b,y\n1,2,3\n4,five,6\n", "line 3, column 'b': got 'five', which is not a number"),
        (
            "a,b,y\n1,2,3\n\n4,,6\n",
            "column 'b', has 1 values that are NaN or infinite, the first in line 4 (empty)",
        ),
        ("a,b,y\n1,2,3\n4,5\n", "line 3, has 2 fields where the header has 3"),
        ("a,b,y\n1,2,3\n4,5,6,7\n", "line 3, has 4 fields where the header has 3"),
        ("a,b,y\n1,2,3\n4,5,six\n", "line 3, column 'y': got 'six', which is not a number"),
        (
            "a,b,y\n1,2,cat\n4,5,\n",
            "column 'y', has 1 values that are NaN or infinite, the first in line 3 (empty)",
        ),
        (
            "a,b,y\n1,nan,3\n4,inf,6\n",
            "column 'b', has 2 values that are NaN or infinite, the first in line 2",
        ),
        ("a,b,y\n1,2,nan\n", "column 'y', has 1 values"),
        ("a,b,z\n1,2,3\n", "target: got 'y'; allowed with"),
        ("a,b,yy\n1,2,3\n", "Did you mean 'yy'?"),
        ("1,2,3\n4,5,6\n", "has numbers in its first line"),
        ("a,a,y\n1,2,3\n", "has two columns 'a'"),
        (",a,y\n0,1,2\n", "column 1 has no name"),
        ("y\n1\n", "has no column but the target"),
        ("a,b,y\n", "has a header but no examples"),
        ("\n\n", "target: got 'y'"),
        ("a,b,y\n1,2," + "9" * 140_000, "is not a CSV file"),
    ],
)
def test_faults_of_csv_are_named_by_line_and_column(tmp_path: Path, content: str, said: str) -> None:
    assert said in refusal(text(tmp_path, content), target="y")


def test_csv_without_a_target_lists_the_columns(tmp_path: Path) -> None:
    assert "one of a, b, y" in refusal(text(tmp_path, "a,b,y\n1,2,3\n"))
    (tmp_path / "latin.csv").write_bytes("a,y\n1,é\n".encode("latin-1"))
    assert "not UTF-8" in refusal(tmp_path / "latin.csv", target="y")


def test_parquet_kinds_of_columns(tmp_path: Path) -> None:
    path = tmp_path / "set.parquet"
    good = {
        "whole": pa.array([1, 2, 3], pa.int16()),
        "half": pa.array([1.5, 2.5, 3.5], pa.float32()),
        "flag": pa.array([True, False, True]),
        "money": pa.array(["1.25", "2.50", "3.75"]).cast(pa.decimal128(5, 2)),
        "kind": pa.array(["u", "v", "u"]).dictionary_encode(),
    }
    parquet.write_table(pa.table(good), path)
    picked = get(path, target="kind", standardize=False)
    np.testing.assert_array_equal(
        picked.x[np.argsort(picked.x[:, 0])], [[1, 1.5, 1, 1.25], [2, 2.5, 0, 2.5], [3, 3.5, 1, 3.75]]
    )
    assert picked.label_names == ("u", "v")
    for name, column, said in (
        ("text", pa.array(["a", "b", "c"]), "column 'text', holds string, not numbers"),
        (
            "gaps",
            pa.array([1.0, None, None]),
            "column 'gaps', has 2 values that are NaN or infinite, the first in row 1",
        ),
        ("lists", pa.array([[1], [2], [3]]), "column 'lists', holds list"),
        ("bad", pa.array([1.0, float("nan"), 2.0]), "column 'bad', has 1 values that are NaN or infinite"),
    ):
        parquet.write_table(pa.table({name: column, **good}), path)
        assert said in refusal(path, target="kind")
    parquet.write_table(pa.table(good).slice(0, 0), path)
    assert "no examples" in refusal(path, target="kind")
    path.write_bytes(b"PAR1 and nothing else")
    assert "is not a Parquet file that can be read" in refusal(path, target="kind")


def test_parquet_without_pyarrow_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "set.parquet"
    parquet.write_table(pa.table({"a": [1.0], "y": [2.0]}), path)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert "pip install 'geomreg-tui[parquet]'" in refusal(path, target="y")


# Bytes that are no data


def survives(path: Path, content: bytes, **keys: object) -> None:
    path.write_bytes(content)
    try:
        dataset = get(path, examples=1, **keys)
    except DataError as error:
        message = str(error)
    else:
        message = ""
        assert np.isfinite(dataset.x).all()
        assert np.isfinite(dataset.y).all()
    assert is_one_line(message)


FUZZ = settings(max_examples=150 if "FUZZ_EXAMPLES" in os.environ else 60)


@FUZZ
@given(st.one_of(st.binary(max_size=200), st.text("ay,;\t\n\r\"'0.-ein\0é_1", max_size=60).map(str.encode)))
def test_any_bytes_as_csv_are_examples_or_one_clear_line(tmp_path: Path, content: bytes) -> None:
    survives(tmp_path / "f.csv", content, target="y")
    survives(tmp_path / "f.csv", b"a,y\n" + content, target="y")


@pytest.mark.parametrize("suffix", ["npz", "npy", "parquet"])
@FUZZ
@given(st.data())
def test_any_damage_to_a_file_is_examples_or_one_clear_line(
    tmp_path: Path, suffix: str, data: st.DataObject
) -> None:
    buffer = io.BytesIO()
    if suffix == "npz":
        np.savez_compressed(buffer, x=X, y=Y)
    elif suffix == "npy":
        np.save(buffer, X)
        np.save(tmp_path / "y.npy", Y)
    else:
        parquet.write_table(pa.table({"a": X[:, 0], "y": Y}), buffer)
    content = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(len(content) // 2, len(content)))]
    target = {"npz": {}, "npy": {"target": str(tmp_path / "y.npy")}, "parquet": {"target": "y"}}[suffix]
    survives(tmp_path / f"f.{suffix}", bytes(content), **target)


def noisy(**keys):
    return load(Experiment.parse({"data": "iris", "examples": 100, "held_out": 20, **keys}))


def test_label_noise_draws_a_share_of_the_training_labels_anew():
    clean, some = noisy(), noisy(label_noise=0.3)
    changed = clean.y != some.y
    assert 0 < changed[:100].sum() <= 30
    assert not changed[100:].any()
    assert f"30 of 100 training labels drawn anew, of which {changed.sum()} changed" in some.notes
    # It is a matter of the data, not of the weights.
    np.testing.assert_array_equal(noisy(label_noise=0.3, seed=5).y, some.y)
    assert (clean.y != noisy(label_noise=1.0).y)[:100].sum() > 40
    assert (noisy(label_noise=0.3, data_seed=5).y != noisy(data_seed=5).y).sum() > 0


def test_label_noise_changes_a_share_that_is_as_it_should_be():
    """Of 10 classes 9 of 10 new labels differ: within 5 standard deviations, a false alarm in 1.7 million."""
    keys = {"data": "digits", "examples": 1700, "label_noise": 0.5}
    clean = load(Experiment.parse({**keys, "label_noise": 0})).y
    changed = (load(Experiment.parse(keys)).y != clean).sum()
    assert abs(changed - 850 * 0.9) < 5 * (850 * 0.9 * 0.1) ** 0.5


def test_label_noise_of_real_targets_is_refused():
    with pytest.raises(DataError, match=r"label_noise: got 0\.1, but the targets of data diabetes are real"):
        noisy(data="diabetes", label_noise=0.1)


def test_classes_keeps_those_that_are_named():
    """Against scikit-learn's own table, standardised by numpy over what is kept."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    rows = (y == 3) | (y == 8)
    kept = load(Experiment.parse({"data": "digits", "classes": "8, 3", "examples": 100, "held_out": 257}))
    assert (kept.label_names, kept.classes, len(kept.x)) == (("3", "8"), 2, int(rows.sum()))
    assert sorted(kept.y.tolist()) == sorted((y[rows] == 8).tolist())
    spread = x[rows].std(axis=0)
    scaled = np.where(spread > 0, (x[rows] - x[rows].mean(axis=0)) / np.where(spread > 0, spread, 1), 0)
    found = np.hstack([kept.x.reshape(len(kept.x), -1), kept.y[:, None]])
    expected = np.hstack([scaled, (y[rows] == 8)[:, None]])
    order = [np.lexsort(np.round(table, 6).T) for table in (found, expected)]
    np.testing.assert_allclose(found[order[0]], expected[order[1]], atol=1e-9)
    # As numbers they are those that they were, and a set of text has them too.
    three = load(Experiment.parse({"data": "digits", "classes": "1,3,8", "examples": 9}))
    np.testing.assert_array_equal(three.label_values, [1, 3, 8])
    two = load(Experiment.parse({"data": "iris", "classes": "setosa,virginica", "examples": 90}))
    assert two.classes == 2


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"data": "diabetes", "classes": "1,2"}, "targets of data diabetes are real"),
        ({"data": "iris", "classes": "setosa,virginca"}, "Did you mean 'virginica'"),
        ({"data": "digits", "classes": "3"}, "two classes or more"),
        ({"data": "digits", "classes": "3,8", "examples": 400}, "has 357"),
    ],
)
def test_classes_that_cannot_be_kept_are_refused(keys, said):
    with pytest.raises(DataError, match=said):
        load(Experiment.parse(keys))
