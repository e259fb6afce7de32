"""Inputs: what enters a network, by name, with sizes and where given a dtype.

Sizes leave out the batch and may be expressions over knobs. Not here: the inputs of blocks, and
the values of sizes, which `elaborate` finds.
"""

from __future__ import annotations

from mnet_cost.errors import one_of
from mnet_cost.models.naming import name_problem
from mnet_cost.models.problems import key_hint, shown
from mnet_cost.models.sections import Sections
from mnet_cost.models.types import InputSpec
from mnet_cost.models.values import Names, ValueCompiler
from mnet_cost.tensors import DTYPES
from mnet_cost.yamlfile import Node


def compile_inputs(
    sections: Sections, names: Names, values: ValueCompiler
) -> tuple[InputSpec, ...]:
    """The inputs of the network, those with a problem left out."""
    problems = values.problems
    found = []
    before = len(problems)
    section = sections.mapping("input", "NAME: [channels, height, width]")
    for name, node in section.items():
        bad = name_problem(sections.keys("input")[name], "an input's name")
        if bad:
            problems.append(bad)
            continue
        shape: Node | None = node
        dtype: str | None = None
        found_before = len(problems)
        if isinstance(node.value, dict):
            shape, dtype = _shape_and_dtype(node, values)
        if shape is None and len(problems) > found_before:
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
            found.append(InputSpec(name, complete, dtype, node))
    node_or_none = sections.get("input")
    if not section and node_or_none is not None and len(problems) == before:
        problems.add("a network needs at least one input", node_or_none)
    return tuple(found)


def input_names(sections: Sections) -> set[str]:
    """The names of the inputs, also of those with a problem, and `input` where there is one."""
    names = set(sections.keys("input"))
    return names | {"input"} if len(names) == 1 else names


def _shape_and_dtype(node: Node, values: ValueCompiler) -> tuple[Node | None, str | None]:
    for field, key in node.keys.items():
        if field not in ("shape", "dtype"):
            hint = key_hint(field, ("shape", "dtype"), "an input has `shape` and `dtype`")
            values.problems.add(f"an input has no `{field}`", key, hint)
    shape, dtype = node.value.get("shape"), node.value.get("dtype")
    if dtype is None:
        return shape, None
    if not isinstance(dtype.value, str) or dtype.value not in DTYPES:
        hint = f"there is {one_of(list(DTYPES))}"
        values.problems.add(f"there is no dtype {shown(dtype)}", dtype, hint)
        return shape, None
    return shape, dtype.value
