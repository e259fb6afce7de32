"""Cost coefficients fitted to times that were made from known ones."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnet_cost.devices import DeviceProfile, load_device
from mnet_cost.devices.coefficients import (
    NPU,
    SHARED_NAMES,
    Caches,
    of_another_runtime,
    prior_covariance,
    section_name,
    shared_coefficients,
    shared_name,
    unmeasured_fit,
)
from mnet_cost.devices.terms import PRODUCTS, TERM_NAMES, moved_together
from mnet_cost.measure.arrays import Array
from mnet_cost.measure.coefficient_solver import (
    NOISE,
    deviation,
    expected_seconds,
    share_coefficients,
    solve,
)
from mnet_cost.shipped import specs_folder

TERMS = 5
COEFFICIENTS = np.array([1.0, 2.0, 0.5, 8.0, 30.0])
SPREADS = np.full(TERMS, 0.4)
SCALE = np.log(2e-4)


def amounts_of(networks: int, seed: int = 0) -> Array:
    """Networks that differ in what they are made of: each has some terms and not others."""
    random = np.random.default_rng(seed)
    amounts = random.lognormal(0.0, 1.0, (networks, TERMS)) / COEFFICIENTS
    return np.asarray(amounts * random.choice([0.05, 1.0, 4.0], (networks, TERMS)) * 100)


def times(amounts: Array, deviations: Array, noise: float = 0.0, seed: int = 1) -> Array:
    seconds = expected_seconds(amounts, COEFFICIENTS, np.concatenate([[SCALE], deviations]))
    errors = np.random.default_rng(seed).normal(0.0, 1.0, len(seconds))
    return np.asarray(seconds * np.exp(noise * errors))


DEVIATIONS = np.array([0.0, 0.5, -0.4, 0.3, -0.6])


def test_known_coefficients_are_found() -> None:
    amounts = amounts_of(200)
    solution = solve(amounts, times(amounts, DEVIATIONS), COEFFICIENTS, SPREADS)
    fitted = expected_seconds(amounts, COEFFICIENTS, solution.parameters)
    assert np.abs(np.log(fitted / times(amounts, DEVIATIONS))).max() < 0.02
    # A factor of all cost coefficients is the scale's, as far as the prior of deviations goes.
    log_coefficients = solution.parameters[0] + solution.parameters[1:]
    assert log_coefficients == pytest.approx(SCALE + DEVIATIONS, abs=0.03)


def test_outliers_hardly_move_them() -> None:
    amounts = amounts_of(120)
    seconds = times(amounts, DEVIATIONS, noise=0.05)
    clean = solve(amounts, seconds, COEFFICIENTS, SPREADS)
    spoiled = seconds.copy()
    spoiled[::10] *= 5.0  # every tenth row is of another setting
    solution = solve(amounts, spoiled, COEFFICIENTS, SPREADS)
    others = np.arange(len(seconds)) % 10 != 0
    errors = np.log(expected_seconds(amounts, COEFFICIENTS, solution.parameters) / seconds)[others]
    assert abs(np.median(errors)) < 0.03
    assert np.quantile(np.abs(errors), 0.8) < 0.15
    moved = (
        solution.parameters[0]
        + solution.parameters[1:]
        - clean.parameters[0]
        - clean.parameters[1:]
    )
    assert np.abs(moved).max() < 0.2


def test_one_measurement_moves_the_scale() -> None:
    amounts = amounts_of(1)
    seconds = np.array([0.25])
    solution = solve(amounts, seconds, COEFFICIENTS, SPREADS)
    assert expected_seconds(amounts, COEFFICIENTS, solution.parameters) == pytest.approx(
        seconds, rel=1e-4
    )
    assert np.abs(solution.parameters[1:]).max() < 1e-6
    alone = np.log(0.25 / (amounts * COEFFICIENTS).sum())
    assert solution.parameters[0] == pytest.approx(alone)


def test_what_moves_together_is_found_by_few_rows() -> None:
    """Devices whose products take a quarter: one number in common says so, single ones do not."""
    shared = shared_coefficients("tflite", "int8")
    assert shared.together == pytest.approx(math.log(4) / 2, abs=0.01)
    coefficients, spreads = np.array(shared.coefficients), np.array(shared.spreads)
    moved = np.array(moved_together(shared.together))
    assert {name for name, value in zip(TERM_NAMES, moved, strict=True) if not value} == PRODUCTS
    amounts = np.zeros((3, len(TERM_NAMES)))
    for row, (products, elements) in enumerate(((90, 1), (50, 10), (10, 2))):
        amounts[row, TERM_NAMES.index("pointwise")] = products
        amounts[row, TERM_NAMES.index("pointwise_elements")] = elements
    other = np.zeros((1, len(TERM_NAMES)))
    other[0, TERM_NAMES.index("pooling")] = 5  # in no row
    true = coefficients * np.where(moved > 0, 4.0, 1.0)
    seconds = amounts @ true

    def found(moved: Array | None) -> float:
        parameters = solve(amounts, seconds, coefficients, spreads, together=moved).parameters
        return float(expected_seconds(other, coefficients, parameters)[0] / (other @ true)[0])

    apart, together = found(None), found(moved)
    assert apart < 0.75
    assert together == pytest.approx(1.0, abs=0.12)


def test_spreads_of_a_runtime_that_nobody_measured() -> None:
    of_devices, int8 = shared_coefficients(), shared_coefficients("tflite", "int8")
    assert of_another_runtime(of_devices).spreads == tuple(2 * s for s in of_devices.spreads)
    assert of_another_runtime(int8) is int8  # as wide already


def test_the_covariance_of_a_prior() -> None:
    shared = shared_coefficients("tflite", "int8")
    prior = prior_covariance(shared)
    pooling, move, dense = map(TERM_NAMES.index, ("pooling", "move", "dense"))
    assert prior[pooling][pooling] == pytest.approx(0.7**2 + 0.2**2)
    assert prior[move][pooling] == pytest.approx(0.7**2)
    assert prior[pooling][dense] == 0.0
    assert prior[dense][dense] == pytest.approx(0.2**2)


def test_one_measurement_moves_a_known_scale_less() -> None:
    amounts = amounts_of(1)
    known = float(np.log(0.25 / (amounts * COEFFICIENTS).sum()))
    solution = solve(amounts, np.array([0.5]), COEFFICIENTS, SPREADS, scale=known, scale_spread=0.1)
    seconds = expected_seconds(amounts, COEFFICIENTS, solution.parameters)[0]
    assert 0.25 < seconds < 0.5
    assert 0 < solution.parameters[0] - known < np.log(2)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_few_rows_leave_coefficients_where_they_are(rows: int) -> None:
    amounts = amounts_of(rows)
    seconds = times(amounts, np.zeros(TERMS), noise=0.1)
    few = solve(amounts, seconds, COEFFICIENTS, SPREADS)
    assert np.abs(few.parameters[1:]).max() < 0.25
    # And what is not known after the fit is about what was not known before.
    known = np.sqrt(np.diag(few.covariance)[1:]) / SPREADS
    assert known.max() > 0.8
    assert known.max() <= 1.0


def test_more_rows_say_more() -> None:
    variances = []
    for rows in (2, 10, 100):
        amounts = amounts_of(rows)
        solution = solve(amounts, times(amounts, DEVIATIONS), COEFFICIENTS, SPREADS)
        variances.append(np.diag(solution.covariance).sum())
    assert variances[0] > variances[1] > variances[2]


@given(st.floats(1.01, 1e6), st.integers(1, 12), st.integers(0, 100))
def test_a_slower_device_has_a_larger_scale(factor: float, rows: int, seed: int) -> None:
    amounts = amounts_of(rows, seed)
    seconds = times(amounts, DEVIATIONS, noise=0.1, seed=seed)
    quick = solve(amounts, seconds, COEFFICIENTS, SPREADS)
    slow = solve(amounts, seconds * factor, COEFFICIENTS, SPREADS)
    assert slow.parameters[0] - quick.parameters[0] == pytest.approx(np.log(factor), rel=1e-3)
    assert slow.parameters[1:] == pytest.approx(quick.parameters[1:], abs=1e-3)


@given(st.integers(1, 30), st.integers(0, 1000), st.floats(0.0, 3.0))
def test_the_covariance_is_symmetric_and_positive_definite(
    rows: int, seed: int, noise: float
) -> None:
    amounts = amounts_of(rows, seed)
    seconds = times(amounts, DEVIATIONS, noise, seed)
    solution = solve(amounts, seconds, COEFFICIENTS, SPREADS)
    assert np.isfinite(solution.parameters).all()
    assert solution.covariance == pytest.approx(solution.covariance.T, abs=1e-12)
    assert np.linalg.eigvalsh(solution.covariance).min() > 0
    sigmas = deviation(amounts, COEFFICIENTS, solution, NOISE)
    assert (sigmas >= NOISE).all()


def test_the_deviation_by_hand() -> None:
    amounts = np.array([[3.0, 1.0]])
    solution = solve(amounts, np.array([5.0]), np.ones(2), np.array([0.3, 0.3]))
    row = np.array([1.0, 0.75, 0.25])  # the scale, and the shares of both terms
    variance = row @ solution.covariance @ row
    deviations = deviation(amounts, np.ones(2), solution, 0.1)
    assert deviations == pytest.approx([np.sqrt(variance + 0.01)], rel=1e-3)


def test_shared_coefficients_are_found() -> None:
    """Of devices that differ from them by chance, and started far from them."""
    random = np.random.default_rng(5)
    runs = []
    for device in range(40):
        amounts = amounts_of(25, device)
        deviations = random.normal(0.0, 0.15, TERMS)
        scale = random.normal(SCALE, 1.0)
        seconds = expected_seconds(amounts, COEFFICIENTS, np.concatenate([[scale], deviations]))
        runs.append((amounts, seconds * np.exp(random.normal(0.0, 0.05, len(seconds)))))
    start = np.array([1.0, 1.0, 1.0, 4.0, 60.0])
    coefficients = share_coefficients(runs, start, SPREADS)
    assert coefficients[0] == 1.0
    assert np.abs(np.log(coefficients / COEFFICIENTS)).max() < 0.15


def test_what_no_network_has_keeps_its_coefficient() -> None:
    amounts = amounts_of(30)
    amounts[:, 4] = 0.0
    start = np.array([1.0, 1.0, 1.0, 4.0, 60.0])
    coefficients = share_coefficients([(amounts, times(amounts, np.zeros(TERMS)))], start, SPREADS)
    assert coefficients[4] == 60.0


@pytest.mark.parametrize("threads", [1, 2, 3, 4, 8, 64])
@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
@pytest.mark.parametrize("name", SHARED_NAMES)
def test_each_file_has_coefficients_of_each_way_to_run(
    name: str, precision: str, threads: int
) -> None:
    shared = shared_coefficients(name, precision, threads)
    assert shared.name == name
    assert len(shared.coefficients) == len(shared.spreads) == len(TERM_NAMES)
    assert shared.coefficients[0] == 1.0
    assert all(coefficient >= 0 for coefficient in shared.coefficients)
    # What an inference takes besides its kernels is nothing on a processor.
    assert (shared.coefficients[TERM_NAMES.index("inference")] > 0) is (name == NPU)
    assert all(spread > 0 for spread in shared.spreads)
    assert shared.measured.width > 0
    assert shared.unmeasured.noise > 0
    assert len(shared.source) > 10


def test_which_file_a_device_takes() -> None:
    assert shared_name("ncnn", "phone", None, "int8") == shared_name("any", None, None) == "ncnn"
    assert shared_name("any", None, None, "int8") == "tflite"
    assert shared_name("tflite-xnnpack", "phone", "out_of_order") == "tflite"
    assert shared_name("onnxruntime", "server", None) == "onnxruntime"
    assert shared_name("openvino", None, None) == "onnxruntime"
    assert shared_name("openvino", "server", None, "int8") == "ncnn"
    assert shared_name("onnxruntime", "phone", "in_order") == "ncnn"
    assert shared_name("torch-compile", "server", None) == "torch-compile"
    assert shared_name("torch", "server", None) == "ncnn"
    assert shared_name("x-cube-ai", "microcontroller", "in_order") == "microcontrollers"
    assert shared_name("any", "microcontroller", "in_order") == "microcontrollers"
    assert shared_name("tflm", "microcontroller", "in_order") == "microcontrollers_tflm"
    assert shared_name("tflm-cmsis-nn", "microcontroller", None) == "microcontrollers_tflm"
    assert shared_name("tflm-reference", "microcontroller", None) == "microcontrollers_reference"
    assert shared_name("tflm", "phone", "out_of_order") == "ncnn"
    assert shared_name("qnn", None, None) == shared_name("rknn", "board", None) == "npu"
    assert shared_name("tflite-edgetpu", "phone", None) == shared_name("any", "gpu", None) == "npu"
    assert section_name("fp16", 1) == section_name("bf16", 1) == "fp32"
    assert section_name("int8", 4) == "int8_4_threads"


def test_threads_that_a_file_lacks_gain_as_in_the_default_file() -> None:
    """int8 was measured with one thread, fp32 with four, too."""
    one, four = (shared_coefficients(threads=threads).coefficients for threads in (1, 4))
    single, several = (shared_coefficients("ncnn", "int8", threads) for threads in (1, 4))
    for before, after, own, got in zip(
        one, four, single.coefficients, several.coefficients, strict=True
    ):
        assert got == pytest.approx(own * after / before if before else own)
    assert several.spreads[1] == pytest.approx(math.hypot(single.spreads[1], 0.2))
    assert several.measured.width == shared_coefficients(threads=4).measured.width
    assert "as others gain from them" in several.source


@pytest.mark.parametrize("name", ["tflite", "onnxruntime", "torch-compile"])
def test_threads_of_other_runtimes(name: str) -> None:
    """From the nearest number that the file has, as those of the default file gain; a number
    between two is between theirs."""
    stated = [each for each in (1, 2, 4, 8) if _is_stated(name, each)]
    for threads in (1, 2, 4, 8):
        nearest = min(stated, key=lambda count: abs(math.log(count / threads)))
        own, got = (shared_coefficients(name, "fp32", count) for count in (nearest, threads))
        one, several = (shared_coefficients(threads=count) for count in (nearest, threads))
        expected = [
            own_one * after / before if before else own_one
            for own_one, before, after in zip(
                own.coefficients, one.coefficients, several.coefficients, strict=True
            )
        ]
        assert got.coefficients == pytest.approx(expected)
        assert got.name == name
        assert got.caches == own.caches
        assert got.measured.width == max(
            own.measured.width, several.measured.width if threads != nearest else 0
        )
        for pipeline, share in got.peak_shares.items():
            gain = several.peak_shares[pipeline].share / one.peak_shares[pipeline].share
            assert share.share == pytest.approx(own.peak_shares[pipeline].share * gain)
    two, three, four = (shared_coefficients(name, "fp32", count) for count in (2, 3, 4))
    place = TERM_NAMES.index("depthwise_3x3")
    low, high = math.log(two.coefficients[place]), math.log(four.coefficients[place])
    assert math.log(three.coefficients[place]) == pytest.approx(low + math.log2(1.5) * (high - low))
    assert three.caches == two.caches


def _is_stated(name: str, threads: int) -> bool:
    """Whether a file has a section for fp32 with so many threads."""
    text = (specs_folder() / "coefficients" / f"{name}.yaml").read_text()
    return f"\n{section_name('fp32', threads)}:\n" in text


@pytest.mark.parametrize("name", [NPU, "microcontrollers", "microcontrollers_tflm"])
def test_what_has_no_threads_to_gain_from(name: str) -> None:
    assert shared_coefficients(name, "int8", 4) == shared_coefficients(name, "int8", 1)


def test_caches_are_stated_where_they_were_seen_to_matter() -> None:
    """ONNX Runtime on a server: weights cost more once a network has 3 MB of them, and most from
    16 MB on."""
    shared = shared_coefficients("onnxruntime")
    assert shared.caches == Caches((3e6, 16e6), (2e6, 6e6))
    assert shared_coefficients("onnxruntime", "int8", 4).caches == shared.caches
    assert shared.coefficients[TERM_NAMES.index("far_weights")] > 1
    for name in SHARED_NAMES:
        if name != "onnxruntime":
            assert shared_coefficients(name).caches is None


def test_what_a_core_reaches_depends_on_it_and_on_the_runtime() -> None:
    """An M7 issues two instructions a cycle. A compiler of the vendor reaches twice as much as an
    interpreter with CMSIS-NN, and reference kernels a twentieth (TinyEngine's table, STM32H743)."""
    compiled, interpreted, reference = (
        shared_coefficients(name, "int8").peak_shares
        for name in ("microcontrollers", "microcontrollers_tflm", "microcontrollers_reference")
    )
    assert 0.33 < compiled["cortex_m7"].share < 0.45
    assert 0.2 < compiled["cortex_m4"].share < compiled["cortex_m33"].share < 0.35
    for core in ("cortex_m4", "cortex_m7", "cortex_m33"):
        assert 1.5 < compiled[core].share / interpreted[core].share < 2.5
    assert 7 < interpreted["cortex_m7"].share / reference["cortex_m7"].share < 12


def test_the_share_is_that_of_the_core_if_it_is_known() -> None:
    m7 = load_device("stm32h743")
    rate = m7.compute["int8"]
    shares = shared_coefficients("microcontrollers", "int8").peak_shares

    def scale(device: DeviceProfile) -> float:
        fit = unmeasured_fit(device, rate, "int8")
        assert fit is not None
        return fit.scale_s.value

    known = 1 / (960e6 * shares["cortex_m7"].share)
    other = 1 / (960e6 * shares["in_order"].share)
    assert scale(m7) == pytest.approx(known)
    assert scale(replace(m7, core=None)) == pytest.approx(other)
    assert scale(replace(m7, core="cortex_m55")) == pytest.approx(other)  # nobody measured one
    assert unmeasured_fit(replace(m7, pipeline="scalar"), rate, "int8") is None
