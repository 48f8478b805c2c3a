"""What the project promises outside its code: files of the wheel, versions that agree, documents that run."""

import ast
import doctest
import inspect
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
from geomreg_tui.api import calls, results, spheres
from geomreg_tui.safe_path import python_environment
from tests.patience import PATIENCE

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FULL = {"sample", "sweep", "tail"}  # examples that draw networks of their own
# Examples that still reach into the package; no other may.
REACHING = {
    "_tails.py",
    "observation_2_width_and_depth.py",
    "observation_3_init.py",
    "observation_4_several_examples.py",
    "tail_1_width.py",
    "tail_2_examples.py",
    "tail_3_scale.py",
    "tail_4_generalisation.py",
}


def imported(path):
    """Return the modules that a script imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.name)
def test_examples_import_from_the_root_of_the_package_only(path):
    reaching = [name for name in imported(path) if name.startswith("geomreg_tui.")]
    assert bool(reaching) == (path.name in REACHING), reaching


def test_the_code_of_the_page_runs_and_docstrings_are_right_about_its_run(tmp_path, monkeypatch, capsys):
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


def run_examples(wanted, capsys):
    """Run the examples in the docstrings of functions and classes of some names."""
    finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner()
    ran = set()
    for module in (geomreg, calls, results, spheres):
        for example in finder.find(module, globs={"geomreg": geomreg}):
            name = example.name.rpartition(".")[2]
            if example.examples and wanted(name):
                runner.run(example)
                ran.add(name)
    assert len(ran) >= 3
    assert runner.summarize().failed == 0, capsys.readouterr().out


def test_every_function_has_an_example_and_every_public_name_a_docstring():
    for name in api.__all__:
        public = getattr(api, name)
        assert inspect.getdoc(public), name
        if inspect.isfunction(public):
            assert ">>>" in inspect.getdoc(public), name
        for member, value in vars(public).items() if inspect.isclass(public) else ():
            if not member.startswith("_") and (callable(value) or isinstance(value, property)):
                assert inspect.getdoc(value), f"{name}.{member}"


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
