"""Inputs of a network: name, sizes, and where stated a dtype and a layout.

Sizes leave out the batch and may be expressions over knobs. Not here: the inputs of blocks, and
the values of sizes, which `elaborate` works out.
"""

from __future__ import annotations

from typing import cast

from mnet_cost.errors import one_of
from mnet_cost.models.naming import name_problem
from mnet_cost.models.problems import all_of, key_hint, shown
from mnet_cost.models.sections import Sections
from mnet_cost.models.types import InputSpec
from mnet_cost.models.values import Names, ValueCompiler
from mnet_cost.tensors import DTYPES, LAYOUTS, SIZE_NAMES, Layout
from mnet_cost.yamlfile import Node

_PARTS = ("shape", "dtype", "layout")


def compile_inputs(
    sections: Sections, names: Names, values: ValueCompiler
) -> tuple[InputSpec, ...]:
    """The inputs of the network, without those that have a problem."""
    problems = values.problems
    inputs = []
    before = len(problems)
    section = sections.mapping("input", "NAME: [channels, height, width]")
    for name, node in section.items():
        bad = name_problem(sections.keys("input")[name], "an input's name")
        if bad:
            problems.append(bad)
            continue
        shape: Node | None = node
        dtype: str | None = None
        layout: Layout | None = None
        problems_before = len(problems)
        if isinstance(node.value, dict):
            shape, dtype, layout = _parts(node, values)
        if shape is None and len(problems) > problems_before:
            continue  # `shape` is misspelt
        if shape is None or not isinstance(shape.value, list) or not shape.value:
            problems.add(
                f"the input `{name}` needs its sizes without the batch",
                node,
                f"write `{name}: [3, 224, 224]`, or {{shape: [...], dtype: int8}}",
            )
            continue
        sizes = [values.value(size, names, what=name, choice_allowed=False) for size in shape.value]
        complete = tuple(size for size in sizes if size is not None)
        if len(complete) == len(sizes):
            inputs.append(InputSpec(name, complete, dtype, layout, node))
    node_or_none = sections.get("input")
    if not section and node_or_none is not None and len(problems) == before:
        problems.add("a network needs at least one input", node_or_none)
    return tuple(inputs)


def input_names(sections: Sections) -> set[str]:
    """The names of the inputs, also of those with a problem, and `input` where there is one."""
    names = set(sections.keys("input"))
    return names | {"input"} if len(names) == 1 else names


def _parts(node: Node, values: ValueCompiler) -> tuple[Node | None, str | None, Layout | None]:
    """Shape, dtype and layout of an input that is written with the names of its parts."""
    for field, key in node.keys.items():
        if field not in _PARTS:
            hint = key_hint(field, _PARTS, f"an input has {all_of(_PARTS)}")
            values.problems.add(f"an input has no `{field}`", key, hint)
    shape, dtype = node.value.get("shape"), _word(node, "dtype", tuple(DTYPES), values)
    layout = _word(node, "layout", LAYOUTS, values)
    axes = len(shape.value) if shape is not None and isinstance(shape.value, list) else 3
    if layout is not None and axes < len(SIZE_NAMES[layout]):
        message = f"a layout `{layout}` has the axes [{', '.join(SIZE_NAMES[layout])}]"
        values.problems.add(message, node.value["layout"])
    return shape, dtype, cast("Layout | None", layout)


def _word(node: Node, part: str, words: tuple[str, ...], values: ValueCompiler) -> str | None:
    """The word that a part of an input has; None without one, or after a problem."""
    word = node.value.get(part)
    if word is None:
        return None
    if not isinstance(word.value, str) or word.value not in words:
        hint = f"write {one_of(words)}"
        values.problems.add(f"there is no {part} {shown(word)}", word, hint)
        return None
    return word.value
