"""Fixtures of the tests of clusters."""

import pytest

from tests.cluster.driving import DaskCluster
from tests.faults.conftest import no_engine_is_left, runs

__all__ = ["no_engine_is_left", "runs"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A cluster of two workers, for tests that leave it as it was."""
    made = DaskCluster(tmp_path_factory.mktemp("cluster"))
    try:
        made.start_scheduler()
        for _ in range(2):
            made.start_worker()
        yield made
    finally:
        made.close()


@pytest.fixture
def own_cluster(tmp_path_factory):
    """A scheduler without workers, of one test."""
    made = DaskCluster(tmp_path_factory.mktemp("cluster"))
    try:
        made.start_scheduler()
        yield made
    finally:
        made.close()
