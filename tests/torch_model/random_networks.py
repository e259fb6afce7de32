"""Random networks that have every layer kind and every field in them, as data of a model file.

`random_spec(seed)` is the same for the same seed. Layers are drawn by kind, so that rare kinds
come as often as convolutions; what a kind needs and the network has not (boxes, tokens, a second
matrix) is given as a trained tensor or as one more input. What a layer's own rule refuses is drawn
again: sizes that fit are for others to test. Around the layers are blocks with arguments, copies,
shared weights, conditions, knobs and expressions. `opaque` is not among the kinds.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any

from random_fields import FIELDS, Draft, Proposal

from mnet_cost.errors import SpecError
from mnet_cost.layers import KINDS, LAYERS
from mnet_cost.layers.axes import channel_axis
from mnet_cost.layers.fields import fields_of
from mnet_cost.layers.opaque import Opaque
from mnet_cost.models.load import parse_spec
from mnet_cost.network import Network, elaborate
from mnet_cost.tensors import (
    DTYPES,
    LAYOUTS,
    SIZE_NAMES,
    Layout,
    RuleViolation,
    TensorType,
    require,
)

Shape = tuple[int, ...]

_TRIES = 30
_LARGEST = 3000
"""Elements of a tensor; larger ones are drawn again, so that a network runs in milliseconds."""

DRAWN = tuple(layer.kind for layer in LAYERS if layer is not Opaque)
SIMPLE = ("conv2d", "depthwise_conv2d", "batch_norm", "relu", "prelu", "scale", "max_pool2d",
          "gelu", "avg_pool2d", "linear", "dropout", "identity", "conv_transpose2d", "softmax",
          "pad", "layer_norm", "slice", "transpose", "class_token", "position_embedding", "flatten",
          "attention", "gru")  # fmt: skip
"""Kinds with one input, for the inside of blocks."""
SEVERAL = ("split", "top_k")
"""Kinds with several outputs."""


class Builder(Draft):
    """A list of entries that grows, with the types of the tensors that it has so far."""

    def __init__(self, r: Random, types: dict[str, TensorType], top: Builder | None = None) -> None:
        super().__init__(r, types)
        self.top = top or self
        self.entries: list[dict[str, Any]] = []
        self.inputs: dict[str, Any] = {}
        self.blocks: dict[str, Any] = {}
        self.knobs: dict[str, Any] = {}
        self.previous = next(iter(types), "")
        self.calls: dict[str, tuple[TensorType, TensorType]] = {}
        """Entries that may be used once more: the types of their input and output, one each."""
        self.matrices: dict[str, Shape] = {}
        """Rows and columns of the trained matrices that `weights_of` can name."""
        self.made = 0

    def name(self, letter: str) -> str:
        self.top.made += 1
        return f"{letter}{self.top.made}"

    def fresh(self, shape: Shape) -> str:
        """A tensor of that shape: another input of the network, or a trained tensor."""
        if self.top is self and len(self.inputs) < 5 and self.r.random() < 0.6:
            return self.new_input(shape)
        return self.trained(shape)

    def trained(self, shape: Shape) -> str:
        """A trained tensor, which says nothing of its axes."""
        name = self.name("p")
        self.entries.append({"id": name, "parameter": {"shape": list(shape)}})
        if len(shape) == 2:
            self.matrices[name] = shape
        self.types[name] = TensorType(shape)
        self.previous = name
        return name

    def positive(self, name: str) -> str:
        bounded = self.name("s")
        self.entries.append({"id": bounded, "sigmoid": {}, "from": name})
        self.types[bounded] = TensorType(self.shape(name), None, self.types[name].layout)
        self.previous = bounded
        return bounded

    def new_input(
        self, shape: Shape, dtype: str | None = None, layout: Layout | None = None
    ) -> str:
        name = self.name("x")
        sizes = [self.written(size) for size in shape]
        if layout is None and len(shape) >= 2 and self.r.random() < 0.5:
            layout = self.r.choice(
                [word for word in LAYOUTS if len(SIZE_NAMES[word]) <= len(shape)]
            )
        said = {name: word for name, word in (("dtype", dtype), ("layout", layout)) if word}
        self.inputs[name] = {"shape": sizes, **said} if said else sizes
        self.types[name] = TensorType(shape, DTYPES[dtype] if dtype else None, layout or "input")
        return name

    def written(self, value: Any) -> Any:
        """A number as it is, as a knob, or as an expression."""
        if type(value) is not int or self.r.random() < 0.8:
            return value
        if self.r.random() < 0.5 and self.top is self:
            self.knobs[knob := self.name("k")] = value
            return knob
        return f"{value - 1} + 1" if value > 0 else f"0 - {-value}"

    def layer(self, kind: str) -> bool:
        """Add a layer of that kind; False where nothing fits."""
        for _ in range(_TRIES):
            before = len(self.entries), dict(self.types), dict(self.inputs), self.previous
            proposal = FIELDS[kind](self)
            outputs = None if proposal is None else self._outputs(kind, proposal)
            if proposal is not None and outputs is not None:
                self._add(kind, proposal, outputs)
                return True
            size, self.types, self.inputs, self.previous = before
            del self.entries[size:]
        return False

    def _outputs(self, kind: str, proposal: Proposal) -> tuple[TensorType, ...] | None:
        fields, sources = proposal
        known = fields_of(KINDS[kind])
        try:
            layer = KINDS[kind](
                **{
                    name: known[name].kind.convert(_plain(value), require)
                    for name, value in fields.items()
                }
            )
            types = tuple(self.types[name] for name in sources)
            layout = layer.layout(types)
            outputs = tuple(output.laid_out(layout) for output in layer.infer_all(require, *types))
        except RuleViolation:
            return None
        return outputs if all(0 < output.elements <= _LARGEST for output in outputs) else None

    def _add(self, kind: str, proposal: Proposal, outputs: tuple[TensorType, ...]) -> None:
        fields, sources = proposal
        r, name = self.r, self.name("t")
        words = {field: self._argument(value) for field, value in fields.items()}
        entry: dict[str, Any] = {"id": name, kind: words}
        if not fields and len(sources) > 1 and r.random() < 0.5:
            entry[kind] = list(sources)
        elif sources != [self.previous] or sources[0] in self.inputs or r.random() < 0.5:
            entry["from"] = sources[0] if len(sources) == 1 else list(sources)
        if not sources:
            entry.pop("from", None)
        output, there, alone = outputs[0], True, len(sources) == 1 and kind not in SEVERAL
        if alone and r.random() < 0.1:
            entry["when"], there = r.choice(
                [("1 < 2", True), ("2 < 1 or 1 == 2", False), ("not 3 == 3", False), (True, True)]
            )
            output = output if there else self.types[sources[0]]
        copies = 1
        if alone and output == self.types[sources[0]] and "when" not in entry and r.random() < 0.2:
            copies = r.randint(0, 3)
            entry["repeat"] = self.written(copies)
        elif alone and "when" not in entry:
            self.calls[name] = self.types[sources[0]], output
        if kind in ("linear", "embedding") and "when" not in entry and "repeat" not in entry:
            rows = fields["features"]
            width = self.types[sources[0]].shape[-1]
            linear = kind == "linear"
            self.matrices[name] = (rows, width) if linear else (fields["vocabulary"], rows)
        self.entries.append(entry)
        if kind == "top_k":  # positions are no numbers to calculate with
            self.types[f"{name}.0"] = output
        elif kind == "split":
            self.types |= {f"{name}.{number}": output for number, output in enumerate(outputs)}
        else:
            self.types[name] = output
        if there and copies:  # an entry that is not there is passed over by `previous`
            self.previous = "" if kind in SEVERAL else name  # of parts, one has to be named

    def _argument(self, value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return [self.written(element) for element in value]
        return self.written(value)

    def block(self) -> bool:
        """Add a call of a new block, some of whose numbers are arguments, perhaps repeated."""
        r = self.r
        source = self.any()
        inner = Builder(r, {"input": self.types[source]}, self.top)
        for _ in range(r.randint(1, 3)):
            inner.layer(r.choice(SIMPLE))
        last = inner.types.get(inner.previous)
        if not inner.entries or last is None or inner.previous == "input":
            return False
        if last.shape == self.types[source].shape and r.random() < 0.7:
            inner.entries.append({"add": ["input", inner.previous]})
        arguments: dict[str, Any] = {}
        given: dict[str, Any] = {}
        for entry in inner.entries:
            for fields in [value for value in entry.values() if isinstance(value, dict)]:
                for field, value in fields.items():
                    if type(value) is int and r.random() < 0.5:
                        argument = inner.name("a")
                        given[argument] = value
                        arguments[argument] = "required" if r.random() < 0.5 else value + 1
                        fields[field] = argument
        name, entry_name = self.name("b"), self.name("t")
        if r.random() < 0.7 or arguments:
            block: dict[str, Any] = {"arguments": arguments, "layers": inner.entries}
            if last == self.types[source] and r.random() < 0.5:  # it may go into itself
                block["recursion"] = given["left"] = r.randint(1, 3)
                arguments["left"] = "required"
                again = {name: {**{a: a for a in given}, "left": "left - 1"}, "when": "left > 1"}
                inner.entries.insert(r.randint(0, len(inner.entries)), again)
            self.blocks[name] = block
            entry = {"id": entry_name, name: given, "from": source}
        else:
            entry = {"id": entry_name, "layers": inner.entries, "from": source}
        if r.random() < 0.5:
            entry["repeat"] = r.randint(0, 3)
        self.entries.append(entry)
        type_ = self._elaborated(entry_name)
        if type_ is None or type_.elements > _LARGEST:
            self.entries.pop()
            self.blocks.pop(name, None)
            return False
        if "repeat" not in entry:
            self.calls[entry_name] = self.types[source], type_
        self.types[entry_name] = type_
        if entry.get("repeat") != 0:
            self.previous = entry_name
        return True

    def _elaborated(self, output: str) -> TensorType | None:
        """The type of a tensor in the network so far; None where the network does not fit."""
        try:
            network = elaborate(parse_spec(json.dumps(self.data() | {"outputs": [output]})))
        except SpecError:
            return None
        return network.tensors[network.outputs[0]].type

    def use(self) -> bool:
        """Use the weights of a layer or block once more, on another tensor of the same type."""
        if not self.calls:
            return False
        name = self.r.choice(sorted(self.calls))
        given, output = self.calls[name]
        alike = [name for name, type_ in self.types.items() if type_ == given]
        # Another input might get another layout than one that nobody stated.
        only_alike = given.dtype is not None or given.layout == "input"
        if only_alike and not alike:
            return False
        source = self.r.choice(alike) if alike and self.r.random() < 0.7 else None
        if source is None and only_alike:
            source = alike[0]
        elif source is None and given.layout in LAYOUTS:
            source = self.top.new_input(given.shape, layout=given.layout)
            self.types[source] = given
        elif source is None:
            source = self.trained(given.shape)
            if channel_axis(self.types[source]) != channel_axis(given):
                return False
        again = self.name("t")
        self.entries.append({"id": again, "use": name, "from": source})
        self.types[again], self.previous = output, again
        return True

    def tie(self) -> bool:
        """Add a linear layer or an embedding that takes its matrix from an earlier layer."""
        if not self.matrices:
            return False
        owner = self.r.choice(sorted(self.matrices))
        rows, columns = self.matrices[owner]
        name = self.name("t")
        if self.r.random() < 0.7:
            alike = [n for n, t in self.types.items() if t.dtype is None and t.shape[-1] == columns]
            source = self.r.choice(alike) if alike else self.fresh((self.r.randint(1, 5), columns))
            kind, fields = "linear", {"features": rows} | self.some(bias=self.flag())
        else:
            source = self.new_input((self.r.randint(1, 5),), "int32")
            kind, fields = "embedding", {"vocabulary": rows, "features": columns}
        outputs = self._outputs(kind, (fields, [source]))
        if outputs is None:
            return False
        entry = {"id": name, kind: fields, "from": source, "weights_of": owner}
        self.entries.append(entry)
        self.types[name], self.previous = outputs[0], name
        self.matrices[name] = (rows, columns)
        self.calls[name] = self.types[source], outputs[0]
        return True

    def data(self) -> dict[str, Any]:
        """The model file."""
        return {
            "format": 1,
            "name": "random",
            "knobs": self.knobs,
            "input": self.inputs,
            "blocks": self.blocks,
            "layers": self.entries,
        }


def _plain(value: Any) -> Any:
    return [*value] if isinstance(value, tuple) else value


def random_spec(seed: int) -> dict[str, Any]:
    """Data of a model file that loads."""
    r = Random(seed)
    builder = Builder(r, {})
    for _ in range(r.randint(1, 2)):
        dtype = "uint8" if r.random() < 0.1 else None
        leading = [r.randint(1, 3) for _ in range(r.choice([0, 0, 0, 0, 1, 2]))]
        kinds: list[Shape] = [
            (*leading, r.choice([1, 2, 3, 4, 6, 8]), r.randint(2, 11), r.randint(2, 11)),
            (*leading, r.choice([1, 2, 3, 4, 6, 8]), r.randint(2, 11), r.randint(2, 11)),
            (*leading, r.randint(1, 9), r.choice([1, 2, 4, 6, 8])),
            (r.randint(1, 12),),
        ]
        builder.previous = builder.new_input(r.choice(kinds), dtype)
    for _ in range(r.randint(6, 14)):
        chance = r.random()
        if chance < 0.12 and builder.block():
            continue
        if chance < 0.2 and builder.use():
            continue
        if chance < 0.24 and builder.tie():
            continue
        builder.layer(r.choice(DRAWN))
    while not builder.entries:
        builder.layer("relu")
    data = builder.data()
    floats = [name for name, type_ in builder.types.items() if type_.dtype is None]
    if r.random() < 0.6:
        data["outputs"] = [
            r.choice(floats or sorted(builder.types)) for _ in range(r.randint(1, 4))
        ]
    return data


def random_network(seed: int, data: dict[str, Any] | None = None) -> Network:
    """The network of `random_spec(seed)`, for one to three examples.

    Where layers contradict each other about axes that nobody named, its inputs are images; where
    that does not help, it is the network of a later seed.
    """
    data = random_spec(seed) if data is None else data
    knobs = {"batch": 1 + seed % 3}
    try:
        return elaborate(parse_spec(json.dumps(data), None, f"seed {seed}"), knobs)
    except SpecError as error:
        read_as = ("as sequences", "as signals", "as volumes")
        if not all(problem.message.endswith(read_as) for problem in error.problems):
            raise
    images = {**data, "input": {name: _as_image(said) for name, said in data["input"].items()}}
    try:
        return elaborate(parse_spec(json.dumps(images), None, f"seed {seed}"), knobs)
    except SpecError:
        return random_network(seed + 1_000_000)


def _as_image(said: Any) -> Any:
    """An input of three axes or more as an image, unless it says what it is."""
    parts = {"shape": said} if isinstance(said, list) else said
    return {"layout": "image", **parts} if len(parts["shape"]) >= 3 else said
