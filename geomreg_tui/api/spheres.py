"""Volumes and surfaces of balls in any dimension: the geometric picture behind the conjecture."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geomreg_tui.api import display, tables
from geomreg_tui.errors import ExperimentError, Problem
from geomreg_tui.formatting import exact_text, number_text
from geomreg_tui.report.drawing import COLOURS, FIGURES, figure_bytes, legend_above, new_figure, style
from geomreg_tui.rundir.store import write_bytes
from geomreg_tui.statistics import hypersphere

__all__ = ["SphereResult", "sphere"]

FloatArray = NDArray[np.float64]
_FAR = 1000  # dimension beyond which the axis is logarithmic


@dataclass(frozen=True, repr=False, eq=False)
class SphereResult:
    """Volumes V_n(r) and surfaces S_(n-1)(r) of balls.

    Attributes:
        n: dimensions, (rows,).
        radius: r.
        log_volume, log_surface: natural logarithms, (rows,).
        volume_peak, surface_peak: where each is largest over real dimensions: ``n`` and ``log_value``.

    Example:
        >>> result = geomreg.sphere("1:20")
        >>> round(result.volume_peak.n, 4)
        5.2569
        >>> int(result.n[result.log_volume.argmax()])
        5
    """

    n: FloatArray
    radius: float
    log_volume: FloatArray
    log_surface: FloatArray
    volume_peak: hypersphere.Peak = field(init=False)
    surface_peak: hypersphere.Peak = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "volume_peak", hypersphere.volume_peak(self.radius))
        object.__setattr__(self, "surface_peak", hypersphere.surface_peak(self.radius))

    @property
    def log10_volume(self) -> FloatArray:
        """log10 V_n(r), (rows,)."""
        return self.log_volume / math.log(10)

    @property
    def log10_surface(self) -> FloatArray:
        """log10 S_(n-1)(r), (rows,)."""
        return self.log_surface / math.log(10)

    def __repr__(self) -> str:
        return f"<SphereResult {self._describe()}>"

    def _repr_html_(self) -> str:
        peaks = (("volume", self.volume_peak), ("surface", self.surface_peak))
        lines = [
            f"{name} peaks at n = {number_text(peak.n, 8)}, "
            f"log10 = {number_text(peak.log_value / math.log(10), 8)}"
            for name, peak in peaks
        ]
        return display.sphere_page(self._describe(), self.plot, lines)

    def shell_share(self, thickness: float) -> FloatArray:
        """Return the share of each volume within ``thickness`` (0 to 1, of the radius) of its surface."""
        return hypersphere.shell_share(self.n, thickness)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the columns n, log_volume, log_surface, log10_volume and log10_surface, (rows,) each."""
        return {
            "n": self.n,
            "log_volume": self.log_volume,
            "log_surface": self.log_surface,
            "log10_volume": self.log10_volume,
            "log10_surface": self.log10_surface,
        }

    def to_frame(self) -> Any:
        """Return the columns of :meth:`arrays` as a ``pandas.DataFrame``.

        Raises:
            ExperimentError: if pandas is not installed.
        """
        return tables.data_frame(self.arrays())

    def plot(self) -> Any:
        """Return a figure of matplotlib: log10 V_n(r) and log10 S_(n-1)(r) against n.

        Raises:
            ExperimentError: if matplotlib is not installed.
        """
        with style():
            figure = new_figure(6.4, 4.0)
            axes = figure.subplots()
            axes.plot(self.n, self.log10_volume, color=COLOURS["blue"], label="volume $V_n(r)$")
            axes.plot(
                self.n, self.log10_surface, color=COLOURS["orange"], ls="--", label="surface $S_{n-1}(r)$"
            )
            if self.n.size and self.n[-1] > _FAR:
                axes.set_xscale("log")
            axes.set_xlabel("dimension $n$")
            axes.set_ylabel(r"$\log_{10}$")
            legend_above(axes)
        return display.shown(figure)

    def save(self, path: str | os.PathLike[str], force: bool = False) -> Path:
        """Write the figure to a file and return its path; the name ends in ``.png``, ``.svg`` or ``.pdf``.

        Raises:
            ExperimentError: if the format is unknown or needs matplotlib, or the file exists.
            RunDirectoryError: if it cannot be written.
        """
        written = Path(path)
        if written.suffix not in FIGURES:
            raise ExperimentError(
                [Problem("path", repr(written.name), f"allowed ends are {', '.join(FIGURES)}")]
            )
        if written.exists() and not force:
            raise ExperimentError([Problem("path", f"{written}, which exists", "force=True replaces it")])
        write_bytes(written, figure_bytes(self.plot(), written.suffix[1:]))
        return written

    def _describe(self) -> str:
        ends = (
            f"n = {exact_text(float(self.n[0]))} to {exact_text(float(self.n[-1]))}"
            if self.n.size
            else "no n"
        )
        return f"balls of radius {exact_text(self.radius)}, {ends}"


def sphere(dims: str | ArrayLike | Iterable[int] = "1:30", radius: float = 1.0) -> SphereResult:
    """Return log V_n(r) and log S_(n-1)(r), right to 1e-12 relative, with their peaks.

    Args:
        dims: dimensions, not negative and not necessarily whole; or text such as ``"1:100"``, ``"1:1000:10"``
            (steps) or ``"1:1e12:log"``.
        radius: r, positive.

    Raises:
        ExperimentError: if dimensions or radius are impossible.

    Example:
        >>> import math
        >>> unit = geomreg.sphere([1, 2, 3])
        >>> [round(math.exp(value), 4) for value in unit.log_volume]  # 2, pi, 4/3 pi
        [2.0, 3.1416, 4.1888]
    """
    if isinstance(dims, str):
        n: FloatArray = hypersphere.parse_dims(dims).astype(np.float64)
    else:
        try:
            n = np.atleast_1d(np.asarray(list(dims) if isinstance(dims, range) else dims, np.float64))
        except (TypeError, ValueError):
            n = np.full(1, np.nan)
        if n.ndim != 1 or not (np.isfinite(n).all() and (n >= 0).all()):
            rule = "allowed are numbers of at least 0, or text such as '1:100'"
            raise ExperimentError([Problem("dims", repr(dims)[:60], rule)])
    return SphereResult(n, radius, hypersphere.log_volume(n, radius), hypersphere.log_surface(n, radius))
