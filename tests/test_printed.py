"""Printed figures: what they state, and how a number becomes one."""

from __future__ import annotations

from fractions import Fraction

import pytest

from mnet_cost.errors import UnitError
from mnet_cost.printed import parse_printed, rounding_of


@pytest.mark.parametrize(
    ("text", "value", "step"),
    [
        ("569 M", 569_000_000, 1_000_000),
        ("4.2M", 4_200_000, 100_000),
        ("4.20 M", 4_200_000, 10_000),
        ("0.58 G", 580_000_000, 10_000_000),
        ("25557032", 25_557_032, 1),
        ("70.6", Fraction(706, 10), Fraction(1, 10)),
        (" 66 k ", 66_000, 1_000),
    ],
)
def test_a_figure_has_a_value_and_a_step(text: str, value: Fraction, step: Fraction) -> None:
    printed = parse_printed(text)
    assert (printed.text, printed.value, printed.step) == (text.strip(), value, step)


@pytest.mark.parametrize("text", ["", "M", "-5", "1,000", "4.2 MB", "1e6", ".5 M", "5. M", "4 m"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UnitError, match="is not a printed figure"):
        parse_printed(text)


@pytest.mark.parametrize(
    ("number", "text", "rounding"),
    [
        (568_740_352, "569 M", "rounded"),  # arXiv:1704.04861, Table 4
        (568_740_352, "568740352", "exact"),
        (567_716_352, "568 M", "rounded"),
        (289_654_784, "289 M", "truncated"),
        (149_497_088, "149 M", "rounded"),  # the paper
        (149_497_088, "150 M", "rounded twice"),  # TF-slim: 149.497 -> 149.5 -> 150
        (149_440_000, "150 M", None),  # 149.44 -> 149.4 -> 149
        (500_000, "1 M", "rounded"),  # halves go up
        (30_210_000, "34 M", None),
        (Fraction(191, 100), "1.91", "exact"),
        (568_740_352, "0 G", None),
        (884_736, "0 M", None),
        (0, "0 M", "exact"),
    ],
)
def test_roundings(number: Fraction, text: str, rounding: str | None) -> None:
    assert rounding_of(number, parse_printed(text)) == rounding
