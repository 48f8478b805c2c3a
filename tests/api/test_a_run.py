"""One run through the public API: drawn in a terminal, interrupted, moved, gone on with, and read.

The data are arrays, the terminal and Ctrl-C are real, and what comes out is compared with the command
line's run of the same arrays in a file, with pandas, numpy and an HTML parser.
"""

import contextlib
import importlib
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import numpy as np
import pandas
import pytest

import geomreg_tui as geomreg
from geomreg_tui.safe_path import python_command, python_environment
from tests.patience import PATIENCE

KEYS = {
    "examples": 6,
    "held_out": 10,
    "width": 8,
    "depth": 1,
    "chunk_size": 500,
    "batch_size": 100,
    "seed": 3,
}
RNG = np.random.default_rng(5)
X, Y = RNG.normal(size=(40, 3)).astype(np.float32), np.array(["a", "b"])[RNG.integers(0, 2, 40)]
KEPT = 50

INTERRUPTED = f"""
import sys
import numpy as np
import geomreg_tui as geomreg

arrays = np.load(sys.argv[1])

def told(snapshot):
    if snapshot.samples:
        print("drawing", flush=True)

result = geomreg.sample(data=(arrays["x"], arrays["y"]), samples=1e9, out=sys.argv[2], workers=1,
                        keep_losses={KEPT}, on_snapshot=told, **{KEYS!r})
print("over", result.summary.samples, result.complete, result.status.state.value, "torch" in sys.modules)
"""


def drain(terminal, shown):
    """Read what is written to a terminal until it is closed, as a terminal does."""
    with contextlib.suppress(OSError):
        while part := os.read(terminal, 2**16):
            shown += part


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """Interrupt a run in a terminal, move its directory, and go on with it there."""
    folder = tmp_path_factory.mktemp("story")
    np.savez(folder / "arrays.npz", x=X, y=Y)
    first, moved = folder / "first", folder / "moved"
    ours, theirs = pty.openpty()
    command = python_command("-c", INTERRUPTED, str(folder / "arrays.npz"), str(first))
    environment = python_environment(
        GEOMREG_HOME=str(folder), OMP_NUM_THREADS="1", TERM="xterm", COLUMNS="100"
    )
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=theirs, env=environment, text=True, cwd=folder
    )
    os.close(theirs)
    shown = bytearray()
    reader = Thread(target=drain, args=(ours, shown))
    reader.start()
    try:
        process.stdout.readline()  # that it is drawing
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=PATIENCE)[0].splitlines()[-1]
    finally:
        process.kill()
        process.wait()
        reader.join(PATIENCE)
        os.close(ours)
    assert process.returncode == 0
    shutil.copytree(first, moved)
    shutil.rmtree(first)
    before = geomreg.load(moved)
    total = before.summary.samples + 700  # more than a chunk, less than two
    result = before.resume(total, workers=1, progress=False)
    return SimpleNamespace(
        folder=folder, said=said, shown=shown.decode(), before=before, total=total, result=result
    )


@pytest.fixture
def result(story):
    return story.result


def test_ctrl_c_in_a_terminal_keeps_what_is_done_and_returns_it(story):
    word, samples, complete, state, torch = story.said.split()
    assert (word, complete, state, torch) == ("over", "False", "stopped", "False")
    assert int(samples) == story.before.summary.samples > 0
    assert re.search(r"sampling.*networks/s", story.shown)
    assert "what is done is kept" in story.shown


def test_a_run_that_moved_goes_on_to_the_bits_of_the_command_line(story):
    options = [word for key, value in KEYS.items() for word in (f"--{key.replace('_', '-')}", str(value))]
    options += ["--data", str(story.folder / "arrays.npz"), "--samples", str(story.total)]
    answer = subprocess.run(
        python_command("-m", "geomreg_tui", "run", *options, "--workers", "1", "--json", "--quiet"),
        capture_output=True,
        env=python_environment(OMP_NUM_THREADS="1"),
        check=True,
        timeout=PATIENCE,
    )
    told = json.loads(answer.stdout)
    assert story.result.histogram_digest == told["histogram_digest"]
    assert story.result.complete
    assert story.result.verify().problems == ()
    assert story.result.losses.shape == (KEPT,)
    assert story.result.losses.min() >= told["loss"]["min"]
    found = story.result.dominance
    assert list(told["modes"]["dominance"]) == list(found.basin)
    assert list(told["dominance"]["landmark"]) == list(found.landmark)
    assert list(told["dominance"]["excess"]) == list(found.excess)
    assert list(told["dominance"]["log10_ratio"]) == found.log10_ratio.to_json()
    assert told["dominance"]["zero_side"] == found.zero_side


def test_the_arrays_are_in_the_run_directory_and_in_its_command(result):
    path = result.run.arrays_file()
    with np.load(path, allow_pickle=False) as kept:
        np.testing.assert_array_equal(kept["x"], X)
        np.testing.assert_array_equal(kept["y"], Y)
    assert f"--data {path}" in result.command


def test_a_frame_is_what_pandas_reads_from_the_exported_file(result, tmp_path):
    read = pandas.read_csv(result.save(tmp_path / "bins.csv"), engine="python")
    pandas.testing.assert_frame_equal(result.to_frame(), read)
    assert read["count"].sum() == result.summary.samples


@pytest.mark.parametrize("table", ["bins", "volume", "modes", "held_out"])
def test_every_table_is_columns_of_equal_length(result, table):
    columns = result.arrays(table)
    assert len({len(column) for column in columns.values()}) == 1
    frame = result.to_frame(table)
    assert list(frame.columns) == list(columns)
    for name, column in columns.items():
        np.testing.assert_array_equal(frame[name].to_numpy(), column)


def test_the_volume_table_counts_the_losses_of_the_histogram(result):
    bins, volume = result.to_frame(), result.to_frame("volume")
    for row in volume.iloc[:: max(len(volume) // 7, 1)].itertuples():
        below = bins[bins["loss_high"] <= row.loss * (1 + 1e-12)]["count"].sum()
        assert volume["count"][row.Index] == below


@pytest.mark.parametrize(
    ("ask", "why"),
    [
        (lambda run: run.arrays("bin"), "Did you mean 'bins'"),
        (lambda run: run.to_frame("tail"), "without a deep tail"),
        (lambda run: run.plot("densities"), "Did you mean 'density'"),
        (lambda run: run.save("result.xls"), "allowed ends are .json"),
        (lambda run: run.save(run.path / "summary.json"), "force=True replaces it"),
    ],
)
def test_what_there_is_not_says_what_there_is(result, ask, why):
    with pytest.raises(geomreg.ExperimentError, match=re.escape(why)):
        ask(result)


def test_without_pandas_a_frame_says_what_to_install(result, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(geomreg.ExperimentError, match="pip install"):
        result.to_frame()


class Page(HTMLParser):
    """Elements that are open, and what is seen."""

    VOID = frozenset({"img", "br"})

    def __init__(self):
        super().__init__()
        self.open, self.text, self.images = [], [], []

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.images.append(dict(attrs)["src"])
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def parsed(text):
    """Return a page that is well formed."""
    page = Page()
    page.feed(text)
    page.close()
    assert page.open == []
    return page


def notebook(shown):
    """Return what a notebook shows of an object: by IPython's own formatter where it is installed."""
    try:
        from IPython.core.formatters import DisplayFormatter
    except ImportError:
        return shown._repr_html_()
    return DisplayFormatter().format(shown)[0]["text/html"]


def test_a_notebook_shows_a_figure_and_the_numbers(result):
    page = parsed(notebook(result))
    seen = " ".join(page.text)
    assert f"{result.summary.samples:,} of {result.facts.parameters:,} parameters" in seen
    assert "dominance D_0" in seen
    assert "basin dominance D" in seen
    assert str(result.path) in seen
    (image,) = page.images
    assert image.startswith("data:image/png;base64,iVBOR")
    assert "script" not in notebook(result)


def test_names_from_outside_are_escaped(result, monkeypatch):
    monkeypatch.setattr(type(result.facts), "describe", lambda _: "<script>alert(1)</script>\x1b[2J")
    assert "<script>" not in result._repr_html_()
    assert "\x1b" not in repr(result)


def test_its_line_is_one_line_and_its_text_is_the_report(result):
    line = repr(result)
    assert "\n" not in line
    assert line.startswith("<RunResult moved: mlp 3→8×1→")
    assert f"{result.summary.samples:,} networks" in line
    assert "Dominance D" in str(result)


def test_a_figure_is_drawn_on_axes_that_are_given_and_shows_itself(result):
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    assert result.plot("volume", ax=axes) is axes
    assert axes.lines
    figure = result.plot("density")
    assert isinstance(figure, Figure)
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_an_interrupted_run_and_a_moved_one_are_loaded_without_torch(story):
    script = (
        "import sys, geomreg_tui as geomreg\n"
        f"result = geomreg.load({str(story.result.path)!r})\n"
        "result._repr_html_(), result.arrays(), str(result), geomreg.runs(), geomreg.sphere()\n"
        "print([name for name in ('torch', 'textual', 'pandas') if name in sys.modules])"
    )
    answer = subprocess.run(
        python_command("-c", script),
        capture_output=True,
        text=True,
        check=True,
        env=python_environment(GEOMREG_HOME=str(Path(story.folder))),
    )
    assert answer.stdout == "[]\n"


@pytest.mark.full
def test_a_factory_of_ones_own_is_recorded_by_name_and_gone_on_with_where_it_can_be_imported(
    tmp_path, monkeypatch
):
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    here.mkdir()
    elsewhere.mkdir()
    (here / "nets_beside.py").write_text("from torch import nn\ndef make(): return nn.Linear(4, 1)\n")
    monkeypatch.chdir(here)
    monkeypatch.syspath_prepend(here)
    make = importlib.import_module("nets_beside").make
    try:
        keys = {"data": "iris", "examples": 3, "workers": 1, "progress": False}
        result = geomreg.sample(module=make, samples=500, **keys)
    finally:
        del sys.modules["nets_beside"]
    assert (result.experiment.arch, result.experiment.module) == ("custom", "nets_beside:make")
    with pytest.raises(geomreg.ExperimentError, match=r"code is imported only .* module= in Python"):
        result.resume(1_000, workers=1, progress=False)
    monkeypatch.chdir(elsewhere)
    with pytest.raises(
        geomreg.ExperimentError, match=f"No module named 'nets_beside'.*looked for in {elsewhere}"
    ):
        result.resume(1_000, module="nets_beside:make", workers=1, progress=False)
    monkeypatch.chdir(here)
    more = result.resume(1_000, module="nets_beside:make", workers=1, progress=False)
    assert (more.summary.samples, more.complete) == (1_000, True)
