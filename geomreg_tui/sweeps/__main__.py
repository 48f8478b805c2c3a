"""The process of a sweep that nobody waits for: ``python -m geomreg_tui.sweeps``.

It reads one request from stdin and answers with ``{"ready": true}`` or an error. From there on the directory
of the sweep is the only way to it.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from geomreg_tui.errors import ExitCode, GeomregError
from geomreg_tui.runner.process import answer, detach
from geomreg_tui.runner.protocol import error_line
from geomreg_tui.sweeps.launch import SweepRequest
from geomreg_tui.sweeps.plan import SweepPlan
from geomreg_tui.sweeps.run import run_sweep


def main() -> int:
    """Run the sweep that a line on stdin asks for; whoever asked may go once it has begun."""
    signals: list[int] = []
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, lambda received, _: signals.append(received))
    request = SweepRequest.from_line(sys.stdin.readline())
    folder = Path(request.directory)
    begun = []

    def ready() -> None:
        answer('{"ready": true}\n')
        detach(folder / "engine.log")
        begun.append(True)

    try:
        plan = SweepPlan.from_json(request.plan)
        points = run_sweep(
            plan.experiment,
            plan.factors,
            plan.samples,
            folder,
            workers=request.workers or None,
            device=request.device,
            interrupted=lambda: bool(signals),
            begun=ready,
            tail=plan.tail,
            training=plan.training,
            observed=plan.observed,
        )
        for _ in points:
            pass
    except GeomregError as error:
        if not begun:  # later the directory says it
            answer(error_line(error))
        return error.exit_code
    return ExitCode.OK


if __name__ == "__main__":
    sys.exit(main())
