"""``geomreg-tui tail`` and ``sweep --tail`` from the command line."""

import json
import math
import shlex
import subprocess
import sys

import mpmath
import numpy as np
import pytest

from geomreg_tui.errors import ExitCode
from geomreg_tui.report import load_sweep
from geomreg_tui.report.sweep_figures import draw_tails
from tests import seeds
from tests.command import call
from tests.rates import sigmas

from .test_cli import geomreg

EXAMPLES, TARGET = 8, 0.7
LINEAR = ["--depth", 0, "--init", "normal", "--no-standardize", "--examples", EXAMPLES]
QUICK = ["--samples", 20000, "--population", 300, "--repeats", 4]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Orthonormal inputs: the outputs of a linear model with normal weights are independent N(0, 1)."""
    path = tmp_path_factory.mktemp("data") / "orthonormal.npz"
    np.savez(path, x=np.eye(EXAMPLES), y=np.full(EXAMPLES, TARGET))
    return path


@pytest.fixture(scope="module")
def deep(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("tail") / "run"
    done = geomreg(
        "tail", "--data", data, *LINEAR, *QUICK, "--seed", seeds.seed(0), "--to-log10-volume", -100,
        "--out", path, "--json", check=0,
    )  # fmt: skip
    return path, json.loads(done.stdout)


def exact_log10_volume(log10_loss):
    """log10 of P(chi-squared with N degrees of freedom and non-centrality N y^2 <= N L), by its series."""
    with mpmath.workdps(40):
        half, centre = mpmath.mpf(EXAMPLES) / 2, EXAMPLES * mpmath.mpf(TARGET) ** 2 / 2
        x = EXAMPLES * mpmath.power(10, log10_loss) / 2
        terms = (
            mpmath.exp(-centre) * centre**j / mpmath.factorial(j)
            * mpmath.gammainc(half + j, 0, x) / mpmath.gamma(half + j)
            for j in range(60)
        )  # fmt: skip
        return float(mpmath.log10(mpmath.fsum(terms)))


def test_it_agrees_with_the_exact_law_down_to_1e_100(deep):
    """At ten depths, at the rate of false alarm of ``tests/rates.py``."""
    found = deep[1]["tail"]
    assert found["log10_volume"][-1] < -99
    assert set(found["statuses"]) == {"volume reached"}
    for place in np.linspace(20, len(found["log10_loss"]) - 1, 10).astype(int):
        exact = exact_log10_volume(found["log10_loss"][place])
        assert abs(found["log10_volume"][place] - exact) < sigmas(10) * found["std"][place], place
    assert found["std"][-1] < 0.2
    slopes = [slope for slope in found["exponent"] if slope is not None]
    assert abs(slopes[-1] - EXAMPLES / 2) < 0.05  # the learning coefficient of a regular minimum
    assert found["agreement"] < sigmas(6)  # half decades


def test_the_document_is_that_of_the_run_and_complete(deep):
    path, document = deep
    assert document == json.loads((path / "summary.json").read_text())
    found = document["tail"]
    assert set(found) >= {
        "log10_loss", "log10_volume", "std", "std_between", "std_within", "exponent", "exponent_std",
        "log10_zero", "log10_bound", "status", "statuses", "levels", "evaluations", "held_out",
        "goal", "kernel", "space", "population", "repeats", "populations", "agreement",
    }  # fmt: skip
    assert (found["population"], found["repeats"], found["populations"]) == (300, 4, 4)
    assert found["goal"] == {"loss": None, "log10_volume": -100.0}
    assert document["experiment"]["dtype"] == "float64"
    assert np.all(np.diff(found["log10_loss"]) <= 0)
    assert np.all(np.diff(found["log10_volume"]) <= 0)
    assert json.loads(call("report", path, "--json", check=0).stdout) == document


def test_the_report_says_how_deep_and_how_sure(deep):
    text = call("report", deep[0], check=0).stdout
    goal = deep[1]["tail"]["log10_volume"][-1]
    assert f"Deep tail     log10 V = {goal:.3f} [" in text
    assert "reached the volume asked for" in text
    assert "Exponent λ    4.0" in text
    assert "joint standard errors where both see" in " ".join(text.split())  # lines are broken


def test_held_out_performance_given_the_loss_is_there(engines_here, tmp_path):
    options = ["--data", "digits", "--width", 16, "--depth", 1, "--examples", 4, "--held-out", 40]
    options += [
        "--samples",
        2000,
        "--population",
        100,
        "--repeats",
        2,
        "--loss",
        "cross_entropy",
        "--move",
        "pcn",
    ]
    path = tmp_path / "run"
    done = call("tail", *options, "--to-log10-volume", -3, "--out", path, "--json", check=0)
    found = json.loads(done.stdout)["tail"]
    assert found["kernel"] == "pcn"
    rows = len(found["held_out"]["log10_loss"])
    assert rows == len(found["held_out"]["mean_loss"]) == len(found["held_out"]["accuracy"]) > 1
    assert all(0 <= share <= 1 for share in found["held_out"]["accuracy"])
    assert "given a training loss up to L, down the tail" in call("report", path, check=0).stdout


def test_every_export_has_the_curve(deep, tmp_path):
    path, document = deep
    found = document["tail"]
    for end in ("csv", "npz", "json", "html", "svg", "parquet"):
        call("export", path, tmp_path / f"run.{end}", check=0)
    table = np.genfromtxt(tmp_path / "run.csv", delimiter=",", names=True)
    assert table["log10_volume"].min() == found["log10_volume"][-1]
    assert np.all(np.diff(table["loss_high"]) >= 0)
    assert np.all(np.diff(table["log10_volume"]) > -1.5)  # where the two meet they differ by noise
    assert table["count"].sum() == 20000
    from pyarrow import parquet

    columns = parquet.read_table(tmp_path / "run.parquet").to_pydict()
    np.testing.assert_array_equal(columns["log10_volume"], table["log10_volume"])
    with np.load(tmp_path / "run.npz") as arrays:
        np.testing.assert_array_equal(arrays["tail_log10_volume"], found["log10_volume"])
        assert arrays["loss_low"].size < table.size
    assert json.loads((tmp_path / "run.json").read_text())["tail"] == found
    page = (tmp_path / "run.html").read_text()
    assert "Deep tail" in page
    assert f"{found['log10_volume'][-1]:.3f}" in page
    assert "deep tail" in (tmp_path / "run.svg").read_text()


def test_the_command_of_a_run_gives_the_same_tail_again(engines_here, deep, tmp_path):
    call("export", deep[0], tmp_path / "again.sh", check=0)
    words = shlex.split((tmp_path / "again.sh").read_text().splitlines()[-1])
    again = call(*words[words.index("tail") :], "--out", tmp_path / "run", "--json", check=0)
    document = json.loads(again.stdout)
    assert document["tail"] == deep[1]["tail"]
    assert document["histogram_digest"] == deep[1]["histogram_digest"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--to-loss", "0"], "to-loss: got '0'; allowed is a loss above 0"),
        (["--to-loss", "nan"], "to-loss"),
        (["--to-loss", "-1"], "to-loss"),
        (["--to-log10-volume", "50"], "to-log10-volume: got '50'; allowed is a negative number"),
        (["--to-log10-volume", "deep"], "to-log10-volume"),
        (["--population", "3"], "population: got '3'; allowed is a whole number from 20"),
        (["--population", "many"], "population"),
        (["--repeats", "100"], "repeats: got '100'; allowed is a whole number from 1 to 99"),
        (["--repeats", "1.5"], "repeats"),
        (["--max-seconds", "0"], "max-seconds"),
        (["--max-seconds", "inf"], "max-seconds"),
        (["--move", "gibbs"], "move: got 'gibbs'; allowed is one of auto, pcn"),
        (["--move", "tempered", "--init", "he_uniform"], "move: got 'tempered'; that is exact only for"),
        (["--take-over"], "only with --resume"),
        (["--resume", "latest", "--to-loss", "1e-3"], "its goals never change"),
        (["--resume", "latest"], "no runs"),
    ],
)
def test_what_is_wrong_with_an_option_is_one_line(engines_here, monkeypatch, tmp_path, options, said):
    monkeypatch.setenv("GEOMREG_HOME", str(tmp_path / "home"))
    done = call("tail", "--data", "gaussian", *options)
    assert done.returncode in (ExitCode.USAGE, ExitCode.ERROR)
    lines = [line for line in done.stderr.splitlines() if line]
    assert len(lines) == 1
    assert said in lines[0]
    assert not (tmp_path / "home").exists()


def test_goals_do_not_change_when_it_is_gone_on_with(deep):
    done = call("tail", "--resume", deep[0], "--to-log10-volume", -200)
    assert done.returncode == ExitCode.USAGE
    assert "its goals never change" in done.stderr
    done = call("tail", "--resume", deep[0], check=0)
    assert "This run is complete" in done.stderr


def test_a_run_without_a_tail_is_not_gone_on_with_as_one(engines_here, tmp_path):
    call("run", "--data", "gaussian", "--samples", 100, "--out", tmp_path / "run", check=0)
    done = call("tail", "--resume", tmp_path / "run")
    assert done.returncode == ExitCode.USAGE
    assert "run --resume" in done.stderr


def test_a_sweep_compares_volumes_at_equal_loss(engines_here, tmp_path):
    """V(eps) of N orthonormal examples with targets 0: fewer examples leave more volume; the law is exact."""
    path = tmp_path / "data.npz"
    np.savez(path, x=np.eye(8), y=np.zeros(8))
    options = ["--data", path, "--depth", 0, "--init", "normal", "--no-standardize", *QUICK]
    sweep = ["sweep", "--over", "examples=1,2,4,8", *options, "--tail", "--to-loss", "1e-6"]
    done = call(*sweep, "--out", tmp_path / "sweep", "--json", check=0)
    document = json.loads(done.stdout)
    found = document["tail"]
    assert found["log10_loss"] == pytest.approx(-6, abs=0.1)
    for examples, volume, std in zip((1, 2, 4, 8), found["log10_volume"], found["std"], strict=True):
        half = mpmath.mpf(examples) / 2
        x = examples * mpmath.power(10, found["log10_loss"]) / 2
        exact = float(mpmath.log10(mpmath.gammainc(half, 0, x, regularized=True)))
        assert abs(volume - exact) < 4 * std
    (verdict,) = found["directions"]
    assert verdict["volume"]["verdict"] == "monotone, contracting"
    assert verdict["sphere"]["verdict"] == "no direction"  # P is the same
    n, r = 8, math.sqrt(8)
    ball = n / 2 * math.log(math.pi) + n * math.log(r) - math.lgamma(n / 2 + 1)
    assert found["log10_sphere"] == pytest.approx([ball / math.log(10)] * 4)
    again = call(*sweep, "--out", tmp_path / "sweep", check=0)  # what is there is taken as it is
    assert "V at equal loss is monotone, contracting" in again.stdout
    call("export", tmp_path / "sweep", tmp_path / "sweep.html", check=0)
    page = (tmp_path / "sweep.html").read_text()
    assert "More examples: V at equal loss is monotone, contracting" in page
    for volume in found["log10_volume"]:
        assert f"{volume:.2f}" in page
    drawn = draw_tails(load_sweep(tmp_path / "sweep")).axes
    for axes, expected in zip(drawn, (found["log10_volume"], found["log10_sphere"]), strict=True):
        line, _, (bars,) = axes.containers[0]
        np.testing.assert_allclose(line.get_ydata(), expected)
        np.testing.assert_allclose(line.get_xdata(), [1, 2, 4, 8])
        if axes is drawn[0]:
            lengths = [top - bottom for (_, bottom), (_, top) in bars.get_segments()]
            np.testing.assert_allclose(lengths, 2 * 1.96 * np.array(found["std"]))
    other = call(*sweep[:-1], "1e-3", "--out", tmp_path / "sweep")
    assert other.returncode == ExitCode.ERROR
    assert "another deep tail" in other.stderr


def test_goals_of_a_sweep_need_tail():
    done = call("sweep", "--over", "width=2,4", "--to-loss", "1e-3")
    assert done.returncode == ExitCode.USAGE
    assert "only with --tail" in done.stderr


def test_the_command_line_does_not_load_torch_to_judge_the_options():
    code = (
        "import sys; from geomreg_tui.cli import main; sys.argv = ['x', 'tail', '--to-loss', '0']\n"
        "try: main()\n"
        "except SystemExit: sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
