"""What was recorded of a network, as the document has it: it grows by one recording after another.

What structures have in common stands there once: nodes of the program, rows of layers and kernels,
what is said of layers, and lists that are equal. `explorer/src/reading.ts` reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mnet_cost.explorer.outlines import (
    KernelLayers,
    Tables,
    differences,
    outline_data,
    recorded_in,
)
from mnet_cost.explorer.program import Program
from mnet_cost.explorer.sharing import shared_lists
from mnet_cost.explorer.structures import Made, Structure
from mnet_cost.explorer.texts import Forms, Texts, folded_texts, layer_texts, line_of
from mnet_cost.models.types import ModelSpec
from mnet_cost.network import elaborate
from mnet_cost.recording import Graph

_OF_TEXTS = ("name", "kind", "variety", "line", "nodes", "form", "count")
_OF_CALLS = ("path", "block", "copy", "line")


class _Part:
    """A structure as it is written."""

    def __init__(self, structure: Structure, texts: Texts, data: dict[str, Any]) -> None:
        self.structure = structure
        self.texts = texts
        self.data = data
        self.kernel_layers = KernelLayers()


class Written:
    """The recordings of one network."""

    def __init__(self, spec: ModelSpec, graph: Graph, inputs: Sequence[int], devices: int) -> None:
        self._spec = spec
        self._graph = graph
        self._devices = devices
        self._shown: set[int] = set()
        """Nodes of numbers that are shown."""
        self._program = Program(graph, inputs)
        self._forms = Forms()
        self._texts: dict[tuple[Any, ...], int] = {}
        self._calls: dict[tuple[Any, ...], int] = {}
        self._tables: dict[str, Tables] = {}
        self._parts: dict[int, _Part] = {}

    def __len__(self) -> int:
        """How much there is: nodes and rows."""
        rows = len(self._texts) + sum(map(len, self._tables.values()))
        each = sum([len(part.data["layers"]) for part in self._parts.values()])
        return len(self._program) + rows + each

    def add(self, made: Made) -> None:
        """Write one recording more."""
        structure, precision = made
        outline, guards = structure.outlines[precision], structure.guards[precision]
        program = self._program
        shown = {*recorded_in(outline), *recorded_in(_input_shapes(structure))}
        program.add(shown.union(guards))
        self._shown |= shown
        part = self._parts.get(id(structure))
        if part is None:
            part = self._parts[id(structure)] = self._part(structure, made.precision)
        tables = self._tables.setdefault(precision, Tables(self._devices))
        texts = part.texts
        part.data["at"][precision] = {
            "guards": differences(
                sorted([2 * program.node_slot(node) + outcome for node, outcome in guards.items()])
            ),
            **outline_data(
                outline,
                texts.layers["name"],
                texts.symbols,
                texts.values(outline),
                part.kernel_layers,
                tables,
                program.slot,
            ),
        }

    def used_inputs(self) -> set[str]:
        """Names of the sliders that a number depends on; conditions alone ask for each."""
        nodes = self._graph.nodes
        read = self._shown.union(*[nodes[n].operands for n in self._graph.needed(self._shown)])
        return {nodes[node].value for node in read if nodes[node].name == "input"}

    def data(self) -> dict[str, Any]:
        """All of it, and the lines of the spec that it shows."""
        structures, shared = shared_lists(
            [
                {**part.data, "kernel_layers": part.kernel_layers.data()}
                for part in self._parts.values()
            ]
        )
        texts, calls = list(self._texts), list(self._calls)
        return {
            "program": self._program.data(),
            "structures": structures,
            "shared": shared,
            "texts": {name: [row[i] for row in texts] for i, name in enumerate(_OF_TEXTS)},
            "calls": [dict(zip(_OF_CALLS, call, strict=True)) for call in calls],
            "tables": {precision: tables.data() for precision, tables in self._tables.items()},
            "forms": self._forms.data(),
            "lines": self._lines(),
        }

    def _part(self, structure: Structure, precision: str) -> _Part:
        spec, network, rows = self._spec, structure.network, structure.rows
        outline = structure.outlines[precision]
        if rows is None:
            plain = elaborate(spec, structure.knobs)
            texts = layer_texts(spec, network, plain, outline.layers, self._forms)
        else:
            texts = folded_texts(spec, network, rows, self._forms)
        layers = texts.layers
        calls = network.calls.values() if rows is None else ()
        data = {
            "fixed": dict(structure.fixed),
            "layers": _rows(self._texts, zip(*[layers[name] for name in _OF_TEXTS], strict=True)),
            "reads": [
                [layer - source for source in sources]
                for layer, sources in enumerate(layers["inputs"])
            ],
            "calls": _rows(
                self._calls,
                [(call.path, call.block, call.copy, line_of(call, spec)) for call in calls],
            ),
            "inputs": [
                {
                    "name": network.tensors[index].name,
                    "shape": [self._program.slot(size) for size in shape],
                }
                for index, shape in zip(network.inputs, _input_shapes(structure), strict=True)
            ],
            "outputs": texts.outputs,
            "unmodelled": list(outline.unmodelled),
            "at": {},
        }
        return _Part(structure, texts, data)

    def _lines(self) -> dict[str, str]:
        """The lines that layers and blocks are written on; line 0 is none."""
        numbers = {row[_OF_TEXTS.index("line")] for row in self._texts}
        numbers |= {call[_OF_CALLS.index("line")] for call in self._calls}
        text = self._spec.node.source.lines()
        return {str(n): text[n - 1].rstrip() for n in sorted(numbers) if 0 < n <= len(text)}


def _rows(number_of: dict[tuple[Any, ...], int], rows: Any) -> list[int]:
    """Indices of rows, new ones where there are none yet; as differences."""
    return differences([number_of.setdefault(tuple(row), len(number_of)) for row in rows])


def _input_shapes(structure: Structure) -> list[tuple[Any, ...]]:
    network = structure.network
    return [tuple(network.tensors[index].type.shape) for index in network.inputs]
