"""The loop nests of a network: convolutions and matrix products, as simulators take them.

A layer is one nest or several: attention is four projections and two products. Mult-adds of the
nests are those of the layer, or the layer is not put into nests at all and named. Sizes are of one
example. Not here: layers without mult-adds, and what a format can say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from mnet_cost.analysis.work import count_work
from mnet_cost.layers import Layer
from mnet_cost.layers.attention import Attention, MatMul, ScaledDotProductAttention
from mnet_cost.layers.base import Convolution, both, on_each_axis
from mnet_cost.layers.conv import ConvTranspose2d, ends, is_same
from mnet_cost.layers.conv1d3d import Conv3d
from mnet_cost.layers.dynamic_conv import DeformConv2d, DynamicConv2d
from mnet_cost.layers.linear import Linear
from mnet_cost.layers.recurrent import Gru, Lstm, Rnn
from mnet_cost.network import Network, Step
from mnet_cost.tensors import DTYPES, TensorType, product


class Source(NamedTuple):
    """Where an operand is from: an input of the layer, or an earlier nest of the same layer."""

    number: int
    is_nest: bool = False


STORED = None
"""The source of an operand that is stored, or no result of a layer."""


class ConvolutionNest(NamedTuple):
    """A convolution of images; channels are those of one group."""

    part: str
    """Which part of its layer it is; empty where it is all of it."""
    data: Source | None
    kernel_source: Source | None
    sizes: Convolution
    image: tuple[int, int]
    """Height and width of the input."""
    before: tuple[int, int]
    """Rows of padding above and columns in front."""
    note: str = ""

    @property
    def mult_adds(self) -> int:
        """Of one example."""
        sizes = self.sizes
        outputs = sizes.images * sizes.groups * sizes.channels_out * sizes.rows * sizes.columns
        return int(outputs * sizes.channels_in * product(sizes.kernel))

    def as_product(self) -> ProductNest:
        """The same as a matrix product of the windows (im2col)."""
        sizes = self.sizes
        return ProductNest(
            self.part,
            self.data,
            self.kernel_source,
            sizes.images,
            sizes.groups,
            sizes.rows * sizes.columns,
            sizes.channels_in * product(sizes.kernel),
            sizes.channels_out,
            self.note,
        )


class ProductNest(NamedTuple):
    """Matrix products [rows, depth] x [depth, columns]."""

    part: str
    data: Source | None
    kernel_source: Source | None
    """Of the second factor; stored, or a result."""
    repeats: int
    """Products with the same second factor."""
    matrices: int
    """Products with second factors of their own."""
    rows: int
    depth: int
    columns: int
    note: str = ""

    @property
    def mult_adds(self) -> int:
        """Of one example."""
        return self.repeats * self.matrices * self.rows * self.depth * self.columns


Nest = ConvolutionNest | ProductNest


class LayerNests(NamedTuple):
    """A layer with mult-adds."""

    step: Step
    examples: int
    """Examples for which it runs: 1 where it is made of stored tensors alone."""
    mult_adds: int | None
    """Of one example, by our rules; None where no rule counts them."""
    nests: tuple[Nest, ...]
    """Empty where it cannot be put into nests."""


def nests_of(network: Network) -> tuple[tuple[LayerNests, ...], tuple[Step, ...]]:
    """(layers with mult-adds, all other steps), each in the order in which they run."""
    layers, others = [], []
    for cost in count_work(network, DTYPES["fp32"]):
        step = cost.step
        if cost.work is not None and not cost.work.mult_adds:
            others.append(step)
            continue
        nests: tuple[Nest, ...] = ()
        if cost.work is not None:
            inputs = tuple([network.tensors[index].type for index in step.inputs])
            nests = tuple(_nests(step.layer, inputs, cost.output))
            if sum(nest.mult_adds for nest in nests) != cost.work.mult_adds:
                nests = ()
        amount = None if cost.work is None else cost.work.mult_adds
        layers.append(LayerNests(step, network.batch_of(step), amount, nests))
    return tuple(layers), tuple(others)


def _nests(layer: Any, inputs: tuple[TensorType, ...], output: TensorType) -> Sequence[Nest]:
    for kind, rule in _RULES.items():
        if isinstance(layer, kind):
            return list(rule(layer, inputs, output))
    sizes = layer.convolution(inputs, output)
    return [] if sizes is None else [_convolution(layer, inputs, sizes)]


def _convolution(layer: Any, inputs: tuple[TensorType, ...], sizes: Convolution) -> ConvolutionNest:
    axes = layer.own_axes(inputs[0]) - 1
    image = (1,) * (2 - axes) + inputs[0].shape[-axes:]
    before = _before(layer.padding, image, sizes, axes)
    return ConvolutionNest("", Source(0), STORED, sizes, (image[0], image[1]), before)


def _before(padding: Any, image: tuple[int, ...], sizes: Convolution, axes: int) -> tuple[int, int]:
    """Rows above and columns in front; of `same` half of what is needed, as TensorFlow does."""
    if not is_same(padding):
        declared = [before for before, _ in ends(padding, axes)]
        top, left = [0] * (2 - axes) + declared
        return top, left
    needed = [
        max((count - 1) * step + dilation * (kernel - 1) + 1 - size, 0)
        for count, step, dilation, kernel, size in zip(
            (sizes.rows, sizes.columns), sizes.stride, sizes.dilation, sizes.kernel, image,
            strict=True,
        )
    ]  # fmt: skip
    return needed[0] // 2, needed[1] // 2


def _dynamic(layer: Any, inputs: tuple[TensorType, ...], output: TensorType) -> Iterator[Nest]:
    sizes = layer.convolution(inputs, output)
    yield _convolution(layer, inputs, sizes)._replace(kernel_source=Source(1))


def _deformed(layer: Any, inputs: tuple[TensorType, ...], output: TensorType) -> Iterator[Nest]:
    (channels_in, *_), (channels, rows, columns) = inputs[0].shape[-3:], output.shape[-3:]
    yield ProductNest(
        "",
        Source(0),
        STORED,
        product(output.shape[:-3]),
        layer.groups,
        rows * columns,
        channels_in // layer.groups * product(both(layer.kernel)),
        channels // layer.groups,
        "a deformable convolution as a product of sampled elements: where they lie is not said",
    )


def _volume(layer: Any, inputs: tuple[TensorType, ...], output: TensorType) -> Iterator[Nest]:
    sizes = layer.convolution(inputs, output)
    yield ProductNest(
        "",
        Source(0),
        STORED,
        sizes.images,
        sizes.groups,
        sizes.depth * sizes.rows * sizes.columns,
        sizes.channels_in * product(on_each_axis(layer.kernel, 3)),
        sizes.channels_out,
        "a convolution of a volume as a matrix product of its windows",
    )


def _transposed(layer: Any, inputs: tuple[TensorType, ...], output: TensorType) -> Iterator[Nest]:
    sizes = layer.convolution(inputs, output)
    yield ProductNest(
        "",
        Source(0),
        STORED,
        sizes.images,
        sizes.groups,
        sizes.rows * sizes.columns,
        sizes.channels_in,
        sizes.channels_out * product(sizes.kernel),
        "a transposed convolution as a matrix product at positions of its input: what adds up its "
        "windows is not said",
    )


def _linear(layer: Any, inputs: tuple[TensorType, ...], output: TensorType) -> Iterator[Nest]:
    rows = product(inputs[0].shape[:-1])
    yield ProductNest("", Source(0), STORED, 1, 1, rows, inputs[0].shape[-1], output.shape[-1])


def _matmul(layer: Any, inputs: tuple[TensorType, ...], output: TensorType) -> Iterator[Nest]:
    matrices = product(output.shape[:-2])
    rows, columns = output.shape[-2:]
    depth = inputs[0].shape[-1]
    yield ProductNest("", Source(0), Source(1), 1, matrices, rows, depth, columns)


def _attention_core(
    layer: Any,
    output: TensorType,
    keys: int,
    features: tuple[int, int],
    sources: tuple[Source, Source, Source],
    first: int,
) -> Iterator[Nest]:
    """Scores, then means of values; `first` is the number of the nest of scores."""
    matrices = product(output.shape[:-2]) * layer.heads
    length = output.shape[-2]
    queries, values = (each // layer.heads for each in features)
    query, key, value = sources
    note = "" if layer.kv_heads is None else "keys and values as if each head had its own"
    scores = Source(first, is_nest=True)
    yield ProductNest("scores", query, key, 1, matrices, length, queries, keys, note)
    yield ProductNest("values", scores, value, 1, matrices, length, keys, values, note)


def _scaled(layer: Any, inputs: tuple[TensorType, ...], output: TensorType) -> Iterator[Nest]:
    sources = (Source(0), Source(1), Source(2))
    features = (inputs[0].shape[-1], output.shape[-1])
    yield from _attention_core(layer, output, inputs[1].shape[-2], features, sources, 0)


def _attention(layer: Any, inputs: tuple[TensorType, ...], output: TensorType) -> Iterator[Nest]:
    place = layer.context_place(len(inputs))
    query, context = inputs[0], inputs[place]
    width = query.shape[-1]
    features = width if layer.features is None else layer.features
    kv_features = features if layer.kv_heads is None else features // layer.heads * layer.kv_heads
    rows, context_rows = product(query.shape[:-1]), product(context.shape[:-1])
    yield ProductNest("query", Source(0), STORED, 1, 1, rows, width, features)
    for part in ("key", "value"):
        yield ProductNest(part, Source(place), STORED, 1, 1, context_rows, context.shape[-1],
                          kv_features)  # fmt: skip
    projected = (Source(0, True), Source(1, True), Source(2, True))
    keys = context.shape[-2]
    yield from _attention_core(layer, output, keys, (features, features), projected, 3)
    mixed = product(output.shape[:-1])
    yield ProductNest("output", Source(4, True), STORED, 1, 1, mixed, features, width)


def _recurrent(layer: Any, inputs: tuple[TensorType, ...], output: TensorType) -> Iterator[Nest]:
    steps, seen = product(inputs[0].shape[:-1]), inputs[0].shape[-1]
    directions = 2 if layer.bidirectional else 1
    state = getattr(layer, "projection", None) or layer.features
    note = "a product for all steps: that they wait for each other is not said"
    data, number = Source(0), 0
    for level in range(1, layer.layers + 1):
        gates = layer.gates * layer.features
        yield ProductNest(f"inputs_{level}", data, STORED, 1, directions, steps, seen, gates, note)
        yield ProductNest(f"states_{level}", Source(number, True), STORED, 1, directions, steps,
                          state, gates, note)  # fmt: skip
        number += 2
        if getattr(layer, "projection", None):
            yield ProductNest(f"projection_{level}", Source(number - 1, True), STORED, 1,
                              directions, steps, layer.features, state, note)  # fmt: skip
            number += 1
        data, seen = Source(number - 1, True), directions * state


_Rule = Callable[[Any, tuple[TensorType, ...], TensorType], Iterator[Nest]]
_RULES: dict[type[Layer], _Rule] = {
    ConvTranspose2d: _transposed,
    Conv3d: _volume,
    DynamicConv2d: _dynamic,
    DeformConv2d: _deformed,
    Linear: _linear,
    MatMul: _matmul,
    ScaledDotProductAttention: _scaled,
    Attention: _attention,
    Lstm: _recurrent,
    Gru: _recurrent,
    Rnn: _recurrent,
}
"""Kinds that are not one convolution of images; of those there are the sizes that runtimes see."""
