"""Which stored tensors of an ONNX file are trained, as far as the file tells.

ONNX has no word for it. torch.onnx writes the signature of the program into the graph's metadata,
with the kind of each parameter and buffer, and for a tensor that its optimizer has calculated the
names of what it was made of. A mask is told by its numbers. What neither tells stays open.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mnet_cost.importing.graph import Stored
from mnet_cost.importing.readers.elements import from_bytes
from mnet_cost.importing.readers.onnx_scopes import metadata_value, quoted_texts

_SIGNATURE = b"pkg.torch.export.ExportedProgram.graph_signature"
_FOLDED_FROM = b"pkg.onnxscript.optimizer.folded_from"
_INPUT = re.compile(r"^[^:\n]+: ([A-Z_]+) target='([^'\n]*)'", re.MULTILINE)
_SMALLEST_MASKED = -10.0
"""What is added to a score so that its exponential is nothing: -100 in Swin, -inf, the least number
of the type."""
_FIRST, _STRIDE = 16, 65536


def with_trained(
    stored: Mapping[str, Stored], signature: str, values: Iterable[Mapping[str, Any]]
) -> tuple[Mapping[str, Stored], tuple[str, ...]]:
    """The stored tensors with what the file says of them, and notes.

    `signature` is `signature_of` the graph, `values` are its messages about tensors.
    """
    if not signature:
        return stored, ()
    kinds = {target: kind for kind, target in _INPUT.findall(signature)}
    metadata = {value.get("name", ""): value["metadata"] for value in values if value["metadata"]}
    said: dict[str, Stored] = {}
    results: list[Stored] = []
    for name, tensor in stored.items():
        trained = tensor.trained
        if name in kinds:
            trained = kinds[name] == "PARAMETER"
        elif sources := quoted_texts(metadata_value(metadata.get(name, ()), _FOLDED_FROM)):
            trained = any(kinds.get(source) == "PARAMETER" for source in sources)
            if trained and len(sources) > 1:
                results.append(tensor)
        said[name] = tensor if trained is tensor.trained else tensor._replace(trained=trained)
    return said, _notes(results)


def signature_of(metadata: Sequence[memoryview]) -> str:
    """The signature of the program in the metadata of a graph; empty where there is none."""
    return metadata_value(metadata, _SIGNATURE)


def _notes(results: Sequence[Stored]) -> tuple[str, ...]:
    if not results:
        return ()
    tensors = "stored tensor was" if len(results) == 1 else "stored tensors were"
    elements = sum([tensor.elements for tensor in results])
    return (
        f"{len(results)} {tensors} calculated from trained ones before the file was written "
        f"(`{results[0].name}`): {elements:,} numbers are counted as params, as they are stored",
    )


def is_mask(dtype: str, data: memoryview) -> bool:
    """Whether elements are 0 and one number that masks a score, and nothing else."""
    plain = data.cast("B")
    width = {"float32": 4, "float16": 2, "bfloat16": 2}.get(dtype)
    if width is None or len(plain) % width:
        return False
    words = plain.cast("I") if width == 4 else plain.cast("H")
    zeros = bytes(_STRIDE * width)
    codes: set[int] = set()
    start, stop = 0, _FIRST
    while start < len(words):
        part = words[start:stop]
        if 0 not in codes or part.tobytes() != zeros:  # nearly all of a mask, and fast to tell
            codes.update(part)
        others = codes - {0}
        if len(others) > 1 or any(_number(dtype, code) > _SMALLEST_MASKED for code in others):
            return False
        start, stop = stop, stop + _STRIDE
    return len(codes) > 1


def _number(dtype: str, code: int) -> float:
    data = code.to_bytes(4 if dtype == "float32" else 2, sys.byteorder)
    (number,) = from_bytes(dtype, memoryview(data), 1) or (0.0,)
    return float(number)
