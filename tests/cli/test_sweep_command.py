"""`mnet-cost sweep`: what it prints and writes, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as parquet
import pytest

from mnet_cost.cli import main

V1 = ("sweep", "mobilenet_v1", "--alpha", "0.25,0.5,0.75,1.0", "--resolution", "128:224:32")
DEVICE = ("--device", "pixel_1_tflite")


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = main(words)
    out, err = capsys.readouterr()
    return status, out, err


def test_points_of_the_paper(capsys: pytest.CaptureFixture[str]) -> None:
    """Tables 6 and 7 of arXiv:1704.04861: 569 M mult-adds and 4.2 M params at 1.0 and 224."""
    status, out, err = run(capsys, *V1, *DEVICE, "--format", "json")
    document = json.loads(out)
    assert (status, err) == (0, "")
    assert document["schema"] == "mnet-cost/sweep/1"
    assert (document["points"], document["valid"], document["broken"]) == (16, 16, [])
    assert document["metrics"]["mult_adds"] == {
        "least": 13_570_048, "most": 568_740_352, "known": 16,
    }  # fmt: skip
    assert document["metrics"]["params"]["most"] == 4_231_976
    best = document["front"][0]
    assert (best["alpha"], best["resolution"]) == (1.0, 224)
    assert (best["top1"], best["top1_basis"]) == (70.9, "published")
    # 113 ms were measured (arXiv:1801.04381, Table 4).
    assert best["latency_ms@pixel_1_tflite"] == pytest.approx(121.9, abs=0.1)


def test_it_fits_a_screen(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    _, out, _ = run(capsys, "sweep", "mobilenet_v1", "--alpha", "0.25:1.0:0.01", "--resolution",
                    "96:224:1", *DEVICE)  # fmt: skip
    lines = out.splitlines()
    assert lines[0] == "mobilenet_v1: 9,804 of 9,804 points hold"
    assert len(lines) <= 43
    assert max(map(len, lines)) <= 100


def test_several_networks_on_one_front(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(
        capsys, "sweep", "mobilenet_v1", "mobilenet_v2", "--alpha", "0.5:1.0:0.1",
        "--resolution", "128,224", "--pareto", "mult_adds,params", "--format", "json",
    )  # fmt: skip
    document = json.loads(out)
    assert status == 0
    assert document["valid"] == 24
    front = {(row["model"], row["alpha"], row["resolution"]) for row in document["front"]}
    assert ("mobilenet_v2", 0.5, 128) in front
    assert all(model == "mobilenet_v2" for model, _, _ in front if model != "mobilenet_v1")


def test_top_instead_of_the_front(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, *V1, "--pareto", "mult_adds,params", "--top", "2", "--format", "json")
    rows = json.loads(out)["top"]
    assert [row["mult_adds"] for row in rows] == [13_570_048, 21_059_200]


def test_all_points_in_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "points.parquet"
    status, out, _ = run(capsys, *V1, *DEVICE, "-o", str(file))
    table = parquet.read_table(file)
    assert status == 0
    assert table.num_rows == 16
    assert max(table["mult_adds"].to_pylist()) == 568_740_352
    assert 0 < sum(table["front"].to_pylist()) < 16
    assert out.startswith("mobilenet_v1: 16 of 16 points hold")

    status, _, err = run(capsys, *V1, *DEVICE, "-o", str(file))
    assert status == 2
    assert "points.parquet" in err
    assert "--force" in err
    assert run(capsys, *V1, *DEVICE, "-o", str(file), "--force")[0] == 0


def test_metrics_that_are_asked_for_alone(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("sweep", "mobilenet_v1", "--alpha", "0.5,1.0", "--format", "json")
    _, out, _ = run(capsys, *words, "--metrics", "params", "--pareto", "flops,params")
    document = json.loads(out)
    assert document["metrics"] == {
        "flops": {"least": 298_994_176, "most": 1_137_480_704, "known": 2},
        "params": {"least": 1_331_592, "most": 4_231_976, "known": 2},
        "top1": {"least": 63.7, "most": 70.6, "known": 2},
        "top5": document["metrics"]["top5"],
    }


def test_points_without_totals(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A layer of unknown cost leaves no totals, as in `analyze`; the peak follows from sizes."""
    spec = tmp_path / "net.yaml"
    spec.write_text(
        "format: 1\nname: net\nknobs: {w: 8}\ninput: {image: [3, 8, 8]}\nlayers:\n"
        "  - conv2d: {channels: w, kernel: 1}\n  - opaque: {operation: magic, shape: [w, 8, 8]}\n"
    )
    words = ("sweep", str(spec), "--set", "w=1:40:1", "--format", "json")
    status, out, err = run(capsys, *words)
    assert status == 3
    assert "40 points have no totals" in err
    assert "--lower-bound" in err
    assert list(json.loads(out)["metrics"]) == ["peak_memory_bytes"]
    status, out, err = run(capsys, *words, "--lower-bound")
    assert (status, err) == (0, "")
    assert json.loads(out)["metrics"]["mult_adds"]["most"] == 3 * 40 * 64


def test_points_that_break_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "sweep", "mobilenet_v1", "--alpha", "0.01,0.5", "--format", "json")
    assert json.loads(out)["broken"] == [
        {"points": 1, "cause": "`channels` must be at least 1, not 0"}
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--alfa", "1"), "unrecognized arguments"),
        (("--set", "alfa=0.5,1.0"), "did you mean `alpha`"),
        (("--alpha", "1.0:0.25:0.05"), "is empty"),
        (("--alpha", "0.25:1.0:0"), "never ends"),
        (("--alpha", "0.25:1.0:0.4"), "do not meet"),
        (("--alpha", "0.25,,1"), "a value is missing here"),
        (("--alpha", "0.5,0.5"), "there twice"),
        (("--alpha", "0.001,0.002"), "none of the 2 points"),
        (("--alpha", "0.5,1", "--pareto", "mult_ads"), "there is no metric `mult_ads`"),
        (("--alpha", "0.5,1", "--pareto", "latency"), "there is none"),
        (("--alpha", "0.5,1", "--metrics", "speed"), "there is no metric `speed`"),
        (("--alpha", "0.5,1", "--precision", "fp33"), "there is no precision `fp33`"),
        (("--alpha", "0.5,1", "-o", "points.txt"), ".parquet"),
        (("--alpha", "0.5,1", "--pareto", "params", "--plot", "p.png"), "needs two metrics"),
        (
            ("--resolution", "230,240", "--pareto", "top1"),
            "no `top1` is published for a point here",
        ),
        (("--alpha", "0.5,1", "--scheduler", "local:2"), "needs a folder to write to"),
        (("--alpha", "0.5,1", "--task-points", "9", "-o", "points.csv"), "needs a folder"),
        (("--alpha", "0.5,1", "--top", "101", "-o", "points/"), "the best 100 points"),
        (("--sample", "9", "--alpha", "0.5,1", "-o", "points/"), "no samples"),
        (("--alpha", "0.5,1", "--front-only"), "--front-only is about what is written"),
        ((), "a sweep needs values of a knob"),
    ],
)
def test_what_is_refused(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    try:
        status, _, err = run(capsys, "sweep", "mobilenet_v1", *words)
    except SystemExit as exit_:
        status, err = int(exit_.code or 0), capsys.readouterr().err
    assert status == 2
    assert said in err


def test_a_knob_is_set_or_swept(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, "sweep", "mobilenet_v1@alpha=0.5", "--alpha", "0.25,1")
    assert status == 2
    assert err.splitlines()[0].endswith(
        "the knob `alpha` is set in `mobilenet_v1@alpha=0.5` and swept"
    )


def test_accuracies_have_sources_and_an_empty_front_has_a_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, out, _ = run(capsys, *V1, "--format", "json")
    accuracies = json.loads(out)["accuracies"]
    assert [each["column"] for each in accuracies] == ["top1", "top5"]
    assert accuracies[0]["sources"][1] == "arXiv:1704.04861, Tables 4 to 7"
    # No network of so many classes was published: the front is over costs.
    _, out, _ = run(capsys, "sweep", "mobilenet_v1", "--set", "classes=10,100", "--format", "json")
    assert [each["column"] for each in json.loads(out)["objectives"]] == [
        "mult_adds", "peak_memory_bytes",
    ]  # fmt: skip
    without_int8 = ("--device", "ryzen_5700g", "--precision", "int8")
    _, out, _ = run(capsys, *V1, *without_int8, "--pareto", "latency,params")
    assert "no point is on the front: time on ryzen_5700g is known of no point" in out
