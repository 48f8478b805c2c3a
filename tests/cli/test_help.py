"""Help texts, of every command there is, as a terminal of each width has them."""

import re

import pytest

from geomreg_tui.experiment import Experiment

from .test_values import commands

WIDTHS = (60, 80, 100, 200)
COMMANDS = [pytest.param(words, id=" ".join(words) or "none") for words, _ in commands()]
DESCRIBING = ("run", "tail", "sweep", "explore", "serve")  # commands that take the keys of an experiment


@pytest.fixture
def helped(capsys, monkeypatch):
    """Return the help text of a command in a terminal that is so wide."""
    from geomreg_tui.cli import main

    def helped(words, width):
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setattr("sys.argv", ["geomreg-tui", *words, "--help"])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code
        return capsys.readouterr().out

    return helped


def sections(text):
    """Return the lines below each heading."""
    found, heading = {}, ""
    for line in text.splitlines():
        if re.fullmatch(r"[A-Z][\w ]*:", line):
            heading = line[:-1]
        found.setdefault(heading, []).append(line)
    return found


@pytest.mark.parametrize("words", COMMANDS)
def test_no_sentence_is_cut_and_lines_fit(helped, words):
    # A word may be parted at its hyphen.
    texts = [" ".join(helped(words, width).split()).replace("- ", "-") for width in WIDTHS]
    assert len(set(texts)) == 1
    assert re.search(r"\w\.\.\.(?! |\]|$)|\.\.\.$", texts[0]) is None
    for width in WIDTHS:
        assert max(map(len, helped(words, width).splitlines())) <= width


@pytest.mark.parametrize("command", DESCRIBING)
def test_everyday_options_come_first_and_the_others_by_subject(helped, command):
    parts = sections(helped([command], 100))
    first = [line.split()[0] for line in parts["Options"] if line.startswith("  --")]
    assert first[:8] == [
        "--data", "--examples", "--width", "--depth", "--activation", "--init", "--loss", "--seed",
    ]  # fmt: skip
    headings = list(parts)
    assert headings.index("Options") < headings.index("Architecture") < headings.index("Sampling")
    listed = re.findall(
        r"^  (?:-\w, )?--([a-z-]+)",
        "\n".join(line for lines in parts.values() for line in lines),
        re.MULTILINE,
    )
    assert len(listed) == len(set(listed))
    keys = {key.replace("_", "-") for key in Experiment.model_fields} - {"data-sha256"}
    assert keys <= set(listed)


def test_commands_are_listed_with_all_that_they_say_of_themselves(helped):
    text = " ".join(helped([], 80).split())
    for words, command in commands():
        if len(words) == 1:
            assert " ".join(command.help.split("\n\n")[0].split()) in text
