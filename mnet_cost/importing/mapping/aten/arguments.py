"""Arguments of ATen operators: what a file may hold is checked where it is read.

Names are those of the operator's schema. A size, an axis or a number can be written out, or be the
result of an operator that calculates with sizes, which is then a value that is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mnet_cost.importing.graph import Batch
from mnet_cost.importing.mapping.mapper import Call
from mnet_cost.importing.mapping.values import Dim, Unmapped, Value

ALL_THE_REST = 2**31 - 1
"""Ends of slices from here on mean the end of the axis."""


def plain(value: Any, name: str) -> Any:
    """A number that is written out or known: int, float, bool or `Batch`."""
    if isinstance(value, Value):
        value = value.number
    if not isinstance(value, (int, float, Batch)):
        raise Unmapped(f"has a `{name}` that is not known")
    return value


def plain_whole(value: Any, name: str) -> int:
    """A whole number, written out or known, that does not depend on the batch."""
    number = plain(value, name)
    if isinstance(number, Batch) or not isinstance(number, int):
        raise Unmapped(f"has {number} as `{name}`")
    return int(number)


def whole(call: Call, name: str, default: int | None = None) -> int:
    """A whole number that does not depend on the batch."""
    return plain_whole(call.get(name, default), name)


def optional_whole(call: Call, name: str) -> int | None:
    """A whole number, or None where there is none."""
    return None if call.get(name) is None else whole(call, name)


def real(call: Call, name: str, default: float | None = None) -> float:
    """A number."""
    number = plain(call.get(name, default), name)
    if isinstance(number, Batch):
        raise Unmapped(f"has a `{name}` that depends on the batch")
    return number  # type: ignore[no-any-return]


def optional_real(call: Call, name: str) -> float | None:
    """A number, or None where there is none."""
    return None if call.get(name) is None else real(call, name)


def flag(call: Call, name: str, default: bool = False) -> bool:
    """Yes or no."""
    return bool(plain(call.get(name, default), name))


def sizes(call: Call, name: str) -> list[Dim]:
    """Sizes, of which one may be -1."""
    given = call.get(name)
    if not isinstance(given, (list, tuple)):
        raise Unmapped(f"has no list `{name}`")
    result: list[Dim] = []
    for value in given:
        size = plain(value, name)
        if isinstance(size, float):
            raise Unmapped(f"has {size} in `{name}`")
        result.append(size if isinstance(size, Batch) else int(size))
    return result


def wholes(call: Call, name: str, default: Sequence[int] | None = None) -> list[int]:
    """Whole numbers: one, or a list of them."""
    given = call.get(name, default)
    if isinstance(given, (int, Value)):
        given = [given]
    if not isinstance(given, (list, tuple)):
        raise Unmapped(f"has no list `{name}`")
    return [plain_whole(value, name) for value in given]


def on_axes(call: Call, name: str, axes: int, default: int) -> list[int]:
    """A number for each of `axes` axes: one number stands for all."""
    numbers = wholes(call, name, [default]) or [default]
    if len(numbers) not in (1, axes):
        raise Unmapped(f"has {len(numbers)} numbers in `{name}` for {axes} axes")
    return numbers * axes if len(numbers) == 1 else numbers


def places(call: Call, x: Value, name: str = "dim") -> list[int]:
    """Axes of x, counted from 0; all of them where none is given."""
    given = call.get(name)
    if given is None or given == []:
        return list(range(x.rank))
    return [x.place(axis) for axis in wholes(call, name)]


def tensors(call: Call, name: str) -> list[Value]:
    """A list of tensors."""
    given = call.get(name)
    if not isinstance(given, (list, tuple)) or not all(isinstance(x, Value) for x in given):
        raise Unmapped(f"has no tensors `{name}`")
    if not given:
        raise Unmapped(f"has an empty list `{name}`")
    return list(given)


def operand(call: Call, name: str) -> Value:
    """A tensor, or a number as a value that is known."""
    given = call.get(name)
    if isinstance(given, (int, float, Batch)):
        return Value((), None, known=(given,), static=True)
    return call.tensor(name)


def optional_tensor(call: Call, name: str) -> Value | None:
    """A tensor, or None where there is none."""
    return None if call.get(name) is None else call.tensor(name)


def word(call: Call, name: str, default: str) -> str:
    """A word."""
    value = call.get(name, default)
    if not isinstance(value, str):
        raise Unmapped(f"has no word `{name}`")
    return value
