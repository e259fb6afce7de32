"""Which layer of one list is which layer of another, by what is seen of the layers themselves.

The alignment is the one of least change: pairs of one kind in one order, weighted by how much they
have in common. A layer that has an id, or is in a block that has one, is the layer with that id,
wherever it stands. A name that is given by counting (`conv2d_3`) says little. Used for documents,
and where entries do not tell (`correspondence.py`). Not here: what differs in a pair.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from mnet_cost.differences.sequences import Budget, Pair, align_items, unique_pairs
from mnet_cost.differences.snapshots import LayerSnapshot

_KIND = 4
_FIELDS = 4
_LABEL = 3
_ID = 4
_ENTRY = 1
_TYPE = 1
_NAME = 1
"""What agreement is worth. Layers that can be one are rather a pair than one added, one removed."""


def align_layers(
    first: Sequence[LayerSnapshot], other: Sequence[LayerSnapshot]
) -> tuple[Pair, ...]:
    """Pairs of layers of two lists, each layer at most once, in the order of `other`.

    In one pair both are of one kind.
    """
    numbers = Numbers()
    ours = [_Evidence(index, layer, numbers) for index, layer in enumerate(first)]
    theirs = [_Evidence(index, layer, numbers) for index, layer in enumerate(other)]
    mine, yours = ([each for each in side if each.is_known] for side in (ours, theirs))
    for one, two in unique_pairs(mine, yours, lambda layer: (layer.kind, layer.unique)):
        ours[one].is_found = theirs[two].is_found = True
    pairs = align_items(ours, theirs, Budget())
    done, done_there = {pair[0] for pair in pairs}, {pair[1] for pair in pairs}
    moved = unique_pairs(
        [layer for layer in mine if layer.index not in done],
        [layer for layer in yours if layer.index not in done_there],
        lambda layer: (layer.kind, layer.name),
    )
    return tuple(sorted([*pairs, *moved], key=lambda pair: pair[1]))


class Numbers(dict[Hashable, int]):
    """A number for each thing that layers are recognised by, since numbers compare fast."""

    def __missing__(self, thing: Hashable) -> int:
        self[thing] = number = len(self)
        return number


class _Evidence:
    """What a layer is recognised by."""

    __slots__ = (
        "block", "depth", "entry", "exact", "fields", "has_fields", "has_id", "index", "is_found",
        "is_known", "kind", "last", "name", "parts", "types", "unique",
    )  # fmt: skip

    def __init__(self, index: int, layer: LayerSnapshot, numbers: Numbers) -> None:
        types = (layer.input_types, layer.output_type)
        self.index = index
        self.parts = tuple([part for part in layer.label if not part.isdecimal()])
        self.depth = len(self.parts)
        self.has_fields = bool(layer.fields)
        self.has_id = layer.has_id
        self.is_known = any(part.startswith("=") for part in layer.label)
        """Whether it or a block around it has an id."""
        self.is_found = False
        """Whether the other network has one layer of that label: it is paired with no other one."""
        self.kind = numbers[layer.kind]
        self.name = numbers[layer.name]
        self.unique = numbers[layer.label]
        self.last = numbers[layer.label[-1]]
        self.block = numbers[layer.label[:-1]]
        self.fields = numbers[layer.fields]
        self.types = numbers[types]
        self.entry = numbers[layer.entry.values]
        self.exact = numbers[layer.kind, layer.label, layer.fields, types]

    def alike(self, other: _Evidence) -> int:
        """What the labels of two layers say: 0 where they are not alike in their place.

        Two layers are alike in their place if they are so in their blocks, however these are
        called, if one of them was wrapped in more blocks, or if they are in one block.
        """
        if self.unique == other.unique:
            return _LABEL + (_ID if self.is_known else 0)
        if self.is_found or other.is_found:
            return 0
        if self.last == other.last:
            common = min(self.depth, other.depth)
            if self.depth == other.depth or self.parts[-common:] == other.parts[-common:]:
                return _LABEL if self.has_id else 1
        return 1 if self.block == other.block else 0

    def likeness(self, other: _Evidence) -> int:
        """How much both have in common; 0 where they cannot be one layer.

        Those of one kind can be if they are alike in their place or have the same fields.
        """
        if self.kind != other.kind:
            return 0
        alike = self.alike(other)
        has_same_fields = self.fields == other.fields
        if not alike:
            is_found = self.is_found or other.is_found
            if is_found or not (has_same_fields and self.has_fields):
                return 0
        return (
            _KIND
            + alike
            + (_FIELDS if has_same_fields else 0)
            + (_ENTRY if self.entry == other.entry else 0)
            + (_TYPE if self.types == other.types else 0)
            + (_NAME if self.name == other.name else 0)
        )
