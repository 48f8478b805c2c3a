"""Which devices a name means, where there are GPUs and where there are none."""

import os
import subprocess
import sys

import pytest
import torch

from geomreg_tui.errors import ExperimentError
from geomreg_tui.experiment import Experiment
from geomreg_tui.sampling import device
from geomreg_tui.sampling.cost import network_cost
from geomreg_tui.sampling.device import environment, resolve_devices
from geomreg_tui.sampling.resolve import sizes
from geomreg_tui.shapes import layer_shapes

KINDS = ["big", "big", "small", "big"]


@pytest.fixture
def gpus(monkeypatch):
    monkeypatch.setattr(device, "_GPU_DEVICES", ("/dev/null",))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(KINDS))
    monkeypatch.setattr(torch.cuda, "get_device_name", KINDS.__getitem__)


@pytest.mark.parametrize(
    ("name", "devices"),
    [
        ("auto", ("cuda:0", "cuda:1", "cuda:3")),
        ("cuda", ("cuda:0", "cuda:1", "cuda:3")),
        ("cpu", ("cpu",)),
        ("cuda:1", ("cuda:1",)),
        ("cuda:2", ("cuda:2",)),
        ("cuda:3, cuda:0,cuda:3", ("cuda:3", "cuda:0")),
    ],
)
def test_names_with_gpus(gpus, name, devices):
    assert resolve_devices(name) == devices


@pytest.mark.parametrize("name", ["cuda:4", "cuda:", "gpu", "", "cuda:0,cpu", "cuda:0,", "cuda:-1"])
def test_what_is_not_there_is_refused_with_what_is(gpus, name):
    with pytest.raises(ExperimentError, match="auto, cpu, cuda, cuda:0, cuda:1, cuda:2, cuda:3"):
        resolve_devices(name)


def test_gpus_of_different_kinds_would_give_different_bits(gpus):
    with pytest.raises(ExperimentError, match=r"cuda:1 \(big\), cuda:2 \(small\); .* of one kind"):
        resolve_devices("cuda:1,cuda:2")


def test_without_gpus(monkeypatch):
    monkeypatch.setattr(device, "_GPU_DEVICES", ("/dev/null",))
    assert resolve_devices("auto") == ("cpu",)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_devices("auto") == resolve_devices("cpu") == ("cpu",)
    with pytest.raises(ExperimentError, match="here there are auto, cpu"):
        resolve_devices("cuda")


def test_the_environment_names_what_the_bits_depend_on():
    found = environment("cpu")
    assert found["torch"] == torch.__version__
    assert found["device"] == "cpu"
    assert set(found) == {"geomreg_tui", "torch", "numpy", "python", "device", "device_kind"}


@pytest.mark.parametrize(
    "asked", ["", "avx2", *(pytest.param(name, marks=pytest.mark.full) for name in ("default", "avx512"))]
)
def test_the_kind_of_instructions_is_what_torch_says_it_takes(asked):
    """It is known without torch, whose import takes longer than a small run."""
    code = """
from geomreg_tui.sampling.device import cpu_capability
found = cpu_capability()
import torch
print(found, torch.backends.cpu.get_cpu_capability())
"""
    answer = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "ATEN_CPU_CAPABILITY": asked},
        capture_output=True,
        text=True,
        check=True,
    )
    found, expected = answer.stdout.split()
    assert found == expected


@pytest.mark.parametrize("gigabytes", [1, 8, 140])
@pytest.mark.parametrize(
    "values",
    [
        {"data": "digits", "width": 16, "examples": 1},
        {"data": "digits", "width": 64, "depth": 3, "examples": 16},
        {"data": "digits", "width": 4096, "depth": 3, "examples": 64},
        {"data": "digits", "arch": "conv", "width": 32, "examples": 8},
    ],
)
def test_a_batch_on_a_gpu_is_large_and_fits_into_its_memory(values, gigabytes):
    """A batch of 2**18 numbers at least, where there is room: an H200 makes as many normals in 3 us."""
    shapes = layer_shapes(Experiment.parse(values), (1, 8, 8), 1)
    for sampler in ("direct", "projected"):
        elements = network_cost(shapes, values["examples"], sampler).elements
        chunk, batch = sizes(shapes, values["examples"], sampler, gpu_bytes=gigabytes * 2**30)
        on_cpu = sizes(shapes, values["examples"], sampler)[1]
        assert chunk % batch == 0
        assert batch == 1 or batch * elements * 64 <= gigabytes * 2**30
        assert batch >= min(2 * on_cpu, gigabytes * 2**30 // (128 * elements))
        assert batch * elements >= 2**18
