"""What the statistical tests share."""

import pytest


@pytest.fixture(params=["torch", "auto"])
def each_backend(request, monkeypatch):
    """Draw plain samples by torch, and by the fused kernel where it is built and can."""
    monkeypatch.setattr("tests.statistics.laws.DRAWN_BY", request.param)
