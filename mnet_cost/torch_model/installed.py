"""Optional packages, and the error where one is not installed."""

from __future__ import annotations

from importlib.util import find_spec

from mnet_cost.errors import MissingPackageError, Problem


def require(package: str, extra: str) -> None:
    """Raise `MissingPackageError` unless `package` can be imported.

    The error says how to install it: with the `extra` of mnet-cost that has it.
    """
    try:
        missing = find_spec(package) is None
    except ValueError:  # a module without a spec stands in its place: somebody imported it
        missing = False
    if missing:
        raise MissingPackageError(
            Problem(
                f"this needs the package `{package}`, which is not installed",
                hint=f"python -m pip install 'mnet-cost[{extra}]'",
            )
        )
