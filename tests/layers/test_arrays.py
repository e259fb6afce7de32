"""Every rule means the same on ints, on arrays of candidates and on numbers of another class."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnet_cost.layers import LAYERS, Layer, Work
from mnet_cost.layers.activation import (
    Gelu,
    HardSigmoid,
    HardSwish,
    LeakyRelu,
    Prelu,
    Relu,
    Relu6,
    Sigmoid,
    Silu,
    Softmax,
    Tanh,
)
from mnet_cost.layers.along import Cumulative, Flip, TopK
from mnet_cost.layers.arithmetic import OPERATIONS, Elementwise
from mnet_cost.layers.attention import Attention, MatMul, ScaledDotProductAttention
from mnet_cost.layers.conv import Conv2d, ConvTranspose2d, DepthwiseConv2d
from mnet_cost.layers.conv1d3d import Conv1d, Conv3d
from mnet_cost.layers.detection import BoxDecode, NonMaxSuppression, RoiAlign, RoiPool
from mnet_cost.layers.dynamic_conv import DeformConv2d, DynamicConv2d
from mnet_cost.layers.elementwise import Add, Concat, Multiply
from mnet_cost.layers.fields import fields_of
from mnet_cost.layers.gather import Gather, Scatter
from mnet_cost.layers.grid_sample import GridSample
from mnet_cost.layers.layout import ChannelShuffle, ToImage, ToSequence
from mnet_cost.layers.linear import Linear
from mnet_cost.layers.norm import (
    BatchNorm,
    GroupNorm,
    InstanceNorm,
    L2Normalize,
    LayerNorm,
    LocalResponseNorm,
)
from mnet_cost.layers.opaque import Opaque
from mnet_cost.layers.parameters import (
    ClassToken,
    Embedding,
    Parameter,
    PositionEmbedding,
    Scale,
)
from mnet_cost.layers.pool import (
    AdaptiveAvgPool2d,
    AdaptiveMaxPool2d,
    AvgPool2d,
    GlobalAvgPool,
    GlobalMaxPool,
    MaxPool2d,
)
from mnet_cost.layers.pool1d3d import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool3d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool3d,
    AvgPool1d,
    AvgPool3d,
    MaxPool1d,
    MaxPool3d,
)
from mnet_cost.layers.rearrange import (
    ExpandBatch,
    Fold,
    PixelShuffle,
    PixelUnshuffle,
    Roll,
    Unfold,
    WindowMerge,
    WindowPartition,
)
from mnet_cost.layers.recurrent import Gru, Lstm, Rnn
from mnet_cost.layers.reduce import REDUCTIONS, Reduce
from mnet_cost.layers.reshape import Dropout, Flatten, Identity, Pad, Reshape, Resize, Transpose
from mnet_cost.layers.rms_norm import RmsNorm
from mnet_cost.layers.select import Slice, Split, Take
from mnet_cost.layers.stored import CONSTANTS, Constant, RelativePositionBias, WindowMask
from mnet_cost.network.varying import Demand, Varying, parts_of
from mnet_cost.tensors import Check, Mask, RuleViolation, TensorType, require

POINTS = 6

Result = tuple[tuple[Any, ...], Work | None]
Strategy = st.SearchStrategy[Any]


@dataclass(frozen=True)
class Column:
    """One number for each point."""

    values: tuple[float, ...]

    def __mul__(self, other: Any) -> Column:
        others = other.values if isinstance(other, Column) else (other,) * POINTS
        return Column(tuple(map(operator.mul, self.values, others)))

    __rmul__ = __mul__


class Number:
    """A number that is neither int nor float, as one that remembers its formula."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __index__(self) -> int:
        return operator.index(self.value)

    def __repr__(self) -> str:
        return str(self.value)

    def apply(self, name: str, *operands: Any) -> Number:
        functions: dict[str, Callable[..., Any]] = {
            "floor": math.floor,
            "ceil": math.ceil,
            "rint": round,
            "maximum": max,
            "minimum": min,
            "gcd": math.gcd,
            "ceil_div": lambda a, b: -(-a // b),
        }
        return Number(functions[name](*map(bare, operands)))


def bare(value: Any) -> Any:
    return value.value if isinstance(value, Number) else value


def _give_operators() -> None:
    for name in ("add", "sub", "mul", "floordiv", "mod"):
        function = getattr(operator, name)
        setattr(Number, f"__{name}__", lambda a, b, f=function: Number(f(a.value, bare(b))))
        setattr(Number, f"__r{name}__", lambda a, b, f=function: Number(f(bare(b), a.value)))
    for name in ("eq", "ne", "lt", "le", "gt", "ge"):
        function = getattr(operator, name)
        setattr(Number, f"__{name}__", lambda a, b, f=function: f(a.value, bare(b)))


_give_operators()


def each(template: Any, replace: Callable[[Column], Any]) -> Any:
    """`template` with its columns replaced."""
    if isinstance(template, Column):
        return replace(template)
    if isinstance(template, list):
        return [each(item, replace) for item in template]
    return template


def evaluate(kind: type[Layer], fields: dict[str, Any], shapes: Any, check: Check) -> Result:
    known = fields_of(kind)
    layer = kind(**{name: known[name].kind.convert(v, check) for name, v in fields.items()})
    inputs = tuple(TensorType(tuple(shape)) for shape in shapes)
    outputs = layer.infer_all(check, *inputs)
    sizes = tuple(size for output in outputs for size in output.shape)
    return sizes, layer.work(inputs, outputs[0])


# Strategies: fields and input shapes of each kind, one number for all points or a column.


def whole(low: int, high: int) -> Strategy:
    number = st.integers(low, high)
    column = st.lists(number, min_size=POINTS, max_size=POINTS).map(lambda v: Column(tuple(v)))
    return number | column


def real(low: float, high: float) -> Strategy:
    number = st.integers(0, 16).map(lambda i: low + (high - low) * i / 16)
    column = st.lists(number, min_size=POINTS, max_size=POINTS).map(lambda v: Column(tuple(v)))
    return number | column


def pair(numbers: Strategy) -> Strategy:
    return numbers | st.lists(numbers, min_size=2, max_size=2)


def padding(*words: str) -> Strategy:
    numbers = whole(0, 3)
    lists = st.sampled_from((2, 4)).flatmap(lambda n: st.lists(numbers, min_size=n, max_size=n))
    return numbers | lists | st.sampled_from(words) if words else numbers | lists


def shape(low: int, high: int, size: int = 8) -> Strategy:
    return st.lists(whole(1, size), min_size=low, max_size=high)


IMAGES = shape(3, 4, size=12).map(lambda sizes: [sizes])
ANY = shape(1, 4).map(lambda sizes: [sizes])
FLAGS = st.booleans()
AXES = st.sampled_from(("channels", "height", "width", "length", "features", -1, -2, -3, -4))


def cases(
    shapes: Strategy,
    required: dict[str, Strategy] | None = None,
    optional: dict[str, Strategy] | None = None,
) -> Strategy:
    return st.tuples(st.fixed_dictionaries(required or {}, optional=optional or {}), shapes)


SIGNALS = shape(2, 3, size=12).map(lambda sizes: [sizes])
VOLUMES = shape(4, 5, size=6).map(lambda sizes: [sizes])


def along(axes: int, low: int, high: int) -> Strategy:
    """A whole number, or one for each of several axes."""
    number = whole(low, high)
    return number if axes == 1 else number | st.lists(number, min_size=axes, max_size=axes)


def ends(axes: int) -> Strategy:
    numbers = whole(0, 2)
    lengths = st.sampled_from([2 * axes] if axes == 1 else [axes, 2 * axes])
    lists = lengths.flatmap(lambda n: st.lists(numbers, min_size=n, max_size=n))
    return numbers | lists | st.sampled_from(("same", "valid"))


def windows(axes: int) -> dict[str, Strategy]:
    return {"stride": along(axes, 0, 3), "padding": ends(axes)}


def along_axes(axes: int, kinds: tuple[type[Layer], ...]) -> dict[type[Layer], Strategy]:
    """Strategies of a convolution, a largest and a mean, and of two pools that adapt."""
    convolution, largest, mean, *adaptive = kinds
    shapes, kernel = SIGNALS if axes == 1 else VOLUMES, {"kernel": along(axes, 1, 4)}
    dilation = {"dilation": along(axes, 1, 3)}
    grouped = {"groups": whole(1, 3), "bias": FLAGS}
    included = {"count_include_pad": FLAGS, "round_up": FLAGS}
    return {
        convolution: cases(
            shapes, {"channels": whole(1, 6), **kernel}, windows(axes) | dilation | grouped
        ),
        largest: cases(shapes, kernel, windows(axes) | dilation | {"round_up": FLAGS}),
        mean: cases(shapes, kernel, windows(axes) | included),
        **dict.fromkeys(adaptive, cases(shapes | ANY, {"size": along(axes, 0, 6)})),
    }


WINDOW = {
    "stride": pair(whole(0, 3)),
    "padding": padding("same", "valid"),
    "dilation": pair(whole(1, 3)),
}
GROUPED = WINDOW | {"groups": whole(1, 3), "bias": FLAGS, "trained": FLAGS}


@st.composite
def broadcast_shapes(draw: st.DrawFn) -> Any:
    base = draw(shape(1, 4))
    size = whole(1, 3)
    inputs = [
        [draw(st.sampled_from([axis, axis, 1]) | size) for axis in base]
        for _ in range(draw(st.integers(2, 3)))
    ]
    # Axes are aligned from the last on.
    return [axes[draw(st.sampled_from((0, 0, 0, 1))) :] or axes for axes in inputs]


@st.composite
def arithmetic(draw: st.DrawFn) -> Any:
    operation = draw(st.sampled_from(tuple(OPERATIONS)))
    number = st.just("number") if OPERATIONS[operation].number != "none" else st.nothing()
    wanted = draw(st.sets(number | st.sampled_from(("reversed", "low", "high"))))
    if operation == "clamp":
        wanted = wanted | {draw(st.sampled_from(("low", "high")))}
    elif draw(st.integers(0, 9)):
        wanted = wanted - {"low", "high"}
    values = {"number": real(-2.0, 2.0), "reversed": FLAGS, "low": real(-1.0, 0.5)}
    fields = {name: draw(values.get(name, real(-0.5, 1.0))) for name in sorted(wanted)}
    shapes = draw(broadcast_shapes())
    count = OPERATIONS[operation].tensors - ("number" in wanted and operation != "add_product")
    return {"operation": operation, **fields}, shapes[: max(count, 1)]


@st.composite
def concat_shapes(draw: st.DrawFn) -> Any:
    base = draw(shape(1, 4, size=3))
    return [
        [draw(st.sampled_from([axis, axis, axis, 2, 3]) | whole(1, 3)) for axis in base]
        for _ in range(draw(st.integers(1, 3)))
    ]


@st.composite
def reshapes(draw: st.DrawFn) -> Any:
    first, second, third = (draw(whole(1, 4)) for _ in range(3))
    mixed = Column(tuple(-1 if point % 2 else 2 for point in range(POINTS)))
    wanted = draw(
        st.sampled_from(
            [
                [first * second, third],
                [third, -1],
                [-1, first * third],
                [-1, 2],
                [mixed, first, second, third],
                [mixed, third, -1],
                [third, second * first, 1],
            ]
        )
        | st.lists(whole(-1, 4), min_size=1, max_size=3)
    )
    return {"shape": wanted}, [[first, second, third]]


@st.composite
def transposes(draw: st.DrawFn) -> Any:
    sizes = draw(shape(1, 4))
    axes = draw(st.permutations(range(len(sizes))) | st.lists(st.integers(-4, 3), min_size=1))
    return {"axes": list(axes)}, [sizes]


@st.composite
def splits(draw: st.DrawFn) -> Any:
    sizes, parts, total = draw(shape(1, 4)), draw(st.integers(1, 3)), draw(whole(1, 4))
    if draw(st.booleans()):
        return {"parts": parts}, [[total * parts, *sizes]]
    return {"sizes": [total, *draw(shape(0, 2))]}, [[total, *sizes]]


@st.composite
def sequences_of_images(draw: st.DrawFn) -> Any:
    height, width, features = draw(whole(1, 4)), draw(whole(1, 4)), draw(whole(1, 3))
    length = draw(st.just(height * width) | whole(1, 12))
    fields = {"height": height} | draw(st.sampled_from([{}, {"width": width}]))
    return fields, [[*draw(shape(0, 1)), length, features]]


@st.composite
def multiples(draw: st.DrawFn) -> Any:
    """A factor, and images whose sizes are multiples of it."""
    factor = draw(whole(1, 3))
    channels = draw(st.just(factor * factor) | whole(1, 9))
    sizes = [nearly(draw, factor * draw(whole(1, 3))) for _ in range(2)]
    return {"factor": factor}, [[*draw(shape(0, 1)), channels * draw(whole(1, 3)), *sizes]]


@st.composite
def image_windows(draw: st.DrawFn, merged: bool) -> Any:
    high, wide, rows, columns, channels = (draw(whole(1, 4)) for _ in range(5))
    window, leading = draw(st.just([high, wide]) | whole(1, 3)), draw(shape(0, 1))
    if not merged:
        sizes = [channels, nearly(draw, high * rows), nearly(draw, wide * columns)]
        return {"window": window}, [[*leading, *sizes]]
    fields = {"window": window, "height": nearly(draw, high * rows)}
    fields |= draw(st.sampled_from([{}, {"width": wide * columns}]))
    return fields, [[*leading, nearly(draw, rows * columns), nearly(draw, high * wide), channels]]


def nearly(draw: st.DrawFn, size: Any) -> Any:
    """`size`, or sometimes another."""
    return size if draw(st.integers(0, 9)) < 9 else draw(whole(1, 3))


@st.composite
def matrices(draw: st.DrawFn) -> Any:
    first, depth, last = (draw(whole(1, 4)) for _ in range(3))
    ahead = draw(shape(0, 2, size=3))
    fields = draw(st.fixed_dictionaries({}, optional={"transpose_second": FLAGS}))
    second = [nearly(draw, depth), last]
    if draw(st.booleans()):
        second = second[::-1]
    near = [nearly(draw, size) for size in ahead][draw(st.integers(0, len(ahead))) :]
    return fields, [[*ahead, first, depth], [*near, *second]]


def score_biases(draw: st.DrawFn, ahead: Any, heads: Any, queries: Any, keys: Any) -> Any:
    """None or one, whose axes sometimes do not fit."""
    scores = [*ahead, heads, queries, keys]
    bias = [draw(st.just(1) | st.just(nearly(draw, size))) for size in scores]
    bias = [1] * (draw(st.integers(0, 9)) == 9) + bias
    return [bias[draw(st.integers(0, len(bias) - 1)) :]] if draw(st.booleans()) else []


@st.composite
def attended(draw: st.DrawFn) -> Any:
    length, keys, kv_heads, part, values = (draw(whole(1, 3)) for _ in range(5))
    ahead, group = draw(shape(0, 2, size=3)), draw(st.integers(1, 2))
    near = [[nearly(draw, size) for size in ahead] for _ in range(2)]
    fields = {"heads": kv_heads * group} | draw(
        st.fixed_dictionaries({}, optional={"causal": FLAGS})
    )
    if group > 1 or draw(st.booleans()):
        fields["kv_heads"] = nearly(draw, kv_heads)
    features = kv_heads * part
    return fields, [
        [*ahead, length, features * group],
        [*near[0], keys, nearly(draw, features)],
        [*near[1], nearly(draw, keys), kv_heads * values],
        *score_biases(draw, ahead, fields["heads"], length, keys),
    ]


@st.composite
def attention(draw: st.DrawFn) -> Any:
    length, keys, kv_heads, part, other = (draw(whole(1, 3)) for _ in range(5))
    ahead, heads = draw(shape(0, 2, size=3)), kv_heads * draw(st.integers(1, 2))
    sizes = [[*ahead, length, heads * part], [*(nearly(draw, s) for s in ahead), keys, other]]
    optional = {
        "features": st.just(heads * other) | whole(1, 6),
        "bias": FLAGS,
        "kv_heads": st.just(kv_heads) | whole(1, 3),
        "causal": FLAGS,
    }
    fields = draw(st.fixed_dictionaries({"heads": st.just(heads)}, optional=optional))
    sizes = sizes[: draw(st.integers(1, 2))]
    biases = score_biases(draw, ahead, heads, length, sizes[-1][-2])
    if biases or draw(st.integers(0, 9)) == 9:
        fields["score_bias"] = draw(st.integers(0, 9)) < 9
    return fields, [*sizes, *biases]


@st.composite
def candidates(draw: st.DrawFn) -> Any:
    number = draw(whole(1, 9))
    classes = draw(shape(0, 1)) if draw(st.integers(0, 9)) < 9 else [2, 2]
    boxes = [number, nearly(draw, 4)]
    return {"regions": draw(whole(1, 4) | whole(0, 12))}, [boxes, [nearly(draw, number), *classes]]


@st.composite
def maps_and_boxes(draw: st.DrawFn) -> Any:
    channels = draw(whole(1, 4))
    maps = [[nearly(draw, channels), *draw(shape(2, 2))] for _ in range(draw(st.integers(1, 3)))]
    return [*maps, [draw(whole(1, 5)), nearly(draw, 4)]]


def counts(draw: st.DrawFn, axes: int) -> int:
    """How many numbers a position has, which decides structure: the same at all points."""
    return draw(st.sampled_from((axes, axes, axes, axes + 1)))


@st.composite
def at_positions(draw: st.DrawFn, puts: bool) -> Any:
    """A tensor, positions in it, and what is put there."""
    sizes = draw(shape(1, 4, size=4))
    place = draw(st.integers(0, len(sizes) - 1))
    fields: dict[str, Any] = {"axis": place - len(sizes)}
    if draw(st.booleans()):
        positions = [nearly(draw, size) for size in sizes]
        positions[place] = draw(whole(1, 5))
        there = positions
    else:
        shared, tuples = draw(st.integers(0, place)), draw(st.booleans())
        counted = draw(st.integers(1, len(sizes) - place)) if tuples else 1
        new = draw(shape(int(not tuples and not shared), 2, size=3))
        near = [nearly(draw, size) for size in sizes[:shared]]
        positions = [*near, *new, *[counts(draw, counted)] * tuples]
        fields |= {"of": "slices", "shared": shared, "tuples": tuples}
        there = [*sizes[:place], *new, *sizes[place + counted :]] or [1]
    if not puts:
        return fields, [sizes, positions]
    fields["operation"] = draw(st.sampled_from(("assign", "add", "maximum")))
    return fields, [sizes, positions, [nearly(draw, size) for size in there]]


@st.composite
def samples(draw: st.DrawFn) -> Any:
    axes, ahead = draw(st.integers(2, 3)), draw(shape(0, 1))
    x = [*ahead, *draw(shape(axes + 1, axes + 1))]
    near = [nearly(draw, size) for size in ahead]
    places = [*near, *draw(shape(axes, axes)), counts(draw, axes)]
    mode = st.sampled_from(("nearest", "bilinear", "bicubic"))
    return draw(st.fixed_dictionaries({}, optional={"mode": mode})), [x, places]


@st.composite
def folded_windows(draw: st.DrawFn) -> Any:
    high, wide, stride, channels = (draw(whole(1, 3)) for _ in range(4))
    rows, columns = draw(whole(1, 4)), draw(whole(1, 4))
    size = [stride * rows, stride * columns]
    fields = {"size": draw(st.just(size) | whole(1, 6)), "kernel": [high, wide], "stride": stride}
    fields |= draw(st.fixed_dictionaries({}, optional={"dilation": pair(whole(1, 2))}))
    columns_of_x = nearly(draw, high * wide) * channels
    return fields, [[*draw(shape(0, 1)), columns_of_x, nearly(draw, rows * columns)]]


@st.composite
def kernels_as_inputs(draw: st.DrawFn) -> Any:
    groups, taps, each = draw(whole(1, 3)), draw(whole(1, 3)), draw(whole(1, 3))
    fields = draw(st.fixed_dictionaries({"groups": st.just(groups)}, optional=WINDOW))
    image = [nearly(draw, groups * taps), *draw(shape(2, 2, size=12))]
    return fields, [image, [nearly(draw, groups * each), taps, *draw(shape(2, 2, size=4))]]


@st.composite
def deformed(draw: st.DrawFn) -> Any:
    """Offsets and masks for outputs of `same` size and a stride of 1, and sometimes others."""
    height, width, parts, channels = (draw(whole(1, n)) for n in (3, 3, 2, 3))
    sizes, ahead = draw(shape(2, 2, size=6)), draw(shape(0, 1, size=2))
    placed = [parts * height * width * 2, *(nearly(draw, size) for size in sizes)]
    optional = {"bias": FLAGS, "dilation": pair(whole(1, 2)), "groups": st.just(parts)}
    fields = draw(
        st.fixed_dictionaries(
            {"kernel": st.just([height, width]), "channels": st.just(parts * channels)},
            optional=optional,
        )
    )
    mask = [nearly(draw, parts * height * width), *sizes]
    inputs = [[*ahead, parts * channels, *sizes], [*ahead, *placed], [*ahead, *mask]]
    return fields, inputs[: draw(st.integers(2, 3))]


RECURRENT = cases(
    shape(1, 4).map(lambda sizes: [sizes]),
    {"features": whole(1, 4)},
    {
        "layers": st.integers(1, 3),
        "bidirectional": FLAGS,
        "bias": FLAGS,
        "output": st.sampled_from(("sequence", "last")),
    },
)

STRATEGIES: dict[type[Layer], Strategy] = {
    Conv2d: cases(
        IMAGES, {"channels": whole(1, 6), "kernel": pair(whole(0, 4))}, GROUPED | {"gain": FLAGS}
    ),
    DepthwiseConv2d: cases(
        IMAGES,
        {"kernel": pair(whole(1, 4))},
        WINDOW | {"multiplier": whole(1, 3), "bias": FLAGS, "trained": FLAGS, "gain": FLAGS},
    ),
    ConvTranspose2d: cases(
        IMAGES,
        {"channels": whole(1, 6), "kernel": pair(whole(1, 4))},
        GROUPED | {"output_padding": pair(whole(0, 2))},
    ),
    DynamicConv2d: kernels_as_inputs(),
    DeformConv2d: deformed(),
    Linear: cases(ANY, {"features": whole(0, 9)}, {"bias": FLAGS}),
    BatchNorm: cases(ANY, {}, {"axis": AXES, "affine": FLAGS, "epsilon": real(-0.1, 0.9)}),
    LayerNorm: cases(
        ANY, {}, {"axis": AXES, "affine": FLAGS, "bias": FLAGS, "epsilon": real(-0.1, 0.9)}
    ),
    RmsNorm: cases(ANY, {}, {"axis": AXES, "affine": FLAGS, "epsilon": real(-0.1, 0.9)}),
    GroupNorm: cases(IMAGES | ANY, {"groups": whole(0, 4)}, {"affine": FLAGS}),
    InstanceNorm: cases(IMAGES | ANY, {}, {"affine": FLAGS, "epsilon": real(-0.1, 0.9)}),
    LocalResponseNorm: cases(IMAGES | ANY, {}, {"size": whole(0, 6), "beta": real(0.0, 1.0)}),
    L2Normalize: cases(ANY, {}, {"axis": AXES, "epsilon": real(-0.1, 0.9)}),
    **dict.fromkeys((Relu, Relu6, Sigmoid, HardSigmoid, Tanh, Silu, HardSwish, Gelu), cases(ANY)),
    LeakyRelu: cases(ANY, {}, {"slope": real(0.0, 1.0)}),
    Prelu: cases(ANY, {}, {"per_channel": FLAGS, "axis": AXES}),
    Softmax: cases(ANY, {}, {"axis": AXES}),
    MaxPool2d: cases(IMAGES, {"kernel": pair(whole(1, 4))}, WINDOW | {"round_up": FLAGS}),
    AvgPool2d: cases(
        IMAGES,
        {"kernel": pair(whole(1, 4))},
        {
            "stride": pair(whole(1, 4)),
            "padding": padding("same", "valid"),
            "round_up": FLAGS,
            "count_include_pad": FLAGS,
        },
    ),
    **dict.fromkeys((GlobalAvgPool, GlobalMaxPool), cases(IMAGES | ANY, {}, {"keep": FLAGS})),
    **dict.fromkeys(
        (AdaptiveAvgPool2d, AdaptiveMaxPool2d), cases(IMAGES, {"size": pair(whole(0, 9))})
    ),
    Elementwise: arithmetic(),
    Reduce: cases(
        ANY,
        {
            "operation": st.sampled_from(tuple(REDUCTIONS)),
            "axes": AXES | st.lists(AXES, max_size=3),
        },
        {"keep": FLAGS},
    ),
    **along_axes(1, (Conv1d, MaxPool1d, AvgPool1d, AdaptiveAvgPool1d, AdaptiveMaxPool1d)),
    **along_axes(3, (Conv3d, MaxPool3d, AvgPool3d, AdaptiveAvgPool3d, AdaptiveMaxPool3d)),
    **dict.fromkeys((Add, Multiply), cases(broadcast_shapes())),
    Concat: cases(concat_shapes(), {}, {"axis": AXES}),
    Flatten: cases(ANY, {}, {"axes": st.integers(1, 4)}),
    Reshape: reshapes(),
    Transpose: transposes(),
    Dropout: cases(ANY, {}, {"rate": real(0.0, 1.2)}),
    Identity: cases(ANY),
    Pad: cases(
        IMAGES,
        {"padding": padding()},
        {"value": real(-1.0, 1.0), "channels": pair(whole(-2, 3))},
    )
    | cases(
        IMAGES,
        {"padding": st.lists(whole(-3, 4), min_size=4, max_size=4)},
        {"mode": st.sampled_from(("constant", "reflect", "replicate", "circular"))},
    ),
    Resize: cases(
        IMAGES | ANY,
        {"mode": st.sampled_from(("nearest", "bilinear", "bicubic"))},
        {"size": pair(whole(0, 9)), "align_corners": FLAGS},
    )
    | cases(IMAGES, {"scale": pair(real(0.0, 2.0))}, {"mode": st.just("bilinear")}),
    ChannelShuffle: cases(IMAGES | ANY, {"groups": whole(0, 4)}),
    ToSequence: cases(IMAGES | ANY),
    ToImage: sequences_of_images(),
    **dict.fromkeys((PixelShuffle, PixelUnshuffle), multiples()),
    ExpandBatch: cases(ANY),
    Roll: cases(IMAGES, {"shift": pair(whole(-9, 9))})
    | cases(ANY, {"shift": whole(-9, 9)}, {"axis": AXES}),
    WindowPartition: image_windows(merged=False),
    WindowMerge: image_windows(merged=True),
    Unfold: cases(IMAGES, {"kernel": pair(whole(1, 4))}, WINDOW),
    Fold: folded_windows(),
    Flip: cases(ANY, {"axes": AXES | st.lists(AXES, max_size=3)}),
    Gather: at_positions(puts=False),
    Scatter: at_positions(puts=True),
    GridSample: samples(),
    Cumulative: cases(
        ANY,
        {"operation": st.sampled_from(("sum", "product"))},
        {"axis": AXES, "exclusive": FLAGS, "reverse": FLAGS},
    ),
    TopK: cases(ANY, {"count": whole(0, 4)}, {"axis": AXES, "smallest": FLAGS}),
    Scale: cases(ANY, {}, {"axis": AXES, "initial": real(-1.0, 1.0)}),
    **dict.fromkeys((ClassToken, PositionEmbedding), cases(ANY)),
    Parameter: cases(
        st.just([]),
        {"shape": shape(1, 4) | st.lists(whole(0, 9), max_size=2)},
        {"trained": whole(0, 99)},
    ),
    Constant: cases(
        st.just([]),
        {
            "shape": shape(1, 4, size=3),
            "values": st.sampled_from(CONSTANTS) | st.lists(real(-1, 1), min_size=1, max_size=6),
        },
    ),
    RelativePositionBias: cases(
        st.just([]),
        {"window": pair(whole(0, 4)), "heads": whole(1, 4)},
        {"distances": st.sampled_from(("signed", "absolute"))},
    ),
    WindowMask: cases(
        st.just([]),
        {"size": pair(whole(1, 8)), "window": pair(whole(1, 4)), "shift": pair(whole(0, 3))},
    ),
    Embedding: cases(ANY, {"vocabulary": whole(0, 9), "features": whole(0, 9)}),
    Split: splits()
    | cases(ANY, {}, {"parts": st.integers(1, 3), "sizes": shape(1, 3), "axis": AXES}),
    Slice: cases(
        ANY,
        {},
        {
            "start": whole(-9, 9),
            "stop": whole(-9, 9),
            "step": whole(0, 3),
            "axis": AXES,
        },
    ),
    Take: cases(ANY, {"index": whole(-9, 9)}, {"axis": AXES}),
    MatMul: matrices(),
    ScaledDotProductAttention: attended(),
    Attention: attention(),
    **dict.fromkeys((Gru, Rnn), RECURRENT),
    Lstm: RECURRENT.flatmap(
        lambda case: st.tuples(
            st.just(case[0]) | whole(1, 4).map(lambda size: case[0] | {"projection": size}),
            st.just(case[1]),
        )
    ),
    BoxDecode: cases(ANY | shape(0, 2).map(lambda sizes: [[*sizes, 4]])),
    NonMaxSuppression: candidates(),
    RoiAlign: cases(maps_and_boxes(), {"size": pair(whole(1, 4))}, {"samples": whole(0, 3)}),
    RoiPool: cases(maps_and_boxes(), {"size": pair(whole(1, 4))}),
    Opaque: cases(
        st.lists(shape(1, 4), max_size=3),
        {"operation": st.just("sort")},
        {
            "shape": st.just("same") | st.lists(whole(0, 9), min_size=1, max_size=4),
            "outputs": st.lists(
                st.just("same") | st.lists(whole(0, 9), min_size=1, max_size=3), max_size=3
            ),
            "mult_adds": whole(0, 9),
            "params": whole(0, 9),
            "vector_ops": whole(0, 9),
        },
    ),
}


def test_every_kind_has_a_strategy() -> None:
    assert set(STRATEGIES) == set(LAYERS)


def numbers(result: Result) -> list[Any]:
    sizes, work = result
    return [*sizes, *(work or ())]


def one_by_one(
    kind: type[Layer],
    fields: dict[str, Any],
    shapes: Any,
    make: Callable[[Any], Any] = lambda value: value,
) -> list[Result | None]:
    """The result at each point, None where a rule refuses."""
    results: list[Result | None] = []
    for point in range(POINTS):

        def value(column: Column, point: int = point) -> Any:
            return make(column.values[point])

        try:
            here = {name: each(field, value) for name, field in fields.items()}
            results.append(evaluate(kind, here, each(shapes, value), require))
        except RuleViolation:
            results.append(None)
    return results


@pytest.mark.parametrize("dtype", [np.int64, np.float64])
@pytest.mark.parametrize("kind", LAYERS, ids=lambda kind: kind.kind)
@settings(max_examples=25)
@given(data=st.data())
def test_arrays_mean_the_same(kind: type[Layer], dtype: type, data: st.DataObject) -> None:
    fields, shapes = data.draw(STRATEGIES[kind])
    expected = one_by_one(kind, fields, shapes)

    def array(column: Column) -> Any:
        is_whole = all(isinstance(value, int) for value in column.values)
        return np.array(column.values, dtype=dtype if is_whole else np.float64)

    mask = Mask()
    # Sizes at refused points are anything: dividing by zero there is no news.
    with np.errstate(all="ignore"):
        try:
            here = {name: each(field, array) for name, field in fields.items()}
            result = evaluate(kind, here, each(shapes, array), mask)
        except RuleViolation:
            assert expected == [None] * POINTS
            return
    valid = np.broadcast_to(mask.valid, (POINTS,))
    by_point = [np.broadcast_to(np.asarray(number), (POINTS,)) for number in numbers(result)]
    for point, scalar in enumerate(expected):
        assert valid[point] == (scalar is not None)
        if scalar is not None:
            assert [number[point] for number in by_point] == numbers(scalar)
            assert (result[1] is None) == (scalar[1] is None)


@pytest.mark.parametrize("kind", LAYERS, ids=lambda kind: kind.kind)
@settings(max_examples=10)
@given(data=st.data())
def test_numbers_of_another_class_mean_the_same(kind: type[Layer], data: st.DataObject) -> None:
    fields, shapes = data.draw(STRATEGIES[kind])
    expected = one_by_one(kind, fields, shapes)
    for plain, other in zip(expected, one_by_one(kind, fields, shapes, Number), strict=True):
        assert (plain is None) == (other is None)
        if plain is not None and other is not None:
            assert numbers(plain) == list(map(bare, numbers(other)))


@pytest.mark.parametrize("kind", LAYERS, ids=lambda kind: kind.kind)
@settings(max_examples=8)
@given(data=st.data())
def test_shapes_of_varying_numbers_are_the_same(kind: type[Layer], data: st.DataObject) -> None:
    """Where each size of the inputs varies by itself. What changes with one of them alone, by as
    much as the rule demands, is what the rule gives for the other size."""
    fields, shapes = data.draw(STRATEGIES[kind])
    known = fields_of(kind)

    def first(template: Any) -> Any:
        return each(template, lambda column: column.values[0])

    def output_sizes(sizes: Any, check: Check) -> list[Any] | None:
        try:
            values = {
                name: known[name].kind.convert(first(v), require) for name, v in fields.items()
            }
            inputs = [TensorType(tuple(shape)) for shape in sizes]
            outputs = kind(**values).infer_all(check, *inputs)
        except RuleViolation:
            return None
        return [size for output in outputs for size in output.shape]

    plain = [[int(first(size)) for size in shape] for shape in shapes]
    numbers = iter(range(1000))
    varied = [[Varying(size, {next(numbers): 1}) for size in shape] for shape in plain]
    demands: list[Demand] = []

    def check(condition: Any, message: str, *values: Any) -> None:
        require(condition, message, *values)
        demands.extend(getattr(condition, "demands", ()))

    expected, sizes = output_sizes(plain, require), output_sizes(varied, check)
    if expected is None or sizes is None:
        assert expected is sizes
        return
    assert [int(size) for size in sizes] == expected
    if kind not in EXACT or not varied or not varied[0]:
        return
    places = [(i, j) for i, shape in enumerate(plain) for j in range(len(shape))]
    number = data.draw(st.integers(0, len(places) - 1))
    if any(demand.parts.get(number) for demand in demands):
        return
    i, j = places[number]
    plain[i][j] += 1
    moved = [int(size) + parts_of(size).get(number, 0) for size in sizes]
    assert output_sizes(plain, require) in (moved, None)


EXACT = (Linear, Concat, Flatten, ToSequence, Transpose, BatchNorm, Embedding, MatMul)
"""Kinds of whose sizes none is rounded."""
