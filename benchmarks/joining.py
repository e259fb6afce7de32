"""How much of what onnxruntime's profiler measures is joined to layers, for the library's networks.

    python benchmarks/joining.py [NETWORK ...] [--runs N] [--write]

Each network is exported with random weights and profiled on one thread. Of the time of its kernels:
the share joined to layers, that of copies into other layouts (joined to the tensor), and the rest.
A convolution that was measured must be that of exactly one convolution layer, with its kernel,
channels and output. `--write` adds rows to `joining.csv`; networks that it has are left out.
Shares hardly depend on what else runs; times do, and none are written.
"""

from __future__ import annotations

import argparse
import csv
import platform
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import onnxruntime
import torch

from mnet_cost.errors import MnetCostError
from mnet_cost.measure.runs.artifacts import Runnable
from mnet_cost.measure.runtimes.base import RuntimeProfile
from mnet_cost.measure.runtimes.onnxruntime import Profiled, profile_of, profiled
from mnet_cost.models.catalog import read_catalog
from mnet_cost.models.library import load_model
from mnet_cost.network import Network, elaborate

TABLE = Path(__file__).with_suffix(".csv")
COLUMNS = (
    *("network", "kernels", "joined_percent", "layout_percent", "unjoined_percent"),
    *("several_layers_percent", "convolutions", "wrong_convolutions", "unjoined", "note"),
    *("onnxruntime", "torch", "processor", "instructions", "date"),
)
CONVOLUTIONS = frozenset({"Conv", "FusedConv", "NhwcFusedConv", "ConvTranspose"})
KINDS = frozenset({"conv1d", "conv2d", "conv3d", "depthwise_conv2d", "conv_transpose2d"})
PRODUCTS = frozenset({"convolution", "linear", "matmul"})
BLOCK = 16
"""Channels of a block, at most: those of a packed convolution are padded to whole blocks."""


def row_of(name: str, runs: int) -> dict[str, Any]:
    """The row of a network."""
    row: dict[str, Any] = dict.fromkeys(COLUMNS, "")
    row.update(
        network=name,
        onnxruntime=onnxruntime.__version__,
        torch=torch.__version__,
        processor=processor(),
        instructions=torch.backends.cpu.get_cpu_capability(),
        date=datetime.now(UTC).date().isoformat(),
    )
    try:
        model = load_model(name)
        with tempfile.TemporaryDirectory() as folder:
            runnable = Runnable(name, elaborate(model.spec, model.knobs), Path(folder))
            measured = profiled(runnable, 1, runs)
            row.update(figures(runnable, measured))
    except MnetCostError as error:
        row["note"] = error.problems[0].message
    return row


def processor() -> str:
    """What Linux says of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "")


def figures(runnable: Runnable, measured: Profiled) -> dict[str, Any]:
    """What of the time is joined, and which convolutions to a wrong layer."""
    layers = runnable.layers_of_node()
    profile = profile_of(runnable, measured)
    parts = dict.fromkeys(("joined", "layout", "unjoined", "several_layers"), 0.0)
    unjoined: dict[str, None] = {}
    for kernel in profile.kernels:
        done = {layer for node in kernel.nodes for layer in layers.get(node, ())}
        part = "layout" if kernel.is_layout else "joined" if done else "unjoined"
        parts[part] += kernel.seconds
        if part == "unjoined":
            unjoined[kernel.operator] = None
        if part == "joined" and sum(map(is_work(runnable.network), done)) > 1:
            parts["several_layers"] += kernel.seconds
    total = sum(kernel.seconds for kernel in profile.kernels)
    checked = list(convolutions(runnable, measured, profile))
    return {
        "kernels": len(profile.kernels),
        **{f"{part}_percent": f"{100 * time / total:.2f}" for part, time in parts.items()},
        "convolutions": len(checked),
        "wrong_convolutions": checked.count(False),
        "unjoined": " ".join(unjoined),
    }


def is_work(network: Network) -> Any:
    """Whether a layer does mult-adds: two of them in one kernel are a doubtful join."""
    kinds = {step.name: step.layer.kind for step in network.steps}
    return lambda layer: kinds.get(layer) in KINDS | {"linear", "attention", "matmul"}


def convolutions(runnable: Runnable, measured: Profiled, profile: RuntimeProfile) -> Iterator[bool]:
    """For each measured convolution whether it is of exactly one layer, with its sizes."""
    steps = {step.name: step for step in runnable.network.steps}
    layers = runnable.layers_of_node()
    events = {event["name"]: event for event in measured.runs[0]}
    for kernel in profile.kernels:
        if kernel.operator not in CONVOLUTIONS:
            continue
        done = {layer for node in kernel.nodes for layer in layers.get(node, ())}
        found = [steps[layer] for layer in done if steps[layer].layer.kind in KINDS]
        if len(found) != 1:
            # Other kinds have convolutions in them (patches of attention, deformable ones), and a
            # batch norm by itself is one in blocks of channels.
            others = [steps[layer].layer for layer in done]
            yield not found and any(
                other.effort in PRODUCTS or other.kind == "batch_norm" for other in others
            )
            continue
        (step,) = found
        shapes = sizes(events[f"{kernel.name}_kernel_time"])
        output = runnable.network.tensors[step.outputs[0]].type.shape
        yield same(shapes, tuple(output), step.layer.kernel)  # type: ignore[attr-defined]


def sizes(event: Mapping[str, Any]) -> tuple[list[int] | None, list[int]]:
    """Shapes of the weights and of the output that an event has: weights that are packed when the
    session is made are no input."""
    inputs = event["args"]["input_type_shape"]
    (weights,) = inputs[1].values() if len(inputs) > 1 else (None,)
    (output,) = event["args"]["output_type_shape"][0].values()
    return weights, output


def same(shapes: tuple[list[int] | None, list[int]], output: tuple[int, ...], kernel: Any) -> bool:
    """Whether measured shapes are those of a layer, channels padded to whole blocks or not."""
    weights, made = shapes
    axes = len(made) - 2
    sides = tuple(kernel) if isinstance(kernel, tuple | list) else (kernel,) * axes
    return (
        (weights is None or tuple(weights[2:]) == sides)
        and tuple(made[2:]) == output[-axes:]
        and 0 <= made[1] - output[-axes - 1] < BLOCK
    )


def main() -> None:
    """Print the table, row by row."""
    parser = argparse.ArgumentParser()
    parser.add_argument("networks", nargs="*")
    parser.add_argument("--runs", type=int, default=8)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    names = options.networks or [listed.name for listed in read_catalog().networks]
    known = set()
    if options.write and TABLE.exists():
        with TABLE.open(encoding="utf-8", newline="") as file:
            known = {row["network"] for row in csv.DictReader(file)}
    shown = COLUMNS[1:10]
    print(f"{'network':<32} " + " ".join(column.removesuffix("_percent") for column in shown))
    for name in names:
        if name in known:
            continue
        row = row_of(name, options.runs)
        print(f"{name:<32} " + " ".join(f"{row[column]!s:>8}" for column in shown), flush=True)
        if options.write:
            is_new = not TABLE.exists()
            with TABLE.open("a", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
                if is_new:
                    writer.writeheader()
                writer.writerow(row)


if __name__ == "__main__":
    main()
