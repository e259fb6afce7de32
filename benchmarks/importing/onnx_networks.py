"""Networks as ONNX files of both exporters of torch, as layers:
`python benchmarks/importing/onnx_networks.py --cache FOLDER [NAMES]`.

Each network of torchvision or timm has random weights (equal ones would be merged) and is exported
by `torch.onnx.export`, with `dynamo=True` and with `dynamo=False`. Mult-adds are compared with what
the dispatcher of torch counts where the network runs (`eager.py`), params with the real numbers
that the file has stored: exporters fold batch norms and leave out zeros, so they are not those of
the network. Files stay in the cache. Needs torch, torchvision, timm, onnx and onnxscript; the
figures of `benchmarks/README.md` are those of torch 2.14.1.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import timm
import torch
import torchvision
from eager import MultAdds
from totals import totals

from mnet_cost.errors import MnetCostError
from mnet_cost.importing.graph import Graph
from mnet_cost.importing.layer_graph import LayerGraph
from mnet_cost.importing.mapping.mapper import map_graph
from mnet_cost.importing.mapping.onnx import TABLE
from mnet_cost.importing.readers.onnx import read_onnx

OF_TORCHVISION = (
    "mobilenet_v2", "mobilenet_v3_large", "resnet50", "efficientnet_b0", "shufflenet_v2_x1_0",
    "vit_b_16", "convnext_tiny", "densenet121", "swin_t", "googlenet", "squeezenet1_0",
    "mnasnet1_0", "regnet_y_400mf", "inception_v3",
)  # fmt: skip
OF_TIMM = (
    "mobilevit_s", "poolformer_s12", "mixer_s16_224", "ghostnet_100", "repvgg_a0",
    "deit_tiny_patch16_224", "edgenext_xx_small", "coatnet_nano_rw_224", "levit_128s",
)  # fmt: skip
EXPORTERS = {"dynamo": True, "script": False}
"""Values of `dynamo` in `torch.onnx.export`."""


class Row(NamedTuple):
    """What came of one file."""

    name: str
    problems: tuple[str, ...]
    read_seconds: float = 0.0
    """Of CPU time, to read the file."""
    map_seconds: float = 0.0


def main() -> None:
    """Export what is not in the cache, and print each network and the sums."""
    parser = argparse.ArgumentParser(description="Networks as ONNX files, as layers.")
    parser.add_argument("names", nargs="*", help="by default all of the list")
    parser.add_argument("--cache", type=Path, required=True, help="folder of exported files")
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    rows = []
    for name in arguments.names or (*OF_TORCHVISION, *OF_TIMM):
        for exporter in EXPORTERS:
            rows.append(row(name, exporter, arguments.cache))
            print(f"{name}, {exporter}: {'; '.join(rows[-1].problems) or 'exact'}", flush=True)
    for line in sums(rows):
        print(line)


def sums(rows: list[Row]) -> Iterator[str]:
    """How many are exact, and the times."""
    exact = sum(not result.problems for result in rows)
    yield f"{exact} of {len(rows)} files exact: mult-adds, params, every stated shape"
    for name, times in (
        ("reading", [result.read_seconds for result in rows]),
        ("mapping", [result.map_seconds for result in rows]),
    ):
        median, most = statistics.median(times) * 1000, max(times) * 1000
        yield f"{name}: CPU {median:.0f} ms in the median, {most:.0f} ms at most"


def row(name: str, exporter: str, cache: Path) -> Row:
    """One network by one exporter; a shape that differs from the file's is refused by mapping."""
    counted = cache / f"{name}.json"
    path = cache / f"{name}.{exporter}.onnx"
    title = f"{name}, {exporter}"
    if not counted.exists() or not path.exists():
        try:
            _export(name, exporter, counted, path)
        except Exception as problem:  # of any kind, by any of the exporter's parts
            return Row(title, (f"not exported: {type(problem).__name__}",))
    start = time.process_time()
    try:
        graph = read_onnx(path)
        read = time.process_time()
        layers = map_graph(graph, TABLE)
    except MnetCostError as problem:
        return Row(title, (str(problem).partition("\n")[0],))
    seconds = (read - start, time.process_time() - read)
    problems = differences(graph, layers, json.loads(counted.read_text())["mult_adds"])
    return Row(title, tuple(problems), *seconds)


def differences(graph: Graph, layers: LayerGraph, mult_adds: int) -> Iterator[str]:
    """What differs from eager PyTorch, and from what is stored in the file."""
    ours, elements, opaque = totals(layers)
    if opaque:
        yield f"{opaque} opaque layers"
    if ours != mult_adds:
        yield f"mult-adds {ours:,}, not {mult_adds:,} ({ours - mult_adds:+,})"
    real = [x.elements for x in graph.stored.values() if x.dtype.startswith("float")]
    several = sum(count for count in real if count > 1)
    # A single number can be a weight, or a setting of a layer.
    if not several <= elements <= sum(real):
        yield f"params {elements:,}, not {several:,} ({elements - several:+,})"


def _export(name: str, exporter: str, counted: Path, path: Path) -> None:
    torch.manual_seed(0)
    torch.backends.mha.set_fastpath_enabled(False)  # one operator that nobody counts
    model, size = _network(name)
    images = torch.rand(2, 3, size, size)
    if not counted.exists():
        counter = MultAdds()
        with torch.no_grad(), counter:
            model(images[:1])
        counted.write_text(json.dumps({"mult_adds": counter.total}))
    axes: dict[str, Any]
    if EXPORTERS[exporter]:
        axes = {"dynamic_shapes": ({0: torch.export.Dim("batch")},), "external_data": False}
    else:
        axes = {"input_names": ["input"], "dynamic_axes": {"input": {0: "batch"}}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, (images,), str(path), dynamo=EXPORTERS[exporter], verbose=False, **axes
        )


def _network(name: str) -> tuple[torch.nn.Module, int]:
    """(the network in evaluation mode with random weights, height and width of its images)."""
    if name in OF_TIMM:
        model = timm.create_model(name)
        size = model.default_cfg["input_size"][1]
    else:
        has_more = name in ("googlenet", "inception_v3")
        settings = {"aux_logits": False, "init_weights": False} if has_more else {}
        model = getattr(torchvision.models, name)(weights=None, **settings)
        size = 299 if name == "inception_v3" else 224
    with torch.no_grad():
        for tensor in model.state_dict().values():
            if tensor.is_floating_point():
                tensor.uniform_(0.5, 1.0)
    return model.eval(), size


if __name__ == "__main__":
    main()
