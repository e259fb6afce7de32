"""TFLite files as graphs: what is read of them, and files that are damaged or hostile."""

from __future__ import annotations

import random
import struct
import tracemalloc
from pathlib import Path

import pytest
from tflite_files import Number, Numbers, Op, T, Table, encoded, tflite_file

from mnet_cost.errors import ModelFileError
from mnet_cost.importing.graph import Batch, Graph, Quantization, Stored, Tensor
from mnet_cost.importing.readers import flatbuffers
from mnet_cost.importing.readers.tflite import graph_of, read_tflite

CONV = {"padding": "SAME", "stride_w": 2, "stride_h": 2, "fused_activation_function": "RELU6"}


def read(data: bytes) -> Graph:
    return graph_of(memoryview(data), "net.tflite")


def problem(data: bytes) -> str:
    with pytest.raises(ModelFileError) as caught:
        read(data)
    return str(caught.value)


def small_network() -> bytes:
    """A convolution with activation, a mean, a classifier without bias, a custom operator."""
    return tflite_file(
        [
            T("x", [1, 8, 8, 3], signature=[-1, 8, 8, 3]),
            T("w", [4, 3, 3, 3], data=True),
            T("b", [4], data=[0.5, 1, -2, 4]),
            T("a", [1, 4, 4, 4], signature=[-1, 4, 4, 4]),
            T("axes", [2], "int32", data=[1, 2]),
            T("m", [1, 4], signature=[-1, 4]),
            T("f", [10, 4], data=True),
            T("z", [1, 10], signature=[-1, 10]),
            T("y", [1, 10]),
        ],
        [
            Op("CONV_2D", ("x", "w", "b"), ("a",), CONV),
            Op("MEAN", ("a", "axes"), ("m",)),
            Op("FULLY_CONNECTED", ("m", "f", ""), ("z",), {"keep_num_dims": True}),
            Op("TFLite_Detection_PostProcess", ("z",), ("y",)),
        ],
    )


def test_a_small_network(tmp_path: Path) -> None:
    file = tmp_path / "small net.v1.tflite"
    file.write_bytes(small_network())
    graph = read_tflite(file)
    assert (graph.dialect, graph.name) == ("tflite", "small_net.v1")
    assert graph.source == "small net.v1.tflite, written for a test"
    assert graph.inputs == (Tensor("x", "float32", (Batch(1), 8, 8, 3)),)
    assert graph.outputs == (Tensor("y", "float32", (1, 10)),)
    conv, mean, linear, custom = graph.nodes
    assert (conv.name, conv.operator, conv.inputs) == ("CONV_2D:0", "CONV_2D", ("x", "w", "b"))
    assert conv.attributes == {**CONV, "dilation_w_factor": 1, "dilation_h_factor": 1}
    assert mean.attributes == {"keep_dims": False}
    assert linear.inputs == ("m", "f", "")
    assert linear.attributes == {
        "fused_activation_function": "NONE", "weights_format": 0, "keep_num_dims": True,
    }  # fmt: skip
    assert (custom.name, custom.domain) == ("TFLite_Detection_PostProcess:3", "custom")
    assert graph.stored == {
        "w": Stored("w", "float32", (4, 3, 3, 3)),
        "b": Stored("b", "float32", (4,), (0.5, 1, -2, 4)),
        "axes": Stored("axes", "int32", (2,), (1, 2)),
        "f": Stored("f", "float32", (10, 4), (0.0,) * 40),
    }
    assert graph.tensors["m"] == Tensor("m", "float32", (Batch(1), 4))
    assert set(graph.tensors) == {"a", "m", "z", "y"}


def test_a_file_written_by_hand() -> None:
    # Slots are those of schema.fbs, without the help of a table: one AVERAGE_POOL_2D.
    def i(value: int) -> Number:
        return Number("int32", value)

    pool = {0: Number("int8", 1), 1: i(3), 2: i(2), 3: i(5), 4: i(4), 5: Number("int8", 1)}
    operator = {
        1: Numbers("int32", [0]), 2: Numbers("int32", [1]), 3: Number("uint8", 5), 4: pool,
    }  # fmt: skip
    x = {0: Numbers("int32", [2, 9, 9, 1]), 1: Number("int8", 9), 3: "x",
         4: {2: Numbers("float", [0.1])}}  # fmt: skip
    y = {0: Numbers("int32", [2, 3, 2, 1]), 3: "y", 4: {2: Numbers("float", []), 0: Numbers(
        "float", [1.0])}}  # fmt: skip
    subgraph = {0: [x, y], 1: Numbers("int32", [0]), 2: Numbers("int32", [1]), 3: [operator]}
    # The code is in the old field alone, as in files from before 2020.
    model = {0: Number("uint32", 3), 1: [{0: Number("int8", 1)}], 2: [subgraph], 4: [{}]}
    graph = read(encoded(model))
    assert graph.inputs == (Tensor("x", "int8", (2, 9, 9, 1), Quantization("int8")),)
    assert graph.outputs == (Tensor("y", "float32", (2, 3, 2, 1)),)
    assert graph.nodes[0].operator == "AVERAGE_POOL_2D"
    assert graph.nodes[0].attributes == {
        "padding": "VALID", "stride_w": 3, "stride_h": 2, "filter_width": 5, "filter_height": 4,
        "fused_activation_function": "RELU",
    }  # fmt: skip
    assert graph.source == "net.tflite"


def test_codes_above_127_and_codes_that_nobody_knows() -> None:
    def operators(code: Table) -> str:
        op = {1: Numbers("int32", [0]), 2: Numbers("int32", [1])}
        tensors = [{0: Numbers("int32", [1, 4]), 3: name} for name in "xy"]
        ends = {1: Numbers("int32", [0]), 2: Numbers("int32", [1])}
        subgraph = {0: tensors, 3: [op], **ends}
        return read(encoded({0: Number("uint32", 3), 1: [code], 2: [subgraph]})).nodes[0].operator

    def old(code: int) -> Number:
        return Number("int8", code)

    def new(code: int) -> Number:
        return Number("int32", code)

    assert operators({0: old(127), 3: new(150)}) == "GELU"
    assert operators({0: old(0), 3: new(128)}) == "CUMSUM"
    assert operators({0: old(98)}) == "LEAKY_RELU"
    assert operators({0: old(127), 3: new(5000)}) == "BUILTIN_5000"
    assert operators({0: old(127)}) == "BUILTIN_127"
    assert operators({0: old(-1), 3: new(-7)}) == "BUILTIN_-1"


def test_quantized_tensors() -> None:
    data = tflite_file(
        [
            T("x", [1, 4, 4, 8], "int8", scales=1),
            T("w", [16, 1, 1, 8], "int8", data=True, scales=16),
            T("b", [16], "int32", data=True, scales=16),
            T("y", [1, 4, 4, 16], "int8", scales=1),
        ],
        [Op("CONV_2D", ("x", "w", "b"), ("y",), {"stride_w": 1, "stride_h": 1})],
    )
    graph = read(data)
    assert graph.inputs[0].quantization == Quantization("int8")
    assert graph.stored["w"].quantization == Quantization("int8", 0)
    assert graph.stored["b"].quantization == Quantization("int32", 0)
    assert graph.stored["b"].values is None


def test_values_of_a_quantized_tensor_are_real() -> None:
    scaled = T("c", [3], "int8", data=[-2, 0, 7], scales=1)
    data = tflite_file([T("x", [1, 3]), scaled, T("y", [1, 3])], [Op("ADD", ("x", "c"), ("y",))])
    assert read(data).stored["c"].values == (-1.0, 0.0, 3.5)


def test_contents_behind_the_tables() -> None:
    # Files of more than 2 GB have weights there.
    def file(offset: int) -> bytes:
        x, y = ({0: Numbers("int32", [1, 2]), 3: name} for name in "xy")
        c = {0: Numbers("int32", [2]), 1: Number("int8", 2), 2: Number("uint32", 1), 3: "c"}
        op = {1: Numbers("int32", [0, 1]), 2: Numbers("int32", [2])}
        ends = {1: Numbers("int32", [0]), 2: Numbers("int32", [2])}
        behind = {1: Number("uint64", offset), 2: Number("uint64", 8)}
        subgraph = {0: [x, c, y], 3: [op], **ends}
        tables = {0: Number("uint32", 3), 1: [{}], 2: [subgraph], 4: [{}, behind]}
        return encoded(tables) + struct.pack("<ii", 5, -7)

    size = len(file(8))
    assert read(file(size - 8)).stored["c"].values == (5, -7)
    assert problem(file(size - 4)) == "net.tflite: buffer 1 goes on behind the end of the file"


def test_names_that_are_missing_or_not_unique() -> None:
    data = tflite_file(
        [T("x", [1, 4]), T("\N{GREEK SMALL LETTER ALPHA}", [1, 4]), T("y", [1, 4])],
        [Op("RELU", ("x",), ("\N{GREEK SMALL LETTER ALPHA}",)),
         Op("RELU", ("\N{GREEK SMALL LETTER ALPHA}",), ("y",))],
    )  # fmt: skip
    start = data.index("\N{GREEK SMALL LETTER ALPHA}".encode())
    again = data[:start] + b"y\0" + data[start + 2 :]  # two letters, the second is NUL
    assert [node.outputs for node in read(again).nodes] == [("y\0",), ("y",)]
    empty = tflite_file(
        [T("x", [1, 4]), T("", [1, 4]), T("y", [1, 4])],
        [Op("RELU", ("x",), ("y",))],
    )
    assert list(read(empty).tensors) == ["y"]


def test_contents_that_two_tensors_share() -> None:
    data = bytearray(
        tflite_file(
            [T("x", [1, 4]), T("b", [4], data=True), T("c", [4], data=True), T("t", [1, 4]),
             T("y", [1, 4])],
            [Op("ADD", ("x", "b"), ("t",)), Op("ADD", ("t", "c"), ("y",))],
        )
    )  # fmt: skip
    assert read(bytes(data)).same_storage == {}
    # `c` is in buffer 2: let it be in buffer 1, as a converter does with equal contents.
    name = data.index(b"c\0", data.index(b"b\0\0"))
    place = data.rindex(struct.pack("<I", 2), 0, name)
    struct.pack_into("<I", data, place, 1)
    graph = read(bytes(data))
    assert graph.same_storage == {"c": "b"}
    assert graph.stored["c"].elements == 4


def test_sizes_that_are_open() -> None:
    tensors = [
        T("x", [1, 1, 1, 3], signature=[-1, -1, -1, 3]),
        T("y", [2, 1, 1, 3], signature=[-1, -1, -1, 3]),
    ]
    graph = read(tflite_file(tensors, [Op("RELU", ("x",), ("y",))]))
    assert graph.inputs[0].shape == (Batch(1), "axis_1", "axis_2", 3)
    assert graph.outputs[0].shape == (Batch(2), "y[1]", "y[2]", 3)


def test_a_state_is_stored_and_not_trained() -> None:
    x = {0: Numbers("int32", [1, 4]), 3: "x"}
    state = {0: Numbers("int32", [1, 9]), 3: "s", 5: Number("bool", True)}
    y = {0: Numbers("int32", [1, 4]), 3: "y"}
    op = {1: Numbers("int32", [0, 1]), 2: Numbers("int32", [2])}
    ends = {1: Numbers("int32", [0]), 2: Numbers("int32", [2])}
    subgraph = {0: [x, state, y], 3: [op], **ends}
    graph = read(encoded({0: Number("uint32", 3), 1: [{}], 2: [subgraph]}))
    assert graph.stored == {"s": Stored("s", "float32", (1, 9), trained=False)}


# What is wrong is said


def test_what_is_no_tflite_file(tmp_path: Path) -> None:
    assert problem(b"\x08\x07\x12\x07pytorch") == (
        "net.tflite: it is no TFLite file\nhint: a TFLite file has `TFL3` as its bytes 4 to 7"
    )
    assert problem(b"PK\x03\x04" + bytes(90)).startswith(
        "net.tflite: it is no TFLite file, but a zip archive"
    )
    with pytest.raises(ModelFileError, match="cannot be read: no such file or directory"):
        read_tflite(tmp_path / "absent.tflite")
    (tmp_path / "empty.tflite").write_bytes(b"")
    with pytest.raises(ModelFileError, match=r"empty\.tflite: the file is empty"):
        read_tflite(tmp_path / "empty.tflite")


def test_what_contradicts_itself() -> None:
    x, y = T("x", [1, 4]), T("y", [1, 4])
    relu = Op("RELU", ("x",), ("y",))
    assert problem(tflite_file([x, y], [Op("RELU", ("y",), ("y",))])) == (
        "net.tflite: nodes need each other's outputs, so none can run first: `RELU:0`\n"
        "hint: a model is a graph without cycles: export the model again"
    )
    assert problem(tflite_file([x, y], [relu, relu])) == (
        "net.tflite: node `RELU:1` (RELU) makes `y`, which is already an output of `RELU:0`\n"
        "hint: each tensor has a name of its own: export the model again"
    )
    assert problem(tflite_file([x, y, T("z", [1])], [relu], outputs=("z",))) == (
        "net.tflite: nothing makes its output `z`"
    )
    assert problem(tflite_file([x._replace(shape=[-2, 4]), y], [relu])) == (
        "net.tflite: tensor `x` has a size below 0: [-2, 4]"
    )
    assert problem(tflite_file([x._replace(shape=[1] * 17), y], [relu])) == (
        "net.tflite: tensor `x` has 17 axes: more than 16"
    )
    scaled = x._replace(scales=4, axis=2)
    assert problem(tflite_file([scaled, y], [relu])) == (
        "net.tflite: tensor `x` is quantized along axis 2, which is not there"
    )


def test_contents_of_another_size_than_the_shape() -> None:
    x, y = T("x", [1, 4]), T("y", [1, 4])
    data = tflite_file([x, T("w", [77], data=True), y], [Op("ADD", ("x", "w"), ("y",))])
    huge = data.replace(struct.pack("<II", 1, 77), struct.pack("<II", 1, 2**31 - 1))
    assert problem(huge) == (
        "net.tflite: tensor `w` has 308 bytes: a float32 of shape [2147483647] takes 8,589,934,588"
    )


def test_options_of_another_operator() -> None:
    data = small_network()
    changed = [
        problem_or_none(data[:i] + b"\x05" + data[i + 1 :])
        for i, byte in enumerate(data)
        if byte == 8
    ]
    assert (
        "net.tflite: node FULLY_CONNECTED:2: its options are those of another operator" in changed
    )


def problem_or_none(data: bytes) -> str | None:
    try:
        read(data)
    except ModelFileError as error:
        return str(error)
    return None


def test_files_that_are_cut() -> None:
    data = small_network()
    problems = [problem_or_none(data[:length]) for length in range(len(data))]
    assert all(problems[: len(data) // 2])
    where = "the table `model` at byte 24 is outside of the file"
    assert problems[20] == (
        f"net.tflite: it is damaged: {where}\nhint: download or convert it again"
    )


def test_mutated_files() -> None:
    """Bytes, words and blocks that are changed: a graph or a clear error, within a second."""
    rng = random.Random(0)
    original = small_network()
    outcomes = {True: 0, False: 0}
    for _ in range(1500):
        data = bytearray(original)
        for _ in range(rng.choice((1, 1, 2, 8))):
            place = rng.randrange(len(data) - 4)
            kind = rng.randrange(3)
            if kind == 0:
                data[place] = rng.randrange(256)
            elif kind == 1:
                word = rng.choice((0, 1, 2**31 - 1, 2**31, 2**32 - 1, rng.randrange(2**32)))
                struct.pack_into("<I", data, place, word)
            else:
                other = rng.randrange(len(data) - 16)
                data[place : place + 16] = data[other : other + 16]
        outcomes[problem_or_none(bytes(data)) is None] += 1
    assert min(outcomes.values()) > 100


# Bombs: small files that stand for much


def test_small_files_that_stand_for_much() -> None:
    """Offsets may all lead to one table or list: what is made of them is bounded."""
    x = {0: Numbers("int32", [1, 4]), 3: "x" * 2000}
    ends = {1: Numbers("int32", [0]), 2: Numbers("int32", [0])}

    def file(tensors: int, operators: int, operands: int) -> bytes:
        one = {1: Numbers("int32", [0] * operands), 2: Numbers("int32", [])}
        subgraph = {0: [x] * tensors, 3: [one] * operators, **ends}
        return encoded({0: Number("uint32", 3), 1: [{}], 2: [subgraph]})

    assert problem(file(400_001, 0, 0)) == "net.tflite: it has 400,001 tensors: more than 400,000"
    assert problem(file(1, 100_001, 1)) == "net.tflite: it has 100,001 operators: more than 100,000"
    assert problem(file(1, 1000, 1001)) == (
        "net.tflite: its operators have 1,001,000 operands: more than 1,000,000"
    )
    tracemalloc.start()
    assert len(read(file(20_000, 0, 0)).nodes) == 0
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()


def test_more_values_than_a_file_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flatbuffers, "MAX_VALUES", 50)
    assert "it is damaged: more than 50 values before byte" in problem(small_network())
