"""What a model file says, checked and ready to be elaborated.

`ModelSpec` is the file with what it extends, and with one variant applied. Its `entries` are
compiled: names resolved, expressions parsed, constant layers built. Two specs are equal when their
`data` is, wherever and however it was written. Not here: values of knobs and shapes, which
`elaborate` finds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from mnet_cost.errors import Problem
from mnet_cost.expressions import Expression
from mnet_cost.layers import Layer
from mnet_cost.layers.fields import FieldKind
from mnet_cost.tensors import DType, Layout
from mnet_cost.yamlfile import Node

if TYPE_CHECKING:
    from mnet_cost.models.extends import Extension
    from mnet_cost.models.published import PublishedRow

MODIFIERS = ("id", "from", "when", "repeat", "weights_of", "precision")
"""Keys of an entry beside its kind."""
RESERVED = frozenset((*MODIFIERS, "layers", "use", "choose", "input", "previous", "required"))

MAX_COPIES = 4096
MAX_BLOCK_DEPTH = 32
MAX_PATH = 2 * MAX_BLOCK_DEPTH + 3
"""Most parts of a path: an id and a number of a copy for each block and for the layer in it, and
the number of an output."""
MAX_LAYERS = 100_000
MAX_BATCH = 2**20

BATCH = "batch"
"""The knob that every model has: examples per inference."""


class Value(NamedTuple):
    """A value of a field, an argument or a modifier."""

    node: Node
    evaluate: Callable[[Any], Any]
    """Takes the scope in which it is written, and returns its value."""
    name: str | None = None
    """The name, if the value is just a name: errors then lead to where the argument was given."""
    constant: bool = False
    choices: tuple[Value, ...] = ()
    """The options of `{choose: [...]}`."""
    operations: int = 1
    """Numbers, names and operators in it: about how much work it is to evaluate."""


class Knob(NamedTuple):
    """A number or word that a user may set."""

    name: str
    default: Any
    choices: tuple[Any, ...] = ()
    published: tuple[Any, ...] = ()
    help: str = ""
    multiple_of: int = 1
    """What its values are multiples of."""


ALL = "*"
"""The last part of a path that names all copies of an entry, or all its outputs."""


class Reference(NamedTuple):
    """The name of a tensor: `previous`, `input`, or a dotted path."""

    parts: tuple[str, ...]
    node: Node

    def __str__(self) -> str:
        return ".".join(self.parts)

    @property
    def is_several(self) -> bool:
        """Whether it names all copies or outputs of an entry."""
        return self.parts[-1] == ALL


class LayerBody(NamedTuple):
    """`KIND: {fields}`."""

    kind: type[Layer]
    constants: Mapping[str, Any]
    """Fields that do not depend on anything, converted."""
    fields: tuple[tuple[str, FieldKind, Value], ...]
    """Fields to be evaluated."""
    layer: Layer | None
    """The layer, where all fields are constant. Equal ones of a file are one object."""


class BlockBody(NamedTuple):
    """`BLOCK: {arguments}`."""

    block: str
    arguments: Mapping[str, Value]


class ArgumentBody(NamedTuple):
    """`ARGUMENT: {...}` where the argument holds the name of a kind or block."""

    argument: str
    fields: Mapping[str, Value]
    fields_node: Node | None


class GroupBody(NamedTuple):
    """`layers: [...]`, an anonymous block. `inline` ones add nothing to the path."""

    entries: tuple[Entry, ...]
    inline: bool


class UseBody(NamedTuple):
    """`use: ID`: the layer or block of that id once more, with the same weights."""

    reference: Reference


Body = LayerBody | BlockBody | ArgumentBody | GroupBody | UseBody


class Entry(NamedTuple):
    """One entry of a list of layers."""

    name: str
    """Its name in the list: the id, else the kind with `_2`, `_3`."""
    node: Node
    body: Body
    sources: tuple[Reference, ...] | None
    """`from`; None is `previous`."""
    when: Value | None
    repeat: Value | None
    weights_of: Reference | None = None
    """The layer whose trained matrix is its kernel; None where it has its own."""
    precision: DType | None = None
    """Of its outputs and of what it stores; None where that of the spec or the analysis holds."""


class Block(NamedTuple):
    """A named list of layers with arguments."""

    name: str
    inputs: tuple[str, ...]
    """Names of its inputs, if it has several."""
    arguments: Mapping[str, Value | None]
    """Default of each argument; None where it is required."""
    entries: tuple[Entry, ...]
    node: Node
    recursion: int | None = None
    """The most calls of it inside one another; None where `MAX_BLOCK_DEPTH` alone says."""


class Function(NamedTuple):
    """`NAME(PARAMETERS): EXPRESSION` of `let`."""

    name: str
    parameters: tuple[str, ...]
    expression: Expression
    node: Node


class Constant(NamedTuple):
    """`NAME: EXPRESSION` of `let`."""

    name: str
    value: Value


class InputSpec(NamedTuple):
    """One input of the network."""

    name: str
    sizes: tuple[Value, ...]
    dtype: str | None
    layout: Layout | None
    """What its axes are, where the spec states it."""
    node: Node


class Scope(NamedTuple):
    """A call of a module of the program that a model was exported from: its path and class."""

    path: str
    class_name: str


class Origin(NamedTuple):
    """What a layer of an imported model stands for in its file."""

    nodes: tuple[str, ...]
    """Names of nodes, in their order."""
    tensors: tuple[str, ...] = ()
    """Names of the tensors that are its outputs."""
    scopes: tuple[Scope, ...] = ()
    """The modules around it, from the outermost."""


class ModelSpec:
    """A model file with one variant applied, compiled."""

    __slots__ = (
        "blocks",
        "data",
        "definitions",
        "entries",
        "extension",
        "inputs",
        "knobs",
        "name",
        "node",
        "origins",
        "outputs",
        "path",
        "precision",
        "published",
        "root",
        "source",
        "variant",
        "variants",
        "warnings",
    )

    def __init__(
        self,
        *,
        path: str,
        name: str,
        source: str,
        variant: str | None,
        variants: tuple[str, ...],
        knobs: Mapping[str, Knob],
        definitions: tuple[Function | Constant, ...],
        inputs: tuple[InputSpec, ...],
        blocks: Mapping[str, Block | type[Layer]],
        entries: tuple[Entry, ...],
        outputs: tuple[Reference, ...],
        published: tuple[PublishedRow, ...],
        warnings: tuple[Problem, ...],
        node: Node,
        precision: DType | None = None,
        extension: Extension | None = None,
        origins: Mapping[str, Origin] | None = None,
    ) -> None:
        self.path = path
        self.name = name
        self.source = source
        self.variant = variant
        self.variants = variants
        self.knobs = knobs
        self.definitions = definitions
        self.inputs = inputs
        self.blocks = blocks
        self.entries = entries
        self.outputs = outputs
        self.published = published
        self.warnings = warnings
        self.node = node
        self.root = node
        """What was compiled: the whole file, before it was extended and patched."""
        self.precision = precision
        """Of layers and inputs that state none, and of analyses; None where an analysis decides."""
        self.extension = extension
        self.origins = origins or {}
        """What layers stand for in the file of another tool, by the names of the layers; empty for
        a spec that was written as one."""
        self.data: dict[str, Any] = node.plain()

    @property
    def title(self) -> str:
        """`name`, or `name:variant`."""
        return f"{self.name}:{self.variant}" if self.variant else self.name

    def with_definitions(self, definitions: tuple[Function | Constant, ...]) -> ModelSpec:
        """The same model with other definitions of `let`; its text stays as it is."""
        return self._with(definitions=definitions)

    def with_precision(self, precision: DType | None) -> ModelSpec:
        """The same model with another precision of all layers; its text stays as it is."""
        return self._with(precision=precision)

    def _with(self, **changed: Any) -> ModelSpec:
        own = {name: getattr(self, name) for name in self.__slots__ if name not in ("data", "root")}
        return ModelSpec(**{**own, **changed})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ModelSpec):
            return NotImplemented
        return self.data == other.data

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        """What goes to another process: the file as it was read, which is compiled again there."""
        from mnet_cost.models.load import compile_spec  # it makes specs

        made = compile_spec, (self.root, self.path, self.variant)
        return (*made, (None, {"origins": self.origins})) if self.origins else made

    def __repr__(self) -> str:
        return f"<ModelSpec {self.title} from {self.path}>"


class Model(NamedTuple):
    """A spec, and values for some of its knobs. Each model reference stands for one."""

    spec: ModelSpec
    knobs: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name that the spec gives itself."""
        return self.spec.name
