"""Whatever a user names as a network to run: of the library, a spec, a model file.

A model file is run as it is by the runtimes that take its format; for others its layers are built
anew, with random weights, as those of any spec are. That holds for programs of torch.export, too:
torch's own loader evaluates text of the file. Nothing of a file is run here: an ONNX file is data
for a runtime, and operators that are no part of ONNX are refused.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mnet_cost.errors import OutputError, Problem
from mnet_cost.importing.graph import Graph, Tensor
from mnet_cost.measure.runs.artifacts import SEED, Runnable
from mnet_cost.measure.runtimes.base import RunError
from mnet_cost.models.library import is_imported, load_model
from mnet_cost.network import Network, elaborate
from mnet_cost.paths import naming

_DOMAINS = frozenset(("", "ai.onnx.ml", "com.microsoft"))
"""Of operators that runtimes have without code of others."""


def runnable_of(
    reference: str, folder: Path, knobs: Mapping[str, Any] | None = None, *, direct: bool = False
) -> Runnable:
    """What a reference names, ready to be run: `mobilenet_v1@alpha=0.5`, `net.yaml`, `net.onnx`.

    `knobs` go over those of the reference. Files are written to `folder`. `direct` as `Runnable`
    has it. Raises what `load_model` and `elaborate` raise.
    """
    model = load_model(reference, knobs)
    return runnable_for(reference, elaborate(model.spec, model.knobs), folder, direct=direct)


def runnable_for(
    reference: str, network: Network, folder: Path, *, direct: bool = False
) -> Runnable:
    """A network, ready to be run: with the model file that it was read from, if it was."""
    path = network.spec.path
    if path and is_imported(path) and network.spec.origins:
        return FileRunnable(reference, network, folder)
    return Runnable(reference, network, folder, direct=direct)


class FileRunnable(Runnable):
    """A network that was read from a model file of another tool."""

    def __init__(self, reference: str, network: Network, folder: Path) -> None:
        super().__init__(reference, network, folder)
        self._path = Path(network.spec.path)
        self._graph: Graph | None = None

    def given(self, ending: str) -> Path | None:
        """The file, if it has that ending."""
        return self._path if self._path.suffix.lower() == ending else None

    def inputs(self) -> tuple[Any, ...]:
        """Of an ONNX file a tensor for each of its inputs, of its type and shape; else as those of
        the network."""
        if self._inputs is None and self.given(".onnx") is not None:
            self._inputs = tuple([self._input(i, x) for i, x in enumerate(self._read().inputs)])
        return super().inputs()

    def _export(self) -> tuple[Path, Mapping[str, tuple[str, ...]]]:
        path = self.given(".onnx")
        if path is None:
            return super()._export()
        graph = self._read()
        for node in graph.nodes:
            if node.domain not in _DOMAINS:
                raise RunError(
                    Problem(
                        f"{path}: `{node.name}` is `{node.domain}.{node.operator}`, which is no "
                        "operator of ONNX: it would need code that is not in the file",
                        hint="`mnet-cost import` makes a spec of what is known of the file",
                    )
                )
        return self._named(path, graph), layers_by_node(self.network)

    def _read(self) -> Graph:
        if self._graph is None:
            from mnet_cost.importing.files import read_graph

            self._graph = read_graph(self._path)
        return self._graph

    def _named(self, path: Path, graph: Graph) -> Path:
        """The file, or a copy in which each node has the name by which the importer calls it."""
        import onnx

        model = onnx.load(path, load_external_data=False)
        names = {tensor: node.name for node in graph.nodes for tensor in node.outputs if tensor}
        renamed = False
        for node in model.graph.node:
            name = next((names[tensor] for tensor in node.output if tensor in names), node.name)
            renamed = renamed or name != node.name
            node.name = name
        outside = any(
            tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in model.graph.initializer
        )
        if not renamed or outside:  # weights in files of their own are sought beside the model
            return path
        copy = self.file(".onnx")
        with naming(copy, "cannot be written", OutputError):
            copy.write_bytes(model.SerializeToString())
        return copy

    def _input(self, number: int, tensor: Tensor) -> Any:
        import torch

        shape = self._shape(number, tensor)
        numbers = torch.Generator().manual_seed(SEED + number)
        kind = getattr(torch, _TORCH_TYPES.get(tensor.dtype or "", ""), None)
        if kind is None:
            raise RunError(
                f"{self._path}: the input `{tensor.name}` is of the type {tensor.dtype}, for which "
                "no numbers can be made"
            )
        if kind.is_floating_point:
            return torch.randn(shape, generator=numbers).to(kind)
        most = 2 if kind == torch.bool else self.rows()
        return torch.randint(most, shape, generator=numbers).to(kind)

    def _shape(self, number: int, tensor: Tensor) -> tuple[int, ...]:
        """The sizes of an input, of which those that the file leaves open are the network's."""
        network = self.network
        own: tuple[int, ...] = ()
        if number < len(network.inputs):
            own = network.tensors[network.inputs[number]].type.shape
        stated = tensor.shape or ()
        known = (network.batch, *own) if len(stated) == len(own) + 1 else own
        sizes = []
        for axis, size in enumerate(stated):
            if isinstance(size, int):
                sizes.append(size)
            elif len(known) == len(stated):
                sizes.append(int(known[axis]))
            else:
                raise RunError(f"{self._path}: the size `{size}` of `{tensor.name}` is not known")
        if len(known) == len(own) + 1 and sizes and sizes[0] != network.batch:
            raise RunError(
                Problem(
                    f"{self._path}: is of {sizes[0]} example{'s' if sizes[0] > 1 else ''}, and "
                    f"cannot run {network.batch}",
                    hint=f"leave the batch out, or measure a spec: "
                    f"`mnet-cost import {os.fspath(self._path)}`",
                )
            )
        return tuple(sizes)


_TORCH_TYPES = {
    "float32": "float32", "float16": "float16", "float64": "float64", "bfloat16": "bfloat16",
    "int64": "int64", "int32": "int32", "int8": "int8", "uint8": "uint8", "bool": "bool",
}  # fmt: skip
"""By the names of ONNX."""


def layers_by_node(network: Network) -> dict[str, tuple[str, ...]]:
    """Names of the layers that each node of the file became part of, by its name. Tools that call
    a node after what it makes find it by the name of that tensor, too."""
    origins = network.spec.origins
    found: dict[str, list[str]] = {}
    for by_tensor in (False, True):
        taken = set(found)
        for step in network.steps:
            origin = origins.get(step.name)
            if origin is not None:
                for name in origin.tensors if by_tensor else origin.nodes:
                    if not by_tensor or name not in taken:
                        found.setdefault(name, []).append(step.name)
    return {name: tuple(dict.fromkeys(steps)) for name, steps in found.items()}
