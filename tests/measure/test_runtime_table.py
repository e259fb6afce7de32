"""The table of runtimes: each is installed by an extra, and an error says which."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from mnet_cost.errors import MissingPackageError, UsageError
from mnet_cost.measure import runtimes
from mnet_cost.measure.runs.request import runtime_named

ROOT = Path(__file__).resolve().parents[2]


def test_each_runtime_has_an_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {entry.extra for entry in runtimes.RUNTIMES.values()}
    assert extras <= set(project["optional-dependencies"])


@pytest.mark.parametrize("name", runtimes.RUNTIMES)
def test_a_package_that_is_missing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes, "find_spec", lambda module: None)
    entry = runtimes.RUNTIMES[name]
    with pytest.raises(MissingPackageError) as raised:
        runtimes.load_runtime(name)
    (problem,) = raised.value.problems
    assert problem.message == (
        f"`{name}` needs the package `{entry.packages[0]}`, which is not installed"
    )
    assert problem.hint == f"python -m pip install 'mnet-cost[{entry.extra}]'"
    assert runtimes.installed_runtimes() == ()


def test_a_name_that_is_none() -> None:
    with pytest.raises(UsageError, match="with `onnxruntim` here") as raised:
        runtimes.load_runtime("onnxruntim")
    assert raised.value.problems[0].hint == "did you mean `onnxruntime`?"


def test_without_a_name_the_way_to_a_runtime_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes, "find_spec", lambda module: None)
    with pytest.raises(UsageError, match="which runtime is to be measured") as raised:
        runtime_named(None)
    hint = raised.value.problems[0].hint or ""
    assert hint.startswith(
        "`--runtime onnxruntime`, after python -m pip install 'mnet-cost[onnxruntime]'; not "
    )


def test_a_package_that_cannot_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise OSError("libfake.so: cannot open shared object file\nmore")

    monkeypatch.setattr(runtimes, "find_spec", lambda name: object())
    monkeypatch.setattr(runtimes, "import_module", broken)
    with pytest.raises(MissingPackageError) as raised:
        runtimes.load_runtime("openvino")
    said = str(raised.value)
    assert "`openvino` needs is installed, but cannot be imported: libfake.so: cannot" in said
    assert "--force-reinstall 'mnet-cost[openvino]'" in said
