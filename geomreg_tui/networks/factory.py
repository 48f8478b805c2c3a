"""Calling the factory of a person's own module, which the command line has named.

It is imported as any module is; the working directory is looked at last, and only meanwhile. So a module
may lie there, but nothing that lies there takes the place of the standard library or of what is installed.
"""

from __future__ import annotations

import importlib
import os
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import nn

from geomreg_tui.errors import ExperimentError, Problem
from geomreg_tui.held import held_copy, is_held

__all__ = ["call_factory", "made_by", "module_problem", "same_generators"]


def call_factory(factory: str) -> nn.Module:
    """Return what the factory ``package.mod:factory`` makes, called without arguments; see :func:`made_by`.

    Raises:
        ExperimentError: if it cannot be imported or called, or does not make the same module each time.
    """
    package, _, name = factory.partition(":")
    with _working_directory_last():
        try:
            if is_held(factory):
                return made_by(partial(held_copy, factory), repr(factory))
            imported = importlib.import_module(package)
            make = getattr(imported, name)
        except Exception as error:
            hint = _shadowed(package) if "imported" in locals() else _where(package, error)
            raise module_problem(f"{factory!r}, which {_failed(error)}{hint}") from error
        return made_by(make, repr(factory), lambda: _shadowed(package))


def made_by(make: Callable[[], Any], name: str = "a factory", hint: Callable[[], str] = str) -> nn.Module:
    """Return what a factory makes.

    The generators of torch, numpy and Python are seeded meanwhile: what is not drawn, such as the biases of a
    recurrent layer, is the same in every process.

    Args:
        make: the factory.
        name: what it is called in messages.
        hint: called for a word on what may be wrong, where it fails.

    Raises:
        ExperimentError: if it cannot be called, or does not make the same module each time.
    """
    modules = []
    try:
        for _ in range(2):
            with same_generators(seed=0):
                modules.append(make())
    except Exception as error:
        raise module_problem(f"{name}, which {_failed(error)}{hint()}") from error
    first, second = modules
    if not isinstance(first, nn.Module):
        raise module_problem(f"{name}, which returned {type(first).__name__}")
    before, after = first.state_dict(), second.state_dict()
    if before.keys() != after.keys() or not all(_equal(before[key], after[key]) for key in before):
        raise module_problem(f"{name}, which makes another module at each call")
    return first


def _failed(error: Exception) -> str:
    return f"failed ({type(error).__name__}: {error})"


def module_problem(got: str) -> ExperimentError:
    """Return the error that says what is wrong with a module, and what is allowed."""
    allowed = (
        "allowed is a factory without arguments that returns an nn.Module from (examples, *input shape) "
        "to (examples, outputs), which depends on nothing but its weights and its input"
    )
    return ExperimentError([Problem("module", got, allowed)])


@contextmanager
def same_generators(seed: int | None = None) -> Iterator[None]:
    """Leave the generators that code outside may draw from as they were; ``seed``: seed them meanwhile."""
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        if seed is not None:
            torch.manual_seed(seed)
            np.random.seed(seed)  # noqa: NPY002
            random.seed(seed)
        yield
    finally:
        torch.set_rng_state(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        random.setstate(states[2])


@contextmanager
def _working_directory_last() -> Iterator[None]:
    """Let modules be found in the working directory, where there is none of that name elsewhere."""
    here = os.getcwd()
    added = here not in sys.path
    if added:
        sys.path.append(here)
        importlib.invalidate_caches()
    try:
        yield
    finally:
        if added and here in sys.path:
            sys.path.remove(here)


def _where(package: str, error: Exception) -> str:
    """Return where a module was looked for that was not found, or nothing for another error."""
    if not isinstance(error, ModuleNotFoundError) or error.name not in _names(package):
        return ""
    return f"; it is looked for in {os.getcwd()}, on PYTHONPATH, and among what is installed"


def _names(package: str) -> list[str]:
    """Return the names of a module and of the packages that it lies in."""
    parts = package.split(".")
    return [".".join(parts[: count + 1]) for count in range(len(parts))]


def _shadowed(package: str) -> str:
    """Return a word on a file of the working directory whose name was taken, or nothing."""
    top = package.partition(".")[0]
    imported: ModuleType | None = sys.modules.get(top)
    here = Path.cwd()
    own = next((p for p in (here / f"{top}.py", here / top) if p.exists()), None)
    origin = getattr(imported, "__file__", None)
    if own is None or (origin is not None and Path(origin).is_relative_to(here)):
        return ""
    return f"; {own.name} in this folder was not used, as its name is that of {origin or 'a built-in module'}"


def _equal(first: object, second: object) -> bool:
    if isinstance(first, torch.Tensor) and isinstance(second, torch.Tensor):
        same = first.shape == second.shape and first.dtype == second.dtype
        return same and bool(torch.equal(first.nan_to_num(), second.nan_to_num()))
    return True  # an extra state, of any kind
