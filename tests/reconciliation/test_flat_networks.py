"""Numbers of tools for networks in which each layer has a line of its own, as imported ones do.

The numbers are what the tools printed for timm 1.0.31 and torchvision 0.29.1; the modules of these
have classes that thop and torchinfo do not count.
"""

from __future__ import annotations

from functools import cache

import pytest
from flat_specs import flat_document, flat_spec

from mnet_cost.models.library import load_model
from mnet_cost.network import Network, elaborate
from mnet_cost.reconciliation.figures import read_figure
from mnet_cost.reconciliation.search import reconcile_network

LINEAR = "linear layers of a class derived from nn.Linear at nothing"
NORM = "batch-norm of a class derived from nn.BatchNorm2d at nothing"
HELD = "batch-norm of a module that holds its activation at nothing"
THOP_MEAN = "global_avg_pool as a function or a mean, not nn.AdaptiveAvgPool2d"
FVCORE_MEAN = "global_avg_pool as a mean, not adaptive_avg_pool2d"
THOP_POOL = "adaptive average pooling at 1 per input and output"
FVCORE_POOL = "adaptive average pooling at 1 per input"


@cache
def flat(reference: str) -> Network:
    """A network of the library, with a line for each layer."""
    model = load_model(reference)
    return elaborate(flat_spec(flat_document(elaborate(model.spec, model.knobs))))


NUMBERS: list[tuple[str, str, dict[str, int], dict[str, int]]] = [
    (
        "mobilenet_v3_large",
        "fvcore=225436416",
        {"batch-norm at 2 per element": 8_799_616, FVCORE_POOL: 47_040},
        {FVCORE_MEAN: 8},
    ),
    (
        "mobilenet_v3_large",
        "thop=215357760",
        {THOP_POOL: 48_000, LINEAR: -1_280_000},
        {THOP_MEAN: 8, NORM: 0},
    ),
    ("mobilenet_v3_large", "torchinfo=216597120", {"bias at 1 per output": 7_360}, {HELD: 0}),
    (
        "ghostnet",
        "fvcore=148273936",
        {"batch-norm at 2 per element": 7_076_384, FVCORE_POOL: 47_040},
        {FVCORE_MEAN: 7},
    ),
    (
        "ghostnet",
        "thop=153883120",
        {"batch-norm at 4 per element": 13_964_608, THOP_POOL: 48_000, LINEAR: -1_280_000},
        {THOP_MEAN: 7, NORM: 1},
    ),
    (
        "ghostnet",
        "torchinfo=141177764",
        {"bias at 1 per output": 7_204, "batch-norm params, once": 20_048},
        {HELD: 1},
    ),
    (
        "efficientnet_lite",
        "thop=367635072",
        {
            THOP_POOL: 64_000,
            "convolutions of a class derived from nn.Conv2d at nothing": -17_616_480,
        },
        {NORM: 0},
    ),
    (
        "convnext:convnext_tiny",
        "thop=4464149760",
        {
            THOP_POOL: 38_400,
            "layer norm at 4 per element, for layer_norm that thop leaves open": 8_580_096,
        },
        {"layer norm of a class derived from nn.LayerNorm at nothing": 1},
    ),
    (
        "convnext:convnext_tiny",
        "torchinfo=322371592",
        {
            "bias at 1 per output": 2_710_504,
            "params of norms, once": 16_320,
            "conv2d as nn.Linear over positions, not nn.Conv2d": -4_135_886_496,
        },
        {},
    ),
    (
        "swin:swin_t",
        "torchinfo=34368232",
        {
            "bias at 1 per output": 302_056,
            "params of norms, once": 24_768,
            "nn.MultiheadAttention at nothing": -1_527_407_616,
            "conv2d as nn.Linear over positions, not nn.Conv2d": -2_757_257_664,
            "linear layers over positions, without bias, at one of them": -171_859_968,
        },
        {},
    ),
    (
        "mobilevit:mobilevit_s",
        "thop=1828386432",
        {
            "layer norm at 4 per element": 5_148_672,
            THOP_POOL: 41_600,
            "attention as linear layers and functions, not nn.MultiheadAttention": -177_635_328,
        },
        {NORM: 0},
    ),
    (
        "mobilevit:mobilevit_s",
        "torchinfo=1104653096",
        {
            "bias at 1 per output": 1_000,
            "layers over sequences at their params for each sequence": -896_179_392,
        },
        {HELD: 0},
    ),
]


@pytest.mark.parametrize(("reference", "number", "causes", "uncounted"), NUMBERS)
def test_what_a_tool_printed(
    reference: str, number: str, causes: dict[str, int], uncounted: dict[str, int]
) -> None:
    """Each cause, and how many of the layers of its kind are counted at nothing (0: all)."""
    network = flat(reference)
    (reconciled,) = reconcile_network(network, [read_figure(number)]).figures
    best = reconciled.best
    assert (best.verdict, best.conventions) == ("exact", (number.partition("=")[0],))
    assert {cause.what: cause.mult_adds for cause in best.causes} == causes
    assert {cause.what: len(cause.layers) for cause in best.uncounted} == uncounted
    assert all(cause.mult_adds for each in reconciled.explanations for cause in each.causes)


def test_another_number_is_not_explained_by_modules() -> None:
    numbers = [f"thop={215_357_760 + off}" for off in (-7, -1, 1, 4096, 123_456)]
    result = reconcile_network(flat("mobilenet_v3_large"), [read_figure(text) for text in numbers])
    assert [each.best.verdict for each in result.figures] == 5 * ["unexplained"]
