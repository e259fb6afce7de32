"""The parts of the site that are written from the code: `write_reference(folder)` and
`write_live_page(folder)`.

Each page is Markdown (MyST) made from what the program itself uses: the parser of the command line,
the layer kinds, the device profiles, the counting conventions, the JSON Schema, the public names.
Nothing here says anything of its own about them.
"""

from __future__ import annotations

import argparse
import inspect
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import mnet_cost
from mnet_cost.analysis.conventions import CONVENTIONS
from mnet_cost.cli import build_parser, main
from mnet_cost.devices import CLASSES, KERNEL_RULES, DeviceProfile, device_names, load_device
from mnet_cost.layers import FAMILIES, KINDS, LAYERS, Layer
from mnet_cost.models.schema import json_schema
from mnet_cost.report.layers import layer_report
from mnet_cost.report.schema_ids import VERSIONS
from mnet_cost.report.schemas import document_schema


def write_reference(folder: Path) -> None:
    """Write all pages into `folder`; a page that did not change keeps its date."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = dict(pages_of_the_reference())
    for stale in folder.iterdir():
        if stale.name not in pages:
            stale.unlink()
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


LIVE_PAGE = "explore_mobilenet_v1.html"
_LIVE_DEVICES = ("pixel_1_tflite", "raspberry_pi_4_ncnn", "stm32l4r5_tflm", "jetson_nano", "h100")


def write_live_page(folder: Path) -> None:
    """Write the page of `mnet-cost explore` about MobileNet V1, as a file of the site."""
    folder.mkdir(parents=True, exist_ok=True)
    mnet_cost.explore("mobilenet_v1", devices=_LIVE_DEVICES).write(folder / LIVE_PAGE)


def pages_of_the_reference() -> Iterator[tuple[str, str]]:
    """(file name, text) of each page."""
    yield "commands.md", commands()
    yield "layers.md", layers()
    yield "schema.md", schema()
    yield "documents.md", documents()
    yield "python.md", python()
    yield "conventions.inc", conventions()
    yield "kernel_rules.inc", kernel_rules()
    yield "devices.md", devices()
    for name in CLASSES:
        yield f"devices_{name}.md", devices_of_class(name)


def escaped(text: str) -> str:
    """Text with what Markdown would read as a mark escaped, code in backticks apart."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(
        part if i % 2 else re.sub(r"([\\*_<>|\[\]{}$~])", r"\\\1", part)
        for i, part in enumerate(parts)
    )


def table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table of texts that are Markdown already."""
    titles = list(titles)
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def commands() -> str:
    """Every command with its arguments and options, from the parser."""
    parser = build_parser()
    parser.format_help()  # which fills the lists in help texts
    text = [
        "# Commands",
        "",
        f"{parser.description} `python -m mnet_cost` is the same program.",
        "",
    ]
    text += [
        "Every command that reads a network takes a [model reference](../models.md); every command",
        "that prints a report takes `--format` and `--output` ([formats](../formats.md)); the exit",
        "status is listed [there](../formats.md), too. `mnet-cost COMMAND --help` prints what",
        "follows.",
        "",
    ]
    for name, command in _commands(parser).items():
        text += _command(name, command)
    return "\n".join(text) + "\n"


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    raise AssertionError("the parser has no commands")


def _command(name: str, command: argparse.ArgumentParser) -> list[str]:
    command.format_help()  # which fills the lists in help texts
    example = (command.epilog or "").removeprefix("example: ")
    text = [
        f"(command-{name})=",
        f"## {name}",
        "",
        escaped(command.description or ""),
        "",
        "```sh",
        *example.split("; "),
        "```",
        "",
        f"```{{program}} mnet-cost {name}",
        "```",
        "",
    ]
    for group in command._action_groups:
        actions = [action for action in group._group_actions if action.dest != "help"]
        if not actions:
            continue
        if group.title and group.title not in ("options", "positional arguments"):
            text += [f"**{group.title.capitalize()}**", ""]
        for action in actions:
            text += _action(action)
    return text


def _action(action: argparse.Action) -> list[str]:
    meaning = escaped(action.help or "")
    if not action.option_strings:
        shown = str(action.metavar or action.dest)
        if action.nargs in ("*", "?"):
            shown = f"[{shown}{' ...' if action.nargs == '*' else ''}]"
        elif action.nargs == "+":
            shown += " ..."
        return [f"`{shown}`", f": {meaning}", ""]
    value = ""
    if action.nargs != 0:
        named = action.metavar or "{" + ",".join(map(str, action.choices or ())) + "}"
        value = f" {named}" + (" ..." if action.nargs == "+" else "")
    head = ", ".join(option + value for option in action.option_strings)
    return [f"````{{option}} {head}", meaning, "````", ""]


def printed(*arguments: str) -> str:
    """What a command prints as Markdown, with headings one level further down."""
    out = StringIO()
    with redirect_stdout(out):
        status = main([*arguments, "--format", "markdown"])
    assert status == 0, arguments
    lines = [line for line in out.getvalue().splitlines() if line.strip() != "###"]
    return "\n".join(re.sub(r"^## ", "### ", re.sub(r"^### ", "**", line)) for line in lines)


def layers() -> str:
    """Every layer kind: fields, and the rules that its documentation states."""
    text = [
        "# Layer kinds",
        "",
        f"The {len(LAYERS)} kinds of layers that a spec can name. `mnet-cost layers KIND` prints",
        "the same. *inputs* is how many tensors a layer reads. What the formulas count is in",
        "[what is counted](../../explanation/counts.md).",
        "",
    ]
    for family, kinds in FAMILIES.items():
        text += [f"## {family}", ""]
        for kind in kinds:
            text += [f"(kind-{kind})=", _layer(KINDS[kind]), ""]
    return "\n".join(text) + "\n"


def _layer(kind: type[Layer]) -> str:
    """Its summary, its fields and its rules: a line `Shapes  ...` of its docstring is a row."""
    (fields,) = layer_report(kind.kind).tables
    summary, *lines = (inspect.getdoc(kind) or "").splitlines()
    least, most = kind.arity
    inputs = f"{least} or more" if most is None else str(most)
    rows: list[list[str]] = [["Inputs", inputs]]
    prose = []
    for line in lines:
        labelled = re.fullmatch(r"(\S.*?)\s{2,}(.*)", line)
        if labelled:
            rows.append([labelled[1], labelled[2]])
        elif line.startswith(" ") and len(rows) > 1:
            rows[-1][1] += " " + line.strip()
        else:
            prose.append(escaped(line))
    text = [f"### {kind.kind}", "", escaped(summary), *prose, ""]
    if fields.rows:
        titles = [column.title for column in fields.columns]
        text += [table(titles, [[escaped(str(cell)) for cell in row] for row in fields.rows])]
    return "\n".join([*text, table(["", ""], [[label, escaped(rule)] for label, rule in rows])])


def _bold_headings(lines: Iterable[str]) -> list[str]:
    return [f"{line}**" if line.startswith("**") else line for line in lines]


def devices() -> str:
    """A list of all profiles, by class, with links to their numbers."""
    profiles = [load_device(name) for name in device_names()]
    text = [
        "# Devices",
        "",
        f"The {len(profiles)} profiles that come with the program. *basis* says what a profile",
        "rests on: a `datasheet`, or published times of the device, to which it is `fitted`. A",
        "profile whose name ends in a runtime is of that runtime alone.",
        "`mnet-cost devices NAME` prints one with the source of every number, as the pages of the",
        "classes have it. How to [write one](../../how-to/device_profile.md).",
        "",
        "```{toctree}",
        ":maxdepth: 1",
        "",
        *(f"devices_{name}" for name in CLASSES),
        "```",
        "",
    ]
    for name in CLASSES:
        some = [profile for profile in profiles if profile.device_class == name]
        text += [f"## {name.capitalize()}", "", table(*_device_rows(some, name)), ""]
    return "\n".join(text) + "\n"


def _device_rows(
    profiles: Iterable[DeviceProfile], device_class: str
) -> tuple[list[str], list[list[str]]]:
    rows = [
        [
            f"[{profile.name}](#device-{profile.name})",
            escaped(profile.title),
            profile.basis,
            profile.runtime,
            str(profile.threads),
        ]
        for profile in profiles
    ]
    return ["name", "device", "basis", "runtime", "threads"], rows


def devices_of_class(device_class: str) -> str:
    """All numbers of the profiles of a class, each with its source."""
    text = [f"# Class {device_class}: all numbers", ""]
    for name in device_names():
        profile = load_device(name)
        if profile.device_class == device_class:
            lines = printed("devices", name).splitlines()
            text += [f"(device-{name})=", f"## {name}", "", *_bold_headings(lines[1:]), ""]
    return "\n".join(text) + "\n"


def conventions() -> str:
    """The counting conventions, and what each counts for MobileNet V1."""
    model = mnet_cost.load_model("mobilenet_v1")
    rows = []
    for convention in CONVENTIONS:
        analysis = mnet_cost.analyze(model, convention=convention.name)
        rows.append(
            [
                f"`{convention.name}`",
                escaped(convention.summary),
                f"{analysis.totals.mult_adds:,}",
                escaped(convention.source),
            ]
        )
    return table(["name", "what is counted", "mult-adds of `mobilenet_v1`", "source"], rows)


def kernel_rules() -> str:
    """The words of `kernels` in a profile."""
    rows = ([f"`{word}`", escaped(meaning)] for word, meaning in KERNEL_RULES.items())
    return table(["word", "what the runtime does"], rows)


def schema() -> str:
    """The keys of a spec, and the whole JSON Schema."""
    document = json_schema()
    required = document["required"]
    rows = [
        [
            f"`{name}`",
            "required" if name in required else "",
            escaped(value.get("description", "")),
        ]
        for name, value in document["properties"].items()
    ]
    definitions: dict[str, Any] = document["$defs"]
    # The kinds are in the page of the layers; they are two thirds of the document.
    short = {
        **document,
        "$defs": {key: definitions[key] for key in definitions if _is_no_kind(key)},
    }
    return "\n".join(
        [
            "# JSON Schema of specs",
            "",
            "Editors check and complete a spec that starts with",
            "`# yaml-language-server: $schema=./schema.json`; `mnet-cost schema -o schema.json`",
            "writes the file. The keys of a spec:",
            "",
            table(["key", "", "meaning"], rows),
            "The document, without the definitions of the [layer kinds](layers.md):",
            "",
            "```json",
            json.dumps(short, indent=1, ensure_ascii=False),
            "```",
            "",
        ]
    )


def documents() -> str:
    """The keys of every JSON document, from its schema."""
    text = [
        "# JSON documents",
        "",
        "What `--format json` prints. Every document names its schema and version in `schema`.",
        "`mnet-cost schema --of NAME` prints the JSON Schema itself. `a.b` is the key `b` of the",
        "object `a`, `a[]` each item of a list, `a.*` each value of an object whose keys are",
        "names. Numbers are plain; what is unknown is `null`.",
        "",
    ]
    for name, version in VERSIONS.items():
        document = document_schema(name)
        text += [f"(document-{name})=", f"## {name}, version {version}", ""]
        text += [escaped(document["description"]), ""]
        text += [table(["key", "type", "meaning"], _keys(document)), ""]
    return "\n".join(text)


def _keys(schema: Any, path: str = "") -> Iterator[list[str]]:
    """A row for each key below a part of a schema."""
    inner = {path + "[]": schema["items"]} if "items" in schema else {}
    more = schema.get("additionalProperties")
    if isinstance(more, dict):
        inner[f"{path}.*"] = more
    for key, part in schema.get("properties", {}).items():
        inner[f"{path}.{key}" if path else key] = part
    for place, part in inner.items():
        if "description" in part:
            yield [f"`{place}`", _type_of(part), escaped(part["description"])]
        yield from _keys(part, place)


def _type_of(schema: Any) -> str:
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    types = schema.get("type", "any value")
    return types if isinstance(types, str) else " or ".join(types)


def _is_no_kind(definition: str) -> bool:
    return not any(kind.kind in definition for kind in LAYERS)


def python() -> str:
    """The public names of the package, each by autodoc."""
    text = [
        "# Python API",
        "",
        "What `import mnet_cost` offers. Nothing heavy is imported before a name that needs it is",
        "used: neither NumPy nor torch is loaded by `analyze`.",
        "",
    ]
    names = [name for name in mnet_cost.__all__ if not name.startswith("__")]
    functions = [name for name in names if name[0].islower()]
    for title, some in (
        ("Functions", functions),
        ("Types", [name for name in names if name not in functions]),
    ):
        text += [f"## {title}", "", "```{eval-rst}"]
        for name in some:
            value = getattr(mnet_cost, name)
            if isinstance(value, type):
                text += [f".. autoclass:: mnet_cost.{name}", "   :members:", ""]
            elif callable(value):
                text += [f".. autofunction:: mnet_cost.{name}", ""]
            else:
                text += [f".. py:data:: mnet_cost.{name}", ""]
                text += [f"   A {type(value).__name__} of {len(value)} items.", ""]
        text += ["```", ""]
    return "\n".join(text)
