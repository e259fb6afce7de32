"""Recorded numbers keep the value, the expression, and the conditions that structure hung on."""

from __future__ import annotations

import pytest

from mnet_cost.recording import Graph, Recorded, Recording
from mnet_cost.tensors import (
    agreed,
    ceil_div,
    floor,
    is_condition,
    is_number,
    make_divisible,
    met,
)


def text(graph: Graph, index: int) -> str:
    """The expression of a node."""
    name, operands, value = graph.nodes[index]
    inside = ", ".join(text(graph, operand) for operand in operands)
    if name in ("input", "constant"):
        return str(value)
    return f"{name}({inside})" if value is None else f"{name} {value}({inside})"


def written(number: Recorded) -> str:
    return text(number.recording.graph, number.node)


def guards(recording: Recording) -> dict[str, bool]:
    return {text(recording.graph, node): how for node, how in recording.guards.items()}


def test_equal_expressions_are_one_number() -> None:
    recording = Recording()
    width = recording.input("width", 0.5, False)
    assert floor(32 * width) is floor(width * 32)
    assert floor(32 * width).value == 16
    assert written(floor(32 * width)) == "floor(multiply(width, 32))"


def test_factors_of_whole_products_are_sorted_and_cancelled() -> None:
    recording = Recording()
    rows, columns = recording.input("rows", 6, True), recording.input("columns", 5, True)
    area = rows * columns * 4
    assert written(area) == "product 4(rows, columns)"
    assert area is 2 * columns * rows * 2
    assert area // rows is 4 * columns
    assert area / (columns * 2) is 2 * rows
    assert guards(recording) == {"less(0, rows)": True, "less(0, columns)": True}
    assert area // area == 1


def test_factors_that_are_not_whole_keep_their_order() -> None:
    """(0.1 * x) * y and 0.1 * (x * y) differ in the last bit, and `floor` could tell."""
    recording = Recording()
    x, y = recording.input("x", 3, False), recording.input("y", 7.5, False)
    assert (0.1 * x) * y is not 0.1 * (x * y)


def test_whole_numbers_that_are_added_are_added_up_first() -> None:
    """A 3x3 convolution that pads keeps the size of its input: the same node."""
    recording = Recording()
    size = recording.input("size", 56, True)
    assert (size + 2 - 3) // 1 + 1 is size
    assert (size + 5) - 3 is size + 2
    assert (7 - (size + 3)).value == 7 - 59
    assert 7 - (size + 3) is 4 - size
    assert (size + 2.5) - 2.5 is not size  # other arithmetic keeps its order


def test_sizes_that_meet_are_one_number() -> None:
    recording = Recording()
    size = recording.input("size", 56, True)
    halved, up = (size - 1) // 2 + 1, ceil_div(size, 2)
    assert halved is not up
    assert met(halved, up) is met(up, halved)
    assert met(halved, up) in (halved, up)
    assert list(recording.guards) == [(halved == up).node]
    assert met(size, 1) is size
    assert met(1, size) is size
    assert met(size, 56) == 56
    other = recording.input("other", 1, True)
    assert met(size, other).value == 56


def test_a_condition_of_an_if_is_a_guard() -> None:
    recording = Recording()
    channels = recording.input("channels", 24, True)
    taken = "wide" if channels > 16 else "narrow"
    assert taken == "wide"
    assert agreed(channels % 8 == 0)
    assert guards(recording) == {
        "less(16, channels)": True,
        "equal(remainder(channels, 8), 0)": True,
    }


def test_arithmetic_with_conditions_needs_no_guard() -> None:
    recording = Recording()
    channels = recording.input("channels", 30, True)
    assert make_divisible(channels).value == 32
    assert ceil_div(channels, 4).value == 8
    assert recording.guards == {}


def test_a_value_that_structure_takes_is_a_guard() -> None:
    recording = Recording()
    copies = recording.input("copies", 3.0, True)
    assert list(range(copies)) == [0, 1, 2]
    assert guards(recording) == {"equal(copies, 3)": True}


def test_a_number_is_neither_true_nor_plain() -> None:
    """What is unknown is None: a rule that asks a number for its truth takes 0 for unknown."""
    number = Recording().input("bytes", 4, True)
    with pytest.raises(TypeError, match="no truth value"):
        bool(number)
    for conversion in (int, float):
        with pytest.raises(TypeError, match="stays recorded"):
            conversion(number)
    with pytest.raises(TypeError, match="power"):
        number**3


def test_kinds_of_values() -> None:
    number = Recording().input("bytes", 4, True)
    assert is_number(number)
    assert not is_condition(number)
    assert is_condition(number > 3)
    assert not is_number(number > 3)
    assert number != "word"
    assert (number == None) is False  # noqa: E711


def test_two_runs_share_a_graph() -> None:
    graph = Graph()
    first, second = Recording(graph), Recording(graph)
    a, b = first.input("alpha", 1.0, False), second.input("alpha", 0.5, False)
    assert floor(32 * a).node == floor(32 * b).node
    assert floor(32 * a).value == 32
    assert floor(32 * b).value == 16
    assert len(graph.nodes) == 4
