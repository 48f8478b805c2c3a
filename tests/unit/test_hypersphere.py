"""Judged by mpmath with 60 digits, at exactly the float arguments that our code was given."""

import math

import mpmath
import numpy as np
import pytest

from geomreg_tui.errors import ExperimentError
from geomreg_tui.statistics.hypersphere import (
    log_surface,
    log_volume,
    parse_dims,
    radius_of_volume,
    shell_share,
    surface_peak,
    volume_peak,
)

RADII = [1e-3, 0.1, 0.4227, 0.5, 1.0, math.sqrt(2), 10.0, 1000.0, 2.4e5]


@pytest.fixture(autouse=True)
def _sixty_digits():
    with mpmath.workdps(60):
        yield


def true_log_volume(n, radius):
    half, r = mpmath.mpf(float(n)) / 2, mpmath.mpf(radius)
    return half * mpmath.log(mpmath.pi) + 2 * half * mpmath.log(r) - mpmath.loggamma(half + 1)


def true_log_surface(n, radius):
    half, r = mpmath.mpf(float(n)) / 2, mpmath.mpf(radius)
    powers = half * mpmath.log(mpmath.pi) + (2 * half - 1) * mpmath.log(r)
    return mpmath.log(2) + powers - mpmath.loggamma(half)


def relative_errors(got: np.ndarray, true: list) -> list[float]:
    """Return |got - true| / |true|; where the true value is 0 (the segment of length 1), |got|."""
    return [float(abs(g - t) / abs(t)) if abs(t) > 1e-50 else abs(g) for g, t in zip(got, true, strict=True)]


@pytest.mark.parametrize("radius", RADII)
def test_logs_agree_with_mpmath_for_all_sizes_of_n(radius: float) -> None:
    dims = np.concatenate([np.arange(1, 40), parse_dims("40:1e12:60log"), [0.25, 1.75, 7.5]])
    assert max(relative_errors(log_volume(dims, radius), [true_log_volume(n, radius) for n in dims])) <= 1e-12
    assert (
        max(relative_errors(log_surface(dims, radius), [true_log_surface(n, radius) for n in dims])) <= 1e-12
    )


@pytest.mark.parametrize("n", [2, 7, 100, 10**4, 10**8, 10**12])
def test_logs_are_accurate_where_they_cross_zero(n: int) -> None:
    half = mpmath.mpf(n) / 2
    radius = float(mpmath.exp(mpmath.loggamma(half + 1) / n) / mpmath.sqrt(mpmath.pi))
    dims = n + np.array([0, 1, 2, 10])
    volume = [true_log_volume(d, radius) for d in dims]
    assert abs(volume[0]) < 1e-15 * n
    assert max(relative_errors(log_volume(dims, radius), volume)) <= 1e-12
    growth = mpmath.loggamma(half) - mpmath.log(2) - half * mpmath.log(mpmath.pi)
    crossing = float(mpmath.exp(growth / (n - 1)))
    surface = [true_log_surface(d, crossing) for d in dims]
    assert abs(surface[0]) < 1e-15 * n
    assert max(relative_errors(log_surface(dims, crossing), surface)) <= 1e-12


def test_textbook_values() -> None:
    assert np.exp(log_volume([0, 1, 2, 3], 2.0)) == pytest.approx(
        [1, 4, 4 * math.pi, 32 / 3 * math.pi], rel=1e-14
    )
    assert np.exp(log_surface([0, 1, 2, 3], 2.0)) == pytest.approx(
        [0, 2, 4 * math.pi, 16 * math.pi], rel=1e-14
    )
    assert log_volume(1, 0.5) == 0  # a segment of length 1


def test_largest_and_smallest_radii() -> None:
    for radius in (1e-300, 1e300):
        expected = [true_log_volume(n, radius) for n in (1, 10**12)]
        assert max(relative_errors(log_volume([1, 10**12], radius), expected)) <= 1e-12


@pytest.mark.parametrize("radius", [0.43, 1.0, 10.0, 1e5])
def test_volume_peak_agrees_with_mpmath(radius: float) -> None:
    level = mpmath.log(mpmath.pi * mpmath.mpf(radius) ** 2)
    start = 2 * mpmath.pi * radius**2 - 1 if radius > 0.5 else 0.02
    n = mpmath.findroot(lambda n: mpmath.digamma(n / 2 + 1) - level, start)
    peak = volume_peak(radius)
    assert peak.interior
    assert peak.n == pytest.approx(float(n), rel=1e-12)
    assert peak.log_value == pytest.approx(float(true_log_volume(n, radius)), rel=1e-12)


@pytest.mark.parametrize("radius", [0.1, 1.0, 10.0, 1e5])
def test_surface_peak_agrees_with_mpmath(radius: float) -> None:
    level = mpmath.log(mpmath.pi * mpmath.mpf(radius) ** 2)
    start = 2 * mpmath.pi * radius**2 + 1 if radius > 0.5 else 0.5
    n = mpmath.findroot(lambda n: mpmath.digamma(n / 2) - level, start)
    peak = surface_peak(radius)
    assert peak.n == pytest.approx(float(n), rel=1e-12)
    assert peak.log_value == pytest.approx(float(true_log_surface(n, radius)), rel=1e-12)


def test_published_peaks_of_the_unit_ball() -> None:
    assert volume_peak(1.0).n == pytest.approx(5.2569464, abs=5e-8)
    assert math.exp(volume_peak(1.0).log_value) == pytest.approx(5.2777680, abs=5e-8)
    assert surface_peak(1.0).n == pytest.approx(7.2569464, abs=5e-8)


@pytest.mark.parametrize("radius", [1e-200, 0.1, 0.42])
def test_small_balls_have_their_largest_volume_at_the_boundary(radius: float) -> None:
    peak = volume_peak(radius)
    assert (peak.n, peak.log_value, peak.interior) == (0.0, 0.0, False)
    assert float(true_log_volume(1e-3, radius)) < 0  # it falls from the start


def test_peaks_of_enormous_balls_are_infinite_rather_than_an_error() -> None:
    assert volume_peak(1e200).n == math.inf
    assert surface_peak(1e200).log_value == math.inf


def test_shell_share_agrees_with_mpmath() -> None:
    for n in (1, 10, 10**6, 10**12):
        for t in (1e-15, 1e-9, 0.01, 0.5, 1.0):
            true = 1 - (1 - mpmath.mpf(t)) ** n
            assert float(shell_share(n, t)) == pytest.approx(float(true), rel=1e-14)
    assert shell_share([0, 3], 1.0).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("radius", [1e-3, 1.0, 50.0])
def test_radius_of_volume_agrees_with_mpmath(radius: float) -> None:
    dims = np.array([1, 2, 100, 10**6, 10**12])
    logs = [float(true_log_volume(n, radius)) for n in dims]
    assert radius_of_volume(dims, logs) == pytest.approx(np.full(5, radius), rel=1e-13)


def test_dims_that_can_be_read() -> None:
    assert parse_dims("7").tolist() == [7]
    assert parse_dims("3, 1,2,2").tolist() == [1, 2, 3]
    assert parse_dims("1:5").tolist() == [1, 2, 3, 4, 5]
    assert parse_dims("10:31:10,1").tolist() == [1, 10, 20, 30]
    assert parse_dims("1:1e12:4log").tolist() == [1, 10**4, 10**8, 10**12]
    decades = parse_dims("1:1e12:log")
    assert (decades[0], decades[-1]) == (1, 10**12)
    assert np.diff(decades).min() >= 1
    assert np.log10(decades[1:] / decades[:-1])[60:].max() < 0.051


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "0",
        "-1",
        "1:",
        "5:1",
        "1:2:3:4",
        "1:1e13",
        "1:1e12",
        "1:10:0",
        "1:1e6:1e5log",
        "1.5",
        "1:10:xlog",
    ],
)
def test_dims_that_cannot_be_read_name_the_key(text: str) -> None:
    with pytest.raises(ExperimentError) as caught:
        parse_dims(text)
    assert caught.value.problems[0].key == "dims"


def test_the_number_of_rows_is_limited_in_all() -> None:
    assert parse_dims("1:10000").size == 10_000
    with pytest.raises(ExperimentError, match="rows"):
        parse_dims("1:10000,20000")


@pytest.mark.parametrize("radius", [0.0, -1.0, math.nan, math.inf])
def test_radii_that_are_not_positive_numbers_name_the_key(radius: float) -> None:
    for compute in (volume_peak, surface_peak, lambda r: log_volume(3, r), lambda r: log_surface(3, r)):
        with pytest.raises(ExperimentError, match="radius"):
            compute(radius)
