"""The statements of a class's `forward`: which calls are nested, and how variables are named.

A call is nested in the next call if its result is used there alone, and if the next call is an
activation, a norm or an addition. Other results get a variable. The main line of a network keeps
the same variable; a branch gets the name of the layer where it ends.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from itertools import chain, count
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from mnet_cost.torch_model import modules
from mnet_cost.torch_model.names import is_name, variable
from mnet_cost.torch_model.source.argument_columns import MISSING, ArgumentColumn, same, shown
from mnet_cost.torch_model.source.class_plan import ClassPlan, Line, Run, Symbol, symbols_in
from mnet_cost.torch_model.source.record import Ref, defaults
from mnet_cost.torch_model.source.text import (
    INFIX,
    METHODS,
    WIDTH,
    function_name,
)

_INDENT = 8
_LONGEST_INNER = 64
_SPARE = ("x", "y", "z", "u", "v", "w")

_NORMS = (
    nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.LayerNorm, nn.GroupNorm, nn.Dropout,
    modules.PRelu, modules.Scale,
)  # fmt: skip
_LIGHT = (
    F.relu, F.relu6, F.leaky_relu, F.hardsigmoid, F.silu, F.hardswish, F.gelu, F.softmax,
    F.normalize, torch.sigmoid, torch.tanh, operator.add, operator.sub, operator.mul,
    operator.truediv, operator.gt, operator.getitem,
)  # fmt: skip


class Text(NamedTuple):
    """A Python expression as text."""

    text: str
    loose: bool = False
    """Whether it needs brackets as an operand."""

    @property
    def tight(self) -> str:
        """The text as an operand: in brackets if it needs them."""
        return f"({self.text})" if self.loose else self.text


class Forward:
    """Writes the `forward` of a class.

    `reference` gives the Python expression for the module at a path in the class.
    """

    def __init__(self, plan: ClassPlan, reference: Callable[[str], str]) -> None:
        self.plan = plan
        self.reference = reference
        self.stored: dict[str, str] = {}
        """Attributes that `forward` reads: their expressions in the constructor, by name."""
        self.slots = {slot.name: slot for slot in plan.slots}
        self.starts = {run.start: run for run in plan.runs}
        self.reads = [list(symbols_in(line)) for line in plan.lines]
        """The symbols that each line reads."""
        self.users: dict[Symbol, list[int]] = {}
        self.end = len(plan.lines)
        self._count()
        self.variables: dict[Symbol, str] = {}
        self.until: dict[str, int] = {}
        """The last line that reads each variable, by name."""
        self.named: set[Symbol] = set()
        self.inner: dict[Symbol, Text] = {}
        self.out: list[str] = []

    def lines(self) -> list[str]:
        """The statements; the last of them is `return`."""
        for name, symbol in self.plan.symbols.items():
            names = {*self.plan.symbols, *self.variables.values()} - {name}
            self._set_variable(symbol, name if is_name(name) else variable(name, names))
        runs = self.starts
        number = 0
        while number < self.end:
            run = runs.get(number)
            if run is not None:
                self._run(run)
                number = run.end
            else:
                self._line(number, self.end)
                number += 1
        self.out.append(
            f"return {', '.join(self._operand(symbol).text for symbol in self.plan.outputs)}"
        )
        return self.out

    # --- who uses what

    def _count(self) -> None:
        for number, read in enumerate(self.reads):
            for symbol in read:
                self.users.setdefault(symbol, []).append(number)
        for symbol in self.plan.outputs:
            self.users.setdefault(symbol, []).append(self.end)
        self.either: dict[int, list[Symbol]] = {}
        ends = {run.end - 1: run for run in self.plan.runs}
        pending = [*self.users]
        while pending:  # a symbol with `source` and `other` uses both, in the last line of its run
            symbol = pending.pop()
            if symbol.source is not None and symbol.other is not None:
                run = ends[symbol.line]
                listed = self.either.setdefault(run.start, [])
                if symbol not in listed:
                    listed.append(symbol)
                    for alternative in (symbol.source, symbol.other):
                        if alternative not in self.users:
                            pending.append(alternative)
                        self.users.setdefault(alternative, []).append(run.end - 1)

        self.last = {symbol: max(users) for symbol, users in self.users.items()}
        self.following: dict[Symbol, list[Symbol]] = {}
        for row in self.either.values():
            for symbol in row:
                for part in {symbol.source, symbol.other}:
                    if part is not None:
                        self.following.setdefault(part, []).append(symbol)

    def _last(self, symbol: Symbol) -> int:
        return self.last.get(symbol, symbol.line)

    def _single(self, symbol: Symbol) -> int | None:
        users = self.users.get(symbol, [])
        return users[0] if len(users) == 1 else None

    # --- lines

    def _line(self, number: int, limit: int) -> None:
        """Write a line, or keep its text in order to nest it in the next line."""
        line = self.plan.lines[number]
        text = self._call(line)
        if not line.results:
            return
        if len(line.results) == 1:
            (result,) = line.results
            if self._is_nested(result, number, limit, text):
                self.inner[result] = text
                return
        names = [
            self._choose(result, number) if result in self.users else "_" for result in line.results
        ]
        self._assign(names, text)

    def _assign(self, names: list[str], text: Text) -> None:
        left = ", ".join(names)
        if left != text.text:
            self.out.append(f"{left} = {text.text}")

    def _is_nested(self, result: Symbol, number: int, limit: int, text: Text) -> bool:
        user = self._single(result)
        if user is None or len(text.text) > _LONGEST_INNER + 20:
            return False
        if user == self.end:
            last = number + 1 == limit == self.end
            return last and len(self.plan.outputs) == 1 and len(text.text) < WIDTH - _INDENT - 8
        if user != number + 1 or user >= limit or len(text.text) > _LONGEST_INNER:
            return False
        following = self.plan.lines[user]
        if user in self.starts:
            return False
        line = self.plan.lines[number]
        if following.key[0] == line.key[0]:
            return True
        return self._light(following)

    def _light(self, line: Line) -> bool:
        target = line.target
        if isinstance(target, ArgumentColumn):
            return True
        if isinstance(target, Ref):
            slot = self.slots.get(target.path)
            return slot is not None and slot.factory in _NORMS
        return target in _LIGHT

    # --- what is left out

    def _run(self, run: Run) -> None:
        guard = self._guard(run)
        either = self.either.get(run.start, [])
        before = len(self.out)
        for number in range(run.start, run.end):
            self._line_in(number, run, either)
        last = self.plan.lines[run.end - 1].results
        if len(either) == 1 and either[0].source in last and len(self.out) == before:
            self._either_of_two(either[0], guard, run)
            return
        body = self.out[before:]
        del self.out[before:]
        tail = []
        for symbol in either:
            assert symbol.source is not None
            assert symbol.other is not None
            other = self._operand(symbol.other).text
            name = self._choose(symbol, run.end - 1, avoid=self._read_in(run))
            if name != other:
                self.out.append(f"{name} = {other}")
            text = self._operand(symbol.source).text
            if text != name:
                tail.append(f"{name} = {text}")
        self.out.append(f"if {guard}:")
        self.out += [f"    {statement}" for statement in (*body, *tail)]

    def _read_in(self, run: Run) -> set[str]:
        """Variables that the lines of a run read or write: no line before them may assign them."""
        return {
            self.variables[symbol]
            for number in range(run.start, run.end)
            for symbol in (*self.reads[number], *self.plan.lines[number].results)
            if symbol in self.variables
        }

    def _line_in(self, number: int, run: Run, either: list[Symbol]) -> None:
        line = self.plan.lines[number]
        if number == run.end - 1 and len(either) == 1 and line.results == [either[0].source]:
            users = self.users[line.results[0]]
            if len(users) == 1:
                self.inner[line.results[0]] = self._call(line)
                return
        self._line(number, run.end)

    def _either_of_two(self, symbol: Symbol, guard: str, run: Run) -> None:
        assert symbol.source is not None
        assert symbol.other is not None
        text = self.inner.pop(symbol.source, None) or self._operand(symbol.source)
        other = self._operand(symbol.other)
        whole = Text(f"{text.text} if {guard} else {other.tight}", loose=True)
        returned = self._single(symbol) == self.end and run.end == self.end
        short = len(whole.text) < WIDTH - _INDENT - 12
        if returned and len(self.plan.outputs) == 1 and short:
            self.inner[symbol] = whole
            return
        name = self._choose(symbol, run.end - 1)
        if name == other.text or not short:
            if name != other.text:
                self.out.append(f"{name} = {other.text}")
            self.out += [f"if {guard}:", f"    {name} = {text.text}"]
        else:
            self.out.append(f"{name} = {whole.text}")

    def _guard(self, run: Run) -> str:
        expression = self.plan.guards[run.mask]
        if expression.form == "{}":
            (parameter,) = expression.parameters
            name = parameter.name
            self.stored[name] = name
            return f"self.{name}"
        first = self.plan.lines[run.start]
        label = first.key[0].split(".")[0]
        for name, text in self.stored.items():
            if text == expression.text():
                return f"self.{name}"
        name = "residual" if label == "add" else f"has_{label}"
        taken = {slot.name.split(".")[0] for slot in self.plan.slots} | set(self.stored)
        taken |= {parameter.name for parameter in self.plan.parameters}
        while name in taken:
            name = f"{name}_"
        self.stored[name] = expression.text()
        return f"self.{name}"

    # --- expressions

    def _operand(self, symbol: Symbol) -> Text:
        if symbol in self.inner:
            return self.inner.pop(symbol)
        return Text(self.variables[symbol])

    def _argument(self, argument: Any) -> Text:
        if isinstance(argument, Symbol):
            return self._operand(argument)
        if isinstance(argument, ArgumentColumn):
            expression = argument.expression
            if expression.constant is not MISSING:
                return Text(shown(expression.constant))
            for parameter in expression.parameters:
                self.stored.setdefault(parameter.name, parameter.name)
            text = expression.text("self.")
            return Text(text, loose=" " in text)
        inner = ", ".join(self._argument(element).text for element in argument)
        return Text(f"({inner},)" if len(argument) == 1 else f"({inner})")

    def _call(self, line: Line) -> Text:
        target, given = line.target, dict(line.arguments)
        if isinstance(target, Ref):
            values = [
                f"{f'{name[1:]}=' if name.startswith('=') else ''}{self._argument(value).text}"
                for name, value in given.items()
            ]
            return Text(f"{self.reference(target.path)}({', '.join(values)})")
        if isinstance(target, ArgumentColumn):
            (value,) = given.values()
            if target.expression.constant is MISSING:
                for parameter in target.expression.parameters:
                    self.stored.setdefault(parameter.name, parameter.name)
            return Text(f"{target.expression.text('self.')}({self._argument(value).text})")
        if target in INFIX:
            left, right = (self._argument(operand) for operand in given.values())
            chained = target is operator.add and left.loose and " if " not in left.text
            first = left.text if chained else left.tight
            return Text(f"{first} {INFIX[target]} {right.tight}", loose=True)
        if target is operator.getitem:
            value, index = given.values()
            return Text(f"{self._argument(value).tight}[{self._argument(index).text}]")
        usual = defaults(target)
        words, named = [], False
        for place, (name, argument) in enumerate(given.items()):
            constant = (
                argument.expression.constant if isinstance(argument, ArgumentColumn) else MISSING
            )
            if constant is not MISSING and name in usual and same(constant, usual[name]):
                continue
            text = self._argument(argument)
            by_name = isinstance(argument, ArgumentColumn) and place > 0 and name in _BY_NAME
            by_name = by_name and (target not in METHODS or name in ("keepdim", "correction"))
            by_name = by_name or (named and not name.startswith("*"))
            named = named or by_name
            words.append((f"{name}={text.text}" if by_name else text.text, text))
        if target in METHODS:
            first_text = words[0][1].tight
            rest = ", ".join(word for word, _ in words[1:])
            return Text(f"{first_text}.{METHODS[target]}({rest})")
        return Text(f"{function_name(target)}({', '.join(word for word, _ in words)})")

    # --- variables

    def _choose(self, symbol: Symbol, number: int, avoid: set[str] = frozenset()) -> str:  # type: ignore[assignment]
        """Choose a variable for the result of line `number`, other than those in `avoid`."""
        name = self._wanted(
            symbol, number, lambda name: name not in avoid and self.until.get(name, -1) <= number
        )
        self._set_variable(symbol, name)
        return name

    def _set_variable(self, symbol: Symbol, name: str) -> None:
        self.variables[symbol] = name
        self.until[name] = max(self.until.get(name, -1), self._last(symbol))

    def _wanted(self, symbol: Symbol, number: int, is_free: Callable[[str], bool]) -> str:
        own = self._own_name(symbol)
        several = len(self.plan.lines[symbol.line].results) > 1
        if own and is_free(own) and (several or self._is_kept(symbol)):
            self.named.add(symbol)
            return own
        read = [
            source
            for source in dict.fromkeys(self._sources(number))
            if source in self.variables
            and self._last(source) <= number
            and source not in self.named
        ]
        flowing = [self.variables[source] for source in read if is_free(self.variables[source])]
        if flowing:
            return "x" if "x" in flowing else flowing[0]
        if is_free("x") and self.plan.symbols:
            return "x"
        tail = self._own_name(self._tail(symbol))
        if tail and is_free(tail):
            return tail
        spare = chain(_SPARE, (f"x{i}" for i in count(2)))
        return next(name for name in spare if is_free(name))

    def _sources(self, number: int) -> Iterator[Symbol]:
        """The symbols that line `number` reads, then those of the lines nested in it."""
        for symbol in self.reads[number]:
            yield symbol
            if symbol not in self.variables and symbol.source is None and symbol.line >= 0:
                yield from self._sources(symbol.line)

    def _own_name(self, symbol: Symbol) -> str:
        label = symbol.label.replace(".", "_")
        if symbol.line < 0 or not label:
            return ""
        return variable(label)

    def _is_kept(self, symbol: Symbol) -> bool:
        """Whether a value is used several times, or together with other values."""
        users = self.users.get(symbol, [])
        if len(users) != 1:
            return True
        if users[0] == self.end:
            return len(self.plan.outputs) > 1
        return len(self.reads[users[0]]) > 1

    def _tail(self, symbol: Symbol) -> Symbol:
        """The last value of the chain that starts with `symbol`, each used by the next alone."""
        while True:
            user = self._single(symbol)
            if user is None or user == self.end or len(self.plan.lines[user].results) != 1:
                return symbol
            line = self.plan.lines[user]
            if len(self.reads[user]) == 1 and symbol is self.reads[user][0]:
                symbol = line.results[0]
                continue
            if symbol not in self.reads[user]:  # it is the `source` or `other` of a symbol
                following = self.following.get(symbol, [])
                if len(following) != 1:
                    return symbol
                symbol = following[0]
                continue
            return symbol


_BY_NAME = frozenset(
    ("stride", "padding", "dilation", "count_include_pad", "value", "mode", "align_corners",
     "alpha", "beta", "k", "eps", "keepdim", "correction", "dim", "heads", "size", "samples", "min",
     "max", "approximate")
)  # fmt: skip
"""Names of the arguments of functions that are written as keywords."""
