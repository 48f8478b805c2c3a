"""The state: what was open when the explorer was closed, for the next start.

A small file that anything may have happened to: whatever is wrong in it is left out and named, and code
that it names is never imported. How it looked can be read before the model of an experiment is imported.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

from geomreg_tui.atomic import read_json, write_json
from geomreg_tui.errors import GeomregError
from geomreg_tui.tui.arrangement import Arrangements, read_arrangements
from geomreg_tui.tui.panes import PANES

if TYPE_CHECKING:
    from geomreg_tui.experiment import Experiment

__all__ = ["MEASURES", "RADII", "TABS", "State", "keep_state", "read_look", "read_state", "state_file"]

RADII = (1e-3, 1e6)  # smallest and largest of the sphere
TABS = tuple(PANES)
MEASURES = ("density", "count", "cumulative")
_VERSION = 1
_DEEPEST_ZOOM = 12
_MOST_PINS = 6
_PATIENCE = 0.5  # seconds that leaving waits for a slow file system


@dataclass(frozen=True)
class State:
    """What is open; None where nothing is known.

    Attributes:
        experiment, samples: on the knobs.
        log_axis: whether the axes of losses and dimensions are log.
        tab: name of the pane that small terminals show.
        radius: of the sphere.
        theme: the one chosen in the palette.
        measure: what the loss pane draws, one of ``MEASURES``.
        run: the run directory on view.
        panes: how panes are arranged, by the kind of screen.
        machine: whether a line tells how busy the machine is.
        zoom: level of the loss pane, 0 for all losses.
        windows: the ends of what is on view of a plot, by its pane, where a person has chosen them.
        pins: run directories of what is pinned, by its place; None where nothing is, or a preview.
    """

    experiment: Experiment | None = None
    samples: int | None = None
    log_axis: bool = False
    tab: str | None = None
    radius: float | None = None
    theme: str | None = None
    measure: str | None = None
    run: str | None = None
    panes: Arrangements = field(default_factory=dict)
    machine: bool = False
    zoom: int = 0
    windows: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    pins: tuple[str | None, ...] = ()

    @property
    def look(self) -> State:
        """What of it is about looks only."""
        return State(
            log_axis=self.log_axis,
            theme=self.theme,
            measure=self.measure,
            panes=self.panes,
            machine=self.machine,
        )


def state_file() -> Path:
    """Return where the state is kept: in ``GEOMREG_HOME``, or in the platform's folder."""
    home = os.environ.get("GEOMREG_HOME")
    base = Path(os.path.expanduser(home)) if home else Path(platformdirs.user_state_dir("geomreg-tui", False))
    return base / "explorer.json"


def read_state(path: Path) -> tuple[State, str]:
    """Return the state in a file, and a line on what of it is left out, if anything is."""
    if not os.path.lexists(path):
        return State(), ""
    try:
        values = read_json(path)
        if values.get("version") != _VERSION:
            return State(), f"The last session is not restored: {path.name} is of another version"
    except GeomregError as error:
        return State(), f"The last session is not restored: {error}".replace("\n", " ")
    kept, wrong = _checked(values, _CHECKS)
    notice = f"Not restored from the last session, as {path.name} has no valid value: {', '.join(wrong)}"
    return State(**kept), notice if wrong else ""


def read_look(path: Path) -> State:
    """Return what of the state in a file is about looks, as far as it is valid; in no time."""
    try:
        values = read_json(path)
    except GeomregError:
        return State()
    if values.get("version") != _VERSION:
        return State()
    return State(**_checked(values, _LOOKS)[0])


def _checked(
    values: Mapping[str, Any], checks: Mapping[str, Callable[[Any], Any]]
) -> tuple[dict[str, Any], list[str]]:
    """Return the values that pass, with the default for each that does not, and the names of those."""
    kept, wrong = {}, []
    for name, check in checks.items():
        value = values.get(name)
        try:
            kept[name] = check(value) if value is not None else getattr(State(), name)
        except (
            GeomregError,
            ValueError,
            TypeError,
            LookupError,
            AttributeError,
            ArithmeticError,
            RecursionError,
        ):
            wrong.append(name)
    return kept, wrong


def keep_state(path: Path, state: State) -> str:
    """Write the state for the next start, and return why that failed, if it did.

    Does not wait long: a file system that hangs must not keep anybody from leaving.
    """
    said: list[str] = []

    def write() -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, _values(state), durable=False)
        except (GeomregError, OSError, ValueError) as error:
            said.append(str(error))

    writer = threading.Thread(target=write, name="state", daemon=True)
    writer.start()
    writer.join(_PATIENCE)
    return said[0] if said else f"{path}: takes too long to write" if writer.is_alive() else ""


def _values(state: State) -> dict[str, Any]:
    """Return a state as plain data."""
    values: dict[str, Any] = {"version": _VERSION}
    if state.experiment is not None and state.experiment.arch != "custom":
        values["experiment"] = _settings(state.experiment)
    for name in ("samples", "log_axis", "tab", "radius", "theme", "measure", "run", "machine", "zoom"):
        values[name] = getattr(state, name)
    values["panes"] = {kind: arrangement.to_json() for kind, arrangement in state.panes.items()}
    values["windows"] = {name: list(ends) for name, ends in state.windows.items()}
    values["pins"] = list(state.pins)
    return values


def _settings(experiment: Experiment) -> dict[str, Any]:
    """Return the keys of an experiment as they were given; files by whole paths, for any folder."""
    settings = experiment.model_dump(mode="json", exclude_unset=True)
    for key in ("data", "target"):
        value = settings.get(key)
        if value and Path(value).suffix and Path(value).is_file():
            settings[key] = str(Path(value).absolute())
    return settings


def _experiment(value: Mapping[str, Any]) -> Experiment:
    """Return the experiment in stored keys; one with code of a person is refused."""
    from geomreg_tui.experiment import Experiment

    experiment = Experiment.parse(value)
    if experiment.arch == "custom":
        raise ValueError("code that a file names")
    return experiment


def _samples(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(value)
    from geomreg_tui.experiment import parse_count

    return parse_count(str(value))


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(value)
    return value


def _tab(value: Any) -> str:
    return TABS[TABS.index(value)]


def _radius(value: Any) -> float:
    radius = float(value)
    if isinstance(value, bool | str) or not math.isfinite(radius) or not RADII[0] <= radius <= RADII[1]:
        raise ValueError(value)
    return radius


def _theme(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _measure(value: Any) -> str:
    return MEASURES[MEASURES.index(value)]


def _run(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    if not Path(value).is_absolute():
        raise ValueError(value)
    return value


def _zoom(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _DEEPEST_ZOOM:
        raise ValueError(value)
    return value


def _windows(value: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    windows = {}
    for name, (low, high) in value.items():
        if name not in PANES or isinstance(low, bool | str) or isinstance(high, bool | str):
            raise ValueError(name)
        if not -math.inf < float(low) < float(high) < math.inf:
            raise ValueError(name)
        windows[name] = (float(low), float(high))
    return windows


def _pins(value: Any) -> tuple[str | None, ...]:
    if not isinstance(value, list) or len(value) > _MOST_PINS:
        raise ValueError(value)
    return tuple(None if path is None else _run(path) for path in value)


_LOOKS: Mapping[str, Callable[[Any], Any]] = {
    "log_axis": _switch,
    "tab": _tab,
    "radius": _radius,
    "theme": _theme,
    "measure": _measure,
    "panes": read_arrangements,
    "machine": _switch,
}
_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "experiment": _experiment,
    "samples": _samples,
    "run": _run,
    "zoom": _zoom,
    "windows": _windows,
    "pins": _pins,
    **_LOOKS,
}
