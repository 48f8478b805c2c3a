"""A folder full of files named like modules, as the working directory of every command: none is executed."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from typer.main import get_command

from geomreg_tui.cli.app import app
from geomreg_tui.experiment import Experiment
from geomreg_tui.rundir import runs_root
from geomreg_tui.safe_path import leave_working_directory, python_command, python_environment
from tests.command import call
from tests.making import new_run
from tests.tui.serving import Served, admitted, opened_page
from tests.tui.terminal import in_terminal
from tests.unit.exporting import make_run, two_modes

COMMAND = str(Path(sys.executable).with_name("geomreg-tui"))
SMALL = ["--data", "iris", "--examples", "2", "--width", "4", "--depth", "1"]
DEEP = ["--to-log10-volume", "-2", "--population", "20", "--repeats", "2", "--samples", "1000"]
# Names that are looked for though nobody may have them, besides those that are installed or in the library.
LOOKED_FOR = {"sitecustomize", "usercustomize", "cupy", "pandas", "numba", "IPython", "opt_einsum", "yaml"}
HOOKS = ("pydantic", "torch.backends", "matplotlib.backend", "pytest11", "array_api", "sklearn_callbacks")


@dataclass
class Folder:
    """A hostile folder.

    Attributes:
        path: the folder.
        markers: where each file of it leaves its name when it is executed.
    """

    path: Path
    markers: Path

    def executed(self) -> set[str]:
        """Return the names of files that were executed."""
        return {marker.name for marker in self.markers.iterdir()}


@pytest.fixture
def hostile(tmp_path) -> Iterator[Folder]:
    """Make the folder; afterwards nothing of it may have been executed, but what the test has asked for."""
    folder = Folder(tmp_path / "hostile", tmp_path / "markers")
    folder.path.mkdir()
    folder.markers.mkdir()
    installed = {name for name in importlib.metadata.packages_distributions() if name.isidentifier()}
    loaded = {name.partition(".")[0] for name in sys.modules}
    names = {*sys.stdlib_module_names, *installed, *loaded, *LOOKED_FOR, "geomreg_tui", "evil"}
    assert {"torch", "types", "numpy", "multiprocessing", "geomreg_tui", "textual"} <= names
    for name in names:
        (folder.path / f"{name}.py").write_text(_leaves_its_name(folder, name))
    style = "backend: module://evil\naxes.prop_cycle: cycler(color=[evil.colour])\n"
    (folder.path / "matplotlibrc").write_text(style)
    described = folder.path / "evil-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    hooks = "".join(f"[{group}]\nevil = evil:hook\n" for group in HOOKS)
    (described / "entry_points.txt").write_text(hooks)
    yield folder
    assert folder.executed() == set()


def _leaves_its_name(folder: Folder, name: str) -> str:
    return f"open({str(folder.markers / name)!r}, 'w').close()\n"


def within(folder: Folder, *arguments: str, code: int = 0, **environment: str) -> str:
    """Run the command in a folder, and return its output."""
    answer = subprocess.run(
        [COMMAND, *arguments],
        capture_output=True,
        text=True,
        cwd=folder.path,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
        check=False,
        timeout=240,
    )
    assert answer.returncode == code, answer.stderr
    return answer.stdout


def test_exports(engines_here, hostile):
    call("run", *SMALL, "--samples", "2000", check=0)
    for name in ("data.parquet", "page.html"):
        within(hostile, "export", "latest", name)
        assert (hostile.path / name).stat().st_size


@pytest.mark.full
def test_a_run_and_a_tail_that_go_on_and_the_other_exports(hostile):
    within(hostile, "run", *SMALL, "--samples", "2000")
    within(hostile, "run", "--resume", "latest", "--samples", "3000")
    assert "3,000" in within(hostile, "report", "latest")
    within(hostile, "tail", *SMALL, *DEEP)
    within(hostile, "tail", "--resume", "latest")
    within(hostile, "train", *SMALL, "--trajectories", "3", "--steps", "20", "--samples", "500")
    within(hostile, "train", "--resume", "latest")
    for name in ("data.csv", "data.json", "data.npz", "figure.png", "again.sh"):
        within(hostile, "export", "latest", name)
        assert (hostile.path / name).stat().st_size


def test_sweeps_of_tails(hostile):
    within(hostile, "sweep", *SMALL, *DEEP, "--tail", "--over", "width=2,3", "--out", "kept")


@pytest.mark.full
def test_sweeps_that_go_on(hostile):
    within(hostile, "sweep", *SMALL, "--over", "width=2,3", "--samples", "1000", "--out", "kept")
    within(hostile, "sweep", *SMALL, "--over", "width=2,3", "--samples", "1000", "--out", "kept")
    within(hostile, "export", "kept", "page.html")


@pytest.mark.parametrize(
    "arguments",
    [
        ["doctor"],
        ["runs"],
        ["run", "--help"],
        *(
            pytest.param(command, marks=pytest.mark.full)
            for command in (
                ["config"],
                ["sphere"],
                ["--version"],
                ["runs", "stop", "--wait", "0"],
                ["runs", "pause"],
                ["runs", "unpause"],
                ["runs", "extend", "latest", "10"],
                ["runs", "verify"],
                ["runs", "log"],
                ["compare-runs", "latest", "torch"],
                ["runs", "edit", "latest", "--name", "torch"],
                ["runs", "rm", "latest", "--yes"],
            )
        ),
    ],
    ids=" ".join,
)
def test_commands_that_draw_nothing(hostile, arguments):
    there = arguments in (["doctor"], ["config"], ["sphere"], ["runs"], ["run", "--help"], ["--version"])
    within(hostile, *arguments, code=0 if there else 1)


def test_this_file_knows_every_command():
    commands = set(get_command(app).commands)
    assert commands == {
        *("run", "tail", "train", "sweep", "explore", "attach", "serve", "sphere", "report", "export"),
        *("doctor", "config", "runs", "compare", "study", "compare-runs"),
    }


def test_the_explorer_and_attach(engines_here, hostile):
    with in_terminal([COMMAND, "explore", *SMALL, "--fresh"], folder=hostile.path) as terminal:
        assert terminal.shows("dominance D0", 120)
    call("run", *SMALL, "--samples", "2000", check=0)
    with in_terminal([COMMAND, "attach", "latest"], folder=hostile.path) as terminal:
        assert terminal.shows("dominance D0", 120)


async def test_the_explorer_in_a_browser(hostile):
    process = subprocess.Popen(
        [COMMAND, "serve", "--port", "0", *SMALL],
        cwd=hostile.path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.environ.get("PYTHONPATH", "")},
    )
    try:
        served = Served(process, process.stdout.readline().strip())
        async with admitted(served) as session, opened_page(session, served) as page:
            await page.shows("dominance D0", 120)
    finally:
        process.terminate()
        process.communicate(timeout=60)


@pytest.mark.parametrize(
    "path",
    [
        *(pytest.param(p, marks=pytest.mark.full) for p in ("", ".", os.pathsep)),
        f".{os.pathsep}{os.pathsep}./",
    ],
)
def test_engines_that_are_started_with_the_folder_on_the_path_by_chance(hostile, path):
    script = (
        "import os, sys\n"
        f"os.environ['PYTHONPATH'] = {path!r}\n"
        "from geomreg_tui import Experiment, start_run\n"
        "handle = start_run(Experiment.parse({'data': 'iris', 'width': 4, 'depth': 1}), 1000, workers=1)\n"
        "assert handle.wait(120)\n"
    )
    subprocess.run(python_command("-c", script), cwd=hostile.path, check=True, timeout=240)


LOOKS = [["report", "latest"], ["export", "latest", "page.html"], ["runs", "verify", "latest"]]


@pytest.mark.parametrize("looks", [LOOKS[:1], pytest.param(LOOKS, marks=pytest.mark.full)])
def test_a_module_that_was_named_runs_and_nothing_beside_it_but_what_it_imports(hostile, looks):
    own = hostile.path / "mine.py"
    own.write_text(
        _leaves_its_name(hostile, "mine") + "import torch, types, helper_of_mine\n"
        "def net():\n    return torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), "
        "torch.nn.Linear(3, 1))\n"
    )
    (hostile.path / "helper_of_mine.py").write_text(_leaves_its_name(hostile, "helper_of_mine"))
    custom = ["--data", "iris", "--examples", "2", "--arch", "custom", "--module", "mine:net"]
    within(hostile, "run", *custom, "--samples", "2000")
    assert hostile.executed() == {"mine", "helper_of_mine"}
    for marker in hostile.markers.iterdir():
        marker.unlink()
    # What is there now names it too, and nobody else does.
    for command in looks:
        within(hostile, *command)
    within(hostile, "run", "--resume", "latest", "--samples", "1e6", code=2)
    with in_terminal([COMMAND, "attach", "latest"], folder=hostile.path) as terminal:
        assert terminal.shows("dominance D0", 120)
    assert hostile.executed() == set()


@pytest.mark.parametrize(
    "command",
    [
        *("run", "explore"),  # the others read the file as these do
        *(pytest.param(c, marks=pytest.mark.full) for c in ("tail", "train", "sweep", "compare", "serve")),
    ],
)
def test_a_file_of_settings_names_no_code(hostile, command):
    (hostile.path / "spec.toml").write_text('arch = "custom"\nmodule = "evil:hook"\ndata = "iris"\n')
    more = ["--over", "gain=1,2"] if command == "sweep" else []
    within(hostile, command, "spec.toml", *more, code=2)


def test_a_name_that_is_taken_is_said_to_be(hostile):
    answer = subprocess.run(
        [COMMAND, "run", "--data", "iris", "--arch", "custom", "--module", "types:net"],
        cwd=hostile.path,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert answer.returncode == 2
    assert "types.py in this folder was not used, as its name is that of" in answer.stderr


def test_a_foreign_run_that_names_code_is_looked_at_and_not_imported(hostile):
    run = make_run(hostile.path / "honest", two_modes())
    experiment = run.facts.experiment.replace(arch="custom", module="evil:hook")
    forged = new_run(
        runs_root() / "20260101-000000-custom-00000000",
        replace(run.facts, experiment=experiment),
        run.environments[0],
        2000,
        0,
        Experiment.parse({"arch": "custom", "module": "evil:hook"}),
    )
    name = forged.path.name
    within(hostile, "report", name)
    within(hostile, "runs", "verify", name, code=0)
    within(hostile, "run", "--resume", name, code=2)


def test_what_is_left_of_the_path_of_a_person():
    separator = os.pathsep
    for given, left in {
        "": None,
        ".": None,
        separator: None,
        f"/code{separator}": "/code",
        f"{separator}/code{separator}.{separator}./{separator}other": f"/code{separator}other",
        "..": "..",
    }.items():
        old = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = given
        try:
            assert python_environment(MORE="1").get("PYTHONPATH") == left
            assert python_environment(MORE="1")["MORE"] == "1"
        finally:
            os.environ.pop("PYTHONPATH") if old is None else os.environ.update(PYTHONPATH=old)


@pytest.mark.parametrize(
    ("given", "stays"), [("", False), (":/code", False), (".", False), ("/code", True), (":{here}", True)]
)
def test_the_command_leaves_a_working_directory_that_is_on_its_path_by_chance(
    tmp_path, monkeypatch, given, stays
):
    monkeypatch.chdir(tmp_path)
    here = os.getcwd()
    monkeypatch.setattr(sys, "path", ["/first", here, "/last"])
    monkeypatch.setenv("PYTHONPATH", given.format(here=here))
    leave_working_directory()
    assert sys.path == (["/first", here, "/last"] if stays else ["/first", "/last"])
    leave_working_directory(first=True)
    assert sys.path[0] == (here if stays else "/last")
