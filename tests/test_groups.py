"""Channel groups: which layers change together, worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest
from spec_text import network

from mnet_cost.errors import UsageError
from mnet_cost.layers import LAYERS
from mnet_cost.layers.conv import Conv2d
from mnet_cost.models.calls import known_fields
from mnet_cost.models.library import load_model
from mnet_cost.network import Network, elaborate
from mnet_cost.network.groups import find_groups
from mnet_cost.network.rebuild import MisfitError, changed_layer, with_layers
from mnet_cost.tensors import RuleViolation

UNEQUAL = "needs sizes that are equal or 1"


def groups(net: Network) -> dict[str, dict[str, int]]:
    """By the layer that names a group: its own change and those of the others."""
    return {
        net.steps[group.starts[0]].name: {
            net.steps[member.step].name: member.change for member in group.members
        }
        for group in find_groups(net).groups
    }


def fixed(net: Network) -> dict[str, str]:
    return {net.steps[layer.step].name: layer.reason for layer in find_groups(net).fixed}


def library(name: str, **knobs: Any) -> Network:
    model = load_model(name, knobs)
    return elaborate(model.spec, model.knobs)


def alone(*names: str) -> dict[str, dict[str, int]]:
    return {name: {name: 1} for name in names}


def together(*names: str) -> dict[str, dict[str, int]]:
    return {names[0]: dict.fromkeys(names, 1)}


def test_depthwise_layers_and_norms_belong_to_the_layer_before() -> None:
    found = groups(library("mobilenet_v1"))
    assert found == alone(
        "stem", "separable.conv2d", *(f"separable_{i}.conv2d" for i in range(2, 7)),
        *(f"middle.{i}.conv2d" for i in range(1, 6)), "separable_7.conv2d", "separable_8.conv2d",
        "logits",
    )  # fmt: skip


def test_residual_sums_tie_the_layers_that_make_their_operands() -> None:
    found = groups(library("resnet18"))
    wanted = together(
        "conv1.conv2d", "conv2.bottleneck.main.conv2d", "conv2.bottleneck_2.1.main.conv2d"
    )
    for stage in ("conv3", "conv4", "conv5"):
        wanted |= together(
            f"{stage}.bottleneck.main.conv2d",
            f"{stage}.bottleneck.shortcut.conv2d",
            f"{stage}.bottleneck_2.1.main.conv2d",
        )
    for stage in ("conv2", "conv3", "conv4", "conv5"):
        wanted |= alone(f"{stage}.bottleneck.conv.conv2d", f"{stage}.bottleneck_2.1.conv.conv2d")
    assert found == wanted | alone("logits")


def test_the_gate_of_a_squeeze_excite_is_tied_to_what_it_multiplies() -> None:
    found = groups(library("mobilenet_v3_small"))
    assert found["bneck_4.expand"] == {"bneck_4.expand": 1, "bneck_4.SE.excite": 1}
    assert found["bneck_4.SE.squeeze"] == {"bneck_4.SE.squeeze": 1}
    assert found["bneck_4.project"] == dict.fromkeys(
        ("bneck_4.project", "bneck_5.project", "bneck_6.project"), 1
    )
    assert found["stem"] == {"stem": 1, "bneck.SE.excite": 1}
    assert len(found) == 28


def test_a_split_into_halves_takes_the_later_units_along() -> None:
    """Of the first stage of ShuffleNet V2: both branches make a sum of channels that has to be
    even, and so on in each unit behind."""
    found = groups(library("shufflenet_v2"))
    units = [f"stage.basic.{i}.conv_2.conv2d" for i in (1, 2, 3)]
    assert found["stage.down.short.conv2d"] == dict.fromkeys(
        ("stage.down.short.conv2d", "stage.down.long.conv2d", *units), 1
    )
    assert found[units[1]] == {units[1]: 2, units[2]: 1}
    assert found[units[2]] == {units[2]: 2}
    assert found["stage.basic.1.conv.conv2d"] == {"stage.basic.1.conv.conv2d": 1}


def test_concatenations_tie_nothing() -> None:
    found = groups(library("densenet"))
    assert len(found) == 121
    assert all(members == {name: 1} for name, members in found.items())


def test_heads_have_to_divide() -> None:
    found = groups(library("vit"))
    stream = ["patches", *(f"encoder.{i}.linear_2" for i in range(1, 13))]
    assert found["patches"] == dict.fromkeys(stream, 12)
    assert found["encoder.1.linear"] == {"encoder.1.linear": 1}


def test_groups_of_convolutions_are_the_step() -> None:
    net = network("""
    layers:
      - {id: a, conv2d: {channels: 12, kernel: 1}}
      - {id: b, conv2d: {channels: 8, kernel: 3, groups: 4}}
      - {id: c, conv2d: {channels: 6, kernel: 1}}
    """)
    assert groups(net) == {"a": {"a": 4}, "b": {"b": 4}, "c": {"c": 1}}


def test_a_convolution_with_a_group_for_each_channel_follows_its_input() -> None:
    net = network("""
    layers:
      - {id: a, conv2d: {channels: 6, kernel: 1}}
      - {id: b, conv2d: {channels: 12, kernel: 3, groups: 6}}
      - {id: c, conv2d: {channels: 5, kernel: 1}}
    """)
    assert groups(net) == {"a": {"a": 1}, "c": {"c": 1}}
    (a, _) = find_groups(net).groups
    wider = with_layers(net, a.layers(net, 2)).steps[1].layer
    assert wider == Conv2d(channels=16, kernel=3, groups=8)


def test_sizes_that_repeat_a_width_follow() -> None:
    """Query, key and value are thirds of one linear layer, of two heads each; a reshape
    states their sizes. A step of the layer is a feature more for each head of each third; of the
    two sizes that could follow, the first does."""
    net = network("""
    input: {x: [5, 8]}
    layers:
      - {id: a, linear: {features: 12}}
      - {id: cut, split: {parts: 3}}
      - {id: mixed, scaled_dot_product_attention: {heads: 2}, from: [cut.0, cut.1, cut.2]}
      - {id: heads, reshape: {shape: [5, 2, 2]}}
    """)
    (found,) = find_groups(net).groups
    assert (found.channels, found.step, found.is_output) == (12, 6, True)
    wider = with_layers(net, found.layers(net, 1))
    assert str(wider.tensors[-1].type) == "[5, 3, 2]"
    assert list(found.fields) == [0, 3]


def test_a_split_into_stated_sizes_changes_in_one_of_them() -> None:
    net = network("""
    input: {x: [5, 8]}
    layers:
      - {id: a, linear: {features: 12}}
      - {id: cut, split: {sizes: [8, 4]}}
      - {id: b, linear: {features: 3}, from: cut.0}
      - {id: c, linear: {features: 3}, from: cut.1}
    outputs: [b, c]
    """)
    a = find_groups(net).groups[0]
    assert a.step == 1
    assert [str(tensor.type) for tensor in with_layers(net, a.layers(net, 2)).tensors[1:4]] == [
        "[5, 14]", "[5, 10]", "[5, 4]",
    ]  # fmt: skip


def test_layers_that_share_weights_change_once() -> None:
    net = network("""
    input: {x: [8]}
    layers:
      - {id: a, linear: {features: 8}}
      - {id: again, use: a}
      - {id: b, linear: {features: 3}}
    """)
    # Its input is the image of 8 features in one place, and its own output in the other.
    assert groups(net) == {"b": {"b": 1}}
    assert fixed(net) == {
        "a": "`again` (linear) does not fit any more: it cannot use the weights of `a`"
    }


def test_a_width_that_is_given_by_the_input_cannot_change() -> None:
    net = network("""
    layers:
      - {id: a, conv2d: {channels: 3, kernel: 3}}
      - add: [a, image]
    """)
    assert groups(net) == {}
    (message,) = fixed(net).values()
    assert message.startswith(f"`add` (add) does not fit any more: {UNEQUAL}")


def test_a_block_alone() -> None:
    net = library("mobilenet_v1")
    (group,) = find_groups(net, "middle.3").groups
    assert net.steps[group.lead.step].name == "middle.3.conv2d"
    assert find_groups(net, "relu").groups == ()


def test_widths_that_all_depend_on_all_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnet_cost.network.groups._MOST_STEPS", 20)
    with pytest.raises(UsageError, match=r"widths of vit depend on too many others at `encoder\."):
        find_groups(library("vit"))


@pytest.mark.parametrize("kind", LAYERS, ids=lambda kind: kind.kind)
def test_fields_of_widths_are_fields(kind: Any) -> None:
    for name in (kind.width_field, kind.sizes_field):
        assert name is None or name in known_fields(kind)


def test_a_changed_layer_is_checked_as_a_value_of_a_spec() -> None:
    layer = Conv2d(channels=8, kernel=(3, 5), padding="same")
    assert changed_layer(layer, {"channels": 9, "kernel": (1, 5)}).kernel == (1, 5)  # type: ignore[attr-defined]
    with pytest.raises(RuleViolation, match="`channels` must be at least 1, not 0"):
        changed_layer(layer, {"channels": 0})
    with pytest.raises(RuleViolation, match="`conv2d` has no field `width`"):
        changed_layer(layer, {"width": 1})


def test_what_does_not_fit_is_named() -> None:
    net = network("""
    layers:
      - {id: a, conv2d: {channels: 8, kernel: 3}}
      - {id: b, conv2d: {channels: 8, kernel: 3}}
      - add: [a, b]
    """)
    with pytest.raises(MisfitError) as caught:
        with_layers(net, {1: changed_layer(net.steps[1].layer, {"channels": 9})})
    assert caught.value.step == "add"
    assert caught.value.reason.startswith(UNEQUAL)
    with pytest.raises(MisfitError, match=r"a tensor \[2000000000, 32, 32\] has more than 2\^40"):
        with_layers(net, {1: changed_layer(net.steps[1].layer, {"channels": 2_000_000_000})})


def test_what_does_not_change_stays_the_same_object() -> None:
    net = library("mobilenet_v1")
    (group,) = find_groups(net, "separable_8").groups
    other = with_layers(net, group.layers(net, -8))
    assert all(a.type is b.type for a, b in zip(net.tensors[:60], other.tensors, strict=False))
    assert with_layers(net, {}) == net
