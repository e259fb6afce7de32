"""Bytes that torchvision's networks save for the backward pass, beside those of our specs.

`python benchmarks/saved_bytes.py [NAME ...]` needs torchvision and prints the rows of
`tests/library/torchvision_saved_bytes.csv`. It names differences on stderr; then the status is 1.
Saved bytes are those of the storages that autograd holds after a forward pass in training: each
storage once, params and buffers left out. Stochastic depth, which specs do not have, saves one
float for each example and residual block: `noise_bytes` is their sum.
"""

from __future__ import annotations

import csv
import sys
import weakref
from typing import Any

import torch
import torchvision
from torchvision.models import get_model
from torchvision.ops import StochasticDepth

from mnet_cost.analysis.training import training_cost
from mnet_cost.models.library import load_model
from mnet_cost.network import elaborate

BATCH = 2
SIZES = (96, 97)  # even and odd: the padding of a stride of 2 differs
NETWORKS = [
    "alexnet", "convnext_tiny", "convnext_small", "densenet121", "densenet161", "densenet169",
    "densenet201", "efficientnet_b0", "efficientnet_b1", "efficientnet_b2", "efficientnet_b3",
    "efficientnet_b4", "googlenet", "inception_v3", "mnasnet0_5", "mnasnet1_0", "mnasnet1_3",
    "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small", "regnet_x_400mf",
    "regnet_x_800mf", "regnet_x_1_6gf", "regnet_x_3_2gf", "regnet_y_400mf", "regnet_y_800mf",
    "regnet_y_1_6gf", "regnet_y_3_2gf", "resnet18", "resnet34", "resnet50", "resnet101",
    "resnet152", "resnext50_32x4d", "resnext101_32x8d", "wide_resnet50_2", "shufflenet_v2_x0_5",
    "shufflenet_v2_x1_0", "shufflenet_v2_x1_5", "shufflenet_v2_x2_0", "squeezenet1_0",
    "squeezenet1_1", "vgg11", "vgg11_bn", "vgg16", "vgg16_bn", "vit_b_16", "vit_b_32",
    "deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large",
]  # fmt: skip
SPECS = {
    "mnasnet0_5": "mnasnet@alpha=0.5",
    "mnasnet1_0": "mnasnet",
    "mnasnet1_3": "mnasnet@alpha=1.3",
}
"""Names of networks in the library, where they differ from those in torchvision."""
HEADER = ("name", "spec", "resolution", "batch", "saved_bytes", "noise_bytes", "source")


class Packed:
    """A tensor that autograd saves, alive for as long as autograd holds it."""

    def __init__(self, tensor: Any) -> None:
        # An output that is not detached would keep its own graph alive.
        self.tensor = tensor.detach()


def saved_bytes(module: Any, image: Any) -> int:
    """Bytes that autograd holds after a forward pass."""
    owned = {x.untyped_storage().data_ptr() for x in (*module.parameters(), *module.buffers())}
    references: list[weakref.ref[Packed]] = []

    def pack(tensor: Any) -> Packed:
        packed = Packed(tensor)
        references.append(weakref.ref(packed))
        return packed

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda packed: packed.tensor):
        outputs = module(image)
    alive = [packed for packed in (reference() for reference in references) if packed is not None]
    storages = [packed.tensor.untyped_storage() for packed in alive]
    sizes = {storage.data_ptr(): storage.nbytes() for storage in storages}
    del outputs  # they kept the graph alive until here
    return sum(size for pointer, size in sizes.items() if pointer not in owned)


def torchvision_module(name: str, resolution: int) -> Any:
    """A network of torchvision in training mode, with the options that make it the spec's."""
    options: dict[str, Any] = {"weights": None}
    if name in ("googlenet", "inception_v3"):
        options |= {"aux_logits": False, "init_weights": False}
    elif name.startswith("vit"):
        options["image_size"] = resolution
    elif name.startswith(("deeplab", "lraspp")):
        options["weights_backbone"] = None
        if name.startswith("deeplab"):
            options["aux_loss"] = True
    return get_model(name, **options).train()


def count_stochastic_depth(module: Any) -> list[Any]:
    """A list that gets an item for each use of stochastic depth in a forward pass."""
    calls: list[Any] = []
    for child in module.modules():
        if isinstance(child, StochasticDepth) and child.p > 0:
            child.register_forward_hook(lambda child, inputs, output: calls.append(child))
    return calls


def main(names: list[str]) -> int:
    torch.manual_seed(1)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(HEADER)
    version = torchvision.__version__.partition("+")[0]
    source = f"saved_tensors_hooks on torchvision {version}"
    differ = 0
    for name in names or NETWORKS:
        spec = SPECS.get(name, name)
        for size in (96, 160) if name.startswith("vit") else SIZES:
            module = torchvision_module(name, size)
            calls = count_stochastic_depth(module)
            measured = saved_bytes(module, torch.randn(BATCH, 3, size, size))
            noise = 4 * BATCH * len(calls)
            row = (name, spec, size, BATCH, measured, noise, source)
            writer.writerow(row)
            sys.stdout.flush()
            model = load_model(spec)
            knobs = {**model.knobs, "resolution": size, "batch": BATCH}
            counted = training_cost(elaborate(model.spec, knobs)).activation_bytes
            if counted != measured - noise:
                differ += 1
                print(
                    f"{name} at {size}: {counted:,} here, {measured - noise:,} there",
                    file=sys.stderr,
                )
    print(f"{differ} differ", file=sys.stderr)
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
