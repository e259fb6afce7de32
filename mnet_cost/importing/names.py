"""Names of blocks and of entries: from the modules of the program, else from what is in them.

A name is legal in a spec, is used once, and is never like the name that an entry without `id` has
(`conv2d_2`). Class names become words: `InvertedResidual` is `inverted_residual`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mnet_cost.importing.blocks.grammar import Grammar, Rule, Source, word_of
from mnet_cost.importing.blocks.modules import Modules
from mnet_cost.importing.legal_names import LONGEST_NAME, legal

_PARTS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")


def snake_case(name: str) -> str:
    """Words of a class name joined by `_`: `Conv2dNormActivation` is `conv2d_norm_activation`."""
    words: list[str] = []
    for word in re.split(r"\W+|_+", name, flags=re.ASCII):
        parts = _joined_syllables(_PARTS.findall(word))
        joined = ""
        for part in parts:
            if part.isdigit() or (joined and joined[-1].isdigit() and len(part) == 1):
                joined += part.lower()
            elif joined:
                words.append(joined)
                joined = part.lower()
            else:
                joined = part.lower()
        if joined:
            words.append(joined)
    return "_".join(words)[:LONGEST_NAME].strip("_")


def _joined_syllables(parts: list[str]) -> list[str]:
    """Parts of a word with two short ones in a row as one: `ConvNeXt` has a `NeXt`."""
    joined: list[str] = []
    for part in parts:
        if joined and len(part) <= 2 and len(joined[-1]) == 2 and joined[-1][1:].islower():
            joined[-1] += part.lower()
        else:
            joined.append(part)
    return joined


class BlockNames:
    """Names of the rules of a grammar."""

    def __init__(self, grammar: Grammar) -> None:
        self.names: dict[int, str] = {}
        modules = Modules(grammar.graphs[0])
        for number in grammar.order():
            if number:
                self.names[number] = self._name(grammar, number, modules)

    def _name(self, grammar: Grammar, number: int, modules: Modules) -> str:
        rule = grammar.rules[number]
        candidates = [_class_name(grammar, rule, modules), content_name(grammar, rule, self.names)]
        for name in candidates:
            if name:
                made = legal(name, self.names.values())
                if made is not None:
                    return made
        base = next(name for name in candidates if name)
        for word in (*_differences(rule), *_ADJECTIVES):
            made = legal(f"{base}_{word}", self.names.values())
            if made is not None:
                return made
        raise AssertionError("there are more words than blocks of one name")


_ADJECTIVES = (
    "other", "further", "inner", "outer", "small", "large", "plain", "mixed", "early", "late",
    *(f"of_kind_{number}" for number in range(2, 1000)),
)  # fmt: skip


def _class_name(grammar: Grammar, rule: Rule, modules: Modules) -> str | None:
    """The class of the module that all copies are calls of, or nearly."""
    names: dict[str, int] = {}
    for frame in range(len(rule.frames)):
        layers = grammar.layers_of(rule, frame)
        if layers[0] >= grammar.count:
            continue  # of another graph, with the same modules
        scope = modules.nearest(layers[0], layers[-1] + 1)
        if scope is not None:
            name = snake_case(scope.class_name)
            names[name] = names.get(name, 0) + 1
    total = sum(1 for frame in rule.frames if grammar.layers_of(rule, 0))
    if not names:
        return None
    name, count = max(names.items(), key=lambda entry: entry[1])
    return name if 2 * count * len(grammar.graphs) > total else None


def content_name(grammar: Grammar, rule: Rule, names: dict[int, str]) -> str:
    """A word of the field for what a block does."""
    words = _words(grammar, rule)
    kinds = [word for word in words if word]
    has = set(kinds)
    convs = [word for word in kinds if "conv" in word]
    depthwise = [at for at, word in enumerate(convs) if word.startswith("depthwise")]
    last = rule.slots[-1]
    adds_input = any(
        word_of(slot) == "add" and any(source.slot < 0 for source in slot.sources)
        for slot in rule.slots
    ) or any(option.instead.slot < 0 and option.start for option in rule.options)
    attends = has & {"attention", "scaled_dot_product_attention"} or (
        "softmax" in has and kinds.count("matmul") > 1
    )
    if attends:
        called = [names.get(slot.rule, "") for slot in rule.slots if slot.rule is not None]
        if "encoder" in called:
            return "encoder_pair"
        return "encoder" if "activation" in has else "self_attention"
    if word_of(last) == "multiply" and has & {"sigmoid", "hard_sigmoid"}:
        return "squeeze_excite"
    if word_of(last) == "concat" and Source(-1) in last.sources:
        return "dense"
    if has & {"split", "channel_shuffle"} and "channel_shuffle" in has:
        return "shuffle_unit" if "split" in has else "shuffle_down"
    if word_of(last) == "concat" and len(last.sources) > 2:
        return "inception"
    if depthwise and len(convs) > 1:
        if adds_input or (depthwise[0] > 0 and len(convs) > 2):
            return "inverted_residual" if depthwise[0] > 0 else "depthwise_residual"
        if len(convs) == 2 and depthwise == [0]:
            return "separable"
        return "depthwise_stack"
    if adds_input:
        if len(convs) == 3 or len(convs) == 4:
            return "bottleneck"
        return "residual_mlp" if not convs and kinds.count("linear") > 1 else "residual"
    if not convs and kinds.count("linear") == 2 and "activation" in has:
        return "mlp"
    calls = [slot.rule for slot in rule.slots if slot.rule is not None]
    if calls and len(calls) * 2 > len(rule.slots):
        inner = names.get(calls[0], "block")
        return "stage" if len(calls) > 1 else f"{inner}_stage"
    return "_".join(_short_words(kinds)) or "stage"


_SHORT = {
    "conv2d": "conv", "conv1d": "conv1d", "conv3d": "conv3d", "depthwise_conv2d": "depthwise",
    "conv_transpose2d": "upconv", "batch_norm": "norm", "layer_norm": "norm", "group_norm": "norm",
    "rms_norm": "norm", "instance_norm": "norm", "activation": "act", "max_pool2d": "pool",
    "avg_pool2d": "pool", "global_avg_pool": "pool", "reshape": "", "transpose": "",
}  # fmt: skip


def _short_words(kinds: Sequence[str]) -> list[str]:
    """The first few kinds by short names, without one that follows itself."""
    short: list[str] = []
    for kind in kinds:
        word = _SHORT.get(kind, kind)
        if word and (not short or short[-1] != word):
            short.append(word)
    if len(short) <= 4:
        return short if len(short) > 1 else [*short, "unit"]
    distinct = list(dict.fromkeys(short))
    return distinct[:3]


def _words(grammar: Grammar, rule: Rule) -> list[str]:
    """Kinds of all layers of a block, those of blocks that it calls among them."""
    words: list[str] = []
    for slot in rule.slots:
        if slot.rule is None:
            words.append(word_of(slot))
        else:
            words += _words(grammar, grammar.rules[slot.rule])
    return words


def _differences(rule: Rule) -> Iterable[str]:
    """What may tell a block from another one of the same name."""
    words = [word_of(slot) for slot in rule.slots]
    for word in ("max_pool2d", "avg_pool2d", "concat", "split", "pad", "resize", "add"):
        if word in words:
            yield _SHORT.get(word, word)
    if words and words[-1] == "activation":
        yield "activated"
    yield "with_" + (_SHORT.get(words[-1], words[-1]) or "end") if words[-1] else "whole"
