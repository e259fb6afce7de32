"""The operators of ONNX: a rule for each reads its attributes and calls the family."""

from __future__ import annotations

from mnet_cost.importing.mapping.mapper import Table
from mnet_cost.importing.mapping.onnx import (
    arithmetic,
    attention,
    constants,
    convolutions,
    images,
    norms,
    pools,
    positions,
    products,
    quantized,
    random,
    recurrent,
    reductions,
    shapes,
    shares,
)
from mnet_cost.importing.mapping.onnx.attributes import checked

_REFUSED = {
    "is control flow, and what it costs depends on values": ("If", "Loop", "Scan"),
    "works on sequences of tensors, whose number depends on values": (
        "SequenceAt", "SequenceConstruct", "SequenceEmpty", "SequenceErase", "SequenceInsert",
        "SequenceLength", "SequenceMap", "SplitToSequence", "ConcatFromSequence",
    ),
    "works on a tensor that may not be there": (
        "Optional", "OptionalGetElement", "OptionalHasElement",
    ),
    "makes a tensor whose size depends on values": ("Compress", "NonZero", "Unique"),
    "works on texts": (
        "RegexFullMatch", "StringConcat", "StringNormalizer", "StringSplit", "TfIdfVectorizer",
    ),
    "decodes a file": ("ImageDecoder",),
}  # fmt: skip

_FILES = (
    convolutions, products, norms, pools, shares, recurrent, attention, arithmetic, reductions,
    positions, constants, shapes, quantized, images, random,
)  # fmt: skip

TABLE = Table(
    rules={name: checked(rule) for file in _FILES for name, rule in file.RULES.items()},
    refused={name: why for why, names in _REFUSED.items() for name in names},
)
