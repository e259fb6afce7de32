"""`mnet-cost import FILE|module:factory`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mnet_cost.cli.options import Subparsers, add_command

if TYPE_CHECKING:
    from mnet_cost.importing.imports import Imported


def add_parser(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "import",
        "a spec of a model that you have: a file of ONNX, torch.export, TFLite or ncnn, or a "
        "PyTorch module",
        "mnet-cost import model.onnx -o model.yaml",
        "Files are read, and nothing in them is run. MODULE:FACTORY imports that Python module "
        "and calls the function or class, so it runs that code; it needs torch.",
    )
    parser.add_argument(
        "source",
        metavar="FILE|MODULE:FACTORY",
        help="a file that ends in {imported}, or what makes a torch module: "
        "torchvision.models:resnet50",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="write the spec to FILE, whole or not at all; else it is printed",
    )
    parser.add_argument(
        "--shape",
        metavar="INPUT=[TYPE:]N,C,H,W",
        action="append",
        default=[],
        dest="shapes",
        type=_shape,
        help="the shape of an input, the batch first: where a file leaves it open, or what a "
        "module gets (1,3,224,224), with its type where that is not float32 (int64:1,128); may be "
        "repeated",
    )
    parser.add_argument(
        "--argument",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        dest="arguments",
        type=_argument,
        help="an argument of the factory: width_mult=0.5; may be repeated",
    )
    parser.add_argument(
        "--knob",
        metavar="NAME=V,V,V",
        type=_knob,
        help="make an argument of the factory a knob: it is called with each value, and the spec "
        "has to give the last one exactly, unseen: width_mult=1,0.5,0.75",
    )
    parser.add_argument(
        "--flat", action="store_true", help="one entry for each operator of the file, no blocks"
    )
    parser.add_argument(
        "--no-batch",
        action="store_true",
        help="the first axis of the inputs is no batch, but an axis like the others",
    )
    parser.set_defaults(run=run)


def _shape(text: str) -> tuple[str, tuple[int | str, ...]]:
    """`ids=int64:1,128` as the name of an input, and its sizes behind its type, if there is one."""
    name, equals, value = text.partition("=")
    dtype, colon, sizes = value.rpartition(":")
    numbers = sizes.replace("x", ",").split(",")
    is_shape = all(number.strip().isdecimal() for number in numbers)
    if not equals or not name or not is_shape or (colon and not dtype.isidentifier()):
        raise argparse.ArgumentTypeError(
            f"`{text}` is no shape: write image=1,3,224,224, or ids=int64:1,128 with a type"
        )
    return name, (*([dtype] if colon else []), *[int(number) for number in numbers])


def _argument(text: str) -> tuple[str, object]:
    from mnet_cost.errors import MnetCostError
    from mnet_cost.models.library import split_setting

    try:
        return split_setting(text)
    except MnetCostError:
        raise argparse.ArgumentTypeError(f"`{text}` is no argument: write NAME=VALUE") from None


def _knob(text: str) -> tuple[str, tuple[int | float, ...]]:
    name, equals, values = text.partition("=")
    try:
        numbers = [float(value) for value in values.split(",")]
    except ValueError:
        numbers = []
    if not name or not equals or len(numbers) < 3:
        raise argparse.ArgumentTypeError(
            f"`{text}` is no knob with three values: write width_mult=1,0.5,0.75"
        )
    return name, tuple([int(x) if x.is_integer() and "." not in values else x for x in numbers])


def run(options: argparse.Namespace) -> int:
    """Write the spec, and say what is to be known of it."""
    from mnet_cost.cli.output import print_text
    from mnet_cost.errors import OutputError
    from mnet_cost.importing.imports import import_model
    from mnet_cost.paths import same_file, write_whole

    if options.output and same_file(options.output, options.source):
        raise OutputError(f"{options.output}: is read by this command: choose another file")
    imported = import_model(
        options.source,
        shapes=dict(options.shapes),
        arguments=dict(options.arguments),
        knob=options.knob,
        flat=options.flat,
        has_batch=not options.no_batch,
    )
    text = imported.text
    if options.output:
        write_whole(options.output, text)
    else:
        print_text(text)
    _say_what(imported, len(text.splitlines()))
    return 0


def _say_what(imported: Imported, lines: int) -> None:
    """What was written, in a line, and what a reader has to know of it."""
    from mnet_cost.analysis import analyze_network
    from mnet_cost.cli.output import say
    from mnet_cost.network import elaborate

    layers = imported.layers.layers
    said = f"{len(layers):,} layer{'s' * (len(layers) != 1)} in {lines:,} lines"
    if not imported.opaque:
        totals = analyze_network(elaborate(imported.spec, {})).totals
        said += f", {totals.mult_adds:,} mult-adds, {totals.params:,} params"
    say(f"{imported.layers.source}: {said}")
    for note in imported.notes:
        say(note)
    for operation in imported.opaque:
        count = sum(layer.fields.get("operation") == operation for layer in layers)
        say(
            f"`{operation}` has no rule: {count} "
            + ("layer is" if count == 1 else "layers are")
            + " `opaque`, and there are no totals until their costs are stated in the spec"
        )
