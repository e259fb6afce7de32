"""`mnet-cost calibrate` with tables that state the runtime and its version."""

from __future__ import annotations

import json
from math import log, sqrt
from pathlib import Path

import pytest

from mnet_cost.cli import main
from mnet_cost.devices import load_device
from mnet_cost.devices.coefficients import spread_of_runtimes, spread_of_versions
from mnet_cost.devices.latency_models import CoefficientFit

NETWORKS = (
    ("mobilenet_v1@resolution=96", "V1", 25.0),
    ("mobilenet_v2@resolution=96", "IR", 19.2),
    ("resnet8", "ResNet", 5.9),
)
OWN = """\
format: 1
name: own
title: A board
class: board
pipeline: in_order
basis: datasheet
runtime: tflite
threads: 1
compute:
  fp32: {macs: 9 GFLOP/s, basis: assumed, source: guess}
memory:
  - {level: DRAM, size: 4 GB, bandwidth: 10 GB/s, basis: assumed, source: guess}
"""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    Path("own.yaml").write_text(OWN)


def table(*versions: tuple[str, float], runtime: str = "tflite", column: str = "runtime_version",
          name: str = "times.csv") -> None:  # fmt: skip
    """Each network under each version, which takes so many times as long."""
    rows = [
        f"{model},{family},{milliseconds * times},{runtime},{version}"
        for version, times in versions
        for model, family, milliseconds in NETWORKS
    ]
    Path(name).write_text(
        "\n".join([f"model,family,latency_ms,runtime,{column}", *rows, ""]), encoding="utf-8"
    )


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """(exit status, stdout, stderr) of a fit to times.csv."""
    status = main(["calibrate", "--from", "times.csv", *arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def variance(path: str) -> float:
    """Of the logarithm of the scale."""
    fit = load_device(path).latency["fp32"]
    assert isinstance(fit, CoefficientFit)
    return fit.covariance[0][0]


@pytest.mark.parametrize(
    ("column", "version", "stated"),
    [
        ("runtime_version", "2.10", "2.10"),
        ("date", "2020-03", "2020-03"),
        ("date", "2019", "2019"),
        # A round of a benchmark is no version of a runtime, and what has blanks is no version.
        ("date", "v1.1", None),
        ("runtime_version", "two words", None),
        ("run", "2020", None),
    ],
)
def test_a_profile_states_the_version_of_its_table(
    column: str, version: str, stated: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    table((version, 1.0), column=column)
    assert run(capsys, "-o", "new.yaml")[::2] == (0, "")
    assert load_device("./new.yaml").runtime_version == stated
    status, out, _ = run(capsys, "-o", "new.yaml", "--format", "json")
    assert (status, json.loads(out)["runtime_version"]) == (0, stated)
    # A profile of one's own states it too, and no other line of it moves.
    assert run(capsys, "--into", "own.yaml")[::2] == (0, "")
    assert load_device("./own.yaml").runtime_version == stated
    lines = Path("own.yaml").read_text().splitlines()
    kept = [line for line in lines[: len(OWN.splitlines()) + 1] if "runtime_version" not in line]
    assert kept[: len(OWN.splitlines())] == OWN.replace("datasheet", "calibrated").splitlines()


def test_reports_show_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    table(("2.10", 1.0))
    run(capsys, "--device", "own.yaml", "-o", "new.yaml")
    assert main(["devices", "./new.yaml"]) == 0
    assert "tflite 2.10" in capsys.readouterr().out
    assert main(["devices", "./new.yaml", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["runtime_version"] == "2.10"
    analyze = ["analyze", "mobilenet_v1", "--device", "./new.yaml", "--format", "json"]
    assert main([*analyze, "--runtime", "tflite@2.16"]) == 0
    (device,) = json.loads(capsys.readouterr().out)["devices"]
    assert (device["runtime_version"], device["asked_version"]) == ("2.10", "2.16")
    assert any(text.startswith("for tflite 2.16, and fitted") for text in device["outside"])
    assert main(["analyze", "mobilenet_v1", "--device", "./new.yaml", "-v"]) == 0
    assert "its times are of tflite 2.10" in capsys.readouterr().out


def test_versions_that_differ_are_not_fitted_together(capsys: pytest.CaptureFixture[str]) -> None:
    table(("2.3", 1.0), ("2.16", 1.45))
    status, out, err = run(capsys, "-o", "new.yaml")
    assert (status, out) == (2, "")
    assert "rows of several versions: `2.3` (3), `2.16` (3)" in err
    assert "are 45 % apart on the same networks" in err
    assert "--where runtime_version=2.3" in err
    assert not Path("new.yaml").exists()
    assert run(capsys, "-o", "new.yaml", "--where", "runtime_version=2.16")[0] == 0
    assert load_device("./new.yaml").runtime_version == "2.16"


def test_dates_that_differ_are_not_fitted_together(capsys: pytest.CaptureFixture[str]) -> None:
    table(("2019", 1.45), ("2020-03", 1.0), column="date")
    status, _, err = run(capsys, "-o", "new.yaml")
    assert status == 2
    assert "--where date=2019" in err
    assert run(capsys, "-o", "new.yaml", "--where", "date=2020-03")[0] == 0


def test_versions_that_agree_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    table(("2.3", 1.0), ("2.4", 1.03))
    status, out, _ = run(capsys, "-o", "new.yaml")
    assert status == 0
    assert "rows of several versions (2.3, 2.4): the profile states none" in out
    assert load_device("./new.yaml").runtime_version is None


def test_times_of_another_version_than_the_profile_states(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table(("2.3", 1.0))
    Path("same.yaml").write_text(OWN + 'runtime_version: "2.3.1"\n')
    Path("other.yaml").write_text(OWN + 'runtime_version: "2.16"\n')
    status, out, _ = run(capsys, "--into", "same.yaml")
    assert status == 0
    assert "the profile is of" not in out
    status, out, _ = run(capsys, "--into", "other.yaml")
    assert status == 0
    assert (
        "these are times of tflite 2.3, and the profile is of tflite 2.16: the band is wider by "
        "what versions differ"
    ) in out
    assert load_device("./other.yaml").runtime_version == "2.16"
    expected = variance("./same.yaml") + spread_of_versions() ** 2
    assert variance("./other.yaml") == pytest.approx(expected, abs=1e-4)


def test_times_of_another_runtime_than_the_profile_states(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table(("1.2", 1.0), runtime="tengine")
    Path("any.yaml").write_text(OWN.replace("runtime: tflite", "runtime: any"))
    status, out, _ = run(capsys, "--into", "any.yaml")
    assert status == 0
    assert "the profile says `runtime: any`, and these are times of tengine 1.2" in out
    assert load_device("./any.yaml").runtime_version is None  # there is no version 1.2 of any
    Path("own.yaml").write_text(
        OWN + "kernels: [fold_norms, fuse_activations, in_place, winograd]\n"
    )
    status, out, _ = run(capsys, "--into", "own.yaml")
    assert status == 0
    assert (
        "these are times of tengine 1.2, and the profile is of `tflite`: the band is wider by what "
        "runtimes differ"
    ) in out
    assert sqrt(variance("./own.yaml")) > spread_of_runtimes() > log(1.1)
    assert load_device("./own.yaml").runtime_version is None  # nor one of tflite


def test_fits_at_other_precisions_that_go_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    """`--into` replaces all of `latency`: a table at fp32 alone takes the fit at int8 away."""
    table(("2.16", 1.0))
    rows = Path("times.csv").read_text()
    precision = rows.replace("runtime_version", "precision,runtime_version", 1)
    Path("int8.csv").write_text(precision.replace(",2.16", ",int8,2.16"))
    Path("own.yaml").write_text(OWN)
    own = ["calibrate", "--into", "own.yaml", "--from"]
    assert main([*own, "int8.csv"]) == 0
    assert "gone" not in capsys.readouterr().out
    assert main([*own, "times.csv"]) == 0
    assert (
        "gone from the profile: its fit at int8, of which there are no rows; another `--from` with "
        "its table keeps it"
    ) in " ".join(capsys.readouterr().out.split())
    assert set(load_device("./own.yaml").latency) == {"fp32"}
    assert main([*own, "times.csv", "--from", "int8.csv"]) == 0
    assert "gone" not in capsys.readouterr().out
    assert set(load_device("./own.yaml").latency) == {"fp32", "int8"}


@pytest.mark.parametrize(
    ("runtime", "question"),
    [("TFLite", "did you mean `tflite`?"), ("tengine", None), ("glow", None), ("mnn", None)],
)
def test_a_runtime_that_may_be_misspelt(
    capsys: pytest.CaptureFixture[str], runtime: str, question: str | None
) -> None:
    """Under another name its rules and coefficients are not taken."""
    table(("1.2", 1.0), runtime=runtime)
    out = run(capsys, "--device", "own.yaml", "-o", "new.yaml")[1]
    said = [line for line in out.splitlines() if "nothing is known" in line]
    note = f"* nothing is known of the runtime `{runtime}`: {question}"
    assert said == ([] if question is None else [note])


def test_a_new_profile_of_another_runtime_than_it_extends(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table(("1.2", 1.0), runtime="tengine")
    status, out, _ = run(capsys, "--device", "own.yaml", "-o", "new.yaml")
    assert status == 0
    assert "these are times of tengine, and own is of tflite: its peaks, memory and power" in out
    # Words that say more of the same runtime are no other one.
    table(("1.2", 1.0), runtime="tflite-xnnpack")
    status, out, _ = run(capsys, "--device", "own.yaml", "-o", "new.yaml")
    assert status == 0
    assert "and own is of" not in out
