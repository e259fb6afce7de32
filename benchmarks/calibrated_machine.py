"""How far off a profile of `calibrate --runtime` is on networks that it did not see, as recorded.

`runs/epyc_onnxruntime_calibration.csv` has the rows of one `calibrate --runtime onnxruntime` (45
small graphs and networks, 94 s), `runs/epyc_onnxruntime.yaml` the profile that it wrote, and
`runs/epyc_onnxruntime_networks.csv` 32 other networks that `measure` ran some minutes later: one
thread of an AMD EPYC, two CPUs of a virtual machine on which nothing else ran, 2026-11-30,
onnxruntime 1.32.0. The profile is fitted anew from the rows, on its peaks, and compared with the
networks; mult-adds alone are scaled by the networks that the fit has seen.

    python benchmarks/calibrated_machine.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from machine_profile import spearman

from mnet_cost import analyze
from mnet_cost.measure.measurements import Measurement, read_measurements
from mnet_cost.measure.networks import read_rows
from mnet_cost.measure.request import CalibrationRequest, calibrate_files

RUNS = Path(__file__).resolve().parent / "runs"
REFERENCE = "mobilenet_v1@alpha=0.25,resolution=128"
"""Runs in each round of both files."""


def mult_adds_of(row: Measurement) -> int:
    """Of one inference of the network of a row."""
    mult_adds = analyze(row.model).total("mult_adds")
    assert mult_adds is not None
    return mult_adds


def main() -> None:
    """Print the errors."""
    rows = str(RUNS / "epyc_onnxruntime_calibration.csv")
    profile = str(RUNS / "epyc_onnxruntime.yaml")
    fitted = calibrate_files(CalibrationRequest(measurements=(rows,), into=profile))
    seen = [row for row in read_measurements(rows) if not row.is_small_graph]
    others = read_rows((str(RUNS / "epyc_onnxruntime_networks.csv"),), {})[0]
    others = tuple(row for row in others if row.model != REFERENCE)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "profile.yaml"
        path.write_text(fitted.text, encoding="utf-8")
        times = [analyze(row.model, devices=[str(path)]).devices[0] for row in others]
    measured = np.array([row.latency_s for row in others])
    estimated = np.array([each.latency_s for each in times])
    errors = np.abs(estimated / measured - 1)
    inside = [each.low_s <= s <= each.high_s for each, s in zip(times, measured, strict=True)]
    mult_adds = np.array([mult_adds_of(row) for row in others])
    rate = np.median([row.latency_s / mult_adds_of(row) for row in seen])
    alone = np.abs(rate * mult_adds / measured - 1)
    print(f"{len(others)} networks of families that were not measured, errors in %")
    print(f"calibrated: median {100 * np.median(errors):.1f}, mean {100 * errors.mean():.1f}")
    print(f"within 10: {100 * np.mean(errors < 0.1):.0f}, 20: {100 * np.mean(errors < 0.2):.0f}")
    print(f"rank: {spearman(estimated, measured):.4f}")
    print(f"in the 80 % band: {100 * np.mean(inside):.0f}")
    print(f"mult-adds alone: median {100 * np.median(alone):.1f}, mean {100 * alone.mean():.1f}")
    worst = sorted(zip(errors, others, strict=True), key=lambda pair: -pair[0])[:5]
    print("worst:", ", ".join(f"{row.model} {100 * error:.0f}" for error, row in worst))


if __name__ == "__main__":
    main()
