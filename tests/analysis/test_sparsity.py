"""Zeros among the weights, worked by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnet_cost.analysis import Analysis, analyze, analyze_network
from mnet_cost.analysis.sparsity import Sparsity, Zeros, parse_zeros
from mnet_cost.devices import ComputeRate, DeviceProfile, MemoryLevel, Sourced, load_device
from mnet_cost.devices.latency_models import RooflineFit, Spread
from mnet_cost.devices.rules import runtime_rules
from mnet_cost.errors import UsageError
from mnet_cost.models.library import load_model
from mnet_cost.models.load import parse_spec
from mnet_cost.network import elaborate


def known(value: float) -> Sourced:
    return Sourced(value=value, source="made up for a test", basis="assumed")


DENSE = DeviceProfile(
    name="dense",
    title="a device that multiplies zeros",
    basis="datasheet",
    runtime="xnnpack",
    threads=1,
    compute={"fp16": ComputeRate(macs_per_s=known(1000.0), vector_ops_per_s=known(1000.0))},
    memory=(MemoryLevel(name="DRAM", size_bytes=known(1e6), bytes_per_s=known(1000.0)),),
    kernel_rules=runtime_rules("xnnpack"),
)
SPARSE = replace(
    DENSE,
    name="sparse",
    compute={
        "fp16": ComputeRate(
            macs_per_s=known(1000.0), vector_ops_per_s=known(1000.0), sparse_speedup=known(2.0)
        )
    },
)

SPEC = parse_spec(
    "format: 1\nname: hand\ninput: {x: [4, 2, 2]}\nlayers:\n"
    "  - {id: wide, conv2d: {channels: 8, kernel: 3}}\n"
    "  - batch_norm\n"
    "  - {id: deep, depthwise_conv2d: {kernel: 3, bias: false}}\n"
    "  - flatten\n"
    "  - {id: out, linear: {features: 10}}\n"
)
"""Weights: 3 * 3 * 4 * 8 = 288 at 4 positions; 72 at 4 positions; 32 * 10 = 320 once."""


def zeros(*rules: str, precision: str = "fp16") -> Sparsity:
    sparsity = analyze(SPEC, precision=precision, sparsity=parse_zeros(rules)).sparsity
    assert sparsity is not None
    return sparsity


def counts(sparsity: Sparsity) -> list[tuple[str, int, int]]:
    return [(layer.name, layer.zeros, layer.effective_mult_adds) for layer in sparsity.layers]


def test_zeros_anywhere() -> None:
    sparsity = zeros("0.25")
    assert counts(sparsity) == [
        ("wide", 72, 4 * 216),
        ("deep", 18, 4 * 54),
        ("out", 80, 240),
    ]
    assert (sparsity.weights, sparsity.zeros) == (680, 170)
    assert sparsity.effective_mult_adds == 4 * 216 + 4 * 54 + 240
    assert sparsity.stored_weight_bytes == 2 * (288 + 16 + 72 + 320 + 10)  # like other weights


def test_zeros_in_fours() -> None:
    sparsity = zeros("0.5:2:4")
    # A depthwise convolution has one input channel for each output: no fours.
    assert counts(sparsity) == [("wide", 144, 4 * 144), ("deep", 0, 4 * 72), ("out", 160, 160)]
    assert sparsity.dense_names == ("deep",)
    # Half of the values at 2 bytes, and 2 bits for each: 288 + 36 and 320 + 40 bytes.
    assert [layer.saved_bytes for layer in sparsity.layers] == [576 - 324, 0, 640 - 360]
    assert sparsity.stored_weight_bytes == 2 * 706 - 252 - 280
    # More zeros than half are stored all the same.
    many = zeros("0.75:2:4")
    assert many.stored_weight_bytes == sparsity.stored_weight_bytes
    assert counts(many)[0] == ("wide", 216, 4 * 72)


def test_a_rule_for_a_layer_overrides_rules_for_its_kind_and_for_all() -> None:
    sparsity = zeros("0.5", "conv2d=0.25", "depthwise_conv2d 3x3=0.75", "out=0")
    assert counts(sparsity) == [("wide", 72, 864), ("deep", 54, 72), ("out", 0, 320)]
    assert counts(zeros("conv2d 3x3=0.25", "conv2d=0.5"))[0] == ("wide", 72, 864)
    assert counts(zeros("out=0.1")) == [("wide", 0, 1152), ("deep", 0, 288), ("out", 32, 288)]
    assert [rule.text for rule in parse_zeros(["0.5:2:4", "a = .25"])] == ["0.5:2:4", "a=0.25"]


def test_counts_of_conventions_stay_dense() -> None:
    network = elaborate(SPEC, {"batch": 3})
    plain = analyze_network(network, precision="fp16")
    sparsity = analyze_network(network, precision="fp16", sparsity=[Zeros(0.5)])
    assert replace(sparsity, sparsity=None) == plain
    assert sparsity.sparsity is not None
    assert sparsity.sparsity.effective_mult_adds == 3 * (4 * 144 + 4 * 36 + 160)
    other = analyze(SPEC, {"batch": 3}, sparsity=[Zeros(0.5)], convention="thop").sparsity
    assert other is not None
    assert other.effective_mult_adds == sparsity.sparsity.effective_mult_adds


def test_weights_used_twice_have_the_zeros_of_their_owner() -> None:
    spec = parse_spec(
        "format: 1\nname: twins\ninput: {x: [8]}\nlayers:\n"
        "  - {id: tower, linear: {features: 8, bias: false}}\n  - {id: twin, use: tower}\n"
    )
    sparsity = analyze(spec, sparsity=parse_zeros(["tower=0.5:2:4"])).sparsity
    assert sparsity is not None
    assert (sparsity.weights, sparsity.zeros, sparsity.effective_mult_adds) == (64, 32, 64)
    assert sparsity.stored_weight_bytes == 32 * 4 + 8
    with pytest.raises(UsageError) as caught:
        analyze(spec, sparsity=parse_zeros(["twin=0.5"]))
    assert str(caught.value).splitlines()[0] == (
        "--sparsity:1:1: the weights of `twin` are those of `tower`: state them there"
    )


def test_products_of_activations_are_not_with_a_weight() -> None:
    spec = parse_spec(
        "format: 1\nname: mix\ninput: {x: [6, 8]}\nlayers:\n  - attention: {heads: 2}\n"
    )
    sparsity = analyze(spec, sparsity=[Zeros(0.5)]).sparsity
    assert sparsity is not None
    # Four projections of 6 positions by 8 x 8 weights, and two products of 6 x 6 by 8.
    (layer,) = sparsity.layers
    assert (layer.mult_adds, layer.weight_mult_adds) == (4 * 384 + 2 * 288, 4 * 384)
    assert sparsity.effective_mult_adds == 2 * 384 + 2 * 288
    (estimate,) = analyze(
        spec, devices=[SPARSE], precision="fp16", sparsity=[Zeros(0.5, fours=True)]
    ).devices
    assert estimate.kernels[0].compute_s == pytest.approx(0.768 + 0.576)


def test_a_device_that_knows_fours() -> None:
    def times(*rules: Zeros) -> dict[str, tuple[float, float, float]]:
        estimates = analyze(SPEC, devices=[DENSE, SPARSE], precision="fp16", sparsity=rules)
        dense, sparse = (estimate.kernels for estimate in estimates.devices)
        return {
            a.kernel.name: (
                a.lower_bound.compute_s or 0,
                b.lower_bound.compute_s or 0,
                b.lower_bound.memory_s or 0,
            )
            for a, b in zip(dense, sparse, strict=True)
        }

    half = times(Zeros(0.5, fours=True))
    # 16 inputs and 32 outputs of 2 bytes; 324 bytes of weights, and 32 of the norm.
    assert half["wide"] == pytest.approx((1.152, 0.576, 0.096 + 0.324 + 0.032))
    assert half["deep"][:2] == pytest.approx((0.288, 0.288))
    assert half["out"] == pytest.approx((0.320, 0.160, 0.084 + 0.360 + 0.020))
    assert times(Zeros(0.9))["wide"][:2] == pytest.approx((1.152, 1.152))
    assert times(Zeros(0.9))["wide"][2] == pytest.approx(0.096 + 0.576 + 0.032)


def test_a_fitted_roofline_and_what_fits() -> None:
    fit = RooflineFit(
        macs_per_s=known(100.0),
        bytes_per_s=None,
        inference_s=None,
        kernel_s=None,
        spread=Spread(width=1.0, noise=0.1),
    )
    device = replace(
        SPARSE,
        latency={"fp16": fit},
        memory=(MemoryLevel(name="DRAM", size_bytes=known(1300.0), bytes_per_s=known(1e6)),),
    )
    dense, sparse = (
        analyze(SPEC, devices=[device], precision="fp16", sparsity=rules).devices[0]
        for rules in ((), (Zeros(0.5, fours=True),))
    )
    assert dense.latency_s == pytest.approx(11.52 + 2.88 + 3.20)
    assert sparse.latency_s == pytest.approx(5.76 + 2.88 + 1.60)
    assert (dense.memory_fits[0].fits, sparse.memory_fits[0].fits) == (False, True)


def test_compute_by_coefficients_has_the_same_speedup() -> None:
    device = replace(SPARSE, pipeline="in_order")
    dense, sparse = (
        analyze(SPEC, devices=[device], precision="fp16", sparsity=rules).devices[0]
        for rules in ((), (Zeros(0.5, fours=True),))
    )
    ratios = {
        a.kernel.name: (b.compute_s or 0) / (a.compute_s or 1)
        for a, b in zip(dense.kernels, sparse.kernels, strict=True)
    }
    assert ratios == pytest.approx({"wide": 0.5, "deep": 1, "out": 0})  # out only reads weights
    assert [kernel.memory_s for kernel in dense.kernels] == [
        kernel.memory_s for kernel in sparse.kernels
    ]
    assert dense.shares != sparse.shares


@pytest.mark.parametrize(
    ("device", "rules", "note"),
    [
        (DENSE, "0.5:2:4", "zeros are multiplied like other numbers: the time is that of the dense "
         "network"),
        (SPARSE, "0.5", "zeros are multiplied like other numbers: the time is that of the dense "
         "network"),
        (SPARSE, "0.5:2:4", "2 of 3 kernels have zeros in 2:4, and multiply 2x as fast"),
        (SPARSE, "0.5:2:4 deep=0.5", "2 of 3 kernels have zeros in 2:4, and multiply 2x as fast; "
         "zeros elsewhere are multiplied like other numbers"),
        (SPARSE, "0", None),
    ],
)  # fmt: skip
def test_devices_say_how_they_treat_zeros(
    device: DeviceProfile, rules: str, note: str | None
) -> None:
    (estimate,) = analyze(
        SPEC, devices=[device], precision="fp16", sparsity=parse_zeros(rules.split())
    ).devices
    assert estimate.notes == (() if note is None else (note,))


def test_a_device_without_the_precision_says_only_that() -> None:
    (estimate,) = analyze(SPEC, devices=[SPARSE], sparsity=[Zeros(0.5)]).devices
    assert estimate.notes == ("no fp32 rate in the profile (it has fp16): time is unknown",)


EXAMPLE = "hint: write for example `0.5`, `0.5:2:4` or `conv2d 1x1=0.9`"
KINDS = "conv2d 3x3, depthwise_conv2d 3x3, linear"


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("", "`` is no share of weights", EXAMPLE),
        ("half", "`half` is no share of weights", EXAMPLE),
        ("out=", "`` is no share of weights", EXAMPLE),
        ("=0.5", "`=0.5` names no layer", EXAMPLE),
        ("-0.5", "`-0.5` is negative: a share is from 0 to under 1", None),
        ("1", "`1` leaves no weight: a share is from 0 to under 1", None),
        ("50", "`50` leaves no weight: a share is from 0 to under 1", "hint: 50 % is `0.5`"),
        ("0.5:1:4", "there is no pattern `1:4`", "hint: the one that is known is `2:4`"),
        ("0.4:2:4", "in 2:4 at least half are zero, not `0.4`", "hint: write `0.5:2:4`"),
        ("wde=0.5", "hand has no layer or kind `wde`", "hint: did you mean `wide`?"),
        ("gru=0.5", "hand has no layer or kind `gru`", f"hint: kinds with weights: {KINDS}"),
        ("batch_norm=0.5", "`batch_norm` has no weights that could be zero",
         f"hint: those that have: {KINDS}"),
        ("deep=0.5:2:4", "`deep` cannot have zeros in 2:4: its input channels are no multiple of 4",
         "hint: zeros anywhere: `deep=0.5`"),
    ],
)  # fmt: skip
def test_errors(text: str, said: str, hint: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        zeros(text)
    assert [line.rstrip() for line in str(caught.value).splitlines()] == [
        f"--sparsity:1:1: {said}",
        f"    1 | {text}".rstrip(),
        "      | " + "^" * max(len(text), 1),
        *([hint] if hint else []),
    ]


def test_more_errors() -> None:
    with pytest.raises(UsageError) as caught:
        parse_zeros(["0.5", "out=2", "0.25:2:3", "0.7"])
    assert [str(problem.message) for problem in caught.value.problems] == [
        "`2` leaves no weight: a share is from 0 to under 1",
        "there is no pattern `2:3`",
        "the sparsity of all layers is stated already: `0.5`",
    ]
    with pytest.raises(UsageError, match=r"^nan is no share from 0 to under 1$"):
        analyze(SPEC, sparsity=[Zeros(float("nan"))])
    with pytest.raises(UsageError, match=r"in 2:4 at least half are zero, not `0.1`"):
        analyze(SPEC, sparsity=[Zeros(0.1, fours=True)])
    bare = parse_spec("format: 1\nname: bare\ninput: {x: [4]}\nlayers:\n  - relu\n")
    with pytest.raises(UsageError, match="no layer of bare has weights"):
        analyze(bare, sparsity=[Zeros(0.1)])


NETWORK = load_model("mobilenet_v1@alpha=0.25,resolution=32")
DEVICES = (DENSE, SPARSE, load_device("h100"))


@given(st.floats(0, 0.99), st.floats(0, 0.99), st.booleans())
def test_fewer_zeros_are_never_faster(first: float, other: float, fours: bool) -> None:
    low, high = sorted((first, other))
    if fours:
        low, high = (0.5 + share / 2 for share in (low, high))

    def analyzed(share: float) -> Analysis:
        rules = [Zeros(share, fours)]
        return analyze(NETWORK, devices=DEVICES, precision="fp16", sparsity=rules)

    dense = analyze(NETWORK, devices=DEVICES, precision="fp16")
    fewer, more = analyzed(low), analyzed(high)
    assert fewer.sparsity is not None
    assert more.sparsity is not None
    assert dense.totals.mult_adds >= fewer.sparsity.effective_mult_adds
    assert fewer.sparsity.effective_mult_adds >= more.sparsity.effective_mult_adds > 0
    for a, b, c in zip(dense.devices, fewer.devices, more.devices, strict=True):
        assert (a.latency_s or 0) >= (b.latency_s or 0) >= (c.latency_s or 0) > 0
