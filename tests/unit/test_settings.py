"""Settings: which place they come from, what is refused and how, and which keys there are."""

import os
import string
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.containers import VerticalScroll
from textual.keys import _character_to_key
from textual.screen import Screen
from textual.theme import BUILTIN_THEMES
from textual.widgets import Input, Tabs

from geomreg_tui.errors import ExperimentError
from geomreg_tui.experiment import Experiment
from geomreg_tui.tui.app import ExplorerApp
from geomreg_tui.tui.bindings import display, keymap
from geomreg_tui.tui.keys import ACTIONS, TAKEN, default_keys, key_name, parse_keys, spelling
from geomreg_tui.tui.screens.explorer import ExplorerScreen
from geomreg_tui.tui.settings import FILE_CAP, THEMES, Settings, config_file, example_file, load_settings
from geomreg_tui.tui.state import State, keep_state, read_state, state_file
from geomreg_tui.tui.widgets.fields import ChoiceField, NumberField


def write(text: str) -> Path:
    path = Path(os.environ["GEOMREG_CONFIG"])
    path.write_text(text)
    return path


def problems(text: str) -> list[str]:
    """Return a line for each problem of a configuration file, without its path."""
    path = write(text)
    with pytest.raises(ExperimentError) as caught:
        load_settings()
    lines = str(caught.value).split("\n")
    assert len(lines) == len(caught.value.problems)
    assert all(line.startswith(str(path)) for line in lines)
    return [line.removeprefix(f"{path}: ") for line in lines]


# Where they come from


def test_without_anything_there_are_the_defaults(monkeypatch):
    assert load_settings() == Settings()
    assert load_settings().source("fps") == "default"
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 22 10.0.0.2 22")
    assert (load_settings().fps, load_settings().source("fps")) == (2.0, "default over SSH")


@pytest.mark.parametrize(
    ("name", "line", "text", "option", "values"),
    [
        ("fps", "fps = 5", "6", 7.0, (5.0, 6.0, 7.0)),
        ("mouse", "mouse = false", "yes", False, (False, True, False)),
        ("ascii", "ascii = true", "off", True, (True, False, True)),
        ("theme", 'theme = "nord"', "dracula", "gruvbox", ("nord", "dracula", "gruvbox")),
    ],
)
def test_the_command_line_comes_before_the_environment_and_that_before_the_file(
    monkeypatch, name, line, text, option, values
):
    monkeypatch.setenv("SSH_CONNECTION", "x")
    write(line)
    variable = f"GEOMREG_{name.upper()}"
    settings = load_settings({name: None})
    assert (getattr(settings, name), settings.source(name)) == (values[0], "configuration file")
    monkeypatch.setenv(variable, text)
    settings = load_settings({name: None})
    assert (getattr(settings, name), settings.source(name)) == (values[1], variable)
    settings = load_settings({name: option})
    assert (getattr(settings, name), settings.source(name)) == (values[2], "command line")
    monkeypatch.setenv(variable, "")
    assert load_settings().source(name) == "configuration file"


def test_the_file_is_in_the_platforms_folder_unless_the_environment_names_another(monkeypatch):
    monkeypatch.setenv("GEOMREG_CONFIG", "~/x.toml")
    assert config_file() == Path.home() / "x.toml"
    monkeypatch.delenv("GEOMREG_CONFIG")
    assert config_file().parts[-2:] == ("geomreg-tui", "config.toml")


def test_a_file_may_be_a_link(tmp_path):
    real = tmp_path / "dotfiles.toml"
    real.write_text("fps = 9")
    config_file().symlink_to(real)
    assert load_settings().fps == 9


def test_the_example_is_every_default():
    defaults = load_settings()
    write(example_file())
    assert load_settings() == defaults
    bare = "\n".join(
        line.removeprefix("#") for line in example_file().split("\n") if not line.startswith("# ")
    )
    assert set(tomllib.loads(bare)) == {"fps", "mouse", "ascii", "theme", "keys"}
    assert set(tomllib.loads(bare)["keys"]) == set(ACTIONS)
    write(bare)
    settings = load_settings()
    explorer = ExplorerApp(Experiment.parse({}), 1, None)
    assert settings == Settings(theme=explorer.theme)


def test_reading_them_loads_neither_textual_nor_torch():
    write('theme = "nord"')
    script = "import sys, geomreg_tui.tui.settings as s; s.load_settings(); print('textual' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout == "False\n"


def test_the_themes_are_those_of_textual():
    assert set(THEMES) == set(BUILTIN_THEMES)


# What is refused


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "fsp = 4",
            "fsp: got an unknown key; allowed are fps, mouse, ascii, theme and [keys]. Did you mean 'fps'?",
        ),
        ('fps = "4"', "fps: got '4'; allowed is a number from 0.1 to 60."),
        ("fps = true", "fps: got True; allowed is a number from 0.1 to 60."),
        ("fps = nan", "fps: got nan; allowed is a number from 0.1 to 60."),
        ("fps = 0", "fps: got 0; allowed is a number from 0.1 to 60."),
        ("mouse = 1", "mouse: got 1; allowed is true or false."),
        ('theme = ""', f"theme: got ''; allowed are {', '.join(THEMES)}."),
        (
            'theme = "nrod"',
            f"theme: got 'nrod'; allowed are {', '.join(THEMES)}. Did you mean 'nord'?",
        ),
        ("keys = 1", "keys: got 1; allowed is a table [keys]."),
        ("[keys]\nstop = 3", "keys.stop: got 3; allowed is a key such as 'x', or a list of keys."),
        ("[keys]\nstop = []", "keys.stop: got []; allowed is a key such as 'x', or a list of keys."),
        (
            '[keys]\nstop = ["x", 1]',
            "keys.stop: got ['x', 1]; allowed is a key such as 'x', or a list of keys.",
        ),
        (
            '[keys]\nstop = "p"',
            "keys.stop: got 'p', which 'pin' has too; allowed is a key of one action only.",
        ),
    ],
)
def test_what_is_wrong_is_one_line(text, line):
    assert problems(text) == [line]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('[keys]\nsotp = "x"', ("keys.sotp", "unknown action", "'stop'")),
        ('[keys]\nstop = "spcae"', ("keys.stop", "'spcae'", "Did you mean 'space'")),
        ('[keys]\nstop = "crtl+t"', ("keys.stop", "'crtl+t'", "Did you mean 'ctrl+t'")),
        ('[keys]\nstop = ""', ("keys.stop", "''", "character")),
        ('[keys]\nstop = "x,y"', ("keys.stop", "'x,y'", "character")),
        ('[keys]\nstop = "e"', ("keys.stop", "'e'", "numbers use")),
        ('[keys]\nstop = "7"', ("keys.stop", "'7'", "numbers use")),
        ('[keys]\nstop = "-"', ("keys.stop", "'-'", "numbers use")),
        ('[keys]\nstop = "tab"', ("keys.stop", "'tab'", "no field or list uses")),
        ('[keys]\nstop = "CTRL+I"', ("keys.stop", "'CTRL+I'", "no field or list uses")),
        ('[keys]\npalette = "x"', ("keys.palette", "'x'", "no field takes as text")),
        ('[keys]\nquit_anywhere = "?"', ("keys.quit_anywhere", "'?'", "no field takes as text")),
        ('[keys]\nstop = "w"\npin = ["shift+a", "w"]', ("keys.stop", "'w'", "'pin' has too")),
        ('[keys]\nstop = "?"', ("keys.stop", "'question_mark'", "'help' has too")),
        ("fps", ("not TOML",)),
        ("a = " + "[" * 5000, ("not TOML",)),
    ],
)
def test_what_is_wrong_is_named(text, parts):
    (line,) = problems(text)
    for part in parts:
        assert part in line


def test_everything_wrong_is_told_at_once():
    told = problems('fps = "x"\nmuose = 1\n[keys]\nstop = "tab"\nfoo = "x"\npin = "l"\n')
    assert [line.partition(":")[0] for line in told] == ["muose", "fps", "keys.stop", "keys.foo", "keys.pin"]


def test_the_environment_and_the_command_line_are_held_to_the_same(monkeypatch):
    monkeypatch.setenv("GEOMREG_FPS", "fast")
    monkeypatch.setenv("GEOMREG_MOUSE", "perhaps")
    with pytest.raises(ExperimentError) as caught:
        load_settings({"fps": 1e9})
    assert str(caught.value).split("\n") == [
        "GEOMREG_FPS: got 'fast'; allowed is a number from 0.1 to 60.",
        "--fps: got 1000000000.0; allowed is a number from 0.1 to 60.",
        "GEOMREG_MOUSE: got 'perhaps'; allowed is true or false.",
    ]


def test_a_byte_order_mark_is_no_part_of_the_file():
    path = write("")
    path.write_bytes("fps = 8\n".encode("utf-8-sig"))
    assert load_settings().fps == 8
    path.write_bytes("fps = 8\n".encode("utf-16"))
    with pytest.raises(ExperimentError, match="UTF-16, not UTF-8"):
        load_settings()


def test_files_of_the_wrong_kind_hold_nothing_up(monkeypatch, tmp_path):
    path = write("#" * (FILE_CAP + 1))
    with pytest.raises(ExperimentError, match="more than 65,536 bytes"):
        load_settings()
    path.unlink()
    path.mkdir()
    with pytest.raises(ExperimentError, match="directory"):
        load_settings()
    path.rmdir()
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ExperimentError, match="not TOML"):
        load_settings()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    monkeypatch.setenv("GEOMREG_CONFIG", str(pipe))
    assert load_settings() == Settings()
    monkeypatch.setenv("GEOMREG_CONFIG", "/dev/zero")
    with pytest.raises(ExperimentError, match="more than"):
        load_settings()


@given(st.dictionaries(st.sampled_from([*ACTIONS, "x"]), st.text(max_size=8) | st.lists(st.text(max_size=3))))
def test_whatever_is_asked_for_every_action_has_keys_of_its_own_or_there_are_problems(asked):
    keys, wrong = parse_keys(asked)
    used = [key for own in keys.values() for key in own]
    assert set(keys) == set(ACTIONS)
    assert wrong or len(used) == len(set(used))


# Names of keys


def test_keys_are_named_as_textual_names_them():
    for character in string.printable.strip():
        assert key_name(character) == _character_to_key(character)
        assert spelling(key_name(character)) == character
    for text, name in [
        ("F5", "f5"),
        ("Space", "space"),
        ("shift+ctrl+left", "ctrl+shift+left"),
        ("shift+a", "A"),
        ("CTRL+T", "ctrl+t"),
        ("alt+?", "alt+question_mark"),
        ("ctrl+plus", "ctrl+plus"),
    ]:
        assert key_name(text) == name


def test_the_actions_and_their_keys_are_those_of_the_explorer():
    bindings = [*ExplorerScreen.BINDINGS, *ExplorerApp.BINDINGS]
    assert {binding.id: (binding.key,) for binding in bindings} == default_keys()
    assert {binding.id for binding in bindings if binding.priority} == {
        name for name, action in ACTIONS.items() if action.anywhere
    }


def test_the_keys_that_are_refused_are_those_that_something_uses():
    used = {"ctrl+h", "ctrl+i", "ctrl+m"}  # which terminals send for others
    for kind in (NumberField, ChoiceField, Tabs, VerticalScroll, Screen):
        used |= set(kind._merge_bindings().key_to_bindings)
    assert used >= set(Input._merge_bindings().key_to_bindings)
    assert used <= TAKEN


def test_only_changed_keys_are_handed_on():
    keys, wrong = parse_keys({"stop": ["w", "f5"], "help": "?"})
    assert not wrong
    assert keymap(keys) == {"stop": "w,f5"}
    assert [display(keys[name]) for name in ("stop", "help", "palette", "leave_field")] == [
        "w, f5",
        "?",
        "^p",
        "escape",
    ]


# What was open


def test_what_is_kept_is_restored(tmp_path):
    path = tmp_path / "deep" / "explorer.json"
    state = State(
        Experiment.parse({"width": "32,64", "data": "iris", "bias": True}), 10**7, True, "modes", 2.5, "nord"
    )
    assert keep_state(path, state) == ""
    assert read_state(path) == (state, "")
    assert read_state(path)[0].experiment.model_fields_set == {"width", "data", "bias"}
    assert read_state(tmp_path / "absent") == (State(), "")
    assert [entry.name for entry in path.parent.iterdir()] == ["explorer.json"]


def test_files_of_data_are_found_from_other_folders(tmp_path, monkeypatch):
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    monkeypatch.chdir(tmp_path)
    keep_state(tmp_path / "s", State(Experiment.parse({"data": "x.csv", "target": "b"})))
    experiment = read_state(tmp_path / "s")[0].experiment
    assert (experiment.data, experiment.target) == (str(tmp_path / "x.csv"), "b")


def test_code_of_ones_own_is_neither_kept_nor_taken_from_a_file(tmp_path):
    path = tmp_path / "explorer.json"
    keep_state(path, State(Experiment.parse({"arch": "custom", "module": "a.b:c"}), 5))
    assert read_state(path) == (State(samples=5), "")
    path.write_text('{"version": 1, "experiment": {"arch": "custom", "module": "os:abort"}}')
    state, notice = read_state(path)
    assert state == State()
    assert notice.endswith("experiment")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("experiment", '{"width": -1}'),
        ("experiment", '{"widht": 1}'),
        ("experiment", "3"),
        ("samples", "0"),
        ("samples", "1e6"),
        ("samples", "true"),
        ("log_axis", '"yes"'),
        ("tab", '"nowhere"'),
        ("tab", "[]"),
        ("radius", "0"),
        ("radius", "NaN"),
        ("radius", "1e999"),
        ("radius", '"1"'),
        ("theme", "1"),
    ],
)
def test_what_is_wrong_in_it_is_left_out_and_named_and_the_rest_is_kept(tmp_path, name, text):
    path = tmp_path / "explorer.json"
    rest = '"samples": 7,' if name != "samples" else '"tab": "loss",'
    path.write_text(f'{{"version": 1, {rest} "{name}": {text}}}')
    state, notice = read_state(path)
    assert state == (State(samples=7) if name != "samples" else State(tab="loss"))
    assert notice.endswith(f": {name}")


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"\xff", b"[" * 10**5, b"{}", b" " * 10**6, b'{"version":2}']
)
def test_a_broken_file_is_a_line_and_no_more(tmp_path, data):
    path = tmp_path / "explorer.json"
    path.write_bytes(data)
    state, notice = read_state(path)
    assert state == State()
    assert "not restored" in notice
    assert "\n" not in notice


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    assert "file" in keep_state(tmp_path / "file" / "explorer.json", State())


def test_it_is_kept_beside_the_runs(home, monkeypatch):
    assert state_file() == home / "explorer.json"
    monkeypatch.delenv("GEOMREG_HOME")
    assert state_file().parts[-2:] == ("geomreg-tui", "explorer.json")
