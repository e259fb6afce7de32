"""From the values of a model file to something that can be evaluated.

A string is the first of these that fits: one of the field's own words, an expression, a bare
name that nothing carries (a word). Problems are collected, with the user's own stretch of text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from mnet_cost.errors import Problem, Span, did_you_mean, one_of
from mnet_cost.expressions import (
    BUILT_IN,
    Expression,
    ExpressionError,
    Use,
    constant_value,
    parse_expression,
)
from mnet_cost.layers.fields import FieldKind, Flag, Sizes, Word
from mnet_cost.models.problems import Problems
from mnet_cost.models.types import Function, Value
from mnet_cost.yamlfile import Node, tuple_as_list

NOTHING: frozenset[str] = frozenset()

_OPERATIONS_OF_SIZE = 7  # what it takes to find a tensor, beside an operation

_LET_ORDER = "`let` is read from top to bottom, and no function calls itself"


def part_of(node: Node, offset: int, length: int) -> Span:
    """The span of `length` characters at `offset` in the text of a scalar."""
    span = node.span()
    if span.end - span.column <= 1 or "\n" in str(node.value):
        return span
    column = span.column + offset + (1 if node.quoted else 0)
    return Span(span.source, span.line, column, column + length)


def wanted(kind: FieldKind) -> str:
    """What a field of that kind needs, for the message about an unknown name."""
    if isinstance(kind, Flag):
        return "`true` or `false`"
    if isinstance(kind, Sizes):
        return "a list of numbers" + "".join(f" or `{word}`" for word in kind.words)
    if isinstance(kind, Word):
        return one_of(kind.options) if kind.options else "a word"
    return f"a number, {one_of(sorted(kind.words))}" if kind.words else "a number"


_BETWEEN_SIZES = re.compile(r"\s*\u00d7\s*|\s+[xX]\s+|(?<=[0-9])[xX](?=[0-9])")
_SIZE = re.compile(r"[0-9]+(\.[0-9]+)?|[A-Za-z_]\w*", re.ASCII)
_MOST_SIZES = 8


def sizes_problem(text: str, lists: tuple[bool, bool] | None) -> tuple[str, str | None] | None:
    """(message, hint) for sizes as papers and other tools write them; None for other texts.

    Such texts are `3x5`, `3 x 5`, with a multiplication sign, `(3, 5)` and a list in quotes.
    `lists` is that of `FieldKind`, or None where the field is not known.
    """
    inside = text.strip()
    listed, quoted = tuple_as_list(text), inside.startswith("[") and inside.endswith("]")
    if (listed or quoted) and lists is not None and not lists[0]:
        return f"`{text}` is not a number, and a number is needed here", None
    if quoted:
        return f"`{text}` is a text, not a list", f"leave out the quotes: `{inside}`"
    if listed:
        return f"`{text}` is not a list: a list is written in square brackets", f"write `{listed}`"
    sizes = _BETWEEN_SIZES.split(inside)
    if not 2 <= len(sizes) <= _MOST_SIZES or not all(map(_SIZE.fullmatch, sizes)):
        return None
    takes_list, takes_one = (True, True) if lists is None else lists
    product, listed = f"`{' * '.join(sizes)}`", f"`[{', '.join(sizes)}]`"
    if takes_list and takes_one and len(set(sizes)) == 1:
        listed = f"`{sizes[0]}`"
    if lists is None:
        return f"`{text}` is not a value", f"for sizes write {listed}, for a product {product}"
    if takes_list:
        return f"`{text}` is not a value: sizes are numbers or lists of them", f"write {listed}"
    return f"`{text}` is not a number", f"for a product write {product}"


class TensorNames:
    """Names that a reference may start with: those of a list, and those of the outer list."""

    __slots__ = ("_outer", "own")

    def __init__(self, own: Iterable[str], outer: TensorNames | None = None) -> None:
        self.own = set(own)
        self._outer = outer

    def __contains__(self, name: object) -> bool:
        return name in self.own or (self._outer is not None and name in self._outer)

    def __iter__(self) -> Iterator[str]:
        names: TensorNames | None = self
        seen: set[str] = set()
        while names is not None:
            seen |= names.own
            names = names._outer
        return iter(sorted(seen))

    def add(self, name: str) -> None:
        """Make a name known in this list."""
        self.own.add(name)


class Names:
    """What expressions may use at one place of a file.

    `values` are knobs, names of `let` and arguments; `functions` those of `let`; `tensors` the
    names that a reference may start with.
    """

    __slots__ = ("functions", "tensors", "values")

    def __init__(
        self,
        values: set[str],
        functions: dict[str, Function],
        tensors: Iterable[str] = (),
        outer: TensorNames | None = None,
    ) -> None:
        self.values = values
        self.functions = functions
        self.tensors = TensorNames(tensors, outer)


class ValueCompiler:
    """Compiles values; `problems` and `used` (names met) grow along the way."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.used: set[str] = set()
        self.definitions: set[str] = set()
        """All names of `let`, also those that are defined further down."""

    def value(
        self,
        node: Node,
        names: Names,
        *,
        words: frozenset[str] = NOTHING,
        word_allowed: bool = False,
        what: str = "",
        needs: str = "a number",
        lists: tuple[bool, bool] | None = None,
        choice_allowed: bool = True,
    ) -> Value | None:
        """The value of `node`, or None after a problem.

        `words` are those of the field. With `word_allowed` any other bare name may be a word;
        otherwise it is a problem, which says that `what` needs `needs`. `lists` is that of the
        field (`FieldKind.lists`), or None where the field is not known.
        """
        raw = node.value
        if isinstance(raw, str):
            if raw in words:
                return Value(node, lambda scope: raw, constant=True)
            return self._text(node, raw, names, words, word_allowed, what, needs, lists)
        if isinstance(raw, list):
            items = [
                self.value(
                    item,
                    names,
                    words=words,
                    word_allowed=word_allowed,
                    what=what,
                    choice_allowed=False,
                )
                for item in raw
            ]
            if any(item is None for item in items):
                return None
            return _listed(node, [item for item in items if item is not None])
        if isinstance(raw, dict):
            if set(raw) == {"choose"} and not choice_allowed:
                self._misplaced_choice(node)
                return None
            return self._choice(node, names, words, word_allowed, what, needs, lists)
        return Value(node, lambda scope: raw, constant=True)

    def _text(
        self,
        node: Node,
        raw: str,
        names: Names,
        words: frozenset[str],
        word_allowed: bool,
        what: str,
        needs: str,
        lists: tuple[bool, bool] | None,
    ) -> Value | None:
        try:
            expression = parse_expression(raw)
        except ExpressionError as error:
            if (problem := sizes_problem(raw, lists)) is not None:
                self.problems.add(problem[0], node, problem[1])
            else:
                self.expression_problem(node, error)
            return None
        name = expression.bare_name
        if name is not None:
            self.used.add(name)
            if name in names.values:
                return Value(node, expression.evaluate, name=name)
            if word_allowed and name not in names.functions:
                return Value(node, lambda scope: name, name=name, constant=True)
        if not self.check(node, expression, names, what, needs, words):
            return None
        if expression.constant and not any(u.name in names.functions for u in expression.functions):
            try:
                constant = constant_value(expression)
            except ExpressionError as error:
                self.expression_problem(node, error)
                return None
            return Value(node, lambda scope: constant, constant=True)
        operations = expression.operations + _OPERATIONS_OF_SIZE * len(expression.references)
        return Value(node, expression.evaluate, operations=operations)

    def expression_problem(self, node: Node, error: ExpressionError) -> None:
        span = part_of(node, error.offset, error.length)
        self.problems.append(Problem(error.message, span, error.hint))

    def check(
        self,
        node: Node,
        expression: Expression,
        names: Names,
        what: str,
        needs: str = "a number",
        words: frozenset[str] = NOTHING,
    ) -> bool:
        """Whether all that `expression` uses is known; adds a problem for what is not."""
        before = len(self.problems)
        for use in expression.names:
            self.used.add(use.name)
            if use.name not in names.values:
                about = f"`{what}` needs {needs}, and " if what else ""
                known = names.values | words if expression.bare_name else names.values
                self._unknown_name(node, use, names, about, known)
        for use in expression.functions:
            self.used.add(use.name)
            self._function(node, use, names)
        for use in expression.references:
            head = use.name.partition(".")[0]
            if head not in names.tensors:
                self._unknown_tensor(node, use, head, names)
        return len(self.problems) == before

    def _unknown_name(
        self, node: Node, use: Use, names: Names, about: str, known: Iterable[str]
    ) -> None:
        span = part_of(node, use.offset, len(use.name))
        hint = did_you_mean(use.name, known)
        if use.name in names.functions or use.name in BUILT_IN:
            message, hint = f"`{use.name}` is a function", f"call it: `{use.name}(...)`"
        else:
            message = f"{about}`{use.name}` is not a knob, an argument or a name in `let`"
            if use.name in self.definitions:
                message = f"`{use.name}` is not known yet"
                hint = _LET_ORDER
            elif use.name in names.tensors:
                hint = f"for a size write `{use.name}.channels`, `.height`, `.width` and so on"
        self.problems.append(Problem(message, span, hint))

    def _function(self, node: Node, use: Use, names: Names) -> None:
        """Add a problem where there is no such function, or it takes other arguments."""
        if use.name in names.functions:
            least = most = len(names.functions[use.name].parameters)
        elif use.name in BUILT_IN:
            _, least, most = BUILT_IN[use.name]
        else:
            known = [*BUILT_IN, *names.functions]
            message = f"there is no function `{use.name}`"
            hint: str | None
            if use.name in self.definitions:
                is_value = use.name in names.values
                message = f"`{use.name}` is " + ("not a function" if is_value else "not known yet")
                hint = None if is_value else _LET_ORDER
            else:
                hint = did_you_mean(use.name, known) or "there are " + ", ".join(known)
            self.problems.append(Problem(message, part_of(node, use.offset, len(use.name)), hint))
            return
        if not least <= use.arguments <= most:
            takes = str(least) if least == most else f"{least} to {most}"
            plural = "argument" if takes == "1" else "arguments"
            message = f"`{use.name}` takes {takes} {plural}, not {use.arguments}"
            self.problems.append(Problem(message, part_of(node, use.offset, len(use.name))))

    def _unknown_tensor(self, node: Node, use: Use, head: str, names: Names) -> None:
        listed = list(names.tensors)
        if not listed:
            message, hint = f"there are no tensors here, so `{use.name}` has no size", None
        else:
            message = f"there is no `{head}` here to take the size of"
            hint = did_you_mean(head, listed) or ("a size is taken of " + one_of(listed[:8]))
        self.problems.append(Problem(message, part_of(node, use.offset, len(head)), hint))

    def _misplaced_choice(self, node: Node) -> None:
        self.problems.add(
            "a choice stands for a whole field, argument, default or `repeat`",
            node.keys["choose"],
            "here use a knob with `choices`",
        )

    def _choice(
        self,
        node: Node,
        names: Names,
        words: frozenset[str],
        word_allowed: bool,
        what: str,
        needs: str,
        lists: tuple[bool, bool] | None,
    ) -> Value | None:
        if set(node.value) != {"choose"}:
            other = next((key for word, key in node.keys.items() if word != "choose"), node)
            self.problems.add(
                "a value is a number, a word, an expression, a list or {choose: [...]}", other
            )
            return None
        options = node.value["choose"]
        if not isinstance(options.value, list) or not options.value:
            self.problems.add("`choose` needs a list of at least one option", options)
            return None
        compiled = [
            self.value(
                item,
                names,
                words=words,
                word_allowed=word_allowed,
                what=what,
                needs=needs,
                lists=lists,
                choice_allowed=False,
            )
            for item in options.value
        ]
        if any(item is None for item in compiled):
            return None
        choices = tuple(item for item in compiled if item is not None)
        return Value(
            node,
            lambda scope: scope.choose(what, choices),
            choices=choices,
            operations=_operations(choices),
        )


def _listed(node: Node, items: list[Value]) -> Value:
    if all(item.constant for item in items):
        constant = [item.evaluate(None) for item in items]
        return Value(node, lambda scope: constant, constant=True)
    return Value(
        node,
        lambda scope: [evaluate_part(item, scope) for item in items],
        operations=_operations(items),
    )


def _operations(parts: Sequence[Value]) -> int:
    return len(parts) + sum(part.operations for part in parts)


def evaluate_part(value: Value, scope: Any) -> Any:
    """The value of one part of a list or choice; an error in it then points at that part."""
    try:
        return value.evaluate(scope)
    except ExpressionError as error:
        if error.node is None:
            error.node = value.node
        raise
