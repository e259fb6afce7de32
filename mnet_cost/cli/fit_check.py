"""--fail-if-not-fit: exit status 1 where a network does not fit a device that was asked for."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mnet_cost.analysis import Analysis
    from mnet_cost.report import Report


def add_fit_option(parser: argparse.ArgumentParser) -> None:
    """--fail-if-not-fit, in a group of its own."""
    parser.add_argument_group("checks").add_argument(
        "--fail-if-not-fit",
        action="store_true",
        help="exit status 1 if a network does not fit the memory of a device; a memory of unknown "
        "size does not fail",
    )


def with_misfits(
    report: Report,
    options: argparse.Namespace,
    analyses: Sequence[Analysis],
    names: Sequence[str] | None = None,
) -> Report:
    """`report` with a sentence above everything for each misfit, if the command is to fail then."""
    if not options.fail_if_not_fit:
        return report
    from mnet_cost.report.alerts import misfit_alerts

    alerts = tuple(misfit_alerts(analyses, names))
    return report._replace(alerts=alerts or report.alerts)


def check_fits(
    options: argparse.Namespace,
    analyses: Sequence[Analysis],
    names: Sequence[str] | None = None,
    status: int = 0,
) -> int:
    """The exit status: `status` if that is no success, else 1 if a network does not fit.

    What does not fit, and what is not known, is said on stderr.
    """
    if not options.fail_if_not_fit:
        return status
    from mnet_cost.cli.output import say
    from mnet_cost.report.alerts import misfit_alerts, unknown_fits

    for sentence in unknown_fits(analyses, names):
        say(sentence)
    misfits = misfit_alerts(analyses, names)
    for sentence in misfits:
        say(sentence)
    return status or int(bool(misfits))
