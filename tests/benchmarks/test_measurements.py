"""Measured latencies: every row of `benchmarks/accuracy/measurements` can be used."""

from __future__ import annotations

import csv
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from mnet_cost.analysis.work import count_work
from mnet_cost.models.library import Model, is_path, load_model, split_reference
from mnet_cost.models.types import ModelSpec
from mnet_cost.network import Network, elaborate
from mnet_cost.tensors import DTYPES

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks" / "accuracy" / "measurements"
FILES = sorted(path.name for path in FOLDER.glob("*.csv"))
COLUMNS = [
    *("device", "processor", "runtime", "precision", "threads", "batch"),
    *("model", "family", "latency_ms", "run", "date", "source"),
]
_NPU = ["board", "htp", "layers", "tools"]
MORE_COLUMNS = {
    "mlperf_tiny.csv": ["energy_uj"],
    "onnxruntime_small_graphs.csv": ["role"],
    "snapdragon_npu.csv": _NPU,
    "snapdragon_npu_w8a16.csv": _NPU,
    "openvino.csv": ["measured_as"],
    "edge_accelerators.csv": ["measured_as"],
    "throughput.csv": ["throughput_fps", "measured_as"],
}
PRECISIONS = {"fp32", "fp16", "bf16", "int8"}
MIXED = {"w8a16", "w8a16_mixed_int16", "w8a8_mixed_int16"}
"""Precisions of `snapdragon_npu_w8a16.csv`, which the tool does not have."""

WORD = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
RUNTIME = re.compile(r"([a-z0-9]+(-[a-z0-9]+)*)?")
DATE = re.compile(r"(20\d\d(-\d\d(-\d\d)?)?|v\d\.\d)?")


def rows(file: str) -> list[dict[str, str]]:
    with (FOLDER / file).open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


@cache
def spec(name: str, variant: str | None) -> ModelSpec:
    place = os.path.join(FOLDER, name) if is_path(name) else name
    return load_model(f"{place}:{variant}" if variant else place).spec


def network(reference: str) -> Network:
    """The network of a reference; a path in it is relative to the folder of the CSV files."""
    name, variant, knobs = split_reference(reference)
    return elaborate(*Model(spec(name, variant), knobs))


def counts(reference: str) -> tuple[int, int]:
    """Mult-adds and params."""
    layers = count_work(network(reference), DTYPES["fp32"])
    return sum(layer.mult_adds or 0 for layer in layers), sum(layer.params for layer in layers)


def all_rows() -> Iterator[dict[str, str]]:
    for file in FILES:
        yield from rows(file)


def test_files_are_there() -> None:
    assert len(FILES) >= 12


@pytest.mark.parametrize("file", FILES)
def test_header(file: str) -> None:
    with (FOLDER / file).open(newline="", encoding="utf-8") as lines:
        assert next(csv.reader(lines)) == COLUMNS + MORE_COLUMNS.get(file, [])


@pytest.mark.parametrize("file", FILES)
def test_values(file: str) -> None:
    for line, row in enumerate(rows(file), start=2):
        where = f"{file}:{line}"
        assert None not in row, where
        assert None not in row.values(), where
        assert WORD.fullmatch(row["device"]), where
        assert RUNTIME.fullmatch(row["runtime"]), where
        assert row["precision"] in (MIXED if "w8a16" in file else PRECISIONS), where
        assert row["threads"] == "" or int(row["threads"]) >= 1, where
        assert row["batch"] == "" or int(row["batch"]) >= 1, where
        if file == "throughput.csv":
            assert row["latency_ms"] == "", where
            assert float(row["throughput_fps"]) > 0, where
            assert "throughput" in row["measured_as"], where
        else:
            assert float(row["latency_ms"]) > 0, where
        assert row["family"], where
        assert DATE.fullmatch(row["date"]), where
        assert row["source"], where
        assert row.get("energy_uj", "") == "" or float(row["energy_uj"]) > 0, where


@pytest.mark.parametrize("file", FILES)
def test_models_elaborate(file: str) -> None:
    for reference in sorted({row["model"] for row in rows(file)}):
        assert network(reference).steps, reference


def test_a_model_is_of_one_family() -> None:
    families = defaultdict(set)
    for row in all_rows():
        name, variant, _ = split_reference(row["model"])
        families[name, variant].add(row["family"])
    assert {model: names for model, names in families.items() if len(names) > 1} == {}


def test_no_row_is_there_twice() -> None:
    for file in FILES:
        values = [tuple(row.values()) for row in rows(file)]
        assert len(values) == len(set(values)), file


PRINTED = [
    # model, mult-adds as printed, a unit of their last digit
    ("mobilenet_v2@alpha=0.75,resolution=192", 153e6, 1e6),
    ("mobilenet_v2@alpha=1.4", 582e6, 1e6),
    ("mobilenet_v2@alpha=2.0", 1.1e9, 0.1e9),
    ("mobilenet_v3_large", 217e6, 1e6),
    ("mobilenet_v3_large@alpha=0.75", 155e6, 1e6),
    ("mnasnet_a1", 312e6, 1e6),
    ("nasnet_mobile", 564e6, 1e6),
    ("ssdlite320_mobilenet_v2@alpha=0.35", 160e6, 10e6),
    ("mobilenet_v4_conv_small", 0.2e9, 0.1e9),
    ("convnext_small", 8.7e9, 0.1e9),
    ("shufflenet_v2_x1_5@authors=true", 299e6, 1e6),
    ("mobilenet_v1@alpha=0.25", 41e6, 1e6),
    ("resnet8", 12_501_632, 1),
    ("ds_cnn", 2_656_768, 1),
    ("networks/proxyless_mobile.yaml", 320e6, 1e6),
    ("networks/mobileone_s0.yaml", 0.3e9, 0.1e9),
]


@pytest.mark.parametrize(("model", "printed", "place"), PRINTED)
def test_mult_adds_are_those_of_the_source(model: str, printed: float, place: float) -> None:
    assert any(row["model"] == model for row in all_rows())
    mult_adds, _ = counts(model)
    assert abs(mult_adds - printed) < place


FBNET = [
    # operations of the source, 0 to 8, by stage; mult-adds and params in millions, as it has them
    ("7 8184 8887 4147 3273 2424 5", 67.6054, 1.79050),
    ("5 3550 4755 2024 5137 2604 0", 61.5643, 1.69557),
    ("8 2151 8466 2525 1252 8235 0", 47.1844, 1.73732),
]


@pytest.mark.parametrize(("operations", "mult_adds", "params"), FBNET)
def test_the_space_of_fbnet(operations: str, mult_adds: float, params: float) -> None:
    stages = ["".join(str(int(digit) + 1) for digit in stage) for stage in operations.split()]
    knobs = ",".join(f"s{number}={stage}" for number, stage in enumerate(stages, start=1))
    counted = counts(f"networks/fbnet_space.yaml@{knobs}")
    assert counted[0] == pytest.approx(mult_adds * 1e6, abs=51)
    assert counted[1] == pytest.approx(params * 1e6, abs=5.1)


OFA = [
    (
        "ofa_block.yaml@size=10,c_in=136,c_out=136,expand=408,kernel=5,se=true,hs=true,skip=true",
        12.20246,
        0.208456,
    ),
    (
        "ofa_block.yaml@size=7,c_in=192,c_out=192,expand=768,kernel=7,se=true,hs=true,skip=true",
        16.58957,
        0.631872,
    ),
    ("ofa_block.yaml@size=80,c_in=24,c_out=24,expand=24,skip=true", 5.06880, 0.000888),
    ("ofa_ends.yaml:first@size=160", 4.14720, 0.000696),
    ("ofa_ends.yaml:last@size=5", 5.52960, 0.223488),
    ("ofa_ends.yaml:logits", 1.53600, 1.537000),
]


@pytest.mark.parametrize(("model", "mult_adds", "params"), OFA)
def test_blocks_of_once_for_all(model: str, mult_adds: float, params: float) -> None:
    reference = f"networks/{model}"
    assert any(row["model"] == reference for row in rows("ofa_note10_blocks.csv"))
    counted = counts(reference)
    assert counted[0] == pytest.approx(mult_adds * 1e6, abs=5.1)
    assert counted[1] == pytest.approx(params * 1e6, abs=0.6)


SMALL = [
    # mult-adds and params by arithmetic
    ("pointwise@channels=512,size=14,count=3", 154_140_672, 789_504),
    ("pair_hard_swish@channels=40,size=28,wide=240,count=2", 30_105_600, 39_520),
    ("dense_block@channels=256,size=28,wide=128,count=4", 237_633_536, 307_072),
    ("squeeze_excite@channels=240,size=28,wide=64,hard=true,count=3", 5_172_480, 100_992),
    ("grouped@channels=128,size=28,group=4,count=3", 10_838_016, 14_592),
    ("stem_7x7@channels=64,size=224,stride=2", 118_013_952, 9_536),
    ("linear_heavy@channels=1280,count=6", 9_830_400, 9_838_080),
]


@pytest.mark.parametrize(("model", "mult_adds", "params"), SMALL)
def test_small_graphs(model: str, mult_adds: int, params: int) -> None:
    reference = f"small_graphs:{model}"
    assert any(row["model"] == reference for row in rows("onnxruntime_small_graphs.csv"))
    assert counts(reference) == (mult_adds, params)


def test_the_readme_states_the_number_of_rows() -> None:
    table = re.findall(
        r"^\| `(\w+\.csv)` \| ([\d,]+) \|", (FOLDER / "README.md").read_text("utf-8"), re.MULTILINE
    )
    stated = {file: int(count.replace(",", "")) for file, count in table}
    assert stated == {file: len(rows(file)) for file in FILES}
