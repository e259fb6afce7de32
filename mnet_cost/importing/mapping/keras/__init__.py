"""The layers of Keras: a rule for each reads its arguments and calls the family.

Functions that a model calls beside layers (`keras.ops`) have `ops.` in front. Before layers are
mapped, `images.py` puts the channels of images in front. What others have registered, and `Lambda`,
has no rule: it is `opaque`, where the file states its shape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mnet_cost.importing.graph import Graph
from mnet_cost.importing.layer_graph import LayerGraph
from mnet_cost.importing.mapping.image_order import channels_first, check_open_sizes
from mnet_cost.importing.mapping.keras.images import images_of, with_images
from mnet_cost.importing.mapping.mapper import Table, map_graph
from mnet_cost.importing.mapping.tables import LazyRules

FILES: Mapping[str, str] = {
    "convolutions": (
        "Conv1D Conv2D Conv3D DepthwiseConv1D DepthwiseConv2D SeparableConv1D SeparableConv2D "
        "Conv1DTranspose Conv2DTranspose Dense"
    ),
    "norms": (
        "BatchNormalization LayerNormalization GroupNormalization RMSNormalization Normalization "
        "Rescaling LayerScale"
    ),
    "activations": (
        "Activation ReLU LeakyReLU PReLU ELU Softmax ops.Relu ops.Relu6 ops.Sigmoid ops.Tanh "
        "ops.Silu ops.Gelu ops.HardSigmoid ops.HardSilu ops.HardSwish ops.Elu ops.Selu "
        "ops.Softplus ops.Softmax ops.Mish"
    ),
    "arithmetic": (
        "Add Subtract Multiply Average Maximum Minimum Concatenate ops.Add ops.Subtract "
        "ops.Multiply ops.Divide ops.TrueDivide ops.Power ops.Maximum ops.Minimum ops.Exp ops.Log "
        "ops.Sqrt ops.Rsqrt ops.Square ops.Abs ops.Absolute ops.Negative ops.Mean ops.Sum ops.Max "
        "ops.Min ops.Concatenate ops.Matmul"
    ),
    "pools": (
        "MaxPooling1D MaxPooling2D MaxPooling3D AveragePooling1D AveragePooling2D "
        "AveragePooling3D GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D "
        "GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D"
    ),
    "movement": (
        "ZeroPadding1D ZeroPadding2D ZeroPadding3D Cropping1D Cropping2D Cropping3D UpSampling1D "
        "UpSampling2D Resizing CenterCrop Flatten Reshape Permute RepeatVector Dropout "
        "SpatialDropout1D SpatialDropout2D SpatialDropout3D AlphaDropout GaussianDropout "
        "GaussianNoise ActivityRegularization Identity StochasticDepth RandomFlip RandomRotation "
        "RandomZoom RandomTranslation RandomContrast RandomBrightness ops.Reshape ops.Transpose "
        "ops.ExpandDims ops.Squeeze ops.GetItem"
    ),
    "sequences": "Embedding MultiHeadAttention LSTM GRU SimpleRNN",
}
"""The layers that each file has a rule for. A file is imported when a model has one of them."""

TABLE = Table(rules=LazyRules(__name__, FILES), refused={})


def map_keras(
    graph: Graph,
    shapes: Mapping[str, Sequence[int]] | None = None,
    has_batch: bool = True,
    sizes: Mapping[str, int] | None = None,
) -> LayerGraph:
    """The layers of a graph of Keras layers.

    Arguments are those of `map_graph`; `shapes` are as in the file, which has channels last for
    most models: [1, 224, 224, 3]. Raises `ModelFileError` for what is refused.
    """
    shapes, sizes = shapes or {}, sizes or {}
    images = images_of(graph, shapes)
    for tensor in graph.inputs:
        if tensor.name not in shapes:
            check_open_sizes(graph, tensor, sizes)
    given = {
        name: channels_first(axes) if name in images else axes for name, axes in shapes.items()
    }
    return map_graph(with_images(graph, images), TABLE, given, has_batch, sizes)
