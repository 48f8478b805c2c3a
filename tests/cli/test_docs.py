"""README and pages know every command, option, key and setting; their links and pictures are there."""

import re
from dataclasses import fields
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
import typer

from geomreg_tui.cli.app import app
from geomreg_tui.experiment import Experiment
from geomreg_tui.tui.keys import ACTIONS
from geomreg_tui.tui.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "pages"
README = (ROOT / "README.md").read_text()
COMMANDS = typer.main.get_command(app).commands
WRITTEN = [ROOT / "README.md", *sorted(PAGES.rglob("*.md"))]  # by hand; the reference is generated
GENERATED = {PAGES / "reference" / "command-line.md", PAGES / "tutorials" / "5-notebook.md"}
DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]


def links(path):
    """Return where the links and pictures of a document lead, without those into the network."""
    text = re.sub(r"^ *```.*?^ *```$|`[^`\n]*`", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    found = re.findall(r"\]\(([^()\s]+)(?: \"[^\"]*\")?\)", text)
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def anchors(path):
    """Return the anchors of a document's headings, as GitHub and the site make them."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_the_readme_is_at_most_200_lines():
    assert len(README.splitlines()) <= 200


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_in_the_overview(name):
    overview = README.partition("| command |")[2].partition("\n\n")[0]
    assert re.search(rf"`{name}`", overview), name


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_option_that_is_not_of_the_experiment_is_explained(name):
    own = [
        parameter
        for command in (COMMANDS[name], *getattr(COMMANDS[name], "commands", {}).values())
        for parameter in command.params
        if parameter.param_type_name == "option"
        and parameter.name not in (*Experiment.model_fields, "help", "spec")
    ]
    assert own
    text = "".join(path.read_text() for path in WRITTEN)
    missing = [
        p.opts[0]
        for p in own
        if not any(
            re.search(rf"(?<![\w-]){re.escape(option)}\b", text) for option in (*p.opts, *p.secondary_opts)
        )
    ]
    assert missing == []


def test_every_key_of_the_explorer_is_explained():
    table = (PAGES / "how-to" / "explorer.md").read_text().partition("| key |")[2].partition("\n\n")[0]
    assert {action.key for action in ACTIONS.values()} <= set(re.findall(r"`([^`]+)`", table))


def test_every_setting_of_the_explorer_is_explained():
    table = (PAGES / "how-to" / "explorer.md").read_text().partition("| setting |")[2].partition("\n\n")[0]
    named = {field.name for field in fields(Settings)} - {"keys", "sources"}
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == named


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_of_a_document_leads_to_a_file(path):
    for link in links(path):
        name, _, anchor = unquote(link).partition("#")
        target = path.parent / name if name else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("path", sorted(PAGES.rglob("*.md")), ids=lambda path: path.name)
def test_every_link_of_a_page_leads_to_a_file_or_to_a_page_that_is_generated(path):
    for link in links(path):
        target = (path.parent / unquote(link).partition("#")[0]).resolve()
        assert target.exists() or target in GENERATED, link


def test_links_are_found():
    assert len(links(ROOT / "README.md")) >= 20
    assert {"geomreg-tui", "where-to-go-on"} <= anchors(ROOT / "README.md")


def test_every_picture_is_there_and_is_one_that_github_shows():
    shown = [
        (name, path.parent / where.partition("#")[0])
        for path in WRITTEN
        for name, where in re.findall(r"!\[(.+?)\]\((.+?)\)", path.read_text())
    ]
    assert len({where.resolve() for _, where in shown}) >= 18
    for name, where in shown:
        drawn = ElementTree.fromstring(where.read_bytes())
        assert drawn.tag == "{http://www.w3.org/2000/svg}svg", where
        assert not drawn.findall(".//{http://www.w3.org/2000/svg}script"), where
        assert name


def test_every_picture_that_is_drawn_is_shown():
    shown = {
        (path.parent / where.partition("#")[0]).resolve()
        for path in WRITTEN
        for where in re.findall(r"!\[.+?\]\((.+?)\)", path.read_text())
    }
    assert set((PAGES / "pictures").glob("*.svg")) <= shown
