"""Models by name: `NAME_OR_PATH[:variant][@knob=value,...]`.

A name is a shipped spec, or a variant that only one shipped spec has. A path has a slash or ends in
.yaml or .yml, in small or capital letters, or like a model file of another tool that can be
imported (`IMPORTED`). `-` is the spec on stdin, and `git:REV:PATH` a file in a revision
(`revisions.py`).
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from mnet_cost.errors import (
    ModelReferenceError,
    Problem,
    Source,
    SpecError,
    UsageError,
    did_you_mean,
    one_of,
)
from mnet_cost.models.load import compile_spec, read_spec
from mnet_cost.models.types import Model, ModelSpec
from mnet_cost.paths import is_below, is_yaml, naming
from mnet_cost.shipped import shown_path, specs_folder
from mnet_cost.yamlfile import (
    MAX_BYTES,
    Node,
    parse_scalar,
    parse_yaml,
    read_text,
    read_yaml,
    text_of,
)

__all__ = [
    "Model",
    "is_imported",
    "is_path",
    "is_revision",
    "load_model",
    "model_names",
    "model_path",
    "owner_of",
    "path_beside",
    "refuse_all_foreign",
    "refuse_foreign",
    "refuse_revision",
    "shipped_hint",
    "split_reference",
    "split_setting",
    "variants_of",
]

STDIN = "-"
_STDIN_SHOWN = "stdin"
IMPORTED = {
    ".onnx": "an ONNX model",
    ".pt2": "a program of torch.export",
    ".tflite": "a TensorFlow Lite model",
    ".param": "an ncnn model",
    ".keras": "a Keras model",
}
"""Endings of model files of other tools that are read."""
SMALL_GRAPHS = "small_graphs"
"""A shipped spec of graphs to measure: no network, so no list of models has it."""
_IMPORTER = "mnet_cost.importing.files"
"""What reads them. It makes specs, so it is above this module, which only names it."""
_FOREIGN = {
    ".pt": "a PyTorch file",
    ".pth": "a PyTorch file",
    ".ptl": "a PyTorch Lite model",
    ".safetensors": "a file of weights",
    ".pb": "a TensorFlow graph",
    ".h5": "a model of Keras in HDF5",
    ".hdf5": "a model of Keras in HDF5",
    ".mlmodel": "a Core ML model",
    ".mlpackage": "a Core ML model",
    ".caffemodel": "a Caffe model",
    ".prototxt": "a Caffe model",
    ".mnn": "an MNN model",
    ".engine": "a TensorRT engine",
}
"""Endings of other files that other tools keep models in."""
_SAVE_AS_KERAS = "save it as .keras: `keras.models.load_model(FILE).save('net.keras')`"
_WAYS_OUT = {".h5": _SAVE_AS_KERAS, ".hdf5": _SAVE_AS_KERAS}
"""How to get a file that is read of one that is not."""
_EXPLICIT_KEY = re.compile(r"(^|[\s,{\[-])\?\s", re.MULTILINE)


def model_names() -> tuple[str, ...]:
    """Names of the shipped specs."""
    return tuple(sorted(path.stem for path in specs_folder().glob("*.yaml")))


def model_path(name: str) -> str:
    """Where the shipped spec `name` is, seen from the working directory if it is below."""
    return shown_path(specs_folder() / f"{name}.yaml")


def load_model(reference: str | os.PathLike[str], knobs: Mapping[str, Any] | None = None) -> Model:
    """The model that a reference names; `knobs` go over those of the reference.

    A path object names a file and nothing else. Raises `ModelReferenceError` for a name that is
    not there, `SpecError` for a bad file.
    """
    if not isinstance(reference, str):
        path = os.fsdecode(reference)
        spec = imported(path, {}) if is_imported(path) else read_spec(path)
        return Model(spec, dict(knobs or {}))
    name, variant, given = split_reference(reference)
    refuse_foreign(name)
    if is_imported(name):
        spec = _imported_by_name(name, variant, given)
    elif name == STDIN:
        spec = compile_spec(parse_yaml(_stdin()), _STDIN_SHOWN, variant)
    elif is_revision(name):
        from mnet_cost.models.revisions import read_revision  # it imports what runs programs

        spec = compile_spec(parse_yaml(read_revision(name)), name, variant)
    elif is_path(name):
        spec = _by_path(name, variant)
    elif name in model_names():
        spec = read_spec(model_path(name), variant)
    elif name == SMALL_GRAPHS:
        spec = read_spec(shown_path(specs_folder() / "measuring" / f"{name}.yaml"), variant)
    else:
        owner, root = owner_of(name, variant, reference)
        spec = compile_spec(root, model_path(owner), name)
    return Model(spec, given | dict(knobs or {}))


def is_imported(path: str) -> bool:
    """Whether a path ends like a model file of another tool that can be read."""
    return os.path.splitext(path)[1].lower() in IMPORTED


def imported(path: str, sizes: dict[str, Any]) -> ModelSpec:
    """The model in a file of another tool, layer by layer.

    `sizes` gives sizes that the file leaves open, by its symbols; those are taken out of it. Raises
    `ModelFileError` for a file that cannot be read.
    """
    read: Callable[[str, dict[str, Any]], ModelSpec] = import_module(_IMPORTER).read_spec
    return read(path, sizes)


def _imported_by_name(name: str, variant: str | None, given: dict[str, Any]) -> ModelSpec:
    if variant is not None or is_revision(name):
        what = "variants" if variant is not None else "files of a revision"
        raise ModelReferenceError(
            Problem(
                f"`{name}`: a model file of another tool, and {what} are for specs",
                hint="`mnet-cost import` makes a spec of the file",
            )
        )
    return imported(name, given)


def refuse_foreign(name: str) -> None:
    """A `ModelReferenceError` for a name that ends like a model file of another tool which is not
    read."""
    ending = os.path.splitext(name)[1].lower()
    if foreign := _FOREIGN.get(ending):
        is_read = f"a model is a spec in YAML, or a file that ends in {one_of(list(IMPORTED))}"
        hint = _WAYS_OUT.get(ending, is_read)
        raise ModelReferenceError(Problem(f"{name}: is {foreign}, which is not read", hint=hint))


def refuse_all_foreign(name: str) -> None:
    """A `ModelReferenceError` for a name that ends like a model file of another tool: what reads
    the text of a spec cannot take one."""
    if is_imported(name):
        foreign = IMPORTED[os.path.splitext(name)[1].lower()]
        raise ModelReferenceError(
            Problem(
                f"{name}: is {foreign}, and a spec in YAML is needed here",
                hint="`mnet-cost import` makes a spec of it",
            )
        )
    refuse_foreign(name)


@cache
def _stdin() -> Source:
    """What stdin holds: it can be read once, and may be named twice."""
    if sys.stdin is None:
        raise UsageError("stdin is closed")
    return text_of(sys.stdin.buffer.read(MAX_BYTES + 1), _STDIN_SHOWN)


def is_revision(name: str) -> bool:
    """Whether a reference is `git:REV:PATH`; a file of that name is `./git:...`."""
    return name.startswith("git:")


def refuse_revision(name: str) -> None:
    """A `ModelReferenceError` for a name of a revision: whoever is handed a file that names one
    would run git without knowing."""
    if is_revision(name):
        raise ModelReferenceError(
            Problem(
                f"`{name}`: a file names no revision of another one",
                hint="revisions are for command lines; `git show` writes a file of one",
            )
        )


def is_path(name: str) -> bool:
    """Whether a reference names a file, not a shipped model."""
    has_folder = "/" in name or "\\" in name
    return has_folder or is_yaml(name) or is_imported(name) or is_revision(name)


def path_beside(file: str, name: str) -> str:
    """The path `name` that the data file `file` gives a model, seen from the working directory.

    It is sought from the folder of `file`. Raises `ModelReferenceError`, before anything is opened,
    unless it is in or below that folder with all links followed: errors quote lines of a spec, and
    whoever is handed a data file knows of no other file that it has read.
    """
    refuse_revision(name)
    folder = os.path.dirname(file)
    path = os.path.normpath(os.path.join(folder, name))
    with naming(name, "cannot be read", ModelReferenceError):
        below = is_below(path, folder)
    if not below:
        raise ModelReferenceError(
            Problem(
                f"`{name}` is not in the folder of {file}, nor below it",
                hint="a file of data names models of the library, or specs in or below its own "
                "folder: copy the spec there",
            )
        )
    # In the working directory the dot is kept where a name alone is no path.
    return path if is_path(path) else os.path.join(os.curdir, path)


def split_reference(reference: str) -> tuple[str, str | None, dict[str, Any]]:
    """(name or path, variant, knobs) of a reference."""
    start = ""
    if is_revision(reference):
        from mnet_cost.models.revisions import split_revision

        start, reference = split_revision(reference)
    slash = max(reference.rfind("/"), reference.rfind("\\"))
    folder, last = reference[: slash + 1], reference[slash + 1 :]
    last, at, settings = last.partition("@")
    last, colon, variant = last.partition(":")
    if not folder + last or (colon and not variant) or (at and not settings):
        raise ModelReferenceError(
            Problem(
                f"`{reference}` does not name a model",
                hint="a model is NAME_OR_PATH[:variant][@knob=value,...]",
            )
        )
    knobs = {}
    for setting in settings.split(",") if settings else ():
        knob, value = split_setting(setting)
        knobs[knob] = value
    return start + folder + last, variant or None, knobs


def split_setting(setting: str) -> tuple[str, Any]:
    """(knob, value) of `knob=value`."""
    knob, equals, text = setting.partition("=")
    knob, text = knob.strip(), text.strip()
    if not equals or not knob or not text:
        raise ModelReferenceError(
            Problem(f"`{setting}` does not set a knob", hint="write knob=value, as in alpha=0.5")
        )
    try:
        return knob, parse_scalar(text)
    except ValueError as reason:
        raise ModelReferenceError(f"the knob `{knob}`: {reason}") from None


def _by_path(path: str, variant: str | None) -> ModelSpec:
    try:
        return read_spec(path, variant)
    except SpecError as error:
        hint = shipped_hint(path)
        if hint is None:
            raise
        raise SpecError(error.problems[0]._replace(hint=hint)) from None


def shipped_hint(path: str) -> str | None:
    """A hint for a path that leads nowhere and has the name of a shipped model."""
    stem = Path(path).stem
    if os.path.exists(path) or stem not in model_names():
        return None
    return f"`{stem}` is shipped: its name has no folder and no ending"


def owner_of(name: str, variant: str | None, reference: str) -> tuple[str, Node]:
    """The one shipped spec that has the variant `name`, and its root.

    `ModelReferenceError` where there is none, or `reference` names another `variant` beside.
    """
    names = model_names()
    owners, broken = _owners(names, name)
    if len(owners) == 1 and variant is None:
        return next(iter(owners.items()))
    if len(owners) > 1:
        full = [f"{owner}:{name}" for owner in owners]
        raise ModelReferenceError(
            Problem(f"`{name}` is a variant of several models", hint=f"say {one_of(full)}")
        )
    if broken:
        raise broken[0]  # the variant may be in there
    if os.path.exists(name + ".yaml"):  # False for a name that no file can have
        hint: str | None = f"for the file write {name}.yaml"
    else:
        hint = did_you_mean(name, [*names, *_all_variants(specs_folder(), names)])
    raise ModelReferenceError(
        Problem(
            f"there is no model `{reference}`",
            hint=hint or "`mnet-cost models` lists the models; a file ends in .yaml",
        )
    )


def _owners(names: Iterable[str], variant: str) -> tuple[dict[str, Node], list[SpecError]]:
    """The shipped specs with that variant, read; errors of files in which it may be."""
    owners, broken = {}, []
    for name in names:
        try:
            source = read_text(model_path(name))
            # Reading all files as YAML would take the time of ten analyses.
            if _may_have_key(source.text, variant):
                root = parse_yaml(source)
                if variant in variants_of(root):
                    owners[name] = root
        except SpecError as error:
            broken.append(error)
    return owners, broken


def _may_have_key(text: str, key: str) -> bool:
    """Whether a YAML text may have that key, a name without blanks and quotes.

    A key stands there as it is and a colon follows, unless a backslash spells it otherwise or a
    question mark starts it.
    """
    if "\\" in text or ("?" in text and _EXPLICIT_KEY.search(text)):
        return True
    return key in text and re.search(rf"{re.escape(key)}[\"']?\s*:", text) is not None


@cache
def _all_variants(folder: Path, names: tuple[str, ...]) -> tuple[str, ...]:
    """For hints about other names, of which a table of measurements can ask for hundreds."""
    variants: list[str] = []
    for name in names:
        with suppress(SpecError):
            variants += variants_of(read_yaml(str(folder / f"{name}.yaml")))
    return tuple(variants)


def variants_of(root: Node) -> Mapping[str, Node]:
    """The patches of a file by name; none where it has no variants or they have a problem."""
    node = root.value.get("variants") if isinstance(root.value, dict) else None
    return node.value if node is not None and isinstance(node.value, dict) else {}
