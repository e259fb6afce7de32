"""The JSON of a Keras model: what its values say of calls, tensors and shapes.

A file may hold anything, so each value is checked. In Keras 3 an argument that is a tensor is an
object `__keras_tensor__`; in Keras 2 it is a list [layer, call, output, arguments by name]
(keras/src/models/functional.py of 3.15 and 2.15).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from mnet_cost.importing.graph import Batch, Reference, Shape
from mnet_cost.importing.readers.contents import Unreadable

DAMAGED = "the file is damaged, or was changed by hand: save the model again"
"""The way out of what should not be there."""


@dataclass(frozen=True, slots=True)
class Input:
    """A tensor among the arguments of a call: the input of the node with that number."""

    number: int


class Given(NamedTuple):
    """A tensor as a layer gives it: which layer, which of its calls, which output."""

    layer: str
    call: int
    output: int
    shape: Any = None
    """As the file states it, where it does."""
    dtype: Any = None

    @property
    def key(self) -> str:
        """The call that makes it."""
        return f"{self.layer}:{self.call}"


def arguments_of(inbound: Any) -> tuple[list[Any], dict[str, Any]]:
    """(Arguments by position, arguments by name) of a call, with a `Given` for each tensor."""
    if isinstance(inbound, dict):  # Keras 3
        args = plain(items(inbound.get("args", []), "the arguments of a call"))
        kwargs = mapping(inbound.get("kwargs", {}), "the arguments of a call")
        return args, {name: plain(value) for name, value in kwargs.items()}
    tensors: list[Any] = []
    kwargs = {}
    for entry in items(inbound, "the arguments of a call"):  # Keras 2: [layer, call, output, named]
        tensors.append(given(entry))
        kwargs = entry[3] if len(entry) > 3 and isinstance(entry[3], dict) else kwargs
    named = {
        name: given(value) if is_given(value) else plain(value) for name, value in kwargs.items()
    }
    return [tensors if len(tensors) > 1 else tensors[0]] if tensors else [], named


def plain(value: Any) -> Any:
    """A value of JSON, with a `Given` for each tensor and a `slice` for each slice."""
    if isinstance(value, list):
        return [plain(part) for part in value]
    if not isinstance(value, dict):
        return value
    config = value.get("config")
    if value.get("class_name") == "__keras_tensor__" and isinstance(config, dict):
        made = given(config.get("keras_history"))
        return made._replace(shape=config.get("shape"), dtype=config.get("dtype"))
    if value.get("class_name") == "__slice__" and isinstance(config, dict):
        bounds = [config.get(name) for name in ("start", "stop", "step")]
        if all(bound is None or type(bound) is int for bound in bounds):
            return slice(*bounds)
    if value.get("class_name") == "__ellipsis__":
        return ...
    return {name: plain(part) for name, part in value.items()}


def is_given(value: Any) -> bool:
    """Whether a value names a tensor as [layer, call, output]."""
    return (
        isinstance(value, list)
        and len(value) >= 3
        and isinstance(value[0], str)
        and type(value[1]) is type(value[2]) is int
    )


def given(value: Any) -> Given:
    """The tensor that a value names."""
    if not is_given(value):
        raise Unreadable("names a tensor in a way that is not known", DAMAGED)
    if min(value[1:3]) < 0:
        raise Unreadable(f"reads output {value[2]} of call {value[1]}", DAMAGED)
    return Given(value[0], value[1], value[2])


def listed(value: Any) -> list[Given]:
    """The tensors of a structure of them: one, a list, or by name."""
    if is_given(value):
        return [given(value)]
    parts = value.values() if isinstance(value, dict) else items(value, "the inputs and outputs")
    return [tensor for part in parts for tensor in listed(part)]


def tensors_in(value: Any) -> Iterator[Given]:
    """The tensors among arguments, in their order."""
    if isinstance(value, Given):
        yield value
    elif isinstance(value, (list, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from tensors_in(part)


def resolved(value: Any, values: Mapping[str, list[str]]) -> Any:
    """Arguments with references in the place of tensors."""
    if isinstance(value, Given):
        return Reference(value_of(value, values))
    if isinstance(value, list):
        return [resolved(part, values) for part in value]
    if isinstance(value, dict):
        return {name: resolved(part, values) for name, part in value.items()}
    return value


def value_of(tensor: Given, values: Mapping[str, list[str]]) -> str:
    """The name of a tensor, of which `values` has those that each call makes."""
    made = values.get(tensor.key)
    if made is None or tensor.output >= len(made):
        raise Unreadable(
            f"reads output {tensor.output} of call {tensor.call} of `{tensor.layer[:60]}`, which "
            "nothing makes",
            DAMAGED,
        )
    return made[tensor.output]


def references_in(value: Any) -> Iterator[str]:
    """The names of the references among arguments, in their order."""
    if isinstance(value, Reference):
        yield value.name
    elif isinstance(value, (list, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from references_in(part)


def placed(value: Any, places: Iterator[int]) -> Any:
    """Arguments with the numbers of inputs in the place of references, in their order."""
    if isinstance(value, Reference):
        return Input(next(places))
    if isinstance(value, list):
        return [placed(part, places) for part in value]
    if isinstance(value, dict):
        return {name: placed(part, places) for name, part in value.items()}
    return value


def shape_of(value: Any, name: str, *, is_input: bool) -> Shape:
    """A shape with the batch in front. Sizes that the file leaves open are symbols."""
    sizes: list[Any] = list(items(value, f"the shape of `{name[:60]}`"))
    if any(size is not None and (type(size) is not int or size < 0) for size in sizes):
        raise Unreadable(f"`{name[:60]}` has a shape that is none", DAMAGED)
    axes = {3: ("length",), 4: ("height", "width"), 5: ("depth", "height", "width")}
    symbols = ("batch", *axes.get(len(sizes), ()), "channels")
    for place, size in enumerate(sizes):
        if size is None and place == 0:
            sizes[0] = Batch(1)
        elif size is None:
            known = place < len(symbols) and len(symbols) == len(sizes)
            sizes[place] = (symbols[place] if known else f"size_{place}") if is_input else "?"
    return tuple(sizes)


def dtype_of(value: Any) -> str | None:
    """A type as ONNX calls it; that of a policy is its name."""
    if isinstance(value, dict):
        config = value.get("config")
        value = config.get("name") if isinstance(config, dict) else None
    return value if isinstance(value, str) and value.isidentifier() and len(value) < 20 else None


def text(value: Any) -> str:
    """A text; an empty one for what is none."""
    return value if isinstance(value, str) else ""


def mapping(value: Any, what: str) -> Mapping[str, Any]:
    """A value that has to be an object of JSON."""
    if not isinstance(value, dict):
        raise Unreadable(f"{what} should be an object of JSON", DAMAGED)
    return value


def items(value: Any, what: str) -> list[Any]:
    """A value that has to be a list of JSON."""
    if not isinstance(value, list):
        raise Unreadable(f"{what} should be a list of JSON", DAMAGED)
    return value
