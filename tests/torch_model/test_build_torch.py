"""What torch does with built modules: compile, export, trace, other devices and layouts."""

from __future__ import annotations

import copy
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from built import ATTENTION, CLASSIC, for_inference, network_of  # noqa: E402
from oracle import build, examples  # noqa: E402
from random_networks import random_network  # noqa: E402
from torch import fx  # noqa: E402

from mnet_cost.torch_model import build_module  # noqa: E402
from mnet_cost.torch_model.graph import initialize  # noqa: E402


@pytest.fixture(autouse=True)
def _same_numbers() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("seed", range(40))
def test_examples_do_not_see_each_other(seed: int) -> None:
    made = random_network(seed)
    built = build(made, "cpu")
    given = [torch.cat([x] * 3)[:3] for x in examples(made, "cpu")]
    given = [x + torch.rand_like(x) if x.is_floating_point() else x for x in given]
    together = built(*given)
    for number in range(3):
        alone = built(*(x[number : number + 1] for x in given))
        for whole, part in zip(*(
            outputs if isinstance(outputs, tuple) else (outputs,) for outputs in (together, alone)
        ), strict=True):  # fmt: skip
            torch.testing.assert_close(
                whole[number : number + 1], part, rtol=1e-3, atol=1e-4, equal_nan=True
            )


@pytest.mark.parametrize("model", [CLASSIC, ATTENTION], ids=["mobilenet_v1", "vit"])
def test_compile_export_trace(model: Any) -> None:
    built, x = for_inference(model), torch.rand(2, 3, 33, 33)
    with torch.no_grad():
        wanted = built(x)
        assert wanted.shape == (2, 7)
        assert wanted.std() > 0
        traced = fx.symbolic_trace(built)
        exported = torch.export.export(built, (x,))
        compiled = torch.compile(built, backend="aot_eager", fullgraph=True)
        for other in (traced, exported.module(), compiled):
            assert torch.allclose(other(x), wanted, atol=1e-5)
        channels_last = copy.deepcopy(built).to(memory_format=torch.channels_last)
        turned = channels_last(x.to(memory_format=torch.channels_last))
        assert torch.allclose(turned, wanted, atol=1e-5)
    assert {*exported.state_dict} == {*built.state_dict()}


@pytest.mark.filterwarnings("ignore:The tensor attributes .*_flat_weights")  # torch's nn.LSTM
@pytest.mark.parametrize("seed", range(0, 40, 5))
def test_random_networks_export(seed: int) -> None:
    made = random_network(seed)
    built, given = build(made, "cpu"), examples(made, "cpu")
    wanted = built(*given)
    outputs = torch.export.export(built, given).module()(*given)
    torch.testing.assert_close(outputs, wanted, equal_nan=True)


class Tracer(fx.Tracer):  # type: ignore[misc]
    """Traces constants as well, which are buffers: torch's own takes them for plain tensors."""

    proxy_buffer_attributes = True


@pytest.mark.parametrize("seed", range(60))
def test_random_networks_trace(seed: int) -> None:
    made = random_network(seed)
    built, given = build(made, "cpu"), examples(made, "cpu")
    traced = fx.GraphModule(built, Tracer().trace(built))
    torch.testing.assert_close(traced(*given), built(*given), equal_nan=True)


def test_export_for_any_batch() -> None:
    built = for_inference(CLASSIC)
    batch = torch.export.Dim("batch", min=1, max=64)
    exported = torch.export.export(built, (torch.rand(2, 3, 33, 33),), dynamic_shapes=({0: batch},))
    x = torch.rand(5, 3, 33, 33)
    assert torch.allclose(exported.module()(x), built(x), atol=1e-5)


def test_meta_device_and_back() -> None:
    built = build(network_of(ATTENTION))
    assert all(tensor.is_meta for tensor in (*built.parameters(), *built.buffers()))
    assert built(torch.empty(3, 3, 33, 33, device="meta")).shape == (3, 7)
    there = initialize(built.to_empty(device="cpu"), seed=5)
    x = torch.rand(2, 3, 33, 33)
    assert torch.equal(there(x), for_inference(ATTENTION)(x))


def test_gradients_reach_all_parameters() -> None:
    for model in (CLASSIC, ATTENTION):
        built = initialize(build_module(model), seed=1)
        built(torch.rand(2, 3, 33, 33)).square().sum().backward()
        missing = [name for name, parameter in built.named_parameters() if parameter.grad is None]
        assert missing == []
