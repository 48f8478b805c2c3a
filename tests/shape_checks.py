"""Under test, calls are checked against the shapes of tensors that signatures state.

Each module of the package that imports jaxtyping is compiled anew when a test imports it, with its functions
and dataclasses wrapped by jaxtyping and beartype. The program itself never does this: there an annotation is
a string that nobody evaluates. Processes that a test starts are not checked either.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from beartype._check.code import codemain
from jaxtyping import install_import_hook

__all__ = ["checked_modules", "install"]

_ROOT = Path(__file__).parents[1]
# An int may stand for a float, as for type checkers.
_CHECKER = "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"


def checked_modules() -> list[str]:
    """Return the names of the modules that state shapes."""
    return sorted(
        ".".join(path.relative_to(_ROOT).with_suffix("").parts)
        for path in (_ROOT / "geomreg_tui").rglob("*.py")
        if "\nfrom jaxtyping import " in path.read_text(encoding="utf-8")
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
    install_import_hook(modules, _CHECKER)
