"""Which runtime a table is fitted as: that of its name, unless its times speak for another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from test_calibrate import measurement

from mnet_cost.analysis import analyze
from mnet_cost.devices import DeviceProfile, Sourced
from mnet_cost.devices.coefficients import shared_coefficients
from mnet_cost.devices.latency_models import CoefficientFit
from mnet_cost.devices.rules import DEFAULT_KERNEL_RULES, RUNTIME_RULES
from mnet_cost.devices.terms import TERM_NAMES
from mnet_cost.measure.calibrate import calibrate
from mnet_cost.measure.fit_rows import measured_times
from mnet_cost.measure.measurements import Measurement
from mnet_cost.measure.networks import kernels_of
from mnet_cost.measure.settings import Setting, own_setting, settings_to_try
from mnet_cost.measure.trials import choose_trial, trial_of
from mnet_cost.models.library import load_model

NETWORKS = (
    ("resnet18@resolution=64", "ResNet"),
    ("mobilenet_v2@resolution=96", "IR"),
    ("squeezenet1_1@resolution=96", "SqueezeNet"),
    ("resnet34@resolution=64", "ResNet"),
    ("vgg@resolution=64", "VGG"),
    ("mobilenet_v1@resolution=96", "V1"),
    ("resnet8", "ResNet"),
    ("ds_cnn", "DS-CNN"),
)
UNKNOWN = "an-engine"
"""Nothing is known of a runtime of this name."""
TILES = Setting(UNKNOWN, DEFAULT_KERNEL_RULES, "ncnn")
PLAIN = Setting("tflite", RUNTIME_RULES["tflite"], "tflite")


def times_under(setting: Setting) -> list[Measurement]:
    """Times of a device that runs so, with errors of 3 % as measurements have them."""
    shared = shared_coefficients(setting.shared)
    variances = (0.01, *[0.01] * len(TERM_NAMES))
    fit = CoefficientFit(
        scale_s=Sourced(value=50e-12, source="made up", basis="assumed"),
        deviations={},
        covariance=tuple((0.0,) * i + (variance,) for i, variance in enumerate(variances)),
        spread=shared.measured,
        shared=setting.shared,
    )
    device = DeviceProfile(
        name="x", title="x", basis="fitted", runtime=UNKNOWN, threads=1, compute={}, memory=(),
        kernel_rules=setting.rules, latency={"fp32": fit},
    )  # fmt: skip
    errors = np.random.default_rng(5).normal(0.0, 0.03, len(NETWORKS))
    rows = []
    for (model, family), error in zip(NETWORKS, errors, strict=True):
        seconds = analyze(load_model(model), devices=[device]).devices[0].latency_s
        assert seconds is not None
        row = measurement(0, seconds * math.exp(error), model=model, family=family)
        rows.append(replace(row, runtime=UNKNOWN))
    return rows


def chosen(rows: Sequence[Measurement]) -> tuple[frozenset[str] | None, str, tuple[str, ...]]:
    """Rules, shared coefficients and notes of the fit of cost coefficients."""
    calibration = calibrate(rows, form="coefficients", source="a test", lenient=True)
    assert isinstance(calibration.fit, CoefficientFit)
    return calibration.kernel_rules, calibration.fit.shared, calibration.notes


@pytest.fixture(scope="module")
def with_tiles() -> list[Measurement]:
    return times_under(TILES)


@pytest.fixture(scope="module")
def without_tiles() -> list[Measurement]:
    return times_under(PLAIN)


def test_the_own_setting_is_kept_where_it_is_right(with_tiles: list[Measurement]) -> None:
    rules, shared, notes = chosen(with_tiles)
    assert (rules, shared) == (DEFAULT_KERNEL_RULES, "ncnn")
    assert not any("fitted as for" in note for note in notes)


def test_another_setting_is_taken_where_times_speak_for_it(
    without_tiles: list[Measurement],
) -> None:
    rules, shared, notes = chosen(without_tiles)
    assert rules is not None
    assert "winograd" not in rules
    assert shared == "tflite"
    (note,) = [note for note in notes if note.startswith("fitted as for ")]
    assert note.startswith("fitted as for tflite: what was left out was ")
    assert f"and as for {UNKNOWN} " in note
    known = [replace(row, runtime="tflite") for row in without_tiles]
    assert not any("fitted as for" in note for note in chosen(known)[2])


def test_three_networks_decide_nothing(without_tiles: list[Measurement]) -> None:
    rules, shared, notes = chosen(without_tiles[:3])
    assert (rules, shared) == (DEFAULT_KERNEL_RULES, "ncnn")
    assert not any("fitted as for" in note for note in notes)


def test_networks_are_counted_and_not_rows(without_tiles: list[Measurement]) -> None:
    again = [replace(row, run=f"run {i}") for i in range(3) for row in without_tiles[:3]]
    assert chosen(again)[0] == DEFAULT_KERNEL_RULES


def test_rules_that_are_stated_are_the_only_ones(without_tiles: list[Measurement]) -> None:
    calibration = calibrate(
        without_tiles, rules=DEFAULT_KERNEL_RULES, form="coefficients", lenient=True
    )
    assert calibration.kernel_rules == DEFAULT_KERNEL_RULES


def test_what_is_left_out_says_nothing_of_the_setting(without_tiles: list[Measurement]) -> None:
    """The choice is that of the rows of the mask, whatever the others took."""
    rows = tuple(without_tiles)
    trials = []
    for setting in (TILES, PLAIN):
        under = measured_times(rows, kernels_of(rows, setting.rules), None, "a test")
        trials.append(trial_of(under, setting, 1, shared_coefficients(setting.shared)))
    measured = measured_times(rows, kernels_of(rows, TILES.rules), None, "a test")
    everything = np.ones(len(rows), dtype=bool)
    choice = choose_trial(trials, measured, everything)
    assert choice.place == 1
    assert choice.error < 0.85 * choice.own_error
    few = everything.copy()
    few[3:] = False
    assert choose_trial(trials, measured, few).place == 0
    seen = everything.copy()
    seen[3] = False  # of the ResNets, of which two more are seen
    before = choose_trial(trials, measured, seen)
    measured.seconds[3] *= 100
    after = choose_trial(trials, measured, seen)
    assert (after.place, after.error, after.own_error) == (
        before.place, before.error, before.own_error,
    )  # fmt: skip


def test_the_setting_that_follows_from_a_name() -> None:
    assert own_setting("an-engine", "phone", "out_of_order", "fp32") == Setting(
        "an-engine", DEFAULT_KERNEL_RULES, "ncnn"
    )
    assert own_setting("", None, None, "fp32").words == "a runtime of no name"
    # At int8 more is known of TensorFlow Lite.
    assert own_setting("an-engine", "phone", "in_order", "int8").shared == "tflite"
    assert own_setting("ncnn", "phone", "in_order", "int8") == Setting(
        "ncnn", RUNTIME_RULES["ncnn"], "ncnn"
    )
    assert own_setting("tflite-xnnpack", "phone", None, "fp32") == Setting(
        "tflite-xnnpack", RUNTIME_RULES["tflite"], "tflite"
    )
    # ONNX Runtime was measured on cores with large caches alone.
    assert own_setting("onnxruntime", "server", None, "fp32").shared == "onnxruntime"
    assert own_setting("onnxruntime", "phone", "out_of_order", "fp32").shared == "ncnn"
    stated = own_setting("tflite", "phone", None, "fp32", frozenset(("in_place",)))
    assert stated == Setting("tflite", frozenset(("in_place",)), "tflite")


def test_settings_to_try() -> None:
    tried = settings_to_try(TILES)
    assert tried[0] is TILES
    pairs = [(setting.rules, setting.shared) for setting in tried]
    assert len(set(pairs)) == len(pairs) == 8
    # What a runtime has of its own is tried once, under its own name.
    own = own_setting("tflite-xnnpack", "phone", "in_order", "fp32")
    tried = settings_to_try(own)
    assert tried[0] is own
    assert len(tried) == 7
    assert "tflite" not in [setting.words for setting in tried]
    assert {setting.shared for setting in tried} == {
        "ncnn", "tflite", "onnxruntime", "torch-compile",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("runtime", "device_class", "pipeline"),
    [
        ("tflm", "microcontroller", "in_order"),
        ("stedgeai", "microcontroller", "scalar"),
    ],
)
def test_a_board_is_like_no_processor(
    runtime: str, device_class: str, pipeline: str | None
) -> None:
    own = own_setting(runtime, device_class, pipeline, "int8")
    assert settings_to_try(own) == (own,)


@pytest.mark.parametrize(("runtime", "device_class"), [("qnn", "phone"), ("an-engine", "gpu")])
def test_an_accelerator_may_be_like_a_processor(runtime: str, device_class: str) -> None:
    own = own_setting(runtime, device_class, None, "int8")
    assert own.shared == "npu"
    first, other = settings_to_try(own)
    assert first == own
    assert (other.shared, other.rules) == ("ncnn", own.rules)
