"""`calibrate --runtime` on a machine of which tests decide everything: a fake runtime whose times
follow a known profile, which the fit must find."""

from __future__ import annotations

import csv
import math
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from fake_runtime import FakeMachine, FakeProgram, FakeRuntime

from mnet_cost import analyze
from mnet_cost.analysis.terms import network_amounts
from mnet_cost.cli import main
from mnet_cost.devices import load_device
from mnet_cost.devices.coefficients import shared_coefficients
from mnet_cost.devices.latency_models import CoefficientFit
from mnet_cost.devices.rules import runtime_rules
from mnet_cost.devices.terms import TERM_NAMES
from mnet_cost.errors import MeasurementError, UsageError
from mnet_cost.measure.networks import Networks
from mnet_cost.measure.runs import machine_profile
from mnet_cost.measure.runs.artifacts import Runnable
from mnet_cost.measure.runs.machine_plan import WHOLE_NETWORKS
from mnet_cost.measure.runs.machine_profile import (
    MachineProfile,
    MachineRequest,
    calibrate_machine,
    fitted,
)
from mnet_cost.measure.runs.peaks import Level, Peaks
from mnet_cost.measure.runs.rounds import REFERENCE
from mnet_cost.measure.runs.small_graphs import candidates
from mnet_cost.measure.runtimes.base import RunSettings

TILE = 16
SCALE_S = 20e-6
"""Of a million multiplications."""
FACTORS = {"depthwise_3x3": 2.5, "matmul": 0.5, "curve": 1.8, "stem": 0.6, "windows": 1.4}
"""How many times those of other machines the coefficients are."""
PEAKS = Peaks(
    threads=1,
    macs_per_s=100e9,
    product="NumPy, 512 a side",
    levels=(
        Level(name="L1", size_bytes=32 << 10, bytes_per_s=None, working_set_bytes=16 << 10),
        Level(name="L3", size_bytes=32 << 20, bytes_per_s=100e9, working_set_bytes=16 << 20),
        Level(name="DRAM", size_bytes=16 << 30, bytes_per_s=40e9, working_set_bytes=128 << 20),
    ),
    processor="Fake CPU",
    pipeline="out_of_order",
    vector="AVX-512",
    cores=4,
)
OTHERS = ("mobilenet_v2", "resnet50", "mnasnet_a1", "densenet121", "regnet_y_400mf", "vit_b_16")
"""Networks that are not measured, of other kinds of layers."""


@cache
def known_seconds() -> Mapping[str, float]:
    """What everything takes under the known profile."""
    rules, shared = runtime_rules("onnxruntime"), shared_coefficients("onnxruntime")
    coefficients = np.array(
        [
            coefficient * FACTORS.get(name, 1.0)
            for name, coefficient in zip(TERM_NAMES, shared.coefficients, strict=True)
        ]
    )
    networks, seconds = Networks(), {}
    graphs = [candidate.reference for candidate in candidates()]
    for reference in (*graphs, *WHOLE_NETWORKS, *OTHERS, REFERENCE):
        kernels = networks.kernels_at(reference, 1, "fp32", rules)
        amounts = np.array(network_amounts(kernels, rules, TILE, shared.caches)).sum(0)
        seconds[reference] = SCALE_S * float(amounts @ coefficients)
    return seconds


def request(runtime: FakeRuntime, folder: Path, **more: object) -> MachineRequest:
    asked = MachineRequest(
        runtime=runtime,
        record=str(folder / "this_machine.csv"),
        name="this_machine",
        cpus=(),  # the machine is not this one
    )
    return replace(asked, **more)  # type: ignore[arg-type]


def errors(text: str, folder: Path) -> dict[str, float]:
    """Of the estimates of the networks that were not measured, over their times, less 1."""
    path = folder / "profile.yaml"
    path.write_text(text)
    off = {}
    for name in OTHERS:
        estimate = analyze(name, devices=[str(path)]).devices[0].latency_s
        assert estimate is not None
        off[name] = estimate / known_seconds()[name] - 1
    return off


class Whole(NamedTuple):
    """A session that had time enough."""

    folder: Path
    machine: FakeMachine
    runtime: FakeRuntime
    profile: MachineProfile
    ticks: list[tuple[int, int]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp("whole")
    machine = FakeMachine(folder / "root")
    runtime = FakeRuntime(machine, known_seconds())
    ticks: list[tuple[int, int]] = []
    profile = calibrate_machine(
        request(runtime, folder),
        machine=machine,
        peaks=PEAKS,
        progress=lambda *tick: ticks.append(tick),
    )
    return Whole(folder, machine, runtime, profile, ticks)


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    return FakeMachine(tmp_path / "root")


@pytest.fixture
def runtime(machine: FakeMachine) -> FakeRuntime:
    return FakeRuntime(machine, known_seconds())


def test_the_fit_finds_the_machine(whole: Whole, tmp_path: Path) -> None:
    profile = whole.profile
    fit = profile.calibration.fit
    assert isinstance(fit, CoefficientFit)
    assert fit.fitted_on is not None
    assert fit.held_out is not None
    # Six networks and the reference network are networks; small graphs are in no error.
    assert fit.fitted_on.networks == 7
    assert 30 <= fit.fitted_on.small_graphs <= 60
    assert "small_graphs" not in fit.fitted_on.families
    assert fit.held_out.measurements == 7
    assert fit.held_out.mean < 0.03
    assert fit.held_out.by_mult_adds is not None
    assert fit.held_out.by_mult_adds > 0.3
    assert fit.held_out.noise_floor == pytest.approx(0.0, abs=1e-6)
    scale_s = fit.scale_s.value * 1e6
    for name, factor in FACTORS.items():
        found = scale_s / SCALE_S * math.exp(fit.deviations[name])
        # Depthwise layers have elements, too, with a coefficient of their own: how the time is
        # shared between the two hardly matters.
        assert 0.4 < math.log(found) / math.log(factor) < 1.2, name
    off = errors(profile.text, tmp_path)
    assert max(map(abs, off.values())) < 0.02, off
    # Within its minutes, with the time that is left shown on the way.
    assert whole.machine.now() < 180
    assert whole.ticks[0] == (0, 180)
    assert [done for done, _ in whole.ticks] == sorted(done for done, _ in whole.ticks)


def test_the_profile_states_what_it_rests_on(whole: Whole, tmp_path: Path) -> None:
    path = tmp_path / "this_machine.yaml"
    path.write_text(whole.profile.text)
    device = load_device(str(path))
    assert (device.name, device.runtime, device.runtime_version) == (
        "this_machine", "onnxruntime", "1.32.0",
    )  # fmt: skip
    assert (device.basis, device.threads, device.title) == (
        "calibrated", 1, "Fake CPU, with onnxruntime",
    )  # fmt: skip
    rate = device.compute["fp32"]
    assert rate.macs_per_s.value == pytest.approx(110e9)  # a tenth above what was measured
    assert rate.macs_per_s.basis == "measured"
    assert "NumPy, 512 a side" in rate.macs_per_s.source
    assert rate.tile is not None
    assert rate.tile.value == 16
    fit = device.latency["fp32"]
    assert isinstance(fit, CoefficientFit)
    assert re.fullmatch(
        r"own measurement: 7 networks and \d\d small graphs on this machine, medians of up to 3 "
        "rounds",
        fit.scale_s.source,
    )
    assert [level.name for level in device.memory] == ["L1", "L3", "DRAM"]
    bandwidths = [level.bytes_per_s and level.bytes_per_s.value for level in device.memory]
    assert bandwidths == [None, pytest.approx(110e9), pytest.approx(44e9)]


def test_the_rows_give_the_same_profile(
    whole: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(whole.folder / "this_machine.csv", tmp_path)
    with open("this_machine.csv", newline="") as file:
        roles = {row["model"]: row["role"] for row in csv.DictReader(file)}
    assert roles["mobilenet_v1"] == "network"
    assert roles[candidates()[0].reference] == "small graph"
    Path("this_machine.yaml").write_text(whole.profile.text)
    before = load_device("./this_machine.yaml")
    command = ["calibrate", "--from", "this_machine.csv", "--into", "this_machine.yaml"]
    assert main(command) == 0
    after = load_device("./this_machine.yaml")
    fits = [device.latency["fp32"] for device in (before, after)]
    assert fits[0].fitted_on == fits[1].fitted_on
    assert fits[0].held_out == fits[1].held_out
    assert isinstance(fits[0], CoefficientFit)
    assert isinstance(fits[1], CoefficientFit)
    assert fits[0].deviations == fits[1].deviations
    assert fits[0].scale_s.value == fits[1].scale_s.value
    assert before.compute["fp32"] == after.compute["fp32"]


def test_what_was_stopped_goes_on(
    whole: Whole, tmp_path: Path, machine: FakeMachine, runtime: FakeRuntime
) -> None:
    runtime.interrupt_after = len(whole.runtime.runs) // 3
    with pytest.raises(KeyboardInterrupt):
        calibrate_machine(request(runtime, tmp_path), machine=machine, peaks=PEAKS)
    rows = tmp_path / "this_machine.csv"
    kept = rows.read_text().splitlines()
    assert 20 < len(kept) < len((whole.folder / rows.name).read_text().splitlines())
    runtime.interrupt_after = None
    runtime.runs.clear()
    profile = calibrate_machine(request(runtime, tmp_path), machine=machine, peaks=PEAKS)
    assert rows.read_text().startswith("\n".join(kept))
    assert len(runtime.runs) < len(whole.runtime.runs)
    # The first graphs are the same ones, whatever was measured before.
    fits = [each.calibration.fit for each in (whole.profile, profile)]
    assert fits[0].fitted_on == fits[1].fitted_on


def test_less_time(tmp_path: Path, machine: FakeMachine, runtime: FakeRuntime) -> None:
    profile = calibrate_machine(
        request(runtime, tmp_path, seconds=20.0), machine=machine, peaks=PEAKS
    )
    assert machine.now() < 20
    fit = profile.calibration.fit
    assert fit.fitted_on is not None
    assert fit.fitted_on.networks >= 2
    assert any("rounds" in note or "whole networks" in note for note in profile.notes)


def rounds_of(folder: Path, model: str) -> int:
    """How many rounds of a network are in the file."""
    with (folder / "this_machine.csv").open(encoding="utf-8", newline="") as file:
        return sum(row["model"] == model for row in csv.DictReader(file))


def test_rounds_that_differ_are_followed_by_more(
    whole: Whole, tmp_path: Path, machine: FakeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine_profile, "MOST_ROUNDS", 5)
    assert rounds_of(whole.folder, "resnet18") == 3
    prepared: list[str] = []
    runtime = FakeRuntime(
        machine,
        known_seconds(),
        # Each series has a speed of its own, 15 % around the true one.
        slow=lambda machine, name: 1 + 0.15 * math.sin(7 * len(prepared)),
    )
    runtime.prepared = prepared
    calibrate_machine(request(runtime, tmp_path), machine=machine, peaks=PEAKS)
    assert rounds_of(tmp_path, "resnet18") == 5


def test_a_runtime_that_takes_long_to_prepare_keeps_to_its_time(
    tmp_path: Path, machine: FakeMachine
) -> None:
    class Compiler(FakeRuntime):
        def prepare(self, runnable: Runnable, settings: RunSettings) -> FakeProgram:
            machine.run(6.0)
            return super().prepare(runnable, settings)

    runtime = Compiler(machine, known_seconds())
    profile = calibrate_machine(
        request(runtime, tmp_path, seconds=120.0), machine=machine, peaks=PEAKS
    )
    assert machine.now() < 120
    fit = profile.calibration.fit
    assert fit.fitted_on is not None
    assert fit.fitted_on.networks >= 2


def test_quick(tmp_path: Path, machine: FakeMachine, runtime: FakeRuntime) -> None:
    profile = calibrate_machine(
        request(runtime, tmp_path, quick=True), machine=machine, peaks=PEAKS
    )
    assert set(runtime.runs) == {"mobilenet_v1"}
    assert machine.now() < 20
    fit = profile.calibration.fit
    assert isinstance(fit, CoefficientFit)
    assert fit.held_out is None
    assert abs(errors(profile.text, tmp_path)["mobilenet_v2"]) < 0.25
    path = tmp_path / "profile.yaml"
    [estimate] = analyze("mobilenet_v1", devices=[str(path)]).devices
    assert estimate.latency_s == pytest.approx(known_seconds()["mobilenet_v1"], rel=0.05)


def test_what_cannot_run_is_left_out(tmp_path: Path, machine: FakeMachine) -> None:
    without = {
        name: seconds
        for name, seconds in known_seconds().items()
        if "attention" not in name and name != "vit_b_32"
    }
    runtime = FakeRuntime(machine, without)
    profile = calibrate_machine(request(runtime, tmp_path), machine=machine, peaks=PEAKS)
    assert profile.calibration.fit.fitted_on is not None
    assert profile.calibration.fit.fitted_on.networks == 6
    assert "vit_b_32 was left out: vit_b_32: the operator `Fake` is not there" in profile.notes


def test_nothing_runs(tmp_path: Path, machine: FakeMachine) -> None:
    only_reference = {REFERENCE: known_seconds()[REFERENCE]}
    runtime = FakeRuntime(machine, only_reference)
    with pytest.raises(MeasurementError, match="no small graph and no whole network could run"):
        calibrate_machine(request(runtime, tmp_path), machine=machine, peaks=PEAKS)


def test_worse_than_mult_adds_alone(tmp_path: Path, machine: FakeMachine) -> None:
    """Times of networks that follow mult-adds, of a runtime whose small graphs say otherwise."""
    rules, networks = runtime_rules("onnxruntime"), Networks()
    seconds = dict(known_seconds())
    for name in (*WHOLE_NETWORKS, REFERENCE):
        kernels = networks.kernels_at(name, 1, "fp32", rules)
        seconds[name] = 25e-12 * sum(kernel.mult_adds for kernel in kernels)
    runtime = FakeRuntime(machine, seconds)
    asked = request(runtime, tmp_path)
    with pytest.raises(MeasurementError) as caught:
        calibrate_machine(asked, machine=machine, peaks=PEAKS)
    assert "% off in the mean by the fit, and 0 % by mult-adds alone: nothing is written" in str(
        caught.value
    )
    assert asked.record in str(caught.value)


def test_a_row_above_the_peaks_raises_them(whole: Whole, tmp_path: Path) -> None:
    asked = request(whole.runtime, whole.folder)
    low = replace(PEAKS, macs_per_s=10e9)
    profile = fitted(asked, low)
    path = tmp_path / "low.yaml"
    path.write_text(profile.text)
    rate = load_device(str(path)).compute["fp32"].macs_per_s
    assert "since a network ran faster" in " ".join(rate.source.split())
    # No network that was measured is faster than its lower bound.
    for name in WHOLE_NETWORKS:
        [estimate] = analyze(name, devices=[str(path)]).devices
        assert estimate.bound_s is not None
        assert estimate.bound_s <= known_seconds()[name]
    assert 11e9 < rate.value < 110e9


def test_too_many_threads(tmp_path: Path, machine: FakeMachine, runtime: FakeRuntime) -> None:
    with pytest.raises(UsageError, match="5 threads on 4 CPUs would wait for each other"):
        calibrate_machine(request(runtime, tmp_path, threads=5), machine=machine, peaks=PEAKS)
    assert not runtime.runs


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--runtime", "onnxruntime"], "where does the profile go?"),
        (["--runtime", "onnxruntime", "-o", "-"], "where do the rows go, with `-o -`?"),
        (["--runtime", "onxruntime", "-o", "a.yaml"], "did you mean `onnxruntime`?"),
        (
            ["--runtime", "onnxruntime", "-o", "a.yaml", "--minutes", "0"],
            "0 minutes is no time to measure in",
        ),
        (
            ["--runtime", "onnxruntime", "-o", "a.yaml", "--quick", "--minutes", "2"],
            "`--quick` takes 20 s: it goes without `--minutes`",
        ),
        (
            ["--runtime", "onnxruntime", "-o", "a.yaml", "--device", "epyc_7742"],
            "`--device` is for rows of a file: `--from FILE`",
        ),
        (
            ["--runtime", "onnxruntime", "-o", "a.yaml", "--record", "rows.txt"],
            "rows.txt: is no CSV file by its name",
        ),
        (
            ["--runtime", "onnxruntime", "-o", "no/a.yaml", "--record", "a.csv"],
            "there is no folder `no`",
        ),
        (
            ["--runtime", "onnxruntime", "-o", "a.csv", "--record", "./a.csv"],
            "a.csv: is for the record and for the output",
        ),
        (["--from", "a.csv", "--quick"], "`--quick` is for measuring this machine"),
        (["--from", "a.csv", "--threads", "2"], "`--where threads=N` takes rows"),
    ],
)
def test_bad_usage(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["calibrate", *arguments]) == 2
    assert words in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_stopped_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    machine = FakeMachine(tmp_path / "root")
    runtime = FakeRuntime(machine, known_seconds())
    runtime.interrupt_after = 100
    real = calibrate_machine
    monkeypatch.setattr("mnet_cost.measure.runs.request.runtime_named", lambda name: runtime)
    monkeypatch.setattr(
        machine_profile,
        "calibrate_machine",
        lambda request, **more: real(
            replace(request, cpus=()), **more, machine=machine, peaks=PEAKS
        ),
    )
    command = ["calibrate", "--runtime", "onnxruntime", "-o", "mine.yaml"]
    assert main(command) == 130
    said = capsys.readouterr().err
    assert "stopped; what was measured is in mine.csv: the same command goes on" in said
    assert Path("mine.csv").exists()
    assert not Path("mine.yaml").exists()
    runtime.interrupt_after = None
    assert main(command) == 0
    assert "mine: coefficients fitted to" in capsys.readouterr().out
    assert load_device("./mine.yaml").name == "mine"
