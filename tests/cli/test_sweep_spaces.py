"""`mnet-cost sweep` of design spaces: samples, searches, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import pytest

import mnet_cost
from mnet_cost.cli import main

SPACE = ("sweep", "ofa_mobilenet_v3")
DEVICE = ("--device", "pixel_1_tflite")


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = main(words)
    out, err = capsys.readouterr()
    return status, out, err


def test_samples_are_what_single_analyses_give(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "samples.parquet"
    words = (*SPACE, "--sample", "200", "--seed", "3", "--resolution", "160,224", *DEVICE)
    status, out, err = run(capsys, *words, "-o", str(file), "--format", "json")
    assert (status, err) == (0, "")
    document = json.loads(out)
    assert (document["points"], document["valid"], document["broken"]) == (200, 200, [])
    assert document["selection"] == {
        "method": "sample", "count": 200, "seed": 3,
        "spaces": [{"model": "ofa_mobilenet_v3", "combinations": str(2 * 3**5 * 9**20),
                    "one_by_one": 0, "why_one_by_one": None}],
    }  # fmt: skip
    assert document["objectives"] == [
        {"column": "mult_adds", "better": "more"},
        {"column": "latency_ms@pixel_1_tflite", "better": "less"},
    ]
    rows = parquet.read_table(file).to_pylist()
    for row in rows[:20]:
        knobs = {
            name: value for name, value in row.items()
            if value is not None and (name.startswith(("depth", "stage")) or name == "resolution")
        }  # fmt: skip
        assert ("stage1.block3.kernel" in knobs) == (row["depth1"] >= 3)
        analysis = mnet_cost.analyze("ofa_mobilenet_v3", knobs, devices=["pixel_1_tflite"])
        assert row["mult_adds"] == analysis.totals.mult_adds
        assert row["peak_memory_bytes"] == analysis.memory.peak_bytes
        (estimate,) = analysis.devices
        for column, seconds in (
            ("latency_ms", estimate.latency_s),
            ("latency_low_ms", estimate.low_s),
            ("latency_high_ms", estimate.high_s),
        ):
            assert row[f"{column}@pixel_1_tflite"] == pytest.approx(1e3 * (seconds or 0), rel=1e-12)
    assert {row["resolution"] for row in rows} == {160, 224}
    run(capsys, *words, "-o", str(tmp_path / "again.parquet"))
    assert parquet.read_table(tmp_path / "again.parquet").to_pylist() == rows


def test_one_screen_shows_the_choices(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "130")
    _, out, _ = run(capsys, *SPACE, "--sample", "2000", *DEVICE)
    lines = out.splitlines()
    assert lines[:2] == [
        "ofa_mobilenet_v3: 2,000 of 2,000 points hold",
        "fp32 · pixel_1_tflite · 2,000 random samples, seed 0",
    ]
    assert len(lines) <= 42
    assert max(map(len, lines)) <= 130
    header = next(line for line in lines if line.startswith("depth1"))
    assert header.split()[5:7] == ["kernel", "expand"]


@pytest.mark.parametrize("method", ["evolution", "optuna"])
def test_a_search_finds_points_within_limits(
    method: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = run(
        capsys, *SPACE, "--search", method, "--evaluations", "150", "--seed", "1", *DEVICE,
        "--limit", "latency<=80ms", "--format", "json",
    )  # fmt: skip
    document = json.loads(out)
    assert status == 0
    assert document["points"] == 150
    assert 30 < document["within_limits"] < 150
    assert all(row["latency_ms@pixel_1_tflite"] <= 80 for row in document["front"])


def test_an_exact_search(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(
        capsys, *SPACE, "--search", "exact", *DEVICE, "--pareto", "mult_adds:more,latency",
        "--limit", "latency<=40ms", "--format", "json",
    )  # fmt: skip
    document = json.loads(out)
    assert status == 0
    assert document["points"] == len(document["front"]) == document["within_limits"]
    assert document["selection"]["count"] is None
    best = document["front"][0]
    assert 39.9 < best["latency_ms@pixel_1_tflite"] <= 40
    knobs = {
        name: value for name, value in best.items()
        if value is not None and name.startswith(("depth", "stage"))
    }  # fmt: skip
    assert mnet_cost.analyze("ofa_mobilenet_v3", knobs).totals.mult_adds == best["mult_adds"]


def test_metrics_that_tables_cannot_have(capsys: pytest.CaptureFixture[str]) -> None:
    """By name they are had, from analyses one by one; else a note names them."""
    words = (*SPACE, "--sample", "40", *DEVICE, "--format", "json")
    _, out, _ = run(capsys, *words)
    assert "lower_bound_ms" not in out.partition('"front"')[0]
    _, out, _ = run(capsys, *words, "--metrics", "lower_bound,params")
    document = json.loads(out)
    assert document["metrics"]["bound_ms@pixel_1_tflite"]["known"] == 40
    (space,) = document["selection"]["spaces"]
    assert space["one_by_one"] == 40
    assert space["why_one_by_one"].startswith("the lower bound of a block depends on")
    _, out, _ = run(capsys, *SPACE, "--sample", "40", *DEVICE, "--device", "raspberry_pi_4_ncnn")
    assert "without `energy_mj@pixel_1_tflite`" in " ".join(out.split())


def test_several_spaces_on_one_front(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(
        "format: 1\nname: small\nknobs: {on: {default: true, choices: [true, false]}}\n"
        "input: {image: [3, 32, 32]}\nlayers:\n"
        "  - {id: a, conv2d: {channels: {choose: [8, 16]}, kernel: {choose: [1, 3]}}}\n"
        "  - {id: b, layers: [relu], when: on}\n"
    )
    status, out, _ = run(
        capsys, *SPACE, str(path), "--sample", "100", "--precision", "fp32,int8",
        "--pareto", "mult_adds,params", "--format", "json",
    )  # fmt: skip
    document = json.loads(out)
    assert status == 0
    assert document["points"] == 400
    assert {row["model"] for row in document["front"]} == {str(path)}
    assert set(document["axes"]["on"]) == {True, False}


def test_flags_and_words_of_blocks_that_are_left_out(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "kinds.yaml"
    path.write_text(
        "format: 1\nname: kinds\nknobs: {on: {default: true, choices: [true, false]}}\n"
        "input: {image: [3, 8, 8]}\n"
        "blocks:\n  part:\n    arguments:\n      bias: {choose: [true, false]}\n"
        "      nl: {choose: [relu, silu]}\n      t: {choose: [0.5, 1.25]}\n"
        "    layers:\n      - conv2d: {channels: floor(16 * t), kernel: 1, bias: bias}\n"
        "      - nl\n      - conv2d: {channels: 8, kernel: 1}\n"
        "layers:\n  - conv2d: {channels: 8, kernel: 1}\n  - {id: a, part: {}}\n"
        "  - {id: b, part: {}, when: on}\n"
    )
    words = ("sweep", str(path), "--sample", "60")
    names = ("b.bias", "b.nl", "b.t")
    for ending in ("parquet", "json"):
        file = tmp_path / f"points.{ending}"
        assert run(capsys, *words, "-o", str(file))[0] == 0
        rows = (
            parquet.read_table(file).to_pylist()
            if ending == "parquet"
            else json.loads(file.read_text())["points"]
        )
        left_out = {tuple(row[name] for name in names) for row in rows if not row["on"]}
        there = {tuple(row[name] for name in names) for row in rows if row["on"]}
        assert left_out == {(None, None, None)}
        assert (True, "silu", 1.25) in there
        assert all(type(flag) is bool for flag, _, _ in there)
    _, out, _ = run(capsys, *words)
    assert "true true" in out or "true false" in out or "false true" in out


def test_a_folder_has_no_samples(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = f"{tmp_path / 'points'}/"
    status, _, err = run(capsys, *SPACE, "--search", "exact", "-o", folder)
    assert status == 2
    assert "a folder has the points of a grid, no samples" in err


def test_a_space_in_python() -> None:
    """A choice of a block that is left out is NaN; both ways to ask give the same."""
    sweep = mnet_cost.sweep(
        "ofa_mobilenet_v3", sample=500, seed=1, limits="params<=5M", pareto="mult_adds:more,params"
    )
    columns = sweep.columns
    assert np.array_equal(np.isnan(columns["stage2.block4.kernel"]), columns["depth2"] < 4)
    assert sweep.summary.limits.within == int((columns["params"] <= 5e6).sum())
    exact = mnet_cost.sweep("ofa_mobilenet_v3", search="exact", pareto="mult_adds:more,params")
    assert max(row["mult_adds"] for row in exact.front) == max(exact.columns["mult_adds"])


REFUSED = [
    (("--sample", "0"), "--sample is a whole number from 1 to 10,000,000,000, not 0"),
    (("--sample", "99999999999"), "not 99,999,999,999"),
    (("--sample", "5", "--seed", "-1"), "--seed is a whole number from 0"),
    (("--sample", "5", "--search", "exact"), "--sample and --search exclude each other"),
    (("--sample", "5", "--evaluations", "3"), "--evaluations belongs to --search"),
    (("--seed", "1", "--alpha", "1.0,1.2"), "--seed belongs to --sample or --search"),
    (("--search", "evolution"), "--search evolution needs a number of evaluations"),
    (("--search", "evolutoin", "--evaluations", "5"), "did you mean `evolution`"),
    (("--search", "exact", "--evaluations", "5"), "--search exact has no --evaluations"),
    (("--search", "exact", "--seed", "5"), "--search exact has no --seed"),
    (("--search", "evolution", "--evaluations", "0"), "--evaluations is a whole number from 1"),
    (("--search", "evolution", "--evaluations", "9", "--storage", "s"), "keeps nothing"),
    (("--search", "optuna", "--evaluations", "9", "--storage", "no://x"), "cannot be used"),
    (
        ("--search", "evolution", "--evaluations", "9", "--precision", "fp32,int8"),
        "a search is at one precision",
    ),
    (("--sample", "5", "--set", "kernl=3,5"), "no network here has the knob `kernl`"),
    (("--sample", "5", "--set", "stage1.block1.kernel=3,9"), "is one of 3, 5, 7, not 9"),
    (("--sample", "5", "--limit", "speed<=3"), "there is no metric `speed`"),
    (("--sample", "5", "--pareto", "params:most"), "`most` is no direction"),
    (("--sample", "50", "--limit", "params<=2M"), "no point is within the limit params<=2M"),
    (("--search", "exact", "--limit", "params<=2M"), "the closest point has params 3.411 M"),
    ((), "--sample 1000 is for design spaces"),
]


@pytest.mark.parametrize(("words", "said"), REFUSED)
def test_what_is_refused(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    status, out, err = run(capsys, *SPACE, *words)
    assert (status, out) == (2, "")
    assert said in err


def test_a_network_without_choices(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, "sweep", "mobilenet_v1", "--sample", "5")
    assert status == 2
    assert err == (
        "mnet-cost: mobilenet_v1 has nothing to choose: no `choose`, and no knob with `choices`\n"
        "hint: give values of a knob, as in --set resolution=192,224\n"
    )
    assert run(capsys, "sweep", "mobilenet_v1", "--sample", "5", "--alpha", "0.25:1.0:0.05")[0] == 0


def test_a_space_with_no_valid_point(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(
        "format: 1\nname: broken\ninput: {image: [3, 8, 8]}\nlayers:\n"
        "  - {id: a, conv2d: {channels: 8, kernel: {choose: [9, 11]}, padding: 0}}\n"
    )
    search = ("--search", "evolution", "--evaluations", "50")  # each of the two networks once
    for words, points in ((("--sample", "50"), 50), (search, 2)):
        status, _, err = run(capsys, "sweep", str(path), *words)
        assert status == 2
        assert f"none of the {points} points of this sweep is a network" in err
        assert "does not fit into an image 8 high" in err
    status, _, err = run(capsys, "sweep", str(path), "--search", "exact")
    assert status == 2
    assert "no combination of options is a network" in err
    assert "does not fit into an image 8 high" in err
