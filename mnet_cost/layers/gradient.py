"""Words for a training step in torch: what a layer's inputs are like, and what autograd saves.

The rules are methods of `Layer` (`saved_tensors`, `is_permuted`, `backward_mult_adds` and others),
which `analysis/training.py` calls. They take plain numbers, not arrays. Not here: bytes of an
element, which the training's precision decides, and the batch.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from mnet_cost.tensors import TensorType

Saves = Literal["nothing", "inputs", "output"]
"""What autograd saves of a layer for its backward pass, besides its weights."""

MemoryFormat = Literal["preserved", "permuted", "contiguous", "batched"]
"""The order of an output's elements in memory while training in torch. preserved: as in the inputs.
permuted: a view with its axes in another order. contiguous: row by row, whatever the inputs are.
batched: preserved for an image; axes in front of one are joined with the batch, which makes the
output contiguous."""

INDEX_BYTES = 8
"""Bytes of an index: torch has them as int64."""


class GradInput(NamedTuple):
    """An input of a layer, as training sees it."""

    type: TensorType
    needs_gradient: bool
    permuted: bool = False
    """Whether it is a view whose axes are in another order than its memory."""
    strided: bool = False
    """Whether it is a view of parts of the rows of its memory."""
    is_static: bool = False
    """Whether it is the same for all examples, and so is there once for the batch."""


class Saved(NamedTuple):
    """What autograd saves of one layer until its backward pass, besides its params.

    inputs        positions of the inputs that are saved as they are
    index_inputs  positions of the inputs that are saved as indices, such as numbers of tokens
    output        whether the (first) output is saved
    elements      of further tensors, for each example
    statistics    elements of further tensors that stay fp32 at any precision, for each example
    per_batch     such elements that are there once for the whole batch
    bytes         of whole numbers and flags, for each example
    static        of such elements and bytes, those that are there once for the whole batch, since
                  they are made of static inputs alone: (elements, bytes)
    """

    inputs: tuple[int, ...] = ()
    index_inputs: tuple[int, ...] = ()
    output: bool = False
    elements: int = 0
    statistics: int = 0
    per_batch: int = 0
    bytes: int = 0
    static: tuple[int, int] = (0, 0)
