"""What a channel less or more changes, against networks that are written anew."""

from __future__ import annotations

import json

import pytest
from flat_specs import flat_document, flat_spec
from schemas import checked
from spec_text import spec

import mnet_cost
from mnet_cost.analysis import Analysis, analyze, analyze_network
from mnet_cost.analysis.costs import network_costs
from mnet_cost.changes.sensitivity import GroupSensitivity, find_sensitivities
from mnet_cost.cli import main
from mnet_cost.devices import load_device
from mnet_cost.errors import ModelReferenceError, UsageError
from mnet_cost.metrics import find_metric
from mnet_cost.network import elaborate
from mnet_cost.network.rebuild import with_layers
from mnet_cost.report import render
from mnet_cost.report.sensitivity import sensitivity_report

DEVICES = ("pixel_1", "raspberry_pi_4_ncnn")


def check_sides(analysis: Analysis, each: GroupSensitivity) -> None:
    """One step narrower and wider is what the edited spec costs, in every metric."""
    document, steps = flat_document(analysis.network), analysis.network.steps
    profiles = [estimate.device for estimate in analysis.devices]
    for sign, change in ((-1, each.fewer), (1, each.more)):
        assert change is not None
        edits = {
            member.step: {
                str(steps[member.step].layer.width_field): member.channels + sign * member.change
            }
            for member in each.group.members
        }
        again = analyze_network(elaborate(flat_spec(document, edits)), profiles)
        assert again.costs == change.costs


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("mobilenet_v1", "separable"),
        ("mobilenet_v2", "stem"),
        ("mobilenet_v3_small", "bneck_4.expand"),
        ("resnet18", "conv3.bottleneck.main"),
        ("resnet8", "stack_2"),
        ("shufflenet_v2", "stage.down.short"),
        ("efficientnet", "stage_7.mbconv.squeeze_excite.conv2d"),
        ("densenet", "dense4.16.conv2d_2"),
        ("vit@depth=2", "patches"),
        ("ds_cnn", "stem"),
    ],
)
def test_a_step_is_what_the_edited_spec_costs(name: str, layer: str) -> None:
    """All groups of these networks: `python benchmarks/sensitivity.py`."""
    analysis = analyze(name, devices=DEVICES)
    result = find_sensitivities(analysis, layer)
    assert result.groups
    check_sides(analysis, result.groups[0])


PACKED = """
layers:
  - {id: a, conv2d: {channels: 16, kernel: 3}}
  - {id: odd, conv2d: {channels: 30, kernel: 1}}
  - {id: b, conv2d: {channels: 16, kernel: 1}}
"""


def test_channels_that_cost_nothing_fill_a_pack() -> None:
    """ncnn keeps four channels together: 30 channels are computed one by one, 32 are not."""
    net = elaborate(spec(PACKED))
    (device,) = (mnet_cost.load_device("raspberry_pi_4_ncnn"),)
    analysis = analyze_network(net, [device])
    (each,) = find_sensitivities(analysis, "odd").groups
    (stairs,) = each.stairs
    assert (stairs.tile, stairs.free_channels) == (4, 22)
    assert stairs.lower is not None
    assert stairs.higher is not None
    assert (stairs.lower.channels, stairs.higher.channels) == (28, 32)
    now_s = analysis.devices[0].latency_s
    document = flat_document(net)
    times = {
        channels: analyze_network(
            elaborate(flat_spec(document, {1: {"channels": channels}})), [device]
        ).devices[0].latency_s
        for channels in range(24, 70)
    }  # fmt: skip
    assert max(count for count, time_s in times.items() if (time_s or 0) <= (now_s or 0)) == 52
    assert times[32] == stairs.higher.costs.devices[0].latency_s


@pytest.mark.parametrize(
    ("name", "layer", "device", "free"),
    [
        ("mobilenet_v1@alpha=0.3", "separable_3", "apple_m1_ncnn", 6),  # 38, and no tile of 8 at 44
        ("mobilenet_v1@alpha=0.3", "separable_2", "raspberry_pi_4_ncnn", 2),
        ("mobilenet_v1@alpha=0.3", "separable_2", "pixel_1", 0),
        ("resnet8@filters=13", "stack_2", "ryzen_5700g_ncnn", 2),
    ],
)
def test_no_more_channels_cost_nothing(name: str, layer: str, device: str, free: int) -> None:
    """Each count up to 39 steps above, one by one."""
    analysis = analyze(name, devices=[device])
    each = max(
        find_sensitivities(analysis, layer).groups, key=lambda e: e.stairs[0].free_channels or 0
    )
    network, now_s = analysis.network, analysis.costs.devices[0].latency_s
    by_hand = 0
    for count in range(1, 40):
        wider = with_layers(network, each.group.layers(network, count))
        costs = network_costs(wider, [analysis.devices[0].device], energies=False)
        if (costs.devices[0].latency_s or 0) <= (now_s or 0):
            by_hand = count * each.group.step
    assert each.stairs[0].free_channels == by_hand == free


def test_without_a_tile_each_channel_counts() -> None:
    analysis = analyze("mobilenet_v1", devices=["rtx_4090"])
    result = find_sensitivities(analysis, "separable_3")
    (stairs,) = result.groups[0].stairs
    assert stairs.tile is None
    assert (stairs.lower, stairs.higher) == (result.groups[0].fewer, result.groups[0].more)
    assert stairs.free_channels == 0
    assert "no steps in channels" in " ".join(sensitivity_report(result).notes)


def test_by_hand() -> None:
    """conv2d 3x3 to 16 channels of 32x32, then 1x1 to 30: a channel less of the first is 27 + 30
    params and 1024 times as many mult-adds, and 1024 elements of four bytes."""
    analysis = analyze_network(elaborate(spec(PACKED)))
    result = find_sensitivities(analysis)
    first = result.groups[0]
    for change, sign in ((first.fewer, -1), (first.more, 1)):
        for metric, wanted in (("params", 57), ("mult_adds", 57 * 1024), ("activations", 4096)):
            assert result.difference(change, find_metric(metric)) == sign * wanted
    assert first.stairs == ()


def test_worth_thinning_is_what_loses_more_time_than_mult_adds() -> None:
    result = find_sensitivities(analyze("mobilenet_v1", devices=["pixel_1"]))
    thin = result.worth_thinning(0)
    assert [each.name for each in thin] == ["stem", "separable.conv2d", "separable_2.conv2d"]
    gains = [each.stairs[0].gain or 0 for each in thin]
    assert gains == sorted(gains, reverse=True)
    assert gains[-1] > 1
    lower = thin[0].stairs[0].lower
    assert lower is not None
    assert lower.channels == 24


def test_nothing_is_left_of_a_layer_with_one_channel() -> None:
    text = "layers:\n  - {id: a, conv2d: {channels: 1, kernel: 3}}\n"
    result = find_sensitivities(analyze_network(elaborate(spec(text))))
    (each,) = result.groups
    assert each.fewer is None
    assert each.more is not None
    assert each.group.is_output


def test_a_network_without_widths_has_no_groups(capsys: pytest.CaptureFixture[str]) -> None:
    result = find_sensitivities(analyze_network(elaborate(spec("layers: [relu]\n"))))
    assert result.groups == ()
    text = render(sensitivity_report(result), "text", 80)
    assert "no layer has a width that can change" in text


SHOWN = """
input: {image: [3, 32, 32]}
layers:
  - {id: a_layer_with_a_name, conv2d: {channels: 30, kernel: 3}}
  - {id: b, conv2d: {channels: 64, kernel: 1}}
  - {id: logits, conv2d: {channels: 10, kernel: 1}}
"""


@pytest.mark.parametrize(
    ("device", "width", "headings"),
    [
        # A channel less than a full tile takes more time: the full tiles stand first.
        ("snapdragon_835_ncnn", 60, "layer channels below there gain free"),
        ("snapdragon_835_ncnn", 80, "layer layers channels below there gain free step"),
        # Without tiles a step is as good a number as any.
        ("jetson_nano", 60, "layer channels a step less a step more"),
    ],
)
def test_full_tiles_stand_before_single_steps(device: str, width: int, headings: str) -> None:
    analysis = analyze_network(elaborate(spec(SHOWN)), [load_device(device)])
    lines = render(sensitivity_report(find_sensitivities(analysis)), "text", width).splitlines()
    changes = next(i for i, line in enumerate(lines) if line.startswith("Changes on"))
    heading = next(line for line in lines[changes:] if line.startswith("layer "))
    assert " ".join(heading.split()) == headings


def test_too_many_groups_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnet_cost.changes.sensitivity._MOST_LAYERS", 1000)
    analysis = analyze("mobilenet_v1")
    with pytest.raises(UsageError) as caught:
        find_sensitivities(analysis)
    assert str(caught.value) == (
        "15 groups of 83 layers would take too long: each is analyzed some times with the whole "
        "network\nhint: name a layer or a block to look at"
    )
    assert len(find_sensitivities(analysis, "middle.1").groups) == 1


def test_what_cannot_be_asked() -> None:
    with pytest.raises(ModelReferenceError, match="has no layer or block `midle`"):
        mnet_cost.sensitivity("mobilenet_v1", "midle")
    with pytest.raises(UsageError, match="in the order of its spec"):
        mnet_cost.sensitivity("mobilenet_v1", sparsity=0.5)


OPAQUE = """
layers:
  - {id: a, conv2d: {channels: 16, kernel: 3}}
  - {id: odd, opaque: {operation: sort, shape: [16, 8, 8]}}
  - {id: b, conv2d: {channels: 16, kernel: 1}}
"""


def test_unknown_costs_have_no_differences_unless_asked_for(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path_factory.mktemp("specs") / "odd.yaml"
    path.write_text(f"format: 1\nname: odd\ninput: {{image: [3, 32, 32]}}\n{OPAQUE}")
    command = ["sensitivity", str(path), "--device", "pixel_1", "--format", "json"]
    assert main(command) == 3
    captured = capsys.readouterr()
    assert "no total: the cost of odd is unknown" in captured.err
    document = json.loads(checked(captured.out))
    first = document["groups"][0]
    assert first["fewer"]["params"] is None
    assert first["fewer"]["peak_memory_bytes"] == -4096
    assert first["devices"][0]["free_channels"] is None
    assert main([*command, "--lower-bound"]) == 0
    document = json.loads(checked(capsys.readouterr().out))
    assert document["groups"][0]["fewer"]["params"] == -27
    assert document["groups"][0]["devices"][0]["free_channels"] == 0


@pytest.mark.parametrize("form", ["text", "json", "csv", "markdown", "html"])
def test_the_command_writes_every_form(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["sensitivity", "mobilenet_v3_small", "bneck_4", "--format", form]
    assert main([*command, "--device", "pixel_1", "--device", "rtx_4090"]) == 0
    text = capsys.readouterr().out
    if form == "json":
        checked(text)
    if form == "csv":
        head, *rows = text.splitlines()
        assert head.startswith("layer,layers,channels,step,is_output,device,tile,free_channels")
        assert len(rows) == 6
        assert rows[0].startswith("bneck_4.expand,bneck_4.expand bneck_4.SE.excite,96,1,false,")
    assert "bneck_4.project" in text


def test_in_python() -> None:
    result = mnet_cost.sensitivity("resnet8", devices=["pixel_1"])
    assert repr(result) == "<Sensitivity resnet8: 7 groups of layers>"
    assert len(result.to_dict()["groups"]) == len(result.groups) == 7
    analysis = mnet_cost.analyze("resnet8", devices=["pixel_1"])
    assert mnet_cost.sensitivity(analysis, "stem").groups[0].name == "stem.conv2d"
