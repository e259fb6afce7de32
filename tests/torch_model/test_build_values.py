"""What built layers calculate: `same` padding tap by tap, and what torch words otherwise."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from built import network  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from mnet_cost.models.load import parse_spec  # noqa: E402
from mnet_cost.torch_model import build_module  # noqa: E402


def taps(size: int, kernel: int, stride: int, dilation: int) -> list[list[tuple[int, int]]]:
    """For each output (position in the input, tap), as TensorFlow's guide on padding has it.

    Source: tensorflow.org/api_docs/python/tf/nn, "Notes on padding": the total is
    max((ceil(size / stride) - 1) * stride + span - size, 0), the smaller half of it in front.
    """
    count, span = math.ceil(size / stride), dilation * (kernel - 1) + 1
    front = max((count - 1) * stride + span - size, 0) // 2
    places = [[(i * stride + k * dilation - front, k) for k in range(kernel)] for i in range(count)]
    return [[(at, k) for at, k in window if 0 <= at < size] for window in places]


@pytest.fixture(autouse=True)
def _same_numbers() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
@pytest.mark.parametrize(("size", "stride", "dilation"), [
    (33, 2, 1), (17, 2, 1), (16, 2, 1), (17, 3, 1), (17, 2, 2), (18, 1, 2), (3, 4, 1),
])  # fmt: skip
def test_same_padding(size: int, kernel: int, stride: int, dilation: int) -> None:
    width = 5
    text = f"""
input: {{x: [1, {size}, {width}]}}
layers:
  - {{id: conv, conv2d: {{channels: 1, kernel: [{kernel}, 1], stride: [{stride}, 1],
     dilation: [{dilation}, 1]}}, from: x}}
  - {{id: max, max_pool2d: {{kernel: [{kernel}, 1], stride: [{stride}, 1],
     dilation: [{dilation}, 1]}}, from: x}}
  - {{id: mean, avg_pool2d: {{kernel: [{kernel}, 1], stride: [{stride}, 1]}}, from: x}}
  - {{id: all, avg_pool2d: {{kernel: [{kernel}, 1], stride: [{stride}, 1],
     count_include_pad: true}}, from: x}}
outputs: [conv, max, mean, all]
"""
    built = build_module(network(text))
    x = torch.randn(1, 1, size, width)
    weight = built.get_submodule("conv").weight[0, 0, :, 0].tolist()
    column = x[0, 0, :, 3].tolist()
    places, near = taps(size, kernel, stride, dilation), taps(size, kernel, stride, 1)
    wanted = (
        [sum(column[at] * weight[k] for at, k in window) for window in places],
        [max((column[at] for at, _ in window), default=-math.inf) for window in places],
        [sum(column[at] for at, _ in window) / max(len(window), 1) for window in near],
        [sum(column[at] for at, _ in window) / kernel for window in near],
    )
    for got, numbers in zip(built(x), wanted, strict=True):
        assert torch.allclose(got[0, 0, :, 3], torch.tensor(numbers), atol=1e-6)


def test_products_of_different_numbers_of_axes() -> None:
    """Each example by itself: the batch never meets an axis of an example."""
    built = build_module(network(
        "\ninput: {x: [3, 2, 4], y: [4, 5]}\nlayers:\n"
        "  - {id: a, matmul: {}, from: [x, y]}\n"
        "  - {id: b, matmul: {transpose_second: true}, from: [y, a]}\noutputs: [a, b]\n"
    ))  # fmt: skip
    x, y = torch.randn(3, 3, 2, 4), torch.randn(3, 4, 5)
    first, second = built(x, y)
    assert torch.allclose(first, torch.stack([x[i] @ y[i] for i in range(3)]), atol=1e-5)
    wanted = torch.stack([y[i] @ first[i].transpose(1, 2) for i in range(3)])
    assert torch.allclose(second, wanted, atol=1e-5)


def test_a_gain_standardizes_and_scales_each_kernel() -> None:
    """Equation 1 of arXiv:2101.08692, kernel by kernel; all trained tensors get a gradient."""
    text = """
input: {x: [4, 5, 5]}
layers:
  - {id: a, conv2d: {channels: 6, kernel: [3, 2], groups: 2, padding: valid, bias: true,
     gain: true}, from: x}
  - {id: b, depthwise_conv2d: {kernel: 3, multiplier: 2, padding: valid, gain: true}, from: x}
outputs: [a, b]
"""
    built = build_module(network(text))
    x = torch.randn(2, 4, 5, 5)
    for name, output in zip("ab", built(x), strict=True):
        layer = built.get_submodule(name)
        output.sum().backward()
        assert all(parameter.grad is not None for parameter in layer.parameters())
        nn.init.uniform_(layer.gain)
        kernels = []
        for kernel, gain in zip(layer.weight.detach().double(), layer.gain, strict=True):
            centred = kernel - kernel.mean()
            kernels.append(gain * centred / (centred**2).sum().sqrt())
        made = torch.stack(kernels).float()
        expected = F.conv2d(x, made, layer.bias, groups=layer.groups)
        assert torch.allclose(layer(x), expected, rtol=1e-3, atol=1e-4)  # epsilon is 1e-6


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    ("size", "stride", "dilation"), [(7, 2, 1), (8, 3, 1), (7, 1, 2), (5, 2, 2)]
)
def test_same_padding_of_a_transposed_convolution(
    size: int, kernel: int, stride: int, dilation: int
) -> None:
    text = f"""
input: {{x: [1, {size}, 3]}}
layers: [conv_transpose2d: {{channels: 1, kernel: [{kernel}, 1], stride: [{stride}, 1],
  dilation: [{dilation}, 1]}}]
"""
    built = build_module(network(text))
    x = torch.randn(1, 1, size, 3)
    weight = built.get_submodule("conv_transpose2d").weight[0, 0, :, 0].tolist()
    column = x[0, 0, :, 1].tolist()
    # It is the gradient of a convolution with `same` padding of the larger image.
    wanted = [0.0] * (size * stride)
    for i, window in enumerate(taps(size * stride, kernel, stride, dilation)):
        for at, k in window:
            wanted[at] += column[i] * weight[k]
    got = built(x)[0, 0, :, 1]
    assert got.shape == (size * stride,)
    assert torch.allclose(got, torch.tensor(wanted), atol=1e-6)


def test_padding_of_each_side() -> None:
    built = build_module(
        network(
            """
input: {x: [1, 5, 5]}
layers:
  - {id: conv, conv2d: {channels: 1, kernel: 3, padding: [0, 3, 2, 1]}, from: x}
  - {id: cut, conv_transpose2d: {channels: 1, kernel: 3, padding: [0, 2, 1, 0]}, from: x}
  - {id: pool, max_pool2d: {kernel: 4, padding: [2, 0, 0, 1]}, from: x}
outputs: [conv, cut, pool]
"""
        )
    )
    x = -torch.rand(1, 1, 5, 5)
    conv, cut, pool = built(x)
    padded = nn.functional.pad(x, (2, 1, 0, 3))
    assert torch.allclose(conv, built.get_submodule("conv")(padded), atol=1e-6)
    whole = built.get_submodule("cut")(x)
    assert torch.allclose(cut, whole[..., 0:5, 1:7])
    above = nn.functional.pad(x, (0, 1, 2, 0), value=-math.inf)
    assert torch.equal(pool, nn.functional.max_pool2d(above, 4, 1))


# Values of kinds that torch has under another name or form


def same_as(name: str, **options: Any) -> Callable[[Any, Any], Any]:
    return lambda module, x: getattr(nn.functional, name)(x, **options)


VALUES: dict[str, tuple[str, Callable[[Any, Any], Any]]] = {
    "ceil mode": (
        "avg_pool2d: {kernel: 3, stride: 2, padding: 1, round_up: true, count_include_pad: true}",
        same_as("avg_pool2d", kernel_size=3, stride=2, padding=1, ceil_mode=True),
    ),
    "ceil mode, padding apart": (
        "avg_pool2d: {kernel: 3, stride: 2, padding: 1, round_up: true}",
        same_as(
            "avg_pool2d", kernel_size=3, stride=2, padding=1, ceil_mode=True,
            count_include_pad=False,
        ),
    ),
    "ceil mode, largest": (
        "max_pool2d: {kernel: 3, stride: 2, padding: 1, round_up: true}",
        same_as("max_pool2d", kernel_size=3, stride=2, padding=1, ceil_mode=True),
    ),
    "shuffle": ("channel_shuffle: {groups: 2}", lambda _, x: nn.ChannelShuffle(2)(x)),
    "layer norm": (
        "layer_norm: {}",
        lambda _, x: nn.functional.layer_norm(x.permute(0, 2, 3, 1), (4,)).permute(0, 3, 1, 2),
    ),
    "layer norm of rows": (
        "layer_norm: {axis: height}",
        lambda _, x: nn.functional.layer_norm(x.mT, (8,)).mT,
    ),
    "softmax": ("softmax: {}", lambda _, x: x.softmax(1)),
    "softmax of columns": ("softmax: {axis: width}", lambda _, x: x.softmax(3)),
    "length": ("l2_normalize: {axis: height}", lambda _, x: x / x.norm(dim=2, keepdim=True)),
    "instance norm": ("instance_norm: {}", lambda _, x: nn.InstanceNorm2d(4)(x)),
    "prelu": ("prelu: {}", lambda _, x: nn.functional.prelu(x, torch.full((4,), 0.25))),
    "scale": ("scale: {initial: 0.5}", lambda _, x: x / 2),
    "slice": ("slice: {axis: width, start: -3, stop: -1}", lambda _, x: x[..., 5:7]),
    "take": ("take: {axis: channels, index: -1}", lambda _, x: x[:, 3]),
    "transpose": ("transpose: {axes: [2, 0, 1]}", lambda _, x: x.permute(0, 3, 1, 2)),
    "sequence": ("to_sequence: {}", lambda _, x: x.flatten(2).mT),
    "pad": ("pad: {padding: [1, 0, 2, 0], value: 3}", same_as("pad", pad=(2, 0, 1, 0), value=3.0)),
    "pad and cut": (
        "pad: {padding: [-1, 3, 2, -4], channels: [1, -2], value: 3}",
        same_as("pad", pad=(2, -4, -1, 3, 1, -2), value=3.0),
    ),
    "mirrored": ("pad: {padding: [1, 0, 2, 7], mode: reflect}",
                 same_as("pad", pad=(2, 7, 1, 0), mode="reflect")),
    "edge": ("pad: {padding: [1, 0, 2, 9], mode: replicate}",
             same_as("pad", pad=(2, 9, 1, 0), mode="replicate")),
    "circular": ("pad: {padding: [1, 0, 2, 8], mode: circular}",
                 same_as("pad", pad=(2, 8, 1, 0), mode="circular")),
    "circular and cut": (
        "pad: {padding: [-1, 2, 0, 0], mode: circular}",
        lambda _, x: torch.cat([x, x[:, :, :2]], 2)[:, :, 1:],
    ),
    "mirrored and cut": ("pad: {padding: [-6, 3, 5, 0], mode: reflect}",
                         same_as("pad", pad=(5, 0, -6, 3), mode="reflect")),
    "bicubic": ("resize: {size: [5, 19], mode: bicubic}",
                same_as("interpolate", size=(5, 19), mode="bicubic")),
    "corners": ("resize: {scale: 2, mode: bilinear, align_corners: true}",
                same_as("interpolate", size=(16, 16), mode="bilinear", align_corners=True)),
    "every third": ("slice: {axis: height, start: 1, stop: -1, step: 3}",
                    lambda _, x: x[:, :, 1:7:3]),
    "pixel shuffle": ("pixel_shuffle: {factor: 2}", lambda _, x: nn.PixelShuffle(2)(x)),
    "pixel unshuffle": ("pixel_unshuffle: {factor: 4}", lambda _, x: nn.PixelUnshuffle(4)(x)),
    "roll": ("roll: {shift: [-1, 10]}", lambda _, x: x.roll((-1, 10), (2, 3))),
    "roll channels": ("roll: {shift: 3, axis: channels}", lambda _, x: x.roll(3, 1)),
    "expand batch": ("expand_batch: {}", lambda _, x: x),
    "unfold": (
        "unfold: {kernel: [3, 2], stride: [2, 1], dilation: [2, 3], padding: [1, 2]}",
        same_as("unfold", kernel_size=(3, 2), stride=(2, 1), dilation=(2, 3), padding=(1, 2)),
    ),
    "fold": (  # columns of 2 x 2 from the rows of x
        "{flatten: {axes: 2}}, {reshape: {shape: [16, 16]}}, "
        "{fold: {size: 8, kernel: [4, 2], stride: [2, 2], padding: [1, 0]}}",
        lambda _, x: F.fold(x.reshape(-1, 16, 16), 8, (4, 2), 1, (1, 0), 2),
    ),
    "flip": ("flip: {axes: [channels, -1]}", lambda _, x: x.flip(1, 3)),
    "sums": ("cumulative: {operation: sum, axis: height}", lambda _, x: x.cumsum(2)),
    "sums before": (
        "cumulative: {operation: sum, axis: height, exclusive: true}",
        lambda _, x: x.cumsum(2) - x,
    ),
    "sums behind": (
        "cumulative: {operation: sum, axis: height, exclusive: true, reverse: true}",
        lambda _, x: x.sum(2, keepdim=True) - x.cumsum(2),
    ),
    "products from the end": (
        "cumulative: {operation: product, axis: width, reverse: true}",
        lambda _, x: torch.stack([x[..., i:].prod(-1) for i in range(8)], -1),
    ),
    "windows": (  # the order of arXiv:2103.14030: row by row, and so in each window
        "window_partition: {window: [2, 4]}",
        lambda _, x: torch.stack([
            x[:, :, top:top + 2, left:left + 4].flatten(2).mT
            for top in range(0, 8, 2) for left in range(0, 8, 4)
        ], 1),
    ),
    "nearest": ("resize: {scale: [0.5, 1.5]}", same_as("interpolate", size=(4, 12))),
    "keep": ("global_max_pool: {keep: true}", lambda _, x: x.amax((2, 3), keepdim=True)),
}  # fmt: skip


@pytest.mark.parametrize("case", VALUES)
def test_values(case: str) -> None:
    layer, wanted = VALUES[case]
    built = build_module(network(f"input: {{x: [4, 8, 8]}}\nlayers: [{layer}]"))
    x = torch.randn(2, 4, 8, 8)
    assert torch.allclose(built(x), wanted(built, x), atol=1e-6)


@pytest.mark.parametrize("window", ["8", "1", "[2, 8]", "[4, 2]", "[8, 1]"])
def test_windows_there_and_back(window: str) -> None:
    built = build_module(
        network(
            "input: {x: [3, 4, 8, 8]}\nlayers:\n"
            f"  - window_partition: {{window: {window}}}\n"
            f"  - window_merge: {{window: {window}, height: 8}}\n"
        )
    )
    x = torch.randn(2, 3, 4, 8, 8)
    assert torch.equal(built(x), x)


def test_attention_is_that_of_torch() -> None:
    built = build_module(network("input: {x: [5, 6]}\nlayers: [{id: a, attention: {heads: 3}}]"))
    ours, theirs = built.get_submodule("a"), nn.MultiheadAttention(6, 3, batch_first=True)
    with torch.no_grad():
        for name in ("weight", "bias"):
            rows = [getattr(projection, name) for projection in (ours.query, ours.key, ours.value)]
            getattr(theirs, f"in_proj_{name}").copy_(torch.cat(rows))
            getattr(theirs.out_proj, name).copy_(getattr(ours.out, name))
    x = torch.randn(2, 5, 6)
    assert torch.allclose(built(x), theirs(x, x, x)[0], atol=1e-6)


@pytest.mark.parametrize("kernel", [1, 2, 3, 4])
@pytest.mark.parametrize(("size", "stride", "dilation"), [(9, 2, 1), (8, 3, 1), (9, 1, 2)])
def test_same_padding_of_signals_and_volumes(
    size: int, kernel: int, stride: int, dilation: int
) -> None:
    """Along each axis as along the columns of an image."""
    fields = f"kernel: {kernel}, stride: {stride}, dilation: {dilation}"
    text = f"""
input: {{x: {{shape: [2, {size}], layout: signal}},
  y: {{shape: [2, {size}, 1, 1], layout: volume}}}}
layers:
  - {{id: conv, conv1d: {{channels: 1, {fields}}}, from: x}}
  - {{id: max, max_pool1d: {{{fields}}}, from: x}}
  - {{id: deep, conv3d: {{channels: 1, kernel: [{kernel}, 1, 1], stride: [{stride}, 1, 1],
     dilation: [{dilation}, 1, 1]}}, from: y}}
outputs: [conv, max, deep]
"""
    built = build_module(network(text))
    x = torch.randn(1, 2, size)
    places = taps(size, kernel, stride, dilation)
    conv, largest, deep = built(x, x[..., None, None])
    for module, got in (("conv", conv), ("deep", deep.flatten(2))):
        weight = built.get_submodule(module).weight.flatten(2)[0]
        wanted = [sum((x[0, :, at] * weight[:, k]).sum() for at, k in window) for window in places]
        assert torch.allclose(got[0, 0], torch.stack(wanted), atol=1e-6)
    for channel in (0, 1):
        wanted_max = [max(x[0, channel, at] for at, _ in window) for window in places]
        assert torch.equal(largest[0, channel], torch.stack(wanted_max))


@pytest.mark.parametrize(
    ("shape", "layout", "norm"),
    [((4, 9), "signal", nn.BatchNorm1d), ((4, 2, 3, 5), "volume", nn.BatchNorm3d)],
)
def test_norms_of_signals_and_volumes(shape: tuple[int, ...], layout: str, norm: Any) -> None:
    text = f"input: {{x: {{shape: {list(shape)}, layout: {layout}}}}}\nlayers:\n" + "".join(
        f"  - {{id: {name}, {kind}: {{{fields}}}, from: x}}\n"
        for name, kind, fields in [
            ("batch", "batch_norm", ""), ("group", "group_norm", "groups: 2"),
            ("instance", "instance_norm", ""), ("shares", "softmax", ""),
        ]
    )  # fmt: skip
    built = build_module(network(text + "outputs: [batch, group, instance, shares]\n")).eval()
    assert type(built.get_submodule("batch")) is norm
    x = torch.randn(2, *shape)
    with torch.no_grad():
        built.get_submodule("batch").running_mean.copy_(torch.arange(4.0))
    per_channel = torch.arange(4.0).reshape(4, *[1] * (len(shape) - 1))
    flat = x.reshape(2, 4, 1, -1)
    wanted = (
        (x - per_channel) / math.sqrt(1 + 1e-5),
        F.group_norm(flat, 2).reshape(x.shape),
        F.instance_norm(flat).reshape(x.shape),
        x.softmax(1),
    )
    for got, values in zip(built(x), wanted, strict=True):
        assert torch.allclose(got, values, atol=1e-5)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("kv_heads", [1, 2, 4])
@pytest.mark.parametrize("bias", [None, (6,), (5, 6), (4, 1, 6), (3, 4, 5, 6), (3, 1, 5, 1)])
def test_attention_with_a_bias_of_scores(
    causal: bool, kv_heads: int, bias: tuple[int, ...] | None
) -> None:
    """Two sequences of each of three stacks, against softmax(Q K^T / sqrt(d) + bias) V."""
    known, values = 2 * kv_heads, 3 * kv_heads
    inputs = f"q: [3, 5, 8], k: [1, 6, {known}], v: [3, 6, {values}]"
    inputs += "" if bias is None else f", b: {list(bias)}"
    fields = f"heads: 4, kv_heads: {kv_heads}, causal: {str(causal).lower()}"
    names = "q, k, v" + ("" if bias is None else ", b")
    built = build_module(
        network(
            f"input: {{{inputs}}}\nlayers: "
            f"[{{scaled_dot_product_attention: {{{fields}}}, from: [{names}]}}]"
        )
    )
    q, k, v = torch.randn(2, 3, 5, 8), torch.randn(2, 1, 6, known), torch.randn(2, 3, 6, values)
    more = [] if bias is None else [torch.randn(2, *bias)]
    heads = q.unflatten(-1, (4, 2)).movedim(-2, 2)
    keys = k.unflatten(-1, (kv_heads, 2)).movedim(-2, 2).repeat_interleave(4 // kv_heads, 2)
    mixed = v.unflatten(-1, (kv_heads, 3)).movedim(-2, 2).repeat_interleave(4 // kv_heads, 2)
    scores = heads @ keys.mT / math.sqrt(2)
    for added in more:
        scores = scores + added.reshape(2, *[1] * (5 - added.dim()), *added.shape[1:])
    if causal:
        scores = scores.where(torch.ones(5, 6).tril() > 0, -math.inf)
    wanted = (scores.softmax(-1) @ mixed).movedim(2, -2).flatten(-2)
    assert torch.allclose(built(q, k, v, *more), wanted, atol=1e-6)


@pytest.mark.parametrize("causal", [False, True])
def test_attention_with_fewer_heads_of_keys_is_that_of_repeated_projections(causal: bool) -> None:
    """A layer with as many heads, whose keys and values are those of fewer, repeated."""
    fields = f"heads: 4, causal: {str(causal).lower()}, score_bias: true"
    text = "input: {x: [5, 8], y: [6, 3], b: [4, 5, 6]}\nlayers:\n" + (
        f"  - {{id: few, attention: {{{fields}, kv_heads: 2}}, from: [x, y, b]}}\n"
        f"  - {{id: all, attention: {{{fields}}}, from: [x, y, b]}}\noutputs: [few, all]\n"
    )
    built = build_module(network(text))
    few, all_ = built.get_submodule("few"), built.get_submodule("all")
    with torch.no_grad():
        for name in ("query", "key", "value", "out"):
            for part in ("weight", "bias"):
                tensor = getattr(few.get_submodule(name), part)
                if name in ("key", "value"):
                    tensor = tensor.unflatten(0, (2, 2)).repeat_interleave(2, 0).flatten(0, 1)
                getattr(all_.get_submodule(name), part).copy_(tensor)
    inputs = torch.randn(2, 5, 8), torch.randn(2, 6, 3), torch.randn(2, 4, 5, 6)
    assert torch.allclose(*built(*inputs), atol=1e-6)


def test_a_shared_convolution_pads_each_of_its_inputs_as_that_needs() -> None:
    # 9 pixels at stride 2 need a row on both sides, 8 pixels one at the end.
    twins = """\
format: 1
name: twins
input: {odd: [2, 9, 9], even: [2, 8, 8]}
layers:
  - {id: one, conv2d: {channels: 3, kernel: 3, stride: 2}, from: odd}
  - {id: other, use: one, from: even}
outputs: [one, other]
"""
    module = build_module(parse_spec(twins))
    odd, even = torch.rand(2, 2, 9, 9), torch.rand(2, 2, 8, 8)
    weight = module.one.weight
    odd_output, even_output = module(odd, even)
    expected_odd = F.conv2d(F.pad(odd, (1, 1, 1, 1)), weight, stride=2)
    expected_even = F.conv2d(F.pad(even, (0, 1, 0, 1)), weight, stride=2)
    assert torch.equal(odd_output, expected_odd)
    assert torch.equal(even_output, expected_even)


def test_boxes_that_were_dropped_fill_up_by_score() -> None:
    text = """
input: {boxes: [60, 4], scores: [60]}
layers:
  - {non_max_suppression: {regions: 20}, from: [boxes, scores]}
"""
    left_top = torch.arange(60)[:, None] * 1e-3 + torch.zeros(60, 2)
    boxes = torch.cat((left_top, left_top + 1), 1)  # each overlaps all others
    scores = (torch.arange(60) * 37 % 60 + 1) / 100  # a permutation
    kept = build_module(network(text))(boxes[None], scores[None])
    assert kept[0].equal(boxes[scores.argsort(descending=True)[:20]])


X, P, Q = (3, 4, 5), (3, 4, 2), (3, 2)
"""Shapes of one example: a tensor, positions of elements, positions of rows."""


def test_what_is_at_positions() -> None:
    """Element by element, for each example by itself; -1 is the last position."""
    text = f"""
input: {{x: {list(X)}, p: {list(P)}, q: {list(Q)}}}
layers:
  - {{id: elements, gather: {{axis: -1}}, from: [x, p]}}
  - {{id: rows, gather: {{axis: -2, of: slices, shared: 1}}, from: [x, q]}}
  - {{id: same, take: {{index: 0, axis: -2}}, from: q}}
  - {{id: all, gather: {{axis: -2, of: slices}}, from: [x, same]}}
  - {{id: places, gather: {{axis: -3, of: slices, tuples: true}}, from: [x, q]}}
outputs: [elements, rows, all, places]
"""
    x, p, q = torch.randn(2, *X), torch.randint(-1, 4, (2, *P)), torch.randint(-1, 3, (2, *Q))
    elements, rows, all_, places = build_module(network(text))(x, p, q)
    for n in range(2):
        for i in range(3):
            assert torch.equal(places[n, i], x[n, q[n, i, 0], q[n, i, 1]])
            for j in range(2):
                assert torch.equal(rows[n, i, j], x[n, i, q[n, i, j]])
                assert torch.equal(all_[n, i, j], x[n, i, q[n, 0, j]])
                for k in range(4):
                    assert elements[n, i, k, j] == x[n, i, k, p[n, i, k, j]]


@pytest.mark.parametrize(
    ("operation", "function"),
    [
        ("assign", lambda old, new: new),
        ("add", lambda old, new: old + new),
        ("multiply", lambda old, new: old * new),
        ("maximum", torch.maximum),
        ("minimum", torch.minimum),
    ],
)
def test_what_is_put_at_positions(operation: str, function: Any) -> None:
    text = f"""
input: {{x: {list(X)}, p: {list(P)}, u: {list(P)}, q: {list(Q)}, v: [3, 2, 5]}}
layers:
  - {{id: elements, scatter: {{axis: -1, operation: {operation}}}, from: [x, p, u]}}
  - {{id: rows, scatter: {{axis: -2, of: slices, shared: 1, operation: {operation}}},
     from: [x, q, v]}}
outputs: [elements, rows]
"""
    x, u, v = torch.randn(2, *X), torch.randn(2, *P), torch.randn(2, 3, 2, 5)
    p, q = (torch.rand(2, *ahead, 4).argsort(-1)[..., :2] for ahead in ((3, 4), (3,)))
    elements, rows = x.clone(), x.clone()
    for n in range(2):
        for i in range(3):
            for j in range(2):
                row = q[n, i, j]
                rows[n, i, row] = function(x[n, i, row], v[n, i, j])
                for k in range(4):
                    at = (n, i, k, p[n, i, k, j])
                    elements[at] = function(x[at], u[n, i, k, j])
    made = build_module(network(text))(x, p, u, q, v)
    assert torch.allclose(made[0], elements)
    assert torch.allclose(made[1], rows)


def test_samples_of_a_grid() -> None:
    text = """
input: {x: [2, 3, 4, 5], g: [2, 6, 7, 2], y: {shape: [3, 4, 5, 6], layout: volume}, h: [2, 3, 4, 3]}
layers:
  - {id: image, grid_sample: {mode: bicubic, outside: reflection}, from: [x, g]}
  - {id: volume, grid_sample: {align_corners: true}, from: [y, h]}
  - {id: best, top_k: {count: 3, axis: height, smallest: true}, from: x}
outputs: [image, volume, best.0, best.1]
"""
    x, g = torch.randn(5, 2, 3, 4, 5), torch.rand(5, 2, 6, 7, 2) * 3 - 1.5
    y, h = torch.randn(5, 3, 4, 5, 6), torch.rand(5, 2, 3, 4, 3) * 3 - 1.5
    image, volume, values, positions = build_module(network(text))(x, g, y, h)
    for i in range(2):
        wanted = F.grid_sample(
            x[:, i], g[:, i], "bicubic", padding_mode="reflection", align_corners=False
        )
        assert torch.allclose(image[:, i], wanted, atol=1e-6)
    assert torch.allclose(volume, F.grid_sample(y, h, align_corners=True), atol=1e-6)
    ordered, places = x.sort(-2)
    assert torch.equal(values, ordered[..., :3, :])
    assert torch.equal(positions, places[..., :3, :])
