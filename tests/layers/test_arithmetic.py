"""The kind `elementwise`: what each operation costs, and which fields and inputs it takes."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from layer_cases import Example, Shape, check_example, evaluate, refusal

from mnet_cost.layers import Work
from mnet_cost.layers.arithmetic import OPERATIONS, Elementwise


def example(operations: int, shapes: tuple[Shape, ...], output: Shape, **fields: Any) -> Example:
    """An example of which only the operations per output element have to be said."""
    read, written = sum(map(math.prod, shapes)), math.prod(output)
    work = Work(0, operations * written, 0, 0, 0, read, written)
    return Example(Elementwise(**fields), shapes, output, work)


EXAMPLES = [
    # one exponential for each of 2*3*4
    example(1, ((2, 3, 4),), (2, 3, 4), operation="exp"),
    example(2, ((7,),), (7,), operation="rsqrt"),  # root, division
    example(5, ((7, 4),), (7, 4), operation="mish"),  # exp, +, log, tanh, *
    example(1, ((6,),), (6,), operation="clamp", low=0.0),
    example(2, ((6,),), (6,), operation="clamp", low=0.0, high=6.0),
    example(1, ((3, 2),), (3, 2), operation="add", number=1.0),
    example(1, ((3, 2),), (3, 2), operation="subtract", number=1.0, reversed=True),
    # a difference of an image and a factor per channel: 16*5*5
    example(1, ((16, 5, 5), (16, 1, 1)), (16, 5, 5), operation="subtract"),
    # ranks differ: 4*3 of 3 and 4*1
    example(1, ((3,), (4, 1)), (4, 3), operation="divide"),
    example(1, ((5, 6), (2, 1, 6)), (2, 5, 6), operation="maximum"),
    example(2, ((4, 3), (3,), (4, 1)), (4, 3), operation="add_product"),
    example(3, ((3,), (4, 1), (1,)), (4, 3), operation="add_product", number=0.5),
    example(1, ((1,), (4, 3), (2, 1, 1)), (2, 4, 3), operation="select"),
]


@pytest.mark.parametrize("case", EXAMPLES, ids=lambda case: case.layer.operation)
def test_example(case: Example) -> None:
    check_example(case)


@pytest.mark.parametrize(
    ("fields", "shapes", "message"),
    [
        ({"operation": "exp"}, ((2,), (2,)), "`exp` takes one input, not 2"),
        (
            {"operation": "subtract"},
            ((2,),),
            "`subtract` takes two inputs, or one and a `number`, not 1",
        ),
        (
            {"operation": "power", "number": 2.0},
            ((2,), (2,)),
            "`power` has a `number`, so it takes one input, not 2",
        ),
        (
            {"operation": "select"},
            ((2,), (2,)),
            "`select` takes three inputs, not 2",
        ),
        (
            {"operation": "add"},
            ((2,),),
            "`add` needs a `number`; of tensors it is `add: [a, b]`",
        ),
        (
            {"operation": "multiply", "number": 2.0},
            ((2,), (2,)),
            "`multiply` is of one input and a number; of tensors it is `multiply: [a, b]`",
        ),
        ({"operation": "exp", "number": 2.0}, ((2,),), "`exp` has no `number`"),
        (
            {"operation": "add", "number": 2.0, "reversed": True},
            ((2,),),
            "`add` has no `reversed`: `subtract`, `divide` and `power` have it",
        ),
        (
            {"operation": "subtract", "reversed": True},
            ((2,), (2,)),
            "`subtract` needs a `number`, which comes first with `reversed`",
        ),
        (
            {"operation": "clamp"},
            ((2,),),
            "`clamp` needs `low`, `high` or both",
        ),
        (
            {"operation": "exp", "low": 0.0},
            ((2,),),
            "`exp` has no `low` and `high`: `clamp` has them",
        ),
        (
            {"operation": "clamp", "low": 2.0, "high": 1.0},
            ((2,),),
            "`clamp`: `low` is 2.0, above `high`, 1.0",
        ),
        (
            {"operation": "divide"},
            ((4, 3), (4,)),
            "`divide` needs sizes that are equal or 1, from the last axis on, not 3 and 4",
        ),
    ],
)
def test_refusal(fields: dict[str, Any], shapes: tuple[Shape, ...], message: str) -> None:
    assert refusal(Elementwise(**fields), *shapes) == message


def test_what_depends_on_the_operation() -> None:
    half, inverse = (Elementwise(operation="divide", number=2.0, reversed=r) for r in (False, True))
    assert (half.effort, inverse.effort) == ("arithmetic", "curve")
    assert (half.is_foldable, inverse.is_foldable) == (True, False)
    assert Elementwise(operation="negate").is_foldable
    assert not Elementwise(operation="subtract").is_foldable
    assert Elementwise(operation="minimum", number=6.0).is_clamp
    assert not Elementwise(operation="minimum").is_clamp
    assert Elementwise(operation="sqrt").variety() == "elementwise sqrt"


def test_the_card_names_every_operation_with_its_count() -> None:
    """Operations that the line on vector operations does not name are one per element."""
    card = Elementwise.__doc__ or ""
    counts = card[card.index("Vector ops") : card.index("Bytes")]
    stated = {"clamp": 1} | {
        name.strip(): int(count)
        for part in counts.replace("\n", " ").partition("element:")[2].split(";")
        for names, count in [part.strip().rsplit(" ", 1)]
        if count.isdigit() and "with" not in names and "add_product" not in names
        for name in names.split(",")
    }
    for name, operation in OPERATIONS.items():
        assert name in card
        if name != "add_product":
            assert operation.operations == stated.get(name, 1), name


@pytest.mark.parametrize("seed", range(40))
def test_broadcast_against_loops(seed: int) -> None:
    """Axes from the last on: equal, or 1, or not there."""
    draw = random.Random(seed)
    whole = tuple(draw.randint(1, 4) for _ in range(draw.randint(1, 4)))
    shapes = [
        tuple(draw.choice([size, 1]) for size in whole)[draw.randrange(len(whole)) :]
        for _ in range(3)
    ]
    output, _ = evaluate(Elementwise(operation="select"), *shapes)
    wanted = []
    for place in range(1, max(map(len, shapes)) + 1):
        wanted.append(max(shape[-place] for shape in shapes if len(shape) >= place))
    assert output == tuple(reversed(wanted))
