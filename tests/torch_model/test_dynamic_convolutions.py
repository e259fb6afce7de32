"""Values of convolutions with several inputs beside those of plain convolutions."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from built import network  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from mnet_cost.layers.base import both  # noqa: E402
from mnet_cost.layers.conv import Conv2d  # noqa: E402
from mnet_cost.torch_model import build_module  # noqa: E402
from mnet_cost.torch_model.graph import initialize  # noqa: E402

FIELDS = [
    "kernel: 3",
    "kernel: [3, 2], stride: 2",
    "kernel: 4, stride: [2, 3]",
    "kernel: 3, padding: [1, 0, 2, 3], dilation: [2, 1]",
    "kernel: 2, padding: valid, groups: 2",
]


@pytest.mark.parametrize("fields", FIELDS)
def test_without_offsets_it_is_a_convolution(fields: str) -> None:
    plain = network(
        f"input: {{x: [4, 7, 8]}}\nlayers:\n  - conv2d: {{channels: 6, bias: true, {fields}}}\n"
    )
    _, rows, columns = plain.tensors[-1].type.shape
    convolution = plain.steps[0].layer
    assert isinstance(convolution, Conv2d)
    height, width = both(convolution.kernel)
    taps = height * width
    deformed = network(
        f"input: {{x: [4, 7, 8], o: [{4 * taps}, {rows}, {columns}], "
        f"m: [{2 * taps}, {rows}, {columns}]}}\nlayers:\n"
        f"  - {{deform_conv2d: {{channels: 6, bias: true, {fields}}}, from: [x, o, m]}}\n"
    )
    first, second = initialize(build_module(plain), 1), initialize(build_module(deformed), 1)
    x = torch.rand(3, 4, 7, 8)
    offsets, mask = torch.zeros(3, 4 * taps, rows, columns), torch.ones(3, 2 * taps, rows, columns)
    assert torch.allclose(second(x, offsets, mask), first(x), atol=1e-5)
    assert torch.allclose(second(x, offsets, 0 * mask), 0 * first(x), atol=1e-5)


def test_offsets_are_down_and_right() -> None:
    net = network(
        "input: {x: [2, 5, 6], o: [18, 5, 6]}\nlayers:\n"
        "  - {deform_conv2d: {channels: 3, kernel: 3}, from: [x, o]}\n"
    )
    module = initialize(build_module(net), 2)
    x, offsets = torch.rand(1, 2, 5, 6), torch.zeros(1, 18, 5, 6)
    offsets[:, 0::2], offsets[:, 1::2] = 1.0, -2.0
    moved = F.pad(x, (2, -2, -1, 1))  # the row below, two columns to the left
    weight = next(module.parameters())
    wanted = F.conv2d(moved, weight, padding=1)
    had = module(x, offsets)
    # At the borders of the moved image padding is another.
    assert torch.allclose(had[..., 1:-2, 3:-1], wanted[..., 1:-2, 3:-1], atol=1e-5)
    assert not torch.allclose(had, F.conv2d(x, weight, padding=1), atol=1e-2)


@pytest.mark.parametrize("padding", ["same", "[1, 0, 2, 0]", "valid", "1"])
def test_each_example_has_its_kernel(padding: str) -> None:
    net = network(
        "input: {x: [4, 7, 8], k: [6, 2, 3, 2]}\nlayers:\n"
        f"  - {{dynamic_conv2d: {{groups: 2, stride: 2, padding: {padding}}}, from: [x, k]}}\n"
    )
    module = build_module(net)
    x, kernels = torch.rand(3, 4, 7, 8), torch.rand(3, 6, 2, 3, 2)
    plain = build_module(
        network(
            "input: {x: [4, 7, 8]}\nlayers:\n  - conv2d: {channels: 6, kernel: [3, 2], groups: 2, "
            f"stride: 2, padding: {padding}}}\n"
        )
    )
    rows = []
    for image, kernel in zip(x, kernels, strict=True):
        plain.conv2d.weight.data = kernel
        rows.append(plain(image[None]))
    assert torch.allclose(module(x, kernels), torch.cat(rows), atol=1e-5)
