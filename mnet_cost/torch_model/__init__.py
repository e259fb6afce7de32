"""torch: the network that a spec describes, as a module. Imported only when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mnet_cost.torch_model.installed import require

if TYPE_CHECKING:
    from torch import fx

    from mnet_cost.models.types import Model, ModelSpec
    from mnet_cost.network import Network

__all__ = ["build_module"]


def build_module(
    model: Model | ModelSpec | Network, knobs: Mapping[str, Any] | None = None
) -> fx.GraphModule:
    """The torch module of a model with `knobs`: see `graph.build_module`.

    Raises `MissingPackageError` without torch.
    """
    require("torch", extra="torch")
    from mnet_cost.torch_model import graph

    return graph.build_module(model, knobs)
