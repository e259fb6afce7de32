"""Short models for tests: from the text after `input` to layers, shapes and counts."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import pytest

from mnet_cost.errors import ModelReferenceError, SpecError, UsageError
from mnet_cost.models.load import parse_spec
from mnet_cost.models.types import ModelSpec
from mnet_cost.network import Network, elaborate

IMAGE = "input: {image: [3, 32, 32]}\n"


def spec(text: str, variant: str | None = None) -> ModelSpec:
    """The spec with that text; without an `input` it has an image of 3 x 32 x 32."""
    text = dedent(text)
    head = "format: 1\nname: x\n" + ("" if "\ninput:" in f"\n{text}" else IMAGE)
    return parse_spec(head + text, variant, "x")


def network(text: str, variant: str | None = None, **knobs: Any) -> Network:
    """Its network; a knob `a__b` is `a.b`."""
    given = {name.replace("__", "."): value for name, value in knobs.items()}
    return elaborate(spec(text, variant), given)


def layers(net: Network) -> dict[str, str]:
    """Of each step its output shape and what it reads: `[8, 32, 32] of stem, image`."""
    tensors = net.tensors
    return {
        step.name: f"{tensors[step.output].type} of "
        + ", ".join(tensors[index].name for index in step.inputs)
        for step in net.steps
    }


def counts(net: Network) -> tuple[Any, Any]:
    """(mult-adds, parameters), by the layers' own rules."""
    mult_adds = params = 0
    for step in net.steps:
        types = tuple(net.tensors[index].type for index in step.inputs)
        work = step.layer.work(types, net.tensors[step.output].type)
        assert work is not None
        mult_adds = mult_adds + work.mult_adds
        params = params + (0 if step.shares is not None else work.params)
    return mult_adds, params


def first_line(text: str, variant: str | None = None, **knobs: Any) -> str:
    """The first line of what is wrong."""
    with pytest.raises((SpecError, ModelReferenceError, UsageError)) as caught:
        network(text, variant, **knobs)
    return str(caught.value).splitlines()[0]


def warnings(text: str, variant: str | None = None) -> list[str]:
    """What elaborating the spec warns of."""
    model = spec(text, variant)
    return [problem.message for problem in (*model.warnings, *elaborate(model).warnings)]
