"""The public surface of the package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mnet_cost


def test_all_names_are_there() -> None:
    names = mnet_cost.__all__
    assert sorted(names) == dir(mnet_cost)
    assert len(set(names)) == len(names)
    for name in names:
        assert getattr(mnet_cost, name) is not None


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="has no attribute `analyse`"):
        mnet_cost.analyse  # noqa: B018


def test_analyze_takes_models_and_specs() -> None:
    model = mnet_cost.load_model("mobilenet_v1@alpha=0.5")
    half = mnet_cost.analyze(model)
    assert half.totals.mult_adds == 149_497_088
    assert mnet_cost.analyze(model, {"alpha": 0.25}).totals.mult_adds == 41_030_272
    assert mnet_cost.analyze(model.spec).totals.mult_adds == 568_740_352


def test_analyze_takes_names_and_paths(tmp_path: Path) -> None:
    assert mnet_cost.analyze("mobilenet_v1").totals.mult_adds == 568_740_352
    analysis = mnet_cost.analyze("mobilenet_v1@alpha=0.5", {"resolution": 128}, devices=["pixel_1"])
    assert (analysis.network.knobs["alpha"], analysis.network.knobs["resolution"]) == (0.5, 128)
    assert analysis.devices[0].device == mnet_cost.load_device("pixel_1")
    text = "format: 1\nname: small\ninput: {x: [3]}\nlayers: [{linear: {features: 2}}]\n"
    for name in ("net.yaml", "net.YAML", "net.Yml", "a@b.yaml", "no_ending"):
        path = tmp_path / name
        path.write_text(text)
        assert mnet_cost.load_model(path).name == "small"
        assert mnet_cost.analyze(path).totals.mult_adds == 6
    for name in ("net.yaml", "net.YAML", "net.Yml"):
        assert mnet_cost.analyze(str(tmp_path / name)).totals.mult_adds == 6


def test_a_path_object_is_the_name_of_a_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(mnet_cost.MnetCostError) as caught:
        mnet_cost.load_model(Path("mobilenet_v1"))
    assert str(caught.value) == "mobilenet_v1: cannot be read: no such file or directory"
    Path("UPPER.YML").write_text("format: 1\nname: u\ninput: {x: [3]}\nlayers: [relu]\n")
    assert mnet_cost.load_model("UPPER.YML@batch=2").name == "u"


@pytest.mark.parametrize("model", [None, 3, ["mobilenet_v1"], {"name": "x"}, object])
def test_what_is_no_model(model: Any) -> None:
    with pytest.raises(TypeError) as caught:
        mnet_cost.analyze(model)
    assert str(caught.value) == (
        f"a model is a name, a path or what load_model gives, not {model!r}"
    )


def test_sweep_gives_arrays_and_shows_itself(tmp_path: Path) -> None:
    sweep = mnet_cost.sweep(
        "mobilenet_v1", alpha="0.5:1.0:0.25", resolution=[128, 224], precision=["fp32", "int8"]
    )
    assert repr(sweep) == (
        "<Sweep mobilenet_v1: 12 of 12 points, 6 on the front of mult_adds and top1>"
    )
    assert sweep.columns["mult_adds"].max() == 568_740_352
    assert sweep.columns["mult_adds"].dtype == "int64"
    assert sweep.columns["front"].sum() == len(sweep.front) == 6
    assert sweep.to_dict()["points"] == 12
    assert "569 M" in sweep.report(width=80)
    sweep.write(tmp_path / "points.csv")
    sweep.plot(tmp_path / "front.svg")
    assert len((tmp_path / "points.csv").read_text().splitlines()) == 13


def test_sweep_refuses_what_cannot_be() -> None:
    with pytest.raises(mnet_cost.MnetCostError, match="is there twice"):
        mnet_cost.sweep("mobilenet_v1", alpha=[0.5, 0.5])
    with pytest.raises(mnet_cost.MnetCostError, match="has the knob `alfa`"):
        mnet_cost.sweep("mobilenet_v1", alfa=[0.5, 1.0])
    with pytest.raises(mnet_cost.MnetCostError, match="too many to keep"):
        mnet_cost.sweep("mobilenet_v1", alpha="0.01:1:0.0001", resolution="32:2048:1")
    with pytest.raises(mnet_cost.MnetCostError, match="a sweep needs a network"):
        mnet_cost.sweep(alpha=[0.5, 1.0])
