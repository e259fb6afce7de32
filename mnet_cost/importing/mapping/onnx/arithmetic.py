"""Operators of ONNX that calculate each element by itself."""

from __future__ import annotations

from collections.abc import Mapping

from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.elementwise import binary, function, operation
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.values import Value

_BINARY = {"Add": "add", "Sub": "subtract", "Mul": "multiply", "Div": "divide", "Pow": "power"}
_KINDS = {"Relu": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh"}
_OPERATIONS = {"Exp": "exp", "Sqrt": "sqrt", "Log": "log", "Erf": "erf", "Neg": "negate"}
_KNOWN = {"Sqrt": "sqrt", "Exp": "exp", "Log": "log", "Neg": "negate"}


def _binary(name: str) -> Rule:
    def rule(b: Builder, call: Call) -> Value:
        return binary(b, call.input(0), call.input(1), name)

    return rule


def _kind(kind: str) -> Rule:
    return lambda b, call: function(b, call.input(0), kind)


def _operation(name: str, known: str | None) -> Rule:
    return lambda b, call: operation(b, call.input(0), name, known)


RULES: Mapping[str, Rule] = {
    **{name: _binary(ours) for name, ours in _BINARY.items()},
    **{name: _kind(kind) for name, kind in _KINDS.items()},
    **{name: _operation(ours, _KNOWN.get(name)) for name, ours in _OPERATIONS.items()},
}
