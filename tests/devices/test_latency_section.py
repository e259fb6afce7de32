"""The section `latency` of a profile, `extends`, `pipeline`: every error, and what is taken."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mnet_cost.devices import DEFAULT_KERNEL_RULES, device_names, load_device
from mnet_cost.devices.coefficients import shared_coefficients
from mnet_cost.devices.latency_models import CoefficientFit, RooflineFit, Spread
from mnet_cost.devices.rules import runtime_rules
from mnet_cost.devices.terms import TERM_NAMES
from mnet_cost.errors import DeviceError

TOP = """\
format: 1
name: mine
title: A board
basis: fitted
runtime: ncnn
threads: 1
"""
GOOD = (
    TOP
    + """\
latency:
  fp32:
    coefficients:
      scale: {value: 200 ps, basis: fitted, source: a table}
      deviations: {pointwise: 0.1}
      covariance:
        scale: [0.01]
        pointwise: [-0.005, 0.02]
        kernel: [0, 0.001, 0.2]
    band: {width: 1.1, noise: 0.12}
  int8:
    roofline:
      macs: {value: 100 GMAC/s, basis: fitted, source: a table}
      inference: {value: 1 ms, basis: fitted, source: a table}
    band: {width: 1, noise: 0.2}
    fitted_on:
      networks: 11
      families: [V1, IR]
      mult_adds: [69 MMAC, 8 GMAC]
      latency: [2.4 ms, 300 ms]
      terms: [pointwise]
    held_out: {protocol: one family at a time, measurements: 11, median: 0.1, mean: 0.2}
"""
)
TERMS = ", ".join(TERM_NAMES)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def message(text: str) -> str:
    """What loading a profile of that text says."""
    Path("mine.yaml").write_text(text)
    with pytest.raises(DeviceError) as caught:
        load_device("mine.yaml")
    return str(caught.value)


RELATIVE = GOOD.replace(
    "deviations: {pointwise: 0.1}", "shared: ncnn\n      relative: {kernel: 0.05}"
)


def test_coefficients_relative_to_the_scale() -> None:
    """What was measured stays when the shared coefficients are fitted anew."""
    Path("mine.yaml").write_text(RELATIVE)
    fit = load_device("mine.yaml").latency["fp32"]
    assert isinstance(fit, CoefficientFit)
    assert fit.shared == "ncnn"
    shared = shared_coefficients("ncnn").coefficients[TERM_NAMES.index("kernel")]
    assert fit.deviations == {"kernel": pytest.approx(math.log(0.05 / shared))}


def test_wrong_relative_coefficients() -> None:
    text = RELATIVE.replace("kernel: 0.05", "kernl: 1, pointwise: 200").replace(
        "shared: ncnn", "shared: nccn"
    )
    said = message(text)
    assert "`shared` must be" in said or "there is no" in said
    assert "did you mean `ncnn`?" in said
    assert "there is no term `kernl`" in said
    assert "a number from 0.006737946999 to 148.4131591 must stand here" in said
    both = message(RELATIVE.replace("relative:", "deviations: {kernel: 1}\n      relative:"))
    assert "relative" in both


def test_the_profile_that_errors_are_made_from_is_valid() -> None:
    Path("mine.yaml").write_text(GOOD)
    device = load_device("mine.yaml")
    coefficients, roofline = device.latency["fp32"], device.latency["int8"]
    assert isinstance(coefficients, CoefficientFit)
    assert isinstance(roofline, RooflineFit)
    assert coefficients.scale_s.value == pytest.approx(200e-12)
    assert (coefficients.deviations, coefficients.tile) == ({"pointwise": 0.1}, 1)
    assert (coefficients.spread, coefficients.fitted_on, coefficients.held_out) == (
        Spread(width=1.1, noise=0.12),
        None,
        None,
    )
    assert roofline.macs_per_s.value == 100e9
    assert (roofline.bytes_per_s, roofline.kernel_s) == (None, None)
    assert roofline.inference_s is not None
    assert roofline.inference_s.value == 1e-3
    assert roofline.fitted_on is not None
    assert roofline.fitted_on.mult_adds == (69e6, 8e9)
    assert roofline.held_out is not None
    assert roofline.held_out.mean == 0.2
    assert (device.compute, device.memory) == ({}, ())


def test_a_covariance_rounded_to_four_decimals_is_accepted() -> None:
    """Two coefficients that only their sum is known of: rounded, one variance is less than it
    was."""
    rows = "pointwise: [0, 0.0004]\n        dense: [0, -0.0004, 0.0003]\n"
    Path("mine.yaml").write_text(
        GOOD.replace("pointwise: [-0.005, 0.02]\n        kernel: [0, 0.001, 0.2]\n", rows)
    )
    assert isinstance(load_device("mine.yaml").latency["fp32"], CoefficientFit)


def test_shipped_covariances_are_accepted() -> None:
    fits = [fit for name in device_names() for fit in load_device(name).latency.values()]
    assert sum(isinstance(fit, CoefficientFit) for fit in fits) > 20


def test_rows_of_the_covariance_are_those_of_their_terms() -> None:
    Path("mine.yaml").write_text(GOOD)
    fit = load_device("mine.yaml").latency["fp32"]
    assert isinstance(fit, CoefficientFit)
    pointwise, kernel = TERM_NAMES.index("pointwise") + 1, TERM_NAMES.index("kernel") + 1
    assert fit.covariance[0] == (0.01,)
    assert fit.covariance[pointwise] == (-0.005, 0.02)
    assert (fit.covariance[kernel][0], fit.covariance[kernel][pointwise]) == (0.0, 0.001)
    assert fit.covariance[kernel][kernel] == 0.2
    for i, spread in enumerate(shared_coefficients().spreads, start=1):
        if i not in (pointwise, kernel):  # as devices differ, and of nothing else
            assert fit.covariance[i] == (*([0.0] * i), spread**2)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(
            "fp32:",
            "fp31:",
            """\
mine.yaml:8:3: there is no precision `fp31`
    8 |   fp31:
      |   ^^^^
hint: did you mean `fp32`?""",
            id="a precision mistyped",
        ),
        pytest.param(
            "fp32:",
            "double:",
            """\
mine.yaml:8:3: there is no precision `double`
    8 |   double:
      |   ^^^^^^
hint: one of `fp32`, `fp16`, `bf16` or `int8`""",
            id="an unknown precision",
        ),
        pytest.param(
            """\
    band: {width: 1.1, noise: 0.12}
""",
            "",
            """\
mine.yaml:9:5: the fit `fp32` must state `band`
    9 |     coefficients:
      |     ^""",
            id="no band",
        ),
        pytest.param(
            "{width: 1.1, noise: 0.12}",
            "1.1",
            """\
mine.yaml:16:11: `band` must be a mapping: `{width: ..., noise: ...}`
   16 |     band: 1.1
      |           ^^^""",
            id="a band that is no mapping",
        ),
        pytest.param(
            "{width: 1.1, noise: 0.12}",
            "{width: 1.1}",
            """\
mine.yaml:16:11: `band` must state `noise`
   16 |     band: {width: 1.1}
      |           ^""",
            id="a band without noise",
        ),
        pytest.param(
            "{width: 1.1, noise: 0.12}",
            "{width: -1, noise: wide}",
            """\
mine.yaml:16:19: a number from 0.0001 to 100 must stand here
   16 |     band: {width: -1, noise: wide}
      |                   ^^

mine.yaml:16:30: a number from 0.0001 to 100 must stand here
   16 |     band: {width: -1, noise: wide}
      |                              ^^^^""",
            id="a band of no numbers",
        ),
        pytest.param(
            "200 ps",
            "200",
            """\
mine.yaml:10:22: `200` has no unit; a time is asked for
   10 |       scale: {value: 200, basis: fitted, source: a table}
      |                      ^^^
hint: a number alone can mean anything: write for example `12 ms`""",
            id="a scale without a unit",
        ),
        pytest.param(
            "200 ps",
            "200 GB/s",
            """\
mine.yaml:10:22: `200 GB/s` is a bandwidth; a time is asked for
   10 |       scale: {value: 200 GB/s, basis: fitted, source: a table}
      |                      ^^^^^^^^
hint: write for example `12 ms`""",
            id="a scale of another unit",
        ),
        pytest.param(
            """\
, source: a table}
      dev""",
            """\
}
      dev""",
            """\
mine.yaml:10:7: `scale` states no `source`
   10 |       scale: {value: 200 ps, basis: fitted}
      |       ^^^^^
hint: write where it is from: `source: "vendor data sheet, page 3"`""",
            id="a scale without a source",
        ),
        pytest.param(
            "{value: 200 ps, basis: fitted, source: a table}",
            "200 ps",
            """\
mine.yaml:10:14: `scale` must be a mapping
   10 |       scale: 200 ps
      |              ^^^^^^
hint: write `scale: {value: ..., basis: ..., source: ...}`""",
            id="a scale without an origin",
        ),
        pytest.param(
            "200 ps",
            "0 s",
            """\
mine.yaml:10:22: `0 s` cannot be zero
   10 |       scale: {value: 0 s, basis: fitted, source: a table}
      |                      ^^^
hint: leave it out where it is not known: unknown is not zero""",
            id="a scale of zero",
        ),
        pytest.param(
            """\
      scale: {value: 200 ps, basis: fitted, source: a table}
""",
            "",
            """\
mine.yaml:10:7: `coefficients` must state `scale`
   10 |       deviations: {pointwise: 0.1}
      |       ^""",
            id="no scale",
        ),
        pytest.param(
            "{pointwise: 0.1}",
            "{pointwse: 0.1, quux: 1}",
            f"""\
mine.yaml:11:20: there is no term `pointwse`
   11 |       deviations: {{pointwse: 0.1, quux: 1}}
      |                    ^^^^^^^^
hint: did you mean `pointwise`?

mine.yaml:11:35: there is no term `quux`
   11 |       deviations: {{pointwse: 0.1, quux: 1}}
      |                                   ^^^^
hint: there are {TERMS}""",
            id="unknown terms",
        ),
        pytest.param(
            "{pointwise: 0.1}",
            "[0.1]",
            """\
mine.yaml:11:19: `deviations` must be a mapping from terms to logarithms
   11 |       deviations: [0.1]
      |                   ^""",
            id="deviations that are a list",
        ),
        pytest.param(
            "{pointwise: 0.1}",
            "{pointwise: 9, kernel: x}",
            """\
mine.yaml:11:31: a number from -5 to 5 must stand here
   11 |       deviations: {pointwise: 9, kernel: x}
      |                               ^

mine.yaml:11:42: a number from -5 to 5 must stand here
   11 |       deviations: {pointwise: 9, kernel: x}
      |                                          ^""",
            id="deviations that are none",
        ),
        pytest.param(
            "      deviations",
            """\
      tile: 0
      deviations""",
            """\
mine.yaml:11:13: `tile` must be a whole number from 1 to 65536
   11 |       tile: 0
      |             ^""",
            id="a tile of zero",
        ),
        pytest.param(
            """\
        pointwise: [-0.005, 0.02]
        kernel: [0, 0.001, 0.2]""",
            """\
        kernel: [-0.005, 0.02]
        pointwise: [0, 0.001, 0.2]""",
            f"""\
mine.yaml:15:9: `pointwise` stands out of order
   15 |         pointwise: [0, 0.001, 0.2]
      |         ^^^^^^^^^
hint: the order is scale, {TERMS}""",
            id="covariance out of order",
        ),
        pytest.param(
            """\
        scale: [0.01]
""",
            "",
            """\
mine.yaml:13:9: `covariance` must be a mapping of rows, the scale first
   13 |         pointwise: [-0.005, 0.02]
      |         ^
hint: `scale: [...]`, then a term a row, in order: `mnet-cost calibrate` writes it""",
            id="covariance without the scale",
        ),
        pytest.param(
            """\
      covariance:
        scale: [0.01]
        pointwise: [-0.005, 0.02]
        kernel: [0, 0.001, 0.2]
""",
            """\
      covariance: [0.1]
""",
            """\
mine.yaml:12:19: `covariance` must be a mapping of rows, the scale first
   12 |       covariance: [0.1]
      |                   ^
hint: `scale: [...]`, then a term a row, in order: `mnet-cost calibrate` writes it""",
            id="covariance that is no mapping",
        ),
        pytest.param(
            "[-0.005, 0.02]",
            "[0.02]",
            """\
mine.yaml:14:20: row 2 of a lower triangle must have 2 numbers
   14 |         pointwise: [0.02]
      |                    ^""",
            id="a row of another length",
        ),
        pytest.param(
            "[-0.005, 0.02]",
            "[-0.005, -0.02]",
            """\
mine.yaml:14:29: a variance cannot be negative
   14 |         pointwise: [-0.005, -0.02]
      |                             ^^^^^
hint: the last number of a row is the variance, those before are covariances""",
            id="a negative variance",
        ),
        pytest.param(
            "[-0.005, 0.02]",
            "[5, 0.02]",
            """\
mine.yaml:14:9: the covariances of `pointwise` are too large for its variance and those before it
   14 |         pointwise: [5, 0.02]
      |         ^^^^^^^^^
hint: a covariance is at most the root of the product of two variances""",
            id="a covariance above the variances",
        ),
        pytest.param(
            "[0, 0.001, 0.2]",
            "[0.04, 0.06, 0.2]",  # each of them alone could be
            """\
mine.yaml:15:9: the covariances of `kernel` are too large for its variance and those before it
   15 |         kernel: [0.04, 0.06, 0.2]
      |         ^^^^^^
hint: a covariance is at most the root of the product of two variances""",
            id="covariances that are too large together",
        ),
        pytest.param(
            "[-0.005, 0.02]",
            "[a, 0.02]",
            """\
mine.yaml:14:21: a number from -100 to 100 must stand here
   14 |         pointwise: [a, 0.02]
      |                     ^""",
            id="a covariance that is no number",
        ),
        pytest.param(
            "        kernel:",
            "        kernl:",
            """\
mine.yaml:15:9: there is no term `kernl`
   15 |         kernl: [0, 0.001, 0.2]
      |         ^^^^^
hint: did you mean `kernel`?""",
            id="a row mistyped",
        ),
        pytest.param(
            "        kernel:",
            "        quux:",
            f"""\
mine.yaml:15:9: there is no term `quux`
   15 |         quux: [0, 0.001, 0.2]
      |         ^^^^
hint: there are scale, {TERMS}""",
            id="a row of an unknown term",
        ),
        pytest.param(
            """\
      macs: {value: 100 GMAC/s, basis: fitted, source: a table}
""",
            "",
            """\
mine.yaml:19:7: `roofline` must state `macs`
   19 |       inference: {value: 1 ms, basis: fitted, source: a table}
      |       ^""",
            id="a roofline without a rate",
        ),
        pytest.param(
            "inference:",
            "inferences:",
            """\
mine.yaml:20:7: `roofline` has no `inferences`
   20 |       inferences: {value: 1 ms, basis: fitted, source: a table}
      |       ^^^^^^^^^^
hint: did you mean `inference`?""",
            id="a roofline with another key",
        ),
        pytest.param(
            "100 GMAC/s",
            "100 MAC/s",
            """\
mine.yaml:19:21: `100 MAC/s` is absurd: under 1.00 kMAC/s
   19 |       macs: {value: 100 MAC/s, basis: fitted, source: a table}
      |                     ^^^^^^^^^
hint: check the prefix""",
            id="an absurd rate",
        ),
        pytest.param(
            """\
    fitted_on:
      networks: 11
      families: [V1, IR]
      mult_adds: [69 MMAC, 8 GMAC]
      latency: [2.4 ms, 300 ms]
      terms: [pointwise]
""",
            """\
    fitted_on: 11
""",
            """\
mine.yaml:22:16: `fitted_on` must be a mapping with networks, families, mult_adds, latency, terms
   22 |     fitted_on: 11
      |                ^^""",
            id="fitted_on that is no mapping",
        ),
        pytest.param(
            "[2.4 ms, 300 ms]",
            "[300 ms, 2.4 ms]",
            """\
mine.yaml:26:16: a range is `[least, most]`: these are turned around
   26 |       latency: [300 ms, 2.4 ms]
      |                ^""",
            id="a range turned around",
        ),
        pytest.param(
            "[2.4 ms, 300 ms]",
            "[300 ms]",
            """\
mine.yaml:26:16: a range is `[least, most]`
   26 |       latency: [300 ms]
      |                ^""",
            id="a range of one number",
        ),
        pytest.param(
            "[69 MMAC, 8 GMAC]",
            "[69, 8 GB]",
            """\
mine.yaml:25:19: `69` has no unit; a number of mult-adds is asked for
   25 |       mult_adds: [69, 8 GB]
      |                   ^^
hint: a number alone can mean anything: write for example `569 MMAC`

mine.yaml:25:23: `8 GB` is a size; a number of mult-adds is asked for
   25 |       mult_adds: [69, 8 GB]
      |                       ^^^^
hint: write for example `569 MMAC`""",
            id="a range without units",
        ),
        pytest.param(
            "[2.4 ms, 300 ms]",
            "[2.4 ms, 300000 s]",
            """\
mine.yaml:26:25: `300000 s` is absurd: over 100000 s
   26 |       latency: [2.4 ms, 300000 s]
      |                         ^^^^^^^^
hint: check the prefix""",
            id="a time of days",
        ),
        pytest.param(
            "networks: 11",
            "networks: 0",
            """\
mine.yaml:23:17: a whole number from 1 to 1,000,000 must stand here
   23 |       networks: 0
      |                 ^""",
            id="no network",
        ),
        pytest.param(
            "networks: 11",
            "networks: 2.5",
            """\
mine.yaml:23:17: a whole number from 1 to 1,000,000 must stand here
   23 |       networks: 2.5
      |                 ^^^""",
            id="half a network",
        ),
        pytest.param(
            "[V1, IR]",
            "V1",
            """\
mine.yaml:24:17: a list of words must stand here
   24 |       families: V1
      |                 ^^""",
            id="families that are no list",
        ),
        pytest.param(
            "[V1, IR]",
            "[V1, 3]",
            """\
mine.yaml:24:22: a word must stand here
   24 |       families: [V1, 3]
      |                      ^""",
            id="a family that is no word",
        ),
        pytest.param(
            "[pointwise]",
            "[pointwse, quux]",
            f"""\
mine.yaml:27:15: there is no term `pointwse`
   27 |       terms: [pointwse, quux]
      |               ^^^^^^^^
hint: did you mean `pointwise`?

mine.yaml:27:25: there is no term `quux`
   27 |       terms: [pointwse, quux]
      |                         ^^^^
hint: there are {TERMS}""",
            id="terms mistyped",
        ),
        pytest.param(
            """\
      networks: 11
""",
            "",
            """\
mine.yaml:23:7: `fitted_on` must state `networks`
   23 |       families: [V1, IR]
      |       ^""",
            id="fitted_on without a key",
        ),
        pytest.param(
            "{protocol: one family at a time, measurements: 11, median: 0.1, mean: 0.2}",
            "much",
            """\
mine.yaml:28:15: `held_out` must be a mapping with protocol, measurements, median, mean
   28 |     held_out: much
      |               ^^^^""",
            id="held_out that is no mapping",
        ),
        pytest.param(
            "median: 0.1, mean: 0.2}",
            "median: -0.1}",
            """\
mine.yaml:28:15: `held_out` must state `mean`
   28 |     held_out: {protocol: one family at a time, measurements: 11, median: -0.1}
      |               ^

mine.yaml:28:74: a number from 0 to 1,000,000 must stand here
   28 |     held_out: {protocol: one family at a time, measurements: 11, median: -0.1}
      |                                                                          ^^^^""",
            id="held_out without a key",
        ),
        pytest.param(
            "protocol: one family at a time",
            "protocol: ''",
            """\
mine.yaml:28:26: `protocol` must be text
   28 |     held_out: {protocol: '', measurements: 11, median: 0.1, mean: 0.2}
      |                          ^^""",
            id="held_out without a protocol",
        ),
        pytest.param(
            "    coefficients:\n",
            "    roofline: {macs: {value: 1 GMAC/s, basis: fitted, source: x}}\n"
            "    coefficients:\n",
            """\
mine.yaml:8:3: the fit `fp32` states both `coefficients` and `roofline`
    8 |   fp32:
      |   ^^^^
hint: `coefficients` of terms, or a `roofline` of a rate, a bandwidth and constants""",
            id="both forms",
        ),
        pytest.param(
            "    coefficients:\n",
            "    coefficient:\n",
            """\
mine.yaml:9:5: the fit `fp32` has no `coefficient`
    9 |     coefficient:
      |     ^^^^^^^^^^^
hint: did you mean `coefficients`?""",
            id="a form mistyped",
        ),
    ],
)
def test_bad_fits(old: str, new: str, expected: str) -> None:
    assert old in GOOD
    assert message(GOOD.replace(old, new, 1)) == expected


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        pytest.param(
            """\
latency: 3 ms
""",
            """\
mine.yaml:7:10: `latency` must be a mapping from a precision to a fit
    7 | latency: 3 ms
      |          ^^^^""",
            id="no mapping",
        ),
        pytest.param(
            """\
latency: {}
""",
            """\
mine.yaml:7:10: `latency` must be a mapping from a precision to a fit
    7 | latency: {}
      |          ^""",
            id="empty",
        ),
        pytest.param(
            """\
latency:
""",
            """\
mine.yaml:7:9: `latency` must be a mapping from a precision to a fit
    7 | latency:
      |         ^""",
            id="nothing",
        ),
        pytest.param(
            """\
latency:
  fp32: 3
""",
            """\
mine.yaml:8:9: `fp32` must be a mapping with a fit
    8 |   fp32: 3
      |         ^""",
            id="a fit that is no mapping",
        ),
        pytest.param(
            """\
latency:
  fp32:
    band: {width: 1, noise: 0.1}
""",
            """\
mine.yaml:8:3: the fit `fp32` must state `coefficients` or `roofline`
    8 |   fp32:
      |   ^^^^
hint: `coefficients` of terms, or a `roofline` of a rate, a bandwidth and constants""",
            id="neither form",
        ),
        pytest.param(
            """\
latency:
  fp32:
    coefficients: cheap
    band: {width: 1, noise: 0.1}
""",
            """\
mine.yaml:9:19: `coefficients` must be a mapping
    9 |     coefficients: cheap
      |                   ^^^^^""",
            id="coefficients that are no mapping",
        ),
    ],
)
def test_bad_sections(section: str, expected: str) -> None:
    assert message(TOP + section) == expected


def test_all_problems_at_once() -> None:
    text = (
        GOOD.replace("basis: fitted", "basis: gold", 1)
        .replace("200 ps", "200")
        .replace("[2.4 ms, 300 ms]", "[300 ms, 2.4 ms]")
        .replace("pointwise: 0.1", "pointwse: 0.1")
    )
    errors = message(text)
    assert [line for line in errors.splitlines() if line.startswith("mine.yaml")] == [
        "mine.yaml:4:8: `gold` is no basis",
        "mine.yaml:10:22: `200` has no unit; a time is asked for",
        "mine.yaml:11:20: there is no term `pointwse`",
        "mine.yaml:26:16: a range is `[least, most]`: these are turned around",
    ]


def test_a_time_of_an_hour_can_be_seen() -> None:
    Path("mine.yaml").write_text(GOOD.replace("300 ms]", "3600 s]"))
    seen = load_device("mine.yaml").latency["int8"].fitted_on
    assert seen is not None
    assert seen.latency_s == (0.0024, 3600.0)


BASE = """\
format: 1
name: base
title: A board with four cores
class: board
pipeline: in_order
basis: datasheet
runtime: any
threads: 4
compute:
  fp32:
    macs: {value: 40 GMAC/s, low: 30 GMAC/s, high: 50 GMAC/s, basis: derived, source: a sheet}
    vector: {value: 20 Gop/s, basis: derived, source: a sheet}
    tile: {value: 8, basis: assumed, source: a guess}
memory:
  - {level: DRAM, size: 4 GB, bandwidth: 10 GB/s, basis: assumed, source: a guess}
storage: {level: flash, size: 8 MiB, basis: datasheet, source: a sheet}
overhead:
  kernel: {value: 5 us, basis: assumed, source: a guess}
  inference: {value: 1 ms, basis: assumed, source: a guess}
power: {value: 5 W, basis: assumed, source: a guess}
energy:
  bytes:
    DRAM: {value: 40 pJ/B, basis: assumed, source: a guess}
kernels: [fuse_clamps]
"""
SHEET = TOP.replace("basis: fitted", "basis: datasheet")
EXTENDING = SHEET.replace("threads: 1", "threads: 4").replace("name: mine", "name: child")


def test_what_an_extending_profile_inherits() -> None:
    Path("base.yaml").write_text(BASE)
    Path("mine.yaml").write_text(EXTENDING + "extends: ./base.yaml\n")
    base, child = load_device("./base.yaml"), load_device("./mine.yaml")
    own = {"name": "child", "title": "A board", "runtime": "ncnn"}
    own["path"], own["extends"] = "./mine.yaml", "base"
    rules = runtime_rules("ncnn")
    assert child == replace(base, kernel_rules=rules, **own)  # type: ignore[arg-type]


def test_what_a_profile_states_overrides_what_it_inherits() -> None:
    Path("base.yaml").write_text(BASE)
    stated = """\
extends: ./base.yaml
class: phone
pipeline: out_of_order
kernels: []
memory:
  - {level: SRAM, size: 1 MiB, basis: assumed, source: a guess}
power: {value: 1 W, basis: assumed, source: a guess}
"""
    Path("mine.yaml").write_text(EXTENDING + stated)
    device = load_device("./mine.yaml")
    assert (device.device_class, device.pipeline) == ("phone", "out_of_order")
    assert device.kernel_rules == frozenset()
    assert [level.name for level in device.memory] == ["SRAM"]
    assert device.power_w is not None
    assert device.power_w.value == 1.0
    assert device.compute == load_device("./base.yaml").compute


def test_fits_are_not_inherited() -> None:
    """They are of a runtime, and so of the profile alone."""
    fitted = BASE.replace("basis: datasheet", "basis: fitted")
    Path("base.yaml").write_text(fitted + GOOD.removeprefix(TOP))
    Path("mine.yaml").write_text(EXTENDING + "extends: ./base.yaml\n")
    assert load_device("./base.yaml").latency
    assert load_device("./mine.yaml").latency == {}


def test_fewer_threads_scale_inherited_peaks_and_power() -> None:
    Path("base.yaml").write_text(BASE)
    Path("mine.yaml").write_text(EXTENDING.replace("threads: 4", "threads: 1")
                                 + "extends: ./base.yaml\n")  # fmt: skip
    base, child = load_device("./base.yaml"), load_device("./mine.yaml")
    rate = child.compute["fp32"]
    assert rate.macs_per_s.value == 10e9
    assert (rate.macs_per_s.low, rate.macs_per_s.high) == (7.5e9, 12.5e9)
    assert rate.macs_per_s.source == "1 of 4 threads of base; a sheet"
    assert rate.vector_ops_per_s is not None
    assert rate.vector_ops_per_s.value == 5e9
    assert rate.tile == base.compute["fp32"].tile
    assert child.memory == base.memory
    assert child.power_w is not None
    assert (child.power_w.low, child.power_w.high) == (1.25, 6.5)
    power = "power: {value: 2 W, basis: assumed, source: a guess}\n"
    Path("mine.yaml").write_text(Path("mine.yaml").read_text() + power)
    again = load_device("./mine.yaml")
    assert again.power_w is not None
    assert again.power_w.value == 2.0


def test_peaks_of_its_own_are_not_scaled() -> None:
    Path("base.yaml").write_text(BASE)
    own = "compute:\n  fp32: {macs: 7 GMAC/s, basis: assumed, source: a guess}\n"
    Path("mine.yaml").write_text(SHEET + "extends: ./base.yaml\n" + own)
    device = load_device("./mine.yaml")
    assert device.compute["fp32"].macs_per_s.value == 7e9
    assert device.power_w is not None


def test_a_shipped_profile_is_extended_by_its_name() -> None:
    Path("mine.yaml").write_text(SHEET + "extends: pixel_1\n")
    child, base = load_device("./mine.yaml"), load_device("pixel_1")
    assert (child.extends, child.compute, child.device_class) == ("pixel_1", base.compute, "phone")


def test_paths_are_relative_to_the_profile_that_extends() -> None:
    Path("some boards").mkdir()
    Path("my phones").mkdir()
    Path("some boards/base.yaml").write_text(BASE)
    Path("my phones/mine.yaml").write_text(EXTENDING + "extends: ../some boards/base.yaml\n")
    assert load_device("my phones/mine.yaml").extends == "base"


def test_a_fit_uses_the_coefficients_of_the_inherited_class() -> None:
    Path("base.yaml").write_text(BASE.replace("class: board", "class: microcontroller"))
    fit = GOOD.removeprefix(TOP)
    fitted = EXTENDING.replace("basis: datasheet", "basis: fitted")
    Path("mine.yaml").write_text(fitted + "extends: ./base.yaml\n" + fit)
    latency_fit = load_device("./mine.yaml").latency["fp32"]
    assert isinstance(latency_fit, CoefficientFit)
    spreads = shared_coefficients("microcontrollers").spreads
    winograd = TERM_NAMES.index("winograd")
    assert latency_fit.covariance[winograd + 1][-1] == spreads[winograd] ** 2


@pytest.mark.parametrize(
    ("extends", "expected"),
    [
        pytest.param(
            "pixel1",
            """\
mine.yaml:7:10: `pixel1` cannot be extended
    7 | extends: pixel1
      |          ^^^^^^
hint: there is no device `pixel1`; did you mean `pixel_1`?""",
            id="no such profile",
        ),
        pytest.param(
            "./none.yaml",
            """\
mine.yaml:7:10: `./none.yaml` cannot be extended
    7 | extends: ./none.yaml
      |          ^^^^^^^^^^^
hint: ./none.yaml: cannot be read: no such file or directory""",
            id="no such file",
        ),
        pytest.param(
            "./mine.yaml",
            """\
mine.yaml:7:10: `./mine.yaml` cannot be extended
    7 | extends: ./mine.yaml
      |          ^^^^^^^^^^^
hint: ./mine.yaml:7:1: a profile that is extended cannot extend another""",
            id="itself",
        ),
        pytest.param(
            "./child.yaml",
            """\
mine.yaml:7:10: `./child.yaml` cannot be extended
    7 | extends: ./child.yaml
      |          ^^^^^^^^^^^^
hint: ./child.yaml:7:1: a profile that is extended cannot extend another""",
            id="a chain",
        ),
        pytest.param(
            "./broken.yaml",
            """\
mine.yaml:7:10: `./broken.yaml` cannot be extended
    7 | extends: ./broken.yaml
      |          ^^^^^^^^^^^^^
hint: ./broken.yaml:6:8: `golden` is no basis; `basis` is `datasheet`, `fitted` or `calibrated`""",
            id="a broken profile",
        ),
        pytest.param(
            "./list.yaml",
            """\
mine.yaml:7:10: `./list.yaml` cannot be extended
    7 | extends: ./list.yaml
      |          ^^^^^^^^^^^
hint: ./list.yaml:1:1: a device profile is a mapping: `name: ...`, one key a line""",
            id="no profile",
        ),
        pytest.param(
            "3",
            """\
mine.yaml:7:10: `extends` must be text
    7 | extends: 3
      |          ^""",
            id="no text",
        ),
        pytest.param(
            "[pixel_1, pixel_2]",
            """\
mine.yaml:7:10: `extends` must be text
    7 | extends: [pixel_1, pixel_2]
      |          ^""",
            id="two",
        ),
    ],
)
def test_what_cannot_be_extended(extends: str, expected: str) -> None:
    Path("child.yaml").write_text(EXTENDING + "extends: pixel_1\n")
    Path("broken.yaml").write_text(BASE.replace("basis: datasheet", "basis: golden"))
    Path("list.yaml").write_text("- 1\n")
    assert message(TOP + f"extends: {extends}\n") == expected


def test_two_that_extend_each_other() -> None:
    Path("other.yaml").write_text(EXTENDING + "extends: ./mine.yaml\n")
    assert message(TOP + "extends: ./other.yaml\n").endswith(
        "hint: ./other.yaml:7:1: a profile that is extended cannot extend another"
    )


@pytest.mark.parametrize(
    ("pipeline", "expected"),
    [
        (
            "in-order",
            """\
mine.yaml:5:11: `in-order` is no pipeline
    5 | pipeline: in-order
      |           ^^^^^^^^
hint: did you mean `in_order`?""",
        ),
        (
            "hyperthread",
            """\
mine.yaml:5:11: `hyperthread` is no pipeline
    5 | pipeline: hyperthread
      |           ^^^^^^^^^^^
hint: `pipeline` is `in_order`, `out_of_order` or `scalar`""",
        ),
        (
            "2",
            """\
mine.yaml:5:11: `pipeline` must be text
    5 | pipeline: 2
      |           ^""",
        ),
    ],
)
def test_no_pipeline(pipeline: str, expected: str) -> None:
    assert message(BASE.replace("pipeline: in_order", f"pipeline: {pipeline}")) == expected


def test_no_core() -> None:
    text = BASE.replace("pipeline: in_order", "pipeline: in_order\ncore: cortex-m7")
    assert (
        message(text)
        == """\
mine.yaml:6:7: `cortex-m7` is no core
    6 | core: cortex-m7
      |       ^^^^^^^^^
hint: did you mean `cortex_m7`?"""
    )


def test_without_a_pipeline_nothing_is_known_of_it() -> None:
    Path("mine.yaml").write_text(BASE.replace("pipeline: in_order\n", ""))
    assert load_device("./mine.yaml").pipeline is None


def test_a_data_sheet_needs_its_peaks() -> None:
    expected = """\
mine.yaml:1:1: a device profile must state `compute`, `memory`
    1 | format: 1
      | ^"""
    assert message(SHEET) == expected


def test_a_basis_goes_with_a_fit() -> None:
    assert (
        message(TOP + "extends: pixel_1\n")
        == """\
mine.yaml:4:8: `basis: fitted` without a fit in `latency`
    4 | basis: fitted
      |        ^^^^^^
hint: `basis: datasheet` where no times are known; `mnet-cost calibrate --from TIMES.csv --into \
FILE` fits the profile to some"""
    )
    assert (
        message(GOOD.replace("basis: fitted", "basis: datasheet"))
        == """\
mine.yaml:4:8: `basis: datasheet` with a fit in `latency`
    4 | basis: datasheet
      |        ^^^^^^^^^
hint: `fitted` to published times, or `calibrated` by times of the very device"""
    )


def test_what_a_runtime_does_is_known_by_its_name() -> None:
    Path("base.yaml").write_text(BASE)
    for runtime, rules in (
        ("ncnn", runtime_rules("ncnn")),
        ("tflite-xnnpack", runtime_rules("tflite")),
        ("mine", frozenset(("fuse_clamps",))),  # nothing is known of it: as in `base`
    ):
        text = EXTENDING.replace("runtime: ncnn", f"runtime: {runtime}")
        Path("mine.yaml").write_text(text + "extends: ./base.yaml\n")
        assert load_device("./mine.yaml").kernel_rules == rules
    Path("mine.yaml").write_text(BASE.replace("kernels: [fuse_clamps]\n", ""))
    assert load_device("./mine.yaml").kernel_rules == DEFAULT_KERNEL_RULES


def test_no_more_threads_than_cores() -> None:
    cores = "cores: {value: 2, basis: datasheet, source: a sheet}\n"
    assert (
        message(BASE + cores)
        == """\
mine.yaml:8:10: 4 threads, but 2 cores
    8 | threads: 4
      |          ^"""
    )


PIECES = ["", "{", "]", "0", "-1", "[1, 2]", "null", ".nan", "\n", "  ", "- a", "fp32", "1e99"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.integers(len(TOP), len(GOOD)),
    length=st.integers(0, 30),
    piece=st.sampled_from(PIECES) | st.text(max_size=5),
)
def test_a_damaged_section_raises_nothing_else(start: int, length: int, piece: str) -> None:
    text = GOOD[:start] + piece + GOOD[start + length :]
    Path("mine.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
    with suppress(DeviceError):
        load_device("mine.yaml")


def test_energy_that_falls_outwards() -> None:
    levels = """\
  - {level: L2, size: 1 MiB, basis: assumed, source: a guess}
  - {level: DRAM,"""
    coefficients = """\
  bytes:
    L2: {value: 1 nJ/B, basis: assumed, source: a guess}
    DRAM: {value: 1 pJ/B, basis: assumed, source: a guess}
"""
    text = BASE.replace("  - {level: DRAM,", levels)
    text = text.replace(
        "  bytes:\n    DRAM: {value: 40 pJ/B, basis: assumed, source: a guess}\n", coefficients
    )
    assert message(text).splitlines()[0] == (
        "mine.yaml:24:5: a byte of `L2` takes more energy than one of `DRAM` outside of it"
    )
