"""Lists of entries: from nodes to `Entry`, with names, references and fields checked.

Static checking over the text alone: unknown kinds, fields, arguments, names and references are
found in every block, called or not. What depends on values waits for `elaborate`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from mnet_cost.errors import Problem, did_you_mean, one_of
from mnet_cost.layers import KINDS, Layer
from mnet_cost.layers.fields import LayerField, Whole, Word, fields_of
from mnet_cost.models.types import (
    MAX_COPIES,
    RESERVED,
    ArgumentBody,
    BlockBody,
    Body,
    Entry,
    GroupBody,
    LayerBody,
    Reference,
    UseBody,
    Value,
)
from mnet_cost.models.values import Names, ValueCompiler, wanted
from mnet_cost.tensors import RuleViolation, is_number, require
from mnet_cost.yamlfile import Node

OPERATORS = frozenset(("and", "or", "not", "if", "else", "true", "false"))

MODIFIERS = frozenset(("id", "from", "when", "repeat"))

_NAME = re.compile(r"[A-Za-z_]\w*\Z", re.ASCII)
_NOT_IN_NAMES = re.compile(r"\W", re.ASCII)
_REFERENCE = re.compile(r"[A-Za-z_]\w*(\.\w+)*\Z", re.ASCII)


class Signature(NamedTuple):
    """How a block is called."""

    name: str
    inputs: tuple[str, ...]
    arguments: Mapping[str, bool]
    """Whether each argument is required."""


Callee = Signature | type[Layer]

_FIELDS: dict[type[Layer], Mapping[str, LayerField]] = {}


def known_fields(kind: type[Layer]) -> Mapping[str, LayerField]:
    """`fields_of`, remembered: a class never changes."""
    if kind not in _FIELDS:
        _FIELDS[kind] = fields_of(kind)
    return _FIELDS[kind]


def all_of(names: Sequence[str]) -> str:
    """`a`, `b` and `c`."""
    return one_of(names).replace(" or ", " and ")


def key_hint(key: str, known: Iterable[str], otherwise: str | None) -> str | None:
    """A way out for a key that is not known."""
    if ":" in key:
        return "a space is missing after the colon"
    return did_you_mean(key, known) or otherwise


def meant_by(key: str, known: Iterable[str]) -> str | None:
    """The known key that `key` is a misspelling of, if there is one."""
    hint = did_you_mean(key, known)
    return hint.split("`")[1] if hint else None


def name_problem(node: Node, what: str) -> Problem | None:
    """The problem with a name that the user chose, if there is one."""
    name = node.value
    if not isinstance(name, str) or not _NAME.match(name):
        hint = None
        if isinstance(name, str) and ":" in name:
            hint = "a space is missing after the colon"
        elif isinstance(name, str) and name.isascii() and _NAME.match(_NOT_IN_NAMES.sub("_", name)):
            hint = f"as in `{_NOT_IN_NAMES.sub('_', name)}`"
        return Problem(
            f"{what} is a letter or `_`, then letters, digits and `_`", node.span(), hint
        )
    if name in RESERVED or name in OPERATORS:
        return Problem(f"`{name}` is a word of the language: choose another name", node.span())
    return None


class _List:
    """The names given so far in one list, inline groups included."""

    def __init__(self, inputs: Mapping[str, Node]) -> None:
        self.counts: dict[str, int] = {}
        self.taken: dict[str, Node] = {}
        self.inputs = inputs
        self.automatic: set[str] = set()


class EntryCompiler:
    """Compiles lists of entries of one file."""

    def __init__(
        self,
        values: ValueCompiler,
        callees: Mapping[str, Callee],
        problems: list[Problem],
        broken: frozenset[str] = frozenset(),
    ) -> None:
        self.values = values
        self.callees = callees
        self.broken = broken  # blocks whose own problem is known
        self.problems = problems
        self.inputs: Mapping[str, Node] = {}
        """Names of what enters the next list, which its entries cannot have."""

    def entries(
        self,
        node: Node,
        names: Names,
        arguments: frozenset[str],
        listed: _List | None = None,
    ) -> tuple[Entry, ...]:
        """The entries of a list; `names` is extended by the ids it gives."""
        if not isinstance(node.value, list):
            self.problem("`layers` needs a list of entries", node)
            return ()
        if listed is None:
            listed = _List(self.inputs)
            self.inputs = {}
        later = {
            item.value["id"].value: item
            for item in node.value
            if isinstance(item.value, dict)
            and "id" in item.value
            and isinstance(item.value["id"].value, str)
        }
        compiled = []
        for item in node.value:
            before = len(self.problems)
            entry = self._entry(item, names, arguments, listed, later)
            if entry is not None and len(self.problems) == before:
                compiled.append(entry)
        return tuple(compiled)

    def problem(self, message: str, node: Node, hint: str | None = None) -> None:
        self.problems.append(Problem(message, node.span(), hint))

    def _entry(
        self,
        node: Node,
        names: Names,
        arguments: frozenset[str],
        listed: _List,
        later: Mapping[Any, Node],
    ) -> Entry | None:
        raw = node.value
        if isinstance(raw, str):
            name = self._name(raw, None, node, listed)
            plain = self._called(raw, node, None, names, arguments)
            sources = self._sources(plain, None, None, node, names, later)
            return Entry(name, node, plain, sources, None, None) if plain else None
        if not isinstance(raw, dict) or not raw:
            self.problem("an entry is a kind, or `kind: {fields}`", node)
            return None
        keys = [key for key in raw if key not in MODIFIERS]
        if len(keys) != 1:
            self._not_one_body(node, keys)
            if "id" in raw and name_problem(raw["id"], "") is None:
                names.tensors.add(raw["id"].value)  # who names it did nothing wrong
            return None
        (kind,) = keys
        kind_node, fields = node.keys[kind], raw[kind]
        identity = raw.get("id")
        if identity is not None:
            bad = name_problem(identity, "an id")
            if bad:
                self.problems.append(bad)
                return None
        if kind in RESERVED and kind not in ("layers", "use"):
            hint = "give the block an argument, and choose its word" if kind == "choose" else None
            self.problem(f"`{kind}` is a word of the language, not a kind", kind_node, hint)
            return None
        body: Body | None
        when = self._modifier(raw.get("when"), names, "when")
        repeat = self._modifier(raw.get("repeat"), names, "repeat")
        if kind == "layers":
            inline = identity is None and repeat is None
            inner = Names(names.values, names.functions, names.tensors | {"input", "previous"})
            name = "" if inline else self._name("group", identity, kind_node, listed)
            entries = self.entries(fields, inner, arguments, listed if inline else None)
            if inline:
                names.tensors |= inner.tensors - {"input", "previous"}
            body = GroupBody(entries, inline)
            listed_from = None
        elif kind == "use":
            reference = self.reference(fields, names, later)
            if reference and reference.parts[0] in ("previous", "input"):
                self.problem(f"`use` takes an id, not `{reference}`", fields)
                reference = None
            base = (
                next((p for p in reversed(reference.parts) if not p.isdigit()), "use")
                if reference
                else "use"
            )
            name = self._name(base, identity, kind_node, listed, used=True)
            body = UseBody(reference) if reference else None
            listed_from = None
        else:
            name = self._name(kind, identity, kind_node, listed)
            listed_from = fields if isinstance(fields.value, list) else None
            body = self._called(kind, kind_node, None if listed_from else fields, names, arguments)
        own = None if identity is None else identity.value
        sources = self._sources(body, raw.get("from"), listed_from, kind_node, names, later, own)
        if identity is not None:
            names.tensors.add(identity.value)
        return Entry(name, node, body, sources, when, repeat) if body else None

    def _not_one_body(self, node: Node, keys: list[str]) -> None:
        if not keys:
            self.problem("an entry needs a kind beside its modifiers", node)
            return
        kinds = [key for key in keys if key in KINDS or key in self.callees]
        if len(kinds) == 1 and kinds[0] in KINDS:
            stray = next(key for key in keys if key != kinds[0])
            if stray in known_fields(KINDS[kinds[0]]):
                self.problem(
                    f"`{stray}` stands beside `{kinds[0]}`, whose field it is",
                    node.keys[stray],
                    f"indent it, or write `{kinds[0]}: {{{stray}: ...}}`",
                )
                return
        if len(kinds) == 1:
            stray = next(key for key in keys if key != kinds[0])
            self.problem(
                f"an entry has one kind and `id`, `from`, `when`, `repeat`: what is `{stray}`?",
                node.keys[stray],
                did_you_mean(stray, MODIFIERS),
            )
            return
        self.problem(
            f"an entry has one kind, not {len(keys)}: " + ", ".join(f"`{key}`" for key in keys),
            node.keys[keys[1]],
            "start each entry with a dash",
        )

    def _name(
        self, base: str, identity: Node | None, node: Node, listed: _List, used: bool = False
    ) -> str:
        if identity is not None:
            name = str(identity.value)
            if name in listed.automatic:
                self.problem(
                    f"the id `{name}` is the name that an entry without id has, "
                    f"at line {listed.taken[name].line}",
                    identity,
                )
            elif name in listed.taken:
                self.problem(
                    f"the id `{name}` is taken at line {listed.taken[name].line}", identity
                )
            elif name in listed.inputs:
                line = listed.inputs[name].line
                self.problem(f"the id `{name}` is the name of an input, at line {line}", identity)
            listed.taken.setdefault(name, identity)
            return name
        count = listed.counts.get(base, 0) + 1
        if used and base in listed.taken and base not in listed.automatic:
            count = max(count, 2)  # after the id that it uses once more
        listed.counts[base] = count
        name = base if count == 1 else f"{base}_{count}"
        if name in listed.automatic:
            self.problem(
                f"this entry is called `{name}`, like the one at line {listed.taken[name].line}",
                node,
                "give one of them an `id`",
            )
        elif name in listed.inputs:
            self.problem(
                f"this entry is called `{name}`, like the input at line {listed.inputs[name].line}",
                node,
                "give it an `id`",
            )
        elif name in listed.taken:
            self.problem(
                f"the id `{name}` is the name that the entry at line {node.line} has without id",
                listed.taken[name],
            )
        listed.taken[name] = node
        listed.automatic.add(name)
        return name

    def _modifier(self, node: Node | None, names: Names, what: str) -> Value | None:
        if node is None:
            return None
        needs = "a number" if what == "repeat" else "a condition"
        value = self.values.value(
            node, names, what=what, needs=needs, choice_allowed=what == "repeat"
        )
        if value is not None and value.choices:
            for choice in value.choices:
                problem = copies_problem(choice.evaluate(None)) if choice.constant else None
                if problem:
                    self.problem(problem, choice.node)
        if value is None or not value.constant:
            return value
        constant = value.evaluate(None)
        if what == "when" and not isinstance(constant, bool):
            self.problem("`when` needs a condition, true or false", node)
        if what == "repeat":
            problem = copies_problem(constant)
            if problem:
                self.problem(problem, node)
        return value

    def _called(
        self,
        kind: str,
        node: Node,
        fields: Node | None,
        names: Names,
        arguments: frozenset[str],
    ) -> Body | None:
        """The body `kind: fields`."""
        self.values.used.add(kind)
        given: Mapping[str, Node] = {}
        keys: Mapping[str, Node] = {}
        if fields is not None and fields.value is not None:
            if not isinstance(fields.value, dict):
                self.problem(
                    f"the fields of `{kind}` are written {{name: value}}",
                    fields,
                    self._field_example(kind, fields),
                )
                return None
            given, keys = fields.value, fields.keys
        if kind in arguments:
            compiled = {}
            for name, value_node in given.items():
                value = self.values.value(value_node, names, word_allowed=True, what=name)
                if value is not None:
                    compiled[name] = value
            return ArgumentBody(kind, compiled, fields)
        callee = self.callees.get(kind, KINDS.get(kind))
        if callee is None:
            hint = key_hint(kind, [*self.callees, *KINDS, *arguments], None)
            if kind in self.broken:
                return None  # its own problem says more
            self.problem(f"there is no layer kind or block `{kind}`", node, hint)
            return None
        if isinstance(callee, Signature):
            return self._block_call(callee, kind, node, given, keys, names)
        return self._layer(callee, kind, node, given, keys, names)

    def _field_example(self, kind: str, fields: Node) -> str | None:
        callee = self.callees.get(kind, KINDS.get(kind))
        if callee is None:
            return None
        known = callee.arguments if isinstance(callee, Signature) else known_fields(callee)
        if not known:
            return f"`{kind}` has no fields: write `- {kind}`"
        return f"write `{kind}: {{{next(iter(known))}: ...}}`"

    def _block_call(
        self,
        callee: Signature,
        kind: str,
        node: Node,
        given: Mapping[str, Node],
        keys: Mapping[str, Node],
        names: Names,
    ) -> BlockBody:
        compiled = {}
        for name, value_node in given.items():
            if name not in callee.arguments:
                self._unknown_key("argument", kind, keys[name], callee.arguments)
                continue
            value = self.values.value(value_node, names, word_allowed=True, what=name)
            if value is not None:
                compiled[name] = value
        self._missing(kind, node, [n for n, needed in callee.arguments.items() if needed], given)
        return BlockBody(callee.name, compiled)

    def _layer(
        self,
        layer: type[Layer],
        kind: str,
        node: Node,
        given: Mapping[str, Node],
        keys: Mapping[str, Node],
        names: Names,
    ) -> LayerBody:
        fields = known_fields(layer)
        compiled = []
        constants: dict[str, Any] | None = {}
        for name, value_node in given.items():
            field = fields.get(name)
            if field is None:
                self._unknown_key("field", kind, keys[name], fields)
                continue
            free = isinstance(field.kind, Word) and not field.kind.words
            value = self.values.value(
                value_node,
                names,
                words=field.kind.words,
                word_allowed=free,
                what=name,
                needs=wanted(field.kind),
            )
            if value is None:
                constants = None
                continue
            compiled.append((name, field.kind, value))
            if not value.constant:
                constants = None
            for part in value.choices or (value,):
                if not part.constant:
                    continue
                try:
                    converted = field.kind.convert(part.evaluate(None), require)
                except RuleViolation as reason:
                    self.problem(f"`{name}` {reason}", part.node)
                    constants = None
                    continue
                if constants is not None:
                    constants[name] = converted
        complete = self._missing(
            kind, node, [field.name for field in fields.values() if field.required], given
        )
        built = layer(**constants) if constants is not None and complete else None
        return LayerBody(layer, tuple(compiled), built)

    def _unknown_key(self, what: str, kind: str, key: Node, known: Mapping[str, Any]) -> None:
        hint = key_hint(str(key.value), known, None)
        if key.value in MODIFIERS:
            hint = f"`{key.value}` belongs beside `{kind}`, not inside it"
        elif hint is None:
            hint = f"`{kind}` has " + (", ".join(f"`{name}`" for name in known) or f"no {what}s")
        self.problem(f"{self._called_as(kind)} has no {what} `{key.value}`", key, hint)

    def _missing(
        self, kind: str, node: Node, required: list[str], given: Mapping[str, Node]
    ) -> bool:
        missing = [name for name in required if name not in given]
        meant = {key.partition(":")[0].strip() for key in given} | {
            meant_by(key, missing) for key in given
        }
        said = [name for name in missing if name not in meant]  # the others are misspelt
        if said:
            example = ", ".join(f"{name}: ..." for name in said)
            hint = f"add `{example}`" if given else f"write `{kind}: {{{example}}}`"
            self.problem(f"{self._called_as(kind)} needs {all_of(said)}", node, hint)
        return not missing

    def _called_as(self, kind: str) -> str:
        """A kind or block as a message names it, with what it stands for."""
        callee = self.callees.get(kind)
        if callee is None:
            return f"`{kind}`"
        name = callee.name if isinstance(callee, Signature) else callee.kind
        return f"`{kind}`" if name == kind else f"`{kind}` (here `{name}`)"

    def _sources(
        self,
        body: Body | None,
        given: Node | None,
        listed: Node | None,
        node: Node,
        names: Names,
        later: Mapping[Any, Node],
        own: str | None = None,
    ) -> tuple[Reference, ...] | None:
        if given is not None and listed is not None:
            self.problem("the inputs are given twice: in `from` and in the list", listed)
        source = listed or given
        references: tuple[Reference, ...] | None = None
        if source is not None:
            items = source.value if isinstance(source.value, list) else [source]
            if not items:
                self.problem("a list of inputs holds at least one", source)
                return None
            found = [self.reference(item, names, later, own) for item in items]
            if any(reference is None for reference in found):
                return None
            references = tuple(reference for reference in found if reference is not None)
        self._check_arity(body, references, node)
        return references

    def _check_arity(
        self, body: Body | None, references: tuple[Reference, ...] | None, node: Node
    ) -> None:
        count = 1 if references is None else len(references)
        if isinstance(body, LayerBody):
            problem = arity_problem(body.kind, count)
            if problem:
                self.problem(*problem[:1], node, problem[1])
        elif isinstance(body, BlockBody):
            callee = self.callees[body.block]
            wanted = len(callee.inputs) if isinstance(callee, Signature) and callee.inputs else 1
            if count != wanted:
                self.problem(f"`{body.block}` has {wanted} inputs, not {count}", node)
        elif isinstance(body, GroupBody) and count != 1:
            self.problem(f"`layers` has one input, not {count}", node)

    def reference(
        self,
        node: Node,
        names: Names,
        later: Mapping[Any, Node] = MappingProxyType({}),
        own: str | None = None,
    ) -> Reference | None:
        """The tensor that `node` names, or None after a problem."""
        text = node.value
        if not isinstance(text, str) or not _REFERENCE.match(text):
            self.problem("an input is named by `previous`, `input` or an id", node)
            return None
        parts = tuple(text.split("."))
        head = parts[0]
        self.values.used.add(head)
        if len(parts) > 1 and head in ("previous", "input"):
            self.problem(f"`{head}` has no parts: a path starts with an id", node)
            return None
        if head in names.tensors:
            return Reference(parts, node)
        if head == own:
            self.problem("an entry cannot be its own input", node)
        elif head in later:
            self.problem(
                f"`{head}` comes later, at line {later[head].line}: "
                "an input that points forward would make a cycle",
                node,
            )
        elif head == "input":
            inputs = sorted(names.tensors - {"previous"})
            self.problem(
                "`input` is not one tensor here: there are several inputs",
                node,
                "name one of " + ", ".join(inputs) if inputs else None,
            )
        else:
            hint = did_you_mean(head, names.tensors)
            if hint is None:
                hint = "an input is `previous`, `input` or the id of an earlier entry"
            self.problem(f"there is no `{head}` before this", node, hint)
        return None


def arity_problem(kind: type[Layer], count: int) -> tuple[str, str | None] | None:
    """Message and hint when a layer kind does not take `count` inputs."""
    least, most = kind.arity
    if count < least:
        inputs = "input" if least == 1 else "inputs"
        example = f"list them: `{kind.kind}: [input, previous]`" if least == 2 else None
        return f"`{kind.kind}` needs at least {least} {inputs}, not {count}", example
    if most is not None and count > most:
        inputs = "input" if most == 1 else "inputs"
        hint = "join them with `concat` or `add` first" if most == 1 else None
        return f"`{kind.kind}` takes {most} {inputs}, not {count}", hint
    return None


def copies_problem(count: Any) -> str | None:
    """What is wrong with `count` as a number of copies."""
    if is_number(count) and not 0 <= count <= MAX_COPIES:
        return f"`repeat` must be from 0 to {MAX_COPIES}, not {count}"
    try:
        Whole(0).convert(count, require)
    except RuleViolation as reason:
        return f"`repeat` {reason}"
    return None
