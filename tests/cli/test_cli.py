"""The command line in processes of its own: what it prints where, and how it ends."""

import csv
import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from geomreg_tui.experiment import Experiment
from geomreg_tui.rundir import read_snapshot, runs_root
from geomreg_tui.runner.snapshot import decoded
from geomreg_tui.sampling import work as sampling
from geomreg_tui.summary import Summary
from tests import seeds
from tests.command import call
from tests.faults.driving import wait_for
from tests.patience import PATIENCE
from tests.rates import sigmas
from tests.unit.exporting import make_run, make_sweep, two_modes

SMALL = ["--data", "iris", "--examples", "4", "--width", "8", "--depth", "1"]
OTHER_KINDS = ["json", "parquet", "npz", "png", "svg", "pdf", "html", "sh"]
KEYS = {
    "schema",
    "experiment",
    "digest",
    "samples",
    "complete",
    "sampler",
    "parameters",
    "init_radius",
    "landmarks",
    "counts",
    "loss",
    "modes",
    "volume",
    "histogram_digest",
    "timing",
}


def geomreg(*arguments, check=None, **options):
    answer = subprocess.run(
        [sys.executable, "-m", "geomreg_tui", *map(str, arguments)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=PATIENCE,
        check=False,
        **options,
    )
    assert "Traceback" not in answer.stderr, answer.stderr
    if check is not None:
        assert answer.returncode == check, answer.stderr
    return answer


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run that has everything: a held-out set, kept losses, an atom."""
    path = tmp_path_factory.mktemp("runs") / "run"
    answer = geomreg(
        "run", "--data", "iris", "--examples", 1, "--held-out", 20, "--width", 2, "--depth", 2,
        "--samples", "30k", "--out", path, "--keep-losses", 1000, "--json", "--workers", 2, check=0,
    )  # fmt: skip
    return path, answer


def test_run_prints_its_result_and_nothing_else_on_stdout(finished):
    path, answer = finished
    document = json.loads(answer.stdout)
    assert document == json.loads((path / "summary.json").read_text())
    assert set(document) >= KEYS
    assert document["samples"] == 30_000
    assert document["complete"] is True
    assert document["experiment"]["width"] == 2
    assert document["parameters"] == 2 * 4 + 2 * 2 + 2
    assert set(document["landmarks"]) == {"null_loss", "constant_loss"}
    assert set(document["counts"]) == {"zero", "atom", "nonfinite", "dead", "at_null_loss", "exact_zero"}
    assert set(document["loss"]) == {"min", "max", "mean", "std", "quantiles"}
    for key in ("zero_mass", "central_mass", "atom_mass", "dominance"):
        estimate, low, high = document["modes"][key]
        assert low <= estimate <= high
    assert set(document["modes"]) >= {"log2_peak_ratio", "dip_p", "contracting", "bins", "range"}
    assert set(document["volume"]) >= {"log10_loss", "log10_volume", "std"}
    assert set(document["timing"]) == {"elapsed_s", "networks_per_s"}
    assert "Sampler" in answer.stderr
    assert str(path) in answer.stderr


def test_the_kept_losses_are_those_of_the_summary(finished):
    path, _ = finished
    losses = np.load(path / "losses.npy", allow_pickle=False)
    document = json.loads((path / "summary.json").read_text())
    assert losses.shape == (1000,)
    assert document["loss"]["min"] <= losses.min()
    assert losses.max() <= document["loss"]["max"]
    dead = 1 - (1 - 0.5**2) ** 2
    null = document["landmarks"]["null_loss"]
    assert abs(np.mean(np.isclose(losses, null, rtol=1e-6)) - dead) < 5 * np.sqrt(dead / 1000)


def test_report_repeats_the_result(finished):
    path, answer = finished
    again = json.loads(call("report", path, "--json", check=0).stdout)
    first = json.loads(answer.stdout)
    assert again["histogram_digest"] == first["histogram_digest"]
    assert again["modes"] == first["modes"]
    text = geomreg("report", path, check=0).stdout
    for word in (
        "Dominance D_0",
        "Excess D_E",
        "Basin D",
        "At L_0",
        "Dead",
        "Contracting",
        "log10 V(L)",
        "L_0",
    ):
        assert word in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    "kind",  # tests/unit/test_export.py writes all of them in one process
    ["csv", *(pytest.param(k, marks=pytest.mark.full) for k in OTHER_KINDS)],
)
def test_export_writes_each_format(finished, tmp_path, kind):
    path, answer = finished
    out = tmp_path / f"result.{kind}"
    geomreg("export", path, out, check=0)
    samples = 30_000
    if kind == "json":
        digest = json.loads(answer.stdout)["histogram_digest"]
        assert json.loads(out.read_text())["histogram_digest"] == digest
    elif kind == "csv":
        with out.open() as file:
            rows = list(csv.DictReader(file))
        assert sum(int(row["count"]) for row in rows) == samples
        assert all(float(row["loss_low"]) <= float(row["loss_high"]) for row in rows)
    elif kind == "npz":
        assert np.load(out, allow_pickle=False)["count"].sum() == samples
    elif kind == "parquet":
        from pyarrow import parquet

        assert sum(parquet.read_table(out)["count"].to_pylist()) == samples
    else:
        starts = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF", "html": b"<!DOCTYPE html>", "sh": b"#!"}
        assert out.read_bytes().startswith(starts[kind])
    before = out.read_bytes()
    assert "exists" in geomreg("export", path, out, check=2).stderr
    assert out.read_bytes() == before


def test_the_exported_command_gives_the_same_bits_again(engines_here, finished, tmp_path):
    path, answer = finished
    call("export", path, tmp_path / "again.sh", check=0)
    program, *arguments = shlex.split((tmp_path / "again.sh").read_text().splitlines()[-1])
    assert program == "geomreg-tui"
    again = call(*arguments, "--out", tmp_path / "again", "--json", check=0)
    first, second = json.loads(answer.stdout), json.loads(again.stdout)
    assert second["histogram_digest"] == first["histogram_digest"]
    assert second["digest"] == first["digest"]
    assert (tmp_path / "again" / "losses.npy").read_bytes() == (path / "losses.npy").read_bytes()


def test_a_sweep_is_exported_by_its_path(tmp_path):
    out = make_sweep(tmp_path / "sweep", (2, 4))
    for kind, start in (("html", b"<!DOCTYPE html>"), ("png", b"\x89PNG"), ("csv", b"width,parameters")):
        call("export", out, tmp_path / f"sweep.{kind}", check=0)
        assert (tmp_path / f"sweep.{kind}").read_bytes().startswith(start)
    assert "allowed ends" in call("export", out, tmp_path / "sweep.npz", check=2).stderr


def test_the_same_experiment_and_seed_give_the_same_bits(finished):
    values = {"data": "iris", "examples": 1, "held_out": 20, "width": 2, "depth": 2}
    digests = []
    for seed in (0, 1):
        experiment = sampling.prepare(Experiment.parse({**values, "seed": seed})).facts.experiment
        size = experiment.chunk_size
        parts = [
            sampling.run_chunk(experiment, first // size, min(size, 30_000 - first)).summary
            for first in range(0, 30_000, size)
        ]
        digests.append(Summary.merge(parts).histogram.digest())
    assert json.loads(finished[1].stdout)["histogram_digest"] == digests[0]
    assert digests[0] != digests[1]


def test_a_spec_file_is_overruled_by_options_and_its_run_is_listed(engines_here, home, tmp_path):
    assert "No runs" in call("runs", check=0).stderr
    spec = tmp_path / "spec.toml"
    spec.write_text('data = "iris"\nexamples = 4\nwidth = 8\ndepth = 1\ninit = "orthogonal"\n')
    answer = call("run", spec, "--width", 6, "--samples", 1000, "--json", "--quiet", check=0)
    experiment = json.loads(answer.stdout)["experiment"]
    assert (experiment["width"], experiment["init"], experiment["data"]) == (6, "orthogonal", "iris")
    assert answer.stderr == ""
    (row,) = json.loads(call("runs", "--json", check=0).stdout)
    assert (row["state"], row["samples"]) == ("done", 1000)
    assert "iris N=4" in call("runs", check=0).stdout
    assert "Dominance D_0" in call("report", check=0).stdout
    assert Path(home, "runs", row["name"], "summary.json").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "needs a terminal"),
        (["explore"], "geomreg-tui run"),
        (["frobnicate"], "No such command"),
        (["run", "--widht", "3"], "No such option"),
        (["run", "--width", "x", "--init", "he", "--gain", "-1"], "he_normal"),
        (["run", "--samples", "some"], "samples"),
        (["run", "--keep-losses", "1e9"], "keep-losses"),
        (["run", "absent.toml"], "No such file"),
        (["run", "--data", "absent.npz"], "absent.npz"),
        (["run", "--data", "digts"], "digits"),
        (["run", "--data", "digits", "--inputs", "3"], "64"),
        (["run", "--data", "digits", "--examples", "1e6"], "examples"),
        (["run", "--sampler", "radial"], "one example"),
        (["run", "--device", "cuda:7"], "device"),
        (["run", "--arch", "custom", "--module", "absent_module:net"], "absent_module"),
        (["run", "--width", "1000000", "--init", "uniform", "--examples", "2"], "GiB"),
        (["sweep", "--over", "wdth=1,2"], "width"),
        (["sweep", "--over", "width=4:1"], "START:STOP"),
        (["sweep"], "--over"),
        (["sphere", "--dims", "x"], "dims"),
        (["sphere", "--radius", "-1"], "radius"),
        (["explore", "--fps", "0"], "--fps"),
        (["explore", "--samples", "some"], "samples"),
    ],
)
def test_bad_input_is_one_clear_message_and_exit_2(engines_here, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    # Some in processes of their own: how the command starts is one of them, what an engine answers another.
    alone = arguments in ([], ["explore"], ["frobnicate"]) or said == "GiB"
    answer = (geomreg if alone else call)(*arguments, check=2)
    assert said in answer.stderr
    assert answer.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_a_missing_run_is_exit_1():
    for command in (["report", "absent"], ["export", "absent", "x.csv"]):
        assert "no run 'absent'" in call(*command, check=1).stderr


SLOW_TO_LOAD = ("torch", "textual", "sklearn", "scipy", "safetensors")
ROOMS_FOR_WORK = tuple(f"geomreg_tui.{room}" for room in ("engine", "report", "runner", "runs", "statistics"))


@pytest.mark.parametrize(
    "command",
    [
        *([], ["run"], ["runs"]),
        *(pytest.param([name], marks=pytest.mark.full) for name in ("tail", "sweep", "export", "config")),
    ],
)
def test_help_is_quick_and_loads_nothing_that_only_work_needs(command):
    of_commands = ("pydantic", "numpy", "geomreg_tui.cli.run")
    unwanted = SLOW_TO_LOAD + ROOMS_FOR_WORK + (() if command else of_commands)
    script = (
        "import sys; from geomreg_tui.cli import main; sys.argv[1:] = sys.argv[1:]\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        f"loaded = set({unwanted}) & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script, *command, "--help"], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert "Usage" in answer.stdout


def test_every_key_of_an_experiment_is_an_option():
    text = call("run", "--help", check=0).stdout
    for key in set(Experiment.model_fields) - {"data_sha256"}:
        assert f"--{key.replace('_', '-')}" in text


def completed(*words):
    """Return what a shell offers for a command line that ends in the middle of its last word."""
    environment = {
        **os.environ,
        "_GEOMREG_TUI_COMPLETE": "complete_bash",
        "COMP_WORDS": shlex.join(["geomreg-tui", *words]),
        "COMP_CWORD": str(len(words)),
    }
    command = Path(sys.executable).with_name("geomreg-tui")
    answer = subprocess.run([command], capture_output=True, text=True, env=environment, check=False)
    return answer.stdout.split()


def test_completion_offers_the_names():
    assert set(completed("run", "--init", "he_")) == {"he_normal", "he_uniform", "he_truncated"}


@pytest.mark.full
def test_completion_offers_the_runs_to_each_command_that_takes_one():
    name = "20260102-000000-mlp-0000000a"
    make_run(runs_root() / name, two_modes(1))
    for words in ("report", "export", "attach", "run --resume", "tail --resume", "runs verify", "runs rm"):
        assert completed(*words.split(), "2026") == [name]


def test_completion_offers_the_runs_newest_first(home):
    assert completed("report", "20") == []
    names = ["20260102-000000-mlp-0000000a", "20260101-000000-conv-0000000b"]
    for name in names:
        make_run(runs_root() / name, two_modes(1))
    for words in ("report", "run --resume", "runs verify"):
        assert completed(*words.split(), "2026") == names
    assert completed("report", "latest") == ["latest"]


def test_sphere_prints_rows_and_peaks():
    answer = json.loads(call("sphere", "--dims", "1:100", "--radius", 1, "--json", check=0).stdout)
    rows = answer["rows"]
    assert [row["n"] for row in rows] == list(range(1, 101))
    assert rows[1]["log_volume"] == pytest.approx(np.log(np.pi), rel=1e-12)
    assert rows[2]["log_surface"] == pytest.approx(np.log(4 * np.pi), rel=1e-12)
    assert answer["peaks"]["volume"]["n"] == pytest.approx(5.2569464, abs=1e-7)
    assert answer["peaks"]["surface"]["n"] == pytest.approx(7.2569464, abs=1e-7)
    assert "volume peaks at n = 5.2569464" in call("sphere", check=0).stdout


def test_sweep_ends_with_directions(engines_here, tmp_path):
    answer = call(
        "sweep", "--over", "depth=1:6", "--data", "gaussian", "--examples", 1, "--width", 3,
        "--samples", "20k", "--seed", seeds.seed(0), "--out", tmp_path / "sweep", "--json", check=0,
    )  # fmt: skip
    document = json.loads(answer.stdout)
    assert [point["settings"]["depth"] for point in document["points"]] == [1, 2, 3, 4, 5, 6]
    # P(dead) = 1 - (1 - 2^-3)^depth grows with depth, and the atom belongs to the central mode.
    (direction,) = document["directions"]
    assert direction["verdict"] in {"monotone, towards central", "mostly towards central"}
    assert direction["high"] < 0
    for point, depth in zip(document["points"], range(1, 7), strict=True):
        estimate, low, high = point["modes"]["atom_mass"]
        dead = 1 - (1 - 0.5**3) ** depth
        assert abs(estimate - dead) < sigmas(6) * np.sqrt(dead * (1 - dead) / 20_000)
        assert low < estimate < high
    assert (tmp_path / "sweep" / "sweep.json").exists()
    for kind in ("csv", "json"):
        call("export", tmp_path / "sweep", tmp_path / f"out.{kind}", check=0)
    assert json.loads((tmp_path / "out.json").read_text()) == document
    with (tmp_path / "out.csv").open() as file:
        assert [row["depth"] for row in csv.DictReader(file)] == list("123456")


@pytest.mark.parametrize("values", [("he_normal", "orthogonal"), ("he_normal",)])
def test_a_sweep_over_names_has_no_direction(tmp_path, values):
    for init in values:
        make_run(tmp_path / f"init={init}", two_modes(), init=init)
    points = [{"settings": {"init": init}} for init in values]
    written = {"schema": 1, "factors": {"init": list(values)}, "points": points}
    (tmp_path / "sweep.json").write_text(json.dumps(written))
    assert "No direction" in call("report", tmp_path, check=0).stdout


@pytest.mark.full  # tests/faults/test_signals.py interrupts a run that has less to do meanwhile
def test_an_interrupt_keeps_what_is_done(tmp_path):
    out = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-m", "geomreg_tui", "run", *SMALL, "--samples", "1e12", "--out", out, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    wait_for(lambda: (s := decoded(out, read_snapshot(out / "live.safetensors"))) and s.samples > 0)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    document = json.loads(stdout)
    assert document["complete"] is False
    assert document["samples"] > 0
    assert b"Stopping" in stderr
    assert not (out / "lease.json").exists()


def test_doctor_says_what_is_there():
    text = call("doctor", check=0).stdout
    for word in ("torch", "cores", "memory free", "runs kept in", "CUDA devices"):
        assert word in text


def test_doctor_says_it_to_programs_too(home):
    answer = json.loads(call("doctor", "--json", check=0).stdout)
    assert answer["cores"] == len(os.sched_getaffinity(0))
    assert answer["packages"]["numpy"] == np.__version__
    assert 0 < answer["memory_available"] <= psutil.virtual_memory().total
    assert answer["runs"]["path"] == str(runs_root())
    assert answer["torch"]["works"] is True
    assert answer["torch"]["error"] is None


def without_torch(folder):
    """Return an environment in which torch cannot be imported."""
    (folder / "sitecustomize.py").write_text("import sys\nsys.modules['torch'] = None\n")
    return {**os.environ, "PYTHONPATH": str(folder)}


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_doctor_ends_with_1_where_torch_cannot_be_loaded(tmp_path, form):
    """Where its library is missing, importing torch raises an ImportError; all else is examined."""
    answer = geomreg("doctor", *form, check=1, env=without_torch(tmp_path))
    assert "import of torch halted" in answer.stdout
    assert "cores" in answer.stdout


# Commands in one process, each of which must end with 0.
ONE_AFTER_THE_OTHER = """
import json, sys
from geomreg_tui.cli import main
for words in json.loads(sys.argv.pop()):
    sys.argv[1:] = words
    try: main()
    except SystemExit as end: assert not end.code, words
"""


def test_without_torch_what_is_there_is_reported_and_nothing_else_is_begun(home, tmp_path):
    environment = without_torch(tmp_path)
    asked = [*SMALL, "--backend", "torch", "--samples", 100, "--out", tmp_path / "run"]
    answer = geomreg("run", *asked, env=environment, check=3)
    assert answer.stderr.count("\n") == 1
    assert "import of torch halted" in answer.stderr
    assert "geomreg-tui doctor" in answer.stderr
    assert not (tmp_path / "run").exists()
    run = make_run(runs_root() / "20260102-000000-mlp-0000000a", two_modes()).path
    page = str(tmp_path / "page.html")
    commands = [["report"], ["runs"], ["runs", "verify"], ["export", "latest", page]]
    answer = subprocess.run(
        [sys.executable, "-c", ONE_AFTER_THE_OTHER, json.dumps(commands)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    for said in ("Dominance", run.name, ": ok"):
        assert said in answer.stdout
    assert Path(page).exists()


def test_nonfinite_losses_are_counted_and_shown(engines_here, tmp_path):
    values = ["--data", "gaussian", "--inputs", 3, "--examples", 2, "--width", 4, "--depth", 3]
    values += ["--gain", "1e15", "--samples", 2000]
    answer = call("run", *values, "--out", tmp_path / "run", check=0)
    document = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert document["counts"]["nonfinite"] > 0
    assert "NaN or infinite" in answer.stdout
    assert document["samples"] == 2000


def test_a_bad_configuration_file_is_a_line_for_each_problem_and_exit_2(home):
    (home / "config.toml").write_text('fps = "fast"\n[keys]\nsotp = "x"\n')
    for command in ([], ["explore"], ["config"]):
        answer = geomreg(*command, check=2)
        assert answer.stdout == ""
        first, second = answer.stderr.strip().split("\n")
        assert first.endswith("config.toml: fps: got 'fast'; allowed is a number from 0.1 to 60.")
        assert "keys.sotp: got an unknown action" in second
        assert second.endswith("Did you mean 'stop'?")
    assert "config.toml" not in geomreg("runs", check=0).stderr


def test_config_shows_the_settings_in_effect_and_where_they_come_from(home):
    text = geomreg("config", check=0).stdout
    assert text.startswith(f"{home / 'config.toml'} (is not there")
    (home / "config.toml").write_text('fps = 5\nascii = true\n[keys]\nstop = ["w", "f5"]\nhelp = "H"\n')
    text = geomreg("config", check=0, env={**os.environ, "GEOMREG_FPS": "7.5", "SSH_CONNECTION": "x"}).stdout
    rows = [" ".join(line.split()) for line in text.split("\n")]
    for row in (
        "fps 7.5 GEOMREG_FPS",
        "mouse true default",
        "ascii true configuration file",
        "keys.stop w, f5 configuration file",
        "keys.help H configuration file",
        "keys.next_tab ] default",
    ):
        assert row in rows
    assert rows[0] == f"{home / 'config.toml'} (is read)"


def test_the_example_configuration_can_be_used_as_it_is(home):
    before = geomreg("config", check=0).stdout.split("\n")[1:]
    (home / "config.toml").write_text(geomreg("config", "--example", check=0).stdout)
    assert geomreg("config", check=0).stdout.split("\n")[1:] == before


def test_fresh_belongs_to_the_explorer():
    assert "--fresh" in geomreg("--fresh", "runs", check=2).stderr
    assert "needs a terminal" in geomreg("--fresh", check=2).stderr
