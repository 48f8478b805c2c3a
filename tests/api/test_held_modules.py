"""Modules that no other process can import: drawn in this one, to the bits of a module that can be."""

import os
import subprocess
import sys

import pytest
import torch

import geomreg_tui as geomreg
from geomreg_tui.held import held_copy, hold, is_held
from geomreg_tui.rundir import RunDirectory
from geomreg_tui.runner import RunHandle

KEYS = {"data": "iris", "examples": 4, "chunk_size": 500, "progress": False}
SAMPLES = 3000
WARNING = "is drawn in this process, by one worker"
NETS = """
import torch

def make():
    first, last = torch.nn.Linear(4, 6, bias=False), torch.nn.Linear(6, 1, bias=False)
    return torch.nn.Sequential(first, torch.nn.Tanh(), last)
"""


def network(width=6, bias=False):
    return torch.nn.Sequential(
        torch.nn.Linear(4, width, bias=bias), torch.nn.Tanh(), torch.nn.Linear(width, 1, bias=bias)
    )


def sample(module, samples=SAMPLES, **more):
    with pytest.warns(UserWarning, match=WARNING):
        return geomreg.sample(module=module, samples=samples, **KEYS, **more)


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The digest of a run whose factory another process imports."""
    folder = tmp_path_factory.mktemp("nets")
    (folder / "nets_held.py").write_text(NETS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", str(folder))
        patch.setenv("GEOMREG_HOME", str(folder))
        result = geomreg.sample(module="nets_held:make", samples=SAMPLES, **KEYS)
    return result.summary.histogram.digest()


def test_an_object_a_lambda_and_a_local_function_give_the_bits_of_a_factory(expected):
    for module in (network(), lambda: network()):
        result = sample(module)
        assert result.summary.histogram.digest() == expected
        assert result.verify().problems == ()
        assert (result.experiment.arch, is_held(result.experiment.module)) == ("custom", True)
        assert geomreg.load(result.path).summary.samples == SAMPLES


def test_a_run_goes_on_where_the_same_module_is_handed_over_again(expected):
    def stop(snapshot):
        if snapshot.samples:
            raise KeyError("enough")

    with pytest.raises(KeyError):
        sample(network(), samples=10**7, on_snapshot=stop)
    (entry,) = geomreg.runs()
    half = geomreg.load(entry)
    with pytest.raises(geomreg.ExperimentError, match="code is imported only where it is named again"):
        half.resume(progress=False)
    with pytest.warns(UserWarning, match=WARNING), pytest.raises(geomreg.ExperimentError, match="module"):
        half.resume(module=network(7), progress=False)
    kept = half.summary.samples
    with pytest.warns(UserWarning, match=WARNING):
        more = half.resume(kept + 700, module=network(), progress=False, on_snapshot=None)
    assert more.summary.samples >= kept
    whole = sample(network(), samples=more.summary.samples)
    assert more.summary.histogram.digest() == whole.summary.histogram.digest()


def test_another_process_says_whose_it_was():
    name = sample(network()).experiment.module
    script = (
        "import sys\nfrom geomreg_tui.errors import ExperimentError\n"
        "from geomreg_tui.networks.factory import call_factory\n"
        "try: call_factory(sys.argv[1])\nexcept ExperimentError as error: print(error)"
    )
    said = subprocess.run([sys.executable, "-c", script, name], capture_output=True, text=True, check=True)
    assert "it was handed over as an object, which only the process that did so knows" in said.stdout


def test_nobody_signals_the_process_of_a_person():
    holders = []

    def look(snapshot):
        if not holders:
            (entry,) = geomreg.runs()
            holders.append(RunDirectory.open(entry.path).engine())
            RunHandle(entry.path).stop(hurry=True)

    result = sample(network(), samples=10**7, on_snapshot=look)
    assert (holders[0].pid, holders[0].here) == (os.getpid(), False)
    assert 0 < result.summary.samples < 10**7


def test_the_name_is_made_of_what_the_module_is():
    assert hold(network()) == hold(network())  # the init law draws the weights
    assert hold(network()) != hold(network(7))
    torch.manual_seed(0)
    one, other = network(bias=True), network(bias=True)
    assert hold(one) != hold(other)  # nothing draws biases of a person's own module
    kept = held_copy(hold(one))
    assert kept is not one
    assert torch.equal(kept[0].bias, one[0].bias)
    with pytest.raises(LookupError, match="hand the same module over again"):
        held_copy("geomreg_tui.held:Net_0123456789ab")
