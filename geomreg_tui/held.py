"""Modules that a person holds and that no other process can import: they are known to this process only.

Such a module is an object, or what a notebook, a lambda or a method makes. It is recorded by a name that is
made of what it is, so a run that was drawn with it goes on only where the same module is handed over again.
"""

from __future__ import annotations

import copy
import hashlib
from typing import Any

__all__ = ["held_copy", "hold", "is_held"]

_PLACE = "geomreg_tui.held"
_DIGITS = 12
_modules: dict[str, Any] = {}


def hold(module: Any) -> str:
    """Keep a copy of an ``nn.Module`` for as long as this process lives; return the name that it has here.

    The name depends on the layout of the module and on the numbers in it that no init law draws: parameters
    of fewer than two dimensions, and buffers.
    """
    kept = copy.deepcopy(module)
    state = hashlib.sha256(repr(kept).encode())
    drawn = {name for name, parameter in kept.named_parameters() if parameter.dim() >= 2}
    for name, tensor in kept.state_dict().items():
        state.update(f"\0{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        if name not in drawn:
            state.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    name = f"{_PLACE}:{type(module).__name__}_{state.hexdigest()[:_DIGITS]}"
    _modules[name] = kept
    return name


def is_held(name: str | None) -> bool:
    """Return whether a name is that of a module which a process holds or held."""
    return name is not None and name.startswith(f"{_PLACE}:")


def held_copy(name: str) -> Any:
    """Return a copy of the module that is kept under a name.

    Raises:
        LookupError: if this process does not hold it.
    """
    if name not in _modules:
        raise LookupError(
            "it was handed over as an object, which only the process that did so knows: hand the same "
            "module over again, as module= in Python"
        )
    return copy.deepcopy(_modules[name])
