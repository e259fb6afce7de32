"""Which kinds of layers an accelerator runs, and with which settings: a list from a document.

A list is a file of `specs/operators`, or one that a user wrote, and a profile names it. Conditions
are expressions of the spec language over the settings and sizes of a layer. They are kept as text,
since profiles go to other processes, and parsed texts are kept by `parse_expression`. Not here:
which layers of a network run where (`analysis/placement.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from mnet_cost.errors import DeviceError, Span, did_you_mean, one_of
from mnet_cost.expressions import BUILT_IN, Expression, ExpressionError, Use, parse_expression
from mnet_cost.layers import KINDS, SHORT_FORMS
from mnet_cost.layers.fields import Flag, Pair, Real, RealPair, Whole, Word, fields_of
from mnet_cost.tensors import PRECISIONS
from mnet_cost.yamlfile import Node, read_yaml

FORMAT = 1
PARTITIONS = ("prefix", "islands")
"""How a compiler cuts a network. prefix: one part from the start, and whatever reads what does not
run there does not run there either. islands: every layer that can."""
UNLISTED = ("processor", "unknown")
"""What becomes of a kind that the list does not name: the document names all that run, or not."""
COMMON_NAMES = ("batch", "inputs", "rank", "input_rank", "elements", "input_elements")
"""Names in all conditions: examples, inputs, axes of output and first input with that of the batch,
and elements of both for one example."""
REFERENCES = ("input", "output")
"""Tensors whose sizes a condition may name: the first input, and the first output."""
_TOP = ("format", "name", "title", "version", "source", "unlisted", "partition", "precisions")
_OPTIONAL = ("every_layer", "runs", "limits", "made_of", "unsure", "caveats", "does_not_run")


class Condition(NamedTuple):
    """What has to hold of a layer."""

    expression: str
    text: str = ""
    """The same for people, where the expression is hard to read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a layer of one kind has to keep to."""

    needs: tuple[Condition, ...] = ()
    """Conditions, all of which have to hold."""
    precisions: tuple[str, ...] = ()
    """Precisions in which it runs; those of the list where there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """Layers of a kind of which the document says that some do not run, and not which."""

    text: str
    when: tuple[Condition, ...] = ()
    """Conditions of those layers, all of which hold; all of the kind where there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorList:
    """What one release of a compiler or runtime maps to an accelerator."""

    name: str
    title: str
    version: str
    """Of the compiler or runtime that the document describes."""
    source: str
    unlisted: str
    """One of `UNLISTED`."""
    partition: str
    """One of `PARTITIONS`."""
    precisions: tuple[str, ...]
    every_layer: tuple[Condition, ...]
    """Conditions that hold for all layers that run."""
    limits: Mapping[str, Limits]
    """Kinds that run, with what they have to keep to. For `elementwise`, its operations."""
    made_of: Mapping[str, tuple[str, ...]]
    """Kinds without an operator of their own, and the kinds that a converter makes of each."""
    unsure: Mapping[str, Doubt]
    caveats: Mapping[str, str]
    """Kinds that are taken to run though the document has a reservation that names no number."""
    refused: Mapping[str, str]
    """Kinds that do not run though they are not listed as running, with the source of that."""
    path: str = ""

    def __repr__(self) -> str:
        return f"<OperatorList {self.name}: {len(self.limits)} kinds, {self.version}>"


def load_operators(path: str) -> OperatorList:
    """The list in a file; `DeviceError` with all that is wrong in it."""
    return _load(path)


@lru_cache(maxsize=64)
def _load(path: str) -> OperatorList:
    from mnet_cost.devices.reader import Reader

    root = read_yaml(path, error=DeviceError)
    reader = Reader()
    operators = _ListReader(reader, path).read(root)
    if reader.problems or operators is None:
        raise DeviceError(reader.problems)
    return operators


class _ListReader:
    """Reads one list, and notes all problems in its `reader`."""

    def __init__(self, reader: Any, path: str) -> None:
        self.reader = reader
        self.path = path

    def read(self, root: Node) -> OperatorList | None:
        reader = self.reader
        if not isinstance(root.value, dict):
            reader.problem("a list of operators is a mapping: `name: ...`, one key a line", root)
            return None
        values = root.value
        reader.keys(root, "a list of operators", _TOP, _OPTIONAL)
        version = values.get("format")
        if version is not None and (type(version.value) is not int or version.value != FORMAT):
            reader.problem(f"this version reads `format: {FORMAT}` only", version)
        limits = {kind: Limits() for kind in self._kinds(values.get("runs"), "runs")}
        for kind, place, node in self._entries(values.get("limits"), "limits"):
            if kind in limits:
                reader.problem(f"`{kind}` is among `runs`, which have no limits", place)
            limits[kind] = self._limits(kind, node)
        made_of: dict[str, tuple[str, ...]] = {}
        caveats: dict[str, str] = {}
        refused: dict[str, str] = {}
        for kind, place, node in self._entries(values.get("made_of"), "made_of"):
            made_of[kind] = parts = self._kinds(node, kind)
            if not parts:
                reader.problem(f"`{kind}` must name the kinds that it is made of", place)
        unsure = {
            kind: self._doubt(kind, node)
            for kind, _, node in self._entries(values.get("unsure"), "unsure")
        }
        for key, texts in (("caveats", caveats), ("does_not_run", refused)):
            for kind, place, node in self._entries(values.get(key), key):
                texts[kind] = reader.text({kind: node}, kind)
                if key == "does_not_run" and (kind in limits or kind in made_of):
                    reader.problem(f"`{kind}` is listed as running, too", place)
        for kind, parts in made_of.items():
            if kind in limits:
                place = values["made_of"].keys[kind]
                reader.problem(f"`{kind}` has an operator of its own above", place)
            for part in parts:
                if part in made_of:
                    message = f"`{part}` is itself made of other kinds: name those"
                    reader.problem(message, values["made_of"].value[kind])
        return OperatorList(
            **{key: reader.text(values, key) for key in ("name", "title", "version", "source")},
            unlisted=reader.word(values, "unlisted", UNLISTED),
            partition=reader.word(values, "partition", PARTITIONS),
            precisions=self._precisions(values.get("precisions")),
            every_layer=self._needs(values.get("every_layer"), "every_layer", None),
            limits=limits,
            made_of=made_of,
            unsure=unsure,
            caveats=caveats,
            refused=refused,
            path=self.path,
        )

    def _entries(self, node: Node | None, what: str) -> Iterable[tuple[str, Node, Node]]:
        """Kinds of a mapping with the nodes of their keys and values."""
        if node is None:
            return
        if not isinstance(node.value, dict) or not node.value:
            self.reader.problem(f"`{what}` must be a mapping with a kind of layer a line", node)
            return
        for kind, child in node.value.items():
            if self._is_kind(kind, node.keys[kind]):
                yield kind, node.keys[kind], child

    def _kinds(self, node: Node | None, what: str) -> tuple[str, ...]:
        """The kinds of a list of words."""
        if node is None:
            return ()
        if not isinstance(node.value, list):
            self.reader.problem(f"`{what}` must be a list of kinds: `[relu, add]`", node)
            return ()
        kinds: dict[str, None] = {}
        for child in node.value:
            if self._is_kind(child.value, child):
                if child.value in kinds:
                    self.reader.problem(f"`{child.value}` is already in the list", child)
                kinds[child.value] = None
        return tuple(kinds)

    def _is_kind(self, word: object, place: Node) -> bool:
        if isinstance(word, str) and word in KINDS:
            return True
        hint = "`mnet-cost layers` lists the kinds"
        if isinstance(word, str):
            hint = did_you_mean(word, tuple(KINDS)) or hint
        self.reader.problem(f"there is no kind of layer `{word}`", place, hint)
        return False

    def _precisions(self, node: Node | None) -> tuple[str, ...]:
        if node is None:
            return ()
        if not isinstance(node.value, list) or not node.value:
            message = "`precisions` must be a list of precisions: `[int8]`"
            self.reader.problem(message, node)
            return ()
        for child in node.value:
            if child.value not in PRECISIONS:
                hint = f"one of {one_of(PRECISIONS)}"
                if isinstance(child.value, str):
                    hint = did_you_mean(child.value, PRECISIONS) or hint
                self.reader.problem(f"there is no precision `{child.value}`", child, hint)
        return tuple([str(child.value) for child in node.value])

    def _limits(self, kind: str, node: Node) -> Limits:
        """Conditions alone, or `{needs: [...], precisions: [...]}`."""
        if isinstance(node.value, (list, str)):
            return Limits(needs=self._needs(node, kind, kind))
        if not isinstance(node.value, dict) or not node.value:
            hint = f"`{kind}: [batch == 1]`; a kind without limits stands in `runs`"
            self.reader.problem(f"`{kind}` must have limits", node, hint)
            return Limits()
        self.reader.keys(node, f"`{kind}`", (), ("needs", "precisions"))
        return Limits(
            needs=self._needs(node.value.get("needs"), "needs", kind),
            precisions=self._precisions(node.value.get("precisions")),
        )

    def _doubt(self, kind: str, node: Node) -> Doubt:
        """Words alone, or `{when: [...], text: ...}`."""
        if not isinstance(node.value, dict):
            return Doubt(text=self.reader.text({kind: node}, kind))
        self.reader.keys(node, f"`{kind}`", ("when", "text"))
        return Doubt(
            text=self.reader.text(node.value, "text"),
            when=self._needs(node.value.get("when"), "when", kind),
        )

    def _needs(self, node: Node | None, what: str, kind: str | None) -> tuple[Condition, ...]:
        """Conditions, each an expression whose names a layer of `kind` has, or a mapping with one
        and a text."""
        if node is None:
            return ()
        children = node.value if isinstance(node.value, list) else [node]
        known = (*COMMON_NAMES, *(() if kind is None else setting_names(kind)))
        needs = []
        for child in children:
            text = ""
            if isinstance(child.value, dict):
                self.reader.keys(child, "a condition", ("condition", "text"))
                text = self.reader.text(child.value, "text")
                child = child.value.get("condition", child)
            if not isinstance(child.value, str):
                hint = "`[stride <= 3, batch == 1]`"
                self.reader.problem(f"`{what}` must be a list of conditions", child, hint)
                continue
            try:
                self._check(parse_expression(child.value), child, known, kind)
            except ExpressionError as error:
                self._at(child, error.message, error.offset, error.length, error.hint)
            needs.append(Condition(child.value, text))
        return tuple(needs)

    def _check(
        self, expression: Expression, node: Node, known: tuple[str, ...], kind: str | None
    ) -> None:
        what = "all layers" if kind is None else f"`{kind}`"
        for use, names in (
            *((use, known) for use in expression.names),
            *((use, REFERENCES) for use in expression.references),
            *((use, tuple(BUILT_IN)) for use in expression.functions),
        ):
            if use.name not in names:
                hint = did_you_mean(use.name, names) or f"there are {', '.join(names)}"
                self._at_use(node, f"conditions of {what} know no `{use.name}`", use, hint)

    def _at_use(self, node: Node, message: str, use: Use, hint: str) -> None:
        self._at(node, message, use.offset, len(use.name), hint)

    def _at(self, node: Node, message: str, offset: int, length: int, hint: str | None) -> None:
        """A problem at a part of the text of a scalar."""
        column = node.column + node.quoted + offset
        span = Span(node.source, node.line, column, column + length)
        self.reader.problem(message, span, hint)


@lru_cache(maxsize=256)
def setting_names(kind: str) -> tuple[str, ...]:
    """What conditions may ask of the fields of a kind.

    Numbers and flags by the name of the field. Of one with a number for each direction: the larger
    one, that of the height and that of the width. Of an axis: its place, counted from the last,
    which is 1. Of padding: the most on one side. Each word that a field may hold is a flag.
    """
    names = []
    layer = KINDS["elementwise" if kind in _OPERATIONS else kind]
    for name, spec in fields_of(layer).items():
        if isinstance(spec.kind, (Pair, RealPair)):
            names += [name, f"{name}_height", f"{name}_width"]
        elif name == "axis" or isinstance(spec.kind, (Whole, Real, Flag)):
            names.append(name)
        elif isinstance(spec.kind, Word):
            names += spec.kind.options
    if "padding" in fields_of(layer):
        names.append("padding")
    return tuple(names)


_OPERATIONS = frozenset(word for words in SHORT_FORMS.values() for word in words)
