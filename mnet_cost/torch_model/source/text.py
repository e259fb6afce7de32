"""Python text: names, calls, and lines that are not too long."""

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

from mnet_cost.torch_model import parts, same

WIDTH = 100

METHODS = {
    torch.flatten: "flatten",
    torch.unflatten: "unflatten",
    torch.transpose: "transpose",
    torch.permute: "permute",
    torch.mean: "mean",
    torch.amax: "amax",
    torch.narrow: "narrow",
    torch.select: "select",
    torch.split: "split",
    torch.chunk: "chunk",
    torch.unsqueeze: "unsqueeze",
    torch.movedim: "movedim",
}
"""Functions that are written as methods of their first argument."""

INFIX = {operator.add: "+", operator.mul: "*", torch.matmul: "@"}

_OPENING, _CLOSING = "([{", ")]}"


@cache
def own_parts() -> dict[str, Any]:
    """What written source takes along: functions and classes by name, in order."""
    return {
        name: one
        for module in (same, parts)
        for name, one in vars(module).items()
        if getattr(one, "__module__", None) == module.__name__
    }


@cache
def _names_of_functions() -> dict[int, str]:
    found: dict[int, str] = {}
    for prefix, module in (("F", F), ("torch", torch)):
        for name in dir(module):
            if not name.startswith("_"):
                found.setdefault(id(getattr(module, name)), f"{prefix}.{name}")
    return found


def function_name(function: Any) -> str:
    """How a function or a module class is called in a file that imports torch, nn and F."""
    name: str = getattr(function, "__name__", "")
    if isinstance(function, type) and getattr(nn, name, None) is function:
        return f"nn.{name}"
    if own_parts().get(name) is function:
        return name
    return _names_of_functions()[id(function)]


# --- lines


def wrapped(line: str, indent: int) -> list[str]:
    """`line` at `indent`, broken at its last brackets until it fits."""
    text = " " * indent + line
    if len(text) <= WIDTH:
        return [text]
    span = _last_brackets(line)
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
    """The last pair of brackets that is not within another one and not empty."""
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
    """The parts of a list of arguments."""
    parts_, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c in _OPENING) - (c in _CLOSING)
        if c == "," and depth == 0:
            parts_.append(text[start:i].strip())
            start = i + 1
    last = text[start:].strip()
    return [*parts_, last] if last else parts_


def source_of(names: Sequence[str]) -> list[str]:
    """The text of own parts and of what they need, in the order in which they are defined."""
    available = own_parts()
    wanted, pending = set(), list(names)
    while pending:
        name = pending.pop()
        if name in wanted or name not in available:
            continue
        wanted.add(name)
        tree = ast.parse(inspect.getsource(available[name]))
        pending += [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    return [inspect.getsource(one).rstrip() for name, one in available.items() if name in wanted]
