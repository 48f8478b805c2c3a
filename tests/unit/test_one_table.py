"""One table written in many ways gives one digest of its examples, or one clear refusal."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from geomreg_tui.datasets import Dataset, load
from geomreg_tui.errors import DataError
from geomreg_tui.experiment import Experiment

Keys = dict[str, Any]
Way = Callable[["Table", Path], tuple[Path, Keys]]


@dataclass(frozen=True)
class Table:
    """Input columns of numbers that float16 holds exactly, and a target of text or numbers."""

    names: list[str]
    x: np.ndarray
    y: list[Any]
    target: str

    @property
    def columns(self) -> dict[str, list[Any]]:
        values = {name: list(map(float, self.x[:, i])) for i, name in enumerate(self.names)}
        return {**values, self.target: self.y}


def digest(dataset: Dataset) -> str:
    """All that the examples are: inputs, targets, what the classes mean, and which were picked."""
    state = hashlib.sha256()
    parts = (dataset.x, dataset.y, dataset.label_values, dataset.label_mean, dataset.label_std)
    for part in parts:
        state.update(b"none" if part is None else np.ascontiguousarray(part).tobytes())
    state.update(repr((dataset.examples, dataset.classes, dataset.label_names, dataset.x.shape)).encode())
    return state.hexdigest()


def examples(path: Path, keys: Keys, rows: int, standardize: bool = True) -> Dataset:
    values = {
        "data": str(path),
        "examples": rows - 1,
        "held_out": 1,
        "standardize": standardize,
        "data_seed": 3,
    }
    return load(Experiment.parse({**values, **keys}))


# Text. Spellings are what differs; a field is quoted by the csv module alone.


def spelled(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)


def lines_of(table: Table, spell: Callable[[Any], str] = spelled, **options: Any) -> str:
    file = io.StringIO()
    writer = csv.writer(file, **{"lineterminator": "\n", **options})
    writer.writerow(table.columns)
    quoted = options.get("quoting") == csv.QUOTE_NONNUMERIC
    for row in zip(*table.columns.values(), strict=True):
        writer.writerow(row if quoted else [spell(value) for value in row])
    return file.getvalue()


def text(
    change: Callable[[str], str] = lambda text: text,
    encoding: str = "utf-8",
    name: str = "set.csv",
    spell: Callable[[Any], str] = spelled,
    **options: Any,
) -> Way:
    def write(table: Table, folder: Path) -> tuple[Path, Keys]:
        (folder / name).write_bytes(change(lines_of(table, spell, **options)).encode(encoding))
        return folder / name, {"target": table.target}

    return write


def indexed(with_features: bool) -> Way:
    """As pandas writes it when nobody says index=False."""

    def write(table: Table, folder: Path) -> tuple[Path, Keys]:
        rows = list(csv.reader(io.StringIO(lines_of(table), newline="")))
        with (folder / "set.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([[str(i - 1) if i else "", *row] for i, row in enumerate(rows)])
        return folder / "set.csv", {"target": table.target, **(naming(table) if with_features else {})}

    return write


def naming(table: Table) -> Keys:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerow(table.names)
    return {"features": file.getvalue()[:-1]}


def target_first(table: Table, folder: Path) -> tuple[Path, Keys]:
    rows = zip(table.y, *table.x.T.tolist(), strict=True)
    with (folder / "set.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([[table.target, *table.names], *rows])
    return folder / "set.csv", {"target": table.target}


def header_as_comment(text: str) -> str:
    return f"# made by hand\n# {text}"


def with_comments(text: str) -> str:
    head, _, rest = text.partition("\n")
    return f"# one, two\n#\n{head}\n# it's \"5\n{rest}# the end"


def outside(old: str, new: str) -> Callable[[str], str]:
    """Replace what stands outside quotes; a quote within a field is written twice, which changes nothing."""

    def change(text: str) -> str:
        parts = text.split('"')
        return '"'.join(part if i % 2 else part.replace(old, new) for i, part in enumerate(parts))

    return change


def decimal_commas(value: Any) -> str:
    return spelled(value).replace(".", ",")


# Parquet


def stored(
    change: Callable[[pa.Array], pa.Array] = lambda column: column,
    of_target: Callable[[pa.Array], pa.Array] = lambda column: column,
    **options: Any,
) -> Way:
    def write(table: Table, folder: Path) -> tuple[Path, Keys]:
        columns = {name: change(pa.array(values)) for name, values in table.columns.items()}
        columns[table.target] = of_target(pa.array(table.y))
        parquet.write_table(pa.table(columns), folder / "set.parquet", **options)
        return folder / "set.parquet", {"target": table.target}

    return write


def cast(kind: pa.DataType) -> Callable[[pa.Array], pa.Array]:
    return lambda column: column.cast(kind) if pa.types.is_floating(column.type) else column


def text_as(kind: pa.DataType) -> Callable[[pa.Array], pa.Array]:
    """Cast a column of text; pyarrow builds views only from Python objects."""

    def change(column: pa.Array) -> pa.Array:
        if not pa.types.is_string(column.type):
            return column
        cells = column.to_pylist()
        is_binary = "binary" in str(kind)
        return pa.array([cell.encode() for cell in cells] if is_binary else cells, kind)

    return change


def as_text(column: pa.Array) -> pa.Array:
    return pa.array([spelled(cell) for cell in column.to_pylist()])


def with_index(
    index_columns: list[Any], added: dict[str, Callable[[int], pa.Array]], named: bool = False
) -> Way:
    """As pandas documents its metadata: https://pandas.pydata.org/docs/development/developer.html."""

    def write(table: Table, folder: Path) -> tuple[Path, Keys]:
        rows = len(table.y)
        columns = {**table.columns, **{name: make(rows) for name, make in added.items()}}
        metadata = {"pandas": json.dumps({"index_columns": index_columns, "columns": []})}
        parquet.write_table(pa.table(columns).replace_schema_metadata(metadata), folder / "set.parquet")
        return folder / "set.parquet", {"target": table.target, **(naming(table) if named else {})}

    return write


def counted(rows: int) -> pa.Array:
    return pa.array(np.arange(rows) * 3 + 1)


def days(rows: int) -> pa.Array:
    return pa.array(np.arange(rows).astype("datetime64[D]"))


# Arrays


def archive(
    change: Callable[[np.ndarray], np.ndarray] = lambda x: x,
    of_y: Callable[[np.ndarray], np.ndarray] = lambda y: y,
    names: Sequence[str] = ("x", "y"),
    keys: Keys | None = None,
    save: Callable[..., None] = np.savez,
    **others: Any,
) -> Way:
    def write(table: Table, folder: Path) -> tuple[Path, Keys]:
        x, y = change(table.x), of_y(np.array(table.y))
        save(folder / "set.npz", **dict(zip(names, (x, y), strict=True)), **others)
        return folder / "set.npz", keys or {}

    return write


def pair(change: Callable[[np.ndarray], np.ndarray] = lambda x: x) -> Way:
    def write(table: Table, folder: Path) -> tuple[Path, Keys]:
        np.save(folder / "x.npy", change(table.x))
        np.save(folder / "y.npy", np.array(table.y))
        return folder / "x.npy", {"target": str(folder / "y.npy")}

    return write


def swapped(array: np.ndarray) -> np.ndarray:
    return array.astype(array.dtype.newbyteorder("S"))


def structured(x: np.ndarray) -> np.ndarray:
    return np.array([tuple(row) for row in x], [(f"f{i}", float) for i in range(x.shape[1])])


def bytes_of(y: np.ndarray) -> np.ndarray:
    return np.char.encode(y, "utf-8") if y.dtype.kind == "U" else y


WAYS: dict[str, Way] = {
    "commas": text(),
    "semicolons": text(delimiter=";"),
    "tabs": text(delimiter="\t", name="set.tsv"),
    "bars": text(delimiter="|"),
    "all quoted": text(quoting=csv.QUOTE_ALL),
    "text quoted": text(quoting=csv.QUOTE_NONNUMERIC),
    "CRLF": text(lineterminator="\r\n"),
    "CR": text(lineterminator="\r", quoting=csv.QUOTE_ALL),  # which would leave a \n without quotes
    "UTF-8 with a mark": text(encoding="utf-8-sig"),
    "UTF-16": text(encoding="utf-16"),
    "UTF-16, big end": text(lambda text: "\ufeff" + text, "utf-16-be"),
    "UTF-32": text(encoding="utf-32"),
    "sep=": text(lambda text: "sep=;\n" + text, delimiter=";"),
    "sep= in quotes": text(lambda text: '"sep=^"\r\n' + text, delimiter="^"),
    "comments": text(with_comments),
    "header as a comment": text(header_as_comment),
    "blanks at the end": text(lambda text: text + "   \n\n \t\n"),
    "delimiters at the end": text(lambda text: text + ",,\n,,,,\n"),
    "blank lines": text(outside("\n", "\n\n")),
    "blank lines at the start": text(lambda text: "\n \n" + text),
    "a space after each comma": text(outside(",", ", ")),
    "no end of line": text(str.rstrip),
    "exponents": text(spell=lambda value: value if isinstance(value, str) else f" {value:.17E}"),
    "plus signs": text(spell=lambda value: value if isinstance(value, str) else f"{value:+.3f}"),
    "features named": lambda table, folder: (
        text()(table, folder)[0],
        {"target": table.target, **naming(table)},
    ),
    "an index without a name, features named": indexed(True),
    "target first": target_first,
    "doubles": stored(),
    "floats": stored(cast(pa.float32())),
    "halves": stored(cast(pa.float16())),
    "decimals": stored(cast(pa.decimal128(9, 3))),
    "wide decimals": stored(cast(pa.decimal256(50, 20))),
    "dictionaries": stored(pa.Array.dictionary_encode, pa.Array.dictionary_encode),
    "large text": stored(of_target=text_as(pa.large_string())),
    "text views": stored(of_target=text_as(pa.string_view())),
    "binary": stored(of_target=text_as(pa.binary())),
    "large binary": stored(of_target=text_as(pa.large_binary())),
    "binary views": stored(of_target=text_as(pa.binary_view())),
    "all as text": stored(as_text, as_text),
    "row groups": stored(row_group_size=2, compression="zstd"),
    "old format": stored(version="1.0", use_dictionary=False, store_schema=False),
    "an index of pandas": with_index(["__index_level_0__"], {"__index_level_0__": counted}),
    "a RangeIndex": with_index([{"kind": "range", "name": None, "start": 0, "stop": 9, "step": 1}], {}),
    "a named index": with_index(["the id"], {"the id": counted}),
    "two named indices": with_index(["the id", "the day"], {"the id": counted, "the day": days}),
    "an index that lost its metadata": with_index([], {"__index_level_0__": counted}),
    "a column of dates, features named": with_index([], {"the day": days}, named=True),
    "NPZ": archive(),
    "NPZ, compressed": archive(save=np.savez_compressed),
    "NPZ, Fortran order": archive(np.asfortranarray),
    "NPZ, other byte order": archive(swapped, swapped),
    "NPZ, every second row": archive(lambda x: np.repeat(x, 2, axis=0)[::2]),
    "NPZ, float32": archive(lambda x: x.astype("f4")),
    "NPZ, float16": archive(lambda x: x.astype("f2")),
    "NPZ, long double": archive(lambda x: x.astype(np.longdouble)),
    "NPZ, other case": archive(names=("X", "Y")),
    "NPZ, named": archive(names=("images", "names"), keys={"features": "images", "target": "names"}),
    "NPZ, without names": archive(names=("arr_0", "arr_1"), keys={"features": "arr_0", "target": "arr_1"}),
    "NPZ with objects": archive(meta=np.array({"author": None}, dtype=object), when=np.datetime64("2020")),
    "NPZ, training set only": archive(names=("x_train", "y_train")),
    "NPZ, y a column": archive(of_y=lambda y: y[:, np.newaxis] if y.dtype.kind != "U" else y),
    "NPZ, y of bytes": archive(of_y=bytes_of),
    "NPY": pair(),
    "NPY, Fortran order": pair(np.asfortranarray),
    "NPY, other byte order": pair(swapped),
}


def commas_in_target(table: Table, folder: Path) -> tuple[Path, Keys]:
    rows = [f"{i};{decimal_commas(value)}" for i, value in enumerate(table.y)]
    (folder / "set.csv").write_text("\n".join(["a;y", *rows]))
    return folder / "set.csv", {"target": "y"}


REFUSED: dict[str, tuple[Way, str]] = {
    "decimal commas": (text(spell=decimal_commas, delimiter=";"), "write decimals with a point"),
    "decimal commas in the target": (
        commas_in_target,
        "line 2, column 'y': got '0,25', which is not a number",
    ),
    "a minus that is none": (
        text(spell=lambda value: value if isinstance(value, str) else "\u22121"),
        "its minus is U+2212",
    ),
    "an index without a name": (indexed(False), "column 1 has no name"),
    "UTF-16 without a mark": (text(encoding="utf-16-le"), "looks like UTF-16 without a byte order mark"),
    "another encoding": (text(lambda text: text + "# \xe9\n", "latin-1"), "that is not UTF-8"),
    "no header": (
        text(lambda text: "".join(text.splitlines(keepends=True)[1:]), spell=lambda value: "1"),
        "has numbers in its first line",
    ),
    "a quote that is not closed": (text(lambda text: text + '1,"'), "unexpected end of data"),
    "a column of dates": (with_index([], {"the day": days}), "column 'the day', holds date32"),
    "a column of lists": (
        with_index([], {"a list": lambda rows: pa.array([[1]] * rows)}),
        "column 'a list', holds list<",
    ),
    "a column without a name": (with_index([], {"Unnamed: 0": counted}), "has no name but 'Unnamed: 0'"),
    "complex": (archive(lambda x: x + 0j), "holds complex128, not numbers"),
    "structured": (archive(structured), "not numbers"),
    "objects": (archive(lambda x: x.astype(object)), "Python objects, which are never loaded"),
    "dates": (archive(lambda x: x.astype("datetime64[D]")), "holds datetime64[D], not numbers"),
    "a single number": (archive(lambda x: x[0, 0]), "x in"),
    "text": (archive(lambda x: x.astype("U9")), "holds <U9, not numbers"),
    "objects in a pair": (pair(lambda x: x.astype(object)), "Python objects, which are never loaded"),
}

ROWS = 7
RNG = np.random.default_rng(5)
TARGETS = {
    "text": ["cat", "dog", "cat", 'a "pet"', "dog", "é, ü", "cat"],
    "whole": [2.0, 0.0, 1.0, 1.0, 0.0, 7.0, 2.0],
    "real": [0.25, -3.5, 8.0, 0.0, 1.75, -0.5, 2.0],
}
PLAIN = {
    kind: Table(["a", "b c", "d;e"], RNG.integers(-400, 401, (ROWS, 3)) / 4, y, "y")
    for kind, y in TARGETS.items()
}


def check_against_the_table(table: Table, dataset: Dataset) -> None:
    """Compare with the table itself: which rows are picked, and what each holds, as documented."""
    rows = len(table.y)
    order = np.random.default_rng([3, 0]).permutation(rows)
    picked = np.concatenate([order[: rows - 1], order[rows - 1 :]])
    np.testing.assert_array_equal(dataset.x, table.x[picked])
    wanted = np.array(table.y)[picked]
    if isinstance(table.y[0], str):
        np.testing.assert_array_equal(np.unique(table.y)[dataset.y], wanted)
    elif dataset.classes is not None:
        assert dataset.label_values is not None
        np.testing.assert_array_equal(dataset.label_values[dataset.y], wanted)
    else:
        np.testing.assert_array_equal(dataset.y, wanted)


@pytest.mark.parametrize("kind", PLAIN)
def test_a_plain_table_has_one_digest_however_it_is_written(tmp_path: Path, kind: str) -> None:
    table, digests = PLAIN[kind], {}
    for name, way in WAYS.items():
        path, keys = way(table, tmp_path)
        digests[name] = digest(examples(path, keys, ROWS))
        check_against_the_table(table, examples(path, keys, ROWS, standardize=False))
    assert len(digests) >= 60
    assert {name for name, one in digests.items() if one != digests["NPZ"]} == set()


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    way, said = REFUSED[name]
    path, keys = way(PLAIN["real"], tmp_path)
    with pytest.raises(DataError) as caught:
        examples(path, keys, ROWS)
    assert said in str(caught.value)
    assert not any(unicodedata.category(character) == "Cc" for character in str(caught.value))


NAMES = st.text("ab,;|\t\"' #é\n_0", min_size=1, max_size=6).map(str.strip).filter(bool)
LABELS = st.text(",;|\t\"' #é\n_0", max_size=5).map(lambda text: f"c{text}".strip())


@st.composite
def tables(draw: st.DrawFn) -> Table:
    names = draw(st.lists(NAMES, min_size=2, max_size=4, unique=True))
    rows = draw(st.integers(2, 6))
    quarters = st.integers(-400, 400).map(lambda number: number / 4)
    cells = draw(st.lists(quarters, min_size=rows * (len(names) - 1), max_size=rows * (len(names) - 1)))
    targets = draw(st.sampled_from([LABELS, quarters, st.integers(-3, 3).map(float)]))
    y = draw(st.lists(targets, min_size=rows, max_size=rows))
    return Table(names[1:], np.reshape(cells, (rows, -1)), y, names[0])


@settings(
    max_examples=120 if "FUZZ_EXAMPLES" in os.environ else 50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(tables(), st.lists(st.sampled_from(sorted(WAYS)), min_size=3, max_size=3, unique=True), st.booleans())
def test_any_table_has_one_digest_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, table: Table, names: list[str], standardize: bool
) -> None:
    """Names and labels that hold delimiters, quotes, line breaks and #: never another answer."""
    folder, rows = tmp_path_factory.mktemp("ways"), len(table.y)
    path, keys = WAYS["NPZ"](table, folder)
    wanted = examples(path, keys, rows, standardize)
    if not standardize:
        check_against_the_table(table, wanted)
    for name in names:
        path, keys = WAYS[name](table, folder)
        try:
            found = digest(examples(path, keys, rows, standardize))
        except DataError as error:
            found, message = "", str(error)
        if found:
            assert found == digest(wanted), name
        else:
            assert not any(unicodedata.category(character) == "Cc" for character in message)
