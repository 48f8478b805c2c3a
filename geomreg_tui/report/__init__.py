"""What leaves the program: reports, data files and figures, made from a result. Never imports torch."""

from geomreg_tui.report.command import run_command
from geomreg_tui.report.files import RUN_FORMATS, SWEEP_FORMATS, export_result, export_sweep
from geomreg_tui.report.plots import curve_text, histogram_text
from geomreg_tui.report.results import Result, load_result, result_document, sample
from geomreg_tui.report.runs_compared import RunsCompared, compare_results
from geomreg_tui.report.runs_compared_text import compared_text, draw_compared, export_compared
from geomreg_tui.report.sweep_results import Sweep, load_sweep
from geomreg_tui.report.sweeps import sweep_text
from geomreg_tui.report.text import report_text
from geomreg_tui.report.volumes import volume_from

__all__ = [
    "RUN_FORMATS",
    "SWEEP_FORMATS",
    "Result",
    "RunsCompared",
    "Sweep",
    "compare_results",
    "compared_text",
    "curve_text",
    "draw_compared",
    "export_compared",
    "export_result",
    "export_sweep",
    "histogram_text",
    "load_result",
    "load_sweep",
    "report_text",
    "result_document",
    "run_command",
    "sample",
    "sweep_text",
    "volume_from",
]
