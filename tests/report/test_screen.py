"""Reports on a screen: how many lines and columns they take, and what is never left out."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest

from mnet_cost.analysis import Analysis, analyze
from mnet_cost.cli import main
from mnet_cost.devices import DeviceProfile, default_devices, device_names, load_device
from mnet_cost.devices.siblings import measured_siblings
from mnet_cost.models.library import model_names
from mnet_cost.models.load import parse_spec
from mnet_cost.models.published import ACCURACIES
from mnet_cost.report import render
from mnet_cost.report.analysis import analysis_report
from mnet_cost.report.published import accuracies, published_rows
from mnet_cost.report.rows import View, groups
from mnet_cost.report.types import (
    ASKED,
    SPARE,
    Absent,
    Column,
    Fact,
    Marked,
    Report,
    Table,
    Time,
)

COLOURS = re.compile("\x1b\\[[0-9;]*m")
WIDTHS = (80, 100, 160)
OTHERS = ("faster_rcnn_resnet50_fpn", "nasnet_mobile", "vit", "resnet", "lenet5")
"""Networks with hundreds of rows, of long names, of large numbers, of few rows."""


@cache
def analyzed(name: str, devices: tuple[str, ...] = default_devices()) -> Analysis:
    return analyze(name, devices=devices)


def text_of(name: str, width: int | None, by: View = "block", notes: bool = False) -> str:
    return render(analysis_report(analyzed(name), by), "text", width, notes=notes)


def header(text: str, first: str) -> list[str]:
    """Headings of the table whose first one is `first`."""
    line = next(line for line in text.splitlines() if re.match(rf"{first}\s{{2,}}", line))
    return re.split(r"\s{2,}", line)


@pytest.mark.parametrize("name", model_names())
def test_a_classification_network_takes_one_screen(name: str) -> None:
    analysis = analyzed(name)
    metric = next(iter(accuracies(published_rows(analysis))), None)
    lines = text_of(name, 100).splitlines()
    if len(groups(analysis, "block")) <= 14 and (metric is None or metric.metric == "top1"):
        assert len(lines) <= 40, "\n".join(lines)
    assert not [line for line in lines if line.startswith("left out")]


def test_metrics_are_named_as_assumed() -> None:
    assert "top1" in ACCURACIES


def test_the_answer_comes_first() -> None:
    lines = text_of("mobilenet_v1", 100).splitlines()
    assert len(lines) == 38
    assert lines[0] == "mobilenet_v1  (arXiv:1704.04861, Table 1)"
    assert lines[3].split()[:2] == ["device", "time"]
    assert [line.split()[0] for line in lines[4:7]] == list(default_devices())
    assert lines[8].startswith("mult-adds 568,740,352 · params 4,231,976 (16.9 MB) · traffic ")
    assert lines[11] == "Blocks; time on pixel_1_tflite (fitted)"
    assert lines[-3:] == [
        "* h100: ≥ is a lower bound; real runs take longer",
        "* 1 mult-add = 1 MAC = 2 FLOPs",
        "11 more notes: --notes",
    ]


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("width", [60, *WIDTHS])
@pytest.mark.parametrize("by", ["layer", "block", "kind", "kernel"])
def test_nothing_is_wider_than_the_terminal(name: str, width: int, by: View) -> None:
    for notes in (False, True):
        lines = text_of(name, width, by, notes).splitlines()
        assert max(map(len, lines)) <= width


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("width", WIDTHS)
def test_what_flags_ask_for_is_never_left_out(name: str, width: int) -> None:
    asked = {
        "layer": {"layer", "output", "mult-adds", "params", "time"},
        "block": {"block", "output", "mult-adds", "params", "time"},
        "kind": {"kind", "mult-adds", "params", "time"},
        "kernel": {"kernel", "time", "%"},
    }
    views: tuple[View, ...] = ("layer", "block", "kind", "kernel")
    for by in views:
        text = text_of(name, width, by)
        assert asked[by] <= set(header(text, by))
        assert "…" not in text  # no name is cut
    if width == 80:
        return  # the longest names take two lines
    lines = text_of(name, width, "layer").splitlines()
    shown = {line.split()[0] for line in lines if line}
    assert {layer.step.name for layer in analyzed(name).layers} <= shown


@pytest.mark.parametrize("width", WIDTHS)
def test_each_device_asked_for_has_a_whole_row(width: int) -> None:
    report = analysis_report(analyzed("lenet5", device_names()))
    text = render(report, "text", width)
    essential = {"device", "time", "80 % range", "fits", "basis"}
    essential |= {"run by", "thr"} if width < 160 else {"runtime", "threads"}
    assert essential <= set(header(text, "device"))
    names = [row[0] for row in report.answer[0].rows]
    assert names == list(device_names())
    for name in names:
        # At 80 columns long names go on below.
        assert re.search(rf"^{name[:12]}", text, re.MULTILINE), name


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("by", ["block", "kernel"])
def test_without_colours_the_text_is_the_same(name: str, by: View) -> None:
    report = analysis_report(analyzed(name), by)
    for width in (60, 100, None):
        for notes in (False, True):
            colored = render(report, "text", width, True, notes=notes)
            assert "\x1b[" in colored
            assert COLOURS.sub("", colored) == render(report, "text", width, notes=notes)


def test_colours_are_meanings() -> None:
    devices = ("raspberry_pi_4_ncnn", "raspberry_pi_4", "h100", "stm32h743")
    text = render(analysis_report(analyzed("vgg", devices)), "text", 100, True)
    rows = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    assert "\x1b[32mfitted\x1b[0m" in rows["raspberry_pi_4_ncnn"]
    assert "\x1b" not in rows["raspberry_pi_4"]
    assert "\x1b[35mbound\x1b[0m" in rows["h100"]
    assert "\x1b[1;31mno\x1b[0m" in rows["stm32h743"]
    assert "\x1b[2m" not in text  # dim is hard to read on many backgrounds


@pytest.mark.parametrize("by", ["block", "layer"])
def test_a_pipe_is_not_narrowed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    arguments = ["analyze", "mobilenet_v3_large", "--by", by, "--notes"]
    monkeypatch.delenv("COLUMNS", raising=False)
    assert main(arguments) == 0
    piped = capsys.readouterr().out
    assert {"kind", "weights %", "line", "mostly"} <= set(header(piped, by))
    assert {"bound", "compute %", "memory %", "launch %"} <= set(header(piped, "device"))
    assert "left out" not in piped
    assert not re.search(r"^  \S", piped, re.MULTILINE)  # notes are single lines
    monkeypatch.setenv("COLUMNS", "80")
    assert main(arguments) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_a_terminal_is_filled(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(
        "shutil.get_terminal_size", lambda *_: SimpleNamespace(columns=90, lines=24)
    )
    assert main(["analyze", "mobilenet_v1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert 80 < max(map(len, lines)) <= 90


@pytest.mark.parametrize(
    ("device", "status"),
    [("stm32h743", 1), ("h100", 0), ("raspberry_pi_4_ncnn", 0), ("h200", 0), ("none", 0)],
)
def test_a_misfit_can_be_a_failure(device: str, status: int) -> None:
    arguments = ["analyze", "mobilenet_v1", "--device", device]
    assert main([*arguments, "--fail-if-not-fit"]) == status
    assert main(arguments) == 0


# --- notes


def test_hidden_notes_are_counted_and_shown_when_asked_for() -> None:
    report = analysis_report(analyzed("mobilenet_v1"))
    short, whole = (render(report, "text", 160, notes=notes) for notes in (False, True))
    hidden = int(short.splitlines()[-1].removesuffix(" more notes: --notes"))
    assert len(report.notes) <= 3
    assert hidden == len(report.more_notes) > 3
    for note in report.more_notes:
        assert f"* {note}" not in short
        for form in ("markdown", "html"):
            assert note.split(": ")[-1].split("`")[0][:40] in render(report, form)
    assert whole.count("\n* ") == len(report.notes) + hidden
    assert "more notes" not in whole


def test_every_column_is_explained() -> None:
    views: tuple[View, ...] = ("layer", "block", "kind", "kernel")
    for by in views:
        report = analysis_report(analyzed("mobilenet_v1"), by)
        text = " ".join(render(report, "text", 160, notes=True).split())
        for table in (*report.answer, *report.tables):
            for column in table.columns:
                assert column.help or column.title == "mostly", column
                assert column.help in text


def test_notes_beyond_three_are_left_to_the_notes_option() -> None:
    spec = parse_spec(
        "format: 1\nname: odd\ninput: {image: [3, 300, 300]}\nlayers:\n"
        "  - conv2d: {channels: 64, kernel: 3}\n"
        "  - opaque: {operation: sort, shape: [64, 300, 300]}\n"
    )
    analysis = analyze(spec, {"batch": 4}, ["stm32h743", "h100"], convention="thop")
    report = analysis_report(analysis.with_lower_bounds())
    assert len(report.notes) == 3
    assert report.notes[0] == "the cost of opaque is unknown: totals are lower bounds"
    assert report.notes[1].startswith("does not fit stm32h743: activations are ")
    assert any(note.startswith("h100: 1 kernel is not timed") for note in report.more_notes)
    assert any("for the batch of 4" in note for note in (*report.notes, *report.more_notes))


# --- devices


def test_a_datasheet_profile_names_the_measured_ones_of_its_board() -> None:
    note = "raspberry_pi_4: also measured: raspberry_pi_4_ncnn, raspberry_pi_4_xnnpack"
    assert note in analysis_report(analyzed("lenet5", ("raspberry_pi_4",))).notes
    for fitted in ("raspberry_pi_4_ncnn", "stm32l4r5_tflm", "h100"):
        notes = analysis_report(analyzed("lenet5", (fitted,))).notes
        assert not [line for line in notes if "also measured" in line]


def siblings(name: str, precision: str) -> Sequence[str]:
    return measured_siblings(load_device(name), precision)


def test_siblings_share_a_board_and_have_a_fit() -> None:
    assert siblings("stm32l4r5", "int8") == ("stm32l4r5_cube_ai", "stm32l4r5_tflm")
    assert siblings("stm32l4r5_tflm", "int8") == ("stm32l4r5_cube_ai",)
    assert siblings("stm32l4r5", "fp32") == ()
    assert siblings("snapdragon_845", "fp32") == ("pixel_3_tflite_4_threads",)
    profiles = [load_device(name) for name in device_names()]
    for profile in profiles:
        expected = {
            other.name
            for other in profiles
            if other is not profile and "fp32" in other.latency and board(other) == board(profile)
        }
        assert set(measured_siblings(profile, "fp32")) == expected


def board(profile: DeviceProfile) -> str:
    return profile.extends or profile.name


def energies(*devices: str) -> dict[str, object]:
    """Title of the column of energies, and its cells by device."""
    (table,) = analysis_report(analyzed("mobilenet_v1", devices)).answer
    keys = [column.key for column in table.columns]
    cells: dict[str, object] = {row[0]: row[keys.index("energy")] for row in table.rows}
    return {"": table.columns[keys.index("energy")].title, **cells}


def test_a_column_has_energies_of_one_method() -> None:
    mixed = energies("pixel_1_tflite", "raspberry_pi_4_ncnn")
    assert mixed[""] == "energy"
    assert mixed["pixel_1_tflite"] == Absent("unknown")
    assert mixed["raspberry_pi_4_ncnn"] != Absent("unknown")
    alone = energies("pixel_1_tflite")
    assert alone[""] == "energy of ops"
    assert alone["pixel_1_tflite"] != Absent("unknown")
    notes = analysis_report(
        analyzed("mobilenet_v1", ("pixel_1_tflite", "raspberry_pi_4_ncnn"))
    ).more_notes
    assert [note for note in notes if note.startswith("pixel_1_tflite: its power is unknown; ")]


def test_why_a_layer_has_no_time() -> None:
    spec = parse_spec(
        "format: 1\nname: net\ninput: {image: [3, 8, 8]}\nlayers:\n"
        "  - conv2d: {channels: 4, kernel: 3}\n  - relu\n"
        "  - opaque: {operation: sort, shape: [4, 8, 8]}\n"
    )
    analysis = analyze(spec, devices=["raspberry_pi_4"])
    table = analysis_report(analysis.with_lower_bounds(), "layer").tables[0]
    keys = [column.key for column in table.columns]
    times = {row[0]: row[keys.index("latency_s")] for row in table.rows}
    assert isinstance(times["conv2d"], Time)
    assert times["relu"] == Absent("fused")
    assert times["opaque"] == Absent("unknown")
    counts = {row[0]: row[keys.index("mult_adds")] for row in table.rows}
    assert counts == {"conv2d": 6912, "relu": 0, "opaque": Absent("unknown")}


# --- the writer


def small(*columns: Column, rows: tuple[tuple[object, ...], ...], **parts: Any) -> Report:
    table = Table("t", "", columns, rows)
    return Report("title", "", (), (table,), (), dict)._replace(**parts)


def test_bars_are_on_one_scale_and_end_in_eighths() -> None:
    columns = (Column("a", "a"), Column("b", "b %", "share"), Column("c", "c %", "share"))
    rows = (("x", 0.8, 0.4), ("y", 0.01, None), ("z", 0.0, Absent("")), ("u", 0.0001, 0.0))
    lines = render(small(*columns, rows=rows), "text", None).splitlines()
    assert lines[2:] == [
        "a   b %              c %",
        "x  80.0 ██████████  40.0 █████",
        "y   1.0 ▏              -",
        "z   0.0",
        "u  <0.1              0.0",
    ]
    plain = render(small(*columns, rows=rows[:1]), "text", None, encoding="ascii")
    assert plain.splitlines()[-1] == "x  80.0 ##########  40.0 #####"
    assert render(small(*columns, rows=rows), "csv").splitlines()[1:3] == ["x,0.8,0.4", "y,0.01,"]
    assert "| x   |  80.0 |  40.0 |" in render(small(*columns, rows=rows), "markdown")


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "cp437", "koi8-r"])
def test_bars_fit_the_encoding(encoding: str) -> None:
    text = render(analysis_report(analyzed("lenet5")), "text", 80, encoding=encoding)
    assert text.encode(encoding).decode(encoding) == text
    assert "#####" in text


def test_short_headings_then_short_bars_then_columns_of_least_weight() -> None:
    columns = (
        Column("name", "name", "text", ASKED),
        Column("spare", "spare column", "text", SPARE),
        Column("share", "share", "share", 8),
        Column("long", "a long heading", "number", 9, "short"),
        Column("least", "of least weight", "text", 2),
    )
    report = small(*columns, rows=(("a_long_name", "s", 0.5, 7, "w" * 12),))

    def line(width: int) -> str:
        return render(report, "text", width).splitlines()[2]

    assert re.split(r"\s{2,}", line(80)) == [
        *("name", "spare column", "share", "a long heading", "of least weight"),
    ]
    assert re.split(r"\s{2,}", line(62)) == ["name", "share", "a long heading", "of least weight"]
    assert re.split(r"\s{2,}", line(52)) == ["name", "share", "short", "of least weight"]
    assert re.split(r"\s{2,}", line(40)) == ["name", "share", "short"]
    assert "left out at 40 columns: of least weight" in render(report, "text", 40)
    assert "spare column" not in render(report, "text", 62)
    assert "left out at 62 columns: spare column" in render(report, "text", 62, notes=True)


def test_a_share_goes_with_its_number() -> None:
    """At the narrowest the number has no room, and its share alone would have."""
    columns = (
        Column("name", "name", "text", ASKED),
        Column("energy", "energy", "number", 5),
        Column("share", "%", "percent", 5, needs="energy"),
    )
    report = small(*columns, rows=(("a_long_name" * 2, 123456789012, 0.33),))

    def words(width: int) -> tuple[list[str], list[str]]:
        lines = render(report, "text", width).splitlines()
        left_out = [line for line in lines if line.startswith("left out")]
        return lines[2].split(), left_out

    assert words(60) == (["name", "energy", "%"], [])
    assert words(40) == (["name", "energy"], ["left out at 40 columns: % of energy"])
    assert words(34) == (["name"], ["left out at 34 columns: energy"])


def test_alerts_stand_above_everything() -> None:
    report = small(Column("a", "a"), rows=((Marked("no", "bad"),),), alerts=("too large",))
    assert render(report, "text").startswith("too large\n\ntitle\n")
    assert render(report, "text", color=True).startswith("\x1b[1;31mtoo large\x1b[0m\n")
    assert render(report, "markdown").startswith("**too large**\n\n## title\n")
    assert '<p class="alert">too large</p>\n<h1>title</h1>' in render(report, "html")
    assert render(report, "csv") == "a\nno\n"


def test_facts_share_lines_and_those_in_full_have_their_own() -> None:
    facts = (
        Fact("params", 61_706, "count", "247 kB at fp32", "(247 kB)"),
        Fact("traffic", 368_000, "bytes", "layer by layer"),
        Fact("vector ops", 7, "count", "pooling", more=True),
        Fact("published", "63.7 %", "text", "top-1; a paper", whole=True),
    )
    report = Report("title", "", facts, (), (), dict, facts_in_line=True)
    assert render(report, "text", 60).splitlines()[2:] == [
        "params 61,706 (247 kB) · traffic 368 kB",
        "published 63.7 % top-1; a paper",
    ]
    assert render(report, "text", 30).splitlines()[2:] == [
        "params 61,706 (247 kB)",
        "traffic 368 kB",
        "published 63.7 % top-1; a",
        "paper",
    ]
    assert render(report, "text", 80, notes=True).splitlines()[2:] == [
        "params      61,706  61.71 k  247 kB at fp32",
        "traffic     368 kB           layer by layer",
        "vector ops       7           pooling",
        "published   63.7 %           top-1; a paper",
    ]
