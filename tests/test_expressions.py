"""The arithmetic of specs: grammar, values, and the same on arrays as on numbers."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnet_cost.expressions import (
    MAX_LENGTH,
    MAX_NESTING,
    ExpressionError,
    constant_value,
    parse_expression,
)


class Names:
    """A scope of names, functions and sizes."""

    def __init__(self, **names: Any) -> None:
        self.names = names
        self.functions: dict[str, Callable[..., Any]] = {}

    def call(self, name: str, arguments: list[Any]) -> Any:
        return self.functions[name](*arguments)

    def mark(self, valid: Any) -> None:
        assert np.all(valid), "an operation that a number would be refused for"

    def size(self, reference: str, axis: str) -> Any:
        return {"channels": 3, "height": 224}[axis] if reference == "input" else len(reference)


def evaluate(text: str, **names: Any) -> Any:
    return parse_expression(text).evaluate(Names(**names))


def refusal(text: str, **names: Any) -> tuple[str, int, int]:
    with pytest.raises(ExpressionError) as caught:
        evaluate(text, **names)
    return caught.value.message, caught.value.offset, caught.value.length


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7), ("(1 + 2) * 3", 9), ("10 - 4 - 3", 3), ("24 / 4 / 3", 2.0),
        ("7 // 2 * 2", 6), ("7 % 4 % 2", 1), ("-2 * -3", 6), ("--2", 2), ("2 - -2", 4),
        ("-7 // 2", -4), ("-7 % 3", 2), ("2 * 3 % 4", 2), ("8 / 2 + 1", 5.0),
        ("1 + 1 == 2", True), ("1 < 2 and 3 < 2", False), ("1 < 2 or 3 < 2", True),
        ("true or true and false", True), ("not true or true", True), ("not 1 == 2", True),
        ("not not true", True), ("not (true and false)", True), ("true == false", False),
        ("(1 < 2) == (2 < 3)", True), ("2 >= 2", True), ("2 != 2", False), ("1 <= 0", False),
        ("min(3, 1, 2)", 1), ("max(3, 1, 2)", 3), ("max(1, min(5, 9)) + 1", 6),
        ("input.channels * 2", 6), ("input.height // 2", 112), ("a.b_2.3.channels", 7),
        (".5 + 1.", 1.5), ("1e3", 1000.0), ("1.5e-1", 0.15), ("  1+1 ", 2), ("5", 5),
    ],
)  # fmt: skip
def test_what_an_expression_means(text: str, value: object) -> None:
    result = evaluate(text)
    assert (result, type(result)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("floor(0.29 * 100)", 28), ("0.1 + 0.2 == 0.3", False), ("96 * 0.3", 28.799999999999997),
        ("round(0.5)", 0), ("round(1.5)", 2), ("round(2.5)", 2), ("round(-2.5)", -2),
        ("floor(-0.5)", -1), ("ceil(1.2)", 2), ("ceil(-1.2)", -1), ("floor(7)", 7),
        ("1 / 3", 1 / 3),
        ("9007199254740991 + 1", 2**53), ("3 * 1.0", 3.0),
    ],
)  # fmt: skip
def test_numbers_are_exact_or_ieee_doubles(text: str, value: float) -> None:
    assert evaluate(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("make_divisible(32)", 32), ("make_divisible(11)", 16), ("make_divisible(12)", 16),
        ("make_divisible(1)", 8), ("make_divisible(0)", 8), ("make_divisible(33.6)", 32),
        ("make_divisible(9)", 16),  # 8 would be under 0.9 x 9 = 8.1
        ("make_divisible(18)", 24),  # 16 is under 16.2
        ("make_divisible(12.8)", 16), ("make_divisible(10, 4)", 12), ("make_divisible(7, 1)", 7),
        ("make_divisible(0.35 * 32)", 16), ("make_divisible(960 * 0.75)", 720),
    ],
)  # fmt: skip
def test_make_divisible_is_that_of_the_mobilenets(text: str, value: int) -> None:
    assert evaluate(text) == value


@pytest.mark.parametrize(
    ("text", "message", "offset", "length"),
    [
        ("", "expected a number, a name or `(`, not the end", 0, 1),
        ("1 +", "expected a number, a name or `(`, not the end", 3, 1),
        ("1 2", "expected an operator, not `2`", 2, 1),
        ("(1", "expected `)`, not the end", 2, 1),
        ("f(1", "expected `)`, not the end", 3, 1),
        ("f()", "expected a number, a name or `(`, not `)`", 2, 1),
        ("2 ** 3", "expected a number, a name or `(`, not `*`", 3, 1),
        ("1 < 2 < 3", "comparisons do not chain", 6, 1),
        ("1 == 2 >= 3", "comparisons do not chain", 7, 2),
        ("a[0]", "expected an operator, not `[`", 1, 1),
        ("'x'", "expected a number, a name or `(`, not `'`", 0, 1),
        ("x if y else z", "expected an operator, not `if`", 2, 2),
        ("lambda: 1", "expected an operator, not `:`", 6, 1),
        ("1 = 2", "expected an operator, not `=`", 2, 1),
        ("010", "`010` starts with 0", 0, 3),
        ("1e17", "`1e17` is too large", 0, 4),
        ("9007199254740993", "`9007199254740993` is too large", 0, 16),
        ("input.girth", "`girth` is not a size of a tensor", 6, 5),
        ("1 + \u0663", "expected a number, a name or `(`, not `\u0663`", 4, 1),
        ("1 +\n* 2", "expected a number, a name or `(`, not `*`", 4, 1),
        ("and 1", "expected a number, a name or `(`, not `and`", 0, 3),
        # values
        ("1 // 0", "division by zero", 2, 2),
        ("1 % (2 - 2)", "division by zero", 2, 1),
        ("1 / 0.0", "division by zero", 2, 1),
        ("true + 1", "`+` needs numbers, not the flag `true`", 5, 1),
        ("word * 2", "`*` needs numbers, not the word `relu`", 5, 1),
        ("-word", "`-` needs numbers, not the word `relu`", 0, 1),
        ("word == word", "`==` needs numbers, not the word `relu`", 5, 2),
        ("1 == true", "`==` needs numbers, not the flag `true`", 2, 2),
        ("true < false", "`<` needs numbers, not the flag `true`", 5, 1),
        ("pair + 1", "`+` needs numbers, not a list", 5, 1),
        ("1 and true", "`and` needs conditions, not 1", 2, 3),
        ("not word", "`not` needs conditions, not the word `relu`", 0, 3),
        ("floor(true)", "`floor` needs numbers, not the flag `true`", 0, 5),
        ("2 * 9007199254740992", "the result is larger than 2^53", 2, 1),
        ("make_divisible(1, 0)", "cannot make divisible by 0", 0, 14),
        ("make_divisible(1, -8)", "cannot make divisible by -8", 0, 14),
        ("make_divisible(1e10, 1e-300)", "the result is larger than 2^53", 0, 14),
        ("1e10 // 1e-300", "the result is larger than 2^53", 5, 2),
    ],
)  # fmt: skip
def test_a_refusal_says_what_and_where(text: str, message: str, offset: int, length: int) -> None:
    assert refusal(text, word="relu", pair=[3, 5]) == (message, offset, length)


def test_both_sides_are_always_evaluated() -> None:
    assert refusal("true or 1 // 0 == 1")[0] == "division by zero"
    assert refusal("false and 1 // 0 == 1")[0] == "division by zero"


def test_the_limits() -> None:
    assert evaluate("1" + "+1" * 99) == 100
    assert refusal("1" * (MAX_LENGTH + 1))[0].startswith(
        "an expression has at most 200 characters, not 201"
    )
    assert evaluate("(" * MAX_NESTING + "1" + ")" * MAX_NESTING) == 1
    assert "levels of nesting" in refusal("(" * 21 + "1" + ")" * 21)[0]
    for text in ("-" * 199 + "1", "not " * 49 + "true", "(" * 200, "f(" * 100):
        assert "levels of nesting" in refusal(text)[0]


def test_what_an_expression_uses() -> None:
    expression = parse_expression("width(a) + min(b, a) * input.channels - c.d.height")
    assert [use[:2] for use in expression.names] == [("a", 6), ("b", 15), ("a", 18)]
    assert [tuple(use) for use in expression.functions] == [("width", 0, 1), ("min", 11, 2)]
    assert [use[:2] for use in expression.references] == [("input", 23), ("c.d", 40)]
    assert not expression.constant
    assert expression.bare_name is None


def test_a_bare_name_and_a_constant() -> None:
    assert parse_expression(" relu ").bare_name == "relu"
    assert parse_expression("true").bare_name is None
    assert parse_expression("(relu)").bare_name is None
    constant = parse_expression("max(2, 3) * floor(1.5)")
    assert constant.constant
    assert constant_value(constant) == 3
    assert not parse_expression("max(2, n)").constant
    assert not parse_expression("width(2)").constant


def test_functions_of_the_file_win_and_values_do_not() -> None:
    scope = Names(floor=9, min=2)
    assert parse_expression("floor(floor / min)").evaluate(scope) == 4
    scope.functions["floor"] = lambda x: x + 100
    assert parse_expression("floor(1)").evaluate(scope) == 101


OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
    "//": operator.floordiv, "%": operator.mod,
}  # fmt: skip


@st.composite
def sums(draw: st.DrawFn, depth: int = 3) -> str:
    """Text of an arithmetic expression in `a`, `b` (whole) and `x` (not)."""
    if depth == 0 or draw(st.booleans()):
        return draw(st.sampled_from(["a", "b", "x", "2", "3", "0.75", "8", "1.5"]))
    left, right = draw(sums(depth - 1)), draw(sums(depth - 1))
    form = draw(st.sampled_from(
        ["({} + {})", "({} - {})", "{} * {}", "({}) / ({})", "({}) // ({})", "({}) % ({})",
         "min({}, {})", "max({}, {})", "floor({} * {})", "ceil({} / ({}))", "round({} * {} / 2)",
         "make_divisible({} * {})", "make_divisible({}, max(1, {}))"]
    ))  # fmt: skip
    return form.format(left, right)


CANDIDATES = st.lists(
    st.tuples(st.integers(1, 60), st.integers(1, 9), st.sampled_from([0.25, 0.29, 0.5, 1.0, 1.4])),
    min_size=1,
    max_size=5,
)


@given(sums(), CANDIDATES, st.sampled_from(["", " > 7", " == 8", " <= x", " != 2 and a > 3"]))
def test_arrays_mean_the_same_as_numbers(
    text: str, candidates: list[tuple[int, int, float]], end: str
) -> None:
    if len(text + end) > MAX_LENGTH:
        return
    expression = parse_expression(text + end)
    try:
        alone = [expression.evaluate(Names(a=a, b=b, x=x)) for a, b, x in candidates]
    except ExpressionError:
        return
    columns = [np.array(column) for column in zip(*candidates, strict=True)]
    together = expression.evaluate(Names(a=columns[0], b=columns[1], x=columns[2]))
    assert np.broadcast_to(together, len(candidates)).tolist() == alone


def test_a_divisor_of_64_bits_does_not_wrap_around() -> None:
    expression = parse_expression("(a + a) / (a * a)")
    quotient = expression.evaluate(Names(a=np.array([23]), b=0, x=0))
    assert quotient.tolist() == [46 / 529]


@given(sums(2), st.integers(1, 60), st.integers(1, 9))
def test_numbers_mean_what_python_means(text: str, a: int, b: int) -> None:
    plain = text.replace("make_divisible", "round")
    if "round" in plain:
        return
    scope = {"a": a, "b": b, "x": 1.4, "floor": math.floor, "ceil": math.ceil}
    try:
        result = evaluate(text, a=a, b=b, x=1.4)
    except ExpressionError:
        return
    assert result == eval(plain, {}, scope)


@given(st.text("ab.()+-*/%<>=! 0123456789,not and or truefalse_\n", max_size=60))
def test_any_text_is_an_expression_or_refused_inside_itself(text: str) -> None:
    error = None
    try:
        parse_expression(text)
    except ExpressionError as reason:
        error = reason
    assert error is None or (0 <= error.offset <= len(text) and error.length >= 1)
