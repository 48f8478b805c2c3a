"""Digests of what some experiments give, to the last bit; ``python -m tests.unit.bits`` prints the file anew.

The bits depend on the version of torch and on the instructions that it computes with, so that there are
digests for each. Everything here goes through the public API and through files that a run writes, which do
not change when code moves.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.processors import CAPABILITIES, PORTABLE, processor

STORED = Path(__file__).with_name("bits.json")
ROOT = Path(__file__).parents[2]
COUNTS = (64, 40)  # networks of the two chunks
SIZES = {"chunk_size": 64, "batch_size": 16, "bin_bits": 20, "backend": "torch"}
TAIL_SIZES = {
    "samples": 200,
    "chunk_size": 100,
    "batch_size": 50,
    "backend": "torch",
    "workers": 1,
    "progress": False,
}

EXPERIMENTS: dict[str, dict[str, Any]] = {
    "direct": {
        "data": "teacher", "inputs": 5, "examples": 6, "width": 32, "depth": 2, "bias": True,
        "sampler": "direct",
    },
    "projected": {
        "data": "digits", "examples": 5, "held_out": 6, "width": 40, "depth": 2, "activation": "tanh",
        "init": "lecun_normal", "loss": "cross_entropy", "sampler": "projected",
    },
    "radial": {
        "data": "gaussian", "inputs": 4, "examples": 1, "width": 12, "depth": 3, "activation": "leaky_relu",
        "sampler": "radial",
    },
    "conv": {
        "arch": "conv", "data": "digits", "examples": 3, "held_out": 4, "channels": 3, "depth": 2,
        "pooling": "max", "activation": "gelu", "init": "torch_default", "bias": True,
        "loss": "cross_entropy",
    },
    "residual": {
        "data": "sine", "examples": 4, "width": 24, "depth": 3, "activation": "silu", "residual": True,
        "layer_norm": True, "init": "orthogonal", "gain": 1.5, "loss": "huber",
    },
    "uniform": {
        "data": "moons", "examples": 6, "held_out": 5, "width": 7, "depth": 2, "activation": "sigmoid",
        "bias": True, "bias_scale": 0.5, "init": "uniform", "loss": "bce",
    },
    "truncated": {
        "data": "xor", "examples": 6, "width": (5, 9), "activation": "erf", "init": "he_truncated",
        "loss": "hinge", "seed": 7,
    },
    "sparse": {
        "data": "sine", "inputs": 3, "examples": 5, "width": 10, "depth": 2, "activation": "sin",
        "init": "sparse", "sparsity": 0.3, "loss": "mae",
    },
    "heavy": {
        "data": "diabetes", "examples": 8, "depth": 0, "activation": "linear", "init": "student_t",
        "dof": 2.5, "dtype": "float64",
    },
    "laplace": {
        "data": "iris", "examples": 7, "held_out": 9, "width": 6, "depth": 1, "activation": "abs",
        "init": "laplace", "bias": True, "loss": "zero_one",
    },
    "binary": {
        "data": "circles", "examples": 6, "width": 6, "depth": 2, "activation": "abs", "init": "binary",
        "loss": "bce",
    },
    "sphere": {
        "data": "teacher", "inputs": 4, "examples": 4, "width": 6, "depth": 2, "init": "sphere", "gain": 3.0,
    },
    "ball": {
        "data": "teacher", "inputs": 4, "examples": 4, "width": 6, "depth": 2, "init": "ball", "gain": 3.0,
        "bias": True,
    },
}  # fmt: skip
TAILS: dict[str, dict[str, Any]] = {
    "pcn": {
        "data": "gaussian", "inputs": 3, "examples": 2, "held_out": 3, "width": 4, "depth": 1, "move": "pcn",
        "to_log10_volume": -3, "population": 40, "repeats": 2,
    },
    "slice": {
        "data": "digits", "examples": 4, "width": 5, "depth": 1, "loss": "cross_entropy", "move": "slice",
        "to_log10_volume": -2, "population": 30, "repeats": 2,
    },
    "tempered": {
        "data": "sine", "examples": 3, "width": 6, "depth": 1, "move": "tempered", "to_log10_volume": -3,
        "population": 30, "repeats": 2,
    },
}  # fmt: skip


def digest_of(arrays: Iterable[NDArray[Any]]) -> str:
    """Return a SHA-256 of arrays, their types and shapes, in hexadecimal."""
    total = hashlib.sha256()
    for array in arrays:
        total.update(f"{array.dtype.str} {array.shape} ".encode())
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def sampled() -> dict[str, dict[str, str]]:
    """Return the digests of what each experiment gives, drawn in this process.

    Those of an experiment are ``histogram``, as results show it, ``losses``, of every single loss, and where
    there are held-out examples ``held_out``, of the joint counts.
    """
    import geomreg_tui as geomreg

    found = {}
    for name, values in EXPERIMENTS.items():
        experiment = geomreg.prepare(geomreg.Experiment.parse({**SIZES, **values})).facts.experiment
        parts = [geomreg.run_chunk(experiment, i, count, keep=count) for i, count in enumerate(COUNTS)]
        summary = geomreg.Summary.merge(part.summary for part in parts)
        digests = {
            "histogram": summary.histogram.digest(),
            "losses": digest_of(part.losses for part in parts if part.losses is not None),
        }
        if summary.joint is not None:
            digests["held_out"] = digest_of([summary.joint.cells, summary.joint.count])
        found[name] = digests
    return found


def tail(name: str) -> str:
    """Return the digest of log losses and log volumes of a tail's populations, read from its directory."""
    from safetensors.numpy import load_file

    import geomreg_tui as geomreg

    with tempfile.TemporaryDirectory() as folder:
        result = geomreg.tail(out=Path(folder, name), **{**TAIL_SIZES, **TAILS[name]})
        if not result.complete:
            raise AssertionError(f"{name}: {result!r} is not complete")
        files = [load_file(file) for file in sorted((result.path / "tail").glob("population-??.safetensors"))]
    return digest_of(file[key] for file in files for key in ("log_loss", "log_volume"))


def here(capability: str) -> dict[str, str]:
    """Return what the bits depend on here: versions, and the processor where instructions go by it.

    Args:
        capability: one of :data:`CAPABILITIES`.
    """
    model = "any of AVX2 and FMA" if capability == "default" else processor().get("model name", "unknown")
    return {
        "capability": capability,
        "torch": version("torch"),
        "numpy": version("numpy"),
        "libc": " ".join(platform.libc_ver()),
        "processor": f"{platform.machine()}, {model}",
    }


def drawn(capability: str, *parts: str) -> dict[str, Any]:
    """Return the digests that a process with some instructions finds, by part.

    Args:
        capability: one of :data:`CAPABILITIES`.
        parts: ``sampled``, and names of tails.
    """
    kept = {name: value for name, value in os.environ.items() if name not in PORTABLE}
    answer = subprocess.run(
        [sys.executable, "-P", "-m", "tests.unit.bits", *parts],
        cwd=ROOT,
        env={**kept, **CAPABILITIES[capability], "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        check=True,
    )
    return dict(json.loads(answer.stdout))


def main(parts: list[str]) -> None:
    """Print the digests of parts found in this process; or where none is named the whole file anew."""
    if parts:
        found = {part: sampled() if part == "sampled" else tail(part) for part in parts}
        print(json.dumps(found))
        return
    records = [{**here(name), **drawn(name, "sampled", *TAILS)} for name in CAPABILITIES]
    print(json.dumps(records, indent=2))


if __name__ == "__main__":
    main(sys.argv[1:])
