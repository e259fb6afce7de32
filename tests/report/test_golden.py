"""Whole reports at fixed widths, without colour. `--update-golden` writes them anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from mnet_cost.cli import main

GOLDEN = Path(__file__).resolve().parent.parent / "golden"

SOME_DEVICES = ("h100", "jetson_nano", "pixel_1", "pixel_6", "raspberry_pi_4", "stm32h743", "zen3")

EACH_BASIS = [
    word
    for name in ("fitted_core", "datasheet_core", "stick", "lower_bound_core")
    for word in ("--device", name)
]

CHECK = [
    *("check", "mobilenet_v1@alpha=0.5", "mobilenet_v2", "--fail-on", "never"),
    *("--device", "fitted_core", "--device", "lower_bound_core", "--limit", "params<=3M"),
    *("--limit", "latency@fitted_core<=30ms", "--limit", "latency@lower_bound_core<=40ms"),
    *("--limit", "peak_memory<=8 MB"),
]

FIT = [
    *("fit", "mobilenet_v1", "mobilenet_v2", "--device", "fitted_core", "--latency", "20ms"),
    *("--params", "3M", "--confidence", "0.9", "--resolution", "128,224"),
]

RECONCILE = [
    *("reconcile", "mobilenet_v2", "--with", "thop=327486720", "--with", "0.3G", "--notes"),
    *("--with", "fvcore=2513545728"),
]

VALIDATE = [
    *("validate", "--from", "tests/measure/recorded_lenet5.json", "--device", "fitted_core"),
]

CASES = {
    "validate_80.txt": (80, VALIDATE),
    "validate_100.txt": (100, VALIDATE),
    "validate_160.txt": (160, [*VALIDATE, "--notes"]),
    "validate.md": (100, [*VALIDATE, "--format", "markdown"]),
    "fit_80.txt": (80, FIT),
    "fit_160.txt": (160, [*FIT, "--notes"]),
    "reconcile_80.txt": (80, RECONCILE),
    "check_80.txt": (80, CHECK),
    "check_120.txt": (120, CHECK),
    "check.md": (100, [*CHECK, "--format", "markdown"]),
    "check.junit.xml": (100, [*CHECK, "--format", "junit"]),
    "check.sarif": (100, [*CHECK, "--format", "sarif"]),
    "check.github": (100, [*CHECK, "--format", "github"]),
    "analyze_block_80.txt": (80, ["analyze", "mobilenet_v1", "--alpha", "0.5"]),
    "analyze_block_160.txt": (160, ["analyze", "mobilenet_v1", "--alpha", "0.5"]),
    "analyze_layer_100.txt": (100, ["analyze", "mobilenet_v3_large", "--by", "layer"]),
    "analyze_kind_80.txt": (
        80,
        [
            *("analyze", "densenet", "--by", "kind", "--precision", "int8"),
            *(word for name in SOME_DEVICES for word in ("--device", name)),
        ],
    ),
    "sweep_80.txt": (
        80,
        [
            *("sweep", "mobilenet_v1", "mobilenet_v2", "--alpha", "0.25:1.0:0.25"),
            *("--resolution", "8,128:224:32", "--precision", "fp32,int8"),
            *("--device", "fitted_core", "--device", "lower_bound_core"),
        ],
    ),
    "sweep_100.txt": (
        100,
        [
            "sweep",
            "mobilenet_v1",
            "--alpha",
            "0.01:1.0:0.01",
            "--pareto",
            "mult_adds,top1",
            "--top",
            "5",
            "--notes",
        ],
    ),
    "sweep_space_120.txt": (
        120,
        [
            *("sweep", "ofa_mobilenet_v3", "--sample", "1000", "--seed", "1", "--notes"),
            *("--resolution", "160:224:32", "--device", "fitted_core", "--limit", "params<=5M"),
        ],
    ),
    "analyze_thop.txt": (100, ["analyze", "shallow", "--convention", "thop", "--device", "none"]),
    "analyze.md": (100, ["analyze", "mobilenet_v1@alpha=0.25", "--format", "markdown"]),
    "analyze.json": (
        100,
        ["analyze", "mobilenet_v1:full@resolution=32", "--device", "h100", "--format", "json"],
    ),
    "analyze_bases_80.txt": (80, ["analyze", "mobilenet_v3_small", *EACH_BASIS]),
    "analyze_kernel_160.txt": (
        160,
        ["analyze", "shufflenet_v2", "--by", "kernel", "--top", "8", *EACH_BASIS],
    ),
    "compare_bases_120.txt": (
        120,
        ["compare", "shallow", "mobilenet_v1@alpha=0.75", *EACH_BASIS],
    ),
    "explain_bases_100.txt": (
        100,
        ["explain", "mobilenet_v1", "separable.depthwise_conv2d", *EACH_BASIS],
    ),
    "device_fitted_80.txt": (80, ["devices", "fitted_core"]),
    "devices_beside_80.txt": (80, ["devices", "fitted_core", "stick", "pixel_1"]),
    "devices_for_100.txt": (
        100,
        [
            *(
                "devices",
                "--for",
                "mobilenet_v1@alpha=0.5",
                "lower_bound_core",
                "h100",
                "fitted_core",
            ),
            *("stick", "datasheet_core", "stm32h743"),
        ],
    ),
    "compare_100.txt": (100, ["compare", "full", "vs", "separable"]),
    "compare_layer_80.txt": (
        80,
        [
            "compare",
            "mobilenet_v1@alpha=0.5",
            "mobilenet_v1",
            "--by",
            "kind",
            "--device",
            "pixel_1",
        ],
    ),
    "paper_2_80.txt": (80, ["paper", "--table", "2"]),
    "paper_14_160.txt": (160, ["paper", "mobilenet_v1", "--table", "1", "--table", "14"]),
    "explain_layer.txt": (100, ["explain", "mobilenet_v3_large", "bneck_4.SE"]),
    "explain_totals.txt": (100, ["explain", "mobilenet_v1"]),
    "models_160.txt": (160, ["models", "densenet", "--cost"]),
    "model_120.txt": (120, ["models", "show", "mobilenet_v1"]),
    "devices_100.txt": (100, ["devices"]),
    "device_pixel_1.txt": (100, ["devices", "pixel_1"]),
    "layer_conv_transpose2d.txt": (100, ["layers", "conv_transpose2d"]),
}


@pytest.mark.parametrize("name", CASES)
def test_golden(
    name: str,
    in_root: Path,
    made_up_devices: None,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    update_golden: bool,
) -> None:
    width, arguments = CASES[name]
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("NO_COLOR", "1")
    assert main(arguments) == 0
    out = capsys.readouterr().out
    if name.endswith(".txt"):
        assert max(map(len, out.splitlines())) <= width
    if update_golden:
        (GOLDEN / name).write_text(out, encoding="utf-8")
    assert out == (GOLDEN / name).read_text(encoding="utf-8")


def test_no_golden_file_is_left_over() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == set(CASES)
