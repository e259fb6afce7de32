"""Specs from plain data: what a YAML file would hold, as Python values, without its text.

The data becomes nodes, which compile as those of a file do. Their places are in the text that
`dump_data` writes of them. It is written and read when somebody first asks for a place, as errors
and some reports do. Not here: what the data means (`load.py`).
"""

from __future__ import annotations

import operator
from bisect import bisect_right
from contextlib import suppress
from math import isfinite
from typing import Any

from mnet_cost.errors import Problem, ProblemList, Source, SpecError, TooManyProblemsError
from mnet_cost.escaping import quoted
from mnet_cost.models.dump import dump_data, dump_scalar
from mnet_cost.models.load import compile_spec
from mnet_cost.models.types import ModelSpec
from mnet_cost.yamlfile import MAX_BYTES, MAX_DEPTH, MAX_DIGITS, NO_KEYS, Node, parse_yaml

_NO_FILE = "<data>"
_LEAST, _MOST = -(10**MAX_DIGITS), 16 ** (MAX_DIGITS - 2)
"""Whole numbers that a file can hold are between these: the largest stand there as `0x...`."""
_LONGEST_KEY = 1000
"""Characters of a key as it is written; YAML has a limit of 1024."""
_SHORT_KEY = 80
_AROUND = 4
"""Characters around a value in a file, about: what separates it from the next, and the indent."""


def spec_from_data(
    data: dict[str, Any], path: str = _NO_FILE, *, variant: str | None = None
) -> ModelSpec:
    """The model that plain data describes: `parse_spec(dump_data(data))` without the text.

        >>> import mnet_cost
        >>> layers = [{"conv2d": {"channels": 8, "kernel": 3}}, "relu"]
        >>> data = {"format": 1, "name": "small", "input": {"image": [3, 32, 32]}, "layers": layers}
        >>> mnet_cost.analyze(mnet_cost.spec_from_data(data)).totals.mult_adds
        194400

    Plain data are dicts whose keys are texts, lists, texts, whole numbers, finite floats, bools and
    None. Tuples are taken as lists, and NumPy's whole numbers as numbers. Later changes of `data`
    do not change the spec. Errors quote the text that the data would be in a file. `path` is what
    they call it, and where it would be: what it extends is sought from that folder.

    Raises `SpecError` for other data, for more than a file can hold, and with every problem of the
    model.
    """
    source = DataSource(path, is_file=path != _NO_FILE)
    reader = _Reader(source)
    try:
        source.root = reader.node(data)
    except _RefusedError as reason:
        raise SpecError(Problem(f"{path}: {reason.args[0]}", hint=reason.args[1])) from None
    if reader.problems:
        raise SpecError(_placed(reader.problems, source.root, path))
    if not isinstance(source.root.value, dict):
        kind = _type_name(data)
        raise SpecError(f"{path}: a model is a dict that starts with `format`, not a `{kind}`")
    return compile_spec(source.root, path, variant)


class DataSource(Source):
    """The text of plain data, written when it is first asked for."""

    __slots__ = ("_written", "root")

    def __init__(self, path: str, is_file: bool) -> None:
        # `text` is not set before somebody asks for it.
        self.path = path
        self.is_file = is_file
        self._lines = None
        self._written: list[Node] | None = None
        self.root = DataNode(None, self, 0)

    def __getattr__(self, name: str) -> Any:
        if name != "text":
            raise AttributeError(name)
        self.text = dump_data(self.root.plain())
        return self.text

    def written(self, number: int) -> Node:
        """The node of the text for the node or key `number` of the data."""
        if self._written is None:
            self._written = []
            _add_in_order(self.root, parse_yaml(self), self._written)
        return self._written[number]

    def __getstate__(self) -> tuple[Any, ...]:
        return self.path, self.is_file, self.root

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.path, self.is_file, self.root = state
        self._lines = self._written = None


class DataNode(Node):
    """A value of plain data. Its place is that of the node of its number in the source's text.

    What says the place (`_start`, `_stop`, `quoted`) is not set before somebody asks for it.
    """

    __slots__ = ("number",)

    source: DataSource

    def __init__(self, value: Any, source: DataSource, number: int) -> None:
        self.value = value
        self.source = source
        self.keys = NO_KEYS
        self.number = number

    def __getattr__(self, name: str) -> Any:
        if name not in ("_start", "_stop", "quoted"):
            raise AttributeError(name)
        written = self.source.written(self.number)
        self._start, self._stop, self.quoted = written._start, written._stop, written.quoted
        return getattr(self, name)

    @property
    def text(self) -> str:
        """A scalar as it is in the text, without quotes."""
        value = self.value
        return value if isinstance(value, str) else dump_scalar(value)

    def like(self, value: Any) -> DataNode:
        """A node with another value at the same place."""
        return DataNode(value, self.source, self.number)

    def __getstate__(self) -> tuple[Any, ...]:
        return self.value, self.source, self.keys, self.number

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.value, self.source, self.keys, self.number = state


def _add_in_order(node: Node, written: Node, nodes: list[Node]) -> None:
    """Add `written` and all that is in it to `nodes`, in the order in which `node` was numbered."""
    nodes.append(written)
    if isinstance(node.value, dict):
        for key, value in node.value.items():
            nodes.append(written.keys[key])
            _add_in_order(value, written.value[key], nodes)
    elif isinstance(node.value, list):
        for value, item in zip(node.value, written.value, strict=True):
            _add_in_order(value, item, nodes)


class _RefusedError(Exception):
    """Data that is not read further; takes the message and a hint or None."""


class _Reader:
    """Makes the nodes of plain data, and collects what is not plain."""

    def __init__(self, source: DataSource) -> None:
        self.source = source
        self.problems: dict[int, tuple[str, str | None]] = {}
        """(message, hint) by the number of the node or key."""
        self._count = 0  # nodes and keys so far
        self._characters = 0  # of their texts
        self._open: list[Any] = []  # the lists and dicts around

    def node(self, value: Any) -> DataNode:
        """The node of `value`, with those of all in it; `_RefusedError` where that is too much."""
        kind = type(value)
        node = DataNode(value, self.source, self._count)
        self._count += 1
        if kind is str:
            self._characters += len(value)
            if not value.isascii():
                self._check_text(value, node)
        elif kind is int:
            if not _LEAST < value < _MOST:
                self._add(f"a number of more than {MAX_DIGITS} digits is too long", node)
        elif kind is dict:
            self._enter(value)
            self._read_dict(value, node)
            self._open.pop()
        elif kind is list:
            self._enter(value)
            node.value = [self.node(item) for item in value]
            self._open.pop()
        elif kind is float:
            if not isfinite(value):
                self._add(f"`{value}` is not a finite number", node)
        elif kind is not bool and value is not None:
            self._count = node.number
            return self._other_type(value)
        return node

    def _read_dict(self, data: dict[Any, Any], node: DataNode) -> None:
        values: dict[str, DataNode] = {}
        keys: dict[str, Node] = {}
        for key, inner in data.items():
            place = DataNode(key, self.source, self._count)
            self._count += 1
            if type(key) is not str:
                key = place.value = self._key_text(key, place)
            self._characters += len(key)
            if not key or len(key) > _SHORT_KEY or not key.isascii():
                self._check_key(key, place)
            if key in keys:
                self._add("two keys have this text", place)
            keys[key] = place
            values[key] = self.node(inner)
        node.value, node.keys = values, keys

    def _enter(self, value: list[Any] | dict[Any, Any]) -> None:
        """Go into a list or dict; `_RefusedError` where it is too deep, or too much by now."""
        if self._characters + _AROUND * (self._count + len(value)) > MAX_BYTES:
            raise _RefusedError(f"is more than a file of {MAX_BYTES // 2**20} MiB can hold", None)
        if len(self._open) == MAX_DEPTH:
            if len(set(map(id, self._open))) < MAX_DEPTH:
                raise _RefusedError("a list or dict holds itself", None)
            raise _RefusedError(f"more than {MAX_DEPTH} levels of nesting", None)
        self._open.append(value)

    def _other_type(self, value: Any) -> DataNode:
        """The node of a value whose type is derived from a plain one, or stands for one."""
        import numbers  # plain data needs it not

        # Methods of the plain types: those of `value` may do anything.
        if isinstance(value, str):
            return self.node(str.__str__(value))
        if isinstance(value, dict):
            return self.node(dict(dict.items(value)))
        if isinstance(value, list):
            return self.node([*list.__iter__(value)])
        if isinstance(value, tuple):
            return self.node([*tuple.__iter__(value)])
        if isinstance(value, float):
            return self.node(float.__pos__(value))
        if isinstance(value, numbers.Integral):
            return self.node(operator.index(value))
        node = self.node(None)
        self._add(
            f"a `{_type_name(value)}` is not plain data",
            node,
            "plain data are dicts, lists, texts, numbers, True, False and None",
        )
        return node

    def _key_text(self, key: Any, place: DataNode) -> str:
        if isinstance(key, str):
            return str.__str__(key)
        shown = repr(key) if type(key) in (int, float, bool, type(None)) else _type_name(key)
        self._add(f"a key is a text, not `{shown}`", place)
        return shown

    def _check_text(self, text: str, node: DataNode) -> None:
        try:
            text.encode()
        except UnicodeEncodeError as reason:
            code = ord(text[reason.start])
            self._add(f"U+{code:04X} is half a character, which no file can hold", node)

    def _check_key(self, key: str, place: DataNode) -> None:
        if not key:
            self._add("a key is an empty text", place)
        elif len(key) > _LONGEST_KEY or len(quoted(key)) > _LONGEST_KEY:
            self._add(f"a key of {len(key)} characters is too long", place)
        else:
            self._check_text(key, place)

    def _add(self, message: str, node: DataNode, hint: str | None = None) -> None:
        self.problems.setdefault(node.number, (message, hint))


def _type_name(value: object) -> str:
    kind = type(value)
    own = kind.__module__ in ("builtins", "__main__")
    return kind.__qualname__ if own else f"{kind.__module__}.{kind.__qualname__}"


def _placed(
    problems: dict[int, tuple[str, str | None]], root: DataNode, path: str
) -> list[Problem]:
    """Problems with where they are in the data: `<data>: layers[3].conv2d.kernel: ...`."""
    placed = ProblemList()
    with suppress(TooManyProblemsError):
        for number, (message, hint) in problems.items():
            way = _way_to(number, root)
            placed.append(Problem(": ".join(filter(None, (path, way, message))), hint=hint))
    return placed


def _way_to(number: int, root: DataNode) -> str:
    """The keys and indices that lead to the node or key `number`."""
    way, node = "", root
    while node.number < number:
        keyed = isinstance(node.value, dict)
        inside = list(node.value.values() if keyed else node.value)
        # The number of a key is just below that of its value.
        index = bisect_right(inside, number, key=lambda part: part.number - keyed) - 1
        way += f".{list(node.value)[index]}" if keyed else f"[{index}]"
        node = inside[index]
    return way.strip(".")
