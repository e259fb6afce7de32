"""`mnet-cost paper [NAME|FILE] [--table N]`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mnet_cost.cli.bar import Bar
from mnet_cost.cli.options import Subparsers, add_command, add_output_options

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mnet_cost.papers import TableResult


def add_parser(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "paper",
        "the tables of the MobileNets papers, each figure beside ours",
        "mnet-cost paper mobilenet_v1 --table 4",
        "Papers: mobilenet_v1, mobilenet_v2, mobilenet_v3. Status 1: a figure that "
        "nothing explains, or that could not be computed.",
    )
    parser.add_argument(
        "paper",
        nargs="?",
        default="mobilenet_v1",
        metavar="NAME|FILE",
        help="a paper, or a file of tables of your own (mobilenet_v1)",
    )
    parser.add_argument(
        "--table",
        action="append",
        default=[],
        dest="tables",
        metavar="N",
        help="only this table; may be repeated",
    )
    add_output_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Compute all figures and print them beside the printed ones."""
    from mnet_cost.cli.output import emit
    from mnet_cost.papers import load_paper, reproduce, tables_of
    from mnet_cost.report.paper import paper_report

    paper = load_paper(options.paper)
    with Bar("counting the networks of the tables") as bar:
        results = reproduce(paper, tables_of(paper, options.tables), bar)
    emit(paper_report(paper, results), options, [options.paper])
    return _report_faults(results)


def _report_faults(results: Iterable[TableResult]) -> int:
    """Exit status 1, and words on stderr, where cells are unexplained."""
    from mnet_cost.cli.output import say
    from mnet_cost.papers import FAULTS

    status = 0
    for result in results:
        for row in result.rows:
            for cell, judgement in row.cells:
                if judgement is not None and judgement.verdict in FAULTS:
                    status = 1
                    about = f"table {result.table.id}, {row.row.name}, {cell.what} {cell.printed}"
                    said = judgement.verdict + (f": {judgement.note}" if judgement.note else "")
                    say(f"{about}: {said}")
    return status
