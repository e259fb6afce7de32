"""The messages of ONNX files: the fields that an import reads, with their numbers.

From onnx.proto of ONNX 1.23 (github.com/onnx/onnx, onnx/onnx.proto). Contents of tensors stay views
of the file, or are cut where they are lists of numbers. Graphs in nodes (branches, bodies of loops)
are passed over, as are documentation, functions of training and quantization annotations.
"""

from __future__ import annotations

from collections.abc import Mapping

from mnet_cost.importing.graph import FEW_WHOLE, MAX_NODES
from mnet_cost.importing.readers.protobuf import Field, Message

# One more than is allowed shows that there are more.
_NODES = MAX_NODES + 1
_ELEMENTS = FEW_WHOLE + 1
"""Numbers of a list."""

MESSAGES: Mapping[str, Message] = {
    "model": {
        1: Field("ir_version", "int"),
        2: Field("producer", "text"),
        3: Field("producer_version", "text"),
        7: Field("graph", "graph"),
        8: Field("opsets", "opset", repeated=True),
        25: Field("functions", "function", repeated=True),
    },
    "opset": {1: Field("domain", "text"), 2: Field("version", "int")},
    "entry": {1: Field("key", "text"), 2: Field("value", "text")},
    "graph": {
        1: Field("nodes", "node", repeated=True, first=_NODES),
        2: Field("name", "text"),
        5: Field("initializers", "tensor", repeated=True),
        11: Field("inputs", "value", repeated=True),
        12: Field("outputs", "value", repeated=True),
        13: Field("values", "value", repeated=True),
        15: Field("sparse_initializers", "sparse_tensor", repeated=True),
        16: Field("metadata", "bytes", repeated=True),
    },
    "node": {
        1: Field("inputs", "text", repeated=True),
        2: Field("outputs", "text", repeated=True),
        3: Field("name", "text"),
        4: Field("operator", "text"),
        5: Field("attributes", "attribute", repeated=True),
        7: Field("domain", "text"),
        8: Field("overload", "text"),
        9: Field("metadata", "bytes", repeated=True),
    },
    "attribute": {
        1: Field("name", "text"),
        2: Field("float", "float"),
        3: Field("int", "int"),
        4: Field("bytes", "bytes"),
        5: Field("tensor", "tensor"),
        6: Field("graph", "bytes"),
        7: Field("floats", "float", repeated=True),
        8: Field("ints", "int", repeated=True),
        9: Field("texts", "bytes", repeated=True),
        10: Field("tensors", "tensor", repeated=True),
        11: Field("graphs", "bytes", repeated=True),
        20: Field("type", "int"),
        21: Field("refers_to", "text"),
        22: Field("sparse_tensor", "sparse_tensor"),
    },
    "tensor": {
        1: Field("sizes", "int", repeated=True),
        2: Field("type", "int"),
        4: Field("floats", "float", repeated=True, first=_ELEMENTS),
        5: Field("int32s", "int", repeated=True, first=_ELEMENTS),
        6: Field("texts", "bytes", repeated=True, first=_ELEMENTS),
        7: Field("int64s", "int", repeated=True, first=_ELEMENTS),
        8: Field("name", "text"),
        9: Field("raw", "bytes"),
        10: Field("doubles", "double", repeated=True, first=_ELEMENTS),
        11: Field("uint64s", "int", repeated=True, first=_ELEMENTS),
        13: Field("external", "entry", repeated=True),
        14: Field("location", "int"),
    },
    "sparse_tensor": {
        1: Field("values", "tensor"),
        2: Field("indices", "tensor"),
        3: Field("sizes", "int", repeated=True),
    },
    "value": {
        1: Field("name", "text"),
        2: Field("type", "type"),
        4: Field("metadata", "bytes", repeated=True),
    },
    "type": {
        1: Field("tensor", "tensor_type"),
        4: Field("sequence", "sequence_type"),
        5: Field("map", "map_type"),
        8: Field("sparse_tensor", "tensor_type"),
        9: Field("optional", "sequence_type"),
    },
    "tensor_type": {1: Field("type", "int"), 2: Field("shape", "shape")},
    "sequence_type": {1: Field("of", "type")},
    "map_type": {2: Field("of", "type")},
    "shape": {1: Field("sizes", "size", repeated=True)},
    "size": {1: Field("value", "int"), 2: Field("symbol", "text")},
    "function": {
        1: Field("name", "text"),
        4: Field("inputs", "text", repeated=True),
        5: Field("outputs", "text", repeated=True),
        6: Field("attributes", "text", repeated=True),
        7: Field("nodes", "node", repeated=True, first=_NODES),
        9: Field("opsets", "opset", repeated=True),
        10: Field("domain", "text"),
        11: Field("defaults", "attribute", repeated=True),
        13: Field("overload", "text"),
    },
}

TENSOR_TYPES: Mapping[int, str] = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64",
    8: "string", 9: "bool", 10: "float16", 11: "float64", 12: "uint32", 13: "uint64",
    14: "complex64", 15: "complex128", 16: "bfloat16", 17: "float8e4m3fn", 18: "float8e4m3fnuz",
    19: "float8e5m2", 20: "float8e5m2fnuz", 21: "uint4", 22: "int4", 23: "float4e2m1",
    24: "float8e8m0", 25: "uint2", 26: "int2",
}  # fmt: skip
"""TensorProto.DataType."""
