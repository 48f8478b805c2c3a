"""Docstrings as the API reference takes them: without the roles of Sphinx, and with one name in a row."""

from __future__ import annotations

import re
from typing import Any

import griffe

__all__ = ["PlainDocstrings", "plain_docstring"]

_ROLE = re.compile(r":(?:func|class|meth|attr|mod|data):`~?([^`]+)`")
_SEVERAL = re.compile(r"^( +)(\w+(?:, \w+)+): (.+(?:\n\1 +.+)*)$", re.MULTILINE)
_EXAMPLE = re.compile(r"^Example:$", re.MULTILINE)


def plain_docstring(text: str) -> str:
    """Return a docstring with plain names for roles, a row for each parameter, and examples as code."""
    text = _ROLE.sub(r"`\1`", text)
    text = _SEVERAL.sub(
        lambda match: "\n".join(f"{match[1]}{name}: {match[3]}" for name in match[2].split(", ")), text
    )
    return _EXAMPLE.sub("Examples:", text)


class PlainDocstrings(griffe.Extension):
    """Rewrites the docstring of whatever is read."""

    def on_object(self, *, obj: griffe.Object, **rest: Any) -> None:
        """Rewrite a docstring."""
        if obj.docstring:
            obj.docstring.value = plain_docstring(obj.docstring.value)
