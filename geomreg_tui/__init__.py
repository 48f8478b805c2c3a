"""Where does weight space put its volume? Loss distributions of random networks, exact and live.

    >>> import geomreg_tui as geomreg
    >>> round(geomreg.sphere("1:20").volume_peak.n, 3)  # where the unit ball's volume peaks
    5.257

What to call is :func:`sample`, :func:`tail`, :func:`train`, :func:`sweep` and :func:`sphere`.
:func:`compare` sets sampling beside training, and :func:`study` puts claims to the test. :func:`load` and
:func:`runs` find what is on disk, and :func:`compare_runs` sets runs side by side. :func:`infinite_width`
is a law to compare with.

The public names are imported when they are first used, so that importing the package is instant: torch
is loaded by :func:`prepare`, :func:`run_chunk` and :func:`infinite_width` only, and textual by none of them.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # typing's own means an import, before ``python -m`` has left the working directory
if TYPE_CHECKING:
    from typing import Any

    from geomreg_tui.api import (
        ComparisonResult,
        Dominance,
        RunComparison,
        RunList,
        RunResult,
        SphereResult,
        StudyReport,
        SweepResult,
        compare,
        compare_runs,
        infinite_width,
        load,
        runs,
        sample,
        sphere,
        study,
        sweep,
        tail,
        train,
    )
    from geomreg_tui.errors import (
        CapacityError,
        ClusterError,
        DataError,
        ExperimentError,
        GeomregError,
        RunDirectoryError,
        SamplingError,
    )
    from geomreg_tui.experiment import Experiment
    from geomreg_tui.place import Cluster
    from geomreg_tui.rundir import RunDirectory
    from geomreg_tui.runner import start_run
    from geomreg_tui.runner.snapshot import Snapshot
    from geomreg_tui.sampling.work import prepare, run_chunk
    from geomreg_tui.statistics import LossDistribution, analyse_modes, volume_curve
    from geomreg_tui.summary import Facts, Summary

__version__ = "0.1.0"

_HOMES = {
    "CapacityError": "geomreg_tui.errors",
    "Cluster": "geomreg_tui.place",
    "ClusterError": "geomreg_tui.errors",
    "ComparisonResult": "geomreg_tui.api",
    "DataError": "geomreg_tui.errors",
    "Dominance": "geomreg_tui.api",
    "Experiment": "geomreg_tui.experiment",
    "ExperimentError": "geomreg_tui.errors",
    "Facts": "geomreg_tui.summary",
    "GeomregError": "geomreg_tui.errors",
    "LossDistribution": "geomreg_tui.statistics",
    "RunComparison": "geomreg_tui.api",
    "RunDirectory": "geomreg_tui.rundir",
    "RunDirectoryError": "geomreg_tui.errors",
    "RunList": "geomreg_tui.api",
    "RunResult": "geomreg_tui.api",
    "SamplingError": "geomreg_tui.errors",
    "Snapshot": "geomreg_tui.runner",
    "SphereResult": "geomreg_tui.api",
    "Summary": "geomreg_tui.summary",
    "StudyReport": "geomreg_tui.api",
    "SweepResult": "geomreg_tui.api",
    "analyse_modes": "geomreg_tui.statistics",
    "compare": "geomreg_tui.api",
    "compare_runs": "geomreg_tui.api",
    "infinite_width": "geomreg_tui.api",
    "load": "geomreg_tui.api",
    "prepare": "geomreg_tui.sampling.work",
    "run_chunk": "geomreg_tui.sampling.work",
    "runs": "geomreg_tui.api",
    "sample": "geomreg_tui.api",
    "sphere": "geomreg_tui.api",
    "study": "geomreg_tui.api",
    "start_run": "geomreg_tui.runner",
    "sweep": "geomreg_tui.api",
    "tail": "geomreg_tui.api",
    "train": "geomreg_tui.api",
    "volume_curve": "geomreg_tui.statistics",
}

__all__ = [
    "CapacityError",
    "Cluster",
    "ClusterError",
    "ComparisonResult",
    "DataError",
    "Dominance",
    "Experiment",
    "ExperimentError",
    "Facts",
    "GeomregError",
    "LossDistribution",
    "RunComparison",
    "RunDirectory",
    "RunDirectoryError",
    "RunList",
    "RunResult",
    "SamplingError",
    "Snapshot",
    "SphereResult",
    "StudyReport",
    "Summary",
    "SweepResult",
    "__version__",
    "analyse_modes",
    "compare",
    "compare_runs",
    "infinite_width",
    "load",
    "prepare",
    "run_chunk",
    "runs",
    "sample",
    "sphere",
    "start_run",
    "study",
    "sweep",
    "tail",
    "train",
    "volume_curve",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'geomreg_tui' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
