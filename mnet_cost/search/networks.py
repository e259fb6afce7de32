"""Networks to compare: which knobs go to which of them, and the same one at several batches.

A knob goes to every network that has it, and one must. Not here: what the networks cost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mnet_cost.errors import ModelReferenceError, Problem, did_you_mean
from mnet_cost.models.types import BATCH, Model
from mnet_cost.network import elaborate


def with_knobs(models: Sequence[Model], knobs: Mapping[str, Any]) -> list[Model]:
    """`models` with each knob set in those that have it.

    Raises `ModelReferenceError` for a knob that none has.
    """
    has_choices = any("." in name for name in knobs)
    settings = [_settings_of(model, has_choices) for model in models]
    for name in knobs:
        if not any(name in names for names in settings):
            known = {setting for names in settings for setting in names}
            raise ModelReferenceError(
                Problem(f"no network here has the knob `{name}`", hint=did_you_mean(name, known))
            )
    return [
        model._replace(
            knobs={**model.knobs, **{name: knobs[name] for name in knobs if name in names}}
        )
        for model, names in zip(models, settings, strict=True)
    ]


def at_batches(model: Model, batches: Sequence[int]) -> list[Model]:
    """`model` once for each size of a batch."""
    return [model._replace(knobs={**model.knobs, BATCH: batch}) for batch in batches]


def _settings_of(model: Model, with_choices: bool) -> set[str]:
    """Names that can be set in a model; choices are known only once it is elaborated."""
    names = {*model.spec.knobs, BATCH}
    return names | set(elaborate(model.spec, model.knobs).choices) if with_choices else names
