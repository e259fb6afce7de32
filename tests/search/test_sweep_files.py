"""Files of a sweep: what is read back is what was evaluated, and no file is there half."""

from __future__ import annotations

import csv
import errno
import json
import os
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import pytest
from pyarrow import parquet

from mnet_cost.devices.load import load_device
from mnet_cost.errors import OutputError
from mnet_cost.models.library import load_model
from mnet_cost.search.sweep import Summary, SweepRequest, Table, plan_sweep, sweep_tables
from mnet_cost.search.sweep_files import ROW_GROUP, refuse_existing, write_sweep

KINDS = ("parquet", "csv", "json")


def request() -> SweepRequest:
    axes = {"alpha": [0.5, 1.0], "resolution": [0, 192, 224]}
    return plan_sweep(
        ["mobilenet_v1"], [load_model("mobilenet_v1")], axes, [load_device("stm32f746")]
    )


def synthetic(asked: SweepRequest, points: int, name: str = "net", start: int = 0) -> Table:
    """A table whose mult-adds number its points, and in which the rest is unknown."""
    table: dict[str, Any] = {column.name: None for column in asked.columns}
    table |= {
        "model": numpy.broadcast_to(numpy.array(name), points),
        "precision": numpy.broadcast_to(numpy.array("fp32"), points),
        "mult_adds": numpy.arange(start, start + points, dtype=float),
        "front": numpy.zeros(points, bool),
        "near_tie": numpy.zeros(points, bool),
    }
    return table


def rows_of(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        return list(parquet.read_table(path).to_pylist())
    if path.suffix == ".json":
        return list(json.loads(path.read_text())["points"])
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_all_kinds_say_the_same(tmp_path: Path) -> None:
    asked = request()
    for kind in KINDS:
        summary = Summary(asked)
        write_sweep(str(tmp_path / f"out.{kind}"), asked, sweep_tables(asked, summary), summary)
    rows = rows_of(tmp_path / "out.parquet")
    assert [(row["alpha"], row["resolution"]) for row in rows] == [
        (0.5, 192), (0.5, 224), (1.0, 192), (1.0, 224),
    ]  # fmt: skip
    assert rows[3]["mult_adds"] == 568_740_352
    assert rows[3]["params"] == 4_231_976
    assert rows[3]["top1"] == 70.6
    assert rows[3]["latency_ms@stm32f746"] is None
    assert rows == rows_of(tmp_path / "out.json")
    cells = rows_of(tmp_path / "out.csv")
    assert cells[3]["mult_adds"] == "568740352"
    assert cells[3]["latency_ms@stm32f746"] == ""
    assert sorted(os.listdir(tmp_path)) == ["out.csv", "out.json", "out.parquet"]
    schema = parquet.read_schema(tmp_path / "out.parquet")
    assert str(schema.field("mult_adds").type) == "int64"
    metadata = schema.metadata
    assert metadata[b"points"] == b"4"
    assert metadata[b"partial"] == b"false"
    assert sum(cause["points"] for cause in json.loads(metadata[b"broken"])) == 2
    assert len(json.loads(metadata[b"models"])[0]["spec_sha256"]) == 64


def test_row_groups_and_memory(tmp_path: Path) -> None:
    asked, alive, most = request(), weakref.WeakSet[Any](), 0

    def tables() -> Iterator[Table]:
        nonlocal most
        for number in range(30):
            table = synthetic(asked, 30_000, start=30_000 * number)
            alive.add(table["mult_adds"])
            most = max(most, len(alive))
            yield table

    write_sweep(str(tmp_path / "out.parquet"), asked, tables(), Summary(asked))
    file = parquet.ParquetFile(tmp_path / "out.parquet")
    sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    assert sizes == [ROW_GROUP] * 6 + [900_000 - 6 * ROW_GROUP]
    assert (file.read(["mult_adds"])["mult_adds"].to_numpy() == numpy.arange(900_000)).all()
    assert most <= 6  # 30,000 points each: a row group takes five


@pytest.mark.parametrize("kind", KINDS)
def test_words_are_whole(kind: str, tmp_path: Path) -> None:
    asked, name = request(), 'a,"b"\nc $x$'
    path = tmp_path / f"out.{kind}"
    write_sweep(str(path), asked, [synthetic(asked, 2, name)], Summary(asked))
    assert [row["model"] for row in rows_of(path)] == [name, name]


def test_a_word_without_text_and_nan_are_null(tmp_path: Path) -> None:
    asked = request()
    table = {**synthetic(asked, 3), "top1_basis": numpy.array(["", "published", ""])}
    table["params"] = numpy.array([1.0, numpy.nan, 3.0])
    for kind in ("parquet", "json"):
        path = tmp_path / f"out.{kind}"
        write_sweep(str(path), asked, [table], Summary(asked))
        rows = rows_of(path)
        assert [row["top1_basis"] for row in rows] == [None, "published", None]
        assert [row["params"] for row in rows] == [1, None, 3]


@pytest.mark.parametrize("kind", KINDS)
def test_an_interrupt_keeps_what_was_written(kind: str, tmp_path: Path) -> None:
    asked = request()

    def tables() -> Iterator[Table]:
        yield synthetic(asked, 5)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        write_sweep(str(tmp_path / f"out.{kind}"), asked, tables(), Summary(asked))
    assert os.listdir(tmp_path) == [f"out.partial.{kind}"]
    assert len(rows_of(tmp_path / f"out.partial.{kind}")) == 5
    assert f"the first 5 points are in out.partial.{kind}" in caught.value.__notes__[0]
    if kind == "parquet":
        metadata = parquet.read_schema(tmp_path / "out.partial.parquet").metadata
        assert metadata[b"partial"] == b"true"


def test_a_full_disk_keeps_whole_row_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, calls = request(), 0
    reserve = os.posix_fallocate

    def full(*arguments: int) -> None:
        nonlocal calls
        calls += 1
        if calls > 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        reserve(*arguments)

    monkeypatch.setattr(os, "posix_fallocate", full)
    path = str(tmp_path / "out.parquet")
    with pytest.raises(OutputError) as caught:
        write_sweep(path, asked, [synthetic(asked, 4 * ROW_GROUP)], Summary(asked))
    assert str(caught.value) == (
        f"{path}: cannot be written: no space left on device\n"
        "hint: the first 262,144 points are in out.partial.parquet"
    )
    assert os.listdir(tmp_path) == ["out.partial.parquet"]
    kept = parquet.read_table(tmp_path / "out.partial.parquet", columns=["mult_adds"])
    assert (kept["mult_adds"].to_numpy() == numpy.arange(262_144)).all()


def test_another_error_leaves_nothing(tmp_path: Path) -> None:
    asked = request()

    def tables() -> Iterator[Table]:
        yield synthetic(asked, 5)
        raise RuntimeError("broken")

    for kind in KINDS:
        with pytest.raises(RuntimeError, match="broken"):
            write_sweep(str(tmp_path / f"out.{kind}"), asked, tables(), Summary(asked))
    assert os.listdir(tmp_path) == []


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    there = tmp_path / "out.csv"
    there.write_text("mine")
    with pytest.raises(OutputError, match=r"out\.csv: is there already"):
        refuse_existing(str(there), False)
    refuse_existing(str(there), True)
    assert there.read_text() == "mine"
    with pytest.raises(OutputError, match=r"an ending is `\.parquet`, `\.csv` or `\.json`"):
        refuse_existing(str(tmp_path / "out.xlsx"), False)
    with pytest.raises(OutputError, match="the folder is not there"):
        refuse_existing(str(tmp_path / "none" / "out.csv"), False)


def test_a_partial_file_is_not_overwritten(tmp_path: Path) -> None:
    asked = request()
    (tmp_path / "out.partial.csv").write_text("mine")

    def tables() -> Iterator[Table]:
        yield synthetic(asked, 1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_sweep(str(tmp_path / "out.csv"), asked, tables(), Summary(asked))
    assert (tmp_path / "out.partial.csv").read_text() == "mine"
    assert len(rows_of(tmp_path / "out.partial2.csv")) == 1


def test_hashes_follow_what_is_said() -> None:
    from mnet_cost.search.sweep_files import profile_hash, spec_hash

    device = load_device("stm32f746")
    assert profile_hash(device) == profile_hash(replace(device, path="elsewhere.yaml"))
    assert profile_hash(device) != profile_hash(replace(device, threads=2))
    assert spec_hash(load_model("mobilenet_v1")) != spec_hash(load_model("mobilenet_v1:full"))
