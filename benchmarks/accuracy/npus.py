"""Forecasts for NPUs of Snapdragon boards, whose shared coefficients are fitted without what is
predicted: a family, or the family and the board.

int8 transformers are apart: no other network has attention, and on these boards it takes ten times
what its mult-adds take elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator

from protocols import Coefficients, Forecast, known_device, unseen_device, without_family
from shared import NPU_FLOAT, NPU_INT8
from tables import npu_runs

from mnet_cost.devices.coefficients import NPU, shared_coefficients

ForecastTable = tuple[str, str, list[Forecast], float]
"""As in `others.py`."""

APART = "ViT"


def npu_tables() -> Iterator[ForecastTable]:
    """fp16 and int8: a known board, and an unseen one with 4 networks and with 1."""
    fp16, int8 = npu_runs("fp16"), npu_runs("int8")
    yield from _tables("fp16", Coefficients(fp16, NPU_FLOAT))
    others = [without_family(run, APART) for run in int8]
    yield from _tables("int8", Coefficients(others, NPU_INT8))
    apart = [
        forecast
        for forecast in known_device(Coefficients(int8, NPU_INT8))
        if forecast.family == APART
    ]
    yield f"Snapdragon NPUs, int8, {APART}", _KNOWN, apart, _width("int8")


_KNOWN = "known board, new family"


def _tables(precision: str, runs: Coefficients) -> Iterator[ForecastTable]:
    for protocol, forecasts in (
        (_KNOWN, known_device(runs)),
        ("unseen board, 4 networks measured (drawn), new family", unseen_device(runs, 4)),
        ("unseen board, 1 network measured (drawn), new family", unseen_device(runs, 1)),
    ):
        yield f"Snapdragon NPUs, {precision}", protocol, list(forecasts), _width(precision)


def _width(precision: str) -> float:
    return shared_coefficients(NPU, precision).measured.width
