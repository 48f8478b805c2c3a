"""The settings: how the explorer looks and which keys it has, from four places.

The command line comes before the environment, that before the configuration file, and that before the
defaults. Imports neither textual nor numpy: the command line reads the settings before it knows whether
there is a terminal.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from geomreg_tui.encoding import decode_utf8
from geomreg_tui.errors import ExperimentError, Problem, nearest_name, shortened
from geomreg_tui.tui.keys import ACTIONS, Keys, default_keys, parse_keys

__all__ = [
    "THEMES",
    "Settings",
    "check_file",
    "config_file",
    "example_file",
    "load_settings",
    "settings_schema",
]

# Textual's themes; the tests hold them against its own. One that a later Textual adds is looked up there.
THEMES = (
    "ansi-dark", "ansi-light", "atom-one-dark", "atom-one-light", "catppuccin-frappe",
    "catppuccin-latte", "catppuccin-macchiato", "catppuccin-mocha", "dracula", "flexoki",
    "gruvbox", "monokai", "nord", "rose-pine", "rose-pine-dawn",
    "rose-pine-moon", "solarized-dark", "solarized-light", "textual-dark", "textual-light",
    "tokyo-night",
)  # fmt: skip

FILE_CAP = 2**16  # bytes
_FASTEST, _SLOWEST = 60.0, 0.1  # frames a second
_FPS, _FPS_OVER_SSH = 4.0, 2.0
_WORDS = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}


@dataclass(frozen=True)
class Settings:
    """How the explorer looks, and its keys.

    Attributes:
        fps: most frames drawn in a second.
        mouse: whether the terminal sends mouse events (without, it selects text).
        ascii: draw with ASCII characters only.
        theme: one of Textual's themes; None for the one chosen last, or Textual's own.
        keys: keys of every action.
        sources: where each setting comes from that is not a default.
    """

    fps: float = _FPS
    mouse: bool = True
    ascii: bool = False
    theme: str | None = None
    keys: Keys = field(default_factory=default_keys)
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)

    def source(self, name: str) -> str:
        """Return where a setting comes from; keys go by names such as ``keys.stop``."""
        return self.sources.get(name, "default")


@dataclass(frozen=True)
class _Setting:
    """One setting.

    Attributes:
        name: as in the file and in :class:`Settings`.
        option: as on the command line.
        check: returns the value as it is kept, or raises ValueError.
        from_text: returns what the text of an environment variable means, or raises ValueError.
        allowed: which values there are.
        example: a line of TOML with the default.
        meaning: a line for the example file.
        schema: what JSON Schema says of a value.
    """

    name: str
    option: str
    check: Callable[[object], Any]
    from_text: Callable[[str], object]
    allowed: str
    example: str
    meaning: str
    schema: Mapping[str, Any]

    @property
    def variable(self) -> str:
        return f"GEOMREG_{self.name.upper()}"


def _rate(value: object) -> float:
    """Return frames a second, in the range that is allowed."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not _SLOWEST <= value <= _FASTEST:
        raise ValueError(value)
    return float(value)


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(value)
    return value


def _name(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(value)
    return value.strip()


def _theme(value: object) -> str:
    """Return the name of a theme that is there."""
    name = _name(value)
    if name not in THEMES:
        from textual.theme import BUILTIN_THEMES

        if name not in BUILTIN_THEMES:
            raise ValueError(value)
    return name


def _word(text: str) -> bool:
    """Return the meaning of a word such as ``yes`` or ``off``."""
    if text.strip().lower() not in _WORDS:
        raise ValueError(text)
    return _WORDS[text.strip().lower()]


_SETTINGS = (
    _Setting(
        "fps",
        "--fps",
        _rate,
        float,
        f"allowed is a number from {_SLOWEST} to {_FASTEST:g}",
        f"fps = {_FPS:g}",
        f"Most frames drawn in a second. Unless it is set here: {_FPS:g}, and {_FPS_OVER_SSH:g} over SSH.",
        {"type": "number", "minimum": _SLOWEST, "maximum": _FASTEST},
    ),
    _Setting(
        "mouse",
        "--mouse",
        _switch,
        _word,
        "allowed is true or false",
        "mouse = true",
        "Use the mouse. With false the terminal itself selects text.",
        {"type": "boolean"},
    ),
    _Setting(
        "ascii",
        "--ascii",
        _switch,
        _word,
        "allowed is true or false",
        "ascii = false",
        "Draw with ASCII characters only. Unless it is set here: where the locale is not UTF-8.",
        {"type": "boolean"},
    ),
    _Setting(
        "theme",
        "--theme",
        _theme,
        str,
        f"allowed are {', '.join(THEMES)}",
        'theme = "textual-dark"',
        "One of Textual's themes. Unless it is set here: the one chosen last in the command palette.",
        {"type": "string", "examples": list(THEMES)},
    ),
)


def config_file() -> Path:
    """Return the path of the configuration file: ``GEOMREG_CONFIG``, or in the platform's folder."""
    named = os.environ.get("GEOMREG_CONFIG")
    if named:
        return Path(os.path.expanduser(named))
    return Path(platformdirs.user_config_dir("geomreg-tui", False)) / "config.toml"


def load_settings(given: Mapping[str, object] | None = None) -> Settings:
    """Return the settings in effect.

    Args:
        given: those of the command line, by name; None values were not given.

    Raises:
        ExperimentError: with one problem for everything wrong, wherever it comes from.
    """
    return _load(config_file(), os.environ, given or {})


def check_file(path: Path) -> None:
    """Check a configuration file by itself, whatever the command line and the environment say.

    Raises:
        ExperimentError: with one problem for everything wrong, or if there is no such file.
    """
    if not path.exists():
        raise ExperimentError([Problem(str(path), "no such file", "allowed is a readable TOML file")])
    _load(path, {}, {})


def settings_schema() -> dict[str, Any]:
    """Return a JSON Schema (2020-12) of the configuration file.

    Which keys an action may have depends on those of the others: :func:`check_file` knows that.
    """
    key = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
    actions = {name: {"description": action.meaning, **key} for name, action in ACTIONS.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of geomreg-tui",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            **{setting.name: {"description": setting.meaning, **setting.schema} for setting in _SETTINGS},
            "keys": {
                "description": "Keys of actions: a key, or a list of keys.",
                "type": "object",
                "additionalProperties": False,
                "properties": actions,
            },
        },
    }


def _load(path: Path, environment: Mapping[str, str], given: Mapping[str, object]) -> Settings:
    """Return the settings of file, environment and command line together."""
    problems: list[Problem] = []
    content = _read(path, problems)
    names = [setting.name for setting in _SETTINGS]
    for key in [key for key in content if key not in (*names, "keys")]:
        allowed = f"allowed are {', '.join(names)} and [keys]"
        near = nearest_name(key, [*names, "keys"])
        problems.append(Problem(f"{path}: {key}", "an unknown key", allowed, near))
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    if not _takes_unicode(environment):
        values["ascii"], sources["ascii"] = True, "default where the locale is not UTF-8"
    if environment.get("SSH_CONNECTION"):
        values["fps"], sources["fps"] = _FPS_OVER_SSH, "default over SSH"
    for setting in _SETTINGS:
        offers: list[tuple[str, str, object]] = []  # what to call it in a problem, source, value
        if setting.name in content:
            offers.append((f"{path}: {setting.name}", "configuration file", content[setting.name]))
        if text := environment.get(setting.variable):
            offers.append((setting.variable, setting.variable, text))
        if given.get(setting.name) is not None:
            offers.append((setting.option, "command line", given[setting.name]))
        for place, source, value in offers:
            try:
                meant = setting.from_text(str(value)) if source == setting.variable else value
                values[setting.name] = setting.check(meant)
            except ValueError:
                near = nearest_name(str(value), THEMES) if setting.name == "theme" else None
                problems.append(Problem(place, shortened(repr(value)), setting.allowed, near))
            sources[setting.name] = source
    keys, wrong = _keys(content.get("keys", {}), path)
    if problems or wrong:
        raise ExperimentError([*problems, *wrong])
    sources |= {f"keys.{name}": "configuration file" for name in content.get("keys", {})}
    return Settings(**values, keys=keys, sources=sources)


def _takes_unicode(environment: Mapping[str, str]) -> bool:
    """Return whether a terminal takes UTF-8, as far as the locale tells; where none is set, terminals do."""
    names = ["LC_ALL", "LC_CTYPE", "LANG"]
    if environment.get("LANG") in ("C", "POSIX") and environment.get("LC_CTYPE") == "C.UTF-8":
        names.remove("LC_CTYPE")  # Python has set it, for itself
    locale = next((value for name in names if (value := environment.get(name))), "UTF-8").lower()
    return "utf-8" in locale or "utf8" in locale


def example_file() -> str:
    """Return a whole configuration file with every setting at its default, each commented out."""
    lines = [
        "# Settings of geomreg-tui. Take the # from a line to change it. The command line comes before",
        "# environment variables, and those before this file.",
    ]
    for setting in _SETTINGS:
        lines += ["", f"# {setting.meaning}", f"# Also {setting.option}, or {setting.variable}."]
        lines.append(f"#{setting.example}")
    lines += [
        "",
        "# Keys of actions: a key, or a list of keys.",
        "#[keys]",
    ]
    for name, action in ACTIONS.items():
        lines.append(f"#{name} = {json.dumps(action.key)}".ljust(30) + f" # {action.meaning}")
    return "\n".join(lines) + "\n"


def _keys(table: object, path: Path) -> tuple[Keys, list[Problem]]:
    """Return the keys in a table of the file, and what is wrong with them."""
    if not isinstance(table, dict):
        return default_keys(), [Problem(f"{path}: keys", shortened(repr(table)), "allowed is a table [keys]")]
    return parse_keys(table, f"{path}: ")


def _read(path: Path, problems: list[Problem]) -> dict[str, Any]:
    """Return the content of the file; what is wrong with it joins the problems."""
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            data = file.read(FILE_CAP + 1) or b""
        if len(data) > FILE_CAP:
            problems.append(Problem(str(path), f"more than {FILE_CAP:,} bytes", f"allowed are {FILE_CAP:,}"))
            return {}
        return tomllib.loads(decode_utf8(data))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        got = error.strerror or str(error)
        problems.append(Problem(str(path), got, "allowed is a readable TOML file"))
    except (ValueError, RecursionError) as error:
        problems.append(Problem(str(path), f"text that is not TOML ({error})", "allowed is TOML"))
    return {}


def _open_at_once(path: str, flags: int) -> int:
    """Open a file; a pipe with nobody at its other end holds nothing up."""
    return os.open(path, flags | os.O_NONBLOCK)
