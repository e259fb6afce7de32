"""What a runtime launches: layers joined into kernels, by the rules that a device profile names.

Each kernel has an anchor layer. Norms are folded into its weights; activations and additions are
done while it writes its result. Such fused layers cost nothing, and the tensor that they take over
does not pass through memory. A layer is fused only if no other layer reads that tensor. Views cost
nothing, unless the runtime copies parts out. Neither do layers on stored tensors alone: a runtime
stores their results beforehand. Not here: how a kernel is carried out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mnet_cost.analysis.work import LayerCost
from mnet_cost.devices.rules import DEFAULT_KERNEL_RULES
from mnet_cost.layers.axes import channel_axis, named_axis
from mnet_cost.layers.base import AttentionSizes, Convolution
from mnet_cost.network import Network, Step
from mnet_cost.tensors import DType, TensorType, agreed, are_equal, is_equal, smallest

STEM_CHANNELS = 4
"""An image has at most so many channels: runtimes have separate code for the first convolution."""
NO_UNITS: Mapping[str, str] = {}
"""Where all layers run on one unit."""


class Kernel(NamedTuple):
    """An anchor layer and what is fused into it. Bytes, elements and counts at the batch."""

    anchor: LayerCost
    layers: tuple[LayerCost, ...]
    """All its layers, the anchor first."""
    weight_bytes: int
    """Of its layers, and of stored tensors that it reads as inputs: once for the batch."""
    input_bytes: int
    output_bytes: int
    input_elements: int = 0
    output_elements: int = 0
    convolution: Convolution | None = None
    """Sizes of the anchor if it is a convolution."""
    reads: tuple[tuple[int, int], ...] = ()
    """(tensor, bytes) of what flows in, each tensor once; a view is the tensor that it is of."""
    writes: tuple[int, ...] = ()
    """Tensors that flow out."""
    batch: int = 1
    """Examples that the counts of its layers are for."""
    element_bytes: int = 4
    """Bytes of an element of what its anchor reads first."""
    trained: tuple[tuple[int, int], ...] = ()
    """(tensor, bytes) of each stored tensor that it reads as an input, or a view of it: part of the
    weights, so in no other field of inputs. And of matrices that it is tied to."""
    trained_elements: int = 0
    speedup: float = 1.0
    """How many times faster than dense ones its mult-adds are, where a device has use of zeros."""
    converted: tuple[int, ...] = ()
    """Elements of each input and output of the network that is converted to another layout for it,
    or from the one in which it writes."""
    attention: AttentionSizes | None = None
    """Sizes of the anchor if it is attention that is several kernels."""
    moves_around: int = 0
    """Kernels that put all elements of the anchor elsewhere before or after it."""

    def __repr__(self) -> str:
        layers = f"{len(self.layers)} layer{'s' if len(self.layers) > 1 else ''}"
        return f"<Kernel {self.name}: {layers}, {self.mult_adds} mult-adds>"

    @property
    def name(self) -> str:
        return self.anchor.step.name

    @property
    def mult_adds(self) -> int:
        return self.anchor.mult_adds

    @property
    def multiplies(self) -> bool:
        """Whether it has mult-adds."""
        return agreed(self.anchor.mult_adds > 0)

    @property
    def vector_ops(self) -> int:
        """Operations beside mult-adds that take time of their own.

        None where there are mult-adds: a bias starts the accumulator, what is fused is done
        on the accumulator before it is written.
        """
        return 0 if self.multiplies else self.anchor.vector_ops

    @property
    def traffic_bytes(self) -> int:
        """Bytes read and written."""
        return self.weight_bytes + self.input_bytes + self.output_bytes


def precision_of(kernel: Kernel, precision: str) -> str:
    """The precision at which a kernel runs, where `precision` is that of the analysis."""
    own = kernel.anchor.step.precision
    return precision if own is None else own.name


def precisions_of(kernels: Sequence[Kernel], precision: str) -> tuple[str, ...]:
    """The precisions at which `kernels` run, in the order in which they come up."""
    stated = dict.fromkeys([kernel.anchor.step.precision for kernel in kernels])
    return tuple(dict.fromkeys([precision if own is None else own.name for own in stated]))


class _Group:
    """Layers of a kernel while it is formed."""

    __slots__ = ("joined", "layers", "only_folded")

    def __init__(self, anchor: LayerCost) -> None:
        self.layers = [anchor]
        self.joined: list[int] = []
        """Tensors that fused layers read besides what the kernel itself makes."""
        self.only_folded = True
        """Whether all fused layers were folded into the weights: only then can another be."""


def form_kernels(
    network: Network,
    costs: tuple[LayerCost, ...],
    precision: DType,
    rules: frozenset[str] = DEFAULT_KERNEL_RULES,
    units: Mapping[str, str] = NO_UNITS,
) -> tuple[Kernel, ...]:
    """The kernels of `network` under `rules`, in the order in which they are launched.

    `units` says on which unit each layer runs, by name, where there are several: no kernel has
    layers of two.
    """
    readers = _readers(network)
    groups: list[_Group] = []
    group_of: dict[int, _Group] = {}  # by the tensor that a group ends with
    viewed: dict[int, int] = {}  # what views without a kernel are views of
    stored: set[int] = set()
    for cost in costs:
        step = cost.step
        if step.is_static:  # a runtime makes it once and for all
            if step.inputs and step.layer.effect == "view":
                index = step.inputs[0]
                viewed.update(dict.fromkeys(step.outputs, viewed.get(index, index)))
            stored.update(step.outputs)
            continue
        host = _host(network, cost, rules, readers, group_of, stored)
        if host is not None and _on_one_unit(units, host[0], cost):
            group, index = host
            group.layers.append(cost)
            group.joined.extend([tensor for tensor in step.inputs if tensor != index])
            group.only_folded = group.only_folded and step.layer.is_foldable
            group_of[step.output] = group
        elif step.layer.effect != "view" or _is_copied(network, step, rules):
            group = _Group(cost)
            groups.append(group)
            group_of[step.output] = group
        else:  # no kernel, and nothing is fused across a tensor that others read
            index = step.inputs[0]
            viewed.update(dict.fromkeys(step.outputs, viewed.get(index, index)))
    split = "split_operators" in rules
    kernels = [_kernel(network, group, precision, viewed, split) for group in groups]
    if stored:
        for number, group in enumerate(groups):
            read = (*group.layers[0].step.inputs, *group.joined)
            weights = [tensor for tensor in read if tensor in stored]
            if weights:
                rest = [tensor for tensor in read if tensor not in stored]
                kernels[number] = _with_weights(
                    network, kernels[number], precision, weights, rest, viewed
                )
    if any(cost.step.tied_to is not None for cost in costs):
        kernels = [_with_ties(network, kernel) for kernel in kernels]
    if "own_layout" in rules:
        kernels = _with_conversions(network, kernels, viewed)
    return tuple(kernels)


def _on_one_unit(units: Mapping[str, str], group: _Group, cost: LayerCost) -> bool:
    return not units or units[group.layers[0].step.name] == units[cost.step.name]


def _with_ties(network: Network, kernel: Kernel) -> Kernel:
    """A kernel that reads the matrix of a layer which does not read all of it, or has no kernel:
    who reads it first reads it from where it is stored."""
    tied = []
    for cost in kernel.layers:
        owner = None if cost.step.tied_to is None else network.steps[cost.step.tied_to]
        if owner is not None and (owner.layer.is_stored or not owner.layer.reads_params):
            read = cost.read_weight_bytes - cost.weight_bytes
            if agreed(read > 0):  # an embedding reads rows
                tied.append((owner.output, read))
    return kernel._replace(trained=(*kernel.trained, *tied)) if tied else kernel


def _with_conversions(
    network: Network, kernels: Sequence[Kernel], viewed: Mapping[int, int]
) -> list[Kernel]:
    """Kernels with what is converted where an input of the network is read first, and where an
    output is written."""
    coming = {tensor for tensor in network.inputs if _has_layouts(network.tensors[tensor].type)}
    going = {
        viewed.get(tensor, tensor)
        for tensor in network.outputs
        if _has_layouts(network.tensors[tensor].type)
    }
    with_conversions = []
    for kernel in kernels:
        read = [tensor for tensor, _ in kernel.reads if tensor in coming]
        coming.difference_update(read)
        converted = [*read, *(tensor for tensor in kernel.writes if tensor in going)]
        sizes = tuple([network.tensors[i].type.elements * network.batch for i in converted])
        with_conversions.append(kernel._replace(converted=sizes) if sizes else kernel)
    return with_conversions


def _has_layouts(x: TensorType) -> bool:
    """Whether the order of elements in memory depends on the layout, and is not that of an image
    with few channels: convolutions read those as they come."""
    if len(x.shape) < 3:
        return False
    channels = x.shape[channel_axis(x)]
    return agreed(channels > STEM_CHANNELS) and not is_equal(x.elements, channels)


def _readers(network: Network) -> list[int]:
    """How many read each tensor, the caller of an output among them."""
    readers = [0] * len(network.tensors)
    for step in network.steps:
        for index in step.inputs:
            readers[index] += 1
    for index in network.outputs:
        readers[index] += 1
    return readers


def _host(
    network: Network,
    cost: LayerCost,
    rules: frozenset[str],
    readers: list[int],
    group_of: dict[int, _Group],
    stored: set[int],
) -> tuple[_Group, int] | None:
    """The kernel that a layer is fused into, and the tensor that it takes over from it."""
    step = cost.step
    layer = step.layer
    if layer.effect == "compute":
        return None
    index = step.inputs[0]
    if len(step.inputs) > 1:
        made = [index for index in step.inputs if index not in stored] if stored else step.inputs
        if len(made) > 1 or not _is_whole(network, step, made[0]):
            return _host_of_addition(network, step, made, rules, readers, group_of)
        index = made[0]  # a function of one tensor, the others are weights
    group = group_of.get(index)
    if group is None or readers[index] != 1:
        return None
    if layer.effect == "view":
        # A layer on a part of a tensor is not fused into the layer that makes all of it.
        return (group, index) if _is_whole(network, step, index) else None
    multiplies = agreed(group.layers[0].mult_adds > 0)
    fuses = (
        "fuse_activations" in rules
        or (
            "fold_norms" in rules
            and multiplies
            and group.only_folded
            and _is_foldable(network, step, group)
        )
        or (layer.is_clamp and "fuse_clamps" in rules and multiplies)
        or ((layer.is_clamp or layer.is_cheap) and "fuse_cheap_activations" in rules and multiplies)
        or (layer.is_clamp and "fuse_add_clamps" in rules and group.layers[-1].step.layer.is_sum)
    )
    return (group, index) if fuses else None


def _is_foldable(network: Network, step: Step, group: _Group) -> bool:
    """Whether a layer is a scale and a shift of what the weights of its kernel's product make."""
    layer, x = step.layer, network.tensors[step.inputs[0]].type
    anchor = group.layers[0]
    # A kernel or factor that is computed for each example is no weight that could take it up.
    if not layer.is_foldable or anchor.work is None or not agreed(anchor.work.weights > 0):
        return False
    if not hasattr(layer, "axis"):
        return True  # the same for all channels
    has_channels = anchor.step.layer.makes in ("image", "signal", "volume")
    made = channel_axis(anchor.output) if has_channels else -1
    axis: str | int | None = getattr(layer, "axis", None)
    return named_axis(x, axis, layer.kind) == made


def _host_of_addition(
    network: Network,
    step: Step,
    inputs: Sequence[int],
    rules: frozenset[str],
    readers: list[int],
    group_of: dict[int, _Group],
) -> tuple[_Group, int] | None:
    """A sum of equal shapes is fused into the product that makes its last input.

    `inputs` are those of the step that are not stored.
    """
    if "fuse_adds" not in rules or not step.layer.is_sum:
        return None
    tensors = network.tensors
    made = [index for index in inputs if tensors[index].producer is not None]
    shape = tensors[step.output].type.shape
    if not made or not all(are_equal(tensors[i].type.shape, shape) for i in made):
        return None
    index = max(made, key=lambda tensor: tensors[tensor].producer or 0)
    group = group_of.get(index)
    if group is None or readers[index] != 1 or not agreed(group.layers[0].mult_adds > 0):
        return None
    return group, index


def _is_whole(network: Network, step: Step, index: int) -> bool:
    """Whether the output of a step has as many elements as that input: a view holds all of it."""
    tensors = network.tensors
    return is_equal(tensors[step.output].type.elements, tensors[index].type.elements)


def _is_copied(network: Network, step: Step, rules: frozenset[str]) -> bool:
    return "copy_slices" in rules and not _is_whole(network, step, step.inputs[0])


def _kernel(
    network: Network,
    group: _Group,
    precision: DType,
    viewed: Mapping[int, int],
    split_operators: bool,
) -> Kernel:
    anchor, layers = group.layers[0], tuple(group.layers)
    step, batch, tensors = anchor.step, network.batch, network.tensors
    inputs = tuple([tensors[index].type for index in step.inputs])
    if step.layer.effect == "view":  # parts that are copied out
        parts = [tensors[index].type for index in step.outputs]
        read = written = sum([part.elements for part in parts]) * batch
        read_bytes = written_bytes = sum([_bytes(part, precision) for part in parts]) * batch
    else:
        read = anchor.work.input_elements * batch if anchor.work else 0
        written, read_bytes, written_bytes = 0, anchor.input_bytes, anchor.output_bytes
    last = next((layer for layer in reversed(layers) if layer.step.layer.effect != "view"), None)
    if last is not None:
        written, written_bytes = last.output.elements * batch, last.output_bytes
    for index in group.joined:
        read = read + tensors[index].type.elements * batch
        read_bytes = read_bytes + _bytes(tensors[index].type, precision) * batch
    return Kernel(
        anchor,
        layers,
        sum([layer.read_weight_bytes for layer in layers]),
        read_bytes,
        written_bytes,
        read,
        written,
        step.layer.convolution(inputs, anchor.output),
        _reads(network, (*step.inputs, *group.joined), precision, read_bytes, viewed),
        layers[-1].step.outputs,
        batch,
        ((inputs[0].dtype if inputs else None) or precision).bytes,
        attention=step.layer.attention(inputs, anchor.output) if split_operators else None,
        moves_around=step.layer.moves_around(inputs) if split_operators else 0,
    )


def _with_weights(
    network: Network,
    kernel: Kernel,
    precision: DType,
    weights: list[int],
    rest: list[int],
    viewed: Mapping[int, int],
) -> Kernel:
    """A kernel whose inputs are stored tensors, `weights`, and others, as often as it reads each.

    A kernel that does not read all of its inputs is taken to read as large a part of each: bytes
    of its weights are no whole number then.
    """
    tensors, batch = network.tensors, network.batch
    elements = sum([tensors[tensor].type.elements for tensor in weights])
    all_elements = elements + sum([tensors[tensor].type.elements for tensor in rest])
    size = sum([_bytes(tensors[tensor].type, precision) for tensor in weights])
    all_bytes = size + sum([_bytes(tensors[tensor].type, precision) for tensor in rest])
    read_elements = _part(elements, kernel.input_elements, all_elements, batch)
    read_bytes = _part(size, kernel.input_bytes, all_bytes, batch)
    roots = {viewed.get(tensor, tensor) for tensor in weights}
    trained = tuple([(tensor, read // batch) for tensor, read in kernel.reads if tensor in roots])
    return kernel._replace(
        weight_bytes=kernel.weight_bytes + sum([read for _, read in trained]),
        input_bytes=kernel.input_bytes - read_bytes,
        input_elements=kernel.input_elements - read_elements,
        reads=tuple([read for read in kernel.reads if read[0] not in roots]),
        trained=trained,
        trained_elements=sum(
            [_at(precision, tensors[tensor].type, read) for tensor, read in trained]
        )
        // precision.bytes,
    )


def _part(size: int, read: int, whole: int, batch: int) -> Any:
    """The part of `read` that is of `size` out of `whole`, both of which are for one example.

    No product of two sizes, which can be too large for a double.
    """
    return size * batch if is_equal(read, whole * batch) else size * (read / whole)


def _reads(
    network: Network,
    read: tuple[int, ...],
    precision: DType,
    read_bytes: int,
    viewed: Mapping[int, int],
) -> tuple[tuple[int, int], ...]:
    """Each tensor with its bytes, of which no more are read than the kernel reads in all."""
    tensors, batch = network.tensors, network.batch
    if len(read) == 1:
        index = read[0]
        size = smallest(_bytes(tensors[index].type, precision) * batch, read_bytes)
        return ((viewed.get(index, index), size),)
    sizes: dict[int, int] = {}
    for index in dict.fromkeys(read):
        whole = viewed.get(index, index)
        size = sizes.get(whole, 0) + _bytes(tensors[index].type, precision) * batch
        sizes[whole] = smallest(size, _bytes(tensors[whole].type, precision) * batch)
    total = sum(sizes.values())
    if agreed(total <= read_bytes):
        return tuple(sizes.items())
    share: Any = read_bytes / total
    return tuple([(index, size * share) for index, size in sizes.items()])


def _at(precision: DType, tensor: TensorType, size: Any) -> Any:
    """The bytes that `size` bytes of a tensor would be at `precision`."""
    return size if tensor.dtype is None else size * precision.bytes // tensor.dtype.bytes


def _bytes(tensor: TensorType, precision: DType) -> int:
    """Bytes of one example."""
    return tensor.elements * (tensor.dtype or precision).bytes
