"""The public surface of the package."""

from __future__ import annotations

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
