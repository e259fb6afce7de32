"""What tables of layers print, of layers of every sort, and what is said where there is nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from mnet_cost.papers import load_paper, reproduce

NET = """\
format: 1
name: net
input: {image: [3, 9, 9]}
layers:
  - {id: constant, parameter: {shape: [3, 9, 9]}}
  - {id: sum, add: [constant, image]}
  - {id: wide, conv2d: {channels: 8, kernel: 3, stride: 2}}
  - {id: grouped, conv2d: {channels: 12, kernel: [1, 3], groups: 4}}
  - {id: dw, depthwise_conv2d: {kernel: 5, multiplier: 2}}
  - {id: norm, batch_norm: {}}
  - {id: active, relu: {}}
  - {id: max, max_pool2d: {kernel: 3, stride: 2}}
  - {id: mean, avg_pool2d: {kernel: 2}}
  - {id: fixed, adaptive_avg_pool2d: {size: 2}}
  - {id: whole, global_max_pool: {}}
  - {id: fc, linear: {features: 10}}
  - {id: last, relu: {}}
  - {id: chances, softmax: {}}
  - {id: rows, to_sequence: {}, from: wide}
"""


def said(folder: Path, layer: str, what: str) -> str:
    """What we have of a layer, or why nothing."""
    (folder / "net.yaml").write_text(NET)
    (folder / "tables.yaml").write_text(
        "format: 1\nname: mine\ntitle: Mine\nsource: me\ntables:\n"
        f"  - {{table: 1, title: T, rows: [{{model: ./net.yaml, layer: {layer}, {what}: zzz}}]}}\n"
    )
    ((row,),) = (result.rows for result in reproduce(load_paper(folder / "tables.yaml")))
    (cell,) = row.cells
    assert cell.judgement is not None
    if cell.judgement.ours is None:
        assert cell.judgement.verdict == "not computed"
        return cell.judgement.note
    assert cell.judgement.verdict == "unexplained"
    return str(cell.judgement.ours.value)


@pytest.mark.parametrize(
    ("layer", "kind", "filters"),
    [
        ("constant", "Parameter / s1", None),
        ("sum", "Add / s1", None),
        ("wide", "Conv / s2", "3 x 3 x 3 x 8"),
        ("grouped", "Conv / s1", "1 x 3 x 2 x 12"),  # 8 channels in 4 groups
        ("dw", "Conv dw / s1", "5 x 5 x 12 dw"),
        ("norm", "Batch Norm / s1", None),
        ("active", "Relu / s1", None),
        ("max", "Max Pool / s2", "Pool 3 x 3"),
        ("mean", "Avg Pool / s1", "Pool 2 x 2"),
        ("fixed", "Avg Pool / s1", None),  # windows of several sizes
        ("whole", "Max Pool / s1", "Pool 2 x 2"),  # all of a 2 x 2 image
        ("fc", "FC / s1", "24 x 10"),
        ("last", "Relu / s1", None),
        ("chances", "Softmax / s1", None),
    ],
)
def test_kinds_go_by_their_names(
    tmp_path: Path, layer: str, kind: str, filters: str | None
) -> None:
    assert said(tmp_path, layer, "type") == kind
    shown = said(tmp_path, layer, "filter")
    assert shown == filters if filters else shown.endswith("which has no filter")


def test_sizes(tmp_path: Path) -> None:
    assert said(tmp_path, "wide", "input") == "9 x 9 x 3"
    assert said(tmp_path, "last", "input") == "1 x 1 x 10"
    assert said(tmp_path, "wide", "channels") == "8"
    assert said(tmp_path, "rows", "channels") == "8"
    assert said(tmp_path, "dw", "expansion") == "2"
    assert said(tmp_path, "dw", "expanded") == "24"
    assert said(tmp_path, "constant", "expansion") == "-"


@pytest.mark.parametrize(
    ("layer", "what", "reason"),
    [
        ("constant", "input", "`constant` is a `parameter`, which has no input"),
        ("last", "filter", "`last` is a `relu`, which has no filter"),
        ("fixed", "filter", "`fixed` is a `adaptive_avg_pool2d`, which has no filter"),
        ("[wide, norm]", "type", "the row is of layers of 2 kinds: batch_norm, conv2d"),
        ("[wide, norm]", "filter", "the row is of layers of 2 kinds: batch_norm, conv2d"),
        ("[constant, dw]", "expansion", "`constant` is a `parameter`, which has no input"),
    ],
)
def test_what_a_layer_does_not_have(tmp_path: Path, layer: str, what: str, reason: str) -> None:
    assert said(tmp_path, layer, what) == reason


def test_a_sequence_is_not_the_size_of_an_image(tmp_path: Path) -> None:
    net = NET + "  - {id: of_rows, linear: {features: 2}}\n"
    (tmp_path / "sequence.yaml").write_text(net)
    assert said(tmp_path, "rows", "input") == "5 x 5 x 8"
    (tmp_path / "tables.yaml").write_text(
        "format: 1\nname: mine\ntitle: Mine\nsource: me\ntables:\n"
        "  - {table: 1, title: T, model: sequence.yaml, rows: [{layer: of_rows, input: 5}]}\n"
    )
    ((row,),) = (result.rows for result in reproduce(load_paper(tmp_path / "tables.yaml")))
    judgement = row.cells[0].judgement
    assert judgement is not None
    assert judgement.note == "[25, 8] is not the size of an image, nor of a vector"
    assert (row.mult_adds, row.weights) == (25 * 8 * 2, 8 * 2)
