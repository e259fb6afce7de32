"""`same` padding for any size, stride and kernel; torch has it for a stride of 1 alone.

There are ceil(size / stride) windows. Where the padding is odd, its larger half is at the end.
Written source copies the text of what it uses from here, so nothing here needs more than torch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def same_pads(size: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """Elements to add before and after an axis."""
    needed = max((-(-size // stride) - 1) * stride + dilation * (kernel - 1) + 1 - size, 0)
    return needed // 2, needed - needed // 2


class SameConv2d(nn.Conv2d):
    """A convolution that pads so that ceil(size / stride) windows fit."""

    def forward(self, x: Tensor) -> Tensor:
        sizes = zip(x.shape[-2:], self.kernel_size, self.stride, self.dilation, strict=True)
        (top, bottom), (left, right) = (same_pads(*one) for one in sizes)
        if top != bottom or left != right:
            x, top, left = F.pad(x, (left, right, top, bottom)), 0, 0
        return F.conv2d(
            x, self.weight, self.bias, self.stride, (top, left), self.dilation, self.groups
        )


def same_max_pool2d(x: Tensor, kernel: int, stride: int) -> Tensor:
    """The largest of each of ceil(size / stride) windows."""
    top, bottom = same_pads(x.shape[-2], kernel, stride)
    left, right = same_pads(x.shape[-1], kernel, stride)
    return F.max_pool2d(F.pad(x, (left, right, top, bottom), value=-torch.inf), kernel, stride)
