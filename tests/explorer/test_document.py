"""Which control a knob gets, where costs are recorded, and what a page leaves out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from engine import needs_node, replay

import mnet_cost
from mnet_cost.analysis import analyze
from mnet_cost.changes.what_if import compare_what_if, parse_changes
from mnet_cost.devices.choice import choose_devices
from mnet_cost.errors import UsageError
from mnet_cost.explorer import document as explorer_document
from mnet_cost.explorer import explore as explorer_explore
from mnet_cost.explorer import structures
from mnet_cost.explorer.document import Asked, Explored, explore_document
from mnet_cost.explorer.explore import explore_page
from mnet_cost.explorer.folding import rows_of
from mnet_cost.explorer.packing import packed_bytes
from mnet_cost.explorer.sharing import shared_lists
from mnet_cost.models.library import load_model
from mnet_cost.models.load import parse_spec
from mnet_cost.models.types import Model

FIVE = ("pixel_1", "raspberry_pi_4_ncnn", "stm32l4r5_tflm", "jetson_nano", "pixel_3_tflite_gpu")


def document(name: str, devices: tuple[str, ...] = (), **asked: Any) -> dict[str, Any]:
    explored = Explored(name, name, load_model(name))
    return explore_document([explored], Asked(choose_devices(devices), devices, **asked))


def of_text(text: str, devices: tuple[str, ...] = (), **asked: Any) -> dict[str, Any]:
    explored = Explored("net", "net.yaml", Model(parse_spec(text), {}))
    return explore_document([explored], Asked(choose_devices(devices), devices, **asked))


def recorded_of(page: dict[str, Any]) -> dict[str, Any]:
    names = ("program", "structures", "shared", "texts", "calls", "tables", "forms", "lines")
    return {name: page["models"][0][name] for name in names}


def knobs_of(page: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {knob["name"]: knob for knob in page["models"][0]["knobs"]}


def test_a_number_that_changes_sizes_is_a_slider_around_what_is_published() -> None:
    alpha, resolution = (knobs_of(document("mobilenet_v1"))[n] for n in ("alpha", "resolution"))
    assert (alpha["control"], alpha["default"], alpha["whole"]) == ("slider", 1.0, False)
    assert (alpha["min"], alpha["max"], alpha["step"]) == (0.2, 1.25, 0.01)
    assert alpha["published"] == [0.25, 0.5, 0.75, 1.0]
    assert (resolution["whole"], resolution["published"]) == (True, [128, 160, 192, 224])
    assert resolution["min"] <= 128
    assert resolution["max"] >= 224


def test_a_number_of_which_nothing_is_published_has_a_wide_range() -> None:
    knobs = knobs_of(
        of_text(
            "format: 1\nname: net\nknobs: {size: 3, classes: 1000, nothing: 4}\n"
            "input: {image: [3, 32, 32]}\nlayers:\n"
            "  - conv2d: {channels: 8, kernel: size}\n  - linear: {features: classes}\n"
        )
    )
    ends = {name: (knob.get("min"), knob.get("max")) for name, knob in knobs.items()}
    assert ends["size"] == (1, 12)
    assert ends["classes"] == (2, 21_841)
    assert knobs["classes"]["is_log"]
    assert knobs["nothing"]["control"] == "fixed"
    assert knobs["nothing"]["why"] == "no number of this page depends on it"


def test_a_model_file_is_shown_with_its_nodes_and_without_a_spec(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    nodes = [onnx.helper.make_node("Relu", ["x"], ["y"], name="/act/Relu")]
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes, "g", [value("x", 1, [1, 3, 8, 8])], [value("y", 1, [1, 3, 8, 8])]
    )
    path = str(tmp_path / "small.onnx")
    onnx.save(onnx.helper.make_model(graph), path)
    model = explore_document([Explored("small", path, load_model(path))], Asked())["models"][0]
    assert model["texts"]["nodes"] == ["/act/Relu"]
    assert model["texts"]["line"] == [0]
    assert model["lines"] == {}


def test_a_number_that_changes_layers_is_a_select_of_legal_values() -> None:
    depth = knobs_of(document("vit_b_16"))["depth"]
    assert (depth["control"], depth["values"]) == ("select", [12, 24, 32])
    norm = knobs_of(document("googlenet"))["norm"]
    assert (norm["control"], norm["values"]) == ("select", [True, False])


def test_a_knob_that_cannot_move_has_no_control() -> None:
    page = of_text(
        "format: 1\nname: net\nknobs: {groups: {default: 7}}\ninput: {x: [7, 8, 8]}\n"
        "layers:\n  - conv2d: {channels: 7, kernel: 1, groups: groups}\n"
    )
    groups = knobs_of(page)["groups"]
    assert groups["control"] in ("fixed", "select")
    assert 6 not in groups.get("values", [])


def test_precisions_are_those_of_some_device_and_the_default() -> None:
    assert document("lenet5", ("stm32l4r5_tflm",))["precisions"] == ["fp32", "int8"]
    assert document("lenet5")["precisions"] == ["fp32"]
    assert document("lenet5", precision="bf16")["precisions"] == ["bf16"]
    with pytest.raises(UsageError, match="no precision"):
        document("lenet5", precision="fp31")


def test_all_positions_of_a_single_slider_of_mobilenet_v1_are_known() -> None:
    page = document("mobilenet_v1", FIVE)
    assert page["left_out"] == []
    assert page["precisions"] == ["fp32", "fp16", "int8"]
    assert len(page["models"][0]["structures"]) == 3  # one example, several, and large images


@pytest.mark.parametrize(("name", "most"), [("mobilenet_v1", 130_000), ("nasnet_mobile", 300_000)])
def test_a_page_is_small(name: str, most: int) -> None:
    page = explore_page([name], [load_model(name)], choose_devices(FIVE))
    assert 50_000 < len(page.text.encode()) < most


@needs_node
@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize(
    ("setting", "changes"),
    [
        ({"bandwidth": 2.0}, "bandwidth=x2"),
        ({"macs": 0.5}, "macs=x0.5"),
        ({"launch": 2.0, "macs": 2.0}, "launch=x2,macs=x2"),
    ],
)
def test_factors_of_devices_are_what_if(
    setting: dict[str, float], changes: str, precision: str
) -> None:
    devices = ("pixel_1", "pixel_3_tflite") if precision == "fp32" else ("iphone_13",)
    (shown,) = replay(document("mobilenet_v2", devices), [(setting, precision)])
    assert shown is not None
    analysis = analyze("mobilenet_v2", devices=devices, precision=precision)
    for known, what_if in zip(
        shown["devices"], compare_what_if(analysis, parse_changes(changes)), strict=True
    ):
        assert known["latency_s"] == pytest.approx(what_if.after.latency_s, rel=1e-12)
        assert known["bound_s"] == pytest.approx(what_if.after.bound_s, rel=1e-12)
        assert known["latency_s"] != pytest.approx(what_if.before.latency_s, rel=1e-3)


OPAQUE = (
    "format: 1\nname: net\ninput: {x: [3, 8, 8]}\nlayers:\n"
    "  - conv2d: {channels: 4, kernel: 1}\n"
    "  - opaque: {operation: sort, shape: [4, 8, 8]}\n"
)


@needs_node
def test_a_layer_of_unknown_cost_means_no_totals_but_what_is_known() -> None:
    (shown,) = replay(of_text(OPAQUE, ("pixel_1",)), [({}, "fp32")])
    assert shown is not None
    assert {name for name, total in shown["totals"].items() if total is not None} == {"peak_bytes"}
    assert shown["totals"]["peak_bytes"] == 2 * 4 * 8 * 8 * 4
    assert shown["devices"][0]["latency_s"] is None
    known, unknown = shown["devices"][0]["kernels"]["latency_s"]
    assert (0 < known < 1e-3, unknown) == (True, None)
    assert shown["layers"]["mult_adds"] == [768, None]


@needs_node
def test_lower_bounds_give_sums_without_the_layer_of_unknown_cost() -> None:
    page = of_text(OPAQUE, ("pixel_1",), lower_bound=True)
    (shown,) = replay(page, [({}, "fp32")])
    assert shown is not None
    assert shown["totals"]["mult_adds"] == 768
    assert shown["devices"][0]["is_least"]
    assert page["models"][0]["structures"][0]["unmodelled"] == ["opaque"]


@needs_node
def test_counts_beyond_2_53_are_marked() -> None:
    page = of_text(
        "format: 1\nname: net\nknobs: {n: {default: 1024, published: [1024, 100000000]}}\n"
        "input: {x: [1024, n]}\nlayers:\n  - linear: {features: 100000}\n"
    )
    small, large = replay(page, [({}, "fp32"), ({"n": 100_000_000}, "fp32")])
    assert small is not None
    assert large is not None
    assert (small["is_exact"], large["is_exact"]) == (True, False)
    assert small["totals"]["mult_adds"] == 1024 * 1024 * 100_000


LARGE = (
    "format: 1\nname: net\nknobs: {width: {default: 8, published: [4, 8, 16]}}\n"
    "input: {x: [3, 8, 8]}\nblocks:\n  unit:\n    layers:\n"
    "      - conv2d: {channels: width, kernel: 1}\n"
    "      - depthwise_conv2d: {kernel: 3, padding: same}\n"
    "layers:\n  - unit: {}\n    repeat: 1600\n"
)


@needs_node
def test_a_large_network_is_shown_as_parts_of_blocks() -> None:
    devices = ("pixel_1",)
    page = of_text(LARGE, devices)
    names = page["models"][0]["texts"]["name"]
    assert names[:3] == ["unit.1 to 16.1x1", "unit.1 to 16.depthwise", "unit.17 to 32.1x1"]
    assert page["left_out"][0] == (
        "net: its 3,200 layers are shown as 200 parts of blocks; `mnet-cost analyze --by layer` "
        "lists all of them"
    )
    (shown,) = replay(page, [({"width": 4}, "fp32")])
    assert shown is not None
    assert shown["structure"]["count"] == [16] * 200
    analysis = analyze(Model(parse_spec(LARGE), {}), {"width": 4}, devices)
    assert shown["totals"]["mult_adds"] == analysis.totals.mult_adds
    assert sum(shown["layers"]["mult_adds"]) == analysis.totals.mult_adds
    assert shown["totals"]["peak_bytes"] == analysis.memory.peak_bytes
    assert shown["devices"][0]["latency_s"] == pytest.approx(
        analysis.devices[0].latency_s, rel=1e-12
    )
    kernels = shown["devices"][0]["kernels"]
    assert sum(kernels["latency_s"]) == pytest.approx(shown["devices"][0]["latency_s"], rel=1e-9)


def test_rows_are_blocks_as_far_inside_as_there_is_room() -> None:
    names = [f"stage.{i}.{j}.conv" for i in range(100) for j in range(100)]
    rows = rows_of(names, ["1x1"] * len(names))
    assert rows is not None
    assert len(rows) == 100
    assert rows[1].name == "stage.1.1x1"
    assert sum(len(row.layers) for row in rows) == len(names)
    assert rows_of(names[:3000], ["1x1"] * 3000) is None
    flat = rows_of([f"conv_{i}" for i in range(5000)], ["1x1"] * 5000)
    assert flat is not None
    assert len(flat) == 100
    assert (flat[0].name, len(flat[0].layers)) == ("conv_0 to conv_49.1x1", 50)


def test_runs_of_layers_are_whole_and_in_order() -> None:
    names = ["stem", *[f"body.{i}.{j}" for i in range(400) for j in "abcdefghijk"], "head"]
    varieties = [("1x1", "other")[i % 2] for i in range(len(names))]
    rows = rows_of(names, varieties)
    assert rows is not None
    assert sorted(layer for row in rows for layer in row.layers) == list(range(len(names)))
    assert [row.layers[0] for row in rows] == sorted(row.layers[0] for row in rows)
    assert len(rows) == 802  # all copies have room, and none is large
    assert (rows[0].name, rows[1].name, rows[-1].name) == ("stem", "body.0.other", "head")


def test_attention_and_recurrent_layers_are_kinds_of_their_own() -> None:
    text = (
        "format: 1\nname: net\ninput: {x: [20, 64]}\nlayers:\n  - lstm: {features: 64}\n"
        "  - attention: {heads: 4}\n  - linear: {features: 8}\n"
        "  - opaque: {operation: fft, shape: [20, 8], mult_adds: 9, vector_ops: 0, params: 0}\n"
    )
    texts = of_text(text, ())["models"][0]["texts"]
    assert texts["variety"] == ["recurrent", "product", "linear", "other"]


def test_a_page_does_not_say_in_which_folder_it_was_made(tmp_path: Path) -> None:
    file = tmp_path / "net.yaml"
    file.write_text("format: 1\nname: net\ninput: {x: [4]}\nlayers: [{linear: {features: 2}}]\n")
    explored = [Explored("net.yaml", "net.yaml", load_model(str(file)))]
    page = explore_document(explored, Asked((), ()))
    assert page["models"][0]["file"] == "net.yaml"
    assert str(tmp_path) not in json.dumps(page)


def test_lists_that_are_there_twice_are_kept_once() -> None:
    long = list(range(20))
    data, shared = shared_lists({"a": long, "b": [long[:], [1, 2]], "c": [1, 2]})
    assert shared == [long]
    assert data == {"a": {"shared": 0}, "b": [{"shared": 0}, [1, 2]], "c": [1, 2]}


def test_published_rows_have_settings_and_figures() -> None:
    rows = document("mobilenet_v1")["models"][0]["published"]
    half = next(row for row in rows if row["setting"]["alpha"] == 0.5)
    assert half["setting"]["resolution"] in (128, 160, 192, 224)
    assert half["dataset"] == "ImageNet"
    assert half["figures"]["top1"] == 63.7


def test_settings_far_away_are_left_out_until_the_data_fits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = document("googlenet")
    assert len(whole["models"][0]["structures"]) == 8  # all values of three lists
    assert packed_bytes(recorded_of(whole)) > 12_000
    assert whole["left_out"] == []
    monkeypatch.setattr(explorer_document, "_MOST_BYTES", 12_000)
    small = document("googlenet")
    kept = small["models"][0]["structures"]
    assert 1 <= len(kept) < 8
    assert packed_bytes(recorded_of(small)) <= 12_000
    assert [each["fixed"] for each in kept] == [
        each["fixed"] for each in whole["models"][0]["structures"][: len(kept)]
    ]
    assert small["left_out"] == [
        "googlenet: some settings far from the first one are left out, to keep the page small; "
        "where one is, the page says so"
    ]
    monkeypatch.setattr(explorer_document, "_MOST_BYTES", 100)
    assert len(document("googlenet")["models"][0]["structures"]) == 1  # there is always one


def test_time_is_bounded_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """But the first recording ends in time; the page says what it lacks, and why."""
    monkeypatch.setattr(structures, "SECONDS", 0.0)
    page = document("googlenet", ("jetson_nano",))
    assert len(page["models"][0]["structures"]) == 1
    assert page["precisions"] == ["fp32"]
    assert page["left_out"] == [
        "googlenet: only fp32, since it takes long to work them out; `--precision` makes a page "
        "of another one",
        "googlenet: some settings far from the first one are left out, since it takes long to work "
        "them out; where one is, the page says so",
    ]


@needs_node
@pytest.mark.parametrize(
    "name", ["regnet", "resnet", "repvgg", "fastvit", "lraspp_mobilenet_v3_large"]
)
def test_each_control_moves_by_itself(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structures, "SECONDS", 60.0)  # time is not what is tested here
    page = document(name)
    settings = [
        {knob["name"]: value}
        for knob in page["models"][0]["knobs"]
        for value in knob.get("values", [knob.get("min"), knob.get("max")])
        if knob["control"] != "fixed"
    ]
    shown = replay(page, [(setting, "fp32") for setting in settings])
    missing = [s for s, numbers in zip(settings, shown, strict=True) if numbers is None]
    assert missing == []


def test_large_networks_have_all_precisions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structures, "SECONDS", 60.0)
    monkeypatch.setattr(explorer_document, "_MOST_BYTES", 60_000)
    page = document("smollm2", ("h100", "pixel_1"))
    assert len(page["precisions"]) > 2
    assert len(page["models"][0]["structures"][0]["at"]) == len(page["precisions"])


@needs_node
def test_the_batch_of_a_large_network_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structures, "SECONDS", 60.0)
    page = of_text(
        "format: 1\nname: net\ninput: {x: [8, 8, 8]}\nblocks:\n  unit:\n    layers:\n"
        "      - conv2d: {channels: 8, kernel: 1}\n      - relu\n"
        "layers:\n  - {unit: {}, repeat: 2500}\n",
        ("pixel_1",),
    )
    assert len(page["left_out"]) == 1  # its layers are shown as parts
    (five,) = replay(page, [({"batch": 5}, "fp32")])
    assert five is not None
    assert five["totals"]["mult_adds"] == 5 * 2500 * 8 * 8 * 8 * 8


def test_kinds_say_kernel_and_stride_but_not_what_a_slider_moves() -> None:
    page = of_text(
        "format: 1\nname: net\nknobs: {size: 3}\ninput: {image: [3, 32, 32]}\n"
        "layers:\n"
        "  - conv2d: {channels: 8, kernel: 3, stride: 2}\n"
        "  - depthwise_conv2d: {kernel: 3}\n"
        "  - conv2d: {channels: 8, kernel: [1, 3], stride: [1, 2]}\n"
        "  - conv2d: {channels: 8, kernel: size}\n"
        "  - relu\n"
    )
    assert knobs_of(page)["size"]["control"] == "slider"
    (structure,) = page["models"][0]["structures"]
    assert structure["layers"] == [0, 1, 1, 1, 1]
    assert page["models"][0]["texts"]["kind"] == [
        "conv2d 3x3 s2",
        "depthwise_conv2d 3x3",
        "conv2d 1x3 s1x2",
        "conv2d",
        "relu",
    ]


def test_what_an_analysis_was_asked_for_is_in_its_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Knobs and threads go to the command line; what the page cannot show, it says."""
    written: list[Any] = []

    def write(page: Any) -> str:
        written.append(page)
        return ""

    monkeypatch.setattr(explorer_explore, "write_page", write)
    mnet_cost.analyze(
        "lenet5", classes=7, devices=["raspberry_pi_4"], threads=2, sparsity=0.5, schedule="best"
    ).explore()
    (page,) = written
    assert page["models"][0]["reference"] == "lenet5@classes=7"
    assert knobs_of(page)["classes"]["default"] == 7
    assert page["arguments"] == ["--threads", "2", "--precision", "fp32"]
    assert page["devices"][0]["threads"] == 2
    assert page["left_out"][:2] == [
        "zeros among the weights are not in this page: its numbers are dense",
        "the best order of layers is not in this page: it has that of the network",
    ]
