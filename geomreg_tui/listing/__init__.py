"""Everything on disk as one list, runs and sweeps: found by name, described, filtered and sorted."""

from geomreg_tui.listing.conditions import Condition, parse_condition
from geomreg_tui.listing.entries import delete_entry, find, list_all
from geomreg_tui.listing.findings import Findings, read_findings
from geomreg_tui.listing.order import parse_order, sort_rows
from geomreg_tui.listing.row import KEYS, Row, read_row

__all__ = [
    "KEYS",
    "Condition",
    "Findings",
    "Row",
    "delete_entry",
    "find",
    "list_all",
    "parse_condition",
    "parse_order",
    "read_findings",
    "read_row",
    "sort_rows",
]
