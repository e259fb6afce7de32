"""Model files: from text to a checked `ModelSpec`.

The sections are compiled in the order in which they may refer to each other, and all problems of
a file are found before anything is raised. Loading runs nothing of the file: expressions are
parsed by our own grammar, and values come later, in `elaborate`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mnet_cost.errors import (
    ModelReferenceError,
    Problem,
    Source,
    SpecError,
    TooManyProblemsError,
    did_you_mean,
)
from mnet_cost.filekinds import MODEL, mistaken
from mnet_cost.models.blocks import (
    check_added_aliases,
    compile_blocks,
    read_callees,
    refuse_recursion,
)
from mnet_cost.models.budgets import check_budgets, keep_own_budgets
from mnet_cost.models.declarations import compile_declarations
from mnet_cost.models.entries import EntryCompiler
from mnet_cost.models.inputs import compile_inputs, input_names
from mnet_cost.models.naming import model_name_problem
from mnet_cost.models.precisions import compile_precision
from mnet_cost.models.problems import Problems, all_of
from mnet_cost.models.published import compile_published, keep_own_rows
from mnet_cost.models.references import compile_reference
from mnet_cost.models.sections import Sections
from mnet_cost.models.types import Entry, InputSpec, ModelSpec, Reference
from mnet_cost.models.unused import unused, unused_additions
from mnet_cost.models.values import Names, ValueCompiler
from mnet_cost.models.variants import apply_variant, variant_names
from mnet_cost.yamlfile import Node, parse_yaml, read_yaml

if TYPE_CHECKING:
    from mnet_cost.models.extends import Extension


_NO_FILE = "<text>"


def read_spec(path: str, variant: str | None = None) -> ModelSpec:
    """The model in the file at `path`; raises `SpecError` with every problem of the file."""
    return compile_spec(read_yaml(path), path, variant)


def parse_spec(text: str, variant: str | None = None, path: str = _NO_FILE) -> ModelSpec:
    """The model that a YAML text describes; raises `SpecError` with all its problems.

    `path` is where the text would be as a file: what it extends is sought from that folder. Without
    one it can only extend models of the library.
    """
    source = Source(path, text.removeprefix("\ufeff"), is_file=path != _NO_FILE)
    return compile_spec(parse_yaml(source), path, variant)


def compile_spec(root: Node, path: str, variant: str | None = None) -> ModelSpec:
    """The model below a root node, with the variant and with what the file extends."""
    problems = Problems()
    if not isinstance(root.value, dict):
        raise SpecError(
            Problem("a model file is a mapping that starts with `format: 1`", root.span())
        )
    spec = extension = None
    whole = root
    try:
        if "extends" in root.value and mistaken(root, MODEL) is None:
            from mnet_cost.models.extends import extend  # most specs extend none

            root, extension = extend(root, problems)
        variants = variant_names(root, problems)
        patched = _patched(root, path, variant, variants, problems)
        spec = _compile(root, patched, path, variant, variants, problems, extension)
    except TooManyProblemsError:
        pass
    if spec is None:
        in_order = problems.in_order()
        raise SpecError(extension.explained(in_order) if extension else in_order)
    spec.root = whole
    return spec


def _patched(
    root: Node, path: str, variant: str | None, variants: tuple[str, ...], problems: Problems
) -> Node:
    """`root` with the variant applied; without one, every variant is tried for its problems."""
    if variant is None or problems:
        for name in variants:
            check_added_aliases(apply_variant(root, name, problems), root, problems)
        return root
    if variant not in variants:
        raise ModelReferenceError(
            Problem(
                f"{path}: there is no variant `{variant}`",
                hint=did_you_mean(variant, variants)
                or ("the file has " + all_of(variants) if variants else "the file has no variants"),
            )
        )
    patched = apply_variant(root, variant, problems)
    return keep_own_budgets(keep_own_rows(patched, root, variant), root, variant)


def _compile(
    root: Node,
    patched: Node,
    path: str,
    variant: str | None,
    variants: tuple[str, ...],
    problems: Problems,
    extension: Extension | None,
) -> ModelSpec | None:
    """The model below `patched`, which is `root` with its variant; None after a problem."""
    sections = Sections(patched, problems)
    values = ValueCompiler(problems)
    sections.check()
    name = _model_name(sections)
    source = sections.text("source")
    stated = sections.get("precision")
    precision = None if stated is None else compile_precision(stated, problems)
    knobs, definitions, names = compile_declarations(sections, values)
    inputs = compile_inputs(sections, names, values)
    callees = read_callees(sections, values.used)
    lists = EntryCompiler(values, callees.known, callees.broken)
    blocks = compile_blocks(callees, names, values, lists)
    top = Names(names.values, names.functions, {"previous", *input_names(sections)})
    entries = _layers(sections, inputs, top, lists)
    outputs = _outputs(sections, top, values)
    refuse_recursion(sections, blocks)
    published = compile_published(Sections(root, problems), variant)
    check_budgets(Sections(root, problems), variants)
    if problems:
        return None
    if variant is None:
        warnings = unused(sections, values.used)
    else:
        warnings = unused_additions(sections, Sections(root, problems), values.used)
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
        published=published,
        warnings=warnings,
        node=patched,
        precision=precision,
        extension=extension,
    )


def _model_name(sections: Sections) -> str:
    name = sections.text("name")
    node = sections.get("name")
    bad = model_name_problem(node, "a model's name") if name and node else None
    if bad:
        sections.problems.append(bad)
    return name


def _layers(
    sections: Sections, inputs: tuple[InputSpec, ...], names: Names, lists: EntryCompiler
) -> tuple[Entry, ...]:
    """The entries of the network; `names` is extended by the ids they give."""
    node = sections.get("layers")
    if node is None:
        return ()
    entered = {declared.name: declared.node for declared in inputs}
    entries = lists.entries(node, names, frozenset(), inputs=entered)
    if node.value == []:
        sections.problems.add("`layers` is empty: a network needs at least one layer", node)
    return entries


def _outputs(sections: Sections, names: Names, values: ValueCompiler) -> tuple[Reference, ...]:
    node = sections.get("outputs")
    if node is None:
        return ()
    if not isinstance(node.value, list) or not node.value:
        sections.problems.add("`outputs` is a list of ids", node)
        return ()
    references = [compile_reference(item, names, values) for item in node.value]
    return tuple(reference for reference in references if reference is not None)
