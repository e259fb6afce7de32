"""Python text: names of functions, the definitions that a file takes along, lines that fit."""

from __future__ import annotations

import ast
import inspect
import operator
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from mnet_cost.torch_model import modules, positions, same_padding

WIDTH = 100
"""The longest line of written source, in characters, where it can be broken."""

METHODS = {
    torch.flatten: "flatten",
    torch.unflatten: "unflatten",
    torch.transpose: "transpose",
    torch.permute: "permute",
    torch.mean: "mean",
    torch.amax: "amax",
    torch.amin: "amin",
    torch.sum: "sum",
    torch.prod: "prod",
    torch.var: "var",
    torch.std: "std",
    torch.narrow: "narrow",
    torch.select: "select",
    torch.split: "split",
    torch.chunk: "chunk",
    torch.unsqueeze: "unsqueeze",
    torch.movedim: "movedim",
}
"""Functions that are written as methods of their first argument: `x.flatten(1)`."""

INFIX = {
    operator.add: "+",
    operator.sub: "-",
    operator.mul: "*",
    operator.truediv: "/",
    operator.gt: ">",
    torch.matmul: "@",
}

_OPENING, _CLOSING = "([{", ")]}"


@cache
def own_definitions() -> dict[str, Any]:
    """Functions and classes of `same_padding.py`, `modules.py` and `positions.py` by name.

    Written source has the text of those that it uses, so that it needs torch alone.
    """
    return {
        name: definition
        for module in (same_padding, modules, positions)
        for name, definition in vars(module).items()
        if getattr(definition, "__module__", None) == module.__name__
    }


@cache
def _names_of_functions() -> dict[int, str]:
    names: dict[int, str] = {}
    for prefix, module in (("F", F), ("torch", torch), ("torch.linalg", torch.linalg)):
        for name in dir(module):
            if not name.startswith("_"):
                names.setdefault(id(getattr(module, name)), f"{prefix}.{name}")
    return names


def function_name(function: Any) -> str:
    """The name of a function or module class in a file that imports torch, nn and F.

    Raises `KeyError` for a function that is neither torch's nor one of `own_definitions`.
    """
    name: str = getattr(function, "__name__", "")
    if isinstance(function, type) and getattr(nn, name, None) is function:
        return f"nn.{name}"
    if own_definitions().get(name) is function:
        return name
    return _names_of_functions()[id(function)]


# --- lines


def wrapped(line: str, indent: int) -> list[str]:
    """`line` with `indent` blanks in front, as lines of at most `WIDTH` characters if possible.

    It is broken inside its last brackets, that of a function inside those of its parameters.
    """
    text = " " * indent + line
    if len(text) <= WIDTH:
        return [text]
    span = _last_brackets(line.rpartition(" -> ")[0] if line.startswith("def ") else line)
    if span is None:
        return [text]
    start, end = span
    head, body, tail = line[: start + 1], line[start + 1 : end], line[end:]
    inner = " " * (indent + 4) + body
    if len(inner) <= WIDTH:
        return [" " * indent + head, inner, " " * indent + tail]
    lines = [" " * indent + head]
    if _top_level(body, " for ") is not None:
        lines += _generator(body, indent + 4)
    else:
        for piece in split_commas(body):
            lines += wrapped(f"{piece},", indent + 4)
    return [*lines, " " * indent + tail]


def _generator(body: str, indent: int) -> list[str]:
    place = _top_level(body, " for ")
    if place is None:
        return [" " * indent + body]
    return [*wrapped(body[:place], indent), *wrapped(body[place + 1 :], indent)]


def _top_level(text: str, word: str) -> int | None:
    depth = 0
    for i, c in enumerate(text):
        depth += (c in _OPENING) - (c in _CLOSING)
        if depth == 0 and text.startswith(word, i):
            return i
    return None


def _last_brackets(line: str) -> tuple[int, int] | None:
    """Start and end of the last pair of outermost brackets that is not empty."""
    depth, end = 0, -1
    for i in range(len(line) - 1, -1, -1):
        c = line[i]
        if c in _CLOSING:
            if depth == 0:
                end = i
            depth += 1
        elif c in _OPENING:
            depth -= 1
            if depth == 0 and end - i > 1:
                return i, end
    return None


def split_commas(text: str) -> list[str]:
    """The arguments in a list of arguments: `a, f(b, c)` -> `a` and `f(b, c)`."""
    parts_, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c in _OPENING) - (c in _CLOSING)
        if c == "," and depth == 0:
            parts_.append(text[start:i].strip())
            start = i + 1
    last = text[start:].strip()
    return [*parts_, last] if last else parts_


def source_of(names: Sequence[str]) -> list[str]:
    """The text of own definitions and of those that they need, in the order of their files."""
    available = own_definitions()
    wanted, pending = set(), list(names)
    while pending:
        name = pending.pop()
        if name in wanted or name not in available:
            continue
        wanted.add(name)
        tree = ast.parse(inspect.getsource(available[name]))
        pending += [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    return [
        inspect.getsource(definition).rstrip()
        for name, definition in available.items()
        if name in wanted
    ]
