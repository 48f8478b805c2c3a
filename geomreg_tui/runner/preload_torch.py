"""Loaded into the server that workers are forked from, where they need torch: importing it loads that."""

import gc
from importlib import import_module

gc.disable()  # as in geomreg_tui.runner.preload
for _name in ("geomreg_tui.sampling.sampler", "geomreg_tui.splitting.work"):
    import_module(_name)
gc.freeze()
gc.enable()
