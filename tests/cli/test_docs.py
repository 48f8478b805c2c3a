"""The README knows every command, and every option of the commands that are about more than an experiment."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import typer

from geomreg_tui.cli.app import app
from geomreg_tui.experiment import Experiment

README = (Path(__file__).parents[2] / "README.md").read_text()
COMMANDS = typer.main.get_command(app).commands


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_in_the_overview(name):
    overview = README.partition("| command |")[2].partition("\n\n")[0]
    assert re.search(rf"`{name}`", overview), name


@pytest.mark.parametrize("name", ["run", "tail", "sweep"])
def test_every_option_that_is_not_of_the_experiment_is_explained(name):
    own = [
        parameter
        for parameter in COMMANDS[name].params
        if parameter.param_type_name == "option"
        and parameter.name not in (*Experiment.model_fields, "help", "spec")
    ]
    assert own
    missing = [p.opts[0] for p in own if not re.search(rf"{re.escape(p.opts[0])}\b", README)]
    assert missing == []


def test_every_picture_is_there_and_is_one_that_github_shows():
    shown = re.findall(r"!\[(.+?)\]\((.+?)\)", README)
    assert len(shown) >= 8
    for name, path in shown:
        drawn = ElementTree.fromstring((Path(__file__).parents[2] / path).read_bytes())
        assert drawn.tag == "{http://www.w3.org/2000/svg}svg", path
        assert not drawn.findall(".//{http://www.w3.org/2000/svg}script"), path
        assert name
