"""The forward of a class as lines: which calls stand within others, and what results are called.

A value that is used once, by what follows, stands within it if that is an activation, a norm or an
addition; else it gets a variable. The main line of a network keeps its variable; what branches off
is called after the layer where the branch ends.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from itertools import chain, count
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from mnet_cost.torch_model import parts
from mnet_cost.torch_model.names import is_name, variable
from mnet_cost.torch_model.source.columns import MISSING, Column, same, shown
from mnet_cost.torch_model.source.plan import ClassPlan, Line, Run, Symbol, symbols_in
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
    nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm, nn.Dropout, parts.PRelu,
    parts.Scale,
)  # fmt: skip
_LIGHT = (
    F.relu, F.relu6, F.leaky_relu, F.hardsigmoid, F.silu, F.hardswish, F.gelu, F.softmax,
    F.normalize, torch.sigmoid, torch.tanh, operator.add, operator.mul, operator.getitem,
)  # fmt: skip


class Text(NamedTuple):
    """An expression, and whether it needs brackets as an operand."""

    text: str
    loose: bool = False

    @property
    def tight(self) -> str:
        """The text, in brackets if need be."""
        return f"({self.text})" if self.loose else self.text


class Forward:
    """Writes the forward of one class."""

    def __init__(self, plan: ClassPlan, reference: Callable[[str], str]) -> None:
        self.plan = plan
        self.reference = reference
        """From the path of a module to how it is reached."""
        self.stored: dict[str, str] = {}
        """Attributes that hold arguments of the constructor: name -> expression there."""
        self.slots = {slot.name: slot for slot in plan.slots}
        self.starts = {run.start: run for run in plan.runs}
        self.reads = [list(symbols_in(line)) for line in plan.lines]
        """What each line reads."""
        self.users: dict[Symbol, list[int]] = {}
        self.end = len(plan.lines)
        self._count()
        self.variables: dict[Symbol, str] = {}
        self.until: dict[str, int] = {}
        """The last line that reads each variable."""
        self.named: set[Symbol] = set()
        self.inner: dict[Symbol, Text] = {}
        self.out: list[str] = []

    def lines(self) -> list[str]:
        """The statements, the last of which returns."""
        for name, symbol in self.plan.symbols.items():
            names = {*self.plan.symbols, *self.variables.values()} - {name}
            self._call_it(symbol, name if is_name(name) else variable(name, names))
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
        self.out.append(f"return {', '.join(self._operand(one).text for one in self.plan.outputs)}")
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
        while pending:  # what is either of two uses both, where the lines end that make one
            symbol = pending.pop()
            if symbol.source is not None and symbol.other is not None:
                run = ends[symbol.line]
                listed = self.either.setdefault(run.start, [])
                if symbol not in listed:
                    listed.append(symbol)
                    for one in (symbol.source, symbol.other):
                        if one not in self.users:
                            pending.append(one)
                        self.users.setdefault(one, []).append(run.end - 1)

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
        """Write a line, or keep its text for the next one."""
        line = self.plan.lines[number]
        text = self._call(line)
        if not line.results:
            return
        if len(line.results) == 1:
            (result,) = line.results
            if self._stands_within(result, number, limit, text):
                self.inner[result] = text
                return
        names = [self._choose(one, number) if one in self.users else "_" for one in line.results]
        self._assign(names, text)

    def _assign(self, names: list[str], text: Text) -> None:
        left = ", ".join(names)
        if left != text.text:
            self.out.append(f"{left} = {text.text}")

    def _stands_within(self, result: Symbol, number: int, limit: int, text: Text) -> bool:
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
        if isinstance(target, Column):
            return True
        if isinstance(target, Ref):
            slot = self.slots.get(target.path)
            return slot is not None and slot.factory in _NORMS
        return target in _LIGHT

    # --- what is left out

    def _run(self, run: Run) -> None:
        condition = self._condition(run)
        either = self.either.get(run.start, [])
        before = len(self.out)
        for number in range(run.start, run.end):
            self._line_in(number, run, either)
        last = self.plan.lines[run.end - 1].results
        if len(either) == 1 and either[0].source in last and len(self.out) == before:
            self._either_of_two(either[0], condition, run)
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
            found = self._operand(symbol.source).text
            if found != name:
                tail.append(f"{name} = {found}")
        self.out.append(f"if {condition}:")
        self.out += [f"    {one}" for one in (*body, *tail)]

    def _read_in(self, run: Run) -> set[str]:
        """Variables that lines of a run read or write: not to be written before them."""
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

    def _either_of_two(self, symbol: Symbol, condition: str, run: Run) -> None:
        assert symbol.source is not None
        assert symbol.other is not None
        text = self.inner.pop(symbol.source, None) or self._operand(symbol.source)
        other = self._operand(symbol.other)
        whole = Text(f"{text.text} if {condition} else {other.tight}", loose=True)
        returned = self._single(symbol) == self.end and run.end == self.end
        short = len(whole.text) < WIDTH - _INDENT - 12
        if returned and len(self.plan.outputs) == 1 and short:
            self.inner[symbol] = whole
            return
        name = self._choose(symbol, run.end - 1)
        if name == other.text or not short:
            if name != other.text:
                self.out.append(f"{name} = {other.text}")
            self.out += [f"if {condition}:", f"    {name} = {text.text}"]
        else:
            self.out.append(f"{name} = {whole.text}")

    def _condition(self, run: Run) -> str:
        found = self.plan.conditions[run.mask]
        if found.form == "{}":
            (one,) = found.parameters
            name = one.name
            self.stored[name] = name
            return f"self.{name}"
        first = self.plan.lines[run.start]
        label = first.key[0].split(".")[0]
        for name, text in self.stored.items():
            if text == found.text():
                return f"self.{name}"
        name = "residual" if label == "add" else f"has_{label}"
        taken = {slot.name.split(".")[0] for slot in self.plan.slots} | set(self.stored)
        taken |= {one.name for one in self.plan.parameters}
        while name in taken:
            name = f"{name}_"
        self.stored[name] = found.text()
        return f"self.{name}"

    # --- expressions

    def _operand(self, symbol: Symbol) -> Text:
        if symbol in self.inner:
            return self.inner.pop(symbol)
        return Text(self.variables[symbol])

    def _argument(self, argument: Any) -> Text:
        if isinstance(argument, Symbol):
            return self._operand(argument)
        if isinstance(argument, Column):
            expression = argument.found
            if expression.constant is not MISSING:
                return Text(shown(expression.constant))
            for one in expression.parameters:
                self.stored.setdefault(one.name, one.name)
            return Text(expression.text("self."))
        inner = ", ".join(self._argument(one).text for one in argument)
        return Text(f"({inner},)" if len(argument) == 1 else f"({inner})")

    def _call(self, line: Line) -> Text:
        target, given = line.target, dict(line.arguments)
        if isinstance(target, Ref):
            values = [
                f"{f'{name[1:]}=' if name.startswith('=') else ''}{self._argument(value).text}"
                for name, value in given.items()
            ]
            return Text(f"{self.reference(target.path)}({', '.join(values)})")
        if isinstance(target, Column):
            (value,) = given.values()
            if target.found.constant is MISSING:
                for one in target.found.parameters:
                    self.stored.setdefault(one.name, one.name)
            return Text(f"{target.found.text('self.')}({self._argument(value).text})")
        if target in INFIX:
            left, right = (self._argument(one) for one in given.values())
            chained = target is operator.add and left.loose and " if " not in left.text
            first = left.text if chained else left.tight
            return Text(f"{first} {INFIX[target]} {right.tight}", loose=True)
        if target is operator.getitem:
            value, index = given.values()
            return Text(f"{self._argument(value).tight}[{self._argument(index).text}]")
        usual = defaults(target)
        words, named = [], False
        for place, (name, argument) in enumerate(given.items()):
            constant = argument.found.constant if isinstance(argument, Column) else MISSING
            if constant is not MISSING and name in usual and same(constant, usual[name]):
                continue
            text = self._argument(argument)
            by_name = isinstance(argument, Column) and place > 0 and name in _BY_NAME
            by_name = by_name and (target not in METHODS or name == "keepdim")
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
        """A variable for what line `number` makes."""
        name = self._wanted(
            symbol, number, lambda name: name not in avoid and self.until.get(name, -1) <= number
        )
        self._call_it(symbol, name)
        return name

    def _call_it(self, symbol: Symbol, name: str) -> None:
        self.variables[symbol] = name
        self.until[name] = max(self.until.get(name, -1), self._last(symbol))

    def _wanted(self, symbol: Symbol, number: int, is_free: Callable[[str], bool]) -> str:
        own = self._own_name(symbol)
        several = len(self.plan.lines[symbol.line].results) > 1
        if own and is_free(own) and (several or self._is_kept(symbol)):
            self.named.add(symbol)
            return own
        read = [
            one
            for one in dict.fromkeys(self._sources(number))
            if one in self.variables and self._last(one) <= number and one not in self.named
        ]
        flowing = [self.variables[one] for one in read if is_free(self.variables[one])]
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
        """What line `number` reads, with what lines that stand within it read."""
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
        """Whether a value is one that lines further on put together with others."""
        users = self.users.get(symbol, [])
        if len(users) != 1:
            return True
        if users[0] == self.end:
            return len(self.plan.outputs) > 1
        return len(self.reads[users[0]]) > 1

    def _tail(self, symbol: Symbol) -> Symbol:
        """Where the chain of values ends that each have one use."""
        while True:
            user = self._single(symbol)
            if user is None or user == self.end or len(self.plan.lines[user].results) != 1:
                return symbol
            line = self.plan.lines[user]
            if len(self.reads[user]) == 1 and symbol is self.reads[user][0]:
                symbol = line.results[0]
                continue
            if symbol not in self.reads[user]:  # it becomes one of two
                following = self.following.get(symbol, [])
                if len(following) != 1:
                    return symbol
                symbol = following[0]
                continue
            return symbol


_BY_NAME = frozenset(
    ("stride", "padding", "dilation", "count_include_pad", "value", "mode", "align_corners",
     "alpha", "beta", "k", "eps", "keepdim", "dim", "heads", "size", "samples")
)  # fmt: skip
"""Arguments of functions that are written with their names."""
