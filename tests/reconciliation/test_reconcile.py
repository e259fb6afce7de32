"""Numbers of other tools are explained to the last unit, or what is left of them is said."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mnet_cost
from mnet_cost.cli import main
from mnet_cost.errors import UsageError
from mnet_cost.models.library import load_model
from mnet_cost.models.load import parse_spec
from mnet_cost.network import Network, elaborate
from mnet_cost.reconciliation.figures import read_figure
from mnet_cost.reconciliation.search import reconcile_network
from mnet_cost.reconciliation.types import Reconciled

FIGURES = Path(__file__).resolve().parent.parent / "analysis" / "peers.csv"
MOBILENET_V1 = 568_740_352


def network(reference: str) -> Network:
    model = load_model(reference)
    return elaborate(model.spec, model.knobs)


def small(layers: str, inputs: str = "{x: [8, 12, 12]}") -> Network:
    return elaborate(parse_spec(f"format: 1\nname: s\ninput: {inputs}\nlayers: {layers}\n"))


def all_explained(net: Network, *numbers: object) -> tuple[Reconciled, ...]:
    """What explains each number; its causes always add up to the gap."""
    result = reconcile_network(net, [read_figure(str(number)) for number in numbers])
    for reconciled in result.figures:
        for each in reconciled.explanations:
            gap = reconciled.figure.value - result.mult_adds
            assert sum(cause.mult_adds for cause in each.causes) == gap
    return result.figures


def explained(net: Network, number: object) -> Reconciled:
    (reconciled,) = all_explained(net, number)
    return reconciled


def causes(reconciled: Reconciled) -> dict[str, int]:
    return {cause.what: cause.mult_adds for cause in reconciled.best.causes}


V1 = network("mobilenet_v1")


def test_every_network_that_tools_counted() -> None:
    """20 networks of torchvision and timm, each by the tool that is named: `benchmarks/peers`."""
    counted: Counter[str] = Counter()
    unexplained = []
    networks: dict[str, Network] = {}
    for line in FIGURES.read_text(encoding="utf-8").splitlines()[1:]:
        if line[0] in '"[':
            continue  # a small network
        name, _, _, written, _, tool, _, total = line.split(",")
        net = networks.setdefault(name, networks.get(name) or network(name))
        reconciled = explained(net, f"{tool}={total}")
        if reconciled.best.verdict == "unexplained":
            unexplained.append((name, tool, causes(reconciled), reconciled.uncovered))
            continue
        assert reconciled.best.verdict == "exact", (name, tool, written)
        assert tool in reconciled.best.conventions
        assert not reconciled.best.setting
        counted[tool] += 1
    assert counted == {"torch": 18, "fvcore": 17, "ptflops": 17, "thop": 17, "torchinfo": 17,
                       "timm": 14}  # fmt: skip
    assert unexplained == [
        ("vgg11", "timm", {"not explained": 4096}, ("adaptive_avg_pool2d",))
    ]  # timm's VGG has another pool: the convention says that it does not cover it


def test_the_gap_cause_by_cause() -> None:
    reconciled = explained(V1, "thop=588962304")
    assert causes(reconciled) == {
        "batch-norm at 4 per element": 20_170_752,
        "adaptive average pooling at 1 per input and output": 51_200,
    }
    assert (reconciled.best.verdict, reconciled.best.conventions) == ("exact", ("thop",))


@pytest.mark.parametrize(
    ("number", "verdict", "conventions"),
    [
        ("568740352", "exact", ("paper", "torch")),
        ("568,740,352", "exact", ("paper", "torch")),
        ("578875904", "exact", ("fvcore", "timm")),
        ("568741352", "exact", ("ptflops",)),
        ("568763240", "exact", ("torchinfo",)),
        ("0.57G", "rounded", ("paper", "torch")),
        ("0.589 GMac", "rounded", ("thop",)),
        ("588.962M", "rounded", ("thop",)),
        ("569000000", "rounded", ("paper", "torch")),
        ("5.69e8", "rounded", ("paper", "torch")),
        ("568.76 M MACs", "rounded", ("torchinfo",)),
        ("0.56G", "truncated", ("paper", "torch")),
        ("thop=588962304.0", "exact", ("thop",)),
    ],
)
def test_numbers_as_tools_print_them(
    number: str, verdict: str, conventions: tuple[str, ...]
) -> None:
    best = explained(V1, number).best
    assert (best.verdict, best.conventions, best.factor) == (verdict, conventions, 1)


SETTINGS: list[tuple[object, tuple[str, ...], int, dict[str, Any]]] = [
    ("1137480704", ("torch",), 2, {}),
    ("torch=1137480704", ("torch",), 2, {}),
    ("openvino=1.148 GFLOPs", ("openvino",), 2, {}),
    ("thop=1177924608", ("thop",), 2, {}),
    (8 * 588_962_304, ("thop",), 1, {"batch": 8}),
    (32 * MOBILENET_V1, ("paper", "torch"), 1, {"batch": 32}),
    (418_121_728, ("paper", "torch"), 1, {"resolution": 192}),
    ("0.42G", ("paper", "torch"), 1, {"resolution": 192}),
    (325_400_448, ("paper", "torch"), 1, {"alpha": 0.75}),
    (MOBILENET_V1 + 1024, ("paper", "torch"), 1, {"classes": 1001}),
]


def test_flops_batches_and_other_settings() -> None:
    reconciled = all_explained(V1, *[number for number, *_ in SETTINGS])
    for each, (_, conventions, factor, setting) in zip(reconciled, SETTINGS, strict=True):
        best = each.best
        assert (best.conventions, best.factor, dict(best.setting)) == (conventions, factor, setting)


def test_an_image_without_a_knob_has_other_sizes() -> None:
    net = small("[{conv2d: {channels: 4, kernel: 3}}, batch_norm]", "{x: [3, 96, 96]}")
    reconciled = explained(net, 3 * 4 * 9 * 224 * 224)
    assert causes(reconciled) == {"input 224x224, not 96x96": 108 * (224 * 224 - 96 * 96)}
    assert dict(reconciled.best.setting) == {"input": "224x224"}
    with_norm = explained(net, f"thop={(108 + 16) * 64 * 64}")
    assert causes(with_norm)["batch-norm at 4 per element"] == 16 * 64 * 64


def test_a_batch_of_the_network_is_taken_off() -> None:
    best = explained(network("mobilenet_v1@batch=4"), 588_962_304).best
    assert (best.conventions, dict(best.setting)) == (("thop",), {"batch": 1})


def test_a_number_of_another_tool_says_so() -> None:
    reconciled = explained(V1, f"thop={MOBILENET_V1}")
    assert reconciled.is_other
    assert reconciled.best.conventions == ("paper", "torch")
    assert not explained(V1, MOBILENET_V1).is_other


SEQUENCE = "{x: [197, 96]}"
ATTENDED = "[{linear: {features: 96}}, {attention: {heads: 4}}]"


@pytest.mark.parametrize(
    ("layers", "inputs", "number", "what", "tool"),
    [
        (
            "[{conv2d: {channels: 8, kernel: 3}}, {conv_transpose2d: {channels: 4, kernel: 2, "
            "stride: 2, padding: 0}}]",
            "{x: [8, 12, 12]}",
            82_944 + 4 * 18_432,
            "transposed convolutions at positions of the output",
            "Torch-Pruning",
        ),
        (
            "[{conv2d: {channels: 8, kernel: 3}}, {conv_transpose2d: {channels: 8, kernel: 2, "
            "stride: 2, padding: 0, groups: 4}}]",
            "{x: [8, 12, 12]}",
            82_944,
            "grouped transposed convolutions at nothing",
            "calflops",
        ),
        (
            "[{linear: {features: 64}}, relu, {linear: {features: 32}}]",
            SEQUENCE,
            "flopth=8192",
            "linear layers over positions at one of them",
            "flopth",
        ),
        (
            ATTENDED,
            SEQUENCE,
            "torch=1815552",
            "attention at nothing",
            "torch's counter without gradients",
        ),
        (
            ATTENDED,
            SEQUENCE,
            f"torch={5 * 1_815_552}",
            "products in attention at nothing",
            "torch's counter with gradients",
        ),
        (
            "[{id: q, linear: {features: 96}}, {matmul: {transpose_second: true}, from: [q, q]}]",
            SEQUENCE,
            1_815_552,
            "products of activations at nothing",
            "`pytorch` backend of ptflops",
        ),
        (
            "[{linear: {features: 96}}, {lstm: {features: 32}}]",
            SEQUENCE,
            "calflops=1815552",
            "recurrent layers at nothing",
            "calflops",
        ),
        (
            "[{id: c, linear: {features: 96}}, relu, {use: c}, relu, {use: c}]",
            SEQUENCE,
            "flopth=1815552",
            "layers that are used again at their first use alone",
            "flopth",
        ),
    ],
)
def test_known_defects_are_named(
    layers: str, inputs: str, number: object, what: str, tool: str
) -> None:
    reconciled = explained(small(layers, inputs), number)
    assert reconciled.best.verdict == "exact"
    named = [
        cause
        for each in reconciled.explanations
        for cause in each.causes
        if cause.what == what and tool in cause.known
    ]
    assert named, reconciled.explanations


def test_calflops_counts_again_after_a_failed_call() -> None:
    reconciled = explained(V1, f"calflops={3 * MOBILENET_V1}")
    (cause,) = reconciled.best.causes
    assert cause.what == "3 times as much: a batch, or 2 calls before that failed"
    assert cause.known == "calflops 0.3.2"


SUMS = {
    "onnx-tool=573834216": {
        "batch-norm at 1 per element": 5_042_688,
        "average pooling at 1 per input": 50_176,
        "bias at 1 per output": 1_000,
    },
    "Torch-Pruning=583919592": {
        "batch-norm at 3 per element": 15_128_064,
        "average pooling at 1 per input": 50_176,
        "bias at 1 per output": 1_000,
    },
    "589012456": {
        "batch-norm at 4 per element": 20_170_752,
        "average pooling at 2 per input": 100_352,
        "bias at 1 per output": 1_000,
    },
}


def test_a_sum_that_fits_is_possible_and_no_more() -> None:
    """What three tools without rules printed. Batch-norm and ReLU have as many elements here."""
    wrong = [number[:-1] + "7" for number in SUMS]
    reconciled = all_explained(V1, *SUMS, *wrong)
    for each, sums in zip(reconciled, SUMS.values(), strict=False):
        assert (each.best.verdict, each.best.conventions) == ("possible", ())
        assert causes(each) == sums
        others = [cause.what for other in each.explanations[1:] for cause in other.causes]
        assert any("activations" in what for what in others)
    assert {each.best.verdict for each in reconciled[3:]} == {"unexplained"}


def test_a_part_that_is_left_out_is_possible() -> None:
    first, reconciled = all_explained(
        V1,
        MOBILENET_V1 - 10_838_016,  # the first convolution
        MOBILENET_V1 - 17_385_984,  # no paper counts so
    )
    assert causes(first) == {"counted without the first convolution": -10_838_016}
    assert reconciled.best.verdict == "possible"
    assert causes(reconciled) == {"all 13 layers depthwise_conv2d left out": -17_385_984}


def test_what_nothing_explains_is_said_by_how_much() -> None:
    reconciled, *others = all_explained(
        V1, 567_800_000 + 1, "1", "99999999999999", "thop=123456789", "1e23"
    )
    assert not reconciled.is_explained
    assert causes(reconciled) == {"not explained": -940_351}
    assert [(suspect.what, suspect.mult_adds) for suspect in reconciled.suspects] == [
        ("layer separable_4.depthwise_conv2d", 903_168),
        *((f"layer middle.{copy}.depthwise_conv2d", 903_168) for copy in range(1, 5)),
    ]
    assert {each.best.verdict for each in others} == {"unexplained"}


@settings(max_examples=10)
@given(number=st.integers(1, 10**12))
def test_causes_add_up_for_any_number(number: int) -> None:
    net = small("[{conv2d: {channels: 4, kernel: 3, bias: true}}, batch_norm, relu, "
                "global_avg_pool, {linear: {features: 10}}]")  # fmt: skip
    explained(net, number)


def test_a_network_without_work() -> None:
    reconciled = explained(small("[relu]"), 5)
    assert causes(reconciled) == {"not explained": 5}
    assert explained(small("[batch_norm]"), 8 * 144 * 4).best.conventions == ("thop",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "thpo=5",
            "`thpo=5`: there is no convention or tool `thpo`\nhint: did you mean `thop`?",
        ),
        ("0,57G", "`0,57G` is no number of mult-adds\nhint: write a point: `0.57G`"),
        (
            "thop=",
            "`thop=` is no number of mult-adds\nhint: write it as it is printed: `588962304`, "
            "`588,962,304`, `0.57G`, `568.74 MMac`",
        ),
        ("0.0", "`0.0`: a number of mult-adds is above 0"),
        ("thop=-5", "`thop=-5`: a number of mult-adds is above 0"),
        ("-0.57G", "`-0.57G`: a number of mult-adds is above 0"),
        ("nan", "`nan`: a number of mult-adds is above 0"),
        ("1e99", "`1e99`: a number of mult-adds has at most 24 digits"),
        ("1e999", "`1e999`: a number of mult-adds has at most 24 digits"),
        ("inf", "`inf`: a number of mult-adds has at most 24 digits"),
        ("9" * 61, f"`{'9' * 60}…`: a number of mult-adds has at most 24 digits"),
        ("1.5", "`1.5` is no whole number of mult-adds\nhint: with its prefix, perhaps: `1.5G`"),
    ],
)
def test_what_is_no_number_of_a_tool(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_figure(text)
    assert str(caught.value) == message


@pytest.mark.parametrize("text", ["-5 apples", "5 apples", "0x10", "٣", "=", "", "0." + "0" * 99])
def test_odd_numbers_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"is no number of mult-adds|no convention or tool"):
        read_figure(text)


def test_names_of_tools_in_other_spellings() -> None:
    for name, tool in (("FlopCounterMode", "torch"), ("torch.utils.flop_counter", "torch"),
                       ("THOP", "thop"), ("ONNX_tool", "onnx-tool"), ("mnet-cost", "paper"),
                       ("pytorch-OpCounter", "thop")):  # fmt: skip
        assert read_figure(f"{name}=5").tool == tool


def test_the_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["reconcile", "mobilenet_v1", "--with", "thop=588962304"]) == 0
    assert capsys.readouterr().out == (
        "mobilenet_v1: 588962304 is what thop counts\n"
        "alpha 1 · rho 1 · resolution 224 · classes 1000 · batch 1\n\n"
        "thop=588962304: what thop counts\n"
        "cause                                                 mult-adds\n"
        "convolutions, linear layers and matrix products     568,740,352\n"
        "batch-norm at 4 per element                         +20,170,752\n"
        "adaptive average pooling at 1 per input and output      +51,200\n"
        "as printed                                          588,962,304\n\n"
        "1 more note: --notes\n"
    )
    assert main(["reconcile", "vgg11", "--with", "timm=7609094144"]) == 1
    out = capsys.readouterr().out
    assert "timm=7609094144: not explained\n" in out
    assert "* timm does not cover adaptive_avg_pool2d: the gap may be theirs\n" in out


@pytest.mark.parametrize("width", [60, 80])
def test_large_numbers_fit_the_width(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert main(["reconcile", "mobilenet_v1", "--with", "thop=1e23", "--notes"]) == 1
    assert max(len(line) for line in capsys.readouterr().out.splitlines()) <= width


STATED = """
format: 1
name: stated
input: {x: [8, 12, 12]}
layers:
  - conv2d: {channels: 8, kernel: 3}
  - opaque: {operation: sort, shape: same, mult_adds: 777, params: 0, vector_ops: 5}
  - batch_norm
"""


@pytest.mark.parametrize(
    ("number", "rows"),
    [
        ("83721", ["82,944", "costs stated by the spec +777"]),
        ("thop=87552", ["82,944", "batch-norm at 4 per element +4,608"]),
        ("torch=165888", ["82,944", "FLOPs: 2 for each mult-add +82,944"]),
    ],
)
def test_a_stated_cost_is_a_cause_of_its_own(
    number: str, rows: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No tool counts it: it is no convolution, linear layer or matrix product."""
    path = tmp_path / "stated.yaml"
    path.write_text(STATED)
    assert main(["reconcile", str(path), "--with", number]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    first = lines.index("cause mult-adds") + 1
    products = "convolutions, linear layers and matrix products"
    assert lines[first : first + len(rows)] == [f"{products} {rows[0]}", *rows[1:]]
    assert lines[first + len(rows)].startswith("as printed")
    (reconciled,) = all_explained(elaborate(parse_spec(STATED)), number)
    assert reconciled.best.verdict == "exact"


def test_layers_of_unknown_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(
        "format: 1\nname: odd\ninput: {x: [8, 6, 6]}\nlayers:\n"
        "  - conv2d: {channels: 4, kernel: 3}\n  - opaque: {operation: sort, shape: [3, 6, 6]}\n"
    )
    command = ["reconcile", str(path), "--with", "10368"]
    assert main(command) == 3
    assert capsys.readouterr() == (
        "",
        "mnet-cost: no total: the cost of opaque is unknown\n"
        "hint: --lower-bound gives the sum of the rest\n",
    )
    assert main([*command, "--lower-bound", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["lower_bound"], document["unmodelled"]) == (True, ["opaque"])
    with pytest.raises(UsageError, match="no total: the cost of opaque is unknown"):
        mnet_cost.reconcile(path, 10368)


def test_in_python() -> None:
    result = mnet_cost.reconcile("mobilenet_v1", {"thop": 588962304.0, "fvcore": "579M"})
    assert repr(result) == (
        "<Reconciliation mobilenet_v1: thop=588962304 is what thop counts; "
        "fvcore=579M is what fvcore counts, rounded>"
    )
    assert (result.mult_adds, result.is_explained) == (MOBILENET_V1, True)
    half = mnet_cost.reconcile("mobilenet_v1", [149_497_088, "0.15G"], alpha=0.5)
    assert [number.best.verdict for number in half.numbers] == ["exact", "rounded"]
    assert "<table" in half._repr_html_()
    for large in (10**50, 1e99, 10**5000):
        with pytest.raises(UsageError, match="a number of mult-adds has at most 24 digits"):
            mnet_cost.reconcile("mobilenet_v1", large)
    for small in (-5, float("nan"), -(10**5000)):
        with pytest.raises(UsageError, match="a number of mult-adds is above 0"):
            mnet_cost.reconcile("mobilenet_v1", {"thop": small})
    for wrong in ([], {}, True, None, {"thop": 1.5}, [b"5"]):
        with pytest.raises(TypeError):
            mnet_cost.reconcile("mobilenet_v1", wrong)  # type: ignore[arg-type]
