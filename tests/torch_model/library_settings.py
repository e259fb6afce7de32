"""Values of knobs that the networks of the library are compared with torch at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mnet_cost.models.catalog import Listed, read_catalog
from mnet_cost.models.library import model_names, variants_of
from mnet_cost.models.types import ModelSpec

Knobs = dict[str, Any]

EVERYWHERE: tuple[Knobs, ...] = (
    {"resolution": 65, "classes": 7},
    {"resolution": 97, "alpha": 0.35, "batch": 2},
    {"resolution": 33, "alpha": 1.3, "rho": 1.2},
)
"""For each spec those of the knobs that it has."""

OWN: Mapping[str, tuple[Knobs, ...]] = {
    "alexnet": ({"towers": 2, "with_lrn": True, "resolution": 131},),
    "autoencoder": ({"inputs": 129, "hidden": 33, "batch": 2}, {"depth": 1, "bottleneck": 3}),
    "convnext": ({"width": 24, "depth": 2, "resolution": 101},),
    "deeplabv3_mobilenet_v2": ({"s4": 1, "head": 31},),
    "deeplabv3_mobilenet_v3_large": ({"dilation": 1, "reduction": 2},),
    "densenet": ({"growth": 11, "compression": 0.37, "n3": 2, "n4": 3, "resolution": 129},),
    "ds_cnn": ({"filters": 17, "frames": 33, "batch": 2}, {"depth": 2, "classes": 7}),
    "efficientnet": ({"width": 0.7, "depth": 1.3},),
    "efficientnet_lite": ({"width": 0.7, "depth": 1.3},),
    "faster_rcnn_mobilenet_v1": ({"alpha": 0.35, "regions": 5, "crop": 7},),
    "faster_rcnn_mobilenet_v3_large_fpn": (
        {"regions": 11, "resolution": 321},
        {"regions": 20, "resolution": 97, "classes": 7},
    ),
    "faster_rcnn_resnet50_fpn": ({"regions": 11, "resolution": 321},),
    "faster_rcnn_vgg16": ({"regions": 11, "resolution": 161},),
    "fastvit": (
        {"c": 16, "n3": 2, "expand": 2, "folded": False, "attention": True},
        {"c": 20, "n": 1, "resolution": 97},
    ),
    "ghostnet": ({"alpha": 0.37, "ratio": 3, "se_ratio": 0.1},),
    "googlenet": ({"five": 5, "norm": False, "pool4": 3},),
    "inception_v3": ({"training": True, "resolution": 301}, {"resolution": 131, "classes": 7}),
    "lenet5": ({"classes": 7}, {"batch": 3}),
    "lraspp_mobilenet_v3_large": ({"dilation": 1, "reduction": 2, "head": 65},),
    "mobileone": (
        {"folded": False, "se": True, "a1": 0.4},
        {"folded": False, "k": 1, "resolution": 65},
    ),
    "mobilenet_v3_large": ({"largest_kernel": 3},),
    "mobilenet_v3_small": ({"features": 100},),
    "mixer": ({"patch": 8, "depth": 2, "hidden": 60, "channels": 33, "tokens": 17},),
    "mobilevit": ({"patch": 3, "expand": 1.5, "d3": 60, "heads": 5, "d4": 20, "d5": 15},),
    "nasnet_mobile": ({"penultimate": 528, "stem": 16},),
    "regnet": ({"g": 4, "w1": 24, "d4": 2},),
    "repvgg": (
        {"a": 0.25, "b": 0.5, "n4": 3, "groups": 2, "se": True, "resolution": 65},
        {"a": 0.25, "b": 0.5, "n4": 4, "groups": 2, "folded": False, "resolution": 65},
    ),
    "resnet": ({"groups": 4, "width": 20, "n4": 2},),
    "resnet8": ({"filters": 9},),
    "shufflenet_v2": ({"authors": True},),
    "smollm2": (
        {"tokens": 17, "depth": 2, "hidden": 60, "heads": 6, "kv_heads": 3, "mlp": 33},
        {"tokens": 5, "depth": 1, "hidden": 48, "heads": 4, "kv_heads": 1, "vocabulary": 50},
    ),
    "ssd300_inception_v2": ({"head": 3},),
    "ssd300_vgg16": (
        {"detections": 7, "resolution": 273},
        {"classes": 7, "resolution": 331, "batch": 2},
    ),
    "ssdlite320_mobilenet_v3_large": ({"divider": 1, "first": 4},),
    "swin": ({"channels": 24, "depth": 2, "window": 4, "resolution": 75},),
    "unet": (
        {"width": 4, "resolution": 205},
        {"width": 5, "padding": 1, "norm": True, "colors": 3, "resolution": 75},
    ),
    "vgg": ({"n1": 1, "norm": True},),
    "vit": ({"patch": 7, "depth": 2, "hidden": 60, "mlp": 33, "heads": 5},),
}
"""Settings of knobs that a single spec has."""

TOO_SMALL: Mapping[str, int] = {
    "alexnet": 1,
    "faster_rcnn_inception_v2": 1,
    "faster_rcnn_mobilenet_v1": 1,
    "faster_rcnn_mobilenet_v3_large_fpn": 3,
    "faster_rcnn_resnet50_fpn": 1,
    "faster_rcnn_vgg16": 2,
    "inception_v3": 2,
    "ssd300_vgg16": 3,
    "unet": 3,
}
"""How many of its settings a spec refuses: images that become smaller than a window on the way, or
that have fewer anchors than boxes are to be kept."""


def structures() -> tuple[Listed, ...]:
    """The networks of the library but for variants that set knobs alone.

    Those are the network of their file at other numbers, of which each file has its own here;
    `benchmarks/torch_oracle.py --library` takes them all.
    """
    return tuple(network for network in read_catalog().networks if not _sets_knobs_alone(network))


def _sets_knobs_alone(network: Listed) -> bool:
    if network.variant is None:
        return False
    return set(variants_of(network.root)[network.variant].value) == {"knobs"}


def families() -> tuple[str, ...]:
    """The files of the library."""
    return model_names()


def settings_of(spec: ModelSpec) -> list[Knobs]:
    """The settings for a spec, each once."""
    settings: list[Knobs] = []
    known = {*spec.knobs, "batch"}
    for knobs in (*EVERYWHERE, *OWN.get(spec.name, ())):
        there = {name: value for name, value in knobs.items() if name in known}
        if there and there not in settings:
            settings.append(there)
    return settings
