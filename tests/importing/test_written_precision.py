"""Precisions of quantized files in the specs that are written of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx_files import model, tensor
from tflite_files import Op, T, tflite_file

import mnet_cost
from mnet_cost.analysis import Analysis
from mnet_cost.importing.check import difference
from mnet_cost.importing.imports import import_model
from mnet_cost.network import elaborate

onnx = pytest.importorskip("onnx")

BOARD = "galaxy_note10_tflite"


class Onnx:
    """Nodes and stored tensors of an ONNX file; with `quantized` in the form Q/DQ."""

    def __init__(self, quantized: bool) -> None:
        self.quantized = quantized
        self.nodes: list[Any] = []
        self.stored = [
            onnx.numpy_helper.from_array(np.float32(0.5), "scale"),
            onnx.numpy_helper.from_array(np.int8(0), "zero"),
        ]

    def node(self, operator: str, inputs: Sequence[str], output: str, real: bool = False,
             **fields: Any) -> str:  # fmt: skip
        """A node whose output is quantized, but for a `real` one; the name of what comes out."""
        self.nodes.append(
            onnx.helper.make_node(operator, list(inputs), [output], name=output, **fields)
        )
        return output if real else self.rounded(output)

    def rounded(self, name: str) -> str:
        """A tensor after Q and DQ."""
        if not self.quantized:
            return name
        quantized, real = f"{name}_q", f"{name}_d"
        for operator, source, target in (
            ("QuantizeLinear", name, quantized),
            ("DequantizeLinear", quantized, real),
        ):
            self.nodes.append(
                onnx.helper.make_node(operator, [source, "scale", "zero"], [target], name=target)
            )
        return real

    def weight(self, name: str, *shape: int) -> str:
        """A stored kernel."""
        dtype = np.int8 if self.quantized else np.float32
        self.stored.append(onnx.numpy_helper.from_array(np.ones(shape, dtype), name))
        if not self.quantized:
            return name
        inputs = [name, "scale", "zero"]
        self.nodes.append(
            onnx.helper.make_node("DequantizeLinear", inputs, [f"{name}_d"], name=f"{name}_d")
        )
        return f"{name}_d"

    def write(self, path: Path, output: str, shape: Sequence[int]) -> Path:
        """The file."""
        made = model(
            self.nodes, [tensor("x", (1, 3, 16, 16))], [tensor(output, shape)], self.stored
        )
        onnx.save(made, path)
        return path


def onnx_file(path: Path, quantized: bool, real: Sequence[str] = ()) -> Path:
    """Four equal units of convolution and ReLU, a pool and a classifier.

    The nodes `real` are not quantized.
    """
    net = Onnx(quantized)
    x = net.rounded("x")
    for number in range(4):
        kernel = net.weight(f"w{number}", 8, 8 if number else 3, 3, 3)
        x = net.node("Conv", [x, kernel], f"conv{number}", pads=[1, 1, 1, 1])
        x = net.node("Relu", [x], f"relu{number}", real=f"relu{number}" in real)
    x = net.node("GlobalAveragePool", [x], "pooled")
    x = net.node("Flatten", [x], "flat")
    x = net.node("Gemm", [x, net.weight("head", 8, 10)], "logits")
    if "shares" in real:
        x = net.node("Softmax", [x], "shares", real=True)
    return net.write(path, x, (1, 10))


def sizes(analysis: Analysis) -> tuple[Any, ...]:
    (estimate,) = analysis.devices
    return (
        analysis.precision, analysis.totals.weight_bytes, analysis.memory.peak_bytes,
        estimate.latency_s,
    )  # fmt: skip


def test_a_quantized_onnx_file_is_as_its_float_one_at_int8(tmp_path: Path) -> None:
    quantized = onnx_file(tmp_path / "quantized.onnx", True)
    plain = onnx_file(tmp_path / "plain.onnx", False)
    imported = import_model(quantized)
    assert imported.data["precision"] == "int8"
    assert imported.text.count("int8") == 1
    assert "fp32" not in imported.text
    assert not [note for note in imported.notes if "int8" in note]
    wanted = sizes(mnet_cost.analyze(plain, devices=[BOARD], precision="int8"))
    assert wanted[:3] == ("int8", 8 * 27 + 3 * 8 * 72 + 80, 2 * 8 * 256)
    assert sizes(mnet_cost.analyze(imported.spec, devices=[BOARD])) == wanted
    assert sizes(mnet_cost.analyze(quantized, devices=[BOARD])) == wanted
    assert " · int8 · " in mnet_cost.analyze(quantized).report()
    # It is folded no worse than the float one.
    assert imported.text.replace("precision: int8\n", "").count("\n") == import_model(
        plain
    ).text.count("\n")


@pytest.mark.parametrize("flat", [False, True])
def test_layers_that_are_not_quantized_state_it(tmp_path: Path, flat: bool) -> None:
    path = onnx_file(tmp_path / "mixed.onnx", True, real=["relu2", "shares"])
    imported = import_model(path, flat=flat)
    assert imported.data["precision"] == "int8"
    steps = elaborate(imported.spec).steps
    stated = {step.layer.kind: set() for step in steps}  # type: ignore[var-annotated]
    for step in steps:
        stated[step.layer.kind].add(step.precision and step.precision.name)
    assert stated["relu"] == {"int8", "fp32"}
    assert stated["softmax"] == {"fp32"}
    assert stated["conv2d"] == {"int8"}
    assert stated.get("flatten", {None}) == {None}  # a view, which folding leaves out
    assert imported.text.count("precision: fp32") == 2
    assert difference(elaborate(imported.spec), imported.layers) is None


def test_a_file_that_is_mostly_real_states_the_quantized_layers(tmp_path: Path) -> None:
    net = Onnx(True)
    x = "x"
    for number in range(3):
        x = net.node("Sigmoid", [x], f"s{number}", real=True)
    x = net.node("Conv", [net.rounded(x), net.weight("w", 4, 3, 1, 1)], "conv")
    imported = import_model(net.write(tmp_path / "x.onnx", x, (1, 4, 16, 16)))
    assert "precision" not in imported.data
    assert imported.data["layers"][-1] == {
        "conv2d": {"channels": 4, "kernel": 1}, "precision": "int8",
    }  # fmt: skip


def test_a_spec_with_other_precisions_is_another_network(tmp_path: Path) -> None:
    imported = import_model(onnx_file(tmp_path / "quantized.onnx", True))
    layers = list(imported.layers.layers)
    layers[-1] = layers[-1]._replace(precision=None)
    other = imported.layers._replace(layers=tuple(layers))
    what = difference(elaborate(imported.spec), other)
    assert what == f"layer {len(layers) - 1}: precision int8 instead of fp32"


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_a_quantized_tflite_file(tmp_path: Path, dtype: str) -> None:
    tensors = [
        T("x", [1, 16, 16, 4], dtype, scales=1),
        T("w", [8, 1, 1, 4], dtype, data=True, scales=1),
        T("b", [8], "int32", data=True, scales=1),
        T("c", [1, 16, 16, 8], dtype, scales=1),
        T("y", [1, 16, 16, 8], dtype, scales=1),
    ]
    one = {"stride_w": 1, "stride_h": 1}
    operators = [
        Op("CONV_2D", ("x", "w", "b"), ("c",), one),
        Op("LOGISTIC", ("c",), ("y",)),
    ]
    path = tmp_path / "net.tflite"
    path.write_bytes(tflite_file(tensors, operators))
    imported = import_model(path)
    assert imported.data["precision"] == "int8"
    plain = mnet_cost.parse_spec(imported.text.replace("precision: int8\n", ""))
    wanted = sizes(mnet_cost.analyze(plain, devices=[BOARD], precision="int8"))
    assert wanted[:3] == ("int8", 8 * 4 + 8, (4 + 8) * 256)
    assert sizes(mnet_cost.analyze(imported.spec, devices=[BOARD])) == wanted
    assert sizes(mnet_cost.analyze(path, devices=[BOARD])) == wanted
