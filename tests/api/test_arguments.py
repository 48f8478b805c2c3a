"""What a person passes: arrays of every kind, keys, counts, factors, factories; and waiting for a run."""

import collections
import functools
import importlib
import os
import re
import signal
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pandas
import pytest
import torch

import geomreg_tui as geomreg
from geomreg_tui.api.arguments import asked_for, count_of, factors_of, importable_name, module_name, tail_plan
from geomreg_tui.api.bars import NotebookBar, new_bar
from geomreg_tui.api.following import Interrupts, follow
from geomreg_tui.datasets import read_packed
from geomreg_tui.datasets.given import unpack_arrays
from geomreg_tui.experiment import Experiment
from geomreg_tui.runner.progress import StageProgress
from geomreg_tui.terminal_bar import NoBar, TerminalBar

RNG = np.random.default_rng(1)
X, Y = RNG.normal(size=(9, 2)).astype(np.float32), RNG.integers(0, 3, 9)
NAMES = np.array(["setosa", "virginica", "versicolor"])[Y]


def digest(data, **keys):
    with asked_for(None, data, None, keys) as asked:
        packed = read_packed(asked.arrays, asked.experiment.data_sha256)
        assert asked.experiment.data == "arrays"
    assert not asked.arrays.exists()
    return asked.experiment.data_sha256, unpack_arrays(packed)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (torch.from_numpy(X), torch.from_numpy(Y)),
        (torch.from_numpy(X).requires_grad_(), torch.from_numpy(Y)),
        (pandas.DataFrame(X, columns=["a", "b"]), pandas.Series(Y)),
        (np.asfortranarray(X), Y),
        (X[::-1][::-1], Y),
    ],
    ids=["torch", "gradient", "pandas", "columns first", "views"],
)
def test_the_same_numbers_are_the_same_data_whatever_they_come_in(x, y):
    assert digest((x, y))[0] == digest((X, Y))[0]


@pytest.mark.parametrize(
    "y",
    [
        NAMES.tolist(),
        NAMES.astype(object),
        pandas.Series(NAMES),
        pandas.Series(NAMES, dtype="string"),
        pandas.Series(NAMES, dtype="category"),
    ],
    ids=["list", "objects", "text", "string", "category"],
)
def test_names_of_classes_are_text(y):
    np.testing.assert_array_equal(digest((X.tolist(), y))[1][1], NAMES)


def test_columns_of_different_numbers_are_numbers():
    frame = pandas.DataFrame({"a": [1, 2, 3], "b": [0.5, 1.5, 2.5], "c": [True, False, True]})
    x, _ = digest((frame, [1.0, 2.0, 3.0]))[1]
    np.testing.assert_array_equal(x, [[1, 0.5, 1], [2, 1.5, 0], [3, 2.5, 1]])


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ((X,), "allowed are the name of a set"),
        (X, "allowed are the name of a set"),
        ((X, Y[:-1]), "9 examples in x, 8 in y"),
        ((X, [{}] * 9), "y holds dict"),
        (([[1, 2], [3]], [0, 1]), "X is no array"),
        ((torch.ones(9, 2, dtype=torch.bfloat16), Y), "X is no array"),
        ((pandas.DataFrame({"a": ["u", 1.0]}), [0, 1]), "X holds float, str"),
        ((np.full((9, 2), np.inf), Y), "NaN or infinite"),
    ],
)
def test_what_is_no_data_is_refused_before_anything_starts(data, why):
    with pytest.raises(geomreg.GeomregError, match=why):
        geomreg.sample(data=data)


def test_keys_take_precedence_and_may_be_numbers_of_numpy():
    begin = Experiment.parse({"width": 8, "depth": 2})
    with asked_for(
        begin, None, None, {"width": np.int64(4), "gain": np.float32(0.5), "outputs": None}
    ) as asked:
        assert (asked.experiment.width, asked.experiment.depth, asked.experiment.gain) == (4, 2, 0.5)
    with asked_for(None, None, None, {"width": [4, 8]}) as asked:
        assert asked.experiment.widths == (4, 8)


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda: geomreg.sample(widht=4), "Did you mean 'width'"),
        (lambda: geomreg.sample(samples="many"), "allowed is a whole number from 1 to 1e15"),
        (lambda: geomreg.sample(samples=0.5), "allowed is a whole number from 1 to 1e15"),
        (lambda: geomreg.tail(population=3), "population: got '3'"),
        (lambda: geomreg.tail(to_loss="little"), "to-loss: got 'little'"),
        (lambda: geomreg.sweep({"widht": [4]}), "Did you mean 'width'"),
        (lambda: geomreg.sweep({"width": []}), "allowed are numbers or names"),
        (lambda: geomreg.sweep({"width": 4}), "allowed are numbers or names"),
        (lambda: geomreg.sweep({}), "one or two different factors"),
        (lambda: geomreg.sweep({"width": [4]}, goals={"loss": 1}), "allowed are to_loss"),
        (lambda: geomreg.sphere([-1]), "allowed are numbers of at least 0"),
        (lambda: geomreg.sphere("1:x"), "dims"),
        (lambda: geomreg.load("nothing"), "no run"),
    ],
)
def test_every_mistake_says_what_is_allowed(call, why, home):
    with pytest.raises(geomreg.GeomregError, match=re.escape(why)):
        call()
    assert not list(home.glob("runs/*"))


def test_counts_factors_and_goals_are_those_of_the_command_line():
    assert [count_of(value) for value in (1e5, "10M", np.int64(7), 1_000)] == [100_000, 10_000_000, 7, 1_000]
    over = {"width": "4:16:x2", "init": ["he_normal", "orthogonal"]}
    assert [(f.key, f.values) for f in factors_of(over)] == [
        ("width", (4, 8, 16)),
        ("init", ("he_normal", "orthogonal")),
    ]
    assert factors_of({"gain": np.array([0.5, 1.0])})[0].values == (0.5, 1.0)
    goals = dict.fromkeys(("to_log10_volume", "repeats", "move", "max_seconds"))
    plan = tail_plan({**goals, "to_loss": 1e-3, "population": 50})
    assert (plan.loss, plan.population) == (1e-3, 50)


NETS = """
from torch import nn

class Net(nn.Module):
    def __init__(self, width=3):
        super().__init__()
        self.linear = nn.Linear(2, width)

    @staticmethod
    def small():
        return Net(1)

def make():
    return nn.Linear(2, 1)

nameless = lambda: make()

def outer():
    def inner():
        return make()
    return inner
"""


@pytest.fixture
def nets(tmp_path, monkeypatch):
    """A person's own file of networks, imported."""
    (tmp_path / "nets_of_a_person.py").write_text(NETS)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("nets_of_a_person")
    sys.modules.pop("nets_of_a_person", None)


def test_a_factory_is_known_by_the_name_it_is_imported_with(nets):
    assert module_name("nets:make") == "nets:make"
    assert module_name(collections.OrderedDict) == "collections:OrderedDict"
    assert module_name(nets.make) == "nets_of_a_person:make"
    assert module_name(nets.Net) == "nets_of_a_person:Net"


@pytest.mark.parametrize(
    ("take", "says"),
    [
        (lambda nets: nets.Net(5), r"an object of nets_of_a_person\.Net that is made already"),
        (lambda nets: nets.Net(5), r"write a function make that returns nets_of_a_person\.Net\(\.\.\.\)"),
        (lambda nets: torch.nn.Linear(2, 1), r"returns torch\.nn\.modules\.linear\.Linear\(\.\.\.\)"),
        (lambda nets: nets.nameless, "a lambda, which no other process can import"),
        (lambda nets: lambda: None, "a lambda, which no other process can import"),
        (lambda nets: nets.Net.small, r"'Net\.small', which is not at the top of nets_of_a_person"),
        (lambda nets: nets.outer(), r"'outer\.<locals>\.inner', which is not at the top of"),
        (lambda nets: functools.partial(nets.Net, 4), "an object of type partial, which no other process"),
        (lambda nets: type("Local", (), {"__module__": "__main__"}), "'Local' of this notebook or script"),
        (
            lambda nets: type("Local", (torch.nn.Module,), {"__module__": "__main__"})(),
            "write Local, and a function make that returns this object, to nets.py",
        ),
        (lambda nets: 7, "an object of type int, which no other process can import"),
    ],
)
def test_a_sweep_refuses_what_no_other_process_can_import_with_the_way_out(nets, take, says, home):
    with pytest.raises(geomreg.ExperimentError, match=says) as caught:
        geomreg.sweep({"gain": [1, 2]}, module=take(nets), data="iris")
    assert "allowed is a function or class at the top of a file of its own" in str(caught.value)
    assert not list(home.glob("runs/*"))


@pytest.mark.parametrize(
    ("take", "says"),
    [
        (lambda nets: 7, "an object of type int, which no other process can import"),
        (lambda nets: lambda: None, "a factory, which returned NoneType"),
        (lambda nets: lambda: 1 / 0, r"a factory, which failed \(ZeroDivisionError"),
        (lambda nets: type("Local", (), {"__module__": "__main__"}), "which returned Local"),
    ],
)
def test_what_makes_no_module_is_refused(nets, take, says, home):
    with pytest.raises(geomreg.ExperimentError, match=says):
        geomreg.sample(module=take(nets), data="iris")
    assert not list(home.glob("runs/*"))


def test_a_factory_that_was_replaced_in_its_file_is_not_taken_for_the_new_one(nets):
    before = nets.make
    importlib.reload(nets)
    with pytest.raises(geomreg.ExperimentError, match=r"not what nets_of_a_person\.make is now"):
        importable_name(before)
    assert module_name(nets.make) == "nets_of_a_person:make"


class Handle:
    """A run whose engine does as it is told."""

    directory = "run"

    def __init__(self, deaf=0):
        self.told, self.deaf = [], deaf

    def running(self):
        return len(self.told) <= self.deaf

    def snapshot(self):
        return SimpleNamespace(samples=5, target=10, tail=None, training=None, observed=None, rate=1.0)

    def stop(self):
        self.told.append("stop")

    def kill(self):
        self.told.append("kill")

    def failure(self):
        return ""

    def status(self):
        return SimpleNamespace(state=None)


@pytest.mark.parametrize(
    ("deaf", "told"), [(0, ["stop"]), (1, ["stop", "stop"]), (2, ["stop", "stop", "kill"])]
)
def test_each_ctrl_c_is_more_urgent_and_none_is_raised(deaf, told):
    handle = Handle(deaf)
    before = signal.getsignal(signal.SIGINT)
    handle.snapshot = lambda: os.kill(os.getpid(), signal.SIGINT)
    follow(handle, progress=False)
    assert handle.told == told
    assert signal.getsignal(signal.SIGINT) is before


def test_an_error_in_on_snapshot_stops_the_run_and_is_raised():
    handle = Handle()

    def fail(snapshot):
        raise ZeroDivisionError(snapshot.samples)

    with pytest.raises(ZeroDivisionError, match="5"):
        follow(handle, progress=False, on_snapshot=fail)
    assert handle.told == ["stop"]


def test_a_thread_waits_without_touching_signals():
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def wait():
        with Interrupts():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=wait)
    thread.start()
    thread.join()
    assert seen == [before]


def test_an_ignored_ctrl_c_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interrupts() as interrupts:
            os.kill(os.getpid(), signal.SIGINT)
        assert interrupts.count == 0
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_bar_of_a_notebook_is_one_output_that_is_replaced():
    shown = []

    def display(bundle, *, raw, display_id):
        assert raw
        assert display_id
        shown.append(bundle)
        return SimpleNamespace(update=lambda bundle, raw: shown.append(bundle))

    with NotebookBar(display) as bar:
        bar.show(StageProgress("sampling", 1_000, 5_000, "<7 networks/s"))
        bar.say("Stopping")
    assert 'value="1000" max="5000"' in shown[1]["text/html"]
    assert "&lt;7 networks/s" in shown[1]["text/html"]
    assert shown[-1]["text/plain"] == "sampling 1,000 / 5,000 <7 networks/s\nStopping"
    assert "<progress" not in shown[-1]["text/html"]


def test_where_nobody_looks_nothing_is_shown(capfd, monkeypatch):
    assert isinstance(new_bar(False), NoBar)
    assert isinstance(new_bar(True), NoBar)  # stderr is a file here
    monkeypatch.setattr("sys.stderr", None)
    assert isinstance(new_bar(True), NoBar)
    monkeypatch.setattr("sys.stderr", SimpleNamespace(isatty=lambda: True))
    assert isinstance(new_bar(True), TerminalBar)
    assert capfd.readouterr() == ("", "")


def test_names_of_the_first_version_are_still_there():
    for name in [
        "Experiment",
        "Facts",
        "GeomregError",
        "LossDistribution",
        "RunDirectory",
        "Summary",
        "analyse_modes",
        "prepare",
        "run_chunk",
        "sample",
        "start_run",
        "volume_curve",
        "__version__",
    ]:
        assert getattr(geomreg, name) is not None
    assert sorted(geomreg.__all__) == sorted(["__version__", *geomreg._HOMES])
    assert len(geomreg.runs()) == 0
