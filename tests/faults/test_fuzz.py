"""Run files that anyone may have made: never a traceback, a hang, or an allocation above the cap."""

import contextlib
import io
import json
import os
import resource
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from geomreg_tui.cli.runs import list_all
from geomreg_tui.engine import StageContext
from geomreg_tui.engine.executors import InProcess
from geomreg_tui.engine.loop import Pace
from geomreg_tui.errors import GeomregError
from geomreg_tui.gradients.pieces import ArrangeWork
from geomreg_tui.gradients.plan import GradientPlan
from geomreg_tui.gradients.store import Planned
from geomreg_tui.gradients.work import arrange
from geomreg_tui.report import load_result, report_text, result_document
from geomreg_tui.rundir import RunDirectory, read_status
from geomreg_tui.rundir.log import read_events
from geomreg_tui.rundir.store import ARRAYS_CAP
from geomreg_tui.runner.registry import STAGES
from geomreg_tui.runner.snapshot import read_live, to_stored
from geomreg_tui.runner.verify import verify_run
from geomreg_tui.sampling.plan import read_plan
from geomreg_tui.sampling.store import committed
from geomreg_tui.splitting.checkpoints import TailFolder
from geomreg_tui.splitting.pieces import LevelsWork
from geomreg_tui.splitting.plan import NAME as SPLITTING
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.splitting.result import PopulationResult, Tail
from geomreg_tui.splitting.work import go_down
from geomreg_tui.training.plan import TrainingPlan
from geomreg_tui.training.store import PlannedTraining
from geomreg_tui.tui.pins import Pins
from geomreg_tui.tui.view import build_view
from tests.making import make_engine

from .driving import sample_here

FILES = (
    "experiment.json",
    "facts.safetensors",
    "environment.json",
    "plan.json",
    "status.json",
    "lease.json",
    "log.jsonl",
    "live.safetensors",
    "summary.json",
    "chunks/000000000000-000000000001-0.safetensors",
    "chunks/tail.safetensors",
    "tail/plan.json",
    "tail/population-00.safetensors",
    "training/plan.json",
    "training/group-0000.safetensors",
    "gradients/plan.json",
    "gradients/tail.safetensors",
    "control/00000000000000000001-01234567.json",
)
# Small files: whatever they claim to hold, reading them takes no more than a little of the cap.
MEMORY_CAP = ARRAYS_CAP // 8
MUCH = 2**40

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**63, -(2**63), 10**400, 0, -1])
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.sampled_from(["\x1b[2J", "../../etc/passwd", "/dev/zero", "[red]", "9" * 5000])
)


def _nested(inner):
    return st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)


values = st.recursive(scalars, _nested, max_leaves=8)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    path = tmp_path_factory.mktemp("fuzz") / "run"
    run = sample_here(path, 1250, InProcess(), deep=True)
    add_training_and_gradients(run)
    add_a_tail(run)
    (path / "control").mkdir()
    (path / FILES[-1]).write_text('{"action": "pause", "samples": 0}')
    (path / "lease.json").write_text('{"host": "x", "pid": 1, "birth": 1, "since": "now", "token": "t"}')
    assert all((path / name).exists() for name in FILES), [*run.path.rglob("*")]
    check(path, tmp_path_factory, FILES[0], (path / FILES[0]).read_bytes(), MUCH)  # loads all that is used
    return path


def add_training_and_gradients(run):
    """Train a few networks of a run, and observe a few."""
    experiment = run.facts.experiment
    training = TrainingPlan(lr=0.01, steps=3, trajectories=3, sketch=4, observe=("confusion", "ntk"))
    PlannedTraining(training, experiment.depth + 1, 2).write(run.path)
    plan = GradientPlan(("gradient_norm",), 20)
    found = arrange(ArrangeWork(experiment, plan), "cpu")
    Planned(plan, found.arrangement, found.laws).write(run.path)
    lease = run.lease()
    try:
        make_engine(run, InProcess(), lease, Pace(commit=0.0)).run()
    finally:
        lease.release()


def add_a_tail(run):
    """Give a run a deep tail of two populations that are on their way, and say so in snapshot and summary."""
    plan = TailPlan(
        log10_volume=-100, population=20, repeats=2, kernel="pcn", observe=("confusion", "gradient_norm")
    )
    tail = Tail(plan, "pcn", "latent", (PopulationResult.empty(),) * 2)
    TailFolder.of(run).write_plan(tail)
    for index in range(2):
        for _ in range(5):  # down to where members are observed
            stands = TailFolder.of(run).checkpoint(index, plan)
            levels = stands.result.levels if stands else 0
            leg = LevelsWork(run.facts.experiment, plan, index, stands, levels, 1e9, 0.0)
            TailFolder.of(run).write(index, plan, go_down(leg, "cpu").checkpoint)
    tail = TailFolder.of(run).read()
    assert all(descent.levels for descent in tail.populations)
    assert all(descent.observed.log_loss.size for descent in tail.populations)
    live = read_live(run)
    run.write_live(to_stored(replace(live, results={**live.results, SPLITTING: tail})))
    run.write_summary(result_document(load_result(run.path)))


def everything(path):
    """Do all that the program does with the files of a run without sampling."""
    with contextlib.suppress(GeomregError):
        read_status(path)
    with contextlib.suppress(GeomregError):
        read_events(path / "log.jsonl")
    with contextlib.suppress(GeomregError):
        verify_run(path)
    with contextlib.suppress(GeomregError):
        result = load_result(path)
        report_text(result)
        json.dumps(result_document(result), allow_nan=False)
    with contextlib.suppress(GeomregError):
        run = RunDirectory.open(path)
        run.engine()
        run.control.poll()
        for read in (read_live, read_plan, committed):
            with contextlib.suppress(GeomregError):
                read(run)
        with contextlib.suppress(GeomregError):
            if (snapshot := read_live(run)) is not None:
                build_view(snapshot, 0, Pins(), dip=False)
        for kind in STAGES:
            kind.tidy(run)
            stage = kind.open(run, StageContext(), {})
            if stage is not None:
                kind.to_part(stage.result())
    os.environ["GEOMREG_HOME"] = str(path.parents[1])
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):

        class Context:
            invoked_subcommand = None

        list_all(Context(), as_json=False, limit=0)


def check(original, tmp_path_factory, name, data, memory=MEMORY_CAP):
    folder = Path(os.path.realpath(tmp_path_factory.getbasetemp())) / f"fuzz-{os.getpid()}"
    path = folder / "runs" / "20260101-000000-mlp-01234567"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(original, path)
    (path / name).write_bytes(data)
    home = os.environ.get("GEOMREG_HOME")
    try:
        with little_memory(memory):
            everything(path)
    finally:
        if home is not None:
            os.environ["GEOMREG_HOME"] = home


@contextlib.contextmanager
def little_memory(memory=MEMORY_CAP):
    """Let this process have no more than a little of memory more, whether Python or native code asks."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    in_use = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (in_use + memory, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def test_more_memory_than_that_cannot_be_had():
    with little_memory():
        np.empty(MEMORY_CAP // 16)
        with pytest.raises(MemoryError):
            np.empty(2 * MEMORY_CAP // 8)


fuzz = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "2")),
    phases=(Phase.explicit, Phase.generate),
)


@pytest.mark.parametrize("name", FILES)
@fuzz
@given(data=st.data())
def test_bytes_changed_anywhere(original, tmp_path_factory, name, data):
    content = bytearray((original / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content)))
        stop = data.draw(st.integers(start, min(len(content), start + 40)))
        content[start:stop] = data.draw(st.binary(max_size=40))
    check(original, tmp_path_factory, name, bytes(content[: data.draw(st.integers(0, len(content)))]))


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith("json")])
@fuzz
@given(data=st.data())
def test_values_changed_in_json(original, tmp_path_factory, name, data):
    document = json.loads((original / name).read_text())
    place = document
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], (dict, list)) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(values)
    check(original, tmp_path_factory, name, json.dumps(document).encode())


def header_of(content):
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]), content[8 + length :]


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith("safetensors")])
@fuzz
@given(data=st.data())
def test_values_changed_in_the_headers_of_arrays(original, tmp_path_factory, name, data):
    """Shapes, types and offsets that claim what is not there; the digest is of what the file then holds."""
    header, body = header_of((original / name).read_bytes())
    key = data.draw(st.sampled_from(sorted(header)))
    if key == "__metadata__":
        header[key]["header"] = json.dumps(data.draw(values))
    else:
        field = data.draw(st.sampled_from(sorted(header[key])))
        header[key][field] = data.draw(
            st.lists(st.integers(0, 2**62), max_size=4)
            | st.sampled_from(["F64", "I64", "F16", "BF16", "U8", "BOOL", "F8_E4M3", "Q9"])
        )
    text = json.dumps(header).encode()
    check(original, tmp_path_factory, name, len(text).to_bytes(8, "little") + text + body)


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith("safetensors")])
@fuzz
@given(data=st.data())
def test_content_changed_under_a_valid_checksum(original, tmp_path_factory, name, data):
    """As a forger would: arrays and header are changed, and the digest is made to match."""
    from geomreg_tui.rundir.store import read_arrays, write_arrays

    header, arrays = read_arrays(original / name)
    arrays = {key: array.copy() for key, array in arrays.items()}
    key = data.draw(st.sampled_from(sorted(header)))
    header[key] = data.draw(values)
    for _ in range(data.draw(st.integers(0, 3))):
        array = arrays[data.draw(st.sampled_from(sorted(arrays)))]
        if array.size:
            place = data.draw(st.integers(0, array.size - 1))
            kind = st.floats() if array.dtype.kind == "f" else st.integers(-(2**63), 2**63 - 1)
            array.flat[place] = data.draw(kind)
    forged = tmp_path_factory.getbasetemp() / f"forged-{os.getpid()}.safetensors"
    try:
        write_arrays(forged, header, arrays)
    except (ValueError, TypeError):  # not JSON: a forger cannot write that either
        return
    check(original, tmp_path_factory, name, forged.read_bytes())


@pytest.mark.parametrize(
    ("name", "length"),
    [
        pytest.param(name, length, marks=[] if number % 3 == place else [pytest.mark.full])
        for number, name in enumerate(name for name in FILES if name.endswith("safetensors"))
        for place, length in enumerate([2**18 + 1, 2**40, 2**63])
    ],
)
def test_a_header_that_claims_to_be_huge(original, tmp_path_factory, name, length):
    content = (original / name).read_bytes()
    check(original, tmp_path_factory, name, length.to_bytes(8, "little") + content[8:])


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        pytest.param(name, kind, marks=[] if number % 3 == place else [pytest.mark.full])
        for number, name in enumerate(FILES)
        for place, kind in enumerate(["link", "pipe", "folder"])
    ],
)
def test_links_pipes_and_folders_in_place_of_files(original, tmp_path, name, kind):
    path = tmp_path / "runs" / "20260101-000000-mlp-01234567"
    shutil.copytree(original, path)
    secret = tmp_path / "secret"
    secret.write_bytes((path / name).read_bytes())
    (path / name).unlink()
    if kind == "link":
        (path / name).symlink_to(secret)
    elif kind == "pipe":
        os.mkfifo(path / name)
    else:
        (path / name).mkdir()
    everything(path)
    assert secret.exists()


def test_a_file_that_is_too_large_is_not_read(original, tmp_path_factory):
    for name in FILES:
        folder = tmp_path_factory.mktemp("large")
        path = folder / "runs" / "20260101-000000-mlp-01234567"
        shutil.copytree(original, path)
        with open(path / name, "r+b") as file:
            file.truncate(2**34)  # sparse: nothing is on the disk
        with little_memory():
            everything(path)
