"""Values as they are typed: exact steps, both ends, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnet_cost.errors import UsageError
from mnet_cost.search.ranges import MAX_VALUES, given_values, parse_values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("96:160:32,224", (96, 128, 160, 224)),
        ("0.1:0.5:0.1", (0.1, 0.2, 0.3, 0.4, 0.5)),
        ("1:1:1", (1,)),
        ("0.25", (0.25,)),
        ("wide,narrow", ("wide", "narrow")),
        ("true,false", (True, False)),
        ("a:b", ("a:b",)),  # a word, since it does not begin like a number
        ("480x640,224", ("480x640", 224)),
        ("1e2:3e2:1e2", (100.0, 200.0, 300.0)),
    ],
)
def test_what_is_meant(text: str, values: tuple[Any, ...]) -> None:
    parsed = parse_values(text, "--set k")
    assert parsed == values
    assert list(map(type, parsed)) == list(map(type, values))


@given(first=st.integers(0, 500), steps=st.integers(0, 400), step=st.integers(1, 99))
def test_steps_are_exact_decimals(first: int, steps: int, step: int) -> None:
    """Each value is the double nearest to its decimal, and the last is the end."""
    text = f"{first / 100}:{(first + steps * step) / 100}:{step / 100}"
    expected = tuple((first + i * step) / 100 for i in range(steps + 1))
    assert parse_values(text, "--alpha") == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a value is missing"),
        ("1,", "a value is missing"),
        ("1:2", "has no step"),
        ("1:2:3:4", "is no range"),
        ("1:inf:1", "no finite number"),
        ("nan:2:1", "no finite number"),
        ("1:2:", "a number is missing"),
        ("96x96:224x224:32", "a height and a width have no step"),
        ("nan", "`nan` is not a finite number"),
        ("0.5,-.inf", "`-.inf` is not a finite number"),
        ("2:1:1", "is empty"),
        ("1:2:-1", "a range goes upwards"),
        ("1:2:0", "never ends"),
        ("0:1:0.3", "do not meet 1"),
        ("0:1e9:1", f"more than {MAX_VALUES:,} values"),
        ("1e99:2e99:1e98", "2^53"),
        ("1,2,1.0", "is there twice"),
        ("0.1:0.3:0.1,0.2", "is there twice"),
    ],
)
def test_what_is_refused_shows_the_place(text: str, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_values(text, "--alpha")
    shown = str(raised.value)
    assert said in shown
    assert "^" in shown


def test_python_values() -> None:
    assert given_values([0.5, 1], "alpha") == (0.5, 1)
    assert given_values("0.5:1.0:0.5", "alpha") == (0.5, 1.0)
    assert given_values(224, "resolution") == (224,)
    with pytest.raises(UsageError, match="has no value"):
        given_values([], "alpha")
    with pytest.raises(UsageError, match="is there twice"):
        given_values([1, 1.0], "alpha")
    with pytest.raises(TypeError, match="needs numbers, flags or words"):
        given_values([None], "alpha")
