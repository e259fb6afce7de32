"""`analyze`: what it refuses, and what it says of a network that is not modelled throughout."""

from __future__ import annotations

import pytest

from mnet_cost.analysis import analyze, analyze_network
from mnet_cost.errors import SpecError, UsageError
from mnet_cost.models.library import load_model
from mnet_cost.models.load import parse_spec
from mnet_cost.network import elaborate
from mnet_cost.tensors import PRECISIONS

HEAD = "format: 1\nname: hand\ninput: {x: [3, 4, 4]}\nlayers:\n"


def test_knobs_of_a_model_and_of_the_call() -> None:
    model = load_model("mobilenet_v1@alpha=0.5,classes=10")
    narrow = analyze(model.spec, {"alpha": 0.25, "classes": 10})
    assert analyze(model, {"alpha": 0.25}).totals == narrow.totals
    assert analyze(model).totals == analyze(model.spec, model.knobs).totals != narrow.totals


def test_unknown_precision() -> None:
    with pytest.raises(UsageError) as caught:
        analyze(load_model("mobilenet_v1"), precision="fp31")
    assert (
        str(caught.value) == "there is no precision `fp31`\nhint: there are fp32, fp16, bf16, int8"
    )
    with pytest.raises(UsageError, match=r"hint: there are fp32, fp16, bf16, int8$"):
        analyze(load_model("mobilenet_v1"), precision="double")


@pytest.mark.parametrize("precision", PRECISIONS)
def test_counts_do_not_depend_on_the_precision(precision: str) -> None:
    model = load_model("mobilenet_v1")
    default, other = analyze(model).totals, analyze(model, precision=precision).totals
    assert (default.mult_adds, default.params) == (other.mult_adds, other.params)
    assert default.weight_bytes / other.weight_bytes in (1, 2, 4)


def test_layers_without_cost_model_are_named() -> None:
    text = HEAD + "  - relu\n  - {id: sort, opaque: {operation: sort, shape: [3]}}\n"
    analysis = analyze(parse_spec(text))
    assert analysis.unmodelled == ("sort",)
    assert analysis.coverage == 0.5
    assert analysis.sums.vector_ops == 48


def test_nothing_left() -> None:
    spec = parse_spec(HEAD + "  - {relu: {}, repeat: 0}\n", path="none.yaml")
    with pytest.raises(SpecError, match=r"^none\.yaml:\d+:\d+: nothing is left of the network"):
        analyze(spec)


def test_the_schedule_of_the_network_is_kept() -> None:
    text = HEAD + "  - {id: a, relu: {}, from: x}\n  - {id: b, tanh: {}, from: x}\n"
    network = elaborate(parse_spec(text + "outputs: [a, b]\n")).with_schedule(["b", "a"])
    assert [cost.step.name for cost in analyze_network(network).layers] == ["b", "a"]
