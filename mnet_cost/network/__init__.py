"""The network of a spec and knob values, and the walk that makes it."""

from __future__ import annotations

from mnet_cost.network.types import Call, Network, Step, Tensor
from mnet_cost.network.walk import elaborate

__all__ = ["Call", "Network", "Step", "Tensor", "elaborate"]
