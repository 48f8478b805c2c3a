"""Loaded into the server that workers are forked from, and only there: importing it has effects.

Schedulers signal every process of a job. Only the engine acts on that; its workers and their server end
with it.
"""

import gc
import signal
from importlib import import_module

# What the first works need is loaded once, before any worker is forked. Nothing of it is garbage: to look
# for some took a tenth of the time here, and in each worker it copies the pages it looks at.
gc.disable()
import_module("geomreg_tui.runner.preparing")
gc.freeze()
gc.enable()

for _number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP):
    signal.signal(_number, signal.SIG_IGN)
