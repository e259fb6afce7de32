"""The picture of a comparison: which times and accuracies are on it, and where."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

import mnet_cost
from mnet_cost.cli import main
from mnet_cost.report import compare_plot

pytest.importorskip("matplotlib")

PI, BOUND = "raspberry_pi_4_ncnn", "h100"
NAMES = ("mobilenet_v1", "mobilenet_v2", "lenet5")


def figure(names: Sequence[str] = NAMES, devices: Sequence[str] = (PI, BOUND)) -> Any:
    analyses = [mnet_cost.analyze(name, devices=devices) for name in names]
    return compare_plot._figure(names, analyses)


def test_times_are_points_with_their_ranges() -> None:
    times = figure().axes[0]
    v1 = mnet_cost.analyze("mobilenet_v1", devices=[PI]).devices[0]
    (first, *_), places = times.containers, [0, 1, 2]
    assert first.lines[0].get_xdata() == pytest.approx([1e3 * (v1.latency_s or 0)])
    (bar,) = first.lines[2][0].get_segments()
    assert bar[:, 0] == pytest.approx([1e3 * (v1.low_s or 0), 1e3 * (v1.high_s or 0)])
    assert [container.lines[0].get_ydata()[0] for container in times.containers] == places
    assert [label.get_text() for label in times.get_yticklabels()] == [PI, BOUND]
    assert list(times.get_yticks()) == [1, 5]


def test_lower_bounds_are_open_triangles() -> None:
    times = figure().axes[0]
    bounds = [line for line in times.lines if line.get_marker() == ">"]
    assert len(bounds) == 3
    assert {line.get_markerfacecolor() for line in bounds} == {"none"}
    assert times.get_xscale() == "log"
    assert times.get_xlabel() == "ms; open triangles: lower bounds"
    assert figure(devices=[PI]).axes[0].get_xlabel() == "ms"


def test_accuracies_are_against_the_times_of_the_first_device() -> None:
    accuracies = figure().axes[1]
    assert accuracies.get_ylabel() == "top-1 (%) on ImageNet, published"
    assert accuracies.get_title() == f"accuracy and time on {PI}"
    assert [container.lines[0].get_ydata()[0] for container in accuracies.containers] == [
        70.6,
        72.0,
    ]
    assert [text.get_text() for text in accuracies.texts] == ["mobilenet_v1", "mobilenet_v2"]
    assert len(figure(["mobilenet_v1", "lenet5"]).axes) == 1  # one accuracy compares with nothing


def test_names_are_no_formulas() -> None:
    analyses = [mnet_cost.analyze("lenet5", devices=[PI])] * 2
    drawn = compare_plot._figure(["$x^2$", "_b\x1b"], analyses)
    assert [text.get_text() for text in drawn.legends[0].texts] == ["\\$x^2\\$", "\u200b_b\\x1b"]
    drawn.savefig(BytesIO(), format="png")


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_the_command_and_python(ending: str, tmp_path: Path) -> None:
    target = tmp_path / f"times.{ending}"
    words = ["compare", "full", "separable", "--device", PI, "-o", str(tmp_path / "out.txt")]
    assert main([*words, "--plot", str(target)]) == 0
    size = target.stat().st_size
    assert size > 10_000
    target.unlink()
    mnet_cost.compare("full", "separable", devices=[PI]).plot(target)
    assert target.stat().st_size > 0.9 * size


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--plot", "a.pdf"], "a.pdf: a plot ends in `.png` or `.svg`"),
        (["--plot", ""], "--plot: a plot ends in"),
        (["--plot", "a.svg", "--device", "none"], "a plot needs times, and none is known"),
        (["--plot", "a.svg", "--batch", "1,8"], "a plot is of networks at one batch"),
        (["--plot", "a.svg", "--device", "all"], "times are too many for a plot"),
        (["--plot", "no/a.svg", "--device", PI], "no/a.svg: cannot be written: no such file"),
    ],
)
def test_what_cannot_be_drawn(
    words: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["compare", "full", "separable", *words]) == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
