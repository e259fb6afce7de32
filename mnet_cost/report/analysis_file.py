"""Reads the document of `analyze --format json` back, as far as analyses are compared.

What is read is a `Snapshot`. A document has no blocks with arguments and no `let`, so a change of a
layer is known by its line and its fields alone. Not here: what is written (`analysis_json.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import fsum, isfinite
from typing import Any

from mnet_cost.analysis.memory import LiveTensor
from mnet_cost.differences.snapshots import (
    ADDITIVE,
    DeviceSnapshot,
    KernelSnapshot,
    LayerSnapshot,
    Snapshot,
    SpecEntry,
    label_of_name,
    value_text,
)
from mnet_cost.errors import Problem, UsageError
from mnet_cost.metrics import TOTALS
from mnet_cost.models.types import BATCH
from mnet_cost.report.schema_ids import schema_id
from mnet_cost.units import file_unit
from mnet_cost.yamlfile import read_text

MAX_BYTES = 128 * 2**20
"""Most bytes of a file: some 700 networks on one device take as much."""

_HINT = "`mnet-cost analyze MODEL --format json -o FILE` writes one"
_LAYER_KEYS = {"activation_bytes": "output_bytes"}
"""Keys of a layer that are not those of the total."""


def read_snapshot(path: str) -> Snapshot:
    """The analysis that a file holds; `UsageError` where it holds anything else."""
    return snapshot_of_document(read_json(path), path)


def read_json(path: str, hint: str = _HINT) -> Any:
    """What a JSON file holds; `UsageError` where it is none, with a hint how one is made."""
    text = read_text(path, UsageError, MAX_BYTES).text
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise UsageError(f"{path}: is nested too deeply") from None
    except ValueError as reason:
        raise UsageError(Problem(f"{path}: is not JSON: {reason}", hint=hint)) from None


def snapshot_of_document(document: Any, path: str = "the document") -> Snapshot:
    """The snapshot of the document of an analysis; `path` names it in errors.

    Raises `UsageError` for a document of another schema, and where a value is not what the schema
    says or numbers do not add up.
    """
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != schema_id("analysis"):
        wanted = schema_id("analysis")
        raise UsageError(Problem(f"{path}: {other_schema(schema)}, not `{wanted}`", hint=_HINT))
    reader = Reader(path)
    model = reader.mapping(document, "model")
    spec = reader.text(model, "spec")
    layers = tuple(
        _layer(reader, reader.as_mapping(layer, f"layers[{number}]"), spec)
        for number, layer in enumerate(reader.items(document, "layers"))
    )
    memory = reader.mapping(document, "memory")
    variant = model.get("variant")
    snapshot = Snapshot(
        title=reader.text(model, "name") + (f":{variant}" if variant else ""),
        spec=spec,
        variant=variant if isinstance(variant, str) else None,
        stated=tuple(map(str, reader.items(model, "stated"))),
        knobs={**reader.mapping(model, "knobs"), BATCH: reader.whole(model, "batch")},
        precision=reader.text(model, "precision"),
        convention=reader.text(document, "convention"),
        inputs=_inputs(layers),
        layers=layers,
        totals={
            total.name: reader.maybe_whole(reader.mapping(document, "totals"), total.file_key)
            for total in TOTALS
        },
        peak_at=reader.text(memory, "peak_at"),
        live_at_peak=tuple(
            LiveTensor(reader.text(tensor, "name"), reader.whole(tensor, "bytes"))
            for tensor in reader.mappings(memory, "live_at_peak")
        ),
        devices=tuple(_device(reader, each) for each in reader.mappings(document, "devices")),
    )
    _check_sums(snapshot, path)
    return snapshot


def other_schema(schema: object) -> str:
    """What a document is that is not what was asked for."""
    return f"is a document `{schema}`" if isinstance(schema, str) else "is no document of mnet-cost"


def _layer(reader: Reader, layer: Mapping[str, Any], spec: str) -> LayerSnapshot:
    name, kind = reader.text(layer, "name"), reader.text(layer, "kind")
    label, has_id = label_of_name(name, kind)
    path = layer.get("spec", spec)
    file = path if isinstance(path, str) else spec
    entry = SpecEntry(name.rpartition(".")[2], file, reader.whole(layer, "line"), 1, (), "")
    output = {"shape": layer.get("output_shape"), "dtype": layer.get("output_dtype")}
    return LayerSnapshot(
        name=name,
        label=label,
        has_id=has_id,
        kind=kind,
        fields=tuple(
            (field, value_text(value)) for field, value in reader.mapping(layer, "fields").items()
        ),
        inputs=tuple(map(str, reader.items(layer, "inputs"))),
        input_types=tuple(_type(reader, each) for each in reader.mappings(layer, "input_types")),
        output_type=_type(reader, output),
        entries=(entry,),
        costs=_costs(reader, layer),
        is_modelled=layer.get("mult_adds") is not None,
    )


def _costs(reader: Reader, layer: Mapping[str, Any]) -> tuple[int, ...]:
    mult_adds = reader.maybe_whole(layer, "mult_adds") or 0
    return tuple(
        2 * mult_adds
        if metric.name == "flops"
        else reader.maybe_whole(layer, _LAYER_KEYS.get(metric.file_key, metric.file_key)) or 0
        for metric in ADDITIVE
    )


def _type(reader: Reader, type_: Mapping[str, Any]) -> str:
    shape = "x".join(str(size) for size in reader.items(type_, "shape")) or "scalar"
    dtype = type_.get("dtype")
    return f"{shape} {dtype}" if dtype else shape


def _inputs(layers: tuple[LayerSnapshot, ...]) -> tuple[tuple[str, str], ...]:
    """Names and types of the tensors that no layer makes."""
    made = {layer.name for layer in layers}
    return tuple(
        {
            name: type_
            for layer in layers
            for name, type_ in zip(layer.inputs, layer.input_types, strict=False)
            if name not in made and name.rpartition(".")[0] not in made
        }.items()
    )


def _device(reader: Reader, device: Mapping[str, Any]) -> DeviceSnapshot:
    kernels = tuple(
        KernelSnapshot(
            reader.text(kernel, "name"),
            tuple(map(str, reader.items(kernel, "layers"))),
            reader.seconds(kernel, "latency_s"),
        )
        for kernel in reader.mappings(device, "kernels")
    )
    latency_s = reader.seconds(device, "latency_s")
    known = fsum(kernel.latency_s for kernel in kernels if kernel.latency_s is not None)
    basis = device.get("basis")
    return DeviceSnapshot(
        name=reader.text(device, "name"),
        basis=basis if isinstance(basis, str) else None,
        latency_s=latency_s,
        low_s=reader.seconds(device, "latency_low_s"),
        high_s=reader.seconds(device, "latency_high_s"),
        inference_s=0.0 if latency_s is None else latency_s - known,
        kernels=kernels,
    )


def _check_sums(snapshot: Snapshot, path: str) -> None:
    """Refuse a document whose numbers were changed: causes would not add up."""
    names = {layer.name for layer in snapshot.layers}
    if len(names) < len(snapshot.layers):
        raise UsageError(f"{path}: two of its layers have one name")
    for place, metric in enumerate(ADDITIVE):
        total = snapshot.totals[metric.name]
        if total is not None and total != sum(layer.costs[place] for layer in snapshot.layers):
            raise UsageError(f"{path}: its layers do not add up to its {metric.title}")
    peak = snapshot.totals["peak_memory"]
    if peak != sum(tensor.bytes for tensor in snapshot.live_at_peak):
        raise UsageError(f"{path}: its tensors do not add up to its peak memory")
    for device in snapshot.devices:
        for kernel in device.kernels:
            if not names.issuperset((kernel.name, *kernel.layers)):
                raise UsageError(
                    f"{path}: a kernel on {device.name} runs a layer that is not there"
                )


class Reader:
    """Takes values out of a document, or says which one is not what it should be."""

    def __init__(self, path: str) -> None:
        self._path = path

    def refuse(self, key: str, wanted: str) -> UsageError:
        return UsageError(
            Problem(f"{self._path}: `{key}` is not {wanted}", hint="write the document again")
        )

    def as_mapping(self, value: Any, key: str) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise self.refuse(key, "an object")
        return value

    def mapping(self, within: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        return self.as_mapping(within.get(key), key)

    def items(self, within: Mapping[str, Any], key: str) -> list[Any]:
        value = within.get(key)
        if not isinstance(value, list):
            raise self.refuse(key, "a list")
        return value

    def mappings(self, within: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
        return [self.as_mapping(value, key) for value in self.items(within, key)]

    def text(self, within: Mapping[str, Any], key: str) -> str:
        value = within.get(key)
        if not isinstance(value, str):
            raise self.refuse(key, "a text")
        return value

    def whole(self, within: Mapping[str, Any], key: str) -> int:
        value = self.maybe_whole(within, key)
        if value is None:
            raise self.refuse(key, "a whole number")
        return value

    def maybe_whole(self, within: Mapping[str, Any], key: str) -> int | None:
        value = within.get(key, "")
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise self.refuse(key, "a whole number")
        return value

    def seconds(self, within: Mapping[str, Any], key: str) -> float | None:
        """A time, which files have in milliseconds; None where it is null."""
        stem, ending, factor = file_unit(key)
        value = within.get(stem + ending, "")
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
            raise self.refuse(stem + ending, "a number")
        return value / factor


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is no number")
