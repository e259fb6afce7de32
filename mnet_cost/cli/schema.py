"""`mnet-cost schema`."""

from __future__ import annotations

import argparse

from mnet_cost.cli.options import Subparsers, add_command
from mnet_cost.report.schema_ids import VERSIONS


def add_parser(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "schema",
        "the JSON Schema of model files, for completion in editors, or of what a command writes",
        "mnet-cost schema --of analysis -o analysis.schema.json",
    )
    parser.add_argument(
        "--of",
        metavar="DOCUMENT",
        choices=("spec", *VERSIONS),
        default="spec",
        help=f"spec for model files, or a JSON document: {', '.join(VERSIONS)} (spec)",
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write to FILE, whole or not at all")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the schema."""
    from mnet_cost.cli.output import print_text
    from mnet_cost.escaping import json_text
    from mnet_cost.paths import write_whole

    if options.of == "spec":
        from mnet_cost.models.schema import json_schema

        text = json_text(json_schema())
    else:
        from mnet_cost.report.schemas import document_schema

        text = json_text(document_schema(options.of))
    if options.output:
        write_whole(options.output, text)
    else:
        print_text(text)
    return 0
