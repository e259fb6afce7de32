"""Fits written into profiles, and read again."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mnet_cost.devices import DeviceProfile, Sourced, load_device
from mnet_cost.devices.coefficients import shared_coefficients
from mnet_cost.devices.latency_models import (
    CoefficientFit,
    FittedOn,
    HeldOut,
    LatencyFit,
    RooflineFit,
    Spread,
)
from mnet_cost.devices.terms import TERM_NAMES
from mnet_cost.errors import DeviceError
from mnet_cost.measure.profiles import latency_text, profile_text, with_latency

SOURCE = "fitted to 12 measurements of a table that somebody made up for a test"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def coefficients(source: str = SOURCE, families: tuple[str, ...] = ("IR", "V1")) -> CoefficientFit:
    """A fit that has seen five terms, of 21 and more."""
    seen = (*TERM_NAMES[:3], "lrn", "kernel")
    spreads = shared_coefficients().spreads
    covariance = [[0.0] * (i + 1) for i in range(1 + len(TERM_NAMES))]
    covariance[0][0] = 0.0123
    for i, name in enumerate(TERM_NAMES, start=1):
        covariance[i][i] = spreads[i - 1] ** 2
        if name in seen:
            covariance[i][0], covariance[i][i] = -0.0031, 0.0317
            for j in range(1, i):
                covariance[i][j] = 0.0007 if TERM_NAMES[j - 1] in seen else 0.0
    return CoefficientFit(
        scale_s=Sourced(value=1.7264e-10, source=source, basis="fitted"),
        deviations={name: 0.1234567 * (-1) ** i for i, name in enumerate(seen)},
        covariance=tuple(map(tuple, covariance)),
        spread=Spread(width=1.128, noise=0.12),
        tile=4,
        fitted_on=FittedOn(
            networks=12,
            families=families,
            mult_adds=(29_370_112.0, 15.47e9),
            latency_s=(0.01254, 6.605),
            terms=seen,
        ),
        held_out=HeldOut(
            protocol="one family at a time",
            measurements=12,
            median=0.0752,
            mean=0.1019,
            worst="vgg16@alpha=1:a",
            worst_error=-0.413,
        ),
    )


def roofline(source: str = SOURCE) -> RooflineFit:
    return RooflineFit(
        macs_per_s=Sourced(value=103.1e9, source=source, basis="fitted"),
        bytes_per_s=Sourced(value=4.6123e9, source=source, basis="fitted"),
        inference_s=None,
        kernel_s=Sourced(value=12.3e-6, source=source, basis="fitted"),
        spread=Spread(width=1.0, noise=0.188),
        fitted_on=FittedOn(
            networks=11,
            families=("ConvNeXt", "UIB"),
            mult_adds=(69.25e6, 8.684e9),
            latency_s=(0.0024, 0.3149),
            terms=(),
        ),
        held_out=HeldOut(
            protocol="one family at a time",
            measurements=11,
            median=0.123,
            mean=0.175,
            worst="true",
            worst_error=1.28,
        ),
    )


def written(fits: Mapping[str, LatencyFit], **other: object) -> str:
    settings: dict[str, object] = {
        "name": "mine", "title": "A board", "basis": "calibrated", "runtime": "ncnn",
        "threads": 1, "kernels": ("fold_norms",),
    }  # fmt: skip
    return profile_text(**{**settings, **other}, fits=fits)  # type: ignore[arg-type]


def loaded(text: str, name: str = "mine.yaml") -> DeviceProfile:
    Path(name).write_text(text, encoding="utf-8")
    return load_device(f"./{name}")


def same_number(actual: Sourced | None, expected: Sourced | None) -> None:
    assert (actual is None) == (expected is None)
    if actual and expected:
        assert actual.value == pytest.approx(expected.value, rel=1e-3)
        assert (actual.source, actual.basis) == (expected.source, expected.basis)


def same_evidence(actual: LatencyFit, expected: LatencyFit) -> None:
    assert actual.spread.width == pytest.approx(expected.spread.width, rel=5e-3)
    assert actual.spread.noise == pytest.approx(expected.spread.noise, rel=5e-3)
    assert actual.fitted_on is not None
    assert expected.fitted_on is not None
    for key in ("networks", "families", "terms"):
        assert getattr(actual.fitted_on, key) == getattr(expected.fitted_on, key)
    for key in ("mult_adds", "latency_s"):
        assert getattr(actual.fitted_on, key) == pytest.approx(
            getattr(expected.fitted_on, key), rel=1e-3
        )
    assert actual.held_out is not None
    assert expected.held_out is not None
    assert actual.held_out.protocol == expected.held_out.protocol
    assert actual.held_out.measurements == expected.held_out.measurements
    assert actual.held_out.worst == expected.held_out.worst
    for key in ("median", "mean", "worst_error"):
        assert getattr(actual.held_out, key) == pytest.approx(
            getattr(expected.held_out, key), rel=5e-3
        )


def same_coefficients(actual: LatencyFit, expected: CoefficientFit) -> None:
    assert isinstance(actual, CoefficientFit)
    same_number(actual.scale_s, expected.scale_s)
    assert actual.deviations == pytest.approx(expected.deviations, abs=5e-5)
    assert actual.tile == expected.tile
    for row, other in zip(actual.covariance, expected.covariance, strict=True):
        assert row == pytest.approx(other, abs=5e-5)
    same_evidence(actual, expected)


def same_roofline(actual: LatencyFit, expected: RooflineFit) -> None:
    assert isinstance(actual, RooflineFit)
    for key in ("macs_per_s", "bytes_per_s", "inference_s", "kernel_s"):
        same_number(getattr(actual, key), getattr(expected, key))
    same_evidence(actual, expected)


def test_coefficients_are_read_as_they_were_fitted() -> None:
    device = loaded(written({"fp32": coefficients()}))
    assert list(device.latency) == ["fp32"]
    same_coefficients(device.latency["fp32"], coefficients())
    assert (device.name, device.title, device.basis, device.runtime, device.threads) == (
        "mine", "A board", "calibrated", "ncnn", 1,
    )  # fmt: skip
    assert device.kernel_rules == {"fold_norms"}
    assert (device.compute, device.memory, device.extends) == ({}, (), None)


def test_a_roofline_is_read_as_it_was_fitted() -> None:
    device = loaded(written({"int8": roofline()}, kernels=()))
    same_roofline(device.latency["int8"], roofline())
    assert device.kernel_rules == frozenset()


def test_two_precisions() -> None:
    device = loaded(written({"fp32": coefficients(), "int8": roofline()}))
    assert list(device.latency) == ["fp32", "int8"]
    same_coefficients(device.latency["fp32"], coefficients())
    same_roofline(device.latency["int8"], roofline())


@pytest.mark.parametrize("text", [written({"fp32": coefficients()}), written({"int8": roofline()})])
def test_what_is_written_twice_is_the_same(text: str) -> None:
    device = loaded(text)
    assert written(device.latency, kernels=device.kernel_rules) == text


def test_lines_are_short() -> None:
    source = "fitted to 999 measurements of " + ", ".join(f"source number {i}" for i in range(20))
    families = tuple(f"family_{i}" for i in range(40))
    text = written({"fp32": coefficients(source, families)}, comment=("how it was made",))
    assert max(map(len, text.splitlines())) < 100
    assert "\t" not in text
    assert not any(line.endswith(" ") for line in text.splitlines())
    same_coefficients(loaded(text).latency["fp32"], coefficients(source, families))


def test_the_profile_that_is_extended() -> None:
    device = loaded(written({"fp32": coefficients()}, extends="pixel_1", device_class="phone"))
    assert (device.extends, device.device_class) == ("pixel_1", "phone")
    assert device.compute == load_device("pixel_1").compute


HOSTILE = [
    'a "quoted" word',
    "a: b",
    "a #b",
    "# a",
    "back\\slash \\n",
    "'",
    "true",
    "null",
    "~",
    "1e3",
    "0x10",
    ".inf",
    "- a",
    "{a: b}",
    "[a",
    "*a",
    "&a",
    "!a",
    "%a",
    "@a",
    "`a`",
    "? a",
    "|",
    "---",
    "...",
    "caf\N{LATIN SMALL LETTER E WITH ACUTE} \N{GREEK SMALL LETTER MU}s",
    "\N{CJK UNIFIED IDEOGRAPH-6771}\N{CJK UNIFIED IDEOGRAPH-4EAC}",
    "\N{PILE OF POO}",
    "a,b",
    "x" * 300,
    "word " * 60 + "end",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_is_read_as_it_was_given(text: str) -> None:
    fits: dict[str, LatencyFit] = {
        "fp32": coefficients(text, (text, "V1")), "int8": roofline(text),
    }  # fmt: skip
    device = loaded(written(fits, name=text, title=text, runtime=text, comment=(text,)))
    assert (device.name, device.title, device.runtime) == (text, text, text)
    same_coefficients(device.latency["fp32"], coefficients(text, (text, "V1")))
    same_roofline(device.latency["int8"], roofline(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("two\nlines\r\nand a\ttab", "two lines and a tab"),
        ("\n--- \nformat: 2", "--- format: 2"),
        ("  much   room ", "much room"),
        ("\u2028line\x85breaks", "line breaks"),
        ("bell\x07 and \x1b[31m", "bell\\x07 and \\x1b[31m"),
        ("zero\N{ZERO WIDTH SPACE}width", "zero\\u200bwidth"),
    ],
)
def test_characters_that_a_line_cannot_hold(text: str, expected: str) -> None:
    fit = coefficients(text, (text,))
    device = loaded(written({"fp32": fit}, name=text, title=text, comment=(text,)))
    assert (device.name, device.title) == (expected, expected)
    same_coefficients(device.latency["fp32"], coefficients(expected, (expected,)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.text(min_size=1).filter(lambda text: text.strip()))
def test_any_text_can_be_read(text: str) -> None:
    fit = coefficients(text, (text,))
    device = loaded(written({"fp32": fit}, name=text, title=text, runtime=text, comment=(text,)))
    assert device.title
    assert isinstance(device.latency["fp32"], CoefficientFit)


OWN = """\
# My board, measured by myself.

format: 1
name: mine
title:   "A board"   # an odd gap
class: board
pipeline: in_order
basis: datasheet # so far
runtime: any
threads: 1
compute:
  fp32: {macs: 19 GFLOP/s, basis: assumed, source: guess}
memory:
  - {level: DRAM, size: 4 GB, bandwidth: 10 GB/s, basis: assumed, source: guess}


"""
POWER = """\
# What it draws.
power: {value: 5 W, basis: assumed, source: guess}
"""


def put(data: str | bytes, fits: Mapping[str, LatencyFit], *comment: str) -> str:
    Path("mine.yaml").write_bytes(data if isinstance(data, bytes) else data.encode())
    text = with_latency("mine.yaml", fits, "calibrated", comment)
    Path("mine.yaml").write_bytes(text.encode())
    return text


def test_a_fit_is_put_into_a_file() -> None:
    text = put(OWN + POWER, {"fp32": coefficients()}, "  a command", "    of two lines")
    kept = (OWN + POWER).replace("basis: datasheet", "basis: calibrated")
    comment = "# Fitted by\n#   a command\n#     of two lines\n"
    assert text == kept + comment + latency_text({"fp32": coefficients()})
    device = load_device("./mine.yaml")
    assert device.basis == "calibrated"
    assert device.power_w is not None
    same_coefficients(device.latency["fp32"], coefficients())


def test_a_second_fit_takes_the_place_of_the_first() -> None:
    once = put(OWN, {"fp32": coefficients()}, "  a command")
    assert put(once, {"fp32": coefficients()}, "  a command") == once
    other = put(once, {"int8": roofline()}, "  another")
    kept = OWN.replace("basis: datasheet", "basis: calibrated")
    assert other == kept + "# Fitted by\n#   another\n" + latency_text({"int8": roofline()})


def test_text_after_a_fit_stays() -> None:
    once = put(OWN, {"fp32": coefficients()}, "  a command")
    for end in ("# Words at the end.\n", "\n" + POWER, POWER + "\n# Words at the end.\n"):
        text = put(once + end, {"int8": roofline()})
        kept = OWN.replace("basis: datasheet", "basis: calibrated")
        assert text == kept + end + latency_text({"int8": roofline()})


def test_comments_before_a_section_stay() -> None:
    own = OWN + "# My own words.\n" + latency_text({"fp32": coefficients()})
    text = put(own, {"int8": roofline()})
    assert "# My own words.\n" in text
    assert text.count("latency:\n") == 1
    together = (
        OWN + "# My own words.\n# Fitted by\n#   x\n" + latency_text({"fp32": coefficients()})
    )
    text = put(together, {"int8": roofline()})
    assert "# My own words.\nlatency:" in text
    assert "Fitted by" not in text


@pytest.mark.parametrize("quote", ["datasheet", '"datasheet"', "'datasheet'"])
def test_the_word_of_the_basis_alone_is_changed(quote: str) -> None:
    text = put(OWN.replace("basis: datasheet", f"basis:   {quote}"), {"fp32": coefficients()})
    assert "basis:   calibrated # so far\n" in text


def test_every_other_byte_stays() -> None:
    for data in (
        OWN.replace("\n", "\r\n").encode(),
        b"\xef\xbb\xbf" + OWN.encode(),
        OWN.rstrip().encode(),
        OWN.replace("odd gap", "odd g\N{LATIN SMALL LETTER A WITH DIAERESIS}p").encode(),
    ):
        put(data, {"fp32": coefficients()})
        content = Path("mine.yaml").read_bytes()
        assert content.startswith(data.replace(b"basis: datasheet", b"basis: calibrated"))
        if b"\r\n" in data:
            assert content.count(b"\n") == content.count(b"\r\n")
        same_coefficients(load_device("./mine.yaml").latency["fp32"], coefficients())


@pytest.mark.parametrize("end", ["...\n", "...\n# Words at the end.\n", "... # so far\n", "..."])
def test_a_fit_stands_before_the_end_of_the_document(end: str) -> None:
    once = put(OWN + end, {"fp32": coefficients()}, "  a command")
    assert once.endswith(latency_text({"fp32": coefficients()}) + end)
    same_coefficients(load_device("./mine.yaml").latency["fp32"], coefficients())
    assert put(once, {"fp32": coefficients()}, "  a command") == once


def test_a_fit_stands_as_deep_as_the_other_keys() -> None:
    deep = textwrap.indent(OWN, "  ")
    once = put(deep, {"fp32": coefficients()}, "  a command")
    kept = deep.replace("basis: datasheet", "basis: calibrated")
    section = "# Fitted by\n#   a command\n" + latency_text({"fp32": coefficients()})
    assert once == kept + textwrap.indent(section, "  ")
    same_coefficients(load_device("./mine.yaml").latency["fp32"], coefficients())
    assert put(once, {"fp32": coefficients()}, "  a command") == once


@pytest.mark.parametrize("basis", [">-\n  datasheet", "|-\n  datasheet", '"data\\\n  sheet"'])
def test_a_basis_that_is_no_word_on_its_line(basis: str) -> None:
    with pytest.raises(DeviceError) as caught:
        put(OWN.replace("basis: datasheet", f"basis: {basis}"), {"fp32": coefficients()})
    first, *_, hint = str(caught.value).split("\n")
    assert first == "mine.yaml:8:8: the basis is not written as one word"
    assert hint == "hint: write it on the line of its key: `basis: datasheet`"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: mine\n", "mine.yaml: is no device profile: it states no `basis`"),
        ("- 1\n", "mine.yaml: is no device profile: it states no `basis`"),
        ("", "mine.yaml: is empty"),
        (
            "# mine\n{format: 1, basis: fitted}\n",
            """\
mine.yaml:2:1: nothing can be put into braces
    2 | {format: 1, basis: fitted}
      | ^
hint: `format: 1` and so on, one key a line""",
        ),
    ],
)
def test_nothing_to_put_a_fit_into(text: str, expected: str) -> None:
    Path("mine.yaml").write_text(text)
    with pytest.raises(DeviceError) as caught:
        with_latency("mine.yaml", {"fp32": coefficients()}, "fitted")
    assert str(caught.value) == expected
