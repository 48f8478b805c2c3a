"""``config schema`` and ``config validate``, against jsonschema and the files that commands read."""

import json
import tomllib

import jsonschema
import pytest

from geomreg_tui.errors import ExperimentError
from geomreg_tui.experiment import Experiment
from geomreg_tui.tui.settings import check_file, example_file, settings_schema
from tests.command import call

from .test_cli import geomreg

# Rules between two keys are no part of a schema.
SETTINGS = [
    ("", True),
    ("fps = 5\nmouse = false\ntheme = 'nord'", True),
    ("[keys]\nstop = ['w', 'f5']\nhelp = 'H'", True),
    ("fps = 500", False),
    ("fps = 0", False),
    ("fps = true", False),
    ("mouse = 1", False),
    ("ascii = 'yes'", False),
    ("fsp = 5", False),
    ("keys = 5", False),
    ("[keys]\nsotp = 'x'", False),
    ("[keys]\nstop = []", False),
    ("[keys]\nstop = 5", False),
]
EXPERIMENTS = [
    ({}, True),
    ({"width": 64, "depth": 2, "init": "orthogonal", "bias": True}, True),
    ({"width": [16, 8], "depth": 2}, True),
    ({"width": 0}, False),
    ({"depth": -1}, False),
    ({"init": "he"}, False),
    ({"bias": "perhaps"}, False),
    ({"widht": 5}, False),
    ({"gain": "much"}, False),
    ({"examples": 0}, False),
]


def is_valid(document, schema):
    checker = jsonschema.Draft202012Validator(schema)
    checker.check_schema(schema)
    return checker.is_valid(document)


@pytest.mark.parametrize(("text", "right"), SETTINGS)
def test_the_schema_of_settings_says_what_the_check_says(tmp_path, text, right):
    path = tmp_path / "config.toml"
    path.write_text(text)
    assert is_valid(tomllib.loads(text), settings_schema()) == right
    if right:
        check_file(path)
    else:
        with pytest.raises(ExperimentError):
            check_file(path)


def test_every_line_of_the_example_is_right_by_the_schema():
    shown = [line[1:] for line in example_file().splitlines() if line.startswith("#") and line[1:2] != " "]
    document = tomllib.loads("\n".join(shown))
    assert set(document) == set(settings_schema()["properties"])
    assert is_valid(document, settings_schema())


@pytest.mark.parametrize(("values", "right"), EXPERIMENTS)
def test_the_schema_of_experiments_says_what_the_experiment_says(values, right):
    assert is_valid(values, Experiment.schema_document()) == right
    if right:
        Experiment.parse(values)
    else:
        with pytest.raises(ExperimentError):
            Experiment.parse(values)


def test_the_commands_print_schemas_and_check_files(tmp_path, home):
    assert json.loads(geomreg("config", "schema", check=0).stdout) == settings_schema()
    printed = json.loads(call("config", "schema", "--experiment", check=0).stdout)
    assert printed == Experiment.schema_document()
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text("width = 8\n")
    bad.write_text("width = 0\ndpeth = 1\n")
    assert call("config", "validate", "--experiment", good, check=0).stdout == f"{good}: ok\n"
    first, second = call("config", "validate", "--experiment", bad, check=2).stderr.strip().splitlines()
    assert first == "Error: width: got 0; allowed is a number of at least 1."
    assert second.endswith("Did you mean 'depth'?")
    assert "no such file" in call("config", "validate", home / "config.toml", check=2).stderr
    (home / "config.toml").write_text("fps = 500\n")
    assert "fps: got 500" in call("config", "validate", check=2).stderr
    (home / "config.toml").write_text("fps = 5\n")
    assert call("config", "validate", check=0).stdout == f"{home / 'config.toml'}: ok\n"
    assert "SPEC" in call("config", "validate", "--help", check=0).stdout
