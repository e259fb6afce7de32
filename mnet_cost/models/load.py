"""Model files: from text to a checked `ModelSpec`.

All problems of a file are found before anything is raised. Loading runs nothing of the file:
expressions are parsed by our own grammar, and values come later, in `elaborate`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from graphlib import CycleError, TopologicalSorter

from mnet_cost.errors import (
    ModelReferenceError,
    Problem,
    ProblemList,
    Source,
    SpecError,
    TooManyProblemsError,
    did_you_mean,
    one_of,
)
from mnet_cost.expressions import (
    MAX_MAGNITUDE,
    Expression,
    ExpressionError,
    parse_expression,
)
from mnet_cost.layers import KINDS, Layer
from mnet_cost.models.entries import (
    Callee,
    EntryCompiler,
    Signature,
    all_of,
    key_hint,
    name_problem,
)
from mnet_cost.models.types import (
    BATCH,
    Block,
    BlockBody,
    Constant,
    Entry,
    Function,
    GroupBody,
    InputSpec,
    Knob,
    ModelSpec,
    Reference,
    Value,
)
from mnet_cost.models.values import Names, ValueCompiler
from mnet_cost.models.variants import apply_variant
from mnet_cost.tensors import DTYPES
from mnet_cost.yamlfile import Node, parse_yaml, read_yaml

FORMAT = 1

SECTIONS = (
    "format",
    "name",
    "source",
    "knobs",
    "let",
    "input",
    "blocks",
    "layers",
    "outputs",
    "variants",
)
MAX_NAMES = 1000
"""Most knobs and names in `let`: each call of a block copies their values."""

REQUIRED = ("format", "name", "input", "layers")

_MODEL_NAME = re.compile(r"[A-Za-z0-9][\w.-]*\Z", re.ASCII)
_DEFINITION = re.compile(r"([A-Za-z_]\w*)\s*(?:\(([^()]*)\))?\Z", re.ASCII)
_WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def read_spec(path: str, variant: str | None = None) -> ModelSpec:
    """The model in the file at `path`; raises `SpecError` with every problem of the file."""
    return compile_spec(read_yaml(path), path, variant)


def parse_spec(text: str, variant: str | None = None, path: str = "<text>") -> ModelSpec:
    """The model that a YAML text describes; raises `SpecError` with all its problems."""
    return compile_spec(parse_yaml(Source(path, text.removeprefix("\ufeff"))), path, variant)


def compile_spec(root: Node, path: str, variant: str | None = None) -> ModelSpec:
    """The model below a root node."""
    problems: list[Problem] = ProblemList()
    if not isinstance(root.value, dict):
        raise SpecError(
            Problem("a model file is a mapping that starts with `format: 1`", root.span())
        )
    spec = None
    try:
        variants = _variant_names(root, problems)
        patched = _patched(root, path, variant, variants, problems)
        spec = _SpecCompiler(root, patched, problems).compile(path, variant, variants)
    except TooManyProblemsError:
        pass
    if problems or spec is None:
        raise SpecError(_in_order(problems))
    return spec


def _patched(
    root: Node, path: str, variant: str | None, variants: tuple[str, ...], problems: list[Problem]
) -> Node:
    """`root` with the variant applied; without one, every variant is tried for its problems."""
    if variant is None or problems:
        for name in variants:
            _check_aliases(apply_variant(root, name, problems), root, problems)
        return root
    if variant not in variants:
        raise ModelReferenceError(
            Problem(
                f"{path}: there is no variant `{variant}`",
                hint=did_you_mean(variant, variants)
                or ("there is " + one_of(variants) if variants else "the file has no variants"),
            )
        )
    return apply_variant(root, variant, problems)


def _check_aliases(patched: Node, root: Node, problems: list[Problem]) -> None:
    """Problems of the aliases that a variant adds, also where it is not the one asked for."""
    blocks = patched.value.get("blocks")
    if blocks is None or not isinstance(blocks.value, dict):
        return
    base = root.value.get("blocks")
    known = base.value if base is not None and isinstance(base.value, dict) else {}
    for name, node in blocks.value.items():
        if known.get(name) is not node:
            problem = _alias_problem(node, blocks.value)
            if problem:
                problems.append(problem)


def _alias_problem(node: Node, blocks: Mapping[str, Node]) -> Problem | None:
    if not isinstance(node.value, str) or node.value in blocks or node.value in KINDS:
        return None
    hint = did_you_mean(node.value, [*blocks, *KINDS])
    return Problem(f"there is no layer kind or block `{node.value}`", node.span(), hint)


def _in_order(problems: list[Problem]) -> list[Problem]:
    unique = list(dict.fromkeys(problems))
    last = (float("inf"), 0)
    return sorted(unique, key=lambda p: (p.span.line, p.span.column) if p.span else last)


def _variant_names(root: Node, problems: list[Problem]) -> tuple[str, ...]:
    node = root.value.get("variants")
    if node is None or node.value is None:
        return ()
    if not isinstance(node.value, dict):
        problems.append(Problem("`variants` is a mapping from name to patch", node.span()))
        return ()
    for name, key in node.keys.items():
        if not _MODEL_NAME.match(name):
            problems.append(
                Problem("a variant's name is letters, digits, `_`, `.`, `-`", key.span())
            )
    return tuple(node.value)


class _SpecCompiler:
    """Compiles the sections of one file in the order in which they may refer to each other."""

    def __init__(self, file: Node, root: Node, problems: list[Problem]) -> None:
        self.file = file  # without the variant that is applied in `root`
        self.root = root
        self.problems = problems
        self.values = ValueCompiler(problems)
        self.names = Names({BATCH}, {})

    def problem(self, message: str, node: Node, hint: str | None = None) -> None:
        self.problems.append(Problem(message, node.span(), hint))

    def compile(
        self, path: str, variant: str | None, variants: tuple[str, ...]
    ) -> ModelSpec | None:
        """The spec, or None when a section is missing altogether."""
        self._check_sections()
        name = self._text("name")
        source = self._text("source")
        knobs = self._knobs()
        definitions = self._definitions()
        inputs = self._inputs()
        blocks = self._blocks()
        section = self.root.value.get("input")
        given = section.keys if section else {}  # also those with a problem
        tensors = {"previous", *given}
        if len(given) == 1:
            tensors.add("input")
        top = Names(self.names.values, self.names.functions, tensors)
        layers = self.root.value.get("layers")
        self.entries.inputs = {one.name: one.node for one in inputs}
        entries = self.entries.entries(layers, top, frozenset()) if layers else ()
        if layers and layers.value == []:
            self.problem("`layers` is empty: a network needs at least one layer", layers)
        outputs = self._outputs(top)
        self._refuse_recursion(blocks)
        if self.problems:
            return None
        return ModelSpec(
            path=path,
            name=name,
            source=source,
            variant=variant,
            variants=variants,
            knobs=knobs,
            definitions=definitions,
            inputs=inputs,
            blocks=blocks,
            entries=entries,
            outputs=outputs,
            warnings=self._unused() if variant is None else self._unused_additions(),
            node=self.root,
        )

    def _check_sections(self) -> None:
        root = self.root
        for key, node in root.keys.items():
            if key not in SECTIONS:
                hint = key_hint(key, SECTIONS, f"a model file has {all_of(SECTIONS)}")
                self.problem(f"a model file has no part `{key}`", node, hint)
        missing = [key for key in REQUIRED if key not in root.value]
        if missing:
            self.problem(f"a model file needs {all_of(missing)}", root)
        version = root.value.get("format")
        if version is not None and (version.value != FORMAT or version.value is True):
            shown = _shown(version)
            self.problem(f"this program reads format {FORMAT}, not {shown}", version)

    def _text(self, key: str) -> str:
        node = self.root.value.get(key)
        if node is None:
            return ""
        if not isinstance(node.value, str) or not node.value.strip():
            self.problem(f"`{key}` needs a text", node)
            return ""
        if key == "name" and not _MODEL_NAME.match(node.value):
            self.problem("a model's name is letters, digits, `_`, `.`, `-`", node)
        text: str = node.value
        return text

    def _section(self, key: str, form: str) -> Mapping[str, Node]:
        node = self.root.value.get(key)
        if node is None or node.value is None:
            return {}
        if not isinstance(node.value, dict):
            self.problem(f"`{key}` is a mapping: {form}", node)
            return {}
        mapping: Mapping[str, Node] = node.value
        return mapping

    def _section_keys(self, key: str) -> Iterable[str]:
        node = self.root.value.get(key)
        return node.value if node is not None and isinstance(node.value, dict) else ()

    def _keys(self, key: str) -> Mapping[str, Node]:
        keys: Mapping[str, Node] = self.root.value[key].keys
        return keys

    def _knobs(self) -> dict[str, Knob]:
        knobs = {}
        for name, node in self._section("knobs", "NAME: VALUE or {default: VALUE, ...}").items():
            key = self._keys("knobs")[name]
            bad = name_problem(key, "a knob's name")
            if bad:
                self.problems.append(bad)
                continue
            if name == BATCH:
                self.problem("`batch` is a knob that every model has", key, "choose another name")
                continue
            if len(self.names.values) > MAX_NAMES:
                self.problem(f"more than {MAX_NAMES} knobs", key)
                break
            knob = self._knob(name, node)
            if knob:
                knobs[name] = knob
            self.names.values.add(name)
        return knobs

    def _knob(self, name: str, node: Node) -> Knob | None:
        allowed = ("default", "choices", "published", "help")
        if not isinstance(node.value, dict):
            return Knob(name, node.value) if self._is_knob_value(node) else None
        for field, key in node.keys.items():
            if field not in allowed:
                hint = key_hint(field, allowed, f"a knob has {all_of(allowed)}")
                self.problem(f"a knob has no `{field}`", key, hint)
        default = node.value.get("default")
        if default is None:
            self.problem(f"the knob `{name}` needs a `default`", node)
            return None
        lists: dict[str, tuple[object, ...]] = {}
        for field in ("choices", "published"):
            listed = node.value.get(field)
            if listed is None:
                continue
            if not isinstance(listed.value, list) or not listed.value:
                self.problem(f"`{field}` is a list of at least one value", listed)
                continue
            good = [self._is_knob_value(item) for item in listed.value]
            if all(good):
                lists[field] = tuple(item.value for item in listed.value)
        if not self._is_knob_value(default):
            return None
        choices = lists.get("choices", ())
        if choices and default.value not in choices:
            self.problem(f"the default {_shown(default)} is not among the choices", default)
        help_node = node.value.get("help")
        help_text = "" if help_node is None else str(help_node.plain())
        return Knob(name, default.value, choices, lists.get("published", ()), help_text)

    def _is_knob_value(self, node: Node) -> bool:
        if isinstance(node.value, (bool, int, float)):
            if abs(node.value) <= MAX_MAGNITUDE:
                return True
            self.problem("a knob's value is at most 2^53", node)
            return False
        if node.value in ("true", "false"):
            self.problem("a knob's value is a flag or a word, not a flag in quotes", node)
            return False
        if isinstance(node.value, str) and _WORD.fullmatch(node.value):
            self.values.used.add(node.value)
            return True
        hint = "calculate in `let`" if isinstance(node.value, str) else None
        self.problem("a knob's value is a number, a flag or a word", node, hint)
        return False

    def _definitions(self) -> tuple[Function | Constant, ...]:
        found: list[Function | Constant] = []
        self.values.definitions = {
            match[1] for text in self._section_keys("let") if (match := _DEFINITION.match(text))
        }
        for text, node in self._section("let", "NAME: EXPRESSION").items():
            key = self._keys("let")[text]
            match = _DEFINITION.match(text)
            if not match:
                self.problem("a name in `let` is NAME or NAME(PARAMETER, ...)", key)
                continue
            name, listed = match[1], match[2]
            bad = name_problem(key.like(name), "a name in `let`")
            if bad:
                self.problems.append(bad)
                continue
            if name in self.names.values or name in self.names.functions:
                self.problem(f"`{name}` is already the name of a knob or in `let`", key)
                continue
            if name == BATCH:
                self.problem("`batch` is a knob that every model has", key, "choose another name")
                continue
            if len(self.names.values) + len(self.names.functions) > MAX_NAMES:
                self.problem(f"more than {MAX_NAMES} knobs and names in `let`", key)
                break
            if listed is None:
                value = self.values.value(node, self.names, what=name, choice_allowed=False)
                if value is not None:
                    found.append(Constant(name, value))
                self.names.values.add(name)
                continue
            parameters = tuple(part.strip() for part in listed.split(","))
            expression = self._function(name, parameters, key, node)
            if expression:
                found.append(Function(name, parameters, expression, node))
            # A function with a problem is known, too: who calls it did nothing wrong.
            known = expression or parse_expression("0")
            self.names.functions[name] = Function(name, parameters, known, node)
        return tuple(found)

    def _function(
        self, name: str, parameters: tuple[str, ...], key: Node, node: Node
    ) -> Expression | None:
        for parameter in parameters:
            if not _WORD.fullmatch(parameter) or parameters.count(parameter) > 1:
                self.problem(
                    f"the parameters of `{name}` are one or more different names",
                    key,
                    None if any(parameters) else f"without parameters write `{name}: ...`",
                )
                return None
        if isinstance(node.value, (list, dict, type(None))):
            self.problem(f"`{name}` needs an expression", node)
            return None
        try:
            expression: Expression = parse_expression(
                str(node.value).lower() if isinstance(node.value, bool) else str(node.value)
            )
        except ExpressionError as error:
            self.values.expression_problem(node, error)
            return None
        names = Names(self.names.values | set(parameters), self.names.functions)
        return expression if self.values.check(node, expression, names, "") else None

    def _inputs(self) -> tuple[InputSpec, ...]:
        found = []
        before = len(self.problems)
        section = self._section("input", "NAME: [channels, height, width]")
        for name, node in section.items():
            bad = name_problem(self._keys("input")[name], "an input's name")
            if bad:
                self.problems.append(bad)
                continue
            shape: Node | None = node
            dtype: str | None = None
            found_before = len(self.problems)
            if isinstance(node.value, dict):
                shape, dtype = self._typed_input(name, node)
            if shape is None and len(self.problems) > found_before:
                continue  # `shape` is misspelt
            if shape is None or not isinstance(shape.value, list) or not shape.value:
                self.problem(
                    f"the input `{name}` needs its sizes without the batch",
                    node,
                    f"write `{name}: [3, 224, 224]`, or {{shape: [...], dtype: int8}}",
                )
                continue
            sizes = [
                self.values.value(size, self.names, what=name, choice_allowed=False)
                for size in shape.value
            ]
            complete = tuple(size for size in sizes if size is not None)
            if len(complete) == len(sizes):
                found.append(InputSpec(name, complete, dtype, node))
        node_or_none = self.root.value.get("input")
        if not section and node_or_none is not None and len(self.problems) == before:
            self.problem("a network needs at least one input", node_or_none)
        return tuple(found)

    def _typed_input(self, name: str, node: Node) -> tuple[Node | None, str | None]:
        for field, key in node.keys.items():
            if field not in ("shape", "dtype"):
                hint = key_hint(field, ("shape", "dtype"), "an input has `shape` and `dtype`")
                self.problem(f"an input has no `{field}`", key, hint)
        dtype = node.value.get("dtype")
        if dtype is not None and (not isinstance(dtype.value, str) or dtype.value not in DTYPES):
            self.problem(
                f"there is no dtype {_shown(dtype)}", dtype, f"there is {one_of(list(DTYPES))}"
            )
            return node.value.get("shape"), None
        return node.value.get("shape"), None if dtype is None else str(dtype.value)

    def _blocks(self) -> dict[str, Block | type[Layer]]:
        section = self._section("blocks", "NAME: {arguments: ..., layers: [...]}")
        aliases: dict[str, Node] = {}
        callees: dict[str, Callee] = {}
        for name, node in section.items():
            bad = name_problem(self._keys("blocks")[name], "a block's name")
            if bad:
                self.problems.append(bad)
            elif isinstance(node.value, str):
                aliases[name] = node
            else:
                signature = self._signature(name, node)
                if signature:
                    callees[name] = signature
        for name, node in aliases.items():
            target = self._alias(name, aliases, section, callees)
            if target is not None:
                callees[name] = target
            self.values.used.add(str(node.value))
        broken = frozenset(section.keys() - callees.keys())
        self.entries = EntryCompiler(self.values, callees, self.problems, broken)
        blocks: dict[str, Block | type[Layer]] = {}
        for name, callee in callees.items():
            if not isinstance(callee, Signature):
                blocks[name] = callee
            elif name not in aliases:
                blocks[name] = self._block(callee, section[name])
        for name in aliases:
            found = callees.get(name)
            if isinstance(found, Signature):
                blocks[name] = blocks[found.name]
        return blocks

    def _alias(
        self,
        name: str,
        aliases: Mapping[str, Node],
        section: Mapping[str, Node],
        callees: Mapping[str, Callee],
    ) -> Callee | None:
        node, seen = aliases[name], {name}
        while node.value in aliases:
            if node.value in seen:
                self.problem(f"`{name}` stands for itself", aliases[name])
                return None
            seen.add(node.value)
            node = aliases[node.value]
        if node.value in callees:
            return callees[node.value]
        if node.value in KINDS:
            return KINDS[node.value]
        problem = _alias_problem(node, section)
        if problem:
            self.problems.append(problem)
        return None

    def _signature(self, name: str, node: Node) -> Signature | None:
        if not isinstance(node.value, dict):
            self.problem(f"the block `{name}` is a mapping with `layers`", node)
            return None
        allowed = ("input", "arguments", "layers")
        for field, key in node.keys.items():
            if field not in allowed:
                hint = key_hint(field, allowed, f"a block has {all_of(allowed)}")
                self.problem(f"a block has no `{field}`", key, hint)
        if "layers" not in node.value:
            self.problem(f"the block `{name}` needs `layers`", self._keys("blocks")[name])
            return None
        inputs: tuple[str, ...] = ()
        listed = node.value.get("input")
        if listed is not None:
            if not isinstance(listed.value, list) or len(listed.value) < 2:
                self.problem("`input` of a block lists the names of two or more inputs", listed)
            else:
                bad = [name_problem(item, "an input's name") for item in listed.value]
                self.problems += [problem for problem in bad if problem]
                inputs = tuple(str(item.value) for item in listed.value)
                for i, item in enumerate(listed.value):
                    if not any(bad) and inputs[i] in inputs[:i]:
                        self.problem(f"there are two inputs `{inputs[i]}`", item)
        arguments = node.value.get("arguments")
        required: dict[str, bool] = {}
        if arguments is not None and arguments.value is not None:
            if not isinstance(arguments.value, dict):
                self.problem("`arguments` is a mapping: {NAME: VALUE or required}", arguments)
                return None
            for argument, value in arguments.value.items():
                problem = name_problem(arguments.keys[argument], "an argument's name")
                if problem:
                    self.problems.append(problem)
                else:
                    required[argument] = value.value == "required"
        return Signature(name, inputs, required)

    def _block(self, signature: Signature, node: Node) -> Block:
        tensors = set(signature.inputs) or {"input"}
        defaults: dict[str, Value | None] = {}
        values = set(self.names.values)
        for name, required in signature.arguments.items():
            default = None
            if not required:
                names = Names(values, self.names.functions, tensors)
                default = self.values.value(
                    node.value["arguments"].value[name], names, word_allowed=True, what=name
                )
            defaults[name] = default
            values.add(name)
        names = Names(values, self.names.functions, tensors | {"previous"})
        self.entries.inputs = dict.fromkeys(signature.inputs, node)
        entries = self.entries.entries(node.value["layers"], names, frozenset(defaults))
        return Block(signature.name, signature.inputs, defaults, entries, node)

    def _outputs(self, names: Names) -> tuple[Reference, ...]:
        node = self.root.value.get("outputs")
        if node is None:
            return ()
        if not isinstance(node.value, list) or not node.value:
            self.problem("`outputs` is a list of ids", node)
            return ()
        found = [self.entries.reference(item, names) for item in node.value]
        return tuple(reference for reference in found if reference is not None)

    def _refuse_recursion(self, blocks: Mapping[str, Block | type[Layer]]) -> None:
        calls = {
            name: _called_blocks(block.entries)
            for name, block in blocks.items()
            if isinstance(block, Block)
        }
        try:
            TopologicalSorter(
                {name: found & calls.keys() for name, found in calls.items()}
            ).prepare()
        except CycleError as error:
            cycle = error.args[1]
            node = self._keys("blocks")[cycle[0]]
            if len(cycle) == 2:
                self.problem(f"the block `{cycle[0]}` uses itself", node)
            else:
                path = ", which is used by ".join(f"`{name}`" for name in cycle)
                self.problem(f"blocks use each other in a circle: {path}", node)

    def _unused(self) -> tuple[Problem, ...]:
        """Warnings about knobs and blocks that neither the model nor a variant uses."""
        variants = self.root.value.get("variants")
        patches = list(variants.value.values()) if variants and variants.value else []
        sections = [
            (name, section) for patch in patches for name, section in (patch.value or {}).items()
        ]
        used = set(self.values.used)
        for name, section in sections:
            if name in ("knobs", "blocks") and isinstance(section.value, dict):
                used |= {word for value in section.value.values() for word in _words_of(value)}
            else:
                used |= _words_of(section)
        warnings = []
        for part in ("knobs", "blocks"):
            own = self.root.value.get(part)
            keys = own.keys if own else {}
            unused = [key for name, key in keys.items() if name not in used]
            warnings += [_unused_warning(part, key, None) for key in unused]
            patched = [section.keys for name, section in sections if name == part]
            warnings += _additions(part, keys, [k for p in patched for k in p.values()], used)
        return tuple(warnings)

    def _unused_additions(self) -> tuple[Problem, ...]:
        """Warnings about knobs and blocks that the variant adds and nothing uses."""
        warnings: list[Problem] = []
        for part in ("knobs", "blocks"):
            own, patched = self.file.value.get(part), self.root.value.get(part)
            if patched is not None:
                keys = own.keys if own else {}
                warnings += _additions(part, keys, patched.keys.values(), self.values.used)
        return tuple(warnings)


def _additions(
    part: str, own: Mapping[str, Node], added: Iterable[Node], used: Set[str]
) -> list[Problem]:
    names = [(key, str(key.value)) for key in added]
    unused = [(key, name) for key, name in names if name not in used and name not in own]
    return [_unused_warning(part, key, did_you_mean(name, own)) for key, name in unused]


def _unused_warning(part: str, key: Node, hint: str | None) -> Problem:
    return Problem(f"the {part.removesuffix('s')} `{key.value}` is not used", key.span(), hint)


def _shown(node: Node) -> str:
    """A value as a message shows it."""
    value = node.value
    if isinstance(value, (list, dict, type(None))):
        return "nothing" if value is None else "a list" if isinstance(value, list) else "a mapping"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _called_blocks(entries: tuple[Entry, ...]) -> set[str]:
    found: set[str] = set()
    for entry in entries:
        if isinstance(entry.body, BlockBody):
            found.add(entry.body.block)
        elif isinstance(entry.body, GroupBody):
            found |= _called_blocks(entry.body.entries)
    return found


def _words_of(node: Node) -> set[str]:
    if isinstance(node.value, dict):
        found = set(node.value)
        for value in node.value.values():
            found |= _words_of(value)
        return found
    if isinstance(node.value, list):
        return {word for item in node.value for word in _words_of(item)}
    return set(_WORD.findall(node.value)) if isinstance(node.value, str) else set()
