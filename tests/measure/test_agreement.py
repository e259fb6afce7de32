"""Times are worked out twice: from arrays where fits are made, by kernel where they are used.

Both must be the same numbers, with and without peaks, whatever the fit says.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mnet_cost.analysis.kernels import Kernel
from mnet_cost.analysis.latency import estimate_latency
from mnet_cost.analysis.terms import network_amounts
from mnet_cost.analysis.times import deviation_of
from mnet_cost.devices import DeviceProfile, load_device
from mnet_cost.devices.coefficients import shared_coefficients, shared_name_of
from mnet_cost.devices.latency_models import CoefficientFit, LatencyFit, RooflineFit, Spread
from mnet_cost.devices.rules import runtime_rules
from mnet_cost.devices.sourced import Sourced
from mnet_cost.devices.terms import TERM_NAMES
from mnet_cost.errors import Source, Span
from mnet_cost.measure.arrays import Array
from mnet_cost.measure.coefficient_solver import Solution, deviation, shown_seconds
from mnet_cost.measure.least_times import as_extended, lower_bounds_of
from mnet_cost.measure.measurements import Measurement
from mnet_cost.measure.networks import kernels_of
from mnet_cost.measure.rooflines import Roofline, Work

NETWORKS = ("mobilenet_v1", "mobilenet_v2@alpha=0.5", "resnet18", "shufflenet_v2", "ds_cnn")
SETUPS = [
    pytest.param(None, "tflite", 1, "fp32", 1, id="no peaks"),
    pytest.param("pixel_1", "tflite", 1, "fp32", 8, id="peaks"),
    pytest.param("pixel_1", "ncnn", 4, "fp32", 4, id="other threads and rules"),
    pytest.param("raspberry_pi_4", "xnnpack", 4, "int8", 8, id="int8"),
    pytest.param("stm32h7a3", "tflm", 1, "int8", 1, id="a microcontroller"),
    pytest.param("coral_usb", "tflite-edgetpu", 1, "int8", 1, id="an accelerator"),
]


def _measurement(model: str, precision: str, batch: int) -> Measurement:
    span = Span(Source("times.csv", ""), 1, 1, 2)
    return Measurement(
        model=model,
        latency_s=1.0,
        device="",
        processor="",
        runtime="",
        precision=precision,
        threads=1,
        batch=batch,
        family="",
        run="",
        source="",
        energy_j=None,
        span=span,
        time_span=span,
    )


def _number(value: float) -> Sourced:
    return Sourced(value=value, source="a test", basis="fitted")


class Setup:
    """Kernels of networks, and the profile on which they are timed."""

    def __init__(self, base: str | None, runtime: str, threads: int, precision: str) -> None:
        rules = runtime_rules(runtime)
        rows = [_measurement(model, precision, batch) for model in NETWORKS for batch in (1, 3)]
        self.rules, self.precision = rules, precision
        self.kernels: list[tuple[Kernel, ...]] = kernels_of(rows, rules)
        bare = DeviceProfile(
            name="x",
            title="x",
            basis="fitted",
            runtime=runtime,
            threads=threads,
            compute={},
            memory=(),
            kernel_rules=rules,
        )
        peaks = None if base is None else as_extended(load_device(base), rules, threads)
        self.device = peaks or bare
        self.lower_bounds = [lower_bounds_of(kernels, peaks, precision) for kernels in self.kernels]
        self.peaks = peaks

    def analyzed(self, fit: LatencyFit) -> list[float]:
        device = replace(self.device, latency={self.precision: fit}, basis="fitted")
        times = []
        for kernels in self.kernels:
            estimate = estimate_latency(kernels, device, self.precision)
            assert estimate.latency_s is not None
            times.append(estimate.latency_s)
        return times


def _bound(seconds: Array, without: Array) -> bool:
    return bool((seconds > 1.001 * without).any())


@pytest.mark.parametrize(("base", "runtime", "threads", "precision", "tile"), SETUPS)
def test_coefficients(
    base: str | None, runtime: str, threads: int, precision: str, tile: int
) -> None:
    setup = Setup(base, runtime, threads, precision)
    shared = shared_coefficients(shared_name_of(setup.device), precision, threads)
    coefficients = np.array(shared.coefficients)
    parts = [np.array(network_amounts(kernels, setup.rules, tile)) for kernels in setup.kernels]
    random = np.random.default_rng(7)
    raised = False
    for scale_s in (1e-9, 1e-10, 1e-11, 1e-12):
        deviations = random.normal(0.0, 1.0, len(TERM_NAMES))
        root = random.normal(0.0, 0.1, (1 + len(TERM_NAMES),) * 2)
        covariance = root @ root.T
        fit = CoefficientFit(
            scale_s=_number(scale_s),
            deviations=dict(zip(TERM_NAMES, map(float, deviations), strict=True)),
            covariance=tuple(tuple(map(float, row[: i + 1])) for i, row in enumerate(covariance)),
            spread=Spread(width=1.2, noise=0.12),
            tile=tile,
            shared=shared.name,
        )
        parameters = np.concatenate([[np.log(scale_s * 1e6)], deviations])
        seconds = shown_seconds(parts, setup.lower_bounds, coefficients, parameters)
        assert setup.analyzed(fit) == pytest.approx(list(seconds), rel=1e-9)
        bare = shown_seconds(
            parts,
            [lower_bounds * 0 for lower_bounds in setup.lower_bounds],
            coefficients,
            parameters,
        )
        raised |= _bound(seconds, bare)
        amounts = np.array([part.sum(0) for part in parts])
        sigmas = deviation(amounts, coefficients, Solution(parameters, covariance), 0.12)
        for of_network, sigma, kernels in zip(amounts, sigmas, setup.kernels, strict=True):
            by_coefficients = of_network * coefficients * np.exp(deviations)
            shares = list(map(float, by_coefficients / by_coefficients.sum()))
            assert deviation_of(fit, shares) == pytest.approx(float(sigma), rel=1e-9), kernels
    assert raised == (base is not None)


@pytest.mark.parametrize(("base", "runtime", "threads", "precision", "tile"), SETUPS)
def test_rooflines(base: str | None, runtime: str, threads: int, precision: str, tile: int) -> None:
    setup = Setup(base, runtime, threads, precision)
    works = [
        Work(
            np.array([float(kernel.mult_adds) for kernel in kernels]),
            np.array([float(kernel.traffic_bytes) for kernel in kernels]),
            lower_bounds,
        )
        for kernels, lower_bounds in zip(setup.kernels, setup.lower_bounds, strict=True)
    ]
    raised = False
    numbers: list[dict[str, Any]] = [
        {"ridge": 0.0, "inference_s": 0.0, "kernel_s": 0.0},
        {"ridge": 12.0, "inference_s": 1e-3, "kernel_s": 0.0},
        {"ridge": 300.0, "inference_s": 0.0, "kernel_s": 2e-5},
    ]
    for rate in (1e8, 1e10, 1e13):
        for constants in numbers:
            roofline = Roofline(1 / rate, **constants)
            fit = RooflineFit(
                macs_per_s=_number(rate),
                bytes_per_s=_number(rate / roofline.ridge) if roofline.ridge else None,
                inference_s=_number(roofline.inference_s) if roofline.inference_s else None,
                kernel_s=_number(roofline.kernel_s) if roofline.kernel_s else None,
                spread=Spread(width=1.0, noise=0.1),
            )
            seconds = np.array([roofline.seconds(work) for work in works])
            assert setup.analyzed(fit) == pytest.approx(list(seconds), rel=1e-9)
            bare = [roofline.seconds(work._replace(lower_bounds=0.0)) for work in works]
            raised |= _bound(seconds, np.array(bare))
    assert raised == (base is not None)
