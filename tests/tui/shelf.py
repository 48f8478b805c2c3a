"""Run directories made without an engine, as many as a test needs."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from geomreg_tui.experiment import Experiment
from geomreg_tui.rundir import RunDirectory, RunState, Status, runs_root
from geomreg_tui.runner.snapshot import to_stored
from geomreg_tui.sampling.packs import Pack
from geomreg_tui.sampling.store import packs_of
from tests.making import new_run

from .fakes import facts_of, losses_of, snapshot_of, summary_of

CHUNK = 1_000


def experiment_of(**settings: object) -> Experiment:
    return Experiment.parse({"data": "digits", "chunk_size": CHUNK, "batch_size": 10, **settings})


def name_of(number: int) -> str:
    """Return the name of a run; of a higher number, of a newer one."""
    return f"20260{1 + number // 40_000}01-{number % 40_000:06d}-mlp-01234567"


def put_run(
    number: int,
    state: RunState = RunState.DONE,
    *,
    samples: int = 1_000,
    target: int = 2_000,
    live: int = 0,
    committed: int = 0,
    asked: Experiment | None = None,
    **status: object,
) -> RunDirectory:
    """Make one run in the catalogue.

    Args:
        number: of its name.
        state: what its status says.
        samples, target: what its status says.
        live: networks of the live snapshot, in thousands; none without.
        committed: chunks of a thousand networks each.
        asked: the experiment as it was given.
        status: more of what its status says.
    """
    asked = asked or experiment_of()
    facts = facts_of(Experiment.parse({**asked.model_dump(exclude_unset=True), "sampler": "direct"}))
    run = new_run(runs_root() / name_of(number), facts, {"torch": "x"}, target, 0, asked)
    for chunk in range(committed):
        losses = losses_of(facts.experiment, CHUNK)
        packs_of(run).append(chunk, chunk + 1, Pack.of_chunk(summary_of(losses), np.empty(0)))
    if live:
        snapshot = snapshot_of(facts.experiment, live * 1_000, state, target=target, atoms=0)
        run.write_live(to_stored(snapshot))
    run.write_status(Status(state, samples, target, **{"about": facts.describe(), **status}))
    return run


def put_many(count: int) -> None:
    """Make so many runs quickly: their files are one set of files under many names."""
    original = put_run(0)
    for number in range(1, count):
        path = runs_root() / name_of(number)
        (path / "chunks").mkdir(parents=True)
        for file in original.path.iterdir():
            if file.is_file():
                os.link(file, path / file.name)


def damage(path: Path) -> None:
    """Flip a bit of a file."""
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
