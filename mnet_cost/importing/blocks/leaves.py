"""What two layers must have in common to be one line of a block, and what may differ.

A leaf has a key (kind, words, flags, axes, lengths of lists) and numbers by the place where they
stand: `channels`, `shape.0`. Copies have equal keys; numbers that differ become arguments. Padding
that is `same` by another name has the number and a mark, since at a stride of 1 both are written.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

from mnet_cost.importing.layer_graph import ImportedLayer, LayerGraph
from mnet_cost.importing.paddings import PADDED, always_same, is_same_at, writes_same
from mnet_cost.layers import KINDS
from mnet_cost.layers.axes import channel_axis, joint_layout, named_axis
from mnet_cost.layers.fields import Axes, Axis, LayerField, Numbers
from mnet_cost.models.calls import known_fields
from mnet_cost.tensors import LAYOUTS, TensorType

KIND = "kind"
"""The place of the kind itself, where an argument can name it: of activations without fields."""

_ACTIVATIONS = frozenset(
    ("relu", "relu6", "hard_swish", "silu", "gelu", "leaky_relu", "elu", "mish", "gelu_tanh")
)
"""Kinds and short forms that take one another's place in otherwise equal blocks."""

_ORDERS = frozenset((("transpose", "axes"), ("constant", "values")))
"""Lists that are one thing: no number in them differs alone."""

_PAIRS = frozenset((("resize", "size"), ("pad", "padding")))
"""Lists that stay lists where numbers in them are equal, since they may differ in another graph."""

Number = int | float | str


class Leaf(NamedTuple):
    """A layer as a line of a list of entries."""

    key: Hashable
    """Equal for layers that can be copies of one line."""
    word: str
    """The kind, or the short form that stands for it."""
    fixed: Mapping[str, Any]
    """Fields that are in the key, without those at their default."""
    numbers: Mapping[str, Number]
    """By place: the field, with `.0`, `.1` in a list."""
    is_same: bool
    """Whether `padding` can be left out: it is `same`."""
    is_usual_axis: bool = False
    """Whether `axis` can be left out: it is the default, and what the input is, is known."""


class Leaves:
    """The leaves of a graph, each made once.

    With `is_one_of` other graphs of one structure, sizes that are equal here may differ there.
    """

    def __init__(self, graph: LayerGraph, is_one_of: bool = False) -> None:
        self._pairs = _PAIRS if is_one_of else frozenset[tuple[str, str]]()
        self._made: dict[Hashable, Leaf] = {}
        self._graph = graph
        self._words = writes_same(
            (layer, graph.type_of(layer.inputs[0])) for layer in graph.layers if layer.inputs
        )

    def leaf(self, layer: ImportedLayer) -> Leaf:
        """The leaf of a layer."""
        fields = tuple((name, _hashable(value)) for name, value in sorted(layer.fields.items()))
        inputs = tuple([self._graph.type_of(wire) for wire in layer.inputs])
        axis = axis_of(layer, inputs)
        is_same, padding = always_same(layer)
        if self._words and layer.kind in PADDED and (is_same or is_same_at(layer, inputs[0])):
            is_same, padding = True, "same"
        form = (
            (layer.kind, fields, len(layer.inputs), len(layer.types), layer.precision),
            (axis, is_same),
        )
        leaf = self._made.get(form)
        if leaf is None:
            leaf = self._made[form] = _leaf(layer, axis, self._pairs, padding if is_same else None)
        return leaf


def place_value(numbers: Mapping[str, Any], name: str) -> Any:
    """The value of a field in numbers by place: a list where its places have numbers."""
    if name in numbers:
        return numbers[name]
    length = sum(place.startswith(f"{name}.") for place in numbers)
    return [numbers[f"{name}.{i}"] for i in range(length)]


_ALONG_CHANNELS = frozenset(
    ("layer_norm", "rms_norm", "l2_normalize", "softmax", "concat", "split", "slice", "scale")
)
"""Kinds that work along the channels or features where no `axis` is given."""


def axis_of(layer: ImportedLayer, inputs: tuple[TensorType, ...]) -> tuple[int, bool] | None:
    """(The axis from the end that a layer works along, whether `axis` can be left out).

    None for kinds without such an axis.
    """
    if layer.kind not in _ALONG_CHANNELS:
        return None
    x = inputs[0]
    number = named_axis(x, layer.fields.get("axis"), layer.kind)
    layout = joint_layout(inputs) if len(inputs) > 1 else x.layout
    is_known = len(x.shape) == 1 or layout in LAYOUTS
    return number, is_known and number == channel_axis(x.laid_out(layout))


def _leaf(
    layer: ImportedLayer,
    axis: tuple[int, bool] | None,
    pairs: frozenset[tuple[str, str]],
    same: Any,
) -> Leaf:
    """`same` is what `padding` is taken for where it is `same`, by this or another name."""
    word, given = short_form(layer.kind, layer.fields)
    shape = (len(layer.inputs), len(layer.types), layer.precision)
    if word in _ACTIVATIONS and not given and len(layer.inputs) == 1:
        return Leaf(("activation", *shape), word, {}, {KIND: word}, False)
    fixed: dict[str, Any] = {}
    numbers: dict[str, Number] = {}
    form: list[Hashable] = []
    for name, field in known_fields(KINDS[word]).items():
        value = given.get(name, field.default)
        if name == "padding" and same is not None:
            value = same
        elif name == "padding" and value == "valid":
            value = 0
        if isinstance(value, tuple):
            value = list(value)
        are_sides = (word, name) in pairs and isinstance(value, list)
        if name == "padding" and isinstance(value, list) and len(value) == 4 and not are_sides:
            top, bottom, left, right = value
            value = [top, left] if (top, left) == (bottom, right) else value
        is_pair = isinstance(value, list) and len(value) > 1 and field.kind.lists[1]
        if is_pair and (word, name) not in pairs:
            value = value[0] if len(set(map(str, value))) == 1 and _is_both(value) else value
        if name == "axis" and axis is not None:
            form.append((name, axis[0]))
            fixed[name] = axis[0]
        elif _is_fixed(word, field, value):
            form.append((name, _hashable(value)))
            if value != field.default:
                fixed[name] = value
        elif isinstance(value, list):
            form.append((name, len(value), tuple(item == -1 for item in value)))
            numbers.update({f"{name}.{i}": item for i, item in enumerate(value)})
        else:
            form.append((name, value == -1))
            numbers[name] = value
    key = (word, *shape, tuple(form))
    return Leaf(key, word, fixed, numbers, same is not None, axis is not None and axis[1])


def short_form(kind: str, fields: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The word that stands for a layer in a spec, and the fields beside it."""
    if kind == "elementwise":
        operation = fields["operation"]
        rest = {name: value for name, value in fields.items() if name != "operation"}
        if operation == "clamp" and rest == {"low": -1.0, "high": 1.0}:
            return "hard_tanh", {}
        if operation in KINDS and operation not in ("add", "multiply"):
            return operation, rest
    return kind, dict(fields)


def _is_fixed(word: str, field: LayerField, value: Any) -> bool:
    if (word, field.name) in _ORDERS or isinstance(field.kind, (Axis, Axes, Numbers)):
        return True
    items = value if isinstance(value, list) else [value]
    return not all(isinstance(item, (int, float)) and not isinstance(item, bool) for item in items)


def _is_both(value: list[Any]) -> bool:
    """Whether a list of equal numbers is one number for each axis, and no list of sizes."""
    return all(isinstance(item, (int, float)) for item in value)


def _hashable(value: Any) -> Hashable:
    if isinstance(value, (list, tuple)):
        return tuple(_hashable(item) for item in value)
    return (type(value).__name__, value) if isinstance(value, bool) else value
