"""What is said of the layers of a structure beside numbers: names, kinds, lines, formulas.

Of a large network the same of the blocks that are shown instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from mnet_cost.analysis.explain import COUNTS, explain_step, words_for_count
from mnet_cost.explorer.folding import Row
from mnet_cost.explorer.outlines import recorded_in
from mnet_cost.explorer.recorded import LayerRow, Outline
from mnet_cost.explorer.varieties import variety_of
from mnet_cost.models.types import ModelSpec
from mnet_cost.network import Call, Network, Step

_WORD = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
_COUNT_OF = {words_for_count(count): number for number, count in enumerate(COUNTS)}


class _Formula(NamedTuple):
    """One formula of a layer."""

    what: str
    names: str
    place: int
    """Where its value is: sizes of the output come first, then the counts of `Work`."""


class Forms:
    """Formulas of layers, each form once."""

    def __init__(self) -> None:
        self._number_of: dict[tuple[tuple[str, str], ...], int] = {}
        self.symbols: list[tuple[str, ...]] = []

    def number(self, formulas: Sequence[_Formula], names: Mapping[str, Any]) -> int:
        """The index of a form, in whose texts some of `names` stand."""
        key = tuple([formula[:2] for formula in formulas])
        found = self._number_of.get(key)
        if found is None:
            found = self._number_of[key] = len(self._number_of)
            words = dict.fromkeys(word for _, text in key for word in _WORD.findall(text))
            self.symbols.append(tuple([word for word in words if word in names]))
        return found

    def data(self) -> list[dict[str, Any]]:
        """All forms by their index."""
        return [
            {
                "symbols": list(symbols),
                "formulas": [{"what": what, "names": names} for what, names in formulas],
            }
            for formulas, symbols in zip(self._number_of, self.symbols, strict=True)
        ]


class Texts(NamedTuple):
    """What is said of each row; columns."""

    layers: dict[str, list[Any]]
    """As the document has them."""
    outputs: list[int]
    """Rows whose results are outputs of the network."""
    symbols: list[tuple[str, ...]]
    """Names in the formulas of each row."""
    formulas: list[list[_Formula]]

    def values(self, outline: Outline) -> list[list[Any]]:
        """The values of the formulas of each row."""
        return [
            [(*row.shape, *row.work)[formula.place] for formula in formulas]
            for formulas, row in zip(self.formulas, outline.layers, strict=True)
        ]


def layer_texts(
    spec: ModelSpec, network: Network, plain: Network, rows: Sequence[LayerRow], forms: Forms
) -> Texts:
    """Of each layer of `network`; formulas are those of the same network of `plain` numbers."""
    formulas = [_formulas(plain, step, row) for step, row in zip(plain.steps, rows, strict=True)]
    form = [forms.number(each, row.symbols) for each, row in zip(formulas, rows, strict=True)]
    row_of = list(range(len(network.steps)))
    return Texts(
        {
            "name": [step.name for step in network.steps],
            "kind": [_kind_of(step) for step in network.steps],
            "variety": [variety_of(step) for step in network.steps],
            "count": [1] * len(network.steps),
            "line": [line_of(step, spec) for step in network.steps],
            "nodes": [_nodes_of(step, spec) for step in network.steps],
            "inputs": [_inputs(network, [step], row_of) for step in network.steps],
            "form": form,
        },
        _outputs(network, row_of),
        [forms.symbols[number] for number in form],
        formulas,
    )


def folded_texts(spec: ModelSpec, network: Network, rows: Sequence[Row], forms: Forms) -> Texts:
    """Of blocks; they have no formulas."""
    row_of = [0] * len(network.steps)
    for number, row in enumerate(rows):
        for layer in row.layers:
            row_of[layer] = number
    steps = [[network.steps[layer] for layer in row.layers] for row in rows]
    kinds = [list(dict.fromkeys(step.layer.kind for step in each)) for each in steps]
    form = forms.number([], {})
    return Texts(
        {
            "name": [row.name for row in rows],
            "kind": [each[0] if len(each) == 1 else f"{len(each)} kinds" for each in kinds],
            "variety": [row.variety for row in rows],
            "line": [line_of(each[0], spec) for each in steps],
            "nodes": [""] * len(rows),
            # Blocks that are not run one after another could read from each other.
            "inputs": [
                [place for place in _inputs(network, each, row_of) if place < number]
                for number, each in enumerate(steps)
            ],
            "form": [form] * len(rows),
            "count": [len(row.layers) for row in rows],
        },
        _outputs(network, row_of),
        [()] * len(rows),
        [[] for _ in rows],
    )


def _kind_of(step: Step) -> str:
    """The kind as reports write it, and a stride above one: `depthwise_conv2d 3x3 s2`. Without what
    a slider moves, since a text stays as it is."""
    layer = step.layer
    kernel, stride = (getattr(layer, name, None) for name in ("kernel", "stride"))
    kind = layer.kind if [*recorded_in([kernel])] else layer.variety()
    if stride is None or [*recorded_in([stride])]:
        return kind
    strides = dict.fromkeys(stride if isinstance(stride, tuple) else (stride,))
    if set(strides) == {1}:
        return kind
    return f"{kind} s{'x'.join(map(str, strides if len(strides) == 1 else stride))}"


def _formulas(network: Network, step: Step, row: LayerRow) -> list[_Formula]:
    sizes = len(row.shape)
    return [
        _Formula(formula.what, formula.names, i if i < sizes else sizes + _COUNT_OF[formula.what])
        for i, formula in enumerate(explain_step(network, step))
    ]


def _inputs(network: Network, steps: Iterable[Step], row_of: Sequence[int]) -> list[int]:
    """The rows that some steps read from; -1 - i is the network's input i."""
    input_of = {tensor: -1 - number for number, tensor in enumerate(network.inputs)}
    found = [
        input_of[tensor] if (producer := network.tensors[tensor].producer) is None
        else row_of[producer]
        for step in steps
        for tensor in step.inputs
    ]  # fmt: skip
    return list(dict.fromkeys(found))


def _outputs(network: Network, row_of: Sequence[int]) -> list[int]:
    producers = [network.tensors[tensor].producer for tensor in network.outputs]
    return sorted({row_of[producer] for producer in producers if producer is not None})


def line_of(part: Step | Call, spec: ModelSpec) -> int:
    """The line of the spec that wrote a layer or block; 0 for a file that the spec extends, and
    for a model file of another tool, of which nobody has seen a spec."""
    if spec.origins:
        return 0
    return part.line if part.node.source is spec.node.source else 0


def _nodes_of(step: Step, spec: ModelSpec) -> str:
    """The nodes of a model file that a layer stands for; nothing for those of specs."""
    origin = spec.origins.get(step.name)
    return "" if origin is None else ", ".join(origin.nodes)
