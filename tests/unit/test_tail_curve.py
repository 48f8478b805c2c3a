"""The curve of several populations, and held-out performance where they end at one loss."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from rich.cells import cell_len

from geomreg_tui.report import load_result, report_text
from geomreg_tui.splitting.curve import tail_curve
from geomreg_tui.splitting.joined import deep_tail
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.splitting.result import HELD_OUT_SHARES, PopulationResult, Tail
from tests.unit.exporting import make_run, two_modes

LN10 = math.log(10)


def descent(end, loss):
    """Return a descent from loss 1 to log loss ``end``, looked at there only."""
    quantiles = np.full((1, len(HELD_OUT_SHARES)), loss)
    return PopulationResult(
        log_loss=np.array([0.0, end]),
        log_volume=np.array([0.0, end / 2]),
        variance=np.array([0.0, 0.01]),
        log_excess=np.array([0.0, end]),
        log_floor=-math.inf,
        held_log_loss=np.array([end]),
        held_loss=np.array([loss]),
        held_loss_quantiles=quantiles,
        held_accuracy=np.array([math.nan]),
        held_accuracy_quantiles=np.full_like(quantiles, math.nan),
        levels=1,
        evaluations=1,
        status="loss reached",
    )


@pytest.mark.parametrize("first", [1e-11, 0.0, -1e-11])
def test_ends_that_differ_by_rounding_are_one_end(first):
    held = tail_curve([descent(-5.0 + first, 1.0), descent(-5.0, 3.0)]).held_out
    assert held.mean_loss == pytest.approx([2.0])


@pytest.mark.parametrize("rounding", [1e-9, 0.0, -1e-9])
def test_v_is_known_at_the_ends_of_a_curve_to_within_rounding(rounding):
    curve = tail_curve([descent(-5.0, 1.0), descent(-5.0, 3.0)])
    low, high = float(curve.log10_loss[-1]), float(curve.log10_loss[0])
    assert curve.at(low + rounding)[0] == pytest.approx(-2.5 / LN10)
    assert curve.at(high + rounding)[0] == pytest.approx(0.0, abs=1e-8)
    assert math.isnan(curve.at(low - 0.01)[0])
    assert math.isnan(curve.at(high + 0.01)[0])


def test_the_last_row_is_at_the_lowest_loss_that_all_have_come_to():
    """Where the goal is a volume, ends differ. What is linear in the log loss is joined without error."""

    def looked(*at):
        rows = np.array(at)
        quantiles = np.tile(rows[:, None], len(HELD_OUT_SHARES))
        return replace(
            descent(at[-1], 0.0),
            held_log_loss=rows,
            held_loss=2 - rows,
            held_loss_quantiles=2 - quantiles,
            held_accuracy=np.full(len(rows), math.nan),
            held_accuracy_quantiles=np.full_like(quantiles, math.nan),
        )

    for populations, rows in (
        ([looked(-1.0, -5.3), looked(-1.2, -3.0, -5.0)], [-1.0, -5.0]),
        ([looked(-1.0, -5.0), looked(-1.2, -3.0, -5.3)], [-1.0, -5.0]),
        ([looked(-1.0, -5.0), looked(-1.2, -3.0, -5.0 - 1e-9)], [-1.0, -5.0]),
        ([looked(-1.0, -5.0), looked(-5.1)], []),  # of the second nothing is known at -5
    ):
        held = tail_curve(populations).held_out
        found = [] if held is None else held.log10_loss * LN10
        assert found == pytest.approx(rows, abs=1e-8)
        if rows:
            assert held.mean_loss[-1] == pytest.approx(2 - rows[-1], abs=1e-8)
            assert held.loss_quantiles[0.5][-1] == pytest.approx(2 - rows[-1], abs=1e-8)


def test_an_end_that_another_has_not_come_to_is_not_shown():
    assert tail_curve([descent(-5.0, 1.0), descent(-4.9, 3.0)]).held_out is None


def test_a_population_that_has_not_begun_holds_the_curve_back_to_nothing():
    curve = tail_curve([descent(-5.0, 1.0), PopulationResult.empty()])
    assert curve.log10_loss.size == curve.log10_volume.size == curve.exponent.size == 0
    assert curve.log10_zero is curve.log10_bound is curve.held_out is None
    assert curve.status == "loss reached (1 of 2), going (1 of 2)"
    assert all(math.isnan(value) for value in curve.at(-1.0))


def test_losses_never_rise_on_the_way_down_to_a_floor():
    """A sum of exponentials is rounded: its logarithm may be a bit larger where the excess is smaller."""
    log_floor = -0.5
    places = np.random.default_rng(0).uniform(-30, 3, 20_000)
    near = np.sort(np.concatenate([places, np.nextafter(places, -99), places * (1 + 1e-12)]))[::-1]
    rises = np.nonzero(np.diff(np.logaddexp(near, log_floor) / LN10) > 0)[0]
    excess = np.unique(np.concatenate([near[::200], near[rises], near[rises + 1]]))[::-1]
    going = replace(
        descent(-5.0, 1.0),
        log_loss=np.logaddexp(excess, log_floor),
        log_excess=excess,
        log_volume=np.linspace(0, -9, excess.size),
        variance=np.full(excess.size, 0.01),
        log_floor=log_floor,
    )
    curve = tail_curve([going])
    assert curve.log10_loss.size == excess.size
    assert (np.diff(curve.log10_loss) <= 0).all()
    assert (np.diff(curve.log10_excess) <= 0).all()


@pytest.mark.parametrize("width", [*range(20, 61, 4), 100])
def test_tables_of_a_tail_fit_any_width(tmp_path, width):
    """Cells side by side or each on a line of its own: never broken, and none left out."""
    make_run(tmp_path / "run", two_modes())
    result = load_result(tmp_path / "run")
    tail = Tail(TailPlan(repeats=2), "tempered", "reduced", (descent(-5.0, 1.0), descent(-5.0, 3.0)))
    vars(result)["tail"] = deep_tail(tail, result.volume)  # a cached property
    wide, narrow = (report_text(result, cells).split("Deep tail")[1] for cells in (None, width))
    headings = ("log10 L", "log10 V(L)", "std", "local exponent λ", "mean loss [95 %]", "accuracy [95 %]")
    assert all(heading in " ".join(narrow.split()) for heading in headings)
    assert all(cell_len(line) <= width for line in narrow.splitlines())
    assert numbers_in(narrow, headings) == numbers_in(wide, headings)
    for line in narrow.split("nothing known")[0].splitlines():
        named = sum(heading in line for heading in headings[:4])
        assert named in (0, 1, 4)  # a record has a name and a value to a line, a table all names on one
        assert named != 1 or width < 24 or not line.endswith(headings)


def numbers_in(text, headings):
    """Return the numbers of a text, headings left out, sorted."""
    text = " ".join(text.split())
    for heading in headings:
        text = text.replace(heading, "")
    return sorted(re.findall(r"[-+]?\d[.\d]*", text))
