"""Every prefix by value, formatting, the way back, and what is refused with which words."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnet_cost.errors import UnitError
from mnet_cost.units import (
    format_bytes,
    format_capacity,
    format_count,
    format_seconds,
    format_si,
    parse_quantity,
)


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("1 PB", "B", 1e15),
        ("1 TB", "B", 1e12),
        ("1 GB", "B", 1e9),
        ("1 MB", "B", 1e6),
        ("1 kB", "B", 1e3),
        ("1 B", "B", 1.0),
        ("1 TiB", "B", 1_099_511_627_776.0),
        ("1 GiB", "B", 1_073_741_824.0),
        ("1 MiB", "B", 1_048_576.0),
        ("1 KiB", "B", 1024.0),
        ("1 GiB/s", "B/s", 1_073_741_824.0),
        ("1 s", "s", 1.0),
        ("1 ms", "s", 1e-3),
        ("1 µs", "s", 1e-6),
        ("1 \N{GREEK SMALL LETTER MU}s", "s", 1e-6),
        ("1 us", "s", 1e-6),
        ("1 ns", "s", 1e-9),
        ("1 ps", "s", 1e-12),
        ("400 pJ/MAC", "J/MAC", 4e-10),
        ("160 pJ/B", "J/B", 1.6e-10),
    ],
)
def test_each_prefix_by_value(text: str, unit: str, value: float) -> None:
    assert parse_quantity(text, unit) == value


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("25.6 GB/s", "B/s", 25_600_000_000.0),
        ("4.82 MB", "B", 4_820_000.0),  # not 4820000.000000001
        ("512 KiB", "B", 524_288.0),
        ("9.368 GMAC/s", "MAC/s", 9_368_000_000.0),
        ("1 MAC/s", "MAC/s", 1.0),  # the M is no prefix
        ("1 MMAC/s", "MAC/s", 1e6),
        ("569 MMAC", "MAC", 569e6),
        ("1 FLOP/s", "MAC/s", 0.5),
        ("472 GFLOP/s", "MAC/s", 236e9),
        ("989 TFLOP/s", "MAC/s", 494.5e12),
        ("1 PFLOP/s", "MAC/s", 5e14),
        ("19 GFLOP/s", "FLOP/s", 19e9),
        ("9.4 Gop/s", "op/s", 9.4e9),
        ("1.5 GHz", "Hz", 1.5e9),
        ("125 mW", "W", 0.125),
        ("3 mJ", "J", 0.003),
        ("20ms", "s", 0.02),
        ("  20   ms ", "s", 0.02),
        ("25.6 GB / s", "B/s", 25.6e9),
        ("+2 ms", "s", 0.002),
        ("1.5e3 kB", "B", 1.5e6),
        (".5 MB", "B", 500_000.0),
        ("2. MB", "B", 2_000_000.0),
        ("0 s", "s", 0.0),
    ],
)
def test_parse(text: str, unit: str, value: float) -> None:
    assert parse_quantity(text, unit) == value


@pytest.mark.parametrize(
    ("text", "unit", "message"),
    [
        (
            "25.6",
            "B/s",
            "`25.6` has no unit; a bandwidth is asked for\n"
            "hint: a number alone can mean anything: write for example `25.6 GB/s`",
        ),
        (
            "4 MB",
            "B/s",
            "`4 MB` is a size; a bandwidth is asked for\nhint: write for example `25.6 GB/s`",
        ),
        (
            "4 GB/s",
            "B",
            "`4 GB/s` is a bandwidth; a size is asked for\nhint: write for example `4.5 MB`",
        ),
        (
            "3 GFLOP/s",
            "op/s",
            "`3 GFLOP/s` is a rate of FLOPs; a rate of operations is asked for\n"
            "hint: write for example `9.4 Gop/s`",
        ),
        (
            "3 GMAC/s",
            "FLOP/s",
            "`3 GMAC/s` is a rate of mult-adds; a rate of FLOPs is asked for\n"
            "hint: write for example `19 GFLOP/s`",
        ),
        (
            "320 KB",
            "B",
            "`320 KB`: there is no unit `KB`; a size is asked for\n"
            "hint: `KB` is 1000 bytes to some and 1024 to others: write `kB` or `KiB`",
        ),
        (
            "4 mB",
            "B",
            "`4 mB`: there is no unit `mB`; a size is asked for\nhint: did you mean `MB`?",
        ),
        (
            "4 gb",
            "B",
            "`4 gb`: there is no unit `gb`; a size is asked for\nhint: did you mean `GB`?",
        ),
        (
            "4 Ms",
            "B",
            "`4 Ms` is a time; a size is asked for\nhint: write for example `4.5 MB`",
        ),
        (
            "10 Gbit/s",
            "B/s",
            "`10 Gbit/s`: there is no unit `Gbit/s`; a bandwidth is asked for\n"
            "hint: a bit is an eighth of a byte: divide by 8 and write B",
        ),
        (
            "10 Gbps",
            "B/s",
            "`10 Gbps`: there is no unit `Gbps`; a bandwidth is asked for\n"
            "hint: a bit is an eighth of a byte: divide by 8 and write B",
        ),
        (
            "10 GBps",
            "B/s",
            "`10 GBps`: there is no unit `GBps`; a bandwidth is asked for\n"
            "hint: did you mean `GB/s`?",
        ),
        (
            "4 TOPS",
            "MAC/s",
            "`4 TOPS`: there is no unit `TOPS`; a rate of mult-adds is asked for\n"
            "hint: TOPS counts a mult-add as two operations: halve it and write TMAC/s",
        ),
        (
            "4 GFLOPS",
            "MAC/s",
            "`4 GFLOPS`: there is no unit `GFLOPS`; a rate of mult-adds is asked for\n"
            "hint: did you mean `GFLOP/s`?",
        ),
        (
            "2 fortnights",
            "s",
            "`2 fortnights`: there is no unit `fortnights`; a time is asked for\n"
            "hint: write for example `12 ms`",
        ),
        (
            "1 GiHz",
            "Hz",
            "`1 GiHz`: there is no unit `GiHz`; a frequency is asked for\n"
            "hint: did you mean `GHz`?",
        ),
        (
            "1,000 B",
            "B",
            "`1,000 B`: there is no unit `,000B`; a size is asked for\n"
            "hint: write a number without separators, with a point: `1234.5`",
        ),
        ("-3 MB", "B", "`-3 MB` is negative; a size cannot be"),
        ("nan s", "s", "`nan s` is not a finite number"),
        ("inf s", "s", "`inf s` is not a finite number"),
        (".inf s", "s", "`.inf s` is not a finite number"),
        ("1e999 s", "s", "`1e999 s` is too large for a number"),
        ("1e308 PB", "B", "`1e308 PB` is too large for a number"),
        ("1e-999 s", "s", "`1e-999 s` is too small for a number"),
        (
            "fast",
            "B/s",
            "`fast` does not start with a number; a bandwidth is asked for\n"
            "hint: write for example `25.6 GB/s`",
        ),
        (
            "",
            "s",
            "`` does not start with a number; a time is asked for\nhint: write for example `12 ms`",
        ),
    ],
)
def test_refused(text: str, unit: str, message: str) -> None:
    with pytest.raises(UnitError) as caught:
        parse_quantity(text, unit)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (25.6e9, "B/s", "25.6 GB/s"),
        (1.9e12, "B/s", "1.90 TB/s"),
        (2e15, "FLOP/s", "2.00 PFLOP/s"),
        (9.368e9, "MAC/s", "9.37 GMAC/s"),
        (4e-10, "J/MAC", "400 pJ/MAC"),
        (0.0031, "J", "3.10 mJ"),
        (1500.0, "W", "1.50 kW"),
        (-1_234_567, "B", "-1.23 MB"),
        (0.5, "B", "0.5 B"),  # nobody says milli-bytes
        (1e18, "B", "1000 PB"),
        (float("inf"), "B", "inf B"),
    ],
)
def test_format_si(value: float, unit: str, text: str) -> None:
    assert format_si(value, unit) == text


def test_format_bytes() -> None:
    shown = [format_bytes(value) for value in (0, 512, 999, 1000, 4_820_000, 999_960, 80e9)]
    assert shown == ["0 B", "512 B", "999 B", "1.00 kB", "4.82 MB", "1.00 MB", "80.0 GB"]


def test_format_count() -> None:
    shown = [format_count(value) for value in (0, 17, 999_960, 999_940, 568_740_352, 4_231_976)]
    assert shown == ["0", "17", "1.000 M", "999.9 k", "568.7 M", "4.232 M"]


def test_format_seconds() -> None:
    shown = [format_seconds(value) for value in (0, 0.0123, 7e-6, 9.999e-4, 2.5, 1234.5, 3e-13)]
    assert shown == ["0 s", "12.3 ms", "7.00 µs", "1.00 ms", "2.50 s", "1234 s", "0.3 ps"]


@pytest.mark.parametrize("unit", ["B", "B/s", "MAC", "MAC/s", "FLOP/s", "op/s"])
@given(value=st.floats(1, 1e17))
def test_counted_things_come_back(unit: str, value: float) -> None:
    assert parse_quantity(format_si(value, unit, 6), unit) == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize("unit", ["s", "Hz", "W", "J", "J/MAC", "J/B"])
@given(value=st.floats(1e-13, 1e17))
def test_continuous_things_come_back(unit: str, value: float) -> None:
    assert parse_quantity(format_si(value, unit, 6), unit) == pytest.approx(value, rel=1e-5)


@given(value=st.floats(), unit=st.sampled_from(["B", "s", "J", ""]), digits=st.integers(1, 8))
def test_any_number_has_a_text(value: float, unit: str, digits: int) -> None:
    assert format_si(value, unit, digits).endswith(unit)


@given(text=st.text(max_size=20), unit=st.sampled_from(["B", "MAC/s", "s", "J/B"]))
def test_any_text_is_a_quantity_or_a_unit_error(text: str, unit: str) -> None:
    for candidate in (text, f"1 {text}"):
        with suppress(UnitError):
            assert parse_quantity(candidate, unit) >= 0


def test_capacities_keep_the_prefix_they_were_made_with() -> None:
    assert format_capacity(512 * 1024) == "512 KiB"
    assert format_capacity(2 * 2**20) == "2 MiB"
    assert format_capacity(1536 * 1024) == "1536 KiB"
    assert format_capacity(4e9) == "4.00 GB"
    assert format_capacity(512_000) == "512 kB"
