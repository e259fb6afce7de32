"""A network written as a flat spec: each layer an entry of its own, all fields as numbers.

It is another way to the same network than elaboration and rebuilding: what a test edits in it is
the text of a spec.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import yaml

from mnet_cost.models.load import parse_spec
from mnet_cost.models.types import ModelSpec
from mnet_cost.network import Network

Document = dict[str, Any]


def flat_document(network: Network) -> Document:
    """The spec of `network` as a document; entry i is step i, with the id `si`."""
    names = {index: f"input{index}" for index in network.inputs}
    entries = []
    for number, step in enumerate(network.steps):
        several = len(step.outputs) > 1
        for place, output in enumerate(step.outputs):
            names[output] = f"s{number}.{place}" if several else f"s{number}"
        fields = {
            field.name: list(value) if isinstance(value, tuple) else value
            for field in dataclasses.fields(step.layer)
            if (value := getattr(step.layer, field.name)) is not None
        }
        entry: Document = {"id": f"s{number}", step.layer.kind: fields}
        if step.inputs:
            entry["from"] = [names[index] for index in step.inputs]
        entries.append(entry)
    inputs: dict[str, Document] = {}
    for index in network.inputs:
        type_ = network.tensors[index].type
        inputs[names[index]] = {"shape": list(type_.shape)}
        if type_.dtype is not None:
            inputs[names[index]]["dtype"] = type_.dtype.name
    return {
        "format": 1,
        "name": "flat",
        "input": inputs,
        "layers": entries,
        "outputs": [names[index] for index in network.outputs],
    }


def flat_spec(
    document: Document, edits: Mapping[int, Mapping[str, Any]] | None = None
) -> ModelSpec:
    """The spec of a document, with other fields of some entries by number."""
    layers = [dict(entry) for entry in document["layers"]]
    for number, fields in (edits or {}).items():
        (kind,) = layers[number].keys() - {"id", "from"}
        layers[number][kind] = {**layers[number][kind], **fields}
    return parse_spec(yaml.safe_dump({**document, "layers": layers}, sort_keys=False), None, "flat")
