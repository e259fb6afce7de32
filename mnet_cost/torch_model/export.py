"""A network as a file: an ONNX model, a program of torch.export, or PyTorch source.

The ending of the file's name decides. A file is written whole or not at all.
"""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import fx

from mnet_cost.errors import Problem
from mnet_cost.files import open_file
from mnet_cost.models.types import MAX_BATCH
from mnet_cost.network import Network
from mnet_cost.paths import draft_of, file_to_write, naming
from mnet_cost.torch_model.graph import build_module, initialize
from mnet_cost.torch_model.onnx_file import ExportError, Names, Sizes, onnx_model
from mnet_cost.torch_model.source import write_source
from mnet_cost.torch_model.training.checkpoint import (
    FORMAT,
    CheckpointError,
    load_state,
    refuse_packed,
)

Inputs = tuple[torch.Tensor, ...]


def export_network(
    network: Network,
    target: str,
    weights: str | None = None,
    seed: int = 0,
    dynamic_batch: bool = False,
) -> bool:
    """Write `network` to the file `target`; returns whether the file has random weights.

    The ending of `target` is .onnx, .pt2 or .py. `weights` is a file with a state_dict or a
    checkpoint of a training; without it the weights are those of `initialize` with `seed`. ONNX
    files and programs take as many examples as the network's batch or, with `dynamic_batch`, any
    number. Raises `ExportError` for what the format cannot hold, `CheckpointError` for weights that
    cannot be read or are of another network, and `OutputError` where the file cannot be written.
    """
    write = _WRITERS[Path(target).suffix.lower()]
    if write is _write_source:
        if weights is not None:
            raise ExportError(
                Problem(
                    f"{target}: PyTorch source has no weights: leave --weights out",
                    hint="load_state_dict of the module in it takes the same ones",
                )
            )
        _written(target, lambda draft: _write_source(network, draft))
        return False
    module = initialize(build_module(network), seed).eval()
    if weights is not None:
        load_state(module, read_weights(Path(weights)), Path(weights))
    inputs, sizes = example_inputs(network), None
    if dynamic_batch:
        inputs = tuple(
            example[:1].repeat(2, *[1] * (example.dim() - 1)) for example in inputs
        )  # 1 stays 1
        batch = torch.export.Dim("batch", max=MAX_BATCH)
        sizes = tuple({0: batch} for _ in inputs)
    _written(target, lambda draft: write(network, module, inputs, sizes, draft))
    return weights is None


def example_inputs(network: Network) -> Inputs:
    """Zeros for each input of a network, [batch, *shape]: int64 if an embedding looks them up."""
    from mnet_cost.layers.parameters import Embedding

    tokens: set[int] = set()
    for step in reversed(
        network.steps
    ):  # the inputs of embeddings, and the tensors that they are made of
        if isinstance(step.layer, Embedding) or tokens.intersection(step.outputs):
            tokens.update(step.inputs)
    return tuple(
        torch.zeros(
            (network.batch, *network.tensors[index].type.shape),
            dtype=torch.int64 if index in tokens else torch.float32,
        )
        for index in network.inputs
    )


def read_weights(path: Path) -> Mapping[str, Any]:
    """The state_dict in a file of torch.save, or the averaged weights in a checkpoint of `train`.

    Raises `CheckpointError` for any other file. Nothing in a file is executed.
    """
    try:
        with naming(path, "cannot be read", CheckpointError), open_file(path) as file:
            refuse_packed(path, file)
            content = torch.load(file, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
        raise CheckpointError(f"{path}: is not whole, or holds no weights") from None
    except pickle.UnpicklingError:
        raise CheckpointError(
            Problem(
                f"{path}: holds more than numbers, so it is not read: it could run code",
                hint="torch.save(module.state_dict(), FILE) writes what is read",
            )
        ) from None
    if isinstance(content, dict) and content.get("format") == FORMAT:
        content = content.get("average")
    named = isinstance(content, dict) and all(isinstance(name, str) for name in content)
    if not named or not all(isinstance(tensor, torch.Tensor) for tensor in content.values()):
        raise CheckpointError(
            Problem(
                f"{path}: holds no weights by name",
                hint="torch.save(module.state_dict(), FILE) writes them",
            )
        )
    return content


def _written(target: str, write: Callable[[Path], None]) -> None:
    """Let `write` make a draft beside `target`, then rename it: `target` is whole or not there."""
    with naming(target, "cannot be written"):
        path, _ = file_to_write(target)
        draft = draft_of(path)
        try:
            write(draft)
            os.replace(draft, path)
        finally:
            with suppress(OSError):
                draft.unlink(missing_ok=True)


def _write_source(network: Network, draft: Path) -> None:
    draft.write_text(write_source(network), encoding="utf-8", newline="\n")


def _write_program(
    network: Network, module: fx.GraphModule, inputs: Inputs, sizes: Sizes, draft: Path
) -> None:
    program = torch.export.export(module, inputs, dynamic_shapes=sizes)
    with open(draft, "wb") as file:  # what cannot be written is an OSError here
        torch.export.save(program, file)


def _write_onnx(
    network: Network, module: fx.GraphModule, inputs: Inputs, sizes: Sizes, draft: Path
) -> None:
    names = Names(
        [network.tensors[index].name for index in network.inputs],
        [network.tensors[index].name for index in network.outputs],
    )
    model = onnx_model(network.spec.title, module, inputs, names, sizes).model
    draft.write_bytes(model.SerializeToString())


_WRITERS: Mapping[str, Any] = {".onnx": _write_onnx, ".pt2": _write_program, ".py": _write_source}
