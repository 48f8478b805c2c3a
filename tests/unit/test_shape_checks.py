"""The shapes that signatures state are checked in this suite, and nowhere else."""

import ast
import inspect
import random
import re
import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest
import torch
from jaxtyping import TypeCheckError

from geomreg_tui import shapes
from geomreg_tui.experiment import Experiment
from geomreg_tui.inits import Stream, build_law
from geomreg_tui.losses import TargetNumbers
from geomreg_tui.losses.objective import Objective
from geomreg_tui.networks import apply_matrix, build_network
from geomreg_tui.sampling.direct import DirectLayers
from geomreg_tui.sampling.drawn import DrawnNumbers
from geomreg_tui.sampling.roots import gram_root
from geomreg_tui.sampling.sampler import Drawn
from geomreg_tui.shapes import LayerShape
from tests.shape_checks import EVERY_CALL, FIRST, STEP, checked_modules

ROOMS = ("geomreg_tui.networks", "geomreg_tui.inits", "geomreg_tui.sampling", "geomreg_tui.losses")
LAYER = LayerShape(0, n_out=3, n_in=4, fan_in=4, fan_out=3, bias=True)


def stream():
    return Stream(torch.Generator().manual_seed(0), torch.device("cpu"), torch.float32)


def law(init="normal"):
    return build_law(Experiment(init=init), [LAYER])


def objective():
    targets = TargetNumbers.round(np.zeros((6, 2)), None, np.zeros((2, 6)), 5, "float32")
    return Objective("mse", targets, torch.float32, torch.device("cpu"))


def network():
    experiment = Experiment(width=3, depth=1)
    return build_network(experiment, (4,), 2, torch.float32)


WRONG = {
    "networks: inner sizes differ": lambda: apply_matrix(torch.zeros(2, 3, 4), torch.zeros(2, 5, 6)),
    "networks: batches differ": lambda: apply_matrix(torch.zeros(2, 3, 4), torch.zeros(3, 4, 6)),
    "networks: whole numbers": lambda: apply_matrix(torch.zeros(2, 3, 4).long(), torch.zeros(2, 4, 6).long()),
    "networks: no axis of examples": lambda: network().forward(
        torch.tensor(1.0), DirectLayers(law(), 2, stream())
    ),
    "inits: radii of another batch": lambda: law("sphere").weights(
        LAYER, 2, stream(), torch.ones(3, 1, dtype=torch.float64)
    ),
    "inits: radii in float32": lambda: law("sphere").block(LAYER, 1, 2, stream(), torch.ones(2, 1)),
    "losses: three outputs for two": lambda: objective().per_example(torch.zeros(7, 3, 6)),
    "losses: outputs without a batch": lambda: objective().correct(torch.zeros(2, 6)),
    "sampling: activations of another layer": lambda: DirectLayers(law(), 2, stream()).linear(
        LAYER, torch.zeros(2, 5, 1)
    ),
    "sampling: one matrix for many": lambda: gram_root(torch.zeros(4, 6), 1.0, 0.0),
    "sampling: fields of different batches": lambda: Drawn(torch.zeros(3), torch.zeros(4), None, None),
}


@pytest.mark.parametrize("call", WRONG.values(), ids=WRONG)
def test_a_wrong_shape_is_caught(call):
    with pytest.raises(TypeCheckError):
        call()


def test_right_shapes_pass():
    assert apply_matrix(torch.zeros(2, 3, 4), torch.zeros(1, 4, 6)).shape == (2, 3, 6)
    assert objective().per_example(torch.zeros(7, 2, 6)).shape == (7, 6)
    assert gram_root(torch.zeros(1, 4, 6), 1, 0).shape == (1, 6, 6)


def test_a_wrong_shape_that_is_returned_is_caught(monkeypatch):
    layers = DirectLayers(law(), 2, stream())
    monkeypatch.setattr(layers, "law", law("orthogonal"))
    wrong = torch.zeros(2, 3, 5)
    monkeypatch.setattr(type(layers.law), "weights", lambda *_: (wrong, None))
    with pytest.raises(TypeCheckError, match="return value"):
        layers.weights(LAYER)


@pytest.mark.parametrize("calls", [1, FIRST - 1])
def test_calls_that_went_well_before_do_not_hide_a_wrong_one(calls):
    for _ in range(calls):
        test_right_shapes_pass()
    with pytest.raises(TypeCheckError):
        WRONG["networks: batches differ"]()


def test_after_the_first_calls_some_are_checked():
    for _ in range(2 * FIRST):
        apply_matrix(torch.zeros(2, 3, 4), torch.zeros(1, 4, 6))
    caught = 0
    for _ in range(10 * STEP):
        try:
            apply_matrix(torch.zeros(2, 3, 4), torch.zeros(2, 4, 6).long())
        except TypeCheckError:
            caught += 1
        except RuntimeError:  # torch's own, where nothing was checked before
            pass
    assert caught == (10 * STEP if EVERY_CALL else 10)


def test_each_module_that_states_shapes_is_checked():
    modules = checked_modules()
    for room in ROOMS:
        assert any(name == room or name.startswith(f"{room}.") for name in modules), room
    for name in modules:
        assert type(import_module(name).__loader__).__name__ == "_JaxtypingLoader", name


def axes(source):
    """Return the names of axes that the signatures of a module state."""
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.slice, ast.Tuple)
            and len(node.slice.elts) == 2
        ):
            text = node.slice.elts[1]
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                yield from re.findall(r"[a-z]\w*", re.sub(r"\{.*?\}", "", text.value))


def test_each_name_of_an_axis_is_in_the_vocabulary():
    table = {
        name
        for line in shapes.__doc__.split("=====\n")[1].splitlines()
        for name in re.findall(r"``\*?(\w+)``", line)
    }
    stated = {name for module in checked_modules() for name in axes(inspect.getsource(import_module(module)))}
    assert stated == table


def test_checks_draw_nothing_from_the_generator_of_the_program():
    before = random.getstate()
    DrawnNumbers(np.zeros(3), np.ones(3), None, None)
    law().radius()
    network()
    assert random.getstate() == before


OUTSIDE = """
import sys, torch
from geomreg_tui.networks import apply_matrix
import geomreg_tui.sampling.work
try:
    apply_matrix(torch.zeros(2, 3, 4), torch.zeros(2, 5, 6))
except RuntimeError as error:
    print(type(error).__module__, type(error).__name__)
print([name for name in sys.modules if name.startswith(("beartype", "jaxtyping", "typeguard"))])
"""
START = """
import sys
from geomreg_tui.cli import main
sys.argv = ["geomreg-tui", "--help"]
try:
    main()
except SystemExit:
    pass
print("imported", [name for name in sys.modules if name.split(".")[0] in ("beartype", "torch")])
"""


def printed(program):
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.splitlines()


def test_nothing_is_checked_outside_the_tests_and_jaxtyping_is_not_needed():
    assert printed(OUTSIDE) == ["builtins RuntimeError", "[]"]


def test_the_command_line_starts_without_torch():
    assert printed(START)[-1] == "imported []"
