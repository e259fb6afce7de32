"""`mnet-cost analyze --training`: a section of the report, and `training` in the JSON."""

from __future__ import annotations

import json

import pytest

from mnet_cost.cli import main

MODEL = ["analyze", "mobilenet_v1", "--device", "none", "--batch", "8"]


def test_no_training_unless_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*MODEL, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["training"] is None
    assert main(MODEL) == 0
    assert "training" not in capsys.readouterr().out


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*MODEL, "--training", "--optimizer", "adam", "--format", "json"]) == 0
    training = json.loads(capsys.readouterr().out)["training"]
    assert (training["batch"], training["optimizer"]) == (8, "adam")
    assert training["forward_mult_adds"] == 8 * 568_740_352
    assert training["optimizer_bytes"] == 2 * 4 * 4_231_976
    assert training["activation_bytes"] == sum(
        tensor["bytes"] for tensor in training["saved_tensors"]
    )
    assert training["memory_bytes"] == (
        4 * 4 * 4_231_976 + 4 * 21_888 + training["activation_bytes"]
    )


def test_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*MODEL, "--training"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "training step 13,563,064,320 mult-adds at batch 8: forward 4.550 G" in text
    assert "buffers 87.6 kB, activations 378 MB" in text
    assert "a sum of what torch holds when the backward pass starts" in text


def test_unknown_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*MODEL, "--training", "--optimizer", "adm"]) == 2
    assert "did you mean `adam`?" in capsys.readouterr().err
    assert main([*MODEL, "--training", "--precision", "int8"]) == 2
    assert "no training in `int8`" in capsys.readouterr().err


def test_a_total_is_refused(tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    path = f"{tmp_path}/odd.yaml"
    with open(path, "w", encoding="utf-8") as file:
        file.write(
            "format: 1\nname: odd\ninput: {x: [4]}\nlayers:\n  - linear: {features: 3}\n"
            "  - opaque: {operation: magic, shape: [3]}\n"
        )
    assert main(["analyze", path, "--training", "--format", "json"]) == 3
    assert json.loads(capsys.readouterr().out)["training"]["memory_bytes"] is None
    assert main(["analyze", path, "--training", "--format", "json", "--lower-bound"]) == 0
    training = json.loads(capsys.readouterr().out)["training"]
    assert training["lower_bound"]
    assert training["activation_bytes"] == 16
