"""EfficientFormer-L1 against timm's module, and by hand."""

from __future__ import annotations

import pytest

from mnet_cost.analysis import Analysis, analyze
from mnet_cost.models.library import load_model


def cost(resolution: int) -> Analysis:
    model = load_model("efficientformer_l1")
    return analyze(model.spec, {**model.knobs, "resolution": resolution})


@pytest.mark.parametrize(("resolution", "mult_adds"), [(224, 1_291_284_736), (208, 1_171_140_352)])
def test_mult_adds_and_params(resolution: int, mult_adds: int) -> None:
    """Those of convolutions, linear layers and products that timm 1.0.31's efficientformer_l1 runs
    on the meta device (a TorchDispatchMode). timm's own tables have 7x7 positions, which both
    sizes give."""
    analysis = cost(resolution)
    assert analysis.totals.mult_adds == mult_adds
    assert analysis.totals.params == 12_289_928
    assert analysis.totals.buffers == 31_920


def test_attention_is_as_in_levit() -> None:
    """49 positions, 8 heads of 32 features for queries and keys and 128 for values."""
    (attention,) = (
        layer
        for layer in cost(224).layers
        if layer.step.layer.kind == "scaled_dot_product_attention"
    )
    assert attention.mult_adds == 49 * 49 * (8 * 32 + 8 * 128)
    assert attention.vector_ops == 7 * 8 * 49 * 49  # 6 for each score, and the addition of its bias
    (table,) = (
        layer for layer in cost(224).layers if layer.step.layer.kind == "relative_position_bias"
    )
    assert table.params == 8 * 49
