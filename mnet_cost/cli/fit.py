"""`mnet-cost fit MODEL... --device D --latency 20ms`: the best size within limits."""

from __future__ import annotations

import argparse

from mnet_cost.cli.options import (
    Subparsers,
    add_command,
    add_lower_bound_option,
    add_output_options,
    add_setting_options,
    count,
)
from mnet_cost.cli.sweep import add_range_options, given_axes, given_precisions, refuse_point_totals

_LIMITS = {
    "latency": ("TIME", "20ms; on each device"),
    "energy": ("ENERGY", "5mJ an inference; on each device"),
    "memory": ("SIZE", "64MiB that the main memory has to hold; on each device"),
    "peak-memory": ("SIZE", "320KiB of activations that are alive together"),
    "weight-bytes": ("SIZE", "1MiB of what is stored"),
    "params": ("COUNT", "2M"),
    "mult-adds": ("COUNT", "150M"),
}


def add_parser(subparsers: Subparsers) -> None:
    """The command and its options."""
    parser = add_command(
        subparsers,
        "fit",
        "the best size of some networks within limits",
        "mnet-cost fit mobilenet_v1 mobilenet_v2 --device pixel_1_tflite --latency 30ms",
        "Without values of a knob it tries those that the spec calls published, and values "
        "between them. Exit status 1 if nothing fits, 3 if sizes have no totals. Needs NumPy.",
    )
    parser.add_argument(
        "models", metavar="MODEL", nargs="+", help="NAME_OR_PATH[:variant][@knob=value,...]"
    )
    limits = parser.add_argument_group("limits: the most that it may have")
    for name, (metavar, example) in _LIMITS.items():
        limits.add_argument(f"--{name}", metavar=metavar, help=example)
    limits.add_argument(
        "--limit",
        metavar="M<=NUMBER",
        action="append",
        default=[],
        dest="limits",
        help="any other limit: 'latency@DEVICE<=20ms', 'top1>=70'; may be repeated",
    )
    limits.add_argument(
        "--confidence",
        metavar="P",
        type=float,
        help="the share of measured times and energies that is to be within the limits: 0.9",
    )
    aim = parser.add_argument_group("aim").add_mutually_exclusive_group()
    aim.add_argument(
        "--maximize",
        metavar="M",
        help="a metric or a knob of which the best size has most (an accuracy where one is "
        "published, else mult_adds)",
    )
    aim.add_argument("--minimize", metavar="M", help="a metric or a knob of which it has least")
    add_range_options(parser)
    group = parser.add_argument_group("analysis")
    group.add_argument(
        "--device",
        metavar="NAME|FILE",
        action="append",
        default=[],
        help="a device profile, whose memory is a limit, too; may be repeated (none)",
    )
    add_setting_options(group)
    add_lower_bound_option(group)
    add_output_options(parser)
    parser.add_argument(
        "--top", metavar="N", type=count, default=5, help="how many of the best sizes to show (5)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Find the best size; status 1 where there is none."""
    from mnet_cost.cli.bar import Bar
    from mnet_cost.cli.output import emit
    from mnet_cost.devices.choice import choose_devices
    from mnet_cost.models.library import load_model
    from mnet_cost.report.fit import fit_report
    from mnet_cost.search.fit import find_fit
    from mnet_cost.search.fit_request import plan_fit
    from mnet_cost.search.limits import option_limits
    from mnet_cost.torch_model.installed import require

    require("numpy", extra="sweep")
    names = [name for name in options.models if name.lower() != "vs"]
    devices = choose_devices(options.device, options.threads, runtime=options.runtime)
    stated = {name.replace("-", "_"): text for name in _LIMITS
              if (text := getattr(options, name.replace("-", "_"))) is not None}  # fmt: skip
    request = plan_fit(
        names,
        [load_model(name) for name in names],
        given_axes(options),
        devices,
        precisions=given_precisions(options),
        limits=[*option_limits(stated, devices), *options.limits],
        maximize=options.maximize,
        minimize=options.minimize,
        confidence=options.confidence,
        top=options.top,
        lower_bound=options.lower_bound,
    )
    with Bar("points", rate=True) as bar:
        fit = find_fit(request, bar)
    emit(fit_report(fit), options, [*names, *options.device])
    return refuse_point_totals(fit.without_totals) or int(fit.best is None)
