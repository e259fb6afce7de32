"""Axes of tensors: their names, which of them a layer works along, and what is in doubt.

Three axes can be an image or a stack of sequences. A tensor remembers which by how it was made
(`TensorType.layout`); what nothing states is treated as an image, and `doubt` says so. Not here:
shapes, where in a spec a tensor was made, and what other layers say of it (`network/doubts.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from mnet_cost.tensors import (
    LAYOUTS,
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
_CHANNELS: dict[str | None, int] = {"sequence": -1, "signal": -2, "volume": -4}
"""Where the channels or features of a layout are; of an image, and if nothing is known, at -3."""
_IMAGE = "an image [channels, height, width]"
_LARGE = 16
_COLOURS = (1, 3, 4)


def joint_layout(inputs: tuple[TensorType, ...]) -> Layout | None:
    """The layout of tensors of equally many axes: one that some have and none contradicts."""
    layouts = {x.layout for x in inputs}
    known = layouts.intersection(LAYOUTS)
    if len(known) == 1:
        return known.pop()
    return None if known else "input" if "input" in layouts else None


def channel_axis(x: TensorType) -> int:
    """The axis that norms and PReLU work along: channels of an image, a signal or a volume, else
    features."""
    layout = x.layout
    return _CHANNELS.get(layout, -3) if layout is not None or len(x.shape) >= 3 else -1


def axis_place(x: TensorType, name: str) -> int | None:
    """The axis of x with that name, counted from the end; None where no axis has it.

    A tensor that may be an image or a stack of sequences has the names of both. The last two axes
    of a known stack may also be called `height` and `width`.
    """
    rank = len(x.shape)
    names = axis_names(rank, x.layout)
    if x.layout == "signal" or x.layout == "volume":
        return names.index(name) - len(names) if name in names else None
    known = name in names
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


def named_axes(x: TensorType, axes: tuple[str | int, ...], kind: str) -> tuple[int, ...]:
    """As `named_axis` for each of `axes`, none of which may stand twice."""
    places = tuple([named_axis(x, axis, kind) for axis in axes])
    for number, place in enumerate(places):
        if place in places[:number]:
            written = axes[number]
            axis = f"`{written}`" if isinstance(written, str) else written
            raise RuleViolation(f"`{kind}` has axis {axis} of {x} twice")
    return places


def fixed(value: Any) -> int:
    """A whole `value` as an int: it decides structure; `Differs` where candidates do not agree."""
    return int(agreed_value(value))


def named_layout(axis: object, layout: Layout | None) -> Layout | None:
    """`layout`; where that is not known, the layout that has an axis of that name."""
    if layout in LAYOUTS:
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
    guess: Layout | None = None
    """The layout, if it is a guess that other layers of the network may confirm or contradict: an
    image of three axes and more, a sequence of two."""


def doubt(layer: Layer, inputs: tuple[TensorType, ...]) -> Doubt | None:
    """The first input of `layer` whose axes may be other ones than the layer assumes, or None.

    An axis that the field `axis` names is not in doubt.
    """
    if getattr(layer, "axis", None) is not None:
        return None
    if layer.guesses_axis():
        rank = len(inputs[0].shape)
        if rank < 2 or joint_layout(inputs) in LAYOUTS:
            return None
        if rank == 2:
            hint = "name the axis: `axis: -2` or `axis: -1`" + _or_declare(inputs[0], "signal")
            return Doubt(0, "a sequence [length, features]", hint, "sequence")
        hint = "name the axis: `axis: channels`, `axis: features`, or by number: `axis: -1`"
        return Doubt(0, _IMAGE, hint + _or_declare(inputs[0], "image", "sequence"), "image")
    for number, x in enumerate(inputs[: layer.laid_out_inputs(len(inputs))]):
        if len(x.shape) >= 3 or x.layout is not None:
            taken = _doubt(layer, x)
            if taken is not None:
                return Doubt(number, *taken, "image" if taken[0] == _IMAGE else None)
    return None


def _doubt(layer: Layer, x: TensorType) -> tuple[str, str] | None:
    """What `layer` treats x as, a tensor that is known to be something or has three axes or more,
    and a hint."""
    reads, layout = layer.reads, x.layout
    if reads in ("image", "channels", "spatial") and layout == "sequence":
        return (
            f"an image, but it is {_called(x)}",
            "`to_image` makes an image of each sequence",
        )
    if (reads == "image" and layout in ("signal", "volume")) or (
        reads in ("signal", "volume") and layout in LAYOUTS and layout != reads
    ):
        article = "an" if reads == "image" else "a"
        return f"{article} {reads}, but it is {_called(x)}", _OF_LAYOUT[layout]
    if reads in ("signal", "volume") and layout == "input":
        own = SIZE_NAMES[reads]
        if len(x.shape) <= len(own):
            return None
        sizes = " and ".join(
            f"{name} {size}" for name, size in zip(own, x.shape[-len(own) :], strict=True)
        )
        number = product(x.shape[: -len(own)])
        return f"{number} {reads}s of {sizes}", f"`reshape` joins axes{_or_declare(x, reads)}"
    if reads == "channels" and layout == "input":
        layouts: tuple[Layout, ...] = ("image", "volume") if len(x.shape) > 3 else ("image",)
        return _IMAGE, "`layer_norm` can work along another axis" + _or_declare(x, *layouts)
    if reads in ("image", "spatial") and layout == "input" and _ends_with_colours(x):
        return (
            f"an image of {x.shape[-3]} channels, {x.shape[-2]} high and {x.shape[-1]} wide",
            "channels come first: [channels, height, width]" + _or_declare(x, "image"),
        )
    if layout not in ("image", "signal", "volume", "input"):
        return None
    known = f", but it is {_called(x)}" if layout in LAYOUTS else ""
    whole = layout if layout in LAYOUTS else "image"
    if reads == "sequence":
        number, (length, features) = product(x.shape[:-2]), x.shape[-2:]
        several = "a sequence" if len(x.shape) == 2 else f"{number} sequences"
        return (
            f"{several} of {length} positions with {features} features{known}",
            f"`to_sequence` makes a sequence of {_AN[whole]}" + _or_declare(x, "sequence"),
        )
    if reads == "features":
        pointwise = {"signal": "`conv1d` of kernel 1", "volume": "1x1x1 `conv3d`"}
        return (
            f"{product(x.shape[:-1])} rows of {x.shape[-1]} features{known}",
            f"a {pointwise.get(whole, '1x1 `conv2d`')} works along `channels`, `to_sequence` and "
            f"`flatten` make features of {_AN[whole]}" + _or_declare(x, "sequence"),
        )
    return None


_AN = {"image": "an image", "signal": "a signal", "volume": "a volume"}
_OF_LAYOUT = {
    "image": "`conv2d`, `max_pool2d` and `avg_pool2d` take an image",
    "signal": "`conv1d`, `max_pool1d` and `avg_pool1d` take a signal",
    "volume": "`conv3d`, `max_pool3d` and `avg_pool3d` take a volume",
    "sequence": "`transpose` puts features in front of positions, as channels are, and `to_image` "
    "makes an image of each sequence",
}


def _called(x: TensorType) -> str:
    """What a tensor of a known layout is called, a stack of them if it has further axes."""
    layout = x.layout
    if layout in ("sequence", "signal"):
        return f"a stack of {layout}s" if len(x.shape) > 2 else f"a {layout}"
    return _AN[layout or "image"]


def says_image(layer: Layer, x: TensorType) -> bool:
    """Whether `layer` proves that x, a tensor of three axes or more, is an image."""
    return layer.reads in ("image", "spatial") and not (
        x.layout == "input" and _ends_with_colours(x)
    )


def read_as(layer: Layer) -> Layout | None:
    """What `layer` proves that its inputs are, if not images: sequences, signals or volumes."""
    if layer.reads in ("signal", "volume"):
        return layer.reads
    if layer.reads in ("sequence", "features") and getattr(layer, "axis", None) is None:
        return "sequence"
    return None


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
