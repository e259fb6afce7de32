"""Rooflines with constants, fitted to times that were made from known ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnet_cost.measure.arrays import Array
from mnet_cost.measure.rooflines import (
    RIDGES,
    SHAPES,
    Roofline,
    Shape,
    Work,
    choose_shape,
    fit_roofline,
    held_out_errors,
)

RATE = 2e11
RIDGE = float(RIDGES[20])
ALL = Shape(True, True, True)


def works_of(networks: int, seed: int = 0) -> list[Work]:
    """Kernels on both sides of the ridge, of networks with few and many of them."""
    random = np.random.default_rng(seed)
    works = []
    for _ in range(networks):
        kernels = int(random.integers(5, 120))
        moved = random.lognormal(12.0, 1.0, kernels)
        works.append(Work(moved * random.lognormal(np.log(RIDGE), 1.5, kernels), moved))
    return works


def times(works: list[Work], truth: Roofline, noise: float = 0.0, seed: int = 1) -> Array:
    errors = np.random.default_rng(seed).normal(0.0, 1.0, len(works))
    return np.array([truth.seconds(work) for work in works]) * np.exp(noise * errors)


def test_the_time_by_hand() -> None:
    truth = Roofline(1e-3, 2.0, 5.0, 0.5)
    work = Work(np.array([1000.0, 100.0]), np.array([10.0, 400.0]))
    # 5, and 0.5 for each of two kernels; 1000 mult-adds; 2 x 400 bytes are more than 100
    assert truth.seconds(work) == pytest.approx(5 + 1 + 1e-3 * (1000 + 800))


def test_all_numbers_are_found() -> None:
    works = works_of(30)
    truth = Roofline(1 / RATE, RIDGE, 2e-4, 1e-5)
    roofline = fit_roofline(works, times(works, truth), ALL)
    assert roofline.ridge == RIDGE
    assert roofline.mult_add_s == pytest.approx(truth.mult_add_s)
    assert roofline.inference_s == pytest.approx(truth.inference_s)
    assert roofline.kernel_s == pytest.approx(truth.kernel_s)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_a_shape_does_not_have_is_zero(shape: Shape) -> None:
    works = works_of(20)
    roofline = fit_roofline(works, times(works, Roofline(1 / RATE, RIDGE, 2e-4, 1e-5)), shape)
    assert roofline.mult_add_s > 0
    assert (roofline.ridge > 0) <= shape.bandwidth
    assert (roofline.inference_s > 0) <= shape.inference
    assert (roofline.kernel_s > 0) <= shape.kernel


def test_shapes_are_all_there_are_from_few_to_many() -> None:
    assert [shape.numbers for shape in SHAPES] == sorted(shape.numbers for shape in SHAPES)
    assert len(set(SHAPES)) == len(SHAPES)


@given(st.integers(2, 20), st.integers(0, 1000), st.floats(0.0, 3.0), st.sampled_from(SHAPES))
def test_no_number_is_below_zero(networks: int, seed: int, noise: float, shape: Shape) -> None:
    """Whatever the times, which need have nothing to do with the networks."""
    works = works_of(networks, seed)
    roofline = fit_roofline(
        works, times(works, Roofline(1 / RATE, 0.0, 1e-3, 0.0), noise, seed), shape
    )
    assert roofline.mult_add_s > 0
    assert min(roofline) >= 0
    assert all(math.isfinite(number) for number in roofline)


def test_times_that_are_all_the_same_are_a_constant() -> None:
    works = works_of(12)
    roofline = fit_roofline(works, np.full(12, 0.01), ALL)
    assert [roofline.seconds(work) for work in works] == pytest.approx([0.01] * 12, rel=0.01)
    assert 1 / roofline.mult_add_s < 1e16  # a rate is there, and not beyond all devices


def families_of(count: int) -> list[str]:
    return [f"family {i // 3}" for i in range(count)]


@pytest.mark.parametrize(
    "truth",
    [
        Roofline(1 / RATE, 0.0, 0.0, 0.0),
        Roofline(1 / RATE, RIDGE, 0.0, 0.0),
        Roofline(1 / RATE, 0.0, 3e-3, 0.0),
        Roofline(1 / RATE, 0.0, 0.0, 1e-4),
    ],
    ids=["a rate", "a bandwidth", "a constant per inference", "one per kernel"],
)
def test_numbers_that_are_not_there_are_not_taken(truth: Roofline) -> None:
    works = works_of(30)
    seconds = times(works, truth, noise=0.03)
    shape, errors = choose_shape(works, seconds, families_of(30))
    assert shape == Shape(truth.ridge > 0, truth.inference_s > 0, truth.kernel_s > 0)
    assert np.abs(errors).mean() < 0.06


@settings(max_examples=10)
@given(st.integers(4, 14), st.integers(0, 50))
def test_never_more_numbers_than_rows_allow(networks: int, seed: int) -> None:
    works = works_of(networks, seed)
    seconds = times(works, Roofline(1 / RATE, RIDGE, 2e-4, 1e-5), 0.1, seed)
    shape, errors = choose_shape(works, seconds, [str(i) for i in range(networks)])
    assert shape.numbers == 1 or 2 * shape.numbers <= networks - 1
    assert len(errors) == networks


def test_held_out_rows_do_not_influence_their_prediction() -> None:
    works, families = works_of(12), families_of(12)
    seconds = times(works, Roofline(1 / RATE, RIDGE, 2e-4, 1e-5), 0.1)
    predicted = np.exp(held_out_errors(works, seconds, families, ALL)) * seconds
    changed = seconds.copy()
    changed[:3] *= 7.0
    again = np.exp(held_out_errors(works, changed, families, ALL)) * changed
    assert again[:3] == pytest.approx(predicted[:3])
    assert np.abs(again[3:] / predicted[3:] - 1).max() > 0.01


def test_of_one_family_networks_are_left_out() -> None:
    works = works_of(8)
    seconds = times(works, Roofline(1 / RATE, 0.0, 0.0, 0.0))
    shape, errors = choose_shape(works, seconds, ["one"] * 8)
    assert shape == SHAPES[0]
    assert errors == pytest.approx([0.0] * 8, abs=1e-9)


def test_a_network_without_mult_adds_is_predicted_nothing_and_breaks_nothing() -> None:
    works = [*works_of(5), Work(np.zeros(3), np.full(3, 1e5))]
    seconds = times(works, Roofline(1 / RATE, RIDGE, 0.0, 0.0))
    errors = held_out_errors(works, seconds, [str(i) for i in range(6)], SHAPES[0])
    assert np.isfinite(errors).all()
    assert errors[5] < -10


def test_what_was_measured_twice_counts_twice() -> None:
    works = works_of(4)
    seconds = times(works, Roofline(1 / RATE, RIDGE, 2e-4, 1e-5), 0.2)
    twice = fit_roofline([*works, works[0]], np.append(seconds, seconds[0]), ALL)
    copied = Work(works[0].mult_adds.copy(), works[0].bytes.copy())
    assert twice == fit_roofline([*works, copied], np.append(seconds, seconds[0]), ALL)
