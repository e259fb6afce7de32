"""Whole networks of torchvision and timm that have the structure of a network of our library.

Each pair has our name, their name, the size of the image, and by tool the kinds of layers that
their code writes in another form than the convention assumes.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Pair(NamedTuple):
    """A network of our library and the same network of torchvision or timm."""

    ours: str
    theirs: str
    size: int = 224
    other_forms: Mapping[str, str] = MappingProxyType({})
    """By tool, the kinds of layers that are written in another form than the convention assumes,
    separated by blanks. `KIND-but-last`: all layers of the kind but the last."""


def _pooled(*tools: str) -> dict[str, str]:
    return dict.fromkeys(tools, "global_avg_pool")


TORCHVISION: tuple[Pair, ...] = (
    Pair("mobilenet_v2", "mobilenet_v2", 224, _pooled("thop")),
    Pair("mobilenet_v3_large", "mobilenet_v3_large"),
    Pair("mobilenet_v3_small", "mobilenet_v3_small"),
    Pair("resnet18", "resnet18"),
    Pair("resnet50", "resnet50"),
    Pair("densenet121", "densenet121", 224, _pooled("thop")),
    Pair("shufflenet_v2_x1_0", "shufflenet_v2_x1_0", 224, _pooled("thop", "fvcore")),
    Pair("squeezenet1_0", "squeezenet1_0"),
    Pair("squeezenet1_1", "squeezenet1_1"),
    Pair("efficientnet_b0", "efficientnet_b0"),
    Pair("googlenet", "googlenet"),
    Pair("inception_v3", "inception_v3", 299, {"thop": "avg_pool2d"}),
    Pair("regnet_x_400mf", "regnet_x_400mf"),
    Pair("regnet_y_400mf", "regnet_y_400mf"),
    Pair("mnasnet_b1", "mnasnet1_0", 224, _pooled("thop", "fvcore")),
    Pair("convnext_tiny", "convnext_tiny", 224, {"torchinfo": "conv2d"}),
    Pair("vit_b_16", "vit_b_16"),
)

TIMM: tuple[Pair, ...] = (
    Pair("mobilenet_v1", "mobilenetv1_100"),
    Pair("mobilenet_v2", "mobilenetv2_100"),
    Pair("mobilenet_v3_large", "mobilenetv3_large_100", 224,
         {"timm": "global_avg_pool-but-last"}),
    Pair("resnet18", "resnet18"),
    Pair("resnet50", "resnet50"),
    Pair("densenet121", "densenet121"),
    Pair("efficientnet_b0", "efficientnet_b0", 224, {"timm": "global_avg_pool-but-last"}),
    Pair("efficientnet_lite0", "efficientnet_lite0"),
    Pair("regnet_y_400mf", "regnety_004", 224, {"timm": "global_avg_pool-but-last"}),
    Pair("mnasnet_b1", "mnasnet_100"),
    Pair("mnasnet_a1", "semnasnet_100", 224, {"timm": "global_avg_pool-but-last"}),
    Pair("mobilenet_v4_conv_small", "mobilenetv4_conv_small"),
    Pair("vit_b_16", "vit_base_patch16_224"),
    Pair("convnext_tiny", "convnext_tiny"),
    Pair("vgg11", "vgg11"),
)  # fmt: skip
