"""What `explain` says of stored tensors, and `layers` of a kind without fields."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mnet_cost.analysis import analyze
from mnet_cost.models.load import parse_spec
from mnet_cost.report import render
from mnet_cost.report.explain import explain_report
from mnet_cost.report.layers import layer_report

STORED = """\
format: 1
name: stored
input: {image: [3, 8, 8]}
layers:
  - conv2d: {channels: 4, kernel: 3, bias: true, trained: false}
  - {id: body, conv2d: {channels: 4, kernel: 1}}
  - {id: table, constant: {shape: [4, 8, 8], values: ones}}
  - add: [body, table]
"""
_STATIC = "it is made of stored tensors alone, so it runs once a run"


def _explained(text: str, layer: str | None = None, precision: str = "fp32") -> str:
    analysis = analyze(parse_spec(text), precision=precision)
    return render(explain_report(analysis, layer), "text", width=None)


def _weights_line(text: str) -> str:
    (line,) = [line for line in text.splitlines() if line.startswith("weight bytes")]
    return " ".join(line.split())


@pytest.mark.parametrize(
    ("precision", "width", "stored"), [("fp32", 4, "1,536"), ("int8", 1, "384")]
)
def test_constants_are_in_the_formula_of_the_weight_bytes(
    precision: str, width: int, stored: str
) -> None:
    # A constant kernel of 3 * 3 * 3 * 4 with its bias of 4, and a table of 4 * 8 * 8.
    line = _weights_line(_explained(STORED, precision=precision))
    assert line == f"weight bytes {stored} (16 params + 368 constants) * {width} bytes"


def test_without_constants_the_weight_bytes_are_those_of_the_params() -> None:
    text = STORED.replace(", trained: false", "").replace("constant: {", "parameter: {")
    line = _weights_line(_explained(text.replace(", values: ones", "")))
    assert line == "weight bytes 1,536 params * 4 bytes"


def test_bytes_that_are_not_those_of_params_are_said_by_themselves() -> None:
    analysis = analyze(parse_spec(STORED))
    sums = replace(analysis.sums, weight_bytes=4096)  # as of a table that is stored in full
    report = explain_report(replace(analysis, sums=sums), None)
    line = _weights_line(render(report, "text", width=None))
    assert line == "weight bytes 4,096 1,024 stored elements * 4 bytes"


def test_a_layer_of_stored_tensors_says_that_it_runs_once() -> None:
    assert _STATIC in _explained(STORED, "table")
    assert _STATIC not in _explained(STORED, "add")
    assert _STATIC not in _explained(STORED, "body")


def test_a_kind_without_fields_has_no_headings() -> None:
    text = render(layer_report("mish"), "text", width=None)
    assert text.splitlines()[-2:] == [
        "No fields", "Short for `elementwise: {operation: mish}`."
    ]  # fmt: skip
    assert render(layer_report("mish"), "csv") == "field,values,default,help\n"
    assert "required" in render(layer_report("conv2d"), "text", width=None)
