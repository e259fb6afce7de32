"""Estimates beside recorded runs: totals, what the profile is of, and what a record may hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from math import fsum
from pathlib import Path
from typing import Any

import pytest
from profiles import BOUND, DATASHEET, FITTED, STICK
from spec_text import network

import mnet_cost
from mnet_cost.errors import MeasurementError, ModelReferenceError, UsageError
from mnet_cost.measure.runs.run_files import Run, network_of, read_runs, runs_text
from mnet_cost.measure.runs.validate import Validation, as_measured, summary, validate_run
from mnet_cost.network import elaborate

RECORD = Path(__file__).with_name("recorded_lenet5.json")


def recorded(**changes: Any) -> Run:
    (run,) = read_runs(str(RECORD))
    return replace(run, **changes)


def validated(device: Any = FITTED, **changes: Any) -> Validation:
    run = recorded(**changes)
    return validate_run(run, network_of(run), device)


def test_totals() -> None:
    found = validated()
    estimate = found.estimate
    assert estimate is not None
    assert found.estimate_s == estimate.latency_s
    assert found.ratio == pytest.approx((estimate.latency_s or 0) / 200e-6)
    assert found.error == pytest.approx((found.ratio or 0) - 1)
    assert found.bound_s == estimate.bound_s
    assert not found.differences


@pytest.mark.parametrize(("factor", "inside"), [(0.5, False), (1.0, True), (2.0, False)])
def test_whether_the_time_is_in_the_band(factor: float, inside: bool) -> None:
    estimate = validated().estimate
    assert estimate is not None
    assert estimate.latency_s is not None
    measured_s = estimate.latency_s * factor
    found = validated(median_s=measured_s, fastest_s=measured_s)
    assert found.is_inside is inside
    assert found.is_noise is (factor == 1.0)


def test_all_parts_of_a_recorded_run_add_up() -> None:
    found = validated()
    joined = found.joined
    assert joined is not None
    # 40 + 4 + 50 + 10 + 2 + 20 + 5 + 2 us of layers, 2 of layout, 1 of a copy; 1 us of each is the
    # profiler's.
    assert joined.joined_s == pytest.approx(133e-6)
    assert joined.layout_s == pytest.approx(2e-6)
    assert joined.unjoined_s == pytest.approx(1e-6)
    assert joined.between_s == pytest.approx(64e-6)
    assert joined.joined_share == pytest.approx(135 / 136)
    known = [seconds for seconds in found.gap.parts.values() if seconds is not None]
    assert fsum(known) == pytest.approx(200e-6)
    assert fsum(row.measured_s or 0 for row in found.kinds) == pytest.approx(200e-6)
    assert found.estimate_s == pytest.approx(fsum(row.estimate_s or 0 for row in found.kinds))


def test_kernels_come_worst_estimated_first() -> None:
    errors = [abs(kernel.error_s or 0) for kernel in validated().worst]
    assert errors == sorted(errors, reverse=True)
    times = [kernel.seconds for kernel in validated(None).worst]
    assert times == sorted(times, reverse=True)


def test_without_a_profile_or_a_time_there_is_no_estimate() -> None:
    for found in (validated(None), validated(BOUND, runtime="tflite")):
        assert (found.estimate_s, found.ratio, found.error) == (None, None, None)
        assert (found.is_inside, found.is_noise) == (None, None)
    found = validated(BOUND, runtime="tflite")
    assert found.bound_s is not None  # a bound is no estimate, of a kernel neither
    assert all(kernel.estimate_s is None and kernel.bound_s for kernel in found.worst)
    assert all(row.estimate_s is None for row in found.kinds)
    assert found.differences == (
        "no estimate: of tflite on lower_bound_core no more than a lower bound is known",
    )


def test_a_profile_of_another_runtime() -> None:
    assert validated(FITTED, runtime="tflite").differences == (
        "fitted_core is of the runtime ncnn, and tflite was measured: the error is also the "
        "difference of the two",
    )
    # A data sheet is of any runtime.
    device, differences = as_measured(DATASHEET, recorded(runtime="tflite"))
    assert device.runtime == "tflite"
    assert not differences


def test_a_profile_of_another_number_of_threads() -> None:
    (said,) = validated(DATASHEET, threads=2).differences
    assert "is of 1 thread, and 2 threads ran: the estimate is carried over" in said
    (said,) = validated(FITTED, threads=2).differences  # which states no pipeline
    assert said.endswith("2 threads ran: the error is also the difference of the two")


def test_a_profile_of_another_precision() -> None:
    found = validated(precision="int8")
    assert found.estimate_s is None
    (said,) = found.differences
    assert said.startswith("no estimate: no int8 rate in the profile (it has fp32)")
    (said,) = validated(precision="tf32").differences
    assert said == "nothing is known of tf32, in which it ran: the estimate is of fp32"
    net = network("precision: int8\nlayers: [conv2d: {channels: 4, kernel: 1}]")
    run = recorded(profile=None, layers_of_node={}, counts={})
    differences = validate_run(run, net, FITTED).differences
    assert differences[0] == "the spec states int8, of which the estimate is, and fp32 ran"


def test_what_it_ran_on() -> None:
    _, differences = as_measured(FITTED, recorded(device="cuda"))
    assert differences == ("fitted_core is a phone, and the network ran on cuda",)


def test_a_version_is_a_note() -> None:
    device = replace(FITTED, runtime_version="2023")
    notes = validated(device).notes
    assert "fitted_core was fitted to times of ncnn of 2023, and ncnn 1.0.20260526 ran" in notes
    assert not [note for note in validated(FITTED).notes if "was fitted to" in note]


def test_a_run_below_the_lower_bound_is_said() -> None:
    found = validated(median_s=1e-6, fastest_s=1e-6)
    assert any("less than the lower bound" in note for note in found.notes)
    assert (found.gap.inefficiency_s or 0) < 0
    assert found.joined is not None
    assert found.joined.scale == pytest.approx(1 / 136)


def test_a_runtime_that_does_not_time_its_kernels() -> None:
    found = validated(STICK, runtime="made-up", profile=None)
    assert found.joined is None
    assert found.worst == ()
    assert "made-up does not say what its kernels take" in found.notes
    assert all(row.measured_s is None for row in found.kinds)


def test_errors_of_several_networks() -> None:
    estimate_s = validated().estimate_s or 0.0
    several = [
        validated(median_s=estimate_s / (1 + error), fastest_s=1e-6) for error in (0.02, -0.04, 0.3)
    ]
    found = summary(several)
    assert found["networks"] == 3
    assert found["median"] == pytest.approx(0.04)
    assert found["mean"] == pytest.approx(0.12)
    assert found["within_10"] == pytest.approx(2 / 3)
    assert found["noise"] == 0.03
    assert summary([validated(None)])["median"] is None


# Files of runs


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    run = recorded()
    path = tmp_path / "runs.json"
    path.write_text(runs_text([run], str(path)))
    (again,) = read_runs(str(path))
    assert again.profile is not None
    assert run.profile is not None
    assert [kernel.nodes for kernel in again.profile.kernels] == [
        kernel.nodes for kernel in run.profile.kernels
    ]
    assert again.median_s == pytest.approx(run.median_s)
    assert replace(again, file="", profile=None) == replace(run, file="", profile=None)


def test_a_path_in_a_record_begins_in_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets").mkdir()
    spec = "format: 1\nname: n\ninput: {image: [3, 8, 8]}\nlayers: [relu]\n"
    (tmp_path / "nets" / "n.yaml").write_text(spec)
    run = Run(
        reference="nets/n.yaml", runtime="ncnn", version="", precision="fp32", threads=1, batch=2,
        median_s=1e-3, fastest_s=1e-3,
    )  # fmt: skip
    text = runs_text([run], "nets/runs.json")
    assert json.loads(text)["runs"][0]["model"] == "./n.yaml"
    Path("nets/runs.json").write_text(text)
    (again,) = read_runs("nets/runs.json")
    assert network_of(again).knobs["batch"] == 2
    Path("runs").mkdir()
    Path("runs/runs.json").write_text(runs_text([run], "runs/runs.json"))
    (outside,) = read_runs("runs/runs.json")
    with pytest.raises(ModelReferenceError, match="nor below it"):
        network_of(outside)


def test_another_network_than_was_measured_is_refused() -> None:
    run = recorded(counts={"layers": 12, "mult_adds": 1, "params": 61706})
    with pytest.raises(MeasurementError, match="416,520 mult-adds, and that one had 1"):
        network_of(run)
    run = recorded(layers_of_node={"n": ("c1.cnov2d",)})
    with pytest.raises(MeasurementError, match=r"has no layer `c1\.cnov2d`"):
        network_of(run)
    with pytest.raises(UsageError, match="was read from stdin"):
        network_of(recorded(reference="-"))


def changed(change: Callable[[dict[str, Any]], Any]) -> str:
    document = json.loads(RECORD.read_text())
    change(document["runs"][0])
    return json.dumps(document)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ("[]", "is no document of mnet-cost"),
        ('{"schema": "mnet-cost/analysis/6"}', "is a document `mnet-cost/analysis/6`"),
        ('{"schema": "mnet-cost/runs/1", "runs": []}', "has no runs"),
        ('{"schema": "mnet-cost/runs/1", "runs": [1]}', "`runs` is not an object"),
        ("[" * 100_000, "nested too deeply"),
        (changed(lambda run: run.update(median_ms=-1)), "`median_ms` is not a time"),
        (changed(lambda run: run.update(median_ms="1")), "`median_ms` is not a number"),
        (changed(lambda run: run.update(fastest_ms=9)), "`fastest_ms` is not a time above 0"),
        (changed(lambda run: run.update(fastest_ms=0)), "`fastest_ms` is not a time above 0"),
        (changed(lambda run: run.update(median_ms=1e300)), "`median_ms` is not a time"),
        (changed(lambda run: run.update(threads=0)), "`threads` is not a whole number from 1"),
        (changed(lambda run: run.update(threads=True)), "`threads` is not a whole number"),
        (changed(lambda run: run.update(noise=-1)), "`noise` is not a share"),
        (changed(lambda run: run.update(runtime="\x1b[31m")), "`runtime` is not a name"),
        (changed(lambda run: run.update(layers_of_node={"n": [1]})), "is not a list of texts"),
        (changed(lambda run: run.pop("counts")), "`counts` is not an object"),
        (changed(lambda run: run.update(profile=[])), "`profile` is not an object"),
        (
            changed(lambda run: run["profile"]["kernels"][0].update(latency_ms=None)),
            "`latency_ms` is not a time",
        ),
    ],
)
def test_a_record_with_something_else_is_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "runs.json"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_runs(str(path))
    assert said in str(caught.value)


def test_a_network_at_another_batch() -> None:
    net = network_of(recorded(batch=4, counts={}))
    assert net.knobs["batch"] == 4
    assert network_of(recorded(), elaborate(net.spec, {})).knobs["batch"] == 1


@pytest.mark.parametrize("option", [{"threads": 4}, {"patient": True}, {"record": "run.json"}])
def test_recorded_runs_take_no_options_of_measuring(option: dict[str, Any]) -> None:
    (name,) = option
    with pytest.raises(UsageError, match=f"leave out `{name}`"):
        mnet_cost.validate(recorded="run.json", **option)
