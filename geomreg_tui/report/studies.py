"""Studies as text, Markdown and a page: the claim, what was found, and the verdict on it."""

from __future__ import annotations

import math
import textwrap
from collections import Counter
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

from geomreg_tui.columns import wrapped_lines
from geomreg_tui.formatting import interval_text, number_text, probability_text
from geomreg_tui.rendering import Figure, Table, render
from geomreg_tui.report.command import plan_command
from geomreg_tui.report.drawing import (
    COLOURS,
    INK,
    figure_bytes,
    figure_text,
    inline_svg,
    legend_above,
    new_figure,
    style,
)
from geomreg_tui.report.html import about, environment_table
from geomreg_tui.rundir import RunDirectory
from geomreg_tui.rundir.store import write_bytes
from geomreg_tui.statistics.evidence import Finding
from geomreg_tui.statistics.intervals import Interval
from geomreg_tui.studies.directory import StudyResult
from geomreg_tui.studies.study import Panel, Series
from geomreg_tui.sweeps.plan import point_name

__all__ = ["draw_study", "studies_markdown", "studies_page", "study_text", "write_studies"]

_OVERVIEW = ("study", "question", "what the paper claims", "other explanations")

_SMALLEST_P = 1e-6
_WIDTH, _HEIGHT = 8.4, 3.2  # inches, of a row of panels
_MARKS = "osD^vP"
_LEVEL = 4  # names along an axis that lie beside each other
_CHARACTERS = 52  # of a line in half of the width


def study_text(result: StudyResult, width: int | None = None) -> str:
    """Return what a study has found as plain text.

    Args:
        result: the study.
        width: cells of a line; None for no limit.
    """
    study = result.study
    lines = [f"{study.name}: {study.question}", f"  claim   {study.claim}"]
    lines += [f"  source  {study.source}.", f"  rule    {study.rule}"]
    for finding, verdict in zip(result.outcome.findings, result.verdicts, strict=True):
        lines += [
            f"  {verdict.upper()}: {finding.claim}" + _rival_text(finding),
            f"    {finding.measure}: {effect_text(finding)}",
        ]
    lines += [f"  {remark}" for remark in result.outcome.remarks]
    lines += [f"  failed: {reason}" for reason in result.failed]
    if not result.complete:
        lines.append("  not all of it is there: the same command goes on")
    return "\n".join(part for line in lines for part in wrapped_lines(line, width, indent=6))


def effect_text(finding: Finding) -> str:
    """Return an effect with its interval, over how many data sets, and its p-value."""
    said = f"{_against_text(finding)}, {finding.replicates} data sets"
    if finding.missing:
        said += f" ({finding.missing} without a value)"
    tests = _tests_text(finding)
    return f"{said}; {tests}" if tests else said


def studies_markdown(results: Sequence[StudyResult]) -> str:
    """Return the report of studies as Markdown; figures are the files ``NAME.svg`` beside it."""
    parts = ["# The paper, claim by claim", "", _introduction(results), "", *_markdown_overview(results)]
    for result in results:
        study = result.study
        parts += ["", f"## {study.name}", "", f"**{study.question}**", "", f"- Claim: {study.claim}"]
        parts += [f"- Source: {study.source}.", f"- Rule: {study.rule}", ""]
        parts += [f"![{panel_titles(result)}]({study.name}.svg)", ""]
        parts += ["| verdict | prediction | effect |", "|---|---|---|"]
        for finding, verdict in zip(result.outcome.findings, result.verdicts, strict=True):
            claim = finding.claim + _rival_text(finding)
            parts.append(f"| **{verdict}** | {claim} | {finding.measure}: {effect_text(finding)} |")
        parts += ["", *(f"{remark}\n" for remark in result.outcome.remarks)]
        parts += [f"- Rival, {rival.source}: {rival.says}" for rival in study.rivals]
        parts += ["", "```sh", *commands(result), "```", "", f"Digest of the losses: `{result.digest}`"]
    environment = _environment(results)
    if environment is not None:
        parts += ["", "## Environment", "", *_markdown_table(environment.headings, environment.rows)]
    return "\n".join(parts) + "\n"


def studies_page(results: Sequence[StudyResult]) -> str:
    """Return the report of studies as a page.

    Raises:
        ExperimentError: if matplotlib is not installed.
    """
    return render(
        "studies.html.j2",
        title="The paper, claim by claim",
        subtitle=_introduction(results),
        warnings=[f"{each.study.name}: {reason}" for each in results for reason in each.failed]
        + [f"{each.study.name}: not all points are there" for each in results if not each.complete],
        overview=Table("Verdicts", _OVERVIEW, _overview(results), words=[0]),
        studies=[_page_parts(result) for result in results],
        environment=_environment(results),
        about=about(),
    )


def write_studies(results: Sequence[StudyResult], folder: Path) -> list[Path]:
    """Write the report of studies: a page, and Markdown with its figures; return the files.

    Raises:
        ExperimentError: if matplotlib is not installed.
        RunDirectoryError: if a file cannot be written.
    """
    contents = {
        "report.html": studies_page(results).encode(),
        "report.md": studies_markdown(results).encode(),
    }
    for result in results:
        contents[f"{result.study.name}.svg"] = figure_bytes(draw_study(result), "svg")
    for name, content in contents.items():
        write_bytes(folder / name, content)
    return [folder / name for name in contents]


def draw_study(result: StudyResult) -> Any:
    """Return the figure of a study, its panels side by side.

    Raises:
        ExperimentError: if matplotlib is not installed.
    """
    panels = result.outcome.panels
    columns = min(2, max(1, len(panels)))
    rows = -(-len(panels) // columns)
    with style():
        figure = new_figure(_WIDTH, _HEIGHT * max(1, rows))
        for place, panel in enumerate(panels):
            axes = figure.add_subplot(rows, columns, place + 1)
            _draw(axes, panel)
            axes.set_title(_broken(panel.title), fontsize=9, pad=12 * -(-len(panel.series) // 2) + 6)
    return figure


def commands(result: StudyResult) -> list[str]:
    """Return the shell commands that run the sweeps of a study, and what draws again the rest of it."""
    plans = result.study.parts(result.scale).values()
    return [*map(plan_command, plans), *result.study.redrawn]


def panel_titles(result: StudyResult) -> str:
    """Return what the figure of a study shows."""
    return "; ".join(panel.title for panel in result.outcome.panels)


def _panel_figure(panel: Panel, name: str) -> Figure:
    """Return a panel by itself, as a page has it, whose title is the caption."""
    with style():
        figure = new_figure(_WIDTH / 2, _HEIGHT)
        _draw(figure.add_subplot(), panel)
    return Figure(inline_svg(figure, name, panel.title), panel.title + ".")


def _draw(axes: Any, panel: Panel) -> None:
    """Draw the lines of a panel, without its title."""
    colours, dashes = cycle(COLOURS.values()), cycle((":", "--", "-."))
    for mark, series in zip(cycle(_MARKS), panel.series):
        if series.law:
            axes.plot(
                series.x, series.y[:, 0], linestyle=next(dashes), color=INK, label=figure_text(series.label)
            )
            continue
        estimate, low, high = series.y.T
        reach = [[max(0.0, e - a) if math.isfinite(a) else 0.0 for e, a in zip(estimate, low, strict=True)]]
        reach += [[max(0.0, b - e) if math.isfinite(b) else 0.0 for e, b in zip(estimate, high, strict=True)]]
        axes.errorbar(
            series.x,
            estimate,
            yerr=reach,
            marker=mark,
            markersize=3.5,
            linewidth=1,
            linestyle="-" if panel.ordered else "none",
            capsize=2,
            color=next(colours),
            label=figure_text(series.label),
        )
    if panel.log_x:
        axes.set_xscale("log", base=2)
        _plain_ticks(axes, panel)
    if panel.log_y:
        axes.set_yscale("log")
    if panel.names:
        slanted = {"rotation": 30, "ha": "right"} if len(panel.names) > _LEVEL else {}
        axes.set_xticks(range(len(panel.names)), list(map(figure_text, panel.names)), **slanted)
    else:
        axes.set_xlabel(_broken(panel.x_label))
    axes.set_ylabel(_broken(panel.y_label))
    legend_above(axes)


def _broken(text: str) -> str:
    """Return text in lines that half a figure has room for."""
    return "\n".join(map(figure_text, textwrap.wrap(text, _CHARACTERS)))


def _plain_ticks(axes: Any, panel: Panel) -> None:
    """Put a tick at each value of a logarithmic axis."""
    places = sorted({float(x) for series in panel.series for x in series.x})
    axes.set_xticks(places, [number_text(place) for place in places])
    axes.minorticks_off()


def _introduction(results: Sequence[StudyResult]) -> str:
    scale = results[0].scale if results else "?"
    words = Counter(verdict for result in results for verdict in result.verdicts)
    counts = _counts_text(words)
    studies = "study" if len(results) == 1 else "studies"
    return (
        f"Claims of arXiv 2202.09276, each put to a test that was fixed before anything was drawn. Scale "
        f"{scale}; {len(results)} {studies}; {counts}. All intervals are 95 %, over data sets; the verdicts "
        "of a study are taken together (Holm, 5 %)."
    )


def _overview(results: Sequence[StudyResult]) -> list[tuple[str, ...]]:
    """Return a row for each study: what became of the paper's claim, and of other explanations."""
    return [
        (each.study.name, each.study.question, _paper_verdicts(each), _rival_verdicts(each))
        for each in results
    ]


def _paper_verdicts(result: StudyResult) -> str:
    """Return the verdicts on what the paper says, as words with their numbers."""
    found = zip(result.outcome.findings, result.verdicts, strict=True)
    counts = Counter(verdict for finding, verdict in found if not finding.rival)
    if len(counts) == 1:
        return next(iter(counts))
    return _counts_text(counts) or "nothing found"


def _counts_text(words: Counter[str]) -> str:
    """Return how often each word is there, the most frequent first."""
    return ", ".join(f"{count} {word}" for word, count in words.most_common())


def _rival_verdicts(result: StudyResult) -> str:
    """Return the verdict on each other explanation."""
    found = zip(result.outcome.findings, result.verdicts, strict=True)
    return "; ".join(f"{finding.rival}: {verdict}" for finding, verdict in found if finding.rival) or "-"


def _markdown_overview(results: Sequence[StudyResult]) -> list[str]:
    rows = [(f"[{name}](#{name})", *rest) for name, *rest in _overview(results)]
    return _markdown_table(_OVERVIEW, rows)


def _markdown_table(headings: Sequence[object], rows: Sequence[Sequence[object]]) -> list[str]:
    lines = [headings, ["---"] * len(headings), *rows]
    return [f"| {' | '.join(map(str, line))} |" for line in lines]


def _page_parts(result: StudyResult) -> dict[str, Any]:
    study = result.study
    rows = [
        (
            verdict,
            f"{finding.claim}{_rival_text(finding)}: {finding.measure}",
            _against_text(finding),
            f"{finding.replicates}" + (f" ({finding.missing} without a value)" if finding.missing else ""),
            _tests_text(finding) or "-",
        )
        for finding, verdict in zip(result.outcome.findings, result.verdicts, strict=True)
    ]
    headings = ("verdict", "prediction, and what is measured", "effect [95 %]", "data sets", "tests")
    return {
        "name": study.name,
        "question": study.question,
        "about": (f"Claim: {study.claim}", f"Source: {study.source}.", f"Rule: {study.rule}"),
        "panels": [
            _panel_figure(panel, f"study-{study.name}-{place}")
            for place, panel in enumerate(result.outcome.panels)
        ],
        "findings": Table("What was found", headings, rows, numbers=(2, 4), stacked=True),
        "remarks": result.outcome.remarks,
        "rivals": [f"{rival.source}: {rival.says}" for rival in study.rivals],
        "data": [_data_table(panel, series) for panel in result.outcome.panels for series in panel.series],
        "commands": "\n".join(commands(result)),
        "digest": result.digest,
    }


def _data_table(panel: Panel, series: Series) -> Table:
    rows = [
        (
            panel.names[int(x)] if panel.names else number_text(float(x)),
            _interval_text(Interval(*map(float, y))),
        )
        for x, y in zip(series.x, series.y, strict=True)
    ]
    heading, numbers = ("name", (1,)) if panel.names else (panel.x_label, (0, 1))
    return Table(f"{panel.title}: {series.label}", (heading, panel.y_label), rows, numbers=numbers)


def _interval_text(interval: Interval) -> str:
    if math.isfinite(interval.low) and math.isfinite(interval.high):
        return interval_text(interval)
    return number_text(interval.estimate)


def _against_text(finding: Finding) -> str:
    """Return an effect with its interval, and what it is compared with where that is not 0."""
    against = f" against {number_text(finding.null)}" if finding.null else ""
    return _interval_text(finding.effect) + against


def _tests_text(finding: Finding) -> str:
    """Return each test of a finding with its p-value: what it would show, and how surely; empty for none."""
    null, margin = number_text(finding.null), number_text(finding.margin)
    far = f"more than {margin} from {null}" if finding.expected == "equal" else f"not {null}"
    tests = [(far, finding.p_different), (f"within {margin} of {null}", finding.p_negligible)]
    return ", ".join(f"{shown}: p {_p_text(value)}" for shown, value in tests if not math.isnan(value))


def _p_text(value: float) -> str:
    return "> 0.99" if value > 0.99 else probability_text(value, _SMALLEST_P)


def _rival_text(finding: Finding) -> str:
    return f" (rival: {finding.rival})" if finding.rival else ""


def _environment(results: Sequence[StudyResult]) -> Table | None:
    """Return what the bits depend on, from the first run of the first study."""
    for result in results:
        for part, plan in result.study.parts(result.scale).items():
            for point in result.points.get(part, ()):
                run = result.path / part / point_name(plan.factors, point.settings)
                return environment_table(RunDirectory.open(run).environments)
    return None
