"""What leaves the program: the reproducing command, HTML reports, figures, exports of sweeps."""

import csv
import io
import itertools
import json
import re
import shlex
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest
from rich.console import Console

import geomreg_tui.runner
from geomreg_tui.cli.app import app
from geomreg_tui.errors import ExperimentError, RunDirectoryError
from geomreg_tui.experiment import Experiment
from geomreg_tui.listing import find
from geomreg_tui.report import (
    RUN_FORMATS,
    SWEEP_FORMATS,
    export_result,
    export_sweep,
    load_result,
    load_sweep,
)
from geomreg_tui.report.command import shell_line
from geomreg_tui.report.figures import draw_figure
from geomreg_tui.report.sweep_figures import draw_directions
from geomreg_tui.report.sweeps import sweep_text
from geomreg_tui.report.wording import dead_text
from geomreg_tui.rundir import RunDirectory, RunEntry, RunState
from geomreg_tui.rundir.elsewhere import SWEEP
from geomreg_tui.sampling.plan import SamplingPlan
from geomreg_tui.sampling.store import packs_of
from geomreg_tui.sweeps.plan import parse_factor
from geomreg_tui.sweeps.result import SweepPoint

from .exporting import make_run, make_sweep, two_modes

HOSTILE = "/data/<script>alert(1)</script>&\"'$x$\x1b]52;c;aGk=\x07\u202e.csv"
VOID = {"meta", "br", "link", "img", "hr", "input"}


class Page(HTMLParser):
    """Checks what a validator checks first, and keeps what the tests ask about."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.references, self.tags, self.words = [], [], [], [], []
        self.tables, self.text = [], text
        self.feed(text)
        self.close()
        assert not self.open, self.open
        assert len(self.ids) == len(set(self.ids))
        assert set(self.references) <= set(self.ids)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        assert len(values) == len(attributes), attributes
        assert not any(name.startswith("on") for name in values)
        self.tags.append((tag, values))
        self.ids += [values["id"]] if "id" in values else []
        for name, value in attributes:
            self.references += re.findall(r"url\(#([^)]+)\)", value or "")
            if name in ("href", "src", "aria-labelledby"):
                assert name == "aria-labelledby" or value.startswith("#"), value
                self.references.append(value.removeprefix("#"))
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th") and self.tables:
            self.tables[-1][-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)
            if self.open and self.open[-1] in ("td", "th"):
                self.tables[-1][-1][-1] += data

    def all(self, tag):
        return [values for name, values in self.tags if name == tag]

    def said(self):
        return " ".join(" ".join(self.words).split())


def written(result, path, export=export_result):
    export(result, path)
    return Page(path.read_text(encoding="utf-8"))


def called_with(monkeypatch, command):
    """Return what the command line makes of a command, up to the start of the engine."""
    found = {}

    class Reached(Exception):
        pass

    def start_run(experiment, samples, **options):
        found.update(experiment=experiment, samples=samples, **options)
        raise Reached

    monkeypatch.setattr(geomreg_tui.runner, "start_run", start_run)
    program, *arguments = shlex.split(command.rpartition(" && ")[2])
    assert program == "geomreg-tui"
    with pytest.raises(Reached):
        app(arguments, standalone_mode=False)
    return found


# The command


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"width": "8,4", "bias": True, "standardize": False, "gain": 0.1 + 0.2, "seed": 2**64 - 1},
        {"data": "/a b/it's $HOME.csv", "target": "-y", "loss": "cross_entropy", "held_out": 7},
        {"data": "/a.npz", "features": '-x, "a,b" \'c', "layout": "channels_last"},
        {"arch": "custom", "module": "my.nets:factory", "dof": 1e-5, "init": "student_t"},
        {"arch": "conv", "depth": 2, "dtype": "float64", "width": 256, "pooling": "max"},
    ],
)
def test_the_command_gives_the_experiment_again(tmp_path, monkeypatch, asked):
    run = make_run(tmp_path / "run", two_modes(), **asked)
    found = called_with(monkeypatch, load_result(run.path).command)
    assert found["experiment"] == run.facts.experiment
    assert found["experiment"].digest() == run.facts.experiment.digest()
    assert (found["samples"], found["device"], found["keep_losses"]) == (4000, "cpu", 0)


def test_the_command_of_an_unfinished_run_asks_for_what_was_planned_or_is_there(tmp_path, monkeypatch):
    stopped = make_run(tmp_path / "stopped", two_modes(3000), state=RunState.STOPPED)
    SamplingPlan(10**6, 500).write(stopped.path)
    found = called_with(monkeypatch, load_result(stopped.path).command)
    assert (found["samples"], found["keep_losses"]) == (3000, 500)


def test_relative_names_are_meant_from_where_the_run_was_started(tmp_path, monkeypatch):
    folder = tmp_path / "a folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    command = load_result(make_run(tmp_path / "run", two_modes(), data="x.npz").path).command
    assert shlex.split(command)[:3] == ["cd", str(folder), "&&"]
    for name, asked in enumerate(({"data": "/x.npz"}, {"data": "digits"})):
        command = load_result(make_run(tmp_path / str(name), two_modes(), **asked).path).command
        assert command.startswith("geomreg-tui ")


def test_a_shell_splits_the_line_into_the_same_words():
    words = ["plain", "", "it's", "a\nb", "$HOME `x` \\", "\x1b]52;c;aGk=\x07", "é\u202e'\\x", "-x", "#!*"]
    line = shell_line(words)
    assert line.isprintable()
    answer = subprocess.run(["bash", "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True)
    assert answer.stdout.decode().split("\0")[:-1] == words


def test_the_command_of_a_sweep_gives_its_factors_again(tmp_path):
    words = shlex.split(load_sweep(make_sweep(tmp_path / "sweep", gain=0.5)).command)
    assert words[:2] == ["geomreg-tui", "sweep"]
    options = dict(zip(words[2::2], words[3::2], strict=True))
    assert parse_factor(options["--over"]).values == (2, 4, 8)
    assert "--width" not in options
    assert (options["--gain"], options["--samples"]) == ("0.5", "4000")


# The report of a run


def test_the_report_is_one_valid_page_that_needs_nothing_else(tmp_path):
    run = make_run(tmp_path / "run", two_modes(), held_out=9, gain=2.0)
    page = written(load_result(run.path), tmp_path / "run.html")
    assert page.text.startswith("<!DOCTYPE html>\n<html lang=")
    assert len(page.all("title")) == len(page.all("h1")) == len(page.all("main")) == 1
    assert not {"script", "link", "img", "iframe", "metadata", "rdf:rdf"} & {tag for tag, _ in page.tags}
    assert "http" not in page.text.replace("http-equiv", "").replace("http://www.w3.org", "")
    assert len(page.all("svg")) == len(page.all("figcaption")) == 3
    assert all(svg["role"] == "img" and len(svg["aria-label"]) > 40 for svg in page.all("svg"))
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(cell["scope"] in ("row", "col") for cell in page.all("th"))
    assert all(len({len(row) for row in table}) == 1 for table in page.tables)
    assert "prefers-color-scheme: dark" in page.text
    assert "@media print" in page.text
    assert 'class="warnings"' not in page.text


def test_the_report_says_what_the_losses_say(tmp_path):
    losses = two_modes()
    page = written(load_result(make_run(tmp_path / "run", losses, held_out=9).path), tmp_path / "run.html")
    cells = {row[0]: row[1:] for table in page.tables for row in table}
    assert float(cells["mean"][0]) == pytest.approx(losses.mean(), rel=1e-5)
    assert float(cells["standard deviation"][0]) == pytest.approx(losses.std(ddof=1), rel=1e-3)
    assert (cells["losses of 0, as computed"], cells["losses of 0, known to be exact"]) == (["50"], ["50"])
    assert cells["equal to L_0 to within rounding (atom)"] == ["100"]
    assert cells["dead networks"] == ["not counted"]
    assert float(cells["loss"][4]) == pytest.approx(np.quantile(losses, 0.5, method="inverted_cdf"), rel=1e-3)
    atom, low, high = map(float, re.findall(r"[\d.]+", cells["atom at L_0, mass"][0]))
    assert low < atom == 0.025 < high
    (volume,) = (table for table in page.tables if table[0][0] == "log10 L")
    for row in volume[1:]:
        below = np.mean(losses < 10 ** float(row[0]) * 1.001)
        assert float(row[1]) == pytest.approx(np.log10(below), abs=0.02)
        # A box of side 1/2 in 100 dimensions has the volume 2^-100.
        assert float(row[5]) - float(row[1]) == pytest.approx(-100 * np.log10(2), abs=2e-3)
    (held,) = (table for table in page.tables if table[0][0] == "training loss up to")
    assert held[1][1] == "4,000"
    assert float(held[1][3].split()[0]) == pytest.approx(0.4, abs=0.01)
    assert cells["sampler"] == ["direct", "asked for"]
    assert "geomreg-tui run" in page.said()
    for word in ("zero mode", "contracting", "x86_64 AVX2", "made <here> & now"):
        assert word in page.said()


@pytest.mark.parametrize("kinds", [("svg",), pytest.param(("png", "pdf"), marks=pytest.mark.full)])
def test_names_from_outside_are_text_and_nothing_else(tmp_path, kinds):
    run = make_run(tmp_path / "run", two_modes(), data=HOSTILE)
    page = written(load_result(run.path), tmp_path / "run.html")
    assert "<script>alert(1)</script>&\"'$x$]52;c;aGk=.csv" in page.said()
    assert not page.all("script")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", page.text)
    for kind in kinds:
        export_result(load_result(run.path), tmp_path / f"run.{kind}")
        assert kind != "svg" or "\x1b" not in (tmp_path / "run.svg").read_text()


def test_warnings_stand_before_everything_else(tmp_path):
    run = make_run(tmp_path / "run", two_modes(), given_up=[7, 1234])
    run.add_environment({"torch": "<b>", "device": "cpu"}, 1)
    page = written(load_result(run.path), tmp_path / "run.html")
    assert page.text.index('class="warnings"') < page.text.index("<h2")
    assert "mixed: parts were drawn in different environments" in page.said()
    assert "are missing (7, 1,234)" in page.said()
    assert "not all the same networks" in page.said()
    assert "mixed" in draw_figure(load_result(run.path)).get_suptitle()
    assert ["1", "<b>", "cpu", "-"] in page.tables[-1]


@pytest.mark.parametrize(
    "losses",
    [
        *(np.full(200, np.nan), np.zeros(200), np.empty(0)),
        pytest.param(np.full(200, 1.0), marks=pytest.mark.full),
    ],
)
def test_losses_of_no_shape_make_a_report_too(tmp_path, losses):
    run = make_run(tmp_path / "run", two_modes() if losses.size == 0 else losses, held_out=3)
    if not losses.size:
        for file in packs_of(run).scan():
            file.path.unlink()
    result = load_result(run.path)
    page = written(result, tmp_path / "run.html")
    cells = {row[0]: row[1:] for table in page.tables for row in table}
    assert cells["NaN or infinite"] == [str(np.count_nonzero(np.isnan(losses)))]
    assert f"{losses.size} networks" in page.said()
    export_result(result, tmp_path / "run.png")
    assert (tmp_path / "run.png").stat().st_size > 5000


# Figures


def test_figures_name_axes_units_and_every_line_and_their_legends_cover_nothing(tmp_path):
    result = load_result(make_run(tmp_path / "run", two_modes(), held_out=9).path)
    figure = draw_figure(result)
    figure.draw_without_rendering()
    for axes in figure.axes:
        assert axes.get_xlabel()
        assert axes.get_ylabel()
        legend = axes.get_legend()
        assert legend.get_window_extent().y0 >= axes.get_window_extent().y1
        assert legend.get_window_extent().x1 <= figure.bbox.x1
        for label in (axes.xaxis.label, axes.yaxis.label):
            box = label.get_window_extent()
            assert box.x0 >= 0
            assert box.y0 >= 0
            assert box.y1 <= figure.bbox.y1
    names = {text.get_text() for text in figure.axes[0].get_legend().get_texts()}
    assert {"sampled", "95 % band, joint", "constant loss $L_c$"} <= names
    assert "null loss $L_0$, atom of 0.025" in names
    assert "mean squared error" in figure.axes[0].get_xlabel()


def test_a_long_title_is_broken_where_the_figure_ends(tmp_path):
    result = load_result(make_run(tmp_path / "run", two_modes(), data=f"/{'long' * 60}.csv").path)
    figure = draw_figure(result)
    figure.draw_without_rendering()
    box = figure._suptitle.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1
    assert "long" * 60 in figure.get_suptitle().replace("\n", "")


def labels_apart(figure):
    """Check by matplotlib's own measure that no labels of the ticks of an axis overlap, and return them."""
    figure.draw_without_rendering()
    found = []
    for axes in figure.axes:
        for axis, low, high in ((axes.xaxis, "x0", "x1"), (axes.yaxis, "y0", "y1")):
            labels = [
                t.label1 for t in axis.get_major_ticks() if t.label1.get_text() and t.label1.get_visible()
            ]
            if any(label.get_rotation() for label in labels):
                continue
            boxes = sorted((label.get_window_extent() for label in labels), key=lambda box: getattr(box, low))
            for before, after in itertools.pairwise(boxes):
                assert getattr(before, high) <= getattr(after, low), [label.get_text() for label in labels]
            found.append([label.get_text() for label in labels])
    return found


@pytest.mark.parametrize(
    "gains",
    [
        (0.0, 0.01, 0.02, 1.0),
        (1e-300, 1e-299, 5e-300),
        pytest.param((1.0, 1.01, 1.02, 1.03), marks=pytest.mark.full),
    ],
)
def test_labels_of_ticks_stand_apart(tmp_path, gains):
    from geomreg_tui.report.drawing import figure_bytes
    from geomreg_tui.report.sweep_figures import draw_sweep
    from geomreg_tui.rundir.store import write_json

    for gain in gains:
        make_run(tmp_path / f"gain={gain}", two_modes(), gain=gain)
    points = [{"settings": {"gain": gain}} for gain in gains]
    write_json(tmp_path / "sweep.json", {"factors": {"gain": list(gains)}, "points": points})
    figure = draw_sweep(load_sweep(tmp_path))
    text = figure_bytes(figure, "svg").decode()
    assert "\N{MINUS SIGN}" not in text
    assert labels_apart(figure)


@pytest.mark.parametrize(
    "scale", [1e-300, 1e300, *(pytest.param(scale, marks=pytest.mark.full) for scale in (1e-30, 1e30))]
)
def test_figures_of_any_scale_can_be_drawn_and_read(tmp_path, scale):
    from geomreg_tui.report.drawing import figure_bytes, style

    run = make_run(tmp_path / "run", two_modes() * scale, null_loss=scale, constant_loss=0.9 * scale)
    result = load_result(run.path)
    figure = draw_figure(result)
    figure_bytes(figure, "svg")
    with style():
        labels_apart(figure)
    # Places are in units that the name of the axis gives, ticks in units of the power of ten beside it.
    axes = figure.axes[0]
    (line,) = (line for line in axes.lines if "null loss" in line.get_label())
    named = re.search(r"in units of (\S+)\)$", axes.get_xlabel())
    unit = float(named[1] if named else 1)
    assert line.get_xdata()[0] * unit == pytest.approx(scale)
    beside = float(axes.xaxis.get_offset_text().get_text() or 1)
    for tick in axes.xaxis.get_major_ticks():
        place = float(tick.label1.get_text()) * beside
        assert place == pytest.approx(tick.get_loc(), rel=1e-6, abs=1e-6 * scale / unit)
    assert axes.get_xlim()[1] * unit == pytest.approx(result.modes.range[1])


@pytest.mark.parametrize(
    "kinds", [("html", "json", "npz"), pytest.param(("svg", "pdf"), marks=pytest.mark.full)]
)
def test_equal_results_make_equal_files(tmp_path, kinds):
    result = load_result(make_run(tmp_path / "run", two_modes()).path)
    for kind in kinds:
        pair = [tmp_path / f"{name}.{kind}" for name in "ab"]
        for path in pair:
            export_result(result, path)
        assert pair[0].read_bytes() == pair[1].read_bytes(), kind


# Files


def test_every_format_is_written_and_no_other_and_nothing_is_replaced_unasked(tmp_path):
    sweep = load_sweep(make_sweep(tmp_path / "sweep", widths=(2, 4)))
    for formats, export, thing in (
        (RUN_FORMATS, export_result, sweep.results[0]),
        (SWEEP_FORMATS, export_sweep, sweep),
    ):
        for kind in formats:
            path = tmp_path / f"{export.__name__}{kind}"
            export(thing, path)
            assert path.stat().st_size > 60
            with pytest.raises(ExperimentError, match="exists; --force replaces it"):
                export(thing, path)
            if kind == ".json":  # one way for all
                export(thing, path, force=True)
        with pytest.raises(ExperimentError, match="allowed ends are"):
            export(thing, tmp_path / "x.doc")


def test_dead_networks_are_counted_in_words(tmp_path):
    for dead, said in (
        (0, " 0 networks of"),
        (1, " 1 network of"),
        (2, " 2 networks of"),
        (None, "not counted"),
    ):
        result = load_result(make_run(tmp_path / f"{dead}", two_modes(), dead=dead).path)
        assert said in dead_text(result)


def test_a_script_holds_the_command(tmp_path):
    result = load_result(make_run(tmp_path / "run", two_modes()).path)
    export_result(result, tmp_path / "again.sh")
    shebang, command = (tmp_path / "again.sh").read_text().splitlines()
    assert shebang == "#!/usr/bin/env bash"
    assert command == result.command


# Sweeps


def test_a_sweep_is_read_back_judged_and_reported(tmp_path):
    sweep = load_sweep(make_sweep(tmp_path / "sweep", gain=0.5))
    assert [point.settings for point in sweep.points] == [(2,), (4,), (8,)]
    assert [verdict.direction.verdict for verdict in sweep.judged] == ["monotone, towards zero"]
    page = written(sweep, tmp_path / "sweep.html", export_sweep)
    assert "More width: monotone, towards zero" in page.said()
    (table,) = (table for table in page.tables if table[0][:2] == ["width", "P"])
    assert [row[0] for row in table[1:]] == ["2", "4", "8"]
    assert len(page.all("svg")) == 2
    # Where the zero side comes from is a word, which no browser may break.
    assert sum(values.get("class") == "word" for tag, values in page.tags if tag == "td") == 3
    assert {"gain": ["0.5"]}.items() <= {row[0]: row[1:] for t in page.tables for row in t}.items()
    export_sweep(sweep, tmp_path / "sweep.csv")
    with (tmp_path / "sweep.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["width"]) for row in rows] == [2, 4, 8]
    d = [float(row["landmark"]) for row in rows]
    assert d == sorted(d)
    for name in ("dominance", "landmark", "excess", "log10_ratio"):
        assert all(
            float(row[f"{name}_low"]) <= float(row[name]) <= float(row[f"{name}_high"]) for row in rows
        )
    export_sweep(sweep, tmp_path / "sweep.json")
    document = json.loads((tmp_path / "sweep.json").read_text())
    assert document["directions"][0]["verdict"] == "monotone, towards zero"
    # What is drawn is D_0 with its interval at each width.
    (drawn,) = draw_directions(sweep).axes[0].containers
    np.testing.assert_allclose(drawn[0].get_xdata(), [2, 4, 8])
    np.testing.assert_allclose(drawn[0].get_ydata(), d)


def test_what_is_missing_of_a_sweep_is_said_or_refused(tmp_path, home):
    path = make_sweep(tmp_path / "sweep", widths=(2, 4))
    stored = json.loads((path / "sweep.json").read_text())
    stored["factors"]["width"].append(16)
    (path / "sweep.json").write_text(json.dumps(stored))
    page = written(load_sweep(path), tmp_path / "sweep.html", export_sweep)
    assert "incomplete: 2 of 3 points are there" in page.said()
    for text in (
        "{",
        "{}",
        '{"factors": {"width": 3}, "points": []}',
        '{"factors": {"wdth": [1]}, "points": []}',
    ):
        (path / "sweep.json").write_text(text)
        with pytest.raises(RunDirectoryError, match=r"sweep\.json"):
            load_sweep(path)
    (path / "sweep.json").write_text('{"factors": {"width": [1]}, "points": []}')
    with pytest.raises(RunDirectoryError, match="no point"):
        load_sweep(path)
    assert find(str(path)) == RunEntry(path, kind=SWEEP)
    with pytest.raises(RunDirectoryError, match="no run 'absent'"):
        find("absent")
    (home / "sweeps").mkdir()
    path.rename(home / "sweeps" / "mine")
    assert find("mine").path == home / "sweeps" / "mine"


def test_a_sweep_says_which_of_its_points_are_mixed(tmp_path):
    path = make_sweep(tmp_path / "sweep", widths=(2, 4))
    RunDirectory.open(path / "width=4").add_environment({"torch": "1.0.0", "device": "cpu"}, 1)
    sweep = load_sweep(path)
    export_sweep(sweep, tmp_path / "sweep.json")
    points = json.loads((tmp_path / "sweep.json").read_text())["points"]
    assert [point["mixed"] for point in points] == [False, True]
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(sweep_text(sweep.factors, sweep.points, sweep.judged, sweep.judged_grid))
    assert "!!! mixed: parts of width=4 were drawn in different environments" in console.export_text()
    export_sweep(sweep, tmp_path / "sweep.csv")
    with (tmp_path / "sweep.csv").open() as file:
        assert all("mixed" in row["warning"] for row in csv.DictReader(file))
    assert [
        SweepPoint.of((width,), RunDirectory.open(path / f"width={width}")).mixed for width in (2, 4)
    ] == [
        False,
        True,
    ]


def test_names_as_factors_and_two_factors_make_figures(tmp_path):
    from geomreg_tui.rundir.store import write_json

    path, points = tmp_path / "sweep", []
    for init in ("he_normal", "sphere"):
        for depth in (1, 2):
            make_run(path / f"init={init},depth={depth}", two_modes(seed=depth), init=init, depth=depth)
            points.append({"settings": {"init": init, "depth": depth}})
    factors = {"init": ["he_normal", "sphere"], "depth": [1, 2]}
    write_json(path / "sweep.json", {"factors": factors, "points": points})
    sweep = load_sweep(path)
    figure = draw_directions(sweep)
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == ["he_normal", "sphere"]
    labels = [text.get_text() for text in figure.axes[1].get_legend().get_texts()]
    assert labels == ["init = he_normal", "init = sphere"]
    assert Experiment.parse({"init": "sphere"}).init == sweep.points[-1].settings[0]
