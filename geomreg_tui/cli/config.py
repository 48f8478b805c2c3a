"""The command ``config``: which settings are in effect, and where they come from."""

from __future__ import annotations

from typing import Annotated

import typer

from geomreg_tui.errors import plain_text

__all__ = ["config"]


def config(
    example: Annotated[
        bool, typer.Option("--example", help="print a whole configuration file, every line explained")
    ] = False,
) -> None:
    """Show the explorer's settings and keys, where each comes from, and which file they can be set in."""
    from geomreg_tui.tui.keys import spelling
    from geomreg_tui.tui.settings import config_file, example_file, load_settings

    if example:
        print(example_file(), end="")
        return
    settings = load_settings()
    path = config_file()
    print(plain_text(f"{path} ({'is read' if path.exists() else 'is not there: all as usual'})\n"))
    values = {
        "fps": f"{settings.fps:g}",
        "mouse": "true" if settings.mouse else "false",
        "ascii": "true" if settings.ascii else "false",
        "theme": settings.theme or "the one chosen last",
        **{f"keys.{name}": ", ".join(map(spelling, keys)) for name, keys in settings.keys.items()},
    }
    first, second = (max(map(len, column)) for column in (values, values.values()))
    for name, value in values.items():
        print(plain_text(f"{name:{first}}  {value:{second}}  {settings.source(name)}"))
