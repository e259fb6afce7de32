"""The section `precision` of a spec: what states none has it, and analyses have no other."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

import mnet_cost
from mnet_cost.analysis.training import training_cost
from mnet_cost.errors import BudgetError, UsageError
from mnet_cost.models.dump import dump_spec
from mnet_cost.models.load import parse_spec
from mnet_cost.network import elaborate
from mnet_cost.tensors import DTYPES

BODY = """\
knobs: {width: 16}
input: {image: [3, 32, 32], box: {shape: [4], dtype: fp16}}
layers:
  - {id: a, conv2d: {channels: width, kernel: 3, stride: 2}, from: image}
  - relu
  - global_avg_pool
  - {id: features, flatten: {}}
  - {id: p, parameter: {shape: [4]}}
  - {id: moved, add: [box, p]}
  - {concat: [features, moved]}
  - linear: {features: 10}
"""
STATED = f"format: 1\nname: quantized\nprecision: int8\n{BODY}"
PLAIN = f"format: 1\nname: plain\n{BODY}"


def test_numbers_are_those_of_the_precision_asked_of_a_spec_without() -> None:
    device = "galaxy_note10_tflite"
    stated = mnet_cost.analyze(parse_spec(STATED), devices=[device])
    asked = mnet_cost.analyze(parse_spec(PLAIN), devices=[device], precision="int8")
    assert stated.precision == asked.precision == "int8"
    assert stated.totals == asked.totals
    assert stated.totals.weight_bytes == 16 * 27 + 4 + 10 * (16 + 4) + 10
    assert stated.memory.peak_bytes == asked.memory.peak_bytes
    assert stated.devices[0].precision == "int8"
    assert stated.devices[0].latency_s == asked.devices[0].latency_s
    (image, box, *_) = stated.network.tensors
    assert (image.type.dtype, box.type.dtype) == (DTYPES["int8"], DTYPES["fp16"])
    precisions = {step.layer.kind: step.precision for step in stated.network.steps}
    assert precisions.pop("flatten") is None  # a view has that of its input
    assert {precision and precision.name for precision in precisions.values()} == {"int8"}


def test_reports_say_it() -> None:
    analysis = mnet_cost.analyze(parse_spec(STATED))
    assert json.loads(analysis.report(format="json"))["model"]["precision"] == "int8"
    rows = list(csv.DictReader(io.StringIO(analysis.report(format="csv"))))
    assert {row["precision"] for row in rows} == {"int8"}
    text = analysis.report()
    assert "width 16 · batch 1 · int8" in text
    assert "states the precision" not in text


def test_layers_that_state_another_have_it_and_what_follows_them_does_not() -> None:
    text = STATED.replace("- relu", "- {relu: {}, precision: fp32}\n  - pad: {padding: 1}")
    analysis = mnet_cost.analyze(parse_spec(text), devices=["galaxy_note10_tflite"])
    sizes = {cost.step.layer.kind: cost.output_bytes for cost in analysis.layers}
    assert (sizes["relu"], sizes["pad"]) == (4 * 16 * 16 * 16, 16 * 18 * 18)
    report = analysis.report()
    assert "the spec states the precision of layers: fp32 for 1 of 9; bytes follow it" in report
    assert "--precision" not in report  # no other can be asked for


REFUSED = """\
quantized is in int8, as it states (<text>:3:12), not in {0}
hint: ask for no precision, or take the line `precision` out of the spec"""


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_another_precision_cannot_be_asked_for(precision: str) -> None:
    spec = parse_spec(STATED)
    calls: list[Any] = [
        lambda: mnet_cost.analyze(spec, precision=precision),
        lambda: mnet_cost.sweep(spec, width=[8, 16], precision=precision),
        lambda: mnet_cost.fit(spec, width=[8, 16], limits="params<=1k", precision=precision),
        lambda: mnet_cost.compare(spec, parse_spec(PLAIN), precision=precision),
        lambda: training_cost(elaborate(spec), precision),
    ]
    for call in calls:
        with pytest.raises(UsageError) as caught:
            call()
        assert str(caught.value) == REFUSED.format(precision)
    assert mnet_cost.analyze(spec, precision="int8").precision == "int8"
    with pytest.raises(UsageError, match="there is no precision `int4`"):
        mnet_cost.analyze(spec, precision="int4")
    with pytest.raises(UsageError, match="there is no training in `int8`"):
        training_cost(elaborate(spec))


def test_each_network_of_a_sweep_has_its_own() -> None:
    specs = parse_spec(STATED), parse_spec(PLAIN)
    swept = mnet_cost.sweep(*specs, width=[8, 16])
    assert swept.request.precisions == ("int8", "fp32")
    assert list(swept.columns["precision"]) == ["int8", "int8", "fp32", "fp32"]
    weights = [mnet_cost.analyze(spec, width=8).totals.weight_bytes for spec in specs]
    assert list(swept.columns["weight_bytes"][::2]) == weights
    assert weights[1] == 4 * weights[0]
    grid = mnet_cost.sweep(specs[0], width=list(range(1, 2000)))
    assert set(grid.columns["precision"]) == {"int8"}
    assert grid.columns["weight_bytes"][7] == weights[0]
    best = mnet_cost.fit(*specs, width=list(range(1, 65)), limits="weight_bytes<=1 kB").best
    assert best is not None
    assert (best.precision, best.knobs["width"]) == ("int8", 25)
    assert mnet_cost.analyze(specs[0], width=25).totals.weight_bytes <= 1000


def test_comparisons_say_which() -> None:
    compared = mnet_cost.compare(parse_spec(STATED), parse_spec(PLAIN))
    assert [analysis.precision for analysis in compared.analyses] == ["int8", "fp32"]
    assert "quantized int8, plain fp32" in compared.report()
    assert "quantized int8, plain fp32" in compared.report("layer")


def test_a_diff_with_the_precision_asked_for_has_no_types_in_it() -> None:
    text = PLAIN.replace("name: plain", "name: quantized")
    asked = mnet_cost.analyze(parse_spec(text), precision="int8")
    compared = mnet_cost.compare(mnet_cost.analyze(parse_spec(STATED)), asked)
    assert not compared.diff.causes
    assert {change.status for change in compared.diff.layers} == {"same"}
    documents = [analysis.to_dict()["layers"] for analysis in compared.analyses]
    assert [layer["output_dtype"] for layer in documents[0]] == [
        layer["output_dtype"] for layer in documents[1]
    ]


def test_no_other_precision_is_advice() -> None:
    kinds = [
        {advice.kind for advice in (*advices.result.advice, *advices.result.other_precisions)}
        for advices in (
            mnet_cost.advise(parse_spec(text), devices=["galaxy_note10_tflite"])
            for text in (STATED, PLAIN)
        )
    ]
    assert ["precision" in each for each in kinds] == [False, True]


VARIANTS = """\
variants:
  half: {precision: fp16}
  plain: {precision: null}
  wide: {knobs: {width: 32}}
"""


def test_variants_change_it(tmp_path: Path) -> None:
    names = {
        name: mnet_cost.analyze(parse_spec(STATED + VARIANTS, name)).precision
        for name in ("half", "plain", "wide")
    }
    assert names == {"half": "fp16", "plain": "fp32", "wide": "int8"}
    dumped = dump_spec(parse_spec(STATED + VARIANTS, "plain"))
    assert "precision" not in dumped
    assert parse_spec(dump_spec(parse_spec(STATED))) == parse_spec(STATED)
    base = tmp_path / "base.yaml"
    base.write_text(STATED, encoding="utf-8")
    for line, precision in (("", "int8"), ("precision: bf16\n", "bf16"), ("precision:\n", "fp32")):
        child = tmp_path / "child.yaml"
        child.write_text(f"format: 1\nname: child\nextends: base.yaml\n{line}", encoding="utf-8")
        assert mnet_cost.analyze(child).precision == precision


def test_budgets_are_of_it(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(f"{STATED}budgets: [{{weight_bytes: 700 B}}]\n", encoding="utf-8")
    (judgement,) = mnet_cost.check(path).result.judgements
    assert (judgement.precision, judgement.verdict) == ("int8", "within")
    path.write_text(
        f"{STATED}budgets:\n  - {{weight_bytes: 700 B, precision: fp16}}\n", encoding="utf-8"
    )
    with pytest.raises(BudgetError) as caught:
        mnet_cost.check(path)
    (problem,) = caught.value.problems
    assert problem.message == f"quantized is in int8, as it states ({path}:3:12), not in fp16"
    assert problem.span is not None
    assert problem.span.line == 16
    path.write_text(STATED, encoding="utf-8")
    with pytest.raises(UsageError, match="quantized is in int8"):
        mnet_cost.check(path, limits="weight_bytes<=700 B", precision="fp32")
