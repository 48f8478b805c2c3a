"""What all tests share: a place of their own for runs, no colours or themes from outside, and their seeds."""

import functools
import gc
import os
import tempfile
from pathlib import Path

import hypothesis
import pytest
import typer.main
from hypothesis import HealthCheck

from tests import seeds, shape_checks

shape_checks.install()

# A process of the command line builds its commands once, and so do the tests, of which many call it.
typer.main.get_command = functools.cache(typer.main.get_command)

for name in ("NO_COLOR", "TEXTUAL_THEME", "COLORTERM", "SSH_CONNECTION"):
    os.environ.pop(name, None)

# Nothing here may depend on how fast or how busy the machine is.
hypothesis.settings.register_profile(
    "suite",
    max_examples=200 if "FUZZ_EXAMPLES" in os.environ else 40,
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
hypothesis.settings.load_profile("suite")


def pytest_collection_modifyitems(items):
    """Give hypothesis the base seed; where that is 0 each test has a seed of its own, always the same."""
    for item in items:
        if seeds.BASE and getattr(item.obj, "is_hypothesis_test", False):
            hypothesis.seed(seeds.BASE)(getattr(item.obj, "__func__", item.obj))


def pytest_collection_finish():
    """Look for garbage less often, and not in what is imported: that took a fifth of the explorer's tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)


def pytest_runtest_setup():
    """Check the shapes of the first calls in each test."""
    shape_checks.begin_test()


@pytest.fixture(scope="session")
def all_homes(tmp_path_factory):
    """A folder for the homes of all tests: pytest looks through its own each time that it makes another."""
    return tmp_path_factory.mktemp("homes")


@pytest.fixture(autouse=True)
def home(all_homes, monkeypatch):
    """Keep the runs and the settings of each test apart from the person's."""
    path = Path(tempfile.mkdtemp(dir=all_homes))
    monkeypatch.setenv("GEOMREG_HOME", str(path))
    monkeypatch.setenv("GEOMREG_CONFIG", str(path / "config.toml"))
    for name in ("FPS", "THEME", "MOUSE", "ASCII"):
        monkeypatch.delenv(f"GEOMREG_{name}", raising=False)
    return path


@pytest.fixture
def engines_here(monkeypatch):
    """Have engines work in this process."""
    from tests.engines import put_engines_here

    put_engines_here(monkeypatch)
