"""From the values of a model file to something that can be evaluated.

A string is the first of these that fits: one of the field's own words, an expression, a bare
name that nothing carries (a word). Problems are collected, with the user's own stretch of text.
"""

from __future__ import annotations

from collections.abc import Iterable

from mnet_cost.errors import Problem, Span, did_you_mean
from mnet_cost.expressions import (
    BUILT_IN,
    Expression,
    ExpressionError,
    Use,
    constant_value,
    parse_expression,
)
from mnet_cost.models.types import Function, Value
from mnet_cost.yamlfile import Node

NOTHING: frozenset[str] = frozenset()


def part_of(node: Node, offset: int, length: int) -> Span:
    """The span of `length` characters at `offset` in the text of a scalar."""
    span = node.span()
    if span.end - span.column <= 1 or "\n" in str(node.value):
        return span
    column = span.column + offset + (1 if node.quoted else 0)
    return Span(span.source, span.line, column, column + length)


class Names:
    """What expressions may use at one place of a file.

    `values` are knobs, names of `let` and arguments; `functions` those of `let`; `tensors` the
    names that a reference may start with.
    """

    __slots__ = ("functions", "tensors", "values")

    def __init__(
        self, values: set[str], functions: dict[str, Function], tensors: Iterable[str] = ()
    ) -> None:
        self.values = values
        self.functions = functions
        self.tensors = set(tensors)


class ValueCompiler:
    """Compiles values; `problems` and `used` (names met) grow along the way."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        self.used: set[str] = set()

    def value(
        self,
        node: Node,
        names: Names,
        *,
        words: frozenset[str] = NOTHING,
        word_allowed: bool = False,
        what: str = "",
    ) -> Value | None:
        """The value of `node`, or None after a problem.

        `words` are the field's own; with `word_allowed` any other bare name may be a word,
        otherwise it is a problem about `what`.
        """
        raw = node.value
        if isinstance(raw, str):
            if raw in words:
                return Value(node, lambda scope: raw, constant=True)
            return self._text(node, raw, names, word_allowed, what)
        if isinstance(raw, list):
            items = [
                self.value(item, names, words=words, word_allowed=word_allowed, what=what)
                for item in raw
            ]
            if any(item is None for item in items):
                return None
            return _listed(node, [item for item in items if item is not None])
        if isinstance(raw, dict):
            return self._choice(node, names, words, word_allowed, what)
        return Value(node, lambda scope: raw, constant=True)

    def _text(
        self, node: Node, raw: str, names: Names, word_allowed: bool, what: str
    ) -> Value | None:
        try:
            expression = parse_expression(raw)
        except ExpressionError as error:
            self.expression_problem(node, error)
            return None
        name = expression.bare_name
        if name is not None:
            self.used.add(name)
            if name in names.values:
                return Value(node, expression.evaluate, name=name)
            if word_allowed and name not in names.functions:
                return Value(node, lambda scope: name, name=name, constant=True)
        if not self.check(node, expression, names, what):
            return None
        if expression.constant and not any(u.name in names.functions for u in expression.functions):
            try:
                constant = constant_value(expression)
            except ExpressionError as error:
                self.expression_problem(node, error)
                return None
            return Value(node, lambda scope: constant, constant=True)
        return Value(node, expression.evaluate)

    def expression_problem(self, node: Node, error: ExpressionError) -> None:
        span = part_of(node, error.offset, error.length)
        self.problems.append(Problem(error.message, span, error.hint))

    def check(self, node: Node, expression: Expression, names: Names, what: str) -> bool:
        """Whether all that `expression` uses is there; problems otherwise."""
        before = len(self.problems)
        for use in expression.names:
            self.used.add(use.name)
            if use.name not in names.values:
                self._unknown_name(node, use, names, what)
        for use in expression.functions:
            self.used.add(use.name)
            self._function(node, use, names)
        for use in expression.references:
            head = use.name.partition(".")[0]
            if head not in names.tensors:
                self._unknown_tensor(node, use, head, names)
        return len(self.problems) == before

    def _unknown_name(self, node: Node, use: Use, names: Names, what: str) -> None:
        span = part_of(node, use.offset, len(use.name))
        if use.name in names.functions:
            self.problems.append(Problem(f"`{use.name}` is a function: call it", span))
            return
        needs = f"`{what}` needs a number, and " if what else ""
        hint = did_you_mean(use.name, names.values)
        if use.name in names.tensors:
            hint = f"for a size write `{use.name}.channels`, `.height`, `.width` and so on"
        self.problems.append(
            Problem(
                f"{needs}`{use.name}` is not a knob, an argument or a name in `let`", span, hint
            )
        )

    def _function(self, node: Node, use: Use, names: Names) -> None:
        span = part_of(node, use.offset, len(use.name))
        if use.name in names.functions:
            least = most = len(names.functions[use.name].parameters)
        elif use.name in BUILT_IN:
            _, least, most = BUILT_IN[use.name]
        else:
            known = [*BUILT_IN, *names.functions]
            self.problems.append(
                Problem(
                    f"there is no function `{use.name}`",
                    span,
                    did_you_mean(use.name, known) or "there are " + ", ".join(known),
                )
            )
            return
        if not least <= use.arguments <= most:
            takes = str(least) if least == most else f"{least} to {most}"
            plural = "argument" if takes == "1" else "arguments"
            self.problems.append(
                Problem(f"`{use.name}` takes {takes} {plural}, not {use.arguments}", span)
            )

    def _unknown_tensor(self, node: Node, use: Use, head: str, names: Names) -> None:
        self.problems.append(
            Problem(
                f"there is no `{head}` here to take the size of",
                part_of(node, use.offset, len(head)),
                did_you_mean(head, names.tensors)
                or "a size is taken of `input`, `previous` or an earlier id",
            )
        )

    def _choice(
        self, node: Node, names: Names, words: frozenset[str], word_allowed: bool, what: str
    ) -> Value | None:
        if set(node.value) != {"choose"}:
            self.problems.append(
                Problem(
                    "a value is a number, a word, an expression, a list or {choose: [...]}",
                    node.span(),
                )
            )
            return None
        options = node.value["choose"]
        if not isinstance(options.value, list) or not options.value:
            self.problems.append(
                Problem("`choose` needs a list of at least one option", options.span())
            )
            return None
        compiled = [
            self.value(item, names, words=words, word_allowed=word_allowed, what=what)
            for item in options.value
        ]
        if any(item is None for item in compiled):
            return None
        choices = tuple(item for item in compiled if item is not None)
        if any(choice.choices for choice in choices):
            self.problems.append(Problem("a choice cannot hold a choice", options.span()))
            return None
        return Value(node, lambda scope: scope.choose(what, choices), choices=choices)


def _listed(node: Node, items: list[Value]) -> Value:
    if all(item.constant for item in items):
        constant = [item.evaluate(None) for item in items]
        return Value(node, lambda scope: list(constant), constant=True)
    evaluators = [item.evaluate for item in items]
    choices = tuple(choice for item in items for choice in item.choices)
    result = Value(node, lambda scope: [evaluate(scope) for evaluate in evaluators])
    return result._replace(choices=choices) if choices else result
