"""Loaded into the server that workers are forked from, and only there: importing it has effects.

Schedulers signal every process of a job. Only the engine acts on that; its workers and their server end
with it.
"""

import signal

# What the first works need is loaded once, torch with it, before any worker is forked.
import geomreg_tui.runner.preparing
import geomreg_tui.splitting.work  # noqa: F401

for _number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP):
    signal.signal(_number, signal.SIG_IGN)
