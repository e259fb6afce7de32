"""Workloads of ZigZag: YAML with the loops of each convolution and matrix product.

Each layer has an equation, the sizes of its loops, the bits of its operands, and the layers that
its operands are from. Layers without mult-adds (norms, activations, sums) are left out, so a layer
reads from the last layer before it that is in the file. Source: zigzag-dse 3.9.1,
workload_validator.py and the equations of its parsers of ONNX nodes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from mnet_cost.errors import OutputError
from mnet_cost.exporting.loops import (
    ConvolutionNest,
    LayerNests,
    Nest,
    ProductNest,
    Source,
    nests_of,
)
from mnet_cost.exporting.written import Written, summary
from mnet_cost.network import Network
from mnet_cost.tensors import DType

_CONVOLUTION = "O[b][g][k][oy][ox]+=W[g][k][c][fy][fx]*I[b][g][c][iy][ix]"
_BITS = 8


def zigzag_workload(network: Network, precision: DType) -> Written:
    """The workload of the whole batch, with operands of that precision.

    Raises `OutputError` where no layer can be said.
    """
    layers, others = nests_of(network)
    numbers: dict[int, int] = {}
    """The last layer of the file that a tensor depends on, by the index of the tensor."""
    entries: list[dict[str, Any]] = []
    notes = dict[str, None]()
    written = {layer.step.name: layer for layer in layers}
    for step in network.steps:
        layer = written.get(step.name)
        if layer is not None and layer.nests:
            own = [numbers.get(index) for index in step.inputs]
            first = len(entries)
            for nest in layer.nests:
                entries.append(_entry(layer, nest, len(entries), first, own, precision))
                notes.update(dict.fromkeys(_notes(nest)))
            numbers.update(dict.fromkeys(step.outputs, len(entries) - 1))
        else:
            known = [numbers[index] for index in step.inputs if index in numbers]
            if known:
                numbers.update(dict.fromkeys(step.outputs, max(known)))
    if not entries:
        raise OutputError(f"{network.spec.title} has no layer that a workload can say")
    if any(step.layer.arity[1] != 1 for step in others):
        notes["what joins several tensors is not said: a layer behind it reads from the last"] = (
            None
        )
    return summary("".join(_yaml(entries)), layers, others, tuple(notes))


def _entry(
    layer: LayerNests,
    nest: Nest,
    number: int,
    first: int,
    inputs: list[int | None],
    precision: DType,
) -> dict[str, Any]:
    """One layer of the file."""

    def source(of: Source | None) -> int:
        """The layer that an operand is from: itself, where it is stored or an input."""
        if of is None:
            return number
        known = first + of.number if of.is_nest else inputs[of.number]
        return number if known is None else known

    name = ".".join([layer.step.name, *([nest.part] if nest.part else [])])
    is_convolution = isinstance(nest, ConvolutionNest) and nest.kernel_source is None
    if isinstance(nest, ConvolutionNest) and is_convolution:
        loops = _convolution_loops(nest, layer.examples)
    else:
        product = nest.as_product() if isinstance(nest, ConvolutionNest) else nest
        loops = _product_loops(product, layer.examples)
    bits = precision.bytes * _BITS
    return {
        "id": number,
        "name": name,
        "operator_type": "Conv" if is_convolution else "Gemm",
        **loops,
        "operand_precision": {
            "W": bits,
            "I": bits,
            "O": 2 * bits,  # of a sum that is not finished, as in ZigZag's own workloads
            "O_final": bits,
        },
        "operand_source": {"I": source(nest.data), "W": source(nest.kernel_source)},
    }


def _convolution_loops(nest: ConvolutionNest, examples: int) -> dict[str, Any]:
    sizes = nest.sizes
    used, padding = [], []
    for count, step, dilation, kernel, size, before in zip(
        (sizes.rows, sizes.columns), sizes.stride, sizes.dilation, sizes.kernel, nest.image,
        nest.before, strict=True,
    ):  # fmt: skip
        reach = (count - 1) * step + dilation * (kernel - 1) + 1
        after = max(reach - before - size, 0)
        padding.append([before, after])
        used.append(reach - before - after)
    (rows, columns), (down, right) = sizes.stride, sizes.dilation
    return {
        "equation": _CONVOLUTION,
        "dimension_relations": [f"ix={columns}*ox+{right}*fx", f"iy={rows}*oy+{down}*fy"],
        "loop_dims": ["B", "K", "G", "OX", "OY", "C", "FX", "FY"],
        "loop_sizes": [
            examples * sizes.images, sizes.channels_out, sizes.groups, sizes.columns, sizes.rows,
            sizes.channels_in, sizes.kernel[1], sizes.kernel[0],
        ],
        "pr_loop_dims": ["IX", "IY"],
        "pr_loop_sizes": [used[1], used[0]],
        "padding": [padding[1], padding[0]],
    }  # fmt: skip


def _product_loops(nest: ProductNest, examples: int) -> dict[str, Any]:
    """Rows of all examples are together where they meet the same second factor."""
    is_stored = nest.kernel_source is None
    rows, matrices = nest.repeats * nest.rows, nest.matrices
    if is_stored:
        rows *= examples
    else:
        matrices *= examples
    loops = {"C": nest.depth, "D": rows, "K": nest.columns}
    if matrices > 1:
        loops["B"] = matrices
    of = "[b]" if matrices > 1 else ""
    return {
        "equation": f"O{of}[d][k]+=I{of}[d][c]*W{of}[c][k]",
        "dimension_relations": [],
        "loop_dims": list(loops),
        "loop_sizes": list(loops.values()),
    }


def _notes(nest: Nest) -> Iterator[str]:
    if nest.note:
        yield nest.note
    if isinstance(nest, ConvolutionNest) and nest.kernel_source is not None:
        yield "convolutions with a kernel that is an input as matrix products of their windows"


def _yaml(entries: list[dict[str, Any]]) -> Iterator[str]:
    """The entries as YAML: a key a line, lists and mappings in one line."""
    for entry in entries:
        for i, (key, value) in enumerate(entry.items()):
            yield f"{'  ' if i else '- '}{key}: {_flow(value)}\n"


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    # A name is quoted, since it may be read as a number or a word of YAML otherwise.
    return json.dumps(value) if isinstance(value, str) else str(value)
