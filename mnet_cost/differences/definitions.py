"""What two specs define otherwise: `let`, knobs, defaults of arguments, and what blocks stand for.

A definition is a reason of what is written with its name, directly or through other definitions and
arguments. Not here: entries, which are compared where a layer stands in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mnet_cost.differences.reasons import (
    NOTHING,
    Reason,
    Reasons,
    block_reason,
    bounded,
    place_of,
    values_text,
)
from mnet_cost.differences.snapshots import SpecEntry, value_text
from mnet_cost.models.naming import WORD, defined_name
from mnet_cost.models.types import Block, ModelSpec
from mnet_cost.yamlfile import Node


class Definitions:
    """`let`, knobs and defaults of arguments that differ, and which names depend on them."""

    def __init__(
        self,
        first: ModelSpec | None,
        other: ModelSpec | None,
        knobs: Mapping[str, Reason],
        renamed: Mapping[str, str],
        layers_of_lets: Mapping[str, frozenset[str]],
    ) -> None:
        self.all: Reasons = frozenset(knobs.values())
        self._of_name: dict[str, Reasons] = {
            name: frozenset((reason,)) for name, reason in knobs.items()
        }
        self.aliases: dict[str, Reason] = {}
        """By name of a block that stands for something else."""
        self._layers: dict[Reason, frozenset[str]] = {}
        """Names of the layers of the other network that a definition changes, where it is known."""
        self._defaults: dict[tuple[str, str], Reason] = {}
        self._arguments: dict[str, dict[str, set[str]]] = {}
        if first is None or other is None:
            return
        old, new = let_texts(first), let_texts(other)
        without_effect = {name for name, layers in layers_of_lets.items() if not layers}
        for name, (text, node) in new.items():
            before = old.get(name)
            if before is not None and before[0] != text and name not in without_effect:
                reason = Reason(
                    "let",
                    f"`let` {name}: {values_text(before[0], text)}",
                    place_of(before[1]),
                    place_of(node),
                )
                self._of_name[name] = self._of_name.get(name, NOTHING) | {reason}
                self.all |= {reason}
                if name in layers_of_lets:
                    self._layers[reason] = layers_of_lets[name]
        for name, (text, _) in new.items():
            for word in WORD.findall(text):
                if word in self._of_name and word != name:
                    reasons = self._of_name.get(name, NOTHING) | self._of_name[word]
                    self._of_name[name] = bounded(reasons)
        self._read_aliases(first, other)
        self._read_arguments(first, other, {new: old for old, new in renamed.items()})
        self.all = bounded(self.all)

    def _read_aliases(self, first: ModelSpec, other: ModelSpec) -> None:
        """Names of `blocks` that stand for another kind or block now, in one spec or in both."""
        old, new = (spec.node.value.get("blocks") for spec in (first, other))
        if old is None or new is None:
            return
        for name, node in new.value.items():
            before = old.value.get(name)
            if before is None or (isinstance(before.value, dict) and isinstance(node.value, dict)):
                continue
            was, stands_for = (
                name if isinstance(each.value, dict) else value_text(each.plain())
                for each in (before, node)
            )
            if was != stands_for:
                reason = block_reason(was, stands_for, place_of(before), place_of(node))
                self.aliases[name] = reason
                self._of_name[name] = self._of_name.get(name, NOTHING) | {reason}
                self.all |= {reason}

    def _read_arguments(
        self, first: ModelSpec, other: ModelSpec, old_names: Mapping[str, str]
    ) -> None:
        for name, block in other.blocks.items():
            if not isinstance(block, Block):
                continue
            texts = {
                argument: "" if value is None else value_text(value.node.plain())
                for argument, value in block.arguments.items()
            }
            self._arguments[block.name] = {
                argument: set(WORD.findall(text)) for argument, text in texts.items()
            }
            before = first.blocks.get(old_names.get(name, name))
            if not isinstance(before, Block):
                continue
            for argument, text in texts.items():
                value = before.arguments.get(argument)
                if value is None or value_text(value.node.plain()) == text:
                    continue
                now = block.arguments[argument]
                changed = values_text(value_text(value.node.plain()), text)
                self._defaults[block.name, argument] = Reason(
                    "let",
                    f"`{argument}` of block `{block.name}`: {changed}",
                    place_of(value.node),
                    place_of(block.node if now is None else now.node),
                )

    def of(self, words: Iterable[str]) -> Reasons:
        """The reasons that names depend on."""
        return bounded(NOTHING.union(*[self._of_name.get(word, NOTHING) for word in words]))

    def of_layer(self, name: str, reasons: Reasons) -> Reasons:
        """`reasons` without definitions that change nothing of a layer of the other network."""
        own = [reason for reason in reasons if name in self._layers.get(reason, (name,))]
        return frozenset(own)

    def through(self, call: SpecEntry, words: set[str]) -> tuple[Reasons, set[str]]:
        """What a call makes of names that are used in the block: reasons of defaults, and the names
        that its arguments are written with."""
        arguments = self._arguments.get(call.block, {})
        given = {key.rpartition(".")[2]: text for key, text in call.values if "." in key}
        reasons: Reasons = NOTHING
        outside = {word for word in words if word not in arguments}
        for word in words & arguments.keys():
            if word in given:
                outside |= set(WORD.findall(given[word]))
            else:
                outside |= arguments[word]
                default = self._defaults.get((call.block, word))
                reasons |= NOTHING if default is None else {default}
        return reasons, outside


def let_texts(spec: ModelSpec) -> dict[str, tuple[str, Node]]:
    """Text and place of each definition of `let` by its name."""
    section = spec.node.value.get("let")
    if section is None or not isinstance(section.value, dict):
        return {}
    lets = {}
    for key, node in section.value.items():
        name = defined_name(key)
        parameters = key[len(name) :]
        lets[name] = (f"{parameters} {value_text(node.plain())}".strip(), node)
    return lets
