"""Readers of the workloads that are exported, written from the formats alone: what they multiply.

They share no code with the writers. SCALE-Sim: ceil((image - filter + stride) / stride) outputs
along each axis, and a line with `DP` in its name is a layer for each channel (scalesim 3.0.0).
ZigZag: a layer is the product of its loop sizes (zigzag-dse 3.9.1).
"""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

_EQUATION = re.compile(r"^O(\[\w+\])+\s*\+?\s*=\s*\w(\[\w+\])+\s*[*+]\s*\w(\[(?:\w+)?\])+\s*$")
_RELATION = re.compile(r"^(\w+)\s*=\s*(?:(\w+)\s*\*\s*)?(\w+)\s*\+\s*(?:(\w+)\s*\*\s*)?(\w+)$")


def scale_sim_lines(text: str) -> list[tuple[str, list[int]]]:
    """(name, numbers) of each line; every line ends in a comma."""
    _, *lines = text.splitlines()
    rows = [line.split(",") for line in lines]
    assert all(row[-1] == "" for row in rows)
    return [(row[0].strip(), [int(cell) for cell in row[1:-1]]) for row in rows]


def scale_sim_mult_adds(text: str) -> int:
    total = 0
    for name, numbers in scale_sim_lines(text):
        height, width, filter_height, filter_width, channels, filters, stride = numbers
        assert filter_height <= height
        assert filter_width <= width
        rows = math.ceil((height - filter_height + stride) / stride)
        columns = math.ceil((width - filter_width + stride) / stride)
        layers = channels if "DP" in name else 1
        taps = filter_height * filter_width * (1 if "DP" in name else channels)
        total += layers * rows * columns * taps * filters
    return total


def gemm_mult_adds(text: str) -> int:
    return sum(math.prod(numbers) for _, numbers in scale_sim_lines(text))


def zigzag_mult_adds(text: str) -> int:
    """The loops of all layers, which are checked against the rules of the format."""
    layers: list[dict[str, Any]] = yaml.safe_load(text)
    for number, layer in enumerate(layers):
        assert layer["id"] == number
        assert layer["operator_type"] in ("Conv", "Gemm")
        assert _EQUATION.match(layer["equation"])
        assert set(layer["operand_precision"]) == {"W", "I", "O", "O_final"}
        assert all(0 <= source <= number for source in layer["operand_source"].values())
        loops = dict(zip(layer["loop_dims"], layer["loop_sizes"], strict=True))
        relations = {match[1].upper(): match for text in layer["dimension_relations"]
                     if (match := _RELATION.match(text))}  # fmt: skip
        assert len(relations) == len(layer["dimension_relations"])
        known = {*loops, *relations}
        assert {name.upper() for name in re.findall(r"\[(\w+)\]", layer["equation"])} <= known
        for axis, size, (before, after) in zip(
            layer.get("pr_loop_dims", ()), layer.get("pr_loop_sizes", ()),
            layer.get("padding", ()), strict=True,
        ):  # fmt: skip
            match = relations[axis]
            reach = (
                (loops[match[3].upper()] - 1) * int(match[2])
                + (loops[match[5].upper()] - 1) * int(match[4])
                + 1
            )
            assert before >= 0 <= after
            assert size + before + after == reach
    return sum(math.prod(layer["loop_sizes"]) for layer in layers)
