"""Schemas of JSON documents: what they cover, and that they can fail."""

from __future__ import annotations

import copy
import csv
import io
import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from schemas import checked, validator_of

import mnet_cost
from mnet_cost.cli import main
from mnet_cost.report.schema_ids import VERSIONS

RECORD = Path(__file__).parent.parent / "measure" / "recorded_lenet5.json"

COMMANDS = {
    "analysis": ["analyze", "lenet5", "--training", "--sparsity", "0.5", "--what-if", "macs=x2"],
    "compare": ["compare", "lenet5", "mobilenet_v1@alpha=0.25", "--device", "pixel_1"],
    "explain": ["explain", "lenet5"],
    "models": ["models", "lenet5", "--cost"],
    "model": ["models", "show", "lenet5"],
    "devices": ["devices"],
    "device": ["devices", "raspberry_pi_4_ncnn"],
    "devices-beside": ["devices", "pixel_1", "h100"],
    "device-choice": ["devices", "--for", "lenet5", "pixel_1", "stm32h743", "raspberry_pi_4"],
    "layers": ["layers"],
    "layer": ["layers", "conv2d"],
    "paper": ["paper", "mobilenet_v1", "--table", "4"],
    "sweep": ["sweep", "mobilenet_v1", "--alpha", "0.01,0.5,1.0", "--device", "pixel_1_tflite"],
    "fit": [
        "fit",
        "mobilenet_v1",
        "--alpha",
        "0.5,1.0",
        "--resolution",
        "96x128,128,160",
        "--device",
        "pixel_1_tflite",
        "--latency",
        "30ms",
        "--confidence",
        "0.9",
    ],
    "sensitivity": ["sensitivity", "lenet5", "--device", "pixel_1"],
    "reconcile": ["reconcile", "mobilenet_v1", "--with", "thop=588962304", "--with", "0.57G"],
    "check": [
        *("check", "lenet5", "mobilenet_v1@alpha=0.5", "--fail-on", "never", "--device", "h100"),
        *("--limit", "params<=1M", "--limit", "latency<=1s"),
    ],
    "validation": ["validate", "--from", str(RECORD), "--device", "raspberry_pi_4_ncnn"],
    "batches": ["analyze", "lenet5", "--batch", "1,8", "--device", "pixel_1"],
}
"""A command for each document that takes no file and no training."""

OTHERS = {"calibration", "measurement", "runs", "training", "training-comparison"}
"""Documents of commands that take a file, measure or train; their own tests read them."""


def test_each_document_is_read_by_its_schema_somewhere() -> None:
    assert {*COMMANDS, *OTHERS} == {*VERSIONS}


def output(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main([*arguments]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("kind", COMMANDS)
def test_a_command_writes_its_document(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(output(capsys, *COMMANDS[kind], "--format", "json"))
    assert document["schema"] == f"mnet-cost/{kind}/{VERSIONS[kind]}"
    assert not list(validator_of(kind).iter_errors(document))


@pytest.mark.parametrize("kind", COMMANDS)
def test_a_document_has_all_notes_of_its_report(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads(output(capsys, *COMMANDS[kind], "--format", "json"))
    html = output(capsys, *COMMANDS[kind], "--format", "html")
    listed = re.findall("<li>(.*?)</li>", html, re.DOTALL)
    assert document["notes"] == [unescape(note) for note in listed]


def test_notes_are_those_of_the_command_and_of_python(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["analyze", "lenet5", "--device", "stm32h743", "--format", "json"]
    notes = json.loads(output(capsys, *arguments))["notes"]
    assert (
        "stm32h743: no fp32 rate in the profile (it has int8): time is unknown; "
        "`--precision int8` gives one"
    ) in notes
    assert "1 mult-add = 1 MAC = 2 FLOPs" in notes
    analysis = mnet_cost.analyze("lenet5", devices=["stm32h743"])
    assert analysis.to_dict()["notes"] == notes


def test_a_sweep_of_a_space_writes_the_document_of_sweeps(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ("sweep", "ofa_mobilenet_v3", "--limit", "params<=6M", "--format", "json")
    for selected in (("--sample", "40"), ("--search", "exact")):
        document = json.loads(output(capsys, *words, *selected))
        assert not list(validator_of("sweep").iter_errors(document))
        assert document["selection"]["method"] == selected[1].replace("40", "sample")


@pytest.mark.parametrize("kind", VERSIONS)
def test_schema_of_prints_it(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    schema = json.loads(output(capsys, "schema", "--of", kind))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["properties"]["schema"]["const"] == f"mnet-cost/{kind}/{VERSIONS[kind]}"
    for place, part in objects(schema):
        assert part.get("description") or "properties" in part, place
        assert "additionalProperties" in part or place.endswith("environment"), place


def objects(schema: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """All schemas of objects inside of one, with their places."""
    if isinstance(schema, list):
        for part in schema:
            yield from objects(part, place)
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "object":
        yield place, schema
    for key, part in schema.items():
        yield from objects(part, f"{place}/{key}")


@pytest.mark.parametrize("place", [(), ("totals",), ("layers", 0), ("devices", 0), ("memory",)])
def test_a_key_that_nobody_declared_is_a_problem(
    place: tuple[Any, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads(output(capsys, *COMMANDS["analysis"], "--format", "json"))
    for added in (True, False):
        spoilt = copy.deepcopy(document)
        part = spoilt
        for key in place:
            part = part[key]
        if added:
            part["new"] = 1
        else:
            part.popitem()
        with pytest.raises(AssertionError):
            checked(json.dumps(spoilt))


ROWS = {"model", "knobs", "device", "name", "kind", "latency_share", "mult_adds_share",
        "weights_share", "copies", "layers"}  # fmt: skip
"""Columns that JSON has in another place or not at all."""
DEVICES = ("pixel_1_tflite", "raspberry_pi_4", "h100")
ON_DEVICES = [word for name in DEVICES for word in ("--device", name)]


def same(cell: str, value: Any) -> bool:
    if value is None:
        return cell == ""
    if isinstance(value, bool):
        return cell == str(value).lower()
    if isinstance(value, (int, float)):
        return cell != "" and float(cell) == value
    return cell == (" ".join(map(str, value)) if isinstance(value, list) else value)


def records(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(output(capsys, *arguments, "--format", "csv"))))


def test_csv_and_json_say_the_same_of_networks_on_devices(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["compare", "mobilenet_v1", "mobilenet_v2@batch=2", *ON_DEVICES]
    rows = records(capsys, *arguments)
    document = json.loads(output(capsys, *arguments, "--format", "json"))
    pairs = [(model, device) for model in document["models"] for device in model["devices"]]
    assert [(row["model"], row["device"]) for row in rows] == [
        (model["name"], device["name"]) for model, device in pairs
    ]
    compared = 0
    for row, (model, device) in zip(rows, pairs, strict=True):
        figures = model["published"][0] if model["published"] else {"figures": {}}
        said = {**figures, **figures["figures"], **model["totals"], **model["model"], **device}
        for key in row.keys() - ROWS:
            assert same(row[key], said[key]), (key, row[key], said[key])
            compared += 1
    assert compared == 6 * 24
    assert (rows[3]["batch"], rows[0]["knobs"]) == (
        "2",
        "alpha=1.0 rho=1.0 resolution=224 classes=1000",
    )


def test_csv_and_json_say_the_same_of_layers_and_kernels(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["analyze", "mobilenet_v1", *ON_DEVICES, "--by"]
    document = json.loads(output(capsys, *arguments, "layer", "--format", "json"))
    rows = records(capsys, *arguments, "layer")
    assert len(rows) == 3 * len(document["layers"])
    for row, layer in zip(rows, [*document["layers"]] * 3, strict=True):
        for key in ("name", "kind", "line", "output_shape", "mult_adds", "params", "weights"):
            assert same(row[key], layer[key])
    rows = records(capsys, *arguments, "kernel")
    kernels = {
        (device["name"], kernel["name"]): kernel
        for device in document["devices"]
        for kernel in device["kernels"]
    }
    assert len(rows) == len(kernels)
    for row in rows:
        kernel = kernels[row["device"], row["name"]]
        for key, value in kernel.items():
            assert same(row[key], value), key


def test_analyze_and_compare_have_the_same_rows(capsys: pytest.CaptureFixture[str]) -> None:
    for by in ("layer", "block", "kind"):
        compared = records(capsys, "compare", "lenet5", "alexnet", *ON_DEVICES, "--by", by)
        alone = [
            row
            for name in ("lenet5", "alexnet")
            for row in records(capsys, "analyze", name, *ON_DEVICES, "--by", by)
        ]
        assert compared == alone


def test_markdown_is_long_form_too(capsys: pytest.CaptureFixture[str]) -> None:
    text = output(capsys, "compare", "lenet5", "alexnet", *ON_DEVICES, "--format", "markdown")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) == 1 + 6
    assert [row.split("|")[5].strip() for row in rows[1:]] == [*DEVICES, *DEVICES]
