"""Random models side by side: a report in every format, whatever the networks have none of."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from random_specs import specs

from mnet_cost.analysis import analyze
from mnet_cost.devices import load_device
from mnet_cost.errors import MnetCostError
from mnet_cost.models.dump import dump_data
from mnet_cost.models.load import parse_spec
from mnet_cost.report import FORMATS, render
from mnet_cost.report.compare import compare_report
from mnet_cost.report.rows import Grain

GRAINS: tuple[Grain, ...] = ("layer", "block", "kind")
DEVICES = tuple(map(load_device, ("pixel_1_tflite", "pixel_3_tflite_gpu", "h100", "coral_usb")))


@settings(max_examples=40)
@given(specs(), specs())
def test_random_networks_are_compared(first: dict[str, Any], other: dict[str, Any]) -> None:
    for devices in ((), DEVICES):
        try:
            models = [parse_spec(dump_data(data)) for data in (first, other)]
            analyses = [analyze(model, devices=devices) for model in models]
        except MnetCostError:
            return  # sizes that do not fit
        for by in GRAINS:
            report = compare_report(["first", "other"], analyses, by)
            texts = {form: render(report, form) for form in FORMATS}
            assert all(texts.values())
            assert json.loads(texts["json"])["baseline"] == "first"
