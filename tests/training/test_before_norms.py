"""Training that was begun before norms of weights were recorded: it is read, and gone on with.

``stored_before_norms`` was written by the code of 2026-11-29 before norms were there, by torch 2.13.0: four
trajectories of momentum, of which two have ended and two were stopped after eight steps.
"""

import json
import shutil
from pathlib import Path

import numpy as np

from geomreg_tui.report import load_result
from geomreg_tui.rundir import RunDirectory
from geomreg_tui.training.overview import TrainingOverview
from geomreg_tui.training.store import TrainingFolder, read_overview, read_trajectories
from tests.training.making import gone_on_with

STORED = Path(__file__).with_name("stored_before_norms")


def test_a_run_from_before_is_read_and_goes_on(tmp_path):
    path = tmp_path / "run"
    shutil.copytree(STORED, path)
    (path / "chunks").mkdir(exist_ok=True)  # git keeps no empty folders
    run = RunDirectory.open(path)
    before = read_trajectories(run)
    assert (len(before.trajectory), before.going) == (4, 2)
    assert before.step.max() >= 10
    assert np.isnan(before.norm).all()
    assert np.isfinite(before.distance).all()
    assert np.isnan(read_overview(run).bands["norm"].median).all()
    planned = TrainingFolder(run).planned()
    stopped = before.final("step")[2:].max()
    assert planned.groups == 2

    gone_on_with(run)
    after = read_trajectories(run)
    assert after.going == 0
    new = (after.row_trajectory >= 2) & (after.step > stopped)
    assert new.sum() >= 2
    assert np.isfinite(after.norm[new]).all()
    assert np.isnan(after.norm[~new]).all()
    np.testing.assert_array_equal(after.columns[~new], before.columns)
    # The triangle that a network, its start and 0 make.
    norm, distance, relative = (
        values[new] for values in (after.norm, after.distance, after.relative_distance)
    )
    assert (np.abs(norm - distance / relative) <= distance * (1 + 1e-6)).all()
    assert json.loads((path / "summary.json").read_text())["training"]["final"]["norm"]
    assert load_result(path).training.over


def test_an_overview_from_before_has_no_norms():
    overview = read_overview(RunDirectory.open(STORED))
    values, arrays = overview.to_parts()
    old = {key: array for key, array in arrays.items() if "norm" not in key.split(".")[1:]}
    assert len(arrays) - len(old) == 5
    for name in ("ends", "shown"):
        del values[name]["norm"]
    restored = TrainingOverview.from_parts(json.loads(json.dumps(values)), old)
    assert np.isnan(restored.ends.norm).all()
    assert np.isnan(restored.bands["norm"].quantiles).all()
    np.testing.assert_array_equal(restored.ends.loss, overview.ends.loss)
