"""ONNX models for tests, made by the package onnx."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Any

import pytest

pytest.importorskip("onnx")

from onnx import TensorProto, helper
from onnx.backend.test.case import node


def tensor(name: str, shape: Sequence[int | str | None] = (1, 3, 8, 8)) -> Any:
    """A declared float tensor."""
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def model(
    nodes: Sequence[Any],
    inputs: Sequence[Any] = (),
    outputs: Sequence[Any] = (),
    stored: Sequence[Any] = (),
    opset: int = 18,
    **fields: Any,
) -> Any:
    """A model of `nodes`, from `x` to `y` where inputs and outputs are not given."""
    graph = helper.make_graph(
        nodes, "main_graph", inputs or [tensor("x")], outputs or [tensor("y")], stored
    )
    fields.setdefault("opset_imports", [helper.make_opsetid("", opset)])
    return helper.make_model(graph, producer_name="pytorch", producer_version="2.13.0", **fields)


@cache
def node_cases(*operators: str) -> tuple[Any, ...]:
    """The cases of nodes that the package has for tests of backends: of some operators, by the
    names of their files, or of all, which takes some seconds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numbers of the cases overflow
        for operator in operators:
            import_module(f"{node.__name__}.{operator}")
        return tuple(node._NodeTestCases if operators else node.collect_testcases(None))
