"""Numbers of a block as expressions: a multiple of a size of its input, or of another argument.

A vector holds a number in each copy of a block. An expression is right if it gives the number in
all copies. Not here: which expression is taken, which is `arguments.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mnet_cost.importing.blocks.leaves import Number
from mnet_cost.tensors import TensorType, axis_names

Vector = tuple[Number | None, ...]
"""A number in each copy of a block; None where a copy does not have the place."""

WIDTHS = frozenset(
    ("channels", "features", "groups", "heads", "kv_heads", "sizes", "start", "stop")
)
SPATIAL = frozenset(("height", "width", "size", "shape", "stop", "start", "sizes"))
_ALONG_IMAGE = frozenset(("height", "width", "length"))
MAX_FACTOR = 64


def is_equal(a: object, b: object) -> bool:
    """Whether two values are written alike: 1 is not True."""
    return a == b and isinstance(a, (str, bool)) == isinstance(b, (str, bool))


def axis_size(type_: TensorType | None, axis: str) -> int | None:
    """The size of an axis by its name; None where the tensor is not there or has no such axis."""
    if type_ is None:
        return None
    names = axis_names(len(type_.shape), type_.layout)
    if axis not in names or len(type_.shape) < len(names):
        return None
    return type_.shape[names.index(axis) - len(names)]


def follows(field: str, size: str) -> bool:
    """Whether a field may be written as a multiple of a size of an input."""
    axis = size.rpartition(".")[2]
    if axis in ("channels", "features"):
        return field in WIDTHS or field in ("shape", "start", "stop")
    return field in SPATIAL


def multiple(vector: Vector, base: Vector, name: str) -> str | None:
    """`3 * name`, `name // 2` or `name`, where that is the number in all copies."""
    pairs = [(v, b) for v, b in zip(vector, base, strict=True) if v is not None]
    if not all(isinstance(v, int) and isinstance(b, int) and v > 0 and b > 0 for v, b in pairs):
        return None
    numbers = [(int(v), int(b)) for v, b in pairs if b is not None]
    v, b = numbers[0]
    if v % b == 0 and v // b <= MAX_FACTOR and all(x == y * (v // b) for x, y in numbers):
        return name if v == b else f"{v // b} * {name}"
    if b % v == 0 and b // v <= MAX_FACTOR and all(y == x * (b // v) for x, y in numbers):
        return f"{name} // {b // v}"
    return None


def equal_size(field: str, vector: Vector, sizes: Mapping[str, Vector]) -> str | None:
    """A size of a tensor that is the number in all copies."""
    for name, own in sizes.items():
        if follows(field, name) and name.rpartition(".")[2] in _ALONG_IMAGE and own == vector:
            return name
    return None


def multiple_of_size(field: str, vector: Vector, sizes: Mapping[str, Vector]) -> str | None:
    """A multiple or a part of a size of a tensor that is the number in all copies."""
    for name, own in sizes.items():
        if follows(field, name) and name.rpartition(".")[2] in _ALONG_IMAGE:
            text = multiple(vector, own, name)
            if text is not None:
                return text
    return None


def product(field: str, vector: Vector, sizes: Mapping[str, Vector]) -> str | None:
    """The positions of an image, or a multiple or part of them, that are the number."""
    heights = [name for name in sizes if name.endswith(".height")]
    if field not in SPATIAL or not heights:
        return None
    height = heights[0]
    width = height.removesuffix("height") + "width"
    if width not in sizes:
        return None
    positions = tuple(
        [
            a * b if isinstance(a, int) and isinstance(b, int) else None
            for a, b in zip(sizes[height], sizes[width], strict=True)
        ]
    )
    text = multiple(vector, positions, f"{height} * {width}")
    if text is None or "//" not in text:
        return text
    return f"({height} * {width}) // {text.rpartition('// ')[2]}"


def of_argument(
    field: str, vector: Vector, known: str, base: Vector, name: str
) -> tuple[str, Vector] | None:
    """(The number as an expression of an argument that there is, that argument's values).

    Where the argument was not needed so far, it takes the value that this number needs.
    """
    overlap = [(v, b) for v, b in zip(vector, base, strict=True) if v is not None and b is not None]
    if 2 * len(overlap) <= sum(v is not None for v in vector):
        return None
    if field == known and all(is_equal(v, b) for v, b in overlap):
        filled = tuple([b if v is None else v for v, b in zip(vector, base, strict=True)])
        return name, filled
    if field in WIDTHS and known in ("channels", "features"):
        return _multiple_of_argument(vector, base, name)
    if field == "padding" and known == "dilation":
        return _multiple_of_argument(vector, base, name)
    is_half = all(isinstance(b, int) and v == b // 2 for v, b in overlap)
    if (field, known) == ("padding", "kernel") and len(overlap) == len(vector) and is_half:
        return f"{name} // 2", base
    return None


def _multiple_of_argument(vector: Vector, base: Vector, name: str) -> tuple[str, Vector] | None:
    known = [(v, b) for v, b in zip(vector, base, strict=True) if b is not None]
    text = multiple(tuple([v for v, _ in known]), tuple([b for _, b in known]), name)
    if text is None:
        return None
    v, b = next((v, b) for v, b in known if v is not None)
    assert isinstance(v, int)
    assert isinstance(b, int)
    filled: list[Number | None] = []
    for value, own in zip(vector, base, strict=True):
        if own is None and isinstance(value, int):
            own = value * b // v
            if own * v != value * b or (b > v and own // (b // v) != value):
                return None
        filled.append(own)
    return text, tuple(filled)


def compared(a: Vector, b: Vector) -> list[bool | None]:
    """Whether the numbers are equal, copy by copy."""
    return [None if x is None or y is None else x == y for x, y in zip(a, b, strict=True)]


def joined(
    a: Sequence[bool | None],
    b: Sequence[bool | None],
    how: Callable[[tuple[bool, bool]], bool],
) -> list[bool | None]:
    """What `how` makes of two flags, copy by copy."""
    return [None if x is None or y is None else how((x, y)) for x, y in zip(a, b, strict=True)]
