"""Folders of several sweeps that belong together: comparisons of sampling with training, and studies.

====================  =====================================================================
of a comparison       ``ARM/``, the sweep of each arm, and ``compare.json``, the result
of studies            ``NAME/PART/``, the sweeps of each study, and ``studies.json``, the scale
====================  =====================================================================
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from geomreg_tui.errors import RunDirectoryError
from geomreg_tui.rundir import Layout, RunEntry, RunState, Status
from geomreg_tui.rundir.catalogue import check_deletable, delete_owned, is_sweep
from geomreg_tui.rundir.elsewhere import COMPARISON, STUDIES, remembered
from geomreg_tui.sweeps.directory import SweepDirectory, begun_of, delete_sweep, sweeps_root

__all__ = [
    "ARMS",
    "COMPARE_RESULT",
    "STUDIES_SCALE",
    "STUDY_RESULT",
    "delete_group",
    "group_kind",
    "group_status",
    "list_groups",
    "members",
    "studies_root",
]

ARMS = ("volume", "readout", "gd", "sgd")  # of comparisons, each a sweep over training sets
COMPARE_RESULT, STUDIES_SCALE, STUDY_RESULT = "compare.json", "studies.json", "study.json"
_OWNED = Layout(owned={".": re.compile(r"compare\.json|report\.(html|md)|labels\.json|\..+\.tmp")})
_STUDY = Layout(owned={".": re.compile(r"\..+\.tmp")})


def studies_root() -> Path:
    """Return where studies are kept unless somebody says otherwise."""
    return sweeps_root().with_name("studies")


def group_kind(path: Path) -> str | None:
    """Return what a folder is: ``studies``, a ``comparison``, or None for neither."""
    if os.path.isfile(path / STUDIES_SCALE):
        return STUDIES
    if is_sweep(path) or os.path.isfile(path / "experiment.json"):
        return None
    if os.path.isfile(path / COMPARE_RESULT):
        return COMPARISON
    # A folder that somebody keeps sweeps in is no comparison, which has no others than its arms.
    names = [folder.name for folder in _folders(path) if is_sweep(folder)]
    return COMPARISON if names and set(names) <= set(ARMS) else None


def list_groups() -> list[RunEntry]:
    """Return the comparisons and studies there are, in no order: those in the usual places, and elsewhere.

    Raises:
        RunDirectoryError: if a usual place cannot be read.
    """
    listed = []
    for root, kind in ((sweeps_root(), COMPARISON), (studies_root(), STUDIES)):
        try:
            names = os.listdir(root)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise RunDirectoryError(f"{root}: cannot be read ({error.strerror})") from error
        listed += [
            RunEntry(root / name, begun_of(name), kind) for name in names if group_kind(root / name) == kind
        ]
    for kind in (COMPARISON, STUDIES):
        known = remembered(kind)
        listed += [RunEntry(path, begun, kind) for path, _, begun in known if group_kind(path) == kind]
    return listed


def members(entry: RunEntry) -> dict[str, SweepDirectory]:
    """Return the sweeps of a comparison or of studies that have begun, by their path within it."""
    if entry.kind == STUDIES:
        folders = [part for study in _folders(entry.path) for part in _folders(study)]
    else:
        folders = [entry.path / arm for arm in ARMS if not (entry.path / arm).is_symlink()]
    return {str(f.relative_to(entry.path)): SweepDirectory(f) for f in folders if is_sweep(f)}


def group_status(entry: RunEntry) -> Status:
    """Return the state and the counts of all sweeps of a comparison or of studies together."""
    sweeps = members(entry)
    statuses = {name: sweep.status() for name, sweep in sweeps.items()}
    states = [status.state for status in statuses.values()]
    state = next((each for each in states if not each.over), RunState.STOPPED)
    if RunState.FAILED in states and state.over:
        state = RunState.FAILED
    elif states and all(each is RunState.DONE for each in states) and _concluded(entry, list(sweeps)):
        state = RunState.DONE
    if entry.kind == STUDIES:
        names = list(dict.fromkeys(name.split(os.sep)[0] for name in sweeps))
        about = f"{len(names)} {'study' if len(names) == 1 else 'studies'}: {', '.join(names)}"
    else:
        first = next((status.about for status in statuses.values() if status.about), "")
        about = f"{', '.join(sweeps)}: {first}"
    failed = [f"{name}: {status.message}" for name, status in statuses.items() if status.message]
    return Status(
        state,
        sum(status.samples for status in statuses.values()),
        sum(status.target for status in statuses.values()),
        message=next(iter(failed), "") if state is RunState.FAILED else "",
        about=about,
        mixed=any(status.mixed for status in statuses.values()),
    )


def _concluded(entry: RunEntry, names: list[str]) -> bool:
    """Return whether the results are there that are written when all sweeps are."""
    if entry.kind == COMPARISON:
        return os.path.isfile(entry.path / COMPARE_RESULT)
    studies = {name.split(os.sep)[0] for name in names}
    return all(os.path.isfile(entry.path / study / STUDY_RESULT) for study in studies)


def delete_group(
    entry: RunEntry, delete_point: Callable[[Path], tuple[str, ...]], *, force: bool = False
) -> tuple[str, ...]:
    """Delete a comparison, or studies, with all sweeps; return the names of what is kept.

    Args:
        entry: which.
        delete_point: deletes a run, and returns what of it is kept.
        force: delete it although a process seems to be at work.

    Raises:
        RunDirectoryError: if it is none, is a link, a sweep of it is in use, or it cannot be deleted.
    """
    path = entry.path
    if group_kind(path) != entry.kind:
        raise RunDirectoryError(f"{path}: holds no {entry.kind}")
    check_deletable(path, force=force)
    sweeps = members(entry)
    for sweep in sweeps.values():  # all of them before the first is gone
        check_deletable(sweep.path, force=force)
    kept: list[str] = []
    for name, sweep in sweeps.items():
        kept += [f"{name}/{left}" for left in delete_sweep(sweep.path, delete_point, force=force)]
    if entry.kind == STUDIES:
        for study in _folders(path):
            kept += [
                f"{study.name}/{left}"
                for left in delete_owned(study, _STUDY, STUDY_RESULT)
                if not any(name.startswith(f"{study.name}/{left}/") for name in kept)
            ]
    last = STUDIES_SCALE if entry.kind == STUDIES else COMPARE_RESULT
    left_over = delete_owned(path, _OWNED, last)
    return (*kept, *(name for name in left_over if not any(each.startswith(f"{name}/") for each in kept)))


def _folders(path: Path) -> Iterator[Path]:
    """Return the folders in one, by name; links are left out, and all where it cannot be read."""
    try:
        names = sorted(os.listdir(path))
    except OSError:
        return
    for name in names:
        folder = path / name
        if folder.is_dir() and not folder.is_symlink():
            yield folder
