"""Options that say where work is done: devices, processes of this machine, or workers of a cluster."""

from __future__ import annotations

from typing import Annotated

import typer

from geomreg_tui.cli.completion import completed_by
from geomreg_tui.cli.options import refuse
from geomreg_tui.place import EXECUTORS, Cluster, parse_cluster

__all__ = [
    "DeviceOption",
    "ExecutorOption",
    "JobsOption",
    "MixedWorkersOption",
    "SchedulerOption",
    "WorkersOption",
    "asked_cluster",
]

DeviceOption = Annotated[
    str,
    typer.Option(
        "--device", help="auto, cpu, cuda (all GPUs of a kind), cuda:i, or cuda:0,cuda:2", metavar="NAME"
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option("--workers", help="worker processes on the CPU [default: one for each core]", min=1),
]
_CLUSTER = "A cluster"
ExecutorOption = Annotated[
    str,
    typer.Option(
        "--executor",
        help=f"who does the work, one of {', '.join(EXECUTORS)}: this machine, Dask workers, or Slurm jobs",
        metavar="NAME",
        rich_help_panel=_CLUSTER,
        autocompletion=completed_by(EXECUTORS),
    ),
]
SchedulerOption = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        help="with --executor dask: tcp://HOST:PORT, tls://HOST:PORT, or the file of the scheduler",
        metavar="ADDRESS|FILE",
        rich_help_panel=_CLUSTER,
    ),
]
JobsOption = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        help="with --executor slurm: jobs that are asked for [default: 1]",
        min=1,
        rich_help_panel=_CLUSTER,
    ),
]
MixedWorkersOption = Annotated[
    bool,
    typer.Option(
        "--allow-mixed",
        help="with --executor: although versions or devices of workers differ; every output then says so",
        rich_help_panel=_CLUSTER,
    ),
]


def asked_cluster(
    executor: str,
    scheduler: str | None,
    jobs: int | None,
    workers: int | None,
    *,
    allow_mixed: bool,
    resumed: bool = False,
) -> Cluster | None:
    """Return the cluster that the options of a command describe; None for this machine.

    Args:
        executor, scheduler, jobs, workers, allow_mixed: the options.
        resumed: whether a run is gone on with, where versions may differ without a cluster too.

    Raises:
        ExperimentError: as :func:`parse_cluster`, and if ``--allow-mixed`` has nothing to allow.
    """
    cluster = parse_cluster(executor, scheduler, jobs, workers, allow_mixed)
    refuse(allow_mixed and cluster is None and not resumed, "allow-mixed", "only with --resume or --executor")
    return cluster
