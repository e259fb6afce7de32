"""Programs of torch.export: a live one is the graph of its file, and modules are exported."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.export import Dim, export, save  # noqa: E402

import mnet_cost  # noqa: E402
from mnet_cost.errors import ModelFileError, UsageError  # noqa: E402
from mnet_cost.importing.graph import Batch, Graph, Reference  # noqa: E402
from mnet_cost.importing.readers.exported import from_exported  # noqa: E402
from mnet_cost.importing.readers.modules import call_factory, export_module  # noqa: E402
from mnet_cost.importing.readers.pt2 import read_pt2  # noqa: E402
from mnet_cost.models.types import Scope  # noqa: E402


class Net(nn.Module):  # type: ignore[misc]
    """One of each thing that a program can hold."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)
        self.b.weight = self.a.weight
        self.unused = nn.Parameter(torch.ones(5))
        self.register_buffer("table", torch.arange(4.0))
        self.register_buffer("volatile", torch.ones(1, 1), persistent=False)

    def forward(self, x: Any) -> Any:
        y = self.a(x) + self.table * self.volatile
        first, second = y.chunk(2, -1)
        largest, _ = y.topk(2)
        u = self.b(y).view(x.shape[0], 2, 2).to(torch.float64)
        return {"u": u + torch.tensor([1.0, 2.0]), "v": (first, second + largest)}


@pytest.fixture(scope="module")
def live() -> tuple[Any, Graph]:
    shapes = ({0: Dim("batch")},)
    program = export(Net().eval(), (torch.ones(2, 4),), dynamic_shapes=shapes, strict=False)
    return program, from_exported(program, "net")


def test_a_live_program_is_the_graph_of_its_file(live: tuple[Any, Graph], tmp_path: Path) -> None:
    program, graph = live
    save(program, tmp_path / "net.pt2")
    file = read_pt2(tmp_path / "net.pt2")
    assert graph._replace(source="") == file._replace(source="")
    assert file.source == f"net.pt2, written by torch {torch.__version__}"
    assert graph.source == f"net, exported by torch {torch.__version__}"


def test_what_a_program_says(live: tuple[Any, Graph]) -> None:
    _, graph = live
    nodes = {node.name: node for node in graph.nodes}
    assert [(x.name, x.shape) for x in graph.inputs] == [("x", (Batch(), 4))]
    assert [x.shape for x in graph.outputs] == [(Batch(), 2, 2), (Batch(), 2), (Batch(), 2)]
    assert nodes["linear_1"].attributes == {
        "input": Reference("add"), "weight": Reference("a.weight"), "bias": Reference("b.bias"),
    }  # fmt: skip
    assert nodes["linear_1"].scopes == (Scope("", "Net"), Scope("b", "Linear"))
    assert nodes["topk"].outputs == ("getitem_2", "getitem_3")
    assert nodes["chunk"].outputs == ("getitem", "getitem_1")
    (view,) = [node for node in graph.nodes if node.operator == "aten.view.default"]
    size = view.attributes["size"][0]
    assert nodes[size.name].operator == "aten.sym_size.int"
    assert graph.same_storage == {"b.weight": "a.weight"}
    assert {name: (x.trained, x.values) for name, x in graph.stored.items()} == {
        "unused": (True, None),
        "a.weight": (True, None),
        "a.bias": (True, None),
        "b.weight": (True, None),
        "b.bias": (True, None),
        "table": (False, (0.0, 1.0, 2.0, 3.0)),
        "volatile": (False, (1.0,)),
        "lifted_tensor_0": (False, (1.0, 2.0)),
    }


class Wrapped(nn.Module):  # type: ignore[misc]
    """Has parts that run without gradients, or in the precision of their inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(4, 4)

    def forward(self, x: Any) -> Any:
        with torch.no_grad():
            y = self.a(x)
            z = y * 2
        with torch.autocast("cpu", enabled=False):
            first, _ = self.a(z).chunk(2, -1)
        return y + z, first


def test_parts_of_a_program_that_are_wrapped(tmp_path: Path) -> None:
    shapes = ({0: Dim("batch")},)
    program = export(Wrapped().eval(), (torch.ones(2, 4),), dynamic_shapes=shapes, strict=False)
    save(program, tmp_path / "net.pt2")
    graph = from_exported(program, "net")
    assert graph._replace(source="") == read_pt2(tmp_path / "net.pt2")._replace(source="")
    assert [node.operator.split(".")[1] for node in graph.nodes] == [
        "linear", "mul", "linear", "chunk", "add",
    ]  # fmt: skip
    made = [output for node in graph.nodes for output in node.outputs]
    assert {output.name for output in graph.outputs} <= set(made)
    assert set(graph.tensors) == set(made)
    assert graph.nodes[2].attributes["input"] == Reference(made[1])


class Joined(nn.Module):  # type: ignore[misc]
    """Asks for the number of examples as a plain number, so torch fixes it."""

    def forward(self, x: Any) -> Any:
        return x.reshape(int(x.shape[0]) * 3, -1)


class Fixed(nn.Module):  # type: ignore[misc]
    """Another program for each number of examples."""

    def forward(self, x: Any) -> Any:
        return x + 1 if x.shape[0] == 2 else x * 2


class OnCpu(nn.Module):  # type: ignore[misc]
    """Makes a tensor on the CPU, wherever its weights are."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 100_000)

    def forward(self, x: Any) -> Any:
        return self.fc(x) + torch.arange(100_000)


class Branching(nn.Module):  # type: ignore[misc]
    def forward(self, x: Any) -> Any:
        return x + 1 if x.sum() > 0 else x


class Pair(nn.Module):  # type: ignore[misc]
    def forward(self, a: Any, k: int = 1, b: Any = None) -> Any:
        return a + b


def test_a_module_that_fixes_the_batch() -> None:
    graph = export_module(Joined(), {"x": (1, 3, 4)})
    (reshape,) = graph.nodes
    assert graph.name == "Joined"
    assert graph.inputs[0].shape == (Batch(), 3, 4)
    assert reshape.attributes["shape"] == [Batch(3), -1]
    assert graph.tensors["reshape"].shape == (Batch(3), 4)
    assert not graph.notes


def test_a_module_with_another_program_for_each_batch() -> None:
    graph = export_module(Fixed(), {"x": (7, 4)}, name="fixed")
    assert graph.inputs[0].shape == (2, 4)
    assert graph.notes == ("it was exported with 2 examples, since it refuses other numbers",)


def test_weights_take_no_memory() -> None:
    module = call_factory(f"{__name__}:OnCpu", {})
    assert next(module.parameters()).is_meta
    graph = export_module(module, {"input": (1, 4)})
    assert [node.operator for node in graph.nodes] == [
        "aten.linear.default", "aten.arange.default", "aten.add.Tensor",
    ]  # fmt: skip
    assert graph.stored["fc.weight"].shape == (100_000, 4)


def test_inputs_by_name() -> None:
    graph = export_module(Pair(), {"b": (1, 4), "a": (1, 4)}, dtypes={"b": "int64"})
    assert [(x.name, x.dtype, x.shape) for x in graph.inputs] == [
        ("a", "float32", (Batch(), 4)), ("b", "int64", (Batch(), 4)),
    ]  # fmt: skip


class Tokens(nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.table, self.head = nn.Embedding(10, 4), nn.Linear(4, 3)

    def forward(self, ids: Any, scores: Any = None) -> Any:
        x = self.table(ids)
        return self.head(x if scores is None else x + scores)


class Captions(nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.table, self.stem = nn.Embedding(10, 4), nn.Conv2d(3, 4, 3)

    def forward(self, image: Any, ids: Any) -> Any:
        words = self.table(ids).mean((1, 2))
        return words + self.stem(image).mean((2, 3))


@pytest.mark.parametrize(
    ("shapes", "dtypes", "message"),
    [
        ({}, {}, "a module has to be exported with a shape for each input"),
        (
            {"a": (1, 4), "c": (1, 4)},
            {},
            "`forward` has no argument `c`\nhint: it has `a`, `k`, `b`",
        ),
        ({"a": (1, 0)}, {}, "the shape of `a` is not made of whole numbers from 1"),
        ({"a": (1, 4)}, {"a": "float"}, None),
        (
            {"a": (1, 4)},
            {"a": "nn"},
            "`a` cannot be of the type `nn`\n"
            "hint: types are called as torch does it: float32, int64, bool",
        ),
    ],
)
def test_inputs_that_cannot_be(shapes: Any, dtypes: Any, message: str | None) -> None:
    with pytest.raises((UsageError, ModelFileError)) as caught:
        export_module(Pair(), shapes, dtypes=dtypes)
    assert message is None or str(caught.value) == message


@pytest.mark.parametrize(
    ("shapes", "hint"),
    [
        (
            {"ids": (1, 8)},
            "`ids`: of float32, as without a type; ids of tokens are given as "
            '--shape ids=int64:1,8, in Python as {"ids": ("int64", 1, 8)}',
        ),
        (
            {"ids": (1, 8), "scores": (1, 8, 4)},
            "`ids`, `scores`: of float32, as without a type; ids of tokens are given as "
            '--shape NAME=int64:1,128, in Python as {"NAME": ("int64", 1, 128)}',
        ),
    ],
)
def test_positions_that_are_real_numbers(shapes: Any, hint: str) -> None:
    with pytest.raises(ModelFileError, match="refuses it: RuntimeError") as caught:
        export_module(Tokens(), shapes)
    assert str(caught.value).partition("\nhint: ")[2] == hint


@pytest.mark.parametrize("dtype", ["int64", torch.int64])
def test_a_shape_says_the_type(dtype: Any) -> None:
    analysis = mnet_cost.analyze(mnet_cost.from_torch(Tokens(), {"ids": (dtype, 1, 8)}))
    assert (analysis.totals.mult_adds, analysis.totals.params) == (8 * 4 * 3, 10 * 4 + 4 * 3 + 3)
    shapes = {"ids": (dtype, 1, 8), "scores": (1, 8, 4)}
    data = mnet_cost.import_model(Tokens(), shapes=shapes).data
    assert data["input"] == {"ids": {"shape": [8], "dtype": "int64"}, "scores": [8, 4]}


@pytest.mark.parametrize(
    ("module", "sides"),
    [
        (nn.Conv2d(3, 4, (3, 5), padding="same", padding_mode="circular"), [1, 1, 2, 2]),
        (nn.CircularPad2d((1, 0, 2, 3)), [2, 3, 1, 0]),
        (nn.CircularPad2d(-1), [-1, -1, -1, -1]),
        (nn.CircularPad2d((-1, 2, 0, 0)), None),
    ],
)
def test_circular_padding(module: Any, sides: Any) -> None:
    imported = mnet_cost.import_model(module, shapes={"x": (1, 3, 8, 8)}, flat=True)
    layer = imported.layers.layers[0]
    if sides is None:  # torch repeats what is left, and `pad` cuts off afterwards
        assert (layer.kind, imported.opaque) == ("opaque", ("aten_pad_default",))
        return
    assert (layer.kind, layer.fields) == ("pad", {"padding": sides, "mode": "circular"})
    assert imported.opaque == ()


def test_images_beside_positions_are_of_any_size() -> None:
    shapes = {"image": (1, 3, 8, 8), "ids": ("int64", 1, 3, 8)}
    data = mnet_cost.import_model(Captions(), shapes=shapes).data
    assert data["knobs"]["resolution"]["default"] == 8
    assert data["input"]["ids"] == {"shape": [3, 8], "dtype": "int64"}


def test_a_module_that_torch_refuses(capfd: pytest.CaptureFixture[str]) -> None:
    module = Branching().train()
    with pytest.raises(ModelFileError) as caught:
        export_module(module, {"x": (1, 4)})
    assert str(caught.value).startswith(
        "Branching: torch.export refuses it: GuardOnDataDependentSymNode: Could not guard on"
    )
    assert str(caught.value).endswith("can be imported")
    assert module.training
    assert capfd.readouterr() == ("", "")


FACTORIES = """
import torch
from torch import nn

net = nn.Linear(3, 5)

class Sub:
    make = staticmethod(lambda size=4: nn.Linear(size, 2))

def needs_elements():
    return nn.Linear(int(torch.ones(1).sum().item()) + 1, 2)

def gives_a_pair(): return nn.Linear(1, 2), None
def fails(): raise KeyError("no such weights")
def leaves(): raise SystemExit(3)
number = 7
"""


@pytest.fixture(scope="module")
def factories(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("factories")
    (folder / "some_factories.py").write_text(FACTORIES)
    (folder / "broken_factories.py").write_text("import no_such_package_at_all\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield
    sys.modules.pop("some_factories", None)


def test_factories(factories: None) -> None:
    def made(name: str, **arguments: Any) -> tuple[int, bool]:
        module = call_factory(f"some_factories:{name}", arguments)
        return module.weight.shape[1], module.weight.is_meta

    assert made("net") == (3, False)
    assert made("Sub.make", size=6) == (6, True)
    assert made("needs_elements") == (2, False)


@pytest.mark.parametrize(
    ("reference", "arguments", "message"),
    [
        ("some_factories", {}, "`some_factories` names no factory\n"
                               "hint: write `package.module:factory`"),
        ("no_such.thing:f", {}, "no_such.thing: there is no such module of Python"),
        ("some_factories:need_elements", {}, "some_factories:need_elements: there is no "
                                             "`need_elements`\n"
                                             "hint: did you mean `needs_elements`?"),
        ("some_factories:number", {}, "some_factories:number: is no function or class, but int"),
        ("some_factories:net", {"a": 1}, "some_factories:net: is a module already, so it takes no "
                                         "arguments"),
        ("some_factories:gives_a_pair", {}, "some_factories:gives_a_pair: gives tuple, and no "
                                            "module of PyTorch\nhint: write a function that "
                                            "returns the module alone"),
        ("some_factories:fails", {}, "some_factories:fails: raised KeyError: 'no such weights'"),
        ("some_factories:leaves", {}, "some_factories:leaves: raised SystemExit: 3"),
        ("some_factories:Sub.make", {"sise": 3}, None),
        ("broken_factories:f", {}, "broken_factories: raised ModuleNotFoundError: "
                                   "No module named 'no_such_package_at_all'"),
    ],
)  # fmt: skip
def test_factories_that_cannot_be(
    factories: None, reference: str, arguments: dict[str, Any], message: str | None
) -> None:
    with pytest.raises((UsageError, ModelFileError)) as caught:
        call_factory(reference, arguments)
    assert str(caught.value) == (
        message
        or "some_factories:Sub.make: raised TypeError: <lambda>() got an unexpected keyword "
        "argument 'sise'"
    ).replace("<lambda>()", "Sub.<lambda>()")
