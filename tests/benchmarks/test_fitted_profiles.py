"""The shipped fitted profiles are what their own commands make."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import mnet_cost.cli.output  # before its `write_whole` is replaced, which it would keep  # noqa: F401
from mnet_cost.cli import main
from mnet_cost.devices import DeviceProfile, Sourced, device_names, load_device
from mnet_cost.devices.latency_models import CoefficientFit, FittedOn
from mnet_cost.devices.load import parse_device

ROOT = Path(__file__).resolve().parent.parent.parent


def _benchmark() -> ModuleType:
    """`benchmarks/accuracy/profile_commands.py`, which is in no package."""
    path = ROOT / "benchmarks" / "accuracy" / "profile_commands.py"
    spec = importlib.util.spec_from_file_location("accuracy_profiles", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


BENCHMARK = _benchmark()
COMMANDS = {profile.name: profile for profile in BENCHMARK.PROFILES}


def remake(name: str, monkeypatch: pytest.MonkeyPatch) -> DeviceProfile:
    """The profile that its command makes; no file is written."""
    written: dict[str, str] = {}

    def keep(target: str, text: str) -> None:
        written[target] = text

    monkeypatch.setattr("mnet_cost.paths.write_whole", keep)
    assert main(BENCHMARK.arguments(COMMANDS[name])) == 0
    ((path, text),) = written.items()
    return parse_device(text, path)


def close(value: Any, expected: Any, least: float = 2e-4) -> bool:
    """Whether two fits are equal up to the last digits of their numbers.

    Logarithms and shares have four decimals, quantities with a unit four digits.
    """
    if isinstance(expected, (Sourced, FittedOn)):
        least = 0.0
    if isinstance(expected, float):
        return bool(value == pytest.approx(expected, rel=2e-3, abs=least))
    if isinstance(expected, dict):
        return list(value) == list(expected) and all(
            close(value[key], expected[key], least) for key in value
        )
    if isinstance(expected, Sequence) and not isinstance(expected, str):
        return len(value) == len(expected) and all(
            close(item, other, least) for item, other in zip(value, expected, strict=True)
        )
    return bool(value == expected)


@pytest.mark.parametrize(
    "name",
    # Coefficients of one thread and of four, of a microcontroller, of a file of many devices;
    # rooflines of a file of their own and put into a profile.
    ["pixel_1_tflite", "pixel_3_tflite_4_threads", "stm32l4r5_cube_ai", "raspberry_pi_4_ncnn",
     "rk3588_ncnn", "pixel_3_tflite_gpu", "galaxy_s23"],
)  # fmt: skip
def test_a_profile_is_what_its_command_makes(
    name: str,
    in_root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shipped, remade = load_device(name), remake(name, monkeypatch)
    assert capsys.readouterr().err == ""
    assert replace(remade, latency={}, path="") == replace(shipped, latency={}, path="")
    assert list(remade.latency) == list(shipped.latency)
    for precision, fit in shipped.latency.items():
        assert type(remade.latency[precision]) is type(fit)
        assert close(remade.latency[precision], fit)


def test_the_comparison_can_fail() -> None:
    fit = load_device("pixel_1_tflite").latency["fp32"]
    assert isinstance(fit, CoefficientFit)
    assert close(fit, fit)
    assert not close(replace(fit, scale_s=replace(fit.scale_s, value=1e-9)), fit)
    assert not close(replace(fit, deviations={**fit.deviations, "kernel": 1.0}), fit)
    assert not close(replace(fit, covariance=fit.covariance[:-1]), fit)


def test_every_fitted_profile_has_a_command_that_makes_it(in_root: Path) -> None:
    fitted = {name for name in device_names() if load_device(name).latency}
    assert fitted == set(COMMANDS)
    for name in fitted:
        text = (ROOT / "specs" / "devices" / f"{name}.yaml").read_text(encoding="utf-8")
        lines = [line.removeprefix("#").strip() for line in text.splitlines()]
        start = next(i for i, line in enumerate(lines) if line.startswith("mnet-cost calibrate"))
        stated = " ".join(lines[start : start + 8])
        words = BENCHMARK.arguments(COMMANDS[name])
        assert stated.startswith(f"mnet-cost calibrate --from {words[2]}"), name
        for condition in COMMANDS[name].where:
            assert f"--where {condition}" in stated, name
