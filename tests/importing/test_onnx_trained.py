"""Stored tensors of ONNX files that are trained, and those that are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from mnet_cost.importing.graph import Graph  # noqa: E402
from mnet_cost.importing.readers.onnx import parse_onnx  # noqa: E402

KIND = "pkg.torch.export.graph_signature.InputSpec.kind"
SIGNATURE = """
# inputs
p_w: PARAMETER target='w'
p_table: PARAMETER target='table'
b_mask: BUFFER target='attn.mask' persistent=False
b_index: BUFFER target='index' persistent=False
c_lifted: CONSTANT_TENSOR target='lifted'
x: USER_INPUT

# outputs
add: USER_OUTPUT
"""


def read(arrays: dict[str, Any], folded: dict[str, str], signature: str = SIGNATURE) -> Graph:
    """A graph that adds stored tensors to its input."""
    nodes, last = [], "x"
    for number, name in enumerate(arrays):
        nodes.append(helper.make_node("Add", [last, name], [f"y{number}"]))
        last = f"y{number}"
    values = []
    for name, sources in folded.items():
        value = helper.make_tensor_value_info(name, TensorProto.FLOAT, arrays[name].shape)
        entry = value.metadata_props.add()
        entry.key, entry.value = "pkg.onnxscript.optimizer.folded_from", sources
        values.append(value)
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4, 4])],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, [1, 4, 4])],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
        value_info=values,
    )  # fmt: skip
    if signature:
        entry = graph.metadata_props.add()
        entry.key = "pkg.torch.export.ExportedProgram.graph_signature"
        entry.value = signature
    return parse_onnx(helper.make_model(graph).SerializeToString())


def numbers(*shape: int) -> Any:
    return np.arange(1, 1 + np.prod(shape), dtype=np.float32).reshape(shape)


def test_the_signature_of_torch_says_what_is_trained() -> None:
    names = ("w", "attn.mask", "lifted", "turned", "looked_up", "angles", "other")
    graph = read(
        {name: numbers(4, 4) for name in names},
        {"turned": "['w']", "looked_up": "['index', 'table', 'val_1']", "angles": "['lifted']"},
    )
    assert {name: graph.stored[name].trained for name in names} == {
        "w": True, "attn.mask": False, "lifted": False, "turned": True, "looked_up": True,
        "angles": False, "other": None,
    }  # fmt: skip
    assert graph.notes == (
        "1 stored tensor was calculated from trained ones before the file was written "
        "(`looked_up`): 16 numbers are counted as params, as they are stored",
    )


def test_without_a_signature_nothing_is_said() -> None:
    graph = read({"w": numbers(4, 4), "turned": numbers(4, 4)}, {"turned": "['w']"}, "")
    assert [tensor.trained for tensor in graph.stored.values()] == [None, None]


@pytest.mark.parametrize(
    ("masked", "dtype", "trained"),
    [
        (-100, "float32", False), (-np.inf, "float32", False), (-65504, "float16", False),
        (float(np.finfo(np.float32).min), "float32", False), (-1, "float32", None),
        (100, "float32", None), (0, "float32", None),
    ],
)  # fmt: skip
def test_a_mask_is_told_by_its_numbers(masked: float, dtype: str, trained: bool | None) -> None:
    mask = np.zeros((4, 4), dtype)
    mask[2:, :2] = masked
    graph = read({"m": mask, "line": mask[2]}, {}, "")
    assert graph.stored["m"].trained is trained
    assert graph.stored["line"].trained is None  # of one axis: a bias
    mask[0, 0] = 0.5
    assert read({"m": mask}, {}, "").stored["m"].trained is None
