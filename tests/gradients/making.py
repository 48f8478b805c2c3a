"""Experiments to observe, and the same numbers from torch's own differentiation of single networks."""

import itertools

import numpy as np
import torch
from torch.nn import functional

from geomreg_tui.experiment import Experiment
from geomreg_tui.gradients.observer import Observer
from geomreg_tui.gradients.pieces import ArrangeWork
from geomreg_tui.gradients.plan import OBSERVED, GradientPlan
from geomreg_tui.gradients.store import Planned
from geomreg_tui.gradients.work import arrange
from geomreg_tui.inits import Stream
from geomreg_tui.runner.preparing import prepare
from tests import seeds
from tests.making import begin_run, preparation
from tests.torch_activations import ACTIVATIONS
from tests.training.making import torch_loss

GRADIENTS = ("confusion", "ntk", "gradient_norm", "sharpness")


def experiment(**values):
    """Return an experiment on iris in float64, small unless said otherwise."""
    few = {"data": "iris", "examples": 6, "width": 5, "depth": 2, "dtype": "float64"}
    return Experiment.parse({**few, **values})


def observer(observe=GRADIENTS, *, pairs=None, walk_step=0.9, method="auto", **values):
    """Return an experiment made ready, with the names of :data:`OBSERVED` put in order."""
    plan = GradientPlan(tuple(n for n in OBSERVED if n in observe), 1000, pairs, walk_step, method)
    return Observer(experiment(**values), plan)


def begun(path, plan, **values):
    """Return a new run that an engine may take, of few networks besides those that are observed."""
    prepared = prepare(preparation(experiment(dtype="float32", **values)))
    found = arrange(ArrangeWork(prepared.facts.experiment, plan), "cpu")
    planned = Planned(plan, found.arrangement, found.laws)
    run, lease = begin_run(path, prepared.facts, prepared.environment, 1000, more=[planned])
    lease.release()
    return run


def observed(made, count, *key):
    """Return the observables of networks as arrays, and their losses; a batch at a time."""
    generator, parts = seeds.torch_generator(*key), []
    with torch.inference_mode():
        for first in range(0, count, made.arrangement.batch):
            batch = min(made.arrangement.batch, count - first)
            done = made.observe(batch, generator)
            parts.append({"loss": done.losses.double(), **done.values})
    return {name: torch.cat([part[name] for part in parts]).numpy() for name in parts[0]}


def parameters(made, batch, *key):
    """Return the weights and biases that ``made`` draws directly for a seed: of each layer, all networks."""
    stream = Stream(seeds.torch_generator(*key), made.sampler.device, made.sampler.x.dtype)
    law = made.sampler.law
    shared = law.begin(batch, stream)
    return [law.weights(shape, batch, stream, shared) for shape in made.sampler.network.shapes]


def perceptron(made):
    """Return a function of (parameters of one network, inputs) that is the MLP, in torch's own words."""
    e = made.experiment
    activation = ACTIVATIONS[e.activation]

    def forward(drawn, x):
        hidden = x.flatten(1)
        for weights, biases in drawn[:-1]:
            z = functional.linear(hidden, weights, biases)
            if e.layer_norm:
                z = functional.layer_norm(z, z.shape[1:])
            z = activation(z)
            hidden = z + hidden if e.residual and z.shape == hidden.shape else z
        return functional.linear(hidden, *drawn[-1])

    return forward


def one_of(drawn, network):
    return [(w[network], None if b is None else b[network]) for w, b in drawn]


def judged(made, forward, drawn):
    """Return observables of one network by ``torch.func``, from its whole Jacobian and every gradient.

    Args:
        made: an observer.
        forward: a function of (parameters, inputs) that returns (examples, C).
        drawn: parameters of the network.
    """
    x = made.sampler.x[: made.sampler.dataset.examples]
    targets = torch.from_numpy(made.sampler.objective.targets)
    loss = made.experiment.loss
    flat, rebuild = flattened(drawn)
    outputs = forward(rebuild(flat), x)
    jacobian = torch.func.jacrev(lambda p: forward(rebuild(p), x).T)(flat).flatten(0, 1)  # (C N, P)
    ntk = jacobian @ jacobian.T
    gradients = torch.stack(
        [
            torch.func.grad(
                lambda p, k=k: torch_loss(loss, forward(rebuild(p), x[k : k + 1]), targets[k : k + 1])
            )(flat)
            for k in range(len(x))
        ]
    )
    whole = torch.func.grad(lambda p: torch_loss(loss, forward(rebuild(p), x), targets))(flat)
    cosines, missing = [], 0
    for i, j in itertools.combinations(range(len(x)), 2):
        size = float(gradients[i].norm() * gradients[j].norm())
        if size:
            cosines.append(float(gradients[i] @ gradients[j]) / size)
        missing += not size
    found = {
        "missing": missing,
        "loss": float(torch_loss(loss, outputs, targets)),
        "ntk_trace": float(ntk.trace()),
        "gradient_norm": float(whole.norm()),
        "confusion_min": min(cosines, default=np.nan),
        "confusion_mean": float(np.mean(cosines)) if cosines else np.nan,
        "confusion_negative": float(np.mean(np.array(cosines) < 0)) if cosines else np.nan,
    }
    if loss in ("mse", "huber", "bce", "cross_entropy"):
        shape = outputs.T.shape
        slope = torch.func.grad(lambda f: torch_loss(loss, f.view(shape).T, targets))
        curved = torch.func.jacrev(slope)(outputs.T.flatten())
        found["sharpness"] = float(torch.linalg.eigvalsh(jacobian.T @ curved @ jacobian)[-1])
    return ntk, found


def flattened(drawn):
    """Return all parameters as one vector, and the way back."""
    tensors = [t for pair in drawn for t in pair if t is not None]
    sizes = [t.numel() for t in tensors]

    def rebuild(vector):
        rest = iter(part.view(t.shape) for part, t in zip(vector.split(sizes), tensors, strict=True))
        return [(next(rest), None if biases is None else next(rest)) for _, biases in drawn]

    return torch.cat([t.flatten() for t in tensors]), rebuild
