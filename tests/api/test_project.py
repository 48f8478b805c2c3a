"""What the project promises outside its code: files of the wheel, versions that agree, documents that run."""

import ast
import doctest
import inspect
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import geomreg_tui as geomreg
from docs.blocks import blocks_of
from geomreg_tui import api
from geomreg_tui.safe_path import python_environment
from tests.patience import PATIENCE

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
# Names whose examples draw networks of their own, in processes of their own.
FULL = {"RunComparison", "Snapshot", "SweepResult", "compare_runs", "sample", "start_run", "sweep", "tail"}
FOLDERS = ("examples", "benchmarks", "docs")
# Files that need what lies below the public names; `lint-imports` lets them.
INTERNALS = {"benchmarks/internals.py", "docs/internals.py"}


def sources():
    """Yield what people may copy: the scripts beside the package, and the Python of pages and notebooks."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if str(path.relative_to(ROOT)) not in INTERNALS:
                yield path, path.read_text()
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        for block in blocks_of(path.read_text()):
            if block.kind == "python":
                yield path, "\n".join(block.lines)
    for path in sorted((ROOT / "docs").rglob("*.ipynb")):
        for cell in json.loads(path.read_text())["cells"]:
            if cell["cell_type"] == "code":
                yield path, "".join(cell["source"])


def taken_from_the_package(code):
    """Return the dotted names that code takes from the package."""
    taken, aliases = set(), {"geomreg"}
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "geomreg_tui":
                    aliases.add(alias.asname or "geomreg_tui")
                    taken.add(alias.name)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "geomreg_tui":
            taken |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif (
            isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases
        ):
            taken.add(f"geomreg_tui.{node.attr}")
    return taken


def test_what_people_may_copy_uses_public_names_only():
    public = {"geomreg_tui", *(f"geomreg_tui.{name}" for name in geomreg.__all__)}
    used = set()
    for path, code in sources():
        taken = taken_from_the_package(code)
        assert taken <= public, f"{path}: {sorted(taken - public)}"
        used |= taken
    assert {f"geomreg_tui.{name}" for name in ("sample", "tail", "sweep", "sphere", "load")} <= used


@pytest.mark.parametrize(
    "code",
    [
        "from geomreg_tui.statistics import volume_curve",
        "import geomreg_tui.report as report",
        "import geomreg_tui as g\ng.statistics.volume_curve",
        "from geomreg_tui import statistics",
    ],
)
def test_a_name_below_the_root_is_seen_however_it_is_taken(code):
    assert not taken_from_the_package(code) <= {
        "geomreg_tui",
        *(f"geomreg_tui.{name}" for name in geomreg.__all__),
    }


def test_only_two_files_are_let_below_the_root():
    contract = next(
        each for each in PROJECT["tool"]["importlinter"]["contracts"] if each["type"] == "forbidden"
    )
    assert contract["source_modules"] == list(FOLDERS)
    let = {ignored.partition(" -> ")[0].replace(".", "/") + ".py" for ignored in contract["ignore_imports"]}
    assert let == INTERNALS


def test_the_code_of_the_page_runs_and_docstrings_are_right_about_its_run(
    engines_here, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "pages" / "how-to" / "python.md").read_text()
    code = "\n".join(block.text for block in blocks_of(page) if block.kind == "python")
    names: dict = {}
    exec(compile(code, "python.md", "exec"), names)
    said = capsys.readouterr().out
    assert names["result"].summary.samples == 50_000
    assert len(names["volume"]) == names["result"].volume.loss.size
    assert (tmp_path / "losses.csv").exists()
    assert "More width" in said
    assert "n=5.25694" in said
    run_examples(lambda name: name not in FULL, capsys)


@pytest.mark.full
def test_the_examples_of_docstrings_that_draw_networks_do_what_they_say(capsys):
    run_examples(lambda name: name in FULL, capsys)


@pytest.mark.full
@pytest.mark.parametrize(
    "path", sorted((ROOT / "examples").glob("observation_*.py")), ids=lambda path: path.stem
)
def test_each_observation_prints_verdicts_with_an_interval_and_the_size_of_the_effect(path):
    answer = subprocess.run(
        [sys.executable, str(path)],
        capture_output=True,
        text=True,
        env=python_environment(SAMPLES="2e4", OMP_NUM_THREADS="1"),
        check=True,
        timeout=PATIENCE,
    )
    verdicts = re.findall(r"^Verdict: .*$", answer.stdout, re.MULTILINE)
    number = r"-?\d+\.\d+"
    assert any(re.search(rf"{number} \[{number}, {number}\]", line) for line in verdicts), answer.stdout


def public_names():
    """Yield each public name with what it stands for."""
    for name in geomreg.__all__:
        if name != "__version__":
            yield name, api.runs if name == "runs" else getattr(geomreg, name)


def run_examples(wanted, capsys):
    """Run the examples in the docstrings of the package, and of public names that are wanted."""
    finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner()
    globs = {"geomreg": geomreg}
    found = finder.find(geomreg, globs=globs)
    for name, public in public_names():
        if wanted(name):
            found += finder.find(public, name, globs=globs)
    ran = [example for example in found if example.examples]
    assert len(ran) > 5
    for example in ran:
        runner.run(example)
    assert runner.summarize().failed == 0, capsys.readouterr().out


def test_every_public_name_has_a_docstring_and_an_example():
    for name, public in public_names():
        assert inspect.getdoc(public), name
        error = inspect.isclass(public) and issubclass(public, geomreg.GeomregError)
        assert error or ">>>" in inspect.getdoc(public), name  # two errors show how all are caught
        for member, value in vars(public).items() if inspect.isclass(public) else ():
            if not member.startswith(("_", "model_")) and (callable(value) or isinstance(value, property)):
                assert inspect.getdoc(value), f"{name}.{member}"
    assert ">>>" in geomreg.GeomregError.__doc__


def test_versions_and_licences_agree():
    citation = (ROOT / "CITATION.cff").read_text()
    assert f"\nversion: {geomreg.__version__}\n" in citation
    assert f"\nlicense: {PROJECT['project']['license']}\n" in citation
    assert f"## {geomreg.__version__}" in (ROOT / "CHANGELOG.md").read_text()
    assert "2202.09276" in citation
    assert "Apache License" in (ROOT / PROJECT["project"]["license-files"][0]).read_text()


def test_the_wheel_takes_what_a_package_should_have():
    taken = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert all((ROOT / name).is_file() for name in taken)
    assert {"CHANGELOG.md", "CITATION.cff"} <= set(taken)
    assert (ROOT / "geomreg_tui" / "py.typed").is_file()


@pytest.mark.parametrize("name", ["Makefile", ".ci/run"])
def test_every_target_in_the_guide_is_there(name):
    guide = (ROOT / "CONTRIBUTING.md").read_text()
    if name == "Makefile":
        made = re.findall(r"^([\w-]+):", (ROOT / name).read_text(), re.MULTILINE)
        assert set(re.findall(r"`make ([\w-]+)`", guide)) <= set(made)
    else:
        assert f"`{name}`" in guide
        assert os.access(ROOT / name, os.X_OK)
