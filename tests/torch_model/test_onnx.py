"""Exported ONNX files: names, the checker, and onnxruntime's values beside the module's.

All of the library and 200 random networks: `python benchmarks/torch_oracle.py --onnx [--library]`.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

from built import network  # noqa: E402
from onnx_oracle import onnx_disagreements  # noqa: E402
from random_networks import random_network  # noqa: E402
from test_pool_settings import drawn, entry, pooled  # noqa: E402

from mnet_cost.torch_model import onnx_file  # noqa: E402
from mnet_cost.torch_model.export import export_network  # noqa: E402

pytestmark = pytest.mark.filterwarnings("default")  # torch's exporters warn about their own parts

NETWORKS = {
    "an end without id, of a kind that is there before": """
input: {image: [3, 8, 8]}
blocks:
  twice: {layers: [conv2d: {channels: 4, kernel: 3}, relu, conv2d: {channels: 4, kernel: 3}]}
layers: [twice, twice, conv2d: {channels: 1, kernel: 1, bias: true}]
""",
    "a trained bias of scores": """
input: {x: {shape: [4, 4, 12], layout: sequence}}
layers:
  - {id: position, relative_position_bias: {window: 2, heads: 3}}
  - {attention: {heads: 3, score_bias: true}, from: [x, position]}
""",
    "names of the exporter as names of inputs, layers and outputs": """
input: {linear: [9, 16], val_0: [9, 16], output_0: [9, 16]}
layers:
  - {id: relu, add: [linear, val_0, output_0]}
  - {id: a, attention: {heads: 2}}
  - {id: val_1, linear: {features: 5}}
  - {id: softmax, relu: {}}
  - {id: view, softmax: {}}
outputs: [softmax, view, val_1]
""",
    "outputs that are inputs, trained tensors, nothing more, or twice there": """
input: {x: [9, 16], y: [9, 16]}
layers:
  - {id: same, identity: {}, from: x}
  - {id: z, linear: {features: 16}}
  - {id: p, parameter: {shape: [2, 3]}}
  - {id: parts, split: {parts: 2}, from: y}
outputs: [x, z, z, same, p, y, parts.1, z]
""",
    "windows that adapt to a size": """
input: {x: [2, 3, 7, 5], y: [3, 4, 6]}
layers:
  - {id: a, adaptive_max_pool2d: {size: [3, 8]}, from: x}
  - {id: b, adaptive_max_pool2d: {size: [2, 3]}, from: y}
  - {id: c, adaptive_avg_pool2d: {size: [2, 3]}, from: y}
  - {id: d, adaptive_avg_pool2d: {size: [3, 8]}, from: y}
outputs: [a, b, c, d]
""",
    "constant kernels": """
input: {x: [4, 7, 6]}
layers:
  - {depthwise_conv2d: {kernel: 3, stride: 2, bias: true, trained: false}}
  - {conv2d: {channels: 4, kernel: 3, gain: true}}
  - {conv_transpose2d: {channels: 3, kernel: 2, stride: 2, trained: false}}
""",
    "taps that look beside their places": """
input: {x: [2, 4, 7, 6], o: [2, 24, 7, 6], m: [2, 12, 7, 6], y: [4, 5, 5], z: [8, 3, 3]}
layers:
  - {id: a, deform_conv2d: {channels: 6, kernel: [3, 2], groups: 2, bias: true}, from: [x, o, m]}
  - {id: b, deform_conv2d: {channels: 1, kernel: [2, 2], stride: 2}, from: [y, z]}
outputs: [a, b]
""",
    "attention of stacks": """
input: {windows: [4, 3, 9, 6], context: [1, 3, 5, 6]}
layers:
  - {id: a, attention: {heads: 3}, from: windows}
  - {id: b, attention: {heads: 2}, from: [a, context]}
  - {scaled_dot_product_attention: {heads: 2}, from: [b, context, context]}
""",
    "signals": """
input: {x: {shape: [4, 17], layout: signal}, stack: {shape: [2, 4, 17], layout: signal}}
layers:
  - {batch_norm: {}, from: x}
  - {conv1d: {channels: 6, kernel: 4, stride: 2, groups: 2, bias: true}}
  - {batch_norm: {}}
  - {max_pool1d: {kernel: 3, stride: 2}}
  - {id: a, avg_pool1d: {kernel: 3}}
  - {id: b, adaptive_max_pool1d: {size: 2}}
  - {id: c, adaptive_avg_pool1d: {size: 5}, from: stack}
  - {id: d, instance_norm: {}, from: stack}
  - {id: e, group_norm: {groups: 2}, from: a}
  - {id: f, prelu: {}, from: a}
  - {id: g, global_max_pool: {}, from: a}
  - {id: h, to_sequence: {}, from: a}
outputs: [b, c, d, e, f, g, h]
""",
    "volumes": """
input: {x: {shape: [4, 5, 8, 6], layout: volume}, stack: {shape: [2, 4, 3, 6, 5], layout: volume}}
layers:
  - {batch_norm: {}, from: x}
  - {conv3d: {channels: 6, kernel: [1, 3, 3], stride: [1, 2, 2], groups: 2}}
  - {batch_norm: {}}
  - {max_pool3d: {kernel: [1, 3, 3], stride: 2}}
  - {id: a, avg_pool3d: {kernel: 3, stride: 2, count_include_pad: true}}
  - {id: b, adaptive_max_pool3d: {size: [2, 1, 3]}, from: stack}
  - {id: c, adaptive_avg_pool3d: {size: [2, 4, 7]}, from: stack}
  - {id: d, instance_norm: {}, from: stack}
  - {id: e, softmax: {}, from: stack}
  - {id: f, global_avg_pool: {keep: true}, from: a}
  - {id: g, conv3d: {channels: 2, kernel: 2, padding: [1, 0, 0, 1, 1, 1], dilation: 2}, from: stack}
outputs: [a, b, c, d, e, f, g]
""",
    "attention with biases and fewer heads of keys": """
input: {windows: [4, 9, 12], context: [1, 5, 6], mask: [4, 1, 9, 5], bias: [4, 1, 9]}
layers:
  - {id: a, attention: {heads: 4, kv_heads: 2, score_bias: true}, from: [windows, context, mask]}
  - {id: b, attention: {heads: 4, causal: true, score_bias: true}, from: [a, bias]}
  - {id: c, attention: {heads: 2, kv_heads: 1, causal: true}}
  - {id: d, scaled_dot_product_attention: {heads: 4, kv_heads: 2},
     from: [c, context, context, mask]}
""",
}


@pytest.mark.parametrize("dynamic_batch", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_file_computes_what_the_module_does(name: str, dynamic_batch: bool) -> None:
    assert onnx_disagreements(network(NETWORKS[name]), dynamic_batch) == []


def test_windows_shuffled_pixels_and_edges() -> None:
    text = """
input: {x: [2, 8, 6, 9]}
layers:
  - {id: a, window_partition: {window: [2, 3]}}
  - roll: {shift: -2, axis: length}
  - {id: b, window_merge: {window: [2, 3], height: 6}}
  - roll: {shift: [1, -4]}
  - pixel_unshuffle: {factor: 3}
  - {id: c, pixel_shuffle: {factor: 6}}
  - {id: d, pad: {padding: [-1, 2, 3, -4], mode: reflect}, from: x}
  - {id: e, pad: {padding: [2, -3, 0, 1], mode: replicate}, from: x}
  - {id: k, pad: {padding: [2, 6, 0, 1], mode: circular}, from: x}
  - {id: f, pad: {padding: [2, -3, 0, 1], channels: [1, -2], value: 3}, from: x}
  - {id: g, unfold: {kernel: [3, 2], stride: 2}, from: x}
  - {id: h, slice: {axis: width, start: 1, step: 3}, from: x}
  - {id: i, resize: {scale: 1.5, mode: bicubic}, from: x}
  - {id: j, resize: {size: [9, 4], mode: bilinear, align_corners: true}, from: x}
outputs: [a, b, c, d, e, f, g, h, i, j, k]
"""
    assert onnx_disagreements(network(text, batch=2), dynamic_batch=True) == []


def test_kernels_as_inputs() -> None:
    text = (
        "input: {x: [4, 7, 6], k: [6, 2, 3, 2]}\nlayers:\n"
        "  - {dynamic_conv2d: {groups: 2, stride: 2, dilation: [1, 2]}, from: [x, k]}\n"
    )
    for batch in (1, 3):
        assert onnx_disagreements(network(text, batch=batch)) == []


@pytest.mark.parametrize(
    ("layer", "dynamic", "message", "hint"),
    [
        ("{id: recurrent, lstm: {features: 5, projection: 3}, from: x}", False,
         "x: ONNX has no LSTM with a projection: `recurrent`", "write a .pt2"),
        ("{dynamic_conv2d: {}, from: [y, k]}", True,
         "x: ONNX has no `dynamic_conv2d` for any number of examples, since each has groups of its "
         "own", "export it for a fixed batch, or write a .pt2"),
    ],
)  # fmt: skip
def test_what_onnx_has_not(
    layer: str, dynamic: bool, message: str, hint: str, tmp_path: Path
) -> None:
    net = network(f"input: {{x: [5, 6], y: [4, 7, 6], k: [6, 4, 3, 2]}}\nlayers:\n  - {layer}\n")
    with pytest.raises(onnx_file.ExportError) as caught:
        export_network(net, str(tmp_path / "net.onnx"), dynamic_batch=dynamic)
    assert str(caught.value).splitlines() == [message, f"hint: {hint}"]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("seed", [2, 3, 5])
def test_random_networks(seed: int) -> None:
    assert onnx_disagreements(random_network(seed)) == []


def test_random_pools() -> None:
    r = Random(0)
    inputs: list[str] = []
    layers: list[str] = []
    while len(layers) < 60:
        kind = r.choice(["max_pool2d", "avg_pool2d"])
        fields, (height, width) = drawn(r, kind)
        if r.random() < 0.4:
            fields["padding"] = r.choice(["same", [r.randint(0, 2) for _ in range(4)]])
        if kind == "avg_pool2d":
            fields["count_include_pad"] = r.random() < 0.5
        if pooled(kind, fields, (height, width)) is not None:
            number = len(layers)
            inputs.append(f"x{number}: [2, {height}, {width}]")
            layers.append(f"  - {{id: pool{number}, from: x{number}, {entry(kind, fields)}}}\n")
    outputs = ", ".join(f"pool{number}" for number in range(len(layers)))
    text = f"input: {{{', '.join(inputs)}}}\nlayers:\n{''.join(layers)}outputs: [{outputs}]\n"
    assert onnx_disagreements(network(text)) == []


def test_names_of_inputs_outputs_and_initializers(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    text = NETWORKS["an end without id, of a kind that is there before"]
    export_network(network(text), str(path))
    graph = onnx.load(path).graph
    assert [value.name for value in graph.input] == ["image"]
    assert [value.name for value in graph.output] == ["conv2d"]
    assert [tensor.name for tensor in graph.initializer] == [
        "twice.conv2d.weight", "twice.conv2d_2.weight", "twice_2.conv2d.weight",
        "twice_2.conv2d_2.weight", "conv2d.weight",  # the exporter leaves out a bias of zeros
    ]  # fmt: skip
    text = "input: {x: [9, 16]}\nlayers: [{id: inner, layers: [attention: {heads: 2}]}]\n"
    export_network(network(text), str(path))
    names = {tensor.name for tensor in onnx.load(path).graph.initializer}
    assert {name.rpartition(".")[0] for name in names} <= {
        "inner.attention", "inner.attention.query", "inner.attention.key",
        "inner.attention.value", "inner.attention.out",
    }  # fmt: skip
    text = "input: {x: [4]}\nlayers: [{linear: {features: 4}, repeat: 2}]\noutputs: [x, x]\n"
    export_network(network(text), str(path))
    assert [value.name for value in onnx.load(path).graph.output] == ["x_2", "x_3"]


def test_what_the_checker_refuses_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoilt(graph: object, names: object, weights: object) -> None:
        graph.node[0].op_type = "Nothing"  # type: ignore[attr-defined]

    monkeypatch.setattr(onnx_file, "_rename", spoilt)
    path = tmp_path / "net.onnx"
    path.write_text("what was there")
    with pytest.raises(onnx_file.ExportError) as caught:
        export_network(network("input: {x: [4]}\nlayers: [relu]\n"), str(path))
    message, hint = str(caught.value).splitlines()
    assert message.startswith("x: its ONNX model is not valid: No Op registered for Nothing with ")
    assert hint == "hint: write a .pt2"
    assert [file.name for file in tmp_path.iterdir()] == ["net.onnx"]
    assert path.read_text() == "what was there"


def test_what_the_exporter_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise torch.onnx.OnnxExporterError("no rule") from ValueError("no operator for fold\nmore")

    monkeypatch.setattr(torch.onnx, "export", refuse)
    with pytest.raises(onnx_file.ExportError) as caught:
        export_network(network("input: {x: [4]}\nlayers: [relu]\n"), str(tmp_path / "net.onnx"))
    assert str(caught.value).splitlines() == [
        "x: torch cannot export it as ONNX: no operator for fold",
        "hint: write a .pt2",
    ]
    assert not list(tmp_path.iterdir())
