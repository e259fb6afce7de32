"""The operators of ONNX: a rule for each reads its attributes and calls the family."""

from __future__ import annotations

from collections.abc import Mapping

from mnet_cost.importing.mapping.mapper import Table
from mnet_cost.importing.mapping.onnx.attributes import checked
from mnet_cost.importing.mapping.tables import LazyRules

FILES: Mapping[str, str] = {
    "convolutions": "Conv ConvTranspose CausalConvWithState DeformConv",
    "products": "Gemm MatMul Einsum",
    "norms": (
        "BatchNormalization LayerNormalization RMSNormalization InstanceNormalization "
        "GroupNormalization MeanVarianceNormalization LRN LpNormalization"
    ),
    "pools": "AveragePool MaxPool GlobalAveragePool GlobalMaxPool GlobalLpPool LpPool",
    "activations": (
        "Relu Sigmoid Tanh HardSwish LeakyRelu PRelu Elu Celu Selu HardSigmoid Swish SwiGLU "
        "Gelu Clip ThresholdedRelu Shrink"
    ),
    "arithmetic": (
        "Add Sub Mul Div Pow BitwiseAnd BitwiseOr BitwiseXor Abs Acos Acosh Asin Asinh Atan "
        "Atanh BitwiseNot Ceil Cos Cosh Erf Exp Floor Log Mish Neg Reciprocal Round Sign Sin "
        "Sinh Softplus Softsign Sqrt Tan Equal Greater GreaterOrEqual Less LessOrEqual And Or "
        "Xor Max Min Sum Mean Mod Not Cast CastLike Where IsNaN IsInf Trilu OneHot"
    ),
    "shares": "Softmax LogSoftmax Hardmax NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss",
    "attention": "Attention RotaryEmbedding",
    "recurrent": "LSTM GRU RNN",
    "reductions": (
        "ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd ReduceL2 ReduceL1 "
        "ReduceSumSquare ReduceLogSum ReduceLogSumExp ArgMax ArgMin"
    ),
    "positions": (
        "GatherElements GatherND ScatterElements Scatter ScatterND TensorScatter CumSum CumProd "
        "TopK ReverseSequence MaxUnpool"
    ),
    "constants": (
        "Constant ConstantOfShape Range EyeLike HannWindow HammingWindow BlackmanWindow "
        "MelWeightMatrix"
    ),
    "shapes": (
        "Shape Size Reshape Flatten Squeeze Unsqueeze Gather Slice Split Expand Tile Pad "
        "Resize Upsample DepthToSpace SpaceToDepth CenterCropPad Transpose Concat Identity "
        "Dropout BitCast"
    ),
    "quantized": (
        "QuantizeLinear DequantizeLinear DynamicQuantizeLinear QLinearConv QLinearMatMul "
        "ConvInteger MatMulInteger com.microsoft.QuantizeLinear "
        "com.microsoft.DequantizeLinear com.microsoft.QLinearAdd com.microsoft.QLinearMul "
        "com.microsoft.QLinearSigmoid com.microsoft.QLinearLeakyRelu "
        "com.microsoft.QLinearSoftmax com.microsoft.QLinearAveragePool "
        "com.microsoft.QLinearGlobalAveragePool com.microsoft.QLinearConcat "
        "com.microsoft.QGemm"
    ),
    "images": "RoiAlign MaxRoiPool AffineGrid GridSample Col2Im",
    "random": "RandomNormal RandomUniform RandomNormalLike RandomUniformLike Bernoulli",
}
"""The operators that each file has a rule for. A file is imported when a model has one of them."""

_REFUSED = {
    "is control flow, and what it costs depends on values": ("If", "Loop", "Scan"),
    "works on sequences of tensors, whose number depends on values": (
        "SequenceAt", "SequenceConstruct", "SequenceEmpty", "SequenceErase", "SequenceInsert",
        "SequenceLength", "SequenceMap", "SplitToSequence", "ConcatFromSequence",
    ),
    "works on a tensor that may not be there": (
        "Optional", "OptionalGetElement", "OptionalHasElement",
    ),
    "makes a tensor whose size depends on values": ("Compress", "NonZero", "Unique"),
    "works on texts": (
        "RegexFullMatch", "StringConcat", "StringNormalizer", "StringSplit", "TfIdfVectorizer",
    ),
    "decodes a file": ("ImageDecoder",),
}  # fmt: skip

TABLE = Table(
    rules=LazyRules(__name__, FILES, checked),
    refused={name: why for why, names in _REFUSED.items() for name in names},
)
