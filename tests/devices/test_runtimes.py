"""Profiles under another runtime, or for another version of their own."""

from __future__ import annotations

import json
from dataclasses import replace
from math import exp, log, sqrt
from pathlib import Path

import pytest

from mnet_cost.analysis import analyze
from mnet_cost.analysis.latency import DeviceEstimate
from mnet_cost.analysis.lower_bounds import LowerBounds
from mnet_cost.changes.device_changes import parse_changes
from mnet_cost.changes.what_if import altered
from mnet_cost.devices import DeviceProfile, device_names, load_device, with_runtime
from mnet_cost.devices.choice import choose_devices
from mnet_cost.devices.coefficients import (
    is_measured_runtime,
    shared_coefficients,
    spread_of_runtimes,
    spread_of_versions,
    unmeasured_fit,
)
from mnet_cost.devices.latency_models import CoefficientFit, RooflineFit
from mnet_cost.devices.load import parse_device
from mnet_cost.devices.rules import DEFAULT_KERNEL_RULES, runtime_rules
from mnet_cost.devices.runtimes import named, parse_runtime, same_version
from mnet_cost.devices.threads import with_threads
from mnet_cost.errors import DeviceError
from mnet_cost.explorer.document import Asked, Explored, explore_document
from mnet_cost.models.library import load_model


def estimate(device: DeviceProfile, model: str = "mobilenet_v1") -> DeviceEstimate:
    (found,) = analyze(load_model(model), devices=[device]).devices
    return found


def refused(device: str, runtime: str) -> str:
    with pytest.raises(DeviceError) as error:
        with_runtime(load_device(device), runtime)
    return str(error.value)


def test_rules_coefficients_and_share_of_the_peak_follow_the_runtime() -> None:
    sheet = load_device("i9_10940x")
    under = with_runtime(sheet, "onnxruntime")
    assert under.kernel_rules == runtime_rules("onnxruntime")
    assert sheet.kernel_rules == DEFAULT_KERNEL_RULES
    rate = under.compute["fp32"]
    one_thread = with_threads(under, 1)
    fit = unmeasured_fit(one_thread, one_thread.compute["fp32"], "fp32")
    assert fit is not None
    assert fit.shared == "onnxruntime"
    share = shared_coefficients("onnxruntime").peak_shares["out_of_order"]
    peak = rate.macs_per_s.value / under.threads
    assert fit.scale_s.value == pytest.approx(1 / (peak * share.share))
    assert fit.covariance[0][0] == pytest.approx(share.spread**2)  # it was measured on such cores
    assert with_runtime(sheet, "any") is sheet


def test_the_band_is_wider_by_what_runtimes_differ_where_nobody_measured_this_one() -> None:
    sheet = load_device("raspberry_pi_5")
    share = shared_coefficients().peak_shares["out_of_order"]
    variances = {}
    for runtime in ("any", "ncnn", "tflite", "mnn"):
        device = with_threads(with_runtime(sheet, runtime), 1)
        fit = unmeasured_fit(device, device.compute["fp32"], "fp32")
        assert fit is not None
        variances[runtime] = fit.covariance[0][0]
    assert variances["ncnn"] == pytest.approx(share.spread**2)
    wider = share.spread**2 + spread_of_runtimes() ** 2
    assert variances["any"] == variances["mnn"] == pytest.approx(wider)
    # Its coefficients are known, and not which share of a known peak it reaches.
    assert variances["tflite"] == pytest.approx(wider)
    assert spread_of_runtimes() > 0.1


@pytest.mark.parametrize(
    ("runtime", "device_class", "pipeline", "expected"),
    [
        ("ncnn", "phone", "out_of_order", True),
        ("tflite-xnnpack", "phone", "out_of_order", True),
        ("any", "phone", "out_of_order", False),
        ("torch", "server", "out_of_order", False),
        ("onnxruntime", "server", "out_of_order", True),
        ("onnxruntime", "phone", "out_of_order", False),
        ("tflm", "microcontroller", "in_order", True),
        ("onnc", "microcontroller", "in_order", True),
        ("any", "microcontroller", "in_order", False),
        # They ran on processors of phones and servers, and never on a microcontroller.
        ("ncnn", "microcontroller", "in_order", False),
        ("tflite", "microcontroller", "in_order", False),
        ("onnxruntime", "microcontroller", "in_order", False),
        ("x-cube-ai", "microcontroller", "in_order", True),
        ("plumerai", "microcontroller", "in_order", True),
        ("microtvm-cmsis-nn", "microcontroller", "in_order", True),
        ("tinyengine", "phone", "out_of_order", False),
    ],
)
def test_whose_coefficients_are_taken(
    runtime: str, device_class: str, pipeline: str, expected: bool
) -> None:
    assert is_measured_runtime(runtime, device_class, pipeline) == expected


def test_a_microcontroller_under_a_runtime_that_nobody_ran_there() -> None:
    """Runtimes differ more there: an interpreter takes twice as long as what compilers make."""
    sheet = load_device("stm32h743")
    assert spread_of_runtimes("microcontrollers") > 1.5 * spread_of_runtimes()
    share = shared_coefficients("microcontrollers", "int8").peak_shares["cortex_m7"]
    variances, notes = {}, {}
    for runtime in ("x-cube-ai", "glow", "ncnn", "any"):
        device = with_runtime(sheet, runtime)
        (found,) = analyze(load_model("ds_cnn"), devices=[device], precision="int8").devices
        fit = unmeasured_fit(device, device.compute["int8"], "int8")
        assert fit is not None
        variances[runtime], notes[runtime] = fit.covariance[0][0], found.notes
    assert variances["x-cube-ai"] == pytest.approx(share.spread**2)
    wider = share.spread**2 + spread_of_runtimes("microcontrollers") ** 2
    assert variances["glow"] == variances["ncnn"] == variances["any"] == pytest.approx(wider)
    assert notes["glow"] == (
        "nothing is known of the runtime `glow` on microcontrollers: it is taken to be as fast as "
        "what compilers of vendors make, and the band is wider by what runtimes differ",
    )
    assert notes["ncnn"] == (notes["glow"][0].replace("glow", "ncnn"),)
    assert notes["x-cube-ai"] == notes["any"] == ()


def test_a_runtime_without_times_on_such_cores_is_said_to_be_one() -> None:
    """Kernel rules of a name are known; how fast it is there, nobody measured."""
    phone = load_device("pixel_1")
    for runtime in ("tinyengine", "onnxruntime", "tflm"):
        (note,) = estimate(with_runtime(phone, runtime)).notes
        assert note == (
            f"no times of `{runtime}` on such cores were measured: cost coefficients of ncnn are "
            "taken, and the band is wider by what runtimes differ"
        )
    for runtime in ("ncnn", "tflite", "xnnpack", "any"):
        assert estimate(with_runtime(phone, runtime)).notes == ()


def test_without_compiling_a_data_sheet_gives_a_lower_bound_alone() -> None:
    """PyTorch took 2.5 to 8 times as long as runtimes for inference on the same cores."""
    for runtime in ("torch", "torch-2"):
        found = estimate(with_runtime(load_device("pixel_1"), runtime))
        assert (found.basis, found.low_s, found.high_s) == ("bound", None, None)
        assert (
            "PyTorch without compiling takes some three times as long as runtimes for inference: a "
            "data sheet gives a lower bound alone"
        ) in found.notes
    assert estimate(with_runtime(load_device("pixel_1"), "torch-compile")).basis == "datasheet"


def test_a_runtime_that_nobody_knows_is_said_to_be_one() -> None:
    found = estimate(with_runtime(load_device("pixel_1"), "glow"))
    assert found.device.kernel_rules == DEFAULT_KERNEL_RULES
    assert "winograd" in found.device.kernel_rules
    (note,) = found.notes
    assert note == (
        "nothing is known of the runtime `glow`: it is taken as one that has Winograd's tiles, and "
        "the band is wider by what runtimes differ"
    )
    assert (
        "did you mean `tflite`" in estimate(with_runtime(load_device("pixel_1"), "tflit")).notes[0]
    )
    # MNN is no slip of ncnn, and `any` is no runtime of which something is to be said.
    assert "did you mean" not in estimate(with_runtime(load_device("pixel_1"), "mnn")).notes[0]
    assert estimate(load_device("pixel_1")).notes == ()
    # A profile of one's own that names it says the same.
    own = replace(load_device("pixel_1"), runtime="glow")
    assert estimate(own).notes == found.notes


def test_a_what_if_and_a_page_say_it_too() -> None:
    glow = with_runtime(load_device("pixel_1"), "glow@2")
    said = estimate(glow).notes
    assert len(said) == 2
    what_if = altered(glow, parse_changes("macs=x2"), "fp32")
    assert estimate(what_if).notes == said
    assert estimate(what_if).outside == ()
    (lenet5,) = [Explored("lenet5", "lenet5", load_model("lenet5"))]
    words = json.dumps(explore_document([lenet5], Asked(devices=(glow,), references=("pixel_1",))))
    assert all(json.dumps(note)[1:-1] in words for note in said)


def test_tiles_of_a_runtime_are_no_packs_of_another() -> None:
    sheet = load_device("pixel_1")
    assert sheet.compute["fp32"].tile is not None
    assert with_runtime(sheet, "ncnn").compute["fp32"].tile is None
    assert with_runtime(sheet, "tflite").compute == sheet.compute


def test_tiles_bound_a_runtime_alone_that_is_known_to_multiply_all() -> None:
    sheet = load_device("pixel_1")
    kernels = [each.kernel for each in estimate(sheet, "shufflenet_v2").kernels]

    def most(device: DeviceProfile) -> float:
        bounds = LowerBounds(device, device.compute["fp32"])
        shares = [
            float(bounds.multiplications(kernel) / kernel.mult_adds)
            for kernel in kernels
            if kernel.mult_adds
        ]
        return max(shares)

    assert most(sheet) == 1.0
    assert most(replace(sheet, runtime="tflite", kernel_rules=runtime_rules("tflite"))) > 1.1


def test_a_fit_is_of_the_runtime_that_was_measured() -> None:
    assert refused("pixel_1_tflite", "xnnpack") == (
        "pixel_1_tflite cannot be given the runtime `xnnpack`\n"
        "hint: its times are fitted to those of `tflite`; to those of `xnnpack` are: "
        "pixel_1_xnnpack"
    )
    assert refused("pixel_1_tflite", "ncnn").endswith(
        "its data sheet takes any: `--device pixel_1`"
    )
    assert refused("pixel_6", "ncnn").endswith(
        "a data sheet takes any: a profile without `latency`"
    )
    assert "states its `pipeline`" in refused("h100", "torch")
    assert "something else than processor cores" in refused("pixel_1", "tflite-gpu")


@pytest.mark.parametrize(
    "runtime", ["", "@", "tflite@", "two words", "a@b@c", "-x", "\n", "x" * 61]
)
def test_what_is_no_runtime(runtime: str) -> None:
    assert "is no runtime" in refused("pixel_1", runtime)


def test_versions_and_dates() -> None:
    assert parse_runtime("tflite@2.16") == ("tflite", "2.16")
    assert parse_runtime("tflite") == ("tflite", None)
    assert same_version("2.16", "2.16.1")
    assert same_version("2020-03-27", "2020")
    assert not same_version("2.1", "2.16")
    assert not same_version("2020-03", "2020-04")
    assert named("tflite", "2020-03") == "tflite of 2020-03"
    assert named("tflite", "2.16") == "tflite 2.16"
    assert named("tflite", None) == "tflite"


def test_an_estimate_for_another_version_is_marked_and_its_band_wider() -> None:
    device = load_device("pixel_1_xnnpack")
    assert device.runtime_version == "2020-03-27"
    assert with_runtime(device, "xnnpack@2020") is device
    own, other = estimate(device), estimate(with_runtime(device, "xnnpack@2024"))
    assert not own.is_marked
    assert other.outside == (
        "for xnnpack of 2024, and fitted to times of xnnpack of 2020-03-27: the band is wider by "
        "what versions differ",
    )
    assert other.latency_s == own.latency_s
    fit = device.latency["fp32"]
    assert isinstance(fit, CoefficientFit)
    assert own.high_s is not None
    assert own.latency_s is not None
    assert other.high_s is not None
    before = log(own.high_s / own.latency_s)
    after = fit.spread.width * sqrt((before / fit.spread.width) ** 2 + spread_of_versions() ** 2)
    assert other.high_s / own.latency_s == pytest.approx(exp(after))
    # Asked for once more, it is not widened once more.
    again = with_runtime(with_runtime(device, "xnnpack@2024"), "xnnpack@2025")
    assert estimate(again).high_s == pytest.approx(other.high_s)


def test_a_version_that_is_not_stated_may_be_another() -> None:
    device = load_device("pixel_1_tflite")
    assert device.runtime_version is None
    assert (
        "a version of tflite not stated" in estimate(with_runtime(device, "tflite@2.16")).outside[0]
    )
    found = estimate(with_runtime(load_device("pixel_1"), "tflite@2.16"))
    assert found.outside == ()
    assert found.notes == (
        "no times of tflite 2.16 in particular were measured: what is known of other versions is "
        "taken",
    )


def test_a_roofline_of_another_version_is_wider() -> None:
    device = load_device("pixel_8_edgetpu")
    before = device.latency["int8"]
    after = with_runtime(device, "tflite@1.0").latency["int8"]
    assert isinstance(before, RooflineFit)
    assert isinstance(after, RooflineFit)
    assert after.spread.noise == pytest.approx(
        sqrt(before.spread.noise**2 + spread_of_versions() ** 2)
    )


def test_default_devices_are_those_of_the_runtime() -> None:
    names = [device.name for device in choose_devices(None, runtime="xnnpack")]
    assert names == ["pixel_1_xnnpack", "raspberry_pi_4_xnnpack", "h100"]
    phone, board, gpu = choose_devices(None, runtime="bolt")
    assert (phone.name, phone.runtime) == ("pixel_1", "bolt")
    assert (board.name, board.runtime) == ("raspberry_pi_4", "bolt")
    assert gpu == load_device("h100")
    with pytest.raises(DeviceError, match="something else than processor cores"):
        choose_devices(None, runtime="tflite-gpu")
    with pytest.raises(DeviceError, match="h100 cannot be given the runtime"):
        choose_devices(["h100"], runtime="tflite")


def test_of_all_devices_those_of_another_runtime_are_left_out() -> None:
    devices = choose_devices(["all"], runtime="ncnn")
    processors = [device for device in devices if device.pipeline is not None]
    assert {device.runtime for device in processors} == {"ncnn"}
    assert {"pixel_1", "raspberry_pi_4_ncnn"} <= {device.name for device in processors}
    others = {device.name for device in devices} - {device.name for device in processors}
    assert others == {name for name in device_names() if load_device(name).pipeline is None}


def test_a_runtime_and_threads_go_together() -> None:
    (device,) = choose_devices(["raspberry_pi_4"], threads=1, runtime="ncnn")
    assert (device.threads, device.runtime) == (1, "ncnn")
    assert device.kernel_rules == runtime_rules("ncnn")


def test_data_sheets_of_phones_and_boards_name_no_runtime() -> None:
    for name in device_names():
        device = load_device(name)
        processor = device.pipeline is not None and device.device_class != "microcontroller"
        if processor and not device.latency:
            assert device.runtime == "any", name


@pytest.mark.parametrize("text", ["2.10", "2020", "'two words'", "[1]", "''", "2020-03-27"])
def test_a_version_is_text(text: str) -> None:
    body = Path(load_device("pixel_1").path).read_text() + f"runtime_version: {text}\n"
    if text == "2020-03-27":
        assert parse_device(body, "pixel_1.yaml").runtime_version == text
        return
    with pytest.raises(DeviceError, match="`runtime_version` must be text without blanks"):
        parse_device(body, "pixel_1.yaml")
