"""Other tools' totals to the last unit, the gap itemized, and what is not covered said."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from peers import analyzed, problem, read_figures

from mnet_cost.analysis import Analysis, analyze
from mnet_cost.analysis.conventions import (
    CONVENTIONS,
    Reservation,
    count_by,
    find_convention,
)
from mnet_cost.analysis.tool_rules import AS_OURS, Counted
from mnet_cost.analysis.work import count_work
from mnet_cost.cli import main
from mnet_cost.errors import UsageError
from mnet_cost.layers import LAYERS
from mnet_cost.layers.conv import Conv2d, ConvTranspose2d
from mnet_cost.layers.opaque import Opaque
from mnet_cost.layers.pool import AdaptiveAvgPool2d
from mnet_cost.models.library import load_model, model_names
from mnet_cost.models.load import parse_spec
from mnet_cost.network import elaborate
from mnet_cost.tensors import DTYPES, TensorType

PAPER = 568_740_352

MOBILENET_V1 = {
    "paper": PAPER,
    "torch": PAPER,
    "fvcore": 578_875_904,
    "ptflops": 568_741_352,
    "thop": 588_962_304,
    "torchinfo": 568_763_240,
    "timm": 578_875_904,
    "openvino": 573_783_040,
}

FIGURES = read_figures()

RUN_BY = {"timm": ("timm", "fvcore")}
"""timm counts with fvcore: rules of small layers are those of that."""

NEVER_COVERED = {
    "torch": {"attention", "scaled_dot_product_attention", "lstm", "gru", "rnn"},
    "ptflops": {"attention", "lstm", "gru", "rnn"},
    "timm": {"adaptive_avg_pool2d"},
    "openvino": {layer.kind for layer in LAYERS if layer is not Opaque} - {
        "conv2d", "depthwise_conv2d", "linear", "batch_norm", "relu", "relu6", "global_avg_pool",
        "flatten", "reshape", "dropout", "identity",
    },
}  # fmt: skip


def test_every_convention_is_here() -> None:
    assert {convention.name for convention in CONVENTIONS} == set(MOBILENET_V1)
    assert all(convention.summary and convention.source for convention in CONVENTIONS)


@pytest.mark.parametrize("tool", sorted({figure.tool for figure in FIGURES}))
def test_totals_are_those_that_tools_printed(tool: str) -> None:
    """Small networks of every kind, and networks of torchvision and timm: benchmarks/peers."""
    figures = [figure for figure in FIGURES if figure.tool == tool]
    assert len(figures) >= 14
    assert [difference for figure in figures if (difference := problem(figure))] == []


@pytest.mark.parametrize("convention", CONVENTIONS, ids=lambda convention: convention.name)
def test_every_kind_has_a_figure_or_is_listed_as_not_covered(convention: Any) -> None:
    if convention.name == "paper":
        assert convention.rules is None
        return
    kinds = {layer.kind for layer in LAYERS if layer is not Opaque}
    assert {layer.kind for layer in convention.rules} == kinds
    named = {
        layer.kind
        for layer, rule in convention.rules.items()
        if rule.not_covered and rule.is_beyond is None
    }
    assert named == NEVER_COVERED.get(convention.name, set())
    if convention.name == "openvino":  # the zoo's figure, below
        return
    tools = RUN_BY.get(convention.name, (convention.name,))
    held: set[str] = set()
    for figure in FIGURES:
        if figure.tool in tools:
            analysis = analyzed(figure._replace(tool=convention.name))
            doubted = {
                reservation.kind
                for reservation in analysis.reservations
                if reservation.agreement == "not covered"
            }
            held |= {cost.step.layer.kind for cost in analysis.layers} - doubted
    assert held == kinds - named


def test_the_spec_does_not_determine_what_is_not_covered() -> None:
    """Of a kind that is not covered there are modules, or ways to run them, of other totals."""
    differ: dict[tuple[str, str], bool] = {}
    totals: dict[tuple[str, str, str], set[float]] = {}
    for figure in FIGURES:
        analysis = analyzed(figure)
        if analysis.convention_agreement == "not covered" and figure.inputs:
            same = totals.setdefault((figure.tool, figure.network, figure.inputs), set())
            same.add(figure.mult_adds / figure.batch)
            key = (figure.tool, analysis.layers[0].step.layer.kind)
            differ[key] = differ.get(key, False) or len(same) > 1
    # Recurrent layers differ by the kernels of a device: these figures are of a CPU.
    assert {key for key, is_so in differ.items() if not is_so} == {
        ("torch", "lstm"),
        ("torch", "gru"),
        ("torch", "rnn"),
    }
    assert {key for key, is_so in differ.items() if is_so} == {
        ("torch", "attention"),
        ("torch", "scaled_dot_product_attention"),
        ("ptflops", "attention"),
        ("ptflops", "gru"),
        ("ptflops", "rnn"),
        ("ptflops", "lstm"),  # with a projection
        ("ptflops", "conv_transpose2d"),
        ("thop", "depthwise_conv2d"),  # a constant kernel
        ("torchinfo", "depthwise_conv2d"),
        ("thop", "conv_transpose2d"),
        ("thop", "layer_norm"),
        ("torchinfo", "conv_transpose2d"),
        ("torchinfo", "prelu"),
    }


def test_the_figure_of_the_zoo() -> None:
    """mobilenet-v1-1.0-224: 1.148 GFLOPs; mobilenet-v2: 0.615, whose additions are not covered."""
    for name, printed, reserved in (
        ("mobilenet_v1", "1.148", {"relu": "depends"}),
        ("mobilenet_v2", "0.615", {"add": "not covered"}),
    ):
        analysis = analyze(load_model(name), convention="openvino")
        assert f"{2 * analysis.totals.mult_adds / 1e9:.3f}" == printed
        assert {
            reservation.kind: reservation.agreement for reservation in analysis.reservations
        } == reserved
    plain = "[{conv2d: {channels: 4, kernel: 3}}, batch_norm, relu6]"
    assert layers(plain, "openvino").convention_agreement == "rounded"


@pytest.mark.parametrize(("name", "total"), MOBILENET_V1.items())
@pytest.mark.parametrize("batch", [1, 4])
def test_mobilenet_v1(name: str, total: int, batch: int) -> None:
    analysis = analyze(load_model("mobilenet_v1").spec, {"batch": batch}, convention=name)
    assert analysis.convention == name
    assert analysis.totals.mult_adds == batch * total
    assert sum(item.mult_adds for item in analysis.convention_items) == batch * (total - PAPER)
    assert analysis.totals.params == 4_231_976


@pytest.mark.parametrize("model", model_names())
@pytest.mark.parametrize("name", MOBILENET_V1)
def test_layers_and_items_add_up(model: str, name: str) -> None:
    spec = load_model(model).spec
    paper, analysis = analyze(spec), analyze(spec, convention=name)
    assert sum(layer.mult_adds for layer in analysis.layers) == analysis.totals.mult_adds
    gap = analysis.totals.mult_adds - paper.totals.mult_adds
    assert sum(item.mult_adds for item in analysis.convention_items) == gap
    assert replace(analysis.totals, mult_adds=0) == replace(paper.totals, mult_adds=0)
    assert analysis.kernels == paper.kernels  # what runs does not depend on how it is counted


def items(layers: str, name: str) -> dict[str, int]:
    head = "format: 1\nname: hand\ninput: {image: [3, 6, 6]}\nlayers:\n"
    analysis: Analysis = analyze(parse_spec(head + layers), convention=name)
    return {item.what: item.mult_adds for item in analysis.convention_items}


def layers(entries: str, name: str, inputs: str = "{x: [8, 12, 12]}", batch: int = 1) -> Analysis:
    text = f"format: 1\nname: hand\ninput: {inputs}\nlayers: {entries}\n"
    return analyze(parse_spec(text), {"batch": batch}, convention=name)


@pytest.mark.parametrize("name", ["ptflops", "torchinfo"])
def test_a_bias_is_one_per_output(name: str) -> None:
    # As VGG has them: 4 * 6 * 6 outputs of the convolution, then 7.
    vgg = """\
  - conv2d: {channels: 4, kernel: 3, bias: true}
  - relu
  - flatten
  - linear: {features: 7}
"""
    assert items(vgg, name) == {"bias at 1 per output": 4 * 6 * 6 + 7}
    assert items(vgg.replace("bias: true", "bias: false"), name) == {"bias at 1 per output": 7}
    depthwise = "  - depthwise_conv2d: {kernel: 3, stride: 2, bias: true}\n"
    assert items(depthwise, name) == {"bias at 1 per output": 3 * 3 * 3}


@pytest.mark.parametrize("name", ["paper", "torch", "fvcore", "thop", "timm", "openvino"])
def test_a_bias_is_free(name: str) -> None:
    assert items("  - conv2d: {channels: 4, kernel: 3, bias: true}\n", name) == {}


@pytest.mark.parametrize("name", MOBILENET_V1)
def test_biases_inside_a_layer_are_not_one_per_output(name: str) -> None:
    sequence = "  - flatten: {axes: 2}\n"
    for layer in ("attention: {heads: 4}", "lstm: {features: 4}"):
        assert "bias at 1 per output" not in items(f"{sequence}  - {layer}\n", name)


@pytest.mark.parametrize("name", ["torch", "fvcore", "timm", "ptflops", "thop", "torchinfo"])
def test_attention_with_fewer_heads_of_keys_is_not_covered(name: str) -> None:
    head = "format: 1\nname: hand\ninput: {x: [5, 12]}\nlayers:\n"
    grouped = parse_spec(head + "  - {id: a, attention: {heads: 6, kv_heads: 2}}\n")
    (reservation,) = analyze(grouped, convention=name).reservations
    assert (reservation.kind, reservation.agreement) == ("attention", "not covered")


@pytest.mark.parametrize(
    ("name", "affine", "plain"), [("fvcore", 2, 1), ("timm", 2, 1), ("thop", 4, 2)]
)
def test_norms(name: str, affine: int, plain: int) -> None:
    what = f"batch-norm at {affine} per element"
    assert items("  - batch_norm\n", name) == {what: affine * 108}
    assert items("  - batch_norm: {affine: false}\n", name) == {what: plain * 108}


def test_what_else_fvcore_counts() -> None:
    # By fvcore 0.1.5 on these layers: layer_norm 20,736, group_norm 720, instance_norm 1,296,
    # upsample_bilinear2d and upsample_nearest2d 2,304 each.
    norms = """\
  - conv2d: {channels: 4, kernel: 1}
  - group_norm: {groups: 2}
  - instance_norm
  - instance_norm: {affine: true}
  - resize: {scale: 2, mode: bilinear}
  - resize: {scale: 2}
  - layer_norm
  - layer_norm: {affine: false}
"""
    assert items(norms, "fvcore") == {
        "layer, group and instance norm at 5 per element": 20_736 + 720 + 1_296,
        "upsampling at 1 or (bilinear) 4 per output": 2 * 2_304,
    }


def test_torchinfo_counts_the_params_of_norms() -> None:
    assert items("  - batch_norm\n", "torchinfo") == {"batch-norm params, once": 6}


def test_average_pools() -> None:
    window = "  - avg_pool2d: {kernel: 2, stride: 2}\n"
    adaptive = "  - adaptive_avg_pool2d: {size: 2}\n"
    everything = "  - global_avg_pool\n"
    assert items(window, "fvcore") == {}  # it has no handle for avg_pool2d
    assert items(adaptive, "fvcore") == {"adaptive average pooling at 1 per input": 108}
    assert items(everything, "fvcore") == {"adaptive average pooling at 1 per input": 108}
    both = "adaptive average pooling at 1 per input and output"
    assert items(window, "thop") == {"average pooling at 1 per output": 27}
    assert items(adaptive, "thop") == {both: 108 + 12}
    assert items(everything, "thop") == {both: 108 + 3}
    assert items("  - max_pool2d: {kernel: 2}\n", "thop") == {}


def test_timm_has_a_vgg_of_its_own() -> None:
    """It prints 7,609,094,144: no adaptive pool at this size, and one before its classifier."""
    model = load_model("vgg11")
    assert analyze(model, convention="fvcore").totals.mult_adds == 7_609_115_136
    analysis = analyze(model, convention="timm")
    assert analysis.totals.mult_adds == 7_609_094_144 - 4_096
    assert analysis.convention_agreement == "not covered"
    (reserved,) = analysis.reservations
    assert (reserved.kind, reserved.agreement) == ("adaptive_avg_pool2d", "not covered")
    assert reserved.why == (
        "timm's VGG has no such pool where the image is large enough, and another one before its "
        "classifier"
    )


@pytest.mark.parametrize(
    ("entries", "inputs", "totals"),
    [
        (
            "[{conv_transpose2d: {channels: 4, kernel: 2, stride: 2, padding: 0}}]",
            "{x: [8, 12, 12]}",
            {"paper": 18_432, "torch": 18_432, "fvcore": 18_432, "ptflops": 18_432,
             "thop": 73_728, "torchinfo": 73_728},
        ),
        (
            "[{linear: {features: 4}}]",
            "{x: [108, 12]}",
            {"paper": 5_184, "torch": 5_184, "fvcore": 5_184, "thop": 5_184, "torchinfo": 52,
             "ptflops": 5_184 + 432},
        ),
        ("[softmax]", "{x: [8, 6, 10]}", {"paper": 0, "fvcore": 0, "thop": 60 * 23}),
        ("[layer_norm]", "{x: [5, 12]}", {"torch": 0, "fvcore": 300, "thop": 240, "torchinfo": 24}),
    ],
)  # fmt: skip
def test_small_networks(entries: str, inputs: str, totals: dict[str, int]) -> None:
    for name, total in totals.items():
        for batch in (1, 3):
            analysis = layers(entries, name, inputs, batch)
            assert analysis.totals.mult_adds == batch * total, (name, batch)
            assert analysis.convention_agreement != "not covered"


@pytest.mark.parametrize(
    ("model", "name", "theirs", "kinds"),
    [
        ("mobilenet_v2", "thop", 327_486_720, {"global_avg_pool"}),
        ("densenet121", "thop", 2_897_007_104, {"global_avg_pool"}),
        ("shufflenet_v2_x1_0", "thop", 152_708_792, {"global_avg_pool"}),
        ("shufflenet_v2_x1_0", "fvcore", 148_808_392, {"global_avg_pool"}),
        ("convnext_tiny", "torchinfo", 322_371_592, {"conv2d"}),
        ("vit_b_16", "thop", 11_286_254_592, set()),
        ("vit_b_16", "fvcore", 16_867_412_736, set()),
        ("resnet50", "thop", 4_133_742_592, set()),
        ("resnet50", "torchinfo", 4_089_238_376, set()),
    ],
)
def test_the_other_way_to_write_a_layer(
    model: str, name: str, theirs: int, kinds: set[str]
) -> None:
    """What torchvision writes otherwise is told with what it changes."""
    analysis = analyze(load_model(model), convention=name)
    changes = {
        reservation.kind: reservation.mult_adds
        for reservation in analysis.reservations
        if reservation.agreement == "depends"
    }
    assert analysis.totals.mult_adds + sum(changes[kind] for kind in kinds) == theirs


def test_what_is_not_covered_is_counted_as_the_paper_does() -> None:
    paper = analyze(load_model("vit_b_16"))
    analysis = analyze(load_model("vit_b_16"), {"batch": 2}, convention="torch")
    assert analysis.totals.mult_adds == 2 * paper.totals.mult_adds
    assert analysis.convention_agreement == "not covered"
    (reservation,) = analysis.reservations
    assert reservation == Reservation(
        kind="attention",
        agreement="not covered",
        why="it depends on gradients, on the device and on how attention is written",
        layers=tuple(f"encoder.{number}.attention" for number in range(1, 13)),
        mult_adds=2 * 12 * (4 * 197 * 768**2 + 2 * 197**2 * 768),
    )
    # With gradients torch counts the projections alone, without nothing at all: peers.csv.
    theirs = {
        figure.mult_adds
        for figure in FIGURES
        if (figure.network, figure.tool) == ("vit_b_16", "torch")
    }
    assert theirs == {16_848_500_736, 11_271_124_992}


def test_layers_that_torch_has_no_module_for() -> None:
    uneven = "[{conv_transpose2d: {channels: 4, kernel: 3, stride: 2, bias: true}}]"
    sides = "[{conv_transpose2d: {channels: 4, kernel: 3, padding: [0, 1, 0, 1]}}]"
    for entries in (uneven, sides):
        for name in ("thop", "torchinfo"):
            assert layers(entries, name).convention_agreement == "not covered"
        assert layers(entries, "fvcore").convention_agreement == "exact"
    assert layers(uneven, "ptflops").convention_agreement == "not covered"
    assert layers(sides, "ptflops").convention_agreement == "exact"  # no bias in it
    image, sequence = "[layer_norm]", "{x: [5, 12]}"
    assert layers(image, "thop").convention_agreement == "not covered"
    assert layers(image, "thop", sequence).convention_agreement == "exact"
    positions = layers("[batch_norm]", "torchinfo", sequence)
    assert [
        (reservation.kind, reservation.agreement, reservation.mult_adds)
        for reservation in positions.reservations
    ] == [("batch_norm", "depends", -4 * 24)]


def test_how_a_layer_is_written_does_not_matter_where_nothing_changes() -> None:
    # A 1x1 convolution of one position, or without bias, is no linear layer over positions.
    squeeze = "[{global_avg_pool: {keep: true}}, {conv2d: {channels: 4, kernel: 1, bias: true}}]"
    assert layers(squeeze, "torchinfo").convention_agreement == "exact"
    plain = "[{conv2d: {channels: 4, kernel: 1}}]"
    assert layers(plain, "torchinfo").convention_agreement == "exact"
    biased = layers("[{conv2d: {channels: 4, kernel: 1, bias: true}}]", "torchinfo")
    (reservation,) = biased.reservations
    assert biased.totals.mult_adds + reservation.mult_adds == 8 * 4 + 4
    # Of a vector a linear layer adds its bias in the product.
    assert (
        layers("[{linear: {features: 4}}]", "ptflops", "{x: [12]}").convention_agreement == "exact"
    )


def test_rounding_of_thop() -> None:
    # (7 / 3 * 7 / 3 + 1) * 9 = 58, in double precision 57.99...
    pool = layers("[{adaptive_avg_pool2d: {size: 3}}]", "thop", "{x: [1, 7, 7]}")
    assert pool.totals.mult_adds == int((7 / 3 * (7 / 3) + 1) * 9)


NOT_TORCH = """\
format: 1
name: hand
input: {x: [9, 16]}
layers:
  - {id: mix, attention: {heads: 2}}
  - softmax
  - {id: out, linear: {features: 5}}
"""


class Cells(HTMLParser):
    """Text of a page, one piece after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


@pytest.fixture
def spec_file(tmp_path: Any) -> str:
    path = tmp_path / "net.yaml"
    path.write_text(NOT_TORCH, encoding="utf-8")
    return str(path)


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main([*arguments, "--device", "none"]) == 0
    return capsys.readouterr().out


COVERED = (
    "torch does not cover attention (1 layer): it depends on gradients, on the device and on how "
    "attention is written; counted as the convention paper does"
)
SOFTMAX = (
    "softmax (1 layer) is taken as nn.Softmax, not as a function; otherwise thop counts 423 less"
)


def test_reports_mark_the_total(capsys: pytest.CaptureFixture[str], spec_file: str) -> None:
    marked = "convention torch, but not the total of torch: see the notes"
    for form in ("text", "markdown", "html"):
        out = printed(capsys, "analyze", spec_file, "--convention", "torch", "--format", form)
        if form == "html":
            page = Cells()
            page.feed(out)
            assert marked in page.texts
            assert COVERED in page.texts
        else:
            flat = " ".join(out.replace("|", " ").split())
            assert marked in flat
            assert COVERED in flat
    out = printed(capsys, "analyze", spec_file, "--convention", "thop", "--format", "markdown")
    assert f"- {SOFTMAX}\n" in out
    assert "convention thop, if it is written as the notes say" in out
    out = printed(capsys, "analyze", spec_file, "--convention", "paper", "--format", "markdown")
    assert "convention paper," not in out
    assert "counted" not in out


def test_files_have_a_field_for_the_agreement(
    capsys: pytest.CaptureFixture[str], spec_file: str
) -> None:
    def rows(*arguments: str) -> list[dict[str, str]]:
        out = printed(capsys, "analyze", spec_file, *arguments, "--format", "csv")
        return list(csv.DictReader(io.StringIO(out)))

    layer_rows = rows("--convention", "torch", "--by", "layer")
    assert [row["mult_adds_agreement"] for row in layer_rows] == ["not covered", "exact", "exact"]
    layer_rows = rows("--convention", "thop", "--by", "layer")
    assert [row["mult_adds_agreement"] for row in layer_rows] == ["depends", "depends", "exact"]
    assert "mult_adds_agreement" not in rows("--by", "layer")[0]

    document = json.loads(
        printed(capsys, "analyze", spec_file, "--convention", "torch", "--format", "json")
    )
    assert document["convention_agreement"] == "not covered"
    assert document["convention_reservations"] == [
        {
            "kind": "attention",
            "agreement": "not covered",
            "why": "it depends on gradients, on the device and on how attention is written",
            "layers": ["mix"],
            "mult_adds": 4 * 9 * 16 * 16 + 2 * 9 * 9 * 16,
        }
    ]
    document = json.loads(printed(capsys, "analyze", spec_file, "--format", "json"))
    assert document["convention_agreement"] == "exact"
    assert document["convention_reservations"] == []


def test_compare_and_explain_mark_the_agreement(
    capsys: pytest.CaptureFixture[str], spec_file: str
) -> None:
    thop = ("--convention", "thop")
    out = printed(capsys, "compare", spec_file, "lenet5", *thop, "--format", "csv")
    first, second = csv.DictReader(io.StringIO(out))
    assert (first["mult_adds_agreement"], second["mult_adds_agreement"]) == ("depends", "depends")
    out = printed(capsys, "compare", spec_file, "lenet5", *thop, "--format", "markdown")
    assert f"{spec_file}: {SOFTMAX}\n" in out
    document = json.loads(printed(capsys, "explain", spec_file, *thop, "--format", "json"))
    assert document["convention_agreement"] == "depends"
    assert {kind["kind"]: kind["mult_adds_agreement"] for kind in document["kinds"]} == {
        "attention": "depends", "softmax": "depends", "linear": "exact",
    }  # fmt: skip


HEIGHTS, WIDTHS, BATCH = np.array([5, 9, 12]), np.array([10, 7, 3]), 3


def test_rules_hold_on_arrays() -> None:
    """As rules of work do: the amount for an array of sizes is that for each."""
    kinds = [
        Conv2d(channels=4, kernel=1, bias=True),
        Conv2d(channels=4, kernel=3, stride=2),
        ConvTranspose2d(channels=4, kernel=2, stride=2, bias=True),
        ConvTranspose2d(channels=4, kernel=3, stride=2, bias=True),
        AdaptiveAvgPool2d(size=(3, 2)),
    ]
    names = ("batch_norm", "layer_norm", "group_norm", "instance_norm", "softmax", "resize",
             "global_avg_pool", "avg_pool2d", "prelu", "scale", "linear")  # fmt: skip
    settings: dict[str, dict[str, Any]] = {
        "group_norm": {"groups": 2}, "resize": {"scale": 2}, "linear": {"features": 4},
        "avg_pool2d": {"kernel": 2},
    }  # fmt: skip
    by_name = {layer.kind: layer for layer in LAYERS}
    cases = [*kinds, *(by_name[name](**settings.get(name, {})) for name in names)]

    def counted(layer: Any, height: Any, width: Any) -> Counted:
        x = TensorType((8, height, width))
        output = layer.infer(lambda *_: None, x)
        return Counted(layer, (x,), output, layer.work((x,), output), BATCH)

    checked = 0
    for convention in CONVENTIONS:
        for layer in cases:
            rule = (convention.rules or {}).get(type(layer), AS_OURS)
            amounts = [part.amount for part in rule.parts]
            amounts += [rule.otherwise_amount] if rule.otherwise_amount else []
            for amount in amounts:
                wanted = [amount(counted(layer, int(h), int(w)))
                          for h, w in zip(HEIGHTS, WIDTHS, strict=True)]  # fmt: skip
                values = amount(counted(layer, HEIGHTS, WIDTHS))
                assert np.broadcast_to(values, 3).tolist() == wanted, (convention.name, layer)
                checked += 1
    assert checked == 57


def any_shape(*sizes: Any) -> Any:
    """A shape whose sizes may be arrays of candidates."""
    return sizes


def test_counting_holds_on_arrays() -> None:
    """Sums, and whether something is in doubt: for any of the candidates."""
    entries = "[{conv2d: {channels: 4, kernel: 1, bias: true}}, batch_norm, global_avg_pool]"
    text = f"format: 1\nname: hand\ninput: {{x: [8, 1, 1]}}\nlayers: {entries}\n"
    network = elaborate(parse_spec(text))
    heights, widths = np.array([1, 5, 9]), np.array([1, 10, 7])
    types = [TensorType(any_shape(8, heights, widths))]
    costs = []
    for cost in count_work(network, DTYPES["fp32"]):
        layer, x = cost.step.layer, types[-1]
        types.append(layer.infer(lambda *_: None, x))
        work = layer.work((x,), types[-1])
        assert work is not None
        costs.append(cost._replace(output=types[-1], work=work, mult_adds=work.mult_adds))
    many: Any = SimpleNamespace(
        tensors=[SimpleNamespace(type=type_) for type_ in types],
        batch=network.batch,
        batch_of=network.batch_of,
    )
    for convention in CONVENTIONS:
        counts = count_by(convention, tuple(costs), many)
        sums: Any = sum(cost.mult_adds for cost in counts.layers)
        for number, (height, width) in enumerate(zip(heights, widths, strict=True)):
            alone = layers(entries, convention.name, f"{{x: [8, {height}, {width}]}}")
            assert sums[number] == alone.totals.mult_adds
    doubted = count_by(find_convention("torchinfo"), tuple(costs), many).reservations
    assert [reservation.kind for reservation in doubted] == [
        "conv2d"
    ]  # not of one position, but of others
    assert np.array_equal(doubted[0].mult_adds, (8 * 4 + 4) * (1 - heights * widths))


def test_unknown_work_stays_unknown() -> None:
    opaque = "  - opaque: {operation: sort, shape: [3, 6, 6]}\n"
    for name in MOBILENET_V1:
        assert items(opaque, name) == {}
    analysis = layers("[{opaque: {operation: sort, shape: [3, 6, 6]}}]", "thop")
    assert analysis.reservations == (
        Reservation(
            kind="opaque",
            agreement="not covered",
            why="its work is unknown",
            layers=("opaque",),
            mult_adds=0,
        ),
    )
    assert analysis.convention_agreement == "not covered"


def test_no_tool_counts_what_a_spec_states() -> None:
    entry = "[{opaque: {operation: fft, shape: same, mult_adds: 50, params: 3, vector_ops: 9}}]"
    for convention in CONVENTIONS[1:]:
        analysis = layers(entry, convention.name)
        assert analysis.totals.mult_adds == 50
        assert [(each.why, each.mult_adds) for each in analysis.reservations] == [
            ("its work is stated by the spec, and no tool counts it", 50)
        ]
        assert analysis.convention_agreement == "not covered"


def test_a_kernel_with_a_gain_is_covered_by_torch_alone() -> None:
    for entry in ("conv2d: {channels: 4, kernel: 3", "depthwise_conv2d: {kernel: 3"):
        for convention in CONVENTIONS[1:]:
            analysis = layers(f"[{{{entry}, gain: true}}}}]", convention.name)
            agreement = "exact" if convention.name == "torch" else "not covered"
            assert analysis.convention_agreement == agreement
            whys = [each.why for each in analysis.reservations]
            assert convention.name in ("torch", "openvino") or "a gain" in whys[0]


def test_unknown_convention() -> None:
    with pytest.raises(UsageError) as caught:
        find_convention("fvcor")
    assert str(caught.value) == (
        "there is no counting convention `fvcor`\nhint: did you mean `fvcore`?"
    )
    with pytest.raises(UsageError, match=r"hint: there are paper, torch, fvcore"):
        find_convention("mine")
