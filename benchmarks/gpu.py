"""What a GPU draws: whether it is right, whether its bits are the same again, and how fast it is.

The first table holds samples of each sampler against laws that scipy knows. The second draws chunks twice,
and kills a run and goes on with it. The third has networks a second beside all cores of the CPU, and beside
``torch.func.vmap`` on the same GPU. With ``--device cpu`` all is done on the CPU, to see that it runs.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from scipy import special, stats

import geomreg_tui as geomreg
from benchmarks.peers import Case, vmap_ensemble
from benchmarks.throughput import measure, ours, rate

__all__ = ["table"]

CASES = [
    Case(inputs, width, depth, examples)
    for inputs, depth, width, examples in itertools.product((2, 784), (1, 3), (64, 1024), (1, 16, 64))
]
X = np.array([1.0, -2.0, 0.5, 1.5])
Y = 1.3
FALSE_ALARM = 1e-4  # over all laws together
_KILLED_AFTER = 3  # chunks

FloatArray = NDArray[np.float64]
Law = Callable[[FloatArray], FloatArray]


def table(
    seconds: float = 1.0, device: str = "cuda:0", networks: int = 10**6, cases: Sequence[Case] = CASES
) -> str:
    """Return Markdown tables.

    Args:
        seconds: time for each rate.
        device: where to draw.
        networks: drawn for each law.
        cases: whose rates are measured.

    Raises:
        RuntimeError: if there is no such device.
    """
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise RuntimeError("torch finds no CUDA device here: try --device cpu to see that this runs")
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else "CPU"
    heading = f"Measured on: {name}, torch {torch.__version__}."
    return "\n\n".join([heading, _laws(device, networks), _bits(device), _rates(seconds, device, cases)])


def _laws(device: str, networks: int) -> str:
    """Return samples beside exact laws."""
    lines = [
        f"{networks:,} networks for each law; a p-value is of the Kolmogorov-Smirnov test, or of the",
        "",
    ]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "one.npz"
        np.savez(path, x=X[np.newaxis], y=np.array([Y]))
        data = {"data": str(path), "examples": 1, "standardize": False, "backend": "torch"}
        for title, values, law in _exact():
            for sampler in ("direct", "projected", "radial"):
                if "bias" in values and sampler == "radial":
                    continue
                found = _draw({**data, **values, "sampler": sampler}, device, networks)
                rows.append((title, sampler, float(stats.kstest(found, law).pvalue)))
        for width, depth in ((2, 3), (3, 8)):
            values = {"width": width, "depth": depth}
            dead = 1 - (1 - 0.5**width) ** depth
            for sampler in ("direct", "projected", "radial"):
                experiment = _prepared({**data, **values, "sampler": sampler}, device)
                summary = geomreg.run_chunk(experiment, 0, networks, device=device).summary
                p = float(stats.binomtest(int(summary.dead or 0), summary.samples, dead).pvalue)
                rows.append((f"dead networks, ReLU {width}×{depth}", sampler, p))
    limit = FALSE_ALARM / len(rows)
    lines = [
        f"{networks:,} networks for each law. Laws: Kolmogorov-Smirnov; dead networks: binomial. All are "
        f"right, to a rate of false alarm of {FALSE_ALARM:g}, if no p-value is below {limit:.1e}.",
        "",
        "| law | sampler | p-value | |",
        "|---|---|---:|---|",
    ]
    lines += [
        f"| {law} | {sampler} | {p:.3g} | {'right' if p > limit else 'WRONG'} |" for law, sampler, p in rows
    ]
    return "\n".join(lines)


def _exact() -> Iterator[tuple[str, dict[str, Any], Law]]:
    """Give laws of (f - y)^2 on one example: a title, the keys of an experiment, and the CDF.

    The output f is N(0, v), with v a constant for a linear model, and s chi2(K), K ~ Binomial(width, 1/2),
    for one hidden layer of ReLU units.
    """
    square, gain = float(X @ X), 0.7
    linear = gain**2 * square
    yield "linear model", {"depth": 0, "init": "normal", "gain": gain}, _gaussian(linear)
    keys = {"depth": 0, "init": "normal", "gain": gain, "bias": True, "bias_scale": 0.5}
    yield "linear model with a bias", keys, _gaussian(linear + 0.25)
    for width in (16, 64):
        scale = (2 / width) * (2 / len(X)) * square
        yield f"ReLU, width {width}", {"depth": 1, "width": width}, _rectified(scale, width)


def _gaussian(variance: float) -> Law:
    """Return the CDF of (f - y)^2 for f ~ N(0, variance)."""
    return lambda loss: stats.ncx2.cdf(np.asarray(loss) / variance, 1, Y**2 / variance)


def _rectified(scale: float, width: int, nodes: int = 40) -> Law:
    """Return the CDF of (f - y)^2 for f ~ N(0, scale chi2(K)), K ~ Binomial(width, 1/2)."""
    points, weights = np.polynomial.legendre.leggauss(nodes)
    shares = (points + 1) / 2
    roots = np.sort(
        np.concatenate([np.linspace(0, 30, 3000), Y + np.geomspace(1e-6, 1, 300) * [[-1], [1]]], None)
    )
    total = np.where(roots >= Y, 0.5**width, 0.0)
    for count in range(1, width + 1):
        deviation = np.sqrt(scale * stats.chi2.ppf(shares, count))[:, np.newaxis]
        inside = special.ndtr((Y + roots) / deviation) - special.ndtr((Y - roots) / deviation)
        total += stats.binom.pmf(count, width, 0.5) * (weights / 2 @ inside)
    return lambda loss: np.interp(np.sqrt(loss), roots, total)


def _prepared(values: dict[str, Any], device: str) -> geomreg.Experiment:
    """Return an experiment made ready on a device."""
    return geomreg.prepare(geomreg.Experiment.parse(values), device).facts.experiment


def _draw(values: dict[str, Any], device: str, networks: int) -> FloatArray:
    """Return losses of networks."""
    experiment = _prepared({**values, "chunk_size": networks}, device)
    losses = geomreg.run_chunk(experiment, 0, networks, device=device, keep=networks).losses
    assert losses is not None
    return losses


def _bits(device: str) -> str:
    """Return whether what is drawn again has the same bits."""
    lines = ["| drawn twice | same bits |", "|---|---|"]
    for sampler, examples in (("direct", 4), ("projected", 4), ("radial", 1)):
        values = {"data": "digits", "examples": examples, "width": 64, "sampler": sampler, "backend": "torch"}
        experiment = _prepared(values, device)
        found = {
            geomreg.run_chunk(experiment, 1, 20_000, device=device).summary.histogram.digest()
            for _ in range(2)
        }
        lines.append(f"| a chunk by {sampler} | {'yes' if len(found) == 1 else 'NO'} |")
    with tempfile.TemporaryDirectory() as folder:
        digests = [_run(Path(folder) / name, device, killed=name == "killed") for name in ("whole", "killed")]
    lines.append(f"| a run, killed and gone on with | {'yes' if len(set(digests)) == 1 else 'NO'} |")
    return "\n".join(lines)


def _run(path: Path, device: str, *, killed: bool) -> str:
    """Carry out a run, killed once on the way if asked for; return the digest of its histogram."""
    command = [sys.executable, "-m", "geomreg_tui", "run"]
    chunk = 20_000
    more = [
        *("--data", "digits", "--examples", "8", "--width", "64", "--backend", "torch"),
        *("--chunk-size", str(chunk), "--samples", str(20 * chunk)),
        *("--device", device, "--out", str(path), "--quiet"),
    ]
    if killed:
        with subprocess.Popen(
            [*command, *more], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            live = path / "chunks"
            while process.poll() is None and not (live.is_dir() and any(live.iterdir())):
                time.sleep(0.01)
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
        command += ["--resume", str(path), "--device", device, "--quiet"]
    else:
        command += more
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return str(json.loads((path / "summary.json").read_text())["histogram_digest"])


def _rates(seconds: float, device: str, cases: Sequence[Case]) -> str:
    """Return networks a second."""
    lines = [
        "Networks a second: all cores of the CPU, the GPU, and `torch.func.vmap` on it.",
        "",
        "| inputs | hidden layers | width | N | CPU /s | GPU /s | vmap, GPU /s | GPU × CPU | GPU × vmap |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for case in cases:
        cpu = measure(case, "auto", seconds)[0]
        draw, _ = ours(case, "torch", device)
        gpu = rate(draw, seconds)
        peer = rate(vmap_ensemble(case, device), seconds)
        lines.append(
            f"| {case.inputs} | {case.depth} | {case.width} | {case.examples} | {cpu:,.0f} | {gpu:,.0f} "
            f"| {peer:,.0f} | {gpu / cpu:,.2f} | {gpu / peer:,.1f} |"
        )
    return "\n".join(lines)
