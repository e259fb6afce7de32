"""Memory of microcontrollers beside what tools of vendors printed."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from statistics import median
from types import ModuleType

import pytest

from mnet_cost.analysis import analyze
from mnet_cost.devices import load_device

PATH = Path(__file__).parents[2] / "benchmarks" / "microcontroller_memory.py"


@cache
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("microcontroller_memory", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def rows() -> list:  # type: ignore[type-arg]
    return list(benchmark().compare())


def test_stored_weights_are_the_printed_ones() -> None:
    """To the last digit printed, where digits are; a byte for each param is 0.3 to 4.6 % less."""
    exact = 0
    printed = [row for row in rows() if row.weights and row.precision == "int8"]
    for row in printed:
        assert row.stored == pytest.approx(row.weights, rel=0.006), row
        exact += abs(row.stored - row.weights) < 0.0051 * 1024
        assert row.dense < 0.999 * row.weights
    assert (exact, len(printed)) == (40, 49)


def test_activations_of_compilers() -> None:
    """Medians of absolute errors; without overlaps the first two are 36 and 14 %."""

    def errors(runtime: str, versions: tuple[str, ...], least: int = 0) -> list[float]:
        return [
            row.ours / row.activations - 1
            for row in rows()
            if row.runtime == runtime
            and row.version.split(".")[0] in versions
            and row.precision == "int8"
            and row.activations > least
        ]

    assert median(map(abs, errors("x-cube-ai", ("7",)))) < 0.15
    current = errors("x-cube-ai", ("9",), 64 * 1024)
    assert len(current) == 19
    assert median(map(abs, current)) < 0.12
    assert min(current) > -0.34
    assert max(current) < 0.16
    inverted = [row.ours / row.activations - 1 for row in rows() if row.runtime == "tinyengine"]
    assert len(inverted) == 6
    assert min(inverted) > -0.085
    assert max(inverted) < 0


def test_a_report_has_the_bytes_of_the_flash() -> None:
    """MobileNet V1 0.25 with 1,000 classes: 463,600 weights and 3,736 biases, 467.33 KiB in the
    STM32 model zoo."""
    flash = 463_600 + 4 * 3_736
    analysis = analyze("mobilenet_v1@alpha=0.25", devices=["stm32h747"], precision="int8")
    _, weights = analysis.devices[0].memory_fits
    assert weights.needed_bytes == flash
    assert round(flash / 1024, 2) == 467.33
    assert analysis.sums.weight_bytes == 470_072  # the metric stays: a byte for each param
    float_analysis = analyze("mobilenet_v1@alpha=0.25", devices=["stm32h747"], precision="fp32")
    _, weights = float_analysis.devices[0].memory_fits
    assert weights.needed_bytes == float_analysis.sums.weight_bytes == 4 * 470_072
    assert load_device("stm32h747").storage is not None
