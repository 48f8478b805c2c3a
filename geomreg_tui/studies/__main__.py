"""The process of studies that nobody waits for: ``python -m geomreg_tui.studies``.

It reads one request from stdin and answers with ``{"ready": true}`` or an error. From there on the directory
is the only way to it.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from geomreg_tui.errors import ExitCode, GeomregError
from geomreg_tui.runner.process import answer, detach
from geomreg_tui.runner.protocol import error_line
from geomreg_tui.studies.directory import StudyDirectory
from geomreg_tui.studies.launch import StudiesRequest
from geomreg_tui.studies.registry import studies_named
from geomreg_tui.studies.run import run_studies


def main() -> int:
    """Run the studies that a line on stdin asks for; whoever asked may go once it has begun."""
    signals: list[int] = []
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, lambda received, _: signals.append(received))
    request = StudiesRequest.from_line(sys.stdin.readline())
    folder = Path(request.directory)
    try:
        studies = studies_named(request.names)
        StudyDirectory(folder).begin(request.scale)
    except GeomregError as error:
        answer(error_line(error))
        return error.exit_code
    answer('{"ready": true}\n')
    detach(folder / "engine.log")
    try:
        for _ in run_studies(
            studies,
            request.scale,
            folder,
            workers=request.workers or None,
            device=request.device,
            interrupted=lambda: bool(signals),
        ):
            pass
    except GeomregError as error:
        print(error, file=sys.stderr)  # the log
        return error.exit_code
    return ExitCode.OK


if __name__ == "__main__":
    sys.exit(main())
