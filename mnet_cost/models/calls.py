"""Calls: `KIND: {fields}`, `BLOCK: {arguments}` and `ARGUMENT: {...}`, checked and compiled.

Unknown and missing fields and arguments are found here, and a layer whose fields are all constant
is built. Not here: the modifiers beside a call, and values that `elaborate` works out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from mnet_cost.errors import one_of
from mnet_cost.layers import KINDS, Layer
from mnet_cost.layers.fields import LayerField, Word, fields_of
from mnet_cost.models.problems import all_of, key_hint, meant_by
from mnet_cost.models.types import (
    MODIFIERS,
    ArgumentBody,
    BlockBody,
    Body,
    GroupBody,
    LayerBody,
    Value,
)
from mnet_cost.models.values import Names, ValueCompiler, wanted
from mnet_cost.tensors import RuleViolation, require
from mnet_cost.yamlfile import Node


class Signature(NamedTuple):
    """How a block is called."""

    name: str
    inputs: tuple[str, ...]
    arguments: Mapping[str, bool]
    """Whether each argument is required."""
    recursion: int | None = None
    """As in `Block`."""


Callee = Signature | type[Layer]

_FIELDS: dict[type[Layer], Mapping[str, LayerField]] = {}


def known_fields(kind: type[Layer]) -> Mapping[str, LayerField]:
    """`fields_of`, with the result remembered, since a class never changes."""
    if kind not in _FIELDS:
        _FIELDS[kind] = fields_of(kind)
    return _FIELDS[kind]


def arity_problem(kind: type[Layer], count: int) -> tuple[str, str | None] | None:
    """(message, hint) where a layer kind does not take `count` inputs; else None."""
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


def weights_problem(kind: type[Layer]) -> tuple[str, str] | None:
    """(message, hint) where a layer kind cannot take the weights of another; else None."""
    if kind.takes_weights:
        return None
    takers = one_of([name for name, other in KINDS.items() if other.takes_weights])
    return (
        f"`{kind.kind}` cannot take the weights of another layer",
        f"{takers} can; `use` repeats a layer with its weights",
    )


class _Call(NamedTuple):
    """`kind: {name: value, ...}` as it is written."""

    kind: str
    node: Node
    given: Mapping[str, Node]
    keys: Mapping[str, Node]


class CallCompiler:
    """Compiles the calls of one file."""

    def __init__(
        self, values: ValueCompiler, callees: Mapping[str, Callee], broken: frozenset[str]
    ) -> None:
        self.values = values
        self.problems = values.problems
        self.callees = callees
        self.broken = broken  # blocks whose own problem is known
        self._built: dict[Layer, Layer] = {}

    def body(
        self,
        kind: str,
        node: Node,
        fields: Node | None,
        names: Names,
        arguments: frozenset[str],
    ) -> Body | None:
        """The body `kind: fields`, or None after a problem."""
        self.values.used.add(kind)
        call = _Call(kind, node, {}, {})
        if fields is not None and fields.value is not None:
            if not isinstance(fields.value, dict):
                self.problems.add(
                    f"the fields of `{kind}` are written {{name: value}}",
                    fields,
                    self._field_example(kind),
                )
                return None
            call = _Call(kind, node, fields.value, fields.keys)
        if kind in arguments:
            compiled = {}
            for name, value_node in call.given.items():
                value = self._argument(name, value_node, names)
                if value is not None:
                    compiled[name] = value
            return ArgumentBody(kind, compiled, fields)
        callee = self._callee(kind)
        if callee is None:
            if kind not in self.broken:  # its own problem says more
                from mnet_cost.layers.other_names import OTHER_KINDS

                hint = key_hint(
                    kind,
                    [*self.callees, *KINDS, *arguments],
                    "`mnet-cost layers` lists the kinds",
                    OTHER_KINDS,
                )
                self.problems.add(f"there is no layer kind or block `{kind}`", node, hint)
            return None
        if isinstance(callee, Signature):
            return self._block(callee, call, names)
        return self._layer(callee, call, names)

    def check_arity(self, body: Body | None, count: int, node: Node) -> None:
        """Add a problem where `body` does not take `count` inputs."""
        if isinstance(body, LayerBody):
            problem = arity_problem(body.kind, count)
            if problem:
                message, hint = problem
                self.problems.add(message, node, hint)
        elif isinstance(body, BlockBody):
            callee = self.callees[body.block]
            takes = len(callee.inputs) if isinstance(callee, Signature) and callee.inputs else 1
            if count != takes:
                self.problems.add(f"`{body.block}` has {_inputs(takes)}, not {count}", node)
        elif isinstance(body, GroupBody) and count != 1:
            self.problems.add(f"`layers` has one input, not {count}", node)

    def _callee(self, kind: str) -> Callee | None:
        return self.callees.get(kind, KINDS.get(kind))

    def _argument(self, name: str, node: Node, names: Names) -> Value | None:
        return self.values.value(node, names, word_allowed=True, what=name)

    def _block(self, callee: Signature, call: _Call, names: Names) -> BlockBody:
        compiled = {}
        for name, value_node in call.given.items():
            if name not in callee.arguments:
                self._unknown_key("argument", call, name, callee.arguments)
                continue
            value = self._argument(name, value_node, names)
            if value is not None:
                compiled[name] = value
        required = [argument for argument, needed in callee.arguments.items() if needed]
        self._is_complete(call, callee.arguments, required)
        return BlockBody(callee.name, compiled)

    def _layer(self, layer: type[Layer], call: _Call, names: Names) -> LayerBody:
        fields = known_fields(layer)
        constants: dict[str, Any] = {}
        variable = []
        before = len(self.problems)
        for name, value_node in call.given.items():
            field = fields.get(name)
            if field is None:
                self._unknown_key("field", call, name, fields)
                continue
            free = isinstance(field.kind, Word) and not field.kind.words
            value = self.values.value(
                value_node,
                names,
                words=field.kind.words,
                word_allowed=free,
                what=name,
                needs=wanted(field.kind),
                lists=field.kind.lists,
            )
            if value is None:
                continue
            if not value.constant:
                variable.append((name, field.kind, value))
            for part in value.choices or (value,):
                if not part.constant:
                    continue
                try:
                    converted = field.kind.convert(part.evaluate(None), require)
                except RuleViolation as reason:
                    self.problems.add(f"`{name}` {reason}", part.node)
                    continue
                if part is value:
                    constants[name] = converted
        self._is_complete(call, fields, [field.name for field in fields.values() if field.required])
        built = None
        if not variable and len(self.problems) == before:
            built = layer(**constants)
            built = self._built.setdefault(built, built)
        return LayerBody(layer, constants, tuple(variable), built)

    def _unknown_key(self, what: str, call: _Call, name: str, known: Mapping[str, Any]) -> None:
        from mnet_cost.layers.other_names import OTHER_FIELDS

        kind = call.kind
        hint = key_hint(name, known, None, OTHER_FIELDS)
        if name in MODIFIERS:
            hint = f"`{name}` belongs beside `{kind}`, not inside it"
        elif name == "number" and kind in ("add", "multiply"):
            hint = f"for a number write `elementwise: {{operation: {kind}, number: ...}}`"
        elif hint is None:
            hint = f"`{kind}` has " + (", ".join(f"`{key}`" for key in known) or f"no {what}s")
        message = f"{self._called_as(kind)} has no {what} `{name}`"
        self.problems.add(message, call.keys[name], hint)

    def _is_complete(self, call: _Call, known: Collection[str], required: list[str]) -> bool:
        """Whether all that is required is given; adds a problem if not."""
        missing = [name for name in required if name not in call.given]
        if not missing:
            return True
        from mnet_cost.layers.other_names import OTHER_FIELDS

        unknown = [key for key in call.given if key not in known]
        meant = {key.partition(":")[0].strip() for key in unknown} | {
            meant_by(key, missing, OTHER_FIELDS) for key in unknown
        }
        said = [name for name in missing if name not in meant]  # the others are misspelt
        if said:
            example = ", ".join(f"{name}: ..." for name in said)
            hint = f"add `{example}`" if call.given else f"write `{call.kind}: {{{example}}}`"
            message = f"{self._called_as(call.kind)} needs {all_of(said)}"
            self.problems.add(message, call.node, hint)
        return False

    def _field_example(self, kind: str) -> str | None:
        callee = self._callee(kind)
        if callee is None:
            return None
        known = callee.arguments if isinstance(callee, Signature) else known_fields(callee)
        if not known:
            return f"`{kind}` has no fields: write `- {kind}`"
        return f"write `{kind}: {{{next(iter(known))}: ...}}`"

    def _called_as(self, kind: str) -> str:
        """A kind or block as a message names it; for an alias with what it stands for."""
        callee = self.callees.get(kind)
        if callee is None:
            return f"`{kind}`"
        name = callee.name if isinstance(callee, Signature) else callee.kind
        return f"`{kind}`" if name == kind else f"`{kind}` (here `{name}`)"


def _inputs(count: int) -> str:
    return "1 input" if count == 1 else f"{count} inputs"
