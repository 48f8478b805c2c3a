"""What leaves the program: text reports, data files and figures, made from a result. Never imports torch."""

from geomreg_tui.export.figures import write_figure
from geomreg_tui.export.files import export_result, write_json_file
from geomreg_tui.export.plots import curve_text, histogram_text
from geomreg_tui.export.report import report_text
from geomreg_tui.export.results import Result, load_result, result_document, sample
from geomreg_tui.export.sweeps import sweep_document, sweep_text

__all__ = [
    "Result",
    "curve_text",
    "export_result",
    "histogram_text",
    "load_result",
    "report_text",
    "result_document",
    "sample",
    "sweep_document",
    "sweep_text",
    "write_figure",
    "write_json_file",
]
