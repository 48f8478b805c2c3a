"""The list: what it reads, its conditions against a plain evaluation of the same, and its order."""

import fnmatch
import json
import math
import operator
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomreg_tui.errors import ExperimentError
from geomreg_tui.listing import (
    KEYS,
    Findings,
    Row,
    parse_condition,
    parse_order,
    read_row,
    sort_rows,
)
from geomreg_tui.listing.history import read_history
from geomreg_tui.report import load_result, result_document
from geomreg_tui.rundir import Labels, RunEntry, RunState, Status
from geomreg_tui.rundir.elsewhere import SWEEP
from geomreg_tui.rundir.store import write_json

from .exporting import make_run, make_sweep, two_modes

STORED = Path(__file__).parents[1] / "stored_0_1_0"
WORDS = ["mlp", "he_normal", "He", "draft", "0.5", "64", "a b", "x,y"]


@dataclass
class Plain:
    """What conditions are about, as plain values."""

    keys: dict = field(default_factory=dict)
    text: str = ""

    def values(self, key):
        return self.keys.get(key, ())


NUMBERS = st.integers(-3, 70) | st.floats(-2, 2).map(lambda x: round(x, 2))
ROWS = st.builds(
    Plain,
    st.fixed_dictionaries(
        {
            "width": st.lists(st.integers(1, 70), max_size=3).map(tuple),
            "gain": st.lists(NUMBERS, max_size=2).map(tuple),
            "init": st.lists(st.sampled_from(WORDS), max_size=2).map(tuple),
            "bias": st.booleans().map(lambda b: (b,)),
            "tag": st.lists(st.sampled_from(WORDS), max_size=3).map(tuple),
        }
    ),
    st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join).map(str.casefold),
)


def compared(row, key, sign, number):
    functions = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
    values = [v for v in row.values(key) if not isinstance(v, (str, bool))]
    return any(functions[sign](value, number) for value in values)


def written(value):
    return ("true" if value else "false") if isinstance(value, bool) else str(value).casefold()


def like(row, key, pattern):
    """Whether a value is like one of the patterns, in plain Python: equal as numbers, or alike as texts."""
    for part in pattern.split(","):
        for value in row.values(key):
            if fnmatch.fnmatchcase(written(value), part.casefold()):
                return True
            try:
                if not isinstance(value, (str, bool)) and float(part) == value:
                    return True
            except ValueError:
                pass
    return False


TERMS = st.one_of(
    st.tuples(st.just(""), st.just(""), st.sampled_from(["mlp", "HE", "draft", "5", "zz"])),
    st.tuples(st.sampled_from(["width", "gain"]), st.sampled_from(["<", "<=", ">", ">="]), NUMBERS),
    st.tuples(st.sampled_from(["width", "gain"]), st.sampled_from(["=", "!="]), NUMBERS),
    st.tuples(
        st.sampled_from(["init", "tag"]),
        st.just(":"),
        st.sampled_from(["he*", "HE*", "?e_normal", "*a*", "mlp,draft", "64", "0.50", "none"]),
    ),
    st.tuples(st.just("bias"), st.sampled_from(["=", "!=", ":"]), st.sampled_from(["true", "false"])),
)


@given(ROWS, st.lists(st.tuples(TERMS, st.booleans()), max_size=4))
def test_conditions_are_what_plain_python_makes_of_them(row, terms):
    pieces, expected = [], True
    for (key, sign, value), negated in terms:
        pieces.append(f"{'-' * negated}{key}{sign}{value}")
        if not key:
            holds = value.casefold() in row.text
        elif sign in ("<", "<=", ">", ">="):
            holds = compared(row, key, sign, value)
        elif sign == "!=":
            holds = not like(row, key, str(value))
        else:
            holds = like(row, key, str(value))
        expected = expected and holds is not negated
    assert parse_condition("  ".join(pieces), KEYS).holds(row) is expected


@given(st.text(alphabet="width>64:he*=!<-,\"' \t.1e", max_size=30) | st.text(max_size=20))
def test_any_text_is_a_condition_or_is_refused_by_its_terms(text):
    try:
        condition = parse_condition(text, KEYS)
    except ExperimentError:
        assert any(sign in text for sign in ":=<>")
        return
    assert condition.holds(Plain({"width": (64,)}, "width")) in (True, False)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("", True),
        ("samples>=1k samples<2K", True),
        ("samples>1e3", False),
        ("size>1.5M", True),
        ("size>2MB", False),
        ("when>2026-01", False),
        ("when>=2026-01 when<=2026-01-02", True),
        ("when:2026-01-02 when=2026 when!=2025", True),
        ('when<"2026-01-02 03:04"', False),
        ('note:"with  bias" -note:without*', True),
        ("note:'with  bias'", True),
        ("n=16 N:16 examples=16.0", True),
        ("width>64", True),  # one of the values of a sweep
        ("width<10", False),
        ("data-seed=0", True),
        ("target!=y asked=1e3", True),
        ("module:*", False),
        ("module!=x", True),
        ("d0<0 d0>-1", True),
        ("d0>\N{MINUS SIGN}1", True),
        ("DIGITS", True),
        ("digits -gaussian", True),
        ("he_*", False),  # a word is looked for as it is
    ],
)
def test_conditions_by_example(text, holds):
    settings = {"examples": (16,), "width": (32, 128), "data_seed": (0,), "data": ("digits",)}
    entry = RunEntry(Path("/x"), "20260102-030405")
    status = Status(RunState.DONE, 1000, 1000, about="mlp · digits")
    found = Findings(d0=(type("I", (), {"estimate": -0.5})(),))
    row = Row(entry, Labels("", (), "with  bias"), status, "run", settings, found, 2 * 2**20)
    assert parse_condition(text, KEYS).holds(row) is holds


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("widht>3", "Did you mean 'width'"),
        ("width>", "a value after >"),
        ("width>big", "a number"),
        ("when>soon", "a date"),
        ("d0>nan", "a number"),
        ("foo:1 bar<2", "bar<2"),
    ],
)
def test_terms_that_are_none_are_refused_with_what_would_do(text, said):
    with pytest.raises(ExperimentError) as caught:
        parse_condition(text, KEYS)
    assert said in str(caught.value)
    with pytest.raises(ExperimentError, match=r"sort: got 'sice'.*Did you mean 'size'"):
        parse_order("sice")


@given(st.lists(st.lists(NUMBERS, max_size=2).map(tuple), max_size=12), st.booleans())
def test_the_order_is_that_of_the_smallest_values_and_what_has_none_is_last(values, reverse):
    status = Status(RunState.DONE, 0, 0)
    rows = [
        Row(RunEntry(Path(f"/{place}")), Labels(), status, "run", {"gain": value})
        for place, value in enumerate(values)
    ]
    found = [row.values("gain") for row in sort_rows(rows, "gain", reverse=reverse)]
    smallest = sorted((min(value) for value in values if value), reverse=reverse)
    assert [min(value) for value in found[: len(smallest)]] == smallest
    assert not any(found[len(smallest) :])
    assert sorted(map(repr, found)) == sorted(map(repr, values))


def test_a_row_says_what_the_report_says(tmp_path):
    losses = two_modes()
    run = make_run(tmp_path / "run", losses, width=48, init="he_uniform")
    result = load_result(run.path)
    bare = read_row(RunEntry(run.path))
    write_json(run.path / "summary.json", result_document(result))
    row = read_row(RunEntry(run.path, "20260101-000000"))
    for found in (bare, row):
        (d0,) = found.findings.d0
        assert tuple(d0) == pytest.approx(tuple(result.landmark.landmark), abs=1e-12)
        assert found.values("v")[0] == pytest.approx(math.log10(np.mean(losses <= 0.25)), abs=2e-3)
        assert found.values("width") == (48,)
        assert found.values("init") == ("he_uniform",)
        assert found.kind == "run"
    assert row.size == sum(file.stat().st_size for file in run.path.rglob("*") if file.is_file())


@pytest.mark.parametrize("name", ["finished", "stopped", "tail", "descending", "sweep"])
def test_what_version_0_1_0_wrote_is_listed_and_not_touched(name, tmp_path):
    path = tmp_path / name
    shutil.copytree(STORED / name, path)
    before = {file: (file.stat().st_mtime_ns, file.stat().st_ino) for file in path.rglob("*")}
    row = read_row(RunEntry(path, kind=SWEEP if name == "sweep" else "run"))
    assert {file: (file.stat().st_mtime_ns, file.stat().st_ino) for file in path.rglob("*")} == before
    kinds = {"tail": "tail", "descending": "tail", "sweep": "sweep"}
    assert row.kind == kinds.get(name, "run")
    if name == "sweep":
        assert row.values("width") == (2, 4, 8)
    else:
        expected = load_result(path).landmark.landmark
        defined = [expected] if math.isfinite(expected.estimate) else []
        assert [tuple(value) for value in row.findings.d0] == [tuple(value) for value in defined]


def test_damaged_files_make_a_row_with_less_in_it(tmp_path):
    run = make_run(tmp_path / "run", two_modes())
    sweep = make_sweep(tmp_path / "sweep", widths=(2,))
    for text in ("", "{", "[]", "{}", '{"points": 3}', json.dumps({"dominance": {"landmark": ["x"]}})):
        for path in (run.path / "summary.json", run.path / "status.json", sweep / "sweep.json"):
            path.write_text(text)
        assert read_row(RunEntry(run.path)).findings.d0
        row = read_row(RunEntry(sweep, kind=SWEEP))
        assert (row.kind, row.findings) == ("sweep", Findings())
    (run.path / "experiment.json").write_text("[1]")
    assert read_row(RunEntry(run.path)).settings == {}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda x: st.lists(x, max_size=2)
)


@given(
    st.dictionaries(
        st.sampled_from(
            ["time", "event", "samples", "chunk", "points", "state", "message", "reason", "\x1b"]
        ),
        JSON | st.sampled_from(["start", "end", "command", "point", "copied"]),
    )
)
def test_whatever_a_log_holds_comes_out_as_plain_lines(tmp_path, event):
    (tmp_path / "log.jsonl").write_text(json.dumps(event) + "\n[1]\n{")
    *lines, broken = read_history(RunEntry(tmp_path))
    assert len(lines) == 1
    assert "2 lines" in broken.text
    for text in lines[0][:2]:
        assert len(text) <= 500
        assert not any(c in text for c in "\x1b\x9b\u202e\n\r")
