"""`mnet-cost export MODEL -o FILE`."""

from __future__ import annotations

import argparse
from pathlib import Path

from mnet_cost.cli.options import (
    Subparsers,
    add_command,
    add_knob_options,
    add_model_argument,
    given_knobs,
)

ENDINGS = (".onnx", ".pt2", ".py")
WORKLOADS = ("scale-sim", "scale-sim-gemm", "zigzag")
NODE_DATA = "model-explorer"


def add_parser(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "export",
        "write a network as ONNX, as a program of torch.export, as PyTorch source, as a workload "
        "of a simulator, or its costs for a viewer of the model file",
        "mnet-cost export mobilenet_v1 --alpha 0.5 -o mobilenet.py",
        "All but workloads need torch: python -m pip install 'mnet-cost[torch]'; for ONNX "
        "'mnet-cost[onnx]'.",
    )
    add_model_argument(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        required=True,
        help="net.onnx, net.pt2 or net.py: the ending says what is written; whole or not at all. A "
        "workload has any ending",
    )
    parser.add_argument(
        "--as",
        choices=(*WORKLOADS, NODE_DATA),
        dest="workload",
        help="a workload in place of a network: a topology of SCALE-Sim (CSV), the same with "
        "matrix products alone, or a workload of ZigZag (YAML); model-explorer: node data that "
        "colours a model file in Google's Model Explorer, a file for each number",
    )
    parser.add_argument(
        "--device", metavar="D", help="whose times the node data have; see `mnet-cost devices`"
    )
    parser.add_argument(
        "--precision",
        metavar="P",
        help="of a ZigZag workload and of node data: {precisions} (that of the spec, else fp32)",
    )
    parser.add_argument(
        "--weights", metavar="FILE", help="a state_dict of torch, or a checkpoint of `train`"
    )
    parser.add_argument(
        "--seed",
        metavar="N",
        type=_seed,
        default=0,
        help="of random weights, without --weights (0)",
    )
    parser.add_argument(
        "--dynamic-batch",
        action="store_true",
        help="ONNX and .pt2 that take any number of examples, not just --batch (1)",
    )
    add_knob_options(parser)
    parser.set_defaults(run=run)


def _seed(text: str) -> int:
    """A seed that torch takes."""
    if not text.isdigit() or int(text) >= 2**63:
        raise argparse.ArgumentTypeError(f"`{text}` is no whole number from 0 to 2^63 - 1")
    return int(text)


def run(options: argparse.Namespace) -> int:
    """Write the file; say where its weights are random."""
    from mnet_cost.cli.output import say
    from mnet_cost.errors import OutputError, Problem, UsageError, one_of
    from mnet_cost.models.library import load_model
    from mnet_cost.network import elaborate
    from mnet_cost.paths import same_file
    from mnet_cost.torch_model.installed import require

    target: str = options.output
    if options.workload == NODE_DATA:
        return _write_node_data(options)
    if options.device is not None:
        raise UsageError(f"--device is of node data: --as {NODE_DATA}")
    if options.workload is not None:
        return _write_workload(options)
    if options.precision is not None:
        raise UsageError(f"--precision is of --as zigzag and --as {NODE_DATA}")
    if Path(target).suffix.lower() not in ENDINGS or target.endswith(("/", "\\")):
        hint = ".onnx for other runtimes, .pt2 for torch.export.load, .py for source"
        if Path(target).suffix.lower() in (".csv", ".yaml", ".yml"):
            hint = f"a workload of a simulator is asked for by --as {one_of(WORKLOADS)}"
        raise OutputError(
            Problem(
                f"{target or '-o'}: the ending says what to write: {one_of(ENDINGS)}", hint=hint
            )
        )
    for name in (options.model, options.weights):
        if name is not None and same_file(target, name):
            raise OutputError(f"{target}: is read by this command: choose another file")
    model = load_model(options.model, given_knobs(options))
    network = elaborate(model.spec, model.knobs)
    for problem in (*model.spec.warnings, *network.warnings):
        say(problem, "warning: ")
    require("torch", extra="torch")
    from mnet_cost.torch_model.export import export_network

    dynamic = options.dynamic_batch
    if not dynamic and Path(target).suffix.lower() != ".py":
        count = "1 example" if network.batch == 1 else f"{network.batch} examples"
        say(f"{target} takes {count} at a time (--batch N, or --dynamic-batch for any)")
    if export_network(network, target, options.weights, options.seed, dynamic):
        say(f"{target} has random weights: nothing is trained (--weights takes trained ones)")
    return 0


def _write_workload(options: argparse.Namespace) -> int:
    """Write what a simulator reads; say what of the network is not in it."""
    from mnet_cost.analysis.work import settle_precision
    from mnet_cost.cli.output import print_text, say
    from mnet_cost.errors import OutputError, UsageError
    from mnet_cost.exporting.scale_sim import scale_sim_topology
    from mnet_cost.exporting.zigzag import zigzag_workload
    from mnet_cost.models.library import load_model
    from mnet_cost.network import elaborate
    from mnet_cost.paths import same_file, write_whole

    workload, target = options.workload, options.output
    if options.weights is not None or options.seed or options.dynamic_batch:
        raise UsageError(f"--as {workload} has no weights: --weights, --seed and --dynamic-batch "
                         "are for networks")  # fmt: skip
    if options.precision is not None and workload != "zigzag":
        raise UsageError(f"--precision is of a ZigZag workload, not of --as {workload}")
    if same_file(target, options.model):
        raise OutputError(f"{target}: is read by this command: choose another file")
    model = load_model(options.model, given_knobs(options))
    network = elaborate(model.spec, model.knobs)
    for problem in (*model.spec.warnings, *network.warnings):
        say(problem, "warning: ")
    if workload == "zigzag":
        written = zigzag_workload(network, settle_precision(model.spec, options.precision))
    else:
        written = scale_sim_topology(network, products=workload == "scale-sim-gemm")
    if target == "-":
        print_text(written.text)
    else:
        write_whole(target, written.text)
    share = f"{written.mult_adds:,} of {written.all_mult_adds:,}"
    say(f"{target} has {share} mult-adds of one example")
    if written.left_out:
        say(f"it cannot say: {', '.join(written.left_out)}")
    for note in written.notes:
        say(f"note: {note}")
    return 0


def _write_node_data(options: argparse.Namespace) -> int:
    """Write the costs of a model file's nodes, a file for each number."""
    from mnet_cost.analysis import analyze_network
    from mnet_cost.cli.output import say
    from mnet_cost.devices.choice import choose_devices
    from mnet_cost.errors import Problem, UsageError
    from mnet_cost.exporting.node_data import node_data, numbers_of
    from mnet_cost.models.library import load_model
    from mnet_cost.network import elaborate
    from mnet_cost.paths import write_whole

    model = load_model(options.model, given_knobs(options))
    if not model.spec.origins:
        raise UsageError(
            Problem(
                f"{options.model}: node data are for the nodes of a model file, and this is a spec",
                hint="name the file itself: model.onnx, model.pt2, model.tflite",
            )
        )
    devices = choose_devices([] if options.device is None else [options.device], None)
    analysis = analyze_network(
        elaborate(model.spec, model.knobs), devices, precision=options.precision
    )
    estimate = analysis.devices[0] if analysis.devices else None
    start = options.output.removesuffix(".json")
    for data in node_data(numbers_of(analysis, model.spec.origins, estimate)):
        target = f"{start}_{data.name}.json"
        write_whole(target, data.text)
        say(f"{target} written")
    if estimate is None:
        say("no times: --device names the device that they are for")
    return 0
