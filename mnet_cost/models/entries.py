"""Lists of entries: from nodes to `Entry`, with names, modifiers, references and calls checked.

The text is checked without values, in every block, called or not. `elaborate` checks what depends
on values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from mnet_cost.errors import did_you_mean
from mnet_cost.layers import KINDS
from mnet_cost.layers.fields import Whole
from mnet_cost.models.calls import CallCompiler, Callee, known_fields, weights_problem
from mnet_cost.models.naming import EntryNames, last_name, name_problem
from mnet_cost.models.precisions import compile_precision
from mnet_cost.models.references import compile_reference
from mnet_cost.models.types import (
    MAX_COPIES,
    MODIFIERS,
    RESERVED,
    BlockBody,
    Body,
    Entry,
    GroupBody,
    LayerBody,
    Reference,
    UseBody,
    Value,
)
from mnet_cost.models.values import Names, ValueCompiler
from mnet_cost.tensors import DType, RuleViolation, is_number, require
from mnet_cost.yamlfile import Node


class _List(NamedTuple):
    """A list of entries: the names that they may use, and the names that they have."""

    names: Names
    """Extended by each id."""
    arguments: frozenset[str]
    naming: EntryNames
    later: Mapping[Any, Node]
    """Entries with an id, by their id."""


class EntryCompiler:
    """Compiles lists of entries of one file."""

    def __init__(
        self, values: ValueCompiler, callees: Mapping[str, Callee], broken: frozenset[str]
    ) -> None:
        self.values = values
        self.problems = values.problems
        self.calls = CallCompiler(values, callees, broken)

    def entries(
        self,
        node: Node,
        names: Names,
        arguments: frozenset[str],
        inputs: Mapping[str, Node],
    ) -> tuple[Entry, ...]:
        """The entries of a list that `inputs` enter; `names` is extended by the ids it gives."""
        return self._entries(node, names, arguments, EntryNames(inputs, self.problems))

    def _entries(
        self, node: Node, names: Names, arguments: frozenset[str], naming: EntryNames
    ) -> tuple[Entry, ...]:
        if not isinstance(node.value, list):
            self.problems.add("`layers` needs a list of entries", node)
            return ()
        later = {
            item.value["id"].value: item
            for item in node.value
            if isinstance(item.value, dict)
            and "id" in item.value
            and isinstance(item.value["id"].value, str)
        }
        around = _List(names, arguments, naming, later)
        compiled = []
        for item in node.value:
            before = len(self.problems)
            entry = self._entry(item, around)
            if entry is not None and len(self.problems) == before:
                compiled.append(entry)
        return tuple(compiled)

    def _entry(self, node: Node, around: _List) -> Entry | None:
        raw = node.value
        names = around.names
        if isinstance(raw, str):
            name = around.naming.name(raw, None, node)
            plain = self.calls.body(raw, node, None, names, around.arguments)
            reads = self._sources(plain, None, None, node, around, None)
            return Entry(name, node, plain, reads, None, None) if plain else None
        kind = self._kind(node, names)
        if kind is None:
            return None
        kind_node, fields, identity = node.keys[kind], raw[kind], raw.get("id")
        when = self._modifier(raw.get("when"), names, "when")
        repeat = self._modifier(raw.get("repeat"), names, "repeat")
        body: Body | None
        listed = None
        if kind == "layers":
            inline = identity is None and repeat is None
            name = "" if inline else around.naming.name("group", identity, kind_node)
            body = self._group(fields, around, inline)
        elif kind == "use":
            body = self._use(fields, around)
            base = last_name(body.reference.parts) if body else "use"
            name = around.naming.name(base, identity, kind_node, used=True)
        else:
            name = around.naming.name(kind, identity, kind_node)
            listed = fields if isinstance(fields.value, list) else None
            body = self.calls.body(
                kind, kind_node, None if listed else fields, names, around.arguments
            )
        own = None if identity is None else identity.value
        sources = self._sources(body, raw.get("from"), listed, kind_node, around, own)
        weights_of = self._weights_of(raw.get("weights_of"), body, kind_node, around, own)
        precision = self._precision(raw.get("precision"), body, kind_node)
        if own is not None:
            names.tensors.add(own)
        if not body:
            return None
        return Entry(name, node, body, sources, when, repeat, weights_of, precision)

    def _kind(self, node: Node, names: Names) -> str | None:
        """The one key that is not a modifier, or None after a problem with the keys."""
        raw = node.value
        if not isinstance(raw, dict) or not raw:
            self.problems.add("an entry is a kind, or `kind: {fields}`", node)
            return None
        identity = raw.get("id")
        bad = None if identity is None else name_problem(identity, "an id")
        keys = [key for key in raw if key not in MODIFIERS]
        if len(keys) != 1:
            self._not_one_kind(node, keys)
            if identity is not None and bad is None:
                names.tensors.add(identity.value)  # who names it did nothing wrong
            return None
        if bad:
            self.problems.append(bad)
            return None
        (kind,) = keys
        if kind in RESERVED and kind not in ("layers", "use"):
            hint = "give the block an argument, and choose its word" if kind == "choose" else None
            self.problems.add(
                f"`{kind}` is a word of the language, not a kind", node.keys[kind], hint
            )
            return None
        return str(kind)

    def _not_one_kind(self, node: Node, keys: list[str]) -> None:
        if not keys:
            self.problems.add("an entry needs a kind beside its modifiers", node)
            return
        kinds = [key for key in keys if key in KINDS or key in self.calls.callees]
        if len(kinds) != 1:
            self.problems.add(
                f"an entry has one kind, not {len(keys)}: " + ", ".join(f"`{key}`" for key in keys),
                node.keys[keys[1]],
                "start each entry with a dash",
            )
            return
        (kind,) = kinds
        stray = next(key for key in keys if key != kind)
        if kind in KINDS and stray in known_fields(KINDS[kind]):
            self.problems.add(
                f"`{stray}` is a field of `{kind}` and is written beside it",
                node.keys[stray],
                f"indent it, or write `{kind}: {{{stray}: ...}}`",
            )
        else:
            self.problems.add(
                "an entry has one kind and can have `id`, `from`, `when`, `repeat`, `weights_of` "
                f"and `precision`, not `{stray}`",
                node.keys[stray],
                did_you_mean(stray, MODIFIERS),
            )

    def _group(self, node: Node, around: _List, inline: bool) -> GroupBody:
        names = around.names
        entering = {"input", "previous"}
        inner = Names(names.values, names.functions, entering, names.tensors)
        naming = around.naming if inline else EntryNames({}, self.problems)
        entries = self._entries(node, inner, around.arguments, naming)
        if inline:
            names.tensors.own |= inner.tensors.own - entering
        return GroupBody(entries, inline)

    def _use(self, node: Node, around: _List) -> UseBody | None:
        reference = compile_reference(node, around.names, self.values, around.later)
        if reference is None:
            return None
        if reference.parts[0] in ("previous", "input"):
            self.problems.add(f"`use` takes an id, not `{reference}`", node)
            return None
        return UseBody(reference)

    def _weights_of(
        self, node: Node | None, body: Body | None, kind: Node, around: _List, own: str | None
    ) -> Reference | None:
        """The layer whose weights an entry takes, or None after a problem."""
        if node is None:
            return None
        problem: tuple[str, str | None] | None = None
        if isinstance(body, LayerBody):
            problem = weights_problem(body.kind)
        elif isinstance(body, (BlockBody, GroupBody, UseBody)):
            problem = (
                "`weights_of` stands beside a layer, which takes the weights",
                "write it beside a `linear` or `embedding` inside",
            )
        if problem is not None:
            self.problems.add(problem[0], kind, problem[1])
            return None
        head = node.value.partition(".")[0] if isinstance(node.value, str) else ""
        if head and head not in around.names.tensors:
            if head == own:
                self.problems.add("a layer has its own weights: `weights_of` names another", node)
                return None
            if head in around.later:
                self.problems.add(
                    f"`{head}` comes later, at {around.later[head].line_in(node.source)}: weights "
                    "are taken from an earlier layer",
                    node,
                    "write `weights_of` there, with the id of this layer",
                )
                return None
        reference = compile_reference(node, around.names, self.values, around.later)
        if reference is not None and reference.parts[0] in ("previous", "input"):
            self.problems.add(f"`weights_of` takes an id, not `{reference}`", node)
            return None
        return reference

    def _precision(self, node: Node | None, body: Body | None, kind: Node) -> DType | None:
        """The precision that an entry states, or None after a problem."""
        if node is None:
            return None
        if isinstance(body, (BlockBody, GroupBody, UseBody)):
            self.problems.add(
                "`precision` stands beside a layer, whose output and weights have it",
                kind,
                "a layer of `use` has that of the first"
                if isinstance(body, UseBody)
                else "write it beside the layers inside",
            )
            return None
        return compile_precision(node, self.problems)

    def _modifier(self, node: Node | None, names: Names, what: str) -> Value | None:
        if node is None:
            return None
        needs = "a number" if what == "repeat" else "a condition"
        value = self.values.value(
            node,
            names,
            what=what,
            needs=needs,
            lists=(False, False),
            choice_allowed=what == "repeat",
        )
        if value is None:
            return None
        for part in value.choices or (value,):
            if not part.constant:
                continue
            constant = part.evaluate(None)
            if what == "repeat":
                problem = copies_problem(constant)
                if problem:
                    self.problems.add(problem, part.node)
            elif not isinstance(constant, bool):
                self.problems.add("`when` needs a condition, true or false", part.node)
        return value

    def _sources(
        self,
        body: Body | None,
        given: Node | None,
        listed: Node | None,
        node: Node,
        around: _List,
        own: str | None,
    ) -> tuple[Reference, ...] | None:
        """The inputs of an entry: `from`, or the list in place of its fields."""
        if given is not None and listed is not None:
            self.problems.add("the inputs are given twice: in `from` and in the list", listed)
        source = listed or given
        if source is None:
            if isinstance(body, LayerBody) and body.kind.arity[1] == 0:
                return ()
            self.calls.check_arity(body, 1, node)
            return None
        items = source.value if isinstance(source.value, list) else [source]
        if not items:
            self.problems.add("a list of inputs holds at least one", source)
            return None
        compiled = [
            compile_reference(item, around.names, self.values, around.later, own, several=True)
            for item in items
        ]
        references = tuple(reference for reference in compiled if reference is not None)
        if len(references) < len(compiled):
            return None
        if not any(
            reference.is_several for reference in references
        ):  # else the walk knows how many
            self.calls.check_arity(body, len(references), node)
        return references


def copies_problem(count: Any) -> str | None:
    """The message where `count` cannot be a number of copies; else None."""
    if is_number(count) and not 0 <= count <= MAX_COPIES:
        return f"`repeat` must be from 0 to {MAX_COPIES}, not {count}"
    try:
        Whole(0).convert(count, require)
    except RuleViolation as reason:
        return f"`repeat` {reason}"
    return None
