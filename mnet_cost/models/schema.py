"""JSON Schema of model files, made from `LAYERS`, so that editors complete and explain.

Names of blocks are free, so an unknown kind passes; the fields of built-in kinds are checked.
Not here: references, names in expressions, and files that give a built-in kind's name to a
block of their own; the loader knows about those.
"""

from __future__ import annotations

from inspect import cleandoc
from typing import Any

from mnet_cost.layers import KINDS, LAYERS, SHORT_FORMS, Layer, names_of
from mnet_cost.layers.fields import EXPRESSION_SCHEMA, Json, LayerField, fields_of
from mnet_cost.models.published import ACCURACIES, COUNTS, FIGURES
from mnet_cost.models.sections import FORMAT, REQUIRED
from mnet_cost.models.types import MAX_BLOCK_DEPTH, MAX_COPIES, MODIFIERS, RESERVED
from mnet_cost.models.variants import PATCHED
from mnet_cost.tensors import DTYPES, LAYOUTS

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
_MODEL_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
_REFERENCE = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*(\.\*)?$"
_COUNT = r"^ *[0-9]+(\.[0-9]+)? ?[kMGT]? *$"
_PERCENT = r"^ *[0-9]+(\.[0-9]+)? *$"
_DEFINITION = r"^[A-Za-z_][A-Za-z0-9_]*\s*(\([^()]*\))?$"


def json_schema() -> Json:
    """The schema of model files, draft 2020-12."""
    sections = _sections()
    network = {section: sections[section] for section in PATCHED}
    # Editors explain a key by what stands in `properties`, whatever decides about its value.
    described = {section: {"description": network[section]["description"]} for section in PATCHED}
    return {
        "$schema": DIALECT,
        "title": "mnet-cost model",
        "description": "A vision network for mnet-cost.",
        "type": "object",
        "required": [section for section in REQUIRED if section not in PATCHED],
        "additionalProperties": False,
        "properties": sections | described,
        "if": {"required": ["extends"]},
        "then": {"properties": _patches()},
        "else": {
            "required": [section for section in REQUIRED if section in PATCHED],
            "properties": network,
        },
        "$defs": {
            "name": {"type": "string", "pattern": _NAME, "not": {"enum": sorted(RESERVED)}},
            "reference": {
                "description": "`previous`, `input`, an earlier id, a path like `stage.2.conv`, "
                "or among inputs `stage.*`, all copies.",
                "type": "string",
                "pattern": _REFERENCE,
            },
            "computed": {
                "description": "An expression, or {choose: [...]}.",
                "anyOf": [EXPRESSION_SCHEMA, {"$ref": "#/$defs/choice"}],
            },
            "choice": {
                "description": "A choice of its own at each place where it is reached.",
                "type": "object",
                "required": ["choose"],
                "additionalProperties": False,
                "properties": {"choose": {"type": "array", "minItems": 1}},
            },
            "value": {
                "anyOf": [
                    {"type": ["number", "boolean"]},
                    _ref("computed"),
                    {"type": "array", "items": _ref("value")},
                ]
            },
            "knob": _knob(),
            "input": _input(),
            "block": _block(),
            "entries": {"type": "array", "items": _ref("entry")},
            "entry": _entry(),
            "variant": _variant(),
            "published": _published(),
            "budget": _budget(),
            **{_definition(layer): _kind(layer) for layer in _callable_kinds()},
        },
    }


def _ref(definition: str, description: str = "") -> Json:
    reference = {"$ref": f"#/$defs/{definition}"}
    return {"description": description, **reference} if description else reference


def _mapping(description: str, values: Json, names: Json | None = None) -> Json:
    return {
        "description": description,
        "type": ["object", "null"],
        "propertyNames": names or _ref("name"),
        "additionalProperties": values,
    }


def _sections() -> Json:
    return {
        "format": {"description": "Version of this language.", "const": FORMAT},
        "name": {
            "description": "Name of the model.",
            "type": "string",
            "pattern": _MODEL_NAME,
        },
        "source": {
            "description": "Where the network is published.",
            "type": "string",
            "pattern": r"\S",
        },
        "extends": {
            "description": "A model, by name or path, whose network this one is but for what it "
            "changes. Parts are then patches, as in a variant.",
            "type": "string",
            "pattern": r"\S",
        },
        "precision": {
            "description": "Of layers and inputs that state none; an analysis has no other.",
            "enum": list(DTYPES),
        },
        "knobs": _mapping("Numbers and words that a user may set.", _ref("knob")),
        "let": _mapping(
            "Names and one-line functions: `size: round(resolution * rho)`, "
            "`width(channels): floor(channels * alpha)`. May use knobs and what stands above.",
            _ref("value"),
            {"pattern": _DEFINITION},
        ),
        "input": {
            **_mapping("Inputs by name, without the batch: `[channels, height, width]`.", {}),
            "type": "object",
            "minProperties": 1,
            "additionalProperties": _ref("input"),
        },
        "blocks": _mapping("Named lists of layers, with arguments.", _ref("block")),
        "layers": {
            **_ref("entries", "The network, from input to output."),
            "minItems": 1,
        },
        "outputs": {
            "description": "References to what the network gives; by default the last entry.",
            "type": "array",
            "minItems": 1,
            "items": _ref("reference"),
        },
        "variants": _mapping(
            "Patches by name: mappings merge key by key, anything else replaces, null removes.",
            _ref("variant"),
            {"pattern": _MODEL_NAME},
        ),
        "published": _mapping(
            "What is printed elsewhere, by source: rows of figures, each for one setting.",
            {"type": "array", "minItems": 1, "items": _ref("published")},
            {"pattern": r"\S"},
        ),
        "budgets": {
            "description": "What the network may cost: `mnet-cost check` says whether it does.",
            "type": "array",
            "minItems": 1,
            "items": _ref("budget"),
        },
    }


def _knob() -> Json:
    value = {"anyOf": [{"type": ["number", "boolean"]}, {"type": "string", "pattern": _NAME}]}
    values = {"type": "array", "minItems": 1, "items": value}
    return {
        "anyOf": [
            value,
            {
                "type": "object",
                "required": ["default"],
                "additionalProperties": False,
                "properties": {
                    "default": {"description": "Its value when nobody sets it.", **value},
                    "choices": {"description": "The only values that it may take.", **values},
                    "multiple_of": {
                        "description": "A number that divides each of its values.",
                        "type": "integer",
                        "minimum": 1,
                    },
                    "published": {"description": "Values that a publication has.", **values},
                    "help": {"description": "What it is."},
                },
            },
        ]
    }


def _input() -> Json:
    size = {"anyOf": [{"type": "number", "minimum": 1}, _ref("computed")]}
    sizes = {"type": "array", "minItems": 1, "items": size}
    return {
        "anyOf": [
            sizes,
            {
                "type": "object",
                "required": ["shape"],
                "additionalProperties": False,
                "properties": {
                    "shape": {"description": "Sizes, without the batch.", **sizes},
                    "dtype": {
                        "description": "How its elements are stored; "
                        "by default as the precision of the spec or of the analysis.",
                        "enum": list(DTYPES),
                    },
                    "layout": {
                        "description": "What the axes are: image [..., channels, height, width], "
                        "sequence [..., length, features], signal [..., channels, length] or "
                        "volume [..., channels, depth, height, width].",
                        "enum": list(LAYOUTS),
                    },
                },
            },
        ]
    }


def _block() -> Json:
    return {
        "description": "A list of layers with arguments, or the name of a block or kind.",
        "type": ["object", "string"],
        "required": ["layers"],
        "additionalProperties": False,
        "properties": {
            "input": {
                "description": "Names of its inputs, if it has several.",
                "type": "array",
                "minItems": 2,
                "items": _ref("name"),
            },
            "arguments": _mapping("Default of each argument, or `required`.", _ref("value")),
            "recursion": {
                "description": "The most calls of the block inside one another, if it uses itself.",
                "type": "integer",
                "minimum": 1,
                "maximum": MAX_BLOCK_DEPTH,
            },
            "layers": _ref("entries"),
        },
    }


def _callable_kinds() -> list[type[Layer]]:
    """All kinds and short forms."""
    return [*LAYERS, *[KINDS[word] for words in SHORT_FORMS.values() for word in words]]


def _entry() -> Json:
    kinds = {
        name: _ref(_definition(layer), "" if name == layer.kind else f"The same as {layer.kind}.")
        for layer in _callable_kinds()
        for name in names_of(layer.kind)
    }
    never_bare = [
        name
        for layer in _callable_kinds()
        for name in names_of(layer.kind)
        if layer.arity[0] > 1 or _required(layer)
    ]
    return {
        "description": "A layer or block: a word, or `kind: {fields}` with modifiers.",
        "type": ["string", "object"],
        "pattern": _NAME,
        "propertyNames": {"pattern": _NAME},
        # A word alone is no kind that needs fields or inputs; modifiers alone are no entry.
        "not": {
            "anyOf": [
                {"enum": never_bare},
                {"type": "object", "propertyNames": {"enum": list(MODIFIERS)}},
            ]
        },
        "maxProperties": 1 + len(MODIFIERS),
        "properties": {
            "id": _ref("name", "Its name, for references and reports."),
            "from": {
                "description": "Its input, or list of inputs; by default `previous`.",
                "anyOf": [_ref("reference"), {**_references(), "minItems": 1}],
            },
            "when": {
                "description": "Whether it is there.",
                "anyOf": [{"type": "boolean"}, _ref("computed")],
            },
            "repeat": {
                "description": "How many copies in a row.",
                "anyOf": [
                    {"type": "integer", "minimum": 0, "maximum": MAX_COPIES},
                    _ref("computed"),
                ],
            },
            "weights_of": _ref(
                "reference", "An earlier layer whose trained matrix is its kernel as well."
            ),
            "precision": {
                "description": "Of its output and of its weights, where others have another.",
                "enum": list(DTYPES),
            },
            "layers": _ref("entries", "An anonymous block; it sees the names around it."),
            "use": _ref("reference", "An earlier layer or block once more, with its weights."),
            **kinds,
        },
    }


def _references() -> Json:
    return {"type": "array", "items": _ref("reference")}


def _variant() -> Json:
    return {
        "description": "What a variant changes; nothing in one that only gives a name.",
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": _patches(),
    }


def _patches() -> Json:
    """The parts of a variant, and of a file that extends another."""
    patches: Json = {section: {"type": ["object", "null"]} for section in PATCHED}
    patch = {"type": ["object", "string", "array", "null"]}  # of an entry; null removes it
    patches["layers"] = {"type": ["object", "array"], "additionalProperties": patch}
    patches["precision"] = {"enum": [*DTYPES, None]}
    patches["outputs"] = {"type": "array", "minItems": 1, "items": _ref("reference")}
    return patches


def _published() -> Json:
    count = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": _COUNT}]}
    percent = {
        "anyOf": [
            {"type": "number", "minimum": 0, "maximum": 100},
            {"type": "string", "pattern": _PERCENT},
        ]
    }
    return {
        "description": "Figures that one source prints for one setting.",
        "type": "object",
        "additionalProperties": False,
        "anyOf": [{"required": [name]} for name in FIGURES],
        "properties": {
            "variant": {
                "description": "The variant that the figures are about.",
                "type": "string",
                "pattern": _MODEL_NAME,
            },
            "at": {
                "description": "Values of knobs; the others are at their defaults.",
                "type": "object",
                "propertyNames": _ref("name"),
                "additionalProperties": {"type": ["number", "boolean", "string"]},
            },
            "dataset": {
                "description": "What the accuracies are measured on, where that is not ImageNet "
                "for top-1 and top-5 or COCO for AP.",
                "type": "string",
                "pattern": r"\S",
            },
            "note": {"description": "What else is to be said.", "type": "string", "pattern": r"\S"},
            **{
                name: {"description": f"{title}, as printed: `569 M`, `3504872`.", **count}
                for name, title in COUNTS.items()
            },
            **{
                name: {"description": f"{title} in percent, as printed: `70.6`.", **percent}
                for name, title in ACCURACIES.items()
            },
        },
    }


def _budget() -> Json:
    amount = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"[0-9]"}]}
    value = {"type": ["number", "boolean", "string"]}
    word = {"type": "string", "pattern": r"\S"}
    words = {"anyOf": [word, {"type": "array", "minItems": 1, "items": word}]}
    return {
        "description": "Limits on metrics by their names, each with a unit: `latency: 20 ms`, "
        "`params: 4.3 M`, `peak_memory: 320 KiB`.",
        "type": "object",
        "propertyNames": {"pattern": _NAME},
        "additionalProperties": amount,
        "properties": {
            "variant": {"description": "The variant that it is about.", **word},
            "at": {
                "description": "Values of knobs, the others at their defaults. Of several, as in "
                "`0.25:1.0:0.25` or `[128, 224]`, the limits hold for all.",
                "type": "object",
                "additionalProperties": {
                    "anyOf": [value, {"type": "array", "minItems": 1, "items": value}]
                },
            },
            "device": {"description": "Device profiles, by name or path.", **words},
            "precision": {
                "description": "Precisions; by default that of the spec, else fp32.",
                **words,
            },
            "part": {"description": "A layer, block or entry by its path.", **word},
            "warn": {
                "description": "Limits over which there is a warning.",
                "type": "object",
                "propertyNames": {"pattern": _NAME},
                "additionalProperties": amount,
            },
            "reason": {"description": "Why these limits.", **word},
        },
    }


def _definition(layer: type[Layer]) -> str:
    return f"kind_{layer.kind}"


def _required(layer: type[Layer]) -> list[str]:
    return [field.name for field in fields_of(layer).values() if field.required]


def _kind(layer: type[Layer]) -> Json:
    """Fields of one kind; without required ones a list of inputs may stand in their place."""
    required = _required(layer)
    least, most = layer.arity
    schema: Json = {
        "description": cleandoc(layer.__doc__ or ""),
        "type": "object",
        "additionalProperties": False,
        "properties": {name: _field(field) for name, field in fields_of(layer).items()},
    }
    if required:
        return schema | {"required": required}
    schema["type"] = ["object", "array", "null"]
    schema["items"] = _ref("reference")
    schema["minItems"] = max(1, least)
    return schema if most is None else schema | {"maxItems": most}


def _field(field: LayerField) -> Json:
    described: Json = {"description": f"{field.help} ({field.kind.describe()})"}
    if field.default is not None:
        described["default"] = field.default
    return described | {"anyOf": [_with_choices(field.kind.schema()), _ref("computed")]}


def _with_choices(schema: Any) -> Any:
    """A schema of values in which a choice may stand wherever an expression may."""
    if schema == EXPRESSION_SCHEMA:
        return _ref("computed")
    if isinstance(schema, dict):
        return {key: _with_choices(value) for key, value in schema.items()}
    return [_with_choices(item) for item in schema] if isinstance(schema, list) else schema
