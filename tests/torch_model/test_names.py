"""Any name that a spec may have, in any position: as a module, as source, and as exported files."""

from __future__ import annotations

import builtins
import keyword
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from built import network  # noqa: E402
from hypothesis import assume, example, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from test_source import compare, module_of  # noqa: E402
from torch import fx, nn  # noqa: E402

from mnet_cost.errors import SpecError  # noqa: E402
from mnet_cost.models.load import parse_spec  # noqa: E402
from mnet_cost.network import elaborate  # noqa: E402
from mnet_cost.torch_model import build_module, modules, same_padding  # noqa: E402
from mnet_cost.torch_model.export import export_network  # noqa: E402
from mnet_cost.torch_model.names import class_name, module_path, variable  # noqa: E402
from mnet_cost.torch_model.source import write_source  # noqa: E402

WORDS = sorted(
    {*keyword.kwlist, *keyword.softkwlist, *dir(builtins), *dir(fx.GraphModule)}
    | {*vars(fx.GraphModule(nn.Module(), fx.Graph())), *vars(modules), *vars(same_padding)}
    | {"self", "cls", "torch", "nn", "F", "OrderedDict", "Callable", "inf", "nan", "device", "i"}
    | {"_", "__", "___", "__x", "__x_", "_1", "x", "y", "X", "Net", "other", "other_2", "train_"}
    | {"channels", "out_channels", "kernel_size", "weight", "has_relu", "residual", "a" * 300}
)
NAMES = st.one_of(
    st.sampled_from(WORDS), st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,3}", fullmatch=True)
)
MODEL_NAMES = st.one_of(
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,6}", fullmatch=True),
    st.sampled_from(["mobilenet-v1", "v1.0", "x-small", "None", "True", "1", "1.0", "0x10", "null",
                     "yes", "tensor", "F", "Tensor", "attention", "3d-net", "a" * 300]),
)  # fmt: skip

TEXT = """
input: {%(a)s: [3, 8, 8], %(b)s: [3, 8, 8]}
knobs: {%(k)s: 4}
blocks:
  %(a)s:
    arguments: {%(a)s: required, %(k)s_k: 3, %(b)s: required}
    input: [%(a)s, %(c)s]
    layers:
      - {id: %(c)s_, conv2d: {channels: %(a)s, kernel: %(k)s_k}, from: %(a)s}
      - {id: %(b)s_, %(b)s: {}}
      - {id: w, layers: [{id: %(a)s, relu: {}, when: %(a)s == 4}, {id: %(b)s, batch_norm: {}}]}
      - {id: p, max_pool2d: {kernel: %(k)s_k, stride: 1, padding: same}}
      - add: [previous, %(c)s_]
layers:
  - {id: %(c)s, %(a)s: {%(a)s: %(k)s, %(b)s: relu}, from: [%(a)s, %(b)s]}
  - {id: %(c)s_, %(a)s: {%(a)s: 6, %(k)s_k: 5, %(b)s: sigmoid}, from: [%(b)s, %(a)s]}
  - {id: %(c)s_2, conv2d: {channels: 2, kernel: 1}, repeat: 2}
  - {concat: [%(c)s, previous, %(a)s]}
  - {id: q, split: {parts: 3}}
outputs: [%(c)s, q.1, q.2, %(b)s]
"""


@settings(max_examples=60, deadline=None)
@given(NAMES, NAMES, NAMES, NAMES)
@example("lambda", "self", "__class__", "k")
@example("self", "self_", "__call__", "k")
@example("__x", "_", "None", "k")
@example("attend", "Net", "other", "nn")
@example("parts", "torch", "i", "async")
def test_source_builds_the_same_module(a: str, b: str, c: str, k: str) -> None:
    try:
        net = network(TEXT % {"a": a, "b": b, "c": c, "k": k})
    except SpecError:  # a word of the language, or one name twice
        assume(False)
    compare(net)


@settings(max_examples=60, deadline=None)
@given(MODEL_NAMES, MODEL_NAMES)
def test_names_of_models_and_variants(name: str, variant: str) -> None:
    text = (
        f"format: 1\nname: '{name}'\ninput: {{x: [4]}}\nlayers: [linear: {{features: 2}}, relu]\n"
    )
    net = elaborate(parse_spec(text))
    compare(net)
    assert module_of(write_source(net)).__name__.isidentifier()
    assert class_name(variant, ()).isidentifier()
    assert not keyword.iskeyword(class_name(variant, ()))


def test_classes() -> None:
    wanted = {
        "mobilenet-v1": "MobileNetV1", "v1.0": "V10", "x-small": "XSmall", "None": "NetNone",
        "3d_net": "Net3DNet", "_": "Net", "Scale": "ScaleBlock",
    }  # fmt: skip
    assert {name: class_name(name, {"Scale"}) for name in wanted} == wanted


def test_paths_and_variables() -> None:
    wanted = {
        "stem.code": "stem.code_", "code_": "code__", "lambda": "lambda_", "None.2": "None_.2",
        "__class__": "__class____", "__x": "__x__", "_x": "_x", "training": "training_",
    }  # fmt: skip
    assert {path: module_path(path) for path in wanted} == wanted
    paths = [word + "_" * tail for word in WORDS for tail in range(4)]
    assert len({module_path(path) for path in paths}) == len(set(paths))
    variables = {"_": "value", "__x": "x", "self": "self_", "max": "max_", "attend": "attend_"}
    assert {name: variable(name) for name in variables} == variables
    assert variable("self", {"self_"}) == "self__"


def test_arguments_of_copies_stay_in_their_order() -> None:
    net = network("input: {x: [3, 8, 8]}\nlayers: [{conv2d: {channels: 2, kernel: 1}, repeat: 2}]")
    assert "nn.Conv2d(in_channels, 2, 1, bias=False)" in write_source(net)
    compare(net)


HEAVY = [("lambda", "self", "__class__"), ("None", "torch", "forward"), ("__x", "_", "async")]


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(("a", "b", "c"), HEAVY)
def test_programs(a: str, b: str, c: str, tmp_path: Path) -> None:
    net = network(TEXT % {"a": a, "b": b, "c": c, "k": "k"})
    path = tmp_path / "net.pt2"
    export_network(net, str(path))
    program = torch.export.load(path)
    assert {*program.state_dict} == {*build_module(net).state_dict()}
    outputs: Any = program.module()(torch.ones(1, 3, 8, 8), torch.ones(1, 3, 8, 8))
    assert [list(value.shape) for value in outputs] == [
        [1, *net.tensors[index].type.shape] for index in net.outputs
    ]


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(("a", "b", "c"), HEAVY)
def test_onnx(a: str, b: str, c: str) -> None:
    for package in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(package)
    from onnx_oracle import onnx_disagreements

    net = network(TEXT % {"a": a, "b": b, "c": c, "k": "k"})
    assert onnx_disagreements(net) == []
