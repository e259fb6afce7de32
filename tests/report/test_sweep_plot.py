"""Plots of sweeps: what is drawn, and that a file is whole or not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mnet_cost.devices.load import load_device
from mnet_cost.errors import OutputError, UsageError
from mnet_cost.models.library import load_model
from mnet_cost.report.sweep_plot import plot_sweep
from mnet_cost.search.sweep import Summary, plan_sweep, sweep_tables


def draw(path: Path, name: str = "net", objectives: str = "latency,top1") -> str:
    request = plan_sweep(
        [name],
        [load_model("mobilenet_v1")],
        {"alpha": [0.5, 0.75, 1.0], "resolution": [128, 192, 224]},
        [load_device("pixel_1_tflite")],
        objectives=objectives,
    )
    summary = Summary(request)
    tables = list(sweep_tables(request, summary))
    plot_sweep(str(path), request, summary, tables)
    return path.read_text() if path.suffix == ".svg" else ""


def test_a_png_is_a_png(tmp_path: Path) -> None:
    draw(tmp_path / "out.png")
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    assert os.listdir(tmp_path) == ["out.png"]


def test_names_are_no_formulas(tmp_path: Path) -> None:
    text = draw(tmp_path / "out.svg", r"a$\frac{1}{$_<b>")
    assert "<!-- latency on pixel_1_tflite (ms) -->" in text
    assert "<!-- top-1 (%) -->" in text
    assert "<b>" not in text


def test_one_objective_is_no_plot(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a plot needs two objectives"):
        draw(tmp_path / "out.svg", objectives="latency")
    assert os.listdir(tmp_path) == []


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out.png").write_text("mine")
    with pytest.raises(OutputError, match="is there already"):
        draw(tmp_path / "out.png")
    with pytest.raises(OutputError, match=r"an ending is `\.png` or `\.svg`"):
        draw(tmp_path / "out.pdf")
    assert (tmp_path / "out.png").read_text() == "mine"
