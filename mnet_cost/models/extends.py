"""Specs that extend another: `extends: mobilenet_v2`, and what the file changes of it.

What makes the network comes along (`knobs` to `outputs`), patched by the file as by a variant. What
is said about it does not: its name, source, variants and published figures. Names are those of the
library, and paths lead to or below the folder of the file that names them. Not here: the rules of
patches, which are those of `variants.py`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, NoReturn

from mnet_cost.errors import ModelReferenceError, Problem, Source, SpecError, did_you_mean, one_of
from mnet_cost.filekinds import MODEL, mistaken
from mnet_cost.models.library import (
    is_path,
    is_revision,
    model_names,
    model_path,
    owner_of,
    path_beside,
    refuse_all_foreign,
    refuse_revision,
    shipped_hint,
    split_reference,
    variants_of,
)
from mnet_cost.models.naming import WORD, defined_name
from mnet_cost.models.problems import Problems
from mnet_cost.models.sections import Sections
from mnet_cost.models.variants import PATCHED, apply_patches, apply_variant
from mnet_cost.yamlfile import MAX_BYTES, Node, parse_yaml, read_text

MAX_PARENTS = 8
"""Most specs that one is made from."""

_MOST_CHANGES = 3
_QUOTED = "`"


class _Parent(NamedTuple):
    """A spec that another one extends."""

    root: Node
    variant: str | None
    named: Node
    """The value of `extends` that names it."""


class Extension(NamedTuple):
    """What a spec is made from, for whoever reads an error about a line of it."""

    named: Mapping[Source, tuple[Node, ...]]
    """For each text that it is made from, the `extends` that lead there, from it outwards."""
    changes: Mapping[str, tuple[Node, ...]]
    """The keys of all patches by the name that each changes."""

    def explained(self, problems: Iterable[Problem]) -> list[Problem]:
        """`problems`, those of the spec first; others with who extends, and changes, what is there.

        The user wrote no line of a spec that theirs extends: what they wrote is its patch.
        """
        own_first = sorted(
            problems, key=lambda problem: (problem.span is None, self._named(problem) != ())
        )
        return [
            problem._replace(trail=(*problem.trail, *self._trail(problem))) for problem in own_first
        ]

    def _named(self, problem: Problem) -> tuple[Node, ...]:
        return () if problem.span is None else self.named.get(problem.span.source, ())

    def _trail(self, problem: Problem) -> Iterator[str]:
        named, span = self._named(problem), problem.span
        if not named or span is None:
            return
        for node in named:
            yield f"extended at {node.span()}"
        marked = span.source.line(span.line)[span.column - 1 : span.end - 1]
        words = [marked, *problem.message.split(_QUOTED)[1::2]]
        names = dict.fromkeys(name for word in words for name in WORD.findall(word))
        keys = [key for name in names for key in self.changes.get(name, ())]
        # A patch is of what the text has that it extends, not the other way round.
        outside = {node.source for node in named}
        for key in [key for key in keys if key.source in outside][:_MOST_CHANGES]:
            yield f"`{key.value}` is changed at {key.span()}"


def extend(root: Node, problems: Problems) -> tuple[Node, Extension]:
    """`root` with what it extends, and what that is.

    Problems of its patches go to `problems`; `SpecError` for a spec that cannot be extended.
    """
    parents = _parents(root)
    roots = [root, *(parent.root for parent in parents)]
    named = [parent.named for parent in parents]
    extension = Extension(
        {parent.root.source: tuple(named[i::-1]) for i, parent in enumerate(parents)},
        _changes(roots[:-1]),
    )
    result = roots.pop()
    for parent, child in zip(reversed(parents), reversed(roots), strict=True):
        Sections(result, problems).check()
        if not problems and parent.variant is not None:
            result = apply_variant(result, parent.variant, problems)
        if problems:
            raise SpecError(extension.explained(problems.in_order()))
        result = apply_patches(result, child, problems)
    return result, extension


def _changes(roots: Sequence[Node]) -> dict[str, tuple[Node, ...]]:
    """The keys of the patches that `roots` hold, by the name at the start of each."""
    changes: dict[str, tuple[Node, ...]] = {}
    for root in roots:
        for section in PATCHED:
            part = root.value.get(section)
            for key in () if part is None else part.keys.values():
                name = defined_name(str(key.value))
                changes[name] = (*changes.get(name, ()), key)
    return changes


def _parents(root: Node) -> list[_Parent]:
    """The specs that `root` is made from, the one that it names first."""
    parents: list[_Parent] = []
    files = [os.path.realpath(root.source.path) if root.source.is_file else ""]
    shown = [root.source.path]
    characters = 0
    child = root
    while "extends" in child.value and mistaken(child, MODEL) is None:
        named = child.value["extends"]
        try:
            source, variant = _source(named)
            shown.append(source.path)
            file = os.path.realpath(source.path)
            if file in files:
                circle = ", which extends ".join(f"`{path}`" for path in shown[files.index(file) :])
                _refuse(root, f"specs extend each other in a circle: {circle}")
            files.append(file)
            characters += len(source.text)
            if len(parents) == MAX_PARENTS:
                _refuse(root, f"this extends more than {MAX_PARENTS} specs, one through another")
            if characters > MAX_BYTES:
                limit = MAX_BYTES // 2**20
                _refuse(root, f"the specs that this extends are larger than {limit} MiB together")
            parent = _root_of(source.path, source.text)
            _check_variant(parent, variant)
        except (ModelReferenceError, SpecError) as error:
            trail = [f"extended at {parent.named.span()}" for parent in reversed(parents)]
            own = root.source
            raise SpecError(
                [_placed(problem, named, trail, own) for problem in error.problems]
            ) from None
        parents.append(_Parent(parent, variant, named))
        child = parent
    return parents


def _refuse(root: Node, message: str) -> NoReturn:
    """A problem of all that `root` extends."""
    raise SpecError(Problem(message, root.value["extends"].span()))


def _placed(problem: Problem, named: Node, trail: Sequence[str], own: Source) -> Problem:
    """A problem of the spec that `named` names, with the way there: at the name, or in its text."""
    if problem.span is None:
        return problem._replace(span=named.span(), trail=(*problem.trail, *trail))
    if problem.span.source is own:
        return problem
    return problem._replace(trail=(*problem.trail, f"extended at {named.span()}", *trail))


def _source(named: Node) -> tuple[Source, str | None]:
    """The text that a value of `extends` names, and the variant."""
    if not isinstance(named.value, str) or not named.value.strip():
        hint = "a name of `mnet-cost models`, or a path: `extends: mobilenet_v2`"
        raise ModelReferenceError(Problem("`extends` needs the name of a model", hint=hint))
    name, variant, knobs = split_reference(named.value)
    if knobs:
        settings = ", ".join(f"{knob}: {value}" for knob, value in knobs.items())
        hint = f"a default of its own does: `knobs: {{{settings}}}`"
        raise ModelReferenceError(Problem("`extends` sets no knobs", hint=hint))
    refuse_all_foreign(name)
    refuse_revision(name)
    if is_path(name) and is_revision(named.source.path):
        from mnet_cost.models.revisions import path_in_revision, read_revision

        return read_revision(path_in_revision(named.source.path, name)), variant
    if is_path(name):
        if not named.source.is_file:
            message = f"there is no folder to seek `{name}` in: {named.source.path} is not a file"
            hint = "without one a spec extends models of the library only"
            raise ModelReferenceError(Problem(message, hint=hint))
        path = path_beside(named.source.path, name)
        try:
            return read_text(path), variant
        except SpecError as error:
            (problem,) = error.problems
            raise SpecError(problem._replace(hint=shipped_hint(path) or problem.hint)) from None
    if name not in model_names():
        name, variant = owner_of(name, variant, named.value)[0], name
    return read_text(model_path(name)), variant


@lru_cache(maxsize=MAX_PARENTS)
def _root_of(path: str, text: str) -> Node:
    """The root of a text, read once in a run; `SpecError` where it is no mapping."""
    root = parse_yaml(Source(path, text, is_file=True))
    if not isinstance(root.value, dict):
        raise SpecError(
            Problem("a model file is a mapping that starts with `format: 1`", root.span())
        )
    return root


def _check_variant(parent: Node, variant: str | None) -> None:
    variants = variants_of(parent)
    if variant is not None and variant not in variants:
        hint = did_you_mean(variant, variants) or (
            f"there is {one_of(tuple(variants))}" if variants else "the file has no variants"
        )
        raise ModelReferenceError(
            Problem(f"{parent.source.path}: there is no variant `{variant}`", hint=hint)
        )
