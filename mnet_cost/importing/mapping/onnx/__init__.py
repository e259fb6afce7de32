"""The operators of ONNX: a rule for each reads its attributes and calls the family."""

from __future__ import annotations

from mnet_cost.importing.mapping.mapper import Table
from mnet_cost.importing.mapping.onnx import arithmetic, layers, shapes

_CONTROL_FLOW = "is control flow, and what it costs depends on values"

TABLE = Table(
    rules={**layers.RULES, **arithmetic.RULES, **shapes.RULES},
    refused=dict.fromkeys(
        ("If", "Loop", "Scan"), "is control flow, and what it costs depends on values"
    ),
)
