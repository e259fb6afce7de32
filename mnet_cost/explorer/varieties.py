"""Varieties of layers: kinds of work that take time in ways of their own, each with a colour."""

from __future__ import annotations

from mnet_cost.layers import FAMILIES
from mnet_cost.network import Step


def variety_of(step: Step) -> str:
    """`1x1`, `depthwise`, `convolution`, `linear`, `product`, `recurrent`, `pooling` or `other`.

    A product is one of tensors that both depend on the input: attention, `matmul`. A whole
    `attention` layer is one, with its projections.
    """
    layer = step.layer
    if layer.effort == "pooling":
        return "pooling"
    if layer.kind in FAMILIES["Recurrent layers"]:
        return "recurrent"
    if layer.kind == "matmul" or layer.kind in FAMILIES["Attention"]:
        return "product"
    if layer.effort == "linear":
        return "linear"
    if layer.kind.startswith("depthwise"):
        return "depthwise"
    if layer.kind in FAMILIES["Convolutions"]:
        return "1x1" if layer.variety().endswith(" 1x1") else "convolution"
    return "other"
