"""Values of fields, arguments and modifiers while a spec is elaborated.

Evaluates expressions in frames, converts results as fields want them, and turns what goes wrong
into problems at the place where the value was first written.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

from mnet_cost.errors import Problem, did_you_mean, one_of
from mnet_cost.expressions import ExpressionError
from mnet_cost.layers.axes import axis_place
from mnet_cost.layers.fields import FieldKind, Flag, Word
from mnet_cost.models.types import Constant, Function, Reference, Value
from mnet_cost.models.values import evaluate_part, part_of, wanted
from mnet_cost.network.budget import Budget
from mnet_cost.network.frames import Failed, Frame, FunctionFailed, FunctionScope
from mnet_cost.network.types import Tensor
from mnet_cost.tensors import (
    Check,
    HeightWidth,
    RuleViolation,
    agreed,
    agreed_value,
    axis_names,
    instead,
    is_array,
    is_condition,
    is_number,
    is_word,
)
from mnet_cost.yamlfile import Node

_MAX_CALLS_OF_VALUE = 10_000  # for one value
_MAX_FUNCTION_DEPTH = 32
_OPERATIONS_OF_VALUE = 4  # what it takes to evaluate a value, beside the operations in it
_OPERATIONS_OF_CALL = 6  # the same for a function


class EvaluationBySide(NamedTuple):
    """The values of a spec at the height and at the width that knobs state."""

    height: Evaluation
    width: Evaluation


class Evaluation:
    """What values may depend on: knobs, `let`, the tensors so far, and options chosen."""

    def __init__(
        self,
        knobs: Mapping[str, Any],
        chosen: Mapping[str, Any],
        check: Check,
        tensors: list[Tensor],
        root: Node,
        budget: Budget,
    ) -> None:
        self.names: dict[str, Any] = dict(knobs)
        self.functions: dict[str, Function] = {}
        self.chosen = chosen
        self.choices: dict[str, tuple[Any, ...]] = {}
        """Options of every choice that was reached."""
        self.failed: list[str] = []
        """Paths of entries that failed, the first first; empty where a limit on all was met."""
        self.check = check
        self.tensors = tensors
        self.budget = budget
        self.frame = Frame(self, self.names, "", 0)
        """The list whose value is being evaluated."""
        self.root = root
        self.source = root.source
        self.at = root
        """The value being evaluated, for sizes of tensors that are not there."""
        self.renamed: list[tuple[str, str]] = []
        """For each `use` being walked, its path and that of the original whose options it has."""
        self._calls = 0
        self._calls_before = 0
        self._function_depth = 0
        self._free: dict[str, tuple[str, ...]] = {}
        self._operations: dict[str, int] = {}
        """Operations of each function of `let`, with those of the call itself."""

    def define(self, definitions: tuple[Function | Constant, ...]) -> None:
        """Evaluate `let`, from top to bottom."""
        for definition in definitions:
            if isinstance(definition, Constant):
                scope = Frame(self, self.names, "", 0)
                self.names[definition.name] = self.evaluate(scope, definition.value)
            else:
                self.functions[definition.name] = definition
                free = self._free[definition.name] = _free_names(definition)
                names = len(free) + len(definition.parameters)
                self._operations[definition.name] = (
                    definition.expression.operations + names + _OPERATIONS_OF_CALL
                )

    def define_by_side(self, definitions: tuple[Function | Constant, ...]) -> EvaluationBySide:
        """`define`, where knobs state a height and a width: once for each.

        What depends on such a knob gets two values, which only sizes of inputs can have.
        """
        height, width = (
            Evaluation(
                {
                    name: value[side] if isinstance(value, HeightWidth) else value
                    for name, value in self.names.items()
                },
                self.chosen,
                self.check,
                self.tensors,
                self.root,
                self.budget,
            )
            for side in (0, 1)
        )
        for values in (height, width):
            values.define(definitions)
        functions = tuple(
            [definition for definition in definitions if isinstance(definition, Function)]
        )
        self.define(functions)
        for name, value in height.names.items():
            same = agreed(value == width.names[name])
            self.names[name] = value if same else HeightWidth(value, width.names[name])
        return EvaluationBySide(height, width)

    def evaluate(self, frame: Frame, value: Value) -> Any:
        """The value of `value` in `frame`; raises `Failed` with the place of what is wrong."""
        if value.constant:
            return value.evaluate(frame)
        self.frame, self.at = frame, value.node
        operations = value.operations + _OPERATIONS_OF_VALUE
        self.budget.spend("operations of arithmetic", operations, frame, value.node)
        self._calls_before = self._calls
        self._function_depth = 0
        try:
            return value.evaluate(frame)
        except FunctionFailed as failure:
            inside = failure.problem
            used = f"used at {value.node.line_in(self.source)}"
            problem = inside._replace(trail=(*inside.trail, used, *frame.trail()))
        except ExpressionError as error:
            span = part_of(error.node or value.node, error.offset, error.length)
            problem = Problem(error.message, span, error.hint, frame.trail())
        except RuleViolation as violation:
            problem = Problem(str(violation), value.node.span(), None, frame.trail())
        except RecursionError:
            message = "functions of `let` are nested too deeply"
            problem = Problem(message, value.node.span(), None, frame.trail())
        raise Failed(problem) from None

    def number(self, frame: Frame, value: Value, what: str, kind: FieldKind) -> Any:
        """The value of the field `what`, converted by its kind; `Failed` if that refuses it."""
        raw = self.evaluate(frame, value)
        if type(raw) is list:
            self.budget.spend("operations of arithmetic", 4 * len(raw), frame, value.node)
        try:
            return kind.convert(raw, self.check)
        except RuleViolation as violation:
            raise Failed(self._wrong_value(frame, value, what, kind, raw, violation)) from None

    def _wrong_value(
        self,
        frame: Frame,
        value: Value,
        what: str,
        kind: FieldKind,
        raw: Any,
        violation: RuleViolation,
    ) -> Problem:
        origin, where = frame.origin(value)
        message, hint = f"`{what}` {violation}", None
        if isinstance(raw, str) and not isinstance(kind, (Flag, Word)):
            message = (
                f"`{what}` needs {wanted(kind)}, and `{raw}` is not a knob, "
                "an argument or a name in `let`"
            )
            known = {**self.names, **where.names}
            names = [n for n, v in known.items() if not isinstance(v, str)]
            hint = did_you_mean(raw, [*names, *kind.words])
        return Problem(message, origin.node.span(), hint, frame.trail())

    def decide(self, frame: Frame, value: Value) -> Any:
        """A value that decides structure: the same for all candidates, else `Differs`."""
        return agreed_value(self.evaluate(frame, value))

    def function(self, name: str, arguments: list[Any]) -> Any:
        """The value of a function of `let`."""
        self._calls += 1
        self.budget.spend("operations of arithmetic", self._operations[name], self.frame, self.at)
        if self._calls - self._calls_before > _MAX_CALLS_OF_VALUE:
            raise RuleViolation(
                f"this calls functions of `let` more than {_MAX_CALLS_OF_VALUE:,} times"
            )
        if self._function_depth >= _MAX_FUNCTION_DEPTH:
            raise RuleViolation(
                f"functions of `let` call each other more than {_MAX_FUNCTION_DEPTH} deep"
            )
        function = self.functions[name]
        names = dict(zip(function.parameters, arguments, strict=True))
        for free in self._free[name]:
            names[free] = self.names[free]
        self._function_depth += 1
        try:
            value = function.expression.evaluate(FunctionScope(self, names))
        except ExpressionError as error:
            span = part_of(function.node, error.offset, error.length)
            trail = (_call_of(name, arguments),)
            raise FunctionFailed(Problem(error.message, span, error.hint, trail)) from None
        except FunctionFailed as failure:
            inside = failure.problem
            steps = (*inside.trail, _call_of(name, arguments))
            raise FunctionFailed(inside._replace(trail=steps)) from None
        self._function_depth -= 1
        return value

    def size(self, frame: Frame, reference: str, axis: str) -> Any:
        """A size of the tensor that `reference` names."""
        tensor = self.tensors[frame.resolve(Reference(tuple(reference.split(".")), self.at))]
        place = axis_place(tensor.type, axis)
        if place is not None:
            return tensor.type.shape[place]
        names = axis_names(len(tensor.type.shape), tensor.type.layout)
        raise RuleViolation(
            f"`{reference}` is {tensor.type}: it has {one_of(names).replace(' or ', ' and ')}, "
            f"no `{axis}`"
        )

    def choice(self, frame: Frame, path: str, choices: tuple[Value, ...]) -> Any:
        """The option that the knob `path` picks; the first without one."""
        for new, original in reversed(self.renamed):
            if path == new or path.startswith(f"{new}."):
                path = original + path[len(new) :]
        options = tuple(evaluate_part(choice, frame) for choice in choices)
        self.choices[path] = options
        if path not in self.chosen:
            return options[0]
        picked = self.chosen[path]
        if is_array(picked) or any(is_array(option) for option in options):
            alike = [option for option in options if _is_alike(option, picked)]
            valid = reduce(or_, [picked == option for option in alike], False)
            self.check(valid, "`{}` has no such option", path)
            return instead(picked, valid, alike[0])
        if picked not in options:
            listed = ", ".join(map(str, options))
            raise RuleViolation(f"`{path}` is one of {listed}, not {picked}")
        return picked


def _is_alike(first: Any, other: Any) -> bool:
    """Whether both are numbers, words or flags, or arrays of them; lists are in no array."""
    return any(is_kind(first) and is_kind(other) for is_kind in (is_number, is_word, is_condition))


def _call_of(name: str, arguments: list[Any]) -> str:
    return f"in {name}({', '.join(map(str, arguments))})"


def _free_names(function: Function) -> tuple[str, ...]:
    """Names that a function takes from the file."""
    used = {use.name for use in function.expression.names}
    return tuple(sorted(used.difference(function.parameters)))
