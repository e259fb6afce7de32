from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from layer_cases import Example, check_example, evaluate, kind_of, refusal

from mnet_cost.layers import Work
from mnet_cost.layers.recurrent import Gru, Lstm, Rnn
from mnet_cost.tensors import Differs, Mask, TensorType

EXAMPLES = [
    # 4*4 rows of 3 + 4 weights, two biases each, at 5 steps; 22 for each of 5*4
    Example(Lstm(features=4), ((5, 3),), (5, 4), Work(560, 440, 112, 144, 0, 15, 20)),
    # the state is projected to 2: 16 * (3 + 2) and 4 * 2 weights
    Example(Lstm(features=4, projection=2), ((5, 3),), (5, 2), Work(440, 440, 88, 120, 0, 15, 10)),
    # both directions 16 * (3 + 2), then both 16 * (4 + 2), and four projections
    Example(
        Lstm(features=4, projection=2, layers=2, bidirectional=True, bias=False, output="last"),
        ((5, 3),),
        (4,),
        Work(5 * 384, 18 * 80, 384, 384, 0, 15, 4),
    ),
    # only the final state is written; 18 for each of 5*4
    Example(
        Lstm(features=4, bias=False, output="last"),
        ((5, 3),),
        (4,),
        Work(560, 360, 112, 112, 0, 15, 4),
    ),
    # both directions 16 * (3 + 4), then both 16 * (8 + 4): 224 + 384; 4 * 2*16 biases
    Example(
        Lstm(features=4, layers=2, bidirectional=True),
        ((5, 3),),
        (5, 8),
        Work(3040, 1760, 608, 736, 0, 15, 40),
    ),
    # two sequences: 2*5 steps of 2 * 16 * (3 + 4)
    Example(
        Lstm(features=4, bidirectional=True, output="last"),
        ((2, 5, 3),),
        (2, 8),
        Work(2240, 1760, 224, 288, 0, 30, 16),
    ),
    # 3*4 rows of 3 + 4 weights, two biases each, at 5 steps; 19 for each of 5*4
    Example(Gru(features=4), ((5, 3),), (5, 4), Work(420, 380, 84, 108, 0, 15, 20)),
    Example(Gru(features=4, bias=False), ((5, 3),), (5, 4), Work(420, 300, 84, 84, 0, 15, 20)),
    # 12 * (3 + 4), then twice 12 * (4 + 4): 84 + 192; 3 * 2*12 biases
    Example(
        Gru(features=4, layers=3, output="last"),
        ((5, 3),),
        (4,),
        Work(1380, 1140, 276, 348, 0, 15, 4),
    ),
    # 4 rows of 3 + 4 weights, two biases each, at 5 steps; tanh and a sum for each of 5*4
    Example(Rnn(features=4), ((5, 3),), (5, 4), Work(140, 40, 28, 36, 0, 15, 20)),
    # both directions 4 * (3 + 4), then both 4 * (8 + 4)
    Example(
        Rnn(features=4, layers=2, bidirectional=True, bias=False, function="relu"),
        ((5, 3),),
        (5, 8),
        Work(5 * 152, 80, 152, 152, 0, 15, 40),
    ),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=kind_of)
def test_example(example: Example) -> None:
    check_example(example)


@pytest.mark.parametrize("kind", [Lstm, Gru])
def test_layers_on_top_of_each_other_are_layers_one_after_another(
    kind: type[Lstm] | type[Gru],
) -> None:
    first, second = kind(features=4, bidirectional=True), kind(features=4, bidirectional=True)
    below, work = evaluate(first, (5, 3))
    above, more = evaluate(second, below)
    shape, both = evaluate(kind(features=4, bidirectional=True, layers=2), (5, 3))
    assert work is not None
    assert more is not None
    assert both is not None
    assert shape == above
    assert both[:5] == (work + more)[:5]


def test_refusal() -> None:
    assert refusal(Lstm(features=4), (3,)) == "needs a sequence [length, features]"
    assert refusal(Gru(features=4, output="last"), (3,)) == "needs a sequence [length, features]"


def test_structure_is_one_for_all_candidates() -> None:
    several: Any = np.array([1, 2])
    with pytest.raises(Differs) as error:
        Lstm(features=4, layers=several).infer(Mask(), TensorType((5, 3)))
    assert error.value.mask.tolist() == [True, False]
    same: Any = np.array([2.0, 2.0])
    assert Lstm(features=4, layers=same).infer(Mask(), TensorType((5, 3))).shape == (5, 4)
