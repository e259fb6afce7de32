"""Blocks: how each one is called, what is in it, and names that stand for other blocks or kinds.

The inputs and arguments of all blocks are read before any list of entries, since a block may use
a later one. A block may use itself where a condition can end it. Not here: calls of blocks, which
are in entries, and whether a recursion does end, which `elaborate` finds.
"""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from mnet_cost.errors import did_you_mean
from mnet_cost.layers import KINDS, Layer
from mnet_cost.models.calls import Callee, Signature
from mnet_cost.models.entries import EntryCompiler
from mnet_cost.models.naming import name_problem
from mnet_cost.models.problems import Problems, all_of, key_hint, shown
from mnet_cost.models.sections import Sections
from mnet_cost.models.types import (
    MAX_BLOCK_DEPTH,
    Block,
    BlockBody,
    Entry,
    GroupBody,
    Value,
)
from mnet_cost.models.values import Names, ValueCompiler
from mnet_cost.yamlfile import Node

MAX_ALIASES = 32
"""Most names that lead from a name to a block or kind."""

_BLOCK_FIELDS = ("input", "arguments", "recursion", "layers")


class Callees(NamedTuple):
    """What a file can call besides the layer kinds."""

    nodes: Mapping[str, Node]
    """The section `blocks`."""
    known: dict[str, Callee]
    aliases: frozenset[str]
    """Names that stand for another block or for a kind."""
    broken: frozenset[str]
    """Names of blocks that are not known, because they have a problem of their own."""


def read_callees(sections: Sections, used: set[str]) -> Callees:
    """The signature of each block and alias of a file; adds the targets of aliases to `used`."""
    problems = sections.problems
    section = sections.mapping("blocks", "NAME: {arguments: ..., layers: [...]}")
    keys = sections.keys("blocks")
    aliases: dict[str, Node] = {}
    known: dict[str, Callee] = {}
    for name, node in section.items():
        bad = name_problem(keys[name], "a block's name")
        if bad:
            problems.append(bad)
        elif isinstance(node.value, str):
            aliases[name] = node
        else:
            signature = _signature(keys[name], node, problems)
            if signature:
                known[name] = signature
    for name, node in aliases.items():
        target = _alias_target(name, aliases, section, known, problems)
        if target is not None:
            known[name] = target
        used.add(str(node.value))
    broken = frozenset(section.keys() - known.keys())
    return Callees(section, known, frozenset(aliases), broken)


def compile_blocks(
    callees: Callees,
    names: Names,
    values: ValueCompiler,
    entries: EntryCompiler,
) -> dict[str, Block | type[Layer]]:
    """The block or kind that each name of the section `blocks` stands for."""
    blocks: dict[str, Block | type[Layer]] = {}
    for name, callee in callees.known.items():
        if not isinstance(callee, Signature):
            blocks[name] = callee
        elif name not in callees.aliases:
            blocks[name] = _block(callee, callees.nodes[name], names, values, entries)
    for name, callee in callees.known.items():
        if name in callees.aliases and isinstance(callee, Signature):
            blocks[name] = blocks[callee.name]
    return blocks


def refuse_recursion(sections: Sections, blocks: Mapping[str, Block | type[Layer]]) -> None:
    """Add a problem where a block uses itself, directly or through others, whatever values are.

    A call that has a `when` or a `repeat` may be left out, which ends the recursion.
    """
    calls = {
        name: _blocks_always_called(block.entries)
        for name, block in blocks.items()
        if isinstance(block, Block)
    }
    try:
        TopologicalSorter({name: called & calls.keys() for name, called in calls.items()}).prepare()
    except CycleError as error:
        cycle = error.args[1]
        node = sections.keys("blocks")[cycle[0]]
        hint = "give an entry that goes around a `when`, which ends it"
        if len(cycle) == 2:
            sections.problems.add(f"the block `{cycle[0]}` uses itself without end", node, hint)
        else:
            path = ", which is used by ".join(f"`{name}`" for name in cycle)
            message = f"blocks use each other in a circle without end: {path}"
            sections.problems.add(message, node, hint)


def check_added_aliases(patched: Node, root: Node, problems: Problems) -> None:
    """Add the problems of the aliases that a variant adds to `root`."""
    blocks = patched.value.get("blocks")
    if blocks is None or not isinstance(blocks.value, dict):
        return
    base = root.value.get("blocks")
    known = base.value if base is not None and isinstance(base.value, dict) else {}
    for name, node in blocks.value.items():
        is_alias = isinstance(node.value, str)
        if is_alias and known.get(name) is not node and not _is_known(node, blocks.value):
            _unknown_target(node, blocks.value, problems)


def _alias_target(
    name: str,
    aliases: Mapping[str, Node],
    section: Mapping[str, Node],
    known: Mapping[str, Callee],
    problems: Problems,
) -> Callee | None:
    node, seen = aliases[name], {name}
    while node.value in aliases:
        if node.value in seen:
            problems.add(f"`{name}` stands for itself", aliases[name])
            return None
        if len(seen) == MAX_ALIASES:
            problems.add(f"`{name}` leads through more than {MAX_ALIASES} names", aliases[name])
            return None
        seen.add(node.value)
        node = aliases[node.value]
    if not _is_known(node, section):
        _unknown_target(node, section, problems)
    return known.get(node.value, KINDS.get(node.value))


def _is_known(alias: Node, blocks: Mapping[str, Node]) -> bool:
    return alias.value in blocks or alias.value in KINDS


def _unknown_target(alias: Node, blocks: Mapping[str, Node], problems: Problems) -> None:
    from mnet_cost.layers.other_names import OTHER_KINDS

    hint = did_you_mean(alias.value, [*blocks, *KINDS], OTHER_KINDS)
    problems.add(f"there is no layer kind or block `{alias.value}`", alias, hint)


def _signature(key: Node, node: Node, problems: Problems) -> Signature | None:
    name = str(key.value)
    if not isinstance(node.value, dict):
        problems.add(f"the block `{name}` is a mapping with `layers`", node)
        return None
    for field, field_key in node.keys.items():
        if field not in _BLOCK_FIELDS:
            hint = key_hint(field, _BLOCK_FIELDS, f"a block has {all_of(_BLOCK_FIELDS)}")
            problems.add(f"a block has no `{field}`", field_key, hint)
    if "layers" not in node.value:
        problems.add(f"the block `{name}` needs `layers`", key)
        return None
    inputs = _input_names(node.value.get("input"), problems)
    arguments = node.value.get("arguments")
    required: dict[str, bool] = {}
    if arguments is not None and arguments.value is not None:
        if not isinstance(arguments.value, dict):
            problems.add("`arguments` is a mapping: {NAME: VALUE or required}", arguments)
            return None
        for argument, value in arguments.value.items():
            bad = name_problem(arguments.keys[argument], "an argument's name")
            if bad:
                problems.append(bad)
            else:
                required[argument] = value.value == "required"
    return Signature(name, inputs, required, _recursion(node.value.get("recursion"), problems))


def _recursion(node: Node | None, problems: Problems) -> int | None:
    """The bound that a block gives itself; it is a literal, so that no knob can lift it."""
    if node is None:
        return None
    bound = node.value
    if isinstance(bound, int) and not isinstance(bound, bool) and 1 <= bound <= MAX_BLOCK_DEPTH:
        return bound
    problems.add(
        f"`recursion` needs a whole number from 1 to {MAX_BLOCK_DEPTH}, not {shown(node)}",
        node,
        "leave out the quotes"
        if node.quoted
        else "it is the most calls of the block inside one another",
    )
    return MAX_BLOCK_DEPTH  # so that nothing else is said of it


def _input_names(listed: Node | None, problems: Problems) -> tuple[str, ...]:
    if listed is None:
        return ()
    if not isinstance(listed.value, list) or len(listed.value) < 2:
        problems.add("`input` of a block lists the names of two or more inputs", listed)
        return ()
    bad = [problem for item in listed.value if (problem := name_problem(item, "an input's name"))]
    problems += bad
    names = tuple(str(item.value) for item in listed.value)
    for i, item in enumerate(listed.value):
        if not bad and names[i] in names[:i]:
            problems.add(f"there are two inputs `{names[i]}`", item)
    return names


def _block(
    signature: Signature,
    node: Node,
    names: Names,
    values: ValueCompiler,
    entries: EntryCompiler,
) -> Block:
    tensors = set(signature.inputs) or {"input"}
    defaults: dict[str, Value | None] = {}
    known = set(names.values)
    for name, required in signature.arguments.items():
        default = None
        if not required:
            default = values.value(
                node.value["arguments"].value[name],
                Names(known, names.functions, tensors),
                word_allowed=True,
                what=name,
            )
        defaults[name] = default
        known.add(name)
    inner = Names(known, names.functions, tensors | {"previous"})
    compiled = entries.entries(
        node.value["layers"],
        inner,
        frozenset(defaults),
        inputs=dict.fromkeys(signature.inputs, node),
    )
    return Block(signature.name, signature.inputs, defaults, compiled, node, signature.recursion)


def _blocks_always_called(entries: tuple[Entry, ...]) -> set[str]:
    blocks: set[str] = set()
    for entry in entries:
        if entry.when is not None or entry.repeat is not None:
            continue
        if isinstance(entry.body, BlockBody):
            blocks.add(entry.body.block)
        elif isinstance(entry.body, GroupBody):
            blocks |= _blocks_always_called(entry.body.entries)
    return blocks
