"""A model that somebody has, as a spec: the calls that `import` and Python users make.

`import_model` takes a file, a `module:factory`, a module of torch or an exported program. The spec
is folded into blocks, unless `flat` is asked for; either is compared with the layers that it was
made of before it is given (`written.py`). Not here: reports.
"""

from __future__ import annotations

import os
import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from mnet_cost.errors import ModelFileError, Problem, UsageError
from mnet_cost.importing.files import FORMATS, layers_of, read_graph, spec_of, with_images
from mnet_cost.importing.graph import Graph
from mnet_cost.importing.image_sizes import OperatorsAt, Program
from mnet_cost.importing.knobs import Sample, with_knob
from mnet_cost.importing.layer_graph import LayerGraph
from mnet_cost.importing.patterns import recognized
from mnet_cost.importing.written import Written, written
from mnet_cost.models.dump import dump_data
from mnet_cost.models.plain_data import spec_from_data
from mnet_cost.models.types import Model, ModelSpec
from mnet_cost.network import elaborate

_FACTORY = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*", re.ASCII)

Shapes = Mapping[str, Sequence[Any]]
"""Shapes of inputs by their names: sizes, with the batch in front. What a module gets may have its
type before them, by its name or as torch has it: `("int64", 1, 128)`; else it is float32."""

IMAGE: Shapes = {"image": (1, 3, 224, 224)}
"""What a module gets for an input where no shape is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A model of another tool as a spec."""

    spec: ModelSpec
    data: Mapping[str, Any]
    """The spec as plain data."""
    layers: LayerGraph
    """The layers of the spec, one after the other, with what they stand for in the file."""
    notes: tuple[str, ...]
    """What a reader of the spec has to know, a sentence each."""

    @property
    def text(self) -> str:
        """The spec as YAML."""
        return dump_data(self.data)

    @property
    def opaque(self) -> tuple[str, ...]:
        """Operators of unknown cost, each once: layers `opaque` stand for them."""
        unknown = [
            str(x.fields["operation"])
            for x in self.layers.layers
            if x.kind == "opaque" and "mult_adds" not in x.fields
        ]
        return tuple(dict.fromkeys(unknown))


def import_model(
    source: Any,
    *,
    shapes: Shapes | None = None,
    arguments: Mapping[str, Any] | None = None,
    knob: tuple[str, Sequence[int | float]] | None = None,
    flat: bool = False,
    has_batch: bool = True,
) -> Imported:
    """The spec of a model that somebody has.

    `source` is the path of a model file, `package.module:factory`, a module of torch or an exported
    program; a factory is called with `arguments`, which runs its code. `shapes` has the shapes of
    inputs with the batch in front, where a file leaves sizes open, and for a module, whose inputs
    are of float32 where no type is in front: `{"ids": ("int64", 1, 128)}`. `knob` is the
    name of an argument of the factory and three values of it or more: the spec has a knob of that
    name, with the first value as default. With `flat` there is an entry for each operator of the
    file. Without `has_batch` the first axis of each input is one like the others.

    Raises `ModelFileError` for what cannot be imported, `UsageError` for a knob that cannot be
    recovered, and `MissingPackageError` for a module where torch is not installed.
    """
    is_file = isinstance(source, (str, os.PathLike)) and not is_factory(source)
    if is_file:
        _check_untyped(source, shapes)

    def layers_with(more: Mapping[str, Any], own: Shapes | None = shapes) -> LayerGraph:
        graph = graph_of(source, own, {**(arguments or {}), **more})
        layers = layers_of(graph, shapes if is_file else None, has_batch)
        return layers if flat else recognized(layers)

    def at_size(height: int, width: int) -> LayerGraph | None:
        try:
            if not is_file:
                return layers_with({}, _with_images(shapes or IMAGE, height, width))
            graph, given = with_images(read_graph(source), shapes or {}, height, width)
            layers = layers_of(graph, given, has_batch)
            return layers if flat else recognized(layers)
        except ModelFileError:
            return None

    def operators(more: Mapping[str, Any]) -> OperatorsAt:
        return _operators_of(source, shapes or IMAGE, {**(arguments or {}), **more})

    if knob is None:
        program = None
        if is_file:
            program = Program(at_size, is_file=True)
        elif _is_run(source) and has_batch:
            program = Program(at_size, operators({}))
        form = written(layers_with({}), flat, program)
        layers = form.graph
    else:
        name, values = knob
        if not is_factory(source) or flat:
            raise UsageError(
                Problem(
                    "a knob is recovered from a factory, which is called with its values, and "
                    "folded into blocks",
                    hint="as in `import torchvision.models:mobilenet_v2 --knob "
                    "width_mult=1,0.5,0.75`, without --flat",
                )
            )
        samples = [
            Sample(value, layers_with(more), Program(_no_graph, operators(more)))
            for value in values
            for more in [{name: value}]
        ]
        layers = samples[0].graph
        form = Written(with_knob(name, samples), layers)
    spec = spec_from_data(form.data, layers.source)
    names = [step.name for step in elaborate(spec, {}).steps]
    origins = [layer.origin for layer in layers.layers]
    spec.origins = dict(zip(names, origins, strict=True))
    notes = (*layers.notes, *form.notes)
    return Imported(spec=spec, data=form.data, layers=layers, notes=notes)


def _is_run(source: Any) -> bool:
    """Whether a model is a program that runs on inputs of any size, as far as it allows."""
    return is_factory(source) or hasattr(source, "forward")


def _no_graph(height: int, width: int) -> None:
    """A model that is not exported again."""


def _operators_of(source: Any, shapes: Shapes, arguments: Mapping[str, Any]) -> OperatorsAt:
    """A function from a height and a width to what a model runs there (`Program`)."""

    @cache
    def module() -> Any:
        from mnet_cost.importing.readers.modules import call_factory  # torch

        return call_factory(source, arguments) if isinstance(source, str) else source

    @cache
    def operators(height: int, width: int) -> tuple[Hashable, ...] | None:
        from mnet_cost.importing.readers.eager import operators_at  # torch

        return operators_at(module(), *_parted(_with_images(shapes, height, width)))

    return operators


def _with_images(shapes: Shapes, height: int, width: int) -> Shapes:
    """Shapes of inputs with images of another size."""
    sizes, _ = _parted(shapes)
    return {
        name: (*shape[:-2], height, width) if len(sizes[name]) == 4 else tuple(shape)
        for name, shape in shapes.items()
    }


def _parted(shapes: Shapes) -> tuple[dict[str, tuple[Any, ...]], dict[str, str]]:
    """The sizes of all inputs, and the types of those that state one."""
    sizes, types = {}, {}
    for name, shape in shapes.items():
        first = shape[0] if len(shape) else None
        is_typed = isinstance(first, str) or str(first).startswith("torch.")
        sizes[name] = tuple(shape[is_typed:])
        if is_typed:
            types[name] = str(first).removeprefix("torch.")
    return sizes, types


def _check_untyped(path: str | os.PathLike[str], shapes: Shapes | None) -> None:
    """Raise `UsageError` for a type of an input of a file."""
    for name, dtype in _parted(shapes or {})[1].items():
        raise UsageError(
            Problem(
                f"{os.fsdecode(path)}: the file says which type `{name}` has, so it cannot be "
                f"`{dtype}`",
                hint="give the sizes alone",
            )
        )


def load_onnx(path: str | os.PathLike[str], shapes: Shapes | None = None) -> Model:
    """The model in an ONNX file, layer by layer, for `analyze` and so on.

    `shapes` has the shapes of inputs whose sizes the file leaves open, with the batch in front.
    Raises `ModelFileError`.
    """
    _check_untyped(path, shapes)
    layers = recognized(layers_of(read_graph(path), shapes))
    return Model(spec_of(layers, os.fsdecode(path)), {})


def from_torch(
    module: Any, shapes: Shapes | None = None, arguments: Mapping[str, Any] | None = None
) -> Model:
    """The model that a module of torch is, or what `package.module:factory` makes of `arguments`.

    `shapes` has the shape of each input of `forward`, with the batch in front, and before that its
    type where it is not float32: `{"ids": ("int64", 1, 128)}`. Without it a module gets one image
    of 224 pixels. Runs the code of the module.
    """
    graph = graph_of(module, shapes, arguments)
    return Model(spec_of(recognized(layers_of(graph)), graph.source), {})


def from_exported(program: Any) -> Model:
    """The model that a program of torch.export is (`torch.export.export`)."""
    return from_torch(program)


def is_factory(text: Any) -> bool:
    """Whether a text is `package.module:function`, and no path of a model file."""
    if not isinstance(text, str) or os.path.splitext(text)[1].lower() in FORMATS:
        return False
    return _FACTORY.fullmatch(text) is not None


def graph_of(
    source: Any, shapes: Shapes | None = None, arguments: Mapping[str, Any] | None = None
) -> Graph:
    """The graph of operators of a file, of what a factory makes, of a module or of a program."""
    if isinstance(source, os.PathLike) or (isinstance(source, str) and not is_factory(source)):
        if arguments:
            raise ModelFileError(
                Problem(
                    f"{os.fsdecode(source)}: a file takes no arguments",
                    hint="`package.module:factory` is called with them",
                )
            )
        return read_graph(source)
    from mnet_cost.importing.readers.modules import call_factory, export_module  # torch

    name = None
    if isinstance(source, str):
        name = source.rpartition(":")[2]
        source = call_factory(source, arguments or {})
    from torch.export import ExportedProgram

    if isinstance(source, ExportedProgram):
        from mnet_cost.importing.readers.exported import from_exported as read_program

        return read_program(source)
    sizes, types = _parted(shapes or IMAGE)
    return export_module(source, sizes, name, types)
