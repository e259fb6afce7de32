"""`python benchmarks/accuracy coefficients [NAME ...]`: fits files of `specs/coefficients` anew.

A file has the coefficients that devices of one runtime have in common, in a section for each
precision and number of threads that was measured. A band is as wide as it takes to hold 80 % of
held-out measurements. Not here: the fit itself (`shared.py`).
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
from differences import spreads
from microcontrollers import LEAST, core_shares, microcontroller_runs
from npus import APART
from protocols import (
    Coefficients,
    Forecast,
    datasheet,
    datasheet_board,
    known_device,
    unseen_board,
)
from shared import (
    DOT_PRODUCTS,
    NPU_FLOAT,
    NPU_INT8,
    PROCESSORS,
    Beginning,
    Section,
    common_coefficients,
    peak_shares,
    write,
)
from summary import summarize, width_of
from tables import (
    Processor,
    Run,
    make_run,
    measured_together,
    ncnn_runs,
    npu_runs,
    read,
    runs_of,
)

from mnet_cost.devices.coefficients import (
    MICROCONTROLLERS,
    SHARED_NAMES,
    Caches,
    shared_coefficients,
)
from mnet_cost.devices.rules import runtime_rules
from mnet_cost.devices.terms import TERM_NAMES
from mnet_cost.measure.arrays import Array
from mnet_cost.models.library import SMALL_GRAPHS
from mnet_cost.shipped import specs_folder

THREADS = (2, 4, 8)
_FEWEST_CHIPS = 3
_SPREAD_OF_SHARES = 0.3
"""Spread of the share of the peak where fewer chips were measured: that of ncnn's 39."""
XNNPACK_TILE = 8

WIDE = 0.3
"""Least spread of a coefficient where one device was measured."""
_NOT_HELD_OUT = 1.5
"""Half width of a band where nothing could be held out: wider than any that was measured."""


def ncnn_sections() -> list[Section]:
    """Processors: the runtime that was measured on most of them."""
    single = Coefficients(ncnn_runs())
    sections = [_processors("fp32", single, "one-thread runs of ncnn on {} chips")]
    for threads in THREADS:
        threaded = Coefficients(ncnn_runs(threads))
        source = f"runs of ncnn with {threads} threads on {{}} chips"
        sections.append(_processors(f"fp32_{threads}_threads", threaded, source))
    int8 = Coefficients(ncnn_runs(1, ("int8",), least=4))
    # int8 peaks are known for few cores, so these are the shares of fp32 with a larger spread.
    shares = {
        pipeline: (middle, float(np.hypot(spread, 0.5)))
        for pipeline, (middle, spread) in sections[0].shares.items()
    }
    source = "one-thread int8 runs of ncnn on {} chips"
    return [*sections, _processors("int8", int8, source)._replace(shares=shares)]


def microcontroller_sections(name: str) -> list[Section]:
    """Cores without vectors, under one kind of runtime."""
    boards, every = microcontroller_runs(name), microcontroller_runs(name, least=1)
    single = [run for run in every if len(run.rows) < LEAST]
    measured, source = list(unseen_board(boards, 1)), "runs on {} boards"
    publication = "MLPerf Tiny, STM32 model zoo, TinyEngine, ESP-NN"
    shares = core_shares(every, common_coefficients(boards))
    if not measured:
        return [
            Section(
                "int8", f"{_times_of(boards, source, publication)}, fitted by benchmarks/accuracy",
                boards, _NOT_HELD_OUT, _NOT_HELD_OUT,
                "nothing: several networks ran on one board alone", shares,
                common_coefficients(boards),
            )
        ]  # fmt: skip
    section = _section(
        "int8", boards, measured, list(datasheet_board(boards, single)), source, publication,
        "unseen board, one network measured",
    )  # fmt: skip
    return [section._replace(shares=shares)]


TFLITE_FILES = (
    "pixel_mobilenet_v3.csv", "mobilenet_v3_paper.csv", "mobilenet_v2_paper.csv",
    "xnnpack.csv", "mobilenet_v4_table6.csv", "tflite_known_models.csv",
)  # fmt: skip
"""Tables of TensorFlow Lite and XNNPACK with one thread."""


def tflite_sections() -> list[Section]:
    """TensorFlow Lite and XNNPACK, one thread. They have no Winograd."""
    return [
        _of_runs(
            precision, runs_of(TFLITE_FILES, precision, ("tflite", "xnnpack"), 1, XNNPACK_TILE),
            tflite_beginning(precision),
            "one-thread runs of TensorFlow Lite and XNNPACK on {} devices",
            "the tables of benchmarks/accuracy/measurements",
        )
        for precision in ("fp32", "int8")
    ]  # fmt: skip


CACHES = Caches(weights=(3e6, 16e6), activations=(2e6, 6e6))
"""Where the times of small graphs rise, on a core with 1 MB of its own and a shared cache of 32 MB:
chains of 1x1 convolutions with 2 to 34 MB of weights, kernels with 1 to 12 MB of activations. Other
activations, from 1 to 4 MB up to 6 to 12 MB, change errors of left-out families by 0.2 points."""

AVX512 = Processor("avx512_server_core", "AVX-512", 202.4e9, 1.0, None, True, 16)
"""The peak is measured as mult-adds per second; how many a cycle is not known."""


PERMUTED = 50.0
"""The coefficient of elements that move one by one: an order of magnitude."""


def onnxruntime_run() -> Run:
    """Whole networks and small graphs on one core."""
    rows = (*read("onnxruntime_avx512_core.csv"), *read("onnxruntime_small_graphs.csv"))
    return make_run(rows, runtime_rules("onnxruntime"), AVX512.pack, AVX512, CACHES)


def onnxruntime_sections() -> list[Section]:
    """ONNX Runtime on x86: whole networks and small graphs of one core."""
    run = onnxruntime_run()
    first = like_ncnn("fp32", 1.0)
    # Of windows and pixels, which are in no row; those of ncnn are of channel shuffles in packs.
    first.start[TERM_NAMES.index("permute")] = PERMUTED
    coefficients = Coefficients([run], first)
    held_out = [
        forecast
        for forecast in known_device(coefficients)
        if not forecast.model.startswith(f"{SMALL_GRAPHS}:")
    ]
    section = _section(
        "fp32", [run], held_out, [], "run of ONNX Runtime on {} core, whole networks and small "
        "graphs", "own measurement, 2026-11", "known device, new family",
        common_coefficients([run], first), shared_coefficients().measured.width,
    )  # fmt: skip
    return [_with_wide_spreads(section)]


def torch_compile_sections() -> list[Section]:
    """torch.compile on x86 with all cores."""
    rules = runtime_rules("torch-compile")
    tables = measured_together(read("timm_i9.csv")).values()
    runs = [make_run(rows, rules, 1) for rows in tables]
    section = _of_runs(
        "fp32_8_threads", runs, like_ncnn("fp32", 1.0, 8),
        "runs of torch.compile with 14 threads on {} processor",
        "huggingface/pytorch-image-models, results/",
    )  # fmt: skip
    return [_with_wide_spreads(section)]


def like_ncnn(precision: str, spread: float, threads: int = 1) -> Beginning:
    """The coefficients of ncnn, from which those of other runtimes are some way off."""
    shared = shared_coefficients("ncnn", precision, threads)
    return Beginning(np.array(shared.coefficients), PROCESSORS.spreads, spread)


def _with_wide_spreads(section: Section) -> Section:
    """Of one device, which does not tell how devices differ."""
    first = section.first
    return section._replace(first=first._replace(spreads=np.maximum(first.spreads, WIDE)))


def tflite_beginning(precision: str) -> Beginning:
    """That of TensorFlow Lite: its devices have 8-bit dot products or do not."""
    together = DOT_PRODUCTS if precision == "int8" else 0.0
    return like_ncnn(precision, 0.3)._replace(together=together)


def _of_runs(
    name: str, runs: Sequence[Run], first: Beginning, source: str, publication: str
) -> Section:
    coefficients = Coefficients(runs, first)
    return _section(
        name, runs, list(known_device(coefficients)), [], source, publication,
        "known device, new family", common_coefficients(runs, first),
        # At int8, too: by what bands of ncnn are wider there, rates of products differ.
        shared_coefficients("ncnn").measured.width,
    )._replace(first=first)  # fmt: skip


def npu_sections() -> list[Section]:
    """Accelerators: one family of them, which three runtimes call."""
    return [
        _section(
            name, runs.runs, [
                forecast
                for forecast in known_device(runs)
                if (precision, forecast.family) != ("int8", APART)
            ], [],
            f"{precision} runs of NPUs on {{}} boards", "PyPI qai-hub-models 0.65.0",
            "known device, new family", common_coefficients(runs.runs, runs.first),
        )._replace(first=runs.first, shares={})
        for name, precision, runs in (
            ("fp32", "fp16", Coefficients(npu_runs("fp16"), NPU_FLOAT)),
            ("int8", "int8", Coefficients(npu_runs("int8"), NPU_INT8)),
        )
    ]  # fmt: skip


FILES: Mapping[str, Callable[[], list[Section]]] = {
    "ncnn": ncnn_sections,
    "tflite": tflite_sections,
    "onnxruntime": onnxruntime_sections,
    "torch-compile": torch_compile_sections,
    **{
        name: partial(microcontroller_sections, name)
        for name in SHARED_NAMES
        if name.startswith(MICROCONTROLLERS)
    },
    "npu": npu_sections,
}


def write_files(names: Sequence[str] = ()) -> None:
    """Fit the files of these names, all without one."""
    for name in names or FILES:
        if name not in FILES:
            raise SystemExit(f"there is no file `{name}`: there are {', '.join(FILES)}")
    for name in names or FILES:
        path = specs_folder() / "coefficients" / f"{name}.yaml"
        sections = FILES[name]()
        caches = CACHES if name == "onnxruntime" else None
        write(path, sections, datetime.date.today().isoformat(), caches, spreads(name))
        for section in sections:
            print(f"{path}: {section.name}: {section.held_out}")


def _processors(name: str, coefficients: Coefficients, source: str) -> Section:
    """A section of processors; `source` has a place for the number of chips."""
    return _section(
        name, coefficients.runs, list(known_device(coefficients)), list(datasheet(coefficients)),
        source, "Tencent/ncnn, benchmark/README.md@a4d2ea1d4422", "known device, new family",
    )  # fmt: skip


def _section(
    name: str,
    runs: Sequence[Run],
    measured: Sequence[Forecast],
    unmeasured: Sequence[Forecast],
    source: str,
    publication: str,
    protocol: str,
    coefficients: Array | None = None,
    least_width: float = 0.0,
) -> Section:
    coefficients = common_coefficients(runs) if coefficients is None else coefficients
    figures = summarize(name, protocol, measured, 1.0)
    # A few tables of alike networks are easier than what a user will ask for.
    width = max(width_of(measured), least_width)
    return Section(
        name,
        f"{_times_of(runs, source, publication)}, fitted by benchmarks/accuracy",
        runs,
        width,
        width_of(unmeasured) if unmeasured else width,
        f"{protocol}: median {figures.median:.1f} %, mean {figures.mean:.1f} % of "
        f"{figures.forecasts} times",
        _shares(runs, coefficients),
        coefficients,
    )


def _shares(runs: Sequence[Run], coefficients: Array) -> dict[str, tuple[float, float]]:
    """`peak_shares`, with no less than a usual spread where few chips were measured."""
    few = len({run.group for run in runs}) < _FEWEST_CHIPS
    return {
        pipeline: (middle, max(spread, _SPREAD_OF_SHARES) if few else spread)
        for pipeline, (middle, spread) in peak_shares(runs, coefficients).items()
    }


def _times_of(runs: Sequence[Run], source: str, publication: str) -> str:
    chips = len({run.group for run in runs})
    times = sum(len(run.rows) for run in runs)
    return f"{times} times of {len(runs)} {source.format(chips)} ({publication})"
