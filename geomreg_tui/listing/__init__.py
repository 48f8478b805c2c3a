"""All on disk as one list, runs, sweeps and folders of sweeps: found by name, described, filtered, sorted."""

from geomreg_tui.listing.conditions import Condition, parse_condition
from geomreg_tui.listing.entries import GROUPS, delete_entry, find, find_any, list_all, run_paths, status_of
from geomreg_tui.listing.findings import Findings, read_findings
from geomreg_tui.listing.order import parse_order, sort_rows
from geomreg_tui.listing.row import KEYS, Row, read_row

__all__ = [
    "GROUPS",
    "KEYS",
    "Condition",
    "Findings",
    "Row",
    "delete_entry",
    "find",
    "find_any",
    "list_all",
    "parse_condition",
    "parse_order",
    "read_findings",
    "read_row",
    "run_paths",
    "sort_rows",
    "status_of",
]
