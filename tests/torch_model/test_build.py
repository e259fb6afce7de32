"""The module of a network: names, shared weights, inputs and outputs, initial values, refusals."""

from __future__ import annotations

import copy
import math
import pickle
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")

from built import CLASSIC, for_inference, network, network_of  # noqa: E402

import mnet_cost  # noqa: E402
from mnet_cost.errors import MissingPackageError, SpecError, UsageError  # noqa: E402
from mnet_cost.models.library import load_model  # noqa: E402
from mnet_cost.models.load import parse_spec  # noqa: E402
from mnet_cost.torch_model import build_module, installed  # noqa: E402
from mnet_cost.torch_model.graph import initialize  # noqa: E402

SMALL = """
input: {image: [3, 9, 9]}
blocks:
  unit:
    layers:
      - conv2d: {channels: input.channels, kernel: 3}
      - batch_norm
      - {add: [input, previous], id: sum}
layers:
  - {id: stem, conv2d: {channels: 4, kernel: 3, stride: 2, bias: true}}
  - {id: body, unit: {}, repeat: 2}
  - relu
  - {id: pool, global_avg_pool: {}}
  - {id: logits, linear: {features: 5}}
"""


@pytest.fixture(autouse=True)
def _same_numbers() -> None:
    torch.manual_seed(0)


# Names


def test_names_of_a_small_network() -> None:
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    assert list(build_module(network(SMALL)).state_dict()) == [
        "stem.weight",
        "stem.bias",
        "body.1.conv2d.weight",
        *(f"body.1.batch_norm.{name}" for name in norm),
        "body.2.conv2d.weight",
        *(f"body.2.batch_norm.{name}" for name in norm),
        "logits.weight",
        "logits.bias",
    ]


def test_names_of_the_library() -> None:
    with torch.device("meta"):
        v1 = build_module(load_model("mobilenet_v1")).state_dict()
        resnet = build_module(load_model("resnet50")).state_dict()
    assert len(v1) == 27 + 27 * 5 + 2  # convolutions, norms, the linear layer
    assert v1["stem.weight"].shape == (32, 3, 3, 3)
    assert v1["separable.depthwise_conv2d.weight"].shape == (32, 1, 3, 3)
    assert v1["middle.3.conv2d.weight"].shape == (512, 512, 1, 1)
    assert v1["middle.5.batch_norm_2.running_var"].shape == (512,)
    assert v1["logits.weight"].shape == (1000, 1024)
    assert len(resnet) == 53 + 53 * 5 + 2
    assert next(iter(resnet)) == "conv1.conv2d.weight"
    assert list(resnet)[-1] == "logits.bias"
    assert resnet["conv4.bottleneck_2.5.conv_2.conv2d.weight"].shape == (256, 256, 3, 3)
    assert resnet["conv2.bottleneck.shortcut.batch_norm.running_mean"].shape == (256,)


def test_names_that_torch_or_python_has_itself() -> None:
    built = build_module(
        network(
            """
input: {self: [2, 4, 4], class: [2, 4, 4], torch: [2, 4, 4]}
blocks:
  parameters:
    layers: [conv2d: {channels: 2, kernel: 3}, {id: type, conv2d: {channels: 2, kernel: 1}}]
layers:
  - {id: train, conv2d: {channels: 2, kernel: 1}, from: self}
  - {id: train_, conv2d: {channels: 2, kernel: 1}, from: class}
  - {id: forward, conv2d: {channels: 2, kernel: 1}, from: torch}
  - {id: weight, conv2d: {channels: 2, kernel: 1}}
  - {id: code, parameters: {}}
  - {id: training, conv2d: {channels: 2, kernel: 1}}
  - {id: self_, relu: {}}
  - {id: graph, add: [train, train_, forward, training]}
"""
        )
    )
    assert list(built.state_dict()) == [
        "train_.weight", "train__.weight", "forward_.weight", "weight.weight",
        "code_.conv2d.weight", "code_.type_.weight", "training_.weight",
    ]  # fmt: skip
    a, b, c = (torch.rand(1, 2, 4, 4) for _ in range(3))
    x = built.get_submodule("training_")(
        built.get_submodule("code_.type_")(
            built.get_submodule("code_.conv2d")(
                built.get_submodule("weight")(built.get_submodule("forward_")(c))
            )
        )
    )
    total = built.get_submodule("train_")(a) + built.get_submodule("train__")(b)
    assert torch.allclose(built(a, b, c), total + built.get_submodule("forward_")(c) + x)
    assert built.train(False) is built
    assert built.training is False


def test_a_layer_called_self() -> None:
    layers = "layers: [{id: self, relu: {}}, {id: a, linear: {features: 2}}, add: [self, a]]"
    built = build_module(network(f"input: {{x: [2]}}\n{layers}"))
    x = torch.randn(3, 2)
    assert torch.equal(built(x), x.relu() + built.get_submodule("a")(x.relu()))


def test_a_copy_is_the_same_network() -> None:
    spec = parse_spec("format: 1\nname: a.b-c\n" + SMALL)
    built, x = for_inference(spec), torch.rand(2, 3, 9, 9)
    assert torch.equal(copy.deepcopy(built)(x), built(x))
    assert torch.equal(pickle.loads(pickle.dumps(built))(x), built(x))
    other = build_module(spec).eval()
    other.load_state_dict(built.state_dict())
    assert torch.equal(other(x), built(x))


# Weights used twice, inputs and outputs


def test_a_shared_layer_is_one_module() -> None:
    built = build_module(
        network(
            """
input: {left: [3, 8, 8], right: [3, 8, 8]}
blocks: {tower: {layers: [conv2d: {channels: 4, kernel: 3}, batch_norm: {}]}}
layers:
  - {id: first, tower: {}, from: left}
  - {id: second, use: first, from: right}
  - add: [first, second]
  - {id: third, conv2d: {channels: 4, kernel: 3}}
  - {id: fourth, use: third}
"""
        )
    ).eval()
    names = [name for name, _ in built.named_parameters(remove_duplicate=False)]
    assert names == ["first.conv2d.weight", "first.batch_norm.weight", "first.batch_norm.bias",
                     "third.weight"]  # fmt: skip
    assert sum(parameter.numel() for parameter in built.parameters()) == 3 * 4 * 9 + 8 + 4 * 4 * 9
    calls = [str(node.target) for node in built.graph.nodes if node.op == "call_module"]
    assert calls == ["first.conv2d", "first.batch_norm"] * 2 + ["third", "third"]
    x, y = torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 8)
    assert torch.allclose(built(x, y), built(y, x))


def test_inputs_and_outputs_in_the_order_of_the_spec() -> None:
    built = build_module(
        network(
            """
input: {a: [2], b: [3], c: [5]}
layers:
  - {id: x, concat: [c, b]}
  - {id: y, relu: {}, from: a}
outputs: [y, b, x]
"""
        )
    )
    a, b, c = torch.randn(4, 2), torch.randn(4, 3), torch.randn(4, 5)
    outputs = built(a, b, c)
    assert isinstance(outputs, tuple)
    for output, wanted in zip(outputs, (a.relu(), b, torch.cat((c, b), 1)), strict=True):
        assert torch.equal(output, wanted)
    assert torch.equal(built(c=c, b=b, a=a)[2], outputs[2])


def test_knobs_and_all_forms_of_a_model() -> None:
    model = load_model("mobilenet_v1@alpha=0.25")
    with torch.device("meta"):
        for built in (
            mnet_cost.build_module(model),
            mnet_cost.build_module(model.spec, {"alpha": 0.25}),
            mnet_cost.build_module(network_of(model)),
            mnet_cost.build_module(load_model("mobilenet_v1"), {"alpha": 0.25}),
        ):
            assert built.get_submodule("stem").weight.shape == (8, 3, 3, 3)
    with pytest.raises(SpecError, match="does not fit"):
        build_module(load_model("alexnet").spec, {"resolution": 33})


def test_leading_axes_are_examples_of_their_own() -> None:
    text = """
layers:
  - {id: c, conv2d: {channels: 4, kernel: 3, stride: 2}}
  - {id: n, batch_norm: {}}
  - {id: p, max_pool2d: {kernel: 3, stride: 2, round_up: true, padding: 0}}
  - {id: g, group_norm: {groups: 2}}
  - {id: r, resize: {scale: 2, mode: bilinear}}
  - {id: s, to_sequence: {}}
  - {id: l, lstm: {features: 3, output: last}}
"""
    plain = build_module(network(f"input: {{x: [3, 9, 9]}}\n{text}")).eval()
    many = build_module(network(f"input: {{x: [2, 5, 3, 9, 9]}}\n{text}")).eval()
    many.load_state_dict(plain.state_dict())
    x = torch.rand(4, 2, 5, 3, 9, 9)
    assert torch.allclose(many(x), plain(x.flatten(0, 2)).unflatten(0, (4, 2, 5)), atol=1e-6)


# Initial values


def test_a_seed_gives_the_same_values() -> None:
    text = """
input: {x: [6, 4], tokens: {shape: [6], dtype: int32}}
layers:
  - {id: e, embedding: {vocabulary: 9, features: 4}, from: tokens}
  - {id: s, add: [x, e]}
  - position_embedding
  - {id: c, class_token: {}}
  - {id: p, parameter: {shape: [7, 4]}}
  - {id: t, add: [c, p]}
  - attention: {heads: 2}
  - lstm: {features: 4}
  - scale: {initial: 0.1}
  - linear: {features: 3}
"""
    made = network(text)
    before = torch.random.get_rng_state()
    first = initialize(build_module(made), seed=3).state_dict()
    torch.rand(100)
    state = torch.random.get_rng_state()
    second = initialize(build_module(made), seed=3)
    third = initialize(build_module(made), seed=4).state_dict()
    assert not torch.equal(before, state)
    random = {"e.weight", "position_embedding.weight", "p.weight", "linear.weight",
              "attention.query.weight", "lstm.weight_ih_l0"}  # fmt: skip
    for name, values in second.state_dict().items():
        assert torch.equal(values, first[name]), name
        if name in random:
            assert not torch.equal(values, third[name]), name
    assert torch.equal(first["scale.weight"], torch.full((4,), 0.1))


def test_a_seed_leaves_other_random_numbers_alone() -> None:
    built = build_module(network(SMALL))
    torch.manual_seed(8)
    wanted = torch.rand(3)
    torch.manual_seed(8)
    initialize(built, seed=1)
    assert torch.equal(torch.rand(3), wanted)


def test_the_usual_initial_values() -> None:
    state = initialize(build_module(load_model("mobilenet_v1")), seed=0).state_dict()
    # 1 x 1 to 1024 channels: variance 2 / 1024; a million draws, so a hundredth is much.
    assert state["separable_8.conv2d.weight"].std().item() == pytest.approx(
        math.sqrt(2 / 1024), rel=0.01
    )
    assert state["logits.weight"].std().item() == pytest.approx(0.01, rel=0.01)
    assert not state["logits.bias"].any()
    assert state["middle.1.batch_norm.weight"].eq(1).all()
    vit = initialize(build_module(load_model("vit@depth=1")), seed=0).state_dict()
    # Uniform between -a and a with a = sqrt(6 / (768 + 768)): variance a^2 / 3.
    query = vit["encoder.1.attention.query.weight"]
    assert query.abs().max().item() == pytest.approx(math.sqrt(6 / 1536), rel=0.001)
    assert query.std().item() == pytest.approx(math.sqrt(2 / 1536), rel=0.01)
    assert vit["position_embedding.weight"].std().item() == pytest.approx(0.02, rel=0.02)


# What cannot be built


def test_an_opaque_layer() -> None:
    text = """
input: {x: [3, 8, 8]}
layers:
  - {id: magic, opaque: {operation: fft, shape: [3, 8, 8]}}
  - relu
  - opaque: {operation: sort, shape: [3]}
"""
    with pytest.raises(UsageError) as caught:
        build_module(network(text))
    assert str(caught.value).splitlines()[:4] == [
        "x.yaml:6:5: torch cannot build `magic`: a layer `opaque` says no more than a shape",
        "    6 |   - {id: magic, opaque: {operation: fft, shape: [3, 8, 8]}}",
        "      |     ^",
        "hint: describe it with layers that are known (`mnet-cost layers`)",
    ]
    assert "x.yaml:8:5: torch cannot build `opaque`" in str(caught.value)


def test_without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError) as caught:
        mnet_cost.build_module(CLASSIC)
    assert str(caught.value) == (
        "this needs the package `torch`, which is not installed\n"
        "hint: python -m pip install 'mnet-cost[torch]'"
    )


def test_a_command_without_torch() -> None:
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "from mnet_cost.cli import main\n"
        "sys.exit(main(['train', 'mobilenet_v1', '--data', 'digits']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("mnet-cost: this needs the package `torch`")
    assert "python -m pip install 'mnet-cost[t" in done.stderr
