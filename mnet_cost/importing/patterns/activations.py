"""Activations from their parts, as exporters write them that have no operator for them.

Products are looked at with all of their factors, in whatever order a program multiplies them:
`silu` is x and its sigmoid, `gelu` is x, 1 + erf(x / sqrt(2)) and 0.5.
"""

from __future__ import annotations

from math import pi, sqrt
from typing import NamedTuple

from mnet_cost.importing.layer_graph import LayerGraph, Wire
from mnet_cost.importing.patterns.editor import Editor

_CLOSE = 1e-3

_MOST = 16
"""Most layers that are looked at as one product: all patterns have fewer."""


class Product(NamedTuple):
    """A product of tensors and numbers."""

    number: float
    factors: tuple[Wire, ...]
    layers: tuple[int, ...]
    """The layers that multiply."""


def activations(graph: LayerGraph) -> LayerGraph:
    """`hard_sigmoid`, `silu`, `hard_swish` and `gelu` for their parts."""
    editor = Editor(graph)
    for number in list(editor.layers):
        layer = editor.layers.get(number)
        if layer is None or editor.made_by(Wire(number)) is None:
            continue
        if layer.kind == "multiply" or editor.operation(Wire(number), "multiply", "divide"):
            _product(editor, number)
        elif layer.kind == "elementwise" and layer.fields["operation"] == "clamp":
            _straight_sigmoid(editor, number)
    return editor.result()


def _product(editor: Editor, number: int) -> None:
    wire = Wire(number)
    product = product_of(editor, wire)
    if len(product.factors) == 1 and is_close(product.number, 1 / 6):
        x, layers = _clamped(editor, product.factors[0])
        if x is not None:
            _put(editor, wire, "hard_sigmoid", x, (*product.layers, *layers))
        return None
    if len(product.factors) != 2:
        return None
    for x, gate in (product.factors, product.factors[::-1]):
        made = editor.made_by(gate)
        if made is None or gate.layer is None or not editor.is_inner(gate):
            continue
        layers = (*product.layers, gate.layer)
        if made.kind == "sigmoid" and made.inputs == (x,) and is_close(product.number, 1):
            return _put(editor, wire, "silu", x, layers)
        if made.kind == "hard_sigmoid" and made.inputs == (x,) and is_close(product.number, 1):
            return _put(editor, wire, "hard_swish", x, layers)
        inner, between = _clamped(editor, gate)
        if inner == x and is_close(product.number, 1 / 6):
            return _put(editor, wire, "hard_swish", x, (*product.layers, *between))
        curve, between = added_number(editor, gate, 1.0)
        if curve is None or not is_close(product.number, 0.5):
            continue
        if _is_erf_of(editor, curve, x):
            return _put(editor, wire, "gelu", x, (*layers, *between))
        if _is_tanh_of(editor, curve, x):
            return _put(editor, wire, "elementwise", x, (*layers, *between), "gelu_tanh")
    return None


def _put(
    editor: Editor,
    wire: Wire,
    kind: str,
    x: Wire,
    replaced: tuple[int, ...],
    operation: str | None = None,
) -> None:
    fields = {} if operation is None else {"operation": operation}
    if editor.shape(x) != editor.shape(wire):
        return
    new = editor.add(kind, (x,), replaced, **fields)
    if new is not None:
        editor.replace(wire, new)


def product_of(editor: Editor, wire: Wire) -> Product:
    """The factors of a product; of any other tensor, itself."""
    number = 1.0
    factors: list[Wire] = []
    layers: list[int] = []
    left = [wire]
    while left:
        part = left.pop()
        made = editor.made_by(part)
        is_whole = part == wire or (len(layers) < _MOST and editor.is_inner(part))
        if made is not None and part.layer is not None and is_whole:
            if made.kind == "multiply":
                layers.append(part.layer)
                left += reversed(made.inputs)
                continue
            scaled = editor.operation(part, "multiply", "divide")
            value = None if scaled is None else scaled.fields.get("number")
            plain = scaled is not None and len(scaled.inputs) == 1 and len(scaled.fields) == 2
            if scaled is not None and value is not None and plain:
                layers.append(part.layer)
                number *= value if scaled.fields["operation"] == "multiply" else 1 / value
                left += scaled.inputs
                continue
        factors.append(part)
    return Product(number, tuple(factors), tuple(layers))


def added_number(editor: Editor, wire: Wire, number: float) -> tuple[Wire | None, tuple[int, ...]]:
    """(x, the layer) where a tensor is x + number and nobody else reads it."""
    made = editor.operation(wire, "add")
    if made is None or len(made.inputs) != 1 or wire.layer is None or not editor.is_inner(wire):
        return None, ()
    if not is_close(made.fields.get("number", 0.0), number):
        return None, ()
    return made.inputs[0], (wire.layer,)


def is_close(value: float, wanted: float) -> bool:
    """Whether two numbers are the same one, as far as single precision and rounding by hand say."""
    return abs(value - wanted) <= _CLOSE * max(abs(wanted), _CLOSE)


def _clamped(editor: Editor, wire: Wire) -> tuple[Wire | None, tuple[int, ...]]:
    """(x, layers) where a tensor is x + 3, from 0 to 6."""
    made = editor.made_by(wire)
    if made is None or wire.layer is None or not editor.is_inner(wire):
        return None, ()
    fields = made.fields
    is_clamp = made.kind == "relu6" or (
        made.kind == "elementwise"
        and fields["operation"] == "clamp"
        and (fields.get("low"), fields.get("high")) == (0, 6)
    )
    if not is_clamp:
        return None, ()
    x, layers = added_number(editor, made.inputs[0], 3.0)
    return x, (wire.layer, *layers)


def _straight_sigmoid(editor: Editor, number: int) -> None:
    """x / 6 + 1 / 2, from 0 to 1."""
    layer = editor.layers[number]
    if (layer.fields.get("low"), layer.fields.get("high")) != (0, 1):
        return
    inner, layers = added_number(editor, layer.inputs[0], 0.5)
    if inner is None:
        return
    product = product_of(editor, inner)
    if len(product.factors) == 1 and is_close(product.number, 1 / 6):
        replaced = (number, *layers, *product.layers)
        _put(editor, Wire(number), "hard_sigmoid", product.factors[0], replaced)


def _is_erf_of(editor: Editor, curve: Wire, x: Wire) -> bool:
    made = editor.operation(curve, "erf")
    if made is None:
        return False
    inside = product_of(editor, made.inputs[0])
    return inside.factors == (x,) and is_close(inside.number, sqrt(0.5))


def _is_tanh_of(editor: Editor, curve: Wire, x: Wire) -> bool:
    """Whether it is tanh(sqrt(2 / pi) * (x + 0.044715 * x ** 3))."""
    made = editor.made_by(curve, "tanh")
    if made is None:
        return False
    inside = product_of(editor, made.inputs[0])
    if len(inside.factors) != 1 or not is_close(inside.number, sqrt(2 / pi)):
        return False
    total = editor.made_by(inside.factors[0], "add")
    if total is None or len(total.inputs) != 2 or x not in total.inputs:
        return False
    (other,) = [wire for wire in total.inputs if wire != x] or [x]
    cube = product_of(editor, other)
    if not is_close(cube.number, 0.044715):
        return False
    power = editor.operation(cube.factors[0], "power")
    is_power = power is not None and power.fields.get("number") == 3 and power.inputs == (x,)
    return cube.factors == (x, x, x) or (len(cube.factors) == 1 and is_power)
