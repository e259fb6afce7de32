"""For each layer kind: random fields, and the tensors to put it on."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import Any

from mnet_cost.layers.arithmetic import OPERATIONS
from mnet_cost.layers.axes import named_axis
from mnet_cost.layers.base import channel_sizes
from mnet_cost.layers.reduce import REDUCTIONS
from mnet_cost.layers.stored import CONSTANTS
from mnet_cost.tensors import TensorType, axis_names, ceil_div

Shape = tuple[int, ...]
Fields = dict[str, Any]
Proposal = tuple[Fields, list[str]]
"""Fields of a layer, and the names of its inputs."""


class Draft:
    """What a proposal may ask: which tensors there are, and for tensors that there are not."""

    def __init__(self, r: Random, types: dict[str, TensorType]) -> None:
        self.r = r
        self.types = types

    def fresh(self, shape: Shape) -> str:
        raise NotImplementedError

    def new_input(self, shape: Shape, dtype: str | None = None) -> str:
        raise NotImplementedError

    def positive(self, name: str) -> str:
        """A tensor of the same shape whose elements are between 0 and 1."""
        raise NotImplementedError

    def any(self, least_rank: int = 1, exact_rank: int | None = None) -> str:
        """A tensor that may be calculated with, late tensors more often; new if none suits."""
        names = [
            name
            for name, type_ in self.types.items()
            if (type_.dtype is None or type_.dtype.name == "uint8")
            and len(type_.shape) >= least_rank
            and exact_rank in (None, len(type_.shape))
        ]
        if names and self.r.random() < 0.95:
            return self.r.choice([*names, *names[-4:], *names[-2:]])
        rank = exact_rank or least_rank
        sizes = [self.r.choice([1, 2, 3, 4, 6, 8]) for _ in range(rank)]
        return self.fresh(tuple(sizes))

    def spatial(self) -> str:
        """A tensor of three axes or more, or a signal."""
        signals = [
            name
            for name, type_ in self.types.items()
            if type_.layout == "signal" and type_.dtype is None
        ]
        return self.r.choice(signals) if signals and self.r.random() < 0.3 else self.any(3)

    def shape(self, name: str) -> Shape:
        return self.types[name].shape

    def some(self, **values: Any) -> Fields:
        """Each of the fields or not."""
        return {name: value for name, value in values.items() if self.r.random() < 0.5}

    def pair(self, low: int, high: int) -> Any:
        """A whole number, or a whole number for each direction."""
        first = self.r.randint(low, high)
        return first if self.r.random() < 0.5 else [first, self.r.randint(low, high)]

    def sides(self, high: int, words: tuple[str, ...] = ("same", "valid")) -> Any:
        """Padding in all its forms."""
        form = self.r.randrange(len(words) + 3)
        if form < len(words):
            return words[form]
        numbers = [self.r.randint(0, high) for _ in range(4)]
        return (numbers[0], numbers[:2], numbers)[form - len(words)]

    def flag(self) -> bool:
        return self.r.random() < 0.5

    def real(self, low: float, high: float) -> float:
        return round(self.r.uniform(low, high), 3)

    def divisor(self, number: int) -> int:
        return self.r.choice([divisor for divisor in range(1, number + 1) if number % divisor == 0])

    def axis(self, name: str) -> str | int:
        """An axis that a tensor has, by name or by number."""
        x = self.types[name]
        rank = len(x.shape)
        if self.r.random() < 0.3:
            return -self.r.randint(1, rank)
        return self.r.choice(axis_names(rank, x.layout))


def _constant(d: Draft) -> Fields:
    return {"trained": False} if d.r.random() < 0.15 else {}


def _kernel_rule(d: Draft, numbers: int) -> Fields:
    """How a kernel is made, of which each output channel has so many numbers."""
    fields = _constant(d)
    return {"gain": True} if not fields and numbers > 1 and d.r.random() < 0.15 else fields


def _taps(fields: Fields) -> int:
    kernel = fields["kernel"]
    return int(kernel[0] * kernel[1] if isinstance(kernel, list) else kernel * kernel)


def _window(d: Draft) -> Fields:
    return {"kernel": d.pair(1, 5)} | d.some(stride=d.pair(1, 3), padding=d.sides(4))


def conv2d(d: Draft) -> Proposal:
    x = d.any(3)
    groups = d.divisor(d.shape(x)[-3]) if d.flag() else 1
    fields = _window(d) | {"channels": groups * d.r.randint(1, 4)}
    fields |= d.some(dilation=d.pair(1, 3), bias=d.flag())
    fields |= {"groups": groups} if groups > 1 else {}
    return fields | _kernel_rule(d, _taps(fields) * d.shape(x)[-3] // groups), [x]


def depthwise_conv2d(d: Draft) -> Proposal:
    more = d.some(dilation=d.pair(1, 3), bias=d.flag(), multiplier=d.r.randint(1, 3))
    fields = _window(d) | more
    return fields | _kernel_rule(d, _taps(fields)), [d.any(3)]


def conv_transpose2d(d: Draft) -> Proposal:
    fields, (x,) = conv2d(d)
    if fields.pop("gain", False):
        fields |= {"trained": False}
    return fields | d.some(output_padding=d.pair(0, 2)), [x]


def dynamic_conv2d(d: Draft) -> Proposal:
    x = d.any(3, exact_rank=3)
    channels = d.shape(x)[0]
    groups = d.divisor(channels) if d.flag() else 1
    fields = d.some(stride=d.pair(1, 3), padding=d.sides(3), dilation=d.pair(1, 2))
    window = (d.r.randint(1, 4), d.r.randint(1, 4))
    kernel = d.fresh((groups * d.r.randint(1, 3), channels // groups, *window))
    return fields | ({"groups": groups} if groups > 1 else {}), [x, kernel]


def deform_conv2d(d: Draft) -> Proposal:
    x = d.any(3)
    *leading, channels, height, width = d.shape(x)
    groups, parts = d.divisor(channels) if d.flag() else 1, d.divisor(channels)
    kernel, stride = (d.r.randint(1, 3), d.r.randint(1, 3)), d.r.randint(1, 2)
    dilation, padding = d.r.randint(1, 2), d.r.randint(1, 4)
    positions = [ceil_div(size, stride) for size in (height, width)]
    explicit = [
        (size + 2 * padding - dilation * (taps - 1) - 1) // stride + 1
        for size, taps in zip((height, width), kernel, strict=True)
    ]
    is_explicit = d.flag() and min(explicit) > 0
    if is_explicit:
        positions = explicit
    taps = parts * kernel[0] * kernel[1]
    fields = {"kernel": list(kernel), "channels": groups * d.r.randint(1, 3)}
    fields |= {"stride": stride, "groups": groups, "dilation": dilation} | d.some(bias=d.flag())
    fields |= {"padding": padding} if is_explicit else {}
    inputs = [x, d.fresh((*leading, 2 * taps, *positions))]
    if d.flag():
        inputs.append(d.fresh((*leading, taps, *positions)))
    return fields, inputs


def _along(d: Draft, axes: int, low: int, high: int) -> Any:
    """A whole number, or one for each of several axes."""
    first = d.r.randint(low, high)
    if axes == 1 or d.flag():
        return first
    return [first, *[d.r.randint(low, high) for _ in range(axes - 1)]]


def _ends(d: Draft, axes: int, high: int) -> Any:
    """Padding of a signal or a volume in all its forms."""
    form = d.r.randrange(4 + (axes > 1))
    if form < 2:
        return ("same", "valid")[form]
    numbers = [d.r.randint(0, high) for _ in range(2 * axes)]
    return (numbers[0], numbers, numbers[:axes])[form - 2]


def _slides(d: Draft, axes: int) -> Fields:
    fields = {"kernel": _along(d, axes, 1, 4)}
    return fields | d.some(stride=_along(d, axes, 1, 3), padding=_ends(d, axes, 3))


def convolution_along(axes: int) -> Callable[[Draft], Proposal]:
    def proposal(d: Draft) -> Proposal:
        x = d.any(1 + axes)
        groups = d.divisor(d.shape(x)[-1 - axes]) if d.flag() else 1
        fields = _slides(d, axes) | {"channels": groups * d.r.randint(1, 4)}
        fields |= d.some(dilation=_along(d, axes, 1, 3), bias=d.flag(), trained=d.flag())
        return fields | ({"groups": groups} if groups > 1 else {}), [x]

    return proposal


def max_pool_along(axes: int) -> Callable[[Draft], Proposal]:
    def proposal(d: Draft) -> Proposal:
        more = d.some(dilation=_along(d, axes, 1, 3), round_up=d.flag())
        return _slides(d, axes) | more, [d.any(1 + axes)]

    return proposal


def avg_pool_along(axes: int) -> Callable[[Draft], Proposal]:
    def proposal(d: Draft) -> Proposal:
        more = d.some(round_up=d.flag(), count_include_pad=d.flag())
        return _slides(d, axes) | more, [d.any(1 + axes)]

    return proposal


def adaptive_pool_along(axes: int) -> Callable[[Draft], Proposal]:
    def proposal(d: Draft) -> Proposal:
        return {"size": _along(d, axes, 1, 6)}, [d.any(1 + axes)]

    return proposal


def linear(d: Draft) -> Proposal:
    return {"features": d.r.randint(1, 8)} | d.some(bias=d.flag()), [d.any()]


def batch_norm(d: Draft) -> Proposal:
    x = d.any()
    return d.some(affine=d.flag(), epsilon=d.real(0.001, 0.1), axis=d.axis(x)), [x]


def layer_norm(d: Draft) -> Proposal:
    x = d.any()
    flags = d.some(affine=d.flag(), bias=d.flag(), epsilon=d.real(0.001, 0.1))
    return flags | d.some(axis=d.axis(x)), [x]


def rms_norm(d: Draft) -> Proposal:
    x = d.any()
    return d.some(affine=d.flag(), epsilon=d.real(0.001, 0.1), axis=d.axis(x)), [x]


def reduce(d: Draft) -> Proposal:
    x = d.any()
    rank = len(d.shape(x))
    axes = [d.axis(x)] if d.flag() else d.r.sample(range(-rank, 0), d.r.randint(1, rank))
    fields: Fields = {"operation": d.r.choice(tuple(REDUCTIONS))} | d.some(keep=d.flag())
    return fields | {"axes": axes if len(axes) > 1 or d.flag() else axes[0]}, [x]


def group_norm(d: Draft) -> Proposal:
    x = d.spatial()
    fields = {"groups": d.divisor(channel_sizes(d.types[x], "group_norm")[0])}
    return fields | d.some(affine=d.flag(), epsilon=d.real(0.001, 0.1)), [x]


def instance_norm(d: Draft) -> Proposal:
    return d.some(affine=d.flag(), epsilon=d.real(0.001, 0.1)), [d.spatial()]


def local_response_norm(d: Draft) -> Proposal:
    fields = d.some(
        size=d.r.randint(1, 6), alpha=d.real(0, 1), beta=d.real(0.1, 2), k=d.real(0.5, 2)
    )
    return fields, [d.any(3)]


def l2_normalize(d: Draft) -> Proposal:
    x = d.any()
    return d.some(axis=d.axis(x), epsilon=d.real(0.001, 0.1)), [x]


def plain(d: Draft) -> Proposal:
    """Kinds without fields that take any tensor."""
    return {}, [d.any()]


def leaky_relu(d: Draft) -> Proposal:
    return d.some(slope=d.real(0.02, 0.5)), [d.any()]


def prelu(d: Draft) -> Proposal:
    x = d.any()
    return d.some(per_channel=d.flag(), axis=d.axis(x)), [x]


def softmax(d: Draft) -> Proposal:
    x = d.any()
    return d.some(axis=d.axis(x)), [x]


def max_pool2d(d: Draft) -> Proposal:
    return _window(d) | d.some(dilation=d.pair(1, 3), round_up=d.flag()), [d.any(3)]


def avg_pool2d(d: Draft) -> Proposal:
    return _window(d) | d.some(round_up=d.flag(), count_include_pad=d.flag()), [d.any(3)]


def global_pool(d: Draft) -> Proposal:
    return d.some(keep=d.flag()), [d.spatial()]


def adaptive_pool2d(d: Draft) -> Proposal:
    return {"size": d.pair(1, 7)}, [d.any(3)]


def _meets(d: Draft, leading: Shape) -> Shape:
    """Axes that meet `leading`: as large, or 1; where that is 1, larger."""
    return tuple(
        d.r.choice([size, size, 1]) if size > 1 else d.r.choice([1, 1, 1, 2]) for size in leading
    )


def matmul(d: Draft) -> Proposal:
    x = d.any(2)
    shape, turned = d.shape(x), d.flag()
    if turned and d.flag():
        return {"transpose_second": True}, [x, x]
    last = [shape[-1], d.r.randint(1, 6)]
    ahead = _meets(d, shape[:-2])
    ahead = ahead[d.r.randint(0, len(ahead)) :] if d.flag() else ahead
    other = d.fresh((*ahead, *(last[::-1] if turned else last)))
    return ({"transpose_second": True} if turned else {}), [x, other]


def _score_bias(d: Draft, scores: Shape) -> str:
    """A tensor that can be added to scores: fewer axes in front, some of size 1."""
    shape = tuple(d.r.choice([size, size, 1]) for size in scores)
    return d.fresh(shape[d.r.randint(0, len(shape) - 1) :])


def _heads(d: Draft, features: int) -> Fields:
    """Heads of that many features; those of keys and values are as many, or fewer."""
    heads = d.divisor(features)
    return {"heads": heads} | d.some(kv_heads=d.divisor(heads), causal=d.flag())


def _met(first: Shape, *others: Shape) -> Shape:
    """Axes of the result where all these meet."""
    return tuple(max(sizes) for sizes in zip(first, *others, strict=True))


def scaled_dot_product_attention(d: Draft) -> Proposal:
    query = d.any(2)
    *leading, queries, features = d.shape(query)
    front = tuple(leading)
    if d.r.random() < 0.3:
        fields = {"heads": d.divisor(features)} | d.some(causal=d.flag())
        scores = (*front, fields["heads"], queries, queries)
        return fields, [query] * 3 + [_score_bias(d, scores)] * d.flag()
    length, fields = d.r.randint(1, 6), _heads(d, features)
    kv_heads = fields.get("kv_heads", fields["heads"])
    known = features // fields["heads"] * kv_heads
    values = known if d.flag() else kv_heads * d.r.randint(1, 3)
    key = d.fresh((*_meets(d, front), length, known))
    value = d.fresh((*_meets(d, front), length, values))
    met = _met(front, d.shape(key)[:-2], d.shape(value)[:-2])
    bias = [_score_bias(d, (*met, fields["heads"], queries, length))] * d.flag()
    return fields, [query, key, value, *bias]


def attention(d: Draft) -> Proposal:
    x = d.any(2)
    *leading, queries, width = d.shape(x)
    front, fields = tuple(leading), _heads(d, width)
    heads = fields["heads"]
    fields |= d.some(features=heads * d.r.randint(1, 3), bias=d.flag())
    inputs, keys = [x], queries
    if d.flag():
        keys = d.r.randint(1, 6)
        inputs.append(d.fresh((*_meets(d, front), keys, d.r.randint(1, 6))))
        front = _met(front, d.shape(inputs[1])[:-2])
    if d.r.random() < 0.4:
        fields["score_bias"] = True
        inputs.append(_score_bias(d, (*front, heads, queries, keys)))
    return fields, inputs


def recurrent(d: Draft) -> Proposal:
    fields = {"features": d.r.randint(1, 5)} | d.some(
        layers=d.r.randint(1, 3), bidirectional=d.flag(), bias=d.flag(), output="last"
    )
    return fields, [d.any(2)]


def rnn(d: Draft) -> Proposal:
    fields, inputs = recurrent(d)
    return fields | d.some(function=d.r.choice(["tanh", "relu"])), inputs


def lstm(d: Draft) -> Proposal:
    fields, inputs = recurrent(d)
    if fields["features"] > 1:
        fields |= d.some(projection=d.r.randint(1, fields["features"] - 1))
    return fields, inputs


def broadcast(d: Draft) -> Proposal:
    return {}, _that_meet(d, d.r.choice([2, 2, 3]))


def _that_meet(d: Draft, count: int) -> list[str]:
    """Tensors of shapes that broadcast, in any order."""
    first = d.any()
    inputs = [first]
    for _ in range(count - 1):
        alike = [name for name in d.types if d.shape(name) == d.shape(first)]
        floats = [name for name in alike if d.types[name].dtype is None]
        if floats and d.r.random() < 0.7:
            inputs.append(d.r.choice(floats))
        else:
            sizes = _meets(d, d.shape(first))
            missing = d.r.randrange(len(sizes)) if d.r.random() < 0.3 else 0
            inputs.append(d.fresh(sizes[missing:]))
    d.r.shuffle(inputs)
    return inputs


_BOUNDED = (
    "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "rsqrt", "reciprocal", "divide",
    "power", "modulo", "sinh", "cosh",
)  # fmt: skip
"""Operations that are not finite for every number."""


def elementwise(d: Draft) -> Proposal:
    # More often those that have fields of their own.
    fields, inputs = _operation(d, d.r.choice((*OPERATIONS, *["clamp", "power"] * 8)))
    if fields["operation"] in _BOUNDED:
        inputs = [d.positive(name) for name in inputs]
    return fields, inputs


def _operation(d: Draft, name: str) -> Proposal:
    operation = OPERATIONS[name]
    fields: Fields = {"operation": name}
    if name == "clamp":
        bounds = {"low": d.real(-1, 0), "high": d.real(0, 1)}
        return fields | d.r.choice([bounds, {"low": 0.1}, {"high": 0.1}]), [d.any()]
    if operation.number == "always" or (operation.number != "none" and d.flag()):
        fields["number"] = d.r.choice([2, 0.5, d.real(0.1, 2), d.real(-2, -0.1)])
        if name == "power":
            fields["number"] = abs(fields["number"])
        if operation.number != "factor":
            reversible = name in ("subtract", "divide", "power")
            return fields | ({"reversed": d.flag()} if reversible else {}), [d.any()]
    return fields, _that_meet(d, operation.tensors)


def concat(d: Draft) -> Proposal:
    first = d.any()
    axis = d.axis(first) if d.flag() else None
    place = named_axis(d.types[first], axis, "concat")
    inputs = [first]
    for _ in range(d.r.choice([0, 1, 1, 2])):
        sizes = list(d.shape(first))
        sizes[place] = d.r.randint(1, 4)
        inputs.append(first if d.r.random() < 0.3 else d.fresh(tuple(sizes)))
    return ({"axis": axis} if axis else {}), inputs


def flatten(d: Draft) -> Proposal:
    x = _perhaps_tokens(d)
    return d.some(axes=d.r.randint(1, len(d.shape(x)))), [x]


def reshape(d: Draft) -> Proposal:
    x = _perhaps_tokens(d)
    rest, sizes = math.prod(d.shape(x)), []
    for _ in range(d.r.randint(0, 3)):
        sizes.append(d.divisor(rest))
        rest //= sizes[-1]
    sizes.insert(d.r.randint(0, len(sizes)), rest if d.flag() else -1)
    return {"shape": sizes}, [x]


def transpose(d: Draft) -> Proposal:
    x = d.any()
    rank = len(d.shape(x))
    axes = [axis - rank if d.r.random() < 0.2 else axis for axis in range(rank)]
    d.r.shuffle(axes)
    return {"axes": axes}, [x]


def dropout(d: Draft) -> Proposal:
    return d.some(rate=d.r.choice([0, 0.1, 0.9, 1])), [d.any()]


def identity(d: Draft) -> Proposal:
    return {}, [_perhaps_tokens(d)]


def pad(d: Draft) -> Proposal:
    x = d.any(3)
    channels, height, width = d.shape(x)[-3:]
    padding = d.sides(3, ()) if d.r.random() < 0.7 else [d.r.randint(-2, 4) for _ in range(4)]
    mode = d.r.choice(["constant", "constant", "reflect", "replicate", "circular"])
    if mode != "constant":
        most = {"reflect": min(height, width) - 1, "circular": min(height, width)}.get(mode, 4)
        limited = [min(side, most) for side in _listed(padding)]
        return {"padding": limited, "mode": mode}, [x]
    fields = d.some(value=d.real(-2, 2))
    if d.flag():
        ends = [d.r.randint(-1, 3), d.r.randint(1 - channels, 2)]
        fields["channels"] = ends if d.flag() else max(ends[0], 0)
    return fields | ({} if "channels" in fields and d.flag() else {"padding": padding}), [x]


def _listed(padding: Any) -> list[int]:
    return padding if isinstance(padding, list) else [padding] * 4


def resize(d: Draft) -> Proposal:
    mode = d.some(mode=d.r.choice(["nearest", "bilinear", "bicubic"]))
    if mode.get("mode", "nearest") != "nearest":
        mode["align_corners"] = d.flag()
    if d.flag():
        return {"size": d.pair(1, 12)} | mode, [d.any(3)]
    scales = [d.r.choice([0.5, 0.7, 1, 1.5, 2, 3]) for _ in range(2)]
    return {"scale": scales if d.flag() else scales[0]} | mode, [d.any(3)]


def channel_shuffle(d: Draft) -> Proposal:
    x = d.any(3)
    return {"groups": d.divisor(d.shape(x)[-3])}, [x]


def to_sequence(d: Draft) -> Proposal:
    return {}, [d.spatial()]


def to_image(d: Draft) -> Proposal:
    x = d.any(2)
    length = d.shape(x)[-2]
    height = d.divisor(length)
    return {"height": height} | d.some(width=length // height), [x]


def pixel_shuffle(d: Draft) -> Proposal:
    x = d.any(3)
    factor = d.r.choice([f for f in (1, 2, 3) if d.shape(x)[-3] % (f * f) == 0])
    if factor == 1 and d.flag():
        *leading, channels, height, width = d.shape(x)
        return {"factor": 2}, [d.fresh((*leading, 4 * channels, height, width))]
    return {"factor": factor}, [x]


def pixel_unshuffle(d: Draft) -> Proposal:
    x = d.any(3)
    return {"factor": d.divisor(math.gcd(*d.shape(x)[-2:]))}, [x]


def roll(d: Draft) -> Proposal:
    if d.flag():
        x = _perhaps_tokens(d)
        return {"shift": d.r.randint(-5, 5), "axis": d.axis(x)}, [x]
    return {"shift": d.pair(-4, 4)}, [d.any(3)]


def expand_batch(d: Draft) -> Proposal:
    return {}, [d.any()]


def window_partition(d: Draft) -> Proposal:
    x = d.any(3)
    height, width = d.shape(x)[-2:]
    if d.flag():
        return {"window": d.divisor(math.gcd(height, width))}, [x]
    return {"window": [d.divisor(height), d.divisor(width)]}, [x]


def window_merge(d: Draft) -> Proposal:
    x = d.any(3)
    windows, positions = d.shape(x)[-3:-1]
    high, rows = d.divisor(positions), d.divisor(windows)
    wide, columns = positions // high, windows // rows
    fields = {"window": [high, wide], "height": rows * high}
    return fields | d.some(width=columns * wide), [x]


def unfold(d: Draft) -> Proposal:
    return _window(d) | d.some(dilation=d.pair(1, 3)), [d.any(3)]


def fold(d: Draft) -> Proposal:
    kernel = [d.r.randint(1, 3), d.r.randint(1, 3)]
    stride, dilation = d.r.randint(1, 3), d.r.randint(1, 2)
    size = [d.r.randint(1, 8), d.r.randint(1, 8)]
    rows, columns = (ceil_div(length, stride) for length in size)
    fields: Fields = {"size": size, "kernel": kernel, "stride": stride, "dilation": dilation}
    padding = d.r.randint(0, 2)
    explicit = [
        (length + 2 * padding - dilation * (taps - 1) - 1) // stride + 1
        for length, taps in zip(size, kernel, strict=True)
    ]
    if d.flag() and min(explicit) > 0:
        fields["padding"] = padding
        rows, columns = explicit
    leading = tuple(d.r.randint(1, 2) for _ in range(d.r.choice([0, 0, 1])))
    x = d.fresh((*leading, d.r.randint(1, 4) * kernel[0] * kernel[1], rows * columns))
    return fields, [x]


def flip(d: Draft) -> Proposal:
    x = d.any()
    rank = len(d.shape(x))
    axes = d.r.sample(range(-rank, 0), d.r.randint(1, rank))
    return {"axes": axes if d.flag() else d.axis(x)}, [x]


def cumulative(d: Draft) -> Proposal:
    x = d.any()
    fields: Fields = {"operation": d.r.choice(["sum", "product"])}
    return fields | d.some(axis=d.axis(x), exclusive=d.flag(), reverse=d.flag()), [x]


def top_k(d: Draft) -> Proposal:
    x = d.any()
    axis = d.axis(x)
    size = d.shape(x)[named_axis(d.types[x], axis, "top_k")]
    return {"count": d.r.randint(1, size), "axis": axis} | d.some(smallest=d.flag()), [x]


def _at_positions(d: Draft) -> tuple[Fields, list[str], Shape]:
    """Fields, a tensor and positions in it, and the shape of what is there."""
    x = d.any()
    sizes, rank = d.shape(x), len(d.shape(x))
    place = d.r.randrange(rank)
    fields: Fields = {"axis": place - rank}
    if d.flag():
        there = tuple(d.r.randint(1, 5 if i == place else size) for i, size in enumerate(sizes))
        return fields, [x, d.fresh(there)], there
    shared, counted = d.r.randint(0, place), d.r.randint(0, rank - place)
    new = tuple(d.r.randint(1, 4) for _ in range(d.r.randint(int(not counted), 2)))
    positions = (*sizes[:shared], *new, *([counted] if counted else []))
    there = (*sizes[:place], *new, *sizes[place + max(counted, 1) :]) or (1,)
    fields |= {"of": "slices", "shared": shared, "tuples": counted > 0}
    return fields, [x, d.fresh(positions)], there


def gather(d: Draft) -> Proposal:
    fields, inputs, _ = _at_positions(d)
    return fields, inputs


def scatter(d: Draft) -> Proposal:
    fields, inputs, there = _at_positions(d)
    fields |= d.some(operation=d.r.choice(["assign", "add", "multiply", "maximum", "minimum"]))
    return fields, [*inputs, d.fresh(there)]


def grid_sample(d: Draft) -> Proposal:
    axes = d.r.choice([2, 2, 3])
    x = d.any(axes + 1)
    if d.types[x].layout in ("image", "volume"):
        axes = 3 if d.types[x].layout == "volume" else 2
    places = tuple(d.r.randint(1, 5) for _ in range(axes))
    fields = d.some(
        mode=d.r.choice(["nearest", "bilinear"]),
        outside=d.r.choice(["zeros", "border", "reflection"]),
        align_corners=d.flag(),
    )
    return fields, [x, d.fresh((*d.shape(x)[: -1 - axes], *places, axes))]


def scale(d: Draft) -> Proposal:
    x = d.any()
    return d.some(initial=d.real(0.01, 3), axis=d.axis(x)), [x]


def sequence(d: Draft) -> Proposal:
    return {}, [d.any(2)]


def _small_shape(d: Draft, least: int = 1) -> list[int]:
    return [d.r.randint(1, 6) for _ in range(d.r.randint(least, 4))]


def parameter(d: Draft) -> Proposal:
    return {"shape": _small_shape(d)} | d.some(trained=d.r.randint(1, 40)), []


def constant(d: Draft) -> Proposal:
    if d.r.random() < 0.3:
        shape = _small_shape(d)[:2]
        return {"shape": shape, "values": [d.real(-1, 1) for _ in range(math.prod(shape))]}, []
    word = d.r.choice(CONSTANTS)
    shape = _small_shape(d, 1 if word in ("zeros", "ones") else 2)
    if word == "causal_mask":
        shape[-1] = max(shape[-2:])
    return {"shape": shape, "values": word} | d.some(base=d.real(2, 1000)), []


def relative_position_bias(d: Draft) -> Proposal:
    fields: Fields = {"window": d.pair(1, 4), "heads": d.r.randint(1, 4)}
    return fields | d.some(distances=d.r.choice(["signed", "absolute"])), []


def window_mask(d: Draft) -> Proposal:
    windows = [d.r.randint(1, 3) for _ in range(2)]
    size = [window * d.r.randint(1, 3) for window in windows]
    shift = [d.r.randrange(window) for window in windows]
    return {"size": size, "window": windows, "shift": shift}, []


def _tokens(d: Draft) -> str:
    known = [
        name
        for name, type_ in d.types.items()
        if type_.dtype is not None and type_.dtype.name.startswith("int")
    ]
    if known and d.r.random() < 0.6:
        return d.r.choice(known)
    shape = tuple(d.r.randint(1, 5) for _ in range(d.r.randint(1, 3)))
    return d.new_input(shape, d.r.choice(["int16", "int32", "int64"]))


def _perhaps_tokens(d: Draft) -> str:
    known = [t for t in d.types.values() if t.dtype is not None and t.dtype.name != "uint8"]
    return _tokens(d) if known and d.r.random() < 0.3 else d.any()


def embedding(d: Draft) -> Proposal:
    return {"vocabulary": d.r.randint(1, 20), "features": d.r.randint(1, 6)}, [_tokens(d)]


def split(d: Draft) -> Proposal:
    x = d.any()
    axis = d.axis(x) if d.flag() else None
    place = named_axis(d.types[x], axis, "split")
    size = d.shape(x)[place]
    fields: Fields = {"axis": axis} if axis else {}
    if d.flag():
        return fields | {"parts": d.divisor(size)}, [x]
    cuts = sorted(d.r.sample(range(1, size), min(size - 1, d.r.randint(0, 2))))
    edges = [0, *cuts, size]
    return fields | {"sizes": [b - a for a, b in pairwise(edges)]}, [x]


def slice_(d: Draft) -> Proposal:
    x = _perhaps_tokens(d)
    axis = d.axis(x)
    fields = d.some(start=d.r.randint(-3, 3), stop=d.r.randint(-2, 6))
    fields |= d.some(step=d.r.choice([1, 2, 3]))
    return fields | d.some(axis=axis), [x]


def take(d: Draft) -> Proposal:
    x = d.any(2)
    return {"index": d.r.randint(-2, 2)} | {"axis": d.axis(x)}, [x]


def _boxes(d: Draft) -> str:
    known = [
        name
        for name, type_ in d.types.items()
        if len(type_.shape) == 2 and type_.shape[1] == 4 and type_.dtype is None
    ]
    if known and d.r.random() < 0.6:
        return d.r.choice(known)
    return d.fresh((d.r.randint(1, 8), 4))


def box_decode(d: Draft) -> Proposal:
    four = [n for n, t in d.types.items() if t.shape[-1] == 4 and t.dtype is None]
    return {}, [d.r.choice(four) if four and d.flag() else _boxes(d)]


def non_max_suppression(d: Draft) -> Proposal:
    boxes = _boxes(d)
    number = d.shape(boxes)[0]
    scores = d.fresh((number,) if d.flag() else (number, d.r.randint(1, 4)))
    return {"regions": d.r.randint(1, math.prod(d.shape(scores)))}, [boxes, scores]


def _regions(d: Draft) -> Proposal:
    first = d.any(3, exact_rank=3)
    maps = [first]
    for _ in range(d.r.choice([0, 0, 1, 2])):
        maps.append(d.fresh((d.shape(first)[0], d.r.randint(1, 6), d.r.randint(1, 6))))
    return {"size": d.pair(1, 4)}, [*maps, _boxes(d)]


def roi_align(d: Draft) -> Proposal:
    fields, inputs = _regions(d)
    return fields | d.some(samples=d.r.randint(1, 3)), inputs


_OWN = (
    conv2d, depthwise_conv2d, conv_transpose2d, linear, batch_norm, layer_norm, group_norm,
    instance_norm, local_response_norm, l2_normalize, leaky_relu, prelu, softmax, max_pool2d,
    avg_pool2d, matmul, scaled_dot_product_attention, attention, elementwise, concat, flatten,
    reshape, transpose, dropout, identity, pad, resize, channel_shuffle, to_sequence, to_image,
    scale, parameter, constant, relative_position_bias, window_mask, embedding, split, slice_,
    take, box_decode, non_max_suppression, roi_align, dynamic_conv2d, deform_conv2d, lstm,
    pixel_shuffle, pixel_unshuffle, roll, expand_batch, window_partition, window_merge, unfold,
    rms_norm, reduce, rnn, fold, flip, cumulative, top_k, gather, scatter, grid_sample,
)  # fmt: skip
_ALIKE: dict[Callable[[Draft], Proposal], str] = {
    plain: "relu relu6 sigmoid hard_sigmoid tanh silu hard_swish gelu",
    global_pool: "global_avg_pool global_max_pool",
    adaptive_pool2d: "adaptive_avg_pool2d adaptive_max_pool2d",
    recurrent: "gru",
    broadcast: "add multiply",
    sequence: "class_token position_embedding",
    _regions: "roi_pool",
    convolution_along(1): "conv1d",
    convolution_along(3): "conv3d",
    max_pool_along(1): "max_pool1d",
    max_pool_along(3): "max_pool3d",
    avg_pool_along(1): "avg_pool1d",
    avg_pool_along(3): "avg_pool3d",
    adaptive_pool_along(1): "adaptive_avg_pool1d adaptive_max_pool1d",
    adaptive_pool_along(3): "adaptive_avg_pool3d adaptive_max_pool3d",
}
FIELDS: dict[str, Callable[[Draft], Proposal]] = {
    **{function.__name__.rstrip("_"): function for function in _OWN},
    **{kind: function for function, kinds in _ALIKE.items() for kind in kinds.split()},
}
"""How each kind is drawn."""
