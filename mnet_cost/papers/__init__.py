"""The tables of papers beside our own figures: data from YAML, verdicts from computation."""

from __future__ import annotations

from mnet_cost.papers.load import load_paper, paper_names, tables_of
from mnet_cost.papers.reproduce import TableResult, count_verdicts, reproduce
from mnet_cost.papers.types import Paper, PrintedTable
from mnet_cost.papers.verdict import FAULTS

__all__ = [
    "FAULTS",
    "Paper",
    "PrintedTable",
    "TableResult",
    "count_verdicts",
    "load_paper",
    "paper_names",
    "reproduce",
    "tables_of",
]
