"""What all tests share: a place of their own for runs, and no colours or themes from outside."""

import os

import pytest

for name in ("NO_COLOR", "TEXTUAL_THEME", "COLORTERM", "SSH_CONNECTION"):
    os.environ.pop(name, None)


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    """Keep the runs and the settings of each test apart from the person's."""
    path = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("GEOMREG_HOME", str(path))
    monkeypatch.setenv("GEOMREG_CONFIG", str(path / "config.toml"))
    for name in ("FPS", "THEME", "MOUSE", "ASCII"):
        monkeypatch.delenv(f"GEOMREG_{name}", raising=False)
    return path
