"""Fixtures of the fault tests."""

import os
import subprocess

import pytest

from .driving import SAMPLES, Runs, fold, kill_engines


@pytest.fixture(autouse=True)
def no_engine_is_left(home, tmp_path):
    """Kill the engines that a test has left at work: one that failed would slow down all that follow."""
    yield
    kill_engines(home, tmp_path)


@pytest.fixture
def runs():
    """Start engines; whatever is still going when the test is over is killed."""
    made = Runs()
    yield made
    made.close()


@pytest.fixture(scope="session")
def expected():
    """The digest of an undisturbed run."""
    return fold(SAMPLES)[0].histogram.digest()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 12 MB of its own, which the test may fill and make read-only."""
    path = tmp_path / "disk"
    path.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(path)], capture_output=True, check=False
    )
    if mount.returncode:
        pytest.skip("mounting a file system takes rights that are not given here")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


@pytest.fixture
def without_privileges():
    """What to put before a command so that root, too, may not write where nobody may."""
    if os.geteuid():
        return []
    return ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--"]


@pytest.fixture
def every_process(tmp_path, monkeypatch):
    """Return a function that has every Python process started from now on run some lines first."""

    def use(lines):
        folder = tmp_path / "site"
        folder.mkdir(exist_ok=True)
        (folder / "sitecustomize.py").write_text(lines)
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))

    return use


BEFORE_EACH_CHUNK = """
import sys
if "multiprocessing.forkserver" in " ".join(sys.orig_argv):
    import os, time
    from geomreg_tui.sampling import work as sampling
    draw = sampling.run_chunk
    def run_chunk(experiment, chunk, *arguments, **options):
        STATEMENT
        return draw(experiment, chunk, *arguments, **options)
    sampling.run_chunk = run_chunk
"""


@pytest.fixture
def before_each_chunk(every_process):
    """Return a function that has workers started from now on carry out a statement before each chunk."""
    return lambda statement: every_process(BEFORE_EACH_CHUNK.replace("STATEMENT", statement))


@pytest.fixture
def at_leisure(before_each_chunk):
    """Have workers started from now on rest before each chunk: what waits for something else costs little."""
    before_each_chunk("time.sleep(0.1)")
