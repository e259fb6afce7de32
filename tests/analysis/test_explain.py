"""Formulas come out of the rules themselves: their values are the counts."""

from __future__ import annotations

import math

import pytest

from mnet_cost.analysis.explain import COUNTS, Traced, explain_step
from mnet_cost.models.library import load_model, model_names
from mnet_cost.network import elaborate

_CALLABLE = {"ceil": math.ceil, "floor": math.floor, "max": max, "min": min, "gcd": math.gcd}


@pytest.mark.parametrize("name", model_names())
def test_every_formula_evaluates_to_the_count(name: str) -> None:
    model = load_model(name)
    network = elaborate(model.spec, model.knobs)
    for step in network.steps:
        types = tuple(network.tensors[i].type for i in step.inputs)
        work = step.layer.work(types, network.tensors[step.output].type)
        assert work is not None
        counts = {
            what.replace("_", " ").replace("mult adds", "mult-adds"): getattr(work, what)
            for what in COUNTS
        }
        sizes = iter(network.tensors[step.output].type.shape)
        for formula in explain_step(network, step):
            expected = (
                next(sizes) if formula.what.startswith("output ") and formula.what not in counts
                else counts[formula.what]
            )  # fmt: skip
            assert formula.value == expected
            # The text is arithmetic: Python reads it as people do.
            assert eval(formula.values, {"__builtins__": {}}, dict(_CALLABLE)) == expected


def test_parentheses_are_where_they_are_needed() -> None:
    a, b, c = Traced(7, "a"), Traced(3, "b"), Traced(2, "c")
    assert (a * (b * c)).names == "a * b * c"
    assert (a * (b // c)).names == "a * (b // c)"
    assert ((a + b) * c).names == "(a + b) * c"
    assert (a - (b - c)).names == "a - (b - c)"
    assert ((a - b) // c + 1).names == "(a - b) // c + 1"
    assert (1 * a).names == "a"
    assert ((a - b) // c + 1).values == "(7 - 3) // 2 + 1"
    assert ((a - b) // c + 1).value == 3
