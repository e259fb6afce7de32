"""`mnet-cost calibrate` from the outside: profiles that are used, reports, and what is refused."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mnet_cost.cli import main
from mnet_cost.devices import load_device
from mnet_cost.devices.latency_models import CoefficientFit, RooflineFit
from mnet_cost.devices.rules import runtime_rules
from mnet_cost.measure.settings import own_setting, settings_to_try

ROOT = Path(__file__).resolve().parent.parent.parent
TIMES = """\
model,family,latency_ms,source
mobilenet_v1@resolution=96,V1,25.0,a table
"mobilenet_v1@alpha=0.5,resolution=96",V1,8.1,a table
mobilenet_v2@resolution=96,IR,19.2,a table
resnet8,ResNet,5.9,a table
"""
OWN = """\
format: 1
name: own
title: A board
class: board
pipeline: in_order
basis: datasheet
runtime: any
threads: 2
compute:
  fp32: {macs: 19 GFLOP/s, basis: assumed, source: guess}
memory:
  - {level: DRAM, size: 4 GB, bandwidth: 10 GB/s, basis: assumed, source: guess}
kernels: [fold_norms, fuse_clamps]
"""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    Path("times.csv").write_text(TIMES)
    Path("own.yaml").write_text(OWN)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """(exit status, stdout, stderr) of one command."""
    status = main(arguments)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def calibrate(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command prints that goes well; it fits to `times.csv`."""
    status, out, err = run(capsys, "calibrate", "--from", "times.csv", *arguments)
    assert (status, err) == (0, "")
    return out


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command says that is refused; it prints and writes nothing."""
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    status, out, err = run(capsys, "calibrate", *arguments)
    assert (status, out) == (2, "")
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before
    assert err.startswith("mnet-cost: ")
    assert "Traceback" not in err
    return err.removeprefix("mnet-cost: ").rstrip("\n")


def seconds_on(capsys: pytest.CaptureFixture[str], device: str, model: str) -> float:
    status, out, err = run(capsys, "analyze", model, "--device", device, "--format", "json")
    assert (status, err) == (0, "")
    seconds: float = json.loads(out)["devices"][0]["latency_ms"] / 1e3
    return seconds


def test_a_profile_that_can_be_used(capsys: pytest.CaptureFixture[str]) -> None:
    out = calibrate(capsys, "--device", "pixel_1", "-o", "phone.yaml")
    device = load_device("./phone.yaml")
    assert (device.name, device.basis, device.extends) == ("phone", "calibrated", "pixel_1")
    assert device.compute == load_device("pixel_1").compute
    own = own_setting("any", "phone", "out_of_order", "fp32")  # as its data sheet has it
    assert device.kernel_rules in [setting.rules for setting in settings_to_try(own)]
    fit = device.latency["fp32"]
    assert isinstance(fit, CoefficientFit)
    assert fit.fitted_on is not None
    assert fit.fitted_on.networks == 4
    assert fit.scale_s.source == "fitted to 4 measurements of a table"
    assert seconds_on(capsys, "./phone.yaml", "mobilenet_v1@resolution=96") == pytest.approx(
        0.025, rel=0.15
    )
    assert out.startswith("phone: coefficients fitted to 4 measurements\n\nscale  ")
    assert "one family at a time left out" in out
    assert "mobilenet_v1@alpha=0.5,resolution=96  V1" in out


def test_a_profile_of_measurements_alone(capsys: pytest.CaptureFixture[str]) -> None:
    calibrate(capsys, "-o", "alone.yaml", "--class", "board", "--title", "My board")
    device = load_device("./alone.yaml")
    assert (device.title, device.device_class, device.runtime) == ("My board", "board", "any")
    assert (device.compute, device.extends) == ({}, None)
    assert seconds_on(capsys, "./alone.yaml", "resnet8") > 0


def test_the_words_of_the_command_make_the_same_profile(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What stands in its first lines can be typed, whatever is in it."""
    Path("my times#1.csv").write_text(
        "model,latency_ms,device,threads\nmobilenet_v1,20,my board's,1\nresnet8,9,other,1\n"
    )
    arguments = [
        "--from", "my times#1.csv", "--where", "device=my board's", "--tile", "4", "--kernels",
        "fold_norms, fuse_clamps", "--form", "coefficients", "--basis", "fitted", "-o", "x.yaml",
    ]  # fmt: skip
    assert run(capsys, "calibrate", *arguments)[0] == 0
    lines = Path("x.yaml").read_text().splitlines()
    words = " ".join(line.removeprefix("#").strip() for line in lines[1:] if line.startswith("#"))
    text = Path("x.yaml").read_text()
    again = subprocess.run(
        ["sh", "-c", words.replace("mnet-cost", '"$PYTHON" -m mnet_cost') + " -o x.yaml"],
        env={**os.environ, "PYTHON": sys.executable, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (again.returncode, again.stderr) == (0, "")
    assert Path("x.yaml").read_text() == text


def test_without_a_file_the_profile_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["-o", "-"]):
        status, out, err = run(capsys, "calibrate", "--from", "times.csv", *arguments)
        assert status == 0
        assert err.startswith("mine: coefficients fitted to 4 measurements\n")
        Path("printed.yaml").write_text(out)
        assert load_device("./printed.yaml").name == "mine"


def test_what_is_said_of_one_measurement(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing was left out, and no coefficient moved: no note speaks of either."""
    Path("one.csv").write_text("model,latency_ms\nmobilenet_v1,123.76\n")
    _, out, _ = run(capsys, "calibrate", "--from", "one.csv", "-o", "x.yaml")
    assert "one measurement: it sets the scale" in out
    assert "left out:" not in out
    assert "x1.00" not in out
    assert "-0.00" not in out


def test_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(calibrate(capsys, "-o", "x.yaml", "--format", "json"))
    assert (document["schema"], document["name"]) == ("mnet-cost/calibration/2", "x")
    (fit,) = document["fits"]
    assert (fit["precision"], fit["form"]) == ("fp32", "coefficients")
    assert [re.sub(r"\d+ %", "P %", note) for note in fit["notes"]] == [
        "fitted as for openvino: what was left out was P % off in the mean, and as for a runtime "
        "of no name P %",
        "the band is wider than the shared one: what was left out was further off",
        "the networks are of 3 families: other designs may be further off than the error says",
    ]
    stated = "fold_norms,fuse_activations,fuse_adds,in_place,own_layout"
    assert load_device("./x.yaml").kernel_rules == set(stated.split(","))
    document = json.loads(
        calibrate(capsys, "-o", "x.yaml", "--kernels", stated, "--format", "json")
    )
    (fit,) = document["fits"]  # what is stated is not chosen
    assert not any("fitted as for" in note for note in fit["notes"])
    assert fit["held_out"]["protocol"] == "one family at a time"
    assert fit["held_out"]["measurements"] == 4
    assert fit["fitted_on"]["families"] == ["IR", "ResNet", "V1"]
    assert set(fit["band"]) == {"width", "noise"}
    first = fit["measurements"][0]
    assert first["model"] == "mobilenet_v1@resolution=96"
    assert first["latency_ms"] == 25
    assert first["fitted_error"] == pytest.approx(first["fitted_ms"] / 25 - 1)
    assert first["held_out_error"] == pytest.approx(first["held_out_ms"] / 25 - 1)


@pytest.mark.parametrize("form", ["csv", "markdown", "html"])
def test_other_forms_of_the_report(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = calibrate(capsys, "-o", "x.yaml", "--format", form)
    assert "mobilenet_v2@resolution=96" in out
    if form == "csv":
        assert len(list(csv.DictReader(io.StringIO(out)))) == 4


def test_rows_are_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    Path("times.csv").write_text(
        "model,latency_ms,device,threads\nresnet8,5,a,1\nresnet8,3,a,2\nresnet8,9,b,2\n"
    )
    calibrate(capsys, "--where", "device=a", "--where", "threads = 2", "-o", "x.yaml")
    device = load_device("./x.yaml")
    assert device.threads == 2
    assert seconds_on(capsys, "./x.yaml", "resnet8") == pytest.approx(0.003, rel=0.01)


def test_two_precisions_and_two_files(capsys: pytest.CaptureFixture[str]) -> None:
    Path("more").mkdir()
    Path("more/times.csv").write_text("model,latency_ms,precision\n./net.yaml,2,int8\n")
    Path("more/net.yaml").write_text(
        "format: 1\nname: net\ninput: {x: [3, 32, 32]}\n"
        "layers:\n  - conv2d: {channels: 8, kernel: 3}\n"
    )
    out = calibrate(capsys, "--from", "more/times.csv", "-o", "x.yaml")
    device = load_device("./x.yaml")
    assert list(device.latency) == ["fp32", "int8"]
    assert device.latency["int8"].scale_s.source == (  # type: ignore[union-attr]
        "fitted to 1 measurement in times.csv"
    )
    assert "Measurements, int8" in out
    assert "int8 one measurement: it sets the scale" in out
    status, out, err = run(
        capsys, "analyze", "more/net.yaml", "--precision", "int8", "--device", "./x.yaml",
        "--format", "json",
    )  # fmt: skip
    assert (status, err) == (0, "")
    assert json.loads(out)["devices"][0]["latency_ms"] == pytest.approx(2.0, rel=0.01)


def test_a_roofline_that_can_be_used(capsys: pytest.CaptureFixture[str]) -> None:
    out = calibrate(capsys, "--form", "roofline", "-o", "x.yaml")
    assert out.startswith("x: roofline fitted to 4 measurements\n\nrate ")
    assert isinstance(load_device("./x.yaml").latency["fp32"], RooflineFit)
    assert seconds_on(capsys, "./x.yaml", "mobilenet_v1") > 0


def test_rules_are_those_of_the_runtime_that_was_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("times.csv").write_text("model,latency_ms,runtime\nresnet8,5,ncnn\n")
    calibrate(capsys, "--device", "./own.yaml", "-o", "x.yaml")
    assert load_device("./x.yaml").kernel_rules == runtime_rules("ncnn")
    calibrate(capsys, "--device", "./own.yaml", "--kernels", "im2col", "-o", "x.yaml")
    assert load_device("./x.yaml").kernel_rules == {"im2col"}
    calibrate(capsys, "--kernels", "", "-o", "x.yaml")
    assert load_device("./x.yaml").kernel_rules == frozenset()
    Path("times.csv").write_text("model,latency_ms\nresnet8,5\n")
    calibrate(capsys, "--device", "./own.yaml", "-o", "x.yaml")
    assert load_device("./x.yaml").kernel_rules == {"fold_norms", "fuse_clamps"}


def test_a_device_in_another_folder(capsys: pytest.CaptureFixture[str]) -> None:
    Path("some boards").mkdir()
    Path("fits").mkdir()
    Path("some boards/own: x.yaml").write_text(OWN)
    calibrate(capsys, "--device", "some boards/own: x.yaml", "-o", "fits/x.yaml")
    assert load_device("fits/x.yaml").extends == "own"
    calibrate(capsys, "--device", "./own.yaml", "-o", "x.yaml")
    assert "\nextends: own.yaml  #" in Path("x.yaml").read_text()
    assert load_device("./x.yaml").extends == "own"


def test_threads_are_those_of_the_profile_where_rows_do_not_say(
    capsys: pytest.CaptureFixture[str],
) -> None:
    calibrate(capsys, "--device", "./own.yaml", "-o", "x.yaml")
    assert load_device("./x.yaml").threads == 2


@pytest.mark.parametrize("option", ["--device", "--into"])
def test_more_threads_than_the_device_has_cores(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Said at the row that states them, not in the profile that would be written."""
    Path("own.yaml").write_text(
        OWN.replace("threads: 2", "threads: 2\ncores: {value: 2, basis: assumed, source: guess}")
    )
    Path("times.csv").write_text("model,latency_ms,threads\nresnet8,5,3\n")
    output = [] if option == "--into" else ["-o", "x.yaml"]
    assert refused(capsys, "--from", "times.csv", option, "./own.yaml", *output) == (
        "times.csv:2:1: measured with 3 threads, and own has 2 cores\n"
        "    2 | resnet8,5,3\n"
        "      | ^^^^^^^\n"
        "hint: guess"
    )


def test_reports_say_that_a_fit_rests_on_one_measurement(
    capsys: pytest.CaptureFixture[str],
) -> None:
    note = "set by measurements of 1 network, so how far off it is on others is not known"
    Path("times.csv").write_text("model,latency_ms\nresnet8,5\n")
    calibrate(capsys, "-o", "x.yaml")
    analyzed = " ".join(
        run(capsys, "analyze", "lenet5", "--device", "./x.yaml", "--notes")[1].split()
    )
    assert f"* x: {note}" in analyzed
    shown = " ".join(run(capsys, "devices", "./x.yaml")[1].split())
    assert f"fp32 off by not known {note}" in shown
    Path("times.csv").write_text(TIMES)
    calibrate(capsys, "-o", "x.yaml")
    for command in (["analyze", "lenet5", "--device", "./x.yaml"], ["devices", "./x.yaml"]):
        assert "set by" not in run(capsys, *command)[1]


def test_into_a_profile_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    out = calibrate(capsys, "--into", "own.yaml")
    text = Path("own.yaml").read_text()
    assert text.startswith(OWN.replace("basis: datasheet", "basis: calibrated") + "# Fitted by\n")
    assert "#   mnet-cost calibrate --from times.csv --into own.yaml\n" in text
    assert out.startswith("own: coefficients fitted to 4 measurements\n")
    device = load_device("./own.yaml")
    assert list(device.latency) == ["fp32"]
    assert device.compute["fp32"].macs_per_s.basis == "assumed"
    calibrate(capsys, "--into", "own.yaml")
    assert Path("own.yaml").read_text() == text


@pytest.mark.parametrize(
    "name", ["true", "123", "a: b", "a #b", "null", "[a", "two\nlines", "caf\u00e9", "-x", "a.b"]
)
def test_files_with_odd_names(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    calibrate(capsys, "-o", f"./{name}.yaml")
    assert load_device(f"./{name}.yaml").name == " ".join(name.split())


def test_a_device_at_a_path_that_yaml_cannot_hold(capsys: pytest.CaptureFixture[str]) -> None:
    for path in ("./byte\udce9.yaml", "folder\udce9/own.yaml"):
        Path(path).parent.mkdir(exist_ok=True)
        Path(path).write_text(OWN)
        for target in ([], ["-o", "-"], ["-o", "out.yaml"]):
            shown = path if not target or target[1] == "-" else path.removeprefix("./")
            assert refused(capsys, "--from", "times.csv", "--device", path, *target) == (
                shown.replace("\udce9", "\\udce9")
                + ": a profile cannot name this path, which is not UTF-8 text\n"
                "hint: rename it, or copy the profile elsewhere"
            )


def test_hostile_words(capsys: pytest.CaptureFixture[str]) -> None:
    Path("times.csv").write_text(
        "model,latency_ms,source,family,runtime,device\n"
        'resnet8,5,"a ""quoted"" \\ : # x\ny",true,"run: #time","dev\n--- # x"\n'
    )
    title = 'a "b" \\ : # \n--- \u00e9 \x07'
    calibrate(capsys, "--title", title, "--name", "  ", "-o", "x.yaml")
    device = load_device("./x.yaml")
    assert (device.name, device.title) == ("x", 'a "b" \\ : # --- \u00e9 \\x07')
    assert device.runtime == "run: #time"
    fit = device.latency["fp32"]
    assert isinstance(fit, CoefficientFit)
    assert fit.scale_s.source == 'fitted to 1 measurement of a "quoted" \\ : # x y'
    assert fit.fitted_on is not None
    assert fit.fitted_on.families == ("true",)


BAD = "model,latency_ms\nmobilnet_v1,10\n"
TWO = "model,latency_ms,device\nresnet8,1,a\nresnet8,2,b\n"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param(
            ["--from", "none.csv"],
            "none.csv: cannot be read: no such file or directory",
            id="no file",
        ),
        pytest.param(
            ["--from", "own.yaml"],
            """\
own.yaml:1:1: there is no column `model`
    1 | format: 1
      | ^^^^^^^^^
hint: a header is `model,latency_ms,runtime,threads,precision,source`

own.yaml:1:1: there is no column `latency_ms`
    1 | format: 1
      | ^^^^^^^^^
hint: a header is `model,latency_ms,runtime,threads,precision,source`""",
            id="another file",
        ),
        pytest.param(
            ["--from", "bad.csv"],
            """\
bad.csv:2:1: there is no model `mobilnet_v1`
    2 | mobilnet_v1,10
      | ^^^^^^^^^^^
hint: did you mean `mobilenet_v1`?""",
            id="no such network",
        ),
        pytest.param(
            ["--from", "two.csv"],
            """\
two.csv:3:1: rows of several devices: `a` (1), `b` (1)
    3 | resnet8,2,b
      | ^^^^^^^
hint: a fit is of one: `--where device=a`""",
            id="two devices",
        ),
        pytest.param(
            ["--from", "times.csv", "--from", "./times.csv", "-o", "x.yaml"],
            "./times.csv: is read already by `--from`\nhint: its rows would count twice",
            id="a file twice",
        ),
        pytest.param(
            ["--from", "times.csv", "--where", "threads"],
            "`--where threads` chooses nothing\n"
            "hint: write COLUMN=VALUE, as in `--where threads=1`",
            id="where without a value",
        ),
        pytest.param(
            ["--from", "times.csv", "--where", "thread=1"],
            "rows cannot be chosen by `thread`\nhint: did you mean `threads`?",
            id="where of no column",
        ),
        pytest.param(
            ["--from", "times.csv", "--where", "threads=1"],
            "no row has the threads `1`\nhint: no row states its threads",
            id="where of what is not stated",
        ),
        pytest.param(
            ["--from", "times.csv", "--where", "family=V2"],
            "no row has the family `V2`\nhint: there are `V1`, `IR`, `ResNet`",
            id="where of no row",
        ),
        pytest.param(
            ["--from", "times.csv", "--kernels", "fold_norm"],
            "there is no rule of kernels `fold_norm`\nhint: did you mean `fold_norms`?",
            id="no such rule",
        ),
        pytest.param(
            ["--from", "times.csv", "--tile", "0"],
            "`--tile` must be a whole number from 1 to 65536\n"
            "hint: channels that the runtime computes together: 4 or 8 on most processors",
            id="a tile of zero",
        ),
        pytest.param(
            ["--from", "times.csv", "--class", "phon"],
            "there is no class `phon`\nhint: did you mean `phone`?",
            id="no such class",
        ),
        pytest.param(
            ["--from", "times.csv", "--device", "pixel1"],
            "there is no device `pixel1`\nhint: did you mean `pixel_1`?",
            id="no such device",
        ),
        pytest.param(
            ["--from", "times.csv", "--device", "pixel_1_tflite"],
            "`pixel_1_tflite` extends another profile, and cannot be extended\n"
            "hint: its peaks are those of `pixel_1`: extend that one",
            id="a device that extends another",
        ),
        pytest.param(
            ["--from", "few.csv", "--form", "roofline"],
            """\
few.csv:2:1: a roofline needs 4 networks, and there is 1
    2 | resnet8,5,4
      | ^^^^^^^
hint: cost coefficients can be scaled by a single one: `--form coefficients`""",
            id="a roofline of one network",
        ),
        pytest.param(
            ["--from", "times.csv", "-o", "./times.csv"],
            "./times.csv: is read by this command: choose another file",
            id="onto the measurements",
        ),
        pytest.param(
            ["--from", "times.csv", "--device", "./own.yaml", "-o", "own.yaml"],
            "own.yaml: is read by this command: choose another file",
            id="onto what it extends",
        ),
        pytest.param(
            ["--from", "times.csv", "-o", "."],
            ".: cannot be written: is a directory",
            id="onto a folder",
        ),
        pytest.param(
            ["--from", "times.csv", "-o", "none/x.yaml"],
            "none/x.yaml: cannot be written: no such file or directory\n"
            "hint: there is no folder `none`: make it first, or choose another one",
            id="into no folder",
        ),
        pytest.param(
            ["--from", "times.csv", "-o", ""],
            "-o: cannot be written: the name is empty",
            id="no name",
        ),
        pytest.param(
            ["--from", "times.csv", "--into", "pixel_1"],
            "`--into pixel_1` names no file\nhint: a path ends in .yaml, or is `./pixel_1`; "
            "of a shipped profile: `--device pixel_1 -o FILE`",
            id="into a shipped profile",
        ),
        pytest.param(
            ["--from", "times.csv", "--into", "none.yaml"],
            "none.yaml: cannot be read: no such file or directory",
            id="into no file",
        ),
        pytest.param(
            ["--from", "times.csv", "--into", "times.csv"],
            "times.csv: is read by this command: choose another file",
            id="into the measurements",
        ),
        pytest.param(
            ["--from", "few.csv", "--into", "own.yaml"],
            """\
few.csv:2:1: measured with 4 threads, and own.yaml is of 2
    2 | resnet8,5,4
      | ^^^^^^^
hint: take others with `--where threads=2`, or write a new one with `-o`""",
            id="into a profile of other threads",
        ),
        pytest.param(
            ["--from", "times.csv", "--into", "own.yaml", "--class", "phone"],
            "`--class` is for a new profile: `--into` keeps what its file says\n"
            "hint: write it into the file, or leave out `--into` and name a new one with `-o`",
            id="into, and a class",
        ),
        pytest.param(
            ["--from", "times.csv", "--into", "own.yaml", "--device", "pixel_1"],
            "`--device` is for a new profile: `--into` keeps what its file says\n"
            "hint: write it into the file, or leave out `--into` and name a new one with `-o`",
            id="into, and a device",
        ),
        pytest.param(
            ["--from", "times.csv", "--into", "own.yaml", "--kernels", "im2col"],
            "`--kernels` is for a new profile: `--into` keeps what its file says\n"
            "hint: write it into the file, or leave out `--into` and name a new one with `-o`",
            id="into, and rules",
        ),
    ],
)
def test_bad_input(
    arguments: Sequence[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("bad.csv").write_text(BAD)
    Path("two.csv").write_text(TWO)
    Path("few.csv").write_text("model,latency_ms,threads\nresnet8,5,4\n")
    assert refused(capsys, *arguments) == expected


def test_cells_and_networks_are_reported_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Of all files, in the order of their rows; not of networks that are not asked for."""
    Path("one.csv").write_text(
        "model,latency_ms,device\nmobilnet_v1,1,a\nresnet8,fast,a\nresnet9,0,a\nmobilnet_v2,1,b\n"
    )
    Path("two.csv").write_text("model,latency_ms,device\nlenet6,1,a\n,1,a\n")
    arguments = ["--from", "one.csv", "--from", "two.csv", "--where", "device=a"]
    heads = [message.splitlines()[0] for message in refused(capsys, *arguments).split("\n\n")]
    assert heads == [
        "one.csv:2:1: there is no model `mobilnet_v1`",
        "one.csv:3:9: `fast` in `latency_ms` is no number",
        "one.csv:4:1: there is no model `resnet9`",
        "one.csv:4:9: `latency_ms` must be above zero, not 0",
        "two.csv:2:1: there is no model `lenet6`",
        "two.csv:3:1: this row names no `model`",
    ]
    Path("two.csv").write_text("model;latency_ms\nlenet6;1\n")  # no row can be read
    heads = [message.splitlines()[0] for message in refused(capsys, *arguments).split("\n\n")]
    assert heads[-1] == "two.csv:1:1: the columns are separated by `;`"
    assert len(heads) == 5


def test_times_that_the_peaks_rule_out(capsys: pytest.CaptureFixture[str]) -> None:
    """Seconds in a column of milliseconds, of both precisions at once."""
    Path("fast.csv").write_text(
        "model,latency_ms,precision\nmobilenet_v1,0.113,fp32\nmobilenet_v2,80,fp32\n"
        "mobilenet_v1,0.05,int8\n"
    )
    messages = refused(capsys, "--from", "fast.csv", "--device", "raspberry_pi_4", "-o", "x.yaml")
    first, second = messages.split("\n\n")
    assert first.startswith(
        "fast.csv:2:14: `mobilenet_v1` took 113.0 µs, and on the peaks of raspberry_pi_4 takes "
    )
    assert first.splitlines()[1:] == [
        "    2 | mobilenet_v1,0.113,fp32",
        "      |              ^^^^^",
        "hint: `latency_ms` is in milliseconds: are these seconds? Then multiply them by 1,000",
    ]
    assert second.startswith("fast.csv:4:14: `mobilenet_v1` took 50.00 µs, and")


@pytest.mark.parametrize(
    ("device", "times", "unit"),
    [
        ("raspberry_pi_4", 1e-3, "seconds? Then multiply them by 1,000"),
        ("raspberry_pi_4", 1e3, "microseconds? Then divide them by 1,000"),
        ("v100", 1e-3, "seconds? Then multiply them by 1,000"),
        ("v100", 1e3, "microseconds? Then divide them by 1,000"),
        ("v100", 1e6, "nanoseconds? Then divide them by 1,000,000"),
    ],
)
def test_times_in_another_unit(
    device: str, times: float, unit: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Honest milliseconds of ncnn on the board (Tencent/ncnn, benchmark/README.md@a4d2ea1d4422),
    and of the order of TensorRT's on the GPU."""
    times_ms = {"mobilenet_v1": 123.76, "shufflenet_v2": 41.62, "mnasnet": 83.6, "vgg16": 1000.0}
    if device == "v100":
        times_ms = {"resnet50": 1.5, "vgg16": 2.2, "densenet121": 4.0, "inception_v3": 3.0}
    rows = "".join(f"{model},{ms * times:.9g}\n" for model, ms in times_ms.items())
    Path("times.csv").write_text("model,latency_ms\n" + rows)
    message = refused(capsys, "--from", "times.csv", "--device", device, "-o", "x.yaml")
    assert message.splitlines()[-1] == f"hint: `latency_ms` is in milliseconds: are these {unit}"
    assert message.count("took") == 4
    words = "at least" if times < 1 else ": no runtime is so slow"
    assert all(part.splitlines()[0].endswith(words) for part in message.split("\n\n"))


def test_a_time_that_no_unit_explains(capsys: pytest.CaptureFixture[str]) -> None:
    Path("times.csv").write_text("model,latency_ms\nmobilenet_v1,1e8\nmobilenet_v2,0.001\n")
    message = refused(capsys, "--from", "times.csv", "--device", "raspberry_pi_4", "-o", "x.yaml")
    assert message.endswith(
        "hint: is it in milliseconds, and of this device, precision and number of threads? A peak "
        "that is wrong is to be mended in the profile"
    )


@pytest.mark.parametrize(
    ("runtime", "refuses"),
    [("tengine", False), ("ncnn", False), ("tflite-gpu", False), ("", False), ("torch", False),
     ("tflite", True), ("xnnpack", True), ("onnxruntime", True)],
)  # fmt: skip
def test_no_time_is_refused_that_the_tables_own_runtime_may_take(
    runtime: str, refuses: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """632.1 ms of ResNet-50 are less than 682 ms at the peak, which multiply all there is."""
    Path("times.csv").write_text(f"model,latency_ms,runtime,threads\nresnet50,632.1,{runtime},1\n")
    arguments = ["--from", "times.csv", "--device", "raspberry_pi_4", "-o", "x.yaml"]
    if refuses:
        assert "ms at least\n" in refused(capsys, *arguments)
    else:
        assert run(capsys, "calibrate", *arguments)[0] == 0


def test_columns_that_are_not_read_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    text = TIMES.replace("source\n", "source,source_device,n threads\n", 1)
    Path("times.csv").write_text(text.replace("a table\n", "a table,x,y\n"))
    assert "* columns that are not read: `source_device`, `n threads`\n" in calibrate(
        capsys, "-o", "x.yaml"
    )
    assert _documented(capsys)["unread_columns"] == ["source_device", "n threads"]


def test_the_fitted_times_are_those_that_analyze_prints(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Also where the lower bound of some kernels is above the sum of their cost coefficients."""
    slow = OWN.replace("bandwidth: 10 GB/s", "bandwidth: 1.5 GB/s")
    Path("slow.yaml").write_text(slow)
    for form in ("coefficients", "roofline"):
        document = _documented(capsys, "--device", "./slow.yaml", "--form", form)
        rows = document["fits"][0]["measurements"]
        bare = json.loads(
            calibrate(capsys, "--form", form, "--kernels", "fold_norms,fuse_clamps",
                      "--format", "json", "-o", "bare.yaml")
        )["fits"][0]["measurements"]  # fmt: skip
        raised = 0
        for row, without in zip(rows, bare, strict=True):
            assert 1e3 * seconds_on(capsys, "./x.yaml", row["model"]) == pytest.approx(
                row["fitted_ms"], rel=0.002
            )
            raised += row["fitted_ms"] > 1.01 * without["fitted_ms"]
        assert raised, form


def test_times_of_no_device(capsys: pytest.CaptureFixture[str]) -> None:
    """A fit that no profile may have is not written, so every profile can be read."""
    Path("slow.csv").write_text(
        "model,latency_ms\nlenet5,3e6\nds_cnn,2e7\nresnet8,1e8\nautoencoder,2e6\n"
    )
    message = refused(capsys, "--from", "slow.csv", "--form", "roofline", "-o", "x.yaml")
    assert message.startswith(
        "no device is like what these times say: nothing is written\n"
        "hint: is `latency_ms` in milliseconds, and are all rows of one device?\n\n"
        "x.yaml:14:16: `"
    )
    assert message.splitlines()[3].endswith("` is absurd: under 1.00 kMAC/s")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "one of the arguments --from --runtime is required"),
        (["--from", "times.csv", "--tile", "many"], "invalid int value: 'many'"),
        (["--from", "times.csv", "--form", "coefficient"], "hint: did you mean `coefficients`?"),
        (["--from", "times.csv", "--basis", "datasheet"], "invalid choice: 'datasheet'"),
        (
            ["--from", "times.csv", "-o", "x.yaml", "--into", "own.yaml"],
            "--into: not allowed with argument -o/--output",
        ),
    ],
)
def test_bad_usage(
    arguments: Sequence[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["calibrate", *arguments])
    assert stopped.value.code == 2
    assert words in capsys.readouterr().err
    assert not Path("x.yaml").exists()
    assert Path("own.yaml").read_text() == OWN


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_a_folder_that_cannot_be_written_to(capsys: pytest.CaptureFixture[str]) -> None:
    Path("closed").mkdir(mode=0o500)
    status, _, err = run(capsys, "calibrate", "--from", "times.csv", "-o", "closed/x.yaml")
    assert status == 2
    assert err == "mnet-cost: closed/x.yaml: cannot be written: permission denied\n"


def test_numpy_is_missing() -> None:
    program = (
        "import sys\nsys.modules['numpy'] = None\nfrom mnet_cost.cli import main\n"
        "sys.exit(main(['calibrate', '--from', 'times.csv', '-o', 'x.yaml']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "mnet-cost: this needs the package `numpy`, which is not installed\n"
        "hint: python -m pip install 'mnet-cost[numpy]'\n"
    )
    assert not Path("x.yaml").exists()


def _documented(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    return json.loads(calibrate(capsys, *arguments, "--format", "json", "-o", "x.yaml"))


def test_a_family_is_the_network_where_rows_do_not_say(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("times.csv").write_text('model,latency_ms\nresnet8,1\n"mobilenet_v1@alpha=0.5",9\n')
    document = _documented(capsys)
    assert [row["family"] for row in document["fits"][0]["measurements"]] == [
        "resnet8", "mobilenet_v1",
    ]  # fmt: skip


IN_PLACE = {
    "mobilenet_v1": 123.76, "shufflenet_v2": 41.62, "mnasnet": 83.6, "resnet:resnet50_v1": 533.15,
    "squeezenet1_1": 65.0, "vgg16": 1300.0,
}  # fmt: skip
"""Milliseconds on a Raspberry Pi 4."""


@pytest.mark.parametrize("factor", [1000, 1 / 1000], ids=["microseconds", "seconds"])
@pytest.mark.parametrize("spoilt", IN_PLACE)
def test_a_single_row_in_another_unit(
    spoilt: str, factor: float, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where no peaks are known: the other rows tell what it should have taken."""
    rows = [f"{name},{ms * (factor if name == spoilt else 1)}" for name, ms in IN_PLACE.items()]
    Path("times.csv").write_text("\n".join(["model,latency_ms", *rows, ""]))
    line = 2 + list(IN_PLACE).index(spoilt)
    err = refused(capsys, "--from", "times.csv", "-o", "x.yaml")
    assert f"times.csv:{line}:" in err
    assert f"`{spoilt}` took " in err
    assert "predicted to take " in err


def test_a_small_network_may_take_what_calling_it_takes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A runtime that needs 3 ms for any network: 200 times what its mult-adds predict."""
    rows = "lenet5,3\nvgg16,130\nresnet18,25\nmobilenet_v1,12\nds_cnn,3\n"
    Path("times.csv").write_text(f"model,latency_ms\n{rows}")
    assert "lenet5" in calibrate(capsys, "-o", "x.yaml")
