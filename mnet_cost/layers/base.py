"""What every layer kind has: a shape rule, a work rule, and rules of its memory.

A layer kind is one frozen dataclass derived from `Layer`. Its fields (see `fields.py`) are its
YAML schema; its docstring gives shapes, MAC rule, parameters, vector operations and source.
Work is counted per example of the batch. Rules of shape and work take numbers, arrays and traced
numbers; rules of training (words in `gradient.py`) take plain numbers. Ignored here: precision
(elements, not bytes) and what a runtime fuses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

from mnet_cost.layers.axes import channel_axis, joint_layout, named_layout
from mnet_cost.layers.gradient import GradInput, MemoryFormat, Saved, Saves
from mnet_cost.tensors import Check, Layout, RuleViolation, Size, TensorType, agreed, are_equal

Effect = Literal["compute", "elementwise", "view"]
"""compute: makes a new tensor. elementwise: one output per input element, so it can be written
over its input and fused into the layer before. view: another name for the same memory, no work."""


Effort = Literal[
    "convolution", "linear", "matmul", "pooling", "arithmetic", "curve", "move", "permute", "lrn",
    "resize",
]  # fmt: skip
"""What a layer spends its time on. arithmetic: a few additions, products and comparisons for each
element. curve: an exponential, a root or a quotient for each element. lrn: local response norms,
which have a power and a window. resize: means of neighbours. move: elements are
only copied to another place, many neighbours at once. permute: the same one by one, or a few at
once, since neighbours part."""


Reads = Literal[
    "anything", "axis", "channels", "spatial", "image", "sequence", "signal", "volume", "features"
]
"""What the axes of the inputs have to be. axis: the kind has a field `axis`, whose default depends
on whether they are an image. spatial: an image, unless they are known to be a signal or a volume.
channels: the same, but the layer does not prove that they are one. image, sequence, signal, volume:
the layer proves what they are. features: the last axis, whatever is before it."""

Makes = Literal["same", "image", "sequence", "signal", "volume", "anything"]
"""What the axes of the output are. same: what those of the inputs are."""


class Work(NamedTuple):
    """What one layer does for one example of the batch. Exact counts, which can be added.

    mult_adds        multiplications with accumulation in convolutions and matrix products
    vector_ops       every other arithmetic operation (bias, norm, activation, pooling, add)
    weights          elements of kernels of convolutions and linear layers
    params           all trained elements: weights, biases, scales and shifts
    buffers          stored but not trained: running statistics, constant kernels
    input_elements   activations read
    output_elements  activations written
    """

    mult_adds: Size = 0
    vector_ops: Size = 0
    weights: Size = 0
    params: Size = 0
    buffers: Size = 0
    input_elements: Size = 0
    output_elements: Size = 0

    def __add__(self, other: Work) -> Work:  # type: ignore[override]
        return Work(*(a + b for a, b in zip(self, other, strict=True)))


class AttentionSizes(NamedTuple):
    """Elements of the tensors inside attention, of one example, which a fused kernel does not read
    or write."""

    sequences: Size
    """Of queries, keys, values and the means of values, in all heads."""
    scores: Size
    read_again: Size
    """Of inputs, as often as another projection reads them than the first one."""
    projections: int
    """Products with weights that make queries, keys and values, and the output of the means."""


class Convolution(NamedTuple):
    """Sizes of a convolution, by which runtimes choose an algorithm; channels are of one group.

    A signal is an image of one row. Of a volume, kernel, stride and dilation have a depth in front.
    """

    groups: Size
    channels_in: Size
    channels_out: Size
    kernel: tuple[Size, ...]
    stride: tuple[Size, ...]
    dilation: tuple[Size, ...]
    rows: Size
    """Of the output."""
    columns: Size
    images: Size
    """Images in one example: the product of the axes in front of the channels."""
    depth: Size = 1
    """Of the output, if it is a volume."""

    @property
    def is_depthwise(self) -> bool:
        return agreed(self.groups > 1) and agreed(self.channels_in == 1)

    @property
    def is_pointwise(self) -> bool:
        """Whether its kernel is 1x1."""
        return are_equal(self.kernel, (1,) * len(self.kernel))

    @property
    def outputs(self) -> tuple[Size, ...]:
        """The size of the output along each axis of the kernel."""
        return (self.depth, self.rows, self.columns)[-len(self.kernel) :]

    @property
    def positions(self) -> Size:
        return self.images * self.depth * self.rows * self.columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Base of the layer kinds: their common interface, and defaults for most of them.

    A kind without fields of its own is a plain subclass with `__slots__ = ()`: it inherits what
    `dataclass` writes, and saves the millisecond that each such class costs at import.
    """

    kind: ClassVar[str]
    arity: ClassVar[tuple[int, int | None]] = (1, 1)
    """Least and most inputs; None is any number."""
    effect: ClassVar[Effect] = "compute"
    effort: ClassVar[Effort] = "move"
    is_clamp: ClassVar[bool] = False
    """Whether it only bounds its input, as relu does: runtimes do that when they write a result."""
    is_cheap: ClassVar[bool] = False
    """Whether it is a clamp or a function that some runtimes calculate when they write the result
    of a product, too: a sigmoid, or what is made of clamps."""
    is_foldable: ClassVar[bool] = False
    """Whether it is a scale and a shift of each channel, known before inference: they can become
    part of the weights before them."""
    is_sum: ClassVar[bool] = False
    """Whether it adds its inputs: an accumulator can start with one of them."""
    keeps_rows: ClassVar[bool] = False
    """Of an effort to permute, where channels come first: whether elements that are neighbours in
    a row stay neighbours, or the layer only transposes a matrix."""
    built_otherwise: ClassVar[bool] = False
    """Whether a built module does it in another way than runtimes do, which have an operator of
    their own for it: what the module takes says nothing of them."""
    is_stored: ClassVar[bool] = False
    """Whether it is a stored tensor by itself, trained or constant, and so has no inputs."""
    is_known: ClassVar[bool] = True
    """Whether a runtime can calculate it beforehand where all of its inputs are stored."""
    states_work: ClassVar[bool] = False
    """Whether its work is what the spec says, and no rule counts it."""
    reads_params: ClassVar[bool] = True
    """Whether all params are read each time; else `Work.input_elements` has those that are."""
    buffers_are_weights: ClassVar[bool] = False
    """Whether its buffers are constants: stored with the weights, and read as they are."""
    takes_weights: ClassVar[bool] = False
    """Whether `weights_of` can give it the matrix of another layer."""
    saves: ClassVar[Saves] = "nothing"
    """What autograd saves; `saved_tensors` says it where a word does not."""
    memory_format: ClassVar[MemoryFormat] = "preserved"
    reads: ClassVar[Reads] = "anything"
    makes: ClassVar[Makes] = "anything"
    width_field: ClassVar[str | None] = None
    """The field that says how wide the layer is: how many channels or features it makes, or works
    with inside. None where that follows from its inputs."""
    sizes_field: ClassVar[str | None] = None
    """The field that lists sizes, which have to follow where widths around the layer change."""
    differentiable: ClassVar[bool] = True
    """Whether a gradient passes from the output to the inputs. If not, the inputs are treated like
    outputs of the network in training: they have a loss."""

    def variety(self) -> str:
        """The kind, with the kernel where costs differ by it: `conv2d 1x1`."""
        return self.kind

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        """Type of the output, or of the first of several.

        Calls `check` with what must hold of the sizes, and raises `RuleViolation` where the number
        of axes is wrong.
        """
        raise NotImplementedError

    def infer_all(self, check: Check, *inputs: TensorType) -> tuple[TensorType, ...]:
        """Types of all outputs. A kind with several outputs overrides it."""
        return (self.infer(check, *inputs),)

    def layout(self, inputs: tuple[TensorType, ...]) -> Layout | None:
        """What the axes of the output are; None where nothing states it, or below three axes."""
        if self.makes == "same":
            return named_layout(getattr(self, "axis", None), joint_layout(inputs))
        if self.makes == "image" and self.reads in ("channels", "spatial"):
            known = joint_layout(inputs)
            return known if known == "signal" or known == "volume" else "image"
        return None if self.makes == "anything" else self.makes

    def laid_out_inputs(self, count: int) -> int:
        """How many of `count` inputs, the first ones, are what `reads` says: all but a table."""
        return count

    def guesses_axis(self) -> bool:
        """Whether it works along an axis that its fields do not name."""
        return self.reads == "axis" and getattr(self, "axis", None) is None

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work | None:
        """Work for one example of the batch, for types that `infer` accepted; None where unknown.

        `output` is the type of the first output; a rule knows the others from the inputs.
        """
        raise NotImplementedError

    def needs(self, inputs: tuple[TensorType, ...]) -> tuple[object, ...] | None:
        """What decides the shapes of its stored tensors besides the fields; None where it has none.

        Sizes of the inputs, and the axis along which the tensors lie. `use` can share the tensors
        where these are equal. A layer without stored tensors can be used on any input.
        """
        return None

    @property
    def no_matrix(self) -> str:
        """Why `matrix` is None, where that is not plain to see."""
        return ""

    def matrix(self, inputs: tuple[TensorType, ...]) -> tuple[Size, Size] | None:
        """(rows, columns) of its trained matrix, in the order of torch; None where it has none that
        a layer of another kind could use."""
        return None

    def following(self, before: tuple[TensorType, ...], after: tuple[TensorType, ...]) -> Layer:
        """The layer for the inputs `after`, where its fields were written for those `before`.

        Fields that repeat a size of the inputs change with it; all others stay.
        """
        return self

    def shape_hint(self, inputs: tuple[TensorType, ...]) -> str | None:
        """A hint how to make inputs fit that `infer` refuses; None where there is none."""
        return None

    def convolution(self, inputs: tuple[TensorType, ...], output: TensorType) -> Convolution | None:
        """Its sizes if it is a convolution, else None."""
        return None

    def attention(
        self, inputs: tuple[TensorType, ...], output: TensorType
    ) -> AttentionSizes | None:
        """Its sizes if it is attention, else None."""
        return None

    def moves_around(self, inputs: tuple[TensorType, ...]) -> int:
        """How many times runtimes without an operator of this kind, or for its axis, put all
        elements elsewhere for it; each is a kernel."""
        return 0

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved | None:
        """What autograd saves where the output needs a gradient; None where that is unknown."""
        if self.saves == "inputs":
            return Saved(inputs=tuple(range(len(inputs))))
        return Saved(output=self.saves == "output")

    def passes_gradient(self, position: int) -> bool:
        """Whether the gradient of the output reaches the input at that position."""
        return True

    @classmethod
    def has_precision(cls) -> bool:
        """Whether its output has a precision of its own: a view has that of its input."""
        return cls.effect != "view" or cls.is_stored

    def is_view_in_training(self, inputs: tuple[GradInput, ...]) -> bool:
        """Whether the output is the memory of the first input while training in torch."""
        return self.memory_format == "permuted" or self.effect == "view"

    def memory_in_training(self, inputs: tuple[TensorType, ...], output: TensorType) -> int:
        """Elements, for each example, of the memory that holds an output while training in torch:
        more than its own where the output is a view of a larger tensor that the layer makes."""
        return int(output.elements)

    def is_permuted(self, inputs: tuple[GradInput, ...]) -> bool:
        """Whether the axes of the output are in another order than its memory."""
        permuted = any(x.permuted for x in inputs)
        return {
            "preserved": permuted,
            "permuted": not permuted,
            "contiguous": False,
            "batched": permuted and self._is_single(inputs[0]),
        }[self.memory_format]

    def makes_contiguous(self, x: GradInput) -> bool:
        """Whether torch copies an input row by row, and saves the copy instead of it."""
        return self.memory_format == "batched" and x.permuted and not self._is_single(x)

    def own_axes(self, x: TensorType) -> int:
        """How many axes, the last ones, are an image, signal or volume; torch joins those in front
        with the batch."""
        if self.reads in ("channels", "spatial"):
            return -channel_axis(x) if x.layout in ("signal", "volume") else 3
        return _OWN_AXES.get(self.reads, 3)

    def _is_single(self, x: GradInput) -> bool:
        return len(x.type.shape) == self.own_axes(x.type)

    def is_strided(self, inputs: tuple[GradInput, ...]) -> bool:
        """Whether the output is a view of parts of the rows of its memory."""
        return self.effect == "view" and any(x.strided for x in inputs)

    def backward_mult_adds(
        self, inputs: tuple[GradInput, ...], output: TensorType
    ) -> tuple[int, int]:
        """(mult-adds of the gradients of the inputs, of those of the weights), for one example.

        By default each is as many as forward, where that gradient is needed, else 0.
        """
        work = self.work(tuple(x.type for x in inputs), output) or Work()
        needed = any(x.needs_gradient for x in inputs)
        return work.mult_adds * needed, work.mult_adds * bool(work.weights and work.params)

    def stored_with_weights(self, work: Work) -> Size:
        """Elements that are stored as weights: all params, and buffers that are constants."""
        return work.params + work.buffers if self.buffers_are_weights else work.params


_OWN_AXES = {"signal": 2, "volume": 4}


def channel_sizes(x: TensorType, kind: str) -> tuple[Size, ...]:
    """Sizes of an image, or of a signal or a volume where x is known to be one: channels first.

    Raises `RuleViolation` for other tensors.
    """
    if x.layout == "signal" or x.layout == "volume":
        return x.shape[channel_axis(x) :]
    return image_sizes(x, kind)


def image_sizes(x: TensorType, kind: str) -> tuple[Size, Size, Size]:
    """(channels, height, width) of an image, or `RuleViolation` for other tensors."""
    if len(x.shape) < 3:
        raise RuleViolation(f"`{kind}` needs an image [channels, height, width]")
    return x.shape[-3:]  # type: ignore[return-value]


def sequence_sizes(x: TensorType, kind: str) -> tuple[Size, Size]:
    """(length, features) of a sequence, or `RuleViolation` for a vector."""
    if len(x.shape) < 2:
        raise RuleViolation(f"`{kind}` needs a sequence [length, features]")
    return x.shape[-2:]  # type: ignore[return-value]


def kernel_variety(kind: str, kernel: Any) -> str:
    """`variety` of a kind with a kernel."""
    return f"{kind} {'x'.join(map(str, both(kernel)))}"


def both(value: Any) -> tuple[Any, Any]:
    """(height, width) of a field that holds one number or a pair."""
    return value if isinstance(value, tuple) else (value, value)


def on_each_axis(value: Any, axes: int) -> tuple[Any, ...]:
    """The numbers of a field that holds one for all of the `axes` that a window slides over, or one
    for each."""
    return value if isinstance(value, tuple) else (value,) * axes
