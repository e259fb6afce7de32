from __future__ import annotations

import pytest
from layer_cases import Example, Shape, check_example, kind_of, refusal

from mnet_cost import analyze, parse_spec
from mnet_cost.errors import SpecError
from mnet_cost.layers import Layer, Work
from mnet_cost.layers.parameters import (
    ClassToken,
    Embedding,
    Parameter,
    PositionEmbedding,
    Scale,
)
from mnet_cost.tensors import DTYPES, TensorType, require

EXAMPLES = [
    # ViT-B/16: one token before 196; 768 of 197*768 are the token's
    Example(ClassToken(), ((196, 768),), (197, 768), Work(0, 0, 0, 768, 0, 150_528, 151_296)),
    # five sequences have a token each, and it is the same one
    Example(ClassToken(), ((5, 7, 4),), (5, 8, 4), Work(0, 0, 0, 4, 0, 140, 160)),
    Example(
        PositionEmbedding(),
        ((197, 768),),
        (197, 768),
        Work(0, 151_296, 0, 151_296, 0, 151_296, 151_296),
    ),
    # 7*4 params for all five, one addition for each of 5*7*4
    Example(PositionEmbedding(), ((5, 7, 4),), (5, 7, 4), Work(0, 140, 0, 28, 0, 140, 140)),
    # SSD: a factor for each of 512 channels; 512*38*38 multiplications
    Example(
        Scale(initial=20.0),
        ((512, 38, 38),),
        (512, 38, 38),
        Work(0, 739_328, 0, 512, 0, 739_328, 739_328),
    ),
    Example(Scale(), ((7, 4),), (7, 4), Work(0, 28, 0, 4, 0, 28, 28)),
    Example(Scale(), ((5, 2, 3, 4),), (5, 2, 3, 4), Work(0, 120, 0, 2, 0, 120, 120)),
    # 100 queries of 256
    Example(Parameter(shape=(100, 256)), (), (100, 256), Work(params=25_600)),
    Example(Parameter(shape=(2, 3, 4, 5)), (), (2, 3, 4, 5), Work(params=120)),
    # CLIP's text: 77 numbers, and 77 rows of 512 read of 49408
    Example(
        Embedding(vocabulary=49_408, features=512),
        ((77,),),
        (77, 512),
        Work(0, 0, 0, 25_296_896, 0, 39_501, 39_424),
    ),
    # 3*5 numbers and as many rows of 4
    Example(
        Embedding(vocabulary=9, features=4), ((3, 5),), (3, 5, 4), Work(0, 0, 0, 36, 0, 75, 60)
    ),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=kind_of)
def test_example(example: Example) -> None:
    check_example(example)


@pytest.mark.parametrize("layer", [ClassToken(), PositionEmbedding()], ids=lambda x: x.kind)
def test_refusal(layer: Layer) -> None:
    assert refusal(layer, (9,)) == f"`{layer.kind}` needs a sequence [length, features]"


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (Scale(), (7, 4)),
        (ClassToken(), (7, 4)),
        (PositionEmbedding(), (7, 4)),
        (Embedding(vocabulary=9, features=4), (7,)),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_only_the_input_has_a_type_of_its_own(layer: Layer, shape: Shape) -> None:
    assert layer.infer(require, TensorType(shape, DTYPES["int64"])).dtype is None


def test_what_may_be_written_over_its_input() -> None:
    effects = {kind.kind: kind.effect for kind in (Scale, PositionEmbedding, ClassToken, Embedding)}
    assert effects == {
        "scale": "elementwise",
        "position_embedding": "elementwise",
        "class_token": "compute",
        "embedding": "compute",
    }


SPEC = """
format: 1
name: queries
input: {image: [2, 3, 4], tokens: {shape: [12], dtype: int64}}
layers:
  - {id: queries, parameter: {shape: [12, 2]}}
  - {id: text, embedding: {vocabulary: 9, features: 2}, from: tokens}
  - {id: keys, to_sequence: [image]}
  - add: [queries, text, keys]
"""


def test_a_parameter_reads_nothing() -> None:
    analysis = analyze(parse_spec(SPEC))
    queries, text, keys, added = analysis.layers
    assert [queries.step.inputs, added.step.inputs] == [
        (),
        tuple(cost.step.outputs[0] for cost in (queries, text, keys)),
    ]
    # 12*2 and 9*2
    assert [cost.params for cost in analysis.layers] == [24, 18, 0, 0]
    assert [kernel.name for kernel in analysis.kernels] == ["text", "keys", "add"]


REPEATED = """
format: 1
name: repeated
input: {tokens: [3, 2]}
layers:
  - {id: more, parameter: {shape: [3, 2]}, repeat: 2}
  - {id: gone, parameter: {shape: [3, 2]}, when: false}
  - add: [tokens, more.1, more.2]
"""


def test_copies_of_a_parameter_are_tensors_of_their_own() -> None:
    analysis = analyze(parse_spec(REPEATED))
    assert [(cost.step.name, cost.params) for cost in analysis.layers] == [
        ("more.1", 6),
        ("more.2", 6),
        ("add", 0),
    ]


def test_a_parameter_takes_no_input() -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec(SPEC.replace("}}\n  - {id: text", "}, from: image}\n  - {id: text"))
    (problem,) = caught.value.problems
    assert problem.message == "`parameter` takes 0 inputs, not 1"
