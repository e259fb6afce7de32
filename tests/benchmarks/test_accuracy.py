"""The figures of `explanation/accuracy.md`: committed results, and the goals they were made for."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "accuracy" / "results" / "summary.csv"
ONE_THREAD = "ncnn, one thread"


def results() -> dict[tuple[str, str], dict[str, float]]:
    with RESULTS.open(newline="", encoding="utf-8") as file:
        return {
            (row["table"], row["protocol"]): {
                key: float(value)
                for key, value in row.items()
                if key not in ("table", "protocol") and value
            }
            for row in csv.DictReader(file)
        }


@pytest.mark.parametrize(
    ("protocol", "median", "mean"),
    [
        ("known device, new family", 9, 13),
        ("unseen device, its other families measured", 9, 13),
        ("unseen device, 4 networks measured (chosen), new family", 11, 17),
        ("unseen device, 4 networks measured (drawn), new family", 11, 17),
        ("unseen device, 1 network measured (chosen), new family", 14, 22),
        ("unseen device, 1 network measured (drawn), new family", 14, 22),
        ("data sheet, nothing measured, new family", 30, 40),
    ],
)
def test_goals(protocol: str, median: float, mean: float) -> None:
    figures = results()[ONE_THREAD, protocol]
    assert figures["median"] <= median
    assert figures["mean"] <= mean
    assert figures["spearman"] >= 0.97
    for baseline in ("mult_adds", "line", "roofline"):
        assert figures["median"] < figures[f"{baseline}_median"] / 2


def test_intervals_hold_four_of_five_ratios_of_similar_and_dissimilar_pairs() -> None:
    with (RESULTS.parent / "ratios.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    inside = {(row["table"], row["distance"]): float(row["inside"]) for row in rows}
    ncnn = [row for row in rows if row["table"].startswith("ncnn")]
    assert len({row["table"] for row in ncnn}) == 4
    for table in {row["table"] for row in ncnn}:
        assert 75 <= inside[table, "all"] <= 85
    assert all(70 <= float(row["inside"]) <= 93 for row in ncnn if int(row["pairs"]) >= 100)
    widths = [float(row["half_width"]) for row in rows if row["table"] == ONE_THREAD][1:]
    assert widths == sorted(widths)


def test_bands_hold_four_of_five() -> None:
    figures = results()
    for protocol in (
        "known device, new family",
        "known device, new family, bands set on other devices",
        "unseen device, 4 networks measured (drawn), new family",
        "unseen device, 1 network measured (drawn), new family",
        "data sheet, nothing measured, new family",
    ):
        assert 75 <= figures[ONE_THREAD, protocol]["in_band"] <= 85


def test_from_one_family_to_another_on_a_phone() -> None:
    figures = results()["Pixel 1, README grids", "MnasNet-A1 from MobileNet V2"]
    assert figures["median"] <= 5


def test_the_results_are_those_of_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks" / "accuracy"))
    for name in ("protocols", "summary", "tables", "shared"):
        sys.modules.pop(name, None)
    from protocols import Coefficients, known_device
    from summary import summarize
    from tables import ncnn_runs

    from mnet_cost.devices.coefficients import shared_coefficients

    width = shared_coefficients().measured.width
    figures = summarize("", "", list(known_device(Coefficients(ncnn_runs()))), width)._asdict()
    committed = results()[ONE_THREAD, "known device, new family"]
    for key, value in committed.items():
        assert figures[key] == pytest.approx(value, rel=2e-3), key
