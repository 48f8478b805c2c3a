"""Where work is done if not by processes of this machine: workers of a cluster. Imports nothing of Dask."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from geomreg_tui.errors import ClusterError, ExperimentError, Problem, nearest_name, one_line, shortened

__all__ = ["EXECUTORS", "LOCAL", "Cluster", "parse_cluster"]

LOCAL = "local"
EXECUTORS = (LOCAL, "dask", "slurm")
_SCHEMES = ("tcp", "tls")


@dataclass(frozen=True)
class Cluster:
    """Workers of a cluster, which do the work in place of processes of this machine.

    Attributes:
        executor: ``dask`` for a cluster of Dask that is there, ``slurm`` for jobs that are asked for.
        scheduler: with ``dask``, the address of the scheduler, ``tcp://HOST:PORT`` or ``tls://HOST:PORT``, or
            the path of the file that it has written (``dask scheduler --scheduler-file``).
        jobs: with ``slurm``, how many jobs are asked for.
        allow_mixed: whether workers may have different versions or devices; every output says so then.

    Raises:
        ExperimentError: with one problem for each of them that is no good.

    Example:
        >>> cluster = geomreg.Cluster(scheduler="tcp://10.0.0.1:8786")
        >>> cluster.executor
        'dask'
        >>> geomreg.sample(data="digits", width=64, samples=1e9, cluster=cluster)  # doctest: +SKIP
    """

    executor: str = "dask"
    scheduler: str = ""
    jobs: int = 1
    allow_mixed: bool = False

    def __post_init__(self) -> None:
        problems = []
        if self.executor not in EXECUTORS[1:]:
            rule = f"allowed are {', '.join(EXECUTORS[1:])}"
            near = nearest_name(str(self.executor), EXECUTORS[1:])
            problems.append(Problem("executor", repr(self.executor), rule, near))
        if self.executor == "dask" and not self.scheduler:
            rule = "executor dask needs the address of a scheduler, such as tcp://HOST:8786, or its file"
            problems.append(Problem("scheduler", "nothing", rule))
        if self.executor == "slurm" and self.scheduler:
            rule = "allowed only with executor dask: with slurm the engine is the scheduler"
            problems.append(Problem("scheduler", repr(shortened(self.scheduler)), rule))
        scheme, sign, _ = self.scheduler.partition("://")
        if sign and scheme not in _SCHEMES:
            rule = "allowed are tcp://HOST:PORT, tls://HOST:PORT, and the path of a scheduler's file"
            problems.append(Problem("scheduler", repr(shortened(self.scheduler)), rule))
        if isinstance(self.jobs, bool) or not isinstance(self.jobs, int) or self.jobs < 1:
            problems.append(Problem("jobs", repr(self.jobs), "allowed is a whole number from 1"))
        if problems:
            raise ExperimentError(problems)

    @property
    def name(self) -> str:
        """The cluster, for people."""
        return one_line(f"{self.executor} {self.scheduler}".strip())

    def to_json(self) -> dict[str, Any]:
        """Return plain data; a file is named by its whole path."""
        values = asdict(self)
        if self.scheduler and "://" not in self.scheduler:
            values["scheduler"] = str(Path(self.scheduler).expanduser().absolute())
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Cluster:
        """Restore a cluster."""
        return cls(**values)

    def address(self) -> str:
        """Return the address of the scheduler, as it is now.

        Raises:
            ClusterError: if its file cannot be read, or holds none.
        """
        if "://" in self.scheduler:
            return self.scheduler
        try:
            address = json.loads(Path(self.scheduler).expanduser().read_text())["address"]
        except OSError as error:
            raise ClusterError(
                one_line(f"scheduler: cannot read {self.scheduler}: {error.strerror}; give the file that")
                + " 'dask scheduler --scheduler-file' writes, or an address such as tcp://HOST:8786"
            ) from None
        except (ValueError, LookupError, TypeError):
            address = None
        if not isinstance(address, str) or address.partition("://")[0] not in _SCHEMES:
            raise ClusterError(
                one_line(f"scheduler: {self.scheduler} names no address; give the file that")
                + " 'dask scheduler --scheduler-file' writes, or an address such as tcp://HOST:8786"
            )
        return address


def parse_cluster(
    executor: str, scheduler: str | None, jobs: int | None, workers: int | None, allow_mixed: bool
) -> Cluster | None:
    """Return the cluster that options describe; None for this machine.

    Args:
        executor: ``local``, ``dask`` or ``slurm``.
        scheduler: address or file; None where it is not given.
        jobs: of Slurm; None where it is not given.
        workers: worker processes of this machine; None where it is not given.
        allow_mixed: whether workers may differ.

    Raises:
        ExperimentError: with one problem for each option that is no good, or goes with another executor.
    """
    if executor not in EXECUTORS:
        near = nearest_name(executor, EXECUTORS)
        raise ExperimentError(
            [Problem("executor", repr(executor), f"allowed are {', '.join(EXECUTORS)}", near)]
        )
    problems = []
    if scheduler is not None and executor != "dask":
        problems.append(Problem("scheduler", repr(shortened(scheduler)), "allowed only with --executor dask"))
    if jobs is not None and executor != "slurm":
        problems.append(Problem("jobs", str(jobs), "allowed only with --executor slurm"))
    if workers is not None and executor != LOCAL:
        rule = "allowed only without --executor: a cluster has the workers that were started for it"
        problems.append(Problem("workers", str(workers), rule))
    if problems:
        raise ExperimentError(problems)
    return None if executor == LOCAL else Cluster(executor, scheduler or "", jobs or 1, allow_mixed)
