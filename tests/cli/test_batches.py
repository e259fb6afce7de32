"""`--batch 1,8,32`: a row for each network, batch and device."""

from __future__ import annotations

import csv
import io
import json

import pytest

import mnet_cost
from mnet_cost.cli import main
from mnet_cost.report.schema_ids import VERSIONS

PI = ("--device", "raspberry_pi_4_ncnn", "--device", "h100")


def output(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(words) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def test_rows_are_those_of_each_batch(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("analyze", "mobilenet_v2", "--batch", "1,8, 32", *PI, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(output(capsys, *words))))
    assert [(row["batch"], row["device"]) for row in rows] == [
        (batch, device) for batch in ("1", "8", "32") for device in ("raspberry_pi_4_ncnn", "h100")
    ]
    for row in rows:
        batch = int(row["batch"])
        alone = mnet_cost.analyze("mobilenet_v2", batch=batch, devices=[row["device"]])
        seconds = alone.devices[0].latency_s
        assert seconds is not None
        assert float(row["latency_ms"]) == pytest.approx(1e3 * seconds)
        assert float(row["image_ms"]) == pytest.approx(1e3 * seconds / batch)
        assert float(row["images_per_s"]) == pytest.approx(batch / seconds)
        assert row["runtime"] == alone.devices[0].device.runtime
        assert int(row["mult_adds"]) == alone.totals.mult_adds
        assert int(row["peak_memory_bytes"]) == alone.memory.peak_bytes
        assert row["basis"] == alone.devices[0].basis


def test_json_has_one_analysis_a_batch(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("compare", "full", "vs", "separable", "--batch", "1,4", *PI, "--format", "json")
    document = json.loads(output(capsys, *words))
    assert document["schema"] == f"mnet-cost/batches/{VERSIONS['batches']}"
    analyses = document["analyses"]
    assert [(analysis["name"], analysis["model"]["batch"]) for analysis in analyses] == [
        ("full", 1), ("full", 4), ("separable", 1), ("separable", 4),
    ]  # fmt: skip
    last = analyses[-1]["throughput"][0]
    milliseconds = analyses[-1]["devices"][0]["latency_ms"]
    assert last == {
        "device": "raspberry_pi_4_ncnn",
        "basis": "fitted",
        "latency_ms": pytest.approx(milliseconds),
        "image_ms": pytest.approx(milliseconds / 4),
        "images_per_s": pytest.approx(4e3 / milliseconds),
    }


def test_text(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    out = output(capsys, "analyze", "mobilenet_v1", "--batch", "1,8", *PI)
    assert "per image  images/s  runtime  threads  fits  peak memory  basis" in out
    assert "classes 1000 · batches 1, 8 · fp32\n" in out
    rows = [line.split() for line in out.splitlines() if line.startswith("h100")]
    assert [row[1] for row in rows] == ["1", "8"]
    assert all(row[2].startswith("≥") and "bound" in row for row in rows)
    assert "* ≥ is a lower bound of the time; no run does more images/s than stand there" in out
    out = output(capsys, "analyze", "mobilenet_v1", "--batch", "1,8", "--device", "none")
    assert "images/s" not in out
    assert "568,740,352" in out
    assert "4,549,922,816" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--batch", "1,,8"], "a batch is a whole number from 1 on, not ``\nhint: write"),
        (["--batch", "1,a"], "a batch is a whole number from 1 on, not `a`\nhint: write"),
        (["--batch", "8,0"], "batch must be at least 1, not 0"),
        (["--batch", "8,8"], "batch 8 is asked for twice"),
        (["--batch", "1,8", "--training"], "`--training` is for a single batch\nhint: leave"),
        (["--batch", "1,8", "--what-if", "macs=x2"], "`--what-if` is for a single batch\nhint:"),
        (["--batch", "1,8", "--top", "3", "--by", "kernel"], "`--top` is for a single batch\n"),
    ],
)
def test_refused(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", "lenet5", *words]) == 2
    assert capsys.readouterr().err.startswith(f"mnet-cost: {message}")


def test_unknown_costs_are_refused_once(
    capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("specs") / "net.yaml"
    path.write_text(
        "format: 1\nname: net\ninput: {image: [3, 8, 8]}\n"
        "layers: [{opaque: {operation: fft, shape: [3, 8, 8]}}]\n"
    )
    assert main(["analyze", str(path), "--batch", "1,8", *PI]) == 3
    captured = capsys.readouterr()
    assert captured.err.count("no total") == 1
    assert "≥" not in captured.out.split("\n\n")[1]


def test_a_batch_that_does_not_fit_is_said_first_and_fails(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["analyze", "mobilenet_v1", "--alpha", "0.25", "--resolution", "96", "--batch", "1,16"]
    words += ["--device", "stm32h743", "--precision", "int8", "--fail-if-not-fit"]
    assert main(words) == 1
    captured = capsys.readouterr()
    # 96 x 96 at a quarter of the width: 48 x 48 x 16 bytes of an example are alive beside
    # 24 x 24 x 16, since the 1x1 convolution before writes over what it reads.
    sentence = "mobilenet_v1 at batch 16 does not fit stm32h743: activations need 737 kB, SRAM has"
    assert " ".join(captured.out.split()).startswith(sentence)
    assert sentence in " ".join(captured.err.split())
    assert "at batch 1 does not fit" not in captured.out
