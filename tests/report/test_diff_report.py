"""Reports of what differs between two networks, and documents that are read back for one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mnet_cost
from mnet_cost.analysis import Analysis, analyze
from mnet_cost.cli import main
from mnet_cost.differences.diff import diff
from mnet_cost.differences.snapshots import snapshot_of
from mnet_cost.errors import UsageError
from mnet_cost.models.load import parse_spec
from mnet_cost.report import render
from mnet_cost.report.analysis import analysis_report
from mnet_cost.report.analysis_file import read_snapshot, snapshot_of_document
from mnet_cost.report.compare import compare_report
from mnet_cost.report.diff import causes_table, sentence

Json = dict[str, Any]


@pytest.fixture(scope="module")
def full() -> Analysis:
    return analyze("full", devices=["pixel_1_tflite", "h100"])


@pytest.fixture
def document(full: Analysis) -> Json:
    read: Json = json.loads(render(analysis_report(full, "block"), "json"))
    return read


def test_a_document_is_the_snapshot_of_its_analysis(full: Analysis, document: Json) -> None:
    ours, read = snapshot_of(full), snapshot_of_document(document)
    assert (read.title, read.spec, read.precision, read.convention, read.peak_at) == (
        ours.title, ours.spec, ours.precision, ours.convention, ours.peak_at,
    )  # fmt: skip
    assert dict(read.knobs) == dict(ours.knobs)
    assert (read.inputs, read.totals, read.live_at_peak) == (
        ours.inputs, ours.totals, ours.live_at_peak,
    )  # fmt: skip
    for mine, theirs in zip(ours.layers, read.layers, strict=True):
        assert theirs[:1] + theirs[3:8] + theirs[9:] == mine[:1] + mine[3:8] + mine[9:]
        assert theirs.entry.place == mine.entry.place
    assert not diff(read, full).causes
    assert {layer.status for layer in diff(full, read).layers} == {"same"}


def test_causes_between_a_document_and_an_analysis_add_up(document: Json) -> None:
    found = diff(
        snapshot_of_document(document), analyze("full@alpha=0.5", devices=["pixel_1_tflite"])
    )
    assert found.devices == ("pixel_1_tflite",)
    for metric in ("mult_adds", "params", "traffic", "peak_memory"):
        booked = sum(cause.changes[metric] for cause in found.causes)
        assert booked == found.total(metric) != 0
    booked_s = sum(cause.latency_s["pixel_1_tflite"] for cause in found.causes)
    assert booked_s == pytest.approx(found.latency_s("pixel_1_tflite"), rel=1e-9)
    # The line and the fields are all that is known.
    assert found.causes[0].reasons[0] == (
        "changed", "`conv2d` `channels` 32 -> 16", "specs/mobilenet_v1.yaml:35",
        "specs/mobilenet_v1.yaml:35",
    )  # fmt: skip


def _set(*keys: Any) -> Callable[[Json], None]:
    *way, last, value = keys

    def change(document: Any) -> None:
        for key in way:
            document = document[key]
        document[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set("schema", "mnet-cost/compare/3"),
         "is a document `mnet-cost/compare/3`, not `mnet-cost/analysis/6`"),
        (_set("schema", "mnet-cost/analysis/2"), "is a document `mnet-cost/analysis/2`, not"),
        (_set("schema", 3), "is no document of mnet-cost"),
        (_set("layers", 0, "params", 1), "its layers do not add up to its params"),
        (_set("layers", 0, "params", 1.5), "`params` is not a whole number"),
        (_set("layers", 0, "params", True), "`params` is not a whole number"),
        (_set("layers", 0, "name", None), "`name` is not a text"),
        (_set("layers", 1, "name", "stem"), "two of its layers have one name"),
        (_set("layers", 0, []), "`layers[0]` is not an object"),
        (_set("layers", {}), "`layers` is not a list"),
        (_set("memory", "live_at_peak", []), "its tensors do not add up to its peak memory"),
        (_set("devices", 0, "kernels", 0, "layers", ["x"]),
         "a kernel on pixel_1_tflite runs a layer that is not there"),
        (_set("devices", 0, "latency_ms", "fast"), "`latency_ms` is not a number"),
        (_set("model", 7), "`model` is not an object"),
    ],
)  # fmt: skip
def test_a_document_that_is_none_is_refused(
    document: Json, change: Callable[[Json], None], message: str
) -> None:
    change(document)
    with pytest.raises(UsageError) as caught:
        snapshot_of_document(document, "base.json")
    assert str(caught.value).startswith(f"base.json: {message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON: Expecting property name"),
        ("[1]", "is no document of mnet-cost"),
        ('{"schema": NaN}', "is not JSON: NaN is no number"),
        ("[" * 100_000, "is nested too deeply"),
        ('"' + "9" * 5, "is not JSON"),
        ("9" * 5000, "is not JSON"),
    ],
)
def test_a_file_that_holds_no_document_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "base.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        read_snapshot(str(path))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: no such file"):
        read_snapshot(str(tmp_path / "base.json"))


def test_the_sentence_says_what_most_is_due_to() -> None:
    def said(first: str, other: str) -> str:
        return sentence(diff(analyze(first), analyze(other)), ("A", "B"))

    assert said("mobilenet_v1", "shallow") == (
        "B has 261.4 M fewer mult-adds than A, all due to: `separable` removed"
    )
    assert said("mobilenet_v1", "mobilenet_v1@alpha=0.75,resolution=192") == (
        "B has 329.5 M fewer mult-adds than A, mostly due to: alpha 1.0 -> 0.75 (-243.3 M)"
    )
    assert said("shallow", "mobilenet_v1@alpha=0.75") == (
        "B has 18.08 M more mult-adds than A, due to 2 causes; the largest: `separable` added "
        "(+147.9 M)"
    )
    assert said("mobilenet_v1", "mobilenet_v1") == "A and B have the same totals"


def test_related_networks_have_causes_and_others_where_they_are_asked_for() -> None:
    first, other, relative = (analyze(name) for name in ("lenet5", "ds_cnn", "lenet5_1998"))

    def tables(*analyses: Analysis, **asked: Any) -> list[str]:
        names = [analysis.network.spec.title for analysis in analyses]
        return [table.key for table in compare_report(names, analyses, **asked).tables[1:]]

    assert tables(first, other) == []
    assert tables(first, relative) == ["causes"]
    assert tables(first, first) == []
    assert tables(first, other, diff=True) == ["causes", "layer_changes"]
    assert tables(first, other, by="layer") == ["layer_changes"]
    assert tables(first, relative, by="block") == ["causes", "differences"]
    with pytest.raises(UsageError, match="a diff is of two networks, not 3"):
        tables(first, other, relative, diff=True)


def test_the_last_row_is_the_sum_of_the_others_however_many_share_one() -> None:
    first, other = analyze("mobilenet_v1"), analyze("mobilenet_v2")
    for everything in (False, True):
        report = compare_report(["A", "B"], [first, other], diff=everything or None)
        causes = [table for table in report.tables if table.key == "causes"]
        assert bool(causes) == everything
    found = diff(first, other)
    for everything, rows in ((False, 16), (True, len(found.causes))):
        table = causes_table(found, ("A", "B"), everything)
        assert len(table.rows) == rows
        assert table.total is not None
        for place in (2, 3, 4):
            assert sum(row[place].value for row in table.rows) == table.total[place].value


def test_causes_of_0_in_all_columns_have_no_row() -> None:
    head = "format: 1\nname: net\ninput: {image: [3, 8, 8]}\nlayers:\n"

    def found(channels: int, kind: str) -> Any:
        specs = [
            parse_spec(f"{head}- conv2d: {{channels: {each}, kernel: 1}}\n- {activation}\n")
            for each, activation in ((4, "relu"), (channels, kind))
        ]
        return diff(*map(analyze, specs))

    both = found(5, "relu6")
    for everything, rows, more in ((False, 1, "; 1 more cause of 0 in all columns: --diff"),
                                   (True, 2, "")):  # fmt: skip
        table = causes_table(both, ("A", "B"), everything)
        assert len(table.rows) == rows
        assert table.note == (
            "B has 192 more mult-adds than A, all due to: `conv2d` `channels` 4 -> 5" + more
        )
    # A difference that moves nothing is still shown where there is no other.
    table = causes_table(found(4, "relu6"), ("A", "B"))
    assert [row[0] for row in table.rows] == ["`relu` -> `relu6` (<text>:6)"]
    assert table.note == "A and B have the same totals"


def test_the_command_and_python_give_the_same_diff(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["compare", "lenet5", "ds_cnn", "--device", "none", "--diff", "--format", "json"]
    assert main(command) == 0
    document = json.loads(capsys.readouterr().out)["diff"]
    found = mnet_cost.compare("lenet5", "ds_cnn").diff
    assert [cause["text"] for cause in document["causes"]] == [c.text for c in found.causes]
    assert document["totals"]["mult_adds"] == found.total("mult_adds")
    assert len(document["layers"]) == len(found.layers)
    with pytest.raises(UsageError, match="a diff is of two networks, not 3"):
        _ = mnet_cost.compare("lenet5", "ds_cnn", "resnet8").diff


def test_a_cost_that_is_not_known_is_in_no_row(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    text = (
        "format: 1\nname: net\ninput: {image: [3, 8, 8]}\nlayers:\n"
        "  - conv2d: {channels: 4, kernel: 3}\n"
        "  - opaque: {operation: Magic, shape: [4]}\n"
    )
    path.write_text(text)
    first = analyze(path)
    path.write_text(text.replace("channels: 4", "channels: 8"))
    other = mnet_cost.load_model(path)
    found = diff(first, analyze(other))
    assert (found.total("mult_adds"), found.total("peak_memory")) == (None, 4 * 64 * 4)
    report = compare_report(["A", "B"], [first, analyze(other)])
    (causes,) = [table for table in report.tables if table.key == "causes"]
    assert causes.rows[0][2:4] == (None, None)
    document = report.document()["diff"]
    assert document["causes"][0]["changes"]["mult_adds"] is None
