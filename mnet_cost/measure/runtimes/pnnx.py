"""A network as files of ncnn: torch exports and traces it, and the program `pnnx` converts that."""

from __future__ import annotations

import re
import subprocess
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ncnn
import torch
from torch import fx

from mnet_cost.errors import MissingPackageError, Problem
from mnet_cost.measure.runtimes.base import first_line, refused
from mnet_cost.measure.runtimes.torch_modules import operator_of

if TYPE_CHECKING:
    from mnet_cost.measure.runs.artifacts import Runnable

_CONVERSION_S = 600
"""After so many seconds a conversion is given up."""


def converted(runnable: Runnable) -> Path:
    """The .ncnn.param of a network; the .ncnn.bin is beside it.

    The program of `pnnx` is run itself: its Python package would run source that it has written.
    """
    trace = _traced(runnable)
    stem = trace.with_suffix("")
    endings = {
        option: stem.with_name(stem.name + ending)
        for option, ending in (
            ("ncnnparam", ".ncnn.param"),
            ("ncnnbin", ".ncnn.bin"),
            ("ncnnpy", ".ncnn.py.txt"),
            ("pnnxparam", ".pnnx.param"),
            ("pnnxbin", ".pnnx.bin"),
            ("pnnxpy", ".pnnx.py.txt"),
            ("pnnxonnx", ".pnnx.onnx"),
        )
    }
    command = [_pnnx(), str(trace), "fp16=0", *(f"{name}={path}" for name, path in endings.items())]
    try:
        run = subprocess.run(
            command, cwd=runnable.folder, capture_output=True, timeout=_CONVERSION_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise refused(runnable, f"pnnx did not convert it: {first_line(error)}") from None
    finally:
        for name, path in endings.items():
            if not name.startswith("ncnn") or name == "ncnnpy":
                path.unlink(missing_ok=True)
        trace.unlink(missing_ok=True)
    param = endings["ncnnparam"]
    if run.returncode or not param.exists():
        said = run.stderr.decode(errors="replace").strip().splitlines()
        reason = said[-1] if said else f"it ended with {run.returncode}"
        raise refused(
            runnable, f"pnnx cannot convert it: {reason}", hint="`--runtime torch` runs every layer"
        )
    return param


def _pnnx() -> str:
    try:
        import pnnx
    except ImportError:
        raise MissingPackageError(
            Problem(
                "`ncnn` needs the package `pnnx`, which is not installed",
                hint="python -m pip install 'mnet-cost[ncnn]'",
            )
        ) from None
    return str(pnnx.EXEC_PATH)


def _traced(runnable: Runnable) -> Path:
    path = runnable.file(".pt")
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pnnx reads traces, which torch calls outdated
            module = _plain(runnable.module(), runnable.inputs())
            torch.jit.trace(module, runnable.inputs(), check_trace=False).save(str(path))
    except (RuntimeError, TypeError, ValueError) as error:
        raise refused(runnable, f"torch cannot trace it: {first_line(error)}") from None
    return path


def _plain(module: fx.GraphModule, inputs: tuple[Any, ...]) -> fx.GraphModule:
    """`module` in functions of ATen that pnnx knows, for the sizes of `inputs`."""
    aten = torch.ops.aten
    reshapes = {
        *(aten.expand.default, aten.expand_as.default),  # of one example, most repeat nothing
        *(aten.unflatten.int, aten.flatten.using_ints, aten.view.default),
    }
    program = torch.export.export(module, inputs).module(check_guards=False)
    graph = program.graph
    for node in list(graph.nodes):
        made = node.meta.get("val")
        of = node.args[0] if node.args else None
        read = of.meta.get("val") if isinstance(of, fx.Node) else None
        if not isinstance(made, torch.Tensor) or not isinstance(read, torch.Tensor):
            continue
        with graph.inserting_before(node):
            if node.target in reshapes and made.numel() == read.numel():
                same = made.shape == read.shape
                sizes = list(made.shape)
                new = of if same else graph.call_function(aten.reshape.default, (of, sizes))
            elif node.target is aten.movedim.int:
                order = list(range(read.dim()))
                origin, place = (axis % read.dim() for axis in node.args[1:])
                order.insert(place, order.pop(origin))
                new = graph.call_function(aten.permute.default, (of, order))
            elif node.target is aten.narrow.default:
                _, axis, start, length = node.args
                new = graph.call_function(aten.slice.Tensor, (of, axis, start, start + length))
            else:
                continue
        assert new is not None
        new.meta.setdefault("val", made)
        node.replace_all_uses_with(new)
        graph.erase_node(node)
    program.recompile()
    return program


def refuse_unknown(runnable: Runnable, param: Path) -> None:
    """Raise `RunError` for an operator of the converted file that ncnn does not have."""
    module = runnable.module()
    for line in param.read_text(encoding="utf-8").splitlines()[2:]:
        operator = line.split()[0]
        if operator == "Input" or ncnn.layer_to_index(operator) >= 0:
            continue
        called = re.split(r"\.|::", operator)[-1]
        nodes = [node for node in module.graph.nodes if operator_of(module, node) == called]
        layer = nodes[0].meta.get("layer") if nodes else None
        whose = f" of `{layer}`" if layer else ""
        raise refused(
            runnable,
            f"ncnn has no operator `{operator}`{whose}",
            layer=layer,
            hint="`--runtime torch` runs every layer",
        )
