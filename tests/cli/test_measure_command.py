"""`measure`: what it prints and writes, of a fake runtime, and how it refuses."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from functools import partial
from io import StringIO
from pathlib import Path

import pytest
from fake_runtime import FakeMachine, FakeRuntime
from schemas import checked

import mnet_cost
from mnet_cost.cli import main
from mnet_cost.measure.networks import read_rows
from mnet_cost.measure.runs import request
from mnet_cost.measure.runs import rounds as measuring

REFERENCE = "mobilenet_v1@alpha=0.25,resolution=128"
SECONDS = {
    REFERENCE: 0.002, "lenet5": 0.005, "ds_cnn": 0.01, "mobilenet_v1@alpha=0.5": 0.037,
    "./=odd<b>|`x`.yaml": 0.004,
}  # fmt: skip

Fake = Callable[[FakeRuntime], FakeRuntime]


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeRuntime:
    """What every name of a runtime stands for, on a machine of 4 CPUs."""
    fake = FakeRuntime(FakeMachine(tmp_path), dict(SECONDS))
    monkeypatch.setattr(request, "load_runtime", lambda name: fake)
    monkeypatch.setattr(request, "Machine", lambda: fake.machine)
    monkeypatch.setattr(measuring, "Machine", lambda: fake.machine)
    monkeypatch.setattr(measuring, "can_pin", lambda: False)
    monkeypatch.chdir(tmp_path)
    return fake


MEASURE = ("measure", "--runtime", "onnxruntime")


def test_times_and_estimates(runtime: FakeRuntime, capsys: pytest.CaptureFixture[str]) -> None:
    status = main([
        *MEASURE, "mobilenet_v1", "--alpha", "0.5", "--device", "raspberry_pi_4", "--threads", "1",
    ])  # fmt: skip
    out = capsys.readouterr().out
    words = " ".join(out.split())
    assert status == 0
    assert "1 network measured with onnxruntime 1.32.0\n1 thread · fp32" in out
    assert "noise floor 0.00 %, one round of a network against the median of its others" in words
    assert "mobilenet_v1@alpha=0.5 37.0 ms 0.00 37.0 ms 37.0-37.0 ms" in words
    table = out.partition("Estimates for raspberry_pi_4\n")[2].splitlines()
    assert table[1].split()[:4] == ["mobilenet_v1@alpha=0.5", "37.0", "ms", "*45.3"]
    assert "1.22x" in table[1]
    assert table[1].split()[-2:] == ["yes", "datasheet"]
    assert "raspberry_pi_4: 1 of 1 measured times are in the range of the estimate" in out


def test_several_batches(runtime: FakeRuntime, capsys: pytest.CaptureFixture[str]) -> None:
    main([*MEASURE, "lenet5", "ds_cnn", "--batch", "1,8", "--format", "json"])
    networks = json.loads(checked(capsys.readouterr().out))["networks"]
    assert [(each["model"], each["batch"]) for each in networks] == [
        ("lenet5", 1), ("lenet5", 8), ("ds_cnn", 1), ("ds_cnn", 8),
    ]  # fmt: skip
    assert main([*MEASURE, "lenet5", "--batch", "1,0.5"]) == 2
    assert "a batch is a whole number from 1 on, not `0.5`" in capsys.readouterr().err


def test_the_document(runtime: FakeRuntime, capsys: pytest.CaptureFixture[str]) -> None:
    main([*MEASURE, "lenet5", "ds_cnn@batch=8", "--device", "raspberry_pi_4", "--format", "json"])
    document = json.loads(checked(capsys.readouterr().out))
    assert document["schema"] == "mnet-cost/measurement/1"
    first, second = document["networks"]
    assert (first["model"], first["batch"], first["latency_ms"]) == ("lenet5", 1, 5.0)
    assert (second["model"], second["batch"], second["precision"]) == ("ds_cnn", 8, "fp32")
    assert first["rounds_ms"] == pytest.approx([5.0] * 3)
    assert first["peak_memory_bytes"] is None
    assert first["energy_mj"] is None
    (estimate,) = first["estimates"]
    assert estimate["ratio"] == pytest.approx(estimate["latency_ms"] / 5.0)
    assert estimate["inside"] is False
    assert document["environment"]["governor"] is None
    assert document["environment"]["details"] == {"provider": "fake"}


def test_rows_that_calibrate_reads(
    runtime: FakeRuntime, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*MEASURE, "lenet5", "ds_cnn", "-o", "times.csv"]) == 0
    capsys.readouterr()
    assert main(["calibrate", "--from", "times.csv", "-o", "mine.yaml"]) == 0
    assert "coefficients fitted to 3 measurements" in capsys.readouterr().out
    # The report as CSV has the same columns.
    assert main([*MEASURE, "lenet5", "ds_cnn", "--format", "csv"]) == 0
    text = capsys.readouterr().out
    rows = list(csv.DictReader(StringIO(text)))
    assert [(row["model"], row["latency_ms"], row["threads"]) for row in rows] == [
        ("lenet5", "5.0", "1"), ("ds_cnn", "10.0", "1"),
    ]  # fmt: skip
    Path("report.csv").write_text(text, encoding="utf-8")
    assert main(["calibrate", "--from", "report.csv"]) == 0


def test_ctrl_c_keeps_what_was_measured(
    runtime: FakeRuntime, capsys: pytest.CaptureFixture[str]
) -> None:
    runtime.interrupt_after = 350
    command = [*MEASURE, "lenet5", "ds_cnn", "-o", "times.csv"]
    assert main(command) == 130
    error = capsys.readouterr().err
    assert "stopped; what was measured is in times.csv: the same command goes on there" in error
    before = Path("times.csv").read_text(encoding="utf-8")
    assert len(before.splitlines()) > 3
    runtime.interrupt_after = None
    assert main(command) == 0
    assert Path("times.csv").read_text(encoding="utf-8").startswith(before)
    runtime.runs.clear()
    assert main(command) == 0
    assert runtime.runs == []
    runtime.interrupt_after = 0
    assert main([*MEASURE, "lenet5"]) == 130
    assert "with -o FILE.csv, the same command goes on" in capsys.readouterr().err
    assert main([*MEASURE, "lenet5", "-o", "none.csv"]) == 130
    assert "stopped before anything was measured" in capsys.readouterr().err


def test_a_network_that_cannot_run(
    runtime: FakeRuntime, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*MEASURE, "resnet8", "lenet5"]) == 2
    out, error = capsys.readouterr()
    assert error.strip() == "mnet-cost: resnet8: the operator `Fake` is not there"
    assert "resnet8 could not be measured" in out
    assert "lenet5 5.00 ms" in " ".join(out.split())
    assert main([*MEASURE, "resnet8"]) == 2
    assert capsys.readouterr().out == ""


def test_hostile_names(runtime: FakeRuntime, capsys: pytest.CaptureFixture[str]) -> None:
    spec = "format: 1\nname: odd\ninput: {image: [3, 8, 8]}\nlayers: [relu, flatten]\n"
    spec = spec.replace("[relu, flatten]", "[{conv2d: {channels: 8, kernel: 3}}]")
    Path("=odd<b>|`x`.yaml").write_text(spec, encoding="utf-8")
    command = [*MEASURE, "./=odd<b>|`x`.yaml"]
    assert main([*command, "-o", "times.csv", "--format", "html"]) == 0
    assert "<b>" not in capsys.readouterr().out
    rows = list(csv.DictReader(StringIO(Path("times.csv").read_text(encoding="utf-8"))))
    assert {row["model"] for row in rows} == {REFERENCE, "./=odd<b>|`x`.yaml"}
    assert len(read_rows(["times.csv"], {}).measurements) == 2
    assert main([*command, "--format", "markdown"]) == 0
    assert r"| ./=odd\<b>\|\`x\`.yaml |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["lenet5"], "which runtime is to be measured?"),
        (["lenet5", "--runtime", "onxruntime"], "did you mean `onnxruntime`?"),
        ([*MEASURE[1:], "lenet5", "--threads", "9"], "9 threads on 4 CPUs would wait"),
        ([*MEASURE[1:], "lenet5", "--pin", "3,9"], "CPU 9 is none that this process may use"),
        ([*MEASURE[1:], "lenet5", "--pin", "a"], "`a` names no CPUs"),
        ([*MEASURE[1:], "lenet5", "--precision", "fp23"], "there is no precision `fp23`"),
        ([*MEASURE[1:], "lenet5", "--minutes", "-1"], "minutes are more than 0"),
        ([*MEASURE[1:], "lenet5", "--minutes", "1e9"], "a week at most, not `1e9`"),
        ([*MEASURE[1:], "lenet5", "--pin", "9"], "it may use 0-3"),
        ([*MEASURE[1:], "lenet5", "--seconds", "nan"], "not nan s"),
        ([*MEASURE[1:], "lenet5", "--energy", "rapl"], "this machine has no counter `rapl`"),
        ([*MEASURE[1:], "lenet5", "--energy", "watts"], "energy is not read from `watts`"),
        ([*MEASURE[1:], "lenet5", "-o", "times.json"], "times.json: is no CSV file by its name"),
        ([*MEASURE[1:], "lenet", "-o", "times.csv"], "did you mean `lenet5` or"),
        ([*MEASURE[1:], "lenet5", "--reference", "lenet"], "did you mean `lenet5` or"),
        ([*MEASURE[1:], "lenet5", "--device", "pixel_1_tflite"], "its times are fitted to those"),
        ([*MEASURE[1:], "lenet5", "--depth", "3"], "unrecognized arguments"),
    ],
)
def test_what_cannot_be(
    runtime: FakeRuntime, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    try:
        status = main(["measure", *options])
    except SystemExit as ended:
        status = int(ended.code or 0)
    assert status == 2
    assert said in capsys.readouterr().err
    assert runtime.runs == []
    assert not Path("times.csv").exists()


def test_in_python(runtime: FakeRuntime) -> None:
    measure = partial(mnet_cost.measure_networks, runtime=runtime, pin="none")
    measured = measure("mobilenet_v1", alpha=0.5, output="times.csv", rounds=2)
    assert repr(measured) == "<Measured with onnxruntime: mobilenet_v1@alpha=0.5 37.0 ms>"
    assert measured.timed[0].median_s == pytest.approx(0.037)
    assert measured.session.noise == pytest.approx(0)
    assert measured.analyses[0].totals.mult_adds == 149_497_088
    assert Path("times.csv").exists()
    with pytest.raises(TypeError, match="no network to measure"):
        measure()
