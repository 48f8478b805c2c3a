"""A real cluster of Dask for tests: a scheduler and workers, each a process, at ports that are free."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from geomreg_tui.place import Cluster
from tests.faults.driving import wait_for

# A scheduler is often on a machine of its own, that has Dask and nothing else.
WITHOUT_OURS = "import sys\nfor name in ('geomreg_tui', 'torch', 'numpy'): sys.modules[name] = None\n"


class DaskCluster:
    """A cluster; whatever of it is left is killed at the end.

    Args:
        folder: where its files are.
        host: address that its servers listen on.
        protocol: ``tcp`` or ``tls``.
        before: what is put before each command, such as that which enters a network namespace.
    """

    def __init__(
        self, folder: Path, host: str = "127.0.0.1", protocol: str = "tcp", before: Sequence[str] = ()
    ) -> None:
        self.folder, self.host, self.protocol, self._before = folder, host, protocol, before
        self.file = folder / "scheduler.json"
        self.workers: list[subprocess.Popen[bytes]] = []
        self._port = 0
        self._scheduler: subprocess.Popen[bytes] | None = None
        self._log = (folder / "log").open("wb")

    @property
    def address(self) -> str:
        return json.loads(self.file.read_text())["address"]

    @property
    def place(self) -> Cluster:
        return Cluster(scheduler=self.address)

    def start_scheduler(self) -> None:
        """Start the scheduler; again at the port that it had."""
        options = ["--host", self.host, "--port", str(self._port), "--no-dashboard"]
        options += ["--protocol", self.protocol]
        self.file.unlink(missing_ok=True)
        options += ["--scheduler-file", str(self.file)]
        site = self.folder / "site"
        site.mkdir(exist_ok=True)
        (site / "sitecustomize.py").write_text(WITHOUT_OURS)
        self._scheduler = self._start("dask_scheduler", *options, PYTHONPATH=str(site))
        wait_for(self._named)
        self._port = int(self.address.rpartition(":")[2])
        if not self._before:
            wait_for(self._listening)

    def start_worker(self, **variables: str) -> subprocess.Popen[bytes]:
        """Start a worker; it is a worker of the cluster once it is known there."""
        local = self.folder / "workers"
        options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(local)]
        options += ["--host", self.host, "--protocol", self.protocol]
        worker = self._start("dask_worker", self.address, *options, **variables)
        self.workers.append(worker)
        return worker

    def kill_scheduler(self) -> None:
        assert self._scheduler is not None
        self._scheduler.kill()
        self._scheduler.wait()

    def restart_scheduler(self) -> None:
        """Kill the scheduler and start it again, with as many workers: those that it had end with it."""
        count = len([worker for worker in self.workers if worker.poll() is None])
        self.kill_scheduler()
        self.start_scheduler()
        for _ in range(count):
            self.start_worker()

    def kill_worker(self) -> None:
        """Kill the worker that was started first of those that are alive."""
        worker = next(worker for worker in self.workers if worker.poll() is None)
        worker.kill()
        worker.wait()

    def close(self) -> None:
        for process in [*self.workers, self._scheduler]:
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.wait()
        self._log.close()

    def _start(self, tool: str, *options: str, **variables: str) -> subprocess.Popen[bytes]:
        command = [*self._before, sys.executable, "-m", f"distributed.cli.{tool}", *options]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", **variables}
        return subprocess.Popen(command, stdout=self._log, stderr=self._log, env=environment)

    def _named(self) -> bool:
        try:
            return bool(self.address)
        except (OSError, ValueError):
            return False

    def _listening(self) -> bool:
        try:
            socket.create_connection((self.host, self._port), 1).close()
        except OSError:
            return False
        return True
