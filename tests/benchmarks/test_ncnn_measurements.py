"""Published measurements: every row is well formed, of a network that loads and a known device."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from mnet_cost.models.library import is_path, load_model

FOLDER = Path(__file__).parents[2] / "benchmarks" / "accuracy" / "measurements"
COLUMNS = [
    "device", "processor", "runtime", "precision", "threads", "batch", "model", "family",
    "latency_ms", "run", "date", "source",
]  # fmt: skip
DEVICE_COLUMNS = [
    "device", "soc_group", "core", "clock_ghz", "fp32_macs_per_cycle", "fp16_macs_per_cycle",
    "out_of_order", "pack", "source",
]  # fmt: skip
FAMILIES = {
    "AlexNet", "BlazeFace", "IR", "IR-SE", "ResNet", "ShuffleNet", "SqueezeNet", "V1", "VGG", "ViT",
    "YOLO-tiny", "YOLOv4-tiny",
}  # fmt: skip
FILES = {  # runtime, rows, devices
    "ncnn_cpu.csv": ("ncnn", 3781, 73),
    "ncnn_vulkan.csv": ("ncnn-vulkan", 530, 28),
}


def table(name: str) -> tuple[list[str], list[dict[str, str]]]:
    """(columns, rows) of a file."""
    with open(FOLDER / name, newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
        return list(reader.fieldnames or ()), rows


@pytest.mark.parametrize("name", FILES)
def test_rows_are_measurements(name: str) -> None:
    columns, rows = table(name)
    runtime, count, devices = FILES[name]
    assert columns == COLUMNS
    assert len(rows) == count
    assert len({row["device"] for row in rows}) == devices
    for row in rows:
        assert all(row.values()), row
        assert re.fullmatch(r"[a-z][a-z0-9_]*", row["device"])
        assert row["runtime"] == runtime
        assert row["precision"] in ("fp32", "fp16", "int8")
        assert int(row["threads"]) >= 1
        assert row["batch"] == "1"
        assert row["family"] in FAMILIES
        assert float(row["latency_ms"]) > 0
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", row["date"])
    settings = [(*(row[key] for key in ("device", "run", "precision", "model")),) for row in rows]
    assert len(set(settings)) == count


@pytest.mark.parametrize("name", FILES)
def test_a_device_has_one_processor_a_model_one_family_a_run_one_device(name: str) -> None:
    _, rows = table(name)
    for key, value in (
        ("device", "processor"), ("model", "family"), ("run", "device"), ("run", "threads"),
    ):  # fmt: skip
        pairs = {(row[key], row[value]) for row in rows}
        assert len(pairs) == len({first for first, _ in pairs})


def test_models_load() -> None:
    models = {row["model"] for name in FILES for row in table(name)[1]}
    assert len(models) == 22
    for model in models:
        assert load_model(str(FOLDER / model) if is_path(model) else model).spec.name


def test_devices_are_those_of_the_measurements() -> None:
    columns, rows = table("../processors.csv")
    assert columns == DEVICE_COLUMNS
    assert [row["device"] for row in rows] == list(
        dict.fromkeys(row["device"] for row in table("ncnn_cpu.csv")[1])
    )
    of_core: dict[str, tuple[str, str]] = {}
    for row in rows:
        assert row["soc_group"]
        assert row["core"]
        assert row["source"]
        assert 0.5 < float(row["clock_ghz"]) < 5
        assert row["out_of_order"] in ("true", "false", "")
        if row["fp16_macs_per_cycle"]:
            assert int(row["fp16_macs_per_cycle"]) == 2 * int(row["fp32_macs_per_cycle"])
        if row["device"] != "azure_d64s_v6_avx2":  # the same core, without its 512 bits
            peaks = (row["fp32_macs_per_cycle"], row["fp16_macs_per_cycle"])
            assert of_core.setdefault(row["core"], peaks) == peaks


def test_fp16_is_where_the_core_has_it() -> None:
    with_fp16 = {
        row["device"] for row in table("../processors.csv")[1] if row["fp16_macs_per_cycle"]
    }
    for row in table("ncnn_cpu.csv")[1]:
        if row["precision"] != "int8":
            assert (row["precision"] == "fp16") == (row["device"] in with_fp16), row["device"]
