"""The network of a spec as a torch module, as PyTorch source, exported, and trained.

`build_module` is the way in. torch is imported when it is called, never with this package.
"""

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
    """The torch module of a model with `knobs`, in training mode, with random initial values.

    It takes the network's inputs in the order of the spec, each as [N, *shape], and returns the
    output, or a tuple of the outputs. Raises `MissingPackageError` without torch, `SpecError` for
    sizes that do not fit, and `ModelReferenceError` for a layer that torch cannot build.
    """
    require("torch", extra="torch")
    from mnet_cost.torch_model import graph

    return graph.build_module(model, knobs)
