"""ONNX files as graphs: every case of the package onnx, damaged files, hostile ones."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnx")

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from onnx_files import model, node_cases, tensor

from mnet_cost.errors import ModelFileError
from mnet_cost.importing.graph import FEW, NO_TENSORS, Graph, Stored, Subgraph, Tensor
from mnet_cost.importing.readers import protobuf
from mnet_cost.importing.readers.onnx import parse_onnx, read_onnx
from mnet_cost.importing.readers.onnx_messages import MESSAGES, TENSOR_TYPES
from mnet_cost.importing.readers.protobuf import Reader
from mnet_cost.models.types import Scope


def graph_of(proto: Any, name: str = "net.onnx") -> Graph:
    return parse_onnx(proto.SerializeToString(), name)


def refusal(proto: Any) -> str:
    with pytest.raises(ModelFileError) as caught:
        graph_of(proto)
    return str(caught.value)


# What the package onnx reads


def assert_same(decoded: dict[str, Any], proto: Any, message: str) -> None:
    """Compares a decoded message with that of protobuf, field by field."""
    fields = {field.number: field for field in proto.DESCRIPTOR.fields}
    for number, field in MESSAGES[message].items():
        theirs = getattr(proto, fields[number].name)
        if not field.repeated:
            assert (field.name in decoded) == proto.HasField(fields[number].name)
            if field.name not in decoded:
                continue
            theirs = [theirs]
        ours = decoded[field.name] if field.repeated else [decoded[field.name]]
        assert len(ours) == (
            len(theirs) if field.first is None else min(len(theirs), field.first)
        ), (message, field.name)
        for own, other in zip(ours, theirs, strict=False):
            if field.type in MESSAGES:
                assert_same(own, other, field.type)
            elif isinstance(own, memoryview):
                expected = other if isinstance(other, bytes) else other.SerializeToString()
                assert len(own) == len(expected)
            else:
                same = own == other or (own != own and other != other)
                assert same or (isinstance(own, int) and (own - other) % 2**64 == 0)


OPERATORS = (
    "attention", "bitcast", "constant", "conv", "dequantizelinear", "if_", "layernormalization",
    "loop", "optionalgetelement", "reshape", "resize", "string_concat", "not_",
)  # fmt: skip
"""Of whose cases the whole content is compared: those with attributes and types of all kinds."""


def test_messages_are_decoded_as_protobuf_decodes_them() -> None:
    cases = node_cases(*OPERATORS)
    assert len(cases) > 100
    for case in cases:
        decoded = Reader(memoryview(case.model.SerializeToString()), MESSAGES).message("model")
        assert_same(decoded, case.model, "model")


def test_graphs_are_those_that_the_package_reads() -> None:
    for case in node_cases(*OPERATORS):
        proto = case.model
        if case.name.startswith("test_not_"):  # from before there was a version 7
            assert "version 1 of the standard operators (opset) is not known" in refusal(proto)
            continue
        graph = graph_of(proto)
        nodes = proto.graph.node
        assert [node.operator for node in graph.nodes] == [node.op_type for node in nodes]
        assert [list(node.inputs) for node in graph.nodes] == [list(node.input) for node in nodes]
        assert [list(node.outputs) for node in graph.nodes] == [list(n.output) for n in nodes]
        assert len({node.name for node in graph.nodes}) == len(nodes)
        for declared, value in zip(graph.inputs, proto.graph.input, strict=True):
            assert_same_tensor(declared, value)
        for node, own in zip(nodes, graph.nodes, strict=True):
            for attribute in node.attribute:
                assert_same_attribute(own.attributes[attribute.name], attribute)


def assert_same_tensor(ours: Tensor, value: Any) -> None:
    assert ours.name == value.name
    if not value.type.HasField("tensor_type"):
        other = (value.type.WhichOneof("value") or "").removesuffix("_type")
        assert (ours.dtype, ours.shape) == (other if other in NO_TENSORS else None, None)
        return
    form = value.type.tensor_type
    assert ours.dtype == TENSOR_TYPES[form.elem_type]
    assert ours.shape == tuple(
        size.dim_value if size.HasField("dim_value") else size.dim_param or f"{value.name}.{axis}"
        for axis, size in enumerate(form.shape.dim)
    )


def assert_same_attribute(ours: Any, attribute: Any) -> None:
    theirs = helper.get_attribute_value(attribute)
    if attribute.type == attribute.TENSOR:
        assert ours.shape == tuple(theirs.dims)
        if ours.values is not None and ours.dtype != "string":
            expected = numpy_helper.to_array(theirs).ravel().tolist()
            np.testing.assert_array_equal(ours.values, expected)
    elif attribute.type == attribute.GRAPH:
        assert ours == Subgraph(theirs.ByteSize())
    elif attribute.type in (attribute.STRING, attribute.STRINGS):
        as_text = [theirs] if isinstance(theirs, bytes) else list(theirs)
        assert ([ours] if isinstance(ours, str) else list(ours)) == [t.decode() for t in as_text]
    elif attribute.type in (attribute.FLOATS, attribute.INTS):
        assert ours == tuple(theirs)
    elif attribute.type in (attribute.FLOAT, attribute.INT):
        assert ours == theirs


# Stored tensors


DTYPES = [
    name for name in TENSOR_TYPES.values() if name not in ("string", "complex64", "complex128")
]


def one_tensor(proto: Any) -> Stored:
    nodes = [helper.make_node("Relu", ["x"], ["y"])]
    return graph_of(model(nodes, stored=[proto])).stored["w"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_few_elements_are_those_of_numpy(dtype: str) -> None:
    number = next(key for key, name in TENSOR_TYPES.items() if name == dtype)
    values = np.array([0, 1, 2, -3, 0.5, -0.75, 5, 7, -1.5])
    if dtype.startswith("u") or dtype == "float8e8m0":
        values = np.abs(values)
    for raw in (True, False):
        if not raw and dtype in ("int2", "uint2", "float8e8m0"):
            continue  # the package makes no lists of them
        array = values.astype(helper.tensor_dtype_to_np_dtype(number))
        proto = (
            numpy_helper.from_array(array, "w")
            if raw
            else helper.make_tensor("w", number, array.shape, array)
        )
        assert proto.HasField("raw_data") == raw
        stored = one_tensor(proto)
        assert (stored.dtype, stored.shape, stored.elements) == (dtype, (9,), 9)
        assert stored.values is not None
        expected = numpy_helper.to_array(proto).astype(np.float64)
        np.testing.assert_array_equal(np.array(stored.values, dtype=np.float64), expected)


@pytest.mark.parametrize(
    "name", [name for name in DTYPES if name.startswith("float") and name[5] in "48"]
)
def test_every_small_float_is_the_one_of_ml_dtypes(name: str) -> None:
    number = next(key for key, dtype in TENSOR_TYPES.items() if dtype == name)
    codes = (
        bytes(range(256))
        if name != "float4e2m1"
        else bytes(16 * i + j for i in range(16) for j in range(16))
    )
    count = len(codes) * (2 if name == "float4e2m1" else 1)
    for start in range(0, count, FEW):
        part = codes[start * len(codes) // count : (start + FEW) * len(codes) // count]
        proto = TensorProto(name="w", data_type=number, dims=[FEW], raw_data=part)
        expected = numpy_helper.to_array(proto).astype(np.float64)
        np.testing.assert_array_equal(np.array(one_tensor(proto).values), expected)


def test_complex_and_texts() -> None:
    numbers = np.array([1 + 2j, -3j, 0])
    for dtype in (np.complex64, np.complex128):
        for proto in (
            numpy_helper.from_array(numbers.astype(dtype), "w"),
            helper.make_tensor("w", helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), [3], numbers),
        ):
            assert one_tensor(proto).values == (1 + 2j, -3j, 0)
    texts = helper.make_tensor("w", TensorProto.STRING, [2], ["a", "b\u00e9"])
    assert one_tensor(texts).values == ("a", "b\u00e9")


@pytest.mark.parametrize("as_list", [True, False])
def test_large_tensors_are_not_read(as_list: bool) -> None:
    count = FEW + 1
    values = np.arange(count, dtype=np.float32)
    many = (
        helper.make_tensor("w", TensorProto.FLOAT, [count], values)
        if as_list
        else numpy_helper.from_array(values, "w")
    )
    assert one_tensor(many) == Stored("w", "float32", (count,), None)


def test_data_in_other_files_is_not_opened(tmp_path: Path) -> None:
    proto = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2], data_location=1)
    proto.external_data.add(key="location", value="../../../../etc/passwd")
    assert one_tensor(proto) == Stored("w", "float32", (2,), None)


def test_a_tensor_without_its_numbers_has_a_size() -> None:
    proto = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2, 3])
    assert one_tensor(proto) == Stored("w", "float32", (2, 3), None)


def test_a_sparse_tensor_is_as_large_as_the_whole() -> None:
    values = numpy_helper.from_array(np.ones(2, np.float32), "w")
    proto = model([helper.make_node("Relu", ["x"], ["y"])])
    indices = numpy_helper.from_array(np.array([1, 5]), "w_indices")
    proto.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [3, 4]))
    assert graph_of(proto).stored == {"w": Stored("w", "float32", (3, 4), None)}


def test_an_input_with_a_value_is_stored() -> None:
    weight = numpy_helper.from_array(np.zeros((4, 3, 1, 1), np.float32), "w")
    node = helper.make_node("Conv", ["x", "w"], ["y"])
    proto = model([node], [tensor("x"), tensor("w", (4, 3, 1, 1))], stored=[weight])
    graph = graph_of(proto)
    assert [value.name for value in graph.inputs] == ["x"]
    assert graph.stored["w"].shape == (4, 3, 1, 1)


# Names, order, functions


def test_model_and_nodes_have_names() -> None:
    relu = helper.make_node("Relu", ["x"], ["a"])
    nodes = [
        relu,
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Relu", ["b"], ["c"], name="Relu"),
        helper.make_node("Relu", ["c"], ["y"], name="Relu_2"),
    ]
    shape = ("N", 3, None, 8)
    graph = graph_of(model(nodes, [tensor("x", shape)]), "my net (1).onnx")
    assert graph.name == "my_net_1"
    assert graph.source == "my net (1).onnx, written by pytorch 2.13.0"
    assert [node.name for node in graph.nodes] == ["Relu", "Relu_2", "Relu_3", "Relu_2_2"]
    assert graph.inputs[0].shape == ("N", 3, "x.2", 8)
    assert graph.versions == {"": 18}


def test_nodes_are_sorted() -> None:
    nodes = [
        helper.make_node("Relu", ["b"], ["y"], name="third"),
        helper.make_node("Relu", ["x"], ["a"], name="first"),
        helper.make_node("Relu", ["a"], ["b"], name="second"),
    ]
    names = [node.name for node in graph_of(model(nodes)).nodes]
    assert names == ["first", "second", "third"]


BODY = [
    helper.make_node("Conv", ["a", "w"], ["t"], name="conv"),
    helper.make_node("LeakyRelu", ["t"], ["b"], name="act"),
]


def function(name: str, nodes: list[Any], attributes: Any = (), opset: int = 18) -> Any:
    return helper.make_function(
        "own", name, ["a", "w"], ["b"], nodes, [helper.make_opsetid("", opset)], attributes
    )


def call(operator: str, inputs: list[str], outputs: list[str], **attributes: Any) -> Any:
    return helper.make_node(operator, inputs, outputs, domain="own", **attributes)


def test_functions_are_inlined() -> None:
    alpha = BODY[1].attribute.add(name="alpha", ref_attr_name="slope", type=1)
    inner = function("Inner", BODY, ["slope"])
    twice = [
        call("Inner", ["a", "w"], ["m"], name="one", slope=0.5),
        call("Inner", ["m", "w"], ["b"], name="two"),
    ]
    nodes = [call("Outer", ["x", "w"], ["y"], name="block")]
    graph = graph_of(
        model(nodes, [tensor("x"), tensor("w")], functions=[inner, function("Outer", twice)])
    )
    BODY[1].attribute.remove(alpha)
    assert [(node.name, node.operator, node.inputs, node.outputs) for node in graph.nodes] == [
        ("block/one/conv", "Conv", ("x", "w"), ("block/one/t",)),
        ("block/one/act", "LeakyRelu", ("block/one/t",), ("block/m",)),
        ("block/two/conv", "Conv", ("block/m", "w"), ("block/two/t",)),
        ("block/two/act", "LeakyRelu", ("block/two/t",), ("y",)),
    ]
    assert [node.attributes for node in graph.nodes[1::2]] == [{"alpha": 0.5}, {}]


def test_a_function_returns_its_input() -> None:
    same = helper.make_function("own", "Same", ["a"], ["a"], [], [])
    graph = graph_of(model([call("Same", ["x"], ["y"], name="s")], functions=[same]))
    assert [(node.name, node.operator, node.inputs, node.outputs) for node in graph.nodes] == [
        ("s/Identity", "Identity", ("x",), ("y",))
    ]


def test_scopes() -> None:
    node = helper.make_node("Relu", ["x"], ["a"], name="/layer1/layer1.0/mlp/mlp.10/Relu")
    other = helper.make_node("Relu", ["a"], ["y"], name="node_relu")
    for key, value in (
        ("stack_trace", "File"),
        ("name_scopes", "['', 'layer1', 'layer1.0', 'relu_1']"),
        ("class_hierarchy", "['a.b.Net', 'torch.nn.Sequential', \"a.Block\", 'aten.relu.default']"),
    ):
        other.metadata_props.add(key=f"pkg.torch.onnx.{key}", value=value)
    old, new = graph_of(model([node, other])).nodes
    assert [scope.path for scope in old.scopes] == [
        "layer1", "layer1.0", "layer1.0.mlp", "layer1.0.mlp.10",
    ]  # fmt: skip
    assert new.scopes == (
        Scope("", "Net"),
        Scope("layer1", "Sequential"),
        Scope("layer1.0", "Block"),
    )


# What is refused


def relu(first: str, other: str, **fields: Any) -> Any:
    return helper.make_node("Relu", [first], [other], **fields)


def refused_models() -> dict[str, tuple[Any, str]]:
    damaged = numpy_helper.from_array(np.zeros((2, 3), np.float32), "w")
    damaged.raw_data = damaged.raw_data[:-1]
    negative = TensorProto(name="w", data_type=1, dims=[2, -1])
    unknown = TensorProto(name="w", data_type=99, dims=[2])
    scalar = numpy_helper.from_array(np.array(1.0, np.float32), "w")
    recursive = [call("F", ["a", "w"], ["b"])]
    other = [call("G", ["a", "w"], ["b"])]
    plain = [relu("x", "y")]
    calls = [call("F", ["x", "w"], ["y"])]
    with_w = [tensor("x"), tensor("w")]
    return {
        "cycle": (
            model(
                [
                    relu("c", "a", name="p"),
                    relu("a", "b", name="q"),
                    relu("b", "c", name="r"),
                    relu("c", "y"),
                ]
            ),
            "net.onnx: nodes need each other's outputs, so none can run first: `p`, `q`, `r`\n"
            "hint: a model is a graph without cycles: export the model again",
        ),
        "itself": (model([relu("y", "y", name="p")]), "so none can run first: `p`\n"),
        "missing": (
            model([relu("nothing", "y", name="p")]),
            "net.onnx: node `p` (Relu) reads `nothing`, which nothing makes\n",
        ),
        "twice": (
            model([relu("x", "y", name="p"), relu("x", "y", name="q")]),
            "net.onnx: node `q` (Relu) makes `y`, which is already an output of `p`\n",
        ),
        "an input": (
            model([relu("x", "x", name="p")]),
            "net.onnx: node `p` (Relu) makes `x`, which is already an input or a stored tensor\n",
        ),
        "no output": (model([relu("x", "z")]), "net.onnx: nothing makes the output `y`\n"),
        "two tensors": (
            model(plain, stored=[scalar, scalar]),
            "net.onnx: two stored tensors are called `w`\n",
        ),
        "two inputs": (
            model(plain, [tensor("x"), tensor("x")]),
            "net.onnx: two inputs are called `x`\n",
        ),
        "bytes": (
            model(plain, stored=[damaged]),
            "net.onnx: the stored tensor `w`, float32 [2, 3], has 23 bytes instead of 24\n",
        ),
        "negative": (
            model(plain, stored=[negative]),
            "net.onnx: the stored tensor `w` has a negative size: [2, -1]\n",
        ),
        "type": (
            model(plain, stored=[unknown]),
            "net.onnx: the stored tensor `w` has the type 99, which ONNX 1.23 does not have\n",
        ),
        "new opset": (
            model(plain, opset=99),
            "net.onnx: version 99 of the standard operators (opset) is not known: 7 to 28 are\n"
            "hint: `onnx.version_converter.convert_version` converts it, or export with "
            "`opset_version=18`",
        ),
        "no opset": (
            model(plain, opset_imports=[helper.make_opsetid("own", 1)]),
            "net.onnx: the file does not say the version of its operators (opset)\n",
        ),
        "recursion": (
            model(calls, with_w, functions=[function("F", other), function("G", recursive)]),
            "net.onnx: function `own::F` calls itself\n",
        ),
        "versions": (
            model(calls, with_w, functions=[function("F", BODY, opset=17)]),
            "net.onnx: function `own::F` has operators of version 17, the model of version 18 "
            "(the standard operators)\n",
        ),
        "two functions": (
            model(calls, with_w, functions=[function("F", BODY), function("F", BODY)]),
            "net.onnx: there are two functions `own::F`\n",
        ),
    }


@pytest.mark.parametrize("name", refused_models())
def test_refused_models(name: str) -> None:
    proto, message = refused_models()[name]
    assert message in refusal(proto)


FILES = {
    "empty": (b"", "the file is empty\nhint: save or download it again"),
    "torch": (
        b"PK\x03\x04" + bytes(99),
        "this is a zip archive, as `.pt`, `.pth`, `.pt2` and `.keras` ",
    ),
    "lfs": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n",
        "this is a pointer of Git LFS, not the file itself, no ONNX file\n"
        "hint: `git lfs pull` fetches the file",
    ),
    "page": (b"<!DOCTYPE html>\n<html>", "this is a page of the web, not the file that it offers"),
    "yaml": ("name: \u00fcber\nformat: 1\n".encode(), "this is a text, no ONNX file\n"),
    "tflite": (b"\x1c\0\0\0TFL3" + bytes(99), "this is a TFLite model, no ONNX file\n"),
    "pickle": (
        b"\x80\x02}q\0",
        "this is a pickle, as old `.pt` and `.pth` files are, no ONNX file",
    ),
    "weights": (
        b"\x40\0\0\0\0\0\0\0" + b'{"w":{"dtype":"F32"}}',
        "this is a file of weights alone",
    ),
    "zeros": (
        bytes(4096),
        "this is no ONNX file, or a damaged one: a field without a number at byte 0",
    ),
    "noise": (random.Random(0).randbytes(4096), "this is no ONNX file, or a damaged one: "),
    "no graph": (b"\x08\x09", "this is no ONNX file, or a damaged one: it has no graph"),
}


@pytest.mark.parametrize("name", FILES)
def test_files_of_other_kinds(name: str, tmp_path: Path) -> None:
    data, message = FILES[name]
    path = tmp_path / "net.onnx"
    path.write_bytes(data)
    with pytest.raises(ModelFileError) as caught:
        read_onnx(path)
    assert str(caught.value).startswith(f"{path}: {message}")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "resnet50.onnx").write_bytes(b"")
    with pytest.raises(ModelFileError, match=r"cannot be read: no such file") as caught:
        read_onnx(tmp_path / "resnet5.onnx")
    assert "did you mean `resnet50.onnx`?" in str(caught.value)


def test_a_huge_file_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    with open(path, "wb") as file:
        file.truncate(2**31 + 1)
    with pytest.raises(
        ModelFileError, match=r"2,147,483,649 bytes are more than the 2,147,483,648"
    ):
        read_onnx(path)


def test_files_that_stand_for_more_than_they_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = [call(f"F{0}", ["a", "w"], ["m"]), call(f"F{0}", ["m", "w"], ["b"])]
    chain = [function("F0", [])]
    for level in range(1, 30):
        for node in twice:
            node.op_type = f"F{level - 1}"
        chain.append(function(f"F{level}", twice))
    bomb = model([call("F29", ["x", "w"], ["y"])], [tensor("x"), tensor("w")], functions=chain)
    assert "there are more than 100,000 nodes" in refusal(bomb)
    node = relu("x", "y").SerializeToString()
    nodes = (b"\x0a" + bytes([len(node)]) + node) * 1_000_000
    with pytest.raises(ModelFileError, match="there are more than 100,000 nodes"):
        parse_onnx(b"\x3a" + varint(len(nodes)) + nodes)
    monkeypatch.setattr(protobuf, "MAX_VALUES", 50_000)
    with pytest.raises(ModelFileError, match="more than 50,000 values"):
        parse_onnx(b"\x3a" + varint(12_000) + b"\x5a\0" * 6_000)


def varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def test_damaged_files_are_refused_or_read() -> None:
    files = [case.model.SerializeToString() for case in node_cases(*OPERATORS)]
    generator = random.Random(1)
    refused = 0
    for _ in range(2000):
        data = bytearray(generator.choice(files))
        if generator.random() < 0.3:
            del data[generator.randrange(len(data)) :]
        for _ in range(generator.randint(0, 4)):
            data[generator.randrange(len(data) or 1) : 1] = [generator.randrange(256)]
        try:
            parse_onnx(bytes(data))
        except ModelFileError:
            refused += 1
    assert 1000 < refused < 2000


def test_a_declared_size_is_open_or_no_less_than_0() -> None:
    relu = helper.make_node("Relu", ["x"], ["y"])
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)

    def proto(size: int) -> Any:
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, size, 4])
        return helper.make_model(helper.make_graph([relu], "g", [x], [output]))

    assert graph_of(proto(-1)).inputs[0].shape == (1, 3, "x.2", 4)
    assert "the size of axis 2 of `x` is -3: none is negative" in refusal(proto(-3))
