"""The engine's process: ``python -m geomreg_tui.runner run MODULE...``, or ``preview FILE``.

The modules are loaded into the server that workers are forked from. It is started before the engine loads
what it needs itself, so that both load at the same time.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from geomreg_tui.runner.server import start_server


def main() -> int:
    """Run the engine that the arguments ask for; return its exit code."""
    if sys.argv[1:2] == ["preview"]:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        from geomreg_tui.runner.preview import serve_previews

        return serve_previews(sys.stdin, Path(sys.argv[2]))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    start_server(sys.argv[2:])
    from geomreg_tui.runner.serving import serve_runs

    return serve_runs()


if __name__ == "__main__":
    sys.exit(main())
