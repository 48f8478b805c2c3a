"""The sweep screen: its controls, states and keys, and what it shows of a sweep that fills."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geomreg_tui.errors import ExperimentError, RunDirectoryError
from geomreg_tui.experiment import Experiment
from geomreg_tui.report import SWEEP_FORMATS
from geomreg_tui.rundir import RunState
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.sweeps.directory import SweepDirectory, new_sweep_path, sweeps_root
from geomreg_tui.sweeps.plan import SweepPlan, parse_factor
from geomreg_tui.tui.app import ExplorerApp
from geomreg_tui.tui.screens.export import SweepExportScreen
from geomreg_tui.tui.screens.help import HelpScreen
from geomreg_tui.tui.screens.quit import QuitScreen
from geomreg_tui.tui.screens.runs import RunsScreen
from geomreg_tui.tui.screens.sweep import SweepScreen
from geomreg_tui.tui.source import EngineSource
from geomreg_tui.tui.sweep_setup import FACTORS, SweepSetup, plan_of, usual_values
from geomreg_tui.tui.sweep_view import SweepReader, SweepView
from geomreg_tui.tui.widgets.multiples import Multiples
from geomreg_tui.tui.widgets.rows import RowsWidget
from tests.patience import PATIENCE, work_seconds

from ..unit.exporting import make_sweep
from .driving import Driver, opened
from .fakes import DEEPEST, SLOPE, FakeSource, FakeSweep, descent, tail
from .shelf import put_run
from .test_training import PLAN, ensemble

HOSTILE = "x\x1b]52;c;cm0gLXJm\x07\x1b[2J\u202e[red]\x9b31m[/\nnext"
SIZES = [(60, 16), (80, 24), (120, 40), (200, 60)]


@asynccontextmanager
async def swept(
    size: tuple[int, int] = (120, 40), source: FakeSource | None = None, **settings: Any
) -> AsyncIterator[Driver]:
    """Open the explorer and its sweep screen."""
    async with opened(source, size=size, **settings) as driver:
        await driver.pilot.press("x")
        await driver.until(lambda: isinstance(driver.app.screen, SweepScreen), "the sweep screen")
        await driver.until(lambda: "points of" in driver.text("#sweep-form"), "the form")
        yield driver


async def started(driver: Driver) -> FakeSweep:
    """Press space and wait until the sweep has begun and is read."""
    await driver.pilot.press("space")
    await driver.until(lambda: view_of(driver) is not None, "a view")
    return driver.source.sweeps[-1]


async def completed(driver: Driver) -> FakeSweep:
    sweep = await started(driver)
    sweep.complete()
    await driver.until(lambda: "✓ sweep done" in driver.screen(), "done")
    await driver.until(lambda: all(point.result for point in view_of(driver).points), "all points are read")
    return sweep


def view_of(driver: Driver) -> SweepView | None:
    return driver.session.sweeps.view


def multiples(driver: Driver) -> Multiples:
    return driver.app.screen.query_one(Multiples)


async def put(driver: Driver, field: str, value: str) -> None:
    driver.app.screen.query_one(f"#sweep-{field}").value = value  # type: ignore[attr-defined]
    await driver.pilot.pause()


def made_sweep(*over: str, name: str = "", samples: int = 4000, **settings: object) -> FakeSweep:
    experiment = Experiment.parse({"data": "digits", **settings})
    plan = SweepPlan(experiment, tuple(parse_factor(text) for text in over), samples)
    return FakeSweep(plan, sweeps_root() / name if name else new_sweep_path(experiment))


# What is asked


def test_every_factor_of_the_headless_sweep_is_offered_with_values_that_it_takes() -> None:
    assert set(FACTORS) == {*Experiment.model_fields, "replicate"} - {"data_sha256"}
    for experiment in (Experiment(), Experiment.parse({"data": "gaussian", "gain": 0, "bias": True})):
        for key in FACTORS:
            values = usual_values(experiment, key)
            if key in ("classes", "module", "target", "features"):  # there is nothing usual about these
                assert values == ""
                continue
            plan = plan_of(experiment, SweepSetup(key, values, "1e4"))
            assert len(plan.factors[0].values) > 1
            assert plan.factors == (parse_factor(f"{key}={values}"),)
    uneven = Experiment.parse({"width": "8,16"})
    assert usual_values(uneven, "depth") == "2"  # one width for each layer
    assert usual_values(uneven, "width") == "4, 8, 16, 32, 64"
    assert usual_values(Experiment(), "width") == "64, 128, 256, 512, 1024"
    assert usual_values(Experiment.parse({"depth": 1}), "depth") == "1, 2, 3, 4, 5"
    assert usual_values(Experiment(), "gain") == "0.5, 0.75, 1, 1.5, 2"


def test_a_setup_comes_to_the_plan_of_the_headless_option() -> None:
    plan = plan_of(Experiment(), SweepSetup("width", "16:256:x4, 300", "10k"))
    assert plan.factors == (parse_factor("width=16:256:x4,300"),)
    assert plan.samples == 10_000
    assert [experiment.width for _, experiment in plan.grid()] == [16, 64, 256, 300]
    assert SweepPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


@pytest.mark.parametrize(
    ("key", "values", "samples", "told"),
    [
        ("init", "he_normal, he_norml", "1e5", "did you mean he_normal?"),
        ("depth", "1, 2", "many", "samples: got 'many'"),
        *(
            pytest.param(*each, marks=pytest.mark.full)
            for each in [
                ("width", "0", "1e5", "values: got 0; allowed is a number of at least 1"),
                ("width", "16,,32", "1e5", "allowed is one value between two commas"),
                ("width", "16, x", "1e5", "values: got 'x'"),
                ("width", "", "1e5", "values: got nothing"),
                ("width", "16:8", "1e5", "START:STOP"),
                ("width", "1:1e9", "1e5", "up to 1,000 values"),
                ("depth", "1, 2", "0", "samples: got '0'"),
            ]
        ),
    ],
)
async def test_what_is_impossible_is_marked_and_starts_nothing(
    key: str, values: str, samples: str, told: str
) -> None:
    async with swept(notifications=True) as driver:
        await put(driver, "factor", key)
        await put(driver, "values", values)
        await put(driver, "samples", samples)
        await driver.pilot.press("space")
        await driver.until(lambda: "Correct what is marked" in driver.screen())
        assert told in driver.text("#sweep-outcome")
        wrong = "samples" if told.startswith("samples") else "values"
        assert driver.app.screen.query_one(f"#sweep-{wrong}-label").has_class("-problem")
        assert driver.source.sweeps == []
        assert not sweeps_root().exists()
        await put(driver, "factor", "gain")  # usual values come with another factor
        await put(driver, "samples", "1e4")
        assert driver.text("#sweep-outcome").strip() == "5 points of 10 k networks: 50 k in all"
        assert not driver.app.screen.query(".-problem")


async def test_a_single_value_is_a_sweep_without_direction() -> None:
    async with swept() as driver:
        await put(driver, "values", "8")
        assert "a direction needs two" in driver.text("#sweep-outcome")
        await completed(driver)
        assert "no direction: that needs two values" in " ".join(driver.text("#trend").split())


async def test_keys_belong_to_the_field_that_is_typed_in() -> None:
    async with swept() as driver:
        driver.app.screen.query_one("#sweep-values").focus()
        await driver.pilot.pause()
        await driver.pilot.press("end", *"sxqoe", "space")
        assert str(driver.app.screen.query_one("#sweep-values").value).endswith("1024sxqoe ")  # type: ignore[attr-defined]
        await driver.pilot.press("enter")
        assert driver.app.focused is multiples(driver)
        driver.app.screen.query_one("#sweep-samples").focus()
        await driver.pilot.pause()
        await driver.pilot.press("up")
        assert driver.app.screen.query_one("#sweep-samples").value == "1e6"  # type: ignore[attr-defined]
        await driver.pilot.press("escape")
        assert driver.app.focused is multiples(driver)
        await driver.pilot.press("escape")
        assert driver.app.screen is driver.explorer


# Filling live


async def test_a_key_shows_the_volumes_of_deep_tails_at_equal_loss() -> None:
    """Tails are straight lines, log V = 2 log L + shift: V at the loss that all come to is known."""
    shifts = (-1.0, 0.0, 2.0)
    async with swept() as driver:
        await put(driver, "values", "16, 64, 256")
        await put(driver, "samples", "20k")
        sweep = await started(driver)
        sweep.tell(RunState.SAMPLING)
        await driver.until(lambda: "▶ sweep sampling" in driver.screen())
        assert "t Tail" not in driver.text("#keys")  # neither tails to show nor a sweep that is over
        for place, shift in enumerate(shifts):
            sweep.fill(place, 20_000, RunState.DONE, deep=tail(descent(shift - 0.1), descent(shift + 0.1)))
        sweep.tell(RunState.DONE)
        await driver.until(lambda: "✓ sweep done" in driver.screen())
        assert "D0 against width" in driver.screen()
        await driver.pilot.press("t")
        await driver.until(lambda: "log10 V against width" in driver.screen())
        # The one with the least volume at a loss ends at the largest: where its deepest population does.
        at = (DEEPEST - (shifts[0] - 0.1) / math.log(10)) / SLOPE
        found = re.search(r"at log10 ε = -([\d.]+)", driver.screen())
        assert found is not None
        assert float(found[1]) == pytest.approx(-at, abs=0.1)
        view = view_of(driver)
        assert view is not None
        volumes = [interval.estimate for interval in view.volumes.values()]
        assert np.diff(volumes) == pytest.approx(np.diff(shifts) / math.log(10), abs=0.01)
        assert "V at equal loss: monotone, expanding" in " ".join(driver.text("#trend").split())
        assert driver.text("#trend").count("●") == 2
        assert driver.text("#trend").count("◉") == 1
        await driver.pilot.press("t")
        assert "D0 against width" in driver.screen()


async def test_the_same_key_shows_what_training_came_to_at_each_point() -> None:
    async with swept() as driver:
        await put(driver, "values", "16, 64, 256")
        await put(driver, "samples", "20k")
        sweep = await started(driver)
        held_out = (2.0, 3.0, 1.0)
        for place, value in enumerate(held_out):
            sweep.fill(place, 20_000, RunState.DONE, training=ensemble(held_out=value))
        sweep.tell(RunState.DONE)
        await driver.until(lambda: "✓ sweep done" in driver.screen())
        view = view_of(driver)
        assert view is not None
        # The losses that networks end at are those of the ensemble, whose held-out losses are multiples.
        medians = [interval.estimate for interval in view.trained["held_out_loss"].values()]
        assert np.array(medians) / medians[2] == pytest.approx(held_out)
        # Beside them stands V of the loss that all are trained to, from the networks of each point.
        volumes = [interval.estimate for interval in view.trained["log10_volume"].values()]
        curves = [point.result.volume_of_loss for point in view.points if point.result]
        assert volumes == [curve.at([PLAN.to_loss])[0, 0] for curve in curves]
        for said in ("held-out loss against width", "distance against width", "share fitted against width"):
            await driver.pilot.press("t")
            await driver.until(lambda said=said: said in driver.screen())
            assert "networks trained to loss" in " ".join(driver.text("#trend").split())
            assert driver.text("#trend").count("●") + driver.text("#trend").count("◉") == 3
            assert "right axis, dashed: log10 V" in driver.screen()
            plot = driver.text("#trend").partition("networks trained")[0]
            assert 1 <= plot.count("+") <= 3  # one that meets a mark of the first axis gives way
            ticks = [float(tick) for tick in re.findall(r"├(-?[\d.]+) *$", plot, re.MULTILINE)]
            assert len(ticks) > 1
            assert min(volumes) - min(ticks) < ticks[0] - ticks[1] > max(ticks) - max(volumes)
        await driver.pilot.press("t")
        await driver.until(lambda: "D0 against width" in driver.screen())


@pytest.mark.parametrize("size", [(150, 44), (200, 60)])
async def test_the_table_of_points_has_their_volumes_as_numbers(size: tuple[int, int]) -> None:
    shifts = (-1.0, 0.0, 2.0)
    async with swept(size=size) as driver:
        await put(driver, "values", "16, 64, 256")
        await put(driver, "samples", "20k")
        sweep = await started(driver)
        for place, shift in enumerate(shifts):
            sweep.fill(place, 20_000, RunState.DONE, deep=tail(descent(shift - 0.1), descent(shift + 0.1)))
        sweep.tell(RunState.DONE)
        await driver.until(lambda: "✓ sweep done" in driver.screen())
        view = view_of(driver)
        assert view is not None
        table = driver.text("#points").split("\n")
        assert "log10 V" in table[0]
        rows = [row for row in table if re.match(r"\W+(16|64|256)\b", row)]
        for row, interval in zip(rows, view.volumes.values(), strict=True):
            found = re.search(r"(-[\d.]+) ± ([\d.]+) +([\d.]+) ± [\d.]+", row)
            assert found is not None, row
            assert float(found[1]) == pytest.approx(interval.estimate, abs=0.006)
            assert float(found[2]) == pytest.approx(interval.high - interval.estimate, abs=0.006)
            assert float(found[3]) == pytest.approx(SLOPE, abs=0.01)  # λ of their line
            assert size[0] < 200 or "volume reached" in row  # where there is room
        assert "λ" in table[0]
        assert re.search(r"log10 V at log10 ε = -\d", driver.screen())


async def test_where_a_tail_ended_short_of_its_goal_that_is_worth_more_than_its_exponent() -> None:
    async with swept(size=(120, 40)) as driver:
        await put(driver, "values", "16, 64")
        await put(driver, "samples", "20k")
        sweep = await started(driver)
        for place, status in enumerate(("volume reached", "time limit")):
            sweep.fill(place, 20_000, RunState.DONE, deep=tail(descent(-0.1, status), descent(0.1, status)))
        sweep.tell(RunState.DONE)
        await driver.until(lambda: "✓ sweep done" in driver.screen())
        table = driver.text("#points").split("\n")
        assert "tail" in table[0]
        assert "λ" not in table[0]
        assert "time limit" in "".join(table)


async def test_the_time_left_of_a_sweep_of_tails_is_that_of_the_points_to_come() -> None:
    """Populations down to a tenth of their way at the first look, and then to a half and on."""
    async with swept(size=(120, 40)) as driver:
        await put(driver, "values", "16, 64")
        await put(driver, "samples", "20k")
        await driver.pilot.press("t")
        await driver.until(lambda: driver.app.screen.query("#tail-volume"), "the dialog")
        await driver.pilot.press("enter")
        await driver.until(lambda: driver.source.sweeps, "the sweep")
        sweep = driver.source.sweeps[0]
        sweep.fill(0, 20_000, RunState.SAMPLING, deep=tail(descent(0.0, None, deepest=0.1 * DEEPEST)))
        await driver.until(lambda: "ETA not known yet" in driver.screen(), "no time")
        for share in (0.5, 0.9):
            sweep.fill(0, 20_000, RunState.SAMPLING, deep=tail(descent(0.0, None, deepest=share * DEEPEST)))
            await driver.until(lambda s=share: view_of(driver).work == pytest.approx(s, abs=0.01), "the way")
        await driver.until(lambda: re.search(r"0 / 2 points .* ETA \d+:\d\d", driver.screen()), "a time")


async def test_a_key_sweeps_deep_tails_and_going_on_keeps_them() -> None:
    async with swept() as driver:
        await put(driver, "values", "16, 64")
        await put(driver, "samples", "20k")
        await driver.pilot.press("t")
        await driver.until(lambda: "log10 V down to" in driver.screen())
        await driver.pilot.press("escape")
        await driver.pilot.pause()
        assert driver.source.sweeps == []
        await driver.pilot.press("t")
        await driver.until(lambda: "log10 V down to" in driver.screen())
        await driver.pilot.press("enter")
        await driver.until(lambda: driver.source.sweeps)
        sweep = driver.source.sweeps[0]
        assert sweep.asked.tail == TailPlan(log10_volume=-50.0)
        assert [factor.values for factor in sweep.asked.factors] == [(16, 64)]
        sweep.fill(0, 20_000, RunState.DONE, deep=tail(descent(0.0)))
        sweep.tell(RunState.STOPPED)
        await driver.until(lambda: "log10 V against width" in driver.screen())
        await driver.until(lambda: "■ sweep stopped" in driver.screen())
        await driver.pilot.press("space")
        await driver.until(lambda: len(driver.source.sweeps) == 2)
        assert driver.source.sweeps[1].asked == sweep.asked


async def test_points_fill_live_and_the_direction_comes_with_the_second() -> None:
    async with swept() as driver:
        await put(driver, "values", "16, 64, 256")
        await put(driver, "samples", "20k")
        sweep = await started(driver)
        assert driver.source.sweeps == [sweep]
        assert driver.text("#multiples").count("not begun") == 3
        assert "D0 comes with the first networks" in driver.text("#trend")
        sweep.fill(0, 5_000)
        await driver.until(lambda: "▶ 25 %" in driver.text("#multiples"))
        assert "direction: comes with the second point" in " ".join(driver.text("#trend").split())
        assert "▶ sweep sampling" in driver.screen()
        assert "0 / 3 points  5 k / 60 k  ETA 0:01" in driver.screen()
        assert "250 k networks/s" in driver.text("#header")
        sweep.fill(0, 20_000, RunState.DONE)
        sweep.fill(1, 10_000)
        await driver.until(lambda: "▶ 50 %" in driver.text("#multiples"))
        sweep.complete()
        await driver.until(lambda: "✓ sweep done" in driver.screen())
        view = view_of(driver)
        assert view is not None
        (verdict,) = view.judged
        assert (
            verdict.direction.verdict == "monotone, towards zero"
        )  # the zero mode of the losses grows with width
        trend = " ".join(driver.text("#trend").split())
        assert "direction: monotone, towards zero" in trend
        assert "τ-b 1 [1, 1]" in trend
        assert "p " not in trend.replace("depth ", "")
        screen = driver.text("#multiples") + driver.text("#points")
        for point in view.points:
            assert point.landmark is not None
            shown = f"{point.landmark.landmark.estimate:.3g}"
            assert screen.count(shown) >= 2, shown
            assert f"width {point.value}" in screen
        assert "3 / 3 points  60 k / 60 k" in driver.screen()


async def test_start_pause_resume_and_stop() -> None:
    async with swept(notifications=True) as driver:
        sweep = await started(driver)
        sweep.fill(0, 1_000)
        await driver.pilot.press("space")
        await driver.until(lambda: "‖ sweep paused" in driver.screen())
        await driver.pilot.press("space")
        await driver.until(lambda: "▶ sweep sampling" in driver.screen())
        await driver.pilot.press("s")
        await driver.until(lambda: "■ sweep stopped" in driver.screen())
        assert sweep.calls == ["pause", "resume", "stop"]
        await driver.until(lambda: "■ 1 %" in driver.text("#multiples"))
        assert "s Stop" not in driver.text("#keys")
        # The same again goes on, with more samples too; other values are another sweep.
        await driver.pilot.press("space")
        await driver.until(lambda: len(driver.source.sweeps) == 2)
        again = driver.source.sweeps[-1]
        assert (again.directory, again.asked) == (sweep.directory, sweep.asked)
        await driver.until(lambda: "▶ sweep sampling" in driver.screen())
        again.complete()
        await driver.until(lambda: "✓ sweep done" in driver.screen())
        await driver.pilot.press("space")
        await driver.until(lambda: "This sweep is done" in driver.screen())
        await put(driver, "samples", "2e5")
        await driver.pilot.press("space")
        await driver.until(lambda: len(driver.source.sweeps) == 3)
        assert driver.source.sweeps[-1].directory == sweep.directory
        assert driver.source.sweeps[-1].asked.samples == 200_000
        await driver.until(lambda: "▶ sweep sampling" in driver.screen())
        await driver.pilot.press("s")
        await driver.until(lambda: "■ sweep stopped" in driver.screen())
        await put(driver, "values", "3, 5")
        await driver.until(lambda: "space starts another sweep" in driver.screen())
        await driver.pilot.press("space")
        await driver.until(lambda: len(driver.source.sweeps) == 4)
        assert driver.source.sweeps[-1].directory != sweep.directory
        await driver.until(lambda: driver.text("#multiples").count("not begun") == 2)


async def test_a_failed_point_is_shown_with_its_reason_and_can_be_tried_again() -> None:
    async with swept() as driver:
        sweep = await started(driver)
        sweep.fill(0, 100_000, RunState.DONE)
        sweep.fill(1, 10_000, RunState.FAILED, f"out of memory {HOSTILE}")
        sweep.tell(RunState.FAILED, f"out of memory {HOSTILE}")
        await driver.until(lambda: "✗ sweep failed" in driver.screen())
        shown = driver.text("#multiples")
        assert shown.count("✗ failed") == 1
        assert "out of memory" in shown
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", driver.screen())
        await driver.pilot.press("space")
        await driver.until(lambda: len(driver.source.sweeps) == 2)
        assert driver.source.sweeps[1].directory == sweep.directory
        await driver.until(lambda: "▶ sweep sampling" in driver.screen())


async def test_a_point_of_mixed_environments_says_so() -> None:
    async with swept() as driver:
        sweep = await started(driver)
        sweep.fill(1, 100_000, RunState.DONE, mixed=True)
        await driver.until(lambda: "mixed ✓" in driver.text("#multiples"))
        assert "mixed ✓" in driver.text("#points")


async def test_a_point_that_could_not_begin_is_the_one_blamed() -> None:
    async with swept() as driver:
        sweep = await started(driver)
        sweep.fill(0, 100_000, RunState.DONE)
        sweep.tell(RunState.FAILED, "examples: got 5000; there are 1797")
        await driver.until(lambda: "✗ failed" in driver.text("#multiples"))
        assert "there are 1797" in driver.text("#status")
        view = view_of(driver)
        assert view is not None
        assert [point.state for point in view.points[:3]] == [RunState.DONE, RunState.FAILED, None]


async def test_a_sweep_that_cannot_start_says_why() -> None:
    source = FakeSource()
    source.start_failure = RunDirectoryError("the disk is full")
    async with swept(source=source) as driver:
        await driver.pilot.press("space")
        await driver.until(lambda: "the sweep did not start: the disk is full" in driver.screen())
        source.start_failure = None
        await started(driver)


async def test_an_engine_that_is_gone_leaves_a_sweep_that_goes_on() -> None:
    async with swept() as driver:
        sweep = await started(driver)
        sweep.fill(0, 50_000)
        await driver.until(lambda: "▶ 50 %" in driver.text("#multiples"))
        sweep._lease.release()  # as the lease of a dead process is
        await driver.until(lambda: "■ sweep stopped" in driver.screen())
        await driver.until(lambda: "■ 50 %" in driver.text("#multiples"))
        await driver.pilot.press("space")
        await driver.until(lambda: len(driver.source.sweeps) == 2)


async def test_nothing_is_drawn_while_nothing_changes() -> None:
    async with swept() as driver:
        await completed(driver)
        await driver.still()
        assert await driver.drawn_within(2.5) == 0


async def test_a_long_sweep_is_drawn_quickly() -> None:
    sweep = made_sweep("seed=1:60", samples=500, width=8)
    sweep.complete()
    async with swept((200, 60)) as driver:
        await driver.pilot.press("o")
        await driver.until(lambda: "1 sweep" in driver.screen())
        await driver.pilot.press("enter")
        await driver.until(lambda: "60 / 60 points" in driver.screen(), "all points")
        panes = driver.app.screen.query(RowsWidget)
        unit, begun = work_seconds(), time.process_time()
        for _ in range(5):
            await driver.pilot.press("pagedown")
            for pane in panes:
                pane.redraw()
        taken = (time.process_time() - begun) / 5  # a page of new histograms, and the table
        assert taken < 4 * min(unit, work_seconds())


# Layouts


@pytest.mark.parametrize(
    "size", [s if s in ((60, 16), (120, 40)) else pytest.param(s, marks=pytest.mark.full) for s in SIZES]
)
async def test_all_is_shown_at_every_size(size: tuple[int, int]) -> None:
    async with swept(size) as driver:
        await put(driver, "values", "16, 64, 256, 1024")
        await completed(driver)
        screen = driver.screen()
        assert all(len(row) == size[0] for row in screen.split("\n"))
        assert "❯ width 16" in screen
        assert "monotone, towards zero" in screen
        assert "τ-b 1 " in screen or "τ-b 1," in screen
        assert "density against L/L0" in screen
        assert screen.count("◉") == 1
        for word in ("space Start/pause", "enter Open", "? Help", "q Quit", "^p Palette"):
            assert word in driver.text("#keys")
        assert driver.app.screen.query_one("#points").display is (size[0] >= 120)
        if size[0] >= 120:
            lines = driver.text("#points").split("\n")
            end = lines[0].index("interval") + len("interval")
            assert [row.index("]") + 1 for row in lines[1:5]] == [end] * 4
            assert len({row.index("✓") for row in lines[1:5]}) == 1
        assert "…" not in "".join(driver.text(f"#{name}") for name in ("trend", "points", "sweep-controls"))
        await driver.pilot.resize_terminal(59, 15)
        await driver.until(lambda: "needs 60x16" in driver.screen())
        await driver.pilot.resize_terminal(*size)
        await driver.until(lambda: "❯ width 16" in driver.screen())


async def test_every_point_can_be_reached_where_not_all_fit() -> None:
    async with swept((80, 24)) as driver:
        await put(driver, "values", "1:20")
        await completed(driver)
        assert "width 20" not in driver.text("#multiples")
        seen = set()
        for _ in range(20):
            point = multiples(driver).point
            assert point is not None
            assert f"❯ width {point.value} " in driver.text("#multiples")
            seen.add(point.value)
            await driver.pilot.press("right")
        assert seen == {str(value) for value in range(1, 21)}
        await driver.pilot.press("home")
        assert "❯ width 1 " in driver.text("#multiples")
        await driver.pilot.press("down")
        assert "❯ width 3 " in driver.text("#multiples")
        await driver.pilot.press("pagedown")
        assert "❯ width 7 " in driver.text("#multiples")
        await driver.pilot.press("end")
        assert "❯ width 20 " in driver.text("#multiples")
        await driver.pilot.press("down", "right")
        assert "❯ width 20 " in driver.text("#multiples")
        await driver.pilot.press("up")
        assert "❯ width 18 " in driver.text("#multiples")
        multiples(driver)._scroll(_Stopped(), -8)  # type: ignore[arg-type]
        await driver.pilot.pause()
        assert "width 3 " in driver.text("#multiples")


class _Stopped:
    def stop(self) -> None:
        """As an event has it."""


async def test_the_mouse_selects_and_opens() -> None:
    async with swept((120, 40)) as driver:
        sweep = await completed(driver)
        rows = driver.text("#multiples").split("\n")
        row = next(number for number, text in enumerate(rows) if "width 512" in text)
        await driver.pilot.click("#multiples", offset=(rows[row].index("width 512") + 4, row + 2))
        await driver.until(lambda: "❯ width 512" in driver.screen())
        assert "❯   512" in driver.text("#points")
        await driver.pilot.click("#points", offset=(8, 3))
        await driver.until(lambda: "❯ width 128" in driver.screen())
        rows = driver.text("#multiples").split("\n")
        row = next(number for number, text in enumerate(rows) if "width 128" in text)
        await driver.pilot.click("#multiples", offset=(rows[row].index("width 128") + 4, row + 2))
        await driver.until(lambda: driver.app.screen is driver.explorer)
        await driver.until(lambda: driver.session.run is not None)
        assert driver.session.run is not None
        assert driver.session.run.handle.directory == sweep.directory / "width=128"


async def test_a_point_opens_in_full_and_the_sweep_is_there_again() -> None:
    async with swept() as driver:
        sweep = await completed(driver)
        await driver.pilot.press("right", "enter")
        await driver.until(lambda: driver.session.shows_run)
        await driver.settled()
        assert driver.session.experiment.width == 128
        assert driver.session.run is not None
        assert driver.session.run.handle.directory == sweep.directory / "width=128"
        for pane in ("Loss distribution", "Mode dominance", "Volume fraction"):
            assert pane in driver.screen()
        view = driver.session.sweeps.view
        assert view is not None
        assert f"{view.judged[0].direction.verdict}, over width" in " ".join(driver.text("#modes").split())
        await driver.set("gain", "2")  # no point of the sweep
        await driver.settled()
        assert "over width" not in driver.text("#modes")
        await driver.set("gain", "1")
        await driver.settled()
        await driver.pilot.press("x")
        await driver.until(lambda: "✓ sweep done" in driver.screen())
        assert "❯ width 128" in driver.screen()
        await driver.pilot.press("x")
        await driver.set("width", "7")
        await driver.quiet()
        await driver.settled()
        await driver.pilot.press("x")
        await driver.until(lambda: "no sweep yet" in driver.screen())
        assert "mlp 7×3" in driver.text("#header")
        assert "1, 3, 7, 14, 28" in driver.text("#sweep-controls")


async def test_the_low_end_can_be_zoomed_to() -> None:
    async with swept(notifications=True) as driver:
        await completed(driver)
        before = driver.text("#multiples")
        await driver.pilot.press("z")
        await driver.until(lambda: ", up to L/L0 = " in driver.screen())
        assert driver.text("#multiples") != before
        await driver.pilot.press("Z")
        await driver.until(lambda: "up to L/L0" not in driver.screen())
        assert driver.text("#multiples") == before
        await driver.pilot.press(*"zzzzzz")
        await driver.until(lambda: "Too few losses lie lower" in driver.screen())


async def test_ascii_terminals_get_ascii_only() -> None:
    async with swept(ascii_only=True) as driver:
        sweep = await started(driver)
        sweep.complete()
        await driver.until(lambda: "sweep done" in driver.screen())
        assert driver.screen().isascii()
        assert "?" not in driver.text("#multiples") + driver.text("#trend") + driver.text("#points")


# Going, leaving, coming back


async def test_a_sweep_goes_on_while_the_explorer_is_used_and_leaving_asks() -> None:
    async with swept() as driver:
        sweep = await started(driver)
        sweep.fill(0, 1_000)
        await driver.until(lambda: "▶ 1 %" in driver.screen())
        await driver.pilot.press("escape")
        await driver.until(lambda: "a sweep is going on" in driver.screen())
        await driver.set("width", "32")
        await driver.quiet()
        await driver.pilot.press("x")  # what goes on is shown, whatever is on the knobs
        await driver.until(lambda: "▶ sweep sampling" in driver.screen())
        await driver.pilot.press("q")
        await driver.until(lambda: isinstance(driver.app.screen, QuitScreen))
        assert str(sweep.directory) in "".join(driver.screen().split()).replace("│", "")
        await driver.pilot.press("b")
        assert isinstance(driver.app.screen, SweepScreen)
        assert driver.app.is_running
        await driver.pilot.press("ctrl+q")
        await driver.until(lambda: isinstance(driver.app.screen, QuitScreen))
        await driver.pilot.press("k")
        await driver.until(lambda: not driver.app.is_running)
        assert sweep.calls == []
        assert driver.session.sweeps.going() == [sweep]


async def test_leaving_can_stop_the_sweep() -> None:
    async with swept() as driver:
        sweep = await started(driver)
        await driver.pilot.press("q")
        await driver.until(lambda: isinstance(driver.app.screen, QuitScreen))
        await driver.pilot.press("s")
        await driver.until(lambda: not driver.app.is_running)
        assert sweep.calls == ["stop"]


async def test_a_sweep_that_begins_when_its_screen_is_gone_is_found_again() -> None:
    async with swept() as driver:
        await driver.pilot.press("space", "escape", "x")
        await driver.until(lambda: view_of(driver) is not None)
        assert len(driver.source.sweeps) == 1


async def test_sweeps_on_disk_are_listed_newest_first_and_opened() -> None:
    one = made_sweep("depth=1,2,3", name="20260102-030405-01234567", width=8)
    one.complete()
    two = made_sweep("init=he_normal,orthogonal", name="20260304-050607-01234567")
    two.complete()
    async with swept() as driver:
        await driver.pilot.press("o")
        await driver.until(lambda: "2 sweeps" in driver.screen())
        await driver.until(lambda: driver.text("#runs-list").count("✓ done") == 2)
        listed = driver.text("#runs-list").split("\n")[1:]
        assert "init in mlp" in listed[0]
        assert "depth in mlp 8×3" in listed[1]
        await driver.pilot.press("down", "enter")
        await driver.until(lambda: "✓ sweep done" in driver.screen())
        assert "1, 2, 3" in driver.text("#sweep-controls")
        assert "mlp 8×3" in driver.text("#header")
        assert "D0 against depth" in driver.screen()
        await driver.pilot.press("o")
        await driver.until(lambda: "2 sweeps" in driver.screen())
        await driver.pilot.press("enter")
        order = "no direction: the values of init have no order"
        await driver.until(lambda: order in " ".join(driver.text("#trend").split()))
        rows = driver.text("#trend").split("\n")
        for name in ("he_normal", "orthogonal"):  # a line each, with D along it
            assert [row.count("●") + row.count("◉") for row in rows if name in row] == [1]
        await driver.pilot.press("o")
        await driver.pilot.press("escape")
        assert isinstance(driver.app.screen, SweepScreen)


async def test_without_sweeps_the_list_says_so_and_broken_ones_are_told_of() -> None:
    async with swept() as driver:
        await driver.pilot.press("o")
        await driver.until(lambda: "There are no sweeps yet" in driver.screen())
        await driver.pilot.press("escape")
        assert isinstance(driver.app.screen, SweepScreen)
        broken = sweeps_root() / f"20260101-000000-{HOSTILE.splitlines()[0].replace('/', '')}"
        broken.mkdir(parents=True)
        (broken / "plan.json").write_text("{}")
        await driver.pilot.press("o")
        await driver.until(lambda: "1 sweep" in driver.screen())
        await driver.pilot.press("enter")
        await driver.until(lambda: "is damaged" in driver.text("#status"))
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", driver.screen())


async def test_the_list_of_sweeps_is_the_common_one_and_has_nothing_else() -> None:
    put_run(1)
    made_sweep("depth=1,2", name="20260102-030405-01234567").complete()
    async with swept() as driver:
        await driver.pilot.press("o")
        await driver.until(lambda: "1 sweep" in driver.text("#runs-count"))
        await driver.pilot.press("slash", *"depth=7")
        await driver.until(lambda: "0 of 1 sweep" in driver.text("#runs-count"))
        await driver.pilot.press("escape", "escape")
        await driver.until(lambda: isinstance(driver.app.screen, SweepScreen))


async def test_a_sweep_of_two_factors_shows_a_line_and_a_verdict_for_each_value_of_the_other() -> None:
    sweep = made_sweep("width=16,64,256", "depth=1,2")
    sweep.complete()
    async with swept((200, 60)) as driver:
        await driver.pilot.press("o")
        await driver.until(lambda: isinstance(driver.app.screen, RunsScreen) and "1 sweep" in driver.screen())
        await driver.pilot.press("enter")
        await driver.until(lambda: "✓ sweep done" in driver.screen())
        trend = driver.text("#trend")
        assert "● depth 1" in trend
        assert "▲ depth 2" in trend
        assert trend.count("towards zero") == 3  # of both lines, and of the whole grid
        assert "whole grid: monotone, towards zero" in trend
        assert "direction at depth 2: monotone, towards zero" in trend
        assert "width 16, depth 1" in driver.text("#multiples")
        assert "16, 1" in driver.text("#points")
        await put(driver, "samples", "5e4")
        await driver.pilot.press("space")  # untouched, the controls mean both factors
        await driver.until(lambda: len(driver.source.sweeps) == 1)
        assert driver.source.sweeps[0].asked.factors == sweep.asked.factors


async def test_trained_networks_of_two_factors_have_a_line_on_either_axis_for_each_value_of_the_other() -> (
    None
):
    sweep = made_sweep("width=16,64,256", "depth=1,2")
    for place in range(6):
        training = ensemble(held_out=1.0 + place % 2)
        sweep.fill(place, sweep.asked.samples, RunState.DONE, training=training)
    sweep.tell(RunState.DONE)
    async with swept((200, 60)) as driver:
        await driver.pilot.press("o")
        await driver.until(lambda: "1 sweep" in driver.screen())
        await driver.pilot.press("enter")
        await driver.until(lambda: "✓ sweep done" in driver.screen())
        await driver.pilot.press("t")
        await driver.until(lambda: "held-out loss against width" in driver.screen())
        view = view_of(driver)
        assert view is not None
        assert len(view.trained["log10_volume"]) == 6
        plot = driver.text("#trend").partition("networks trained")[0]
        # With the legend; the point that is selected stands out, and its stroke may hide the one beside it.
        assert (plot.count("◉"), plot.count("●")) == (1, 3)
        assert plot.count("▲") in (3, 4)
        assert 1 <= plot.count("+") <= 6
        assert re.search(r"├-[\d.]+ *$", plot, re.MULTILINE)


async def test_a_sweep_is_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = "20260102-030405-01234567"
    make_sweep(sweeps_root() / name)
    async with swept() as driver:
        assert "e Export" not in driver.text("#keys")
        await driver.pilot.press("o")
        await driver.until(lambda: "1 sweep" in driver.screen())
        await driver.pilot.press("enter")
        await driver.until(lambda: "✓ sweep done" in driver.screen())
        await driver.pilot.press("e")
        await driver.until(lambda: isinstance(driver.app.screen, SweepExportScreen))
        await driver.until(lambda: "geomreg-tui sweep" in driver.text("#export-command"))
        assert "width=2,4,8" in driver.text("#export-command")
        assert {end for end, _, _ in SweepExportScreen.FORMATS} == set(SWEEP_FORMATS)
        for end, downs in ((".html", 0), (".csv", 2), (".sh", 4)):
            await driver.pilot.press(*["down"] * downs, "enter")
            await driver.until(lambda end=end: f"wrote {name}{end}" in driver.text("#export-outcome"))  # type: ignore[misc]
    assert (tmp_path / f"{name}.csv").read_text().count("\n") == 4


async def test_help_and_palette_know_every_action() -> None:
    async with swept((200, 60)) as driver:
        await driver.pilot.press("question_mark")
        assert isinstance(driver.app.screen, HelpScreen)
        await driver.pilot.pause()
        first = driver.screen()
        await driver.pilot.press("end")
        await driver.until(lambda: driver.screen() != first)
        screen = first + driver.screen()
        for binding in SweepScreen.BINDINGS:
            if binding.show:  # type: ignore[union-attr]
                assert binding.tooltip in screen  # type: ignore[union-attr]
        assert "τ-b" in screen
        await driver.pilot.press("escape")
        await driver.pilot.press("ctrl+p")
        await driver.until(lambda: "Palette" in type(driver.app.screen).__name__)
        await driver.pilot.press(*"sweeps")
        await driver.until(lambda: "Open a sweep that is on disk" in driver.screen())
        await driver.pilot.press("enter")
        await driver.until(lambda: isinstance(driver.app.screen, RunsScreen))


# The real thing


OPTIONS = {"data": "gaussian", "inputs": "4", "examples": "1", "depth": "1", "init": "he_normal"}


@pytest.mark.full  # tests/faults/test_sweeps.py has a real one in a real terminal, and what one comes to
async def test_a_real_sweep_fills_and_agrees_with_the_headless_one(tmp_path: Path) -> None:
    words = [f"--{key}={value}" for key, value in OPTIONS.items()]
    headless = [sys.executable, "-m", "geomreg_tui", "sweep", "--over", "width=2,4,8", *words]
    headless += ["--samples", "30k", "--json", "--quiet", "--out", str(tmp_path / "sweep")]
    process = subprocess.Popen(headless, stdout=subprocess.PIPE, text=True)
    source = EngineSource()
    app = ExplorerApp(Experiment.parse(OPTIONS), 10_000, source, fps=20)
    async with app.run_test(size=(120, 40)) as pilot:
        driver = Driver(app, pilot, source)  # type: ignore[arg-type]
        await driver.until(lambda: app.explorer is not None)
        await pilot.press("x")
        await put(driver, "values", "2, 4, 8")
        await put(driver, "samples", "30k")
        await pilot.press("space")
        await driver.until(lambda: "✓ sweep done" in driver.screen())
        view = view_of(driver)
        assert view is not None
        shown = " ".join(driver.text("#trend").split())
        sweep = driver.session.sweeps.shown
        assert sweep is not None
        await driver.until(lambda: not sweep.running(), "its process has ended")
    document = json.loads(process.communicate(timeout=PATIENCE)[0])
    assert [point["histogram_digest"] for point in document["points"]] == [
        point.result.summary.histogram.digest() for point in view.points if point.result
    ]
    assert [point["modes"]["dominance"] for point in document["points"]] == [
        point.modes.dominance.to_json() for point in view.points if point.modes
    ]
    assert document["directions"] == [verdict.to_json() for verdict in view.judged]
    assert f"direction: {document['directions'][0]['verdict']}" in shown
    stored = json.loads((view.path / "sweep.json").read_text())
    assert stored == document


def test_code_that_only_a_file_names_is_not_run(tmp_path: Path) -> None:
    plan = SweepPlan(
        Experiment.parse({"arch": "custom", "module": "a.b:c"}), (parse_factor("gain=1,2"),), 1000
    )
    with pytest.raises(ExperimentError, match="module"):
        EngineSource().start_sweep(plan, tmp_path / "sweep")
    assert not (tmp_path / "sweep").exists()


def test_a_sweep_without_a_plan_is_read_from_its_result(tmp_path: Path) -> None:
    sweep = made_sweep("width=4,8")
    sweep.complete()
    view = SweepReader(sweep.directory).read()
    assert view is not None
    results = [point.result for point in view.points if point.result]
    SweepDirectory(sweep.directory).write_result(view.plan.factors, results)
    for name in ("plan.json", "status.json"):
        (sweep.directory / name).unlink()
    again = SweepReader(sweep.directory).read()
    assert again is not None
    assert again.state is RunState.DONE
    assert again.plan.factors == view.plan.factors
    assert [v.to_json() for v in again.judged] == [v.to_json() for v in view.judged]
