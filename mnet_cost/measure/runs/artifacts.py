"""A network in the forms that runtimes take: a module of torch, an ONNX file, a file of its own.

Each form is made when it is first asked for, and kept. Its nodes lead back to the layers of the
spec. Weights are random: times do not depend on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnet_cost.network import Network

if TYPE_CHECKING:
    from torch import fx

SEED = 0
"""Of the weights."""


class Runnable:
    """A network to run, and the folder that its files are written to."""

    def __init__(self, reference: str, network: Network, folder: Path) -> None:
        """`reference` names it in results: `mobilenet_v1@alpha=0.5`. `folder` is there already."""
        self.reference = reference
        self.network = network
        self.folder = folder
        self._module: fx.GraphModule | None = None
        self._onnx: Path | None = None

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the steps, in their order."""
        return tuple(step.name for step in self.network.steps)

    def module(self) -> fx.GraphModule:
        """A module of torch in evaluation mode. A node of its graph has the name of its layer in
        `node.meta["layer"]`."""
        from mnet_cost.torch_model.graph import build_module, initialize

        if self._module is None:
            self._module = initialize(build_module(self.network), SEED).eval()
        return self._module

    def inputs(self) -> tuple[Any, ...]:
        """A tensor of torch for each input, [batch, *shape]: of a normal distribution, or indices
        where an embedding looks them up."""
        import torch

        from mnet_cost.torch_model.export import example_inputs

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED)
            return tuple(
                torch.randn_like(zeros) if zeros.is_floating_point() else zeros
                for zeros in example_inputs(self.network)
            )

    def onnx(self) -> Path:
        """An ONNX file. Its nodes are named after layers: `middle.3.conv2d`, and with a number
        where a layer is several, `middle.3.conv2d/2`."""
        raise NotImplementedError

    def layers_of_node(self) -> Mapping[str, tuple[str, ...]]:
        """Names of the layers that each node of the ONNX file belongs to, by its name. A node of
        the exporter that belongs to no layer is missing."""
        raise NotImplementedError
