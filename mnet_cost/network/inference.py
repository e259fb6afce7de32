"""Types of a layer's outputs, and what two layers that share weights need: the same rules, whether
a network is made from a spec or from another network.

Sizes are of any kind (`tensors.py`). Not here: where a layer was written; whoever calls adds that.
"""

from __future__ import annotations

from typing import Any

from mnet_cost.layers import Layer
from mnet_cost.models.calls import known_fields
from mnet_cost.tensors import (
    MAX_AXES,
    MAX_ELEMENTS,
    Check,
    TensorType,
    agreed,
    is_array,
    product,
)

Types = tuple[TensorType, ...]


def infer_outputs(layer: Layer, inputs: Types, check: Check) -> Types:
    """Types of all outputs, with their layout. Raises `RuleViolation` where inputs do not fit."""
    layout = layer.layout(inputs)
    return tuple([output.laid_out(layout) for output in layer.infer_all(check, *inputs)])


def excess(type_: TensorType, check: Check) -> str | None:
    """What is too large about a tensor, in words; None where it is within the limits."""
    if len(type_.shape) > MAX_AXES:
        return f"a tensor has at most {MAX_AXES} axes, not {len(type_.shape):,}"
    elements: Any = type_.elements
    if is_array(elements):
        # As doubles: whole numbers of 64 bits would wrap around, and look small.
        check(product((1.0, *type_.shape)) <= MAX_ELEMENTS, "has more than 2^40 elements")
    elif agreed(elements > MAX_ELEMENTS):
        return f"a tensor {type_} has more than 2^40 elements"
    return None


def can_share(first: Layer, first_inputs: Types, other: Layer, inputs: Types) -> Any:
    """Whether a layer can use the stored tensors of the first; for arrays, of which candidates."""
    needs, is_same = first.needs(first_inputs), type(other) is type(first)
    if not is_same or needs is None:
        return is_same
    return _same_fields(other, first) & _same(other.needs(inputs), needs)


def can_tie(owner: Layer, owner_inputs: Types, layer: Layer, inputs: Types) -> Any:
    """Whether a layer can take the matrix of another; for arrays, of which candidates."""
    theirs, mine = owner.matrix(owner_inputs), layer.matrix(inputs)
    return theirs is not None and mine is not None and _same(theirs, mine)


def _same(first: Any, other: Any) -> Any:
    """Whether two values are equal; for arrays, of which candidates."""
    if isinstance(first, tuple) and isinstance(other, tuple):
        same: Any = len(first) == len(other)
        if same:
            for a, b in zip(first, other, strict=True):
                same = same & _same(a, b)
        return same
    return first == other


def _same_fields(first: Layer, other: Layer) -> Any:
    fields = known_fields(type(first))
    return _same(tuple(getattr(first, f) for f in fields), tuple(getattr(other, f) for f in fields))
