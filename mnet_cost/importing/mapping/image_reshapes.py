"""Reshapes in dialects that have channels last.

A file reshapes what has channels last. Where an image becomes one row of features, or is made of
one, only the order of weights before or after it depends on that, so no layer puts channels last.
"""

from __future__ import annotations

from collections.abc import Sequence

from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.convolutions import plain_sizes
from mnet_cost.importing.mapping.image_order import channels_first, channels_last
from mnet_cost.importing.mapping.mapper import Call
from mnet_cost.importing.mapping.operands import in_file_order, is_image, made, makes_image
from mnet_cost.importing.mapping.values import ALONE, Dim, Value, elements


def reshaped(b: Builder, call: Call, target: list[Dim]) -> Value:
    """The first input in other sizes of the file."""
    x = call.input(0)
    if not is_image(call, 0) and not makes_image(call):
        return b.reshaped_to(x, target)
    sizes = _whole(x, target)
    before = channels_last(x.shape) if is_image(call, 0) else x.shape
    if tuple(sizes) == tuple(before):
        return made(b, call, x, is_image=is_image(call, 0))
    if _is_row(sizes) or _is_row(before):
        # Of an image that is a row before or after, only the order of weights is another one.
        return b.reshaped_to(x, channels_first(sizes) if makes_image(call) else sizes)
    if is_image(call, 0) and makes_image(call) and _same_channels(before, sizes):
        # Rows and columns are joined or cut, and channels stay apart from them.
        return b.reshaped_to(x, channels_first(sizes))
    if is_image(call, 0) and not makes_image(call) and _is_sequence(before, sizes):
        return b.layer("to_sequence", (x,), (sizes[0], *sizes[1:]))
    if makes_image(call) and not is_image(call, 0) and _is_sequence(sizes, before):
        height, width = plain_sizes(sizes[1:3])
        fields = {"height": height, "width": None if width == height else width}
        return b.layer("to_image", (x,), channels_first(sizes), fields)
    return made(b, call, b.reshaped_to(in_file_order(b, call, 0), sizes))


def _whole(x: Value, target: Sequence[Dim]) -> list[Dim]:
    """The sizes of a reshape, with the batch where it stays the first axis, and without -1 then."""
    sizes = list(target)
    if not sizes or x.shape[:1] != (ALONE,) or sizes[0] not in (ALONE, 1, -1):
        return sizes
    own = elements(x.shape)
    if sizes[0] == -1:
        return [ALONE, *sizes[1:]] if elements(sizes[1:]) == own else sizes
    if -1 in sizes:
        others = -elements(sizes)  # of the one size that is -1
        if others < 1 or own % others:
            return sizes
        sizes[sizes.index(-1)] = own // others
    return [ALONE, *sizes[1:]] if elements(sizes) == own else sizes


def _is_row(sizes: Sequence[Dim]) -> bool:
    """Whether each example is one row of features, beside axes of size 1."""
    return len(sizes) > 1 and sizes[0] == ALONE and sum(size != 1 for size in sizes[1:]) <= 1


def _same_channels(before: Sequence[Dim], after: Sequence[Dim]) -> bool:
    return before[-1] == after[-1] and before[0] == after[0] == ALONE


def _is_sequence(image: Sequence[Dim], sequence: Sequence[Dim]) -> bool:
    """Whether a sequence [N, L, C] has the positions of an image [N, H, W, C]."""
    return (
        len(sequence) == 3
        and image[0] == sequence[0] == ALONE
        and image[-1] == sequence[-1]
        and elements(image) == elements(sequence)
    )
