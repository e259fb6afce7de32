"""Files of torch.export: what they say, in each form that torch wrote, and files that are none."""

from __future__ import annotations

import io
import json
import math
import random
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from mnet_cost.errors import ModelFileError
from mnet_cost.importing.graph import Batch, Graph, Reference
from mnet_cost.importing.readers import archive
from mnet_cost.importing.readers.program import expression_text
from mnet_cost.importing.readers.pt2 import read_pt2

PROGRAM = "net/models/model.json"


def size(value: int | str) -> dict[str, Any]:
    return {"as_int": value} if isinstance(value, int) else {"as_expr": {"expr_str": value}}


def meta(*sizes: int | str, dtype: int = 7) -> dict[str, Any]:
    strides: list[int] = []
    for given in reversed(sizes):
        strides.insert(0, (strides[0] if strides else 1) * (given if isinstance(given, int) else 2))
    return {
        "dtype": dtype,
        "sizes": [size(x) for x in sizes],
        "requires_grad": False,
        "device": {"type": "cpu", "index": None},
        "strides": [size(x) for x in [*strides[1:], 1][: len(sizes)]],
        "storage_offset": {"as_int": 0},
        "layout": 7,
    }


def node(target: str, outputs: list[Any], metadata: str = "", **inputs: Any) -> dict[str, Any]:
    return {
        "target": f"torch.ops.{target}",
        "inputs": [{"name": name, "arg": arg, "kind": 1} for name, arg in inputs.items()],
        "outputs": outputs,
        "metadata": {"nn_module_stack": metadata} if metadata else {},
    }


def tensor(name: str) -> dict[str, Any]:
    return {"as_tensor": {"name": name}}


BATCH = "Symbol('s77', positive=True, integer=True)"


def program() -> dict[str, Any]:
    """A linear layer, two halves of its output, and a table that is added to one."""
    stack = "L__self__,,net.Net;L__self___fc,fc,torch.nn.modules.linear.Linear"
    inputs = ["p_fc_weight", "p_tied_weight", "b_table", "x"]
    return {
        "graph_module": {
            "graph": {
                "inputs": [tensor(name) for name in inputs],
                "outputs": [tensor("add")],
                "nodes": [
                    node("aten.sym_size.int", [{"as_sym_int": {"as_name": "n"}}],
                         self=tensor("x"), dim={"as_int": 0}),
                    node("aten.linear.default", [tensor("linear")], stack,
                         input=tensor("x"), weight=tensor("p_tied_weight"), bias={"as_none": True}),
                    node("aten.view.default", [tensor("view")], self=tensor("linear"),
                         size={"as_sym_ints": [{"as_name": "n"}, {"as_int": 4}]}),
                    node("aten.chunk.default", [{"as_tensors": [{"name": "a"}, {"name": "b"}]}],
                         self=tensor("view"), chunks={"as_int": 2}, dim={"as_int": -1}),
                    node("aten.add.Tensor", [tensor("add")],
                         self=tensor("a"), other=tensor("b_table")),
                ],
                "tensor_values": {
                    "p_fc_weight": meta(4, 3), "p_tied_weight": meta(4, 3), "b_table": meta(2),
                    "x": meta(BATCH, 3), "linear": meta(BATCH, 4), "view": meta(BATCH, 4),
                    "a": meta(BATCH, 2), "b": meta(BATCH, 2), "add": meta(BATCH, 2),
                },
                "sym_int_values": {"n": size(BATCH)},
                "sym_bool_values": {},
            },
            "signature": {
                "input_specs": [
                    {"parameter": {"arg": {"name": "p_fc_weight"}, "parameter_name": "fc.weight"}},
                    {"parameter": {"arg": {"name": "p_tied_weight"},
                                   "parameter_name": "tied.weight"}},
                    {"buffer": {"arg": {"name": "b_table"}, "buffer_name": "table",
                                "persistent": True}},
                    {"user_input": {"arg": tensor("x")}},
                ],
                "output_specs": [{"user_output": {"arg": tensor("add")}}],
            },
            "module_call_graph": [],
        },
        "opset_version": {"aten": 10},
        "range_constraints": {},
        "schema_version": {"major": 8, "minor": 20},
        "torch_version": "2.14.1",
    }  # fmt: skip


def members(content: Any = None) -> dict[str, Any]:
    payloads = {
        name: {"path_name": path, "is_param": True, "use_pickle": False, "tensor_meta": said}
        for name, path, said in (
            ("fc.weight", "weight_0", meta(4, 3)),
            ("tied.weight", "weight_0", meta(4, 3)),
            ("table", "weight_1", meta(2)),
        )
    }
    return {
        PROGRAM: program() if content is None else content,
        "net/data/weights/model_weights_config.json": {"config": payloads},
        "net/data/weights/weight_0": bytes(48),
        "net/data/weights/weight_1": b"\0\0\x80\x3f\0\0\0\x40",
        "net/archive_format": b"pt2",
    }


def written(path: Path, content: dict[str, Any], packing: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", packing) as file:
        for name, value in content.items():
            file.writestr(name, value if isinstance(value, bytes) else json.dumps(value))
    return path


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    return read_pt2(written(tmp_path / "my net.pt2", members()))


def refusal(path: Path) -> str:
    with pytest.raises(ModelFileError) as caught:
        read_pt2(path)
    return str(caught.value).replace(str(path), "FILE")


def test_what_a_file_says(graph: Graph) -> None:
    assert (graph.name, graph.source) == ("my_net", "my net.pt2, written by torch 2.14.1")
    assert [(x.name, x.dtype, x.shape) for x in graph.inputs] == [("x", "float32", (Batch(), 3))]
    assert [(x.name, x.shape) for x in graph.outputs] == [("add", (Batch(), 2))]
    assert [(x.name, x.operator, x.outputs) for x in graph.nodes] == [
        ("n", "aten.sym_size.int", ("n",)),
        ("linear", "aten.linear.default", ("linear",)),
        ("view", "aten.view.default", ("view",)),
        ("a", "aten.chunk.default", ("a", "b")),
        ("add", "aten.add.Tensor", ("add",)),
    ]
    linear, view = graph.nodes[1:3]
    assert linear.attributes == {
        "input": Reference("x"), "weight": Reference("fc.weight"), "bias": None,
    }  # fmt: skip
    assert linear.scopes == (("", "Net"), ("fc", "Linear"))
    assert view.attributes["size"] == [Reference("n"), 4]
    assert graph.same_storage == {"tied.weight": "fc.weight"}
    assert [(x.name, x.shape, x.trained, x.values) for x in graph.stored.values()] == [
        ("fc.weight", (4, 3), True, None),
        ("tied.weight", (4, 3), True, None),
        ("table", (2,), False, (1.0, 2.0)),
    ]
    assert set(graph.tensors) == {"linear", "view", "a", "b", "add"}


def test_the_form_of_older_versions(tmp_path: Path, graph: Graph) -> None:
    text = json.dumps(program()).replace(json.dumps(BATCH), '"s77"')
    content = json.loads(text)
    content["schema_version"]["major"] = 7
    del content["torch_version"]
    path = written(
        tmp_path / "my net.pt2",
        {"serialized_exported_program.json": content, "serialized_state_dict.pt": b"\x80\x02."},
    )
    old = read_pt2(path)
    assert old.source == "my net.pt2"
    assert (old.nodes[2], old.tensors, old.inputs) == (graph.nodes[2], graph.tensors, graph.inputs)
    assert old.stored["table"].values is None  # it is in a pickle
    assert not old.same_storage


def test_torch_is_not_imported() -> None:
    code = "import sys, mnet_cost.importing.readers.pt2; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_tensor_that_is_called_like_a_parameter(tmp_path: Path) -> None:
    content = program()
    spec = content["graph_module"]["signature"]["input_specs"][2]
    spec["buffer"]["buffer_name"] = "linear"
    graph = read_pt2(written(tmp_path / "net.pt2", members(content)))
    assert list(graph.stored) == ["fc.weight", "tied.weight", "b_table"]
    assert graph.nodes[-1].attributes["other"] == Reference("b_table")


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (BATCH, "s77"),
        ("s0", "s0"),
        ("Mul(Integer(2), Symbol('s0', positive=True))", "2*s0"),
        ("2*s0", "2*s0"),
        ("Add(Symbol('a'), Mul(Integer(-1), Symbol('b')))", "a+((-1)*b)"),
        ("FloorDiv(Symbol('s0', integer=True), Integer(4))", "s0//4"),
        ("Max(Integer(1), Symbol('s0'))", "Max(1,s0)"),
    ],
)
def test_sizes_as_text(written: str, text: str) -> None:
    assert expression_text(written) == text


@pytest.mark.parametrize(
    ("expression", "shape"),
    [
        (f"Mul(Integer(12), {BATCH})", Batch(12)),
        (f"Add(Integer(1), {BATCH})", "1+s77"),
        ("Symbol('s1')", "s1"),
    ],
)
def test_what_is_a_multiple_of_the_batch(tmp_path: Path, expression: str, shape: Any) -> None:
    content = program()
    content["graph_module"]["graph"]["tensor_values"]["view"] = meta(expression, 4)
    graph = read_pt2(written(tmp_path / "net.pt2", members(content)))
    assert graph.tensors["view"].shape == (shape, 4)


def test_files_that_are_no_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.pt2"
    whole = written(path, members()).read_bytes()
    hint = "\nhint: `torch.export.save` writes files that can be read"

    def of(content: bytes | dict[str, Any], packing: int = zipfile.ZIP_STORED) -> str:
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            written(path, content, packing)
        return refusal(path).removesuffix(hint)

    assert of(b"") == "FILE: is no zip archive, or was cut short"
    assert of(b"\x08\x07\x12\x07pytorch") == "FILE: is no zip archive, or was cut short"
    assert of(whole[:-30]) == "FILE: is no zip archive, or was cut short"
    assert of({"a": b""}) == "FILE: is a zip archive without a program of torch.export"
    assert (
        of({"net/data.pkl": b""})
        == "FILE: has weights, and no program: it is a file of `torch.save`"
    )
    assert of({PROGRAM: program(), "net/models/b.json": program()}) == (
        "FILE: has 2 programs, and only a file with one is read"
    )
    assert of({PROGRAM: b"{"}) == f"FILE: has no JSON in `{PROGRAM}`"
    assert of({PROGRAM: b"[" * 5000}) == f"FILE: is nested too deep in `{PROGRAM}`"
    assert of({PROGRAM: b"[" + b"9" * 5000 + b"]"}) == f"FILE: has no JSON in `{PROGRAM}`"
    assert of({PROGRAM: b"[]"}) == ("FILE: is no program of torch.export: the program is a list")
    assert of({PROGRAM: program() | {"schema_version": {"major": 9}}}) == (
        "FILE: has a program of version 9; 5 to 8 are read"
    )
    monkeypatch.setattr(archive, "MAX_JSON_VALUES", 1000)
    assert of({PROGRAM: b"[" + b"0," * 2000 + b"0]"}) == (
        f"FILE: has more than 1,000 values in `{PROGRAM}`"
    )
    monkeypatch.setattr(archive, "MAX_JSON_BYTES", 1 << 20)
    assert of({PROGRAM: bytes(2 << 20)}, zipfile.ZIP_DEFLATED) == (
        f"FILE: has 2,097,152 bytes in `{PROGRAM}`; the most are 1,048,576"
    )
    monkeypatch.setattr(archive, "MAX_DIRECTORY_BYTES", 100)
    assert of(members()) == "FILE: lists too many members"
    path.unlink()
    assert refusal(path) == "FILE: cannot be read: no such file or directory"
    assert refusal(tmp_path) == "FILE: cannot be read: is a directory"


def test_a_member_that_is_there_twice(tmp_path: Path) -> None:
    path = written(tmp_path / "net.pt2", {PROGRAM: program(), "net/models/copy1.json": {}})
    path.write_bytes(path.read_bytes().replace(b"copy1", b"model"))
    assert refusal(path).startswith(f"FILE: has the member `{PROGRAM}` twice")


def test_mutated_programs_give_a_graph_or_an_error(tmp_path: Path) -> None:
    chance = random.Random(15)
    values: list[Any] = [
        None,
        0,
        -1,
        10**30,
        1.5,
        "",
        "s",
        True,
        [],
        {},
        {"as_int": -5},
        {"as_tensor": {}},
    ]
    outcomes = {"graph": 0, "error": 0}
    for _ in range(400):
        content = program()
        for _ in range(chance.choice((1, 1, 2))):
            place: Any = content
            while True:
                key = chance.choice(list(place) if isinstance(place, dict) else range(len(place)))
                below = place[key]
                if not isinstance(below, (dict, list)) or not below or chance.random() < 0.1:
                    break
                place = below
            place[key] = chance.choice(values)
        path = written(tmp_path / "net.pt2", members(content))
        try:
            read_pt2(path)
            outcomes["graph"] += 1
        except ModelFileError:
            outcomes["error"] += 1
    assert outcomes["graph"] > 20
    assert outcomes["error"] > 50


def test_mutated_archives_give_a_graph_or_an_error(tmp_path: Path) -> None:
    chance = random.Random(15)
    whole = io.BytesIO()
    path = tmp_path / "net.pt2"
    whole.write(written(path, members()).read_bytes())
    for _ in range(200):
        data = bytearray(whole.getvalue())
        for _ in range(chance.randint(1, 8)):
            place = (
                chance.randrange(len(data)) if chance.random() < 0.5 else -chance.randint(1, 600)
            )
            data[place] = chance.randrange(256)
        path.write_bytes(data[: chance.choice((len(data), chance.randrange(len(data))))])
        try:
            read_pt2(path)
        except ModelFileError:
            continue


def test_numbers_that_json_does_not_have_are_words_in_the_file(tmp_path: Path) -> None:
    content = program()
    added = content["graph_module"]["graph"]["nodes"][-1]
    added["inputs"] += [
        {"name": "alpha", "arg": {"as_float": "-Infinity"}, "kind": 1},
        {"name": "bounds", "arg": {"as_floats": ["Infinity", 0.5]}, "kind": 1},
        {"name": "word", "arg": {"as_string": "Infinity"}, "kind": 1},
    ]
    graph = read_pt2(written(tmp_path / "net.pt2", members(content)))
    arguments = graph.nodes[-1].attributes
    assert arguments["alpha"] == -math.inf
    assert arguments["bounds"] == [math.inf, 0.5]
    assert arguments["word"] == "Infinity"
