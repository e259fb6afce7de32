"""Figures as papers print them: a number and the step of its last digit.

`569 M` states a number to a million. Whether a count of ours is what was printed depends on that
step: papers round some cells, truncate others, and round some twice. Not here: which of several
countings a figure is of; the callers try them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from mnet_cost.errors import Problem, UnitError
from mnet_cost.units import POWERS_OF_TEN

if TYPE_CHECKING:
    from fractions import Fraction

_FIGURE = re.compile(r"([0-9]+)(?:\.([0-9]+))? ?([kMGT]?)")

Rounding = Literal["exact", "rounded", "truncated", "rounded twice"]
"""How a number became the printed figure.

exact: no digit was left out. rounded: to the nearest figure, halves up. truncated: the further
digits were cut off. rounded twice: first to a digit more, then to the figure.
"""


class Printed(NamedTuple):
    """A figure as printed: 4.2 M has the value 4,200,000 and the step 100,000."""

    text: str
    value: Fraction
    step: Fraction
    """The value of a 1 in the place of the last printed digit."""

    def __str__(self) -> str:
        return self.text


def is_printed(text: str) -> bool:
    """Whether `parse_printed` takes a text; this is faster."""
    return _FIGURE.fullmatch(text.strip()) is not None


def parse_printed(text: str) -> Printed:
    """The figure in a text: digits, perhaps with a point, and perhaps k, M, G or T (powers of 10).

    Raises `UnitError` for any other text: with a separator, a unit or a sign.
    """
    from fractions import Fraction  # loading a model checks figures and reads none

    match = _FIGURE.fullmatch(text.strip())
    if match is None:
        raise UnitError(
            Problem(
                f"`{text}` is not a printed figure",
                hint="write digits and at most one of k, M, G, T: `569 M`, `4.2 M`, `25557032`",
            )
        )
    whole, decimals, prefix = match[1], match[2] or "", match[3]
    step = Fraction(10) ** (POWERS_OF_TEN[prefix] - len(decimals))
    return Printed(text.strip(), int(whole + decimals) * step, step)


def rounding_of(number: Fraction | int, printed: Printed) -> Rounding | None:
    """How `number` is rounded to the figure `printed`; None if it is not rounded to it at all."""
    from fractions import Fraction

    if number == printed.value:
        return "exact"
    if not printed.value:  # a zero with few digits would state any small number
        return None
    steps, target = Fraction(number) / printed.step, printed.value / printed.step
    if _half_up(steps) == target:
        return "rounded"
    if steps.__floor__() == target:
        return "truncated"
    if _half_up(Fraction(_half_up(10 * steps), 10)) == target:
        return "rounded twice"
    return None


def _half_up(number: Fraction) -> int:
    from fractions import Fraction

    return (number + Fraction(1, 2)).__floor__()
