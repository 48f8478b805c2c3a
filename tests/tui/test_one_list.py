"""Studies and comparisons in the list of all that is on disk, and opened from there."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from geomreg_tui.experiment import Experiment
from geomreg_tui.rundir.store import write_json
from geomreg_tui.studies.compare import run_comparison
from geomreg_tui.studies.comparison import parse_compare
from geomreg_tui.sweeps.directory import sweeps_root
from geomreg_tui.sweeps.groups import studies_root
from geomreg_tui.tui.screens.compared import ComparedScreen
from geomreg_tui.tui.screens.runs import RunsScreen
from geomreg_tui.tui.screens.studies import StudiesScreen
from geomreg_tui.tui.widgets.runs import cut_before
from tests.engines import put_engines_here
from tests.unit.test_groups import make_comparison, make_studies

from .driving import Driver, opened
from .shelf import put_run


async def listing(driver: Driver, count: str) -> None:
    await driver.pilot.press("r")
    await driver.until(lambda: isinstance(driver.app.screen, RunsScreen), "the list")
    await driver.until(lambda: count in driver.text("#runs-count"), count)


@pytest.mark.parametrize("size", [(80, 24), (160, 40)])
async def test_every_kind_is_in_the_list_and_says_which_it_is(size: tuple[int, int]) -> None:
    put_run(1)
    make_comparison(sweeps_root() / "20270103-000000-01234567")
    make_studies(studies_root() / "20270104-000000-quick")
    async with opened(size=size) as driver:
        await listing(driver, "3 runs")
        await driver.until(lambda: driver.text("#runs-list").count("✓ done") >= 3, "their states")
        titles, studies, comparison, run = driver.text("#runs-list").split("\n")[:4]
        assert "studies" in studies
        assert "comparison" in comparison
        assert "2 studies:" in studies or size[0] < 100
        assert ("kind" in titles) == (size[0] > 100)
        assert ("run" in run.split()) == (size[0] > 100)
        await driver.pilot.press("slash", *"kind:stud*")
        await driver.until(lambda: "1 of 3" in driver.text("#runs-count"), "the filter")
        await driver.pilot.press("escape", "end", "home", "e")
        await driver.until(
            lambda: "its sweeps are exported one by one" in driver.text("#runs-about"), "no export"
        )
        await driver.pilot.press("c")
        await driver.until(
            lambda: "A folder of sweeps is many runs" in driver.text("#runs-about"), "no comparison"
        )
        await driver.pilot.press("asterisk", "d")
        await driver.until(
            lambda: "1 run and 2 folders of sweeps" in driver.text("#runs-about"), "the question"
        )
        await driver.pilot.press("y")
        await driver.until(lambda: "There are no runs yet" in driver.screen(), "all are gone")


async def test_studies_open_at_the_folder_that_was_chosen() -> None:
    for name in ("20270104-000000-quick", "20270105-000000-quick"):
        path = studies_root() / name
        path.mkdir(parents=True)
        write_json(path / "studies.json", {"schema": 1, "scale": "quick"})
    async with opened(size=(120, 40)) as driver:
        await listing(driver, "2 runs")
        await driver.pilot.press("down", "enter")
        await driver.until(lambda: isinstance(driver.app.screen, StudiesScreen), "the studies")
        await driver.until(lambda: "20270104-000000-quick" in driver.text("#studies-about"), "those chosen")


@pytest.mark.parametrize(
    "path", ["/runs/20270104-quick", "/" + 30 * "folder/" + "20270104-quick", "/" + 40 * "値/"]
)
def test_of_a_long_path_the_end_is_shown(path: str) -> None:
    assert cut_before(path, 0) == cut_before(path, -9) == "…", "where nothing is laid out yet"
    for width in (1, 10, 40, 400):
        shown = cut_before(path, width)
        assert cell_len(shown) <= width
        assert path.endswith(shown.removeprefix("…"))
        assert (shown == path) == (cell_len(path) <= width)
        if shown != path:
            assert cell_len(shown) >= width - 1


async def test_a_comparison_opens_with_what_the_command_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a linear model, where every arm ends at the same held-out loss but for its own scatter."""
    put_engines_here(monkeypatch)
    keys = {"data": "gaussian", "inputs": 6, "examples": 3, "held_out": 20, "depth": 0}
    plan = parse_compare(
        Experiment.parse(keys), "volume,gd", "2", "0.01", "200", {"population": "20", "repeats": "2"},
        {"trajectories": "4"},
    )  # fmt: skip
    found, failed = run_comparison(plan, sweeps_root() / "20270103-000000-01234567", workers=1)
    assert not failed
    async with opened(size=(120, 40)) as driver:
        await listing(driver, "1 run")
        await driver.until(lambda: "volume, gd: " in driver.screen(), "its arms")
        await driver.pilot.press("enter")
        await driver.until(lambda: isinstance(driver.app.screen, ComparedScreen), "the comparison")
        await driver.until(lambda: "2 training sets" in driver.text("#compared"), "its text")
        rows = driver.text("#compared").split("\n")
        for name, arm in found.arms.items():
            row = next(row for row in rows if row.strip().startswith(f"{name} "))
            shown = float(row.split()[1])
            assert shown == pytest.approx(arm.loss.mean(), rel=0.06)
        await driver.pilot.press("escape")
        await driver.until(lambda: driver.app.screen is driver.explorer, "closed")


async def test_a_folder_without_points_is_told_of() -> None:
    path = sweeps_root() / "20270103-000000-01234567"
    path.mkdir(parents=True)
    write_json(path / "compare.json", {"schema": 1})
    async with opened(size=(120, 40)) as driver:
        await listing(driver, "1 run")
        await driver.pilot.press("enter")
        await driver.until(lambda: "no arm of a comparison" in driver.words("#compared"), "the reason")
