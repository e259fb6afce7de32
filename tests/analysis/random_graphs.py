"""Small random networks: skips, sums, concatenations, several inputs and outputs, dead ends.

Views of all kinds and views of views, trained tensors, operands that are repeated along an axis.
"""

from __future__ import annotations

import json

from hypothesis import strategies as st

from mnet_cost.models.load import parse_spec
from mnet_cost.network import Network, elaborate

Shape = tuple[int, ...]

_SIDE = 2
_CHANNELS = st.sampled_from([1, 2, 2, 2, 4])  # few sizes, so that many buffers are of one size
_AXES = {1: ["features"], 2: ["length", "features"], 3: ["channels", "height", "width"]}


@st.composite
def networks(draw: st.DrawFn, often: tuple[str, ...] = (), most: int = 12) -> Network:
    """An elaborated network of up to `most` layers, in a random valid order.

    Of the kinds in `often` there are more, and more layers read the one before.
    """
    shapes: dict[str, Shape] = {}
    inputs: dict[str, object] = {}
    for name in ("x", "y")[: draw(st.integers(1, 2))]:
        shapes[name] = (draw(_CHANNELS), _SIDE, _SIDE)
        dtype = draw(st.sampled_from([None, None, "uint8", "int32", "int64"]))
        sizes = list(shapes[name])
        inputs[name] = {"shape": sizes, "dtype": dtype} if dtype else sizes
    layers = []
    for number in range(draw(st.integers(1, most))):
        name = f"t{number}"
        entry, made = _entry(draw, shapes, often)
        layers.append({"id": name, **entry})
        if "split" in entry:
            shapes.update({f"{name}.{i}": shape for i, shape in enumerate(made)})
        else:
            (shapes[name],) = made
    data = {"format": 1, "name": "random", "input": inputs, "layers": layers}
    if draw(st.booleans()):
        names = st.lists(st.sampled_from(sorted(shapes)), min_size=1, max_size=4)
        data["outputs"] = draw(names)
    network = elaborate(parse_spec(json.dumps(data)), {"batch": draw(st.integers(1, 2))})
    return network.with_schedule(_order(draw, network)) if draw(st.booleans()) else network


def _entry(
    draw: st.DrawFn, shapes: dict[str, Shape], often: tuple[str, ...]
) -> tuple[dict[str, object], list[Shape]]:
    """One layer on tensors that are there, and the shapes that it gives."""
    source = draw(st.sampled_from(sorted(shapes)))
    if draw(st.booleans()):
        source = list(shapes)[-1]
    shape = shapes[source]
    axes = _AXES[len(shape)]
    kinds = ["relu", "relu", "identity", "dropout", "add", "add", "compute", "compute", "concat"]
    kinds += ["slice", "reshape", "transpose", "parameter"]
    if len(shape) != 2:
        kinds.append("batch_norm")
    if len(shape) > 1:
        kinds.append("take")
    if len(shape) == 3:
        kinds += ["flatten", "squeeze"]
    if any(size > 1 for size in shape):
        kinds.append("split")
    kinds += [kind for kind in often if kind in kinds]
    kind = draw(st.sampled_from(kinds))
    if kind == "parameter":
        like = draw(st.sampled_from(sorted(shapes.values())))
        sizes = tuple(draw(st.sampled_from([1, size, size])) for size in like)
        return {"parameter": {"shape": list(sizes)}}, [sizes]
    if kind == "add":
        return _broadcast(draw, shapes, source)
    if kind == "split":
        number = draw(st.sampled_from([i for i, size in enumerate(shape) if size > 1]))
        first = draw(st.integers(1, shape[number] - 1))
        sizes = (first, shape[number] - first)
        cut = {"sizes": list(sizes), "axis": axes[number]}
        return {"split": cut, "from": source}, [_with(shape, number, size) for size in sizes]
    if kind == "slice":
        number = draw(st.integers(0, len(shape) - 1))
        start = draw(st.integers(0, shape[number] - 1))
        stop = draw(st.sampled_from([start + 1, start + 1, shape[number]]))
        stretch = {"start": start, "stop": stop, "axis": axes[number]}
        return {"slice": stretch, "from": source}, [_with(shape, number, stop - start)]
    if kind == "take":
        number = draw(st.integers(0, len(shape) - 1))
        position = {"index": draw(st.integers(0, shape[number] - 1)), "axis": axes[number]}
        left = shape[:number] + shape[number + 1 :]
        return {"take": position, "from": source}, [left]
    if kind == "concat":
        number = draw(st.integers(0, len(shape) - 1))
        alike = [n for n, s in shapes.items() if _with(s, number, 1) == _with(shape, number, 1)]
        others = draw(st.lists(st.sampled_from(alike), max_size=2))
        names = draw(st.permutations([source, *others]))
        whole = _with(shape, number, sum(shapes[name][number] for name in names))
        return {"concat": {"axis": axes[number]}, "from": list(names)}, [whole]
    if kind == "reshape":
        sizes = draw(st.sampled_from(_shapes_of(shape)))
        return {"reshape": {"shape": list(sizes)}, "from": source}, [sizes]
    if kind == "transpose":
        order = draw(st.permutations(list(range(len(shape)))))
        turned = tuple(shape[i] for i in order)
        return {"transpose": {"axes": list(order)}, "from": source}, [turned]
    if kind == "squeeze":  # an image times one value per channel, in either order
        value = (shape[0], 1, 1)
        values = [name for name, other in shapes.items() if other == value]
        if values:
            return {"multiply": draw(st.permutations([values[0], source]))}, [shape]
        return {"global_avg_pool": {"keep": True}, "from": source}, [value]
    size = draw(_CHANNELS)
    if kind == "compute" and len(shape) == 3:
        return {"conv2d": {"channels": size, "kernel": 1}, "from": source}, [(size, *shape[1:])]
    if kind == "compute":
        return {"linear": {"features": size}, "from": source}, [(*shape[:-1], size)]
    if kind == "flatten":
        return {"flatten": {}, "from": source}, [(shape[0] * shape[1] * shape[2],)]
    return {kind: {}, "from": source}, [shape]


def _broadcast(
    draw: st.DrawFn, shapes: dict[str, Shape], source: str
) -> tuple[dict[str, object], list[Shape]]:
    """A sum or a product of tensors that are equal, or 1 along an axis, each once or twice."""
    whole, names = shapes[source], [source]
    for _ in range(draw(st.integers(1, 2))):
        fitting = sorted(name for name, other in shapes.items() if _meets(whole, other))
        larger = [name for name in fitting if tuple(map(max, whole, shapes[name])) != whole]
        names.append(draw(st.sampled_from(larger or fitting)))
        whole = tuple(map(max, whole, shapes[names[-1]]))
    return {draw(st.sampled_from(["add", "multiply"])): draw(st.permutations(names))}, [whole]


def _meets(shape: Shape, other: Shape) -> bool:
    return len(shape) == len(other) and all(
        a == b or 1 in (a, b) for a, b in zip(shape, other, strict=True)
    )


def _with(shape: Shape, number: int, size: int) -> Shape:
    return (*shape[:number], size, *shape[number + 1 :]) if number < len(shape) else shape


def _shapes_of(shape: Shape) -> list[Shape]:
    """Other shapes of as many elements."""
    elements = 1
    for size in shape:
        elements *= size
    pairs = [(a, elements // a) for a in range(1, elements + 1) if elements % a == 0]
    images = [
        (a, _SIDE, b // _SIDE) for a, b in pairs if b % _SIDE == 0 and b // _SIDE in (1, _SIDE)
    ]
    return [(elements,), *pairs, *images]


def _order(draw: st.DrawFn, network: Network) -> list[str]:
    """The steps in some order that has each one after those it reads."""
    waiting = list(network.steps)
    known = set(network.inputs)
    names = []
    while waiting:
        ready = [step for step in waiting if known.issuperset(step.inputs)]
        step = draw(st.sampled_from(ready)) if len(ready) > 1 else ready[0]
        waiting.remove(step)
        known.update(step.outputs)
        names.append(step.name)
    return names
