"""Tensors while a graph is mapped: their shape in the file, and where the batch is in it.

Our types have no batch, and those of files have one somewhere, alone or joined with another axis.
`Value.own_shape` leaves it out. Values that are known (sizes, axes, bounds) are numbers in
row-major order; a size that is proportional to the batch is a `Batch` there. Not here: layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isinf, isnan
from typing import Any, NamedTuple

from mnet_cost.importing.graph import Batch, Stored
from mnet_cost.importing.layer_graph import Wire

Dim = int | Batch
"""A size in the shape of a value."""


class Unmapped(Exception):
    """An operator, or a use of one, for which there is no layer: it becomes `opaque`.

    The message says why, and goes on after `node X (Operator): `.
    """


class Misfit(Unmapped):
    """A use of an operator with sizes that no layer of its kind has: its shape is not what is
    missing."""


class Refused(Exception):
    """What makes an import wrong as a whole: the batch is mixed, control flow, a missing shape.

    The message goes on after `node X (Operator): `; `hint` is the way out.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class Value(NamedTuple):
    """A tensor of the graph.

    A stored tensor has no wire until a layer reads it as a tensor (`Builder.wire`). Not every value
    is one of a layer: shapes and other small numbers are `known` alone.
    """

    shape: tuple[Dim, ...]
    """In the file, with the batch."""
    dtype: str | None = None
    """As ONNX calls types."""
    wire: Wire | None = None
    stored: Stored | None = None
    known: tuple[Any, ...] | None = None
    """Its elements in row-major order: int, float, bool, str, `Batch`."""
    static: bool = False
    """Whether it is stored, or made of stored tensors alone."""
    spread: Value | None = None
    """The tensor that this one is a broadcast of: it is copied where that is not done anyway."""
    positions: Any = None
    """What `positions.py` knows of it, where its elements depend on the batch."""

    @property
    def rank(self) -> int:
        """How many axes it has in the file."""
        return len(self.shape)

    @property
    def batch_axis(self) -> int | None:
        """The axis with the batch, from 0; None where there is none."""
        return next((i for i, size in enumerate(self.shape) if isinstance(size, Batch)), None)

    @property
    def own_shape(self) -> tuple[int, ...]:
        """The shape for one example: the batch goes, and what is joined with it stays."""
        return own_shape(self.shape)

    @property
    def number(self) -> Any:
        """Its element where it has one and that is known, else None."""
        return self.known[0] if self.known is not None and len(self.known) == 1 else None

    @property
    def numbers(self) -> tuple[Any, ...] | None:
        """Its elements where they are known and can be calculated with; None for trained tensors of
        several elements, of which a layer has to be the owner."""
        trained = self.stored is not None and self.stored.trained is not False
        if trained and self.rank and (self.dtype or "").startswith(("float", "bfloat")):
            return self.known if self.known is not None and len(self.known) == 1 else None
        return self.known

    def axis(self, axis: int) -> int:
        """The place of an axis of the file, in `own_shape`, counted from the end.

        `axis` counts from 0, or from the end below 0. Raises `Refused` for the axis of the batch,
        and `Unmapped` for one that is not there.
        """
        place = self.place(axis)
        batch = self.batch_axis
        if place == batch:
            raise mixing()
        gone = batch is not None and self.shape[batch] == ALONE and batch > place
        return place - self.rank + gone

    def place(self, axis: int) -> int:
        """An axis of the file counted from 0. Raises `Unmapped` for one that is not there."""
        place = axis + self.rank if axis < 0 else axis
        if not 0 <= place < self.rank:
            raise Unmapped(f"there is no axis {axis} in a tensor of {self.rank} axes")
        return place


LARGEST = (2 - 2**-23) * 2.0**127
"""The largest finite number of float32."""

ALONE = Batch(1)
"""An axis that is the batch and nothing else."""


def mixing() -> Refused:
    """The refusal of what mixes examples."""
    return Refused(
        "works along the batch, so it mixes examples",
        "mnet-cost counts for one example; with `--no-batch` the first axis is one like the others",
    )


def own_shape(shape: Sequence[Dim]) -> tuple[int, ...]:
    """A shape of the file for one example."""
    own = []
    for size in shape:
        if not isinstance(size, Batch):
            own.append(size)
        elif size.times > 1:
            own.append(size.times)
    return tuple(own)


def layer_shape(shape: Sequence[Dim]) -> tuple[int, ...]:
    """The shape of the type of a tensor: one number for each example has one axis, of size 1."""
    return own_shape(shape) or (1,)


def plain(shape: Sequence[Dim]) -> tuple[int, ...]:
    """A shape that does not have the batch, or `Unmapped`."""
    if has_batch(shape):
        raise Unmapped("works over an axis that has the batch")
    return tuple([size for size in shape if isinstance(size, int)])


def has_batch(shape: Sequence[Dim]) -> bool:
    """Whether an axis of a shape of the file has the batch."""
    return any(isinstance(size, Batch) for size in shape)


def concrete(size: Dim, batch: int) -> int:
    """A size where there are `batch` examples."""
    return size.times * batch if isinstance(size, Batch) else size


def finite(number: float) -> float:
    """A number as a spec can hold it. Infinite ones are the largest of float32, which exporters
    write for them as well; raises `Unmapped` for what is no number."""
    if isnan(number):
        raise Unmapped("has NaN for a number, which a spec cannot hold")
    return max(-LARGEST, min(number, LARGEST)) if isinf(number) else number


def elements(shape: Sequence[Dim]) -> int:
    """Elements of a shape for one example."""
    count = 1
    for size in shape:
        count *= size.times if isinstance(size, Batch) else size
    return count


def joined_shape(shapes: Sequence[tuple[Dim, ...]]) -> tuple[Dim, ...]:
    """The shape that tensors of the file have when they are broadcast together.

    Raises `Unmapped` where their sizes do not meet.
    """
    rank = max(map(len, shapes))
    joined: list[Dim] = [1] * rank
    for shape in shapes:
        for i, size in enumerate(shape, rank - len(shape)):
            if joined[i] == 1:
                joined[i] = size
            elif size not in (1, joined[i]):
                raise Unmapped(f"sizes {joined[i]} and {size} do not meet")
    return tuple(joined)


def with_batch(shape: Sequence[Dim], target: Sequence[int], batch: int) -> tuple[Dim, ...]:
    """The sizes `target` of a reshape, with the batch where it is after the reshape.

    `shape` is that before, `target` has plain sizes for `batch` examples. Row-major order tells
    which axes of the one are which axes of the other. It does not tell it of a batch of 1 that was
    between two axes and is none now: that is joined with the axis behind, or with the one in front
    where the one behind is the last, since layers need the number of features. Raises `Unmapped`
    where elements differ, and `Refused` where an axis begins or ends within the batch.
    """
    before = [concrete(size, batch) for size in shape]
    result: list[Dim] = list(target)
    at = next((i for i, size in enumerate(shape) if isinstance(size, Batch)), None)
    if at is None:
        return tuple(result)
    size = shape[at]
    assert isinstance(size, Batch)
    ahead = size.outer  # what is in front of the batch in the order of elements
    for other in before[:at]:
        ahead *= other
    passed = 1
    for i, wanted in enumerate(target):
        if wanted == 1 and passed == ahead and batch != 1:
            continue  # an axis in front of that of the batch
        if batch == 1 and passed < passed * wanted == ahead and _is_features(target[i + 1 :]):
            result[i] = Batch(wanted, wanted)  # the batch ends this axis
            return tuple(result)
        if passed * wanted > ahead or passed == ahead:
            # The batch begins in this axis: it holds `ahead / passed`, the batch, and what is left.
            outer, rest = divmod(ahead, passed)
            if rest or wanted % (outer * batch):
                raise mixing()
            result[i] = Batch(wanted // batch, outer)
            return tuple(result)
        passed *= wanted
    raise Unmapped(f"cannot make {list(before)} into {list(target)}")


def _is_features(behind: Sequence[int]) -> bool:
    """Whether of the axes behind the place of the batch none is its own, and one has features."""
    return not behind or (len(behind) == 1 and behind[0] != 1)
