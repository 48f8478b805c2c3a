"""What workers answer is read by an engine, and by an explorer, that never import torch."""

import pickle
import subprocess
import sys

import pytest

from geomreg_tui.engine.work import Prepared, perform
from geomreg_tui.experiment import Experiment
from geomreg_tui.runner.preparing import prepare
from geomreg_tui.sampling.pieces import ChunkWork
from geomreg_tui.splitting.pieces import LevelsResult, LevelsWork, TrialResult, TrialWork
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.splitting.result import PopulationResult, Tail
from geomreg_tui.summary import ChunkResult
from tests.making import preparation

VALUES = {"data": "gaussian", "inputs": 2, "examples": 2, "width": 4, "depth": 1, "chunk_size": 64}
PLAN = TailPlan(log10_volume=-1.0, population=32, repeats=1)

# Reads pickles from files in a process that cannot import torch, and prints what they are.
SCRIPT = """
import pickle, sys
sys.modules["torch"] = None
for path in sys.argv[1:]:
    with open(path, "rb") as file:
        print(type(pickle.load(file)).__name__)
"""


@pytest.mark.parametrize(
    "extra", [{}, {"activation": "tanh", "loss": "cross_entropy", "data": "iris", "inputs": 4}]
)
def test_every_kind_of_answer_is_read_without_torch(tmp_path, extra):
    experiment = Experiment.parse(VALUES | extra)
    prepared = prepare(preparation(experiment))
    deep = prepare(preparation(experiment, deep=True))
    resolved = deep.facts.experiment
    tried = perform(TrialWork(resolved, PLAN), "cpu")
    tail = Tail(PLAN, tried.kernel, tried.space, (PopulationResult.empty(),))
    leg = LevelsWork(resolved, tail.in_use, 0, None, 0, 60.0)
    answers = [
        prepared,
        perform(ChunkWork(prepared.facts.experiment, 0, keep=3), "cpu"),
        tried,
        perform(leg, "cpu"),
    ]
    assert [type(answer) for answer in answers] == [Prepared, ChunkResult, TrialResult, LevelsResult]
    files = []
    for number, answer in enumerate(answers):
        files.append(tmp_path / f"{number}.pickle")
        files[-1].write_bytes(pickle.dumps(answer))
    read = subprocess.run([sys.executable, "-c", SCRIPT, *files], capture_output=True, text=True, check=False)
    assert read.stdout.split() == ["Prepared", "ChunkResult", "TrialResult", "LevelsResult"], read.stderr
