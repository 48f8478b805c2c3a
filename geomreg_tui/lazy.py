"""torch, imported when it is first used: that takes longer than a small run, which the fused kernel draws.

Modules that every run loads take torch from here. What they say in annotations is not evaluated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
else:

    class _Torch:
        """Stands for the module."""

        def __getattr__(self, name: str) -> Any:
            """Return what torch has of that name."""
            import torch

            return getattr(torch, name)

    torch = _Torch()

__all__ = ["torch"]
