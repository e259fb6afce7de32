"""Files and pictures of a sweep: whole or not at all, and what an interrupt leaves says so."""

from __future__ import annotations

import csv
import errno
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet as parquet
import pytest

from mnet_cost.devices.load import load_device
from mnet_cost.errors import OutputError, UsageError
from mnet_cost.models.library import load_model
from mnet_cost.report.sweep_plot import plot_sweep
from mnet_cost.search import sweep, sweep_files
from mnet_cost.search.summary import Summary, Table, length_of
from mnet_cost.search.sweep import evaluate, sweep_tables
from mnet_cost.search.sweep_files import write_sweep
from mnet_cost.search.sweep_request import FLAGS, Column, SweepRequest, plan_sweep
from mnet_cost.search.words import Words


def planned(*names: str, **options: Any) -> SweepRequest:
    axes = {"alpha": (0.25, 0.5, 0.75, 1.0), "resolution": tuple(range(96, 225, 16))}
    devices = [load_device("pixel_1_tflite")]
    return plan_sweep(names, [load_model(name) for name in names], axes, devices, **options)


def write(path: Path, request: SweepRequest, **options: Any) -> Summary:
    summary = Summary(request)
    write_sweep(str(path), request, sweep_tables(request, summary), summary, **options)
    return summary


def test_parquet_has_types_flags_and_a_description(tmp_path: Path) -> None:
    path = tmp_path / "points.parquet"
    summary = write(path, planned("mobilenet_v1", "mobilenet_v2"))
    table = parquet.read_table(path)
    assert table.num_rows == summary.valid == 72
    assert str(table.schema.field("mult_adds").type) == "int64"
    assert str(table.schema.field("latency_ms@pixel_1_tflite").type) == "double"
    row = {name: column[35] for name, column in table.to_pydict().items()}
    assert (row["model"], row["alpha"], row["resolution"]) == ("mobilenet_v1", 1.0, 224)
    assert row["mult_adds"] == 568_740_352
    assert row["latency_ms@pixel_1_tflite"] == pytest.approx(121.9, abs=0.1)
    assert sum(table["front"].to_pylist()) == len(summary.front)
    metadata = {key.decode(): value for key, value in parquet.read_metadata(path).metadata.items()}
    assert any("mobilenet_v2" in value.decode(errors="replace") for value in metadata.values())
    assert list(tmp_path.iterdir()) == [path]


def test_each_kind_of_column_is_read_back(tmp_path: Path) -> None:
    """Over several row groups, with gaps, and words that change from table to table."""
    request = planned("mobilenet_v1", "mobilenet_v2", precisions=("fp32", "int8"))
    draw = np.random.default_rng(0)
    tables = []
    for number, points in enumerate((1, 100_000, 200_003, 7)):
        table: dict[str, Any] = {}
        for column in (*request.columns, *FLAGS):
            gaps = draw.random(points) < 0.3
            if column.kind == "word":
                words = (
                    ["fp32", f"n{number}"] if column.name in ("model", "precision") else ["a", ""]
                )
                table[column.name] = Words.of(draw.choice(words, points).tolist())
            elif column.kind == "bool":
                table[column.name] = draw.random(points) < 0.5
            elif column.metric is None:
                table[column.name] = draw.integers(-9, 9, points).astype(column.kind)
            else:
                numbers = np.floor(draw.random(points) * 2**53)
                table[column.name] = np.where(gaps & (number < 3), np.nan, numbers)
        table["top1"] = None if number == 1 else table["top1"]
        tables.append(table)
    path = tmp_path / "points.parquet"
    write_sweep(str(path), request, tables, Summary(request))
    read = parquet.read_table(path)
    assert parquet.read_metadata(path).num_row_groups == 3
    for column in (*request.columns, *FLAGS):
        expected: list[Any] = []
        for table in tables:
            values = table[column.name]
            cells = [None] * length_of(table) if values is None else values.tolist()
            expected += [None if cell != cell or cell == "" else cell for cell in cells]
        assert read[column.name].to_pylist() == expected, column.name


def test_words_that_are_written_alike(tmp_path: Path) -> None:
    """Half a character, as of a path that cannot be decoded, and what stands for it in files."""
    column = Column("model", "word")
    words = Words.of(["\udc80", "\\udc80", "b", "", "\udc80"])
    array = sweep_files._array(column, words, 5, None)
    assert array.to_pylist() == ["\\udc80", "\\udc80", "b", None, "\\udc80"]
    parquet.write_table(pyarrow.table({"model": array}), tmp_path / "words.parquet")
    assert parquet.read_table(tmp_path / "words.parquet")["model"].to_pylist() == array.to_pylist()


def test_csv_and_json_have_the_same_points(tmp_path: Path) -> None:
    request = planned("mobilenet_v1")
    for name in ("points.csv", "points.json"):
        write(tmp_path / name, request)
    with (tmp_path / "points.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    document = json.loads((tmp_path / "points.json").read_text(encoding="utf-8"))
    assert document["schema"] == "mnet-cost/sweep-points/1"
    points = document["points"]
    assert len(rows) == len(points) == 36
    for row, point in zip(rows, points, strict=True):
        assert int(row["mult_adds"]) == point["mult_adds"]
        assert float(row["latency_ms@pixel_1_tflite"]) == point["latency_ms@pixel_1_tflite"]
    assert points[-1]["params"] == 4_231_976
    # Energy by operations is a lower bound: nothing ends it upwards.
    assert points[-1]["energy_high_mj@pixel_1_tflite"] is None
    assert rows[-1]["energy_high_mj@pixel_1_tflite"] == ""


def test_points_that_are_evaluated_twice_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = planned("mobilenet_v1", "mobilenet_v2", objectives="latency,params,top1")
    once = write(tmp_path / "once.parquet", request)
    monkeypatch.setattr(sweep, "KEPT_POINTS", 10)
    twice = write(tmp_path / "twice.parquet", request)
    first, second = (parquet.read_table(tmp_path / f"{name}.parquet") for name in ("once", "twice"))
    keys = [("model", "ascending"), ("alpha", "ascending"), ("resolution", "ascending")]
    assert first.sort_by(keys).equals(second.sort_by(keys))
    assert once.front_rows == twice.front_rows
    assert once.near_ties == twice.near_ties
    assert once.near_ties
    assert once.spans == twice.spans
    assert once.valid == twice.valid == 72


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    path.write_text("mine")
    with pytest.raises(OutputError, match="is there already"):
        write(path, planned("mobilenet_v1"))
    assert path.read_text() == "mine"
    write(path, planned("mobilenet_v1"), force=True)
    assert path.read_text().startswith("model,precision,alpha,resolution,mult_adds")


@pytest.mark.parametrize(
    ("name", "said"),
    [("points.xlsx", "no sweep is written as"), ("none/points.csv", "there is no folder")],
)
def test_what_cannot_be_written(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(OutputError, match=said):
        write(tmp_path / name, planned("mobilenet_v1"))
    assert list(tmp_path.iterdir()) == []


def interrupted(request: SweepRequest, after: int) -> Iterator[Table]:
    summary = Summary(request)
    for number, table in enumerate(sweep_tables(request, summary)):
        if number == after:
            raise KeyboardInterrupt
        yield table


@pytest.mark.parametrize("ending", ["parquet", "csv", "json"])
def test_an_interrupt_keeps_whole_points_and_marks_them(tmp_path: Path, ending: str) -> None:
    request = planned("mobilenet_v1", "mobilenet_v2")  # a table each
    path = tmp_path / f"points.{ending}"
    with pytest.raises(KeyboardInterrupt) as raised:
        write_sweep(str(path), request, interrupted(request, 1), Summary(request))
    partial = tmp_path / f"points.partial.{ending}"
    assert raised.value.__notes__ == [f"{path}: the first 36 points are in {partial.name}"]
    assert list(tmp_path.iterdir()) == [partial]
    if ending == "parquet":
        assert parquet.read_table(partial).num_rows == 36
        metadata = parquet.read_metadata(partial).metadata
        assert any(b"partial" in key + value for key, value in metadata.items())
    elif ending == "json":
        assert len(json.loads(partial.read_text())["points"]) == 36


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sweep_files.CsvFile, "add", full)
    with pytest.raises(OutputError, match="no space left"):
        write(tmp_path / "points.csv", planned("mobilenet_v1"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "begins"), [("p.png", b"\x89PNG"), ("p.svg", b"<?xml")])
def test_a_picture(tmp_path: Path, name: str, begins: bytes) -> None:
    request = planned("mobilenet_v1", "mobilenet_v2")
    summary = Summary(request)
    path = tmp_path / name
    plot_sweep(str(path), request, summary, sweep_tables(request, summary))
    assert path.read_bytes().startswith(begins)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_picture_needs_two_metrics(tmp_path: Path) -> None:
    request = planned("mobilenet_v1", objectives="mult_adds")
    with pytest.raises(UsageError, match="a plot needs two metrics of the front"):
        plot_sweep(str(tmp_path / "p.png"), request, Summary(request), evaluate(request))
