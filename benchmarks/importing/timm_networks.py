"""Networks of timm as layers, beside eager PyTorch: `timm_networks.py --cache FOLDER [NAMES]`.

    python benchmarks/importing/timm_networks.py --cache FOLDER [NAMES]

By default the first 300 names of `timm.list_models()`. Each is made on the meta device, exported by
torch.export, mapped and folded. Params, mult-adds and the output's shape of layers, of recognized
patterns and of the folded spec are compared with eager PyTorch (`eager.py`, which knows nothing of
mnet_cost), and the shape of each layer with that of the program. What differs is printed, with the
reason. Programs stay in the cache, so a second run takes minutes. Needs torch and timm; the figures
of `benchmarks/README.md` are those of torch 2.14.1 and timm 1.0.31.
"""

from __future__ import annotations

import argparse
import pickle
import signal
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import timm
import torch
from eager import Eager, eager

from mnet_cost.analysis.work import count_work, find_precision
from mnet_cost.errors import MnetCostError
from mnet_cost.importing.graph import Graph
from mnet_cost.importing.layer_graph import LayerGraph
from mnet_cost.importing.mapping.aten import TABLE
from mnet_cost.importing.mapping.mapper import map_graph
from mnet_cost.importing.mapping.values import layer_shape
from mnet_cost.importing.patterns import recognized
from mnet_cost.importing.readers.modules import call_factory, export_module
from mnet_cost.importing.written import written
from mnet_cost.layers import KINDS, Layer
from mnet_cost.models.calls import known_fields
from mnet_cost.models.dump import dump_data
from mnet_cost.models.load import parse_spec
from mnet_cost.network import elaborate
from mnet_cost.tensors import require

COUNT = 300
WORKERS = 2
SHORT = 120
"""Lines of a spec that a person would still read."""
MOST_SECONDS = 300
"""For one network, of wall time."""


class Exported(NamedTuple):
    """A network as eager PyTorch has it, and as a graph."""

    eager: Eager
    seconds: float
    """Of CPU time, to export it and to read the program."""
    graph: Graph


class Row(NamedTuple):
    """What came of one network."""

    name: str
    problems: tuple[str, ...]
    opaque: int = 0
    """Layers without a rule."""
    export_seconds: float = 0.0
    map_seconds: float = 0.0
    fold_seconds: float = 0.0
    """To recognize patterns, to fold, and to compare what is written."""
    lines: int | None = None
    """Of the folded spec."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Networks of timm as layers.")
    parser.add_argument("names", nargs="*", help=f"by default the first {COUNT} of timm")
    parser.add_argument("--cache", type=Path, required=True, help="folder of exported programs")
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    names = arguments.names or timm.list_models()[:COUNT]
    with ProcessPoolExecutor(WORKERS) as pool:
        rows = list(pool.map(row, names, [arguments.cache] * len(names)))
    for line in report(rows):
        print(line)


def report(rows: list[Row]) -> Iterator[str]:
    """What fails and why, then the sums."""
    for result in rows:
        if result.problems or result.opaque:
            opaque = [f"{result.opaque} opaque layers"] * (result.opaque > 0)
            yield f"{result.name}: {'; '.join([*result.problems, *opaque])}"
    exact = [result for result in rows if not result.problems]
    yield f"{len(rows)} networks"
    yield f"{len(exact)} exact: params, mult-adds, output, the shape of every layer"
    yield f"{sum(not result.opaque for result in exact)} of these without opaque layers"
    lines = [result.lines for result in rows if result.lines is not None]
    if lines:
        short = sum(count <= SHORT for count in lines)
        yield (
            f"lines of the folded spec: {statistics.median(lines):.0f} in the median; "
            f"{short} of {len(lines)} have {SHORT} or fewer"
        )
    for name, times in (
        ("export", [result.export_seconds for result in rows if result.export_seconds]),
        ("mapping", [result.map_seconds for result in rows if result.map_seconds]),
        ("folding", [result.fold_seconds for result in rows if result.fold_seconds]),
    ):
        if times:
            yield (
                f"{name}: CPU seconds {statistics.median(times):.2f} in the median, "
                f"{max(times):.2f} at most"
            )


def row(name: str, cache: Path) -> Row:
    """Exports one network, or takes it from the cache, and compares its layers."""
    torch.set_num_threads(1)
    try:
        with _time_limit():
            exported = _exported(name, cache)
    except (MnetCostError, TimeoutError, RuntimeError) as problem:
        return Row(name, (f"not exported: {_first_line(problem)}",))
    start = time.process_time()
    try:
        layers = map_graph(exported.graph, TABLE)
    except MnetCostError as problem:
        return Row(name, (_first_line(problem),), 0, exported.seconds)
    seconds = time.process_time() - start
    problems, opaque = differences(exported, layers)
    start = time.process_time()
    joined = recognized(layers)
    # A pattern may put the axes of a tensor in another order.
    changed = [
        problem for problem in differences(exported, joined)[0] if "shapes of" not in problem
    ]
    problems += [f"patterns: {problem}" for problem in changed]
    try:
        spec = written(joined)
    except Exception as problem:  # whatever it is, it belongs into the list of what fails
        problems.append(f"folded: {type(problem).__name__}: {_first_line(problem)}")
        return Row(name, tuple(problems), opaque, exported.seconds, seconds)
    fold_seconds = time.process_time() - start
    text = dump_data(spec.data)
    problems += [f"folded: {note}" for note in spec.notes if "flat" in note]
    problems += _folded_differences(text, exported, layers, opaque)
    return Row(
        name,
        tuple(problems),
        opaque,
        exported.seconds,
        seconds,
        fold_seconds,
        text.count("\n"),
    )


def _folded_differences(
    text: str, exported: Exported, layers: LayerGraph, opaque: int
) -> Iterator[str]:
    """What differs from eager PyTorch in the analysis of the folded spec."""
    if opaque:
        return
    costs = count_work(elaborate(parse_spec(text)), find_precision("fp32"))
    params = sum(cost.params for cost in costs) + _unread(exported.graph, layers)
    mult_adds = sum(cost.mult_adds for cost in costs)
    for name, ours, theirs in (
        ("params", params, exported.eager.params),
        ("mult-adds", mult_adds, exported.eager.mult_adds),
    ):
        if ours != theirs:
            yield f"folded: {name} {ours:,}, not {theirs:,}"


def _first_line(problem: BaseException) -> str:
    return str(problem).partition("\n")[0]


@contextmanager
def _time_limit() -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise TimeoutError(f"it took more than {MOST_SECONDS} s")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(MOST_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)


def _exported(name: str, cache: Path) -> Exported:
    path = cache / f"{name}.pickle"
    if path.exists():
        of_eager, seconds, graph = pickle.loads(path.read_bytes())
        return Exported(Eager(*of_eager), seconds, graph)
    module = call_factory("timm:create_model", {"model_name": name})
    shape = tuple(module.default_cfg["input_size"])
    of_eager = eager(module, shape)
    start = time.process_time()
    graph = export_module(module, {"x": (1, *shape)}, name)
    seconds = time.process_time() - start
    draft = path.with_suffix(".part")
    draft.write_bytes(pickle.dumps((tuple(of_eager), seconds, graph)))
    draft.rename(path)
    return Exported(of_eager, seconds, graph)


def differences(exported: Exported, layers: LayerGraph) -> tuple[list[str], int]:
    """(what differs from eager PyTorch and from the program, how many layers are opaque)."""
    problems = []
    params, mult_adds, opaque = _totals(layers)
    params += _unread(exported.graph, layers)
    for name, ours, theirs in (
        ("params", params, exported.eager.params),
        ("mult-adds", 0 if opaque else mult_adds, 0 if opaque else exported.eager.mult_adds),
    ):
        if ours != theirs:
            problems.append(f"{name} {ours:,}, not {theirs:,} ({ours - theirs:+,})")
    output = layers.type_of(layers.outputs[0]).shape
    if output != exported.eager.output[1:]:
        problems.append(f"output {output}, not {exported.eager.output[1:]}")
    wrong = Counter(
        layer.kind
        for layer in layers.layers
        for name in layer.origin.tensors
        if (shape := _shape(exported.graph, name)) is not None
        and shape not in [type_.shape for type_ in layer.types]
    )
    problems += [f"{count} shapes of {kind}" for kind, count in wrong.items()]
    return problems, opaque


def _shape(graph: Graph, name: str) -> tuple[int, ...] | None:
    tensor = graph.tensors.get(name)
    if tensor is None or tensor.shape is None:
        return None
    return layer_shape([size for size in tensor.shape if not isinstance(size, str)])


def _unread(graph: Graph, layers: LayerGraph) -> int:
    """Parameters that the network has and no layer reads, by the note that says so."""
    counts = [note.split()[0] for note in layers.notes if note.endswith("are read by no layer")]
    return sum(int(count.replace(",", "")) for count in counts)


def _totals(layers: LayerGraph) -> tuple[int, int, int]:
    """(params, mult-adds, opaque layers) by the rules of the kinds."""
    params = mult_adds = opaque = 0
    for layer in layers.layers:
        inputs = tuple(layers.type_of(wire) for wire in layer.inputs)
        work = _layer(layer.kind, layer.fields).work(inputs, layer.types[0])
        if work is None or layer.kind == "opaque":
            opaque += 1
            continue
        mult_adds += int(work.mult_adds)
        if layer.shares is None:
            params += int(work.params - (work.weights if layer.tied_to is not None else 0))
    return params, mult_adds, opaque


def _layer(kind: str, fields: Any) -> Layer:
    known = known_fields(KINDS[kind])
    return KINDS[kind](
        **{name: known[name].kind.convert(value, require) for name, value in fields.items()}
    )


if __name__ == "__main__":
    main()
