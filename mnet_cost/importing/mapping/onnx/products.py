"""Matrix products of ONNX."""

from __future__ import annotations

from collections.abc import Mapping

from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.elementwise import binary, scaled
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.movement import transpose
from mnet_cost.importing.mapping.onnx.reading import short
from mnet_cost.importing.mapping.products import linear, matmul
from mnet_cost.importing.mapping.values import Unmapped, Value


def gemm(b: Builder, call: Call) -> Value:
    """Gemm: alpha * A B + beta * C."""
    x, weight, bias = call.input(0), call.input(1), call.optional(2)
    alpha, beta = short(call.get("alpha", 1.0)), short(call.get("beta", 1.0))
    if x.rank != 2 or weight.rank != 2:
        raise Unmapped("has tensors that are no matrices")
    if call.get("transA", 0):
        x = transpose(b, x, (1, 0))
    trans = bool(call.get("transB", 0))
    if bias is not None and beta == 0:
        bias = None
    if weight.static:
        x = b.for_each(x)
    if weight.stored is not None and not x.static and (alpha, beta) == (1, 1):
        return linear(b, x, weight, bias, transposed=not trans)
    product = scaled(b, matmul(b, x, weight, transpose_second=trans), alpha)
    return product if bias is None else binary(b, product, scaled(b, bias, beta), "add")


def mat_mul(b: Builder, call: Call) -> Value:
    """MatMul: vectors are matrices of one row or one column."""
    return product(b, call.input(0), call.input(1))


def product(b: Builder, first: Value, second: Value) -> Value:
    """The matrix product of NumPy."""
    if first.rank == 0 or second.rank == 0:
        raise Unmapped("multiplies a number")
    rows, columns = first.rank == 1, second.rank == 1
    if rows:
        first = b.reshaped(first, (1, *first.shape))
    if columns:
        second = b.reshaped(second, (*second.shape, 1))
    made = matmul(b, first, second)
    shape = list(made.shape)
    if columns:
        del shape[-1]
    if rows:
        del shape[-1 if columns else -2]
    return b.reshaped(made, shape)


def einsum_rule(b: Builder, call: Call) -> Value:
    """Einsum."""
    from mnet_cost.importing.mapping.einsum import einsum

    return einsum(b, call.get("equation", ""), [x for x in call.inputs if x is not None])


RULES: Mapping[str, Rule] = {
    "Gemm": gemm,
    "MatMul": mat_mul,
    "Einsum": einsum_rule,
}
