"""Under test, calls are checked against the shapes of tensors that signatures state.

Each module of the package that takes types from jaxtyping is compiled anew when a test imports it, with its
functions and dataclasses wrapped by jaxtyping and beartype. The program itself never does this: there an
annotation is a string that nobody evaluates, and jaxtyping need not be there. Processes that a test starts
are not checked either.

A check costs twenty times as much as a small function. So in each test the first calls of each function are
checked, and after that one in a few; ``make test-full`` checks every call.
"""

from __future__ import annotations

import functools
import inspect
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import jaxtyping
from beartype._check.code import codemain
from jaxtyping import _decorator, _import_hook, install_import_hook

__all__ = ["EVERY_CALL", "FIRST", "STEP", "begin_test", "checked_modules", "install"]

FIRST = 4  # calls of a function that are checked in each test
STEP = 64  # of those that follow, one in this many
EVERY_CALL = "GEOMREG_TEST_EVERY_SHAPE" in os.environ

_ROOT = Path(__file__).parents[1]
_TYPES = ("Bool", "Float", "Float32", "Float64", "Int64", "Num", "Shaped", "UInt8")
# An int may stand for a float, as for type checkers.
_CHECKER = "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"


def checked_modules() -> list[str]:
    """Return the names of the modules that state shapes."""
    return sorted(
        ".".join(path.relative_to(_ROOT).with_suffix("").parts)
        for path in (_ROOT / "geomreg_tui").rglob("*.py")
        if "\n    from jaxtyping import " in path.read_text(encoding="utf-8")
    )


def install() -> None:
    """Check these modules from their import on.

    Raises:
        RuntimeError: if one has been imported already, so that it would not be checked.
    """
    modules = checked_modules()
    early = [name for name in modules if name in sys.modules]
    if early:
        raise RuntimeError(f"imported before the checks of shapes were there: {', '.join(early)}")
    # Of some containers beartype looks at one item, drawn at random: not from the generator of the program.
    codemain.getrandbits = random.Random(0).getrandbits
    if not EVERY_CALL:
        _decorator.jaxtyped = jaxtyping.jaxtyped = _jaxtyped
    _import_hook._JaxtypingLoader.exec_module = _execute
    install_import_hook(modules, _CHECKER)


_execute_checked = _import_hook._JaxtypingLoader.exec_module


def _execute(loader: _import_hook._JaxtypingLoader, module: ModuleType) -> None:
    """Execute a module with the types of jaxtyping in it, which it imports for type checkers alone."""
    vars(module).update({name: getattr(jaxtyping, name) for name in _TYPES})
    _execute_checked(loader, module)


class _Test:
    number = 0


def begin_test() -> None:
    """Count the calls of each function from 0 again."""
    _Test.number += 1


_checking_each_call = _decorator.jaxtyped


def _jaxtyped(what: Any = None, *, typechecker: Any) -> Any:
    """Do as ``jaxtyping.jaxtyped``, but check not each call of a function."""
    if what is None:
        return functools.partial(_jaxtyped, typechecker=typechecker)
    checked = _checking_each_call(what, typechecker=typechecker)
    return _sparing(what, checked) if inspect.isfunction(what) else checked


def _sparing(function: Callable[..., Any], checked: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that is the checked one for some of its calls."""
    test, calls = 0, 0

    @functools.wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        nonlocal test, calls
        if test != _Test.number:
            test, calls = _Test.number, 0
        calls += 1
        if calls <= FIRST or calls % STEP == 0:
            return checked(*arguments, **options)
        return function(*arguments, **options)

    return call
