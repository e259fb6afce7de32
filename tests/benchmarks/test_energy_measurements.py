"""Energies of MLPerf Tiny, predicted from one network to the next."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "accuracy" / "results" / "energy.csv"
WATTS = "watts of one network x measured time"
MULT_ADDS = "joules per mult-add of one network"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def written_rows(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    pytest.importorskip("numpy")
    folder = tmp_path_factory.mktemp("results")
    command = [sys.executable, "benchmarks/accuracy", "energy", "--results", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return rows(folder / "energy.csv")


def test_results_are_those_of_the_measurements(written_rows: list[dict[str, str]]) -> None:
    boards = [row for row in written_rows if not row["method"].startswith("profile")]
    assert boards == [row for row in rows(RESULTS) if not row["method"].startswith("profile")]


def test_watts_predict_better_than_mult_adds(written_rows: list[dict[str, str]]) -> None:
    """On every board: estimates use power times time where they can."""
    median = {
        (row["board"], row["processor"], row["method"]): float(row["median"])
        for row in written_rows
    }
    boards = {key[:2] for key in median if key[2] == WATTS}
    assert len(boards) == 12
    for board in boards:
        assert median[*board, WATTS] < median[*board, MULT_ADDS]
    assert median["all boards", "", WATTS] < 5


def test_a_run_of_the_reference_by_hand(written_rows: list[dict[str, str]]) -> None:
    """The RX65N: four networks, so twelve forecasts of each kind."""
    (row,) = [
        row for row in written_rows if row["board"] == "rx65n_cloud_kit" and row["method"] == WATTS
    ]
    assert (row["runs"], row["forecasts"]) == ("1", "12")
    with (RESULTS.parents[1] / "measurements" / "mlperf_tiny.csv").open(encoding="utf-8") as file:
        watts = [
            float(measurement["energy_uj"]) / float(measurement["latency_ms"])
            for measurement in csv.DictReader(file)
            if measurement["device"] == "rx65n_cloud_kit"
        ]
    errors = [abs(a / b - 1) for i, a in enumerate(watts) for j, b in enumerate(watts) if i != j]
    assert float(row["mean"]) == pytest.approx(100 * sum(errors) / len(errors), rel=1e-3)
