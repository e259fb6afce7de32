"""Where the elements of a tensor come from, through views: reshapes, transposes, parts.

Each axis of a view is a list of atoms: an axis of the tensor that it is a view of, a step along
that axis and a number of steps. So it can be seen whether axes are heads and features of a linear
layer's output, however a program came by them.
"""

from __future__ import annotations

from typing import NamedTuple

from mnet_cost.importing.layer_graph import ImportedLayer, Wire
from mnet_cost.importing.patterns.editor import Editor
from mnet_cost.tensors import axis_names

VIEWS = ("reshape", "flatten", "transpose", "take", "slice", "split", "identity", "dropout")


_MOST = 64
"""Most layers that are looked through."""


class Atom(NamedTuple):
    """`size` steps of `step` along an axis of the tensor that is looked at."""

    axis: int
    step: int
    size: int


class View(NamedTuple):
    """A tensor as a view of another one."""

    base: Wire
    """The tensor that it is a view of."""
    axes: tuple[tuple[Atom, ...], ...]
    offsets: dict[int, int]
    """Where it begins, by axis of the base; 0 where none is given."""
    layers: tuple[int, ...]
    """The layers between."""
    factor: float = 1.0
    """Of products with a number on the way."""

    def offset(self, axis: int) -> int:
        """Where it begins along an axis of the base."""
        return self.offsets.get(axis, 0)


def view_of(editor: Editor, wire: Wire) -> View:
    """The tensor as a view of the nearest tensor that no view makes."""
    chain: list[tuple[int, int]] = []
    base, factor = wire, 1.0
    while len(chain) < _MOST:
        layer = editor.made_by(base, *VIEWS)
        if layer is None:
            layer = editor.operation(base, "multiply", "divide")
            number = None if layer is None else layer.fields.get("number")
            if layer is None or number is None or len(layer.inputs) != 1 or len(layer.fields) > 2:
                break
            factor *= number if layer.fields["operation"] == "multiply" else 1 / number
        assert base.layer is not None
        chain.append((base.layer, base.number))
        base = layer.inputs[0]
    view = View(base, _whole(editor, base), {}, (), factor)
    for done, (number, output) in enumerate(reversed(chain)):
        after = _applied(editor, editor.layers[number], number, output, view)
        if after is None:  # seen from here on
            start = Wire(number, output)
            rest = chain[: len(chain) - 1 - done]
            view = View(start, _whole(editor, start), {}, ())
            for inner, place in reversed(rest):
                again = _applied(editor, editor.layers[inner], inner, place, view)
                if again is None:
                    return View(wire, _whole(editor, wire), {}, ())
                view = again
            return view
        view = after
    return view


def _whole(editor: Editor, wire: Wire) -> tuple[tuple[Atom, ...], ...]:
    return tuple(
        [(Atom(axis, 1, size),) if size > 1 else () for axis, size in enumerate(editor.shape(wire))]
    )


def _applied(
    editor: Editor, layer: ImportedLayer, number: int, output: int, view: View
) -> View | None:
    """A view with one more layer; None where it cannot be said with atoms."""
    wire = Wire(number, output)
    layers = (*view.layers, number)
    axes = view.axes
    if layer.kind in ("identity", "dropout", "elementwise"):
        return view._replace(layers=layers)
    if layer.kind in ("reshape", "flatten"):
        shaped = _reshaped(axes, editor.shape(wire))
        return None if shaped is None else view._replace(axes=shaped, layers=layers)
    if layer.kind == "transpose":
        order = layer.fields["axes"]
        return view._replace(axes=tuple([axes[axis] for axis in order]), layers=layers)
    at = _axis(editor, layer)
    if at is None:
        return None
    atoms = axes[at]
    size = editor.shape(layer.inputs[0])[at]
    if layer.kind == "take":
        index = layer.fields["index"]
        offsets = dict(view.offsets)
        index += size if index < 0 else 0
        for atom in reversed(atoms):
            index, place = divmod(index, atom.size)
            offsets[atom.axis] = offsets.get(atom.axis, 0) + place * atom.step
        rest = axes[:-1] if at == -1 else (*axes[:at], *axes[at + 1 :])
        return view._replace(axes=rest, offsets=offsets, layers=layers)
    start, length = _stretch(editor, layer, output, at, size)
    if length == size:
        return view._replace(layers=layers)
    inner = 1
    for atom in atoms[1:]:
        inner *= atom.size
    if not atoms or start % inner or length % inner or layer.fields.get("step", 1) != 1:
        return None
    first = atoms[0]
    offsets = dict(view.offsets)
    offsets[first.axis] = offsets.get(first.axis, 0) + start // inner * first.step
    part = (Atom(first.axis, first.step, length // inner), *atoms[1:])
    part = tuple([atom for atom in part if atom.size > 1])
    changed = list(axes)
    changed[at] = part
    return view._replace(axes=tuple(changed), offsets=offsets, layers=layers)


def _stretch(
    editor: Editor, layer: ImportedLayer, output: int, at: int, size: int
) -> tuple[int, int]:
    """(Start, length) of a slice or of an output of a split."""
    if layer.kind == "split":
        lengths = [type_.shape[at] for type_ in layer.types]
        return sum(lengths[:output]), lengths[output]
    start = layer.fields.get("start", 0)
    stop = layer.fields.get("stop")
    stop = size if stop is None else stop + size if stop < 0 else min(stop, size)
    start = start + size if start < 0 else start
    return start, stop - start


def _axis(editor: Editor, layer: ImportedLayer) -> int | None:
    """The axis of a part, from the end."""
    type_ = editor.type_of(layer.inputs[0])
    axis = layer.fields.get("axis")
    names = axis_names(len(type_.shape), type_.layout)
    if isinstance(axis, int):
        return axis
    if axis is None:
        if layer.kind == "take":
            return -2 if len(type_.shape) > 1 and type_.layout in (None, "sequence") else None
        axis = names[0] if names[0] == "channels" else "features"
        if len(type_.shape) >= 3 and type_.layout not in ("image", "sequence"):
            return None
    places = {"channels": -3, "height": -2, "width": -1, "length": -2, "features": -1}
    if type_.layout in ("signal", "volume"):
        return None
    return places.get(axis)


def _reshaped(
    axes: tuple[tuple[Atom, ...], ...], shape: tuple[int, ...]
) -> tuple[tuple[Atom, ...], ...] | None:
    """The atoms in other axes; atoms are cut where an axis ends inside one."""
    atoms = [atom for axis in axes for atom in axis]
    result: list[tuple[Atom, ...]] = []
    atoms.reverse()
    for size in shape:
        own: list[Atom] = []
        left = size
        while left > 1:
            if not atoms:
                return None
            atom = atoms.pop()
            if left % atom.size == 0:
                own.append(atom)
                left //= atom.size
            elif atom.size % left == 0:
                inner = atom.size // left
                own.append(Atom(atom.axis, atom.step * inner, left))
                atoms.append(Atom(atom.axis, atom.step, inner))
                left = 1
            else:
                return None
        result.append(_merged(own))
    return None if atoms else tuple(result)


def _merged(atoms: list[Atom]) -> tuple[Atom, ...]:
    """Atoms of one axis, where two that follow one another on the same axis are one."""
    merged: list[Atom] = []
    for atom in atoms:
        if merged and merged[-1].axis == atom.axis and merged[-1].step == atom.step * atom.size:
            merged[-1] = Atom(atom.axis, atom.step, merged[-1].size * atom.size)
        else:
            merged.append(atom)
    return tuple(merged)
