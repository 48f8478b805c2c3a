"""The command line that gives a run, or a sweep, again."""

from __future__ import annotations

import math
import os
import shlex
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from geomreg_tui.datasets import BUILT_IN, SYNTHETIC
from geomreg_tui.errors import plain_text
from geomreg_tui.experiment import Experiment
from geomreg_tui.gradients.plan import WALK_STEP, GradientPlan
from geomreg_tui.gradients.store import Planned
from geomreg_tui.rundir import RunDirectory, Status
from geomreg_tui.sampling.plan import read_plan
from geomreg_tui.splitting.checkpoints import TailFolder
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.sweeps.plan import REPLICATE, Factor, SweepPlan
from geomreg_tui.training.plan import TrainingPlan
from geomreg_tui.training.store import TrainingFolder

__all__ = [
    "experiment_arguments",
    "observe_arguments",
    "plan_command",
    "run_command",
    "shell_line",
    "sweep_command",
    "tail_arguments",
    "training_arguments",
]

PROGRAM = "geomreg-tui"
# What a run fixes of what was left open, and its bits depend on.
RESOLVED = ("sampler", "chunk_size", "batch_size")
_NO_OPTION = ("data_sha256",)
# Of a plan of training, what other options say.
_ELSEWHERE = ("optimizer", "trajectories", "batch", "observe", "pairs")


def run_command(run: RunDirectory, status: Status) -> str:
    """Return the shell command that draws the networks of a run again, to the same bits.

    The sampler and the sizes that the run fixed are named in it, and the kind of device, since defaults may
    differ in another version or on another machine. Its samples are those that are there; those that were
    asked for while the run goes on, or where there are none yet.

    Args:
        run: the run.
        status: its state and counts.

    Raises:
        RunDirectoryError: if the plan of the run cannot be read.
    """
    plan = read_plan(run)
    planned, keep = plan.samples, plan.keep_losses
    asked = _asked(run)
    samples = status.samples if status.state.over and status.samples else planned
    arguments = [*experiment_arguments(asked, run.facts.experiment), "--samples", str(samples)]
    device = str(run.environments[0].get("device", ""))
    if device:
        arguments += ["--device", device]
    if keep:
        arguments += ["--keep-losses", str(keep)]
    observed = Planned.read(run)
    if observed is not None:
        arguments += observe_arguments(observed.plan)
    tail, training = TailFolder.of(run).planned(), TrainingFolder(run).planned()
    if training is not None:
        deep = [] if tail is None else ["--tail", *tail_arguments(tail.plan, to_loss=False)]
        words = [PROGRAM, "train", *arguments, *training_arguments(training.plan), *deep]
        words += ["--volume-from", training.volume_run] if training.volume_run else []
        return _from(run.started_in, asked, words)
    if tail is not None:
        return _from(run.started_in, asked, [PROGRAM, "tail", *arguments, *tail_arguments(tail.plan)])
    return _from(run.started_in, asked, [PROGRAM, "run", *arguments])


def tail_arguments(plan: TailPlan, *, to_loss: bool = True) -> list[str]:
    """Return the options that say how deep a tail goes; its time limit, which changes its bits, too.

    Args:
        plan: the plan.
        to_loss: with the loss that it goes to.
    """
    arguments = ["--population", str(plan.population), "--repeats", str(plan.repeats)]
    if plan.loss and to_loss:
        arguments += ["--to-loss", repr(plan.loss)]
    if math.isfinite(plan.log10_volume):
        arguments += ["--to-log10-volume", repr(plan.log10_volume)]
    if math.isfinite(plan.seconds):
        arguments += ["--max-seconds", repr(plan.seconds)]
    if plan.kernel != "auto":
        arguments += ["--move", plan.kernel]
    return arguments


def training_arguments(plan: TrainingPlan) -> list[str]:
    """Return the options that say how networks are trained: each that is not the default."""
    default = TrainingPlan()
    arguments = ["--optimizer", plan.optimizer, "--trajectories", str(plan.trajectories)]
    for field in fields(TrainingPlan):
        value = getattr(plan, field.name)
        if field.name in _ELSEWHERE or value == getattr(default, field.name):
            continue
        arguments += [f"--{field.name.replace('_', '-')}", _spelled(value)]
    if plan.optimizer != "gd":
        arguments += ["--batch", "all" if plan.batch is None else str(plan.batch)]
    return arguments


def observe_arguments(plan: GradientPlan) -> list[str]:
    """Return the options that say what is observed of networks besides their loss."""
    arguments = ["--observe", ",".join(plan.observe), "--observed", str(plan.networks)]
    if plan.pairs is not None and "confusion" in plan.observe:
        arguments += ["--pairs", str(plan.pairs)]
    if plan.walks and plan.walk_step != WALK_STEP:
        arguments += ["--walk-step", repr(plan.walk_step)]
    return arguments


def sweep_command(run: RunDirectory, factors: Sequence[Factor]) -> str:
    """Return the shell command that runs a sweep again.

    Args:
        run: the first point of the sweep.
        factors: the factors, whose values at that point are left out.

    Raises:
        RunDirectoryError: if the plan of the run cannot be read.
    """
    tail, training = TailFolder.of(run).planned(), TrainingFolder(run).planned()
    observed = Planned.read(run)
    asked = _asked(run)
    if any(factor.key == REPLICATE for factor in factors):
        first = next(factor.values[0] for factor in factors if factor.key == REPLICATE)
        asked = asked.replace(seed=asked.seed - first, data_seed=asked.data_seed - first)
    plan = SweepPlan(
        asked,
        tuple(factors),
        read_plan(run).samples,
        None if tail is None else tail.plan,
        None if training is None else training.plan,
        None if observed is None else observed.plan,
    )
    return _from(run.started_in, plan.experiment, _sweep_words(plan))


def plan_command(plan: SweepPlan) -> str:
    """Return the shell command that runs a sweep, from its plan."""
    return shell_line(_sweep_words(plan))


def _sweep_words(plan: SweepPlan) -> list[str]:
    """Return the words of the command that runs a sweep."""
    arguments = experiment_arguments(plan.experiment, without={factor.key for factor in plan.factors})
    over = [word for factor in plan.factors for word in ("--over", _over(factor))]
    samples = ["--samples", str(plan.samples)]
    seen = [] if plan.observed is None else observe_arguments(plan.observed)
    trained = [] if plan.training is None else ["--training", *training_arguments(plan.training)]
    deep = [] if plan.tail is None else ["--tail", *tail_arguments(plan.tail, to_loss=plan.training is None)]
    return [PROGRAM, "sweep", *over, *arguments, *samples, *seen, *trained, *deep]


def experiment_arguments(
    asked: Experiment, resolved: Experiment | None = None, without: set[str] | frozenset[str] = frozenset()
) -> list[str]:
    """Return the options that describe an experiment: each key that was asked for or is not the default.

    The digest of a data file has no option: the command samples the file as it is then.

    Args:
        asked: the experiment as the person gave it.
        resolved: the experiment as the run fixed it, whose sampler and sizes are then named too.
        without: keys to leave out.
    """
    arguments = []
    for key, field in Experiment.model_fields.items():
        fixed = resolved is not None and key in RESOLVED
        value = getattr(resolved if fixed else asked, key)
        if key in without or key in _NO_OPTION or value is None:
            continue
        if value == field.get_default() and not fixed and key not in asked.model_fields_set:
            continue
        option = key.replace("_", "-")
        if isinstance(value, bool):
            arguments.append(f"--{option}" if value else f"--no-{option}")
        else:
            arguments += [f"--{option}", _spelled(value)]
    return arguments


def shell_line(words: Sequence[str]) -> str:
    """Return words as one line that a shell splits into the same words again.

    A word with characters that could steer a terminal is written with escapes (``$'...'`` of bash, zsh and
    ksh), so that the line is safe to show and to paste.
    """
    return " ".join(shlex.quote(word) if _is_plain(word) else _escaped(word) for word in words)


def _is_plain(word: str) -> bool:
    return plain_text(word) == word and "\n" not in word


def _escaped(word: str) -> str:
    """Return a word in ASCII: bytes of other characters, and quotes, as hexadecimal escapes."""
    parts = [
        chr(byte) if 32 <= byte < 127 and chr(byte) not in "'\\" else f"\\x{byte:02x}"
        for byte in os.fsencode(word)
    ]
    return f"$'{''.join(parts)}'"


def _from(folder: str, asked: Experiment, words: Sequence[str]) -> str:
    """Return a command, entered in ``folder`` first where relative names in it are meant from there."""
    line = shell_line(words)
    files = []
    if asked.data not in (*BUILT_IN, *SYNTHETIC):
        files.append(asked.data)
        if asked.data.lower().endswith(".npy") and asked.target:
            files.append(asked.target)  # elsewhere the target is the name of a column
    relative = any(not os.path.isabs(os.path.expanduser(name)) for name in files)
    if (relative or asked.module is not None) and folder:
        return f"cd {shell_line([folder])} && {line}"
    return line


def _asked(run: RunDirectory) -> Experiment:
    """Return the experiment as a command line can ask for it: arrays that were given are a file there."""
    path = run.arrays_file()
    return run.asked if path is None else run.asked.replace(data=str(path.absolute()))


def _over(factor: Factor) -> str:
    return f"{factor.key}={','.join(_spelled(value) for value in factor.values)}"


def _spelled(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    return repr(value) if isinstance(value, float) else str(value)
