"""Every other table: other runtimes, threads, precisions and devices.

Shared prices come from one-thread runs of ncnn alone. Where a table is of ncnn too, they are those
without the family that is foretold.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from protocols import (
    Forecast,
    Prices,
    family_to_family,
    forecast,
    halves,
    of_family,
    one_network,
    without_family,
)
from shared import common_prices
from tables import TFLITE, Run, make_run, ncnn_runs, read, together

XNNPACK_TILE = 8
"""Output channels of its fp32 micro-kernels on Arm (google/XNNPACK, src/f32-gemm: 6x8, 4x8)."""

Found = tuple[str, str, list[Forecast]]


def other_tables(prices: Prices) -> Iterator[Found]:
    """(table, protocol, forecasts) of all tables but ncnn at one thread."""
    yield from _more_of_ncnn(prices)
    common = common_prices(prices.runs)
    yield from _pixel_1_grids(common)
    for file, words in (
        ("pixel_mobilenet_v3.csv", "MobileNet V3 README"),
        ("mobilenet_v3_paper.csv", "MobileNet V3 paper"),
        ("xnnpack.csv", "XNNPACK README"),
        ("pixel3_hosted.csv", "TFLite hosted models"),
        ("shufflenet_v2_paper.csv", "ShuffleNet V2 paper"),
        ("mobilenet_v4_table6.csv", "MobileNet V4 Table 6"),
        ("timm_i9.csv", "timm, Core i9"),
    ):
        yield from _family_out(file, words, common)
    yield from _spaces(common)


def _more_of_ncnn(prices: Prices) -> Iterator[Found]:
    for threads in (2, 4, 8):
        yield from _ncnn(prices, f"ncnn, {threads} threads", ncnn_runs(threads))
    yield from _ncnn(prices, "ncnn int8, one thread", ncnn_runs(1, ("int8",), least=4))


def _ncnn(prices: Prices, table: str, runs: list[Run]) -> Iterator[Found]:
    found: list[Forecast] = []
    for run in runs:
        for family in sorted(set(run.families)):
            seen = without_family(run, family)
            if seen.rows:
                found += forecast(seen, of_family(run, family), prices.without(family))
    yield table, "known device, new family", found


def _pixel_1_grids(common: np.ndarray) -> Iterator[Found]:
    v2 = make_run(read("pixel1_mobilenet_v2.csv"), TFLITE, XNNPACK_TILE)
    mnasnet = make_run(read("pixel1_mnasnet.csv"), TFLITE, XNNPACK_TILE)
    table = "Pixel 1, README grids"
    yield table, "MobileNet V2 from MnasNet-A1", forecast(mnasnet, v2, common)
    yield table, "MnasNet-A1 from MobileNet V2", forecast(v2, mnasnet, common)
    for run, name in ((v2, "MobileNet V2"), (mnasnet, "MnasNet-A1")):
        full = next(i for i, row in enumerate(run.rows) if "@" not in row.model)
        yield table, f"{name} from its 1.0 at 224", list(one_network(run, common, full))
        yield table, f"{name}, half from half", list(halves(run, common))


def _family_out(file: str, words: str, common: np.ndarray) -> Iterator[Found]:
    by_class: dict[str, list[Forecast]] = {}
    for some in together(read(file)).values():
        run = make_run(some, TFLITE, XNNPACK_TILE)
        if len(set(run.families)) > 1 and len(run.rows) > 3:
            by_class.setdefault(_kind(run), []).extend(family_to_family(run, common))
    for kind, found in by_class.items():
        yield f"{words}: {kind}", "known device, new family", found


_ACCELERATED = ("gpu", "edgetpu", "hexagon", "coreml", "nnapi", "vulkan")


def _kind(run: Run) -> str:
    if any(one in run.runtime for one in _ACCELERATED):
        return f"{run.device} {run.runtime}"
    return f"CPU {run.precision}"


def _spaces(common: np.ndarray) -> Iterator[Found]:
    blocks = [row for row in read("ofa_note10_blocks.csv") if "ofa_block" in row.model]
    run = make_run(blocks, TFLITE, XNNPACK_TILE)
    yield "Once-for-All blocks, Note10", "from one block", list(one_network(run, common, 700))
    order = np.random.default_rng(1).permutation(len(run.rows))
    for count in (16, 64):
        found = forecast(run.only(order[:count]), run.only(order[count:]), common)
        yield "Once-for-All blocks, Note10", f"from {count} blocks", found
    for some in together(read("fbnet_space.csv")).values():
        run = make_run(some, TFLITE, XNNPACK_TILE)
        found = forecast(run.only(range(16)), run.only(range(16, len(run.rows))), common)
        how = "sums of blocks, " if run.name == "sum_of_blocks" else ""
        yield f"FBNet space, {run.device}", f"{how}from 16 networks", found
