"""The explorer as a whole: layouts, panes, keys, states."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from geomreg_tui.errors import DataError, ExperimentError, SamplingError
from geomreg_tui.rundir import RunState
from geomreg_tui.statistics import LossDistribution
from geomreg_tui.tui import run_explorer
from geomreg_tui.tui.bars import bar_shares
from geomreg_tui.tui.look import stylesheet
from geomreg_tui.tui.screens.explorer import ExplorerScreen
from geomreg_tui.tui.screens.help import HelpScreen
from geomreg_tui.tui.screens.quit import QuitScreen
from tests.patience import PATIENCE

from .driving import Driver, opened
from .fakes import FakeRun, FakeSource, facts_of, losses_of, summary_of
from .shelf import put_run

PANES = {
    "setup": "Architecture",
    "loss": "L0 null",
    "volume": "deepest V",
    "modes": "zero mode",
    "sphere": "radius r",
}
TABS = {
    **dict(list(PANES.items())[:3]),
    "training": "nothing is trained yet",
    "generalisation": "nothing is held out",
    **dict(list(PANES.items())[3:]),
}


# Engines


async def test_an_engine_waits_for_the_run_that_the_knobs_ask_for() -> None:
    async with opened(width=8) as driver:
        await driver.until(lambda: driver.source.expected == driver.session.experiment, "expected")
        await driver.pilot.press("escape", "space")
        await driver.until(lambda: driver.session.run_active, "sampling")
        driver.source.expected = None
        driver.source.runs[0].state = RunState.DONE
        await driver.until(lambda: driver.source.expected == driver.session.experiment, "expected again")


async def test_no_engine_waits_while_a_run_of_another_is_looked_at() -> None:
    run = put_run(1, samples=20_000, target=20_000, live=20)
    async with opened(samples=20_000, wait=False, attached=run.path) as driver:
        await driver.until(lambda: "run done" in driver.text("#status"), "shown")
        assert driver.source.expected is None


# Layouts


async def test_the_wide_layout_shows_every_pane() -> None:
    async with opened(size=(200, 60)) as driver:
        for size in [(200, 60), (120, 40), (120, 32)]:
            await driver.pilot.resize_terminal(*size)
            for text in (*PANES.values(), "preview done", "space Start/pause"):
                await driver.until(lambda text=text: text in driver.screen(), text)
            screen = driver.screen()
            assert "Next" not in driver.text("#keys")
            assert "…" not in screen


async def test_the_tabs_layout_shows_one_pane_at_a_time() -> None:
    async with opened(size=(80, 24)) as driver:
        for size in [(119, 40), (200, 31), (60, 16)]:
            await driver.pilot.resize_terminal(*size)
            for name, text in TABS.items():
                assert driver.explorer.active_tab == name
                await driver.until(lambda text=text: text in driver.screen(), f"{name} at {size}")
                screen = driver.screen()
                assert not any(other in screen for pane, other in TABS.items() if pane != name)
                assert "preview done" in screen
                assert "…" not in screen.split("\n", 1)[1]
                await driver.pilot.press("right_square_bracket")
        await driver.pilot.press("left_square_bracket")
        assert driver.explorer.active_tab == "sphere"


async def test_a_click_on_a_tab_shows_its_pane() -> None:
    async with opened(size=(80, 24)) as driver:
        await driver.pilot.click("#tab-modes")
        await driver.pilot.pause()
        assert "central mode" in driver.screen()


async def test_a_terminal_too_small_is_told_what_is_needed() -> None:
    async with opened(size=(60, 15)) as driver:
        for size in [(60, 15), (59, 16)]:
            await driver.pilot.resize_terminal(*size)
            needed = f"geomreg-tui needs 60x16 cells; this is {size[0]}x{size[1]}"
            await driver.until(lambda needed=needed: " ".join(driver.screen().split()) == needed)


async def test_resizing_changes_the_layout_and_keeps_the_settings() -> None:
    async with opened(size=(200, 60)) as driver:
        await driver.set("width", "64")
        await driver.settled()
        for size, shown in [((80, 24), 1), ((40, 10), 0), ((120, 40), 5), ((60, 16), 1), ((200, 60), 5)]:
            await driver.pilot.resize_terminal(*size)
            await driver.until(
                lambda shown=shown: sum(text in driver.screen() for text in PANES.values()) == shown,
                f"{size}",
            )
        assert driver.control("width").value == "64"
        assert len(driver.source.previews) == 2


# What is drawn


def columns_of_bars(text: str, height: int) -> list[int]:
    """Return how many eighths of a cell are filled in each column of a plot."""
    rows = text.split("\n")
    eighths = {char: number for number, char in enumerate(" ▁▂▃▄▅▆▇█")}
    plot = [row for row in rows if re.match(r"^\s*[\d.]*[│┤├]", row)]
    start = re.match(r"^\s*[\d.]*[│┤├]", plot[0]).end()  # type: ignore[union-attr]
    return [sum(eighths.get(row[c], 0) for row in plot if c < len(row)) for c in range(start, len(plot[0]))]


async def test_bars_are_the_density_of_the_losses() -> None:
    source = FakeSource(atoms=0)
    async with opened(source, size=(120, 40)) as driver:
        plain = driver.explorer.view.snapshot
        # Without a theory curve every filled cell belongs to a bar.
        driver.source._answer = type(plain)(**{**plain.__dict__, "facts": _plain_facts(), "written_at": 1.0})
        driver.explorer.look_anew()
        await driver.until(lambda: driver.explorer.view.snapshot.written_at == 1.0)
        await driver.pilot.pause()
        bars = np.array(columns_of_bars(driver.text("#loss"), 40))
        high = driver.explorer.query_one("#loss").axis.high
        expected, _ = np.histogram(losses_of(plain.facts.experiment, 20_000), bars.size, (0.0, high))
        scale = bars.max() / expected.max()
        landmarks = {round(place / high * bars.size - 0.5) for place in (0.0, 1.0, 0.9)}
        for column, (shown, count) in enumerate(zip(bars, expected, strict=True)):
            if min(abs(column - place) for place in landmarks) > 1:
                # Rounding to eighths, never to nothing; a cell's worth is never off.
                assert abs(shown - count * scale) <= 1.01 or (count and shown == 1)


def _plain_facts():
    from dataclasses import replace

    from geomreg_tui.experiment import Experiment

    return replace(facts_of(Experiment.parse({"data": "digits"})), overlays=())


def test_bar_shares_are_exact_counts_at_any_edges() -> None:
    generator = np.random.default_rng(3)
    losses = np.concatenate([np.zeros(50), generator.gamma(2.0, 0.5, 5_000)])
    distribution = LossDistribution(summary_of(losses, atoms=700), 1.0)
    edges = np.linspace(0, 4, 41)
    shares = bar_shares(distribution, edges)
    counts, _ = np.histogram(losses, edges)
    # A loss within a base bin (4 096 to the octave) of an edge may fall to either side.
    near = sum(int(np.sum(np.abs(losses - edge) <= edge * 2.0**-12)) for edge in edges)
    assert np.abs(shares * distribution.finite - counts).sum() <= 2 * near
    assert shares[0] * distribution.finite >= 50


async def test_the_mode_pane_states_what_the_losses_say() -> None:
    async with opened(FakeSource(atoms=500), size=(120, 40)) as driver:
        text = driver.text("#modes")
        zero, central = (
            float(re.search(rf"{name} mode\s+mass ([\d.]+)", text)[1])  # type: ignore[index]
            for name in ("zero", "central")
        )
        index = float(re.search(r"basin D\s+([-\d.]+)", text)[1])  # type: ignore[index]
        dominance = float(re.search(r"dominance D0\s+([-\d.]+)", text)[1])  # type: ignore[index]
        # Width 256 puts half of the losses at 0; 500 dead networks come on top of 20,000.
        error = 4 * 0.5 / np.sqrt(20_500)
        assert abs(zero - 10_000 / 20_500) < error
        assert abs(central - 10_500 / 20_500) < error
        assert abs(index - (zero - central)) < 0.002
        losses = losses_of(driver.source.previews[0][0], 20_000)
        near, about = np.sum(losses <= 0.25), 500 + np.sum(np.abs(losses - 1) <= 0.125)
        assert dominance == pytest.approx((near - about) / (near + about), abs=2e-3)
        for name in ("at L0", "dead"):
            share = float(re.search(rf"{name}\s+([\d.]+) \[", text)[1])  # type: ignore[index]
            assert abs(share - 500 / 20_500) < 1e-3
        assert "dip p < 0.001" in text
        assert "1.0" in re.search(r"mode at loss.*", text, re.DOTALL)[0]  # type: ignore[index]


async def test_the_sphere_pane_marks_peak_and_network_and_turns_with_the_radius() -> None:
    async with opened() as driver:
        text = driver.text("#sphere")
        assert "n = 5.257" in text  # science: 5.2569464
        assert "0.722" in text  # log10 of 5.2777680
        assert "150,016" in text
        assert text.count("▲") == 2  # in the legend and on the curve
        await driver.set("radius", "2")
        # Near 2 pi r^2 - 1 = 24.1; the curve comes a moment after what is typed.
        await driver.until(lambda: re.search(r"peak n = 24\.\d", driver.text("#sphere")), "the curve for 2")
        for bad in ("0", "x", "", "-1", "nan", "1e9"):
            await driver.set("radius", bad)
            await driver.pilot.pause()
            assert "! 0.001 to 1e6" in driver.text("#sphere")
            assert "peak n = 24." in driver.text("#sphere")
        assert len(driver.source.previews) == 1


async def test_lin_log_changes_both_axes_and_back() -> None:
    async with opened() as driver:
        linear = driver.screen()
        assert "linear axis" in linear
        await driver.pilot.press("l")
        logarithmic = driver.screen()
        assert "density per decade" in logarithmic
        assert "1e-3" in driver.text("#loss")
        assert "◆" in driver.text("#sphere").split("log10 V", 3)[-1]
        await driver.pilot.press("l")
        assert driver.screen() == linear


async def test_pinning_compares_with_the_two_sample_statistic() -> None:
    async with opened(FakeSource(atoms=0)) as driver:
        await driver.pilot.press("p")
        await driver.settled()
        assert re.search(r"KS distance\s+0\s", driver.text("#modes"))
        await driver.set("width", "768")
        await driver.settled()
        text = driver.text("#modes")
        first, second = (losses_of(driver.source.previews[number][0], 20_000) for number in (0, -1))
        distance = float(re.search(r"KS distance\s+([\d.]+)", text)[1])  # type: ignore[index]
        assert distance == pytest.approx(stats.ks_2samp(first, second).statistic, abs=2e-3)
        gap = re.search(r"D0 minus its\s+([\d.]+) \[([\d.]+), ([\d.]+)\]", text)
        assert gap is not None
        # The shares of the zero mode are 3/4 and 1/2, of which this much is in the windows.
        truths = []
        for share in (0.75, 0.5):
            zero, centre = stats.chi2(1, scale=0.1), stats.norm(1, 0.15)
            near = share * zero.cdf(0.25) + (1 - share) * centre.cdf(0.25)
            about = sum(
                part * (law.cdf(1.125) - law.cdf(0.875)) for part, law in ((share, zero), (1 - share, centre))
            )
            truths.append((near - about) / (near + about))
        assert float(gap[2]) < truths[0] - truths[1] < float(gap[3])
        assert "• pinned: width 256" in driver.text("#loss")
        assert driver.text("#loss").count("•") > 5
        await driver.pilot.press("P")
        await driver.settled()
        assert "pinned" not in driver.screen()


async def test_theory_is_drawn_and_named() -> None:
    async with opened(size=(200, 60)) as driver:
        assert "theory: a uniform law" in driver.text("#loss")
        assert re.search("[⠁-⣿]{20}", driver.text("#loss"))


async def test_names_from_outside_are_plain_text(tmp_path: Path) -> None:
    name = tmp_path / "[bold red]x [@click=app.quit]\x1b]52;c;aGk=\x07[.csv"
    name.write_text("a\n")
    async with opened(size=(200, 60), data=str(name)) as driver:
        screen = driver.screen()
        assert "[bold red]x [@click=app.quit]]52;c;aGk=[.csv" in screen.split("\n")[0]
        assert "\x1b" not in screen
        assert "\x07" not in screen


async def test_ascii_terminals_get_ascii_only() -> None:
    async with opened(ascii_only=True) as driver:
        assert driver.screen().isascii()
        await driver.pilot.press("p", "l", "question_mark")
        await driver.pilot.pause()
        assert driver.screen().isascii()
        assert all(len(row) == 120 for row in driver.screen().split("\n"))


# States


async def test_before_the_first_networks_the_panes_say_so() -> None:
    async with opened(FakeSource(silent=True), wait=False) as driver:
        await driver.until(lambda: "first networks" in driver.text("#status"))
        assert "loading" in " ".join(driver.text("#loss").split())
        assert "no networks yet" in driver.text("#modes")
        assert "no networks yet" in driver.text("#volume")
        assert "peak n" in driver.text("#sphere")
        await driver.pilot.press("p")
        assert len(driver.session.pins) == 0


async def test_an_experiment_that_cannot_be_sampled_shows_why() -> None:
    source = FakeSource()
    async with opened(source) as driver:
        source.failure = "width: 9e8 units need [bold]72 PB[/]; there are 62 GiB"
        await driver.set("width", "900000000")
        await driver.settled()
        assert "[bold]72 PB[/]" in " ".join(driver.text("#loss").split())
        assert "preview failed" in driver.text("#status")
        source.failure = ""
        await driver.set("width", "64")
        await driver.settled()
        assert "preview done" in driver.text("#status")


async def test_a_broken_source_is_reported_and_the_next_change_tries_again() -> None:
    source = FakeSource()
    async with opened(source) as driver:
        source.read_failure = SamplingError("the preview engine died")
        await driver.set("width", "64")
        await driver.until(lambda: "the preview engine died" in driver.text("#status"))
        source.read_failure = None
        await driver.set("width", "65")
        await driver.settled()
        assert "preview done" in driver.text("#status")


async def test_losses_that_are_not_finite_are_counted_and_shown() -> None:
    source = FakeSource()
    async with opened(source) as driver:
        snapshot = driver.explorer.view.snapshot
        for losses, words in [
            (np.array([np.nan, np.inf, *np.ones(500) * 0.5]), "2 losses are NaN or infinite"),
            (np.full(300, np.nan), "all 300 losses are NaN or infinite"),
        ]:
            source._answer = replace(
                snapshot, results={"sampling": summary_of(losses)}, written_at=float(losses.size)
            )
            driver.explorer.look_anew()
            await driver.until(lambda words=words: words in " ".join(driver.screen().split()), words)


# The full run


async def test_a_run_starts_pauses_goes_on_and_stops() -> None:
    async with opened() as driver:
        await driver.pilot.press("space")
        await driver.until(lambda: driver.source.runs)
        run = driver.source.runs[0]
        assert (run.experiment.width, run.target) == (256, 1_000_000)
        assert "cancel" in driver.source.calls
        await driver.until(lambda: "run sampling" in driver.text("#status"))
        assert "ETA" in driver.text("#status")
        await driver.pilot.press("space")
        await driver.until(lambda: "run paused" in driver.text("#status"))
        await driver.pilot.press("space")
        await driver.until(lambda: "run sampling" in driver.text("#status"))
        await driver.pilot.press("s")
        await driver.until(lambda: "run stopped" in driver.text("#status"))
        assert run.calls == ["pause", "resume", "stop"]
        assert "/runs/fake-run" in driver.text("#status")
        await driver.pilot.press("space")
        await driver.until(lambda: driver.source.extended)
        assert driver.source.extended == [(run.directory, 1_000_000)]


async def stopping(driver: Driver) -> FakeRun:
    """Start a run and tell it to stop, which it does when the test says so."""
    await driver.pilot.press("space")
    await driver.until(lambda: "run sampling" in driver.text("#status"))
    (run,) = driver.source.runs
    run.finishes = False
    await driver.pilot.press("s")
    return run


async def test_stopping_is_acknowledged_at_once_and_leaving_then_asks_nothing() -> None:
    async with opened() as driver:
        run = await stopping(driver)
        assert "stopping, finishing what is under way" in driver.text("#status")  # before anything is read
        await driver.pilot.press("space")
        assert run.calls == ["stop"]
        assert driver.session.background is None
        await driver.pilot.press("q")
        assert not isinstance(driver.app.screen, QuitScreen)
        assert driver.app._exit


async def test_a_run_that_was_stopping_says_when_it_has_stopped() -> None:
    async with opened() as driver:
        run = await stopping(driver)
        run.state = RunState.STOPPED
        await driver.until(lambda: "run stopped" in driver.text("#status"))


async def test_a_run_fills_live_and_says_when_it_is_done() -> None:
    source = FakeSource()
    source.speed = 10_000
    async with opened(source, samples=40_000) as driver:
        await driver.pilot.press("space")
        await driver.until(lambda: "run done" in driver.text("#status"))
        assert "/ 40 k" in driver.text("#status")
        await driver.settled()
        assert "dip p" in driver.text("#modes")
        await driver.pilot.press("space")
        await driver.quiet()
        assert len(source.runs) == 1
        assert not source.extended


async def test_turning_a_knob_leaves_the_run_alone_and_turning_it_back_brings_it_back() -> None:
    async with opened() as driver:
        await driver.pilot.press("space")
        await driver.until(lambda: "run sampling" in driver.text("#status"))
        await driver.set("width", "64")
        await driver.settled()
        assert "preview done" in driver.text("#status")
        assert "run of other settings: sampling" in driver.text("#status")
        assert driver.source.runs[0].calls == []
        await driver.set("width", "256")
        await driver.settled()
        assert "run sampling" in driver.text("#status")


async def test_a_run_that_cannot_start_says_why() -> None:
    source = FakeSource()
    source.start_failure = DataError("digits: there are only 1,797 examples")
    async with opened(source) as driver:
        await driver.pilot.press("space")
        await driver.until(lambda: "only 1,797 examples" in driver.text("#status"))
        source.start_failure = None
        await driver.pilot.press("space")
        await driver.until(lambda: "run sampling" in driver.text("#status"))


async def test_a_run_whose_engine_vanished_is_noticed() -> None:
    async with opened() as driver:
        await driver.pilot.press("space")
        await driver.until(lambda: "run sampling" in driver.text("#status"))
        driver.source.runs[0].alive = False
        await driver.until(lambda: "engine is gone" in driver.text("#status"))
        assert not driver.session.run_active


async def test_nothing_is_drawn_when_nothing_changes() -> None:
    async with opened() as driver:
        await driver.until(lambda: driver.explorer.lookout.resting)
        with driver.watched() as painted:
            await driver.quiet()
            await driver.quiet()
        assert not painted


# Leaving


async def test_quit_leaves_at_once_when_nothing_is_sampling() -> None:
    async with opened() as driver:
        await driver.pilot.press("q")
        await driver.pilot.pause()
        assert not driver.app.is_running
        assert driver.app.return_code == 0
    assert driver.source.calls[-1] == "close"


@pytest.mark.parametrize(
    ("key", "calls", "left"),
    [
        ("b", [], False),
        # tests/tui/test_every_key.py has all of them too
        pytest.param("s", ["stop"], True, marks=pytest.mark.full),
        pytest.param("k", [], True, marks=pytest.mark.full),
        pytest.param("escape", [], False, marks=pytest.mark.full),
    ],
)
async def test_quit_asks_while_sampling(key: str, calls: list[str], left: bool) -> None:
    async with opened() as driver:
        await driver.pilot.press("space")
        await driver.until(lambda: "run sampling" in driver.text("#status"))
        await driver.pilot.press("q")
        assert isinstance(driver.app.screen, QuitScreen)
        for words in ("keep sampling in the background", "stop, keep what is done", "go back"):
            assert words in driver.screen()
        await driver.pilot.press(key)
        await driver.pilot.pause()
        assert driver.source.runs[0].calls == calls
        assert driver.app.is_running is not left
        assert (driver.session.background is not None) == (key != "s" or driver.session.run_active)


async def test_quit_dialog_by_arrow_keys_and_ctrl_q() -> None:
    async with opened() as driver:
        await driver.pilot.press("space")
        await driver.until(lambda: "run sampling" in driver.text("#status"))
        await driver.pilot.press("ctrl+q")
        assert isinstance(driver.app.screen, QuitScreen)
        await driver.pilot.press("down", "enter")
        await driver.pilot.pause()
        assert driver.source.runs[0].calls == ["stop"]
        assert not driver.app.is_running


# Help


async def test_help_lists_every_key_and_explains_every_term() -> None:
    async with opened(size=(200, 60)) as driver:
        await driver.pilot.press("escape", "question_mark")
        await driver.until(lambda: isinstance(driver.app.screen, HelpScreen))
        await driver.until(lambda: "Start the full run" in driver.screen())
        pages = await driver.pages("#help-entries")
        screen = " ".join(" ".join(row.rstrip("│┃ ") for row in pages.split("\n")).split())
        for binding in ExplorerScreen.BINDINGS:
            assert binding.tooltip in screen
        for term in (
            "zero mode",
            "central mode",
            "dominance D0",
            "atom",
            "dip p",
            "contracting",
            "slope",
            "KS",
        ):
            assert term in screen
        await driver.pilot.press("escape")
        assert driver.app.screen is driver.explorer


# Outside


def test_the_style_sheet_is_found_and_is_the_one_at_the_top() -> None:
    assert stylesheet() == Path(__file__).parents[2] / "app.tcss"


def test_an_unknown_theme_is_refused() -> None:
    from geomreg_tui.experiment import Experiment
    from geomreg_tui.tui.settings import Settings

    with pytest.raises(ExperimentError, match="nord"):
        run_explorer(Experiment.parse({}), 1, source=FakeSource(), settings=Settings(theme="nrod"))


def test_the_process_that_draws_never_imports_torch() -> None:
    script = """
import asyncio, sys
from tests.tui.driving import opened
async def main():
    async with opened() as driver:
        await driver.pilot.press("p", "l", "space")
        await driver.until(lambda: "run sampling" in driver.text("#status"))
        await driver.set("width", "64")
        await driver.settled()
import geomreg_tui.tui.source, geomreg_tui.runner.launch
asyncio.run(main())
print([name for name in sys.modules if name.partition(".")[0] == "torch"])
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.stdout.strip() == "[]", done.stderr


async def test_states_have_words_and_not_only_colours() -> None:
    async with opened() as driver:
        await driver.pilot.press("space")
        await driver.until(lambda: driver.source.runs)
        for state in (RunState.SAMPLING, RunState.PAUSED, RunState.DONE):
            driver.source.runs[0].state = state
            driver.source.runs[0].samples += 1
            await driver.until(lambda state=state: f"run {state.value}" in driver.text("#status"))
