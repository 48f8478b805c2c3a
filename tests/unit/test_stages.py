"""A stage is one folder and one line of the registry: a toy stage goes through all that a run can."""

import json
import re
from dataclasses import dataclass
from typing import ClassVar

import pytest

from geomreg_tui.engine import Findings, InProcess, Pace, Progress, Stage, StageContext, StageKind, Work
from geomreg_tui.errors import RunDirectoryError
from geomreg_tui.experiment import Experiment
from geomreg_tui.rundir import Action, Command, Layout, Part, RunDirectory, RunState
from geomreg_tui.rundir.store import arrays_digest, parsing, read_json, write_json
from geomreg_tui.runner import registry
from geomreg_tui.runner.failure import publish_failure
from geomreg_tui.runner.preparing import prepare
from geomreg_tui.runner.registry import delete_run
from geomreg_tui.runner.snapshot import read_live
from geomreg_tui.runner.verify import verify_run
from geomreg_tui.sampling.plan import SamplingPlan
from tests.making import make_engine, preparation

EXPERIMENT = Experiment.parse(
    {"data": "gaussian", "inputs": 2, "examples": 2, "width": 4, "depth": 1, "chunk_size": 64}
)
POWERS = 12


@dataclass(frozen=True)
class PowerWork(Work):
    function: ClassVar[str] = f"{__name__}:compute_power"
    stage: ClassVar[str] = "powers"
    exponent: int


def compute_power(work, device, interrupt=None):
    return 2**work.exponent


@dataclass(frozen=True)
class PowersPlan:
    """So many powers of two are to be computed."""

    count: int
    known: dict[str, int]

    def write(self, folder):
        (folder / "powers").mkdir(exist_ok=True)
        write_json(folder / "powers" / "plan.json", {"count": self.count, "known": self.known})


class PowersStage:
    name = "powers"
    failure = ""

    def __init__(self, run, plan):
        self._run, self._count, self._known = run, plan.count, dict(plan.known)
        self._left = [n for n in range(plan.count) if str(n) not in plan.known]
        self._under_way = False
        self.begun_with = len(plan.known)

    @property
    def finished(self):
        return len(self._known) == self._count

    @property
    def progress(self):
        return Progress(len(self._known), len(self._known), self._count)

    def pop(self):
        if self._under_way or not self._left:
            return None
        self._under_way = True
        return PowerWork(self._left.pop(0))

    def take(self, outcome):
        self._under_way = False
        self._known[str(outcome.work.exponent)] = outcome.answer
        self.commit()
        if len(self._known) == POWERS // 2 and not self.begun_with:
            self._run.send(Command(Action.STOP))  # somebody stops the run in the middle of the stage
        return

    def extend(self, target):
        return ""

    def show_changes(self):
        return True

    def part(self):
        return Part({"known": self._known}, {})

    def result(self):
        return dict(self._known)

    def commit(self):
        PowersPlan(self._count, self._known).write(self._run.path)

    def close(self):
        self.commit()


class PowersKind(StageKind):
    name = "powers"
    layout = Layout(("powers/plan.json",), {"powers": re.compile(r"plan\.json|\..+\.tmp")})

    def check_plan(self, plan, experiment, executor):
        return PowersPlan(plan["count"], {})

    def open(self, run, context, changes):
        plan = self._plan(run)
        return None if plan is None else PowersStage(run, plan)

    def write_changes(self, run, changes):
        pass

    def tidy(self, run):
        pass

    def read(self, run):
        plan = self._plan(run)
        return None if plan is None else plan.known

    def to_part(self, result):
        return Part({"known": result}, {})

    def from_part(self, part, facts):
        return {key: int(value) for key, value in part.values["known"].items()}

    def verify(self, run):
        try:
            plan = self._plan(run)
        except RunDirectoryError as error:
            return Findings((str(error),))
        return Findings(files=plan is not None)

    def describe(self, document, facts, results):
        document["powers"] = results["powers"]

    def _plan(self, run):
        path = run.path / "powers" / "plan.json"
        if not path.exists():
            return None
        values = read_json(path)
        with parsing(path):
            return PowersPlan(int(values["count"]), {str(k): int(v) for k, v in values["known"].items()})


@pytest.fixture
def kinds(monkeypatch):
    """The registry with one line more."""
    monkeypatch.setattr(registry, "STAGES", (*registry.STAGES, PowersKind()))


def go_on(run):
    lease = run.lease()
    try:
        return make_engine(run, InProcess(), lease, Pace(commit=0.0, publish=0.0, obey=0.0)).run()
    finally:
        lease.release()


@pytest.mark.usefixtures("kinds")
def test_a_new_stage_is_planned_run_shown_committed_stopped_resumed_verified_and_deleted(tmp_path):
    prepared = prepare(preparation(EXPERIMENT))
    plans = [SamplingPlan(128), PowersKind().check_plan({"count": POWERS}, EXPERIMENT, InProcess())]
    run, lease = RunDirectory.begin(
        tmp_path / "run", prepared.facts, prepared.environment, plans, EXPERIMENT, layout=registry.layout()
    )
    lease.release()
    assert go_on(run) is RunState.STOPPED
    half = read_live(run)
    assert half.samples == 128
    assert POWERS // 2 <= len(half.results["powers"]) < POWERS
    assert go_on(run) is RunState.DONE
    expected = {str(n): 2**n for n in range(POWERS)}
    assert read_live(run).results["powers"] == expected
    assert json.loads((run.path / "summary.json").read_text())["powers"] == expected
    found = verify_run(run.path)
    assert (found.problems, found.samples) == ((), 128)
    (run.path / "powers" / "plan.json").write_text("{")
    assert "powers" in verify_run(run.path).problems[0]
    assert delete_run(run.path) == ()
    assert not run.path.exists()


def test_a_version_without_the_stage_reads_the_rest_of_the_run(tmp_path, monkeypatch):
    prepared = prepare(preparation(EXPERIMENT))
    with monkeypatch.context() as patch:
        patch.setattr(registry, "STAGES", (*registry.STAGES, PowersKind()))
        plans = [SamplingPlan(64), PowersPlan(POWERS, {str(n): 2**n for n in range(POWERS)})]
        run, lease = RunDirectory.begin(
            tmp_path / "run", prepared.facts, prepared.environment, plans, layout=registry.layout()
        )
        lease.release()
        assert go_on(run) is RunState.DONE
    snapshot = read_live(RunDirectory.open(run.path))
    assert (snapshot.samples, set(snapshot.results)) == (64, {"sampling"})
    stored = run.read_live()
    run.write_live(stored)
    again = run.read_live()
    assert {name: digest(part) for name, part in again.parts.items()} == {
        name: digest(part) for name, part in stored.parts.items()
    }
    assert set(stored.parts) == {"sampling", "powers"}
    assert verify_run(run.path).problems == ()
    assert delete_run(run.path) == ("powers",)  # what this version did not write is kept


@pytest.mark.parametrize("kind", registry.STAGES, ids=lambda kind: kind.name)
def test_every_kind_of_the_registry_keeps_its_name_and_its_files_to_itself(kind, tmp_path):
    names = [other.name for other in registry.STAGES]
    assert names.count(kind.name) == 1
    folders = {folder for folder in kind.layout.owned if folder != "."}
    others = (other for other in registry.STAGES if other is not kind)
    assert all(folders.isdisjoint(other.layout.owned) for other in others)
    run_of_sampling(tmp_path)
    run = RunDirectory.open(tmp_path / "run")
    stage: Stage | None = kind.open(run, StageContext(), {})
    result = kind.read(run)
    assert (stage is None) == (result is None)
    if stage is not None:
        assert stage.name == kind.name
        assert digest(kind.to_part(result)) == digest(stage.part())
        assert digest(kind.to_part(kind.from_part(stage.part(), run.facts))) == digest(stage.part())


def digest(part):
    return arrays_digest(part.arrays, json.dumps(part.values, sort_keys=True))


def run_of_sampling(folder):
    prepared = prepare(preparation(EXPERIMENT))
    plans = [SamplingPlan(64)]
    run, lease = RunDirectory.begin(
        folder / "run", prepared.facts, prepared.environment, plans, layout=registry.layout()
    )
    lease.release()
    assert go_on(run) is RunState.DONE


def test_a_failure_is_published_although_a_stage_cannot_be_read(tmp_path):
    run_of_sampling(tmp_path)
    run = RunDirectory.open(tmp_path / "run")
    (run.path / "tail").mkdir()
    (run.path / "tail" / "plan.json").write_text("{")
    publish_failure(run, "the disk is gone")
    status = run.read_status()
    assert (status.state, status.samples, status.message) == (RunState.FAILED, 64, "the disk is gone")
    assert read_live(run) is None  # no snapshot says otherwise
