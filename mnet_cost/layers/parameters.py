"""Trained tensors: added, multiplied, put in front, looked up, or used as they are.

None of them is a kernel of a convolution or a linear layer, so `weights` is 0. A trained tensor by
itself is no activation: it is in memory once, with the weights, and so is what is made of stored
tensors alone; kernels read them as they read weights. Ignored here: in the bytes of a layer (not of
a kernel) a stored tensor is an input of who reads it, for each example.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mnet_cost.layers.axes import named_axis
from mnet_cost.layers.base import Effect, Effort, Layer, Makes, Reads, Work, sequence_sizes
from mnet_cost.layers.fields import AXIS, Real, Sizes, Whole, spec_field
from mnet_cost.layers.gradient import GradInput, MemoryFormat, Saved, Saves
from mnet_cost.tensors import Check, Size, TensorType, product


class ClassToken(Layer):
    """A trained vector in front of a sequence.

    Shapes      [..., L, F] -> [..., L + 1, F]
    Mult-adds   0
    Weights     0
    Params      F
    Vector ops  0
    Bytes       reads the input and the params, writes the output: a copy
    Source      arXiv:2010.11929, section 3.1, equation 1
    """

    __slots__ = ()

    kind: ClassVar[str] = "class_token"
    reads: ClassVar[Reads] = "sequence"
    makes: ClassVar[Makes] = "sequence"
    memory_format: ClassVar[MemoryFormat] = "contiguous"

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        length, features = sequence_sizes(x, self.kind)
        return TensorType((*x.shape[:-2], length + 1, features))

    def needs(self, inputs: tuple[TensorType, ...]) -> tuple[object, ...]:
        return (inputs[0].shape[-1],)

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        (x,) = inputs
        return Work(params=x.shape[-1], input_elements=x.elements, output_elements=output.elements)


class PositionEmbedding(Layer):
    """A trained vector for each position of a sequence, added to what is there.

    Shapes      [..., L, F], unchanged
    Mult-adds   0
    Weights     0
    Params      L * F, shared by the axes in front
    Vector ops  1 per element: one addition
    Bytes       reads and writes each element, reads the params
    Source      arXiv:2010.11929, section 3.1, equation 1
    """

    __slots__ = ()

    kind: ClassVar[str] = "position_embedding"
    reads: ClassVar[Reads] = "sequence"
    makes: ClassVar[Makes] = "sequence"
    effort: ClassVar[Effort] = "arithmetic"
    effect: ClassVar[Effect] = "elementwise"

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        sequence_sizes(x, self.kind)
        return TensorType(x.shape)

    def needs(self, inputs: tuple[TensorType, ...]) -> tuple[object, ...]:
        return inputs[0].shape[-2:]

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        (x,) = inputs
        elements = x.elements
        return Work(
            vector_ops=elements,
            params=product(x.shape[-2:]),
            input_elements=elements,
            output_elements=elements,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale(Layer):
    """A trained factor for each channel.

    Shapes      any, unchanged; C is the size of the axis
    Mult-adds   0
    Weights     0
    Params      C
    Vector ops  1 per element: one multiplication
    Bytes       reads and writes each element, reads the params
    Source      arXiv:2103.17239, section 2 (LayerScale); arXiv:1506.04579, section 3.3, and
                arXiv:1512.02325, section 3.1 (the scale of conv4_3 in SSD)
    """

    kind: ClassVar[str] = "scale"
    reads: ClassVar[Reads] = "axis"
    makes: ClassVar[Makes] = "same"
    effort: ClassVar[Effort] = "arithmetic"
    is_foldable: ClassVar[bool] = True
    saves: ClassVar[Saves] = "inputs"
    effect: ClassVar[Effect] = "elementwise"

    axis: str | int | None = spec_field(
        AXIS, "the axis; by default channels of an image, else features", default=None
    )
    initial: float = spec_field(Real(), "the factors before training", default=1.0)

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        named_axis(x, self.axis, self.kind)
        return TensorType(x.shape)

    def needs(self, inputs: tuple[TensorType, ...]) -> tuple[object, ...]:
        axis = named_axis(inputs[0], self.axis, self.kind)
        return (inputs[0].shape[axis], axis)

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        (x,) = inputs
        elements = x.elements
        return Work(
            vector_ops=elements,
            params=x.shape[named_axis(x, self.axis, self.kind)],
            input_elements=elements,
            output_elements=elements,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter(Layer):
    """A trained tensor by itself, without an input: queries, tokens, tables.

    Shapes      nothing -> the stated shape
    Mult-adds   0
    Weights     0
    Params      the product of the shape, or `trained`: as many numbers are stored, and are repeated
                or cut to fill the shape, row by row
    Vector ops  0
    Bytes       reads the params; writes nothing: layers that read the tensor read it in place.
                It is a weight, not an activation, and so is what is made of stored tensors alone
    Source      PyTorch documentation of torch.nn.parameter.Parameter
    """

    kind: ClassVar[str] = "parameter"
    arity: ClassVar[tuple[int, int | None]] = (0, 0)
    sizes_field: ClassVar[str | None] = "shape"
    effect: ClassVar[Effect] = "view"
    is_stored: ClassVar[bool] = True

    shape: tuple[Size, ...] = spec_field(Sizes(), "shape of the tensor, without the batch")
    trained: Size | None = spec_field(
        Whole(), "how many numbers are trained; by default all", default=None
    )

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        return TensorType(self.shape)

    def needs(self, inputs: tuple[TensorType, ...]) -> tuple[object, ...]:
        return ()

    @property
    def no_matrix(self) -> str:
        return "" if self.trained is None else "its `trained` numbers are repeated or cut"

    def matrix(self, inputs: tuple[TensorType, ...]) -> tuple[Size, Size] | None:
        if len(self.shape) != 2 or self.trained is not None:
            return None  # fewer numbers than the shape has are no matrix
        return self.shape[0], self.shape[1]

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        return Work(params=output.elements if self.trained is None else self.trained)

    def is_view_in_training(self, inputs: tuple[GradInput, ...]) -> bool:
        return self.trained is None or self.trained >= product(self.shape)  # else it is repeated


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedding(Layer):
    """A trained vector for each token of a vocabulary, looked up by the token's number.

    Shapes      [..., L] of whole numbers -> [..., L, features]
    Mult-adds   0
    Weights     0
    Params      vocabulary * features
    Vector ops  0
    Bytes       reads each number and, for each, one row of `features` params; writes the output.
                Input elements are both: numbers + numbers * features
    Source      PyTorch documentation of Embedding
    """

    kind: ClassVar[str] = "embedding"
    makes: ClassVar[Makes] = "sequence"
    width_field: ClassVar[str | None] = "features"
    takes_weights: ClassVar[bool] = True
    reads_params: ClassVar[bool] = False

    vocabulary: Size = spec_field(Whole(), "number of tokens there are")
    features: Size = spec_field(Whole(), "size of each token's vector")

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        return TensorType((*x.shape, self.features))

    def needs(self, inputs: tuple[TensorType, ...]) -> tuple[object, ...]:
        return ()

    def matrix(self, inputs: tuple[TensorType, ...]) -> tuple[Size, Size]:
        return self.vocabulary, self.features

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        (x,) = inputs
        rows = output.elements
        return Work(
            params=self.vocabulary * self.features,
            input_elements=x.elements + rows,
            output_elements=rows,
        )

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        return Saved(index_inputs=(0,))
