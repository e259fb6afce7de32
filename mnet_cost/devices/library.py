"""The device profiles that come with the program. Any other profile is named by its path."""

from __future__ import annotations

from pathlib import Path

from mnet_cost.shipped import specs_folder


def device_names() -> tuple[str, ...]:
    """Names of the shipped profiles, in alphabetical order."""
    return tuple(sorted(path.stem for path in (specs_folder() / "devices").glob("*.yaml")))


def device_path(name: str) -> Path:
    """Where the shipped profile `name` is."""
    return specs_folder() / "devices" / f"{name}.yaml"


def operator_list_path(name: str) -> Path:
    """Where the shipped list of operators `name` is."""
    return specs_folder() / "operators" / f"{name}.yaml"


def operator_list_names() -> tuple[str, ...]:
    """Names of the shipped lists of operators, in alphabetical order."""
    return tuple(sorted(path.stem for path in (specs_folder() / "operators").glob("*.yaml")))


def default_devices() -> tuple[str, ...]:
    """The devices of an analysis where the user asks for none: a phone, a board, a server."""
    return ("pixel_1_tflite", "raspberry_pi_4_ncnn", "h100")
