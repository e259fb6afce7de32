"""Rows of the CSV files beside this one: figures of reference implementations."""

from __future__ import annotations

import csv
from pathlib import Path


def rows(file: str) -> list[dict[str, str]]:
    """The rows of `file`, a mapping from column to text each.

    `spec` is the model of the library that a row is about, `params_spec` the one that its params
    are those of, where it is another.
    """
    with (Path(__file__).parent / file).open(newline="") as lines:
        table = list(csv.DictReader(lines))
    for row in table:
        row["params_spec"] = row.get("params_spec") or row["spec"]
    return table
