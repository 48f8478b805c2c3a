"""What is used of Textual and plotext though they do not promise it: named here, and reached in one place.

Where a new version of either breaks the explorer, the first of these tests to fail says what is gone.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import plotext
import pytest
import textual
from plotext._figure import _figure_class
from rich.console import Console
from textual import _compositor
from textual.app import App
from textual.drivers.web_driver import WebDriver
from textual.screen import Screen

import geomreg_tui.tui
from geomreg_tui.tui import compat

ROOT = Path(geomreg_tui.__file__).parent
FOREIGN = ("textual", "plotext", "rich")
REACHING = {"tui/compat.py", "textplot.py"}

PRIVATE: list[tuple[str, Any, str, tuple[str, ...]]] = [
    ("textual", App, "_display", ("self", "screen", "renderable")),
    ("textual", _compositor, "CompositorUpdate", ()),
    ("textual", _compositor.ChopsUpdate, "__init__", ("self", "chops", "spans")),
    ("textual", _compositor.LayoutUpdate, "__init__", ("self", "strips", "region")),
    ("textual", WebDriver, "_enable_mouse_support", ("self",)),
    ("rich", Console(), "_color_system", ()),
    ("plotext", _figure_class, "_limit_size", ("self", "width", "height")),
]


@pytest.mark.parametrize(
    ("package", "owner", "name", "parameters"), PRIVATE, ids=lambda value: str(value)[:40]
)
def test_what_is_private_is_as_it_was(
    package: str, owner: object, name: str, parameters: tuple[str, ...]
) -> None:
    version = {"textual": textual.__version__, "plotext": plotext.__version__}.get(package, "")
    where = f"{getattr(owner, '__name__', type(owner).__name__)}.{name} of {package} {version}".rstrip()
    assert hasattr(owner, name), f"{where} is gone; {' and '.join(REACHING)} need it"
    if parameters:
        found = tuple(inspect.signature(getattr(owner, name)).parameters)
        assert found[: len(parameters)] == parameters, f"{where} takes {found}"


# Set on every class by Textual, or by abc, as it is defined.
MADE = {member for member in vars(type("Empty", (Screen,), {})) if member.startswith("_")} | {"_abc_impl"}


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Yield the path of each module and its syntax tree."""
    for path in sorted(ROOT.rglob("*.py")):
        yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def private_imports(tree: ast.Module) -> Iterator[str]:
    """Yield what is imported of other packages that is private by its name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in FOREIGN:
            for name in (*(node.module or "").split("."), *(alias.name for alias in node.names)):
                if name.startswith("_"):
                    yield f"{node.module}: {name}"


def private_attributes(tree: ast.Module) -> Iterator[str]:
    """Yield private attributes that are asked of anything but the object or class itself."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or not node.attr.startswith("_") or node.attr.startswith("__"):
            continue
        owner = ast.unparse(node.value)
        if owner not in ("self", "cls", "os", "super()") and node.attr not in NAMED_TUPLES:
            yield f"{owner}.{node.attr}"


NAMED_TUPLES = ("_asdict", "_fields", "_replace")


def test_private_names_of_other_packages_are_reached_in_these_modules_only() -> None:
    reached = {
        path: sorted({*private_imports(tree), *(private_attributes(tree) if path.startswith("tui/") else ())})
        for path, tree in modules()
    }
    assert {path for path, names in reached.items() if names} <= REACHING, reached
    # The same look finds what it should in the modules that may.
    found = {path for path, tree in modules() if [*private_imports(tree), *private_attributes(tree)]}
    assert found >= REACHING


def test_no_private_method_of_textual_is_overridden_elsewhere() -> None:
    """A private name of ours that Textual has too would change what Textual does, unseen."""
    clashes = []
    for info in pkgutil.walk_packages(geomreg_tui.tui.__path__, "geomreg_tui.tui."):
        module = importlib.import_module(info.name)
        for name, kind in inspect.getmembers(module, inspect.isclass):
            if kind.__module__ != info.name or module is compat:
                continue
            theirs = [base for base in kind.__mro__ if base.__module__.partition(".")[0] in FOREIGN]
            for member in vars(kind):
                # A reactive attribute keeps its default under a name that begins so.
                made = member.startswith(("__", "_default_")) or member in MADE
                if member.startswith("_") and not made:
                    clashes += [f"{info.name}.{name}.{member}" for base in theirs if member in vars(base)]
    assert clashes == []
