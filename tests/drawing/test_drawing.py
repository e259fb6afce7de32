"""Figures and graphs of networks: their boxes, arrows and numbers, and that names stay text."""

from __future__ import annotations

import re
from base64 import b64decode
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import networkx
import pytest
from hostile_text import TEXTS, shows
from hypothesis import given

import mnet_cost
from mnet_cost.cli import main
from mnet_cost.drawing.diagram import Box, Diagram, Part, Totals, diagram_of
from mnet_cost.drawing.folding import folded
from mnet_cost.drawing.graph_files import to_dot, to_graphml
from mnet_cost.drawing.shapes import Rectangle, picture_of
from mnet_cost.drawing.svg import to_svg
from mnet_cost.escaping import printable

DEVICE = "pixel_1_tflite"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def diagram() -> Diagram:
    return diagram_of(mnet_cost.analyze("mobilenet_v1", devices=[DEVICE]))


def names(diagram: Diagram) -> list[str]:
    return [box.name for box in diagram.boxes]


def test_boxes_are_blocks_with_their_copies_and_costs(diagram: Diagram) -> None:
    assert names(diagram) == [
        "image", "stem", "batch_norm", "relu", "separable", "separable_2", "separable_3",
        "separable_4", "separable_5", "separable_6", "middle", "separable_7",
        "separable_8", "pool", "logits", "output",
    ]  # fmt: skip
    assert diagram.arrows == tuple((i, i + 1) for i in range(15))
    middle = diagram.boxes[10]
    assert (middle.copies, middle.layers, middle.shape) == (5, 30, "512x14x14")
    assert (middle.mult_adds, middle.params, middle.variety) == (261_416_960, 1_344_000, "1x1")
    assert sum(box.mult_adds or 0 for box in diagram.boxes) == 568_740_352
    assert sum(box.share or 0.0 for box in diagram.boxes) == pytest.approx(1)
    amounts = {part.variety: part.amount for part in middle.parts}
    assert set(amounts) == {"depthwise", "1x1"}
    assert sum(amounts.values()) == pytest.approx(middle.time_s)
    assert diagram.boxes[2].time_s is None  # fused


def test_one_block_has_its_layers_and_its_own_totals() -> None:
    analysis = mnet_cost.analyze("mobilenet_v1", devices=[DEVICE])
    diagram = diagram_of(analysis, "layer", "middle.3")
    assert diagram.title == "mobilenet_v1: middle.3"
    assert names(diagram) == [
        "middle.2.relu_2", "middle.3.depthwise_conv2d", "middle.3.batch_norm", "middle.3.relu",
        "middle.3.conv2d", "middle.3.batch_norm_2", "middle.3.relu_2", "output",
    ]  # fmt: skip
    assert diagram.arrows == tuple((i, i + 1) for i in range(7))
    assert (diagram.totals.mult_adds, diagram.totals.params) == (52_283_392, 268_800)
    whole = diagram_of(analysis)
    assert diagram.totals.time_s == pytest.approx((whole.boxes[10].time_s or 0) / 5)
    assert sum(box.share or 0 for box in diagram.boxes) == pytest.approx(
        (whole.boxes[10].share or 0) / 5
    )
    svg = to_svg(picture_of(diagram))
    assert ">conv2d</text>" in svg  # without the path, which the title says
    assert "share of the network's time".replace("'", "&#x27;") in svg


def test_of_copies_the_first_is_drawn() -> None:
    analysis = mnet_cost.analyze("mobilenet_v1")
    assert diagram_of(analysis, "layer", "middle") == diagram_of(analysis, "layer", "middle.1")
    assert diagram_of(analysis, "layer", "middle").block == "middle.1"


def test_a_block_that_is_read_by_several_and_reads_several() -> None:
    analysis = mnet_cost.analyze("nasnet_mobile")
    diagram = diagram_of(analysis, "layer", "a3")
    assert [box.name for box in diagram.boxes if box.kind == "input"] == ["a1.concat", "a2.concat"]
    assert [box.kind for box in diagram.boxes].count("output") == 1
    of_a3 = diagram_of(analysis).boxes[names(diagram_of(analysis)).index("a3")]
    assert diagram.totals.mult_adds == of_a3.mult_adds == 38_704_512


def test_blocks_of_a_block_are_boxes() -> None:
    analysis = mnet_cost.analyze("googlenet")
    boxes = diagram_of(analysis, "block", "inception_3a").boxes
    assert {"inception_3a.b1", "inception_3a.b3", "inception_3a.concat"} <= {b.name for b in boxes}
    assert sum(box.mult_adds or 0 for box in boxes) == 121_626_624


def test_without_a_device_shares_are_those_of_mult_adds() -> None:
    diagram = diagram_of(mnet_cost.analyze("mobilenet_v1"))
    assert diagram.device is None
    assert diagram.boxes[10].share == pytest.approx(261_416_960 / 568_740_352)
    assert "share of the mult-adds" in to_svg(picture_of(diagram))


def test_joins_and_heads_are_arrows() -> None:
    cells = diagram_of(mnet_cost.analyze("nasnet_mobile"))
    reads = {end: start for start, end in cells.arrows}
    assert len(cells.arrows) == 37
    a3 = names(cells).index("a3")
    assert {names(cells)[start] for start, end in cells.arrows if end == a3} == {"a1", "a2"}
    assert set(reads) == set(range(1, len(cells.boxes)))
    detector = diagram_of(mnet_cost.analyze("ssd300_mobilenet_v1"))
    scores = names(detector).index("scores")
    heads = {names(detector)[start] for start, end in detector.arrows if end == scores}
    assert heads == {f"head{i}" for i in range(1, 7)}


def test_layers_have_all_arrows_of_the_network() -> None:
    analysis = mnet_cost.analyze("googlenet")
    diagram = diagram_of(analysis, "layer")
    graph = analysis.network.graph
    own = names(diagram)
    arrows = {(own[start], own[end]) for start, end in diagram.arrows if own[end] != "output"}
    assert arrows == set(graph.edges)
    assert len(diagram.boxes) == len(graph) + len(analysis.network.outputs)


def test_unknown_costs_are_not_zero(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(
        "format: 1\nname: net\ninput: {image: [3, 8, 8]}\nlayers:\n"
        "  - conv2d: {channels: 4, kernel: 3}\n"
        "  - opaque: {operation: sort, shape: [4, 8, 8]}\n"
    )
    diagram = diagram_of(mnet_cost.analyze(path, devices=[DEVICE]))
    assert diagram.boxes[2].mult_adds is None
    svg = to_svg(picture_of(diagram))
    assert "mult-adds unknown" in svg
    assert "unknown cost" in svg
    assert "mult_adds" not in to_dot(diagram).splitlines()[6]
    assert main(["draw", str(path), "-o", str(tmp_path / "net.svg")]) == 3
    assert (tmp_path / "net.svg").exists()


def test_svg_is_shapes_and_texts_alone(diagram: Diagram) -> None:
    svg = to_svg(picture_of(diagram))
    assert svg.isascii()
    root = ElementTree.fromstring(svg)
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags == {"svg", "title", "desc", "defs", "marker", "path", "rect", "g", "text"}
    assert root.get("role") == "img"
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert texts[0] == "mobilenet_v1"
    assert texts[1:3] == ["568.7 M mult-adds", "4.232 M params"]  # a figure as narrow as its boxes
    assert re.fullmatch(r"[\d.]+ ms on pixel_1_tflite", texts[3] or "")
    assert {
        "middle \N{MULTIPLICATION SIGN}5",
        "512x14x14",
        "1x1 convolution",
        "depthwise",
        "pooling",
    } <= set(texts)
    told = [element.text or "" for element in root.iter(f"{SVG}title")]
    assert any(
        text.startswith(
            "middle (separable), 5 copies, 30 layers, output 512x14x14, 261,416,960 mult-adds"
        )
        for text in told
    )
    assert len(root.findall(f"{SVG}path")) == len(diagram.arrows)


def test_bars_are_as_long_as_their_shares(diagram: Diagram) -> None:
    picture = picture_of(diagram)
    lengths = []
    for drawn in picture.drawn:
        bars = [
            shape for shape in drawn.shapes if isinstance(shape, Rectangle) and shape.height == 4
        ]
        if bars:
            lengths.append(sum(bar.width for bar in bars[1:]) / bars[0].width)
    shares = [box.share for box in diagram.boxes if box.share is not None]
    assert lengths == pytest.approx([share / max(shares) for share in shares])


def test_graphml_has_the_costs_as_numbers(diagram: Diagram) -> None:
    graph = networkx.parse_graphml(to_graphml(diagram))
    assert (len(graph), graph.number_of_edges()) == (16, 15)
    middle = graph.nodes["n10"]
    assert middle["path"] == "middle"
    assert (middle["mult_adds"], middle["params"], middle["copies"]) == (261_416_960, 1_344_000, 5)
    assert middle["time_s"] == diagram.boxes[10].time_s
    assert "time_s" not in graph.nodes["n2"]
    assert graph.graph["device"] == DEVICE


def test_dot_has_a_node_and_an_edge_for_each(diagram: Diagram) -> None:
    lines = to_dot(diagram).splitlines()
    assert lines[0] == 'digraph "mobilenet_v1" {'
    assert [line for line in lines if "->" in line] == [f"  n{i} -> n{i + 1};" for i in range(15)]
    assert lines[1].startswith(
        '  graph [label="mobilenet_v1\\n568.7 M mult-adds\\n4.232 M params\\n'
    )
    middle = lines[14]
    assert middle.startswith('  n10 [label="middle x5\\nseparable  512x14x14\\n261.4 M  ')
    assert "mult_adds=261416960" in middle
    assert f'time_s="{diagram.boxes[10].time_s}"' in middle
    # An unquoted number has no exponent in DOT.
    assert not re.search(r"=(?![0-9]+[,\]]|\"|box)", re.sub(r'"[^"]*"', '""', "".join(lines[4:])))
    assert lines[-1] == "}"


def hostile(text: str) -> Diagram:
    """A diagram with a text in every place that holds text."""
    boxes = (
        Box(text, "input", "3"),
        Box(text, text, "4x4", 2, 3, 10, 5, 1e-3, 1.0, "1x1", (Part("1x1", 1.0),)),
    )
    return Diagram(text, boxes, ((0, 1),), text, Totals(10, 5, time_s=1e-3))


@given(TEXTS)
def test_hostile_names_are_text(text: str) -> None:
    diagram = hostile(text)
    svg = to_svg(picture_of(diagram))
    root = ElementTree.fromstring(svg)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg", "title", "desc", "defs", "marker", "path", "rect", "g", "text",
    }  # fmt: skip
    assert (root.find(f"{SVG}title").text or "") == printable(text)  # type: ignore[union-attr]
    assert all(shows(element.text or "") for element in root.iter(f"{SVG}text"))
    graph = networkx.parse_graphml(to_graphml(diagram))
    assert graph.nodes["n1"].get("path", "") == printable(text)
    dot = to_dot(diagram)
    assert shows(dot)
    # What is in quotes is one string each; outside of them stands nothing but ours.
    outside = re.sub(r'"(?:[^"\\]|\\.)*"', '""', dot)
    assert [line.strip() for line in outside.splitlines()[-3:]] == [
        'n1 [label="", path="", kind="", output_shape="", copies=2, layers=3, mult_adds=10, '
        'params=5, time_s="", share="", color=""];',
        "n0 -> n1;",
        "}",
    ]
    (label,) = re.findall(r'^  n1 \[label="((?:[^"\\]|\\.)*)"', dot, re.MULTILINE)
    drawn = unescape(re.sub(r"\\(.)", lambda match: "\n" if match[1] == "n" else match[1], label))
    assert drawn.startswith(f"{printable(text)} x2\n")  # Graphviz reads entities, as HTML does
    (path,) = re.findall(r'^  n1 .*?path="((?:[^"\\]|\\.)*)"', dot, re.MULTILINE)
    assert re.sub(r"\\(.)", r"\1", path) == printable(text)


# --- the command and Python


def test_the_command_writes_what_the_ending_says(tmp_path: Path) -> None:
    for ending, start in (
        (".svg", "<svg "),
        (".dot", "digraph "),
        (".gv", "digraph "),
        (".graphml", "<?xml"),
    ):
        target = tmp_path / f"net{ending}"
        assert main(["draw", "lenet5", "-o", str(target)]) == 0
        assert target.read_text(encoding="utf-8").startswith(start)
    assert len(list(tmp_path.iterdir())) == 4


def test_png(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    target = tmp_path / "net.png"
    assert main(["draw", "lenet5", "-o", str(target)]) == 0
    assert target.read_bytes().startswith(b"\x89PNG")


def test_a_figure_that_is_too_large_for_png(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    from mnet_cost.drawing import png

    monkeypatch.setattr(png, "_MOST_PIXELS", 300)
    assert main(["draw", "mobilenet_v1", "-o", str(tmp_path / "net.png")]) == 2
    assert capsys.readouterr().err == (
        "mnet-cost: the figure is too large for PNG\n"
        "hint: draw an .svg file; `--by block` has fewer boxes than `--by layer`\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["net.pdf", "net", "net.svg/"])
def test_other_endings_are_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["draw", "lenet5", "-o", name]) == 2
    assert f"{name}: the ending says what to draw: `.svg`" in capsys.readouterr().err


def test_the_command_draws_one_block(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "block.svg"
    assert main(["draw", "mobilenet_v1", "middle", "--device", "none", "-o", str(target)]) == 0
    assert target.read_text() == mnet_cost.draw("mobilenet_v1", block="middle").svg
    assert main(["draw", "mobilenet_v1", "midle", "-o", str(tmp_path / "other.svg")]) == 2
    assert capsys.readouterr().err == (
        "mnet-cost: mobilenet_v1 has no layer or block `midle`\nhint: did you mean `middle`?\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["block.svg"]


def test_the_spec_is_not_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.svg"
    path.write_text("format: 1\nname: net\ninput: {x: [3]}\nlayers: [relu]\n")
    assert main(["draw", str(path), "-o", str(path)]) == 2
    assert "is read by this command" in capsys.readouterr().err


def test_in_python(tmp_path: Path) -> None:
    drawing = mnet_cost.draw("mobilenet_v1", alpha=0.5, devices=[DEVICE])
    assert repr(drawing) == "<Drawing mobilenet_v1 by block>"
    assert drawing._repr_svg_() == drawing.svg
    assert "149.5 M mult-adds" in drawing.svg
    (data,) = re.findall('src="data:image/svg[+]xml;base64,([^"]*)"', drawing._repr_html_())
    assert b64decode(data).decode() == drawing.svg
    assert 'alt="mobilenet_v1: 149.5 M mult-adds' in drawing._repr_html_()
    drawing.write(tmp_path / "net.svg")
    assert (tmp_path / "net.svg").read_text() == drawing.svg
    analysis = mnet_cost.analyze("lenet5")
    assert mnet_cost.draw(analysis, by="layer").analysis is analysis
    assert repr(mnet_cost.draw(analysis, block="c5")) == "<Drawing lenet5 c5 by layer>"
    with pytest.raises(mnet_cost.MnetCostError, match="no layer or block `none`"):
        mnet_cost.draw(analysis, block="none")
    with pytest.raises(TypeError, match="has its knobs, devices and options already"):
        mnet_cost.draw(analysis, batch=2)
    with pytest.raises(mnet_cost.MnetCostError, match="no figure has a box for each `blok`"):
        mnet_cost.draw("lenet5", by="blok")  # type: ignore[arg-type]


def long_chain(count: int) -> Diagram:
    boxes = [
        Box(f"n{i}", "conv2d", "8x4x4", 1, 1, 10, 2, 0.5, 1 / count, "1x1", (Part("1x1", 0.5),))
        for i in range(count)
    ]
    boxes[0] = Box("x", "input", "3x4x4")
    arrows = [(i, i + 1) for i in range(count - 1)] + [(0, count - 1), (400, 700)]
    return Diagram("long", tuple(boxes), tuple(sorted(arrows)), "pixel_1", Totals())


def test_the_middle_of_a_very_long_network_is_one_box() -> None:
    assert folded(long_chain(1000)) == long_chain(1000)
    short = folded(long_chain(5001))
    assert len(short.boxes) == 1000
    middle = short.boxes[500]
    assert (middle.name, middle.kind) == ("n500 ... n4501", "4,002 boxes, not drawn")
    assert (middle.layers, middle.mult_adds, middle.params) == (4002, 40_020, 8004)
    assert (middle.time_s, middle.variety) == (2001.0, "1x1")
    assert middle.parts == (Part("1x1", 2001.0),)
    assert names(short)[499:502] == ["n499", "n500 ... n4501", "n4502"]
    assert set(short.arrows) == {*[(i, i + 1) for i in range(999)], (0, 999), (400, 500)}
    assert "4,002 boxes, not drawn" in to_svg(picture_of(short))


def test_costs_of_a_folded_middle_with_an_unknown_one_are_unknown() -> None:
    long = long_chain(1200)
    boxes = list(long.boxes)
    boxes[600] = boxes[600]._replace(mult_adds=None, params=None, time_s=None, share=None)
    middle = folded(long._replace(boxes=tuple(boxes))).boxes[500]
    assert (middle.layers, middle.mult_adds, middle.params) == (201, None, None)
    assert (middle.time_s, middle.share) == (None, None)


def test_figures_in_one_page_have_names_of_their_own() -> None:
    figures = [mnet_cost.draw(name, devices=[])._repr_svg_() for name in ("lenet5", "alexnet")]
    roots = [ElementTree.fromstring(figure) for figure in figures]
    assert [root.findtext(f"{SVG}title") for root in roots] == ["lenet5", "alexnet"]
    ids = [
        {each.get("id"): ElementTree.tostring(each) for each in root.iter() if each.get("id")}
        for root in roots
    ]
    assert ids[0] == ids[1]  # what is under an id is the same in both
    assert all(root[0].tag == f"{SVG}title" and root[1].tag == f"{SVG}desc" for root in roots)
    assert all(root.get("aria-labelledby") is None for root in roots)
