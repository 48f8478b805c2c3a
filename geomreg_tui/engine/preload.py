"""Loaded into the server that workers are forked from, and only there: importing it has effects.

Schedulers signal every process of a job. Only the engine acts on that; its workers and their server end
with it.
"""

import signal

import geomreg_tui.engine.worker  # noqa: F401  torch is loaded once, before any worker is forked

for _number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP):
    signal.signal(_number, signal.SIG_IGN)
