"""Where the specs that come with the program are: the wheel carries the checkout's `specs/`."""

from __future__ import annotations

from pathlib import Path


def specs_folder() -> Path:
    """The folder with the shipped models; device profiles are in its folder `devices`."""
    here = Path(__file__).resolve().parent
    installed = here / "_specs"
    return installed if installed.is_dir() else here.parent / "specs"
