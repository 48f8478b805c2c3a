"""A copy of a run, which goes on in place of it: what was drawn is the same, and the run stays as it is."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from geomreg_tui.errors import RunDirectoryError
from geomreg_tui.rundir.catalogue import new_run_path, owned_files
from geomreg_tui.rundir.directory import Layout, RunDirectory
from geomreg_tui.rundir.labels import Labels, write_labels
from geomreg_tui.rundir.store import is_temporary

__all__ = ["copy_run"]

# What is of the engine that was at work there, or will be written anew.
_NOT_COPIED = re.compile(r"lease\.json|live\.safetensors|summary\.json|labels\.json|engine\.log")


def copy_run(path: Path, layout: Layout, note: str) -> Path:
    """Copy a run that no engine is at into the catalogue, and return the directory of the copy.

    Args:
        path: the run directory.
        layout: what its stages keep there.
        note: of the copy.

    Raises:
        RunDirectoryError: if it is no run directory, is in use, or cannot be copied; nothing is left then.
    """
    run = RunDirectory.open(path)
    run.check_free()
    copy = _new_folder(run)
    try:
        for name, files in owned_files(layout).items():
            source, folder = path / name, copy / name
            if name == "control" or source.is_symlink() or not source.is_dir():
                continue
            folder.mkdir(exist_ok=True)
            for file in source.iterdir():
                if not files.fullmatch(file.name) or _NOT_COPIED.fullmatch(file.name):
                    continue
                if file.is_file() and not file.is_symlink() and not is_temporary(file.name):
                    shutil.copyfile(file, folder / file.name)
        write_labels(copy, Labels(note=note))
        # The experiment comes last: a directory that has it is a run, whole from the start.
        shutil.copyfile(path / "experiment.json", copy / "experiment.json")
    except (OSError, RunDirectoryError) as error:
        shutil.rmtree(copy, ignore_errors=True)
        raise RunDirectoryError(f"{path}: cannot be copied to {copy} ({error})") from error
    copied = RunDirectory.open(copy)
    copied.log("copied", source=str(path))
    return copy


def _new_folder(run: RunDirectory) -> Path:
    """Make the folder of a new run; another process may take a name meanwhile.

    Raises:
        RunDirectoryError: if it cannot be made.
    """
    while True:
        path = new_run_path(run.asked)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir()
        except FileExistsError:
            continue
        except OSError as error:
            raise RunDirectoryError(f"{path}: cannot be created ({error.strerror})") from error
        return path
