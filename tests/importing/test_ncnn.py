"""Models of ncnn: their text as graphs, their layers as ours, and text that is damaged."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from mnet_cost.errors import ModelFileError
from mnet_cost.importing.graph import Batch, Graph, Reference, Stored, Tensor
from mnet_cost.importing.layer_graph import LayerGraph
from mnet_cost.importing.mapping.ncnn import map_ncnn
from mnet_cost.importing.readers.ncnn import graph_of, read_ncnn

SMALL = (
    "Input data 0 1 data 0=8 1=6 2=3",
    "Convolution conv 1 1 data a 0=16 1=3 3=2 4=1 5=1 6=432 9=3 -23310=2,0.0,6.0",
    "Split twice 1 2 a b c",
    "ConvolutionDepthWise dw 1 1 b d 0=16 1=3 11=1 4=1 14=0 6=48 7=16",
    "BinaryOp add 2 1 d c e 0=0",
    "Pooling pool 1 1 e f 0=1 4=1",
    "InnerProduct fc 1 1 f prob 0=10 1=1 2=160",
)


def text(*lines: str) -> bytes:
    blobs = {word for line in lines for word in line.split()[4:] if "=" not in word}
    return "\n".join(["7767517", f"{len(lines)} {len(blobs)}", *lines, ""]).encode()


def read(*lines: str) -> Graph:
    return graph_of(memoryview(text(*lines)), "net.param")


def layers(result: LayerGraph) -> list[tuple[str, dict[str, Any], tuple[int, ...]]]:
    return [(layer.kind, dict(layer.fields), layer.types[0].shape) for layer in result.layers]


def of_image(*lines: str) -> list[tuple[str, dict[str, Any], tuple[int, ...]]]:
    """The layers behind an input [4, 6, 8] called x."""
    return layers(map_ncnn(read("Input x 0 1 x 0=8 1=6 2=4", *lines)))


def problem(data: bytes) -> str:
    with pytest.raises(ModelFileError) as caught:
        map_ncnn(graph_of(memoryview(data), "net.param"))
    return str(caught.value)


def test_a_small_network(tmp_path: Path) -> None:
    file = tmp_path / "small.ncnn.param"
    file.write_bytes(text(*SMALL))
    graph = read_ncnn(file)
    assert (graph.dialect, graph.name, graph.source) == (
        "ncnn", "small", "small.ncnn.param, a model of ncnn",
    )  # fmt: skip
    assert graph.inputs == (Tensor("data", "float32", (Batch(1), 3, 6, 8)),)
    assert graph.outputs == (Tensor("prob", "float32", None),)
    assert graph.stored["conv.weight"] == Stored(
        "conv.weight", "float32", (16, 3, 3, 3), trained=True
    )
    assert graph.stored["dw.weight"].shape == (16, 1, 1, 3)
    conv = graph.nodes[0]
    assert (conv.name, conv.operator, conv.inputs, conv.outputs) == (
        "conv", "Convolution", ("data",), ("a",),
    )  # fmt: skip
    assert conv.attributes["parameters"][10] == (0.0, 6.0)
    assert conv.attributes["bias"] == Reference("conv.bias")
    result = map_ncnn(graph)
    assert layers(result) == [
        ("conv2d", {"channels": 16, "kernel": 3, "stride": 2, "padding": 1, "bias": True},
         (16, 3, 4)),
        ("relu6", {}, (16, 3, 4)),
        ("depthwise_conv2d", {"kernel": [1, 3]}, (16, 3, 4)),
        ("add", {}, (16, 3, 4)),
        ("global_avg_pool", {}, (16,)),
        ("linear", {"features": 10}, (10,)),
    ]  # fmt: skip
    assert [layer.origin.nodes for layer in result.layers[:3]] == [("conv",), ("conv",), ("dw",)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Pooling p 1 1 x y 0=0 1=3 2=2", ("max_pool2d", {"kernel": 3, "stride": 2, "padding": 0,
                                                          "round_up": True}, (4, 3, 4))),
        ("Pooling p 1 1 x y 0=1 1=3 2=2 3=1 5=1 6=1",
         ("avg_pool2d", {"kernel": 3, "stride": 2, "padding": 1, "count_include_pad": True},
          (4, 3, 4))),
        ("Pooling p 1 1 x y 0=1 7=1 8=2 18=3", ("adaptive_avg_pool2d", {"size": [3, 2]},
                                                (4, 3, 2))),
        ("BatchNorm b 1 1 x y 0=4 1=1e-3", ("batch_norm", {"axis": -3, "epsilon": 0.001},
                                            (4, 6, 8))),
        ("GroupNorm g 1 1 x y 0=2 1=4 2=1e-5", ("group_norm", {"groups": 2}, (4, 6, 8))),
        ("Swish s 1 1 x y", ("silu", {}, (4, 6, 8))),
        ("HardSwish h 1 1 x y 0=0.166666672 1=0.5", ("hard_swish", {}, (4, 6, 8))),
        ("ReLU r 1 1 x y 0=0.1", ("leaky_relu", {"slope": 0.1}, (4, 6, 8))),
        ("PReLU r 1 1 x y 0=4", ("prelu", {"axis": -3}, (4, 6, 8))),
        ("Softmax s 1 1 x y 0=0 1=1", ("softmax", {"axis": -3}, (4, 6, 8))),
        ("BinaryOp b 1 1 x y 0=7 1=1 2=3.0", ("elementwise", {"operation": "subtract",
                                              "number": 3.0, "reversed": True}, (4, 6, 8))),
        ("UnaryOp u 1 1 x y 0=5", ("elementwise", {"operation": "sqrt"}, (4, 6, 8))),
        ("Reduction r 1 1 x y 0=3 1=0 -23303=2,1,2 4=1", ("global_avg_pool", {"keep": True},
                                                          (4, 1, 1))),
        ("Reshape r 1 1 x y 0=-1 1=4", ("flatten", {"axes": 2}, (4, 48))),
        ("Permute p 1 1 x y 0=3", ("transpose", {"axes": [1, 2, 0]}, (6, 8, 4))),
        ("Flatten f 1 1 x y", ("flatten", {}, (192,))),
        ("Interp i 1 1 x y 0=2 1=2.0 2=2.0", ("resize", {"scale": 2, "mode": "bilinear"},
                                              (4, 12, 16))),
        ("Padding p 1 1 x y 0=1 1=2 2=0 3=3", ("pad", {"padding": [1, 2, 0, 3]}, (4, 9, 11))),
        ("ShuffleChannel s 1 1 x y 0=2", ("channel_shuffle", {"groups": 2}, (4, 6, 8))),
        ("PixelShuffle s 1 1 x y 0=2", ("pixel_shuffle", {"factor": 2}, (1, 12, 16))),
        ("Crop c 1 1 x y -23309=1,1 -23310=1,-233 -23311=1,2",
         ("slice", {"start": 1, "axis": -1}, (4, 6, 7))),
        ("Deconvolution d 1 1 x y 0=5 1=4 3=2 4=1 6=320",
         ("conv_transpose2d", {"channels": 5, "kernel": 4, "stride": 2, "padding": 1},
          (5, 12, 16))),
    ],
)  # fmt: skip
def test_layers(line: str, expected: Any) -> None:
    assert of_image(line)[0] == expected


def test_parts_and_constants() -> None:
    assert of_image(
        "Slice s 1 2 x a b -23300=2,1,-233 1=0",
        "Concat c 2 1 b a d 0=0",
        "MemoryData m 0 1 k 0=1 1=1 2=4",
        "BinaryOp t 2 1 d k y 0=2",
    ) == [
        ("split", {"sizes": [1, 3], "axis": -3}, (1, 6, 8)),
        ("concat", {"axis": -3}, (4, 6, 8)),
        ("constant", {"shape": [4, 1, 1], "values": "zeros"}, (4, 1, 1)),
        ("multiply", {}, (4, 6, 8)),
    ]


def test_gates_of_squeeze_and_excite_are_along_channels() -> None:
    assert of_image(
        "Split s 1 2 x a b",
        "Pooling p 1 1 a g 0=1 4=1",
        "BinaryOp m 2 1 b g y 0=2",
    )[1:] == [("reshape", {"shape": [4, 1, 1]}, (4, 1, 1)), ("multiply", {}, (4, 6, 8))]


def test_int8_is_the_precision_of_a_layer() -> None:
    lines = ("Input x 0 1 x 0=8 1=6 2=4", "Convolution c 1 1 x y 0=4 1=1 6=16 8=2")
    result = map_ncnn(read(*lines))
    assert [layer.precision for layer in result.layers] == ["int8"]


def test_names_that_a_converter_gives_twice() -> None:
    nodes = read("Input x 0 1 x", "Split s 1 2 x a b", "Split s 1 2 a c d").nodes
    assert [node.name for node in nodes] == ["s", "s:5"]


def test_an_input_without_a_shape() -> None:
    lines = ("Input x 0 1 x", "Convolution c 1 1 x y 0=4 1=1 6=12")
    assert problem(text(*lines)) == (
        "net.param, a model of ncnn: the file does not state the shape of its input `x`\n"
        "hint: give it, with the batch first: `FILE@x=1x3x224x224`, or for `import` "
        "--shape x=1,3,224,224"
    )
    assert layers(map_ncnn(read(*lines), {"x": [1, 3, 6, 8]}))[0][2] == (4, 6, 8)


def test_a_layer_without_a_rule_is_refused_since_no_shape_is_stated() -> None:
    lines = ("Input x 0 1 x 0=8 1=6 2=4", "YoloV3 out 1 1 x y 0=20")
    assert "node `out` (YoloV3) has no rule" in problem(text(*lines))


# Text that is damaged


def test_what_is_no_ncnn_model() -> None:
    assert problem(b"onnx") == (
        "net.param: it is no ncnn model\nhint: the first line of a `.param` file is 7767517"
    )
    assert "it is an ncnn model in binary form" in problem(b"\xdd\x86\x76\x00" + bytes(40))
    assert "it is no ncnn model, but a zip archive" in problem(b"PK\x03\x04" + bytes(40))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("Convolution c 1 1 x",), "line 3 is no layer: type, name, numbers of blobs"),
        (("Convolution c one 1 x y",), "line 3 is no layer: type, name, numbers of blobs"),
        (("Input x 0 1 x", "ReLU r 1 1 x y", "ReLU s 1 1 x y"),
         "node `s` (ReLU) makes `y`, which is already an output of `r`"),
        (("Input x 0 1 x", "ReLU r 1 1 x y zero=1"), "line 4: `zero=1` is no parameter"),
        (("Input x 0 1 x", "ReLU r 1 1 x y -23300=3,1"), "line 4: `-23300=3,1` is no parameter"),
        (("Input x 0 1 x", "Convolution c 1 1 x y 0=4 1=3 6=7"),
         "line 4: the parameters of Convolution do not say what it has stored"),
        (("Input x 0 1 x", "Convolution c 1 1 x y 0=0 1=0 6=0"),
         "line 4: the parameters of Convolution do not say what it has stored"),
        (("Input x 0 1 x", "BatchNorm c 1 1 x y 0=-4"),
         "line 4: BatchNorm has a `scale` of shape [-4]"),
        (("Input x 0 1 x", "BatchNorm c 1 1 x y 0=1e400"),
         "line 4: the parameters of BatchNorm do not say what it has stored"),
        (("Input x 0 1 x", "ReLU r 1 1 y z"), "node `r` (ReLU) reads `y`, which nothing makes"),
    ],
)  # fmt: skip
def test_lines_that_are_wrong(lines: tuple[str, ...], message: str) -> None:
    assert message in problem(text(*lines))


def test_a_file_that_is_cut() -> None:
    data = b"\n".join(text(*SMALL).split(b"\n")[:5])
    assert problem(data) == (
        "net.param: it has 3 layers, and its second line says 7\n"
        "hint: the file is cut, or was changed by hand: convert the model again"
    )


def test_mutated_text() -> None:
    """A character or a word that is changed: layers or a clear error."""
    rng = random.Random(2)
    original = text(*SMALL, "Reshape r 1 1 prob z 0=5 1=-1", "Permute p 1 1 z y 0=1")
    refused = 0
    for _ in range(1500):
        data = bytearray(original)
        for _ in range(rng.choice((1, 1, 3))):
            place = rng.randrange(8, len(data))
            data[place] = rng.choice(b"0123456789-=,. \nxe\xff")
        try:
            map_ncnn(graph_of(memoryview(bytes(data)), "net.param"))
        except ModelFileError:
            refused += 1
    assert 300 < refused < 1500
