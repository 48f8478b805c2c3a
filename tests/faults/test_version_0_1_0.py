"""Runs and sweeps that version 0.1.0 wrote: read, verified, and gone on with to the bits that it came to.

``tests/stored_0_1_0/README.md`` says how they were made.
"""

import json
import platform
import shutil
import warnings
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from typer.testing import CliRunner

import geomreg_tui as geomreg
from geomreg_tui.cli.app import app
from geomreg_tui.rundir import RunDirectory
from geomreg_tui.rundir.store import arrays_digest
from tests.processors import PORTABLE, is_common, processor

STORED = Path(__file__).parents[1] / "stored_0_1_0"
EXPECTED = json.loads((STORED / "expected.json").read_text())
RUNS = ["finished", "stopped", "tail", "descending"]
POINTS = ["width=2", "width=4", "width=8"]
ROUNDING = ("torch", "numpy", "device", "device_kind")  # of an environment, on which the bits depend
# Parts of a result that are what they were. Modes and dominance are found by other rules now.
KEPT = (
    "schema", "experiment", "digest", "samples", "complete", "sampler", "data_notes", "parameters",
    "init_radius", "landmarks", "counts", "loss", "volume", "held_out", "tail", "histogram_digest",
    "environments", "mixed", "given_up", "timing",
)  # fmt: skip


def copied(name, folder):
    """Return the path of a copy that may be written to."""
    return Path(shutil.copytree(STORED / name, folder / name))


def said(*arguments):
    """Return what a command prints that must end well."""
    wide = {"COLUMNS": "120"}  # or tables are laid out for whatever terminal there is
    answer = CliRunner(env=wide).invoke(app, [str(word) for word in arguments], catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    return answer.output


def files_of(path):
    return {file.relative_to(path): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def agree(stored, read, where):
    """Assert that all that is stored is read as it was, numbers but for their last digits."""
    if isinstance(stored, dict):
        assert stored.keys() <= read.keys(), where
        for key, value in stored.items():
            agree(value, read[key], f"{where}.{key}")
    elif isinstance(stored, list):
        assert len(stored) == len(read), where
        for index, (one, other) in enumerate(zip(stored, read, strict=True)):
            agree(one, other, f"{where}[{index}]")
    elif isinstance(stored, float):
        np.testing.assert_allclose(read, stored, rtol=1e-9, atol=1e-12, err_msg=where)
    else:
        assert read == stored, where


@contextmanager
def portable_instructions():
    """Let processes that are started meanwhile round as on any other machine."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in PORTABLE.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """A run of this version, from the experiment of the run that was stopped."""
    asked = json.loads((STORED / "stopped" / "experiment.json").read_text())["asked"]
    path = tmp_path_factory.mktemp("fresh") / "run"
    with portable_instructions():
        return geomreg.sample(
            geomreg.Experiment.parse(asked),
            EXPECTED["stopped"]["samples"],
            path,
            keep_losses=1000,
            workers=1,
            progress=False,
        )


@pytest.fixture(scope="module")
def differs(fresh):
    """In words, what is not as it was where they were written; empty where bits must be the same."""
    (stored,) = json.loads((STORED / "stopped" / "environment.json").read_text())["environments"]
    (here,) = fresh.environments
    then, now = ({key: values[key] for key in ROUNDING} for values in (stored, here))
    then["libc"], now["libc"] = EXPECTED["libc"], " ".join(platform.libc_ver())
    changed = [f"{key} was {then[key]} and is {now[key]}" for key in then if then[key] != now[key]]
    if not is_common():
        changed.append("the processor has no AVX2 and FMA")
    if "avx512f" not in processor().get("flags", "").split():
        # Chunks are recognised by sums that numpy's OpenBLAS adds, which goes by the processor alone.
        changed.append("the processor has no AVX-512")
    return ", ".join(changed)


def resumed(path, differs, samples=None):
    """Return a run at its end, having gone on with it."""
    with portable_instructions(), warnings.catch_warnings():
        if differs:
            warnings.filterwarnings("ignore", message=".*mixed.*", category=RuntimeWarning)
        result = geomreg.load(path).resume(samples, workers=1, progress=False, allow_mixed=bool(differs))
    assert result.complete
    assert result.verify().problems == ()
    return result


def same_bits_are_due(differs):
    """Skip the rest of a test where bits may differ from those of the machine that wrote the directories."""
    if differs:
        pytest.skip(f"gone on with, but bits are not compared: {differs}")


@pytest.mark.parametrize("name", [*RUNS, *(f"sweep/{point}" for point in POINTS)])
def test_a_run_is_read_reported_exported_and_whole(name, tmp_path):
    path = copied(name, tmp_path)
    before = files_of(path)
    stored = json.loads((path / "summary.json").read_text())
    assert geomreg.RunDirectory.open(path).facts.experiment.digest() == stored["digest"]
    assert geomreg.load(path).verify().problems == ()
    assert said("runs", "verify", path).startswith(f"{path.name}: ok, {stored['samples']:,} networks")
    assert f"{stored['samples']:,}" in said("report", path)
    said("export", path, tmp_path / "result.json")
    read = json.loads((tmp_path / "result.json").read_text())
    found = [key for key in KEPT if key in stored]
    assert {"volume", "loss", "histogram_digest"} < set(found)
    agree({key: stored[key] for key in found}, read, name)
    assert files_of(path) == before


@pytest.mark.parametrize("name", RUNS)
def test_a_snapshot_can_be_written_again_and_holds_the_same(name, tmp_path):
    run = RunDirectory.open(copied(name, tmp_path))
    first = run.read_live()
    laws = set(first.facts.to_parts()[1])
    assert all(laws.isdisjoint(part.arrays) for part in first.parts.values())
    run.write_live(first)
    second = run.read_live()
    assert replace(second, parts={}, facts=None) == replace(first, parts={}, facts=None)
    assert {name: digest(part) for name, part in second.parts.items()} == {
        name: digest(part) for name, part in first.parts.items()
    }
    before, now = load_file(STORED / name / "live.safetensors"), load_file(run.path / "live.safetensors")
    assert before.keys() == now.keys()
    assert all(np.array_equal(before[each], now[each]) for each in before)


def digest(part):
    return json.dumps(part.values, sort_keys=True), arrays_digest(part.arrays)


def test_kept_losses_are_read_to_the_last_bit(tmp_path):
    losses = geomreg.load(copied("finished", tmp_path)).losses
    stored = np.load(STORED / "finished" / "losses.npy", allow_pickle=False)
    assert losses.size == 1500
    assert losses.tobytes() == stored.tobytes()


def test_the_curve_of_a_tail_is_read_as_it_was_written(tmp_path):
    result = geomreg.load(copied("tail", tmp_path))
    stored = json.loads((STORED / "tail" / "summary.json").read_text())["tail"]
    assert (result.tail.status, stored["status"]) == ("volume reached", "volume reached")
    for population in sorted((STORED / "tail" / "tail").glob("population-??.safetensors")):
        assert load_file(population)["log_volume"][-1] / np.log(10) <= stored["goal"]["log10_volume"]
    columns = result.arrays("tail")
    # One curve from plain sampling and the tail together: below what was sampled it is the tail's.
    deep = columns["log10_volume"] < min(stored["log10_volume"]) + 0.5
    found = np.stack([columns["log10_loss"][deep], columns["log10_volume"][deep]])
    assert found.size
    points = np.stack([stored["log10_loss"], stored["log10_volume"]])
    for point in found.T:
        assert np.isclose(points.T, point, rtol=1e-9).all(axis=1).any(), point


def test_a_sweep_is_read_and_reported(tmp_path):
    path = copied("sweep", tmp_path)
    before = files_of(path)
    stored = json.loads((path / "sweep.json").read_text())
    sweep = geomreg.load(path)
    assert [point["samples"] for point in stored["points"]] == [1500] * 3
    assert [result.summary.samples for result in sweep.results] == [1500] * 3
    digests = [point["histogram_digest"] for point in stored["points"]]
    assert [sweep[point].histogram_digest for point in POINTS] == digests
    assert len(set(digests)) == 3
    table = said("report", path)
    assert all(f"{width} " in table for width in (2, 4, 8))
    assert [p["histogram_digest"] for p in json.loads(said("report", path, "--json"))["points"]] == digests
    assert files_of(path) == before


def test_a_run_that_was_stopped_goes_on_to_the_bits_of_a_fresh_one(tmp_path, fresh, differs):
    path = copied("stopped", tmp_path)
    before = geomreg.load(path)
    assert (before.complete, before.summary.samples) == (False, 1250)
    result = resumed(path, differs)
    assert result.summary.samples == fresh.summary.samples == EXPECTED["stopped"]["samples"]
    same_bits_are_due(differs)
    assert result.histogram_digest == fresh.histogram_digest == EXPECTED["stopped"]["histogram_digest"]
    assert result.losses.tobytes() == fresh.losses.tobytes()


def test_a_finished_run_is_extended_to_the_bits_of_0_1_0(tmp_path, differs):
    samples, expected = (EXPECTED["finished"][key] for key in ("samples", "histogram_digest"))
    result = resumed(copied("finished", tmp_path), differs, samples)
    assert result.summary.samples == samples
    same_bits_are_due(differs)
    assert result.histogram_digest == expected


def test_a_population_that_was_half_way_is_walked_anew_and_what_it_was_is_kept(tmp_path, differs):
    """Checkpoints of 0.1.0 do not say how far losses are above the floor, without which none goes on."""
    path = copied("descending", tmp_path)
    (half,) = (path / "tail").glob("population-*")
    written = half.read_bytes()
    assert not geomreg.load(path).complete
    result = resumed(path, differs)
    assert (result.tail.status, result.summary.samples) == ("volume reached", 500)
    files = [load_file(file) for file in sorted((path / "tail").glob("population-??.safetensors"))]
    assert len(files) == 2
    for file in files:
        assert file["log_volume"][-1] / np.log(10) <= -7
        assert np.all(np.diff(file["log_loss"]) <= 0)
    assert half.with_name(half.name + ".damaged").read_bytes() == written
    events = [json.loads(line) for line in (path / "log.jsonl").read_text().splitlines()]
    assert [event["population"] for event in events if event["event"] == "checkpoint set aside"] == [0]
