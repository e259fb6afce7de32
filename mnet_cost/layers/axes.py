"""Axes of tensors: their names, which of them a layer works along, and what is in doubt.

Three axes can be an image or a stack of sequences. A tensor remembers which by how it was made
(`TensorType.layout`); what nothing states is treated as an image, and `doubt` says so. Not here:
shapes, where in a spec a tensor was made, and what other layers say of it (`network/doubts.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from mnet_cost.tensors import (
    SIZE_NAMES,
    Layout,
    RuleViolation,
    TensorType,
    agreed_value,
    axis_names,
    product,
)

if TYPE_CHECKING:
    from mnet_cost.layers.base import Layer

_PLACES = {"channels": -3, "height": -2, "width": -1, "length": -2, "features": -1}
_KNOWN = ("image", "sequence")
_IMAGE = "an image [channels, height, width]"
_LARGE = 16
_COLOURS = (1, 3, 4)


def joint_layout(inputs: tuple[TensorType, ...]) -> Layout | None:
    """The layout of tensors of equally many axes: one that some have and none contradicts."""
    layouts = {x.layout for x in inputs}
    known = layouts.intersection(_KNOWN)
    if len(known) == 1:
        return known.pop()
    return None if known else "input" if "input" in layouts else None


def channel_axis(x: TensorType) -> int:
    """The axis that norms and PReLU work along: channels of an image, features otherwise."""
    return -3 if len(x.shape) >= 3 and x.layout != "sequence" else -1


def axis_place(x: TensorType, name: str) -> int | None:
    """The axis of x with that name, counted from the end; None where no axis has it.

    A tensor that may be an image or a stack of sequences has the names of both. The last two axes
    of a known stack may also be called `height` and `width`.
    """
    rank = len(x.shape)
    known = name in axis_names(rank, x.layout)
    if rank >= 3 and x.layout == "sequence":
        known = known or name in ("height", "width")
    elif rank >= 3 and x.layout != "image":
        known = known or name in SIZE_NAMES["sequence"]
    return _PLACES[name] if known else None


def named_axis(x: TensorType, axis: str | int | None, kind: str) -> int:
    """The axis with that name or number, counted from the end; `channel_axis` for None.

    Raises `RuleViolation`, with the `kind` of layer, where x has no such axis.
    """
    if axis is None:
        return channel_axis(x)
    rank = len(x.shape)
    if isinstance(axis, str):
        place = axis_place(x, axis)
        if place is not None:
            return place
        names = axis_names(rank, x.layout)
        leading = "..., " if len(names) < rank else ""
        raise RuleViolation(f"`{kind}` finds no `{axis}` in [{leading}{', '.join(names)}]")
    number = fixed(axis)
    if number < -rank:
        there = "is -1 alone" if rank == 1 else f"are -1 to -{rank}"
        raise RuleViolation(f"`{kind}` finds no axis {number}: there {there}")
    return number


def fixed(value: Any) -> int:
    """A whole `value` as an int: it decides structure; `Differs` where candidates do not agree."""
    return int(agreed_value(value))


def named_layout(axis: object, layout: Layout | None) -> Layout | None:
    """`layout`; where that is not known, the layout that has an axis of that name."""
    if layout in _KNOWN:
        return layout
    if axis == "channels":
        return "image"
    return "sequence" if axis in ("length", "features") else layout


class Doubt(NamedTuple):
    """A layer treats one of its inputs as something that it may not be."""

    number: int
    """Position of the input."""
    treated_as: str
    hint: str
    is_guess: bool = False
    """Whether it is a guess (an image) that other layers of the network may confirm."""


def doubt(layer: Layer, inputs: tuple[TensorType, ...]) -> Doubt | None:
    """The first input of `layer` whose axes may be other ones than the layer assumes, or None.

    An axis that the field `axis` names is not in doubt.
    """
    if getattr(layer, "axis", None) is not None:
        return None
    if layer.guesses_axis():
        if len(inputs[0].shape) < 3 or joint_layout(inputs) in _KNOWN:
            return None
        hint = "name the axis: `axis: channels`, `axis: features`, or by number: `axis: -1`"
        return Doubt(0, _IMAGE, hint + _or_declare(inputs[0], "image", "sequence"), is_guess=True)
    for number, x in enumerate(inputs[: layer.laid_out_inputs(len(inputs))]):
        if len(x.shape) >= 3:
            taken = _doubt(layer, x)
            if taken is not None:
                return Doubt(number, *taken, is_guess=taken[0] == _IMAGE)
    return None


def _doubt(layer: Layer, x: TensorType) -> tuple[str, str] | None:
    """What `layer` treats x as, a tensor of three axes or more, and a hint."""
    reads, layout = layer.reads, x.layout
    if reads in ("image", "channels") and layout == "sequence":
        return (
            "an image, but it is a stack of sequences",
            "`to_image` makes an image of each sequence",
        )
    if reads == "channels" and layout == "input":
        return _IMAGE, "`layer_norm` can work along another axis" + _or_declare(x, "image")
    if reads == "image" and layout == "input" and _ends_with_colours(x):
        return (
            f"an image of {x.shape[-3]} channels, {x.shape[-2]} high and {x.shape[-1]} wide",
            "channels come first: [channels, height, width]" + _or_declare(x, "image"),
        )
    if reads == "sequence" and layout in ("image", "input"):
        number, (length, features) = product(x.shape[:-2]), x.shape[-2:]
        return (
            f"{number} sequences of {length} positions with {features} features"
            + (", but it is an image" if layout == "image" else ""),
            "`to_sequence` makes a sequence of an image" + _or_declare(x, "sequence"),
        )
    if reads == "features" and layout in ("image", "input"):
        return (
            f"{product(x.shape[:-1])} rows of {x.shape[-1]} features"
            + (", but it is an image" if layout == "image" else ""),
            "a 1x1 `conv2d` works along `channels`, `to_sequence` and `flatten` make features of "
            "an image" + _or_declare(x, "sequence"),
        )
    return None


def says_image(layer: Layer, x: TensorType) -> bool:
    """Whether `layer` proves that x, a tensor of three axes or more, is an image."""
    return layer.reads == "image" and not (x.layout == "input" and _ends_with_colours(x))


def says_sequence(layer: Layer) -> bool:
    """Whether `layer` proves that its inputs are not images."""
    return layer.reads in ("sequence", "features") and getattr(layer, "axis", None) is None


def _or_declare(x: TensorType, *layouts: Layout) -> str:
    """A second hint where x is an input: the spec can say what its axes are."""
    if x.layout != "input":
        return ""
    written = " or ".join(f"`{{shape: {x}, layout: {layout}}}`" for layout in layouts)
    return f"; or say what the input is: {written}"


def _ends_with_colours(x: TensorType) -> bool:
    """Whether x looks like [height, width, colours]; False for arrays."""
    sizes = x.shape[-3:]
    if not all(isinstance(size, int) for size in sizes):
        return False
    return sizes[2] in _COLOURS and min(sizes[:2]) >= _LARGE
