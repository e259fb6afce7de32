"""Networks of keras.applications as imports: `keras_networks.py [--write] [NAMES]`.

    python benchmarks/importing keras_networks [--write] [NAMES]

Each is made without weights, saved as `config.json` alone, read, mapped and folded. Params,
mult-adds and the output's shape are compared with those of Keras: params are counted by Keras,
mult-adds here, from the weights and the shapes that its layers have. What differs is printed.
`--write` writes `tests/importing/keras_networks.csv`, which tests compare with our own files of the
same networks. Needs keras with a backend; NASNet needs TensorFlow.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import keras
from totals import totals

from mnet_cost.importing.imports import import_model

NAMES = (
    "MobileNet", "MobileNetV2", "MobileNetV3Small", "MobileNetV3Large", "EfficientNetB0",
    "ResNet50", "DenseNet121", "ConvNeXtTiny", "Xception", "NASNetMobile", "InceptionV3",
)  # fmt: skip
FILE = Path(__file__).resolve().parents[2] / "tests" / "importing" / "keras_networks.csv"
COLUMNS = (
    "network", "keras", "height", "width", "trainable", "not_trainable", "uncounted", "mult_adds",
)  # fmt: skip
"""`uncounted`: numbers of a `Normalization` that nothing trains, which are constants here."""
SIZE = 224
"""Of images, where a network takes any."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Networks of keras.applications as imports.")
    parser.add_argument("names", nargs="*", help="by default eleven of them")
    parser.add_argument("--write", action="store_true", help="write the figures for tests")
    arguments = parser.parse_args()
    rows, wrong = [], 0
    for name in arguments.names or NAMES:
        row, problems, lines = compared(name)
        rows.append(row)
        wrong += bool(problems)
        print(f"{name}: {'; '.join(problems) or 'exact'}; {lines} lines", flush=True)
    print(f"{len(rows) - wrong} of {len(rows)} exact: params, mult-adds, the output's shape")
    if arguments.write:
        with FILE.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(rows)
    sys.exit(bool(wrong))


def compared(name: str) -> tuple[tuple[Any, ...], list[str], int]:
    """(Figures of Keras, what differs from them, lines of the spec) of a network."""
    make = getattr(keras.applications, name)
    model = make(weights=None)
    if None in model.input_shape[1:]:
        model = make(weights=None, input_shape=(SIZE, SIZE, 3))
    height, width = model.input_shape[1:3]
    trained = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    uncounted = sum(layer.count_params() for layer in leaves(model, "Normalization"))
    others = model.count_params() - trained
    mult_adds = sum(map(products, leaves(model)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.keras"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", model.to_json())
            archive.writestr("metadata.json", json.dumps({"keras_version": keras.__version__}))
        imported = import_model(path)
    layers = imported.layers
    own_mult_adds, own_params, opaque = totals(layers)
    problems = [
        f"{what} {own:,} here, {theirs:,} in Keras"
        for what, own, theirs in (
            ("mult-adds", own_mult_adds, mult_adds),
            ("params", own_params, trained + others - uncounted),
            ("opaque layers", opaque, 0),
        )
        if own != theirs
    ]
    (output,) = layers.outputs
    if layers.type_of(output).shape != model.output_shape[1:]:
        problems.append(f"output {layers.type_of(output).shape} here, {model.output_shape}")
    figures = (name, keras.__version__, height, width, trained, others, uncounted, mult_adds)
    return figures, problems, len(imported.text.splitlines())


def leaves(model: Any, kind: str | None = None) -> list[Any]:
    """The layers of a model and of the models in it."""
    found = []
    for layer in model.layers:
        if hasattr(layer, "layers"):
            found += leaves(layer, kind)
        elif kind in (None, type(layer).__name__):
            found.append(layer)
    return found


def products(layer: Any) -> int:
    """The mult-adds of a layer for one example, as its weights and its shapes give them."""
    kind = type(layer).__name__
    if kind not in ("Conv2D", "Dense", "DepthwiseConv2D", "SeparableConv2D"):
        return 0
    positions = math.prod(layer.output.shape[1:-1])
    if kind == "SeparableConv2D":
        kernels = (layer.depthwise_kernel, layer.pointwise_kernel)
        return int(positions * sum(math.prod(kernel.shape) for kernel in kernels))
    return int(positions * math.prod(layer.kernel.shape))


if __name__ == "__main__":
    main()
