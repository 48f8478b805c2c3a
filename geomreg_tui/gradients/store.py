"""What a run keeps of the networks that were observed: ``gradients/``, with a plan and packs of chunks."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from geomreg_tui.errors import ExperimentError, Problem, RunDirectoryError, plain_text
from geomreg_tui.gradients.plan import (
    Arrangement,
    GradientPlan,
    arrangement_from_values,
    plan_from_values,
    plan_values,
)
from geomreg_tui.gradients.result import Observations
from geomreg_tui.rundir import Layout, RunDirectory
from geomreg_tui.rundir.store import parsing, read_json, write_json
from geomreg_tui.sampling.packs import PackFolder
from geomreg_tui.sampling.store import read_prefix
from geomreg_tui.statistics.observable_laws import ObservableLaw
from geomreg_tui.summary import Facts

__all__ = [
    "FOLDER",
    "LAYOUT",
    "Observed",
    "Planned",
    "asks_for_more",
    "empty_observations",
    "packs_of",
    "read_given_up",
    "read_observed",
    "write_given_up",
]

FOLDER = "gradients"
_PLAN, _GIVEN_UP = "plan.json", "given_up.json"
LAYOUT = Layout(
    begun=(f"{FOLDER}/{_PLAN}",),
    owned={
        FOLDER: re.compile(
            r"plan\.json|given_up\.json|[\d-]+\.safetensors(\.damaged)?|tail\.safetensors|\..+\.tmp"
        )
    },
)


@dataclass(frozen=True)
class Planned:
    """What is observed and how, as a run keeps it.

    Attributes:
        plan: what is asked for.
        arrangement: how.
        laws: what theory expects of the observables that it has a law for, by name.
    """

    plan: GradientPlan
    arrangement: Arrangement
    laws: Mapping[str, ObservableLaw] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write it into a run directory, with the folder that chunks go to.

        Raises:
            RunDirectoryError: if that cannot be done.
        """
        path = folder / FOLDER
        try:
            path.mkdir(exist_ok=True)
        except OSError as error:
            raise RunDirectoryError(f"{path}: cannot be created ({error.strerror})") from error
        write_json(path / _PLAN, self.to_json())

    def to_json(self) -> dict[str, object]:
        """Return plain data."""
        values: dict[str, object] = {"plan": plan_values(self.plan), "arrangement": asdict(self.arrangement)}
        if self.laws:
            values["laws"] = {name: list(law) for name, law in self.laws.items()}
        return values

    @classmethod
    def from_json(cls, values: object) -> Planned:
        """Restore what :meth:`to_json` returned.

        Raises:
            LookupError, TypeError, ValueError: if it is not whole.
        """
        if not isinstance(values, dict):
            raise TypeError("not a plan of gradients")
        laws = {
            str(observable): ObservableLaw(plain_text(str(name)), float(mean), float(error))
            for observable, (name, mean, error) in dict(values.get("laws", {})).items()
        }
        return cls(plan_from_values(values["plan"]), arrangement_from_values(values["arrangement"]), laws)

    @classmethod
    def read(cls, run: RunDirectory) -> Planned | None:
        """Return what a run observes; None where it observes nothing.

        Raises:
            RunDirectoryError: if the plan is damaged.
        """
        path = run.path / FOLDER / _PLAN
        if not path.exists():
            return None
        values = read_json(path)
        with parsing(path):
            return cls.from_json(values)


@dataclass(frozen=True)
class Observed:
    """What the networks of a run that were observed have shown.

    Attributes:
        planned: what was asked for, and how it is observed.
        observations: what came of it.
    """

    planned: Planned
    observations: Observations


def asks_for_more(run: RunDirectory, networks: int) -> bool:
    """Return whether a number of networks is more than a run that is gone on with observes.

    Raises:
        ExperimentError: if it is fewer, or the run observes none.
        RunDirectoryError: if the plan of the run is damaged.
    """
    planned = Planned.read(run)
    if planned is None:
        rule = "this run observes nothing; begin another one with --observe"
        raise ExperimentError([Problem("observed", f"{networks:,}", rule)])
    if networks < planned.plan.networks:
        rule = f"this run observes {planned.plan.networks:,}; allowed is that number or more"
        raise ExperimentError([Problem("observed", f"{networks:,}", rule)])
    return networks > planned.plan.networks


def empty_observations(planned: Planned, facts: Facts) -> Observations:
    """Return the observations of no networks."""
    origin = facts.null_loss if planned.plan.walks else None
    return Observations.empty(planned.plan.observables, facts.experiment.bin_bits, origin)


def packs_of(run: RunDirectory, planned: Planned) -> PackFolder[Observations]:
    """Return the folder of the packs of observed networks; packs of other plans are refused."""
    same = replace(planned, plan=replace(planned.plan, networks=1), laws={})
    text = json.dumps([run.facts.experiment.digest(), same.to_json()], sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    size = planned.arrangement.chunk
    return PackFolder(run.path / FOLDER, digest, size, empty_observations(planned, run.facts))


def read_given_up(run: RunDirectory) -> set[int]:
    """Return the chunks that could not be observed; none where that was not written, or is damaged."""
    path = run.path / FOLDER / _GIVEN_UP
    if not path.exists():
        return set()
    try:
        values = read_json(path)
        with parsing(path):
            return {int(chunk) for chunk in values["chunks"]}
    except RunDirectoryError:
        return set()


def read_observed(run: RunDirectory) -> Observed | None:
    """Return the networks of the committed prefix that were observed; None where nothing is observed.

    Raises:
        RunDirectoryError: if the plan is damaged, or the folder cannot be read.
    """
    planned = Planned.read(run)
    if planned is None:
        return None
    pack, _ = read_prefix(packs_of(run, planned), read_given_up(run))
    return Observed(planned, pack.summary)


def write_given_up(run: RunDirectory, chunks: set[int]) -> None:
    """Write which chunks could not be observed.

    Raises:
        RunDirectoryError: if it cannot be written.
    """
    write_json(run.path / FOLDER / _GIVEN_UP, {"chunks": sorted(chunks)})
