"""The operators of torch.export: a rule for each reads its arguments and calls the family."""

from __future__ import annotations

from mnet_cost.importing.mapping.aten import arithmetic, layers, positions, recurrent, shapes
from mnet_cost.importing.mapping.mapper import Table

_CONTROL_FLOW = "is control flow, and what it costs depends on values"

TABLE = Table(
    rules={
        **layers.RULES,
        **arithmetic.RULES,
        **shapes.RULES,
        **positions.RULES,
        **recurrent.RULES,
    },
    refused=dict.fromkeys(
        (
            "higher_order.cond",
            "higher_order.while_loop",
            "higher_order.map_impl",
            "higher_order.scan",
            "higher_order.associative_scan",
        ),
        _CONTROL_FLOW,
    ),
)
