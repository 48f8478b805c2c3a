"""Studies in a process that nobody waits for: begun, stopped at a part, and refused."""

import pytest

from geomreg_tui.errors import ExperimentError
from geomreg_tui.rundir import RunState
from geomreg_tui.studies.directory import StudyDirectory
from geomreg_tui.studies.launch import start_studies, stop_studies
from geomreg_tui.studies.registry import studies_named

from .driving import wait_for


def test_studies_in_the_background_stop_at_the_point_under_way(tmp_path):
    chosen = studies_named(["width-depth", "landscape"])
    first, second = chosen
    handle = start_studies(chosen, "quick", tmp_path, workers=1)
    directory = StudyDirectory(tmp_path)
    sweep = directory.sweep(first, "depth=1")
    wait_for(lambda: sweep.path.joinpath("sweep.json").exists())
    assert stop_studies(directory, "quick")
    wait_for(lambda: not handle.running())
    assert sweep.engine() is None
    assert sweep.status().state is RunState.STOPPED
    result = directory.read(first, "quick")
    assert not result.complete
    assert 1 <= len(result.points["depth=1"]) < 18
    # The study has no verdict yet, and neither its other parts nor the next study have begun.
    assert not (tmp_path / first.name / "study.json").exists()
    assert directory.studies() == (first,)
    assert second.name not in {entry.name for entry in tmp_path.iterdir()}
    assert not stop_studies(directory, "quick")
    with pytest.raises(ExperimentError, match="holds studies at scale quick"):
        start_studies(chosen, "deep", tmp_path)
