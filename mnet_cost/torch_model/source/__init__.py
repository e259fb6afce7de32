"""A network as plain PyTorch source: a class for each block, loops for copies, torch alone."""

from __future__ import annotations

from mnet_cost.torch_model.source.write import write_source

__all__ = ["write_source"]
