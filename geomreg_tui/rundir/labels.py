"""What people call a run or a sweep: a name, tags and a note, in ``labels.json`` of its directory.

No digest and no bit depends on them, and they may be changed at any time, by any process: the file is
replaced in one step, and the last writer wins. What is in it may have been written by anyone, so it is made
plain text of limited length on reading too.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from geomreg_tui.errors import ExperimentError, Problem, RunDirectoryError, one_line, shortened
from geomreg_tui.rundir.store import discard, read_json, write_json

__all__ = [
    "LABELS",
    "LONGEST_NAME",
    "LONGEST_NOTE",
    "LONGEST_TAG",
    "MOST_TAGS",
    "Labels",
    "change_labels",
    "parse_labels",
    "read_labels",
    "write_labels",
]

LABELS = "labels.json"
LONGEST_NAME, LONGEST_TAG, LONGEST_NOTE = 60, 30, 1000  # characters
MOST_TAGS = 20
_RESERVED = ("latest", "going")  # what commands take in place of a name


@dataclass(frozen=True)
class Labels:
    """The name, tags and note of a run or a sweep; empty where nobody gave any."""

    name: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""

    @property
    def empty(self) -> bool:
        """Whether there are none."""
        return not (self.name or self.tags or self.note)


def parse_labels(name: str | None = None, tags: Iterable[str] = (), note: str | None = None) -> Labels:
    """Return labels as a person gave them; spaces around each are taken away.

    Args:
        name: of the run; None for none.
        tags: single tags, or several with commas between them.
        note: a line of text; None for none.

    Raises:
        ExperimentError: with one problem for each that is too long, or could not be found again.
    """
    problems: list[Problem] = []
    labels = Labels(_text(name), _split(tags), _text(note))
    if len(labels.name) > LONGEST_NAME or "/" in labels.name or labels.name in _RESERVED:
        rule = f"allowed are up to {LONGEST_NAME} characters without /, but not {' or '.join(_RESERVED)}"
        problems.append(Problem("name", repr(shortened(labels.name)), rule))
    for tag in labels.tags:
        if len(tag) > LONGEST_TAG or len(tag.split()) > 1:
            rule = f"allowed are words of up to {LONGEST_TAG} characters, with commas between them"
            problems.append(Problem("tag", repr(shortened(tag)), rule))
    if len(labels.tags) > MOST_TAGS:
        problems.append(Problem("tag", f"{len(labels.tags)} tags", f"allowed are up to {MOST_TAGS}"))
    if len(labels.note) > LONGEST_NOTE:
        rule = f"allowed are up to {LONGEST_NOTE:,} characters"
        problems.append(Problem("note", f"{len(labels.note):,} characters", rule))
    if problems:
        raise ExperimentError(problems)
    return labels


def read_labels(folder: Path) -> Labels:
    """Return the labels of the run or sweep in ``folder``; none where the file is missing or damaged."""
    path = os.path.join(folder, LABELS)
    if not os.path.lexists(path):  # as of most of many runs: that is to take no time
        return Labels()
    try:
        values = read_json(Path(path))
    except RunDirectoryError:
        return Labels()
    tags = values.get("tags")
    listed = [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
    found = [tag.replace(" ", "_")[:LONGEST_TAG] for tag in _split(listed[:MOST_TAGS])]
    return Labels(
        _stored(values.get("name"))[:LONGEST_NAME],
        tuple(found[:MOST_TAGS]),
        _stored(values.get("note"))[:LONGEST_NOTE],
    )


def write_labels(folder: Path, labels: Labels) -> None:
    """Replace the labels of the run or sweep in ``folder``; where they are empty, there is no file.

    Raises:
        RunDirectoryError: if they cannot be written.
    """
    if labels.empty:
        discard(folder / LABELS)
    else:
        write_json(folder / LABELS, {"name": labels.name, "tags": list(labels.tags), "note": labels.note})


def change_labels(
    folder: Path,
    name: str | None = None,
    tags: Iterable[str] | None = None,
    note: str | None = None,
    *,
    without: Iterable[str] = (),
) -> Labels:
    """Change some labels of the run or sweep in ``folder``, and return all of them.

    Args:
        folder: its directory.
        name, note: the new ones; an empty text takes them away, None leaves them.
        tags: to be added to those that are there; None for none.
        without: tags to be taken away.

    Raises:
        ExperimentError: as :func:`parse_labels`.
        RunDirectoryError: if they cannot be written.
    """
    before, gone = read_labels(folder), set(_split(without))
    added = parse_labels(name, tags or (), note)
    kept = tuple(tag for tag in before.tags if tag not in gone)
    labels = replace(
        before,
        name=before.name if name is None else added.name,
        tags=tuple(dict.fromkeys((*kept, *added.tags))),
        note=before.note if note is None else added.note,
    )
    parse_labels(tags=labels.tags)
    write_labels(folder, labels)
    return labels


def _text(value: str | None) -> str:
    """Return a text on one line, without what could steer a terminal, and spaces as single ones."""
    return " ".join(one_line(value or "").split())


def _split(tags: Iterable[str]) -> tuple[str, ...]:
    """Return single tags, each once."""
    parts = (_text(part) for tag in tags for part in tag.split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def _stored(value: object) -> str:
    return _text(value) if isinstance(value, str) else ""
