"""The command line from the outside: output, exit status, files."""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from effort import work_of

from mnet_cost.cli import COMMANDS, _commands, build_parser, main
from mnet_cost.cli.help_lists import LISTS
from mnet_cost.report import FORMATS

V1 = "specs/mobilenet_v1.yaml"


@pytest.fixture(autouse=True)
def _at_root(in_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """(exit status, stdout, stderr) of one command."""
    status = main(arguments)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    status, out, err = run(capsys, *arguments, "--format", "json")
    assert (status, err) == (0, "")
    return json.loads(out)


def test_json_has_the_stable_keys_and_exact_totals(capsys: pytest.CaptureFixture[str]) -> None:
    analysis = document(capsys, "analyze", V1, "--alpha", "0.5", "--device", "pixel_1")
    assert analysis["schema"] == "mnet-cost/analysis/6"
    assert analysis["model"] == {
        "name": "mobilenet_v1",
        "source": "arXiv:1704.04861, Table 1",
        "spec": V1,
        "variant": None,
        "knobs": {"alpha": 0.5, "rho": 1.0, "resolution": 224, "classes": 1000},
        "stated": ["alpha"],
        "batch": 1,
        "precision": "fp32",
        "input_shapes": {"image": [3, 224, 224]},
    }
    totals = analysis["totals"]
    assert totals["mult_adds"] == 149_497_088
    assert totals["flops"] == 298_994_176
    assert (totals["params"], totals["weights"]) == (1_331_592, 1_319_648)
    assert totals["weight_bytes"] == 4 * 1_331_592
    assert totals["peak_memory_bytes"] == 2_408_448
    assert (totals["coverage"], totals["unmodelled"]) == (1.0, [])
    for key in ("mult_adds", "vector_ops", "params", "weights", "weight_bytes"):
        assert sum(layer[key] for layer in analysis["layers"]) == totals[key]
    assert sum(layer["output_bytes"] for layer in analysis["layers"]) == totals["activation_bytes"]
    moved = ("weight_bytes", "input_bytes", "output_bytes")
    assert (
        sum(layer[key] for layer in analysis["layers"] for key in moved) == totals["traffic_bytes"]
    )
    first = analysis["layers"][0]
    assert (first["name"], first["kind"], first["line"]) == ("stem", "conv2d", 35)
    assert first["inputs"] == ["image"]
    assert first["output_shape"] == [16, 112, 112]
    memory = analysis["memory"]
    assert memory["peak_at"] == "separable.conv2d"
    assert sum(tensor["bytes"] for tensor in memory["live_at_peak"]) == memory["peak_bytes"]
    assert memory["schedule"] == [layer["name"] for layer in analysis["layers"]]
    (device,) = analysis["devices"]
    assert (device["name"], device["basis"]) == ("pixel_1", "datasheet")
    assert 0 < device["energy_low_mj"] < device["energy_mj"]
    assert device["energy_high_mj"] is None
    assert device["energy_basis"] == "assumed"
    assert device["energy_how"].startswith("mult-adds and bytes: a lower bound without mult-adds")
    assert sum(kernel["latency_ms"] for kernel in device["kernels"]) == pytest.approx(
        device["latency_ms"]
    )
    assert len(device["kernels"]) == 29
    assert {name for kernel in device["kernels"] for name in kernel["layers"]} == set(
        memory["schedule"]
    )


@pytest.mark.parametrize(
    ("arguments", "mult_adds"),
    [
        (["--rho", "0.714"], 290_675_200),
        (["--resolution", "192"], 418_121_728),
        (["--set", "classes=10"], 568_740_352 - 990 * 1024),
        (["--batch", "8"], 8 * 568_740_352),
        (["--set", "alpha=0.25"], 41_030_272),
        (["--convention", "thop"], 588_962_304),
    ],
)
def test_knobs(capsys: pytest.CaptureFixture[str], arguments: list[str], mult_adds: int) -> None:
    assert document(capsys, "analyze", V1, *arguments)["totals"]["mult_adds"] == mult_adds


def test_precision_changes_bytes_and_rates(capsys: pytest.CaptureFixture[str]) -> None:
    wide = document(capsys, "analyze", V1, "--device", "h100")
    narrow = document(capsys, "analyze", V1, "--device", "h100", "--precision", "int8")
    assert wide["totals"]["traffic_bytes"] == 4 * narrow["totals"]["traffic_bytes"]
    assert wide["devices"][0]["bound_ms"] > narrow["devices"][0]["bound_ms"]


def test_a_missing_rate_is_unknown_not_zero(capsys: pytest.CaptureFixture[str]) -> None:
    device = document(capsys, "analyze", V1, "--device", "stm32h743")["devices"][0]
    assert device["latency_ms"] is None
    assert device["notes"] == ["no fp32 rate in the profile (it has int8): time is unknown"]
    known = document(capsys, "analyze", V1, "--device", "stm32h743", "--precision", "int8")
    assert known["devices"][0]["latency_ms"] > 0
    assert [check["fits"] for check in known["devices"][0]["capacity_checks"]] == [False, False]
    assert known["devices"][0]["memory_fits"] is False


@pytest.mark.parametrize("by", ["layer", "block", "kind"])
def test_csv_adds_up_at_every_grain(capsys: pytest.CaptureFixture[str], by: str) -> None:
    device = ("--device", "pixel_1_tflite")
    _, out, _ = run(capsys, "analyze", V1, "--by", by, *device, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert sum(int(row["mult_adds"]) for row in rows) == 568_740_352
    assert sum(int(row["params"]) for row in rows) == 4_231_976
    assert sum(float(row["mult_adds_share"]) for row in rows) == pytest.approx(1)
    assert sum(float(row["latency_share"]) for row in rows if row["latency_share"]) == (
        pytest.approx(1)
    )
    assert len(rows) == {"layer": 83, "block": 14, "kind": 7}[by]


def test_the_papers_table_2_with_time(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "analyze", V1, "--by", "kind", "--format", "csv")
    shares = {
        row["name"]: (
            round(100 * float(row["mult_adds_share"]), 2),
            round(100 * float(row["weights_share"]), 2),
        )
        for row in csv.DictReader(io.StringIO(out))
    }
    # Paper: 94.86 / 74.59; 3.06 / 1.06; 1.19 (a misprint of 1.91) / 0.02; 0.18 / 24.33
    assert shares["conv2d 1x1"] == (94.86, 74.59)
    assert shares["depthwise_conv2d 3x3"] == (3.06, 1.06)
    assert shares["conv2d 3x3"] == (1.91, 0.02)
    assert shares["linear"] == (0.18, 24.33)


def product(breakdown: Any) -> float:
    """Mult-adds, what each takes, and the shares of time spent on them: a ratio of times."""
    shares = breakdown["first_mac_share"] / breakdown["other_mac_share"]
    return float(breakdown["mult_adds_ratio"] * breakdown["coefficient_ratio"] * shares)


def test_compare_full_and_separable(capsys: pytest.CaptureFixture[str]) -> None:
    comparison = document(capsys, "compare", "full", "vs", "separable")
    assert comparison["schema"] == "mnet-cost/compare/3"
    totals = [model["totals"] for model in comparison["models"]]
    assert [model_totals["mult_adds"] for model_totals in totals] == [4_867_293_184, 568_740_352]
    assert [model_totals["params"] for model_totals in totals] == [29_294_088, 4_231_976]
    ratios = comparison["ratios"][1]
    assert ratios["mult_adds_ratio"] == pytest.approx(1 / 8.558, rel=1e-4)
    assert ratios["params_ratio"] == pytest.approx(1 / 6.922, rel=1e-4)
    for breakdown in comparison["ratio_breakdowns"]:
        assert breakdown["time_ratio"] == pytest.approx(product(breakdown))
    blocks = {row["name"]: row["models"] for row in comparison["differences"]}
    assert set(blocks) == {*(f"separable_{i}" for i in range(2, 9)), "separable", "middle x5"}
    # 1 / (1/N + 1/9) with N output channels: 8.84 for 512 (arXiv:1704.04861, section 3.1)
    full, separable = (model["mult_adds"] for model in blocks["middle x5"])
    assert separable / full == pytest.approx(1 / 512 + 1 / 9)


def test_compare_gives_knobs_to_the_networks_that_have_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    comparison = document(capsys, "compare", "mobilenet_v1", "densenet121", "--alpha", "0.5")
    assert [model["totals"]["mult_adds"] for model in comparison["models"]] == [
        149_497_088,
        2_834_161_664,
    ]


def test_compare_networks_of_a_file_without_a_source(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(
        "format: 1\nname: net\ninput: {x: [3]}\nlayers: [{linear: {features: 2}}]\n"
    )
    for batch, shown, header in (
        (1, "net · batch 1 · fp32", "network       mult-adds  params  peak memory"),
        (2, "net · fp32", "network           batch  mult-adds  params  peak memory"),
    ):
        words = ["compare", "net.yaml", f"net.yaml@batch={batch}", "--device", "none"]
        assert main(words) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[1] == shown
        assert lines[3].split() == header.split()


def test_compare_three(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "compare", "full", "separable", "shallow")
    assert status == 0
    assert out.startswith("3 networks, each figure with its ratio to that of full\n")
    assert "Blocks that differ" not in out
    _, out, _ = run(capsys, "compare", "full", "separable", "shallow", "--by", "block")
    assert "Blocks that differ: mult-adds" in out
    assert "Blocks that differ: params" in out


def test_explain_shows_formula_values_and_line(capsys: pytest.CaptureFixture[str]) -> None:
    explanation = document(capsys, "explain", V1, "middle.3.depthwise_conv2d")
    (layer,) = explanation["layers"]
    assert layer["line"] == 21
    assert layer["text"] == "- depthwise_conv2d: {kernel: 3, stride: stride}"
    mult_adds = next(formula for formula in layer["formulas"] if formula["what"] == "mult-adds")
    assert mult_adds == {
        "what": "mult-adds",
        "names": "kernel * kernel * C_out * H_out * W_out",
        "values": "3 * 3 * 512 * 14 * 14",
        "value": 903_168,
    }


def test_explain_a_block_and_the_totals(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(document(capsys, "explain", V1, "middle.3")["layers"]) == 6
    totals = document(capsys, "explain", V1)["totals"]
    assert totals["mult_adds"] == 568_740_352


def test_an_unmodelled_layer_refuses_the_total(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    spec = tmp_path / "detector.yaml"
    spec.write_text(
        "format: 1\nname: detector\ninput: {image: [3, 8, 8]}\nlayers:\n"
        "  - conv2d: {channels: 4, kernel: 3}\n"
        "  - opaque: {operation: proposals, shape: [10, 4]}\n"
    )
    status, out, err = run(capsys, "analyze", str(spec), "--format", "json")
    analysis = json.loads(out)
    assert status == 3
    assert err == (
        "mnet-cost: no total: the cost of opaque is unknown\n"
        "hint: --lower-bound gives the sum of the rest\n"
    )
    assert analysis["totals"]["mult_adds"] is None
    assert analysis["totals"]["coverage"] == 0.5
    assert analysis["totals"]["unmodelled"] == ["opaque"]
    assert analysis["layers"][1]["mult_adds"] is None
    status, out, _ = run(capsys, "analyze", str(spec), "--format", "json", "--lower-bound")
    assert status == 0
    assert json.loads(out)["totals"]["mult_adds"] == 3 * 3 * 3 * 4 * 64
    assert json.loads(out)["totals"]["lower_bound"] is True


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["analyze", "mobilnet_v1"],
            "mnet-cost: there is no model `mobilnet_v1`\nhint: did you mean `mobilenet_v1`?\n",
        ),
        (
            ["analyze", V1, "--set", "alhpa=1"],
            "mnet-cost: mobilenet_v1 has no knob `alhpa`\nhint: did you mean `alpha`?\n",
        ),
        (
            ["analyze", V1, "--alpha", "half"],
            "mnet-cost: the knob `alpha` of mobilenet_v1 needs a number, not 'half'\n",
        ),
        (
            ["analyze", V1, "--batch", "0"],
            "mnet-cost: batch must be at least 1, not 0\n",
        ),
        (
            ["analyze", V1, "--precision", "fp8"],
            "mnet-cost: there is no precision `fp8`\nhint: there are fp32, fp16, bf16, int8\n",
        ),
        (
            ["analyze", V1, "--convention", "fvcor"],
            "mnet-cost: there is no counting convention `fvcor`\nhint: did you mean `fvcore`?\n",
        ),
        (
            ["compare", "full", "vs"],
            "mnet-cost: a comparison needs two networks, not 1\n"
            "hint: mnet-cost compare full vs separable\n",
        ),
        (
            ["explain", V1, "midle.3"],
            "mnet-cost: mobilenet_v1 has no layer or block `midle.3`\n"
            "hint: did you mean `middle.3`?\n",
        ),
        (
            ["layers", "conv"],
            "mnet-cost: there is no layer kind `conv`\nhint: did you mean `conv2d`?\n",
        ),
        (
            ["analyze", "missing/net.yaml"],
            "mnet-cost: missing/net.yaml: cannot be read: no such file or directory\n",
        ),
        (
            ["analyze", V1, "-o", "missing/out.json"],
            "mnet-cost: missing/out.json: cannot be written: no such file or directory\n"
            "hint: there is no folder `missing`: make it first, or choose another one\n",
        ),
        (
            ["analyze", V1, "-o", "docs"],
            "mnet-cost: docs: cannot be written: is a directory\n",
        ),
    ],
)
def test_bad_input(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert run(capsys, *arguments) == (2, "", message)


def test_bad_usage_is_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["analyse", V1], ["analyze"], ["analyze", V1, "--alpah", "1"]):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 2
    assert "usage: mnet-cost" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["analyz", V1], "did you mean `analyze`?"),
        (["analyze", V1, "--by", "layers"], "did you mean `layer`?"),
        (["analyze", V1, "--alph", "1"], "did you mean `--alpha`?"),
        (["analyze", V1, "--format", "jsn"], "did you mean `json`?"),
    ],
)
def test_mistyped_usage_has_a_hint(
    capsys: pytest.CaptureFixture[str], arguments: list[str], hint: str
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert capsys.readouterr().err.endswith(f"\nhint: {hint}\n")


def test_files_are_written_whole_and_by_their_ending(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for ending, start in (
        ("json", '{\n  "schema": "mnet-cost/analysis/6"'),
        ("csv", "model,knobs,batch,precision,device,runtime,threads,basis,latency_ms,"),
        ("md", "## mobilenet_v1"),
        ("html", "<!doctype html>"),
        ("txt", "mobilenet_v1"),
    ):
        target = tmp_path / f"out.{ending}"
        assert run(capsys, "analyze", V1, "-o", str(target)) == (0, "", "")
        assert target.read_text(encoding="utf-8").startswith(start)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "out.csv", "out.html", "out.json", "out.md", "out.txt",
    ]  # fmt: skip


def test_a_failed_write_leaves_the_old_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out.json"
    target.write_text("before")

    def full_disk(self: Path, *arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full_disk)
    status, _, err = run(capsys, "analyze", V1, "-o", str(target))
    assert (status, err) == (
        2, f"mnet-cost: {target}: cannot be written: no space left on device\n",
    )  # fmt: skip
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


def test_warnings_go_to_stderr(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    spec = tmp_path / "net.yaml"
    spec.write_text(
        "format: 1\nname: net\nknobs: {unused: 1}\ninput: {image: [3, 8, 8]}\n"
        "layers:\n  - {id: a, relu: {}}\n  - {id: b, relu: {}, from: input}\n"
    )
    status, out, err = run(capsys, "analyze", str(spec), "--format", "csv")
    assert status == 0
    assert out.startswith("model,")
    assert err == (
        f"mnet-cost: warning: {spec}:3:9: the knob `unused` is not used\n"
        "    3 | knobs: {unused: 1}\n"
        "      |         ^^^^^^\n"
        f"mnet-cost: warning: {spec}:6:5: no output depends on `a`\n"
        "    6 |   - {id: a, relu: {}}\n"
        "      |     ^\n"
    )


def test_every_command_has_help_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for name in COMMANDS:
        with pytest.raises(SystemExit) as stop:
            build_parser().parse_args([name, "--help"])
        assert stop.value.code == 0
        assert f"example: mnet-cost {name}" in " ".join(capsys.readouterr().out.split())


def test_a_command_imports_no_other_command() -> None:
    program = (
        "import sys\n"
        "from mnet_cost.cli import COMMANDS, main\n"
        "main(['analyze', 'lenet5', '-o', sys.argv[1]])\n"
        "there = [x for x in COMMANDS.values() if f'mnet_cost.cli.{x}' in sys.modules]\n"
        "assert there == ['analyze'], there\n"
    )
    subprocess.run([sys.executable, "-c", program, os.devnull], check=True)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_parser_of_one_command_is_that_of_all(name: str) -> None:
    whole = _commands(build_parser())[name]
    alone = _commands(build_parser([name]))[name]
    assert alone.format_help() == whole.format_help()
    assert alone.prog == whole.prog


def test_help_names_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    from typing import get_args

    from mnet_cost.analysis.conventions import CONVENTIONS
    from mnet_cost.analysis.training import OPTIMIZERS
    from mnet_cost.changes.device_changes import KEYS
    from mnet_cost.devices import default_devices
    from mnet_cost.report.rows import View
    from mnet_cost.tensors import PRECISIONS

    with pytest.raises(SystemExit):
        build_parser().parse_args(["analyze", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert f"mult-add: {', '.join(convention.name for convention in CONVENTIONS)} (paper)" in text
    assert f"({', '.join(default_devices())})" in text
    assert f"{', '.join(PRECISIONS)} (that of the spec, else fp32)" in text
    assert f"{', '.join(OPTIMIZERS)} (sgd_momentum)" in text
    assert f"{', '.join(KEYS)} or a memory level" in text
    assert "--by {" + ",".join(get_args(View)) + "}" in text
    assert "--format {" + ",".join(FORMATS) + "}" in text


def _parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _parsers(command)


def test_every_list_in_a_help_text_is_filled_and_used() -> None:
    asked = set()
    for parser in _parsers(build_parser()):
        asked |= {
            name for action in parser._actions for name in re.findall(r"{(\w+)}", action.help or "")
        }
        assert not re.findall(r" {\w+}", parser.format_help().partition("\n\n")[2])
    assert asked == set(LISTS)


def test_no_help_text_writes_a_list_out() -> None:
    """Names of a list come from the list: a text that has three of them in a row copies it."""
    for parser in _parsers(build_parser()):
        for action in parser._actions:
            for name, names in LISTS.items():
                words = re.findall(r"[\w-]+", action.help or "")
                assert len(set(words) & set(names())) < 3, f"{action.option_strings}: {{{name}}}"


@pytest.mark.parametrize("form", FORMATS)
def test_each_ending_is_written_as_its_format(tmp_path: Path, form: str) -> None:
    """What a file's ending stands for is what `--format` of that name writes."""
    command = ["analyze", "lenet5", "--device", "none"]
    named = tmp_path / "named"
    assert main([*command, "--format", form, "-o", str(named)]) == 0
    for ending in FORMATS[form]:
        target = tmp_path / f"by_ending{ending}"
        assert main([*command, "-o", str(target)]) == 0
        assert target.read_bytes() == named.read_bytes()


@pytest.mark.parametrize("command", ["models", "devices", "layers"])
@pytest.mark.parametrize("form", ["text", "json", "csv", "markdown", "html"])
def test_catalogues_in_every_format(
    capsys: pytest.CaptureFixture[str], command: str, form: str
) -> None:
    status, out, err = run(capsys, command, "--format", form)
    assert (status, err) == (0, "")
    names = {"models": "densenet", "devices": "pixel_1", "layers": "depthwise_conv2d"}
    assert names[command] in out


def test_every_layer_and_device_is_documented(capsys: pytest.CaptureFixture[str]) -> None:
    from mnet_cost.devices import device_names
    from mnet_cost.layers import LAYERS

    for kind in LAYERS:
        status, out, _ = run(capsys, "layers", kind.kind)
        assert status == 0
        assert "Mult-adds" in out
        assert "Source" in out
    for name in device_names():
        status, out, _ = run(capsys, "devices", name)
        assert status == 0
        assert "source" in out


def test_schema_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "schema")
    assert json.loads(out)["$schema"].startswith("https://json-schema.org/")


def test_the_module_is_the_same_program() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "mnet_cost", "--version"], capture_output=True, text=True, check=True
    )
    assert result.stdout.startswith("mnet-cost ")


def test_a_closed_pipe_is_no_error() -> None:
    command = f"{sys.executable} -m mnet_cost analyze {V1} --by layer --format json | head -1"
    result = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False
    )
    assert result.stdout == "{\n"
    assert result.stderr == ""


def test_output_keeps_links_modes_and_devices(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    real, link = tmp_path / "real.txt", tmp_path / "link.txt"
    real.write_text("before")
    real.chmod(0o600)
    link.symlink_to(real)
    assert run(capsys, "analyze", V1, "-o", str(link)) == (0, "", "")
    assert link.is_symlink()
    assert real.read_text().startswith("mobilenet_v1")
    assert real.stat().st_mode & 0o777 == 0o600
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True) as reader:
        assert run(capsys, "analyze", V1, "-o", str(pipe))[0] == 0
        assert reader.communicate()[0].startswith("mobilenet_v1")
    assert pipe.is_fifo()


def test_output_does_not_replace_what_is_read(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    spec = tmp_path / "net.yaml"
    spec.write_text(Path(V1).read_text())
    for arguments in (["analyze", str(spec)], ["explain", str(spec)], ["compare", V1, str(spec)]):
        status, _, err = run(capsys, *arguments, "-o", str(spec))
        assert status == 2
        assert err == f"mnet-cost: {spec}: is read by this command: choose another file\n"
    assert spec.read_text() == Path(V1).read_text()


@pytest.mark.parametrize(
    ("shell", "status", "err"),
    [
        ("{} > /dev/full", 2, "mnet-cost: stdout: cannot be written: no space left on device\n"),
        ("{} >&-", 2, "mnet-cost: stdout is closed\n"),
        ("PYTHONIOENCODING=ascii {} > /dev/null", 0, ""),
        ("{} -o - > /dev/null", 0, ""),
        ("{} -o ''", 2, "mnet-cost: -o: cannot be written: the name is empty\n"),
    ],
)
def test_stdout_that_cannot_be_written(shell: str, status: int, err: str) -> None:
    command = shell.format(f"{sys.executable} -m mnet_cost analyze {V1}")
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (status, err)


def test_what_is_refused_does_not_leak(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = tmp_path / "net.yaml"
    spec.write_text(
        "format: 1\nname: net\ninput: {image: [3, 8, 8]}\nlayers:\n"
        "  - conv2d: {channels: 4, kernel: 3}\n"
        "  - opaque: {operation: sort, shape: [4, 8, 8]}\n"
    )
    words = ("--by", "kind", "--device", "pixel_1", "--format", "csv")
    status, out, _ = run(capsys, "analyze", str(spec), *words)
    (conv, opaque) = csv.DictReader(io.StringIO(out))
    assert status == 3
    assert (conv["mult_adds"], conv["mult_adds_share"]) == ("6912", "")
    assert (opaque["mult_adds"], opaque["latency_ms"]) == ("", "")
    assert (conv["latency_share"], opaque["latency_share"]) == ("", "")
    assert float(conv["latency_ms"]) > 0
    assert conv["basis"] == ""
    monkeypatch.setenv("COLUMNS", "300")
    _, out, _ = run(capsys, "compare", str(spec), V1, "--device", "pixel_1")
    assert "Why times and mult-adds differ" not in out
    row = next(line for line in out.splitlines() if line.startswith(f"{spec}  "))
    assert row.split()[1:3] == ["-", "-"]  # mult-adds and params
    assert row.split()[-2:] == ["-", "-"]  # time and accuracy
    status, out, err = run(capsys, "explain", str(spec))
    assert status == 3
    assert "unknown, since a layer has no cost rule" in out
    assert "no total: the cost of opaque is unknown" in err
    status, out, _ = run(capsys, "compare", str(spec), V1, "--format", "json")
    comparison = json.loads(out)
    assert status == 3
    assert comparison["ratio_breakdowns"] == []
    assert comparison["models"][0]["devices"][0]["latency_ms"] is None
    ratios = [device["latency_ratio"] for device in comparison["ratios"][1]["devices"]]
    assert ratios == [None, None, None]
    row = next(part for part in comparison["differences"] if part["name"] == "opaque")
    assert row["models"] == [{"model": str(spec), "mult_adds": None, "params": None}]


def test_compare_counts_time_by_the_paper_under_every_convention(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (breakdown,) = document(
        capsys, "compare", "full", "separable", "--device", "pixel_1", "--convention", "thop"
    )["ratio_breakdowns"]
    assert breakdown["time_ratio"] == pytest.approx(product(breakdown))


def test_equal_ratios_do_not_mean_that_both_multiply(
    capsys: pytest.CaptureFixture[str], made_up_devices: None
) -> None:
    _, out, _ = run(
        capsys, "compare", "mobilenet_v1@alpha=0.25", "shallow@alpha=0.4", "--device", "h100"
    )
    assert "mostly multiply" not in out
    _, out, _ = run(capsys, "compare", "full", "separable", "--device", "lower_bound_core")
    text = " ".join(out.split())
    assert "takes 0.12x the time by the lower bounds. Both spend 99 %" in text


def test_the_command_line_wins_over_the_reference(capsys: pytest.CaptureFixture[str]) -> None:
    analysis = document(capsys, "analyze", "mobilenet_v1@alpha=0.5", "--alpha", "0.25")
    both = document(capsys, "compare", "mobilenet_v1@alpha=0.5", "mobilenet_v1", "--alpha", "0.25")
    counts = [model["totals"]["mult_adds"] for model in (analysis, *both["models"])]
    assert counts == [41_030_272] * 3


def test_no_device_and_a_device(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, "analyze", V1, "--device", "none", "--device", "pixel_1")
    assert status == 2
    assert "is for no device at all" in err


@pytest.mark.parametrize(
    "command",
    [
        ["analyze", "{}", "--by", "layer"],
        ["analyze", "{}", "--by", "block"],
        ["analyze", "{}", "--by", "kernel"],
        ["analyze", "{}", "--format", "json"],
        ["explain", "{}", "body"],
        ["compare", V1, "{}", "--by", "layer"],
    ],
    ids=" ".join,
)
def test_work_is_linear_in_layers(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def work(copies: int) -> int:
        spec = tmp_path / f"net{copies}.yaml"
        spec.write_text(
            "format: 1\nname: net\ninput: {image: [4, 8, 8]}\nlayers:\n"
            f"  - id: body\n    repeat: {copies}\n"
            "    layers: [conv2d: {channels: 4, kernel: 1}, relu]\n"
        )
        arguments = [part.format(spec) for part in command]
        main(arguments)  # what is imported or remembered once does not count
        steps = work_of(lambda: main(arguments))
        capsys.readouterr()
        return steps

    assert work(800) < 9 * work(100)  # quadratic would be 64


def threads_of(text: str) -> dict[str, int]:
    return {device["name"]: device["threads"] for device in json.loads(text)["devices"]}


@pytest.mark.parametrize("threads", [1, 2, 4, 8, 64])
@pytest.mark.parametrize(
    "command", [("devices", "--for", "lenet5"), ("analyze", "lenet5", "--device", "all")]
)
def test_of_all_devices_those_get_threads_that_can(
    capsys: pytest.CaptureFixture[str], command: tuple[str, ...], threads: int
) -> None:
    """The others keep theirs: some processor has too few cores for any number of threads."""
    status, text, err = run(capsys, *command, "--threads", str(threads), "--format", "json")
    assert (status, err) == (0, "")
    counts = threads_of(text)
    assert counts["esp32_s3"] == (threads if threads <= 2 else 1)
    assert counts["raspberry_pi_4"] == min(threads, 4)
    assert counts["xeon_8380"] == (threads if threads <= 40 else 40)
    assert counts["galaxy_s23_adreno"] == counts["pixel_8_edgetpu"] == counts["h100"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--device", "all", "--device", "esp32_s3", "--threads", "4"], "esp32_s3 cannot be given"),
        (["--device", "all", "--threads", "0"], "threads must be a whole number from 1 on, not 0"),
    ],
)
def test_threads_are_refused_of_a_device_that_is_named(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    status, out, err = run(capsys, "analyze", "lenet5", *arguments)
    assert (status, out) == (2, "")
    assert message in err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["analyze", "lenet5", "--alhpa", "1"], "mnet-cost analyze: error: unrecognized arguments"),
        (["analyze", "lenet5", "twice"], "mnet-cost analyze: error: unrecognized arguments: twice"),
        (["--alhpa"], "mnet-cost: error: unrecognized arguments: --alhpa"),
    ],
)
def test_an_unknown_argument_is_the_command_s(
    capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    with pytest.raises(SystemExit) as exited:
        main(words)
    assert exited.value.code == 2
    error = capsys.readouterr().err
    assert says in error
    assert ("did you mean `--alpha`?" in error) == ("--alhpa" in words)


def test_hints_are_options_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["devices", "--for", "resnet", "--device", "pixel_1"])  # an option of others
    assert "did you mean" not in capsys.readouterr().err
