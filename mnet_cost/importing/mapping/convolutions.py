"""Convolutions: what those of any dialect become."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.owners import is_trained
from mnet_cost.importing.mapping.values import Dim, Misfit, Unmapped, Value, elements
from mnet_cost.tensors import TensorType

Ends = Sequence[tuple[int, int]]
"""(before, after) along each axis that a window slides over."""


def convolution(
    b: Builder,
    x: Value,
    weight: Value,
    bias: Value | None,
    stride: Sequence[int],
    padding: Ends | Literal["same"],
    dilation: Sequence[int],
    groups: int,
) -> Value:
    """A convolution of [N, C, L], [N, C, H, W] or [N, C, D, H, W] with a stored kernel.

    weight [K, C / groups, *kernel], bias [K]. `padding` has zeros before and after each axis, or is
    `same`. A kernel that is made of stored tensors alone is as one that is stored; a bias that is
    not stored is added by a layer of its own.
    """
    axes = weight.rank - 2
    if axes not in (1, 2, 3) or x.rank != axes + 2:
        raise Unmapped(f"is a convolution over {axes} axes of a tensor of {x.rank}")
    if not weight.static:
        raise Unmapped("has a kernel that is calculated from the input")
    own = Kernel(b, weight)
    if own.gain and axes != 2:
        raise Unmapped("has a kernel with a gain, which only that of an image can have")
    channels, *kernel = plain_sizes((weight.shape[0], *weight.shape[2:]))
    (channels_in,) = plain_sizes(x.shape[1:2])
    if weight.shape[1] * groups != channels_in:
        of_groups = f"{groups} groups of {weight.shape[1]}" if groups > 1 else str(weight.shape[1])
        raise Misfit(f"has a kernel for {of_groups} channels, and its input has {channels_in}")
    fields: dict[str, Any] = {
        "kernel": plain_pair(kernel),
        "stride": non_default(plain_pair(stride), 1),
        "padding": plain_padding(padding, kernel, stride, dilation),
        "dilation": non_default(plain_pair(dilation), 1),
        "bias": True if bias is not None and bias.stored is not None else None,
        "trained": None if own.trained else False,
        "gain": True if own.gain else None,
    }
    if axes == 2 and groups == channels_in and groups > 1:
        kind = "depthwise_conv2d"
        fields["multiplier"] = non_default(channels // channels_in, 1)
    else:
        kind = f"conv{axes}d"
        fields = {"channels": channels} | fields | {"groups": non_default(groups, 1)}
    if weight.stored is None:
        b.owners.release(own.owns)
    owns = [*own.owns, None if bias is None else bias.stored]
    made = b.layer(kind, (x,), channels_first(x), fields, owns=owns)
    if bias is None or bias.stored is not None:
        return made
    wires, shape = b.joined((made, b.reshaped(bias, (channels, *[1] * axes))))
    return b.layer("add", wires, shape)


class Kernel:
    """A kernel that is stored or made of stored tensors alone (weight standardization)."""

    __slots__ = ("gain", "owns", "trained")

    def __init__(self, b: Builder, weight: Value) -> None:
        sources = b.owners.sources(weight)
        trained = [x for x in sources if is_trained(x)]
        kernels = [x for x in trained if x.elements == elements(weight.shape)]
        gains = [x for x in trained if x not in kernels]
        if trained and (
            len(kernels) != 1
            or len(gains) > 1
            or any(gain.elements != weight.shape[0] for gain in gains)
        ):
            raise Unmapped("has a kernel that is calculated from several trained tensors")
        self.owns = [*kernels, *gains]
        """What the convolution has for its own."""
        self.trained = bool(trained)
        self.gain = bool(gains)
        """Whether there is a trained factor for each channel of the output."""


def channels_first(x: Value) -> Callable[[TensorType], tuple[Dim, ...]]:
    """The shape in the file of what windows make of x [N, C, ...]: the batch stays in front."""
    if x.batch_axis not in (None, 0):
        raise Unmapped("slides a window over an axis that has the batch")
    return lambda made: (x.shape[0], *made.shape[1 - x.rank :])


def plain_pair(numbers: Sequence[int]) -> int | list[int]:
    """One number where all are equal, else a list."""
    return numbers[0] if len(set(numbers)) == 1 else list(numbers)


def non_default(value: Any, default: Any) -> Any:
    """None where a field has its default, which is then left out."""
    return None if value == default else value


def plain_padding(
    padding: Ends | Literal["same"],
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
) -> Any:
    """Padding as a spec states it; None for `same`, which is the default.

    Symmetric padding is called `same` only where it is the same thing at every size: a stride of 1,
    and half of an odd window on each side.
    """
    if padding == "same":
        return None
    ends = [(before, after) for before, after in padding]
    spans = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    halves = [(span // 2, span - span // 2) for span in spans]
    if set(stride) == {1} and ends == halves and all(span % 2 == 0 for span in spans):
        return None
    if all(before == after for before, after in ends):
        return plain_pair([before for before, _ in ends])
    return [number for pair in ends for number in pair]


def plain_sizes(sizes: Sequence[Dim]) -> tuple[int, ...]:
    """Sizes that do not have the batch, or `Unmapped`."""
    plain = tuple([size for size in sizes if isinstance(size, int)])
    if len(plain) < len(sizes):
        raise Unmapped("works over an axis that has the batch")
    return plain


def transposed_convolution(
    b: Builder,
    x: Value,
    weight: Value,
    bias: Value | None,
    stride: Sequence[int],
    cut: Ends,
    more: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> Value:
    """A transposed convolution of [N, C, H, W], or of [N, C, L] as an image of one row.

    weight [C, K / groups, *kernel]. `cut` is what is cut off before and after each axis, `more`
    what is added behind.
    """
    axes = weight.rank - 2
    if axes not in (1, 2) or x.rank != axes + 2:
        raise Unmapped(f"is a transposed convolution over {axes} axes of a tensor of {x.rank}")
    if weight.stored is None or (bias is not None and bias.stored is None):
        raise Unmapped("has a kernel or a bias that is not stored")
    channels_in, each, *kernel = plain_sizes(weight.shape)
    if channels_in != x.shape[1]:
        raise Misfit(f"has a kernel for {channels_in} channels, and its input has {x.shape[1]}")
    image = x
    if axes == 1:
        kernel, stride, dilation = [1, *kernel], [1, *stride], [1, *dilation]
        cut, more = [(0, 0), *cut], [0, *more]
        image = b.reshaped(x, (*x.shape[:2], 1, x.shape[2]))
    behind = [after - added for (_, after), added in zip(cut, more, strict=True)]
    before = [first for first, _ in cut]
    output_padding = None
    if before != behind:  # torch cuts the same on both sides, and adds behind
        output_padding = [first - last for first, last in zip(before, behind, strict=True)]
    padding: Any = plain_pair(before)
    if output_padding is not None and min(output_padding) < 0:
        padding = [number for pair in zip(before, behind, strict=True) for number in pair]
        output_padding = None
    fields: dict[str, Any] = {
        "channels": each * groups,
        "kernel": plain_pair(kernel),
        "stride": plain_pair(stride),
        "padding": padding,
        "output_padding": None if output_padding is None else plain_pair(output_padding),
        "dilation": non_default(plain_pair(dilation), 1),
        "groups": non_default(groups, 1),
        "bias": True if bias is not None else None,
        "trained": None if is_trained(weight.stored) else False,
    }
    owns = [weight.stored, None if bias is None else bias.stored]
    made = b.layer("conv_transpose2d", (image,), channels_first(image), fields, owns=owns)
    if axes == 2:
        return made
    return b.reshaped(made, (*made.shape[:2], made.shape[3]))
