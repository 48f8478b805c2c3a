"""Each table of the benchmarks can be made, at its smallest size, with figures in its cells."""

import re

import pytest

from benchmarks.__main__ import SMOKE, TABLES


def test_every_table_has_a_smallest_size_but_that_of_the_terminal():
    assert set(TABLES) - set(ROWS) == {"terminal"}  # whose parts are tests of their own
    assert set(SMOKE) == set(ROWS)


LONG = ("tail", "overhead", "cluster", "gpu", "others")
ROWS = {
    "throughput": r"\| 2 \| 1 \| 8 \| 1 \| radial (\| [\d,]+ ){4}(\| [\d,.]+ ){3}\|",
    "memory": r"\| 1e\+03 \| \d+ \| \d+ \| \d+ \| \d+\.\d \|",
    "overhead": r"\| one example.* \| \d+\.\d \| (\d+\.\d|–) \| \d+\.\d\d% \| (\d+\.\d+|–) \|",
    "primitives": r"\| Cholesky root, 16 x 16 \| [\d,.]+ \|",
    "training": r"\| 1 \| 16 \| \d+ \| [\d,]+ \| [\d,]+ \| [\d,]+ \| [\d,.]+ \| [\d,.]+ \|",
    "tail": r"\| linear.* \| geomreg-tui \| 50 particles \| .* \| -(49|50|51)\.\d\d \|",
    "cluster": r"\| one example, width 64 \| chunk \| [\d,]+ \| [\d,]+ \|",
    "gpu": r"(?s)^(?!.*(WRONG|NO)).*\| a run, killed and gone on with \| yes \|.*"
    r"\| 2 \| 1 \| 8 \| 1 (\| [\d,.]+ ){5}\|",
    "others": r"\| geomreg-tui \| [\d,]+ \| \d+ \| 0 \| [\d,]+ \|",
    "gradients": r"\| 2 \| 4 \| [\d,]+ \| [\d,]+ \| [\d,]+ \| [\d,]+ \| (direct|projected) \| ×\d+\.\d \|",
    "subspaces": r"\| 2 \| 1 \| 4 \| 3 \| [\d,]+ \| [\d,]+ \| ×\d+\.\d \|",
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.full] if name in LONG else []) for name in ROWS]
)
def test_a_table_can_be_made(name):
    assert re.search(ROWS[name], SMOKE[name]()), name
