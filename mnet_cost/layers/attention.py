"""Matrix products of activations, and attention made of them.

Sequences are [..., length, features]; axes in front (windows, frames) multiply the work, and an
axis of size 1 there meets any size. Ignored here: tensors inside attention, as in a fused
kernel (projections and scores are neither read nor written; separate `linear`, `matmul` and
`softmax` layers count them), masks, and dropout.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mnet_cost.layers.activation import SOFTMAX_OPS
from mnet_cost.layers.base import Effort, Layer, Makes, Reads, Work
from mnet_cost.layers.fields import Flag, Whole, spec_field
from mnet_cost.layers.gradient import GradInput, MemoryFormat, Saved
from mnet_cost.tensors import Check, RuleViolation, Size, TensorType, largest, product

_PER_SCORE = 1 + SOFTMAX_OPS  # scaling, then softmax


def _leading(check: Check, *inputs: TensorType) -> tuple[Size, ...]:
    """Sizes of the axes in front of the last two: equal, or 1 where another input is larger."""
    rank = len(inputs[0].shape)
    if rank < 2 or any(len(x.shape) != rank for x in inputs):
        raise RuleViolation("needs matrices with equally many axes")
    shape = inputs[0].shape[:-2]
    for x in inputs[1:]:
        for a, b in zip(shape, x.shape[:-2], strict=True):
            check((a == b) | (a == 1) | (b == 1), "needs equal axes in front of the last two")
        shape = tuple(largest(a, b) for a, b in zip(shape, x.shape[:-2], strict=True))
    return shape


def _check_heads(check: Check, features: Size, heads: Size) -> None:
    check(features % heads == 0, "{} features do not divide into {} heads", features, heads)


@dataclass(frozen=True, slots=True, kw_only=True)
class MatMul(Layer):
    """Matrix product of two tensors.

    Shapes      [..., M, K] and [..., K, N] -> [..., M, N]; the second is [..., N, K] with
                transpose_second; axes in front equal, or 1 where the other is larger
    Mult-adds   M * K * N for each position in front
    Weights     0
    Params      0
    Vector ops  0
    Bytes       reads both inputs, writes the output
    Source      PyTorch documentation of matmul
    """

    kind: ClassVar[str] = "matmul"
    effort: ClassVar[Effort] = "matmul"
    memory_format: ClassVar[MemoryFormat] = "contiguous"
    arity: ClassVar[tuple[int, int | None]] = (2, 2)

    transpose_second: bool = spec_field(
        Flag(), "multiply with the second input's rows, not its columns", default=False
    )

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        first, second = inputs
        leading = _leading(check, first, second)
        rows, columns = second.shape[-2:]
        if self.transpose_second:
            rows, columns = columns, rows
        depth = first.shape[-1]
        check(depth == rows, "needs equal inner sizes, not {} and {}", depth, rows)
        return TensorType((*leading, first.shape[-2], columns))

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        first, second = inputs
        outputs = output.elements
        return Work(
            mult_adds=outputs * first.shape[-1],
            input_elements=first.elements + second.elements,
            output_elements=outputs,
        )

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        # Each factor is saved for the gradient of the other; one that meets more matrices than it
        # has is saved as the copy that torch makes for each of them.
        positions, saved, elements = product(output.shape[:-2]), [], 0
        for number, other in ((0, 1), (1, 0)):
            x = inputs[number].type
            copied = positions * (x.shape[-2] * x.shape[-1])
            if inputs[other].needs_gradient and copied == x.elements:
                saved.append(number)
            elif inputs[other].needs_gradient:
                elements += copied
        return Saved(inputs=tuple(saved), elements=elements)

    def backward_mult_adds(
        self, inputs: tuple[GradInput, ...], output: TensorType
    ) -> tuple[int, int]:
        first, second = inputs
        forward = output.elements * first.type.shape[-1]
        return forward * (first.needs_gradient + second.needs_gradient), 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaledDotProductAttention(Layer):
    """Means of values, weighted by how queries match keys: softmax(Q K^T / sqrt(d)) V.

    Shapes      query [..., L, F], key [..., S, F] and value [..., S, V] -> [..., L, V];
                axes in front equal, or 1 where another is larger; heads share F and V
    Mult-adds   L * S * F + L * S * V for each position in front, whatever the heads
    Weights     0
    Params      0
    Vector ops  6 for each of heads * L * S scores: scaling, and the five of softmax
    Bytes       reads query, key and value, writes the output; scores stay inside
    Source      arXiv:1706.03762, equation 1; PyTorch documentation of
                scaled_dot_product_attention
    """

    kind: ClassVar[str] = "scaled_dot_product_attention"
    reads: ClassVar[Reads] = "sequence"
    makes: ClassVar[Makes] = "sequence"
    effort: ClassVar[Effort] = "matmul"
    memory_format: ClassVar[MemoryFormat] = "contiguous"
    arity: ClassVar[tuple[int, int | None]] = (3, 3)

    heads: Size = spec_field(Whole(), "parts of the features with scores of their own", default=1)

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        query, key, value = inputs
        leading = _leading(check, query, key, value)
        features, known, values = query.shape[-1], key.shape[-1], value.shape[-1]
        check(
            features == known,
            "needs as many features in query and key, not {} and {}",
            features,
            known,
        )
        keys, given = key.shape[-2], value.shape[-2]
        check(keys == given, "needs a value for each key, not {} for {}", given, keys)
        _check_heads(check, features, self.heads)
        _check_heads(check, values, self.heads)
        return TensorType((*leading, query.shape[-2], values))

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        query, key, value = inputs
        outputs, keys = output.elements, key.shape[-2]
        pairs = product(output.shape[:-1]) * keys
        return Work(
            mult_adds=pairs * query.shape[-1] + outputs * keys,
            vector_ops=_PER_SCORE * self.heads * pairs,
            input_elements=query.elements + key.elements + value.elements,
            output_elements=outputs,
        )

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        query, key, value = (x.type for x in inputs)
        positions, length, keys = product(output.shape[:-2]), query.shape[-2], key.shape[-2]
        if query.shape[-1] == value.shape[-1]:
            # Fused: a number for each row of scores; what meets more matrices than it has is saved
            # as the copy that torch makes for each of them.
            saved, copies = [], 0
            for number, x in enumerate((query, key, value)):
                copied = positions * x.shape[-2] * x.shape[-1]
                if copied == x.elements:
                    saved.append(number)
                else:
                    copies += copied
            rows = positions * self.heads * length
            return Saved(inputs=tuple(saved), elements=copies, output=True, statistics=rows)
        # One by one: query and key with the scaling in them, scores, and values as matrices.
        scores = positions * self.heads * length * keys
        scaled = positions * (length + keys) * query.shape[-1]
        values = positions * keys * value.shape[-1]
        if self.heads == 1 and values == value.elements:
            return Saved(inputs=(2,), elements=scaled + scores)
        return Saved(elements=scaled + scores + values)

    def backward_mult_adds(
        self, inputs: tuple[GradInput, ...], output: TensorType
    ) -> tuple[int, int]:
        query, key, value = inputs
        pairs = product(output.shape[:-1]) * key.type.shape[-2]
        matching, mixing = pairs * query.type.shape[-1], pairs * output.shape[-1]
        scores_need = query.needs_gradient or key.needs_gradient
        return (
            matching * (query.needs_gradient + key.needs_gradient)
            + mixing * (scores_need + value.needs_gradient),
            0,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention(Layer):
    """Multi-head attention with its four projections: of a sequence to itself or to a context.

    Shapes      query [..., L, C] -> [..., L, C]; with a second input, keys and values are made of
                the context [..., S, D], else of the query (S = L, D = C)
    Mult-adds   projections L * C * F + 2 * S * D * F + L * F * C, products 2 * L * S * F,
                for each position in front; F is features
    Weights     2 * C * F + 2 * D * F: the kernels of the projections
    Params      weights (+ 3 * F + C with bias); 4 * C^2 + 4 * C if C = D = F
    Vector ops  6 for each of heads * L * S scores: scaling, and the five of softmax;
                with bias one per element of query, keys, values and output
    Bytes       reads the inputs and the params, writes the output; projections and scores stay
                inside
    Source      arXiv:1706.03762, section 3.2.2; PyTorch documentation of MultiheadAttention,
                which has F = C
    """

    kind: ClassVar[str] = "attention"
    reads: ClassVar[Reads] = "sequence"
    makes: ClassVar[Makes] = "sequence"
    effort: ClassVar[Effort] = "matmul"
    memory_format: ClassVar[MemoryFormat] = "contiguous"
    width_field: ClassVar[str | None] = "features"
    arity: ClassVar[tuple[int, int | None]] = (1, 2)

    heads: Size = spec_field(Whole(), "parts of the features with scores of their own")
    features: Size | None = spec_field(
        Whole(), "of query, keys and values in all heads; by default the query's", default=None
    )
    bias: bool = spec_field(Flag(), "add a trained constant in each projection", default=True)

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        query = inputs[0]
        leading = _leading(check, *inputs)
        _check_heads(check, self._features(query), self.heads)
        return TensorType((*leading, *query.shape[-2:]))

    def _features(self, query: TensorType) -> Size:
        return query.shape[-1] if self.features is None else self.features

    def needs(self, inputs: tuple[TensorType, ...]) -> tuple[object, ...]:
        return (inputs[0].shape[-1], inputs[-1].shape[-1])

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        query, context = inputs[0], inputs[-1]
        features, outputs = self._features(query), output.elements
        positions, context_positions = product(query.shape[:-1]), product(context.shape[:-1])
        pairs = product(output.shape[:-1]) * context.shape[-2]
        projected = query.elements + 2 * context.elements + outputs
        added = positions * features + 2 * context_positions * features + outputs
        weights = 2 * query.shape[-1] * features + 2 * context.shape[-1] * features
        biases = 3 * features + query.shape[-1]
        return Work(
            mult_adds=projected * features + 2 * pairs * features,
            vector_ops=_PER_SCORE * self.heads * pairs + (added if self.bias else 0),
            weights=weights,
            params=weights + biases if self.bias else weights,
            input_elements=sum(x.elements for x in inputs),
            output_elements=outputs,
        )

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        query, context = inputs[0], inputs[-1]
        features = self._features(query.type)
        positions = product(output.shape[:-1])
        keys = product(output.shape[:-2]) * context.type.shape[-2]
        # The input of each projection, or a contiguous copy of a permuted one; query, keys, values
        # and what is mixed.
        saved, elements = [], 2 * features * (positions + keys)
        for number, projections in ((0, 1), (len(inputs) - 1, 2)):
            x = inputs[number]
            if x.permuted:
                elements += projections * x.type.elements
            else:
                saved.append(number)
        rows = self.heads * positions
        return Saved(inputs=tuple(saved), elements=elements, statistics=rows)

    def backward_mult_adds(
        self, inputs: tuple[GradInput, ...], output: TensorType
    ) -> tuple[int, int]:
        query, context = inputs[0].type, inputs[-1].type
        features, pairs = self._features(query), product(output.shape[:-1]) * context.shape[-2]
        of_query, of_context = query.elements * features, 2 * context.elements * features
        of_output = output.elements * features
        return (
            4 * pairs * features
            + of_output
            + of_query * inputs[0].needs_gradient
            + of_context * inputs[-1].needs_gradient,
            of_query + of_context + of_output,
        )
