"""Writes small models of Keras as `config.json` has them, for tests: layers, calls and archives."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def layer(kind: str, name: str | None = None, /, **config: Any) -> Json:
    """A layer of Keras itself, as a `Sequential` has it."""
    own = name or kind.lower()
    return {
        "module": "keras.layers",
        "class_name": kind,
        "config": {"name": own, **config},
        "registered_name": None,
        "name": own,
    }


def tensor(
    name: str, shape: Sequence[int | None] | None = None, call: int = 0, output: int = 0
) -> Json:
    """A tensor among the arguments of a call."""
    history = {"shape": shape, "dtype": "float32", "keras_history": [name, call, output]}
    return {"class_name": "__keras_tensor__", "config": history}


def called(entry: Json, *calls: Any) -> Json:
    """A layer with its calls: each is a tensor, a list of arguments, or (arguments, by name)."""
    nodes = []
    for call in calls:
        args, kwargs = call if isinstance(call, tuple) else (call, {})
        nodes.append({"args": args if isinstance(args, list) else [args], "kwargs": kwargs})
    return {**entry, "inbound_nodes": nodes}


def operation(kind: str, name: str, /, **config: Any) -> Json:
    """A function of `keras.ops`."""
    return layer(kind, name, **config) | {
        "module": "keras.src.ops.numpy",
        "registered_name": kind,
    }


def given(shape: Sequence[int | None], name: str = "x", dtype: str = "float32") -> Json:
    """An input, without its batch."""
    entry = layer("InputLayer", name, batch_shape=[None, *shape], dtype=dtype)
    return {**entry, "inbound_nodes": []}


def functional(
    layers: Sequence[Json], output: Any, name: str = "net", inputs: Sequence[str] = ("x",)
) -> Json:
    """A model of layers with calls; `output` is a name, or a list of [layer, call, output]."""
    ends = [[output, 0, 0]] if isinstance(output, str) else output
    heads = [[own, 0, 0] for own in inputs]
    config = {"name": name, "layers": list(layers), "input_layers": heads, "output_layers": ends}
    return {"module": "keras", "class_name": "Functional", "config": config, "name": name}


def sequential(*layers: Json, name: str = "net") -> Json:
    """A model of layers one after the other."""
    config = {"name": name, "layers": list(layers)}
    return {"module": "keras", "class_name": "Sequential", "config": config, "name": name}


def written(path: Path, config: Any, version: str = "3.15.1", more: bytes = b"") -> Path:
    """A `.keras` file; `more` are its weights."""
    parts: Mapping[str, bytes] = {
        "metadata.json": json.dumps({"keras_version": version}).encode(),
        "config.json": config if isinstance(config, bytes) else json.dumps(config).encode(),
        "model.weights.h5": more,
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path
