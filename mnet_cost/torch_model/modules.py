"""Modules that torch does not have: trained tensors, attention of any width, boxes.

Written source copies the text of what it uses from here, so nothing here needs more than torch.
Detection is simplified: a spec has no anchors, so boxes are decoded around the unit square; and all
boxes are suppressed in a single step, where a detector goes through them one after the other.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def of_bits(name: str, *xs: Tensor) -> Tensor:
    """`and`, `or`, `xor` or `not` of the bits of whole numbers."""
    whole = [x.long() for x in xs]
    if name == "not":
        return torch.bitwise_not(whole[0]).to(xs[0].dtype)
    if name == "and":
        return torch.bitwise_and(whole[0], whole[1]).to(xs[0].dtype)
    if name == "or":
        return torch.bitwise_or(whole[0], whole[1]).to(xs[0].dtype)
    return torch.bitwise_xor(whole[0], whole[1]).to(xs[0].dtype)


def for_each(x: Tensor, like: Tensor, axes: int) -> Tensor:
    """x [1, ...], which is the same for all examples, for each example of `like`: [N, ...].

    `axes` are those behind the first.
    """
    return x.expand(like.shape[0], *[-1] * axes)


class Parameter(nn.Module):
    """A trained tensor of `shape`, the same for all examples: [1, *shape].

    Of `trained` numbers, if they are given, repeated or cut to fill the shape.
    """

    def __init__(self, *shape: int, trained: int | None = None) -> None:
        super().__init__()
        self.shape = shape
        self.trained = trained
        self.weight = nn.Parameter(torch.empty(shape if trained is None else (trained,)))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.trunc_normal_(self.weight, std=0.02)

    def forward(self) -> Tensor:
        numbers = self.weight
        if self.trained is not None:
            elements = torch.Size(self.shape).numel()
            if self.trained < elements:
                numbers = numbers.repeat(-(-elements // self.trained))
            numbers = numbers[:elements].view(self.shape)
        return numbers[None]


def table(values: str | tuple[float, ...], shape: tuple[int, ...], base: float = 10000.0) -> Tensor:
    """The constant of that name, or with these numbers row by row."""
    if not isinstance(values, str):
        return torch.tensor(values, dtype=torch.get_default_dtype()).view(shape)
    if values in ("zeros", "ones"):
        return torch.full(shape, float(values == "ones"))
    length, features = shape[-2:]
    place, feature = torch.arange(length)[:, None], torch.arange(features)
    if values == "causal_mask":
        numbers = torch.zeros(length, features)
        numbers = numbers.masked_fill(feature > place + features - length, -torch.inf)
    elif values == "sine":
        angles = place * base ** -((feature - feature % 2) / features)
        numbers = torch.where(feature % 2 == 0, angles.sin(), angles.cos())
    else:
        angles = place * base ** -(feature / features)
        numbers = angles.cos() if values == "rotary_cos" else angles.sin()
    return numbers.expand(shape).contiguous()


def window_mask(size: tuple[int, int], window: tuple[int, int], shift: tuple[int, int]) -> Tensor:
    """[windows, 1, h * w, h * w]: -100 between positions that only a roll has brought together."""
    sides = []
    for length, step, rolled in zip(size, window, shift, strict=True):
        place = torch.arange(length)
        sides.append((place >= length - step).long() + (place >= length - rolled).long())
    regions = 3 * sides[0][:, None] + sides[1]
    regions = regions.unflatten(1, (-1, window[1])).unflatten(0, (-1, window[0]))
    regions = regions.transpose(1, 2).flatten(2).flatten(0, 1)
    differs = regions[:, None, :, None] != regions[:, None, None, :]
    return differs.to(torch.get_default_dtype()) * -100.0


class Stored(nn.Module):
    """A tensor that is not trained, the same for all examples: [1, *shape]. `make` makes it."""

    values: Tensor

    def store(self) -> None:
        self.register_buffer("values", self.make(), persistent=False)

    def make(self) -> Tensor:
        raise NotImplementedError

    def reset_parameters(self) -> None:
        self.values.copy_(self.make())

    def forward(self) -> Tensor:
        return self.values[None]


class Constant(Stored):
    """A constant of `shape`, see `table`."""

    def __init__(self, values: str | tuple[float, ...], *shape: int, base: float = 10000.0) -> None:
        super().__init__()
        self.numbers, self.shape, self.base = values, shape, base
        self.store()

    def make(self) -> Tensor:
        return table(self.numbers, self.shape, self.base)


class WindowMask(Stored):
    """The mask of shifted windows, see `window_mask`."""

    def __init__(
        self, size: tuple[int, int], window: tuple[int, int], shift: tuple[int, int]
    ) -> None:
        super().__init__()
        self.size, self.window, self.shift = size, window, shift
        self.store()

    def make(self) -> Tensor:
        return window_mask(self.size, self.window, self.shift)


class RelativePositionBias(nn.Module):
    """[1, heads, h * w, h * w]: a trained number for each head and distance in a window."""

    def __init__(self, heads: int, window: tuple[int, int], signed: bool = True) -> None:
        super().__init__()
        self.height, self.width = window
        self.signed = signed
        rows, columns = (2 * side - 1 if signed else side for side in window)
        self.columns = columns
        self.weight = nn.Parameter(torch.empty(heads, rows * columns))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.trunc_normal_(self.weight, std=0.02)

    def forward(self) -> Tensor:
        place = torch.arange(self.height * self.width, device=self.weight.device)
        row, column = place // self.width, place % self.width
        down, right = row[:, None] - row, column[:, None] - column
        if self.signed:
            down, right = down + self.height - 1, right + self.width - 1
        index = down.abs() * self.columns + right.abs()
        bias = self.weight.index_select(1, index.flatten())
        return bias.unflatten(1, index.shape)[None]


class ClassToken(nn.Module):
    """[..., L, features] -> [..., L + 1, features] with a trained vector in front."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(features))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.zeros_(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        token = self.weight.expand_as(x[..., :1, :])
        return torch.cat((token, x), -2)


class PositionEmbedding(nn.Module):
    """[..., length, features] plus a trained vector for each position."""

    def __init__(self, length: int, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(length, features))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.trunc_normal_(self.weight, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.weight


class Scale(nn.Module):
    """A trained factor for each channel; `axes` are those behind the channels."""

    def __init__(self, channels: int, axes: int, initial: float = 1.0) -> None:
        super().__init__()
        self.axes = axes
        self.initial = initial
        self.weight = nn.Parameter(torch.empty(channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.constant_(self.weight, self.initial)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight.reshape(-1, *([1] * self.axes))


class PRelu(nn.Module):
    """A rectifier with trained slopes; `axes` are those behind the channels."""

    def __init__(self, channels: int, axes: int) -> None:
        super().__init__()
        self.axes = axes
        self.weight = nn.Parameter(torch.empty(channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.constant_(self.weight, 0.25)

    def forward(self, x: Tensor) -> Tensor:
        return torch.where(x > 0, x, x * self.weight.reshape(-1, *([1] * self.axes)))


class GroupNormOfOne(nn.GroupNorm):
    """Group normalization of single elements, which torch's own refuses for a batch of one."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)


def as_constants(module: nn.Module) -> None:
    """Make buffers of the parameters of a module, under the same names."""
    for name, parameter in list(module.named_parameters(recurse=False)):
        delattr(module, name)
        module.register_buffer(name, parameter.detach())


class ConstantConv2d(nn.Conv2d):
    """A convolution whose kernel and bias are not trained: they are buffers."""

    def reset_parameters(self) -> None:
        super().reset_parameters()
        as_constants(self)


class ConstantConv1d(nn.Conv1d):
    """A convolution of signals whose kernel and bias are not trained: they are buffers."""

    def reset_parameters(self) -> None:
        super().reset_parameters()
        as_constants(self)


class ConstantConv3d(nn.Conv3d):
    """A convolution of volumes whose kernel and bias are not trained: they are buffers."""

    def reset_parameters(self) -> None:
        super().reset_parameters()
        as_constants(self)


class ConstantConvTranspose2d(nn.ConvTranspose2d):
    """A transposed convolution whose kernel and bias are not trained: they are buffers."""

    def reset_parameters(self) -> None:
        super().reset_parameters()
        as_constants(self)


class ScaledConv2d(nn.Conv2d):
    """A convolution whose kernel is standardized for each output channel, and scaled by `gain`.

    A kernel of n numbers has mean 0 and variance 1 / n before it is scaled (arXiv:2101.08692).
    """

    def reset_parameters(self) -> None:
        super().reset_parameters()
        if not hasattr(self, "gain"):  # torch's constructor calls this when the kernel is there
            self.gain = nn.Parameter(self.weight.new_empty(self.out_channels))
        nn.init.ones_(self.gain)

    def forward(self, x: Tensor) -> Tensor:
        kernel = self.weight.flatten(1)
        size = kernel.shape[1]
        kernel = F.layer_norm(kernel, (size,), eps=1e-6) * self.gain[:, None] * size**-0.5
        return self._conv_forward(x, kernel.view_as(self.weight), self.bias)


def convolve_each(
    x: Tensor,
    kernel: Tensor,
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    groups: int,
) -> Tensor:
    """Convolutions of x [N, C, H, W] with kernels [N, K, C / groups, ...], one for each example."""
    count = x.shape[0]
    y = F.conv2d(
        x.flatten(0, 1)[None],
        kernel.flatten(0, 1),
        None,
        stride,
        padding,
        dilation,
        count * groups,
    )
    return y[0].unflatten(0, (count, -1))


class DeformConv2d(nn.Conv2d):
    """A convolution whose taps look beside their places, as torchvision's `deform_conv2d`."""

    def forward(self, x: Tensor, offsets: Tensor, mask: Tensor | None = None) -> Tensor:
        """x [N, C, H, W], offsets [N, G * 2 * T, P, Q] and mask [N, G * T, P, Q] of T taps."""
        taps = self.kernel_size[0] * self.kernel_size[1]
        offsets = offsets.unflatten(1, (-1, taps, 2))
        parts, rows = offsets.shape[1], offsets.shape[4]
        places = [offsets[:, :, :, axis] + self._places(axis, offsets) for axis in (1, 0)]
        grid = torch.stack(
            [
                (2 * place + 1) / size - 1
                for place, size in zip(places, (x.shape[3], x.shape[2]), strict=True)
            ],
            -1,
        )  # [N, G, T, P, Q, (right, down)]: -1 and 1 are the borders of the image
        sampled = F.grid_sample(
            x.unflatten(1, (parts, -1)).flatten(0, 1),
            grid.flatten(0, 1).flatten(1, 2),
            align_corners=False,
        )  # [N * G, C / G, T * P, Q]
        sampled = sampled.unflatten(0, (-1, parts)).unflatten(3, (taps, rows))
        if mask is not None:
            sampled = sampled * mask.unflatten(1, (parts, 1, taps))
        kernel = self.weight.flatten(1)[:, :, None, None]
        return F.conv2d(sampled.flatten(1, 3), kernel, self.bias, groups=self.groups)

    def _places(self, axis: int, like: Tensor) -> Tensor:
        """Where taps are without offsets, in rows (axis 0) or columns: [T, P, 1] or [T, 1, Q]."""
        height, width = self.kernel_size
        tap = torch.arange(height * width, device=like.device)
        tap = tap // width if axis == 0 else tap % width
        start = torch.arange(like.shape[4 + axis], device=like.device) * self.stride[axis]
        places = tap[:, None] * self.dilation[axis] + start - int(self.padding[axis])
        return (places[:, :, None] if axis == 0 else places[:, None]).to(like.dtype)


def heads_apart(x: Tensor, heads: int) -> Tensor:
    """[..., L, heads * d] -> [..., heads, L, d]."""
    return x.unflatten(-1, (heads, -1)).transpose(-3, -2)


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    score_bias: Tensor | None = None,
    *,
    heads: int,
    kv_heads: int | None = None,
    causal: bool = False,
    leading: tuple[int, ...] = (),
) -> Tensor:
    """softmax(Q K^T / sqrt(d) + bias) V for each head: [..., L, F], [..., S, F], [..., S, V].

    `score_bias` is [N, ..., heads, L, S], each axis but N perhaps 1. `leading` are the axes behind
    the batch that the result has. They join the batch meanwhile: fast kernels and exporters take
    [N, heads, L, d] alone.
    """
    if leading:
        sizes = (-1, *leading, -1, -1)
        query, key, value = (x.expand(sizes).flatten(0, -3) for x in (query, key, value))
    query = heads_apart(query, heads)
    key, value = (heads_apart(x, kv_heads or heads) for x in (key, value))
    if score_bias is not None:
        if leading:
            score_bias = score_bias.expand(-1, *leading, -1, -1, -1).flatten(0, -4)
        if causal:  # torch takes a bias or its own mask, not both
            hidden = score_bias.new_full((query.shape[-2], key.shape[-2]), float("-inf"))
            score_bias, causal = score_bias + hidden.triu(1), False
    mixed = F.scaled_dot_product_attention(
        query, key, value, score_bias, is_causal=causal, enable_gqa=kv_heads is not None
    )
    mixed = mixed.transpose(-3, -2).flatten(-2)
    return mixed.unflatten(0, (-1, *leading)) if leading else mixed


class Attention(nn.Module):
    """Multi-head attention of [..., L, width] to [..., S, context], `features` inside.

    `leading` as in `attend`; it goes with each call, since stacks of several sizes can share it.
    """

    def __init__(
        self,
        width: int,
        context: int,
        features: int,
        heads: int,
        bias: bool = True,
        kv_heads: int | None = None,
        causal: bool = False,
    ) -> None:
        super().__init__()
        self.heads = heads
        self.kv_heads = kv_heads
        self.causal = causal
        known = features if kv_heads is None else features // heads * kv_heads
        self.query = nn.Linear(width, features, bias=bias)
        self.key = nn.Linear(context, known, bias=bias)
        self.value = nn.Linear(context, known, bias=bias)
        self.out = nn.Linear(features, width, bias=bias)

    def forward(
        self,
        x: Tensor,
        context: Tensor | None = None,
        score_bias: Tensor | None = None,
        leading: tuple[int, ...] = (),
    ) -> Tensor:
        context = x if context is None else context
        query, key, value = self.query(x), self.key(context), self.value(context)
        mixed = attend(
            query, key, value, score_bias, heads=self.heads, kv_heads=self.kv_heads,
            causal=self.causal, leading=leading,
        )  # fmt: skip
        return self.out(mixed)


def decode_boxes(offsets: Tensor) -> Tensor:
    """Corners (left, top, right, bottom) of the unit square shifted and scaled: [..., 4]."""
    center = 0.5 + offsets[..., :2]
    half = 0.5 * torch.exp(offsets[..., 2:].clamp(max=4.0))
    return torch.cat((center - half, center + half), -1)


def overlaps(boxes: Tensor) -> Tensor:
    """Intersection over union of each pair: [N, M, 4] -> [N, M, M]."""
    low = torch.maximum(boxes[:, :, None, :2], boxes[:, None, :, :2])
    high = torch.minimum(boxes[:, :, None, 2:], boxes[:, None, :, 2:])
    inside = (high - low).clamp(min=0).prod(-1)
    area = (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)
    return inside / (area[:, :, None] + area[:, None] - inside).clamp(min=1e-9)


def keep_best(boxes: Tensor, scores: Tensor, regions: int) -> Tensor:
    """The `regions` best boxes, those that overlap a better one of their class put last.

    boxes [N, M, 4] and scores [N, M, K] of K classes -> [N, regions, 4]. Of all scores the best
    4 * regions are looked at, and a box that is itself suppressed still suppresses others. Both
    parts are in order of score. What is kept is a constant in training (arXiv:1506.01497, section
    3.2).
    """
    boxes, scores = boxes.detach(), scores.detach()
    classes, flat = scores.shape[2], scores.flatten(1)
    _, index = flat.topk(torch.sym_min(4 * regions, flat.shape[1]), 1)  # in order of score
    chosen = boxes.gather(1, (index // classes)[..., None].expand(-1, -1, 4))
    same = (index % classes)[:, :, None] == (index % classes)[:, None]
    better = torch.ones_like(same[0]).triu(1)  # a row is better than the columns right of it
    lost = ((overlaps(chosen) > 0.5) & same & better).any(1)
    count = lost.shape[1]
    place = torch.arange(count, device=boxes.device) + count * lost  # no two are alike
    _, order = place.topk(regions, 1, largest=False)
    return chosen.gather(1, order[..., None].expand(-1, -1, 4))


def sample_regions(maps: list[Tensor], boxes: Tensor, size: tuple[int, int], points: int) -> Tensor:
    """Points inside the bins of each box, from the map that suits its size.

    maps [N, C, H, W] (the finest first) and boxes [N, R, 4] in shares of the image ->
    [N, C, R, bins high, bins wide, points * points].
    """
    steps = [
        (torch.arange(n * points, device=boxes.device, dtype=boxes.dtype) + 0.5) / (n * points)
        for n in size
    ]
    low, extent = boxes[..., :2], boxes[..., 2:] - boxes[..., :2]
    rows = low[..., 1:2] + extent[..., 1:2] * steps[0]
    columns = low[..., 0:1] + extent[..., 0:1] * steps[1]
    grid = torch.stack(
        torch.broadcast_tensors(columns[:, :, None, :], rows[:, :, :, None]), -1
    )  # [N, R, rows, columns, 2]
    level = torch.floor(torch.log2(extent.clamp(min=1e-6).prod(-1).sqrt()) + len(maps))
    level = level.clamp(0, len(maps) - 1)
    found = torch.zeros(())
    for number, one in enumerate(maps):
        sampled = F.grid_sample(one, 2 * grid.flatten(1, 2) - 1, align_corners=False)
        sampled = sampled.unflatten(2, (boxes.shape[1], -1))
        mine = (level == number).to(one.dtype)[:, None, :, None, None]
        found = sampled * mine if number == 0 else found + sampled * mine
    bins = found.unflatten(4, (size[1], points)).unflatten(3, (size[0], points))
    return bins.transpose(4, 5).flatten(5)


def every(x: Tensor, axis: int, start: int, stop: int, step: int) -> Tensor:
    """Each `step`th position of x along an axis below 0, a view."""
    return x[(..., slice(start, stop, step), *[slice(None)] * (-1 - axis))]


def partition_windows(x: Tensor, window: tuple[int, int]) -> Tensor:
    """[..., C, H, W] -> [..., windows, h * w, C] for windows of [h, w], row by row."""
    x = x.unflatten(-1, (-1, window[1])).unflatten(-3, (-1, window[0]))
    x = x.transpose(-3, -2).movedim(-5, -1)  # [..., rows, columns, h, w, C]
    return x.flatten(-3, -2).flatten(-4, -3)


def merge_windows(x: Tensor, window: tuple[int, int], rows: int) -> Tensor:
    """[..., windows, h * w, C] -> [..., C, H, W] with `rows` of windows of [h, w]."""
    x = x.unflatten(-2, window).unflatten(-4, (rows, -1))
    x = x.movedim(-1, -5).transpose(-3, -2)  # [..., C, rows, h, columns, w]
    return x.flatten(-2).flatten(-3, -2)


def align_regions(boxes: Tensor, *maps: Tensor, size: tuple[int, int], samples: int) -> Tensor:
    """Means of the points in each bin: [N, R, C, bins high, bins wide]."""
    return sample_regions(list(maps), boxes, size, samples).mean(-1).transpose(1, 2)


def pool_regions(boxes: Tensor, *maps: Tensor, size: tuple[int, int]) -> Tensor:
    """The largest of two by two points in each bin: [N, R, C, bins high, bins wide]."""
    return sample_regions(list(maps), boxes, size, 2).amax(-1).transpose(1, 2)


def average_windows(
    x: Tensor,
    kernel: int | tuple[int, ...],
    stride: int | tuple[int, ...],
    pads: tuple[int, ...],
) -> Tensor:
    """Means of windows over x padded by (left, right, top, bottom), of what is not padding.

    Of a signal `pads` has two numbers, of a volume six.
    """
    mean = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[len(pads) // 2 - 1]
    counts = mean(F.pad(torch.ones_like(x[:1, :1]), pads), kernel, stride)
    return mean(F.pad(x, pads), kernel, stride) / counts
