"""What all tests share: a place of their own for runs, and no colours or themes from outside."""

import os

import pytest

for name in ("NO_COLOR", "TEXTUAL_THEME", "COLORTERM", "SSH_CONNECTION"):
    os.environ.pop(name, None)


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    """Keep the runs of each test apart from the person's."""
    path = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("GEOMREG_HOME", str(path))
    return path
