"""Declarations: the knobs of a model file, and the names and functions of `let`.

Both give names to values that expressions may use. The name of a declaration with a problem is
known all the same, since an expression that uses it is not wrong. Not here: the values that knobs
are set to, which `elaborate` takes.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

from mnet_cost.expressions import MAX_MAGNITUDE, Expression, ExpressionError, parse_expression
from mnet_cost.models.naming import WORD, name_problem
from mnet_cost.models.problems import all_of, key_hint, shown
from mnet_cost.models.sections import Sections
from mnet_cost.models.types import BATCH, Constant, Function, Knob
from mnet_cost.models.values import Names, ValueCompiler
from mnet_cost.yamlfile import Node

MAX_NAMES = 1000
"""Most knobs and names in `let`: each call of a block copies their values."""

_KNOB_FIELDS = ("default", "choices", "multiple_of", "published", "help")
_DEFINITION = re.compile(r"([A-Za-z_]\w*)\s*(?:\(([^()]*)\))?\Z", re.ASCII)


class Declarations(NamedTuple):
    """Knobs and `let` of a file, and the names that they make known."""

    knobs: dict[str, Knob]
    definitions: tuple[Function | Constant, ...]
    names: Names


def compile_declarations(sections: Sections, values: ValueCompiler) -> Declarations:
    """The knobs and `let` of a file, without those that have a problem."""
    compiler = _DeclarationCompiler(sections, values)
    return Declarations(compiler.knobs(), compiler.definitions(), compiler.names)


class _DeclarationCompiler:
    """Reads declarations in their order; `names` grows along the way."""

    def __init__(self, sections: Sections, values: ValueCompiler) -> None:
        self.sections = sections
        self.values = values
        self.problems = values.problems
        self.names = Names({BATCH}, {})

    def knobs(self) -> dict[str, Knob]:
        """The knobs by name."""
        knobs = {}
        keys = self.sections.keys("knobs")
        form = "NAME: VALUE or {default: VALUE, ...}"
        for name, node in self.sections.mapping("knobs", form).items():
            bad = name_problem(keys[name], "a knob's name")
            if bad:
                self.problems.append(bad)
                continue
            if name == BATCH:
                self.problems.add(
                    "`batch` is a knob that every model has", keys[name], "choose another name"
                )
                continue
            if len(self.names.values) > MAX_NAMES:
                self.problems.add(f"more than {MAX_NAMES} knobs", keys[name])
                break
            knob = self._knob(name, node)
            if knob:
                knobs[name] = knob
            self.names.values.add(name)
        return knobs

    def _knob(self, name: str, node: Node) -> Knob | None:
        if not isinstance(node.value, dict):
            return Knob(name, node.value) if self._is_knob_value(node) else None
        for field, key in node.keys.items():
            if field not in _KNOB_FIELDS:
                hint = key_hint(field, _KNOB_FIELDS, f"a knob has {all_of(_KNOB_FIELDS)}")
                self.problems.add(f"a knob has no `{field}`", key, hint)
        default = node.value.get("default")
        if default is None:
            self.problems.add(f"the knob `{name}` needs a `default`", node)
            return None
        choices = self._knob_values(node, "choices")
        published = self._knob_values(node, "published")
        if not self._is_knob_value(default):
            return None
        if choices and default.value not in choices:
            self.problems.add(f"the default {shown(default)} is not among the choices", default)
        multiple_of = self._multiple_of(node, default)
        help_node = node.value.get("help")
        help_text = "" if help_node is None else str(help_node.plain())
        return Knob(name, default.value, choices, published, help_text, multiple_of)

    def _multiple_of(self, node: Node, default: Node) -> int:
        """What values of a knob are multiples of; 1 where it says nothing."""
        stated = node.value.get("multiple_of")
        if stated is None:
            return 1
        if type(stated.value) is not int or not 1 <= stated.value <= MAX_MAGNITUDE:
            self.problems.add("`multiple_of` is a whole number from 1", stated)
            return 1
        if isinstance(default.value, (bool, str)):
            self.problems.add("`multiple_of` is for a knob that is a number", stated)
            return 1
        if default.value % stated.value != 0:
            self.problems.add(
                f"the default {shown(default)} is no multiple of {stated.value}", default
            )
        return stated.value

    def _knob_values(self, node: Node, field: str) -> tuple[object, ...]:
        listed = node.value.get(field)
        if listed is None:
            return ()
        if not isinstance(listed.value, list) or not listed.value:
            self.problems.add(f"`{field}` is a list of at least one value", listed)
            return ()
        good = [self._is_knob_value(item) for item in listed.value]
        return tuple(item.value for item in listed.value) if all(good) else ()

    def _is_knob_value(self, node: Node) -> bool:
        if isinstance(node.value, (bool, int, float)):
            if abs(node.value) <= MAX_MAGNITUDE:
                return True
            self.problems.add("a knob's value is at most 2^53", node)
            return False
        if node.value in ("true", "false"):
            self.problems.add("a knob's value is a flag or a word, not a flag in quotes", node)
            return False
        if isinstance(node.value, str) and WORD.fullmatch(node.value):
            self.values.used.add(node.value)
            return True
        hint = "calculate in `let`" if isinstance(node.value, str) else None
        self.problems.add("a knob's value is a number, a flag or a word", node, hint)
        return False

    def definitions(self) -> tuple[Function | Constant, ...]:
        """The definitions of `let`, in their order."""
        definitions: list[Function | Constant] = []
        keys = self.sections.keys("let")
        self.values.definitions = {match[1] for text in keys if (match := _DEFINITION.match(text))}
        for text, node in self.sections.mapping("let", "NAME: EXPRESSION").items():
            key = keys[text]
            match = _DEFINITION.match(text)
            if not match:
                self.problems.add("a name in `let` is NAME or NAME(PARAMETER, ...)", key)
                continue
            name, listed = match[1], match[2]
            bad = name_problem(key.like(name), "a name in `let`")
            if bad:
                self.problems.append(bad)
                continue
            if name in self.names.values or name in self.names.functions:
                self.problems.add(f"`{name}` is already the name of a knob or in `let`", key)
                continue
            if len(self.names.values) + len(self.names.functions) > MAX_NAMES:
                self.problems.add(f"more than {MAX_NAMES} knobs and names in `let`", key)
                break
            if listed is None:
                value = self.values.value(node, self.names, what=name, choice_allowed=False)
                if value is not None:
                    definitions.append(Constant(name, value))
                self.names.values.add(name)
                continue
            parameters = tuple(part.strip() for part in listed.split(","))
            expression = self._body(name, parameters, key, node)
            if expression:
                definitions.append(Function(name, parameters, expression, node))
            known = expression or parse_expression("0")
            self.names.functions[name] = Function(name, parameters, known, node)
        return tuple(definitions)

    def _body(
        self, name: str, parameters: tuple[str, ...], key: Node, node: Node
    ) -> Expression | None:
        """The expression of a function, or None after a problem."""
        counts = Counter(parameters)
        for parameter in parameters:
            if not WORD.fullmatch(parameter) or counts[parameter] > 1:
                self.problems.add(
                    f"the parameters of `{name}` are one or more different names",
                    key,
                    None if any(parameters) else f"without parameters write `{name}: ...`",
                )
                return None
        if isinstance(node.value, (list, dict, type(None))):
            self.problems.add(f"`{name}` needs an expression", node)
            return None
        try:
            expression: Expression = parse_expression(
                str(node.value).lower() if isinstance(node.value, bool) else str(node.value)
            )
        except ExpressionError as error:
            self.values.expression_problem(node, error)
            return None
        names = Names(self.names.values | set(parameters), self.names.functions)
        return expression if self.values.check(node, expression, names, "") else None
