"""Run and sweep directories made without an engine, from losses that numpy draws."""

from __future__ import annotations

import math

import numpy as np

from geomreg_tui.experiment import Experiment
from geomreg_tui.rundir import RunState, Status
from geomreg_tui.rundir.status import write_status
from geomreg_tui.rundir.store import write_json
from geomreg_tui.sampling.packs import Pack
from geomreg_tui.sampling.store import packs_of
from geomreg_tui.summary import Facts, JointHistogram, LossHistogram, Moments, Overlay, Summary
from tests.making import new_run

ENVIRONMENT = {"torch": "2.9", "device": "cpu", "device_kind": "x86_64 AVX2"}


def make_run(
    path,
    losses,
    *,
    given_up=(),
    support=("box", 0.5),
    state=RunState.DONE,
    null_loss=1.0,
    constant_loss=0.9,
    parameters=100,
    held=None,
    resolution=0.0,
    zeros_exact=True,
    dead=None,
    **asked,
):
    """Make a complete run of these losses, held-out performance included where it is asked for."""
    experiment = Experiment.parse(asked)
    resolved = experiment.replace(sampler="direct", chunk_size=losses.size, batch_size=100)
    grid = np.linspace(0, 3, 301) * null_loss
    facts = Facts(
        resolved, 64, 3, parameters, math.inf, null_loss, constant_loss, "asked for", ("made <here> & now",),
        support, (Overlay("a law of $x$ and $y", grid, np.linspace(0, 1, 301)),), resolution, zeros_exact,
    )  # fmt: skip
    run = new_run(path, facts, ENVIRONMENT, losses.size, 0, experiment)
    joint = None
    if experiment.held_out:
        correct = np.random.default_rng(1).binomial(experiment.held_out, 0.4, losses.size)
        joint = JointHistogram.from_losses(
            losses, losses + 1 if held is None else held, correct, experiment.held_out
        )
    histogram = LossHistogram.from_losses(losses, 12, null_loss, 1e-9)
    packs_of(run).append(
        0, 1, Pack(Summary(histogram, Moments.from_losses(losses, null_loss), joint, dead), np.empty(0))
    )
    write_status(path, Status(state, losses.size, losses.size, 2.0, given_up=tuple(given_up)))
    return run


def two_modes(samples=4000, share=0.4, seed=0):
    """Return losses with a mode at 0, one near 1, exact zeros and an atom at 1."""
    generator = np.random.default_rng(seed)
    near = 0.1 * generator.standard_normal(samples) ** 2
    central = np.abs(1 + 0.15 * generator.standard_normal(samples))
    losses = np.where(generator.random(samples) < share, near, central)
    losses[:50], losses[50:150] = 0.0, 1.0
    return losses


def make_sweep(path, widths=(2, 4, 8), **asked):
    """Make a sweep over the width in which the zero mode grows with it."""
    for number, width in enumerate(widths):
        make_run(path / f"width={width}", two_modes(share=0.2 + 0.2 * number), width=width, **asked)
    points = [{"settings": {"width": width}} for width in widths]
    write_json(path / "sweep.json", {"schema": 1, "factors": {"width": list(widths)}, "points": points})
    return path
