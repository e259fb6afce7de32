"""Small random networks: skips, sums, concatenations, views, several inputs and outputs."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from mnet_cost.models.load import parse_spec
from mnet_cost.network import Network, elaborate

Shape = tuple[int, ...]

_SIDE = 2


@st.composite
def networks(draw: st.DrawFn, often: tuple[str, ...] = (), most: int = 12) -> Network:
    """An elaborated network of up to `most` layers, in a random valid order.

    Of the kinds in `often` there are more, and more layers read the one before.
    """
    shapes: dict[str, Shape] = {}
    inputs: dict[str, object] = {}
    for name in ("x", "y")[: draw(st.integers(1, 2))]:
        shapes[name] = (draw(st.integers(1, 4)), _SIDE, _SIDE)
        dtype = draw(st.sampled_from([None, None, "uint8", "int32"]))
        sizes = list(shapes[name])
        inputs[name] = {"shape": sizes, "dtype": dtype} if dtype else sizes
    layers = []
    for number in range(draw(st.integers(1, most))):
        name = f"t{number}"
        entry, shape = _entry(draw, shapes, often)
        layers.append({"id": name, **entry})
        if "split" in entry:
            shapes[f"{name}.0"] = shapes[f"{name}.1"] = shape
        else:
            shapes[name] = shape
    data = {"format": 1, "name": "random", "input": inputs, "layers": layers}
    if draw(st.booleans()):
        names = st.lists(st.sampled_from(sorted(shapes)), min_size=1, max_size=4)
        data["outputs"] = draw(names)
    network = elaborate(parse_spec(json.dumps(data)), {"batch": draw(st.integers(1, 2))})
    return network.with_schedule(_order(draw, network)) if draw(st.booleans()) else network


def _entry(
    draw: st.DrawFn, shapes: dict[str, Shape], often: tuple[str, ...]
) -> tuple[dict[str, object], Shape]:
    """One layer on tensors that are there, and the shape it gives."""
    source = draw(st.sampled_from(sorted(shapes)))
    follows: bool = draw(st.booleans()) if often else False
    if follows:
        source = list(shapes)[-1]
    shape = shapes[source]
    alike = sorted(name for name, other in shapes.items() if other == shape)
    images = sorted(name for name, other in shapes.items() if other[1:] == shape[1:])
    kinds = ["relu", "batch_norm", "identity", "dropout", "add", "compute"]
    if shape[0] % 2 == 0:
        kinds.append("split")
    if len(shape) == 3:
        kinds += ["flatten", "concat", "squeeze", "compute"]
    kinds += [kind for kind in often if kind in kinds]
    kind = draw(st.sampled_from(kinds))
    if kind == "add":
        others = draw(st.lists(st.sampled_from(alike), min_size=1, max_size=2))
        return {"add": [source, *others]}, shape
    if kind == "split":
        axis = "channels" if len(shape) == 3 else "features"
        halves = {"parts": 2, "axis": axis}
        return {"split": halves, "from": source}, (shape[0] // 2, *shape[1:])
    if kind == "concat":
        other = draw(st.sampled_from(images))
        return {"concat": [source, other]}, (shape[0] + shapes[other][0], *shape[1:])
    if kind == "squeeze":  # an image times one value per channel, in either order
        value = (shape[0], 1, 1)
        values = [name for name, other in shapes.items() if other == value]
        if values:
            return {"multiply": draw(st.permutations([values[0], source]))}, shape
        return {"global_avg_pool": {"keep": True}, "from": source}, value
    size = draw(st.integers(1, 4))
    if kind == "compute" and len(shape) == 3:
        return {"conv2d": {"channels": size, "kernel": 1}, "from": source}, (size, *shape[1:])
    if kind == "compute":
        return {"linear": {"features": size}, "from": source}, (size,)
    if kind == "flatten":
        return {"flatten": {}, "from": source}, (shape[0] * shape[1] * shape[2],)
    return {kind: {}, "from": source}, shape


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
