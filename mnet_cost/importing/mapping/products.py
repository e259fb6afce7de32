"""Products with matrices: stored ones (`linear`), and those of two tensors (`matmul`)."""

from __future__ import annotations

from collections.abc import Sequence

from mnet_cost.importing.graph import Batch
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.owners import is_trained
from mnet_cost.importing.mapping.values import ALONE, Dim, Unmapped, Value, joined_shape, mixing


def linear(
    b: Builder, x: Value, weight: Value, bias: Value | None, *, transposed: bool = False
) -> Value:
    """x [..., C] times a stored matrix [K, C], or [C, K] if `transposed`, plus a bias [K].

    A bias that is calculated is added by a layer of its own.
    """
    if weight.rank != 2 or weight.stored is None or not is_trained(weight.stored):
        raise Unmapped("has a matrix that is not trained, or has not two axes")
    if isinstance(x.shape[-1], Batch):
        raise mixing()
    if b.owners.is_read_both_ways(weight.stored):
        return _plus(b, matmul(b, x, weight, transpose_second=not transposed), bias)
    features = weight.shape[1 if transposed else 0]
    depth = weight.shape[0 if transposed else 1]
    if x.shape[-1] != depth:
        raise Unmapped(f"has a matrix of {depth} rows for {x.shape[-1]} features")
    own = bias if bias is not None and bias.stored is not None else None
    if own is not None and own.shape != (features,):
        own = None
    fields = {"features": features, "bias": None if own is not None else False}
    shape = (*x.shape[:-1], features)
    owns = [weight.stored, own.stored if own is not None else None]
    result = b.layer("linear", (x,), shape, fields, owns=owns)
    return _plus(b, result, None if own is not None else bias)


def _plus(b: Builder, x: Value, bias: Value | None) -> Value:
    if bias is None:
        return x
    wires, joined = b.joined((x, bias))
    return b.layer("add", wires, joined)


def matmul(b: Builder, first: Value, second: Value, *, transpose_second: bool = False) -> Value:
    """Matrix product of the last two axes; those in front are broadcast.

    A trained matrix of two axes on the right makes it a `linear` without bias.
    """
    if first.rank < 2 or second.rank < 2:
        raise Unmapped("multiplies a vector")
    if second.static:
        first = b.for_each(first)
    trained = second.stored is not None and is_trained(second.stored)
    if trained and second.rank == 2 and not first.static and not b.owners.is_parameter(second):
        return linear(b, first, second, None, transposed=not transpose_second)
    table = None if first.static else b.owners.turned(second)
    if table is not None:
        matrix = Value(table.shape, table.dtype, None, table, static=True)
        return linear(b, first, matrix, None, transposed=transpose_second)
    rows, columns = second.shape[-2:]
    if transpose_second:
        rows, columns = columns, rows
    depth = first.shape[-1]
    if isinstance(depth, Batch) or isinstance(rows, Batch):
        raise mixing()
    if depth != rows:
        raise Unmapped(f"multiplies {depth} columns with {rows} rows")
    if second.rank == 2 and first.shape[-2] == ALONE:
        return _rows_of_examples(b, first, second, columns, transpose_second)
    leading = (
        joined_shape((first.shape[:-2], second.shape[:-2])) if first.rank + second.rank > 4 else ()
    )
    shape: tuple[Dim, ...] = (*leading, first.shape[-2], columns)
    rank = len(shape)
    operands = [of_rank(b, x, rank, leading) for x in (first, second)]
    fields = {"transpose_second": True if transpose_second else None}
    return b.layer("matmul", operands, shape, fields)


def _rows_of_examples(
    b: Builder, x: Value, matrix: Value, columns: Dim, is_transposed: bool
) -> Value:
    """x [..., N, C] times a matrix that is the same for all examples: a row for each example.

    For one example the rows are those of the axis in front, or there is a single one.
    """
    if matrix.batch_axis is not None:
        raise mixing()
    rows = x if x.rank > 2 else b.reshaped(x, (ALONE, 1, x.shape[-1]))
    same = b.reshaped(matrix, (*[1] * (len(rows.own_shape) - 2), *matrix.shape))
    fields = {"transpose_second": True if is_transposed else None}
    made = b.layer("matmul", (rows, same), (*rows.shape[:-1], columns), fields)
    return b.reshaped(made, (*x.shape[:-1], columns))


def of_rank(b: Builder, x: Value, rank: int, leading: Sequence[Dim]) -> Value:
    """x with `rank` axes: axes of size 1 in front where it has fewer, and without that of the
    batch where it is the same for all examples."""
    shape = (1,) * (rank - x.rank) + x.shape
    batch = next((i for i, size in enumerate(leading) if isinstance(size, Batch)), None)
    if batch is not None and not isinstance(shape[batch], Batch) and leading[batch] == Batch(1):
        if shape[batch] != 1:
            raise Unmapped("has a stored tensor that differs from example to example")
        shape = shape[:batch] + shape[batch + 1 :]
    return b.reshaped(x, shape)
