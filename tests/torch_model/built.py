"""Small networks as modules, for tests."""

from __future__ import annotations

from typing import Any

from torch import fx

from mnet_cost.models.library import load_model
from mnet_cost.models.load import parse_spec
from mnet_cost.network import Network, elaborate
from mnet_cost.torch_model import build_module
from mnet_cost.torch_model.graph import initialize

CLASSIC = load_model("mobilenet_v1@alpha=0.25,resolution=33,classes=7")
ATTENTION = load_model("vit@resolution=33,depth=2,patch=8,hidden=24,heads=4,mlp=16,classes=7")


def network(text: str, **knobs: Any) -> Network:
    """The network of a model file `x.yaml` with that text after its name."""
    return elaborate(parse_spec(f"format: 1\nname: x\n{text}", None, "x.yaml"), knobs)


def network_of(model: Any) -> Network:
    """The network of a model with the knobs that it was named with."""
    return elaborate(model.spec, model.knobs)


def for_inference(model: Any) -> fx.GraphModule:
    """A module with the same random state each time."""
    return initialize(build_module(model), seed=5).eval()
