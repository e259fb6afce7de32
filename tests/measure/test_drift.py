"""Times of several rounds as one: what the reference network takes out, and what is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from mnet_cost.measure.drift import noise_floor, settle, slowness
from mnet_cost.measure.networks import read_rows
from mnet_cost.measure.plausibility import repeat_noise


def test_a_slow_round_is_as_slow_as_its_reference() -> None:
    slow = slowness({1: [1.0, 1.02, 0.98], 2: [1.2, 1.2], 3: [1.0]})
    assert slow == {1: 1.0, 2: pytest.approx(1.2), 3: 1.0}


def test_drift_cancels() -> None:
    drift = {1: 1.0, 2: 1.25, 3: 0.8}
    slow = slowness({run: [0.002 * factor] for run, factor in drift.items()})
    settled = settle({run: 0.05 * factor for run, factor in drift.items()}, slow)
    assert settled.median_s == pytest.approx(0.05)
    assert settled.spread == pytest.approx(0.0, abs=1e-12)
    assert settle({run: 0.05 * factor for run, factor in drift.items()}, {}).spread == (
        pytest.approx(0.45)
    )


def test_of_one_round_the_spread_is_not_known() -> None:
    assert settle({1: 0.05}, {}) == (0.05, None, (0.05,))
    assert noise_floor([[0.05], [0.07]]) is None


def test_the_noise_floor_is_one_round_against_the_median_of_the_others() -> None:
    # Against (1.02, 1.1): 1/1.06 - 1 = -5.66 %; 1.02/1.05 - 1 = -2.86 %; 1.1/1.01 - 1 = 8.91 %.
    assert noise_floor([[1.0, 1.02, 1.1]]) == pytest.approx(1 - 1 / 1.06)
    # Two networks: -5.66, 2.86, 8.91 and 0, 0: their median is 2.86 %.
    assert noise_floor([[1.0, 1.02, 1.1], [2.0, 2.0]]) == pytest.approx(1 - 1.02 / 1.05)


ROWS = """model,latency_ms,runtime,threads,run,reference,runs
mobilenet_v1@alpha=0.25,2.0,onnxruntime,1,1,mobilenet_v1@alpha=0.25,50
mobilenet_v2,20.0,onnxruntime,1,1,mobilenet_v1@alpha=0.25,20
mobilenet_v1@alpha=0.25,2.2,onnxruntime,1,2,mobilenet_v1@alpha=0.25,50
mobilenet_v2,23.0,onnxruntime,1,2,mobilenet_v1@alpha=0.25,20
mobilenet_v1@alpha=0.25,2.4,onnxruntime,1,3,mobilenet_v1@alpha=0.25,50
mobilenet_v2,24.0,onnxruntime,1,3,mobilenet_v1@alpha=0.25,20
resnet18,70.0,onnxruntime,1,3,mobilenet_v1@alpha=0.25,20
lenet5,0.1,onnxruntime,1,,,
lenet5,0.2,onnxruntime,1,,,
"""


def test_disturbed_rounds_count_where_there_are_no_others(tmp_path: Path) -> None:
    path = tmp_path / "times.csv"
    cells = "onnxruntime,1,3,mobilenet_v1@alpha=0.25"
    text = ROWS.replace(f"24.0,{cells},20", f"99.0,{cells},0")
    text = text.replace(f"70.0,{cells},20", f"70.0,{cells},0")
    path.write_text(text, encoding="utf-8")
    rows = {row.model: row.rounds_s for row in read_rows([path], {})[0]}
    assert len(rows["mobilenet_v2"]) == 2
    assert len(rows["resnet18"]) == 1


def test_rounds_of_a_file_are_one_row(tmp_path: Path) -> None:
    path = tmp_path / "times.csv"
    path.write_text(ROWS, encoding="utf-8")
    rows, unread, _ = read_rows([path], {})
    assert [(row.model, round(row.latency_s * 1e3, 6)) for row in rows] == [
        ("mobilenet_v1@alpha=0.25", 2.2),
        # The machine was faster by a tenth in round 1 and slower by a tenth in round 3: 20 / 0.909,
        # 23, 24 / 1.0909 are 22, 23 and 22.
        ("mobilenet_v2", 22.0),
        ("resnet18", round(70 / 2.4 * 2.2, 6)),
        ("lenet5", 0.1),
        ("lenet5", 0.2),
    ]
    assert rows[1].rounds_s == pytest.approx((0.022, 0.023, 0.022))
    assert unread == ()
    assert repeat_noise(rows[1:2]) == pytest.approx(0.0257, abs=1e-4)


def test_the_reference_counts_where_it_is_not_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "times.csv"
    path.write_text(ROWS, encoding="utf-8")
    (row,) = read_rows([path], {"model": "mobilenet_v2"}).measurements
    assert row.latency_s == pytest.approx(0.022)
