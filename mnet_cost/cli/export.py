"""`mnet-cost export MODEL -o FILE`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mnet_cost.cli.options import (
    Subparsers,
    add_command,
    add_knob_options,
    add_model_argument,
    given_knobs,
)

ENDINGS = (".onnx", ".pt2", ".py")


def add_parser(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "export",
        "write a network as ONNX, as a program of torch.export, or as PyTorch source",
        "mnet-cost export mobilenet_v1 --alpha 0.5 -o mobilenet.py",
        "Needs torch: python -m pip install 'mnet-cost[torch]'; for ONNX 'mnet-cost[onnx]'.",
    )
    add_model_argument(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        required=True,
        help="net.onnx, net.pt2 or net.py: the ending says what is written; whole or not at all",
    )
    parser.add_argument(
        "--weights", metavar="FILE", help="a state_dict of torch, or a checkpoint of `train`"
    )
    parser.add_argument(
        "--seed", metavar="N", type=int, default=0, help="of random weights, without --weights (0)"
    )
    add_knob_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the file; say where its weights are random."""
    from mnet_cost.errors import OutputError, Problem, one_of
    from mnet_cost.models.library import load_model
    from mnet_cost.network import elaborate
    from mnet_cost.torch_model.installed import require

    target: str = options.output
    if Path(target).suffix.lower() not in ENDINGS:
        raise OutputError(
            Problem(
                f"{target or '-o'}: the ending says what to write: {one_of(ENDINGS)}",
                hint=".onnx for other runtimes, .pt2 for torch.export.load, .py for source",
            )
        )
    for name in (options.model, options.weights):
        if name is not None and Path(target).resolve() == Path(name).resolve():
            raise OutputError(f"{target}: is read by this command: choose another file")
    model = load_model(options.model, given_knobs(options))
    network = elaborate(model.spec, model.knobs)
    for problem in (*model.spec.warnings, *network.warnings):
        print(f"mnet-cost: warning: {problem.render()}", file=sys.stderr)
    require("torch", extra="torch")
    from mnet_cost.torch_model.export import export_network

    if export_network(network, target, options.weights, options.seed):
        print(
            f"mnet-cost: {target} has random weights: nothing is trained (--weights takes trained "
            "ones)",
            file=sys.stderr,
        )
    return 0
