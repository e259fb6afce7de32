"""Einsum: transposes, sums over axes, and a matrix product for each further tensor."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from mnet_cost.importing.graph import Batch
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.elementwise import binary
from mnet_cost.importing.mapping.movement import transpose
from mnet_cost.importing.mapping.products import matmul
from mnet_cost.importing.mapping.reductions import reduce
from mnet_cost.importing.mapping.values import ALONE, Dim, Unmapped, Value

_EQUATION = re.compile(r"([A-Za-z.]+(?:,[A-Za-z.]+)*)(?:->([A-Za-z.]*))?")
_AXES = "0123456789"
"""Names of the axes that an ellipsis stands for, from the first on."""


class _Labelled(NamedTuple):
    """A tensor, and a letter for each of its axes."""

    value: Value
    labels: str


def einsum(
    b: Builder, equation: str, values: Sequence[Value], path: Sequence[int] | None = None
) -> Value:
    """`bhqd,bhkd->bhqk`: letters of axes of each tensor, and those of the result.

    Of several tensors two are multiplied at a time, as torch does it: from left to right, or in the
    order of `path`. That has two places for each product, among the tensors that are left; what
    comes out is the last of them.
    """
    match = _EQUATION.fullmatch(equation.replace(" ", ""))
    written = match[1].split(",") if match is not None else []
    if match is None or len(values) != len(written):
        raise Unmapped(f"has the equation `{equation[:60]}`")
    operands = [_Labelled(x, _labels(x, part)) for x, part in zip(values, written, strict=True)]
    dots = max((_dots(x.labels) for x in operands), key=len)
    wanted = match[2]
    if wanted is None:
        letters = "".join(written).replace(".", "")
        wanted = "..." * bool(dots) + "".join(
            sorted(letter for letter in set(letters) if letters.count(letter) == 1)
        )
    wanted = wanted.replace("...", dots)
    if "." in wanted or len(set(wanted)) < len(wanted):
        raise Unmapped(f"has the equation `{equation[:60]}`")
    for first, second in _pairs(len(values), path):
        if first == second or not all(0 <= place < len(operands) for place in (first, second)):
            raise Unmapped("has a path with tensors that are not there")
        pair = operands[first], operands[second]
        operands = [x for i, x in enumerate(operands) if i not in (first, second)]
        needed = wanted + "".join(x.labels for x in operands)
        operands.append(_of_two(b, *pair, needed))
    return _ordered(b, _summed(b, operands[0], wanted), wanted).value


def _pairs(count: int, path: Sequence[int] | None) -> list[tuple[int, int]]:
    if path is None:
        return [(0, 1)][: count - 1] + [(left, 0) for left in range(count - 2, 0, -1)]
    if len(path) != 2 * count - 2:
        raise Unmapped(f"has a path of {len(path)} places for {count} tensors")
    return list(zip(path[::2], path[1::2], strict=True))


def _of_two(b: Builder, first: _Labelled, second: _Labelled, needed: str) -> _Labelled:
    """The product, with the axes that somebody needs afterwards."""
    first = _summed(b, first, needed + second.labels)
    second = _summed(b, second, needed + first.labels)
    return _product(b, first, second, needed)


def _dots(labels: str) -> str:
    return "".join(label for label in labels if label in _AXES)


def _labels(x: Value, written: str) -> str:
    letters = written.replace("...", "")
    hidden = x.rank - len(letters)
    if "..." in written:
        if not 0 <= hidden <= len(_AXES):
            raise Unmapped("has more letters than axes")
        written = written.replace("...", _AXES[len(_AXES) - hidden :])
    if len(written) != x.rank or "." in written or len(set(written)) < len(written):
        raise Unmapped("has an axis twice, or letters for other axes than there are")
    return written


def _summed(b: Builder, x: _Labelled, needed: str) -> _Labelled:
    """x without the axes that nobody needs, which are summed up."""
    gone = [place for place, label in enumerate(x.labels) if label not in needed]
    if not gone:
        return x
    kept = "".join(label for label in x.labels if label in needed)
    return _Labelled(reduce(b, x.value, "sum", gone, keep=False), kept)


def _ordered(b: Builder, x: _Labelled, labels: str) -> _Labelled:
    if sorted(x.labels) != sorted(labels):
        raise Unmapped("has an axis in its result that no tensor has")
    order = [x.labels.index(label) for label in labels]
    return _Labelled(transpose(b, x.value, order), labels)


def _product(b: Builder, first: _Labelled, second: _Labelled, wanted: str) -> _Labelled:
    """The product over letters that both have and the result has not."""
    both = [label for label in first.labels if label in second.labels]
    shared = "".join(label for label in both if label in wanted)
    inner = "".join(label for label in both if label not in wanted)
    rows = "".join(label for label in first.labels if label not in both)
    columns = "".join(label for label in second.labels if label not in both)
    sizes: dict[str, Dim] = {}
    for x in (first, second):
        for label, size in zip(x.labels, x.value.shape, strict=True):
            if sizes.setdefault(label, size) != size:
                raise Unmapped(f"has sizes {sizes[label]} and {size} for one letter")
    if not inner:  # nothing is summed up, so that it is no matrix product
        labels = shared + rows + columns
        wide = [
            _ordered(b, x, "".join(c for c in labels if c in x.labels)) for x in (first, second)
        ]
        one, other = (
            b.reshaped(x.value, [sizes[c] if c in x.labels else 1 for c in labels]) for x in wide
        )
        return _Labelled(binary(b, one, other, "multiply"), labels)
    if any(isinstance(sizes[label], Batch) for label in inner):
        raise Unmapped("sums over the batch")
    # The batch of one of them is no axis of its matrices: there is a product for each example, with
    # the same matrix of the other. Rows that are examples are a product with fewer axes.
    batch = "".join(label for label in rows + columns if isinstance(sizes[label], Batch))
    if batch == rows:
        batch = ""
    if len(batch) > 1:
        raise Unmapped("has the batch in two axes")
    rows, columns = rows.replace(batch, ""), columns.replace(batch, "")
    is_left = batch in first.labels  # True where there is none
    left = _matrix(b, first, batch * is_left + shared, rows, inner, sizes)
    right = _matrix(b, second, batch * (not is_left) + shared, inner, columns, sizes)
    made = matmul(b, left, right)
    labels = batch + shared + rows + columns
    return _Labelled(b.reshaped(made, [sizes[label] for label in labels]), labels)


def _matrix(
    b: Builder, x: _Labelled, shared: str, rows: str, columns: str, sizes: dict[str, Dim]
) -> Value:
    """x as matrices [shared, rows, columns]: letters of each are joined into one axis."""
    ordered = _ordered(b, x, shared + rows + columns).value
    shape = [*[sizes[label] for label in shared], _joined(rows, sizes), _joined(columns, sizes)]
    return b.reshaped(ordered, shape)


def _joined(labels: str, sizes: dict[str, Dim]) -> Dim:
    if len(labels) == 1:
        return sizes[labels]
    total = 1
    for label in labels:
        size = sizes[label]
        assert not isinstance(size, Batch) or size == ALONE
        total *= size if isinstance(size, int) else 1
    return total
