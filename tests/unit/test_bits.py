"""Experiments and tails that give what they gave, to the last bit, on machines where that was recorded.

After a change of bits that is meant, ``python -m tests.unit.bits`` prints the file anew.
"""

import json

import pytest

from geomreg_tui.experiment import Experiment, choices
from tests.processors import CAPABILITIES, is_common

from . import bits

COVERED = {
    "sampler": set(choices("sampler")) - {"auto"},
    "activation": set(choices("activation")),
    "loss": set(choices("loss")),
    "arch": set(choices("arch")) - {"custom"},
    "residual": {True, False},
    "layer_norm": {True, False},
    "bias": {True, False},
    "dtype": set(choices("dtype")),
}
FAMILIES = (
    "normal", "uniform", "truncated", "torch_default", "orthogonal", "sparse", "laplace", "student_t",
    "binary", "sphere", "ball",
)  # fmt: skip
LONG = [pytest.param(name, marks=pytest.mark.full) for name in CAPABILITIES if name != "default"]


def recorded(capability):
    """Return the record of a capability on this machine, or skip the test and say what is recorded."""
    here = bits.here(capability)
    if capability == "default" and not is_common():
        pytest.skip(f"no bits are recorded for processors without AVX2 and FMA, such as {here['processor']}")
    records = [r for r in json.loads(bits.STORED.read_text()) if r["capability"] == capability]
    (record,) = records
    differs = [f"{key} is {here[key]}, recorded is {record[key]}" for key in here if here[key] != record[key]]
    if differs:
        pytest.skip(f"no bits are recorded for this machine: {'; '.join(differs)}")
    return record


def test_every_sampler_family_of_laws_loss_and_activation_is_among_them():
    experiments = [Experiment.parse({**bits.SIZES, **values}) for values in bits.EXPERIMENTS.values()]
    for key, wanted in COVERED.items():
        assert {getattr(experiment, key) for experiment in experiments} >= wanted, key
    laws = {experiment.init for experiment in experiments}
    assert all(any(law == name or law.endswith(f"_{name}") for law in laws) for name in FAMILIES)
    assert any(experiment.held_out for experiment in experiments)
    assert len(experiments) >= 10


@pytest.mark.parametrize("capability", ["default", *LONG])
def test_experiments_give_the_bits_that_are_recorded(capability):
    record = recorded(capability)
    assert bits.drawn(capability, "sampled")["sampled"] == record["sampled"]


@pytest.mark.parametrize("capability", ["default", *LONG])
def test_tails_give_the_bits_that_are_recorded(capability):
    record = recorded(capability)
    assert bits.drawn(capability, *bits.TAILS) == {name: record[name] for name in bits.TAILS}
