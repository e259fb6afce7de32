"""Names of a block's inputs and arguments: by their fields, or by what they are good for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mnet_cost.importing.blocks.expressions import Vector
from mnet_cost.importing.blocks.grammar import Rule, Source, word_of
from mnet_cost.importing.blocks.leaves import KIND
from mnet_cost.layers import KINDS

FLAG = "flag"
"""The field of an argument that says whether a part is there."""

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")


class New(NamedTuple):
    """An argument that has no name yet; `{n}` stands for it in texts."""

    field: str
    vector: Vector
    slot: int
    place: str
    """Where it first stands: of a call, the argument of the called block."""


def input_names(rule: Rule) -> tuple[str, ...]:
    """What the inputs of a block are called in it."""
    if rule.inputs == 1:
        return ("input",)
    last = rule.slots[-1]
    if rule.inputs == 2 and word_of(last) in ("add", "concat"):
        return ("main", "beside") if Source(-2) in last.sources else ("beside", "main")
    return tuple(_ORDINALS[: rule.inputs])


def argument_names(rule: Rule, arguments: Sequence[New]) -> list[str]:
    """Names of the new arguments: by their fields, or by what they are good for."""
    by_field: dict[str, list[int]] = {}
    for number, new in enumerate(arguments):
        by_field.setdefault(new.field, []).append(number)
    names = [""] * len(arguments)
    taken = set(input_names(rule)) | set(KINDS)
    for field, numbers in by_field.items():
        for number, name in zip(
            numbers, _field_names(rule, field, [arguments[n] for n in numbers]), strict=True
        ):
            while name in taken:
                name = f"{name}_{_ORDINALS[min(number, 7)]}" if name in KINDS else f"other_{name}"
            taken.add(name)
            names[number] = name
    return names


def _field_names(rule: Rule, field: str, arguments: Sequence[New]) -> list[str]:
    if field == FLAG:
        return [_flag_name(rule, new) for new in arguments]
    if field == KIND:
        return _numbered("activation", len(arguments))
    if field in ("channels", "features"):
        if len(arguments) == 1:
            return [field]
        roles = [_role(rule, new.slot) for new in arguments]
        roles[max(range(len(arguments)), key=lambda at: arguments[at].slot)] = field
        if len(set(roles)) == len(roles):
            return roles
        return [f"{field[0]}{count + 1}" for count in range(len(arguments))]
    return _numbered(field, len(arguments))


def _role(rule: Rule, slot: int) -> str:
    """What a width inside a block is: before a depthwise convolution, or before a gate."""
    after = [word_of(other) for other in rule.slots[slot + 1 : slot + 6]]
    before = [word_of(other) for other in rule.slots[max(slot - 2, 0) : slot]]
    if any(word.startswith("depthwise") for word in after[:3]):
        return "expanded"
    pools = any("pool" in word or word == "reduce" for word in before)
    if pools and any("sigmoid" in word for word in after[:4]):
        return "squeezed"
    return "hidden"


def _flag_name(rule: Rule, new: New) -> str:
    if new.place != FLAG:  # the flag of a block that is called here
        return new.place
    option = next(option for option in rule.options if option.start == new.slot)
    slots = rule.slots[option.start : option.stop]
    words = [word_of(slot) for slot in slots]
    if "multiply" in words and any("sigmoid" in word for word in words):
        return "se"  # squeeze and excite
    if words == ["add"]:
        return "residual"
    after = [word_of(slot) for slot in rule.slots[option.stop :]]
    if any("conv" in word for word in words):
        if option.start == 0 and any(word.startswith("depthwise") for word in after):
            return "expand"
        if option.start and slots[0].sources == (Source(-1),) and "add" in after:
            return "project"
    if words == ["activation"]:
        return "activated"
    named = next((word for word in words if word), "")
    return f"with_{named.removesuffix('2d')}" if named else "extended"


def _numbered(name: str, count: int) -> list[str]:
    if count == 1:
        return [name]
    return [
        f"{_ORDINALS[at]}_{name}" if at < len(_ORDINALS) else f"{name}_of_{at + 1}"
        for at in range(count)
    ]
