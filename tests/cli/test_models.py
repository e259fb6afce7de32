"""`mnet-cost models`: the list, search in it, and one model whole."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from mnet_cost import analyze
from mnet_cost.cli import main
from mnet_cost.models import library

SPEC = """\
format: 1
name: mine
source: a notebook
knobs:
  width: {default: 8, published: [8, 16], help: channels}
  act: {default: relu, choices: [relu, tanh]}
  deep: true
input: {image: [3, 4, 4]}
layers:
  - {id: first, conv2d: {channels: width, kernel: {choose: [1, 3]}}}
  - {id: second, batch_norm: {}, when: deep}
  - {id: scores, global_avg_pool: {}}
outputs: [scores]
variants:
  same: {}
  large:
    knobs: {width: 16, deep: false}
    layers: {second: null, first: {repeat: 2}}
  odd: {let: {x: 3}, layers: {second: tanh}, input: {image: [3, 5, 5]}, outputs: [first]}
published:
  a paper | with a bar:
    - {top1: 70.6, mult_adds: 0.4 k, params: 0.1 k}
    - {at: {width: 16}, mult_adds: 0.7 k, params: 0.3 M, note: "half, or so"}
    - {variant: large, top5: 90.0, mult_adds: 1 T}
    - {at: {width: -3}, mult_adds: 1 k}
"""


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture
def mine(tmp_path: Path) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(SPEC)
    return str(path)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(["models", *arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    status, out, err = run(capsys, *arguments, "--format", "json")
    assert (status, err) == (0, "")
    return json.loads(out)


def test_a_family_has_a_row_for_each_network(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "densenet", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [(row["name"], row["params"]) for row in rows] == [  # as torchvision counts them
        ("densenet121", "7978856"),
        ("densenet169", "14149480"),
        ("densenet201", "20013928"),
        ("densenet161", "28681000"),
    ]
    assert rows[0]["mult_adds"] == "2834161664"
    model = document(capsys, "densenet121")["models"][0]
    assert model["names"] == ["densenet", "densenet:densenet121", "densenet121"]
    assert model["input_shapes"] == {"image": [3, 224, 224]}


def test_published_accuracy_comes_with_its_source(capsys: pytest.CaptureFixture[str]) -> None:
    models = document(capsys, "mobilenet_v1")["models"]
    (v1,) = (model for model in models if model["name"] == "mobilenet_v1")
    assert v1["published"][0]["figures"] == {
        "top1": 70.6,
        "mult_adds": 569_000_000,
        "params": 4_200_000,
    }
    assert "1704.04861" in v1["published"][0]["source"]
    _, out, _ = run(capsys, "mobilenet_v1:full")
    (line,) = (line for line in out.splitlines() if line.startswith("mobilenet_v1:full"))
    assert "4.867 G  29.29 M     71.7  ImageNet  arXiv:1704.04861, Tables 4 to 7" in line
    assert (v1["top1"], v1["dataset"], v1["miou"]) == (70.6, "ImageNet", None)


def test_close_spelling(capsys: pytest.CaptureFixture[str]) -> None:
    names = [model["name"] for model in document(capsys, "mobilnet_v1")["models"]]
    assert names[0] == "mobilenet_v1"
    assert not any("v2" in name or "densenet" in name for name in names)
    status, out, err = run(capsys, "xyzzy")
    assert (status, out) == (2, "")
    assert err == "mnet-cost: no network matches `xyzzy`\nhint: `mnet-cost models` lists all\n"


def test_cost(capsys: pytest.CaptureFixture[str]) -> None:
    without_int8 = ("--device", "ryzen_5700g", "--precision", "int8")
    (model,) = document(capsys, "mobilenet_v1:full", *without_int8)["models"]
    assert model["precision"] == "int8"
    assert model["weight_bytes"] == 29_294_088
    assert model["devices"] == [
        {"name": "ryzen_5700g", "runtime": "any", "threads": 1, "basis": None, "latency_ms": None}
    ]
    status, text, _ = run(capsys, "mobilenet_v1", *without_int8)
    assert status == 0
    assert "ryzen_5700g" in text
    assert "(None)" not in text
    (model,) = document(capsys, "mobilenet_v1:full", "--cost")["models"]
    assert model["peak_memory_bytes"] == 4_816_896
    names = [device["name"] for device in model["devices"]]
    assert names == ["pixel_1_tflite", "raspberry_pi_4_ncnn", "h100"]
    assert model["devices"][0]["basis"] == "fitted"
    (estimate,) = analyze("mobilenet_v1:full", devices=["pixel_1_tflite"]).devices
    assert estimate.latency_s is not None
    assert model["devices"][0]["latency_ms"] == pytest.approx(1e3 * estimate.latency_s)
    assert "weight_bytes" not in document(capsys, "mobilenet_v1:full")["models"][0]


def test_a_broken_file_is_named_and_the_others_are_listed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "specs_folder", lambda: tmp_path)
    good = "format: 1\nname: a\ninput: {x: [3, 8, 8]}\nlayers: [relu]\n"
    (tmp_path / "a.yaml").write_text(good)
    (tmp_path / "b.yaml").write_text("name: [\n")
    (tmp_path / "c.yaml").write_text(good.replace("relu", "rellu"))
    (tmp_path / "d.yaml").write_text(
        good.replace("relu", "{conv2d: {channels: 1, kernel: 99, padding: valid}}")
    )
    status, out, err = run(capsys)
    assert status == 2
    assert "\na        [3, 8, 8]" in out
    notes = "".join(out[out.index("left out") :].split())
    for name, what in (("b", "not valid YAML"), ("c", "`rellu`"), ("d", "kernel")):
        assert f"leftout:{tmp_path / name}.yaml:" in notes
        assert f"mnet-cost: left out: {tmp_path / name}.yaml:" in err
        assert what in err
    assert "did you mean `relu`?" in err


@pytest.mark.parametrize("form", ["text", "json", "csv", "markdown", "html"])
def test_show_in_every_format(capsys: pytest.CaptureFixture[str], mine: str, form: str) -> None:
    status, out, err = run(capsys, "show", mine, "--format", form)
    assert (status, err) == (0, "")
    assert "384" in out
    assert "70.6" in out


def test_show(capsys: pytest.CaptureFixture[str], mine: str) -> None:
    model = document(capsys, "show", mine)
    # 1x1 convolution: 3 * 8 weights at 4 * 4 places; the norm has two vectors.
    assert (model["mult_adds"], model["params"]) == (384, 24 + 16)
    assert model["kinds"] == {"conv2d": 1, "batch_norm": 1, "global_avg_pool": 1}
    assert model["inputs"] == {"image": [3, 4, 4]}
    assert model["outputs"] == {"scores": [8]}
    assert model["choices"] == {"first.kernel": [1, 3]}
    assert [knob["name"] for knob in model["knobs"]] == ["width", "act", "deep"]
    assert model["variants"] == {
        "same": "nothing: another name of the network as it is",
        "large": "width 16, deep false, without second, another first",
        "odd": "x = 3, second is tanh, another image, other outputs",
    }
    assert [row["ours"] for row in model["published"]] == [
        {
            "mult_adds": {"value": 384, "way": "rounded", "printed": "0.4 k"},
            "params": {"value": 40, "way": "differs by -60 %", "printed": "0.1 k"},
        },
        {
            "mult_adds": {"value": 768, "way": "truncated", "printed": "0.7 k"},
            "params": {"value": 80, "way": "differs by -100 %", "printed": "0.3 M"},
        },
        {"mult_adds": {"value": 4864, "way": "differs by -100 %", "printed": "1 T"}},
        {"mult_adds": {"value": None, "way": "cannot be built", "printed": "1 k"}},
    ]


def test_show_of_a_variant_has_its_rows_and_all_variants(
    capsys: pytest.CaptureFixture[str], mine: str
) -> None:
    model = document(capsys, "show", f"{mine}:large")
    assert [row["figures"] for row in model["published"]] == [{"top5": 90.0, "mult_adds": 10**12}]
    assert list(model["variants"]) == ["same", "large", "odd"]
    _, out, _ = run(capsys, "show", f"{mine}:large")
    assert "Variants; this is large" in out


def test_show_names_commands_that_run(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "show", "mobilenet_v1")
    commands = [line[2:].split() for line in out.splitlines() if line.startswith("* mnet-cost")]
    assert len(commands) == 4
    for command in commands:
        assert main(command[1:]) == 0


@pytest.mark.parametrize(
    "arguments", [["show"], ["show", "a", "b"], ["show", "densenet", "--cost"]]
)
def test_show_takes_one_model(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    status, _, err = run(capsys, *arguments)
    assert status == 2
    assert err.startswith("mnet-cost: `models show` takes one model\nhint: ")


def test_analyze_shows_the_figures_of_its_setting(
    capsys: pytest.CaptureFixture[str], mine: str
) -> None:
    main(["analyze", mine, "--device", "none"])
    out = capsys.readouterr().out
    assert "70.6 %" in out
    assert "top-1, 0.4 k mult-adds, 0.1 k params" in out
    main(["analyze", mine, "--set", "width=16", "--device", "none", "--format", "json"])
    assert json.loads(capsys.readouterr().out)["published"] == [
        {
            "source": "a paper | with a bar",
            "dataset": None,
            "note": "half, or so",
            "figures": {"mult_adds": 700, "params": 300_000},
        }
    ]
    for other in ("width=9", "first.kernel=3"):
        main(["analyze", mine, "--set", other, "--device", "none", "--format", "json"])
        assert json.loads(capsys.readouterr().out)["published"] == []
    main(["analyze", mine, "--set", "first.kernel=1", "--device", "none", "--format", "json"])
    assert len(json.loads(capsys.readouterr().out)["published"]) == 1
    main(["analyze", mine, "--device", "none", "--format", "markdown"])
    assert r"0.1 k params; a paper \| with a bar" in capsys.readouterr().out


def test_compare_shows_the_accuracy_that_most_have(
    capsys: pytest.CaptureFixture[str], mine: str
) -> None:
    networks = [mine, f"{mine}@width=16", f"{mine}:same"]
    main(["compare", *networks, "--device", "none", "--format", "csv"])
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["top1"] for row in rows] == ["70.6", "", "70.6"]
    assert [row["dataset"] for row in rows] == ["ImageNet", "", "ImageNet"]
    main(["compare", f"{mine}@width=16", f"{mine}@width=9", "--format", "csv"])
    assert "top1" not in capsys.readouterr().out
