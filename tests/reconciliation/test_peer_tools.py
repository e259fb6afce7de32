"""The tools themselves, where they are installed (`mnet-cost[peers]`): the same total, explained.

Figures that they printed are in `tests/analysis/peers.csv`, so that other tests need none of them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mnet_cost.models.library import load_model
from mnet_cost.network import elaborate
from mnet_cost.reconciliation.figures import read_figure
from mnet_cost.reconciliation.search import reconcile_network

torchvision = pytest.importorskip("torchvision")

PEERS = Path(__file__).resolve().parents[2] / "benchmarks" / "peers"
TOOLS = ("torch", "fvcore", "ptflops", "thop", "torchinfo")
NETWORKS = 14


@pytest.fixture
def _peers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(PEERS), *sys.path])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("_peers")
@pytest.mark.parametrize("tool", TOOLS)
def test_what_a_tool_counts_now(tool: str) -> None:
    """Of 14 networks of torchvision, to the last unit."""
    pytest.importorskip(tool)
    import torch
    from networks import TORCHVISION
    from tools import COUNTERS

    counted = 0
    for pair in [pair for pair in TORCHVISION if pair.theirs not in ("googlenet", "inception_v3")]:
        model = load_model(pair.ours)
        network = elaborate(model.spec, model.knobs)
        image = {"x": torch.zeros(1, 3, pair.size, pair.size)}
        for counter in COUNTERS[tool]:
            total = counter(getattr(torchvision.models, pair.theirs)(weights=None).eval(), image)
            (reconciled,) = reconcile_network(network, [read_figure(f"{tool}={total}")]).figures
            assert reconciled.best.verdict == "exact", (pair.theirs, total, reconciled.best.causes)
            assert tool in reconciled.best.conventions
        counted += 1
    assert counted >= NETWORKS


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("_peers")
def test_what_fvcore_counts_for_timm_now() -> None:
    """Of 15 networks of timm; of VGG the difference is that of a pool that is not covered."""
    timm = pytest.importorskip("timm")
    pytest.importorskip("fvcore")
    import torch
    from networks import TIMM
    from tools import COUNTERS

    unexplained = []
    (fvcore,) = COUNTERS["fvcore"]
    for pair in TIMM:
        model = load_model(pair.ours)
        network = elaborate(model.spec, model.knobs)
        image = {"x": torch.zeros(1, 3, pair.size, pair.size)}
        total = fvcore(timm.create_model(pair.theirs).eval(), image)
        (reconciled,) = reconcile_network(network, [read_figure(f"timm={total}")]).figures
        if reconciled.best.verdict != "exact":
            unexplained.append((pair.theirs, reconciled.uncovered))
    assert len(TIMM) > NETWORKS
    assert unexplained == [("vgg11", ("adaptive_avg_pool2d",))]
