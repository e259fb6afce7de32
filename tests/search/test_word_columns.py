"""Columns of words are read as arrays of words, and take a byte a point."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet

import mnet_cost
from mnet_cost.models.library import load_model
from mnet_cost.search.grids import GridSweep
from mnet_cost.search.words import Words, repeated

COLORS = ["red", "", "blue", "red", "red"]


def test_a_column_is_read_as_an_array_of_words() -> None:
    column, array = Words.of(COLORS), np.array(COLORS)
    assert column.codes.dtype == "int8"
    assert column.words == ("red", "", "blue")
    assert len(column) == 5
    assert column.tolist() == list(column) == COLORS
    assert np.array_equal(np.asarray(column), array)
    assert column[2] == "blue"
    assert column[-1] == "red"
    assert column[1:3].tolist() == ["", "blue"]
    assert column[array == "red"].tolist() == ["red"] * 3
    for word in ("red", "blue", "", "green"):
        assert np.array_equal(column == word, array == word)
        assert np.array_equal(column != word, array != word)
    assert (column == array).all()
    assert (column == Words.of(COLORS, ["blue"])).all()


def test_columns_are_joined_by_their_words() -> None:
    parts = [["a", "b"], ["b", "c", "b"], [], ["a"]]
    whole = [word for part in parts for word in part]
    joined = Words.joined([Words.of(part) for part in parts])
    assert joined.tolist() == whole
    assert joined.words == ("a", "b", "c")
    assert Words.joined([]).tolist() == []
    assert np.asarray(Words.of([])).tolist() == []


def test_more_words_than_a_byte_counts() -> None:
    names = [f"n{i}" for i in range(300)]
    assert Words.of(names).tolist() == names
    halves = [Words.of(names[:100]), Words.of(names[50:])]
    assert Words.joined(halves).tolist() == names[:100] + names[50:]


def test_a_repeated_word_takes_no_room() -> None:
    column = repeated(Words.of(["fp32"]), 10**9)
    assert len(column) == 10**9
    assert column[10**9 - 1] == "fp32"
    assert column.codes.strides == (0,)


def test_sides_are_words_of_a_grid() -> None:
    model = load_model("mobilenet_v1")
    axes: dict[str, list[Any]] = {"alpha": [0.5, 1.0], "resolution": [(96, 128), (128, 128)]}
    blocks = list(GridSweep(model, axes, metrics=["mult_adds"]).blocks("model"))
    sides = [side for block in blocks for side in block.knobs["resolution"]]
    assert sides == ["96x128", "96x128", "128x128", "128x128"]


def test_words_in_python_and_in_a_file(tmp_path: Path) -> None:
    sweep = mnet_cost.sweep(
        "mobilenet_v1", "mobilenet_v2", alpha="0.5:1.0:0.01", resolution=[128, 160],
        precision=["fp32", "int8"],
    )  # fmt: skip
    model, precision = sweep.columns["model"], sweep.columns["precision"]
    basis = sweep.columns["top1_basis"]
    of_v1 = (model == "mobilenet_v1") & (precision == "fp32")
    assert of_v1.sum() == 102
    assert set(basis[of_v1]) == {"published", "interpolated"}
    assert set(basis[precision == "int8"]) == {""}
    sweep.write(tmp_path / "points.parquet")
    table = parquet.read_table(tmp_path / "points.parquet")
    assert str(table.schema.field("model").type) == "string"
    assert table["model"].to_pylist() == model.tolist()
    assert table["top1_basis"].to_pylist() == [word or None for word in basis]
