"""Panes in their places: they fill the screen without a gap or an overlap, whatever was done to them."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest

from geomreg_tui.tui.arrangement import Arrangement, first_arrangement, read_arrangements
from geomreg_tui.tui.panes import KINDS, PANES
from geomreg_tui.tui.pins import MOST
from geomreg_tui.tui.state import _MOST_PINS

ALL = list(PANES)
USUAL = [name for name in ALL if PANES[name].always]
SIZES = ((120, 28), (160, 45), (200, 56), (250, 66), (131, 29))


def covered(arrangement: Arrangement, width: int, height: int, there: list[str]) -> Counter[tuple[int, int]]:
    """How many panes are on each cell."""
    cells: Counter[tuple[int, int]] = Counter()
    for x, y, wide, tall in arrangement.boxes(width, height, there).values():
        assert wide >= 10
        assert tall >= 4
        cells.update((across, down) for across in range(x, x + wide) for down in range(y, y + tall))
    return cells


def check_fills(arrangement: Arrangement, width: int, height: int, there: list[str]) -> None:
    cells = covered(arrangement, width, height, there)
    assert set(cells) == {(x, y) for x in range(width) for y in range(height)}
    assert set(cells.values()) == {1}
    assert set(arrangement.boxes(width, height, there)) == set(there) - arrangement.hidden


@pytest.mark.parametrize("there", [ALL, USUAL], ids=["all", "usual"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", SIZES)
def test_at_first_the_panes_fill_the_screen(kind: str, size: tuple[int, int], there: list[str]) -> None:
    for roomy in (False, True):
        check_fills(first_arrangement(kind, roomy=roomy), *size, there)


def changed(arrangement: Arrangement, there: list[str], dice: random.Random) -> Arrangement:
    """An arrangement after some key, or the same where that can do nothing."""
    name, step = dice.choice(arrangement.order(there)), dice.choice((-1, 1))
    after = dice.choice(
        (
            lambda: arrangement.taller(name, step, there),
            lambda: arrangement.broader(name, step, there, 160),
            lambda: arrangement.exchanged(name, step, there),
            lambda: arrangement.without(name, there),
            arrangement.with_all,
        )
    )()
    return arrangement if after is None else after


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_done_they_fill_it_and_can_be_stored(kind: str) -> None:
    dice = random.Random(17)
    for there in (ALL, USUAL):
        arrangement = first_arrangement(kind)
        for number in range(300):
            arrangement = changed(arrangement, there, dice)
            assert sorted(name for column in arrangement.columns for name in column.names) == sorted(ALL)
            if number % 10 == 0:
                check_fills(arrangement, *SIZES[number // 10 % len(SIZES)], there)
                stored = json.loads(json.dumps({kind: arrangement.to_json()}))
                assert read_arrangements(stored) == {kind: arrangement}


def sizes(arrangement: Arrangement) -> dict[str, tuple[int, int]]:
    return {name: (box.width, box.height) for name, box in arrangement.boxes(160, 45, USUAL).items()}


def test_a_pane_grows_against_its_neighbours_only() -> None:
    first = first_arrangement("wide")
    taller, broader = first.taller("volume", 1, USUAL), first.broader("modes", 1, USUAL, 160)
    assert taller is not None
    assert broader is not None
    before, after = sizes(first), sizes(taller)
    assert after["volume"][1] > before["volume"][1]
    assert after["loss"][1] < before["loss"][1]
    assert {name for name in before if before[name] != after[name]} == {"loss", "volume"}
    after = sizes(broader)
    assert after["modes"][0] == after["sphere"][0] == before["modes"][0] + 4
    assert after["loss"][0] == before["loss"][0] - 4
    assert after["setup"] == before["setup"]


def test_what_grows_and_shrinks_again_is_as_before() -> None:
    first = first_arrangement("wide")
    for name in USUAL:
        for grow in (Arrangement.taller, lambda a, n, s, t: a.broader(n, s, t, 160)):
            there = grow(first, name, 1, USUAL)
            if there is not None:
                back = grow(there, name, -1, USUAL)
                assert back is not None
                assert sizes(back) == sizes(first)


def test_a_pane_alone_in_its_column_has_all_of_it() -> None:
    first = first_arrangement("wide")
    assert first.taller("setup", 1, USUAL) is None
    alone = first.without("sphere", USUAL)
    assert alone is not None
    assert alone.taller("modes", 1, USUAL) is None
    assert sizes(alone)["modes"][1] == 45


def test_there_are_ends_to_growing() -> None:
    for name in USUAL:
        for step in (-1, 1):
            arrangement: Arrangement | None = first_arrangement("wide")
            for _ in range(200):
                if arrangement is None:
                    break
                check_fills(arrangement, 160, 45, USUAL)
                arrangement = arrangement.broader(name, step, USUAL, 160)
            assert arrangement is None, (name, step)


def test_exchanged_panes_have_each_others_places() -> None:
    first = first_arrangement("wide")
    after = first.exchanged("loss", 1, USUAL)
    assert after is not None
    before, now = first.boxes(160, 45, USUAL), after.boxes(160, 45, USUAL)
    assert (now["loss"], now["volume"]) == (before["volume"], before["loss"])
    assert first.order(USUAL)[0] == "setup"
    around = first.exchanged("setup", -1, USUAL)
    assert around is not None
    assert around.boxes(160, 45, USUAL)["setup"] == before[first.order(USUAL)[-1]]


def test_the_last_pane_cannot_be_hidden() -> None:
    arrangement = first_arrangement("wide")
    for name in USUAL[:-1]:
        hidden = arrangement.without(name, USUAL)
        assert hidden is not None
        arrangement = hidden
    assert arrangement.order(USUAL) == USUAL[-1:]
    assert arrangement.without(USUAL[-1], USUAL) is None
    assert arrangement.with_all() == first_arrangement("wide")


def test_a_pane_that_was_not_known_stands_at_its_first_place() -> None:
    stored = first_arrangement("wide").to_json()
    stored["columns"][1][1].pop(1)  # the second pane of the second column
    stored["columns"][2][1].insert(0, ["of tomorrow", 8])
    found = read_arrangements({"wide": stored})["wide"]
    assert found.columns[1].names == ("loss", "training", "volume")
    assert found.columns[2].names == first_arrangement("wide").columns[2].names


def spoilt(**changes: object) -> object:
    return {"wide": {**first_arrangement("wide").to_json(), **changes}}


@pytest.mark.parametrize(
    "values",
    [
        7,
        {"wide": 7},
        {"wide": {}},
        spoilt(columns=[]),
        spoilt(columns=[[33, [["setup", 8], ["setup", 8]]], [0, []], [44, []]]),
        spoilt(columns=[[True, []], [0, []], [44, []]]),
        spoilt(columns=[[-3, []], [0, []], [44, []]]),
        spoilt(columns=[[33, [["setup", 1e9]]], [0, []], [44, []]]),
        spoilt(columns=[[33, [[["setup"], 8]]], [0, []], [44, []]]),
        spoilt(hidden=ALL),
        spoilt(hidden=3),
    ],
)
def test_what_is_no_arrangement_is_refused(values: object) -> None:
    with pytest.raises((ValueError, TypeError, LookupError)):
        read_arrangements(values)


def test_as_many_pins_are_kept_as_there_can_be() -> None:
    assert _MOST_PINS == MOST
