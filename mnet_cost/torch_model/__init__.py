"""torch: the network that a spec describes, as a module. Imported only when it is asked for."""

from __future__ import annotations

from mnet_cost.torch_model.installed import require

require("torch", extra="torch")

from mnet_cost.torch_model.graph import build_module, initialize  # noqa: E402

__all__ = ["build_module", "initialize"]
