"""Fits to measured times: what is left out of them, their bands, and which form is taken."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest

from mnet_cost.analysis import analyze
from mnet_cost.analysis.kernels import Kernel
from mnet_cost.devices import DeviceProfile, load_device
from mnet_cost.devices.coefficients import shared_coefficients
from mnet_cost.devices.latency_models import CoefficientFit, LatencyFit, RooflineFit
from mnet_cost.devices.rules import runtime_rules
from mnet_cost.devices.terms import TERM_NAMES
from mnet_cost.errors import MeasurementError, Source, Span
from mnet_cost.measure import fitting
from mnet_cost.measure.calibrate import MOST_MEASUREMENTS, Calibration, Form, calibrate
from mnet_cost.measure.least_times import limits_of
from mnet_cost.measure.measurements import Measurement
from mnet_cost.measure.networks import kernels_of
from mnet_cost.measure.plausibility import without_sense
from mnet_cost.models.library import load_model
from mnet_cost.units import format_seconds

RULES = runtime_rules("tflite")
NETWORKS = (
    ("mobilenet_v1@resolution=96", "V1"),
    ("mobilenet_v1@alpha=0.5,resolution=96", "V1"),
    ("mobilenet_v2@resolution=96", "IR"),
    ("mobilenet_v2@alpha=0.5,resolution=96", "IR"),
    ("resnet18@resolution=64", "ResNet"),
    ("resnet34@resolution=64", "ResNet"),
    ("squeezenet1_1@resolution=96", "SqueezeNet"),
    ("ds_cnn", "DS-CNN"),
    ("resnet8", "ResNet"),
    ("lenet5", "LeNet"),
)
TEXT = "\n".join(["model,latency_ms", *(f"{model},ms" for model, _ in NETWORKS)])


def measurement(index: int, seconds: float, **other: Any) -> Measurement:
    model, family = NETWORKS[index]
    source, line = Source("times.csv", TEXT), index + 2
    row = Measurement(
        model=model,
        latency_s=seconds,
        device="a device",
        processor="",
        runtime="tflite",
        precision="fp32",
        threads=1,
        batch=1,
        family=family,
        run="",
        source="",
        energy_j=None,
        span=Span(source, line, 1, len(model) + 1),
        time_span=Span(source, line, len(model) + 2, len(model) + 4),
    )
    return replace(row, **other)


def on(fit: LatencyFit, indices: Sequence[int] = range(len(NETWORKS))) -> list[float]:
    """Times of networks on a device of that fit."""
    device = DeviceProfile(
        name="x",
        title="x",
        basis="fitted",
        runtime="tflite",
        threads=1,
        compute={},
        memory=(),
        kernel_rules=RULES,
        latency={"fp32": fit},
    )
    times = []
    for i in indices:
        seconds = analyze(load_model(NETWORKS[i][0]), devices=[device]).devices[0].latency_s
        assert seconds is not None
        times.append(seconds)
    return times


def rows_of(seconds: Sequence[float]) -> list[Measurement]:
    return [measurement(i, latency_s) for i, latency_s in enumerate(seconds)]


def fitted(rows: Sequence[Measurement], form: Form = "auto", **other: Any) -> Calibration:
    return calibrate(rows, rules=RULES, form=form, source="a test", **other)


@pytest.fixture(scope="module")
def of_coefficients() -> list[float]:
    """Times of a processor with shared cost coefficients, with errors as measurements have them."""
    fit = fitted([measurement(0, 0.02)], "coefficients").fit
    errors = np.random.default_rng(3).normal(0.0, 0.05, len(NETWORKS))
    return [seconds * math.exp(error) for seconds, error in zip(on(fit), errors, strict=True)]


def test_a_fit_that_is_written_says_what_was_fitted(of_coefficients: list[float]) -> None:
    """The analysis has its own way to a time: both agree."""
    for form in get_args(Form):
        calibration = fitted(rows_of(of_coefficients), form)
        assert on(calibration.fit) == pytest.approx(calibration.fitted_s, rel=0.005)


def test_one_measurement_sets_the_scale() -> None:
    calibration = fitted([measurement(0, 0.02)])
    assert calibration.form == "coefficients"
    assert calibration.fitted_s == pytest.approx((0.02,), rel=1e-4)
    assert (calibration.held_out_s, calibration.half_widths) == ((None,), (None,))
    assert calibration.fit.held_out is None
    assert calibration.fit.spread == shared_coefficients().measured
    assert calibration.notes == (
        "one measurement: it sets the scale, and cost coefficients are the shared ones",
    )
    assert isinstance(calibration.fit, CoefficientFit)
    assert max(map(abs, calibration.fit.deviations.values())) < 1e-3
    assert on(calibration.fit, [0]) == pytest.approx([0.02], rel=0.005)
    half = fitted([measurement(0, 0.01)]).fit
    assert isinstance(half, CoefficientFit)
    assert calibration.fit.scale_s.value / half.scale_s.value == pytest.approx(2.0)


def test_the_band_of_an_unknown_runtime_is_that_of_runtimes() -> None:
    """From one network; the estimate is the same, and less sure where the network is another."""
    known, other = (
        calibrate([replace(measurement(0, 0.02), runtime=runtime)], form="coefficients")
        for runtime in ("ncnn", "nobodys")
    )
    assert isinstance(known.fit, CoefficientFit)
    assert isinstance(other.fit, CoefficientFit)
    assert any("as wide as runtimes differ" in note for note in other.notes)
    assert not any("as wide as runtimes differ" in note for note in known.notes)
    place = 1 + TERM_NAMES.index("lrn")  # in no measured network
    variances = [fit.covariance[place][place] for fit in (known.fit, other.fit)]
    assert variances[1] == pytest.approx(4 * variances[0])


def test_a_batch_is_part_of_what_was_measured() -> None:
    batch_1, batch_8 = (fitted([measurement(0, 0.02, batch=batch)]).fit for batch in (1, 8))
    assert isinstance(batch_1, CoefficientFit)
    assert isinstance(batch_8, CoefficientFit)
    assert 6 < batch_1.scale_s.value / batch_8.scale_s.value < 8  # weights and kernel launches stay
    assert batch_8.fitted_on
    assert batch_1.fitted_on
    assert batch_8.fitted_on.mult_adds[0] == 8 * batch_1.fitted_on.mult_adds[0]


@pytest.mark.parametrize("form", ["coefficients", "roofline"])
def test_held_out_rows_do_not_influence_their_prediction(
    form: Form, of_coefficients: list[float]
) -> None:
    """Other times of a family change nothing of what is predicted for it, and much else."""
    before = fitted(rows_of(of_coefficients), form)
    assert before.fit.held_out is not None
    assert before.fit.held_out.protocol == "one family at a time"
    assert before.fit.held_out.measurements == len(NETWORKS)
    changed = [
        replace(row, latency_s=row.latency_s * 3) if row.family == "ResNet" else row
        for row in rows_of(of_coefficients)
    ]
    # The shape of a roofline is one choice for all: a single shape shows what is left out.
    after = fitted(changed, form)
    if form == "coefficients":
        for i, row in enumerate(changed):
            same = after.held_out_s[i] == pytest.approx(before.held_out_s[i], rel=1e-9)
            assert same == (row.family == "ResNet"), row.model
    assert after.fit.held_out is not None
    assert after.fit.held_out.mean > before.fit.held_out.mean


def test_errors_are_those_of_held_out_rows(of_coefficients: list[float]) -> None:
    calibration = fitted(rows_of(of_coefficients), "coefficients")
    errors = [
        abs(predicted / row.latency_s - 1)
        for predicted, row in zip(calibration.held_out_s, calibration.measurements, strict=True)
        if predicted is not None
    ]
    assert calibration.fit.held_out is not None
    assert calibration.fit.held_out.median == pytest.approx(np.median(errors))
    assert calibration.fit.held_out.mean == pytest.approx(np.mean(errors))
    seen = [
        abs(fitted_s / row.latency_s - 1)
        for fitted_s, row in zip(calibration.fitted_s, calibration.measurements, strict=True)
    ]
    assert np.mean(seen) < calibration.fit.held_out.mean


def test_networks_of_a_single_family_are_held_out_one_by_one(of_coefficients: list[float]) -> None:
    rows = [replace(row, family="one") for row in rows_of(of_coefficients)]
    twice = [*rows, *rows]  # each network's other row must not be seen either
    for some in (rows, twice):
        held_out = fitted(some, "coefficients").fit.held_out
        assert held_out is not None
        assert held_out.protocol == "one network at a time"
    once, both = fitted(rows, "coefficients"), fitted(twice, "coefficients")
    assert both.fit.held_out
    assert once.fit.held_out
    assert both.fit.held_out.mean == pytest.approx(once.fit.held_out.mean, rel=0.25)


@pytest.mark.parametrize("form", ["coefficients", "roofline"])
@pytest.mark.parametrize(
    ("families", "expected"),
    [
        (1, "all networks are of one family: the error is that of other sizes of one design, and "
            "says nothing of other designs"),
        (2, "the networks are of 2 families: other designs may be further off than the error says"),
        (3, "the networks are of 3 families: other designs may be further off than the error says"),
        (4, None),
    ],
)  # fmt: skip
def test_a_fit_that_rests_on_few_families_says_so(
    form: Form, families: int, expected: str | None, of_coefficients: list[float]
) -> None:
    rows = [
        replace(row, family=f"family {i % families}")
        for i, row in enumerate(rows_of(of_coefficients))
    ]
    said = [note for note in fitted(rows, form).notes if "famil" in note]
    assert said == ([] if expected is None else [expected])


def test_nothing_is_held_out_of_a_single_network() -> None:
    """Not even for a roofline, whose errors would be those of measuring twice."""
    calibration = fitted([measurement(0, 0.02) for _ in range(20)])
    assert (calibration.form, calibration.fit.held_out) == ("coefficients", None)
    assert set(calibration.held_out_s) == {None}


def test_batches_of_a_single_network_are_held_out_one_by_one() -> None:
    rows = [measurement(0, 0.02 * batch + 0.001, batch=batch) for batch in range(1, 9)]
    calibration = fitted(rows, "roofline")
    assert calibration.fit.held_out is not None
    assert calibration.fit.held_out.protocol == "one batch at a time"
    assert calibration.fit.held_out.mean < 0.1


def test_the_shared_band_is_used_where_it_holds(of_coefficients: list[float]) -> None:
    calibration = fitted(rows_of(of_coefficients), "coefficients")
    assert calibration.fit.spread == shared_coefficients().measured
    assert not any("band" in note for note in calibration.notes)


def test_the_band_is_widened_with_evidence_only(of_coefficients: list[float]) -> None:
    errors = np.random.default_rng(1).choice([-1.2, 1.2], len(NETWORKS))
    wild = [
        seconds * math.exp(error) for seconds, error in zip(of_coefficients, errors, strict=True)
    ]
    calibration = fitted(rows_of(wild), "coefficients", lenient=True)
    shared = shared_coefficients().measured
    assert calibration.fit.spread.width > shared.width
    assert calibration.fit.spread.noise == shared.noise
    note = "the band is wider than the shared one: what was left out was further off"
    assert note in calibration.notes
    inside = [
        abs(math.log(predicted / row.latency_s)) <= half_width
        for predicted, half_width, row in zip(
            calibration.held_out_s, calibration.half_widths, calibration.measurements, strict=True
        )
        if predicted is not None and half_width is not None
    ]
    assert sum(inside) >= 0.8 * len(inside) - 1
    # Three rows as far off say nothing yet: three of five may fall outside by chance.
    assert fitted(rows_of(wild[:3]), "coefficients", lenient=True).fit.spread == shared


@pytest.mark.parametrize(
    ("far", "widened"), [(0, False), (2, False), (3, False), (5, True), (10, True)]
)
def test_how_many_rows_outside_widen_the_band(far: int, widened: bool) -> None:
    """Of ten, two are to be outside; one or two more are by chance."""
    shared = shared_coefficients().measured
    sigmas, seconds = np.full(10, 0.2), np.ones(10)
    held_out = np.ones(10)
    held_out[:far] = math.exp(0.2 * shared.width * 3)
    spread, is_wider = fitting._band(held_out, sigmas, seconds, shared)
    assert is_wider == widened
    assert (spread.width > shared.width) == widened


def test_auto_chooses_coefficients_for_a_processor(of_coefficients: list[float]) -> None:
    """Also where a roofline, of which a shape was chosen, does better by a hair."""
    errors = {}
    for form in get_args(Form):
        held_out = fitted(rows_of(of_coefficients), form).fit.held_out
        assert held_out is not None
        errors[form] = held_out.mean
    assert 0.99 * errors["coefficients"] < errors["roofline"]
    assert fitted(rows_of(of_coefficients)).form == "coefficients"


def test_auto_chooses_a_roofline_for_an_accelerator(of_coefficients: list[float]) -> None:
    """Times of an accelerator that multiplies in no time and kernel launches slowly."""
    roofline = fitted(rows_of(of_coefficients), "roofline").fit
    assert isinstance(roofline, RooflineFit)
    accelerator = replace(
        roofline,
        macs_per_s=replace(roofline.macs_per_s, value=5e12),
        bytes_per_s=None,
        inference_s=None,
        kernel_s=replace(roofline.macs_per_s, value=1e-3),
    )
    calibration = fitted(rows_of(on(accelerator)))
    assert calibration.form == "roofline"
    assert isinstance(calibration.fit, RooflineFit)
    assert calibration.fit.kernel_s is not None
    assert calibration.fit.kernel_s.value == pytest.approx(1e-3, rel=0.01)
    assert calibration.fit.held_out is not None
    assert calibration.fit.held_out.mean < 0.02


def test_auto_chooses_no_roofline_for_few_networks(of_coefficients: list[float]) -> None:
    rows = rows_of(of_coefficients)[:7]
    assert fitted(rows).form == "coefficients"
    assert fitted([*rows, *rows]).form == "coefficients"  # measured twice, they are as few


def test_the_range_that_a_fit_was_fitted_on(of_coefficients: list[float]) -> None:
    seen = fitted(rows_of(of_coefficients), "coefficients").fit.fitted_on
    assert seen is not None
    assert seen.networks == len(NETWORKS)
    assert seen.families == ("DS-CNN", "IR", "LeNet", "ResNet", "SqueezeNet", "V1")
    assert seen.latency_s == (min(of_coefficients), max(of_coefficients))
    assert set(seen.terms) <= set(TERM_NAMES)
    assert {"pointwise", "depthwise_3x3", "kernel"} <= set(seen.terms)
    assert "lrn" not in seen.terms
    assert fitted(rows_of(of_coefficients), "roofline").fit.fitted_on == replace(seen, terms=())


def test_a_term_without_measurements_stays_as_uncertain_as_before(
    of_coefficients: list[float],
) -> None:
    fit = fitted(rows_of(of_coefficients), "coefficients").fit
    assert isinstance(fit, CoefficientFit)
    assert fit.fitted_on is not None
    spreads = shared_coefficients().spreads
    for i, name in enumerate(TERM_NAMES, start=1):
        row = fit.covariance[i]
        if name not in fit.fitted_on.terms:
            assert row == (*([0.0] * i), spreads[i - 1] ** 2)
        else:
            assert 0 < row[i] <= spreads[i - 1] ** 2 * (1 + 1e-9)
    assert set(fit.deviations) == set(fit.fitted_on.terms)


def refusal(rows: Sequence[Measurement], form: Form = "auto") -> str:
    with pytest.raises(MeasurementError) as caught:
        fitted(rows, form)
    return str(caught.value)


def test_no_measurement() -> None:
    assert refusal([]) == "there is no measurement to fit to"


def test_too_few_for_a_roofline() -> None:
    rows = [measurement(0, 0.02), measurement(1, 0.01), measurement(1, 0.01), measurement(2, 0.02)]
    expected = """\
times.csv:4:1: a roofline needs 4 networks, and there are 3
    4 | mobilenet_v2@resolution=96,ms
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: cost coefficients can be scaled by a single one: `--form coefficients`"""
    assert refusal(rows, "roofline") == expected
    assert "there is 1\n" in refusal(rows[:1], "roofline")


def test_a_roofline_of_networks_without_mult_adds(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [measurement(i, 0.02, family=("a", "b")[i % 2]) for i in range(6)]

    def without(*arguments: Any) -> list[tuple[Kernel, ...]]:
        # No network of the library has no mult-adds, so they are taken away.
        return [
            tuple(kernel._replace(anchor=kernel.anchor._replace(mult_adds=0)) for kernel in kernels)
            for kernels in kernels_of(*arguments)
        ]

    monkeypatch.setattr("mnet_cost.measure.calibrate.kernels_of", without)
    message = refusal(rows, "roofline")
    assert fitted(rows, lenient=True).form == "coefficients"
    assert (
        message
        == """\
times.csv:2:1: a roofline is of mult-adds, which networks of two families must have
    2 | mobilenet_v1@resolution=96,ms
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: cost coefficients can be scaled by a single one: `--form coefficients`"""
    )


def test_too_many_rows() -> None:
    rows = [measurement(i % 3, 0.01) for i in range(MOST_MEASUREMENTS + 1)]
    expected = """\
times.csv:3:1: a fit takes at most 10,000 measurements, not 10,001
    3 | mobilenet_v1@alpha=0.5,resolution=96,ms
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: choose some, `--where run=...`, or give the median of each network"""
    assert refusal(rows) == expected


@pytest.mark.parametrize("form", ["auto", "coefficients", "roofline"])
@pytest.mark.parametrize(
    "seconds",
    [
        [0.01] * 10,
        [10.0 ** (i - 8) for i in range(10)],
        [10.0 ** (1 - i) for i in range(10)],
        [1e5] * 10,
        [1e-9] * 10,
    ],
    ids=["all the same", "rising", "falling", "a day", "a nanosecond"],
)
def test_absurd_times_are_fitted_without_a_warning(form: Form, seconds: list[float]) -> None:
    calibration = fitted(rows_of(seconds), form, lenient=True)
    assert all(math.isfinite(fitted_s) and fitted_s > 0 for fitted_s in calibration.fitted_s)
    assert all(
        held_out_s is None or math.isfinite(held_out_s) for held_out_s in calibration.held_out_s
    )
    assert math.isfinite(calibration.fit.spread.width * calibration.fit.spread.noise)


def test_many_rows_of_few_networks(of_coefficients: list[float]) -> None:
    random = np.random.default_rng(0)
    rows = [
        measurement(i % 10, of_coefficients[i % 10] * float(random.uniform(0.9, 1.1)))
        for i in range(2000)
    ]
    calibration = fitted(rows, "coefficients")
    assert calibration.fit.fitted_on is not None
    assert calibration.fit.fitted_on.networks == 10


def test_a_network_measured_too_far_apart(of_coefficients: list[float]) -> None:
    rows = rows_of(of_coefficients)
    rows += [replace(rows[2], latency_s=rows[2].latency_s * factor) for factor in (0.9, 1.4, 1.7)]
    fitted(rows)
    rows[2] = replace(rows[2], latency_s=0.05)
    rows += [measurement(2, 0.5), measurement(2, 0.2)]
    expected = """\
times.csv:4:28: `mobilenet_v2@resolution=96` took {} here, and 500 ms in times.csv:4
    4 | mobilenet_v2@resolution=96,ms
      |                            ^^

times.csv:4:28: `mobilenet_v2@resolution=96` took 500 ms here, and {} in times.csv:4
    4 | mobilenet_v2@resolution=96,ms
      |                            ^^
hint: one network at one setting: leave out what is wrong, or choose with `--where`"""
    least = format_seconds(min(row.latency_s for row in rows if row.model == rows[2].model))
    assert refusal(rows) == expected.format(least, least)


@pytest.mark.parametrize("form", ["coefficients", "roofline"])
def test_a_band_is_as_wide_as_repeated_rows_say(form: Form, of_coefficients: list[float]) -> None:
    once = rows_of(of_coefficients)
    twice = [
        replace(row, latency_s=row.latency_s * factor) for row in once for factor in (0.75, 1.4)
    ]
    before, after = (fitted(rows, form).fit.spread for rows in (once, twice))
    deviation = math.log(1.4 / 0.75) / math.sqrt(2)
    if form == "coefficients":
        assert after.noise == pytest.approx(deviation)
        assert any("from time to time" in note for note in fitted(twice, form).notes)
    else:
        assert after.width * after.noise >= 1.28 * deviation
    assert after.width * after.noise > before.width * before.noise
    calibration = fitted([measurement(0, 0.02), measurement(0, 0.038)], "coefficients")
    reach = calibration.fit.spread.width * calibration.fit.spread.noise
    assert abs(math.log(calibration.fitted_s[0] / 0.038)) < reach
    assert abs(math.log(calibration.fitted_s[0] / 0.02)) < reach


@pytest.mark.parametrize("form", get_args(Form))
def test_times_that_fall_as_networks_grow(form: Form, of_coefficients: list[float]) -> None:
    message = refusal(rows_of([1e-4 / seconds for seconds in of_coefficients]), form)
    first = message.splitlines()
    assert first[0].startswith("these times are not those of one device: from the others each is ")
    assert first[0].endswith("in the median, and what should take longer took less")
    assert first[1].startswith("hint: are units, devices or settings mixed, ")
    assert message.count("is predicted to take") == 3


def test_two_devices_in_one_file(of_coefficients: list[float]) -> None:
    mixed = [seconds * (12 if i % 2 else 1) for i, seconds in enumerate(of_coefficients)]
    assert refusal(rows_of(mixed)).startswith("these times are not those of one device")


def test_all_times_the_same() -> None:
    lines = refusal(rows_of([0.01] * 10)).splitlines()
    assert lines[0].startswith("times.csv:2:28: all took 10.0 ms, and the largest has ")
    assert lines[0].endswith(" times the mult-adds of the smallest")
    assert lines[2:] == [
        "      |                            ^^",
        "hint: are these measurements, each of the network in its row?",
    ]
    fitted([measurement(2, 0.01), measurement(6, 0.01)])  # rounded to the same


@pytest.mark.parametrize(
    ("measured", "expected", "refuses"),
    [
        pytest.param((1.0, 4.0), (1.0, 28.0), False, id="7 times off, the same way round"),
        pytest.param((1.0, 4.0), (1.0, 48.0), True, id="12 times off"),
        pytest.param((4.0, 1.0), (1.0, 28.0), True, id="the other way round"),
        pytest.param((1.2, 1.0), (1.0, 1.05), False, id="the other way round, by a little"),
        pytest.param((1.0, 1000.0), (1.0, 2.0), True, id="units mixed"),
    ],
)
def test_two_networks_show_little_but_which_is_larger(
    measured: tuple[float, float], expected: tuple[float, float], refuses: bool
) -> None:
    rows = rows_of(measured)
    ratio = expected[0] / expected[1]
    left_out = (measured[1] * ratio, measured[0] / ratio)
    assert bool(list(without_sense(rows, left_out))) == refuses


@pytest.mark.parametrize(
    ("factors", "refuses"),
    [
        ((3, 1 / 3, 3, 1 / 3, 3, 1 / 3), False),
        ((3, 1 / 3, 3, 1 / 3), True),
        ((11, 1 / 11, 11, 1 / 11, 11, 1 / 11), True),
        ((1 / 100, 1 / 3, 3, 1 / 3, 3, 100), True),
    ],
    ids=["rise together", "of so few by chance", "too far off", "do not rise together"],
)
def test_noise_of_times_that_rise_together_is_accepted(
    factors: Sequence[float], refuses: bool
) -> None:
    measured = [10.0 ** (i * 1.2) * 1e-6 for i in range(len(factors))]
    if factors[0] == 1 / 100:
        measured = [2.0**i for i in reversed(range(6))]
    left_out = [seconds * factor for seconds, factor in zip(measured, factors, strict=True)]
    assert bool(list(without_sense(rows_of(measured), left_out))) == refuses


def test_more_threads_are_no_reason_to_be_faster() -> None:
    """Of 224 threads a runtime may make nothing: ncnn took as long on a Xeon Phi as with one."""
    base = replace(load_device("raspberry_pi_4"), threads=224)
    calibration = fitted([measurement(0, 0.5, threads=224)], base=base, threads=224)
    assert calibration.fitted_s[0] > 0


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_peak_of_another_precision_says_less(precision: str) -> None:
    """It may be emulated there: four times as long is taken."""
    board = load_device("raspberry_pi_zero_2")
    base = replace(board, compute={"fp32": board.compute["fp32"]})
    (kernels,) = kernels_of([measurement(0, 1.0, precision=precision)], RULES)
    limits = limits_of(kernels, base, precision, "tflite")
    assert limits.bound_s is not None
    assert limits.most_times == (250 if precision == "fp32" else 1000)
    assert limits.most_s == limits.most_times * limits.bound_s + 0.2
    # Nothing is known of a precision where there are no peaks.
    assert limits_of(kernels, replace(base, compute={}), precision, "").most_s == math.inf


def test_noise_of_honest_rows_is_accepted(of_coefficients: list[float]) -> None:
    """Errors that are three times those of the worst tables of processors."""
    errors = np.random.default_rng(5).normal(0.0, 0.5, len(NETWORKS))
    noisy = [
        seconds * math.exp(error) for seconds, error in zip(of_coefficients, errors, strict=True)
    ]
    assert fitted(rows_of(noisy)).fit.held_out is not None


@pytest.mark.parametrize(
    ("changes", "shared"),
    [
        ({"base": load_device("h100"), "device_class": "gpu"}, "npu"),
        ({"device_class": "accelerator"}, "npu"),
        ({"base": load_device("adreno_640"), "device_class": "phone"}, "npu"),
        ({"base": load_device("galaxy_s25_npu"), "device_class": "phone"}, "npu"),
        ({"base": load_device("pixel_1"), "device_class": "phone"}, "tflite"),
        ({"base": load_device("core_i7_1360p_openvino"), "device_class": "laptop"}, "tflite"),
        ({}, "tflite"),
    ],
)
def test_whose_coefficients_a_device_shares(
    of_coefficients: list[float], changes: dict[str, Any], shared: str
) -> None:
    """One network is enough, also of an accelerator."""
    fit = fitted(rows_of(of_coefficients)[:1], lenient=True, **changes).fit
    assert isinstance(fit, CoefficientFit)
    assert fit.shared == shared


@pytest.mark.parametrize(
    ("runtime", "shared"),
    [
        ("tflite", "tflite"), ("tflite-gpu", "npu"), ("tflite-edgetpu", "npu"), ("qnn", "npu"),
        ("ncnn-vulkan", "npu"), ("gpux", "ncnn"),
    ],
)  # fmt: skip
def test_the_runtime_says_whether_it_is_an_accelerator(
    of_coefficients: list[float], runtime: str, shared: str
) -> None:
    rows = [replace(row, runtime=runtime) for row in rows_of(of_coefficients)[:5]]
    fit = fitted(rows, lenient=True).fit
    assert isinstance(fit, CoefficientFit)
    assert fit.shared == shared


def test_few_networks_for_a_roofline(of_coefficients: list[float]) -> None:
    with pytest.raises(MeasurementError) as caught:
        fitted(rows_of(of_coefficients)[:1], "roofline", device_class="gpu")
    assert "a roofline needs 4 networks, and there is 1" in str(caught.value)
    assert "`--form coefficients`" in str(caught.value)


def test_a_twentieth_of_a_large_family_is_held_out_at_a_time() -> None:
    sizes = range(64, 64 + 8 * 25, 8)
    models = [f"mobilenet_v1@alpha=0.25,resolution={size}" for size in sizes]
    rows = [
        measurement(0, 1e-3 * (size / 64) ** 2, model=model, family="V1")
        for size, model in zip(sizes, models, strict=True)
    ]
    held_out = fitted(rows, "coefficients").fit.held_out
    assert held_out is not None
    assert (held_out.protocol, held_out.measurements) == ("1 network of 20 at a time", 25)


def test_the_worst_is_named(of_coefficients: list[float]) -> None:
    rows = rows_of(of_coefficients)
    slow = 7  # ds_cnn, four times as long as it should take
    rows[slow] = replace(rows[slow], latency_s=4 * rows[slow].latency_s)
    held_out = fitted(rows, "coefficients").fit.held_out
    assert held_out is not None
    assert held_out.worst == "ds_cnn"
    assert held_out.worst_error == pytest.approx(-0.75, abs=0.07)
