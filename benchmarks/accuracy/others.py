"""Every other table: other runtimes, threads, precisions and devices.

Shared coefficients are those of ncnn, without the family that is predicted where the table is of
ncnn too. Of other runtimes each family is left out of what the device itself has measured, and the
fit is what `mnet-cost calibrate` would make: coefficients for processors, a roofline for
accelerators.
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
from tables import TFLITE, make_run, ncnn_runs, read, together

from mnet_cost.devices.coefficients import shared_coefficients
from mnet_cost.devices.rules import runtime_rules
from mnet_cost.measure.calibrate import calibrate
from mnet_cost.measure.measurements import Measurement

XNNPACK_TILE = 8
"""Output channels of its fp32 micro-kernels on Arm (google/XNNPACK, src/configs/gemm-config.c)."""

Found = tuple[str, str, list[Forecast], float]
"""Table, protocol, forecasts, and how many sigmas their bands reach."""

FAMILY_OUT, NETWORK_OUT = "known device, new family", "known device, new network of its family"


def other_tables(coefficients: Coefficients) -> Iterator[Found]:
    """All tables but ncnn at one thread."""
    yield from _more_of_ncnn()
    yield from _pixel_1_grids(common_coefficients(coefficients.runs))
    for file, words in (
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
        yield from _family_out(file, words)
    yield from _spaces(common_coefficients(coefficients.runs))


def _more_of_ncnn() -> Iterator[Found]:
    for threads in (2, 4, 8):
        runs = Coefficients(ncnn_runs(threads))
        width = shared_coefficients(threads=threads).measured.width
        yield f"ncnn, {threads} threads", FAMILY_OUT, list(known_device(runs)), width
    runs = Coefficients(ncnn_runs(1, ("int8",), least=4))
    width = shared_coefficients(precision="int8").measured.width
    yield "ncnn int8, one thread", FAMILY_OUT, list(known_device(runs)), width


def _pixel_1_grids(common: np.ndarray) -> Iterator[Found]:
    v2 = make_run(read("pixel1_mobilenet_v2.csv"), TFLITE, XNNPACK_TILE)
    mnasnet = make_run(read("pixel1_mnasnet.csv"), TFLITE, XNNPACK_TILE)
    table, width = "Pixel 1, README grids", shared_coefficients().measured.width
    yield table, "MobileNet V2 from MnasNet-A1", forecast(mnasnet, v2, common), width
    yield table, "MnasNet-A1 from MobileNet V2", forecast(v2, mnasnet, common), width
    for run, name in ((v2, "MobileNet V2"), (mnasnet, "MnasNet-A1")):
        full = next(i for i, row in enumerate(run.rows) if "@" not in row.model)
        yield table, f"{name} from its 1.0 at 224", list(one_network(run, common, full)), width
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


def _family_out(file: str, words: str) -> Iterator[Found]:
    by_class: dict[tuple[str, str], list[Forecast]] = {}
    for some in together(read(file)).values():
        if len(some) > 3:
            how = FAMILY_OUT if len({row.family for row in some}) > 1 else NETWORK_OUT
            by_class.setdefault((_kind(some[0]), how), []).extend(calibrated(some))
    for (kind, how), found in by_class.items():
        if how == FAMILY_OUT or len(by_class) == sum(one[1] == how for one in by_class):
            yield f"{words}: {kind}", how, found, 1.0


def calibrated(rows: Sequence[Measurement]) -> Iterator[Forecast]:
    """Each family from the others, as `mnet-cost calibrate` predicts it; of a single family each
    network from its others."""
    first = rows[0]
    tile = XNNPACK_TILE if first.runtime in ("tflite", "xnnpack") else 1
    rules = runtime_rules(first.runtime)
    found = calibrate(rows, rules=rules, tile=tile, threads=first.threads or 1, lenient=True)
    run = make_run(rows, rules, tile)
    one_family = len(set(run.families)) == 1
    for i, row in enumerate(rows):
        estimate, half = found.held_out_s[i], found.half_widths[i]
        if estimate is None or half is None:
            continue
        seen = (
            run.only(j for j, other in enumerate(rows) if other.model != row.model)
            if one_family
            else without_family(run, row.family)
        )
        yield Forecast(
            row.device, row.run, row.model, row.family, row.latency_s, estimate, half,
            *(float(one[i]) for one in baselines(seen, run)),
        )  # fmt: skip


_ACCELERATED = ("gpu", "edgetpu", "hexagon", "coreml", "nnapi")


def _kind(row: Measurement) -> str:
    if "vulkan" in row.runtime:
        return "GPUs"
    if any(one in row.runtime for one in _ACCELERATED):
        return f"{row.device} {row.runtime}"
    return f"CPU {row.precision}"


def _spaces(common: np.ndarray) -> Iterator[Found]:
    blocks = [row for row in read("ofa_note10_blocks.csv") if "ofa_block" in row.model]
    run = make_run(blocks, TFLITE, XNNPACK_TILE)
    width = shared_coefficients().measured.width
    table = "Once-for-All blocks, Note10"
    yield table, "from one block", list(one_network(run, common, 700)), width
    order = np.random.default_rng(1).permutation(len(run.rows))
    for count in (16, 64):
        found = forecast(run.only(order[:count]), run.only(order[count:]), common)
        yield table, f"from {count} blocks", found, width
    for some in together(read("fbnet_space.csv")).values():
        run = make_run(some, TFLITE, XNNPACK_TILE)
        found = forecast(run.only(range(16)), run.only(range(16, len(run.rows))), common)
        how = "sums of blocks, " if run.name == "sum_of_blocks" else ""
        yield f"FBNet space, {run.device}", f"{how}from 16 networks", found, width
