"""What pandas itself writes is read as pandas reads it, or is refused."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from geomreg_tui.datasets import Dataset, load
from geomreg_tui.errors import DataError
from geomreg_tui.experiment import Experiment

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pandas as pd

RNG = np.random.default_rng(2)
FRAME = pd.DataFrame(
    {
        "a": RNG.integers(-40, 40, 11) / 4,
        "b": RNG.integers(-40, 40, 11),
        "flag": RNG.integers(0, 2, 11).astype(bool),
        "kind": [f"k{i % 3}" for i in range(11)],
    }
)
FRAME.loc[4, "a"] = np.nan
DROPPED = FRAME.dropna()
ROWS = len(DROPPED)


def examples(path: Path, target: str = "kind", **keys: object) -> Dataset:
    values = {"data": str(path), "target": target, "examples": ROWS, "standardize": False, **keys}
    return load(Experiment.parse(values))


def agrees(found: Dataset, frame: pd.DataFrame, target: str = "kind") -> None:
    order = np.random.default_rng([0, 0]).permutation(len(frame))
    wanted = frame.drop(columns=target).to_numpy(np.float64)
    np.testing.assert_array_equal(found.x, wanted[order])
    labels = frame[target].astype(str).to_numpy()[order]
    assert found.label_names is not None
    assert [found.label_names[i] for i in found.y] == list(labels)


FRAMES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "as it is": lambda frame: frame,
    "index reset": lambda frame: frame.reset_index(drop=True),
    "named index": lambda frame: frame.rename_axis("row"),
    "index of text": lambda frame: frame.set_axis([f"r{i}" for i in range(ROWS)]),
    "index of dates": lambda frame: frame.set_axis(pd.date_range("2020", periods=ROWS)),
    "two indices": lambda frame: frame.set_axis(
        pd.MultiIndex.from_arrays([range(ROWS), ["u"] * ROWS], names=["i", None])
    ),
    "a column as index": lambda frame: frame.assign(id=range(ROWS)).set_index("id"),
    "RangeIndex from 5": lambda frame: frame.set_axis(pd.RangeIndex(5, 5 + ROWS)),
    "nullable": lambda frame: frame.convert_dtypes(),
    "of Arrow": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
    "categories": lambda frame: frame.astype({"kind": "category"}),
    "categories of numbers": lambda frame: frame.astype({"b": "category"}),
    "small numbers": lambda frame: frame.astype({"a": "float32", "b": "int8"}),
    "objects": lambda frame: frame.astype({"kind": object}),
}


@pytest.mark.parametrize("name", FRAMES)
def test_parquet_of_pandas(tmp_path: Path, name: str) -> None:
    frame, path = FRAMES[name](DROPPED), tmp_path / "set.parquet"
    frame.to_parquet(path)
    # pandas itself has the columns of the frame again, whatever the file has besides.
    assert list(pd.read_parquet(path).columns) == list(DROPPED.columns)
    agrees(examples(path), DROPPED)


@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.parametrize(
    "options",
    [{}, {"sep": ";"}, {"sep": "\t"}, {"encoding": "utf-16"}, {"encoding": "utf-8-sig"}, {"quoting": 1}],
)
def test_csv_of_pandas(tmp_path: Path, name: str, options: dict[str, object]) -> None:
    frame, path = FRAMES[name](DROPPED), tmp_path / "set.csv"
    frame.to_csv(path, index=False, **options)
    agrees(examples(path), DROPPED)
    frame.to_csv(path, **options)
    if frame.index.names[-1] is None:
        with pytest.raises(DataError, match=r"column \d has no name"):
            examples(path)
    again = examples(path, features="a,b,flag")
    agrees(again, DROPPED)


def test_an_index_that_csv_and_pandas_made_a_column_is_refused(tmp_path: Path) -> None:
    DROPPED.to_csv(tmp_path / "set.csv")
    pd.read_csv(tmp_path / "set.csv").to_parquet(tmp_path / "set.parquet")
    pd.read_csv(tmp_path / "set.csv").to_csv(tmp_path / "set.csv", index=False)
    for name in ("set.csv", "set.parquet"):
        with pytest.raises(DataError, match="column 1 has no name but 'Unnamed: 0'"):
            examples(tmp_path / name)
        agrees(examples(tmp_path / name, features="a,b,flag"), DROPPED)


def test_what_pandas_reads_as_a_gap_is_a_gap(tmp_path: Path) -> None:
    """In columns of numbers and of text: pandas reads it as NaN exactly where we refuse it as such."""
    spellings = [
        "",
        "NA",
        "N/A",
        "n/a",
        "nan",
        "NaN",
        "null",
        "NULL",
        "None",
        "none",
        "<NA>",
        "#N/A",
        "-",
        "na",
        "?",
    ]
    path = tmp_path / "set.csv"
    for spelling in spellings:
        path.write_text(f"a,y\n1,cat\n2,{spelling}\n3,dog\n")
        is_gap = bool(pd.read_csv(path)["y"].isna()[1])
        values = {"data": str(path), "target": "y", "examples": 3}
        if is_gap:
            with pytest.raises(DataError, match=r"column 'y', has 1 values that are NaN or infinite"):
                load(Experiment.parse(values))
        else:
            assert load(Experiment.parse(values)).label_names == tuple(sorted(["cat", "dog", spelling]))


@pytest.mark.parametrize(
    "column",
    [
        pd.date_range("2020", periods=ROWS),
        pd.period_range("2020", periods=ROWS, freq="D"),
        pd.timedelta_range("1D", periods=ROWS),
        pd.interval_range(0, ROWS),
        pd.date_range("2020", periods=ROWS, tz="UTC"),
    ],
    ids=lambda column: type(column).__name__,
)
def test_dates_and_intervals_are_no_numbers(tmp_path: Path, column: pd.Index) -> None:
    path = tmp_path / "set.parquet"
    DROPPED.assign(when=column).to_parquet(path)
    for keys in ({}, {"target": "when"}, {"features": "when"}):
        with pytest.raises(DataError, match=r"column '(when|kind)', holds .*, not numbers"):
            examples(path, **keys)
    agrees(examples(path, features="a,b,flag"), DROPPED)
