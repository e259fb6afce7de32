"""Layers with the matrix of another: one tensor in torch, in checkpoints, source and ONNX."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

from built import network  # noqa: E402
from onnx_oracle import onnx_disagreements  # noqa: E402
from oracle import disagreements  # noqa: E402
from test_source import compare, module_of  # noqa: E402

from mnet_cost.torch_model import build_module  # noqa: E402
from mnet_cost.torch_model.export import export_network  # noqa: E402
from mnet_cost.torch_model.graph import initialize  # noqa: E402
from mnet_cost.torch_model.source import write_source  # noqa: E402
from mnet_cost.torch_model.training.checkpoint import CheckpointError  # noqa: E402

TIED = network(
    "input: {t: {shape: [4], dtype: int64}, x: [2, 3]}\nblocks:\n  model:\n    layers:\n"
    "      - {id: table, embedding: {vocabulary: 9, features: 3}}\n"
    "      - {id: head, linear: {features: 9}, weights_of: table}\n"
    "layers:\n  - {id: first, model: {}, from: t}\n  - {id: again, use: first, from: t}\n"
    "  - {id: p, parameter: {shape: [5, 3]}}\n"
    "  - {id: last, linear: {features: 5, bias: false}, from: x, weights_of: p}\n"
    "outputs: [first, again, last]\n"
)


def test_one_tensor_for_both() -> None:
    module = build_module(TIED)
    assert module.first.head.weight is module.first.table.weight
    assert module.last.weight is module.p.weight
    assert [name for name, _ in module.named_parameters()] == [
        "first.table.weight", "first.head.bias", "p.weight",
    ]  # fmt: skip
    assert disagreements(TIED) == disagreements(TIED, "cpu") == []


def test_a_step_of_training_moves_both_alike() -> None:
    module = build_module(TIED)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    before = module.first.table.weight.detach().clone()
    outputs = module(torch.arange(4)[None], torch.rand(1, 2, 3))
    sum(output.square().sum() for output in outputs).backward()
    optimizer.step()
    assert not torch.equal(module.first.head.weight, before)
    assert torch.equal(module.first.head.weight, module.first.table.weight)


def test_source_and_initial_values() -> None:
    compare(TIED)
    made = module_of(write_source(TIED))()
    assert made.first.head.weight is made.first.table.weight
    first, second = (initialize(build_module(TIED), seed=3).state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    # As an embedding is initialized, which is the owner, not as a linear layer.
    assert first["first.table.weight"].std() > 0.5


def test_copies_are_tied_by_their_paths() -> None:
    compare(
        network(
            "input: {x: [4, 3]}\nlayers:\n  - {id: p, parameter: {shape: [3, 3]}}\n"
            "  - {id: lin, linear: {features: 3}, from: x, weights_of: p, repeat: 3}\n"
        )
    )


@pytest.mark.parametrize("dynamic_batch", [False, True])
def test_onnx(dynamic_batch: bool) -> None:
    assert onnx_disagreements(TIED, dynamic_batch) == []


def test_weights_of_a_file(tmp_path: Path) -> None:
    weights, program = tmp_path / "weights.pt", tmp_path / "net.pt2"
    torch.save(initialize(build_module(TIED), seed=7).state_dict(), weights)
    assert not export_network(TIED, str(program), str(weights))  # none are random
    state = torch.export.load(program).state_dict
    wanted = torch.load(weights)
    assert torch.equal(state["first.table.weight"], wanted["first.table.weight"])
    wanted["first.head.weight"] = wanted["first.head.weight"] + 1
    torch.save(wanted, weights)
    with pytest.raises(CheckpointError) as caught:
        export_network(TIED, str(program), str(weights))
    assert str(caught.value) == (
        f"{weights}: is of another network: `first.table.weight` and `first.head.weight` are one "
        "tensor here and differ there"
    )
