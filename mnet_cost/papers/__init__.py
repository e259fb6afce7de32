"""Printed tables of papers beside our own figures, with computed verdicts.

`load` reads the tables from YAML, `reproduce` computes our figures: `counting` has the countings of
quantities, `properties` the words of tables of layers, and `verdict` compares.
"""

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
