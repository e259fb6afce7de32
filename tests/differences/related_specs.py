"""Random pairs of related specs: a small network, and the same after some changes."""

from __future__ import annotations

import random
from collections.abc import Callable
from copy import deepcopy
from typing import Any

Data = dict[str, Any]

ACTIVATIONS = ("relu", "relu6", "hard_swish", "sigmoid")


def related_specs(seed: int) -> tuple[Data, Data, dict[str, Any], dict[str, Any]]:
    """Data of two specs of which the other was made from the first, and knobs of each.

    Neither has to load: sizes may not fit after a change.
    """
    rng = random.Random(seed)
    first = _network(rng)
    other = deepcopy(first)
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        rng.choice(CHANGES)(rng, other)
    return first, other, _knobs(rng), _knobs(rng)


def _network(rng: random.Random) -> Data:
    layers: list[Any] = [
        {"id": "stem", "conv2d": {"channels": "width(16)", "kernel": 3, "stride": 2}},
        "batch_norm",
        rng.choice(ACTIVATIONS),
    ]
    for number in range(rng.randint(1, 4)):
        call: Data = {"body": {"channels": rng.choice((16, 24, 32)), "stride": rng.choice((1, 2))}}
        if rng.random() < 0.5:
            call = {"id": f"stage{number}", **call}
        if rng.random() < 0.4:
            call["body"]["stride"] = 1
            call["repeat"] = rng.choice(("depth", 2, 3))
        layers.append(call)
    layers += [{"id": "pool", "global_avg_pool": {}}, {"linear": {"features": "classes"}}]
    return {
        "format": 1,
        "name": "net",
        "knobs": {"alpha": 1.0, "size": 32, "classes": 10, "depth": 2},
        "let": {"width(c)": "make_divisible(c * alpha, 4)", "ratio": rng.choice((1, 2))},
        "input": {"image": [3, "size", "size"]},
        "blocks": {
            "NL": rng.choice(ACTIVATIONS),
            "body": {
                "arguments": {"channels": "required", "stride": 1, "skip": True},
                "layers": [
                    {"conv2d": {"channels": "ratio * input.channels", "kernel": 1}},
                    {"NL": {}},
                    {"depthwise_conv2d": {"kernel": 3, "stride": "stride"}},
                    "batch_norm",
                    {"id": "project", "conv2d": {"channels": "width(channels)", "kernel": 1}},
                    {
                        "add": ["input", "previous"],
                        "when": "skip and stride == 1 and input.channels == width(channels)",
                    },
                ],
            },
        },
        "layers": layers,
    }


def _knobs(rng: random.Random) -> dict[str, Any]:
    choices = {"alpha": (0.5, 0.75, 1.5), "size": (24, 48), "depth": (1, 3), "batch": (2, 4)}
    names = rng.sample(sorted(choices), rng.choice((0, 0, 1, 2)))
    return {name: rng.choice(choices[name]) for name in names}


def _lists(data: Data) -> list[list[Any]]:
    """All lists of entries of a spec."""
    lists = [data["layers"], data["blocks"]["body"]["layers"]]
    return lists + [
        entry["layers"]
        for entries in lists
        for entry in entries
        if isinstance(entry, dict) and "layers" in entry
    ]


def _any_list(rng: random.Random, data: Data) -> list[Any]:
    return rng.choice(_lists(data))


def _fields(data: Data) -> list[tuple[Data, str]]:
    """(fields of an entry, name of one that may be changed)."""
    return [
        (body, name)
        for entries in _lists(data)
        for entry in entries
        if isinstance(entry, dict)
        for body in entry.values()
        if isinstance(body, dict)
        for name in body
        if name in ("channels", "kernel", "stride", "features")
    ]


def change_field(rng: random.Random, data: Data) -> None:
    fields = _fields(data)
    if fields:
        body, name = rng.choice(fields)
        body[name] = {"kernel": rng.choice((1, 3, 5)), "stride": rng.choice((1, 2))}.get(
            name, rng.choice((8, 20, "width(28)"))
        )


def insert(rng: random.Random, data: Data) -> None:
    entries = _any_list(rng, data)
    entry = rng.choice(
        ["relu", "batch_norm", {"conv2d": {"channels": 12, "kernel": 3}}, {"max_pool2d": 2},
         {"body": {"channels": 16}}, {"id": "new", "conv2d": {"channels": "width(8)", "kernel": 1}}]
    )  # fmt: skip
    if entries is not data["layers"] and isinstance(entry, dict) and "body" in entry:
        entry = "relu"
    if isinstance(entry, dict) and "max_pool2d" in entry:
        entry = {"max_pool2d": {"kernel": 2}}
    entries.insert(rng.randint(0, len(entries) - 1), deepcopy(entry))


def remove(rng: random.Random, data: Data) -> None:
    entries = _any_list(rng, data)
    if len(entries) > 2:
        del entries[rng.randrange(len(entries))]


def rename(rng: random.Random, data: Data) -> None:
    entries = [each for each in _any_list(rng, data) if isinstance(each, dict)]
    if entries:
        rng.choice(entries)["id"] = f"named{rng.randint(0, 99)}"


def wrap(rng: random.Random, data: Data) -> None:
    entries = _any_list(rng, data)
    start = rng.randrange(len(entries))
    end = min(len(entries), start + rng.randint(1, 3))
    entries[start:end] = [{"id": "wrapped", "layers": entries[start:end]}]


def move(rng: random.Random, data: Data) -> None:
    entries = _any_list(rng, data)
    entries.insert(rng.randrange(len(entries)), entries.pop(rng.randrange(len(entries))))


def change_knob(rng: random.Random, data: Data) -> None:
    name = rng.choice(("alpha", "size", "classes", "depth"))
    data["knobs"][name] = {"alpha": 0.75, "size": 40, "classes": 7, "depth": 3}[name]


def change_let(rng: random.Random, data: Data) -> None:
    if rng.random() < 0.5:
        data["let"]["width(c)"] = "make_divisible(c * alpha, 8)"
    else:
        data["let"]["ratio"] = 3


def change_block(rng: random.Random, data: Data) -> None:
    kind = rng.choice(("alias", "default", "repeat", "skip"))
    calls = [each for each in data["layers"] if isinstance(each, dict) and "body" in each]
    if kind == "alias":
        data["blocks"]["NL"] = rng.choice(ACTIVATIONS)
    elif kind == "default":
        data["blocks"]["body"]["arguments"]["skip"] = False
    elif calls:
        call = rng.choice(calls)
        if kind == "repeat":
            call["body"]["stride"], call["repeat"] = 1, rng.choice((1, 3, 4))
        else:
            call["body"]["skip"] = False


def change_input(rng: random.Random, data: Data) -> None:
    data["input"] = {"image": rng.choice(([1, "size", "size"], [3, 40, "size"]))}


CHANGES: tuple[Callable[[random.Random, Data], None], ...] = (
    change_field, change_field, insert, remove, rename, wrap, move, change_knob, change_let,
    change_block, change_input,
)  # fmt: skip
