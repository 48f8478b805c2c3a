"""All studies, in the order in which they are run and reported."""

from __future__ import annotations

from collections.abc import Sequence

from geomreg_tui.errors import ExperimentError, Problem, nearest_name
from geomreg_tui.studies import (
    complexity,
    confusion,
    contraction,
    double_descent,
    init_law,
    landscape,
    phase,
    proximity,
    spheres,
    two_modes,
    update_dimension,
    volume_hypothesis,
    wide_deep,
    width_depth,
)
from geomreg_tui.studies.study import SCALES, Study

__all__ = ["STUDIES", "check_scale", "studies_named"]

STUDIES: tuple[Study, ...] = (
    two_modes.STUDY,
    width_depth.STUDY,
    init_law.STUDY,
    contraction.STUDY,
    spheres.STUDY,
    double_descent.STUDY,
    phase.STUDY,
    proximity.STUDY,
    confusion.STUDY,
    landscape.STUDY,
    wide_deep.STUDY,
    volume_hypothesis.STUDY,
    complexity.STUDY,
    update_dimension.STUDY,
)


def studies_named(names: Sequence[str]) -> tuple[Study, ...]:
    """Return the studies of some names, each once, in the order of :data:`STUDIES`; ``all`` for all.

    Raises:
        ExperimentError: with one problem for each name that is unknown.
    """
    known = {study.name: study for study in STUDIES}
    allowed = f"allowed are all, {', '.join(known)}"
    problems = [
        Problem("study", repr(name), allowed, nearest_name(name, [*known, "all"]))
        for name in names
        if name not in known and name != "all"
    ]
    if problems:
        raise ExperimentError(problems)
    return tuple(study for study in STUDIES if study.name in names or "all" in names)


def check_scale(scale: str) -> None:
    """Refuse a scale that there is none of.

    Raises:
        ExperimentError: if it is unknown.
    """
    if scale not in SCALES:
        allowed = f"allowed is one of {', '.join(SCALES)}"
        raise ExperimentError([Problem("scale", repr(scale), allowed, nearest_name(str(scale), SCALES))])
