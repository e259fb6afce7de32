"""Generated PyTorch source beside `build_module`: names, shapes, outputs, and how it reads.

`--update-golden` writes the expected files anew.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from time import process_time
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from built import network, network_of  # noqa: E402
from library_settings import settings_of, structures  # noqa: E402
from oracle import disagreements, examples  # noqa: E402
from random_networks import random_network  # noqa: E402

from mnet_cost.analysis import analyze_network  # noqa: E402
from mnet_cost.errors import SpecError, UsageError  # noqa: E402
from mnet_cost.models.library import load_model  # noqa: E402
from mnet_cost.network import Network, elaborate  # noqa: E402
from mnet_cost.torch_model import build_module  # noqa: E402
from mnet_cost.torch_model.source import write_source  # noqa: E402

TESTS = Path(__file__).resolve().parent.parent
GOLDEN = TESTS / "torch_model" / "golden"
READ = ("mobilenet_v1", "mobilenet_v3_large", "resnet50", "shufflenet_v2_x1_0")

NETWORKS = tuple(network.name for network in structures())
MOST_MULT_ADDS = 300_000_000
"""Larger networks are compared by names and shapes alone, to save time."""


def module_of(source: str) -> Any:
    """The network's class in a source file, the last one."""
    scope: dict[str, Any] = {"__name__": "generated"}
    exec(compile(source, "generated.py", "exec"), scope)
    classes = [value for value in scope.values() if getattr(value, "__module__", "") == "generated"]
    return [value for value in classes if isinstance(value, type)][-1]


def shapes(module: Any) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


def outputs(module: Any, inputs: Any) -> list[Any]:
    with torch.no_grad():
        result = module(*inputs)
    return list(result) if isinstance(result, tuple) else [result]


def compare(net: Network, run: bool = True) -> None:
    """The generated class has the names and shapes of the module, and gives what it gives."""
    made = module_of(write_source(net))
    with torch.device("meta"):
        assert shapes(made()) == shapes(build_module(net))
    if not run:
        return
    torch.manual_seed(0)
    first, second = build_module(net).eval(), made().eval()
    second.load_state_dict(first.state_dict())
    inputs = examples(net, "cpu")
    for expected, output in zip(outputs(first, inputs), outputs(second, inputs), strict=True):
        assert expected.shape == output.shape
        assert torch.equal(torch.nan_to_num(expected), torch.nan_to_num(output))


def small(reference: str) -> Network:
    """A network of the library at the first setting with a small image that it takes."""
    model = load_model(reference)
    for knobs in ({"resolution": 64}, *settings_of(model.spec)):  # even: padding is not alike
        small_image = {k: v for k, v in knobs.items() if k in ("resolution", "classes")}
        if "resolution" in small_image and "resolution" in model.spec.knobs:
            try:
                return elaborate(model.spec, {**model.knobs, **small_image})
            except SpecError:
                continue
    return elaborate(model.spec, model.knobs)


@pytest.mark.parametrize("reference", NETWORKS)
def test_the_library(reference: str) -> None:
    net = small(reference)
    mult_adds = analyze_network(net).totals.mult_adds
    assert mult_adds is not None
    compare(net, run=mult_adds <= MOST_MULT_ADDS)


@pytest.mark.parametrize("seed", range(40))
def test_random_networks(seed: int) -> None:
    compare(random_network(seed))


SHARED = """
input: {left: [3, 9, 9], right: [3, 9, 9]}
blocks:
  tower:
    layers:
      - conv2d: {channels: 4, kernel: 3, stride: 2}
      - relu
      - {id: wide, layers: [conv2d: {channels: 5, kernel: 1}, batch_norm]}
layers:
  - {id: tower, tower: {}, from: left}
  - {id: twin, use: tower, from: right}
  - {id: again, use: tower.wide.conv2d, from: READ}
  - concat: [tower, twin, again]
"""


CARRIED = """
input: {x1: [4, 8, 8], x2: [8, 4, 4], x3: [16, 2, 2]}
blocks:
  carry:
    input: [x, to]
    layers:
      - id: down
        conv2d: {channels: to.channels, kernel: 1, stride: x.height // to.height}
        from: x
        when: to.channels > x.channels
      - layers:
          - conv2d: {channels: to.channels, kernel: 3}
          - batch_norm
          - resize: {size: [to.height, to.width]}
        from: x
        when: to.channels < x.channels
  fuse:
    input: [x, a, b]
    layers:
      - {id: from_a, carry: [a, x]}
      - {id: from_b, carry: [b, x]}
      - add: [x, from_a, from_b]
layers:
  - {id: y1, fuse: [x1, x2, x3]}
  - {id: y2, fuse: [x2, x1, x3]}
  - {id: y3, fuse: [x3, x1, x2]}
outputs: [y1, y2, y3]
"""


def test_that_a_parameter_is_left_out_is_passed_on() -> None:
    """`size` of `carry` is one size in the calls that have one, and says which calls those are."""
    compare(network(CARRIED))


def test_shared_blocks_and_layers_are_called_again() -> None:
    text = SHARED.replace("  - {id: again, use: tower.wide.conv2d, from: READ}\n", "")
    net = network(text.replace(", again]", "]"))
    source = write_source(net)
    assert "= self.tower(left)" in source
    assert "= self.tower(right)" in source
    assert source.count("self.tower = ") == 1
    compare(net)


def test_a_block_inside_itself_is_a_class_for_each_depth() -> None:
    net = network(
        """
input: {x: [4, 16, 16]}
blocks:
  unit: {layers: [{conv2d: {channels: 4, kernel: 3}}, relu]}
  hourglass:
    recursion: 3
    arguments: {order: required}
    layers:
      - {id: skip, unit: {}}
      - {max_pool2d: {kernel: 2, stride: 2}, from: input}
      - unit
      - {id: inner, layers: [{hourglass: {order: order - 1}, when: order > 1}, unit]}
      - resize: {scale: 2}
      - add: [skip, previous]
layers:
  - {id: first, hourglass: {order: 3}}
  - {id: second, hourglass: {order: 2}}
  - {id: third, use: first}
"""
    )
    compare(net)
    source = write_source(net)
    assert source.count("class Hourglass") == 3
    assert disagreements(net) == []


def test_blocks_inside_each_other() -> None:
    compare(
        network(
            """
input: {x: [4, 8, 8]}
blocks:
  a:
    recursion: 9
    arguments: {n: required}
    layers: [{conv2d: {channels: 4, kernel: 1}}, {b: {n: n - 1}, when: n > 0}]
  b:
    arguments: {n: required}
    layers: [{conv2d: {channels: 4, kernel: 3}}, {a: {n: n - 1}, when: n > 0}]
layers: [{a: {n: 4}}, {b: {n: 3}}, {a: {n: 1}}]
"""
        )
    )


def test_a_layer_inside_a_block_is_shared() -> None:
    net = network(SHARED.replace("READ", "tower.relu"))
    source = write_source(net)
    assert "def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:" in source
    assert "again = self.tower.wide.conv2d(" in source
    assert "self.twin" not in source
    compare(net)


UNLIKE = """
input: {image: [3, 8, 8]}
blocks:
  step:
    layers:
      - conv2d: {channels: 4, kernel: 3}
      - {batch_norm: {}, when: input.channels == 4}
      - {id: skip, layers: [relu, sigmoid], when: input.channels == 4}
      - {add: [input, previous], when: input.channels == 4}
layers:
  - {id: steps, step: {}, repeat: 3}
  - {id: far, add: [steps, steps.2.conv2d]}
"""


def test_copies_that_differ_and_one_that_is_read_from_outside() -> None:
    source = write_source(network(UNLIKE))
    assert "if self.has_batch_norm:" in source
    assert re.search(r"class StepWithConv2d\(Step\):\n    def forward", source)
    compare(network(UNLIKE))


CHAIN = "  - {{id: c{0}, conv2d: {{channels: 8, kernel: 3}}}}\n"
SKIP = "  - {{id: r{0}, add: [c{0}, previous]}}\n  - {{id: s{0}, add: [r{0}, c{0}]}}\n"
LONG = {
    "a chain": "layers:\n" + "".join(CHAIN.format(i) for i in range(2000)),
    "sums": "layers:\n" + "".join((CHAIN + SKIP).format(i) for i in range(660)),
    "one sum of all": "layers:\n"
    + "".join(CHAIN.format(i) for i in range(1999))
    + "  - add: [" + ", ".join(f"c{i}" for i in range(1999)) + "]\n",
    "calls of a block": "blocks: {b: {arguments: {k: required}, layers: [conv2d: {channels: 8, "
    "kernel: k}, relu]}}\nlayers:\n"
    + "".join(f"  - b: {{k: {3 + 2 * (i % 3)}}}\n" for i in range(1000)),
    "copies": "layers:\n" + "".join(
        f"  - {{id: g{i}, repeat: 4, conv2d: {{channels: 8, kernel: 3}}}}\n" for i in range(500)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LONG)
def test_long_networks_are_written_in_a_moment(name: str) -> None:
    """It took 17 s, and more than a minute for one sum of all; now 1 to 3 s on a quiet machine."""
    net = network("input: {x: [8, 9, 9]}\n" + LONG[name])
    start = process_time()
    source = write_source(net)
    assert process_time() - start < 10
    compile(source, "long.py", "exec")


def test_only_torch_is_imported() -> None:
    for reference in READ:
        source = write_source(network_of(load_model(reference)))
        nodes = list(ast.walk(ast.parse(source)))
        modules = [node.module for node in nodes if isinstance(node, ast.ImportFrom)]
        modules += [
            name.name for node in nodes if isinstance(node, ast.Import) for name in node.names
        ]
        assert {(module or "").partition(".")[0] for module in modules} <= {"torch", "collections"}


@pytest.mark.parametrize("reference", READ)
def test_it_reads_as_expected(reference: str, update_golden: bool) -> None:
    source = write_source(network_of(load_model(reference)))
    path = GOLDEN / f"{reference}.py.txt"
    if update_golden:
        path.write_text(source, encoding="utf-8")
    assert source == path.read_text(encoding="utf-8")


def test_mobilenet_v1_is_short() -> None:
    source = write_source(network_of(load_model("mobilenet_v1")))
    assert len([line for line in source.splitlines() if line.strip()]) <= 65
    assert source.count("Separable(") == 10  # the class, eight calls, and one for five copies


def test_the_docstring_has_the_counts() -> None:
    source = write_source(network_of(load_model("mobilenet_v1@alpha=0.5")))
    docstring = ast.get_docstring(ast.parse(source)) or ""
    assert "149,497,088 mult-adds, 1,331,592 params." in docstring
    assert "alpha 0.5, rho 1.0, resolution 224, classes 1000" in docstring
    assert "image [N, 3, 224, 224]; gives [N, 1000]" in docstring


@pytest.mark.skipif(find_spec("ruff") is None, reason="ruff is not installed")
def test_the_formatter_has_nothing_to_change(tmp_path: Path) -> None:
    for number, reference in enumerate(NETWORKS):
        source = write_source(network_of(load_model(reference)))
        (tmp_path / f"network_{number}.py").write_text(source, encoding="utf-8")
    for command in (["format", "--check"], ["check", "--select", "E,F,I,W"]):
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "ruff",
                *command,
                "--isolated",
                "--line-length",
                "100",
                tmp_path,
            ],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout


def test_an_unknown_layer_is_refused() -> None:
    text = """
input: {image: [3, 8, 8]}
layers:
  - opaque: {operation: magic, shape: [4]}
"""
    with pytest.raises(UsageError, match="torch cannot build `opaque`"):
        write_source(network(text))


def test_constant_kernels_are_buffers() -> None:
    net = network(
        "input: {x: [4, 7, 7]}\nlayers:\n"
        "  - {id: blur, depthwise_conv2d: {kernel: 3, stride: 2, bias: true, trained: false}}\n"
        "  - {id: mix, conv2d: {channels: 6, kernel: 2, stride: 3, trained: false}}\n"
        "  - {id: up, conv_transpose2d: {channels: 4, kernel: 2, stride: 2, trained: false}}\n"
        "  - {id: last, conv2d: {channels: 6, kernel: 2}}\n"
    )
    compare(net)
    for module in (build_module(net), module_of(write_source(net))()):
        assert [name for name, _ in module.named_parameters()] == ["last.weight"]
        assert list(module.state_dict()) == [
            "blur.weight", "blur.bias", "mix.weight", "up.weight", "last.weight",
        ]  # fmt: skip
