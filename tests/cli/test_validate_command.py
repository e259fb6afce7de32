"""`mnet-cost validate` from the outside: what runs, what is recorded, and what is refused."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from math import fsum
from pathlib import Path
from typing import Any

import pytest
from hostile_text import shows
from schemas import checked

import mnet_cost
from mnet_cost.cli import main
from mnet_cost.measure.runs import request
from mnet_cost.measure.runs.artifacts import Runnable
from mnet_cost.measure.runtimes.base import RunError, RunSettings, RuntimeKernel, RuntimeProfile
from mnet_cost.report import FORMATS

RECORD = str(Path(__file__).parent.parent / "measure" / "recorded_lenet5.json")
HOSTILE = "\x1b[31m<b>=1+1|`x`"


class FakeProgram:
    """A millisecond an inference, 10 us a kernel, and one kernel that nothing is known of."""

    precision = "fp32"

    def __init__(self, runnable: Runnable) -> None:
        self.runnable = runnable

    def time(self) -> float:
        return 1e-3

    def profile(self, runs: int) -> RuntimeProfile | None:
        names = [step.name for step in self.runnable.network.steps if step.layer.effect != "view"]
        kernels = [
            RuntimeKernel(name=name, operator="Op", seconds=11e-6, nodes=(name,)) for name in names
        ]
        kernels.append(
            RuntimeKernel(name=HOSTILE, operator=HOSTILE, seconds=6e-6, nodes=(HOSTILE,))
        )
        return RuntimeProfile(kernels=tuple(kernels), runs=runs, overhead_s=1e-6)

    def close(self) -> None:
        pass


class FakeRuntime:
    name = "ncnn"
    packages: tuple[str, ...] = ()
    takes: str | None = None

    def version(self) -> str:
        return "1.0"

    def environment(self, settings: RunSettings) -> Mapping[str, str]:
        return {"options": HOSTILE}

    def prepare(self, runnable: Runnable, settings: RunSettings) -> FakeProgram:
        if "resnet8" in runnable.reference:
            raise RunError("there is no operator `Add`")
        return FakeProgram(runnable)


class NodesOfAnExport(Runnable):
    """Whose hostile node leads nowhere."""

    def layers_of_node(self) -> Mapping[str, tuple[str, ...]]:
        return {}


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from mnet_cost.measure.runs import validation_request

    monkeypatch.setattr(request, "load_runtime", lambda name: FakeRuntime())
    monkeypatch.setattr(validation_request, "Runnable", NodesOfAnExport)
    monkeypatch.chdir(tmp_path)


MEASURE = ["--runtime", "ncnn", "--reference", "none", "--rounds", "2", "--seconds", "0.001"]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(["validate", *arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    status, out, err = run(capsys, *arguments, "--format", "json")
    assert status == 0, err
    found: dict[str, Any] = json.loads(checked(out))
    return found


def parts(network: Mapping[str, Any]) -> float:
    kernels = network["kernels"]
    every = (*kernels["groups"], *kernels["layout"], *kernels["other"])
    return fsum([*(each["measured_ms"] for each in every), kernels["between_ms"]])


@pytest.mark.usefixtures("fake")
def test_a_network_that_is_named_twice_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "lenet5", *MEASURE, "--record", "runs.json")[0] == 0
    twice = document(capsys, "lenet5", "lenet5", "--from", "runs.json")
    assert twice["networks"] == document(capsys, "lenet5", "--from", "runs.json")["networks"]
    assert len(twice["networks"]) == 1


@pytest.mark.usefixtures("fake")
def test_a_network_is_measured_joined_and_recorded(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["lenet5", *MEASURE, "--device", "raspberry_pi_4_ncnn"]
    found = document(capsys, *words, "--record", "runs.json")
    (network,) = found["networks"]
    assert network["run"]["median_ms"] == pytest.approx(1.0)
    assert network["run"]["noise"] == pytest.approx(0.0)
    assert network["run"]["runtime_version"] == "1.0"
    assert parts(network) == pytest.approx(1.0)
    assert fsum(s for s in network["gap"].values() if s is not None) == pytest.approx(1.0)
    # 11 layers of 10 us, and one kernel of 5 us that nothing is known of.
    assert network["kernels"]["joined_share"] == pytest.approx(110 / 115)
    assert [each["layer"] for each in network["kernels"]["without_kernel"]] == ["flatten"]
    checked(Path("runs.json").read_text())
    again = document(capsys, "--from", "runs.json", "--device", "raspberry_pi_4_ncnn")
    (replayed,) = again["networks"]
    assert replayed["kernels"]["joined_share"] == pytest.approx(110 / 115)
    assert replayed["ratio"] == pytest.approx(network["ratio"])
    assert again["notes"] == found["notes"]


@pytest.mark.usefixtures("fake")
def test_a_network_that_cannot_run_is_said_and_others_go_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, out, err = run(capsys, "lenet5", "resnet8", *MEASURE)
    assert status == 2
    assert "there is no operator `Add`" in err
    assert out.startswith("lenet5 under ncnn 1.0: measured 1.00 ms")
    status, out, err = run(capsys, "resnet8", *MEASURE, "--record", "runs.json")
    assert (status, out) == (2, "")
    assert not Path("runs.json").exists()


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("form", FORMATS)
def test_names_of_kernels_stay_text(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "lenet5", *MEASURE, "--format", form, "--notes")
    assert status == 0
    assert shows(out)
    assert form != "html" or "<b>" not in out
    if form == "csv":
        rows = [*csv.DictReader(io.StringIO(out))]
        assert {row["row"] for row in rows} == {"network", "kernel", "other", "between"}
        own = [float(row["measured_ms"]) for row in rows if row["row"] != "network"]
        assert fsum(own) == pytest.approx(1.0)


def test_a_spec_with_hostile_names_and_knobs(
    fake: None, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (
        "format: 1\nname: x\ninput: {image: [3, 8, 8]}\nlayers: [conv2d: {channels: 4, kernel: 1}]"
    )
    Path("a b;c.yaml").write_text(text)
    found = document(capsys, "./a b;c.yaml@batch=2", *MEASURE, "--record", "runs.json")
    assert found["networks"][0]["run"]["batch"] == 2
    assert json.loads(Path("runs.json").read_text())["runs"][0]["model"] == "./a b;c.yaml"
    assert document(capsys, "--from", "runs.json")["networks"][0]["run"]["batch"] == 2
    # Named on the command line, the spec may be anywhere.
    Path("other").mkdir()
    Path("other/runs.json").write_text(Path("runs.json").read_text())
    assert document(capsys, "a b;c.yaml", "--from", "other/runs.json")["networks"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "there is no network to measure"),
        (["lenet5"], "which runtime is to be measured?"),
        (["lenet5", "--runtime", "onnxruntim"], "did you mean `onnxruntime`?"),
        (["--from", RECORD, "--runtime", "ncnn"], "leave out `--runtime`"),
        (["--from", RECORD, "--record", "x.json"], "leave out `--record`"),
        (["--from", RECORD, "--threads", "4"], "leave out `--threads`"),
        (["--from", RECORD, "--precision", "int8"], "leave out `--precision`"),
        (["--from", RECORD, "--memory"], "leave out `--memory`"),
        (["--from", RECORD, "--seconds", "0"], "leave out `--seconds`"),
        (["lenet5", "--runtime", "ncnn", "--record", "net.onnx"], "is no JSON file by its name"),
        (
            ["lenet5", "--runtime", "ncnn", "--record", "a.json", "-o", "./a.json"],
            "a.json: is for the record and for the output",
        ),
        (["resnet8", "--from", RECORD], "no run of `resnet8` was recorded"),
        (["lenet5", "--runtime", "ncnn", "--record", "no/x.json"], "there is no folder `no`"),
        (["lenet5", "--runtime", "ncnn", "-o", "no/x.csv"], "there is no folder `no`"),
        (["--from", RECORD, "-o", RECORD], "is read by this command"),
        (["--from", RECORD, "--device", "nowhere"], "nowhere"),
        (["--from", RECORD, "--device", "all"], "`all` is not one profile"),
        (["--from", RECORD, "--device", "none"], "`none` is not one profile"),
        (["--from", "nowhere.json"], "cannot be read"),
    ],
)
def test_what_cannot_be_is_refused(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(capsys, *words)
    assert (status, out) == (2, "")
    assert said in err


@pytest.mark.usefixtures("fake")
def test_ctrl_c_before_kernels_are_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(self: FakeProgram, runs: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(FakeProgram, "profile", stop)
    status, out, err = run(capsys, "lenet5", "--runtime", "ncnn", "--record", "kept.json")
    assert status == 130
    assert "stopped: kernels were not measured of all networks" in err
    assert "* its kernels were not measured" in out
    assert "does not say what its kernels take" not in out
    assert "* its kernels were not measured" in run(capsys, "--from", "kept.json")[1]


def test_without_a_profile_it_says_how_to_make_one(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "--from", RECORD)
    assert "* no estimate: `mnet-cost calibrate --runtime ncnn -o this-machine.yaml`" in out
    assert "Kernels, those that take longest first" in out
    assert "estimate  80 %" not in out


@pytest.mark.parametrize("width", [80, 100, 160])
def test_a_report_fits_its_width(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    _, out, _ = run(capsys, "--from", RECORD, "--device", "raspberry_pi_4_ncnn")
    assert max(map(len, out.splitlines())) <= width
    for heading in ("inside", "off %", "noise %", "line", "measured", "estimate"):
        assert heading in out


def test_several_networks_have_a_summary(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--from", RECORD, "--from", RECORD, "--device", "raspberry_pi_4_ncnn"]
    found = document(capsys, *words)
    assert found["summary"]["networks"] == 2
    assert [each["model"] for each in found["networks"]] == ["lenet5", "lenet5 (2)"]
    assert "within 10 %" in run(capsys, *words)[1]
    version = (
        "raspberry_pi_4_ncnn was fitted to times of ncnn of 2023-06-15, and ncnn 1.0.20260526 ran"
    )
    assert found["notes"].count(version) == 1  # of both


@pytest.mark.usefixtures("fake")
def test_from_python() -> None:
    found = mnet_cost.validate(
        "lenet5", runtime="ncnn", device="raspberry_pi_4_ncnn", rounds=1, seconds=0.001
    )
    (network,) = found.networks
    assert network.run.median_s == pytest.approx(1e-3)
    assert repr(found).startswith("<Validations lenet5 under ncnn: -")
    assert found.summary()["networks"] == 1
    assert "lenet5" in found.report()
    again = mnet_cost.validate(recorded=RECORD)
    assert repr(again) == "<Validations lenet5 under ncnn: no estimate>"
    with pytest.raises(TypeError):
        mnet_cost.validate()
    with pytest.raises(mnet_cost.MnetCostError):
        mnet_cost.validate(recorded=RECORD, runtime="ncnn")
