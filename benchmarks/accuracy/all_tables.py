"""Errors of estimates on every table of published measurements, each of which was held out.

    python benchmarks/accuracy                     print all tables
    python benchmarks/accuracy --results FOLDER    and write them to FOLDER as CSV
    python benchmarks/accuracy runtimes            tables of other runtimes alone
    python benchmarks/accuracy coefficients [NAME] fit `specs/coefficients` anew
    python benchmarks/accuracy profiles            make the fitted profiles of `specs/devices` anew
    python benchmarks/accuracy energy              errors of energies, MLPerf Tiny
    python benchmarks/accuracy differences         how far apart runtimes and versions of one are
    python benchmarks/accuracy ratios              intervals of ratios of two networks

No estimate is fitted to the measurement that it is compared with; a row says what was held out.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from coefficient_files import write_files
from differences import show as show_differences
from energy import show as show_energy
from microcontrollers import LEAST, microcontroller_runs
from npus import npu_tables
from others import NEW_FAMILY, ForecastTable, other_tables
from profile_commands import make_all
from protocols import (
    Coefficients,
    Forecast,
    datasheet,
    datasheet_board,
    known_device,
    unseen_board,
    unseen_device,
)
from ratios import show as show_ratios
from rich.console import Console
from rich.table import Table
from runtimes import runtime_tables
from summary import COLUMNS, Summary, four_digits, summarize, width_of
from tables import ncnn_runs

from mnet_cost.devices.coefficients import shared_coefficients

ONE_THREAD = "ncnn, one thread"
BOARDS = {
    "microcontrollers": "microcontrollers, compilers",
    "microcontrollers_tflm": "microcontrollers, CMSIS-NN and the like",
}


def ncnn_tables(coefficients: Coefficients) -> Iterator[ForecastTable]:
    """The ncnn benchmark with one thread."""
    bands = shared_coefficients()
    width = bands.measured.width
    known = list(known_device(coefficients))
    yield ONE_THREAD, NEW_FAMILY, known, width
    yield (
        ONE_THREAD,
        f"{NEW_FAMILY}, bands set on other devices",
        list(with_bands_of_others(known)),
        1.0,
    )
    protocol = "unseen device, its other families measured"
    yield ONE_THREAD, protocol, list(unseen_device(coefficients, None)), width
    for count in (4, 1):
        words = f"{count} network{'s' if count > 1 else ''}"
        for chosen in (True, False):
            how = "chosen" if chosen else "drawn"
            protocol = f"unseen device, {words} measured ({how}), new family"
            yield ONE_THREAD, protocol, list(unseen_device(coefficients, count, chosen)), width
    protocol = "data sheet, nothing measured, new family"
    yield ONE_THREAD, protocol, list(datasheet(coefficients)), bands.unmeasured.width


def with_bands_of_others(forecasts: Sequence[Forecast]) -> Iterator[Forecast]:
    """The same forecasts with bands of a width that fits the other half of the devices."""
    devices = sorted({forecast.device for forecast in forecasts})
    for half in (devices[::2], devices[1::2]):
        width = width_of([forecast for forecast in forecasts if forecast.device not in half])
        for forecast in forecasts:
            if forecast.device in half:
                yield forecast._replace(sigma=forecast.sigma * width)


def microcontroller_tables() -> Iterator[ForecastTable]:
    """Microcontrollers, by kind of runtime. Reference kernels ran on one board with several
    networks, so that nothing of them can be held out."""
    for name, title in BOARDS.items():
        boards, bands = microcontroller_runs(name), shared_coefficients(name, "int8")
        for count in (1, 3):
            protocol = f"unseen board, {count} network{'s' if count > 1 else ''} measured"
            yield title, protocol, list(unseen_board(boards, count)), bands.measured.width
        single = [run for run in microcontroller_runs(name, least=1) if len(run.rows) < LEAST]
        unmeasured = list(datasheet_board(boards, single))
        yield title, "data sheet, nothing measured", unmeasured, bands.unmeasured.width


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "what",
        nargs="?",
        choices=(
            "all",
            "runtimes",
            "coefficients",
            "profiles",
            "energy",
            "ratios",
            "differences",
        ),
        default="all",
    )
    parser.add_argument("names", nargs="*", help="of files of `specs/coefficients`, or of profiles")
    parser.add_argument("--results", type=Path, metavar="FOLDER", help="write CSV files there")
    options = parser.parse_args()
    if options.what == "profiles":
        make_all(options.names)
        return
    if options.what == "differences":
        show_differences()
        return
    if options.what == "energy":
        show_energy(options.results)
        return
    if options.what == "ratios":
        show_ratios(options.results)
        return
    if options.what == "coefficients":
        write_files(options.names)
        return
    rows, forecasts = [], []
    tables = list(runtime_tables())
    if options.what == "all":
        coefficients = Coefficients(ncnn_runs())
        tables = [
            *ncnn_tables(coefficients),
            *other_tables(coefficients),
            *microcontroller_tables(),
            *npu_tables(),
            *tables,
        ]
    for table, protocol, table_forecasts, width in tables:
        rows.append(summarize(table, protocol, table_forecasts, width))
        forecasts += [(table, protocol, forecast) for forecast in table_forecasts]
    _print(rows)
    if options.results:
        _write_results(options.results, rows, forecasts)


def _print(rows: list[Summary]) -> None:
    table = Table(box=None, header_style="bold")
    for name in (
        "table", "protocol", "n", "median", "mean", "<10", "<20", "rank", "in band", "band",
        "MACs", "MACs + c", "roofline",
    ):  # fmt: skip
        table.add_column(name, justify="left" if name in ("table", "protocol") else "right")
    for row in rows:
        table.add_row(
            row.table, row.protocol, f"{row.forecasts:,}", f"{row.median:.1f}", f"{row.mean:.1f}",
            f"{row.within_10:.0f}", f"{row.within_20:.0f}",
            "-" if row.spearman is None else f"{row.spearman:.3f}",
            f"{row.in_band:.0f}", f"+{row.band:.0f}",
            f"{row.mult_adds_median:.0f} / {row.mult_adds_mean:.0f}",
            f"{row.line_median:.0f} / {row.line_mean:.0f}",
            f"{row.roofline_median:.0f} / {row.roofline_mean:.0f}",
        )  # fmt: skip
    console = Console(width=None if sys.stdout.isatty() else 190)
    console.print(table)
    console.print(
        "median, mean: absolute error in % of the measured time; <10, <20: % of measurements with "
        "a smaller error; rank: Spearman's correlation; in band: % of measurements inside their "
        "band, which aims at 80; band: median half width in %; MACs, MACs + c, roofline: errors "
        "of baselines fitted to the same measurements, median / mean"
    )


def _write_results(
    folder: Path, rows: list[Summary], forecasts: list[tuple[str, str, Forecast]]
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "summary.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in rows:
            writer.writerow(four_digits(row))
    families: dict[tuple[str, str, str], list[float]] = {}
    for table, protocol, forecast in forecasts:
        families.setdefault((table, protocol, forecast.family), []).append(forecast.error)
    with (folder / "families.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["table", "protocol", "family", "forecasts", "median", "mean", "bias"])
        for (table, protocol, family), errors in families.items():
            shares = np.abs(np.expm1(errors))
            writer.writerow(
                [table, protocol, family, len(errors), f"{100 * np.median(shares):.4g}",
                 f"{100 * np.mean(shares):.4g}", f"{100 * np.expm1(np.median(errors)):.4g}"]
            )  # fmt: skip


if __name__ == "__main__":
    main()
