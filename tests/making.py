"""Experiments made ready, engines and run directories made in this process."""

from geomreg_tui.engine import Engine, StageContext
from geomreg_tui.rundir import RunDirectory
from geomreg_tui.runner import registry
from geomreg_tui.runner.begin import describer
from geomreg_tui.runner.preparation import Preparation
from geomreg_tui.sampling.plan import SamplingPlan
from geomreg_tui.splitting.stage import PlannedTail


def begin_run(path, facts, environment, samples, keep_losses=0, asked=None, tail=None, more=(), **options):
    """Make a run directory, and return it with its lease; ``more`` are plans of further stages."""
    plans = [SamplingPlan(samples, keep_losses), *more]
    if tail is not None:
        plans.append(PlannedTail(tail))
    return RunDirectory.begin(path, facts, environment, plans, asked, layout=registry.layout(), **options)


def new_run(path, *plan):
    """Make a run directory that no engine is at; ``plan`` as :func:`begin_run` takes it."""
    run, lease = begin_run(path, *plan)
    lease.release()
    return run


def preparation(experiment, device="cpu", module=None, deep=False, overlays=True):
    """Return the work that makes an experiment ready, for the deep tail if ``deep``."""
    plans = {"sampling": {}, "splitting": {}} if deep else {"sampling": {}}
    return Preparation(experiment, device, module, plans, overlays)


def make_engine(run, executor, lease=None, pace=None, workers=4):
    """Return an engine that takes a run from what is committed to what its plans ask for."""
    opened = [kind.open(run, StageContext(lambda: workers), {}) for kind in registry.STAGES]
    opened = [stage for stage in opened if stage is not None]
    options = {} if pace is None else {"pace": pace}
    return Engine(run, executor, opened, describer(run, opened), lease, **options)
