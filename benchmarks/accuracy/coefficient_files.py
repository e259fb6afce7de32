"""`python benchmarks/accuracy coefficients [NAME ...]`: fits files of `specs/coefficients` anew.

A file has the coefficients that devices of one runtime have in common, in a section for each
precision and number of threads that was measured. A band is as wide as it takes to hold 80 % of
held-out measurements. Not here: the fit itself (`shared.py`).
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence

import numpy as np
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
    NPU_FLOAT,
    NPU_INT8,
    Section,
    common_coefficients,
    peak_shares,
    write,
)
from summary import summarize, width_of
from tables import Run, microcontroller_runs, ncnn_runs, npu_runs

from mnet_cost.shipped import specs_folder

THREADS = (2, 4, 8)


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


def microcontroller_sections() -> list[Section]:
    """Cores without vectors."""
    boards = microcontroller_runs()
    section = _section(
        "int8", boards, list(unseen_board(boards, 1)), list(datasheet_board(boards)),
        "runs of MLPerf Tiny v0.5 to v1.3 on {} boards",
        "mlcommons/tiny_results, closed division", "unseen board, one network measured",
    )  # fmt: skip
    return [section]


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
            "known device, new family",
        )._replace(first=runs.first, shares={})
        for name, precision, runs in (
            ("fp32", "fp16", Coefficients(npu_runs("fp16"), NPU_FLOAT)),
            ("int8", "int8", Coefficients(npu_runs("int8"), NPU_INT8)),
        )
    ]  # fmt: skip


FILES: Mapping[str, Callable[[], list[Section]]] = {
    "ncnn": ncnn_sections,
    "microcontrollers": microcontroller_sections,
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
        write(path, sections, datetime.date.today().isoformat())
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
) -> Section:
    figures = summarize(name, protocol, measured, 1.0)
    chips = len({run.group for run in runs})
    times = sum(len(run.rows) for run in runs)
    times_of = f"{times} times of {len(runs)} {source.format(chips)} ({publication})"
    width = width_of(measured)
    return Section(
        name,
        f"{times_of}, fitted by benchmarks/accuracy",
        runs,
        width,
        width_of(unmeasured) if unmeasured else width,
        f"{protocol}: median {figures.median:.1f} %, mean {figures.mean:.1f} % of "
        f"{figures.forecasts} times",
        peak_shares(runs, common_coefficients(runs)),
    )
