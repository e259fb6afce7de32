"""Mapping of small graphs: which layers they become, where the batch is, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from node_graphs import graph, layers

from mnet_cost.errors import ModelFileError
from mnet_cost.importing.graph import Batch
from mnet_cost.importing.mapping.mapper import map_graph
from mnet_cost.importing.mapping.onnx import TABLE
from mnet_cost.importing.mapping.values import with_batch


def test_a_convolution_and_a_classifier() -> None:
    nodes = [
        ("Conv", ("x", "w", "c"), ("a",), {"strides": [2, 2], "pads": [1, 1, 1, 1]}),
        ("Relu", ("a",), ("r",)),
        ("Conv", ("r", "d"), ("b",), {"group": 16, "pads": [1, 1, 1, 1]}),
        ("Add", ("b", "r"), ("s",)),
        ("Flatten", ("s",), ("f",)),
        ("Gemm", ("f", "m", "n"), ("y",), {"transB": 1}),
    ]
    stored = {
        "w": (16, 3, 3, 3), "c": (16,), "d": (16, 1, 3, 3), "m": (10, 256), "n": (10,),
    }  # fmt: skip
    result = map_graph(graph(nodes, stored), TABLE)
    assert layers(result) == [
        ("conv2d", {"channels": 16, "kernel": 3, "stride": 2, "padding": 1, "bias": True},
         (16, 4, 4)),
        ("relu", {}, (16, 4, 4)),
        ("depthwise_conv2d", {"kernel": 3}, (16, 4, 4)),
        ("add", {}, (16, 4, 4)),
        ("flatten", {}, (256,)),
        ("linear", {"features": 10}, (10,)),
    ]  # fmt: skip
    assert [layer.origin.nodes for layer in result.layers][2] == ("n2",)
    assert [layer.origin.tensors for layer in result.layers][-1] == ("y",)


@pytest.mark.parametrize("batch", [1, 4, "N"])
def test_heads_are_no_batch(batch: Any) -> None:
    # [batch, 6, 8] -> two heads, joined with the batch, then apart again.
    nodes = [
        ("Reshape", ("x", "s1"), ("a",)),
        ("Transpose", ("a",), ("t",), {"perm": [0, 2, 1, 3]}),
        ("Reshape", ("t", "s2"), ("h",)),
        ("Transpose", ("h",), ("k",), {"perm": [0, 2, 1]}),
        ("MatMul", ("h", "k"), ("y",)),
    ]
    stored = {"s1": [0, 6, 2, 4], "s2": [-1, 6, 4]}
    result = map_graph(graph(nodes, stored, (batch, 6, 8)), TABLE)
    assert layers(result) == [
        ("reshape", {"shape": [6, 2, 4]}, (6, 2, 4)),
        ("transpose", {"axes": [1, 0, 2]}, (2, 6, 4)),
        ("transpose", {"axes": [0, 2, 1]}, (2, 4, 6)),
        ("matmul", {}, (2, 6, 6)),
    ]


def test_stored_tensors_lose_the_axis_of_the_batch() -> None:
    nodes = [
        ("Concat", ("t", "x"), ("a",), {"axis": 1}),
        ("Add", ("a", "p"), ("b",)),
        ("Mul", ("b", "half"), ("y",)),
    ]
    result = map_graph(
        graph(nodes, {"t": (1, 1, 8), "p": (1, 7, 8), "half": 0.5}, (1, 6, 8)), TABLE
    )
    assert layers(result) == [
        ("parameter", {"shape": [1, 8]}, (1, 8)),
        ("concat", {"axis": -2}, (7, 8)),
        ("parameter", {"shape": [7, 8]}, (7, 8)),
        ("add", {}, (7, 8)),
        ("elementwise", {"operation": "multiply", "number": 0.5}, (7, 8)),
    ]


def test_a_product_over_the_batch_is_refused() -> None:
    nodes = [("Transpose", ("x",), ("t",), {"perm": [1, 0]}), ("MatMul", ("t", "x"), ("y",))]
    with pytest.raises(ModelFileError) as caught:
        map_graph(graph(nodes, {}, ("N", 8)), TABLE)
    assert "node `n1` (MatMul) works along the batch" in str(caught.value)


def test_where_the_batch_is_after_a_reshape() -> None:
    heads = Batch(12)
    assert with_batch((Batch(1), 197, 768), (1, 197, 12, 64), 1) == (Batch(1), 197, 12, 64)
    assert with_batch((Batch(1), 12, 197, 64), (12, 197, 64), 1) == (heads, 197, 64)
    assert with_batch((heads, 197, 64), (8, 12, 197, 64), 8) == (Batch(1), 12, 197, 64)
    assert with_batch((197, Batch(1), 768), (197 * 8, 768), 8) == (Batch(197, 197), 768)
    assert with_batch((Batch(197, 197), 768), (197, 8, 768), 8) == (197, Batch(1), 768)


def test_a_batch_of_one_between_two_axes_is_not_joined_with_the_features() -> None:
    # As in attention whose batch is the second axis, in a file of one example: no size tells the
    # sequence of N times 197 from features of N times 768.
    assert with_batch((197, Batch(1), 12, 64), (197, 768), 1) == (Batch(197, 197), 768)
    assert with_batch((Batch(197, 197), 768), (197, 1, 768), 1) == (197, Batch(1), 768)
    assert with_batch((197, Batch(1), 768), (197, 12, 64), 1) == (197, Batch(12), 64)
    assert with_batch((8, Batch(1)), (8,), 1) == (Batch(8, 8),)
    assert with_batch((4, 2, Batch(1), 6), (4, 2, 6), 1) == (4, Batch(2, 2), 6)
    assert with_batch((8, Batch(1), 3), (8, 3, 1), 1) == (8, Batch(3), 1)
