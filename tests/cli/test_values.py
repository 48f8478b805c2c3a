"""Values of options: a table of all options of all commands, made from the commands themselves."""

import errno
import os
import re
import sys

import numpy as np
import pytest
from typer.main import get_command

from geomreg_tui.cli import main
from geomreg_tui.cli.app import app
from geomreg_tui.datasets import load
from geomreg_tui.errors import RunDirectoryError
from geomreg_tui.experiment import Experiment
from geomreg_tui.runner import process
from geomreg_tui.sweeps.directory import SweepDirectory
from geomreg_tui.sweeps.plan import SweepPlan, grid, parse_factor
from tests.unit.exporting import make_run, two_modes

# What must be given besides, so that a command comes as far as looking at its values.
NEEDED = {"sweep": ["--over", "width=2,4"], "compare-runs": ["one", "other"]}
# Text that may be anything: what it names is looked for, by the engine perhaps, and is not there.
NAMES = {
    "data",
    "target",
    "classes",
    "features",
    "device",
    "out",
    "host",
    "spec",
    "run",
    "name",
    "names",
    "resume",
    "volume_from",
    "tag",
    "untag",
    "note",
    "where",
}


def commands(group=None, before=()):
    """Yield the words of each command, and the command."""
    group = group or get_command(app)
    yield before, group
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, (*before, name))


def valued():
    """Yield the words of a command, its parameter that takes a value, and how that is given."""
    for words, command in commands():
        for parameter in command.params:
            if getattr(parameter, "is_flag", False) or parameter.name in ("install_completion", "help"):
                continue
            option = next((name for name in parameter.opts if name.startswith("--")), None)
            yield words, parameter, option


TABLE = [pytest.param(*row, id=" ".join([*row[0], row[2] or row[1].name])) for row in valued()]


def as_for_run(words, parameter, option):
    """Return whether an option is a key of an experiment, which is the same for all that take one."""
    return words != ("run",) and parameter.name in Experiment.model_fields and bool(option)


def looked_at_here(words, parameter, option):
    """Return whether a value is judged by the command itself; keys of an experiment are the same for all."""
    if parameter.name in NAMES or not option or (words, option) == (("attach",), "--theme"):
        return False
    return words == ("run",) or parameter.name not in Experiment.model_fields


@pytest.fixture
def run(capsys, monkeypatch):
    """Call the command in this process; no engine may be started."""

    def no_engine(*_, **__):
        raise AssertionError("an engine was started")

    monkeypatch.setattr(process.subprocess, "Popen", no_engine)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["geomreg-tui", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        answer = capsys.readouterr()
        assert answer.out == ""
        return caught.value.code, answer.err

    return call


def given(words, parameter, option, value):
    """Return a command line that gives a parameter a value."""
    if option:
        return [*words, *NEEDED.get(" ".join(words), []), option, value]
    command = dict(commands())[words]
    arguments = [p.name for p in command.params if not p.opts[0].startswith("-")]
    return [*words, *(value if name == parameter.name else "something" for name in arguments)]


def test_the_table_has_all_there_is():
    named = {(words, option) for words, _, option in valued() if option}
    assert {(("run",), "--samples"), (("tail",), "--population"), (("runs", "stop"), "--wait")} <= named
    assert len(named) > 150
    assert {words for words, _ in commands()} >= {("run",), ("runs",), ("runs", "verify"), ("sphere",)}


@pytest.mark.parametrize(
    ("words", "parameter", "option"),
    [
        pytest.param(*row.values, id=row.id, marks=[pytest.mark.full] if as_for_run(*row.values) else [])
        for row in TABLE
    ],
)
def test_a_value_that_is_empty_is_refused_by_name(run, words, parameter, option, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for value in ("", "\t\n") if words == ("run",) else ("",):
        code, said = run(*given(words, parameter, option, value))
        name = option.removeprefix("--") if option else (parameter.metavar or parameter.name.upper())
        assert code == 2, said
        assert said.startswith(f"Error: {name.strip('[].')}: got {value!r}; allowed is a value"), said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "parameter", "option"), [row for row in TABLE if looked_at_here(*row.values)]
)
def test_a_value_that_is_no_value_is_refused_by_name(run, words, parameter, option, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    more = {("sweep",): ["--tail", "--training"], ("train",): ["--tail"]}.get(words, [])
    if words in (("run",), ("sweep",), ("tail",), ("train",)) and option != "--observe":
        more += ["--observe", "confusion"]
    for value in ("nonsense", "0x", "1,,2"):
        code, said = run(*given(words, parameter, option, value), *more)
        assert code == 2, (value, said)
        assert re.search(rf"\b{option.removeprefix('--')}\b", said.replace("_", "-")), (value, said)
        assert value in said, (value, said)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("place", ["link", "link/below", "file", "file/below"])
def test_a_place_that_cannot_be_written_is_named_as_it_was_given(place, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere" / "at" / "all")
    (tmp_path / "file").write_text("")
    plan = SweepPlan(Experiment.parse({}), (parse_factor("width=2,4"),), 10)
    for begin in (lambda path: make_run(path, two_modes()), lambda path: SweepDirectory(path).begin(plan)):
        with pytest.raises(RunDirectoryError) as caught:
            begin(tmp_path / place)
        assert str(caught.value).startswith(f"{tmp_path / place}: ")
    assert {entry.name for entry in tmp_path.iterdir()} == {"link", "file"}


def test_a_folder_that_takes_no_file_is_named_and_not_the_file(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("geomreg_tui.atomic.os.fsync", full)
    with pytest.raises(RunDirectoryError) as caught:
        make_run(tmp_path / "run", two_modes())
    assert str(caught.value) == f"{tmp_path / 'run'}: cannot be written (No space left on device)"
    assert not list(tmp_path.iterdir())


NAMES_OF_COLUMNS = ["0", "1e5", "1:3", "-2", "inf", "0x10", "2:8:x2"]


@pytest.mark.parametrize("key", ["features", "target"])
def test_a_sweep_takes_columns_by_any_name(key, tmp_path):
    """Names that look like numbers or ranges are names."""
    path = tmp_path / "table.csv"
    table = np.arange(24.0).reshape(3, 8) ** 2 + 0.5
    rows = [[*NAMES_OF_COLUMNS, "last"], *table.tolist()]
    path.write_text("\n".join(",".join(map(str, row)) for row in rows))
    base = {"data": str(path), "examples": 3, "standardize": False}
    base |= {"target": "last"} if key == "features" else {"features": "last"}
    factor = parse_factor(f"{key}={','.join(NAMES_OF_COLUMNS)}")
    assert not factor.ordered
    for place, (settings, experiment) in enumerate(grid(Experiment.parse(base), [factor])):
        assert settings == (NAMES_OF_COLUMNS[place],)
        read = load(experiment)
        column = read.x[:, 0] if key == "features" else read.y
        assert sorted(column.tolist()) == table[:, place].tolist()
