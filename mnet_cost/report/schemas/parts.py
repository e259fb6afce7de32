"""Parts of JSON Schema, draft 2020-12, each with what it means: a small vocabulary to declare with.

Objects are closed and need all their keys, so that a key that nobody declared is a failed test.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mnet_cost.metrics import named

Json = dict[str, Any]


def text(description: str, *values: str) -> Json:
    """A text, of `values` where there are some."""
    return _of("string", description) | ({"enum": list(values)} if values else {})


def whole(description: str) -> Json:
    """A whole number that is not negative."""
    return _of("integer", description) | {"minimum": 0}


def number(description: str) -> Json:
    """Any number."""
    return _of("number", description)


def flag(description: str) -> Json:
    """True or false."""
    return _of("boolean", description)


def scalar(description: str) -> Json:
    """A number, a text, true or false."""
    return {"description": description, "type": ["number", "string", "boolean"]}


def maybe(schema: Json) -> Json:
    """The same, or null, where it is not known or does not apply."""
    if "type" not in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    nullable = schema | {"type": [*types, "null"]}
    return nullable | ({"enum": [*schema["enum"], None]} if "enum" in schema else {})


def metric_keys(names: Iterable[str], more: str = "") -> dict[str, Json]:
    """Keys of metrics with what they mean, and `more`; null where a metric is not known."""
    keys = {}
    for metric in named(tuple(names)):
        kind = whole if metric.unit in ("", "bytes") else number
        schema = kind(metric.meaning + more)
        keys[metric.file_key] = maybe(schema) if metric.needs_totals else schema
    return keys


def listed(items: Json, description: str = "") -> Json:
    """A list of equal things."""
    return _of("array", description) | {"items": items}


def mapped(values: Json, description: str) -> Json:
    """An object whose keys are names of the user's."""
    return _of("object", description) | {"additionalProperties": values}


def record(properties: Json, description: str = "", optional: tuple[str, ...] = ()) -> Json:
    """An object with these keys and no others."""
    return _of("object", description) | {
        "properties": properties,
        "required": [key for key in properties if key not in optional],
        "additionalProperties": False,
    }


def _of(kind: str, description: str) -> Json:
    return {"description": description, "type": kind} if description else {"type": kind}


ORIGIN = {
    "nodes": listed(text("name of a node"), "of the model file that it was imported from"),
    "tensors": listed(text("name of a tensor"), "of that file: its outputs"),
}
"""What a layer stands for in a model file of another tool; left out for those of specs."""
