"""Arguments of Keras layers, what they have stored, and their tensors in the order that a rule
works in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from mnet_cost.importing.graph import Stored
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.convolutions import Ends
from mnet_cost.importing.mapping.mapper import Call, stored_value
from mnet_cost.importing.mapping.operands import as_output, image, in_file_order, made
from mnet_cost.importing.mapping.values import Dim, Unmapped, Value
from mnet_cost.importing.readers.keras import ARGUMENTS, CONFIG, NAMED, WEIGHTS
from mnet_cost.importing.readers.keras_json import Input

_LARGEST = 2**31


def argument(call: Call, name: str, default: Any = None) -> Any:
    """An argument of the layer, or `default` where the file leaves it out or has null."""
    value = call.get(CONFIG, {}).get(name)
    return default if value is None else value


def whole(call: Call, name: str, default: int | None = None) -> int:
    """An argument that is a whole number."""
    return _whole(argument(call, name, default), name)


def _whole(value: Any, name: str) -> int:
    if type(value) is not int or not -_LARGEST < value < _LARGEST:
        raise Unmapped(f"has no whole number as `{name}`")
    return value


def wholes(call: Call, name: str, count: int, default: int | None = None) -> list[int]:
    """An argument that is one number for all axes, or a list of `count`."""
    value = argument(call, name, default)
    values = value if isinstance(value, list) else [value] * count
    if len(values) != count:
        raise Unmapped(f"has {len(values)} numbers as `{name}`, not {count}")
    return [_whole(x, name) for x in values]


def pairs(call: Call, name: str, count: int) -> list[tuple[int, int]]:
    """An argument that has (before, after) for each of `count` axes, or less."""
    value = argument(call, name, 1)
    values = value if isinstance(value, list) else [value] * count
    if count == 1 and len(values) == 2:
        values = [values]
    if len(values) != count:
        raise Unmapped(f"has {len(values)} numbers as `{name}`, not {count}")
    both = [x if isinstance(x, list) else [x, x] for x in values]
    if any(len(pair) != 2 for pair in both):
        raise Unmapped(f"has no pairs as `{name}`")
    return [(_whole(first, name), _whole(last, name)) for first, last in both]


def real(call: Call, name: str, default: float) -> float:
    """An argument that is a number."""
    value = argument(call, name, default)
    if type(value) not in (int, float) or not -3.5e38 < value < 3.5e38:
        raise Unmapped(f"has no number as `{name}`")
    return float(value)


def flag(call: Call, name: str, *, default: bool) -> bool:
    """An argument that is true or false."""
    value = argument(call, name, default)
    if not isinstance(value, bool):
        raise Unmapped(f"has neither true nor false as `{name}`")
    return value


def stored(call: Call, part: str, shape: Sequence[Dim], *, trained: bool = True) -> Value:
    """What a layer has stored, which has the same name at each call of it."""
    sizes = tuple([size for size in shape if isinstance(size, int)])
    if len(sizes) < len(shape):
        raise Unmapped("has weights for an axis that has the batch")
    name = f"{call.get(WEIGHTS)}/{part}"
    return stored_value(Stored(name, "float32", sizes, None, trained))


def has_channels_first(call: Call) -> bool:
    """Whether the layer takes images with channels first, as few models have them."""
    return bool(argument(call, "data_format") == "channels_first")


def windows_over(b: Builder, call: Call, axes: int) -> Value:
    """The input of a layer that works along `axes` axes of positions: [N, C, ...]."""
    x = in_file_order(b, call, 0) if has_channels_first(call) else image(b, call, 0)
    if x.rank != axes + 2:
        raise Unmapped(f"works along {axes} axes of a tensor of {x.rank}")
    return x


def from_windows(b: Builder, call: Call, value: Value) -> Value:
    """The output of such a layer."""
    return made(b, call, value, is_image=not has_channels_first(call))


def padding_of(
    call: Call, kernel: Sequence[int], dilation: Sequence[int]
) -> Ends | Literal["same"]:
    """Padding as convolutions take it."""
    name = argument(call, "padding", "valid")
    if name == "same":
        return "same"
    if name == "valid":
        return [(0, 0)] * len(kernel)
    if name == "causal" and len(kernel) == 1:
        return [(dilation[0] * (kernel[0] - 1), 0)]
    raise Unmapped(f"has the padding `{str(name)[:40]}`")


def operands(b: Builder, call: Call) -> list[Value]:
    """Tensors and numbers of a function of each element, in the order of axes of its output."""
    rank = max([0, *[x.rank for x in call.inputs if x is not None]])
    result: list[Value] = []
    for value in _flat([*call.get(ARGUMENTS), *call.get(NAMED).values()]):
        if isinstance(value, Input):
            result.append(as_output(b, call, value.number, rank))
        elif type(value) in (int, float):
            result.append(Value((), "float32", known=(value,), static=True))
        elif value is not None:
            raise Unmapped("has an argument that is neither a tensor nor a number")
    return result


def _flat(values: Sequence[Any]) -> list[Any]:
    flat: list[Any] = []
    for value in values:
        flat += _flat(value) if isinstance(value, list) else [value]
    return flat
