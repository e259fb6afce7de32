"""The best size within limits, against all sizes analyzed one by one."""

from __future__ import annotations

import json
from itertools import product
from math import exp, log
from pathlib import Path
from statistics import NormalDist
from typing import Any

import pytest

import mnet_cost
from mnet_cost import load_device, load_model
from mnet_cost.cli import main
from mnet_cost.errors import ModelReferenceError, UsageError
from mnet_cost.models.load import parse_spec
from mnet_cost.models.types import Model
from mnet_cost.report.fit import fit_report
from mnet_cost.report.fit_limits import why_unknown
from mnet_cost.search.fit import Fit, find_fit
from mnet_cost.search.fit_request import plan_fit
from mnet_cost.search.limits import option_limits
from mnet_cost.tensors import HeightWidth

pytest.importorskip("numpy")

PHONE = load_device("pixel_1_tflite")
ALPHAS = [0.25 + 0.05 * i for i in range(12)]
SIDES = [96, 128, 160, 192, 224]


def fitted(*names: str, axes: Any = None, devices: Any = (), **options: Any) -> Fit:
    models = [load_model(name) for name in names]
    return find_fit(plan_fit(names, models, axes or {}, devices, **options))


@pytest.fixture(scope="module")
def brute_force() -> list[dict[str, Any]]:
    """Sizes of two networks, each analyzed by `analyze`."""
    rows = []
    for name, alpha, side in product(["mobilenet_v1", "mobilenet_v2"], ALPHAS, SIDES):
        analysis = mnet_cost.analyze(name, alpha=alpha, resolution=side, devices=[PHONE])
        (phone,) = analysis.devices
        rows.append({
            "reference": f"{name}@alpha={alpha},resolution={side}",
            "mult_adds": analysis.totals.mult_adds,
            "params": analysis.totals.params,
            "latency_ms": 1e3 * (phone.latency_s or 0),
            "high_ms": 1e3 * (phone.high_s or 0),
        })  # fmt: skip
    return rows


def best_row(rows: list[dict[str, Any]], **limits: float) -> dict[str, Any]:
    fitting = [row for row in rows if all(row[name] <= most for name, most in limits.items())]
    return min(fitting, key=lambda row: (-row["mult_adds"], row["params"]))


@pytest.mark.parametrize("milliseconds", [12, 25, 60])
def test_equals_brute_force(brute_force: list[dict[str, Any]], milliseconds: float) -> None:
    options: dict[str, Any] = {
        "axes": {"alpha": ALPHAS, "resolution": SIDES},
        "devices": [PHONE],
        "limits": [f"latency<={milliseconds}ms", "params<=2M"],
        "maximize": "mult_adds",
    }
    best = fitted("mobilenet_v1", "mobilenet_v2", **options).best
    assert best is not None
    wanted = best_row(brute_force, latency_ms=milliseconds, params=2e6)
    assert (best.reference, best.aim) == (wanted["reference"], wanted["mult_adds"])
    assert best.uses[0].value == pytest.approx(wanted["latency_ms"], rel=1e-12)
    sure = fitted("mobilenet_v1", "mobilenet_v2", **options, confidence=0.9).best
    assert sure is not None
    assert sure.reference == best_row(brute_force, high_ms=milliseconds, params=2e6)["reference"]


def test_what_is_beyond_is_better_and_closest_first(brute_force: list[dict[str, Any]]) -> None:
    fit = fitted(
        "mobilenet_v1", "mobilenet_v2", axes={"alpha": ALPHAS, "resolution": SIDES},
        devices=[PHONE], limits=["latency<=25ms"], maximize="mult_adds",
    )  # fmt: skip
    assert fit.best is not None
    assert fit.best.aim is not None
    better = [row for row in brute_force if row["mult_adds"] > (fit.best.aim or 0)]
    nearest = min(better, key=lambda row: row["latency_ms"])
    assert fit.beyond[0].reference == nearest["reference"]
    aims = [size.aim or 0 for size in fit.beyond]
    over = [size.uses[0].over or 0 for size in fit.beyond]
    assert (aims, over) == (sorted(aims), sorted(over))
    assert aims[0] > fit.best.aim
    assert [limit.text for limit in fit.binding] == ["latency<=25ms"]


def test_steps_and_the_line() -> None:
    fit = fitted("mobilenet_v1", limits=["mult_adds<=150M"], maximize="alpha")
    assert fit.best is not None
    assert fit.best.reference == "mobilenet_v1@alpha=0.85,resolution=128"
    assert [(step.knob, step.value, step.size and step.size.is_within) for step in fit.steps] == [
        ("alpha", 0.8, True), ("alpha", 0.9, False), ("resolution", 160, False),
    ]  # fmt: skip
    assert fit.line is not None
    assert (fit.line.across, fit.line.along) == ("resolution", "alpha")
    widest = {}
    for side, alpha in product(SIDES[1:], [0.25 + 0.05 * i for i in range(16)]):
        totals = mnet_cost.analyze("mobilenet_v1", alpha=round(alpha, 2), resolution=side).totals
        if totals.mult_adds <= 150e6:
            widest[side] = round(alpha, 2)
    assert {value: size and size.knobs["alpha"] for value, size in fit.line.rows} == widest


def test_nothing_fits() -> None:
    fit = fitted("mobilenet_v1", devices=[PHONE], limits=["latency<=1ms", "params<=1M"])
    assert fit.best is None
    assert fit.within == 0
    assert fit.closest is not None
    assert fit.closest.reference == "mobilenet_v1@alpha=0.25,resolution=128"
    latency, params = fit.closest.uses[:2]
    least = mnet_cost.analyze(fit.closest.reference, devices=[PHONE]).devices[0].latency_s or 0
    assert latency.over == pytest.approx(1e3 * least - 1, rel=1e-9)
    assert params.is_within


def test_confidence_moves_the_limit_along_the_band() -> None:
    estimate = mnet_cost.analyze("mobilenet_v1", devices=[PHONE]).devices[0]
    assert estimate.latency_s is not None
    assert estimate.high_s is not None
    normal = NormalDist()
    power = normal.inv_cdf(0.8) / normal.inv_cdf(0.9)
    wanted = 1e3 * estimate.latency_s * exp(power * log(estimate.high_s / estimate.latency_s))
    fit = fitted(
        "mobilenet_v1@alpha=1.0,resolution=224", devices=[PHONE], limits=["latency<=1s"],
        confidence=0.8,
    )  # fmt: skip
    assert fit.best is not None
    assert fit.best.uses[0].value == pytest.approx(wanted, rel=1e-9)


def test_memories_of_devices_are_limits() -> None:
    board = load_device("stm32l4r5_tflm")
    fit = fitted("mobilenet_v1", devices=[board], precisions=["int8"], maximize="mult_adds",
                 axes={"alpha": [0.25, 0.5, 0.75], "resolution": [96, 128, 224]})  # fmt: skip
    assert [limit.column for limit in fit.request.limits] == [
        "memory_bytes@stm32l4r5_tflm", "weight_bytes",
    ]  # fmt: skip
    fitting = {}
    for alpha, side in product([0.25, 0.5, 0.75], [96, 128, 224]):
        analysis = mnet_cost.analyze("mobilenet_v1", alpha=alpha, resolution=side,
                                     devices=[board], precision="int8")  # fmt: skip
        if all(check.fits for check in analysis.devices[0].memory_fits):
            fitting[f"mobilenet_v1@alpha={alpha},resolution={side}"] = analysis.totals.mult_adds
    assert fitting
    assert fit.best is not None
    assert fit.best.reference == max(fitting, key=fitting.__getitem__)


def test_variants_that_set_knobs_have_accuracies() -> None:
    axes = {"width": [1.0, 1.1], "depth": [1.0, 1.1, 1.2], "resolution": [224, 240, 288],
            "dropout_rate": [0.2, 0.3]}  # fmt: skip
    fit = fitted("efficientnet", axes=axes, limits=["mult_adds<=1.1G"])
    assert fit.best is not None
    assert fit.best.aim == 80.608
    assert fit.best.knobs == {"width": 1.1, "depth": 1.2, "resolution": 288, "dropout_rate": 0.3}


def test_what_cannot_be_compared_is_left_out_by_name() -> None:
    fit = fitted("mobilenet_v1", "autoencoder", limits=["params<=2M"])
    assert fit.request.left_out == (
        ("autoencoder", "no top-1 is published for a size that is tried"),
    )
    assert fit.request.aim.column == "top1"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"limits": ["params<=1M", "params>=2M"]}, "contradict each other"),
        ({"confidence": 0.3}, "a confidence is from 0.5"),
        ({"confidence": 1.0}, "a confidence is from 0.5"),
        ({"maximize": "parms"}, "there is no metric `parms`"),
        ({"maximize": "latency"}, "there is none"),
        ({"maximize": "map"}, "no `map` is published"),
        ({"maximize": "params", "minimize": "params"}, "one aim"),
    ],
)
def test_bad_input(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        fitted("mobilenet_v1", **options)


def test_unknown_knob() -> None:
    with pytest.raises(ModelReferenceError, match="no network here has the knob `alfa`"):
        fitted("mobilenet_v1", axes={"alfa": [1.0]})


def test_a_time_that_is_not_known_fits_nothing() -> None:
    device = load_device("pixel_1_tflite")
    fit = fitted("mobilenet_v1", devices=[device], precisions=["bf16"], limits=["latency<=1s"])
    assert fit.best is None
    assert fit.closest is not None
    assert [use.value for use in fit.closest.uses[:1]] == [None]
    assert fit.undecided == {("latency_ms@pixel_1_tflite", "bf16"): 64}
    assert why_unknown(fit.request.limits[0], "bf16") == "pixel_1_tflite has no bf16 rate"


def test_options_state_limits_on_each_device() -> None:
    limits = option_limits({"latency": "20 ms", "params": "2M"}, [PHONE, load_device("pixel_1")])
    assert [limit.text for limit in limits] == [
        "latency@pixel_1_tflite<=20 ms", "latency@pixel_1<=20 ms", "params<=2M",
    ]  # fmt: skip
    with pytest.raises(UsageError, match="`--latency` is of a device, and there is none"):
        option_limits({"latency": "20 ms"}, [])
    with pytest.raises(UsageError, match="`20` has no unit") as error:
        option_limits({"peak_memory": "20"}, [])
    assert "--peak-memory" in str(error.value)


GAPS = """\
format: 1
name: gaps
knobs: {alpha: {default: 1.0, published: [0.5, 2.0]}, size: 64}
input: {image: [4, size, size]}
let: {w(c): floor(c * alpha)}
layers:
  - {id: c0, conv2d: {channels: w(4), kernel: 1}}
  - {id: c1, conv2d: {channels: w(32), kernel: 1}}
  - {id: c2, conv2d: {channels: w(24), kernel: 1}}
  - {id: c3, conv2d: {channels: w(4), kernel: 1}}
  - {id: c4, conv2d: {channels: w(24), kernel: 1}}
  - {id: c5, conv2d: {channels: w(28), kernel: 1}}
  - {id: c6, conv2d: {channels: w(4), kernel: 1}}
  - {id: k6, concat: [c4, c6]}
  - {id: c7, conv2d: {channels: w(32), kernel: 1}}
  - {id: c8, conv2d: {channels: w(8), kernel: 1}}
"""


def test_an_arena_needs_its_gaps() -> None:
    board, spec = load_device("nrf52840"), parse_spec(GAPS)
    alphas = [0.5, 0.7, 0.9, 0.93, 0.96, 1.0]

    def plan(values: list[float]) -> Fit:
        model = Model(spec, {})
        return find_fit(plan_fit(["gaps"], [model], {"alpha": values}, [board],
                                 precisions=["int8"]))  # fmt: skip

    room = {}
    for alpha in alphas:
        (estimate,) = mnet_cost.analyze(spec, alpha=alpha, devices=[board],
                                        precision="int8").devices  # fmt: skip
        room[alpha] = estimate.memory_fits[0]
    fitting = [alpha for alpha, check in room.items() if check.fits]
    assert fitting == [0.5, 0.7]
    fit = plan(alphas)
    assert fit.best is not None
    assert fit.best.knobs == {"alpha": 0.7}
    assert fit.too_large_arenas == 4, "they have room for what is alive together, without gaps"
    assert [size.knobs["alpha"] for size in fit.beyond] == [0.9, 0.93, 0.96, 1.0]
    assert fit.beyond[0].uses[0].value == room[0.9].needed_bytes
    assert [limit.column for limit in fit.binding] == ["memory_bytes@nrf52840"]
    none = plan(alphas[2:])
    assert none.best is None
    assert none.closest is not None
    assert none.closest.knobs == {"alpha": 0.9}
    assert none.closest.uses[0].over == room[0.9].over_bytes


def test_each_value_of_a_knob_is_tried() -> None:
    text = (
        "format: 1\nname: middle\nknobs: {mode: {default: 0, choices: [0, 1, 2]}}\n"
        "input: {image: [3, 8, 8]}\nlayers:\n  - conv2d: {channels: 8, kernel: 3}\n"
        "  - {conv2d: {channels: 64, kernel: 5}, when: mode == 1}\n  - relu\n"
    )
    fit = find_fit(plan_fit(["middle"], [Model(parse_spec(text), {})], {}))
    assert fit.best is not None
    assert fit.best.knobs == {"mode": 1}
    assert [size.knobs for size in fit.sizes] == [{"mode": 1}, {"mode": 0}], "0 and 2 are alike"


def test_accuracies_are_of_one_dataset() -> None:
    fit = fitted("mobilenet_v1:dogs", "mobilenet_v1")
    assert fit.request.aim.column == "top1@Stanford Dogs"
    assert fit.request.left_out == (
        ("mobilenet_v1", "its top-1 is published for ImageNet, not for Stanford Dogs"),
    )
    for aim in ("top1", "top1@ImageNet"):
        assert fitted("mobilenet_v1", "mobilenet_v1:dogs", maximize=aim).request.left_out == (
            ("mobilenet_v1:dogs", "its top-1 is published for Stanford Dogs, not for ImageNet"),
        )


def test_an_axis_with_a_height_and_a_width_keeps_its_accuracies() -> None:
    fit = fitted("mobilenet_v1", axes={"resolution": [HeightWidth(96, 128), 224]},
                 limits=["top1>=60"], minimize="mult_adds")  # fmt: skip
    assert fit.best is not None
    assert fit.best.reference == "mobilenet_v1@alpha=0.45,resolution=224"
    assert fit.best.uses[0].value == pytest.approx(60.6, abs=0.05)


def test_the_last_bits_of_a_time_decide_nothing() -> None:
    wanted: dict[str, Any] = {"alpha": 0.9, "resolution": 224}
    (phone,) = mnet_cost.analyze("mobilenet_v1", **wanted, devices=[PHONE]).devices
    fit = fitted("mobilenet_v1", devices=[PHONE], maximize="mult_adds",
                 limits=[f"latency<={phone.latency_s!r}s"])  # fmt: skip
    assert fit.best is not None
    assert fit.best.knobs == wanted
    assert all(size.uses[0].over > 0 for size in fit.beyond if size.uses[0].over is not None)


def test_a_bound_has_no_confidence() -> None:
    coral = load_device("coral_usb")
    for confidence, best in ((None, True), (0.5, False), (0.9, False)):
        fit = fitted("mobilenet_v2", devices=[coral], precisions=["int8"],
                     limits=["latency<=3ms"], confidence=confidence)  # fmt: skip
        assert (fit.best is not None) == best


def test_what_may_fit_is_said() -> None:
    fit = fitted("mobilenet_v1", devices=[PHONE], precisions=["fp32", "bf16"],
                 limits=["latency<=1s"], minimize="weight_bytes")  # fmt: skip
    assert fit.best is not None
    assert fit.best.precision == "fp32"
    assert fit.undecided[("latency_ms@pixel_1_tflite", "bf16")] == 64
    assert any("64 sizes may fit at bf16" in note for note in fit_report(fit).notes)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": []}, "a fit needs a precision"),
        ({"limits": [3]}, "limits are texts"),
        ({"limits": None}, "limits are texts"),
        ({"maximize": 3}, "the maximize is a name"),
        ({"top": "5"}, "top is a whole number"),
        ({"top": 0}, "of the best sizes one or more"),
        ({"confidence": "0.9"}, "a confidence is a number"),
        ({"resolution": 0}, "none of the 16 sizes is a network"),
        ({"limits": "top1>=700"}, "more than 100 %"),
        ({"alpha": [0.5, True], "maximize": "alpha"}, "are no numbers"),
    ],
)
def test_python_arguments(options: dict[str, Any], message: str) -> None:
    with pytest.raises((UsageError, TypeError), match=message):
        mnet_cost.fit("mobilenet_v1", **options)


def test_a_fit_needs_a_network() -> None:
    with pytest.raises(UsageError, match="a fit needs a network"):
        mnet_cost.fit()


def test_errors_show_the_option_that_was_typed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "mobilenet_v1", "--maximize", "latency@nope"]) == 2
    assert "--maximize:1:1: `latency` is of a device" in capsys.readouterr().err


def test_command(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["fit", "mobilenet_v1", "--mult-adds", "150M", "--params", "2M"]
    assert main([*command, "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    reference = document["best"]["reference"]
    assert reference == "mobilenet_v1@alpha=0.5,resolution=224"
    totals = mnet_cost.analyze(reference).totals
    assert document["best"]["columns"]["mult_adds"] == totals.mult_adds <= 150e6
    assert document["within"] == sum(
        totals.mult_adds <= 150e6 and totals.params <= 2e6
        for alpha, side in product([round(0.25 + 0.05 * i, 2) for i in range(16)], SIDES[1:])
        for totals in [mnet_cost.analyze("mobilenet_v1", alpha=alpha, resolution=side).totals]
    )
    assert main(["fit", "mobilenet_v1", "--params", "1k"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("Nothing fits: the closest of 64 sizes is mobilenet_v1@alpha=0.25")
    assert "What takes most params" in out


def test_without_totals_nothing_is_taken_for_small(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "net.yaml"
    spec.write_text(
        "format: 1\nname: net\nknobs: {alpha: {default: 1.0, published: [0.5, 1.0]}}\n"
        "input: {image: [3, 32, 32]}\nlayers:\n"
        "  - conv2d: {channels: floor(8 * alpha), kernel: 3}\n"
        "  - opaque: {operation: fancy, shape: [8, 32, 32]}\n"
    )
    assert main(["fit", str(spec), "--mult-adds", "2M"]) == 3
    out, err = capsys.readouterr()
    assert out.startswith("Nothing is known to fit: the closest of 11 sizes is")
    assert "11 points have no totals" in err
    assert main(["fit", str(spec), "--mult-adds", "2M", "--lower-bound"]) == 0
    assert f"{spec}@alpha=1.0" in capsys.readouterr().out


def test_python_results_show_themselves() -> None:
    fit = mnet_cost.fit("mobilenet_v1", limits="params<=2M", alpha=[0.5, 1.0], resolution=224)
    assert fit.best is not None
    assert mnet_cost.analyze(fit.best.reference).totals.params == 1_331_592
    assert repr(fit) == "<Fit mobilenet_v1@alpha=0.5,resolution=224: the best of 2 sizes>"
    assert "Best sizes" in fit.report()
