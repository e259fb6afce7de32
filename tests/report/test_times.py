"""Times in reports: bases, bands, kernels, terms, ratios, devices for a network."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from math import exp
from pathlib import Path
from typing import Any

import pytest
from profiles import PROFILES

from mnet_cost.cli import main
from mnet_cost.devices import CLASSES
from mnet_cost.devices.coefficients import shared_coefficients
from mnet_cost.devices.terms import TERM_NAMES
from mnet_cost.report.cell_text import cell
from mnet_cost.report.devices import devices_report
from mnet_cost.report.types import Range, Time
from mnet_cost.units import format_seconds

DEVICES = ("fitted_core", "datasheet_core", "stick", "lower_bound_core")
ON_EACH = [word for name in DEVICES for word in ("--device", name)]


@pytest.fixture(autouse=True)
def _settled(in_root: None, made_up_devices: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("NO_COLOR", "1")


def output(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    return json.loads(output(capsys, *arguments, "--format", "json"))


def records(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, str]]:
    text = output(capsys, *arguments, "--format", "csv")
    return list(csv.DictReader(io.StringIO(text)))


def rows(text: str, title: str) -> dict[str, list[str]]:
    """Rows of a table by their first word."""
    lines = text[text.index(f"\n{title}") :].split("\n\n")[0].splitlines()[3:]
    return {line.split()[0]: line.split()[1:] for line in lines}


def device_row(text: str, name: str) -> list[str]:
    """The words of a device's row."""
    return next(line.split()[1:] for line in text.splitlines() if line.startswith(f"{name}  "))


def test_json_has_basis_band_and_lower_bound(capsys: pytest.CaptureFixture[str]) -> None:
    fitted, datasheet, stick, lower_bound = document(capsys, "analyze", "mobilenet_v1", *ON_EACH)[
        "devices"
    ]
    assert [estimate["basis"] for estimate in (fitted, datasheet, stick, lower_bound)] == [
        *("fitted", "datasheet", "fitted", "bound"),
    ]
    for estimate in (fitted, datasheet, stick):
        assert estimate["latency_low_ms"] < estimate["latency_ms"] < estimate["latency_high_ms"]
    assert (lower_bound["latency_low_ms"], lower_bound["latency_high_ms"]) == (None, None)
    # 568,740,352 mult-adds at 10 GMAC/s, and what DRAM adds here and there.
    for estimate in (fitted, datasheet, lower_bound):
        assert estimate["bound_ms"] == pytest.approx(57.2, abs=0.1)
        assert estimate["latency_ms"] > estimate["bound_ms"]
    assert stick["bound_ms"] is None
    assert lower_bound["latency_ms"] == pytest.approx(lower_bound["bound_ms"] + 29 * 0.01, abs=0.01)
    for estimate in (fitted, datasheet, stick, lower_bound):
        assert sum(estimate["shares"].values()) == pytest.approx(1)
        assert estimate["outside"] == []
        known = [kernel["bound_ms"] for kernel in estimate["kernels"]]
        if estimate["bound_ms"] is not None:
            assert sum(value or 0.0 for value in known) == pytest.approx(estimate["bound_ms"])


PARTS = ("compute", "memory", "overhead")


@pytest.mark.parametrize("device", [*DEVICES, "raspberry_pi_zero_xnnpack", "h100"])
def test_parts_of_kernels_add_up_in_every_report(
    capsys: pytest.CaptureFixture[str], device: str
) -> None:
    (estimate,) = document(capsys, "analyze", "mobilenet_v1", "--device", device)["devices"]
    for kernel in estimate["kernels"]:
        parts = [kernel[f"{part}_ms"] or 0.0 for part in PARTS]
        assert sum(parts) == pytest.approx(kernel["latency_ms"] or 0.0)
    for part in PARTS:
        seconds = [kernel[f"{part}_ms"] or 0.0 for kernel in estimate["kernels"]]
        assert sum(seconds) / estimate["latency_ms"] == pytest.approx(estimate["shares"][part])
    for row in records(capsys, "analyze", "mobilenet_v1", "--by", "kernel", "--device", device):
        parts = [float(row[f"{part}_ms"] or 0) for part in PARTS]
        assert sum(parts) == pytest.approx(float(row["latency_ms"] or 0))
    layers = document(capsys, "explain", "mobilenet_v1", "separable", "--device", device)["layers"]
    for (time,) in filter(None, (layer["times"] for layer in layers)):
        parts = [time[f"{part}_ms"] or 0.0 for part in PARTS]
        assert sum(parts) == pytest.approx(time["latency_ms"])


def test_a_part_without_a_known_rate_is_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    (estimate,) = document(capsys, "analyze", "mobilenet_v1", "--device", "h100")["devices"]
    stem = estimate["kernels"][0]
    assert stem["memory_ms"] is None  # it stays in L2, whose bandwidth is not known
    assert stem["compute_ms"] > 0


def test_times_never_stand_without_their_basis(capsys: pytest.CaptureFixture[str]) -> None:
    text = output(capsys, "analyze", "mobilenet_v3_small", *ON_EACH)
    device_rows = {name: device_row(text, name) for name in DEVICES}
    assert device_rows["fitted_core"][:6] == ["18.2", "ms", "15.2-21.7", "ms", "ncnn", "1"]
    assert device_rows["fitted_core"][6:8] == ["yes", "fitted"]
    assert device_rows["datasheet_core"][4:8] == ["any", "1", "yes", "datasheet"]
    assert (device_rows["stick"][0], device_rows["stick"][5:7]) == ("*9.13", ["unknown", "fitted"])
    assert device_rows["lower_bound_core"][:6] == ["≥7.80", "ms", "tflite", "1", "yes", "bound"]
    assert "stick: marked *: fewer mult-adds than any network that the fit has seen" in text
    assert "on fitted_core (fitted)" in text
    assert "roofline of the profile's peaks" not in text


def test_notes_explain_the_bases_in_the_report(capsys: pytest.CaptureFixture[str]) -> None:
    text = output(capsys, "analyze", "lenet5", "--device", "lower_bound_core", "--notes")
    assert "* bound: " in text
    assert "* lower_bound_core: ≥ is a lower bound; real runs take longer" in text
    assert "* fitted: " not in text
    assert "80 % range" not in text
    text = output(capsys, "analyze", "lenet5", "--device", "fitted_core", "--notes")
    assert "* bound: " not in text
    assert "is a lower bound" not in text
    assert "* fitted: the sum of what each kernel asks for" in text
    assert "fitted_core: median error 6.7 % on 18 times that were held out of the fit" in text
    assert re.search(r"\n80 % range +four of five measurements are in it\n", text)


def test_each_method_of_a_basis_has_a_note(capsys: pytest.CaptureFixture[str]) -> None:
    coefficients = (
        "the sum of what each kernel asks for, at cost coefficients fitted to published times"
    )
    roofline = "constants and a roofline fitted to published times of the device"
    text = output(capsys, "analyze", "mobilenet_v1", *ON_EACH, "-v")
    assert text.count("* fitted (") == 2
    assert f"* fitted (fitted_core): {coefficients}" in text
    assert f"* fitted (stick): {roofline}" in text
    for command in (["analyze", "mobilenet_v1"], ["explain", "mobilenet_v1", "stem"]):
        text = output(capsys, *command, "--device", "stick", "-v")
        assert f"* fitted: {roofline}" in text
    text = output(capsys, "explain", "mobilenet_v1", "stem", *ON_EACH, "-v")
    assert f"* fitted (stick): {roofline}" in text


def test_channels_that_fill_no_packs_are_noted(capsys: pytest.CaptureFixture[str]) -> None:
    on = ("--device", "raspberry_pi_4_ncnn", "--device", "pixel_1_tflite")
    net = "mobilenet_v1@alpha=0.969"
    text = output(capsys, "analyze", net, *on, "-v")
    (note,) = re.findall(r"\* (.*) kernels have channels (.*)", text)
    device, count = note[0].split(": ")
    assert device == "raspberry_pi_4_ncnn"
    share = re.fullmatch(
        r"that are no multiple of 4 \(`unpacked`\): (\d+) % of the time, "
        "which multiples would save",
        note[1],
    )
    assert share
    terms = [
        term["latency_ms"]
        for block in ("stem", "separable", *(f"separable_{i}" for i in range(2, 9)), "middle")
        for layer in document(capsys, "explain", net, block, *on[:2])["layers"]
        for time in layer["times"]
        for term in time["terms"]
        if term["term"] in ("unpacked", "unpacked_depthwise")
    ]
    assert len(terms) == int(count)
    (whole,) = document(capsys, "analyze", net, *on[:2])["devices"]
    taken = sum(terms) / whole["latency_ms"]
    assert taken == pytest.approx(int(share[1]) / 100, abs=0.005)
    assert "no multiple" not in output(capsys, "analyze", "mobilenet_v1", *on)


SORTS = """\
format: 1
name: net
input: {image: [3, 8, 8]}
layers:
  - conv2d: {channels: 4, kernel: 3}
  - opaque: {operation: sort, shape: [4, 8, 8]}
"""


def test_a_refused_time_has_no_basis_and_a_partial_time_no_band(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(SORTS)
    assert main(["analyze", str(path), "--device", "fitted_core"]) == 3
    text = capsys.readouterr().out
    assert device_row(text, "fitted_core")[:6] == [
        *("unknown", "ncnn", "1", "unknown", "unknown", "unknown"),
    ]
    assert "* fitted: " not in text
    assert main(["analyze", str(path), "--device", "fitted_core", "--format", "json"]) == 3
    (refused,) = json.loads(capsys.readouterr().out)["devices"]
    assert (refused["basis"], refused["latency_ms"]) == (None, None)
    bound = ("--device", "fitted_core", "--lower-bound")
    (estimate,) = document(capsys, "analyze", str(path), *bound)["devices"]
    assert estimate["latency_ms"] > 0
    assert (estimate["latency_low_ms"], estimate["latency_high_ms"]) == (None, None)
    text = output(capsys, "analyze", str(path), *bound)
    assert device_row(text, "fitted_core")[:6] == ["*≥11.4", "µs", "ncnn", "1", "yes", "fitted"]
    kernels = rows(output(capsys, "analyze", str(path), "--by", "kernel", *bound), "Kernels")
    assert kernels["opaque"][:4] == ["unknown", "unknown", "unknown", "unknown"]


NO_INT8 = ("--precision", "int8", "--device", "stick")
UNKNOWN = "no int8 rate in the profile (it has fp32): time is unknown"


def test_no_rate_means_no_basis(capsys: pytest.CaptureFixture[str]) -> None:
    (estimate,) = document(capsys, "analyze", "lenet5", *NO_INT8)["devices"]
    assert (estimate["basis"], estimate["latency_ms"]) == (None, None)
    text = output(capsys, "analyze", "lenet5", *NO_INT8)
    assert device_row(text, "stick")[:4] == ["unknown", "made-up", "unknown", "unknown"]
    assert "\nBlocks; time on stick is unknown\n" in text
    assert f"* stick: {UNKNOWN}" in text
    text = output(capsys, "analyze", "lenet5", "--by", "kernel", *NO_INT8)
    assert f"\nKernels on stick: {UNKNOWN}\n" in text
    assert "(lower bound)" not in text
    breakdown = document(capsys, "compare", "lenet5", "alexnet", *NO_INT8)["ratio_breakdowns"][0]
    assert (breakdown["basis"], breakdown["time_ratio"]) == (None, None)
    text = output(capsys, "compare", "lenet5", "alexnet", *NO_INT8)
    assert f"* stick: {UNKNOWN}" in text
    assert f"* stick: {UNKNOWN}" in output(capsys, "explain", "lenet5", "c5.conv2d", *NO_INT8)


def test_a_profile_without_a_rate_has_no_basis() -> None:
    nothing = replace(PROFILES["stick"], latency={})
    table = devices_report([nothing]).tables[0]
    heading, row = table.rows
    assert heading[0] == "accelerators"
    assert row[[column.key for column in table.columns].index("basis")] is None


def test_memory_that_is_too_small_is_noted(capsys: pytest.CaptureFixture[str]) -> None:
    on = ("--device", "stm32h743", "--precision", "int8")
    text = output(capsys, "analyze", "mobilenet_v1", *on)
    assert text.startswith(
        "does not fit stm32h743: activations are 479 kB over SRAM (512 KiB), weights are 2.16 MB "
        "over flash (2 MiB)\n\nmobilenet_v1"
    )
    assert device_row(text, "stm32h743")[6] == "no"
    text = output(capsys, "analyze", "mobilenet_v1", *on, "--notes")
    assert "stm32h743: weights do not fit flash 2 MiB: over by 2.16 MB" in text
    both = (*on, "--device", "stm32f746")
    text = output(capsys, "analyze", "mobilenet_v1", *both)
    assert text.startswith("fits none of the 2 devices: stm32h743, stm32f746\n\nmobilenet_v1")
    text = output(capsys, "analyze", "mobilenet_v1", *both, "--device", "h100")
    assert text.startswith("mobilenet_v1")
    assert "* does not fit stm32h743: activations are 479 kB over SRAM (512 KiB), " in text


def test_kernels_come_with_the_longest_first(capsys: pytest.CaptureFixture[str]) -> None:
    listed = records(capsys, "analyze", "mobilenet_v1", "--by", "kernel", *ON_EACH)
    assert len(listed) == 4 * 29
    every = [row for row in listed if row["device"] == DEVICES[0]]
    times = [float(row["latency_ms"]) for row in every]
    assert times == sorted(times, reverse=True)
    assert sum(float(row["latency_share"]) for row in every) == pytest.approx(1)
    five = records(capsys, "analyze", "mobilenet_v1", "--by", "kernel", "--top", "5", *ON_EACH)
    assert len(five) == 4 * 5
    assert five[:5] == every[:5]
    text = output(capsys, "analyze", "mobilenet_v1", "--by", "kernel", *ON_EACH)
    share = sum(float(row["latency_share"]) for row in every[:15])
    assert share == pytest.approx(0.875, abs=0.001)
    assert ": 15 of 29, 87 % of the time (--top N shows more)" in " ".join(text.split())
    first = next(row for row in every if row["name"] == "separable.depthwise_conv2d")
    # 3,612,672 mult-adds over 401,408 elements in and out and 288 + 64 weights, of 4 bytes
    assert float(first["intensity"]) == pytest.approx(3_612_672 / (4 * (802_816 + 352)))
    assert first["layers"] == " ".join(
        f"separable.{layer}" for layer in ("depthwise_conv2d", "batch_norm", "relu")
    )
    last = next(row for row in every if row["name"] == "logits")
    assert last["bound"] == "memory:DRAM"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["analyze", "lenet5", "--top", "3"], "`--top` is for kernels"),
        (
            ["analyze", "lenet5", "--by", "kernel", "--device", "none"],
            "which kernels there are depends on a device",
        ),
        (["devices", "--alpha", "0.5"], "knobs, threads and a runtime are for a network"),
        (["devices", "--for", "lenet5", "fitted_cor"], "there is no device `fitted_cor`"),
    ],
)
def test_refused(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_explain_shows_the_terms(capsys: pytest.CaptureFixture[str]) -> None:
    (layer,) = document(capsys, "explain", "mobilenet_v1", "middle.3.depthwise_conv2d", *ON_EACH)[
        "layers"
    ]
    fitted, datasheet, stick, lower_bound = layer["times"]
    terms = {term["term"]: term for term in fitted["terms"]}
    assert set(terms) == {"depthwise_3x3", "depthwise_elements", "weights", "kernel"}
    # the shared coefficient times exp(0.5), of 150 ps for each of 903,168 mult-adds
    coefficient = shared_coefficients().coefficients[TERM_NAMES.index("depthwise_3x3")] * exp(0.5)
    assert terms["depthwise_3x3"]["amount"] == 903_168
    assert terms["depthwise_3x3"]["coefficient"] == pytest.approx(coefficient)
    taken = terms["depthwise_3x3"]["latency_ms"]
    assert taken == pytest.approx(903_168 * coefficient * 150e-9)
    assert terms["depthwise_elements"]["amount"] == pytest.approx(200_704)
    assert terms["kernel"]["amount"] == 1
    for estimate in (fitted, datasheet):
        total = sum(term["latency_ms"] for term in estimate["terms"])
        assert total == pytest.approx(estimate["latency_ms"])
    assert stick["terms"] == lower_bound["terms"] == []
    assert (stick["bound_ms"], stick["basis"]) == (None, "fitted")
    text = output(capsys, "explain", "mobilenet_v1", "middle.3.depthwise_conv2d", *ON_EACH)
    seconds = format_seconds(taken / 1e3)
    assert f"depthwise_3x3 903.2 k x {coefficient:.4g} x 150 ps = {seconds}" in text
    assert "max(compute 903,168 / 1.00 TMAC/s = 903 ns, memory 825 kB" in text
    assert "max(compute 90.3 µs, memory 2.25 µs) + launch 10.0 µs" in text


def test_ratios_have_intervals_and_ties(capsys: pytest.CaptureFixture[str]) -> None:
    comparison = document(capsys, "compare", "shallow", "mobilenet_v1@alpha=0.75", *ON_EACH)
    intervals = {ratio["name"]: ratio for ratio in comparison["ratios"][1]["devices"]}
    assert {name: ratio["tie"] for name, ratio in intervals.items()} == {
        "fitted_core": True, "datasheet_core": True, "stick": True, "lower_bound_core": None,
    }  # fmt: skip
    for name in DEVICES[:3]:
        low, ratio, high = (intervals[name][f"latency_ratio{end}"] for end in ("_low", "", "_high"))
        assert low < ratio < high
    comparison = document(capsys, "compare", "full", "separable", *ON_EACH)
    fitted = comparison["ratios"][1]["devices"][0]
    coefficient_ratio = comparison["ratio_breakdowns"][0]["coefficient_ratio"]
    text = output(capsys, "compare", "full", "separable", *ON_EACH)
    low, high = (cell(fitted[f"latency_ratio_{end}"], "ratio") for end in ("low", "high"))
    assert f"{low.removesuffix('x')}-{high}" in text
    assert "tie" not in text
    assert f"A mult-add of separable takes {coefficient_ratio:.2f}x the time" in (
        " ".join(text.split())
    )


@pytest.mark.parametrize("other", ["mobilenet_v2", "mobilenet_v2@alpha=1.0"])
def test_equal_kernels_are_noted(capsys: pytest.CaptureFixture[str], other: str) -> None:
    comparison = document(capsys, "compare", "mobilenet_v2", other, *ON_EACH)
    for ratio in comparison["ratios"][1]["devices"]:
        assert ratio == {
            "name": ratio["name"],
            **dict.fromkeys(("latency_ratio", "latency_ratio_low", "latency_ratio_high"), 1.0),
            "tie": False,
            "same_kernels": True,
        }
    assert {breakdown["same_kernels"] for breakdown in comparison["ratio_breakdowns"]} == {True}
    text = output(capsys, "compare", "mobilenet_v2", other, *ON_EACH)
    assert text.count("1.00-1.00x  same kernels") == len(DEVICES)
    name = "mobilenet_v2 (2)" if other == "mobilenet_v2" else other
    listed = ", ".join(DEVICES)
    assert f"* {listed}: mobilenet_v2 and {name} have the same kernels" in text
    assert "not certain" not in text
    assert "a tie" not in text


def test_devices_for_a_network(capsys: pytest.CaptureFixture[str]) -> None:
    names = ["stm32h743", "stick", "lower_bound_core", "fitted_core", "h100"]
    choice = document(capsys, "devices", "--for", "mobilenet_v1", *names, "--alpha", "0.5")
    assert choice["model"]["knobs"]["alpha"] == 0.5
    assert [device["name"] for device in choice["devices"]] == [
        *("fitted_core", "lower_bound_core", "stm32h743", "stick", "h100"),
    ]
    alone = document(
        capsys, "analyze", "mobilenet_v1", "--alpha", "0.5", "--device", "fitted_core"
    )["devices"]  # fmt: skip
    assert choice["devices"][0] == {"class": "phone", **alone[0]}
    listed = records(capsys, "devices", "--for", "mobilenet_v1", *names, "--alpha", "0.5")
    assert [row["device"] for row in listed] == [device["name"] for device in choice["devices"]]
    assert float(listed[0]["latency_ms"]) == alone[0]["latency_ms"]
    assert (listed[1]["latency_low_ms"], listed[1]["basis"]) == ("", "bound")
    assert (listed[2]["latency_ms"], listed[2]["memory_fits"]) == ("", "false")
    text = output(capsys, "devices", "--for", "mobilenet_v1", *names)
    assert "stm32h743: no fp32 rate in the profile (it has int8)" in text
    assert text.startswith("mobilenet_v1 does not fit stm32h743: activations need 4.01 MB, SRAM ")


def header(text: str, first: str) -> list[str]:
    """Titles of the columns of the table that starts with `first`."""
    line = next(line for line in text.splitlines() if line.startswith(f"{first}  "))
    return re.split(r"\s{2,}", line)


@pytest.mark.parametrize("width", [80, 100])
def test_what_a_user_chooses_a_device_by_is_shown_first(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    text = output(capsys, "devices", "--for", "mobilenet_v1")
    shown = header(text, "device")
    kept = ["device", "runtime", "thr.", "basis", "time", "80 % range", "fits"]
    if width == 80:
        kept.remove("80 % range")
        assert (
            "left out at 80 columns: 80 % range, energy, power x time, energy, per operation"
        ) in " ".join(text.split())
    assert shown == kept
    names = [word for name in LONG for word in ("--device", name)]
    text = output(capsys, "analyze", "mobilenet_v1", *names)
    shown = header(text, "device")
    if width == 80:
        assert shown == "device time,80 % range,run by,thr,fits,energy,basis".replace(
            " ", ",", 1
        ).split(",")
    else:
        assert shown[3:] == ["runtime", "threads", "fits", "energy", "basis", "bound"]
    assert "left out" not in text


LONG = ("pixel_1_tflite", "raspberry_pi_4_ncnn", "h100")


def test_constants_have_a_column_where_there_are_some(capsys: pytest.CaptureFixture[str]) -> None:
    text = output(capsys, "analyze", "lenet5", "--device", "stick", "--device", "lower_bound_core")
    assert "inference %" in header(text, "device")
    text = output(capsys, "analyze", "lenet5", "--device", "lower_bound_core")
    assert "inference %" not in header(text, "device")
    assert "launch %" in header(text, "device")


def test_all_devices_for_a_network(capsys: pytest.CaptureFixture[str]) -> None:
    devices = document(capsys, "devices", "--for", "lenet5", "--precision", "int8")["devices"]
    classes = [CLASSES.index(device["class"]) for device in devices]
    assert classes == sorted(classes)
    bases = ["calibrated", "fitted", "datasheet", "bound", None]
    by_class: dict[str, list[tuple[int, float]]] = {}
    for device in devices:
        rank = bases.index(device["basis"]), device["latency_ms"] or float("inf")
        by_class.setdefault(device["class"], []).append(rank)
    assert all(ranks == sorted(ranks) for ranks in by_class.values())


def test_a_profile_with_a_fit(capsys: pytest.CaptureFixture[str]) -> None:
    fit = document(capsys, "devices", "fitted_core")["latency"]["fp32"]
    assert fit["form"] == "coefficients"
    assert fit["scale"]["value"] == 150e-12
    assert fit["held_out"]["median"] == 0.067
    assert "covariance" not in fit
    text = output(capsys, "devices", "fitted_core")
    coefficients = rows(text, "fp32 cost coefficients that differ")
    assert coefficients["depthwise_3x3"][4] == "1.65x"  # exp(0.5)
    assert "weights" not in coefficients  # a hundredth is no difference
    assert "a norm after a convolution or linear layer becomes part of its weights" in text


def test_profiles_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    profiles = document(capsys, "devices", "fitted_core", "pixel_1")["devices"]
    assert [device["name"] for device in profiles] == ["fitted_core", "pixel_1"]
    values = [{number["what"]: number for number in device["numbers"]} for device in profiles]
    for numbers, rate in zip(values, (10e9, 9.368e9), strict=True):
        number = numbers["fp32 mult-adds"]
        assert (number["value"], number["unit"]) == (rate, "MAC/s")
    assert "fp32 tile" not in values[0]
    assert all("in_place" in device["kernels"] for device in profiles)
    text = output(capsys, "devices", "fitted_core", "pixel_1")
    assert re.search(r"^time +fp32 fitted +fp32 datasheet, int8 datasheet$", text, re.MULTILINE)
    assert re.search(r"^in_place +yes +yes$", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Time(0.0123), "12.3 ms"),
        (Time(0.0123, least=True), "≥12.3 ms"),
        (Time(0.0123, outside=True), "*12.3 ms"),
        (Range(0.0123, 0.0151), "12.3-15.1 ms"),
        (Range(0.000261, 0.00131), "0.261-1.31 ms"),
        (Range(0.000980, 0.00120), "0.980-1.20 ms"),
        (Range(0.000098, 0.00120), "98.0 µs - 1.20 ms"),
        (Range(0.0009996, 0.00120), "1.00-1.20 ms"),
        (Range(0.9, 1.2, "x"), "0.90-1.20x"),
    ],
)
def test_cells(value: Time | Range, text: str) -> None:
    assert cell(value, "seconds") == text
