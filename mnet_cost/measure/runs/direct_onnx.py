"""A network as an ONNX model without torch: in milliseconds, for the kinds in `onnx_nodes.py`.

torch's exporter takes a second for each graph. What it would choose is what is written: the same
operators in the same order, batch normalization folded into the convolution before it, biases of
zeros left out. Nodes have the name of their step, `unit.1.conv2d`, and with a number where a step
is several, `unit.1.act/2`. A network with anything that is not written here is left to torch.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mnet_cost.layers.axes import named_axis
from mnet_cost.layers.conv import Conv2d, DepthwiseConv2d
from mnet_cost.layers.norm import BatchNorm
from mnet_cost.measure.runs.onnx_nodes import NODES, NotWritten, Values
from mnet_cost.network import Network, Step
from mnet_cost.paths import draft_of, file_to_write, naming

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from onnx import ModelProto, NodeProto, TensorProto

    Numbers = NDArray[np.float32]

SEED = 0
"""Of the weights."""

OPSET, IR_VERSION = 20, 10
"""Versions that torch's exporter writes."""
MAX_ONNX_BYTES = 2**31 - 1
"""The most bytes that a protobuf message, and so an ONNX file by itself, can have."""


class DirectModel(NamedTuple):
    """What was written."""

    model: ModelProto
    layers: Mapping[str, tuple[str, ...]]
    """Names of the steps whose work each node does, by the name of the node, in their order."""


def direct_model(
    network: Network, weights: Mapping[str, Numbers] | None = None
) -> DirectModel | None:
    """`network` as an ONNX model; None where it has a layer that only torch writes.

    `weights` are those of the module of torch, by the name of the step and of the tensor:
    `unit.1.conv2d.weight`. Without them they are drawn as `torch_model.initialize` does, though
    not the same numbers.
    """
    try:
        return _Writer(network, weights).written()
    except NotWritten:
        return None


def small_graph_file(network: Network, path: Path) -> Mapping[str, tuple[str, ...]] | None:
    """Write `network` to the ONNX file `path`, whole or not at all; None where torch has to do it.

    Returns the steps of each node, as `DirectModel.layers`.
    """
    direct = direct_model(network)
    if direct is None:
        return None
    with naming(path, "cannot be written"):
        target, _ = file_to_write(str(path))
        draft = draft_of(target)
        try:
            draft.write_bytes(direct.model.SerializeToString())
            os.replace(draft, target)
        finally:
            draft.unlink(missing_ok=True)
    return direct.layers


class _Writer:
    """A graph that is being written; what `onnx_nodes.Writer` asks for."""

    def __init__(self, network: Network, weights: Mapping[str, Numbers] | None) -> None:
        import numpy as np

        self.batch: int = network.batch
        self._network = network
        self._weights = weights
        self._random = np.random.default_rng(SEED)
        self._nodes: list[NodeProto] = []
        self._tensors: dict[str, TensorProto] = {}
        self._layers: dict[str, tuple[str, ...]] = {}
        self._bytes = 0
        self._step: Step | None = None
        self._counts: dict[str, int] = {}
        self._norms_of = _foldable(network)
        self._folded = {norm.name for norms in self._norms_of.values() for norm in norms}
        self._norms: tuple[Step, ...] = ()

    def written(self) -> DirectModel:
        from onnx import TensorProto, helper

        network = self._network
        tensors, values = network.tensors, {}
        for index in network.inputs:
            values[index] = tensors[index].name
        for step in network.steps:
            for index, value in zip(step.outputs, self._values_of(step, values), strict=True):
                values[index] = value
        sized = {
            index: (network.batch, *tensors[index].type.shape)
            for index in (*network.inputs, *network.outputs)
        }
        inputs = [
            helper.make_tensor_value_info(tensors[index].name, TensorProto.FLOAT, sized[index])
            for index in network.inputs
        ]
        outputs = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, sized[index])
            for index, name in zip(network.outputs, self._ends(values), strict=True)
        ]
        graph = helper.make_graph(
            self._nodes, network.spec.name, inputs, outputs, list(self._tensors.values())
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION,
            producer_name="mnet-cost",
        )  # fmt: skip
        return DirectModel(model, self._layers)

    def _values_of(self, step: Step, values: Mapping[int, str]) -> Sequence[str]:
        """Write the nodes of a step; the names of its outputs."""
        network = self._network
        rule = NODES.get(type(step.layer))
        is_plain = step.shares is None and step.tied_to is None and not step.is_static
        if rule is None or not is_plain or step.precision is not None:
            raise NotWritten
        self._step, self._norms = step, self._norms_of.get(step.name, ())
        if step.name in self._folded:  # it is in the convolution
            return [values[step.inputs[0]]]
        types = [network.tensors[index].type for index in (*step.inputs, *step.outputs)]
        if any(network.dtype_of(type_) is not None for type_ in types):
            raise NotWritten
        start = len(self._nodes)
        results = rule(
            self,
            step.layer,
            [values[index] for index in step.inputs],
            tuple(types[: len(step.inputs)]),
            tuple(types[len(step.inputs) :]),
        )
        names = [results] if isinstance(results, str) else list(results)
        new = {}
        for name, index in zip(names, step.outputs, strict=True):
            if any(name in node.output for node in self._nodes[start:]):
                new[name] = network.tensors[index].name
        for node in self._nodes[start:]:
            for ends in (node.input, node.output):
                ends[:] = [new.get(name, name) for name in ends]
        return [new.get(name, name) for name in names]

    def _ends(self, values: Mapping[int, str]) -> list[str]:
        """Names of the outputs: each the result of a node of its own."""
        network = self._network
        ends: list[str] = []
        inputs = {network.tensors[index].name for index in network.inputs}
        for index in network.outputs:
            value = values[index]
            if value in inputs or value in ends:
                producer = network.tensors[index].producer
                if producer is None:
                    raise NotWritten
                self._step, self._norms = network.steps[producer], ()
                value = self.node("Identity", [value])
            ends.append(value)
        return ends

    # --- what rules call

    def node(self, operator: str, inputs: Values, **attributes: Any) -> str:
        """Add a node of the step; the name of its output."""
        return self.parts(operator, inputs, 1, **attributes)[0]

    def parts(self, operator: str, inputs: Values, count: int, **attributes: Any) -> list[str]:
        """Add a node of the step with `count` outputs; their names."""
        from onnx import helper

        assert self._step is not None
        step = self._step.name
        number = self._counts[step] = self._counts.get(step, 0) + 1
        name = step if number == 1 else f"{step}/{number}"
        results = [f"{step}/{number}.{i}" for i in range(count)]
        self._nodes.append(helper.make_node(operator, inputs, results, name=name, **attributes))
        self._layers[name] = (step, *[norm.name for norm in self._norms])
        return results

    def whole(self, name: str, numbers: Sequence[int]) -> str:
        """A constant of int64: sizes, axes."""
        import numpy as np

        return self._store(name, np.asarray(numbers, np.int64))

    def number(self, name: str, value: float) -> str:
        """A constant without axes."""
        import numpy as np

        return self._store(name, np.asarray(value, np.float32))

    def tensor(self, name: str, array: Numbers) -> str:
        """Store weights; the name of the tensor."""
        import numpy as np

        return self._store(name, np.ascontiguousarray(array, np.float32))

    def zeros_or(self, name: str, array: Numbers) -> str | None:
        """The name of a bias, or None where it is zero: nothing is added then."""
        return self.tensor(name, array) if array.any() else None

    def weight(self, name: str, shape: Sequence[int], deviation: float) -> Numbers:
        """The weights of the step with that name, or normal ones of that deviation."""
        import numpy as np

        assert self._step is not None
        self._bytes += 4 * prod(shape)
        if self._bytes > MAX_ONNX_BYTES:
            raise NotWritten
        if self._weights is not None:
            return self._weights[f"{self._step.name}.{name}"]
        return deviation * self._random.standard_normal(shape, np.float32)

    def constant(self, name: str, size: int, value: float, step: Step | None = None) -> Numbers:
        """As `weight`, of one axis and of one value."""
        import numpy as np

        step = step or self._step
        assert step is not None
        if self._weights is not None:
            return self._weights[f"{step.name}.{name}"]
        return np.full(size, value, np.float32)

    def folded(self, channels: int) -> list[tuple[Numbers, Numbers]]:
        """(factor, summand) for each output channel, of the norms that follow the step."""
        import numpy as np

        pairs = []
        for norm in self._norms:
            layer: Any = norm.layer
            scale, shift, mean, variance = self.statistics(layer, channels, norm)
            factor = scale / np.sqrt(variance + np.float32(layer.epsilon))
            pairs.append((factor, shift - mean * factor))
        return pairs

    def statistics(
        self, layer: BatchNorm, channels: int, step: Step | None = None
    ) -> tuple[Numbers, Numbers, Numbers, Numbers]:
        """Scale, shift, mean and variance of a batch normalization."""
        import numpy as np

        scale, shift = np.ones(channels, np.float32), np.zeros(channels, np.float32)
        if layer.affine:
            scale = self.constant("weight", channels, 1.0, step)
            shift = self.constant("bias", channels, 0.0, step)
        mean = self.constant("running_mean", channels, 0.0, step)
        return scale, shift, mean, self.constant("running_var", channels, 1.0, step)

    def _store(self, name: str, array: NDArray[Any]) -> str:
        from onnx import numpy_helper

        assert self._step is not None
        full = f"{self._step.name}.{name}"
        assert full not in self._tensors
        self._tensors[full] = numpy_helper.from_array(array, full)
        return full


def _foldable(network: Network) -> dict[str, tuple[Step, ...]]:
    """For each convolution the batch normalizations of its channels that follow, one after the
    other, if nothing else reads what is between."""
    readers: dict[int, list[Step]] = {}
    for step in network.steps:
        for index in step.inputs:
            readers.setdefault(index, []).append(step)

    def following(step: Step) -> Step | None:
        behind = readers.get(step.output, [])
        if len(behind) != 1 or step.output in network.outputs:
            return None
        layer, type_ = behind[0].layer, network.tensors[step.output].type
        is_norm = isinstance(layer, BatchNorm) and named_axis(type_, layer.axis, layer.kind) == -3
        return behind[0] if is_norm else None

    folded = {}
    for step in network.steps:
        if isinstance(step.layer, (Conv2d, DepthwiseConv2d)):
            norms: list[Step] = []
            while norm := following(norms[-1] if norms else step):
                norms.append(norm)
            folded[step.name] = tuple(norms)
    return folded
