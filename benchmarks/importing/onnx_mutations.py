"""Node cases of the package onnx with something changed: `[COUNT] [SEED]`, 10,000 by default.

Attributes of other types and absurd numbers, inputs that are other tensors or missing, operators in
the place of others, other sizes, other versions, and damaged bytes. Whatever comes of it, reader
and mapping end with a graph or with an error that names the node, within a second or two. Status 1
after a traceback or a case that took longer.
"""

from __future__ import annotations

import random
import sys
import time
import traceback
from collections import Counter
from typing import Any

from onnx import ModelProto, helper
from onnx_nodes import cases, with_stored

from mnet_cost.errors import MnetCostError
from mnet_cost.importing.mapping.mapper import map_graph
from mnet_cost.importing.mapping.onnx import TABLE
from mnet_cost.importing.readers.onnx import parse_onnx

MOST_SECONDS = 2.0
_VALUES: tuple[Any, ...] = (
    -1, 0, 1, 2, 3, 7, -(2**63), 2**63 - 1, 2**31, 100_000, 1.5, -0.0, float("nan"), float("inf"),
    "x", "", [1], [-1, 2, 3], [0] * 5, [1.5, 2.5], ["a"], [2**62] * 3,
    helper.make_tensor("t", 1, [2], [1.0, 2.0]), helper.make_tensor("t", 7, [0], []),
    helper.make_tensor("t", 7, [3], [1, -1, 2**62]),
)  # fmt: skip
_SIZES = (0, 1, 2, 3, 5, 2**31 - 1, 2**40, -1, 64)
_TENSORS: tuple[tuple[int, list[int], list[Any]], ...] = (
    (7, [2], [1, -1]), (7, [], [2**62]), (1, [3], [1.0, float("nan"), 3.0]), (7, [0], []),
    (8, [1], ["s"]), (7, [2, 2], [1, 2, 3, 4]), (9, [], [True]),
)  # fmt: skip
"""(type, shape, elements) of what is stored instead."""


def mutated(model: Any, generator: random.Random) -> bytes:
    """The bytes of a model with one to three things changed."""
    changed = ModelProto()
    changed.CopyFrom(model)
    if generator.random() < 0.15:
        data = bytearray(changed.SerializeToString())
        for _ in range(generator.randint(1, 3)):
            data[generator.randrange(len(data))] = generator.randrange(256)
        return bytes(data)
    for _ in range(generator.randint(1, 3)):
        generator.choice((_attribute, _attribute, _input, _operator, _size, _stored, _version))(
            changed, generator
        )
    return changed.SerializeToString()  # type: ignore[no-any-return]


def _attribute(model: Any, generator: random.Random) -> None:
    node = generator.choice(model.graph.node)
    if node.attribute:
        attribute = generator.choice(node.attribute)
        attribute.CopyFrom(helper.make_attribute(attribute.name, generator.choice(_VALUES)))


def _input(model: Any, generator: random.Random) -> None:
    node = generator.choice(model.graph.node)
    names = [name for other in model.graph.node for name in other.input]
    if not node.input:
        return
    place = generator.randrange(len(node.input))
    if generator.random() < 0.5:
        node.input[place] = generator.choice([*names, ""])
    else:
        del node.input[place]


def _operator(model: Any, generator: random.Random) -> None:
    operator = generator.choice(list(TABLE.rules))
    generator.choice(model.graph.node).op_type = operator.rpartition(".")[2]


def _size(model: Any, generator: random.Random) -> None:
    if model.graph.input:
        sizes = generator.choice(model.graph.input).type.tensor_type.shape.dim
        if sizes and generator.random() < 0.8:
            generator.choice(sizes).dim_value = generator.choice(_SIZES)
        else:
            sizes.add(dim_value=4)


def _stored(model: Any, generator: random.Random) -> None:
    if model.graph.initializer:
        tensor = generator.choice(model.graph.initializer)
        tensor.CopyFrom(helper.make_tensor(tensor.name, *generator.choice(_TENSORS)))


def _version(model: Any, generator: random.Random) -> None:
    if model.opset_import:
        model.opset_import[0].version = generator.choice((7, 9, 11, 13, 17, 18, 21, 24, 28))


def failures(all_cases: list[Any], count: int, seed: int) -> tuple[Counter[str], list[str]]:
    """(how many ended in which way, what went wrong)."""
    generator = random.Random(seed)
    models = [with_stored(case, generator.random() < 0.3) for case in all_cases]
    counts: Counter[str] = Counter()
    wrong = []
    for number in range(count):
        data = mutated(generator.choice(models), generator)
        start = time.process_time()
        try:
            map_graph(parse_onnx(data), TABLE, has_batch=generator.random() < 0.6)
            counts["read"] += 1
        except MnetCostError:
            counts["refused"] += 1
        except Exception:
            wrong.append(f"mutation {number} of seed {seed}: {traceback.format_exc(limit=-2)}")
        seconds = time.process_time() - start
        if seconds > MOST_SECONDS:
            wrong.append(f"mutation {number} of seed {seed} took {seconds:.1f} s")
    return counts, wrong


def main() -> None:
    """Print how many were read and refused, and each failure."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    counts, wrong = failures(cases(), count, seed)
    for failure in wrong:
        print(failure)
    print(
        f"{count} mutations: {counts['read']} read, {counts['refused']} refused, {len(wrong)} bad"
    )
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
