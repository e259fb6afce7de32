"""Record how runtimes optimize the small network: `python tests/measure/record.py`.

Writes `recorded/onnxruntime.json` and `recorded/openvino.json`, with the joins as they are now:
read the difference before you accept it.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import onnx
from small_network import small

from mnet_cost.measure.runtimes import onnxruntime, openvino
from mnet_cost.measure.runtimes.base import RunSettings
from mnet_cost.measure.runtimes.onnx_kernels import Operation, operations_of, works

RECORDED = Path(__file__).parent / "recorded"


def rows(operations: Sequence[Operation]) -> list[list[Any]]:
    """Operations as JSON has them."""
    return [[*one[:4], one.attributes.hex(), one.activation, list(one.nodes)] for one in operations]


def main() -> None:
    """Write both files."""
    with tempfile.TemporaryDirectory() as folder:
        runnable = small(Path(folder))
        graph = onnx.load(runnable.onnx()).graph
        file = operations_of(graph)
        compiled = openvino.compiled_network(runnable, RunSettings())
        kernels = {
            "onnxruntime": onnxruntime.profiled(runnable, 1, 1).optimized,
            "openvino": openvino.kernels_of(compiled, [one.name for one in file]),
        }
    inputs = [value.name for value in graph.input]
    for runtime, operations in kernels.items():
        found = works(inputs, file, operations)
        recorded: dict[str, Any] = {
            "inputs": inputs,
            "file": rows(file),
            "kernels": rows(operations),
            "work": {
                one.name: [work.nodes, work.is_layout]
                for one, work in zip(operations, found, strict=True)
                if one.name
            },
        }
        text = ",\n".join(f'"{key}": {lines(value)}' for key, value in recorded.items())
        (RECORDED / f"{runtime}.json").write_text(f"{{\n{text}\n}}\n", encoding="utf-8")


def lines(value: list[Any] | dict[str, Any]) -> str:
    """JSON with one item on each line."""
    if isinstance(value, dict):
        items = [f"{json.dumps(key)}: {json.dumps(item)}" for key, item in value.items()]
        return "{\n" + ",\n".join(items) + "\n}"
    return "[\n" + ",\n".join(map(json.dumps, value)) + "\n]"


if __name__ == "__main__":
    main()
