"""Every network of the library: known in full, without a warning, short, and as it was.

`--update-golden` writes `networks.txt` anew; the other files here hold its mult-adds
and params against what others count.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from counts import cost

from mnet_cost.models.catalog import Listed, read_catalog
from mnet_cost.models.library import load_model, model_names, model_path

GOLDEN = Path(__file__).with_name("networks.txt")
NETWORKS = read_catalog().networks
MOST_LINES = 150
"""A spec is about as short as the network's own table; what is not lacks something general."""

COLUMNS = ("layers", "mult-adds", "vector ops", "params", "weights", "buffers", "written B",
           "traffic B", "peak memory B")  # fmt: skip


def reference_of(network: Listed) -> str:
    return f"{network.family}:{network.variant}" if network.variant else network.family


def row(network: Listed) -> tuple[str, ...]:
    analysis = cost(reference_of(network))
    totals = analysis.totals
    numbers = (
        len(analysis.layers), totals.mult_adds, totals.vector_ops, totals.params, totals.weights,
        totals.buffers, totals.activation_bytes, totals.traffic_bytes, analysis.memory.peak_bytes,
    )  # fmt: skip
    return (network.name, *(f"{number:,}" for number in numbers))


def test_nothing_has_changed(update_golden: bool) -> None:
    rows = [("network", *COLUMNS), *map(row, NETWORKS)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for name, *numbers in rows:
        padded = [text.rjust(width) for text, width in zip(numbers, widths[1:], strict=True)]
        lines.append("  ".join([name.ljust(widths[0]), *padded]))
    table = "\n".join(lines) + "\n"
    if update_golden:
        GOLDEN.write_text(table)
    assert table == GOLDEN.read_text()


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_all_is_known(network: Listed) -> None:
    analysis = cost(reference_of(network))
    spec = analysis.network.spec
    assert analysis.coverage == 1
    assert not spec.warnings
    assert not analysis.network.warnings
    assert spec.source
    assert analysis.totals.mult_adds > 0 < analysis.totals.params


@pytest.mark.parametrize("name", model_names())
def test_a_spec_is_readable(name: str) -> None:
    lines = Path(model_path(name)).read_text().splitlines()
    assert lines[0] == "# yaml-language-server: $schema=./schema.json"
    assert len(lines) <= MOST_LINES
    assert max(map(len, lines)) <= 100
    spec = load_model(name).spec
    assert spec.name == name
    assert all(knob.help for knob in spec.knobs.values())


def test_the_library_has_what_people_compare() -> None:
    """The names, as a user would type them."""
    names = """
        mobilenet_v1 full shallow dogs face_attributes planet facenet
        mobilenet_v2 mobilenet_v3_large mobilenet_v3_small mobilenet_v3_large:minimalistic
        mobilenet_v3_small:minimalistic mobilenet_v4_conv_small mobilenet_v4_conv_medium
        mobilenet_v4_conv_large vgg16 googlenet inception_v3 alexnet squeezenet1_0 squeezenet1_1
        resnet18 resnet34 resnet50 resnet101 resnet50_v1 resnet101_v1 densenet121
        shufflenet_v2_x0_5 shufflenet_v2_x1_0 mnasnet_a1 mnasnet_b1
        efficientnet_b0 efficientnet_b1 efficientnet_b2 efficientnet_lite0 regnet_y_400mf
        convnext_tiny vit_b_16 poolformer_s12 nasnet_mobile
        ssd300_mobilenet_v1 ssd300_inception_v2 ssd300_vgg16
        faster_rcnn_mobilenet_v1@resolution=600 faster_rcnn_inception_v2 faster_rcnn_vgg16
        ssdlite320_mobilenet_v2 ssdlite320_mobilenet_v3_large
        deeplabv3_mobilenet_v3_large lraspp_mobilenet_v3_large
        mlperf_tiny_mobilenet_v1 resnet8 ds_cnn autoencoder lenet5
    """
    for name in names.split():
        assert cost(name).coverage == 1, name
