"""What a person passes to a function, as the engine takes it: experiments, counts, and data as arrays."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Number
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.datasets import ARRAYS, arrays_path, pack_arrays
from geomreg_tui.errors import DataError, ExperimentError, Problem
from geomreg_tui.experiment import Experiment, parse_count
from geomreg_tui.gradients.plan import GradientPlan
from geomreg_tui.gradients.plan import parse_plan as parse_observed
from geomreg_tui.held import hold
from geomreg_tui.rundir import Labels, parse_labels
from geomreg_tui.rundir.store import write_bytes
from geomreg_tui.splitting.plan import TailPlan, parse_plan
from geomreg_tui.sweeps.plan import Factor, parse_factor
from geomreg_tui.training.plan import TrainingPlan
from geomreg_tui.training.plan import parse_plan as parse_training

__all__ = [
    "GOALS",
    "Asked",
    "as_array",
    "asked_for",
    "count_of",
    "factors_of",
    "gradient_plan",
    "importable_name",
    "labels_of",
    "module_name",
    "tail_plan",
    "training_plan",
]

_HERE = ("__main__", "__mp_main__")  # other names of what Python was started with
GOALS = ("to_loss", "to_log10_volume", "population", "repeats", "move", "max_seconds")


@dataclass(frozen=True)
class Asked:
    """An experiment, and the folder with the arrays that it was given for data; None for other data."""

    experiment: Experiment
    arrays: Path | None


@contextmanager
def asked_for(
    experiment: Experiment | None,
    data: object,
    module: object,
    keys: Mapping[str, Any],
    *,
    elsewhere: bool = False,
) -> Iterator[Asked]:
    """Give the experiment that a person describes; arrays are in a file while this is in use.

    Args:
        experiment: where to begin; None for the defaults.
        data: name of a set, path of a file, or a pair of arrays (X, y); None where ``experiment`` says it.
        module: a custom architecture, as :func:`module_name` takes it; None for another architecture.
        keys: keys of an experiment, which take precedence.
        elsewhere: whether other processes must be able to import the module.

    Raises:
        ExperimentError: with one problem for each key that is unknown or has an impossible value.
        DataError: if the arrays cannot be inputs and targets.
    """
    values = {key: _plain(value) for key, value in keys.items() if value is not None}
    if module is not None:
        name = importable_name(module) if elsewhere else module_name(module)
        values = {"arch": "custom", "module": name, **values}
    if data is None or isinstance(data, (str, Path)):
        yield Asked(_experiment(experiment, values if data is None else {"data": str(data), **values}), None)
        return
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        got = (
            f"{type(data).__name__} of {len(data)}"
            if isinstance(data, (tuple, list))
            else type(data).__name__
        )
        raise ExperimentError(
            [Problem("data", got, "allowed are the name of a set, the path of a file, and arrays (X, y)")]
        )
    digest, content = pack_arrays(as_array("X", data[0]), as_array("y", data[1]))
    described = _experiment(experiment, {**values, "data": ARRAYS, "data_sha256": digest})
    with TemporaryDirectory(prefix="geomreg-") as folder:
        write_bytes(arrays_path(Path(folder), digest), content, durable=False)
        yield Asked(described, Path(folder))


def as_array(name: str, given: Any) -> NDArray[Any]:
    """Return what a person gives as an array of numbers or text: numpy, a torch tensor, pandas, or lists.

    Args:
        name: what it is called in an error.
        given: anything that numpy can read.

    Raises:
        DataError: if it holds anything but numbers and text.
    """
    if hasattr(given, "detach"):  # a torch tensor, which may need a gradient or be on a GPU
        given = given.detach().cpu()
    if hasattr(given, "to_numpy"):
        given = given.to_numpy()
    try:
        array = np.asarray(given)
    # A ragged list, a tensor of a format that numpy does not have, or whatever else is no array.
    except Exception as error:
        raise DataError(
            f"data: {name} is no array ({str(error)[:120]}): convert it with numpy.asarray"
        ) from None
    if array.dtype.kind == "T":
        array = array.astype(str)
    if array.dtype.kind != "O":
        return array
    values = array.ravel().tolist()
    if values and all(isinstance(value, str) for value in values):
        return array.astype(str)
    if values and all(isinstance(value, Number) and not isinstance(value, complex) for value in values):
        return array.astype(np.float64)
    kinds = sorted({type(value).__name__ for value in values})
    raise DataError(f"data: {name} holds {', '.join(kinds[:4])}; allowed are numbers, or text as targets")


def module_name(module: object) -> str:
    """Return the name by which an engine finds a module.

    What another process can import is known by its factory, ``package.mod:factory``. What none can import is
    kept in this process (:mod:`geomreg_tui.held`), where an engine draws it; a warning says so.

    Args:
        module: a function or class that returns an ``nn.Module`` when it is called without arguments, its
            name, or an ``nn.Module``.

    Raises:
        ExperimentError: if it is none of these, or the function fails.
    """
    try:
        return importable_name(module)
    except ExperimentError:
        made = _made(module)
        if made is None:
            raise
    try:
        name = hold(made)
    except Exception as error:  # of a person's own code
        got = f"{type(made).__name__}, of which no copy can be made ({type(error).__name__}: {error})"
        raise ExperimentError(
            [Problem("module", got, "allowed is a module that copy.deepcopy takes")]
        ) from error
    warnings.warn(
        f"{type(made).__name__} is drawn in this process, by one worker, as no other can import it. The run "
        "goes on only where the same module is handed over again. A function that makes it, in a file of its "
        "own, has neither limit",
        UserWarning,
        stacklevel=2,
    )
    return name


def _made(module: object) -> object | None:
    """Return the ``nn.Module`` that something is or makes; None where it is and makes none."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(module, torch.nn.Module):
        instance: object = module
        return instance
    if not callable(module):
        return None
    from geomreg_tui.networks.factory import made_by

    made: object = made_by(module)
    return made


def importable_name(module: object) -> str:
    """Return the name ``package.mod:factory`` by which an engine can import a factory.

    Nothing is imported for it: a factory that a person holds comes from a module that is loaded.

    Args:
        module: a function or class that returns an ``nn.Module`` when it is called without arguments, or its
            name.

    Raises:
        ExperimentError: if no other process can import it by a name, or would import something else: a module
            that is made already, a lambda, a method, or what is defined in a notebook or a script itself.
    """
    if isinstance(module, str):
        return module
    home, name = getattr(module, "__module__", None), getattr(module, "__qualname__", None)
    if home is None or name is None or not callable(module):
        raise _no_factory(*_made_already(module))
    if home in _HERE:
        got = f"{name!r} of this notebook or script, which no other process can import"
        raise _no_factory(
            got, "write it to a file such as nets.py beside this, import nets, and pass nets.make"
        )
    if not name.isidentifier():
        kind = "a lambda" if name.endswith("<lambda>") else f"{name!r}, which is not at the top of {home}"
        raise _no_factory(f"{kind}, which no other process can import", f"write a function make to {home}")
    if getattr(sys.modules.get(home), name, None) is not module:
        raise _no_factory(
            f"a {name!r} that is not what {home}.{name} is now, which another process would import",
            f"import {home} anew, and pass {home}.{name}",
        )
    return f"{home}:{name}"


def _made_already(module: object) -> tuple[str, str]:
    """Return what was got in place of a factory, and what to do with it."""
    kind = type(module)
    home, name = kind.__module__, kind.__qualname__
    got = f"an object of type {name}, which no other process can import"
    if home in _HERE:
        return got, f"write {name}, and a function make that returns this object, to nets.py; pass nets.make"
    if "torch" in sys.modules and isinstance(module, sys.modules["torch"].nn.Module):
        got = f"an object of {home}.{name} that is made already, which no other process can import"
    call = f"{name}(...)" if home == "builtins" else f"{home}.{name}(...)"
    return got, f"write a function make that returns {call}, as you made this one, to nets.py; pass nets.make"


def _no_factory(got: str, remedy: str) -> ExperimentError:
    rule = "allowed is a function or class at the top of a file of its own, called without arguments"
    return ExperimentError([Problem("module", got, f"{rule}: {remedy}")])


def count_of(samples: float | str, key: str = "samples") -> int:
    """Return a number of networks: ``100_000``, ``1e5``, or text such as ``"10M"``.

    Raises:
        ExperimentError: if it is not a whole number from 1 to 1e15.
    """
    return parse_count(str(_plain(samples)), key)


def tail_plan(goals: Mapping[str, Any]) -> TailPlan:
    """Return how deep to go; ``goals`` are those of :data:`GOALS`, None for the default.

    Raises:
        ExperimentError: with one problem for each goal that is no good.
    """
    return parse_plan(**{key: None if goals[key] is None else str(_plain(goals[key])) for key in GOALS})


def training_plan(options: Mapping[str, Any]) -> TrainingPlan:
    """Return how to train; ``options`` are those of :func:`geomreg_tui.train`, None for the default.

    Raises:
        ExperimentError: with one problem for each option that is no good.
    """
    return parse_training(
        **{key: None if value is None else str(_plain(value)) for key, value in options.items()}
    )


def labels_of(name: str | None, tags: str | Sequence[str], note: str | None) -> Labels | None:
    """Return what a run is to be called; None where nothing is given.

    Raises:
        ExperimentError: as :func:`geomreg_tui.rundir.parse_labels`.
    """
    listed = [tags] if isinstance(tags, str) else list(tags)
    return parse_labels(name, listed, note) if name or any(listed) or note else None


def gradient_plan(
    observe: str | Sequence[str] | None,
    observed: float | str | None,
    pairs: int | None,
    walk_step: float | None,
    samples: int,
) -> GradientPlan | None:
    """Return what is to be observed of networks besides their loss; None for nothing.

    Raises:
        ExperimentError: with one problem for each argument that is no good, or that goes without ``observe``.
    """
    given = {"observed": observed, "pairs": pairs, "walk_step": walk_step}
    if observe is None:
        rule = "allowed only with observe, such as observe='confusion'"
        problems = [Problem(key, repr(value), rule) for key, value in given.items() if value is not None]
        if problems:
            raise ExperimentError(problems)
        return None
    spelled = {key: None if value is None else str(_plain(value)) for key, value in given.items()}
    names = observe if isinstance(observe, str) else [str(name) for name in observe]
    return parse_observed(names, spelled["pairs"], spelled["walk_step"], spelled["observed"], samples=samples)


def factors_of(over: Mapping[str, Any]) -> list[Factor]:
    """Return the factors of a sweep: for each key its values, or text as the command line takes it.

    Raises:
        ExperimentError: if a key is unknown, or there are no values.
    """
    factors = []
    for key, values in over.items():
        if isinstance(values, str):
            factors.append(parse_factor(f"{key}={values}"))
            continue
        parse_factor(f"{key}=0")  # which knows the keys
        try:
            listed = [_plain(value) for value in values]
        except TypeError:
            listed = []
        if not listed or not all(isinstance(value, (bool, int, float, str)) for value in listed):
            rule = "allowed are numbers or names in a list, or text such as '16:1024:x2'"
            raise ExperimentError([Problem(key, repr(values)[:60], rule)])
        factors.append(Factor(key, tuple(dict.fromkeys(listed))))
    return factors


def _experiment(experiment: Experiment | None, values: Mapping[str, Any]) -> Experiment:
    return Experiment.parse(values) if experiment is None else experiment.replace(**values)


def _plain(value: Any) -> Any:
    """Return a number of numpy as one of Python, a path as text, and a list of values as a tuple."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, (np.generic, np.ndarray)):
        return _plain(value.tolist())
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return tuple(_plain(part) for part in value)
    return value
