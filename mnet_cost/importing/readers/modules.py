"""Exports modules of PyTorch, given as objects or as `package.module:factory`.

`call_factory` imports the module that is named and calls the factory, so it runs that code, and
`export_module` runs `forward`. Weights take no memory: modules are made on the meta device where
they can be. The batch is a symbol in what is exported; where a module refuses that, it is exported
with two and with three examples, and sizes that are in proportion are those of the batch.
"""

from __future__ import annotations

import importlib
import inspect
import io
import logging
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

import torch
from torch.export import Dim, ExportedProgram, export

from mnet_cost.errors import ModelFileError, Problem, UsageError, did_you_mean
from mnet_cost.importing.graph import Batch, Graph
from mnet_cost.importing.readers.exported import from_exported

EXAMPLES = 2
"""How many examples a module is exported with: one would not be told from other sizes of 1."""

_MOST_WORDS = 300  # characters of a message of somebody else's code


def call_factory(reference: str, arguments: Mapping[str, Any]) -> torch.nn.Module:
    """The module that `package.module:factory` makes of `arguments`. Runs that code.

    The working directory is searched first, as by `python -m`. The factory may be a function, a
    class, or a module of PyTorch itself. It runs with the meta device as default and, where it
    cannot, once more without. Raises `UsageError` for what is not there, and `ModelFileError` where
    the code raises something or gives no module.
    """
    factory = _factory(reference)
    if isinstance(factory, torch.nn.Module):
        if arguments:
            raise UsageError(f"{reference}: is a module already, so it takes no arguments")
        return factory
    if not callable(factory):
        raise UsageError(f"{reference}: is no function or class, but {type(factory).__name__}")
    try:
        try:
            with torch.device("meta"):
                module = factory(**arguments)
        except (RuntimeError, TypeError, ValueError):  # it needs elements of a tensor
            module = factory(**arguments)
    except (Exception, SystemExit) as problem:  # any code may run here
        raise ModelFileError(f"{reference}: raised {_said(problem)}") from problem
    if not isinstance(module, torch.nn.Module):
        raise ModelFileError(
            Problem(
                f"{reference}: gives {type(module).__name__}, and no module of PyTorch",
                hint="write a function that returns the module alone",
            )
        )
    return module


def _factory(reference: str) -> Any:
    """What `package.module:name` names."""
    path, separator, name = reference.partition(":")
    if not separator or not path or not name:
        raise UsageError(
            Problem(f"`{reference}` names no factory", hint="write `package.module:factory`")
        )
    folder = os.getcwd()
    if folder not in sys.path and "" not in sys.path:
        sys.path.insert(0, folder)
    try:
        value = importlib.import_module(path)
    except ModuleNotFoundError as problem:
        if problem.name is None or not f"{path}.".startswith(f"{problem.name}."):
            raise ModelFileError(f"{path}: raised {_said(problem)}") from problem
        raise UsageError(f"{path}: there is no such module of Python") from None
    except (Exception, SystemExit) as problem:  # any code may run here
        raise ModelFileError(f"{path}: raised {_said(problem)}") from problem
    for part in name.split("."):
        if not hasattr(value, part):
            raise UsageError(
                Problem(f"{reference}: there is no `{part}`", hint=did_you_mean(part, dir(value)))
            )
        value = getattr(value, part)
    return value


def export_module(
    module: torch.nn.Module,
    shapes: Mapping[str, Sequence[int]],
    name: str | None = None,
    dtypes: Mapping[str, str] | None = None,
) -> Graph:
    """The graph of a module in evaluation mode; runs its `forward`.

    `shapes` has the sizes of each input, the number of examples first, by the name of the argument
    of `forward`; a single input may have any name. `dtypes` has types other than `float32`. `name`
    is that of the model; else the class of the module. Raises `UsageError` for an input that is not
    there, and `ModelFileError` where torch.export refuses the module.
    """
    name = name or type(module).__name__
    names = _input_names(module, shapes)
    kinds = {
        inner: _type(inner, (dtypes or {}).get(outer, "float32")) for outer, inner in names.items()
    }
    sizes = {inner: tuple(shapes[outer]) for outer, inner in names.items()}
    for inner, shape in sizes.items():
        if not shape or any(type(size) is not int or size < 1 for size in shape):
            raise UsageError(f"the shape of `{inner}` is not made of whole numbers from 1")
    was_training = module.training
    module.eval()
    try:
        return _exported(module, sizes, kinds, name)
    finally:
        module.train(was_training)


def _exported(
    module: torch.nn.Module,
    sizes: Mapping[str, tuple[int, ...]],
    kinds: Mapping[str, torch.dtype],
    name: str,
) -> Graph:
    def traced(examples: int, is_symbolic: bool) -> Graph:
        inputs = {
            inner: torch.empty((examples, *shape[1:]), dtype=kinds[inner], device=device)
            for inner, shape in sizes.items()
        }
        return from_exported(_program(traceable, inputs, is_symbolic), name)

    traceable, device = module, _device(module)
    try:
        return traced(EXAMPLES, True)
    except Exception as problem:  # `forward` may be any code, and torch.export raises anything
        refusal = problem
    if device == "meta":
        # Tensors that `forward` makes are on the CPU unless it says otherwise, so all are there.
        traceable, device = _without_elements(module), "cpu"
        try:
            return traced(EXAMPLES, True)
        except Exception as problem:
            refusal = problem
    try:
        two = traced(EXAMPLES, False)
    except Exception:
        raise ModelFileError(
            Problem(
                f"{name}: torch.export refuses it: {_said(refusal)}",
                hint=_of_other_type(refusal, sizes, kinds)
                or "an ONNX file of it (`torch.onnx.export`) can be imported",
            )
        ) from refusal
    try:
        return _joined(two, traced(EXAMPLES + 1, False))
    except Exception:
        return two._replace(notes=(*two.notes, _FIXED))


def _of_other_type(
    refusal: Exception, sizes: Mapping[str, tuple[int, ...]], kinds: Mapping[str, torch.dtype]
) -> str | None:
    """How to state the types of inputs, where torch speaks of types, and some are not stated."""
    names = [name for name, kind in kinds.items() if kind == torch.float32]
    if not names or not _TYPES.search(str(refusal).partition("\n")[0]):
        return None
    name, shape = ("NAME", (1, 128)) if len(names) > 1 else (names[0], sizes[names[0]])
    return (
        f"{', '.join(f'`{name}`' for name in names)}: of float32, as without a type; ids of tokens "
        f"are given as --shape {name}=int64:{','.join(map(str, shape))}, in Python as "
        f'{{"{name}": {("int64", *shape)}}}'.replace("'", '"')
    )


_TYPES = re.compile(r"dtype|scalar type|float|long|\bint", re.IGNORECASE)
"""Words of what torch says of a tensor of a wrong type."""

_FIXED = f"it was exported with {EXAMPLES} examples, since it refuses other numbers"


def _program(
    module: torch.nn.Module, inputs: Mapping[str, torch.Tensor], is_symbolic: bool
) -> ExportedProgram:
    batch = Dim("batch")
    parameters = list(_parameters(module))
    with _silence(), torch.no_grad():
        if parameters[: len(inputs)] == list(inputs):
            shapes: Any = tuple({0: batch} for _ in inputs)
            given: tuple[Any, ...] = (module, tuple(inputs.values()), None)
        else:
            shapes, given = {inner: {0: batch} for inner in inputs}, (module, (), dict(inputs))
        return export(*given, dynamic_shapes=shapes if is_symbolic else None, strict=False)


@contextmanager
def _silence() -> Iterator[None]:
    """Within it, torch says nothing: what it prints of a program that it refuses is pages long."""
    sink, disabled = io.StringIO(), logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stdout(sink), redirect_stderr(sink):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


def _parameters(module: torch.nn.Module) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(module.forward).parameters


def _input_names(module: torch.nn.Module, shapes: Mapping[str, Sequence[int]]) -> dict[str, str]:
    """The argument of `forward` that each input is, in the order of `forward`."""
    parameters = _parameters(module)
    if not shapes:
        raise UsageError("a module has to be exported with a shape for each input")
    unknown = [name for name in shapes if name not in parameters]
    takes_any = any(x.kind == inspect.Parameter.VAR_KEYWORD for x in parameters.values())
    if unknown and len(shapes) == 1 and parameters:
        return {unknown[0]: next(iter(parameters))}
    if unknown and not takes_any:
        raise UsageError(
            Problem(
                f"`forward` has no argument `{unknown[0]}`",
                hint=did_you_mean(unknown[0], parameters)
                or f"it has {', '.join(f'`{parameter}`' for parameter in parameters)}",
            )
        )
    return {name: name for name in (*filter(shapes.__contains__, parameters), *unknown)}


def _type(name: str, dtype: str) -> torch.dtype:
    found = getattr(torch, dtype, None)
    if not isinstance(found, torch.dtype):
        raise UsageError(
            Problem(
                f"`{name}` cannot be of the type `{dtype}`",
                hint="types are called as torch does it: float32, int64, bool",
            )
        )
    return found


def _device(module: torch.nn.Module) -> str:
    tensor = next(iter((*module.parameters(), *module.buffers())), None)
    return "cpu" if tensor is None else str(tensor.device)


def _without_elements(module: torch.nn.Module) -> torch.nn.Module:
    """A copy of a module on the CPU whose tensors have memory that nobody writes or reads."""
    import copy

    return copy.deepcopy(module).to_empty(device="cpu")


def _joined(two: Graph, three: Graph) -> Graph:
    """The graph that was exported with two examples, with the batch in it as three show it.

    Raises `ValueError` where the graphs differ in more than sizes in proportion.
    """
    if two.stored != three.stored:
        raise ValueError
    joined = {
        field: _with_batch(getattr(two, field), getattr(three, field))
        for field in ("inputs", "outputs", "nodes", "tensors")
    }
    return two._replace(**joined)


def _with_batch(two: Any, three: Any) -> Any:
    """What both have in common: sizes in proportion to the examples are the batch."""
    if two == three and type(two) is type(three):
        return two
    if type(two) is int and type(three) is int:
        if two * (EXAMPLES + 1) != three * EXAMPLES or two <= 0:
            raise ValueError
        return Batch(two // EXAMPLES)
    if type(two) is not type(three) or not isinstance(two, (tuple, list, dict)):
        raise ValueError
    if len(two) != len(three):
        raise ValueError
    if isinstance(two, dict):
        return {key: _with_batch(value, three[key]) for key, value in two.items()}
    parts = [_with_batch(a, b) for a, b in zip(two, three, strict=True)]
    if isinstance(two, list):
        return parts
    make: Callable[[Any], Any] = getattr(type(two), "_make", tuple)
    return make(parts)


def _said(problem: BaseException) -> str:
    """The class of an error, and the first line of what it says."""
    words = next((line.strip() for line in str(problem).splitlines() if line.strip()), "")
    if len(words) > _MOST_WORDS:
        words = f"{words[:_MOST_WORDS]}..."
    return f"{type(problem).__name__}: {words}" if words else type(problem).__name__
