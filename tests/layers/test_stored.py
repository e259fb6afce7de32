"""Stored tensors: worked examples, what is refused, and what is made of them alone."""

from __future__ import annotations

from math import prod
from typing import Any

import pytest
from layer_cases import Example, check_example, kind_of, refusal
from spec_text import network

from mnet_cost.analysis import analyze_network
from mnet_cost.devices import load_device
from mnet_cost.layers import Layer, Work
from mnet_cost.layers.parameters import Parameter
from mnet_cost.layers.stored import Constant, RelativePositionBias, WindowMask

EXAMPLES = [
    Example(Parameter(shape=(4, 6), trained=10), (), (4, 6), Work(params=10)),
    Example(Parameter(shape=(4, 6), trained=512), (), (4, 6), Work(params=512)),
    Example(Constant(shape=(2, 3), values="zeros"), (), (2, 3), Work(buffers=6)),
    Example(Constant(shape=(2, 1), values=(1.0, 2.0)), (), (2, 1), Work(buffers=2)),
    # Swin-T: windows of 7x7, 13 * 13 distances for each of 3 heads
    Example(RelativePositionBias(window=7, heads=3), (), (3, 49, 49), Work(params=507)),
    Example(
        RelativePositionBias(window=(2, 5), heads=4, distances="absolute"), (), (4, 10, 10),
        Work(params=40),
    ),
    # 8 * 8 windows of 49 positions
    Example(
        WindowMask(size=56, window=7, shift=3), (), (64, 1, 49, 49), Work(buffers=64 * 2401)
    ),
]  # fmt: skip


@pytest.mark.parametrize("example", EXAMPLES, ids=kind_of)
def test_example(example: Example) -> None:
    check_example(example)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            Constant(shape=(2, 3), values=(1.0, 2.0)),
            "`constant` has 2 values, and its shape has 6 elements",
        ),
        (Constant(shape=(7,), values="sine"), "`constant` with `sine` needs two axes or more"),
        (
            Constant(shape=(3, 2), values="causal_mask"),
            "`constant` with `causal_mask` has 3 positions, of which the first would see none of 2",
        ),
        (
            WindowMask(size=(56, 50), window=7, shift=3),
            "`window_mask` has windows of width 7, which do not divide 50",
        ),
        (
            WindowMask(size=14, window=7, shift=(3, 7)),
            "`window_mask` has a shift of 7, and windows of width 7: a shift is less",
        ),
    ],
)
def test_refusal(layer: Layer, message: str) -> None:
    assert refusal(layer) == message


STATIC = """\
input: {x: [5, 12]}
layers:
  - {id: p, parameter: {shape: [5, 12], trained: 7}}
  - {id: q, linear: {features: 12, bias: false}}
  - {id: c, constant: {shape: [5, 12], values: sine}}
  - {id: s, add: [q, c]}
  - {id: y, linear: {features: 12, bias: false}, from: x}
  - {id: z, multiply: [y, s]}
"""


@pytest.mark.parametrize("batch", [1, 3])
def test_what_is_made_of_stored_tensors_alone(batch: int) -> None:
    """Counted once a run; for a runtime no kernel, no time and no activation."""
    device = load_device("h100")
    net = network(STATIC, batch=batch)
    assert [step.name for step in net.steps if step.is_static] == ["p", "q", "c", "s"]
    analysis = analyze_network(net, [device])
    costs = {cost.step.name: cost for cost in analysis.layers}
    assert (costs["q"].mult_adds, costs["y"].mult_adds) == (720, 720 * batch)
    assert (costs["s"].vector_ops, costs["z"].vector_ops) == (60, 60 * batch)
    assert (analysis.totals.params, analysis.totals.buffers) == (7 + 144 + 144, 60)
    assert analysis.totals.weight_bytes == 4 * (144 + 60)  # of y, and s itself
    assert analysis.memory.peak_bytes == batch * 4 * (60 + 60)  # x and y; z is written over y
    (estimate,) = analysis.devices
    assert [timed.kernel.name for timed in estimate.kernels] == ["y"]  # z is fused into it
    kernel = estimate.kernels[0].kernel
    assert [cost.step.name for cost in kernel.layers] == ["y", "z"]
    assert kernel.trained == ((net.steps[3].output, 240),)
    assert kernel.weight_bytes == 4 * 144 + 240


def test_opaque_layers_are_not_known_beforehand() -> None:
    net = network(
        "input: {x: [4]}\nlayers:\n  - {id: p, parameter: {shape: [4]}}\n"
        "  - {id: o, opaque: {operation: sort, shape: [4]}, from: p}\n"
        "  - {id: s, add: [o, p]}\n"
    )
    assert [step.name for step in net.steps if step.is_static] == ["p"]


def test_shared_weights_run_as_often_as_their_inputs_need() -> None:
    net = network(
        "input: {x: [4, 6]}\nlayers:\n  - {id: a, linear: {features: 6}}\n"
        "  - {id: p, parameter: {shape: [4, 6]}}\n  - {id: b, use: a, from: p}\n"
        "  - add: [a, b]\n",
        batch=2,
    )
    costs = [cost.mult_adds for cost in analyze_network(net).layers]
    assert costs == [288, 0, 144, 0]


def values(kind: str, **fields: Any) -> Any:
    """The numbers of a stored tensor in torch, without its axis for the batch."""
    pytest.importorskip("torch")
    from mnet_cost.torch_model import build_module

    said = ", ".join(f"{name}: {value}" for name, value in fields.items())
    module = build_module(
        network(f"input: {{x: [1]}}\nlayers:\n  - {{id: t, {kind}: {{{said}}}}}\noutputs: [t]\n")
    )
    import torch

    result = module(torch.zeros(2, 1))
    assert torch.equal(result[0], result[1])
    return result[0].detach()


def test_tables() -> None:
    torch = pytest.importorskip("torch")
    sine = values("constant", shape=[3, 4], values="sine")
    wanted = [[f(m / 100**i) for i in range(2) for f in (_sin, _cos)] for m in range(3)]
    assert torch.allclose(sine, torch.tensor(wanted), atol=1e-6)
    cosines = values("constant", shape=[2, 3, 2], values="rotary_cos")
    wanted = [[_cos(m / 100**i) for i in range(2)] for m in range(3)]
    assert torch.allclose(cosines, torch.tensor([wanted, wanted]), atol=1e-6)
    sines = values("constant", shape=[3, 2], values="rotary_sin")
    assert torch.allclose(sines**2 + cosines[0] ** 2, torch.ones(3, 2))
    mask = values("constant", shape=[2, 3], values="causal_mask")
    assert mask.tolist() == [[0, 0, -torch.inf], [0, 0, 0]]
    assert values("constant", shape=[2, 2], values=[1, 2, 3, 4]).tolist() == [[1, 2], [3, 4]]


def _sin(x: float) -> float:
    from math import sin

    return sin(x)


def _cos(x: float) -> float:
    from math import cos

    return cos(x)


@pytest.mark.parametrize("trained", [5, 12, 40])
def test_trained_numbers_are_repeated_or_cut(trained: int) -> None:
    torch = pytest.importorskip("torch")
    from mnet_cost.torch_model import modules

    module = modules.Parameter(3, 4, trained=trained)
    rows = module.weight.detach()[torch.arange(12) % trained].view(1, 3, 4)
    assert torch.equal(module(), rows)


@pytest.mark.parametrize("signed", [True, False])
def test_relative_positions(signed: bool) -> None:
    """A number for each distance, and the same for the same distance."""
    torch = pytest.importorskip("torch")
    from mnet_cost.torch_model import modules

    height, width, heads = 2, 3, 2
    module = modules.RelativePositionBias(heads, (height, width), signed=signed)
    bias = module()[0].detach()
    by_distance: dict[tuple[int, int], list[float]] = {}
    for i in range(height * width):
        for j in range(height * width):
            down, right = i // width - j // width, i % width - j % width
            key = (down, right) if signed else (abs(down), abs(right))
            by_distance.setdefault(key, bias[:, i, j].tolist())
            assert by_distance[key] == bias[:, i, j].tolist()
    different = {tuple(numbers) for numbers in by_distance.values()}
    assert len(different) * heads == module.weight.numel()
    assert torch.equal(bias.flatten().unique(), module.weight.detach().flatten().unique())


def test_the_mask_of_shifted_windows() -> None:
    """Two positions see each other where the roll has not brought them together."""
    size, window, shift = (4, 6), (2, 3), (1, 2)
    mask = values("window_mask", size=list(size), window=list(window), shift=list(shift))
    columns = size[1] // window[1]
    for number in range(prod(size) // prod(window)):
        corner = number // columns * window[0], number % columns * window[1]
        places = [
            (corner[0] + i // window[1], corner[1] + i % window[1]) for i in range(prod(window))
        ]
        for i, a in enumerate(places):
            for j, b in enumerate(places):
                # before the roll the first `shift` rows were at the top
                wrapped = [
                    (p >= side - step) != (q >= side - step)
                    for p, q, side, step in zip(a, b, size, shift, strict=True)
                ]
                assert mask[number, 0, i, j] == (-100 if any(wrapped) else 0)


QUERIES = """\
input: {x: [5, 8]}
layers:
  - {id: q, parameter: {shape: [3, 8]}}
  - {id: each, expand_batch: {}}
  - {id: projected, linear: {features: 8, bias: false}}
  - {id: scores, matmul: {transpose_second: true}, from: [projected, x]}
"""


def test_what_is_made_of_an_expanded_tensor_is_made_for_each_example() -> None:
    analysis = analyze_network(network(QUERIES, batch=4))
    q, each, projected, scores = analysis.layers
    assert [cost.step.is_static for cost in analysis.layers] == [True, False, False, False]
    assert (projected.mult_adds, scores.mult_adds) == (4 * 3 * 64, 4 * 3 * 5 * 8)
    assert (q.params, each.params, projected.params) == (24, 0, 64)
    assert (each.input_bytes, each.output_bytes) == (4 * 4 * 24, 4 * 4 * 24)
    assert [kernel.name for kernel in analysis.kernels] == ["each", "projected", "scores"]
    assert analysis.kernels[0].weight_bytes == 4 * 24  # read once for the batch
    assert analysis.kernels[0].output_bytes == 4 * 4 * 24
    once = analyze_network(network(QUERIES.replace("expand_batch", "identity"), batch=4))
    assert once.layers[2].mult_adds == 3 * 64
