"""What is installed: its version, and its specs, which the wheel has and a checkout."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def specs_folder() -> Path:
    """The folder with the shipped models; device profiles are in its folder `devices`."""
    here = Path(__file__).resolve().parent
    installed = here / "_specs"
    return installed if installed.is_dir() else here.parent / "specs"


def shown_path(path: Path) -> str:
    """`path` as people want to see it: from the working directory on, if it is below that."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):  # elsewhere, or there is no working directory any more
        return str(path)


def installed_version() -> str:
    """The version of mnet_cost that runs."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("mnet-cost")
    except PackageNotFoundError:  # run from its source
        return "unknown"
