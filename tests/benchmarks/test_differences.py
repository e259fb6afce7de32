"""How far apart runtimes and versions of one are: the committed spreads are those of the tables."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

from mnet_cost.devices.coefficients import spread_of_runtimes, spread_of_versions

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks" / "accuracy"


@pytest.fixture
def differences(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    before = set(sys.modules)
    module = importlib.import_module("differences")
    for name in set(sys.modules) - before:
        if (path := getattr(sys.modules[name], "__file__", None)) and FOLDER in Path(path).parents:
            monkeypatch.delitem(sys.modules, name)
    return module


def test_the_spreads_are_those_of_the_tables(differences: ModuleType) -> None:
    assert differences.spreads() == pytest.approx(
        {"other_runtimes": spread_of_runtimes(), "other_versions": spread_of_versions()}, abs=1e-3
    )
    assert differences.spreads("microcontrollers") == pytest.approx(
        {"other_runtimes": spread_of_runtimes("microcontrollers")}, abs=1e-3
    )
    assert differences.spreads("tflite") == {}


def test_four_of_five_differences_of_groups_that_count_once(differences: ModuleType) -> None:
    def difference(logarithm: float, group: str) -> object:
        return differences.Difference("here", "a", "b", logarithm, group)

    # One group of a hundred large ones is one of five groups.
    several = [difference(0.01 * i, f"group {i}") for i in range(1, 5)]
    several += [difference(-1.0, "large")] * 100
    assert differences.spread_of(several) == pytest.approx(0.04 / 1.2816)
