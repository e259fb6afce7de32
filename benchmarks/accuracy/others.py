"""Forecasts for all tables but ncnn with one thread: other runtimes, threads, precisions, devices.

Shared cost coefficients are those of ncnn; for tables of ncnn itself they are fitted without the
family that is predicted. For other runtimes a family is predicted from the other families that the
same device ran, with the fit that `mnet-cost calibrate` makes: cost coefficients for processors, a
roofline for accelerators.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from protocols import (
    Coefficients,
    Forecast,
    baselines,
    forecast,
    halves,
    known_device,
    one_network,
    without_family,
)
from shared import common_coefficients
from tables import TFLITE, make_run, measured_together, ncnn_runs, read

from mnet_cost.devices.coefficients import shared_coefficients
from mnet_cost.devices.rules import runtime_rules
from mnet_cost.measure.calibrate import calibrate
from mnet_cost.measure.measurements import Measurement

XNNPACK_TILE = 8
"""Output channels of its fp32 micro-kernels on Arm (google/XNNPACK, src/configs/gemm-config.c)."""

ForecastTable = tuple[str, str, list[Forecast], float]
"""Name of the table, protocol, forecasts, and how many sigmas their bands reach."""

NEW_FAMILY, NEW_NETWORK = "known device, new family", "known device, new network of its family"


def other_tables(coefficients: Coefficients) -> Iterator[ForecastTable]:
    """All tables but ncnn with one thread."""
    yield from _other_ncnn_tables()
    yield from _pixel_1_tables(common_coefficients(coefficients.runs))
    for file, title in (
        ("pixel_mobilenet_v3.csv", "MobileNet V3 README"),
        ("mobilenet_v3_paper.csv", "MobileNet V3 paper"),
        ("xnnpack.csv", "XNNPACK README"),
        ("pixel3_hosted.csv", "TFLite hosted models"),
        ("pixel4_efficientnet_lite.csv", "EfficientNet-Lite README"),
        ("shufflenet_v2_paper.csv", "ShuffleNet V2 paper"),
        ("mobilenet_v4_table6.csv", "MobileNet V4 Table 6"),
        ("timm_i9.csv", "timm, Core i9"),
        ("ncnn_vulkan.csv", "ncnn, Vulkan"),
    ):
        yield from _calibrated_tables(file, title)
    yield from _search_space_tables(common_coefficients(coefficients.runs))


def _other_ncnn_tables() -> Iterator[ForecastTable]:
    for threads in (2, 4, 8):
        threaded = Coefficients(ncnn_runs(threads))
        width = shared_coefficients(threads=threads).measured.width
        yield f"ncnn, {threads} threads", NEW_FAMILY, list(known_device(threaded)), width
    int8 = Coefficients(ncnn_runs(1, ("int8",), least=4))
    width = shared_coefficients(precision="int8").measured.width
    yield "ncnn int8, one thread", NEW_FAMILY, list(known_device(int8)), width


def _pixel_1_tables(common: np.ndarray) -> Iterator[ForecastTable]:
    v2 = make_run(read("pixel1_mobilenet_v2.csv"), TFLITE, XNNPACK_TILE)
    mnasnet = make_run(read("pixel1_mnasnet.csv"), TFLITE, XNNPACK_TILE)
    table, width = "Pixel 1, README grids", shared_coefficients().measured.width
    yield table, "MobileNet V2 from MnasNet-A1", forecast(mnasnet, v2, common), width
    yield table, "MnasNet-A1 from MobileNet V2", forecast(v2, mnasnet, common), width
    for run, name in ((v2, "MobileNet V2"), (mnasnet, "MnasNet-A1")):
        full_size = next(i for i, row in enumerate(run.rows) if "@" not in row.model)
        yield table, f"{name} from its 1.0 at 224", list(one_network(run, common, full_size)), width
        yield table, f"{name}, half from half", list(halves(run, common)), width
    both = make_run((*v2.rows, *mnasnet.rows), TFLITE, XNNPACK_TILE)
    rows = [
        row
        for file in ("pixel_mobilenet_v3.csv", "mobilenet_v3_paper.csv")
        for row in read(file)
        if row.device == "pixel_1" and row.precision == "fp32"
    ]
    later = make_run(rows, TFLITE, XNNPACK_TILE)
    yield (
        "Pixel 1, a year later",
        "MobileNet V3 from both grids",
        forecast(both, later, common),
        width,
    )


def _calibrated_tables(file: str, title: str) -> Iterator[ForecastTable]:
    forecasts: dict[tuple[str, str], list[Forecast]] = {}
    for rows in measured_together(read(file)).values():
        if len(rows) > 3:
            protocol = NEW_FAMILY if len({row.family for row in rows}) > 1 else NEW_NETWORK
            forecasts.setdefault((_processor_kind(rows[0]), protocol), []).extend(calibrated(rows))
    has_families = any(protocol == NEW_FAMILY for _, protocol in forecasts)
    for (kind, protocol), kind_forecasts in forecasts.items():
        if protocol == NEW_FAMILY or not has_families:
            yield f"{title}: {kind}", protocol, kind_forecasts, 1.0


def calibrated(rows: Sequence[Measurement]) -> Iterator[Forecast]:
    """Forecasts by the fit of `mnet-cost calibrate`: of each family from the other families, or, if
    there is only one family, of each network from the other networks.
    """
    first = rows[0]
    tile = XNNPACK_TILE if first.runtime in ("tflite", "xnnpack") else 1
    rules = runtime_rules(first.runtime)
    calibration = calibrate(rows, tile=tile, threads=first.threads or 1, lenient=True)
    run = make_run(rows, rules, tile)
    one_family = len(set(run.families)) == 1
    for i, row in enumerate(rows):
        estimate_s, half_width = calibration.held_out_s[i], calibration.half_widths[i]
        if estimate_s is None or half_width is None:
            continue
        training_run = (
            run.only(j for j, other in enumerate(rows) if other.model != row.model)
            if one_family
            else without_family(run, row.family)
        )
        yield Forecast(
            row.device, row.run, row.model, row.family, row.latency_s, estimate_s, half_width,
            *(float(times_s[i]) for times_s in baselines(training_run, run)),
        )  # fmt: skip


_ACCELERATED = ("gpu", "edgetpu", "hexagon", "coreml", "nnapi")


def _processor_kind(row: Measurement) -> str:
    if "vulkan" in row.runtime:
        return "GPUs"
    if any(word in row.runtime for word in _ACCELERATED):
        return f"{row.device} {row.runtime}"
    return f"CPU {row.precision}"


def _search_space_tables(common: np.ndarray) -> Iterator[ForecastTable]:
    blocks = [row for row in read("ofa_note10_blocks.csv") if "ofa_block" in row.model]
    run = make_run(blocks, TFLITE, XNNPACK_TILE)
    width = shared_coefficients().measured.width
    table = "Once-for-All blocks, Note10"
    yield table, "from one block", list(one_network(run, common, 700)), width
    order = np.random.default_rng(1).permutation(len(run.rows))
    for count in (16, 64):
        forecasts = forecast(run.only(order[:count]), run.only(order[count:]), common)
        yield table, f"from {count} blocks", forecasts, width
    for rows in measured_together(read("fbnet_space.csv")).values():
        run = make_run(rows, TFLITE, XNNPACK_TILE)
        forecasts = forecast(run.only(range(16)), run.only(range(16, len(run.rows))), common)
        summed = "sums of blocks, " if run.name == "sum_of_blocks" else ""
        yield f"FBNet space, {run.device}", f"{summed}from 16 networks", forecasts, width
