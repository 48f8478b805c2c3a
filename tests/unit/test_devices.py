"""Which devices a name means, where there are GPUs and where there are none."""

import pytest
import torch

from geomreg_tui.errors import ExperimentError
from geomreg_tui.sampling import environment, resolve_devices


@pytest.fixture
def gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)


@pytest.mark.parametrize(
    ("name", "devices"),
    [
        ("auto", ("cuda:0", "cuda:1", "cuda:2")),
        ("cuda", ("cuda:0", "cuda:1", "cuda:2")),
        ("cpu", ("cpu",)),
        ("cuda:1", ("cuda:1",)),
        ("cuda:2, cuda:0,cuda:2", ("cuda:2", "cuda:0")),
    ],
)
def test_names_with_gpus(gpus, name, devices):
    assert resolve_devices(name) == devices


@pytest.mark.parametrize("name", ["cuda:3", "cuda:", "gpu", "", "cuda:0,cpu", "cuda:0,", "cuda:-1"])
def test_what_is_not_there_is_refused_with_what_is(gpus, name):
    with pytest.raises(ExperimentError, match="auto, cpu, cuda, cuda:0, cuda:1, cuda:2"):
        resolve_devices(name)


def test_without_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_devices("auto") == resolve_devices("cpu") == ("cpu",)
    with pytest.raises(ExperimentError, match="here there are auto, cpu"):
        resolve_devices("cuda")


def test_the_environment_names_what_the_bits_depend_on():
    found = environment("cpu")
    assert found["torch"] == torch.__version__
    assert found["device"] == "cpu"
    assert set(found) == {"geomreg_tui", "torch", "numpy", "python", "device", "device_kind"}
