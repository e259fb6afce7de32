"""Values that knobs usually have, from what specs say of them."""

from __future__ import annotations

from typing import Any

import pytest

from mnet_cost import load_model
from mnet_cost.models.types import Knob
from mnet_cost.search.usual_values import usual_values, values_of


@pytest.mark.parametrize(
    ("knob", "values"),
    [
        (Knob("alpha", 1.0), (1.0,)),
        (Knob("alpha", 1.0, published=(1.0,)), (1.0,)),
        (Knob("alpha", 1.0, published=(0.75, 1.0)), (0.75, 0.8, 0.85, 0.9, 0.95, 1.0)),
        (Knob("alpha", 0.92, published=(0.93, 1)), (0.92, 0.93, 0.98, 1)),
        (Knob("resolution", 224, published=(128, 240)), (128, 160, 192, 224, 240)),
        (Knob("depth", 12, published=(24, 32)), (12, 24, 32)),
        (Knob("act", "relu", choices=("relu", "hswish")), ("relu", "hswish")),
        (Knob("towers", 1, choices=(2, 1)), (1, 2)),
        (Knob("pad", "same", published=("same", "valid")), ("same",)),
    ],
)
def test_values_of(knob: Knob, values: tuple[Any, ...]) -> None:
    assert values_of(knob) == values


def test_knobs_of_a_model() -> None:
    values = usual_values(load_model("mobilenet_v1"))
    assert list(values) == ["alpha", "resolution"]
    assert values["resolution"] == (128, 160, 192, 224)
    assert (values["alpha"][0], len(values["alpha"]), values["alpha"][-1]) == (0.25, 16, 1.0)
    assert list(usual_values(load_model("mobilenet_v1@alpha=0.5"))) == ["resolution"]


def test_the_task_is_left_out() -> None:
    assert list(usual_values(load_model("efficientnet"))) == [
        "width", "depth", "resolution", "dropout_rate",
    ]  # fmt: skip
    assert usual_values(load_model("ssd300_vgg16")) == {}


def test_forms_of_one_folded_network_are_not_tried() -> None:
    # what `k` changes is the training of MobileOne, which a folded network does not show
    assert usual_values(load_model("mobileone_s0")) == {}
