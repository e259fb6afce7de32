"""What each operation of the kind `elementwise` calculates: in torch, in its source, in ONNX."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from built import network  # noqa: E402

from mnet_cost.layers.arithmetic import OPERATIONS  # noqa: E402
from mnet_cost.torch_model import build_module  # noqa: E402
from mnet_cost.torch_model.source import write_source  # noqa: E402

SHAPES = {"x": (4, 3), "y": (3,), "z": (2, 1, 3)}
BATCH = 4
"""As many examples as an axis has elements: an axis that meets N by mistake would not be noticed
by its size alone."""

FORMULAS: dict[str, Callable[..., Any]] = {
    # by the fields of the layer: of x; of x and y; of x, y and z
    "exp": lambda x: torch.e**x,
    "log": lambda x: x.log2() / torch.tensor(torch.e).log2(),
    "sqrt": lambda x: x**0.5,
    "rsqrt": lambda x: x**-0.5,
    "square": lambda x: x * x,
    "reciprocal": lambda x: 1 / x,
    "absolute": lambda x: torch.where(x < 0, -x, x),
    "negate": lambda x: 0 - x,
    "sign": lambda x: (x > 0) * 1.0 - (x < 0) * 1.0,
    "floor": lambda x: x - x % 1,
    "ceil": lambda x: x + -x % 1,
    "round": lambda x: (x + 0.5) // 1,
    "sin": lambda x: torch.cos(x - torch.pi / 2),
    "cos": lambda x: torch.sin(x + torch.pi / 2),
    "trunc": lambda x: x.sign() * (x.abs() // 1),
    "expm1": lambda x: torch.e**x - 1,
    "log1p": lambda x: (1 + x).log(),
    "log2": lambda x: x.log() / math.log(2),
    "log10": lambda x: x.log() / math.log(10),
    "tan": lambda x: x.sin() / x.cos(),
    "asin": lambda x: torch.atan2(x, (1 - x * x) ** 0.5),
    "acos": lambda x: torch.atan2((1 - x * x) ** 0.5, x),
    "atan": lambda x: torch.atan2(x, torch.ones_like(x)),
    "sinh": lambda x: (x.exp() - (-x).exp()) / 2,
    "cosh": lambda x: (x.exp() + (-x).exp()) / 2,
    "asinh": lambda x: (x + (x * x + 1) ** 0.5).log(),
    "acosh": lambda x: (x + (x * x - 1) ** 0.5).log(),
    "atanh": lambda x: ((1 + x) / (1 - x)).log() / 2,
    "logical_not": lambda x: 0.0 * x,
    "is_nan": lambda x: 0.0 * x,
    "is_infinite": lambda x: 0.0 * x,
    "erf": lambda x: 1 - torch.special.erfc(x),
    "softplus": lambda x: (1 + x.exp()).log(),
    "mish": lambda x: x * (1 + x.exp()).log().tanh(),
    "elu": lambda x: torch.where(x > 0, x, x.exp() - 1),
    "elu, number: 2": lambda x: torch.where(x > 0, x, 2 * (x.exp() - 1)),
    "selu": lambda x: 1.0507 * torch.where(x > 0, x, 1.6733 * (x.exp() - 1)),
    "softsign": lambda x: x / (1 + abs(x)),
    "log_sigmoid": lambda x: -(1 + (-x).exp()).log(),
    "gelu_tanh": lambda x: 0.5 * x * (1 + (0.797885 * (x + 0.044715 * x**3)).tanh()),
    "clamp, low: 0.6": lambda x: torch.where(x < 0.6, 0.6, x),
    "clamp, high: 1.1": lambda x: torch.where(x > 1.1, 1.1, x),
    "clamp, low: 0.6, high: 1.1": lambda x: torch.where(x < 0.6, 0.6, torch.where(x > 1.1, 1.1, x)),
    "add, number: -2": lambda x: x - 2,
    "multiply, number: -2.5": lambda x: -(x + x + x / 2),
    "subtract, number: 2": lambda x: x + -2,
    "subtract, number: -2, reversed: true": lambda x: -(x + 2),
    "divide, number: 4": lambda x: x * 0.25,
    "divide, number: -4, reversed: true": lambda x: -4 * x**-1,
    "power, number: 3": lambda x: x * x * x,
    "power, number: 4, reversed: true": lambda x: (2**x) ** 2,
    "minimum, number: 0.7": lambda x: torch.where(x > 0.7, 0.7, x),
    "maximum, number: 0.7": lambda x: torch.where(x < 0.7, 0.7, x),
    "modulo, number: 0.4": lambda x: x - 0.4 * (x / 0.4).floor(),
    "equal, number: 0.7": lambda x: 0.0 * x,
    "not_equal, number: 0.7": lambda x: 0.0 * x + 1,
    "less, number: 0.1": lambda x: (0.1 - x > 0) * 1.0,
    "greater_or_equal, number: 0.1": lambda x: (x - 0.1 >= 0) * 1.0,
    "modulo": lambda x, y: x - y * (x / y).floor(),
    "equal": lambda x, y: 0.0 * (x + y),
    "not_equal": lambda x, y: 0.0 * (x + y) + 1,
    "less": lambda x, y: (y - x > 0) * 1.0,
    "less_or_equal": lambda x, y: (y - x >= 0) * 1.0,
    "greater": lambda x, y: (x - y > 0) * 1.0,
    "greater_or_equal": lambda x, y: (x - y >= 0) * 1.0,
    "logical_and": lambda x, y: 0.0 * (x + y) + 1,
    "logical_or": lambda x, y: 0.0 * (x + y) + 1,
    "logical_xor": lambda x, y: 0.0 * (x + y),
    "bitwise_not": lambda x: -1 - x.trunc(),
    "bitwise_and": lambda x, y: (x.int() & y.int()) + 0.0 * x,
    "bitwise_or": lambda x, y: (x.int() | y.int()) + 0.0 * x,
    "bitwise_xor": lambda x, y: (x.int() ^ y.int()) + 0.0 * x,
    "subtract": lambda x, y: x + -1 * y,
    "divide": lambda x, y: x * y**-1,
    "power": lambda x, y: (y * x.log()).exp(),
    "minimum": lambda x, y: torch.where(x < y, x, y + 0 * x),
    "maximum": lambda x, y: torch.where(x > y, x, y + 0 * x),
    "add_product": lambda x, y, z: x + y * z,
    "add_product, number: -2": lambda x, y, z: x - 2 * y * z,
    "select": lambda x, y, z: (x > 0) * y + (x <= 0) * z,
}


def spec() -> str:
    lines = [f"input: {{{', '.join(f'{name}: {list(shape)}' for name, shape in SHAPES.items())}}}"]
    lines.append("layers:")
    # x has both signs; the others are positive, as is what a root or a logarithm is of
    lines += ["  - {id: signed, elementwise: {operation: subtract, number: 0.9}, from: x}"]
    lines += ["  - {id: above, elementwise: {operation: add, number: 1}, from: x}"]
    for number, (fields, formula) in enumerate(FORMULAS.items()):
        count = formula.__code__.co_argcount
        first = "above" if fields == "acosh" else "x" if positive(fields) else "signed"
        sources = ", ".join([first, "y", "z"][:count])
        lines.append(
            f"  - {{id: t{number}, elementwise: {{operation: {fields}}}, from: [{sources}]}}"
        )
    outputs = ", ".join(f"t{number}" for number in range(len(FORMULAS)))
    return "\n".join([*lines, f"outputs: [{outputs}]", ""])


def positive(fields: str) -> bool:
    return fields.partition(",")[0] in (
        "log",
        "log2",
        "log10",
        "sqrt",
        "rsqrt",
        "reciprocal",
        "divide",
        "power",
    )


@pytest.fixture(scope="module")
def inputs() -> tuple[Any, ...]:
    numbers = torch.Generator().manual_seed(1)
    return tuple(
        0.2 + 1.6 * torch.rand((BATCH, *shape), generator=numbers) for shape in SHAPES.values()
    )


def test_every_operation_is_here() -> None:
    assert {fields.partition(",")[0] for fields in FORMULAS} == set(OPERATIONS)


def test_values(inputs: tuple[Any, ...]) -> None:
    """Each example by itself: then axes are aligned as without a batch."""
    results = build_module(network(spec()))(*inputs)
    for (fields, formula), result in zip(FORMULAS.items(), results, strict=True):
        count = formula.__code__.co_argcount
        for example in range(BATCH):
            x, y, z = (tensor[example] for tensor in inputs)
            x = x + 1 if fields == "acosh" else x if positive(fields) else x - 0.9
            wanted = formula(*(x, y, z)[:count])
            assert result[example].shape == wanted.shape, fields
            assert torch.allclose(result[example], wanted, rtol=1e-4, atol=1e-4), fields


@pytest.mark.parametrize("text", ["spec", "reduced"])
def test_the_source_has_the_same_values(text: str) -> None:
    net = network(spec() if text == "spec" else REDUCED)
    namespace: dict[str, Any] = {}
    exec(write_source(net), namespace)
    tensors = [
        0.2 + torch.rand(BATCH, *net.tensors[index].type.shape, generator=torch.Generator())
        for index in net.inputs
    ]
    results = zip(build_module(net)(*tensors), namespace["X"]()(*tensors), strict=True)
    for number, (expected, result) in enumerate(results):
        assert torch.equal(expected, result), number


def test_onnx_files_have_the_same_values() -> None:
    pytest.importorskip("onnxruntime")
    from onnx_oracle import onnx_disagreements

    assert onnx_disagreements(network(spec())) == []


REDUCED = """\
input: {x: [2, 3, 4]}
layers:
  - {id: t0, reduce: {operation: mean, axes: channels}, from: x}
  - {id: t1, reduce: {operation: sum, axes: [width, height]}, from: x}
  - {id: t2, reduce: {operation: max, axes: [-1, -3], keep: true}, from: x}
  - {id: t3, reduce: {operation: min, axes: -2}, from: x}
  - {id: t4, reduce: {operation: product, axes: [-1, -3]}, from: x}
  - {id: t5, reduce: {operation: product, axes: [-3, -2], keep: true}, from: x}
  - {id: t6, reduce: {operation: norm, axes: [height, width]}, from: x}
  - {id: t7, reduce: {operation: variance, axes: width, keep: true}, from: x}
  - {id: t8, reduce: {operation: deviation, axes: [-2, -1]}, from: x}
  - {id: t9, rms_norm: {axis: height, affine: false, epsilon: 0.5}, from: x}
  - {id: t10, reduce: {operation: l1, axes: [-1, -3], keep: true}, from: x}
  - {id: t11, reduce: {operation: sum_square, axes: height}, from: x}
  - {id: t12, reduce: {operation: log_sum, axes: [-1, -2]}, from: x}
  - {id: t13, reduce: {operation: log_sum_exp, axes: -1, keep: true}, from: x}
outputs: [t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, t10, t11, t12, t13]
"""


def test_reductions() -> None:
    x = 0.2 + torch.rand(BATCH, 2, 3, 4, generator=torch.Generator().manual_seed(2))
    mean = x.sum(3, keepdim=True) / 4
    of_all = x - x.flatten(2).mean(2)[..., None, None]
    wanted = (
        (x[:, 0] + x[:, 1]) / 2,
        x.flatten(2).sum(2),
        x.permute(0, 2, 1, 3).flatten(2).max(2)[0][:, None, :, None],
        x.min(2)[0],
        (x[:, 0] * x[:, 1]).log().sum(2).exp(),
        (x[:, 0] * x[:, 1]).log().sum(1).exp()[:, None, None],
        (x * x).flatten(2).sum(2) ** 0.5,
        ((x - mean) ** 2).sum(3, keepdim=True) / 4,
        ((of_all * of_all).flatten(2).sum(2) / 12) ** 0.5,
        x / ((x * x).sum(2, keepdim=True) / 3 + 0.5) ** 0.5,
        x.abs().sum((1, 3), keepdim=True),
        (x * x).sum(2),
        x.flatten(2).sum(2).log(),
        x.exp().sum(3, keepdim=True).log(),
    )
    for number, (result, tensor) in enumerate(
        zip(build_module(network(REDUCED))(x), wanted, strict=True)
    ):
        assert result.shape == tensor.shape, number
        assert torch.allclose(result, tensor, atol=1e-5), number


def test_onnx_files_of_reductions_have_the_same_values() -> None:
    pytest.importorskip("onnxruntime")
    from onnx_oracle import onnx_disagreements

    assert onnx_disagreements(network(REDUCED)) == []
