"""Every node case of the package onnx through reader and mapping, and what it counts."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("onnx")

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks" / "importing"))

from onnx_files import node_cases
from onnx_nodes import known_operators, results

CASES = 1884
"""Of onnx 1.23."""
LEAST_EXACT = 1275
LEAST_KNOWN = 140


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
