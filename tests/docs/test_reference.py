"""The references and the drawing are whole: no option, no name and no part of the package is missing."""

import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import geomreg_tui as geomreg
from docs import imports
from docs.build import TABLES
from docs.reference import command_line_page
from geomreg_tui.cli.app import app

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "pages"
COMMANDS = typer.main.get_command(app)
NAMES = [
    *([name] for name in COMMANDS.commands),
    *(["runs", name] for name in COMMANDS.commands["runs"].commands),
    [],
]


def section(heading):
    """Return what the page says of a command."""
    page = command_line_page()
    return page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("name", NAMES, ids=" ".join)
def test_the_page_has_every_option_that_help_prints(name):
    answer = CliRunner().invoke(app, [*name, "--help"], env={"COLUMNS": "200"})
    assert answer.exit_code == 0, answer.output
    spelled = re.findall(r"^  (-\S.*?)(?:  |$)", answer.output, re.MULTILINE)
    options = set(re.findall(r"--[a-z][\w-]*", " ".join(spelled)))
    assert "--help" in options
    said = section(" ".join(["geomreg-tui", *name]))
    # The program adds these three by itself.
    missing = options - set(re.findall(r"--[a-z][\w-]*", said)) - {"--help"}
    assert missing <= ({"--install-completion", "--show-completion"} if not name else set()), missing


def test_the_page_of_the_api_has_every_public_name():
    page = (PAGES / "reference" / "python.md").read_text()
    shown = set(re.findall(r"^::: geomreg_tui\.(?:[\w.]+\.)?(\w+)$", page, re.MULTILINE))
    assert shown == set(geomreg.__all__) - {"__version__"}


ARCHITECTURE = sorted((PAGES / "architecture").glob("*.md"))


@pytest.mark.parametrize("path", ARCHITECTURE, ids=lambda path: path.name)
def test_what_the_architecture_names_is_where_it_says(path):
    text = " ".join(path.read_text().split())
    for name in re.findall(r"`((?:geomreg_tui|tests)/[\w/]+\.py)`", text):
        assert (ROOT / name).is_file(), name
    for name, where in re.findall(r"`(\w+)`(?: of \w+)? in `(geomreg_tui/[\w/]+\.py)`", text):
        assert re.search(rf"\b(?:class|def) {name}\b|^{name}\b", (ROOT / where).read_text(), re.MULTILINE), (
            name
        )


def test_every_page_is_in_the_menu_and_every_picture_is_there():
    menu = (ROOT / "mkdocs.yml").read_text().partition("\nnav:")[2]
    pictures = {path.name for path in (PAGES / "pictures").glob("*.svg")}
    for path in PAGES.rglob("*.md"):
        assert f" {path.relative_to(PAGES)}\n" in menu, path
        shown = re.findall(r"!\[.*?\]\((?:\.\./)?pictures/([\w.-]+\.svg)", path.read_text())
        assert set(shown) <= pictures, path


def test_every_table_that_a_benchmark_writes_stands_in_one_page():
    pages = "".join(path.read_text() for path in PAGES.rglob("*.md"))
    marks = re.findall(r"<!-- table: (\w+) -->\n.*?\n<!-- end -->", pages, re.DOTALL)
    assert sorted(marks) == sorted(TABLES)


def test_parts_of_the_package_import_downward_only():
    found = imports.imports_of_parts()
    assert {"cli", "tui", "engine", "sampling", "errors"} <= set(found)
    place = {part: depth for depth, row in enumerate(imports.layers(found)) for part in row}
    assert all(place[part] < place[other] for part in found for other in found[part])
    assert all(f">{part}</text>" in imports.drawing() for part in found)


def test_a_cycle_is_an_error_that_names_it():
    cycle = {
        "a": frozenset({"b"}),
        "b": frozenset({"c"}),
        "c": frozenset({"b"}),
    }
    with pytest.raises(imports.CycleError, match="b imports c imports b"):
        imports.layers(cycle)
    with pytest.raises(imports.CycleError):
        imports.drawing(cycle)


def test_an_import_that_others_lead_to_is_not_drawn():
    chain = {"a": frozenset({"b", "c"}), "b": frozenset({"c"}), "c": frozenset[str]()}
    assert imports.without_shortcuts(chain) == {"a": {"b"}, "b": {"c"}, "c": set()}
    assert imports.layers(chain) == [["a"], ["b"], ["c"]]
