"""Matrix products of activations, and attention made of them.

Sequences are [..., length, features]; axes in front (windows, frames) multiply the work, and an
axis of size 1 there meets any size. Scores that a mask or `causal` makes zero are counted in full,
as torch's counters do. Ignored here: tensors inside attention, as in a fused kernel (projections
and scores are neither read nor written; separate `linear`, `matmul` and `softmax` layers count
them), and dropout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from mnet_cost.layers.activation import SOFTMAX_OPS
from mnet_cost.layers.base import AttentionSizes, Effort, Layer, Makes, Reads, Work
from mnet_cost.layers.fields import Flag, Whole, spec_field
from mnet_cost.layers.gradient import GradInput, MemoryFormat, Saved
from mnet_cost.tensors import Check, RuleViolation, Size, TensorType, largest, product

_PER_SCORE = 1 + SOFTMAX_OPS  # scaling, then softmax
_HEADS = "parts of the features with scores of their own"
_KV_HEADS = "heads of keys and values, each for as many heads of queries; by default one for each"
_BIAS_HINT = (
    "the last input is added to the scores, [..., heads, queries, keys]: its axes, from the last "
    "one on, are equal to theirs or 1"
)
_CAUSAL = "query i sees keys 0 to i alone"


def _leading(check: Check, *inputs: TensorType) -> tuple[Size, ...]:
    """Sizes of the axes in front of the last two: equal, or 1 where another input is larger."""
    rank = len(inputs[0].shape)
    if rank < 2 or any(len(x.shape) != rank for x in inputs):
        raise RuleViolation("needs matrices with equally many axes")
    return _meeting(check, [x.shape[:-2] for x in inputs])


def _meeting(check: Check, leading: Sequence[tuple[Size, ...]]) -> tuple[Size, ...]:
    """The sizes of equally many axes that meet: equal, or 1 where another is larger."""
    shape = leading[0]
    for other in leading[1:]:
        for a, b in zip(shape, other, strict=True):
            check((a == b) | (a == 1) | (b == 1), "needs equal axes in front of the last two")
        shape = tuple(largest(a, b) for a, b in zip(shape, other, strict=True))
    return shape


def _check_heads(check: Check, features: Size, heads: Size) -> None:
    check(features % heads == 0, "{} features do not divide into {} heads", features, heads)


def _check_kv_heads(check: Check, heads: Size, kv_heads: Size) -> None:
    check(heads % kv_heads == 0, "{} kv_heads do not divide {} heads", kv_heads, heads)


def _check_score_bias(check: Check, bias: TensorType, scores: tuple[Size, ...]) -> None:
    """Whether `bias` can be added to scores of that shape: it is broadcast as in torch, axes from
    the last one on are equal or 1. It adds no axis, and makes none larger."""
    size = ", ".join(["{}"] * len(scores))
    message = f"the score bias does not fit the scores, [{size}] (heads, queries, keys last)"
    check(len(bias.shape) <= len(scores), message, *scores)
    for wanted, had in zip(reversed(scores), reversed(bias.shape), strict=False):
        check((had == wanted) | (had == 1), message, *scores)


def _saved_bias(bias: GradInput, scores: tuple[int, ...], causal: bool) -> tuple[bool, int]:
    """What torch's fused kernel saves of a bias: (itself, elements of a copy).

    A copy is made where `causal` is added to it, and where it meets more matrices than it has.
    """
    shape = (1,) * (len(scores) - len(bias.type.shape)) + bias.type.shape
    rows = scores[-2:] if causal else shape[-2:]
    copied = int(product(scores[:-3]) * shape[-3] * product(rows))
    itself = not causal and copied == bias.type.elements
    return itself, 0 if itself else copied


@dataclass(frozen=True, slots=True, kw_only=True)
class MatMul(Layer):
    """Matrix product of two tensors.

    Shapes      [..., M, K] and [..., K, N] -> [..., M, N]; the second is [..., N, K] with
                transpose_second; axes in front equal, or 1 where the other is larger, and one that
                is not there counts as 1
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
        if min(len(first.shape), len(second.shape)) < 2:
            raise RuleViolation("needs matrices: `reshape` makes a row or a column of a vector")
        axes = max(len(first.shape), len(second.shape))
        ahead = [(1,) * (axes - len(x.shape)) + x.shape[:-2] for x in inputs]
        leading = _meeting(check, ahead)
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
    """Means of values, weighted by how queries match keys: softmax(Q K^T / sqrt(d) + bias) V.

    Shapes      query [..., L, F], key [..., S, F] and value [..., S, V] -> [..., L, V];
                axes in front equal, or 1 where another is larger; heads share F and V. A fourth
                input, a mask or a bias, is added to the scores [..., heads, L, S]: its axes, from
                the last one on, are equal to theirs or 1. With kv_heads, key and value have
                kv_heads / heads as many features
    Mult-adds   L * S * F + L * S * V for each position in front, whatever the heads; V is that of
                the output. Scores that a mask or causal hides count like all others
    Weights     0
    Params      0
    Vector ops  6 for each of heads * L * S scores: scaling, and the five of softmax; 7 with a bias
    Bytes       reads all inputs, writes the output; scores stay inside
    Source      arXiv:1706.03762, equation 1; PyTorch documentation of
                scaled_dot_product_attention
    """

    kind: ClassVar[str] = "scaled_dot_product_attention"
    reads: ClassVar[Reads] = "sequence"
    makes: ClassVar[Makes] = "sequence"
    effort: ClassVar[Effort] = "matmul"
    memory_format: ClassVar[MemoryFormat] = "contiguous"
    arity: ClassVar[tuple[int, int | None]] = (3, 4)

    heads: Size = spec_field(Whole(), _HEADS, default=1)
    kv_heads: Size | None = spec_field(Whole(), _KV_HEADS, default=None)
    causal: bool = spec_field(Flag(), _CAUSAL, default=False)

    def laid_out_inputs(self, count: int) -> int:
        return min(count, 3)

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        query, key, value = inputs[:3]
        leading = _leading(check, query, key, value)
        features, known, values = query.shape[-1], key.shape[-1], value.shape[-1]
        if self.kv_heads is None:
            check(
                features == known,
                "needs as many features in query and key, not {} and {}",
                features,
                known,
            )
        keys, given = key.shape[-2], value.shape[-2]
        check(keys == given, "needs a value for each key, not {} for {}", given, keys)
        _check_heads(check, features, self.heads)
        if self.kv_heads is None:
            _check_heads(check, values, self.heads)
        else:
            _check_kv_heads(check, self.heads, self.kv_heads)
            wanted = features // self.heads * self.kv_heads
            message = "needs {} features in the key, as many in each of {} kv_heads as in each of "
            message += "{} heads of the query, not {}"
            check(known == wanted, message, wanted, self.kv_heads, self.heads, known)
            message = "{} features of the value do not divide into {} kv_heads"
            check(values % self.kv_heads == 0, message, values, self.kv_heads)
            values = values // self.kv_heads * self.heads
        length = query.shape[-2]
        if len(inputs) == 4:
            _check_score_bias(check, inputs[3], (*leading, self.heads, length, keys))
        return TensorType((*leading, length, values))

    def shape_hint(self, inputs: tuple[TensorType, ...]) -> str | None:
        return _BIAS_HINT if len(inputs) == 4 else None

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        query, key = inputs[:2]
        outputs, keys = output.elements, key.shape[-2]
        pairs = product(output.shape[:-1]) * keys
        return Work(
            mult_adds=pairs * query.shape[-1] + outputs * keys,
            vector_ops=(_PER_SCORE + (len(inputs) == 4)) * self.heads * pairs,
            input_elements=sum([x.elements for x in inputs]),
            output_elements=outputs,
        )

    def attention(self, inputs: tuple[TensorType, ...], output: TensorType) -> AttentionSizes:
        query, key, value = inputs[:3]
        return AttentionSizes(
            sequences=query.elements + key.elements + value.elements + output.elements,
            scores=self.heads * product(output.shape[:-1]) * key.shape[-2],
            read_again=0,
            projections=0,
        )

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        query, key, value = (x.type for x in inputs[:3])
        bias = inputs[3] if len(inputs) == 4 else None
        leading, length, keys = output.shape[:-2], query.shape[-2], key.shape[-2]
        positions = product(leading)
        if query.shape[-1] == output.shape[-1] and not (bias and bias.needs_gradient):
            # Fused: a number for each row of scores; what meets more matrices than it has is saved
            # as the copy that torch makes for each of them.
            saved, copies = [], 0
            for number, x in enumerate((query, key, value)):
                copied = positions * x.shape[-2] * x.shape[-1]
                if copied == x.elements:
                    saved.append(number)
                else:
                    copies += copied
            if bias is not None:
                scores_shape = (*leading, self.heads, length, keys)
                itself, copied = _saved_bias(bias, scores_shape, self.causal)
                saved.extend([3] * itself)
                copies += copied
            rows = positions * self.heads * length
            return Saved(inputs=tuple(saved), elements=copies, output=True, statistics=rows)
        # Step by step, for each head: the scores, and what the gradients of others are made of:
        # query and key with the scaling in them, and values as matrices.
        query_needs, key_needs = inputs[0].needs_gradient, inputs[1].needs_gradient
        scaled = positions * (length * key_needs + keys * query_needs) * query.shape[-1]
        elements = scaled + positions * self.heads * length * keys
        values = positions * keys * output.shape[-1]
        if not (query_needs or key_needs or (bias and bias.needs_gradient)):
            return Saved(elements=elements)
        if self.heads == 1 and values == value.elements:
            return Saved(inputs=(2,), elements=elements)
        return Saved(elements=elements + values)

    def backward_mult_adds(
        self, inputs: tuple[GradInput, ...], output: TensorType
    ) -> tuple[int, int]:
        query, key, value = inputs[:3]
        pairs = product(output.shape[:-1]) * key.type.shape[-2]
        matching, mixing = pairs * query.type.shape[-1], pairs * output.shape[-1]
        scores_need = any(x.needs_gradient for x in (query, key, *inputs[3:]))
        return (
            matching * (query.needs_gradient + key.needs_gradient)
            + mixing * (scores_need + value.needs_gradient),
            0,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention(Layer):
    """Multi-head attention with its four projections: of a sequence to itself or to a context.

    Shapes      query [..., L, C] -> [..., L, C]; with a second input, keys and values are made of
                the context [..., S, D], else of the query (S = L, D = C). With score_bias the last
                input, a mask or a bias, is added to the scores [..., heads, L, S]: its axes, from
                the last one on, are equal to theirs or 1
    Mult-adds   projections L * C * F + 2 * S * D * E + L * F * C, products 2 * L * S * F,
                for each position in front; F is features, E = F, or F / heads * kv_heads. Scores
                that a mask or causal hides count like all others
    Weights     2 * C * F + 2 * D * E: the kernels of the projections
    Params      weights (+ F + 2 * E + C with bias); 4 * C^2 + 4 * C if C = D = F = E
    Vector ops  6 for each of heads * L * S scores: scaling, and the five of softmax; 7 with
                score_bias; with bias one per element of query, keys, values and output
    Bytes       reads the inputs and the params, writes the output; projections and scores stay
                inside
    Source      arXiv:1706.03762, section 3.2.2; PyTorch documentation of MultiheadAttention,
                which has F = C; arXiv:2305.13245 for kv_heads
    """

    kind: ClassVar[str] = "attention"
    reads: ClassVar[Reads] = "sequence"
    makes: ClassVar[Makes] = "sequence"
    effort: ClassVar[Effort] = "matmul"
    memory_format: ClassVar[MemoryFormat] = "contiguous"
    width_field: ClassVar[str | None] = "features"
    arity: ClassVar[tuple[int, int | None]] = (1, 3)

    heads: Size = spec_field(Whole(), _HEADS)
    features: Size | None = spec_field(
        Whole(), "of the query in all heads; by default those that it has", default=None
    )
    bias: bool = spec_field(Flag(), "add a trained constant in each projection", default=True)
    kv_heads: Size | None = spec_field(Whole(), _KV_HEADS, default=None)
    causal: bool = spec_field(Flag(), _CAUSAL, default=False)
    score_bias: bool = spec_field(Flag(), "add the last input to the scores", default=False)

    def laid_out_inputs(self, count: int) -> int:
        return count - self.score_bias

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        sequences = inputs[: self.laid_out_inputs(len(inputs))]
        if not sequences:
            raise RuleViolation("needs a sequence in front of the score bias")
        if len(sequences) > 2:
            raise RuleViolation("needs `score_bias: true` to add its third input to the scores")
        query, context = sequences[0], sequences[-1]
        leading = _leading(check, *sequences)
        _check_heads(check, self._features(query), self.heads)
        if self.kv_heads is not None:
            _check_kv_heads(check, self.heads, self.kv_heads)
        if self.score_bias:
            scores = (*leading, self.heads, query.shape[-2], context.shape[-2])
            _check_score_bias(check, inputs[-1], scores)
        return TensorType((*leading, *query.shape[-2:]))

    def shape_hint(self, inputs: tuple[TensorType, ...]) -> str | None:
        return _BIAS_HINT if self.score_bias and len(inputs) > 1 else None

    def context_place(self, count: int) -> int:
        """Which of `count` inputs keys and values are made of."""
        return self.laid_out_inputs(count) - 1

    def _features(self, query: TensorType) -> Size:
        return query.shape[-1] if self.features is None else self.features

    def _kv_features(self, query: TensorType) -> Size:
        """Features of keys, and of values."""
        features = self._features(query)
        return features if self.kv_heads is None else features // self.heads * self.kv_heads

    def needs(self, inputs: tuple[TensorType, ...]) -> tuple[object, ...]:
        return (inputs[0].shape[-1], inputs[self.context_place(len(inputs))].shape[-1])

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        query, context = inputs[0], inputs[self.context_place(len(inputs))]
        features, kv_features = self._features(query), self._kv_features(query)
        outputs = output.elements
        positions, context_positions = product(query.shape[:-1]), product(context.shape[:-1])
        pairs = product(output.shape[:-1]) * context.shape[-2]
        of_query, of_context = query.elements + outputs, 2 * context.elements
        added = positions * features + 2 * context_positions * kv_features + outputs
        weights = 2 * query.shape[-1] * features + 2 * context.shape[-1] * kv_features
        biases = features + 2 * kv_features + query.shape[-1]
        per_score = _PER_SCORE + self.score_bias
        return Work(
            mult_adds=of_query * features + of_context * kv_features + 2 * pairs * features,
            vector_ops=per_score * self.heads * pairs + (added if self.bias else 0),
            weights=weights,
            params=weights + biases if self.bias else weights,
            input_elements=sum([x.elements for x in inputs]),
            output_elements=outputs,
        )

    def attention(self, inputs: tuple[TensorType, ...], output: TensorType) -> AttentionSizes:
        place = self.context_place(len(inputs))
        query, context = inputs[0], inputs[place]
        positions = product(output.shape[:-1])
        keys = product(context.shape[:-1]) * self._kv_features(query)
        return AttentionSizes(
            sequences=2 * positions * self._features(query) + 2 * keys,
            scores=self.heads * positions * context.shape[-2],
            read_again=(1 if place else 2) * context.elements,
            projections=4,
        )

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        place = self.context_place(len(inputs))
        query, context = inputs[0], inputs[place]
        features, kv_features = self._features(query.type), self._kv_features(query.type)
        leading, length, keys = output.shape[:-2], query.type.shape[-2], context.type.shape[-2]
        positions = product(leading)
        # The input of each projection, or a contiguous copy of a permuted one.
        saved, elements = [], 0
        for number, projections in ((0, 1), (place, 2)):
            x = inputs[number]
            if x.permuted:
                elements += projections * x.type.elements
            else:
                saved.append(number)
        rows = positions * self.heads * length
        if self.score_bias and inputs[-1].needs_gradient:
            # Step by step: keys and values for each head of queries, and the scores.
            elements += 2 * features * positions * (length + keys) + rows * keys
            return Saved(inputs=tuple(saved), elements=elements)
        # Query, keys, values, and what is mixed.
        elements += 2 * positions * (features * length + kv_features * keys)
        if self.score_bias:
            scores_shape = (*leading, self.heads, length, keys)
            itself, copied = _saved_bias(inputs[-1], scores_shape, self.causal)
            saved.extend([len(inputs) - 1] * itself)
            elements += copied
        return Saved(inputs=tuple(saved), elements=elements, statistics=rows)

    def backward_mult_adds(
        self, inputs: tuple[GradInput, ...], output: TensorType
    ) -> tuple[int, int]:
        place = self.context_place(len(inputs))
        query, context = inputs[0].type, inputs[place].type
        features, pairs = self._features(query), product(output.shape[:-1]) * context.shape[-2]
        of_query = query.elements * features
        of_context = 2 * context.elements * self._kv_features(query)
        of_output = output.elements * features
        return (
            4 * pairs * features
            + of_output
            + of_query * inputs[0].needs_gradient
            + of_context * inputs[place].needs_gradient,
            of_query + of_context + of_output,
        )
