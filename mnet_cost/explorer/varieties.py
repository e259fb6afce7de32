"""Varieties of layers: kinds of work that take time in ways of their own, each with a colour."""

from __future__ import annotations

from mnet_cost.network import Step


def variety_of(step: Step) -> str:
    """`1x1`, `depthwise`, `convolution`, `linear`, `pooling` or `other`."""
    layer = step.layer
    if layer.effort == "pooling":
        return "pooling"
    if layer.effort in ("linear", "matmul"):
        return "linear"
    if layer.kind.startswith("depthwise"):
        return "depthwise"
    if layer.effort == "convolution":
        return "1x1" if layer.variety().endswith(" 1x1") else "convolution"
    return "other"
