"""The arithmetic a spec may use: parsed once into closures, evaluated in a scope.

    expr    = or     or = and {"or" and}     and = not {"and" not}     not = ["not"] compare
    compare = sum [("==" | "!=" | "<" | "<=" | ">" | ">=") sum]
    sum     = term {("+" | "-") term}        term = unary {("*" | "/" | "//" | "%") unary}
    unary   = ["-"] atom
    atom    = NUMBER | true | false | NAME | REF "." SIZE | NAME "(" expr {"," expr} ")"
            | "(" expr ")"

Nothing else is understood, so nothing else can run. Integers are exact, `/` and decimals are
IEEE doubles, both sides of `and` and `or` are always evaluated; all of it means the same on
arrays. Not here: what the names stand for.
"""

from __future__ import annotations

import operator
import re
import sys
from collections.abc import Callable, Container
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from mnet_cost import tensors
from mnet_cost.errors import did_you_mean

MAX_LENGTH = 200
MAX_NESTING = 20
MAX_MAGNITUDE = 2**53
"""Largest number an expression may give: up to it, doubles hold every whole number."""

SIZES = ("channels", "depth", "height", "width", "length", "features")

Evaluate = Callable[["Scope"], Any]


class Scope(Protocol):
    """What an expression is evaluated in."""

    names: dict[str, Any]
    """Values of knobs, `let` and arguments."""

    @property
    def functions(self) -> Container[str]:
        """Names of the functions of `let`."""

    def call(self, name: str, arguments: list[Any]) -> Any:
        """The value of a function of `let`."""

    def size(self, reference: str, axis: str) -> Any:
        """The size along `axis` of the tensor that `reference` names."""

    def mark(self, valid: Any) -> None:
        """Mark the candidates of arrays that are not `valid`: a number would be refused there."""


class Use(NamedTuple):
    """A name, function or reference that an expression uses, and where in its text."""

    name: str
    offset: int
    arguments: int = 0
    """For functions, the number of arguments."""


class Expression(NamedTuple):
    """A parsed expression."""

    text: str
    evaluate: Evaluate
    names: tuple[Use, ...]
    functions: tuple[Use, ...]
    references: tuple[Use, ...]
    bare_name: str | None
    """The name, if the whole expression is a name; such a text may also be a word."""
    constant: bool
    """Whether the value does not depend on any scope."""
    operations: int
    """Numbers, names and operators in it."""


class ExpressionError(ValueError):
    """An expression that cannot be parsed or evaluated: `offset` and `length` mark the place."""

    def __init__(self, message: str, offset: int, length: int, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.length = length
        self.hint = hint
        self.node: Any = None  # where the expression stands, if it is a part of a value


@lru_cache(maxsize=4096)
def parse_expression(text: str) -> Expression:
    """Parse `text`; raises `ExpressionError` for what is not in the grammar or too long."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(
            f"an expression has at most {MAX_LENGTH} characters, not {len(text)}",
            0,
            MAX_LENGTH,
            "name its parts in `let`",
        )
    return _Parser(text).parse()


def constant_value(expression: Expression) -> Any:
    """The value of a `constant` expression; raises `ExpressionError`, as for `1 / 0`."""
    return expression.evaluate(_NOTHING)


BUILT_IN: dict[str, tuple[Callable[..., Any], int, int]] = {
    "min": (tensors.smallest, 2, 8),
    "max": (tensors.largest, 2, 8),
    "floor": (tensors.floor, 1, 1),
    "ceil": (tensors.ceil, 1, 1),
    "round": (tensors.round_even, 1, 1),
    "make_divisible": (tensors.make_divisible, 1, 2),
}
"""Built-in functions with the least and most arguments."""

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)"
    r"|(?P<name>[A-Za-z_]\w*(?:\.\w+)*)"
    r"|(?P<op>//|==|!=|<=|>=|[-+*/%<>(),])"
    r"|(?P<other>\S))",
    re.ASCII,
)

_DIGITS = re.compile(r"(_[0-9]+)+")
"""The rest of a number with separators, as in `1_000` of other languages."""

_OTHER_HINTS = {
    "^": "there are no powers; multiply",
    "?": "there is no conditional; give the entry `when`",
    "!": "for negation write `not x`",
    "&": "write `and`",
    "|": "write `or`",
    "=": "to compare write `==`",
    "[": "there is no indexing",
    "\N{DIVISION SIGN}": "for a quotient write `/`",
    "\N{NOT EQUAL TO}": "to compare write `!=`",
    "\N{LESS-THAN OR EQUAL TO}": "to compare write `<=`",
    "\N{GREATER-THAN OR EQUAL TO}": "to compare write `>=`",
    "\N{MULTIPLICATION SIGN}": "for a product write `*`",
    "\N{MIDDLE DOT}": "for a product write `*`",
    "\N{DOT OPERATOR}": "for a product write `*`",
}

_BINARY: dict[str, tuple[int, Callable[[Any, Any], Any]]] = {
    "or": (1, operator.or_),
    "and": (2, operator.and_),
    "==": (4, operator.eq),
    "!=": (4, operator.ne),
    "<": (4, operator.lt),
    "<=": (4, operator.le),
    ">": (4, operator.gt),
    ">=": (4, operator.ge),
    "+": (5, operator.add),
    "-": (5, operator.sub),
    "*": (6, operator.mul),
    "/": (6, operator.truediv),
    "//": (6, operator.floordiv),
    "%": (6, operator.mod),
}
_NOT, _COMPARE, _UNARY = 3, 4, 7
_DIVISIONS = frozenset(("/", "//", "%"))


class _Token(NamedTuple):
    kind: str
    text: str
    offset: int


class _NoScope:
    names: dict[str, Any] = {}  # noqa: RUF012 - never written to
    functions: Container[str] = ()

    def call(self, name: str, arguments: list[Any]) -> Any:
        raise KeyError(name)

    def size(self, reference: str, axis: str) -> Any:
        raise KeyError(reference)

    def mark(self, valid: Any) -> None:
        raise ValueError("a constant is no array")


_NOTHING = _NoScope()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = [
            _Token(str(m.lastgroup), m[m.lastgroup or 0], m.start(m.lastgroup or 0))
            for m in _TOKEN.finditer(text)
        ]
        self.tokens.append(_Token("end", "", len(text.rstrip())))
        self.next = 0
        self.nesting = 0
        self.names: list[Use] = []
        self.functions: list[Use] = []
        self.references: list[Use] = []

    def parse(self) -> Expression:
        first = self.tokens[0]
        evaluate = self.operand(0)
        if self.token.kind != "end":
            raise self.unexpected("an operator")
        whole = len(self.tokens) == 2 and first.kind == "name" and bool(self.names)
        uses = (*self.names, *self.references, *self.functions)
        constant = not uses or all(use.name in BUILT_IN and use in self.functions for use in uses)
        return Expression(
            self.text,
            evaluate,
            tuple(self.names),
            tuple(self.functions),
            tuple(self.references),
            first.text if whole else None,
            constant,
            len(self.tokens) - 1,
        )

    @property
    def token(self) -> _Token:
        return self.tokens[self.next]

    def unexpected(self, wanted: str) -> ExpressionError:
        token = self.token
        actual = f"`{token.text}`" if token.text else "the end"
        hint = _OTHER_HINTS.get(token.text)
        if token.text in ("*", "/") and self.next and self.tokens[self.next - 1].text == "*":
            hint = "there are no powers; multiply"
        if token.kind == "name" and token.text in ("if", "else"):
            hint = "there is no conditional; give the entry `when`"
        elif token.kind in ("name", "number") or token.text == "(":
            before = self.tokens[self.next - 1] if self.next else token
            if before.kind == "number" and _DIGITS.fullmatch(token.text):
                hint = f"write `{before.text}{token.text.replace('_', '')}`"
            elif before.kind == "number" and wanted == "an operator":
                hint = f"for a product write `{before.text} * {token.text}`"
        return ExpressionError(
            f"expected {wanted}, not {actual}", token.offset, max(1, len(token.text)), hint
        )

    def operand(self, binding: int) -> Evaluate:
        """A (sub)expression of operators that bind tighter than `binding`."""
        token = self.token
        if token.text == "not" and binding < _NOT:
            self.next += 1
            left = _negation(self.nested(_NOT - 1), token)
        elif token.text == "-":
            self.next += 1
            left = _minus(self.nested(_UNARY), token)
        else:
            left = self.atom()
        compared = False
        while True:
            token = self.token
            level, apply = _BINARY.get(token.text, (0, None))
            if apply is None or level <= binding:
                return left
            if level == _COMPARE:
                if compared:
                    raise ExpressionError(
                        "comparisons do not chain",
                        token.offset,
                        len(token.text),
                        "join them with `and`",
                    )
                compared = True
            self.next += 1
            right = self.nested(level)
            left = (_logic if level < _NOT else _arithmetic)(apply, left, right, token)

    def nested(self, binding: int) -> Evaluate:
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            token = self.token
            raise ExpressionError(
                f"more than {MAX_NESTING} levels of nesting",
                token.offset,
                max(1, len(token.text)),
                "name its parts in `let`",
            )
        result = self.operand(binding)
        self.nesting -= 1
        return result

    def atom(self) -> Evaluate:
        token = self.token
        if token.kind == "number":
            self.next += 1
            return _constant(_number(token))
        if token.text == "(":
            self.next += 1
            inside = self.nested(0)
            self.expect(")")
            return inside
        if token.kind != "name" or token.text in ("and", "or", "not", "if", "else"):
            raise self.unexpected("a number, a name or `(`")
        self.next += 1
        name, offset = token.text, token.offset
        if self.token.text == "(":
            return self.function(name, offset)
        if name in ("true", "false"):
            return _constant(name == "true")
        if "." in name:
            reference, _, axis = name.rpartition(".")
            if axis not in SIZES:
                raise ExpressionError(
                    f"`{axis}` is not a size of a tensor",
                    offset + len(reference) + 1,
                    len(axis),
                    did_you_mean(axis, SIZES) or "a tensor has " + ", ".join(SIZES),
                )
            self.references.append(Use(reference, offset))
            return lambda scope: scope.size(reference, axis)
        self.names.append(Use(name, offset))
        return lambda scope: scope.names[name]

    def function(self, name: str, offset: int) -> Evaluate:
        self.next += 1
        arguments = [self.nested(0)]
        while self.token.text == ",":
            self.next += 1
            arguments.append(self.nested(0))
        self.expect(")")
        self.functions.append(Use(name, offset, len(arguments)))
        return _call(name, arguments, offset)

    def expect(self, text: str) -> None:
        if self.token.text != text:
            raise self.unexpected(f"`{text}`")
        self.next += 1


def _number(token: _Token) -> int | float:
    if token.text.isdigit():
        if len(token.text) > 1 and token.text[0] == "0":
            raise ExpressionError(f"`{token.text}` starts with 0", token.offset, len(token.text))
        value: int | float = int(token.text) if len(token.text) < 30 else float("inf")
    else:
        value = float(token.text)
    if value > MAX_MAGNITUDE:
        raise ExpressionError(f"`{token.text}` is too large", token.offset, len(token.text))
    return value


def _constant(value: Any) -> Evaluate:
    return lambda scope: value


def _describe(value: Any) -> str:
    if isinstance(value, bool):
        return "the flag `true`" if value else "the flag `false`"
    if isinstance(value, tensors.HeightWidth):
        return f"{value}: only the height and width of an input can differ"
    return f"the word `{value}`" if isinstance(value, str) else "a list"


def _bounded(value: Any, token: _Token, scope: Scope) -> Any:
    if isinstance(value, (int, float)):
        is_small = -MAX_MAGNITUDE <= value <= MAX_MAGNITUDE
    elif tensors.is_symbolic(value):
        is_small = tensors.agreed(tensors.within(value, MAX_MAGNITUDE))
    elif tensors.is_array(value) and tensors.is_number(value):
        return _marked(value, tensors.within(value, MAX_MAGNITUDE), 1, scope)
    else:
        return value
    if not is_small:
        raise ExpressionError("the result is larger than 2^53", token.offset, len(token.text))
    return value


def _marked(value: Any, valid: Any, other: Any, scope: Scope) -> Any:
    """The array `value`, with `other` for the candidates that are marked, being not `valid`."""
    scope.mark(valid)
    return tensors.instead(value, valid, other)


def _factor(a: Any, b: Any, scope: Scope) -> Any:
    """`b`, with 1 for the candidates that are marked since `a * b` would be too large.

    Whole numbers of 64 bits would wrap around, and look small.
    """
    return _marked(b, tensors.within(1.0 * a * b, MAX_MAGNITUDE), 1, scope)


def _divisor(a: Any, b: Any, sign: str, scope: Scope) -> Any:
    """`b`, with 1 for the candidates that are marked: it is 0, or the quotient far too large.

    Infinity would come out, with a warning; whatever else is too large is marked afterwards.
    """
    b = _marked(b, b != 0, 1, scope)
    if sign != "%":
        b = _marked(b, abs(a) <= 2.0 * MAX_MAGNITUDE * abs(b), 1, scope)
    return b


def _numbers(token: _Token, *values: Any) -> None:
    for value in values:
        if not tensors.is_number(value):
            raise ExpressionError(
                f"`{token.text}` needs numbers, not {_describe(value)}",
                token.offset,
                len(token.text),
            )


def _arithmetic(
    apply: Callable[[Any, Any], Any], left: Evaluate, right: Evaluate, token: _Token
) -> Evaluate:
    divides = token.text in _DIVISIONS

    def evaluate(scope: Scope) -> Any:
        a, b = left(scope), right(scope)
        if type(a) is not int or type(b) is not int:
            if token.text in ("==", "!=") and tensors.is_condition(a) and tensors.is_condition(b):
                return apply(a, b)
            _numbers(token, a, b)
            if tensors.is_array(a) or tensors.is_array(b):
                if divides:
                    b = _divisor(a, b, token.text, scope)
                elif token.text == "*":
                    b = _factor(a, b, scope)
        if divides and not tensors.is_array(b) and tensors.agreed(b == 0):
            raise ExpressionError("division by zero", token.offset, len(token.text))
        return _bounded(apply(a, b), token, scope)

    return evaluate


def _truth(value: Any, token: _Token) -> Any:
    if isinstance(value, (int, float, str, list)) or tensors.is_array(value):
        if tensors.is_condition(value):
            return value
        shown = _describe(value) if isinstance(value, (str, list)) else str(value)
        raise ExpressionError(
            f"`{token.text}` needs conditions, not {shown}", token.offset, len(token.text)
        )
    return value


def _logic(
    apply: Callable[[Any, Any], Any], left: Evaluate, right: Evaluate, token: _Token
) -> Evaluate:
    def evaluate(scope: Scope) -> Any:
        a, b = _truth(left(scope), token), _truth(right(scope), token)
        return apply(a, b)

    return evaluate


def _negation(inside: Evaluate, token: _Token) -> Evaluate:
    def evaluate(scope: Scope) -> Any:
        value = _truth(inside(scope), token)
        return not value if isinstance(value, bool) else ~value

    return evaluate


def _minus(inside: Evaluate, token: _Token) -> Evaluate:
    def evaluate(scope: Scope) -> Any:
        value = inside(scope)
        _numbers(token, value)
        return -value

    return evaluate


def _call(name: str, arguments: list[Evaluate], offset: int) -> Evaluate:
    token = _Token("name", name, offset)

    def evaluate(scope: Scope) -> Any:
        values = [argument(scope) for argument in arguments]
        if name not in BUILT_IN or name in scope.functions:
            return scope.call(name, values)
        _numbers(token, *values)
        function, _, most = BUILT_IN[name]
        if name == "make_divisible" and len(values) > 1:
            divisor = values[1]
            if not tensors.is_array(divisor) and tensors.agreed(divisor <= 0):
                raise ExpressionError(f"cannot make divisible by {divisor}", offset, len(name))
            if any(map(tensors.is_array, values)):  # where no float is as large as the quotient
                fits = (divisor > 0) & (abs(values[0]) / sys.float_info.max <= divisor)
                values[1] = _marked(divisor, fits, 1, scope)
        if most > 2:
            result = values[0]
            for value in values[1:]:
                result = function(result, value)
            return result
        try:
            return _bounded(function(*values), token, scope)
        except OverflowError:  # a tiny divisor gave infinity
            raise ExpressionError("the result is larger than 2^53", offset, len(name)) from None

    return evaluate
