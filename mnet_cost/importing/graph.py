"""A model that another tool wrote, as a graph of operators: what every reader makes of its file.

Tensors are known by name. A shape has the batch as a symbol where the file says so. What is stored
(parameters, constants) has its type and shape; its values only where they are few, since they can
be sizes, axes or bounds. Not here: what an operator means, and which layer it becomes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from mnet_cost.models.types import Scope

Dialect = Literal["onnx", "aten", "tflite", "ncnn", "keras"]
"""Whose operators they are. aten: those of torch.export, with `aten.conv2d.default` as name."""


class Batch(NamedTuple):
    """A size that is proportional to the number of examples: the batch itself is `Batch(1)`."""

    times: int = 1
    outer: int = 1
    """The part of `times` whose axis was in front of the batch when axes were joined: positions
    are counted by that, then by the examples, then by the rest."""

    def __str__(self) -> str:
        return "batch" if self.times == 1 else f"{self.times} * batch"


Dimension = int | Batch | str
"""A size; a multiple of the batch; or the symbol of a size that the file leaves open."""
Shape = tuple[Dimension, ...]

FEW = 64
"""Stored tensors of real numbers of at most so many elements are read with their values."""

FEW_WHOLE = 4096
"""Those of whole numbers, which can be positions to gather by, of at most so many."""

MAX_NODES = 100_000
"""Most nodes of a model, with those of functions inlined: the most layers of a spec."""


class Reference(NamedTuple):
    """A tensor as an argument, in operators that name their arguments."""

    name: str


class Quantization(NamedTuple):
    """How a tensor of whole numbers stands for real ones. Scales are not needed for costs."""

    dtype: str
    """As ONNX calls types: `int8`."""
    axis: int | None = None
    """The axis that has a scale for each index; None where there is one scale."""


NO_TENSORS = ("sequence", "map", "optional")
"""Types of ONNX that a graph may have beside tensors, which no layer works on."""


class Tensor(NamedTuple):
    """A tensor as the file declares it; what it does not say is None."""

    name: str
    dtype: str | None
    """As ONNX calls types: `float32`; one of `NO_TENSORS` for what is no tensor."""
    shape: Shape | None
    quantization: Quantization | None = None


class Stored(NamedTuple):
    """A tensor that is in the file: a parameter or a constant."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    values: tuple[Any, ...] | None = None
    """Its elements in row-major order, where they are few."""
    trained: bool | None = None
    """None where the file does not say it, as ONNX does not."""
    quantization: Quantization | None = None

    @property
    def elements(self) -> int:
        """How many elements it has; 1 for a scalar."""
        elements = 1
        for size in self.shape:
            elements *= size
        return elements


class Subgraph(NamedTuple):
    """A graph inside a node: a branch, or what a loop repeats. It is not read, since a layer runs
    always and once."""

    bytes: int
    """Its size in the file."""


class Node(NamedTuple):
    """One operator applied to tensors."""

    name: str
    """As the file calls it; made of the operator and a number where it has no name. Unique."""
    operator: str
    domain: str
    """Empty for the standard operators."""
    inputs: tuple[str, ...]
    """Names of tensors, by position; empty for an input that is left out. In the dialect `aten`
    arguments have names, and this is empty."""
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    """In `aten` all arguments, by the names of the operator's schema: a tensor is a `Reference`,
    and lists may hold references. In `onnx` a tensor is a `Stored`, a graph is a
    `Subgraph`, and a list is a tuple."""
    scopes: tuple[Scope, ...] = ()
    """From the outermost module to the module that called the operator."""


class Graph(NamedTuple):
    """A model as its file has it. Nodes are in the order in which they can run."""

    dialect: Dialect
    name: str
    """Of the model, as a name of a spec may be: letters, digits, `_`, `.`, `-`."""
    source: str
    """Where it is from, for people: `model.onnx, written by pytorch 2.13.0`."""
    inputs: tuple[Tensor, ...]
    """Without what is stored."""
    outputs: tuple[Tensor, ...]
    nodes: tuple[Node, ...]
    stored: Mapping[str, Stored]
    tensors: Mapping[str, Tensor]
    """What the file says of tensors between nodes."""
    versions: Mapping[str, int]
    """The version of the operators of each domain; the standard domain is ''."""
    same_storage: Mapping[str, str] = {}
    """Stored tensors that are another stored tensor under a second name, and that tensor's name."""
    notes: tuple[str, ...] = ()
    """What a reader of the spec has to know of the file, a sentence each."""
