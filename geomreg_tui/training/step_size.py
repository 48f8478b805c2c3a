"""The largest stable step of each network: lambda_max of the Gauss-Newton matrix at the start.

The matrix is J^T H J, with J the derivatives of the outputs by the parameters and H the second derivative of
the loss by the outputs. Gradient descent on its quadratic form is stable for steps up to 2 / lambda_max.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from geomreg_tui.batched import per_network, squared_norm
from geomreg_tui.losses.slopes import curve_of_loss
from geomreg_tui.training.ensemble import Ensemble, Examples
from geomreg_tui.training.networks import Networks, Parameters
from geomreg_tui.training.plan import ADAM_STEP

__all__ = ["TOLERANCE", "Curvature", "curvature", "needs_curvature", "step_sizes"]

TOLERANCE = 1e-4  # change of lambda_max, relative, at which the iteration stops
_MOST_ITERATIONS = 200
_SEED = 9  # of the direction that the iteration begins with


class Curvature(NamedTuple):
    """The largest curvature of the loss of each network.

    Attributes:
        largest: lambda_max of the Gauss-Newton matrix, a little below the true one, float64 (networks,).
        dead: whether no output changes with any parameter that is trained, bool (networks,).
    """

    largest: Tensor
    dead: Tensor


def curvature(
    ensemble: Ensemble,
    networks: Networks,
    parameters: Parameters,
    examples: Examples,
    *,
    flat: bool = False,
) -> Curvature:
    """Return lambda_max of the Gauss-Newton matrix of each network, by power iteration.

    1. Begin with a random direction u of the outputs, the same for all networks. A network whose J^T u is
       exactly 0 is dead; lambda_max is 0.
    2. g = J^T u / ||J^T u||; the estimate is the Rayleigh quotient (J g)^T H (J g), which never falls but for
       rounding.
    3. u = H J g, and again, until the estimate of a network has changed by less than ``TOLERANCE`` of
       itself. From then on it stays as it is, so that it does not depend on other networks.

    Args:
        ensemble: says what the loss is.
        networks: what is trained.
        parameters: of the networks.
        examples: the training examples.
        flat: look for dead networks alone; ``largest`` is 0 then.
    """
    loss = ensemble.experiment.loss
    done = networks.run(parameters, examples.inputs)
    outputs = done.outputs
    generator = torch.Generator(outputs.device).manual_seed(_SEED)
    u = torch.randn(outputs.shape[1:], dtype=outputs.dtype, device=outputs.device, generator=generator)
    directions = networks.gradients(done, u.expand_as(outputs).contiguous())
    size = squared_norm(directions)
    dead = torch.stack([(tensor == 0).flatten(1).all(dim=1) for tensor in directions]).all(dim=0)
    largest = torch.zeros_like(size)
    if flat:
        return Curvature(largest, dead)
    going = ~dead
    for _ in range(_MOST_ITERATIONS):
        scale = torch.where(size > 0, size.rsqrt(), 0.0)
        directions = tuple(
            tensor * per_network(scale.to(tensor.dtype), tensor.dim()) for tensor in directions
        )
        along = networks.derivatives(done, directions)
        bent = curve_of_loss(loss, outputs, examples.targets, along)
        estimate = (along * bent).to(torch.float64).sum(dim=(1, 2))
        settled = (estimate - largest).abs() <= TOLERANCE * estimate.abs()
        largest = torch.where(going, estimate, largest)
        going = going & ~settled & estimate.isfinite()
        if not bool(going.any()):
            break
        directions = networks.gradients(done, bent)
        size = squared_norm(directions)
    return Curvature(largest, dead)


def step_sizes(ensemble: Ensemble, found: Curvature) -> Tensor:
    """Return the step size of each network, float64 (networks,); infinite where no curvature limits it."""
    plan = ensemble.plan
    fixed = plan.lr if plan.lr is not None or plan.optimizer != "adam" else ADAM_STEP
    if fixed is not None:
        return torch.full_like(found.largest, fixed)
    return 2 * plan.lr_share / found.largest


def needs_curvature(ensemble: Ensemble) -> bool:
    """Return whether step sizes depend on the curvature."""
    return ensemble.plan.lr is None and ensemble.plan.optimizer != "adam"
