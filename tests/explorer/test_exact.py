"""The page's engine gives the numbers of the analysis at every setting of its sliders."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import pytest
from engine import Comparison, needs_node, replay

from mnet_cost.devices.choice import choose_devices
from mnet_cost.errors import MnetCostError
from mnet_cost.explorer.device_knobs import with_factors
from mnet_cost.explorer.document import Asked, Explored, explore_document
from mnet_cost.explorer.recorded import outline_costs
from mnet_cost.models.library import load_model
from mnet_cost.network import elaborate

pytestmark = needs_node

FACTORS = ("macs", "bandwidth", "launch")
FIVE = ("pixel_1", "raspberry_pi_4_ncnn", "stm32l4r5_tflm", "jetson_nano", "pixel_3_tflite_gpu")


def settings_in(page: Mapping[str, Any], count: int) -> list[dict[str, Any]]:
    """So many settings of the controls of the first model, the same ones each time."""
    chance = random.Random(1)
    settings: list[dict[str, Any]] = [{}]
    while len(settings) < count:
        setting = {}
        for knob in page["models"][0]["knobs"]:
            if knob["control"] == "fixed" or chance.random() < 0.4:
                continue
            if knob["control"] == "select":
                setting[knob["name"]] = chance.choice(knob["values"])
            else:
                steps = chance.randint(0, round((knob["max"] - knob["min"]) / knob["step"]))
                value = knob["min"] + steps * knob["step"]
                setting[knob["name"]] = round(value) if knob["whole"] else round(value, 6)
        settings.append(setting)
    return settings


def compared(name: str, devices: tuple[str, ...], count: int) -> tuple[Comparison, int, int]:
    """The comparison at so many settings, how many the page knows, and how many break."""
    model = load_model(name)
    profiles = choose_devices(devices)
    asked = Asked(profiles, devices)
    page = explore_document([Explored(name, name, model)], asked)
    asked_settings = [
        (setting, page["precisions"][i % len(page["precisions"])])
        for i, setting in enumerate(settings_in(page, count))
    ]
    comparison, known, broken = Comparison(), 0, 0
    numbers = replay(page, asked_settings)
    for (setting, precision), shown in zip(asked_settings, numbers, strict=True):
        factors = {name: setting[name] for name in setting if name in FACTORS}
        knobs = {name: setting[name] for name in setting if name not in FACTORS}
        try:
            changed = with_factors(profiles, precision, factors)
            network = elaborate(model.spec, {**model.knobs, **knobs})
        except MnetCostError:
            assert shown is None, f"{setting} breaks, and the page has numbers"
            broken += 1
            continue
        if shown is not None:
            known += 1
            names = [step.name for step in network.steps]
            comparison.outline(shown, outline_costs(network, changed, precision), names)
    return comparison, known, broken


@pytest.mark.parametrize(
    ("name", "count", "least"),
    [
        ("mobilenet_v1", 600, 0.99),
        ("mobilenet_v2", 60, 0.99),
        ("googlenet", 40, 0.25),
        ("lenet5", 60, 0.99),
        ("vit_b_16", 60, 0.5),
    ],
)
def test_numbers_are_those_of_the_analysis(name: str, count: int, least: float) -> None:
    comparison, known, broken = compared(name, FIVE, count)
    print(
        f"{name}: {known} of {count - broken} settings, {comparison.integers} integers, "
        f"{comparison.floats} floats off by {comparison.worst:.1e} at most, "
        f"{comparison.unknown} unknown"
    )
    assert known >= least * (count - broken)
    assert comparison.integers > 100 * known


@pytest.mark.parametrize(
    "name",
    [
        "alexnet", "autoencoder", "blazeface_front", "convnext_tiny", "deeplabv3_mobilenet_v2",
        "ds_cnn", "efficientformer_l1", "efficientnet_b0", "faster_rcnn_mobilenet_v1",
        "ghostnet_100", "lcnet_100", "mcunet_in0", "mixer_b16", "mnasnet_a1",
        "mobilenet_v3_small", "mobilenet_v4_conv_small", "nasnet_mobile", "resnet8",
        "shufflenet_v2_x1_0", "squeezenet1_1", "ssdlite320_mobilenet_v2", "unet", "yolov8n",
    ],
)  # fmt: skip
def test_numbers_of_other_networks_are_those_of_the_analysis(name: str) -> None:
    comparison, known, _ = compared(name, ("pixel_1", "jetson_nano", "stm32l4r5_tflm"), 5)
    assert known >= 1
    assert comparison.integers > 100
