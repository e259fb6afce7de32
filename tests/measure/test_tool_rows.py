"""`calibrate --from LOG --model NAME`: what other tools printed as rows beside those of tables."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from test_tool_outputs import BENCHMARK_MODEL, BENCHNCNN, CSV_PROFILE, PERF_TEST, TRTEXEC, written

from mnet_cost.errors import MeasurementError
from mnet_cost.measure.networks import read_rows

pytest.importorskip("numpy")


def rows_of(*paths: Path, models: tuple[str, ...] = (), **where: str) -> list[tuple[object, ...]]:
    rows = read_rows(paths, where, models).measurements
    return [
        (row.model, row.runtime, row.threads, round(row.latency_s * 1e3, 4), row.batch)
        for row in rows
    ]


def test_logs_are_rows_beside_those_of_a_table(tmp_path: Path) -> None:
    table = written(tmp_path, "model,latency_ms,runtime,threads\nresnet,9.5,tflite,4\n", "a.csv")
    log = written(tmp_path, BENCHMARK_MODEL)
    assert rows_of(table, log, models=("mobilenet_v1@alpha=0.5",)) == [
        ("resnet", "tflite", 4, 9.5, 1),
        ("mobilenet_v1@alpha=0.5", "tflite", 4, 3.2094, 1),
    ]


def test_networks_are_named_in_the_order_of_logs_or_as_the_log_calls_them(tmp_path: Path) -> None:
    one, other = written(tmp_path, BENCHMARK_MODEL), written(tmp_path, PERF_TEST, "b.txt")
    found = rows_of(one, other, models=("mobilenet_v1", "resnet"))
    assert [row[0] for row in found] == ["mobilenet_v1", "resnet"]
    found = rows_of(one, other, models=("resnet", "net.tflite=mobilenet_v2@alpha=1.4"))
    assert [row[0] for row in found] == ["mobilenet_v2@alpha=1.4", "resnet"]


def test_of_a_log_of_many_networks_those_that_are_named_are_taken(tmp_path: Path) -> None:
    log = written(tmp_path, BENCHNCNN)
    found = rows_of(log, models=("mobilenet_v2=mobilenet_v2", "squeezenet=squeezenet"))
    assert found == [
        ("squeezenet", "ncnn", 2, 52.62, 1),
        ("mobilenet_v2", "ncnn", 2, 61.5, 1),
    ]


def test_the_batch_and_precision_of_a_log_are_its_own(tmp_path: Path) -> None:
    log = written(tmp_path, TRTEXEC)
    (row,) = read_rows([log], {}, ("resnet",)).measurements
    assert (row.batch, row.precision, row.runtime_version) == (4, "fp16", "8.6.1")
    assert row.latency_s == pytest.approx(0.15e-3)
    assert str(row.time_span) == f"{log}:14:1"


def test_rows_say_what_their_times_are(tmp_path: Path) -> None:
    notes = read_rows([written(tmp_path, BENCHMARK_MODEL)], {}, ("mobilenet_v1",)).notes
    assert notes == (
        "mobilenet_v1: the mean of 50 runs, inference, by benchmark_model",
        "mobilenet_v1: the log says no precision: taken as fp32",
    )


def test_rows_of_logs_are_chosen_as_others_are(tmp_path: Path) -> None:
    log = written(tmp_path, BENCHMARK_MODEL)
    assert len(rows_of(log, models=("mobilenet_v1",), threads="4")) == 1
    with pytest.raises(MeasurementError, match="no row has the threads `2`"):
        rows_of(log, models=("mobilenet_v1",), threads="2")


@pytest.mark.parametrize(
    ("text", "models", "message"),
    [
        (BENCHMARK_MODEL, (), "which network did benchmark_model run?"),
        (BENCHMARK_MODEL, ("other.tflite=mobilenet_v1",), "which network did benchmark_model"),
        (BENCHNCNN, ("squeezenet",), "`--model ITS_NAME=NAME` says it; in the log there are"),
        (BENCHMARK_MODEL, ("mobilenet_v1", "resnet"), "`--model resnet` is of no log"),
        (BENCHMARK_MODEL, ("mobilenet_v1", "x=resnet"), "`--model x=resnet` is of no log"),
        ("INFO: Running\n", ("mobilenet_v1",), "no tool is known that writes this"),
        (CSV_PROFILE, ("mobilenet_v1",), "there is no time of an inference here"),
        (PERF_TEST.replace("time: 0.4948", "time: 0.1"), ("resnet",), "ran at once"),
    ],
)
def test_logs_that_are_no_row(
    text: str, models: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    with pytest.raises(MeasurementError) as caught:
        read_rows([written(tmp_path, text)], {}, models)
    assert re.search(
        re.escape(message), "\n".join(problem.render() for problem in caught.value.problems)
    )


def test_the_command_takes_logs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from mnet_cost.cli import main

    paths: list[str] = []
    for name, ms in (("mobilenet_v1", 140), ("resnet:resnet50_v1", 900)):
        text = BENCHMARK_MODEL.replace("3209.4", f"{ms * 1e3:.1f}").replace("[4]", "[1]")
        text = text.replace("min=3050 max=3505", f"min={ms * 900:.0f} max={ms * 1100:.0f}")
        paths += ["--from", str(written(tmp_path, text, f"{len(paths)}.txt")), "--model", name]
    profile = tmp_path / "mine.yaml"
    assert main(["calibrate", *paths, "--device", "raspberry_pi_4", "-o", str(profile)]) == 0
    shown = capsys.readouterr().out
    assert "by benchmark_model" in shown + profile.read_text()
    assert "--model mobilenet_v1" in profile.read_text()
    assert "runtime: tflite" in profile.read_text()
