"""Tails that were walked by the moves of another version: read, never gone on with, and never mixed."""

import json
import shutil
from dataclasses import replace

import pytest

from geomreg_tui.rundir import RunDirectory, RunState
from geomreg_tui.rundir.store import read_arrays, write_arrays
from geomreg_tui.runner.verify import verify_run
from geomreg_tui.splitting.checkpoints import Checkpoint, TailFolder
from geomreg_tui.splitting.population import Population
from tests.command import call
from tests.engines import put_engines_here

COMMAND = [
    "tail", "--data", "gaussian", "--inputs", 3, "--examples", 2, "--width", 4, "--depth", 1,
    "--samples", 2000, "--to-log10-volume", -4, "--population", 50, "--repeats", 2,
]  # fmt: skip


def finished_with(kernel, folder):
    path = folder / "run"
    with pytest.MonkeyPatch.context() as monkeypatch:
        put_engines_here(monkeypatch)
        call(*COMMAND, "--move", kernel, "--out", path, "--quiet", check=0)
    return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished tail of the kernel whose moves have changed."""
    return finished_with("tempered", tmp_path_factory.mktemp("old"))


def rewrite(path, index, **values):
    """Change values of a checkpoint; those given as None are removed."""
    file = path / "tail" / f"population-{index:02d}.safetensors"
    header, arrays = read_arrays(file)
    removed = {name for name, value in values.items() if value is None}
    kept = {n: v for n, v in {**json.loads(header["values"]), **values}.items() if n not in removed}
    write_arrays(file, {**header, "values": json.dumps(kept)}, arrays)


def stopped(path):
    """Return a run after saying that it was stopped."""
    run = RunDirectory.open(path)
    run.write_status(replace(run.read_status(), state=RunState.STOPPED))
    return run


def halfway(path, index):
    """Put a population back to where it was after two levels."""
    run = stopped(path)
    plan = TailFolder.of(run).planned().in_use
    descender = Population(run.facts.experiment, plan, index)
    for _ in range(2):
        assert descender.advance()
    TailFolder.of(run).write(index, plan, Checkpoint(*descender.to_parts(), 0.1))


def not_begun(path, index):
    stopped(path)
    (path / "tail" / f"population-{index:02d}.safetensors").unlink()


def files_of(path):
    return {file.name: file.read_bytes() for file in (path / "tail").glob("population-*")}


def volumes_of(path):
    return [
        descent.log_volume.tolist() for descent in TailFolder.of(RunDirectory.open(path)).read().populations
    ]


@pytest.mark.parametrize(("other", "left"), [(None, halfway), (None, not_begun), (3, halfway)])
def test_what_is_left_to_walk_is_refused_in_one_line_and_the_rest_stays_readable(
    engines_here, finished, tmp_path, other, left
):
    """A population of other moves is neither gone on with nor joined with one of these."""
    path = tmp_path / "run"
    shutil.copytree(finished, path)
    left(path, 1)
    for index in range(2 if left is halfway else 1):
        rewrite(path, index, moves=other)
    files, volumes = files_of(path), volumes_of(path)
    code, out, err = call("tail", "--resume", path)
    assert code != 0
    assert out == ""
    assert err.count("\n") == 1
    assert "begun by an earlier version, with other moves" in err
    assert "another directory" in err
    assert files_of(path) == files
    assert volumes_of(path) == volumes
    call("report", path, check=0)
    assert verify_run(path).problems == ()


def test_a_finished_tail_of_other_moves_is_complete_and_readable(finished, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(finished, path)
    for index in range(2):
        rewrite(path, index, moves=None)
    volumes = volumes_of(path)
    code, _, err = call("tail", "--resume", path)
    assert code == 0, err
    assert "complete" in err
    assert volumes_of(path) == volumes == volumes_of(finished)
    assert verify_run(path).problems == ()


def test_one_whose_moves_have_not_changed_since_0_1_0_goes_on_to_the_same_bits(engines_here, tmp_path):
    whole, path = finished_with("pcn", tmp_path), tmp_path / "copy"
    shutil.copytree(whole, path)
    halfway(path, 1)
    rewrite(path, 1, moves=None)
    code, _, err = call("tail", "--resume", path, "--quiet")
    assert code == 0, err
    assert volumes_of(path) == volumes_of(whole)
    ends = [TailFolder.of(RunDirectory.open(each)) for each in (path, whole)]
    found, expected = (tail.checkpoint(1, tail.planned().in_use) for tail in ends)
    assert found.values == expected.values
    assert {name: array.tobytes() for name, array in found.arrays.items()} == {
        name: array.tobytes() for name, array in expected.arrays.items()
    }


@pytest.mark.parametrize("moves", [None, 3, "2"])
def test_no_descender_takes_a_checkpoint_of_other_moves(finished, moves):
    run = RunDirectory.open(finished)
    plan = TailFolder.of(run).planned().in_use
    found = TailFolder.of(run).checkpoint(0, plan)
    values = {**found.values, "moves": moves}
    if moves is None:
        del values["moves"]
    with pytest.raises(ValueError, match="another version's moves"):
        Population(run.facts.experiment, plan, 0, checkpoint=(values, found.arrays))
