"""Settings of a runtime that a fit tries: its kernel rules, and whose coefficients it shares.

The runtime of a table has a setting of its own. Others are tried since much of what runtimes do is
not known by their names: whether they have Winograd's tiles, what they fuse. Not here: which one is
taken.
"""

from __future__ import annotations

from typing import NamedTuple

from mnet_cost.devices.coefficients import MICROCONTROLLERS, NPU, shared_name
from mnet_cost.devices.latency_models import DEFAULT_SHARED
from mnet_cost.devices.rules import DEFAULT_KERNEL_RULES, RUNTIME_RULES, runtime_rules


class Setting(NamedTuple):
    """How a runtime may run."""

    words: str
    """Whom it is like."""
    rules: frozenset[str]
    shared: str
    """The file with the shared coefficients."""


def own_setting(
    runtime: str,
    device_class: str | None,
    pipeline: str | None,
    precision: str,
    rules: frozenset[str] | None = None,
) -> Setting:
    """The setting that follows from the name of a runtime; `rules` are those that a user states."""
    own = runtime_rules(runtime) if rules is None else rules
    return Setting(
        runtime or "a runtime of no name",
        own,
        shared_name(runtime, device_class, pipeline, precision),
    )


def settings_to_try(own: Setting) -> tuple[Setting, ...]:
    """`own` first, then the others that a processor's runtime may be like."""
    if own.shared.startswith(MICROCONTROLLERS):
        return (own,)
    if own.shared == NPU:
        # GPUs of phones and boards are nearer to vectors of a processor than to an array.
        return own, Setting("a processor", own.rules, DEFAULT_SHARED)
    others = (
        Setting("ncnn", RUNTIME_RULES["ncnn"], DEFAULT_SHARED),
        Setting("a runtime with Winograd", DEFAULT_KERNEL_RULES | {"fuse_adds"}, DEFAULT_SHARED),
        Setting("tflite", RUNTIME_RULES["tflite"], "tflite"),
        Setting("openvino", RUNTIME_RULES["openvino"], DEFAULT_SHARED),
        Setting("onnxruntime", RUNTIME_RULES["onnxruntime"], "onnxruntime"),
        Setting("torch-compile", RUNTIME_RULES["torch-compile"], "torch-compile"),
        Setting("torch", RUNTIME_RULES["torch"], DEFAULT_SHARED),
    )
    tried = {(own.rules, own.shared): own}
    for setting in others:
        tried.setdefault((setting.rules, setting.shared), setting)
    return tuple(tried.values())
