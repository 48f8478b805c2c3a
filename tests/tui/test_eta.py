"""The time that is left is steady while the rate is, and follows it where it changes for good."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geomreg_tui.tui.eta import TimeLeft


def test_a_steady_rate_gives_what_is_left_over_it() -> None:
    left = TimeLeft()
    for second in range(50):
        assert left.seconds("run", 1000 - 10 * second, 10.0, second) == pytest.approx(100 - second)


def test_noise_is_averaged_over_tens_of_looks() -> None:
    """Rates that are half or twice the usual one by chance move what is shown by a tenth as much."""
    generator = np.random.default_rng(5)
    left = TimeLeft()
    rates = 10.0 * np.exp(generator.uniform(-np.log(2), np.log(2), 400))
    shown = [left.seconds("run", 1e6, rate, 0.25 * number) for number, rate in enumerate(rates)][100:]
    assert np.std(np.log(shown)) < 0.15 * np.std(np.log(rates))
    assert np.mean(shown) == pytest.approx(1e6 / np.mean(rates), rel=0.1)


def test_a_rate_that_has_changed_is_followed_within_a_minute() -> None:
    left = TimeLeft()
    left.seconds("run", 1e6, 10.0, 0.0)
    for second in range(1, 61):
        shown = left.seconds("run", 1e6, 100.0, second)
    assert shown == pytest.approx(1e4, rel=0.06)


def test_of_another_run_nothing_is_remembered() -> None:
    left = TimeLeft()
    left.seconds("run", 1e6, 10.0, 0.0)
    assert left.seconds("other", 1e6, 1000.0, 0.1) == pytest.approx(1e3)


def test_while_nothing_comes_the_time_is_infinite() -> None:
    left = TimeLeft()
    assert left.seconds("run", 5, 0.0, 0.0) == math.inf
    assert left.seconds("run", 5, 1.0, 1.0) == pytest.approx(5)
