"""The numbers of the explorer's panes, read back from what they draw and compared with ``summary.json``."""

import json
import math
import re
import time

import pytest

from geomreg_tui.experiment import Experiment
from geomreg_tui.rundir import RunState
from geomreg_tui.runner.document import run_document
from geomreg_tui.runner.snapshot import Snapshot
from geomreg_tui.summary import Facts, LossHistogram, Moments, Summary
from geomreg_tui.sweeps.plan import Factor
from geomreg_tui.tui.axes import Scale
from geomreg_tui.tui.pins import Pins
from geomreg_tui.tui.view import build_view
from geomreg_tui.tui.widgets.loss import LossPane
from geomreg_tui.tui.widgets.modes import ModesTable
from geomreg_tui.tui.widgets.volume import VolumePane
from tests.unit.reading import INTERVAL, NUMBER, count, same
from tests.unit.test_numbers_in_outputs import draw

BLOCKS, EACH, SMALL = 10, 20, 2


def viewed(seed):
    """Return the view of a random experiment, and its plain data."""
    losses, about = draw(seed)
    facts = Facts(
        Experiment.parse({"sampler": "direct", "chunk_size": losses.size, "batch_size": 100}),
        64, 3, about["parameters"], 1.0, about["null_loss"], about["constant_loss"], "asked for",
    )  # fmt: skip
    summary = Summary(
        LossHistogram.from_losses(losses, 12, facts.null_loss, 1e-9),
        Moments.from_losses(losses, facts.null_loss),
    )
    snapshot = Snapshot(
        RunState.DONE, losses.size, time.time(), facts, 1e5, 1.0, results={"sampling": summary}
    )
    document = json.loads(json.dumps(run_document(facts, {"sampling": summary}, True, 1.0, [{}])))
    return build_view(snapshot, 0, Pins(), dip=True), document


def rows(widget, view, width, height):
    """Return what a pane draws, as lines of text."""
    widget.show(view)
    return ["".join(piece.text for piece in row) for row in widget.paint(width, height)]


def said(lines, name):
    found = [line[len(name) :].strip() for line in lines if line.startswith(name)]
    assert len(found) == 1, (name, lines)
    return found[0].removeprefix("mass ")


def check_modes(lines, document):
    modes = document["modes"]
    for name, interval in (
        ("zero mode", modes["zero_mass"]),
        ("central mode", modes["central_mass"]),
        ("basin D", modes["dominance"]),
        ("excess DE", document["dominance"]["excess"]),
        ("dominance D0", document["dominance"]["landmark"]),
        ("at L0", document["at_null_loss"]),
    ):
        text = said(lines, name)
        if interval[0] is None:
            assert text == "undefined"
            continue
        # A narrow pane shows an interval wider than it is, never narrower.
        match = re.fullmatch(INTERVAL, text)
        estimate, low, high = interval
        same(match["estimate"], estimate)
        assert float(match["low"]) <= float(match["estimate"]) <= float(match["high"])
        assert float(match["low"]) <= low
        assert float(match["high"]) >= high
    if document["counts"]["nonfinite"]:
        assert count(said(lines, "not finite").split(" ")[0]) == document["counts"]["nonfinite"]
    begun = next((k for k, line in enumerate(lines) if line.startswith("mode at loss")), None)
    assert (begun is None) == (not modes["list"])
    for line, mode in zip(lines[(begun or 0) + 1 :], modes["list"], strict=False):
        shown = line.replace("(zero)", "").split()
        same(shown[0], mode["loss"], 3)
        if mode["loss_per_null"] is not None:
            same(shown[1], mode["loss_per_null"], 3)
        same(shown[2], mode["mass"], 3)


def check_legend(lines, document):
    text = " ".join(lines)
    for name, key in (("L0 null", "null_loss"), ("Lc constant", "constant_loss")):
        found = re.search(rf"{name} ({NUMBER})(?![\d.])", text)
        same(found[1], document["landmarks"][key], 3)


def check_volume(lines, document):
    curve, text = document["volume"], " ".join(lines)
    found = re.search(rf"deepest V = ({NUMBER}) at ε = ({NUMBER})(?![\d.])", text)
    for shown, exact in zip(found.groups(), (curve["log10_volume"][0], curve["log10_loss"][0]), strict=True):
        # In logarithms, in which the smallest floats can be compared: two digits are 0.022 of a decade.
        if float(shown) > 1e-300:
            assert abs(math.log10(float(shown)) - exact) <= 0.022


@pytest.mark.parametrize(
    "block", [pytest.param(k, marks=[pytest.mark.full] if k >= SMALL else []) for k in range(BLOCKS)]
)
def test_panes_of_any_width_show_the_numbers_of_the_run(block):
    for seed in range(block * EACH, (block + 1) * EACH):
        view, document = viewed(seed)
        for width in (40, 60, 120):
            lines = rows(ModesTable(), view, width, 60)
            assert len(max(lines, key=len)) <= width, max(lines, key=len)
            assert not re.search("−|\\bnan\\b|\\binf\\b|(?<![\\d.e])-0(?![\\d.])", " ".join(lines))
            check_modes(lines, document)
        if view.distribution.histogram.count.size:  # else the pane says why there is nothing to draw
            check_legend(rows(LossPane(), view, 100, 24), document)
        if document["volume"]["log10_loss"]:
            check_volume(rows(VolumePane(), view, 100, 24), document)


ENDS = [(0, 1), (-1, 1), (-300, 0), (0, 5e-300), (1e300, 2e300), (-1e5, 1e5), (-0.001, 0.0004)]


@pytest.mark.parametrize(("low", "high"), ENDS)
@pytest.mark.parametrize("wanted", [2, 5, 9])
def test_ticks_of_axes_are_numbers_at_their_places(low, high, wanted):
    scale = Scale.linear(low, high, wanted)
    assert len(scale.ticks) >= 2
    for tick, label in zip(scale.ticks, scale.labels, strict=True):
        assert re.fullmatch(NUMBER, label)
        assert float(label) == pytest.approx(tick, rel=1e-2, abs=1e-9 * (high - low))
        assert not re.fullmatch(r"-0(\.0+)?", label)
    for tick, label in zip(*Scale.decades(-300, 10, wanted)[2:4], strict=True):
        assert label == f"1e{tick:.0f}"
        assert math.log10(float(label)) == pytest.approx(tick)


def test_values_of_factors_read_back_the_same():
    from geomreg_tui.tui.sweep_setup import value_text

    for value in (0.1, 1e-7, 123456.789, 1e6, 2.0, 0.30000000000000004):
        assert float(value_text(value)) == value
    assert Factor("gain", (0.1,)).ordered


async def test_a_printed_minus_sign_is_a_minus_in_number_fields():
    from textual import events
    from textual.app import App

    from geomreg_tui.splitting.plan import parse_plan
    from geomreg_tui.tui.widgets.fields import NumberField

    class Shown(App[None]):
        def compose(self):
            yield NumberField("")

    async with Shown().run_test() as pilot:
        field = pilot.app.query_one(NumberField)
        field.focus()
        field.post_message(events.Key("minus_sign", "\N{MINUS SIGN}"))  # as a terminal's parser makes it
        await pilot.press("8")
        assert field.value == "-8"
        field.value = "\N{MINUS SIGN}30"
        assert field.value == "-30"
    assert parse_plan(to_log10_volume="\N{MINUS SIGN}8").log10_volume == -8
