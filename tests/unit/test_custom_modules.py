"""A person's own modules, those that vmap cannot take among them: every way against a loop written here."""

import re
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional

from geomreg_tui.errors import ExperimentError, ModuleError
from geomreg_tui.experiment import Experiment
from geomreg_tui.networks.factory import call_factory
from geomreg_tui.sampling.sampler import Sampler
from geomreg_tui.sampling.work import prepare, run_chunk

BASE = {"arch": "custom", "data": "iris", "examples": 5, "held_out": 3, "chunk_size": 24, "batch_size": 8}


class Net(nn.Module):
    """Two layers with whatever is done between them."""

    def __init__(self, between=lambda self, hidden: hidden.relu(), **parts) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 6), nn.Linear(6, 1)
        self.between = between
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x):
        return self.last(self.between(self, self.first(x)))


def plain() -> nn.Module:
    return Net()


def attention() -> nn.Module:
    return Net(lambda self, h: self.mix(h, h, h)[0], mix=nn.MultiheadAttention(6, 2))


def normed() -> nn.Module:
    return Net(lambda self, h: self.norm(h).tanh(), norm=nn.BatchNorm1d(6))


def counting() -> nn.Module:
    def between(self, hidden):
        self.seen += 1  # in place, in a buffer
        return hidden * self.seen

    module = Net(between)
    module.register_buffer("seen", torch.zeros(()))
    return module


def shifting() -> nn.Module:
    class Shifting(Net):
        def forward(self, x):
            x += 1  # the caller's own tensor
            return super().forward(x)

    return Shifting()


def item() -> nn.Module:
    return Net(lambda self, h: h * h.abs().max().item())


def branch() -> nn.Module:
    return Net(lambda self, h: h.relu() if h.sum() > 0 else h.tanh())


def recurrent() -> nn.Module:
    return Net(lambda self, h: self.cell(h.unsqueeze(1))[0][:, 0], cell=nn.LSTM(6, 6))


def in_place() -> nn.Module:
    def between(self, hidden):
        kept = torch.zeros(hidden.shape, dtype=hidden.dtype)
        kept[:, :3] = hidden[:, :3]
        return kept

    return Net(between)


def batch_norm_in_training() -> nn.Module:
    def between(self, hidden):
        self.norm.train()
        return self.norm(hidden)

    return Net(between, norm=nn.BatchNorm1d(6))


def through_numpy() -> nn.Module:
    return Net(lambda self, h: torch.from_numpy(h.numpy() ** 2))


def seeded_noise() -> nn.Module:
    def between(self, hidden):
        generator = torch.Generator().manual_seed(3)
        return hidden + torch.randn(hidden.shape, generator=generator)

    return Net(between)


AT_ONCE = [plain, attention, normed, counting, shifting]
ONE_BY_ONE = [item, branch, recurrent, in_place, batch_norm_in_training, through_numpy, seeded_noise]


def experiment(make, **values) -> Experiment:
    return Experiment.parse({**BASE, "module": f"{__name__}:{make.__name__}", **values})


class Given:
    """Hands out given weights, and none as biases, in order."""

    def __init__(self, weights) -> None:
        self.batch, self._weights = len(weights[0]), iter(weights)

    def weights(self, shape):
        return next(self._weights), None

    def linear(self, shape, activations):
        raise NotImplementedError("a module of one's own asks for whole weights")


@pytest.mark.parametrize("make", [*AT_ONCE, *ONE_BY_ONE])
def test_outputs_are_those_of_a_module_that_is_given_the_weights(make) -> None:
    sampler = Sampler(experiment(make, dtype="float64"))
    assert sampler.network.one_by_one is (make in ONE_BY_ONE)
    generator = torch.Generator().manual_seed(1)
    weights = [
        torch.randn(7, shape.n_out, shape.n_in, generator=generator, dtype=torch.float64)
        for shape in sampler.network.shapes
    ]
    for _ in range(2):  # nothing is kept from the first to the second
        with torch.inference_mode():
            ours = sampler.network.forward(sampler.x, Given(weights))
        for network in range(7):
            torch.manual_seed(0)
            module = make().double().eval()
            drawn = [p for p in module.parameters() if p.dim() > 1]
            for parameter, tensor in zip(drawn, weights, strict=True):
                parameter.data = tensor[network].reshape(parameter.shape).clone()
            for name, parameter in module.named_parameters():
                if name.endswith(".bias") and parameter.dim() == 1 and not name.startswith("norm"):
                    parameter.data.zero_()
            with torch.no_grad():
                expected = module(sampler.x.clone())
            torch.testing.assert_close(ours[network].T, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("make", ONE_BY_ONE)
def test_one_by_one_is_said_and_does_not_depend_on_the_batch(make) -> None:
    ready = prepare(experiment(make))
    reason = ready.facts.sampler_reason
    assert "one by one, which is slower" in reason
    assert make.__name__ in reason
    assert "vmap" in reason
    sampler = Sampler(ready.facts.experiment)
    generator = torch.Generator().manual_seed(5)
    weights = [torch.randn(8, s.n_out, s.n_in, generator=generator) for s in sampler.network.shapes]
    with torch.inference_mode():
        whole = sampler.network.forward(sampler.x, Given(weights))
        parts = [
            sampler.network.forward(sampler.x, Given([tensor[a:b] for tensor in weights]))
            for a, b in ((0, 1), (1, 3), (3, 8))
        ]
    assert torch.equal(whole, torch.cat(parts))


@pytest.mark.parametrize("make", [recurrent, batch_norm_in_training, counting])
def test_a_chunk_has_the_same_bits_whatever_was_drawn_before(make) -> None:
    resolved = prepare(experiment(make)).facts.experiment
    digests = [run_chunk(resolved, 2).summary.histogram.digest() for _ in range(2)]
    from geomreg_tui.sampling import work

    work._sampler.cache_clear()  # as in another worker
    torch.manual_seed(99)
    run_chunk(resolved, 0)
    digests.append(run_chunk(resolved, 2).summary.histogram.digest())
    assert len(set(digests)) == 1


def test_chunks_of_modules_that_are_evaluated_one_by_one_are_smaller() -> None:
    sizes = {make: prepare(experiment(make, chunk_size=None)).facts.experiment for make in (plain, branch)}
    assert sizes[branch].chunk_size <= 2048 < sizes[plain].chunk_size


def noise() -> nn.Module:
    return Net(lambda self, h: h + torch.randn(h.shape))


def rare_noise() -> nn.Module:
    return Net(lambda self, h: h + (torch.rand(()) < 1e-6))


def dropout() -> nn.Module:
    return Net(lambda self, h: functional.dropout(h, 0.5, True))


def numpy_noise() -> nn.Module:
    import numpy as np

    return Net(lambda self, h: h * float(np.random.rand()))  # noqa: NPY002


def remembering() -> nn.Module:
    def between(self, hidden):
        self.last_mean, before = hidden.mean(), getattr(self, "last_mean", 0)
        return hidden + before

    return Net(between)


@pytest.mark.parametrize("make", [noise, rare_noise, dropout, numpy_noise, remembering])
def test_outputs_that_depend_on_more_than_weights_and_inputs_are_refused(make) -> None:
    with pytest.raises(ExperimentError, match="change from call to call") as caught:
        prepare(experiment(make))
    assert [problem.key for problem in caught.value.problems] == ["module"]


def fixed_size() -> nn.Module:
    return Net(lambda self, h: h.view(2, 6))


def whole_numbers() -> nn.Module:
    class Rounded(Net):
        def forward(self, x):
            return super().forward(x).round().int()

    return Rounded()


def another_each_time() -> nn.Module:
    import os

    module = Net()
    module.register_buffer("salt", torch.tensor(list(os.urandom(8))))
    return module


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (fixed_size, "fails on inputs of shape (8, 4)"),
        (whole_numbers, "numbers of type torch.int32"),
        (another_each_time, "another module at each call"),
    ],
)
def test_a_module_that_fits_two_examples_only_or_none_is_refused(make, said) -> None:
    with pytest.raises(ExperimentError) as caught:
        prepare(experiment(make))
    assert said in str(caught.value)


def failing_for_some() -> nn.Module:
    def between(self, hidden):
        if float(hidden.abs().max()) > LIMIT:
            raise ValueError("too large for me")
        return hidden

    return Net(between)


LIMIT = 1e9


def test_an_error_that_comes_with_some_weights_says_that_it_is_the_modules_own(monkeypatch) -> None:
    resolved = prepare(experiment(failing_for_some)).facts.experiment
    run_chunk(resolved, 0)
    monkeypatch.setitem(globals(), "LIMIT", 1.0)
    with pytest.raises(ModuleError, match=r"failing_for_some fails \(ValueError: too large"):
        run_chunk(resolved, 1)


def test_trying_a_module_out_leaves_the_generators_of_the_person_alone() -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prepare(experiment(seeded_noise, seed=12))
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    "name", ["nowhere_to_be_found:make", "nowhere_to_be_found.nets:make", "torch.nowhere:make"]
)
def test_a_module_that_is_not_found_is_refused_with_where_it_was_looked_for(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ExperimentError, match=re.escape(f"looked for in {tmp_path}, on PYTHONPATH")):
        call_factory(name)


def test_a_module_whose_own_import_fails_is_not_said_to_be_missing(tmp_path, monkeypatch):
    (tmp_path / "needs_another.py").write_text("import nowhere_to_be_found\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ExperimentError, match="No module named 'nowhere_to_be_found'") as caught:
        call_factory("needs_another:make")
    assert "looked for" not in str(caught.value)
