"""Models by name: `NAME_OR_PATH[:variant][@knob=value,...]`.

A name is a shipped spec, or a variant that only one shipped spec has. A path has a slash or
ends in .yaml or .yml.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mnet_cost.errors import ModelReferenceError, Problem, did_you_mean, one_of
from mnet_cost.models.load import read_spec
from mnet_cost.models.types import Model, ModelSpec
from mnet_cost.shipped import shown_path, specs_folder
from mnet_cost.yamlfile import parse_scalar, read_yaml

__all__ = [
    "Model",
    "is_path",
    "load_model",
    "model_names",
    "model_path",
    "split_reference",
    "split_setting",
]


def model_names() -> tuple[str, ...]:
    """Names of the shipped specs."""
    return tuple(sorted(path.stem for path in specs_folder().glob("*.yaml")))


def model_path(name: str) -> str:
    """Where the shipped spec `name` is, seen from the working directory if it is below."""
    return shown_path(specs_folder() / f"{name}.yaml")


def load_model(reference: str, knobs: Mapping[str, Any] | None = None) -> Model:
    """The model that a reference names; `knobs` go over those of the reference.

    Raises `ModelReferenceError` for a name that is not there, `SpecError` for a bad file.
    """
    name, variant, given = split_reference(reference)
    if is_path(name):
        spec = read_spec(name, variant)
    elif name in model_names():
        spec = read_spec(model_path(name), variant)
    else:
        spec = _by_variant(name, variant, reference)
    return Model(spec, given | dict(knobs or {}))


def is_path(name: str) -> bool:
    """Whether a reference names a file, not a shipped model."""
    return "/" in name or "\\" in name or name.endswith((".yaml", ".yml"))


def split_reference(reference: str) -> tuple[str, str | None, dict[str, Any]]:
    """(name or path, variant, knobs) of a reference."""
    slash = max(reference.rfind("/"), reference.rfind("\\"))
    folder, last = reference[: slash + 1], reference[slash + 1 :]
    last, at, settings = last.partition("@")
    last, colon, variant = last.partition(":")
    if not folder + last or (colon and not variant) or (at and not settings):
        raise ModelReferenceError(
            Problem(
                f"`{reference}` does not name a model",
                hint="a model is NAME_OR_PATH[:variant][@knob=value,...]",
            )
        )
    knobs = {}
    for setting in settings.split(",") if settings else ():
        knob, value = split_setting(setting)
        knobs[knob] = value
    return folder + last, variant or None, knobs


def split_setting(setting: str) -> tuple[str, Any]:
    """(knob, value) of `knob=value`."""
    knob, equals, text = setting.partition("=")
    knob, text = knob.strip(), text.strip()
    if not equals or not knob or not text:
        raise ModelReferenceError(
            Problem(f"`{setting}` does not set a knob", hint="write knob=value, as in alpha=0.5")
        )
    try:
        return knob, parse_scalar(text)
    except ValueError as reason:
        raise ModelReferenceError(f"the knob `{knob}`: {reason}") from None


def _by_variant(name: str, variant: str | None, reference: str) -> ModelSpec:
    """The one shipped spec that has the variant `name`."""
    names = model_names()
    owners = [owner for owner in names if name in _variants(model_path(owner))]
    if len(owners) == 1 and variant is None:
        return read_spec(model_path(owners[0]), name)
    if len(owners) > 1:
        full = [f"{owner}:{name}" for owner in owners]
        raise ModelReferenceError(
            Problem(f"`{name}` is a variant of several models", hint=f"say {one_of(full)}")
        )
    everything = [*names, *(v for owner in names for v in _variants(model_path(owner)))]
    hint = did_you_mean(name, everything)
    if hint is None and Path(name + ".yaml").exists():
        hint = f"for the file write {name}.yaml"
    raise ModelReferenceError(
        Problem(
            f"there is no model `{reference}`",
            hint=hint or "`mnet-cost models` lists the models; a file ends in .yaml",
        )
    )


def _variants(path: str) -> tuple[str, ...]:
    node = read_yaml(path).value.get("variants")
    return tuple(node.value) if node is not None and isinstance(node.value, dict) else ()
