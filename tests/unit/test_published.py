"""The result of a sweep on disk keeps up with its points, and takes a tenth of the time at most."""

from __future__ import annotations

from itertools import pairwise

import pytest

from geomreg_tui.sweeps import published
from geomreg_tui.sweeps.published import PublishedResult
from geomreg_tui.sweeps.result import FailedPoint


class Clock:
    """A clock that only goes on when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


class SlowDirectory:
    """A directory where writing a result takes as long as there are points in it."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock, self._seconds = clock, seconds
        self.written: list[tuple[float, int]] = []
        self.spent = 0.0

    def write_result(self, factors, points, failed) -> None:
        seconds = self._seconds * (len(points) + len(failed))
        self._clock.now += seconds
        self.spent += seconds
        self.written.append((self._clock.now, len(points) + len(failed)))


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(published, "time", made)
    return made


@pytest.mark.parametrize("seconds", [1e-5, 1e-3, 0.1])
@pytest.mark.parametrize("apart", [0.0, 0.02, 30.0])
def test_writing_takes_a_tenth_of_the_time_and_nothing_is_left_out(clock, seconds, apart):
    directory = SlowDirectory(clock, seconds)
    result = PublishedResult(directory, ())
    for number in range(400):
        result.add(FailedPoint((number,), "a reason"))
        clock.now += apart
    result.write()
    assert directory.written[-1][1] == 400
    last_of_all = seconds * 400
    assert directory.spent - last_of_all <= 0.1 * clock.now + last_of_all
    for (before, fewer), (after, more) in pairwise(directory.written[:-1]):
        assert after - before >= seconds * (9 * fewer + more) - 1e-9
    if seconds * 400 * 9 < apart:
        assert len(directory.written) == 400, "where writing is quick each point is written at once"


def test_what_is_held_back_is_written_while_the_next_point_runs(clock):
    directory = SlowDirectory(clock, 1.0)
    result = PublishedResult(directory, ())
    result.add(FailedPoint((1,), "a reason"))
    result.add(FailedPoint((2,), "a reason"))
    assert [count for _, count in directory.written] == [1]
    for _ in range(80):
        clock.now += 0.1
        result.keep_up()
    assert [count for _, count in directory.written] == [1]
    for _ in range(20):
        clock.now += 0.1
        result.keep_up()
    assert [count for _, count in directory.written] == [1, 2]
    result.write()
    assert len(directory.written) == 2, "there is nothing new"
