"""Counts of our specs of the networks of ncnn's benchmark, against counts of ncnn's own graphs.

The tables have the counts of the text graphs of Tencent/ncnn, benchmark/*.param at a4d2ea1d4422,
made without mnet_cost from the types of layers, their fields, and sizes computed from those. The
activation of a convolution counts as a layer, whether the graph has it fused or not. Not counted
are copies of a tensor for several readers, reshapes, and the layers that make boxes of predictions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from mnet_cost.analysis import Analysis, analyze
from mnet_cost.analysis.work import LayerCost
from mnet_cost.layers.activation import Activation, Softmax
from mnet_cost.layers.attention import Attention
from mnet_cost.layers.base import both
from mnet_cost.layers.conv import Conv2d, ConvTranspose2d, DepthwiseConv2d
from mnet_cost.layers.elementwise import Add, Concat, Multiply
from mnet_cost.layers.layout import ChannelShuffle, ToSequence
from mnet_cost.layers.linear import Linear
from mnet_cost.layers.norm import BatchNorm, LayerNorm, LocalResponseNorm
from mnet_cost.layers.parameters import ClassToken, PositionEmbedding
from mnet_cost.layers.pool import AdaptivePool, AvgPool2d, GlobalPool, MaxPool2d
from mnet_cost.layers.reshape import Pad, Resize, Transpose
from mnet_cost.layers.select import Slice, Split, Take
from mnet_cost.models.library import load_model

SPECS = Path(__file__).parents[2] / "benchmarks" / "accuracy" / "measurements" / "networks"

LIBRARY = {
    "mnasnet": "mnasnet",
    "mobilenet": "mobilenet_v1",
    "resnet50": "resnet:resnet50_v1",
    "shufflenet_v2": "shufflenet_v2",
    "vision_transformer": "vit:vit_b_32@resolution=384",
}
"""Networks of the library with the structure of those graphs. They differ in the softmax at the
end, which the graphs have, and in batch norms, which the graphs have folded into convolutions."""

# Mult-adds. conv3x3: dense, with stride 1; conv_other: all other dense ones but 1x1; depthwise:
# as many groups as input channels; matmul: attention with its four projections.
MULT_ADDS = """
network               conv1x1     conv3x3 conv_other depthwise   grouped     linear     matmul
alexnet                     0   149520384  105415200         0 410849280   58621952          0
blazeface            18235392           0    7372800   3760128         0          0          0
efficientnet_b0     338537472           0   10838016  34532064         0    1907200          0
FastestDet           86469504           0   20072448  14949792         0          0          0
mnasnet             273960960           0   10838016  28336896         0    1280000          0
mobilenet           539492352           0   10838016  17385984         0    1024000          0
mobilenet_ssd      1063918336           0   52838784  31722048         0          0          0
mobilenet_v2        280784896           0   10838016  20716416         0    1280000          0
mobilenet_v3        215857152           0    5419008  20509440         0    3779168          0
mobilenet_yolo     2500486144           0   37380096  64636416   2768896          0          0
mobilenetv2_yolov3 1098153408           0   26763264  57638592         0          0          0
proxylessnasnet     282942464           0   10838016  41423424         0    1280000          0
resnet18             32112640  1502871552  291422208         0         0     512000          0
resnet50           1888223232  1849688064  118013952         0         0    2048000          0
shufflenet            4064256           0    8128512   3609144 110299392     960000          0
shufflenet_v2       131595968           0    8128512   4159512         0    1024000          0
squeezenet          190480384   205922304   22064832         0         0          0          0
squeezenet_ssd      111570944  1024782336   39616704         0         0          0          0
vgg16                       0 15346630656          0         0         0  123633664          0
vision_transformer          0           0  339738624         0         0 8211118080 4492707840
yolo-fastest-1.1     96774400           0    5529600  23133600         0          0          0
yolov4-tiny         226789888  2990407680  236740608         0         0          0          0
"""

# Params, and how many layers. convolutions: transposed ones, too; sums: products, too. With folded
# norms a convolution has a bias instead. squeezenet_ssd: its batch norm has a mean and a variance
# of 256 channels among the params, which we call buffers.
LAYERS = """
network               params convolutions activations sums concats pools shuffles
alexnet             60965224            5           7    0       0     3        0
blazeface              88470           33          17   16       0     3        0
efficientnet_b0      5267540           49          65   25       0    17        0
FastestDet            240301           70          49    1      19     2       13
mnasnet              4364352           52          35   10       0     1        0
mobilenet            4221032           27          27    0       0     1        0
mobilenet_ssd        5783417           47          35    0       2     0        0
mobilenet_v2         3488872           53          36   10       0     1        0
mobilenet_v3         5133694           46          49   18       0     9        0
mobilenet_yolo       5058938           34          31    1       0     0        0
mobilenetv2_yolov3   3720822           61          41   11       0     1        0
proxylessnasnet      4064560           61          41   13       0     1        0
resnet18            11688872           21          17    8       0     2        0
resnet50            25530472           53          49   16       0     2        0
shufflenet           1802866           49          33   13       3     5       15
shufflenet_v2        2270514           56          37    0      16     2       16
squeezenet           1235496           26          26    0       8     4        0
squeezenet_ssd       5526112           47          35    0      12     5        0
vgg16              138357544           13          15    0       0     5        0
vision_transformer  88297192            1          12   25       1     0        0
yolo-fastest-1.1      326166           84          54   18       2     3        0
yolov4-tiny          6053502           21          19    0       7     3        0
"""

# moves: permutations, which copy; splits: slices, crops, taking the class token. The two SSD
# networks have a third concat, of priors, in the part that is not counted.
MORE_LAYERS = """
network            splits moves softmaxes pads resizes norms
alexnet                 0     0         1    0       0     2
blazeface               0     0         0   15       0     0
efficientnet_b0         0     0         1    0       0     0
FastestDet             13     0         1    0       1     0
mnasnet                 0     0         1    0       0     0
mobilenet               0     0         1    0       0     0
mobilenet_ssd           0    12         1    0       0     0
mobilenet_v2            0     0         1    0       0     0
mobilenet_v3            0     0         1    0       0     0
mobilenet_yolo          0     0         0    0       0     0
mobilenetv2_yolov3      0     0         0    0       0     0
proxylessnasnet         0     0         1    0       0     0
resnet18                0     0         1    0       0     0
resnet50                0     0         1    0       0     0
shufflenet              0     0         1    0       0     0
shufflenet_v2          13     0         1    0       0     0
squeezenet              0     0         1    0       0     0
squeezenet_ssd          0    12         1    0       0     1
vgg16                   0     0         1    0       0     0
vision_transformer      1     1         1    0       0    25
yolo-fastest-1.1        0     0         0    0       1     0
yolov4-tiny             3     0         0    0       1     0
"""

# Elements of the outputs of these layers.
ELEMENTS = """
network            conv_out activation_out sum_out concat_out pool_out
alexnet              650080         658272       0          0   122464
blazeface            976896         559104  460800          0    45056
efficientnet_b0     6737696        6166876 2516640          0    10240
FastestDet          3003220        2463076   46464    1179508   209088
mnasnet             5456640        4798080  291648          0     1280
mobilenet           5042688        5042688       0          0     1024
mobilenet_ssd       9272181        9224256       0      47925        0
mobilenet_v2        7079520        6507200  216384          0     1280
mobilenet_v3        4592672        4000646 1298304          0     4728
mobilenet_yolo     19228313       18776576  346112          0        0
mobilenetv2_yolov3 18129951       16417280  813120          0   278784
proxylessnasnet     5604032        4685184  326144          0     1280
resnet18            2684416        2308096  752640          0   201216
resnet50           10587136        9081856 5519360          0   202752
shufflenet          2887080        2575440 1364160     329280   165600
shufflenet_v2       1950200        1488032       0     818496    76288
squeezenet          2823104        2823104       0    1555456   352232
squeezenet_ssd      4727694        4526944       0    2958638   662400
vgg16              13547520       13555712       0          0  1530368
vision_transformer   110592        5345280 2784000     111360        0
yolo-fastest-1.1    6445100        5600800  395200      67200    14400
yolov4-tiny         6337331        6121856       0    3893760   605696
"""

CONVOLUTIONS = (Conv2d, DepthwiseConv2d, ConvTranspose2d)
KINDS: dict[str, tuple[type, ...]] = {
    "convolutions": CONVOLUTIONS,
    "activations": (Activation,),
    "sums": (Add, Multiply, PositionEmbedding),
    "concats": (Concat, ClassToken),
    "pools": (MaxPool2d, AvgPool2d, GlobalPool, AdaptivePool),
    "shuffles": (ChannelShuffle,),
    "splits": (Split, Slice, Take),
    "moves": (Transpose, ToSequence),
    "softmaxes": (Softmax,),
    "pads": (Pad,),
    "resizes": (Resize,),
    "norms": (BatchNorm, LayerNorm, LocalResponseNorm),
}
OUTPUTS = {
    "convolutions": "conv_out",
    "activations": "activation_out",
    "sums": "sum_out",
    "concats": "concat_out",
    "pools": "pool_out",
}


def rows(table: str) -> Iterator[tuple[str, dict[str, int]]]:
    """(network, its numbers) of each line of a table."""
    head, *lines = table.strip().splitlines()
    columns = head.split()[1:]
    for line in lines:
        name, *numbers = line.split()
        yield name, dict(zip(columns, map(int, numbers), strict=True))


def reference_counts() -> dict[str, dict[str, int]]:
    """The numbers of all tables, by network."""
    numbers_of: dict[str, dict[str, int]] = {}
    for table in (MULT_ADDS, LAYERS, MORE_LAYERS, ELEMENTS):
        for name, numbers in rows(table):
            numbers_of.setdefault(name, {}).update(numbers)
    return numbers_of


REFERENCE = reference_counts()


def reference_to(name: str) -> str:
    """The reference to our model of a network of the benchmark."""
    return LIBRARY.get(name) or str(SPECS / f"ncnn_{name}.yaml")


def class_of(layer: LayerCost, channels: int) -> str:
    """The class of a layer that has mult-adds."""
    kind = layer.step.layer
    if isinstance(kind, DepthwiseConv2d):
        return "depthwise"
    if isinstance(kind, (Conv2d, ConvTranspose2d)):
        if kind.groups > 1:
            return "depthwise" if kind.groups == channels else "grouped"
        kernel, stride = both(kind.kernel), both(kind.stride)
        if kernel == (1, 1):
            return "conv1x1"
        return "conv3x3" if (kernel, stride) == ((3, 3), (1, 1)) else "conv_other"
    if isinstance(kind, Linear):
        return "linear"
    assert isinstance(kind, Attention)
    return "matmul"


def counts(analysis: Analysis) -> dict[str, int]:
    """The counts of our network in the columns of the tables, with norms in the convolutions."""
    assert analysis.unmodelled == ()
    network = analysis.network
    totals: Counter[str] = Counter()
    for layer in analysis.layers:
        step, kind = layer.step, layer.step.layer
        first = network.tensors[step.inputs[0]]
        if layer.mult_adds:
            totals[class_of(layer, first.type.shape[0])] += layer.mult_adds
        before = None if first.producer is None else network.steps[first.producer].layer
        if isinstance(kind, BatchNorm) and isinstance(before, CONVOLUTIONS):
            totals["params"] += layer.params // 2  # a bias instead of scale and shift
            continue
        totals["params"] += layer.params + layer.buffers
        for name, kinds in KINDS.items():
            if isinstance(kind, kinds):
                totals[name] += 1
                if name in OUTPUTS:
                    totals[OUTPUTS[name]] += layer.output.elements
    return totals


@pytest.mark.parametrize("name", REFERENCE)
def test_counts_are_those_of_the_graph(name: str) -> None:
    counted = counts(analyze(load_model(reference_to(name))))
    if name in LIBRARY:
        counted["softmaxes"] += 1
    expected = REFERENCE[name]
    assert {column: counted[column] for column in expected} == expected


def test_every_spec_is_of_a_network_in_the_tables() -> None:
    files = {path.stem.removeprefix("ncnn_") for path in SPECS.glob("ncnn_*.yaml")}
    assert files == REFERENCE.keys() - LIBRARY.keys()
    for name in files:
        assert load_model(reference_to(name)).spec.warnings == ()
