"""Every network of the library against torch: shapes, params, buffers and mult-adds of each layer.

Each as it is, but for variants that set knobs alone; of each file the first network with other
values of its knobs, too, odd sizes among them. `python benchmarks/torch_oracle.py --library` takes
each network with each of these settings.
"""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from library_settings import TOO_SMALL, families, settings_of, structures  # noqa: E402
from oracle import build, disagreements, examples, execute  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from mnet_cost.errors import SpecError  # noqa: E402
from mnet_cost.layers.conv import Conv2d  # noqa: E402
from mnet_cost.models.catalog import Listed  # noqa: E402
from mnet_cost.models.library import load_model  # noqa: E402
from mnet_cost.network import Network, elaborate  # noqa: E402
from mnet_cost.torch_model import rules  # noqa: E402

NETWORKS = structures()


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_agrees_with_torch(network: Listed) -> None:
    assert disagreements(elaborate(load_model(network.names[0]).spec)) == []


@pytest.mark.parametrize("family", families())
def test_agrees_with_other_knobs(family: str) -> None:
    spec = load_model(family).spec
    tried = refused = 0
    for knobs in settings_of(spec):
        tried += 1
        try:
            network = elaborate(spec, knobs)
        except SpecError:
            refused += 1
            continue
        assert disagreements(network) == [], knobs
    assert refused == TOO_SMALL.get(family, 0)
    assert tried - refused >= 2


SMALL_VIT = {"resolution": 33, "depth": 2, "patch": 8, "hidden": 48, "heads": 4, "mlp": 64}


def small_vit() -> Network:
    return elaborate(load_model("vit").spec, SMALL_VIT)


def test_attention_that_the_flop_counter_loses() -> None:
    """17 positions of 48 numbers, two blocks: 2 * (17 * 17 * 48 * 2) in a fused kernel."""
    network = small_vit()
    assert disagreements(network) == []
    assert disagreements(network, "cpu") == []
    module, inputs = build(network, "cpu"), examples(network, "cpu")
    with FlopCounterMode(display=False) as flops:
        executed = execute(module, inputs)
    assert "_scaled_dot_product_flash_attention_for_cpu" in executed.operations
    assert executed.total - flops.get_total_flops() // 2 == 55_488


def test_a_wrong_rule_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    network = elaborate(load_model("lenet5").spec)
    rule = rules.RULES[Conv2d]

    def with_another_bias(e, layer, xs, types, outputs):  # type: ignore[no-untyped-def]
        changed = Conv2d(channels=layer.channels, kernel=layer.kernel, padding=layer.padding,
                       bias=not layer.bias)  # fmt: skip
        return rule(e, changed, xs, types, outputs)

    assert disagreements(network) == []
    monkeypatch.setitem(rules.RULES, Conv2d, with_another_bias)
    differences = disagreements(network)
    wanted = "params, weights, buffers: (156, 150, 0) here, (150, 150, 0)"
    assert any(wanted in difference for difference in differences)
