"""A network in the forms that runtimes take: a module of torch, an ONNX file, a file of its own.

Each form is made when it is first asked for, and kept. Its nodes lead back to the layers of the
spec. Weights are random, of a size that keeps numbers far from denormal ones: of other values times
do not depend.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnet_cost.errors import OutputError, Problem
from mnet_cost.measure.runtimes.base import RunError
from mnet_cost.network import Network
from mnet_cost.paths import naming

if TYPE_CHECKING:
    from torch import fx

SEED = 0
"""Of the weights, and of the inputs."""

_WITHOUT_FILE = "measure it with `--runtime torch`, which needs no file"


class Runnable:
    """A network to run, and the folder that its files are written to."""

    def __init__(
        self, reference: str, network: Network, folder: Path, *, direct: bool = False
    ) -> None:
        """`reference` names it in results: `mobilenet_v1@alpha=0.5`. `folder` is there already.

        With `direct` the ONNX file is written without torch, as far as `direct_onnx.py` can.
        """
        self.reference = reference
        self.network = network
        self.folder = folder
        self._direct = direct
        self._module: fx.GraphModule | None = None
        self._inputs: tuple[Any, ...] | None = None
        self._onnx: Path | None = None
        self._layers_of_node: Mapping[str, tuple[str, ...]] | None = None

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the steps, in their order."""
        return tuple(step.name for step in self.network.steps)

    def module(self) -> fx.GraphModule:
        """A module of torch in evaluation mode. A node of its graph has the name of its layer in
        `node.meta["layer"]`; a node of no layer has none.

        Raises `UsageError` for a layer that torch cannot build.
        """
        if self._module is None:
            from mnet_cost.torch_model.graph import build_module, initialize

            self._module = initialize(build_module(self.network), SEED).eval()
            _keep_sizes(self._module)
        return self._module

    def inputs(self) -> tuple[Any, ...]:
        """A tensor of torch for each input, [batch, *shape]: of a normal distribution, or indices
        where an embedding looks them up."""
        if self._inputs is None:
            import torch

            from mnet_cost.torch_model.export import example_inputs

            numbers = torch.Generator().manual_seed(SEED)
            rows = self.rows()
            self._inputs = tuple(
                torch.randn(example.shape, generator=numbers)
                if example.is_floating_point()
                else torch.randint(rows, example.shape, generator=numbers)
                for example in example_inputs(self.network)
            )
        return self._inputs

    def rows(self) -> int:
        """How many rows the smallest of the embeddings has: each index below is in all of them."""
        from mnet_cost.layers.parameters import Embedding

        layers = (step.layer for step in self.network.steps)
        return min(
            (layer.vocabulary for layer in layers if isinstance(layer, Embedding)), default=1
        )

    def onnx(self) -> Path:
        """An ONNX file. Its nodes are named after layers: `middle.3.conv2d`, and with a number
        where a layer is several, `middle.3.conv2d/2`.

        Raises `RunError` for a network whose weights no ONNX file holds or that torch cannot
        export, `UsageError` for a layer that it cannot build, and `OutputError` where the file
        cannot be written.
        """
        if self._onnx is None:
            self._onnx, self._layers_of_node = self._export()
        return self._onnx

    def layers_of_node(self) -> Mapping[str, tuple[str, ...]]:
        """Names of the layers that each node of the ONNX file belongs to, by its name. A node of
        the exporter that belongs to no layer is missing."""
        self.onnx()
        assert self._layers_of_node is not None
        return self._layers_of_node

    def given(self, ending: str) -> Path | None:
        """The model file with that ending (`.tflite`) that the network was read from: runtimes that
        take its format run it as it is. None where there is none."""
        return None

    def given_int8(self, ending: str) -> bool:
        """Whether the model file with that ending is quantized: a runtime that runs it computes in
        int8, whatever it is asked for."""
        stated = self.network.spec.precision
        return stated is not None and stated.name == "int8" and self.given(ending) is not None

    def _export(self) -> tuple[Path, Mapping[str, tuple[str, ...]]]:
        if self._direct:
            from mnet_cost.measure.runs.direct_onnx import small_graph_file

            path = self.file(".onnx")
            layers = small_graph_file(self.network, path)
            if layers is not None:
                return path, layers
            path.unlink()
        return self._by_torch()

    def _by_torch(self) -> tuple[Path, Mapping[str, tuple[str, ...]]]:
        from mnet_cost.torch_model.onnx_file import MAX_ONNX_BYTES, ExportError, Names, onnx_model

        module = self.module()
        stored = module.state_dict().values()
        size = sum(tensor.numel() * tensor.element_size() for tensor in stored)
        if size > MAX_ONNX_BYTES:
            raise RunError(
                Problem(
                    f"{self.reference} has {size / 1e9:.1f} GB of weights: one ONNX file holds no "
                    "more than 2.1 GB",
                    hint=_WITHOUT_FILE,
                )
            )
        tensors = self.network.tensors
        names = Names(
            [tensors[index].name for index in self.network.inputs],
            [tensors[index].name for index in self.network.outputs],
        )
        try:
            model, layers = onnx_model(self.reference, module, self.inputs(), names, None)
        except ExportError as error:
            raise RunError(
                [problem._replace(hint=_WITHOUT_FILE) for problem in error.problems]
            ) from None
        path = self.file(".onnx")
        with naming(path, "cannot be written", OutputError):
            path.write_bytes(model.SerializeToString())
        return path, layers

    def file(self, ending: str) -> Path:
        """A new, empty file in the folder, whose name begins like the reference."""
        start = re.sub(r"[^\w-]+", "_", self.reference, flags=re.ASCII)[:40]
        with (
            naming(self.folder, "cannot be written to", OutputError),
            tempfile.NamedTemporaryFile(
                prefix=f"{start}_", suffix=ending, dir=self.folder, delete=False
            ) as file,
        ):
            return Path(file.name)


def _keep_sizes(module: fx.GraphModule) -> None:
    """Give weights the variance 2 / fan in, with which results are about as large as inputs.

    With those that a training begins with, each depthwise convolution makes numbers smaller, since
    norms have statistics of none. After some hundred layers they are denormal, and arithmetic on
    them takes ten times as long. Attention stays as it is: its softmax would be one row alone.
    """
    import torch
    from torch import nn

    from mnet_cost.torch_model.modules import Attention

    parts = [*module.modules()]
    attention = {inner for part in parts if isinstance(part, Attention) for inner in part.modules()}
    with torch.no_grad():
        for part in parts:
            if isinstance(part, (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)):
                weight = part.weight
                size = weight.square().mean().sqrt()  # of one number, no deviation is known
                if part not in attention and size > 0:
                    weight.mul_((2 / weight[0].numel()) ** 0.5 / size)
