"""Words that stand for `elementwise` with one operation: `mish`, `subtract`, `clamp`.

A short form has the fields that its operation has a use of, and makes a layer of the kind
`elementwise`: it is no kind by itself, and no rule knows of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from mnet_cost.layers.arithmetic import OPERATIONS, REVERSIBLE, Elementwise, Operation
from mnet_cost.layers.base import Layer

_CHOSEN: Mapping[str, Mapping[str, Any]] = {
    "hard_tanh": {"operation": "clamp", "low": -1.0, "high": 1.0},
}
"""What a word means that is not the name of an operation."""


def short_form(word: str) -> type[Layer]:
    """The class of a short form; calling it makes an `Elementwise` layer."""
    chosen = _CHOSEN.get(word, {"operation": word})
    operation = OPERATIONS[chosen["operation"]]

    def make(cls: type[Layer], **fields: Any) -> Elementwise:
        return Elementwise(**chosen, **fields)

    return dataclasses.make_dataclass(
        word,
        [
            (name, object, _copied(name))
            for name in _names(operation, chosen["operation"])
            if name not in chosen
        ],
        bases=(Layer,),
        namespace={
            "__doc__": _documentation(operation, chosen),
            "__new__": make,
            "kind": word,
            "arity": (1 if operation.number == "instead" else operation.tensors, operation.tensors),
            "effect": "elementwise",
        },
        frozen=True,
        slots=True,
        kw_only=True,
    )


def _names(operation: Operation, name: str) -> tuple[str, ...]:
    """The fields of `elementwise` that an operation has a use of."""
    if name == "clamp":
        return ("low", "high")
    if operation.number == "none":
        return ()
    return ("number", "reversed") if name in REVERSIBLE else ("number",)


def _copied(name: str) -> Any:
    (field,) = [field for field in dataclasses.fields(Elementwise) if field.name == name]
    return dataclasses.field(default=field.default, metadata=field.metadata)


def _documentation(operation: Operation, chosen: Mapping[str, Any]) -> str:
    values = ", ".join(
        f"{name}: {value:g}" if isinstance(value, float) else f"{name}: {value}"
        for name, value in chosen.items()
    )
    return f"{operation.formula}.\n\nShort for `elementwise: {{{values}}}`."
