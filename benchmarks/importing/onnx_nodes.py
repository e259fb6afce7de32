"""Every node case of the package onnx through reader and mapping: exact, or a reason by name.

The package has a small model for each way to use each operator, with numbers that go in and come
out (`onnx.backend.test.case`). Weights and settings, which the cases have as inputs, are stored, as
in files of networks. A case is exact if it becomes layers of our kinds whose outputs have the
shapes of the numbers that come out, and if what is calculated on the way is equal to them.
"""

from __future__ import annotations

import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

from totals import totals

from mnet_cost.errors import MnetCostError
from mnet_cost.importing.layer_graph import LayerGraph
from mnet_cost.importing.mapping.mapper import map_graph
from mnet_cost.importing.mapping.onnx import TABLE
from mnet_cost.importing.readers.onnx import parse_onnx

Outcome = Literal["exact", "opaque", "refused", "wrong", "crashed"]
OUTCOMES: tuple[Outcome, ...] = ("exact", "opaque", "refused", "wrong", "crashed")

_WEIGHTS = {
    "BatchNormalization": (1, 2, 3, 4), "CausalConvWithState": (1, 2), "Conv": (1, 2),
    "ConvInteger": (1, 2, 3), "ConvTranspose": (1, 2), "DeformConv": (1, 3), "Gemm": (1, 2),
    "GroupNormalization": (1, 2),
    "GRU": (1, 2, 3), "InstanceNormalization": (1, 2), "LayerNormalization": (1, 2),
    "LSTM": (1, 2, 3), "MatMulInteger": (1, 2, 3), "PRelu": (1,),
    "QLinearConv": (1, 2, 3, 4, 5, 6, 7, 8),
    "QLinearMatMul": (1, 2, 4, 5, 6, 7), "RMSNormalization": (1,), "RNN": (1, 2, 3),
    "DequantizeLinear": (1, 2), "QuantizeLinear": (1, 2),
}  # fmt: skip
"""Inputs of operators that files of networks have stored."""
_SETTINGS = ("scales", "roi")
"""Inputs with a list of real numbers that files of networks have stored."""
_FEW = 64


class Result(NamedTuple):
    """What became of one case."""

    name: str
    operators: tuple[str, ...]
    outcome: Outcome
    reason: str
    """Why it is not exact; empty if it is."""


def cases() -> list[Any]:
    """All cases of the package; making them takes some seconds."""
    from onnx.backend.test.case import node

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numbers of the cases overflow
        return list(node.collect_testcases(None))


def results(all_cases: list[Any], has_batch: bool, folded: bool = False) -> Iterator[Result]:
    """Each case as an import. With `folded`, all few numbers that go in are stored."""
    for case in all_cases:
        operators = tuple(node.op_type for node in case.model.graph.node)
        outcome, reason = _outcome(case, has_batch, folded)
        yield Result(case.name, operators, outcome, reason)


def _outcome(case: Any, has_batch: bool, folded: bool) -> tuple[Outcome, str]:
    model = with_stored(case, folded)
    try:
        graph = parse_onnx(model.SerializeToString(), case.name)
        made = map_graph(graph, TABLE, has_batch=has_batch)
    except MnetCostError as error:
        message = error.problems[0].message
        return ("wrong" if "and the file says" in message else "refused"), message
    except Exception:
        return "crashed", traceback.format_exc(limit=-2)
    if wrong := _wrong(case, made, has_batch) or _miscounted(case, made, has_batch):
        return "wrong", wrong
    opaque = {str(layer.fields["operation"]) for layer in made.layers if layer.kind == "opaque"}
    return ("opaque", ", ".join([*made.notes, *sorted(opaque)])) if opaque else ("exact", "")


def _wrong(case: Any, made: LayerGraph, has_batch: bool) -> str:
    """What differs from the numbers that come out."""
    import numpy as np

    inputs, outputs = (list(map(_array, data)) for data in case.data_sets[0])
    first = next((x for x in inputs if x is not None and x.ndim), None)
    batch = first.shape[0] or 1 if has_batch and first is not None else 1
    for wire, array in zip(made.outputs, outputs, strict=True):
        shape = made.type_of(wire).shape
        if array is None:
            return f"{shape} is no tensor"
        elements = int(np.prod(shape))
        if not has_batch and shape != (array.shape or (1,)):
            return f"{shape} is {array.shape}"
        if has_batch and elements not in (array.size, array.size / batch):
            return f"{shape} of {batch} examples is {array.shape}"
        values = None if wire.layer is None else made.layers[wire.layer].fields.get("values")
        if not isinstance(values, list) or array.dtype.kind not in "iufb":
            continue
        if not np.allclose(np.ravel(values), array.ravel(), rtol=1e-5, equal_nan=True):
            return f"{values} is {array.ravel().tolist()}"
    return ""


def _miscounted(case: Any, made: LayerGraph, has_batch: bool) -> str:
    """What differs from the mult-adds of a case of one node, calculated from the sizes of what goes
    in and comes out."""
    if has_batch or len(case.model.graph.node) != 1:
        return ""
    (node,) = case.model.graph.node
    inputs, outputs = (list(map(_array, data)) for data in case.data_sets[0])
    names = [value.name for value in case.model.graph.input]
    given = dict(zip(names, inputs, strict=True))
    x = [given.get(name) for name in node.input]
    settings = {attribute.name: attribute for attribute in node.attribute}
    expected = (
        _MULT_ADDS[node.op_type](x, outputs[0], settings) if node.op_type in _MULT_ADDS else 0
    )
    ours, _, opaque = totals(made)
    if ours == expected or opaque or not x:
        return ""
    return f"{ours} mult-adds, not {expected}"


def _of_einsum(x: list[Any], equation: str) -> int:
    """A product of two tensors has as many mult-adds as there are places of all letters."""
    if len(x) == 1:
        return 0
    sizes: dict[str, int] = {}
    for array, labels in zip(x, equation.partition("->")[0].split(","), strict=True):
        letters = labels.strip().replace("...", "")
        dots = array.ndim - len(letters)
        names = [f"dot{i}" for i in range(dots)] if "..." in labels else []
        at = labels.strip().index("...") if names else 0
        for name, size in zip([*letters[:at], *names, *letters[at:]], array.shape, strict=True):
            sizes[name] = size
    product = 1
    for size in sizes.values():
        product *= size
    return product


def _of_attention(x: list[Any], output: Any, settings: dict[str, Any]) -> int:
    """Scores are products of queries and keys, and the result those of scores and values."""
    query, key, value = x[:3]
    batch = query.shape[0]
    if query.ndim == 3:
        heads, kv_heads = settings["q_num_heads"].i, settings["kv_num_heads"].i
        query, key, value = (
            a.reshape(batch, a.shape[1], n, -1).swapaxes(1, 2)
            for a, n in ((query, heads), (key, kv_heads), (value, kv_heads))
        )
    past = x[4].shape[2] if len(x) > 4 and x[4] is not None else 0
    scores = batch * query.shape[1] * query.shape[2] * (key.shape[2] + past)
    return int(scores * (query.shape[3] + value.shape[3]))


def _of_gates(gates: int) -> Callable[[list[Any], Any, dict[str, Any]], int]:
    """Products of inputs and states for each step, example and direction."""

    def of(x: list[Any], output: Any, settings: dict[str, Any]) -> int:
        states = x[2].shape[2]
        steps = x[0].shape[0] * x[0].shape[1] * x[1].shape[0]
        return int(steps * gates * states * (x[0].shape[2] + states))

    return of


_MULT_ADDS: dict[str, Callable[[list[Any], Any, dict[str, Any]], int]] = {
    "AffineGrid": lambda x, y, _: y.size * x[0].shape[2],
    "Attention": _of_attention,
    "CausalConvWithState": lambda x, y, _: y.size * x[1].shape[2],
    "Conv": lambda x, y, _: y.size * x[1].size // x[1].shape[0],
    "ConvInteger": lambda x, y, _: y.size * x[1].size // x[1].shape[0],
    "ConvTranspose": lambda x, y, _: x[0].size * x[1].size // x[1].shape[0],
    "DeformConv": lambda x, y, _: y.size * x[1].size // x[1].shape[0],
    "Einsum": lambda x, y, settings: _of_einsum(x, settings["equation"].s.decode()),
    "Gemm": lambda x, y, settings: y.size * x[0].size // y.shape[0],
    "GRU": _of_gates(3),
    "LSTM": _of_gates(4),
    "MatMul": lambda x, y, _: y.size * x[0].shape[-1],
    "MatMulInteger": lambda x, y, _: y.size * x[0].shape[-1],
    "QLinearConv": lambda x, y, _: y.size * x[3].size // x[3].shape[0],
    "QLinearMatMul": lambda x, y, _: y.size * x[0].shape[-1],
    "RNN": _of_gates(1),
}
"""Mult-adds by operator, of (inputs, output, attributes); of others there are none."""


def _array(value: Any) -> Any:
    """A tensor of a case as an array; None for what is no tensor."""
    import numpy as np
    from onnx import TensorProto, numpy_helper

    if isinstance(value, TensorProto):
        return numpy_helper.to_array(value)
    return np.asarray(value) if isinstance(value, np.ndarray) or np.isscalar(value) else None


def _is_setting(name: str, array: Any) -> bool:
    """Whether an input of one axis at most, or of none, is a setting: sizes, axes, bounds."""
    return name in _SETTINGS or array.dtype.kind in "iub" or not array.ndim


def with_stored(case: Any, folded: bool) -> Any:
    """The model of a case with weights and settings stored."""
    from onnx import ModelProto, numpy_helper

    model = ModelProto()
    model.CopyFrom(case.model)
    graph = model.graph
    weights = {
        node.input[i]
        for node in graph.node
        for i in _WEIGHTS.get(node.op_type, ())
        if i < len(node.input)
    }
    kept = []
    for value, given in zip(graph.input, case.data_sets[0][0], strict=True):
        array = _array(given)
        is_few = array is not None and array.size <= _FEW
        if array is not None and (
            value.name in weights
            or (folded and is_few)
            or (is_few and array.ndim <= 1 and _is_setting(value.name, array))
        ):
            graph.initializer.append(numpy_helper.from_array(array, value.name))
        else:
            kept.append(value)
    del graph.input[:]
    graph.input.extend(kept)
    return model


def known_operators(made: list[Result]) -> tuple[list[str], list[str]]:
    """(operators of which a case is exact, or that have a rule and no case; the other ones)."""
    import onnx

    names = sorted(
        schema.name
        for schema in onnx.defs.get_all_schemas()
        if not schema.domain and not schema.deprecated
    )
    seen = {operator for result in made for operator in result.operators}
    exact = {
        operator for result in made if result.outcome == "exact" for operator in result.operators
    }
    known = [name for name in names if name in exact or (name not in seen and name in TABLE.rules)]
    return known, [name for name in names if name not in known]


def main() -> None:
    """Print how many cases have each outcome, and the reasons."""
    all_cases = cases()
    for title, settings in (
        ("as one example", (False, False)),
        ("with few numbers stored", (False, True)),
        ("with the first axis as the batch", (True, False)),
    ):
        made = list(results(all_cases, *settings))
        counts = Counter(result.outcome for result in made)
        print(f"{len(made)} cases {title}: " + ", ".join(f"{counts[o]} {o}" for o in OUTCOMES))
        for result in made:
            if result.outcome in ("wrong", "crashed"):
                print(f"  {result.outcome}: {result.name}: {result.reason}")
        if settings == (False, False):
            _print_reasons(made)
            known, unknown = known_operators(made)
            total = len(known) + len(unknown)
            print(f"{len(known)} of {total} standard operators ({len(known) / total:.0%})")
            named = [name for name in unknown if name in TABLE.refused]
            print(f"  {len(named)} more are refused by name: " + " ".join(named))
            print("  not: " + " ".join(name for name in unknown if name not in named))


def _print_reasons(made: list[Result]) -> None:
    reasons: dict[tuple[str, str], list[str]] = {}
    for result in made:
        if result.outcome in ("opaque", "refused"):
            reason = result.reason.partition(": ")[2] or result.reason
            reasons.setdefault((result.outcome, reason), []).append(result.name)
    for (outcome, reason), names in sorted(reasons.items(), key=lambda item: -len(item[1])):
        print(f"  {outcome} {len(names):3}  {reason}  ({names[0]})")


if __name__ == "__main__":
    main()
