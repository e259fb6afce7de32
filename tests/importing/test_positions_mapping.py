"""Positions, running sums, the largest, recurrence, einsum of programs, as layers."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import pytest
from test_aten_mapping import N, graph, layers, r

from mnet_cost.errors import ModelFileError
from mnet_cost.importing.graph import Tensor
from mnet_cost.importing.layer_graph import LayerGraph
from mnet_cost.importing.mapping.aten import TABLE
from mnet_cost.importing.mapping.mapper import map_graph
from mnet_cost.layers import KINDS
from mnet_cost.layers.fields import fields_of
from mnet_cost.tensors import TensorType, require

Node = tuple[Any, ...]


def program(
    nodes: Sequence[Node],
    inputs: dict[str, tuple[Any, ...]],
    stored: dict[str, Any] | None = None,
    outputs: Sequence[str] = (),
) -> LayerGraph:
    """The layers of a program on inputs of those shapes; `i` and `j` are of whole numbers."""
    made = graph(nodes, stored or {})
    tensors = [
        Tensor(name, "int64" if name in "ij" else "float32", shape)
        for name, shape in inputs.items()
    ]
    named = tuple([Tensor(name, None, None) for name in outputs]) or made.outputs
    return map_graph(made._replace(inputs=tuple(tensors), outputs=named), TABLE)


def of(operator: str, output: str = "y", **arguments: Any) -> Node:
    return (f"aten.{operator}", arguments, output)


X, POSITIONS = {"x": (N, 5, 6)}, {"i": (N, 4)}
COLUMN = of("unsqueeze.default", "c", self=r("i"), dim=-1)
COPIES = of("expand.default", "w", self=r("c"), size=[-1, -1, 6])
REPEATED = of("repeat.default", "w", self=r("c"), repeats=[1, 1, 6])
EXAMPLES = [
    of("sym_size.int", "n", self=r("x"), dim=0),
    of("arange.default", "e", end=r("n")),
    of("unsqueeze.default", "f", self=r("e"), dim=1),
]
ROWS = {"axis": -2, "of": "slices"}


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        (
            [COLUMN, of("gather.default", self=r("x"), dim=1, index=r("c"))],
            ("gather", {"axis": -2}, (4, 1)),
        ),
        # copies for each feature are positions of rows: they are not made, and read once
        (
            [COLUMN, COPIES, of("gather.default", self=r("x"), dim=1, index=r("w"))],
            ("gather", ROWS, (4, 6)),
        ),
        (
            [COLUMN, REPEATED, of("gather.default", self=r("x"), dim=1, index=r("w"))],
            ("gather", ROWS, (4, 6)),
        ),
        # x[examples, i]
        (
            [*EXAMPLES, of("index.Tensor", self=r("x"), indices=[r("f"), r("i")])],
            ("gather", ROWS, (4, 6)),
        ),
        (
            [*EXAMPLES, of("index.Tensor", self=r("x"), indices=[r("f"), r("i"), r("i")])],
            ("gather", ROWS | {"tuples": True}, (4,)),
        ),
        (
            [COLUMN, of("scatter.value", self=r("x"), dim=1, index=r("c"), value=1)],
            ("scatter", {"axis": -2}, (5, 6)),
        ),
        # what is put there may be larger than the positions
        (
            [COLUMN, of("scatter_add.default", self=r("x"), dim=1, index=r("c"), src=r("x"))],
            ("scatter", {"axis": -2, "operation": "add"}, (5, 6)),
        ),
        (
            [
                COLUMN,
                of("scatter_reduce.two", self=r("x"), dim=1, index=r("c"), src=r("x"),
                   reduce="amax"),
            ],
            ("scatter", {"axis": -2, "operation": "maximum"}, (5, 6)),
        ),
        (
            [
                *EXAMPLES,
                of("slice.Tensor", "u", self=r("x"), dim=1, start=0, end=4),
                of("index_put.default", self=r("x"), indices=[r("f"), r("i")], values=r("u"),
                   accumulate=True),
            ],
            ("scatter", ROWS | {"operation": "add"}, (5, 6)),
        ),
        ([of("cumsum.default", self=r("x"), dim=1)],
         ("cumulative", {"operation": "sum", "axis": -2}, (5, 6))),
        ([of("cumprod.default", self=r("x"), dim=-1)],
         ("cumulative", {"operation": "product", "axis": -1}, (5, 6))),
        ([of("flip.default", self=r("x"), dims=[1, -1])], ("flip", {"axes": [-2, -1]}, (5, 6))),
        ([of("argmax.default", self=r("x"), dim=1)],
         ("reduce", {"operation": "max", "axes": [-2]}, (6,))),
        ([of("argsort.default", self=r("x"), dim=1)],
         ("top_k", {"count": 5, "axis": -2, "smallest": True}, (5, 6))),
        ([of("one_hot.default", self=r("i"), num_classes=7)],
         ("elementwise", {"operation": "equal"}, (4, 7))),
        ([of("col2im.default", self=r("x"), output_size=[6, 5], kernel_size=[1, 5], padding=0,
             stride=1, dilation=1)],
         ("fold", {"size": [6, 5], "kernel": [1, 5], "padding": 0}, (1, 6, 5))),
    ],
)  # fmt: skip
def test_positions_of_programs(nodes: list[Node], expected: Any) -> None:
    assert layers(program(nodes, X | POSITIONS))[-1] == expected


@pytest.mark.parametrize(
    ("operator", "arguments", "fields"),
    [
        ("topk.default", {"k": 2, "dim": 1}, {"count": 2, "axis": -2}),
        ("sort.default", {"dim": 1, "descending": True}, {"count": 5, "axis": -2}),
        ("min.dim", {"dim": 1, "keepdim": True}, {"count": 1, "axis": -2, "smallest": True}),
    ],
)
def test_the_largest_and_where_they_are(
    operator: str, arguments: dict[str, Any], fields: dict[str, Any]
) -> None:
    node = (f"aten.{operator}", {"self": r("x"), **arguments}, "v p")
    made = program([node], X, outputs=["v", "p"])
    assert [(layer.kind, dict(layer.fields)) for layer in made.layers] == [("top_k", fields)]
    assert [wire.number for wire in made.outputs] == [0, 1]
    if "min" in operator:  # nobody reads where it is
        assert [layer.kind for layer in program([node], X, outputs=["v"]).layers] == ["reduce"]


def test_along_the_batch_nothing_is_gathered() -> None:
    wrong = of("index_select.default", self=r("x"), dim=0, index=r("i"))
    with pytest.raises(ModelFileError, match="mixes examples"):
        program([wrong], X | {"i": (4,)})
    mixed = [of("index.Tensor", self=r("x"), indices=[None, r("i")])]
    with pytest.raises(ModelFileError, match="mixes examples"):
        program(mixed, X | POSITIONS)


def test_samples_of_a_grid() -> None:
    node = of("grid_sampler.default", input=r("x"), grid=r("z"), interpolation_mode=1,
              padding_mode=2, align_corners=True)  # fmt: skip
    made = layers(program([node], {"x": (N, 3, 8, 8), "z": (N, 4, 5, 2)}))
    fields = {"mode": "nearest", "outside": "reflection", "align_corners": True}
    assert made == [("grid_sample", fields, (3, 4, 5))]


# Recurrence


def weights(layers_: int, directions: int, gates: int, size: int = 4) -> dict[str, Any]:
    """Kernels and biases of each layer and direction, on 6 features."""
    stored: dict[str, Any] = {}
    for layer in range(layers_):
        seen = 6 if layer == 0 else directions * size
        for direction in range(directions):
            name = f"w{layer}{direction}"
            stored |= {
                f"{name}i": (gates * size, seen), f"{name}h": (gates * size, size),
                f"{name}b": (gates * size,), f"{name}c": (gates * size,),
            }  # fmt: skip
    return stored


def recurrent(operator: str, layers_: int, both: bool, gates: int) -> tuple[Node, dict[str, Any]]:
    stored = weights(layers_, 1 + both, gates)
    first = [r("s"), r("s")] if operator == "lstm" else r("s")
    node = (
        f"aten.{operator}.input",
        {
            "input": r("x"), "hx": first, "params": [r(name) for name in stored],
            "has_biases": True, "num_layers": layers_, "dropout": 0.0, "train": False,
            "bidirectional": both, "batch_first": True,
        },
        "y h c" if operator == "lstm" else "y h",
    )  # fmt: skip
    return node, stored | {"s": ("buffer", layers_ * (1 + both), 1, 4)}


@pytest.mark.parametrize(
    ("operator", "gates", "kind", "more"),
    [
        ("lstm", 4, "lstm", {}),
        ("gru", 3, "gru", {}),
        ("rnn_tanh", 1, "rnn", {}),
        ("rnn_relu", 1, "rnn", {"function": "relu"}),
    ],
)
def test_recurrence(operator: str, gates: int, kind: str, more: dict[str, Any]) -> None:
    node, stored = recurrent(operator, 2, True, gates)
    (layer,) = program([node], X, stored, ["y"]).layers
    fields = {"features": 4, "layers": 2, "bidirectional": True, **more}
    assert (layer.kind, dict(layer.fields), layer.types[0].shape) == (kind, fields, (5, 8))


def test_last_states_of_all_layers_are_those_of_layers_apart() -> None:
    """Two layers are counted as the one that has both: 16 * (6 + 4) and 16 * (4 + 4) at 5 steps."""
    node, stored = recurrent("lstm", 2, False, 4)
    whole, apart = (program([node], X, stored, [output]) for output in "yh")
    kinds = [layer.kind for layer in apart.layers]
    assert kinds == ["lstm", "reshape", "slice", "flatten", "lstm", "reshape", "concat"]
    assert apart.type_of(apart.outputs[0]).shape == (2, 4)
    assert dict(apart.layers[4].fields) == {"features": 4, "output": "last"}
    assert counted(whole) == counted(apart) == (5 * 16 * 18, 16 * 18 + 2 * 2 * 16)


def counted(made: LayerGraph) -> tuple[int, int]:
    """(mult-adds, params)."""
    mult_adds = params = 0
    for layer in made.layers:
        kind = KINDS[layer.kind]
        known = fields_of(kind)
        built = kind(**{n: known[n].kind.convert(v, require) for n, v in layer.fields.items()})
        inputs = tuple([made.type_of(wire) for wire in layer.inputs])
        work = built.work(inputs, TensorType(layer.types[0].shape))
        assert work is not None
        mult_adds, params = mult_adds + work.mult_adds, params + work.params
    return mult_adds, params


def test_the_memory_of_the_last_step_is_not_known() -> None:
    node, stored = recurrent("lstm", 1, False, 4)
    shaped = (*node, (N, 5, 4), (1, N, 4), (1, N, 4))
    made = program([shaped], X, stored, ["c"])
    assert any("gives the memory of the last step" in note for note in made.notes)


# Products


def test_einsum_of_three_tensors_is_two_products_from_left_to_right() -> None:
    """2*5*6*7 and 2*5*7*8 mult-adds; by the path it begins with the last two, 6*7*8 each."""
    inputs = {"x": (N, 5, 6), "y": (N, 6, 7), "z": (N, 7, 8)}
    equation = "bij,bjk,bkl->bil"
    for path, wanted in ((None, 5 * 6 * 7 + 5 * 7 * 8), ([1, 2, 0, 1], 6 * 7 * 8 + 5 * 6 * 8)):
        node = of("einsum.default", "o", equation=equation, tensors=[r("x"), r("y"), r("z")],
                  path=path)  # fmt: skip
        made = program([node], inputs)
        assert [layer.kind for layer in made.layers] == ["matmul", "matmul"]
        assert made.type_of(made.outputs[0]).shape == (5, 8)
        assert counted(made)[0] == wanted


@pytest.mark.parametrize(
    ("equation", "x", "w", "expected", "mult_adds"),
    [
        ("btc,hcd->bhtd", (N, 7, 8), (4, 8, 16), (4, 7, 16), 7 * 8 * 4 * 16),
        ("btc,co->bto", (N, 7, 8), (8, 5), (7, 5), 7 * 8 * 5),
        ("bchw,oc->bohw", (N, 8, 3, 4), (5, 8), (5, 3, 4), 12 * 8 * 5),
        ("bthd,hdo->bto", (N, 7, 2, 3), (2, 3, 5), (7, 5), 7 * 6 * 5),
        ("bhtc,hcd->bhtd", (N, 2, 7, 3), (2, 3, 5), (2, 7, 5), 2 * 7 * 3 * 5),
        ("btc,hcd->hbtd", (N, 7, 8), (4, 8, 16), (4, 7, 16), 7 * 8 * 4 * 16),
        ("bc,hc->bh", (N, 8), (4, 8), (4,), 8 * 4),
    ],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_einsum_of_a_tensor_and_a_trained_one(
    equation: str, x: Any, w: Any, expected: Any, mult_adds: int, is_first: bool
) -> None:
    (one, other), result = equation.split("->")[0].split(","), equation.split("->")[1]
    tensors = [r("x"), r("w")]
    if not is_first:
        one, other, tensors = other, one, tensors[::-1]
    nodes = [
        (
            "aten.einsum.default",
            {"equation": f"{one},{other}->{result}", "tensors": tensors},
            "y",
        )
    ]
    made = map_graph(graph(nodes, {"w": w}, x), TABLE)
    assert "opaque" not in [layer.kind for layer in made.layers]
    assert made.type_of(made.outputs[0]).shape == expected
    assert counted(made) == (mult_adds, prod(w))


@pytest.mark.parametrize(
    ("equation", "w", "expected"),
    [
        ("bnc,k->bnck", (3,), (7, 8, 3)),
        ("bnc,c->bnc", (8,), (7, 8)),
        ("bnc,kc->bknc", (3, 8), (3, 7, 8)),
    ],
)
def test_einsum_that_sums_nothing_is_no_matrix_product(
    equation: str, w: Any, expected: Any
) -> None:
    node = of("einsum.default", "y", equation=equation, tensors=[r("x"), r("w")])
    made = map_graph(graph([node], {"w": w}, (N, 7, 8)), TABLE)
    assert "matmul" not in [layer.kind for layer in made.layers]
    assert made.type_of(made.outputs[0]).shape == expected
    assert counted(made) == (0, prod(w))


def test_grouped_queries_share_keys_without_copies() -> None:
    """8 heads of queries on 2 of keys: 8 * 5 * 7 scores of 4 features, and as many for values."""
    node = of("scaled_dot_product_attention.default", query=r("x"), key=r("y"), value=r("y"),
              is_causal=True, enable_gqa=True)  # fmt: skip
    made = program([node], {"x": (N, 8, 5, 4), "y": (N, 2, 7, 4)})
    kinds = {layer.kind for layer in made.layers}
    assert kinds == {"reshape", "scaled_dot_product_attention"}
    assert counted(made)[0] == 2 * 8 * 5 * 7 * 4
    assert made.type_of(made.outputs[0]).shape == (8, 5, 4)
