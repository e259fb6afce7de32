"""Every node case of the package onnx through reader and mapping, and what it counts."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("onnx")

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks" / "importing"))

from onnx_files import node_cases
from onnx_mutations import failures
from onnx_nodes import known_operators, results

CASES = 1884
"""Of onnx 1.23."""
LEAST_EXACT = 1523
LEAST_KNOWN = 171


def test_every_case_is_exact_or_has_a_reason() -> None:
    cases = list(node_cases())
    made = list(results(cases, has_batch=False))
    bad = [result for result in made if result.outcome in ("wrong", "crashed")]
    assert bad == []
    assert all(result.reason for result in made if result.outcome != "exact")
    if len(cases) >= CASES:
        assert Counter(result.outcome for result in made)["exact"] >= LEAST_EXACT
        assert len(known_operators(made)[0]) >= LEAST_KNOWN
    with_batch = results(cases, has_batch=True)
    assert [result for result in with_batch if result.outcome in ("wrong", "crashed")] == []


def test_changed_cases_end_with_a_graph_or_an_error() -> None:
    counts, wrong = failures(list(node_cases()), 500, seed=7)
    assert wrong == []
    assert counts["read"] > 150
    assert counts["refused"] > 150
